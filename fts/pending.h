#ifndef QUIRE_FTS_PENDING_H
#define QUIRE_FTS_PENDING_H
// Postings of this transaction that are not in a segment yet, by term.
//
// Each term holds its records in the order of writing. Rows may come in any order: a term whose
// rowids did not ascend is put in order when it is asked for. Of several records of one row the
// last counts, and remembers whether one before it, or the file, must be deleted.

#include "fts/fts_config.h"

typedef struct PendingTerm {
    struct PendingTerm *next; // of the same bucket
    u32 hash;
    u32 key_size;
    FtsBuffer records; // closed ones: i64 rowid, u32 flags, u32 size of poslist, poslist
    u32 open_at;       // where the open record starts
    u64 operation;     // which opened it; 0: none yet
    u32 column;        // last in the open record
    u32 position;
    bool is_unsorted;
    u8 key[];
} PendingTerm;

typedef struct Pending {
    PendingTerm **buckets;
    u32 bucket_count;
    u32 term_count;
    u64 size; // bytes held, about
    u64 operation;
    i64 rowid;
    bool is_delete;
    u64 row_count; // inserted
} Pending;

void pending_deinit(Pending *pending); // empties it, too
// What pending_add() adds from now belongs to this row.
void pending_begin_row(Pending *pending, i64 rowid, bool is_delete);
// One token. column_size > 0 columns ascend, positions ascend inside a column.
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
// The term's doclist as pages have it.
void pending_doclist(const PendingTerm *term, FtsDetail detail, FtsBuffer *out);

#endif
