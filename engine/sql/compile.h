#ifndef QUIRE_SQL_COMPILE_H
#define QUIRE_SQL_COMPILE_H
// The front end's door: SQL text to a prepared statement.
//
// Everything else in sql/ is reached from here, or through the hooks that sql_install() hands down:
// schema loading, OP_ParseSchema, VACUUM, nested SQL of modules, and compiling anew a statement
// whose schema has changed.

#include "catalog/connection.h"

typedef struct Vm Vm; // vm/vm.h

// Tells the layers below how to compile: schema loading, recompilation, nested SQL. Once, at
// initialisation.
void sql_install(void);

// Compiles the first statement of sql[0..size). *out is NULL when there is none (only comments or
// blanks). *tail is where the next one begins. Errors are set on the connection.
// prepare_flags: SQLITE_PREPARE_*, COMPILE_AS_* (vm/vm.h). The caller frees *out by vm_finalize().
// May wait for a lock: reading a schema reads the file.
MUST_USE int sql_compile(sqlite3 *db, const char *sql, size_t size, u32 prepare_flags, Vm **out,
                         size_t *tail);

// Runs text of any number of statements, dropping rows (VACUUM, ALTER, virtual tables' set-up).
MUST_USE int sql_run(sqlite3 *db, const char *sql);

#endif
