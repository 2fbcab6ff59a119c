#ifndef QUIRE_FTS_FTS3_FTS3_PENDING_H
#define QUIRE_FTS_FTS3_FTS3_PENDING_H
// Postings of this transaction that are in no segment yet: a doclist per term, as segments of an
// ascending table have it.
//
// Docids, and columns and positions of a row, come in ascending order: a doclist only ever grows at
// its end. The caller sees to that.

#include "fts/fts3/fts3_bytes.h"

typedef struct Fts3PendingTerm {
    struct Fts3PendingTerm *next; // of the same bucket
    u32 hash;
    u32 size;
    FtsBuffer doclist; // without the last row's end mark
    i64 docid;         // the last one
    i64 column;
    i64 position;
    u8 text[];
} Fts3PendingTerm;

typedef struct Fts3Pending {
    Fts3PendingTerm **buckets;
    u32 bucket_count;
    u32 term_count;
    u64 size; // bytes of all doclists and terms, about
} Fts3Pending;

typedef struct Fts3Posting {
    i64 docid;
    int column;
    i64 position; // -1: the row is deleted
} Fts3Posting;

void fts3_pending_deinit(Fts3Pending *pending); // empties it, too
MUST_USE int fts3_pending_add(Fts3Pending *pending, const void *text, u32 size,
                              const Fts3Posting *posting);
Fts3PendingTerm *fts3_pending_find(const Fts3Pending *pending, const void *text, u32 size);
// All terms in order, or those that start with the prefix; for sqlite3_free().
MUST_USE int fts3_pending_sorted(const Fts3Pending *pending, const void *prefix, u32 prefix_size,
                                 Fts3PendingTerm ***terms, u32 *count);

#endif
