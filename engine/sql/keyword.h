#ifndef QUIRE_SQL_KEYWORD_H
#define QUIRE_SQL_KEYWORD_H
// SQL's reserved words: lookup by a perfect hash, and the list that sqlite3_keyword_name() shows.

#include "sql/token.h"

// Keywords are those of SQLite 3.53, whether or not the word is usable as a name as well. Words of
// quire's own (CONCURRENT, OPTIMIZE) are no keywords: the parser knows them by their place, so that
// no schema of SQLite's meets a name that it may not use here.

// The keyword's token kind, or TK_ID. ASCII case is ignored.
TokenKind keyword_find(const char *text, size_t size);
KeywordClass keyword_class(TokenKind kind); // of a keyword's kind
u32 keyword_count(void);
// Upper-case name of keyword number `index`, in alphabetical order; static storage.
const char *keyword_name(u32 index, u32 *size);

#endif
