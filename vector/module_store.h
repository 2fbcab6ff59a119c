#ifndef QUIRE_VECTOR_MODULE_STORE_H
#define QUIRE_VECTOR_MODULE_STORE_H
// What virtual tables that keep their content in ordinary tables have in common: a message for the
// user, statements that are prepared once.

#include "vector/vector_api.h"

#include <stdarg.h>

// The table's message; returns `rc`.
int module_fail(sqlite3_vtab *base, int rc, const char *format, va_list args);

// Prepares `sql`, which it frees (NULL: no memory). The message of a failure is the connection's.
MUST_USE int module_statement(sqlite3 *db, char *sql, sqlite3_stmt **stmt);
void module_finalize(sqlite3_stmt **statements, int count);

// Steps a statement without rows and resets it. What was bound may be freed then.
MUST_USE int module_run(sqlite3_stmt *stmt);

#endif
