#ifndef QUIRE_FTS_SEGMENT_MERGE_H
#define QUIRE_FTS_SEGMENT_MERGE_H
// Changes of the set of segments: writing what is pending, merging, wiping.

#include "fts/segment_read.h"

// Pending postings become one segment on level 0; levels that grew too long are merged.
MUST_USE int fts_index_flush(FtsIndex *index);
MUST_USE int fts_index_optimize(FtsIndex *index);
// The `merge` command.
MUST_USE int fts_index_merge(FtsIndex *index, i64 page_budget);
// Forgets all segments and pending postings; the cookie stays.
MUST_USE int fts_index_reset(FtsIndex *index);
// contentless_delete: the row of this origin is gone.
MUST_USE int fts_index_entomb(FtsIndex *index, i64 rowid, u64 origin);

// secure-delete: takes the row's posting of a term out of all segments, in place (secure_delete.c).
MUST_USE int fts_index_cut(FtsIndex *index, const PendingTerm *term, i64 rowid);

#endif
