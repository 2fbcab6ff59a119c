// Walking syntax trees, depth first, from left to right.
//
// One function per kind of node knows its children; a node that gains a child gets it here, and
// every analysis sees it. Not walked: the bodies of CTEs (their uses hold copies), the columns and
// triggers of tables, and what hangs on `plan`.

#include "sql/expr_tree.h"

WalkResult walk_into_select(Walker *w, Select *s)
{
    (void)w;
    (void)s;
    return WALK_ON;
}

WalkResult walk_past_expr(Walker *w, Expr *e)
{
    (void)w;
    (void)e;
    return WALK_ON;
}

// Stops the enclosing function when the walk is to stop.
#define WALK(call)               \
    do {                         \
        if ((call) == WALK_STOP) \
            return WALK_STOP;    \
    } while (0)

WalkResult expr_list_walk(Walker *w, ExprList *list)
{
    for (u32 i = 0; list != NULL && i < list->count; i++)
        WALK(expr_walk(w, list->items[i].expr));
    return WALK_ON;
}

WalkResult window_walk(Walker *w, Window *window)
{
    if (window == NULL)
        return WALK_ON;
    WALK(expr_list_walk(w, window->partition_by));
    WALK(expr_list_walk(w, window->order_by));
    WALK(expr_walk(w, window->start.expr));
    return expr_walk(w, window->end.expr);
}

static WalkResult call_walk(Walker *w, Call *call)
{
    WALK(expr_list_walk(w, call->order_by));
    WALK(expr_walk(w, call->filter));
    return window_walk(w, call->window);
}

// A node with one operand is left behind in the loop; only the others take a frame of C's stack.
WalkResult expr_walk(Walker *w, Expr *e)
{
    ASSERT(w->expr != NULL);

    // Left arms are the long ones (A5): follow them in a loop.
    while (e != NULL) {
        WalkResult result = w->expr(w, e);
        if (result != WALK_ON)
            return result == WALK_PRUNE ? WALK_ON : WALK_STOP;
        if (e->list != NULL || e->select != NULL || e->kind == EX_CALL || e->right != NULL) {
            WALK(expr_walk(w, e->left));
            WALK(expr_walk(w, e->right));
            WALK(expr_list_walk(w, e->list));
            if (e->kind == EX_CALL && e->u.call != NULL)
                WALK(call_walk(w, e->u.call));
            return select_walk(w, e->select);
        }
        e = e->left;
    }
    return WALK_ON;
}

static WalkResult from_walk(Walker *w, FromList *from)
{
    for (u32 i = 0; from != NULL && i < from->count; i++) {
        FromItem *item = from->items[i];
        WALK(select_walk(w, item->select));
        WALK(expr_list_walk(w, item->args));
        WALK(expr_walk(w, item->on));
    }
    return WALK_ON;
}

static WalkResult term_walk(Walker *w, Select *s)
{
    ASSERT(w->select != NULL);

    WalkResult result = w->select(w, s);
    if (result != WALK_ON)
        return result == WALK_PRUNE ? WALK_ON : WALK_STOP;
    w->depth++;
    WALK(expr_list_walk(w, s->columns));
    WALK(from_walk(w, s->from));
    WALK(expr_walk(w, s->where));
    WALK(expr_list_walk(w, s->group_by));
    WALK(expr_walk(w, s->having));
    for (Window *window = s->window_defs; window != NULL; window = window->next)
        WALK(window_walk(w, window));
    WALK(expr_list_walk(w, s->order_by));
    WALK(expr_walk(w, s->limit));
    WALK(expr_walk(w, s->offset_expr));
    ASSERT(w->depth > 0);
    w->depth--;
    if (w->select_end != NULL)
        w->select_end(w, s);
    return WALK_ON;
}

// Whichever term is given, the walk begins with the first: a compound is one query.
WalkResult select_walk(Walker *w, Select *s)
{
    if (s == NULL || w->select == NULL)
        return WALK_ON;
    while (s->prior != NULL)
        s = s->prior;
    for (; s != NULL; s = s->next)
        WALK(term_walk(w, s));
    return WALK_ON;
}
