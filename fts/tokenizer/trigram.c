// trigram: every three consecutive characters are a token, so that substrings can be looked up.
//
// Arguments: case_sensitive 0|1, remove_diacritics 0|1 (not with case_sensitive 1).
#include "fts/fts_bytes.h"
#include "fts/tokenizer/tokenizer.h"

typedef struct Trigram {
    bool is_case_sensitive;
    int remove_diacritics; // as unicode_fold() wants it: 0 or 2
} Trigram;

static void trigram_delete(Fts5Tokenizer *tokenizer)
{
    sqlite3_free(tokenizer);
}

static int set_argument(Trigram *self, const char *name, const char *value)
{
    if ((value[0] != '0' && value[0] != '1') || value[1] != 0)
        return SQLITE_ERROR;
    bool is_on = value[0] == '1';
    if (sqlite3_stricmp(name, "case_sensitive") == 0)
        self->is_case_sensitive = is_on;
    else if (sqlite3_stricmp(name, "remove_diacritics") == 0)
        self->remove_diacritics = is_on ? 2 : 0;
    else
        return SQLITE_ERROR;
    return SQLITE_OK;
}

static int trigram_create(void *user_data, const char **args, int arg_count, Fts5Tokenizer **out)
{
    (void)user_data;
    *out = NULL;
    if (arg_count % 2 != 0)
        return SQLITE_ERROR;
    Trigram *self = fts_zalloc(sizeof *self);
    if (self == NULL)
        return SQLITE_NOMEM;
    int rc = SQLITE_OK;
    for (int i = 0; i < arg_count && rc == SQLITE_OK; i += 2)
        rc = set_argument(self, args[i], args[i + 1]);
    if (rc == SQLITE_OK && self->is_case_sensitive && self->remove_diacritics != 0)
        rc = SQLITE_ERROR;
    if (rc != SQLITE_OK) {
        sqlite3_free(self);
        return rc;
    }
    *out = (Fts5Tokenizer *)self;
    return SQLITE_OK;
}

typedef struct Grams {
    const Trigram *tokenizer;
    const u8 *text;
    const u8 *end;
    const u8 *at;
    u8 gram[12];
    int gram_size;
    int starts[3]; // where each character of the gram stands in the text
} Grams;

// The next character that folding leaves; false at the end of the text. Zeroes are
// skipped as marks are. *start is where the last character read began.
static bool next_character(Grams *grams, u32 *code, int *start)
{
    ASSERT(grams->at <= grams->end);

    while (grams->at < grams->end) {
        *start = (int)(grams->at - grams->text);
        u32 found = unicode_next(&grams->at, grams->end);
        if (!grams->tokenizer->is_case_sensitive)
            found = unicode_fold(found, grams->tokenizer->remove_diacritics);
        if (found != 0) {
            *code = found;
            return true;
        }
    }
    return false;
}

// Bytes of the gram's first character, which unicode_put() wrote.
static int first_size(const u8 *gram)
{
    ASSERT(gram[0] < 0x80 || gram[0] >= 0xC0);

    return gram[0] < 0xC0 ? 1 : gram[0] < 0xE0 ? 2 : gram[0] < 0xF0 ? 3 : 4;
}

// wide: the signature is the public interface's
static int trigram_tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags, const char *text,
                            int size, const char *locale, int locale_size, TokenCallback *emit)
{
    (void)flags, (void)locale, (void)locale_size;
    Grams grams = {.tokenizer = (Trigram *)tokenizer, .text = (const u8 *)text};
    grams.at = grams.text;
    grams.end = grams.text + size;
    u32 code;
    for (int i = 0; i < 3; i++) {
        if (!next_character(&grams, &code, &grams.starts[i]))
            return SQLITE_OK;
        grams.gram_size += unicode_put(grams.gram + grams.gram_size, code);
    }
    for (;;) {
        int next = 0;
        bool has_next = next_character(&grams, &code, &next);
        int end = has_next ? next : (int)(grams.at - grams.text);
        TRY(emit(ctx, 0, (const char *)grams.gram, grams.gram_size, grams.starts[0], end));
        if (!has_next)
            return SQLITE_OK;
        int dropped = first_size(grams.gram);
        grams.gram_size -= dropped;
        memmove(grams.gram, grams.gram + dropped, (size_t)grams.gram_size);
        grams.gram_size += unicode_put(grams.gram + grams.gram_size, code);
        grams.starts[0] = grams.starts[1];
        grams.starts[1] = grams.starts[2];
        grams.starts[2] = next;
    }
}

const fts5_tokenizer_v2 tokenizer_trigram = {2, trigram_create, trigram_delete, trigram_tokenize};
