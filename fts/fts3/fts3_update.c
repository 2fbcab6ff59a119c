// Changing a table: rows in and out, their sizes and totals, and the special INSERTs.
#include "fts/fts3/fts3_table.h"

#include <stdlib.h>

// The arguments of xUpdate behind the columns: the column named like the table, docid, language.
enum { ARG_OLD = 0, ARG_NEW = 1, ARG_COLUMNS = 2 };

typedef struct Update {
    Fts3Table *table;
    sqlite3_value **args;
    u32 *added; // tokens per column, then bytes
    u32 *removed;
    FtsBuffer tokens; // of the new row
    int row_change;
    i64 docid; // of the new row
} Update;

static sqlite3_value *arg_command(const Update *update)
{
    return update->args[ARG_COLUMNS + update->table->column_count];
}

static sqlite3_value *arg_docid(const Update *update)
{
    return update->args[ARG_COLUMNS + update->table->column_count + 1];
}

static sqlite3_value *arg_language(const Update *update)
{
    return update->args[ARG_COLUMNS + update->table->column_count + 2];
}

static bool is_null(sqlite3_value *value)
{
    return sqlite3_value_type(value) == SQLITE_NULL;
}

// --- sizes and totals ---

static int write_docsize(Fts3Table *table, i64 docid, const u32 *sizes)
{
    ASSERT(table->has_docsize);
    FtsBuffer bytes = {0};
    for (int i = 0; i < table->column_count; i++)
        fts3_buffer_append_varint(&bytes, sizes[i]);
    int rc = fts3_blob_write(table, FTS3_DOCSIZE_WRITE, docid, &bytes);
    fts_buffer_deinit(&bytes);
    return rc;
}

// Rows, tokens per column, bytes: column_count + 2 numbers.
static int read_totals(Fts3Table *table, u64 *totals)
{
    FtsBuffer bytes = {0};
    int rc = fts3_blob_read(table, FTS3_STAT_READ, FTS3_STAT_TOTALS, &bytes);
    u32 at = 0;
    for (int i = 0; rc == SQLITE_OK && i < table->column_count + 2; i++) {
        totals[i] = 0;
        if (at < bytes.size)
            at += (u32)fts3_varint_get(bytes.bytes + at, &totals[i]);
    }
    ASSERT(table->has_stat);
    fts_buffer_deinit(&bytes);
    return rc;
}

static int change_totals(Update *update)
{
    Fts3Table *table = update->table;
    ASSERT(table->version == 4 && table->has_stat);

    u64 *totals = fts_zalloc(sizeof *totals * ((u64)table->column_count + 2));
    if (totals == NULL)
        return SQLITE_NOMEM;
    int rc = read_totals(table, totals);
    bool goes_below = update->row_change < 0 && totals[0] < (u64)-update->row_change;
    totals[0] = goes_below ? 0 : totals[0] + (u64)(i64)update->row_change;
    FtsBuffer bytes = {0};
    fts3_buffer_append_varint(&bytes, totals[0]);
    for (int i = 0; i <= table->column_count; i++) {
        u64 total = totals[i + 1] + update->added[i];
        fts3_buffer_append_varint(&bytes,
                                  total < update->removed[i] ? 0 : total - update->removed[i]);
    }
    if (rc == SQLITE_OK)
        rc = fts3_blob_write(table, FTS3_STAT_WRITE, FTS3_STAT_TOTALS, &bytes);
    fts_buffer_deinit(&bytes);
    sqlite3_free(totals);
    return rc;
}

// --- rows out ---

static int delete_by_id(Fts3Table *table, Fts3Stmt which, i64 docid)
{
    ASSERT(which == FTS3_CONTENT_DELETE || which == FTS3_DOCSIZE_DELETE);
    sqlite3_stmt *stmt;
    TRY(fts3_stmt(table, which, &stmt));
    sqlite3_bind_int64(stmt, 1, docid);
    return fts3_step_once(stmt);
}

// Whether the table has no other row.
static int is_only_row(Fts3Table *table, i64 docid, bool *out)
{
    *out = false;
    if (table->content != FTS3_CONTENT_OWN)
        return SQLITE_OK;
    sqlite3_stmt *stmt;
    TRY(fts3_stmt(table, FTS3_CONTENT_EXISTS, &stmt));
    sqlite3_bind_int64(stmt, 1, docid);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        *out = sqlite3_column_int(stmt, 0) == 0;
    ASSERT(sqlite3_column_count(stmt) == 1);
    return sqlite3_reset(stmt);
}

