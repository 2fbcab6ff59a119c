// Sums by pieces: see distance_bound.h.
#include "vector/distance_bound.h"

#include <math.h>

static const f64 limit_max = 1e37; // single precision overflows not far above

static const ElementKernels *kernels_of(const VectorKernels *kernels, VectorType type, size_t *size)
{
    switch (type) {
    case VECTOR_F32: *size = 4; return &kernels->element[ELEMENT_F32];
    case VECTOR_F64: *size = 8; return &kernels->element[ELEMENT_F64];
    case VECTOR_F16: *size = 2; return &kernels->element[ELEMENT_F16];
    case VECTOR_BF16: *size = 2; return &kernels->element[ELEMENT_BF16];
    case VECTOR_I8: *size = 1; return &kernels->element[ELEMENT_I8];
    case VECTOR_1BIT:
    case VECTOR_8BIT:
    case VECTOR_SPARSE:
    case VECTOR_BIT: break;
    }
    return NULL;
}

static bool is_of_bytes_of_bits(Metric metric, const Vector *query)
{
    ASSERT(query->data != NULL || query->dims == 0);
    return metric == METRIC_HAMMING && query->dims % 8 == 0
           && (query->type == VECTOR_BIT || query->type == VECTOR_1BIT);
}

void distance_bound_init(const VectorKernels *kernels, Metric metric, const Vector *query,
                         DistanceBound *out)
{
    *out = (DistanceBound){.metric = metric, .query = query, .count = query->dims};
    if (is_of_bytes_of_bits(metric, query)) {
        out->sum = kernels->hamming;
        out->count = query->dims / 8;
        out->element_size = 1;
        out->piece = BOUND_PIECE_SIZE;
        out->widening = 1; // counts are exact
        return;
    }
    const ElementKernels *element = kernels_of(kernels, query->type, &out->element_size);
    bool is_l2 = metric == METRIC_L2 || metric == METRIC_L2SQ;
    if (element == NULL || (!is_l2 && metric != METRIC_L1))
        return;
    ASSERT(out->element_size > 0);
    out->piece = BOUND_PIECE_SIZE / out->element_size;
    out->sum = is_l2 ? element->l2sq : element->l1;
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
    ASSERT(bound->sum != NULL);
    f64 limit = (bound->metric == METRIC_L2 ? distance * distance : distance) * bound->widening;
    return distance >= 0 && limit < limit_max ? limit : INFINITY;
}
