#ifndef QUIRE_FTS_FTS3_FTS3_TABLE_H
#define QUIRE_FTS_FTS3_FTS3_TABLE_H
// One open FTS3 or FTS4 table: what its CREATE statement says, its pending postings, and the
// statements over its shadow tables.
//
// Invariants
// - indexes[0] holds whole terms, the others prefixes of so many bytes.
// - Everything pending is of one language; a row of another one flushes first. Docids
//   ascend; one that does not flushes first.
// - What a segment says of a docid hides what older segments say of it. A docid without positions
//   is a deletion.
// - Bytes of shadow tables are checked, never asserted: what is broken gives SQLITE_CORRUPT_VTAB.

#include "fts/fts3/fts3_bytes.h"
#include "fts/fts3/fts3_pending.h"
#include "fts/fts3/fts3_tokenizer.h"

typedef enum Fts3Stmt {
    FTS3_CONTENT_INSERT,
    FTS3_CONTENT_DELETE,
    FTS3_CONTENT_LOOKUP, // docid, columns, language
    FTS3_CONTENT_EXISTS, // another docid than ?1
    FTS3_BLOCK_READ,
    FTS3_BLOCK_WRITE,
    FTS3_BLOCK_NEXT, // first id behind all
    FTS3_BLOCKS_DELETE,
    FTS3_SEGMENT_LIST, // of levels ?1 to ?2, newest first
    FTS3_SEGMENT_WRITE,
    FTS3_SEGMENT_DELETE,
    FTS3_SEGMENT_COUNT, // of a level
    FTS3_LEVEL_MAX,     // between ?1 and ?2
    FTS3_SEGMENT_SHIFT, // gives a segment another index
    FTS3_SEGMENT_TRIM,  // its new start and root
    FTS3_SEGMENT_MOVE,  // to another level
    FTS3_DOCSIZE_READ,
    FTS3_DOCSIZE_WRITE,
    FTS3_DOCSIZE_DELETE,
    FTS3_STAT_READ,
    FTS3_STAT_WRITE,
    FTS3_LEVEL_FULL,    // a level of at least ?1 segments, the lowest
    FTS3_LEVEL_HIGHEST, // of any index, counted from its first
    FTS3_LANGUAGES,     // of all levels in use
    FTS3_STMT_COUNT,
} Fts3Stmt;

typedef enum Fts3Content { FTS3_CONTENT_OWN, FTS3_CONTENT_NONE, FTS3_CONTENT_EXTERNAL } Fts3Content;

typedef struct Fts3Index {
    u32 prefix_size; // 0: whole terms
    Fts3Pending pending;
} Fts3Index;

enum {
    FTS3_SEGMENTS_MAX = 16,     // of a level, before they are merged
    FTS3_LEVELS = 1024,         // of an index
    FTS3_PENDING_MAX = 1 << 20, // bytes
    FTS3_STAT_TOTALS = 0,       // rows of %_stat
    FTS3_STAT_HINT = 1,
    FTS3_STAT_AUTOMERGE = 2,
};

typedef struct Fts3Table {
    sqlite3_vtab base; // first: SQLite's pointer is cast back
    sqlite3 *db;
    char *db_name;
    char *name;
    int version; // 3 or 4
    int column_count;
    char **columns;
    bool *is_unindexed;
    char *language_column; // NULL: the table has no languages
    Fts3Content content;
    char *content_table; // external one
    char *compress;
    char *uncompress;
    char *tokenizer_spec;
    sqlite3_tokenizer *tokenizer;
    int index_count;
    Fts3Index *indexes;
    bool is_descending;
    bool has_docsize;
    bool has_stat; // %_stat is known to exist
    int automerge; // segments; 0: off; -1: not read yet
    u32 node_size;
    sqlite3_stmt *stmts[FTS3_STMT_COUNT];

    // What is pending.
    int language;
    i64 last_docid;
    bool last_was_delete;
    i64 leaves_written; // in this transaction, what automerge goes by
    int own_writes;     // statements on shadow tables are running: their savepoints mean nothing
} Fts3Table;

typedef struct Fts3Modules {
    Fts3Tokenizers *tokenizers;
    int version; // of the tables that this registration makes
} Fts3Modules;

