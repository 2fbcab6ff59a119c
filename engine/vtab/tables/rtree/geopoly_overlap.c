// How two polygons lie to each other.
//
// If an edge of one crosses an edge of the other, they overlap partly. Else every vertical strip
// between neighbouring vertices is cut by the edges into pieces that belong to neither, to one or
// to both, and which kinds there are decides. Strips are looked at in their middle, where no
// vertex lies.
//
// The cost is the product of both counts of vertices, for crossings as well as for strips; the
// bounding boxes are compared first, which settles most pairs.

#include "vtab/tables/rtree/geopoly.h"

#include <stdlib.h>

typedef struct Edge {
    f64 x0, y0, x1, y1; // x0 <= x1
} Edge;

// Its left end first; a vertical edge has both at the same x.
static Edge edge_of(const Polygon *polygon, int i)
{
    ASSERT(i >= 0 && i < polygon->count);

    Edge edge = {polygon_x(polygon, i), polygon_y(polygon, i), polygon_x(polygon, i + 1),
                 polygon_y(polygon, i + 1)};
    if (edge.x0 > edge.x1)
        edge = (Edge){edge.x1, edge.y1, edge.x0, edge.y0};
    return edge;
}

// Positive when the point lies to the left of the way from the edge's first to its second end.
static f64 side(const Edge *edge, f64 x, f64 y)
{
    ASSERT(!(edge->x0 > edge->x1)); // a NaN, which a blob may hold, is neither

    return (edge->x1 - edge->x0) * (y - edge->y0) - (edge->y1 - edge->y0) * (x - edge->x0);
}

// Its ends included. Exact: coordinates are floats, whose products a double holds.
static bool is_on_edge(const Edge *edge, f64 x, f64 y)
{
    ASSERT(edge != NULL);

    f64 low = edge->y0 < edge->y1 ? edge->y0 : edge->y1;
    f64 high = edge->y0 < edge->y1 ? edge->y1 : edge->y0;
    return x >= edge->x0 && x <= edge->x1 && y >= low && y <= high && side(edge, x, y) == 0;
}

// Counts the edges above the point; one that ends there counts at its left end only.
int polygon_contains(const Polygon *polygon, f64 x, f64 y)
{
    ASSERT(polygon->count >= 3);

    int above = 0;
    for (int i = 0; i < polygon->count; i++) {
        Edge edge = edge_of(polygon, i);
        if (is_on_edge(&edge, x, y))
            return POINT_ON_EDGE;
        if (edge.x0 <= x && x < edge.x1 && side(&edge, x, y) < 0)
            above++;
    }
    return above % 2 != 0 ? POINT_INSIDE : POINT_OUTSIDE;
}

// --- crossing ---

// A zero is no sign: a touch is no crossing.
static bool have_opposite_signs(f64 a, f64 b)
{
    return (a < 0 && b > 0) || (a > 0 && b < 0);
}

// In a point that is no end of either.
static bool edges_cross(const Edge *a, const Edge *b)
{
    ASSERT(a != b);

    return have_opposite_signs(side(a, b->x0, b->y0), side(a, b->x1, b->y1))
           && have_opposite_signs(side(b, a->x0, a->y0), side(b, a->x1, a->y1));
}

// Each edge of one with each of the other; the first crossing settles it.
static bool polygons_cross(const Polygon *a, const Polygon *b)
{
    ASSERT(a->count >= 3 && b->count >= 3);

    for (int i = 0; i < a->count; i++) {
        Edge edge_a = edge_of(a, i);
        for (int k = 0; k < b->count; k++) {
            Edge edge_b = edge_of(b, k);
            if (edges_cross(&edge_a, &edge_b))
                return true;
        }
    }
    return false;
}

// --- strips ---

enum { IN_A = 1, IN_B = 2 };

// Where an edge meets the middle of the strip.
typedef struct Cut {
    f64 y;
    int polygon; // IN_A or IN_B
} Cut;

// From bottom to top, for qsort().
static int compare_cuts(const void *left, const void *right)
{
    ASSERT(left != NULL && right != NULL);

    const Cut *a = left;
    const Cut *b = right;
    return a->y < b->y ? -1 : a->y > b->y;
}

