// What the plans of full-text tests share: growing texts, random numbers and words. See fts_diff.h.
#include "interop/fts_diff.h"

#include <stdarg.h>
#include <stdio.h>

static void text_append(Text *text, const char *format, va_list args)
{
    int room = (int)sizeof text->bytes - text->size;
    int n = vsnprintf(text->bytes + text->size, (size_t)room, format, args);
    text->size += n < room ? n : room - 1;
}

void text_set(Text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text->size = 0;
    text_append(text, format, args);
    va_end(args);
}

void text_add(Text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_append(text, format, args);
    va_end(args);
}

uint32_t plan_random(Plan *plan, uint32_t limit)
{
    uint64_t x = plan->random += 0x9E3779B97F4A7C15ULL;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ULL;
    x = (x ^ x >> 27) * 0x94D049BB133111EBULL;
    return (uint32_t)((x ^ x >> 31) % limit);
}

bool one_in(Plan *plan, uint32_t n)
{
    return plan_random(plan, n) == 0;
}

void add_common_word(Plan *plan, Text *out)
{
    uint32_t limit = 2 + plan_random(plan, 60); // small numbers are frequent
    uint32_t number = plan_random(plan, limit);
    text_add(out, "%c%c%u", 'a' + (char)(number % 7), 'k' + (char)(number % 3), number);
}

void add_word_or(Plan *plan, const char *const *special, uint32_t count, Text *out)
{
    if (one_in(plan, 12))
        text_add(out, "%s", special[plan_random(plan, count)]);
    else
        add_common_word(plan, out);
}

void add_quoted(Text *out, const char *text)
{
    text_add(out, "'");
    for (; *text != 0; text++)
        text_add(out, *text == '\'' ? "''" : "%c", *text);
    text_add(out, "'");
}
