// The tokenizers a connection knows, and the adapters between the two versions of their interface.
#include "fts/fts_bytes.h"
#include "fts/tokenizer/tokenizer.h"

// What an adapter's xCreate makes: the tokenizer behind it, and whose it is.
typedef struct Adapted {
    TokenizerEntry *entry;
    Fts5Tokenizer *inner;
} Adapted;

static int adapted_finish(Adapted *adapted, int rc, Fts5Tokenizer **out)
{
    ASSERT(adapted != NULL);

    if (rc != SQLITE_OK) {
        sqlite3_free(adapted);
        adapted = NULL;
    }
    *out = (Fts5Tokenizer *)adapted;
    return rc;
}

static Adapted *adapted_new(TokenizerEntry *entry)
{
    Adapted *adapted = fts_zalloc(sizeof *adapted);
    if (adapted != NULL)
        adapted->entry = entry;
    return adapted;
}

// --- an old tokenizer behind the new interface ---

static int old_create(void *user_data, const char **args, int arg_count, Fts5Tokenizer **out)
{
    TokenizerEntry *entry = user_data;
    *out = NULL;
    Adapted *adapted = adapted_new(entry);
    if (adapted == NULL)
        return SQLITE_NOMEM;
    int rc =
        entry->registered_old.xCreate(entry->registered_data, args, arg_count, &adapted->inner);
    return adapted_finish(adapted, rc, out);
}

static void old_delete(Fts5Tokenizer *tokenizer)
{
    Adapted *adapted = (Adapted *)tokenizer;
    if (adapted == NULL)
        return;
    adapted->entry->registered_old.xDelete(adapted->inner);
    sqlite3_free(adapted);
}

// wide: the signature is the public interface's
static int old_tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags, const char *text, int size,
                        const char *locale, int locale_size, TokenCallback *emit)
{
    (void)locale, (void)locale_size;
    Adapted *adapted = (Adapted *)tokenizer;
    return adapted->entry->registered_old.xTokenize(adapted->inner, ctx, flags, text, size, emit);
}

// --- a new tokenizer behind the old interface ---

static int new_create(void *user_data, const char **args, int arg_count, Fts5Tokenizer **out)
{
    TokenizerEntry *entry = user_data;
    *out = NULL;
    Adapted *adapted = adapted_new(entry);
    if (adapted == NULL)
        return SQLITE_NOMEM;
    int rc =
        entry->registered_new.xCreate(entry->registered_data, args, arg_count, &adapted->inner);
    return adapted_finish(adapted, rc, out);
}

static void new_delete(Fts5Tokenizer *tokenizer)
{
    Adapted *adapted = (Adapted *)tokenizer;
    if (adapted == NULL)
        return;
    adapted->entry->registered_new.xDelete(adapted->inner);
    sqlite3_free(adapted);
}

static int new_tokenize(Fts5Tokenizer *tokenizer, void *ctx, int flags, const char *text, int size,
                        TokenCallback *emit)
{
    Adapted *adapted = (Adapted *)tokenizer;
    return adapted->entry->registered_new.xTokenize(adapted->inner, ctx, flags, text, size, NULL, 0,
                                                    emit);
}

// --- the list ---

static int add_entry(TokenizerList *list, const char *name, TokenizerEntry **out)
{
    ASSERT(name != NULL);

    TokenizerEntry *entry = fts_zalloc(sizeof *entry);
    if (entry == NULL)
        return SQLITE_NOMEM;
    entry->name = sqlite3_mprintf("%s", name);
    if (entry->name == NULL) {
        sqlite3_free(entry);
        return SQLITE_NOMEM;
    }
    entry->next = list->first;
    list->first = entry;
    *out = entry;
    return SQLITE_OK;
}

int tokenizer_list_add(TokenizerList *list, const char *name, void *user_data,
                       const fts5_tokenizer_v2 *methods, void (*destroy)(void *))
{
    TokenizerEntry *entry;
    TRY(add_entry(list, name, &entry));
    entry->methods = entry->registered_new = *methods;
    entry->user_data = entry->registered_data = user_data;
    entry->old_methods = (fts5_tokenizer){new_create, new_delete, new_tokenize};
    entry->old_user_data = entry;
    entry->destroy = destroy;
    return SQLITE_OK;
}

