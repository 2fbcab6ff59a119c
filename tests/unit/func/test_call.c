#include "support/test.h"

#include "support/recorded.h"

static int destroyed;
static void count_destroy(void *data)
{
    (void)data;
    destroyed++;
}

static void auxiliary_data_lives_while_its_argument_is_constant(void **state)
{
    (void)state;
    AuxData *list = NULL;
    FuncCall call = {.db = recorded_connection(), .aux = &list, .pc = 5};
    destroyed = 0;
    call_set_aux(&call, 0, &call, count_destroy);
    call_set_aux(&call, 1, &list, count_destroy);
    assert_ptr_equal(call_get_aux(&call, 0), &call);
    aux_data_clear(&list, 5, 1); // argument 1 is not constant
    assert_int_equal(destroyed, 1);
    assert_null(call_get_aux(&call, 1));
    assert_ptr_equal(call_get_aux(&call, 0), &call);
    call.pc = 6;
    assert_null(call_get_aux(&call, 0)); // another call's
    call_set_aux(&call, -1, &call, count_destroy);
    call.pc = 7;
    assert_ptr_equal(call_get_aux(&call, -1), &call); // shared
    aux_data_clear(&list, -1, 0);
    assert_int_equal(destroyed, 3);
    assert_null(list);
}

static void without_a_statement_auxiliary_data_is_refused(void **state)
{
    (void)state;
    FuncCall call = {.db = recorded_connection()};
    destroyed = 0;
    call_set_aux(&call, 0, &call, count_destroy);
    assert_int_equal(destroyed, 1);
    assert_null(call_get_aux(&call, 0));
}

static void results_come_in_the_encoding_of_the_database(void **state)
{
    (void)state;
    Value result;
    value_init(&result, NULL);
    FuncCall call = {.db = recorded_connection(), .encoding = SQLITE_UTF16LE};
    call_begin(&call, &result);
    call_result_text(&call, "ab", 2, SQLITE_UTF8, SQLITE_STATIC);
    assert_int_equal(result.encoding, SQLITE_UTF16LE);
    assert_memory_equal(result.bytes, "a\0b\0", 4);
    char *room = call_result_begin(&call, 1);
    room[0] = 'c';
    call_result_end_text(&call, 1);
    assert_memory_equal(result.bytes, "c\0", 2);
    value_deinit(&result);
}

static void errors_carry_a_message(void **state)
{
    (void)state;
    Value result;
    value_init(&result, NULL);
    FuncCall call = {.db = recorded_connection(), .encoding = SQLITE_UTF8};
    call_begin(&call, &result);
    call_result_error(&call, "broken", -1, SQLITE_UTF8);
    assert_int_equal(call.rc, SQLITE_ERROR);
    call_result_error_code(&call, SQLITE_CONSTRAINT); // keeps the message
    assert_string_equal(value_text(&result, SQLITE_UTF8), "broken");
    call_begin(&call, &result);
    call_result_error_code(&call, SQLITE_CONSTRAINT);
    assert_string_equal(value_text(&result, SQLITE_UTF8), "constraint failed");
    call_begin(&call, &result);
    assert_rc(SQLITE_TOOBIG, call_result_zeroblob(&call, 2000000000));
    assert_int_equal(call.rc, SQLITE_TOOBIG);
    assert_string_equal(value_text(&result, SQLITE_UTF8), "string or blob too big");
    value_deinit(&result);
}

static void aggregate_state_is_zeroed_kept_and_discarded(void **state)
{
    (void)state;
    Value state_value;
    Value result;
    value_init(&state_value, NULL);
    value_init(&result, NULL);
    FuncCall call = {.db = recorded_connection(), .encoding = SQLITE_UTF8};
    call.func = func_find(call.db, "count", 0, SQLITE_UTF8);
    call_begin_aggregate(&call, &result, &state_value);
    assert_null(call_state(&call, 0));
    u64 *words = call_state(&call, 1000);
    assert_true(words[0] == 0 && words[124] == 0);
    assert_ptr_equal(call_state(&call, 1000), words);
    call_discard_state(call.db, &state_value);
    assert_int_equal(value_type(&state_value), SQLITE_NULL);
    value_deinit(&state_value);
    alloc_fault_arm(1, false);
    assert_null(call_state(&call, 16));
    alloc_fault_arm(0, false);
    assert_int_equal(call.rc, SQLITE_NOMEM);
    value_deinit(&state_value);
}

TEST_SUITE(call, cmocka_unit_test(auxiliary_data_lives_while_its_argument_is_constant),
           cmocka_unit_test(without_a_statement_auxiliary_data_is_refused),
           cmocka_unit_test(results_come_in_the_encoding_of_the_database),
           cmocka_unit_test(errors_carry_a_message),
           cmocka_unit_test(aggregate_state_is_zeroed_kept_and_discarded))
