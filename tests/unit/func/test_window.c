#include "support/test.h"

#include "func/window.h"
#include "support/recorded.h"

// A window function run by hand.
typedef struct Run {
    FuncCall call;
    Value state, result;
} Run;

static void run_begin(Run *run, const char *name, int arg_count)
{
    memset(run, 0, sizeof *run);
    value_init(&run->state, NULL);
    value_init(&run->result, NULL);
    run->call.db = recorded_connection();
    run->call.encoding = SQLITE_UTF8;
    run->call.func = window_sliding(func_find(run->call.db, name, arg_count, SQLITE_UTF8));
    assert_non_null(run->call.func);
}

// One row of text arguments, "" for NULL; integers are made of digits.
static void run_row(Run *run, FuncBody *body, int count, const char *a, const char *b)
{
    Value values[2];
    Value *args[2] = {&values[0], &values[1]};
    const char *texts[2] = {a, b};
    for (int i = 0; i < count; i++) {
        value_init(&values[i], NULL);
        if (texts[i][0] != 0)
            assert_ok(
                value_set_text(&values[i], texts[i], strlen(texts[i]), SQLITE_UTF8, BYTES_COPY));
        value_apply_numeric(&values[i], false);
    }
    call_begin_aggregate(&run->call, &run->result, &run->state);
    body(&run->call, count, args);
    for (int i = 0; i < count; i++)
        value_deinit(&values[i]);
}

static void expect(Run *run, const char *expected)
{
    call_begin_aggregate(&run->call, &run->result, &run->state);
    run->call.func->value(&run->call);
    const char *text = value_text(&run->result, SQLITE_UTF8);
    assert_string_equal(text ? text : "NULL", expected);
}

static void run_end(Run *run)
{
    call_discard_state(run->call.db, &run->state);
    value_deinit(&run->state);
    value_deinit(&run->result);
}

// Slides a frame of `width` rows over `items` and compares with a run from nothing for each frame.
static void slide(const char *name, int arg_count, const char *const (*items)[2], u32 count,
                  u32 width)
{
    Run sliding;
    run_begin(&sliding, name, arg_count);
    for (u32 i = 0; i < count; i++) {
        run_row(&sliding, sliding.call.func->step, arg_count, items[i][0], items[i][1]);
        if (i >= width)
            run_row(&sliding, sliding.call.func->inverse, arg_count, items[i - width][0],
                    items[i - width][1]);
        Run fresh;
        run_begin(&fresh, name, arg_count);
        for (u32 k = i >= width ? i - width + 1 : 0; k <= i; k++)
            run_row(&fresh, fresh.call.func->step, arg_count, items[k][0], items[k][1]);
        call_begin_aggregate(&fresh.call, &fresh.result, &fresh.state);
        fresh.call.func->value(&fresh.call);
        const char *text = value_text(&fresh.result, SQLITE_UTF8);
        expect(&sliding, text ? text : "NULL");
        run_end(&fresh);
    }
    run_end(&sliding);
}

static const char *const items[][2] = {
    {"5", ","},   {"3", ";"}, {"", "-"},  {"9", "--"},  {"1", ","},  {"1", ""},   {"7", "+"},
    {"", ""},     {"", ","},  {"2", ","}, {"12", "||"}, {"0", ","},  {"-4", ","}, {"6", ";"},
    {"6", ",,,"}, {"8", ","}, {"", "x"},  {"10", "y"},  {"11", "z"}, {"3", ","},
};

static void what_leaves_the_frame_leaves_the_result(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int args;
    } functions[] = {{"sum", 1},        {"total", 1},  {"avg", 1},          {"count", 1},
                     {"min", 1},        {"max", 1},    {"group_concat", 1}, {"group_concat", 2},
                     {"string_agg", 2}, {"median", 1}, {"last_value", 1}};
    for (u32 i = 0; i < ARRAY_LEN(functions); i++) {
        for (u32 width = 1; width <= 6; width++)
            slide(functions[i].name, functions[i].args, items, ARRAY_LEN(items), width);
    }
}

static void ranks_count_rows_and_peers(void **state)
{
    (void)state;
    Run rank;
    Run dense;
    Run row;
    run_begin(&rank, "rank", 0);
    run_begin(&dense, "dense_rank", 0);
    run_begin(&row, "row_number", 0);
    // Peer groups of 1, 2 and 1 rows: a group is stepped as a whole before its value is asked for.
    static const u32 groups[] = {1, 2, 1};
    static const char *const ranks[] = {"1", "2", "4"};
    static const char *const dense_ranks[] = {"1", "2", "3"};
    static const char *const rows[] = {"1", "3", "4"};
    for (u32 g = 0; g < 3; g++) {
        for (u32 i = 0; i < groups[g]; i++) {
            run_row(&rank, rank.call.func->step, 0, "", "");
            run_row(&dense, dense.call.func->step, 0, "", "");
            run_row(&row, row.call.func->step, 0, "", "");
        }
        expect(&rank, ranks[g]);
        expect(&dense, dense_ranks[g]);
        expect(&row, rows[g]);
    }
    run_end(&rank);
    run_end(&dense);
    run_end(&row);
}

static void ntile_makes_the_first_buckets_larger(void **state)
{
    (void)state;
    static const char *const expected[] = {"1", "1", "1", "2", "2", "2", "3", "3", "4", "4"};
    Run run;
    run_begin(&run, "ntile", 1);
    for (u32 i = 0; i < 10; i++)
        run_row(&run, run.call.func->step, 1, "4", "");
    for (u32 i = 0; i < 10; i++) {
        expect(&run, expected[i]);
        run_row(&run, run.call.func->inverse, 1, "4", "");
    }
    run_end(&run);
    run_begin(&run, "ntile", 1);
    run_row(&run, run.call.func->step, 1, "0", "");
    assert_int_equal(run.call.rc, SQLITE_ERROR);
    run_end(&run);
}

static void shares_are_of_the_partition(void **state)
{
    (void)state;
    static const char *const percents[] = {"0.0", "0.25", "0.5", "0.75", "1.0"};
    Run percent;
    Run cume;
    run_begin(&percent, "percent_rank", 0);
    run_begin(&cume, "cume_dist", 0);
    for (u32 i = 0; i < 5; i++) {
        run_row(&percent, percent.call.func->step, 0, "", "");
        run_row(&cume, cume.call.func->step, 0, "", "");
    }
    for (u32 i = 0; i < 5; i++) {
        expect(&percent, percents[i]);
        run_row(&percent, percent.call.func->inverse, 0, "", "");
        run_row(&cume, cume.call.func->inverse, 0, "", "");
    }
    expect(&cume, "1.0");
    run_end(&percent);
    run_end(&cume);
}

static void kinds_are_told_by_name(void **state)
{
    (void)state;
    sqlite3 *db = recorded_connection();
    assert_int_equal(window_kind(func_find(db, "LEAD", 2, SQLITE_UTF8)), WINDOW_LEAD);
    assert_int_equal(window_kind(func_find(db, "nth_value", 2, SQLITE_UTF8)), WINDOW_NTH_VALUE);
    assert_int_equal(window_kind(func_find(db, "sum", 1, SQLITE_UTF8)), WINDOW_NONE);
}

TEST_SUITE(window, cmocka_unit_test(what_leaves_the_frame_leaves_the_result),
           cmocka_unit_test(ranks_count_rows_and_peers),
           cmocka_unit_test(ntile_makes_the_first_buckets_larger),
           cmocka_unit_test(shares_are_of_the_partition), cmocka_unit_test(kinds_are_told_by_name))
