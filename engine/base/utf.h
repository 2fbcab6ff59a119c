#ifndef QUIRE_BASE_UTF_H
#define QUIRE_BASE_UTF_H
// UTF-8 and UTF-16 as SQLite reads them: invalid input never fails, it becomes U+FFFD by the same
// rules.

#include "base/buffer.h"

#define UTF_REPLACEMENT 0xFFFDu

// Reads one character at *p (p < end) and advances. Overlong forms, surrogates and U+FFFE/U+FFFF
// give U+FFFD.
u32 utf8_next(const u8 **p, const u8 *end);
u32 utf8_put(u8 *out, u32 code_point);                           // returns 1..4
size_t utf8_length(const char *text, size_t size);               // characters, SQLite's length()
size_t utf8_offset(const char *text, size_t size, size_t chars); // byte offset of character `chars`
u32 utf16_next(const u8 **p, const u8 *end, bool big_endian);
u32 utf16_put(u8 *out, u32 code_point, bool big_endian); // returns 2 or 4
// Appends the conversion to `out`; a trailing odd byte of UTF-16 is dropped.
void utf16_to_utf8(const void *text, size_t size, bool big_endian, Buffer *out);
void utf8_to_utf16(const char *text, size_t size, bool big_endian, Buffer *out);

// ASCII only; every other byte is nothing of these and stays as it is.
static inline u8 ascii_upper(u8 c)
{
    return c >= 'a' && c <= 'z' ? (u8)(c - 32) : c;
}
static inline u8 ascii_lower(u8 c)
{
    return c >= 'A' && c <= 'Z' ? (u8)(c + 32) : c;
}
static inline bool ascii_is_space(u8 c) // SQLite's: space \t \n \v \f \r
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}
static inline bool ascii_is_digit(u8 c)
{
    return (u8)(c - '0') < 10;
}
static inline bool ascii_is_letter(u8 c)
{
    return (u8)((c | 0x20) - 'a') < 26;
}
static inline bool ascii_is_alnum(u8 c)
{
    return ascii_is_digit(c) || ascii_is_letter(c);
}
static inline bool ascii_is_hex(u8 c)
{
    return ascii_is_digit(c) || (u8)((c | 0x20) - 'a') < 6;
}
static inline bool is_identifier_char(u8 c) // letters, digits, _, $ and every byte >= 0x80
{
    return ascii_is_alnum(c) || c == '_' || c == '$' || c >= 0x80;
}
static inline u8 hex_value(u8 c) // 0..15 for a hexadecimal digit
{
    return (u8)(ascii_is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
}

#endif
