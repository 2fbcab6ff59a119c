// The virtual table module `vector_index`: creation, commands, and the upkeep of the index.
//
//     INSERT INTO docs_vec(docs_vec) VALUES('flush')            take the queue in
//     INSERT INTO docs_vec(docs_vec) VALUES('rebuild')          make the index anew
//     INSERT INTO docs_vec(docs_vec) VALUES('integrity-check')  an error names what is wrong
//
// A change goes like this: the state is marked stale, the change is made, the state is written
// without the mark. Where a failure in between cannot be rolled back, because the statement runs in
// somebody's transaction, the mark stays, and queries compare all rows until a rebuild.
#include "vector/index/index_cursor.h"

enum { DRAIN_LIMIT = 4096, DRAIN_WORTH = 256 };

// --- changes ---

typedef int Change(Index *index);

static int change_all(Index *index)
{
    bool left = true;
    while (left)
        TRY(index_drain(index, DRAIN_LIMIT, &left));
    return SQLITE_OK;
}

static int change_some(Index *index)
{
    bool left;
    return index_drain(index, DRAIN_LIMIT, &left);
}

static int change_run(Index *index, Change *change)
{
    ASSERT(!index->is_busy);

    bool was_stale = index->state.is_stale;
    index->state.is_stale = true;
    TRY(state_write(index));
    index->state.is_stale = was_stale;
    int rc = change(index);
    if (rc == SQLITE_OK)
        rc = state_write(index);
    if (rc != SQLITE_OK)
        lists_free(&index->lists);
    return rc;
}

static int queue_length(Index *index, i64 most, i64 *length)
{
    sqlite3_stmt *stmt;
    *length = 0;
    TRY(store_statement(index, STORE_QUEUE_READ, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, most));
    while (sqlite3_step(stmt) == SQLITE_ROW)
        ++*length;
    return sqlite3_reset(stmt);
}

// A query may take the queue in when its connection is writing anyway, or, alone, when reading the
// queue again and again would cost more. Whatever forbids that (another writer, a read-only file, a
// statement that is writing) leaves the queue to be read.
int index_maintain(Index *index)
{
    sqlite3 *db = index->db;
    i64 length;
    bool is_writing = sqlite3_txn_state(db, index->config.schema) == SQLITE_TXN_WRITE;
    if ((!is_writing && !sqlite3_get_autocommit(db)) || index->state.is_stale)
        return SQLITE_OK;
    if (sqlite3_db_readonly(db, index->config.schema) != 0)
        return SQLITE_OK;
    TRY(queue_length(index, DRAIN_WORTH, &length));
    if (length < (is_writing ? 1 : DRAIN_WORTH))
        return SQLITE_OK;
    if (sqlite3_exec(db, "SAVEPOINT vector_index_drain", NULL, NULL, NULL) != SQLITE_OK)
        return SQLITE_OK;
    int rc = change_run(index, is_writing ? change_all : change_some);
    if (rc != SQLITE_OK)
        (void)sqlite3_exec(db, "ROLLBACK TO vector_index_drain", NULL, NULL, NULL);
    int end = sqlite3_exec(db, "RELEASE vector_index_drain", NULL, NULL, NULL);
    if (end != SQLITE_OK && sqlite3_get_autocommit(db) == 0 && !is_writing) {
        (void)sqlite3_exec(db, "ROLLBACK TO vector_index_drain", NULL, NULL, NULL);
        (void)sqlite3_exec(db, "RELEASE vector_index_drain", NULL, NULL, NULL);
    }
    int primary = rc & 0xff;
    if (primary == SQLITE_NOMEM || primary == SQLITE_CORRUPT)
        return rc;
    return state_read(index); // as it was, or as others left it
}

// --- creation ---

static void index_free(Index *index)
{
    store_finalize(index);
    lists_free(&index->lists);
    rotation_deinit(&index->rotation);
    index_config_deinit(&index->config);
    sqlite3_free(index);
}

