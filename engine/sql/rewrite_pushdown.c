// Pushing conditions down: WHERE terms about a subquery that stays a subquery are copied into it,
// so that it makes fewer rows. HAVING terms about GROUP BY keys go to WHERE for the same reason.
//
//   SELECT * FROM (SELECT a, count(*) AS n FROM t GROUP BY a) WHERE a = 5
//   SELECT * FROM (SELECT a, count(*) AS n FROM t GROUP BY a HAVING a = 5) WHERE a = 5
//   SELECT * FROM (SELECT a, count(*) AS n FROM t WHERE a = 5 GROUP BY a) WHERE a = 5
//
// The first step is rewrite_push_down() in the outer query, the second rewrite_having() in the
// inner one, whose turn comes later.
//
// A term goes if it reads this subquery and nothing else, always gives the same, and cannot tell
// apart rows that the subquery counts as one: hence BINARY alone in UNION, and keys of every
// PARTITION BY where windows are computed. A LIMIT, a recursive query and a shared CTE take none.

#include "base/hashmap.h"
#include "func/func.h"
#include "sql/rewrite_internal.h"

// --- may the subquery take conditions? ---

static bool is_binary(const char *collation)
{
    return collation == NULL || name_equals(collation, "BINARY");
}

// Terms that are compared with each other must compare bytes, or rows that count as equal would be
// told apart. Affinities may differ: like SQLite, each term then tests the condition on its own
// column, and the outer query once more on the compound's.
static bool compound_takes_terms(const Select *last)
{
    ASSERT(last->prior != NULL && last->next == NULL);

    bool all_union_all = true;
    for (const Select *term = last; term != NULL; term = term->prior) {
        all_union_all = all_union_all && (term->prior == NULL || term->set_op == SET_UNION_ALL);
        if (term->window_count > 0)
            return false;
    }
    for (u32 i = 0; i < last->columns->count && !all_union_all; i++) {
        for (const Select *term = last; term != NULL; term = term->prior) {
            if (!is_binary(expr_collation_name(term->columns->items[i].expr)))
                return false;
        }
    }
    return true;
}

// Its rows are made once for all references, which want different ones.
static bool is_shared_cte(const FromItem *item)
{
    ASSERT(!item->is_cte || item->cte != NULL);

    if (!item->is_cte)
        return false;
    return item->cte->hint == CTE_MATERIALIZED
           || (item->cte->hint == CTE_ANY && item->cte->use_count > 1);
}

static bool takes_terms(const FromItem *item)
{
    ASSERT(item->cursor >= 0);

    const Select *sub = item->select;
    bool is_subquery = sub != NULL && (item->kind == FROM_SELECT || item->kind == FROM_NESTED);
    if (!is_subquery || is_shared_cte(item) || (item->join & (JOIN_LEFT_OF_RIGHT | JOIN_RIGHT)))
        return false;
    if (sub->limit != NULL || (sub->flags & (SELECT_RECURSIVE | SELECT_MULTI_VALUES)))
        return false;
    for (const Select *term = sub; term != NULL; term = term->prior)
        if (term->flags & SELECT_RECURSIVE)
            return false;
    return sub->prior == NULL || compound_takes_terms(sub);
}

// --- may the condition go? ---

typedef struct TermCheck {
    const FromItem *item;
    bool is_about_item; // reads a column of it, and of nothing else
    bool is_fine;
} TermCheck;

static WalkResult check_node(Walker *w, Expr *e)
{
    ASSERT(e->kind != EX_NAME);

    TermCheck *check = w->arg;
    if (e->kind == EX_COLUMN) {
        check->is_fine = e->u.column.item == check->item && e->u.column.index >= 0;
        check->is_about_item = check->is_about_item || check->is_fine;
    } else if ((e->select != NULL && (e->flags & EXPR_CORRELATED) != 0) || e->kind == EX_ROW_COLUMN
               || e->kind == EX_IF_NULL_ROW
               || (e->flags & (EXPR_NONDETERMINISTIC | EXPR_HAS_AGG | EXPR_HAS_WINDOW))) {
        check->is_fine = false;
    }
    return check->is_fine ? WALK_ON : WALK_STOP;
}

