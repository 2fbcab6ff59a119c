// Kernels for aarch64. The rest of a vector is copied into a block of zeroes.
#include "vector/kernel/kernel.h"

#include <arm_neon.h>
#include <string.h>

#define INLINED static inline __attribute__((always_inline))

// --- f32, f16, bf16: four elements become floats ---

enum { LANES = 4, SUMS = 8, BLOCK = LANES * SUMS };

typedef float32x4_t Load4(const uint8_t *elements);
typedef float32x4_t Step4(float32x4_t sum, float32x4_t a, float32x4_t b);

INLINED float32x4_t load_f32(const uint8_t *elements)
{
    return vreinterpretq_f32_u8(vld1q_u8(elements));
}

INLINED float32x4_t load_f16(const uint8_t *elements)
{
    return vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(elements)));
}

INLINED float32x4_t load_bf16(const uint8_t *elements)
{
    return vreinterpretq_f32_u32(vshll_n_u16(vreinterpret_u16_u8(vld1_u8(elements)), 16));
}

INLINED float32x4_t step_l2sq(float32x4_t sum, float32x4_t a, float32x4_t b)
{
    float32x4_t diff = vsubq_f32(a, b);
    return vfmaq_f32(sum, diff, diff);
}

INLINED float32x4_t step_dot(float32x4_t sum, float32x4_t a, float32x4_t b)
{
    return vfmaq_f32(sum, a, b);
}

INLINED float32x4_t step_l1(float32x4_t sum, float32x4_t a, float32x4_t b)
{
    return vaddq_f32(sum, vabdq_f32(a, b));
}

INLINED float32x4_t load_rest(Load4 *load, const uint8_t *from, size_t size)
{
    uint8_t block[LANES * sizeof(float)] = {0};
    memcpy(block, from, size);
    return load(block);
}

INLINED double sum_pairs(Load4 *load, Step4 *step, size_t size, const void *a_elements,
                         const void *b_elements, size_t count)
{
    const uint8_t *a = a_elements;
    const uint8_t *b = b_elements;
    float32x4_t sum[SUMS];
    for (size_t k = 0; k < SUMS; k++)
        sum[k] = vdupq_n_f32(0);
    size_t i = 0;
    for (; i + BLOCK <= count; i += BLOCK)
#pragma GCC unroll 8
        for (size_t k = 0; k < SUMS; k++) {
            size_t at = (i + LANES * k) * size;
            sum[k] = step(sum[k], load(a + at), load(b + at));
        }
    for (; i < count; i += LANES) {
        size_t rest = (count - i < LANES ? count - i : LANES) * size;
        sum[0] =
            step(sum[0], load_rest(load, a + i * size, rest), load_rest(load, b + i * size, rest));
    }
    for (size_t k = 1; k < SUMS; k++)
        sum[0] = vaddq_f32(sum[0], sum[k]);
    return (double)vaddvq_f32(sum[0]);
}

INLINED CosineParts sum_cosine(Load4 *load, size_t size, const void *a, const void *b, size_t count)
{
    return (CosineParts){sum_pairs(load, step_dot, size, a, b, count),
                         sum_pairs(load, step_dot, size, a, a, count),
                         sum_pairs(load, step_dot, size, b, b, count)};
}

static double l2sq_f32(const void *a, const void *b, size_t count)
{
    return sum_pairs(load_f32, step_l2sq, 4, a, b, count);
}

static double dot_f32(const void *a, const void *b, size_t count)
{
    return sum_pairs(load_f32, step_dot, 4, a, b, count);
}

static double l1_f32(const void *a, const void *b, size_t count)
{
    return sum_pairs(load_f32, step_l1, 4, a, b, count);
}

static CosineParts cosine_f32(const void *a, const void *b, size_t count)
{
    return sum_cosine(load_f32, 4, a, b, count);
}

static double l2sq_f16(const void *a, const void *b, size_t count)
{
    return sum_pairs(load_f16, step_l2sq, 2, a, b, count);
}

static double dot_f16(const void *a, const void *b, size_t count)
{
    return sum_pairs(load_f16, step_dot, 2, a, b, count);
}

static double l1_f16(const void *a, const void *b, size_t count)
{
    return sum_pairs(load_f16, step_l1, 2, a, b, count);
}

static CosineParts cosine_f16(const void *a, const void *b, size_t count)
{
    return sum_cosine(load_f16, 2, a, b, count);
}

