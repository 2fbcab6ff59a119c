#include "support/test.h"

#include "base/alloc.h"
#include "base/vec.h"

static void a_vector_grows_and_keeps_its_items(void **state)
{
    (void)state;
    struct {
        u32 *items;
        u32 count, capacity;
    } v = {0};
    for (u32 i = 0; i < 1000; i++) {
        assert_ok(vec_reserve(&v.items, &v.capacity, v.count + 1, sizeof *v.items));
        v.items[v.count++] = i;
    }
    for (u32 i = 0; i < 1000; i++)
        assert_int_equal(v.items[i], i);
    assert_true(v.capacity < 2000);
    mem_free(v.items);
}

static void failure_leaves_the_items(void **state)
{
    (void)state;
    u64 *items = NULL;
    u32 capacity = 0;
    assert_ok(vec_reserve(&items, &capacity, 3, sizeof *items));
    items[0] = 5;
    alloc_fault_arm(1, false);
    assert_rc(SQLITE_NOMEM, vec_reserve(&items, &capacity, 100, sizeof *items));
    alloc_fault_arm(0, false);
    assert_rc(SQLITE_NOMEM, vec_reserve(&items, &capacity, UINT32_MAX, sizeof *items));
    assert_int_equal(items[0], 5);
    mem_free(items);
}

TEST_SUITE(vec, cmocka_unit_test(a_vector_grows_and_keeps_its_items),
           cmocka_unit_test(failure_leaves_the_items))
