// sqlite3_exec() and sqlite3_get_table(): running a text of several statements in one call.
//
// The callback gets texts that live until it returns. Whatever it wants to keep it copies.

#include "api/api.h"
#include "base/vec.h"
#include <string.h>

// Names and, behind them, the values of the current row as text; room for both and a final NULL.
typedef struct ExecRow {
    char **texts;
    int column_count;
} ExecRow;

// Names are asked for once: they stay while the statement runs.
static int exec_row_prepare(ExecRow *row, sqlite3_stmt *stmt)
{
    ASSERT(row->texts == NULL);

    row->column_count = sqlite3_column_count(stmt);
    row->texts = mem_alloc_zeroed(((u64)row->column_count * 2 + 1) * sizeof *row->texts);
    if (row->texts == NULL)
        return SQLITE_NOMEM;
    for (int i = 0; i < row->column_count; i++)
        row->texts[i] = (char *)sqlite3_column_name(stmt, i);
    return SQLITE_OK;
}

// A value that is there but gives no text is one that memory was short for.
static int exec_row_fill(ExecRow *row, sqlite3_stmt *stmt)
{
    ASSERT(row->texts != NULL);
    ASSERT(row->column_count == sqlite3_column_count(stmt));

    char **values = row->texts + row->column_count;
    for (int i = 0; i < row->column_count; i++) {
        values[i] = (char *)sqlite3_column_text(stmt, i);
        if (values[i] == NULL && sqlite3_column_type(stmt, i) != SQLITE_NULL)
            return SQLITE_NOMEM;
    }
    values[row->column_count] = NULL;
    return SQLITE_OK;
}

// Runs one prepared statement to its end; the callback may stop everything with SQLITE_ABORT.
static int exec_statement(sqlite3 *db, sqlite3_stmt *stmt,
                          int (*callback)(void *, int, char **, char **), void *arg)
{
    ASSERT(stmt != NULL);

    ExecRow row = {0};
    int rc;
    do {
        rc = sqlite3_step(stmt);
        bool shows_names =
            rc == SQLITE_DONE && row.texts == NULL && (db->flags & CONN_FLAG(NULL_CALLBACK)) != 0;
        if (callback == NULL || (rc != SQLITE_ROW && !shows_names))
            continue;
        if (row.texts == NULL && exec_row_prepare(&row, stmt) != SQLITE_OK) {
            rc = connection_out_of_memory(db);
            break;
        }
        if (rc == SQLITE_ROW && exec_row_fill(&row, stmt) != SQLITE_OK) {
            rc = connection_out_of_memory(db);
            break;
        }
        char **values = rc == SQLITE_ROW ? row.texts + row.column_count : NULL;
        if (callback(arg, row.column_count, values, row.texts) != 0) {
            rc = SQLITE_ABORT;
            break;
        }
    } while (rc == SQLITE_ROW);
    mem_free(row.texts);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static const char *skip_spaces(const char *sql)
{
    while (*sql == ' ' || (*sql >= '\t' && *sql <= '\r'))
        sql++;
    return sql;
}

// Each statement is prepared when its turn comes, for it may need what those before it made.
static int exec_all(sqlite3 *db, const char *sql, int (*callback)(void *, int, char **, char **),
                    void *arg)
{
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && *sql != '\0') {
        sqlite3_stmt *stmt = NULL;
        const char *tail = NULL;
        rc = sqlite3_prepare_v2(db, sql, -1, &stmt, &tail);
        if (rc != SQLITE_OK)
            break;
        sql = tail;
        if (stmt == NULL)
            continue; // only a comment or white space
        rc = exec_statement(db, stmt, callback, arg);
        bool aborted = rc == SQLITE_ABORT;
        int final_rc = sqlite3_finalize(stmt);
        if (aborted)
            connection_error_plain(db, SQLITE_ABORT);
        else
            rc = final_rc;
        sql = skip_spaces(sql);
    }
    return rc;
}

