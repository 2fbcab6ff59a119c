// engine/btree/cursor.c: cursors keep their place while others change the tree.
#include "support/test.h"

#include "support/tree_fixture.h"

#include "base/bytes.h"
#include "btree/btree_internal.h"

static void fill(TreeFixture *f, bool is_index, i64 count)
{
    tree_open(f, &(TreeOptions){.page_size = 512, .is_index = is_index});
    for (i64 n = 0; n < count; n++)
        assert_ok(tree_put(f, n * 2, 20));
}

static i64 number_at(TreeFixture *f, Cursor *cur)
{
    return tree_read(f, cur, NULL);
}

// Lends the row stood on; its bytes are the same after whatever `disturb` does to them.
static void disturb_lent_row(TreeFixture *f, Cursor *reader, i64 n,
                             void (*disturb)(TreeFixture *f, i64 n))
{
    u8 before[64];
    u32 local;
    bool different;
    for (int turn = 0; turn < 3; turn++) { // more pages than one may be held for a row
        const u8 *lent = cursor_payload_local(reader, &local);
        assert_true(local <= sizeof before);
        memcpy(before, lent, local);
        cursor_lend(reader);
        disturb(f, n);
        assert_memory_equal(lent, before, local);
        assert_ok(cursor_restore(reader, &different));
        assert_memory_equal(lent, before, local);
        if (different)
            break;
    }
}

static void replace_and_balance(TreeFixture *f, i64 n)
{
    assert_ok(tree_put(f, n, 21));
    for (i64 i = 0; i < 8; i++)
        assert_ok(tree_put(f, n + 100000 + i, 40));
}

static void delete_and_undo(TreeFixture *f, i64 n)
{
    int order;
    assert_ok(btree_savepoint_open(f->bt, 1));
    assert_ok(tree_seek(f, f->cur, n, &order));
    assert_ok(cursor_delete(f->cur, 0));
    assert_ok(tree_put(f, n + 1, 30));
    assert_ok(btree_savepoint(f->bt, SAVEPOINT_ROLLBACK, 0));
    assert_ok(btree_savepoint(f->bt, SAVEPOINT_RELEASE, 0));
}

static void delete_for_good(TreeFixture *f, i64 n)
{
    int order;
    assert_ok(tree_seek(f, f->cur, n, &order));
    assert_ok(cursor_delete(f->cur, 0));
}

static void lent_bytes_stay_until_the_cursor_moves(void **state)
{
    (void)state;
    static void (*const disturbances[])(TreeFixture *, i64) = {replace_and_balance, delete_and_undo,
                                                               delete_for_good};
    for (int i = 0; i < 6; i++) {
        TreeFixture f;
        Cursor *reader;
        int order;
        fill(&f, i >= 3, 200);
        assert_ok(cursor_open(f.bt, f.root, false, f.shape, &reader));
        for (i64 n = 10; n < 150; n += 9) {
            assert_ok(tree_seek(&f, reader, n * 2, &order));
            assert_int_equal(order, 0);
            disturb_lent_row(&f, reader, n * 2, disturbances[i % 3]);
            if (n % 2 == 0)
                assert_ok(cursor_next(reader));
        }
        cursor_close(reader);
        tree_close(&f);
    }
}

static void a_saved_cursor_finds_its_row_again(void **state)
{
    (void)state;
    for (int is_index = 0; is_index < 2; is_index++) {
        TreeFixture f;
        Cursor *reader;
        int order;
        bool different;
        fill(&f, is_index != 0, 300);
        assert_ok(cursor_open(f.bt, f.root, false, f.shape, &reader));
        for (i64 n = 0; n < 300; n += 7) {
            assert_ok(tree_seek(&f, reader, n * 2, &order));
            assert_ok(tree_put(&f, n * 2 + 1, 30)); // balances now and then
            assert_true(cursor_has_moved(reader));
            assert_ok(cursor_restore(reader, &different));
            assert_false(different);
            assert_int_equal(number_at(&f, reader), n * 2);
            assert_ok(cursor_next(reader));
            assert_int_equal(number_at(&f, reader), n * 2 + 1);
        }
        cursor_close(reader);
        tree_close(&f);
    }
}

static void a_cursor_whose_row_was_deleted_goes_on_beside_the_hole(void **state)
{
    (void)state;
    for (int is_index = 0; is_index < 2; is_index++) {
        for (i64 n = 1; n < 299; n++) {
            TreeFixture f;
            Cursor *reader;
            int order;
            bool different;
            if (n % 5 != 0)
                continue;
            fill(&f, is_index != 0, 300);
            assert_ok(cursor_open(f.bt, f.root, false, f.shape, &reader));
            assert_ok(tree_seek(&f, reader, n * 2, &order));
            assert_ok(tree_seek(&f, f.cur, n * 2, &order));
            assert_ok(cursor_delete(f.cur, 0));
            if (n % 2 == 0) {
                assert_ok(cursor_restore(reader, &different));
                assert_true(different);
            }
            bool forward = n % 3 != 0;
            assert_ok(forward ? cursor_next(reader) : cursor_previous(reader));
            assert_int_equal(number_at(&f, reader), forward ? n * 2 + 2 : n * 2 - 2);
            cursor_close(reader);
            tree_close(&f);
        }
    }
}

