// engine/btree/delete.c: entries of interior index pages, whose place their predecessor takes.
#include "support/test.h"

#include "support/tree_fixture.h"

#include "btree/btree_internal.h"

// Short keys on the interior pages, long ones before them in the leaves: the predecessor that moves
// up is too large for the page, which must be balanced first, and the leaf it came from afterwards.
static void a_longer_predecessor_can_overfill_the_page_above(void **state)
{
    (void)state;
    TreeFixture f;
    u64 before = cover_count("delete: starved leaf under an overfull divider page");
    tree_open(&f, &(TreeOptions){.page_size = 512, .is_index = true});
    for (i64 n = 0; n < 3000; n++)
        assert_ok(tree_put(&f, n, n % 5 == 4 ? 1 : 75));
    // Whatever stands on an interior page is deleted first, and what took its place after it.
    for (int round = 0; round < 30; round++) {
        for (i64 n = round % 7; n < 3000; n += 3) {
            int order;
            assert_ok(tree_seek(&f, f.cur, n, &order));
            if (order != 0 || node_is_leaf(&f.cur->fast.level->node))
                continue;
            assert_ok(cursor_delete(f.cur, n % 2 == 0 ? CURSOR_SAVE_POSITION : 0));
            assert_ok(tree_put(&f, n, n % 2 == 0 ? 1 : 70));
        }
        tree_check(&f);
    }
    i64 count;
    assert_ok(cursor_count(f.cur, &count));
    assert_int_equal(count, 3000);
    assert_true(cover_count("delete: starved leaf under an overfull divider page") > before);
    tree_close(&f);
}

static void the_root_takes_its_last_child_over(void **state)
{
    (void)state;
    for (int is_index = 0; is_index < 2; is_index++) {
        TreeFixture f;
        u64 before = cover_count("balance: root loses a level");
        tree_open(&f, &(TreeOptions){.page_size = 512, .is_index = is_index != 0});
        for (i64 n = 0; n < 2000; n++)
            assert_ok(tree_put(&f, n, 30));
        for (i64 n = 1999; n >= 0; n--) {
            int order;
            assert_ok(tree_seek(&f, f.cur, n, &order));
            assert_ok(cursor_delete(f.cur, 0));
        }
        tree_check(&f);
        assert_true(cover_count("balance: root loses a level") >= before + 2);
        tree_close(&f);
    }
}

// Page 1 has 100 bytes less than its last child: the schema's root may keep a single child for a
// while.
static void the_schema_tree_grows_and_shrinks_on_page_1(void **state)
{
    (void)state;
    TreeFixture f;
    Cursor *schema;
    u8 record[200] = {0};
    tree_open(&f, &(TreeOptions){.page_size = 512});
    assert_ok(cursor_open(f.bt, 1, true, NULL, &schema));
    for (RowId n = 1; n <= 300; n++) {
        Payload payload = {.key_size = n, .data = record, .data_size = (u32)(n * 37 % 190) + 1};
        assert_ok(cursor_insert(schema, &payload, 0, CURSOR_UNKNOWN));
    }
    tree_check(&f);
    for (RowId n = 1; n <= 300; n++) {
        int order;
        i64 count;
        assert_ok(cursor_seek_rowid(schema, n * 7 % 300 + 1, false, &order));
        assert_int_equal(order, 0);
        assert_ok(cursor_delete(schema, 0));
        assert_ok(cursor_count(schema, &count));
        assert_int_equal(count, 300 - n);
        tree_check(&f);
    }
    cursor_close(schema);
    tree_close(&f);
}

TEST_SUITE(delete, cmocka_unit_test(a_longer_predecessor_can_overfill_the_page_above),
           cmocka_unit_test(the_root_takes_its_last_child_over),
           cmocka_unit_test(the_schema_tree_grows_and_shrinks_on_page_1))
