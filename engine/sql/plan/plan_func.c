// What the planner knows about particular functions.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

bool plan_is_like(const JoinQuery *q, const Expr *call, bool *case_blind)
{
    *case_blind = name_equals(call->text, "like");
    if (*case_blind && (q->db->flags & CONN_FLAG(CASE_SENSITIVE_LIKE)) != 0)
        return false;
    return *case_blind || name_equals(call->text, "glob");
}

Est plan_likelihood(const Expr *call)
{
    // likely() is likelihood(x, 0.9375), unlikely() is likelihood(x, 0.0625).
    f64 probability = 0.0625;
    if (name_equals(call->text, "likely"))
        probability = 0.9375;
    else if (name_equals(call->text, "likelihood") && call->list->count == 2
             && call->list->items[1].expr->kind == EX_FLOAT)
        probability = call->list->items[1].expr->u.real;
    return (Est)(est_from_u64((u64)(probability * 134217728.0)) - 270);
}

u8 plan_virtual_function(const JoinQuery *q, const Expr *column, const Expr *call)
{
    (void)q;
    (void)column;
    (void)call;
    return 0;
}
