// Every kernel of every set this processor runs, against sums in double precision.
#include "support/test.h"

#include "vector/kernel/kernel.h"

#include <sys/mman.h>
#include <unistd.h>

enum { COUNT_MAX = 130, PADDED = COUNT_MAX + 1 };

static const char *const set_names[] = {"portable", "avx2", "avx512", "neon"};
static const size_t element_sizes[ELEMENT_COUNT] = {4, 8, 2, 2, 1};

static uint32_t prng_state;

static double random_element(void)
{
    prng_state = prng_state * 1664525u + 1013904223u;
    return ((double)(prng_state >> 8) / (1 << 24) - 0.5) * 6;
}

// Writes element i and returns the value it really holds.
static double element_put(ElementType type, unsigned char *elements, size_t i, double value)
{
    float single = (float)value;
    uint16_t half = type == ELEMENT_F16 ? f32_to_f16(single) : f32_to_bf16(single);
    int8_t byte = (int8_t)(value * 42);
    switch (type) {
    case ELEMENT_F32: memcpy(elements + 4 * i, &single, 4); return (double)single;
    case ELEMENT_F64: memcpy(elements + 8 * i, &value, 8); return value;
    case ELEMENT_F16: memcpy(elements + 2 * i, &half, 2); return (double)f16_to_f32(half);
    case ELEMENT_BF16: memcpy(elements + 2 * i, &half, 2); return (double)bf16_to_f32(half);
    case ELEMENT_I8: memcpy(elements + i, &byte, 1); return (double)byte;
    }
    return 0;
}

typedef struct Sums {
    double l2sq, dot, l1, a_square, b_square, magnitude;
} Sums;

static Sums reference(const double *a, const double *b, size_t count)
{
    Sums sums = {0};
    for (size_t i = 0; i < count; i++) {
        double diff = a[i] - b[i];
        sums.l2sq += diff * diff;
        sums.dot += a[i] * b[i];
        sums.magnitude += fabs(a[i] * b[i]);
        sums.l1 += fabs(diff);
        sums.a_square += a[i] * a[i];
        sums.b_square += b[i] * b[i];
    }
    return sums;
}

static double unit_of(ElementType type)
{
    return type == ELEMENT_I8 ? 0 : type == ELEMENT_F64 ? 0x1p-53 : 0x1p-24;
}

static void check_sums(const VectorKernels *set, ElementType type, const void *a, const void *b,
                       size_t count, const Sums *expected)
{
    const ElementKernels *kernels = &set->element[type];
    double bound = ((double)count / 32 + 40) * unit_of(type);
    CosineParts parts = kernels->cosine(a, b, count);

    assert_f64_near(expected->l2sq, kernels->l2sq(a, b, count), bound * expected->l2sq);
    assert_f64_near(expected->dot, kernels->dot(a, b, count), bound * expected->magnitude);
    assert_f64_near(expected->l1, kernels->l1(a, b, count), bound * expected->l1);
    assert_f64_near(expected->dot, parts.dot, bound * expected->magnitude);
    assert_f64_near(expected->a_square, parts.a_square, bound * expected->a_square);
    assert_f64_near(expected->b_square, parts.b_square, bound * expected->b_square);
}

// Operands that begin at odd addresses and end where the readable memory ends.
typedef struct PageEnd {
    unsigned char *pages[2];
    size_t page_size;
} PageEnd;

