// Changing a table: rows in and out, and the special INSERTs.
#include "fts/fts_table.h"
#include "fts/segment_merge.h"

typedef struct Indexing {
    FtsTable *table;
    u32 column;
    i64 position; // of the last token; -1 before the first
    int rc;
} Indexing;

// The first `count` characters of a token; 0: it has fewer.
static u32 prefix_size(const char *token, u32 size, int count)
{
    u32 at = 0;
    for (int i = 0; i < count; i++) {
        if (at >= size)
            return 0;
        if ((u8)token[at++] < 0xC0)
            continue;
        if (at >= size)
            return 0; // a broken character at the end
        while (at < size && ((u8)token[at] & 0xC0) == 0x80)
            at++;
    }
    return at;
}

// wide: the signature is the public interface's
static int add_token(void *ctx, int flags, const char *token, int token_size, int start, int end)
{
    (void)start, (void)end;
    Indexing *indexing = ctx;
    FtsTable *table = indexing->table;
    u32 size = token_size > TOKEN_SIZE_MAX ? TOKEN_SIZE_MAX : (u32)token_size;
    u8 key[TOKEN_SIZE_MAX + 1];
    if ((flags & FTS5_TOKEN_COLOCATED) == 0 || indexing->position < 0)
        indexing->position++;
    memcpy(key + 1, token, size);
    key[0] = '0';
    FtsDetail detail = table->config.detail;
    u32 position = (u32)indexing->position;
    TRY(pending_add(&table->index.pending, detail, key, size + 1, indexing->column, position));
    for (int i = 0; i < table->config.prefix_count; i++) {
        u32 part = prefix_size(token, size, table->config.prefix_lengths[i]);
        key[0] = (u8)('1' + i);
        if (part > 0)
            TRY(pending_add(&table->index.pending, detail, key, part + 1, indexing->column,
                            position));
    }
    return SQLITE_OK;
}

// Tokens of all columns, into the index or out of it; lengths gets how many each has.
int fts_table_index_values(FtsTable *table, i64 rowid, bool is_delete, sqlite3_value **values,
                           u32 *lengths)
{
    Indexing indexing = {.table = table};
    pending_begin_row(&table->index.pending, rowid, is_delete);
    for (int i = 0; i < table->config.column_count; i++) {
        lengths[i] = 0;
        if (table->config.is_unindexed[i])
            continue;
        TableText text;
        fts_table_text(table, values[i], &text);
        indexing.column = (u32)i;
        indexing.position = -1;
        TRY(fts_table_tokenize(table, FTS5_TOKENIZE_DOCUMENT, &text, &indexing, add_token));
        lengths[i] = (u32)(indexing.position + 1);
    }
    table->index.generation++;
    return SQLITE_OK;
}

static int add_to_totals(FtsTable *table, const u32 *lengths, int sign)
{
    table->row_count += sign;
    table->has_changed_totals = true;
    for (int i = 0; i < table->config.column_count; i++) {
        table->token_totals[i] += sign * (i64)lengths[i];
        if (table->token_totals[i] < 0)
            return FTS_CORRUPT;
    }
    return table->row_count < 0 ? FTS_CORRUPT : SQLITE_OK;
}

static int step_once(sqlite3_stmt *stmt)
{
    sqlite3_step(stmt);
    return sqlite3_reset(stmt);
}

