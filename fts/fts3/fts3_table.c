// One open table: its statements, its life, and what a transaction asks of it. See fts3_table.h.
#include "fts/fts3/fts3_table.h"

enum { NODE_SIZE_DEFAULT = 1000, PAGE_OVERHEAD = 35, PAGE_SIZE_MIN = 512 };

int fts3_error(Fts3Table *table, int rc, char *message)
{
    ASSERT(table != NULL);
    if (message != NULL) {
        sqlite3_free(table->base.zErrMsg);
        table->base.zErrMsg = message;
    }
    return rc;
}

int fts3_run(sqlite3 *db, char *sql)
{
    ASSERT(db != NULL);
    int rc = sql == NULL ? SQLITE_NOMEM : sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc;
}

int fts3_step_once(sqlite3_stmt *stmt)
{
    ASSERT(stmt != NULL);
    sqlite3_step(stmt);
    return sqlite3_reset(stmt);
}

i64 fts3_level_base(const Fts3Table *table, int language, int index)
{
    ASSERT(index >= 0 && index < table->index_count);
    return ((i64)language * table->index_count + index) * FTS3_LEVELS;
}

// --- statements ---

static void append_read(sqlite3_str *sql, const Fts3Table *table, int column)
{
    const char *name = table->columns[column];
    if (table->content == FTS3_CONTENT_EXTERNAL)
        sqlite3_str_appendf(sql, ",x.\"%w\"", name);
    else if (table->uncompress != NULL)
        sqlite3_str_appendf(sql, ",\"%w\"(x.\"c%d%w\")", table->uncompress, column, name);
    else
        sqlite3_str_appendf(sql, ",x.\"c%d%w\"", column, name);
}

char *fts3_read_text(const Fts3Table *table)
{
    ASSERT(table->column_count > 0);

    sqlite3_str *sql = sqlite3_str_new(table->db);
    bool is_own = table->content == FTS3_CONTENT_OWN;
    sqlite3_str_appendall(sql, is_own ? "SELECT x.docid" : "SELECT x.rowid");
    for (int i = 0; i < table->column_count; i++)
        append_read(sql, table, i);
    if (table->language_column == NULL)
        sqlite3_str_appendall(sql, ",0");
    else if (is_own)
        sqlite3_str_appendall(sql, ",x.langid");
    else
        sqlite3_str_appendf(sql, ",x.\"%w\"", table->language_column);
    if (is_own)
        sqlite3_str_appendf(sql, " FROM %Q.'%q_content' AS x", table->db_name, table->name);
    else
        sqlite3_str_appendf(sql, " FROM %Q.%Q AS x", table->db_name, table->content_table);
    return sqlite3_str_finish(sql);
}

static char *lookup_text(const Fts3Table *table)
{
    char *read = fts3_read_text(table);
    char *sql = read == NULL ? NULL : sqlite3_mprintf("%z WHERE rowid = ?1", read);
    return sql;
}

// ?1 is the docid, ?2... the columns, then the language.
static char *insert_text(const Fts3Table *table)
{
    ASSERT(table->content == FTS3_CONTENT_OWN);

    sqlite3_str *sql = sqlite3_str_new(table->db);
    sqlite3_str_appendf(sql, "INSERT INTO %Q.'%q_content' VALUES(?1", table->db_name, table->name);
    for (int i = 0; i < table->column_count; i++) {
        if (table->compress != NULL)
            sqlite3_str_appendf(sql, ",\"%w\"(?%d)", table->compress, i + 2);
        else
            sqlite3_str_appendf(sql, ",?%d", i + 2);
    }
    if (table->language_column != NULL)
        sqlite3_str_appendf(sql, ",?%d", table->column_count + 2);
    sqlite3_str_appendall(sql, ")");
    return sqlite3_str_finish(sql);
}

