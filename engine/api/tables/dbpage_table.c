// sqlite_dbpage: the pages of a database as rows, to read and to replace.
//
//   sqlite_dbpage(pgno, data, schema HIDDEN)
//
// The database of a row is `main` unless the hidden column says otherwise. A page that is written
// takes the place of the old one as it is: the file may become corrupt, so a connection in defensive
// mode refuses. Writing NULL to page n cuts the file off before it when the transaction commits.
#include "api/api.h"
#include "api/tables/inspect_tables.h"
#include "btree/btree.h"
#include "pager/pager.h"

#include <string.h>

enum { DBPAGE_NUMBER, DBPAGE_DATA, DBPAGE_SCHEMA };
enum { BY_NUMBER = 1, BY_SCHEMA = 2 }; // idxNum

typedef struct PageTable {
    sqlite3_vtab base;
    sqlite3 *db;
    int cut_database; // with cut_from != 0: the database to be cut at commit
    Pgno cut_from;
} PageTable;

typedef struct PageCursor {
    sqlite3_vtab_cursor base;
    int database;
    Pgno pgno, last; // at the end when pgno > last
} PageCursor;

static int dbpage_connect(sqlite3 *db, void *client_data, int arg_count, const char *const *args,
                          sqlite3_vtab **out, char **message)
{
    (void)client_data;
    (void)arg_count;
    (void)args;
    (void)message;
    TRY(sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY));
    TRY(sqlite3_vtab_config(db, SQLITE_VTAB_USES_ALL_SCHEMAS));
    TRY(sqlite3_declare_vtab(db,
                             "CREATE TABLE x(pgno INTEGER PRIMARY KEY, data BLOB, schema HIDDEN)"));
    PageTable *table = sqlite3_malloc(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    *table = (PageTable){.db = db};
    *out = &table->base;
    return SQLITE_OK;
}

static int dbpage_disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(vtab);
    return SQLITE_OK;
}

// --- planning ---

static int dbpage_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    int number_at = -1, schema_at = -1;
    (void)vtab;
    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        bool is_usable = info->aConstraint[i].usable != 0;
        if (info->aConstraint[i].iColumn == DBPAGE_SCHEMA) {
            if (!is_usable)
                return SQLITE_CONSTRAINT; // comes from a table that is joined later
            schema_at = i;
        } else if (info->aConstraint[i].iColumn <= DBPAGE_NUMBER && is_usable) {
            number_at = i;
        }
    }
    int given = 0;
    if (schema_at >= 0) {
        info->idxNum |= BY_SCHEMA;
        info->aConstraintUsage[schema_at].argvIndex = ++given;
        info->aConstraintUsage[schema_at].omit = 1;
    }
    info->estimatedCost = 1.0e6;
    if (number_at >= 0) {
        info->idxNum |= BY_NUMBER;
        info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
        info->estimatedRows = 1;
        info->estimatedCost = 1.0;
        info->aConstraintUsage[number_at].argvIndex = ++given;
        info->aConstraintUsage[number_at].omit = 1;
    }
    bool ascending = info->nOrderBy == 1 && info->aOrderBy[0].iColumn <= DBPAGE_NUMBER
                     && !info->aOrderBy[0].desc;
    info->orderByConsumed = ascending;
    return SQLITE_OK;
}

// --- reading ---

static int dbpage_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    PageCursor *cur = sqlite3_malloc(sizeof *cur);
    (void)vtab;
    if (cur == NULL)
        return SQLITE_NOMEM;
    *cur = (PageCursor){.pgno = 1};
    *out = &cur->base;
    return SQLITE_OK;
}

static int dbpage_close(sqlite3_vtab_cursor *base)
{
    sqlite3_free(base);
    return SQLITE_OK;
}

static Btree *btree_of(const PageCursor *cur)
{
    ASSERT(cur->database >= 0);

    return ((const PageTable *)cur->base.pVtab)->db->databases[cur->database].btree;
}

static int dbpage_filter(sqlite3_vtab_cursor *base, int plan, const char *text, int count,
                         sqlite3_value **args)
{
    PageCursor *cur = (PageCursor *)base;
    sqlite3 *db = ((PageTable *)base->pVtab)->db;
    (void)text;
    (void)count;
    cur->pgno = 1;
    cur->last = 0;
    cur->database = DB_MAIN;
    if ((plan & BY_SCHEMA) != 0) {
        const char *schema = (const char *)sqlite3_value_text(*args++);
        cur->database = schema == NULL ? -1 : connection_find_database(db, schema);
    }
    if (cur->database < 0 || btree_of(cur) == NULL)
        return SQLITE_OK; // no such schema: no rows
    TRY(btree_begin(btree_of(cur), BTREE_READ, NULL));
    cur->last = btree_page_count(btree_of(cur));
    if ((plan & BY_NUMBER) != 0) {
        i64 wanted = sqlite3_value_int64(*args);
        bool is_there = wanted >= 1 && wanted <= (i64)cur->last;
        cur->pgno = is_there ? (Pgno)wanted : 1;
        cur->last = is_there ? cur->pgno : 0;
    }
    return SQLITE_OK;
}

static int dbpage_next(sqlite3_vtab_cursor *base)
{
    ASSERT(((PageCursor *)base)->pgno <= ((PageCursor *)base)->last);

    ((PageCursor *)base)->pgno++;
    return SQLITE_OK;
}

static int dbpage_eof(sqlite3_vtab_cursor *base)
{
    const PageCursor *cur = (const PageCursor *)base;
    return cur->pgno > cur->last;
}

