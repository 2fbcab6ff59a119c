// Sums by pieces: see distance_bound.h.
#include "vector/distance_bound.h"

#include <math.h>

static const f64 limit_max = 1e37; // single precision overflows not far above

// 0: such vectors are not summed by kernels.
static size_t element_size_of(VectorType type, ElementType *out)
{
    switch (type) {
    case VECTOR_F32: *out = ELEMENT_F32; return 4;
    case VECTOR_F64: *out = ELEMENT_F64; return 8;
    case VECTOR_F16: *out = ELEMENT_F16; return 2;
    case VECTOR_BF16: *out = ELEMENT_BF16; return 2;
    case VECTOR_I8: *out = ELEMENT_I8; return 1;
    case VECTOR_1BIT:
    case VECTOR_8BIT:
    case VECTOR_SPARSE:
    case VECTOR_BIT: break;
    }
    return 0;
}

static bool is_of_bytes_of_bits(Metric metric, const Vector *query)
{
    ASSERT(query->data != NULL || query->dims == 0);
    return metric == METRIC_HAMMING && query->dims % 8 == 0
           && (query->type == VECTOR_BIT || query->type == VECTOR_1BIT);
}

// The product is off by as much as kernel.h allows, of the lengths' product; so may the function's
// be, and the lengths by half of that. A distance kept in single precision is off by less.
static void cosine_init(const VectorKernels *kernels, ElementType element, DistanceBound *out)
{
    ASSERT(out->near == NULL);
    if (out->element_size == 0 || kernels->near_cosine[element] == NULL)
        return;
    const u8 *query = out->query->data;
    f64 square = kernels->element[element].dot(query, query, out->count);
    if (!(square > 1e-30 && square < limit_max))
        return;
    out->near = kernels->near_cosine[element];
    out->query_length = sqrt(square);
    out->widening = 6 * ((f64)out->count / 32 + 40) * 0x1p-24;
}

void distance_bound_init(const VectorKernels *kernels, Metric metric, const Vector *query,
                         DistanceBound *out)
{
    *out = (DistanceBound){.metric = metric, .query = query, .count = query->dims};
    if (is_of_bytes_of_bits(metric, query)) {
        out->sum = kernels->hamming;
        out->near = kernels->near_hamming;
        out->count = query->dims / 8;
        out->element_size = 1;
        out->piece = BOUND_PIECE_SIZE;
        out->widening = 1; // counts are exact
        return;
    }
    ElementType element = ELEMENT_F32;
    out->element_size = element_size_of(query->type, &element);
    bool is_l2 = metric == METRIC_L2 || metric == METRIC_L2SQ;
    if (metric == METRIC_COSINE || metric == METRIC_COSINE_OR_NULL)
        cosine_init(kernels, element, out);
    if (out->element_size == 0 || (!is_l2 && metric != METRIC_L1))
        return;
    out->piece = BOUND_PIECE_SIZE / out->element_size;
    out->sum = is_l2 ? kernels->element[element].l2sq : kernels->element[element].l1;
    out->near = is_l2 ? kernels->near_l2sq[element] : NULL;
    f64 pieces = (f64)(query->dims * out->element_size / BOUND_PIECE_SIZE + 1);
    out->widening = 1 + 2 * ((f64)query->dims / 32 + 40 + pieces) * 0x1p-24;
    if (metric == METRIC_L2)
        out->widening *= out->widening; // the root was rounded, too
}

// Of vectors that are not near, L2 and L1 seldom need more than a piece. The processor reads on by
// itself, so that asking for less than two would not read less.
size_t distance_bound_reach(const DistanceBound *bound, size_t size)
{
    size_t pieces = 2 * BOUND_PIECE_SIZE;
    ASSERT(size > 0);
    return bound->sum != NULL && size > pieces ? pieces : size;
}

f64 distance_limit(const DistanceBound *bound, f64 distance)
{
    ASSERT(distance_bound_tells(bound));
    if (bound->sum == NULL)
        return (distance + bound->widening - 1) * bound->query_length;
    f64 limit = (bound->metric == METRIC_L2 ? distance * distance : distance) * bound->widening;
    return distance >= 0 && limit < limit_max ? limit : INFINITY;
}

bool distance_exceeds_by_pieces(const DistanceBound *bound, const u8 *elements, size_t count,
                                f64 limit)
{
    f64 sum = 0;
    ASSERT(bound->sum != NULL && bound->piece > 0);
    for (size_t i = 0; i < count; i += bound->piece) {
        size_t at = i * bound->element_size;
        sum += bound->sum(elements + at, bound->query->data + at,
                          count - i < bound->piece ? count - i : bound->piece);
        if (sum > limit)
            return true;
    }
    return false; // or NaN
}

u64 distance_near(const DistanceBound *bound, const u8 *rows, size_t row_count, f64 limit)
{
    size_t size = bound->count * bound->element_size;
    u64 near = 0;
    ASSERT(distance_bound_tells(bound) && row_count <= NEAR_ROWS_MAX);
    if (bound->near != NULL)
        return bound->near(rows, row_count, bound->query->data, bound->count, limit);
    for (size_t i = 0; i < row_count; i++, rows += size)
        near |= (u64)!distance_exceeds_by_pieces(bound, rows, bound->count, limit) << i;
    return near;
}
