// Random SQL, and digests of databases. See workload.h.
#include "support/workload.h"

#include "base/contract.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { TABLES = 8, SQL_CAPACITY = 64 * 1024 };

// Long real numbers are never made text: how many digits they then have depends on the version of
// the library.
//
// The shapes. All have the columns a, b, c and d, which every statement names.
static const char *const shapes[TABLES] = {
    "CREATE TABLE IF NOT EXISTS w0(a INTEGER PRIMARY KEY, b, c TEXT, d BLOB)",
    "CREATE TABLE IF NOT EXISTS w1(a TEXT, b INT, c, d, PRIMARY KEY(a, b)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS w2(a INTEGER PRIMARY KEY AUTOINCREMENT, b UNIQUE, c, d)",
    "CREATE TABLE IF NOT EXISTS w3(a, b, c, d)",
    "CREATE TABLE IF NOT EXISTS w4(a INT UNIQUE, b TEXT COLLATE NOCASE, c REAL DEFAULT 1.5, d,"
    " CHECK(typeof(b) <> 'blob'))",
    "CREATE TABLE IF NOT EXISTS w5(a INTEGER PRIMARY KEY, b, c, d,"
    " e AS (a || typeof(d) || substr(d, 1, 40)) STORED)",
    "CREATE TABLE IF NOT EXISTS w6(d, c, b NOT NULL DEFAULT 'none', a INT PRIMARY KEY DESC)"
    " WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS w7(a INTEGER PRIMARY KEY, b REAL, c NUMERIC, d)",
};

static const char *const keys[] = {
    "b", "c, a", "b DESC, c", "length(d)", "d", "c COLLATE NOCASE, b", "a, b, c, d", "abs(b)",
};

static u64 below(Workload *w, u64 limit)
{
    return prng_below(&w->prng, limit);
}

static bool one_in(Workload *w, u64 n)
{
    return below(w, n) == 0;
}

static void add(Workload *w, const char *format, ...) PRINTF_LIKE(2, 3);
static void add(Workload *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(w->sql + w->size, SQL_CAPACITY - w->size, format, args);
    va_end(args);
    w->size += (size_t)n;
    if (w->size >= SQL_CAPACITY)
        give_up("a random statement is too long");
}

// --- values ---

// Mostly small; now and then some overflow pages' worth.
static int value_size(Workload *w)
{
    u64 dice = below(w, 200);
    u64 size = dice == 0 ? below(w, 150000) : dice < 6 ? below(w, 20000) : below(w, 1500);
    if (dice > 30)
        size = below(w, 60);
    return (int)(size * (u64)w->value_scale / 100);
}

static void add_text(Workload *w)
{
    static const char *const words[] = {
        "tea",   "Ink", "\xc3\xa9t\xc3\xa9", "\xe6\xbc\xa2\xe5\xad\x97", "\xf0\x9f\x99\x82", "",
        "it''s", "zZ"};
    const char *word = words[below(w, ARRAY_LEN(words))];
    if (one_in(w, 3))
        add(w, "'%s%d'", word, (int)below(w, 500));
    else
        add(w, "replace(hex(zeroblob(%d)), '00', '%s')", value_size(w) / 3, word);
}

static void add_blob(Workload *w)
{
    if (one_in(w, 3))
        add(w, "zeroblob(%d)", value_size(w));
    else
        add(w, "CAST(printf('%%.*c', %d, '%c') AS BLOB)", value_size(w), 'a' + (int)below(w, 26));
}

static void add_integer(Workload *w)
{
    int bits = (int)below(w, 64);
    i64 value = (i64)(prng_u64(&w->prng) >> bits);
    add(w, "%lld", (long long)(value == INT64_MIN ? 0 : value));
}

static void add_value(Workload *w)
{
    switch (below(w, 8)) {
    case 0: add(w, "NULL"); break;
    case 1: add_integer(w); break;
    case 2: add(w, "%d.%d", (int)below(w, 1000), (int)below(w, 8) * 125); break;
    case 3: add(w, "%d", (int)below(w, 300)); break;
    case 4: add_blob(w); break;
    default: add_text(w); break;
    }
}

static int some_key(Workload *w)
{
    return (int)below(w, one_in(w, 4) ? 20000 : 600);
}

static int some_table(Workload *w)
{
    return (int)below(w, TABLES);
}

static void add_range(Workload *w, int widest)
{
    int first = some_key(w);
    add(w, " WHERE a BETWEEN %d AND %d", first, first + (int)below(w, (u64)widest));
}

static const char *conflict(Workload *w)
{
    static const char *const clauses[] = {
        "", "", "OR IGNORE ", "OR REPLACE ", "OR FAIL ", "OR ROLLBACK "};
    return clauses[below(w, (w->kinds & WORKLOAD_TRANSACTIONS) ? 6 : 5)];
}

