// Growing byte strings and the integers of the index format. See fts_bytes.h.
#include "fts/fts_bytes.h"

enum { BUFFER_FIRST = 64 };
#define BUFFER_SIZE_MAX 0x7FFF0000U // what one blob may hold, and an int counts

void fts_buffer_deinit(FtsBuffer *buffer)
{
    sqlite3_free(buffer->bytes);
    *buffer = (FtsBuffer){0};
}

void fts_buffer_clear(FtsBuffer *buffer)
{
    buffer->size = 0;
    buffer->rc = SQLITE_OK;
}

bool fts_buffer_grow(FtsBuffer *buffer, u64 extra)
{
    if (buffer->rc != SQLITE_OK)
        return false;
    u64 needed = buffer->size + extra + FTS_PADDING;
    if (extra > BUFFER_SIZE_MAX || needed > BUFFER_SIZE_MAX) {
        buffer->rc = SQLITE_TOOBIG;
        return false;
    }
    u64 capacity = buffer->capacity == 0 ? BUFFER_FIRST : buffer->capacity;
    while (capacity < needed)
        capacity *= 2;
    u8 *bytes = sqlite3_realloc64(buffer->bytes, capacity);
    if (bytes == NULL) {
        buffer->rc = SQLITE_NOMEM;
        return false;
    }
    buffer->bytes = bytes;
    buffer->capacity = (u32)capacity;
    return true;
}

void fts_buffer_append(FtsBuffer *buffer, const void *bytes, u64 size)
{
    if (size == 0 || !fts_buffer_reserve(buffer, size))
        return;
    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += (u32)size;
}

void fts_buffer_append_text(FtsBuffer *buffer, const char *text)
{
    fts_buffer_append(buffer, text, strlen(text));
}

void fts_buffer_append_u32(FtsBuffer *buffer, u32 value)
{
    u8 bytes[4];
    fts_u32_put(bytes, value);
    fts_buffer_append(buffer, bytes, sizeof bytes);
}

void fts_buffer_set(FtsBuffer *buffer, const void *bytes, u64 size)
{
    buffer->size = 0;
    fts_buffer_append(buffer, bytes, size);
}

void fts_buffer_pad(FtsBuffer *buffer)
{
    if (fts_buffer_reserve(buffer, 0))
        memset(buffer->bytes + buffer->size, 0, FTS_PADDING);
}

int fts_varint_put_long(u8 *bytes, u64 value)
{
    if (value < 0x80) {
        bytes[0] = (u8)value;
        return 1;
    }
    if (value >> 56 != 0) {
        bytes[8] = (u8)value;
        value >>= 8;
        for (int i = 7; i >= 0; i--) {
            bytes[i] = (u8)(value | 0x80);
            value >>= 7;
        }
        return VARINT_MAX;
    }
    int size = fts_varint_size(value);
    for (int i = size - 1; i >= 0; i--) {
        bytes[i] = (u8)(value | 0x80);
        value >>= 7;
    }
    bytes[size - 1] &= 0x7F;
    return size;
}

int fts_varint_size(u64 value)
{
    int size = 1;
    while (size < VARINT_MAX && (value >>= 7) != 0)
        size++;
    return size;
}

int fts_varint_get_long(const u8 *bytes, u64 *value)
{
    u64 result = 0;
    for (int i = 0; i < VARINT_MAX - 1; i++) {
        result = result << 7 | (bytes[i] & 0x7F);
        if (bytes[i] < 0x80) {
            *value = result;
            return i + 1;
        }
    }
    *value = result << 8 | bytes[VARINT_MAX - 1];
    return VARINT_MAX;
}

int fts_bytes_compare(const void *a, u64 a_size, const void *b, u64 b_size)
{
    u64 shared = a_size < b_size ? a_size : b_size;
    int order = shared == 0 ? 0 : memcmp(a, b, shared);
    if (order != 0)
        return order;
    return a_size < b_size ? -1 : a_size > b_size;
}

void *fts_zalloc(u64 size)
{
    void *memory = sqlite3_malloc64(size);
    if (memory != NULL)
        memset(memory, 0, size);
    return memory;
}
