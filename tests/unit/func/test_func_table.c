#include "support/test.h"

#include "support/recorded.h"

static int destroyed;
static void count_destroy(void *data)
{
    (void)data;
    destroyed++;
}

static void answer_one(FuncCall *call, int arg_count, Value **args)
{
    (void)arg_count;
    (void)args;
    call_result_i64(call, 1);
}

static sqlite3 *fresh_connection(void)
{
    sqlite3 *db = recorded_connection();
    db->functions = func_table_new(db);
    assert_non_null(db->functions);
    destroyed = 0;
    return db;
}

static void release(sqlite3 *db)
{
    func_table_free(db->functions);
    db->functions = NULL;
}

static void exact_counts_win_over_any_count(void **state)
{
    (void)state;
    sqlite3 *db = recorded_connection();
    assert_non_null(func_find(db, "max", 1, SQLITE_UTF8)->step);
    assert_non_null(func_find(db, "max", 2, SQLITE_UTF8)->call);
    assert_null(func_find(db, "max", 0, SQLITE_UTF8));
    assert_null(func_find(db, "coalesce", 1, SQLITE_UTF8));
    assert_int_equal(func_find(db, "COALESCE", 2, SQLITE_UTF8)->inline_kind, INLINE_COALESCE);
    assert_null(func_find(db, "nosuch", 1, SQLITE_UTF8));
    assert_true(func_name_exists(db, "Substr"));
}

static void the_connections_own_come_before_built_in_ones(void **state)
{
    (void)state;
    sqlite3 *db = fresh_connection();
    FuncSpec any = {.name = "upper", .arg_count = -1, .text_rep = SQLITE_UTF8, .call = answer_one};
    assert_ok(func_define(db, &any));
    assert_ptr_equal(func_find(db, "upper", 1, SQLITE_UTF8)->call, answer_one);
    assert_non_null(func_find(db, "upper", 3, SQLITE_UTF8));
    release(db);
}

static void the_encoding_breaks_a_tie(void **state)
{
    (void)state;
    sqlite3 *db = fresh_connection();
    FuncSpec narrow = {
        .name = "f", .arg_count = 1, .text_rep = SQLITE_UTF8, .user_data = db, .call = answer_one};
    FuncSpec wide = {.name = "F", .arg_count = 1, .text_rep = SQLITE_UTF16, .call = answer_one};
    assert_ok(func_define(db, &narrow));
    assert_ok(func_define(db, &wide));
    assert_ptr_equal(func_find(db, "f", 1, SQLITE_UTF8)->user_data, db);
    assert_null(func_find(db, "f", 1, SQLITE_UTF16LE)->user_data);
    assert_null(func_find(db, "f", 1, SQLITE_UTF16BE)->user_data); // nearer than UTF-8
    release(db);
}

static void the_destructor_runs_when_the_last_definition_goes(void **state)
{
    (void)state;
    sqlite3 *db = fresh_connection();
    FuncSpec spec = {.name = "f",
                     .arg_count = 0,
                     .text_rep = SQLITE_ANY,
                     .call = answer_one,
                     .destroy = count_destroy};
    assert_ok(func_define(db, &spec)); // three definitions, one owner
    spec.destroy = NULL;
    spec.text_rep = SQLITE_UTF8;
    assert_ok(func_define(db, &spec));
    spec.text_rep = SQLITE_UTF16LE;
    assert_ok(func_define(db, &spec));
    assert_int_equal(destroyed, 0);
    spec.text_rep = SQLITE_UTF16BE;
    assert_ok(func_define(db, &spec));
    assert_int_equal(destroyed, 1);
    release(db);
}

static void a_deleted_function_is_gone_and_hides_what_it_replaced(void **state)
{
    (void)state;
    sqlite3 *db = fresh_connection();
    FuncSpec spec = {.name = "upper", .arg_count = 1, .text_rep = SQLITE_UTF8};
    assert_ok(func_define(db, &spec));
    assert_null(func_find(db, "upper", 1, SQLITE_UTF8));
    spec.name = "nobody";
    assert_ok(func_define(db, &spec));
    assert_false(func_name_exists(db, "nobody"));
    release(db);
    assert_non_null(func_find(db, "upper", 1, SQLITE_UTF8));
}

static void running_out_of_memory_calls_the_destructor(void **state)
{
    (void)state;
    sqlite3 *db = fresh_connection();
    FuncSpec spec = {.name = "f",
                     .arg_count = 0,
                     .text_rep = SQLITE_UTF8,
                     .call = answer_one,
                     .destroy = count_destroy};
    int rc = SQLITE_NOMEM;
    for (i64 n = 1; rc != SQLITE_OK; n++) {
        destroyed = 0;
        alloc_fault_arm(n, false);
        rc = func_define(db, &spec);
        alloc_fault_arm(0, false);
        assert_int_equal(destroyed, rc != SQLITE_OK);
    }
    release(db);
    assert_int_equal(destroyed, 1);
}

static void placeholders_fail_when_called(void **state)
{
    (void)state;
    sqlite3 *db = fresh_connection();
    assert_ok(func_define_placeholder(db, "snippet2", 1));
    assert_ok(func_define_placeholder(db, "upper", 1)); // exists: nothing to do
    assert_string_equal(recorded_ask("snippet2(1)"),
                        "error: unable to use function snippet2 in the requested context");
    release(db);
}

static void like_can_be_made_to_mind_case(void **state)
{
    (void)state;
    sqlite3 *db = fresh_connection();
    assert_string_equal(recorded_ask("like('A%', 'abc')"), "1");
    assert_ok(func_define_like(db, true));
    assert_string_equal(recorded_ask("like('A%', 'abc')"), "0");
    assert_true(func_find(db, "like", 2, SQLITE_UTF8)->flags & FUNC_LIKE_CASE);
    assert_ok(func_define_like(db, false));
    assert_string_equal(recorded_ask("like('A%', 'abc')"), "1");
    release(db);
}

// Rows of one name must stand side by side, and names must be found under themselves.
static void every_built_in_row_can_be_found(void **state)
{
    (void)state;
    sqlite3 *db = recorded_connection();
    FuncIterator it;
    u32 count = 0;
    for (const FuncDef *def = func_first(db, &it); def; def = func_next(db, &it)) {
        int args = def->arg_count >= 0 ? def->arg_count : 5;
        const FuncDef *found = func_find(db, def->name, args, SQLITE_UTF8);
        assert_ptr_equal(found, def);
        assert_true(def->flags & FUNC_BUILTIN);
        if (def->flags & FUNC_AGGREGATE)
            assert_true(def->step != NULL && def->finalize != NULL);
        count++;
    }
    assert_true(count > 120);
}

TEST_SUITE(func_table, cmocka_unit_test(exact_counts_win_over_any_count),
           cmocka_unit_test(the_connections_own_come_before_built_in_ones),
           cmocka_unit_test(the_encoding_breaks_a_tie),
           cmocka_unit_test(the_destructor_runs_when_the_last_definition_goes),
           cmocka_unit_test(a_deleted_function_is_gone_and_hides_what_it_replaced),
           cmocka_unit_test(running_out_of_memory_calls_the_destructor),
           cmocka_unit_test(placeholders_fail_when_called),
           cmocka_unit_test(like_can_be_made_to_mind_case),
           cmocka_unit_test(every_built_in_row_can_be_found))
