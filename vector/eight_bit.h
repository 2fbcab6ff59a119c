#ifndef QUIRE_VECTOR_EIGHT_BIT_H
#define QUIRE_VECTOR_EIGHT_BIT_H
// Sums over two 8-bit vectors of the same dimensions by kernels for f32.

#include "vector/vector.h"

f64 eight_bit_sum(PairKernel *kernel, const Vector *a, const Vector *b);
CosineParts eight_bit_cosine(CosineKernel *kernel, const Vector *a, const Vector *b);

#endif
