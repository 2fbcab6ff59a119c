#ifndef QUIRE_SQL_LEXER_H
#define QUIRE_SQL_LEXER_H
// SQL text to tokens. White space and comments are skipped; nothing is copied.
//
// The text need not be NUL-terminated; a NUL byte inside ends it, as in SQLite, where text is a C
// string. Sizes and offsets are bytes. A Lexer is a plain value: who wants to look ahead copies it.

#include "sql/keyword.h"

// Where in the text, and what. A token of the text is never empty; TK_END_OF_INPUT has size 0.
typedef struct Token {
    TokenKind kind;
    u32 offset;
    u32 size;
} Token;

typedef struct Lexer {
    const char *text;
    u32 size;
    u32 next;           // offset of the first byte not yet read
    bool saw_comment;   // since it was last cleared
    u32 comment_offset; // of the first such comment
} Lexer;

// Texts above 4 GiB are not for it: SQLITE_LIMIT_SQL_LENGTH, at most 10^9, is the caller's to
// check.
void lexer_init(Lexer *lexer, const char *text, size_t size);
// The next token; TK_END_OF_INPUT at the end, again and again. TK_ILLEGAL covers the bytes SQLite
// would complain about. WINDOW, OVER and FILTER come as keywords; their context is the parser's
// matter.
Token lexer_next(Lexer *lexer);
// Size of the white space or comment at `at`, which is below `size`; 0 when there is a token.
// Blanks are taken together, comments one at a time.
u32 lexer_space_size(const char *text, u32 at, u32 size);

#endif
