// cdc/json_scan.c: JSON from outside, right and wrong.
#include "support/test.h"

#include "cdc/json_scan.h"

static void texts_are_written_as_strings(void **state)
{
    (void)state;
    sqlite3_str *out = sqlite3_str_new(NULL);
    json_add_text(out, "a\"b\\c\n\x01\xc3\xa4", 9);
    char *text = sqlite3_str_finish(out);
    assert_string_equal(text, "\"a\\\"b\\\\c\\u000a\\u0001\xc3\xa4\"");
    assert_ptr_equal(json_skip_text(text), text + strlen(text));
    sqlite3_free(text);
}

static void a_key_is_found_behind_values_of_any_kind(void **state)
{
    (void)state;
    static const char json[] =
        " { \"a\" : [1,{\"id\":9},\"]\"] , \"b\":{\"id\":[8]},\"c\":\"\\\"id\\\":7\",\"d\":null,"
        "\"id\" : -6 , \"v\":[ 1 , -2.5,3e2 ] }";
    float numbers[2];
    assert_int_equal(json_integer(json, "id", 0), -6);
    assert_int_equal(json_integer(json, "no", 5), 5);
    assert_int_equal(json_integer(json, "d", 5), 5); // not a number
    assert_int_equal(json_numbers(json, "v", NULL, 0), 3);
    assert_int_equal(json_numbers(json, "v", numbers, 2), 3);
    assert_true(numbers[0] == 1 && numbers[1] == -2.5f);
    assert_int_equal(json_numbers(json, "id", NULL, 0), -1);
    assert_int_equal(json_numbers(json, "a", NULL, 0), -1);
    assert_int_equal(*json_find(json, "c"), '"');
}

static void check_number(const char *text, float expected)
{
    char json[200];
    float number = 99;
    snprintf(json, sizeof json, "{\"v\":[%s]}", text);
    assert_int_equal(json_numbers(json, "v", &number, 1), 1);
    assert_true(number == expected);
}

static void numbers_of_any_form_are_read(void **state)
{
    (void)state;
    check_number("0", 0.0f);
    check_number("-0.0", -0.0f);
    check_number("0.1", 0.1f);
    check_number("-12.625", -12.625f);
    check_number("1.5E-3", 1.5e-3f);
    check_number("2e+02", 200.0f);
    check_number("0.00012345678901234567", 0.00012345678901234567f);
    check_number("123456789012345678901234567890", 123456789012345678901234567890.0f);
    check_number("0.00000000000000000000000000000000000000000000000000001e53", 1.0f);
    check_number("10000000000000000000000000000000000000000000000000.5e-49", 1.0f);
    check_number("1e-99999999999999999999", 0.0f);
}

static void a_value_is_skipped_whole(void **state)
{
    (void)state;
    static const char *const values[] = {"1.5e3", "true", "\"a,\\\"]\"", "[]", "{\"a\":[1,[2]]}"};
    char json[64];
    for (int i = 0; i < ARRAY_LEN(values); i++) {
        snprintf(json, sizeof json, "%s,rest", values[i]);
        assert_string_equal(json_skip(json), ",rest");
    }
}

static void what_is_no_json_gives_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",           "[", "{", "\"", "{\"id\"", "{\"id\":", "{\"id\":}",   "{\"x\":[1,\"id\":2",
        "[\"id\",1]", "{", "}", "]",  "\\",      "{\"\\",    "{\"x\":\"\\", "{id:1}",
        "nonsense"};
    for (int i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(json_integer(wrong[i], "id", -77), -77);
        assert_int_equal(json_numbers(wrong[i], "id", NULL, 0), -1);
    }
    static const char *const no_numbers[] = {"{\"v\":[1",       "{\"v\":[1,",   "{\"v\":[1 2]}",
                                             "{\"v\":[NaN]}",   "{\"v\":[-]}",  "{\"v\":[.]}",
                                             "{\"v\":[\"1\"]}", "{\"v\":[[1]]}"};
    for (int i = 0; i < ARRAY_LEN(no_numbers); i++)
        assert_int_equal(json_numbers(no_numbers[i], "v", NULL, 0), -1);
}

// Depth comes from outside: it is counted, and the stack stays as it is.
static void depth_has_an_end(void **state)
{
    (void)state;
    enum { DEPTH = 100000 };
    char *deep = malloc(DEPTH + 1);
    memset(deep, '[', DEPTH);
    deep[DEPTH] = '\0';
    assert_null(json_skip(deep));
    free(deep);
}

// Every prefix of a text, and every byte of it changed, is read to its end or refused: the text
// lies at the end of its memory.
static void damaged_texts_are_never_read_past(void **state)
{
    (void)state;
    static const char whole[] = "{\"data\":[{\"index\":0,\"v\":[1,2]}],\"id\":\"\\u0041\"}";
    for (size_t size = 0; size < sizeof whole; size++) {
        for (int byte = 1; byte < 256; byte++) {
            char *copy = malloc(size + 1);
            memcpy(copy, whole, size);
            copy[size] = '\0';
            if (size > 0)
                copy[(size_t)byte % size] = (char)byte;
            (void)json_integer(copy, "id", 0);
            (void)json_numbers(copy, "data", NULL, 0);
            (void)json_skip(copy);
            free(copy);
        }
    }
}

TEST_SUITE(json_scan, cmocka_unit_test(texts_are_written_as_strings),
           cmocka_unit_test(a_key_is_found_behind_values_of_any_kind),
           cmocka_unit_test(numbers_of_any_form_are_read),
           cmocka_unit_test(a_value_is_skipped_whole),
           cmocka_unit_test(what_is_no_json_gives_nothing), cmocka_unit_test(depth_has_an_end),
           cmocka_unit_test(damaged_texts_are_never_read_past))
