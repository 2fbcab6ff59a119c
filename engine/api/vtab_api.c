// What the methods of a virtual table may ask while they run.
//
// Outside those methods there is nothing to ask about: they answer SQLITE_MISUSE, or nothing.

#include "api/api.h"
#include "func/func.h"
#include "sql/plan/index_info.h"
#include "vm/vm.h"
#include "vtab/vtab.h"
#include <stdarg.h>

// --- inside xCreate and xConnect ---

// Settings are of the table that is being connected.
static int configure(VirtualTable *instance, int op, va_list args)
{
    switch (op) {
    case SQLITE_VTAB_CONSTRAINT_SUPPORT:
        instance->supports_constraints = va_arg(args, int) != 0;
        return SQLITE_OK;
    case SQLITE_VTAB_INNOCUOUS: instance->risk = VTAB_RISK_LOW; return SQLITE_OK;
    case SQLITE_VTAB_DIRECTONLY: instance->risk = VTAB_RISK_HIGH; return SQLITE_OK;
    case SQLITE_VTAB_USES_ALL_SCHEMAS: instance->uses_all_schemas = true; return SQLITE_OK;
    default: return error_misuse();
    }
}

int sqlite3_vtab_config(sqlite3 *db, int op, ...)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    int rc = SQLITE_MISUSE;
    if (db->vtab_context != NULL) {
        va_list args;
        va_start(args, op);
        rc = configure(db->vtab_context->instance, op, args);
        va_end(args);
    }
    if (rc != SQLITE_OK)
        connection_error_plain(db, rc);
    return api_exit(db, rc);
}

// --- inside xUpdate and xColumn ---

int sqlite3_vtab_on_conflict(sqlite3 *db)
{
    return connection_is_usable(db) ? db->vtab_on_conflict : error_misuse();
}

int sqlite3_vtab_nochange(sqlite3_context *call)
{
    return call != NULL && sqlite3_value_nochange(call->result);
}

// --- inside xBestIndex ---

const char *sqlite3_vtab_collation(sqlite3_index_info *info, int constraint)
{
    if (info == NULL) {
        (void)error_misuse();
        return NULL;
    }
    return index_info_collation(info, constraint);
}

int sqlite3_vtab_distinct(sqlite3_index_info *info)
{
    return info != NULL ? index_info_distinct(info) : 0;
}

int sqlite3_vtab_in(sqlite3_index_info *info, int constraint, int handle)
{
    return info != NULL && index_info_in(info, constraint, handle);
}

int sqlite3_vtab_rhs_value(sqlite3_index_info *info, int constraint, sqlite3_value **out)
{
    if (info == NULL || out == NULL)
        return error_misuse();
    return index_info_rhs(info, constraint, out);
}

// --- inside xFilter ---

int sqlite3_vtab_in_first(sqlite3_value *list, sqlite3_value **out)
{
    return vm_in_step(list, true, out);
}

int sqlite3_vtab_in_next(sqlite3_value *list, sqlite3_value **out)
{
    return vm_in_step(list, false, out);
}
