// engine/btree/header.c and btree.c: which files are believed, as stock SQLite judges them, and
// files made here in stock SQLite's eyes.
#include "support/test.h"

#include "support/stock.h"
#include "support/tree_fixture.h"

#include "btree/btree_internal.h"
#include "os/os.h"

static int open_and_begin(const char *path, Btree **bt)
{
    assert_ok(os_init());
    assert_ok(
        btree_open(vfs_find(NULL), path, NULL, 0, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB, bt));
    return btree_begin(*bt, BTREE_READ, NULL);
}

static void write_file(const char *path, const u8 *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    fclose(f);
}

static void every_damaged_header_is_judged_as_stock_judges_it(void **state)
{
    (void)state;
    stock_require();
    WorkDir dir;
    work_dir_begin(&dir);
    const char *path = work_path(&dir, "a.db");
    stock_sql(path, "PRAGMA page_size=1024; CREATE TABLE t(a); INSERT INTO t VALUES(1)");
    long size;
    u8 *bytes = file_bytes(path, &size);
    static const u8 values[] = {0, 1, 2, 3, 33, 0x80, 0xff};
    for (u32 at = 0; at < FILE_HEADER_SIZE; at++) {
        for (u32 i = 0; i < sizeof values; i++) {
            if (at == 18 || at == 19) // versions that ask for a log belong to the pager's tests
                continue;
            u8 before = bytes[at];
            bytes[at] = values[i];
            write_file(path, bytes, (size_t)size);
            int stock_rc = 0;
            const char *answer = stock_sql(path, "PRAGMA schema_version");
            if (strncmp(answer, "error ", 6) == 0)
                stock_rc = atoi(answer + 6);
            Btree *bt;
            int rc = open_and_begin(path, &bt);
            if (rc != stock_rc)
                fail_msg("byte %u = %u: %d, stock says %s", at, values[i], rc, answer);
            assert_ok(btree_close(bt));
            bytes[at] = before;
        }
    }
    free(bytes);
    work_dir_end(&dir);
}

static void a_file_shorter_than_its_header_says_is_corrupt(void **state)
{
    (void)state;
    stock_require();
    WorkDir dir;
    work_dir_begin(&dir);
    const char *path = work_path(&dir, "a.db");
    stock_sql(path, "CREATE TABLE t(a); INSERT INTO t VALUES(zeroblob(20000))");
    long size;
    u8 *bytes = file_bytes(path, &size);
    write_file(path, bytes, (size_t)size - 4096);

    Btree *bt;
    assert_rc(SQLITE_CORRUPT, open_and_begin(path, &bt));

    assert_ok(btree_close(bt));
    free(bytes);
    work_dir_end(&dir);
}

static void page_size_and_auto_vacuum_are_fixed_once_there_is_content(void **state)
{
    (void)state;
    TreeFixture f;
    tree_open(&f, &(TreeOptions){.page_size = 1024, .auto_vacuum = 1});

    assert_rc(SQLITE_READONLY, btree_set_page_size(f.bt, 4096, -1, false));
    assert_rc(SQLITE_READONLY, btree_set_auto_vacuum(f.bt, 0));
    assert_ok(btree_set_auto_vacuum(f.bt, 2)); // between the two kinds a change is possible

    assert_int_equal(btree_page_size(f.bt), 1024);
    tree_close(&f);
}

// Gives the tree a row in sqlite_schema and commits.
static void name_tree(TreeFixture *f)
{
    const char *sql = f->shape == NULL
                          ? "CREATE TABLE t(a TEXT, b INT, c BLOB)"
                          : "CREATE TABLE t(a TEXT, b INT, c BLOB, PRIMARY KEY(a,b)) WITHOUT ROWID";
    assert_ok(btree_set_meta(f->bt, META_FILE_FORMAT, 4));
    assert_ok(btree_set_meta(f->bt, META_TEXT_ENCODING, 1));
    tree_name_in_schema(f, "t", sql);
    cursor_close(f->cur);
    f->cur = NULL;
    assert_ok(btree_commit(f->bt));
}

static void check_by_stock(const TreeOptions *options, int count)
{
    WorkDir dir;
    TreeFixture f;
    work_dir_begin(&dir);
    TreeOptions with_path = *options;
    with_path.path = work_path(&dir, "a.db");
    char path[200];
    snprintf(path, sizeof path, "%s", with_path.path);
    with_path.path = path;
    tree_open(&f, &with_path);
    for (int i = 0; i < count; i++)
        assert_ok(tree_put(&f, (i64)i * 7919 % count, (u32)(i % 50 == 0 ? 3000 : i % 40)));
    for (int i = 0; i < count; i += 3) {
        int order;
        assert_ok(tree_seek(&f, f.cur, i, &order));
        assert_ok(cursor_delete(f.cur, 0));
    }
    name_tree(&f);
    tree_close(&f);

    char expected[100];
    assert_text("ok", stock_sql(path, "PRAGMA integrity_check"));
    snprintf(expected, sizeof expected, "%d", count - (count + 2) / 3);
    assert_text(expected, stock_sql(path, "SELECT count(*) FROM t WHERE b = CAST(a AS INT)"));
    work_dir_end(&dir);
}

