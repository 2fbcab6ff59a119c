#ifndef QUIRE_FTS_SEGMENT_MERGE_H
#define QUIRE_FTS_SEGMENT_MERGE_H
// Changes of the set of segments: writing what is pending, merging, wiping.

#include "fts/segment_read.h"
#include "fts/segment_write.h"

// Pending postings become one segment on level 0, and stay pending if that fails: it can be tried
// again without a rollback.
MUST_USE int fts_index_write_pending(FtsIndex *index);
// The same, and as much merging as all the pages written since the last are worth. When merging
// fails, only a rollback helps.
MUST_USE int fts_index_flush(FtsIndex *index);
MUST_USE int fts_index_optimize(FtsIndex *index);
// The `merge` command: about so many pages of merging; negative: towards a single segment.
MUST_USE int fts_index_merge(FtsIndex *index, i64 page_budget);
// Writes the present term of the walk, or what the writer has not of it yet, and moves to the next.
// Where leaf_limit is not 0 it stops inside a term that goes on after so many leaves; the walk then
// stands on the first row that is not written. *is_inside: it did.
MUST_USE int fts_index_copy_term(TermWalk *walk, SegmentWriter *writer, u32 leaf_limit,
                                 bool *is_inside);
// As much merging as the pages written since the last are worth (merge_step.c).
MUST_USE int fts_index_work(FtsIndex *index);
// So many segments are near the format's limit: merging must not wait.
bool fts_index_is_crowded(const FtsIndex *index);
// Merges the segments of a level, or goes on doing so, until about `budget` pages were written, and
// takes what that was off the budget.
MUST_USE int fts_index_merge_step(FtsIndex *index, int level, i64 *budget);
// Forgets all segments and pending postings; the cookie stays.
MUST_USE int fts_index_reset(FtsIndex *index);
// contentless_delete: the row of this origin is gone.
MUST_USE int fts_index_entomb(FtsIndex *index, i64 rowid, u64 origin);

// Takes what stands before the term, or if `rowid` is not NULL before this row of it, out of the
// segment (secure_delete.c).
MUST_USE int fts_index_trim(FtsIndex *index, FtsSegment *segment, const FtsBuffer *term,
                            const i64 *rowid);
// secure-delete: takes the row's posting of a term out of all segments, in place (secure_delete.c).
MUST_USE int fts_index_cut(FtsIndex *index, const PendingTerm *term, i64 rowid);

#endif
