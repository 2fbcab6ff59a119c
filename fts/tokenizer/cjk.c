// cjk: Han, Kana, Hangul and Thai as pairs of characters, everything else as the base has it.
//
//     tokenize = 'cjk [base ...]'
//
// Each character of such a run is a token; in documents the pair that it begins stands in the same
// place. A query's run is looked up by its pairs, one place apart, and its last character, which
// finds just the places where the run is.
#include "fts/tokenizer/filter.h"

typedef struct Cjk {
    TokenFilter filter; // first: emit casts
} Cjk;

static void cjk_delete(Fts5Tokenizer *tokenizer)
{
    Cjk *self = (Cjk *)tokenizer;
    if (self != NULL)
        token_filter_close(&self->filter);
    sqlite3_free(self);
}

static int cjk_create(void *user_data, const char **args, int arg_count, Fts5Tokenizer **out)
{
    *out = NULL;
    Cjk *self = fts_zalloc(sizeof *self);
    if (self == NULL)
        return SQLITE_NOMEM;
    int rc = token_filter_open(&self->filter, user_data, args, arg_count);
    if (rc != SQLITE_OK) {
        cjk_delete((Fts5Tokenizer *)self);
        return rc;
    }
    *out = (Fts5Tokenizer *)self;
    return SQLITE_OK;
}

static bool is_cjk(u32 code)
{
    static const u32 ranges[][2] = {
        {0x0E01, 0x0E5B}, {0x1100, 0x11FF}, {0x2E80, 0x2FDF},   {0x3005, 0x3007},
        {0x3031, 0x3035}, {0x3041, 0x30FF}, {0x3105, 0x318E},   {0x31A0, 0x31FF},
        {0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xA960, 0xA97F},   {0xAC00, 0xD7FF},
        {0xF900, 0xFAFF}, {0xFF66, 0xFFDC}, {0x1B000, 0x1B16F}, {0x20000, 0x3FFFF},
    };
    for (int i = 0; i < ARRAY_LEN(ranges); i++) {
        if (code >= ranges[i][0] && code <= ranges[i][1])
            return true;
    }
    return false;
}

// One run of such characters, as tokens; start is where it stands in the text.
static int emit_run(const Cjk *self, const char *text, int start, int end)
{
    ASSERT(start < end);

    const TokenFilter *filter = &self->filter;
    bool is_document = (filter->flags & FTS5_TOKENIZE_QUERY) == 0;
    int at = start;
    while (at < end) {
        const u8 *next = (const u8 *)text + at;
        const u8 *limit = (const u8 *)text + end;
        unicode_next(&next, limit);
        int middle = (int)(next - (const u8 *)text);
        if (middle < end)
            unicode_next(&next, limit);
        int pair_end = (int)(next - (const u8 *)text);
        bool is_last = middle >= end;
        if (is_document || is_last)
            TRY(filter->emit(filter->ctx, 0, text + at, middle - at, at, middle));
        if (!is_last)
            TRY(filter->emit(filter->ctx, is_document ? FTS5_TOKEN_COLOCATED : 0, text + at,
                             pair_end - at, at, pair_end));
        at = middle;
    }
    return SQLITE_OK;
}

typedef struct Shifted {
    const TokenFilter *filter;
    int offset;
} Shifted;

// wide: the signature is the public interface's
static int emit_shifted(void *ctx, int flags, const char *token, int size, int start, int end)
{
    ASSERT(start >= 0 && start <= end);

    const Shifted *shifted = ctx;
    return shifted->filter->emit(shifted->filter->ctx, flags, token, size, start + shifted->offset,
                                 end + shifted->offset);
}

// The end of the run of characters that are all of the kind of the first.
static int where_changes(const char *text, int from, int size, bool *is_run)
{
    ASSERT(from < size);

    const u8 *at = (const u8 *)text + from;
    const u8 *end = (const u8 *)text + size;
    const u8 *next = at;
    *is_run = is_cjk(unicode_next(&next, end));
    while (next < end) {
        at = next;
        if (is_cjk(unicode_next(&next, end)) != *is_run)
            return (int)(at - (const u8 *)text);
    }
    return size;
}

// wide: the signature is the public interface's
static int cjk_tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags, const char *text, int size,
                        const char *locale, int locale_size, TokenCallback *emit)
{
    Cjk *self = (Cjk *)tokenizer;
    TokenFilter *filter = &self->filter;
    filter->emit = emit;
    filter->ctx = ctx;
    filter->flags = flags;
    for (int at = 0; at < size;) {
        bool is_run;
        int end = where_changes(text, at, size, &is_run);
        Shifted shifted = {filter, at};
        TRY(is_run ? emit_run(self, text, at, end)
                   : filter->base->xTokenize(filter->base_tokenizer, &shifted, flags, text + at,
                                             end - at, locale, locale_size, emit_shifted));
        at = end;
    }
    return SQLITE_OK;
}

const fts5_tokenizer_v2 tokenizer_cjk = {2, cjk_create, cjk_delete, cjk_tokenize};