static void stock_finds_our_files_sound_at_every_page_size(void **state)
{
    (void)state;
    stock_require();
    for (u32 size = PAGE_SIZE_MIN; size <= PAGE_SIZE_MAX; size *= 2) {
        check_by_stock(&(TreeOptions){.page_size = size}, 1000);
        check_by_stock(&(TreeOptions){.page_size = size, .is_index = true}, 1000);
    }
}

static void stock_finds_our_auto_vacuum_files_sound(void **state)
{
    (void)state;
    stock_require();
    for (int mode = 1; mode <= 2; mode++) {
        check_by_stock(&(TreeOptions){.page_size = 512, .auto_vacuum = mode}, 3000);
        check_by_stock(&(TreeOptions){.page_size = 512, .auto_vacuum = mode, .is_index = true},
                       3000);
    }
}

// Walks every entry of every tree a stock file has; the roots come from stock.
static void read_stock_file(const char *path, const char *sql)
{
    assert_text("", stock_sql(path, sql));
    Btree *bt;
    assert_ok(open_and_begin(path, &bt));
    char roots_text[2000];
    snprintf(roots_text, sizeof roots_text, "%s",
             stock_sql(path, "SELECT rootpage FROM sqlite_schema WHERE rootpage > 0"));
    Pgno roots[50] = {1};
    u32 count = 1;
    for (const char *p = roots_text; *p != 0; p += strspn(p, "\n")) {
        roots[count++] = (Pgno)atoi(p);
        p += strcspn(p, "\n");
    }
    i64 counts[50];
    IntegrityCheck check = {.roots = roots, .root_count = count, .error_max = 10, .counts = counts};
    assert_ok(btree_integrity_check(bt, &check));
    if (check.errors > 0)
        fail_msg("%s", check.report);
    assert_int_equal(counts[1], atoi(stock_sql(path, "SELECT count(*) FROM t")));
    Cursor *cur;
    bool empty;
    i64 walked = 0;
    assert_ok(cursor_open(bt, roots[1], false, NULL, &cur));
    assert_ok(cursor_first(cur, &empty));
    for (int rc = empty ? SQLITE_DONE : SQLITE_OK; rc == SQLITE_OK; rc = cursor_next(cur)) {
        u32 size = cursor_payload_size(cur);
        u8 *bytes = malloc(size + 1);
        assert_ok(cursor_payload_read(cur, 0, size, bytes));
        free(bytes);
        walked++;
    }
    assert_int_equal(walked, counts[1]);
    cursor_close(cur);
    assert_ok(btree_close(bt));
}

static void files_made_by_stock_are_read_whole(void **state)
{
    (void)state;
    stock_require();
    WorkDir dir;
    work_dir_begin(&dir);
    for (int mode = 0; mode <= 2; mode++) {
        for (u32 size = PAGE_SIZE_MIN; size <= PAGE_SIZE_MAX; size *= 4) {
            char sql[1000];
            char name[40];
            char path[200];
            snprintf(name, sizeof name, "s%u_%d.db", size, mode);
            snprintf(path, sizeof path, "%s", work_path(&dir, name));
            snprintf(sql, sizeof sql,
                     "PRAGMA page_size=%u; PRAGMA auto_vacuum=%d; "
                     "CREATE TABLE t(a INTEGER PRIMARY KEY, b, c); CREATE INDEX i ON t(b, c); "
                     "CREATE TABLE w(x PRIMARY KEY, y) WITHOUT ROWID; "
                     "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n "
                     "WHERE i<2000) INSERT INTO t SELECT i, hex(randomblob(i%%30)), "
                     "CASE WHEN i%%40=0 THEN zeroblob(i*5) ELSE i END FROM n; "
                     "INSERT INTO w SELECT a, b FROM t; DELETE FROM t WHERE a %% 7 < 3",
                     size, mode);
            read_stock_file(path, sql);
        }
    }
    work_dir_end(&dir);
}

TEST_SUITE(header, cmocka_unit_test(every_damaged_header_is_judged_as_stock_judges_it),
           cmocka_unit_test(a_file_shorter_than_its_header_says_is_corrupt),
           cmocka_unit_test(page_size_and_auto_vacuum_are_fixed_once_there_is_content),
           cmocka_unit_test(stock_finds_our_files_sound_at_every_page_size),
           cmocka_unit_test(stock_finds_our_auto_vacuum_files_sound),
           cmocka_unit_test(files_made_by_stock_are_read_whole))
