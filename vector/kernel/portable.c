// The kernels in plain C: the reference for all others, and what runs where there is no other.
#include "vector/kernel/kernel.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define INLINED static inline __attribute__((always_inline))

typedef double LoadOne(const uint8_t *elements, size_t i);

INLINED double load_f32(const uint8_t *elements, size_t i)
{
    float value;
    memcpy(&value, elements + i * sizeof value, sizeof value);
    return (double)value;
}

INLINED double load_f64(const uint8_t *elements, size_t i)
{
    double value;
    memcpy(&value, elements + i * sizeof value, sizeof value);
    return value;
}

INLINED uint16_t load_u16(const uint8_t *elements, size_t i)
{
    uint16_t value;
    memcpy(&value, elements + i * sizeof value, sizeof value);
    return value;
}

INLINED double load_f16(const uint8_t *elements, size_t i)
{
    return (double)f16_to_f32(load_u16(elements, i));
}

INLINED double load_bf16(const uint8_t *elements, size_t i)
{
    return (double)bf16_to_f32(load_u16(elements, i));
}

INLINED double load_i8(const uint8_t *elements, size_t i)
{
    return (double)(int8_t)elements[i];
}

// --- the sums ---

INLINED double sum_l2sq(LoadOne *load, const void *a, const void *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++) {
        double diff = load(a, i) - load(b, i);
        sum += diff * diff;
    }
    return sum;
}

INLINED double sum_dot(LoadOne *load, const void *a, const void *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += load(a, i) * load(b, i);
    return sum;
}

INLINED double sum_l1(LoadOne *load, const void *a, const void *b, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += fabs(load(a, i) - load(b, i));
    return sum;
}

INLINED CosineParts sum_cosine(LoadOne *load, const void *a, const void *b, size_t count)
{
    CosineParts parts = {0, 0, 0};
    for (size_t i = 0; i < count; i++) {
        double a_i = load(a, i);
        double b_i = load(b, i);
        parts.dot += a_i * b_i;
        parts.a_square += a_i * a_i;
        parts.b_square += b_i * b_i;
    }
    return parts;
}

static double l2sq_f32(const void *a, const void *b, size_t count)
{
    return sum_l2sq(load_f32, a, b, count);
}

static double dot_f32(const void *a, const void *b, size_t count)
{
    return sum_dot(load_f32, a, b, count);
}

static double l1_f32(const void *a, const void *b, size_t count)
{
    return sum_l1(load_f32, a, b, count);
}

static CosineParts cosine_f32(const void *a, const void *b, size_t count)
{
    return sum_cosine(load_f32, a, b, count);
}

static double l2sq_f64(const void *a, const void *b, size_t count)
{
    return sum_l2sq(load_f64, a, b, count);
}

static double dot_f64(const void *a, const void *b, size_t count)
{
    return sum_dot(load_f64, a, b, count);
}

static double l1_f64(const void *a, const void *b, size_t count)
{
    return sum_l1(load_f64, a, b, count);
}

static CosineParts cosine_f64(const void *a, const void *b, size_t count)
{
    return sum_cosine(load_f64, a, b, count);
}

static double l2sq_f16(const void *a, const void *b, size_t count)
{
    return sum_l2sq(load_f16, a, b, count);
}

static double dot_f16(const void *a, const void *b, size_t count)
{
    return sum_dot(load_f16, a, b, count);
}

static double l1_f16(const void *a, const void *b, size_t count)
{
    return sum_l1(load_f16, a, b, count);
}

static CosineParts cosine_f16(const void *a, const void *b, size_t count)
{
    return sum_cosine(load_f16, a, b, count);
}

static double l2sq_bf16(const void *a, const void *b, size_t count)
{
    return sum_l2sq(load_bf16, a, b, count);
}

static double dot_bf16(const void *a, const void *b, size_t count)
{
    return sum_dot(load_bf16, a, b, count);
}

static double l1_bf16(const void *a, const void *b, size_t count)
{
    return sum_l1(load_bf16, a, b, count);
}

static CosineParts cosine_bf16(const void *a, const void *b, size_t count)
{
    return sum_cosine(load_bf16, a, b, count);
}

static double l2sq_i8(const void *a, const void *b, size_t count)
{
    return sum_l2sq(load_i8, a, b, count);
}

static double dot_i8(const void *a, const void *b, size_t count)
{
    return sum_dot(load_i8, a, b, count);
}

static double l1_i8(const void *a, const void *b, size_t count)
{
    return sum_l1(load_i8, a, b, count);
}