// %1 stands for the database, %2 for the table's name.
static const char *const stmt_texts[FTS3_STMT_COUNT] = {
    [FTS3_CONTENT_DELETE] = "DELETE FROM %Q.'%q_content' WHERE rowid = ?1",
    [FTS3_CONTENT_EXISTS] = "SELECT EXISTS(SELECT 1 FROM %Q.'%q_content' WHERE rowid != ?1)",
    [FTS3_BLOCK_READ] = "SELECT block FROM %Q.'%q_segments' WHERE blockid = ?1",
    [FTS3_BLOCK_WRITE] = "REPLACE INTO %Q.'%q_segments'(blockid, block) VALUES(?1, ?2)",
    [FTS3_BLOCK_NEXT] = "SELECT coalesce(max(blockid), 0) + 1 FROM %Q.'%q_segments'",
    [FTS3_BLOCKS_DELETE] = "DELETE FROM %Q.'%q_segments' WHERE blockid BETWEEN ?1 AND ?2",
    [FTS3_SEGMENT_LIST] = "SELECT level, idx, start_block, leaves_end_block, end_block, root FROM "
                          "%Q.'%q_segdir' WHERE level BETWEEN ?1 AND ?2 ORDER BY level, idx DESC",
    [FTS3_SEGMENT_WRITE] = "REPLACE INTO %Q.'%q_segdir' VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [FTS3_SEGMENT_DELETE] = "DELETE FROM %Q.'%q_segdir' WHERE level = ?1 AND idx = ?2",
    [FTS3_SEGMENT_COUNT] = "SELECT coalesce(max(idx), -1) + 1 FROM %Q.'%q_segdir' WHERE level = ?1",
    [FTS3_LEVEL_MAX] = "SELECT max(level) FROM %Q.'%q_segdir' WHERE level BETWEEN ?1 AND ?2",
    [FTS3_SEGMENT_SHIFT] = "UPDATE %Q.'%q_segdir' SET idx = ?1 WHERE level = ?2 AND idx = ?3",
    [FTS3_SEGMENT_TRIM] = "UPDATE %Q.'%q_segdir' SET start_block = ?1, root = ?2 "
                          "WHERE level = ?3 AND idx = ?4",
    [FTS3_SEGMENT_MOVE] = "UPDATE %Q.'%q_segdir' SET level = ?1, idx = ?2 "
                          "WHERE level = ?3 AND idx = ?4",
    [FTS3_DOCSIZE_READ] = "SELECT size FROM %Q.'%q_docsize' WHERE docid = ?1",
    [FTS3_DOCSIZE_WRITE] = "REPLACE INTO %Q.'%q_docsize' VALUES(?1, ?2)",
    [FTS3_DOCSIZE_DELETE] = "DELETE FROM %Q.'%q_docsize' WHERE docid = ?1",
    [FTS3_STAT_READ] = "SELECT value FROM %Q.'%q_stat' WHERE id = ?1",
    [FTS3_STAT_WRITE] = "REPLACE INTO %Q.'%q_stat' VALUES(?1, ?2)",
    [FTS3_LEVEL_FULL] = "SELECT level, count(*) AS cnt FROM %Q.'%q_segdir' GROUP BY level "
                        "HAVING cnt >= ?1 ORDER BY (level %% 1024) ASC, 2 DESC LIMIT 1",
    [FTS3_LEVEL_HIGHEST] = "SELECT coalesce(max(level %% 1024), 0) FROM %Q.'%q_segdir'",
    [FTS3_LANGUAGES] = "SELECT DISTINCT level / (1024 * ?1) FROM %Q.'%q_segdir'",
};

static char *stmt_text(const Fts3Table *table, Fts3Stmt which)
{
    if (which == FTS3_CONTENT_INSERT)
        return insert_text(table);
    if (which == FTS3_CONTENT_LOOKUP)
        return lookup_text(table);
    ASSERT(stmt_texts[which] != NULL);
    return sqlite3_mprintf(stmt_texts[which], table->db_name, table->name);
}

