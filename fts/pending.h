#ifndef QUIRE_FTS_PENDING_H
#define QUIRE_FTS_PENDING_H
// Postings of this transaction that are not in a segment yet, by term.
//
// Each term holds its records in the order of writing, in the form that pages have them:
//
//     varint rowid - the one before (modulo 2^64); varint 2 * size + is_deleted; poslist
//
// The size of the last one is open, and one byte is kept free for it. Rows may come in any order: a
// term whose rowids did not ascend is put in order when it is asked for. Of several records of one
// row the last counts, and remembers whether one before it, or the file, must be deleted. With
// detail=none a record with content has a single zero byte as its poslist.
//
// All of it lies in a few chunks of memory that go at once.

#include "fts/fts_config.h"

typedef struct PendingTerm {
    struct PendingTerm *next; // of the same bucket
    u64 operation;            // which wrote the last record; 0: none yet
    i64 rowid;                // of the last record
    u8 *bytes;                // its records
    u32 size;
    u32 capacity;
    u32 open_at; // where the size of the last record belongs
    u32 column;  // last in it
    u32 position;
    u32 hash;
    u32 key_size;
    bool is_unsorted;
    bool is_deleted; // the last record's row may be in the file
    u8 key[];
} PendingTerm;

enum { PENDING_SIZE_CLASSES = 32 };

typedef struct Pending {
    PendingTerm **buckets;
    u32 bucket_count;
    u32 term_count;
    u64 size; // bytes in use
    u64 operation;
    i64 rowid;
    bool is_delete;
    u64 row_count; // inserted
    struct PendingChunk *chunks;
    u8 *chunk_at; // free bytes of the first chunk
    u8 *chunk_end;
    void *free_blocks[PENDING_SIZE_CLASSES]; // that terms have outgrown, by size
} Pending;

void pending_deinit(Pending *pending); // empties it, too
// What pending_add() adds from now belongs to this row.
void pending_begin_row(Pending *pending, i64 rowid, bool is_delete);
// One token. Columns ascend, positions ascend inside a column. After SQLITE_NOMEM the postings are
// incomplete: only pending_deinit() makes sense.
MUST_USE int pending_add(Pending *pending, FtsDetail detail, const u8 key[], u32 key_size,
                         u32 column, u32 position);
PendingTerm *pending_find(const Pending *pending, const void *key, u32 key_size);
// All terms in order of key; for sqlite3_free(). Only those that start with the prefix.
MUST_USE int pending_sorted(const Pending *pending, const void *prefix, u32 prefix_size,
                            PendingTerm ***terms, u32 *count);

// --- the records of a term, in order of rowid ---

typedef struct PendingRecord {
    i64 rowid;
    bool has_delete;
    bool has_content;
    const u8 *poslist;
    u32 poslist_size;
} PendingRecord;

typedef struct PendingRecords {
    PendingRecord *items;
    u32 count;
    u32 capacity;
} PendingRecords;

// Replaces what `records`, which may be used for many terms, had.
MUST_USE int pending_records(const PendingTerm *term, PendingRecords *records);
void pending_records_deinit(PendingRecords *records);
// Appends the term's doclist as pages have it.
void pending_doclist(const PendingTerm *term, FtsDetail detail, FtsBuffer *out);

#endif