static void page_end_begin(PageEnd *end)
{
    end->page_size = (size_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < 2; i++) {
        end->pages[i] = mmap(NULL, 2 * end->page_size, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        assert_true(end->pages[i] != MAP_FAILED);
        assert_int_equal(mprotect(end->pages[i] + end->page_size, end->page_size, PROT_NONE), 0);
    }
}

static void page_end_end(PageEnd *end)
{
    for (int i = 0; i < 2; i++)
        munmap(end->pages[i], 2 * end->page_size);
}

static void check_count(const VectorKernels *set, ElementType type, PageEnd *end, size_t count)
{
    double a[PADDED], b[PADDED];
    size_t size = count * element_sizes[type];
    unsigned char *a_bytes = end->pages[0] + end->page_size - size;
    unsigned char *b_bytes = end->pages[1] + end->page_size - size - 1;
    for (size_t i = 0; i < count; i++) {
        a[i] = element_put(type, a_bytes, i, random_element());
        b[i] = element_put(type, b_bytes, i, random_element());
    }
    Sums expected = reference(a, b, count);

    check_sums(set, type, a_bytes, b_bytes, count, &expected);
}

static void every_kernel_keeps_its_bound_at_every_length(void **state)
{
    (void)state;
    PageEnd end;
    page_end_begin(&end);
    for (size_t i = 0; i < sizeof set_names / sizeof *set_names; i++) {
        const VectorKernels *set = vector_kernels_find(set_names[i]);
        for (int type = 0; set != NULL && type < ELEMENT_COUNT; type++)
            for (size_t count = 0; count <= COUNT_MAX; count++)
                check_count(set, (ElementType)type, &end, count);
    }
    page_end_end(&end);
}

static void integer_sums_do_not_overflow(void **state)
{
    (void)state;
    const size_t count = 1200000; // 255^2 * count is beyond 2^32 in every lane of every set
    signed char *a = malloc(count), *b = malloc(count);
    memset(a, -128, count);
    memset(b, 127, count);
    for (size_t i = 0; i < sizeof set_names / sizeof *set_names; i++) {
        const VectorKernels *set = vector_kernels_find(set_names[i]);
        if (set == NULL)
            continue;
        const ElementKernels *kernels = &set->element[ELEMENT_I8];
        assert_f64_near(65025.0 * (double)count, kernels->l2sq(a, b, count), 0);
        assert_f64_near(-16256.0 * (double)count, kernels->dot(a, b, count), 0);
        assert_f64_near(255.0 * (double)count, kernels->l1(a, b, count), 0);
        assert_f64_near(16384.0 * (double)count, kernels->cosine(a, b, count).a_square, 0);
    }
    free(a);
    free(b);
}

static void bits_are_counted_at_every_length(void **state)
{
    (void)state;
    PageEnd end;
    page_end_begin(&end);
    for (size_t i = 0; i < sizeof set_names / sizeof *set_names; i++) {
        const VectorKernels *set = vector_kernels_find(set_names[i]);
        for (size_t count = 0; set != NULL && count <= COUNT_MAX; count++) {
            unsigned char *a = end.pages[0] + end.page_size - count;
            unsigned char *b = end.pages[1] + end.page_size - count;
            int differ = 0, both = 0, either = 0;
            for (size_t k = 0; k < count; k++) {
                a[k] = (unsigned char)(random_element() * 1000);
                b[k] = (unsigned char)(random_element() * 1000);
                differ += __builtin_popcount(a[k] ^ b[k]);
                both += __builtin_popcount(a[k] & b[k]);
                either += __builtin_popcount(a[k] | b[k]);
            }
            assert_f64_near(differ, set->hamming(a, b, count), 0);
            assert_f64_near(both, set->both(a, b, count), 0);
            assert_f64_near(either, set->either(a, b, count), 0);
        }
    }
    page_end_end(&end);
}

static void a_nan_element_gives_nan(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof set_names / sizeof *set_names; i++) {
        const VectorKernels *set = vector_kernels_find(set_names[i]);
        for (size_t at = 0; set != NULL && at < 70; at++) {
            float a[70] = {0}, b[70] = {0};
            a[at] = NAN;
            assert_true(isnan(set->element[ELEMENT_F32].l2sq(a, b, 70)));
            assert_true(isnan(set->element[ELEMENT_F32].dot(a, b, 70)));
            assert_true(isnan(set->element[ELEMENT_F32].l1(a, b, 70)));
            assert_true(isnan(set->element[ELEMENT_F32].cosine(a, b, 70).dot));
        }
    }
}

static void every_half_survives_the_way_to_single_and_back(void **state)
{
    (void)state;
    for (uint32_t half = 0; half < 0x10000; half++) {
        float value = f16_to_f32((uint16_t)half);
        if (isnan(value))
            assert_true(isnan(f16_to_f32(f32_to_f16(value))));
        else
            assert_int_equal(f32_to_f16(value), half);
        if (!isnan(bf16_to_f32((uint16_t)half)))
            assert_int_equal(f32_to_bf16(bf16_to_f32((uint16_t)half)), half);
    }
}

