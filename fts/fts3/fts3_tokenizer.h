#ifndef QUIRE_FTS_FTS3_FTS3_TOKENIZER_H
#define QUIRE_FTS_FTS3_FTS3_TOKENIZER_H
// Tokenizers of FTS3 and FTS4: the structures that applications fill in to bring their own, and the
// list of those a connection knows.
//
// A tokenizer is made from arguments, opens a cursor on a text, and hands out tokens one by one
// with their bytes in the text and their position. What xNext returns is valid until the next call.

#include "fts/fts_api.h"

typedef struct sqlite3_tokenizer sqlite3_tokenizer;
typedef struct sqlite3_tokenizer_cursor sqlite3_tokenizer_cursor;

// The layout is that of SQLite's documentation: pointers to it come from applications.
typedef struct sqlite3_tokenizer_module {
    int iVersion; // 0, or 1 with xLanguageid
    int (*xCreate)(int argc, const char *const *argv, sqlite3_tokenizer **ppTokenizer);
    int (*xDestroy)(sqlite3_tokenizer *pTokenizer);
    int (*xOpen)(sqlite3_tokenizer *pTokenizer, const char *pInput, int nBytes,
                 sqlite3_tokenizer_cursor **ppCursor);
    int (*xClose)(sqlite3_tokenizer_cursor *pCursor);
    int (*xNext)(sqlite3_tokenizer_cursor *pCursor, const char **ppToken, int *pnBytes,
                 int *piStartOffset, int *piEndOffset, int *piPosition);
    int (*xLanguageid)(sqlite3_tokenizer_cursor *pCsr, int iLangid);
} sqlite3_tokenizer_module;

struct sqlite3_tokenizer {
    const sqlite3_tokenizer_module *pModule; // set by who calls xCreate
};

struct sqlite3_tokenizer_cursor {
    sqlite3_tokenizer *pTokenizer; // set by who calls xOpen
};

typedef struct Fts3Tokenizers Fts3Tokenizers; // counted references: one per registration

MUST_USE int fts3_tokenizers_new(Fts3Tokenizers **out); // with simple, porter and unicode61
void fts3_tokenizers_ref(Fts3Tokenizers *list);
void fts3_tokenizers_unref(void *list);
const sqlite3_tokenizer_module *fts3_tokenizers_find(const Fts3Tokenizers *list, const char *name);
// Registers the function fts3_tokenizer().
MUST_USE int fts3_tokenizers_register(Fts3Tokenizers *list, sqlite3 *db);

// Makes the tokenizer that a text like "unicode61 'tokenchars=.'" describes.
MUST_USE int fts3_tokenizer_make(const Fts3Tokenizers *list, const char *spec,
                                 sqlite3_tokenizer **out, char **message);
// The same from a name and its arguments as they are.
MUST_USE int fts3_tokenizer_make_from(const Fts3Tokenizers *list, int arg_count,
                                      const char *const *args, sqlite3_tokenizer **out,
                                      char **message);
void fts3_tokenizer_free(sqlite3_tokenizer *tokenizer);
MUST_USE int fts3_tokenizer_open(sqlite3_tokenizer *tokenizer, int langid, const char *text,
                                 int size, sqlite3_tokenizer_cursor **out);
// Takes the quotes '', "", `` or [] away, in place; text without them stays.
void fts3_dequote(char *text);

typedef struct Fts3Token {
    const char *text;
    int size;
    int start; // bytes of the input
    int end;
    int position;
} Fts3Token;
// SQLITE_DONE behind the last.
int fts3_tokenizer_next(sqlite3_tokenizer_cursor *cursor, Fts3Token *token);
void fts3_tokenizer_close(sqlite3_tokenizer_cursor *cursor);

extern const sqlite3_tokenizer_module fts3_simple, fts3_porter, fts3_unicode61;

#endif