static CosineParts cosine_i8(const void *a, const void *b, size_t count)
{
    return sum_cosine(load_i8, a, b, count);
}

// --- bits ---

typedef uint64_t Combine(uint64_t a, uint64_t b);

INLINED uint64_t combine_xor(uint64_t a, uint64_t b)
{
    return a ^ b;
}

INLINED uint64_t combine_and(uint64_t a, uint64_t b)
{
    return a & b;
}

INLINED uint64_t combine_or(uint64_t a, uint64_t b)
{
    return a | b;
}

INLINED double count_bits(Combine *combine, const uint8_t *a, const uint8_t *b, size_t count)
{
    uint64_t sum = 0;
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        uint64_t a_word, b_word;
        memcpy(&a_word, a + i, 8);
        memcpy(&b_word, b + i, 8);
        sum += (uint64_t)__builtin_popcountll(combine(a_word, b_word));
    }
    for (; i < count; i++)
        sum += (uint64_t)__builtin_popcountll(combine(a[i], b[i]));
    return (double)sum;
}

static double hamming(const void *a, const void *b, size_t count)
{
    return count_bits(combine_xor, a, b, count);
}

static double both(const void *a, const void *b, size_t count)
{
    return count_bits(combine_and, a, b, count);
}

static double either(const void *a, const void *b, size_t count)
{
    return count_bits(combine_or, a, b, count);
}

static void code_dots(const uint8_t *codes, size_t row_count, size_t group_count,
                      const int8_t *query, int32_t *out)
{
    for (size_t row = 0; row < row_count; row++) {
        int32_t sum = 0;
        for (size_t group = 0; group < group_count; group++) {
            const int8_t *q = query + group * CODE_GROUP_DIMS;
            for (size_t b = 0; b < CODE_GROUP_SIZE; b++, codes++)
                sum += (*codes & 15) * q[b] + (*codes >> 4) * q[b + CODE_GROUP_SIZE];
        }
        out[row] = sum;
    }
}

const VectorKernels vector_kernels_portable = {
    .name = "portable",
    .element =
        {
            [ELEMENT_F32] = {l2sq_f32, dot_f32, l1_f32, cosine_f32},
            [ELEMENT_F64] = {l2sq_f64, dot_f64, l1_f64, cosine_f64},
            [ELEMENT_F16] = {l2sq_f16, dot_f16, l1_f16, cosine_f16},
            [ELEMENT_BF16] = {l2sq_bf16, dot_bf16, l1_bf16, cosine_bf16},
            [ELEMENT_I8] = {l2sq_i8, dot_i8, l1_i8, cosine_i8},
        },
    .hamming = hamming,
    .both = both,
    .either = either,
    .code_dots = code_dots,
};

// --- half-precision formats ---

static float f32_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t bits_of_f32(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

float f16_to_f32(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 0x1f;
    uint32_t fraction = half & 0x3ff;
    if (exponent == 0) { // zero and subnormals: fraction * 2^-24, exact in f32
        float magnitude = (float)fraction * 0x1p-24f;
        return sign != 0 ? -magnitude : magnitude;
    }
    if (exponent == 0x1f)
        return f32_of_bits(sign | 0x7f800000u | fraction << 13);
    return f32_of_bits(sign | (exponent + 112) << 23 | fraction << 13); // 127 - 15
}

uint16_t f32_to_f16(float value)
{
    uint32_t bits = bits_of_f32(value);
    uint32_t sign = bits >> 16 & 0x8000;
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return (uint16_t)(sign | 0x7e00); // NaN
    if (magnitude >= 0x477ff000)          // 65520: rounds beyond the greatest half
        return (uint16_t)(sign | 0x7c00);
    if (magnitude < 0x38800000) { // below 2^-14: a multiple of 2^-24
        // Adding 0.5 puts the unit of 2^-24 at the end of the fraction: the sum is rounded there.
        float shifted = f32_of_bits(magnitude) + 0.5f;
        return (uint16_t)(sign | (bits_of_f32(shifted) - 0x3f000000u));
    }
    uint32_t rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | (rounded - 0x38000000u) >> 13);
}

float bf16_to_f32(uint16_t half)
{
    return f32_of_bits((uint32_t)half << 16);
}

uint16_t f32_to_bf16(float value)
{
    uint32_t bits = bits_of_f32(value);
    bool is_nan = (bits & 0x7fffffff) > 0x7f800000;
    return (uint16_t)(bits >> 16 | (is_nan ? 0x40 : 0));
}
