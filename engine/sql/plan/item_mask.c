// Which items of a join an expression reads. An item of an enclosing query counts as a constant:
// while this join runs, its row does not change. Items that are joined later (plan.h,
// `later_count`) do not: they have no row yet.

#include "sql/plan/plan_internal.h"

// An item may stand in two lists: its own, and the one-item list of an OR branch or of the
// unmatched rows of a RIGHT JOIN.
int query_item_index(const JoinQuery *q, const FromItem *item)
{
    ASSERT(item != NULL);

    u32 position = (u32)item->position;
    if (position < q->from->count && q->from->items[position] == item)
        return item->position;
    for (u32 i = 0; i < q->from->count; i++) {
        if (q->from->items[i] == item)
            return (int)i;
    }
    return -1;
}

TableMask query_item_mask(const JoinQuery *q, const FromItem *item)
{
    ASSERT(q->from->count <= JOIN_ITEM_MAX);

    int index = item == NULL ? -1 : query_item_index(q, item);
    return index < 0 ? 0 : (TableMask)1 << index;
}

TableMask query_cursor_mask(const JoinQuery *q, int cursor)
{
    ASSERT(q->from->count <= JOIN_ITEM_MAX);

    for (u32 i = 0; i < q->from->count; i++) {
        if (q->from->items[i]->cursor == cursor)
            return (TableMask)1 << i;
    }
    return 0;
}

TableMask list_mask(const JoinQuery *q, const ExprList *list)
{
    TableMask mask = 0;
    for (u32 i = 0; list != NULL && i < list->count; i++)
        mask |= expr_mask(q, list->items[i].expr);
    return mask;
}

static TableMask window_mask(const JoinQuery *q, const Window *w)
{
    return list_mask(q, w->partition_by) | list_mask(q, w->order_by) | expr_mask(q, w->start.expr)
           | expr_mask(q, w->end.expr);
}

static TableMask call_mask(const JoinQuery *q, const Call *call)
{
    TableMask mask = list_mask(q, call->order_by) | expr_mask(q, call->filter);
    if (call->window != NULL)
        mask |= window_mask(q, call->window);
    return mask;
}

TableMask select_mask(const JoinQuery *q, const Select *select)
{
    TableMask mask = 0;
    for (const Select *s = select; s != NULL; s = s->prior) {
        mask |= list_mask(q, s->columns) | expr_mask(q, s->where) | list_mask(q, s->group_by)
                | expr_mask(q, s->having) | list_mask(q, s->order_by) | expr_mask(q, s->limit)
                | expr_mask(q, s->offset_expr);
        for (u32 i = 0; s->from != NULL && i < s->from->count; i++) {
            const FromItem *item = s->from->items[i];
            mask |= list_mask(q, item->args) | expr_mask(q, item->on);
            if (item->select != NULL)
                mask |= select_mask(q, item->select);
        }
    }
    return mask;
}

TableMask expr_mask(const JoinQuery *q, const Expr *e)
{
    TableMask mask = 0;
    for (; e != NULL; e = e->right) {
        if (e->kind == EX_COLUMN || e->kind == EX_IF_NULL_ROW)
            mask |= query_item_mask(q, e->u.column.item);
        if (e->kind == EX_CALL && e->u.call != NULL)
            mask |= call_mask(q, e->u.call);
        mask |= expr_mask(q, e->left) | list_mask(q, e->list);
        if (e->select != NULL)
            mask |= select_mask(q, e->select);
    }
    return mask;
}
