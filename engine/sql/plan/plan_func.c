// What the planner knows about particular functions.

#include "func/func.h"
#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"
#include "vtab/vtab.h"

const struct LikeRule *plan_like_rule(const Expr *call)
{
    const FuncDef *func = call->u.call == NULL ? NULL : call->u.call->func;
    return func == NULL || (func->flags & FUNC_LIKE) == 0 ? NULL : func->user_data;
}

// 134217728 is 2^27 and 270 its estimate: a probability in 27 bits, since estimates of less than 1
// cannot be taken.
Est plan_likelihood(const Expr *call)
{
    ASSERT((call->flags & EXPR_UNLIKELY) != 0);

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
    ASSERT(column->kind == EX_COLUMN && call->kind == EX_CALL);

    const VirtualTable *instance = vtab_find(q->db, column->u.column.item->table);
    if (instance == NULL || instance->vtab == NULL
        || instance->vtab->pModule->xFindFunction == NULL)
        return 0;
    char *name = arena_dup(q->arena, call->text, strlen(call->text));
    void (*body)(sqlite3_context *, int, sqlite3_value **) = NULL;
    void *argument = NULL;
    if (name == NULL)
        return 0;
    for (char *c = name; *c != 0; c++)
        *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    int claim = instance->vtab->pModule->xFindFunction(instance->vtab, (int)call->list->count, name,
                                                       &body, &argument);
    return claim > 255 ? 0 : (u8)claim;
}

// The function's one argument is the column by which a module knows its row: that of the table's
// name.
bool plan_is_order_function(const JoinQuery *q, const Expr *e, const FromItem *item)
{
    if (e->kind != EX_CALL || e->list == NULL || e->list->count != 1 || item->table == NULL
        || item->table->kind != TABLE_VIRTUAL)
        return false;
    const VirtualTable *instance = vtab_find(q->db, item->table);
    const Expr *column = e->list->items[0].expr;
    if (instance == NULL || instance->module->order_function == NULL
        || !name_equals(e->text, instance->module->order_function) || column->kind != EX_COLUMN
        || column->u.column.item != item || column->u.column.index < 0)
        return false;
    ASSERT(column->u.column.index < item->table->column_count);
    const Column *self = &item->table->columns[column->u.column.index];
    return (self->flags & COLUMN_HIDDEN) != 0 && name_equals(self->name, item->table->name)
           && plan_virtual_function(q, column, e) != 0;
}
