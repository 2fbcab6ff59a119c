#include "tests/support/test.h"

#include "sql/plan/estimate.h"

static void powers_of_two_are_exact(void **state)
{
    (void)state;
    for (int i = 1; i < 60; i++)
        assert_int_equal(est_from_u64((u64)1 << i), 10 * i);
    assert_int_equal(est_from_u64(0), 0);
    assert_int_equal(est_from_u64(1), 0);
}

static void known_values_are_those_of_the_file_format(void **state)
{
    (void)state;
    assert_int_equal(est_from_u64(10), 33);
    assert_int_equal(est_from_u64(100), 66);
    assert_int_equal(est_from_u64(1000), 99);
    assert_int_equal(est_from_u64(1048576), 200);
    assert_int_equal(est_from_f64(1e99), 630);
    assert_int_equal(est_from_f64(-1), 0);
    assert_int_equal(est_from_f64(__builtin_nan("")), 630); // a module's cost may be anything
}

static void estimates_grow_with_what_they_stand_for(void **state)
{
    (void)state;
    for (u64 n = 2; n < 100000; n = n * 9 / 8 + 1)
        assert_true(est_from_u64(n + n / 8 + 1) >= est_from_u64(n));
}

static void a_value_survives_the_way_there_and_back_within_an_eighth(void **state)
{
    (void)state;
    for (u64 n = 8; n < 1000000000; n = n * 5 / 4 + 1) {
        f64 ratio = (f64)est_to_u64(est_from_u64(n)) / (f64)n;
        assert_true(ratio > 0.85 && ratio < 1.15);
    }
}

static void a_sum_is_that_of_the_values(void **state)
{
    (void)state;
    assert_int_equal(est_sum(0, 0), 10);
    assert_int_equal(est_sum(100, 100), 110);
    assert_int_equal(est_sum(100, 0), 100);
    assert_int_equal(est_sum(0, 100), 100);
    for (Est a = 0; a < 200; a += 7) {
        for (Est b = 0; b < 200; b += 11) {
            f64 exact = 10 * log2(pow(2, a / 10.0) + pow(2, b / 10.0));
            assert_true(fabs(est_sum(a, b) - exact) <= 1.0);
            assert_int_equal(est_sum(a, b), est_sum(b, a));
        }
    }
}

static void a_search_in_a_million_entries_takes_twenty_steps(void **state)
{
    (void)state;
    assert_int_equal(est_log2(200), est_from_u64(20));
    assert_int_equal(est_log2(0), 0);
    assert_int_equal(est_log2(10), 0);
}

TEST_SUITE(estimate, cmocka_unit_test(powers_of_two_are_exact),
           cmocka_unit_test(known_values_are_those_of_the_file_format),
           cmocka_unit_test(estimates_grow_with_what_they_stand_for),
           cmocka_unit_test(a_value_survives_the_way_there_and_back_within_an_eighth),
           cmocka_unit_test(a_sum_is_that_of_the_values),
           cmocka_unit_test(a_search_in_a_million_entries_takes_twenty_steps))
