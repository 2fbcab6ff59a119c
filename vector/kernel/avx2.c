// Kernels for x86-64 with AVX2, FMA and F16C.
//
// Four sums run side by side: a multiply-add waits for two loads, so one can start per cycle, and
// each takes four cycles. The rest of a vector is copied into a block of zeroes, which add nothing
// to any of the sums.
#include "vector/kernel/kernel.h"

#include <immintrin.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define INLINED static inline __attribute__((always_inline))

enum { LANES = 8, SUMS = 4, BLOCK = LANES * SUMS };

// --- f32, f16, bf16: eight elements become floats ---

typedef __m256 Load8(const uint8_t *elements);
typedef __m256 Step8(__m256 sum, __m256 a, __m256 b);

INLINED __m256 load_f32(const uint8_t *elements)
{
    return _mm256_loadu_ps((const float *)(const void *)elements);
}

INLINED __m256 load_f16(const uint8_t *elements)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)elements));
}

INLINED __m256 load_bf16(const uint8_t *elements)
{
    __m128i halves = _mm_loadu_si128((const __m128i *)(const void *)elements);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
}

INLINED __m256 step_l2sq(__m256 sum, __m256 a, __m256 b)
{
    __m256 diff = _mm256_sub_ps(a, b);
    return _mm256_fmadd_ps(diff, diff, sum);
}

INLINED __m256 step_dot(__m256 sum, __m256 a, __m256 b)
{
    return _mm256_fmadd_ps(a, b, sum);
}

INLINED __m256 step_l1(__m256 sum, __m256 a, __m256 b)
{
    __m256 sign = _mm256_set1_ps(-0.0f);
    return _mm256_add_ps(sum, _mm256_andnot_ps(sign, _mm256_sub_ps(a, b)));
}

INLINED float add_lanes(__m256 sum)
{
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

// Up to eight elements at `from`, zeroes behind them.
INLINED __m256 load_rest(Load8 *load, const uint8_t *from, size_t size)
{
    uint8_t block[LANES * sizeof(float)] = {0};
    memcpy(block, from, size);
    return load(block);
}

INLINED double sum_pairs(Load8 *load, Step8 *step, size_t size, const void *a_elements,
                         const void *b_elements, size_t count)
{
    const uint8_t *a = a_elements;
    const uint8_t *b = b_elements;
    __m256 sum[SUMS] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                        _mm256_setzero_ps()};
    size_t i = 0;
    for (; i + BLOCK <= count; i += BLOCK)
#pragma GCC unroll 4
        for (size_t k = 0; k < SUMS; k++) {
            size_t at = (i + LANES * k) * size;
            sum[k] = step(sum[k], load(a + at), load(b + at));
        }
    for (; i + LANES <= count; i += LANES)
        sum[0] = step(sum[0], load(a + i * size), load(b + i * size));
    if (i < count) {
        size_t rest = (count - i) * size;
        sum[1] =
            step(sum[1], load_rest(load, a + i * size, rest), load_rest(load, b + i * size, rest));
    }
    __m256 total = _mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3]));
    return (double)add_lanes(total);
}

typedef struct Cosine8 {
    __m256 dot[2], a[2], b[2];
} Cosine8;

INLINED void step_cosine(Cosine8 *sums, int k, __m256 a, __m256 b)
{
    sums->dot[k] = _mm256_fmadd_ps(a, b, sums->dot[k]);
    sums->a[k] = _mm256_fmadd_ps(a, a, sums->a[k]);
    sums->b[k] = _mm256_fmadd_ps(b, b, sums->b[k]);
}

INLINED CosineParts sum_cosine(Load8 *load, size_t size, const void *a_elements,
                               const void *b_elements, size_t count)
{
    const uint8_t *a = a_elements;
    const uint8_t *b = b_elements;
    __m256 zero = _mm256_setzero_ps();
    Cosine8 sums = {{zero, zero}, {zero, zero}, {zero, zero}};
    size_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        size_t next = (i + LANES) * size;
        step_cosine(&sums, 0, load(a + i * size), load(b + i * size));
        step_cosine(&sums, 1, load(a + next), load(b + next));
    }
    for (; i < count; i += LANES) {
        size_t rest = (count - i < LANES ? count - i : LANES) * size;
        step_cosine(&sums, 0, load_rest(load, a + i * size, rest),
                    load_rest(load, b + i * size, rest));
    }
    return (CosineParts){(double)add_lanes(_mm256_add_ps(sums.dot[0], sums.dot[1])),
                         (double)add_lanes(_mm256_add_ps(sums.a[0], sums.a[1])),
                         (double)add_lanes(_mm256_add_ps(sums.b[0], sums.b[1]))};
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

