// The index's tables, triggers and statements. Layouts: vector_index.h.
#include "vector/index/index_prefix.h"
#include "vector/module_store.h"

int index_fail(Index *index, int rc, const char *format, ...)
{
    ASSERT(index != NULL);

    va_list args;
    va_start(args, format);
    rc = module_fail(&index->base, rc, format, args);
    va_end(args);
    return rc;
}

int index_corrupt(Index *index, const char *what)
{
    ASSERT(what != NULL);

    sqlite3_log(SQLITE_CORRUPT_VTAB, "vector index %s: %s", index->config.name, what);
    return index_fail(index, SQLITE_CORRUPT_VTAB,
                      "vector index \"%s\" is damaged: %s; INSERT INTO \"%w\"(\"%w\") "
                      "VALUES('rebuild') makes it anew",
                      index->config.name, what, index->config.name,
                      index_command_column(index->config.name));
}

// --- statements ---

// %1 and so on do not exist in sqlite3_mprintf(), so every text takes schema and name, in that
// order, and those that read the table are listed apart.
static const char *const own_sql[STORE_COUNT] = {
    [STORE_META_READ] = "SELECT value FROM \"%w\".\"%w_meta\" WHERE key = ?1",
    [STORE_META_WRITE] = "REPLACE INTO \"%w\".\"%w_meta\"(key, value) VALUES(?1, ?2)",
    [STORE_LIST_DELETE] = "DELETE FROM \"%w\".\"%w_lists\" WHERE id = ?1",
    [STORE_BLOCKS_READ] =
        "SELECT id, data FROM \"%w\".\"%w_blocks\" WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
    [STORE_BLOCK_TAIL] = "SELECT id, data FROM \"%w\".\"%w_blocks\" WHERE id BETWEEN ?1 AND ?2"
                         " ORDER BY id DESC LIMIT 1",
    [STORE_BLOCK_WRITE] = "REPLACE INTO \"%w\".\"%w_blocks\"(id, data) VALUES(?1, ?2)",
    [STORE_BLOCKS_DELETE] = "DELETE FROM \"%w\".\"%w_blocks\" WHERE id BETWEEN ?1 AND ?2",
    [STORE_MAP_READ] = "SELECT data FROM \"%w\".\"%w_map\" WHERE id = ?1",
    [STORE_MAP_WRITE] = "REPLACE INTO \"%w\".\"%w_map\"(id, data) VALUES(?1, ?2)",
    [STORE_MAP_DELETE] = "DELETE FROM \"%w\".\"%w_map\" WHERE id = ?1",
    [STORE_QUEUE_READ] = "SELECT seq, id FROM \"%w\".\"%w_queue\" ORDER BY seq LIMIT ?1",
    [STORE_QUEUE_DELETE] = "DELETE FROM \"%w\".\"%w_queue\" WHERE seq <= ?1",
    [STORE_SCHEMA_VERSION] = "PRAGMA \"%w\".schema_version",
};

static char *table_sql(const Index *index, StoreStatement which)
{
    const IndexConfig *c = &index->config;
    switch (which) {
    case STORE_ROW_READ:
        return sqlite3_mprintf("SELECT \"%w\" FROM \"%w\".\"%w\" WHERE %s = ?1", c->column,
                               c->schema, c->table, c->rowid);
    case STORE_ROWS_READ:
        return sqlite3_mprintf("SELECT %s, \"%w\" FROM \"%w\".\"%w\" ORDER BY %s", c->rowid,
                               c->column, c->schema, c->table, c->rowid);
    case STORE_ROWS_COUNT: // as far as it matters for the tier
        return sqlite3_mprintf("SELECT count(*) FROM (SELECT 1 FROM \"%w\".\"%w\""
                               " WHERE \"%w\" IS NOT NULL LIMIT ?1)",
                               c->schema, c->table, c->column);
    case STORE_ROWID_MAX:
        return sqlite3_mprintf("SELECT max(%s) FROM \"%w\".\"%w\"", c->rowid, c->schema, c->table);
    case STORE_TRIGGERS_READ:
        return sqlite3_mprintf("SELECT name, sql FROM \"%w\".sqlite_schema WHERE type = 'trigger'"
                               " AND tbl_name = %Q COLLATE nocase",
                               c->schema, c->table);
    case STORE_LISTS_READ:
        return sqlite3_mprintf("SELECT id, data%s FROM \"%w\".\"%w_lists\" ORDER BY %sid",
                               c->prefix_count > 0 ? ", \"group\"" : "", c->schema, c->name,
                               c->prefix_count > 0 ? "\"group\", " : "");
    case STORE_LIST_WRITE:
        return sqlite3_mprintf("REPLACE INTO \"%w\".\"%w_lists\"(id, data%s) VALUES(?1, ?2%s)",
                               c->schema, c->name, c->prefix_count > 0 ? ", \"group\"" : "",
                               c->prefix_count > 0 ? ", ?3" : "");
    default: return sqlite3_mprintf(own_sql[which], c->schema, c->name);
    }
}

