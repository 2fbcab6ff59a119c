// After rewriting: how deep columns look, what is correlated, and which columns are read.
//
// The rules move expressions between Selects without keeping these counts; they follow from the
// tree. A column's FROM item knows its Select (owner); the Selects entered since then are those it
// looks out of.
//
// Three walks: forget everything, count, conclude. What is asked about a whole Select (is it
// correlated?) is only known when the second is through.

#include "base/alloc.h"
#include "sql/rewrite_internal.h"

typedef struct Recount {
    Select **stack; // Selects entered, outermost first
    int depth, capacity;
    bool failed; // out of memory: the old counts are gone, the statement must fail
} Recount;

// Selects are marked outermost first, so a small array that grows will do; it is freed at the end.
static bool push_select(Recount *c, Select *s)
{
    if (c->depth == c->capacity) {
        int capacity = c->capacity == 0 ? 16 : c->capacity * 2;
        Select **grown = mem_realloc(c->stack, (u64)capacity * sizeof *grown);
        if (grown == NULL) {
            c->failed = true;
            return false;
        }
        c->stack = grown;
        c->capacity = capacity;
    }
    c->stack[c->depth++] = s;
    return true;
}

// Owners outside of what is walked are one further out than all Selects entered.
static int levels_out(const Recount *c, const Select *owner)
{
    ASSERT(c->depth == 0 || c->stack != NULL);

    for (int i = c->depth; i-- > 0;)
        if (c->stack[i] == owner)
            return c->depth - 1 - i;
    return c->depth;
}

static void mark_crossed(const Recount *c, int levels)
{
    ASSERT(levels >= 0);

    for (int i = 0; i < levels && i < c->depth; i++)
        c->stack[c->depth - 1 - i]->flags |= SELECT_CORRELATED;
}

static void count_column(const Recount *c, Expr *e)
{
    ASSERT(e->kind == EX_COLUMN);

    FromItem *item = e->u.column.item;
    if (item == NULL)
        return;
    int column = e->u.column.index;
    if (column < 0) {
        item->rowid_used = true;
    } else {
        bool is_generated =
            item->table != NULL && (item->table->columns[column].flags & COLUMN_GENERATED) != 0;
        item->columns_used |= is_generated ? UINT64_MAX : 1ull << (column < 63 ? column : 63);
    }
    int levels = levels_out(c, item->owner);
    e->u.column.depth = levels;
    mark_crossed(c, levels);
}

static WalkResult count_expr(Walker *w, Expr *e)
{
    const Recount *c = w->arg;
    if (e->kind == EX_COLUMN)
        count_column(c, e);
    else if (e->kind == EX_IF_NULL_ROW && e->u.column.item != NULL)
        mark_crossed(c, levels_out(c, e->u.column.item->owner));
    else if (e->kind == EX_CALL && e->u.call != NULL && e->u.call->owner != NULL) {
        int levels = levels_out(c, e->u.call->owner);
        e->u.call->agg_depth = levels;
        mark_crossed(c, levels);
    } else if (e->kind == EX_ROW_COLUMN)
        mark_crossed(c, c->depth);
    return WALK_ON;
}

static WalkResult enter_select(Walker *w, Select *s)
{
    return push_select(w->arg, s) ? WALK_ON : WALK_STOP;
}

static void leave_select(Walker *w, Select *s)
{
    (void)s;
    Recount *c = w->arg;
    c->depth--;
}

// --- forgetting what was counted ---

static WalkResult forget_expr(Walker *w, Expr *e)
{
    (void)w;
    e->flags &= ~(u32)EXPR_CORRELATED;
    return WALK_ON;
}

static WalkResult forget_select(Walker *w, Select *s)
{
    (void)w;
    s->flags &= ~(u32)SELECT_CORRELATED;
    for (u32 i = 0; s->from != NULL && i < s->from->count; i++) {
        FromItem *item = s->from->items[i];
        item->columns_used = 0;
        item->rowid_used = false;
        item->is_correlated = false;
        item->owner = s;
        item->position = (int)i;
    }
    return WALK_ON;
}

// --- drawing conclusions ---

static bool is_correlated(const Select *last)
{
    for (const Select *term = last; term != NULL; term = term->prior)
        if (term->flags & SELECT_CORRELATED)
            return true;
    return false;
}

// Equal aggregates share one list of arguments: copies of what a rule put into them, subqueries
// above all, would no longer be recognised as equal.
static void share_arguments(Expr *e)
{
    if (e->kind != EX_CALL || e->u.call == NULL || e->u.call->owner == NULL
        || e->u.call->window != NULL || e->u.call->agg_index < 0)
        return;
    const Select *owner = e->u.call->owner;
    ASSERT((u32)e->u.call->agg_index < owner->agg_count);

    Expr *first = owner->aggs[e->u.call->agg_index];
    if (first == NULL || first == e)
        return;
    e->list = first->list;
    e->u.call = first->u.call;
}

static WalkResult conclude_expr(Walker *w, Expr *e)
{
    (void)w;
    share_arguments(e);
    if (e->select != NULL && is_correlated(e->select))
        e->flags |= EXPR_CORRELATED;
    return WALK_ON;
}

static WalkResult conclude_select(Walker *w, Select *s)
{
    (void)w;
    for (u32 i = 0; s->from != NULL && i < s->from->count; i++) {
        FromItem *item = s->from->items[i];
        item->is_correlated = item->select != NULL && is_correlated(item->select);
    }
    return WALK_ON;
}

static bool recount(Select *top, Expr *e)
{
    ASSERT(top == NULL || e == NULL);

    Recount c = {0};
    Walker forget = {.expr = forget_expr, .select = forget_select};
    Walker count = {
        .expr = count_expr, .select = enter_select, .select_end = leave_select, .arg = &c};
    Walker conclude = {.expr = conclude_expr, .select = conclude_select};
    (void)select_walk(&forget, top);
    (void)expr_walk(&forget, e);
    (void)select_walk(&count, top);
    (void)expr_walk(&count, e);
    (void)select_walk(&conclude, top);
    (void)expr_walk(&conclude, e);
    ASSERT(c.failed || c.depth == 0);
    mem_free(c.stack);
    return !c.failed;
}

bool rewrite_recount(Select *top)
{
    return recount(top, NULL);
}

bool rewrite_recount_expr(Expr *e)
{
    return recount(NULL, e);
}