// Takes the row's tokens out of the index; *is_found: there is such a row.
static int unindex_row(Fts3Table *table, i64 docid, bool *is_found, u32 *sizes)
{
    sqlite3_stmt *stmt;
    TRY(fts3_stmt(table, FTS3_CONTENT_LOOKUP, &stmt));
    sqlite3_value **row = fts_zalloc(sizeof *row * ((u64)table->column_count + 1));
    if (row == NULL)
        return SQLITE_NOMEM;
    sqlite3_bind_int64(stmt, 1, docid);
    int rc = SQLITE_OK;
    *is_found = sqlite3_step(stmt) == SQLITE_ROW;
    if (*is_found) {
        ASSERT(sqlite3_column_count(stmt) == table->column_count + 2);
        for (int i = 0; i < table->column_count; i++)
            row[i] = sqlite3_column_value(stmt, i + 1);
        int language = sqlite3_column_int(stmt, table->column_count + 1);
        rc = fts3_index_begin_row(table, language < 0 ? 0 : language, docid, true);
        if (rc == SQLITE_OK)
            rc = fts3_index_row(table, true, row, sizes);
    }
    int reset_rc = sqlite3_reset(stmt);
    sqlite3_free(row);
    return rc != SQLITE_OK ? rc : reset_rc;
}

static int delete_row(Update *update, i64 docid)
{
    Fts3Table *table = update->table;
    bool is_found;
    bool is_only;
    TRY(unindex_row(table, docid, &is_found, update->removed));
    if (!is_found)
        return SQLITE_OK;
    update->row_change--;
    TRY(is_only_row(table, docid, &is_only));
    if (is_only) { // an empty table starts from nothing, its totals, too
        memset(update->removed, 0, sizeof(u32) * ((u64)table->column_count + 1));
        update->row_change = 0;
        return fts3_clear(table, true);
    }
    ASSERT(table->content != FTS3_CONTENT_NONE);
    if (table->content == FTS3_CONTENT_OWN)
        TRY(delete_by_id(table, FTS3_CONTENT_DELETE, docid));
    return table->has_docsize ? delete_by_id(table, FTS3_DOCSIZE_DELETE, docid) : SQLITE_OK;
}

// --- rows in ---

// Rows that somebody else stores bring their docid.
static int take_docid(Update *update)
{
    sqlite3_value *docid = arg_docid(update);
    if (is_null(docid))
        docid = update->args[ARG_NEW];
    if (sqlite3_value_type(docid) != SQLITE_INTEGER)
        return SQLITE_CONSTRAINT;
    update->docid = sqlite3_value_int64(docid);
    ASSERT(update->table->content != FTS3_CONTENT_OWN);
    return SQLITE_OK;
}

static int insert_content(Update *update)
{
    Fts3Table *table = update->table;
    sqlite3_stmt *stmt;
    if (table->content != FTS3_CONTENT_OWN)
        return take_docid(update);
    sqlite3_value *docid = update->args[ARG_NEW];
    if (!is_null(arg_docid(update))) {
        if (is_null(update->args[ARG_OLD]) && !is_null(docid))
            return SQLITE_ERROR; // both names of one thing
        docid = arg_docid(update);
    }
    TRY(fts3_stmt(table, FTS3_CONTENT_INSERT, &stmt));
    sqlite3_bind_value(stmt, 1, docid);
    for (int i = 0; i < table->column_count; i++)
        sqlite3_bind_value(stmt, i + 2, update->args[ARG_COLUMNS + i]);
    if (table->language_column != NULL)
        sqlite3_bind_int(stmt, table->column_count + 2, sqlite3_value_int(arg_language(update)));
    int rc = fts3_step_once(stmt);
    sqlite3_clear_bindings(stmt);
    update->docid = sqlite3_last_insert_rowid(table->db);
    ASSERT(update->docid != 0 || rc != SQLITE_OK || table->content == FTS3_CONTENT_OWN);
    return rc;
}

static int new_language(const Update *update)
{
    ASSERT(update->table != NULL);
    return update->table->language_column == NULL ? 0 : sqlite3_value_int(arg_language(update));
}

static int index_new_row(Update *update)
{
    Fts3Table *table = update->table;
    ASSERT(new_language(update) >= 0);
    TRY(fts3_index_begin_row(table, new_language(update), update->docid, false));
    TRY(fts3_tokens_add(table, false, &update->tokens));
    update->row_change++;
    return table->has_docsize ? write_docsize(table, update->docid, update->added) : SQLITE_OK;
}

// Makes room for the new row, or stores it already, so that a conflict shows before anything
// changes.
static int settle_conflict(Update *update, bool *is_stored)
{
    Fts3Table *table = update->table;
    sqlite3_value *docid = is_null(arg_docid(update)) ? update->args[ARG_NEW] : arg_docid(update);
    sqlite3_value *old = update->args[ARG_OLD];
    *is_stored = false;
    if (table->content != FTS3_CONTENT_OWN || is_null(docid)
        || (!is_null(old) && sqlite3_value_int64(old) == sqlite3_value_int64(docid)))
        return SQLITE_OK;
    ASSERT(table->column_count > 0);
    if (sqlite3_vtab_on_conflict(table->db) == SQLITE_REPLACE)
        return delete_row(update, sqlite3_value_int64(docid));
    *is_stored = true;
    return insert_content(update);
}

