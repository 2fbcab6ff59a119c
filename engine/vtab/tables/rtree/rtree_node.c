// Bytes of an R-Tree node, and the arithmetic of boxes.
//
// Nothing here reads a table or can fail. Boxes are handled in double precision, which holds every
// 32-bit coordinate exactly, so that a comparison is never a matter of rounding.
#include "vtab/tables/rtree/rtree.h"

#include "base/bytes.h"

// Of the root. What other nodes have there is not read.
int rtree_node_depth(const u8 *data)
{
    ASSERT(data != NULL);

    return (int)get_u16(data);
}

// Of the root.
void rtree_node_set_depth(u8 *data, int depth)
{
    ASSERT(depth >= 0 && depth <= RTREE_DEPTH_MAX);
    put_u16(data, (u16)depth);
}

// As the file has it: rtree_node_is_sound() says whether it can be.
int rtree_node_count(const u8 *data)
{
    ASSERT(data != NULL);

    return (int)get_u16(data + 2);
}

// The count comes from the file; the size of the node has been compared before.
bool rtree_node_is_sound(const Rtree *tree, const u8 *data)
{
    ASSERT(tree->cells_max > 0);

    return rtree_node_count(data) <= tree->cells_max;
}

// Bytes behind the cells are zeros too, as SQLite writes them.
void rtree_node_clear(const Rtree *tree, u8 *data)
{
    ASSERT(tree->node_size >= RTREE_NODE_HEADER);

    memset(data, 0, (size_t)tree->node_size);
}

// Cells lie one behind the other.
static size_t cell_offset(const Rtree *tree, int index)
{
    ASSERT(tree->cell_size == 8 + 4 * tree->coords);

    return RTREE_NODE_HEADER + (size_t)index * (size_t)tree->cell_size;
}

// Without its box.
i64 rtree_node_cell_id(const Rtree *tree, const u8 *data, int index)
{
    ASSERT(index >= 0);
    ASSERT(index < tree->cells_max);
    return (i64)get_u64(data + cell_offset(tree, index));
}

// A copy in the machine's byte order.
void rtree_node_cell(const Rtree *tree, const u8 *data, int index, RtreeCell *out)
{
    ASSERT(out != NULL);

    const u8 *at = data + cell_offset(tree, index);
    out->id = rtree_node_cell_id(tree, data, index);
    for (int i = 0; i < tree->coords; i++)
        out->box[i].bits = get_u32(at + 8 + 4 * i);
}

void rtree_node_set_cell(const Rtree *tree, u8 *data, int index, const RtreeCell *cell)
{
    ASSERT(index >= 0);
    ASSERT(index < tree->cells_max);

    u8 *at = data + cell_offset(tree, index);
    // The bits as they are, float or integer: rounding was done when the box was made.
    put_u64(at, (u64)cell->id);
    for (int i = 0; i < tree->coords; i++)
        put_u32(at + 8 + 4 * i, cell->box[i].bits);
}

// At the end.
bool rtree_node_append(const Rtree *tree, u8 *data, const RtreeCell *cell)
{
    ASSERT(rtree_node_is_sound(tree, data));
    ASSERT(tree->node_size >= RTREE_NODE_HEADER + tree->cells_max * tree->cell_size);

    int count = rtree_node_count(data);
    if (count >= tree->cells_max)
        return false;
    rtree_node_set_cell(tree, data, count, cell);
    put_u16(data + 2, (u16)(count + 1));
    return true;
}

// The cells behind it move up: their order is that of rows without an ORDER BY, and the same as
// SQLite's.
void rtree_node_remove(const Rtree *tree, u8 *data, int index)
{
    ASSERT(rtree_node_is_sound(tree, data));

    int count = rtree_node_count(data);
    ASSERT(index >= 0 && index < count);

    u8 *at = data + cell_offset(tree, index);
    size_t after = (size_t)(count - 1 - index) * (size_t)tree->cell_size;
    memmove(at, at + tree->cell_size, after);
    put_u16(data + 2, (u16)(count - 1));
}

