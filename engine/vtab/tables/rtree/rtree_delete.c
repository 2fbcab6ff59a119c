// Removing a row from an R-Tree (Guttman's Delete and CondenseTree).
//
// A node that becomes less than a third full is dissolved: it goes, and its cells are inserted
// anew at their height. Else the boxes above shrink to what is left.
//
// The way from the leaf to the root is read upward by t_parent, whose entries may be anything in a
// damaged file: a circle, or a way that does not end at node 1, is found by its length.

#include "vtab/tables/rtree/rtree.h"

#include <string.h>

// Cells of dissolved nodes, to be inserted again.
typedef struct Orphans {
    RtreeCell *cells;
    int *heights;
    int count, capacity;
} Orphans;

// Both arrays grow together; `capacity` is told only when both have.
static int orphans_add(Orphans *orphans, const RtreeCell *cell, int height)
{
    ASSERT(orphans->count <= orphans->capacity);
    ASSERT(height >= 0);

    if (orphans->count == orphans->capacity) {
        int capacity = orphans->capacity == 0 ? 64 : orphans->capacity * 2;
        RtreeCell *cells = sqlite3_realloc64(orphans->cells, (u64)capacity * sizeof *cells);
        if (cells == NULL)
            return SQLITE_NOMEM;
        orphans->cells = cells;
        int *heights = sqlite3_realloc64(orphans->heights, (u64)capacity * sizeof *heights);
        if (heights == NULL)
            return SQLITE_NOMEM;
        orphans->heights = heights;
        orphans->capacity = capacity;
    }
    orphans->cells[orphans->count] = *cell;
    orphans->heights[orphans->count] = height;
    orphans->count++;
    return SQLITE_OK;
}

// Those that were not inserted again are lost with the statement, which is undone then.
static void orphans_deinit(Orphans *orphans)
{
    sqlite3_free(orphans->cells);
    sqlite3_free(orphans->heights);
}

// Reads the way from the root to a leaf, upward by t_parent.
static int read_path(Rtree *tree, i64 leaf, RtreePath *path)
{
    ASSERT(path->length == 0);

    i64 numbers[RTREE_DEPTH_MAX + 1];
    int count = 0;
    for (i64 number = leaf; number != 1; count++) {
        if (number == 0 || count == RTREE_DEPTH_MAX)
            return SQLITE_CORRUPT_VTAB; // not under the root, or in a circle
        numbers[count] = number;
        TRY(rtree_find_parent(tree, number, &number));
    }
    numbers[count++] = 1;
    path->length = count;
    for (int level = 0; level < count; level++) {
        path->numbers[level] = numbers[count - 1 - level];
        TRY(rtree_read_node(tree, path->numbers[level], path_node(tree, path, level)));
    }
    int depth = rtree_node_depth(path_node(tree, path, 0));
    return depth == count - 1 ? SQLITE_OK : SQLITE_CORRUPT_VTAB; // R1
}

// The box of the node on `level` in its parent becomes as small as its cells allow.
static int shrink_box(Rtree *tree, const RtreePath *path, int level)
{
    const u8 *node = path_node(tree, path, level);
    u8 *parent = path_node(tree, path, level - 1);
    ASSERT(rtree_node_count(node) > 0);

    int index;
    TRY(path_find_child(tree, path, level - 1, &index));
    RtreeCell box;
    RtreeCell cell;
    rtree_node_cell(tree, node, 0, &box);
    for (int i = 1; i < rtree_node_count(node); i++) {
        rtree_node_cell(tree, node, i, &cell);
        box_include(tree, &box, &cell);
    }
    box.id = path->numbers[level];
    rtree_node_set_cell(tree, parent, index, &box);
    return rtree_write_node(tree, path->numbers[level - 1], parent);
}

