// Which expressions an index can answer by itself.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

static bool list_within(const JoinQuery *q, const ExprList *list, const FromItem *item,
                        const Index *index)
{
    for (u32 i = 0; list != NULL && i < list->count; i++) {
        if (!plan_expr_within_index(q, list->items[i].expr, item, index))
            return false;
    }
    return true;
}

// The index's expressions are bound to the item already (access_bind_indexes): equal trees read
// equal rows.
static bool is_indexed_expr(const Expr *e, const Index *index)
{
    for (u32 i = 0; index->exprs != NULL && i < index->column_count; i++) {
        if (index->columns[i] == COLUMN_EXPR && expr_equal(e, index->exprs[i]))
            return true;
    }
    return false;
}

// A subtype is not in the index: arguments that may have one are computed from columns.
static bool arguments_within(const JoinQuery *q, const Expr *e, const FromItem *item,
                             const Index *index)
{
    ASSERT(e->kind == EX_CALL);

    Index plain = *index;
    plain.exprs = NULL;
    for (u32 i = 0; e->list != NULL && i < e->list->count; i++) {
        const Expr *arg = e->list->items[i].expr;
        if (!plan_expr_within_index(q, arg, item, expr_may_have_subtype(arg) ? &plain : index))
            return false;
    }
    return true;
}

// Does `e` read no column of `item` but those in the index? (Subqueries are not looked into: no.)
bool plan_expr_within_index(const JoinQuery *q, const Expr *e, const FromItem *item,
                            const Index *index)
{
    ASSERT(index->table == item->table);

    for (; e != NULL; e = e->right) {
        if (is_indexed_expr(e, index))
            return true;
        if (e->kind == EX_CALL && e->u.call != NULL
            && (e->u.call->filter != NULL || e->u.call->order_by != NULL
                || e->u.call->window != NULL))
            return false;
        if (expr_reads_subtypes(e) && index->exprs != NULL)
            return arguments_within(q, e, item, index);
        if (e->select != NULL || e->kind == EX_IF_NULL_ROW)
            return false;
        if (e->kind == EX_COLUMN && e->u.column.item == item) {
            int column = plan_column_number(e);
            if (column != ROWID_COLUMN && index_find_column(index, column) < 0)
                return false;
            if (column == ROWID_COLUMN && !table_is_rowid(item->table))
                return false;
        }
        if (!plan_expr_within_index(q, e->left, item, index)
            || !list_within(q, e->list, item, index))
            return false;
    }
    return true;
}

// Arguments of table-valued functions and ON conditions.
static bool from_within(const JoinQuery *q, const FromList *from, const FromItem *item,
                        const Index *index)
{
    ASSERT(index->table == item->table);

    for (u32 i = 0; from != NULL && i < from->count; i++) {
        if (!list_within(q, from->items[i]->args, item, index)
            || !plan_expr_within_index(q, from->items[i]->on, item, index))
            return false;
    }
    return true;
}

// Outside of its aggregates and GROUP BY, a query with aggregates reads the columns kept for each
// group: an indexed expression would be computed from those.
typedef struct BareCheck {
    const JoinQuery *q;
    const FromItem *item;
    const Index *index;
    bool within;
} BareCheck;

static WalkResult check_bare(Walker *w, Expr *e)
{
    BareCheck *check = w->arg;
    ASSERT(check->q->request->select != NULL);
    if (e->kind == EX_CALL && e->u.call != NULL && e->u.call->agg_index >= 0
        && e->u.call->owner == check->q->request->select)
        return WALK_PRUNE;
    if (e->kind == EX_COLUMN && e->u.column.item == check->item) {
        Index plain = *check->index;
        plain.exprs = NULL;
        check->within &= plan_expr_within_index(check->q, e, check->item, &plain);
    }
    return check->within ? WALK_ON : WALK_STOP;
}

// plan_expr_within_index() refuses whatever holds a subquery: no need to look into it here.
static WalkResult skip_select(Walker *w, Select *s)
{
    (void)w;
    (void)s;
    return WALK_PRUNE;
}

