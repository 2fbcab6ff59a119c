// Four-bit codes: estimates against true distances, and the rotation before them.
#include "support/test.h"

#include "vector/index/row_code.h"

#include <math.h>

enum { WIDTH = 192, ROWS = 400 };

static u64 prng = 7;

static f32 normal(void)
{
    f64 sum = 0;
    for (int i = 0; i < 12; i++)
        sum += (f64)(random_next(&prng) >> 11) * 0x1p-53;
    return (f32)(sum - 6);
}

static void fill(f32 *vector, f32 scale)
{
    for (int i = 0; i < WIDTH; i++)
        vector[i] = normal() * scale;
}

static f64 square_distance(const f32 *a, const f32 *b)
{
    f64 sum = 0;
    for (int i = 0; i < WIDTH; i++)
        sum += ((f64)a[i] - (f64)b[i]) * ((f64)a[i] - (f64)b[i]);
    return sum;
}

static f64 product(const f32 *a, const f32 *b)
{
    f64 sum = 0;
    for (int i = 0; i < WIDTH; i++)
        sum += (f64)a[i] * (f64)b[i];
    return sum;
}

static f64 estimate(const QueryCode *query, const u8 *code, RowFactors row, f64 centroid_rank)
{
    i32 dot;
    vector_kernels_portable.code_dots(code, 1, WIDTH / CODE_GROUP_DIMS, query->elements, &dot);
    f64 sum = (f64)query->step * ((f64)dot - 7.5 * query->sum);
    return (f64)row.offset + centroid_rank - (f64)row.slope * sum;
}

// How many of ROWS estimates are off by more than their bound.
static int count_outside(RankKind kind, f32 spread)
{
    f32 mean[WIDTH], centroid[WIDTH], query[WIDTH], x[WIDTH];
    u8 code[WIDTH / 2];
    int outside = 0;
    fill(mean, 1);
    fill(centroid, 1);
    fill(query, 1);
    QueryCode encoded;
    assert_ok(query_encode(kind, query, mean, WIDTH, &encoded));
    bool is_dot = kind == RANK_DOT;
    f64 rank = is_dot ? -product(query, centroid) : square_distance(query, centroid);
    f64 reach = sqrt(is_dot ? product(query, query) : rank) + (f64)encoded.error_spread;
    for (int i = 0; i < ROWS; i++) {
        RowFactors row;
        fill(x, spread);
        for (int d = 0; d < WIDTH; d++)
            x[d] += centroid[d];
        row_encode(&(RowFrame){kind, WIDTH, centroid, mean}, x, code, &row);
        f64 truth = is_dot ? -product(query, x) : square_distance(query, x);
        outside += fabs(estimate(&encoded, code, row, rank) - truth) > (f64)row.error * reach;
    }
    query_deinit(&encoded);
    return outside;
}

static void estimates_keep_within_their_bound(void **state)
{
    (void)state;
    // The bound is one of probability: a few in a hundred may lie outside.
    assert_true(count_outside(RANK_SQUARE, 1) <= ROWS / 20);
    assert_true(count_outside(RANK_SQUARE, 0.1f) <= ROWS / 20);
    assert_true(count_outside(RANK_DOT, 1) <= ROWS / 20);
}

static void bounds_are_narrow(void **state)
{
    (void)state;
    f32 zero[WIDTH] = {0}, x[WIDTH];
    u8 code[WIDTH / 2];
    RowFactors row;
    fill(x, 1);

    row_encode(&(RowFrame){RANK_SQUARE, WIDTH, zero, zero}, x, code, &row);

    // Less than a twentieth of the distance between two such vectors.
    f64 length = sqrt(product(x, x));
    assert_true((f64)row.error * length < 2 * length * length / 20);
}

static void a_row_at_its_centroid_needs_no_code(void **state)
{
    (void)state;
    f32 centroid[WIDTH], mean[WIDTH] = {0};
    u8 code[WIDTH / 2];
    RowFactors row;
    fill(centroid, 1);

    row_encode(&(RowFrame){RANK_SQUARE, WIDTH, centroid, mean}, centroid, code, &row);

    assert_true(row.offset == 0 && row.slope == 0 && row.error == 0);
}

static void rows_out_of_range_are_set_apart(void **state)
{
    (void)state;
    f32 centroid[WIDTH] = {0}, x[WIDTH];
    u8 code[WIDTH / 2];
    RowFactors row;
    fill(x, 1e30f);

    row_encode(&(RowFrame){RANK_SQUARE, WIDTH, centroid, centroid}, x, code, &row);

    assert_true(isinf(row.offset) && row.offset < 0);
}

static void rotations_keep_lengths_and_angles_at_every_width(void **state)
{
    (void)state;
    for (u32 width = 64; width <= 1024; width += 64) {
        Rotation rotation = {.signs = NULL};
        f32 a[1024], b[1024];
        f64 dot[2] = {0, 0}, square[2] = {0, 0};
        assert_ok(rotation_init(&rotation, width, 42));
        for (u32 i = 0; i < width; i++) {
            a[i] = normal();
            b[i] = i == 0 ? 10.0f : 0;
            dot[0] += (f64)a[i] * (f64)b[i];
            square[0] += (f64)a[i] * (f64)a[i];
        }

        rotation_apply(&rotation, a);
        rotation_apply(&rotation, b);

        f64 greatest = 0;
        for (u32 i = 0; i < width; i++) {
            dot[1] += (f64)a[i] * (f64)b[i];
            square[1] += (f64)a[i] * (f64)a[i];
            greatest = fmax(greatest, fabs((f64)b[i]));
        }
        assert_f64_near(dot[0], dot[1], 1e-3);
        assert_f64_near(square[0], square[1], 1e-4 * square[0]);
        assert_true(greatest < 10 * 6 / sqrt(width)); // no element keeps the most of it
        rotation_deinit(&rotation);
    }
}

static void the_seed_alone_decides_the_rotation(void **state)
{
    (void)state;
    Rotation first = {.signs = NULL}, second = {.signs = NULL}, other = {.signs = NULL};
    assert_ok(rotation_init(&first, 128, 1));
    assert_ok(rotation_init(&second, 128, 1));
    assert_ok(rotation_init(&other, 128, 2));

    size_t size = ROTATION_ROUNDS * 128 / 8;
    assert_memory_equal(first.signs, second.signs, size);
    assert_memory_not_equal(first.signs, other.signs, size);
    rotation_deinit(&first);
    rotation_deinit(&second);
    rotation_deinit(&other);
}

TEST_SUITE(row_code, cmocka_unit_test(estimates_keep_within_their_bound),
           cmocka_unit_test(bounds_are_narrow),
           cmocka_unit_test(a_row_at_its_centroid_needs_no_code),
           cmocka_unit_test(rows_out_of_range_are_set_apart),
           cmocka_unit_test(rotations_keep_lengths_and_angles_at_every_width),
           cmocka_unit_test(the_seed_alone_decides_the_rotation))
