// Deep copies of syntax trees.
//
// A resolved column points to its FromItem. When that item is inside the copied tree, the copy must
// point to the item's copy; otherwise (a correlated column) it keeps pointing outside. Items are
// copied before the expressions of their Select, and the pairs are kept in a list that is searched
// newest first. The same goes for Selects (owner, outer) and CTEs.
//
// Every node is first copied byte by byte, then what it owns is replaced: a field added to ast.h is
// copied without a word here, unless it points into the tree.
//
// Copies of a resolved tree need cursors of their own (cursor_count), or the two would fight over
// one in the same program. Copies of an unresolved tree get theirs when they are resolved.

#include "sql/expr_tree.h"
#include <string.h>

typedef struct ItemPair {
    const FromItem *source;
    FromItem *copy;
    struct ItemPair *next;
} ItemPair;

typedef struct SelectPair {
    const Select *source;
    Select *copy;
    struct SelectPair *next;
} SelectPair;

typedef struct CtePair {
    const Cte *source;
    Cte *copy;
    struct CtePair *next;
} CtePair;

typedef struct Copier {
    Arena *arena;
    bool dup_text; // the copy shall not depend on the arena and SQL text of the original
    int *cursor_count;
    FromItem *self; // expr_bind: what item NULL becomes
    ItemPair *items;
    SelectPair *selects;
    CtePair *ctes;
} Copier;

static Expr *copy_expr(Copier *c, const Expr *e);
static ExprList *copy_list(Copier *c, const ExprList *list);
static Select *copy_select(Copier *c, const Select *s);
static With *copy_with(Copier *c, const With *with);

// A bytewise copy; NULL when out of memory.
static void *copy_node(Copier *c, const void *node, size_t size)
{
    ASSERT(size > 0);

    void *copy = arena_alloc(c->arena, size);
    if (copy != NULL)
        memcpy(copy, node, size);
    return copy;
}

static const char *copy_text(Copier *c, const char *text)
{
    return text == NULL || !c->dup_text ? text : arena_dup(c->arena, text, strlen(text));
}

static Span copy_span(Copier *c, Span span)
{
    if (span.text != NULL && c->dup_text)
        span.text = arena_dup(c->arena, span.text, span.size);
    return span;
}

// Names and literals of a node; blobs may hold NUL bytes.
static void copy_expr_text(Copier *c, Expr *copy)
{
    ASSERT(copy != NULL);

    if (!c->dup_text || copy->text == NULL)
        return;
    if (copy->kind == EX_BLOB || copy->kind == EX_STRING)
        copy->text = arena_dup(c->arena, copy->text, copy->size);
    else
        copy->text = arena_dup(c->arena, copy->text, strlen(copy->text));
}

// An item outside of what is copied stands for itself. Item NULL is a schema's own expression, not
// yet over anyone's rows: expr_bind() gives it some.
static FromItem *item_copy_of(const Copier *c, FromItem *item)
{
    if (item == NULL)
        return c->self;
    for (const ItemPair *pair = c->items; pair != NULL; pair = pair->next)
        if (pair->source == item)
            return pair->copy;
    return item;
}

// Terms of ON know their join by the cursor of its right side.
static int cursor_copy_of(const Copier *c, int cursor)
{
    ASSERT(c->items != NULL);

    for (const ItemPair *pair = c->items; pair != NULL; pair = pair->next)
        if (pair->source->cursor == cursor)
            return pair->copy->cursor;
    return cursor;
}

static Select *select_copy_of(const Copier *c, Select *s)
{
    for (const SelectPair *pair = c->selects; pair != NULL; pair = pair->next)
        if (pair->source == s)
            return pair->copy;
    return s;
}

static Window *copy_window(Copier *c, const Window *window)
{
    if (window == NULL)
        return NULL;
    Window *copy = copy_node(c, window, sizeof *window);
    if (copy == NULL)
        return NULL;
    copy->name = copy_text(c, window->name);
    copy->base_name = copy_text(c, window->base_name);
    copy->partition_by = copy_list(c, window->partition_by);
    copy->order_by = copy_list(c, window->order_by);
    copy->start.expr = copy_expr(c, window->start.expr);
    copy->end.expr = copy_expr(c, window->end.expr);
    copy->next = copy_window(c, window->next);
    return copy;
}

