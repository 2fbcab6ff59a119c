// What one WHERE term is good for: which column it binds, by which comparison, and which items must
// be at hand before it can be tested. Terms that follow from others (a commuted copy, the two
// halves of BETWEEN, the fields of a row comparison) are added as virtual children: when an index
// consumes all children of a term, the term itself need not be tested again.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

Expr *expr_make(JoinQuery *q, u8 kind, Expr *left, Expr *right, const Expr *like)
{
    Expr *e = arena_alloc_zeroed(q->arena, sizeof *e);
    if (e == NULL)
        return NULL;
    e->kind = kind;
    e->left = left;
    e->right = right;
    e->offset = NO_OFFSET;
    u32 height = left != NULL ? left->height : 0;
    if (right != NULL && right->height > height)
        height = right->height;
    e->height = height + 1;
    u32 below = (left != NULL ? left->flags : 0) | (right != NULL ? right->flags : 0);
    e->flags = below
               & (EXPR_HAS_COLLATE | EXPR_HAS_CALL | EXPR_HAS_SUBQUERY | EXPR_HAS_PARAM
                  | EXPR_NONDETERMINISTIC);
    if (like != NULL)
        expr_inherit_on(e, like);
    return e;
}

void expr_inherit_on(Expr *e, const Expr *from)
{
    e->flags |= from->flags & (EXPR_OUTER_ON | EXPR_INNER_ON);
    e->on_item = from->on_item;
}

u16 term_op_of_kind(u8 kind)
{
    switch (kind) {
    case EX_EQ: return TERM_EQ;
    case EX_IS: return TERM_IS;
    case EX_LT: return TERM_LT;
    case EX_LE: return TERM_LE;
    case EX_GT: return TERM_GT;
    case EX_GE: return TERM_GE;
    case EX_IN: return TERM_IN;
    case EX_IS_NULL: return TERM_ISNULL;
    default: return 0; // binds nothing
    }
}

static u8 commuted_kind(u8 kind)
{
    ASSERT(term_op_of_kind(kind) != 0);

    switch (kind) {
    case EX_LT: return EX_GT;
    case EX_LE: return EX_GE;
    case EX_GT: return EX_LT;
    case EX_GE: return EX_LE;
    default: return kind; // symmetric
    }
}

static bool index_expr_matches(const JoinQuery *q, const FromItem *item, const Expr *side,
                               Expr **column_expr)
{
    if (item->table == NULL || (expr_mask(q, side) & query_item_mask(q, item)) == 0)
        return false;
    for (Index *index = plan_bound_indexes(q, item); index != NULL; index = index->next) {
        for (u32 i = 0; index->exprs != NULL && i < index->key_count; i++) {
            if (index->columns[i] == COLUMN_EXPR && expr_equal(index->exprs[i], side)) {
                *column_expr = index->exprs[i];
                return true;
            }
        }
    }
    return false;
}

// Is this side of a comparison a column of some item of the join, or an expression that is indexed?
bool term_matches_column(const JoinQuery *q, Expr *side, u16 op, ColumnMatch *out)
{
    const Expr *bare = expr_skip_collate_likely(side);
    if (bare != NULL && bare->kind == EX_VECTOR && (op & TERM_RANGE) != 0)
        bare = expr_skip_collate_likely(bare->list->items[0].expr); // (a, b) > ... bounds a
    if (bare == NULL)
        return false;
    if (bare->kind == EX_COLUMN) {
        if (query_item_mask(q, bare->u.column.item) == 0)
            return false;
        *out = (ColumnMatch){bare->u.column.item->cursor, plan_column_number(bare),
                             (Expr *)(uintptr_t)bare};
        return true;
    }
    for (u32 i = 0; i < q->item_count; i++) {
        if (index_expr_matches(q, q->from->items[i], bare, &out->expr)) {
            out->cursor = q->from->items[i]->cursor;
            out->column = COLUMN_EXPR;
            return true;
        }
    }
    return false;
}

