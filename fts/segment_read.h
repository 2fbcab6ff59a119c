#ifndef QUIRE_FTS_SEGMENT_READ_H
#define QUIRE_FTS_SEGMENT_READ_H
// Reading segments: terms in order, and the rows of a term in order.
//
// A Postings walks one doclist of one segment, or one in memory; a TermCursor walks the terms of a
// segment; Docs merges the doclists of one term over all segments, the newest entry of a row
// winning. All go forward only. The first error sticks to `rc` and ends the walk.

#include "fts/fts_index.h"

// Records of one page that were decoded together: such as only have content, and all of it there.
// Rowids ascend, from each to the next.
enum { BLOCK_RECORDS = 128 };
typedef struct PostingsBlock {
    u32 count;
    u32 next;
    i64 rowids[BLOCK_RECORDS];
    u32 at[BLOCK_RECORDS]; // where the poslist is, on the page
    u32 sizes[BLOCK_RECORDS];
} PostingsBlock;

typedef struct Postings {
    FtsIndex *index;
    FtsDetail detail;
    FtsSegment segment; // segid 0: in memory
    u32 pgno;
    FtsPage *page;
    u32 at;
    u32 end;          // of the doclist on this page
    bool ends_here;   // it does not go on behind this page
    bool is_absolute; // the next rowid is not a delta
    bool has_dlidx;
    bool keeps_records; // record_* are wanted: nothing is decoded ahead
    i64 rowid;
    i64 base;             // of the next delta: the last rowid that was decoded
    PostingsBlock *block; // NULL: not needed yet
    bool has_delete;
    bool has_content;
    const u8 *poslist;
    u32 poslist_size;
    u32 record_pgno; // where the present record begins, with keeps_records
    u32 record_at;
    u32 record_end;  // of the doclist on that page
    FtsBuffer spill; // a poslist put together from several pages
    u32 skip_count;  // pages of the doclist index, read when first needed
    u32 *skip_pgno;
    i64 *skip_rowid;
    u32 term_pgno;
    FtsPage **tombstones; // segment.tombstone_pages of them, NULL until needed
    bool is_end;
    int rc;
} Postings;

void postings_deinit(Postings *postings);
void postings_recycle(Postings *postings); // the same, but for memory that can be used again
void postings_advance(Postings *postings); // postings_next() where nothing is decoded ahead
void postings_seek_far(Postings *postings, i64 rowid); // postings_seek() over more than a step
MUST_USE int postings_in_memory(Postings *postings, FtsDetail detail, const FtsBuffer *doclist);

static inline void postings_take(Postings *p, u32 i)
{
    PostingsBlock *block = p->block;
    p->rowid = block->rowids[i];
    p->poslist = p->page->bytes + block->at[i];
    p->poslist_size = block->sizes[i];
    block->next = i + 1;
}

static inline void postings_next(Postings *p)
{
    if (p->block != NULL && p->block->next < p->block->count)
        postings_take(p, p->block->next);
    else
        postings_advance(p);
}

// To the first row not before `rowid`.
static inline void postings_seek(Postings *p, i64 rowid)
{
    if (p->is_end || p->rowid >= rowid)
        return;
    postings_next(p);
    if (!p->is_end && p->rowid < rowid)
        postings_seek_far(p, rowid);
}

typedef struct TermCursor {
    FtsIndex *index;
    FtsSegment segment;
    u32 pgno;
    FtsPage *page;
    u32 footer_at; // the next term's entry
    u32 term_at;   // where the present term starts
    u32 doclist_at;
    u32 doclist_end;
    bool doclist_ends_here;
    bool has_dlidx;
    bool is_least; // of all cursors of a walk
    FtsBuffer term;
    bool is_end;
    int rc;
} TermCursor;

void term_cursor_deinit(TermCursor *cursor);
// To the first term not before `term`; size 0: the first of all.
void term_cursor_seek(TermCursor *cursor, FtsIndex *index, const FtsSegment *segment,
                      const void *term, u32 size);
void term_cursor_next(TermCursor *cursor);
// The rows of the present term; stands before the first: call postings_next().
void term_cursor_postings(const TermCursor *cursor, Postings *postings);

// Where a segment ends; what may be appended to it comes behind that row of that term.
typedef struct SegmentEnd {
    FtsSegment segment;
    FtsBuffer term;
    i64 rowid;
    u32 term_pgno;
    FtsBuffer idx_key; // of that page
    bool has_dlidx;
} SegmentEnd;

void segment_end_deinit(SegmentEnd *end);
// *is_found: false where nothing can be appended, for pages were cut.
MUST_USE int segment_end_find(SegmentEnd *end, FtsIndex *index, const FtsSegment *segment,
                              bool *is_found);
// Whether all postings of the segment come behind the end.
MUST_USE int segment_end_is_before(const SegmentEnd *end, FtsIndex *index,
                                   const FtsSegment *segment, bool *is_before);

