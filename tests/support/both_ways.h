#ifndef QUIRE_TESTS_SUPPORT_BOTH_WAYS_H
#define QUIRE_TESTS_SUPPORT_BOTH_WAYS_H
// SQL that must give the same in quire, where a module is built in, and in stock SQLite, where it
// is loaded as an extension.

#include <stddef.h>

typedef struct SqlCase {
    const char *sql;
    const char *rows; // columns separated by '|', rows by newline; or "error N: message"
} SqlCase;

// Runs each case on an empty database in memory, both ways where there is a stock library.
void both_ways_check(const char *extension, const SqlCase *cases, size_t count);

// Only in quire; valid until the next call.
const char *quire_sql(const char *sql);

#endif
