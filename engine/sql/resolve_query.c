// Queries: the order in which the clauses of a SELECT are resolved, and what aggregation means for
// them.
//
// A SELECT is an aggregate query if it has GROUP BY or if one of its result columns, its HAVING or
// its ORDER BY holds an aggregate of its own. Where an aggregate may stand changes from clause to
// clause (SCOPE_AGG); one that belongs to this SELECT but stands in its WHERE is found afterwards.

#include "sql/resolve_internal.h"

// No column can be meant, but a subquery in it may look outside.
static int resolve_limit(Resolver *r, Select *s)
{
    Scope scope = {.select = s};
    TRY(resolve_expr(r, &scope, s->limit));
    TRY(resolve_expr(r, &scope, s->offset_expr));
    TRY(check_row_values(r, s->limit));
    return check_row_values(r, s->offset_expr);
}

// A subquery in FROM sees what is around the whole SELECT, not its neighbours.
static int resolve_from_subqueries(Resolver *r, Scope *outer, Select *s)
{
    for (u32 i = 0; s->from != NULL && i < s->from->count; i++) {
        FromItem *item = s->from->items[i];
        if (item->select == NULL || (item->select->flags & SELECT_RESOLVED))
            continue;
        Scope boundary = {.outer = outer, .select = s};
        Resolver inner = *r;
        if (item->is_view) {
            inner.no_offsets = true;
            inner.view_depth++;
        }
        const char *context = authorizer_enter(r->db, item);
        int rc = resolve_query(&inner, item->is_view ? NULL : &boundary, item->select);
        r->db->authorizer_context = context;
        TRY(rc);
        for (Select *term = item->select; term != NULL; term = term->prior)
            item->is_correlated = item->is_correlated || (term->flags & SELECT_CORRELATED);
        item_take_results(r, item);
    }
    return SQLITE_OK;
}

// The arguments of a table-valued function are the values of its hidden columns.
static int check_argument_count(Resolver *r, const FromItem *item)
{
    if (item->kind != FROM_FUNCTION || item->args == NULL || item->table == NULL)
        return SQLITE_OK;
    u32 most = 0;
    for (int i = 0; i < item->table->column_count; i++)
        most += (item->table->columns[i].flags & COLUMN_HIDDEN) != 0;
    if (item->args->count <= most)
        return SQLITE_OK;
    return resolve_error(r, NO_OFFSET, "too many arguments on %s() - max %u", item->table->name,
                         most);
}

static int resolve_table_arguments(Resolver *r, Scope *scope, Select *s)
{
    for (u32 i = 0; s->from != NULL && i < s->from->count; i++) {
        TRY(check_argument_count(r, s->from->items[i]));
        TRY(resolve_list(r, scope, s->from->items[i]->args));
        TRY(check_list_row_values(r, s->from->items[i]->args));
    }
    return SQLITE_OK;
}

// --- aggregates where there are none ---

typedef struct AggSearch {
    const Select *owner;
    const Expr *found;
} AggSearch;

static WalkResult find_own_aggregate(Walker *w, Expr *e)
{
    AggSearch *search = w->arg;
    if (e->kind != EX_CALL || e->u.call == NULL || e->u.call->owner != search->owner
        || e->u.call->window != NULL)
        return WALK_ON;
    search->found = e;
    return WALK_STOP;
}

static int refuse_aggregates(Resolver *r, const Select *s, Expr *e)
{
    ASSERT(s->agg_count == 0 || s->aggs != NULL);

    AggSearch search = {.owner = s};
    Walker w = {.expr = find_own_aggregate, .select = walk_into_select, .arg = &search};
    if (s->agg_count == 0 || expr_walk(&w, e) != WALK_STOP)
        return SQLITE_OK;
    return resolve_late_error(r, expr_error_offset(search.found), "misuse of aggregate: %s()",
                              search.found->text);
}

static int check_aggregates(Resolver *r, Select *s)
{
    TRY(refuse_aggregates(r, s, s->where));
    if (s->flags & SELECT_AGGREGATE)
        return SQLITE_OK;
    if (s->from == NULL)
        return SQLITE_OK; // one row has no order: SQLite drops the clause before it looks
    for (u32 i = 0; s->order_by != NULL && i < s->order_by->count; i++)
        TRY(refuse_aggregates(r, s, s->order_by->items[i].expr));
    return SQLITE_OK;
}

