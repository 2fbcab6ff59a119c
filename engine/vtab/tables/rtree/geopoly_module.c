// The module geopoly: rows with a polygon, found by overlap (sqlite.org/geopoly.html).
//
// It is an R-Tree of two dimensions over the polygons' bounds; the polygon itself is the first
// auxiliary column, _shape, and the table's own columns follow it. A search by geopoly_overlap()
// or geopoly_within() asks the R-Tree for boxes, and the core tests the shapes of what it gives.

#include "vtab/tables/rtree/geopoly.h"
#include "vtab/tables/rtree/rtree.h"

#include <string.h>

// How a search was planned (idxNum).
enum { PLAN_ROWID = 1, PLAN_OVERLAP = 2, PLAN_WITHIN = 3, PLAN_SCAN = 4 };

// What xFindFunction calls the two functions, as operators of a constraint.
enum {
    OP_OVERLAP = SQLITE_INDEX_CONSTRAINT_FUNCTION,
    OP_WITHIN = SQLITE_INDEX_CONSTRAINT_FUNCTION + 1,
};

// --- columns ---

// The arguments are column definitions and go into the declaration as they are.
static int declare(Rtree *tree, int count, const char *const *columns, char **message)
{
    ASSERT(count >= 0);
    ASSERT(tree->db != NULL);

    sqlite3_str *sql = sqlite3_str_new(tree->db);
    sqlite3_str_appendall(sql, "CREATE TABLE x(_shape");
    for (int i = 0; i < count; i++)
        sqlite3_str_appendf(sql, ",%s", columns[i]);
    sqlite3_str_appendall(sql, ");");
    char *text = sqlite3_str_finish(sql);
    if (text == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_declare_vtab(tree->db, text);
    if (rc != SQLITE_OK)
        *message = sqlite3_mprintf("%s", sqlite3_errmsg(tree->db));
    sqlite3_free(text);
    return rc;
}

// Once for each connection that opens the table.
static int set_up(Rtree *tree, int count, const char *const *columns, char **message, bool is_new)
{
    ASSERT(count >= 0);
    ASSERT(tree->dims == 0 && tree->aux_count == 0);

    TRY(sqlite3_vtab_config(tree->db, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1));
    TRY(sqlite3_vtab_config(tree->db, SQLITE_VTAB_INNOCUOUS));
    TRY(declare(tree, count, columns, message));
    tree->dims = 2;
    // The shape is a column of t_rowid like the table's own, only the first.
    tree->aux_count = count + 1;
    return rtree_attach(tree, is_new, message);
}

// An argument that is a constraint to SQL, as PRIMARY KEY(a), declares no column but is counted as
// one: t_rowid has a column more then, which stays NULL. So it is with SQLite, and so in files.
static int make_table(sqlite3 *db, int arg_count, const char *const *args, sqlite3_vtab **out,
                      char **message, bool is_new)
{
    ASSERT(arg_count >= 3);

    enum { OWN_ARGS = 3 }; // module, schema, table
    if (arg_count - OWN_ARGS >= RTREE_AUX_MAX) {
        *message = sqlite3_mprintf("Too many columns for a geopoly table");
        return SQLITE_ERROR;
    }
    // `geopoly()` has one argument, which is empty.
    int count = arg_count - OWN_ARGS;
    if (count == 1 && args[OWN_ARGS][0] == 0)
        count = 0;
    Rtree *tree;
    TRY(rtree_new(db, args[1], args[2], &tree));
    int rc = set_up(tree, count, args + OWN_ARGS, message, is_new);
    if (rc != SQLITE_OK) {
        rtree_free(tree);
        return rc;
    }
    *out = &tree->base;
    return SQLITE_OK;
}

// The shadow tables are made.
static int geopoly_create(sqlite3 *db, void *client_data, int arg_count, const char *const *args,
                          sqlite3_vtab **out, char **message)
{
    ASSERT(arg_count >= 3);

    (void)client_data;
    return make_table(db, arg_count, args, out, message, true);
}

// The shadow tables are there, or the file is damaged.
static int geopoly_connect(sqlite3 *db, void *client_data, int arg_count, const char *const *args,
                           sqlite3_vtab **out, char **message)
{
    ASSERT(arg_count >= 3);

    (void)client_data;
    return make_table(db, arg_count, args, out, message, false);
}

// --- planning ---

// Where in aConstraint the rowid and the function are; -1: not asked for.
// What of a WHERE a search can use.
typedef struct Choice {
    int rowid_at, function_at;
    int function_plan;
} Choice;

// A rowid beats a function: it finds one row at most.
static Choice choose(const sqlite3_index_info *info)
{
    ASSERT(info->nConstraint >= 0);

    Choice choice = {.rowid_at = -1, .function_at = -1};
    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraint[i].usable == 0)
            continue;
        int op = info->aConstraint[i].op;
        int column = info->aConstraint[i].iColumn;
        if (column < 0 && op == SQLITE_INDEX_CONSTRAINT_EQ) {
            // Only the rowid itself: a geopoly table has no column of its name.
            choice.rowid_at = i;
        } else if (column == 0 && (op == OP_OVERLAP || op == OP_WITHIN)) {
            choice.function_at = i;
            choice.function_plan = op == OP_OVERLAP ? PLAN_OVERLAP : PLAN_WITHIN;
        }
    }
    return choice;
}

