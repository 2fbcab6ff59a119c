// Growing arrays.

#include "base/vec.h"

#include "base/alloc.h"
#include <string.h>

int vec_reserve(void *items, u32 *capacity, u32 wanted, size_t item_size)
{
    ASSERT(item_size > 0);

    if (LIKELY(wanted <= *capacity))
        return SQLITE_OK;
    u64 grown = (u64)*capacity + *capacity / 2;
    if (grown < wanted)
        grown = wanted;
    if (grown < 8)
        grown = 8;
    u64 size;
    if (grown > UINT32_MAX || !size_multiply(grown, item_size, &size))
        return SQLITE_NOMEM;
    // The caller passes the address of its own pointer type; memcpy reads it whatever the type.
    void *array;
    memcpy(&array, items, sizeof array);
    void *moved = mem_realloc(array, size);
    if (moved == NULL)
        return SQLITE_NOMEM;
    memcpy(items, &moved, sizeof moved);
    ASSERT(grown >= wanted);
    *capacity = (u32)grown;
    return SQLITE_OK;
}
