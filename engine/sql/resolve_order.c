// ORDER BY and GROUP BY: terms may be numbers, aliases, or expressions equal to a result column.
//
//   SELECT a+1 AS x ... ORDER BY 1        column 1
//   SELECT a+1 AS x ... ORDER BY x        column 1, even where a table has an x
//   SELECT a+1 AS x ... ORDER BY a+1      column 1, found equal
//   SELECT a+1 AS x ... ORDER BY x+1      an expression: names in it are columns first
//   SELECT a+1 AS x ... GROUP BY x        a column x of the tables first, then the alias
//
// In a compound only result columns can be meant; a term is looked for in the first SELECT that has
// it.

#include "sql/resolve_internal.h"

static int too_many_terms(Resolver *r, const char *clause)
{
    return resolve_error(r, NO_OFFSET, "too many terms in %s BY clause", clause);
}

const char *resolve_ordinal_suffix(u32 n)
{
    u32 last = n % 10;
    if (n % 100 >= 11 && n % 100 <= 13)
        return "th";
    return last == 1 ? "st" : last == 2 ? "nd" : last == 3 ? "rd" : "th";
}

static int out_of_range(Resolver *r, const char *clause, u32 term, u32 count, u32 offset)
{
    ASSERT(term > 0);

    return resolve_error(r, offset, "%u%s %s BY term out of range - should be between 1 and %u",
                         term, resolve_ordinal_suffix(term), clause, count);
}

// 1-based result column whose AS name, or name out of a *, the term is; 0: none.
static u16 column_of_alias(const ExprList *columns, const Expr *e)
{
    ASSERT(columns != NULL);

    if (e->kind != EX_NAME || e->u.name.table != NULL)
        return 0;
    for (u32 i = 0; i < columns->count; i++) {
        const ExprItem *item = &columns->items[i];
        if (item->name != NULL && name_equals(item->name, e->text))
            return (u16)(i + 1);
    }
    return 0;
}

// A literal beyond 32 bits is an expression like any other.
static bool is_column_number(const Expr *e, i64 *value)
{
    return expr_is_integer(e, value) && *value <= INT32_MAX && *value >= -(i64)INT32_MAX;
}

static bool is_rowid_of(const Expr *e, const Select *select)
{
    ASSERT(select->from->count == 1);

    const FromItem *only = select->from->items[0];
    return e->kind == EX_COLUMN && e->u.column.item == only && only->table != NULL
           && only->table->kind == TABLE_ORDINARY
           && (e->u.column.index < 0 || e->u.column.index == only->table->rowid_alias);
}

// Where there is but one row, or a rowid that decides leads, SQLite drops a term of ORDER BY before
// it sees whether its row values fit.
static bool order_matters(const Select *select, u32 term)
{
    ASSERT(select->order_by != NULL);

    bool has_one_row = (select->flags & SELECT_AGGREGATE) != 0 && select->group_by == NULL;
    if (has_one_row || select->from == NULL)
        return false;
    if (term == 0 || select->from->count != 1 || select->group_by != NULL)
        return true;
    const ExprItem *first = &select->order_by->items[0];
    bool is_column = first->column > 0 && first->column <= select->columns->count;
    const Expr *e = is_column ? select->columns->items[first->column - 1].expr : first->expr;
    return !is_rowid_of(expr_skip_collate(e), select);
}

static int resolve_term(Resolver *r, Scope *s, Select *select, ExprItem *item, u32 number,
                        bool is_group)
{
    ASSERT(number > 0);

    const Expr *bare = expr_skip_collate_likely(item->expr);
    if (!is_group) {
        item->column = column_of_alias(select->columns, bare);
        if (item->column > 0)
            return SQLITE_OK;
    }
    i64 value;
    if (is_column_number(bare, &value)) {
        if (value < 1 || value > 0xffff)
            return out_of_range(r, is_group ? "GROUP" : "ORDER", number, select->columns->count,
                                expr_error_offset(bare));
        item->column = (u16)value;
        return SQLITE_OK;
    }
    item->column = 0;
    TRY(resolve_expr(r, s, item->expr));
    if (is_group || order_matters(select, number - 1))
        TRY(check_row_values(r, item->expr));
    for (u32 i = 0; i < select->columns->count; i++)
        if (expr_equal(item->expr, select->columns->items[i].expr))
            item->column = (u16)(i + 1);
    return SQLITE_OK;
}

// The term becomes a copy of the result column; a COLLATE written with it stays.
static int take_column(Resolver *r, const Select *select, ExprItem *item)
{
    ASSERT(item->column > 0 && item->column <= select->columns->count);

    Expr *term = item->expr;
    const Expr *source = select->columns->items[item->column - 1].expr;
    if (term->kind != EX_NAME && term->kind != EX_INTEGER && term->kind != EX_COLLATE
        && term->kind != EX_PLUS && !(term->kind == EX_CALL && term->u.call->func == NULL))
        return SQLITE_OK; // an expression of its own, equal to the column
    Expr *copy = expr_copy(r->arena, source, &r->ctx->cursor_count);
    if (copy == NULL)
        return resolve_no_memory(r);
    copy->flags |= EXPR_IS_ALIAS;
    if (term->kind != EX_COLLATE) {
        item->expr = copy;
        return SQLITE_OK;
    }
    term->left = copy;
    u32 height = term->height;
    expr_update_height(term);
    term->height = term->height > height ? term->height : height;
    term->flags |= EXPR_HAS_COLLATE;
    return SQLITE_OK;
}

