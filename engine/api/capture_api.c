// Registration of the hooks that capture changes, and of pragmas (quire.h).

#include "api/api.h"
#include "quire.h"
#include "sql/code/code_pragma.h"
#include "sql/module_pragma.h"
#include "vm/row_change.h"
#include "vm/vm.h"
#include "vtab/vtab.h"

int quire_change_hook(sqlite3 *db,
                      int (*hook)(void *arg, sqlite3 *db, const quire_row_change *change),
                      void *arg)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    db->change_hook = hook;
    db->change_arg = arg;
    vm_expire_all(db, true); // statements announce rows only if they were compiled to
    return api_exit(db, SQLITE_OK);
}

int quire_change_detail(sqlite3 *db, int detail)
{
    if (!connection_is_usable(db) || (detail != QUIRE_DETAIL_VALUES && detail != QUIRE_DETAIL_KEYS))
        return error_misuse();
    api_enter(db);
    db->change_detail = (u8)detail;
    vm_expire_all(db, true); // what a statement reads for the hook is compiled into it
    return api_exit(db, SQLITE_OK);
}

int quire_precommit_hook(sqlite3 *db, int (*hook)(void *arg, sqlite3 *db, int flags), void *arg)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    db->precommit_hook = hook;
    db->precommit_arg = arg;
    return api_exit(db, SQLITE_OK);
}

int quire_schema_hook(sqlite3 *db,
                      int (*hook)(void *arg, sqlite3 *db, const quire_schema_change *change),
                      void *arg)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    db->schema_hook = hook;
    db->schema_arg = arg;
    return api_exit(db, SQLITE_OK);
}

int quire_close_hook(sqlite3 *db, void (*hook)(void *arg, sqlite3 *db), void *arg)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    db->close_hook = hook;
    db->close_arg = arg;
    return api_exit(db, SQLITE_OK);
}

int quire_exec_uncounted(sqlite3 *db, const char *sql)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    QuietScope scope = quiet_begin(db);
    int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    quiet_end(db, &scope);
    api_leave(db); // the code and message are those of the statement
    return rc;
}

int quire_module_counter(sqlite3 *db, const char *module, quire_count_rest *count_rest)
{
    if (!connection_is_usable(db) || module == NULL)
        return error_misuse();
    api_enter(db);
    Module *found = module_find(db, module);
    if (found != NULL)
        found->count_rest = count_rest;
    return api_exit(db, found == NULL ? SQLITE_NOTFOUND : SQLITE_OK);
}

int quire_module_order(sqlite3 *db, const char *module, const char *function)
{
    if (!connection_is_usable(db) || module == NULL)
        return error_misuse();
    api_enter(db);
    Module *found = module_find(db, module);
    if (found != NULL)
        found->order_function = function;
    return api_exit(db, found == NULL ? SQLITE_NOTFOUND : SQLITE_OK);
}

int quire_create_pragma(sqlite3 *db, const char *name, quire_pragma *callback, void *arg,
                        void (*destroy)(void *))
{
    if (!connection_is_usable(db) || name == NULL || pragma_is_known(name)) {
        if (destroy != NULL)
            destroy(arg);
        return error_misuse();
    }
    api_enter(db);
    const ModulePragma pragma = {
        .name = (char *)name, .callback = callback, .arg = arg, .destroy = destroy};
    return api_exit(db, module_pragma_register(db, &pragma));
}