static int write_docsize(FtsTable *table, i64 rowid, const u32 *lengths)
{
    if (!table->config.has_columnsize)
        return SQLITE_OK;
    FtsBuffer bytes = {0};
    sqlite3_stmt *stmt;
    for (int i = 0; i < table->config.column_count; i++)
        fts_buffer_append_varint(&bytes, lengths[i]);
    int rc = bytes.rc;
    if (rc == SQLITE_OK)
        rc = fts_table_stmt(table, STMT_DOCSIZE_WRITE, &stmt);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(stmt, 1, rowid);
        sqlite3_bind_blob(stmt, 2, bytes.bytes, (int)bytes.size, SQLITE_STATIC);
        if (table->config.has_contentless_delete)
            sqlite3_bind_int64(stmt, 3, (i64)table->index.structure.origin);
        rc = step_once(stmt);
        sqlite3_bind_null(stmt, 2);
    }
    u64 total = 0;
    for (int i = 0; i < table->config.column_count; i++)
        total += lengths[i];
    doc_lengths_note(&table->lengths, rowid, (u32)total);
    fts_buffer_deinit(&bytes);
    return rc;
}

// --- rows out ---

static int delete_by_origin(FtsTable *table, i64 rowid)
{
    sqlite3_stmt *stmt;
    TRY(fts_table_stmt(table, STMT_DOCSIZE_READ, &stmt));
    sqlite3_bind_int64(stmt, 1, rowid);
    bool is_found = sqlite3_step(stmt) == SQLITE_ROW;
    u64 origin = is_found ? (u64)sqlite3_column_int64(stmt, 1) : 0;
    TRY(sqlite3_reset(stmt));
    if (!is_found)
        return SQLITE_OK;
    // As FTS5 does, the totals keep counting the row: ranking must be the same by either.
    TRY(fts_index_flush(&table->index));
    return fts_index_entomb(&table->index, rowid, origin);
}

static int delete_by_values(FtsTable *table, i64 rowid, sqlite3_value **values, u32 *lengths)
{
    if (values != NULL) {
        TRY(fts_table_index_values(table, rowid, true, values, lengths));
        return add_to_totals(table, lengths, -1);
    }
    sqlite3_stmt *stmt;
    sqlite3_value **row = fts_zalloc(sizeof *row * ((u64)table->config.column_count + 1));
    int rc = row == NULL ? SQLITE_NOMEM : fts_table_stmt(table, STMT_CONTENT_LOOKUP, &stmt);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(stmt, 1, rowid);
        if (sqlite3_step(stmt) == SQLITE_ROW) {
            for (int i = 0; i < table->config.column_count; i++)
                row[i] = sqlite3_column_value(stmt, i + 1);
            rc = fts_table_index_values(table, rowid, true, row, lengths);
            if (rc == SQLITE_OK)
                rc = add_to_totals(table, lengths, -1);
        }
        int reset_rc = sqlite3_reset(stmt);
        rc = rc == SQLITE_OK ? reset_rc : rc;
    }
    sqlite3_free(row);
    return rc;
}

static int delete_row(FtsTable *table, i64 rowid, sqlite3_value **values)
{
    const FtsConfig *config = &table->config;
    sqlite3_stmt *stmt;
    u32 *lengths = fts_zalloc(sizeof(u32) * ((u64)config->column_count + 1));
    if (lengths == NULL)
        return SQLITE_NOMEM;
    int rc = fts_table_totals(table);
    if (rc == SQLITE_OK)
        rc = config->has_contentless_delete ? delete_by_origin(table, rowid)
                                            : delete_by_values(table, rowid, values, lengths);
    sqlite3_free(lengths);
    TRY(rc);
    if (config->has_columnsize) {
        TRY(fts_table_stmt(table, STMT_DOCSIZE_DELETE, &stmt));
        sqlite3_bind_int64(stmt, 1, rowid);
        doc_lengths_note_gone(&table->lengths, rowid);
        TRY(step_once(stmt));
    }
    if (config->content != CONTENT_NORMAL && config->content != CONTENT_UNINDEXED)
        return SQLITE_OK;
    TRY(fts_table_stmt(table, STMT_CONTENT_DELETE, &stmt));
    sqlite3_bind_int64(stmt, 1, rowid);
    return step_once(stmt);
}

// --- rows in ---

static int flush_if_large(FtsTable *table)
{
    if (table->index.pending.size < (u64)table->config.hashsize)
        return SQLITE_OK;
    return fts_index_flush(&table->index);
}

