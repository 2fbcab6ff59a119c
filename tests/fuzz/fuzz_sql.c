// Any text as SQL, on a small database in memory. Every statement of it is compiled, run, its
// values read in each form; errors are as good an answer as rows. The first byte chooses encoding
// and page size.
//
// An input is kept short in steps, time and memory: what takes long is no finding here. It gets no
// files: nothing can be attached, and what opens a file by name is refused by the authorizer.

#include "fuzz.h"
#include "sqlite3.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    STEP_UNIT = 200,      // instructions between two looks at the limits
    STEP_UNITS = 5000,    // of them in one input
    RUN_MS = 100,         // for one input
    HEAP_MAX = 64 << 20,  // bytes in use at once
    LENGTH_MAX = 200000,  // of one value
    STATEMENTS_MAX = 200, // of one input
};

static const char schema[] =
    "CREATE TABLE t1(a INTEGER PRIMARY KEY, b TEXT UNIQUE, c REAL, d BLOB, e AS (a+1));"
    "CREATE TABLE t2(x, y COLLATE NOCASE, z NUMERIC, PRIMARY KEY(x, y)) WITHOUT ROWID;"
    "CREATE TABLE t3(k INTEGER REFERENCES t1(a) ON DELETE CASCADE, v ANY) STRICT;"
    "CREATE INDEX i1 ON t1(c DESC, b); CREATE INDEX i2 ON t2(z) WHERE z > 1;"
    "CREATE INDEX i3 ON t3(lower(v));"
    "CREATE VIEW v1 AS SELECT a, b, y FROM t1 LEFT JOIN t2 ON b = x;"
    "CREATE TRIGGER r1 AFTER INSERT ON t3 BEGIN UPDATE t1 SET d = new.v WHERE a = new.k; END;"
    "INSERT INTO t1(a, b, c, d) VALUES(1,'one',1.5,x'00ff'),(2,'two',-2.0,NULL),(3,NULL,3e300,'3'),"
    " (9223372036854775807,'{\"a\":[1,2,{\"b\":null}]}',0.1,zeroblob(20));"
    "INSERT INTO t2 VALUES('one','A',1),('two','b',2.5),('2024-02-29','c','12'),(4,x'61',NULL);"
    "INSERT INTO t3 VALUES(1,'x'),(1,'Y'),(2,3.5),(NULL,x'41');";

typedef struct Limits {
    long steps;
    struct timespec start;
} Limits;

static int over_limit(void *arg)
{
    Limits *limits = arg;
    if (++limits->steps > STEP_UNITS)
        return 1;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    long ms = (long)(now.tv_sec - limits->start.tv_sec) * 1000
              + (now.tv_nsec - limits->start.tv_nsec) / 1000000;
    return ms > RUN_MS;
}

// Files are none of this target's business; nor is a limit that would outlive the input.
static int refuse_files(void *arg, int action, const char *first, const char *second,
                        const char *database, const char *trigger)
{
    static const char *const pragmas[] = {"hard_heap_limit", "soft_heap_limit",
                                          "temp_store_directory", "data_store_directory"};
    (void)arg;
    (void)database;
    (void)trigger;
    if (action == SQLITE_ATTACH)
        return SQLITE_DENY;
    if (action == SQLITE_CREATE_VTABLE && second != NULL && sqlite3_stricmp(second, "csv") == 0)
        return SQLITE_DENY;
    for (size_t i = 0; action == SQLITE_PRAGMA && i < sizeof pragmas / sizeof *pragmas; i++) {
        if (first != NULL && sqlite3_stricmp(first, pragmas[i]) == 0)
            return SQLITE_DENY;
    }
    return SQLITE_OK;
}

static volatile unsigned sink; // keeps what is read from being optimised away

static void read_row(sqlite3_stmt *stmt)
{
    for (int i = 0; i < sqlite3_column_count(stmt); i++) {
        bool is_blob = sqlite3_column_type(stmt, i) == SQLITE_BLOB;
        const unsigned char *bytes =
            is_blob ? sqlite3_column_blob(stmt, i) : sqlite3_column_text(stmt, i);
        int size = sqlite3_column_bytes(stmt, i);
        for (int at = 0; bytes != NULL && at < size; at++)
            sink += bytes[at];
        const unsigned char *text = sqlite3_column_text(stmt, i);
        if (text != NULL)
            sink += (unsigned)strlen((const char *)text);
        sink += (unsigned)sqlite3_column_int64(stmt, i);
        (void)sqlite3_column_text16(stmt, i);
        (void)sqlite3_column_name(stmt, i);
        (void)sqlite3_column_decltype(stmt, i);
    }
}

static void bind_all(sqlite3_stmt *stmt)
{
    for (int i = 1; i <= sqlite3_bind_parameter_count(stmt) && i <= 5; i++) {
        if (i % 2 == 1)
            sqlite3_bind_int(stmt, i, i);
        else
            sqlite3_bind_text(stmt, i, "bound", -1, SQLITE_STATIC);
    }
}

static void run_all(sqlite3 *db, const char *sql)
{
    for (int i = 0; i < STATEMENTS_MAX && sql != NULL && *sql != 0; i++) {
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, &sql);
        if (rc != SQLITE_OK) {
            (void)sqlite3_errmsg(db);
            (void)sqlite3_error_offset(db);
            // Go on behind the error, as a shell does.
            const char *end = sql != NULL ? strchr(sql, ';') : NULL;
            sql = end != NULL ? end + 1 : NULL;
            continue;
        }
        bind_all(stmt);
        while (sqlite3_step(stmt) == SQLITE_ROW)
            read_row(stmt);
        sqlite3_free(sqlite3_expanded_sql(stmt));
        (void)sqlite3_normalized_sql(stmt);
        sqlite3_finalize(stmt);
    }
}

static sqlite3 *open_database(unsigned char options, Limits *limits)
{
    sqlite3 *db = NULL;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK)
        abort();
    char text[100];
    static const char *const encodings[] = {"UTF-8", "UTF-16le", "UTF-16be", "UTF-8"};
    snprintf(text, sizeof text, "PRAGMA encoding='%s'; PRAGMA page_size=%d; PRAGMA foreign_keys=%d",
             encodings[options & 3], 512 << (options >> 2 & 3), options >> 4 & 1);
    sqlite3_exec(db, text, NULL, NULL, NULL);
    if ((options & 0x20) == 0)
        sqlite3_exec(db, schema, NULL, NULL, NULL);
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_VDBE_OP, 100000);
    sqlite3_set_authorizer(db, refuse_files, NULL);
    *limits = (Limits){0};
    clock_gettime(CLOCK_MONOTONIC, &limits->start);
    sqlite3_progress_handler(db, STEP_UNIT, over_limit, limits);
    return db;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    char *sql = malloc(size);
    if (sql == NULL)
        return 0;
    memcpy(sql, data + 1, size - 1);
    sql[size - 1] = 0;
    sqlite3_hard_heap_limit64(HEAP_MAX);
    Limits limits;
    sqlite3 *db = open_database(data[0], &limits);
    run_all(db, sql);
    if (sqlite3_close(db) != SQLITE_OK)
        abort();
    free(sql);
    return 0;
}
