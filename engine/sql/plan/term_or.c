// Terms joined by OR. Three uses: x = 1 OR x = 2 becomes x IN (1, 2); an OR all of whose disjuncts
// can use an index of the same item becomes a multi-index OR; anything else is just tested.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

// One disjunct that binds no column itself: perhaps an AND some of whose parts do.
static int analyze_conjunction(const Term *or_term, Term *disjunct, TableMask *binds)
{
    ASSERT(disjunct->list->is_or && disjunct->parts == NULL);

    JoinQuery *q = disjunct->list->query;
    TermList *parts = arena_alloc_zeroed(q->arena, sizeof *parts);
    if (parts == NULL)
        return SQLITE_NOMEM;
    term_list_init(parts, q);
    TRY(term_list_split(parts, disjunct->expr, EX_AND));
    parts->outer = or_term->list; // holds beside it; its fellow disjuncts need not
    TRY(term_list_analyze(parts));
    disjunct->parts = parts;
    disjunct->op = TERM_AND;
    *binds = 0;
    for (u32 i = 0; i < parts->count; i++) {
        const Term *part = parts->items[i];
        if (part->cursor >= 0 && part->op != 0)
            *binds |= query_cursor_mask(q, part->cursor);
    }
    return SQLITE_OK;
}

// Items for which an index may find this disjunct's rows.
static int disjunct_binds(const Term *or_term, Term *disjunct, TableMask *binds)
{
    ASSERT(disjunct->list->is_or);

    const JoinQuery *q = disjunct->list->query;
    if ((disjunct->op & TERM_SINGLE) == 0)
        return analyze_conjunction(or_term, disjunct, binds);
    if ((disjunct->flags & TERM_COPIED) != 0) {
        *binds = ~(TableMask)0; // its commuted copy answers for both
        return SQLITE_OK;
    }
    *binds = query_cursor_mask(q, disjunct->cursor);
    if ((disjunct->flags & TERM_VIRTUAL) != 0 && disjunct->parent != NULL)
        *binds |= query_cursor_mask(q, disjunct->parent->cursor);
    return SQLITE_OK;
}

// IN compares as its left side says; the disjunct as its right side may say too. They must agree.
static bool equality_on(const Term *t, const Term *model)
{
    ASSERT(model->cursor >= 0);

    if ((t->op & TERM_EQ) == 0 || t->cursor != model->cursor || t->column != model->column)
        return false;
    if (t->column == COLUMN_EXPR && !expr_equal(t->column_expr, model->column_expr))
        return false;
    if (((t->expr->flags ^ model->expr->flags) & EXPR_OUTER_ON) != 0)
        return false;
    u8 right = (u8)expr_affinity(t->expr->right);
    return right <= AFF_NONE || right == (u8)expr_affinity(t->expr->left);
}

// The form of disjunct `i` (itself or its commuted copy) which is an equality on model's column.
static const Term *find_equality(const TermList *parts, const Term *disjunct, const Term *model)
{
    ASSERT(disjunct->list == parts);

    if (equality_on(disjunct, model))
        return disjunct;
    for (u32 i = 0; i < parts->count; i++) {
        if (parts->items[i]->parent == disjunct && equality_on(parts->items[i], model))
            return parts->items[i];
    }
    return NULL;
}

static int make_in(Term *term, const TermList *parts, const Term *model, bool *made)
{
    ASSERT(parts->is_or && parts->count >= 2);

    JoinQuery *q = term->list->query;
    ExprList *values = arena_alloc_zeroed(q->arena, sizeof *values);
    if (values == NULL)
        return SQLITE_NOMEM;
    values->items = arena_array(q->arena, parts->count, sizeof *values->items);
    if (values->items == NULL)
        return SQLITE_NOMEM;
    values->capacity = parts->count;
    *made = false;
    for (u32 i = 0; i < parts->count; i++) {
        if ((parts->items[i]->flags & TERM_VIRTUAL) != 0)
            continue;
        const Term *equality = find_equality(parts, parts->items[i], model);
        if (equality == NULL)
            return SQLITE_OK;
        values->items[values->count++].expr = equality->expr->right;
    }
    Expr *in = expr_make(q, EX_IN, model->expr->left, NULL, term->expr);
    if (in == NULL)
        return SQLITE_NOMEM;
    in->list = values;
    Term *child;
    TRY(term_add_child(term, in, &child));
    *made = true;
    term->flags |= TERM_COPIED;
    return term_analyze(child);
}

