// rtreecheck(): proves the laws of an R-Tree (rtree.h, R1 to R4) on its tables, as text.
//
// Everything is read through statements of its own, so that a table whose module cannot be opened
// is examined as well. At most MESSAGES_MAX findings are reported. The findings are worded as
// SQLite's.
//
// Every byte may be damaged: a node's size is compared with what its count of cells needs before a
// cell is read.

#include "vtab/tables/rtree/rtree.h"

#include "base/bytes.h"

#include <string.h>

enum { MESSAGES_MAX = 100, HEIGHT_UNKNOWN = -1 };

// One examination. `rc` is sticky: a failure of SQL ends it, a finding does not.
typedef struct Check {
    sqlite3 *db;
    const char *schema, *name;
    Rtree shape; // dims, coords, is_whole, cell_size: what the functions on nodes ask for
    sqlite3_stmt *read_node;
    sqlite3_stmt *read_place[2]; // [is_leaf]: t_parent, t_rowid
    i64 leaf_cells, inner_cells; // seen in the nodes
    sqlite3_str *report;
    int message_count;
    int rc;
} Check;

// Formats as sqlite3_mprintf does.
static void report(Check *check, const char *format, ...)
{
    ASSERT(format != NULL);

    if (check->rc != SQLITE_OK || check->message_count >= MESSAGES_MAX)
        return;
    va_list args;
    va_start(args, format);
    if (check->message_count > 0)
        sqlite3_str_appendchar(check->report, 1, '\n');
    sqlite3_str_vappendf(check->report, format, args);
    va_end(args);
    // Counted up to the limit, behind which nothing is written.
    check->message_count++;
}

// Sticky: after the first failure nothing more is asked.
static sqlite3_stmt *prepare(Check *check, const char *format)
{
    ASSERT(format != NULL);

    if (check->rc != SQLITE_OK)
        return NULL;
    sqlite3_stmt *stmt = NULL;
    char *sql = sqlite3_mprintf(format, check->schema, check->name);
    if (sql == NULL)
        check->rc = SQLITE_NOMEM;
    else
        check->rc = sqlite3_prepare_v2(check->db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    return stmt;
}

// The walk's error, if there is one, is the one to tell.
static void close_stmt(Check *check, sqlite3_stmt *stmt)
{
    ASSERT(check->db != NULL);

    int rc = sqlite3_finalize(stmt);
    if (check->rc == SQLITE_OK)
        check->rc = rc;
}

// --- what kind of tree ---

// From the columns of the tables: the virtual one has id, coordinates and the auxiliary ones, of
// which t_rowid tells the number.
static void find_shape(Check *check)
{
    ASSERT(check->shape.dims == 0);

    sqlite3_stmt *stmt = prepare(check, "SELECT * FROM \"%w\".\"%w_rowid\"");
    int aux_count = stmt == NULL ? 0 : sqlite3_column_count(stmt) - 2;
    sqlite3_finalize(stmt);
    // A table that cannot be read at all is reported, node by node, from its shadow tables alone.
    stmt = prepare(check, "SELECT * FROM \"%w\".\"%w\"");
    if (stmt == NULL)
        return;
    Rtree *shape = &check->shape;
    shape->dims = (sqlite3_column_count(stmt) - 1 - aux_count) / 2;
    if (shape->dims < 1 || shape->dims > RTREE_DIMS_MAX)
        report(check, "Schema corrupt or not an rtree");
    else if (sqlite3_step(stmt) == SQLITE_ROW)
        shape->is_whole = sqlite3_column_type(stmt, 1) == SQLITE_INTEGER;
    sqlite3_finalize(stmt); // a corrupt node is the business of the walk
    shape->coords = 2 * shape->dims;
    shape->cell_size = 8 + 4 * shape->coords;
}

// --- cells ---

// R4, and R2 where there is a parent.
static void check_box(Check *check, i64 node, int index, const RtreeCell *cell,
                      const RtreeCell *parent)
{
    ASSERT(check->shape.dims <= RTREE_DIMS_MAX);
    ASSERT(check->shape.coords == 2 * check->shape.dims);

    const Rtree *shape = &check->shape;
    for (int dim = 0; dim < shape->dims; dim++) {
        f64 low = coord_value(shape, cell->box[2 * dim]);
        f64 high = coord_value(shape, cell->box[2 * dim + 1]);
        if (low > high)
            report(check, "Dimension %d of cell %d on node %lld is corrupt", dim, index, node);
        if (parent != NULL
            && (low < coord_value(shape, parent->box[2 * dim])
                || high > coord_value(shape, parent->box[2 * dim + 1])))
            report(check, "Dimension %d of cell %d on node %lld is corrupt relative to parent", dim,
                   index, node);
    }
}

// R3: the entry of a row or child must name the node it was found in.
static void check_place(Check *check, bool is_leaf, i64 id, i64 node)
{
    ASSERT(check->read_place[is_leaf] != NULL);

    if (check->rc != SQLITE_OK)

        return;
    const char *suffix = is_leaf ? "%_rowid" : "%_parent";
    sqlite3_stmt *stmt = check->read_place[is_leaf];
    sqlite3_bind_int64(stmt, 1, id);
    int rc = sqlite3_step(stmt);
    if (rc == SQLITE_DONE) {
        report(check, "Mapping (%lld -> %lld) missing from %s table", id, node, suffix);
    } else if (rc == SQLITE_ROW) {
        i64 found = sqlite3_column_int64(stmt, 0);
        if (found != node)
            report(check, "Found (%lld -> %lld) in %s table, expected (%lld -> %lld)", id, found,
                   suffix, id, node);
    }
    check->rc = sqlite3_reset(stmt);
}

// --- nodes ---

// A copy of the node's bytes (sqlite3_malloc); NULL when it is not there, which is reported.
static u8 *read_node(Check *check, i64 number, int *size)
{
    ASSERT(check->rc != SQLITE_OK || check->read_node != NULL);
    ASSERT(size != NULL);

    if (check->rc != SQLITE_OK)
        return NULL;
    u8 *copy = NULL;
    sqlite3_bind_int64(check->read_node, 1, number);
    bool is_there = sqlite3_step(check->read_node) == SQLITE_ROW;
    if (is_there) {
        *size = sqlite3_column_bytes(check->read_node, 0);
        const void *bytes = sqlite3_column_blob(check->read_node, 0);
        copy = sqlite3_malloc64((u64)*size + 1);
        if (copy == NULL)
            check->rc = SQLITE_NOMEM;
        else if (*size > 0)
            memcpy(copy, bytes, (size_t)*size);
    }
    int rc = sqlite3_reset(check->read_node);
    if (check->rc == SQLITE_OK)
        check->rc = rc;
    if (!is_there)
        report(check, "Node %lld missing from database", number);
    return copy;
}

static void check_node(Check *check, int height, const RtreeCell *parent, i64 number);

// Every cell of a node, and below a leaf's parent every child.
static void check_cells(Check *check, int height, const RtreeCell *parent, i64 number,
                        const u8 *node)
{
    ASSERT(height >= 0 && height <= RTREE_DEPTH_MAX);
    ASSERT(check->shape.cell_size > 0);

    Rtree *shape = &check->shape;
    for (int i = 0; i < rtree_node_count(node); i++) {
        RtreeCell cell;
        shape->cells_max = rtree_node_count(node);
        rtree_node_cell(shape, node, i, &cell);
        check_box(check, number, i, &cell, parent);
        check_place(check, height == 0, cell.id, number);
        if (height > 0) {
            check->inner_cells++;
            check_node(check, height - 1, &cell, cell.id);
        } else {
            check->leaf_cells++;
        }
    }
}

// Recursion is as deep as the tree, which was found to be RTREE_DEPTH_MAX at most.
static void check_node(Check *check, int height, const RtreeCell *parent, i64 number)
{
    ASSERT(height >= HEIGHT_UNKNOWN);

    int size = 0;
    u8 *node = read_node(check, number, &size);
    if (node == NULL)
        return;
    if (size < RTREE_NODE_HEADER) {
        report(check, "Node %lld is too small (%d bytes)", number, size);
        sqlite3_free(node);
        return;
    }
    if (height == HEIGHT_UNKNOWN)
        height = rtree_node_depth(node);
    // The root alone tells how deep the tree is; below it the height follows.
    int count = rtree_node_count(node);
    if (height > RTREE_DEPTH_MAX)
        report(check, "Rtree depth out of range (%d)", height);
    else if (RTREE_NODE_HEADER + count * check->shape.cell_size > size)
        report(check, "Node %lld is too small for cell count of %d (%d bytes)", number, count,
               size);
    else
        check_cells(check, height, parent, number, node);
    sqlite3_free(node);
}

// Entries that no node accounts for are found by their number.
static void check_count(Check *check, const char *suffix, const char *format, i64 expected)
{
    ASSERT(expected >= 0);

    sqlite3_stmt *stmt = prepare(check, format);
    if (stmt == NULL)
        return;
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        i64 actual = sqlite3_column_int64(stmt, 0);
        if (actual != expected)
            report(check, "Wrong number of entries in %%%s table - expected %lld, actual %lld",
                   suffix, expected, actual);
    }
    close_stmt(check, stmt);
}