static void term_bind(Term *term, const ColumnMatch *match)
{
    ASSERT(match->cursor >= 0 && match->column >= COLUMN_EXPR);
    ASSERT(match->expr != NULL);

    term->cursor = match->cursor;
    term->column = match->column;
    term->column_expr = match->expr;
}

// column = column where one may stand for the other anywhere in the WHERE clause, whichever of them
// names the collation there.
static bool is_equivalence(const JoinQuery *q, const Expr *e)
{
    ASSERT(e->left != NULL && e->right != NULL);

    if (e->kind != EX_EQ && e->kind != EX_IS)
        return false;
    if ((e->flags & EXPR_OUTER_ON) != 0)
        return false;
    if (e->kind == EX_IS && q->item_count >= 2 && (q->from->items[0]->join & JOIN_LEFT_OF_RIGHT))
        return false;
    u8 left = (u8)expr_affinity(e->left), right = (u8)expr_affinity(e->right);
    if (left != right && (left < AFF_NUMERIC || right < AFF_NUMERIC))
        return false;
    return name_equals(plan_collation_name(e->left), plan_collation_name(e->right));
}

// The right side is a column too: binds it by a commuted copy (or by the term itself when the left
// side binds nothing).
static int analyze_commuted(Term *term, TableMask prereq_right, u16 allowed,
                            const ColumnMatch *match)
{
    ASSERT(match->cursor >= 0);
    ASSERT((term->flags & TERM_COPIED) == 0);

    JoinQuery *q = term->list->query;
    Expr *e = term->expr;
    Expr *swapped = expr_make(q, commuted_kind(e->kind), e->right, e->left, e);
    if (swapped == NULL)
        return SQLITE_NOMEM;
    swapped->flags |= (e->flags ^ EXPR_COMMUTED) & EXPR_COMMUTED;
    swapped->offset = e->offset;
    Term *target = term;
    u16 extra = 0;
    if (term->cursor >= 0) {
        TRY(term_add_child(term, swapped, &target));
        term->flags |= TERM_COPIED;
        target->flags |= term->flags & TERM_IS_OP;
        if (is_equivalence(q, e)) {
            term->op |= TERM_EQUIV;
            extra = TERM_EQUIV;
        }
    } else {
        target->expr = swapped;
    }
    term_bind(target, match);
    target->prereq_right = prereq_right;
    target->prereq_all = term->prereq_all;
    target->op = (u16)((term_op_of_kind(swapped->kind) | extra) & allowed);
    return SQLITE_OK;
}

static int analyze_comparison(Term *term, TableMask prereq_left, TableMask extra_right)
{
    ASSERT(term_op_of_kind(term->expr->kind) != 0);
    ASSERT(term->cursor < 0);

    JoinQuery *q = term->list->query;
    Expr *e = term->expr;
    u16 allowed = (term->prereq_right & prereq_left) == 0 ? TERM_ALL : TERM_EQUIV;
    u16 op = term_op_of_kind(e->kind);
    ColumnMatch match;

    Expr *left = term->field > 0 ? e->left->list->items[term->field - 1].expr : e->left;
    if (term_matches_column(q, left, op, &match)) {
        term_bind(term, &match);
        term->op = op & allowed;
    }
    if (e->kind == EX_IS)
        term->flags |= TERM_IS_OP;
    if (e->right != NULL && e->kind != EX_IN && term_matches_column(q, e->right, op, &match))
        return analyze_commuted(term, prereq_left | extra_right, allowed, &match);
    return SQLITE_OK;
}

