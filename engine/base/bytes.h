#ifndef QUIRE_BASE_BYTES_H
#define QUIRE_BASE_BYTES_H
// Big-endian integers, as SQLite's files hold them, at any alignment.

#include "base/types.h"
#include <string.h>

static inline u16 get_u16(const u8 *p)
{
    return (u16)((p[0] << 8) | p[1]);
}
static inline u32 get_u32(const u8 *p)
{
    u32 v;
    memcpy(&v, p, 4);
    return __builtin_bswap32(v);
}
static inline u64 get_u64(const u8 *p)
{
    u64 v;
    memcpy(&v, p, 8);
    return __builtin_bswap64(v);
}
static inline void put_u16(u8 *p, u32 v)
{
    p[0] = (u8)(v >> 8);
    p[1] = (u8)v;
}
static inline void put_u32(u8 *p, u32 v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, 4);
}
static inline void put_u64(u8 *p, u64 v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, 8);
}

#endif
