// The k nearest of what is offered, and sets of rowids.
#include "support/test.h"

#include "vector/index/row_filter.h"
#include "vector/index/top_matches.h"

static void the_least_are_kept_in_order_whatever_the_order_offered(void **state)
{
    (void)state;
    for (size_t k = 0; k <= 12; k++) {
        TopMatches top;
        size_t count;
        top_init(&top, k);
        for (i64 i = 0; i < 100; i++)
            assert_ok(top_offer(&top, i, (f64)(i * 37 % 100 / 2))); // each distance twice
        assert_int_equal(top_is_full(&top), true);

        Match *matches = top_take_sorted(&top, &count);

        assert_int_equal(count, k);
        for (size_t i = 0; i < count; i++) {
            assert_f64_near((f64)(i / 2), matches[i].distance, 0);
            assert_true(i == 0 || match_is_before(&matches[i - 1], &matches[i]));
        }
        sqlite3_free(matches);
        top_deinit(&top);
    }
}

static void fewer_offers_than_places_are_all_kept(void **state)
{
    (void)state;
    TopMatches top;
    size_t count;
    top_init(&top, SIZE_MAX);
    for (i64 i = 0; i < 50; i++)
        assert_ok(top_offer(&top, i, (f64)(50 - i)));

    Match *matches = top_take_sorted(&top, &count);

    assert_int_equal(count, 50);
    assert_int_equal(matches[0].rowid, 49);
    sqlite3_free(matches);
    top_deinit(&top);
}

static void a_range_of_rowids_passes_within_its_ends(void **state)
{
    (void)state;
    RowFilter filter;
    filter_init(&filter);
    assert_true(filter_passes(&filter, INT64_MIN) && filter_passes(&filter, INT64_MAX));

    filter.first = -3;
    filter.last = 5;

    assert_false(filter_passes(&filter, -4));
    assert_true(filter_passes(&filter, -3) && filter_passes(&filter, 5));
    assert_false(filter_passes(&filter, 6));
    filter_deinit(&filter);
}

TEST_SUITE(top_matches, cmocka_unit_test(the_least_are_kept_in_order_whatever_the_order_offered),
           cmocka_unit_test(fewer_offers_than_places_are_all_kept),
           cmocka_unit_test(a_range_of_rowids_passes_within_its_ends))
