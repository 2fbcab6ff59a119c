// pragma_x(arg, schema): a module for each pragma that gives rows, made when somebody first names
// it.

#include "base/alloc.h"
#include "base/hashmap.h"
#include "func/json/json_table.h"
#include "sql/code/code_pragma.h"
#include "vtab/tables/pragma_table.h"
#include "vtab/vtab.h"
#include <string.h>

// The module's client data in one block: the description, its column list, and the names.
typedef struct PragmaModule {
    PragmaTable table;
    const char *columns[PRAGMA_COLUMN_MAX + 2];
    char text[];
} PragmaModule;

static void split_columns(PragmaModule *module)
{
    ASSERT(module->text[0] != '\0');

    u32 count = 0;
    char *at = module->text;
    while (count <= PRAGMA_COLUMN_MAX) {
        module->columns[count++] = at;
        at = strchr(at, ' ');
        if (at == NULL)
            return;
        *at++ = '\0';
    }
}

bool pragma_make_module(sqlite3 *db, const char *name)
{
    ASSERT(name != NULL);

    void *client_data;
    const sqlite3_module *json = json_table_module(name, &client_data);
    if (json != NULL)
        return module_register(db, name, json, client_data, NULL) == SQLITE_OK;
    static const char prefix[] = "pragma_";
    if (!name_equals_n(name, prefix, sizeof prefix - 1))
        return false;
    const char *own = NULL;
    const char *columns = pragma_columns(name + sizeof prefix - 1, &own);
    if (columns == NULL)
        return false;
    PragmaModule *module = mem_alloc_zeroed(sizeof *module + strlen(columns) + 1);
    char *module_name = sqlite3_mprintf("pragma_%s", own);
    int rc = SQLITE_NOMEM;
    if (module != NULL && module_name != NULL) {
        memcpy(module->text, columns, strlen(columns) + 1);
        split_columns(module);
        module->table = (PragmaTable){.name = own,
                                      .columns = module->columns,
                                      .takes_argument = pragma_takes_table(own),
                                      .takes_schema = strcmp(own, "table_list") != 0};
        rc = module_register(db, module_name, &pragma_table_module, module, mem_free);
    } else {
        mem_free(module);
    }
    sqlite3_free(module_name);
    return rc == SQLITE_OK;
}
