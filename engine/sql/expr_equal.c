// Comparing expressions: same value for the same row?
//
// A "no" may be wrong (a+b and b+a are told apart, two equal subqueries too), a "yes" never: on it
// a sum is computed once, a GROUP BY key stands for a result column, an index for an expression.
// What both sides say differently but mean alike is not looked for; SQLite does not either, and
// plans depend on it.

#include "base/hashmap.h"
#include "sql/expr_tree.h"
#include <string.h>

static bool same_name(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && name_equals(a, b));
}

bool expr_list_equal(const ExprList *a, const ExprList *b)
{
    if (a == NULL || b == NULL)
        return a == b || (a == NULL ? b->count == 0 : a->count == 0);
    if (a->count != b->count)
        return false;
    for (u32 i = 0; i < a->count; i++)
        if (a->items[i].sort != b->items[i].sort || !expr_equal(a->items[i].expr, b->items[i].expr))
            return false;
    return true;
}

bool window_equal(const Window *a, const Window *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    // EXCLUDE NO OTHERS has its own way of being computed, see code_window.c.
    return a->unit == b->unit && a->exclude == b->exclude && a->has_exclude == b->has_exclude
           && a->start.kind == b->start.kind && a->end.kind == b->end.kind
           && expr_equal(a->start.expr, b->start.expr) && expr_equal(a->end.expr, b->end.expr)
           && expr_list_equal(a->partition_by, b->partition_by)
           && expr_list_equal(a->order_by, b->order_by);
}

static bool call_equal(const Call *a, const Call *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a->distinct == b->distinct && a->star == b->star && expr_equal(a->filter, b->filter)
           && expr_list_equal(a->order_by, b->order_by) && window_equal(a->window, b->window);
}

// Bytes of doubles, so that 0.0 and -0.0 stay apart.
static bool literal_equal(const Expr *a, const Expr *b)
{
    ASSERT(a->kind == b->kind);

    switch (a->kind) {
    case EX_INTEGER:
    case EX_BOOL: return a->u.integer == b->u.integer;
    case EX_FLOAT: return memcmp(&a->u.real, &b->u.real, sizeof a->u.real) == 0;
    case EX_STRING:
    case EX_BLOB: return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
    case EX_PARAM: return a->u.param == b->u.param;
    default: return true; // EX_NULL
    }
}

static bool name_expr_equal(const Expr *a, const Expr *b)
{
    ASSERT(a->kind == b->kind);

    return same_name(a->text, b->text) && same_name(a->u.name.table, b->u.name.table)
           && same_name(a->u.name.schema, b->u.name.schema);
}

// What the node says beside its operands.
static bool node_equal(const Expr *a, const Expr *b)
{
    ASSERT(a->kind == b->kind);

    switch (a->kind) {
    case EX_NULL:
    case EX_INTEGER:
    case EX_FLOAT:
    case EX_STRING:
    case EX_BLOB:
    case EX_BOOL:
    case EX_PARAM: return literal_equal(a, b);
    case EX_NAME:
    case EX_STAR: return name_expr_equal(a, b);
    case EX_COLUMN:
        return a->u.column.item == b->u.column.item && a->u.column.index == b->u.column.index;
    case EX_IF_NULL_ROW: return a->u.column.item == b->u.column.item;
    case EX_ROW_COLUMN:
        return a->u.row.table == b->u.row.table && a->u.row.index == b->u.row.index
               && a->u.row.is_new == b->u.row.is_new;
    case EX_TRUTH:
        return a->u.truth.value == b->u.truth.value && a->u.truth.negated == b->u.truth.negated;
    case EX_COLLATE: return same_name(a->text, b->text);
    case EX_CAST: return a->affinity == b->affinity;
    case EX_CALL: return same_name(a->text, b->text) && call_equal(a->u.call, b->u.call);
    case EX_RAISE: return a->u.integer == b->u.integer;
    case EX_FIELD: return a->u.field == b->u.field;
    case EX_REGISTER: return a->u.reg == b->u.reg;
    case EX_AGG_COLUMN: return a->u.agg.info == b->u.agg.info && a->u.agg.index == b->u.agg.index;
    default: return true; // operators
    }
}

bool expr_equal(const Expr *a, const Expr *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    if (a == b)
        return true;
    if (a->kind != b->kind || a->select != NULL || b->select != NULL)
        return false;                             // two subqueries are never taken for one
    if (a->kind == EX_RAISE || !node_equal(a, b)) // RAISE is no value
        return false;
    return expr_equal(a->left, b->left) && expr_equal(a->right, b->right)
           && expr_list_equal(a->list, b->list);
}
