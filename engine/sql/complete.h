#ifndef QUIRE_SQL_COMPLETE_H
#define QUIRE_SQL_COMPLETE_H
// Is a text one or more complete SQL statements? For shells that read line by line.

#include "base/types.h"

// As sqlite3_complete(): only tokens are looked at, never the grammar, so true does not mean that
// the statements parse. Texts without a statement, and such as end within a quote or a comment, are
// not complete.
bool sql_is_complete(const char *sql, size_t size);

#endif