int store_statement(Index *index, StoreStatement which, sqlite3_stmt **out)
{
    ASSERT((int)which < STORE_COUNT);

    sqlite3_stmt **stmt = &index->statements[which];
    int rc = SQLITE_OK;
    if (*stmt == NULL)
        rc = module_statement(index->db,
                              (int)which >= STORE_PREFIX_FIRST ? prefix_sql(index, which)
                                                               : table_sql(index, which),
                              stmt);
    *out = *stmt;
    return rc == SQLITE_OK || rc == SQLITE_NOMEM
               ? rc
               : index_fail(index, rc, "%s", sqlite3_errmsg(index->db));
}

void store_finalize(Index *index)
{
    ASSERT(index != NULL);
    module_finalize(index->statements, STORE_COUNT);
}

int store_meta_read(Index *index, i64 key, u8 **value, size_t *size)
{
    sqlite3_stmt *stmt;
    TRY(store_statement(index, STORE_META_READ, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, key));
    *value = NULL;
    *size = 0;
    int rc = SQLITE_OK;
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        const void *blob = sqlite3_column_blob(stmt, 0);
        *size = (size_t)sqlite3_column_bytes(stmt, 0);
        *value = sqlite3_malloc64(*size + 1);
        if (*value == NULL || (blob == NULL && *size > 0))
            rc = SQLITE_NOMEM;
        else if (*size > 0)
            memcpy(*value, blob, *size);
    }
    int end = sqlite3_reset(stmt);
    return rc != SQLITE_OK ? rc : end;
}

int store_meta_write(Index *index, i64 key, const void *value, size_t size)
{
    ASSERT(value != NULL);

    sqlite3_stmt *stmt;
    TRY(store_statement(index, STORE_META_WRITE, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, key));
    TRY(sqlite3_bind_blob64(stmt, 2, value, size, SQLITE_STATIC));
    return module_run(stmt);
}

int store_number(Index *index, StoreStatement which, i64 *value, bool *found)
{
    sqlite3_stmt *stmt;
    TRY(store_statement(index, which, &stmt));
    *found = sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL;
    *value = *found ? sqlite3_column_int64(stmt, 0) : 0;
    return sqlite3_reset(stmt);
}

