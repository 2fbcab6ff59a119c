// The little JSON that embedders speak: written, and read without believing it.
#include "cdc/pipeline.h"

#include <stdlib.h>

enum { DEPTH_MAX = 100 };

void json_add_text(sqlite3_str *out, const char *text, size_t size)
{
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

static const char *skip_text(const char *at)
{
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
    const char *start = at;
    while (*at != '\0' && strchr(",]} \t\r\n", *at) == NULL)
        at++;
    return at > start ? at : NULL;
}

// Counts brackets instead of calling itself: depth comes from outside.
const char *json_skip(const char *at)
{
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
            at = *at == '"' ? skip_text(at) : skip_word(at);
        }
        if (at == NULL || depth < 0 || depth > DEPTH_MAX || (depth > 0 && *at == '\0'))
            return NULL;
    } while (depth > 0);
    return at;
}

const char *json_find(const char *at, const char *key)
{
    size_t size = strlen(key);
    at = json_space(at);
    if (*at != '{')
        return NULL;
    at = json_space(at + 1);
    while (*at == '"') {
        const char *name = at + 1;
        at = skip_text(at);
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

int json_numbers(const char *json, const char *key, float *out, int space)
{
    int count = 0;
    const char *at = json_find(json, key);
    if (at == NULL || *at != '[')
        return -1;
    at = json_space(at + 1);
    while (*at != ']') {
        char *end;
        double value = strtod(at, &end);
        if (end == at)
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
    const char *at = json_find(json, key);
    char *end;
    if (at == NULL)
        return otherwise;
    long long value = strtoll(at, &end, 10);
    return end > at ? value : otherwise;
}
