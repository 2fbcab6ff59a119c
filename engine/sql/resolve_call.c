// Function calls: which function, whether it may be called here, and over which rows it aggregates.
//
// An aggregate belongs to the innermost SELECT whose FROM its arguments read; one that reads
// nothing (count(*)) to the SELECT it stands in:
//
//   SELECT (SELECT max(t.a) FROM u) FROM t      max(t.a) aggregates over t, in the outer SELECT
//
// Its number in that Select's aggs makes equal aggregates one (R4). Window calls stay where they
// are, each for itself.
//
// A call that SQLite finds faulty does not stop it: the arguments are looked at all the same, and
// their error is told (Resolver.is_failing).

#include "sql/resolve_internal.h"
#include <string.h>

static int call_error(Resolver *r, const Expr *e, const char *fmt, const char *name)
{
    Buffer text = {0};
    buffer_printf(&text, fmt, name);
    int rc = resolve_error(r, expr_error_offset(e), "%s", buffer_text(&text));
    buffer_deinit(&text);
    return rc;
}

// --- finding the function ---

static int find_function(Resolver *r, Expr *e, const FuncDef **out)
{
    ASSERT(e->kind == EX_CALL && e->u.call != NULL);

    int count = e->list == NULL ? 0 : (int)e->list->count;
    const FuncDef *def = func_find(r->db, e->text, e->u.call->star ? 0 : count, r->db->encoding);
    if (def == NULL && e->u.call->window != NULL && func_name_exists(r->db, e->text)
        && !func_name_is_window(r->db, e->text))
        return call_error(r, e, "%s() may not be used as a window function", e->text);
    if (def == NULL && func_name_exists(r->db, e->text))
        return call_error(r, e, "wrong number of arguments to function %s()", e->text);
    if (def == NULL)
        return call_error(r, e, "no such function: %s", e->text);
    // abs(*) has no argument; only functions of none (count, and those of applications) take a
    // star.
    if (e->u.call->star && !func_accepts(def, 0))
        return call_error(r, e, "wrong number of arguments to function %s()", e->text);
    *out = def;
    return SQLITE_OK;
}

static int authorize_function(Resolver *r, Expr *e, const FuncDef *def, bool *ignored)
{
    ASSERT(def != NULL && e->kind == EX_CALL);

    int rc = resolve_authorize(r->db, SQLITE_FUNCTION, NULL, def->name, NULL);
    *ignored = rc == SQLITE_IGNORE;
    if (rc == SQLITE_IGNORE || rc == SQLITE_OK)
        return SQLITE_OK;
    if (rc == SQLITE_AUTH)
        (void)connection_error(r->db, SQLITE_AUTH, "not authorized to use function: %s", e->text);
    return rc;
}

// --- may it be called here? ---

// Did the call come out of the database file rather than from the program?
static bool from_schema(const Resolver *r, const Scope *s)
{
    return (s->flags & SCOPE_FROM_DDL) != 0 || r->view_depth > 0
           || (r->ctx->trigger != NULL && !r->ctx->trigger->is_returning);
}

// A file may come from anywhere: its views and triggers must not call what acts on the world.
static int check_safety(Resolver *r, const Scope *s, const Expr *e, const FuncDef *def)
{
    ASSERT(def != NULL);

    if (!(def->flags & (FUNC_PURE | FUNC_AGGREGATE))) { // (aggregates are misused there anyway)
        const char *where = NULL;
        if (s->flags & SCOPE_INDEX)
            where = "index expressions";
        else if (s->flags & SCOPE_PARTIAL)
            where = "partial index WHERE clauses";
        else if (s->flags & SCOPE_GENERATED)
            where = "generated columns";
        if (where != NULL)
            return call_error(r, e, "non-deterministic functions prohibited in %s", where);
    }
    bool is_direct_only = (def->flags & FUNC_DIRECT_ONLY) != 0;
    bool is_harmless = (def->flags & (FUNC_INNOCUOUS | FUNC_BUILTIN)) != 0;
    bool is_distrusted = !is_harmless && !(r->db->flags & CONN_FLAG(TRUSTED_SCHEMA));
    bool in_schema = from_schema(r, s);
    if (in_schema && (is_direct_only || is_distrusted))
        return call_error(r, e, "unsafe use of %s()", e->text);
    return SQLITE_OK;
}