typedef __m256d Step4(__m256d sum, __m256d a, __m256d b);

INLINED __m256d load_f64(const double *elements)
{
    return _mm256_loadu_pd(elements);
}

INLINED __m256d step_l2sq_f64(__m256d sum, __m256d a, __m256d b)
{
    __m256d diff = _mm256_sub_pd(a, b);
    return _mm256_fmadd_pd(diff, diff, sum);
}

INLINED __m256d step_dot_f64(__m256d sum, __m256d a, __m256d b)
{
    return _mm256_fmadd_pd(a, b, sum);
}

INLINED __m256d step_l1_f64(__m256d sum, __m256d a, __m256d b)
{
    return _mm256_add_pd(sum, _mm256_andnot_pd(_mm256_set1_pd(-0.0), _mm256_sub_pd(a, b)));
}

INLINED double sum_f64(Step4 *step, const void *a_elements, const void *b_elements, size_t count)
{
    const double *a = a_elements;
    const double *b = b_elements;
    __m256d sum[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(),
                      _mm256_setzero_pd()};
    size_t i = 0;
    for (; i + 16 <= count; i += 16)
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++)
            sum[k] = step(sum[k], load_f64(a + i + 4 * k), load_f64(b + i + 4 * k));
    for (; i < count; i += 4) {
        double block[2][4] = {{0}, {0}};
        size_t rest = (count - i < 4 ? count - i : 4) * sizeof(double);
        memcpy(block[0], (const uint8_t *)a_elements + i * sizeof(double), rest);
        memcpy(block[1], (const uint8_t *)b_elements + i * sizeof(double), rest);
        sum[0] = step(sum[0], load_f64(block[0]), load_f64(block[1]));
    }
    __m256d total = _mm256_add_pd(_mm256_add_pd(sum[0], sum[1]), _mm256_add_pd(sum[2], sum[3]));
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(total), _mm256_extractf128_pd(total, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
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

// --- i8: widened to 16 bits, products added in pairs ---

typedef __m256i StepInt(__m256i sum, __m256i a, __m256i b);

enum {
    INT_LANES = 16,
    // A 32-bit lane takes at most 2 * 255^2 per step, so this many elements cannot overflow it.
    INT_RUN = 16384 * INT_LANES,
};

INLINED __m256i load_i8(const uint8_t *elements)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)elements));
}

INLINED __m256i step_l2sq_i8(__m256i sum, __m256i a, __m256i b)
{
    __m256i diff = _mm256_sub_epi16(a, b);
    return _mm256_add_epi32(sum, _mm256_madd_epi16(diff, diff));
}

INLINED __m256i step_dot_i8(__m256i sum, __m256i a, __m256i b)
{
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
}

INLINED __m256i step_l1_i8(__m256i sum, __m256i a, __m256i b)
{
    __m256i distance = _mm256_abs_epi16(_mm256_sub_epi16(a, b));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(distance, _mm256_set1_epi16(1)));
}

INLINED int64_t add_lanes_int(__m256i sum)
{
    int32_t lanes[LANES];
    memcpy(lanes, &sum, sizeof lanes);
    int64_t total = 0;
    for (int i = 0; i < LANES; i++)
        total += lanes[i];
    return total;
}

