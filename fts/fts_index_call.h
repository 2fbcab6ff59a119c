#ifndef QUIRE_FTS_FTS_INDEX_CALL_H
#define QUIRE_FTS_FTS_INDEX_CALL_H
// fts_match(), fts_score() and fts_highlight() over the columns of a full-text index.
#include "fts/fts_bytes.h"

#include "quire.h"

// *sql: what takes the call's place; NULL: no index has these columns.
int fts_index_call(const quire_index_request *request, char **sql, char **error);
int fts_index_call_register(sqlite3 *db);

#endif
