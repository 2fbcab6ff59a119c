#include "support/test.h"

#include "base/prng.h"
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

// One character a piece: what a pattern may hold, and what a text.
static const char *const pattern_pieces[] = {"%", "%", "_", "a", "B", "b", "1", " ", "\xc3\xa9"};
static const char *const text_pieces[] = {"a", "A", "b", "1", " ", "\xc3\xa9", "\xc3\x89"};

typedef struct Pieces {
    int items[12];
    int count;
    char text[40];
} Pieces;

static void draw_pieces(Prng *prng, const char *const *from, u64 kinds, Pieces *out)
{
    out->count = (int)prng_below(prng, 12);
    size_t used = 0;
    for (int i = 0; i < out->count; i++) {
        out->items[i] = (int)prng_below(prng, kinds);
        const char *piece = from[out->items[i]];
        memcpy(out->text + used, piece, strlen(piece));
        used += strlen(piece);
    }
    out->text[used] = 0;
}

// LIKE as its definition has it: every way to match a run is tried.
static bool matches_by_definition(const Pieces *pattern, int p, const Pieces *text, int t)
{
    if (p == pattern->count)
        return t == text->count;
    const char *wanted = pattern_pieces[pattern->items[p]];
    if (wanted[0] == '%')
        return matches_by_definition(pattern, p + 1, text, t)
               || (t < text->count && matches_by_definition(pattern, p, text, t + 1));
    if (t == text->count)
        return false;
    const char *c = text_pieces[text->items[t]];
    bool same = wanted[0] == '_'
                || (c[0] & 0x80 ? strcmp(c, wanted) == 0 : (c[0] | 0x20) == (wanted[0] | 0x20));
    return same && matches_by_definition(pattern, p + 1, text, t + 1);
}

static void random_patterns_match_what_their_definition_says(void **state)
{
    (void)state;
    Prng prng;
    prng_init(&prng, "like", 4);
    for (int i = 0; i < 60000; i++) {
        Pieces pattern, text;
        draw_pieces(&prng, pattern_pieces, ARRAY_LEN(pattern_pieces), &pattern);
        draw_pieces(&prng, text_pieces, ARRAY_LEN(text_pieces), &text);
        bool expected = matches_by_definition(&pattern, 0, &text, 0);
        if (like_match(pattern.text, text.text, &like_rule_nocase, 0) != expected)
            fail_msg("'%s' LIKE '%s' is not %d", text.text, pattern.text, expected);
    }
}

TEST_SUITE(like, cmocka_unit_test(patterns_match_as_recorded),
           cmocka_unit_test(many_runs_cost_no_more_than_pattern_times_text),
           cmocka_unit_test(random_patterns_match_what_their_definition_says))
