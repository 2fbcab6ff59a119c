// Distinct names of columns: see column_names.h.

#include "sql/column_names.h"
#include "base/contract.h"
#include "base/utf.h"
#include "sqlite3.h"
#include <string.h>

enum { COUNTED_MAX = 3 }; // so many are tried in order, and one more

// The length of a name without its last colon and a number, if any, behind it: x:1 becomes x:2.
static size_t stem_size(const char *name)
{
    size_t size = strlen(name), end = size;
    while (end > 0 && ascii_is_digit((u8)name[end - 1]))
        end--;
    bool has_colon = end > 0 && name[end - 1] == ':';
    return has_colon ? end - 1 : size;
}

const char *column_names_add(ColumnNames *names, const char *wanted)
{
    ASSERT(names->arena != NULL);
    ASSERT(wanted != NULL);

    const char *name = wanted;
    size_t size = stem_size(wanted);
    u32 number = 0;
    while (name != NULL && name_map_find(&names->taken, name) != NULL) {
        number++;
        if (number > COUNTED_MAX + 1)
            number = names->drawn = names->drawn * 1664525 + 1013904223; // Knuth's congruence
        name = arena_printf(names->arena, "%.*s:%u", (int)size, wanted, number);
    }
    if (name == NULL || name_map_put(&names->taken, name, names, NULL) != SQLITE_OK)
        return NULL;
    return name;
}

void column_names_deinit(ColumnNames *names)
{
    name_map_deinit(&names->taken);
}