static Call *copy_call(Copier *c, const Call *call)
{
    Call *copy = call == NULL ? NULL : copy_node(c, call, sizeof *call);
    if (copy == NULL)
        return NULL;
    copy->order_by = copy_list(c, call->order_by);
    copy->filter = copy_expr(c, call->filter);
    copy->window = copy_window(c, call->window);
    copy->owner = select_copy_of(c, call->owner);
    return copy;
}

static Expr *copy_expr(Copier *c, const Expr *e)
{
    Expr *copy = e == NULL ? NULL : copy_node(c, e, sizeof *e);
    if (copy == NULL)
        return NULL;
    copy_expr_text(c, copy);
    if (c->items != NULL && (e->flags & (EXPR_OUTER_ON | EXPR_INNER_ON)))
        copy->on_item = cursor_copy_of(c, e->on_item);
    copy->left = copy_expr(c, e->left);
    copy->right = copy_expr(c, e->right);
    copy->list = copy_list(c, e->list);
    copy->select = copy_select(c, e->select);
    if (e->kind == EX_CALL)
        copy->u.call = copy_call(c, e->u.call);
    else if (e->kind == EX_COLUMN || e->kind == EX_IF_NULL_ROW)
        copy->u.column.item = item_copy_of(c, e->u.column.item);
    if (e->kind == EX_NAME || e->kind == EX_STAR) {
        copy->u.name.table = copy_text(c, e->u.name.table);
        copy->u.name.schema = copy_text(c, e->u.name.schema);
    }
    return copy;
}

static ExprList *copy_list(Copier *c, const ExprList *list)
{
    ASSERT(list == NULL || list->count <= list->capacity);

    ExprList *copy = list == NULL ? NULL : copy_node(c, list, sizeof *list);
    if (copy == NULL)
        return NULL;
    copy->capacity = list->count;
    copy->items = arena_array(c->arena, list->count > 0 ? list->count : 1, sizeof *copy->items);
    if (copy->items == NULL)
        return NULL;
    for (u32 i = 0; i < list->count; i++) {
        copy->items[i] = list->items[i];
        copy->items[i].expr = copy_expr(c, list->items[i].expr);
        copy->items[i].name = copy_text(c, list->items[i].name);
        copy->items[i].span = copy_span(c, list->items[i].span);
    }
    return copy;
}

static IdList *copy_ids(Copier *c, const IdList *list)
{
    IdList *copy = list == NULL ? NULL : copy_node(c, list, sizeof *list);
    if (copy == NULL)
        return NULL;
    copy->capacity = list->count;
    copy->items = arena_array(c->arena, list->count > 0 ? list->count : 1, sizeof *copy->items);
    if (copy->items == NULL)
        return NULL;
    for (u32 i = 0; i < list->count; i++) {
        copy->items[i] = list->items[i];
        copy->items[i].name = copy_text(c, list->items[i].name);
    }
    return copy;
}

static FromItem *copy_item(Copier *c, const FromItem *item)
{
    ASSERT(item != NULL);

    FromItem *copy = copy_node(c, item, sizeof *item);
    ItemPair *pair = arena_alloc(c->arena, sizeof *pair);
    if (copy == NULL || pair == NULL)
        return NULL;
    *pair = (ItemPair){.source = item, .copy = copy, .next = c->items};
    c->items = pair;
    if (item->cursor >= 0 && c->cursor_count != NULL)
        copy->cursor = (*c->cursor_count)++;
    copy->schema = copy_text(c, item->schema);
    copy->name = copy_text(c, item->name);
    copy->alias = copy_text(c, item->alias);
    copy->indexed_by = copy_text(c, item->indexed_by);
    copy->using_list = copy_ids(c, item->using_list);
    copy->owner = select_copy_of(c, item->owner);
    copy->plan = NULL;
    return copy;
}