INLINED int64_t sum_run_i8(StepInt *step, const uint8_t *a, const uint8_t *b, size_t count)
{
    __m256i sum[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    size_t i = 0;
    for (; i + 2 * INT_LANES <= count; i += 2 * INT_LANES) {
        size_t next = i + INT_LANES;
        sum[0] = step(sum[0], load_i8(a + i), load_i8(b + i));
        sum[1] = step(sum[1], load_i8(a + next), load_i8(b + next));
    }
    for (; i < count; i += INT_LANES) {
        uint8_t block[2][INT_LANES] = {{0}, {0}};
        size_t rest = count - i < INT_LANES ? count - i : INT_LANES;
        memcpy(block[0], a + i, rest);
        memcpy(block[1], b + i, rest);
        sum[0] = step(sum[0], load_i8(block[0]), load_i8(block[1]));
    }
    return add_lanes_int(sum[0]) + add_lanes_int(sum[1]);
}

INLINED double sum_i8(StepInt *step, const void *a, const void *b, size_t count)
{
    int64_t total = 0;
    for (size_t i = 0; i < count; i += INT_RUN) {
        size_t run = count - i < INT_RUN ? count - i : INT_RUN;
        total += sum_run_i8(step, (const uint8_t *)a + i, (const uint8_t *)b + i, run);
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

// --- bits: one popcnt per eight bytes keeps up with memory ---

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

INLINED uint64_t count_word(Combine *combine, const uint8_t *a, const uint8_t *b, size_t size)
{
    uint64_t a_word = 0, b_word = 0;
    memcpy(&a_word, a, size);
    memcpy(&b_word, b, size);
    return (uint64_t)_mm_popcnt_u64(combine(a_word, b_word));
}

INLINED double count_bits(Combine *combine, const uint8_t *a, const uint8_t *b, size_t count)
{
    uint64_t sum[4] = {0, 0, 0, 0};
    size_t i = 0;
    for (; i + 32 <= count; i += 32)
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++)
            sum[k] += count_word(combine, a + i + 8 * k, b + i + 8 * k, 8);
    for (; i < count; i += 8)
        sum[0] += count_word(combine, a + i, b + i, count - i < 8 ? count - i : 8);
    return (double)(sum[0] + sum[1] + sum[2] + sum[3]);
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

// --- rows that may be near ---

// Of rows with elements of one byte.
INLINED uint64_t near_by_pair(PairKernel *sum, const uint8_t *rows, size_t row_count,
                              const void *query, size_t count, double limit)
{
    uint64_t near = 0;
    for (size_t row = 0; row < row_count; row++)
        near |= (uint64_t) !(sum(rows + row * count, query, count) > limit) << row;
    return near;
}

INLINED double add_sums(const __m256 sum[SUMS])
{
    return (double)add_lanes(
        _mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3])));
}

enum { PIECE = NEAR_PIECE_SIZE / sizeof(float) };

INLINED bool is_near_f32(const uint8_t *row, const uint8_t *query, size_t count, double limit)
{
    __m256 sum[SUMS] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                        _mm256_setzero_ps()};
    size_t i = 0;
    for (; i + PIECE <= count; i += PIECE) {
#pragma GCC unroll 16
        for (size_t k = 0; k < PIECE / LANES; k++) {
            size_t at = (i + LANES * k) * sizeof(float);
            sum[k % SUMS] = step_l2sq(sum[k % SUMS], load_f32(row + at), load_f32(query + at));
        }
        if (add_sums(sum) > limit)
            return false;
    }
    for (size_t k = 0; i + LANES <= count; i += LANES, k++) {
        size_t at = i * sizeof(float);
        sum[k % SUMS] = step_l2sq(sum[k % SUMS], load_f32(row + at), load_f32(query + at));
    }
    if (i < count) {
        size_t at = i * sizeof(float), rest = count * sizeof(float) - at;
        sum[0] = step_l2sq(sum[0], load_rest(load_f32, row + at, rest),
                           load_rest(load_f32, query + at, rest));
    }
    return !(add_sums(sum) > limit);
}

static uint64_t near_l2sq_f32(const void *rows, size_t row_count, const void *query, size_t count,
                              double limit)
{
    const uint8_t *row = rows;
    uint64_t near = 0;
    for (size_t r = 0; r < row_count; r++, row += count * sizeof(float))
        near |= (uint64_t)is_near_f32(row, query, count, limit) << r;
    return near;
}

