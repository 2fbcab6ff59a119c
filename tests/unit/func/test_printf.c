#include "support/test.h"

#include "func/printf.h"
#include "support/recorded.h"

static const Recorded recorded[] = {
#include "unit/func/recorded_printf.inc"
};

static void formats_of_values_are_as_recorded(void **state)
{
    (void)state;
    recorded_check(recorded, ARRAY_LEN(recorded));
}

static void check_c(const char *expected, const char *fmt, ...)
{
    Buffer out = {0};
    va_list args;
    va_start(args, fmt);
    format_va(&out, fmt, args);
    va_end(args);
    assert_string_equal(buffer_text(&out), expected);
    buffer_deinit(&out);
}

static void arguments_of_c_have_their_own_sizes(void **state)
{
    (void)state;
    check_c("-1 4294967295 -1 18446744073709551615", "%d %u %lld %llu", -1, -1, (i64)-1, (i64)-1);
    check_c("ffffffff", "%x", -1);
    check_c("a\xc3\xa9|xxx", "%c%c|%.3c", 'a', 0xe9, 'x');
    check_c("abc|  abc|abc  |ab", "%s|%5s|%-5s|%.2s", "abc", "abc", "abc", "abc");
    check_c("it''s 'it''s' NULL (NULL) \"\"x", "%q %Q %Q %q %wx", "it's", "it's", NULL, NULL, "\"");
    check_c("   42|42   |1.50", "%*d|%-*d|%.*f", 5, 42, 5, 42, 2, 1.5);
    check_c("freed", "%z", mem_dup("freed", 5));
    check_c("100%", "%d%%", 100);
    check_c("1,234,567", "%,d", 1234567);
    check_c("unistr('a\\u000ab')", "%#Q", "a\nb");
}

static void the_limit_of_the_buffer_is_kept(void **state)
{
    (void)state;
    Buffer out = {.size_max = 100};
    format_text(&out, "%1000d", 1);
    assert_int_equal(out.rc, SQLITE_TOOBIG);
    Buffer precise = {.size_max = 100};
    format_text(&precise, "%.2147483647f|%.2147483647d", 1.0, 1);
    assert_int_equal(precise.rc, SQLITE_TOOBIG);
}

TEST_SUITE(printf, cmocka_unit_test(formats_of_values_are_as_recorded),
           cmocka_unit_test(arguments_of_c_have_their_own_sizes),
           cmocka_unit_test(the_limit_of_the_buffer_is_kept))
