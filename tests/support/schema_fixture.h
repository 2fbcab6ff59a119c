#ifndef QUIRE_TESTS_SUPPORT_SCHEMA_FIXTURE_H
#define QUIRE_TESTS_SUPPORT_SCHEMA_FIXTURE_H
// A connection without a file: CREATE statements go straight into its schema. For tests of what
// happens between SQL text and program.

#include "catalog/connection.h"
#include "sql/parse.h"
#include "sql/resolve.h"

sqlite3 *schema_fixture_new(void); // with SQLite's limits and settings, and every built-in function
void schema_fixture_free(sqlite3 *db);
// Runs CREATE TABLE, INDEX, VIEW and TRIGGER statements. The connection holds the error.
int schema_fixture_create(sqlite3 *db, const char *sql);
const char *schema_fixture_message(sqlite3 *db);

// Such a connection, and what resolves statements on it: the state of a group of tests.
typedef struct QueryFixture {
    sqlite3 *db;
    Arena arena; // of the statement resolved last
    ResolveContext ctx;
} QueryFixture;
int query_fixture_begin(void **state, const char *schema_text);
int query_fixture_end(void **state);
int query_fixture_resolve(QueryFixture *f, const char *sql, Stmt **stmt);

#endif
