// The tokenizers a connection knows, and the SQL function that shows and adds them.
//
// fts3_tokenizer(name) gives a tokenizer's address as a blob, fts3_tokenizer(name, blob) registers
// one. Both are guarded, since a forged blob is a jump to anywhere: the address is shown, or taken,
// only where the connection allows it or a bound parameter proves that code of the application
// speaks.
#include "fts/fts3/fts3_tokenizer.h"

#include "fts/fts_bytes.h"

typedef struct Entry {
    struct Entry *next;
    const sqlite3_tokenizer_module *module;
    char name[];
} Entry;

struct Fts3Tokenizers {
    int ref_count;
    Entry *first; // the newest of a name is found
};

static int add(Fts3Tokenizers *list, const char *name, const sqlite3_tokenizer_module *module)
{
    ASSERT(list->ref_count > 0);

    size_t size = strlen(name) + 1;
    Entry *entry = fts_zalloc(sizeof *entry + size);
    if (entry == NULL)
        return SQLITE_NOMEM;
    memcpy(entry->name, name, size);
    entry->module = module;
    entry->next = list->first;
    list->first = entry;
    return SQLITE_OK;
}

int fts3_tokenizers_new(Fts3Tokenizers **out)
{
    ASSERT(out != NULL);

    Fts3Tokenizers *list = fts_zalloc(sizeof *list);
    if (list == NULL)
        return SQLITE_NOMEM;
    list->ref_count = 1;
    int rc = add(list, "simple", &fts3_simple);
    if (rc == SQLITE_OK)
        rc = add(list, "porter", &fts3_porter);
    if (rc == SQLITE_OK)
        rc = add(list, "unicode61", &fts3_unicode61);
    if (rc != SQLITE_OK) {
        fts3_tokenizers_unref(list);
        return rc;
    }
    *out = list;
    return SQLITE_OK;
}

void fts3_tokenizers_ref(Fts3Tokenizers *list)
{
    ASSERT(list->ref_count > 0);
    list->ref_count++;
}

void fts3_tokenizers_unref(void *context)
{
    Fts3Tokenizers *list = context;
    ASSERT(list->ref_count > 0);

    if (--list->ref_count > 0)
        return;
    while (list->first != NULL) {
        Entry *next = list->first->next;
        sqlite3_free(list->first);
        list->first = next;
    }
    sqlite3_free(list);
}

const sqlite3_tokenizer_module *fts3_tokenizers_find(const Fts3Tokenizers *list, const char *name)
{
    ASSERT(list != NULL && name != NULL);

    for (const Entry *entry = list->first; entry != NULL; entry = entry->next) {
        if (strcmp(entry->name, name) == 0)
            return entry->module;
    }
    return NULL;
}

// --- the SQL function ---

static bool is_allowed(sqlite3_context *ctx, sqlite3_value *value)
{
    int is_on = 0;
    sqlite3_db_config(sqlite3_context_db_handle(ctx), SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, -1,
                      &is_on);
    return is_on != 0 || sqlite3_value_frombind(value) != 0;
}

static void result_unknown(sqlite3_context *ctx, const char *name)
{
    char *message = sqlite3_mprintf("unknown tokenizer: %s", name);
    if (message == NULL)
        sqlite3_result_error_nomem(ctx);
    else
        sqlite3_result_error(ctx, message, -1);
    sqlite3_free(message);
}

// Registers the address in args[1]; false: an error is set.
static bool register_one(sqlite3_context *ctx, Fts3Tokenizers *list, const char *name,
                         sqlite3_value *address)
{
    const sqlite3_tokenizer_module *module;
    if (!is_allowed(ctx, address)) {
        sqlite3_result_error(ctx, "fts3tokenize disabled", -1);
        return false;
    }
    if (name == NULL || sqlite3_value_bytes(address) != (int)sizeof module) {
        sqlite3_result_error(ctx, "argument type mismatch", -1);
        return false;
    }
    memcpy(&module, sqlite3_value_blob(address), sizeof module);
    if (add(list, name, module) != SQLITE_OK) {
        sqlite3_result_error(ctx, "out of memory", -1);
        return false;
    }
    return true;
}

static void call_tokenizer(sqlite3_context *ctx, int arg_count, sqlite3_value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    Fts3Tokenizers *list = sqlite3_user_data(ctx);
    const char *name = (const char *)sqlite3_value_text(args[0]);
    if (arg_count == 2 && !register_one(ctx, list, name, args[1]))
        return;
    const sqlite3_tokenizer_module *module = name == NULL ? NULL : fts3_tokenizers_find(list, name);
    if (module == NULL) {
        result_unknown(ctx, name == NULL ? "" : name);
        return;
    }
    if (arg_count == 2 || is_allowed(ctx, args[0]))
        sqlite3_result_blob(ctx, &module, sizeof module, SQLITE_TRANSIENT);
}

int fts3_tokenizers_register(Fts3Tokenizers *list, sqlite3 *db)
{
    ASSERT(list->ref_count > 0);

    const int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
    for (int arg_count = 1; arg_count <= 2; arg_count++) {
        fts3_tokenizers_ref(list);
        // The registration lets go of the list also when it fails.
        TRY(sqlite3_create_function_v2(db, "fts3_tokenizer", arg_count, flags, list, call_tokenizer,
                                       NULL, NULL, fts3_tokenizers_unref));
    }
    return SQLITE_OK;
}

