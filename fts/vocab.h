#ifndef QUIRE_FTS_VOCAB_H
#define QUIRE_FTS_VOCAB_H
// The module fts5vocab; user data is the FtsConnection.

#include "fts/fts_api.h"

extern const sqlite3_module fts_vocab_module;

#endif
