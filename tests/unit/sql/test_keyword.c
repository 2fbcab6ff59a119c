#include "tests/support/test.h"

#include "sql/keyword.h"
#include "sqlite3.h"

static void every_keyword_is_found_in_either_case(void **state)
{
    (void)state;
    for (u32 i = 0; i < keyword_count(); i++) {
        u32 size;
        const char *name = keyword_name(i, &size);
        char lower[32];
        for (u32 at = 0; at < size; at++)
            lower[at] = name[at] == '_' ? '_' : (char)(name[at] | 0x20);

        assert_int_equal(keyword_find(name, size), TOKEN_FIRST_KEYWORD + i);
        assert_int_equal(keyword_find(lower, size), TOKEN_FIRST_KEYWORD + i);
    }
}

static void there_are_as_many_keywords_as_in_sqlite(void **state)
{
    (void)state;
    assert_int_equal(keyword_count(), 147);
}

static void keywords_are_in_alphabetical_order(void **state)
{
    (void)state;
    u32 size;
    for (u32 i = 1; i < keyword_count(); i++)
        assert_true(strcmp(keyword_name(i - 1, &size), keyword_name(i, &size)) < 0);
}

static void a_prefix_or_an_extension_of_a_keyword_is_an_identifier(void **state)
{
    (void)state;
    for (u32 i = 0; i < keyword_count(); i++) {
        u32 size;
        char longer[32];
        const char *name = keyword_name(i, &size);
        memcpy(longer, name, size);
        longer[size] = 'q';

        assert_int_equal(keyword_find(longer, size + 1), TK_ID);
    }
    assert_int_equal(keyword_find("SELEC", 5), TK_ID);
    assert_int_equal(keyword_find("", 0), TK_ID);
    assert_int_equal(keyword_find("a_very_long_identifier_indeed", 29), TK_ID);
}

TEST_SUITE(keyword, cmocka_unit_test(every_keyword_is_found_in_either_case),
           cmocka_unit_test(there_are_as_many_keywords_as_in_sqlite),
           cmocka_unit_test(keywords_are_in_alphabetical_order),
           cmocka_unit_test(a_prefix_or_an_extension_of_a_keyword_is_an_identifier))
