#ifndef QUIRE_VALUE_COLLATION_H
#define QUIRE_VALUE_COLLATION_H
// Collating sequences: how two texts compare. BINARY, NOCASE and RTRIM are built in; users add
// others.

#include "base/contract.h"

typedef int CollationCompare(void *arg, int a_size, const void *a, int b_size, const void *b);

typedef struct Collation {
    const char *name;
    CollationCompare *compare; // NULL: named in a schema, but nobody has registered it
    void *arg;
    void (*destroy)(void *);
    u8 encoding;    // the encoding `compare` wants
    bool is_binary; // memcmp of the stored bytes, then length: lets comparison skip the call
} Collation;

extern const Collation collation_binary; // any encoding
extern const Collation collation_nocase; // UTF-8, ASCII letters
extern const Collation collation_rtrim;  // UTF-8, trailing spaces ignored

#endif
