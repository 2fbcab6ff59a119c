// The integers of FTS3's index. See fts3_bytes.h.
#include "fts/fts3/fts3_bytes.h"

int fts3_varint_put(u8 *bytes, u64 value)
{
    ASSERT(bytes != NULL);

    int size = 0;
    while (value >= 0x80) {
        bytes[size++] = (u8)(value | 0x80);
        value >>= 7;
    }
    bytes[size++] = (u8)value;
    return size;
}

int fts3_varint_size(u64 value)
{
    int size = 1;
    while ((value >>= 7) != 0)
        size++;
    ASSERT(size <= FTS3_VARINT_MAX);
    return size;
}

int fts3_varint_get_long(const u8 *bytes, u64 *value)
{
    ASSERT(bytes != NULL);

    u64 result = 0;
    for (int i = 0; i < FTS3_VARINT_MAX; i++) {
        result |= (u64)(bytes[i] & 0x7F) << (7 * i);
        if (bytes[i] < 0x80) {
            *value = result;
            return i + 1;
        }
    }
    *value = result;
    return FTS3_VARINT_MAX;
}

void fts3_buffer_append_varint(FtsBuffer *buffer, u64 value)
{
    ASSERT(buffer != NULL);

    if (fts_buffer_reserve(buffer, FTS3_VARINT_MAX))
        buffer->size += (u32)fts3_varint_put(buffer->bytes + buffer->size, value);
}

void fts3_buffer_append_decimal(FtsBuffer *buffer, i64 value)
{
    char digits[24];
    int at = (int)sizeof digits;
    u64 left = value < 0 ? 0 - (u64)value : (u64)value;
    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0)
        digits[--at] = '-';
    ASSERT(at >= 0);
    fts_buffer_append(buffer, digits + at, sizeof digits - (u64)at);
}