// --- statements that change rows ---

static void add_insert(Workload *w)
{
    add(w, "INSERT %sINTO w%d(a, b, c, d) VALUES", conflict(w), some_table(w));
    int rows = one_in(w, 3) ? 1 + (int)below(w, 4) : 1;
    for (int i = 0; i < rows; i++) {
        add(w, i > 0 ? ", (%d, " : "(%d, ", some_key(w));
        add_value(w);
        add(w, ", ");
        add_value(w);
        add(w, ", ");
        add_value(w);
        add(w, ")");
    }
}

static void add_insert_many(Workload *w)
{
    add(w, "INSERT OR %s INTO w%d(a, b, c, d) ", one_in(w, 2) ? "IGNORE" : "REPLACE",
        some_table(w));
    add(w, "WITH RECURSIVE n(i) AS (SELECT %d UNION ALL SELECT i + %d FROM n LIMIT %d) ",
        some_key(w), 1 + (int)below(w, 3), 1 + (int)below(w, 100));
    add(w, "SELECT i, i * %d %% 97 + i * 100, 'n' || i, printf('%%.*c', i %% %d, 'v') FROM n",
        1 + (int)below(w, 50), 1 + value_size(w) / 8);
}

static void add_copy(Workload *w)
{
    add(w, "INSERT OR IGNORE INTO w%d(a, b, c, d) SELECT a + %d, b, c, d FROM w%d", some_table(w),
        (int)below(w, 3) * 100, 2 * (int)below(w, TABLES / 2));
    add_range(w, 30);
    add(w, " ORDER BY a");
}

static void add_update(Workload *w)
{
    static const char *const columns[] = {"b", "c", "d"};
    add(w, "UPDATE w%d SET %s = ", some_table(w), columns[below(w, 3)]);
    if (one_in(w, 4))
        add(w, "typeof(c) || a");
    else
        add_value(w);
    add_range(w, 40);
}

// Rows move to keys that the table hardly has.
static void add_move(Workload *w)
{
    add(w, "UPDATE w%d SET a = a + %d", some_table(w), 1000 + (int)below(w, 20000));
    add_range(w, 20);
}

static void add_upsert(Workload *w)
{
    int table = one_in(w, 2) ? 0 : 7;
    add(w, "INSERT INTO w%d(a, b, c, d) VALUES(%d, ", table, some_key(w));
    add_value(w);
    add(w, ", 1, ");
    add_value(w);
    add(w, ") ON CONFLICT(a) DO UPDATE SET c = c + 1, d = excluded.d");
}

static void add_delete(Workload *w)
{
    add(w, "DELETE FROM w%d", some_table(w));
    if (!one_in(w, 30))
        add_range(w, one_in(w, 4) ? 2000 : 60);
}

static void add_select(Workload *w)
{
    static const char *const queries[] = {
        "SELECT count(*), sum(length(d)), min(b), max(c) FROM w%d",
        "SELECT a, b, typeof(c) FROM w%d WHERE b > 20 ORDER BY 1, 2, 3",
        "SELECT typeof(b), count(*) FROM w%d GROUP BY 1 ORDER BY 1",
        "SELECT a, length(d) FROM w%d WHERE length(d) > 100 ORDER BY 1, 2",
        "SELECT DISTINCT b, typeof(b) FROM w%d ORDER BY 2, 1",
    };
    add(w, queries[below(w, ARRAY_LEN(queries))], some_table(w));
}

// --- the others ---

static void add_ddl(Workload *w)
{
    int table = some_table(w);
    int index = (int)below(w, 12);
    switch (below(w, 12)) {
    case 0: add(w, "DROP TABLE IF EXISTS w%d", table); break;
    case 1: add(w, "DROP INDEX IF EXISTS i%d", index); break;
    case 2: add(w, "DROP INDEX IF EXISTS i%d", index); break;
    case 3: add(w, "REINDEX"); break;
    case 4: add(w, "ALTER TABLE w%d ADD COLUMN x%d DEFAULT 'more'", table, index); break;
    case 5: add(w, "ALTER TABLE w%d RENAME COLUMN x%d TO y%d", table, index, index); break;
    case 6: add(w, "ALTER TABLE w%d DROP COLUMN y%d", table, index); break;
    case 7:
        add(w, "CREATE UNIQUE INDEX IF NOT EXISTS i%d ON w%d(a, b, typeof(c))", index, table);
        break;
    case 8:
        add(w, "CREATE INDEX IF NOT EXISTS i%d ON w%d(c) WHERE b IS NOT NULL", index, table);
        break;
    default:
        add(w, "CREATE INDEX IF NOT EXISTS i%d ON w%d(%s)", index, table,
            keys[below(w, ARRAY_LEN(keys))]);
        break;
    }
}

