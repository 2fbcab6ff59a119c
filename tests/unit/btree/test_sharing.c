// engine/btree/sharing.c: several views of one core. The connections are no more than names here.
#include "support/test.h"

#include "support/sim.h"

#include "btree/btree_internal.h"

enum {
    FLAGS =
        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_SHAREDCACHE,
    ROOT = 2,
};

typedef struct Sharers {
    Sim *sim;
    int names[3];
    Btree *views[3];
} Sharers;

static sqlite3 *name_of(Sharers *s, int i)
{
    return (sqlite3 *)(void *)&s->names[i];
}

static void sharers_open(Sharers *s)
{
    s->sim = sim_new(7);
    for (int i = 0; i < 3; i++)
        assert_ok(btree_open(sim_vfs(s->sim, 0), "/a.db", name_of(s, i), 0, FLAGS, &s->views[i]));
    Pgno root;
    assert_ok(btree_begin(s->views[0], BTREE_WRITE, NULL));
    assert_ok(btree_create_tree(s->views[0], TREE_TABLE, &root));
    assert_int_equal(root, ROOT);
    assert_ok(btree_commit(s->views[0]));
}

static void sharers_close(Sharers *s)
{
    for (int i = 0; i < 3; i++)
        assert_ok(btree_close(s->views[i]));
    sim_free(s->sim);
}

static int put(Btree *bt, RowId rowid)
{
    Cursor *cur;
    const Payload payload = {.key_size = rowid, .data = "row", .data_size = 3};
    TRY(cursor_open(bt, ROOT, true, NULL, &cur));
    int rc = cursor_insert(cur, &payload, 0, CURSOR_UNKNOWN);
    cursor_close(cur);
    return rc;
}

static i64 rows_seen(Btree *bt)
{
    Cursor *cur;
    i64 count = 0;
    assert_ok(btree_begin(bt, BTREE_READ, NULL));
    assert_ok(cursor_open(bt, ROOT, false, NULL, &cur));
    assert_ok(cursor_count(cur, &count));
    cursor_close(cur);
    btree_end_read_if_idle(bt);
    return count;
}

static void views_see_what_one_of_them_has_not_committed(void **state)
{
    (void)state;
    Sharers s;
    sharers_open(&s);
    Btree *one = s.views[0], *two = s.views[1];

    assert_ok(btree_begin(one, BTREE_WRITE, NULL));
    assert_ok(put(one, 1));
    assert_int_equal(rows_seen(two), 1);
    assert_ok(btree_rollback(one, SQLITE_OK, false));
    assert_int_equal(rows_seen(two), 0);

    assert_int_equal(btree_txn_state(one), SQLITE_TXN_NONE);
    sharers_close(&s);
}

static void one_view_writes_at_a_time(void **state)
{
    (void)state;
    Sharers s;
    sharers_open(&s);
    Btree *one = s.views[0], *two = s.views[1];

    assert_ok(btree_begin(one, BTREE_WRITE, NULL));
    assert_rc(SQLITE_LOCKED_SHAREDCACHE, btree_begin(two, BTREE_WRITE, NULL));
    assert_ok(btree_begin(two, BTREE_READ, NULL));
    assert_rc(SQLITE_LOCKED_SHAREDCACHE, btree_begin(two, BTREE_WRITE, NULL));
    assert_int_equal(btree_txn_state(two), SQLITE_TXN_READ);
    assert_ok(btree_commit(one));
    assert_ok(btree_begin(two, BTREE_WRITE, NULL));

    sharers_close(&s);
}

static void a_tree_has_readers_or_a_writer(void **state)
{
    (void)state;
    Sharers s;
    sharers_open(&s);
    Btree *one = s.views[0], *two = s.views[1], *three = s.views[2];

    assert_ok(btree_begin(one, BTREE_WRITE, NULL));
    assert_ok(btree_begin(two, BTREE_READ, NULL));
    assert_ok(btree_lock_tree(two, ROOT, false));
    assert_ok(btree_lock_tree(one, ROOT, false));
    assert_rc(SQLITE_LOCKED_SHAREDCACHE, btree_lock_tree(one, ROOT, true));
    // The writer waits: nobody new may come in before the reader has gone.
    assert_rc(SQLITE_LOCKED_SHAREDCACHE, btree_begin(three, BTREE_READ, NULL));
    btree_end_read_if_idle(two);
    assert_ok(btree_begin(three, BTREE_READ, NULL));
    assert_ok(btree_lock_tree(one, ROOT, true));
    assert_rc(SQLITE_LOCKED_SHAREDCACHE, btree_lock_tree(three, ROOT, false));
    assert_ok(btree_commit_prepare(one, NULL));
    assert_ok(btree_commit_finish(one, true)); // reads on: its lock is a reader's now
    assert_ok(btree_lock_tree(three, ROOT, false));

    sharers_close(&s);
}

static void an_exclusive_writer_is_alone(void **state)
{
    (void)state;
    Sharers s;
    sharers_open(&s);
    Btree *one = s.views[0], *two = s.views[1];

    assert_ok(btree_begin(two, BTREE_READ, NULL));
    assert_rc(SQLITE_LOCKED_SHAREDCACHE, btree_begin(one, BTREE_EXCLUSIVE, NULL));
    assert_int_equal(btree_txn_state(one), SQLITE_TXN_NONE);
    btree_end_read_if_idle(two);
    assert_ok(btree_begin(one, BTREE_EXCLUSIVE, NULL));
    assert_rc(SQLITE_LOCKED_SHAREDCACHE, btree_ask_schema(two));
    assert_rc(SQLITE_LOCKED_SHAREDCACHE, btree_begin(two, BTREE_READ, NULL));
    assert_ok(btree_commit(one));
    assert_ok(btree_ask_schema(two));

    sharers_close(&s);
}

