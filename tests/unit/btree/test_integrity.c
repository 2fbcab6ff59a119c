// engine/btree/integrity.c: damage is named in stock SQLite's words, and never more than named.
#include "support/test.h"

#include "support/stock.h"
#include "support/tree_fixture.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "btree/btree_internal.h"
#include "os/os.h"

enum { PAGE = 512 };

typedef struct Damage {
    WorkDir dir;
    char path[200];
    u8 *bytes;
    long size;
} Damage;

static u64 next_random(u64 *seed)
{
    u64 z = *seed += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

// A file with a table of two levels, an overflow chain and free pages.
static void damage_begin(Damage *d, int auto_vacuum)
{
    TreeFixture f;
    work_dir_begin(&d->dir);
    snprintf(d->path, sizeof d->path, "%s", work_path(&d->dir, "a.db"));
    tree_open(&f, &(TreeOptions){.page_size = PAGE, .auto_vacuum = auto_vacuum, .path = d->path});
    for (i64 n = 1; n <= 100; n++)
        assert_ok(tree_put(&f, n, 20));
    assert_ok(tree_put(&f, 101, 2000));
    assert_ok(tree_put(&f, 102, 3000));
    int order;
    assert_ok(tree_seek(&f, f.cur, 101, &order));
    assert_ok(cursor_delete(f.cur, 0));
    assert_ok(btree_set_meta(f.bt, META_FILE_FORMAT, 4));
    assert_ok(btree_set_meta(f.bt, META_TEXT_ENCODING, 1));
    tree_name_in_schema(&f, "t", "CREATE TABLE t(a TEXT, b INT, c BLOB)");
    cursor_close(f.cur);
    f.cur = NULL;
    assert_ok(btree_commit(f.bt));
    tree_close(&f);
    d->bytes = file_bytes(d->path, &d->size);
    assert_true(d->size > 10 * PAGE);
}

static void damage_end(Damage *d)
{
    free(d->bytes);
    work_dir_end(&d->dir);
}

static u8 *page_at(Damage *d, Pgno pgno)
{
    return d->bytes + (size_t)(pgno - 1) * PAGE;
}

static u8 *cell_at(Damage *d, Pgno pgno, u32 slot)
{
    u8 *page = page_at(d, pgno);
    u32 slots_at = page[0] & NODE_LEAF_BIT ? 8 : 12;
    return page + get_u16(page + slots_at + 2 * slot);
}

// Writes the damaged bytes, asks both libraries, and compares.
static void expect_report(Damage *d, Pgno root, const char *expected)
{
    FILE *file = fopen(d->path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(d->bytes, 1, (size_t)d->size, file), d->size);
    fclose(file);
    Btree *bt;
    assert_ok(os_init());
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB;
    assert_ok(btree_open(vfs_find(NULL), d->path, NULL, 0, flags, &bt));
    assert_ok(btree_begin(bt, BTREE_READ, NULL));
    Pgno roots[2] = {1, root};
    IntegrityCheck check = {.roots = roots, .root_count = 2, .error_max = 100};
    assert_ok(btree_integrity_check(bt, &check));
    assert_text(expected, check.report != NULL ? check.report : "");
    mem_free(check.report);
    assert_ok(btree_close(bt));
    // Older libraries word it otherwise.
    if (!stock_is_present() || strncmp(stock_sql(d->path, "SELECT sqlite_version()"), "3.53", 4))
        return;
    const char *stock = stock_sql(d->path, "PRAGMA integrity_check");
    if (strncmp(stock, "*** in database main ***\n", 25) == 0) { // else it gave up on reading rows
        stock += 25;
        if (strncmp(stock, expected, strlen(expected)) != 0)
            fail_msg("stock says: %s", stock);
    }
}

static Pgno child_of(Damage *d, Pgno root, u32 slot)
{
    return get_u32(cell_at(d, root, slot));
}

static void a_sound_file_has_no_report(void **state)
{
    (void)state;
    Damage d;
    damage_begin(&d, 0);
    expect_report(&d, 2, "");
    damage_end(&d);
}

static void damaged_cells_are_named(void **state)
{
    (void)state;
    Damage d;
    damage_begin(&d, 0);
    Pgno leaf = child_of(&d, 2, 1);
    char text[100];

    u8 *rowid = cell_at(&d, leaf, 2) + 1;
    u8 before = *rowid;
    *rowid = 1;
    snprintf(text, sizeof text, "Tree 2 page %u cell 1: Rowid %u out of order", leaf, before - 1u);
    expect_report(&d, 2, text);
    *rowid = before;

    u8 *slot = page_at(&d, leaf) + 8;
    u8 high = slot[0];
    u8 low = slot[1];
    put_u16(slot, 3);
    u32 start = get_u16(page_at(&d, leaf) + 5);
    snprintf(text, sizeof text, "Tree 2 page %u cell 0: Offset 3 out of range %u..508", leaf,
             start);
    expect_report(&d, 2, text);
    slot[0] = high;
    slot[1] = low;

    page_at(&d, leaf)[7] = 5;
    u32 gap = 0; // cells fill a page from its end without gaps
    snprintf(text, sizeof text, "Fragmentation of %u bytes reported as 5 on page %u", gap, leaf);
    expect_report(&d, 2, text);
    page_at(&d, leaf)[7] = 0;

    put_u16(page_at(&d, leaf) + 1, 4);
    snprintf(text, sizeof text, "Tree 2 page %u: free space corruption", leaf);
    expect_report(&d, 2, text);
    damage_end(&d);
}

static void damaged_references_are_named(void **state)
{
    (void)state;
    Damage d;
    damage_begin(&d, 0);
    Pgno first = child_of(&d, 2, 0);
    Pgno second = child_of(&d, 2, 1);
    u32 divider = cell_at(&d, 2, 0)[4];
    char text[200];

    put_u32(cell_at(&d, 2, 1), 9999);
    snprintf(text, sizeof text,
             "Tree 2 page 2 cell 1: invalid page number 9999\nPage %u: never used", second);
    expect_report(&d, 2, text);

    put_u32(cell_at(&d, 2, 1), first);
    snprintf(text, sizeof text,
             "Tree 2 page 2 cell 0: Rowid %u out of order\n"
             "Tree 2 page 2 cell 0: 2nd reference to page %u\nPage %u: never used",
             divider, first, second);
    expect_report(&d, 2, text);
    damage_end(&d);
}

static void a_damaged_freelist_is_named(void **state)
{
    (void)state;
    Damage d;
    damage_begin(&d, 0);
    u32 count = get_u32(d.bytes + AT_FREE_COUNT);
    Pgno trunk = get_u32(d.bytes + AT_FREELIST);
    char text[200];
    assert_true(count > 1);

    put_u32(d.bytes + AT_FREE_COUNT, count + 1);
    snprintf(text, sizeof text, "Freelist: size is %u but should be %u", count, count + 1);
    expect_report(&d, 2, text);
    put_u32(d.bytes + AT_FREE_COUNT, count);

    Pgno leaf = get_u32(page_at(&d, trunk) + 8);
    put_u32(page_at(&d, trunk) + 8, 9999);
    snprintf(text, sizeof text, "Freelist: invalid page number 9999\nPage %u: never used", leaf);
    expect_report(&d, 2, text);
    damage_end(&d);
}

static void a_damaged_pointer_map_is_named(void **state)
{
    (void)state;
    Damage d;
    damage_begin(&d, 2);
    Pgno leaf = child_of(&d, 3, 1);
    char text[200];
    u8 *entry = page_at(&d, 2) + 5 * (leaf - 3);
    assert_int_equal(entry[0], PTRMAP_TREE);

    put_u32(entry + 1, 1);
    snprintf(text, sizeof text,
             "Tree 3 page 3 right child: Bad ptr map entry key=%u expected=(5,3) got=(5,1)", leaf);
    expect_report(&d, 3, text);
    put_u32(entry + 1, 3);

    entry[0] = 9;
    snprintf(text, sizeof text, "Tree 3 page 3 right child: Failed to read ptrmap key=%u", leaf);
    expect_report(&d, 3, text);
    entry[0] = PTRMAP_TREE;

    d.bytes[55]++;
    expect_report(&d, 3, "max rootpage (3) disagrees with header (4)");
    damage_end(&d);
}

// Overwrites some bytes of random pages of an open database.
static void scribble(TreeFixture *f, u64 *seed)
{
    Pager *pager = btree_pager(f->bt);
    for (u64 i = next_random(seed) % 5 + 1; i > 0; i--) {
        Page *page;
        Pgno pgno = 2 + (Pgno)(next_random(seed) % (btree_page_count(f->bt) - 1));
        assert_ok(pager_get(pager, pgno, &page));
        assert_ok(pager_make_writable(pager, &page));
        u32 reach = next_random(seed) % 2 ? 12 : PAGE;
        page->data[next_random(seed) % reach] = (u8)next_random(seed);
        page_unpin(pager, page);
    }
}

// Whatever lies in the pages: calls answer, with success or with a code, and end.
static void use_damaged_tree(TreeFixture *f, u64 *seed)
{
    bool empty;
    for (int i = 0; i < 60; i++) {
        i64 n = (i64)(next_random(seed) % 400);
        int order;
        int rc = next_random(seed) % 2 ? tree_put(f, n, (u32)(next_random(seed) % 700))
                                       : tree_seek(f, f->cur, n, &order);
        if (rc == SQLITE_OK && next_random(seed) % 3 == 0 && cursor_is_valid(f->cur))
            (void)!cursor_delete(f->cur, next_random(seed) % 2 ? CURSOR_SAVE_POSITION : 0);
    }
    if (cursor_first(f->cur, &empty) == SQLITE_OK && !empty) {
        for (int i = 0; i < 2000; i++) {
            u8 bytes[64];
            u32 size = cursor_payload_size(f->cur);
            (void)!cursor_payload_read(f->cur, 0, size < 64 ? size : 64, bytes);
            if (cursor_next(f->cur) != SQLITE_OK)
                break;
        }
    }
    Pgno roots[2] = {1, f->root};
    IntegrityCheck check = {.roots = roots, .root_count = 2, .error_max = 10};
    assert_ok(btree_integrity_check(f->bt, &check));
    mem_free(check.report);
}

static void damaged_trees_never_crash_or_hang(void **state)
{
    (void)state;
    u64 seed = 5;
    bool expected = contract_expect_damage(true);
    for (int round = 0; round < 600; round++) {
        TreeFixture f;
        tree_open(&f, &(TreeOptions){
                          .page_size = PAGE, .is_index = round % 2 != 0, .auto_vacuum = round % 3});
        for (i64 n = 0; n < 150; n++)
            assert_ok(tree_put(&f, n * 2, (u32)(n % 20 == 0 ? 900 : n % 30)));
        scribble(&f, &seed);
        use_damaged_tree(&f, &seed);
        cursor_close(f.cur);
        f.cur = NULL;
        (void)btree_rollback(f.bt, SQLITE_OK, false);
        tree_close(&f);
    }
    contract_expect_damage(expected);
}

TEST_SUITE(integrity, cmocka_unit_test(a_sound_file_has_no_report),
           cmocka_unit_test(damaged_cells_are_named),
           cmocka_unit_test(damaged_references_are_named),
           cmocka_unit_test(a_damaged_freelist_is_named),
           cmocka_unit_test(a_damaged_pointer_map_is_named),
           cmocka_unit_test(damaged_trees_never_crash_or_hang))
