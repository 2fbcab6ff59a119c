// vector.so: the module as an extension for stock SQLite.
//
//     SELECT load_extension('vector.so')
#include "vector/vector.h"

SQLITE_EXTENSION_INIT1

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int sqlite3_vector_init(sqlite3 *db, char **message, const sqlite3_api_routines *api);

int sqlite3_vector_init(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
    SQLITE_EXTENSION_INIT2(api)
    return quire_vector_init(db, message, api);
}