// Its own cell in the parent goes too, which may make the parent too empty in turn.
static int dissolve(Rtree *tree, RtreePath *path, int level, Orphans *orphans)
{
    ASSERT(level > 0 && level < path->length);

    const u8 *node = path_node(tree, path, level);
    int height = path->length - 1 - level;
    for (int i = 0; i < rtree_node_count(node); i++) {
        RtreeCell cell;
        rtree_node_cell(tree, node, i, &cell);
        TRY(orphans_add(orphans, &cell, height));
    }
    int index;
    TRY(path_find_child(tree, path, level - 1, &index));
    rtree_node_remove(tree, path_node(tree, path, level - 1), index);
    return rtree_delete_node(tree, path->numbers[level]);
}

// Restores law and order from the leaf, which has lost a cell, up to the root.
static int repair_upward(Rtree *tree, RtreePath *path, Orphans *orphans)
{
    ASSERT(path->length > 0);

    int least = tree->cells_max / 3;
    for (int level = path->length - 1; level > 0; level--) {
        const u8 *node = path_node(tree, path, level);
        if (rtree_node_count(node) < least || rtree_node_count(node) == 0) {
            TRY(dissolve(tree, path, level, orphans));
            continue;
        }
        TRY(rtree_write_node(tree, path->numbers[level], node));
        TRY(shrink_box(tree, path, level));
    }
    return rtree_write_node(tree, 1, path_node(tree, path, 0));
}

// A root with one child takes the child's place: its cells are inserted anew in a shallower tree.
static int lower_root(Rtree *tree, u8 *root, Orphans *orphans)
{
    ASSERT(tree->readers == 0);

    TRY(rtree_read_node(tree, 1, root));
    int depth = rtree_node_depth(root);
    if (depth == 0 || rtree_node_count(root) > 1)
        return SQLITE_OK;
    if (rtree_node_count(root) == 1) {
        i64 child_number = rtree_node_cell_id(tree, root, 0);
        TRY(rtree_read_node(tree, child_number, root));
        for (int i = 0; i < rtree_node_count(root); i++) {
            RtreeCell cell;
            rtree_node_cell(tree, root, i, &cell);
            TRY(orphans_add(orphans, &cell, depth - 1));
        }
        TRY(rtree_delete_node(tree, child_number));
    }
    rtree_node_clear(tree, root);
    rtree_node_set_depth(root, depth - 1);
    return rtree_write_node(tree, 1, root);
}

// From the highest to the lowest: a subtree needs a tree that is deep enough for it.
static int insert_orphans(Rtree *tree, const Orphans *orphans)
{
    ASSERT(orphans->count == 0 || orphans->cells != NULL);

    for (int height = RTREE_DEPTH_MAX; height >= 0; height--) {
        for (int i = 0; i < orphans->count; i++) {
            if (orphans->heights[i] == height)
                TRY(rtree_insert_cell(tree, &orphans->cells[i], height));
        }
    }
    return SQLITE_OK;
}

// The row is forgotten before its leaf is repaired: insert_orphans() then gives the others their
// places anew.
static int remove_from_leaf(Rtree *tree, i64 rowid, i64 leaf, RtreePath *path, Orphans *orphans)
{
    TRY(read_path(tree, leaf, path));
    u8 *node = path_node(tree, path, path->length - 1);
    int index = rtree_node_find(tree, node, rowid);
    if (index < 0)
        return SQLITE_CORRUPT_VTAB; // R3
    rtree_node_remove(tree, node, index);
    TRY(rtree_forget_row(tree, rowid));
    TRY(repair_upward(tree, path, orphans));
    TRY(lower_root(tree, path_node(tree, path, 0), orphans));
    return insert_orphans(tree, orphans);
}

int rtree_delete_row(Rtree *tree, i64 rowid)
{
    ASSERT(tree->readers == 0); // R5

    i64 leaf;
    TRY(rtree_find_leaf(tree, rowid, &leaf));
    if (leaf == 0)
        return SQLITE_OK;
    RtreePath path;
    Orphans orphans = {0};
    TRY(path_init(tree, &path));
    int rc = remove_from_leaf(tree, rowid, leaf, &path, &orphans);
    orphans_deinit(&orphans);
    path_deinit(&path);
    return rc;
}
