// The three built-in collating sequences (sqlite.org/datatype3.html, "Collating Sequences").
//
// They order bytes, not letters: none knows a language, and NOCASE folds A to Z alone. That is
// what makes the order of an index written here the order any other SQLite expects.

#include "value/collation.h"

#include "base/utf.h"
#include "sqlite3.h"
#include <string.h>

static int sign_of_sizes(int a_size, int b_size)
{
    return (a_size > b_size) - (a_size < b_size);
}

static int compare_binary(void *arg, int a_size, const void *a, int b_size, const void *b)
{
    ASSERT(a_size >= 0 && b_size >= 0);

    (void)arg;
    int shared = a_size < b_size ? a_size : b_size;
    int order = shared > 0 ? memcmp(a, b, (size_t)shared) : 0;
    return order ? order : sign_of_sizes(a_size, b_size);
}

static int compare_nocase(void *arg, int a_size, const void *a, int b_size, const void *b)
{
    ASSERT(a_size >= 0 && b_size >= 0);

    (void)arg;
    const u8 *p = a;
    const u8 *q = b;
    int shared = a_size < b_size ? a_size : b_size;
    for (int i = 0; i < shared; i++) {
        int order = ascii_lower(p[i]) - ascii_lower(q[i]);
        if (order != 0)
            return order;
        if (p[i] == 0) // an embedded NUL ends the comparison, as it does in SQLite
            break;
    }
    return sign_of_sizes(a_size, b_size);
}

static int size_without_spaces(const char *text, int size)
{
    ASSERT(size >= 0);

    while (size > 0 && text[size - 1] == ' ')
        size--;
    return size;
}

static int compare_rtrim(void *arg, int a_size, const void *a, int b_size, const void *b)
{
    ASSERT(a_size >= 0 && b_size >= 0);

    return compare_binary(arg, size_without_spaces(a, a_size), a, size_without_spaces(b, b_size),
                          b);
}

const Collation collation_binary = {
    .name = "BINARY",
    .compare = compare_binary,
    .encoding = SQLITE_UTF8,
    .is_binary = true,
};
const Collation collation_nocase = {
    .name = "NOCASE",
    .compare = compare_nocase,
    .encoding = SQLITE_UTF8,
};
const Collation collation_rtrim = {
    .name = "RTRIM",
    .compare = compare_rtrim,
    .encoding = SQLITE_UTF8,
};
