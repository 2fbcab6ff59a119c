#include "support/test.h"

#include "func/json/json.h"
#include "support/recorded.h"

static const Recorded recorded[] = {
#include "unit/func/recorded_json_function.inc"
};

static void functions_answer_as_recorded(void **state)
{
    (void)state;
    recorded_check(recorded, ARRAY_LEN(recorded));
}

static void run(const char *name, int count, Value **args, Value *result)
{
    FuncCall call = {.db = recorded_connection(), .encoding = SQLITE_UTF8};
    call.func = func_find(call.db, name, count, SQLITE_UTF8);
    value_init(result, NULL);
    call_begin(&call, result);
    call.func->call(&call, count, args);
    assert_int_equal(call.rc, SQLITE_OK);
}

// A text that came out of a JSON function is JSON to the next one; other texts are texts.
static void the_subtype_tells_json_from_text(void **state)
{
    (void)state;
    Value text;
    Value made;
    Value *args[1] = {&text};
    value_init(&text, NULL);
    assert_ok(value_set_text(&text, "[1,2]", 5, SQLITE_UTF8, BYTES_STATIC));
    run("json_array", 1, args, &made);
    assert_string_equal(value_text(&made, SQLITE_UTF8), "[\"[1,2]\"]");
    assert_int_equal(made.subtype, JSON_SUBTYPE);
    Value nested;
    args[0] = &made;
    run("json_array", 1, args, &nested);
    assert_string_equal(value_text(&nested, SQLITE_UTF8), "[[\"[1,2]\"]]");
    value_deinit(&made);
    value_deinit(&nested);
    value_deinit(&text);
}

// Functions of one statement share what was parsed; texts that alternate must not be confused.
static void the_cache_gives_each_text_its_own_tree(void **state)
{
    (void)state;
    AuxData *aux = NULL;
    FuncCall call = {.db = recorded_connection(), .encoding = SQLITE_UTF8, .aux = &aux};
    call.func = func_find(call.db, "json_extract", 2, SQLITE_UTF8);
    for (int i = 0; i < 100; i++) {
        char json[32];
        Value values[2];
        Value *args[2] = {&values[0], &values[1]};
        Value result;
        value_init(&values[0], NULL);
        value_init(&values[1], NULL);
        value_init(&result, NULL);
        snprintf(json, sizeof json, "{\"a\":%d}", i % 7);
        assert_ok(value_set_text(&values[0], json, strlen(json), SQLITE_UTF8, BYTES_STATIC));
        assert_ok(value_set_text(&values[1], "$.a", 3, SQLITE_UTF8, BYTES_STATIC));
        call_begin(&call, &result);
        call.func->call(&call, 2, args);
        assert_int_equal(value_i64(&result), i % 7);
        value_deinit(&values[0]);
        value_deinit(&values[1]);
    }
    aux_data_clear(&aux, -1, 0);
}

TEST_SUITE(json_function, cmocka_unit_test(functions_answer_as_recorded),
           cmocka_unit_test(the_subtype_tells_json_from_text),
           cmocka_unit_test(the_cache_gives_each_text_its_own_tree))
