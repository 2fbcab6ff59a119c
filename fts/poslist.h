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
