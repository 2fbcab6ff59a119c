// A library of the SQLite interface, loaded by name. See vector_bench.h.
#include "vector_bench.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct Library {
    int (*open)(const char *, sqlite3 **);
    int (*close)(sqlite3 *);
    int (*exec)(sqlite3 *, const char *, int (*)(void *, int, char **, char **), void *, char **);
    int (*prepare)(sqlite3 *, const char *, int, sqlite3_stmt **, const char **);
    int (*step)(sqlite3_stmt *);
    int (*reset)(sqlite3_stmt *);
    int (*finalize)(sqlite3_stmt *);
    int (*bind_int64)(sqlite3_stmt *, int, sqlite3_int64);
    int (*bind_blob)(sqlite3_stmt *, int, const void *, int, void (*)(void *));
    sqlite3_int64 (*column_int64)(sqlite3_stmt *, int);
    double (*column_double)(sqlite3_stmt *, int);
    const char *(*errmsg)(sqlite3 *);
    int (*enable_load_extension)(sqlite3 *, int);
    int (*load_extension)(sqlite3 *, const char *, const char *, char **);
} Library;

struct Database {
    Library lib;
    sqlite3 *handle;
};

static void *find(void *library, const char *name)
{
    void *symbol = dlsym(library, name);
    if (symbol == NULL)
        die("no %s in the library", name);
    return symbol;
}

static void library_load(Library *lib, const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        die("%s", dlerror());
    *(void **)&lib->open = find(library, "sqlite3_open");
    *(void **)&lib->close = find(library, "sqlite3_close");
    *(void **)&lib->exec = find(library, "sqlite3_exec");
    *(void **)&lib->prepare = find(library, "sqlite3_prepare_v2");
    *(void **)&lib->step = find(library, "sqlite3_step");
    *(void **)&lib->reset = find(library, "sqlite3_reset");
    *(void **)&lib->finalize = find(library, "sqlite3_finalize");
    *(void **)&lib->bind_int64 = find(library, "sqlite3_bind_int64");
    *(void **)&lib->bind_blob = find(library, "sqlite3_bind_blob");
    *(void **)&lib->column_int64 = find(library, "sqlite3_column_int64");
    *(void **)&lib->column_double = find(library, "sqlite3_column_double");
    *(void **)&lib->errmsg = find(library, "sqlite3_errmsg");
    *(void **)&lib->enable_load_extension = find(library, "sqlite3_enable_load_extension");
    *(void **)&lib->load_extension = find(library, "sqlite3_load_extension");
}

Database *database_open(const char *library, const char *extension, const char *path)
{
    Database *db = calloc(1, sizeof *db);
    if (db == NULL)
        die("out of memory");
    library_load(&db->lib, library);
    if (db->lib.open(path, &db->handle) != SQLITE_OK)
        die("%s: %s", path, db->lib.errmsg(db->handle));
    if (extension != NULL) {
        char *message = NULL;
        (void)db->lib.enable_load_extension(db->handle, 1);
        if (db->lib.load_extension(db->handle, extension, NULL, &message) != SQLITE_OK)
            die("%s: %s", extension, message);
    }
    return db;
}

void database_close(Database *db)
{
    if (db->lib.close(db->handle) != SQLITE_OK)
        die("close: %s", db->lib.errmsg(db->handle));
    free(db);
}

bool database_try(Database *db, const char *sql)
{
    return db->lib.exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK;
}

void database_exec(Database *db, const char *format, ...)
{
    char sql[4000];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof sql, format, args);
    va_end(args);
    if (!database_try(db, sql))
        die("%s: %s", sql, db->lib.errmsg(db->handle));
}

sqlite3_stmt *database_prepare(Database *db, const char *sql)
{
    sqlite3_stmt *stmt;
    if (db->lib.prepare(db->handle, sql, -1, &stmt, NULL) != SQLITE_OK)
        die("%s: %s", sql, db->lib.errmsg(db->handle));
    return stmt;
}

void database_bind_blob(Database *db, sqlite3_stmt *stmt, int index, const void *blob, size_t size)
{
    if (db->lib.bind_blob(stmt, index, blob, (int)size, SQLITE_STATIC) != SQLITE_OK)
        die("bind: %s", db->lib.errmsg(db->handle));
}

void database_bind_int(Database *db, sqlite3_stmt *stmt, int index, int64_t value)
{
    if (db->lib.bind_int64(stmt, index, value) != SQLITE_OK)
        die("bind: %s", db->lib.errmsg(db->handle));
}

bool database_step(Database *db, sqlite3_stmt *stmt)
{
    int rc = db->lib.step(stmt);
    if (rc == SQLITE_ROW)
        return true;
    if (rc != SQLITE_DONE)
        die("step: %s", db->lib.errmsg(db->handle));
    (void)db->lib.reset(stmt);
    return false;
}

int64_t database_column(Database *db, sqlite3_stmt *stmt, int column)
{
    return db->lib.column_int64(stmt, column);
}

void database_finalize(Database *db, sqlite3_stmt *stmt)
{
    (void)db->lib.finalize(stmt);
}

double database_number(Database *db, const char *sql)
{
    sqlite3_stmt *stmt = database_prepare(db, sql);
    double value = database_step(db, stmt) ? db->lib.column_double(stmt, 0) : 0;
    database_finalize(db, stmt);
    return value;
}

double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double median(double *values, size_t count)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, compare);
    return values[count / 2];
}
