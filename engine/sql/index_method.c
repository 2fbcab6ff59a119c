// The registry of index methods. The methods themselves live in modules above; all that is known
// here is that they answer a request with SQL text.

#include "sql/index_method.h"
#include "base/alloc.h"

static void method_free(IndexMethod *method)
{
    ASSERT(method->running == 0);

    if (method->destroy != NULL)
        method->destroy(method->arg);
    mem_free((char *)method->name);
    mem_free(method);
}

IndexMethod *index_method_find(sqlite3 *db, const char *name)
{
    return name_map_find(&db->index_methods, name);
}

static IndexMethod *method_new(const IndexMethod *from)
{
    ASSERT(from->name != NULL && from->rewrite != NULL);

    IndexMethod *method = mem_alloc_zeroed(sizeof *method);
    char *name = mem_dup(from->name, UINT64_MAX);
    if (method == NULL || name == NULL) {
        mem_free(method);
        mem_free(name);
        return NULL;
    }
    *method = *from;
    method->name = name;
    method->running = 0;
    return method;
}

// Until the new method stands in the map, its `destroy` is still the caller's to call.
static int method_add(sqlite3 *db, const IndexMethod *from)
{
    IndexMethod *method = method_new(from);
    if (method == NULL)
        return connection_out_of_memory(db);
    if (name_map_put(&db->index_methods, method->name, method, NULL) == SQLITE_OK)
        return SQLITE_OK;
    mem_free((char *)method->name);
    mem_free(method);
    return connection_out_of_memory(db);
}

int index_method_register(sqlite3 *db, const IndexMethod *from)
{
    ASSERT(from->name != NULL);

    IndexMethod *former = index_method_find(db, from->name);
    int rc = SQLITE_OK;
    if (former != NULL && former->running > 0) {
        rc = connection_error(db, SQLITE_BUSY, "index method %s is in use", from->name);
    } else {
        if (former != NULL) {
            name_map_remove(&db->index_methods, from->name);
            method_free(former);
        }
        if (from->rewrite != NULL)
            rc = method_add(db, from);
    }
    if ((rc != SQLITE_OK || from->rewrite == NULL) && from->destroy != NULL)
        from->destroy(from->arg);
    return rc;
}

int index_method_ask(IndexMethod *method, const quire_index_request *request, char **sql)
{
    ASSERT(method->rewrite != NULL);

    sqlite3 *db = request->db;
    char *error = NULL;
    *sql = NULL;
    method->running++;
    // What the method asks of the database on the way is not the user's statement.
    SilentScope silent = connection_silence(db);
    int rc = method->rewrite(method->arg, request, sql, &error);
    connection_unsilence(db, silent);
    method->running--;
    if (rc == SQLITE_OK && *sql == NULL && request->action == QUIRE_INDEX_CREATE)
        rc = connection_error(db, SQLITE_ERROR, "index method %s gave no answer", method->name);
    else if (rc == SQLITE_NOMEM)
        rc = connection_out_of_memory(db);
    else if (rc != SQLITE_OK && error != NULL)
        connection_error(db, rc, "%s", error);
    else if (rc != SQLITE_OK)
        connection_error_plain(db, rc);
    if (rc != SQLITE_OK) {
        sqlite3_free(*sql);
        *sql = NULL;
    }
    sqlite3_free(error);
    return rc;
}

int index_methods_ask(const quire_index_request *request, char **sql)
{
    ASSERT(request->action != QUIRE_INDEX_CREATE); // that one is asked by name

    NameMap *methods = &request->db->index_methods;
    *sql = NULL;
    for (NameEntry *e = name_map_first(methods); e != NULL && *sql == NULL;
         e = name_map_next(methods, e))
        TRY(index_method_ask(e->value, request, sql));
    return SQLITE_OK;
}

void index_methods_free(sqlite3 *db)
{
    for (NameEntry *e = name_map_first(&db->index_methods); e != NULL;
         e = name_map_next(&db->index_methods, e))
        method_free(e->value);
    name_map_deinit(&db->index_methods);
}
