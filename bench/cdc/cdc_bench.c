// Question: what does capturing changes cost, and how soon does a waiting consumer know?
//
// Overhead: single-row updates of one column of a row of about 100 bytes, at random keys, in
// transactions of 100, one prepared statement; in memory and on a file (WAL, synchronous NORMAL).
// The same again with each kind of capture; the kinds take turns, and of each the fastest turn
// counts. Making the tables is not timed. Processor time counts, which other programs disturb
// least; what waits for the disk is the same for all kinds.
//
// Waiting: another process commits a row every 20 ms; what is timed is from its call returning
// from COMMIT to the consumer having the change in hand. Processor time of waiting in vain is that
// of this process over some seconds.
//
//     cdc_bench [UPDATES] [TURNS] [FOLDER]
#include "quire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROWS = 10000, PER_TRANSACTION = 100, COMMITS = 200, IDLE_SECONDS = 5 };

typedef struct Kind {
    const char *name, *sql;
} Kind;

static const Kind kinds[] = {
    {"no capture", ""},
    {"connection, id", "PRAGMA capture_data_changes_conn('id')"},
    {"connection, full", "PRAGMA capture_data_changes_conn('full')"},
    {"feed, id", "CREATE VIRTUAL TABLE feed USING cdc(tables=t, mode=id)"},
    {"feed, full", "CREATE VIRTUAL TABLE feed USING cdc(tables=t, mode=full)"},
    {"JSON triggers, full",
     "CREATE TABLE log(id INTEGER PRIMARY KEY AUTOINCREMENT, time INTEGER, op TEXT, name TEXT, row,"
     " before TEXT, after TEXT);"
     "CREATE TRIGGER tu AFTER UPDATE ON t BEGIN INSERT INTO log(time, op, name, row, before, after)"
     " VALUES (unixepoch(), 'update', 't', new.id,"
     " json_object('id', old.id, 'a', old.a, 'b', old.b, 'c', old.c),"
     " json_object('id', new.id, 'a', new.a, 'b', new.b, 'c', new.c)); END"},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static double clock_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void check(sqlite3 *db, int rc)
{
    if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW)
        return;
    fprintf(stderr, "cdc_bench: %s\n", sqlite3_errmsg(db));
    exit(1);
}

