#ifndef QUIRE_FTS_FTS3_FTS3_MODULE_H
#define QUIRE_FTS_FTS3_FTS3_MODULE_H
// FTS3 and FTS4 on a connection.

#include "fts/fts_api.h"

typedef struct Fts3Names {
    const char *fts3;
    const char *fts4;
    const char *aux;
    const char *tokenize;
} Fts3Names;

// Registers the modules under these names, and the functions that go with them.
MUST_USE int fts3_register(sqlite3 *db, const Fts3Names *names);

#endif