static void a_reader_keeps_its_place_when_others_undo_their_work(void **state)
{
    (void)state;
    Sharers s;
    sharers_open(&s);
    Btree *one = s.views[0], *two = s.views[1];
    Cursor *cur;
    bool is_empty;
    assert_ok(btree_begin(one, BTREE_WRITE, NULL));
    for (RowId rowid = 1; rowid <= 1000; rowid++)
        assert_ok(put(one, rowid));
    assert_ok(btree_commit(one));
    assert_ok(btree_begin(two, BTREE_READ, NULL));
    assert_ok(cursor_open(two, ROOT, false, NULL, &cur));
    assert_ok(cursor_first(cur, &is_empty));

    assert_ok(btree_begin(one, BTREE_WRITE, NULL));
    assert_ok(btree_clear_tree(one, ROOT, NULL));
    assert_ok(btree_rollback(one, SQLITE_ABORT_ROLLBACK, true));
    bool is_other;
    assert_ok(cursor_restore(cur, &is_other));
    assert_false(is_other);
    assert_int_equal(cursor_rowid(cur), 1);
    assert_ok(cursor_next(cur));
    assert_int_equal(cursor_rowid(cur), 2);

    cursor_close(cur);
    sharers_close(&s);
}

static void closing_one_view_leaves_the_others_alone(void **state)
{
    (void)state;
    Sharers s;
    sharers_open(&s);
    Cursor *cur;
    bool is_empty;
    assert_ok(btree_begin(s.views[0], BTREE_WRITE, NULL));
    assert_ok(put(s.views[0], 1));
    assert_ok(btree_commit(s.views[0]));
    assert_ok(btree_begin(s.views[1], BTREE_READ, NULL));
    assert_ok(cursor_open(s.views[1], ROOT, false, NULL, &cur));
    assert_ok(cursor_first(cur, &is_empty));

    assert_ok(btree_begin(s.views[0], BTREE_WRITE, NULL));
    assert_ok(put(s.views[0], 2));
    assert_ok(btree_close(s.views[0]));
    assert_rc(SQLITE_DONE, cursor_next(cur)); // the second row is undone
    assert_ok(btree_begin(s.views[2], BTREE_WRITE, NULL));

    cursor_close(cur);
    s.views[0] = NULL;
    sharers_close(&s);
}

static void a_commit_is_news_to_the_others(void **state)
{
    (void)state;
    Sharers s;
    sharers_open(&s);
    u32 own = btree_data_version(s.views[0]);
    u32 others = btree_data_version(s.views[1]);

    assert_ok(btree_begin(s.views[0], BTREE_WRITE, NULL));
    assert_ok(put(s.views[0], 1));
    assert_ok(btree_commit(s.views[0]));
    assert_int_equal(btree_data_version(s.views[0]), own);
    assert_int_equal(btree_data_version(s.views[1]), others + 1);

    sharers_close(&s);
}

static void a_connection_has_one_view_of_a_file(void **state)
{
    (void)state;
    Sharers s;
    sharers_open(&s);
    Btree *again = NULL, *alone = NULL;

    assert_rc(SQLITE_CONSTRAINT,
              btree_open(sim_vfs(s.sim, 0), "/a.db", name_of(&s, 0), 0, FLAGS, &again));
    assert_ok(btree_open(sim_vfs(s.sim, 0), "/a.db", name_of(&s, 0), 0,
                         FLAGS & ~SQLITE_OPEN_SHAREDCACHE, &alone));
    assert_true(btree_is_shared(s.views[0]));
    assert_false(btree_is_shared(alone));
    assert_ptr_equal(btree_identity(s.views[0]), btree_identity(s.views[1]));

    assert_ok(btree_close(alone));
    sharers_close(&s);
}

static void a_failing_disk_ends_the_reading_of_all(void **state)
{
    (void)state;
    for (u64 n = 1; n < 12; n++) {
        Sharers s;
        sharers_open(&s);
        Btree *one = s.views[0], *two = s.views[1];
        assert_ok(btree_begin(two, BTREE_READ, NULL));
        sim_crash_at(s.sim, n);

        int rc = btree_begin(one, BTREE_WRITE, NULL);
        if (rc == SQLITE_OK)
            rc = put(one, 1);
        if (rc == SQLITE_OK)
            rc = btree_commit(one);
        if (rc != SQLITE_OK)
            (void)btree_rollback(one, SQLITE_OK, false);
        assert_int_not_equal(btree_txn_state(one), SQLITE_TXN_WRITE);
        for (int i = 0; i < 3; i++)
            (void)btree_close(s.views[i]);
        sim_free(s.sim);
    }
}

TEST_SUITE(sharing, cmocka_unit_test(views_see_what_one_of_them_has_not_committed),
           cmocka_unit_test(one_view_writes_at_a_time),
           cmocka_unit_test(a_tree_has_readers_or_a_writer),
           cmocka_unit_test(an_exclusive_writer_is_alone),
           cmocka_unit_test(a_reader_keeps_its_place_when_others_undo_their_work),
           cmocka_unit_test(closing_one_view_leaves_the_others_alone),
           cmocka_unit_test(a_commit_is_news_to_the_others),
           cmocka_unit_test(a_connection_has_one_view_of_a_file),
           cmocka_unit_test(a_failing_disk_ends_the_reading_of_all))
