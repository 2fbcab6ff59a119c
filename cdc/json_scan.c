// JSON written, and read without believing it: see json_scan.h.
//
// Nothing is decoded: names are compared as they are written, so that a key with escapes in it is
// another key. That does for the few names that are looked for.
#include "cdc/json_scan.h"

#include <stdio.h>
#include <stdlib.h>

enum { DEPTH_MAX = 100 }; // of arrays and objects in each other

void json_add_text(sqlite3_str *out, const char *text, size_t size)
{
    ASSERT(text != NULL || size == 0);

    sqlite3_str_appendchar(out, 1, '"');
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            sqlite3_str_appendf(out, "\\%c", c);
        else if (c < 0x20)
            sqlite3_str_appendf(out, "\\u%04x", c);
        else
            sqlite3_str_append(out, text + i, 1);
    }
    sqlite3_str_appendchar(out, 1, '"');
}

const char *json_space(const char *at)
{
    while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')
        at++;
    return at;
}

const char *json_skip_text(const char *at)
{
    ASSERT(at != NULL);

    if (*at != '"')
        return NULL;
    for (at++; *at != '"'; at++) {
        if (*at == '\\')
            at++;
        if (*at == '\0')
            return NULL;
    }
    return at + 1;
}

// Numbers, true, false, null: whatever has no structure.
static const char *skip_word(const char *at)
{
    ASSERT(at != NULL);

    const char *start = at;
    while (*at != '\0' && strchr(",]} \t\r\n", *at) == NULL)
        at++;
    return at > start ? at : NULL;
}

// Counts brackets instead of calling itself: depth comes from outside.
const char *json_skip(const char *at)
{
    ASSERT(at != NULL);

    int depth = 0;
    do {
        at = json_space(at);
        if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            depth--;
            at++;
        } else if (*at == ',' || *at == ':') {
            at++;
        } else {
            at = *at == '"' ? json_skip_text(at) : skip_word(at);
        }
        if (at == NULL || depth < 0 || depth > DEPTH_MAX || (depth > 0 && *at == '\0'))
            return NULL;
    } while (depth > 0);
    return at;
}

const char *json_find(const char *at, const char *key)
{
    ASSERT(at != NULL && key != NULL);

    size_t size = strlen(key);
    at = json_space(at);
    if (*at != '{')
        return NULL;
    at = json_space(at + 1);
    while (*at == '"') {
        const char *name = at + 1;
        at = json_skip_text(at);
        if (at == NULL)
            return NULL;
        bool is_it = (size_t)(at - 1 - name) == size && memcmp(name, key, size) == 0;
        at = json_space(at);
        if (*at != ':')
            return NULL;
        at = json_space(at + 1);
        if (is_it)
            return at;
        at = json_skip(at);
        if (at == NULL)
            return NULL;
        at = json_space(at);
        if (*at == ',')
            at = json_space(at + 1);
    }
    return NULL;
}

// Behind the number at `at`, or NULL. strtod() gets the digits without the point, which it would
// take in the form of the locale, and no words: JSON has neither infinities nor NaN.
static const char *read_number(const char *at, double *out)
{
    enum { DIGITS_MAX = 40, EXPONENT_MAX = 100000 };
    char text[DIGITS_MAX + 32];
    int size = *at == '-' ? 1 : 0;
    long power = 0;
    bool is_number = false;
    bool in_fraction = false;
    ASSERT(at != NULL && out != NULL);

    text[0] = '-';
    int first = size;
    for (at += size; (*at >= '0' && *at <= '9') || (*at == '.' && !in_fraction); at++) {
        if (*at == '.') {
            in_fraction = true;
            continue;
        }
        is_number = true;
        bool is_kept = (size > first || *at != '0') && size < DIGITS_MAX;
        if (is_kept)
            text[size++] = *at;
        // A digit less before the point, or one more behind it that counts, or is a leading zero.
        bool is_dropped = size == DIGITS_MAX && !is_kept;
        power += is_dropped ? !in_fraction : -(long)in_fraction;
    }
    if (!is_number)
        return NULL;
    if (*at == 'e' || *at == 'E') {
        char *end;
        long exponent = strtol(at + 1, &end, 10);
        at = end > at + 1 ? end : at;
        if (exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX)
            exponent = exponent > 0 ? EXPONENT_MAX : -EXPONENT_MAX;
        power += exponent;
    }
    snprintf(text + size, sizeof text - (size_t)size, "%se%ld", size == first ? "0" : "", power);
    *out = strtod(text, NULL);
    return at;
}

int json_numbers(const char *json, const char *key, float *out, int space)
{
    ASSERT(out != NULL || space == 0);

    int count = 0;
    const char *at = json_find(json, key);
    if (at == NULL || *at != '[')
        return -1;
    at = json_space(at + 1);
    while (*at != ']') {
        double value;
        const char *end = read_number(at, &value);
        if (end == NULL)
            return -1;
        if (count < space)
            out[count] = (float)value;
        count++;
        at = json_space(end);
        if (*at == ',')
            at = json_space(at + 1);
        else if (*at != ']')
            return -1;
    }
    return count;
}

i64 json_integer(const char *json, const char *key, i64 otherwise)
{
    ASSERT(json != NULL);

    const char *at = json_find(json, key);
    char *end;
    if (at == NULL)
        return otherwise;
    long long value = strtoll(at, &end, 10);
    return end > at ? value : otherwise;
}
