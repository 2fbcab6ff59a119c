// The virtual-table modules.
#include "fts/fts_module.h"

int fts_register(FtsConnection *connection, const char *table_name, const char *vocab_name)
{
    ASSERT(table_name != NULL && vocab_name != NULL);

    return fts_connection_add_sql_functions(connection);
}
