#ifndef QUIRE_FTS_TOKENIZER_TOKENIZER_H
#define QUIRE_FTS_TOKENIZER_TOKENIZER_H
// Tokenizers: those built in, and the list of those a connection knows.
//
// A tokenizer is registered in the shape of either version of the C interface and found in the
// shape asked for: an adapter stands between where the two differ. Version 2 passes the text's
// locale.

#include "fts/fts_api.h"

typedef int TokenCallback(void *ctx, int flags, const char *token, int size, int start, int end);

typedef struct TokenizerEntry {
    struct TokenizerEntry *next;
    char *name;
    fts5_tokenizer_v2 methods;     // as found by xFindTokenizer_v2
    void *user_data;               // goes with `methods`
    fts5_tokenizer old_methods;    // as found by xFindTokenizer
    void *old_user_data;           // goes with `old_methods`
    void (*destroy)(void *);       // of what the registrant gave
    void *registered_data;         // what the registrant gave
    fts5_tokenizer registered_old; // the original of an adapter, whichever it is
    fts5_tokenizer_v2 registered_new;
} TokenizerEntry;

typedef struct TokenizerList {
    sqlite3 *db; // that synonyms are looked up in
    TokenizerEntry *first;
} TokenizerList;

void tokenizer_list_deinit(TokenizerList *list);
// Structures are copied; the newest entry of a name is found.
MUST_USE int tokenizer_list_add(TokenizerList *list, const char *name, void *user_data,
                                const fts5_tokenizer_v2 *methods, void (*destroy)(void *));
MUST_USE int tokenizer_list_add_old(TokenizerList *list, const char *name, void *user_data,
                                    const fts5_tokenizer *methods, void (*destroy)(void *));
TokenizerEntry *tokenizer_list_find(TokenizerList *list,
                                    const char *name); // NULL: none; name NULL: default
// Whether the tokenizer that these words name, with its base, is known never to colocate tokens.
bool tokenizer_list_is_plain(TokenizerList *list, char *const *words, int word_count);
// Adds unicode61, ascii, porter and trigram, and of our own snowball, stopwords, fold, cjk,
// edge_ngram, synonyms, raw, whitespace and simple.
MUST_USE int tokenizer_list_add_builtin(TokenizerList *list);

extern const fts5_tokenizer_v2 tokenizer_unicode61, tokenizer_ascii, tokenizer_porter,
    tokenizer_trigram, tokenizer_snowball, tokenizer_stopwords, tokenizer_fold, tokenizer_cjk,
    tokenizer_edge_ngram, tokenizer_synonyms, tokenizer_raw, tokenizer_whitespace, tokenizer_simple;

// --- what tokenizers share ---

// The next code point at *at, which moves on. As SQLite reads UTF-8: any run of continuation bytes
// belongs to the character, and what is no character reads as U+FFFD.
u32 unicode_next(const u8 **at, const u8 *end);
int unicode_put(u8 *out, u32 code); // up to 4 bytes
// Lower case, with marks removed as remove_diacritics 0, 1 or 2 says; 0: nothing remains.
u32 unicode_fold(u32 code, int remove_diacritics);
int unicode_category(u32 code); // index into unicode_category_names, or one of the two below
enum { UNICODE_CATEGORY_COUNT = 30, UNICODE_ANY = 30, UNICODE_NONE = 31 };
extern const char unicode_category_names[UNICODE_CATEGORY_COUNT][3];
bool unicode_is_joining(u32 code); // a mark that stays in its token whatever the categories

#endif
