#ifndef QUIRE_FTS_TOKENIZER_SNOWBALL_H
#define QUIRE_FTS_TOKENIZER_SNOWBALL_H
// Snowball's stemmers, one per language, from the system's libstemmer.
//
// The library is loaded while a stemmer is open and not before: it is mostly tables of pointers,
// which the dynamic linker would have to write to in every process, two thirds of a megabyte for a
// tokenizer that few databases use.

#include "fts/fts_bytes.h"

#include <libstemmer.h>

typedef struct Snowball {
    void *library; // NULL: closed
    struct sb_stemmer *stemmer;
    void (*delete)(struct sb_stemmer *);
    const sb_symbol *(*stem)(struct sb_stemmer *, const sb_symbol *, int);
    int (*length)(struct sb_stemmer *);
} Snowball;

// SQLITE_ERROR when there is no such language, or no library; the latter is logged.
MUST_USE int snowball_open(Snowball *snowball, const char *language);
void snowball_close(Snowball *snowball); // a closed one is legal
// The stem of a word in UTF-8, borrowed until the next call; NULL: out of memory.
const char *snowball_stem(const Snowball *snowball, const char *word, int size, int *stem_size);

#endif
