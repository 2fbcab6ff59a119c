// x LIKE 'abc%' and x GLOB 'abc*' bound x from both sides: x >= 'ABC' AND x < 'abd' under the
// collation that matches the operator (NOCASE or BINARY). The bounds only help an index with that
// collation.

#include "func/like.h"
#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

typedef struct LikePrefix {
    char *text; // characters before the first wildcard, escapes resolved
    u32 size;
    bool complete; // the pattern is the prefix and one trailing "any"
    const LikeRule *rule;
} LikePrefix;

static bool is_wildcard(char c, const LikeRule *rule)
{
    ASSERT(rule->match_all != 0 && rule->match_one != 0);

    u8 b = (u8)c;
    return b == rule->match_all || b == rule->match_one
           || (rule->match_set != 0 && b == rule->match_set);
}

// The escape character, 0 for none; false when it is no one-character literal.
static bool like_escape(const Expr *call, char *escape)
{
    ASSERT(call->list->count >= 2);

    *escape = 0;
    if (call->list->count < 3)
        return true;
    const Expr *e = call->list->items[2].expr;
    if (e->kind != EX_STRING || e->size != 1)
        return false;
    *escape = e->text[0];
    return *escape != '%' && *escape != '_';
}

// In UTF-16 only ASCII has the same order as in the UTF-8 of the pattern.
static bool has_other_order(const JoinQuery *q, char c)
{
    return (u8)c >= 0x80 && q->db->encoding != SQLITE_UTF8;
}

// The pattern's characters before the first wildcard. 0xff cannot be raised to the next byte for
// the upper bound, so the prefix ends before it.
static int read_prefix(JoinQuery *q, const Expr *pattern, char escape, LikePrefix *out)
{
    ASSERT(pattern->kind == EX_STRING && out->rule != NULL);

    out->text = arena_alloc(q->arena, (size_t)pattern->size + 1);
    if (out->text == NULL)
        return SQLITE_NOMEM;
    out->size = 0;
    u32 i = 0;
    for (; i < pattern->size; i++) {
        char c = pattern->text[i];
        if (c == 0 || is_wildcard(c, out->rule))
            break;
        if (escape != 0 && c == escape) {
            i++;
            if (i == pattern->size)
                break;
            c = pattern->text[i];
        }
        if ((u8)c == 0xff || has_other_order(q, c))
            break;
        out->text[out->size++] = c;
    }
    out->text[out->size] = 0;
    out->complete = i + 1 == pattern->size && (u8)pattern->text[i] == out->rule->match_all;
    return SQLITE_OK;
}

static bool reads_as_number(const LikePrefix *prefix)
{
    ASSERT(prefix->size > 0);

    ParsedNumber number;
    number_parse(prefix->text, prefix->size, &number);
    return number.kind != NUMBER_NONE && number.whole;
}

// On a column that is not TEXT, a prefix that reads as a number could match numbers, which sort
// elsewhere.
static bool prefix_suits_column(const Expr *left, const LikePrefix *prefix)
{
    ASSERT(prefix->size > 0);

    const Expr *bare = expr_skip_collate_likely(left);
    if (bare->kind == EX_COLUMN && expr_affinity(bare) == AFF_TEXT
        && (bare->u.column.item->table == NULL
            || bare->u.column.item->table->kind != TABLE_VIRTUAL))
        return true;
    if (reads_as_number(prefix) || (prefix->size == 1 && prefix->text[0] == '-'))
        return false;
    // Nor may its upper bound, whose last character is the next one.
    char *last = &prefix->text[prefix->size - 1];
    (*last)++;
    bool bound_is_number = reads_as_number(prefix);
    (*last)--;
    return !bound_is_number;
}

static void fold_ascii(char *text, u32 size, bool upper)
{
    for (u32 i = 0; i < size; i++) {
        char c = text[i];
        if (upper && c >= 'a' && c <= 'z')
            text[i] = (char)(c - 32);
        else if (!upper && c >= 'A' && c <= 'Z')
            text[i] = (char)(c + 32);
    }
}

