// Small questions the planner asks about expressions.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

int plan_column_number(const Expr *column)
{
    ASSERT(column->kind == EX_COLUMN);

    const Table *table = column->u.column.item->table;
    int number = column->u.column.index;
    if (table != NULL && number >= 0 && number == table->rowid_alias)
        return ROWID_COLUMN;
    return number;
}

bool plan_is_column_of(const Expr *e, int cursor, int column)
{
    ASSERT(cursor >= 0);

    e = expr_skip_collate_likely(e);
    return e != NULL && e->kind == EX_COLUMN && e->u.column.item->cursor == cursor
           && plan_column_number(e) == column;
}

// (A name, not a function: to choose a path none need be registered.)
const char *plan_collation_name(const Expr *e)
{
    const char *name = expr_collation_name(e);
    return name == NULL ? "BINARY" : name;
}

const char *plan_compare_collation(const Expr *comparison)
{
    const char *name = expr_compare_collation_name(comparison);
    return name == NULL ? "BINARY" : name;
}

// May an index on a column of that affinity answer the comparison? Only if comparing converts
// values as storing them did.
bool plan_index_affinity_ok(const Expr *comparison, u8 index_affinity)
{
    ASSERT(comparison->left != NULL);

    u8 affinity = (u8)expr_compare_affinity(comparison);
    if (affinity < AFF_TEXT)
        return true;
    if (affinity == AFF_TEXT)
        return index_affinity == AFF_TEXT;
    return index_affinity >= AFF_NUMERIC;
}

u8 index_column_affinity(const Index *index, int position)
{
    ASSERT(position >= 0 && position < index->column_count);

    int column = index->columns[position];
    if (column == COLUMN_ROWID)
        return AFF_INTEGER;
    if (column == COLUMN_EXPR) {
        u8 affinity = (u8)expr_affinity(index->exprs[position]);
        return affinity < AFF_BLOB ? AFF_BLOB : affinity;
    }
    return index->table->columns[column].affinity;
}

static bool list_is_constant(const ExprList *list)
{
    for (u32 i = 0; list != NULL && i < list->count; i++) {
        if (!plan_expr_is_constant(list->items[i].expr))
            return false;
    }
    return true;
}

// Stricter than expr_is_constant(): a register changes its value while the program runs, and
// RAISE() must stay where it is.
bool plan_expr_is_constant(const Expr *e)
{
    for (; e != NULL; e = e->right) {
        if (e->kind == EX_COLUMN || e->kind == EX_ROW_COLUMN || e->kind == EX_REGISTER
            || e->kind == EX_AGG_COLUMN || e->kind == EX_IF_NULL_ROW || e->kind == EX_RAISE
            || e->select != NULL)
            return false;
        if (e->kind == EX_CALL
            && ((e->flags & EXPR_NONDETERMINISTIC) != 0 || e->u.call == NULL
                || e->u.call->window != NULL || e->u.call->agg_index >= 0))
            return false;
        if (!plan_expr_is_constant(e->left) || !list_is_constant(e->list))
            return false;
    }
    return true;
}

bool plan_expr_not_null(const Expr *e)
{
    e = expr_skip_collate_likely(e);
    if (e == NULL)
        return false;
    switch (e->kind) {
    case EX_INTEGER:
    case EX_FLOAT:
    case EX_STRING:
    case EX_BLOB:
    case EX_BOOL: return true;
    case EX_COLUMN: {
        const FromItem *item = e->u.column.item;
        if (item->table == NULL || item->table->kind == TABLE_VIEW || item->may_be_null)
            return false;
        int column = plan_column_number(e);
        return column == ROWID_COLUMN || item->table->columns[column].not_null != 0;
    }
    default: return false; // could be anything
    }
}

// Is `e` (below a comparison) NULL or false whenever `cursor` stands on its row of NULLs?
static bool strict_in(const Expr *e, int cursor)
{
    ASSERT(cursor >= 0);

    if (e == NULL)
        return false;
    switch (e->kind) {
    case EX_COLUMN: return e->u.column.item->cursor == cursor;
    case EX_COLLATE:
    case EX_CAST:
    case EX_NEGATE:
    case EX_PLUS:
    case EX_BIT_NOT:
    case EX_NOT: return strict_in(e->left, cursor);
    case EX_ADD:
    case EX_SUBTRACT:
    case EX_MULTIPLY:
    case EX_DIVIDE:
    case EX_REMAINDER:
    case EX_CONCAT:
    case EX_SHIFT_LEFT:
    case EX_SHIFT_RIGHT:
    case EX_BIT_AND:
    case EX_BIT_OR:
    case EX_EQ:
    case EX_NE:
    case EX_LT:
    case EX_LE:
    case EX_GT:
    case EX_GE: return strict_in(e->left, cursor) || strict_in(e->right, cursor);
    default: return false; // NULL in need not mean NULL out
    }
}

// Is `e` as a condition certainly not true when `cursor` stands on its row of NULLs?
bool plan_implies_not_null_row(const Expr *e, int cursor, bool skip_on)
{
    ASSERT(cursor >= 0);

    e = expr_skip_collate_likely(e);
    if (e == NULL || (e->flags & EXPR_OUTER_ON) != 0
        || (skip_on && (e->flags & EXPR_INNER_ON) != 0))
        return false;
    switch (e->kind) {
    case EX_AND:
        return plan_implies_not_null_row(e->left, cursor, skip_on)
               || plan_implies_not_null_row(e->right, cursor, skip_on);
    case EX_OR:
        return plan_implies_not_null_row(e->left, cursor, skip_on)
               && plan_implies_not_null_row(e->right, cursor, skip_on);
    case EX_NOT_NULL: return strict_in(e->left, cursor);
    case EX_IN: return strict_in(e->left, cursor);
    case EX_BETWEEN:
        return strict_in(e->left, cursor)
               || (strict_in(e->list->items[0].expr, cursor)
                   && strict_in(e->list->items[1].expr, cursor));
    case EX_IS:
    case EX_IS_NOT:
    case EX_IS_NULL:
    case EX_TRUTH: return false;
    default: return strict_in(e, cursor);
    }
}

static bool implies_one(const Expr *known, const Expr *wanted)
{
    ASSERT(known->kind != EX_AND); // one condition at a time

    if (expr_equal(known, wanted))
        return true;
    if (wanted->kind == EX_OR)
        return implies_one(known, wanted->left) || implies_one(known, wanted->right);
    if (wanted->kind == EX_NOT_NULL) {
        // Any comparison with x that is true says that x is not NULL.
        const Expr *x = wanted->left;
        switch (known->kind) {
        case EX_EQ:
        case EX_NE:
        case EX_LT:
        case EX_LE:
        case EX_GT:
        case EX_GE: return expr_equal(known->left, x) || expr_equal(known->right, x);
        case EX_IN:
        case EX_BETWEEN: return expr_equal(known->left, x);
        default: return false; // other operators may be true of NULL
        }
    }
    return false;
}

// Does `known` being true prove `wanted`? (The WHERE of a partial index.)
bool plan_implies(const Expr *known, const Expr *wanted)
{
    if (known->kind == EX_AND)
        return plan_implies(known->left, wanted) || plan_implies(known->right, wanted);
    return implies_one(known, wanted);
}
