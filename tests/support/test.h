#ifndef QUIRE_TESTS_SUPPORT_TEST_H
#define QUIRE_TESTS_SUPPORT_TEST_H
// What every unit test includes first: cmocka with its prerequisites, and the assertions it lacks.
//
//     static void empty_text_has_no_characters(void **state)
//     {
//         (void)state;
//         assert_int_equal(utf8_length("", 0), 0);
//     }
//
//     TEST_SUITE(utf, cmocka_unit_test(empty_text_has_no_characters))

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEST_SUITE(name, ...)                                         \
    int test_suite_##name(void)                                       \
    {                                                                 \
        const struct CMUnitTest tests[] = {__VA_ARGS__};              \
        return cmocka_run_group_tests_name(#name, tests, NULL, NULL); \
    }

#define assert_rc(expected, call)     test_rc((expected), (call), #call, __FILE__, __LINE__)
#define assert_ok(call)               assert_rc(0, call)
#define assert_text(expected, actual) assert_string_equal((actual), (expected))
#define assert_f64_near(expected, actual, tolerance) \
    test_f64_near((expected), (actual), (tolerance), __FILE__, __LINE__)

void test_rc(int expected, int rc, const char *call, const char *file, int line);
void test_f64_near(double expected, double actual, double tolerance, const char *file, int line);

#endif
