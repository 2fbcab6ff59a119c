// Messages and statements of virtual tables: see module_store.h.
#include "vector/module_store.h"

int module_fail(sqlite3_vtab *base, int rc, const char *format, va_list args)
{
    ASSERT(rc != SQLITE_OK);
    // The new text may be made from the old one.
    char *message = sqlite3_vmprintf(format, args);
    sqlite3_free(base->zErrMsg);
    base->zErrMsg = message;
    return rc;
}

int module_statement(sqlite3 *db, char *sql, sqlite3_stmt **stmt)
{
    ASSERT(*stmt == NULL);
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL);
    sqlite3_free(sql);
    return rc;
}

void module_finalize(sqlite3_stmt **statements, int count)
{
    ASSERT(count >= 0);
    for (int i = 0; i < count; i++) {
        (void)sqlite3_finalize(statements[i]);
        statements[i] = NULL;
    }
}

int module_run(sqlite3_stmt *stmt)
{
    ASSERT(stmt != NULL);
    (void)sqlite3_step(stmt);
    int rc = sqlite3_reset(stmt);
    (void)sqlite3_clear_bindings(stmt);
    return rc;
}