static bool bare_within(const JoinQuery *q, const Select *s, const FromItem *item,
                        const Index *index)
{
    ASSERT(s == q->request->select);

    if ((s->flags & SELECT_AGGREGATE) == 0 && s->group_by == NULL)
        return true;
    BareCheck check = {.q = q, .item = item, .index = index, .within = true};
    Walker w = {.expr = check_bare, .select = skip_select, .arg = &check};
    expr_list_walk(&w, s->columns);
    expr_walk(&w, s->having);
    expr_list_walk(&w, s->order_by);
    return check.within;
}

// Every clause that may read the item must do so through the index; a compound's terms share
// result columns, and are not looked at.
bool plan_covered_by_exprs(const JoinQuery *q, const FromItem *item, const Index *index)
{
    ASSERT(index->table == item->table);

    const Select *s = q->request->select;
    if (item->may_be_null) // its null rows are not in the index
        return false;
    if (s == NULL || s->prior != NULL || (q->flags & (WANT_OR_BRANCH | WANT_ONE_PASS)) != 0)
        return false;
    return bare_within(q, s, item, index) && list_within(q, s->columns, item, index)
           && list_within(q, s->group_by, item, index) && list_within(q, s->order_by, item, index)
           && from_within(q, s->from, item, index)
           && plan_expr_within_index(q, s->where, item, index)
           && plan_expr_within_index(q, s->having, item, index);
}

// --- what a partial index says of its rows ---

static bool is_literal(const Expr *e)
{
    i64 integer;
    return e->kind == EX_FLOAT || e->kind == EX_STRING || e->kind == EX_BLOB
           || expr_is_integer(e, &integer);
}

// WHERE column = literal: the value is known, as far as equal values of that column are the same.
static const Expr *fixed_column(const FromItem *item, const Expr *e)
{
    ASSERT(item->table != NULL);

    const Expr *column = e->left;
    if (e->kind != EX_EQ || column->kind != EX_COLUMN || column->u.column.item != item
        || column->u.column.index < 0 || !is_literal(e->right))
        return NULL;
    const Column *declared = &item->table->columns[column->u.column.index];
    return declared->affinity >= AFF_TEXT && name_equals(plan_compare_collation(e), "BINARY")
               ? column
               : NULL;
}

// Conditions are numbered from the last AND on; the caller counts up until NULL comes.
const Expr *plan_fixed_column(const FromItem *item, const Index *index, u32 number,
                              const Expr **value)
{
    ASSERT(index->table == item->table);

    // A row of NULLs is not in the index.
    if (item->may_be_null || (item->join & (JOIN_LEFT | JOIN_RIGHT | JOIN_LEFT_OF_RIGHT)) != 0)
        return NULL;
    for (const Expr *rest = index->where; rest != NULL;) {
        const Expr *one = rest->kind == EX_AND ? rest->right : rest;
        const Expr *column = fixed_column(item, one);
        if (column != NULL && number-- == 0) {
            *value = one->right;
            return column;
        }
        rest = rest->kind == EX_AND ? rest->left : NULL;
    }
    return NULL;
}

static bool list_reads_outside(const JoinQuery *q, const ExprList *list)
{
    for (u32 i = 0; list != NULL && i < list->count; i++) {
        if (plan_reads_outside(q, list->items[i].expr))
            return true;
    }
    return false;
}

// A register or OLD.x comes from outside by its nature; a subquery may read anything.
bool plan_reads_outside(const JoinQuery *q, const Expr *e)
{
    for (; e != NULL; e = e->right) {
        if ((e->kind == EX_COLUMN && query_item_mask(q, e->u.column.item) == 0)
            || e->kind == EX_ROW_COLUMN || e->kind == EX_REGISTER || e->select != NULL)
            return true;
        if (plan_reads_outside(q, e->left) || list_reads_outside(q, e->list))
            return true;
    }
    return false;
}
