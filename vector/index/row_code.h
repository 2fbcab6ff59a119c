#ifndef QUIRE_VECTOR_INDEX_ROW_CODE_H
#define QUIRE_VECTOR_INDEX_ROW_CODE_H
// Four bits per dimension: how a rotated vector is written down, and how the distance of a query to
// it is estimated from that. Pure arithmetic: no database is seen from here.
//
// The method is RaBitQ's (arXiv 2405.12497, 2409.09913). A vector x of a list with centroid c has
// the residual o = x - c. Each element of o becomes a number u of 0..15 that stands for u - 7.5,
// times a step chosen so that w = u - 7.5 points as nearly as possible the way of o. Then
//
//     <o, q>  is estimated as  |o|^2 / <w, o> * <w, q>,
//
// without bias, because the rotation made the error's direction random. Its size is known:
// epsilon * |o| * |q| * sqrt((1 - t^2) / (t^2 * (width - 1))), t the cosine between w and o.

#include "vector/kernel/kernel.h"
#include "vector/vector_api.h"

// --- rotation ---

// Random signs and fast Hadamard transforms over the largest power of two, laid at the front and at
// the back in turns, with a butterfly between the halves where the width is not a power of two.
typedef struct Rotation {
    u32 width;  // a multiple of 64
    u32 power;  // the largest power of two that is not above it
    f32 *signs; // -1 or +1 for each element of each round
} Rotation;
enum { ROTATION_ROUNDS = 4 };

MUST_USE int rotation_init(Rotation *rotation, u32 width, u64 seed);
void rotation_deinit(Rotation *rotation);
void rotation_apply(const Rotation *rotation, f32 *vector);
u64 random_next(u64 *state); // splitmix64
static inline u32 width_of_dims(u32 dims)
{
    return (dims + CODE_GROUP_DIMS - 1) / CODE_GROUP_DIMS * CODE_GROUP_DIMS;
}
static inline size_t code_size_of(u32 width)
{
    return (size_t)width / CODE_GROUP_DIMS * CODE_GROUP_SIZE;
}

// --- rows ---

// Estimate of the rank (see below) of a row: offset + term of the list - slope * <w, query>, wrong
// by no more than `error` times the query's distance from the centroid.
typedef struct RowFactors {
    f32 offset, slope, error;
} RowFactors;

// What is compared in place of distances, ascending with them: the square distance (L2, cosine of
// unit vectors, Hamming of -1/+1 vectors) or the negated inner product.
typedef enum RankKind { RANK_SQUARE, RANK_DOT } RankKind;

// What a row is encoded against: its list's centroid, and the mean that queries are reckoned from.
typedef struct RowFrame {
    RankKind kind;
    u32 width;
    const f32 *centroid, *mean;
} RowFrame;
void row_encode(const RowFrame *frame, const f32 *x, u8 *code, RowFactors *factors);
// For rows without a direction: an offset of -infinity is below every other, one of +infinity
// stands for a rank that does not depend on the query.
void row_encode_apart(f32 offset, u32 width, u8 *code, RowFactors *factors);

// --- queries ---

typedef struct QueryCode {
    i8 *elements; // the query less the mean, in units of `step`
    f32 step;
    i32 sum;          // of the elements
    f32 error_spread; // what rounding the query adds to its distance in the error bound
} QueryCode;
MUST_USE int query_encode(RankKind kind, const f32 *query, const f32 *mean, u32 width,
                          QueryCode *out);
void query_deinit(QueryCode *query);

#endif
