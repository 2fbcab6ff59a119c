// engine/btree/btree.c: transactions when the disk fails, whole-file copies, the life of a Btree.
#include "support/test.h"

#include "support/sim.h"
#include "support/tree_fixture.h"

#include "btree/btree_internal.h"

enum { FLAGS = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB };

static int open_on(Sim *sim, Btree **bt)
{
    return btree_open(sim_vfs(sim, 0), "/a.db", NULL, 0, FLAGS, bt);
}

// One transaction that inserts `count` rows from `first` on. The tree is made by the first one.
static int insert_rows(Btree *bt, RowId first, int count)
{
    Cursor *cur;
    u8 record[600] = {0};
    TRY(btree_begin(bt, BTREE_WRITE, NULL));
    if (btree_page_count(bt) == 1) {
        Pgno root;
        TRY(btree_create_tree(bt, TREE_TABLE, &root));
    }
    TRY(cursor_open(bt, 2, true, NULL, &cur));
    int rc = SQLITE_OK;
    for (int i = 0; i < count && rc == SQLITE_OK; i++) {
        Payload payload = {
            .key_size = first + i, .data = record, .data_size = i % 7 == 0 ? 600 : 40};
        rc = cursor_insert(cur, &payload, 0, CURSOR_UNKNOWN);
    }
    cursor_close(cur);
    TRY(rc);
    return btree_commit(bt);
}

static i64 count_rows(Btree *bt)
{
    Cursor *cur;
    i64 count = 0;
    assert_ok(btree_begin(bt, BTREE_READ, NULL));
    assert_ok(cursor_open(bt, 2, false, NULL, &cur));
    assert_ok(cursor_count(cur, &count));
    cursor_close(cur);
    Pgno roots[2] = {1, 2};
    IntegrityCheck check = {.roots = roots, .root_count = 2, .error_max = 10};
    assert_ok(btree_integrity_check(bt, &check));
    if (check.errors > 0)
        fail_msg("%s", check.report);
    btree_end_read_if_idle(bt);
    return count;
}

static void a_failing_disk_leaves_all_of_a_transaction_or_nothing(void **state)
{
    (void)state;
    for (u64 n = 1; n < 400; n += n < 40 ? 1 : 17) {
        Sim *sim = sim_new(n);
        Btree *bt;
        assert_ok(open_on(sim, &bt));
        pager_set_cache_size(btree_pager(bt), 10); // so that pages are read again and spilled
        assert_ok(insert_rows(bt, 0, 100));
        sim_fail(sim, SIM_ANY, n, false);
        int rc = insert_rows(bt, 1000, 300);
        sim_fail(sim, SIM_ANY, 0, false);
        if (rc != SQLITE_OK)
            (void)btree_rollback(bt, SQLITE_ABORT_ROLLBACK, false);
        (void)btree_close(bt);

        assert_ok(open_on(sim, &bt));
        i64 rows = count_rows(bt);
        if (rc == SQLITE_OK)
            assert_int_equal(rows, 400);
        else
            assert_true(rows == 100 || rows == 400);
        assert_ok(insert_rows(bt, 5000, 10)); // and it goes on
        assert_ok(btree_close(bt));
        sim_free(sim);
    }
}

static void a_copied_file_is_the_same_database(void **state)
{
    (void)state;
    for (u32 size = 512; size <= 8192; size *= 4) {
        TreeFixture from;
        TreeFixture to;
        tree_open(&from, &(TreeOptions){.page_size = 2048});
        for (i64 n = 0; n < 1000; n++)
            assert_ok(tree_put(&from, n, n % 50 == 0 ? 5000 : 30));
        tree_open(&to, &(TreeOptions){.page_size = 2048});
        assert_ok(tree_put(&to, 5, 100));

        assert_ok(btree_copy_file(to.bt, from.bt));

        i64 count;
        assert_int_equal(btree_page_count(to.bt), btree_page_count(from.bt));
        assert_ok(cursor_count(to.cur, &count));
        assert_int_equal(count, 1000);
        tree_check(&to);
        tree_close(&from);
        tree_close(&to);
    }
}

static void meta_fields_survive_commit_and_not_rollback(void **state)
{
    (void)state;
    Sim *sim = sim_new(1);
    Btree *bt;
    u32 value;
    assert_ok(open_on(sim, &bt));
    assert_ok(btree_begin(bt, BTREE_WRITE, NULL));
    assert_ok(btree_set_meta(bt, META_USER_VERSION, 42));
    assert_ok(btree_commit(bt));
    assert_ok(btree_begin(bt, BTREE_WRITE, NULL));
    assert_ok(btree_set_meta(bt, META_USER_VERSION, 43));
    assert_ok(btree_rollback(bt, SQLITE_OK, false));

    assert_ok(btree_begin(bt, BTREE_READ, NULL));
    btree_get_meta(bt, META_USER_VERSION, &value);

    assert_int_equal(value, 42);
    assert_ok(btree_close(bt));
    sim_free(sim);
}

TEST_SUITE(btree, cmocka_unit_test(a_failing_disk_leaves_all_of_a_transaction_or_nothing),
           cmocka_unit_test(a_copied_file_is_the_same_database),
           cmocka_unit_test(meta_fields_survive_commit_and_not_rollback))