static int index_row(FtsTable *table, i64 rowid, sqlite3_value **values)
{
    u32 *lengths = fts_zalloc(sizeof(u32) * ((u64)table->config.column_count + 1));
    if (lengths == NULL)
        return SQLITE_NOMEM;
    int rc = fts_table_totals(table);
    if (rc == SQLITE_OK)
        rc = fts_table_index_values(table, rowid, false, values, lengths);
    if (rc == SQLITE_OK)
        rc = write_docsize(table, rowid, lengths);
    if (rc == SQLITE_OK)
        rc = add_to_totals(table, lengths, 1);
    sqlite3_free(lengths);
    return rc == SQLITE_OK ? flush_if_large(table) : rc;
}

static int store_content(FtsTable *table, TableStmt how, sqlite3_value *id, sqlite3_value **values)
{
    const FtsConfig *config = &table->config;
    sqlite3_stmt *stmt;
    TRY(fts_table_stmt(table, how, &stmt));
    sqlite3_bind_value(stmt, 1, id);
    int bind_count = sqlite3_bind_parameter_count(stmt);
    for (int i = 0; i < config->column_count && i + 2 <= bind_count; i++) {
        TableText text;
        if (!fts_table_locale_text(table, values[i], &text)) {
            sqlite3_bind_value(stmt, i + 2, values[i]);
            if (i + 2 + config->column_count <= bind_count)
                sqlite3_bind_null(stmt, i + 2 + config->column_count);
            continue;
        }
        sqlite3_bind_text(stmt, i + 2, text.text, text.size, SQLITE_TRANSIENT);
        sqlite3_bind_text(stmt, i + 2 + config->column_count, text.locale, text.locale_size,
                          SQLITE_TRANSIENT);
    }
    sqlite3_step(stmt);
    int rc = sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return rc;
}

static int free_rowid(FtsTable *table, sqlite3_int64 *rowid)
{
    char *source = sqlite3_mprintf("SELECT max(id) FROM %Q.'%q_docsize'", table->config.db_name,
                                   table->config.name);
    sqlite3_stmt *stmt = NULL;
    int rc = source == NULL ? SQLITE_NOMEM
                            : sqlite3_prepare_v2(table->config.db, source, -1, &stmt, NULL);
    sqlite3_free(source);
    if (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        *rowid = sqlite3_column_int64(stmt, 0) + 1;
    int final_rc = sqlite3_finalize(stmt);
    return rc == SQLITE_OK ? final_rc : rc;
}

static int insert_row(FtsTable *table, sqlite3_value *id, sqlite3_value **values,
                      sqlite3_int64 *rowid)
{
    const FtsConfig *config = &table->config;
    bool is_given = sqlite3_value_type(id) != SQLITE_NULL;
    bool replaces = sqlite3_vtab_on_conflict(config->db) == SQLITE_REPLACE;
    if (is_given && sqlite3_value_numeric_type(id) != SQLITE_INTEGER)
        return SQLITE_MISMATCH;
    if (is_given)
        *rowid = sqlite3_value_int64(id);
    // A contentless row that exists is never an error; the old one must not be found any more.
    if (is_given
        && ((replaces && config->content == CONTENT_NORMAL) || config->has_contentless_delete))
        TRY(delete_row(table, *rowid, NULL));
    if (config->content == CONTENT_NORMAL || config->content == CONTENT_UNINDEXED) {
        TRY(store_content(table, STMT_CONTENT_INSERT, id, values));
        *rowid = sqlite3_last_insert_rowid(config->db);
    } else if (!is_given) {
        TRY(free_rowid(table, rowid));
    }
    return index_row(table, *rowid, values);
}

// --- special INSERTs ---

static int store_setting(FtsTable *table, const char *key, sqlite3_value *value)
{
    sqlite3_stmt *stmt;
    TRY(fts_table_stmt(table, STMT_CONFIG_WRITE, &stmt));
    sqlite3_bind_text(stmt, 1, key, -1, SQLITE_TRANSIENT);
    if (value != NULL)
        sqlite3_bind_value(stmt, 2, value);
    else
        sqlite3_bind_int(stmt, 2, 4);
    sqlite3_step(stmt);
    int rc = sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
    return rc;
}

static int set_option(FtsTable *table, const char *key, sqlite3_value *value)
{
    bool is_known;
    TRY(fts_config_set(&table->config, key, value, &is_known));
    if (!is_known)
        return SQLITE_ERROR;
    TRY(store_setting(table, key, value));
    table->index.structure.cookie++;
    table->config.cookie = table->index.structure.cookie;
    return fts_index_save_structure(&table->index);
}

static int wipe(FtsTable *table)
{
    FtsIndex *index = &table->index;
    TRY(fts_config_set_version(&table->config, VERSION_PLAIN, &index->structure.cookie));
    TRY(fts_index_reset(index));
    if (table->config.has_columnsize) {
        char *sql = sqlite3_mprintf("DELETE FROM %Q.'%q_docsize'", table->config.db_name,
                                    table->config.name);
        int rc = sql == NULL ? SQLITE_NOMEM : sqlite3_exec(table->config.db, sql, NULL, NULL, NULL);
        sqlite3_free(sql);
        TRY(rc);
    }
    doc_lengths_deinit(&table->lengths);
    memset(table->token_totals, 0, sizeof(i64) * (size_t)table->config.column_count);
    table->row_count = 0;
    table->has_totals = table->has_changed_totals = true;
    return SQLITE_OK;
}

static int index_all_rows(FtsTable *table, sqlite3_stmt *stmt, sqlite3_value **row)
{
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        for (int i = 0; i < table->config.column_count; i++)
            row[i] = sqlite3_column_value(stmt, i + 1);
        TRY(index_row(table, sqlite3_column_int64(stmt, 0), row));
    }
    return SQLITE_OK;
}