static double l2sq_bf16(const void *a, const void *b, size_t count)
{
    return sum_pairs(load_bf16, step_l2sq, 2, a, b, count);
}

static double dot_bf16(const void *a, const void *b, size_t count)
{
    return sum_pairs(load_bf16, step_dot, 2, a, b, count);
}

static double l1_bf16(const void *a, const void *b, size_t count)
{
    return sum_pairs(load_bf16, step_l1, 2, a, b, count);
}

static CosineParts cosine_bf16(const void *a, const void *b, size_t count)
{
    return sum_cosine(load_bf16, 2, a, b, count);
}

// --- f64 ---

typedef float64x2_t Step2(float64x2_t sum, float64x2_t a, float64x2_t b);

INLINED float64x2_t load_f64(const uint8_t *elements)
{
    return vreinterpretq_f64_u8(vld1q_u8(elements));
}

INLINED float64x2_t step_l2sq_f64(float64x2_t sum, float64x2_t a, float64x2_t b)
{
    float64x2_t diff = vsubq_f64(a, b);
    return vfmaq_f64(sum, diff, diff);
}

INLINED float64x2_t step_dot_f64(float64x2_t sum, float64x2_t a, float64x2_t b)
{
    return vfmaq_f64(sum, a, b);
}

INLINED float64x2_t step_l1_f64(float64x2_t sum, float64x2_t a, float64x2_t b)
{
    return vaddq_f64(sum, vabdq_f64(a, b));
}

INLINED double sum_f64(Step2 *step, const uint8_t *a, const uint8_t *b, size_t count)
{
    float64x2_t sum[4] = {vdupq_n_f64(0), vdupq_n_f64(0), vdupq_n_f64(0), vdupq_n_f64(0)};
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++) {
            size_t at = (i + 2 * k) * sizeof(double);
            sum[k] = step(sum[k], load_f64(a + at), load_f64(b + at));
        }
    for (; i < count; i++) {
        uint8_t block[2][16] = {{0}, {0}};
        memcpy(block[0], a + i * sizeof(double), sizeof(double));
        memcpy(block[1], b + i * sizeof(double), sizeof(double));
        sum[0] = step(sum[0], load_f64(block[0]), load_f64(block[1]));
    }
    return vaddvq_f64(vaddq_f64(vaddq_f64(sum[0], sum[1]), vaddq_f64(sum[2], sum[3])));
}

static double l2sq_f64(const void *a, const void *b, size_t count)
{
    return sum_f64(step_l2sq_f64, a, b, count);
}

static double dot_f64(const void *a, const void *b, size_t count)
{
    return sum_f64(step_dot_f64, a, b, count);
}

static double l1_f64(const void *a, const void *b, size_t count)
{
    return sum_f64(step_l1_f64, a, b, count);
}

static CosineParts cosine_f64(const void *a, const void *b, size_t count)
{
    return (CosineParts){dot_f64(a, b, count), dot_f64(a, a, count), dot_f64(b, b, count)};
}

// --- i8: widened to 16 bits, products added in 32 ---

typedef int32x4_t StepInt(int32x4_t sum, int16x8_t a, int16x8_t b);

enum {
    INT_LANES = 8,
    // A 32-bit lane takes at most 2 * 255^2 per step, so this many elements cannot overflow it.
    INT_RUN = 16384 * INT_LANES,
};

INLINED int32x4_t step_dot_i8(int32x4_t sum, int16x8_t a, int16x8_t b)
{
    sum = vmlal_s16(sum, vget_low_s16(a), vget_low_s16(b));
    return vmlal_s16(sum, vget_high_s16(a), vget_high_s16(b));
}

INLINED int32x4_t step_l2sq_i8(int32x4_t sum, int16x8_t a, int16x8_t b)
{
    int16x8_t diff = vsubq_s16(a, b);
    return step_dot_i8(sum, diff, diff);
}

INLINED int32x4_t step_l1_i8(int32x4_t sum, int16x8_t a, int16x8_t b)
{
    return vpadalq_s16(sum, vabdq_s16(a, b));
}

INLINED int16x8_t load_i8(const uint8_t *elements)
{
    return vmovl_s8(vreinterpret_s8_u8(vld1_u8(elements)));
}

