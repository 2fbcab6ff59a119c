// Making expressions, and what the value of one is like.
//
// Affinity and collation follow SQLite's rules ("Datatypes In SQLite", sections 3 and 7): only
// columns, CASTs and what passes them on have an affinity; a collation comes from COLLATE, wherever
// below it stands, or from a column, and the left operand's counts first. EXPR_HAS_COLLATE, kept up
// by the parser and by expr_update_height(), leads to the COLLATE without a walk.

#include "sql/expr_tree.h"
#include "base/hashmap.h"
#include "func/func.h"
#include <string.h>

// --- making ---

// What an expression says about everything below it; the flags marked ^ in ast.h.
enum {
    INHERITED = EXPR_HAS_COLLATE | EXPR_HAS_CALL | EXPR_HAS_SUBQUERY | EXPR_HAS_PARAM | EXPR_HAS_AGG
                | EXPR_HAS_WINDOW | EXPR_NONDETERMINISTIC
};

static void inherit_from(Expr *e, const Expr *operand)
{
    ASSERT(operand != e);

    if (operand == NULL)
        return;
    e->flags |= operand->flags & INHERITED;
    if (operand->height >= e->height)
        e->height = operand->height + 1;
}

void expr_update_height(Expr *e)
{
    ASSERT(e != NULL);

    e->height = 1;
    inherit_from(e, e->left);
    inherit_from(e, e->right);
    for (u32 i = 0; e->list != NULL && i < e->list->count; i++)
        inherit_from(e, e->list->items[i].expr);
    if (e->select != NULL && e->select->height >= e->height)
        e->height = e->select->height + 1;
}

// A node shared by two parents would be rewritten twice.
Expr *expr_new(Arena *arena, ExprKind kind, Expr *left, Expr *right)
{
    ASSERT(left == NULL || left != right);

    Expr *e = arena_alloc_zeroed(arena, sizeof *e);
    if (e == NULL)
        return NULL;
    e->kind = (u8)kind;
    e->offset = NO_OFFSET;
    e->left = left;
    e->right = right;
    expr_update_height(e);
    return e;
}

Expr *expr_new_integer(Arena *arena, i64 value)
{
    Expr *e = expr_new(arena, EX_INTEGER, NULL, NULL);
    if (e != NULL)
        e->u.integer = value;
    return e;
}

Expr *expr_new_name(Arena *arena, const char *name)
{
    ASSERT(name != NULL);

    Expr *e = expr_new(arena, EX_NAME, NULL, NULL);
    if (e == NULL)
        return NULL;
    e->text = name;
    e->flags |= EXPR_QUOTED;
    e->u.name.schema_offset = e->u.name.table_offset = NO_OFFSET;
    return e;
}

Expr *expr_new_column(Arena *arena, FromItem *item, int column)
{
    ASSERT(item != NULL && column >= ROWID_COLUMN);

    Expr *e = expr_new(arena, EX_COLUMN, NULL, NULL);
    if (e == NULL)
        return NULL;
    e->u.column.item = item;
    e->u.column.index = column;
    e->text = from_item_column_name(item, column);
    if (column >= 0)
        item->columns_used |= 1ull << (column < 63 ? column : 63);
    else
        item->rowid_used = true;
    return e;
}

Expr *expr_and(Arena *arena, Expr *a, Expr *b)
{
    ASSERT(a == NULL || a != b);

    if (a == NULL || b == NULL)
        return a != NULL ? a : b;
    return expr_new(arena, EX_AND, a, b);
}

