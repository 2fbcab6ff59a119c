// Compound queries and recursive ones. UNION, INTERSECT and EXCEPT (and UNION ALL under an ORDER
// BY) merge their two sides, both sorted by all columns; a UNION ALL without an order runs one side
// after the other.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

static void *plan_new(PlanContext *plan, OperatorKind kind, size_t size)
{
    ASSERT(size >= sizeof(Operator));

    Operator *op = arena_alloc_zeroed(plan->arena, size);
    if (op != NULL)
        op->kind = (u8)kind;
    return op;
}

// The collation that compares column `column` of a compound: the first term's that has one, as it
// was before rewriting put other expressions in the columns' place.
const char *plan_compound_collation(const Select *last, u32 column)
{
    ASSERT(last->columns != NULL);

    const char *name = NULL;
    if (last->results != NULL && last->prior != NULL && column < last->columns->count)
        return last->results[column].compound_collation;
    if (last->prior != NULL)
        name = plan_compound_collation(last->prior, column);
    if (name == NULL && column < last->columns->count)
        name = expr_collation_name(last->columns->items[column].expr);
    return name;
}

// EX_COLLATE stands for a term's own collation: without it the first term's would count.
static Expr *column_number(PlanContext *plan, u32 column, const char *collation)
{
    Expr *e = expr_new_integer(plan->arena, (i64)column + 1);
    if (e == NULL || collation == NULL)
        return e;
    Expr *collate = expr_new(plan->arena, EX_COLLATE, e, NULL);
    if (collate != NULL) {
        collate->text = collation;
        collate->flags |= EXPR_HAS_COLLATE;
    }
    return collate;
}

static int order_add(PlanContext *plan, ExprList **order, u32 column, const char *collation,
                     u8 sort)
{
    ASSERT(column <= UINT16_MAX - 1);

    Expr *e = column_number(plan, column, collation);
    ExprList *list = e == NULL ? NULL : expr_list_add(plan->arena, *order, e);
    if (list == NULL)
        return SQLITE_NOMEM;
    ExprItem *item = &list->items[list->count - 1];
    item->column = (u16)(column + 1);
    item->sort = sort;
    *order = list;
    return SQLITE_OK;
}

// ORDER BY by column numbers with the collation spelt out, completed by all columns unless
// duplicates stay.
static int complete_order(PlanContext *plan, const Select *last, const ExprList *order_by,
                          ExprList **out)
{
    ASSERT(last->prior != NULL);

    ExprList *order = NULL;
    u32 count = last->columns->count;
    bool *seen = arena_array(plan->arena, (size_t)count + 1, sizeof *seen);
    if (seen == NULL)
        return SQLITE_NOMEM;
    for (u32 i = 0; order_by != NULL && i < order_by->count; i++) {
        const ExprItem *item = &order_by->items[i];
        u32 column = item->column > 0 ? (u32)item->column - 1 : 0;
        const Expr *e = item->expr;
        const char *collation =
            e->kind == EX_COLLATE ? e->text : plan_compound_collation(last, column);
        TRY(order_add(plan, &order, column, collation, item->sort));
        seen[column] = true;
    }
    for (u32 i = 0; last->set_op != SET_UNION_ALL && i < count; i++) {
        if (!seen[i])
            TRY(order_add(plan, &order, i, plan_compound_collation(last, i), 0));
    }
    *out = order;
    return SQLITE_OK;
}

// The order of a compound as one of its simple terms sees it: expressions of its own columns.
static int order_for_term(PlanContext *plan, const Select *term, const ExprList *order,
                          ExprList **out)
{
    ASSERT(order->count > 0);

    ExprList *list = NULL;
    for (u32 i = 0; i < order->count; i++) {
        const ExprItem *item = &order->items[i];
        Expr *e = term->columns->items[item->column - 1].expr;
        if (item->expr->kind == EX_COLLATE) {
            const char *own = expr_collation_name(e);
            if (!name_equals(own == NULL ? "BINARY" : own, item->expr->text)) {
                Expr *collate = expr_new(plan->arena, EX_COLLATE, e, NULL);
                if (collate == NULL)
                    return SQLITE_NOMEM;
                collate->text = item->expr->text;
                collate->flags |= EXPR_HAS_COLLATE;
                e = collate;
            }
        }
        list = expr_list_add(plan->arena, list, e);
        if (list == NULL)
            return SQLITE_NOMEM;
        list->items[i].sort = item->sort;
        list->items[i].column = item->column;
    }
    *out = list;
    return SQLITE_OK;
}

