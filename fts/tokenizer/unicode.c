// Characters as Unicode 6.1 has them: categories, lower case, bare letters.
#include "fts/tokenizer/tokenizer.h"

#include "fts/tokenizer/unicode61_tables.inc"

const char unicode_category_names[UNICODE_CATEGORY_COUNT][3] = {
    "Cc", "Cf", "Cn", "Co", "Cs", "Ll", "Lm", "Lo", "Lt", "Lu", "Mc", "Me", "Mn", "Nd", "Nl",
    "No", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "Sc", "Sk", "Sm", "So", "Zl", "Zp", "Zs",
};

enum { CODE_COUNT = 0x110000, REPLACEMENT = 0xFFFD };

// The bits that a first byte contributes; 0x80 and up alone count as continuation without a start.
static u32 lead_bits(u8 byte)
{
    ASSERT(byte >= 0xC0);

    if (byte < 0xE0)
        return byte & 0x1F;
    if (byte < 0xF0)
        return byte & 0x0F;
    if (byte < 0xF8)
        return byte & 0x07;
    if (byte < 0xFC)
        return byte & 0x03;
    return byte < 0xFE ? byte & 0x01 : 0;
}

u32 unicode_next(const u8 **at, const u8 *end)
{
    ASSERT(*at < end);

    const u8 *in = *at;
    u32 code = *in++;
    if (code >= 0xC0) {
        code = lead_bits((u8)code);
        while (in < end && (*in & 0xC0) == 0x80)
            code = (code << 6) + (*in++ & 0x3F);
        if (code < 0x80 || (code & 0xFFFFF800) == 0xD800 || (code & 0xFFFFFFFE) == 0xFFFE)
            code = REPLACEMENT;
    }
    *at = in;
    return code;
}

// Of a code beyond 0x1FFFFF, which only faulty text has, the low bits are put.
int unicode_put(u8 *out, u32 code)
{
    if (code < 0x80) {
        out[0] = (u8)code;
        return 1;
    }
    int size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (int i = size - 1; i > 0; i--) {
        out[i] = (u8)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    static const u8 marks[] = {0, 0, 0xC0, 0xE0, 0xF0};
    out[0] = (u8)(marks[size] | (code & (0x7FU >> size)));
    return size;
}

u32 unicode_fold(u32 code, int remove_diacritics)
{
    ASSERT(remove_diacritics >= 0 && remove_diacritics <= 2);

    if (code < 0x80)
        return code - 'A' < 26 ? code + 32 : code;
    int first = 0;
    int end = ARRAY_LEN(folds);
    while (first < end) {
        int middle = (first + end) / 2;
        if (folds[middle][0] < code)
            first = middle + 1;
        else
            end = middle;
    }
    if (first < ARRAY_LEN(folds) && folds[first][0] == code)
        return folds[first][1 + remove_diacritics];
    return code;
}

int unicode_category(u32 code)
{
    if (code >= CODE_COUNT)
        return UNICODE_ANY;
    int first = 0;
    int end = ARRAY_LEN(category_runs);
    while (end - first > 1) {
        int middle = (first + end) / 2;
        if (category_runs[middle] >> 5 <= code)
            first = middle;
        else
            end = middle;
    }
    return (int)(category_runs[first] & 31);
}

bool unicode_is_joining(u32 code)
{
    for (int i = 0; i < ARRAY_LEN(joining_runs); i++) {
        if (code >= joining_runs[i][0] && code <= joining_runs[i][1])
            return true;
    }
    return false;
}
