#ifndef QUIRE_SQL_SCHEMA_COMPILE_H
#define QUIRE_SQL_SCHEMA_COMPILE_H
// Rows of sqlite_schema to schema objects: what catalog's loader and the machine call upward.

#include "catalog/connection.h"

// A CompileCreate (catalog/connection.h): one row of sqlite_schema. On failure *message says why
// (mem_free).
int schema_compile_object(sqlite3 *db, int database, const SchemaEntry *entry, char **message);

// A CompileVtab (vtab/vtab.h): the columns a module declares, from the CREATE TABLE it passes to
// sqlite3_declare_vtab(). The table's own name and module stay.
int schema_compile_vtab(sqlite3 *db, const char *sql, Table *table);

// OP_ParseSchema: loads the rows of sqlite_schema that fulfil `where`, on top of what the schema in
// memory holds. SQLITE_CORRUPT with "malformed database schema" on the connection when a
// row cannot be compiled.
int schema_parse_rows(sqlite3 *db, int database, const char *where);

// VACUUM [INTO]: rebuilds a database into a fresh file and copies it back.
int vacuum_run(sqlite3 *db, int database, Value *into, char **message);

#endif
