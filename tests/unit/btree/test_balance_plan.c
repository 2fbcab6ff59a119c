// engine/btree/balance_plan.c: laws of every plan, and the shapes that matter.
#include "support/test.h"

#include "btree/btree_internal.h"

// splitmix64: the tests need their own reproducible numbers.
static u64 next_random(u64 *seed)
{
    u64 z = *seed += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static u32 used_by(const PlanInput *input, const BalancePlan *plan, u32 page)
{
    u32 used = 0;
    for (u32 i = plan->first[page]; i < plan->end[page]; i++)
        used += input->cells[i].size + 2;
    return used;
}

// Every cell lies in exactly one page or is a divider; no page is overfull or empty.
static void check_laws(const PlanInput *input, const BalancePlan *plan)
{
    u32 gap = input->has_dividers ? 1 : 0;
    assert_int_equal(plan->first[0], 0);
    assert_int_equal(plan->end[plan->page_count - 1], input->count);
    for (u32 i = 0; i < plan->page_count; i++) {
        assert_true(used_by(input, plan, i) <= input->capacity);
        if (input->count > 0)
            assert_true(plan->first[i] < plan->end[i]);
        if (i + 1 < plan->page_count)
            assert_int_equal(plan->end[i] + gap, plan->first[i + 1]);
    }
}

static void random_cells_are_shared_out_lawfully(void **state)
{
    (void)state;
    u64 seed = 42;
    CellRef cells[400];
    for (int round = 0; round < 4000; round++) {
        PlanInput input = {.cells = cells, .capacity = 500};
        input.has_dividers = next_random(&seed) % 2;
        input.is_growing = next_random(&seed) % 2;
        input.keep_left = next_random(&seed) % 4 == 0;
        u32 largest = input.has_dividers ? 120 : 490;
        u32 total = (u32)(next_random(&seed) % 1500);
        u32 sum = 0;
        while (sum < total) {
            u32 size = 4 + (u32)(next_random(&seed) % (largest - 4));
            cells[input.count++] = (CellRef){.size = size};
            sum += size + 2;
        }

        BalancePlan plan;
        if (balance_plan(&input, &plan))
            check_laws(&input, &plan);
        else
            assert_true(sum > 1000); // only large cells may ask for a sixth page
    }
}

static void cells_that_fit_one_page_get_one(void **state)
{
    (void)state;
    CellRef cells[3] = {{NULL, 10}, {NULL, 20}, {NULL, 30}};
    PlanInput input = {.cells = cells, .count = 3, .capacity = 100, .has_dividers = true};

    BalancePlan plan;
    assert_true(balance_plan(&input, &plan));

    assert_int_equal(plan.page_count, 1);
    assert_int_equal(plan.end[0], 3);
}

static void a_divider_is_never_the_last_cell(void **state)
{
    (void)state;
    CellRef cells[8];
    for (int i = 0; i < 8; i++)
        cells[i] = (CellRef){.size = 8};
    PlanInput input = {.cells = cells, .count = 8, .capacity = 30, .has_dividers = true};

    BalancePlan plan;
    assert_true(balance_plan(&input, &plan));

    assert_int_equal(plan.page_count, 3);
    assert_int_equal(plan.end[0], 2);
    assert_int_equal(plan.end[1], 5);
    assert_int_equal(plan.end[2], 8);
}

static void appending_leaves_the_left_pages_full(void **state)
{
    (void)state;
    CellRef cells[11];
    for (int i = 0; i < 11; i++)
        cells[i] = (CellRef){.size = 8};
    PlanInput input = {.cells = cells, .count = 11, .capacity = 100, .keep_left = true};

    BalancePlan plan;
    assert_true(balance_plan(&input, &plan));

    assert_int_equal(plan.page_count, 2);
    assert_int_equal(plan.end[0], 10);
}

static void a_random_insert_evens_the_pages_out(void **state)
{
    (void)state;
    CellRef cells[11];
    for (int i = 0; i < 11; i++)
        cells[i] = (CellRef){.size = 8};
    PlanInput input = {.cells = cells, .count = 11, .capacity = 100};

    BalancePlan plan;
    assert_true(balance_plan(&input, &plan));

    assert_int_equal(plan.page_count, 2);
    assert_in_range(plan.end[0], 5, 6);
}

static void a_growing_family_that_would_be_nearly_full_gets_a_page_more(void **state)
{
    (void)state;
    CellRef cells[29];
    for (int i = 0; i < 29; i++)
        cells[i] = (CellRef){.size = 8};
    PlanInput input = {.cells = cells, .count = 29, .capacity = 100, .is_growing = true};

    BalancePlan plan;
    assert_true(balance_plan(&input, &plan));
    assert_int_equal(plan.page_count, 4);

    input.is_growing = false;
    assert_true(balance_plan(&input, &plan));
    assert_int_equal(plan.page_count, 3);
}

static void a_cell_larger_than_a_page_is_refused(void **state)
{
    (void)state;
    CellRef cells[1] = {{NULL, 99}};
    PlanInput input = {.cells = cells, .count = 1, .capacity = 100};

    BalancePlan plan;
    assert_false(balance_plan(&input, &plan));
}

TEST_SUITE(balance_plan, cmocka_unit_test(random_cells_are_shared_out_lawfully),
           cmocka_unit_test(cells_that_fit_one_page_get_one),
           cmocka_unit_test(a_divider_is_never_the_last_cell),
           cmocka_unit_test(appending_leaves_the_left_pages_full),
           cmocka_unit_test(a_random_insert_evens_the_pages_out),
           cmocka_unit_test(a_growing_family_that_would_be_nearly_full_gets_a_page_more),
           cmocka_unit_test(a_cell_larger_than_a_page_is_refused))