// x = 1 OR x = 2. Of a = b OR a = c, either column may be the one; the first disjunct and its
// commuted copy name all there are.
static int try_in(Term *term, const TermList *parts)
{
    ASSERT(parts->is_or && parts->count >= 2);

    bool made = false;
    const Term *first = parts->items[0];
    for (u32 i = 0; i < parts->count && !made; i++) {
        const Term *model = parts->items[i];
        if ((model == first || model->parent == first) && (model->op & TERM_EQ) != 0
            && model->cursor >= 0)
            TRY(make_in(term, parts, model, &made));
    }
    return SQLITE_OK;
}

// --- what both of two disjuncts imply ---

// The comparison that holds when either does; 0: none. (< with > may be anything but equal.)
static u8 common_comparison(u16 one, u16 two)
{
    ASSERT(one != 0 && two != 0 && ((one | two) & ~TERM_COMPARE) == 0);

    u16 both = one | two;
    if ((both & (TERM_LT | TERM_LE)) != 0 && (both & (TERM_GT | TERM_GE)) != 0)
        return 0;
    switch (both) {
    case TERM_EQ: return EX_EQ;
    case TERM_LT: return EX_LT;
    case TERM_GT: return EX_GT;
    default: return (both & (TERM_LT | TERM_LE)) != 0 ? EX_LE : EX_GE;
    }
}

static int combine_pair(Term *term, const Term *one, const Term *two)
{
    ASSERT(!term->list->is_or);

    JoinQuery *q = term->list->query;
    u16 one_op = one->op & TERM_COMPARE, two_op = two->op & TERM_COMPARE;
    if (one_op == 0 || two_op == 0 || ((one->flags | two->flags) & TERM_VNULL) != 0
        || !expr_equal(one->expr->left, two->expr->left)
        || !expr_equal(one->expr->right, two->expr->right))
        return SQLITE_OK;
    u8 kind = common_comparison(one_op, two_op);
    if (kind == 0)
        return SQLITE_OK;
    Expr *e = expr_make(q, kind, one->expr->left, one->expr->right, term->expr);
    Term *made;
    if (e == NULL)
        return SQLITE_NOMEM;
    TRY(term_add_made(term->list, e, &made)); // no child: it does not prove the OR
    return term_analyze(made);
}

static u32 part_count(const Term *disjunct)
{
    ASSERT(disjunct->op != TERM_AND || disjunct->parts != NULL);

    return disjunct->op == TERM_AND ? disjunct->parts->count : 1;
}

static const Term *part_at(const Term *disjunct, u32 i)
{
    ASSERT(i < part_count(disjunct));
    return disjunct->op == TERM_AND ? disjunct->parts->items[i] : disjunct;
}

// a > 8 OR (a = 8 AND b > 7) implies a >= 8: one index may serve where two would else.
static int combine_disjuncts(Term *term, const TermList *parts)
{
    ASSERT(parts->is_or && parts->count >= 2);

    if (parts->count != 2)
        return SQLITE_OK;
    const Term *first = parts->items[0], *second = parts->items[1];
    for (u32 i = 0; i < part_count(first); i++) {
        for (u32 j = 0; j < part_count(second); j++)
            TRY(combine_pair(term, part_at(first, i), part_at(second, j)));
    }
    return SQLITE_OK;
}

int term_analyze_or(Term *term)
{
    ASSERT(term->expr->kind == EX_OR && term->parts == NULL);

    JoinQuery *q = term->list->query;
    TermList *parts = arena_alloc_zeroed(q->arena, sizeof *parts);
    if (parts == NULL)
        return SQLITE_NOMEM;
    term_list_init(parts, q);
    TRY(term_list_split(parts, term->expr, EX_OR));
    if (parts->count < 2)
        return SQLITE_OK;
    TRY(term_list_analyze(parts));
    TableMask indexable = ~(TableMask)0;
    for (u32 i = 0; i < parts->count; i++) {
        TableMask binds;
        TRY(disjunct_binds(term, parts->items[i], &binds));
        indexable &= binds;
    }
    term->parts = parts;
    term->indexable = indexable;
    term->op = indexable == 0 ? 0 : TERM_OR;
    if (indexable != 0)
        term->list->has_or = true;
    if (indexable == 0 || term->list->is_or)
        return SQLITE_OK;
    TRY(combine_disjuncts(term, parts));
    return try_in(term, parts);
}