// x BETWEEN a AND b stays as the test; its halves only help an index to bounds.
static int analyze_between(Term *term)
{
    ASSERT(term->expr->list->count == 2);

    static const u8 kinds[2] = {EX_GE, EX_LE};
    JoinQuery *q = term->list->query;
    Expr *e = term->expr;
    for (int i = 0; i < 2; i++) {
        Expr *half = expr_make(q, kinds[i], e->left, e->list->items[i].expr, e);
        Term *child;
        if (half == NULL)
            return SQLITE_NOMEM;
        TRY(term_add_child(term, half, &child));
        TRY(term_analyze(child));
    }
    return SQLITE_OK;
}

// x NOT NULL is x > NULL to an index: NULLs come first.
static int analyze_not_null(Term *term)
{
    ASSERT(term->expr->kind == EX_NOT_NULL);

    JoinQuery *q = term->list->query;
    const Expr *bare = expr_skip_collate_likely(term->expr->left);
    if (bare == NULL || bare->kind != EX_COLUMN || (term->expr->flags & EXPR_OUTER_ON) != 0
        || query_item_mask(q, bare->u.column.item) == 0 || plan_column_number(bare) < 0)
        return SQLITE_OK;
    Expr *null = expr_make(q, EX_NULL, NULL, NULL, NULL);
    Expr *above = expr_make(q, EX_GT, term->expr->left, null, term->expr);
    if (null == NULL || above == NULL)
        return SQLITE_NOMEM;
    Term *child;
    TRY(term_add_child(term, above, &child));
    child->flags |= TERM_VNULL;
    child->cursor = bare->u.column.item->cursor;
    child->column = plan_column_number(bare);
    child->column_expr = (Expr *)(uintptr_t)bare;
    child->op = TERM_GT;
    child->prereq_all = term->prereq_all;
    term->flags |= TERM_COPIED;
    return SQLITE_OK;
}

static Expr *vector_item(JoinQuery *q, Expr *vector, u32 i)
{
    ASSERT(i < expr_vector_size(vector));

    if (vector->kind == EX_VECTOR)
        return vector->list->items[i].expr;
    Expr *field = expr_make(q, EX_FIELD, vector, NULL, NULL);
    if (field != NULL)
        field->u.field = (int)i;
    return field;
}

// (a, b) = (x, y) is a = x AND b = y.
static int analyze_vector_equal(Term *term)
{
    ASSERT(term->field == 0 && !term->list->is_or);

    JoinQuery *q = term->list->query;
    Expr *e = term->expr;
    u32 size = expr_vector_size(e->left);
    if (size < 2 || expr_vector_size(e->right) != size
        || (e->left->kind == EX_SELECT && e->right->kind == EX_SELECT))
        return SQLITE_OK;
    for (u32 i = 0; i < size; i++) {
        Expr *left = vector_item(q, e->left, i), *right = vector_item(q, e->right, i);
        Expr *one = left == NULL || right == NULL ? NULL : expr_make(q, e->kind, left, right, e);
        Term *child;
        if (one == NULL)
            return SQLITE_NOMEM;
        TRY(term_list_append(term->list, one, TERM_SLICE, &child)); // takes its parent's place
        TRY(term_analyze(child));
    }
    term->flags |= TERM_CODED | TERM_VIRTUAL;
    term->op = 0;
    return SQLITE_OK;
}

// (a, b) IN (SELECT x, y ...) binds a and b.
static int analyze_vector_in(Term *term)
{
    ASSERT(term->field == 0 && !term->list->is_or);

    Expr *e = term->expr;
    u32 size = expr_vector_size(e->left);
    bool is_compound =
        e->select != NULL && e->select->prior != NULL && (e->select->flags & SELECT_VALUES) == 0;
    if (e->left->kind != EX_VECTOR || e->select == NULL || is_compound
        || (e->select->flags & SELECT_HAS_WINDOW) != 0)
        return SQLITE_OK;
    for (u32 i = 0; i < size; i++) {
        Term *child;
        TRY(term_list_append(term->list, e, TERM_VIRTUAL | TERM_SLICE, &child));
        child->field = (int)i + 1;
        child->parent = term;
        term->child_count++;
        TRY(term_analyze(child));
    }
    return SQLITE_OK;
}

