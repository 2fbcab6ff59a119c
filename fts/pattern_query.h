#ifndef QUIRE_FTS_PATTERN_QUERY_H
#define QUIRE_FTS_PATTERN_QUERY_H
// What a LIKE or GLOB pattern asks of a trigram index.

#include "fts/fts_config.h"

// Appends a query that every text which matches the pattern matches, too; nothing when the pattern
// has no three characters in a row without a wildcard. The rows must be checked.
void pattern_query(const char *pattern, bool is_glob, FtsDetail detail, FtsBuffer *out);

#endif
