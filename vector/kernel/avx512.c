// Kernels for x86-64 with AVX-512 F, BW, DQ, VL, VNNI and VPOPCNTDQ. Ends are masked loads.
#include "vector/kernel/kernel.h"

#include <immintrin.h>
#include <math.h>
#include <stdbool.h>

#define INLINED static inline __attribute__((always_inline))

// The lanes that hold elements when `rest` are left.
INLINED uint64_t lanes_of(size_t rest, size_t lanes)
{
    return rest >= lanes ? ~(uint64_t)0 : ((uint64_t)1 << rest) - 1;
}

// --- f32, f16, bf16: sixteen elements become floats ---

enum { LANES = 16, SUMS = 4, BLOCK = LANES * SUMS };

typedef __m512 Load16(const uint8_t *elements, __mmask16 lanes);
typedef __m512 Step16(__m512 sum, __m512 a, __m512 b);

INLINED __m512 load_f32(const uint8_t *elements, __mmask16 lanes)
{
    return _mm512_maskz_loadu_ps(lanes, elements);
}

INLINED __m512 load_f16(const uint8_t *elements, __mmask16 lanes)
{
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(lanes, elements));
}

INLINED __m512 load_bf16(const uint8_t *elements, __mmask16 lanes)
{
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lanes, elements));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

INLINED __m512 step_l2sq(__m512 sum, __m512 a, __m512 b)
{
    __m512 diff = _mm512_sub_ps(a, b);
    return _mm512_fmadd_ps(diff, diff, sum);
}

INLINED __m512 step_dot(__m512 sum, __m512 a, __m512 b)
{
    return _mm512_fmadd_ps(a, b, sum);
}

INLINED __m512 step_l1(__m512 sum, __m512 a, __m512 b)
{
    return _mm512_add_ps(sum, _mm512_abs_ps(_mm512_sub_ps(a, b)));
}

INLINED double sum_pairs(Load16 *load, Step16 *step, size_t size, const void *a_elements,
                         const void *b_elements, size_t count)
{
    const uint8_t *a = a_elements;
    const uint8_t *b = b_elements;
    __m512 sum[SUMS] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(),
                        _mm512_setzero_ps()};
    size_t i = 0;
    for (; i + BLOCK <= count; i += BLOCK)
#pragma GCC unroll 4
        for (size_t k = 0; k < SUMS; k++) {
            size_t at = (i + LANES * k) * size;
            sum[k] = step(sum[k], load(a + at, 0xffff), load(b + at, 0xffff));
        }
    for (; i < count; i += LANES) {
        __mmask16 lanes = (__mmask16)lanes_of(count - i, LANES);
        sum[0] = step(sum[0], load(a + i * size, lanes), load(b + i * size, lanes));
    }
    __m512 total = _mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3]));
    return (double)_mm512_reduce_add_ps(total);
}

typedef struct Cosine16 {
    __m512 dot[2], a[2], b[2];
} Cosine16;

INLINED void step_cosine(Cosine16 *sums, int k, __m512 a, __m512 b)
{
    sums->dot[k] = _mm512_fmadd_ps(a, b, sums->dot[k]);
    sums->a[k] = _mm512_fmadd_ps(a, a, sums->a[k]);
    sums->b[k] = _mm512_fmadd_ps(b, b, sums->b[k]);
}

INLINED CosineParts sum_cosine(Load16 *load, size_t size, const void *a_elements,
                               const void *b_elements, size_t count)
{
    const uint8_t *a = a_elements;
    const uint8_t *b = b_elements;
    __m512 zero = _mm512_setzero_ps();
    Cosine16 sums = {{zero, zero}, {zero, zero}, {zero, zero}};
    size_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        size_t next = (i + LANES) * size;
        step_cosine(&sums, 0, load(a + i * size, 0xffff), load(b + i * size, 0xffff));
        step_cosine(&sums, 1, load(a + next, 0xffff), load(b + next, 0xffff));
    }
    for (; i < count; i += LANES) {
        __mmask16 lanes = (__mmask16)lanes_of(count - i, LANES);
        step_cosine(&sums, 0, load(a + i * size, lanes), load(b + i * size, lanes));
    }
    return (CosineParts){(double)_mm512_reduce_add_ps(_mm512_add_ps(sums.dot[0], sums.dot[1])),
                         (double)_mm512_reduce_add_ps(_mm512_add_ps(sums.a[0], sums.a[1])),
                         (double)_mm512_reduce_add_ps(_mm512_add_ps(sums.b[0], sums.b[1]))};
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

typedef __m512d Step8(__m512d sum, __m512d a, __m512d b);

