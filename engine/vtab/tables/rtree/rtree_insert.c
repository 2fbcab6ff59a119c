// Adding a cell to an R-Tree: choose a way down, append, split what is full, widen the boxes above
// (Guttman's Insert, ChooseLeaf and AdjustTree).
//
// All nodes of the way are held in memory and written where they change. A failure half way leaves
// the tables to the statement's savepoint, which the core rolls back.

#include "vtab/tables/rtree/rtree.h"

#include <math.h>
#include <string.h>

// Freed by path_deinit(), also after a failure.
int path_init(const Rtree *tree, RtreePath *path)
{
    ASSERT(tree->node_size > 0);

    path->length = 0;
    // One node more than the deepest path: a split of the root makes the tree a level deeper.
    path->nodes = sqlite3_malloc64((u64)(RTREE_DEPTH_MAX + 1) * (u64)tree->node_size);
    return path->nodes == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

// Also of one whose memory was not given.
void path_deinit(RtreePath *path)
{
    sqlite3_free(path->nodes);
    path->nodes = NULL;
    path->length = 0;
}

// A change to it must be written back (rtree_write_node).
u8 *path_node(const Rtree *tree, const RtreePath *path, int level)
{
    ASSERT(level >= 0);
    ASSERT(level <= RTREE_DEPTH_MAX);
    return path->nodes + (size_t)level * (size_t)tree->node_size;
}

// R3: the tables say that there is one, which a damaged file need not keep to.
int path_find_child(const Rtree *tree, const RtreePath *path, int level, int *index)
{
    ASSERT(level + 1 < path->length);

    *index = rtree_node_find(tree, path_node(tree, path, level), path->numbers[level + 1]);
    return *index < 0 ? SQLITE_CORRUPT_VTAB : SQLITE_OK;
}

// --- choosing ---

// The cell that has to grow least to take the new one; of equals the smallest. NaN, which a
// damaged node may hold, makes no growth the least: the first child is taken then.
static int choose_child(const Rtree *tree, const u8 *node, const RtreeCell *cell)
{
    ASSERT(rtree_node_count(node) > 0);

    int best = 0;
    f64 best_growth = INFINITY;
    f64 best_area = INFINITY;
    for (int i = 0; i < rtree_node_count(node); i++) {
        RtreeCell child;
        rtree_node_cell(tree, node, i, &child);
        f64 area = box_area(tree, &child);
        box_include(tree, &child, cell);
        f64 growth = box_area(tree, &child) - area;
        if (growth < best_growth || (growth == best_growth && area < best_area)) {
            best = i;
            best_growth = growth;
            best_area = area;
        }
    }
    return best;
}

// Reads the way from the root down to the node at `height` that shall take the cell.
static int choose_path(Rtree *tree, const RtreeCell *cell, int height, RtreePath *path)
{
    ASSERT(height >= 0);

    u8 *root = path_node(tree, path, 0);
    TRY(rtree_read_node(tree, 1, root));
    path->numbers[0] = 1;
    path->length = 1;
    int depth = rtree_node_depth(root);
    if (depth > RTREE_DEPTH_MAX || height > depth)
        return SQLITE_CORRUPT_VTAB;
    for (int level = 0; level < depth - height; level++) {
        const u8 *node = path_node(tree, path, level);
        if (rtree_node_count(node) == 0)
            return SQLITE_CORRUPT_VTAB;
        int index = choose_child(tree, node, cell);
        path->numbers[level + 1] = rtree_node_cell_id(tree, node, index);
        TRY(rtree_read_node(tree, path->numbers[level + 1], path_node(tree, path, level + 1)));
        path->length++;
    }
    return SQLITE_OK;
}

// --- widening ---

// Makes the boxes above `level` enclose the new cell (R2).
static int widen_above(Rtree *tree, const RtreePath *path, int level, const RtreeCell *cell)
{
    ASSERT(level < path->length);

    for (int above = level - 1; above >= 0; above--) {
        u8 *node = path_node(tree, path, above);
        int index;
        TRY(path_find_child(tree, path, above, &index));
        RtreeCell box;
        rtree_node_cell(tree, node, index, &box);
        if (box_contains(tree, &box, cell))
            return SQLITE_OK; // and so do all above
        box_include(tree, &box, cell);
        rtree_node_set_cell(tree, node, index, &box);
        TRY(rtree_write_node(tree, path->numbers[above], node));
    }
    return SQLITE_OK;
}

// --- splitting ---

// The box around `count` cells, at least one, as the cell of node `id`.
static RtreeCell enclose(const Rtree *tree, const RtreeCell *cells, int count, i64 id)
{
    ASSERT(count > 0);

    RtreeCell box = cells[0];
    for (int i = 1; i < count; i++)
        box_include(tree, &box, &cells[i]);
    box.id = id;
    return box;
}

// The counts are split_plan()'s, of which each half fits.
static void fill_node(const Rtree *tree, u8 *node, const RtreeCell *cells, int count)
{
    ASSERT(count <= tree->cells_max);

    rtree_node_clear(tree, node);
    for (int i = 0; i < count; i++) {
        bool fits = rtree_node_append(tree, node, &cells[i]);
        ASSERT(fits);
        (void)fits;
    }
}

// Writes the cells as a new node and says so to what they point to.
static int store_new_node(Rtree *tree, const RtreeCell *cells, int count, int height, i64 *number)
{
    ASSERT(count > 0);

    u8 *node = sqlite3_malloc(tree->node_size);
    if (node == NULL)
        return SQLITE_NOMEM;
    fill_node(tree, node, cells, count);
    int rc = rtree_append_node(tree, node, number);
    for (int i = 0; i < count && rc == SQLITE_OK; i++)
        rc = rtree_set_place(tree, cells[i].id, height, *number);
    sqlite3_free(node);
    return rc;
}

// The root stays node 1: its cells move to two new nodes, and the tree is a level deeper.
static int split_root(Rtree *tree, RtreePath *path, const RtreeCell *cells, const int counts[2])
{
    ASSERT(path->numbers[0] == 1);
    ASSERT(counts[0] > 0 && counts[1] > 0);

    u8 *root = path_node(tree, path, 0);
    int height = rtree_node_depth(root);
    if (height >= RTREE_DEPTH_MAX)
        return SQLITE_FULL;
    const RtreeCell *halves[2] = {cells, cells + counts[0]};
    RtreeCell boxes[2];
    for (int i = 0; i < 2; i++) {
        i64 number;
        TRY(store_new_node(tree, halves[i], counts[i], height, &number));
        TRY(rtree_set_place(tree, number, height + 1, 1));
        boxes[i] = enclose(tree, halves[i], counts[i], number);
    }
    fill_node(tree, root, boxes, 2);
    rtree_node_set_depth(root, height + 1);
    return rtree_write_node(tree, 1, root);
}

static int add_to_node(Rtree *tree, RtreePath *path, int level, const RtreeCell *cell, int height);

// The node keeps the left half of the cells under its number; the right half becomes a node beside
// it, whose cell goes to the parent.
static int split_node(Rtree *tree, RtreePath *path, int level, const RtreeCell *cells,
                      const int counts[2], int height)
{
    ASSERT(level > 0);
    ASSERT(counts[0] > 0 && counts[1] > 0);

    u8 *node = path_node(tree, path, level);
    i64 number = path->numbers[level];
    fill_node(tree, node, cells, counts[0]);
    TRY(rtree_write_node(tree, number, node));
    for (int i = 0; i < counts[0]; i++)
        TRY(rtree_set_place(tree, cells[i].id, height, number));

    u8 *parent = path_node(tree, path, level - 1);
    int index;
    TRY(path_find_child(tree, path, level - 1, &index));
    RtreeCell left = enclose(tree, cells, counts[0], number);
    rtree_node_set_cell(tree, parent, index, &left);
    TRY(rtree_write_node(tree, path->numbers[level - 1], parent));
    TRY(widen_above(tree, path, level - 1, &left));

    i64 right_number;
    TRY(store_new_node(tree, cells + counts[0], counts[1], height, &right_number));
    RtreeCell right = enclose(tree, cells + counts[0], counts[1], right_number);
    return add_to_node(tree, path, level - 1, &right, height + 1);
}

// Cells of a full node and the new one are shared out anew.
static int split_and_add(Rtree *tree, RtreePath *path, int level, const RtreeCell *cell, int height)
{
    ASSERT(rtree_node_count(path_node(tree, path, level)) == tree->cells_max);

    const u8 *node = path_node(tree, path, level);
    int count = rtree_node_count(node) + 1;
    RtreeCell *cells = sqlite3_malloc64((u64)count * sizeof *cells);
    if (cells == NULL)
        return SQLITE_NOMEM;
    for (int i = 0; i < count - 1; i++)
        rtree_node_cell(tree, node, i, &cells[i]);
    cells[count - 1] = *cell;

    int left_count = 0;
    int rc = split_plan(tree, cells, count, &left_count);
    const int counts[2] = {left_count, count - left_count};
    if (rc == SQLITE_OK && level == 0)
        rc = split_root(tree, path, cells, counts);
    else if (rc == SQLITE_OK)
        rc = split_node(tree, path, level, cells, counts, height);
    sqlite3_free(cells);
    return rc;
}

// Puts the cell into the node on `level` of the path, whose height above the leaves is `height`.
static int add_to_node(Rtree *tree, RtreePath *path, int level, const RtreeCell *cell, int height)
{
    ASSERT(level >= 0 && level < path->length);

    u8 *node = path_node(tree, path, level);
    if (!rtree_node_append(tree, node, cell))
        return split_and_add(tree, path, level, cell, height);
    TRY(rtree_write_node(tree, path->numbers[level], node));
    TRY(rtree_set_place(tree, cell->id, height, path->numbers[level]));
    return widen_above(tree, path, level, cell);
}

// Height 0 is a row; more is a subtree that was cut off by a removal.
int rtree_insert_cell(Rtree *tree, const RtreeCell *cell, int height)
{
    ASSERT(tree->readers == 0); // R5
    ASSERT(height >= 0);

    RtreePath path;
    TRY(path_init(tree, &path));
    int rc = choose_path(tree, cell, height, &path);
    if (rc == SQLITE_OK)
        rc = add_to_node(tree, &path, path.length - 1, cell, height);
    path_deinit(&path);
    return rc;
}
