// From a Select to its operator tree: plans the subqueries of FROM, then chooses the stages and
// what each wants of the one below (an order, distinct rows, only the first row).

#include "func/func.h"
#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

enum {
    SELECT_ROWS_UNKNOWN = 320,
    GROUP_ROWS = 66,     // guess: a hundred groups
    DISTINCT_SHARE = 30, // guess: DISTINCT leaves an eighth of the rows
};

// --- operators ---

static void *operator_new(PlanContext *plan, OperatorKind kind, size_t size, Operator *input)
{
    ASSERT(size >= sizeof(Operator));

    Operator *op = arena_alloc_zeroed(plan->arena, size);
    if (op == NULL)
        return NULL;
    op->kind = (u8)kind;
    op->input = input;
    if (input != NULL) {
        op->rows = input->rows;
        op->cost = input->cost;
    }
    return op;
}

// --- subqueries in FROM ---

static bool has_subquery(const FromItem *item)
{
    return item->kind == FROM_SELECT || item->kind == FROM_NESTED;
}

// Materialising is needed where rows are visited more than once: only an outermost item may be a
// co-routine.
static bool may_be_coroutine(const FromList *from, u32 number)
{
    ASSERT(number < from->count && has_subquery(from->items[number]));

    const FromItem *item = from->items[number];
    if (item->is_cte && item->cte != NULL
        && (item->cte->hint == CTE_MATERIALIZED
            || (item->cte->use_count >= 2 && item->cte->hint != CTE_NOT_MATERIALIZED)))
        return false;
    if ((from->items[0]->join & JOIN_LEFT_OF_RIGHT) != 0)
        return false;
    if (number == 0)
        return true;
    for (u32 i = number; i > 0; i--) {
        if ((from->items[i]->join & (JOIN_LEFT | JOIN_RIGHT | JOIN_OUTER | JOIN_CROSS)) != 0
            || (i < number && has_subquery(from->items[i])))
            return false;
    }
    return !has_subquery(from->items[0]);
}

// References to one CTE share the rows that the first of them materialises.
static bool shares_cte(const FromItem *item)
{
    return item->is_cte && item->cte != NULL && item->cte->use_count >= 2
           && item->cte->hint != CTE_NOT_MATERIALIZED && !item->is_correlated;
}

static int plan_from_item(PlanContext *plan, FromList *from, u32 number)
{
    FromItem *item = from->items[number];
    if (item->plan != NULL || item->kind == FROM_TABLE || item->kind == FROM_FUNCTION
        || item->kind == FROM_PSEUDO)
        return SQLITE_OK;
    SubqueryPlan *sub = arena_alloc_zeroed(plan->arena, sizeof *sub);
    if (sub == NULL)
        return SQLITE_NOMEM;
    sub->cursor = item->cursor;
    sub->rows = 200;
    item->plan = sub;
    if (item->kind == FROM_RECURSIVE)
        return SQLITE_OK;
    if (shares_cte(item) && item->cte->plan != NULL) {
        sub->twin = item->cte->plan;
        sub->mode = SUBQUERY_SHARED;
        sub->rows = ((SubqueryPlan *)sub->twin->plan)->rows;
        return SQLITE_OK;
    }
    TRY(plan_select(plan, item->select, &sub->tree));
    // (VALUES written in FROM itself are taken for a table that nobody has counted.)
    if (sub->tree->kind != OPERATOR_VALUES || item->name != NULL)
        sub->rows = sub->tree->rows;
    if (may_be_coroutine(from, number)) {
        sub->mode = SUBQUERY_COROUTINE;
    } else {
        sub->mode = SUBQUERY_MATERIALIZE;
        if (shares_cte(item))
            item->cte->plan = item;
    }
    return SQLITE_OK;
}

int plan_from_items(PlanContext *plan, FromList *from)
{
    for (u32 i = 0; from != NULL && i < from->count; i++)
        TRY(plan_from_item(plan, from, i));
    return SQLITE_OK;
}

// --- estimates ---

