// LIKE and GLOB ("The LIKE, GLOB, REGEXP, MATCH, and extract operators",
// sqlite.org/lang_expr.html).
//
//    LIKE   %  any run   _  any character                  ASCII letters in either case
//    GLOB   *  any run   ?  any character   [a-z] [^a-z]   case counts
//
// Wildcards that match any run are tried shortest first, and only the last one met is ever tried
// again: a longer run for an earlier one could not help what follows the later one. So the cost is
// at most pattern length times text length, whatever the pattern, and there is no recursion.
//
// Most of the time goes into finding where a run may end. What follows it begins with an anchor
// (below) that memchr() or a word-wide search looks for, rather than matching at every character.

#include "func/like.h"

#include "base/utf.h"
#include <string.h>

const LikeRule like_rule_nocase = {'%', '_', 0, true};
const LikeRule like_rule_case = {'%', '_', 0, false};
const LikeRule like_rule_glob = {'*', '?', '[', false};

// Reads what follows '[' in a pattern and tells whether `c` is in the set. NULL: not, or the set
// is not closed; else where the pattern goes on. A ] is a member where it comes first, a - where
// it comes first or last. Ranges are of code points.
static const u8 *match_set(const u8 *p, const u8 *end, u32 c)
{
    ASSERT(p <= end);

    bool invert = false;
    bool seen = false;
    u32 former = 0; // begins a range if '-' follows
    if (p < end && *p == '^') {
        invert = true;
        p++;
    }
    if (p < end && *p == ']') { // not the end when it comes first
        seen = c == ']';
        p++;
    }
    while (p < end && *p != ']') {
        u32 member = utf8_next(&p, end);
        if (member == '-' && p < end && *p != ']' && former > 0) {
            u32 last = utf8_next(&p, end);
            seen |= c >= former && c <= last;
            former = 0;
        } else {
            seen |= c == member;
            former = member;
        }
    }
    return p < end && seen != invert ? p + 1 : NULL;
}

// One match in progress: the rule, the ESCAPE character (0: none) and where both texts end.
typedef struct Matcher {
    const LikeRule *rule;
    u32 escape;
    const u8 *pattern_end, *text_end;
} Matcher;

// Matches one character of the text by the pattern at p, which is not a run.
// NULL: it does not; else where the pattern goes on.
static inline const u8 *match_one(const Matcher *m, const u8 *p, u32 c)
{
    ASSERT(p < m->pattern_end);

    const LikeRule *rule = m->rule;
    u32 wanted = *p < 0x80 ? *p++ : utf8_next(&p, m->pattern_end);
    // An escape at the end of the pattern matches nothing, as in SQLite.
    if (wanted == m->escape && wanted != 0) {
        if (p == m->pattern_end)
            return NULL;
        wanted = utf8_next(&p, m->pattern_end);
    } else if (wanted == rule->match_one) {
        return p;
    } else if (wanted == rule->match_set && wanted != 0) {
        return match_set(p, m->pattern_end, c);
    }
    if (wanted == c)
        return p;
    if (rule->fold_case && wanted < 0x80 && c < 0x80
        && ascii_lower((u8)wanted) == ascii_lower((u8)c))
        return p;
    return NULL;
}

// At the escape character, be it % itself, no run begins.
static bool is_run(const Matcher *m, const u8 *p)
{
    return p < m->pattern_end && *p == m->rule->match_all && *p != m->escape;
}

// --- finding where a run may end ---

// What the text must hold for the pattern behind a run to match: `byte` at `offset`, and if that is
// a letter of either case, `second` behind it. Found byte by byte, which is sound because an ASCII
// character of the pattern that stands for itself matches one byte of the text.
typedef struct Anchor {
    u8 byte; // 0: none, every place may do
    u8 offset;
    bool folds;
    u8 second; // 0: any
} Anchor;

enum { ANCHOR_OFFSET_MAX = 12 };

// An ASCII character of the pattern that stands for itself. Wildcards are ASCII, an escape need
// not be.
static bool is_literal(const Matcher *m, const u8 *p)
{
    u8 c = p < m->pattern_end ? *p : 0;
    return c != 0 && c < 0x80 && c != m->rule->match_all && c != m->rule->match_one
           && c != m->rule->match_set && c != m->escape;
}

// Neither a letter, when case does not matter, nor a space, of which texts are full.
static bool is_rare(const Matcher *m, u8 c)
{
    bool folds = m->rule->fold_case && ascii_lower(c) != ascii_upper(c);
    return c != ' ' && !folds;
}

// The rarest byte near the beginning of what follows a run, for memchr() to look for.
static Anchor anchor_of(const Matcher *m, const u8 *p)
{
    ASSERT(p < m->pattern_end);

    if (!is_literal(m, p))
        return (Anchor){0};
    for (u8 i = 0; i < ANCHOR_OFFSET_MAX && is_literal(m, p + i); i++)
        if (is_rare(m, p[i]))
            return (Anchor){.byte = p[i], .offset = i};
    Anchor first = {.byte = ascii_lower(p[0])};
    first.folds = m->rule->fold_case && first.byte != ascii_upper(p[0]);
    if (!first.folds)
        first.byte = p[0];
    else if (is_literal(m, p + 1))
        first.second = ascii_lower(p[1]);
    return first;
}

