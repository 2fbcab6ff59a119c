#ifndef QUIRE_FTS_RANK_WALK_H
#define QUIRE_FTS_RANK_WALK_H
// The best rows of a query by bm25, for a LIMIT that is known, without scoring the rest.

#include "fts/fts_cursor.h"

// Whether the opened query is one of those that rank_walk_run() can do; see rank_walk.c.
bool rank_walk_applies(const FtsCursor *cursor);
// Fills cursor->top, whose limit is set, with the best rows up to cursor->last_rowid. The query
// then stands nowhere: it must be opened anew.
MUST_USE int rank_walk_run(FtsCursor *cursor);

#endif
