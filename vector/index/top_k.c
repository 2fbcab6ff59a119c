// vector_top_k(index, query [, k [, recall]]): the nearest rows as a table of id and distance.
//
//     SELECT docs.*, distance FROM vector_top_k('docs_vec', ?1, 10) JOIN docs ON docs.rowid = id
//
// It reads the named index through SQL. Conditions on id are applied before the k are counted.
// Without k it goes on for as long as rows are asked for.
//
// The statement it reads by outlives its cursor: compiling it takes as long as a search of a small
// index.
#include "vector/index/index_cursor.h"

enum { TOP_ID, TOP_DISTANCE, TOP_INDEX, TOP_QUERY, TOP_K, TOP_RECALL };
enum { TOP_ID_LIST = TOP_RECALL + 1, TOP_ID_EQUAL, TOP_ARGUMENTS };

typedef struct TopTable {
    sqlite3_vtab base;
    sqlite3 *db;
    sqlite3_stmt *spare; // of a cursor that was closed; NULL: none
    char *spare_name;    // of its index
} TopTable;

typedef struct TopCursor {
    sqlite3_vtab_cursor base;
    sqlite3_stmt *stmt;
    char *index_name; // that stmt was prepared for
    RowFilter filter;
    bool is_at_end;
} TopCursor;