static bool term_may_go(Expr *term, const FromItem *item)
{
    ASSERT(term->kind != EX_AND); // one conjunct at a time

    bool is_outer_on = (term->flags & EXPR_OUTER_ON) != 0;
    if (item->join & JOIN_LEFT) {
        if (!is_outer_on || term->on_item != item->cursor)
            return false; // WHERE sees the null row, which the subquery does not make
    } else if (is_outer_on) {
        return false;
    }
    TermCheck check = {.item = item, .is_fine = true};
    Walker w = {.expr = check_node, .arg = &check};
    (void)expr_walk(&w, term);
    return check.is_fine && check.is_about_item;
}

// --- windows: only conditions on PARTITION BY keys leave the frames as they are ---

typedef struct PartitionCheck {
    const ExprList *partition;
    bool is_fine;
} PartitionCheck;

static WalkResult check_partition(Walker *w, Expr *e)
{
    PartitionCheck *check = w->arg;
    for (u32 i = 0; check->partition != NULL && i < check->partition->count; i++) {
        const Expr *key = check->partition->items[i].expr;
        if (expr_equal(key, e) && is_binary(expr_collation_name(key)))
            return WALK_PRUNE;
    }
    if (e->kind == EX_COLUMN || e->kind == EX_ROW_COLUMN || e->kind == EX_SELECT
        || e->kind == EX_CALL)
        check->is_fine = false;
    return check->is_fine ? WALK_ON : WALK_STOP;
}

static bool windows_allow(const Select *term, Expr *condition)
{
    ASSERT(term->window_count > 0);

    for (u32 i = 0; i < term->window_count; i++) {
        PartitionCheck check = {.partition = term->windows[i]->u.call->window->partition_by,
                                .is_fine = true};
        Walker w = {.expr = check_partition, .arg = &check};
        (void)expr_walk(&w, condition);
        if (!check.is_fine)
            return false;
    }
    return true;
}

// --- pushing ---

// What replaces a column takes the column's collation, as implicitly as a column has it: that of
// the first term of a compound, BINARY where the expression had none. NULL: out of memory.
Expr *rewrite_with_collation(Arena *arena, Expr *e, const char *collation)
{
    ASSERT(e != NULL);

    const char *own = expr_collation_name(e);
    bool is_same = own == NULL || collation == NULL ? is_binary(own) && is_binary(collation)
                                                    : name_equals(own, collation);
    if (is_same && e->kind == EX_IF_NULL_ROW && e->left->kind == EX_COLUMN)
        return e;
    if (is_same && (e->kind == EX_COLUMN || e->kind == EX_COLLATE))
        return e;
    Expr *collate = expr_new(arena, EX_COLLATE, e, NULL);
    if (collate != NULL)
        collate->text = collation != NULL ? collation : "BINARY";
    return collate;
}

typedef struct Replace {
    ResolveContext *ctx;
    const FromItem *item;
    const Select *term;
    bool failed;
} Replace;

static WalkResult replace_column(Walker *w, Expr *e)
{
    ASSERT(e->kind != EX_COLUMN || e->u.column.item != NULL);

    Replace *replace = w->arg;
    e->flags &= ~(u32)(EXPR_OUTER_ON | EXPR_INNER_ON);
    if (e->kind != EX_COLUMN || e->u.column.item != replace->item)
        return WALK_ON;
    u32 column = (u32)e->u.column.index;
    const Expr *source = replace->term->columns->items[column].expr;
    Expr *copy = expr_copy(replace->ctx->arena, source, &replace->ctx->cursor_count);
    if (copy != NULL)
        copy = rewrite_with_collation(replace->ctx->arena, copy,
                                      replace->item->columns[column].collation);
    if (copy == NULL) {
        replace->failed = true;
        return WALK_STOP;
    }
    *e = *copy;
    e->flags = (e->flags & ~(u32)EXPR_HAS_COLLATE) | EXPR_FROM_SUBQUERY;
    return WALK_PRUNE;
}

