// Samples of an index's keys from sqlite_stat4: see samples.h.
//
// For each prefix of the columns a sample tells how many entries equal it (nEq), how many are less
// (nLt) and how many different prefixes are less (nDLt).

#include "catalog/samples.h"
#include "base/alloc.h"
#include "base/utf.h"
#include <string.h>

void index_samples_free(IndexSamples *samples)
{
    if (samples == NULL)
        return;
    arena_deinit(&samples->arena);
    mem_free(samples);
}

// Columns that have counts. The primary key of a table without rowid is counted alone, without the
// rest of the row.
static u16 counted_columns(const Index *index)
{
    ASSERT(index->key_count <= index->column_count);

    bool is_data = (index->flags & INDEX_COVERING_ALL) != 0;
    return is_data ? index->key_count : index->column_count;
}

// Made with the first sample: few indexes have any.
static IndexSamples *samples_of(Index *index)
{
    if (index->samples == NULL) {
        index->samples = mem_alloc_zeroed(sizeof *index->samples);
        if (index->samples != NULL)
            index->samples->column_count = counted_columns(index);
    }
    return index->samples;
}

// The next free slot, not yet counted: it counts once all of it is there. The old array stays in
// the arena; doubling bounds the waste to the size of the last one.
static IndexSample *sample_new(IndexSamples *samples)
{
    ASSERT(samples->count <= samples->capacity);

    if (samples->count == samples->capacity) {
        u32 capacity = samples->capacity == 0 ? 24 : samples->capacity * 2;
        IndexSample *grown = arena_array(&samples->arena, capacity, sizeof *grown);
        if (grown == NULL)
            return NULL;
        if (samples->count > 0)
            memcpy(grown, samples->items, samples->count * sizeof *grown);
        samples->items = grown;
        samples->capacity = capacity;
    }
    return &samples->items[samples->count];
}

// "12 5 1": as many as there are columns; those that are missing are 0.
static u64 *read_counts(IndexSamples *samples, Value *field)
{
    ASSERT(samples->column_count > 0);

    u64 *counts = arena_array(&samples->arena, samples->column_count, sizeof *counts);
    const char *at = value_text(field, SQLITE_UTF8);
    for (u16 i = 0; counts != NULL && at != NULL && i < samples->column_count; i++) {
        while (ascii_is_digit((u8)*at))
            counts[i] = counts[i] * 10 + (u64)(*at++ - '0');
        if (*at == ' ')
            at++;
    }
    return counts;
}

// A row without a sample that is a blob says nothing; missing counts are 0, and counts past 64
// bits wrap: a wrong estimate is all they can cause.
int index_samples_add(Index *index, Value *fields)
{
    Value *key = &fields[5];
    if (value_type(key) != SQLITE_BLOB || key->size == 0)
        return SQLITE_OK;
    IndexSamples *samples = samples_of(index);
    IndexSample *sample = samples != NULL ? sample_new(samples) : NULL;
    if (sample == NULL)
        return SQLITE_NOMEM;
    const char *bytes = arena_dup(&samples->arena, (const char *)key->bytes, key->size);
    *sample = (IndexSample){.key = (const u8 *)bytes,
                            .key_size = key->size,
                            .equal = read_counts(samples, &fields[2]),
                            .less = read_counts(samples, &fields[3]),
                            .distinct = read_counts(samples, &fields[4])};
    if (samples->arena.failed)
        return SQLITE_NOMEM;
    samples->count++;
    return SQLITE_OK;
}

// Rows with a prefix of `column + 1` fields that is in no sample, per value: all rows less those of
// the samples, shared by the values the samples do not hold. sqlite_stat1 knows rows and values;
// where it does not, the last sample stands for the end of the index.
static u64 average_equal(const Index *index, u32 column)
{
    ASSERT(index->samples->count > 0);
    ASSERT(column < index->samples->column_count);

    IndexSamples *samples = index->samples;
    const IndexSample *items = samples->items, *last = &items[samples->count - 1];
    bool has_stat1 = index->row_counts != NULL && column < index->key_count
                     && index->row_counts[column + 1] != 0;
    u32 count = has_stat1 ? samples->count : samples->count - 1;
    u64 rows = has_stat1 ? index->row_counts[0] : last->less[column];
    u64 values_100 =
        has_stat1 ? 100 * rows / index->row_counts[column + 1] : 100 * last->distinct[column];
    u64 sampled_rows = 0, sampled_100 = 0, average = 0;
    // Values are counted by the hundred, since their average count is a fraction.
    samples->row_count = rows;
    for (u32 i = 0; i < count; i++) {
        bool is_last = i == samples->count - 1;
        if (is_last || items[i].distinct[column] != items[i + 1].distinct[column]) {
            sampled_rows += items[i].equal[column];
            sampled_100 += 100;
        }
    }
    if (values_100 > sampled_100 && sampled_rows < rows)
        average = 100 * (rows - sampled_rows) / (values_100 - sampled_100);
    return average == 0 ? 1 : average;
}

int index_samples_finish(Index *index)
{
    IndexSamples *samples = index->samples;
    if (samples == NULL || samples->count == 0)
        return SQLITE_OK;
    ASSERT(samples->column_count > 0);

    samples->average = arena_array(&samples->arena, samples->column_count, sizeof(u64));
    if (samples->average == NULL)
        return SQLITE_NOMEM;
    u32 counted = samples->column_count > 1 ? samples->column_count - 1u : 1;
    samples->average[samples->column_count - 1] = 1; // the whole key is one row
    for (u32 i = 0; i < counted; i++)
        samples->average[i] = average_equal(index, i);
    return SQLITE_OK;
}
