#ifndef QUIRE_VTAB_TABLES_RTREE_GEOPOLY_H
#define QUIRE_VTAB_TABLES_RTREE_GEOPOLY_H
// Polygons: values, their geometry, the functions geopoly_*() and the module geopoly
// (sqlite.org/geopoly.html).
//
// As text a polygon is a JSON array of vertices whose last equals the first,
// [[0,0],[1,0],[0.5,1],[0,0]]. As a blob, SQLite's:
//   0  u8        0: coordinates are big-endian, 1: little-endian
//   1  u24       count of vertices, big-endian; the last is not repeated
//   4            x and y of each as 32-bit floats
//
// The triangle above is 01 000003 00000000 00000000 0000803f 00000000 0000003f 0000803f.
//
// A polygon is simple and its vertices go counter-clockwise; one that is not makes no error, but
// its area and overlaps are without meaning. Coordinates may be infinite or NaN, from a blob:
// nothing here relies on their order for its safety.

#include "base/contract.h"
#include "sqlite3.h"

typedef struct Polygon {
    int count;      // of vertices, at least 3
    float coords[]; // x, y of each
} Polygon;

enum { POLYGON_VERTICES_MAX = 0xffffff };

typedef struct Bounds {
    f64 min_x, max_x, min_y, max_y;
} Bounds;

// --- geopoly_shape.c ---

// NULL with *rc SQLITE_OK when the value is no polygon. Freed by sqlite3_free().
Polygon *polygon_parse(sqlite3_value *value, int *rc);
MUST_USE Polygon *polygon_new(int count); // coordinates are left to the caller
u64 polygon_blob_size(const Polygon *polygon);
void polygon_write_blob(const Polygon *polygon, u8 *out); // polygon_blob_size() bytes
void polygon_result(sqlite3_context *call, const Polygon *polygon);
Bounds polygon_bounds(const Polygon *polygon);
f64 polygon_area(const Polygon *polygon); // negative when clockwise

static inline f64 polygon_x(const Polygon *polygon, int vertex)
{
    return (f64)polygon->coords[2 * (vertex % polygon->count)];
}
static inline f64 polygon_y(const Polygon *polygon, int vertex)
{
    return (f64)polygon->coords[2 * (vertex % polygon->count) + 1];
}

// --- geopoly_overlap.c ---

enum { POINT_OUTSIDE, POINT_ON_EDGE, POINT_INSIDE };
int polygon_contains(const Polygon *polygon, f64 x, f64 y);

typedef enum Overlap {
    OVERLAP_NONE, // no inner point in common
    OVERLAP_PARTLY,
    OVERLAP_A_IN_B,
    OVERLAP_B_IN_A,
    OVERLAP_EQUAL,
} Overlap;
MUST_USE int polygon_overlap(const Polygon *a, const Polygon *b, Overlap *out);

// --- geopoly_functions.c, geopoly_module.c ---

// The two functions that the module can answer from its boxes.
void fn_geopoly_overlap(sqlite3_context *call, int count, sqlite3_value **args);
void fn_geopoly_within(sqlite3_context *call, int count, sqlite3_value **args);
MUST_USE int geopoly_register_functions(sqlite3 *db);

#endif
