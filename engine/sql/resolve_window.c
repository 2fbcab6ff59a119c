// Windows: OVER names and base windows are replaced by complete definitions, and their expressions
// resolved.
//
//   OVER w           takes everything from w
//   OVER (w ...)     takes PARTITION BY, and ORDER BY if it has none; w must have no frame
//   WINDOW w AS (v ...)     the same, from a definition before it
//
// Every use gets copies of the expressions, unresolved, and resolves them for itself: two calls
// over one window never share a node.

#include "sql/resolve_internal.h"

// Of two definitions by one name the latest counts. `end`: only those before it; NULL: all.
static const Window *find_window(const Select *select, const char *name, const Window *end)
{
    ASSERT(name != NULL);

    const Window *found = NULL;
    for (const Window *w = select->window_defs; w != NULL && w != end; w = w->next) {
        if (name_equals(w->name, name))
            found = w;
    }
    return found;
}

static int copy_definition(Resolver *r, Window *window, const Window *from)
{
    ASSERT(window->partition_by == NULL);

    int *cursors = NULL; // definitions stay unresolved, so every use gets a copy of its own
    window->partition_by = expr_list_copy(r->arena, from->partition_by, cursors);
    if (window->order_by == NULL)
        window->order_by = expr_list_copy(r->arena, from->order_by, cursors);
    return r->arena->failed ? resolve_no_memory(r) : SQLITE_OK;
}

// A stored text may name a window that is none: its other names can be changed all the same.
static int no_such_window(Resolver *r, const char *name)
{
    ASSERT(name != NULL);

    if (r->db->is_altering)
        return SQLITE_OK;
    return resolve_error(r, NO_OFFSET, "no such window: %s", name);
}

// ( base ... ) takes PARTITION BY and perhaps ORDER BY from base, which must have no frame. `end`
// as for find_window().
static int chain_window(Resolver *r, const Select *select, Window *window, const Window *end)
{
    ASSERT(window->base_name != NULL && !window->is_reference);

    const Window *base = find_window(select, window->base_name, end);
    if (base == NULL)
        return no_such_window(r, window->base_name);
    const char *what = NULL;
    if (window->partition_by != NULL)
        what = "PARTITION clause";
    else if (window->order_by != NULL && base->order_by != NULL)
        what = "ORDER BY clause";
    else if (base->has_frame)
        what = "frame specification";
    if (what != NULL)
        return resolve_error(r, NO_OFFSET, "cannot override %s of window: %s", what,
                             window->base_name);
    ASSERT(base->base_name == NULL); // definitions are complete
    window->base_name = NULL;
    return copy_definition(r, window, base);
}

int complete_window_defs(Resolver *r, Select *select)
{
    for (Window *w = select->window_defs; w != NULL; w = w->next) {
        if (w == select->window_defs)
            w->base_name = NULL; // nothing stands before the first
        else if (w->base_name != NULL)
            TRY(chain_window(r, select, w, w));
    }
    return SQLITE_OK;
}

int resolve_window_defs(Resolver *r, Scope *s, Select *select)
{
    ASSERT((s->flags & SCOPE_WINDOW) != 0);

    if (!r->db->is_altering)
        return SQLITE_OK; // what no call uses may say what it likes
    for (Window *w = select->window_defs; w != NULL; w = w->next) {
        TRY(resolve_list(r, s, w->partition_by));
        TRY(resolve_list(r, s, w->order_by));
    }
    return SQLITE_OK;
}

static int complete_window(Resolver *r, const Select *select, Window *window)
{
    if (window->is_reference) {
        const Window *definition = find_window(select, window->name, NULL);
        if (definition == NULL)
            return no_such_window(r, window->name);
        const Window complete = *definition;
        ASSERT(complete.base_name == NULL);
        window->has_frame = complete.has_frame;
        window->unit = complete.unit;
        window->exclude = complete.exclude;
        window->has_exclude = complete.has_exclude;
        window->start = complete.start;
        window->end = complete.end;
        window->start.expr = expr_copy(r->arena, complete.start.expr, NULL);
        window->end.expr = expr_copy(r->arena, complete.end.expr, NULL);
        window->is_reference = false;
        return copy_definition(r, window, &complete);
    }
    if (window->base_name != NULL)
        return chain_window(r, select, window, NULL);
    return SQLITE_OK;
}

static bool has_offset(const Window *window)
{
    return window->start.kind == BOUND_PRECEDING || window->start.kind == BOUND_FOLLOWING
           || window->end.kind == BOUND_PRECEDING || window->end.kind == BOUND_FOLLOWING;
}