// The condition in terms of one SELECT of the subquery; NULL: out of memory.
static Expr *translated(ResolveContext *ctx, const FromItem *item, const Select *term,
                        const Expr *condition)
{
    ASSERT(term->columns->count == item->column_count);

    Replace replace = {.ctx = ctx, .item = item, .term = term};
    Expr *copy = expr_copy(ctx->arena, condition, &ctx->cursor_count);
    Walker w = {.expr = replace_column, .arg = &replace};
    if (copy != NULL)
        (void)expr_walk(&w, copy);
    return replace.failed ? NULL : copy;
}

// A copy of the condition must give the same: no chance in the result columns it names.
static WalkResult check_result(Walker *w, Expr *e)
{
    TermCheck *check = w->arg;
    if ((e->flags & EXPR_NONDETERMINISTIC) != 0)
        check->is_fine = false;
    return check->is_fine ? WALK_ON : WALK_STOP;
}

typedef struct RepeatCheck {
    const Select *term;
    const FromItem *item;
    bool is_fine;
} RepeatCheck;

static WalkResult check_repeat(Walker *w, Expr *e)
{
    RepeatCheck *check = w->arg;
    if (e->kind != EX_COLUMN || e->u.column.item != check->item)
        return WALK_ON;
    TermCheck result = {.is_fine = true};
    Walker inner = {.expr = check_result, .arg = &result};
    (void)expr_walk(&inner, check->term->columns->items[e->u.column.index].expr);
    check->is_fine = check->is_fine && result.is_fine;
    return WALK_ON;
}

// Only columns that are results: term_may_go() has seen to it that none is a rowid.
static bool result_may_repeat(const Select *term, const Expr *condition, const FromItem *item)
{
    ASSERT(term->columns->count == item->column_count);

    RepeatCheck check = {.term = term, .item = item, .is_fine = true};
    Walker w = {.expr = check_repeat, .arg = &check};
    (void)expr_walk(&w, (Expr *)(uintptr_t)condition);
    return check.is_fine;
}

// All terms of the subquery or none.
static bool subquery_allows(ResolveContext *ctx, const FromItem *item, const Expr *condition)
{
    ASSERT(item->select != NULL && item->select->next == NULL);

    for (const Select *term = item->select; term != NULL; term = term->prior) {
        if (!result_may_repeat(term, condition, item))
            return false;
        if (term->window_count == 0)
            continue;
        Expr *copy = translated(ctx, item, term, condition);
        if (copy == NULL || !windows_allow(term, copy))
            return false;
    }
    return true;
}

// The copies of an IN ask one set, which is built once.
static WalkResult mark_shared_set(Walker *w, Expr *e)
{
    (void)w;
    if (e->kind == EX_IN && e->select != NULL)
        e->select->flags |= SELECT_SHARED_SET;
    return WALK_ON;
}

// A copy uses the common table expressions again: what is used twice need not be computed twice.
static WalkResult count_uses(Walker *w, Select *s)
{
    (void)w;
    for (u32 i = 0; s->from != NULL && i < s->from->count; i++) {
        if (s->from->items[i]->is_cte)
            s->from->items[i]->cte->use_count++;
    }
    return WALK_ON;
}

static int push_term(ResolveContext *ctx, const FromItem *item, Expr *condition)
{
    ASSERT(condition->kind != EX_AND);

    if (!term_may_go(condition, item) || !subquery_allows(ctx, item, condition))
        return ctx->arena->failed ? connection_out_of_memory(ctx->db) : SQLITE_OK;
    Walker w = {.expr = mark_shared_set, .select = count_uses};
    (void)expr_walk(&w, condition);
    for (Select *term = item->select; term != NULL; term = term->prior) {
        Expr *copy = translated(ctx, item, term, condition);
        if (copy == NULL)
            return connection_out_of_memory(ctx->db);
        bool is_aggregate = (term->flags & SELECT_AGGREGATE) != 0;
        Expr **clause = is_aggregate ? &term->having : &term->where;
        *clause = expr_and(ctx->arena, *clause, copy);
        if (*clause == NULL)
            return connection_out_of_memory(ctx->db);
    }
    return SQLITE_OK;
}