// likelihood(x, 0.5): the number is the planner's, and must be known while compiling.
static int check_likelihood(Resolver *r, Expr *e, const FuncDef *def)
{
    ASSERT(!(def->flags & FUNC_UNLIKELY) || (e->list != NULL && e->list->count >= 1));

    if (!(def->flags & FUNC_UNLIKELY))
        return SQLITE_OK;
    e->flags |= EXPR_UNLIKELY;
    if (e->list->count != 2)
        return SQLITE_OK;
    const Expr *chance = e->list->items[1].expr;
    bool is_fine = chance->kind == EX_FLOAT && chance->u.real >= 0.0 && chance->u.real <= 1.0;
    if (is_fine)
        return SQLITE_OK;
    return call_error(r, e, "second argument to %s() must be a constant between 0.0 and 1.0",
                      "likelihood");
}

// FILTER, OVER and ORDER BY where the function has no use for them.
static int check_clauses(Resolver *r, const Expr *e, const FuncDef *def)
{
    ASSERT(e->u.call != NULL);

    const Call *call = e->u.call;
    bool is_aggregate = (def->flags & FUNC_AGGREGATE) != 0;
    bool is_window = (def->flags & FUNC_WINDOW) != 0;
    if (call->window != NULL && !is_window)
        return call_error(r, e, "%s() may not be used as a window function", e->text);
    if (call->window == NULL && (def->flags & FUNC_WINDOW_ONLY))
        return call_error(r, e, "misuse of window function %s()", e->text);
    if (!is_aggregate && call->filter != NULL)
        return call_error(r, e, "FILTER may not be used with non-aggregate %s()", e->text);
    bool order_is_fine = is_aggregate && (call->window == NULL || (def->flags & FUNC_WINDOW_ONLY));
    if (call->order_by != NULL && !order_is_fine)
        return call_error(r, e, "ORDER BY may not be used with non-aggregate %s()", e->text);
    return SQLITE_OK;
}

// SCOPE_AGG and SCOPE_WINDOW say what the clause at hand may hold.
static int check_allowed(Resolver *r, const Scope *s, const Expr *e, const FuncDef *def)
{
    ASSERT(e->u.call != NULL);

    if (!(def->flags & FUNC_AGGREGATE))
        return SQLITE_OK;
    bool is_window = e->u.call->window != NULL;
    if (!(s->flags & (is_window ? SCOPE_WINDOW : SCOPE_AGG)))
        return call_error(r, e,
                          is_window ? "misuse of window function %s()"
                                    : "misuse of aggregate function %s()",
                          e->text);
    return SQLITE_OK;
}

// --- which Select aggregates ---

typedef struct ReferenceCheck {
    const FromList *from;
    bool any, here;
} ReferenceCheck;

static WalkResult check_reference(Walker *w, Expr *e)
{
    ReferenceCheck *check = w->arg;
    if (e->kind == EX_ROW_COLUMN)
        check->any = true;
    if (e->kind != EX_COLUMN || e->u.column.depth < w->depth)
        return WALK_ON;
    check->any = true;
    for (u32 i = 0; check->from != NULL && i < check->from->count; i++)
        check->here = check->here || check->from->items[i] == e->u.column.item;
    return WALK_ON;
}

// Do the arguments read the scope's FROM, or nothing at all?
static bool aggregates_here(const Scope *s, Expr *e)
{
    ASSERT(e->kind == EX_CALL && e->u.call != NULL);

    ReferenceCheck check = {.from = s->from};
    Walker w = {.expr = check_reference, .select = walk_into_select, .arg = &check};
    (void)expr_list_walk(&w, e->list);
    if (e->u.call->filter != NULL)
        (void)expr_walk(&w, e->u.call->filter);
    (void)expr_list_walk(&w, e->u.call->order_by);
    return check.here || !check.any;
}

