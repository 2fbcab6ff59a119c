// The functions rtreenode(), rtreedepth() and rtreecheck(), and the registration of the modules.
#include "vtab/tables/rtree/rtree.h"

#include <string.h>

// rtreenode(dims, node): the cells as text, {id low high …} …; NULL for what is no node.
static void fn_node(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count == 2);

    (void)count;
    Rtree shape = {.dims = sqlite3_value_int(args[0])};
    if (shape.dims < 1 || shape.dims > RTREE_DIMS_MAX)
        return;
    shape.coords = 2 * shape.dims;
    shape.cell_size = 8 + 4 * shape.coords;
    const u8 *node = sqlite3_value_blob(args[1]);
    int size = sqlite3_value_bytes(args[1]);
    if (node == NULL || size < RTREE_NODE_HEADER
        || size < RTREE_NODE_HEADER + rtree_node_count(node) * shape.cell_size)
        return;
    shape.cells_max = rtree_node_count(node);
    sqlite3_str *text = sqlite3_str_new(sqlite3_context_db_handle(call));
    for (int i = 0; i < rtree_node_count(node); i++) {
        RtreeCell cell;
        rtree_node_cell(&shape, node, i, &cell);
        sqlite3_str_appendf(text, "%s{%lld", i > 0 ? " " : "", cell.id);
        for (int k = 0; k < shape.coords; k++)
            sqlite3_str_appendf(text, " %g", (f64)cell.box[k].real);
        sqlite3_str_appendchar(text, 1, '}');
    }
    int rc = sqlite3_str_errcode(text);
    sqlite3_result_text(call, sqlite3_str_finish(text), -1, sqlite3_free);
    sqlite3_result_error_code(call, rc);
}

// The first two bytes of a node: the tree's depth, if it is the root.
static void fn_depth(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count == 1);

    (void)count;
    const u8 *node = sqlite3_value_blob(args[0]);
    if (sqlite3_value_type(args[0]) != SQLITE_BLOB || sqlite3_value_bytes(args[0]) < 2
        || node == NULL) {
        sqlite3_result_error(call, "Invalid argument to rtreedepth()", -1);
        return;
    }
    sqlite3_result_int(call, rtree_node_depth(node));
}

// rtreecheck([schema,] table): 'ok' or what is wrong.
static void fn_check(sqlite3_context *call, int count, sqlite3_value **args)
{
    if (count != 1 && count != 2) {
        sqlite3_result_error(call, "wrong number of arguments to function rtreecheck()", -1);
        return;
    }
    const char *schema = count == 2 ? (const char *)sqlite3_value_text(args[0]) : "main";
    const char *name = (const char *)sqlite3_value_text(args[count - 1]);
    char *report = NULL;
    int rc = rtree_check(sqlite3_context_db_handle(call), schema, name, &report);
    if (rc != SQLITE_OK)
        sqlite3_result_error_code(call, rc);
    else if (report == NULL)
        sqlite3_result_text(call, "ok", -1, SQLITE_STATIC);
    else
        sqlite3_result_text(call, report, -1, sqlite3_free);
}

// The modules and functions of R-Trees; geometry callbacks are registered by programs
// (rtree_match.c).
int rtree_register(sqlite3 *db)
{
    static const char whole_coordinates = 1; // the client data of rtree_i32 is not NULL
    TRY(sqlite3_create_function(db, "rtreenode", 2, SQLITE_UTF8, NULL, fn_node, NULL, NULL));
    TRY(sqlite3_create_function(db, "rtreedepth", 1, SQLITE_UTF8, NULL, fn_depth, NULL, NULL));
    TRY(sqlite3_create_function(db, "rtreecheck", -1, SQLITE_UTF8, NULL, fn_check, NULL, NULL));
    TRY(sqlite3_create_module_v2(db, "rtree", &rtree_module, NULL, NULL));
    return sqlite3_create_module_v2(db, "rtree_i32", &rtree_module, (void *)&whole_coordinates,
                                    NULL);
}
