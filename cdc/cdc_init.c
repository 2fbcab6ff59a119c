// Registers the module on a connection.
#include "cdc/change_record.h"
#include "cdc/consumer.h"

int quire_cdc_init(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    (void)message, (void)api;
    TRY(record_json_register(db));
    TRY(feed_module_register(db));
    TRY(consumer_functions_register(db));
    return next_module_register(db);
}