bool index_column_is_fixed(const char *name)
{
    static const char *const fixed[] = {"id", "distance", "query", "k", "recall", "filter", "plan"};
    ASSERT(name != NULL);
    for (int i = 0; i < ARRAY_LEN(fixed); i++)
        if (sqlite3_stricmp(name, fixed[i]) == 0)
            return true;
    return false;
}

const char *index_command_column(const char *name)
{
    ASSERT(name != NULL);
    return index_column_is_fixed(name) ? "command" : name;
}

static int declare(sqlite3 *db, const IndexConfig *config)
{
    ASSERT(config->prefix_count <= PREFIX_MAX);

    sqlite3_str *text = sqlite3_str_new(db);
    sqlite3_str_appendf(text,
                        "CREATE TABLE x(id INTEGER, distance REAL, query HIDDEN, k HIDDEN,"
                        " recall HIDDEN, filter HIDDEN, plan HIDDEN, \"%w\" HIDDEN",
                        index_command_column(config->name));
    for (u32 i = 0; i < config->prefix_count; i++)
        sqlite3_str_appendf(text, ", \"%w\" %s HIDDEN", config->prefix[i].name,
                            config->prefix[i].affinity);
    sqlite3_str_appendall(text, ")");
    char *sql = sqlite3_str_finish(text);
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_declare_vtab(db, sql);
    sqlite3_free(sql);
    return rc;
}

static int index_new(sqlite3 *db, const VectorKernels *kernels, int arg_count,
                     const char *const *args, Index **out, VectorError *error)
{
    Index *index = sqlite3_malloc64(sizeof *index);
    if (index == NULL)
        return SQLITE_NOMEM;
    memset(index, 0, sizeof *index);
    index->db = db;
    index->kernels = kernels;
    index->schema_version = -1;
    int rc = index_config_parse(&index->config, arg_count, args, error);
    if (rc == SQLITE_OK)
        rc = index_config_resolve(&index->config, db, error);
    if (rc == SQLITE_OK)
        rc = declare(db, &index->config);
    if (rc == SQLITE_OK)
        *out = index;
    else
        index_free(index);
    return rc;
}

// The error is one of ours, or of a statement that failed.
static int fail_new(sqlite3 *db, int rc, const VectorError *error, char **message)
{
    ASSERT(rc != SQLITE_OK);

    if (rc == SQLITE_ERROR)
        *message = sqlite3_mprintf("%s", error->text[0] != 0 ? error->text : sqlite3_errmsg(db));
    return rc;
}

static int index_connect(sqlite3 *db, void *kernels, int arg_count, const char *const *args,
                         sqlite3_vtab **out, char **message)
{
    Index *index = NULL;
    VectorError error = {""};
    int rc = index_new(db, kernels, arg_count, args, &index, &error);
    if (rc != SQLITE_OK)
        return fail_new(db, rc, &error, message);
    *out = &index->base;
    return SQLITE_OK;
}

// The same seed over the same rows makes the same lists, so what a query misses is the same, too.
static u64 fresh_seed(const Index *index)
{
    ASSERT(index->config.name != NULL);
    return index->config.seed != 0 ? index->config.seed : random_u64();
}

static int index_create(sqlite3 *db, void *kernels, int arg_count, const char *const *args,
                        sqlite3_vtab **out, char **message)
{
    Index *index = NULL;
    VectorError error = {""};
    int rc = index_new(db, kernels, arg_count, args, &index, &error);
    if (rc != SQLITE_OK)
        return fail_new(db, rc, &error, message);
    index->state.seed = fresh_seed(index);
    rc = store_create(index);
    if (rc == SQLITE_OK)
        rc = index_build(index);
    if (rc == SQLITE_OK) {
        *out = &index->base;
        return SQLITE_OK;
    }
    *message = index->base.zErrMsg;
    index_free(index);
    return rc;
}

static int index_disconnect(sqlite3_vtab *table)
{
    index_free((Index *)table);
    return SQLITE_OK;
}

static int index_destroy(sqlite3_vtab *table)
{
    int rc = store_drop((Index *)table);
    if (rc == SQLITE_OK)
        index_free((Index *)table);
    return rc;
}