INLINED bool is_near_cosine(Load8 *load, size_t size, const uint8_t *row, const uint8_t *query,
                            size_t count, double limit)
{
    __m256 dot[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                     _mm256_setzero_ps()};
    __m256 square[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(),
                        _mm256_setzero_ps()};
    size_t i = 0;
    for (; i + BLOCK <= count; i += BLOCK)
#pragma GCC unroll 4
        for (size_t k = 0; k < SUMS; k++) {
            size_t at = (i + LANES * k) * size;
            __m256 a = load(row + at);
            dot[k] = _mm256_fmadd_ps(a, load(query + at), dot[k]);
            square[k] = _mm256_fmadd_ps(a, a, square[k]);
        }
    for (; i < count; i += LANES) {
        size_t rest = (count - i < LANES ? count - i : LANES) * size;
        __m256 a = load_rest(load, row + i * size, rest);
        dot[0] = _mm256_fmadd_ps(a, load_rest(load, query + i * size, rest), dot[0]);
        square[0] = _mm256_fmadd_ps(a, a, square[0]);
    }
    double length_square = add_sums(square);
    if (!(length_square > 1e-30 && length_square < 1e37))
        return true;
    return !(-add_sums(dot) > limit * sqrt(length_square));
}

static uint64_t near_cosine_f32(const void *rows, size_t row_count, const void *query, size_t count,
                                double limit)
{
    const uint8_t *row = rows;
    uint64_t near = 0;
    for (size_t r = 0; r < row_count; r++, row += count * 4)
        near |= (uint64_t)is_near_cosine(load_f32, 4, row, query, count, limit) << r;
    return near;
}

static uint64_t near_cosine_f16(const void *rows, size_t row_count, const void *query, size_t count,
                                double limit)
{
    const uint8_t *row = rows;
    uint64_t near = 0;
    for (size_t r = 0; r < row_count; r++, row += count * 2)
        near |= (uint64_t)is_near_cosine(load_f16, 2, row, query, count, limit) << r;
    return near;
}

static uint64_t near_l2sq_i8(const void *rows, size_t row_count, const void *query, size_t count,
                             double limit)
{
    return near_by_pair(l2sq_i8, rows, row_count, query, count, limit);
}

static uint64_t near_hamming(const void *rows, size_t row_count, const void *query, size_t count,
                             double limit)
{
    return near_by_pair(hamming, rows, row_count, query, count, limit);
}

// --- quantised rows ---

// A product is at most 15 * 127, so four of them fit the 16 bits in which they are summed first.
static void code_dots(const uint8_t *codes, size_t row_count, size_t group_count,
                      const int8_t *query, int32_t *out)
{
    const __m256i low_u8x32 = _mm256_set1_epi8(15);
    const __m256i ones_i16x16 = _mm256_set1_epi16(1);
    for (size_t row = 0; row < row_count; row++) {
        __m256i sum_i32x8 = _mm256_setzero_si256();
        const int8_t *q = query;
        for (size_t group = 0; group < group_count; group++, q += CODE_GROUP_DIMS) {
            __m256i both_u8x32 = _mm256_loadu_si256((const __m256i *)codes);
            __m256i first_u8x32 = _mm256_and_si256(both_u8x32, low_u8x32);
            __m256i second_u8x32 = _mm256_and_si256(_mm256_srli_epi16(both_u8x32, 4), low_u8x32);
            __m256i q_first_i8x32 = _mm256_loadu_si256((const __m256i *)q);
            __m256i q_second_i8x32 = _mm256_loadu_si256((const __m256i *)(q + CODE_GROUP_SIZE));
            __m256i sum_i16x16 =
                _mm256_add_epi16(_mm256_maddubs_epi16(first_u8x32, q_first_i8x32),
                                 _mm256_maddubs_epi16(second_u8x32, q_second_i8x32));
            sum_i32x8 = _mm256_add_epi32(sum_i32x8, _mm256_madd_epi16(sum_i16x16, ones_i16x16));
            codes += CODE_GROUP_SIZE;
        }
        __m128i sum_i32x4 = _mm_add_epi32(_mm256_castsi256_si128(sum_i32x8),
                                          _mm256_extracti128_si256(sum_i32x8, 1));
        sum_i32x4 = _mm_hadd_epi32(sum_i32x4, sum_i32x4);
        out[row] = _mm_cvtsi128_si32(_mm_hadd_epi32(sum_i32x4, sum_i32x4));
    }
}

const VectorKernels vector_kernels_avx2 = {
    .name = "avx2",
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
    .near_l2sq = {[ELEMENT_F32] = near_l2sq_f32, [ELEMENT_I8] = near_l2sq_i8},
    .near_hamming = near_hamming,
    .near_cosine = {[ELEMENT_F32] = near_cosine_f32, [ELEMENT_F16] = near_cosine_f16},
    .code_dots = code_dots,
};