extern const sqlite3_module fts3_table_module, fts3_aux_module, fts3_tokenize_module;

int fts3_error(Fts3Table *table, int rc, char *message); // takes the message
MUST_USE int fts3_stmt(Fts3Table *table, Fts3Stmt which, sqlite3_stmt **out);
int fts3_step_once(sqlite3_stmt *stmt); // for statements without rows
// A blob of %_docsize or %_stat; none reads as empty. What is read is padded.
MUST_USE int fts3_blob_write(Fts3Table *table, Fts3Stmt which, i64 id, const FtsBuffer *bytes);
MUST_USE int fts3_blob_read(Fts3Table *table, Fts3Stmt which, i64 id, FtsBuffer *out);
// Runs `sql` and frees it; NULL means that there was no memory for it.
MUST_USE int fts3_run(sqlite3 *db, char *sql);
// "SELECT docid, columns, language FROM ... AS x"; for sqlite3_free().
char *fts3_read_text(const Fts3Table *table);
MUST_USE int fts3_create_stat(Fts3Table *table);
// Frees everything the table owns, and itself.
void fts3_table_free(Fts3Table *table);
// The first level of an index of a language.
i64 fts3_level_base(const Fts3Table *table, int language, int index);

// --- fts3_options.c ---

// Fills in what the arguments of CREATE VIRTUAL TABLE say.
MUST_USE int fts3_table_configure(Fts3Table *table, int arg_count, const char *const *args,
                                  char **message);

// --- fts3_cursor.c ---

int fts3_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info);
int fts3_cursor_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out);
int fts3_cursor_close(sqlite3_vtab_cursor *cursor);
int fts3_cursor_filter(sqlite3_vtab_cursor *cursor, int plan, const char *order, int arg_count,
                       sqlite3_value **args);
int fts3_cursor_next(sqlite3_vtab_cursor *cursor);
int fts3_cursor_eof(sqlite3_vtab_cursor *cursor);
int fts3_cursor_column(sqlite3_vtab_cursor *cursor, sqlite3_context *ctx, int column);
int fts3_cursor_rowid(sqlite3_vtab_cursor *cursor, sqlite3_int64 *rowid);
int fts3_find_function(sqlite3_vtab *vtab, int arg_count, const char *name,
                       void (**function)(sqlite3_context *, int, sqlite3_value **),
                       void **user_data);

// --- fts3_update.c, fts3_index.c, fts3_merge.c, fts3_check.c ---

int fts3_table_update(sqlite3_vtab *vtab, int arg_count, sqlite3_value **args,
                      sqlite3_int64 *rowid);
// The tokens of a row, before anything changes: tokenizers may fail. sizes has column_count + 1
// places, which grow: tokens per column, then bytes of all.
MUST_USE int fts3_tokens_collect(Fts3Table *table, int language, sqlite3_value *const *values,
                                 u32 *sizes, FtsBuffer *out);
// Adds them to what is pending, as present or as deleted.
MUST_USE int fts3_tokens_add(Fts3Table *table, bool is_delete, const FtsBuffer *tokens);
// Both in one.
MUST_USE int fts3_index_row(Fts3Table *table, bool is_delete, sqlite3_value *const *values,
                            u32 *sizes);
// Says which row the next tokens added are of; flushes what the order forbids to stay.
MUST_USE int fts3_index_begin_row(Fts3Table *table, int language, i64 docid, bool is_delete);
// Pending postings to segments.
MUST_USE int fts3_flush(Fts3Table *table);
void fts3_forget_pending(Fts3Table *table);
// Brings segments of higher levels down to `level` if they are all no larger than one there.
MUST_USE int fts3_promote(Fts3Table *table, i64 level, i64 leaf_bytes);
MUST_USE int fts3_optimize(Fts3Table *table, bool *has_changed);
MUST_USE int fts3_merge_steps(Fts3Table *table, int page_count, int segment_min);
MUST_USE int fts3_automerge(Fts3Table *table); // what a commit owes
MUST_USE int fts3_rebuild(Fts3Table *table);
MUST_USE int fts3_clear(Fts3Table *table, bool with_content);
MUST_USE int fts3_check(Fts3Table *table, bool *is_ok);

#endif
