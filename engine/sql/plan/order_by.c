// Do nested loops deliver a wanted order by themselves? Answered loop by loop from the outermost:
// each index contributes its columns in order; once a loop can yield equal keys more than once
// (is "not order-distinct"), the order of loops further in no longer counts.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

typedef struct OrderCheck {
    JoinQuery *q;
    ExprList *order;
    u32 flags;
    u16 equal_ops; // operators that leave a column constant
    u64 done, satisfied;
    TableMask ready;         // items of the loops outside
    TableMask distinct_mask; // loops that bring each key once
    bool distinct;
    ScanOrder *scan;
} OrderCheck;

static const Expr *order_column(const OrderCheck *c, u32 i, const FromItem *item)
{
    ASSERT(i < c->order->count);

    const Expr *e = expr_skip_collate_likely(c->order->items[i].expr);
    if (e == NULL || e->kind != EX_COLUMN || e->u.column.item != item)
        return NULL;
    return e;
}

static bool term_in_access(const Access *a, const Term *term)
{
    for (u32 i = 0; i < a->term_count; i++) {
        if (a->terms[i] == term)
            return true;
    }
    return false;
}

// Terms of the order that WHERE binds to one value need no order.
static void mark_constants(OrderCheck *c, const Access *loop, const FromItem *item)
{
    ASSERT(c->order->count <= 63);

    for (u32 i = 0; i < c->order->count; i++) {
        const Expr *e = order_column(c, i, item);
        if ((c->satisfied & ((u64)1 << i)) != 0 || e == NULL)
            continue;
        Term *term =
            term_find(&c->q->terms, item, plan_column_number(e), ~c->ready, c->equal_ops, NULL);
        if (term == NULL)
            continue;
        if (term->op == TERM_IN && !term_in_access(loop, term))
            continue;
        if ((term->op & (TERM_EQ | TERM_IS)) != 0 && plan_column_number(e) >= 0
            && !name_equals(plan_collation_name(c->order->items[i].expr),
                            plan_compare_collation(term->expr)))
            continue;
        c->satisfied |= (u64)1 << i;
    }
}

// The not yet satisfied term of the order that column `position` of the index serves, or -1.
static int match_column(OrderCheck *c, const FromItem *item, const Index *index, u32 position,
                        int column)
{
    ASSERT(column != COLUMN_EXPR || index->exprs != NULL);

    for (u32 i = 0; i < c->order->count; i++) {
        if ((c->satisfied & ((u64)1 << i)) != 0)
            continue;
        bool any_place = (c->flags & (WANT_GROUPS | WANT_DISTINCT_BY)) != 0;
        const Expr *e = order_column(c, i, item);
        bool match;
        if (column >= ROWID_COLUMN)
            match = e != NULL && plan_column_number(e) == column;
        else
            match = expr_equal(expr_skip_collate_likely(c->order->items[i].expr),
                               index->exprs[position]);
        if (match && column != ROWID_COLUMN)
            match = name_equals(plan_collation_name(c->order->items[i].expr),
                                index->collations[position]);
        if (match)
            return (int)i;
        if (!any_place)
            return -1;
    }
    return -1;
}

// NULLs where no index has them: behind all values of an ascending order, before those of a
// descending one.
static bool is_big_null(u8 sort)
{
    return (sort & SORT_DESC) != 0 ? (sort & SORT_NULLS_FIRST) != 0 : (sort & SORT_NULLS_LAST) != 0;
}

// How the index stands to the direction of the order, as found so far.
typedef struct Direction {
    bool is_set, reverse, rowid_seen;
    u32 loop_number;
} Direction;

// Column `position` of the loop's index matched `wanted`; does the direction fit?
static bool direction_fits(OrderCheck *c, const Access *loop, u32 position, const ExprItem *wanted,
                           Direction *d)
{
    ASSERT(loop->index == NULL || position < loop->index->column_count);

    bool index_desc = loop->index != NULL && (loop->index->sort_flags[position] & KEY_DESC) != 0;
    bool desc = (wanted->sort & SORT_DESC) != 0;
    if ((c->flags & WANT_GROUPS) == 0) {
        if (d->is_set) {
            if ((d->reverse ^ index_desc) != desc)
                return false;
        } else {
            d->reverse = index_desc ^ desc;
            if (d->reverse)
                c->scan->reverse |= (TableMask)1 << d->loop_number;
            d->is_set = true;
        }
    }
    if (!is_big_null(wanted->sort) || (c->flags & WANT_GROUPS) != 0
        || !expr_can_be_null(wanted->expr))
        return true;
    // An index has NULLs first. Two rounds put them last, where the column alone tells them apart:
    // the first one that no equality binds.
    if (position != loop->equal_count || (loop->flags & ACCESS_INDEXED) == 0)
        return false;
    c->scan->nulls_apart |= (TableMask)1 << d->loop_number;
    return true;
}

