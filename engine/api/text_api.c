// Helpers for SQL text that the public interface offers: keywords, completeness, comparing names.
//
// Names are compared in ASCII alone, wherever the language compares them: no locale changes what a
// statement means.

#include "api/api.h"
#include "base/alloc.h"
#include "base/hashmap.h"
#include "base/utf.h"
#include "func/like.h"
#include "sql/complete.h"
#include "sql/keyword.h"
#include <string.h>

int sqlite3_complete(const char *sql)
{
    if (sql == NULL) {
        (void)error_misuse();
        return 0;
    }
    return sql_is_complete(sql, strlen(sql));
}

int sqlite3_complete16(const void *sql)
{
    TRY(sqlite3_initialize());
    char *utf8 = sql != NULL ? utf16_text_to_utf8(sql) : NULL;
    if (utf8 == NULL)
        return SQLITE_NOMEM;
    int complete = sqlite3_complete(utf8);
    mem_free(utf8);
    return complete & 0xff;
}

int sqlite3_stricmp(const char *a, const char *b)
{
    if (a == NULL)
        return b == NULL ? 0 : -1;
    return b == NULL ? 1 : sqlite3_strnicmp(a, b, INT32_MAX);
}

int sqlite3_strnicmp(const char *a, const char *b, int size)
{
    if (a == NULL)
        return b == NULL ? 0 : -1;
    if (b == NULL)
        return 1;
    const u8 *x = (const u8 *)a;
    const u8 *y = (const u8 *)b;
    for (; size > 0; size--, x++, y++) {
        int difference = (int)ascii_lower(*x) - (int)ascii_lower(*y);
        if (difference != 0 || *x == 0)
            return difference;
    }
    return 0;
}

// Zero for a match, as strcmp().
int sqlite3_strglob(const char *pattern, const char *text)
{
    if (text == NULL || pattern == NULL)
        return (text != NULL) | (pattern != NULL);
    return !like_match(pattern, text, &like_rule_glob, 0);
}

int sqlite3_strlike(const char *pattern, const char *text, unsigned int escape)
{
    if (text == NULL || pattern == NULL)
        return (text != NULL) | (pattern != NULL);
    return !like_match(pattern, text, &like_rule_nocase, escape);
}

// --- keywords ---

int sqlite3_keyword_count(void)
{
    return (int)keyword_count();
}

int sqlite3_keyword_name(int index, const char **name, int *size)
{
    if (index < 0 || index >= (int)keyword_count())
        return SQLITE_ERROR;
    u32 length = 0;
    *name = keyword_name((u32)index, &length);
    *size = (int)length;
    return SQLITE_OK;
}

int sqlite3_keyword_check(const char *text, int size)
{
    return size > 0 && keyword_find(text, (size_t)size) != TK_ID;
}
