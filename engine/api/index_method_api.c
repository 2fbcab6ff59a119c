// Registration of index methods.

#include "api/api.h"
#include "sql/index_method.h"

int quire_create_index_method(sqlite3 *db, const char *method, quire_index_rewrite *rewrite,
                              void *arg, void (*destroy)(void *))
{
    if (!connection_is_usable(db) || method == NULL || method[0] == '\0') {
        if (destroy != NULL)
            destroy(arg);
        return error_misuse();
    }
    api_enter(db);
    const IndexMethod wanted = {.name = method, .rewrite = rewrite, .arg = arg, .destroy = destroy};
    return api_exit(db, index_method_register(db, &wanted));
}
