#ifndef QUIRE_FTS_POSLIST_H
#define QUIRE_FTS_POSLIST_H
// Walking the places of one row, of tables with detail=full. Broken bytes end the walk early or
// give wrong places, never more: the reader stays inside the list and its padding.

#include "fts/fts_bytes.h"

typedef struct PoslistReader {
    const u8 *at;
    const u8 *end;
    i64 position; // column << 32 | offset
    bool is_end;
} PoslistReader;

static inline void poslist_next(PoslistReader *reader)
{
    if (reader->at >= reader->end) {
        reader->is_end = true;
        return;
    }
    u32 value;
    reader->at += fts_varint_get_u32(reader->at, &value);
    if (value == 1 && reader->at < reader->end) { // the mark of another column
        reader->at += fts_varint_get_u32(reader->at, &value);
        reader->position = (i64)((u64)value << 32);
        reader->is_end = reader->at >= reader->end;
        if (reader->is_end)
            return;
        reader->at += fts_varint_get_u32(reader->at, &value);
    }
    reader->position += (i64)value - 2;
}

static inline PoslistReader poslist_read(const u8 *poslist, u32 size)
{
    PoslistReader reader = {poslist, poslist + size, 0, false};
    poslist_next(&reader);
    return reader;
}

// The offsets of a poslist of up to eight bytes, one to a byte, the first the lowest; the last is
// repeated to the end. False: there is a mark of a column, an offset of 128 or more, or one twice.
static inline bool offset_bytes(const u8 *poslist, u32 size, u64 *offsets)
{
    const u64 ones = 0x0101010101010101ULL;
    const u64 high_bits = ones << 7;
    const u64 pairs = 0x00FF00FF00FF00FFULL;
    u64 word;
    if (size == 0 || size > 8)
        return false;
    memcpy(&word, poslist, sizeof word); // the padding allows it
    if (__BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__)
        word = __builtin_bswap64(word);
    u64 unused = size < 8 ? ~0ULL << (8 * size) : 0;
    u64 filled = (word & ~unused) | (unused & ~high_bits); // 0x7F where there is nothing
    // Deltas are 2 and more, and 3 and more behind the first; no byte borrows from the next then.
    u64 spare = (filled | 1) - (ones * 3 - 1);
    if (((filled | spare) & high_bits) != 0)
        return false;
    u64 deltas = (word & ~unused) - (ones * 2 & ~unused);
    u64 sums = (deltas & pairs) + (deltas >> 8 & pairs);
    if ((sums * 0x0001000100010001ULL) >> 48 >= 128)
        return false;
    *offsets = deltas * ones; // sums of all bytes up to each
    return true;
}

// How many of the left offsets are followed by one of the right ones, both as offset_bytes() gives.
static inline u32 offset_bytes_follow(u64 left, u32 left_size, u64 right)
{
    const u64 ones = 0x0101010101010101ULL;
    u32 count = 0;
    for (u32 i = 0; i < 8; i++) {
        u64 differs = ((left >> (8 * i) & 0xFF) + 1) * ones ^ right;
        u64 zeroes = (differs - ones) & ~differs & (ones << 7);
        count += (u32)(zeroes != 0) & (u32)(i < left_size);
    }
    return count;
}

// Offsets below 128 as a set.
typedef struct OffsetBits {
    u64 low;
    u64 high;
} OffsetBits;

// The offsets of a short poslist, all in the first column; false: it is not such a list.
static inline bool offset_bits(const u8 *bytes, u32 size, OffsetBits *bits)
{
    enum { SIZE_LIMIT = 32, BYTE_MIN = 2, BYTE_LIMIT = 0x80 };
    u32 offset = 0;
    bool is_other = size > SIZE_LIMIT;
    *bits = (OffsetBits){0};
    for (u32 i = 0; i < size && !is_other; i++) {
        is_other = (u8)(bytes[i] - BYTE_MIN) >= BYTE_LIMIT - BYTE_MIN;
        offset += bytes[i] - (u32)BYTE_MIN;
        u64 bit = 1ULL << (offset & 63);
        u64 is_high = 0 - (u64)(offset >> 6 & 1);
        bits->low |= bit & ~is_high;
        bits->high |= bit & is_high;
    }
    return !is_other && offset < 128;
}

// Keeps the starts that have one of `bits` `distance` places behind, 1 to 63.
static inline void offset_bits_follow(OffsetBits *starts, OffsetBits bits, int distance)
{
    starts->low &= bits.low >> distance | bits.high << (64 - distance);
    starts->high &= bits.high >> distance;
}

static inline u32 offset_bits_count(OffsetBits bits)
{
    return (u32)(__builtin_popcountll(bits.low) + __builtin_popcountll(bits.high));
}

// How many places: varints but for the marks of columns. A varint ends with the byte whose high bit
// is clear; in a short list without a mark these are counted eight at a time.
static inline u32 poslist_count(const u8 *poslist, u32 size)
{
    const u64 high_bits = 0x8080808080808080ULL;
    const u64 ones = 0x0101010101010101ULL;
    u32 count = 0;
    u32 at = 0;
    if (size == 1)
        return 1;
    if (size <= 8) {
        u64 word;
        memcpy(&word, poslist, sizeof word); // the padding allows it
        bool is_little = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
        if (size < 8) // what lies behind the list counts for nothing
            word |= is_little ? ~0ULL << (8 * size) : ~0ULL >> (8 * size);
        u64 is_one = ((word ^ ones) - ones) & ~(word ^ ones) & high_bits;
        if (is_one == 0)
            return (u32)__builtin_popcountll(~word & high_bits);
    }
    while (at < size) {
        bool is_mark = poslist[at] == 1;
        count += !is_mark;
        while (at < size && poslist[at] >= 0x80)
            at++;
        at++;
        while (is_mark && at < size && poslist[at] >= 0x80)
            at++;
        at += is_mark;
    }
    return count;
}

#endif
