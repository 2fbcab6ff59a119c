#ifndef QUIRE_SQL_CODE_ALTER_TEXT_H
#define QUIRE_SQL_CODE_ALTER_TEXT_H
// ALTER TABLE's work on text: the CREATE statements of sqlite_schema with some of their tokens
// replaced. Nothing else of a statement changes, so it keeps its layout and comments.

#include "base/buffer.h"
#include "catalog/connection.h"
#include "sql/ast.h"

// `text` between quotes (' or "), those inside doubled.
void text_add_quoted(Buffer *out, const char *text, char quote);

// Replacements in one text, in any order, none overlapping.
typedef struct TextEdit {
    u32 offset, size;
    const char *text;
} TextEdit;
typedef struct EditList {
    Arena *arena;
    const char *sql;
    TextEdit *items;
    u32 count, capacity;
} EditList;
// Places are offsets in `sql`. A second edit at one place is the same one, reached by another way.
void edit_add(EditList *list, u32 offset, u32 size, const char *text);
u32 edit_token_size(const char *sql, u32 offset); // of the token that begins there
const char *edit_apply(EditList *list);           // NULL: no memory

// What is renamed: a table (column NULL) or one of its columns.
typedef struct Rename {
    sqlite3 *db;
    Arena *arena;
    Table *table;
    const char *column;
    const char *new_name;
    bool new_is_quoted;
    bool keeps_references; // legacy_alter_table: other tables' foreign keys stay
    bool is_shallow; // legacy_alter_table: of a table, only where objects say what they are on
} Rename;
// The statement `stmt`, parsed from `sql`, with the new name wherever it means the old thing. The
// same text when it does not.
const char *rename_in_statement(const Rename *rename, const char *sql, const Stmt *stmt);

#endif
