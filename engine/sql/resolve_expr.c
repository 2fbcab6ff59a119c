// Expressions: every name, call and subquery in them.
//
// Depth first, from left to right, but subqueries before the operand they are compared with, as
// SQLite goes: of several errors the same one is found. Flags marked ^ in ast.h go up on the way
// back.
//
// Row values are let through here and checked afterwards, once the whole expression is resolved
// (check_row_values): the width of a subquery is not known before, and SQLite complains as late.

#include "sql/resolve_internal.h"
#include <string.h>

static int resolve_node(Resolver *r, Scope *s, Expr *e);

// --- flags ---

enum {
    FLAGS_UP = EXPR_HAS_COLLATE | EXPR_HAS_CALL | EXPR_HAS_SUBQUERY | EXPR_HAS_PARAM | EXPR_HAS_AGG
               | EXPR_HAS_WINDOW | EXPR_NONDETERMINISTIC
};

void expr_inherit_flags(Expr *e)
{
    ASSERT(e->left != e && e->right != e);

    if (e->left != NULL)
        e->flags |= e->left->flags & FLAGS_UP;
    if (e->right != NULL)
        e->flags |= e->right->flags & FLAGS_UP;
    for (u32 i = 0; e->list != NULL && i < e->list->count; i++)
        e->flags |= e->list->items[i].expr->flags & FLAGS_UP;
}

// --- prohibitions ---

static const char *self_context_name(u32 flags)
{
    ASSERT((flags & SCOPE_SELF) != 0);

    if (flags & SCOPE_INDEX)
        return "index expressions";
    if (flags & SCOPE_CHECK)
        return "CHECK constraints";
    if (flags & SCOPE_GENERATED)
        return "generated columns";
    return "partial index WHERE clauses";
}

static int refuse(Resolver *r, const Scope *s, u32 offset, const char *what)
{
    if (!(s->flags & SCOPE_SELF))
        return SQLITE_OK;
    return resolve_error(r, offset, "%s prohibited in %s", what, self_context_name(s->flags));
}

// --- row values ---

static bool is_comparison(u8 kind)
{
    switch (kind) {
    case EX_EQ:
    case EX_NE:
    case EX_LT:
    case EX_LE:
    case EX_GT:
    case EX_GE:
    case EX_IS:
    case EX_IS_NOT: return true;
    default: return false; // other operators take scalars
    }
}

// Both sides of a comparison, and BETWEEN's three operands, must be equally wide.
static int check_widths(Resolver *r, const Expr *e)
{
    ASSERT(e->kind != EX_BETWEEN || e->list->count == 2);

    if (!is_comparison(e->kind) && e->kind != EX_BETWEEN)
        return SQLITE_OK;
    u32 width = expr_vector_size(e->left);
    bool matches;
    if (e->kind == EX_BETWEEN)
        matches = expr_vector_size(e->list->items[0].expr) == width
                  && expr_vector_size(e->list->items[1].expr) == width;
    else
        matches = expr_vector_size(e->right) == width;
    if (matches)
        return SQLITE_OK;
    return resolve_error(r, expr_error_offset(e), "row value misused");
}

static int misused(Resolver *r, const Expr *e)
{
    ASSERT(expr_is_vector(e));

    if (e->kind == EX_SELECT)
        return resolve_late_error(r, NO_OFFSET, "sub-select returns %u columns - expected 1",
                                  expr_vector_size(e));
    return resolve_late_error(r, NO_OFFSET, "row value misused");
}

static int check_in_widths(Resolver *r, const Expr *e)
{
    ASSERT(e->kind == EX_IN && (e->select != NULL || e->list != NULL));

    u32 width = expr_vector_size(e->left);
    if (e->select != NULL) {
        u32 count = e->select->columns->count;
        if (count != width)
            return resolve_late_error(r, NO_OFFSET, "sub-select returns %u columns - expected %u",
                                      count, width);
        return SQLITE_OK;
    }
    for (u32 i = 0; i < e->list->count; i++) {
        const Expr *item = e->list->items[i].expr;
        u32 size = expr_vector_size(item);
        if (size == width)
            continue;
        if (width == 1)
            return misused(r, item);
        return resolve_late_error(r, NO_OFFSET, "IN(...) element has %u term%s - expected %u", size,
                                  size == 1 ? "" : "s", width);
    }
    return SQLITE_OK;
}