// The boxes are only a first sieve: the core asks the function about the shapes.
static int geopoly_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info)
{
    ASSERT(info->nConstraint >= 0);

    // Not for the filter, which reads idxNum: EXPLAIN QUERY PLAN shows them. Static, and so not to
    // be freed.
    static char by_rowid[] = "rowid", by_boxes[] = "rtree", by_scan[] = "fullscan";
    const Rtree *tree = (const Rtree *)vtab;
    Choice choice = choose(info);
    if (choice.rowid_at >= 0) {
        info->idxNum = PLAN_ROWID;
        info->idxStr = by_rowid;
        info->aConstraintUsage[choice.rowid_at].argvIndex = 1;
        info->aConstraintUsage[choice.rowid_at].omit = 1;
        info->idxFlags = SQLITE_INDEX_SCAN_UNIQUE;
        info->estimatedCost = 30.0;
        info->estimatedRows = 1;
    } else if (choice.function_at >= 0) {
        info->idxNum = choice.function_plan;
        info->idxStr = by_boxes;
        info->aConstraintUsage[choice.function_at].argvIndex = 1;
        info->aConstraintUsage[choice.function_at].omit =
            0; // boxes may overlap where shapes do not
        info->estimatedCost = 300.0;
        info->estimatedRows = 10;
    } else {
        info->idxNum = PLAN_SCAN;
        info->idxStr = by_scan;
        info->estimatedCost = (f64)tree->row_estimate * 3.0;
        info->estimatedRows = 100000;
    }
    return SQLITE_OK;
}

// Overloads exist so that a WHERE with one of the two becomes a constraint with that operator;
// called elsewhere they are the ordinary functions.
static int geopoly_find_function(sqlite3_vtab *vtab, int arg_count, const char *name,
                                 void (**body)(sqlite3_context *, int, sqlite3_value **),
                                 void **client_data)
{
    ASSERT(name != NULL && body != NULL);

    (void)vtab;
    *client_data = NULL;
    if (arg_count == 2 && sqlite3_stricmp(name, "geopoly_overlap") == 0) {
        *body = fn_geopoly_overlap;
        return OP_OVERLAP;
    }
    if (arg_count == 2 && sqlite3_stricmp(name, "geopoly_within") == 0) {
        *body = fn_geopoly_within;
        return OP_WITHIN;
    }
    return 0;
}

// --- reading ---

// Boxes that overlap those bounds, or lie within them.
static int search_bounds(RtreeCursor *cur, const Bounds *bounds, bool is_within)
{
    ASSERT(bounds != NULL);

    enum { TESTS = 4 };
    // On the heap: cursor_search() takes them over.
    RtreeTest *tests = sqlite3_malloc64(TESTS * sizeof *tests);
    if (tests == NULL)
        return SQLITE_NOMEM;
    // Overlap: low <= their high and high >= their low, in both dimensions. Within: low >= their
    // low and high <= their high.
    const f64 lows[] = {bounds->min_x, bounds->min_y};
    const f64 highs[] = {bounds->max_x, bounds->max_y};
    for (int dim = 0; dim < 2; dim++) {
        f64 for_low = is_within ? lows[dim] : highs[dim];
        f64 for_high = is_within ? highs[dim] : lows[dim];
        tests[2 * dim] =
            (RtreeTest){.op = is_within ? RTREE_GE : RTREE_LE, .coord = 2 * dim, .bound = for_low};
        tests[2 * dim + 1] = (RtreeTest){
            .op = is_within ? RTREE_LE : RTREE_GE, .coord = 2 * dim + 1, .bound = for_high};
    }
    return cursor_search(cur, tests, TESTS);
}

// A search for what is no polygon finds nothing.
static int geopoly_filter(sqlite3_vtab_cursor *base, int plan, const char *text, int count,
                          sqlite3_value **args)
{
    ASSERT(plan >= PLAN_ROWID && plan <= PLAN_SCAN);

    RtreeCursor *cur = (RtreeCursor *)base;
    (void)text;
    (void)count;
    if (plan == PLAN_SCAN)
        return cursor_search(cur, NULL, 0);
    if (plan == PLAN_ROWID)
        return cursor_find_row(cur, sqlite3_value_int64(args[0]));
    int rc;
    Polygon *polygon = polygon_parse(args[0], &rc);
    if (polygon == NULL) {
        cursor_search_nothing(cur);
        return rc;
    }
    Bounds bounds = polygon_bounds(polygon);
    sqlite3_free(polygon);
    return search_bounds(cur, &bounds, plan == PLAN_WITHIN);
}

// All columns are auxiliary ones of the R-Tree, the shape the first.
static int geopoly_column(sqlite3_vtab_cursor *base, sqlite3_context *call, int column)
{
    ASSERT(column >= 0);

    return cursor_aux((RtreeCursor *)base, column, call);
}

