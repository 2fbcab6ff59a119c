// engine/btree/inspect.c: the pages of a tree as stock SQLite's dbstat shows them.
#include "support/test.h"

#include "support/stock.h"
#include "support/tree_fixture.h"

#include "base/buffer.h"
#include "btree/inspect.h"
#include "os/os.h"

static const char *role_name(PageRole role)
{
    switch (role) {
    case PAGE_INTERIOR: return "internal";
    case PAGE_LEAF: return "leaf";
    case PAGE_OVERFLOW: return "overflow";
    case PAGE_CORRUPTED: return "corrupted";
    }
    return "?";
}

static void describe_tree(Btree *bt, const char *name, Pgno root, Buffer *out)
{
    PageWalk *walk;
    PageInfo info;
    int rc;
    assert_ok(page_walk_open(bt, root, &walk));
    while ((rc = page_walk_next(walk, &info)) == SQLITE_OK) {
        buffer_printf(out, "%s|%s|%u|%s|%u|%u|%u|%u\n", name, info.path, info.pgno,
                      role_name(info.role), info.cell_count, info.payload, info.unused,
                      info.payload_max);
    }
    assert_int_equal(rc, SQLITE_DONE);
    page_walk_close(walk);
}

static void pages_are_described_as_dbstat_does(void **state)
{
    (void)state;
    stock_require();
    WorkDir dir;
    work_dir_begin(&dir);
    const char *path = work_path(&dir, "a.db");
    stock_sql(path,
              "PRAGMA page_size=512; CREATE TABLE t(a INTEGER PRIMARY KEY, b); "
              "CREATE INDEX i ON t(b); WITH RECURSIVE n(x) AS (VALUES(1) UNION ALL SELECT x+1 "
              "FROM n WHERE x<60) INSERT INTO t SELECT x, CASE WHEN x%20=0 THEN zeroblob(1500+x) "
              "ELSE 'v'||x END FROM n; DELETE FROM t WHERE a IN (3,4,9)");
    const char *stock =
        stock_sql(path, "SELECT name, path, pageno, pagetype, ncell, payload, unused, "
                        "mx_payload FROM dbstat");
    if (strncmp(stock, "error", 5) == 0)
        fail_msg("the stock library has no dbstat: %s", stock);

    Btree *bt;
    Buffer out = {0};
    assert_ok(os_init());
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB;
    assert_ok(btree_open(vfs_find(NULL), path, NULL, 0, flags, &bt));
    assert_ok(btree_begin(bt, BTREE_READ, NULL));
    describe_tree(bt, "sqlite_schema", 1, &out);
    describe_tree(bt, "t", 2, &out);
    describe_tree(bt, "i", 3, &out);
    buffer_truncate(&out, out.size - 1);

    assert_text(stock, buffer_text(&out));
    buffer_deinit(&out);
    assert_ok(btree_close(bt));
    work_dir_end(&dir);
}

static void the_header_is_told_field_by_field(void **state)
{
    (void)state;
    TreeFixture f;
    HeaderInfo info;
    tree_open(&f, &(TreeOptions){.page_size = 1024, .reserved = 8, .auto_vacuum = 2});
    assert_ok(btree_set_meta(f.bt, META_USER_VERSION, 77));
    assert_ok(btree_set_meta(f.bt, META_APPLICATION_ID, 99));

    header_info(f.bt, &info);

    assert_int_equal(info.page_size, 1024);
    assert_int_equal(info.reserved, 8);
    assert_int_equal(info.page_count, 3);
    assert_int_equal(info.largest_root, 3);
    assert_int_equal(info.incremental_vacuum, 1);
    assert_int_equal(info.user_version, 77);
    assert_int_equal(info.application_id, 99);
    tree_close(&f);
}

TEST_SUITE(inspect, cmocka_unit_test(pages_are_described_as_dbstat_does),
           cmocka_unit_test(the_header_is_told_field_by_field))
