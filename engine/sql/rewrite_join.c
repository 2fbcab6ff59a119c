// Outer joins that WHERE makes weaker: when a WHERE term cannot be true on the null row of a table,
// the rows where the join would supply that row are thrown away, and the join need not supply it.
//
//   SELECT * FROM a LEFT JOIN b ON a.x = b.x WHERE b.y > 5
//   SELECT * FROM a JOIN b ON a.x = b.x WHERE b.y > 5
//
// An inner join may be reordered, an outer one not. In the same way RIGHT becomes inner for terms
// about the left side, and FULL becomes LEFT or RIGHT. Two questions are asked of a term: is it
// NULL on the null row (strict operators hand NULL on), and is WHERE false then (AND needs one such
// arm, OR both).

#include "sql/rewrite_internal.h"

// Is `e` NULL whenever `cursor` stands on its null row? Errs on the side of no.
static bool is_null_without(const Expr *e, int cursor);

static bool is_virtual_column(const Expr *e)
{
    return e->kind == EX_COLUMN && e->u.column.item != NULL && e->u.column.item->table != NULL
           && e->u.column.item->table->kind == TABLE_VIRTUAL;
}

// A comparison is NULL when a side is; a virtual table may see it differently.
static bool comparison_is_null_without(const Expr *e, int cursor)
{
    ASSERT(e->left != NULL && e->right != NULL);

    if (is_virtual_column(e->left) || is_virtual_column(e->right))
        return false;
    return is_null_without(e->left, cursor) || is_null_without(e->right, cursor);
}

static bool is_null_without(const Expr *e, int cursor)
{
    switch (e->kind) {
    case EX_COLUMN: return e->u.column.item != NULL && e->u.column.item->cursor == cursor;
    case EX_AND: // NULL AND FALSE is FALSE, NULL OR TRUE is TRUE
    case EX_OR: return is_null_without(e->left, cursor) && is_null_without(e->right, cursor);
    case EX_EQ:
    case EX_NE:
    case EX_LT:
    case EX_LE:
    case EX_GT:
    case EX_GE: return comparison_is_null_without(e, cursor);
    case EX_ADD:
    case EX_SUBTRACT:
    case EX_MULTIPLY:
    case EX_DIVIDE:
    case EX_REMAINDER:
    case EX_CONCAT:
    case EX_BIT_AND:
    case EX_BIT_OR:
    case EX_SHIFT_LEFT:
    case EX_SHIFT_RIGHT:
        return is_null_without(e->left, cursor) || is_null_without(e->right, cursor);
    case EX_NEGATE:
    case EX_PLUS:
    case EX_BIT_NOT:
    case EX_NOT:
    case EX_COLLATE:
    case EX_CAST: return is_null_without(e->left, cursor);
    case EX_BETWEEN:
        return is_null_without(e->left, cursor)
               || (is_null_without(e->list->items[0].expr, cursor)
                   && is_null_without(e->list->items[1].expr, cursor));
    case EX_IN: // x IN () is false even for NULL
        return e->select == NULL && e->list->count > 0 && is_null_without(e->left, cursor);
    default: return false; // IS, CASE, calls, subqueries may make something of NULL; row values too
    }
}

// Can the condition be true only where `cursor` stands on a real row? `skip` are the flags of terms
// that do not throw rows away: those of ON.
static bool needs_row(const Expr *where, int cursor, u32 skip)
{
    ASSERT(cursor >= 0);

    if (where == NULL || (where->flags & skip))
        return false;
    if (where->kind == EX_AND)
        return needs_row(where->left, cursor, skip) || needs_row(where->right, cursor, skip);
    if (where->kind == EX_OR)
        return needs_row(where->left, cursor, skip) && needs_row(where->right, cursor, skip);
    if (where->kind == EX_NOT_NULL)
        return is_null_without(where->left, cursor);
    return is_null_without(where, cursor);
}

