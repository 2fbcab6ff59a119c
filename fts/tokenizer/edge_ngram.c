// edge_ngram: the beginnings of words, for completion while somebody types.
//
//     tokenize = 'edge_ngram 2 8 [base ...]'      beginnings of 2 to 8 characters
//
// A document's word goes in with its beginnings in the same place; a query's word is looked up as
// it is, cut at the greatest length. So plain words find what they begin, without the prefix
// operator.
#include "fts/tokenizer/filter.h"

#include <stdlib.h>

enum { LENGTH_MAX = 64 };

typedef struct EdgeNgram {
    TokenFilter filter; // first: emit casts
    int min;
    int max;
} EdgeNgram;

static void edge_ngram_delete(Fts5Tokenizer *tokenizer)
{
    EdgeNgram *self = (EdgeNgram *)tokenizer;
    if (self != NULL)
        token_filter_close(&self->filter);
    sqlite3_free(self);
}

static bool read_length(const char *text, int *length)
{
    char *end;
    long value = strtol(text, &end, 10);
    *length = (int)value;
    return end != text && *end == 0 && value >= 1 && value <= LENGTH_MAX;
}

static int edge_ngram_create(void *user_data, const char **args, int arg_count, Fts5Tokenizer **out)
{
    int min;
    int max;
    *out = NULL;
    if (arg_count < 2 || !read_length(args[0], &min) || !read_length(args[1], &max) || min > max)
        return SQLITE_ERROR;
    EdgeNgram *self = fts_zalloc(sizeof *self);
    if (self == NULL)
        return SQLITE_NOMEM;
    self->min = min;
    self->max = max;
    int rc = token_filter_open(&self->filter, user_data, args + 2, arg_count - 2);
    if (rc != SQLITE_OK) {
        edge_ngram_delete((Fts5Tokenizer *)self);
        return rc;
    }
    *out = (Fts5Tokenizer *)self;
    return SQLITE_OK;
}

// Bytes of the first `count` characters; size when there are not more.
static int cut_at(const char *token, int size, int count)
{
    ASSERT(size >= 0 && count > 0);

    int at = 0;
    for (int i = 0; i < count && at < size; i++) {
        at++;
        while (at < size && ((u8)token[at] & 0xC0) == 0x80)
            at++;
    }
    return at;
}

// wide: the signature is the public interface's
static int emit_edges(void *ctx, int flags, const char *token, int size, int start, int end)
{
    ASSERT(((const EdgeNgram *)ctx)->min <= ((const EdgeNgram *)ctx)->max);

    const EdgeNgram *self = ctx;
    const TokenFilter *filter = &self->filter;
    int longest = cut_at(token, size, self->max);
    if ((filter->flags & FTS5_TOKENIZE_DOCUMENT) == 0 && (filter->flags & FTS5_TOKENIZE_AUX) == 0)
        return filter->emit(filter->ctx, flags, token, longest, start, end);
    TRY(filter->emit(filter->ctx, flags, token, size, start, end));
    int previous = size;
    for (int length = self->max; length >= self->min; length--) {
        int cut = cut_at(token, size, length);
        if (cut >= previous)
            continue;
        TRY(filter->emit(filter->ctx, flags | FTS5_TOKEN_COLOCATED, token, cut, start, end));
        previous = cut;
    }
    return SQLITE_OK;
}

// wide: the signature is the public interface's
static int edge_ngram_tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags, const char *text,
                               int size, const char *locale, int locale_size, TokenCallback *emit)
{
    EdgeNgram *self = (EdgeNgram *)tokenizer;
    self->filter.emit = emit;
    self->filter.ctx = ctx;
    self->filter.flags = flags;
    return self->filter.base->xTokenize(self->filter.base_tokenizer, self, flags, text, size,
                                        locale, locale_size, emit_edges);
}

const fts5_tokenizer_v2 tokenizer_edge_ngram = {2, edge_ngram_create, edge_ngram_delete,
                                                edge_ngram_tokenize};
