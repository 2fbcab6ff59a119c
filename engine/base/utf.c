// UTF-8 and UTF-16.

#include "base/utf.h"

#include <string.h>

u32 utf8_next(const u8 **p, const u8 *end)
{
    ASSERT(*p < end);

    u32 c = *(*p)++;
    if (LIKELY(c < 0xc0))
        return c; // a stray continuation byte stands for itself
    // Lead bytes give 5, 4, 3, 2, 1 bits; 0xfe and 0xff give none.
    u32 lead_bits = c < 0xe0 ? 5 : c < 0xf0 ? 4 : c < 0xf8 ? 3 : c < 0xfc ? 2 : c < 0xfe ? 1 : 0;
    c &= (1u << lead_bits) - 1;
    while (*p < end && (**p & 0xc0) == 0x80)
        c = (c << 6) + (*(*p)++ & 0x3f);
    if (c < 0x80 || (c & 0xfffff800) == 0xd800 || (c & 0xfffffffe) == 0xfffe)
        return UTF_REPLACEMENT;
    return c;
}

// (What malformed text gives may be larger than any character: bits too many are dropped.)
u32 utf8_put(u8 *out, u32 c)
{
    ASSERT(out != NULL);

    if (c < 0x80) {
        out[0] = (u8)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (u8)(0xc0 | (c >> 6 & 0x1f));
        out[1] = (u8)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (u8)(0xe0 | (c >> 12 & 0x0f));
        out[1] = (u8)(0x80 | (c >> 6 & 0x3f));
        out[2] = (u8)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (u8)(0xf0 | (c >> 18 & 0x07));
    out[1] = (u8)(0x80 | (c >> 12 & 0x3f));
    out[2] = (u8)(0x80 | (c >> 6 & 0x3f));
    out[3] = (u8)(0x80 | (c & 0x3f));
    return 4;
}

// Are the eight bytes at p all ASCII?
static bool eight_ascii(const u8 *p)
{
    u64 word;
    memcpy(&word, p, sizeof word);
    return (word & 0x8080808080808080) == 0;
}

// Goes over `chars` characters, or as many as there are; returns how many there were.
//
// A character is a byte that is no continuation byte, or a lead byte with all continuation bytes
// after it; a continuation byte that follows no lead byte counts for itself.
static size_t utf8_advance(const u8 **at, const u8 *end, size_t chars)
{
    ASSERT(*at <= end);

    const u8 *p = *at;
    size_t left = chars;
    while (p < end && left > 0) {
        if (left >= 8 && end - p >= 8 && eight_ascii(p)) {
            p += 8;
            left -= 8;
            continue;
        }
        left--;
        if (*p++ >= 0xc0) {
            while (p < end && (*p & 0xc0) == 0x80)
                p++;
        }
    }
    *at = p;
    return chars - left;
}

size_t utf8_length(const char *text, size_t size)
{
    ASSERT(text != NULL || size == 0);

    const u8 *p = (const u8 *)text;
    return utf8_advance(&p, p + size, SIZE_MAX);
}

size_t utf8_offset(const char *text, size_t size, size_t chars)
{
    ASSERT(text != NULL || size == 0);

    const u8 *p = (const u8 *)text;
    utf8_advance(&p, p + size, chars);
    return (size_t)(p - (const u8 *)text);
}

static u32 utf16_unit(const u8 *p, bool big_endian)
{
    return big_endian ? (u32)p[0] << 8 | p[1] : (u32)p[1] << 8 | p[0];
}

// Any surrogate takes the unit after it as its other half, whatever that is.
u32 utf16_next(const u8 **p, const u8 *end, bool big_endian)
{
    ASSERT(end - *p >= 2);

    u32 c = utf16_unit(*p, big_endian);
    *p += 2;
    if (c < 0xd800 || c >= 0xe000 || end - *p < 2)
        return c;
    u32 low = utf16_unit(*p, big_endian);
    *p += 2;
    return (low & 0x3ff) + ((c & 0x3f) << 10) + (((c & 0x3c0) + 0x40) << 10);
}

static void utf16_unit_put(u8 *out, u32 unit, bool big_endian)
{
    ASSERT(unit <= 0xffff);

    out[big_endian ? 0 : 1] = (u8)(unit >> 8);
    out[big_endian ? 1 : 0] = (u8)unit;
}

// (As utf8_put().)
u32 utf16_put(u8 *out, u32 c, bool big_endian)
{
    ASSERT(out != NULL);

    if (c <= 0xffff) {
        utf16_unit_put(out, c, big_endian);
        return 2;
    }
    utf16_unit_put(out, 0xd800 + (((c - 0x10000) >> 10) & 0x3ff), big_endian);
    utf16_unit_put(out + 2, 0xdc00 + (c & 0x3ff), big_endian);
    return 4;
}

void utf16_to_utf8(const void *text, size_t size, bool big_endian, Buffer *out)
{
    ASSERT(text != NULL || size == 0);

    const u8 *p = text;
    const u8 *end = p + (size & ~(size_t)1);
    // A unit becomes three bytes at most, a pair four.
    u8 *start = (u8 *)buffer_reserve(out, size / 2 * 3);
    if (start == NULL)
        return;
    u8 *to = start;
    while (p < end)
        to += utf8_put(to, utf16_next(&p, end, big_endian));
    buffer_grew(out, (size_t)(to - start));
}

void utf8_to_utf16(const char *text, size_t size, bool big_endian, Buffer *out)
{
    ASSERT(text != NULL || size == 0);

    const u8 *p = (const u8 *)text;
    const u8 *end = p + size;
    u8 *start = (u8 *)buffer_reserve(out, size * 2 + 2); // the spare pair is for a terminator
    if (start == NULL)
        return;
    u8 *to = start;
    while (p < end)
        to += utf16_put(to, utf8_next(&p, end), big_endian);
    buffer_grew(out, (size_t)(to - start));
}
