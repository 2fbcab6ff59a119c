// ascii: letters, digits and every byte from 0x80 on make words; only A-Z are folded.
//
// Arguments: tokenchars '...', separators '...' (of their bytes below 0x80).
#include "fts/fts_bytes.h"
#include "fts/tokenizer/tokenizer.h"

typedef struct Ascii {
    u8 is_token[256];
    FtsBuffer token;
} Ascii;

static void ascii_delete(Fts5Tokenizer *tokenizer)
{
    Ascii *self = (Ascii *)tokenizer;
    if (self == NULL)
        return;
    fts_buffer_deinit(&self->token);
    sqlite3_free(self);
}

static void set_class(Ascii *self, const char *bytes, bool as_token)
{
    for (; *bytes != 0; bytes++) {
        if ((u8)*bytes < 0x80)
            self->is_token[(u8)*bytes] = as_token;
    }
}

static int set_argument(Ascii *self, const char *name, const char *value)
{
    if (sqlite3_stricmp(name, "tokenchars") == 0)
        set_class(self, value, true);
    else if (sqlite3_stricmp(name, "separators") == 0)
        set_class(self, value, false);
    else
        return SQLITE_ERROR;
    return SQLITE_OK;
}

static bool is_word_byte(int byte)
{
    ASSERT(byte >= 0 && byte < 256);

    return byte >= 0x80 || (byte >= '0' && byte <= '9')
           || ((byte | 32) >= 'a' && (byte | 32) <= 'z');
}

static int ascii_create(void *user_data, const char **args, int arg_count, Fts5Tokenizer **out)
{
    (void)user_data;
    *out = NULL;
    if (arg_count % 2 != 0)
        return SQLITE_ERROR;
    Ascii *self = fts_zalloc(sizeof *self);
    if (self == NULL)
        return SQLITE_NOMEM;
    for (int byte = 0; byte < 256; byte++)
        self->is_token[byte] = is_word_byte(byte);
    int rc = SQLITE_OK;
    for (int i = 0; i < arg_count && rc == SQLITE_OK; i += 2)
        rc = set_argument(self, args[i], args[i + 1]);
    if (rc != SQLITE_OK) {
        ascii_delete((Fts5Tokenizer *)self);
        return rc;
    }
    *out = (Fts5Tokenizer *)self;
    return SQLITE_OK;
}

// wide: the signature is the public interface's
static int ascii_tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags, const char *text,
                          int size, const char *locale, int locale_size, TokenCallback *emit)
{
    (void)flags, (void)locale, (void)locale_size;
    Ascii *self = (Ascii *)tokenizer;
    int at = 0;
    for (;;) {
        while (at < size && !self->is_token[(u8)text[at]])
            at++;
        if (at >= size)
            return SQLITE_OK;
        int start = at;
        fts_buffer_clear(&self->token);
        for (; at < size && self->is_token[(u8)text[at]]; at++) {
            u8 byte = (u8)text[at];
            fts_buffer_append_byte(&self->token, byte >= 'A' && byte <= 'Z' ? byte | 32 : byte);
        }
        if (self->token.rc != SQLITE_OK)
            return self->token.rc;
        TRY(emit(ctx, 0, (const char *)self->token.bytes, at - start, start, at));
    }
}

const fts5_tokenizer_v2 tokenizer_ascii = {2, ascii_create, ascii_delete, ascii_tokenize};
