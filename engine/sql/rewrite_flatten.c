// Flattening: a subquery in FROM becomes part of the query around it.
//
//   SELECT a, b FROM (SELECT x+1 AS a, y AS b FROM t WHERE z) AS s WHERE a > 5
//   SELECT x+1, y FROM t WHERE z AND x+1 > 5
//
// The subquery's tables take its place in FROM, its WHERE joins the outer one, and its result
// expressions replace the columns that named them. When the subquery can be NULL-extended, an
// expression that is not plainly one of its table's columns is wrapped in EX_IF_NULL_ROW, so that
// it is NULL on the null row.
//
// A subquery that is a UNION ALL of simple SELECTs makes the outer query a UNION ALL, one copy per
// term. When flattening is allowed follows SQLite's documented list ("The SQLite Query Optimizer
// Overview", section "Subquery Flattening"); the numbers below are those of that list.

#include "sql/rewrite_internal.h"
#include <string.h>

#define JOIN_COUNT_MAX 64 // tables in one join

typedef struct Flattening {
    ResolveContext *ctx;
    Select *p;
    FromItem *item; // the subquery
    u32 position;
    Select *sub;
    FromItem *first, *last; // tables of the subquery
    bool is_outer;          // the subquery may stand on its null row
    int rc;
} Flattening;

// --- may it be flattened? ---

static bool is_subquery(const FromItem *item)
{
    return item->select != NULL && (item->kind == FROM_SELECT || item->kind == FROM_NESTED);
}

static bool is_compound_term(const Select *p)
{
    return p->prior != NULL || p->next != NULL;
}

// (8) (9) (13) (14) (15) (19) (21): LIMIT in the subquery
static bool limit_allows(const Select *p, const Select *sub)
{
    ASSERT(sub->prior == NULL);

    if (sub->offset_expr != NULL)
        return false;
    if (sub->limit == NULL)
        return true;
    return p->limit == NULL && p->order_by == NULL && p->from->count == 1 && p->where == NULL
           && !is_compound_term(p) && !(p->flags & (SELECT_AGGREGATE | SELECT_DISTINCT));
}

// (11) (16): ORDER BY in the subquery
static bool order_allows(const Select *p, const Select *sub)
{
    ASSERT(sub->prior == NULL);

    if (sub->order_by == NULL)
        return true;
    return p->order_by == NULL && !(p->flags & SELECT_AGGREGATE) && !is_compound_term(p);
}

// (3) (26) (27): outer joins around and inside. (One at the end of the subquery is no hindrance:
// a JOIN (b LEFT JOIN c) is (a JOIN b) LEFT JOIN c, and ON of the inner join is part of WHERE.)
static bool joins_allow(const Select *p, const FromItem *item, const Select *sub, u32 position)
{
    ASSERT(sub->from->count > 0 && position < p->from->count);

    const FromList *inner = sub->from;
    bool is_outer = (item->join & (JOIN_OUTER | JOIN_LEFT_OF_RIGHT)) != 0;
    if (is_outer) {
        const FromItem *first = inner->items[0];
        bool is_virtual = first->table != NULL && first->table->kind == TABLE_VIRTUAL;
        if (inner->count > 1 || is_virtual || (p->flags & SELECT_DISTINCT)
            || (item->join & JOIN_RIGHT))
            return false;
    }
    return position == 0 || (inner->items[0]->join & JOIN_LEFT_OF_RIGHT) == 0;
}

// Window functions around see all rows of the subquery, in no order but that of the window.
static bool windows_allow(const Select *p, const Select *sub)
{
    return p->window_count == 0 || (sub->order_by == NULL && sub->limit == NULL);
}

static bool hints_allow(const FromItem *item)
{
    ASSERT(!item->is_cte || item->cte != NULL);

    return !(item->is_cte && item->cte->hint == CTE_MATERIALIZED); // (28)
}

// What holds for a plain subquery and for every term of a UNION ALL: (4) (7) (22) (25), no
// aggregate
static bool term_allows(const Select *term)
{
    return term->from != NULL && term->from->count > 0 && term->window_count == 0
           && !(term->flags & (SELECT_DISTINCT | SELECT_AGGREGATE | SELECT_RECURSIVE));
}

static bool may_flatten(const Select *p, u32 position)
{
    ASSERT(position < p->from->count);

    const FromItem *item = p->from->items[position];
    if (!is_subquery(item) || item->select->prior != NULL)
        return false;
    const Select *sub = item->select;
    return term_allows(sub) && hints_allow(item) && limit_allows(p, sub) && order_allows(p, sub)
           && joins_allow(p, item, sub, position) && windows_allow(p, sub)
           && p->from->count + sub->from->count <= JOIN_COUNT_MAX + 1;
}

