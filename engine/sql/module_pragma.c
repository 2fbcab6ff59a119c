// The registry of pragmas that modules answer: see module_pragma.h.

#include "sql/module_pragma.h"
#include "base/alloc.h"

static void pragma_free(ModulePragma *pragma)
{
    ASSERT(pragma->name != NULL);

    if (pragma->destroy != NULL)
        pragma->destroy(pragma->arg);
    mem_free(pragma->name);
    mem_free(pragma);
}

ModulePragma *module_pragma_find(sqlite3 *db, const char *name)
{
    return name_map_find(&db->pragmas, name);
}

// Until it stands in the map, `destroy` is still the caller's to call.
static int pragma_add(sqlite3 *db, const ModulePragma *from)
{
    ModulePragma *pragma = mem_alloc_zeroed(sizeof *pragma);
    char *name = mem_dup(from->name, UINT64_MAX);
    if (pragma != NULL && name != NULL) {
        *pragma = *from;
        pragma->name = name;
        if (name_map_put(&db->pragmas, name, pragma, NULL) == SQLITE_OK)
            return SQLITE_OK;
    }
    mem_free(pragma);
    mem_free(name);
    return connection_out_of_memory(db);
}

int module_pragma_register(sqlite3 *db, const ModulePragma *from)
{
    ASSERT(from->name != NULL);

    ModulePragma *former = module_pragma_find(db, from->name);
    int rc = SQLITE_OK;
    if (former != NULL) {
        name_map_remove(&db->pragmas, from->name);
        pragma_free(former);
    }
    if (from->callback != NULL)
        rc = pragma_add(db, from);
    if ((rc != SQLITE_OK || from->callback == NULL) && from->destroy != NULL)
        from->destroy(from->arg);
    return rc;
}

int module_pragma_ask(sqlite3 *db, const Pragma *pragma, char **sql)
{
    const ModulePragma *found = module_pragma_find(db, pragma->name.name);
    char *error = NULL;
    *sql = NULL;
    ASSERT(found != NULL);

    int rc =
        found->callback(found->arg, db, pragma->name.schema,
                        pragma->has_value ? pragma->value : NULL, pragma->is_quoted, sql, &error);
    if (rc == SQLITE_OK && *sql == NULL)
        rc = SQLITE_NOMEM;
    if (rc == SQLITE_NOMEM)
        rc = connection_out_of_memory(db);
    else if (rc != SQLITE_OK && error != NULL)
        connection_error(db, rc, "%s", error);
    else if (rc != SQLITE_OK)
        connection_error_plain(db, rc);
    sqlite3_free(error);
    if (rc != SQLITE_OK) {
        sqlite3_free(*sql);
        *sql = NULL;
    }
    return rc;
}

void module_pragmas_free(sqlite3 *db)
{
    for (NameEntry *e = name_map_first(&db->pragmas); e != NULL; e = name_map_next(&db->pragmas, e))
        pragma_free(e->value);
    name_map_deinit(&db->pragmas);
}
