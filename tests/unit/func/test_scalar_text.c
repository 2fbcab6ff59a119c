#include "support/test.h"

#include "support/recorded.h"

static const Recorded recorded[] = {
#include "unit/func/recorded_text.inc"
};

static void text_functions_answer_as_recorded(void **state)
{
    (void)state;
    recorded_check(recorded, ARRAY_LEN(recorded));
}

TEST_SUITE(scalar_text, cmocka_unit_test(text_functions_answer_as_recorded))
