// Sets of rowids. See row_filter.h.
#include "vector/index/row_filter.h"

#include <stdlib.h>

enum { BITS_PER_ROW_MAX = 1024 }; // above it a bit set would be larger than is reasonable

void filter_init(RowFilter *filter)
{
    *filter = (RowFilter){.first = INT64_MIN, .last = INT64_MAX};
}

void filter_deinit(RowFilter *filter)
{
    sqlite3_free(filter->rowids);
    sqlite3_free(filter->bits);
    filter_init(filter);
}

static int compare_rowids(const void *a, const void *b)
{
    i64 x = *(const i64 *)a, y = *(const i64 *)b;
    return x < y ? -1 : x > y;
}

static void make_unique(RowFilter *filter)
{
    size_t kept = 0;
    if (filter->count > 1)
        qsort(filter->rowids, filter->count, sizeof *filter->rowids, compare_rowids);
    for (size_t i = 0; i < filter->count; i++)
        if (i == 0 || filter->rowids[i] != filter->rowids[i - 1])
            filter->rowids[kept++] = filter->rowids[i];
    filter->count = kept;
}

// Without memory for them the rowids are searched instead.
static void make_bits(RowFilter *filter)
{
    if (filter->count == 0)
        return;
    u64 span = (u64)filter->rowids[filter->count - 1] - (u64)filter->rowids[0] + 1;
    if (span == 0 || span / BITS_PER_ROW_MAX > filter->count)
        return;
    size_t words = (size_t)(span / 64 + 1);
    filter->bits = sqlite3_malloc64(words * sizeof *filter->bits);
    if (filter->bits == NULL)
        return;
    memset(filter->bits, 0, words * sizeof *filter->bits);
    for (size_t i = 0; i < filter->count; i++) {
        u64 at = (u64)filter->rowids[i] - (u64)filter->rowids[0];
        filter->bits[at / 64] |= (u64)1 << at % 64;
    }
}

int filter_add(RowFilter *filter, size_t *capacity, i64 rowid)
{
    if (filter->count == *capacity) {
        *capacity = *capacity * 2 + 64;
        i64 *rowids = sqlite3_realloc64(filter->rowids, *capacity * sizeof *rowids);
        if (rowids == NULL)
            return SQLITE_NOMEM;
        filter->rowids = rowids;
    }
    filter->rowids[filter->count++] = rowid;
    return SQLITE_OK;
}

void filter_finish(RowFilter *filter)
{
    ASSERT(filter->bits == NULL);

    make_unique(filter);
    make_bits(filter);
}

int filter_take_list(RowFilter *filter, sqlite3_value *list)
{
    ASSERT(!filter->is_set);

    size_t capacity = 0;
    sqlite3_value *value = NULL;
    filter->is_set = true;
    int rc = sqlite3_vtab_in_first(list, &value);
    while (rc == SQLITE_OK && value != NULL) {
        if (sqlite3_value_numeric_type(value) == SQLITE_INTEGER)
            TRY(filter_add(filter, &capacity, sqlite3_value_int64(value)));
        rc = sqlite3_vtab_in_next(list, &value);
    }
    if (rc != SQLITE_DONE && rc != SQLITE_OK)
        return rc;
    filter_finish(filter);
    return SQLITE_OK;
}

bool filter_passes(const RowFilter *filter, i64 rowid)
{
    if (rowid < filter->first || rowid > filter->last)
        return false;
    if (!filter->is_set)
        return true;
    if (filter->bits == NULL)
        return filter->count > 0
               && bsearch(&rowid, filter->rowids, filter->count, sizeof rowid, compare_rowids)
                      != NULL;
    if (rowid < filter->rowids[0] || rowid > filter->rowids[filter->count - 1])
        return false;
    u64 at = (u64)rowid - (u64)filter->rowids[0];
    return (filter->bits[at / 64] >> at % 64 & 1) != 0;
}
