// The SQL functions geopoly_*() (sqlite.org/geopoly.html, "Special Functions"). What is no polygon
// gives NULL; only a lack of memory is an error.

#include "vtab/tables/rtree/geopoly.h"

#include <string.h>

// The polygon of an argument; NULL when there is none, an error is set where due.
static Polygon *argument(sqlite3_context *call, sqlite3_value *value)
{
    ASSERT(value != NULL);

    int rc;
    Polygon *polygon = polygon_parse(value, &rc);
    if (rc != SQLITE_OK)
        sqlite3_result_error_code(call, rc);
    return polygon;
}

// Without memory finishing gives NULL; the error then takes the place of that.
static void result_string(sqlite3_context *call, sqlite3_str *text)
{
    ASSERT(text != NULL);

    int rc = sqlite3_str_errcode(text);
    sqlite3_result_text(call, sqlite3_str_finish(text), -1, sqlite3_free);
    if (rc != SQLITE_OK)
        sqlite3_result_error_code(call, rc);
}

// geopoly_blob(shape): the canonical form, little-endian, of text or of a blob in either order.
static void fn_blob(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count == 1);

    (void)count;
    Polygon *polygon = argument(call, args[0]);
    if (polygon == NULL)
        return;
    polygon_result(call, polygon);
    sqlite3_free(polygon);
}

// The first vertex once more at the end closes it: polygon_x() counts round.
static void fn_json(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count == 1);

    (void)count;
    // Text that from_json() reads back.
    Polygon *polygon = argument(call, args[0]);
    if (polygon == NULL)
        return;
    sqlite3_str *text = sqlite3_str_new(sqlite3_context_db_handle(call));
    for (int i = 0; i <= polygon->count; i++)
        sqlite3_str_appendf(text, "%s[%!g,%!g]", i == 0 ? "[" : ",", polygon_x(polygon, i),
                            polygon_y(polygon, i));
    sqlite3_str_appendchar(text, 1, ']');
    result_string(call, text);
    sqlite3_free(polygon);
}

// geopoly_svg(shape, attribute, …): a polyline with the attributes as they are.
static void fn_svg(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count >= 0);

    if (count < 1)
        return;
    Polygon *polygon = argument(call, args[0]);
    if (polygon == NULL)
        return;
    sqlite3_str *text = sqlite3_str_new(sqlite3_context_db_handle(call));
    sqlite3_str_appendall(text, "<polyline points='");
    for (int i = 0; i <= polygon->count; i++)
        sqlite3_str_appendf(text, "%s%g,%g", i > 0 ? " " : "", polygon_x(polygon, i),
                            polygon_y(polygon, i));
    sqlite3_str_appendchar(text, 1, '\'');
    // They are not escaped, as with SQLite: whoever passes text of strangers' puts it into the
    // SVG.
    for (int i = 1; i < count; i++) {
        const char *attribute = (const char *)sqlite3_value_text(args[i]);
        if (attribute != NULL && attribute[0] != 0)
            sqlite3_str_appendf(text, " %s", attribute);
    }
    sqlite3_str_appendall(text, "></polyline>");
    result_string(call, text);
    sqlite3_free(polygon);
}

// geopoly_area(shape): negative where the vertices go clockwise.
static void fn_area(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count == 1);

    (void)count;
    Polygon *polygon = argument(call, args[0]);
    if (polygon == NULL)
        return;
    sqlite3_result_double(call, polygon_area(polygon));
    sqlite3_free(polygon);
}

// Counter-clockwise: the first vertex stays, the others turn round if need be.
static void fn_ccw(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count == 1);

    (void)count;
    Polygon *polygon = argument(call, args[0]);
    if (polygon == NULL)
        return;
    // Of a polygon that crosses itself the area's sign says little; it is turned by it all the
    // same.
    if (polygon_area(polygon) < 0) {
        for (int low = 1, high = polygon->count - 1; low < high; low++, high--) {
            for (int i = 0; i < 2; i++) {
                float moved = polygon->coords[2 * low + i];
                polygon->coords[2 * low + i] = polygon->coords[2 * high + i];
                polygon->coords[2 * high + i] = moved;
            }
        }
    }
    polygon_result(call, polygon);
    sqlite3_free(polygon);
}