// --- replacing columns ---

typedef struct JoinTag {
    u32 flags;
    int cursor;
} JoinTag;

// What replaces a column of an ON term belongs to that ON as well.
static WalkResult tag_node(Walker *w, Expr *e)
{
    const JoinTag *tag = w->arg;
    e->flags |= tag->flags;
    e->on_item = tag->cursor;
    return WALK_ON;
}

static void tag_join(Expr *e, u32 flags, int cursor)
{
    JoinTag tag = {.flags = flags & (EXPR_OUTER_ON | EXPR_INNER_ON), .cursor = cursor};
    Walker w = {.expr = tag_node, .arg = &tag};
    if (tag.flags != 0)
        (void)expr_walk(&w, e);
}

static bool is_column_of(const Expr *e, const FromItem *item)
{
    return e->kind == EX_COLUMN && e->u.column.item == item;
}

// The expression that stands for column `column` of the subquery. Its collation is what the
// column's was: implicit, however the subquery spelt it.
static Expr *replacement(Flattening *f, int column)
{
    ASSERT(column >= 0 && (u32)column < f->sub->columns->count);

    const Expr *source = f->sub->columns->items[column].expr;
    Expr *copy = expr_copy(f->ctx->arena, source, &f->ctx->cursor_count);
    if (copy == NULL)
        return NULL;
    if (f->is_outer && !is_column_of(copy, f->first)) {
        Expr *wrapped = expr_new(f->ctx->arena, EX_IF_NULL_ROW, copy, NULL);
        if (wrapped == NULL)
            return NULL;
        wrapped->u.column.item = f->first;
        copy = wrapped;
    }
    copy = rewrite_with_collation(f->ctx->arena, copy, f->item->columns[column].collation);
    if (copy != NULL)
        copy->flags = (copy->flags & ~(u32)EXPR_HAS_COLLATE) | EXPR_FROM_SUBQUERY;
    return copy;
}

static WalkResult replace_column(Walker *w, Expr *e)
{
    ASSERT(e->kind != EX_NAME && e->kind != EX_STAR); // A3

    Flattening *f = w->arg;
    if ((e->flags & (EXPR_OUTER_ON | EXPR_INNER_ON)) && e->on_item == f->item->cursor)
        e->on_item = f->last->cursor;
    if (e->kind == EX_IF_NULL_ROW && e->u.column.item == f->item)
        e->u.column.item = f->first;
    if (!is_column_of(e, f->item))
        return WALK_ON;
    Expr *copy = replacement(f, e->u.column.index);
    if (copy == NULL) {
        f->rc = SQLITE_NOMEM;
        return WALK_STOP;
    }
    u32 tags = e->flags & (EXPR_OUTER_ON | EXPR_INNER_ON);
    int cursor = e->on_item;
    *e = *copy;
    tag_join(e, tags, cursor);
    return WALK_PRUNE; // what has come in names no column of the subquery
}

// Everywhere in the query around, subqueries included.
static void replace_columns(Flattening *f)
{
    Walker w = {.expr = replace_column, .select = walk_into_select, .arg = f};
    Select *p = f->p;
    (void)expr_list_walk(&w, p->columns);
    (void)expr_walk(&w, p->where);
    (void)expr_list_walk(&w, p->group_by);
    (void)expr_walk(&w, p->having);
    (void)expr_list_walk(&w, p->order_by);
    for (u32 i = 0; i < p->from->count; i++) {
        FromItem *item = p->from->items[i];
        (void)expr_list_walk(&w, item->args);
        if (item->select != NULL && item != f->item)
            (void)select_walk(&w, item->select);
    }
}

// --- FROM ---

