// vector_index_info: a row for every vector index of the connection's databases.
#include "vector/index/index_cursor.h"

enum {
    INFO_SCHEMA,
    INFO_NAME,
    INFO_TABLE,
    INFO_COLUMN,
    INFO_METRIC,
    INFO_DIMS,
    INFO_TIER,
    INFO_ROWS,
    INFO_SKIPPED,
    INFO_QUEUED,
    INFO_LISTS,
    INFO_PROBES,
    INFO_STALE,
    INFO_BYTES,
    INFO_PREFIX,
    INFO_GROUPS,
};

static const char info_columns[] =
    "CREATE TABLE x(schema, name, \"table\", \"column\", metric, dims, tier, rows, skipped, queued,"
    " lists, probes, stale, bytes, prefix, groups)";

typedef struct InfoTable {
    sqlite3_vtab base;
    sqlite3 *db;
    const VectorKernels *kernels;
} InfoTable;

typedef struct InfoCursor {
    sqlite3_vtab_cursor base;
    sqlite3_stmt *names; // schema, name, CREATE statement
    Index index;         // the present row's: only configuration, state and statements
    i64 queued, bytes, groups;
    i64 row;
    bool is_at_end;
} InfoCursor;

static int info_connect(sqlite3 *db, void *kernels, int arg_count, const char *const *args,
                        sqlite3_vtab **out, char **message)
{
    (void)arg_count, (void)args, (void)message;
    TRY(sqlite3_declare_vtab(db, info_columns));
    InfoTable *table = sqlite3_malloc64(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    *table = (InfoTable){.db = db, .kernels = kernels};
    *out = &table->base;
    return SQLITE_OK;
}

static int info_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static int info_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    info->estimatedCost = 1000;
    info->estimatedRows = 10;
    return SQLITE_OK;
}

static int info_open(sqlite3_vtab *table, sqlite3_vtab_cursor **out)
{
    (void)table;
    InfoCursor *cursor = sqlite3_malloc64(sizeof *cursor);
    if (cursor == NULL)
        return SQLITE_NOMEM;
    memset(cursor, 0, sizeof *cursor);
    *out = &cursor->base;
    return SQLITE_OK;
}

static void info_clear_row(InfoCursor *cursor)
{
    store_finalize(&cursor->index);
    rotation_deinit(&cursor->index.rotation);
    index_config_deinit(&cursor->index.config);
    sqlite3_free(cursor->index.base.zErrMsg);
    memset(&cursor->index, 0, sizeof cursor->index);
}

static int info_close(sqlite3_vtab_cursor *base)
{
    InfoCursor *cursor = (InfoCursor *)base;
    info_clear_row(cursor);
    sqlite3_finalize(cursor->names);
    sqlite3_free(cursor);
    return SQLITE_OK;
}

// --- a row ---

enum { ARGUMENTS_MAX = 24 };

// Splits what stands between the brackets of a CREATE VIRTUAL TABLE statement, in place.
static int split_arguments(char *text, const char **args)
{
    int count = 0;
    char quote = 0;
    int depth = 0;
    args[count++] = text;
    for (char *at = text; *at != 0 && count < ARGUMENTS_MAX; at++) {
        if (quote != 0) {
            quote = *at == quote ? 0 : quote;
        } else if (*at == '\'' || *at == '"' || *at == '`' || *at == '[') {
            quote = *at == '[' ? ']' : *at;
        } else if (*at == '(') {
            depth++;
        } else if (*at == ')' && depth-- == 0) {
            *at = 0;
            return count;
        } else if (*at == ',' && depth == 0) {
            *at = 0;
            args[count++] = at + 1;
        }
    }
    return count;
}

static int read_config(InfoCursor *cursor, const char *schema, const char *name, const char *sql)
{
    const char *args[ARGUMENTS_MAX + 4] = {"vector_index", schema, name};
    VectorError error;
    const char *using = sqlite3_strlike("%vector_index%", sql, 0) == 0 ? strstr(sql, "(") : NULL;
    char *text = sqlite3_mprintf("%s", using != NULL ? using + 1 : "");
    if (text == NULL)
        return SQLITE_NOMEM;
    int count = split_arguments(text, args + 3);
    int rc = index_config_parse(&cursor->index.config, count + 3, args, &error);
    if (rc == SQLITE_OK)
        rc = index_config_resolve(&cursor->index.config, cursor->index.db, &error);
    sqlite3_free(text);
    return rc;
}

