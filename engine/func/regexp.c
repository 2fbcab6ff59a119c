// regexp(pattern, text), behind the operator X REGEXP Y: does the pattern match somewhere in the
// text? regexpi() takes ASCII letters of either case for each other. With the text first and more
// to say about the match: regexp_like(), regexp_substr(), regexp_capture(text, pattern[, group]),
// regexp_replace(text, pattern[, by]).
//
// The language of the patterns is regex.h's. A compiled constant pattern is kept for the statement.
// Not part of SQLite's library; a function of that name which an application registers comes first.

#include "base/buffer.h"
#include "func/func.h"
#include "func/regex.h"
#include <string.h>

static void pattern_free(void *compiled)
{
    regex_free(compiled);
}

static Regex *pattern_compile(FuncCall *call, Value *pattern, bool ignore_case)
{
    u32 size;
    const char *text = value_chars(pattern, SQLITE_UTF8, &size);
    if (text == NULL)
        return NULL;
    if (size > (u32)call->db->limits[SQLITE_LIMIT_LIKE_PATTERN_LENGTH]) {
        call_result_error(call, "REGEXP pattern too big", -1, SQLITE_UTF8);
        return NULL;
    }
    Regex *compiled;
    const char *why;
    int rc = regex_compile(text, size, ignore_case, &compiled, &why);
    if (rc == SQLITE_NOMEM)
        call_result_error_nomem(call);
    else if (rc != SQLITE_OK)
        call_result_error(call, why, -1, SQLITE_UTF8);
    return compiled;
}

typedef struct Match {
    const char *text;
    u32 size;
    bool found;
    RegexSpan groups[REGEX_GROUPS_MAX];
} Match;

// Which argument is which, and what is asked.
typedef struct MatchRule {
    int pattern, text; // arguments
    bool ignore_case;
    u32 groups; // that are wanted of the match
} MatchRule;

// Looks the pattern up in the text. false: an argument is NULL, or there was an error.
static bool find_match(FuncCall *call, Value **args, const MatchRule *rule, Match *match)
{
    ASSERT(rule->pattern != rule->text);
    ASSERT(rule->groups <= REGEX_GROUPS_MAX);

    match->text = value_chars(args[rule->text], SQLITE_UTF8, &match->size);
    if (match->text == NULL)
        return false;
    Regex *compiled = call_get_aux(call, rule->pattern);
    bool is_fresh = compiled == NULL;
    if (is_fresh)
        compiled = pattern_compile(call, args[rule->pattern], rule->ignore_case);
    if (compiled == NULL)
        return false;
    int rc = regex_search(compiled, match->text, match->size, &match->found, match->groups,
                          rule->groups);
    if (is_fresh)
        call_set_aux(call, rule->pattern, compiled, pattern_free); // may free it at once
    if (rc == SQLITE_OK)
        return true;
    call_result_error_nomem(call);
    return false;
}

static const MatchRule pattern_first = {.pattern = 0, .text = 1};
static const MatchRule pattern_first_folded = {.pattern = 0, .text = 1, .ignore_case = true};
static const MatchRule text_first = {.pattern = 1, .text = 0};
static const MatchRule text_first_groups = {.pattern = 1, .text = 0, .groups = REGEX_GROUPS_MAX};

// The operator's operands the other way round: X REGEXP Y is regexp(Y, X).
static void fn_regexp(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    Match match;
    (void)arg_count;
    if (find_match(call, args, call_user_data(call), &match))
        call_result_i64(call, match.found);
}

// A group that took no part in the match is NULL, and so is a number that no group has.
static void result_group(FuncCall *call, const Match *match, i64 group)
{
    ASSERT(match->text != NULL);

    if (!match->found || group < 0 || group >= REGEX_GROUPS_MAX || match->groups[group].start < 0)
        return; // NULL
    const RegexSpan *at = &match->groups[group];
    ASSERT(at->start <= at->end && at->end <= (i64)match->size);
    call_result_text(call, match->text + at->start, (u64)(at->end - at->start), SQLITE_UTF8,
                     SQLITE_TRANSIENT);
}

static void fn_regexp_substr(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    Match match;
    (void)arg_count;
    if (find_match(call, args, &text_first_groups, &match))
        result_group(call, &match, 0);
}

// Without a number the first group.
static void fn_regexp_capture(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2 || arg_count == 3);

    Match match;
    if (find_match(call, args, &text_first_groups, &match))
        result_group(call, &match, arg_count > 2 ? value_i64(args[2]) : 1);
}

// \1 to \9 in the replacement are the groups, \0 the whole match, \\ a backslash. A group that
// took no part is nothing.
static void add_replacement(Buffer *out, const Match *match, const char *by)
{
    ASSERT(match->found);

    for (; *by != '\0'; by++) {
        if (*by != '\\' || by[1] == '\0') {
            buffer_add_char(out, *by);
            continue;
        }
        by++;
        if (*by < '0' || *by > '9') {
            buffer_add_char(out, *by);
            continue;
        }
        const RegexSpan *at = &match->groups[*by - '0'];
        if (at->start >= 0)
            buffer_add(out, match->text + at->start, (size_t)(at->end - at->start));
    }
}

// The first match only; without a replacement it is cut out.
static void fn_regexp_replace(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2 || arg_count == 3);

    Match match;
    const char *by = arg_count > 2 ? value_text(args[2], SQLITE_UTF8) : "";
    if (by == NULL || !find_match(call, args, &text_first_groups, &match))
        return;
    if (!match.found) {
        call_result_value(call, args[0]);
        return;
    }
    Buffer out = {0};
    const RegexSpan *whole = &match.groups[0];
    buffer_add(&out, match.text, (size_t)whole->start);
    add_replacement(&out, &match, by);
    buffer_add(&out, match.text + whole->end, match.size - (size_t)whole->end);
    call_result_buffer(call, &out, false);
}

enum { PURE = FUNC_BUILTIN | FUNC_PURE | FUNC_INNOCUOUS };

#define REGEXP_TEST(NAME, RULE)                                      \
    {                                                                \
        (NAME), 2, PURE, .encoding = SQLITE_UTF8, .call = fn_regexp, \
                         .user_data = (void *)(uintptr_t) & (RULE)   \
    }

const FuncDef func_regexp_table[] = {
    REGEXP_TEST("regexp", pattern_first),
    {"regexp_capture", 2, PURE, .encoding = SQLITE_UTF8, .call = fn_regexp_capture},
    {"regexp_capture", 3, PURE, .encoding = SQLITE_UTF8, .call = fn_regexp_capture},
    REGEXP_TEST("regexp_like", text_first),
    {"regexp_replace", 2, PURE, .encoding = SQLITE_UTF8, .call = fn_regexp_replace},
    {"regexp_replace", 3, PURE, .encoding = SQLITE_UTF8, .call = fn_regexp_replace},
    {"regexp_substr", 2, PURE, .encoding = SQLITE_UTF8, .call = fn_regexp_substr},
    REGEXP_TEST("regexpi", pattern_first_folded),
    {0},
};