static int push_terms(ResolveContext *ctx, const FromItem *item, Expr *where)
{
    ASSERT(item->column_count > 0);

    while (where != NULL && where->kind == EX_AND) {
        TRY(push_terms(ctx, item, where->right));
        where = where->left;
    }
    return where == NULL ? SQLITE_OK : push_term(ctx, item, where);
}

// (Before windows are planned: what PARTITION BY says is still to be seen.)
int rewrite_push_down(ResolveContext *ctx, Select *p)
{
    ASSERT((p->flags & SELECT_RESOLVED) != 0);

    for (u32 i = 0; p->from != NULL && p->where != NULL && i < p->from->count; i++)
        if (takes_terms(p->from->items[i]))
            TRY(push_terms(ctx, p->from->items[i], p->where));
    return SQLITE_OK;
}

// --- HAVING to WHERE ---

typedef struct KeyCheck {
    const ExprList *keys;
    bool is_fine;
} KeyCheck;

static WalkResult check_key(Walker *w, Expr *e)
{
    KeyCheck *check = w->arg;
    for (u32 i = 0; i < check->keys->count; i++) {
        const Expr *key = check->keys->items[i].expr;
        if (expr_equal(key, e) && is_binary(expr_collation_name(key)))
            return WALK_PRUNE;
    }
    if (e->kind == EX_COLUMN || e->kind == EX_ROW_COLUMN || e->select != NULL
        || e->kind == EX_IF_NULL_ROW || (e->kind == EX_CALL && e->u.call->owner != NULL)
        || (e->flags & EXPR_NONDETERMINISTIC))
        check->is_fine = false;
    return check->is_fine ? WALK_ON : WALK_STOP;
}

static bool depends_on_keys(const Select *p, Expr *term)
{
    ASSERT(p->group_by != NULL);

    KeyCheck check = {.keys = p->group_by, .is_fine = true};
    Walker w = {.expr = check_key, .arg = &check};
    (void)expr_walk(&w, term);
    return check.is_fine;
}

// A literal stays in HAVING, whatever it is: SQLite leaves it there too.
static int move_terms(ResolveContext *ctx, Select *p, Expr *having, Expr **kept)
{
    ASSERT(having != NULL);

    while (having != NULL && having->kind == EX_AND) {
        TRY(move_terms(ctx, p, having->right, kept));
        having = having->left;
    }
    bool moves = depends_on_keys(p, having) && !expr_is_always_true(having);
    Expr **clause = moves ? &p->where : kept;
    *clause = expr_and(ctx->arena, *clause, having);
    return *clause == NULL ? connection_out_of_memory(ctx->db) : SQLITE_OK;
}

// A literal is true or false of all groups alike, and HAVING is where SQLite keeps it.
int rewrite_having(ResolveContext *ctx, Select *p)
{
    if (p->having == NULL || p->group_by == NULL || p->group_by->count == 0)
        return SQLITE_OK;
    Expr *kept = NULL;
    TRY(move_terms(ctx, p, p->having, &kept));
    p->having = kept;
    return SQLITE_OK;
}

// --- order that nobody sees ---

static bool depends_on_order(const Select *p)
{
    ASSERT(p->agg_count == 0 || p->aggs != NULL);

    for (u32 i = 0; i < p->agg_count; i++)
        if (!(p->aggs[i]->u.call->func->flags & FUNC_ANY_ORDER))
            return true;
    return false;
}

// Not when the subquery is all there is and its order thus the result's; nor where group_concat()
// or the like would see it.
void rewrite_drop_order(Select *p)
{
    ASSERT(p->from == NULL || p->from->count > 0);

    if (p->from == NULL || (p->order_by == NULL && p->from->count == 1) || depends_on_order(p))
        return;
    for (u32 i = 0; i < p->from->count; i++) {
        const FromItem *item = p->from->items[i];
        Select *sub = item->select;
        if (sub == NULL || sub->order_by == NULL || sub->limit != NULL
            || (sub->flags & SELECT_RECURSIVE) || depends_on_order(sub))
            continue;
        if (item->is_cte && item->cte->hint == CTE_MATERIALIZED)
            continue; // its rows are kept as it says; the outer query may profit from their order
        sub->order_by = NULL;
        sub->flags |= SELECT_ORDER_BY_DROPPED;
    }
}
