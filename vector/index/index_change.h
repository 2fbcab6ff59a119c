#ifndef QUIRE_VECTOR_INDEX_INDEX_CHANGE_H
#define QUIRE_VECTOR_INDEX_INDEX_CHANGE_H
// How an index that exists is changed: rows placed into lists, lists split and dissolved.

#include "vector/index/vector_index.h"

// A set of list ids, small.
typedef struct ListSet {
    u32 *ids;
    size_t count, capacity;
} ListSet;
MUST_USE int list_set_add(ListSet *set, u32 id);
void list_set_deinit(ListSet *set);

// Rotated vectors on their way into lists, with what goes into the map.
typedef struct Placement {
    f32 *vectors;
    u8 *kinds;         // RowKind of each
    u32 *groups;       // of each, by its prefix columns
    MapEntry *entries; // one for each vector, ascending
    u32 *positions;    // of the lists chosen, in the cache
    size_t count;
} Placement;
MUST_USE int placement_alloc(Placement *placement, u32 width, size_t capacity);
void placement_deinit(Placement *placement);
// Reads a row of the table into the next slot, unless it holds no fit vector.
MUST_USE int placement_read(Index *index, Placement *placement, i64 rowid, u32 group);
// Encodes and appends; writes the lists into the entries, but not to the map. Lists that became
// too long are added to `overlong`.
MUST_USE int placement_apply(Index *index, Placement *placement, ListSet *overlong);

// Makes two lists of one that is too long; adds those that still are to `overlong`.
MUST_USE int list_split(Index *index, u32 list, ListSet *overlong);
// Brings rows of the lists around that are nearer to this one's centroid into it; a bounded number.
MUST_USE int list_reassign(Index *index, u32 list, ListSet *overlong);
// Gives the rows of a list that became short to its neighbours.
MUST_USE int list_dissolve(Index *index, u32 list);
u32 list_length_max(const Index *index);

#endif
