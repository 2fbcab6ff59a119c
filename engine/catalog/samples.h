#ifndef QUIRE_CATALOG_SAMPLES_H
#define QUIRE_CATALOG_SAMPLES_H
// Samples of an index's keys, as ANALYZE left them in sqlite_stat4: how many rows are equal to,
// less than, and distinct below each prefix of some keys. The planner reads them to tell how many
// rows a constant finds (sql/plan/estimate_samples.c).
//
//    sqlite_stat4(tbl, idx, neq, nlt, ndlt, sample)
//    't1', 'i1', '12 1', '40 51', '7 51', x'...'
//
//    of the index on (a, b) the sample is a key; 12 rows have its a, one its a and b;
//    40 rows have a lesser a, 51 a lesser (a, b); among the lesser there are 7 different a.
//
// The table is the user's to write: nothing of it is believed beyond its effect on an estimate.

#include "catalog/schema.h"
#include "value/value.h"

// One row of the table. Everything lives in the arena of the IndexSamples.
typedef struct IndexSample {
    const u8 *key; // a record, unchecked
    u32 key_size;
    u64 *equal, *less, *distinct; // column_count each
} IndexSample;

typedef struct IndexSamples {
    Arena arena;
    u16 column_count;
    u32 count, capacity;
    IndexSample *items; // in key order
    u64 *average;       // rows equal to a prefix of a key that is no sample, by column
    u64 row_count;
} IndexSamples;

enum { SAMPLE_COLUMNS = 6 }; // tbl, idx, neq, nlt, ndlt, sample

// Adds what a row of sqlite_stat4 says. Rows that make no sense are left out. SQLITE_NOMEM.
MUST_USE int index_samples_add(Index *index, Value *fields);
MUST_USE int index_samples_finish(Index *index); // once all are there: the averages
void index_samples_free(IndexSamples *samples);

#endif
