#ifndef QUIRE_FTS_TOKENIZER_FILTER_H
#define QUIRE_FTS_TOKENIZER_FILTER_H
// What tokenizers have in common that change, drop or add tokens of a base tokenizer, which the
// rest of their arguments names: 'stopwords english snowball english unicode61'. Without a base it
// is unicode61.

#include "fts/fts_bytes.h"
#include "fts/tokenizer/tokenizer.h"

typedef struct TokenFilter {
    fts5_tokenizer_v2 *base;
    Fts5Tokenizer *base_tokenizer;
    TokenCallback *emit; // of the text being tokenized
    void *ctx;
    int flags; // FTS5_TOKENIZE_* of the same
} TokenFilter;

MUST_USE int token_filter_open(TokenFilter *filter, TokenizerList *list, const char **args,
                               int arg_count);
void token_filter_close(TokenFilter *filter);

#endif