// Shape first: without the number of dimensions no cell can be read.
static void check_all(Check *check)
{
    ASSERT(check->rc == SQLITE_OK);

    find_shape(check);
    check->read_node = prepare(check, "SELECT data FROM \"%w\".\"%w_node\" WHERE nodeno = ?1");
    check->read_place[0] =
        prepare(check, "SELECT parentnode FROM \"%w\".\"%w_parent\" WHERE nodeno = ?1");
    check->read_place[1] =
        prepare(check, "SELECT nodeno FROM \"%w\".\"%w_rowid\" WHERE rowid = ?1");
    if (check->rc == SQLITE_OK && check->shape.dims >= 1 && check->shape.dims <= RTREE_DIMS_MAX) {
        check_node(check, HEIGHT_UNKNOWN, NULL, 1);
        check_count(check, "_rowid", "SELECT count(*) FROM \"%w\".\"%w_rowid\"", check->leaf_cells);
        check_count(check, "_parent", "SELECT count(*) FROM \"%w\".\"%w_parent\"",
                    check->inner_cells);
    }
    close_stmt(check, check->read_node);
    close_stmt(check, check->read_place[0]);
    close_stmt(check, check->read_place[1]);
}

// A tree that cannot be examined is an error; one that breaks the laws is a report.
int rtree_check(sqlite3 *db, const char *schema, const char *name, char **out)
{
    ASSERT(schema != NULL && name != NULL);

    Check check = {.db = db, .schema = schema, .name = name, .report = sqlite3_str_new(db)};
    *out = NULL;
    check_all(&check);
    int text_rc = sqlite3_str_errcode(check.report);
    char *text = sqlite3_str_finish(check.report);
    if (check.rc == SQLITE_OK)
        check.rc = text_rc;
    if (check.rc != SQLITE_OK) {
        sqlite3_free(text);
        return check.rc;
    }
    *out = text;
    return SQLITE_OK;
}