static int read_number(InfoCursor *cursor, const char *format, i64 *out)
{
    const IndexConfig *c = &cursor->index.config;
    char *sql = sqlite3_mprintf(format, c->schema, c->name, c->schema, c->name, c->schema, c->name,
                                c->schema, c->name);
    if (sql == NULL)
        return SQLITE_NOMEM;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(cursor->index.db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    *out = rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0;
    int end = sqlite3_finalize(stmt);
    return rc != SQLITE_OK ? rc : end;
}

static int read_row(InfoCursor *cursor)
{
    const InfoTable *table = (const InfoTable *)cursor->base.pVtab;
    info_clear_row(cursor);
    cursor->index.db = table->db;
    cursor->index.kernels = table->kernels;
    cursor->index.schema_version = -1;
    TRY(read_config(cursor, (const char *)sqlite3_column_text(cursor->names, 0),
                    (const char *)sqlite3_column_text(cursor->names, 1),
                    (const char *)sqlite3_column_text(cursor->names, 2)));
    TRY(state_read(&cursor->index));
    TRY(state_check_triggers(&cursor->index));
    TRY(read_number(cursor, "SELECT count(*) FROM \"%w\".\"%w_queue\"", &cursor->queued));
    cursor->groups = 0;
    if (cursor->index.config.prefix_count > 0)
        TRY(read_number(cursor, "SELECT count(*) FROM \"%w\".\"%w_groups\"", &cursor->groups));
    return read_number(cursor,
                       "SELECT (SELECT coalesce(sum(length(data)), 0) FROM \"%w\".\"%w_blocks\")"
                       " + (SELECT coalesce(sum(length(data)), 0) FROM \"%w\".\"%w_lists\")"
                       " + (SELECT coalesce(sum(length(data)), 0) FROM \"%w\".\"%w_map\")",
                       &cursor->bytes);
}

static int info_next(sqlite3_vtab_cursor *base)
{
    InfoCursor *cursor = (InfoCursor *)base;
    int rc = sqlite3_step(cursor->names);
    cursor->is_at_end = rc != SQLITE_ROW;
    cursor->row++;
    if (rc != SQLITE_ROW)
        return sqlite3_reset(cursor->names);
    rc = read_row(cursor);
    if (rc != SQLITE_OK && cursor->index.base.zErrMsg != NULL) {
        sqlite3_free(base->pVtab->zErrMsg);
        base->pVtab->zErrMsg = sqlite3_mprintf("%s", cursor->index.base.zErrMsg);
    }
    return rc;
}

// One SELECT for each database of the connection.
static int names_sql(sqlite3 *db, sqlite3_str *sql)
{
    sqlite3_stmt *stmt;
    const char *separator = "";
    TRY(sqlite3_prepare_v2(db, "PRAGMA database_list", -1, &stmt, NULL));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const char *schema = (const char *)sqlite3_column_text(stmt, 1);
        sqlite3_str_appendf(sql,
                            "%sSELECT %Q, name, sql FROM \"%w\".sqlite_schema WHERE type = 'table'"
                            " AND sql LIKE 'CREATE VIRTUAL TABLE%%USING%%vector_index%%'",
                            separator, schema, schema);
        separator = " UNION ALL ";
    }
    return sqlite3_finalize(stmt);
}

static int info_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int arg_count,
                       sqlite3_value **args)
{
    (void)plan, (void)plan_text, (void)arg_count, (void)args;
    InfoCursor *cursor = (InfoCursor *)base;
    sqlite3 *db = ((InfoTable *)base->pVtab)->db;
    sqlite3_finalize(cursor->names);
    cursor->names = NULL;
    cursor->row = 0;
    sqlite3_str *text = sqlite3_str_new(db);
    int rc = names_sql(db, text);
    char *sql = sqlite3_str_finish(text);
    if (rc == SQLITE_OK && sql == NULL)
        rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(db, sql, -1, &cursor->names, NULL);
    sqlite3_free(sql);
    return rc == SQLITE_OK ? info_next(base) : rc;
}

