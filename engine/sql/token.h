#ifndef QUIRE_SQL_TOKEN_H
#define QUIRE_SQL_TOKEN_H
// Kinds of token, from token.def.

#include "base/types.h"

typedef enum TokenKind {
#define TOKEN(name, text)    TK_##name,
#define KEYWORD(name, class) TK_##name,
#include "sql/token.def"
#undef TOKEN
#undef KEYWORD
    TOKEN_KIND_COUNT
} TokenKind;

#define TOKEN_FIRST_KEYWORD TK_ABORT

// What a keyword may be besides itself.
typedef enum KeywordClass {
    KEYWORD_ID,
    KEYWORD_JOIN,
    KEYWORD_INDEXED,
    KEYWORD_RESERVED,
} KeywordClass;

#endif
