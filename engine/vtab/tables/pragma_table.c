// PRAGMA x(arg) as the table-valued function pragma_x(arg, schema): a cursor runs the pragma and
// hands its rows on. The hidden columns behind the pragma's own are the argument and the schema.
//
// The pragma runs as a statement of its own on the same connection, so that it sees the
// transaction and obeys the authorizer. Only pragmas that read have such a table
// (sql/code/code_pragma_table.c decides which).

#include "vtab/tables/pragma_table.h"
#include "base/contract.h"
#include <string.h>

typedef struct PragmaVtab {
    sqlite3_vtab base;
    sqlite3 *db;
    const PragmaTable *table;
    int column_count; // visible ones
    int hidden_count;
} PragmaVtab;

typedef struct PragmaCursor {
    sqlite3_vtab_cursor base;
    sqlite3_stmt *stmt;
    sqlite3_int64 rowid;
    char *values[2]; // of the hidden columns, NULL: not given
} PragmaCursor;

// The module has no xCreate, so that CREATE VIRTUAL TABLE refuses it: the name alone is the table.
static int pragma_connect(sqlite3 *db, void *client_data, int arg_count, const char *const *args,
                          sqlite3_vtab **out, char **message)
{
    ASSERT(client_data != NULL);

    const PragmaTable *table = client_data;
    (void)arg_count;
    (void)args;
    sqlite3_str *sql = sqlite3_str_new(db);
    sqlite3_str_appendall(sql, "CREATE TABLE x");
    int count = 0;
    for (; table->columns[count] != NULL; count++)
        sqlite3_str_appendf(sql, "%c\"%s\"", count == 0 ? '(' : ',', table->columns[count]);
    if (table->takes_argument)
        sqlite3_str_appendall(sql, ",arg HIDDEN");
    if (table->takes_schema)
        sqlite3_str_appendall(sql, ",schema HIDDEN");
    sqlite3_str_appendall(sql, ")");
    char *text = sqlite3_str_finish(sql);
    if (text == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_declare_vtab(db, text);
    sqlite3_free(text);
    if (rc != SQLITE_OK) {
        *message = sqlite3_mprintf("%s", sqlite3_errmsg(db));
        return rc;
    }
    PragmaVtab *vtab = sqlite3_malloc(sizeof *vtab);
    if (vtab == NULL)
        return SQLITE_NOMEM;
    // The description is static data of the layer that knows the pragmas, and so may be lent.
    *vtab = (PragmaVtab){.db = db,
                         .table = table,
                         .column_count = count,
                         .hidden_count = table->takes_argument + table->takes_schema};
    *out = &vtab->base;
    return SQLITE_OK;
}

static int pragma_disconnect(sqlite3_vtab *base)
{
    ASSERT(base != NULL);

    sqlite3_free(base);
    return SQLITE_OK;
}

// Which of the two hidden columns a column number means: 0 argument, 1 schema, -1 neither.
static int hidden_kind(const PragmaVtab *vtab, int column)
{
    ASSERT(vtab->hidden_count <= 2);
    ASSERT(column < vtab->column_count + vtab->hidden_count);

    if (column < vtab->column_count)
        return -1;
    return column == vtab->column_count && vtab->table->takes_argument ? 0 : 1;
}

// idxNum: bit 0 the argument is given, bit 1 the schema is.
static int pragma_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    ASSERT(info->nConstraint >= 0);

    const PragmaVtab *vtab = (const PragmaVtab *)base;
    int at[2] = {-1, -1};
    info->estimatedCost = 1;
    info->idxNum = 0;
    for (int i = 0; i < info->nConstraint; i++) {
        int kind = hidden_kind(vtab, info->aConstraint[i].iColumn);
        if (kind < 0 || info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        // An argument that only a later table of the join gives: the planner must try another
        // order, for without the argument the pragma answers something else.
        if (!info->aConstraint[i].usable)
            return SQLITE_CONSTRAINT;
        at[kind] = i;
    }
    int given = 0;
    for (int kind = 0; kind < 2; kind++) {
        if (at[kind] < 0)
            continue;
        info->aConstraintUsage[at[kind]].argvIndex = ++given;
        // The column gives back what it was asked with, so that the test would always hold.
        info->aConstraintUsage[at[kind]].omit = 1;
        info->idxNum |= 1 << kind;
    }
    if (vtab->table->takes_argument && at[0] < 0) {
        info->estimatedCost = 2147483647; // better with the argument, if a join can give it
        info->estimatedRows = 2147483647;
    } else {
        info->estimatedCost = 20;
        info->estimatedRows = 20;
    }
    return SQLITE_OK;
}

// The pragma is compiled when its arguments are known.
static int pragma_open(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
    ASSERT(out != NULL);

    (void)base;
    PragmaCursor *cur = sqlite3_malloc(sizeof *cur);
    if (cur == NULL)
        return SQLITE_NOMEM;
    *cur = (PragmaCursor){.stmt = NULL};
    *out = &cur->base;
    return SQLITE_OK;
}

// As after pragma_open().
static void pragma_clear(PragmaCursor *cur)
{
    sqlite3_finalize(cur->stmt);
    cur->stmt = NULL;
    for (int i = 0; i < 2; i++) {
        // The argument and the schema of the scan before.
        sqlite3_free(cur->values[i]);
        cur->values[i] = NULL;
    }
}

static int pragma_close(sqlite3_vtab_cursor *base)
{
    ASSERT(base->pVtab != NULL);

    pragma_clear((PragmaCursor *)base);
    sqlite3_free(base);
    return SQLITE_OK;
}

// The end is told by `stmt` being NULL: an error too ends the scan, and is told once.
static int pragma_next(sqlite3_vtab_cursor *base)
{
    ASSERT(((PragmaCursor *)base)->stmt != NULL);

    PragmaCursor *cur = (PragmaCursor *)base;
    cur->rowid++;
    if (sqlite3_step(cur->stmt) == SQLITE_ROW)
        return SQLITE_OK;
    int rc = sqlite3_finalize(cur->stmt);
    cur->stmt = NULL;
    return rc;
}

// PRAGMA "schema".name='argument'
static char *pragma_text(const PragmaCursor *cur, const PragmaVtab *vtab)
{
    ASSERT(vtab->table->name != NULL);
    ASSERT(vtab->db != NULL);

    sqlite3_str *sql = sqlite3_str_new(vtab->db);
    sqlite3_str_appendall(sql, "PRAGMA ");
    if (cur->values[1] != NULL)
        sqlite3_str_appendf(sql, "\"%w\".", cur->values[1]);
    sqlite3_str_appendall(sql, vtab->table->name);
    if (cur->values[0] != NULL)
        sqlite3_str_appendf(sql, "=%Q", cur->values[0]);
    return sqlite3_str_finish(sql);
}

// The pragma's own error is the table's.
static int pragma_filter(sqlite3_vtab_cursor *base, int plan, const char *plan_text, int arg_count,
                         sqlite3_value **args)
{
    ASSERT(arg_count <= 2);
    ASSERT(plan >= 0 && plan <= 3);

    PragmaCursor *cur = (PragmaCursor *)base;
    PragmaVtab *vtab = (PragmaVtab *)base->pVtab;
    (void)plan_text;
    pragma_clear(cur);
    cur->rowid = 0;
    for (int i = 0, kind = 0; i < arg_count; kind++) {
        if ((plan & (1 << kind)) == 0)
            continue;
        const char *text = (const char *)sqlite3_value_text(args[i++]);
        // NULL is as if the argument were not given, as with SQLite.
        if (text == NULL)
            continue;
        cur->values[kind] = sqlite3_mprintf("%s", text);
        if (cur->values[kind] == NULL)
            return SQLITE_NOMEM;
    }
    char *sql = pragma_text(cur, vtab);
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v2(vtab->db, sql, -1, &cur->stmt, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_OK)
        return pragma_next(base);
    sqlite3_free(vtab->base.zErrMsg);
    vtab->base.zErrMsg = sqlite3_mprintf("%s", sqlite3_errmsg(vtab->db));
    return rc;
}

static int pragma_eof(sqlite3_vtab_cursor *base)
{
    return ((PragmaCursor *)base)->stmt == NULL;
}

// The hidden columns show what the pragma was given.
static int pragma_column(sqlite3_vtab_cursor *base, sqlite3_context *call, int column)
{
    ASSERT(column >= 0);
    ASSERT(((PragmaCursor *)base)->stmt != NULL);

    PragmaCursor *cur = (PragmaCursor *)base;
    int kind = hidden_kind((const PragmaVtab *)base->pVtab, column);
    if (kind < 0)
        sqlite3_result_value(call, sqlite3_column_value(cur->stmt, column));
    else
        sqlite3_result_text(call, cur->values[kind], -1, SQLITE_TRANSIENT);
    return SQLITE_OK;
}

// The number of the row: pragmas have no other.
static int pragma_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    ASSERT(((PragmaCursor *)base)->stmt != NULL);

    *out = ((PragmaCursor *)base)->rowid;
    return SQLITE_OK;
}

const sqlite3_module pragma_table_module = {
    .xConnect = pragma_connect,
    .xBestIndex = pragma_best_index,
    .xDisconnect = pragma_disconnect,
    .xOpen = pragma_open,
    .xClose = pragma_close,
    .xFilter = pragma_filter,
    .xNext = pragma_next,
    .xEof = pragma_eof,
    .xColumn = pragma_column,
    .xRowid = pragma_rowid,
};
