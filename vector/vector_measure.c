// Measures of the vector_distance_* and vec_distance_* functions: whether a row is farther away
// than a bound, for ORDER BY vector_distance_*(column, ?) LIMIT k (quire_create_measure).
//
// Where it can be told by pieces of a vector (distance_bound.h) little is read of rows far away.
// Other metrics are computed whole, and so are those of vec_distance_*: these refuse a vector with
// an element that is not finite, wherever in it that is.
#include "vector/distance_bound.h"
#include "vector/vec_value.h"
#include "vector/vector_text.h"

#if !QUIRE_VECTOR_LOADABLE
#    include "quire.h"

#    include <math.h>
#    include <stdlib.h>

typedef struct Measure {
    const VectorKernels *kernels;
    Metric metric;
    Vector query;
    DistanceBound by_pieces;
    u8 *blob; // the query's bytes
    size_t size;
} Measure;

// --- the constant ---

static int query_from_text(sqlite3_value *constant, Measure *m, size_t *size)
{
    ASSERT(m->blob == NULL);

    const char *text = (const char *)sqlite3_value_text(constant);
    Elements elements = {0};
    VectorError error;
    if (text == NULL)
        return SQLITE_NOMEM;
    int rc = vector_parse(text, true, &elements, &error);
    if (rc == SQLITE_OK)
        rc = vector_encode(VECTOR_F32, elements.values, elements.count, &m->blob, size);
    elements_deinit(&elements);
    return rc;
}

static int query_from_blob(sqlite3_value *constant, Measure *m, size_t *size)
{
    ASSERT(m->blob == NULL);

    const void *bytes = sqlite3_value_blob(constant);
    *size = (size_t)sqlite3_value_bytes(constant);
    if (*size == 0)
        return SQLITE_ERROR;
    m->blob = bytes != NULL ? sqlite3_malloc64(*size) : NULL;
    if (m->blob == NULL)
        return SQLITE_NOMEM;
    memcpy(m->blob, bytes, *size);
    return SQLITE_OK;
}

// SQLITE_ERROR: it is no vector, as the function will say.
static int query_read(sqlite3_value *constant, Measure *m)
{
    VectorError error;
    int type = sqlite3_value_type(constant);
    if (type != SQLITE_TEXT && type != SQLITE_BLOB)
        return SQLITE_ERROR;
    TRY(type == SQLITE_TEXT ? query_from_text(constant, m, &m->size)
                            : query_from_blob(constant, m, &m->size));
    ASSERT(m->blob != NULL);
    return vector_decode(m->blob, m->size, &m->query, &error);
}

// --- the callbacks ---

static void measure_end(void *state)
{
    Measure *m = state;
    ASSERT(m != NULL);
    sqlite3_free(m->blob);
    sqlite3_free(m);
}

static int measure_begin(void *arg, Metric metric, sqlite3_value *constant, void **state,
                         int *reach)
{
    ASSERT(arg != NULL);

    Measure *m = sqlite3_malloc64(sizeof *m);
    if (m == NULL)
        return SQLITE_NOMEM;
    *m = (Measure){.kernels = arg, .metric = metric};
    int rc = query_read(constant, m);
    if (rc == SQLITE_OK) {
        distance_bound_init(m->kernels, metric, &m->query, &m->by_pieces);
        size_t bytes = distance_bound_reach(&m->by_pieces, m->size);
        *reach = bytes < INT32_MAX ? (int)bytes : INT32_MAX;
        *state = m;
        return SQLITE_OK;
    }
    measure_end(m);
    return rc == SQLITE_NOMEM ? rc : SQLITE_OK; // the function reports what is wrong with it
}

static int measure_exceeds(void *state, const void *blob, int size, double bound)
{
    const Measure *m = state;
    VectorError error;
    Vector row;
    f64 distance;
    ASSERT(size >= 0);
    // By far the most frequent form needs no decoding: an even size is 32-bit floats.
    if (m->query.type == VECTOR_F32 && (size_t)size == m->query.dims * sizeof(f32))
        row = (Vector){.type = VECTOR_F32, .data = blob, .dims = m->query.dims};
    else if (vector_decode(blob, (size_t)size, &row, &error) != SQLITE_OK
             || row.type != m->query.type || row.dims != m->query.dims)
        return 0;
    if (distance_bound_tells(&m->by_pieces))
        return distance_exceeds(&m->by_pieces, row.data, m->by_pieces.count,
                                distance_limit(&m->by_pieces, bound));
    if (vector_distance(m->kernels, m->metric, &row, &m->query, &distance, &error) != SQLITE_OK)
        return 0;
    return distance > bound;
}

static int begin_cos(void *arg, sqlite3_value *constant, void **state, int *reach)
{
    return measure_begin(arg, METRIC_COSINE, constant, state, reach);
}

static int begin_l2(void *arg, sqlite3_value *constant, void **state, int *reach)
{
    return measure_begin(arg, METRIC_L2, constant, state, reach);
}