static bool further_field_of_same_in(const Access *loop, u32 position)
{
    ASSERT(position < loop->equal_count && loop->terms[position] != NULL);

    for (u32 i = position + 1; i < loop->equal_count; i++) {
        if (loop->terms[i] != NULL && loop->terms[i]->expr == loop->terms[position]->expr)
            return true;
    }
    return false;
}

// Walks the columns of the loop's index as far as they serve the order.
static void walk_index(OrderCheck *c, Access *loop, const FromItem *item, u32 loop_number)
{
    ASSERT((loop->flags & (ACCESS_INDEXED | ACCESS_ROWID_KEY)) != 0);

    const Index *index = loop->index;
    bool is_rowid = (loop->flags & ACCESS_INDEXED) == 0;
    u32 count = is_rowid ? 1 : index->column_count;
    Direction d = {.loop_number = loop_number};
    if (!is_rowid)
        c->distinct = (index->flags & INDEX_UNIQUE) != 0 && (loop->flags & ACCESS_SKIP_SCAN) == 0;
    for (u32 j = 0; j < count; j++) {
        bool once = true;
        if (j < loop->equal_count && j >= loop->skip_count) {
            u16 op = loop->terms[j]->op;
            if ((op & c->equal_ops) != 0) {
                if ((op & (TERM_ISNULL | TERM_IS)) != 0)
                    c->distinct = false;
                continue;
            }
            if ((op & TERM_IN) != 0)
                once = !further_field_of_same_in(loop, j);
        }
        int column = is_rowid ? ROWID_COLUMN : index->columns[j];
        if (column >= 0 && column == item->table->rowid_alias)
            column = ROWID_COLUMN;
        if (c->distinct
            && ((column >= 0 && j >= loop->equal_count
                 && item->table->columns[column].not_null == 0)
                || column == COLUMN_EXPR))
            c->distinct = false; // NULLs are many even in a unique index
        int i = once ? match_column(c, item, index, j, column) : -1;
        if (i >= 0 && (c->flags & WANT_DISTINCT_BY) != 0)
            loop->distinct_count = (u16)(j + 1);
        if (i < 0 || !direction_fits(c, loop, j, &c->order->items[i], &d)) {
            if (j == 0 || is_rowid || j < index->key_count)
                c->distinct = false;
            break;
        }
        d.rowid_seen |= column == ROWID_COLUMN;
        c->satisfied |= (u64)1 << i;
    }
    if (d.rowid_seen)
        c->distinct = true;
}

// An order-distinct prefix of loops fixes everything their items' columns can say.
static void mark_dependent(OrderCheck *c, const Access *loop)
{
    ASSERT((c->distinct_mask & loop->self) == 0);

    c->distinct_mask |= loop->self;
    for (u32 i = 0; i < c->order->count; i++) {
        const Expr *e = c->order->items[i].expr;
        if ((c->satisfied & ((u64)1 << i)) != 0)
            continue;
        TableMask needs = expr_mask(c->q, e);
        if (needs == 0 && !plan_expr_is_constant(e))
            continue;
        if ((needs & ~c->distinct_mask) == 0)
            c->satisfied |= (u64)1 << i;
    }
}

static const char *view_collation(const Access *loop, const FromItem *item, u32 i)
{
    ASSERT(i < loop->order_by->count);

    const ExprItem *given = &loop->order_by->items[i];
    if (given->expr->kind == EX_COLLATE)
        return given->expr->text;
    const char *name = item->select->prior != NULL
                           ? plan_compound_collation(item->select, given->column - 1u)
                           : plan_collation_name(given->expr);
    return name == NULL ? "BINARY" : name;
}

// Does term `i` of the wanted order ask for column `i` of the view's own order, by the same
// collation? What the view was sorted by must also be how its column compares outside: SQLite does
// not ask, and has DISTINCT, GROUP BY and ORDER BY go wrong over an order by another collation.
static bool view_term_matches(const OrderCheck *c, const Access *loop, const FromItem *item, u32 i)
{
    ASSERT(loop->order_by != NULL);

    const Expr *column = order_column(c, i, item);
    if (column == NULL || i >= loop->order_by->count)
        return false;
    const ExprItem *wanted = &c->order->items[i], *given = &loop->order_by->items[i];
    if (given->column != column->u.column.index + 1
        || is_big_null(wanted->sort) != is_big_null(given->sort))
        return false;
    const char *outside = plan_collation_name(wanted->expr);
    return name_equals(view_collation(loop, item, i), outside)
           && name_equals(outside, plan_collation_name(column));
}

