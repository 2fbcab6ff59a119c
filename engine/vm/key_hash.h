#ifndef QUIRE_VM_KEY_HASH_H
#define QUIRE_VM_KEY_HASH_H
// Hashes of keys, such that keys that are equal hash alike: 1 and 1.0 do, 'a' and 'A' under NOCASE.
// Texts under a collation unknown here all hash alike.

#include "value/compare.h"

// shape NULL: BINARY throughout.
u64 key_hash(const Value *key, u32 count, const KeyShape *shape);

static inline const Collation *shape_collation(const KeyShape *shape, u32 i)
{
    return shape == NULL ? &collation_binary : shape->fields[i].collation;
}

#endif