static int begin_l2sq(void *arg, sqlite3_value *constant, void **state, int *reach)
{
    return measure_begin(arg, METRIC_L2SQ, constant, state, reach);
}

static int begin_dot(void *arg, sqlite3_value *constant, void **state, int *reach)
{
    return measure_begin(arg, METRIC_DOT, constant, state, reach);
}

static int begin_l1(void *arg, sqlite3_value *constant, void **state, int *reach)
{
    return measure_begin(arg, METRIC_L1, constant, state, reach);
}

static int begin_hamming(void *arg, sqlite3_value *constant, void **state, int *reach)
{
    return measure_begin(arg, METRIC_HAMMING, constant, state, reach);
}

static int begin_jaccard(void *arg, sqlite3_value *constant, void **state, int *reach)
{
    return measure_begin(arg, METRIC_JACCARD, constant, state, reach);
}

// --- bare elements ---

// A column's value has no subtype: its elements are 32-bit floats, and so must the constant's be.
static int bare_query_read(sqlite3_value *constant, Measure *m)
{
    ASSERT(m->blob == NULL);

    VecValue value;
    VectorError error;
    TRY(vec_value_read(constant, &value, &error));
    int rc = value.vector.type == VECTOR_F32 ? SQLITE_OK : SQLITE_ERROR;
    m->size = vec_size(value.vector.type, value.vector.dims);
    m->blob = rc == SQLITE_OK ? sqlite3_malloc64(m->size) : NULL;
    if (rc == SQLITE_OK && m->blob == NULL)
        rc = SQLITE_NOMEM;
    if (rc == SQLITE_OK) {
        memcpy(m->blob, value.vector.data, m->size);
        m->query = value.vector;
        m->query.data = m->blob;
    }
    vec_value_deinit(&value);
    return rc;
}

static int bare_begin(void *arg, Metric metric, sqlite3_value *constant, void **state, int *reach)
{
    Measure *m = sqlite3_malloc64(sizeof *m);
    if (m == NULL)
        return SQLITE_NOMEM;
    *m = (Measure){.kernels = arg, .metric = metric};
    int rc = bare_query_read(constant, m);
    if (rc != SQLITE_OK) {
        measure_end(m);
        return rc == SQLITE_NOMEM ? rc : SQLITE_OK; // the function reports what is wrong with it
    }
    ASSERT(m->blob != NULL && m->size > 0);
    *reach = m->size < INT32_MAX ? (int)m->size : INT32_MAX;
    *state = m;
    return SQLITE_OK;
}

static int bare_exceeds(void *state, const void *blob, int size, double bound)
{
    const Measure *m = state;
    VectorError error;
    f64 distance;
    ASSERT(size >= 0);
    if ((size_t)size != m->size)
        return 0;
    const Vector row = {.type = VECTOR_F32, .data = blob, .dims = m->query.dims};
    return vector_distance(m->kernels, m->metric, &row, &m->query, &distance, &error) == SQLITE_OK
           && isfinite(distance) && distance > bound;
}

static int bare_begin_l2(void *arg, sqlite3_value *constant, void **state, int *reach)
{
    return bare_begin(arg, METRIC_L2, constant, state, reach);
}

static int bare_begin_l1(void *arg, sqlite3_value *constant, void **state, int *reach)
{
    return bare_begin(arg, METRIC_L1, constant, state, reach);
}

static int bare_begin_cosine(void *arg, sqlite3_value *constant, void **state, int *reach)
{
    return bare_begin(arg, METRIC_COSINE_OR_NULL, constant, state, reach);
}

int vector_measures_register(sqlite3 *db, const VectorKernels *kernels)
{
    static const struct {
        const char *function;
        quire_measure measure;
    } all[] = {
        {"vector_distance_cos", {begin_cos, measure_exceeds, measure_end}},
        {"vector_distance_l2", {begin_l2, measure_exceeds, measure_end}},
        {"vector_distance_l2sq", {begin_l2sq, measure_exceeds, measure_end}},
        {"vector_distance_dot", {begin_dot, measure_exceeds, measure_end}},
        {"vector_distance_l1", {begin_l1, measure_exceeds, measure_end}},
        {"vector_distance_hamming", {begin_hamming, measure_exceeds, measure_end}},
        {"vector_distance_jaccard", {begin_jaccard, measure_exceeds, measure_end}},
        {"vec_distance_l2", {bare_begin_l2, bare_exceeds, measure_end}},
        {"vec_distance_l1", {bare_begin_l1, bare_exceeds, measure_end}},
        {"vec_distance_cosine", {bare_begin_cosine, bare_exceeds, measure_end}},
    };
    for (int i = 0; i < ARRAY_LEN(all); i++)
        TRY(quire_create_measure(db, all[i].function, &all[i].measure, (void *)(uintptr_t)kernels));
    return SQLITE_OK;
}

#else

int vector_measures_register(sqlite3 *db, const VectorKernels *kernels)
{
    (void)db, (void)kernels; // stock SQLite calls the functions for every row
    return SQLITE_OK;
}

#endif
