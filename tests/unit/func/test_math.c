#include "support/test.h"

#include "support/recorded.h"

static const Recorded recorded[] = {
#include "unit/func/recorded_math.inc"
};

static void libm_answers_as_recorded(void **state)
{
    (void)state;
    recorded_check(recorded, ARRAY_LEN(recorded));
}

TEST_SUITE(math, cmocka_unit_test(libm_answers_as_recorded))