INLINED __m512d step_l2sq_f64(__m512d sum, __m512d a, __m512d b)
{
    __m512d diff = _mm512_sub_pd(a, b);
    return _mm512_fmadd_pd(diff, diff, sum);
}

INLINED __m512d step_dot_f64(__m512d sum, __m512d a, __m512d b)
{
    return _mm512_fmadd_pd(a, b, sum);
}

INLINED __m512d step_l1_f64(__m512d sum, __m512d a, __m512d b)
{
    return _mm512_add_pd(sum, _mm512_abs_pd(_mm512_sub_pd(a, b)));
}

INLINED double sum_f64(Step8 *step, const void *a_elements, const void *b_elements, size_t count)
{
    const uint8_t *a = a_elements;
    const uint8_t *b = b_elements;
    __m512d sum[2] = {_mm512_setzero_pd(), _mm512_setzero_pd()};
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        size_t next = (i + 8) * sizeof(double);
        sum[0] = step(sum[0], _mm512_loadu_pd(a + i * sizeof(double)),
                      _mm512_loadu_pd(b + i * sizeof(double)));
        sum[1] = step(sum[1], _mm512_loadu_pd(a + next), _mm512_loadu_pd(b + next));
    }
    for (; i < count; i += 8) {
        __mmask8 lanes = (__mmask8)lanes_of(count - i, 8);
        sum[0] = step(sum[0], _mm512_maskz_loadu_pd(lanes, a + i * sizeof(double)),
                      _mm512_maskz_loadu_pd(lanes, b + i * sizeof(double)));
    }
    return _mm512_reduce_add_pd(_mm512_add_pd(sum[0], sum[1]));
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

// --- i8: widened to 16 bits; VNNI multiplies, adds pairs and accumulates at once ---

typedef __m512i StepInt(__m512i sum, __m512i a, __m512i b);

enum {
    INT_LANES = 32,
    // A 32-bit lane takes at most 2 * 255^2 per step, so this many elements cannot overflow it.
    INT_RUN = 16384 * INT_LANES,
};

INLINED __m512i load_i8(const uint8_t *elements, __mmask32 lanes)
{
    return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(lanes, elements));
}

INLINED __m512i step_l2sq_i8(__m512i sum, __m512i a, __m512i b)
{
    __m512i diff = _mm512_sub_epi16(a, b);
    return _mm512_dpwssd_epi32(sum, diff, diff);
}

INLINED __m512i step_dot_i8(__m512i sum, __m512i a, __m512i b)
{
    return _mm512_dpwssd_epi32(sum, a, b);
}

INLINED __m512i step_l1_i8(__m512i sum, __m512i a, __m512i b)
{
    __m512i distance = _mm512_abs_epi16(_mm512_sub_epi16(a, b));
    return _mm512_dpwssd_epi32(sum, distance, _mm512_set1_epi16(1));
}

INLINED int64_t add_lanes_int(__m512i sum)
{
    __m512i low = _mm512_cvtepi32_epi64(_mm512_castsi512_si256(sum));
    __m512i high = _mm512_cvtepi32_epi64(_mm512_extracti64x4_epi64(sum, 1));
    return _mm512_reduce_add_epi64(_mm512_add_epi64(low, high));
}

