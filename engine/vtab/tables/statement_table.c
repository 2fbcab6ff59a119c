// sqlite_stmt: a row for each prepared statement of the connection (sqlite.org/stmt.html).
//
// The list is copied when a scan begins: statements come and go while it is read, this one's own
// among them.

#include "vtab/tables/builtin_tables.h"

#include <string.h>

enum { COLUMN_SQL, COLUMN_COUNT, COLUMN_READ_ONLY, COLUMN_BUSY, COLUMN_COUNTERS };

// What the counters' columns show, from COLUMN_COUNTERS on.
static const int counters[] = {
    SQLITE_STMTSTATUS_FULLSCAN_STEP, // nscan
    SQLITE_STMTSTATUS_SORT,          // nsort
    SQLITE_STMTSTATUS_AUTOINDEX,     // naidx
    SQLITE_STMTSTATUS_VM_STEP,       // nstep
    SQLITE_STMTSTATUS_REPREPARE,     // reprep
    SQLITE_STMTSTATUS_RUN,           // run
    SQLITE_STMTSTATUS_MEMUSED,       // mem
};
enum { COUNTERS = ARRAY_LEN(counters) };

// A statement as it was when the scan began: it may be gone before its row is read.
typedef struct StatementRow {
    struct StatementRow *next;
    int column_count, is_read_only, is_busy;
    int counts[COUNTERS];
    char sql[];
} StatementRow;

typedef struct StatementTable {
    sqlite3_vtab base;
    sqlite3 *db;
} StatementTable;

typedef struct StatementCursor {
    sqlite3_vtab_cursor base;
    StatementRow *first; // the current row; those passed are freed
    i64 rowid;
} StatementCursor;

// Knows its connection, whose statements it lists.
static int statement_connect(sqlite3 *db, void *client_data, int arg_count, const char *const *args,
                             sqlite3_vtab **out, char **message)
{
    ASSERT(out != NULL);

    (void)client_data;
    (void)arg_count;
    (void)args;
    (void)message;
    TRY(sqlite3_declare_vtab(
        db, "CREATE TABLE x(sql,ncol,ro,busy,nscan,nsort,naidx,nstep,reprep,run,mem)"));
    StatementTable *table = sqlite3_malloc(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    *table = (StatementTable){.db = db};
    *out = &table->base;
    return SQLITE_OK;
}

static int statement_disconnect(sqlite3_vtab *vtab)
{
    ASSERT(vtab != NULL);

    sqlite3_free(vtab);
    return SQLITE_OK;
}

// A scan is all there is; the estimates are SQLite's.
static int statement_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    ASSERT(info != NULL);

    (void)vtab;
    info->estimatedCost = 500.0;
    info->estimatedRows = 500;
    return SQLITE_OK;
}

static int statement_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    ASSERT(out != NULL);

    (void)vtab;
    StatementCursor *cur = sqlite3_malloc(sizeof *cur);
    if (cur == NULL)
        return SQLITE_NOMEM;
    *cur = (StatementCursor){.rowid = 1};
    *out = &cur->base;
    return SQLITE_OK;
}

// The row that was passed.
static void drop_row(StatementCursor *cur)
{
    ASSERT(cur->first != NULL);
    StatementRow *row = cur->first;
    cur->first = row->next;
    sqlite3_free(row);
}

static int statement_close(sqlite3_vtab_cursor *base)
{
    ASSERT(base->pVtab != NULL);

    StatementCursor *cur = (StatementCursor *)base;
    while (cur->first != NULL)
        drop_row(cur);
    sqlite3_free(cur);
    return SQLITE_OK;
}

// NULL: out of memory.
static StatementRow *describe(sqlite3_stmt *stmt)
{
    ASSERT(stmt != NULL);

    const char *sql = sqlite3_sql(stmt) == NULL ? "" : sqlite3_sql(stmt);
    size_t size = strlen(sql) + 1;
    StatementRow *row = sqlite3_malloc64(sizeof *row + size);
    if (row == NULL)
        return NULL;
    row->next = NULL;
    row->column_count = sqlite3_column_count(stmt);
    row->is_read_only = sqlite3_stmt_readonly(stmt);
    row->is_busy = sqlite3_stmt_busy(stmt);
    // 0: asking does not reset a counter.
    for (int i = 0; i < (int)COUNTERS; i++)
        row->counts[i] = sqlite3_stmt_status(stmt, counters[i], 0);
    memcpy(row->sql, sql, size);
    return row;
}

// Takes the list; statements made later are not in it.
static int statement_filter(sqlite3_vtab_cursor *base, int plan, const char *text, int count,
                            sqlite3_value **args)
{
    ASSERT(count == 0);

    StatementCursor *cur = (StatementCursor *)base;
    sqlite3 *db = ((StatementTable *)base->pVtab)->db;
    (void)plan;
    (void)text;
    (void)count;
    (void)args;
    while (cur->first != NULL)
        drop_row(cur);
    cur->rowid = 1;
    StatementRow **end = &cur->first;
    for (sqlite3_stmt *stmt = sqlite3_next_stmt(db, NULL); stmt != NULL;
         stmt = sqlite3_next_stmt(db, stmt)) {
        *end = describe(stmt);
        if (*end == NULL)
            return SQLITE_NOMEM;
        // At the end, so that rows come in the order of the connection's list.
        end = &(*end)->next;
    }
    return SQLITE_OK;
}

static int statement_next(sqlite3_vtab_cursor *base)
{
    StatementCursor *cur = (StatementCursor *)base;
    ASSERT(cur->first != NULL);
    drop_row(cur);
    cur->rowid++;
    return SQLITE_OK;
}

static int statement_eof(sqlite3_vtab_cursor *base)
{
    return ((const StatementCursor *)base)->first == NULL;
}

// In the order of the declaration.
static int statement_column(sqlite3_vtab_cursor *base, sqlite3_context *call, int column)
{
    ASSERT(column >= 0);

    const StatementRow *row = ((const StatementCursor *)base)->first;
    ASSERT(row != NULL);

    switch (column) {
    case COLUMN_SQL: sqlite3_result_text(call, row->sql, -1, SQLITE_TRANSIENT); break;
    case COLUMN_COUNT: sqlite3_result_int(call, row->column_count); break;
    case COLUMN_READ_ONLY: sqlite3_result_int(call, row->is_read_only); break;
    case COLUMN_BUSY: sqlite3_result_int(call, row->is_busy); break;
    default:
        ASSERT(column - COLUMN_COUNTERS < (int)COUNTERS);
        sqlite3_result_int(call, row->counts[column - COLUMN_COUNTERS]);
    }
    return SQLITE_OK;
}

static int statement_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    ASSERT(((const StatementCursor *)base)->first != NULL);

    *out = ((const StatementCursor *)base)->rowid;
    return SQLITE_OK;
}

static const sqlite3_module statement_module = {
    .xConnect = statement_connect,
    .xBestIndex = statement_best_index,
    .xDisconnect = statement_disconnect,
    .xOpen = statement_open,
    .xClose = statement_close,
    .xFilter = statement_filter,
    .xNext = statement_next,
    .xEof = statement_eof,
    .xColumn = statement_column,
    .xRowid = statement_rowid,
};

int statement_table_register(sqlite3 *db)
{
    return sqlite3_create_module_v2(db, "sqlite_stmt", &statement_module, NULL, NULL);
}