// Arrays grow at powers of two; the count alone tells when.
static int add_call(Resolver *r, Expr ***calls, u32 *count, Expr *e)
{
    u32 n = *count;
    if ((n & (n - 1)) == 0) { // a power of two, or none: full
        Expr **grown = arena_array(r->arena, n == 0 ? 1 : (size_t)n * 2, sizeof *grown);
        if (grown == NULL)
            return resolve_no_memory(r);
        if (n > 0)
            memcpy(grown, *calls, n * sizeof *grown);
        *calls = grown;
    }
    (*calls)[(*count)++] = e;
    return SQLITE_OK;
}

// sum(x) written twice is computed once.
static int register_aggregate(Resolver *r, Select *owner, Expr *e)
{
    ASSERT(e->u.call->window == NULL);

    Call *call = e->u.call;
    call->owner = owner;
    for (u32 i = 0; i < owner->agg_count; i++) {
        if (expr_equal(owner->aggs[i], e)) {
            call->agg_index = (i32)i;
            return SQLITE_OK;
        }
    }
    call->agg_index = (i32)owner->agg_count;
    return add_call(r, &owner->aggs, &owner->agg_count, e);
}

// From the innermost Select outward, the first whose FROM the arguments read.
static int assign_aggregate(Resolver *r, Scope *s, Expr *e)
{
    ASSERT(e->kind == EX_CALL && e->u.call->window == NULL);

    Scope *at = s;
    int depth = 0;
    while (at->outer != NULL && !aggregates_here(at, e)) {
        if (at->select != NULL)
            depth++;
        at = at->outer;
    }
    at->flags |= SCOPE_HAS_AGG;
    e->u.call->agg_depth = depth;
    for (Scope *crossed = s; crossed != at; crossed = crossed->outer)
        if (crossed->select != NULL)
            crossed->select->flags |= SELECT_CORRELATED;
    if (depth == 0)
        e->flags |= EXPR_HAS_AGG;
    if (at->select == NULL)
        return call_error(r, e, "misuse of aggregate: %s()", e->text);
    if (at != s
        && !(at->flags & SCOPE_AGG)) // inside another aggregate of that Select, or its WHERE
        TRY(resolve_late_error(r, expr_error_offset(e), "misuse of aggregate: %s()", e->text));
    return register_aggregate(r, at->select, e);
}

// --- the call ---

// Goes on after an error, as SQLite does: *rc keeps the last one.
static void resolve_part(Resolver *r, Scope *s, Expr *e, int *rc)
{
    int one = resolve_operand(r, s, e);
    if (one != SQLITE_OK)
        *rc = one;
}

static int resolve_arguments(Resolver *r, Scope *s, Expr *e, bool is_aggregate)
{
    ASSERT(e->kind == EX_CALL && e->u.call != NULL);

    Call *call = e->u.call;
    // Inside an aggregate none may stand, inside a window function an aggregate may: it is computed
    // before the window.
    u32 kept = s->flags & (SCOPE_WINDOW | SCOPE_AGG);
    if (is_aggregate)
        s->flags &= ~(u32)(SCOPE_WINDOW | (call->window == NULL ? SCOPE_AGG : 0));
    int rc = SQLITE_OK;
    for (u32 i = 0; e->list != NULL && i < e->list->count && rc == SQLITE_OK; i++)
        resolve_part(r, s, e->list->items[i].expr, &rc);
    for (u32 i = 0; call->order_by != NULL && i < call->order_by->count; i++)
        resolve_part(r, s, call->order_by->items[i].expr, &rc);
    resolve_part(r, s, call->filter, &rc);
    s->flags = (s->flags & ~(u32)(SCOPE_WINDOW | SCOPE_AGG)) | kept;
    TRY(rc);
    TRY(check_list_row_values(r, call->order_by));
    return check_row_values(r, call->filter);
}

static int check_distinct(Resolver *r, const Expr *e, const FuncDef *def)
{
    const Call *call = e->u.call;
    if (!call->distinct || !(def->flags & FUNC_AGGREGATE))
        return SQLITE_OK;
    if (call->window != NULL)
        return resolve_late_error(r, NO_OFFSET, "DISTINCT is not supported for window functions");
    if (e->list == NULL || e->list->count != 1)
        return resolve_late_error(r, NO_OFFSET,
                                  "DISTINCT aggregates must have exactly one argument");
    return SQLITE_OK;
}

