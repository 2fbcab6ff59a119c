// Multi-index OR: each disjunct finds its rows by an index of its own, and every row is visited
// once.

#include "sql/plan/plan_internal.h"

enum { OR_DEPTH_MAX = 20 };

// The cost of reaching the rows of one disjunct.
static int branch_cost(JoinQuery *q, int number, TableMask prereq, TableMask unusable,
                       Term *disjunct, OrSet *out)
{
    ASSERT(number >= 0 && (u32)number < q->item_count);
    ASSERT(disjunct->list->is_or);

    FromItem *item = q->from->items[number];
    TermList *saved_list = q->draft_list;
    OrSet *saved_set = q->or_set;
    TermList single;
    *out = (OrSet){0};
    if (disjunct->op == TERM_AND) {
        q->draft_list = disjunct->parts;
    } else if (disjunct->cursor == item->cursor) {
        term_list_init(&single, q);
        single.items = &disjunct;
        single.count = 1;
        single.outer = saved_list;
        q->draft_list = &single;
    } else {
        return SQLITE_OK;
    }
    q->or_set = out;
    int rc;
    if (item->table != NULL && item->table->kind == TABLE_VIRTUAL && item->kind != FROM_SELECT)
        rc = access_add_virtual(q, number, prereq, unusable);
    else
        rc = access_add_table(q, number, prereq);
    if (rc == SQLITE_OK)
        rc = access_add_or(q, number, prereq, unusable);
    q->draft_list = saved_list;
    q->or_set = saved_set;
    return rc;
}

// Every way to do the disjuncts so far, followed by every way to do the next.
static void combine(OrSet *sum, const OrSet *next)
{
    ASSERT(sum->count <= OR_SET_MAX && next->count <= OR_SET_MAX);

    OrSet former = *sum;
    OrSet merged = {0};
    for (u16 i = 0; i < former.count; i++) {
        for (u16 j = 0; j < next->count; j++)
            or_set_insert(&merged, former.items[i].prereq | next->items[j].prereq,
                          est_sum(former.items[i].run, next->items[j].run),
                          est_sum(former.items[i].rows, next->items[j].rows));
    }
    *sum = merged;
}

static int insert_union(JoinQuery *q, int number, Term *or_term, const OrSet *sum)
{
    ASSERT((or_term->op & TERM_OR) != 0);

    for (u16 i = 0; i < sum->count; i++) {
        q->draft = (Access){.kind = ACCESS_OR,
                            .item = (u8)number,
                            .self = (TableMask)1 << number,
                            .terms = q->draft_terms,
                            .prereq = sum->items[i].prereq,
                            // A little dearer than the parts: rows met before must be recognised.
                            .run = (Est)(sum->items[i].run + 1),
                            .rows = sum->items[i].rows};
        TRY(access_push_term(q, or_term));
        TRY(access_insert(q, &q->draft));
    }
    return SQLITE_OK;
}

// Paths by way of one OR term; none as soon as one of its disjuncts has no index.
static int add_one(JoinQuery *q, int number, TableMask prereq, TableMask unusable, Term *or_term)
{
    ASSERT(or_term->parts != NULL && or_term->parts->is_or);

    const FromItem *item = q->from->items[number];
    OrSet sum = {0};
    bool first = true;
    for (u32 i = 0; i < or_term->parts->count; i++) {
        Term *disjunct = or_term->parts->items[i];
        if (disjunct->op != TERM_AND && disjunct->cursor != item->cursor)
            continue; // the other side of a comparison: its copy binds this item
        OrSet cost;
        q->draft.item = (u8)number;
        TRY(branch_cost(q, number, prereq, unusable, disjunct, &cost));
        if (cost.count == 0)
            return SQLITE_OK;
        if (first)
            sum = cost;
        else
            combine(&sum, &cost);
        first = false;
    }
    return insert_union(q, number, or_term, &sum);
}

int access_add_or(JoinQuery *q, int number, TableMask prereq, TableMask unusable)
{
    ASSERT(number >= 0 && (u32)number < q->item_count);

    const FromItem *item = q->from->items[number];
    TermList *list = q->draft_list;
    if ((item->join & JOIN_RIGHT) != 0 || item->kind != FROM_TABLE || q->or_depth >= OR_DEPTH_MAX)
        return SQLITE_OK;
    q->or_depth++;
    for (u32 i = 0; i < list->count; i++) {
        Term *term = list->items[i];
        if ((term->op & TERM_OR) == 0 || (term->indexable & ((TableMask)1 << number)) == 0)
            continue;
        if ((item->join & JOIN_LEFT) != 0 && !term_fits_outer_join(term, item))
            continue;
        TRY(add_one(q, number, prereq, unusable, term));
    }
    q->or_depth--;
    return SQLITE_OK;
}
