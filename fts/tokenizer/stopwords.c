// stopwords: leaves frequent words out.
//
//     tokenize = 'stopwords english [base ...]'            a list that comes with it
//     tokenize = "stopwords 'der die das' [base ...]"      a list of one's own
//
// Words are compared as the base gives them. So a stemmer belongs in front of it
// (snowball english stopwords english), or the list has stems.
// A word left out leaves no gap: the phrase "state of art" is the same as "state art".
#include "fts/tokenizer/filter.h"

#include <stdlib.h>

static const char english[] =
    "a about above after again against all am an and any are as at be because been before being "
    "below between both but by can could did do does doing down during each few for from further "
    "had has have having he her here hers herself him himself his how i if in into is it its "
    "itself just me more most my myself no nor not now of off on once only or other our ours "
    "ourselves out over own same she should so some such than that the their theirs them "
    "themselves then there these they this those through to too under until up very was we were "
    "what when where which while who whom why will with would you your yours yourself yourselves";

typedef struct Stopwords {
    TokenFilter filter; // first: emit casts
    char *text;         // the list, its words ended by zeros
    char **words;       // in order
    int count;
} Stopwords;

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void stopwords_delete(Fts5Tokenizer *tokenizer)
{
    Stopwords *self = (Stopwords *)tokenizer;
    if (self == NULL)
        return;
    token_filter_close(&self->filter);
    sqlite3_free(self->text);
    sqlite3_free(self->words);
    sqlite3_free(self);
}

static int take_list(Stopwords *self, const char *list)
{
    ASSERT(self->words == NULL && self->count == 0);

    size_t size = strlen(list);
    self->text = sqlite3_mprintf("%s", list);
    self->words = sqlite3_malloc64(sizeof *self->words * (size / 2 + 1));
    if (self->text == NULL || self->words == NULL)
        return SQLITE_NOMEM;
    for (char *at = self->text; *at != 0;) {
        size_t word = strcspn(at, " \t\n,");
        bool is_last = at[word] == 0;
        at[word] = 0;
        if (word > 0)
            self->words[self->count++] = at;
        at += word + !is_last;
    }
    qsort(self->words, (size_t)self->count, sizeof *self->words, compare_words);
    return SQLITE_OK;
}

static int stopwords_create(void *user_data, const char **args, int arg_count, Fts5Tokenizer **out)
{
    *out = NULL;
    if (arg_count == 0)
        return SQLITE_ERROR;
    Stopwords *self = fts_zalloc(sizeof *self);
    if (self == NULL)
        return SQLITE_NOMEM;
    int rc = take_list(self, sqlite3_stricmp(args[0], "english") == 0 ? english : args[0]);
    if (rc == SQLITE_OK)
        rc = token_filter_open(&self->filter, user_data, args + 1, arg_count - 1);
    if (rc != SQLITE_OK) {
        stopwords_delete((Fts5Tokenizer *)self);
        return rc;
    }
    *out = (Fts5Tokenizer *)self;
    return SQLITE_OK;
}

static bool is_stopword(const Stopwords *self, const char *token, int size)
{
    ASSERT(size >= 0);

    int first = 0;
    int end = self->count;
    while (first < end) {
        int middle = (first + end) / 2;
        const char *word = self->words[middle];
        int order = fts_bytes_compare(word, strlen(word), token, (u64)size);
        if (order == 0)
            return true;
        if (order < 0)
            first = middle + 1;
        else
            end = middle;
    }
    return false;
}

// wide: the signature is the public interface's
static int emit_kept(void *ctx, int flags, const char *token, int size, int start, int end)
{
    Stopwords *self = ctx;
    if (is_stopword(self, token, size))
        return SQLITE_OK;
    return self->filter.emit(self->filter.ctx, flags, token, size, start, end);
}

// wide: the signature is the public interface's
static int stopwords_tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags, const char *text,
                              int size, const char *locale, int locale_size, TokenCallback *emit)
{
    Stopwords *self = (Stopwords *)tokenizer;
    self->filter.emit = emit;
    self->filter.ctx = ctx;
    return self->filter.base->xTokenize(self->filter.base_tokenizer, self, flags, text, size,
                                        locale, locale_size, emit_kept);
}

const fts5_tokenizer_v2 tokenizer_stopwords = {2, stopwords_create, stopwords_delete,
                                               stopwords_tokenize};
