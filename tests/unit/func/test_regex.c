#include "support/test.h"

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/prng.h"
#include "func/regex.h"
#include "sqlite3.h"

static Regex *compile(const char *pattern)
{
    Regex *regex;
    const char *why;
    assert_ok(regex_compile(pattern, strlen(pattern), false, &regex, &why));
    return regex;
}

static bool matches(const char *pattern, const char *text)
{
    Regex *regex = compile(pattern);
    bool found;
    assert_ok(regex_search(regex, text, strlen(text), &found, NULL, 0));
    regex_free(regex);
    return found;
}

static void check_group(const char *pattern, const char *text, u32 group, const char *expected)
{
    Regex *regex = compile(pattern);
    RegexSpan groups[REGEX_GROUPS_MAX];
    bool found;
    assert_ok(regex_search(regex, text, strlen(text), &found, groups, REGEX_GROUPS_MAX));
    assert_true(found);
    if (expected == NULL) {
        assert_int_equal(groups[group].start, -1);
    } else {
        assert_int_equal(groups[group].end - groups[group].start, strlen(expected));
        assert_memory_equal(text + groups[group].start, expected, strlen(expected));
    }
    regex_free(regex);
}

static void groups_are_those_of_the_preferred_match(void **state)
{
    (void)state;
    check_group("b+", "abbcb", 0, "bb");
    check_group("(a|ab)(c|bcd)", "xabcd", 0, "abcd");
    check_group("(a|ab)(c|bcd)", "xabcd", 2, "bcd");
    check_group("<(.*)>", "<a><b>", 1, "a><b");
    check_group("<(.*?)>", "<a><b>", 1, "a");
    check_group("(x)?(?:y)(z)", "yz", 1, NULL);
    check_group("(x)?(?:y)(z)", "yz", 2, "z");
    check_group("((a)|b)+", "ab", 2, "a");
    check_group("(1)(2)(3)(4)(5)(6)(7)(8)(9)(0)", "1234567890", 9, "9");
    check_group("$", "abc", 0, "");
    check_group("[\xc3\xa0-\xc3\xbc]+", "caf\xc3\xa9\xc3\xa8!", 0, "\xc3\xa9\xc3\xa8");
}

static void errors_say_what_is_wrong(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"(a", "unmatched '('"},
        {"a)", "unrecognized character"},
        {"[a", "unclosed '['"},
        {"a{1", "unmatched '{'"},
        {"a{3,2}", "n less than m in '{m,n}'"},
        {"a{0}", "both m and n are zero in '{m,n}'"},
        {"*", "'*' without operand"},
        {"{2}", "'{m,n}' without operand"},
        {"\\q", "unknown \\ escape"},
        {"a\\", "unknown \\ escape"},
        {"[[:foo:]]", "unknown character class"},
        {"[a-\\d]", "a range ends in a class"},
        {"((a{100}){100}){100}", "REGEXP pattern too big"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        Regex *regex;
        const char *why;
        assert_rc(SQLITE_ERROR,
                  regex_compile(cases[i][0], strlen(cases[i][0]), false, &regex, &why));
        assert_null(regex);
        assert_text(cases[i][1], why);
    }
}

// A lead byte takes all continuation bytes behind it, whatever number that makes.
static void malformed_text_is_searched_to_its_end(void **state)
{
    (void)state;
    assert_true(matches("^.b$", "\xff\xbf\xbf\xbf\xbf\xbf\xbf\xbf\xbf"
                                "b"));
    assert_true(matches("^[^a]\\w$", "\xfc\xbf\xbf\xbf\xbf\xbf\xbf"
                                     "b"));
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    char pattern[2001];
    memset(pattern, '(', 1000);
    memset(pattern + 1000, ')', 1000);
    Regex *regex;
    const char *why;
    assert_rc(SQLITE_ERROR, regex_compile(pattern, 2000, false, &regex, &why));
    memset(pattern, 'a', 2);
    memset(pattern + 1, '*', 1999);
    assert_rc(SQLITE_ERROR, regex_compile(pattern, 2000, false, &regex, &why));
}

static void time_is_bounded_by_text_times_pattern(void **state)
{
    (void)state;
    char text[3001];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 0;
    assert_false(matches("^(a*)*(a|aa)*b$", text));
    assert_false(matches("(a?){50}b", text));
    assert_true(matches("(a|aa)+$", text));
}

// --- against a matcher that tries every way, one after the other ---

