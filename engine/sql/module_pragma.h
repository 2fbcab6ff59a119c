#ifndef QUIRE_SQL_MODULE_PRAGMA_H
#define QUIRE_SQL_MODULE_PRAGMA_H
// Pragmas that modules answer (quire.h has the contract): who registered them, and asking them.

#include "catalog/connection.h"
#include "quire.h"
#include "sql/ast.h"

typedef struct ModulePragma {
    char *name; // owned
    quire_pragma *callback;
    void *arg;
    void (*destroy)(void *);
} ModulePragma;

// Pragmas of the engine itself come first: a module cannot take over their names.
// callback NULL removes. `destroy` is called with arg on failure too.
MUST_USE int module_pragma_register(sqlite3 *db, const ModulePragma *pragma);
ModulePragma *module_pragma_find(sqlite3 *db, const char *name); // NULL when absent
// *sql (sqlite3_free) is what is to be compiled in place of the pragma. Errors are set on the
// connection.
MUST_USE int module_pragma_ask(sqlite3 *db, const Pragma *pragma, char **sql);
void module_pragmas_free(sqlite3 *db);

#endif
