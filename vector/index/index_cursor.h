#ifndef QUIRE_VECTOR_INDEX_INDEX_CURSOR_H
#define QUIRE_VECTOR_INDEX_INDEX_CURSOR_H
// Reading from an index by SQL: columns, plans, cursors.

#include "vector/index/vector_index.h"

typedef enum IndexColumn {
    INDEX_ID,
    INDEX_DISTANCE,
    // Hidden ones: arguments in the order of index(query, k, recall), then the rest.
    INDEX_QUERY,
    INDEX_K,
    INDEX_RECALL,
    INDEX_FILTER, // a RowFilter by sqlite3_bind_pointer(), for modules on top of this one
    INDEX_PLAN,   // what the search did, as text
    INDEX_COMMAND,
    INDEX_PREFIX, // and on: the prefix columns
} IndexColumn;

extern const char index_filter_pointer[]; // the type of that pointer

int index_best_index(sqlite3_vtab *table, sqlite3_index_info *info);
int index_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out);
int index_close(sqlite3_vtab_cursor *base);
int index_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int arg_count,
                 sqlite3_value **args);
int index_next(sqlite3_vtab_cursor *base);
int index_eof(sqlite3_vtab_cursor *base);
int index_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column);
int index_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out);

// Reads a query: text, or a blob of any type that can be compared. *owned (sqlite3_free) holds the
// elements where the value does not.
MUST_USE int index_query_read(Index *index, sqlite3_value *value, Vector *out, u8 **owned);
// Takes the queue in where that costs nobody anything; never fails for want of a lock.
MUST_USE int index_maintain(Index *index);

#endif