// Ascending, for qsort().
static int compare_reals(const void *left, const void *right)
{
    ASSERT(left != NULL && right != NULL);

    f64 a = *(const f64 *)left;
    f64 b = *(const f64 *)right;
    return a < b ? -1 : a > b;
}

// Returns how many cuts were added: at most one for each edge. A vertical edge is none.
static int add_cuts(const Polygon *polygon, int mark, f64 x, Cut *cuts)
{
    ASSERT(mark == IN_A || mark == IN_B);

    int count = 0;
    for (int i = 0; i < polygon->count; i++) {
        Edge edge = edge_of(polygon, i);
        if (edge.x0 >= x || edge.x1 <= x)
            continue;
        f64 share = (x - edge.x0) / (edge.x1 - edge.x0);
        cuts[count++] = (Cut){edge.y0 + share * (edge.y1 - edge.y0), mark};
    }
    return count;
}

// Bit n of the result: there is a piece that belongs to the polygons of n. From bottom to top each
// cut enters or leaves its polygon.
static unsigned kinds_in_strip(const Polygon *a, const Polygon *b, f64 x, Cut *cuts)
{
    ASSERT(cuts != NULL);

    int count = add_cuts(a, IN_A, x, cuts);
    count += add_cuts(b, IN_B, x, cuts + count);
    qsort(cuts, (size_t)count, sizeof *cuts, compare_cuts);
    unsigned kinds = 0;
    int inside = 0;
    for (int i = 0; i + 1 < count; i++) {
        inside ^= cuts[i].polygon;
        if (cuts[i].y < cuts[i + 1].y)
            kinds |= 1u << inside;
    }
    return kinds;
}

// The kinds of all strips together. `xs` and `cuts` have room for the vertices of both.
static unsigned kinds_of_pieces(const Polygon *a, const Polygon *b, f64 *xs, Cut *cuts)
{
    ASSERT(xs != NULL && cuts != NULL);

    int count = 0;
    for (int i = 0; i < a->count; i++)
        xs[count++] = polygon_x(a, i);
    for (int i = 0; i < b->count; i++)
        xs[count++] = polygon_x(b, i);
    qsort(xs, (size_t)count, sizeof *xs, compare_reals);
    unsigned kinds = 0;
    for (int i = 0; i + 1 < count; i++) {
        if (xs[i] < xs[i + 1])
            kinds |= kinds_in_strip(a, b, (xs[i] + xs[i + 1]) / 2, cuts);
    }
    return kinds;
}

// Bit 0, the pieces outside of both, says nothing.
static Overlap overlap_of_kinds(unsigned kinds)
{
    ASSERT((kinds & ~15u) == 0);

    bool in_both = (kinds & 1u << (IN_A | IN_B)) != 0;
    bool in_a_only = (kinds & 1u << IN_A) != 0;
    bool in_b_only = (kinds & 1u << IN_B) != 0;
    if (!in_both)
        return OVERLAP_NONE;
    if (in_a_only)
        return in_b_only ? OVERLAP_PARTLY : OVERLAP_B_IN_A;
    return in_b_only ? OVERLAP_A_IN_B : OVERLAP_EQUAL;
}

// Deterministic, whatever the order of the vertices.
int polygon_overlap(const Polygon *a, const Polygon *b, Overlap *out)
{
    ASSERT(a->count >= 3 && b->count >= 3);

    Bounds of_a = polygon_bounds(a);
    Bounds of_b = polygon_bounds(b);
    *out = OVERLAP_NONE;
    if (of_a.max_x <= of_b.min_x || of_b.max_x <= of_a.min_x || of_a.max_y <= of_b.min_y
        || of_b.max_y <= of_a.min_y)
        return SQLITE_OK;
    if (polygons_cross(a, b)) {
        *out = OVERLAP_PARTLY;
        return SQLITE_OK;
    }
    u64 vertices = (u64)a->count + (u64)b->count;
    f64 *xs = sqlite3_malloc64(vertices * sizeof *xs);
    Cut *cuts = sqlite3_malloc64(vertices * sizeof *cuts);
    if (xs != NULL && cuts != NULL)
        *out = overlap_of_kinds(kinds_of_pieces(a, b, xs, cuts));
    int rc = xs != NULL && cuts != NULL ? SQLITE_OK : SQLITE_NOMEM;
    sqlite3_free(xs);
    sqlite3_free(cuts);
    return rc;
}
