// Registers the virtual-table module and the functions that go with it.
#include "fts/fts_module.h"

#include "fts/fts_cursor.h"
#include "fts/vocab.h"

int fts_register_functions(FtsConnection *connection)
{
    static const struct {
        const char *name;
        fts5_extension_function call;
    } functions[] = {{"bm25", fts_bm25},
                     {"highlight", fts_highlight},
                     {"snippet", fts_snippet},
                     {"fts5_get_locale", fts_get_locale}};
    for (int i = 0; i < ARRAY_LEN(functions); i++)
        TRY(connection->api.xCreateFunction(&connection->api, functions[i].name, NULL,
                                            functions[i].call, NULL));
    return SQLITE_OK;
}

int fts_register(FtsConnection *connection, const char *table_name, const char *vocab_name)
{
    ASSERT(table_name != NULL && vocab_name != NULL);

    int rc = fts_register_functions(connection);
    if (rc == SQLITE_OK)
        rc = fts_connection_add_sql_functions(connection);
    if (rc != SQLITE_OK) {
        fts_connection_unref(connection);
        return rc;
    }
    // Each registration holds the connection and lets go of it, also when it fails.
    connection->ref_count++;
    rc = sqlite3_create_module_v2(connection->db, table_name, &fts_table_module, connection,
                                  fts_connection_unref);
    if (rc != SQLITE_OK) {
        fts_connection_unref(connection);
        return rc;
    }
    return sqlite3_create_module_v2(connection->db, vocab_name, &fts_vocab_module, connection,
                                    fts_connection_unref);
}
