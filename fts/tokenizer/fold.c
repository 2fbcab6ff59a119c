// fold: full Unicode case folding and, unless told otherwise, removal of accents, by utf8proc.
//
//     tokenize = 'fold [accents 0|1] [base ...]'       accents 1 keeps them
//
// Unlike the folding of unicode61 it follows the Unicode version of the library: ß becomes ss, and
// ligatures and full-width forms their plain letters (NFKC). The base should not fold itself where
// that loses something: 'fold unicode61 remove_diacritics 0'.
#include "fts/tokenizer/filter.h"

#include <stdlib.h>
#include <utf8proc.h>

typedef struct Fold {
    TokenFilter filter; // first: emit casts
    bool keeps_accents;
    u8 *folded;
    i64 capacity; // in code points
} Fold;

static void fold_delete(Fts5Tokenizer *tokenizer)
{
    Fold *self = (Fold *)tokenizer;
    if (self == NULL)
        return;
    token_filter_close(&self->filter);
    sqlite3_free(self->folded);
    sqlite3_free(self);
}

static int fold_create(void *user_data, const char **args, int arg_count, Fts5Tokenizer **out)
{
    *out = NULL;
    bool keeps_accents = false;
    if (arg_count >= 2 && sqlite3_stricmp(args[0], "accents") == 0) {
        if ((args[1][0] != '0' && args[1][0] != '1') || args[1][1] != 0)
            return SQLITE_ERROR;
        keeps_accents = args[1][0] == '1';
        args += 2;
        arg_count -= 2;
    }
    Fold *self = fts_zalloc(sizeof *self);
    if (self == NULL)
        return SQLITE_NOMEM;
    self->keeps_accents = keeps_accents;
    int rc = token_filter_open(&self->filter, user_data, args, arg_count);
    if (rc != SQLITE_OK) {
        fold_delete((Fts5Tokenizer *)self);
        return rc;
    }
    *out = (Fts5Tokenizer *)self;
    return SQLITE_OK;
}

static bool reserve(Fold *self, i64 count)
{
    ASSERT(count > 0);

    if (count <= self->capacity)
        return true;
    u8 *grown = sqlite3_realloc64(self->folded, (u64)count * sizeof(utf8proc_int32_t) + 1);
    if (grown == NULL)
        return false;
    self->folded = grown;
    self->capacity = count;
    return true;
}

// wide: the signature is the public interface's
static int emit_folded(void *ctx, int flags, const char *token, int size, int start, int end)
{
    Fold *self = ctx;
    int how = UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD
              | UTF8PROC_IGNORE | (self->keeps_accents ? 0 : UTF8PROC_STRIPMARK);
    const u8 *bytes = (const u8 *)token;
    utf8proc_int32_t *codes = (utf8proc_int32_t *)(void *)self->folded;
    i64 count = utf8proc_decompose(bytes, size, codes, self->capacity, (utf8proc_option_t)how);
    if (count > self->capacity) {
        if (!reserve(self, count + 64))
            return SQLITE_NOMEM;
        codes = (utf8proc_int32_t *)(void *)self->folded;
        count = utf8proc_decompose(bytes, size, codes, self->capacity, (utf8proc_option_t)how);
    }
    if (count > 0)
        count = utf8proc_reencode(codes, count, (utf8proc_option_t)how);
    if (count < 0) // no UTF-8: as it is
        return self->filter.emit(self->filter.ctx, flags, token, size, start, end);
    if (count == 0)
        return SQLITE_OK; // nothing but marks
    return self->filter.emit(self->filter.ctx, flags, (const char *)self->folded, (int)count, start,
                             end);
}

// wide: the signature is the public interface's
static int fold_tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags, const char *text, int size,
                         const char *locale, int locale_size, TokenCallback *emit)
{
    Fold *self = (Fold *)tokenizer;
    self->filter.emit = emit;
    self->filter.ctx = ctx;
    return self->filter.base->xTokenize(self->filter.base_tokenizer, self, flags, text, size,
                                        locale, locale_size, emit_folded);
}

const fts5_tokenizer_v2 tokenizer_fold = {2, fold_create, fold_delete, fold_tokenize};