// geopoly_xform(shape, a, b, c, d, e, f): x' = ax + by + e, y' = cx + dy + f.
static void fn_transform(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count == 7);

    f64 factors[6];
    (void)count;
    Polygon *polygon = argument(call, args[0]);
    if (polygon == NULL)
        return;
    for (int i = 0; i < 6; i++)
        factors[i] = sqlite3_value_double(args[i + 1]);
    for (int i = 0; i < polygon->count; i++) {
        f64 x = polygon_x(polygon, i);
        f64 y = polygon_y(polygon, i);
        // Computed as doubles from the old x and y, cut to floats once.
        polygon->coords[2 * i] = (float)(factors[0] * x + factors[1] * y + factors[4]);
        polygon->coords[2 * i + 1] = (float)(factors[2] * x + factors[3] * y + factors[5]);
    }
    polygon_result(call, polygon);
    sqlite3_free(polygon);
}

static const f64 pi = 3.14159265358979323846;

// The fifth-degree approximation SQLite uses for regular polygons; off by up to 7e-5, and kept so
// that the vertices are the same.
static f64 rough_sine(f64 angle)
{
    ASSERT(angle >= -0.5 * pi && angle <= 2.0 * pi);

    if (angle >= 1.5 * pi)
        angle -= 2.0 * pi;
    // At most two steps: angles are -pi/2 to 2 pi.
    if (angle >= 0.5 * pi)
        return -rough_sine(angle - pi);
    f64 square = angle * angle;
    f64 cube = square * angle;
    return 0.9996949 * angle - 0.1656700 * cube + 0.0075134 * (cube * square);
}

// geopoly_regular(x, y, radius, sides).
static void fn_regular(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count == 4);

    enum { SIDES_MAX = 1000 };
    (void)count;
    f64 x = sqlite3_value_double(args[0]);
    f64 y = sqlite3_value_double(args[1]);
    f64 radius = sqlite3_value_double(args[2]);
    int sides = sqlite3_value_int(args[3]);
    // A NaN radius passes, and gives a polygon of NaNs.
    if (sides < 3 || radius <= 0.0)
        return;
    sides = sides > SIDES_MAX ? SIDES_MAX : sides;
    Polygon *polygon = polygon_new(sides);
    if (polygon == NULL) {
        sqlite3_result_error_nomem(call);
        return;
    }
    for (int i = 0; i < sides; i++) {
        f64 angle = 2.0 * pi * i / sides;
        polygon->coords[2 * i] = (float)(x - radius * rough_sine(angle - 0.5 * pi));
        polygon->coords[2 * i + 1] = (float)(y + radius * rough_sine(angle));
    }
    polygon_result(call, polygon);
    sqlite3_free(polygon);
}

// --- relations ---

// geopoly_contains_point(shape, x, y): 2 inside, 1 on an edge, 0 outside.
static void fn_contains_point(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count == 3);

    (void)count;
    Polygon *polygon = argument(call, args[0]);
    if (polygon == NULL)
        return;
    sqlite3_result_int(call, polygon_contains(polygon, sqlite3_value_double(args[1]),
                                              sqlite3_value_double(args[2])));
    sqlite3_free(polygon);
}

// False when there is no answer: NULL, or the error set. Both arguments are read before either is
// judged: a lack of memory in the second is an error also when the first is no polygon.
static bool relate(sqlite3_context *call, sqlite3_value **args, Overlap *out)
{
    ASSERT(out != NULL);

    Polygon *a = argument(call, args[0]);
    Polygon *b = argument(call, args[1]);
    int rc = SQLITE_OK;
    if (a != NULL && b != NULL) {
        rc = polygon_overlap(a, b, out);
        if (rc != SQLITE_OK)
            sqlite3_result_error_code(call, rc);
    }
    bool has_answer = a != NULL && b != NULL && rc == SQLITE_OK;
    sqlite3_free(a);
    sqlite3_free(b);
    return has_answer;
}

// The numbers are SQLite's: 0 apart, 1 overlapping, 2 a in b, 3 b in a, 4 equal.
void fn_geopoly_overlap(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count == 2);

    Overlap overlap;
    (void)count;
    if (relate(call, args, &overlap))
        sqlite3_result_int(call, (int)overlap);
}

