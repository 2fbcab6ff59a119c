#ifndef QUIRE_BASE_VARINT_H
#define QUIRE_BASE_VARINT_H
// SQLite's variable-length integers: 1 to 9 bytes, big-endian groups of seven bits, high bit set on
// all but the last; a ninth byte carries eight bits.  0x7f -> 7f; 0x80 -> 81 00; -1 -> ff x 9.

#include "base/contract.h"

// Reads at `p` without looking at `end`: at least 9 readable bytes must follow. Returns the length.
u32 varint_get(const u8 *p, u64 *value);
// Reads between p and end. Returns the length, or 0 when the number runs over the end.
u32 varint_get_checked(const u8 *p, const u8 *end, u64 *value);
u32 varint_put(u8 *p, u64 value); // returns the length written
u32 varint_size(u64 value);

// The common case, one or two bytes, without a call. Values above 32 bits read as UINT32_MAX.
u32 varint_get_u32_slow(const u8 *p, u32 *value);
static inline u32 varint_get_u32(const u8 *p, u32 *value)
{
    if (LIKELY(p[0] < 0x80)) {
        *value = p[0];
        return 1;
    }
    return varint_get_u32_slow(p, value);
}

#endif
