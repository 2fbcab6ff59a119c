#ifndef QUIRE_BENCH_VECTOR_BENCH_INDEX_H
#define QUIRE_BENCH_VECTOR_BENCH_INDEX_H
// What is measured: exact scans, the approximate index, filters, churn.

#include "vector_bench.h"

typedef struct Found {
    double seconds; // median of a query
    double recall;  // at 10
    double rows;    // that a query returned
} Found;

// Files of the libraries to compare; NULL where there is none.
typedef struct Engines {
    const char *quire;     // libquire.so
    const char *stock;     // libsqlite3.so.0
    const char *extension; // vector.so
    const char *vec0;      // sqlite-vec
    const char *turso;     // tursodb, its shell
} Engines;

// Rows `first` and on, into docs(id, v), ids from 1.
void insert_rows(Database *db, const VectorSet *set, size_t first, size_t count);
Found run_queries(Database *db, const VectorSet *set, const char *sql, size_t query_count);

void bench_exact(const Engines *engines, size_t count);
// The database must be empty; it is left with the table and its index.
void bench_index(Database *db, const VectorSet *set, const char *engine);
void bench_filters(Database *db, VectorSet *set);
void bench_churn(const Engines *engines, size_t count, int rounds);

#endif