// Linear: a node has fifty cells.
int rtree_node_find(const Rtree *tree, const u8 *data, i64 id)
{
    ASSERT(rtree_node_is_sound(tree, data));

    for (int i = 0; i < rtree_node_count(data); i++) {
        if (rtree_node_cell_id(tree, data, i) == id)
            return i;
    }
    return -1;
}

// --- boxes ---

// Every coordinate is exact as a double, be it a float or an integer.
f64 coord_value(const Rtree *tree, RtreeCoord coord)
{
    ASSERT(tree->coords > 0);

    return tree->is_whole ? (f64)coord.whole : (f64)coord.real;
}

// Of one dimension.
static f64 low(const Rtree *tree, const RtreeCell *box, int dim)
{
    ASSERT(dim >= 0 && dim < tree->dims);

    return coord_value(tree, box->box[2 * dim]);
}

static f64 high(const Rtree *tree, const RtreeCell *box, int dim)
{
    ASSERT(dim >= 0 && dim < tree->dims);

    return coord_value(tree, box->box[2 * dim + 1]);
}

// Only grows.
void box_include(const Rtree *tree, RtreeCell *box, const RtreeCell *other)
{
    ASSERT(box != other);

    for (int dim = 0; dim < tree->dims; dim++) {
        if (low(tree, other, dim) < low(tree, box, dim))
            box->box[2 * dim] = other->box[2 * dim];
        if (high(tree, other, dim) > high(tree, box, dim))
            box->box[2 * dim + 1] = other->box[2 * dim + 1];
    }
}

// Equal boxes contain each other.
bool box_contains(const Rtree *tree, const RtreeCell *box, const RtreeCell *other)
{
    ASSERT(box != NULL && other != NULL);

    for (int dim = 0; dim < tree->dims; dim++) {
        if (low(tree, other, dim) < low(tree, box, dim)
            || high(tree, other, dim) > high(tree, box, dim))
            return false;
    }
    return true;
}

f64 box_area(const Rtree *tree, const RtreeCell *box)
{
    ASSERT(tree->dims >= 1);

    // Integers of 32 bits: five sides of 2^32 fit in a double, rounded but never infinite.
    f64 area = 1;
    for (int dim = 0; dim < tree->dims; dim++)
        area *= high(tree, box, dim) - low(tree, box, dim);
    return area;
}

// Half the margin: the sum of the sides, which orders boxes as well as twice of it.
f64 box_margin(const Rtree *tree, const RtreeCell *box)
{
    ASSERT(tree->dims >= 1);

    f64 margin = 0;
    for (int dim = 0; dim < tree->dims; dim++)
        margin += high(tree, box, dim) - low(tree, box, dim);
    return margin;
}

// The area of what two boxes share; 0 also if they only touch.
f64 box_overlap(const Rtree *tree, const RtreeCell *a, const RtreeCell *b)
{
    ASSERT(tree->dims >= 1);

    f64 area = 1;
    for (int dim = 0; dim < tree->dims; dim++) {
        f64 from = low(tree, a, dim) > low(tree, b, dim) ? low(tree, a, dim) : low(tree, b, dim);
        f64 to = high(tree, a, dim) < high(tree, b, dim) ? high(tree, a, dim) : high(tree, b, dim);
        if (to < from)
            return 0;
        area *= to - from;
    }
    return area;
}

// One unit in the 24th bit: how far a double must be moved so that its float lies beyond it. The
// formats' stored bounds depend on these very numbers.
static const f64 shrink = 1.0 - 1.0 / 8388608.0;
static const f64 grow = 1.0 + 1.0 / 8388608.0;

// A float is the nearest to a double, which may lie above it: it is moved down then, and
// coord_high() the other way (R4).
RtreeCoord coord_low(f64 value)
{
    RtreeCoord coord = {.real = (float)value};
    if ((f64)coord.real > value)
        coord.real = (float)(value * (value < 0 ? grow : shrink));
    return coord;
}

// The least float that is not below the value.
RtreeCoord coord_high(f64 value)
{
    RtreeCoord coord = {.real = (float)value};
    if ((f64)coord.real < value)
        coord.real = (float)(value * (value < 0 ? shrink : grow));
    return coord;
}