static void add_transaction(Workload *w)
{
    static const char *const commands[] = {"BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE",
                                           "BEGIN", "COMMIT",          "COMMIT",
                                           "END",   "ROLLBACK"};
    add(w, "%s", commands[below(w, ARRAY_LEN(commands))]);
}

static void add_savepoint(Workload *w)
{
    static const char *const commands[] = {"SAVEPOINT s%d", "ROLLBACK TO s%d", "RELEASE s%d"};
    add(w, commands[below(w, 3)], (int)below(w, 3));
}

static void add_vacuum(Workload *w)
{
    static const char *const commands[] = {
        "VACUUM",
        "PRAGMA incremental_vacuum(%d)",
        "PRAGMA incremental_vacuum",
        "PRAGMA wal_checkpoint",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA wal_checkpoint(RESTART)",
    };
    add(w, commands[below(w, ARRAY_LEN(commands))], 1 + (int)below(w, 20));
}

static void add_rare(Workload *w)
{
    u64 dice = below(w, 100);
    if (dice < 35 && (w->kinds & WORKLOAD_TRANSACTIONS))
        add_transaction(w);
    else if (dice < 60 && (w->kinds & WORKLOAD_SAVEPOINTS))
        add_savepoint(w);
    else if (dice < 65 && (w->kinds & WORKLOAD_VACUUM))
        add_vacuum(w);
    else if (dice < 90 && (w->kinds & WORKLOAD_DDL))
        add_ddl(w);
    else if (w->kinds & WORKLOAD_DDL)
        add(w, "%s", shapes[some_table(w)]);
    else
        add_update(w);
}

const char *workload_next(Workload *w)
{
    u64 dice = below(w, 100);
    w->size = 0;
    if (dice < 22)
        add_insert(w);
    else if (dice < 28)
        add_insert_many(w);
    else if (dice < 31)
        add_copy(w);
    else if (dice < 46)
        add_update(w);
    else if (dice < 50)
        add_move(w);
    else if (dice < 54)
        add_upsert(w);
    else if (dice < 68)
        add_delete(w);
    else if (dice < 76)
        add_select(w);
    else
        add_rare(w);
    return w->sql;
}

void workload_begin(Workload *w, u64 seed, unsigned kinds)
{
    memset(w, 0, sizeof *w);
    prng_init(&w->prng, &seed, sizeof seed);
    w->kinds = kinds;
    w->value_scale = 100;
    w->sql = malloc(SQL_CAPACITY);
    if (w->sql == NULL)
        give_up("out of memory");
}

void workload_end(Workload *w)
{
    free(w->sql);
}

const char *workload_schema(void)
{
    static char all[4000];
    size_t size = 0;
    if (all[0] != 0)
        return all;
    for (int i = 0; i < TABLES; i++)
        size += (size_t)snprintf(all + size, sizeof all - size, "%s;\n", shapes[i]);
    snprintf(all + size, sizeof all - size,
             "CREATE INDEX i0 ON w0(c, b); CREATE INDEX i1 ON w1(d); CREATE INDEX i3 ON w3(b)");
    return all;
}

bool workload_is_setting(const char *sql)
{
    return strncmp(sql, "PRAGMA", 6) == 0;
}

// --- outcomes ---