// 1: the first lies within the second; 2: they are equal.
void fn_geopoly_within(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count == 2);

    Overlap overlap;
    (void)count;
    if (relate(call, args, &overlap))
        sqlite3_result_int(call, overlap == OVERLAP_A_IN_B ? 1 : overlap == OVERLAP_EQUAL ? 2 : 0);
}

// --- bounding boxes ---

// As a polygon: four corners, counter-clockwise.
static void result_bounds(sqlite3_context *call, const Bounds *bounds)
{
    ASSERT(bounds != NULL);

    Polygon *box = polygon_new(4);
    if (box == NULL) {
        sqlite3_result_error_nomem(call);
        return;
    }
    const f64 corners[] = {bounds->min_x, bounds->min_y, bounds->max_x, bounds->min_y,
                           bounds->max_x, bounds->max_y, bounds->min_x, bounds->max_y};
    for (int i = 0; i < 8; i++)
        box->coords[i] = (float)corners[i];
    polygon_result(call, box);
    sqlite3_free(box);
}

// geopoly_bbox(shape): the box around it, as a polygon.
static void fn_bbox(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count == 1);

    (void)count;
    Polygon *polygon = argument(call, args[0]);
    if (polygon == NULL)
        return;
    Bounds bounds = polygon_bounds(polygon);
    result_bounds(call, &bounds);
    sqlite3_free(polygon);
}

typedef struct GroupBounds {
    bool is_any;
    Bounds bounds;
} GroupBounds;

// Rows that are no polygon count for nothing.
static void step_group_bbox(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count == 1);

    (void)count;
    Polygon *polygon = argument(call, args[0]);
    if (polygon == NULL)
        return;
    GroupBounds *group = sqlite3_aggregate_context(call, sizeof *group);
    Bounds added = polygon_bounds(polygon);
    sqlite3_free(polygon);
    if (group == NULL) {
        sqlite3_result_error_nomem(call);
        return;
    }
    Bounds *all = &group->bounds;
    // The first one as it is: zeros are no bounds.
    if (!group->is_any)
        *all = added;
    group->is_any = true;
    all->min_x = added.min_x < all->min_x ? added.min_x : all->min_x;
    all->max_x = added.max_x > all->max_x ? added.max_x : all->max_x;
    all->min_y = added.min_y < all->min_y ? added.min_y : all->min_y;
    all->max_y = added.max_y > all->max_y ? added.max_y : all->max_y;
}

// NULL where no row had a polygon.
static void final_group_bbox(sqlite3_context *call)
{
    ASSERT(call != NULL);

    const GroupBounds *group = sqlite3_aggregate_context(call, 0);
    if (group != NULL && group->is_any)
        result_bounds(call, &group->bounds);
}

// geopoly_debug(level): accepted, as in a build without tracing.
static void fn_debug(sqlite3_context *call, int count, sqlite3_value **args)
{
    ASSERT(count == 1);

    (void)call;
    (void)count;
    (void)args;
}

// All are deterministic, so that they may stand in indexes.
int geopoly_register_functions(sqlite3 *db)
{
    ASSERT(db != NULL);

    enum { PURE = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS };
    static const struct {
        const char *name;
        int arg_count;
        void (*body)(sqlite3_context *, int, sqlite3_value **);
    } functions[] = {
        {"geopoly_area", 1, fn_area},
        {"geopoly_blob", 1, fn_blob},
        {"geopoly_json", 1, fn_json},
        {"geopoly_svg", -1, fn_svg},
        {"geopoly_within", 2, fn_geopoly_within},
        {"geopoly_contains_point", 3, fn_contains_point},
        {"geopoly_overlap", 2, fn_geopoly_overlap},
        {"geopoly_debug", 1, fn_debug},
        {"geopoly_bbox", 1, fn_bbox},
        {"geopoly_xform", 7, fn_transform},
        {"geopoly_regular", 4, fn_regular},
        {"geopoly_ccw", 1, fn_ccw},
    };
    for (size_t i = 0; i < ARRAY_LEN(functions); i++)
        TRY(sqlite3_create_function(db, functions[i].name, functions[i].arg_count, PURE, NULL,
                                    functions[i].body, NULL, NULL));
    return sqlite3_create_function(db, "geopoly_group_bbox", 1, PURE, NULL, NULL, step_group_bbox,
                                   final_group_bbox);
}
