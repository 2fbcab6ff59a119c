#include "support/test.h"

#include "base/alloc.h"

static i64 blocks_in_use(void)
{
    AllocStats stats;
    alloc_stats(&stats, false);
    return stats.count;
}

static void blocks_are_counted_while_they_live(void **state)
{
    (void)state;
    AllocStats before;
    AllocStats during;
    alloc_stats(&before, true);

    void *block = mem_alloc(1000);
    alloc_stats(&during, false);

    assert_true(mem_size(block) >= 1000);
    assert_int_equal(during.count, before.count + 1);
    assert_true(during.used >= before.used + 1000);
    assert_true(during.used_max >= during.used);
    assert_int_equal(during.largest, 1000);
    mem_free(block);
    assert_int_equal(blocks_in_use(), before.count);
}

static void high_marks_fall_when_reset(void **state)
{
    (void)state;
    mem_free(mem_alloc(100000));
    AllocStats stats;
    alloc_stats(&stats, true);
    alloc_stats(&stats, false);

    assert_int_equal(stats.used_max, stats.used);
    assert_int_equal(stats.largest, 0);
}

static void sizes_out_of_range_fail(void **state)
{
    (void)state;
    assert_null(mem_alloc(0));
    assert_null(mem_alloc(0x7fffff01));
    assert_null(mem_alloc(UINT64_MAX));
    void *block = mem_alloc(8);
    assert_null(mem_realloc(block, UINT64_MAX));
    assert_null(mem_realloc(block, 0)); // frees
    mem_free(NULL);
}

static void growing_keeps_the_content(void **state)
{
    (void)state;
    char *block = mem_dup("quire", (u64)-1);
    block = mem_realloc(block, 10000);
    assert_string_equal(block, "quire");
    mem_free(block);
    assert_null(mem_dup(NULL, 3));
}

static void the_armed_allocation_fails_and_no_other(void **state)
{
    (void)state;
    alloc_fault_arm(2, false);
    void *first = mem_alloc(8);
    void *second = mem_alloc(8);
    void *third = mem_alloc(8);
    assert_int_equal(alloc_fault_hits(), 1);
    alloc_fault_arm(0, false);

    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    mem_free(first);
    mem_free(third);
}

static void a_persistent_fault_fails_all_that_follow(void **state)
{
    (void)state;
    void *block = mem_alloc(8);
    alloc_fault_arm(1, true);
    assert_null(mem_alloc(8));
    assert_null(mem_realloc(block, 100000));
    assert_int_equal(alloc_fault_hits(), 2);
    alloc_fault_arm(0, false);
    mem_free(block);
}

static u64 reclaim_calls;
static u64 count_reclaim(u64 wanted)
{
    (void)wanted;
    reclaim_calls++;
    return 0;
}

static void the_soft_limit_asks_for_memory_and_the_hard_one_refuses(void **state)
{
    (void)state;
    AllocStats stats;
    alloc_stats(&stats, false);
    reclaim_calls = 0;
    alloc_set_reclaimer(count_reclaim);
    assert_int_equal(alloc_soft_limit(stats.used + 1000), 0);
    void *block = mem_alloc(5000);
    assert_non_null(block);
    assert_int_equal(reclaim_calls, 1);

    alloc_hard_limit(stats.used + 6000);
    assert_null(mem_alloc(5000));
    assert_int_equal(alloc_soft_limit(-1), stats.used + 1000);

    alloc_hard_limit(0);
    alloc_soft_limit(0);
    alloc_set_reclaimer(NULL);
    mem_free(block);
}

static int replaced_calls;
static void *replaced_malloc(int size)
{
    replaced_calls++;
    u64 *block = malloc((size_t)size + 8);
    *block = (u64)size;
    return block + 1;
}
static void replaced_free(void *block)
{
    free((u64 *)block - 1);
}
static void *replaced_realloc(void *block, int size)
{
    u64 *moved = realloc((u64 *)block - 1, (size_t)size + 8);
    *moved = (u64)size;
    return moved + 1;
}
static int replaced_size(void *block)
{
    return (int)((u64 *)block)[-1];
}
static int replaced_roundup(int size)
{
    return (size + 7) & ~7;
}
static int replaced_init(void *arg)
{
    (void)arg;
    return 0;
}
static void replaced_shutdown(void *arg)
{
    (void)arg;
}

static void the_methods_can_be_replaced(void **state)
{
    (void)state;
    sqlite3_mem_methods methods = {
        replaced_malloc,  replaced_free, replaced_realloc,  replaced_size,
        replaced_roundup, replaced_init, replaced_shutdown, NULL};
    assert_ok(alloc_configure(&methods));
    assert_ok(alloc_start());
    char *block = mem_dup("abc", 3);
    block = mem_realloc(block, 500);
    assert_int_equal(mem_size(block), 504);
    assert_string_equal(block, "abc");
    mem_free(block);
    alloc_stop();
    assert_ok(alloc_configure(NULL));
    assert_int_equal(replaced_calls, 1);
}

static void checked_arithmetic_tells_of_overflow(void **state)
{
    (void)state;
    u64 result;
    assert_true(size_add(1, 2, &result) && result == 3);
    assert_false(size_add(UINT64_MAX, 1, &result));
    assert_true(size_multiply(3, 5, &result) && result == 15);
    assert_false(size_multiply(UINT64_MAX / 2, 3, &result));
}

TEST_SUITE(alloc, cmocka_unit_test(blocks_are_counted_while_they_live),
           cmocka_unit_test(high_marks_fall_when_reset), cmocka_unit_test(sizes_out_of_range_fail),
           cmocka_unit_test(growing_keeps_the_content),
           cmocka_unit_test(the_armed_allocation_fails_and_no_other),
           cmocka_unit_test(a_persistent_fault_fails_all_that_follow),
           cmocka_unit_test(the_soft_limit_asks_for_memory_and_the_hard_one_refuses),
           cmocka_unit_test(the_methods_can_be_replaced),
           cmocka_unit_test(checked_arithmetic_tells_of_overflow))