int fts3_stmt(Fts3Table *table, Fts3Stmt which, sqlite3_stmt **out)
{
    ASSERT(which < FTS3_STMT_COUNT);

    // Without a table to read from, there is nothing to say but that it cannot be done.
    if (which == FTS3_CONTENT_LOOKUP && table->content == FTS3_CONTENT_NONE)
        return SQLITE_ERROR;
    if (table->stmts[which] == NULL) {
        char *sql = stmt_text(table, which);
        if (sql == NULL)
            return SQLITE_NOMEM;
        int rc = sqlite3_prepare_v3(table->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    &table->stmts[which], NULL);
        sqlite3_free(sql);
        TRY(rc);
    }
    *out = table->stmts[which];
    return SQLITE_OK;
}

int fts3_blob_write(Fts3Table *table, Fts3Stmt which, i64 id, const FtsBuffer *bytes)
{
    ASSERT(which == FTS3_DOCSIZE_WRITE || which == FTS3_STAT_WRITE);

    sqlite3_stmt *stmt;
    TRY(bytes->rc);
    TRY(fts3_stmt(table, which, &stmt));
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_blob(stmt, 2, bytes->bytes, (int)bytes->size, SQLITE_STATIC);
    int rc = fts3_step_once(stmt);
    sqlite3_bind_null(stmt, 2);
    return rc;
}

int fts3_blob_read(Fts3Table *table, Fts3Stmt which, i64 id, FtsBuffer *out)
{
    ASSERT(which == FTS3_DOCSIZE_READ || which == FTS3_STAT_READ);

    sqlite3_stmt *stmt;
    fts_buffer_clear(out);
    TRY(fts3_stmt(table, which, &stmt));
    sqlite3_bind_int64(stmt, 1, id);
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        const void *blob = sqlite3_column_blob(stmt, 0);
        fts_buffer_append(out, blob, (u64)sqlite3_column_bytes(stmt, 0));
    }
    fts_buffer_pad(out);
    int rc = sqlite3_reset(stmt);
    return rc != SQLITE_OK ? rc : out->rc;
}

// --- life ---

void fts3_table_free(Fts3Table *table)
{
    ASSERT(table != NULL);

    for (int i = 0; i < FTS3_STMT_COUNT; i++)
        sqlite3_finalize(table->stmts[i]);
    for (int i = 0; i < table->index_count; i++)
        fts3_pending_deinit(&table->indexes[i].pending);
    for (int i = 0; i < table->column_count; i++)
        sqlite3_free(table->columns[i]);
    sqlite3_free(table->indexes);
    sqlite3_free(table->columns);
    sqlite3_free(table->is_unindexed);
    sqlite3_free(table->db_name);
    sqlite3_free(table->name);
    sqlite3_free(table->language_column);
    sqlite3_free(table->content_table);
    sqlite3_free(table->compress);
    sqlite3_free(table->uncompress);
    sqlite3_free(table->tokenizer_spec);
    fts3_tokenizer_free(table->tokenizer);
    sqlite3_free(table->base.zErrMsg);
    sqlite3_free(table);
}

int fts3_create_stat(Fts3Table *table)
{
    if (table->has_stat)
        return SQLITE_OK;
    TRY(fts3_flush(table)); // a new table is a statement of its own, as if the user had made it
    TRY(fts3_run(table->db,
                 sqlite3_mprintf("CREATE TABLE IF NOT EXISTS %Q.'%q_stat'(id INTEGER PRIMARY KEY, "
                                 "value BLOB)",
                                 table->db_name, table->name)));
    table->has_stat = true;
    ASSERT(table->stmts[FTS3_STAT_READ] == NULL || table->version == 3);
    return SQLITE_OK;
}

