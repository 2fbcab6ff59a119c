// Expansion: FROM is bound, * becomes columns, and the same happens in every subquery.
//
// The first of the two passes. It needs no scope: what FROM names is in the schema or in a WITH.
// After it every Select has columns that can be counted, so that the second pass may name them.
//
// Stars keep the order of FROM. A column that USING merges is shown once, at its leftmost place:
//
//   SELECT * FROM a JOIN b USING (x)            a's columns, then b's but x
//   SELECT * FROM a FULL JOIN b USING (x)       the same, but x stands by name: coalesce(a.x, b.x)
//
// A parenthesised join is a SELECT * too (A7), but one through which t.x, t.* and t.rowid must
// still reach the tables inside: its star keeps every column, the hidden ones marked is_hidden,
// rowids marked is_rowid, each with the name of its table (source_table, source_column).

#include "sql/resolve_internal.h"

// --- stars ---

typedef struct StarContext {
    Resolver *r;
    Select *select;
    ExprList *out;
    u32 star_offset;
} StarContext;

static int star_add(StarContext *c, Expr *e, const char *name, ExprItem **added)
{
    ASSERT(name != NULL);

    ExprList *list = e == NULL || c->out == NULL ? NULL : expr_list_add(c->r->arena, c->out, e);
    if (list == NULL)
        return resolve_no_memory(c->r);
    *added = &list->items[list->count - 1];
    (*added)->name = name;
    (*added)->from_star = true;
    return SQLITE_OK;
}

// A later USING of this FROM clause merges the column.
static bool merged_later(const FromList *from, u32 position, const char *name)
{
    ASSERT(position < from->count);

    for (u32 i = position + 1; i < from->count; i++) {
        if (using_has(from->items[i]->using_list, name))
            return true;
    }
    return false;
}

static Expr *item_column(Resolver *r, FromItem *item, u32 column)
{
    ASSERT(column < from_item_column_count(item));

    Expr *e = expr_new(r->arena, EX_COLUMN, NULL, NULL);
    if (e == NULL)
        return NULL;
    u64 used = item->columns_used; // counted when the name is resolved
    column_becomes(e, item, (int)column, 0);
    item->columns_used = used;
    return e;
}

// The name a column had before names were made unique.
static const char *source_column(const FromItem *item, u32 column)
{
    ASSERT(column < from_item_column_count(item));

    if (item->kind == FROM_NESTED)
        return item->select->columns->items[column].source_column;
    return from_item_column_name(item, (int)column);
}

// Where t.x may find a column of a parenthesised join.
static void note_source(const StarContext *c, ExprItem *added, const FromItem *item, u32 column)
{
    ASSERT(column < from_item_column_count(item));

    added->source_column = source_column(item, column);
    if (item->kind == FROM_NESTED) {
        added->source_table = item->select->columns->items[column].source_table;
        added->source_schema = item->select->columns->items[column].source_schema;
        return;
    }
    added->source_table = from_item_name(item);
    added->source_schema = item_database(c->r, item);
}

