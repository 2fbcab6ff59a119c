#ifndef QUIRE_FTS_FTS_CURSOR_H
#define QUIRE_FTS_FTS_CURSOR_H
// One running query, and what auxiliary functions ask of its row.

#include "fts/bm25.h"
#include "fts/fts_table.h"
#include "fts/match_query.h"
#include "fts/top_docs.h"

// What FTS5 answers, as -1, for a row whose text and lengths are stored nowhere.
#define LENGTH_UNKNOWN UINT32_MAX

typedef struct Instance {
    int phrase;
    int column;
    int offset;
} Instance;

typedef struct AuxData {
    struct AuxData *next;
    const AuxFunction *function;
    void *data;
    void (*destroy)(void *);
} AuxData;

struct FtsCursor {
    sqlite3_vtab_cursor base; // first: SQLite's pointer is cast back
    FtsCursor *next;
    FtsTable *table;
    i64 id;
    Query *query;       // NULL: a scan, or a special query
    FtsBuffer text;     // of all MATCH terms, as one query
    sqlite3_stmt *scan; // rows without MATCH, or rows in the order of a user's rank function
    sqlite3_stmt *lookup;
    bool has_row;       // lookup stands on the row
    bool has_positions; // the query stands on the row
    i64 first_rowid;    // bounds of rowids
    i64 last_rowid;
    TopDocs top; // rows in order of output, when it is not the query's
    bool is_top;
    bool has_score; // that of the row is known
    f64 score;
    i64 row_limit; // no more than so many rows are wanted; -1: not known
    Bm25 *bm25;    // of the query; NULL: not computed
    bool is_descending;
    bool is_by_bm25; // the order of rank is that of bm25(t)
    i64 rowid;
    bool is_end;
    Instance *instances; // of the row
    int instance_count;  // -1: not gathered
    FtsBuffer *tokens;   // of instances, see inst_token.c; NULL: none was asked for
    int token_count;
    int tokens_per_instance;
    u32 *lengths;
    bool has_lengths;
    AuxData *aux_data;
    const AuxFunction *aux; // that is running
    char *rank_function;
    char *rank_args;
};

extern const Fts5ExtensionApi fts_aux_api;

FtsCursor *fts_cursor_find(FtsConnection *connection, i64 id);
// Moves to the end; how many rows were left, or *rows as it was when it cannot tell.
MUST_USE int fts_cursor_count_rest(sqlite3_vtab_cursor *base, sqlite3_int64 *rows);
MUST_USE int fts_cursor_seek_content(FtsCursor *cursor); // makes has_row true
MUST_USE int fts_cursor_load_lengths(FtsCursor *cursor); // makes has_lengths true
MUST_USE int fts_cursor_gather(FtsCursor *cursor);       // fills instances
// The text of a column of the row, none where it is not stored; SQLITE_RANGE: no such column.
MUST_USE int fts_cursor_text(FtsCursor *cursor, int column, TableText *out);
// inst_token.c: the token that a term of an instance's phrase stands for in this row, empty if that
// cannot be told. It lives as long as the instances do.
MUST_USE int fts_cursor_inst_token(FtsCursor *cursor, int instance, int term,
                                   const FtsBuffer **out);
void fts_cursor_forget_tokens(FtsCursor *cursor);
MUST_USE int fts_cursor_seek_query(FtsCursor *cursor); // makes has_positions true
void fts_cursor_call(FtsCursor *cursor, const AuxFunction *aux, sqlite3_context *ctx, int arg_count,
                     sqlite3_value **args);
void fts_cursor_free_aux(FtsCursor *cursor);
// bm25, highlight, snippet, fts5_get_locale.
void fts_bm25(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *ctx, int arg_count,
              sqlite3_value **args);
void fts_highlight(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *ctx,
                   int arg_count, sqlite3_value **args);
void fts_snippet(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *ctx, int arg_count,
                 sqlite3_value **args);
void fts_get_locale(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *ctx,
                    int arg_count, sqlite3_value **args);
MUST_USE int fts_register_functions(FtsConnection *connection);

#endif
