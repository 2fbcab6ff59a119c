#ifndef QUIRE_FTS_FTS_BYTES_H
#define QUIRE_FTS_FTS_BYTES_H
// Growing byte strings and the integers of the index format.
//
// A varint is SQLite's: seven bits a byte, the most significant first, the high bit says "more"; a
// ninth byte carries eight bits. Readers need no bounds as long as FTS_PADDING zero bytes follow
// the data: a broken varint then ends there, and the caller checks the offset it got.

#include "fts/fts_api.h"

enum { FTS_PADDING = 20, VARINT_MAX = 9 };

// After the first failure rc stays set and appends do nothing: ask once, at the end.
typedef struct FtsBuffer {
    u8 *bytes;
    u32 size;
    u32 capacity;
    int rc;
} FtsBuffer;

void fts_buffer_deinit(FtsBuffer *buffer);
void fts_buffer_clear(FtsBuffer *buffer);           // keeps the memory and forgets the error
bool fts_buffer_grow(FtsBuffer *buffer, u64 extra); // fts_buffer_reserve() where there is none
void fts_buffer_append(FtsBuffer *buffer, const void *bytes, u64 size);
void fts_buffer_append_text(FtsBuffer *buffer, const char *text);
void fts_buffer_append_u32(FtsBuffer *buffer, u32 value); // big-endian
void fts_buffer_set(FtsBuffer *buffer, const void *bytes, u64 size);
void fts_buffer_pad(FtsBuffer *buffer); // zeroes the FTS_PADDING bytes after the last

int fts_varint_put_long(u8 *bytes, u64 value);
// How many bytes it took.
static inline int fts_varint_put(u8 *bytes, u64 value)
{
    if (value > 0x7F)
        return fts_varint_put_long(bytes, value);
    bytes[0] = (u8)value;
    return 1;
}

int fts_varint_size(u64 value);
int fts_varint_get_long(const u8 *bytes, u64 *value);

static inline int fts_varint_get(const u8 *bytes, u64 *value)
{
    if (bytes[0] < 0x80) {
        *value = bytes[0];
        return 1;
    }
    if (bytes[1] < 0x80) {
        *value = (u64)(bytes[0] & 0x7F) << 7 | bytes[1];
        return 2;
    }
    return fts_varint_get_long(bytes, value);
}

// Room for so many bytes more, and padding; false: there is no memory, now or before.
static inline bool fts_buffer_reserve(FtsBuffer *buffer, u64 extra)
{
    if (buffer->rc == SQLITE_OK && buffer->size + extra + FTS_PADDING <= buffer->capacity)
        return true;
    return fts_buffer_grow(buffer, extra);
}

static inline void fts_buffer_append_byte(FtsBuffer *buffer, u8 byte)
{
    if (fts_buffer_reserve(buffer, 1))
        buffer->bytes[buffer->size++] = byte;
}

static inline void fts_buffer_append_varint(FtsBuffer *buffer, u64 value)
{
    if (fts_buffer_reserve(buffer, VARINT_MAX))
        buffer->size += (u32)fts_varint_put(buffer->bytes + buffer->size, value);
}

// For sizes, columns and offsets: what is above 2^31-1 reads as that.
static inline int fts_varint_get_u32(const u8 *bytes, u32 *value)
{
    if (bytes[0] < 0x80) {
        *value = bytes[0];
        return 1;
    }
    if (bytes[1] < 0x80) {
        *value = (u32)(bytes[0] & 0x7F) << 7 | bytes[1];
        return 2;
    }
    u64 wide;
    int size = fts_varint_get_long(bytes, &wide);
    *value = wide > 0x7FFFFFFF ? 0x7FFFFFFF : (u32)wide;
    return size;
}

static inline u16 fts_u16_get(const u8 *bytes)
{
    return (u16)(bytes[0] << 8 | bytes[1]);
}

static inline void fts_u16_put(u8 *bytes, u32 value)
{
    bytes[0] = (u8)(value >> 8);
    bytes[1] = (u8)value;
}

static inline u32 fts_u32_get(const u8 *bytes)
{
    return (u32)bytes[0] << 24 | (u32)bytes[1] << 16 | (u32)bytes[2] << 8 | bytes[3];
}

static inline void fts_u32_put(u8 *bytes, u32 value)
{
    fts_u16_put(bytes, value >> 16);
    fts_u16_put(bytes + 2, value & 0xFFFF);
}

static inline u64 fts_u64_get(const u8 *bytes)
{
    return (u64)fts_u32_get(bytes) << 32 | fts_u32_get(bytes + 4);
}

static inline void fts_u64_put(u8 *bytes, u64 value)
{
    fts_u32_put(bytes, (u32)(value >> 32));
    fts_u32_put(bytes + 4, (u32)value);
}

// Orders byte strings as memcmp does, the shorter first where one starts the other.
int fts_bytes_compare(const void *a, u64 a_size, const void *b, u64 b_size);

// Zeroed memory; NULL when there is none.
void *fts_zalloc(u64 size);

#endif