static int info_eof(sqlite3_vtab_cursor *base)
{
    return ((const InfoCursor *)base)->is_at_end;
}

// The prefix columns' names; NULL where there are none.
static void result_prefix(sqlite3_context *ctx, const IndexConfig *config)
{
    ASSERT(config->prefix_count <= PREFIX_MAX);

    sqlite3_str *text = sqlite3_str_new(sqlite3_context_db_handle(ctx));
    for (u32 i = 0; i < config->prefix_count; i++)
        sqlite3_str_appendf(text, "%s%s", i > 0 ? ", " : "", config->prefix[i].name);
    bool is_whole = sqlite3_str_errcode(text) == SQLITE_OK;
    char *names = sqlite3_str_finish(text);
    if (!is_whole)
        sqlite3_result_error_nomem(ctx);
    else if (names != NULL)
        sqlite3_result_text(ctx, names, -1, SQLITE_TRANSIENT);
    sqlite3_free(names);
}

static int info_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column)
{
    const InfoCursor *cursor = (const InfoCursor *)base;
    const IndexConfig *config = &cursor->index.config;
    const IndexState *state = &cursor->index.state;
    u32 dims = state->dims != 0 ? state->dims : config->dims;
    switch (column) {
    case INFO_SCHEMA: sqlite3_result_text(ctx, config->schema, -1, SQLITE_TRANSIENT); break;
    case INFO_NAME: sqlite3_result_text(ctx, config->name, -1, SQLITE_TRANSIENT); break;
    case INFO_TABLE: sqlite3_result_text(ctx, config->table, -1, SQLITE_TRANSIENT); break;
    case INFO_COLUMN: sqlite3_result_text(ctx, config->column, -1, SQLITE_TRANSIENT); break;
    case INFO_METRIC:
        sqlite3_result_text(ctx, index_metric_name(config->metric), -1, SQLITE_STATIC);
        break;
    case INFO_DIMS: sqlite3_result_int64(ctx, dims); break;
    case INFO_TIER:
        sqlite3_result_int(ctx, state->list_count == 0 ? 0 : state->list_count == 1 ? 1 : 2);
        break;
    case INFO_ROWS: sqlite3_result_int64(ctx, state->row_count); break;
    case INFO_SKIPPED: sqlite3_result_int64(ctx, state->skipped); break;
    case INFO_QUEUED: sqlite3_result_int64(ctx, cursor->queued); break;
    case INFO_LISTS: sqlite3_result_int64(ctx, state->list_count); break;
    case INFO_PROBES: sqlite3_result_double(ctx, (f64)state->probe_mean); break;
    case INFO_STALE: sqlite3_result_int(ctx, state->is_stale || !cursor->index.triggers_ok); break;
    case INFO_BYTES: sqlite3_result_int64(ctx, cursor->bytes); break;
    case INFO_PREFIX: result_prefix(ctx, config); break;
    case INFO_GROUPS: sqlite3_result_int64(ctx, cursor->groups); break;
    default: break;
    }
    return SQLITE_OK;
}

static int info_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = ((const InfoCursor *)base)->row;
    return SQLITE_OK;
}

static const sqlite3_module vector_index_info_module = {
    .xConnect = info_connect,
    .xBestIndex = info_best_index,
    .xDisconnect = info_disconnect,
    .xOpen = info_open,
    .xClose = info_close,
    .xFilter = info_filter,
    .xNext = info_next,
    .xEof = info_eof,
    .xColumn = info_column,
    .xRowid = info_rowid,
};

int vector_index_info_register(sqlite3 *db, const VectorKernels *kernels)
{
    return sqlite3_create_module_v2(db, "vector_index_info", &vector_index_info_module,
                                    (void *)(uintptr_t)kernels, NULL);
}
