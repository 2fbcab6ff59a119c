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

// As SQLite reads it.
static void a_cell_pointer_behind_the_page_wraps(void **state)
{
    (void)state;
    TreeFixture f;
    Pager *pager;
    Page *page;
    bool empty;
    fill(&f, false, 3);
    pager = btree_pager(f.bt);
    assert_ok(pager_get(pager, f.root, &page));
    assert_ok(pager_make_writable(pager, &page));
    u8 *slot = page->data + 8 + 2; // behind the header of a leaf: the second of two bytes each
    put_u16(slot, (u16)(get_u16(slot) + 512));
    page_unpin(pager, page);

    assert_ok(cursor_first(f.cur, &empty));
    assert_ok(cursor_next(f.cur));

    assert_int_equal(number_at(&f, f.cur), 2);
    tree_close(&f);
}

// --- places that closed cursors leave (B13) ---

static Cursor *open_writer(TreeFixture *f)
{
    Cursor *cur;
    assert_ok(cursor_open(f->bt, f->root, true, f->shape, &cur));
    return cur;
}

static void a_closed_cursor_leaves_its_place_to_the_next(void **state)
{
    (void)state;
    for (int is_index = 0; is_index < 2; is_index++) {
        TreeFixture f;
        int order;
        fill(&f, is_index != 0, 300);
        Cursor *first = open_writer(&f);
        assert_ok(tree_seek(&f, first, 400, &order));
        u8 pinned = first->pinned;
        assert_true(pinned > 1);
        cursor_close(first);
        assert_int_equal(f.bt->left_count, 1);

        Cursor *second = open_writer(&f);

        assert_int_equal(f.bt->left_count, 0);
        assert_int_equal(second->pinned, pinned);
        assert_true(cursor_is_eof(second)); // it has the path, but stands nowhere
        assert_ok(tree_seek(&f, second, 402, &order));
        assert_int_equal(number_at(&f, second), 402);
        cursor_close(second);
        tree_close(&f);
    }
}

// The other writer is open all the time, the one that leaves a place comes and goes.
static void a_left_place_ends_when_its_tree_changes(void **state)
{
    (void)state;
    TreeFixture f;
    int order;
    fill(&f, false, 300);
    Cursor *other = open_writer(&f);
    assert_ok(tree_seek(&f, other, 598, &order));
    cursor_close(other);
    assert_int_equal(f.bt->left_count, 1);

    assert_ok(tree_put(&f, 601, 20));

    assert_int_equal(f.bt->left_count, 0);
    other = open_writer(&f);
    assert_ok(tree_seek(&f, other, 601, &order));
    assert_int_equal(order, 0);
    cursor_close(other);
    tree_close(&f);
}

static void leave_a_place(TreeFixture *f)
{
    int order;
    Cursor *cur = open_writer(f);
    assert_ok(tree_seek(f, cur, 100, &order));
    cursor_close(cur);
    assert_int_equal(f->bt->left_count, 1);
}

static void left_places_end_with_what_they_stand_on(void **state)
{
    (void)state;
    TreeFixture f;
    Pgno moved;
    i64 rows = 0;
    fill(&f, false, 300);
    cursor_close(f.cur);
    f.cur = NULL;

    leave_a_place(&f);
    btree_rest(f.bt);
    assert_int_equal(f.bt->left_count, 0);
    leave_a_place(&f);
    assert_ok(btree_commit(f.bt));
    assert_int_equal(f.bt->left_count, 0);
    assert_int_equal(btree_txn_state(f.bt), SQLITE_TXN_NONE); // it keeps no snapshot
    assert_ok(btree_begin(f.bt, BTREE_WRITE, NULL));
    leave_a_place(&f);
    assert_ok(btree_savepoint_open(f.bt, 1));
    assert_int_equal(f.bt->left_count, 1);
    assert_ok(btree_savepoint(f.bt, SAVEPOINT_ROLLBACK, 0));
    assert_int_equal(f.bt->left_count, 0);
    leave_a_place(&f);
    assert_ok(btree_clear_tree(f.bt, f.root, &rows));
    assert_int_equal(rows, 300);
    assert_int_equal(f.bt->left_count, 0);
    assert_ok(btree_rollback(f.bt, SQLITE_OK, false));
    assert_ok(btree_begin(f.bt, BTREE_WRITE, NULL));
    leave_a_place(&f);
    assert_ok(btree_drop_tree(f.bt, f.root, &moved));
    assert_int_equal(f.bt->left_count, 0);
    assert_ok(btree_rollback(f.bt, SQLITE_OK, false));
    assert_int_equal(f.bt->left_count, 0);
    assert_ok(btree_begin(f.bt, BTREE_WRITE, NULL)); // what the fixture expects
    tree_close(&f);
}

static void few_places_are_kept_the_newest_first(void **state)
{
    (void)state;
    enum { TREES = 7, KEPT = 4 };
    TreeFixture f;
    Pgno roots[TREES];
    bool empty;
    fill(&f, false, 10);
    for (int i = 0; i < TREES; i++)
        assert_ok(btree_create_tree(f.bt, TREE_TABLE, &roots[i]));
    for (int i = 0; i < TREES; i++) {
        Cursor *cur;
        assert_ok(cursor_open(f.bt, roots[i], true, NULL, &cur));
        assert_ok(cursor_last(cur, &empty));
        assert_true(empty);
        cursor_close(cur);
    }

    assert_int_equal(f.bt->left_count, KEPT);
    int newest = TREES;
    for (const Cursor *cur = f.bt->left; cur != NULL; cur = cur->next)
        assert_int_equal(cur->root, roots[--newest]);
    tree_close(&f);
}

