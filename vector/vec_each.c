// vec_each(vector): a table-valued function with a row per element; its rowid is the index.
#include "vector/vec_value.h"

enum { COLUMN_VALUE, COLUMN_VECTOR };

typedef struct EachCursor {
    sqlite3_vtab_cursor base;
    Vector vector;
    u8 *elements; // the cursor's own
    size_t at;
} EachCursor;

static int each_connect(sqlite3 *db, void *client, int arg_count, const char *const *args,
                        sqlite3_vtab **out, char **message)
{
    (void)client, (void)arg_count, (void)args, (void)message;
    TRY(sqlite3_declare_vtab(db, "CREATE TABLE x(value, vector HIDDEN)"));
    (void)sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    sqlite3_vtab *table = sqlite3_malloc64(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    memset(table, 0, sizeof *table);
    *out = table;
    return SQLITE_OK;
}

static int each_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static int each_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    (void)table;
    EachCursor *cursor = sqlite3_malloc64(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    *out = &cursor->base;
    return SQLITE_OK;
}

static int each_close(sqlite3_vtab_cursor *base)
{
    EachCursor *cursor = (EachCursor *)base;
    sqlite3_free(cursor->elements);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

static int each_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].iColumn != COLUMN_VECTOR || !info->aConstraint[i].usable
            || info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        info->aConstraintUsage[i].argvIndex = 1;
        info->aConstraintUsage[i].omit = 1;
        info->estimatedCost = 1;
        info->estimatedRows = 100;
        return SQLITE_OK;
    }
    return SQLITE_CONSTRAINT; // there is nothing to list without an argument
}

static int each_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int arg_count,
                       sqlite3_value **args)
{
    (void)plan, (void)plan_text, (void)arg_count;
    EachCursor *cursor = (EachCursor *)base;
    VectorError error;
    VecValue value = {.owned = NULL};
    sqlite3_free(cursor->elements);
    cursor->elements = NULL;
    cursor->at = 0;
    cursor->vector = (Vector){.type = VECTOR_F32};

    int rc = vec_value_read(args[0], &value, &error);
    if (rc == SQLITE_ERROR) {
        sqlite3_free(base->pVtab->zErrMsg);
        base->pVtab->zErrMsg = sqlite3_mprintf("%s", error.text);
    }
    if (rc != SQLITE_OK)
        return rc;
    size_t size = vec_size(value.vector.type, value.vector.dims);
    cursor->elements = value.owned != NULL ? value.owned : sqlite3_malloc64(size);
    if (cursor->elements == NULL)
        return SQLITE_NOMEM;
    if (value.owned == NULL)
        memcpy(cursor->elements, value.vector.data, size);
    cursor->vector = value.vector;
    cursor->vector.data = cursor->elements;
    return SQLITE_OK;
}

static int each_next(sqlite3_vtab_cursor *base)
{
    ((EachCursor *)base)->at++;
    return SQLITE_OK;
}

static int each_eof(sqlite3_vtab_cursor *base)
{
    const EachCursor *cursor = (const EachCursor *)base;
    return cursor->at >= cursor->vector.dims;
}

static int each_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    const EachCursor *cursor = (const EachCursor *)base;
    if (column != COLUMN_VALUE)
        return SQLITE_OK;
    f64 value = vector_element(&cursor->vector, cursor->at);
    if (cursor->vector.type == VECTOR_F32)
        sqlite3_result_double(ctx, value);
    else
        sqlite3_result_int(ctx, (int)value);
    return SQLITE_OK;
}

static int each_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = (sqlite3_int64)((const EachCursor *)base)->at;
    return SQLITE_OK;
}

// No xCreate: the table exists by its name alone.
static const sqlite3_module vec_each_module = {
    .iVersion = 0,
    .xConnect = each_connect,
    .xBestIndex = each_best_index,
    .xDisconnect = each_disconnect,
    .xOpen = each_open,
    .xClose = each_close,
    .xFilter = each_filter,
    .xNext = each_next,
    .xEof = each_eof,
    .xColumn = each_column,
    .xRowid = each_rowid,
};

int vec_each_register(sqlite3 *db)
{
    return sqlite3_create_module_v2(db, "vec_each", &vec_each_module, NULL, NULL);
}
