#ifndef QUIRE_FTS_DOC_LENGTHS_H
#define QUIRE_FTS_DOC_LENGTHS_H
// How many tokens each row has, over all columns, kept in memory for ranking.
//
// Rows are read from %_docsize by blocks of consecutive rowids, when first asked for. The cache is
// right as long as the index's data version holds; own writes change it in place.

#include "fts/fts_bytes.h"

#define LENGTH_NONE UINT32_MAX

enum { LENGTH_BLOCK_SIZE = 1024, LENGTH_BLOCKS_MAX = 16384 };

typedef struct LengthBlock {
    i64 number; // rowid >> 10
    u32 lengths[LENGTH_BLOCK_SIZE];
} LengthBlock;

typedef struct DocLengths {
    LengthBlock **slots; // hashed by number, open addressing
    u32 slot_count;
    u32 block_count;
    LengthBlock *last; // found
    u64 version;       // of the index, see FtsIndex.version
} DocLengths;

typedef struct FtsTable FtsTable;

void doc_lengths_deinit(DocLengths *cache);
// SQLITE_CORRUPT_VTAB when the row has no entry.
MUST_USE int doc_lengths_get(FtsTable *table, i64 rowid, u32 *length);
// The lengths of the LENGTH_BLOCK_SIZE rows from *base on, among them `rowid`; LENGTH_NONE where
// there is no row. They are the cache's, until the next call.
MUST_USE int doc_lengths_block(FtsTable *table, i64 rowid, i64 *base, u32 **lengths);
// The row was written; 0 tokens more than UINT32_MAX - 1 never occur.
void doc_lengths_note(DocLengths *cache, i64 rowid, u32 length);
void doc_lengths_note_gone(DocLengths *cache, i64 rowid);

#endif