// --- making one ---

void fts3_dequote(char *text)
{
    char quote = text[0];
    if (quote != '\'' && quote != '"' && quote != '`' && quote != '[')
        return;
    char end = quote == '[' ? ']' : quote;
    size_t out = 0;
    for (size_t in = 1; text[in] != 0; in++) {
        if (text[in] == end && text[in + 1] != end)
            break;
        if (text[in] == end)
            in++;
        text[out++] = text[in];
    }
    text[out] = 0;
}

static bool is_word_char(char c)
{
    return ((u8)c & 0x80) != 0 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z')
           || (c >= 'a' && c <= 'z') || c == '_';
}

static const char *skip_quoted(const char *at)
{
    char end = *at == '[' ? ']' : *at;
    at++;
    while (*at != 0) {
        if (*at == end && (end == ']' || at[1] != end))
            return at + 1;
        at += *at == end ? 2 : 1;
    }
    return at;
}

// The next word of a tokenizer's description; NULL behind the last.
static const char *next_word(const char *at, size_t *size)
{
    for (; *at != 0; at++) {
        if (*at == '\'' || *at == '"' || *at == '`' || *at == '[') {
            *size = (size_t)(skip_quoted(at) - at);
            return at;
        }
        if (is_word_char(*at)) {
            const char *end = at;
            while (is_word_char(*end))
                end++;
            *size = (size_t)(end - at);
            return at;
        }
    }
    return NULL;
}

int fts3_tokenizer_make_from(const Fts3Tokenizers *list, int arg_count, const char *const *args,
                             sqlite3_tokenizer **out, char **message)
{
    ASSERT(arg_count >= 1);

    const sqlite3_tokenizer_module *module = fts3_tokenizers_find(list, args[0]);
    if (module == NULL) {
        *message = sqlite3_mprintf("unknown tokenizer: %s", args[0]);
        return SQLITE_ERROR;
    }
    sqlite3_tokenizer *tokenizer = NULL;
    int rc = module->xCreate(arg_count - 1, args + 1, &tokenizer);
    if (rc != SQLITE_OK) {
        *message = sqlite3_mprintf("unknown tokenizer");
        return rc;
    }
    tokenizer->pModule = module;
    *out = tokenizer;
    return SQLITE_OK;
}

enum { WORDS_MAX = 64 };

// Cuts `text` into words in place.
static int split_words(char *text, const char *words[WORDS_MAX])
{
    int count = 0;
    const char *at = text;
    size_t size;
    while (count < WORDS_MAX && (at = next_word(at, &size)) != NULL) {
        char *word = text + (at - text);
        at += size + (word[size] != 0);
        word[size] = 0;
        fts3_dequote(word);
        words[count++] = word;
    }
    return count;
}

int fts3_tokenizer_make(const Fts3Tokenizers *list, const char *spec, sqlite3_tokenizer **out,
                        char **message)
{
    ASSERT(spec != NULL);

    char *copy = sqlite3_mprintf("%s", spec);
    if (copy == NULL)
        return SQLITE_NOMEM;
    const char *words[WORDS_MAX];
    int count = split_words(copy, words);
    if (count == 0)
        words[count++] = "";
    int rc = fts3_tokenizer_make_from(list, count, words, out, message);
    sqlite3_free(copy);
    return rc;
}

void fts3_tokenizer_free(sqlite3_tokenizer *tokenizer)
{
    if (tokenizer != NULL)
        tokenizer->pModule->xDestroy(tokenizer);
}

int fts3_tokenizer_open(sqlite3_tokenizer *tokenizer, int langid, const char *text, int size,
                        sqlite3_tokenizer_cursor **out)
{
    ASSERT(tokenizer != NULL && tokenizer->pModule != NULL);

    const sqlite3_tokenizer_module *module = tokenizer->pModule;
    sqlite3_tokenizer_cursor *cursor = NULL;
    *out = NULL;
    TRY(module->xOpen(tokenizer, text, size, &cursor));
    cursor->pTokenizer = tokenizer;
    if (module->iVersion >= 1) {
        int rc = module->xLanguageid(cursor, langid);
        if (rc != SQLITE_OK) {
            module->xClose(cursor);
            return rc;
        }
    }
    *out = cursor;
    return SQLITE_OK;
}

int fts3_tokenizer_next(sqlite3_tokenizer_cursor *cursor, Fts3Token *token)
{
    *token = (Fts3Token){0};
    int rc = cursor->pTokenizer->pModule->xNext(cursor, &token->text, &token->size, &token->start,
                                                &token->end, &token->position);
    // A tokenizer of somebody's own may say anything.
    if (rc == SQLITE_OK && (token->position < 0 || token->size < 0))
        return SQLITE_ERROR;
    return rc;
}

void fts3_tokenizer_close(sqlite3_tokenizer_cursor *cursor)
{
    if (cursor != NULL)
        cursor->pTokenizer->pModule->xClose(cursor);
}
