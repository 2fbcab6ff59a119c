#ifndef QUIRE_FTS_FTS_INDEX_NAMES_H
#define QUIRE_FTS_FTS_INDEX_NAMES_H
// Which full-text indexes there are, as CREATE INDEX made them; in quire alone.
#include "fts/fts_bytes.h"

#include "quire.h"

// A statement over the names of the indexes on the request's table, and of the one that is called
// index_name if that is not NULL; oldest first. The request must outlive it. To be finalized in any
// case.
MUST_USE int fts_index_names(const quire_index_request *request, const char *index_name,
                             sqlite3_stmt **out);

#endif