static int rebuild(FtsTable *table)
{
    TRY(wipe(table));
    char *columns = fts_table_columns(table);
    char *source = fts_table_source(table);
    char *sql = columns == NULL || source == NULL
                    ? NULL
                    : sqlite3_mprintf("SELECT %s FROM %s T ORDER BY 1", columns, source);
    sqlite3_value **row = fts_zalloc(sizeof *row * ((u64)table->config.column_count + 1));
    sqlite3_stmt *stmt = NULL;
    int rc = sql == NULL || row == NULL
                 ? SQLITE_NOMEM
                 : sqlite3_prepare_v2(table->config.db, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = index_all_rows(table, stmt, row);
    int final_rc = sqlite3_finalize(stmt);
    sqlite3_free(columns);
    sqlite3_free(source);
    sqlite3_free(sql);
    sqlite3_free(row);
    return rc == SQLITE_OK ? final_rc : rc;
}

static int refuse(FtsTable *table, const char *text)
{
    return fts_table_error(table, SQLITE_ERROR, sqlite3_mprintf("%s", text));
}

static int command(FtsTable *table, const char *name, sqlite3_value *value)
{
    FtsContent content = table->config.content;
    bool is_contentless = content == CONTENT_NONE || content == CONTENT_UNINDEXED;
    if (sqlite3_stricmp(name, "optimize") == 0)
        return fts_index_optimize(&table->index);
    if (sqlite3_stricmp(name, "merge") == 0)
        return fts_index_merge(&table->index, sqlite3_value_int64(value));
    if (sqlite3_stricmp(name, "integrity-check") == 0)
        return fts_table_check(table, sqlite3_value_int64(value) != 0);
    if (sqlite3_stricmp(name, "flush") == 0)
        return fts_index_flush(&table->index);
    if (sqlite3_stricmp(name, "rebuild") == 0)
        return is_contentless
                   ? refuse(table, "'rebuild' may not be used with a contentless fts5 table")
                   : rebuild(table);
    if (sqlite3_stricmp(name, "delete-all") == 0)
        return content == CONTENT_NORMAL
                   ? refuse(table, "'delete-all' may only be used with a contentless or external"
                                   " content fts5 table")
                   : wipe(table);
    return set_option(table, name, value);
}

// 'delete' carries the old values.
static int special_insert(FtsTable *table, sqlite3_value **args, sqlite3_int64 *rowid)
{
    const FtsConfig *config = &table->config;
    int hidden = 2 + config->column_count;
    const char *name = (const char *)sqlite3_value_text(args[hidden]);
    if (name == NULL)
        return SQLITE_NOMEM;
    if (sqlite3_stricmp(name, "delete") != 0)
        return command(table, name, args[hidden + 1]);
    if (config->has_contentless_delete)
        return refuse(table, "'delete' may not be used with a contentless_delete=1 table");
    if (config->content == CONTENT_NORMAL)
        return refuse(table, "'delete' may only be used with a contentless or external content"
                             " fts5 table");
    *rowid = sqlite3_value_int64(args[1]);
    return delete_row(table, *rowid, args + 2);
}

// --- xUpdate ---

static int refuse_contentless(FtsTable *table, const char *verb)
{
    return fts_table_error(
        table, SQLITE_ERROR,
        sqlite3_mprintf("cannot %s contentless fts5 table: %s", verb, table->config.name));
}

static int update_row(FtsTable *table, sqlite3_value **args, sqlite3_int64 *rowid)
{
    const FtsConfig *config = &table->config;
    i64 old = sqlite3_value_int64(args[0]);
    i64 new = sqlite3_value_int64(args[1]);
    for (int i = 0; config->has_contentless_delete && i < config->column_count; i++) {
        if (!config->is_unindexed[i] && sqlite3_value_nochange(args[2 + i]))
            return fts_table_error(table, SQLITE_ERROR,
                                   sqlite3_mprintf("cannot UPDATE a subset of columns on fts5"
                                                   " contentless-delete table: %s",
                                                   config->name));
    }
    if (config->content == CONTENT_NORMAL
        && old != new &&sqlite3_vtab_on_conflict(config->db) != SQLITE_REPLACE) {
        sqlite3_stmt *stmt;
        TRY(fts_table_stmt(table, STMT_CONTENT_LOOKUP, &stmt));
        sqlite3_bind_int64(stmt, 1, new);
        bool is_taken = sqlite3_step(stmt) == SQLITE_ROW;
        TRY(sqlite3_reset(stmt));
        if (is_taken)
            return SQLITE_CONSTRAINT;
    }
    TRY(delete_row(table, old, NULL));
    return insert_row(table, args[1], args + 2, rowid);
}

static int change(FtsTable *table, int arg_count, sqlite3_value **args, sqlite3_int64 *rowid)
{
    const FtsConfig *config = &table->config;
    bool has_old = sqlite3_value_type(args[0]) == SQLITE_INTEGER;
    bool is_fixed = config->content == CONTENT_NONE && !config->has_contentless_delete;
    if (arg_count == 1)
        return is_fixed ? refuse_contentless(table, "DELETE from")
                        : delete_row(table, sqlite3_value_int64(args[0]), NULL);
    if (!has_old && sqlite3_value_type(args[2 + config->column_count]) != SQLITE_NULL)
        return special_insert(table, args, rowid);
    if (has_old)
        return is_fixed ? refuse_contentless(table, "UPDATE") : update_row(table, args, rowid);
    return insert_row(table, args[1], args + 2, rowid);
}

int fts_table_update(sqlite3_vtab *vtab, int arg_count, sqlite3_value **args, sqlite3_int64 *rowid)
{
    FtsTable *table = (FtsTable *)vtab;
    TRY(fts_table_load(table));
    return change(table, arg_count, args, rowid);
}
