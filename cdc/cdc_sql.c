// SQL run on the user's connection: see cdc_sql.h.
//
// Names are written with %w between double quotes and values with %Q, so that no name can become
// SQL. Statements are short and few per call: they are prepared where they are needed. Those that
// run per row are kept by whoever runs them (capture.c, pipeline_store.c).
#include "cdc/cdc_sql.h"

#include <stdarg.h>

int sql_exec_owned(sqlite3 *db, char *sql)
{
    ASSERT(db != NULL);

    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc;
}

int sql_exec(sqlite3 *db, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    return sql_exec_owned(db, sql);
}

// Stock libraries have no counters to spare, and sqlite3_set_errmsg() only since 3.51.
#if QUIRE_CDC_LOADABLE
#    define EXEC_QUIETLY(db, sql) sqlite3_exec(db, sql, NULL, NULL, NULL)
#    define SET_ERROR(db, rc, message) ((void)(db), (void)(rc), (void)(message))
#else
#    define EXEC_QUIETLY(db, sql) quire_exec_uncounted(db, sql)
#    define SET_ERROR(db, rc, message) ((void)sqlite3_set_errmsg(db, rc, message))
#endif

int sql_exec_quietly(sqlite3 *db, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = EXEC_QUIETLY(db, sql);
    sqlite3_free(sql);
    return rc;
}

// Takes `sql`.
static int prepare_owned(sqlite3 *db, char *sql, sqlite3_stmt **out)
{
    *out = NULL;
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v2(db, sql, -1, out, NULL);
    sqlite3_free(sql);
    ASSERT(rc != SQLITE_OK || *out != NULL); // the module prepares statements, never blanks
    return rc;
}

int sql_prepare(sqlite3 *db, sqlite3_stmt **out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    return prepare_owned(db, sql, out);
}

int stmt_close(sqlite3_stmt *stmt, int step)
{
    int rc = sqlite3_finalize(stmt);
    if (step == SQLITE_ROW || step == SQLITE_DONE || step == SQLITE_OK)
        return rc;
    return rc != SQLITE_OK ? rc : step;
}

int stmt_run(sqlite3_stmt *stmt)
{
    ASSERT(stmt != NULL);

    int step;
    do
        step = sqlite3_step(stmt);
    while (step == SQLITE_ROW);
    return sqlite3_reset(stmt);
}

int stmt_end(sqlite3_stmt *stmt, int step)
{
    ASSERT(stmt != NULL);
    int rc = sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    if (step == SQLITE_ROW || step == SQLITE_DONE || step == SQLITE_OK)
        return rc;
    return rc != SQLITE_OK ? rc : step;
}

int sql_int(sqlite3 *db, i64 otherwise, i64 *out, const char *format, ...)
{
    ASSERT(out != NULL);

    sqlite3_stmt *stmt;
    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    TRY(prepare_owned(db, sql, &stmt));
    int step = sqlite3_step(stmt);
    *out = step == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : otherwise;
    return stmt_close(stmt, step);
}

int sql_text(sqlite3 *db, char **out, const char *format, ...)
{
    ASSERT(out != NULL);

    sqlite3_stmt *stmt;
    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    *out = NULL;
    TRY(prepare_owned(db, sql, &stmt));
    int step = sqlite3_step(stmt);
    bool has_text = step == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL;
    if (has_text)
        *out = sqlite3_mprintf("%s", sqlite3_column_text(stmt, 0));
    int rc = stmt_close(stmt, step);
    return rc == SQLITE_OK && has_text && *out == NULL ? SQLITE_NOMEM : rc;
}

int savepoint_open(sqlite3 *db)
{
    return sqlite3_exec(db, "SAVEPOINT quire_cdc", NULL, NULL, NULL);
}

void sql_set_error(sqlite3 *db, int rc, const char *message)
{
    ASSERT(rc != SQLITE_OK);

    if (message != NULL)
        SET_ERROR(db, rc, message);
}

int savepoint_close(sqlite3 *db, int rc)
{
    ASSERT(db != NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "RELEASE quire_cdc", NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        return SQLITE_OK;
    // An error that rolled everything back took the savepoint along.
    if (sqlite3_get_autocommit(db) != 0)
        return rc;
    bool has_message = sqlite3_errcode(db) != SQLITE_OK; // which what follows would clear
    char *message = has_message ? sqlite3_mprintf("%s", sqlite3_errmsg(db)) : NULL;
    (void)sqlite3_exec(db, "ROLLBACK TO quire_cdc; RELEASE quire_cdc", NULL, NULL, NULL);
    sql_set_error(db, rc, message);
    sqlite3_free(message);
    return rc;
}
