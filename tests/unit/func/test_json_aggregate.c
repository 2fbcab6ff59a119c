#include "support/test.h"

#include "support/recorded.h"

static const Recorded recorded[] = {
#include "unit/func/recorded_json_aggregate.inc"
};

static void groups_are_as_recorded(void **state)
{
    (void)state;
    recorded_check(recorded, ARRAY_LEN(recorded));
}

TEST_SUITE(json_aggregate, cmocka_unit_test(groups_are_as_recorded))
