// One open table. See fts_table.h.
#include "fts/fts_table.h"

#include "fts/segment_merge.h"

int fts_table_error(FtsTable *table, int rc, char *message)
{
    if (message != NULL) {
        sqlite3_free(table->base.zErrMsg);
        table->base.zErrMsg = message;
    }
    return rc;
}

// --- statements ---

char *fts_table_source(const FtsTable *table)
{
    const FtsConfig *config = &table->config;
    if (config->content == CONTENT_EXTERNAL)
        return sqlite3_mprintf("%Q.%Q", config->db_name, config->content_table);
    if (config->content == CONTENT_NONE)
        return sqlite3_mprintf("%Q.'%q_%s'", config->db_name, config->name, "docsize");
    return sqlite3_mprintf("%Q.'%q_%s'", config->db_name, config->name, "content");
}

static const char *id_name(const FtsConfig *config)
{
    return config->content == CONTENT_EXTERNAL ? config->content_rowid : "id";
}

char *fts_table_columns(const FtsTable *table)
{
    const FtsConfig *config = &table->config;
    sqlite3_str *sql = sqlite3_str_new(config->db);
    sqlite3_str_appendf(sql, "T.\"%w\"", id_name(config));
    for (int i = 0; i < config->column_count; i++) {
        bool is_stored = config->content == CONTENT_NORMAL
                         || (config->content == CONTENT_UNINDEXED && config->is_unindexed[i]);
        if (config->content == CONTENT_EXTERNAL)
            sqlite3_str_appendf(sql, ", T.\"%w\"", config->columns[i]);
        else if (is_stored)
            sqlite3_str_appendf(sql, ", T.c%d", i);
        else
            sqlite3_str_appendall(sql, ", NULL");
    }
    for (int i = 0; config->has_locale && i < config->column_count; i++) {
        if (config->content == CONTENT_NORMAL && !config->is_unindexed[i])
            sqlite3_str_appendf(sql, ", T.l%d", i);
        else
            sqlite3_str_appendall(sql, ", NULL");
    }
    return sqlite3_str_finish(sql);
}

static char *lookup_text(const FtsTable *table)
{
    char *columns = fts_table_columns(table);
    char *source = fts_table_source(table);
    char *sql = NULL;
    if (columns != NULL && source != NULL)
        sql = sqlite3_mprintf("SELECT %s FROM %s T WHERE T.\"%w\" = ?1", columns, source,
                              id_name(&table->config));
    sqlite3_free(columns);
    sqlite3_free(source);
    return sql;
}

// ?1 is the rowid, ?2... the columns, then the locales.
static char *insert_text(const FtsConfig *config, const char *verb)
{
    sqlite3_str *sql = sqlite3_str_new(config->db);
    sqlite3_str_appendf(sql, "%s INTO %Q.'%q_content' VALUES(?1", verb, config->db_name,
                        config->name);
    for (int i = 0; i < config->column_count; i++) {
        if (config->content == CONTENT_NORMAL || config->is_unindexed[i])
            sqlite3_str_appendf(sql, ", ?%d", i + 2);
    }
    for (int i = 0; config->has_locale && i < config->column_count; i++) {
        if (config->content == CONTENT_NORMAL && !config->is_unindexed[i])
            sqlite3_str_appendf(sql, ", ?%d", i + 2 + config->column_count);
    }
    sqlite3_str_appendall(sql, ")");
    return sqlite3_str_finish(sql);
}

