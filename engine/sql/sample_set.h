#ifndef QUIRE_SQL_SAMPLE_SET_H
#define QUIRE_SQL_SAMPLE_SET_H
// Which keys of an index become samples in sqlite_stat4, and what sqlite_stat1 says about it.
//
// The keys are pushed in order, each with the number of leading columns it shares with the one
// before. At most SAMPLES_MAX samples are kept: a third of them at even distances ("periodic"),
// the others where some prefix of the key is shared by many rows. Ties are broken by a
// pseudo-random number per key, seeded with the shape of the index; so the choice is the one that
// SQLite makes for the same rows.
//
// Counts of a sample, one per column i: `equal` rows share its first i+1 columns, `less` rows are
// smaller in them, `distinct` different values of them are smaller.

#include "base/types.h"
#include "value/value.h"

enum { SAMPLES_MAX = 24 };

typedef struct SampleRow {
    i64 rowid;
    u8 *key; // the primary key's record, of tables without rowid (owned); NULL
    u32 key_size;
} SampleRow;

typedef struct Sample {
    u64 *equal, *less, *distinct;
    SampleRow row;
    u32 hash;         // pseudo-random
    u16 column;       // it stands for the prefix that ends here
    bool is_periodic; // kept whatever else comes
} Sample;

typedef struct SampleSet SampleSet;

typedef struct SampleShape {
    u16 column_count; // of the index, row identity included
    u16 key_count;    // whose prefixes sqlite_stat1 counts
    u64 row_estimate; // rows, before the first is pushed
    u32 limit;        // PRAGMA analysis_limit; above 0 rows are skipped and no samples taken
} SampleShape;

SampleSet *sample_set_new(const SampleShape *shape); // NULL: no memory
void sample_set_free(void *set);
// shared: leading columns equal to those of the row before (0 for the first). With a limit, *enough
// says that the index need not be read on, or only from the next value of its first column.
typedef enum SampleAnswer { SAMPLE_GO_ON, SAMPLE_NEXT_VALUE, SAMPLE_ENOUGH } SampleAnswer;
MUST_USE int sample_set_push(SampleSet *set, u32 shared, const SampleRow *row,
                             SampleAnswer *answer);
MUST_USE int sample_set_end(SampleSet *set); // after the last row; again: nothing
u64 sample_set_row_count(const SampleSet *set);
u32 sample_set_width(const SampleSet *set); // columns
u32 sample_set_count(const SampleSet *set);
const Sample *sample_set_get(const SampleSet *set, u32 i);
// "rows, rows per value of the first column, of the first two, ..." as sqlite_stat1 has it.
// *out is mem_free()d by the caller. SQLITE_NOMEM.
MUST_USE int sample_set_stat1(const SampleSet *set, char **out);

#endif
