#ifndef QUIRE_BENCH_ENGINE_BENCH_H
#define QUIRE_BENCH_ENGINE_BENCH_H
// A workload runs against one library, loaded by name, in a process of its own.
#include <sqlite3.h>
#include <stddef.h>

// The functions that workloads call, of the library under test.
typedef struct {
    int (*open)(const char *path, sqlite3 **out);
    int (*close)(sqlite3 *db);
    int (*exec)(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *,
                char **message);
    int (*prepare)(sqlite3 *db, const char *sql, int size, sqlite3_stmt **out, const char **tail);
    int (*step)(sqlite3_stmt *stmt);
    int (*reset)(sqlite3_stmt *stmt);
    int (*finalize)(sqlite3_stmt *stmt);
    int (*bind_int64)(sqlite3_stmt *stmt, int index, sqlite3_int64 value);
    int (*bind_double)(sqlite3_stmt *stmt, int index, double value);
    int (*bind_text)(sqlite3_stmt *stmt, int index, const char *text, int size, void (*)(void *));
    sqlite3_int64 (*column_int64)(sqlite3_stmt *stmt, int column);
    const char *(*errmsg)(sqlite3 *db);
    const char *(*version)(void);
} Library;

typedef struct {
    const Library *lib;
    sqlite3 *db;
    const char *path; // ":memory:" or a file
    long rows;
} Bench;

// `prepare` is not timed, `run` is. Both end the process with a message when a call fails.
typedef struct {
    const char *name;
    void (*prepare)(Bench *bench);
    void (*run)(Bench *bench);
} Workload;

extern const Workload workloads[];
extern const size_t workload_count;

// --- bench_calls.c ---

void library_load(Library *lib, const char *path); // ends the process if it cannot
void bench_open(Bench *bench);
void bench_exec(Bench *bench, const char *sql);
sqlite3_stmt *bench_prepare(Bench *bench, const char *sql);
void bench_step(Bench *bench, sqlite3_stmt *stmt); // to the end, then resets
void bench_finalize(Bench *bench, sqlite3_stmt *stmt);

#endif
