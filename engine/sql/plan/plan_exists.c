// WHERE EXISTS (SELECT ... FROM t WHERE c) is a join with t on c that stops at the first match.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

// One table and a condition, nothing that counts, orders or ends rows. A subquery that may be NULL
// or false differs only where its value is looked at; WHERE does not.
static bool can_join(const Expr *e)
{
    ASSERT(e->kind != EX_EXISTS || e->select != NULL);

    const Select *sub = e->select;
    if (e->kind != EX_EXISTS || (e->flags & (EXPR_OUTER_ON | EXPR_INNER_ON)) != 0)
        return false;
    return sub->prior == NULL && sub->from != NULL && sub->from->count == 1
           && sub->from->items[0]->kind == FROM_TABLE
           && sub->from->items[0]->table->kind == TABLE_ORDINARY && sub->group_by == NULL
           && sub->having == NULL && sub->limit == NULL && sub->agg_count == 0
           && sub->window_count == 0 && sub->with == NULL
           && (sub->flags & (SELECT_AGGREGATE | SELECT_VALUES)) == 0;
}

static int append_item(PlanContext *plan, Select *s, FromItem *item)
{
    ASSERT(s->from == NULL || s->from->count < JOIN_ITEM_MAX);

    u32 count = s->from == NULL ? 0 : s->from->count;
    FromList *list = arena_alloc_zeroed(plan->arena, sizeof *list);
    FromItem **items = arena_array(plan->arena, (size_t)count + 1, sizeof *items);
    if (list == NULL || items == NULL)
        return SQLITE_NOMEM;
    if (count > 0)
        memcpy(items, s->from->items, count * sizeof *items);
    items[count] = item;
    item->position = (int)count;
    item->owner = s;
    item->join = count == 0 ? 0 : JOIN_INNER;
    item->is_semi = true;
    *list = (FromList){.count = count + 1, .capacity = count + 1, .items = items};
    s->from = list;
    return SQLITE_OK;
}

// Takes the EXISTS terms out of the chain of ANDs; *joined gathers the conditions that replace
// them.
static int take_exists(PlanContext *plan, Select *s, Expr **where, Expr **joined)
{
    Expr *e = *where;
    if (e == NULL || (s->from != NULL && s->from->count >= JOIN_ITEM_MAX))
        return SQLITE_OK;
    if (e->kind == EX_AND) {
        TRY(take_exists(plan, s, &e->left, joined));
        TRY(take_exists(plan, s, &e->right, joined));
        if (e->left == NULL)
            *where = e->right;
        else if (e->right == NULL)
            *where = e->left;
        return SQLITE_OK;
    }
    if (!can_join(e))
        return SQLITE_OK;
    Select *sub = e->select;
    TRY(append_item(plan, s, sub->from->items[0]));
    if (sub->where != NULL) {
        *joined = expr_and(plan->arena, *joined, sub->where);
        if (*joined == NULL)
            return SQLITE_NOMEM;
    }
    *where = NULL;
    return SQLITE_OK;
}

int plan_exists_to_join(PlanContext *plan, Select *s)
{
    Expr *joined = NULL;
    if (s->where == NULL)
        return SQLITE_OK;
    TRY(take_exists(plan, s, &s->where, &joined));
    if (joined == NULL)
        return SQLITE_OK;
    s->where = expr_and(plan->arena, s->where, joined);
    return s->where == NULL ? SQLITE_NOMEM : SQLITE_OK;
}
