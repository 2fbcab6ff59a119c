// engine/btree/bulk.c: trees built bottom-up are the trees that inserts would have made, only
// fuller.
#include "support/test.h"

#include "support/tree_fixture.h"

#include "btree/btree_internal.h"

static int add(BulkBuilder *bulk, TreeFixture *f, i64 n, u32 size)
{
    Payload payload;
    tree_payload(f, n, size, &payload);
    return bulk_add(bulk, &payload);
}

static void build_and_check(const TreeOptions *options, i64 count, u32 size_max)
{
    TreeFixture f;
    BulkBuilder *bulk;
    tree_open(&f, options);
    assert_ok(bulk_begin(f.bt, f.root, options->is_index ? TREE_INDEX : TREE_TABLE, &bulk));
    for (i64 n = 0; n < count; n++)
        assert_ok(add(bulk, &f, n, (u32)(n * 7919) % size_max));
    assert_ok(bulk_finish(bulk));

    tree_check(&f);
    bool empty;
    assert_ok(cursor_first(f.cur, &empty));
    assert_int_equal(empty, count == 0);
    for (i64 n = 0; n < count; n++) {
        assert_int_equal(tree_read(&f, f.cur, NULL), n);
        assert_int_equal(cursor_next(f.cur), n + 1 == count ? SQLITE_DONE : SQLITE_OK);
    }
    // It is an ordinary tree: it can be changed.
    for (i64 n = 0; n < count; n += 3) {
        int order;
        assert_ok(tree_seek(&f, f.cur, n, &order));
        assert_int_equal(order, 0);
        assert_ok(cursor_delete(f.cur, 0));
    }
    tree_check(&f);
    tree_close(&f);
}

static void trees_of_every_height_are_sound(void **state)
{
    (void)state;
    static const i64 counts[] = {0, 1, 2, 5, 40, 300, 3000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        build_and_check(&(TreeOptions){.page_size = 512}, counts[i], 60);
        build_and_check(&(TreeOptions){.page_size = 512, .is_index = true}, counts[i], 60);
    }
}

static void long_entries_overflow(void **state)
{
    (void)state;
    build_and_check(&(TreeOptions){.page_size = 512}, 200, 2000);
    build_and_check(&(TreeOptions){.page_size = 512, .is_index = true}, 200, 2000);
    build_and_check(&(TreeOptions){.page_size = 512}, 200, 440); // single cells fill leaves
}

static void the_pointer_map_is_kept(void **state)
{
    (void)state;
    build_and_check(&(TreeOptions){.page_size = 512, .auto_vacuum = 1}, 2000, 60);
    build_and_check(&(TreeOptions){.page_size = 512, .auto_vacuum = 1, .is_index = true}, 1000,
                    900);
}

static void a_tree_that_is_not_empty_is_refused(void **state)
{
    (void)state;
    TreeFixture f;
    BulkBuilder *bulk;
    tree_open(&f, &(TreeOptions){0});
    assert_ok(tree_put(&f, 1, 1));
    assert_rc(SQLITE_CORRUPT, bulk_begin(f.bt, f.root, TREE_TABLE, &bulk));
    tree_close(&f);
}

TEST_SUITE(bulk, cmocka_unit_test(trees_of_every_height_are_sound),
           cmocka_unit_test(long_entries_overflow), cmocka_unit_test(the_pointer_map_is_kept),
           cmocka_unit_test(a_tree_that_is_not_empty_is_refused))
