// regexp(pattern, text), behind the operator X REGEXP Y: does the pattern match somewhere in the
// text?
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
    int code = regcomp(compiled, buffer_text(&text), REG_EXTENDED | REG_NOSUB);
    buffer_deinit(&text);
    if (code == 0)
        return compiled;
    char why[128];
    regerror(code, compiled, why, sizeof why);
    call_result_error_format(call, "invalid regular expression: %s", why);
    mem_free(compiled);
    return NULL;
}

static void fn_regexp(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    (void)arg_count;
    const char *pattern = value_text(args[0], SQLITE_UTF8);
    const char *text = value_text(args[1], SQLITE_UTF8);
    if (pattern == NULL || text == NULL)
        return; // NULL
    regex_t *compiled = call_get_aux(call, 0);
    bool is_fresh = compiled == NULL;
    if (is_fresh) {
        compiled = pattern_compile(call, pattern);
        if (compiled == NULL)
            return;
    }
    call_result_i64(call, regexec(compiled, text, 0, NULL, 0) == 0);
    if (is_fresh)
        call_set_aux(call, 0, compiled, pattern_free); // may free it at once
}

const FuncDef func_regexp_table[] = {
    {"regexp", 2, FUNC_BUILTIN | FUNC_PURE | FUNC_INNOCUOUS, .encoding = SQLITE_UTF8,
     .call = fn_regexp},
    {0},
};
