// Which keys become samples, and the counts they come with.
#include "support/test.h"

#include "base/alloc.h"
#include "sql/sample_set.h"

static SampleSet *set_of(u16 columns, u64 rows, u32 limit)
{
    const SampleShape shape = {
        .column_count = columns, .key_count = 1, .row_estimate = rows, .limit = limit};
    SampleSet *set = sample_set_new(&shape);
    assert_non_null(set);
    return set;
}

// Rows i = 0..count-1 of (i / group, i).
static SampleAnswer push_groups(SampleSet *set, i64 count, i64 group)
{
    SampleAnswer answer = SAMPLE_GO_ON;
    for (i64 i = 0; i < count; i++) {
        const SampleRow row = {.rowid = i};
        assert_ok(sample_set_push(set, i % group != 0, &row, &answer));
        if (answer != SAMPLE_GO_ON)
            break;
    }
    return answer;
}

static void every_row_of_a_small_index_is_a_sample(void **state)
{
    (void)state;
    SampleSet *set = set_of(2, 8, 0); // fewer than nine: every row is due
    push_groups(set, 10, 5);

    assert_ok(sample_set_end(set));

    assert_int_equal(sample_set_count(set), 10);
    const Sample *last = sample_set_get(set, 9);
    assert_int_equal(last->row.rowid, 9);
    assert_int_equal(last->equal[0], 5);
    assert_int_equal(last->equal[1], 1);
    assert_int_equal(last->less[0], 5);
    assert_int_equal(last->less[1], 9);
    assert_int_equal(last->distinct[0], 1);
    sample_set_free(set);
}

static void a_large_index_keeps_at_most_the_maximum_in_order(void **state)
{
    (void)state;
    SampleSet *set = set_of(2, 5000, 0);
    push_groups(set, 5000, 10);

    assert_ok(sample_set_end(set));

    assert_int_equal(sample_set_count(set), SAMPLES_MAX);
    for (u32 i = 1; i < SAMPLES_MAX; i++)
        assert_true(sample_set_get(set, i - 1)->row.rowid < sample_set_get(set, i)->row.rowid);
    sample_set_free(set);
}

static void a_value_of_many_rows_is_never_missing(void **state)
{
    (void)state;
    SampleSet *set = set_of(2, 3000, 0);
    SampleAnswer answer;
    for (i64 i = 0; i < 3000; i++) { // 1000 to 1499 are alike
        const SampleRow row = {.rowid = i};
        assert_ok(sample_set_push(set, i > 1000 && i < 1500, &row, &answer));
    }
    assert_ok(sample_set_end(set));

    u64 most = 0;
    for (u32 i = 0; i < sample_set_count(set); i++) {
        u64 equal = sample_set_get(set, i)->equal[0];
        most = equal > most ? equal : most;
    }
    assert_int_equal(most, 500);
    sample_set_free(set);
}

static void a_limit_skips_to_the_next_value_and_then_ends(void **state)
{
    (void)state;
    SampleSet *set = set_of(2, 1000, 50);

    assert_int_equal(push_groups(set, 1000, 1000), SAMPLE_NEXT_VALUE);
    assert_int_equal(sample_set_row_count(set), 51);
    sample_set_free(set);

    set = set_of(2, 1000, 50);
    assert_int_equal(push_groups(set, 1000, 10), SAMPLE_ENOUGH);
    assert_ok(sample_set_end(set));
    assert_int_equal(sample_set_count(set), 0);
    char *text;
    assert_ok(sample_set_stat1(set, &text));
    assert_text("1000 9", text);
    mem_free(text);
    sample_set_free(set);
}

static void a_lack_of_memory_is_told(void **state)
{
    (void)state;
    bool struck = true;
    for (int n = 1; struck; n++) {
        const SampleShape shape = {.column_count = 2, .key_count = 1, .row_estimate = 9};
        const SampleRow row = {.key = (u8 *)"key", .key_size = 3};
        SampleAnswer answer;
        alloc_fault_arm(n, false);
        SampleSet *set = sample_set_new(&shape);
        int rc = set != NULL ? sample_set_push(set, 0, &row, &answer) : SQLITE_NOMEM;
        struck = alloc_fault_hits() > 0;
        alloc_fault_arm(0, false);
        assert_int_equal(rc, struck ? SQLITE_NOMEM : SQLITE_OK);
        sample_set_free(set);
    }
}

TEST_SUITE(sample_set, cmocka_unit_test(every_row_of_a_small_index_is_a_sample),
           cmocka_unit_test(a_large_index_keeps_at_most_the_maximum_in_order),
           cmocka_unit_test(a_value_of_many_rows_is_never_missing),
           cmocka_unit_test(a_limit_skips_to_the_next_value_and_then_ends),
           cmocka_unit_test(a_lack_of_memory_is_told))
