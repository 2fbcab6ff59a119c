#ifndef QUIRE_CDC_CDC_SQL_H
#define QUIRE_CDC_CDC_SQL_H
// SQL run on the user's connection. Formats are those of sqlite3_mprintf(): %w inside a quoted
// name, %Q for a literal, %z for text to be freed.

#include "cdc/cdc_api.h"

// Runs all statements of the text. The message stays on the connection.
MUST_USE int sql_exec(sqlite3 *db, const char *format, ...);
// The same for what the module writes for itself: in quire the connection's counters stay.
MUST_USE int sql_exec_quietly(sqlite3 *db, const char *format, ...);
// Takes `sql` (sqlite3_free); NULL is SQLITE_NOMEM.
MUST_USE int sql_exec_owned(sqlite3 *db, char *sql);
MUST_USE int sql_prepare(sqlite3 *db, sqlite3_stmt **out, const char *format, ...);
// The first column of the first row; `otherwise` when there is no row.
MUST_USE int sql_int(sqlite3 *db, i64 otherwise, i64 *out, const char *format, ...);
// The same as text (sqlite3_free); NULL when there is no row or it is NULL.
MUST_USE int sql_text(sqlite3 *db, char **out, const char *format, ...);
// Runs a statement to its end and makes it ready to run again.
MUST_USE int stmt_run(sqlite3_stmt *stmt);
// Ends a statement whose last step gave `step`; SQLITE_ROW and SQLITE_DONE count as success.
MUST_USE int stmt_close(sqlite3_stmt *stmt, int step);
// The same, but keeps it to be run again; what was bound is forgotten.
MUST_USE int stmt_end(sqlite3_stmt *stmt, int step);

// Makes it the connection's error, where the library can. `message` NULL: as it is.
void sql_set_error(sqlite3 *db, int rc, const char *message);

// A savepoint of the module, under a fixed name: it nests.
MUST_USE int savepoint_open(sqlite3 *db);
// Releases it when rc is SQLITE_OK, undoes its work otherwise. Returns the first failure, whose
// message stays the connection's.
MUST_USE int savepoint_close(sqlite3 *db, int rc);

#endif
