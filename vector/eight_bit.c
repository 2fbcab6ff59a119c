// Sums over 8-bit vectors: their elements, alpha * q + shift, are written out piece by piece as
// 32-bit floats that stay in the processor's cache, and summed by the kernels for those. The error
// is that of an f32 vector (kernel.h) with elements rounded once more.
#include "vector/eight_bit.h"

enum { PIECE = 256 };

// A loop over one array that the compiler turns into instructions on many elements.
static void write_out(const Vector *vector, size_t first, size_t count, f32 *restrict out)
{
    const u8 *restrict q = vector->data + first;
    f32 alpha = vector->alpha, shift = vector->shift;
    ASSERT(count <= PIECE && first + count <= vector->dims);
    for (size_t i = 0; i < count; i++)
        out[i] = alpha * (f32)q[i] + shift;
}

f64 eight_bit_sum(PairKernel *kernel, const Vector *a, const Vector *b)
{
    f32 a_piece[PIECE], b_piece[PIECE];
    f64 sum = 0;
    ASSERT(a->type == VECTOR_8BIT && b->type == VECTOR_8BIT && a->dims == b->dims);
    for (size_t i = 0; i < a->dims; i += PIECE) {
        size_t count = a->dims - i < PIECE ? a->dims - i : PIECE;
        write_out(a, i, count, a_piece);
        write_out(b, i, count, b_piece);
        sum += kernel(a_piece, b_piece, count);
    }
    return sum;
}

CosineParts eight_bit_cosine(CosineKernel *kernel, const Vector *a, const Vector *b)
{
    f32 a_piece[PIECE], b_piece[PIECE];
    CosineParts sums = {0, 0, 0};
    ASSERT(a->type == VECTOR_8BIT && b->type == VECTOR_8BIT && a->dims == b->dims);
    for (size_t i = 0; i < a->dims; i += PIECE) {
        size_t count = a->dims - i < PIECE ? a->dims - i : PIECE;
        write_out(a, i, count, a_piece);
        write_out(b, i, count, b_piece);
        CosineParts parts = kernel(a_piece, b_piece, count);
        sums.dot += parts.dot;
        sums.a_square += parts.a_square;
        sums.b_square += parts.b_square;
    }
    return sums;
}
