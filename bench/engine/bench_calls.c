// Calls of the library under test that end the process when they fail: a benchmark of an error
// would be worse than none.
#include "bench/engine/bench.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