// All items first, so that what they hold (arguments, ON, lateral subqueries)
// finds them.
static FromList *copy_from(Copier *c, const FromList *list)
{
    ASSERT(list == NULL || list->count <= list->capacity);

    FromList *copy = list == NULL ? NULL : copy_node(c, list, sizeof *list);
    if (copy == NULL)
        return NULL;
    copy->capacity = list->count;
    copy->items = arena_array(c->arena, list->count > 0 ? list->count : 1, sizeof *copy->items);
    if (copy->items == NULL)
        return NULL;
    for (u32 i = 0; i < list->count; i++) {
        copy->items[i] = copy_item(c, list->items[i]);
        if (copy->items[i] == NULL)
            return NULL;
    }
    for (u32 i = 0; i < list->count; i++) {
        FromItem *item = copy->items[i];
        item->select = copy_select(c, list->items[i]->select);
        item->args = copy_list(c, list->items[i]->args);
        item->on = copy_expr(c, list->items[i]->on);
        for (const CtePair *pair = c->ctes; pair != NULL; pair = pair->next)
            if (pair->source == item->cte)
                item->cte = pair->copy;
    }
    return copy;
}

// Aggregates and windows are found again among the copied expressions by their
// place in the lists.
typedef struct Collector {
    Select *owner;
    Expr **aggs;
    Expr **windows;
    u32 window_count;
} Collector;

// (An unresolved call has no owner, and its Select no lists.)
static WalkResult collect_expr(Walker *w, Expr *e)
{
    Collector *into = w->arg;
    ASSERT(into->owner != NULL);
    if (e->kind != EX_CALL || e->u.call == NULL || e->u.call->owner != into->owner)
        return WALK_ON;
    const Call *call = e->u.call;
    if (call->window != NULL) {
        if (into->windows != NULL && into->window_count < into->owner->window_count)
            into->windows[into->window_count++] = e;
    } else if (call->agg_index >= 0 && into->aggs != NULL
               && (u32)call->agg_index < into->owner->agg_count
               && into->aggs[call->agg_index] == NULL) {
        into->aggs[call->agg_index] = e;
    }
    return WALK_ON;
}

// An aggregate's number (agg_index) survives the copy, so the first copied call of each number
// takes its place; one that no copied clause holds any more is left NULL.
static void copy_calls(Copier *c, Select *copy)
{
    ASSERT(copy->agg_count == 0 || copy->aggs != NULL);

    if (copy->agg_count == 0 && copy->window_count == 0)
        return;
    Collector into = {.owner = copy};
    if (copy->agg_count > 0)
        into.aggs = arena_array(c->arena, copy->agg_count, sizeof *into.aggs);
    if (copy->window_count > 0)
        into.windows = arena_array(c->arena, copy->window_count, sizeof *into.windows);
    Walker w = {.expr = collect_expr, .select = walk_into_select, .arg = &into};
    (void)expr_list_walk(&w, copy->columns);
    (void)expr_walk(&w, copy->where);
    (void)expr_list_walk(&w, copy->group_by);
    (void)expr_walk(&w, copy->having);
    (void)expr_list_walk(&w, copy->order_by);
    copy->aggs = into.aggs;
    copy->windows = into.windows;
}

// The order matters: WITH before FROM, which may name it, FROM before all that reads it.
static Select *copy_term(Copier *c, const Select *s)
{
    ASSERT(s != NULL);

    Select *copy = copy_node(c, s, sizeof *s);
    SelectPair *pair = arena_alloc(c->arena, sizeof *pair);
    if (copy == NULL || pair == NULL)
        return NULL;
    *pair = (SelectPair){.source = s, .copy = copy, .next = c->selects};
    c->selects = pair;
    copy->with = copy_with(c, s->with);
    copy->outer = select_copy_of(c, s->outer);
    copy->from = copy_from(c, s->from);
    copy->columns = copy_list(c, s->columns);
    copy->where = copy_expr(c, s->where);
    copy->group_by = copy_list(c, s->group_by);
    copy->having = copy_expr(c, s->having);
    copy->window_defs = copy_window(c, s->window_defs);
    copy->order_by = copy_list(c, s->order_by);
    copy->limit = copy_expr(c, s->limit);
    copy->offset_expr = copy_expr(c, s->offset_expr);
    copy->prior = copy->next = NULL;
    copy_calls(c, copy);
    return copy;
}

