// dbstat: a row for each page of each tree of a database, or for each tree.
//
//   dbstat(schema, aggregate)
//
// Trees come in the order of the schema table's rows, the schema table first, or by name; the pages
// of a tree as PageWalk visits them: parents before children. With `aggregate` one row sums a tree
// up; its path, page type and offset are NULL.
#include "api/api.h"
#include "api/tables/inspect_tables.h"
#include "btree/btree.h"
#include "btree/inspect.h"
#include "sql/parse.h"

#include <string.h>

enum {
    STAT_NAME,
    STAT_PATH,
    STAT_PAGE_NUMBER,
    STAT_PAGE_TYPE,
    STAT_CELLS,
    STAT_PAYLOAD,
    STAT_UNUSED,
    STAT_PAYLOAD_MAX,
    STAT_OFFSET,
    STAT_SIZE,
    STAT_SCHEMA,
    STAT_AGGREGATE,
};

// Which arguments xFilter is handed, in this order (idxNum), and how trees are sorted.
enum { HAS_SCHEMA = 1, HAS_NAME = 2, HAS_AGGREGATE = 4, BY_NAME = 8 };

typedef struct StatTable {
    sqlite3_vtab base;
    sqlite3 *db;
    int database; // from the CREATE statement, or main
} StatTable;

typedef struct StatCursor {
    sqlite3_vtab_cursor base;
    sqlite3_stmt *trees; // name, root of each
    PageWalk *walk;      // of the current tree, NULL before the first page
    int database;
    bool is_aggregate, is_end;
    char *name;                                  // of the current tree
    PageInfo page;                               // the current page, or the sums
    i64 page_count, cell_count, payload, unused; // sums
    i64 rowid;
} StatCursor;

// By a name that may be in quotes; -1 when there is none.
static int database_named(sqlite3 *db, const char *name, int *out)
{
    Arena arena = {0};
    const char *bare = parse_dequote(&arena, name, strlen(name));
    if (bare != NULL)
        *out = connection_find_database(db, bare);
    arena_deinit(&arena);
    return bare != NULL ? SQLITE_OK : SQLITE_NOMEM;
}

static int stat_connect(sqlite3 *db, void *client_data, int arg_count, const char *const *args,
                        sqlite3_vtab **out, char **message)
{
    enum { OWN_ARGS = 3 };
    (void)client_data;
    int database = DB_MAIN;
    if (arg_count > OWN_ARGS)
        TRY(database_named(db, args[OWN_ARGS], &database));
    if (database < 0) {
        *message = sqlite3_mprintf("no such database: %s", args[OWN_ARGS]);
        return SQLITE_ERROR;
    }
    TRY(sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY));
    TRY(sqlite3_declare_vtab(
        db, "CREATE TABLE x(name TEXT,path TEXT,pageno INTEGER,pagetype TEXT,ncell INTEGER,"
            "payload INTEGER,unused INTEGER,mx_payload INTEGER,pgoffset INTEGER,pgsize INTEGER,"
            "schema TEXT HIDDEN,aggregate BOOLEAN HIDDEN)"));
    StatTable *table = sqlite3_malloc(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    *table = (StatTable){.db = db, .database = database};
    *out = &table->base;
    return SQLITE_OK;
}

static int stat_disconnect(sqlite3_vtab *vtab)
{
    sqlite3_free(vtab);
    return SQLITE_OK;
}

// --- planning ---

static int argument_flag(int column)
{
    switch (column) {
    case STAT_SCHEMA: return HAS_SCHEMA;
    case STAT_NAME: return HAS_NAME;
    case STAT_AGGREGATE: return HAS_AGGREGATE;
    default: return 0;
    }
}

static bool wants_order_by_name(const sqlite3_index_info *info)
{
    const struct sqlite3_index_orderby *order = info->aOrderBy;
    bool by_name = info->nOrderBy >= 1 && order[0].iColumn == STAT_NAME && !order[0].desc;
    if (info->nOrderBy == 2)
        return by_name && order[1].iColumn == STAT_PATH && !order[1].desc;
    return by_name && info->nOrderBy == 1;
}

static int stat_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    int at[3] = {-1, -1, -1}; // the constraint for HAS_SCHEMA, HAS_NAME, HAS_AGGREGATE
    (void)vtab;
    for (int i = 0; i < info->nConstraint; i++) {
        int flag = argument_flag(info->aConstraint[i].iColumn);
        if (flag == 0 || info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ)
            continue;
        if (info->aConstraint[i].usable == 0)
            return SQLITE_CONSTRAINT; // comes from a table that is joined later
        at[flag / 2] = i;
    }
    for (int k = 0, given = 0; k < 3; k++) {
        if (at[k] < 0)
            continue;
        info->idxNum |= 1 << k;
        info->aConstraintUsage[at[k]].argvIndex = ++given;
        info->aConstraintUsage[at[k]].omit = (1 << k) == HAS_SCHEMA;
    }
    info->estimatedCost = (info->idxNum & HAS_AGGREGATE) != 0 ? 50.0 : 1000.0;
    if (wants_order_by_name(info)) {
        info->orderByConsumed = 1;
        info->idxNum |= BY_NAME;
    }
    return SQLITE_OK;
}

