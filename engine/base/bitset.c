// Sets of small integers: a bitmap cut into 4096-bit leaves that are made when first needed.

#include "base/bitset.h"

#include "base/alloc.h"
#include "sqlite3.h"

enum { LEAF_BITS = 4096, LEAF_WORDS = LEAF_BITS / 64 };

struct BitSet {
    u32 limit;
    u32 leaf_count;
    u64 *leaves[]; // NULL: empty
};

int bitset_new(u32 limit, BitSet **out)
{
    ASSERT(out != NULL);

    u32 leaf_count = limit / LEAF_BITS + 1;
    BitSet *set = mem_alloc_zeroed(sizeof *set + (u64)leaf_count * sizeof set->leaves[0]);
    if (set == NULL)
        return SQLITE_NOMEM;
    set->limit = limit;
    set->leaf_count = leaf_count;
    *out = set;
    return SQLITE_OK;
}

int bitset_add(BitSet *set, u32 member)
{
    ASSERT(member >= 1);
    ASSERT(member <= set->limit);

    u64 **leaf = &set->leaves[member / LEAF_BITS];
    if (*leaf == NULL) {
        *leaf = mem_alloc_zeroed(LEAF_WORDS * sizeof **leaf);
        if (*leaf == NULL)
            return SQLITE_NOMEM;
    }
    u32 bit = member % LEAF_BITS;
    (*leaf)[bit / 64] |= (u64)1 << (bit % 64);
    return SQLITE_OK;
}

void bitset_remove(BitSet *set, u32 member)
{
    ASSERT(set == NULL || set->leaf_count == set->limit / LEAF_BITS + 1);

    if (!bitset_has(set, member))
        return;
    u32 bit = member % LEAF_BITS;
    set->leaves[member / LEAF_BITS][bit / 64] &= ~((u64)1 << (bit % 64));
}

bool bitset_has(const BitSet *set, u32 member)
{
    if (set == NULL || member == 0 || member > set->limit)
        return false;
    ASSERT(member / LEAF_BITS < set->leaf_count);
    const u64 *leaf = set->leaves[member / LEAF_BITS];
    u32 bit = member % LEAF_BITS;
    return leaf != NULL && (leaf[bit / 64] >> (bit % 64) & 1);
}

u32 bitset_limit(const BitSet *set)
{
    return set ? set->limit : 0;
}

void bitset_free(BitSet *set)
{
    if (set == NULL)
        return;
    for (u32 i = 0; i < set->leaf_count; i++)
        mem_free(set->leaves[i]);
    mem_free(set);
}
