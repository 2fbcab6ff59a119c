#include "support/test.h"

#include "support/recorded.h"

static const Recorded recorded[] = {
#include "unit/func/recorded_extreme.inc"
};

static void the_best_of_all_is_as_recorded(void **state)
{
    (void)state;
    recorded_check(recorded, ARRAY_LEN(recorded));
}

TEST_SUITE(extreme, cmocka_unit_test(the_best_of_all_is_as_recorded))
