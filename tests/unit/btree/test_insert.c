// engine/btree/insert.c: what fails leaves a tree that a savepoint brings back whole.
#include "support/test.h"

#include "support/sim.h"
#include "support/tree_fixture.h"

#include "base/alloc.h"
#include "btree/btree_internal.h"

static void equal_payloads_are_overwritten_in_place(void **state)
{
    (void)state;
    TreeFixture f;
    tree_open(&f, &(TreeOptions){.page_size = 512});
    for (i64 n = 0; n < 100; n++)
        assert_ok(tree_put(&f, n, n % 10 == 0 ? 2000 : 50));
    Pgno pages = btree_page_count(f.bt);
    u8 record[3000];
    memset(record, 3, sizeof record);
    for (i64 n = 0; n < 100; n++) {
        int order;
        assert_ok(cursor_seek_rowid(f.cur, n, false, &order));
        u32 size = cursor_payload_size(f.cur);
        Payload payload = {.key_size = n, .data = record, .data_size = size};
        assert_ok(cursor_insert(f.cur, &payload, 0, order));
    }
    tree_check(&f);
    assert_int_equal(btree_page_count(f.bt), pages);
    tree_close(&f);
}

static void zero_tails_are_written_out(void **state)
{
    (void)state;
    TreeFixture f;
    tree_open(&f, &(TreeOptions){.page_size = 512});
    static const u32 tails[] = {0, 1, 300, 460, 470, 508, 5000};
    for (u32 i = 0; i < sizeof tails / sizeof tails[0]; i++) {
        Payload payload = {.key_size = i, .data = "abc", .data_size = 3, .zero_tail = tails[i]};
        assert_ok(cursor_insert(f.cur, &payload, 0, CURSOR_UNKNOWN));
        int order;
        u8 bytes[5003];
        assert_ok(cursor_seek_rowid(f.cur, i, false, &order));
        assert_int_equal(cursor_payload_size(f.cur), 3 + tails[i]);
        assert_ok(cursor_payload_read(f.cur, 0, 3 + tails[i], bytes));
        assert_memory_equal(bytes, "abc", 3);
        for (u32 at = 3; at < 3 + tails[i]; at++)
            assert_int_equal(bytes[at], 0);
    }
    tree_check(&f);
    tree_close(&f);
}

static void a_payload_beyond_the_format_is_too_big(void **state)
{
    (void)state;
    TreeFixture f;
    tree_open(&f, &(TreeOptions){0});
    Payload payload = {.key_size = 1, .data = "", .data_size = 0, .zero_tail = 0x7fffff01};
    assert_rc(SQLITE_TOOBIG, cursor_insert(f.cur, &payload, 0, CURSOR_UNKNOWN));
    tree_check(&f);
    tree_close(&f);
}

static void transferred_entries_arrive_whole(void **state)
{
    (void)state;
    for (int is_index = 0; is_index < 2; is_index++) {
        TreeFixture f;
        Pgno root;
        Cursor *target;
        bool empty;
        tree_open(&f, &(TreeOptions){.page_size = 512, .is_index = is_index != 0});
        for (i64 n = 0; n < 200; n++)
            assert_ok(tree_put(&f, n, n % 3 == 0 ? 900 : 20));
        assert_ok(btree_create_tree(f.bt, is_index ? TREE_INDEX : TREE_TABLE, &root));
        assert_ok(cursor_open(f.bt, root, true, f.shape, &target));
        assert_ok(cursor_first(f.cur, &empty));
        int rc = SQLITE_OK;
        for (i64 n = 0; rc == SQLITE_OK; n++, rc = cursor_next(f.cur))
            assert_ok(cursor_transfer(target, f.cur, n));
        assert_ok(cursor_first(target, &empty));
        for (i64 n = 0; n < 200; n++) {
            assert_int_equal(tree_read(&f, target, NULL), n);
            assert_int_equal(cursor_next(target), n == 199 ? SQLITE_DONE : SQLITE_OK);
        }
        cursor_close(target);
        tree_close(&f);
    }
}

// A handful of everything. Returns the first failure.
static int work(TreeFixture *f, int round)
{
    for (i64 n = 0; n < 40; n++)
        TRY(tree_put(f, n * 13 % 40 + round, n % 9 == 0 ? 1500 : 30));
    for (i64 n = 0; n < 40; n += 2) {
        int order;
        TRY(tree_seek(f, f->cur, n, &order));
        if (order == 0)
            TRY(cursor_delete(f->cur, n % 4 == 0 ? CURSOR_SAVE_POSITION : 0));
    }
    Pgno other;
    TRY(btree_create_tree(f->bt, TREE_TABLE, &other));
    return btree_drop_tree(f->bt, other, &other);
}

static void every_failing_allocation_can_be_rolled_back(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        TreeFixture f;
        tree_open(&f, &(TreeOptions){.page_size = 512,
                                     .is_index = kind % 2 != 0,
                                     .auto_vacuum = kind / 2 * 2});
        for (i64 n = 0; n < 60; n++)
            assert_ok(tree_put(&f, n * 3, 40));
        assert_ok(tree_put(&f, 500, 6000)); // the fixture's own buffer is large enough now
        int rc = SQLITE_NOMEM;
        for (int countdown = 1; rc != SQLITE_OK; countdown++) {
            assert_ok(btree_savepoint_open(f.bt, 1));
            alloc_fault_arm(countdown, false);
            rc = work(&f, countdown % 7);
            bool struck = alloc_fault_hits() > 0;
            alloc_fault_arm(0, false);
            assert_true(rc == SQLITE_OK || (rc == SQLITE_NOMEM && struck));
            cursor_close(f.cur);
            assert_ok(btree_savepoint(f.bt, SAVEPOINT_ROLLBACK, 0));
            assert_ok(btree_savepoint(f.bt, SAVEPOINT_RELEASE, 0));
            assert_ok(cursor_open(f.bt, f.root, true, f.shape, &f.cur));
            tree_check(&f);
        }
        tree_close(&f);
    }
}

TEST_SUITE(insert, cmocka_unit_test(equal_payloads_are_overwritten_in_place),
           cmocka_unit_test(zero_tails_are_written_out),
           cmocka_unit_test(a_payload_beyond_the_format_is_too_big),
           cmocka_unit_test(transferred_entries_arrive_whole),
           cmocka_unit_test(every_failing_allocation_can_be_rolled_back))
