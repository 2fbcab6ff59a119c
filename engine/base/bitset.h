#ifndef QUIRE_BASE_BITSET_H
#define QUIRE_BASE_BITSET_H
// A set of page numbers or row indexes, from 1 to a limit given at the start; sparse sets stay
// small.

#include "base/contract.h"

typedef struct BitSet BitSet;
MUST_USE int bitset_new(u32 limit, BitSet **out); // holds 1..limit
MUST_USE int bitset_add(BitSet *set, u32 member);
void bitset_remove(BitSet *set, u32 member);
bool bitset_has(const BitSet *set, u32 member); // false outside 1..limit and for set == NULL
u32 bitset_limit(const BitSet *set);
void bitset_free(BitSet *set);

#endif
