// cdc.so: the module as an extension for stock SQLite.
//
//     SELECT load_extension('cdc.so')
#include "cdc/cdc_api.h"

SQLITE_EXTENSION_INIT1

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int sqlite3_cdc_init(sqlite3 *db, char **message, const sqlite3_api_routines *api);

int sqlite3_cdc_init(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
    SQLITE_EXTENSION_INIT2(api)
    return quire_cdc_init(db, message, api);
}
