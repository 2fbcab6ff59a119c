// Tokens as they stand in the text: neither folded nor stemmed.
//
//     raw           the whole value is one token
//     whitespace    what stands between white space
//     simple        runs of letters and digits
//
// They have no arguments. Bytes that are no UTF-8 belong to the token they stand in, but for
// `simple`, to which they are no letters.
#include "fts/tokenizer/tokenizer.h"

typedef bool IsTokenCharacter(u32 code);

// Nothing is kept but which characters make tokens; raw: NULL.
typedef struct Verbatim {
    IsTokenCharacter *is_token;
} Verbatim;

static bool is_category(u32 code, char first)
{
    int category = unicode_category(code);
    return category < UNICODE_CATEGORY_COUNT && unicode_category_names[category][0] == first;
}

static bool is_no_space(u32 code)
{
    enum { TAB = 9, RETURN = 13, NEXT_LINE = 0x85 };
    bool is_space = (code >= TAB && code <= RETURN) || code == NEXT_LINE || is_category(code, 'Z');
    return !is_space;
}

static bool is_alphanumeric(u32 code)
{
    return is_category(code, 'L') || is_category(code, 'N');
}

static int create(IsTokenCharacter *is_token, int arg_count, Fts5Tokenizer **out)
{
    *out = NULL;
    if (arg_count > 0)
        return SQLITE_ERROR;
    Verbatim *self = sqlite3_malloc64(sizeof *self);
    if (self == NULL)
        return SQLITE_NOMEM;
    self->is_token = is_token;
    *out = (Fts5Tokenizer *)self;
    return SQLITE_OK;
}

static int raw_create(void *user_data, const char **args, int arg_count, Fts5Tokenizer **out)
{
    (void)user_data, (void)args;
    return create(NULL, arg_count, out);
}

static int whitespace_create(void *user_data, const char **args, int arg_count, Fts5Tokenizer **out)
{
    (void)user_data, (void)args;
    return create(is_no_space, arg_count, out);
}

static int simple_create(void *user_data, const char **args, int arg_count, Fts5Tokenizer **out)
{
    (void)user_data, (void)args;
    return create(is_alphanumeric, arg_count, out);
}

static void verbatim_delete(Fts5Tokenizer *tokenizer)
{
    sqlite3_free(tokenizer);
}

// Behind the characters that are, or are not, of a token.
static const u8 *pass(const Verbatim *self, const u8 *at, const u8 *end, bool in_token)
{
    while (at < end) {
        const u8 *next = at;
        if (self->is_token(unicode_next(&next, end)) != in_token)
            break;
        ASSERT(next > at && next <= end);
        at = next;
    }
    return at;
}

// wide: the signature is the public interface's
static int verbatim_tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags, const char *text,
                             int size, const char *locale, int locale_size, TokenCallback *emit)
{
    (void)flags, (void)locale, (void)locale_size;
    const Verbatim *self = (Verbatim *)tokenizer;
    const u8 *begin = (const u8 *)text;
    const u8 *end = begin + size;
    if (self->is_token == NULL)
        return size > 0 ? emit(ctx, 0, text, size, 0, size) : SQLITE_OK;
    for (const u8 *at = begin;;) {
        const u8 *start = pass(self, at, end, false);
        at = pass(self, start, end, true);
        if (at == start)
            return SQLITE_OK;
        TRY(emit(ctx, 0, (const char *)start, (int)(at - start), (int)(start - begin),
                 (int)(at - begin)));
    }
}

const fts5_tokenizer_v2 tokenizer_raw = {2, raw_create, verbatim_delete, verbatim_tokenize};
const fts5_tokenizer_v2 tokenizer_whitespace = {2, whitespace_create, verbatim_delete,
                                                verbatim_tokenize};
const fts5_tokenizer_v2 tokenizer_simple = {2, simple_create, verbatim_delete, verbatim_tokenize};
