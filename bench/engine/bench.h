#ifndef QUIRE_BENCH_ENGINE_BENCH_H
#define QUIRE_BENCH_ENGINE_BENCH_H
// A workload runs against one library, loaded by name, in a process of its own.
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

typedef void BenchFunction(sqlite3_context *context, int count, sqlite3_value **values);
typedef void BenchStep(sqlite3_context *context, int count, sqlite3_value **values);
typedef void BenchFinal(sqlite3_context *context);

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
    double (*column_double)(sqlite3_stmt *stmt, int column);
    const unsigned char *(*column_text)(sqlite3_stmt *stmt, int column);
    int (*column_type)(sqlite3_stmt *stmt, int column);
    int (*column_count)(sqlite3_stmt *stmt);
    int (*create_function)(sqlite3 *db, const char *name, int args, int encoding, void *data,
                           BenchFunction *body, BenchStep *step, BenchFinal *final);
    const void *(*value_blob)(sqlite3_value *value);
    int (*value_bytes)(sqlite3_value *value);
    void (*result_double)(sqlite3_context *context, double value);
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

double bench_clock(void); // seconds
// Processor time instead of the clock on the wall: what a busy machine can tell.
extern bool bench_counts_cpu;
void bench_remove(const char *path); // a database and what lies beside it

void library_load(Library *lib, const char *path); // ends the process if it cannot
void bench_open(Bench *bench);
void bench_exec(Bench *bench, const char *sql);
sqlite3_stmt *bench_prepare(Bench *bench, const char *sql);
void bench_step(Bench *bench, sqlite3_stmt *stmt); // to the end, then resets
void bench_finalize(Bench *bench, sqlite3_stmt *stmt);
void bench_query(Bench *bench, const char *sql); // reads every column of every row
// A function of any number of arguments. Its body calls bench_library_in_use.
void bench_function(Bench *bench, const char *name, BenchFunction *body);
extern const Library *bench_library_in_use;

// --- workloads.c ---

long bench_draw(long below); // the next number of one generator with a fixed seed
void bench_insert_rows(Bench *bench, long count);
void prepare_empty(Bench *bench); // t(id, k, g, v, s) without rows
void prepare_rows(Bench *bench);

// --- workloads_query.c ---

void prepare_numbers(Bench *bench), prepare_pair(Bench *bench), prepare_documents(Bench *bench);
void prepare_triggers(Bench *bench), prepare_vectors(Bench *bench);
void run_window(Bench *bench), run_recursive(Bench *bench), run_json(Bench *bench);
void run_strings(Bench *bench), run_equi_join(Bench *bench), run_many_groups(Bench *bench);
void run_top(Bench *bench), run_correlated(Bench *bench), run_triggers(Bench *bench);
void run_nearest(Bench *bench), run_wide_scan(Bench *bench);

#endif
