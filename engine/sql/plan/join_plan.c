// Planning one join from request to result: set up the terms, choose, drop LEFT JOINs nobody needs.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

// Arguments of a table-valued function are equalities on its hidden columns.
static int add_function_arguments(JoinQuery *q, FromItem *item)
{
    ASSERT(item->kind == FROM_FUNCTION && item->args != NULL);

    const Table *table = item->table;
    u32 argument = 0;
    for (int i = 0; i < table->column_count && argument < item->args->count; i++) {
        if ((table->columns[i].flags & COLUMN_HIDDEN) == 0)
            continue;
        Expr *column = expr_make(q, EX_COLUMN, NULL, NULL, NULL);
        Expr *equal = column == NULL
                          ? NULL
                          : expr_make(q, EX_EQ, column, item->args->items[argument].expr, NULL);
        if (equal == NULL)
            return SQLITE_NOMEM;
        column->u.column.item = item;
        column->u.column.index = i;
        bool outer = (item->join & (JOIN_LEFT | JOIN_RIGHT)) != 0;
        equal->flags |= outer ? EXPR_OUTER_ON : EXPR_INNER_ON;
        equal->on_item = item->cursor;
        Term *term;
        TRY(term_list_append(&q->terms, equal, 0, &term));
        argument++;
    }
    return SQLITE_OK;
}

static int query_terms(JoinQuery *q)
{
    term_list_init(&q->terms, q);
    TRY(term_list_split(&q->terms, q->request->where, EX_AND));
    for (u32 i = 0; i < q->item_count; i++) {
        FromItem *item = q->from->items[i];
        if (item->kind == FROM_FUNCTION && item->args != NULL)
            TRY(add_function_arguments(q, item));
    }
    TRY(term_list_analyze(&q->terms));
    return term_add_limits(q);
}

static bool result_has_column(JoinQuery *q, const FromItem *item, int column, const char *collation)
{
    ASSERT(q->request->columns != NULL);

    const ExprList *columns = q->request->columns;
    for (u32 i = 0; i < columns->count; i++) {
        Expr *e = columns->items[i].expr;
        if (plan_is_column_of(e, item->cursor, column)
            && (collation == NULL || name_equals(plan_collation_name(e), collation)))
            return true;
    }
    return false;
}

// Rows of one table are distinct if the result holds its rowid or a unique, non-NULL key.
static bool distinct_is_redundant(JoinQuery *q)
{
    ASSERT(q->distinct_wanted);

    if (q->item_count != 1 || q->from->items[0]->kind != FROM_TABLE)
        return false;
    const FromItem *item = q->from->items[0];
    if (item->table == NULL || item->table->kind != TABLE_ORDINARY)
        return false;
    if (table_is_rowid(item->table) && result_has_column(q, item, ROWID_COLUMN, NULL))
        return true;
    for (Index *index = plan_bound_indexes(q, item); index != NULL; index = index->next) {
        if ((index->flags & INDEX_UNIQUE) == 0 || index->where != NULL)
            continue;
        u32 i = 0;
        for (; i < index->key_count; i++) {
            int column = index->columns[i];
            if (term_find(&q->terms, item, (int)i, ~(TableMask)0, TERM_EQ, index) != NULL)
                continue;
            if (column < 0 || item->table->columns[column].not_null == 0
                || !result_has_column(q, item, column, index->collations[i]))
                break;
        }
        if (i == index->key_count)
            return true;
    }
    return false;
}

// DISTINCT without ORDER BY may ask for an order of its own: any that brings equal rows together.
static void query_distinct(JoinQuery *q)
{
    ASSERT(!q->distinct_wanted || q->request->columns != NULL);

    q->distinct = q->distinct_wanted ? DISTINCT_UNORDERED : DISTINCT_NONE;
    if (!q->distinct_wanted)
        return;
    if (distinct_is_redundant(q)) {
        q->distinct = DISTINCT_UNIQUE;
    } else if (q->order_by == NULL && !q->has_right_join) {
        q->flags |= WANT_DISTINCT_BY;
        q->order_by = q->request->columns;
    }
}