static int index_rename(sqlite3_vtab *table, const char *new_name)
{
    return store_rename((Index *)table, new_name);
}

static int index_is_shadow(const char *name)
{
    // Not the queue: triggers write to it, which a defensive connection would not let them.
    static const char *const names[] = {"meta", "lists", "blocks", "map", "groups"};
    for (int i = 0; i < ARRAY_LEN(names); i++)
        if (sqlite3_stricmp(name, names[i]) == 0)
            return 1;
    return 0;
}

// --- commands ---

static int run_check(Index *index)
{
    char *report;
    TRY(index_check(index, &report));
    if (report == NULL)
        return SQLITE_OK;
    int rc = index_fail(index, SQLITE_CORRUPT_VTAB, "%s", report);
    sqlite3_free(report);
    return rc;
}

static int run_command(Index *index, const char *command)
{
    if (sqlite3_stricmp(command, "rebuild") == 0) {
        if (state_read(index) == SQLITE_CORRUPT_VTAB) { // nothing that it says is needed
            index->state = (IndexState){.seed = fresh_seed(index), .is_stale = true};
            rotation_deinit(&index->rotation);
        }
        index->state.is_stale = false;
        return change_run(index, index_build);
    }
    TRY(state_read(index));
    if (sqlite3_stricmp(command, "flush") == 0)
        return change_run(index, change_all);
    if (sqlite3_stricmp(command, "integrity-check") == 0)
        return run_check(index);
    return index_fail(index, SQLITE_ERROR,
                      "vector index \"%s\": unknown command '%s': flush, rebuild or "
                      "integrity-check",
                      index->config.name, command);
}

// Only commands: an INSERT that gives the column of the table's name and no other.
static int index_update(sqlite3_vtab *table, int arg_count, sqlite3_value **args,
                        sqlite3_int64 *rowid)
{
    Index *index = (Index *)table;
    bool is_command = arg_count > 1 && sqlite3_value_type(args[0]) == SQLITE_NULL
                      && sqlite3_value_type(args[2 + INDEX_COMMAND]) == SQLITE_TEXT;
    for (int i = 2; is_command && i < arg_count; i++)
        is_command = i == 2 + INDEX_COMMAND || sqlite3_value_type(args[i]) == SQLITE_NULL;
    if (!is_command)
        return index_fail(index, SQLITE_READONLY,
                          "vector index \"%s\" follows table \"%s\" and is not written to",
                          index->config.name, index->config.table);
    const char *command = (const char *)sqlite3_value_text(args[2 + INDEX_COMMAND]);
    *rowid = 0;
    return command == NULL ? SQLITE_NOMEM : run_command(index, command);
}

static int index_integrity(sqlite3_vtab *table, const char *schema, const char *name, int flags,
                           char **report)
{
    (void)schema, (void)name, (void)flags;
    Index *index = (Index *)table;
    int rc = index_check(index, report);
    if (rc == SQLITE_CORRUPT_VTAB && *report == NULL) {
        *report = sqlite3_mprintf("%s", index->base.zErrMsg);
        rc = SQLITE_OK;
    }
    return rc;
}

static const sqlite3_module vector_index_module = {
    .iVersion = 4,
    .xCreate = index_create,
    .xConnect = index_connect,
    .xBestIndex = index_best_index,
    .xDisconnect = index_disconnect,
    .xDestroy = index_destroy,
    .xOpen = index_open,
    .xClose = index_close,
    .xFilter = index_filter,
    .xNext = index_next,
    .xEof = index_eof,
    .xColumn = index_column,
    .xRowid = index_rowid,
    .xUpdate = index_update,
    .xRename = index_rename,
    .xShadowName = index_is_shadow,
    .xIntegrity = index_integrity,
};

int vector_index_register(sqlite3 *db, const VectorKernels *kernels)
{
    return sqlite3_create_module_v2(db, "vector_index", &vector_index_module,
                                    (void *)(uintptr_t)kernels, NULL);
}
