#ifndef QUIRE_FTS_FTS_INDEX_METHOD_H
#define QUIRE_FTS_FTS_INDEX_METHOD_H
// CREATE INDEX … USING fts5 and USING fts; not part of the extension for stock SQLite.

#include "fts/fts_bytes.h"

MUST_USE int fts_index_method_register(sqlite3 *db);

#endif
