#ifndef QUIRE_BENCH_COMPARED_LIBRARY_H
#define QUIRE_BENCH_COMPARED_LIBRARY_H
// A library with SQLite's interface, loaded by name beside others.

#include <sqlite3.h>

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

void library_load(Library *lib, const char *path); // ends the process if it cannot

#endif
