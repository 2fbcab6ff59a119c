// regexp(pattern, text), behind the operator X REGEXP Y: does the pattern match somewhere in the
// text? With the text first and more to say about the match: regexp_like(), regexp_substr(),
// regexp_capture(text, pattern[, group]), regexp_replace(text, pattern[, by]).
//
// Extended regular expressions of the C library, with \d and \D beside its \w \W \s \S \b. A
// compiled constant pattern is kept for the statement. Not part of SQLite's library; a function of
// that name which an application registers comes first.

#include "base/alloc.h"
#include "base/buffer.h"
#include "func/func.h"
#include <regex.h>

static void pattern_free(void *compiled)
{
    ASSERT(compiled != NULL);

    regfree(compiled);
    mem_free(compiled);
}

// \d and \D are the only classes the C library lacks.
static void translate(const char *pattern, Buffer *out)
{
    bool in_set = false;
    for (const char *p = pattern; *p != '\0'; p++) {
        if (*p == '\\' && (p[1] == 'd' || p[1] == 'D')) {
            buffer_add_text(out, in_set ? "0-9" : p[1] == 'd' ? "[0-9]" : "[^0-9]");
            p++;
        } else if (*p == '\\' && p[1] != '\0' && !in_set) {
            buffer_add(out, p, 2);
            p++;
        } else {
            in_set = *p == '[' || (in_set && *p != ']');
            buffer_add_char(out, *p);
        }
    }
}

static regex_t *pattern_compile(FuncCall *call, const char *pattern)
{
    Buffer text = {0};
    translate(pattern, &text);
    regex_t *compiled = mem_alloc(sizeof *compiled);
    if (compiled == NULL || text.rc != SQLITE_OK) {
        call_result_error_nomem(call);
        mem_free(compiled);
        buffer_deinit(&text);
        return NULL;
    }
    int code = regcomp(compiled, buffer_text(&text), REG_EXTENDED);
    buffer_deinit(&text);
    if (code == 0)
        return compiled;
    char why[128];
    regerror(code, compiled, why, sizeof why);
    call_result_error_format(call, "invalid regular expression: %s", why);
    mem_free(compiled);
    return NULL;
}

enum { GROUPS_MAX = 10 }; // the whole match, and \1 to \9

typedef struct Match {
    const char *text;
    bool found;
    regmatch_t groups[GROUPS_MAX];
} Match;

// Looks args[pattern] up in args[text]. false: an argument is NULL, or there was an error.
static bool find_match(FuncCall *call, Value **args, int pattern, int text, Match *match)
{
    ASSERT(pattern != text);

    const char *wanted = value_text(args[pattern], SQLITE_UTF8);
    match->text = value_text(args[text], SQLITE_UTF8);
    if (wanted == NULL || match->text == NULL)
        return false;
    regex_t *compiled = call_get_aux(call, pattern);
    bool is_fresh = compiled == NULL;
    if (is_fresh)
        compiled = pattern_compile(call, wanted);
    if (compiled == NULL)
        return false;
    match->found = regexec(compiled, match->text, GROUPS_MAX, match->groups, 0) == 0;
    if (is_fresh)
        call_set_aux(call, pattern, compiled, pattern_free); // may free it at once
    return true;
}

static void fn_regexp(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    Match match;
    (void)arg_count;
    if (find_match(call, args, 0, 1, &match))
        call_result_i64(call, match.found);
}

static void fn_regexp_like(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    Match match;
    (void)arg_count;
    if (find_match(call, args, 1, 0, &match))
        call_result_i64(call, match.found);
}

static void result_group(FuncCall *call, const Match *match, i64 group)
{
    if (!match->found || group < 0 || group >= GROUPS_MAX || match->groups[group].rm_so < 0)
        return; // NULL
    const regmatch_t *at = &match->groups[group];
    call_result_text(call, match->text + at->rm_so, (u64)(at->rm_eo - at->rm_so), SQLITE_UTF8,
                     SQLITE_TRANSIENT);
}

static void fn_regexp_substr(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    Match match;
    (void)arg_count;
    if (find_match(call, args, 1, 0, &match))
        result_group(call, &match, 0);
}

// Without a number the first group.
static void fn_regexp_capture(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2 || arg_count == 3);

    Match match;
    if (find_match(call, args, 1, 0, &match))
        result_group(call, &match, arg_count > 2 ? value_i64(args[2]) : 1);
}

// \1 to \9 in the replacement are the groups, \0 the whole match, \\ a backslash.
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
        const regmatch_t *at = &match->groups[*by - '0'];
        if (at->rm_so >= 0)
            buffer_add(out, match->text + at->rm_so, (size_t)(at->rm_eo - at->rm_so));
    }
}

// The first match only; without a replacement it is cut out.
static void fn_regexp_replace(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2 || arg_count == 3);

    Match match;
    const char *by = arg_count > 2 ? value_text(args[2], SQLITE_UTF8) : "";
    if (by == NULL || !find_match(call, args, 1, 0, &match))
        return;
    if (!match.found) {
        call_result_value(call, args[0]);
        return;
    }
    Buffer out = {0};
    buffer_add(&out, match.text, (size_t)match.groups[0].rm_so);
    add_replacement(&out, &match, by);
    buffer_add_text(&out, match.text + match.groups[0].rm_eo);
    call_result_buffer(call, &out, false);
}

enum { PURE = FUNC_BUILTIN | FUNC_PURE | FUNC_INNOCUOUS };

const FuncDef func_regexp_table[] = {
    {"regexp", 2, PURE, .encoding = SQLITE_UTF8, .call = fn_regexp},
    {"regexp_capture", 2, PURE, .encoding = SQLITE_UTF8, .call = fn_regexp_capture},
    {"regexp_capture", 3, PURE, .encoding = SQLITE_UTF8, .call = fn_regexp_capture},
    {"regexp_like", 2, PURE, .encoding = SQLITE_UTF8, .call = fn_regexp_like},
    {"regexp_replace", 2, PURE, .encoding = SQLITE_UTF8, .call = fn_regexp_replace},
    {"regexp_replace", 3, PURE, .encoding = SQLITE_UTF8, .call = fn_regexp_replace},
    {"regexp_substr", 2, PURE, .encoding = SQLITE_UTF8, .call = fn_regexp_substr},
    {0},
};