static int create_content(Fts3Table *table)
{
    ASSERT(table->content == FTS3_CONTENT_OWN);

    sqlite3_str *sql = sqlite3_str_new(table->db);
    sqlite3_str_appendf(sql, "CREATE TABLE %Q.'%q_content'(docid INTEGER PRIMARY KEY",
                        table->db_name, table->name);
    for (int i = 0; i < table->column_count; i++)
        sqlite3_str_appendf(sql, ", 'c%d%q'", i, table->columns[i]);
    if (table->language_column != NULL)
        sqlite3_str_appendall(sql, ", langid");
    sqlite3_str_appendall(sql, ")");
    return fts3_run(table->db, sqlite3_str_finish(sql));
}

static int create_shadows(Fts3Table *table)
{
    ASSERT(table->name != NULL);

    const char *in = table->db_name;
    const char *name = table->name;
    if (table->content == FTS3_CONTENT_OWN)
        TRY(create_content(table));
    TRY(fts3_run(table->db, sqlite3_mprintf("CREATE TABLE %Q.'%q_segments'(blockid INTEGER PRIMARY "
                                            "KEY, block BLOB)",
                                            in, name)));
    TRY(fts3_run(table->db,
                 sqlite3_mprintf("CREATE TABLE %Q.'%q_segdir'(level INTEGER,idx INTEGER,"
                                 "start_block INTEGER,leaves_end_block INTEGER,end_block INTEGER,"
                                 "root BLOB,PRIMARY KEY(level, idx))",
                                 in, name)));
    if (table->has_docsize)
        TRY(fts3_run(table->db, sqlite3_mprintf("CREATE TABLE %Q.'%q_docsize'(docid INTEGER "
                                                "PRIMARY KEY, size BLOB)",
                                                in, name)));
    bool has_stat = table->has_stat;
    table->has_stat = false;
    return has_stat ? fts3_create_stat(table) : SQLITE_OK;
}

static int declare(const Fts3Table *table)
{
    ASSERT(table->column_count > 0);

    const char *language = table->language_column == NULL ? "__langid" : table->language_column;
    sqlite3_str *sql = sqlite3_str_new(table->db);
    sqlite3_str_appendall(sql, "CREATE TABLE x(");
    for (int i = 0; i < table->column_count; i++)
        sqlite3_str_appendf(sql, "%Q, ", table->columns[i]);
    sqlite3_str_appendf(sql, "%Q HIDDEN, docid HIDDEN, %Q HIDDEN)", table->name, language);
    char *text = sqlite3_str_finish(sql);
    int rc = text == NULL ? SQLITE_NOMEM : sqlite3_declare_vtab(table->db, text);
    sqlite3_free(text);
    return rc;
}

// A node is to fit on a page of the database.
static int find_node_size(Fts3Table *table)
{
    table->node_size = NODE_SIZE_DEFAULT;
    char *sql = sqlite3_mprintf("PRAGMA %Q.page_size", table->db_name);
    if (sql == NULL)
        return SQLITE_NOMEM;
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(table->db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    TRY(rc);
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        int page_size = sqlite3_column_int(stmt, 0);
        if (page_size >= PAGE_SIZE_MIN)
            table->node_size = (u32)page_size - PAGE_OVERHEAD;
    }
    ASSERT(table->node_size > 0);
    return sqlite3_finalize(stmt);
}