// ON terms of an outer join wait for its right side, and may not bind columns of its left side.
static int analyze_on(Term *term, TableMask *extra_right)
{
    JoinQuery *q = term->list->query;
    Expr *e = term->expr;
    *extra_right = 0;
    if ((e->flags & (EXPR_OUTER_ON | EXPR_INNER_ON)) == 0)
        return SQLITE_OK;
    TableMask side = query_cursor_mask(q, e->on_item);
    // In a branch of OR, what was looked at once stands in another order.
    bool looks_right =
        (q->flags & WANT_OR_BRANCH) == 0 && side != 0 && (term->prereq_all >> 1) >= side;
    if ((e->flags & EXPR_OUTER_ON) != 0) {
        term->prereq_all |= side;
        *extra_right = side == 0 ? 0 : side - 1;
        if (looks_right)
            return connection_error(q->db, SQLITE_ERROR,
                                    "ON clause references tables to its right");
    } else if (looks_right) {
        if ((q->from->items[0]->join & JOIN_LEFT_OF_RIGHT) != 0)
            return connection_error(q->db, SQLITE_ERROR,
                                    "ON clause references tables to its right");
        e->flags &= ~(u32)EXPR_INNER_ON;
    }
    return SQLITE_OK;
}

// likely(x) is x with another guess of how often it holds; the call itself is never made.
static void note_truth(Term *term)
{
    Expr *e = term->expr;
    if (e->kind != EX_CALL || (e->flags & EXPR_UNLIKELY) == 0 || e->list == NULL)
        return;
    term->truth = plan_likelihood(e);
    term->expr = e->list->items[0].expr;
    expr_inherit_on(term->expr, e);
}

int term_analyze(Term *term)
{
    ASSERT(term->cursor == -1 && term->op == 0);

    JoinQuery *q = term->list->query;
    note_truth(term);
    Expr *e = (Expr *)(uintptr_t)expr_skip_collate_likely(term->expr);
    if (e == NULL)
        return SQLITE_OK;
    term->expr = e;
    TableMask prereq_left = expr_mask(q, e->left);
    term->prereq_right = e->kind == EX_IN ? list_mask(q, e->list) : expr_mask(q, e->right);
    if (e->kind == EX_IN && e->select != NULL)
        term->prereq_right = select_mask(q, e->select);
    // Two sides are all there is to most terms, and none is looked through twice.
    bool has_two_sides = term_op_of_kind(e->kind) != 0 || e->kind == EX_OR || e->kind == EX_AND;
    term->prereq_all = has_two_sides ? prereq_left | term->prereq_right : expr_mask(q, e);
    ASSERT(term->prereq_all == expr_mask(q, e));
    TableMask extra_right;
    TRY(analyze_on(term, &extra_right));
    if (term_op_of_kind(e->kind) != 0) {
        TRY(analyze_comparison(term, prereq_left, extra_right));
    } else if (!term->list->is_or && e->kind == EX_BETWEEN) {
        TRY(analyze_between(term));
    } else if (e->kind == EX_OR) {
        TRY(term_analyze_or(term));
    } else if (e->kind == EX_NOT_NULL && !term->list->is_or) {
        TRY(analyze_not_null(term));
    } else if (e->kind == EX_CALL && !term->list->is_or) {
        TRY(term_analyze_like(term));
    }
    term->prereq_right |= extra_right;
    TRY(term_analyze_virtual(term));
    if (!term->list->is_or && term->field == 0) {
        if ((e->kind == EX_EQ || e->kind == EX_IS) && expr_vector_size(e->left) > 1)
            TRY(analyze_vector_equal(term));
        else if (e->kind == EX_IN && expr_vector_size(e->left) > 1)
            TRY(analyze_vector_in(term));
    }
    return SQLITE_OK;
}