// --- walking ---

static int stat_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    StatCursor *cur = sqlite3_malloc(sizeof *cur);
    (void)vtab;
    if (cur == NULL)
        return SQLITE_NOMEM;
    memset(cur, 0, sizeof *cur);
    *out = &cur->base;
    return SQLITE_OK;
}

static void stat_reset(StatCursor *cur)
{
    page_walk_close(cur->walk);
    cur->walk = NULL;
    sqlite3_finalize(cur->trees);
    cur->trees = NULL;
    sqlite3_free(cur->name);
    cur->name = NULL;
    cur->is_end = false;
    cur->rowid = 0;
}

static int stat_close(sqlite3_vtab_cursor *base)
{
    stat_reset((StatCursor *)base);
    sqlite3_free(base);
    return SQLITE_OK;
}

static Btree *btree_of(const StatCursor *cur)
{
    ASSERT(cur->database >= 0);

    const StatTable *table = (const StatTable *)cur->base.pVtab;
    return table->db->databases[cur->database].btree;
}

// Moves on to the next tree. SQLITE_DONE after the last; a database without pages has none.
static int next_tree(StatCursor *cur)
{
    ASSERT(cur->trees != NULL);

    page_walk_close(cur->walk);
    cur->walk = NULL;
    int rc = sqlite3_step(cur->trees);
    if (rc != SQLITE_ROW)
        return rc;
    sqlite3_free(cur->name);
    cur->name = sqlite3_mprintf("%s", sqlite3_column_text(cur->trees, 0));
    if (cur->name == NULL)
        return SQLITE_NOMEM;
    i64 root = sqlite3_column_int64(cur->trees, 1);
    if (root == 1 && btree_page_count(btree_of(cur)) == 0)
        return SQLITE_DONE; // nothing was written yet, not even the schema table
    if (root <= 0 || root > (i64)btree_page_count(btree_of(cur)))
        return SQLITE_CORRUPT;
    return page_walk_open(btree_of(cur), (Pgno)root, &cur->walk);
}

static void add_page(StatCursor *cur, const PageInfo *page)
{
    ASSERT(page->pgno != 0);

    u32 payload_max = cur->page.payload_max;
    cur->page.payload_max = page->payload_max > payload_max ? page->payload_max : payload_max;
    cur->page_count++;
    cur->cell_count += page->cell_count;
    cur->payload += page->payload;
    cur->unused += page->unused;
}

static int sum_up_tree(StatCursor *cur)
{
    PageInfo page;
    cur->page = (PageInfo){0};
    cur->page_count = cur->cell_count = cur->payload = cur->unused = 0;
    int rc = next_tree(cur);
    while (rc == SQLITE_OK) {
        rc = page_walk_next(cur->walk, &page);
        if (rc == SQLITE_DONE)
            return SQLITE_OK;
        if (rc == SQLITE_OK)
            add_page(cur, &page);
    }
    return rc;
}

static int next_page(StatCursor *cur)
{
    ASSERT(!cur->is_aggregate);

    for (;;) {
        int rc = cur->walk == NULL ? SQLITE_DONE : page_walk_next(cur->walk, &cur->page);
        if (rc != SQLITE_DONE)
            return rc;
        TRY(next_tree(cur));
    }
}

