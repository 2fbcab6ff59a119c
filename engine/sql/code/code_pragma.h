#ifndef QUIRE_SQL_CODE_CODE_PRAGMA_H
#define QUIRE_SQL_CODE_CODE_PRAGMA_H
// Shared by the files that serve pragmas.
//
// Settings take effect while the statement is compiled, as in SQLite; what needs the file is coded.
//
// pragma.def has a line per pragma: its handler, an argument for handlers that serve several, when
// it gives rows, and its columns. A program that holds what was found while compiling expires at
// its end (Codegen.runs_once), so that stepping it again looks again.

#include "sql/code/code_ddl.h"

typedef struct PragmaCode {
    Codegen *g;
    sqlite3 *db;
    const Pragma *tree;
    const char *name;
    const char *value;  // with its sign; NULL when none is given
    const char *schema; // written before the name; NULL when not
    int database;
    int argument; // of the pragma's table row
    Reg row;      // registers rows are made in
} PragmaCode;

enum { PRAGMA_COLUMN_MAX = 8 };

// Loads values and gives a row: one letter each, 's' text (NULL: NULL), 'i' int, 'l' i64, 'n' NULL.
void pragma_row(PragmaCode *p, const char *letters, ...);
// on, yes, true, full, extra, or a number that is not 0 in its lowest byte; `otherwise` for words
// that mean neither yes nor no.
bool pragma_boolean(const char *value, bool otherwise);
Btree *pragma_btree(const PragmaCode *p); // NULL when the database has no file yet
void pragma_apply_sync(sqlite3 *db, int database);

// Names of the result columns, separated by blanks; NULL: it gives none, or there is no such
// pragma.
const char *pragma_columns(const char *name, const char **own_name);
bool pragma_takes_table(const char *name); // its argument names a table or an index
// A ModuleFactory (vtab/vtab.h): registers pragma_x as a table-valued function.
bool pragma_make_module(sqlite3 *db, const char *name);

// One function per handler of pragma.def.
#define PRAGMA(name, handler, argument, flags, columns) void pragma_##handler(PragmaCode *p);
#include "sql/code/pragma.def"
#undef PRAGMA

// Whether the engine itself knows a pragma of the name.
bool pragma_is_known(const char *name);

#endif
