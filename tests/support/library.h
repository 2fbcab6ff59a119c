#ifndef QUIRE_TESTS_SUPPORT_LIBRARY_H
#define QUIRE_TESTS_SUPPORT_LIBRARY_H
// Two libraries behind one table of functions: the engine this program is linked with, and the
// stock one, so that a test can be written once and run with the roles swapped.
//
// Both may live in one process as long as they do not hold the same file open at the same time:
// POSIX locks belong to the process, so the two would not see each other's.

#include "sqlite3.h"
#include <stdbool.h>

typedef struct Library {
    const char *name;
    int (*open)(const char *path, sqlite3 **out, int flags, const char *vfs);
    int (*close)(sqlite3 *db);
    int (*exec)(sqlite3 *db, const char *sql, int (*row)(void *, int, char **, char **), void *arg,
                char **message);
    int (*prepare)(sqlite3 *db, const char *sql, int size, sqlite3_stmt **out, const char **tail);
    int (*step)(sqlite3_stmt *stmt);
    int (*finalize)(sqlite3_stmt *stmt);
    int (*column_count)(sqlite3_stmt *stmt);
    int (*column_type)(sqlite3_stmt *stmt, int column);
    int (*column_bytes)(sqlite3_stmt *stmt, int column);
    const unsigned char *(*column_text)(sqlite3_stmt *stmt, int column);
    const void *(*column_blob)(sqlite3_stmt *stmt, int column);
    sqlite3_int64 (*column_int64)(sqlite3_stmt *stmt, int column);
    double (*column_double)(sqlite3_stmt *stmt, int column);
    int (*bind_int64)(sqlite3_stmt *stmt, int param, sqlite3_int64 value);
    int (*reset)(sqlite3_stmt *stmt);
    int (*autocommit)(sqlite3 *db);
    int (*extended_errcode)(sqlite3 *db);
    const char *(*errmsg)(sqlite3 *db);
    int (*busy_timeout)(sqlite3 *db, int ms);
    int (*db_config)(sqlite3 *db, int op, ...);
    const char *(*version)(void);
} Library;

// The engine in this program.
const Library *library_quire(void);
// $QUIRE_STOCK_SQLITE or the system's libsqlite3.so.0; NULL where there is none.
const Library *library_stock(void);

// Opens for reading and writing, creating; a failure ends the test.
sqlite3 *library_open(const Library *lib, const char *path, const char *vfs);
// Runs `sql`; a failure ends the test.
void library_must(const Library *lib, sqlite3 *db, const char *sql);
// The first column of the first row as text, valid for the next three calls; "" without a row,
// "error N: message" for a failure.
const char *library_text(const Library *lib, sqlite3 *db, const char *sql);
sqlite3_int64 library_int(const Library *lib, sqlite3 *db, const char *sql);

// Prints like printf and ends the program as failed.
void give_up(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