void plan_limit_rows(const Select *select, Est *rows, u32 *flags)
{
    i64 limit;
    if (select->limit == NULL || !expr_is_integer(select->limit, &limit) || limit < 0)
        return;
    Est n = est_from_u64((u64)limit);
    if (n < *rows) {
        *rows = n;
        *flags |= WANT_LIMIT;
    }
}

Est plan_distinct_rows(Est rows)
{
    return rows > DISTINCT_SHARE ? (Est)(rows - DISTINCT_SHARE) : 0;
}

// --- ORDER BY, GROUP BY, DISTINCT ---

static bool lists_equal(const ExprList *a, const ExprList *b, bool with_sort)
{
    if (a == NULL || b == NULL || a->count != b->count)
        return false;
    for (u32 i = 0; i < a->count; i++) {
        if (!expr_equal(a->items[i].expr, b->items[i].expr)
            || (with_sort && a->items[i].sort != b->items[i].sort))
            return false;
    }
    return true;
}

static ExprList *list_dup(PlanContext *plan, const ExprList *list)
{
    ExprList *copy = arena_alloc_zeroed(plan->arena, sizeof *copy);
    if (copy == NULL)
        return NULL;
    copy->items = arena_array(plan->arena, (size_t)list->count + 1, sizeof *copy->items);
    if (copy->items == NULL)
        return NULL;
    copy->count = copy->capacity = list->count;
    if (list->count > 0)
        memcpy(copy->items, list->items, list->count * sizeof *copy->items);
    return copy;
}

// Terms that are constant order nothing.
static ExprList *group_keys(PlanContext *plan, const ExprList *list)
{
    ASSERT(list->count > 0);

    ExprList *keys = list_dup(plan, list);
    if (keys == NULL)
        return NULL;
    keys->count = 0;
    for (u32 i = 0; i < list->count; i++) {
        if (list->count > 1 && expr_is_constant(list->items[i].expr, true))
            continue;
        keys->items[keys->count] = list->items[i];
        keys->items[keys->count++].sort = 0;
    }
    if (keys->count == 0 && list->count > 0)
        keys->items[keys->count++] = list->items[0];
    return keys;
}

// Groups may come in either direction: let them suit ORDER BY.
static bool align_groups(ExprList *keys, const ExprList *order_by)
{
    if (order_by == NULL || keys->count != order_by->count)
        return false;
    for (u32 i = 0; i < keys->count; i++)
        keys->items[i].sort = order_by->items[i].sort;
    return lists_equal(keys, order_by, true);
}

// --- simple answers ---

// count(*) walks the smallest tree that has an entry for every row; NULL: the table's own.
static Index *smallest_index(const FromItem *item)
{
    ASSERT(item->kind == FROM_TABLE && item->table->kind == TABLE_ORDINARY);

    Index *best = NULL;
    Est best_size = item->table->row_size_estimate;
    const Index *primary = table_is_rowid(item->table) ? NULL : table_primary_key(item->table);
    if (primary != NULL && primary->row_size_estimate < best_size)
        best_size = primary->row_size_estimate;
    if (item->not_indexed)
        return NULL;
    for (Index *index = item->table->indexes; index != NULL; index = index->next) {
        if ((index->flags & INDEX_UNORDERED) != 0 || index->where != NULL
            || index->row_size_estimate >= best_size)
            continue;
        best = index;
        best_size = index->row_size_estimate;
    }
    return best;
}

static bool is_plain_count(const Select *s)
{
    if (s->from == NULL || s->from->count != 1 || s->where != NULL || s->group_by != NULL
        || s->having != NULL || s->agg_count != 1 || s->columns->count != 1)
        return false;
    const FromItem *item = s->from->items[0];
    if (item->kind != FROM_TABLE || item->table->kind != TABLE_ORDINARY)
        return false;
    const Expr *e = s->columns->items[0].expr;
    if (e->kind != EX_CALL || e != s->aggs[0] || e->u.call == NULL || e->u.call->func == NULL)
        return false;
    return (e->u.call->func->flags & FUNC_COUNT) != 0 && e->u.call->filter == NULL
           && !e->u.call->distinct && (e->list == NULL || e->list->count == 0);
}

