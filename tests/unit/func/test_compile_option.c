#include "support/test.h"

#include "func/compile_option.h"

static void options_are_known_with_and_without_value(void **state)
{
    (void)state;
    assert_true(compile_option_is_used("THREADSAFE"));
    assert_true(compile_option_is_used("SQLITE_threadsafe=1"));
    assert_false(compile_option_is_used("THREAD"));
    assert_false(compile_option_is_used("THREADSAFE=2"));
    assert_non_null(compile_option_get(0));
    assert_null(compile_option_get(-1));
    assert_null(compile_option_get(1000));
}

TEST_SUITE(compile_option, cmocka_unit_test(options_are_known_with_and_without_value))