static Expr *bound_make(JoinQuery *q, const Expr *like, u8 kind, const LikePrefix *prefix,
                        const char *text)
{
    ASSERT(kind == EX_GE || kind == EX_LT);

    Expr *value = expr_make(q, EX_STRING, NULL, NULL, NULL);
    Expr *collate = expr_make(q, EX_COLLATE, like->list->items[1].expr, NULL, NULL);
    if (value == NULL || collate == NULL)
        return NULL;
    value->text = text;
    value->size = prefix->size;
    collate->text = prefix->rule->fold_case ? "NOCASE" : "BINARY";
    collate->flags |= EXPR_HAS_COLLATE;
    return expr_make(q, kind, collate, value, like);
}

static int add_bounds(Term *term, LikePrefix *prefix)
{
    ASSERT(prefix->size > 0 && (u8)prefix->text[prefix->size - 1] < 0xff);

    JoinQuery *q = term->list->query;
    char *low = arena_dup(q->arena, prefix->text, prefix->size);
    char *high = arena_dup(q->arena, prefix->text, prefix->size);
    if (low == NULL || high == NULL)
        return SQLITE_NOMEM;
    if (prefix->rule->fold_case) {
        fold_ascii(low, prefix->size, true);
        fold_ascii(high, prefix->size, false);
        if (high[prefix->size - 1] == 'A' - 1)
            prefix->complete = false; // the next character, folded, would jump over the capitals
    }
    high[prefix->size - 1] = (char)((u8)high[prefix->size - 1] + 1);
    u32 flags = prefix->rule->fold_case ? TERM_CASE_BLIND : 0;
    Expr *above = bound_make(q, term->expr, EX_GE, prefix, low);
    Expr *below = bound_make(q, term->expr, EX_LT, prefix, high);
    if (above == NULL || below == NULL)
        return SQLITE_NOMEM;
    Term *first, *second;
    TRY(term_list_append(term->list, above, TERM_VIRTUAL | TERM_LIKE_PAIR | TERM_LIKE_HALF | flags,
                         &first));
    TRY(term_analyze(first));
    TRY(term_list_append(term->list, below, TERM_VIRTUAL | TERM_LIKE_PAIR | TERM_LIKE_HALF | flags,
                         &second));
    TRY(term_analyze(second));
    term->flags |= TERM_FROM_LIKE;
    // Blobs are compared byte by byte, so folded bounds let some through that do not match.
    // So are those that UTF-16 makes of little-endian text: their characters are others.
    bool is_swapped = q->db->encoding == SQLITE_UTF16LE;
    if (prefix->complete && !prefix->rule->fold_case && !is_swapped) {
        first->parent = second->parent = term;
        term->child_count = 2;
        term->flags |= TERM_COPIED;
    }
    return SQLITE_OK;
}

// The pattern as a literal; a parameter stands for the text bound to it. NULL: neither.
static const Expr *pattern_literal(JoinQuery *q, const Expr *pattern)
{
    if (pattern->kind == EX_STRING)
        return pattern;
    if (pattern->kind != EX_PARAM || (q->db->flags & CONN_FLAG(ENABLE_QPSG)) != 0)
        return NULL;
    Value *value = plan_param_value(q, pattern, AFF_BLOB);
    if (value == NULL || (value->flags & V_TEXT) == 0 || q->db->encoding != SQLITE_UTF8)
        return NULL;
    Expr *literal = expr_make(q, EX_STRING, NULL, NULL, NULL);
    const char *text = arena_dup(q->arena, (const char *)value->bytes, value->size);
    if (literal == NULL || text == NULL)
        return NULL;
    literal->text = text;
    literal->size = value->size;
    return literal;
}

int term_analyze_like(Term *term)
{
    ASSERT(term->expr->kind == EX_CALL);

    JoinQuery *q = term->list->query;
    Expr *e = term->expr;
    LikePrefix prefix = {0};
    prefix.rule = plan_like_rule(e);
    if (prefix.rule == NULL || e->list == NULL || e->list->count < 2)
        return SQLITE_OK;
    char escape;
    const Expr *pattern = pattern_literal(q, expr_skip_collate(e->list->items[0].expr));
    if (pattern == NULL || !like_escape(e, &escape))
        return SQLITE_OK;
    TRY(read_prefix(q, pattern, escape, &prefix));
    if (prefix.size == 0 || (u8)prefix.text[prefix.size - 1] == 0xff
        || !prefix_suits_column(e->list->items[1].expr, &prefix))
        return SQLITE_OK;
    ColumnMatch match;
    if (!term_matches_column(q, e->list->items[1].expr, TERM_GE, &match))
        return SQLITE_OK;
    return add_bounds(term, &prefix);
}
