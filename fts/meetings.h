#ifndef QUIRE_FTS_MEETINGS_H
#define QUIRE_FTS_MEETINGS_H
// Rows that two terms share, many at a time, where both are decoded ahead.

#include "fts/segment_read.h"

// Indexes into the blocks of both sources.
typedef struct Meetings {
    u32 count;
    u8 left[BLOCK_RECORDS];
    u8 right[BLOCK_RECORDS];
    u32 left_end; // how far each block is done with
    u32 right_end;
} Meetings;

static inline const Postings *docs_source(const Docs *docs)
{
    return &docs->sources[docs->current];
}

static inline i64 docs_rowid_at(const Docs *docs, u32 i)
{
    return docs_source(docs)->block->rowids[i];
}

// Moves to the last row, not behind `last`, of those decoded ahead; how many rows it went forward.
u32 docs_pass_block(Docs *docs, i64 last);

// Behind the rows stood on, up to `last`, as far as both are decoded and neither changes its
// source; false: nothing is.
bool meetings_find(const Docs *left, const Docs *right, i64 last, Meetings *out);
// Moves both to the last record that was looked at.
void meetings_pass(Docs *left, Docs *right, const Meetings *found);
void docs_take_at(Docs *docs, u32 i); // to record i of the block

// How often one of the right record's places is the next to one of the left's; false: this cannot
// be told without listing them.
bool pair_count(const Postings *left, u32 i, const Postings *right, u32 k, u32 *count);

#endif