static int check_scalar(Resolver *r, const Expr *e)
{
    if (e == NULL)
        return SQLITE_OK;
    return expr_is_vector(e) ? misused(r, e) : check_row_values(r, e);
}

static int check_scalars(Resolver *r, const ExprList *list)
{
    for (u32 i = 0; list != NULL && i < list->count; i++)
        TRY(check_scalar(r, list->items[i].expr));
    return SQLITE_OK;
}

// The parts of a row value are scalars; a subquery has been checked with its own Select.
static int check_row_value(Resolver *r, const Expr *e)
{
    ASSERT(e != NULL);

    if (e->kind == EX_VECTOR)
        return check_scalars(r, e->list);
    return e->kind == EX_SELECT ? SQLITE_OK : check_row_values(r, e);
}

static int check_case(Resolver *r, const Expr *e)
{
    ASSERT(e->kind == EX_CASE);

    u32 width = e->left == NULL ? 1 : expr_vector_size(e->left);
    if (e->left != NULL)
        TRY(check_row_value(r, e->left));
    for (u32 i = 0; i < e->list->count; i++) {
        const Expr *item = e->list->items[i].expr;
        bool is_when = i % 2 == 0 && i + 1 < e->list->count;
        if (!is_when || e->left == NULL) {
            TRY(check_scalar(r, item));
            continue;
        }
        if (expr_vector_size(item) != width)
            return resolve_late_error(r, NO_OFFSET, "row value misused");
        TRY(check_row_value(r, item));
    }
    return SQLITE_OK;
}

// Checks what is below `e`; whether `e` itself may be a row value is the caller's to know.
static int check_operands(Resolver *r, const Expr *e)
{
    ASSERT(e != NULL);

    if (is_comparison(e->kind)) {
        TRY(check_row_value(r, e->left));
        return check_row_value(r, e->right);
    }
    switch (e->kind) {
    case EX_BETWEEN:
        TRY(check_row_value(r, e->left));
        TRY(check_row_value(r, e->list->items[0].expr));
        return check_row_value(r, e->list->items[1].expr);
    case EX_IN:
        TRY(check_in_widths(r, e));
        TRY(check_row_value(r, e->left));
        for (u32 i = 0; e->list != NULL && i < e->list->count; i++)
            TRY(check_row_value(r, e->list->items[i].expr));
        return SQLITE_OK;
    case EX_CASE: return check_case(r, e);
    case EX_FIELD: return check_row_value(r, e->left);
    default: // scalars everywhere
        TRY(check_scalar(r, e->left));
        TRY(check_scalar(r, e->right));
        return check_scalars(r, e->list);
    }
}

int check_row_values(Resolver *r, const Expr *e)
{
    if (e == NULL)
        return SQLITE_OK;
    return expr_is_vector(e) ? misused(r, e) : check_operands(r, e);
}

int check_list_row_values(Resolver *r, const ExprList *list)
{
    for (u32 i = 0; list != NULL && i < list->count; i++)
        TRY(check_row_values(r, list->items[i].expr));
    return SQLITE_OK;
}

// --- subqueries ---

static int resolve_subquery(Resolver *r, Scope *s, Expr *e)
{
    ASSERT(e->select->next == NULL);

    TRY(refuse(r, s, NO_OFFSET, "subqueries"));
    TRY(resolve_query(r, s, e->select));
    for (Select *term = e->select; term != NULL; term = term->prior)
        if (term->flags & SELECT_CORRELATED)
            e->flags |= EXPR_CORRELATED;
    if (e->kind == EX_EXISTS && e->select->prior == NULL) // terms of a compound are compared
        e->select->flags |= SELECT_EXISTS;
    e->flags |= EXPR_HAS_SUBQUERY;
    return SQLITE_OK;
}

