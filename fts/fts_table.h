#ifndef QUIRE_FTS_FTS_TABLE_H
#define QUIRE_FTS_FTS_TABLE_H
// One open table: its configuration, its index, and the tables its rows live in.

#include "fts/doc_lengths.h"
#include "fts/fts_index.h"

typedef enum TableStmt {
    STMT_CONTENT_LOOKUP, // by rowid: all columns, then locales
    STMT_CONTENT_INSERT,
    STMT_CONTENT_REPLACE,
    STMT_CONTENT_DELETE,
    STMT_DOCSIZE_READ,
    STMT_DOCSIZE_RANGE,
    STMT_DOCSIZE_WRITE,
    STMT_DOCSIZE_DELETE,
    STMT_CONFIG_WRITE,
    TABLE_STMT_COUNT,
} TableStmt;

struct FtsTable {
    sqlite3_vtab base; // first: SQLite's pointer is cast back
    FtsTable *next;
    FtsConnection *connection;
    FtsConfig config;
    FtsIndex index;
    sqlite3_stmt *stmts[TABLE_STMT_COUNT];
    bool has_totals;
    bool has_changed_totals;
    i64 row_count;
    i64 *token_totals; // per column
    DocLengths lengths;
};

extern const sqlite3_module fts_table_module;

int fts_table_error(FtsTable *table, int rc, char *message); // takes the message
MUST_USE int fts_table_stmt(FtsTable *table, TableStmt which, sqlite3_stmt **out);
// "id, c0, c1, ..." or what the content table calls them; for sqlite3_free().
char *fts_table_columns(const FtsTable *table);
char *fts_table_source(const FtsTable *table); // what to select rows from; for sqlite3_free()
MUST_USE int fts_table_load(FtsTable *table);
MUST_USE int fts_table_totals(FtsTable *table);
MUST_USE int fts_table_save_totals(FtsTable *table);
// SQLITE_CORRUPT_VTAB when there is no such row.
MUST_USE int fts_table_lengths(FtsTable *table, i64 rowid, u32 *lengths);
MUST_USE int fts_table_update(sqlite3_vtab *vtab, int arg_count, sqlite3_value **args,
                              sqlite3_int64 *rowid);

// Tokens of all columns as pending postings; lengths gets how many each has.
MUST_USE int fts_table_index_values(FtsTable *table, i64 rowid, bool is_delete,
                                    sqlite3_value **values, u32 *lengths);
MUST_USE int fts_table_check(FtsTable *table, bool with_external); // fts_integrity.c

typedef struct TableText {
    const char *text;
    int size;
    const char *locale;
    int locale_size;
} TableText;
// The text of a value, and its locale if it is an fts5_locale() blob of this connection.
void fts_table_text(const FtsTable *table, sqlite3_value *value, TableText *out);
// The second case alone; the value stays as it is, while asking a blob for its text may turn it into
// text.
bool fts_table_locale_text(const FtsTable *table, sqlite3_value *value, TableText *out);
MUST_USE int fts_table_tokenize(FtsTable *table, int flags, const TableText *text, void *ctx,
                                TokenCallback *emit);

// --- cursors: fts_cursor.c ---

int fts_cursor_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info);
int fts_cursor_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out);
int fts_cursor_close(sqlite3_vtab_cursor *cursor);
int fts_cursor_filter(sqlite3_vtab_cursor *cursor, int plan, const char *plan_text, int arg_count,
                      sqlite3_value **args);
int fts_cursor_next(sqlite3_vtab_cursor *cursor);
int fts_cursor_eof(sqlite3_vtab_cursor *cursor);
int fts_cursor_column(sqlite3_vtab_cursor *cursor, sqlite3_context *ctx, int column);
int fts_cursor_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid);
int fts_cursor_find_function(sqlite3_vtab *vtab, int arg_count, const char *name,
                             void (**function)(sqlite3_context *, int, sqlite3_value **),
                             void **user_data);

#endif