int sqlite3_exec(sqlite3 *db, const char *sql, int (*callback)(void *, int, char **, char **),
                 void *arg, char **message)
{
    if (!connection_is_usable(db))
        return error_misuse();
    if (message != NULL)
        *message = NULL;
    api_enter(db);
    connection_error_clear(db);
    int rc = exec_all(db, sql != NULL ? sql : "", callback, arg);
    if (rc != SQLITE_OK && message != NULL) {
        *message = mem_dup(sqlite3_errmsg(db), UINT64_MAX);
        if (*message == NULL)
            rc = connection_out_of_memory(db);
    }
    return api_exit(db, rc);
}

// --- get_table ---

typedef struct TableResult {
    struct {
        char **items;
        u32 count, capacity;
    } cells; // [0] counts them, for sqlite3_free_table
    int row_count, column_count;
    char *message;
    int rc;
} TableResult;

static int table_add(TableResult *result, const char *text)
{
    ASSERT(result->rc == SQLITE_OK);
    ASSERT(result->cells.count <= result->cells.capacity);

    TRY(vec_reserve(&result->cells.items, &result->cells.capacity, result->cells.count + 1,
                    sizeof *result->cells.items));
    char *copy = text != NULL ? mem_dup(text, UINT64_MAX) : NULL;
    if (text != NULL && copy == NULL)
        return SQLITE_NOMEM;
    result->cells.items[result->cells.count++] = copy;
    return SQLITE_OK;
}

// All rows must be of one width, or the cells could not be counted off.
static int table_row(void *arg, int column_count, char **values, char **names)
{
    TableResult *result = arg;
    if (result->row_count == 0) {
        result->column_count = column_count;
        for (int i = 0; i < column_count && result->rc == SQLITE_OK; i++)
            result->rc = table_add(result, names[i]);
    } else if (result->column_count != column_count) {
        result->message =
            mem_dup("sqlite3_get_table() called with two or more incompatible queries", UINT64_MAX);
        result->rc = SQLITE_ERROR;
    }
    if (values != NULL) {
        for (int i = 0; i < column_count && result->rc == SQLITE_OK; i++)
            result->rc = table_add(result, values[i]);
        result->row_count++;
    }
    return result->rc != SQLITE_OK;
}

int sqlite3_get_table(sqlite3 *db, const char *sql, char ***cells, int *row_count,
                      int *column_count, char **message)
{
    if (!connection_is_usable(db) || cells == NULL)
        return error_misuse();
    *cells = NULL;
    if (row_count != NULL)
        *row_count = 0;
    if (column_count != NULL)
        *column_count = 0;
    TableResult result = {0};
    result.rc = table_add(&result, NULL);
    int rc =
        result.rc != SQLITE_OK ? result.rc : sqlite3_exec(db, sql, table_row, &result, message);
    if (result.cells.items != NULL)
        result.cells.items[0] = (char *)(uintptr_t)result.cells.count;
    if ((rc & 0xff) == SQLITE_ABORT && result.rc != SQLITE_OK) {
        rc = result.rc;
        if (message != NULL && result.message != NULL) {
            mem_free(*message);
            *message = result.message;
            result.message = NULL;
        }
    }
    mem_free(result.message);
    if (rc != SQLITE_OK) {
        sqlite3_free_table(result.cells.items != NULL ? result.cells.items + 1 : NULL);
        db->error_code = rc;
        return rc;
    }
    *cells = result.cells.items + 1;
    if (row_count != NULL)
        *row_count = result.row_count;
    if (column_count != NULL)
        *column_count = result.column_count;
    return SQLITE_OK;
}

// Cell 0, before what the caller was given, counts them.
void sqlite3_free_table(char **cells)
{
    if (cells == NULL)
        return;
    cells--; // the count stands before what the caller was given
    u32 count = (u32)(uintptr_t)cells[0];
    for (u32 i = 1; i < count; i++)
        mem_free(cells[i]);
    mem_free(cells);
}