int store_exec(Index *index, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_exec(index->db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc == SQLITE_OK ? rc : index_fail(index, rc, "%s", sqlite3_errmsg(index->db));
}

// --- creation ---

// Plain SQL throughout, so that a library without this module can go on writing to the table.
static int create_triggers(Index *index)
{
    const IndexConfig *c = &index->config;
    TRY(store_exec(index,
                   "CREATE TRIGGER \"%w\".\"%w_insert\" AFTER INSERT ON \"%w\""
                   " BEGIN INSERT INTO \"%w_queue\"(id) VALUES(new.%s); END",
                   c->schema, c->name, c->table, c->name, c->rowid));
    TRY(store_exec(index,
                   "CREATE TRIGGER \"%w\".\"%w_delete\" AFTER DELETE ON \"%w\""
                   " BEGIN INSERT INTO \"%w_queue\"(id) VALUES(old.%s); END",
                   c->schema, c->name, c->table, c->name, c->rowid));
    char *change = prefix_change_sql(c);
    if (change == NULL)
        return SQLITE_NOMEM;
    int rc = store_exec(index,
                        "CREATE TRIGGER \"%w\".\"%w_update\" AFTER UPDATE ON \"%w\""
                        " WHEN %s OR old.%s <> new.%s"
                        " BEGIN INSERT INTO \"%w_queue\"(id) VALUES(old.%s);"
                        " INSERT INTO \"%w_queue\"(id) SELECT new.%s WHERE old.%s <> new.%s; END",
                        c->schema, c->name, c->table, change, c->rowid, c->rowid, c->name, c->rowid,
                        c->name, c->rowid, c->rowid, c->rowid);
    sqlite3_free(change);
    return rc;
}

static const char *const table_columns[][2] = {
    {"meta", "key INTEGER PRIMARY KEY, value BLOB"},
    {"lists", "id INTEGER PRIMARY KEY, data BLOB"},
    {"blocks", "id INTEGER PRIMARY KEY, data BLOB"},
    {"map", "id INTEGER PRIMARY KEY, data BLOB"},
    {"queue", "seq INTEGER PRIMARY KEY, id INTEGER"},
};
enum { LISTS_TABLE = 1 }; // of those
static const char *const trigger_names[] = {"insert", "delete", "update"};

int store_create(Index *index)
{
    const IndexConfig *c = &index->config;
    ASSERT(c->table != NULL);

    for (int i = 0; i < ARRAY_LEN(table_columns); i++)
        TRY(store_exec(index, "CREATE TABLE \"%w\".\"%w_%s\"(%s%s)", c->schema, c->name,
                       table_columns[i][0], table_columns[i][1],
                       c->prefix_count > 0 && i == LISTS_TABLE ? ", \"group\" INTEGER" : ""));
    if (c->prefix_count > 0)
        TRY(prefix_create_groups(index));
    return create_triggers(index);
}

int store_drop(Index *index)
{
    const IndexConfig *c = &index->config;
    store_finalize(index); // or the tables would be in use
    for (int i = 0; i < ARRAY_LEN(trigger_names); i++)
        TRY(store_exec(index, "DROP TRIGGER IF EXISTS \"%w\".\"%w_%s\"", c->schema, c->name,
                       trigger_names[i]));
    for (int i = 0; i < ARRAY_LEN(table_columns); i++)
        TRY(store_exec(index, "DROP TABLE IF EXISTS \"%w\".\"%w_%s\"", c->schema, c->name,
                       table_columns[i][0]));
    if (c->prefix_count > 0)
        TRY(store_exec(index, "DROP TABLE IF EXISTS \"%w\".\"%w_groups\"", c->schema, c->name));
    return SQLITE_OK;
}

int store_rename(Index *index, const char *new_name)
{
    IndexConfig *c = &index->config;
    char *name = sqlite3_mprintf("%s", new_name);
    if (name == NULL)
        return SQLITE_NOMEM;
    store_finalize(index);
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && i < ARRAY_LEN(trigger_names); i++)
        rc = store_exec(index, "DROP TRIGGER IF EXISTS \"%w\".\"%w_%s\"", c->schema, c->name,
                        trigger_names[i]);
    for (int i = 0; rc == SQLITE_OK && i < ARRAY_LEN(table_columns); i++)
        rc = store_exec(index, "ALTER TABLE \"%w\".\"%w_%s\" RENAME TO \"%w_%s\"", c->schema,
                        c->name, table_columns[i][0], name, table_columns[i][0]);
    if (rc == SQLITE_OK && c->prefix_count > 0)
        rc = store_exec(index, "ALTER TABLE \"%w\".\"%w_groups\" RENAME TO \"%w_groups\"",
                        c->schema, c->name, name);
    if (rc != SQLITE_OK) {
        sqlite3_free(name);
        return rc;
    }
    sqlite3_free(c->name);
    c->name = name;
    return create_triggers(index);
}