static int resolve_terms(Resolver *r, Scope *s, Select *select, ExprList *list, bool is_group)
{
    ASSERT(select->columns != NULL);

    const char *clause = is_group ? "GROUP" : "ORDER";
    if (list == NULL)
        return SQLITE_OK;
    for (u32 i = 0; i < list->count; i++)
        TRY(resolve_term(r, s, select, &list->items[i], i + 1, is_group));
    if (list->count > (u32)r->db->limits[SQLITE_LIMIT_COLUMN])
        return too_many_terms(r, clause);
    for (u32 i = 0; i < list->count; i++) {
        ExprItem *item = &list->items[i];
        if (item->column == 0)
            continue;
        if (item->column > select->columns->count)
            return out_of_range(r, clause, i + 1, select->columns->count, NO_OFFSET);
        TRY(take_column(r, select, item));
    }
    return SQLITE_OK;
}

int resolve_order_by(Resolver *r, Scope *s, Select *select)
{
    return resolve_terms(r, s, select, select->order_by, false);
}

int resolve_group_by(Resolver *r, Scope *s, Select *select)
{
    TRY(resolve_terms(r, s, select, select->group_by, true));
    for (u32 i = 0; select->group_by != NULL && i < select->group_by->count; i++) {
        const Expr *e = select->group_by->items[i].expr;
        if (e->flags & EXPR_HAS_AGG)
            return resolve_error(r, NO_OFFSET,
                                 "aggregate functions are not allowed in the GROUP BY clause");
        if (e->flags & EXPR_HAS_WINDOW) {
            const Expr *call = expr_skip_collate(e);
            return resolve_error(r, expr_error_offset(call), "misuse of window function %s()",
                                 call->text != NULL ? call->text : "");
        }
    }
    return SQLITE_OK;
}

// --- compounds ---

// The result column of one term that equals the ORDER BY term when read in that term's scope; 0:
// none.
static int column_of_expr(Resolver *r, Scope *outer, Select *select, const Expr *e, u16 *column)
{
    ASSERT(e != NULL);

    *column = 0;
    Expr *copy = expr_copy(r->arena, e, NULL);
    if (copy == NULL)
        return resolve_no_memory(r);
    Scope scope = {.outer = outer,
                   .select = select,
                   .from = select->from,
                   .aliases = select->columns,
                   .flags = SCOPE_AGG | SCOPE_WINDOW};
    // A try: what is not found in this term may be in the next, and leaves no error.
    int suppressed = r->db->suppress_errors++;
    u32 depth = r->ctx->depth;
    int rc = resolve_expr(r, &scope, copy);
    r->db->suppress_errors = suppressed;
    r->ctx->depth = depth;
    if (rc == SQLITE_NOMEM)
        return rc;
    if (rc != SQLITE_OK) {
        connection_error_clear(r->db);
        return SQLITE_OK;
    }
    for (u32 i = 0; i < select->columns->count && *column == 0; i++)
        if (expr_equal(copy, select->columns->items[i].expr))
            *column = (u16)(i + 1);
    return SQLITE_OK;
}

static int become_column_number(Resolver *r, ExprItem *item, u16 column)
{
    ASSERT(column > 0 && item->column == 0);

    Expr *number = expr_new_integer(r->arena, column);
    if (number == NULL)
        return resolve_no_memory(r);
    item->column = column;
    if (item->expr->kind == EX_COLLATE) {
        item->expr->left = number;
        expr_update_height(item->expr);
        item->expr->flags |= EXPR_HAS_COLLATE;
    } else {
        item->expr = number;
    }
    return SQLITE_OK;
}

static int compound_term(Resolver *r, Scope *outer, Select *select, ExprItem *item, u32 number)
{
    ASSERT(item->column == 0);

    const Expr *bare = expr_skip_collate_likely(item->expr);
    i64 value;
    u16 column = 0;
    if (is_column_number(bare, &value)) {
        if (value < 1 || value > (i64)select->columns->count)
            return out_of_range(r, "ORDER", number, select->columns->count,
                                expr_error_offset(bare));
        column = (u16)value;
    } else {
        column = column_of_alias(select->columns, bare);
        if (column == 0)
            TRY(column_of_expr(r, outer, select, bare, &column));
    }
    return column == 0 ? SQLITE_OK : become_column_number(r, item, column);
}

// Terms are looked for in the first SELECT, then in the second, and so on.
int resolve_compound_order_by(Resolver *r, Scope *outer, Select *last)
{
    ASSERT(last->prior != NULL && last->next == NULL);

    ExprList *list = last->order_by;
    if (list == NULL)
        return SQLITE_OK;
    if (list->count > (u32)r->db->limits[SQLITE_LIMIT_COLUMN])
        return too_many_terms(r, "ORDER");
    Select *term = last;
    while (term->prior != NULL)
        term = term->prior;
    for (; term != NULL; term = term->next)
        for (u32 i = 0; i < list->count; i++)
            if (list->items[i].column == 0)
                TRY(compound_term(r, outer, term, &list->items[i], i + 1));
    for (u32 i = 0; i < list->count; i++)
        if (list->items[i].column == 0)
            return resolve_error(r, NO_OFFSET,
                                 "%u%s ORDER BY term does not match any column in the result set",
                                 i + 1, resolve_ordinal_suffix(i + 1));
    return SQLITE_OK;
}