INLINED int64_t sum_run_i8(StepInt *step, const uint8_t *a, const uint8_t *b, size_t count)
{
    const __mmask32 all = 0xffffffff;
    __m512i sum[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    size_t i = 0;
    for (; i + 2 * INT_LANES <= count; i += 2 * INT_LANES) {
        size_t next = i + INT_LANES;
        sum[0] = step(sum[0], load_i8(a + i, all), load_i8(b + i, all));
        sum[1] = step(sum[1], load_i8(a + next, all), load_i8(b + next, all));
    }
    for (; i < count; i += INT_LANES) {
        __mmask32 lanes = (__mmask32)lanes_of(count - i, INT_LANES);
        sum[0] = step(sum[0], load_i8(a + i, lanes), load_i8(b + i, lanes));
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

// --- bits ---

typedef __m512i Combine(__m512i a, __m512i b);

INLINED __m512i combine_xor(__m512i a, __m512i b)
{
    return _mm512_xor_si512(a, b);
}

INLINED __m512i combine_and(__m512i a, __m512i b)
{
    return _mm512_and_si512(a, b);
}

INLINED __m512i combine_or(__m512i a, __m512i b)
{
    return _mm512_or_si512(a, b);
}

INLINED double count_bits(Combine *combine, const uint8_t *a, const uint8_t *b, size_t count)
{
    __m512i sum = _mm512_setzero_si512();
    size_t i = 0;
    for (; i + 64 <= count; i += 64) {
        __m512i bits = combine(_mm512_loadu_si512(a + i), _mm512_loadu_si512(b + i));
        sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(bits));
    }
    if (i < count) {
        __mmask64 lanes = lanes_of(count - i, 64);
        __m512i bits =
            combine(_mm512_maskz_loadu_epi8(lanes, a + i), _mm512_maskz_loadu_epi8(lanes, b + i));
        sum = _mm512_add_epi64(sum, _mm512_popcnt_epi64(bits));
    }
    return (double)_mm512_reduce_add_epi64(sum);
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

// Rows go `step` at a time. The last ones overlap those before, so that none has to be taken alone.
INLINED size_t next_rows(size_t row, size_t step, size_t row_count)
{
    size_t next = row + step;
    return next < row_count && next + step > row_count ? row_count - step : next;
}

// Of rows with elements of one byte.
INLINED uint64_t near_by_pair(PairKernel *sum, const uint8_t *rows, size_t row_count,
                              const void *query, size_t count, double limit)
{
    uint64_t near = 0;
    for (size_t row = 0; row < row_count; row++)
        near |= (uint64_t) !(sum(rows + row * count, query, count) > limit) << row;
    return near;
}

enum { PIECE = NEAR_PIECE_SIZE / sizeof(float) };

INLINED bool is_near_f32(const uint8_t *row, const uint8_t *query, size_t count, double limit)
{
    const __mmask16 all = 0xffff;
    __m512 sum[SUMS] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(),
                        _mm512_setzero_ps()};
    size_t i = 0;
    for (; i + PIECE <= count; i += PIECE) {
#pragma GCC unroll 8
        for (size_t k = 0; k < PIECE / LANES; k++) {
            size_t at = (i + LANES * k) * sizeof(float);
            sum[k % SUMS] =
                step_l2sq(sum[k % SUMS], load_f32(row + at, all), load_f32(query + at, all));
        }
        __m512 total = _mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3]));
        if ((double)_mm512_reduce_add_ps(total) > limit)
            return false;
    }
    for (size_t k = 0; i < count; i += LANES, k++) {
        __mmask16 lanes = (__mmask16)lanes_of(count - i, LANES);
        size_t at = i * sizeof(float);
        sum[k % SUMS] =
            step_l2sq(sum[k % SUMS], load_f32(row + at, lanes), load_f32(query + at, lanes));
    }
    __m512 total = _mm512_add_ps(_mm512_add_ps(sum[0], sum[1]), _mm512_add_ps(sum[2], sum[3]));
    return !((double)_mm512_reduce_add_ps(total) > limit);
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

INLINED bool is_near_cosine(Load16 *load, size_t size, const uint8_t *row, const uint8_t *query,
                            size_t count, double limit)
{
    __m512 dot[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    __m512 square[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    size_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES)
#pragma GCC unroll 2
        for (size_t k = 0; k < 2; k++) {
            size_t at = (i + LANES * k) * size;
            __m512 a = load(row + at, 0xffff);
            dot[k] = _mm512_fmadd_ps(a, load(query + at, 0xffff), dot[k]);
            square[k] = _mm512_fmadd_ps(a, a, square[k]);
        }
    for (; i < count; i += LANES) {
        __mmask16 lanes = (__mmask16)lanes_of(count - i, LANES);
        __m512 a = load(row + i * size, lanes);
        dot[0] = _mm512_fmadd_ps(a, load(query + i * size, lanes), dot[0]);
        square[0] = _mm512_fmadd_ps(a, a, square[0]);
    }
    double length_square = (double)_mm512_reduce_add_ps(_mm512_add_ps(square[0], square[1]));
    if (!(length_square > 1e-30 && length_square < 1e37))
        return true;
    double total = (double)_mm512_reduce_add_ps(_mm512_add_ps(dot[0], dot[1]));
    return !(-total > limit * sqrt(length_square));
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

// The four totals of the lanes of four sums.
INLINED __m128i add_lanes_of_four(const __m512i sum_i32x16[4])
{
    __m256i half_i32x8[4];
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++)
        half_i32x8[k] = _mm256_add_epi32(_mm512_castsi512_si256(sum_i32x16[k]),
                                         _mm512_extracti64x4_epi64(sum_i32x16[k], 1));
    __m256i low_i32x8 = _mm256_hadd_epi32(half_i32x8[0], half_i32x8[1]);
    __m256i high_i32x8 = _mm256_hadd_epi32(half_i32x8[2], half_i32x8[3]);
    __m256i both_i32x8 = _mm256_hadd_epi32(low_i32x8, high_i32x8);
    return _mm_add_epi32(_mm256_castsi256_si128(both_i32x8),
                         _mm256_extracti128_si256(both_i32x8, 1));
}

// One step for four rows, for which the query is widened once.
INLINED void step_of_four_i8(__m512i sum_i32x16[4], const uint8_t *rows, size_t stride,
                             const uint8_t *query, __mmask32 lanes)
{
    __m512i query_i16x32 = load_i8(query, lanes);
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; k++)
        sum_i32x16[k] =
            step_l2sq_i8(sum_i32x16[k], load_i8(rows + k * stride, lanes), query_i16x32);
}

