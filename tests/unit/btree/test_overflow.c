// engine/btree/overflow.c: any part of any payload, read and written, with and without the chain
// remembered.
#include "support/test.h"

#include "support/tree_fixture.h"

#include "base/bytes.h"
#include "btree/btree_internal.h"

static u64 next_random(u64 *seed)
{
    u64 z = *seed += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void random_parts_are_read_and_written(void **state)
{
    (void)state;
    enum { SIZE = 100000 };
    u64 seed = 8;
    for (u32 page_size = 512; page_size <= 65536; page_size *= 2) {
        TreeFixture f;
        int order;
        u8 *model = calloc(1, SIZE);
        u8 *part = calloc(1, SIZE);
        tree_open(&f, &(TreeOptions){.page_size = page_size});
        Payload payload = {.key_size = 1, .data = model, .data_size = SIZE};
        assert_ok(cursor_insert(f.cur, &payload, 0, CURSOR_UNKNOWN));
        assert_ok(cursor_seek_rowid(f.cur, 1, false, &order));
        if (page_size % 1024 == 0)
            cursor_cache_overflow(f.cur);
        for (int i = 0; i < 300; i++) {
            u32 offset = (u32)(next_random(&seed) % SIZE);
            u32 size = (u32)(next_random(&seed) % (i % 10 == 0 ? SIZE : 700));
            if (offset + size > SIZE)
                size = SIZE - offset;
            if (i % 2 == 0) {
                memset(part, i, size);
                memcpy(model + offset, part, size);
                assert_ok(cursor_payload_write(f.cur, offset, size, part));
            } else {
                assert_ok(cursor_payload_read(f.cur, offset, size, part));
                assert_memory_equal(part, model + offset, size);
            }
        }
        tree_close(&f);
        free(model);
        free(part);
    }
}

static void reading_beyond_the_payload_is_refused(void **state)
{
    (void)state;
    TreeFixture f;
    int order;
    u8 bytes[10];
    tree_open(&f, &(TreeOptions){0});
    Payload payload = {.key_size = 1, .data = "abcdef", .data_size = 6};
    assert_ok(cursor_insert(f.cur, &payload, 0, CURSOR_UNKNOWN));
    assert_ok(cursor_seek_rowid(f.cur, 1, false, &order));

    assert_rc(SQLITE_CORRUPT, cursor_payload_read(f.cur, 3, 4, bytes));
    assert_rc(SQLITE_CORRUPT, cursor_payload_write(f.cur, 3, 4, bytes));
    assert_ok(cursor_payload_read(f.cur, 3, 3, bytes));

    assert_memory_equal(bytes, "def", 3);
    tree_close(&f);
}

// The chain's first page points to itself, or to nothing, or out of the file.
static void damaged_chains_end(void **state)
{
    (void)state;
    static const Pgno links[] = {0, 3, 1, 999999};
    for (u32 i = 0; i < sizeof links / sizeof links[0]; i++) {
        TreeFixture f;
        int order;
        u8 *bytes = malloc(20000);
        memset(bytes, 1, 20000);
        tree_open(&f, &(TreeOptions){.page_size = 512});
        Payload payload = {.key_size = 1, .data = bytes, .data_size = 20000};
        assert_ok(cursor_insert(f.cur, &payload, 0, CURSOR_UNKNOWN));
        assert_ok(cursor_seek_rowid(f.cur, 1, false, &order));
        Page *page;
        assert_ok(pager_get(btree_pager(f.bt), 3, &page));
        assert_ok(pager_make_writable(btree_pager(f.bt), &page));
        put_u32(page->data, links[i]);
        page_unpin(btree_pager(f.bt), page);

        int rc = cursor_payload_read(f.cur, 0, 20000, bytes);
        assert_true(rc == SQLITE_CORRUPT || links[i] == 3 || links[i] == 1);
        rc = cursor_delete(f.cur, 0);
        assert_true(rc == SQLITE_OK || rc == SQLITE_CORRUPT);

        cursor_close(f.cur);
        f.cur = NULL;
        assert_ok(btree_rollback(f.bt, SQLITE_OK, false));
        tree_close(&f);
        free(bytes);
    }
}

static void a_chain_that_leads_into_its_own_tree_is_neither_written_nor_freed(void **state)
{
    (void)state;
    TreeFixture f;
    int order;
    u8 bytes[2000] = {1};
    tree_open(&f, &(TreeOptions){.page_size = 512});
    Payload payload = {.key_size = 1, .data = bytes, .data_size = sizeof bytes};
    assert_ok(cursor_insert(f.cur, &payload, 0, CURSOR_UNKNOWN));
    assert_ok(cursor_seek_rowid(f.cur, 1, false, &order));
    Page *page;
    assert_ok(pager_get(btree_pager(f.bt), 3, &page));
    assert_ok(pager_make_writable(btree_pager(f.bt), &page));
    put_u32(page->data, f.root);
    page_unpin(btree_pager(f.bt), page);
    u8 root[512];
    memcpy(root, pager_peek(btree_pager(f.bt), f.root), sizeof root);

    assert_rc(SQLITE_CORRUPT, cursor_payload_write(f.cur, 0, sizeof bytes, bytes));
    assert_rc(SQLITE_CORRUPT, cursor_delete(f.cur, 0));

    assert_memory_equal(root, pager_peek(btree_pager(f.bt), f.root), sizeof root);
    cursor_close(f.cur);
    f.cur = NULL;
    assert_ok(btree_rollback(f.bt, SQLITE_OK, false));
    tree_close(&f);
}

TEST_SUITE(overflow,
           cmocka_unit_test(a_chain_that_leads_into_its_own_tree_is_neither_written_nor_freed),
           cmocka_unit_test(random_parts_are_read_and_written),
           cmocka_unit_test(reading_beyond_the_payload_is_refused),
           cmocka_unit_test(damaged_chains_end))
