#ifndef QUIRE_SQL_SCHEMA_BUILD_H
#define QUIRE_SQL_SCHEMA_BUILD_H
// From the syntax tree of a CREATE statement to a schema object.
//
// The same functions serve running CREATE statements and reading sqlite_schema: an object is built,
// checked for what can be said without its surroundings, and handed to the caller, who adds it to
// the schema. The trees of DEFAULT, CHECK, generated columns, index expressions and WHERE are
// copied into the object's arena, unresolved; whoever codes them copies and resolves them again
// (resolve.h).
//
// Errors are set on the connection, in SQLite's words; the result is NULL then.

#include "catalog/connection.h"
#include "sql/ast.h"

// Indexes made by PRIMARY KEY and UNIQUE hang on the table, in SQLite's order and under SQLite's
// names (sqlite_autoindex_T_1, ...), with root 0. `db_index` says where the table lives or will
// live.
Table *schema_build_table(sqlite3 *db, int db_index, const CreateTable *create);
Table *schema_build_view(sqlite3 *db, int db_index, const CreateView *create);
// The table must be in a loaded schema. Names of columns are resolved, expressions copied.
Index *schema_build_index(sqlite3 *db, Table *table, const CreateIndex *create);
// Does the definition name objects of its own database only ("view v cannot reference objects in
// database two"), and does a trigger being created hold no parameter? Errors are set on the
// connection.
MUST_USE int schema_check_view(sqlite3 *db, int database, const CreateView *create);
MUST_USE int schema_check_trigger(sqlite3 *db, int database, const CreateTrigger *create);
Trigger *schema_build_trigger(sqlite3 *db, int db_index, const CreateTrigger *create);
Table *schema_build_virtual_table(sqlite3 *db, int db_index, const CreateVirtualTable *create);

// Storage order of a WITHOUT ROWID table's record and the identity columns that end every index.
// Called by schema_build_table; also when an index is added later.
MUST_USE int index_append_identity(Index *index);

#endif