INLINED __m128i l2sq_of_four_i8(const uint8_t *rows, const uint8_t *query, size_t count)
{
    __m512i sum_i32x16[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                             _mm512_setzero_si512()};
    size_t i = 0;
    for (; i + INT_LANES <= count; i += INT_LANES)
        step_of_four_i8(sum_i32x16, rows + i, count, query + i, 0xffffffff);
    if (i < count)
        step_of_four_i8(sum_i32x16, rows + i, count, query + i,
                        (__mmask32)lanes_of(count - i, INT_LANES));
    return add_lanes_of_four(sum_i32x16);
}

static uint64_t near_l2sq_i8(const void *rows, size_t row_count, const void *query, size_t count,
                             double limit)
{
    enum { COUNT_MAX = 32768 }; // * 255^2 fits into 31 bits
    const uint8_t *first = rows;
    uint64_t near = 0;
    if (row_count < 4 || count > COUNT_MAX)
        return near_by_pair(l2sq_i8, first, row_count, query, count, limit);
    __m256d limit_f64x4 = _mm256_set1_pd(limit);
    for (size_t row = 0; row < row_count; row = next_rows(row, 4, row_count)) {
        __m128i sum_i32x4 = l2sq_of_four_i8(first + row * count, query, count);
        __m256d sum_f64x4 = _mm256_cvtepi32_pd(sum_i32x4);
        near |= (uint64_t)_mm256_cmp_pd_mask(sum_f64x4, limit_f64x4, _CMP_NGT_UQ) << row;
    }
    return near;
}

// One step for eight rows: a block of up to 64 bytes of each.
INLINED void step_of_eight_bits(__m512i sum_u64x8[8], const uint8_t *rows, size_t stride,
                                const uint8_t *query, __mmask64 lanes)
{
    __m512i query_bits = _mm512_maskz_loadu_epi8(lanes, query);
#pragma GCC unroll 8
    for (size_t k = 0; k < 8; k++) {
        __m512i row_bits = _mm512_maskz_loadu_epi8(lanes, rows + k * stride);
        __m512i different = _mm512_popcnt_epi64(_mm512_xor_si512(row_bits, query_bits));
        sum_u64x8[k] = _mm512_add_epi64(sum_u64x8[k], different);
    }
}

