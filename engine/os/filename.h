#ifndef QUIRE_OS_FILENAME_H
#define QUIRE_OS_FILENAME_H
// Names of database files with what hangs on them (sqlite3_filename): URI parameters, journal, log.
//
// One block of memory, so that a VFS may ask any of the three names for the others:
//
//     00 00 00 00 | database 00 | key 00 value 00 ... | 00 | journal 00 | log 00 | 00
//
// The four zeros in front are found by walking back from the journal's or the log's name; nowhere
// else in the block do four zeros stand together before a name.

#include "base/contract.h"
#include "sqlite3.h"

// Parameters come as `count` pairs key, value. Free with filename_free(). NULL: out of memory.
MUST_USE char *filename_new(const char *database, const char *journal, const char *wal, int count,
                            const char *const *parameters);
void filename_free(const char *name); // the database's name as filename_new gave it; NULL is legal

// Each takes any of the three names. Results are borrowed from the block.
const char *filename_database(const char *name);
const char *filename_journal(const char *name);
const char *filename_wal(const char *name);
// NULL when there is none of that key. name == NULL gives NULL.
const char *filename_parameter(const char *name, const char *key);
const char *filename_key(const char *name, int index); // the index-th key, NULL past the last
// yes/true/on and non-zero numbers are true, no/false/off and 0 false; anything else `otherwise`.
bool filename_bool(const char *name, const char *key, bool otherwise);
i64 filename_i64(const char *name, const char *key, i64 otherwise);

#endif