// --- x IS TRUE ---

// TRUE and FALSE are only names until no column of that name is found.
static int resolve_is(Resolver *r, Scope *s, Expr *e)
{
    ASSERT(e->kind == EX_IS || e->kind == EX_IS_NOT);

    TRY(check_widths(r, e));
    TRY(resolve_node(r, s, e->left));
    TRY(resolve_node(r, s, e->right));
    const Expr *right = expr_skip_collate(e->right);
    if (right->kind == EX_BOOL) {
        bool value = right->u.integer != 0;
        bool negated = e->kind == EX_IS_NOT;
        e->kind = EX_TRUTH;
        e->right = NULL;
        e->u.truth.value = value;
        e->u.truth.negated = negated;
        expr_inherit_flags(e);
        return SQLITE_OK;
    }
    expr_inherit_flags(e);
    return SQLITE_OK;
}

// --- nodes ---

static int resolve_parameter(Resolver *r, Scope *s, const Expr *e)
{
    ASSERT(e->kind == EX_PARAM);

    return refuse(r, s, expr_error_offset(e), "parameters");
}

static int resolve_raise(Resolver *r, Scope *s, Expr *e)
{
    ASSERT(e->kind == EX_RAISE);

    bool in_trigger = r->ctx->trigger != NULL && !r->ctx->trigger->is_returning;
    if (!in_trigger)
        return resolve_error(r, NO_OFFSET, "RAISE() may only be used within a trigger-program");
    return e->left == NULL ? SQLITE_OK : resolve_node(r, s, e->left);
}

static int hex_too_big(Resolver *r, const Expr *e, const char *sign)
{
    ASSERT((e->flags & EXPR_HEX) != 0);

    return resolve_error(r, e->offset, "hex literal too big: %s%s", sign, e->text);
}

// -9223372036854775808 is the one integer that only exists with its sign.
static int resolve_negative(Resolver *r, Scope *s, Expr *e)
{
    ASSERT(e->kind == EX_NEGATE && e->left != NULL);

    Expr *operand = e->left;
    if (operand->kind == EX_INTEGER && (operand->flags & EXPR_HEX)) {
        // (Rows written before a column was added take even this default: it fails where coded.)
        bool is_least = operand->u.integer == INT64_MIN && (s->flags & SCOPE_NO_NAMES) == 0;
        if ((operand->flags & EXPR_INT_OVERFLOW) || is_least)
            return hex_too_big(r, operand, "-");
    }
    if (operand->kind == EX_FLOAT && (operand->flags & EXPR_INT_OVERFLOW)
        && strcmp(operand->text, "9223372036854775808") == 0) {
        e->kind = EX_INTEGER;
        e->offset = operand->offset;
        e->text = "-9223372036854775808";
        e->left = NULL;
        e->u.integer = INT64_MIN;
        return SQLITE_OK;
    }
    TRY(resolve_node(r, s, operand));
    expr_inherit_flags(e);
    return SQLITE_OK;
}

static int resolve_children(Resolver *r, Scope *s, Expr *e)
{
    ASSERT(e->kind != EX_NAME && e->kind != EX_CALL);

    TRY(check_widths(r, e));
    if (e->select != NULL)
        TRY(resolve_subquery(r, s, e)); // before the left operand of IN
    if (e->left != NULL)
        TRY(resolve_node(r, s, e->left));
    if (e->right != NULL)
        TRY(resolve_node(r, s, e->right));
    for (u32 i = 0; e->list != NULL && i < e->list->count; i++)
        TRY(resolve_node(r, s, e->list->items[i].expr));
    expr_inherit_flags(e);
    return SQLITE_OK;
}

// CASE (a, b) WHEN (1, 2) THEN ... compares rows: CASE WHEN (a, b) = (1, 2) THEN ...
static int resolve_case(Resolver *r, Scope *s, Expr *e)
{
    ASSERT(e->kind == EX_CASE);

    bool is_row = e->left != NULL && expr_is_vector(e->left);
    for (u32 i = 0; is_row && i + 1 < e->list->count; i += 2) {
        Expr *base = i == 0 ? e->left : expr_copy(r->arena, e->left, &r->ctx->cursor_count);
        Expr *equal = base == NULL ? NULL : expr_new(r->arena, EX_EQ, base, e->list->items[i].expr);
        if (equal == NULL)
            return resolve_no_memory(r);
        e->list->items[i].expr = equal;
    }
    if (is_row)
        e->left = NULL;
    return resolve_children(r, s, e);
}

