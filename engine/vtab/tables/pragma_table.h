#ifndef QUIRE_VTAB_TABLES_PRAGMA_TABLE_H
#define QUIRE_VTAB_TABLES_PRAGMA_TABLE_H
// PRAGMA x(arg) as the table-valued function pragma_x(arg, schema).

#include "sqlite3.h"

// The module's methods; its client data is a PragmaTable.
extern const sqlite3_module pragma_table_module;

typedef struct PragmaTable {
    const char *name;           // of the pragma
    const char *const *columns; // of its rows, NULL at the end
    int takes_argument;         // a hidden column "arg"
    int takes_schema;           // a hidden column "schema"
} PragmaTable;

#endif
