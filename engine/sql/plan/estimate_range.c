// How many rows an access yields: rules of thumb for bounds, and the thinning by terms that an
// access does not use.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

enum {
    RANGE_FACTOR = 20,        // one bound keeps a quarter of the rows
    CLOSED_RANGE_FACTOR = 20, // two bounds keep another quarter of the sixteenth
};

// Rows after a bound without statistics.
static Est range_guess(const Term *term, Est rows)
{
    if (term == NULL)
        return rows;
    if (term->truth <= 0)
        return (Est)(rows + term->truth);
    if ((term->flags & TERM_VNULL) == 0)
        return (Est)(rows - RANGE_FACTOR);
    return rows;
}

void estimate_range(JoinQuery *q, Index *index, const Term *bottom, const Term *top)
{
    Access *draft = &q->draft;
    if (q->sampled_count == draft->equal_count)
        samples_range(q, index, &bottom, &top);
    else if (samples_skip_range(q, index, bottom, top))
        return;
    Est rows = draft->rows;
    Est fewer = range_guess(top, range_guess(bottom, rows));
    // A pair of bounds is tighter than the product of its halves.
    if (bottom != NULL && bottom->truth > 0 && top != NULL && top->truth > 0)
        fewer -= CLOSED_RANGE_FACTOR;
    int bounds = (bottom != NULL) + (top != NULL);
    if (fewer < 10)
        fewer = 10;
    if (fewer < rows - bounds || bounds == 0)
        draft->rows = fewer;
    else
        draft->rows = (Est)(rows - bounds);
}

static bool term_used(const Access *access, const Term *term)
{
    ASSERT(access->term_count == 0 || access->terms != NULL);

    for (u32 i = 0; i < access->term_count; i++) {
        const Term *used = access->terms[i];
        if (used != NULL && (used == term || used->parent == term))
            return true;
    }
    return false;
}

// x = 0 and the like are poor filters, other constants better ones.
static Est equality_reduction(const Term *term)
{
    i64 value;
    if (expr_is_integer(term->expr->right, &value) && value >= -1 && value <= 1)
        return 10;
    return 20;
}

// x LIKE y, GLOB and MATCH with a known y are three terms to SQLite: one for virtual tables, too.
static bool is_pattern_match(const JoinQuery *q, const Access *access, const Term *term)
{
    const Expr *e = term->expr;
    if (e->kind != EX_CALL || (e->flags & EXPR_INFIX) == 0)
        return false;
    ASSERT(e->list != NULL && e->list->count >= 2);
    return (expr_mask(q, e->list->items[0].expr) & access->self) == 0;
}

void access_adjust_rows(JoinQuery *q, Access *access, Est rows)
{
    TableMask not_allowed = ~(access->prereq | access->self);
    Est reduce = 0;
    const FromItem *item = q->from->items[access->item];
    const TermList *list = q->draft_list;
    for (u32 i = 0; i < list->count; i++) {
        Term *term = list->items[i];
        if ((term->flags & TERM_VIRTUAL) != 0 || (term->prereq_all & access->self) == 0
            || (term->prereq_all & not_allowed) != 0 || term_used(access, term))
            continue;
        if (access->self == term->prereq_all
            && ((term->op & 0x3f) != 0 || (item->join & (JOIN_LEFT | JOIN_LEFT_OF_RIGHT)) == 0))
            access->flags |= ACCESS_SELF_CULL;
        if (term->truth <= 0) {
            access->rows = (Est)(access->rows + term->truth);
            continue;
        }
        access->rows--;
        if (is_pattern_match(q, access, term))
            access->rows -= 2;
        if ((term->op & (TERM_EQ | TERM_IS)) != 0 && (term->flags & TERM_HIGH_TRUTH) == 0) {
            Est k = equality_reduction(term);
            if (k > reduce) {
                term->flags |= TERM_GUESSED_TRUTH;
                reduce = k;
            }
        }
    }
    if (access->rows > rows - reduce)
        access->rows = (Est)(rows - reduce);
}