static bool where_needs_row(const Select *p, const FromItem *item)
{
    ASSERT(item->cursor >= 0);

    // ON of an inner join filters before a RIGHT JOIN behind it adds rows.
    u32 skip = item->join & JOIN_LEFT_OF_RIGHT ? EXPR_OUTER_ON | EXPR_INNER_ON : EXPR_OUTER_ON;
    return needs_row(p->where, item->cursor, skip);
}

// --- ON terms of a join that is inner now ---

typedef struct Untag {
    int cursor;
    bool near_outer;
} Untag;

// Terms of the ON become plain terms of WHERE, or of an inner ON while another outer join is near.
static WalkResult untag_node(Walker *w, Expr *e)
{
    const Untag *untag = w->arg;
    if (!(e->flags & EXPR_OUTER_ON) || e->on_item != untag->cursor)
        return WALK_ON;
    e->flags &= ~(u32)EXPR_OUTER_ON;
    if (untag->near_outer)
        e->flags |= EXPR_INNER_ON;
    return WALK_ON;
}

static void untag_conditions(Select *p, int cursor)
{
    ASSERT(cursor >= 0);

    Untag untag = {.cursor = cursor};
    for (u32 i = 0; i < p->from->count; i++)
        untag.near_outer = untag.near_outer || (p->from->items[i]->join & JOIN_OUTER);
    Walker w = {.expr = untag_node, .arg = &untag};
    (void)expr_walk(&w, p->where);
}

// Says anew of every item whether a row of NULLs may stand in for it.
static void note_null_rows(FromList *from)
{
    ASSERT(from->count > 0);

    bool is_left_of_right = false;
    for (u32 i = from->count; i-- > 0;) {
        FromItem *item = from->items[i];
        item->join &= (u8)~JOIN_LEFT_OF_RIGHT;
        if (is_left_of_right)
            item->join |= JOIN_LEFT_OF_RIGHT;
        item->may_be_null = is_left_of_right || (item->join & JOIN_LEFT) != 0;
        is_left_of_right = is_left_of_right || (item->join & JOIN_RIGHT) != 0;
    }
}

// The right side's null row is thrown away: LEFT becomes inner, FULL becomes RIGHT.
static bool weaken_left(Select *p, FromItem *item)
{
    ASSERT(p->where != NULL);

    if (!(item->join & JOIN_LEFT) || !where_needs_row(p, item))
        return false;
    item->join &= (u8)~JOIN_LEFT;
    if (!(item->join & JOIN_RIGHT)) {
        item->join &= (u8)~JOIN_OUTER;
        item->join |= JOIN_INNER;
        untag_conditions(p, item->cursor);
    }
    return true;
}

// A left table's null row is thrown away: RIGHT becomes inner, FULL becomes LEFT, for the joins
// after it.
static bool weaken_right(Select *p, u32 position)
{
    ASSERT(position < p->from->count);

    bool changed = false;
    FromList *from = p->from;
    if (!(from->items[position]->join & JOIN_LEFT_OF_RIGHT)
        || !where_needs_row(p, from->items[position]))
        return false;
    for (u32 i = position + 1; i < from->count; i++) {
        FromItem *item = from->items[i];
        if (!(item->join & JOIN_RIGHT))
            continue;
        changed = true;
        item->join &= (u8)~JOIN_RIGHT;
        if (!(item->join & JOIN_LEFT)) {
            item->join &= (u8)~JOIN_OUTER;
            item->join |= JOIN_INNER;
            untag_conditions(p, item->cursor);
        }
    }
    return changed;
}

void rewrite_outer_joins(Select *p)
{
    if (p->from == NULL || p->where == NULL)
        return;
    bool changed = false;
    for (u32 i = 0; i < p->from->count; i++) {
        bool left = weaken_left(p, p->from->items[i]);
        bool right = weaken_right(p, i);
        changed = changed || left || right;
        if (right)
            note_null_rows(p->from);
    }
    if (changed)
        note_null_rows(p->from);
}
