// Outer joins that are none: when WHERE cannot be true of the row of NULLs, LEFT JOIN is JOIN, FULL
// JOIN is RIGHT or LEFT JOIN, and RIGHT JOIN is JOIN.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

typedef struct Unset {
    int cursor; // right side of the join that has become an inner one
} Unset;

static WalkResult unset_on(Walker *w, Expr *e)
{
    const Unset *u = w->arg;
    if ((e->flags & EXPR_OUTER_ON) != 0 && e->on_item == u->cursor) {
        e->flags &= ~(u32)EXPR_OUTER_ON;
        e->flags |= EXPR_INNER_ON;
    }
    return WALK_ON;
}

static void unset_join(Expr *where, int cursor)
{
    Unset u = {cursor};
    Walker w = {.expr = unset_on, .arg = &u};
    expr_walk(&w, where);
}

// The item is on the right of a LEFT (or FULL) join.
static void drop_left(Select *s, FromItem *item)
{
    ASSERT((item->join & JOIN_LEFT) != 0);

    if ((item->join & JOIN_RIGHT) != 0) {
        item->join &= (u8)~JOIN_LEFT;
        return;
    }
    item->join &= (u8) ~(JOIN_LEFT | JOIN_OUTER);
    item->join |= JOIN_INNER;
    unset_join(s->where, item->cursor);
}

// The item is on the left of RIGHT (or FULL) joins: those right of it lose their unmatched rows.
static void drop_right(Select *s, u32 number)
{
    ASSERT((s->from->items[number]->join & JOIN_LEFT_OF_RIGHT) != 0);

    FromList *from = s->from;
    for (u32 j = number + 1; j < from->count; j++) {
        FromItem *right = from->items[j];
        if ((right->join & JOIN_RIGHT) == 0)
            continue;
        if ((right->join & JOIN_LEFT) != 0) {
            right->join &= (u8)~JOIN_RIGHT;
        } else {
            right->join &= (u8) ~(JOIN_RIGHT | JOIN_OUTER);
            right->join |= JOIN_INNER;
            unset_join(s->where, right->cursor);
        }
    }
    for (u32 j = from->count; j > 0; j--) {
        from->items[j - 1]->join &= (u8)~JOIN_LEFT_OF_RIGHT;
        if ((from->items[j - 1]->join & JOIN_RIGHT) != 0)
            return;
    }
}

// Right of a LEFT JOIN, or left of a RIGHT JOIN: a row of NULLs may stand in.
static void renew_nullability(FromList *from)
{
    ASSERT(from->count > 0);

    bool right_follows = false;
    for (u32 i = from->count; i > 0; i--) {
        FromItem *item = from->items[i - 1];
        item->may_be_null = (item->join & JOIN_LEFT) != 0 || right_follows;
        right_follows = right_follows || (item->join & JOIN_RIGHT) != 0;
    }
}

void plan_simplify_outer_joins(Select *s)
{
    bool changed = false;
    for (u32 i = 0; s->from != NULL && i < s->from->count; i++) {
        FromItem *item = s->from->items[i];
        bool left_of_right = (item->join & JOIN_LEFT_OF_RIGHT) != 0;
        if ((item->join & (JOIN_LEFT | JOIN_LEFT_OF_RIGHT)) == 0
            || !plan_implies_not_null_row(s->where, item->cursor, left_of_right))
            continue;
        changed = true;
        if ((item->join & JOIN_LEFT) != 0)
            drop_left(s, item);
        if (left_of_right)
            drop_right(s, i);
    }
    if (changed)
        renew_nullability(s->from);
}