static u64 mix(u64 hash, const void *bytes, size_t size)
{
    const unsigned char *p = bytes;
    for (; size >= 8; size -= 8, p += 8) {
        u64 word;
        memcpy(&word, p, 8);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    for (; size > 0; size--, p++)
        hash = (hash ^ *p) * 0x100000001b3u;
    return hash ^ (hash >> 31);
}

static u64 mix_column(const Library *lib, sqlite3_stmt *stmt, int column, u64 hash)
{
    int type = lib->column_type(stmt, column);
    hash = mix(hash, &type, sizeof type);
    if (type == SQLITE_INTEGER) {
        sqlite3_int64 value = lib->column_int64(stmt, column);
        return mix(hash, &value, sizeof value);
    }
    if (type == SQLITE_FLOAT) {
        double value = lib->column_double(stmt, column);
        return mix(hash, &value, sizeof value);
    }
    if (type == SQLITE_NULL)
        return hash;
    const void *bytes = type == SQLITE_BLOB ? lib->column_blob(stmt, column)
                                            : (const void *)lib->column_text(stmt, column);
    int size = lib->column_bytes(stmt, column);
    hash = mix(hash, &size, sizeof size);
    return mix(hash, bytes, (size_t)size);
}

static u64 mix_row(const Library *lib, sqlite3_stmt *stmt, u64 hash)
{
    for (int i = 0; i < lib->column_count(stmt); i++)
        hash = mix_column(lib, stmt, i, hash);
    return hash;
}

Outcome workload_run(const Library *lib, sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    Outcome outcome = {0};
    outcome.rc = lib->prepare(db, sql, -1, &stmt, NULL);
    if (outcome.rc == SQLITE_OK) {
        while ((outcome.rc = lib->step(stmt)) == SQLITE_ROW)
            outcome.rows = mix_row(lib, stmt, outcome.rows);
        outcome.rc = lib->finalize(stmt);
    }
    if (outcome.rc != SQLITE_OK)
        outcome.rc = lib->extended_errcode(db);
    return outcome;
}

// --- histories ---

const char *history_schema(void)
{
    static char all[4200];
    if (all[0] == 0)
        snprintf(all, sizeof all,
                 "%s; CREATE TABLE progress(n INTEGER); INSERT INTO progress VALUES(0)",
                 workload_schema());
    return all;
}

// Failures that belong to the statement and would come in any file.
static bool is_ordinary(int rc)
{
    return (rc & 0xff) == SQLITE_ERROR || (rc & 0xff) == SQLITE_CONSTRAINT
           || (rc & 0xff) == SQLITE_MISMATCH || rc == SQLITE_OK;
}

static int history_change(const Library *lib, sqlite3 *db, Workload *w)
{
    int count = 1 + (int)below(w, one_in(w, 4) ? 20 : 5);
    while (count-- > 0) {
        Outcome outcome = workload_run(lib, db, workload_next(w));
        if (!is_ordinary(outcome.rc))
            return outcome.rc;
    }
    return SQLITE_OK;
}

int history_run(const Library *lib, sqlite3 *db, u64 seed, int number)
{
    Workload w;
    char sql[60];
    workload_begin(&w, seed * 1000003 + (u64)number, WORKLOAD_DDL | WORKLOAD_SAVEPOINTS);
    w.value_scale = 15;
    snprintf(sql, sizeof sql, "UPDATE progress SET n = %d", number);
    int rc = workload_run(lib, db, "BEGIN").rc;
    if (rc == SQLITE_OK)
        rc = history_change(lib, db, &w);
    if (rc == SQLITE_OK)
        rc = workload_run(lib, db, sql).rc;
    if (rc == SQLITE_OK)
        rc = workload_run(lib, db, "COMMIT").rc;
    workload_end(&w);
    return rc;
}

int history_number(const Library *lib, sqlite3 *db)
{
    return (int)library_int(lib, db, "SELECT n FROM progress");
}

// The rows' hashes are added up, so that their order does not matter.
static u64 query_digest(const Library *lib, sqlite3 *db, const char *sql, i64 *count)
{
    sqlite3_stmt *stmt = NULL;
    u64 sum = 0;
    *count = 0;
    int rc = lib->prepare(db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        while ((rc = lib->step(stmt)) == SQLITE_ROW) {
            sum += mix_row(lib, stmt, 1);
            (*count)++;
        }
        rc = lib->finalize(stmt);
    }
    if (rc != SQLITE_OK)
        give_up("%s: error %d: %s, of %s", lib->name, rc, lib->errmsg(db), sql);
    return sum;
}

static u64 table_digest(const Library *lib, sqlite3 *db, const char *name, FILE *report)
{
    char sql[200];
    i64 count;
    snprintf(sql, sizeof sql, "SELECT * FROM \"%s\"", name);
    u64 digest = query_digest(lib, db, sql, &count);
    if (report != NULL)
        fprintf(report, "  %-6s %-16s %6lld rows %016llx\n", lib->name, name, (long long)count,
                (unsigned long long)digest);
    return mix(digest, name, strlen(name));
}

u64 database_digest(const Library *lib, sqlite3 *db, FILE *report)
{
    i64 count;
    sqlite3_stmt *tables = NULL;
    u64 digest = query_digest(lib, db,
                              "SELECT type, name, tbl_name, sql FROM sqlite_schema"
                              " WHERE name NOT LIKE 'sqlite_stat%'",
                              &count);
    int rc = lib->prepare(db,
                          "SELECT name, type, sql FROM sqlite_schema"
                          " WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1",
                          -1, &tables, NULL);
    if (rc != SQLITE_OK)
        give_up("%s: cannot read the schema: %s", lib->name, lib->errmsg(db));
    while (lib->step(tables) == SQLITE_ROW) {
        const char *name = (const char *)lib->column_text(tables, 0);
        const char *sql = (const char *)lib->column_text(tables, 2);
        if (strcmp((const char *)lib->column_text(tables, 1), "table") == 0)
            digest += table_digest(lib, db, name, report);
        if (report != NULL)
            fprintf(report, "         %s\n", sql != NULL ? sql : name);
    }
    lib->finalize(tables);
    return digest;
}
