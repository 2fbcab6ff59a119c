// engine/btree/vacuum.c, ptrmap.c and tree.c: the pointer map stays right while pages move and
// roots come and go.
#include "support/test.h"

#include "support/stock.h"
#include "support/tree_fixture.h"

#include "base/alloc.h"
#include "btree/btree_internal.h"

static u64 next_random(u64 *seed)
{
    u64 z = *seed += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void check_roots(Btree *bt, const Pgno *roots, u32 count)
{
    Pgno all[40] = {1};
    memcpy(all + 1, roots, count * sizeof *roots);
    IntegrityCheck check = {.roots = all, .root_count = count + 1, .error_max = 20};
    assert_ok(btree_integrity_check(bt, &check));
    if (check.errors > 0)
        fail_msg("%s", check.report);
}

static void the_first_table_of_an_auto_vacuum_database_is_page_3(void **state)
{
    (void)state;
    for (int mode = 1; mode <= 2; mode++) {
        TreeFixture f;
        tree_open(&f, &(TreeOptions){.page_size = 512, .auto_vacuum = mode});
        assert_int_equal(f.root, 3);
        Pgno second;
        assert_ok(btree_create_tree(f.bt, TREE_INDEX, &second));
        assert_int_equal(second, 4);
        tree_close(&f);
    }
}

static void fill(Btree *bt, Pgno root, int rows, u64 *seed)
{
    Cursor *cur;
    u8 record[3000] = {0};
    assert_ok(cursor_open(bt, root, true, NULL, &cur));
    for (int i = 0; i < rows; i++) {
        u32 size = (u32)(next_random(seed) % (i % 8 == 0 ? 2500 : 60)) + 2;
        Payload payload = {.key_size = i, .data = record, .data_size = size};
        assert_ok(cursor_insert(cur, &payload, 0, CURSOR_UNKNOWN));
    }
    cursor_close(cur);
}

// The dropped root's place is taken by the last root; callers learn which one moved.
static void drop(Btree *bt, Pgno *roots, u32 *count, u32 index)
{
    Pgno moved;
    Pgno place = roots[index];
    assert_ok(btree_drop_tree(bt, place, &moved));
    roots[index] = roots[--*count];
    for (u32 i = 0; i < *count; i++) {
        if (roots[i] == moved)
            roots[i] = place;
    }
}

static void roots_stay_in_front_while_trees_come_and_go(void **state)
{
    (void)state;
    for (int mode = 1; mode <= 2; mode++) {
        u64 seed = (u64)mode;
        TreeFixture f;
        Pgno roots[32];
        u32 count = 1;
        tree_open(&f, &(TreeOptions){.page_size = 512, .auto_vacuum = mode});
        cursor_close(f.cur);
        f.cur = NULL;
        roots[0] = f.root;
        for (int step = 0; step < 300; step++) {
            if (count < 20 && (count < 3 || next_random(&seed) % 2)) {
                assert_ok(btree_create_tree(f.bt, TREE_TABLE, &roots[count]));
                fill(f.bt, roots[count], (int)(next_random(&seed) % 120), &seed);
                count++;
            } else {
                drop(f.bt, roots, &count, (u32)(next_random(&seed) % count));
            }
            if (step % 10 == 9) {
                check_roots(f.bt, roots, count);
                assert_ok(btree_commit(f.bt));
                assert_ok(btree_begin(f.bt, BTREE_WRITE, NULL));
                check_roots(f.bt, roots, count);
                u32 free_count;
                btree_get_meta(f.bt, META_FREE_PAGE_COUNT, &free_count);
                if (mode == 1)
                    assert_int_equal(free_count, 0);
            }
        }
        assert_true(cover_count("tree: a page moves out of a new root's place") > 0);
        tree_close(&f);
    }
}

static void incremental_vacuum_gives_back_page_by_page(void **state)
{
    (void)state;
    u64 seed = 3;
    TreeFixture f;
    Pgno other;
    tree_open(&f, &(TreeOptions){.page_size = 512, .auto_vacuum = 2});
    assert_ok(btree_create_tree(f.bt, TREE_TABLE, &other));
    fill(f.bt, f.root, 600, &seed);
    fill(f.bt, other, 600, &seed);
    assert_ok(btree_clear_tree(f.bt, f.root, NULL));

    int steps = 0;
    int rc;
    Pgno before = btree_page_count(f.bt);
    Pgno roots[2] = {f.root, other};
    while ((rc = btree_incremental_vacuum(f.bt)) == SQLITE_OK) {
        assert_true(btree_page_count(f.bt) < before);
        before = btree_page_count(f.bt);
        if (steps++ % 50 == 0)
            check_roots(f.bt, roots, 2);
    }

    assert_int_equal(rc, SQLITE_DONE);
    assert_true(steps > 100);
    check_roots(f.bt, roots, 2);
    u32 free_count;
    btree_get_meta(f.bt, META_FREE_PAGE_COUNT, &free_count);
    assert_int_equal(free_count, 0);
    tree_close(&f);
}

static void a_vacuumed_file_is_sound_and_as_small_as_stocks(void **state)
{
    (void)state;
    stock_require();
    WorkDir dir;
    work_dir_begin(&dir);
    const char *path = work_path(&dir, "a.db");
    TreeFixture f;
    tree_open(&f, &(TreeOptions){.page_size = 1024, .auto_vacuum = 1, .path = path});
    for (i64 n = 0; n < 3000; n++)
        assert_ok(tree_put(&f, n, n % 10 == 0 ? 3000 : 20));
    for (i64 n = 500; n < 2500; n++) {
        int order;
        assert_ok(tree_seek(&f, f.cur, n, &order));
        assert_ok(cursor_delete(f.cur, 0));
    }
    assert_ok(btree_set_meta(f.bt, META_FILE_FORMAT, 4));
    assert_ok(btree_set_meta(f.bt, META_TEXT_ENCODING, 1));
    tree_name_in_schema(&f, "t", "CREATE TABLE t(a TEXT, b INT, c BLOB)");
    cursor_close(f.cur);
    f.cur = NULL;
    assert_ok(btree_commit(f.bt));
    Pgno pages = btree_page_count(f.bt);
    tree_close(&f);

    assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
    assert_text("1000", stock_sql(path, "SELECT count(*) FROM t"));
    assert_text("0", stock_sql(path, "PRAGMA freelist_count"));
    assert_int_equal(file_size(path), (long)pages * 1024);
    (void)stock_sql(path, "VACUUM");
    assert_true((long)pages * 1024 <= file_size(path) * 11 / 10);
    work_dir_end(&dir);
}

TEST_SUITE(vacuum, cmocka_unit_test(the_first_table_of_an_auto_vacuum_database_is_page_3),
           cmocka_unit_test(roots_stay_in_front_while_trees_come_and_go),
           cmocka_unit_test(incremental_vacuum_gives_back_page_by_page),
           cmocka_unit_test(a_vacuumed_file_is_sound_and_as_small_as_stocks))
