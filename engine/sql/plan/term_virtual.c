// Constraints that only virtual tables understand: MATCH, LIKE, GLOB, REGEXP, <>, IS NOT, NOT NULL,
// and functions their xFindFunction claims. Each becomes a virtual child which xBestIndex may
// consume.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

// The column of a virtual table that `e` is; NULL: it is none.
static const Expr *virtual_column(const Expr *e)
{
    e = expr_skip_collate_likely(e);
    if (e == NULL || e->kind != EX_COLUMN)
        return NULL;
    const Table *table = e->u.column.item->table;
    return table != NULL && table->kind == TABLE_VIRTUAL ? e : NULL;
}

static int add_aux(Term *term, u8 aux_op, const Expr *column, Expr *value)
{
    ASSERT(column->kind == EX_COLUMN);
    ASSERT(aux_op != 0);

    JoinQuery *q = term->list->query;
    TableMask needs = value == NULL ? 0 : expr_mask(q, value);
    if (query_item_mask(q, column->u.column.item) == 0
        || (needs & query_item_mask(q, column->u.column.item)) != 0)
        return SQLITE_OK;
    if (value == NULL)
        value = expr_make(q, EX_NULL, NULL, NULL, NULL);
    Expr *e = expr_make(q, EX_EQ, (Expr *)(uintptr_t)column, value, term->expr);
    if (e == NULL)
        return SQLITE_NOMEM;
    Term *child;
    TRY(term_add_child(term, e, &child));
    child->aux_op = aux_op;
    child->op = TERM_AUX;
    child->cursor = column->u.column.item->cursor;
    child->column = column->u.column.index;
    child->column_expr = (Expr *)(uintptr_t)column;
    child->prereq_right = needs | (term->prereq_right & ~term->prereq_all);
    child->prereq_all = term->prereq_all;
    term->flags |= TERM_COPIED;
    return SQLITE_OK;
}

// `column MATCH x` is match(x, column): the operators have their column last. A function the module
// claims has it first.
static int analyze_call(Term *term)
{
    ASSERT(term->expr->kind == EX_CALL);

    static const struct {
        const char *name;
        u8 op;
    } operators[] = {{"match", SQLITE_INDEX_CONSTRAINT_MATCH},
                     {"glob", SQLITE_INDEX_CONSTRAINT_GLOB},
                     {"like", SQLITE_INDEX_CONSTRAINT_LIKE},
                     {"regexp", SQLITE_INDEX_CONSTRAINT_REGEXP}};
    Expr *e = term->expr;
    if (e->list == NULL || e->list->count != 2 || e->u.call == NULL)
        return SQLITE_OK;
    const Expr *column = virtual_column(e->list->items[1].expr);
    for (u32 i = 0; column != NULL && i < ARRAY_LEN(operators); i++) {
        if (name_equals(e->text, operators[i].name))
            return add_aux(term, operators[i].op, column, e->list->items[0].expr);
    }
    column = virtual_column(e->list->items[0].expr);
    u8 claimed = column == NULL ? 0 : plan_virtual_function(term->list->query, column, e);
    if (claimed >= SQLITE_INDEX_CONSTRAINT_FUNCTION)
        return add_aux(term, claimed, column, e->list->items[1].expr);
    return SQLITE_OK;
}

int term_analyze_virtual(Term *term)
{
    Expr *e = term->expr;
    if (term->list->query->item_count == 0 || (term->flags & TERM_VIRTUAL) != 0)
        return SQLITE_OK;
    u8 op;
    switch (e->kind) {
    case EX_CALL: return analyze_call(term);
    case EX_NE: op = SQLITE_INDEX_CONSTRAINT_NE; break;
    case EX_IS_NOT: op = SQLITE_INDEX_CONSTRAINT_ISNOT; break;
    case EX_NOT_NULL: op = SQLITE_INDEX_CONSTRAINT_ISNOTNULL; break;
    default: return SQLITE_OK; // binds nothing
    }
    const Expr *column = virtual_column(e->left);
    if (column != NULL)
        TRY(add_aux(term, op, column, e->right));
    column = e->right == NULL ? NULL : virtual_column(e->right);
    if (column != NULL)
        TRY(add_aux(term, op, column, e->left));
    return SQLITE_OK;
}

// --- LIMIT and OFFSET ---

// Every condition must be one that the module is told of, and so must the order.
static bool limits_reach(const JoinQuery *q, const FromItem *item)
{
    const int cursor = item->cursor;
    for (u32 i = 0; i < q->terms.count; i++) {
        const Term *term = q->terms.items[i];
        bool is_known = (term->flags & TERM_CODED) != 0 || term->child_count > 0
                        || (term->cursor == cursor && term->prereq_right == 0);
        if (!is_known)
            return false;
    }
    const ExprList *order = q->request->order_by;
    for (u32 i = 0; order != NULL && i < order->count; i++) {
        const Expr *e = order->items[i].expr;
        const bool is_column = e->kind == EX_COLUMN && e->u.column.item->cursor == cursor;
        if (order->items[i].has_nulls || (!is_column && !plan_is_order_function(q, e, item)))
            return false;
    }
    return true;
}

static int add_limit(JoinQuery *q, u8 aux_op, Expr *value)
{
    ASSERT(q->item_count == 1 && value != NULL);

    Expr *nothing = expr_make(q, EX_NULL, NULL, NULL, NULL);
    Expr *e = nothing != NULL ? expr_make(q, EX_EQ, nothing, value, NULL) : NULL;
    if (e == NULL)
        return SQLITE_NOMEM;
    Term *term;
    TRY(term_add_made(&q->terms, e, &term));
    term->aux_op = aux_op;
    term->op = TERM_AUX;
    term->flags |= TERM_LIMIT_OFFSET;
    term->cursor = q->from->items[0]->cursor;
    return SQLITE_OK;
}

int term_add_limits(JoinQuery *q)
{
    ASSERT(q->request->offset == NULL || q->request->limit != NULL);

    const JoinRequest *request = q->request;
    const Select *select = request->select;
    if (request->limit == NULL || select == NULL || q->item_count != 1)
        return SQLITE_OK;
    const FromItem *item = q->from->items[0];
    bool is_whole =
        (select->flags & (SELECT_DISTINCT | SELECT_AGGREGATE | SELECT_COMPOUND_TERM)) == 0
        && select->prior == NULL && select->group_by == NULL;
    if (!is_whole || item->table == NULL || item->table->kind != TABLE_VIRTUAL
        || !limits_reach(q, item))
        return SQLITE_OK;
    if (request->offset != NULL)
        TRY(add_limit(q, SQLITE_INDEX_CONSTRAINT_OFFSET, request->offset));
    return add_limit(q, SQLITE_INDEX_CONSTRAINT_LIMIT, request->limit);
}
