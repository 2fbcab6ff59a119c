// engine/btree/node.c and cell.c: a page as a list of cells, against a plain model.
#include "support/test.h"

#include "btree/btree_internal.h"

enum { MODEL_MAX = 12000 };

typedef struct Fixture {
    Geometry geometry;
    Page page;
    Node node;
    u8 *bytes;
    u32 count;
    u16 sizes[MODEL_MAX]; // the model: size and fill byte of each cell
    u8 fills[MODEL_MAX];
} Fixture;

static u64 next_random(u64 *seed)
{
    u64 z = *seed += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static Fixture *fixture_new(u32 page_size, u32 reserved, Pgno pgno)
{
    Fixture *f = calloc(1, sizeof *f);
    geometry_init(&f->geometry, page_size, reserved);
    f->geometry.scratch = calloc(1, page_size + PAGE_SLACK);
    f->bytes = calloc(1, page_size + PAGE_SLACK);
    f->page = (Page){.data = f->bytes, .pgno = pgno, .is_private = 1};
    node_init_empty(&f->node, &f->geometry, &f->page, INDEX_LEAF);
    return f;
}

static void fixture_free(Fixture *f)
{
    free(f->geometry.scratch);
    free(f->bytes);
    free(f);
}

// An index leaf cell of exactly `size` bytes (5..129): payload size, then fill bytes.
static u32 make_cell(u8 *cell, u32 size, u8 fill)
{
    u32 payload = size - 1;
    cell[0] = (u8)payload;
    memset(cell + 1, fill, payload);
    return size;
}

static void check_against_model(Fixture *f)
{
    Node fresh;
    assert_ok(node_parse(&fresh, &f->geometry, &f->page, false));
    assert_ok(node_measure(&fresh));
    assert_int_equal(fresh.cell_count, f->count);
    assert_int_equal(fresh.free_size, f->node.free_size);
    u32 used = 0;
    for (u32 i = 0; i < f->count; i++) {
        Cell cell;
        assert_ok(node_parse_cell(&fresh, i, &cell));
        assert_int_equal(cell.size, f->sizes[i]);
        for (u32 j = 0; j < cell.payload_size; j++)
            assert_int_equal(cell.payload[j], f->fills[i]);
        used += cell.size + 2;
    }
    assert_int_equal(used + fresh.free_size, node_capacity(&f->geometry, true, f->node.header_at));
}

static void model_insert(Fixture *f, u32 slot, u32 size, u8 fill)
{
    memmove(f->sizes + slot + 1, f->sizes + slot, (f->count - slot) * sizeof *f->sizes);
    memmove(f->fills + slot + 1, f->fills + slot, f->count - slot);
    f->sizes[slot] = (u16)size;
    f->fills[slot] = fill;
    f->count++;
}

static void model_remove(Fixture *f, u32 slot)
{
    f->count--;
    memmove(f->sizes + slot, f->sizes + slot + 1, (f->count - slot) * sizeof *f->sizes);
    memmove(f->fills + slot, f->fills + slot + 1, f->count - slot);
}

static void run_random_edits(u32 page_size, u32 reserved, Pgno pgno, u64 seed)
{
    Fixture *f = fixture_new(page_size, reserved, pgno);
    u32 max_payload = f->geometry.index_max_local < 100 ? f->geometry.index_max_local : 100;
    for (int step = 0; step < 3000; step++) {
        bool grow = next_random(&seed) % 100 < (step / 500 % 2 ? 35u : 65u);
        if (grow) {
            u8 bytes[128];
            u8 fill = (u8)next_random(&seed);
            u32 size = 5 + (u32)(next_random(&seed) % (max_payload - 4));
            make_cell(bytes, size, fill);
            u32 slot = (u32)(next_random(&seed) % (f->count + 1));
            if (f->node.free_size < size + 2)
                continue;
            assert_ok(node_insert_cell(&f->node, slot, bytes, size));
            model_insert(f, slot, size, fill);
        } else if (f->count > 0) {
            u32 slot = (u32)(next_random(&seed) % f->count);
            assert_ok(node_remove_cell(&f->node, slot, f->sizes[slot]));
            model_remove(f, slot);
        }
        if (step % 16 == 0)
            check_against_model(f);
    }
    check_against_model(f);
    assert_ok(node_defragment(&f->node));
    check_against_model(f);
    fixture_free(f);
}

static void random_edits_match_a_list_at_every_page_size(void **state)
{
    (void)state;
    for (u32 size = PAGE_SIZE_MIN; size <= PAGE_SIZE_MAX; size *= 2)
        run_random_edits(size, 0, 2, size);
}

static void random_edits_match_with_reserved_bytes_and_on_page_one(void **state)
{
    (void)state;
    run_random_edits(512, 32, 2, 1);
    run_random_edits(1024, 255, 1, 2);
    run_random_edits(65536, 8, 1, 3);
}

static void freed_bytes_are_zeroed_when_asked(void **state)
{
    (void)state;
    Fixture *f = fixture_new(512, 0, 2);
    f->geometry.zero_freed = true;
    u8 cell[64];
    for (u8 i = 0; i < 5; i++)
        assert_ok(node_insert_cell(&f->node, i, cell, make_cell(cell, 40, 0xee)));

    while (f->node.cell_count > 0)
        assert_ok(node_remove_cell(&f->node, f->node.cell_count / 2, 40));

    for (u32 i = 0; i < 512; i++)
        assert_int_not_equal(f->bytes[i], 0xee);
    fixture_free(f);
}

static void payload_limits_follow_the_format(void **state)
{
    (void)state;
    Geometry g;
    geometry_init(&g, 4096, 0);

    // Numbers worked out by hand from the format's formulas.
    assert_int_equal(g.table_max_local, 4061);
    assert_int_equal(g.index_max_local, 1002);
    assert_int_equal(g.min_local, 489);
    assert_int_equal(cell_local_size(&g, true, 4061), 4061);
    assert_int_equal(cell_local_size(&g, true, 4062), 489);
    assert_int_equal(cell_local_size(&g, true, 4092 + 600), 600);
    assert_int_equal(cell_local_size(&g, false, 1003), 489);
}

static void every_kind_of_cell_is_parsed(void **state)
{
    (void)state;
    Geometry g;
    geometry_init(&g, 512, 0);
    Cell cell;
    u8 table_leaf[40] = {3, 7, 'a', 'b', 'c'};
    u8 table_interior[40] = {0, 0, 0, 9, 0x81, 0};
    u8 index_interior[40] = {0, 0, 0, 9, 2, 'x', 'y'};
    u8 tiny_leaf[40] = {1, 'x'};

    cell_parse(&g, TABLE_LEAF, table_leaf, &cell);
    assert_int_equal(cell.rowid, 7);
    assert_int_equal(cell.payload_size, 3);
    assert_int_equal(cell.size, 5);
    assert_ptr_equal(cell.payload, table_leaf + 2);
    cell_parse(&g, TABLE_INTERIOR, table_interior, &cell);
    assert_int_equal(cell.rowid, 128);
    assert_int_equal(cell.size, 6);
    cell_parse(&g, INDEX_INTERIOR, index_interior, &cell);
    assert_int_equal(cell.payload_size, 2);
    assert_int_equal(cell.size, 7);
    assert_int_equal(cell_size(&g, INDEX_LEAF, tiny_leaf), 4);
}

static void random_bytes_never_lead_outside_the_page(void **state)
{
    (void)state;
    u64 seed = 7;
    bool expected = contract_expect_damage(true);
    for (int round = 0; round < 20000; round++) {
        Fixture *f = fixture_new(512, 0, 2);
        u8 cell[64];
        for (u8 i = 0; i < 8; i++)
            assert_ok(node_insert_cell(&f->node, i, cell, make_cell(cell, 20 + i, i)));
        assert_ok(node_remove_cell(&f->node, 3, 23));
        for (int i = 0; i < 3; i++)
            f->bytes[1 + next_random(&seed) % (i == 0 ? 511 : 24)] = (u8)next_random(&seed);

        Node node;
        Cell parsed;
        if (node_parse(&node, &f->geometry, &f->page, false) == SQLITE_OK
            && node_measure(&node) == SQLITE_OK) {
            for (u32 i = 0; i < node.cell_count; i++)
                (void)!node_parse_cell(&node, i, &parsed);
            if (node.cell_count > 0 && node_parse_cell(&node, 0, &parsed) == SQLITE_OK)
                (void)!node_remove_cell(&node, 0, parsed.size);
            if (node.free_size != FREE_UNKNOWN && node.free_size >= 32)
                (void)!node_insert_cell(&node, 0, cell, make_cell(cell, 30, 1));
        }
        fixture_free(f);
    }
    contract_expect_damage(expected);
}

TEST_SUITE(node, cmocka_unit_test(random_edits_match_a_list_at_every_page_size),
           cmocka_unit_test(random_edits_match_with_reserved_bytes_and_on_page_one),
           cmocka_unit_test(freed_bytes_are_zeroed_when_asked),
           cmocka_unit_test(payload_limits_follow_the_format),
           cmocka_unit_test(every_kind_of_cell_is_parsed),
           cmocka_unit_test(random_bytes_never_lead_outside_the_page))
