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

enum { ROWS = 600, LAYERS = 4 };

// What the table should hold: the committed state, and on top of it one copy per open savepoint.
typedef struct Layers {
    u16 sizes[LAYERS + 2][ROWS]; // 0: no such row
    u32 depth;                   // sizes[depth] is the state now; sizes[0] the committed one
} Layers;

static u64 next_random(u64 *seed)
{
    u64 z = *seed += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void push_layer(Layers *m)
{
    memcpy(m->sizes[m->depth + 1], m->sizes[m->depth], sizeof m->sizes[0]);
    m->depth++;
}

static void change_a_row(Btree *bt, Layers *m, u64 *seed)
{
    static const u8 record[3000];
    Cursor *cur;
    int order;
    u32 row = (u32)(next_random(seed) % ROWS);
    u32 size = (u32)(next_random(seed) % (next_random(seed) % 8 == 0 ? 2999 : 80)) + 1;
    assert_ok(cursor_open(bt, 2, true, NULL, &cur));
    if (next_random(seed) % 3 != 0) {
        Payload payload = {.key_size = row, .data = record, .data_size = size};
        assert_ok(cursor_insert(cur, &payload, 0, CURSOR_UNKNOWN));
        m->sizes[m->depth][row] = (u16)size;
    } else {
        assert_ok(cursor_seek_rowid(cur, row, false, &order));
        if (order == 0)
            assert_ok(cursor_delete(cur, 0));
        m->sizes[m->depth][row] = 0;
    }
    cursor_close(cur);
}

static void check_layers(Btree *bt, const Layers *m)
{
    Cursor *cur;
    bool empty;
    assert_ok(cursor_open(bt, 2, false, NULL, &cur));
    assert_ok(cursor_first(cur, &empty));
    int rc = empty ? SQLITE_DONE : SQLITE_OK;
    for (u32 row = 0; row < ROWS; row++) {
        if (m->sizes[m->depth][row] == 0)
            continue;
        assert_int_equal(rc, SQLITE_OK);
        assert_int_equal(cursor_rowid(cur), row);
        assert_int_equal(cursor_payload_size(cur), m->sizes[m->depth][row]);
        rc = cursor_next(cur);
    }
    assert_int_equal(rc, SQLITE_DONE);
    cursor_close(cur);
    Pgno roots[2] = {1, 2};
    IntegrityCheck check = {.roots = roots, .root_count = 2, .error_max = 10};
    assert_ok(btree_integrity_check(bt, &check));
    if (check.errors > 0)
        fail_msg("%s", check.report);
}

// Opens, releases or undoes a savepoint, or ends the transaction and starts the next.
static void change_layers(Btree *bt, Layers *m, u64 *seed)
{
    u32 open = m->depth - 1; // layer 1 is the transaction itself
    u64 what = next_random(seed) % 8;
    if (what < 3 && open < LAYERS) {
        assert_ok(btree_savepoint_open(bt, open + 1));
        push_layer(m);
    } else if (what < 6 && open > 0) {
        u32 index = (u32)(next_random(seed) % open);
        if (what == 3) {
            assert_ok(btree_savepoint(bt, SAVEPOINT_RELEASE, index));
            memcpy(m->sizes[index + 1], m->sizes[m->depth], sizeof m->sizes[0]);
            m->depth = index + 1;
        } else {
            assert_ok(btree_savepoint(bt, SAVEPOINT_ROLLBACK, index));
            memcpy(m->sizes[index + 2], m->sizes[index + 1], sizeof m->sizes[0]);
            m->depth = index + 2;
        }
    } else if (what >= 6) {
        if (what == 6) {
            assert_ok(btree_commit(bt));
            memcpy(m->sizes[0], m->sizes[m->depth], sizeof m->sizes[0]);
        } else {
            assert_ok(btree_rollback(bt, SQLITE_ABORT_ROLLBACK, false));
        }
        m->depth = 0;
        assert_ok(btree_begin(bt, BTREE_WRITE, NULL));
        push_layer(m);
    }
}

static void transactions_and_savepoints_match_a_stack_of_states(void **state)
{
    (void)state;
    for (u64 seed_start = 1; seed_start <= 6; seed_start++) {
        u64 seed = seed_start;
        Sim *sim = sim_new(seed);
        Btree *bt;
        Pgno root;
        Layers *m = calloc(1, sizeof *m);
        bool in_memory = seed_start % 3 == 0;
        assert_ok(in_memory ? btree_open(NULL, NULL, NULL, BTREE_MEMORY, 0, &bt)
                            : open_on(sim, &bt));
        assert_ok(btree_set_page_size(bt, 512, -1, false));
        if (seed_start % 2 == 0) // so that pages are spilled and read again
            pager_set_cache_size(btree_pager(bt), 12);
        assert_ok(btree_begin(bt, BTREE_WRITE, NULL));
        assert_ok(btree_create_tree(bt, TREE_TABLE, &root));
        assert_ok(btree_commit(bt));
        assert_ok(btree_begin(bt, BTREE_WRITE, NULL));
        push_layer(m);
        for (int step = 0; step < 4000; step++) {
            if (next_random(&seed) % 12 == 0) {
                change_layers(bt, m, &seed);
                if (next_random(&seed) % 8 == 0)
                    check_layers(bt, m);
            } else {
                change_a_row(bt, m, &seed);
            }
        }
        check_layers(bt, m);
        assert_ok(btree_close(bt));
        sim_free(sim);
        free(m);
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
           cmocka_unit_test(transactions_and_savepoints_match_a_stack_of_states),
           cmocka_unit_test(a_copied_file_is_the_same_database),
           cmocka_unit_test(meta_fields_survive_commit_and_not_rollback))
