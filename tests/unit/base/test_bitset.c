#include "support/test.h"

#include "base/alloc.h"
#include "base/bitset.h"

static void members_are_those_added_and_not_removed(void **state)
{
    (void)state;
    BitSet *set = NULL;
    assert_ok(bitset_new(100000, &set));
    for (u32 i = 1; i <= 100000; i += 7)
        assert_ok(bitset_add(set, i));
    for (u32 i = 1; i <= 100000; i += 14)
        bitset_remove(set, i);
    for (u32 i = 1; i <= 100000; i++)
        assert_int_equal(bitset_has(set, i), i % 7 == 1 && i % 14 != 1);
    assert_int_equal(bitset_limit(set), 100000);
    bitset_free(set);
}

static void outside_its_limits_nothing_is_a_member(void **state)
{
    (void)state;
    BitSet *set = NULL;
    assert_ok(bitset_new(10, &set));
    assert_ok(bitset_add(set, 10));
    assert_false(bitset_has(set, 0));
    assert_false(bitset_has(set, 11));
    assert_false(bitset_has(NULL, 5));
    bitset_remove(set, 4000000000u);
    bitset_free(set);
    bitset_free(NULL);
}

static void running_out_of_memory_is_told(void **state)
{
    (void)state;
    BitSet *set = NULL;
    alloc_fault_arm(1, false);
    assert_rc(SQLITE_NOMEM, bitset_new(10, &set));
    alloc_fault_arm(2, false);
    assert_ok(bitset_new(10, &set));
    assert_rc(SQLITE_NOMEM, bitset_add(set, 1));
    alloc_fault_arm(0, false);
    assert_false(bitset_has(set, 1));
    bitset_free(set);
}

TEST_SUITE(bitset, cmocka_unit_test(members_are_those_added_and_not_removed),
           cmocka_unit_test(outside_its_limits_nothing_is_a_member),
           cmocka_unit_test(running_out_of_memory_is_told))
