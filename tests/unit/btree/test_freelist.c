// engine/btree/freelist.c: freed pages are used again, and secure_delete leaves nothing behind.
#include "support/test.h"

#include "support/stock.h"
#include "support/tree_fixture.h"

#include "btree/btree_internal.h"

// Rows with long blobs, replaced range by range with other sizes: what a row gives up, the next one
// takes.
static void replaced_blobs_do_not_let_the_file_grow(void **state)
{
    (void)state;
    TreeFixture f;
    tree_open(&f, &(TreeOptions){.page_size = 512});
    for (i64 n = 0; n < 600; n++)
        assert_ok(tree_put(&f, n, 3 * 1310));
    Pgno first = btree_page_count(f.bt);

    for (i64 round = 0; round < 28; round++) {
        for (i64 n = round * 20; n < round * 20 + 60; n++)
            assert_ok(tree_put(&f, n % 600, (u32)(3 * 1310 - (round * 37 + n) % 100)));
    }

    tree_check(&f);
    assert_true(btree_page_count(f.bt)
                <= first + 16); // one row's pages are written before the old are free
    tree_close(&f);
}

static void the_same_updates_leave_stock_with_no_smaller_file(void **state)
{
    (void)state;
    stock_require();
    WorkDir dir;
    work_dir_begin(&dir);
    const char *path = work_path(&dir, "a.db");
    stock_sql(path, "PRAGMA page_size=512; CREATE TABLE t(a INTEGER PRIMARY KEY, x);"
                    "WITH RECURSIVE n(i) AS (VALUES(0) UNION ALL SELECT i+1 FROM n WHERE i<599) "
                    "INSERT INTO t SELECT i, zeroblob(3930) FROM n");
    for (int round = 0; round < 28; round++) {
        char sql[200];
        snprintf(sql, sizeof sql,
                 "UPDATE t SET x = zeroblob(3930 - (%d*37 + a) %% 100) WHERE a >= %d AND a < %d",
                 round, round * 20, round * 20 + 60);
        stock_sql(path, sql);
    }
    Pgno stock_pages = (Pgno)atoi(stock_sql(path, "PRAGMA page_count"));

    TreeFixture f;
    tree_open(&f, &(TreeOptions){.page_size = 512});
    for (i64 n = 0; n < 600; n++)
        assert_ok(tree_put(&f, n, 3930));
    for (i64 round = 0; round < 28; round++) {
        for (i64 n = round * 20; n < round * 20 + 60 && n < 600; n++)
            assert_ok(tree_put(&f, n, (u32)(3930 - (round * 37 + n) % 100)));
    }
    assert_true(btree_page_count(f.bt) <= stock_pages + stock_pages / 50);
    tree_close(&f);
    work_dir_end(&dir);
}

static void an_emptied_tree_gives_all_its_pages_to_the_next_one(void **state)
{
    (void)state;
    TreeFixture f;
    tree_open(&f, &(TreeOptions){.page_size = 1024});
    for (i64 n = 0; n < 2000; n++)
        assert_ok(tree_put(&f, n, (u32)(n % 500 * 4)));
    Pgno pages = btree_page_count(f.bt);
    for (int round = 0; round < 5; round++) {
        i64 rows = 0;
        assert_ok(btree_clear_tree(f.bt, f.root, &rows));
        assert_int_equal(rows, 2000);
        tree_check(&f);
        for (i64 n = 0; n < 2000; n++)
            assert_ok(tree_put(&f, n, (u32)(n % 500 * 4)));
    }
    assert_int_equal(btree_page_count(f.bt), pages);
    tree_check(&f);
    tree_close(&f);
}

static void secure_delete_overwrites_what_is_freed(void **state)
{
    (void)state;
    WorkDir dir;
    work_dir_begin(&dir);
    const char *path = work_path(&dir, "a.db");
    TreeFixture f;
    u8 record[3000];
    memset(record, 0xee, sizeof record);
    tree_open(&f, &(TreeOptions){.page_size = 512, .path = path});
    assert_int_equal(btree_secure_delete(f.bt, 1), 1);
    for (int i = 0; i < 200; i++) {
        Payload payload = {.key_size = i, .data = record, .data_size = i % 20 == 0 ? 3000 : 30};
        assert_ok(cursor_insert(f.cur, &payload, 0, CURSOR_UNKNOWN));
    }
    for (int i = 0; i < 200; i++) {
        int order;
        assert_ok(cursor_seek_rowid(f.cur, i, false, &order));
        assert_ok(cursor_delete(f.cur, 0));
    }
    cursor_close(f.cur);
    f.cur = NULL;
    assert_ok(btree_commit(f.bt));
    tree_close(&f);

    long size;
    u8 *bytes = file_bytes(path, &size);
    assert_null(memchr(bytes, 0xee, (size_t)size));
    free(bytes);
    work_dir_end(&dir);
}

// A trunk that lists a page twice, or one in use: it must not get a second owner while somebody
// stands on it.
static void a_free_page_that_is_pinned_is_damage(void **state)
{
    (void)state;
    TreeFixture f;
    tree_open(&f, &(TreeOptions){.page_size = 512});
    for (i64 n = 0; n < 10; n++)
        assert_ok(tree_put(&f, n, 3000));
    assert_ok(btree_clear_tree(f.bt, f.root, NULL));
    Page *trunk;
    assert_ok(pager_get(btree_pager(f.bt), get_u32(f.bt->page1->data + 32), &trunk));
    assert_ok(pager_make_writable(btree_pager(f.bt), &trunk));
    u32 count = get_u32(trunk->data + 4);
    assert_true(count >= 2);
    memcpy(trunk->data + 8 + 4 * (count - 2), trunk->data + 8 + 4 * (count - 1), 4);
    page_unpin(btree_pager(f.bt), trunk);

    Page *first;
    Page *second;
    assert_ok(page_allocate(f.bt, 0, ALLOC_ANY, &first));
    assert_rc(SQLITE_CORRUPT, page_allocate(f.bt, 0, ALLOC_ANY, &second));
    page_unpin(btree_pager(f.bt), first);

    btree_rollback(f.bt, SQLITE_OK, false);
    tree_close(&f);
}

TEST_SUITE(freelist, cmocka_unit_test(replaced_blobs_do_not_let_the_file_grow),
           cmocka_unit_test(the_same_updates_leave_stock_with_no_smaller_file),
           cmocka_unit_test(an_emptied_tree_gives_all_its_pages_to_the_next_one),
           cmocka_unit_test(secure_delete_overwrites_what_is_freed),
           cmocka_unit_test(a_free_page_that_is_pinned_is_damage))
