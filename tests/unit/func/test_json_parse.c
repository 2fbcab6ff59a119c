#include "support/test.h"

#include "func/json/json.h"
#include "support/recorded.h"

static const Recorded recorded[] = {
#include "unit/func/recorded_json_parse.inc"
};

static void texts_become_what_was_recorded(void **state)
{
    (void)state;
    recorded_check(recorded, ARRAY_LEN(recorded));
}

// Nesting is limited, so that no text overruns the stack.
static void nesting_ends_at_a_thousand(void **state)
{
    (void)state;
    static char text[200001];
    JsonParse parse;
    memset(text, '[', 1000);
    memset(text + 1000, ']', 1000);
    json_parse(&parse, text, 2000, NULL);
    assert_false(parse.failed);
    buffer_deinit(&parse.out);
    memset(text, '[', 100000);
    memset(text + 100000, ']', 100000);
    json_parse(&parse, text, 200000, NULL);
    assert_true(parse.failed);
    buffer_deinit(&parse.out);
}

TEST_SUITE(json_parse, cmocka_unit_test(texts_become_what_was_recorded),
           cmocka_unit_test(nesting_ends_at_a_thousand))
