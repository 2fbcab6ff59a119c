#ifndef QUIRE_FTS_DOC_LENGTHS_H
#define QUIRE_FTS_DOC_LENGTHS_H
// How many tokens each row has, over all columns, kept in memory for ranking.
//
// Rows are read from %_docsize when first asked for: one by one as long as few of a block of
// consecutive rowids are wanted, then the whole block. The cache is right as long as the index's
// data version holds; own writes change it in place.

#include "fts/fts_bytes.h"

// No row; and not read yet, which is also less than any row has that a term was found in.
#define LENGTH_NONE     UINT32_MAX
#define LENGTH_NOT_READ 0

enum { LENGTH_BLOCK_SIZE = 1024, LENGTH_BLOCKS_MAX = 16384 };

typedef struct LengthBlock {
    i64 number; // rowid >> 10
    bool is_whole;
    u32 lookup_count; // of single rows, from the first to the last of them
    u32 lookup_first;
    u32 lookup_last;
    u32 lengths[LENGTH_BLOCK_SIZE];
} LengthBlock;

typedef struct DocLengths {
    LengthBlock **slots; // hashed by number, open addressing
    u32 slot_count;
    u32 block_count;
    u32 whole_count;   // of them
    u32 thrifty_count; // how often doc_lengths_be_thrifty() said so
    LengthBlock *last; // found
    u64 version;       // of the index, see FtsIndex.version
} DocLengths;

typedef struct FtsTable FtsTable;

void doc_lengths_deinit(DocLengths *cache);
// SQLITE_CORRUPT_VTAB when the row has no entry.
MUST_USE int doc_lengths_get(FtsTable *table, i64 rowid, u32 *length);
// Whether most lengths that are asked for must be read, and it is worth an effort to ask for few.
// After some times it is no more: whoever keeps asking is better served once all are known.
bool doc_lengths_be_thrifty(FtsTable *table);
// The lengths of the LENGTH_BLOCK_SIZE rows from *base on, among them `rowid`, as far as they are
// known. They are the cache's, until the next call for a row of another block.
MUST_USE int doc_lengths_block(FtsTable *table, i64 rowid, i64 *base, u32 **lengths);
// The row was written; 0 tokens more than UINT32_MAX - 1 never occur.
void doc_lengths_note(DocLengths *cache, i64 rowid, u32 length);
void doc_lengths_note_gone(DocLengths *cache, i64 rowid);

#endif
