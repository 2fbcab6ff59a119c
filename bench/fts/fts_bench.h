#ifndef QUIRE_BENCH_FTS_FTS_BENCH_H
#define QUIRE_BENCH_FTS_FTS_BENCH_H
// The two libraries that are compared, each loaded by name.

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int (*open)(const char *path, sqlite3 **out);
    int (*close)(sqlite3 *db);
    int (*exec)(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *,
                char **message);
    int (*prepare)(sqlite3 *db, const char *sql, int size, sqlite3_stmt **out, const char **tail);
    int (*step)(sqlite3_stmt *stmt);
    int (*reset)(sqlite3_stmt *stmt);
    int (*finalize)(sqlite3_stmt *stmt);
    int (*bind_text)(sqlite3_stmt *stmt, int index, const char *text, int size, void (*)(void *));
    sqlite3_int64 (*column_int64)(sqlite3_stmt *stmt, int column);
    double (*column_double)(sqlite3_stmt *stmt, int column);
    const char *(*errmsg)(sqlite3 *db);
    const char *(*version)(void);
} Library;

typedef struct {
    Library lib;
    const char *name;
    const char *directory;
    sqlite3 *db;
} Side;

void library_load(Library *lib, const char *path); // ends the program if it cannot
double now_ms(void);
void run_sql(Side *side, const char *sql); // these too end it when they fail
sqlite3_stmt *prepare(Side *side, const char *sql);
void bench_relevance(Side *sides, const char *folder); // relevance.c

#endif
