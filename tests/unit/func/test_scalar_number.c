#include "support/test.h"

#include "support/recorded.h"

static const Recorded recorded[] = {
#include "unit/func/recorded_number.inc"
};

static void numbers_are_rounded_as_recorded(void **state)
{
    (void)state;
    recorded_check(recorded, ARRAY_LEN(recorded));
}

static void random_is_never_the_smallest_integer(void **state)
{
    (void)state;
    for (u32 i = 0; i < 50; i++)
        assert_string_not_equal(recorded_ask("random()"), "-9223372036854775808");
    assert_int_equal(strlen(recorded_ask("randomblob(20)")), 43);
    assert_string_equal(recorded_ask("zeroblob(1000000001)"), "error: string or blob too big");
}

TEST_SUITE(scalar_number, cmocka_unit_test(numbers_are_rounded_as_recorded),
           cmocka_unit_test(random_is_never_the_smallest_integer))
