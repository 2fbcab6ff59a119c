// fts.so: the module as an extension for stock SQLite.
//
//     fts.so                       registers quire_fts5
//     a copy named ftstakeover.so  registers fts5 in the place of the built-in one
//
// Tables of either name have the same shadow tables: only the schema's CREATE statement differs.
#include "fts/fts_connection.h"
#include "fts/fts_module.h"

SQLITE_EXTENSION_INIT1

#define EXPORTED __attribute__((visibility("default")))

EXPORTED int sqlite3_fts_init(sqlite3 *db, char **message, const sqlite3_api_routines *api);
EXPORTED int sqlite3_ftstakeover_init(sqlite3 *db, char **message, const sqlite3_api_routines *api);

int sqlite3_fts_init(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
    (void)message;
    SQLITE_EXTENSION_INIT2(api)
    FtsConnection *connection;
    TRY(fts_connection_new(db, &connection));
    return fts_register(connection, "quire_fts5", "quire_fts5vocab");
}

int sqlite3_ftstakeover_init(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
    (void)message;
    SQLITE_EXTENSION_INIT2(api)
    FtsConnection *connection;
    TRY(fts_connection_new(db, &connection));
    return fts_register(connection, "fts5", "fts5vocab");
}