static int plan_count(PlanContext *plan, Select *s, Operator **out)
{
    CountOperator *op = operator_new(plan, OPERATOR_COUNT, sizeof *op, NULL);
    if (op == NULL)
        return SQLITE_NOMEM;
    op->item = s->from->items[0];
    op->index = smallest_index(op->item);
    *out = &op->base;
    return SQLITE_OK;
}

// The one argument whose smallest or greatest value answers the query, with the order to look in.
static ExprList *minmax_order(PlanContext *plan, const Select *s, u32 *want)
{
    ASSERT(s->agg_count == 0 || s->aggs != NULL);

    *want = 0;
    if (s->agg_count != 1 || s->group_by != NULL || s->from == NULL)
        return NULL;
    const Expr *e = s->aggs[0];
    if (e->list == NULL || e->list->count != 1 || e->u.call->func == NULL
        || e->u.call->filter != NULL || (e->u.call->func->flags & FUNC_MINMAX) == 0
        || s->columns->count < 1 || !expr_can_be_null(e))
        return NULL;
    ExprList *order = expr_list_add(plan->arena, NULL, e->list->items[0].expr);
    if (order == NULL)
        return NULL;
    bool is_min = name_equals(e->text, "min");
    order->items[0].sort = is_min ? 0 : SORT_DESC;
    *want = is_min ? WANT_MIN : WANT_MAX;
    return order;
}

// --- the stages ---

static int plan_row(PlanContext *plan, Select *s, Operator **out)
{
    ASSERT(s->from == NULL || s->from->count == 0);

    JoinRequest request = {
        .from = arena_alloc_zeroed(plan->arena, sizeof(FromList)), .where = s->where, .select = s};
    JoinOperator *join;
    if (request.from == NULL)
        return SQLITE_NOMEM;
    TRY(plan_join(plan, &request, &join));
    *out = &join->base;
    return SQLITE_OK;
}

static WalkResult find_column(Walker *w, Expr *e)
{
    if (e->kind == EX_CALL && e->u.call != NULL && e->u.call->agg_index >= 0)
        return WALK_PRUNE;
    if (e->kind == EX_COLUMN)
        *(bool *)w->arg = true;
    return e->kind == EX_COLUMN ? WALK_STOP : WALK_ON;
}

static WalkResult enter_select(Walker *w, Select *s)
{
    (void)w;
    (void)s;
    return WALK_ON;
}

// One row made of aggregates that do not care in which order rows come.
static bool order_is_unseen(const Select *s)
{
    for (u32 i = 0; i < s->agg_count; i++) {
        const FuncDef *func = s->aggs[i]->u.call->func;
        if (func == NULL || (func->flags & FUNC_ANY_ORDER) == 0)
            return false;
    }
    bool has_column = false;
    Walker w = {.expr = find_column, .select = enter_select, .arg = &has_column};
    expr_list_walk(&w, s->columns);
    expr_walk(&w, s->having);
    return !has_column;
}

static int plan_ungrouped(PlanContext *plan, Select *s, Operator **out)
{
    ASSERT(s->group_by == NULL || s->group_by->count == 0);

    AggregateOperator *agg = operator_new(plan, OPERATOR_AGGREGATE, sizeof *agg, NULL);
    if (agg == NULL)
        return SQLITE_NOMEM;
    agg->group = GROUP_NONE;
    agg->having = s->having;
    agg->aggs = s->aggs;
    agg->agg_count = s->agg_count;
    if (is_plain_count(s)) {
        TRY(plan_count(plan, s, &agg->base.input));
    } else if (s->from == NULL || s->from->count == 0) {
        TRY(plan_row(plan, s, &agg->base.input));
    } else {
        u32 want;
        JoinRequest request = {
            .from = s->from, .where = s->where, .select = s, .limit_rows = SELECT_ROWS_UNKNOWN};
        request.order_by = minmax_order(plan, s, &want);
        request.flags = want | (order_is_unseen(s) ? (u32)WANT_ANY_ORDER : 0);
        JoinOperator *join;
        if (s->agg_count == 1 && s->aggs[0]->u.call->distinct && s->aggs[0]->list != NULL
            && s->aggs[0]->list->count == 1 && s->aggs[0]->u.call->filter == NULL && want == 0) {
            request.columns = s->aggs[0]->list;
            request.flags |= WANT_DISTINCT | WANT_AGGREGATE_DISTINCT;
        }
        TRY(plan_join(plan, &request, &join));
        agg->minmax_sort = want != 0 && join->ordered >= 1;
        agg->wants = (u16)want;
        agg->distinct = join->distinct;
        agg->base.input = &join->base;
    }
    agg->base.rows = 0;
    *out = &agg->base;
    return SQLITE_OK;
}

