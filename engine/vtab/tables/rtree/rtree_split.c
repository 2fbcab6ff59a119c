// Deciding how the cells of a full node are shared out between two: the split of the R*-tree.
//
// Along each dimension the cells are put in order of their low, then their high bound; every cut
// that leaves both sides at least a third full is a candidate. The dimension with the least sum of
// margins over its candidates is taken, in it the cut with the least overlap, then the least area.
#include "vtab/tables/rtree/rtree.h"

#include <math.h>

typedef struct Cut {
    f64 margin; // sum over all cuts of the dimension
    f64 overlap, area;
    int left_count;
} Cut;

static bool comes_after(const Rtree *tree, const RtreeCell *a, const RtreeCell *b, int dim)
{
    ASSERT(dim >= 0 && dim < tree->dims);

    f64 a_low = coord_value(tree, a->box[2 * dim]);
    f64 b_low = coord_value(tree, b->box[2 * dim]);
    if (a_low != b_low)
        return a_low > b_low;
    return coord_value(tree, a->box[2 * dim + 1]) > coord_value(tree, b->box[2 * dim + 1]);
}

// By insertion: there are some fifty cells, and equal ones keep their order.
static void sort_cells(const Rtree *tree, RtreeCell *cells, int count, int dim)
{
    ASSERT(count > 0);

    for (int i = 1; i < count; i++) {
        RtreeCell moved = cells[i];
        int at = i;
        for (; at > 0 && comes_after(tree, &cells[at - 1], &moved, dim); at--)
            cells[at] = cells[at - 1];
        cells[at] = moved;
    }
}

// suffix[i] becomes the box around cells i and up.
static void enclose_suffixes(const Rtree *tree, const RtreeCell *cells, int count,
                             RtreeCell *suffix)
{
    ASSERT(count > 0);

    suffix[count - 1] = cells[count - 1];
    for (int i = count - 2; i >= 0; i--) {
        suffix[i] = cells[i];
        box_include(tree, &suffix[i], &suffix[i + 1]);
    }
}

// The best cut of the cells in the order they are in; where no cut leaves both sides full enough,
// in the middle. `suffix` is scratch for `count` boxes.
static Cut best_cut(const Rtree *tree, const RtreeCell *cells, int count, RtreeCell *suffix)
{
    ASSERT(count >= 2);

    int least = (tree->cells_max + 1) / 3;
    least = least < 1 ? 1 : least;
    Cut best = {.overlap = INFINITY, .area = INFINITY, .left_count = count / 2};
    enclose_suffixes(tree, cells, count, suffix);
    RtreeCell left = cells[0];
    for (int i = 1; i < count; i++) {
        if (i >= least && count - i >= least) {
            f64 overlap = box_overlap(tree, &left, &suffix[i]);
            f64 area = box_area(tree, &left) + box_area(tree, &suffix[i]);
            best.margin += box_margin(tree, &left) + box_margin(tree, &suffix[i]);
            if (overlap < best.overlap || (overlap == best.overlap && area < best.area)) {
                best.overlap = overlap;
                best.area = area;
                best.left_count = i;
            }
        }
        box_include(tree, &left, &cells[i]);
    }
    return best;
}

int split_plan(const Rtree *tree, RtreeCell *cells, int count, int *left_count)
{
    ASSERT(count >= 2);

    RtreeCell *suffix = sqlite3_malloc64((u64)count * sizeof *suffix);
    if (suffix == NULL)
        return SQLITE_NOMEM;
    int best_dim = 0;
    Cut best = {.margin = INFINITY};
    for (int dim = 0; dim < tree->dims; dim++) {
        sort_cells(tree, cells, count, dim);
        Cut cut = best_cut(tree, cells, count, suffix);
        if (dim == 0 || cut.margin < best.margin) {
            best = cut;
            best_dim = dim;
        }
    }
    // The cells are in the order of the last dimension that was tried.
    sort_cells(tree, cells, count, best_dim);
    sqlite3_free(suffix);
    *left_count = best.left_count;
    ASSERT(*left_count > 0);
    ASSERT(*left_count < count);
    return SQLITE_OK;
}