INLINED double sum_i8(StepInt *step, const uint8_t *a, const uint8_t *b, size_t count)
{
    int64_t total = 0;
    for (size_t begin = 0; begin < count; begin += INT_RUN) {
        size_t end = count - begin < INT_RUN ? count : begin + INT_RUN;
        int32x4_t sum = vdupq_n_s32(0);
        size_t i = begin;
        for (; i + INT_LANES <= end; i += INT_LANES)
            sum = step(sum, load_i8(a + i), load_i8(b + i));
        if (i < end) {
            uint8_t block[2][INT_LANES] = {{0}, {0}};
            memcpy(block[0], a + i, end - i);
            memcpy(block[1], b + i, end - i);
            sum = step(sum, load_i8(block[0]), load_i8(block[1]));
        }
        total += vaddlvq_s32(sum);
    }
    return (double)total;
}

static double l2sq_i8(const void *a, const void *b, size_t count)
{
    return sum_i8(step_l2sq_i8, a, b, count);
}

static double dot_i8(const void *a, const void *b, size_t count)
{
    return sum_i8(step_dot_i8, a, b, count);
}

static double l1_i8(const void *a, const void *b, size_t count)
{
    return sum_i8(step_l1_i8, a, b, count);
}

static CosineParts cosine_i8(const void *a, const void *b, size_t count)
{
    return (CosineParts){dot_i8(a, b, count), dot_i8(a, a, count), dot_i8(b, b, count)};
}

// --- bits ---

typedef uint8x16_t Combine(uint8x16_t a, uint8x16_t b);

INLINED uint8x16_t combine_xor(uint8x16_t a, uint8x16_t b)
{
    return veorq_u8(a, b);
}

INLINED uint8x16_t combine_and(uint8x16_t a, uint8x16_t b)
{
    return vandq_u8(a, b);
}

INLINED uint8x16_t combine_or(uint8x16_t a, uint8x16_t b)
{
    return vorrq_u8(a, b);
}

INLINED double count_bits(Combine *combine, const uint8_t *a, const uint8_t *b, size_t count)
{
    uint64_t total = 0;
    size_t i = 0;
    for (; i + 16 <= count; i += 16)
        total += vaddlvq_u8(vcntq_u8(combine(vld1q_u8(a + i), vld1q_u8(b + i))));
    if (i < count) {
        uint8_t block[2][16] = {{0}, {0}};
        memcpy(block[0], a + i, count - i);
        memcpy(block[1], b + i, count - i);
        total += vaddlvq_u8(vcntq_u8(combine(vld1q_u8(block[0]), vld1q_u8(block[1]))));
    }
    return (double)total;
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

// --- quantised rows ---

// 16 elements: products of 15 * 127 fit 16 bits, and so do two of them.
INLINED int32x4_t code_step(int32x4_t sum_i32x4, uint8x16_t codes_u8x16, const int8_t *query)
{
    int8x16_t codes_i8x16 = vreinterpretq_s8_u8(codes_u8x16);
    int8x16_t q_i8x16 = vld1q_s8(query);
    int16x8_t product_i16x8 = vmull_s8(vget_low_s8(codes_i8x16), vget_low_s8(q_i8x16));
    product_i16x8 = vmlal_s8(product_i16x8, vget_high_s8(codes_i8x16), vget_high_s8(q_i8x16));
    return vpadalq_s16(sum_i32x4, product_i16x8);
}

static void code_dots(const uint8_t *codes, size_t row_count, size_t group_count,
                      const int8_t *query, int32_t *out)
{
    const uint8x16_t low_u8x16 = vdupq_n_u8(15);
    for (size_t row = 0; row < row_count; row++) {
        int32x4_t sum_i32x4 = vdupq_n_s32(0);
        const int8_t *q = query;
        for (size_t group = 0; group < group_count; group++, q += CODE_GROUP_DIMS) {
            for (size_t half = 0; half < CODE_GROUP_SIZE; half += 16, codes += 16) {
                uint8x16_t both_u8x16 = vld1q_u8(codes);
                sum_i32x4 = code_step(sum_i32x4, vandq_u8(both_u8x16, low_u8x16), q + half);
                sum_i32x4 =
                    code_step(sum_i32x4, vshrq_n_u8(both_u8x16, 4), q + half + CODE_GROUP_SIZE);
            }
        }
        out[row] = vaddvq_s32(sum_i32x4);
    }
}

const VectorKernels vector_kernels_neon = {
    .name = "neon",
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