// min() or max() alone: the other columns are those of the row that has it.
static void note_minmax(Select *s)
{
    ASSERT(s->agg_count == 0 || s->aggs[0]->u.call->func != NULL);

    if (s->agg_count != 1 || s->group_by != NULL)
        return;
    const Expr *agg = s->aggs[0];
    if ((agg->u.call->func->flags & FUNC_MINMAX) && agg->list != NULL && agg->list->count == 1)
        s->flags |= SELECT_MINMAX;
}

// --- one SELECT ---

static int resolve_having(Resolver *r, Scope *scope, Select *s)
{
    if (s->having == NULL)
        return SQLITE_OK;
    if (!(s->flags & SELECT_AGGREGATE))
        return resolve_error(r, NO_OFFSET, "HAVING clause on a non-aggregate query");
    TRY(resolve_expr(r, scope, s->having));
    return check_row_values(r, s->having);
}

static int check_recursive_term(Resolver *r, const Select *s)
{
    ASSERT(!(s->flags & SELECT_RECURSIVE) || s->next != NULL || s->prior != NULL);

    if (!(s->flags & SELECT_RECURSIVE))
        return SQLITE_OK;
    if (s->flags & SELECT_AGGREGATE)
        return resolve_late_error(r, NO_OFFSET, "recursive aggregate queries not supported");
    if (s->window_count > 0)
        return resolve_late_error(r, NO_OFFSET, "cannot use window functions in recursive queries");
    return SQLITE_OK;
}

// SQLite's order, which decides which of several errors is told: LIMIT, subqueries of FROM, result
// columns, HAVING, WHERE, arguments of table functions, ORDER BY, GROUP BY.
static int resolve_term(Resolver *r, Scope *outer, Select *s, bool is_compound)
{
    s->flags |= SELECT_RESOLVED;
    TRY(complete_window_defs(r, s));
    TRY(resolve_limit(r, s));
    TRY(resolve_from_subqueries(r, outer, s));
    Scope scope = {.outer = outer, .select = s, .from = s->from};
    scope.flags = SCOPE_AGG | SCOPE_WINDOW | (outer != NULL ? outer->flags & SCOPE_FROM_DDL : 0);
    TRY(resolve_list(r, &scope, s->columns));
    TRY(check_list_row_values(r, s->columns));
    scope.flags &= ~(u32)SCOPE_WINDOW;
    if (s->group_by != NULL || (scope.flags & SCOPE_HAS_AGG))
        s->flags |= SELECT_AGGREGATE;
    else
        scope.flags &= ~(u32)SCOPE_AGG;
    scope.aliases = s->columns;
    TRY(resolve_having(r, &scope, s));
    TRY(resolve_expr(r, &scope, s->where));
    TRY(check_row_values(r, s->where));
    TRY(resolve_table_arguments(r, &scope, s));
    scope.flags |= SCOPE_AGG | SCOPE_WINDOW;
    if (!is_compound)
        TRY(resolve_order_by(r, &scope, s));
    TRY(resolve_group_by(r, &scope, s));
    TRY(resolve_window_defs(r, &scope, s));
    TRY(check_aggregates(r, s));
    TRY(check_recursive_term(r, s));
    note_minmax(s);
    s->window_defs = NULL; // every use has a copy of its own
    return SQLITE_OK;
}

static int wrong_term_count(Resolver *r, const Select *s)
{
    ASSERT(s->prior != NULL);

    static const char *const names[] = {"", "UNION", "UNION ALL", "INTERSECT", "EXCEPT"};
    if (s->flags & SELECT_VALUES)
        return resolve_error(r, NO_OFFSET, "all VALUES must have the same number of terms");
    return resolve_error(
        r, NO_OFFSET,
        "SELECTs to the left and right of %s do not have the same number of result columns",
        names[s->set_op]);
}

static const Select *outer_select(const Scope *outer)
{
    return outer == NULL ? NULL : outer->select;
}

int resolve_query(Resolver *r, Scope *outer, Select *last)
{
    ASSERT(last->next == NULL || (last->flags & SELECT_RESOLVED) != 0);

    if (last->flags & SELECT_RESOLVED)
        return SQLITE_OK;
    if (r->is_failing != NULL && *r->is_failing)
        return SQLITE_ERROR; // enough is known
    bool is_compound = last->prior != NULL;
    for (Select *term = last; term != NULL; term = term->prior) {
        term->outer = (Select *)(uintptr_t)outer_select(outer);
        TRY(resolve_term(r, outer, term, is_compound));
        if (term->next != NULL && term->columns->count != term->next->columns->count)
            return wrong_term_count(r, term->next);
    }
    if (is_compound)
        TRY(resolve_compound_order_by(r, outer, last));
    return resolve_results(r, last);
}