ExprList *expr_list_add(Arena *arena, ExprList *list, Expr *e)
{
    ASSERT(list == NULL || list->count <= list->capacity);

    if (list == NULL)
        list = arena_alloc_zeroed(arena, sizeof *list);
    if (list == NULL || e == NULL)
        return NULL;
    if (list->count == list->capacity) {
        u32 capacity = list->capacity == 0 ? 4 : list->capacity * 2;
        ExprItem *items = arena_array(arena, capacity, sizeof *items);
        if (items == NULL)
            return NULL;
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = (ExprItem){.expr = e, .name_offset = NO_OFFSET};
    return list;
}

// --- columns of FROM items ---

u32 from_item_column_count(const FromItem *item)
{
    ASSERT(item->table == NULL || item->table->column_count >= 0);

    return item->table != NULL ? (u32)item->table->column_count : item->column_count;
}

const char *from_item_column_name(const FromItem *item, int column)
{
    ASSERT(column < (int)from_item_column_count(item));

    const Table *table = item->table;
    if (column >= 0)
        return table != NULL ? table->columns[column].name : item->columns[column].name;
    if (table != NULL && table->rowid_alias >= 0)
        return table->columns[table->rowid_alias].name;
    return "rowid";
}

const char *from_item_name(const FromItem *item)
{
    return item->alias != NULL ? item->alias : item->name;
}

// --- affinity ---

Affinity affinity_of_column(const Table *table, int column)
{
    ASSERT(column < table->column_count);

    if (column < 0 || column == table->rowid_alias)
        return AFF_INTEGER;
    return (Affinity)table->columns[column].affinity;
}

// Without an item (a schema's own expression) the node carries the affinity itself.
static Affinity column_affinity(const Expr *e)
{
    ASSERT(e->kind == EX_COLUMN);

    const FromItem *item = e->u.column.item;
    int column = e->u.column.index;
    if (item != NULL && item->is_excluded)
        return AFF_NONE;
    if (item == NULL || item->table == NULL) {
        if (column < 0)
            return AFF_INTEGER;
        return item == NULL ? (Affinity)e->affinity : (Affinity)item->columns[column].affinity;
    }
    return affinity_of_column(item->table, column);
}

// The `field`th result column of a Select that stands for a row value.
static const Expr *select_column(const Select *s, u32 field)
{
    ASSERT(s->columns != NULL);

    return field < s->columns->count ? s->columns->items[field].expr : NULL;
}

Affinity expr_affinity(const Expr *e)
{
    while (e != NULL) {
        switch (e->kind) {
        case EX_COLUMN: return column_affinity(e);
        case EX_ROW_COLUMN: // values handed to a trigger have none, but a rowid is an integer
            if (e->u.row.index < 0 || e->u.row.index == e->u.row.table->rowid_alias)
                return AFF_INTEGER;
            return e->u.row.is_returned ? (Affinity)e->u.row.table->columns[e->u.row.index].affinity
                                        : AFF_NONE;
        case EX_CAST: return (Affinity)e->affinity;
        case EX_AGG_COLUMN: return (Affinity)(e->affinity != 0 ? e->affinity : AFF_NONE);
        case EX_COLLATE:
        case EX_IF_NULL_ROW:
        case EX_REGISTER: e = e->left; break;
        case EX_SELECT: e = select_column(e->select, 0); break;
        case EX_VECTOR: e = e->list->items[0].expr; break;
        case EX_FIELD:
            e = e->left->select != NULL ? select_column(e->left->select, (u32)e->u.field)
                                        : e->left->list->items[e->u.field].expr;
            break;
        case EX_CALL:
            if (!(e->flags & EXPR_MERGED))
                return AFF_NONE;
            e = e->list->items[0].expr;
            break;
        default: return AFF_NONE; // operators have none
        }
    }
    return AFF_NONE;
}

// Operators give none; CASE and functions may pass on what they are given.
bool expr_may_have_subtype(const Expr *e)
{
    e = expr_skip_collate(e);
    if (e == NULL || (e->kind != EX_CALL && e->kind != EX_CASE))
        return false;
    const FuncDef *func = e->kind == EX_CALL && e->u.call != NULL ? e->u.call->func : NULL;
    if (func != NULL && (func->flags & FUNC_RESULT_SUBTYPE) != 0)
        return true;
    for (u32 i = 0; e->list != NULL && i < e->list->count; i++) {
        if (expr_may_have_subtype(e->list->items[i].expr))
            return true;
    }
    return false;
}

bool expr_reads_subtypes(const Expr *e)
{
    return e->kind == EX_CALL && e->u.call != NULL && e->u.call->func != NULL
           && (e->u.call->func->flags & FUNC_SUBTYPE) != 0;
}

bool expr_is_virtual_real(const Expr *e)
{
    ASSERT(e != NULL);

    const FromItem *item = e->kind == EX_COLUMN ? e->u.column.item : NULL;
    if (item == NULL || item->table == NULL || e->u.column.index < 0)
        return false;
    const Column *column = &item->table->columns[e->u.column.index];
    return (column->flags & COLUMN_VIRTUAL) != 0 && column->affinity == AFF_REAL;
}

static WalkResult find_virtual_real(Walker *w, Expr *e)
{
    ASSERT(w->arg == NULL);

    return expr_is_virtual_real(e) ? WALK_STOP : WALK_ON;
}

bool expr_reads_virtual_real(const Expr *e)
{
    ASSERT(e != NULL);

    Walker w = {.expr = find_virtual_real};
    return expr_walk(&w, (Expr *)e) == WALK_STOP;
}

// Two columns: numeric if either is, else none (AFF_BLOB changes nothing). A column and something
// without affinity: the column's.
Affinity compare_affinity(const Expr *e, Affinity other)
{
    Affinity own = expr_affinity(e);
    if (own > AFF_NONE && other > AFF_NONE)
        return own >= AFF_NUMERIC || other >= AFF_NUMERIC ? AFF_NUMERIC : AFF_BLOB;
    return own <= AFF_NONE ? other : own;
}

// x IN (list) takes x's alone: an element of a list has no affinity, not even a column's.
Affinity expr_compare_affinity(const Expr *comparison)
{
    ASSERT(comparison->left != NULL);

    const Expr *e = comparison;
    Affinity affinity = expr_affinity(e->left);
    if (e->right != NULL)
        return compare_affinity(e->right, affinity);
    if (e->kind == EX_IN && e->select != NULL)
        return compare_affinity(e->select->columns->items[0].expr, affinity);
    return affinity <= AFF_NONE ? AFF_BLOB : affinity;
}

// --- collation ---

// A column without COLLATE has one all the same, BINARY: `a = b` takes a's, whatever b's is. Only
// the rowid has none.
static const char *column_collation(const Table *table, int column)
{
    ASSERT(column < table->column_count);

    if (column < 0)
        return NULL;
    const char *name = table->columns[column].collation;
    return name != NULL ? name : "BINARY";
}

static const char *from_column_collation(const Expr *e)
{
    ASSERT(e->kind == EX_COLUMN);

    const FromItem *item = e->u.column.item;
    int column = e->u.column.index;
    if (item == NULL || column < 0 || item->is_excluded)
        return NULL; // a schema's expression: bind it to an item first
    if (item->table != NULL)
        return column_collation(item->table, column);
    const char *name = item->columns[column].collation;
    return name != NULL ? name : "BINARY";
}

// The first operand below `e` that has a COLLATE of its own.
static const Expr *collated_operand(const Expr *e)
{
    ASSERT((e->flags & EXPR_HAS_COLLATE) != 0);

    if (e->left != NULL && (e->left->flags & EXPR_HAS_COLLATE))
        return e->left;
    for (u32 i = 0; e->list != NULL && i < e->list->count; i++)
        if (e->list->items[i].expr->flags & EXPR_HAS_COLLATE)
            return e->list->items[i].expr;
    return e->right;
}

const char *expr_collation_name(const Expr *e)
{
    while (e != NULL) {
        switch (e->kind) {
        case EX_COLLATE: return e->text;
        case EX_COLUMN: return from_column_collation(e);
        case EX_ROW_COLUMN: return column_collation(e->u.row.table, e->u.row.index);
        case EX_CAST:
        case EX_PLUS:
        case EX_IF_NULL_ROW:
        case EX_AGG_COLUMN:
        case EX_REGISTER: e = e->left; break;
        case EX_VECTOR: e = e->list->items[0].expr; break;
        default:
            if (e->flags & EXPR_MERGED) {
                e = e->list->items[0].expr;
                break;
            }
            if (!(e->flags & EXPR_HAS_COLLATE))
                return NULL;
            e = collated_operand(e);
            break;
        }
    }
    return NULL;
}

const char *compare_collation_name(const Expr *left, const Expr *right)
{
    ASSERT(left != NULL);

    if (left->flags & EXPR_HAS_COLLATE)
        return expr_collation_name(left);
    if (right != NULL && (right->flags & EXPR_HAS_COLLATE))
        return expr_collation_name(right);
    const char *name = expr_collation_name(left);
    return name != NULL || right == NULL ? name : expr_collation_name(right);
}

const char *expr_compare_collation_name(const Expr *comparison)
{
    ASSERT(comparison->left != NULL);

    const Expr *e = comparison;
    if (e->flags & EXPR_COMMUTED)
        return compare_collation_name(e->right, e->left);
    return compare_collation_name(e->left, e->right);
}

static const Collation *collation_by_name(sqlite3 *db, const char *name)
{
    if (name == NULL || name_equals(name, "BINARY"))
        return NULL;
    const Collation *collation = catalog_find_collation(db, db->encoding, name);
    if (collation == NULL)
        (void)connection_error(db, SQLITE_ERROR_MISSING_COLLSEQ, "no such collation sequence: %s",
                               name);
    return collation;
}

const Collation *expr_collation(sqlite3 *db, const Expr *e)
{
    return collation_by_name(db, expr_collation_name(e));
}

const Collation *expr_compare_collation(sqlite3 *db, const Expr *comparison)
{
    return collation_by_name(db, expr_compare_collation_name(comparison));
}

// --- row values ---

u32 expr_vector_size(const Expr *e)
{
    ASSERT(e->kind != EX_VECTOR || e->list->count > 1);

    if (e->kind == EX_VECTOR)
        return e->list->count;
    if (e->kind == EX_SELECT)
        return e->select->columns->count;
    return 1;
}

bool expr_is_vector(const Expr *e)
{
    return expr_vector_size(e) > 1;
}

Expr *expr_vector_field(Arena *arena, Expr *e, u32 field)
{
    ASSERT(field < expr_vector_size(e));

    if (e->kind == EX_VECTOR)
        return e->list->items[field].expr;
    if (!expr_is_vector(e))
        return e;
    Expr *made = expr_new(arena, EX_FIELD, e, NULL);
    if (made != NULL)
        made->u.field = (int)field;
    return made;
}

// --- constancy and truth ---

const Expr *expr_skip_collate(const Expr *e)
{
    while (e != NULL && e->kind == EX_COLLATE)
        e = e->left;
    return e;
}

const Expr *expr_skip_collate_likely(const Expr *e)
{
    for (;;) {
        e = expr_skip_collate(e);
        if (e == NULL || e->kind != EX_CALL || !(e->flags & EXPR_UNLIKELY))
            return e;
        e = e->list->items[0].expr;
    }
}

bool expr_is_integer(const Expr *e, i64 *out)
{
    ASSERT(out != NULL);

    if (e == NULL)
        return false;
    switch (e->kind) {
    case EX_INTEGER: *out = e->u.integer; return true;
    case EX_PLUS: return expr_is_integer(e->left, out);
    case EX_NEGATE:
        if (!expr_is_integer(e->left, out) || *out == INT64_MIN) // its negative is no i64
            return false;
        *out = -*out;
        return true;
    default: return false; // not a literal
    }
}

bool expr_can_be_null(const Expr *e)
{
    ASSERT(e != NULL);

    while (e->kind == EX_PLUS || e->kind == EX_NEGATE || e->kind == EX_COLLATE)
        e = e->left;
    switch (e->kind) {
    case EX_INTEGER:
    case EX_FLOAT:
    case EX_STRING:
    case EX_BLOB:
    case EX_BOOL:
    case EX_IS_NULL:
    case EX_NOT_NULL:
    case EX_IS:
    case EX_IS_NOT:
    case EX_TRUTH:
    case EX_EXISTS: return false;
    case EX_COLUMN: {
        const FromItem *item = e->u.column.item;
        if (item == NULL || item->table == NULL || item->may_be_null)
            return true;
        int column = e->u.column.index;
        if (column < 0 || column == item->table->rowid_alias)
            return item->table->kind != TABLE_ORDINARY;
        return item->table->columns[column].not_null == 0 || item->table->kind != TABLE_ORDINARY;
    }
    default: return true; // anything else may be
    }
}

typedef struct ConstantCheck {
    bool allow_params;
    bool is_constant;
} ConstantCheck;

// A function is constant if its value depends on its arguments alone, and it is neither an
// aggregate nor unresolved.
static WalkResult check_constant(Walker *w, Expr *e)
{
    ASSERT(e->kind != EX_CALL || e->u.call != NULL);

    ConstantCheck *check = w->arg;
    switch (e->kind) {
    case EX_NAME:
    case EX_STAR:
    case EX_COLUMN:
    case EX_ROW_COLUMN:
    case EX_SELECT:
    case EX_EXISTS:
    case EX_RAISE:
    case EX_FIELD:
    case EX_REGISTER:
    case EX_IF_NULL_ROW:
    case EX_AGG_COLUMN: check->is_constant = false; break;
    case EX_IN: check->is_constant = e->select == NULL; break;
    case EX_PARAM: check->is_constant = check->allow_params; break;
    case EX_CALL:
        check->is_constant = !(e->flags & EXPR_NONDETERMINISTIC) && e->u.call->func != NULL
                             && e->u.call->owner == NULL;
        break;
    default: return WALK_ON; // depends on its operands
    }
    return check->is_constant ? WALK_ON : WALK_STOP;
}

bool expr_is_constant(const Expr *e, bool allow_params)
{
    ConstantCheck check = {.allow_params = allow_params, .is_constant = true};
    Walker w = {.expr = check_constant, .arg = &check};
    (void)expr_walk(&w, (Expr *)(uintptr_t)e);
    return check.is_constant;
}

bool expr_is_always_true(const Expr *e)
{
    ASSERT(e != NULL);

    i64 value;
    if (e->flags & (EXPR_OUTER_ON | EXPR_INNER_ON))
        return false;
    if (e->kind == EX_BOOL)
        return e->u.integer != 0;
    return expr_is_integer(e, &value) && value != 0;
}

// An ON term that is never true does not empty an outer join; that of an inner one does, as WHERE.
bool expr_is_always_false(const Expr *e)
{
    ASSERT(e != NULL);

    i64 value;
    if (e->flags & EXPR_OUTER_ON)
        return false;
    if (e->kind == EX_BOOL)
        return e->u.integer == 0;
    return expr_is_integer(e, &value) && value == 0;
}

static WalkResult check_cursor(Walker *w, Expr *e)
{
    const int *cursor = w->arg;
    if ((e->kind == EX_COLUMN || e->kind == EX_IF_NULL_ROW) && e->u.column.item != NULL
        && e->u.column.item->cursor == *cursor)
        return WALK_STOP;
    return WALK_ON;
}

bool expr_reads_cursor(const Expr *e, int cursor)
{
    ASSERT(cursor >= 0);

    Walker w = {.expr = check_cursor, .select = walk_into_select, .arg = &cursor};
    return expr_walk(&w, (Expr *)(uintptr_t)e) == WALK_STOP;
}
