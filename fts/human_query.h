#ifndef QUIRE_FTS_HUMAN_QUERY_H
#define QUIRE_FTS_HUMAN_QUERY_H
// The SQL function fts_query(text), for text typed by people.

#include "fts/fts_bytes.h"

void fts_human_query(sqlite3_context *ctx, int arg_count, sqlite3_value **args);

#endif