// A pattern as a tree of pieces in prefix form: its text is made of it, and its matches are told
// from it.
typedef struct Tree {
    char kind; // a letter, '.', '*' '+' '?' over one tree, '|' and ',' over two
    struct Tree *a, *b;
} Tree;

typedef struct Grove {
    Tree trees[64];
    int count;
} Grove;

static Tree *grow(Prng *prng, Grove *grove, int depth)
{
    static const char kinds[] = "ab.ab*+?|,,";
    Tree *tree = &grove->trees[grove->count++];
    size_t limit = depth == 0 ? 5 : sizeof kinds - 1;
    *tree = (Tree){.kind = kinds[prng_below(prng, limit)]};
    if (strchr("*+?|,", tree->kind) != NULL)
        tree->a = grow(prng, grove, depth - 1);
    if (strchr("|,", tree->kind) != NULL)
        tree->b = grow(prng, grove, depth - 1);
    return tree;
}

static void write_tree(const Tree *tree, Buffer *out)
{
    if (tree->a == NULL) {
        buffer_add_char(out, tree->kind);
        return;
    }
    buffer_add_text(out, "(?:");
    write_tree(tree->a, out);
    if (tree->kind == '|')
        buffer_add_char(out, '|');
    if (tree->b != NULL)
        write_tree(tree->b, out);
    buffer_add_char(out, ')');
    if (tree->b == NULL)
        buffer_add_char(out, tree->kind);
}

// The set of places, as bits, at which the tree's matches that begin in `from` end.
static u32 ends(const Tree *tree, const char *text, u32 from)
{
    u32 reached = 0;
    switch (tree->kind) {
    case '|': return ends(tree->a, text, from) | ends(tree->b, text, from);
    case ',': return ends(tree->b, text, ends(tree->a, text, from));
    case '?': return from | ends(tree->a, text, from);
    case '*':
    case '+':
        reached = tree->kind == '*' ? from : ends(tree->a, text, from);
        for (u32 former = 0; former != reached;) {
            former = reached;
            reached |= ends(tree->a, text, reached);
        }
        return reached;
    default:
        for (u32 i = 0; text[i] != 0; i++) {
            if ((from & (1u << i)) && (tree->kind == '.' || tree->kind == text[i]))
                reached |= 1u << (i + 1);
        }
        return reached;
    }
}

static void random_patterns_match_as_sets_of_places_say(void **state)
{
    (void)state;
    Prng prng;
    prng_init(&prng, (const u8 *)"regex", 5);
    for (int round = 0; round < 3000; round++) {
        Grove grove = {0};
        const Tree *tree = grow(&prng, &grove, 4);
        char text[9] = {0};
        Buffer pattern = {0};
        buffer_add_char(&pattern, '^');
        write_tree(tree, &pattern);
        buffer_add_char(&pattern, '$');
        for (u64 i = prng_below(&prng, 9); i > 0; i--)
            text[i - 1] = "abc"[prng_below(&prng, 3)];
        bool expected = (ends(tree, text, 1) & (1u << strlen(text))) != 0;
        if (matches(buffer_text(&pattern), text) != expected)
            fail_msg("%s on '%s': expected %d", buffer_text(&pattern), text, expected);
        buffer_deinit(&pattern);
    }
}

// --- memory ---

static int search_once(void)
{
    Regex *regex;
    const char *why;
    RegexSpan groups[2];
    bool found;
    int rc = regex_compile("(a[bc]{2,3}|\\d+)$", 17, true, &regex, &why);
    if (rc == SQLITE_OK)
        rc = regex_search(regex, "xABC", 4, &found, groups, 2);
    if (rc == SQLITE_OK) {
        assert_true(found);
        assert_int_equal(groups[1].start, 1);
    }
    regex_free(regex);
    return rc;
}

static void lack_of_memory_is_told(void **state)
{
    (void)state;
    int rc = SQLITE_NOMEM;
    for (int n = 1; rc == SQLITE_NOMEM; n++) {
        alloc_fault_arm(n, false);
        rc = search_once();
        alloc_fault_arm(0, false);
    }
    assert_ok(rc);
}

TEST_SUITE(regex, cmocka_unit_test(groups_are_those_of_the_preferred_match),
           cmocka_unit_test(errors_say_what_is_wrong), cmocka_unit_test(deep_nesting_is_refused),
           cmocka_unit_test(malformed_text_is_searched_to_its_end),
           cmocka_unit_test(time_is_bounded_by_text_times_pattern),
           cmocka_unit_test(random_patterns_match_as_sets_of_places_say),
           cmocka_unit_test(lack_of_memory_is_told))
