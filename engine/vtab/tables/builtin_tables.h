#ifndef QUIRE_VTAB_TABLES_BUILTIN_TABLES_H
#define QUIRE_VTAB_TABLES_BUILTIN_TABLES_H
// The virtual tables that every connection starts with and that use the public interface only.

#include "base/contract.h"
#include "sqlite3.h"

// Registers their modules and functions. `db` must be open.
MUST_USE int builtin_tables_register(sqlite3 *db);
// One of them each.
MUST_USE int statement_table_register(sqlite3 *db); // sqlite_stmt
MUST_USE int bytecode_tables_register(sqlite3 *db); // bytecode, tables_used
MUST_USE int csv_table_register(sqlite3 *db);
MUST_USE int carray_table_register(sqlite3 *db);

#endif
