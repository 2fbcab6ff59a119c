#ifndef QUIRE_FTS_FTS3_FTS3_BYTES_H
#define QUIRE_FTS_FTS3_FTS3_BYTES_H
// The integers of FTS3's index: seven bits a byte, the least significant first, the high bit says
// "more". 64 bits take up to ten bytes.
//
// Readers need no bounds as long as FTS_PADDING zero bytes follow the data: a broken varint then
// ends there, and the caller checks the offset it got.

#include "fts/fts_bytes.h"

enum { FTS3_VARINT_MAX = 10 };

int fts3_varint_put(u8 *bytes, u64 value); // how many bytes it took
int fts3_varint_size(u64 value);
int fts3_varint_get_long(const u8 *bytes, u64 *value);
void fts3_buffer_append_varint(FtsBuffer *buffer, u64 value);
void fts3_buffer_append_decimal(FtsBuffer *buffer, i64 value); // its digits

static inline int fts3_varint_get(const u8 *bytes, u64 *value)
{
    if (bytes[0] < 0x80) {
        *value = bytes[0];
        return 1;
    }
    return fts3_varint_get_long(bytes, value);
}

// For sizes: what is above 2^31-1 reads as that.
static inline int fts3_varint_get_u32(const u8 *bytes, u32 *value)
{
    u64 wide;
    int size = fts3_varint_get(bytes, &wide);
    *value = wide > 0x7FFFFFFF ? 0x7FFFFFFF : (u32)wide;
    return size;
}

#endif