static WalkResult find_select_expr(Walker *w, Expr *e)
{
    if (e->select != NULL)
        *(bool *)w->arg = true;
    return e->select != NULL ? WALK_STOP : WALK_ON;
}

// Rows of different groups may come mixed unless an aggregate keeps more for its group than a few
// numbers: a table of its own, or what grows with its rows. Arguments of mixed groups are coded
// twice, for rows that the table takes and for those it refuses; a subquery in them must not be.
static bool groups_may_mix(const Select *s)
{
    bool has_select = false;
    Walker w = {.expr = find_select_expr, .select = enter_select, .arg = &has_select};
    for (u32 i = 0; i < s->agg_count; i++) {
        const Call *call = s->aggs[i]->u.call;
        if (call->func == NULL || (call->func->flags & FUNC_SMALL_STATE) == 0)
            return false;
        if (call->distinct || (call->order_by != NULL && call->order_by->count > 0))
            return false;
        expr_walk(&w, s->aggs[i]);
        if (has_select)
            return false;
    }
    return true;
}

static int plan_grouped(PlanContext *plan, Select *s, ExprList *order_by, u32 wants, bool *ordered,
                        Operator **out)
{
    ASSERT(s->group_by != NULL && s->group_by->count > 0);
    ASSERT((wants & ~(u32)WANT_DISTINCT_GROUPS) == 0);

    AggregateOperator *agg = operator_new(plan, OPERATOR_AGGREGATE, sizeof *agg, NULL);
    if (agg == NULL)
        return SQLITE_NOMEM;
    agg->keys = group_keys(plan, s->group_by);
    if (agg->keys == NULL)
        return SQLITE_NOMEM;
    agg->having = s->having;
    agg->aggs = s->aggs;
    agg->agg_count = s->agg_count;
    bool align = align_groups(agg->keys, order_by);
    if (s->from == NULL || s->from->count == 0) {
        TRY(plan_row(plan, s, &agg->base.input));
        agg->group = GROUP_SORT;
    } else {
        JoinRequest request = {.from = s->from,
                               .where = s->where,
                               .select = s,
                               .order_by = agg->keys,
                               .flags = WANT_GROUPS | wants | (align ? (u32)WANT_SORT_BY_GROUP : 0),
                               .limit_rows = SELECT_ROWS_UNKNOWN};
        JoinOperator *join;
        TRY(plan_join(plan, &request, &join));
        agg->base.input = &join->base;
        agg->group = join->ordered == (int)agg->keys->count ? GROUP_SORTED
                     : groups_may_mix(s)                    ? GROUP_HASH
                                                            : GROUP_SORT;
        *ordered = align && (agg->group != GROUP_SORTED || join->sorted);
    }
    agg->base.rows = GROUP_ROWS;
    *out = &agg->base;
    return SQLITE_OK;
}