static int resolve_window_call(Resolver *r, Scope *s, Expr *e)
{
    ASSERT(e->u.call->window != NULL && s->select != NULL);

    TRY(resolve_window(r, s, e));
    s->flags |= SCOPE_HAS_WINDOW;
    e->flags |= EXPR_HAS_WINDOW;
    e->u.call->owner = s->select;
    s->select->flags |= SELECT_HAS_WINDOW;
    return add_call(r, &s->select->windows, &s->select->window_count, e);
}

// Everything about the call but its arguments.
static int resolve_function(Resolver *r, Scope *s, Expr *e, bool *is_aggregate, bool *ignored)
{
    const FuncDef *def = NULL;
    TRY(find_function(r, e, &def));
    *is_aggregate = (def->flags & FUNC_AGGREGATE) != 0;
    TRY(check_likelihood(r, e, def));
    TRY(authorize_function(r, e, def, ignored));
    e->u.call->func = def;
    if (!(def->flags & (FUNC_PURE | FUNC_SLOW_CHANGE | FUNC_AGGREGATE)))
        e->flags |= EXPR_NONDETERMINISTIC;
    TRY(check_safety(r, s, e, def));
    e->u.call->pure_place = (u8)(s->flags & SCOPE_CHECK       ? PURE_CHECK
                                 : s->flags & SCOPE_GENERATED ? PURE_GENERATED
                                 : s->flags & SCOPE_SELF      ? PURE_INDEX
                                                              : PURE_NOWHERE);
    TRY(check_clauses(r, e, def));
    return check_allowed(r, s, e, def);
}

// DEFAULT may call what does not exist, or aggregates: only a row that needs the value fails, with
// "unknown function". So the call stays without a function.
static bool is_left_for_later(Resolver *r, const Scope *s, const Expr *e)
{
    if ((s->flags & SCOPE_NO_NAMES) == 0)
        return false;
    int count = e->list == NULL ? 0 : (int)e->list->count;
    const FuncDef *def = func_find(r->db, e->text, count, r->db->encoding);
    return def == NULL || (def->flags & FUNC_AGGREGATE) != 0;
}

int resolve_call(Resolver *r, Scope *s, Expr *e)
{
    ASSERT(e->kind == EX_CALL && e->u.call != NULL);

    if (e->flags & EXPR_IS_ALIAS)
        return SQLITE_OK; // resolved where the alias was defined
    bool is_replaced;
    TRY(resolve_index_call(r, s, e, &is_replaced));
    if (is_replaced)
        return resolve_operand(r, s, e);
    if (is_left_for_later(r, s, e)) {
        TRY(resolve_arguments(r, s, e, false));
        expr_inherit_flags(e);
        return SQLITE_OK;
    }
    bool is_aggregate = false;
    bool ignored = false;
    int rc = resolve_function(r, s, e, &is_aggregate, &ignored);
    if (rc != SQLITE_OK && rc != SQLITE_ERROR)
        return rc;
    if (rc != SQLITE_OK && r->db->is_altering) {
        // What is wrong with a stored call was wrong before, and its names can be changed all the
        // same.
        connection_error_clear(r->db);
        TRY(resolve_arguments(r, s, e, false));
        expr_inherit_flags(e);
        return SQLITE_OK;
    }
    if (ignored) {
        e->kind = EX_NULL;
        e->list = NULL;
        return SQLITE_OK;
    }
    if (rc != SQLITE_OK && r->is_failing != NULL)
        *r->is_failing = true;
    TRY(resolve_arguments(r, s, e, is_aggregate)); // their error counts more than the call's own
    TRY(rc);
    expr_inherit_flags(e);
    TRY(check_distinct(r, e, e->u.call->func));
    if (!is_aggregate)
        return SQLITE_OK;
    if (e->u.call->window != NULL)
        return resolve_window_call(r, s, e);
    return assign_aggregate(r, s, e);
}