// --- writing ---

// The write fails as a whole: a row without a shape could not be found again.
static int refuse_shape(Rtree *tree)
{
    ASSERT(tree->dims == 2);

    sqlite3_free(tree->base.zErrMsg);
    tree->base.zErrMsg = sqlite3_mprintf("_shape does not contain a valid polygon");
    return SQLITE_ERROR;
}

// Binds the shape as a blob and the columns behind it, and stores them in the row of t_rowid.
// `count` values are given, the shape's included; columns without one become NULL.
static int write_columns(Rtree *tree, i64 rowid, const Polygon *shape, sqlite3_value **values,
                         int count)
{
    ASSERT(tree->aux_count >= 1);
    ASSERT(tree->write_aux != NULL);

    sqlite3_stmt *stmt = tree->write_aux;
    u64 size = polygon_blob_size(shape);
    u8 *blob = sqlite3_malloc64(size);
    if (blob == NULL)
        return SQLITE_NOMEM;
    polygon_write_blob(shape, blob);
    TRY(sqlite3_bind_int64(stmt, 1, rowid));
    TRY(sqlite3_bind_blob64(stmt, 2, blob, size, sqlite3_free));
    for (int i = 1; i < tree->aux_count && i < count; i++)
        TRY(sqlite3_bind_value(stmt, i + 2, values[i]));
    sqlite3_step(stmt);
    int rc = sqlite3_reset(stmt);
    int unbound = sqlite3_clear_bindings(stmt);
    return rc != SQLITE_OK ? rc : unbound;
}

// As rtree's own (put_row of rtree_module.c): the box may have moved anywhere.
static int put_row(Rtree *tree, const Polygon *shape, int arg_count, sqlite3_value **args,
                   i64 *rowid)
{
    ASSERT(tree->dims == 2);
    ASSERT(arg_count >= 3);

    bool has_old = sqlite3_value_type(args[0]) != SQLITE_NULL;
    bool has_id = sqlite3_value_type(args[1]) != SQLITE_NULL;
    i64 old_rowid = sqlite3_value_int64(args[0]);
    RtreeCell cell = {.id = sqlite3_value_int64(args[1])};
    Bounds bounds = polygon_bounds(shape);
    // Rounded outward like any box, though a polygon's coordinates are floats already and do not
    // change.
    cell.box[0] = coord_low(bounds.min_x);
    cell.box[1] = coord_high(bounds.max_x);
    cell.box[2] = coord_low(bounds.min_y);
    cell.box[3] = coord_high(bounds.max_y);
    if (has_id && (!has_old || old_rowid != cell.id))
        TRY(rtree_make_room(tree, cell.id));
    if (has_old)
        TRY(rtree_delete_row(tree, old_rowid));
    if (!has_id)
        TRY(rtree_new_rowid(tree, &cell.id));
    TRY(rtree_insert_cell(tree, &cell, 0));
    *rowid = cell.id;
    return write_columns(tree, cell.id, shape, args + 2, arg_count - 2);
}

// Arguments as xUpdate has them; the first column is the shape.
static int geopoly_update(sqlite3_vtab *vtab, int arg_count, sqlite3_value **args,
                          sqlite3_int64 *rowid)
{
    ASSERT(arg_count == 1 || arg_count >= 3);

    Rtree *tree = (Rtree *)vtab;
    if (tree->readers > 0)
        return SQLITE_LOCKED_VTAB; // R5
    if (arg_count == 1)
        return rtree_delete_row(tree, sqlite3_value_int64(args[0]));
    int rc;
    // First: a row with a shape that is none changes nothing.
    Polygon *shape = polygon_parse(args[2], &rc);
    if (shape == NULL)
        return rc != SQLITE_OK ? rc : refuse_shape(tree);
    i64 id = 0;
    rc = put_row(tree, shape, arg_count, args, &id);
    sqlite3_free(shape);
    if (rc == SQLITE_OK)
        *rowid = id;
    return rc;
}

static const sqlite3_module geopoly_module = {
    .iVersion = 4,
    .xCreate = geopoly_create,
    .xConnect = geopoly_connect,
    .xBestIndex = geopoly_best_index,
    .xDisconnect = rtree_disconnect,
    .xDestroy = rtree_destroy,
    .xOpen = rtree_open,
    .xClose = rtree_close,
    .xFilter = geopoly_filter,
    .xNext = rtree_next,
    .xEof = rtree_eof,
    .xColumn = geopoly_column,
    .xRowid = rtree_rowid,
    .xUpdate = geopoly_update,
    .xFindFunction = geopoly_find_function,
    .xRename = rtree_rename,
    .xShadowName = rtree_shadow_name,
    .xIntegrity = rtree_integrity,
};

// The functions first: they are of use without a table.
int geopoly_register(sqlite3 *db)
{
    ASSERT(db != NULL);

    TRY(geopoly_register_functions(db));
    return sqlite3_create_module_v2(db, "geopoly", &geopoly_module, NULL, NULL);
}
