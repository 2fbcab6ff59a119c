// The tokenizers that are FTS3's own: simple, and porter, which stems what simple finds.
//
// A token is a run of ASCII letters and digits (porter: and underscores) and of bytes from 0x80 up.
// simple takes a list of separators instead.
#include "fts/fts3/fts3_tokenizer.h"

#include "fts/fts_bytes.h"
#include "fts/tokenizer/porter_stem.h"

typedef struct Words {
    sqlite3_tokenizer base;
    bool is_separator[0x80];
} Words;

typedef struct WordCursor {
    sqlite3_tokenizer_cursor base;
    const u8 *input;
    int size;
    int at;
    int position;
    FtsBuffer token;
} WordCursor;

static bool is_alnum(int c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int words_new(Words **out)
{
    Words *words = fts_zalloc(sizeof *words);
    if (words == NULL)
        return SQLITE_NOMEM;
    for (int c = 1; c < 0x80; c++)
        words->is_separator[c] = !is_alnum(c);
    *out = words;
    return SQLITE_OK;
}

// The argument, if there are two, lists the separators.
static int simple_create(int arg_count, const char *const *args, sqlite3_tokenizer **out)
{
    Words *words;
    TRY(words_new(&words));
    if (arg_count > 1) {
        memset(words->is_separator, 0, sizeof words->is_separator);
        for (const u8 *at = (const u8 *)args[1]; *at != 0; at++) {
            if (*at >= 0x80) { // separators are single bytes
                sqlite3_free(words);
                return SQLITE_ERROR;
            }
            words->is_separator[*at] = true;
        }
    }
    *out = &words->base;
    return SQLITE_OK;
}

static int porter_create(int arg_count, const char *const *args, sqlite3_tokenizer **out)
{
    (void)arg_count, (void)args;
    Words *words;
    TRY(words_new(&words));
    words->is_separator['_'] = false;
    words->is_separator[0] = true;
    *out = &words->base;
    return SQLITE_OK;
}

static int words_destroy(sqlite3_tokenizer *tokenizer)
{
    ASSERT(tokenizer != NULL);
    sqlite3_free(tokenizer);
    return SQLITE_OK;
}

static int words_open(sqlite3_tokenizer *tokenizer, const char *input, int size,
                      sqlite3_tokenizer_cursor **out)
{
    (void)tokenizer;
    WordCursor *cursor = fts_zalloc(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    cursor->input = (const u8 *)input;
    cursor->size = input == NULL ? 0 : size < 0 ? (int)strlen(input) : size;
    *out = &cursor->base;
    return SQLITE_OK;
}

static int words_close(sqlite3_tokenizer_cursor *base)
{
    WordCursor *cursor = (WordCursor *)base;
    ASSERT(cursor != NULL);
    fts_buffer_deinit(&cursor->token);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static bool is_separator(const WordCursor *cursor, int at)
{
    u8 c = cursor->input[at];
    return c < 0x80 && ((const Words *)cursor->base.pTokenizer)->is_separator[c];
}

// Moves on to the next run of token bytes.
static bool find_run(WordCursor *cursor, int *start, int *end)
{
    int at = cursor->at;
    while (at < cursor->size && is_separator(cursor, at))
        at++;
    *start = at;
    while (at < cursor->size && !is_separator(cursor, at))
        at++;
    *end = cursor->at = at;
    ASSERT(*start <= *end);
    return *start < *end;
}

static u8 lower(u8 c)
{
    return c >= 'A' && c <= 'Z' ? (u8)(c + 32) : c;
}

static int words_next(sqlite3_tokenizer_cursor *base, const char **token, int *size, int *start,
                      int *end, int *position)
{
    WordCursor *cursor = (WordCursor *)base;
    if (!find_run(cursor, start, end))
        return SQLITE_DONE;
    fts_buffer_clear(&cursor->token);
    if (!fts_buffer_reserve(&cursor->token, (u64)(*end - *start) + 1))
        return cursor->token.rc;
    for (int i = *start; i < *end; i++)
        cursor->token.bytes[cursor->token.size++] = lower(cursor->input[i]);
    *token = (const char *)cursor->token.bytes;
    *size = (int)cursor->token.size;
    *position = cursor->position++;
    return SQLITE_OK;
}

const sqlite3_tokenizer_module fts3_simple = {0,           simple_create, words_destroy, words_open,
                                              words_close, words_next,    NULL};

// --- porter ---

enum { STEM_MIN = 3, STEM_MAX = 20, KEEP_WORD = 10, KEEP_NUMBER = 3 }; // sizes, inclusive

// What is no English word is not stemmed; of a long one only head and tail are kept.
static int shorten(u8 *word, int size)
{
    bool has_digit = false;
    for (int i = 0; i < size; i++) {
        word[i] = lower(word[i]);
        has_digit = has_digit || (word[i] >= '0' && word[i] <= '9');
    }
    int keep = has_digit ? KEEP_NUMBER : KEEP_WORD;
    if (size <= keep * 2)
        return size;
    memmove(word + keep, word + size - keep, (size_t)keep);
    return keep * 2;
}

static bool is_english(const u8 *word, int size)
{
    for (int i = 0; i < size; i++) {
        if (lower(word[i]) < 'a' || lower(word[i]) > 'z')
            return false;
    }
    return true;
}

// Words that are nothing but endings have stems other than FTS5's.
static int stem(u8 *word, int size)
{
    static const struct {
        const char *word;
        int stem_size;
    } endings[] = {{"ies", 1}, {"sses", 2}, {"eed", 3}, {"eeds", 3}};
    ASSERT(size >= STEM_MIN);
    for (int i = 0; i < ARRAY_LEN(endings); i++) {
        if (strlen(endings[i].word) == (size_t)size
            && memcmp(word, endings[i].word, (size_t)size) == 0)
            return endings[i].stem_size;
    }
    return porter_stem((char *)word, size);
}

static int porter_next(sqlite3_tokenizer_cursor *base, const char **token, int *size, int *start,
                       int *end, int *position)
{
    WordCursor *cursor = (WordCursor *)base;
    TRY(words_next(base, token, size, start, end, position));
    u8 *word = cursor->token.bytes;
    ASSERT(*size > 0);
    if (*size < STEM_MIN || *size > STEM_MAX || !is_english(word, *size))
        *size = shorten(word, *size);
    else
        *size = stem(word, *size);
    return SQLITE_OK;
}

const sqlite3_tokenizer_module fts3_porter = {0,           porter_create, words_destroy, words_open,
                                              words_close, porter_next,   NULL};