// Rows without aggregation; says what of DISTINCT and ORDER BY the join delivers.
static int plan_rows(PlanContext *plan, Select *s, ExprList *order_by, u8 *distinct, int *ordered,
                     Operator **out)
{
    ASSERT(s->agg_count == 0);

    bool wants_distinct = (s->flags & SELECT_DISTINCT) != 0;
    *ordered = 0;
    *distinct = wants_distinct ? DISTINCT_UNORDERED : DISTINCT_NONE;
    if (s->from == NULL || s->from->count == 0) {
        if (wants_distinct)
            *distinct = DISTINCT_UNIQUE;
        *ordered = order_by == NULL ? 0 : (int)order_by->count;
        return plan_row(plan, s, out);
    }
    Est rows = SELECT_ROWS_UNKNOWN;
    JoinRequest request = {.from = s->from,
                           .where = s->where,
                           .order_by = order_by,
                           .columns = s->columns,
                           .select = s,
                           .limit = s->limit,
                           .offset = s->offset_expr,
                           .flags = wants_distinct ? WANT_DISTINCT : 0};
    plan_limit_rows(s, &rows, &request.flags);
    request.limit_rows = rows;
    JoinOperator *join;
    TRY(plan_join(plan, &request, &join));
    *distinct = join->distinct;
    *ordered = join->ordered;
    rows = join->base.rows < SELECT_ROWS_UNKNOWN ? join->base.rows : SELECT_ROWS_UNKNOWN;
    if (wants_distinct)
        rows = plan_distinct_rows(rows);
    join->base.rows = rows;
    *out = &join->base;
    return SQLITE_OK;
}

// The stages above rows: Project, then Distinct and Sort where the rows do not come so.
static int add_tail(PlanContext *plan, Select *s, ExprList *order_by, u8 distinct, int ordered,
                    Operator **tree)
{
    ASSERT(*tree != NULL);

    ProjectOperator *project = operator_new(plan, OPERATOR_PROJECT, sizeof *project, *tree);
    if (project == NULL)
        return SQLITE_NOMEM;
    project->columns = s->columns;
    *tree = &project->base;
    if (distinct == DISTINCT_ORDERED || distinct == DISTINCT_UNORDERED) {
        DistinctOperator *op = operator_new(plan, OPERATOR_DISTINCT, sizeof *op, *tree);
        if (op == NULL)
            return SQLITE_NOMEM;
        op->how = distinct;
        *tree = &op->base;
    }
    if (order_by != NULL && ordered < (int)order_by->count) {
        SortOperator *op = operator_new(plan, OPERATOR_SORT, sizeof *op, *tree);
        if (op == NULL)
            return SQLITE_NOMEM;
        op->keys = order_by;
        op->sorted_count = (u16)(ordered < 0 ? 0 : ordered);
        op->limited = s->limit != NULL;
        *tree = &op->base;
    }
    return SQLITE_OK;
}

int plan_add_limit(PlanContext *plan, const Select *s, Operator **tree)
{
    if (s->limit == NULL)
        return SQLITE_OK;
    LimitOperator *op = operator_new(plan, OPERATOR_LIMIT, sizeof *op, *tree);
    if (op == NULL)
        return SQLITE_NOMEM;
    op->limit = s->limit;
    op->offset = s->offset_expr;
    u32 flags = 0;
    if ((*tree)->kind != OPERATOR_SET || ((SetOperator *)*tree)->method == SET_APPEND)
        plan_limit_rows(s, &op->base.rows, &flags);
    *tree = &op->base;
    return SQLITE_OK;
}

// SELECT DISTINCT x ... ORDER BY x groups by x: sorting does both jobs.
static bool distinct_is_grouping(const Select *s, const ExprList *order_by)
{
    if ((s->flags & (SELECT_DISTINCT | SELECT_AGGREGATE)) != SELECT_DISTINCT || s->group_by != NULL
        || order_by == NULL || order_by != s->order_by // a term of a compound: its own sort
        || s->from == NULL || s->from->count == 0)
        return false;
    return lists_equal(order_by, s->columns, false);
}

