// WITH: references to common table expressions become subqueries of their own.
//
// Every reference gets a copy of the CTE's body, resolved in the scope where the CTE was defined.
// In a recursive CTE the terms behind the first that names the CTE read, in place of a copy, the
// rows of the queue (FROM_RECURSIVE). The guard of a CTE under construction says what is wrong with
// a further reference to it.
//
//   WITH c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c WHERE n < 9) SELECT n FROM c
//
// The chain of the body is cut before the first recursive term while the setup is expanded, because
// the setup's columns name those that the recursive terms read; then it is joined again. Whether
// one copy is materialised for all references is the planner's decision (Cte.use_count).

#include "sql/resolve_internal.h"

static Cte *find_cte(const Resolver *r, const char *name, With **scope)
{
    ASSERT(name != NULL);

    for (With *with = r->with; with != NULL; with = with->outer) {
        for (u32 i = 0; i < with->count; i++) {
            if (name_equals(with->items[i]->name, name)) {
                *scope = with;
                return with->items[i];
            }
        }
    }
    return NULL;
}

static int guard_error(Resolver *r, const Cte *cte)
{
    ASSERT(cte->guard != CTE_GUARD_NONE);

    static const char *const formats[] = {
        [CTE_GUARD_CIRCULAR] = "circular reference: %s",
        [CTE_GUARD_MULTIPLE] = "multiple recursive references: %s",
        [CTE_GUARD_SUBQUERY] = "recursive reference in a subquery: %s",
    };
    Buffer text = {0};
    buffer_printf(&text, formats[cte->guard], cte->name);
    int rc = resolve_error(r, NO_OFFSET, "%s", buffer_text(&text));
    buffer_deinit(&text);
    return rc;
}

// A schema in front of the name, or a subquery, means something else; f(x) looks like a function
// but is refused by name later.
static bool names_cte(const FromItem *item, const Cte *cte)
{
    bool has_name = item->kind == FROM_TABLE || item->kind == FROM_FUNCTION;
    return item->select == NULL && has_name && item->schema == NULL && item->name != NULL
           && name_equals(item->name, cte->name);
}

// Binds references to the CTE itself in one term; *count says how many there were.
static int bind_recursive_term(Resolver *r, FromItem *outer, Select *term, const Cte *cte,
                               u32 *count)
{
    ASSERT(cte->guard == CTE_GUARD_NONE);

    *count = 0;
    for (u32 i = 0; term->from != NULL && i < term->from->count; i++) {
        FromItem *item = term->from->items[i];
        if (!names_cte(item, cte))
            continue;
        if (++*count > 1)
            return resolve_error(r, NO_OFFSET, "multiple references to recursive table: %s",
                                 cte->name);
        if (item->args != NULL && item->args->count > 0)
            return resolve_error(r, NO_OFFSET, "too many arguments on %s() - max 0", cte->name);
        item->kind = FROM_RECURSIVE;
        item->cte = outer->cte;
        item->is_cte = true;
        item->cursor = r->ctx->cursor_count++;
    }
    return SQLITE_OK;
}

// The rows of the queue have the columns of the whole.
static void share_columns(FromItem *outer, Select *first)
{
    ASSERT(outer->columns != NULL);

    for (Select *term = first; term != NULL; term = term->next) {
        for (u32 i = 0; term->from != NULL && i < term->from->count; i++) {
            FromItem *item = term->from->items[i];
            if (item->kind == FROM_RECURSIVE && item->cte == outer->cte) {
                item->columns = outer->columns;
                item->column_count = outer->column_count;
            }
        }
    }
}

// Cuts the chain before `first_recursive`, so that the setup is a Select of its own for a while.
// It sees the body's own WITH, which belongs to the last term.
static int expand_setup(Resolver *r, const Select *body, Select *first_recursive)
{
    ASSERT(first_recursive->prior != NULL && first_recursive->prior->next == first_recursive);

    Select *setup = first_recursive->prior;
    setup->next = NULL;
    setup->with = body->with;
    int rc = expand_select(r, setup);
    setup->with = NULL;
    setup->next = first_recursive;
    return rc;
}

static int bind_columns(Resolver *r, FromItem *item, const Cte *cte)
{
    ASSERT(item->kind == FROM_SELECT && item->columns == NULL);

    const Select *first = item->select;
    while (first->prior != NULL)
        first = first->prior;
    if (cte->columns != NULL && cte->columns->count != first->columns->count)
        return resolve_error(r, NO_OFFSET, "table %s has %u values for %u columns", cte->name,
                             first->columns->count, cte->columns->count);
    return bind_subquery_columns(r, item, cte->columns);
}

static int expand_recursive(Resolver *r, FromItem *item, Cte *cte, Select *first_recursive)
{
    ASSERT(cte->guard == CTE_GUARD_CIRCULAR && cte->is_recursive);

    Select *body = item->select;
    TRY(expand_setup(r, body, first_recursive));
    TRY(bind_columns(r, item, cte));
    share_columns(item, first_recursive);
    body->flags |= SELECT_RECURSIVE;
    for (Select *term = first_recursive; term != NULL; term = term->next)
        term->flags |= SELECT_RECURSIVE;
    cte->guard = CTE_GUARD_MULTIPLE;
    return expand_select(r, body);
}

// From the last term backwards: those that name the CTE, all joined by the last one's UNION [ALL].
static int find_recursive_terms(Resolver *r, FromItem *item, const Cte *cte, Select **first)
{
    ASSERT(cte->guard == CTE_GUARD_NONE);

    Select *body = item->select;
    *first = NULL;
    if (body->set_op != SET_UNION && body->set_op != SET_UNION_ALL)
        return SQLITE_OK;
    for (Select *term = body; term->prior != NULL && term->set_op == body->set_op;
         term = term->prior) {
        u32 count;
        TRY(bind_recursive_term(r, item, term, cte, &count));
        if (count == 0)
            break;
        *first = term;
    }
    return SQLITE_OK;
}

int bind_cte(Resolver *r, FromItem *item, bool *found)
{
    ASSERT(item->name != NULL && item->schema == NULL);

    With *scope;
    Cte *cte = find_cte(r, item->name, &scope);
    *found = cte != NULL;
    if (cte == NULL)
        return SQLITE_OK;
    if (cte->guard != CTE_GUARD_NONE)
        return guard_error(r, cte);
    if (item->kind == FROM_FUNCTION)
        return resolve_error(r, NO_OFFSET, "'%s' is not a function", cte->name);

    // The body is copied unresolved each time; a CTE within it must not be tied to the original.
    item->select = select_copy(r->arena, cte->select, NULL);
    if (item->select == NULL)
        return resolve_no_memory(r);
    cte->use_count++;
    item->kind = FROM_SELECT;
    item->is_cte = true;
    item->cte = cte;
    Resolver inner = *r;
    inner.with = scope;
    Select *first_recursive;
    TRY(find_recursive_terms(&inner, item, cte, &first_recursive));
    cte->guard = CTE_GUARD_CIRCULAR;
    int rc;
    if (first_recursive != NULL) {
        cte->is_recursive = true;
        rc = expand_recursive(&inner, item, cte, first_recursive);
    } else {
        inner.in_cte = true;
        rc = expand_select(&inner, item->select);
        if (rc == SQLITE_OK)
            rc = bind_columns(&inner, item, cte);
    }
    cte->guard = CTE_GUARD_NONE;
    return rc;
}
