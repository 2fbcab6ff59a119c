#ifndef QUIRE_VECTOR_INDEX_ROW_FILTER_H
#define QUIRE_VECTOR_INDEX_ROW_FILTER_H
// Which rowids may be found: a range, and within it a set where there is one.

#include "vector/vector_api.h"

typedef struct RowFilter {
    i64 first, last;
    bool is_set;
    i64 *rowids; // ascending, each once
    size_t count;
    u64 *bits; // the same from rowids[0] on, where they lie close enough together
} RowFilter;

// All rowids.
void filter_init(RowFilter *filter);
void filter_deinit(RowFilter *filter);
// Takes a list that sqlite3_vtab_in_first() can read; values that are no integers match no row.
MUST_USE int filter_take_list(RowFilter *filter, sqlite3_value *list);
// Builds a set by hand: rowids in any order, then filter_finish().
MUST_USE int filter_add(RowFilter *filter, size_t *capacity, i64 rowid);
void filter_finish(RowFilter *filter);
bool filter_passes(const RowFilter *filter, i64 rowid);

#endif