int plan_simple(PlanContext *plan, Select *s, ExprList *order_by, Operator **out)
{
    WindowOperator *window;
    TRY(plan_window_rewrite(plan, s, &window));
    plan_simplify_outer_joins(s);
    TRY(plan_exists_to_join(plan, s));
    TRY(plan_from_items(plan, s->from));
    if (order_by != NULL && order_by->count == 0)
        order_by = NULL;
    if ((s->flags & SELECT_EXISTS) != 0)
        order_by = NULL;
    u8 distinct = (s->flags & SELECT_DISTINCT) != 0 ? DISTINCT_UNORDERED : DISTINCT_NONE;
    int ordered = 0;
    Operator *tree;
    if (window == NULL && distinct_is_grouping(s, order_by)) {
        bool in_order = false;
        s->group_by = list_dup(plan, s->columns);
        if (s->group_by == NULL)
            return SQLITE_NOMEM;
        TRY(plan_grouped(plan, s, order_by, WANT_DISTINCT_GROUPS, &in_order, &tree));
        ((AggregateOperator *)tree)->is_distinct = true;
        distinct = DISTINCT_NONE;
        ordered = in_order ? (int)order_by->count : 0;
    } else if (s->group_by != NULL && s->group_by->count > 0) {
        bool in_order = false;
        TRY(plan_grouped(plan, s, order_by, 0, &in_order, &tree));
        ordered = in_order ? (int)order_by->count : 0;
    } else if ((s->flags & SELECT_AGGREGATE) != 0 || s->agg_count > 0) {
        TRY(plan_ungrouped(plan, s, &tree));
        order_by = NULL; // one row
        distinct = DISTINCT_NONE;
    } else {
        TRY(plan_rows(plan, s, order_by, &distinct, &ordered, &tree));
    }
    if (window != NULL) {
        window->base.input = tree;
        window->base.rows = tree->rows;
        tree = &window->base;
    }
    TRY(add_tail(plan, s, order_by, distinct, ordered, &tree));
    *out = tree;
    return SQLITE_OK;
}

// --- VALUES ---

u32 plan_values_count(const Select *last)
{
    u32 count = 0;
    for (const Select *s = last; s != NULL; s = s->prior)
        count++;
    return count;
}

static bool is_values_chain(const Select *last)
{
    for (const Select *s = last; s != NULL; s = s->prior) {
        if ((s->flags & SELECT_VALUES) == 0 || s->order_by != NULL || s->limit != NULL
            || (s->prior != NULL && s->set_op != SET_UNION_ALL))
            return false;
    }
    return last->prior != NULL;
}

static int plan_values(PlanContext *plan, Select *last, Operator **out)
{
    ASSERT(is_values_chain(last));

    ValuesOperator *op = operator_new(plan, OPERATOR_VALUES, sizeof *op, NULL);
    if (op == NULL)
        return SQLITE_NOMEM;
    op->row_count = plan_values_count(last);
    op->is_plain = (last->flags & (SELECT_PLAIN_ROWS | SELECT_FROM_VIEW)) != 0;
    op->rows = arena_array(plan->arena, op->row_count, sizeof *op->rows);
    if (op->rows == NULL)
        return SQLITE_NOMEM;
    u32 i = op->row_count;
    for (Select *s = last; s != NULL; s = s->prior)
        op->rows[--i] = s;
    op->base.rows = est_from_u64(op->row_count);
    *out = &op->base;
    return SQLITE_OK;
}

int plan_select(PlanContext *plan, Select *select, Operator **out)
{
    Operator *tree;
    if (plan->depth > 200)
        return connection_error(plan->db, SQLITE_ERROR, "query is nested too deeply");
    plan->depth++;
    if ((select->flags & SELECT_RECURSIVE) != 0 && select->prior != NULL)
        TRY(plan_recursive(plan, select, &tree));
    else if (is_values_chain(select))
        TRY(plan_values(plan, select, &tree));
    else if (select->prior != NULL)
        TRY(plan_compound(plan, select, select->order_by, &tree));
    else
        TRY(plan_simple(plan, select, select->order_by, &tree));
    if (tree->kind != OPERATOR_RECURSE)
        TRY(plan_add_limit(plan, select, &tree));
    plan->depth--;
    *out = tree;
    return SQLITE_OK;
}
