// Measures of the vector_distance_* functions: whether a row is farther away than a bound, for
// ORDER BY vector_distance_*(column, ?) LIMIT k (quire_create_measure).
//
// Sums of terms that are not negative (L2, L1) only grow, so a row is left as soon as its first
// pieces exceed the bound: of rows far away little is read. What is left out may hold anything, NaN
// too, since a vector with NaN is infinitely far (vector_distance). Other metrics are computed
// whole.
//
// A partial sum is not rounded as the whole one is. The bound is therefore widened by twice the
// error that kernel.h allows; what lies in between is left to the function.
#include "vector/vector_text.h"

#if !QUIRE_VECTOR_LOADABLE
#    include "quire.h"

#    include <math.h>
#    include <stdlib.h>

enum { PIECE_DIMS = 128 };
static const f64 limit_max = 1e37; // single precision overflows not far above

typedef struct Measure {
    const VectorKernels *kernels;
    Metric metric;
    Vector query;
    PairKernel *sum;     // of a piece; NULL: the distance is computed whole
    size_t element_size; // with `sum`
    f64 widening;        // factor, with `sum`
    u8 *blob;            // the query's bytes
    size_t size;
} Measure;

// --- the constant ---

static int query_from_text(sqlite3_value *constant, Measure *m, size_t *size)
{
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

// --- sums by pieces ---

static const ElementKernels *kernels_of(const VectorKernels *kernels, VectorType type, size_t *size)
{
    switch (type) {
    case VECTOR_F32: *size = 4; return &kernels->element[ELEMENT_F32];
    case VECTOR_F64: *size = 8; return &kernels->element[ELEMENT_F64];
    case VECTOR_F16: *size = 2; return &kernels->element[ELEMENT_F16];
    case VECTOR_BF16: *size = 2; return &kernels->element[ELEMENT_BF16];
    case VECTOR_1BIT:
    case VECTOR_8BIT:
    case VECTOR_SPARSE:
    case VECTOR_I8:
    case VECTOR_BIT: break;
    }
    return NULL;
}

static void choose_sum(Measure *m)
{
    const ElementKernels *kernels = kernels_of(m->kernels, m->query.type, &m->element_size);
    bool is_l2 = m->metric == METRIC_L2 || m->metric == METRIC_L2SQ;
    ASSERT(m->sum == NULL);
    if (kernels == NULL || (!is_l2 && m->metric != METRIC_L1))
        return;
    m->sum = is_l2 ? kernels->l2sq : kernels->l1;
    f64 pieces = (f64)(m->query.dims / PIECE_DIMS + 1);
    m->widening = 1 + 2 * ((f64)m->query.dims / 32 + 40 + pieces) * 0x1p-24;
    if (m->metric == METRIC_L2)
        m->widening *= m->widening; // the root was rounded, too
}

static bool sum_exceeds(const Measure *m, const u8 *elements, f64 bound)
{
    f64 limit = (m->metric == METRIC_L2 ? bound * bound : bound) * m->widening;
    f64 sum = 0;
    ASSERT(m->sum != NULL);
    if (!(bound >= 0) || !(limit < limit_max))
        return false;
    for (size_t i = 0; i < m->query.dims; i += PIECE_DIMS) {
        size_t left = m->query.dims - i;
        size_t at = i * m->element_size;
        sum += m->sum(elements + at, m->query.data + at, left < PIECE_DIMS ? left : PIECE_DIMS);
        if (sum > limit)
            return true;
    }
    return false; // or NaN
}

// --- the callbacks ---

static void measure_end(void *state)
{
    Measure *m = state;
    ASSERT(m != NULL);
    sqlite3_free(m->blob);
    sqlite3_free(m);
}

// Of rows that are not near, L2 and L1 seldom need more than a piece. The processor reads on by
// itself, so that asking for less than two would not read less.
static int measure_reach(const Measure *m)
{
    size_t piece = PIECE_DIMS * m->element_size;
    ASSERT(m->size > 0);
    if (m->sum != NULL && m->size > 2 * piece)
        return (int)(2 * piece);
    return m->size < INT32_MAX ? (int)m->size : INT32_MAX;
}

static int measure_begin(void *arg, Metric metric, sqlite3_value *constant, void **state,
                         int *reach)
{
    Measure *m = sqlite3_malloc64(sizeof *m);
    if (m == NULL)
        return SQLITE_NOMEM;
    *m = (Measure){.kernels = arg, .metric = metric};
    int rc = query_read(constant, m);
    if (rc == SQLITE_OK) {
        choose_sum(m);
        *reach = measure_reach(m);
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
    if (m->sum != NULL)
        return sum_exceeds(m, row.data, bound);
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
