// Modules: registering, finding, dropping, and the tables that need no CREATE.
//
// A connection knows modules by name. Those that are there for every connection but seldom used
// (the tables of pragmas) are made on first use by a factory of the layer above, so that opening a
// connection does not pay for them.

#include "base/alloc.h"
#include "vtab/vtab_internal.h"
#include <string.h>

// The last one runs the program's destructor.
// The map, each instance and each table of the module's name hold a reference.
void module_unref(Module *module)
{
    ASSERT(module->refs > 0);

    if (--module->refs > 0)
        return;
    if (module->destroy != NULL)
        module->destroy(module->client_data);
    mem_free(module);
}

// Lets go of the map's reference, and of the table that the module's name stood for.
static void module_release(Module *module)
{
    ASSERT(module->refs > 0);

    Table *eponymous = module->eponymous;
    module->eponymous = NULL;
    if (eponymous != NULL) {
        vtab_release_table(eponymous);
        table_free(eponymous);
    }
    module_unref(module);
}

// The name lies behind the struct: the map's key lives as long as the module.
static Module *module_new(const char *name, const sqlite3_module *methods, void *client_data,
                          void (*destroy)(void *))
{
    ASSERT(methods != NULL);
    ASSERT(name != NULL);

    size_t size = strlen(name) + 1;
    Module *module = mem_alloc(sizeof *module + size);
    if (module == NULL)
        return NULL;
    *module = (Module){.name = memcpy(module + 1, name, size),
                       .methods = methods,
                       .client_data = client_data,
                       .destroy = destroy,
                       .refs = 1};
    return module;
}

// Replacing a module lets tables that use the former one live on: they hold it.
int module_register(sqlite3 *db, const char *name, const sqlite3_module *methods, void *client_data,
                    void (*destroy)(void *))
{
    ASSERT(name != NULL);

    void *former = NULL;
    Module *module = NULL;
    int rc = SQLITE_OK;
    if (methods == NULL) {
        former = name_map_remove(&db->modules, name);
    } else {
        module = module_new(name, methods, client_data, destroy);
        rc = module != NULL ? name_map_put(&db->modules, module->name, module, &former)
                            : SQLITE_NOMEM;
    }
    // Tables of the former module keep it until they are disconnected.
    if (former != NULL)
        module_release(former);
    if (rc == SQLITE_OK)
        return SQLITE_OK;
    if (module != NULL)
        module_release(module);
    else if (destroy != NULL)
        destroy(client_data);
    return connection_out_of_memory(db);
}

// Set once while the library initialises.
static ModuleFactory *factory;

void module_install_factory(ModuleFactory *make)
{
    ASSERT(make != NULL);

    factory = make;
}

// Also asks the factory, which brings modules whose names are made up (pragma_…).
Module *module_find(sqlite3 *db, const char *name)
{
    ASSERT(name != NULL);

    Module *found = name_map_find(&db->modules, name);
    if (found != NULL || factory == NULL || !factory(db, name))
        return found;
    return name_map_find(&db->modules, name);
}

// By exact name, as sqlite3_drop_modules() compares.
static bool is_kept(const char *name, const char *const *keep)
{
    ASSERT(name != NULL);

    for (; keep != NULL && *keep != NULL; keep++) {
        if (strcmp(*keep, name) == 0)
            return true;
    }
    return false;
}

// With the connection; destructors run here.
void modules_free(sqlite3 *db)
{
    ASSERT(db != NULL);

    for (NameEntry *e = name_map_first(&db->modules); e != NULL; e = name_map_next(&db->modules, e))
        module_release(e->value);
    name_map_deinit(&db->modules);
}

// sqlite3_drop_modules().
void module_drop_all_except(sqlite3 *db, const char *const *keep)
{
    ASSERT(db != NULL);

    NameEntry *next;
    for (NameEntry *e = name_map_first(&db->modules); e != NULL; e = next) {
        next = name_map_next(&db->modules, e);
        Module *module = e->value;
        if (is_kept(module->name, keep))
            continue;
        // The entry after it was found before: removing one leaves the others in place.
        name_map_remove(&db->modules, module->name);
        module_release(module);
    }
}

// A table in no schema's map: it is the module's, and is named like it.
static Table *eponymous_new(sqlite3 *db, const Module *module)
{
    ASSERT(module->eponymous == NULL);
    ASSERT(module->refs > 0);

    Table *table = table_new(db->databases[DB_MAIN].schema, module->name);
    if (table == NULL)
        return NULL;
    table->kind = TABLE_VIRTUAL;
    table->flags |= TABLE_EPONYMOUS;
    table->row_estimate = 200;
    table->module_args = arena_array(&table->arena, 4, sizeof *table->module_args);
    if (table->module_args == NULL) {
        table_free(table);
        return NULL;
    }
    table->module_args[0] = table->name;
    table->module_args[1] = db->databases[DB_MAIN].name;
    table->module_args[2] = table->name;
    table->module_arg_count = 3;
    return table;
}

// Before the connection goes, and when its schema is dropped: their instances hold the module.
void module_disconnect_eponymous(sqlite3 *db)
{
    ASSERT(db != NULL);
    for (NameEntry *e = name_map_first(&db->modules); e != NULL;
         e = name_map_next(&db->modules, e)) {
        const Module *module = e->value;
        if (module->eponymous != NULL)
            vtab_release_table(module->eponymous);
    }
}

// A table that is there without CREATE, by its module's name.
// *out NULL: the module's tables must be made by CREATE VIRTUAL TABLE.
int module_eponymous_table(sqlite3 *db, Module *module, Table **out)
{
    ASSERT(module->refs > 0);
    ASSERT(out != NULL);

    *out = module->eponymous;
    const sqlite3_module *methods = module->methods;
    if (*out != NULL && (*out)->virtual_tables == NULL) // after a close that was refused
        return vtab_connect(db, *out);
    if (*out != NULL || (methods->xCreate != NULL && methods->xCreate != methods->xConnect))
        return SQLITE_OK;
    // A table that is there without CREATE VIRTUAL TABLE: xCreate is NULL, or the same as xConnect
    // (sqlite.org/vtab.html, "Eponymous virtual tables").
    Table *table = eponymous_new(db, module);
    if (table == NULL)
        return connection_out_of_memory(db);
    module->eponymous = table;
    int rc = vtab_connect(db, table);
    if (rc != SQLITE_OK) {
        module->eponymous = NULL;
        table_free(table);
        return rc;
    }
    *out = table;
    return SQLITE_OK;
}