// As long as the current source stays below `limit`, the least rowid of the others, it alone moves:
// segments of rows that came in order hardly ever meet.
//
// Instead of sources there may be counts, for a prefix of which only rows and the number of places
// matter: counts[rowid - counts_base], 0 where the row has none.
typedef struct Docs {
    Postings *sources; // newest first
    int count;
    int current;
    i64 limit;
    i64 rowid;
    u32 *counts;
    i64 counts_base;
    u64 counts_size;
    const u8 *poslist; // of the current row, until the next move
    u32 poslist_size;
    bool has_delete;
    bool has_content;
    bool keeps_deletes; // rows that only delete are walked, too
    bool is_end;
    int rc;
} Docs;

void docs_deinit(Docs *docs);
// Key: index byte and term. Stands on the first row.
void docs_open(Docs *docs, FtsIndex *index, const void *key, u32 size);
// The same, and the rows of all terms that are the key with data behind it (tokendata=1).
void docs_open_with_data(Docs *docs, FtsIndex *index, const FtsBuffer *key);
// All rows of all terms that start with the key, poslists merged.
void docs_open_prefix(Docs *docs, FtsIndex *index, const void *key, u32 size);
// The same, with counts in the place of poslists; false: rowids are too far apart, or an error is
// in docs->rc. Only for tokens of which no two stand in one place.
bool docs_open_prefix_counts(Docs *docs, FtsIndex *index, const void *key, u32 size);
// One row of all terms that start with the key: it, or the end.
void docs_open_prefix_row(Docs *docs, FtsIndex *index, const FtsBuffer *key, i64 rowid);
MUST_USE int docs_in_memory(Docs *docs, FtsDetail detail, const FtsBuffer *doclist);
void docs_next(Docs *docs);
void docs_seek_far(Docs *docs, i64 rowid); // docs_seek() where the source may change
// The records behind the present one that nothing of another source comes between, that only have
// content, and that follow each other on the page, up to so many bytes. Moves to the last of them;
// returns their size, 0: there are none.
u32 docs_run(Docs *docs, u32 room, const u8 **bytes);
// Merges Postings prepared by the caller, each standing on its first row; takes them.
void docs_start(Docs *docs);

static inline void docs_take(Docs *docs, const Postings *p)
{
    docs->rowid = p->rowid;
    docs->poslist = p->poslist;
    docs->poslist_size = p->poslist_size;
    docs->has_delete = p->has_delete;
    docs->has_content = p->has_content;
}

// To the first row not before `rowid`. What is decoded already of the current source is looked
// through here: rows that are sought are mostly near.
static inline void docs_seek(Docs *docs, i64 rowid)
{
    enum { NEAR_ENOUGH = 8 };
    if (docs->is_end || docs->rowid >= rowid)
        return;
    if (docs->counts == NULL && rowid < docs->limit && docs->rowid < docs->limit) {
        Postings *p = &docs->sources[docs->current];
        const PostingsBlock *block = p->block;
        u32 i = block == NULL ? 0 : block->next;
        for (u32 end = i + NEAR_ENOUGH; block != NULL && i < block->count && i < end; i++) {
            if (block->rowids[i] < rowid)
                continue;
            if (block->rowids[i] >= docs->limit)
                break;
            postings_take(p, i);
            docs_take(docs, p);
            return;
        }
    }
    docs_seek_far(docs, rowid);
}

// Collects rows in any order and gives them back as one doclist.
typedef struct DocSum {
    FtsBuffer records; // i64 rowid, u32 size, poslist
    u32 count;
} DocSum;

void doc_sum_deinit(DocSum *sum);
void doc_sum_add(DocSum *sum, i64 rowid, const u8 *poslist, u32 size);
void doc_sum_add_docs(DocSum *sum, Docs *docs); // all from the present one on
void doc_sum_finish(DocSum *sum, FtsDetail detail, FtsBuffer *doclist);

// Walks all terms of the table in order, over all segments, from `prefix` on while it holds.
typedef struct TermWalk {
    FtsIndex *index;
    TermCursor *cursors; // newest segment first
    int cursor_count;
    int first_least; // the first cursor that stands on the present term
    PendingTerm **pending;
    u32 pending_count;
    u32 pending_next;
    FtsBuffer prefix;
    FtsBuffer term;
    Docs docs; // of the present term
    bool keeps_deletes;
    bool is_end;
    int rc;
} TermWalk;

// Stands on the first term of those that start with `prefix` and are not before `from`.
void term_walk_open(TermWalk *walk, FtsIndex *index, const FtsBuffer *prefix,
                    const FtsBuffer *from);
// All terms of these segments alone, oldest first.
void term_walk_open_segments(TermWalk *walk, FtsIndex *index, const FtsSegment *segments, int count,
                             bool keeps_deletes);
void term_walk_next(TermWalk *walk);
void term_walk_deinit(TermWalk *walk);

#endif
