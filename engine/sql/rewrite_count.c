// count(*) of a UNION ALL is the sum of the counts of its terms, each of which may be answered by
// the smallest tree of its table, without looking at a row.
//
//   SELECT count(*) FROM (SELECT a FROM t1 UNION ALL SELECT b FROM t2)
//   SELECT (SELECT count(*) FROM t1) + (SELECT count(*) FROM t2)

#include "func/func.h"
#include "sql/rewrite_internal.h"

static bool is_count_of_rows(const Select *p)
{
    ASSERT(p->agg_count == 0 || p->aggs != NULL);

    if (p->agg_count != 1 || p->columns->count != 1)
        return false;
    const Expr *e = p->columns->items[0].expr;
    if (e != p->aggs[0] || e->u.call->func == NULL)
        return false;
    const Call *call = e->u.call;
    return (call->func->flags & FUNC_COUNT) != 0 && call->filter == NULL && !call->distinct
           && (e->list == NULL || e->list->count == 0);
}

// Nothing but a WHERE could be counted more cheaply together: the rows of all terms are read once.
static bool terms_allow(const Select *sub)
{
    u32 unfit = SELECT_DISTINCT | SELECT_AGGREGATE | SELECT_RECURSIVE | SELECT_VALUES;
    for (const Select *term = sub; term != NULL; term = term->prior) {
        if ((term->flags & unfit) != 0 || term->window_count > 0 || term->where != NULL
            || (term->prior != NULL && term->set_op != SET_UNION_ALL))
            return false;
    }
    return sub->prior != NULL && sub->limit == NULL;
}

static bool may_count_terms(const Select *p)
{
    if (p->from == NULL || p->from->count != 1 || p->where != NULL || p->group_by != NULL
        || p->having != NULL || p->order_by != NULL || !is_count_of_rows(p))
        return false;
    const FromItem *item = p->from->items[0];
    return item->kind == FROM_SELECT && item->select != NULL && !item->is_cte
           && terms_allow(item->select);
}

// The term, out of its compound, with its number of rows as its only result.
static Expr *count_of_term(ResolveContext *ctx, Select *p, Select *term)
{
    ASSERT(term->agg_count == 0 && term->window_count == 0);

    Expr *call = expr_copy(ctx->arena, p->columns->items[0].expr, &ctx->cursor_count);
    Expr *scalar = expr_new(ctx->arena, EX_SELECT, NULL, NULL);
    term->columns = call == NULL ? NULL : expr_list_add(ctx->arena, NULL, call);
    term->aggs = arena_array(ctx->arena, 1, sizeof *term->aggs);
    if (scalar == NULL || term->columns == NULL || term->aggs == NULL)
        return NULL;
    call->u.call->owner = term;
    term->aggs[0] = call;
    term->agg_count = 1;
    term->flags = (term->flags | SELECT_AGGREGATE) & ~(u32)SELECT_COMPOUND_TERM;
    term->order_by = NULL;
    term->prior = term->next = NULL;
    term->set_op = SET_NONE;
    term->outer = p;
    scalar->select = term;
    return scalar;
}

int rewrite_count(ResolveContext *ctx, Select *p)
{
    if (!may_count_terms(p))
        return SQLITE_OK;
    Expr *sum = NULL;
    Select *next, *first = p->from->items[0]->select;
    while (first->prior != NULL)
        first = first->prior;
    for (Select *term = first; term != NULL; term = next) {
        next = term->next;
        Expr *count = count_of_term(ctx, p, term);
        if (count == NULL)
            return connection_out_of_memory(ctx->db);
        sum = sum == NULL ? count : expr_new(ctx->arena, EX_ADD, sum, count);
        if (sum == NULL)
            return connection_out_of_memory(ctx->db);
    }
    p->columns->items[0].expr = sum;
    p->from = NULL;
    p->agg_count = 0;
    p->flags &= ~(u32)SELECT_AGGREGATE;
    return SQLITE_OK;
}
