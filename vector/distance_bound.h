#ifndef QUIRE_VECTOR_DISTANCE_BOUND_H
#define QUIRE_VECTOR_DISTANCE_BOUND_H
// Whether a vector is farther from a query than a bound, without computing how far.
//
// Sums of terms that are not negative (L2, L1) only grow, so a vector is left as soon as its first
// pieces exceed the bound: of vectors far away little is read. What is left out may hold anything,
// NaN too, since a vector with NaN is infinitely far (vector_distance).
//
// The cosine needs all of a vector, but no root and no quotient of what is not near.
//
// A partial sum is not rounded as the whole one is. The bound is therefore widened by twice the
// error that kernel.h allows; what lies in between is not called farther.

#include "vector/vector.h"

typedef struct DistanceBound {
    Metric metric;
    const Vector *query; // borrowed
    PairKernel *sum;     // of a piece; NULL: this cannot be told by pieces
    NearKernel *near;    // the same for many rows; NULL: piece by piece
    size_t count;        // of elements, with `sum`, as the next ones; eight bits are one
    size_t element_size;
    size_t piece;     // elements of BOUND_PIECE_SIZE bytes
    f64 widening;     // factor; of the cosine what is added to the distance
    f64 query_length; // cosine only
} DistanceBound;
enum { BOUND_PIECE_SIZE = NEAR_PIECE_SIZE }; // bytes

void distance_bound_init(const VectorKernels *kernels, Metric metric, const Vector *query,
                         DistanceBound *out);
// Bytes of a vector of `size` bytes that it takes in most cases; all where there is no `sum`.
size_t distance_bound_reach(const DistanceBound *bound, size_t size);
// Whether it can be told at all, of whole vectors at least.
static inline bool distance_bound_tells(const DistanceBound *bound)
{
    return bound->sum != NULL || bound->near != NULL;
}

// The sum that stands for a distance, for distance_exceeds(): infinite where sums cannot tell.
f64 distance_limit(const DistanceBound *bound, f64 distance);

// Whether the first `count` elements, of the query's type, exceed the limit; without `sum` all must
// be there. false: not farther, or not sure, or that takes the elements behind them.
bool distance_exceeds_by_pieces(const DistanceBound *bound, const u8 *elements, size_t count,
                                f64 limit);
static inline bool distance_exceeds(const DistanceBound *bound, const u8 *elements, size_t count,
                                    f64 limit)
{
    ASSERT(count == bound->count || (bound->sum != NULL && count < bound->count));
    if (bound->near != NULL)
        return bound->near(elements, 1, bound->query->data, count, limit) == 0;
    return distance_exceeds_by_pieces(bound, elements, count, limit);
}

// Of up to NEAR_ROWS_MAX whole vectors side by side those that may be within the limit, a bit each.
u64 distance_near(const DistanceBound *bound, const u8 *rows, size_t row_count, f64 limit);

#endif