// Four sums side by side in each lane, then half of the lanes.
INLINED __m256i pack_four_sums(const __m512i sum_u64x8[4])
{
    __m512i first = _mm512_add_epi64(sum_u64x8[0], _mm512_slli_epi64(sum_u64x8[1], 16));
    __m512i second = _mm512_add_epi64(sum_u64x8[2], _mm512_slli_epi64(sum_u64x8[3], 16));
    __m512i all = _mm512_add_epi64(first, _mm512_slli_epi64(second, 32));
    return _mm256_add_epi64(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
}

// Bits that differ from the query in each of eight rows. A sum must fit into sixteen bits.
INLINED __m128i hamming_of_eight(const uint8_t *rows, const uint8_t *query, size_t count)
{
    __m512i sum_u64x8[8];
#pragma GCC unroll 8
    for (int k = 0; k < 8; k++)
        sum_u64x8[k] = _mm512_setzero_si512();
    size_t i = 0;
    for (; i + 64 <= count; i += 64)
        step_of_eight_bits(sum_u64x8, rows + i, count, query + i, ~(__mmask64)0);
    if (i < count)
        step_of_eight_bits(sum_u64x8, rows + i, count, query + i, lanes_of(count - i, 64));
    __m256i low = pack_four_sums(sum_u64x8);
    __m256i high = pack_four_sums(sum_u64x8 + 4);
    __m256i both =
        _mm256_add_epi64(_mm256_unpacklo_epi64(low, high), _mm256_unpackhi_epi64(low, high));
    return _mm_add_epi64(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
}

static uint64_t near_hamming(const void *rows, size_t row_count, const void *query, size_t count,
                             double limit)
{
    enum { COUNT_MAX = 4096 }; // bytes, so that their bits are less than 2^16
    const uint8_t *first = rows;
    uint64_t near = 0;
    if (row_count < 8 || count > COUNT_MAX || !(limit >= 0 && limit < UINT16_MAX))
        return near_by_pair(hamming, first, row_count, query, count, limit);
    __m128i limit_u16x8 = _mm_set1_epi16((short)(uint16_t)limit);
    for (size_t row = 0; row < row_count; row = next_rows(row, 8, row_count)) {
        __m128i sum_u16x8 = hamming_of_eight(first + row * count, query, count);
        near |= (uint64_t)_mm_cmple_epu16_mask(sum_u16x8, limit_u16x8) << row;
    }
    return near;
}

// --- quantised rows ---

// Two groups fill a register.
typedef struct GroupPair {
    __m512i first_i8x64, second_i8x64; // of the query: what the lower and the upper halves meet
} GroupPair;

INLINED GroupPair query_pair(const int8_t *query)
{
    const int8_t *next = query + CODE_GROUP_DIMS;
    const void *parts[4] = {query, next, query + CODE_GROUP_SIZE, next + CODE_GROUP_SIZE};
    __m512i first = _mm512_castsi256_si512(_mm256_loadu_si256(parts[0]));
    __m512i second = _mm512_castsi256_si512(_mm256_loadu_si256(parts[2]));
    return (GroupPair){_mm512_inserti64x4(first, _mm256_loadu_si256(parts[1]), 1),
                       _mm512_inserti64x4(second, _mm256_loadu_si256(parts[3]), 1)};
}

INLINED __m512i code_pair_step(__m512i sum_i32x16, __m512i both_u8x64, const GroupPair *query)
{
    const __m512i low_u8x64 = _mm512_set1_epi8(15);
    __m512i first_u8x64 = _mm512_and_si512(both_u8x64, low_u8x64);
    __m512i second_u8x64 = _mm512_and_si512(_mm512_srli_epi16(both_u8x64, 4), low_u8x64);
    sum_i32x16 = _mm512_dpbusd_epi32(sum_i32x16, first_u8x64, query->first_i8x64);
    return _mm512_dpbusd_epi32(sum_i32x16, second_u8x64, query->second_i8x64);
}

// The group that has no other: its half of the register, and zeroes.
INLINED GroupPair query_single(const int8_t *query)
{
    const void *parts[2] = {query, query + CODE_GROUP_SIZE};
    return (GroupPair){_mm512_zextsi256_si512(_mm256_loadu_si256(parts[0])),
                       _mm512_zextsi256_si512(_mm256_loadu_si256(parts[1]))};
}

// The sums of `rows` rows, at most four, whose share of the query's work is done once.
INLINED __m128i code_dots_of_four(const uint8_t *codes, size_t rows, size_t group_count,
                                  const int8_t *query)
{
    const size_t stride = group_count * CODE_GROUP_SIZE;
    __m512i sum_i32x16[4] = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
                             _mm512_setzero_si512()};
    size_t group = 0;
    for (; group + 2 <= group_count; group += 2) {
        GroupPair pair = query_pair(query + group * CODE_GROUP_DIMS);
#pragma GCC unroll 4
        for (size_t k = 0; k < rows; k++)
            sum_i32x16[k] = code_pair_step(
                sum_i32x16[k], _mm512_loadu_si512(codes + k * stride + group * CODE_GROUP_SIZE),
                &pair);
    }
    if (group < group_count) {
        GroupPair single = query_single(query + group * CODE_GROUP_DIMS);
#pragma GCC unroll 4
        for (size_t k = 0; k < rows; k++) {
            const void *last = codes + k * stride + group * CODE_GROUP_SIZE;
            sum_i32x16[k] = code_pair_step(
                sum_i32x16[k], _mm512_zextsi256_si512(_mm256_loadu_si256(last)), &single);
        }
    }
    return add_lanes_of_four(sum_i32x16);
}

static void code_dots(const uint8_t *codes, size_t row_count, size_t group_count,
                      const int8_t *query, int32_t *out)
{
    const size_t stride = group_count * CODE_GROUP_SIZE;
    size_t row = 0;
    for (; row + 4 <= row_count; row += 4) {
        __m128i sums_i32x4 = code_dots_of_four(codes + row * stride, 4, group_count, query);
        _mm_storeu_si128((__m128i *)(void *)(out + row), sums_i32x4);
    }
    for (; row < row_count; row++)
        out[row] =
            _mm_cvtsi128_si32(code_dots_of_four(codes + row * stride, 1, group_count, query));
}

const VectorKernels vector_kernels_avx512 = {
    .name = "avx512",
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