static int change_row(Update *update, int arg_count, sqlite3_int64 *rowid)
{
    bool is_insert = arg_count > 1;
    bool is_stored = false;
    ASSERT(arg_count == 1 || arg_count > ARG_COLUMNS);
    if (is_insert) {
        if (new_language(update) < 0)
            return SQLITE_CONSTRAINT;
        TRY(fts3_tokens_collect(update->table, new_language(update), update->args + ARG_COLUMNS,
                                update->added, &update->tokens));
        TRY(settle_conflict(update, &is_stored));
    }
    if (!is_null(update->args[ARG_OLD]))
        TRY(delete_row(update, sqlite3_value_int64(update->args[ARG_OLD])));
    if (is_insert) {
        if (!is_stored)
            TRY(insert_content(update));
        TRY(index_new_row(update));
        *rowid = update->docid;
    }
    return update->table->version == 4 ? change_totals(update) : SQLITE_OK;
}

// --- special inserts ---

// A number at *at, which moves behind it.
static int take_int(const char **at)
{
    int value = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        value = value > 100000000 ? value : value * 10 + (**at - '0');
    ASSERT(value >= 0);
    return value;
}

enum { SEGMENTS_MIN_DEFAULT = FTS3_SEGMENTS_MAX / 2 };

// "PAGES" or "PAGES,SEGMENTS".
static int command_merge(Fts3Table *table, const char *arg)
{
    ASSERT(arg != NULL);
    const char *at = arg;
    int page_count = take_int(&at);
    int segment_min = SEGMENTS_MIN_DEFAULT;
    if (at[0] == ',' && at[1] != 0) {
        at++;
        segment_min = take_int(&at);
    }
    if (*at != 0 || segment_min < 2 || arg[0] == 0)
        return SQLITE_ERROR;
    TRY(fts3_create_stat(table));
    return fts3_merge_steps(table, page_count, segment_min);
}

static int command_automerge(Fts3Table *table, const char *arg)
{
    if (arg[0] == 0)
        return SQLITE_ERROR;
    int segments = take_int(&arg);
    if (segments == 1 || segments > FTS3_SEGMENTS_MAX)
        segments = SEGMENTS_MIN_DEFAULT;
    TRY(fts3_create_stat(table));
    sqlite3_stmt *stmt;
    TRY(fts3_stmt(table, FTS3_STAT_WRITE, &stmt));
    sqlite3_bind_int(stmt, 1, FTS3_STAT_AUTOMERGE);
    sqlite3_bind_int(stmt, 2, segments);
    TRY(fts3_step_once(stmt));
    table->automerge = segments;
    ASSERT(table->has_stat);
    return SQLITE_OK;
}

static int command_check(Fts3Table *table)
{
    bool is_ok;
    TRY(fts3_check(table, &is_ok));
    ASSERT(table->index_count > 0);
    return is_ok ? SQLITE_OK : FTS_CORRUPT;
}

static bool starts_with(const char *text, const char *head)
{
    return sqlite3_strnicmp(text, head, (int)strlen(head)) == 0;
}

static int run_command(Fts3Table *table, sqlite3_value *value)
{
    const char *command = (const char *)sqlite3_value_text(value);
    bool has_changed;
    if (command == NULL)
        return SQLITE_NOMEM;
    ASSERT(table->index_count > 0);
    if (sqlite3_stricmp(command, "optimize") == 0)
        return fts3_optimize(table, &has_changed);
    if (sqlite3_stricmp(command, "rebuild") == 0)
        return fts3_rebuild(table);
    if (sqlite3_stricmp(command, "integrity-check") == 0)
        return command_check(table);
    if (sqlite3_stricmp(command, "flush") == 0)
        return fts3_flush(table);
    if (starts_with(command, "merge="))
        return command_merge(table, command + strlen("merge="));
    if (starts_with(command, "automerge="))
        return command_automerge(table, command + strlen("automerge="));
    return SQLITE_ERROR;
}

static int update_row(Update *update, int arg_count, sqlite3_int64 *rowid)
{
    u64 count = (u64)update->table->column_count + 1;
    update->added = fts_zalloc(sizeof(u32) * count * 2);
    if (update->added == NULL)
        return SQLITE_NOMEM;
    update->removed = update->added + count;
    int rc = change_row(update, arg_count, rowid);
    ASSERT(update->row_change >= -2 && update->row_change <= 1);
    sqlite3_free(update->added);
    fts_buffer_deinit(&update->tokens);
    return rc;
}

int fts3_table_update(sqlite3_vtab *vtab, int arg_count, sqlite3_value **args, sqlite3_int64 *rowid)
{
    Fts3Table *table = (Fts3Table *)vtab;
    Update update = {.table = table, .args = args};
    bool is_command = arg_count > 1 && is_null(args[ARG_OLD]) && !is_null(arg_command(&update));
    ASSERT(table->own_writes == 0);
    table->own_writes++;
    int rc = is_command ? run_command(table, arg_command(&update))
                        : update_row(&update, arg_count, rowid);
    table->own_writes--;
    return rc;
}
