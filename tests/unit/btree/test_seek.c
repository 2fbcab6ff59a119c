// engine/btree/seek.c: rowids of every size and distribution, and dividers that are no rows.
#include "support/test.h"

#include "support/tree_fixture.h"

#include "btree/btree_internal.h"

static u64 next_random(u64 *seed)
{
    u64 z = *seed += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static int compare_rowids(const void *a, const void *b)
{
    RowId left = *(const RowId *)a;
    RowId right = *(const RowId *)b;
    return left < right ? -1 : left > right;
}

typedef enum Spread { DENSE, SPARSE, CLUSTERED, EXTREME, SPREADS } Spread;

static RowId random_rowid(Spread spread, u64 *seed)
{
    u64 r = next_random(seed);
    switch (spread) {
    case DENSE: return (RowId)(r % 4000);
    case SPARSE: return (RowId)r;
    case CLUSTERED: return (RowId)((r >> 60 << 40) + r % 300);
    default:
        return (RowId)((r % 3 == 0   ? (u64)INT64_MIN
                        : r % 3 == 1 ? (u64)INT64_MAX - 900
                                     : (u64)-5)
                       + (r >> 32) % 900);
    }
}

// The sorted numbers say where a seek must land.
static void check_seek(TreeFixture *f, const RowId *sorted, u32 count, RowId wanted)
{
    int order;
    u32 at = 0;
    while (at < count && sorted[at] < wanted)
        at++;
    assert_ok(cursor_seek_rowid(f->cur, wanted, false, &order));
    RowId here = cursor_rowid(f->cur);
    if (at < count && sorted[at] == wanted) {
        assert_int_equal(order, 0);
        assert_true(here == wanted);
    } else if (order > 0) {
        assert_true(at < count && here == sorted[at]);
    } else {
        assert_true(order < 0 && at > 0 && here == sorted[at - 1]);
    }
}

static void every_distribution_of_rowids_is_found(void **state)
{
    (void)state;
    enum { COUNT = 1500 };
    static RowId rowids[COUNT];
    for (Spread spread = DENSE; spread < SPREADS; spread++) {
        u64 seed = spread + 1;
        TreeFixture f;
        tree_open(&f, &(TreeOptions){.page_size = 512});
        for (u32 i = 0; i < COUNT; i++) {
            rowids[i] = random_rowid(spread, &seed);
            Payload payload = {.key_size = rowids[i], .data = "12345678", .data_size = 8};
            assert_ok(cursor_insert(f.cur, &payload, 0, CURSOR_UNKNOWN));
        }
        qsort(rowids, COUNT, sizeof rowids[0], compare_rowids);
        for (u32 i = 0; i < 3000; i++)
            check_seek(&f, rowids, COUNT, random_rowid(spread, &seed));
        check_seek(&f, rowids, COUNT, INT64_MIN);
        check_seek(&f, rowids, COUNT, INT64_MAX);
        for (u32 i = 0; i < COUNT; i++) // in order: each is near the one before
            check_seek(&f, rowids, COUNT, rowids[i]);
        tree_check(&f);
        tree_close(&f);
    }
}

// B3: after the greatest row of a leaf is deleted, its rowid is still the divider.
static void a_divider_without_a_row_is_not_found(void **state)
{
    (void)state;
    TreeFixture f;
    int order;
    tree_open(&f, &(TreeOptions){.page_size = 512});
    for (RowId n = 0; n < 400; n++) {
        Payload payload = {
            .key_size = n, .data = "123456789012345678901234567890", .data_size = 30};
        assert_ok(cursor_insert(f.cur, &payload, CURSOR_APPEND, CURSOR_UNKNOWN));
    }
    for (RowId n = 0; n < 400; n++) {
        assert_ok(cursor_seek_rowid(f.cur, n, false, &order));
        assert_int_equal(order, 0);
        assert_ok(cursor_delete(f.cur, 0));

        assert_ok(cursor_seek_rowid(f.cur, n, false, &order));
        assert_int_not_equal(order, 0);
        assert_true(cursor_rowid(f.cur) == (order < 0 ? n - 1 : n + 1) || n == 0);
        if (order < 0 && n < 399) {
            assert_ok(cursor_next(f.cur));
            assert_true(cursor_rowid(f.cur) == n + 1);
        }
        Payload payload = {
            .key_size = n, .data = "123456789012345678901234567890", .data_size = 30};
        assert_ok(cursor_insert(f.cur, &payload, 0, CURSOR_UNKNOWN));
    }
    tree_check(&f);
    tree_close(&f);
}

TEST_SUITE(seek, cmocka_unit_test(every_distribution_of_rowids_is_found),
           cmocka_unit_test(a_divider_without_a_row_is_not_found))