// WITH belongs to the last term, but its CTEs are in scope of all: it is copied
// first.
static Select *copy_select(Copier *c, const Select *s)
{
    if (s == NULL)
        return NULL;
    const Select *term = s;
    while (term->prior != NULL)
        term = term->prior;
    ASSERT(s->next == NULL || (s->flags & SELECT_COMPOUND_TERM) != 0);
    Select *prior = NULL;
    for (; term != NULL; term = term->next) {
        Select *copy = copy_term(c, term);
        if (copy == NULL)
            return NULL;
        copy->prior = prior;
        if (prior != NULL)
            prior->next = copy;
        prior = copy;
        if (term == s)
            break;
    }
    return prior;
}

static Cte *copy_cte(Copier *c, const Cte *cte, With *with)
{
    ASSERT(with != NULL);

    Cte *copy = copy_node(c, cte, sizeof *cte);
    CtePair *pair = arena_alloc(c->arena, sizeof *pair);
    if (copy == NULL || pair == NULL)
        return NULL;
    *pair = (CtePair){.source = cte, .copy = copy, .next = c->ctes};
    c->ctes = pair;
    copy->with = with;
    copy->name = copy_text(c, cte->name);
    copy->columns = copy_ids(c, cte->columns);
    copy->select = copy_select(c, cte->select);
    copy->plan = NULL;
    return copy;
}

static With *copy_with(Copier *c, const With *with)
{
    ASSERT(with == NULL || with->count <= with->capacity);

    With *copy = with == NULL ? NULL : copy_node(c, with, sizeof *with);
    if (copy == NULL)
        return NULL;
    copy->capacity = with->count;
    copy->items = arena_array(c->arena, with->count > 0 ? with->count : 1, sizeof *copy->items);
    for (u32 i = 0; copy->items != NULL && i < with->count; i++) {
        copy->items[i] = copy_cte(c, with->items[i], copy);
        if (copy->items[i] == NULL)
            return NULL;
    }
    return copy->items == NULL ? NULL : copy;
}

// Without a counter the copy goes into the schema, or comes out of it: it must not lean on texts
// that may go away.
static Copier copier(Arena *arena, int *cursor_count)
{
    return (Copier){.arena = arena, .cursor_count = cursor_count, .dup_text = cursor_count == NULL};
}

// A copy is only good when every part of it was made.
#define COPIED(c, node) ((c).arena->failed ? NULL : (node))

Expr *expr_copy(Arena *arena, const Expr *e, int *cursor_count)
{
    Copier c = copier(arena, cursor_count);
    Expr *copy = copy_expr(&c, e);
    return COPIED(c, copy);
}

ExprList *expr_list_copy(Arena *arena, const ExprList *list, int *cursor_count)
{
    Copier c = copier(arena, cursor_count);
    ExprList *copy = copy_list(&c, list);
    return COPIED(c, copy);
}

Select *select_copy(Arena *arena, const Select *s, int *cursor_count)
{
    Copier c = copier(arena, cursor_count);
    Select *copy = copy_select(&c, s);
    return COPIED(c, copy);
}

FromList *from_list_copy(Arena *arena, const FromList *list, int *cursor_count)
{
    Copier c = copier(arena, cursor_count);
    FromList *copy = copy_from(&c, list);
    return COPIED(c, copy);
}

IdList *id_list_copy(Arena *arena, const IdList *list)
{
    Copier c = copier(arena, NULL);
    IdList *copy = copy_ids(&c, list);
    return COPIED(c, copy);
}

Expr *expr_bind(Arena *arena, const Expr *e, FromItem *item)
{
    ASSERT(item != NULL);

    Copier c = {.arena = arena, .self = item};
    Expr *copy = copy_expr(&c, e);
    return COPIED(c, copy);
}

