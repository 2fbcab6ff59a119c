#include "support/test.h"

#include "func/like.h"
#include "support/recorded.h"

static const Recorded recorded[] = {
#include "unit/func/recorded_like.inc"
};

static void patterns_match_as_recorded(void **state)
{
    (void)state;
    recorded_check(recorded, ARRAY_LEN(recorded));
}

// A pattern of many runs must not take time without end.
static void many_runs_cost_no_more_than_pattern_times_text(void **state)
{
    (void)state;
    char text[3001];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_false(like_match("%a%a%a%a%a%a%a%a%a%a%a%a%a%a%b", text, &like_rule_nocase, 0));
    assert_true(like_match("%a%a%a%a%a%a%a%a%a%a%a%a%a%a%", text, &like_rule_nocase, 0));
    assert_false(like_match("A%", "abc", &like_rule_case, 0));
}

TEST_SUITE(like, cmocka_unit_test(patterns_match_as_recorded),
           cmocka_unit_test(many_runs_cost_no_more_than_pattern_times_text))