// Bare words in ATTACH and DETACH are text, double quotes or not.
static bool name_is_text(const Scope *s, Expr *e)
{
    ASSERT(e->kind == EX_NAME);

    if (!(s->flags & SCOPE_NAMES_ARE_TEXT) || e->u.name.table != NULL)
        return false;
    e->kind = EX_STRING;
    e->size = (u32)strlen(e->text);
    return true;
}

// After a faulty call SQLite goes on with what is beside it, and reports the last error it meets.
static int resolve_call_on(Resolver *r, Scope *s, Expr *e)
{
    ASSERT(e->kind == EX_CALL);

    int rc = resolve_call(r, s, e);
    if (rc != SQLITE_ERROR || r->is_failing == NULL)
        return rc;
    *r->is_failing = true;
    return SQLITE_OK;
}

int resolve_operand(Resolver *r, Scope *s, Expr *e)
{
    return e == NULL ? SQLITE_OK : resolve_node(r, s, e);
}

static int resolve_node(Resolver *r, Scope *s, Expr *e)
{
    if (r->is_failing != NULL && *r->is_failing && e->kind != EX_NAME && e->kind != EX_CALL)
        return r->db->error_code;
    switch (e->kind) {
    case EX_NAME: return name_is_text(s, e) ? SQLITE_OK : resolve_name(r, s, e);
    case EX_COLUMN:
        // Made by * or USING; anything else has been resolved before, as part of an alias.
        return e->u.column.item == NULL || (e->flags & EXPR_IS_ALIAS) ? SQLITE_OK
                                                                      : resolve_bound_column(r, e);
    case EX_STAR: return resolve_error(r, expr_error_offset(e), "near \"*\": syntax error");
    case EX_INTEGER: return e->flags & EXPR_INT_OVERFLOW ? hex_too_big(r, e, "") : SQLITE_OK;
    case EX_NULL:
    case EX_FLOAT:
    case EX_STRING:
    case EX_BLOB:
    case EX_BOOL:
    case EX_REGISTER:
    case EX_ROW_COLUMN: return SQLITE_OK;
    case EX_PARAM: return resolve_parameter(r, s, e);
    case EX_NEGATE: return resolve_negative(r, s, e);
    case EX_RAISE: return resolve_raise(r, s, e);
    case EX_IS:
    case EX_IS_NOT: return resolve_is(r, s, e);
    case EX_CALL: return resolve_call_on(r, s, e);
    case EX_CASE: return resolve_case(r, s, e);
    default: return resolve_children(r, s, e); // operators and subqueries
    }
}

// SQLite limits the sum of the heights of the expressions around a subquery, not only each one's.
int resolve_expr(Resolver *r, Scope *s, Expr *e)
{
    if (e == NULL)
        return SQLITE_OK;
    u32 height = e->height;
    u32 limit = (u32)r->db->limits[SQLITE_LIMIT_EXPR_DEPTH];
    r->ctx->depth += height;
    if (r->ctx->depth > limit)
        return resolve_error(r, NO_OFFSET, "Expression tree is too large (maximum depth %u)",
                             limit);
    bool failing = false;
    bool *outer_failing = r->is_failing;
    r->is_failing = &failing;
    int rc = resolve_node(r, s, e);
    r->is_failing = outer_failing;
    r->ctx->depth -= height;
    return rc == SQLITE_OK && failing ? r->db->error_code : rc;
}

int resolve_list(Resolver *r, Scope *s, ExprList *list)
{
    for (u32 i = 0; list != NULL && i < list->count; i++)
        TRY(resolve_expr(r, s, list->items[i].expr));
    return SQLITE_OK;
}
