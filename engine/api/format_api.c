// The printf family and the string builder (sqlite3_str).
//
// A builder keeps its first error and ignores what follows, so that callers ask once, at the end.
// The formats are those of func/printf.h: C's, and %q %Q %w for SQL.

#include "api/api.h"
#include "base/alloc.h"
#include "base/buffer.h"
#include "func/printf.h"
#include <stdarg.h>
#include <string.h>

// --- printf ---

char *sqlite3_vmprintf(const char *fmt, va_list args)
{
    if (fmt == NULL || sqlite3_initialize() != SQLITE_OK)
        return NULL;
    Buffer out = {0};
    format_va(&out, fmt, args);
    return buffer_take(&out);
}

char *sqlite3_mprintf(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = sqlite3_vmprintf(fmt, args);
    va_end(args);
    return text;
}

// Cut to fit, and always ended; size and buffer come in the other order than in C.
char *sqlite3_vsnprintf(int size, char *out, const char *fmt, va_list args)
{
    if (size <= 0)
        return out;
    if (out == NULL || fmt == NULL) {
        (void)error_misuse();
        if (out != NULL)
            out[0] = '\0';
        return out;
    }
    Buffer text = buffer_fixed(out, (size_t)size);
    format_va(&text, fmt, args);
    buffer_text(&text);
    return out;
}

char *sqlite3_snprintf(int size, char *out, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    sqlite3_vsnprintf(size, out, fmt, args);
    va_end(args);
    return out;
}

void sqlite3_log(int rc, const char *fmt, ...)
{
    char text[LOG_MESSAGE_SIZE];
    va_list args;
    va_start(args, fmt);
    sqlite3_vsnprintf(sizeof text, text, fmt, args);
    va_end(args);
    log_text(rc, text);
}

// --- the string builder ---

struct sqlite3_str {
    Buffer text;
};

// Stands in when there is no memory for a real one: every call on it fails quietly.
static sqlite3_str failed_str = {.text = {.rc = SQLITE_NOMEM}};

// With a connection its length limit holds. Never NULL: see failed_str.
sqlite3_str *sqlite3_str_new(sqlite3 *db)
{
    sqlite3_str *str = mem_alloc_zeroed(sizeof *str);
    if (str == NULL)
        return &failed_str;
    if (db != NULL)
        str->text.size_max = (size_t)db->limits[SQLITE_LIMIT_LENGTH];
    return str;
}

// An empty text is NULL, as is one that failed.
char *sqlite3_str_finish(sqlite3_str *str)
{
    if (str == NULL || str == &failed_str)
        return NULL;
    char *text = str->text.size > 0 ? buffer_take(&str->text) : NULL;
    buffer_deinit(&str->text);
    mem_free(str);
    return text;
}

void sqlite3_str_free(sqlite3_str *str)
{
    if (str == NULL || str == &failed_str)
        return;
    buffer_deinit(&str->text);
    mem_free(str);
}

void sqlite3_str_append(sqlite3_str *str, const char *text, int size)
{
    buffer_add(&str->text, text, size < 0 ? 0 : (size_t)size);
}

void sqlite3_str_appendall(sqlite3_str *str, const char *text)
{
    if (text != NULL)
        buffer_add_text(&str->text, text);
}

void sqlite3_str_appendchar(sqlite3_str *str, int count, char c)
{
    if (count > 0)
        buffer_add_repeated(&str->text, c, (size_t)count);
}

void sqlite3_str_vappendf(sqlite3_str *str, const char *fmt, va_list args)
{
    format_va(&str->text, fmt, args);
}

void sqlite3_str_appendf(sqlite3_str *str, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    format_va(&str->text, fmt, args);
    va_end(args);
}

void sqlite3_str_reset(sqlite3_str *str)
{
    if (str == &failed_str)
        return;
    size_t limit = str->text.size_max;
    buffer_deinit(&str->text);
    str->text = (Buffer){.size_max = limit};
}

// Only ever shorter.
void sqlite3_str_truncate(sqlite3_str *str, int size)
{
    if (str != NULL && size >= 0 && (size_t)size < str->text.size)
        buffer_truncate(&str->text, (size_t)size);
}

int sqlite3_str_errcode(sqlite3_str *str)
{
    return str != NULL ? str->text.rc : SQLITE_NOMEM;
}

int sqlite3_str_length(sqlite3_str *str)
{
    return str != NULL ? (int)str->text.size : 0;
}

char *sqlite3_str_value(sqlite3_str *str)
{
    if (str == NULL || str->text.size == 0 || str->text.rc != SQLITE_OK)
        return NULL;
    return (char *)buffer_text(&str->text);
}
