// Window functions: SELECT f(x) OVER w ... FROM t becomes SELECT f(x) OVER w ... FROM (SELECT x,
// ... FROM t ORDER BY w's keys). The inner query does everything up to and with HAVING; the outer
// one sees its rows in the order of the window and has nothing else to do than to run over them.
// Functions over another window stay in the inner query, which is rewritten in turn.
//
// A term of ORDER BY that is a result column asks for the column's functions once more. As in
// SQLite that copy is computed in the inner query and gives the column its value, so that rows with
// equal keys are looked at in the same order; only where nothing could tell is it computed here,
// once.

#include "func/window.h"
#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

typedef struct WindowRewrite {
    PlanContext *plan;
    Select *outer, *inner;
    FromList *from; // of the original query
    FromItem *item; // the inner query in the outer one's FROM
    const Window *window;
    Expr **calls; // over that window
    u32 count, capacity;
    bool has_others;    // ... and there are some over another one
    bool skips_copies;  // while collecting: result columns in ORDER BY do not count
    bool lowers_copies; // result columns in ORDER BY are computed by the inner query
    int rc;
} WindowRewrite;

// Calls of enclosing and of inner queries may stand in the same expressions: the owner decides.
static bool is_window_call(const WindowRewrite *w, const Expr *e)
{
    return e->kind == EX_CALL && e->u.call != NULL && e->u.call->window != NULL
           && e->u.call->owner == w->outer;
}

// --- frames ---

// Some functions are defined by a frame of their own, whatever the statement says.
static void coerce_frame(Expr *call)
{
    ASSERT(call->kind == EX_CALL && call->u.call->window != NULL);

    static const struct {
        u8 kind, unit, start, end;
    } frames[] = {
        {WINDOW_ROW_NUMBER, FRAME_ROWS, BOUND_UNBOUNDED_PRECEDING, BOUND_CURRENT_ROW},
        {WINDOW_RANK, FRAME_RANGE, BOUND_UNBOUNDED_PRECEDING, BOUND_CURRENT_ROW},
        {WINDOW_DENSE_RANK, FRAME_RANGE, BOUND_UNBOUNDED_PRECEDING, BOUND_CURRENT_ROW},
        {WINDOW_PERCENT_RANK, FRAME_GROUPS, BOUND_CURRENT_ROW, BOUND_UNBOUNDED_FOLLOWING},
        {WINDOW_CUME_DIST, FRAME_GROUPS, BOUND_FOLLOWING, BOUND_UNBOUNDED_FOLLOWING},
        {WINDOW_NTILE, FRAME_ROWS, BOUND_CURRENT_ROW, BOUND_UNBOUNDED_FOLLOWING},
        {WINDOW_LEAD, FRAME_ROWS, BOUND_UNBOUNDED_PRECEDING, BOUND_UNBOUNDED_FOLLOWING},
        {WINDOW_LAG, FRAME_ROWS, BOUND_UNBOUNDED_PRECEDING, BOUND_CURRENT_ROW},
    };
    WindowKind kind = call->u.call->func == NULL ? WINDOW_NONE : window_kind(call->u.call->func);
    for (u32 i = 0; i < ARRAY_LEN(frames); i++) {
        if (frames[i].kind != kind)
            continue;
        Window *window = call->u.call->window;
        window->unit = frames[i].unit;
        window->start = (FrameBound){.kind = frames[i].start};
        window->end = (FrameBound){.kind = frames[i].end};
        window->exclude = EXCLUDE_NO_OTHERS;
        window->has_exclude = false;
    }
}