static void singles_round_to_the_nearest_half(void **state)
{
    (void)state;
    assert_int_equal(f32_to_f16(1.0f), 0x3c00);
    assert_int_equal(f32_to_f16(-2.0f), 0xc000);
    assert_int_equal(f32_to_f16(1.0f + 0x1p-11f), 0x3c00); // a tie goes to the even one
    assert_int_equal(f32_to_f16(1.0f + 0x3p-11f), 0x3c02);
    assert_int_equal(f32_to_f16(65519.0f), 0x7bff);
    assert_int_equal(f32_to_f16(65520.0f), 0x7c00);
    assert_int_equal(f32_to_f16(0x1p-24f), 1);
    assert_int_equal(f32_to_f16(0x1p-25f), 0);
    assert_int_equal(f32_to_f16(0x3p-25f), 2);
    assert_int_equal(f32_to_f16(0x1.ff8p-15f), 0x3ff);
    assert_int_equal(f32_to_f16(0x1.fffp-15f), 0x400);
    assert_int_equal(f32_to_f16(INFINITY), 0x7c00);
    assert_int_equal(f32_to_bf16(1.999f), 0x3fff); // cut, not rounded
}

static void the_environment_names_the_set(void **state)
{
    (void)state;
    setenv("QUIRE_CPU", "portable", 1);
    assert_text("portable", vector_kernels()->name);
    setenv("QUIRE_CPU", "unheard of", 1);
    const char *other = vector_kernels()->name;
    unsetenv("QUIRE_CPU");
    assert_text(vector_kernels()->name, other);
}

static void quantised_rows_give_the_same_sums_in_every_set(void **state)
{
    (void)state;
    enum { ROWS = 5, GROUPS_MAX = 33 };
    unsigned char codes[ROWS * GROUPS_MAX * CODE_GROUP_SIZE + 1];
    int8_t query[GROUPS_MAX * CODE_GROUP_DIMS + 1];
    for (size_t i = 0; i < sizeof codes; i++)
        codes[i] = i % 7 == 0 ? 0xff : (unsigned char)(random_element() * 40);
    for (size_t i = 0; i < sizeof query; i++)
        query[i] = (int8_t)(i % 5 == 0 ? -127 : random_element() * 42);
    for (size_t i = 0; i < sizeof set_names / sizeof *set_names; i++) {
        const VectorKernels *set = vector_kernels_find(set_names[i]);
        for (size_t groups = 0; set != NULL && groups <= GROUPS_MAX; groups++) {
            int32_t expected[ROWS], got[ROWS];
            vector_kernels_portable.code_dots(codes + 1, ROWS, groups, query + 1, expected);
            set->code_dots(codes + 1, ROWS, groups, query + 1, got);
            assert_memory_equal(expected, got, sizeof expected);
        }
    }
}

// --- rows that may be near ---

enum { NEAR_COUNT_MAX = 300 };

// Rows that end where the readable memory does.
typedef struct NearRows {
    unsigned char *rows, query[NEAR_COUNT_MAX * sizeof(float)];
    size_t row_count, count, size; // size: of a row
    double sums[NEAR_ROWS_MAX];    // by the reference
} NearRows;

static void near_rows_make(NearRows *near, PageEnd *end, ElementType type, size_t row_count,
                           size_t count)
{
    near->row_count = row_count;
    near->count = count;
    near->size = count * element_sizes[type];
    near->rows = end->pages[0] + end->page_size - row_count * near->size;
    for (size_t i = 0; i < count; i++)
        (void)element_put(type, near->query, i, random_element());
    for (size_t i = 0; i < row_count * count; i++)
        (void)element_put(type, near->rows, i, random_element());
}

// Limits between the sums, so that rounding cannot decide.
static void check_near(const NearRows *near, NearKernel *kernel)
{
    for (size_t at = 0; at < near->row_count; at++) {
        double limit = near->sums[at] + fabs(near->sums[at]) * 1e-4;
        uint64_t expected = 0, unsure = 0;
        for (size_t row = 0; row < near->row_count; row++) {
            double off = fabs(near->sums[row] - limit);
            unsure |= (uint64_t)(off < 1e-5 * (1 + fabs(limit))) << row;
            expected |= (uint64_t)(near->sums[row] <= limit) << row;
        }
        uint64_t got = kernel(near->rows, near->row_count, near->query, near->count, limit);
        assert_int_equal(expected & ~unsure, got & ~unsure);
    }
    uint64_t all = near->row_count == 64 ? ~(uint64_t)0 : ((uint64_t)1 << near->row_count) - 1;
    assert_int_equal(
        all, kernel(near->rows, near->row_count, near->query, near->count, (double)INFINITY));
    assert_int_equal(0, kernel(near->rows, near->row_count, near->query, near->count, -1e30));
}