static void deleting_while_walking_visits_every_row_once(void **state)
{
    (void)state;
    for (int kind = 0; kind < 4; kind++) {
        TreeFixture f;
        bool empty;
        i64 seen = 0;
        bool forward = kind < 2;
        fill(&f, kind % 2 != 0, 500);
        assert_ok(forward ? cursor_first(f.cur, &empty) : cursor_last(f.cur, &empty));
        int rc = SQLITE_OK;
        while (rc == SQLITE_OK) {
            i64 n = number_at(&f, f.cur) / 2;
            assert_int_equal(n, forward ? seen : 499 - seen);
            seen++;
            if (n % 3 != 0)
                assert_ok(cursor_delete(f.cur, CURSOR_SAVE_POSITION));
            rc = forward ? cursor_next(f.cur) : cursor_previous(f.cur);
        }
        assert_int_equal(rc, SQLITE_DONE);
        assert_int_equal(seen, 500);
        tree_check(&f);
        tree_close(&f);
    }
}

static void a_tripped_cursor_says_why(void **state)
{
    (void)state;
    TreeFixture f;
    bool empty;
    bool different;
    fill(&f, false, 10);
    assert_ok(cursor_first(f.cur, &empty));
    assert_ok(btree_rollback(f.bt, SQLITE_ABORT_ROLLBACK, false));

    assert_rc(SQLITE_ABORT_ROLLBACK, cursor_next(f.cur));
    assert_rc(SQLITE_ABORT_ROLLBACK, cursor_first(f.cur, &empty));
    assert_rc(SQLITE_ABORT_ROLLBACK, cursor_restore(f.cur, &different));

    tree_close(&f);
}

static void a_savepoint_rolled_back_keeps_cursors_usable(void **state)
{
    (void)state;
    TreeFixture f;
    int order;
    bool different;
    fill(&f, false, 200);
    assert_ok(btree_savepoint_open(f.bt, 1));
    for (i64 n = 0; n < 200; n++)
        assert_ok(tree_put(&f, n * 2 + 1, 200));
    assert_ok(tree_seek(&f, f.cur, 100, &order));

    assert_ok(btree_savepoint(f.bt, SAVEPOINT_ROLLBACK, 0));

    assert_ok(cursor_restore(f.cur, &different));
    assert_false(different);
    assert_ok(cursor_next(f.cur));
    assert_int_equal(number_at(&f, f.cur), 102);
    tree_check(&f);
    tree_close(&f);
}

static void an_empty_file_has_an_empty_schema(void **state)
{
    (void)state;
    Btree *bt;
    Cursor *cur;
    bool empty;
    int order;
    assert_ok(btree_open(NULL, NULL, NULL, BTREE_MEMORY, 0, &bt));
    assert_ok(btree_begin(bt, BTREE_READ, NULL));
    assert_ok(cursor_open(bt, 1, false, NULL, &cur));

    assert_ok(cursor_first(cur, &empty));
    assert_true(empty);
    assert_ok(cursor_seek_rowid(cur, 5, false, &order));
    assert_true(order < 0);
    assert_true(cursor_is_eof(cur));

    cursor_close(cur);
    assert_ok(btree_close(bt));
}

// Every child of the root's first child is made to be its second child: fifty times fifty leaves.
static void counting_a_maze_ends(void **state)
{
    (void)state;
    TreeFixture f;
    Pager *pager;
    Page *page;
    Node node;
    Pgno first;
    Pgno second;
    i64 count;
    fill(&f, false, 3000);
    pager = btree_pager(f.bt);
    assert_ok(pager_get(pager, f.root, &page));
    assert_ok(node_parse(&node, &f.bt->geometry, page, true));
    assert_ok(node_child(&node, 0, &first));
    assert_ok(node_child(&node, 1, &second));
    page_unpin(pager, page);
    assert_ok(pager_get(pager, first, &page));
    assert_ok(pager_make_writable(pager, &page));
    assert_ok(node_parse(&node, &f.bt->geometry, page, true));
    assert_false(node_is_leaf(&node));
    for (u32 i = 0; i < node.cell_count; i++)
        put_u32(node_cell(&node, i), second);
    page_unpin(pager, page);

    assert_rc(SQLITE_CORRUPT, cursor_count(f.cur, &count));

    tree_close(&f);
}

TEST_SUITE(cursor, cmocka_unit_test(counting_a_maze_ends),
           cmocka_unit_test(lent_bytes_stay_until_the_cursor_moves),
           cmocka_unit_test(lent_bytes_stay_until_the_cursor_moves),
           cmocka_unit_test(a_saved_cursor_finds_its_row_again),
           cmocka_unit_test(a_cursor_whose_row_was_deleted_goes_on_beside_the_hole),
           cmocka_unit_test(deleting_while_walking_visits_every_row_once),
           cmocka_unit_test(a_tripped_cursor_says_why),
           cmocka_unit_test(a_savepoint_rolled_back_keeps_cursors_usable),
           cmocka_unit_test(an_empty_file_has_an_empty_schema))
