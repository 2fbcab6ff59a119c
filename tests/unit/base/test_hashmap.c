#include "support/test.h"

#include "base/alloc.h"
#include "base/hashmap.h"

static void names_are_found_whatever_their_case(void **state)
{
    (void)state;
    NameMap map = {0};
    int one = 1;
    assert_null(name_map_find(&map, "a"));
    assert_ok(name_map_put(&map, "Alpha", &one, NULL));
    assert_ptr_equal(name_map_find(&map, "aLPHA"), &one);
    assert_null(name_map_find(&map, "alph"));
    name_map_deinit(&map);
}

static void putting_again_replaces(void **state)
{
    (void)state;
    NameMap map = {0};
    int one = 1;
    int two = 2;
    void *former = &map;
    assert_ok(name_map_put(&map, "a", &one, &former));
    assert_null(former);
    assert_ok(name_map_put(&map, "A", &two, &former));
    assert_ptr_equal(former, &one);
    assert_int_equal(map.count, 1);
    name_map_deinit(&map);
}

// Many names come and go; a plain array says what must be there.
static void a_crowd_of_names_behaves_like_an_array(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    static char names[COUNT][12];
    bool present[COUNT] = {false};
    NameMap map = {0};
    u32 random = 1;
    for (u32 i = 0; i < COUNT; i++)
        snprintf(names[i], sizeof names[i], "name%u", i);
    for (u32 step = 0; step < 20000; step++) {
        random = random * 1664525 + 1013904223;
        u32 i = (random >> 8) % COUNT;
        if (random >> 31) {
            assert_ok(name_map_put(&map, names[i], &present[i], NULL));
            present[i] = true;
        } else {
            void *removed = name_map_remove(&map, names[i]);
            assert_ptr_equal(removed, present[i] ? &present[i] : NULL);
            present[i] = false;
        }
    }
    u32 live = 0;
    for (u32 i = 0; i < COUNT; i++) {
        assert_ptr_equal(name_map_find(&map, names[i]), present[i] ? &present[i] : NULL);
        live += present[i];
    }
    u32 seen = 0;
    for (NameEntry *e = name_map_first(&map); e; e = name_map_next(&map, e))
        seen++;
    assert_int_equal(seen, live);
    assert_int_equal(map.count, live);
    name_map_deinit(&map);
}

static void iteration_is_in_order_of_insertion(void **state)
{
    (void)state;
    NameMap map = {0};
    const char *names[] = {"z", "a", "m"};
    for (u32 i = 0; i < 3; i++)
        assert_ok(name_map_put(&map, names[i], &names[i], NULL));
    u32 i = 0;
    for (NameEntry *e = name_map_first(&map); e; e = name_map_next(&map, e))
        assert_string_equal(e->name, names[i++]);
    assert_int_equal(i, 3);
    name_map_deinit(&map);
}

static void a_crowd_of_integers_behaves_like_an_array(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    bool present[COUNT] = {false};
    IntMap map = {0};
    u32 random = 7;
    for (u32 step = 0; step < 30000; step++) {
        random = random * 1664525 + 1013904223;
        u32 i = (random >> 8) % COUNT;
        u64 key = (u64)i * 4096; // poor keys: equal low bits
        if (random >> 31) {
            assert_ok(int_map_put(&map, key, &present[i]));
            present[i] = true;
        } else {
            assert_ptr_equal(int_map_remove(&map, key), present[i] ? &present[i] : NULL);
            present[i] = false;
        }
    }
    for (u32 i = 0; i < COUNT; i++)
        assert_ptr_equal(int_map_find(&map, (u64)i * 4096), present[i] ? &present[i] : NULL);
    int_map_deinit(&map);
}

static void running_out_of_memory_leaves_the_maps_as_they_were(void **state)
{
    (void)state;
    NameMap names = {0};
    IntMap ints = {0};
    int value = 0;
    for (i64 n = 1; n <= 2; n++) {
        alloc_fault_arm(n, false);
        assert_rc(SQLITE_NOMEM, name_map_put(&names, "a", &value, NULL));
        alloc_fault_arm(n, false);
        assert_rc(SQLITE_NOMEM, int_map_put(&ints, 1, &value));
        alloc_fault_arm(0, false);
    }
    assert_null(name_map_find(&names, "a"));
    assert_null(int_map_find(&ints, 1));
    assert_ok(name_map_put(&names, "a", &value, NULL));
    assert_ok(int_map_put(&ints, 1, &value));
    name_map_deinit(&names);
    int_map_deinit(&ints);
}

static void names_are_compared_as_identifiers_are(void **state)
{
    (void)state;
    assert_true(name_equals("SELECT", "select"));
    assert_false(name_equals("a", "ab"));
    assert_false(name_equals("a", NULL));
    assert_true(name_equals(NULL, NULL));
    assert_true(name_equals_n("abX", "ABy", 2));
    assert_int_equal(name_hash("Tab"), name_hash("tAB"));
}

TEST_SUITE(hashmap, cmocka_unit_test(names_are_found_whatever_their_case),
           cmocka_unit_test(putting_again_replaces),
           cmocka_unit_test(a_crowd_of_names_behaves_like_an_array),
           cmocka_unit_test(iteration_is_in_order_of_insertion),
           cmocka_unit_test(a_crowd_of_integers_behaves_like_an_array),
           cmocka_unit_test(running_out_of_memory_leaves_the_maps_as_they_were),
           cmocka_unit_test(names_are_compared_as_identifiers_are))
