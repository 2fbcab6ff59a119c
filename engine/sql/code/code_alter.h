#ifndef QUIRE_SQL_CODE_CODE_ALTER_H
#define QUIRE_SQL_CODE_CODE_ALTER_H
// Shared by the files that code ALTER TABLE.
//
// The new texts are made while the statement is compiled, from the rows of sqlite_schema as they
// are; the program writes them, and the schema is read anew. A schema that changed in between makes
// the program expire before it runs.

#include "sql/code/alter_text.h"
#include "sql/code/code_ddl.h"

// A row of sqlite_schema; `is_changed`: it is written back.
typedef struct AlterRow {
    i64 rowid;
    int database;
    const char *type, *name, *table_name, *sql;
    i64 root;
    bool is_changed;
    bool has_dead_terms; // x AND 0, which the object in memory has no more
    Stmt *stmt;          // parsed; NULL for indexes behind constraints
    const char *parsed_sql;
} AlterRow;

typedef struct AlterCode {
    Codegen *g;
    const Alter *alter;
    Table *table;
    int database;
    AlterRow *rows;
    u32 row_count, row_capacity;
    const char *verb; // "rename", "drop column": for messages about what no longer fits
} AlterCode;

bool alter_load_rows(AlterCode *a);
bool alter_parse_row(AlterCode *a, AlterRow *row); // false: no memory
// Binds the names of a trigger's statements, as far as they read anything.
MUST_USE int alter_resolve_trigger(sqlite3 *db, Arena *arena, Trigger *trigger);
// Texts in double quotes get single ones, so that no name can be mistaken for them, nor they for a
// name (alter_quotes.c).
bool alter_fix_quotes(AlterCode *a);
bool alter_row_resolves(AlterCode *a, const AlterRow *row); // do all its names mean something?
// The same of a view's or trigger's changed text, in the schema as it was. Sets the error.
MUST_USE int alter_resolve_text(AlterCode *a, const AlterRow *row);
AlterRow *alter_table_row(AlterCode *a); // of the table itself; NULL: an error is set
// Is the changed text of the table, and are its indexes, still sound? Sets "error in table t after
// rename: ...".
bool alter_verify_table(AlterCode *a);
bool alter_verify_table_plain(AlterCode *a); // the error as it comes
// Runs "PRAGMA text" and fails with what it finds first about a constraint.
void alter_code_quick_check(Codegen *g, const char *text);
// Views and triggers as they are now; verb NULL: before anything was changed.
bool alter_verify_others(AlterCode *a);
void alter_code_rows(AlterCode *a);
void alter_code_reload(AlterCode *a);
void alter_set_sql(AlterRow *row, const char *sql);

Rename alter_rename_of(AlterCode *a, const char *column); // column NULL: of the table
void alter_rewrite_rows(AlterCode *a, const Rename *rename);

void alter_rename_table(AlterCode *a);
// The column that the statement names, of an ordinary table; -1: an error is set. `verb` is what
// was to be done to it.
int alter_find_column(AlterCode *a, const char *verb);
bool alter_column_is_unique(const Table *table, int column); // by a constraint of its own
void alter_rename_column(AlterCode *a);
void alter_add_column(AlterCode *a);
void alter_drop_column(AlterCode *a);
void alter_change_column(AlterCode *a); // ALTER COLUMN ... TO
void alter_constraint(AlterCode *a);    // ADD and DROP CONSTRAINT, SET and DROP NOT NULL

#endif