static void shortcut_done(JoinQuery *q, Access *a)
{
    ASSERT(q->item_count == 1 && (a->flags & ACCESS_ONE_ROW) != 0);

    a->rows = 1;
    q->chosen[0] = a;
    q->total_rows = 1;
    q->total_cost = a->run;
    q->ordered = q->order_by == NULL ? 0 : (i8)q->order_by->count;
    if (q->distinct_wanted)
        q->distinct = DISTINCT_UNIQUE;
}

static Term *shortcut_rowid(JoinQuery *q, const FromItem *item)
{
    ASSERT(table_is_rowid(item->table));

    Term *term = term_find(&q->terms, item, ROWID_COLUMN, ~(TableMask)0, TERM_EQ | TERM_IS, NULL);
    return term != NULL && (term->op & (TERM_EQ | TERM_IS)) != 0 ? term : NULL;
}

// At most three columns, as in SQLite: longer keys go through the search, where other indexes
// compete.
static Index *shortcut_index(JoinQuery *q, FromItem *item, Access *a)
{
    for (Index *index = plan_bound_indexes(q, item); index != NULL; index = index->next) {
        if ((index->flags & INDEX_UNIQUE) == 0 || index->where != NULL || index->key_count > 3)
            continue;
        u16 ops = (index->flags & INDEX_UNIQUE_NOT_NULL) != 0 ? TERM_EQ | TERM_IS : TERM_EQ;
        u32 i = 0;
        for (; i < index->key_count; i++) {
            Term *term = term_find(&q->terms, item, (int)i, ~(TableMask)0, ops, index);
            if (term == NULL)
                break;
            a->terms[i] = term;
        }
        if (i == index->key_count)
            return index;
    }
    return NULL;
}

// The commonest query needs no search: one table, its rowid or a unique key bound to constants.
static int try_shortcut(JoinQuery *q, bool *done)
{
    FromItem *item = q->item_count == 1 ? q->from->items[0] : NULL;
    *done = false;
    if (item == NULL || item->kind != FROM_TABLE || item->table->kind != TABLE_ORDINARY
        || item->index != NULL || item->not_indexed
        || (q->flags & (WANT_OR_BRANCH | WANT_RIGHT_ROWS)) != 0)
        return SQLITE_OK;
    Access *a = arena_alloc_zeroed(q->arena, sizeof *a);
    q->chosen = arena_array(q->arena, 1, sizeof *q->chosen);
    if (a == NULL || q->chosen == NULL)
        return SQLITE_NOMEM;
    a->terms = arena_array(q->arena, 4, sizeof *a->terms);
    if (a->terms == NULL)
        return SQLITE_NOMEM;
    a->self = 1;
    Term *term = table_is_rowid(item->table) ? shortcut_rowid(q, item) : NULL;
    if (term != NULL) {
        a->kind = ACCESS_ROWID;
        a->flags = ACCESS_ROWID_KEY | ACCESS_EQUAL | ACCESS_ONE_ROW;
        a->terms[0] = term;
        a->term_count = 1;
        a->equal_count = 1;
        a->run = 33;
        *done = true;
    } else {
        a->index = shortcut_index(q, item, a);
        if (a->index == NULL)
            return SQLITE_OK;
        bool by_expr;
        a->kind = ACCESS_INDEX;
        a->flags = ACCESS_INDEXED | ACCESS_EQUAL | ACCESS_ONE_ROW;
        if (index_covers(q, item, a->index, &by_expr))
            a->flags |= ACCESS_COVERING | (by_expr ? (u32)ACCESS_INDEX_EXPR : 0);
        a->equal_count = a->term_count = a->index->key_count;
        a->run = 39;
        *done = true;
    }
    shortcut_done(q, a);
    return SQLITE_OK;
}

// --- LEFT JOINs without effect ---

static bool left_join_has_effect(const JoinQuery *q, const Access *a, TableMask used)
{
    ASSERT(a->item < q->item_count);

    const FromItem *item = q->from->items[a->item];
    if ((item->join & (JOIN_LEFT | JOIN_RIGHT)) != JOIN_LEFT)
        return true;
    if (!q->distinct_wanted && (a->flags & ACCESS_ONE_ROW) == 0)
        return true;
    if ((used & a->self) != 0)
        return true;
    for (u32 i = 0; i < q->terms.count; i++) {
        const Term *term = q->terms.items[i];
        if ((term->prereq_all & a->self) != 0
            && ((term->expr->flags & EXPR_OUTER_ON) == 0 || term->expr->on_item != item->cursor))
            return true;
    }
    return false;
}

