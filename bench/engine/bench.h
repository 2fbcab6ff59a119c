#ifndef QUIRE_BENCH_ENGINE_BENCH_H
#define QUIRE_BENCH_ENGINE_BENCH_H
// A workload runs against one library, loaded by name, in a process of its own.
#include "bench/compared_library.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

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