// The first table takes over how the subquery was joined; the others keep their own joins, which
// are to the right of it either way.
static bool splice_from(Flattening *f)
{
    ASSERT(f->p->from->items[f->position] == f->item);

    FromList *from = f->p->from;
    const FromList *inner = f->sub->from;
    u32 count = from->count + inner->count - 1;
    FromItem **items = arena_array(f->ctx->arena, count, sizeof(FromItem *));
    if (items == NULL)
        return false;
    memcpy(items, from->items, f->position * sizeof *items);
    memcpy(items + f->position, inner->items, inner->count * sizeof *items);
    memcpy(items + f->position + inner->count, from->items + f->position + 1,
           (from->count - f->position - 1) * sizeof *items);
    u8 left_of_right = f->item->join & JOIN_LEFT_OF_RIGHT;
    for (u32 i = 0; i < inner->count; i++) {
        inner->items[i]->join |= left_of_right;
        inner->items[i]->may_be_null = inner->items[i]->may_be_null || f->item->may_be_null;
    }
    f->first->join = (f->first->join & JOIN_LEFT_OF_RIGHT) | f->item->join;
    f->first->has_on = f->item->has_on;
    f->first->has_using = f->item->has_using;
    f->first->using_list = f->item->using_list;
    from->items = items;
    from->count = from->capacity = count;
    for (u32 i = 0; i < count; i++) {
        items[i]->position = (int)i;
        items[i]->owner = f->p;
    }
    return true;
}

// --- one plain subquery ---

static int merge_clauses(Flattening *f)
{
    ASSERT(f->sub->order_by == NULL || f->p->order_by == NULL);
    ASSERT(f->sub->limit == NULL || f->p->limit == NULL);

    Select *p = f->p;
    Select *sub = f->sub;
    if (sub->where != NULL) {
        if (f->is_outer)
            tag_join(sub->where, EXPR_OUTER_ON, f->first->cursor);
        p->where = expr_and(f->ctx->arena, sub->where, p->where);
        if (p->where == NULL)
            return SQLITE_NOMEM;
    }
    if (sub->order_by != NULL) {
        p->order_by = sub->order_by;
        for (u32 i = 0; i < p->order_by->count; i++)
            p->order_by->items[i].column = 0; // counted the subquery's columns
    }
    if (sub->limit != NULL)
        p->limit = sub->limit;
    return SQLITE_OK;
}

// Terms of the merged ORDER BY that are result columns of the outer query say so again.
static void find_order_columns(Select *p)
{
    for (u32 i = 0; p->order_by != NULL && i < p->order_by->count; i++) {
        ExprItem *item = &p->order_by->items[i];
        for (u32 j = 0; item->column == 0 && j < p->columns->count; j++)
            if (expr_equal(item->expr, p->columns->items[j].expr))
                item->column = (u16)(j + 1);
    }
}

static int flatten_plain(ResolveContext *ctx, Select *p, u32 position)
{
    ASSERT(may_flatten(p, position));

    FromItem *item = p->from->items[position];
    Flattening f = {.ctx = ctx,
                    .p = p,
                    .item = item,
                    .position = position,
                    .sub = item->select,
                    .first = item->select->from->items[0],
                    .last = item->select->from->items[item->select->from->count - 1],
                    .is_outer = (item->join & (JOIN_OUTER | JOIN_LEFT_OF_RIGHT)) != 0};
    replace_columns(&f);
    if (f.rc != SQLITE_OK || !splice_from(&f))
        return connection_out_of_memory(ctx->db);
    if (merge_clauses(&f) != SQLITE_OK)
        return connection_out_of_memory(ctx->db);
    if (f.sub->order_by != NULL)
        find_order_columns(p);
    return SQLITE_OK;
}

// --- UNION ALL ---

// (17): every term is plain, and a column means the same in all of them.
static bool terms_allow_split(const Select *sub, u32 position)
{
    ASSERT(sub->next == NULL && sub->prior != NULL);

    for (const Select *term = sub; term != NULL; term = term->prior) {
        if (!term_allows(term) || (term->prior != NULL && term->set_op != SET_UNION_ALL))
            return false;
        if (position > 0 && (term->from->items[0]->join & JOIN_LEFT_OF_RIGHT))
            return false;
        for (u32 i = 0; i < sub->columns->count; i++)
            if (expr_affinity(term->columns->items[i].expr)
                != expr_affinity(sub->columns->items[i].expr))
                return false;
    }
    return true;
}

// (18): ORDER BY names columns only
static bool orders_by_columns(const Select *p)
{
    for (u32 i = 0; p->order_by != NULL && i < p->order_by->count; i++)
        if (p->order_by->items[i].column == 0)
            return false;
    return true;
}

#define SPLIT_MAX 500 // SELECTs in a statement beyond which joins are not multiplied any further

