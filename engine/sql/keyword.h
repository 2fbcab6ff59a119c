#ifndef QUIRE_SQL_KEYWORD_H
#define QUIRE_SQL_KEYWORD_H
// SQL's reserved words: lookup by a perfect hash, and the list that sqlite3_keyword_name() shows.

#include "sql/token.h"

// The keyword's token kind, or TK_ID. ASCII case is ignored.
TokenKind keyword_find(const char *text, size_t size);
KeywordClass keyword_class(TokenKind kind); // of a keyword's kind
u32 keyword_count(void);
// Upper-case name of keyword number `index`, in alphabetical order; static storage.
const char *keyword_name(u32 index, u32 *size);

#endif
