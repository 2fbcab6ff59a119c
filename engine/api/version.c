// Says which library this is: the SQLite version it answers for, and its own.

#include "os/program_image.h"
#include "quire.h"
#include "sqlite3.h"
#include <string.h>

const char sqlite3_version[] = SQLITE_VERSION;

const char *sqlite3_libversion(void)
{
    return sqlite3_version;
}

int sqlite3_libversion_number(void)
{
    return SQLITE_VERSION_NUMBER;
}

// "2026-06-03 19:12:13 d6e03d8c...": a date, a time, and 60 or more hexadecimal digits.
static bool is_source_id(const char *text, size_t left)
{
    static const char form[] = "20##-##-## ##:##:## ";
    enum { HASH_AT = sizeof form - 1, HASH_SIZE_MIN = 60, SIZE_MAX_SEEN = 100 };
    if (left < HASH_AT + HASH_SIZE_MIN + 1)
        return false;
    for (int i = 0; i < HASH_AT; i++) {
        bool fits = form[i] == '#' ? text[i] >= '0' && text[i] <= '9' : text[i] == form[i];
        if (!fits)
            return false;
    }
    for (int i = HASH_AT; i < HASH_AT + HASH_SIZE_MIN; i++) {
        if (text[i] == '\0' || strchr("0123456789abcdef", text[i]) == NULL)
            return false;
    }
    return strnlen(text, left) < SIZE_MAX_SEEN;
}

// Some programs, the sqlite3 shell first of all, refuse a library of another check-in than the
// header they were compiled with: they hold that header's id among their constants and compare. To
// them the answer is the id they ask for. SELECT sqlite_source_id() tells the library's own.
const char *sqlite3_sourceid(void)
{
    static const char *_Atomic id; // found once; threads that race find the same
    const char *known = id;
    if (known == NULL) {
        known = program_find_text(is_source_id);
        if (known == NULL)
            known = SQLITE_SOURCE_ID;
        id = known;
    }
    return known;
}

const char *quire_version(void)
{
    return QUIRE_VERSION;
}
