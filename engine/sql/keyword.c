// Keyword lookup by a perfect hash: every keyword has a slot of its own, so a word is compared with
// at most one keyword, and most identifiers with none. The multiplier was searched for until no two
// keywords met in one of the 1,024 slots; a unit test proves the table complete.
//
// When token.def gains a word: search for a multiplier by trying odd numbers, and print the table.

#include "sql/keyword.h"
#include "base/contract.h"
#include <string.h>

#define KEYWORD_SIZE_MIN   2
#define KEYWORD_SIZE_MAX   17 // CURRENT_TIMESTAMP
#define KEYWORD_MULTIPLIER 0xCDAD9B11u

typedef struct Keyword {
    const char *name;
    u8 size;
    u8 class;
} Keyword;

static const Keyword keywords[] = {
#define TOKEN(name, text)
#define KEYWORD(name, class) {#name, sizeof #name - 1, KEYWORD_##class},
#include "sql/token.def"
#undef TOKEN
#undef KEYWORD
};

// Slot -> 1 + index of the keyword, 0 for none.
// clang-format off
static const u8 keyword_slots[1024] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 141, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 146, 102, 0, 0, 0,
    0, 0, 0, 0, 63, 0, 0, 0, 0, 0, 0, 0, 0, 92, 97, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    32, 0, 0, 0, 37, 142, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 23, 51, 0, 0, 0, 0, 0, 0,
    80, 0, 0, 0, 0, 0, 0, 0, 0, 14, 0, 0, 0, 89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    74, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 66, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 125, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 129, 0, 0, 134, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 69, 0, 0, 0, 42, 0, 0, 0, 0, 43, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 9, 0, 0, 124, 0, 0, 0, 0, 0, 0, 70, 0, 0, 0, 0, 0, 0, 0, 147, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 84, 45, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 40, 0, 108, 0, 0, 31, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 55, 7, 0, 0, 0, 11, 0, 0, 0, 5, 83, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    33, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 135, 0, 0, 0, 120, 0, 0, 0, 0,
    119, 0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 95, 93, 60, 0, 0, 100, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 65, 0, 0, 85, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 118, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 49, 0, 0, 0, 0,
    0, 0, 76, 0, 0, 0, 17, 0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 18, 0, 0, 0, 0, 94, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 56, 0, 82, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    140, 0, 136, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 15,
    0, 0, 0, 0, 143, 0, 0, 88, 132, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 87,
    0, 0, 0, 0, 57, 0, 0, 0, 0, 30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 26, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 131, 0, 0, 0, 0, 0, 0, 0, 0, 0, 139, 73,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 121, 0, 0, 0, 0, 0, 0, 0, 105, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 48, 24, 0, 90, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 36,
    0, 0, 0, 0, 75, 0, 0, 0, 38, 0, 0, 0, 0, 59, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 22, 99, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0, 0, 0, 0, 117, 0, 0, 0, 0, 104, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 58, 0, 0, 0,
    0, 0, 106, 126, 0, 0, 0, 0, 0, 0, 0, 16, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    81, 0, 0, 0, 138, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 61, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 62, 0, 0, 0, 0, 0, 0, 112, 0, 41, 47, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 19, 0, 0, 0, 0, 0, 0, 0, 0, 0, 35, 71, 0, 53, 0, 0, 0,
    0, 0, 0, 0, 21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 0,
    0, 0, 0, 103, 0, 0, 0, 0, 0, 0, 0, 0, 20, 0, 27, 0, 0, 0, 0, 0, 122, 0, 68, 0,
    0, 46, 0, 0, 0, 0, 114, 67, 0, 0, 107, 0, 0, 0, 0, 77, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 111, 0, 0, 133, 0, 0, 0, 0, 0, 0, 0, 50, 0, 110, 128, 0, 0, 0, 34,
    101, 0, 0, 0, 96, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 79, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 78, 0, 0, 0, 0, 0, 29, 0, 0, 113, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 116, 0, 0, 0, 0, 28, 52, 6, 0, 0, 0, 0, 137, 0, 127, 98, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 144, 0, 0, 0, 0, 0, 0, 0, 0, 0, 39, 145, 0, 0, 0, 0, 91, 0,
    0, 0, 0, 0, 0, 44, 0, 0, 0, 115, 0, 0, 109, 130, 0, 0, 0, 0, 0, 0, 0, 72, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 54, 0, 0, 0, 0, 123, 0, 0, 86, 0, 0, 0,
};
// clang-format on

// Multiplicative hash of the lower-case bytes; the upper ten bits, which all bytes have reached.
static u32 keyword_slot(const char *text, size_t size)
{
    static_assert(ARRAY_LEN(keyword_slots) == 1u << (32 - 22), "the shift yields a slot");
    ASSERT(size >= KEYWORD_SIZE_MIN && size <= KEYWORD_SIZE_MAX);

    u32 hash = 0;
    for (size_t i = 0; i < size; i++)
        hash = (hash + ((u8)text[i] | 0x20u)) * KEYWORD_MULTIPLIER;
    return hash >> 22;
}

TokenKind keyword_find(const char *text, size_t size)
{
    if (size < KEYWORD_SIZE_MIN || size > KEYWORD_SIZE_MAX)
        return TK_ID;
    u8 found = keyword_slots[keyword_slot(text, size)];
    if (found == 0)
        return TK_ID;
    ASSERT(found <= ARRAY_LEN(keywords));
    const Keyword *keyword = &keywords[found - 1];
    if (keyword->size != size)
        return TK_ID;
    for (size_t i = 0; i < size; i++) {
        u8 c = (u8)text[i];
        if (c >= 'a' && c <= 'z')
            c = (u8)(c - 0x20);
        if (c != (u8)keyword->name[i])
            return TK_ID;
    }
    return (TokenKind)(TOKEN_FIRST_KEYWORD + found - 1);
}

KeywordClass keyword_class(TokenKind kind)
{
    ASSERT(kind >= TOKEN_FIRST_KEYWORD && kind < TOKEN_KIND_COUNT);

    return (KeywordClass)keywords[kind - TOKEN_FIRST_KEYWORD].class;
}

u32 keyword_count(void)
{
    return (u32)ARRAY_LEN(keywords);
}

const char *keyword_name(u32 index, u32 *size)
{
    ASSERT(index < ARRAY_LEN(keywords));

    *size = keywords[index].size;
    return keywords[index].name;
}
