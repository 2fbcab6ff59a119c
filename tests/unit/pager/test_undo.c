// Savepoints and rollback of databases in memory.
#include "support/test.h"

#include "pager/pager.h"

static Pager *memory_pager(void)
{
    PagerOptions options = {.in_memory = true};
    Pager *pager = NULL;
    assert_ok(pager_open(&options, &pager));
    assert_ok(pager_begin_read(pager, NULL));
    return pager;
}

static void fill_page(Pager *pager, Pgno pgno, u8 value)
{
    Page *page = NULL;
    if (pgno > pager_page_count(pager)) {
        assert_ok(pager_get_blank(pager, pgno, &page));
    } else {
        assert_ok(pager_get(pager, pgno, &page));
        assert_ok(pager_make_writable(pager, &page));
    }
    memset(page->data, value, pager_page_size(pager));
    page_unpin(pager, page);
}

static int first_byte(Pager *pager, Pgno pgno)
{
    Page *page = NULL;
    assert_ok(pager_get(pager, pgno, &page));
    int value = page->data[0];
    assert_int_equal(page->data[pager_page_size(pager) - 1], value);
    page_unpin(pager, page);
    return value;
}

static void close_pager(Pager *pager)
{
    pager_end_read(pager);
    assert_ok(pager_close(pager));
}

static void rollback_restores_what_was_committed(void **state)
{
    (void)state;
    Pager *pager = memory_pager();
    assert_ok(pager_begin_write(pager, false));
    fill_page(pager, 1, 11);
    fill_page(pager, 2, 12);
    assert_ok(pager_commit_prepare(pager, NULL));
    assert_ok(pager_commit_finish(pager));

    assert_ok(pager_begin_write(pager, false));
    fill_page(pager, 1, 21);
    fill_page(pager, 3, 23);
    assert_ok(pager_rollback(pager));

    assert_int_equal(pager_page_count(pager), 2);
    assert_int_equal(first_byte(pager, 1), 11);
    assert_int_equal(first_byte(pager, 2), 12);
    close_pager(pager);
}

static void inner_savepoints_undo_only_their_own_changes(void **state)
{
    (void)state;
    Pager *pager = memory_pager();
    assert_ok(pager_begin_write(pager, false));
    fill_page(pager, 1, 1);
    assert_ok(pager_savepoint_open(pager, 1));
    fill_page(pager, 1, 2);
    fill_page(pager, 2, 2);
    assert_ok(pager_savepoint_open(pager, 2));
    fill_page(pager, 1, 3);
    fill_page(pager, 2, 3);
    fill_page(pager, 3, 3);

    assert_ok(pager_savepoint_rollback(pager, 1));
    assert_int_equal(pager_page_count(pager), 2);
    assert_int_equal(first_byte(pager, 1), 2);
    assert_int_equal(first_byte(pager, 2), 2);

    fill_page(pager, 1, 4);
    pager_savepoint_release(pager, 1);
    assert_ok(pager_savepoint_rollback(pager, 0));
    assert_int_equal(pager_page_count(pager), 1);
    assert_int_equal(first_byte(pager, 1), 1);

    assert_ok(pager_commit_prepare(pager, NULL));
    assert_ok(pager_commit_finish(pager));
    assert_int_equal(first_byte(pager, 1), 1);
    close_pager(pager);
}

static void released_savepoints_leave_their_saves_to_the_outer_one(void **state)
{
    (void)state;
    Pager *pager = memory_pager();
    assert_ok(pager_begin_write(pager, false));
    for (Pgno pgno = 1; pgno <= 10; pgno++)
        fill_page(pager, pgno, 1);
    assert_ok(pager_savepoint_open(pager, 1));
    for (u8 round = 2; round < 40; round++) {
        assert_ok(pager_savepoint_open(pager, 2));
        fill_page(pager, 1 + round % 10, round);
        fill_page(pager, 5, round);
        pager_savepoint_release(pager, 1);
    }
    assert_ok(pager_savepoint_rollback(pager, 0));
    for (Pgno pgno = 1; pgno <= 10; pgno++)
        assert_int_equal(first_byte(pager, pgno), 1);
    assert_ok(pager_rollback(pager));
    assert_int_equal(pager_page_count(pager), 0);
    close_pager(pager);
}

static void a_moved_page_returns_when_its_savepoint_is_undone(void **state)
{
    (void)state;
    Pager *pager = memory_pager();
    assert_ok(pager_begin_write(pager, false));
    for (Pgno pgno = 1; pgno <= 4; pgno++)
        fill_page(pager, pgno, (u8)pgno);
    assert_ok(pager_savepoint_open(pager, 1));
    Page *page = NULL;
    assert_ok(pager_get(pager, 4, &page));
    assert_ok(pager_move(pager, page, 2, false));
    assert_int_equal(page->pgno, 2);
    page_unpin(pager, page);
    pager_set_page_count(pager, 3);
    assert_int_equal(first_byte(pager, 2), 4);

    assert_ok(pager_savepoint_rollback(pager, 0));

    assert_int_equal(pager_page_count(pager), 4);
    for (Pgno pgno = 1; pgno <= 4; pgno++)
        assert_int_equal(first_byte(pager, pgno), (int)pgno);
    assert_ok(pager_rollback(pager));
    close_pager(pager);
}

static void page_numbers_from_damaged_files_are_refused(void **state)
{
    (void)state;
    Pager *pager = memory_pager();
    Page *page = NULL;
    assert_rc(SQLITE_CORRUPT, pager_get(pager, 0, &page));
    assert_rc(SQLITE_CORRUPT, pager_get(pager, 2, &page));
    assert_null(page);
    close_pager(pager);
}

TEST_SUITE(undo, cmocka_unit_test(rollback_restores_what_was_committed),
           cmocka_unit_test(inner_savepoints_undo_only_their_own_changes),
           cmocka_unit_test(released_savepoints_leave_their_saves_to_the_outer_one),
           cmocka_unit_test(a_moved_page_returns_when_its_savepoint_is_undone),
           cmocka_unit_test(page_numbers_from_damaged_files_are_refused))