static void run(sqlite3 *db, const char *sql)
{
    check(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

static void file_remove(const char *path)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char name[600];
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

static sqlite3 *make_database(const char *path, const char *capture)
{
    sqlite3 *db;
    char fill[300];
    if (strcmp(path, ":memory:") != 0)
        file_remove(path);
    check(NULL, sqlite3_open(path, &db));
    run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
            "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b INTEGER, c TEXT)");
    snprintf(fill, sizeof fill,
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             " INSERT INTO t SELECT i, printf('name %%06d', i), i, printf('%%080d', i) FROM n",
             ROWS);
    run(db, fill);
    run(db, capture);
    return db;
}

static double time_updates(const char *path, const char *capture, int updates)
{
    sqlite3 *db = make_database(path, capture);
    sqlite3_stmt *stmt;
    unsigned seed = 7;
    check(db, sqlite3_prepare_v2(db, "UPDATE t SET b = ?1 WHERE id = ?2", -1, &stmt, NULL));
    double start = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    for (int i = 0; i < updates; i++) {
        if (i % PER_TRANSACTION == 0)
            run(db, "BEGIN");
        seed = seed * 1664525u + 1013904223u;
        sqlite3_bind_int(stmt, 1, i);
        sqlite3_bind_int(stmt, 2, (int)(seed >> 8) % ROWS + 1);
        check(db, sqlite3_step(stmt));
        check(db, sqlite3_reset(stmt));
        if (i % PER_TRANSACTION == PER_TRANSACTION - 1 || i == updates - 1)
            run(db, "COMMIT");
    }
    double took = clock_of(CLOCK_PROCESS_CPUTIME_ID) - start;
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return took;
}

static void measure_overhead(const char *path, int updates, int turns)
{
    double best[KINDS];
    for (int i = 0; i < turns * KINDS; i++) {
        double took = time_updates(path, kinds[i % KINDS].sql, updates);
        if (i < KINDS || took < best[i % KINDS])
            best[i % KINDS] = took;
    }
    printf("%d updates, %s\n", updates, strcmp(path, ":memory:") == 0 ? "memory" : "file");
    for (int i = 0; i < KINDS; i++)
        printf("  %-22s %8.3f s %6.2f us each  ratio %.2f\n", kinds[i].name, best[i],
               best[i] * 1e6 / updates, best[i] / best[0]);
}

// --- waiting ---

static void write_rows(const char *path, int report)
{
    sqlite3 *db;
    check(NULL, sqlite3_open(path, &db));
    sqlite3_busy_timeout(db, 5000);
    usleep(300000);
    for (int i = 0; i < COMMITS; i++) {
        usleep(20000);
        run(db, "UPDATE t SET b = b + 1 WHERE id = 1");
        double now = clock_of(CLOCK_MONOTONIC);
        if (write(report, &now, sizeof now) != (ssize_t)sizeof now)
            exit(1);
    }
    sqlite3_close(db);
    exit(0);
}

static int compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static void check_cdc(quire_cdc *cdc, int rc)
{
    if (rc == SQLITE_OK)
        return;
    fprintf(stderr, "cdc_bench: %s\n", quire_cdc_errmsg(cdc));
    exit(1);
}

static void measure_waiting(const char *path)
{
    static double delays[COMMITS];
    int ends[2];
    const quire_change *changes;
    quire_cdc *cdc;
    int count;
    sqlite3 *db = make_database(path, "CREATE VIRTUAL TABLE feed USING cdc(tables=t)");
    sqlite3_close(db);
    if (pipe(ends) != 0)
        exit(1);
    fflush(NULL);
    if (fork() == 0)
        write_rows(path, ends[1]);
    check(NULL, sqlite3_open(path, &db));
    sqlite3_busy_timeout(db, 5000);
    check_cdc(NULL, quire_cdc_open(db, "feed", "bench", 1, &cdc));
    for (int seen = 0; seen < COMMITS; seen += count) {
        check_cdc(cdc, quire_cdc_next(cdc, 1, 10000, &changes, &count));
        double now = clock_of(CLOCK_MONOTONIC);
        double sent;
        if (count != 1 || read(ends[0], &sent, sizeof sent) != (ssize_t)sizeof sent)
            exit(1);
        delays[seen] = now > sent ? now - sent : 0;
    }
    wait(NULL);
    qsort(delays, COMMITS, sizeof delays[0], compare);
    printf("commit of another process seen after: median %.2f ms, 95 %% %.2f ms, worst %.2f ms\n",
           delays[COMMITS / 2] * 1e3, delays[COMMITS * 95 / 100] * 1e3, delays[COMMITS - 1] * 1e3);
    double used = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    check_cdc(cdc, quire_cdc_next(cdc, 1, IDLE_SECONDS * 1000, &changes, &count));
    used = clock_of(CLOCK_PROCESS_CPUTIME_ID) - used;
    printf("waiting in vain uses %.3f %% of a core\n", used * 100 / IDLE_SECONDS);
    quire_cdc_close(cdc);
    sqlite3_close(db);
}

int main(int argc, char **argv)
{
    char path[512];
    int updates = argc > 1 ? atoi(argv[1]) : 100000;
    int turns = argc > 2 ? atoi(argv[2]) : 5;
    snprintf(path, sizeof path, "%s/cdc_bench.db", argc > 3 ? argv[3] : ".");
    setbuf(stdout, NULL);
    measure_overhead(":memory:", updates, turns);
    measure_overhead(path, updates, turns);
    measure_waiting(path);
    file_remove(path);
    return 0;
}
