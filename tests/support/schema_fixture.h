#ifndef QUIRE_TESTS_SUPPORT_SCHEMA_FIXTURE_H
#define QUIRE_TESTS_SUPPORT_SCHEMA_FIXTURE_H
// A connection without a file: CREATE statements go straight into its schema. For tests of what
// happens between SQL text and program.

#include "catalog/connection.h"

sqlite3 *schema_fixture_new(void); // with SQLite's limits and settings, and every built-in function
void schema_fixture_free(sqlite3 *db);
// Runs CREATE TABLE, INDEX, VIEW and TRIGGER statements. The connection holds the error.
int schema_fixture_create(sqlite3 *db, const char *sql);
const char *schema_fixture_message(sqlite3 *db);

#endif
