// Registers the module on a connection of the library it is part of.
#include "fts/fts3/fts3_module.h"
#include "fts/fts_connection.h"
#include "fts/fts_cursor.h"
#include "fts/fts_index_method.h"
#include "fts/fts_module.h"

#include "quire.h"

int quire_fts_init(sqlite3 *db, char **message, const sqlite3_api_routines *api)
{
    (void)message, (void)api;
    FtsConnection *connection;
    TRY(fts_connection_new(db, &connection));
    connection->walk_blobs = quire_walk_blobs;
    TRY(fts_register(connection, "fts5", "fts5vocab"));
    TRY(quire_module_counter(db, "fts5", fts_cursor_count_rest));
    TRY(quire_module_order(db, "fts5", "bm25"));
    static const Fts3Names names = {"fts3", "fts4", "fts4aux", "fts3tokenize"};
    TRY(fts3_register(db, &names));
    return fts_index_method_register(db);
}