// The loops behind loop `gone` move up by one.
static TableMask mask_without(TableMask mask, u32 gone)
{
    ASSERT(gone < JOIN_ITEM_MAX);

    TableMask before = ((TableMask)1 << gone) - 1;
    return (mask & before) | (mask >> 1 & ~before);
}

// A LEFT JOIN whose right side is never read and matches once at most changes nothing. Returns the
// number of levels left; the terms of those dropped count as tested.
static u32 omit_left_joins(JoinQuery *q)
{
    ASSERT(q->chosen != NULL || q->item_count == 0);

    u32 count = q->item_count;
    if (count < 2 || q->request->columns == NULL
        || (q->flags & (WANT_AGGREGATE_DISTINCT | WANT_ONE_PASS)) != 0)
        return count;
    TableMask used = list_mask(q, q->request->columns) | list_mask(q, q->order_by);
    for (u32 i = count - 1; i >= 1; i--) {
        Access *a = q->chosen[i];
        if (left_join_has_effect(q, a, used))
            continue;
        for (u32 j = 0; j < q->terms.count; j++) {
            if ((q->terms.items[j]->prereq_all & a->self) != 0)
                q->terms.items[j]->flags |= TERM_CODED;
        }
        q->omitted |= a->self;
        memmove(&q->chosen[i], &q->chosen[i + 1], (count - 1 - i) * sizeof *q->chosen);
        q->scan_order.reverse = mask_without(q->scan_order.reverse, i);
        q->scan_order.nulls_apart = mask_without(q->scan_order.nulls_apart, i);
        count--;
    }
    return count;
}

// --- the door ---

static int query_init(JoinQuery *q, PlanContext *plan, const JoinRequest *request)
{
    ASSERT(request->from != NULL);
    ASSERT(request->later_count <= request->from->count);

    *q = (JoinQuery){.plan = plan,
                     .db = plan->db,
                     .arena = plan->arena,
                     .request = request,
                     .from = request->from,
                     .order_by = request->order_by,
                     .item_count = request->from->count - request->later_count,
                     .limit = request->limit_rows};
    q->flags = request->flags;
    q->draft_list = &q->terms;
    q->distinct_wanted = (request->flags & WANT_DISTINCT) != 0;
    if (q->from->count > JOIN_ITEM_MAX)
        return connection_error(q->db, SQLITE_ERROR, "at most %d tables in a join", JOIN_ITEM_MAX);
    // The unmatched rows of a RIGHT JOIN come after all others, in an order of their own.
    for (u32 i = 0; i < q->item_count; i++) {
        if ((q->from->items[i]->join & JOIN_RIGHT) != 0)
            q->has_right_join = true;
    }
    // Terms of an order are bits of a u64, with one to spare.
    if (q->order_by != NULL
        && (q->order_by->count > 63 || q->order_by->count == 0 || q->has_right_join))
        q->order_by = NULL;
    return SQLITE_OK;
}

static int query_choose(JoinQuery *q)
{
    bool done = false;
    TRY(try_shortcut(q, &done));
    if (done)
        return SQLITE_OK;
    TRY(access_collect(q));
    if (q->plans_again) { // what was learnt about some terms counts for the paths before, too
        q->candidates = NULL;
        q->candidate_count = 0;
        TRY(access_collect(q));
    }
    TRY(join_order(q));
    if (q->order_by == NULL && (q->db->flags & CONN_FLAG(REVERSE_UNORDERED)) != 0)
        q->scan_order.reverse = ~(TableMask)0;
    return SQLITE_OK;
}

int plan_join(PlanContext *plan, const JoinRequest *request, JoinOperator **out)
{
    JoinQuery *q = arena_alloc_zeroed(plan->arena, sizeof *q);
    if (q == NULL)
        return SQLITE_NOMEM;
    TRY(query_init(q, plan, request));
    TRY(access_bind_indexes(q));
    TRY(query_terms(q));
    query_distinct(q);
    TRY(query_choose(q));
    u32 levels = omit_left_joins(q);
    TRY(join_finish(q, levels, out));
    return plan->arena->failed ? SQLITE_NOMEM : SQLITE_OK;
}
