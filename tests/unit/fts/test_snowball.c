// The library of stemmers, loaded while one is open.
#include "fts/tokenizer/snowball.h"
#include "support/test.h"

static void words_of_a_language_have_stems(void **state)
{
    (void)state;
    Snowball snowball;
    assert_int_equal(snowball_open(&snowball, "english"), SQLITE_OK);

    int size = 0;
    const char *stem = snowball_stem(&snowball, "running", 7, &size);

    assert_int_equal(size, 3);
    assert_memory_equal(stem, "run", 3);
    snowball_close(&snowball);
}

static void an_unknown_language_is_an_error_that_leaves_nothing_open(void **state)
{
    (void)state;
    Snowball snowball;

    assert_int_equal(snowball_open(&snowball, "klingon"), SQLITE_ERROR);

    assert_null(snowball.library);
    snowball_close(&snowball);
}

TEST_SUITE(snowball, cmocka_unit_test(words_of_a_language_have_stems),
           cmocka_unit_test(an_unknown_language_is_an_error_that_leaves_nothing_open));
