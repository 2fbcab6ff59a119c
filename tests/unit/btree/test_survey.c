// engine/btree/survey.c: a walk that passes leaves over comes to every row that is wanted.
#include "support/test.h"

#include "support/tree_fixture.h"

#include "base/bytes.h"
#include "btree/btree_internal.h"

enum { ROWS = 6000, ROW_SIZE = 40 };

// Entries are records of one blob, the number and filler.
static void put_row(TreeFixture *f, i64 n, u32 size)
{
    u8 record[600] = {0};
    assert_true(size + 2 <= sizeof record && size >= 4);
    put_u32(record, (u32)n);
    const Payload payload = {.key_size = n, .data = record, .data_size = size};
    assert_ok(cursor_insert(f->cur, &payload, 0, CURSOR_UNKNOWN));
}

static void fill(TreeFixture *f, i64 rows)
{
    tree_open(f, &(TreeOptions){.page_size = 512});
    for (i64 n = 1; n <= rows; n++)
        put_row(f, n, ROW_SIZE);
}

typedef struct Wish {
    u32 every; // rows whose number it divides
} Wish;

static bool is_wanted(void *arg, const u8 *payload, u32 size)
{
    const Wish *wish = arg;
    assert_true(size >= 4);
    return get_u32(payload) % wish->every == 0;
}

// Walks from row 1 on; `disturb` is called at every wanted row. The count of rows that were walked.
static i64 walk(TreeFixture *f, u32 helpers, Wish wish, void (*disturb)(TreeFixture *f, i64 n))
{
    Survey *survey;
    Cursor *reader;
    bool empty;
    i64 walked = 0, seen = 0, wanted = wish.every;
    assert_ok(survey_new(helpers, is_wanted, &wish, &survey));
    assert_ok(cursor_open(f->bt, f->root, false, NULL, &reader));
    assert_ok(cursor_first(reader, &empty));
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK) {
        u32 passed;
        bool different;
        assert_ok(cursor_restore(reader, &different));
        i64 n = cursor_rowid(reader);
        assert_true(n <= wanted);
        walked++;
        if (n == wanted) {
            wanted += wish.every;
            if (disturb != NULL)
                disturb(f, n);
        }
        rc = cursor_next_surveyed(reader, survey, &passed);
        seen += passed + 1;
    }
    assert_rc(SQLITE_DONE, rc);
    assert_true(wanted > ROWS);
    if (disturb == NULL)
        assert_int_equal(seen, ROWS);
    cursor_close(reader);
    survey_free(survey);
    return walked;
}

static void rows_that_are_wanted_are_walked_and_few_others(void **state)
{
    (void)state;
    TreeFixture f;
    fill(&f, ROWS);
    for (u32 helpers = 0; helpers <= 3; helpers++) {
        assert_int_equal(walk(&f, helpers, (Wish){1}, NULL), ROWS);
        assert_true(walk(&f, helpers, (Wish){500}, NULL) < ROWS / 8);
        assert_true(walk(&f, helpers, (Wish){ROWS}, NULL) < ROWS / 10);
    }
    tree_close(&f);
}

// Rows come and go around the one stood on, so that leaves split and merge: what was surveyed of
// them is forgotten.
static void add_and_remove_rows(TreeFixture *f, i64 n)
{
    int order;
    for (i64 i = 1; i < 30; i++)
        put_row(f, n + i, ROW_SIZE + 200); // rows that do not lie whole on their page
    for (i64 i = 31; i < 60; i++) {
        assert_ok(tree_seek(f, f->cur, n + i, &order));
        if (order == 0)
            assert_ok(cursor_delete(f->cur, 0));
    }
}

static void a_survey_ends_with_the_place_of_its_cursor(void **state)
{
    (void)state;
    for (u32 helpers = 0; helpers <= 2; helpers++) {
        TreeFixture f;
        fill(&f, ROWS);
        assert_true(walk(&f, helpers, (Wish){100}, add_and_remove_rows) < ROWS);
        tree_check(&f);
        tree_close(&f);
    }
}

static void damaged_leaves_are_left_to_the_walk(void **state)
{
    (void)state;
    TreeFixture f;
    fill(&f, ROWS);
    for (u32 turn = 0; turn < 3; turn++) {
        Cursor *reader;
        int order;
        Page *page;
        assert_ok(cursor_open(f.bt, f.root, false, NULL, &reader));
        assert_ok(cursor_seek_rowid(reader, 3000 + 300 * turn, false, &order));
        Pgno leaf = reader->fast.level->node.page->pgno;
        cursor_close(reader);
        assert_ok(cursor_save(f.cur));
        assert_ok(pager_get(btree_pager(f.bt), leaf, &page));
        assert_ok(pager_make_writable(btree_pager(f.bt), &page));
        if (turn == 0)
            page->data[0] = 3; // no kind of page
        else
            put_u16(page->data + (turn == 1 ? 3 : 8), 0xfff0); // entries, the place of the first
        page_unpin(btree_pager(f.bt), page);

        Survey *survey;
        bool empty;
        u32 passed;
        Wish wish = {ROWS};
        int rc = SQLITE_OK;
        assert_ok(survey_new(1, is_wanted, &wish, &survey));
        assert_ok(cursor_open(f.bt, f.root, false, NULL, &reader));
        assert_ok(cursor_first(reader, &empty));
        while (rc == SQLITE_OK && cursor_rowid(reader) > 0)
            rc = cursor_next_surveyed(reader, survey, &passed);
        assert_true(rc == SQLITE_CORRUPT || (rc == SQLITE_OK && turn == 2));
        cursor_close(reader);
        survey_free(survey);
    }
    tree_close(&f);
}

TEST_SUITE(survey, cmocka_unit_test(rows_that_are_wanted_are_walked_and_few_others),
           cmocka_unit_test(a_survey_ends_with_the_place_of_its_cursor),
           cmocka_unit_test(damaged_leaves_are_left_to_the_walk))