// The first byte that is the letter `low` in either case: eight at a time, by the borrow that a
// zero byte draws when ones are subtracted. Setting bit 5 maps the two cases of a letter, and no
// other byte, to the small one.
static const u8 *find_letter(const u8 *s, const u8 *end, u8 low)
{
    const u64 ones = 0x0101010101010101ull;
    ASSERT(low >= 'a' && low <= 'z');

    for (; end - s >= 8; s += 8) {
        u64 word;
        memcpy(&word, s, 8);
        word = (word | 0x20 * ones) ^ low * ones;
        if (((word - ones) & ~word & 0x80 * ones) != 0)
            break;
    }
    while (s < end && (*s | 0x20) != low)
        s++;
    return s;
}

// The next place at or after `s` that satisfies the anchor, or the text's end.
static const u8 *skip_to_anchor(const Matcher *m, const Anchor *anchor, const u8 *s)
{
    ASSERT(s <= m->text_end);

    const u8 *end = m->text_end;
    if (anchor->byte == 0)
        return s;
    // Too little text is left for the anchor to lie in: nothing can match from here on.
    if (end - s <= anchor->offset)
        return end;
    if (!anchor->folds) {
        const u8 *found =
            memchr(s + anchor->offset, anchor->byte, (size_t)(end - s) - anchor->offset);
        return found != NULL ? found - anchor->offset : end;
    }
    for (;; s++) {
        s = find_letter(s, end, anchor->byte);
        if (s == end || anchor->second == 0)
            return s;
        if (s + 1 == end)
            return end;
        if (ascii_lower(s[1]) == anchor->second)
            return s;
    }
}

// --- the whole pattern ---

static bool match(const Matcher *m, const u8 *p, const u8 *s)
{
    ASSERT(p <= m->pattern_end && s <= m->text_end);

    const u8 *retry_pattern = NULL; // behind the last run
    const u8 *retry_text = NULL;
    Anchor anchor = {0}; // of retry_pattern
    for (;;) {
        if (is_run(m, p)) {
            while (is_run(m, p))
                p++;
            if (p == m->pattern_end)
                return true;
            anchor = anchor_of(m, p);
            retry_pattern = p;
            retry_text = s = skip_to_anchor(m, &anchor, s);
            continue;
        }
        if (p == m->pattern_end && s == m->text_end)
            return true;
        if (s == m->text_end)
            return false; // a later start would leave even less text
        const u8 *next = NULL;
        if (p < m->pattern_end) {
            u32 c = *s < 0x80 ? *s++ : utf8_next(&s, m->text_end);
            next = match_one(m, p, c);
        }
        if (next != NULL) {
            p = next;
            continue;
        }
        if (retry_pattern == NULL || retry_text == m->text_end)
            return false;
        // The run grows by one character, and what follows it is tried from there.
        utf8_next(&retry_text, m->text_end);
        p = retry_pattern;
        retry_text = s = skip_to_anchor(m, &anchor, retry_text);
    }
}

// For sqlite3_strlike() and sqlite3_strglob(), which have no connection and no limit.
bool like_match(const char *pattern, const char *text, const LikeRule *rule, u32 escape)
{
    ASSERT(pattern != NULL);
    ASSERT(text != NULL);

    Matcher m = {rule, escape, (const u8 *)pattern + strlen(pattern),
                 (const u8 *)text + strlen(text)};
    return match(&m, (const u8 *)pattern, (const u8 *)text);
}

// The length is counted in characters. False: NULL, or the call has failed.
static bool read_escape(FuncCall *call, Value *v, u32 *escape)
{
    const char *text = value_text(v, SQLITE_UTF8);
    if (text == NULL)
        return false;
    size_t size = strlen(text);
    if (utf8_length(text, size) != 1) {
        call_result_error(call, "ESCAPE expression must be a single character", -1, SQLITE_UTF8);
        return false;
    }
    const u8 *p = (const u8 *)text;
    *escape = utf8_next(&p, p + size);
    return true;
}

// like(pattern, text): the operator's operands the other way round. The limit on the pattern's
// size guards against cost, which is the product of both sizes.
void fn_like(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2 || arg_count == 3);

    int limit = call->db->limits[SQLITE_LIMIT_LIKE_PATTERN_LENGTH];
    if (value_text_size(args[0], SQLITE_UTF8) > (u32)limit) {
        call_result_error(call, "LIKE or GLOB pattern too complex", -1, SQLITE_UTF8);
        return;
    }
    u32 escape = 0;
    if (arg_count == 3 && !read_escape(call, args[2], &escape))
        return;
    u32 pattern_size;
    u32 text_size;
    const char *pattern = value_chars(args[0], SQLITE_UTF8, &pattern_size);
    const char *text = value_chars(args[1], SQLITE_UTF8, &text_size);
    if (pattern == NULL || text == NULL)
        return;
    // Both end at an embedded NUL.
    Matcher m = {call_user_data(call), escape, (const u8 *)pattern + strnlen(pattern, pattern_size),
                 (const u8 *)text + strnlen(text, text_size)};
    call_result_i64(call, match(&m, (const u8 *)pattern, (const u8 *)text));
}

enum {
    FLAGS = FUNC_BUILTIN | FUNC_PURE | FUNC_INNOCUOUS | FUNC_NULL_STRICT | FUNC_LIKE,
};

const FuncDef func_like_table[] = {
    {"glob", 2, FLAGS | FUNC_LIKE_CASE, .call = fn_like,
     .user_data = (void *)(uintptr_t)&like_rule_glob},
    {"like", 2, FLAGS, .call = fn_like, .user_data = (void *)(uintptr_t)&like_rule_nocase},
    {"like", 3, FLAGS, .call = fn_like, .user_data = (void *)(uintptr_t)&like_rule_nocase},
    {0},
};
