#ifndef QUIRE_FTS_FTS_MODULE_H
#define QUIRE_FTS_FTS_MODULE_H
// The virtual-table modules.

#include "fts/fts_connection.h"

// Registers both modules, the auxiliary functions and the SQL functions. Takes the connection, also
// when it fails.
MUST_USE int fts_register(FtsConnection *connection, const char *table_name,
                          const char *vocab_name);

#endif
