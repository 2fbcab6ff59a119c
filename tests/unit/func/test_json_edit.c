#include "support/test.h"

#include "support/recorded.h"

static const Recorded recorded[] = {
#include "unit/func/recorded_json_edit.inc"
};

static void changed_trees_are_as_recorded(void **state)
{
    (void)state;
    recorded_check(recorded, ARRAY_LEN(recorded));
}

TEST_SUITE(json_edit, cmocka_unit_test(changed_trees_are_as_recorded))
