// Variable-length integers, beyond the one-byte case in the header.

#include "base/varint.h"

u32 varint_get(const u8 *p, u64 *value)
{
    ASSERT(p != NULL);

    if (LIKELY(p[0] < 0x80)) {
        *value = p[0];
        return 1;
    }
    if (LIKELY(p[1] < 0x80)) {
        *value = (u64)(p[0] & 0x7f) << 7 | p[1];
        return 2;
    }
    u64 v = (u64)(p[0] & 0x7f) << 7 | (p[1] & 0x7f);
    for (u32 i = 2; i < 8; i++) {
        v = v << 7 | (p[i] & 0x7f);
        if (p[i] < 0x80) {
            *value = v;
            return i + 1;
        }
    }
    *value = v << 8 | p[8];
    return 9;
}

u32 varint_get_checked(const u8 *p, const u8 *end, u64 *value)
{
    ASSERT(p <= end);

    if (end - p >= 9)
        return varint_get(p, value);
    u64 v = 0;
    for (u32 i = 0; p + i < end; i++) {
        v = v << 7 | (p[i] & 0x7f);
        if (p[i] < 0x80) {
            *value = v;
            return i + 1;
        }
    }
    return 0;
}

u32 varint_get_u32_slow(const u8 *p, u32 *value)
{
    ASSERT(p[0] >= 0x80); // the header took the others

    if (LIKELY(p[1] < 0x80)) {
        *value = (u32)(p[0] & 0x7f) << 7 | p[1];
        return 2;
    }
    if (LIKELY(p[2] < 0x80)) {
        *value = (u32)(p[0] & 0x7f) << 14 | (u32)(p[1] & 0x7f) << 7 | p[2];
        return 3;
    }
    u64 wide;
    u32 length = varint_get(p, &wide);
    *value = wide > UINT32_MAX ? UINT32_MAX : (u32)wide;
    return length;
}

u32 varint_put(u8 *p, u64 value)
{
    if (LIKELY(value < 0x80)) {
        p[0] = (u8)value;
        return 1;
    }
    if (value < 0x4000) {
        p[0] = (u8)(value >> 7 | 0x80);
        p[1] = (u8)(value & 0x7f);
        return 2;
    }
    u32 length = varint_size(value);
    u32 at = length;
    if (length == 9) {
        p[--at] = (u8)value;
        value >>= 8;
    } else {
        p[--at] = (u8)(value & 0x7f);
        value >>= 7;
    }
    while (at > 0) {
        p[--at] = (u8)((value & 0x7f) | 0x80);
        value >>= 7;
    }
    return length;
}

u32 varint_size(u64 value)
{
    if (value >> 56)
        return 9;
    u32 bits = 64 - (u32)__builtin_clzll(value | 1);
    return (bits + 6) / 7;
}
