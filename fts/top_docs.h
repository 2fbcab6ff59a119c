#ifndef QUIRE_FTS_TOP_DOCS_H
#define QUIRE_FTS_TOP_DOCS_H
// Rows with scores, given out from the best on. Only as much is sorted as is asked for: a batch of
// the best is selected from what is left, and the next one is larger.
//
// The best has the least score, or the greatest if is_descending; of equal ones the least rowid.

#include "fts/fts_bytes.h"

typedef struct RankedRow {
    f64 score;
    i64 rowid;
} RankedRow;

typedef struct TopDocs {
    RankedRow *rows;
    u32 count;
    u32 capacity;
    u32 next;   // to be given out
    u32 sorted; // rows before here are in their place
    u32 batch;
    bool is_descending;
    u32 limit; // so many of the best are kept; 0: all. Set before rows are added.
} TopDocs;

void top_docs_deinit(TopDocs *top);
MUST_USE int top_docs_add(TopDocs *top, f64 score, i64 rowid);
static inline bool top_docs_is_full(const TopDocs *top)
{
    return top->limit > 0 && top->count == top->limit;
}

// The worst score of those kept when it is full, as given out of a list that is not descending.
static inline f64 top_docs_worst(const TopDocs *top)
{
    return top->rows[0].score;
}

// All were added in the order opposite to that of giving out.
void top_docs_reverse(TopDocs *top);
const RankedRow *top_docs_take(TopDocs *top); // NULL: that was all

#endif
