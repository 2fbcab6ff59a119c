#ifndef QUIRE_VECTOR_KERNEL_KERNEL_H
#define QUIRE_VECTOR_KERNEL_KERNEL_H
// Distance kernels: sums over the elements of two vectors.
//
// Both operands hold `count` elements of the same type at any alignment, and nothing behind them is
// read. count == 0 gives 0. The result is the plain sum; roots and quotients are the caller's.
//
// Precision. The portable set sums in double precision and is the reference. Of the others
//   f32, f16, bf16   sum in single precision in at least 32 lanes: against the reference the error
//                    is at most (count/32 + 40) * 2^-24 times the sum of the terms' magnitudes.
//                    Sums beyond 3.4e38 give infinity;
//   f64              sum in double precision, the same bound with 2^-53;
//   i8, bits         are exact.
// A NaN among the elements gives NaN, infinities what IEEE arithmetic gives.

#include <stddef.h>
#include <stdint.h>

typedef double PairKernel(const void *a, const void *b, size_t count);

typedef struct CosineParts {
    double dot, a_square, b_square; // sums of a*b, a*a, b*b
} CosineParts;
typedef CosineParts CosineKernel(const void *a, const void *b, size_t count);

typedef enum ElementType {
    ELEMENT_F32,
    ELEMENT_F64,
    ELEMENT_F16,  // IEEE half
    ELEMENT_BF16, // the upper half of an f32
    ELEMENT_I8,
} ElementType;
enum { ELEMENT_COUNT = ELEMENT_I8 + 1 };

typedef struct ElementKernels {
    PairKernel *l2sq;     // sum of (a - b)^2
    PairKernel *dot;      // sum of a * b
    PairKernel *l1;       // sum of |a - b|
    CosineKernel *cosine; // all three parts in one pass
} ElementKernels;

// Rows that may be near: of up to NEAR_ROWS_MAX rows of `count` elements, lying one behind the
// other, bit r of the result is clear only if the sum of row r exceeds `limit`. The sum is one that
// only grows and may be left as soon as it exceeds: what lies behind that piece of the row may hold
// anything. Precision as above, whatever part of a row is summed. A NaN does not exceed.
typedef uint64_t NearKernel(const void *rows, size_t row_count, const void *query, size_t count,
                            double limit);
enum {
    NEAR_ROWS_MAX = 64,
    NEAR_PIECE_SIZE = 512, // bytes between two looks at the limit
};

// Dot products of quantised rows with one quantised query, exact. Rows lie one behind the other,
// each of `group_count` times CODE_GROUP_SIZE bytes: byte b of group g holds element 64g + b in its
// lower half and element 64g + 32 + b in its upper half, both 0..15. The query is 64 * group_count
// signed bytes in plain order. out[r] is the sum of row r; a sum of 2^20 elements still fits.
typedef void CodeKernel(const uint8_t *codes, size_t row_count, size_t group_count,
                        const int8_t *query, int32_t *out);
enum { CODE_GROUP_SIZE = 32, CODE_GROUP_DIMS = 64 };

typedef struct VectorKernels {
    const char *name; // as QUIRE_CPU spells it
    ElementKernels element[ELEMENT_COUNT];
    // Over `count` bytes: bits that differ, that both have, that either has.
    PairKernel *hamming, *both, *either;
    // NULL where there is none: pair by pair takes not much longer, or is seldom asked for.
    NearKernel *near_l2sq[ELEMENT_COUNT], *near_hamming;
    // What exceeds here is -(sum of a * query) / |a|, and all of the row is looked at. A row whose
    // length single precision cannot tell is near.
    NearKernel *near_cosine[ELEMENT_COUNT];
    CodeKernel *code_dots;
} VectorKernels;

extern const VectorKernels vector_kernels_portable;
extern const VectorKernels vector_kernels_avx2;   // x86-64 with FMA and F16C
extern const VectorKernels vector_kernels_avx512; // F, BW, DQ, VL, VNNI and VPOPCNTDQ
extern const VectorKernels vector_kernels_neon;   // aarch64

// The fastest set that this processor can run; or the one named by the environment variable
// QUIRE_CPU, if it can run that.
const VectorKernels *vector_kernels(void);
// The set of that name, NULL if this build or this processor has none.
const VectorKernels *vector_kernels_find(const char *name);

// Half-precision formats, one element at a time.
float f16_to_f32(uint16_t half);
uint16_t f32_to_f16(float value); // rounds to nearest, ties to even
float bf16_to_f32(uint16_t half);
uint16_t f32_to_bf16(float value); // cuts the lower half off; a NaN stays one

#endif
