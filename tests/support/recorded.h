#ifndef QUIRE_TESTS_SUPPORT_RECORDED_H
#define QUIRE_TESTS_SUPPORT_RECORDED_H
// Runs built-in SQL functions without SQL and compares them with answers recorded from stock
// SQLite.
//
// A call is written name(literal, ...); an aggregate gets its rows as name{(literal, ...)(...)}.
// Literals are NULL, 12, 1.5, 'text' and x'0a'. The answer is a literal too, or "error: message".

#include "func/func.h"

typedef struct Recorded {
    const char *call, *answer;
} Recorded;

// Each row's call gives its answer; when the n-th allocation fails, for every n, it gives that
// answer or "error: out of memory" and loses no memory.
void recorded_check(const Recorded *rows, size_t count);

// The answer to one call; valid until the next one.
const char *recorded_ask(const char *call);

// A connection with default limits, whose clock stands at 2024-02-29 12:34:56.789.
sqlite3 *recorded_connection(void);

#endif
