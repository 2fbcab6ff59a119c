#ifndef QUIRE_VM_SORTER_H
#define QUIRE_VM_SORTER_H
// Sorting records: ORDER BY, GROUP BY, CREATE INDEX.
//
// Records go in one by one, come out in the order of a key shape; equal ones in the order they came
// (S1). How they are compared is the matter of sort_order.h.
//
//   S1  The sort is stable.
//   S2  Memory, merge space included, stays near the limit: past it, what is there is sorted and
//       written to a temporary file as one run; reading merges the runs.
//   S3  With a row limit n only the n first records of the order so far are kept, in a heap.
//
// Life: new -> insert* -> sort -> (record, next)* -> reset or free. After a failure, or a
// comparison that met a malformed record (SQLITE_CORRUPT), only reset and free may follow.

#include "value/compare.h"

typedef struct Sorter Sorter;

// shape: a reference is taken. memory_max in bytes, 0: the default.
MUST_USE int sorter_new(sqlite3 *db, KeyShape *shape, u64 memory_max, Sorter **out);
void sorter_free(Sorter *s);  // NULL is legal
void sorter_reset(Sorter *s); // empty again, with its row limit; the temporary file stays for reuse
void sorter_limit(Sorter *s, u64 rows); // S3; only while it is empty
// Copies the record, which is not empty. SQLITE_NOMEM, SQLITE_IOERR* of the temporary file.
// first: the value of the record's first field where that is at hand; NULL: look into the record.
MUST_USE int sorter_insert(Sorter *s, const u8 *record, u32 size, const Value *first);
// True when a record whose key begins with `first` would surely be dropped by the row limit.
bool sorter_rejects(const Sorter *s, const Value *first);
// With a row limit reached, and a number as first field of the last record kept: that number,
// beyond which a first field is of no use in ascending order. Else false.
bool sorter_bound(const Sorter *s, f64 *bound);
// Sorts and stands on the first record.
MUST_USE int sorter_sort(Sorter *s, bool *empty);
MUST_USE int sorter_next(Sorter *s); // SQLITE_DONE past the last
// The record stood on: borrowed until the sorter moves. 16 bytes after it may be read.
MUST_USE int sorter_record(Sorter *s, const u8 **bytes, u32 *size);
const KeyShape *sorter_shape(const Sorter *s); // borrowed
u64 sorter_count(const Sorter *s);             // records inserted
u32 sorter_run_count(const Sorter *s);         // runs written to the temporary file

#endif
