#include "support/test.h"

#include "support/recorded.h"

static const Recorded recorded[] = {
#include "unit/func/recorded_aggregate.inc"
};

static void aggregates_are_as_recorded(void **state)
{
    (void)state;
    recorded_check(recorded, ARRAY_LEN(recorded));
}

TEST_SUITE(aggregate, cmocka_unit_test(aggregates_are_as_recorded))
