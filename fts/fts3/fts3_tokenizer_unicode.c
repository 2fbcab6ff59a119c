// unicode61 in FTS3's shape: the tokenizer of fts/tokenizer/ does the work, and its tokens are
// kept until they are asked for.
//
// Arguments are single words: remove_diacritics=0|1|2, tokenchars=..., separators=...
#include "fts/fts3/fts3_tokenizer.h"

#include "fts/fts_bytes.h"
#include "fts/tokenizer/tokenizer.h"

enum { ARGS_MAX = 32 };

typedef struct UnicodeTokenizer {
    sqlite3_tokenizer base;
    Fts5Tokenizer *worker;
} UnicodeTokenizer;

typedef struct StoredToken {
    u32 at; // in the cursor's text
    int size;
    int start;
    int end;
} StoredToken;

typedef struct UnicodeCursor {
    sqlite3_tokenizer_cursor base;
    FtsBuffer text;   // all tokens, one behind the other
    FtsBuffer tokens; // StoredToken
    u32 next;
} UnicodeCursor;

// A word "name=value" as the pair of arguments the worker takes.
static int split_argument(const char *arg, const char **pair)
{
    static const char *const names[] = {"remove_diacritics", "tokenchars", "separators"};
    for (int i = 0; i < ARRAY_LEN(names); i++) {
        size_t size = strlen(names[i]);
        if (strncmp(arg, names[i], size) == 0 && arg[size] == '=') {
            pair[0] = names[i];
            pair[1] = arg + size + 1;
            return SQLITE_OK;
        }
    }
    return SQLITE_ERROR;
}

static int unicode_create(int arg_count, const char *const *args, sqlite3_tokenizer **out)
{
    const char *pairs[ARGS_MAX * 2];
    if (arg_count > ARGS_MAX)
        return SQLITE_ERROR;
    for (int i = 0; i < arg_count; i++)
        TRY(split_argument(args[i], pairs + i * 2));
    UnicodeTokenizer *self = fts_zalloc(sizeof *self);
    if (self == NULL)
        return SQLITE_NOMEM;
    int rc = tokenizer_unicode61.xCreate(NULL, pairs, arg_count * 2, &self->worker);
    if (rc != SQLITE_OK) {
        sqlite3_free(self);
        return rc;
    }
    *out = &self->base;
    return SQLITE_OK;
}

static int unicode_destroy(sqlite3_tokenizer *tokenizer)
{
    UnicodeTokenizer *self = (UnicodeTokenizer *)tokenizer;
    ASSERT(self->worker != NULL);
    tokenizer_unicode61.xDelete(self->worker);
    sqlite3_free(self);
    return SQLITE_OK;
}

static int keep_token(void *ctx, int flags, const char *token, int size, int start, int end)
{
    (void)flags;
    UnicodeCursor *cursor = ctx;
    ASSERT(size >= 0);
    StoredToken stored = {cursor->text.size, size, start, end};
    fts_buffer_append(&cursor->text, token, (u64)size);
    fts_buffer_append(&cursor->tokens, &stored, sizeof stored);
    return cursor->text.rc != SQLITE_OK ? cursor->text.rc : cursor->tokens.rc;
}

static int unicode_close(sqlite3_tokenizer_cursor *base)
{
    UnicodeCursor *cursor = (UnicodeCursor *)base;
    ASSERT(cursor != NULL);
    fts_buffer_deinit(&cursor->text);
    fts_buffer_deinit(&cursor->tokens);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int unicode_open(sqlite3_tokenizer *tokenizer, const char *input, int size,
                        sqlite3_tokenizer_cursor **out)
{
    UnicodeTokenizer *self = (UnicodeTokenizer *)tokenizer;
    UnicodeCursor *cursor = fts_zalloc(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    if (input != NULL && size < 0)
        size = (int)strlen(input);
    int rc = SQLITE_OK;
    if (input != NULL)
        rc = tokenizer_unicode61.xTokenize(self->worker, cursor, FTS5_TOKENIZE_DOCUMENT, input,
                                           size, NULL, 0, keep_token);
    if (rc != SQLITE_OK) {
        unicode_close(&cursor->base);
        return rc;
    }
    *out = &cursor->base;
    return SQLITE_OK;
}

static int unicode_token(sqlite3_tokenizer_cursor *base, const char **token, int *size, int *start,
                         int *end, int *position)
{
    UnicodeCursor *cursor = (UnicodeCursor *)base;
    if (cursor->next >= cursor->tokens.size / sizeof(StoredToken))
        return SQLITE_DONE;
    StoredToken stored;
    memcpy(&stored, cursor->tokens.bytes + cursor->next * sizeof stored, sizeof stored);
    ASSERT(stored.at + (u32)stored.size <= cursor->text.size);
    *token = stored.size == 0 ? "" : (const char *)cursor->text.bytes + stored.at;
    *size = stored.size;
    *start = stored.start;
    *end = stored.end;
    *position = (int)cursor->next++;
    return SQLITE_OK;
}

const sqlite3_tokenizer_module fts3_unicode61 = {
    0, unicode_create, unicode_destroy, unicode_open, unicode_close, unicode_token, NULL};