// What SQL fixes about the frames of ranking functions, whatever OVER says.
static void fix_frame(Window *window, FrameUnit unit, FrameBoundKind start, FrameBoundKind end)
{
    ASSERT(start <= end);

    window->unit = (u8)unit;
    window->start = (FrameBound){.kind = (u8)start};
    window->end = (FrameBound){.kind = (u8)end};
    window->exclude = EXCLUDE_NO_OTHERS;
    window->has_exclude = false;
    window->has_frame = true;
}

static int set_builtin_frame(Resolver *r, Window *window, const Expr *call)
{
    ASSERT((call->u.call->func->flags & FUNC_WINDOW_ONLY) != 0);

    static const struct {
        const char *name;
        u8 unit, start, end;
    } frames[] = {
        {"row_number", FRAME_ROWS, BOUND_UNBOUNDED_PRECEDING, BOUND_CURRENT_ROW},
        {"dense_rank", FRAME_RANGE, BOUND_UNBOUNDED_PRECEDING, BOUND_CURRENT_ROW},
        {"rank", FRAME_RANGE, BOUND_UNBOUNDED_PRECEDING, BOUND_CURRENT_ROW},
        {"percent_rank", FRAME_GROUPS, BOUND_CURRENT_ROW, BOUND_UNBOUNDED_FOLLOWING},
        {"cume_dist", FRAME_GROUPS, BOUND_FOLLOWING, BOUND_UNBOUNDED_FOLLOWING},
        {"ntile", FRAME_ROWS, BOUND_CURRENT_ROW, BOUND_UNBOUNDED_FOLLOWING},
        {"lead", FRAME_ROWS, BOUND_UNBOUNDED_PRECEDING, BOUND_UNBOUNDED_FOLLOWING},
        {"lag", FRAME_ROWS, BOUND_UNBOUNDED_PRECEDING, BOUND_CURRENT_ROW},
    };
    for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
        if (!name_equals(frames[i].name, call->text))
            continue;
        fix_frame(window, frames[i].unit, frames[i].start, frames[i].end);
        if (frames[i].start == BOUND_FOLLOWING) {
            window->start.expr = expr_new_integer(r->arena, 1);
            if (window->start.expr == NULL)
                return resolve_no_memory(r);
        }
    }
    return SQLITE_OK;
}

static int check_frame(Resolver *r, Window *window, const Expr *call)
{
    if (window->unit == FRAME_RANGE && has_offset(window)
        && (window->order_by == NULL || window->order_by->count != 1))
        return resolve_error(
            r, NO_OFFSET, "RANGE with offset PRECEDING/FOLLOWING requires one ORDER BY expression");
    if (call->u.call->func->flags & FUNC_WINDOW_ONLY) {
        if (call->u.call->filter != NULL)
            return resolve_error(r, NO_OFFSET,
                                 "FILTER clause may only be used with aggregate window functions");
        return set_builtin_frame(r, window, call);
    }
    return SQLITE_OK;
}

static int resolve_window_list(Resolver *r, Scope *s, ExprList *list)
{
    for (u32 i = 0; list != NULL && i < list->count; i++)
        TRY(resolve_operand(r, s, list->items[i].expr));
    return SQLITE_OK;
}

int resolve_window(Resolver *r, Scope *s, Expr *call)
{
    ASSERT(call->u.call->window != NULL && call->u.call->func != NULL);

    Window *window = call->u.call->window;
    if (s->select == NULL)
        return resolve_error(r, expr_error_offset(call), "misuse of window function %s()",
                             call->text);
    TRY(complete_window(r, s->select, window));
    TRY(check_frame(r, window, call));
    u32 kept = s->flags;
    s->flags &= ~(u32)SCOPE_WINDOW;
    for (u32 i = 0; window->partition_by != NULL && i < window->partition_by->count; i++)
        TRY(expand_subqueries(r, window->partition_by->items[i].expr));
    for (u32 i = 0; window->order_by != NULL && i < window->order_by->count; i++)
        TRY(expand_subqueries(r, window->order_by->items[i].expr));
    int rc = resolve_window_list(r, s, window->partition_by);
    int order_rc = resolve_window_list(r, s, window->order_by);
    TRY(order_rc != SQLITE_OK ? order_rc : rc); // SQLite reports the last error it meets
    TRY(resolve_operand(r, s, window->start.expr));
    TRY(resolve_operand(r, s, window->end.expr));
    TRY(check_list_row_values(r, window->partition_by));
    TRY(check_list_row_values(r, window->order_by));
    s->flags |= kept & SCOPE_WINDOW;
    return SQLITE_OK;
}
