#ifndef QUIRE_SESSION_SESSION_SHAPE_H
#define QUIRE_SESSION_SESSION_SHAPE_H
// What a changeset needs to know of a table of a database: its stored columns and its key.
//
// Generated and hidden columns are left out. A table without a primary key has none of its changes
// recorded, unless its rowid is taken as a first column "_rowid_" that is the key. sqlite_stat1,
// which has no key, is treated as if (tbl, idx) were it; a NULL idx stands in changesets as an
// empty blob.

#include "base/arena.h"
#include "base/buffer.h"
#include "sqlite3.h"

// `names`, `defaults`, `key` and `places` have column_count entries each.
typedef struct TableShape {
    int column_count; // 0: there is no such table
    const char **names;
    const char **defaults; // SQL text or NULL
    u8 *key;               // place in the primary key from 1, or 0
    int *places;           // column number in the table as the preupdate hook counts, -1: rowid
    bool has_key;
    bool has_rowid_key;
    bool is_statistics; // sqlite_stat1
    Arena arena;        // holds the arrays
} TableShape;

// A table that is missing has column_count 0 and SQLITE_OK.
MUST_USE int table_shape_read(sqlite3 *db, const char *schema, const char *table, bool takes_rowid,
                              TableShape *out);
void table_shape_deinit(TableShape *shape);
// Appends the default values of columns `from` and on, a field each: what rows and changes of an
// older version of the table lack.
MUST_USE int table_shape_defaults(sqlite3 *db, const TableShape *shape, int from, Buffer *out);

// Compiles what sqlite3_mprintf() made (or failed to), and frees it.
MUST_USE int session_prepare(sqlite3 *db, char *sql, sqlite3_stmt **stmt);

#endif