// (17): UNION ALL, no aggregate or DISTINCT around, no LIMIT inside; see terms_allow_split().
static bool may_split(const ResolveContext *ctx, const Select *p, u32 position)
{
    ASSERT(position < p->from->count);

    const FromItem *item = p->from->items[position];
    if (!is_subquery(item) || item->select->prior == NULL || is_compound_term(p))
        return false;
    const Select *sub = item->select;
    u32 unfit = SELECT_AGGREGATE | SELECT_DISTINCT | SELECT_RECURSIVE; // (17d) (23)
    if ((p->flags & unfit) || p->window_count > 0 || sub->order_by != NULL || sub->limit != NULL)
        return false;
    if (item->join & (JOIN_OUTER | JOIN_LEFT_OF_RIGHT)) // (17f)
        return false;
    if (p->from->count > 1 && ctx->select_count > SPLIT_MAX)
        return false;
    return hints_allow(item) && terms_allow_split(sub, position) && orders_by_columns(p);
}

// ORDER BY of a compound speaks of columns by number.
static bool order_by_numbers(ResolveContext *ctx, Select *p)
{
    ASSERT(orders_by_columns(p));

    for (u32 i = 0; p->order_by != NULL && i < p->order_by->count; i++) {
        ExprItem *item = &p->order_by->items[i];
        const Expr *e = item->expr;
        Expr *number = expr_new_integer(ctx->arena, item->column);
        if (number != NULL && e->kind == EX_COLLATE) {
            Expr *collate = expr_new(ctx->arena, EX_COLLATE, number, NULL);
            if (collate != NULL) {
                collate->text = e->text;
                collate->flags |= EXPR_HAS_COLLATE;
            }
            number = collate;
        }
        if (number == NULL)
            return false;
        item->expr = number;
    }
    return true;
}

// A term of a compound as a SELECT by itself.
static void detach_term(Select *term)
{
    term->prior = term->next = NULL;
    term->set_op = SET_NONE;
    term->flags &= ~(u32)SELECT_COMPOUND_TERM;
}

// A copy of `p` with one term of the subquery, without what belongs to the whole compound.
static Select *copy_for_term(ResolveContext *ctx, Select *p, FromItem *item, Select *term)
{
    ASSERT(term->prior == NULL && term->next == NULL);

    ExprList *order_by = p->order_by;
    Expr *limit = p->limit;
    Expr *offset = p->offset_expr;
    Select *select = item->select;
    Select *prior = p->prior; // terms that were split off already
    p->order_by = NULL;
    p->limit = p->offset_expr = NULL;
    p->prior = NULL;
    item->select = term;
    Select *copy = select_copy(ctx->arena, p, &ctx->cursor_count);
    item->select = select;
    p->order_by = order_by;
    p->limit = limit;
    p->offset_expr = offset;
    p->prior = prior;
    if (copy != NULL) {
        copy->with = NULL;
        copy->flags |= SELECT_COMPOUND_TERM;
        copy->id = ++ctx->select_count;
    }
    return copy;
}

static void link_before(Select *prior, Select *p)
{
    ASSERT(p->prior == NULL && prior->next == NULL);

    p->prior = prior;
    p->set_op = SET_UNION_ALL;
    prior->next = p;
}

// p over (A UNION ALL B) becomes p over A UNION ALL p over B; `p` itself is the last.
static int split_union(ResolveContext *ctx, Select *p, u32 position)
{
    ASSERT(may_split(ctx, p, position));

    FromItem *item = p->from->items[position];
    Select *term = item->select;
    Select *prior = term->prior;
    if (!order_by_numbers(ctx, p))
        return connection_out_of_memory(ctx->db);
    detach_term(term);
    Select *next = p;
    while (prior != NULL) {
        term = prior;
        prior = term->prior;
        detach_term(term);
        Select *copy = copy_for_term(ctx, p, item, term);
        if (copy == NULL)
            return connection_out_of_memory(ctx->db);
        link_before(copy, next);
        next = copy;
    }
    return SQLITE_OK;
}

// Whatever is merged, the walk begins anew at the left: subqueries of subqueries come up one level
// at a time.
int rewrite_flatten(ResolveContext *ctx, Select *p)
{
    ASSERT(p->flags & SELECT_RESOLVED);

    u32 i = 0;
    rewrite_outer_joins(p);
    while (p->from != NULL && i < p->from->count) {
        if (may_split(ctx, p, i)) {
            TRY(split_union(ctx, p, i));
            continue; // the term that is left is a plain subquery
        }
        if (!may_flatten(p, i)) {
            i++;
            continue;
        }
        TRY(flatten_plain(ctx, p, i));
        rewrite_outer_joins(p);
        i = 0; // what came in may hold subqueries too
    }
    return SQLITE_OK;
}