// Cursors of one tree come and go in any order, read, write and undo; a plain set is the model.
enum { WORLD_ROWS = 250, WORLD_CURSORS = 4 };

typedef struct World {
    TreeFixture f;
    Prng prng;
    Cursor *cursors[WORLD_CURSORS];
    bool rows[WORLD_ROWS], saved[WORLD_ROWS];
    bool has_savepoint;
} World;

static void world_toggle(World *w, Cursor *cur, i64 n)
{
    int order;
    Payload payload;
    assert_ok(tree_seek(&w->f, cur, n, &order));
    assert_int_equal(order == 0, w->rows[n]);
    if (w->rows[n]) {
        assert_ok(cursor_delete(cur, 0));
    } else {
        tree_payload(&w->f, n, 20 + (u32)(n % 90), &payload);
        assert_ok(cursor_insert(cur, &payload, 0, CURSOR_UNKNOWN));
    }
    w->rows[n] = !w->rows[n];
}

static void world_undo_or_save(World *w)
{
    if (!w->has_savepoint) {
        assert_ok(btree_savepoint_open(w->f.bt, 1));
        memcpy(w->saved, w->rows, sizeof w->rows);
    } else if (prng_below(&w->prng, 2) == 0) {
        assert_ok(btree_savepoint(w->f.bt, SAVEPOINT_ROLLBACK, 0));
        assert_ok(btree_savepoint(w->f.bt, SAVEPOINT_RELEASE, 0));
        memcpy(w->rows, w->saved, sizeof w->rows);
    } else {
        assert_ok(btree_savepoint(w->f.bt, SAVEPOINT_RELEASE, 0));
    }
    w->has_savepoint = !w->has_savepoint;
}

static void world_commit(World *w)
{
    if (w->has_savepoint)
        return;
    assert_ok(btree_commit(w->f.bt));
    assert_ok(btree_begin(w->f.bt, BTREE_WRITE, NULL));
}

static void world_step(World *w)
{
    Cursor **cur = &w->cursors[prng_below(&w->prng, WORLD_CURSORS)];
    i64 n = (i64)prng_below(&w->prng, WORLD_ROWS);
    if (prng_below(&w->prng, 40) == 0)
        world_undo_or_save(w);
    else if (prng_below(&w->prng, 40) == 0)
        world_commit(w);
    else if (*cur == NULL)
        *cur = open_writer(&w->f);
    else if (prng_below(&w->prng, 3) != 0)
        world_toggle(w, *cur, n);
    else {
        cursor_close(*cur);
        *cur = NULL;
    }
}

static void world_check(World *w)
{
    Cursor *cur = open_writer(&w->f);
    bool empty;
    assert_ok(cursor_first(cur, &empty));
    int rc = empty ? SQLITE_DONE : SQLITE_OK;
    for (i64 n = 0; n < WORLD_ROWS; n++) {
        if (!w->rows[n])
            continue;
        assert_ok(rc);
        assert_int_equal(number_at(&w->f, cur), n);
        rc = cursor_next(cur);
    }
    assert_rc(SQLITE_DONE, rc);
    cursor_close(cur);
    tree_check(&w->f);
}

static void cursors_that_come_and_go_agree(void **state)
{
    (void)state;
    for (int is_index = 0; is_index < 2; is_index++) {
        World w = {0};
        prng_init(&w.prng, &is_index, sizeof is_index);
        tree_open(&w.f, &(TreeOptions){.page_size = 512, .is_index = is_index != 0});
        for (int step = 0; step < 12000; step++) {
            world_step(&w);
            if (step % 500 == 0)
                world_check(&w);
        }
        world_check(&w);
        for (int i = 0; i < WORLD_CURSORS; i++)
            cursor_close(w.cursors[i]);
        tree_close(&w.f);
    }
}

TEST_SUITE(cursor, cmocka_unit_test(counting_a_maze_ends),
           cmocka_unit_test(a_cell_pointer_behind_the_page_wraps),
           cmocka_unit_test(lent_bytes_stay_until_the_cursor_moves),
           cmocka_unit_test(lent_bytes_stay_until_the_cursor_moves),
           cmocka_unit_test(a_saved_cursor_finds_its_row_again),
           cmocka_unit_test(a_cursor_whose_row_was_deleted_goes_on_beside_the_hole),
           cmocka_unit_test(deleting_while_walking_visits_every_row_once),
           cmocka_unit_test(a_tripped_cursor_says_why),
           cmocka_unit_test(a_savepoint_rolled_back_keeps_cursors_usable),
           cmocka_unit_test(a_closed_cursor_leaves_its_place_to_the_next),
           cmocka_unit_test(a_left_place_ends_when_its_tree_changes),
           cmocka_unit_test(left_places_end_with_what_they_stand_on),
           cmocka_unit_test(few_places_are_kept_the_newest_first),
           cmocka_unit_test(cursors_that_come_and_go_agree),
           cmocka_unit_test(an_empty_file_has_an_empty_schema))
