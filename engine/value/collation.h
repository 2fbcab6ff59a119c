#ifndef QUIRE_VALUE_COLLATION_H
#define QUIRE_VALUE_COLLATION_H
// Collating sequences: how two texts compare. BINARY, NOCASE and RTRIM are built in; users add
// others.
//
// A collation that a schema names but nobody has registered is kept with `compare` NULL: tables
// can then be read, and sorting by it is refused where the statement is compiled.

#include "base/contract.h"

// Negative, 0 or positive as text a sorts before, with or after b. Sizes are in bytes; neither
// text need end with NUL. Must be a total order, or indexes built by it are found corrupt later.
typedef int CollationCompare(void *arg, int a_size, const void *a, int b_size, const void *b);

// `name` is borrowed from the set that lists it (catalog/lookup.c). `destroy` gives `arg` back
// when the registration goes.
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