// --- statements ---

static SetList *copy_set_list(Copier *c, const SetList *list)
{
    ASSERT(list == NULL || list->count <= list->capacity);

    SetList *copy = list == NULL ? NULL : copy_node(c, list, sizeof *list);
    if (copy == NULL)
        return NULL;
    copy->capacity = list->count;
    copy->items = arena_array(c->arena, list->count > 0 ? list->count : 1, sizeof *copy->items);
    for (u32 i = 0; copy->items != NULL && i < list->count; i++) {
        copy->items[i] = list->items[i];
        copy->items[i].columns = copy_ids(c, list->items[i].columns);
        copy->items[i].expr = copy_expr(c, list->items[i].expr);
    }
    return copy;
}

// Only those of triggers are copied, before they are resolved: no constraint is known yet.
static Upsert *copy_upsert(Copier *c, const Upsert *upsert)
{
    ASSERT(upsert == NULL || (upsert->index == NULL && upsert->excluded == NULL));

    Upsert *copy = upsert == NULL ? NULL : copy_node(c, upsert, sizeof *upsert);
    if (copy == NULL)
        return NULL;
    copy->target = copy_list(c, upsert->target);
    copy->target_where = copy_expr(c, upsert->target_where);
    copy->set = copy_set_list(c, upsert->set);
    copy->where = copy_expr(c, upsert->where);
    copy->next = copy_upsert(c, upsert->next);
    return copy;
}

static Insert *copy_insert(Copier *c, const Insert *insert)
{
    ASSERT(insert->target->table == NULL);

    Insert *copy = copy_node(c, insert, sizeof *insert);
    if (copy == NULL)
        return NULL;
    copy->with = copy_with(c, insert->with);
    copy->target = copy_item(c, insert->target);
    copy->columns = copy_ids(c, insert->columns);
    copy->select = copy_select(c, insert->select);
    copy->upsert = copy_upsert(c, insert->upsert);
    copy->returning = copy_list(c, insert->returning);
    return copy;
}

// `sources` and `query` come of resolution, which copies of steps have yet before them.
static Update *copy_update(Copier *c, const Update *update)
{
    ASSERT(update->sources == NULL && update->query == NULL);

    Update *copy = copy_node(c, update, sizeof *update);
    if (copy == NULL)
        return NULL;
    copy->with = copy_with(c, update->with);
    copy->target = copy_item(c, update->target);
    copy->set = copy_set_list(c, update->set);
    copy->from = copy_from(c, update->from);
    copy->where = copy_expr(c, update->where);
    copy->returning = copy_list(c, update->returning);
    return copy;
}

static Delete *copy_delete(Copier *c, const Delete *delete_)
{
    ASSERT(delete_->target->table == NULL);

    Delete *copy = copy_node(c, delete_, sizeof *delete_);
    if (copy == NULL)
        return NULL;
    copy->with = copy_with(c, delete_->with);
    copy->target = copy_item(c, delete_->target);
    copy->where = copy_expr(c, delete_->where);
    copy->returning = copy_list(c, delete_->returning);
    return copy;
}

Stmt *stmt_copy(Arena *arena, const Stmt *stmt)
{
    ASSERT(stmt->kind >= STMT_SELECT && stmt->kind <= STMT_DELETE); // the steps of triggers

    Copier c = copier(arena, NULL);
    Stmt *copy = copy_node(&c, stmt, sizeof *stmt);
    if (copy == NULL)
        return NULL;
    switch (stmt->kind) {
    case STMT_SELECT: copy->u.select = copy_select(&c, stmt->u.select); break;
    case STMT_INSERT: copy->u.insert = copy_insert(&c, stmt->u.insert); break;
    case STMT_UPDATE: copy->u.update = copy_update(&c, stmt->u.update); break;
    case STMT_DELETE: copy->u.delete_ = copy_delete(&c, stmt->u.delete_); break;
    default: break; // others are never copied
    }
    return COPIED(c, copy);
}
