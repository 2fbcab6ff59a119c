// Calls of the library under test that end the process when they fail: a benchmark of an error
// would be worse than none.
#include "bench/engine/bench.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

static void find(void *handle, const char *name, void *function)
{
    void *found = dlsym(handle, name);
    if (found == NULL) {
        fprintf(stderr, "bench: %s\n", dlerror());
        exit(1);
    }
    memcpy(function, &found, sizeof found);
}

void library_load(Library *lib, const char *path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL) {
        fprintf(stderr, "bench: %s\n", dlerror());
        exit(1);
    }
    find(handle, "sqlite3_open", &lib->open);
    find(handle, "sqlite3_close", &lib->close);
    find(handle, "sqlite3_exec", &lib->exec);
    find(handle, "sqlite3_prepare_v2", &lib->prepare);
    find(handle, "sqlite3_step", &lib->step);
    find(handle, "sqlite3_reset", &lib->reset);
    find(handle, "sqlite3_finalize", &lib->finalize);
    find(handle, "sqlite3_bind_int64", &lib->bind_int64);
    find(handle, "sqlite3_bind_double", &lib->bind_double);
    find(handle, "sqlite3_bind_text", &lib->bind_text);
    find(handle, "sqlite3_column_int64", &lib->column_int64);
    find(handle, "sqlite3_column_double", &lib->column_double);
    find(handle, "sqlite3_column_text", &lib->column_text);
    find(handle, "sqlite3_column_type", &lib->column_type);
    find(handle, "sqlite3_column_count", &lib->column_count);
    find(handle, "sqlite3_create_function", &lib->create_function);
    find(handle, "sqlite3_value_blob", &lib->value_blob);
    find(handle, "sqlite3_value_bytes", &lib->value_bytes);
    find(handle, "sqlite3_result_double", &lib->result_double);
    find(handle, "sqlite3_errmsg", &lib->errmsg);
    find(handle, "sqlite3_libversion", &lib->version);
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
