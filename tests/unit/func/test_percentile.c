#include "support/test.h"

#include "support/recorded.h"

static const Recorded recorded[] = {
#include "unit/func/recorded_percentile.inc"
};

static void percentiles_are_as_recorded(void **state)
{
    (void)state;
    recorded_check(recorded, ARRAY_LEN(recorded));
}

TEST_SUITE(percentile, cmocka_unit_test(percentiles_are_as_recorded))
