// fts.so: the module as an extension for stock SQLite.
//
//     fts.so                       registers quire_fts5, quire_fts3 and quire_fts4
//     a copy named ftstakeover.so  registers fts5, fts3 and fts4 in the place of the built-in ones
//
// Tables of either name have the same shadow tables: only the schema's CREATE statement differs.
#include "fts/fts3/fts3_module.h"
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
    TRY(fts_register(connection, "quire_fts5", "quire_fts5vocab"));
    static const Fts3Names names = {"quire_fts3", "quire_fts4", "quire_fts4aux",
                                    "quire_fts3tokenize"};
    return fts3_register(db, &names);
}

int sqlite3_ftstakeover_init(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
    (void)message;
    SQLITE_EXTENSION_INIT2(api)
    FtsConnection *connection;
    TRY(fts_connection_new(db, &connection));
    TRY(fts_register(connection, "fts5", "fts5vocab"));
    static const Fts3Names names = {"fts3", "fts4", "fts4aux", "fts3tokenize"};
    return fts3_register(db, &names);
}
