#ifndef QUIRE_FTS_COUNT_WALK_H
#define QUIRE_FTS_COUNT_WALK_H
// How many rows of a query are left, without standing on each.

#include "fts/match_query.h"

// Rows behind the one stood on, up to `last`. The query is then at its end, or must be opened anew.
MUST_USE int query_count_rest(Query *query, i64 last, i64 *count);

#endif
