#ifndef QUIRE_SQL_CODE_CODE_DDL_H
#define QUIRE_SQL_CODE_CODE_DDL_H
// Shared by the files that create and drop objects: names, and rows of sqlite_schema.

#include "sql/code/code_write.h"

// Database a new object goes to: that of its schema name, temp when asked for, else main. -1: the
// error is set.
int ddl_database(Codegen *g, const QualifiedName *name, bool temp, const char *what);
// Names that begin with sqlite_ are ours. false: refused.
bool ddl_check_name(Codegen *g, const char *name);
const char *ddl_schema_table(int database); // "sqlite_master" or "sqlite_temp_master"
// The name as the statement writes it, quotes included: `body` begins with it.
const char *ddl_written_name(Codegen *g, Span body, const char *name);
// Opens the file of the temporary database if it is not.
void ddl_open_temp(Codegen *g, int database);
// The program writes rows of sqlite_schema (codegen_locks).
void ddl_lock_schema(Codegen *g, int database);
// A file without format gets format 4 and the connection's encoding.
void ddl_code_file_format(Codegen *g, int database);

// A row of sqlite_schema; root_reg 0: no root page; sql NULL: none.
typedef struct SchemaRowText {
    const char *type, *name, *table_name;
    Reg root_reg;
    const char *sql;
} SchemaRowText;
void ddl_code_schema_row(Codegen *g, int database, const SchemaRowText *row);
// Deletes rows: of one type (NULL: all but triggers) with that name in column 1 (name) or 2
// (tbl_name).
void ddl_code_schema_delete(Codegen *g, int database, const char *type, int column,
                            const char *name);

// SQLite changes sqlite_schema by statements of its own, and an authorizer is asked about each. The
// rows are written without such statements here, but programs that allow some changes and refuse
// others rely on the questions; a refusal sticks to `g`.
void ddl_authorize_fill(Codegen *g, int database); // a new table's or view's row gets its values
void ddl_authorize_move(Codegen *g, int database); // the root page of a row changes
void ddl_authorize_delete(Codegen *g, int database, const char *key_column); // rows by key and type

// The cookie other connections compare: after every change of the schema, once per statement and
// database.
void ddl_code_change_cookie(Codegen *g, int database);
// Reads the rows of sqlite_schema that fulfil the condition into memory.
void ddl_code_parse_schema(Codegen *g, int database, const char *fmt, ...) PRINTF_LIKE(3, 4);
// `text` as an SQL string, or as a name with the quotes it needs; in the arena. "" after an error,
// which sticks.
const char *sql_quoted(Codegen *g, const char *text);
const char *sql_identifier(Codegen *g, const char *name);
// Drops the tree `root` and repairs the schema when another one took its place.
void ddl_code_destroy_root(Codegen *g, int database, Pgno root);
void ddl_code_drop_trigger(Codegen *g, const Trigger *trigger);
void ddl_clear_statistics(Codegen *g, int database, const char *column, const char *name);

// Indexes of a method (code_index_method.c). Does CREATE INDEX ask for one?
bool code_is_method_index(Codegen *g, const CreateIndex *create);
void code_create_method_index(Codegen *g, const CreateIndex *create, const Table *table);
// false: no method knows an index of that name.
bool code_drop_method_index(Codegen *g, const QualifiedName *name);
void code_drop_method_indexes(Codegen *g, const Table *table); // before the table goes

// Fills `index` from its table. root_reg 0: index->root is emptied first (REINDEX).
void code_refill_index(Codegen *g, Index *index, Reg root_reg);

#endif