// Only the left side may be a compound: its last term is planned with all before it.
static int plan_side(PlanContext *plan, Select *side, const ExprList *order, bool whole,
                     Operator **out)
{
    ASSERT(order == NULL || order->count > 0);

    if (whole && side->prior != NULL)
        return plan_compound(plan, side, order, out);
    if (order == NULL)
        return plan_simple(plan, side, NULL, out);
    ExprList *own;
    TRY(order_for_term(plan, side, order, &own));
    return plan_simple(plan, side, own, out);
}

// Rows of VALUES keep their own operator as the left side of UNION ALL: they are not nested terms.
static bool is_values_side(const Select *side)
{
    ASSERT(side->next != NULL);

    return (side->flags & SELECT_VALUES) != 0 && side->prior != NULL;
}

// A guess as SQLite makes it: of EXCEPT as many rows as its right side has.
static Est compound_rows(u8 set_op, Est left, Est right)
{
    ASSERT(set_op != SET_NONE);

    switch (set_op) {
    case SET_EXCEPT: return right;
    case SET_INTERSECT: return left < right ? left : right;
    default: return est_sum(left, right);
    }
}

int plan_compound(PlanContext *plan, Select *last, const ExprList *order_by, Operator **out)
{
    ASSERT(last->prior != NULL && last->set_op != SET_NONE);

    SetOperator *op = plan_new(plan, OPERATOR_SET, sizeof *op);
    if (op == NULL)
        return SQLITE_NOMEM;
    op->select = last;
    op->op = last->set_op;
    op->method = last->set_op == SET_UNION_ALL && order_by == NULL ? SET_APPEND : SET_MERGE;
    if (op->method == SET_MERGE) {
        TRY(complete_order(plan, last, order_by, &op->order_by));
        TRY(plan_side(plan, last->prior, op->order_by, true, &op->left));
        TRY(plan_side(plan, last, op->order_by, false, &op->right));
    } else {
        if (is_values_side(last->prior))
            TRY(plan_select(plan, last->prior, &op->left));
        else
            TRY(plan_side(plan, last->prior, NULL, true, &op->left));
        TRY(plan_side(plan, last, NULL, false, &op->right));
    }
    op->base.rows = compound_rows(last->set_op, op->left->rows, op->right->rows);
    *out = &op->base;
    return SQLITE_OK;
}

// --- recursive queries ---

static bool reads_queue(const Select *s)
{
    for (u32 i = 0; s->from != NULL && i < s->from->count; i++) {
        if (s->from->items[i]->kind == FROM_RECURSIVE)
            return true;
    }
    return false;
}

// What a recursion starts from: the resolver has refused a query whose every term reads the queue.
static int plan_setup(PlanContext *plan, Select *setup, Operator **out)
{
    ASSERT(setup != NULL);

    if (setup->prior != NULL)
        return plan_select(plan, setup, out);
    return plan_simple(plan, setup, NULL, out);
}

// The terms that read the queue are the last ones of the chain; all before them are the setup.
int plan_recursive(PlanContext *plan, Select *last, Operator **out)
{
    ASSERT((last->flags & SELECT_RECURSIVE) != 0 && last->prior != NULL);

    RecurseOperator *op = plan_new(plan, OPERATOR_RECURSE, sizeof *op);
    if (op == NULL)
        return SQLITE_NOMEM;
    op->select = last;
    u32 count = 0;
    Select *first = last;
    for (Select *s = last; s != NULL && reads_queue(s); s = s->prior) {
        first = s;
        count++;
    }
    op->steps = arena_array(plan->arena, count + 1, sizeof *op->steps);
    op->step_selects = arena_array(plan->arena, count + 1, sizeof *op->step_selects);
    if (op->steps == NULL || op->step_selects == NULL)
        return SQLITE_NOMEM;
    op->setup_select = first->prior;
    TRY(plan_setup(plan, first->prior, &op->setup));
    u32 i = count;
    for (Select *s = last; i > 0; s = s->prior)
        op->step_selects[--i] = s;
    op->distinct = first->set_op == SET_UNION;
    for (; op->step_count < count; op->step_count++) {
        Operator **step = &op->steps[op->step_count];
        TRY(plan_simple(plan, op->step_selects[op->step_count], NULL, step));
        Est rows = op->distinct ? plan_distinct_rows((*step)->rows) : (*step)->rows;
        op->base.rows = op->step_count == 0 ? rows : est_sum(op->base.rows, rows);
    }
    u32 flags = 0;
    plan_limit_rows(last, &op->base.rows, &flags);
    *out = &op->base;
    return SQLITE_OK;
}