static int result_page(const PageCursor *cur, sqlite3_context *call)
{
    ASSERT(cur->pgno >= 1 && cur->pgno <= cur->last);

    Pager *pager = btree_pager(btree_of(cur));
    int size = (int)btree_page_size(btree_of(cur));
    Pgno lock_page = (Pgno)(0x40000000 / size) + 1; // holds the lock bytes, never data
    if (cur->pgno == lock_page) {
        sqlite3_result_zeroblob(call, size);
        return SQLITE_OK;
    }
    Page *page;
    TRY(pager_get(pager, cur->pgno, &page));
    sqlite3_result_blob(call, page->data, size, SQLITE_TRANSIENT);
    page_unpin(pager, page);
    return SQLITE_OK;
}

static int dbpage_column(sqlite3_vtab_cursor *base, sqlite3_context *call, int column)
{
    const PageCursor *cur = (const PageCursor *)base;
    const sqlite3 *db = ((const PageTable *)base->pVtab)->db;
    switch (column) {
    case DBPAGE_NUMBER: sqlite3_result_int64(call, cur->pgno); return SQLITE_OK;
    case DBPAGE_DATA: return result_page(cur, call);
    default:
        sqlite3_result_text(call, db->databases[cur->database].name, -1, SQLITE_TRANSIENT);
        return SQLITE_OK;
    }
}

static int dbpage_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = ((const PageCursor *)base)->pgno;
    return SQLITE_OK;
}

// --- writing ---

static int refuse(PageTable *table, const char *why)
{
    sqlite3_free(table->base.zErrMsg);
    table->base.zErrMsg = sqlite3_mprintf("%s", why);
    return SQLITE_ERROR;
}

static int find_target(PageTable *table, sqlite3_value *schema, int *database)
{
    const char *name = (const char *)sqlite3_value_text(schema);
    *database = name == NULL ? DB_MAIN : connection_find_database(table->db, name);
    if (*database < 0 || table->db->databases[*database].btree == NULL)
        return refuse(table, "no such schema");
    return SQLITE_OK;
}

static int write_page(PageTable *table, int database, i64 pgno, sqlite3_value *data)
{
    ASSERT(database >= 0);

    Btree *bt = table->db->databases[database].btree;
    TRY(btree_begin(bt, BTREE_WRITE, NULL));
    bool is_cut = sqlite3_value_type(data) == SQLITE_NULL && pgno > 1;
    bool is_page = sqlite3_value_type(data) == SQLITE_BLOB
                   && sqlite3_value_bytes(data) == (int)btree_page_size(bt);
    if (!is_cut && !is_page)
        return refuse(table, "bad page value");
    table->cut_from = is_cut ? (Pgno)pgno : 0;
    table->cut_database = database;
    if (is_cut)
        return SQLITE_OK;
    int rc = btree_replace_page(bt, (Pgno)pgno, sqlite3_value_blob(data));
    return rc == SQLITE_FULL ? refuse(table, "bad page number") : rc;
}

// args: old rowid, new rowid, pgno, data, schema.
static int dbpage_update(sqlite3_vtab *vtab, int count, sqlite3_value **args, sqlite3_int64 *rowid)
{
    PageTable *table = (PageTable *)vtab;
    (void)rowid;
    if ((table->db->flags & CONN_FLAG(DEFENSIVE)) != 0)
        return refuse(table, "read-only");
    if (count == 1)
        return refuse(table, "cannot delete");
    bool is_insert = sqlite3_value_type(args[0]) == SQLITE_NULL;
    i64 pgno = sqlite3_value_int64(is_insert ? args[2] : args[0]);
    if (!is_insert && sqlite3_value_int64(args[1]) != pgno)
        return refuse(table, "cannot insert");
    int database;
    TRY(find_target(table, args[4], &database));
    if (pgno < 1 || pgno > UINT32_MAX - 1)
        return refuse(table, "bad page number");
    return write_page(table, database, pgno, args[3]);
}

static int dbpage_begin(sqlite3_vtab *vtab)
{
    ((PageTable *)vtab)->cut_from = 0;
    return SQLITE_OK;
}

static int dbpage_sync(sqlite3_vtab *vtab)
{
    PageTable *table = (PageTable *)vtab;
    if (table->cut_from == 0)
        return SQLITE_OK;
    Btree *bt = table->db->databases[table->cut_database].btree;
    if (bt != NULL && table->cut_from <= btree_page_count(bt))
        pager_set_page_count(btree_pager(bt), table->cut_from - 1);
    table->cut_from = 0;
    return SQLITE_OK;
}

static int dbpage_rollback_to(sqlite3_vtab *vtab, int savepoint)
{
    (void)savepoint;
    ((PageTable *)vtab)->cut_from = 0;
    return SQLITE_OK;
}

const sqlite3_module dbpage_module = {
    .iVersion = 2,
    .xCreate = dbpage_connect,
    .xConnect = dbpage_connect,
    .xBestIndex = dbpage_best_index,
    .xDisconnect = dbpage_disconnect,
    .xDestroy = dbpage_disconnect,
    .xOpen = dbpage_open,
    .xClose = dbpage_close,
    .xFilter = dbpage_filter,
    .xNext = dbpage_next,
    .xEof = dbpage_eof,
    .xColumn = dbpage_column,
    .xRowid = dbpage_rowid,
    .xUpdate = dbpage_update,
    .xBegin = dbpage_begin,
    .xSync = dbpage_sync,
    .xRollbackTo = dbpage_rollback_to,
};

int inspect_tables_register(sqlite3 *db)
{
    TRY(sqlite3_create_module_v2(db, "dbstat", &dbstat_module, NULL, NULL));
    return sqlite3_create_module_v2(db, "sqlite_dbpage", &dbpage_module, NULL, NULL);
}
