#ifndef QUIRE_BENCH_VECTOR_VECTOR_BENCH_H
#define QUIRE_BENCH_VECTOR_VECTOR_BENCH_H
// Vector search measured on several libraries and data sets: what the files of this folder share.

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// --- bench_set.c: vectors, queries and the right answers ---

typedef struct VectorSet {
    const char *name;
    bool is_cosine; // else Euclidean
    size_t dims, base_count, query_count;
    float *base, *queries;
    int32_t *truth; // TRUTH_COUNT nearest rows of each query, nearest first
} VectorSet;
enum { TRUTH_COUNT = 10 };

// One of the sets in a folder; false where its files are not there.
bool set_read(VectorSet *set, const char *folder, const char *name);
// Clusters of low intrinsic dimension, the same for the same seed.
void set_generate(VectorSet *set, const char *name, size_t count, size_t dims, size_t query_count);
void set_free(VectorSet *set);
void die(const char *format, ...);

// --- bench_library.c: a library of the SQLite interface, loaded by name ---

typedef struct Database Database;
// `extension` may be NULL. Ends the process where it cannot.
Database *database_open(const char *library, const char *extension, const char *path);
void database_close(Database *db);
void database_exec(Database *db, const char *format, ...);
bool database_try(Database *db, const char *sql); // false on an error
sqlite3_stmt *database_prepare(Database *db, const char *sql);
void database_bind_blob(Database *db, sqlite3_stmt *stmt, int index, const void *blob, size_t size);
void database_bind_int(Database *db, sqlite3_stmt *stmt, int index, int64_t value);
bool database_step(Database *db, sqlite3_stmt *stmt); // false at the end, and reset then
int64_t database_column(Database *db, sqlite3_stmt *stmt, int column);
void database_finalize(Database *db, sqlite3_stmt *stmt);
double database_number(Database *db, const char *sql); // first column of the first row

double now(void); // seconds of processor time: what else runs on the machine does not count
double median(double *values, size_t count);

#endif