// Groups may come in any direction. So it is, in SQLite, when an ORDER BY of the same terms as
// GROUP BY takes its order from them: over a subquery whose rows are sorted by a, GROUP BY a ORDER
// BY a DESC comes in the order of the subquery. (DISTINCT made a grouping looks at directions.)
static bool any_direction_groups(const OrderCheck *c)
{
    ASSERT((c->flags & WANT_GROUPS) == 0 || (c->q->flags & WANT_GROUPS) != 0);

    return (c->flags & WANT_GROUPS) != 0
           || (c->q->flags & (WANT_GROUPS | WANT_DISTINCT_GROUPS)) == WANT_GROUPS;
}

// A co-routine or a view with an order delivers that order, or the first terms of it.
static void walk_view_order(OrderCheck *c, const Access *loop, const FromItem *item,
                            u32 loop_number)
{
    ASSERT(loop->order_by != NULL && item->select != NULL);
    bool any_direction = any_direction_groups(c), reverse = false;
    u64 former = c->satisfied;
    for (u32 i = 0; i < c->order->count; i++) {
        if (!view_term_matches(c, loop, item, i))
            break;
        bool opposite =
            ((c->order->items[i].sort ^ loop->order_by->items[i].sort) & SORT_DESC) != 0;
        if (i == 0)
            reverse = opposite && !any_direction;
        if (any_direction)
            opposite = false;
        if (opposite != reverse || (reverse && (loop->flags & ACCESS_COROUTINE) != 0))
            break; // a co-routine runs forwards only
        c->satisfied |= (u64)1 << i;
    }
    // The rows of a window are in order as a whole, or they are sorted anew.
    if ((item->select->flags & SELECT_WINDOW_INPUT) != 0 && c->satisfied != c->done)
        c->satisfied = former;
    if (reverse && (c->satisfied & 1) != 0)
        c->scan->reverse |= (TableMask)1 << loop_number;
}

// All terms, a number of leading ones, or -1 while loops further in may still add to it.
static i8 order_verdict(const OrderCheck *c)
{
    ASSERT((c->satisfied & ~c->done) == 0);

    if (c->satisfied == c->done)
        return (i8)c->order->count;
    if (c->distinct)
        return -1;
    for (u32 i = c->order->count - 1; i > 0; i--) {
        u64 prefix = ((u64)1 << i) - 1;
        if ((c->satisfied & prefix) == prefix)
            return (i8)i;
    }
    return 0;
}

i8 order_satisfied(JoinQuery *q, ExprList *order, const LoopChain *loops, u32 flags, Access *last,
                   ScanOrder *scan)
{
    ASSERT(last != NULL);

    if (order->count > 63)
        return 0;
    OrderCheck c = {.q = q,
                    .order = order,
                    .flags = flags,
                    .equal_ops = TERM_EQ | TERM_IS | TERM_ISNULL,
                    .done = ((u64)1 << order->count) - 1,
                    .distinct = true,
                    .scan = scan};
    if ((flags & (WANT_ORDER_LIMIT | WANT_MIN | WANT_MAX)) != 0)
        c.equal_ops |= TERM_IN;
    Access *loop = NULL;
    for (u32 i = 0; c.distinct && c.satisfied < c.done && i <= loops->count; i++) {
        if (i > 0)
            c.ready |= loop->self;
        loop = i < loops->count ? loops->items[i] : last;
        if (i < loops->count && (flags & WANT_ORDER_LIMIT) != 0)
            continue;
        if (loop->kind == ACCESS_VIRTUAL) {
            if (loop->ordered
                && (flags & (WANT_DISTINCT_BY | WANT_SORT_BY_GROUP)) != WANT_DISTINCT_BY)
                c.satisfied = c.done;
            break;
        }
        const FromItem *item = q->from->items[loop->item];
        if ((flags & WANT_DISTINCT_BY) != 0)
            loop->distinct_count = 0;
        mark_constants(&c, loop, item);
        if ((loop->flags & ACCESS_ONE_ROW) == 0) {
            if ((loop->flags & (ACCESS_INDEXED | ACCESS_ROWID_KEY)) == 0
                || (loop->index != NULL && (loop->index->flags & INDEX_UNORDERED) != 0))
                return 0;
            if (item->kind != FROM_TABLE) {
                if (i == 0 && loop->order_by != NULL)
                    walk_view_order(&c, loop, item, i);
                c.distinct = false;
                break;
            }
            walk_index(&c, loop, item, i);
        }
        if (c.distinct)
            mark_dependent(&c, loop);
    }
    return order_verdict(&c);
}