static char *stmt_text(const FtsTable *table, TableStmt which)
{
    const FtsConfig *config = &table->config;
    const char *db = config->db_name;
    const char *name = config->name;
    switch (which) {
    case STMT_CONTENT_LOOKUP: return lookup_text(table);
    case STMT_CONTENT_INSERT: return insert_text(config, "INSERT");
    case STMT_CONTENT_REPLACE: return insert_text(config, "REPLACE");
    case STMT_CONTENT_DELETE:
        return sqlite3_mprintf("DELETE FROM %Q.'%q_content' WHERE id = ?1", db, name);
    case STMT_DOCSIZE_READ:
        return sqlite3_mprintf("SELECT sz%s FROM %Q.'%q_docsize' WHERE id = ?1",
                               config->has_contentless_delete ? ", origin" : "", db, name);
    case STMT_DOCSIZE_RANGE:
        return sqlite3_mprintf("SELECT id, sz FROM %Q.'%q_docsize' WHERE id BETWEEN ?1 AND ?2", db,
                               name);
    case STMT_DOCSIZE_WRITE:
        return sqlite3_mprintf("REPLACE INTO %Q.'%q_docsize' VALUES(?1, ?2%s)", db, name,
                               config->has_contentless_delete ? ", ?3" : "");
    case STMT_DOCSIZE_DELETE:
        return sqlite3_mprintf("DELETE FROM %Q.'%q_docsize' WHERE id = ?1", db, name);
    case STMT_CONFIG_WRITE:
        return sqlite3_mprintf("REPLACE INTO %Q.'%q_config' VALUES(?1, ?2)", db, name);
    case TABLE_STMT_COUNT: break;
    }
    return NULL;
}

int fts_table_stmt(FtsTable *table, TableStmt which, sqlite3_stmt **out)
{
    if (table->stmts[which] == NULL) {
        char *sql = stmt_text(table, which);
        if (sql == NULL)
            return SQLITE_NOMEM;
        int rc = sqlite3_prepare_v3(table->config.db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    &table->stmts[which], NULL);
        sqlite3_free(sql);
        if (rc != SQLITE_OK)
            return fts_table_error(table, rc,
                                   sqlite3_mprintf("%s", sqlite3_errmsg(table->config.db)));
    }
    *out = table->stmts[which];
    return SQLITE_OK;
}

// --- life ---

static void table_free(FtsTable *table)
{
    FtsTable **link = &table->connection->tables;
    while (*link != NULL && *link != table)
        link = &(*link)->next;
    if (*link == table)
        *link = table->next;
    for (int i = 0; i < TABLE_STMT_COUNT; i++)
        sqlite3_finalize(table->stmts[i]);
    fts_index_deinit(&table->index);
    fts_config_deinit(&table->config);
    sqlite3_free(table->token_totals);
    doc_lengths_deinit(&table->lengths);
    sqlite3_free(table->base.zErrMsg);
    sqlite3_free(table);
}

static int run_sql(sqlite3 *db, char *sql)
{
    int rc = sql == NULL ? SQLITE_NOMEM : sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc;
}

static int create_content(const FtsConfig *config)
{
    sqlite3_str *sql = sqlite3_str_new(config->db);
    sqlite3_str_appendf(sql, "CREATE TABLE %Q.'%q_content'(id INTEGER PRIMARY KEY", config->db_name,
                        config->name);
    for (int i = 0; i < config->column_count; i++) {
        if (config->content == CONTENT_NORMAL || config->is_unindexed[i])
            sqlite3_str_appendf(sql, ", c%d", i);
    }
    for (int i = 0; config->has_locale && i < config->column_count; i++) {
        if (config->content == CONTENT_NORMAL && !config->is_unindexed[i])
            sqlite3_str_appendf(sql, ", l%d", i);
    }
    sqlite3_str_appendall(sql, ")");
    return run_sql(config->db, sqlite3_str_finish(sql));
}