// The first of the rowid's names that no column has.
static const char *rowid_name(const FromItem *item)
{
    static const char *const names[] = {"_ROWID_", "ROWID", "OID"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (item_find_column(item, names[i], false) < 0)
            return names[i];
    return names[0];
}

// t.rowid must reach the tables inside a parenthesised join.
static int add_nested_rowid(StarContext *c, FromItem *item, int column)
{
    ASSERT((c->select->flags & SELECT_NESTED_FROM) != 0);

    Expr *e = expr_new(c->r->arena, EX_COLUMN, NULL, NULL);
    if (e == NULL)
        return resolve_no_memory(c->r);
    bool rowid_used = item->rowid_used; // counted when somebody asks for it
    u64 columns_used = item->columns_used;
    column_becomes(e, item, column, 0);
    item->rowid_used = rowid_used;
    item->columns_used = columns_used;
    ExprItem *added;
    const char *name = column < 0 ? rowid_name(item) : from_item_column_name(item, column);
    TRY(star_add(c, e, name, &added));
    note_source(c, added, item, column < 0 ? 0 : (u32)column);
    added->is_hidden = added->is_rowid = true;
    return SQLITE_OK;
}

// Subqueries have no database (NULL): a table of the same name is told from them by its own.
static bool same_database(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : name_equals(a, b);
}

// A parenthesised join that holds column `name` of a table named as `own` is.
static bool nested_has_column(const StarContext *c, const FromItem *item, const FromItem *own,
                              const char *name)
{
    ASSERT(item->kind == FROM_NESTED && from_item_name(own) != NULL);

    const char *table = from_item_name(own), *schema = item_database(c->r, own);

    const ExprList *columns = item->select->columns;
    for (u32 i = 0; i < columns->count; i++) {
        const ExprItem *column = &columns->items[i];
        if (!column->is_rowid && column->source_table != NULL && column->source_column != NULL
            && name_equals(column->source_table, table) && name_equals(column->source_column, name)
            && same_database(column->source_schema, schema))
            return true;
    }
    return false;
}

// Another FROM item bears the same name, or holds a table that does, and has such a column too.
static bool is_ambiguous(const StarContext *c, const FromItem *item, const char *name)
{
    ASSERT(c->select->from != NULL);

    const FromList *from = c->select->from;
    const char *own = from_item_name(item);
    for (u32 i = 0; own != NULL && i < from->count; i++) {
        const FromItem *other = from->items[i];
        const char *other_name = from_item_name(other);
        if (other == item)
            continue;
        if (other->kind == FROM_NESTED && nested_has_column(c, other, item, name))
            return true;
        if (other_name != NULL && name_equals(other_name, own)
            && item_find_column(other, name, false) >= 0
            && same_database(item_database(c->r, item), item_database(c->r, other)))
            return true;
    }
    return false;
}

// The name in full, for the resolver to find ambiguous.
static Expr *full_name(const StarContext *c, const FromItem *item, const char *name)
{
    Expr *e = expr_new_name(c->r->arena, name);
    if (e == NULL)
        return NULL;
    e->u.name.schema = item_database(c->r, item);
    e->u.name.table = from_item_name(item);
    e->offset = c->star_offset;
    return e;
}

// A parenthesised join keeps every column, those merged by USING behind a hidden name.
static int star_nested_column(StarContext *c, u32 position, u32 column)
{
    ASSERT((c->select->flags & SELECT_NESTED_FROM) != 0);

    FromItem *item = c->select->from->items[position];
    const char *name = source_column(item, column);
    bool is_copy = item->kind == FROM_NESTED && item->select->columns->items[column].is_hidden;
    bool merged_before = position > 0 && using_has(item->using_list, name);
    bool is_merged = merged_before || merged_later(c->select->from, position, name);
    ExprItem *added;
    if (is_merged && !merged_before && !is_copy) {
        TRY(star_add(c, expr_new_name(c->r->arena, name), name, &added));
        added->source_column = name;
    }
    Expr *e = item->kind != FROM_NESTED && !is_merged && is_ambiguous(c, item, name)
                  ? full_name(c, item, name)
                  : item_column(c->r, item, column);
    TRY(star_add(c, e, from_item_column_name(item, (int)column), &added));
    note_source(c, added, item, column);
    added->is_hidden = is_merged || is_copy;
    return SQLITE_OK;
}

static int star_column(StarContext *c, u32 position, u32 column, bool is_qualified)
{
    ASSERT(position < c->select->from->count);

    const FromList *from = c->select->from;
    FromItem *item = from->items[position];
    const char *name = from_item_column_name(item, (int)column);
    if (item_column_is_hidden(item, (int)column) && !(c->select->flags & SELECT_NESTED_FROM))
        return SQLITE_OK;
    if (c->select->flags & SELECT_NESTED_FROM)
        return star_nested_column(c, position, column);
    if (item->kind == FROM_NESTED && !is_qualified
        && item->select->columns->items[column].is_hidden)
        return SQLITE_OK;
    if (!is_qualified && position > 0 && using_has(item->using_list, name))
        return SQLITE_OK; // the left table shows it
    ExprItem *added;
    bool by_name =
        !is_qualified && (item->join & JOIN_LEFT_OF_RIGHT) && merged_later(from, position, name);
    Expr *e;
    if (by_name)
        e = expr_new_name(c->r->arena, name);
    else if (is_ambiguous(c, item, name))
        e = full_name(c, item, name);
    else
        e = item_column(c->r, item, column);
    return star_add(c, e, name, &added);
}

static bool nested_column_of(const FromItem *item, u32 column, const char *table)
{
    ASSERT(item->kind == FROM_NESTED && column < item->select->columns->count);

    if (item->alias != NULL && name_equals(item->alias, table))
        return !item->select->columns->items[column].is_hidden;
    const char *source = item->select->columns->items[column].source_table;
    return source != NULL && name_equals(source, table);
}

static int star_item(StarContext *c, u32 position, const char *table, bool *found)
{
    ASSERT(position < c->select->from->count);

    FromItem *item = c->select->from->items[position];
    const char *name = from_item_name(item);
    bool is_nested = item->kind == FROM_NESTED;
    if (table != NULL && !is_nested && (name == NULL || !name_equals(name, table)))
        return SQLITE_OK;
    u32 count = from_item_column_count(item);
    for (u32 i = 0; i < count; i++) {
        if (table != NULL && is_nested && !nested_column_of(item, i, table))
            continue;
        *found = true;
        if (is_nested && item->select->columns->items[i].is_rowid) {
            if (c->select->flags & SELECT_NESTED_FROM)
                TRY(add_nested_rowid(c, item, (int)i));
            continue;
        }
        TRY(star_column(c, position, i, table != NULL));
    }
    if (!is_nested && (c->select->flags & SELECT_NESTED_FROM) && item_has_rowid(item))
        return add_nested_rowid(c, item, ROWID_COLUMN);
    return SQLITE_OK;
}

static int expand_star(StarContext *c, const Expr *star)
{
    ASSERT(star->kind == EX_STAR);

    const char *table = star->u.name.table;
    bool found = false;
    c->star_offset = expr_error_offset(star);
    for (u32 i = 0; c->select->from != NULL && i < c->select->from->count; i++)
        TRY(star_item(c, i, table, &found));
    if (found)
        return SQLITE_OK;
    if (table != NULL)
        return resolve_error(c->r, NO_OFFSET, "no such table: %s", table);
    return resolve_error(c->r, NO_OFFSET, "no tables specified");
}

static bool has_star(const ExprList *list)
{
    for (u32 i = 0; i < list->count; i++)
        if (list->items[i].expr->kind == EX_STAR)
            return true;
    return false;
}

int expand_stars(Resolver *r, Select *s)
{
    ASSERT(s->columns != NULL && s->columns->count > 0);

    if (has_star(s->columns)) {
        StarContext c = {.r = r, .select = s};
        c.out = arena_alloc_zeroed(r->arena, sizeof *c.out);
        for (u32 i = 0; i < s->columns->count; i++) {
            const ExprItem *item = &s->columns->items[i];
            if (item->expr->kind == EX_STAR) {
                TRY(expand_star(&c, item->expr));
                continue;
            }
            ExprList *list = c.out == NULL ? NULL : expr_list_add(r->arena, c.out, item->expr);
            if (list == NULL)
                return resolve_no_memory(r);
            list->items[list->count - 1] = *item;
        }
        s->columns = c.out;
    }
    if (s->columns->count > (u32)r->db->limits[SQLITE_LIMIT_COLUMN])
        return resolve_error(r, NO_OFFSET, "too many columns in result set");
    return SQLITE_OK;
}

// --- subqueries of expressions ---

typedef struct ExpandWalk {
    Resolver *r;
    int rc;
} ExpandWalk;

static WalkResult expand_found_select(Walker *w, Select *s)
{
    ASSERT(w->arg != NULL);

    ExpandWalk *walk = w->arg;
    while (s->next != NULL)
        s = s->next;
    if (s->flags & SELECT_EXPANDED)
        return WALK_PRUNE;
    walk->rc = expand_select(walk->r, s);
    return walk->rc == SQLITE_OK ? WALK_PRUNE : WALK_STOP;
}

int expand_subqueries(Resolver *r, Expr *e)
{
    ExpandWalk walk = {.r = r};
    Walker w = {.expr = walk_past_expr, .select = expand_found_select, .arg = &walk};
    (void)expr_walk(&w, e);
    return walk.rc;
}

static int expand_list_subqueries(Resolver *r, ExprList *list)
{
    for (u32 i = 0; list != NULL && i < list->count; i++)
        TRY(expand_subqueries(r, list->items[i].expr));
    return SQLITE_OK;
}

int expand_from_list_subqueries(Resolver *r, FromList *from)
{
    for (u32 i = 0; from != NULL && i < from->count; i++)
        TRY(expand_list_subqueries(r, from->items[i]->args));
    return SQLITE_OK;
}

// Of copies: uses of the window get copies of their own, unresolved.
static int expand_window_lists(Resolver *r, const Window *w)
{
    ExprList *partition_by = expr_list_copy(r->arena, w->partition_by, NULL);
    ExprList *order_by = expr_list_copy(r->arena, w->order_by, NULL);
    if (r->arena->failed)
        return resolve_no_memory(r);
    TRY(expand_list_subqueries(r, partition_by));
    return expand_list_subqueries(r, order_by);
}

static int expand_term_subqueries(Resolver *r, Select *s)
{
    TRY(expand_list_subqueries(r, s->columns));
    TRY(expand_from_list_subqueries(r, s->from));
    TRY(expand_subqueries(r, s->where));
    TRY(expand_list_subqueries(r, s->group_by));
    TRY(expand_subqueries(r, s->having));
    TRY(expand_list_subqueries(r, s->order_by));
    for (Window *w = s->window_defs; w != NULL; w = w->next)
        TRY(expand_window_lists(r, w)); // its tables must exist even where nothing uses it
    TRY(expand_subqueries(r, s->limit));
    return expand_subqueries(r, s->offset_expr);
}

// --- terms ---

static int expand_term(Resolver *r, Select *s)
{
    if (s->flags & SELECT_EXPANDED)
        return SQLITE_OK;
    s->flags |= SELECT_EXPANDED;
    if (r->view_depth > 0 || s->id == 0)
        s->id = ++r->ctx->select_count; // a view's own numbers would clash
    TRY(expand_from(r, s->from, s));
    TRY(join_conditions(r, s->from, &s->where));
    TRY(expand_stars(r, s));
    return expand_term_subqueries(r, s);
}

// --- compounds sorted by a collation of their own ---

// UNION, INTERSECT and EXCEPT compare by the collations of their columns. An ORDER BY with COLLATE
// cannot be had by merging sorted sides then: it sorts what comes out.
static bool sorts_by_collation(const Select *last)
{
    bool compares = false, collates = false;
    if (last->prior == NULL || last->order_by == NULL || (last->flags & SELECT_RECURSIVE) != 0)
        return false;
    for (const Select *s = last; s->prior != NULL; s = s->prior)
        compares |= s->set_op != SET_UNION_ALL;
    for (u32 i = 0; i < last->order_by->count; i++)
        collates |= (last->order_by->items[i].expr->flags & EXPR_HAS_COLLATE) != 0;
    return compares && collates;
}

// compound ORDER BY ... LIMIT ... becomes SELECT * FROM (compound) ORDER BY ... LIMIT ...
static int sort_outside(Resolver *r, Select *last)
{
    ASSERT(last->prior != NULL && last->order_by != NULL);

    Select *inner = arena_alloc_zeroed(r->arena, sizeof *inner);
    FromItem *item = arena_alloc_zeroed(r->arena, sizeof *item);
    FromItem **items = arena_array(r->arena, 1, sizeof(FromItem *));
    FromList *from = arena_alloc_zeroed(r->arena, sizeof *from);
    Expr *star = expr_new(r->arena, EX_STAR, NULL, NULL);
    if (inner == NULL || item == NULL || items == NULL || from == NULL || star == NULL)
        return resolve_no_memory(r);
    *inner = *last;
    inner->order_by = NULL;
    inner->limit = inner->offset_expr = NULL;
    inner->prior->next = inner;
    *item = (FromItem){.kind = FROM_SELECT,
                       .select = inner,
                       .offset = NO_OFFSET,
                       .alias_offset = NO_OFFSET,
                       .schema_offset = NO_OFFSET,
                       .indexed_offset = NO_OFFSET,
                       .cursor = -1};
    items[0] = item;
    *from = (FromList){.count = 1, .capacity = 1, .items = items};
    star->u.name.schema = star->u.name.table = NULL;
    ExprList *columns = expr_list_add(r->arena, NULL, star);
    *last = (Select){.from = from,
                     .columns = columns,
                     .order_by = last->order_by,
                     .limit = last->limit,
                     .offset_expr = last->offset_expr,
                     .offset = last->offset,
                     .outer = last->outer,
                     .next = last->next,
                     .height = last->height + 1};
    return columns != NULL ? SQLITE_OK : resolve_no_memory(r);
}

#define VIEW_DEPTH_MAX 100 // views within views; SQLite's parser would run out of stack

int expand_select(Resolver *r, Select *last)
{
    ASSERT(last->next == NULL || (last->next->flags & SELECT_RECURSIVE) != 0);

    if (r->view_depth > VIEW_DEPTH_MAX)
        return resolve_error(r, NO_OFFSET, "Recursion limit");
    // In views and WITH, SQLite compares by the collation of the ORDER BY: so do we.
    if (r->view_depth == 0 && !r->in_cte && sorts_by_collation(last))
        TRY(sort_outside(r, last));
    Resolver inner = *r;
    if (last->with != NULL && last->with != r->with) {
        // The scope of names is a chain of WITHs, tied together as the recursion goes down.
        last->with->outer = r->with;
        inner.with = last->with;
    }
    for (Select *term = last; term != NULL; term = term->prior)
        TRY(expand_term(&inner, term));
    return SQLITE_OK;
}
