// porter and snowball: tokenizers that stem what another tokenizer finds.
//
//     tokenize = 'porter ascii'                the rest names the base and its arguments
//     tokenize = 'snowball german unicode61'   first the language, then the base
//
// Without a base it is unicode61. porter leaves tokens shorter than 3 or longer than 64 bytes as
// they are. A Snowball stemmer is not for several threads; the connection's mutex keeps them apart.
#include "fts/tokenizer/filter.h"
#include "fts/tokenizer/porter_stem.h"
#include "fts/tokenizer/snowball.h"

enum { PORTER_MIN = 3, PORTER_MAX = 64 };

typedef struct Stemming {
    TokenFilter filter;
    Snowball snowball; // closed: porter
} Stemming;

static void stemming_delete(Fts5Tokenizer *tokenizer)
{
    Stemming *self = (Stemming *)tokenizer;
    if (self == NULL)
        return;
    token_filter_close(&self->filter);
    snowball_close(&self->snowball);
    sqlite3_free(self);
}

static int finish(Stemming *self, int rc, Fts5Tokenizer **out)
{
    if (rc != SQLITE_OK) {
        stemming_delete((Fts5Tokenizer *)self);
        return rc;
    }
    *out = (Fts5Tokenizer *)self;
    return SQLITE_OK;
}

static int porter_create(void *user_data, const char **args, int arg_count, Fts5Tokenizer **out)
{
    *out = NULL;
    Stemming *self = fts_zalloc(sizeof *self);
    if (self == NULL)
        return SQLITE_NOMEM;
    return finish(self, token_filter_open(&self->filter, user_data, args, arg_count), out);
}

static int snowball_create(void *user_data, const char **args, int arg_count, Fts5Tokenizer **out)
{
    *out = NULL;
    if (arg_count == 0)
        return SQLITE_ERROR;
    Stemming *self = fts_zalloc(sizeof *self);
    if (self == NULL)
        return SQLITE_NOMEM;
    int rc = snowball_open(&self->snowball, args[0]);
    if (rc == SQLITE_OK)
        rc = token_filter_open(&self->filter, user_data, args + 1, arg_count - 1);
    return finish(self, rc, out);
}

// wide: the signature is the public interface's
static int emit_porter(void *ctx, int flags, const char *token, int size, int start, int end)
{
    ASSERT(((const Stemming *)ctx)->snowball.stemmer == NULL);

    Stemming *self = ctx;
    if (size < PORTER_MIN || size > PORTER_MAX)
        return self->filter.emit(self->filter.ctx, flags, token, size, start, end);
    char stem[PORTER_MAX + 8];
    memcpy(stem, token, (size_t)size);
    return self->filter.emit(self->filter.ctx, flags, stem, porter_stem(stem, size), start, end);
}

static int emit_snowball(void *ctx, int flags, const char *token, int size, int start, int end)
{
    ASSERT(size >= 0);

    Stemming *self = ctx;
    const char *stem = snowball_stem(&self->snowball, token, size, &size);
    if (stem == NULL)
        return SQLITE_NOMEM;
    return self->filter.emit(self->filter.ctx, flags, stem, size, start, end);
}

// wide: the signature is the public interface's
static int stemming_tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags, const char *text,
                             int size, const char *locale, int locale_size, TokenCallback *emit)
{
    Stemming *self = (Stemming *)tokenizer;
    self->filter.emit = emit;
    self->filter.ctx = ctx;
    return self->filter.base->xTokenize(
        self->filter.base_tokenizer, self, flags, text, size, locale, locale_size,
        self->snowball.library == NULL ? emit_porter : emit_snowball);
}

const fts5_tokenizer_v2 tokenizer_porter = {2, porter_create, stemming_delete, stemming_tokenize};
const fts5_tokenizer_v2 tokenizer_snowball = {2, snowball_create, stemming_delete,
                                              stemming_tokenize};