static int stat_next(sqlite3_vtab_cursor *base)
{
    StatCursor *cur = (StatCursor *)base;
    cur->rowid++;
    int rc = cur->is_aggregate ? sum_up_tree(cur) : next_page(cur);
    cur->is_end = rc == SQLITE_DONE;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int stat_eof(sqlite3_vtab_cursor *base)
{
    return ((const StatCursor *)base)->is_end;
}

static int prepare_trees(StatCursor *cur, sqlite3 *db, int plan, sqlite3_value *name)
{
    ASSERT(cur->trees == NULL && cur->walk == NULL);
    ASSERT(cur->database >= 0);

    char *sql =
        sqlite3_mprintf("SELECT * FROM (SELECT 'sqlite_schema' AS name, 1 AS rootpage UNION ALL"
                        " SELECT name, rootpage FROM \"%w\".sqlite_schema WHERE rootpage <> 0)%s%s",
                        db->databases[cur->database].name, name != NULL ? " WHERE name = ?1" : "",
                        (plan & BY_NAME) != 0 ? " ORDER BY name" : "");
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v2(db, sql, -1, &cur->trees, NULL);
    sqlite3_free(sql);
    return rc == SQLITE_OK && name != NULL ? sqlite3_bind_value(cur->trees, 1, name) : rc;
}

static int stat_filter(sqlite3_vtab_cursor *base, int plan, const char *text, int count,
                       sqlite3_value **args)
{
    StatCursor *cur = (StatCursor *)base;
    const StatTable *table = (const StatTable *)base->pVtab;
    sqlite3_value *name = NULL;
    (void)text;
    (void)count;
    stat_reset(cur);
    cur->database = table->database;
    if ((plan & HAS_SCHEMA) != 0) {
        const char *schema = (const char *)sqlite3_value_text(*args++);
        cur->database = schema == NULL ? -1 : connection_find_database(table->db, schema);
    }
    if ((plan & HAS_NAME) != 0)
        name = *args++;
    cur->is_aggregate = (plan & HAS_AGGREGATE) != 0 && sqlite3_value_double(*args) != 0.0;
    if (cur->database < 0 || btree_of(cur) == NULL) { // no such schema: no rows
        cur->is_end = true;
        return SQLITE_OK;
    }
    TRY(prepare_trees(cur, table->db, plan, name));
    cur->rowid = -1;
    return stat_next(base);
}

// --- columns ---

static void result_role(sqlite3_context *call, PageRole role)
{
    static const char *const names[] = {
        [PAGE_INTERIOR] = "internal",
        [PAGE_LEAF] = "leaf",
        [PAGE_OVERFLOW] = "overflow",
        [PAGE_CORRUPTED] = "corrupted",
    };
    sqlite3_result_text(call, names[role], -1, SQLITE_STATIC);
}

static void result_sum(const StatCursor *cur, sqlite3_context *call, int column)
{
    ASSERT(cur->is_aggregate);

    i64 page_size = btree_page_size(btree_of(cur));
    switch (column) {
    case STAT_PAGE_NUMBER: sqlite3_result_int64(call, cur->page_count); return;
    case STAT_CELLS: sqlite3_result_int64(call, cur->cell_count); return;
    case STAT_PAYLOAD: sqlite3_result_int64(call, cur->payload); return;
    case STAT_UNUSED: sqlite3_result_int64(call, cur->unused); return;
    case STAT_SIZE: sqlite3_result_int64(call, cur->page_count * page_size); return;
    default: return; // of one page only: NULL
    }
}

static void result_page(const StatCursor *cur, sqlite3_context *call, int column)
{
    ASSERT(!cur->is_aggregate);

    i64 page_size = btree_page_size(btree_of(cur));
    switch (column) {
    case STAT_PATH: sqlite3_result_text(call, cur->page.path, -1, SQLITE_TRANSIENT); return;
    case STAT_PAGE_NUMBER: sqlite3_result_int64(call, cur->page.pgno); return;
    case STAT_PAGE_TYPE: result_role(call, cur->page.role); return;
    case STAT_CELLS: sqlite3_result_int64(call, cur->page.cell_count); return;
    case STAT_PAYLOAD: sqlite3_result_int64(call, cur->page.payload); return;
    case STAT_UNUSED: sqlite3_result_int64(call, cur->page.unused); return;
    case STAT_OFFSET: sqlite3_result_int64(call, (cur->page.pgno - 1) * page_size); return;
    default: sqlite3_result_int64(call, page_size); return; // STAT_SIZE
    }
}

static int stat_column(sqlite3_vtab_cursor *base, sqlite3_context *call, int column)
{
    const StatCursor *cur = (const StatCursor *)base;
    const StatTable *table = (const StatTable *)base->pVtab;
    switch (column) {
    case STAT_NAME: sqlite3_result_text(call, cur->name, -1, SQLITE_TRANSIENT); break;
    case STAT_PAYLOAD_MAX: sqlite3_result_int64(call, cur->page.payload_max); break;
    case STAT_SCHEMA:
        sqlite3_result_text(call, table->db->databases[cur->database].name, -1, SQLITE_TRANSIENT);
        break;
    case STAT_AGGREGATE: sqlite3_result_int(call, cur->is_aggregate); break;
    default:
        if (cur->is_aggregate)
            result_sum(cur, call, column);
        else
            result_page(cur, call, column);
    }
    return SQLITE_OK;
}

static int stat_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    *out = ((const StatCursor *)base)->rowid;
    return SQLITE_OK;
}

const sqlite3_module dbstat_module = {
    .xCreate = stat_connect,
    .xConnect = stat_connect,
    .xBestIndex = stat_best_index,
    .xDisconnect = stat_disconnect,
    .xDestroy = stat_disconnect,
    .xOpen = stat_open,
    .xClose = stat_close,
    .xFilter = stat_filter,
    .xNext = stat_next,
    .xEof = stat_eof,
    .xColumn = stat_column,
    .xRowid = stat_rowid,
};
