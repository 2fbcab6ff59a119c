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

// Keywords come last and in alphabetical order, so that a kind less this one indexes their table.
#define TOKEN_FIRST_KEYWORD TK_ABORT

// What a keyword may be besides itself: token.def says it in full. Grammars with a fallback
// (SQLite's is LALR(1)) decide this by the state they are in; a parser by hand asks at each place,
// and the class is what the places have in common.
typedef enum KeywordClass {
    KEYWORD_ID,
    KEYWORD_JOIN,
    KEYWORD_INDEXED,
    KEYWORD_RESERVED,
} KeywordClass;

#endif