static int top_connect(sqlite3 *db, void *client, int arg_count, const char *const *args,
                       sqlite3_vtab **out, char **message)
{
    (void)client, (void)arg_count, (void)args, (void)message;
    TRY(sqlite3_declare_vtab(db, "CREATE TABLE x(id, distance REAL, index_name HIDDEN,"
                                 " query HIDDEN, k HIDDEN, recall HIDDEN)"));
    TopTable *table = sqlite3_malloc64(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    *table = (TopTable){.db = db};
    *out = &table->base;
    return SQLITE_OK;
}

static int top_disconnect(sqlite3_vtab *base)
{
    TopTable *table = (TopTable *)base;
    (void)sqlite3_finalize(table->spare);
    sqlite3_free(table->spare_name);
    sqlite3_free(table);
    return SQLITE_OK;
}

static int top_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    (void)table;
    TopCursor *cursor = sqlite3_malloc64(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    filter_init(&cursor->filter);
    *out = &cursor->base;
    return SQLITE_OK;
}

// Hands the statement to the table. One for "schema.index" is not kept: whether the name is that of
// an index in a schema is asked anew each time.
static void keep_statement(TopCursor *cursor)
{
    ASSERT(cursor->stmt == NULL || cursor->index_name != NULL);

    TopTable *table = (TopTable *)cursor->base.pVtab;
    bool is_fit = cursor->stmt != NULL && strchr(cursor->index_name, '.') == NULL;
    if (table->spare != NULL || !is_fit)
        return;
    (void)sqlite3_reset(cursor->stmt); // its error was reported
    (void)sqlite3_clear_bindings(cursor->stmt);
    table->spare = cursor->stmt;
    table->spare_name = cursor->index_name;
    cursor->stmt = NULL;
    cursor->index_name = NULL;
}

static bool take_statement(TopCursor *cursor, const char *name)
{
    TopTable *table = (TopTable *)cursor->base.pVtab;
    ASSERT(cursor->stmt == NULL && cursor->index_name == NULL);
    if (table->spare == NULL || strcmp(table->spare_name, name) != 0)
        return false;
    cursor->stmt = table->spare;
    cursor->index_name = table->spare_name;
    table->spare = NULL;
    table->spare_name = NULL;
    return true;
}

static int top_close(sqlite3_vtab_cursor *base)
{
    TopCursor *cursor = (TopCursor *)base;
    keep_statement(cursor);
    sqlite3_finalize(cursor->stmt);
    sqlite3_free(cursor->index_name);
    filter_deinit(&cursor->filter);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

// --- plan: idxNum has a bit for each argument that is given, in the order of the enum ---

static int argument_of(sqlite3_index_info *info, int i)
{
    int column = info->aConstraint[i].iColumn;
    if (info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
        return -1;
    if (column == TOP_ID || column == -1)
        return sqlite3_vtab_in(info, i, -1) ? TOP_ID_LIST : TOP_ID_EQUAL;
    return column >= TOP_INDEX && column <= TOP_RECALL ? column : -1;
}

static int top_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    int chosen[TOP_ARGUMENTS];
    for (int argument = 0; argument < TOP_ARGUMENTS; argument++)
        chosen[argument] = -1;
    for (int i = 0; i < info->nConstraint; i++) {
        int argument = argument_of(info, i);
        if (argument < 0)
            continue;
        if (info->aConstraint[i].usable)
            chosen[argument] = i;
        else if (argument <= TOP_RECALL)
            return SQLITE_CONSTRAINT; // it depends on a table that comes later
    }
    if (chosen[TOP_INDEX] < 0 || chosen[TOP_QUERY] < 0) {
        sqlite3_free(table->zErrMsg);
        table->zErrMsg = sqlite3_mprintf("vector_top_k(index, query, k): arguments are missing");
        return SQLITE_ERROR;
    }
    int arg_count = 0;
    for (int argument = TOP_INDEX; argument < TOP_ARGUMENTS; argument++) {
        if (chosen[argument] < 0)
            continue;
        info->idxNum |= 1 << argument;
        info->aConstraintUsage[chosen[argument]].argvIndex = ++arg_count;
        info->aConstraintUsage[chosen[argument]].omit = argument <= TOP_ID_LIST;
        if (argument == TOP_ID_LIST)
            (void)sqlite3_vtab_in(info, chosen[argument], 1);
    }
    info->orderByConsumed =
        info->nOrderBy == 1 && info->aOrderBy[0].iColumn == TOP_DISTANCE && !info->aOrderBy[0].desc;
    info->estimatedCost = 100;
    info->estimatedRows = 10;
    return SQLITE_OK;
}

// --- reading ---

static int top_fail(TopCursor *cursor, int rc, const char *format, const char *argument)
{
    sqlite3_vtab *table = cursor->base.pVtab;
    sqlite3_free(table->zErrMsg);
    table->zErrMsg = sqlite3_mprintf(format, argument);
    return rc;
}

// "index" or "schema.index". A name may itself contain a point, so the whole is tried first.
static int prepare_for(TopCursor *cursor, sqlite3 *db, const char *schema, const char *name)
{
    ASSERT(cursor->stmt == NULL);

    char *sql = schema != NULL
                    ? sqlite3_mprintf("SELECT id, distance FROM \"%w\".\"%w\"(?1, ?2, ?3, ?4)",
                                      schema, name)
                    : sqlite3_mprintf("SELECT id, distance FROM \"%w\"(?1, ?2, ?3, ?4)", name);
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &cursor->stmt, NULL);
    sqlite3_free(sql);
    return rc;
}

static int prepare(TopCursor *cursor, const char *name)
{
    ASSERT(name != NULL);

    sqlite3 *db = ((TopTable *)cursor->base.pVtab)->db;
    if (cursor->stmt != NULL && strcmp(cursor->index_name, name) == 0)
        return SQLITE_OK;
    sqlite3_finalize(cursor->stmt);
    cursor->stmt = NULL;
    sqlite3_free(cursor->index_name);
    cursor->index_name = NULL;
    if (take_statement(cursor, name))
        return SQLITE_OK;
    cursor->index_name = sqlite3_mprintf("%s", name);
    if (cursor->index_name == NULL)
        return SQLITE_NOMEM;
    int rc = prepare_for(cursor, db, NULL, name);
    const char *point = strchr(name, '.');
    if (rc == SQLITE_ERROR && point != NULL) {
        char *schema = sqlite3_mprintf("%.*s", (int)(point - name), name);
        rc = schema == NULL ? SQLITE_NOMEM : prepare_for(cursor, db, schema, point + 1);
        sqlite3_free(schema);
    }
    if (rc == SQLITE_ERROR)
        return top_fail(cursor, rc, "vector_top_k: no such vector index: %s", name);
    return rc;
}

static int take_filter(TopCursor *cursor, int argument, sqlite3_value *value)
{
    ASSERT(argument == TOP_ID_LIST || argument == TOP_ID_EQUAL);

    RowFilter *filter = &cursor->filter;
    if (argument == TOP_ID_LIST)
        return filter_take_list(filter, value);
    bool is_whole = sqlite3_value_numeric_type(value) == SQLITE_INTEGER;
    filter->first = is_whole ? sqlite3_value_int64(value) : 1;
    filter->last = is_whole ? filter->first : 0;
    return SQLITE_OK;
}

static int top_next(sqlite3_vtab_cursor *base)
{
    TopCursor *cursor = (TopCursor *)base;
    int rc = sqlite3_step(cursor->stmt);
    cursor->is_at_end = rc != SQLITE_ROW;
    if (rc == SQLITE_ROW)
        return SQLITE_OK;
    rc = sqlite3_reset(cursor->stmt);
    if (rc == SQLITE_OK)
        return rc;
    return top_fail(cursor, rc, "%s", sqlite3_errmsg(((TopTable *)base->pVtab)->db));
}

static int top_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int arg_count,
                      sqlite3_value **args)
{
    (void)plan_text, (void)arg_count;
    TopCursor *cursor = (TopCursor *)base;
    filter_deinit(&cursor->filter);
    if (cursor->stmt != NULL)
        (void)sqlite3_reset(cursor->stmt);
    const char *name = (const char *)sqlite3_value_text(args[0]);
    if (name == NULL)
        return top_fail(cursor, SQLITE_ERROR, "vector_top_k: the index is named by a text%s", "");
    TRY(prepare(cursor, name));
    (void)sqlite3_clear_bindings(cursor->stmt);
    bool has_filter = false;
    int at = 1;
    for (int argument = TOP_QUERY; argument < TOP_ARGUMENTS; argument++) {
        if ((plan & 1 << argument) == 0)
            continue;
        ASSERT(at < arg_count);
        if (argument <= TOP_RECALL) {
            TRY(sqlite3_bind_value(cursor->stmt, argument - TOP_QUERY + 1, args[at++]));
            continue;
        }
        has_filter = true;
        TRY(take_filter(cursor, argument, args[at++]));
    }
    if (has_filter)
        TRY(sqlite3_bind_pointer(cursor->stmt, 4, &cursor->filter, index_filter_pointer, NULL));
    return top_next(base);
}

static int top_eof(sqlite3_vtab_cursor *base)
{
    return ((const TopCursor *)base)->is_at_end;
}

static int top_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    const TopCursor *cursor = (const TopCursor *)base;
    if (column == TOP_ID || column == TOP_DISTANCE)
        sqlite3_result_value(ctx, sqlite3_column_value(cursor->stmt, column));
    return SQLITE_OK;
}

static int top_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = sqlite3_column_int64(((const TopCursor *)base)->stmt, TOP_ID);
    return SQLITE_OK;
}

static const sqlite3_module vector_top_k_module = {
    .xConnect = top_connect,
    .xBestIndex = top_best_index,
    .xDisconnect = top_disconnect,
    .xOpen = top_open,
    .xClose = top_close,
    .xFilter = top_filter,
    .xNext = top_next,
    .xEof = top_eof,
    .xColumn = top_column,
    .xRowid = top_rowid,
};

int vector_top_k_register(sqlite3 *db)
{
    return sqlite3_create_module_v2(db, "vector_top_k", &vector_top_k_module, NULL, NULL);
}
