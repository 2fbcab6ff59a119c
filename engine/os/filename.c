// Building and walking the block that holds a database's names and parameters (layout: filename.h).
//
// The readers are public (sqlite3_uri_parameter, sqlite3_filename_journal ...) and take whatever
// name a VFS was handed: any of the three, so each begins by walking back to the block's front.

#include "os/filename.h"
#include "base/alloc.h"
#include "base/hashmap.h"
#include "base/number.h"
#include "base/utf.h"
#include <string.h>

static const char *const words_true[] = {"on", "yes", "true", "extra", "full"};
static const char *const words_false[] = {"off", "no", "false"};

enum { FRONT_SIZE = 4 }; // the zeros before the database's name

static char *put_text(char *at, const char *text)
{
    ASSERT(text != NULL);

    size_t size = strlen(text) + 1;
    memcpy(at, text, size);
    return at + size;
}

// One block, because the names and parameters live and die together, and a VFS that has one of the
// names can reach the others without asking anybody.
char *filename_new(const char *database, const char *journal, const char *wal, int count,
                   const char *const *parameters)
{
    ASSERT(database != NULL && count >= 0);

    const char *journal_text = journal == NULL ? "" : journal;
    const char *wal_text = wal == NULL ? "" : wal;
    u64 size =
        FRONT_SIZE + strlen(database) + 1 + 1 + strlen(journal_text) + 1 + strlen(wal_text) + 1 + 1;
    for (int i = 0; i < 2 * count; i++)
        size += strlen(parameters[i]) + 1;

    char *block = mem_alloc(size);
    if (block == NULL)
        return NULL;
    memset(block, 0, FRONT_SIZE);
    char *at = put_text(block + FRONT_SIZE, database);
    for (int i = 0; i < 2 * count; i++)
        at = put_text(at, parameters[i]);
    *at++ = 0;
    at = put_text(at, journal_text);
    at = put_text(at, wal_text);
    *at++ = 0;
    ASSERT(at == block + size);
    ASSERT(filename_database(block + FRONT_SIZE) == block + FRONT_SIZE);
    return block + FRONT_SIZE;
}

void filename_free(const char *name)
{
    if (name == NULL)
        return;
    mem_free((char *)(uintptr_t)filename_database(name) - FRONT_SIZE);
}

// Four zeros before a name stand in front of the database's only: the end of the parameters and an
// empty value before it make three. (An empty journal's name behind an empty value makes four. That
// flaw is in the layout, which is SQLite's; files that have parameters have journals, too.)
const char *filename_database(const char *name)
{
    if (name == NULL)
        return NULL;
    while (name[-1] != 0 || name[-2] != 0 || name[-3] != 0 || name[-4] != 0)
        name--;
    return name;
}

static const char *text_after(const char *text)
{
    ASSERT(text != NULL);

    return text + strlen(text) + 1;
}

// Behind the empty key that ends the parameters.
const char *filename_journal(const char *name)
{
    if (name == NULL)
        return NULL;
    const char *at = text_after(filename_database(name));
    while (at[0] != 0)
        at = text_after(text_after(at));
    return at + 1;
}

const char *filename_wal(const char *name)
{
    return name == NULL ? NULL : text_after(filename_journal(name));
}

// Linear, as all of these: a URI has a handful of parameters, asked for when a file is opened.
const char *filename_key(const char *name, int index)
{
    if (name == NULL || index < 0)
        return NULL;
    const char *at = text_after(filename_database(name));
    for (int i = 0; i < index && at[0] != 0; i++)
        at = text_after(text_after(at));
    return at[0] == 0 ? NULL : at;
}

const char *filename_parameter(const char *name, const char *key)
{
    if (name == NULL || key == NULL)
        return NULL;
    for (const char *at = filename_key(name, 0); at != NULL && at[0] != 0;
         at = text_after(text_after(at))) {
        if (strcmp(at, key) == 0)
            return text_after(at);
    }
    return NULL;
}

// As SQLite reads booleans in URIs, "extra" and "full" included: they are words of a pragma that
// shares the list.
bool filename_bool(const char *name, const char *key, bool otherwise)
{
    const char *value = filename_parameter(name, key);
    if (value == NULL)
        return otherwise;
    if (value[0] >= '0' && value[0] <= '9')
        return number_parse_i64(value, strlen(value)) != 0;
    for (size_t i = 0; i < ARRAY_LEN(words_true); i++) {
        if (name_equals(value, words_true[i]))
            return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(words_false); i++) {
        if (name_equals(value, words_false[i]))
            return false;
    }
    return otherwise;
}

static bool all_hex(const char *text)
{
    ASSERT(text != NULL);

    while (ascii_is_hex((u8)*text))
        text++;
    return *text == 0;
}

// Decimal or 0x hexadecimal, whole text; saturation or anything else gives `otherwise`.
i64 filename_i64(const char *name, const char *key, i64 otherwise)
{
    const char *value = filename_parameter(name, key);
    if (value == NULL)
        return otherwise;
    size_t size = strlen(value);
    i64 hex;
    if (size >= 2 && value[0] == '0' && (value[1] == 'x' || value[1] == 'X'))
        return all_hex(value + 2) && number_parse_hex(value, size, &hex) ? hex : otherwise;
    ParsedNumber number;
    number_parse(value, size, &number);
    return number.kind == NUMBER_INTEGER && number.whole ? number.integer : otherwise;
}
