#ifndef QUIRE_FTS_FTS_CONNECTION_H
#define QUIRE_FTS_FTS_CONNECTION_H
// What a database connection holds for full-text search: the fts5_api handed to applications, the
// tokenizers and auxiliary functions known to it, and its open tables and cursors.
//
// It lives as long as the module's registration and is freed with it. One connection is used by one
// thread at a time, as SQLite's mutex sees to.

#include "fts/fts_api.h"
#include "fts/tokenizer/tokenizer.h"

#include "quire.h"

typedef struct FtsConnection FtsConnection;

typedef struct AuxFunction {
    struct AuxFunction *next;
    FtsConnection *connection;
    char *name;
    void *user_data;
    fts5_extension_function call;
    void (*destroy)(void *);
} AuxFunction;

typedef struct FtsTable FtsTable;
typedef struct FtsCursor FtsCursor;

enum { LOCALE_HEADER_SIZE = 16 };

struct FtsConnection {
    fts5_api api; // first: the application's pointer is cast back
    sqlite3 *db;
    int ref_count; // one per registered module
    TokenizerList tokenizers;
    AuxFunction *functions;
    FtsTable *tables;   // open ones, linked by `next`
    FtsCursor *cursors; // open ones, linked by `next`
    i64 cursor_count;   // ever opened: gives each its id
    u8 locale_header[LOCALE_HEADER_SIZE];
    // quire_walk_blobs() where the library has it, else NULL.
    int (*walk_blobs)(sqlite3 *db, const quire_blob_walk *walk);
};

MUST_USE int fts_connection_new(sqlite3 *db, FtsConnection **out);
void fts_connection_unref(void *connection);
AuxFunction *fts_connection_find_function(FtsConnection *connection, const char *name);
// fts5(?1): stores the api where the bound pointer says.
MUST_USE int fts_connection_add_sql_functions(FtsConnection *connection);

#endif
