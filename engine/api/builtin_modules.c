// The modules beside the engine that every connection starts with. They use the public interface
// only, so they are registered through it, once the connection is open.
#include "api/api.h"
#include "api/tables/inspect_tables.h"
#include "vtab/tables/builtin_tables.h"

typedef int ModuleInit(sqlite3 *db, char **message, const struct sqlite3_api_routines *api);

ModuleInit quire_cdc_init;    // cdc/
ModuleInit quire_fts_init;    // fts/
ModuleInit quire_vector_init; // vector/

static ModuleInit *const builtin_modules[] = {
    quire_cdc_init,
    quire_fts_init,
    quire_vector_init,
};

int connection_register_modules(sqlite3 *db)
{
    for (size_t i = 0; i < sizeof builtin_modules / sizeof builtin_modules[0]; i++)
        TRY(builtin_modules[i](db, NULL, NULL));
    TRY(inspect_tables_register(db));
    return builtin_tables_register(db);
}
