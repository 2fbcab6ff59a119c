// Polygons as values: JSON text, blobs, bounds and areas.
#include "vtab/tables/rtree/geopoly.h"

#include "base/bytes.h"

#include <stdlib.h>
#include <string.h>

enum { BLOB_HEADER = 4, VERTEX_SIZE = 8 };

// Coordinates are the caller's to set.
Polygon *polygon_new(int count)
{
    ASSERT(count >= 3);
    ASSERT(count <= POLYGON_VERTICES_MAX);

    Polygon *polygon = sqlite3_malloc64(sizeof *polygon + (u64)count * VERTEX_SIZE);
    if (polygon != NULL)
        polygon->count = count;
    return polygon;
}

// --- JSON ---

// A reader over NUL-terminated text, which is the user's.
typedef struct JsonShape {
    const char *at;
    float *coords;
    int count, capacity; // vertices
    bool is_out_of_memory;
} JsonShape;

// Returns the character that follows.
static char skip_space(JsonShape *json)
{
    ASSERT(json->at != NULL);

    while (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r')
        json->at++;
    return *json->at;
}

// Takes the character if it comes next, blanks aside.
static bool take(JsonShape *json, char wanted)
{
    ASSERT(wanted != 0);

    if (skip_space(json) != wanted)
        return false;
    json->at++;
    return true;
}

// Of the run at `at`.
static int count_digits(const char *at)
{
    ASSERT(at != NULL);

    int count = 0;
    while (at[count] >= '0' && at[count] <= '9')
        count++;
    return count;
}

// Bytes of the number at `at`; 0 when there is none. JSON's numbers, and those that begin with
// their point.
static int number_size(const char *at)
{
    ASSERT(at != NULL);

    int size = at[0] == '-';
    int whole = count_digits(at + size);
    // JSON has no leading zeros.
    if (whole > 1 && at[size] == '0')
        return 0;
    size += whole;
    int fraction = 0;
    if (at[size] == '.') {
        fraction = count_digits(at + size + 1);
        if (fraction == 0)
            return 0;
        size += 1 + fraction;
    }
    if (whole + fraction == 0)
        return 0;
    if (at[size] == 'e' || at[size] == 'E') {
        int sign = at[size + 1] == '+' || at[size + 1] == '-';
        int digits = count_digits(at + size + 1 + sign);
        if (digits == 0)
            return 0;
        size += 1 + sign + digits;
    }
    return size;
}

// False: there is none, and nothing is taken.
static bool take_number(JsonShape *json, f64 *out)
{
    ASSERT(out != NULL);

    skip_space(json);
    int size = number_size(json->at);
    if (size == 0)
        return false;
    // strtod() reads more than JSON's numbers, so that its end is not taken from it.
    *out = strtod(json->at, NULL);
    json->at += size;
    return true;
}

// Coordinates are cut to floats here, as they are stored.
static bool add_vertex(JsonShape *json, f64 x, f64 y)
{
    ASSERT(json->count <= json->capacity);
    ASSERT(json->coords != NULL || json->capacity == 0);

    if (json->count == json->capacity) {
        int capacity = json->capacity == 0 ? 16 : 2 * json->capacity;
        float *coords = sqlite3_realloc64(json->coords, (u64)capacity * VERTEX_SIZE);
        if (coords == NULL) {
            json->is_out_of_memory = true;
            return false;
        }
        json->coords = coords;
        json->capacity = capacity;
    }
    json->coords[2 * json->count] = (float)x;
    json->coords[2 * json->count + 1] = (float)y;
    json->count++;
    return json->count <= POLYGON_VERTICES_MAX;
}

// '[' x ',' y {',' more} ']': what follows the first two numbers is passed over.
static bool take_vertex(JsonShape *json)
{
    ASSERT(json->count <= POLYGON_VERTICES_MAX);

    f64 x = 0, y = 0, more;
    if (!take(json, '[') || !take_number(json, &x) || !take(json, ',') || !take_number(json, &y))
        return false;
    while (take(json, ',')) {
        if (!take_number(json, &more))
            return false;
    }
    return take(json, ']') && add_vertex(json, x, y);
}

// '[' vertex { ',' vertex } ']', and nothing behind it.
static bool take_shape(JsonShape *json)
{
    ASSERT(json->count == 0);

    if (!take(json, '['))
        return false;
    do {
        if (!take_vertex(json))
            return false;
    } while (take(json, ','));
    return take(json, ']') && skip_space(json) == 0;
}

// NULL: no polygon, or *rc. The text comes from anybody: depth is fixed by the grammar, and the
// count by POLYGON_VERTICES_MAX.
static Polygon *from_json(const char *text, int *rc)
{
    ASSERT(text != NULL);

    JsonShape json = {.at = text};
    Polygon *polygon = NULL;
    // Three corners and the first once more.
    bool is_shape = take_shape(&json) && json.count >= 4;
    if (is_shape) {
        const float *last = json.coords + (size_t)2 * (size_t)(json.count - 1);
        // Compared as floats, as they are stored: closed in the file's precision.
        is_shape = json.coords[0] == last[0] && json.coords[1] == last[1];
    }
    if (is_shape) {
        polygon = polygon_new(json.count - 1);
        if (polygon == NULL)
            json.is_out_of_memory = true;
        else
            memcpy(polygon->coords, json.coords, (size_t)polygon->count * VERTEX_SIZE);
    }
    *rc = json.is_out_of_memory ? SQLITE_NOMEM : SQLITE_OK;
    sqlite3_free(json.coords);
    return polygon;
}

// --- blobs ---

// NULL for what is no polygon; *rc only for a lack of memory.
static Polygon *from_blob(const u8 *blob, int size, int *rc)
{
    ASSERT(size >= 0);
    ASSERT(rc != NULL);

    *rc = SQLITE_OK;
    if (blob == NULL || size < BLOB_HEADER + 3 * VERTEX_SIZE || blob[0] > 1)
        return NULL;
    // At most 2^24-1, times eight still an int.
    int count = blob[1] << 16 | blob[2] << 8 | blob[3];
    if (count < 3 || size != BLOB_HEADER + count * VERTEX_SIZE)
        return NULL;
    Polygon *polygon = polygon_new(count);
    if (polygon == NULL) {
        *rc = SQLITE_NOMEM;
        return NULL;
    }
    for (int i = 0; i < 2 * count; i++) {
        const u8 *at = blob + BLOB_HEADER + 4 * i;
        u32 bits = get_u32(at);
        // 1: little-endian, 0: big-endian.
        if (blob[0] == 1)
            bits = __builtin_bswap32(bits);
        memcpy(&polygon->coords[i], &bits, sizeof bits);
    }
    return polygon;
}

// Text as GeoJSON's coordinates, or a blob.
Polygon *polygon_parse(sqlite3_value *value, int *rc)
{
    ASSERT(rc != NULL);

    *rc = SQLITE_OK;
    int type = sqlite3_value_type(value);
    if (type == SQLITE_BLOB)
        return from_blob(sqlite3_value_blob(value), sqlite3_value_bytes(value), rc);
    if (type != SQLITE_TEXT)
        return NULL;
    const char *text = (const char *)sqlite3_value_text(value);
    // A conversion from UTF-16 found no memory: text is never NULL otherwise.
    if (text == NULL) {
        *rc = SQLITE_NOMEM;
        return NULL;
    }
    return from_json(text, rc);
}

u64 polygon_blob_size(const Polygon *polygon)
{
    ASSERT(polygon->count >= 3);

    return BLOB_HEADER + (u64)polygon->count * VERTEX_SIZE;
}

// polygon_blob_size() bytes.
void polygon_write_blob(const Polygon *polygon, u8 *out)
{
    ASSERT(polygon->count >= 3 && polygon->count <= POLYGON_VERTICES_MAX);

    out[0] = 1; // little-endian, as on the machines that wrote most files
    out[1] = (u8)(polygon->count >> 16);
    out[2] = (u8)(polygon->count >> 8);
    out[3] = (u8)polygon->count;
    for (int i = 0; i < 2 * polygon->count; i++) {
        u32 bits;
        memcpy(&bits, &polygon->coords[i], sizeof bits);
        put_u32(out + BLOB_HEADER + 4 * i, __builtin_bswap32(bits));
    }
}

// As a blob, which stores smaller and reads faster than text, and keeps every bit.
void polygon_result(sqlite3_context *call, const Polygon *polygon)
{
    ASSERT(polygon != NULL);

    u64 size = polygon_blob_size(polygon);
    u8 *blob = sqlite3_malloc64(size);
    if (blob == NULL) {
        sqlite3_result_error_nomem(call);
        return;
    }
    polygon_write_blob(polygon, blob);
    sqlite3_result_blob64(call, blob, size, sqlite3_free);
}

// --- measures ---

// The least box with sides along the axes.
Bounds polygon_bounds(const Polygon *polygon)
{
    ASSERT(polygon->count >= 3);

    Bounds bounds = {polygon_x(polygon, 0), polygon_x(polygon, 0), polygon_y(polygon, 0),
                     polygon_y(polygon, 0)};
    // Comparisons with a NaN are false, so that one in the first vertex stays and others are
    // passed over: either way the search stays safe, only not sensible.
    for (int i = 1; i < polygon->count; i++) {
        f64 x = polygon_x(polygon, i);
        f64 y = polygon_y(polygon, i);
        bounds.min_x = x < bounds.min_x ? x : bounds.min_x;
        bounds.max_x = x > bounds.max_x ? x : bounds.max_x;
        bounds.min_y = y < bounds.min_y ? y : bounds.min_y;
        bounds.max_y = y > bounds.max_y ? y : bounds.max_y;
    }
    return bounds;
}

// The trapezoids between each edge and the x axis.
f64 polygon_area(const Polygon *polygon)
{
    ASSERT(polygon->count >= 3);

    f64 area = 0;
    for (int i = 0; i < polygon->count; i++)
        area += (polygon_x(polygon, i) - polygon_x(polygon, i + 1))
                * (polygon_y(polygon, i) + polygon_y(polygon, i + 1)) * 0.5;
    return area;
}