static void check_near_type(const VectorKernels *set, PageEnd *end, ElementType type, size_t count)
{
    static const size_t row_counts[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 64};
    NearRows near;
    for (size_t i = 0; i < sizeof row_counts / sizeof *row_counts; i++) {
        if (row_counts[i] * count * element_sizes[type] > end->page_size)
            continue;
        near_rows_make(&near, end, type, row_counts[i], count);
        for (size_t row = 0; row < near.row_count; row++)
            near.sums[row] = vector_kernels_portable.element[type].l2sq(near.rows + row * near.size,
                                                                        near.query, count);
        if (set->near_l2sq[type] != NULL)
            check_near(&near, set->near_l2sq[type]);
        for (size_t row = 0; row < near.row_count; row++) {
            CosineParts parts = vector_kernels_portable.element[type].cosine(
                near.rows + row * near.size, near.query, count);
            near.sums[row] = -parts.dot / sqrt(parts.a_square);
        }
        if (set->near_cosine[type] != NULL)
            check_near(&near, set->near_cosine[type]);
        for (size_t row = 0; row < near.row_count; row++)
            near.sums[row] =
                vector_kernels_portable.hamming(near.rows + row * near.size, near.query, near.size);
        near.count = near.size; // bytes of bits
        if (set->near_hamming != NULL)
            check_near(&near, set->near_hamming);
    }
}

static void near_rows_are_those_of_the_reference(void **state)
{
    (void)state;
    PageEnd end;
    page_end_begin(&end);
    for (size_t i = 0; i < sizeof set_names / sizeof *set_names; i++) {
        const VectorKernels *set = vector_kernels_find(set_names[i]);
        for (int type = 0; set != NULL && type < ELEMENT_COUNT; type++)
            for (size_t count = 1; count <= NEAR_COUNT_MAX; count += count < 70 ? 1 : 13)
                if (type == ELEMENT_F32 || type == ELEMENT_F16 || type == ELEMENT_I8)
                    check_near_type(set, &end, (ElementType)type, count);
    }
    page_end_end(&end);
}

static void a_row_without_a_length_is_near(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof set_names / sizeof *set_names; i++) {
        const VectorKernels *set = vector_kernels_find(set_names[i]);
        if (set == NULL || set->near_cosine[ELEMENT_F32] == NULL)
            continue;
        float rows[4][3] = {{0}, {1e-20f, 0, 0}, {NAN, 1, 1}, {1, 0, 0}};
        float query[3] = {-1, -1, -1};
        assert_int_equal(7, set->near_cosine[ELEMENT_F32](rows, 4, query, 3, 0));
    }
}

// What lies behind the piece that exceeds the limit is not looked at; a NaN before it decides.
static void a_row_with_a_nan_is_near_unless_it_was_left_before(void **state)
{
    (void)state;
    enum { COUNT = 384 };
    for (size_t i = 0; i < sizeof set_names / sizeof *set_names; i++) {
        const VectorKernels *set = vector_kernels_find(set_names[i]);
        if (set == NULL || set->near_l2sq[ELEMENT_F32] == NULL)
            continue;
        float rows[2][COUNT] = {{0}}, query[COUNT] = {0};
        rows[0][0] = 10;
        rows[0][COUNT - 1] = NAN;
        rows[1][0] = NAN;
        rows[1][1] = 10;
        assert_int_equal(2, set->near_l2sq[ELEMENT_F32](rows, 2, query, COUNT, 50));
        assert_int_equal(3, set->near_l2sq[ELEMENT_F32](rows, 2, query, COUNT, 500));
    }
}

TEST_SUITE(kernel, cmocka_unit_test(near_rows_are_those_of_the_reference),
           cmocka_unit_test(a_row_without_a_length_is_near),
           cmocka_unit_test(a_row_with_a_nan_is_near_unless_it_was_left_before),
           cmocka_unit_test(every_kernel_keeps_its_bound_at_every_length),
           cmocka_unit_test(integer_sums_do_not_overflow),
           cmocka_unit_test(bits_are_counted_at_every_length),
           cmocka_unit_test(a_nan_element_gives_nan),
           cmocka_unit_test(every_half_survives_the_way_to_single_and_back),
           cmocka_unit_test(singles_round_to_the_nearest_half),
           cmocka_unit_test(quantised_rows_give_the_same_sums_in_every_set),
           cmocka_unit_test(the_environment_names_the_set))
