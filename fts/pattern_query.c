// From LIKE and GLOB patterns to queries. See pattern_query.h.
//
//     '%abc_defgh%'  ->  "abc" "defgh"              detail=full: runs as phrases
//                    ->  "abc" "def" "efg" "fgh"    else: their trigrams
//
// Strings side by side must all be there. Characters of a set in brackets are passed over.
#include "fts/pattern_query.h"

enum { GRAM_CHARACTERS = 3 };

static u32 character_size(const u8 *at)
{
    u32 size = 1;
    if (at[0] < 0xC0)
        return 1;
    while ((at[size] & 0xC0) == 0x80)
        size++;
    return size;
}

static void append_string(const u8 *text, u32 size, FtsBuffer *out)
{
    if (out->size > 0)
        fts_buffer_append_byte(out, ' ');
    fts_buffer_append_byte(out, '"');
    for (u32 i = 0; i < size; i++) {
        if (text[i] == '"')
            fts_buffer_append_byte(out, '"');
        fts_buffer_append_byte(out, text[i]);
    }
    fts_buffer_append_byte(out, '"');
}

// How many bytes the next `count` characters take; 0: there are fewer before `end`.
static u32 characters_size(const u8 *at, const u8 *end, int count)
{
    const u8 *from = at;
    for (; count > 0 && at < end; count--)
        at += character_size(at);
    ASSERT(at <= end);

    return count > 0 ? 0 : (u32)(at - from);
}

static void append_run(const u8 *run, const u8 *end, FtsDetail detail, FtsBuffer *out)
{
    u32 size = characters_size(run, end, GRAM_CHARACTERS);
    if (size > 0 && detail == DETAIL_FULL) {
        append_string(run, (u32)(end - run), out);
        return;
    }
    for (; size > 0; size = characters_size(run, end, GRAM_CHARACTERS)) {
        append_string(run, size, out);
        run += character_size(run);
    }
}

// Behind a set in brackets, whose first character may be a bracket itself; at the end when there is
// no closing one.
static const u8 *skip_set(const u8 *at)
{
    ASSERT(at[0] == '[');

    at++;
    if (*at == '^')
        at++;
    if (*at == ']')
        at++;
    while (*at != 0 && *at != ']')
        at++;
    return *at == 0 ? at : at + 1;
}

void pattern_query(const char *pattern, bool is_glob, FtsDetail detail, FtsBuffer *out)
{
    const u8 *at = (const u8 *)pattern;
    const u8 *run = at;
    while (*at != 0) {
        bool is_set = is_glob && *at == '[';
        bool is_wild = is_glob ? *at == '*' || *at == '?' : *at == '%' || *at == '_';
        if (!is_set && !is_wild) {
            at += character_size(at);
            continue;
        }
        append_run(run, at, detail, out);
        at = is_set ? skip_set(at) : at + 1;
        run = at;
    }
    append_run(run, at, detail, out);
}
