// engine/btree/balance.c with insert.c, delete.c, seek.c and cursor.c: random changes against a
// sorted array.
#include "support/test.h"

#include "support/tree_fixture.h"

#include "btree/btree_internal.h"

enum { KEY_MAX = 4000 };

typedef struct Model {
    bool has[KEY_MAX];
    u32 sizes[KEY_MAX];
    u32 count;
} Model;

static u64 next_random(u64 *seed)
{
    u64 z = *seed += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static u32 random_size(u64 *seed, u32 page_size)
{
    u64 r = next_random(seed);
    switch (r % 16) {
    case 0: return (u32)(r >> 8) % (page_size * 3); // overflow, sometimes several pages
    case 1: return (u32)(r >> 8) % page_size;
    default: return (u32)(r >> 8) % 60;
    }
}

// A seek lands on the entry, or on a neighbour as *order says, and steps both ways agree with the
// model.
static void check_seek(TreeFixture *f, const Model *m, i64 n)
{
    int order;
    i64 below = n - 1;
    i64 above = n + 1;
    while (below >= 0 && !m->has[below])
        below--;
    while (above < KEY_MAX && !m->has[above])
        above++;
    assert_ok(tree_seek(f, f->cur, n, &order));
    if (m->count == 0) {
        assert_true(cursor_is_eof(f->cur));
        return;
    }
    i64 here = tree_read(f, f->cur, NULL);
    assert_int_equal(order == 0, m->has[n]);
    if (order == 0)
        assert_int_equal(here, n);
    else
        assert_int_equal(here, order < 0 ? below : above);

    i64 next = order < 0 ? above : m->has[n] ? above : -2;
    if (next != -2) {
        int rc = cursor_next(f->cur);
        assert_int_equal(rc, next == KEY_MAX ? SQLITE_DONE : SQLITE_OK);
        if (rc == SQLITE_OK)
            assert_int_equal(tree_read(f, f->cur, NULL), next);
    }
    assert_ok(tree_seek(f, f->cur, n, &order));
    if (order >= 0) {
        int rc = cursor_previous(f->cur);
        assert_int_equal(rc, below < 0 ? SQLITE_DONE : SQLITE_OK);
        if (rc == SQLITE_OK)
            assert_int_equal(tree_read(f, f->cur, NULL), below);
    }
}

static void check_walk(TreeFixture *f, const Model *m)
{
    bool empty;
    i64 counted;
    assert_ok(cursor_first(f->cur, &empty));
    assert_int_equal(empty, m->count == 0);
    for (i64 n = 0; n < KEY_MAX; n++) {
        if (!m->has[n])
            continue;
        u32 size;
        assert_int_equal(tree_read(f, f->cur, &size), n);
        assert_int_equal(size, m->sizes[n]);
        (void)!cursor_next(f->cur);
    }
    assert_ok(cursor_last(f->cur, &empty));
    for (i64 n = KEY_MAX - 1; n >= 0; n--) {
        if (!m->has[n])
            continue;
        assert_int_equal(tree_read(f, f->cur, NULL), n);
        (void)!cursor_previous(f->cur);
    }
    assert_ok(cursor_count(f->cur, &counted));
    assert_int_equal(counted, m->count);
}

static void put(TreeFixture *f, Model *m, i64 n, u32 size)
{
    assert_ok(tree_put(f, n, size));
    m->count += m->has[n] ? 0 : 1;
    m->has[n] = true;
    m->sizes[n] = size;
}

static void drop(TreeFixture *f, Model *m, i64 n, u32 flags)
{
    int order;
    assert_ok(tree_seek(f, f->cur, n, &order));
    assert_int_equal(order == 0 && m->count > 0, m->has[n]);
    if (!m->has[n])
        return;
    assert_ok(cursor_delete(f->cur, flags));
    m->has[n] = false;
    m->count--;
    if (flags == 0)
        return;
    // The cursor goes on to the right or to the left of the hole.
    bool forward = n % 2 == 0;
    i64 expected = n;
    do
        expected += forward ? 1 : -1;
    while (expected >= 0 && expected < KEY_MAX && !m->has[expected]);
    int rc = forward ? cursor_next(f->cur) : cursor_previous(f->cur);
    if (expected < 0 || expected == KEY_MAX) {
        assert_int_equal(rc, SQLITE_DONE);
    } else {
        assert_int_equal(rc, SQLITE_OK);
        assert_int_equal(tree_read(f, f->cur, NULL), expected);
    }
}

static void run_model(const TreeOptions *options, u64 seed, int steps)
{
    TreeFixture f;
    Model *m = calloc(1, sizeof *m);
    u32 page_size = options->page_size;
    tree_open(&f, options);
    for (int step = 0; step < steps; step++) {
        u32 phase = (u32)(step * 5 / steps); // grows, churns, shrinks, grows, empties
        static const u32 insert_share[5] = {90, 50, 15, 80, 3};
        u64 r = next_random(&seed);
        i64 n = (i64)(r % KEY_MAX);
        if (phase == 3)
            n = (step * 7) % KEY_MAX; // nearly in order
        if (next_random(&seed) % 100 < insert_share[phase])
            put(&f, m, n, random_size(&seed, page_size));
        else
            drop(&f, m, n, r & 0x10000 ? CURSOR_SAVE_POSITION : 0);
        if (step % 4 == 0)
            check_seek(&f, m, (i64)(next_random(&seed) % KEY_MAX));
        if (step % (steps / 8) == 0) {
            tree_check(&f);
            check_walk(&f, m);
        }
    }
    for (i64 n = 0; n < KEY_MAX; n++)
        drop(&f, m, n, n % 3 == 0 ? CURSOR_SAVE_POSITION : 0);
    tree_check(&f);
    check_walk(&f, m);
    assert_int_equal(m->count, 0);
    tree_close(&f);
    free(m);
}

static void random_changes_of_a_table_match_a_sorted_array(void **state)
{
    (void)state;
    for (u32 size = PAGE_SIZE_MIN; size <= PAGE_SIZE_MAX; size *= 2)
        run_model(&(TreeOptions){.page_size = size}, size, size < 4096 ? 8000 : 4000);
}

static void random_changes_of_an_index_match_a_sorted_array(void **state)
{
    (void)state;
    for (u32 size = PAGE_SIZE_MIN; size <= PAGE_SIZE_MAX; size *= 2)
        run_model(&(TreeOptions){.page_size = size, .is_index = true}, size + 1,
                  size < 4096 ? 8000 : 4000);
}

static void random_changes_keep_the_pointer_map_right(void **state)
{
    (void)state;
    run_model(&(TreeOptions){.page_size = 512, .auto_vacuum = 1}, 11, 4000);
    run_model(&(TreeOptions){.page_size = 1024, .auto_vacuum = 2, .is_index = true}, 12, 4000);
}

static void reserved_bytes_are_left_alone(void **state)
{
    (void)state;
    run_model(&(TreeOptions){.page_size = 512, .reserved = 32}, 21, 4000);
    run_model(&(TreeOptions){.page_size = 1024, .reserved = 255, .is_index = true}, 22, 4000);
}

static void entries_in_order_leave_full_pages_behind(void **state)
{
    (void)state;
    for (int is_index = 0; is_index < 2; is_index++) {
        TreeFixture f;
        tree_open(&f, &(TreeOptions){.page_size = 1024, .is_index = is_index != 0});
        for (i64 n = 0; n < 2000; n++)
            assert_ok(tree_put_flags(&f, n, 40, CURSOR_APPEND));
        tree_check(&f);
        // 2000 entries of some 65 bytes: 15 to a page, and some pages above them.
        assert_in_range(btree_page_count(f.bt), 120, 160);
        tree_close(&f);
    }
}

TEST_SUITE(balance, cmocka_unit_test(random_changes_of_a_table_match_a_sorted_array),
           cmocka_unit_test(random_changes_of_an_index_match_a_sorted_array),
           cmocka_unit_test(random_changes_keep_the_pointer_map_right),
           cmocka_unit_test(reserved_bytes_are_left_alone),
           cmocka_unit_test(entries_in_order_leave_full_pages_behind))
