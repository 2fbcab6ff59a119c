#ifndef QUIRE_FTS_FTS3_FTS3_CURSOR_H
#define QUIRE_FTS_FTS3_FTS3_CURSOR_H
// One running query, and the functions that look at the row it stands on.

#include "fts/fts3/fts3_query.h"

typedef enum Fts3Plan { FTS3_PLAN_SCAN, FTS3_PLAN_DOCID, FTS3_PLAN_MATCH } Fts3Plan;

typedef struct Fts3Cursor {
    sqlite3_vtab_cursor base; // first: SQLite's pointer is cast back
    Fts3Plan plan;
    sqlite3_stmt *stmt; // rows: all of a scan, one of a match
    Fts3Query query;    // of a match
    u64 at;             // counts the query's matches, in the order asked for
    bool is_descending;
    i64 first_docid; // bounds of a match, inclusive
    i64 last_docid;
    bool is_eof;
    bool has_row;   // `stmt` stands on the row
    bool is_absent; // the row is not where rows are stored
    i64 docid;
} Fts3Cursor;

static inline Fts3Table *fts3_cursor_table(const Fts3Cursor *cursor)
{
    return (Fts3Table *)cursor->base.pVtab;
}

// Makes `stmt` stand on the current row; sets is_absent if rows are stored elsewhere and this one
// is not.
MUST_USE int fts3_cursor_load(Fts3Cursor *cursor);

// --- functions of SQL; ctx has the cursor's row ---

typedef struct Fts3Snippet {
    const char *open;
    const char *close;
    const char *ellipsis;
    int column; // -1: any
    int token_count;
} Fts3Snippet;

void fts3_offsets(sqlite3_context *ctx, Fts3Cursor *cursor);
void fts3_snippet(sqlite3_context *ctx, Fts3Cursor *cursor, const Fts3Snippet *wish);
void fts3_matchinfo(sqlite3_context *ctx, Fts3Cursor *cursor, const char *format);

#endif