// FTS3 tables get a %_stat when a merge needs one.
static int look_for_stat(Fts3Table *table)
{
    if (table->version == 4)
        return SQLITE_OK;
    ASSERT(!table->has_docsize);
    char *name = sqlite3_mprintf("%s_stat", table->name);
    if (name == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_table_column_metadata(table->db, table->db_name, name, NULL, NULL, NULL, NULL,
                                           NULL, NULL);
    sqlite3_free(name);
    table->has_stat = rc == SQLITE_OK;
    return rc == SQLITE_ERROR ? SQLITE_OK : rc; // which says that there is none
}

static int table_open(Fts3Table *table, const Fts3Modules *modules, bool is_new, char **message)
{
    ASSERT(table->index_count > 0);

    const char *spec = table->tokenizer_spec == NULL ? "simple" : table->tokenizer_spec;
    TRY(fts3_tokenizer_make(modules->tokenizers, spec, &table->tokenizer, message));
    if (is_new)
        TRY(create_shadows(table));
    else
        TRY(look_for_stat(table));
    TRY(find_node_size(table));
    table->automerge = -1;
    TRY(declare(table));
    sqlite3_vtab_config(table->db, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1);
    return sqlite3_vtab_config(table->db, SQLITE_VTAB_INNOCUOUS);
}

typedef struct Opening {
    const Fts3Modules *modules;
    int arg_count;
    const char *const *args;
    bool is_new;
} Opening;

static int open_any(sqlite3 *db, const Opening *opening, sqlite3_vtab **out, char **message)
{
    Fts3Table *table = fts_zalloc(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    table->db = db;
    table->version = opening->modules->version;
    ASSERT(table->version == 3 || table->version == 4);
    int rc = fts3_table_configure(table, opening->arg_count, opening->args, message);
    if (rc == SQLITE_OK)
        rc = table_open(table, opening->modules, opening->is_new, message);
    if (rc != SQLITE_OK) {
        fts3_table_free(table);
        return rc;
    }
    *out = &table->base;
    return SQLITE_OK;
}

static int table_create(sqlite3 *db, void *user_data, int arg_count, const char *const *args,
                        sqlite3_vtab **out, char **message)
{
    Opening opening = {user_data, arg_count, args, true};
    return open_any(db, &opening, out, message);
}

static int table_connect(sqlite3 *db, void *user_data, int arg_count, const char *const *args,
                         sqlite3_vtab **out, char **message)
{
    Opening opening = {user_data, arg_count, args, false};
    return open_any(db, &opening, out, message);
}

static int table_disconnect(sqlite3_vtab *vtab)
{
    fts3_table_free((Fts3Table *)vtab);
    return SQLITE_OK;
}

static const char *const shadows[] = {"content", "segments", "segdir", "docsize", "stat"};

static int table_destroy(sqlite3_vtab *vtab)
{
    Fts3Table *table = (Fts3Table *)vtab;
    ASSERT(table->name != NULL);
    // A statement that is still prepared would keep nothing, but it would have to be made anew.
    for (int i = 0; i < ARRAY_LEN(shadows); i++)
        TRY(fts3_run(table->db, sqlite3_mprintf("DROP TABLE IF EXISTS %Q.'%q_%q'", table->db_name,
                                                table->name, shadows[i])));
    fts3_table_free(table);
    return SQLITE_OK;
}

static int table_is_shadow(const char *name)
{
    ASSERT(name != NULL);
    for (int i = 0; i < ARRAY_LEN(shadows); i++) {
        if (sqlite3_stricmp(name, shadows[i]) == 0)
            return 1;
    }
    return 0;
}

// --- transactions ---

static int table_begin(sqlite3_vtab *vtab)
{
    Fts3Table *table = (Fts3Table *)vtab;
    ASSERT(table->indexes[0].pending.term_count == 0);
    table->leaves_written = 0;
    return look_for_stat(table);
}

// Flushes, and does the merging a commit owes if asked.
static int write_pending(Fts3Table *table, bool is_commit)
{
    // Whoever writes shadow rows here must not change what the user sees as the last rowid.
    i64 last = sqlite3_last_insert_rowid(table->db);
    ASSERT(table->own_writes == 0);
    table->own_writes++;
    int rc = fts3_flush(table);
    if (rc == SQLITE_OK && is_commit)
        rc = fts3_automerge(table);
    table->own_writes--;
    sqlite3_set_last_insert_rowid(table->db, last);
    return rc;
}

static int table_sync(sqlite3_vtab *vtab)
{
    return write_pending((Fts3Table *)vtab, true);
}

static int table_commit(sqlite3_vtab *vtab)
{
    ASSERT(((Fts3Table *)vtab)->indexes[0].pending.term_count == 0);
    (void)vtab;
    return SQLITE_OK;
}

static int table_rollback(sqlite3_vtab *vtab)
{
    Fts3Table *table = (Fts3Table *)vtab;
    ASSERT(table->index_count > 0);
    fts3_forget_pending(table);
    table->automerge = -1;
    if (table->version == 3) // what made it may be undone; the next transaction looks
        table->has_stat = false;
    return SQLITE_OK;
}

// What is pending belongs to what a savepoint keeps: it goes to the shadow tables, which roll back.
static int table_savepoint(sqlite3_vtab *vtab, int number)
{
    (void)number;
    Fts3Table *table = (Fts3Table *)vtab;
    return table->own_writes > 0 ? SQLITE_OK : write_pending(table, false);
}

static int table_release(sqlite3_vtab *vtab, int number)
{
    (void)vtab, (void)number;
    return SQLITE_OK;
}

static int table_rollback_to(sqlite3_vtab *vtab, int number)
{
    (void)number;
    return ((Fts3Table *)vtab)->own_writes > 0 ? SQLITE_OK : table_rollback(vtab);
}

static int table_rename(sqlite3_vtab *vtab, const char *name)
{
    Fts3Table *table = (Fts3Table *)vtab;
    TRY(write_pending(table, false));
    ASSERT(table->indexes[0].pending.term_count == 0);
    for (int i = 0; i < ARRAY_LEN(shadows); i++) {
        bool is_absent = (i == 0 && table->content != FTS3_CONTENT_OWN)
                         || (i == 3 && !table->has_docsize) || (i == 4 && !table->has_stat);
        if (!is_absent)
            TRY(fts3_run(table->db,
                         sqlite3_mprintf("ALTER TABLE %Q.'%q_%q' RENAME TO '%q_%q'", table->db_name,
                                         table->name, shadows[i], name, shadows[i])));
    }
    return SQLITE_OK;
}

static int table_integrity(sqlite3_vtab *vtab, const char *schema, const char *name, int flags,
                           char **message)
{
    (void)flags;
    Fts3Table *table = (Fts3Table *)vtab;
    bool is_ok = true;
    int rc = fts3_check(table, &is_ok);
    ASSERT(message != NULL);
    if (rc == FTS_CORRUPT || (rc == SQLITE_OK && !is_ok)) {
        *message = sqlite3_mprintf("malformed inverted index for FTS%d table %s.%s", table->version,
                                   schema, name);
        return *message == NULL ? SQLITE_NOMEM : SQLITE_OK;
    }
    if (rc == SQLITE_ERROR && table->content != FTS3_CONTENT_OWN)
        return SQLITE_OK; // nothing to compare the index to
    return rc;
}

const sqlite3_module fts3_table_module = {
    .iVersion = 4,
    .xCreate = table_create,
    .xConnect = table_connect,
    .xBestIndex = fts3_best_index,
    .xDisconnect = table_disconnect,
    .xDestroy = table_destroy,
    .xOpen = fts3_cursor_open,
    .xClose = fts3_cursor_close,
    .xFilter = fts3_cursor_filter,
    .xNext = fts3_cursor_next,
    .xEof = fts3_cursor_eof,
    .xColumn = fts3_cursor_column,
    .xRowid = fts3_cursor_rowid,
    .xUpdate = fts3_table_update,
    .xBegin = table_begin,
    .xSync = table_sync,
    .xCommit = table_commit,
    .xRollback = table_rollback,
    .xFindFunction = fts3_find_function,
    .xRename = table_rename,
    .xSavepoint = table_savepoint,
    .xRelease = table_release,
    .xRollbackTo = table_rollback_to,
    .xShadowName = table_is_shadow,
    .xIntegrity = table_integrity,
};