static int create_shadows(FtsTable *table)
{
    const FtsConfig *config = &table->config;
    sqlite3 *db = config->db;
    const char *in = config->db_name;
    const char *name = config->name;
    TRY(run_sql(db, sqlite3_mprintf("CREATE TABLE %Q.'%q_data'(id INTEGER PRIMARY KEY, block BLOB)",
                                    in, name)));
    TRY(run_sql(db, sqlite3_mprintf("CREATE TABLE %Q.'%q_idx'(segid, term, pgno, "
                                    "PRIMARY KEY(segid, term)) WITHOUT ROWID",
                                    in, name)));
    if (config->content == CONTENT_NORMAL || config->content == CONTENT_UNINDEXED)
        TRY(create_content(config));
    if (config->has_columnsize)
        TRY(run_sql(db, sqlite3_mprintf(
                            "CREATE TABLE %Q.'%q_docsize'(id INTEGER PRIMARY KEY, sz BLOB%s)", in,
                            name, config->has_contentless_delete ? ", origin INTEGER" : "")));
    TRY(run_sql(db, sqlite3_mprintf("CREATE TABLE %Q.'%q_config'(k PRIMARY KEY, v) WITHOUT ROWID",
                                    in, name)));
    TRY(run_sql(db, sqlite3_mprintf("INSERT INTO %Q.'%q_config' VALUES('version', 4)", in, name)));
    return fts_index_reset(&table->index);
}

static int table_open(FtsTable *table, bool is_new, char **message)
{
    FtsConfig *config = &table->config;
    table->token_totals = fts_zalloc(sizeof(i64) * ((u64)config->column_count + 1));
    if (table->token_totals == NULL)
        return SQLITE_NOMEM;
    fts_index_init(&table->index, config);
    TRY(fts_config_open_tokenizer(config, message));
    if (is_new)
        TRY(create_shadows(table));
    TRY(fts_config_declare(config));
    TRY(fts_index_load(&table->index, message));
    sqlite3_vtab_config(config->db, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1);
    return sqlite3_vtab_config(config->db, SQLITE_VTAB_INNOCUOUS);
}

typedef struct Opening {
    int arg_count;
    const char *const *args;
    bool is_new;
} Opening;

