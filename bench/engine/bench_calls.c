// Calls of the library under test that end the process when they fail: a benchmark of an error
// would be worse than none.
#include "bench/engine/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

bool bench_counts_cpu;

double bench_clock(void)
{
    struct timespec now;
    clock_gettime(bench_counts_cpu ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void bench_remove(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal"};
    for (int i = 0; i < 4; i++) {
        char name[4096];
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
}

static void fail(Bench *bench, const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, bench->lib->errmsg(bench->db));
    exit(1);
}

void bench_open(Bench *bench)
{
    if (bench->lib->open(bench->path, &bench->db) != SQLITE_OK)
        fail(bench, bench->path);
    if (bench->path[0] != ':')
        bench_exec(bench, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
}

void bench_exec(Bench *bench, const char *sql)
{
    if (bench->lib->exec(bench->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail(bench, sql);
}

sqlite3_stmt *bench_prepare(Bench *bench, const char *sql)
{
    sqlite3_stmt *stmt = NULL;
    if (bench->lib->prepare(bench->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail(bench, sql);
    return stmt;
}

void bench_step(Bench *bench, sqlite3_stmt *stmt)
{
    while (bench->lib->step(stmt) == SQLITE_ROW)
        bench->lib->column_int64(stmt, 0);
    if (bench->lib->reset(stmt) != SQLITE_OK)
        fail(bench, "step");
}

void bench_finalize(Bench *bench, sqlite3_stmt *stmt)
{
    if (bench->lib->finalize(stmt) != SQLITE_OK)
        fail(bench, "finalize");
}

static void read_column(const Library *lib, sqlite3_stmt *stmt, int column)
{
    switch (lib->column_type(stmt, column)) {
    case SQLITE_INTEGER: lib->column_int64(stmt, column); break;
    case SQLITE_FLOAT: lib->column_double(stmt, column); break;
    case SQLITE_NULL: break;
    default: lib->column_text(stmt, column); break;
    }
}

void bench_query(Bench *bench, const char *sql)
{
    sqlite3_stmt *stmt = bench_prepare(bench, sql);
    int columns = bench->lib->column_count(stmt);
    while (bench->lib->step(stmt) == SQLITE_ROW)
        for (int i = 0; i < columns; i++)
            read_column(bench->lib, stmt, i);
    if (bench->lib->finalize(stmt) != SQLITE_OK)
        fail(bench, sql);
}

const Library *bench_library_in_use;

void bench_function(Bench *bench, const char *name, BenchFunction *body)
{
    bench_library_in_use = bench->lib;
    if (bench->lib->create_function(bench->db, name, -1, SQLITE_UTF8, NULL, body, NULL, NULL)
        != SQLITE_OK)
        fail(bench, name);
}