// The offset that coerce_frame() cannot give, for want of an arena.
static int add_one_following(WindowRewrite *w, Expr *call)
{
    ASSERT(call->kind == EX_CALL && call->u.call->window != NULL);

    // cume_dist: GROUPS FROM 1 FOLLOWING.
    Window *window = call->u.call->window;
    if (window->start.kind != BOUND_FOLLOWING || window->start.expr != NULL)
        return SQLITE_OK;
    window->start.expr = expr_new_integer(w->plan->arena, 1);
    return window->start.expr == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

static bool is_collected(const WindowRewrite *w, const Expr *e)
{
    for (u32 i = 0; i < w->count; i++) {
        if (w->calls[i] == e)
            return true;
    }
    return false;
}

static int add_call(WindowRewrite *w, Expr *call)
{
    ASSERT(w->count <= w->capacity);

    if (w->count == w->capacity) {
        u32 capacity = w->capacity == 0 ? 8 : w->capacity * 2;
        Expr **calls = arena_array(w->plan->arena, capacity, sizeof *calls);
        if (calls == NULL)
            return SQLITE_NOMEM;
        if (w->count > 0)
            memcpy(calls, w->calls, w->count * sizeof *calls);
        w->calls = calls;
        w->capacity = capacity;
    }
    w->calls[w->count++] = call;
    return SQLITE_OK;
}

// The first call met chooses the window; those over another one are left to a later round. Frames
// are coerced first: what a function insists on counts when windows are compared.
static WalkResult collect_call(Walker *walker, Expr *e)
{
    WindowRewrite *w = walker->arg;
    ASSERT(w->inner == NULL);
    if (w->skips_copies && (e->flags & EXPR_IS_ALIAS) != 0)
        return WALK_PRUNE;
    if (!is_window_call(w, e))
        return WALK_ON;
    if (is_collected(w, e))
        return WALK_PRUNE;
    coerce_frame(e);
    w->rc = add_one_following(w, e);
    if (w->rc != SQLITE_OK)
        return WALK_STOP;
    if (w->window == NULL)
        w->window = e->u.call->window;
    if (!window_equal(w->window, e->u.call->window)) {
        w->has_others = true;
        return WALK_PRUNE;
    }
    w->rc = add_call(w, e);
    return w->rc == SQLITE_OK ? WALK_PRUNE : WALK_STOP;
}

// Whole numbers out of virtual REAL columns show how many queries they have come through.
static bool shows_depth(const WindowRewrite *w)
{
    for (u32 i = 0; i < w->count; i++) {
        if (expr_reads_virtual_real(w->calls[i]))
            return true;
    }
    return false;
}

// The ORDER BY of a compound hangs at its last SELECT and says nothing about that one's columns.
static ExprList *own_order(const WindowRewrite *w)
{
    return w->outer->prior == NULL ? w->outer->order_by : NULL;
}

static int collect_calls(WindowRewrite *w)
{
    ASSERT(w->count == 0);
    ASSERT(w->outer->window_count > 0);

    Walker walker = {.expr = collect_call, .arg = w};
    expr_list_walk(&walker, w->outer->columns);
    ExprList *terms = own_order(w);
    w->skips_copies = true;
    for (u32 i = 0; terms != NULL && i < terms->count && w->rc == SQLITE_OK; i++) {
        if (terms->items[i].column == 0)
            expr_walk(&walker, terms->items[i].expr);
    }
    w->skips_copies = false;
    w->lowers_copies = w->has_others || shows_depth(w);
    if (!w->lowers_copies && w->rc == SQLITE_OK)
        expr_list_walk(&walker, terms);
    return w->rc;
}

// --- moving expressions inwards ---

// The column of the inner query that computes `e`. Equal expressions share one; the inner query
// gets a copy, for the caller overwrites `e`.
static int inner_column(WindowRewrite *w, Expr *e, int *out)
{
    ASSERT(w->inner != NULL);

    ExprList *columns = w->inner->columns;
    for (u32 i = 0; columns != NULL && i < columns->count; i++) {
        if (expr_equal(columns->items[i].expr, e)) {
            *out = (int)i;
            return SQLITE_OK;
        }
    }
    Expr *moved = arena_alloc(w->plan->arena, sizeof *moved);
    if (moved == NULL)
        return SQLITE_NOMEM;
    *moved = *e;
    w->inner->columns = expr_list_add(w->plan->arena, columns, moved);
    if (w->inner->columns == NULL)
        return SQLITE_NOMEM;
    *out = (int)w->inner->columns->count - 1;
    return SQLITE_OK;
}

// Turns `e` in place into the column of the inner query that computes it: whatever points to the
// node sees the change.
static int replace(WindowRewrite *w, Expr *e)
{
    ASSERT(w->item != NULL);

    int column;
    TRY(inner_column(w, e, &column));
    *e = (Expr){.kind = EX_COLUMN, .offset = e->offset, .height = 1};
    e->u.column.item = w->item;
    e->u.column.index = column;
    if (column < 63)
        w->item->columns_used |= (u64)1 << column;
    else
        w->item->columns_used |= (u64)1 << 63;
    return SQLITE_OK;
}

// Constants stay where they are: a column would cost a field in every row.
static int replace_list(WindowRewrite *w, ExprList *list)
{
    ASSERT(w->inner != NULL);

    for (u32 i = 0; list != NULL && i < list->count; i++) {
        if (!expr_is_constant(list->items[i].expr, true))
            TRY(replace(w, list->items[i].expr));
    }
    return SQLITE_OK;
}

static bool is_of_original(const WindowRewrite *w, const Expr *e)
{
    ASSERT(e->kind == EX_COLUMN || e->kind == EX_IF_NULL_ROW);

    for (u32 i = 0; w->from != NULL && i < w->from->count; i++) {
        if (w->from->items[i] == e->u.column.item)
            return true;
    }
    return false;
}

// What needs a row of the original FROM, an aggregate, or another window moves; all above such a
// node is computed outside.
static WalkResult replace_expr(Walker *walker, Expr *e)
{
    WindowRewrite *w = walker->arg;
    ASSERT(w->inner != NULL);
    bool moves = false;
    if (is_window_call(w, e)) {
        if (is_collected(w, e))
            return WALK_PRUNE; // computed here; its arguments have moved already
        moves = true;
    } else if (e->kind == EX_CALL && e->u.call != NULL && e->u.call->agg_index >= 0
               && e->u.call->window == NULL && e->u.call->owner == w->outer) {
        moves = true;
    } else if ((e->kind == EX_COLUMN || e->kind == EX_IF_NULL_ROW) && is_of_original(w, e)) {
        moves = true;
    }
    if (!moves)
        return WALK_ON;
    w->rc = replace(w, e);
    return w->rc == SQLITE_OK ? WALK_PRUNE : WALK_STOP;
}

// Correlated columns move from within subqueries as well.
static WalkResult enter_select(Walker *walker, Select *s)
{
    (void)walker;
    (void)s;
    return WALK_ON;
}

// A subtype would be lost on the way: such arguments are computed outside, from the columns they
// read.
static int replace_arguments(WindowRewrite *w, const Expr *call)
{
    ASSERT(call->kind == EX_CALL);

    if (!expr_reads_subtypes(call))
        return replace_list(w, call->list);
    Walker walker = {.expr = replace_expr, .select = enter_select, .arg = w};
    for (u32 i = 0; call->list != NULL && i < call->list->count; i++) {
        Expr *arg = call->list->items[i].expr;
        if (expr_may_have_subtype(arg))
            expr_walk(&walker, arg);
        else if (!expr_is_constant(arg, true))
            TRY(replace(w, arg));
        TRY(w->rc);
    }
    return SQLITE_OK;
}

// --- the inner query ---

// The keys become hidden sort keys and columns at once: the outer query compares neighbours by
// them to find where partitions and peers end.
static int order_inner(WindowRewrite *w, const ExprList *keys)
{
    ASSERT(w->inner != NULL);

    for (u32 i = 0; keys != NULL && i < keys->count; i++) {
        Expr *e = keys->items[i].expr;
        int column;
        if (expr_is_constant(e, true))
            continue;
        TRY(inner_column(w, e, &column));
        Expr *key = arena_alloc(w->plan->arena, sizeof *key);
        if (key == NULL)
            return SQLITE_NOMEM;
        *key = *e;
        w->inner->order_by = expr_list_add(w->plan->arena, w->inner->order_by, key);
        if (w->inner->order_by == NULL)
            return SQLITE_NOMEM;
        ExprItem *item = &w->inner->order_by->items[w->inner->order_by->count - 1];
        item->column = (u16)(column + 1);
        item->sort = keys->items[i].sort;
    }
    return SQLITE_OK;
}

// Copies, because replace() overwrites the nodes in the outer query's clauses.
static int move_aggregates(WindowRewrite *w)
{
    ASSERT(w->inner != NULL);
    ASSERT(w->outer->agg_count == 0 || w->outer->aggs != NULL);

    Select *s = w->outer, *inner = w->inner;
    inner->aggs = arena_array(w->plan->arena, (size_t)s->agg_count + 1, sizeof *inner->aggs);
    if (inner->aggs == NULL)
        return SQLITE_NOMEM;
    inner->agg_count = s->agg_count;
    for (u32 i = 0; i < s->agg_count; i++) {
        Expr *copy = arena_alloc(w->plan->arena, sizeof *copy);
        if (copy == NULL)
            return SQLITE_NOMEM;
        *copy = *s->aggs[i];
        inner->aggs[i] = copy;
    }
    return SQLITE_OK;
}

// Until hand_over() both queries share the clauses that move; nothing is lost by failing between.
static int make_inner(WindowRewrite *w)
{
    ASSERT(w->inner == NULL);
    ASSERT(w->count > 0);

    Select *s = w->outer;
    Select *inner = arena_alloc_zeroed(w->plan->arena, sizeof *inner);
    FromItem *item = arena_alloc_zeroed(w->plan->arena, sizeof *item);
    if (inner == NULL || item == NULL)
        return SQLITE_NOMEM;
    w->inner = inner;
    w->item = item;
    w->from = s->from;
    inner->flags = SELECT_RESOLVED | SELECT_EXPANDED | SELECT_WINDOW_INPUT
                   | (s->flags & (SELECT_AGGREGATE | SELECT_CORRELATED | SELECT_MINMAX));
    inner->offset = s->offset;
    inner->id = ++*w->plan->select_count;
    inner->from = s->from;
    inner->where = s->where;
    inner->group_by = s->group_by;
    inner->having = s->having;
    inner->outer = s;
    TRY(move_aggregates(w));
    item->kind = FROM_SELECT;
    item->select = inner;
    item->owner = s;
    item->cursor = (*w->plan->cursor_count)++;
    item->is_correlated = (s->flags & SELECT_CORRELATED) != 0;
    return SQLITE_OK;
}

// They have no names: nothing but this rewrite refers to them.
static int describe_columns(WindowRewrite *w)
{
    ASSERT(w->inner->columns != NULL && w->inner->columns->count > 0);
    ASSERT(w->item->columns == NULL);

    u32 count = w->inner->columns->count;
    ResultColumn *results = arena_array(w->plan->arena, count, sizeof *results);
    if (results == NULL)
        return SQLITE_NOMEM;
    for (u32 i = 0; i < count; i++) {
        const Expr *e = w->inner->columns->items[i].expr;
        results[i] = (ResultColumn){
            .name = "", .affinity = (u8)expr_affinity(e), .collation = expr_collation_name(e)};
    }
    w->inner->results = results;
    w->item->columns = results;
    w->item->column_count = count;
    return SQLITE_OK;
}

// The point of no return: from here on the outer query has only its window functions.
static void hand_over(WindowRewrite *w)
{
    ASSERT(w->inner->results != NULL);
    ASSERT(w->inner->window_count == 0);

    Select *s = w->outer;
    // What has moved belongs to the inner query now.
    for (u32 i = 0; i < w->inner->columns->count; i++) {
        Expr *e = w->inner->columns->items[i].expr;
        if (e->kind == EX_CALL && e->u.call != NULL && e->u.call->owner == s)
            e->u.call->owner = w->inner;
        if (e->kind == EX_CALL && e->u.call != NULL && e->u.call->window != NULL)
            w->inner->window_count++;
    }
    for (u32 i = 0; i < w->inner->agg_count; i++)
        w->inner->aggs[i]->u.call->owner = w->inner;
    s->where = NULL;
    s->group_by = NULL;
    s->having = NULL;
    s->agg_count = 0;
    s->flags &= ~(u32)(SELECT_AGGREGATE | SELECT_MINMAX);
}

static int make_outer_from(WindowRewrite *w)
{
    ASSERT(w->outer->from == w->from);

    FromList *list = arena_alloc_zeroed(w->plan->arena, sizeof *list);
    FromItem **items = arena_array(w->plan->arena, 1, sizeof *items);
    if (list == NULL || items == NULL)
        return SQLITE_NOMEM;
    items[0] = w->item;
    *list = (FromList){.count = 1, .capacity = 1, .items = items};
    w->outer->from = list;
    return SQLITE_OK;
}

static WalkResult find_collected(Walker *walker, Expr *e)
{
    return is_collected(walker->arg, e) ? WALK_STOP : WALK_ON;
}

// A result column with a function computed here that is a term of ORDER BY too is that term, which
// the inner query has computed. (DISTINCT needs the column before there is a term.)
static int take_columns_from_order(WindowRewrite *w)
{
    ASSERT(w->lowers_copies);

    Walker walker = {.expr = find_collected, .arg = w};
    const ExprList *terms = own_order(w);
    for (u32 i = 0; terms != NULL && i < terms->count; i++) {
        if (terms->items[i].column == 0)
            continue;
        ExprItem *column = &w->outer->columns->items[terms->items[i].column - 1];
        const Expr *term = terms->items[i].expr;
        if (expr_walk(&walker, column->expr) != WALK_STOP)
            continue;
        if (term->kind == EX_COLLATE && column->expr->kind != EX_COLLATE)
            term = term->left;
        Expr *copy = arena_alloc(w->plan->arena, sizeof *copy);
        if (copy == NULL)
            return SQLITE_NOMEM;
        *copy = *term;
        column->expr = copy;
    }
    return SQLITE_OK;
}

static int move_inwards(WindowRewrite *w)
{
    ASSERT(w->window != NULL);

    Walker walker = {.expr = replace_expr, .select = enter_select, .arg = w};
    // The keys first, as they were; then everything that refers to rows.
    TRY(order_inner(w, w->window->partition_by));
    TRY(order_inner(w, w->window->order_by));
    for (u32 i = 0; i < w->count; i++) {
        Expr *call = w->calls[i];
        TRY(replace_arguments(w, call));
        if (call->u.call->filter != NULL)
            TRY(replace(w, call->u.call->filter));
        TRY(replace_list(w, call->u.call->window->partition_by));
        TRY(replace_list(w, call->u.call->window->order_by));
    }
    expr_list_walk(&walker, w->outer->columns);
    if (w->rc == SQLITE_OK)
        expr_list_walk(&walker, own_order(w));
    TRY(w->rc);
    if (w->lowers_copies && (w->outer->flags & SELECT_DISTINCT) == 0)
        TRY(take_columns_from_order(w));
    if (w->inner->columns == NULL) {
        Expr *one = expr_new(w->plan->arena, EX_NULL, NULL, NULL);
        w->inner->columns = one == NULL ? NULL : expr_list_add(w->plan->arena, NULL, one);
        if (w->inner->columns == NULL)
            return SQLITE_NOMEM;
    }
    return SQLITE_OK;
}

int plan_window_rewrite(PlanContext *plan, Select *s, WindowOperator **out)
{
    WindowRewrite w = {.plan = plan, .outer = s};
    *out = NULL;
    if (s->window_count == 0)
        return SQLITE_OK;
    TRY(collect_calls(&w));
    if (w.count == 0)
        return SQLITE_OK;
    TRY(make_inner(&w));
    TRY(move_inwards(&w));
    TRY(describe_columns(&w));
    hand_over(&w);
    TRY(make_outer_from(&w));
    WindowOperator *op = arena_alloc_zeroed(plan->arena, sizeof *op);
    if (op == NULL)
        return SQLITE_NOMEM;
    op->base.kind = OPERATOR_WINDOW;
    op->item = w.item;
    op->window = w.calls[0]->u.call->window;
    op->calls = w.calls;
    op->call_count = w.count;
    *out = op;
    return SQLITE_OK;
}
