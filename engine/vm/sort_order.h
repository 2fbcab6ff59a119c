#ifndef QUIRE_VM_SORT_ORDER_H
#define QUIRE_VM_SORT_ORDER_H
// The order of a sorter's records, and sorting them in memory.
//
// Each record has a 64-bit prefix that orders like a part of its key, so that most comparisons are
// of two integers that lie side by side, not of two records somewhere in memory:
//
//     bits 63..61   class: 0 NULL, 1 number, 2 text, 3 blob, 4 NULL under NULLS LAST
//     bits 60..0    number: the top 61 bits of its double, made to order as an unsigned integer
//                   text, blob: 7 bytes, then how many are left if at most 7, else 8 (5 bits)
//     DESC          all bits inverted
//
// The prefix is exact when it tells the whole rest of the field. Text under a collation other than
// BINARY and NOCASE has the class only.
//
// Sorting goes by prefixes alone, first those of the first field's beginning. Records that remain
// equal get prefixes of what comes next in their keys, the following bytes or the following field,
// and are sorted again by those; so each record is read about once per part of the key that it
// shares with others, however many comparisons that decides (the caching of multikey quicksort:
// Bentley and Sedgewick 1997, Ng and Kakehi 2007).

#include "value/compare.h"

typedef struct SortEntry {
    u64 prefix;
    const u8 *record;
    u32 size;
    bool is_exact;
} SortEntry;

// Sets the prefix to that of the first field. A malformed record gets one that decides nothing.
void sort_entry_begin(const KeyShape *shape, SortEntry *e);
// The prefix of a key's first field alone; `e` has no record.
void sort_entry_from_value(const KeyShape *shape, const Value *first, SortEntry *e);
// An upper bound of the number that an ascending first field is, a few units in the last place
// above it at most; false when it is none, or one too large to be told exactly.
bool sort_entry_number(const SortEntry *e, f64 *bound);
// Two entries with prefixes of the first field. A malformed record sets *rc and counts as equal.
int sort_entry_compare(const KeyShape *shape, const SortEntry *a, const SortEntry *b, int *rc);

// Sorts entries with prefixes of the first field; equal keys stay in their order. `spare` has room
// for as many. Afterwards the prefixes are those of the first field, as before.
MUST_USE int sort_entries(const KeyShape *shape, SortEntry *items, u32 count, SortEntry *spare);

#endif