static int open_any(FtsConnection *connection, const Opening *opening, sqlite3_vtab **out,
                    char **message)
{
    FtsTable *table = fts_zalloc(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    table->connection = connection;
    int rc =
        fts_config_init(&table->config, connection, opening->arg_count, opening->args, message);
    if (rc == SQLITE_OK)
        rc = table_open(table, opening->is_new, message);
    if (rc != SQLITE_OK) {
        table_free(table);
        return rc;
    }
    table->next = connection->tables;
    connection->tables = table;
    *out = &table->base;
    return SQLITE_OK;
}

static int table_create(sqlite3 *db, void *user_data, int arg_count, const char *const *args,
                        sqlite3_vtab **out, char **message)
{
    (void)db;
    Opening opening = {arg_count, args, true};
    return open_any(user_data, &opening, out, message);
}

static int table_connect(sqlite3 *db, void *user_data, int arg_count, const char *const *args,
                         sqlite3_vtab **out, char **message)
{
    (void)db;
    Opening opening = {arg_count, args, false};
    return open_any(user_data, &opening, out, message);
}

static int table_disconnect(sqlite3_vtab *vtab)
{
    table_free((FtsTable *)vtab);
    return SQLITE_OK;
}

static const char *const shadows[] = {"config", "content", "data", "docsize", "idx"};

static int table_destroy(sqlite3_vtab *vtab)
{
    FtsTable *table = (FtsTable *)vtab;
    for (int i = 0; i < ARRAY_LEN(shadows); i++)
        TRY(run_sql(table->config.db,
                    sqlite3_mprintf("DROP TABLE IF EXISTS %Q.'%q_%q'", table->config.db_name,
                                    table->config.name, shadows[i])));
    table_free(table);
    return SQLITE_OK;
}

static int table_is_shadow(const char *name)
{
    for (int i = 0; i < ARRAY_LEN(shadows); i++) {
        if (sqlite3_stricmp(name, shadows[i]) == 0)
            return 1;
    }
    return 0;
}

// --- totals and lengths ---

int fts_table_load(FtsTable *table)
{
    char *message = NULL;
    int rc = fts_index_load(&table->index, &message);
    return fts_table_error(table, rc, message);
}

int fts_table_totals(FtsTable *table)
{
    if (table->has_totals)
        return SQLITE_OK;
    FtsPage *page;
    TRY(fts_index_read(&table->index, AVERAGES_ID, &page));
    u64 value = 0;
    u32 at = (u32)(page->size == 0 ? 0 : fts_varint_get(page->bytes, &value));
    table->row_count = (i64)value;
    for (int i = 0; i < table->config.column_count; i++) {
        value = 0;
        if (at < page->size)
            at += (u32)fts_varint_get(page->bytes + at, &value);
        table->token_totals[i] = (i64)value;
    }
    fts_page_unref(page);
    table->has_totals = true;
    return SQLITE_OK;
}

int fts_table_save_totals(FtsTable *table)
{
    if (!table->has_changed_totals)
        return SQLITE_OK;
    FtsBuffer bytes = {0};
    fts_buffer_append_varint(&bytes, (u64)table->row_count);
    for (int i = 0; i < table->config.column_count; i++)
        fts_buffer_append_varint(&bytes, (u64)table->token_totals[i]);
    int rc = bytes.rc;
    if (rc == SQLITE_OK)
        rc = fts_index_write(&table->index, AVERAGES_ID, bytes.bytes, bytes.size);
    fts_buffer_deinit(&bytes);
    if (rc == SQLITE_OK) // a failure may have rolled back, and forgotten the totals
        table->has_changed_totals = false;
    return rc;
}

static int decode_lengths(const u8 *bytes, int size, int count, u32 *lengths)
{
    u8 padded[VARINT_MAX + FTS_PADDING];
    int at = 0;
    for (int i = 0; i < count; i++) {
        if (at >= size)
            return FTS_CORRUPT;
        int part = size - at < VARINT_MAX ? size - at : VARINT_MAX;
        memset(padded, 0, sizeof padded);
        memcpy(padded, bytes + at, (size_t)part);
        at += fts_varint_get_u32(padded, &lengths[i]);
    }
    return at == size ? SQLITE_OK : FTS_CORRUPT;
}

int fts_table_lengths(FtsTable *table, i64 rowid, u32 *lengths)
{
    sqlite3_stmt *stmt;
    TRY(fts_table_stmt(table, STMT_DOCSIZE_READ, &stmt));
    sqlite3_bind_int64(stmt, 1, rowid);
    int rc = FTS_CORRUPT;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        rc = decode_lengths(sqlite3_column_blob(stmt, 0), sqlite3_column_bytes(stmt, 0),
                            table->config.column_count, lengths);
    int reset_rc = sqlite3_reset(stmt);
    return reset_rc != SQLITE_OK ? reset_rc : rc;
}

// --- text ---

bool fts_table_locale_text(const FtsTable *table, sqlite3_value *value, TableText *out)
{
    *out = (TableText){0};
    if (!table->config.has_locale || sqlite3_value_type(value) != SQLITE_BLOB)
        return false;
    const char *blob = sqlite3_value_blob(value);
    int size = sqlite3_value_bytes(value);
    const char *end = NULL;
    if (size > LOCALE_HEADER_SIZE
        && memcmp(blob, table->connection->locale_header, LOCALE_HEADER_SIZE) == 0)
        end = memchr(blob + LOCALE_HEADER_SIZE, 0, (size_t)(size - LOCALE_HEADER_SIZE));
    if (end == NULL)
        return false;
    out->locale = blob + LOCALE_HEADER_SIZE;
    out->locale_size = (int)(end - out->locale);
    out->text = end + 1;
    out->size = size - (int)(out->text - blob);
    return true;
}

void fts_table_text(const FtsTable *table, sqlite3_value *value, TableText *out)
{
    if (fts_table_locale_text(table, value, out))
        return;
    out->text = (const char *)sqlite3_value_text(value);
    out->size = sqlite3_value_bytes(value);
}

int fts_table_tokenize(FtsTable *table, int flags, const TableText *text, void *ctx,
                       TokenCallback *emit)
{
    if (text->text == NULL)
        return SQLITE_OK;
    return table->config.tokenizer_methods->xTokenize(table->config.tokenizer, ctx, flags,
                                                      text->text, text->size, text->locale,
                                                      text->locale_size, emit);
}

// --- transactions ---

static int table_begin(sqlite3_vtab *vtab)
{
    FtsTable *table = (FtsTable *)vtab;
    table->has_totals = false;
    table->index.has_merged_counter = false;
    return SQLITE_OK;
}

static int write_all(FtsTable *table, bool may_merge)
{
    // Whoever writes shadow rows here must not change what the user sees as the last rowid.
    i64 last = sqlite3_last_insert_rowid(table->config.db);
    int rc = fts_table_save_totals(table);
    if (rc == SQLITE_OK)
        rc = may_merge ? fts_index_flush(&table->index) : fts_index_write_pending(&table->index);
    sqlite3_set_last_insert_rowid(table->config.db, last);
    table->has_totals = table->has_changed_totals; // as long as they could not be saved
    return rc;
}

static int table_sync(sqlite3_vtab *vtab)
{
    return write_all((FtsTable *)vtab, true);
}

static int table_commit(sqlite3_vtab *vtab)
{
    (void)vtab;
    return SQLITE_OK;
}

static int table_rollback(sqlite3_vtab *vtab)
{
    FtsTable *table = (FtsTable *)vtab;
    if (!table->index.is_flushing) // what is being written goes when the writing returns
        pending_deinit(&table->index.pending);
    fts_index_forget(&table->index);
    table->config.is_loaded = false;
    table->has_totals = table->has_changed_totals = false;
    return SQLITE_OK;
}

// Merging waits for the commit: a savepoint that fails does not end the transaction.
static int table_savepoint(sqlite3_vtab *vtab, int number)
{
    (void)number;
    FtsTable *table = (FtsTable *)vtab;
    return write_all(table, fts_index_is_crowded(&table->index));
}

static int table_rollback_to(sqlite3_vtab *vtab, int number)
{
    (void)number;
    return table_rollback(vtab);
}

static int table_rename(sqlite3_vtab *vtab, const char *name)
{
    FtsTable *table = (FtsTable *)vtab;
    const FtsConfig *config = &table->config;
    TRY(table_sync(vtab));
    for (int i = 0; i < ARRAY_LEN(shadows); i++) {
        bool is_content = strcmp(shadows[i], "content") == 0;
        bool has_content =
            config->content == CONTENT_NORMAL || config->content == CONTENT_UNINDEXED;
        bool is_absent = (is_content && !has_content)
                         || (strcmp(shadows[i], "docsize") == 0 && !config->has_columnsize);
        if (!is_absent)
            TRY(run_sql(config->db,
                        sqlite3_mprintf("ALTER TABLE %Q.'%q_%q' RENAME TO '%q_%q'", config->db_name,
                                        config->name, shadows[i], name, shadows[i])));
    }
    return SQLITE_OK;
}

const sqlite3_module fts_table_module = {
    .iVersion = 3,
    .xCreate = table_create,
    .xConnect = table_connect,
    .xBestIndex = fts_cursor_best_index,
    .xDisconnect = table_disconnect,
    .xDestroy = table_destroy,
    .xOpen = fts_cursor_open,
    .xClose = fts_cursor_close,
    .xFilter = fts_cursor_filter,
    .xNext = fts_cursor_next,
    .xEof = fts_cursor_eof,
    .xColumn = fts_cursor_column,
    .xRowid = fts_cursor_rowid,
    .xUpdate = fts_table_update,
    .xBegin = table_begin,
    .xSync = table_sync,
    .xCommit = table_commit,
    .xRollback = table_rollback,
    .xFindFunction = fts_cursor_find_function,
    .xRename = table_rename,
    .xSavepoint = table_savepoint,
    .xRelease = table_savepoint,
    .xRollbackTo = table_rollback_to,
    .xShadowName = table_is_shadow,
};