int tokenizer_list_add_old(TokenizerList *list, const char *name, void *user_data,
                           const fts5_tokenizer *methods, void (*destroy)(void *))
{
    TokenizerEntry *entry;
    TRY(add_entry(list, name, &entry));
    entry->old_methods = entry->registered_old = *methods;
    entry->old_user_data = entry->registered_data = user_data;
    entry->methods = (fts5_tokenizer_v2){2, old_create, old_delete, old_tokenize};
    entry->user_data = entry;
    entry->destroy = destroy;
    return SQLITE_OK;
}

TokenizerEntry *tokenizer_list_find(TokenizerList *list, const char *name)
{
    if (name == NULL)
        name = "unicode61";
    for (TokenizerEntry *entry = list->first; entry != NULL; entry = entry->next) {
        if (sqlite3_stricmp(entry->name, name) == 0)
            return entry;
    }
    return NULL;
}

// 'porter snowball german unicode61': down the chain of filters to the base, which decides. What is
// not known here may colocate.
bool tokenizer_list_is_plain(TokenizerList *list, char *const *words, int word_count)
{
    ASSERT(word_count >= 0);

    for (int i = 0; i <= word_count; i++) {
        const TokenizerEntry *entry = tokenizer_list_find(list, i < word_count ? words[i] : NULL);
        if (entry == NULL)
            return false;
        int (*create)(void *, const char **, int, Fts5Tokenizer **) = entry->methods.xCreate;
        bool is_base = create == tokenizer_unicode61.xCreate || create == tokenizer_ascii.xCreate
                       || create == tokenizer_trigram.xCreate || create == tokenizer_raw.xCreate
                       || create == tokenizer_whitespace.xCreate
                       || create == tokenizer_simple.xCreate;
        if (is_base)
            return true;
        bool has_argument =
            create == tokenizer_snowball.xCreate || create == tokenizer_stopwords.xCreate;
        if (create != tokenizer_porter.xCreate && !has_argument)
            return false;
        i += has_argument; // the language
    }
    return false;
}

void tokenizer_list_deinit(TokenizerList *list)
{
    while (list->first != NULL) {
        TokenizerEntry *entry = list->first;
        list->first = entry->next;
        if (entry->destroy != NULL)
            entry->destroy(entry->registered_data);
        sqlite3_free(entry->name);
        sqlite3_free(entry);
    }
}

int tokenizer_list_add_builtin(TokenizerList *list)
{
    TRY(tokenizer_list_add(list, "ascii", NULL, &tokenizer_ascii, NULL));
    TRY(tokenizer_list_add(list, "trigram", NULL, &tokenizer_trigram, NULL));
    TRY(tokenizer_list_add(list, "porter", list, &tokenizer_porter, NULL));
    TRY(tokenizer_list_add(list, "snowball", list, &tokenizer_snowball, NULL));
    TRY(tokenizer_list_add(list, "stopwords", list, &tokenizer_stopwords, NULL));
    TRY(tokenizer_list_add(list, "fold", list, &tokenizer_fold, NULL));
    TRY(tokenizer_list_add(list, "cjk", list, &tokenizer_cjk, NULL));
    TRY(tokenizer_list_add(list, "edge_ngram", list, &tokenizer_edge_ngram, NULL));
    TRY(tokenizer_list_add(list, "synonyms", list, &tokenizer_synonyms, NULL));
    TRY(tokenizer_list_add(list, "raw", NULL, &tokenizer_raw, NULL));
    TRY(tokenizer_list_add(list, "whitespace", NULL, &tokenizer_whitespace, NULL));
    TRY(tokenizer_list_add(list, "simple", NULL, &tokenizer_simple, NULL));
    return tokenizer_list_add(list, "unicode61", NULL, &tokenizer_unicode61, NULL);
}
