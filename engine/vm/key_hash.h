#ifndef QUIRE_VM_KEY_HASH_H
#define QUIRE_VM_KEY_HASH_H
// Hashes of keys, such that keys that are equal hash alike: 1 and 1.0 do, 'a' and 'A' under NOCASE.
// Texts under a collation unknown here all hash alike.
//
// Equal is what value_compare() says under each field's collation, NULLs being equal. Hashes are of
// this process alone: they are never stored, and may change from one version to the next.

#include "value/compare.h"

// shape NULL: BINARY throughout.
u64 key_hash(const Value *key, u32 count, const KeyShape *shape);

// Keys with a NULL in them are outside what joins and UNIQUE compare: NULL equals nothing.
static inline bool key_has_null(const Value *key, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        if (key[i].flags & V_NULL)
            return true;
    }
    return false;
}

static inline const Collation *shape_collation(const KeyShape *shape, u32 i)
{
    return shape == NULL ? &collation_binary : shape->fields[i].collation;
}

#endif
