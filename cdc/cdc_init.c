// Registers the module on a connection.
#include "cdc/capture.h"
#include "cdc/consumer.h"
#include "cdc/hybrid.h"

int quire_cdc_init(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    (void)message, (void)api;
    TRY(record_json_register(db));
    Capture *capture;
    TRY(capture_register(db, &capture));
    TRY(feed_module_register(db, &capture->knows_feeds));
    TRY(hybrid_register(db));
    TRY(consumer_functions_register(db));
    return next_module_register(db);
}
