// Searches of one index: every way to bind a prefix of its columns by equalities and the next
// column by bounds. The recursion binds column after column; each step yields a candidate.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

enum {
    IN_SUBQUERY_ROWS = 46, // guess: 25 values
    SKIP_SCAN_MIN = 42,    // a skipped column must have 18 rows per value
    NULL_ROWS_FACTOR = 10, // IS NULL finds twice what = finds
};

// Length of the row-value bound (a, b, ...) > (...) that the index columns from `first` on can
// serve.
static u16 bound_length(const FromItem *item, const Index *index, u32 first, const Term *term)
{
    ASSERT(first < index->column_count);
    ASSERT((term->op & TERM_RANGE) != 0);

    u32 size = expr_vector_size(term->expr->left);
    if (size < 2 || term->expr->left->kind != EX_VECTOR)
        return 1;
    // The row's own key, which every entry ends with, serves as well as the keys asked for.
    if (size > (u32)index->column_count - first)
        size = (u32)index->column_count - first;
    u32 i = 1;
    for (; i < size; i++) {
        const Expr *left = term->expr->left->list->items[i].expr;
        const Expr *right =
            term->expr->right->kind == EX_VECTOR ? term->expr->right->list->items[i].expr : NULL;
        int column = index->columns[first + i];
        if (left->kind != EX_COLUMN || left->u.column.item != item
            || left->u.column.index != column)
            break;
        if (((index->sort_flags[first + i] ^ index->sort_flags[first]) & KEY_DESC) != 0)
            break;
        Expr pair = {
            .kind = EX_EQ, .left = (Expr *)(uintptr_t)left, .right = (Expr *)(uintptr_t)right};
        u8 affinity = column < 0 ? AFF_INTEGER : item->table->columns[column].affinity;
        if (right != NULL && !plan_index_affinity_ok(&pair, affinity))
            break;
        if (right == NULL && affinity != (u8)expr_affinity(left))
            break;
        if (!name_equals(plan_compare_collation(right != NULL ? &pair : term->expr),
                         index->collations[first + i]))
            break;
    }
    return (u16)i;
}

static bool column_not_null(const FromItem *item, const Index *index, u32 position)
{
    ASSERT(position < index->column_count);

    int column = index->columns[position];
    if (column >= 0)
        return item->table != NULL && item->table->columns[column].not_null != 0;
    return column == COLUMN_ROWID;
}

// May this term bind the next column at all?
static bool term_usable(const JoinQuery *q, const FromItem *item, const Index *index,
                        const Term *term)
{
    ASSERT(q->draft.equal_count < index->column_count);

    const Access *draft = &q->draft;
    if ((term->op == TERM_ISNULL || (term->flags & TERM_VNULL) != 0)
        && column_not_null(item, index, draft->equal_count))
        return false;
    if ((term->prereq_right & draft->self) != 0)
        return false;
    if ((term->flags & TERM_LIKE_HALF) != 0 && term->op == TERM_LT)
        return false; // comes with its partner
    if ((item->join & (JOIN_LEFT | JOIN_LEFT_OF_RIGHT | JOIN_RIGHT)) != 0
        && !term_fits_outer_join(term, item))
        return false;
    return true;
}

// Number of values an IN brings; *skip: better not to use it.
static Est in_factor(JoinQuery *q, const Index *index, const Term *term, Est in_before, bool *skip)
{
    ASSERT(term->expr->kind == EX_IN);
    ASSERT(q->draft.term_count > 0 && q->draft.terms[q->draft.term_count - 1] == term);

    Access *draft = &q->draft;
    const Expr *e = term->expr;
    Est factor = 0;
    *skip = false;
    if (e->select != NULL) {
        factor = IN_SUBQUERY_ROWS;
        for (int i = 0; i + 1 < draft->term_count; i++) {
            if (draft->terms[i] != NULL && draft->terms[i]->expr == e)
                factor = 0; // a further field of the same row-value IN
        }
    } else if (e->list != NULL && e->list->count > 0) {
        factor = est_from_u64(e->list->count);
    }
    Est log_size = est_log2(index->row_estimates[0]);
    if ((index->flags & INDEX_HAS_STAT1) != 0 && log_size >= 10) {
        int matching = index->row_estimates[draft->equal_count];
        int gain = matching + est_log2(factor) + 10 - (factor + log_size);
        if (gain < 0) {
            if (in_before < 2)
                draft->flags |= ACCESS_IN_SEEK_SCAN;
            else
                *skip = true;
        }
    }
    return factor;
}

// A rowid, or all keys of a unique index, find one row at most. With IN before there are several
// sets of keys, and a unique index may hold many rows that are equal but for a NULL.
static void note_equality(Access *draft, const Index *index, const Term *term, Est in_before,
                          u16 bound)
{
    ASSERT(bound < index->column_count);
    ASSERT((term->op & (TERM_EQ | TERM_IS)) != 0);

    int column = index->columns[bound];
    draft->flags |= ACCESS_EQUAL;
    if (column == COLUMN_ROWID
        || (column >= 0 && in_before == 0 && bound + 1 == index->key_count)) {
        if (column == COLUMN_ROWID || (index->flags & INDEX_UNIQUE_NOT_NULL) != 0
            || (index->key_count == 1 && (index->flags & INDEX_UNIQUE) != 0
                && (term->op & TERM_EQ) != 0))
            draft->flags |= ACCESS_ONE_ROW;
        else if ((index->flags & INDEX_UNIQUE) != 0)
            draft->flags |= ACCESS_UNIQUE_WANTED;
    }
}

// Adds a bound; *bottom and *top are the bounds of the range now.
static int note_bound(JoinQuery *q, const FromItem *item, const Index *index, Term *term,
                      Term **bottom, Term **top)
{
    ASSERT((term->op & TERM_RANGE) != 0);
    ASSERT((q->draft.flags & ACCESS_TOP) == 0);

    Access *draft = &q->draft;
    u16 length = bound_length(item, index, draft->equal_count, term);
    if ((term->op & (TERM_GT | TERM_GE)) != 0) {
        draft->flags |= ACCESS_BOTTOM;
        draft->bottom_count = length;
        *bottom = term;
        *top = NULL;
        if ((term->flags & TERM_LIKE_HALF) != 0) {
            *top = term->list->items[term->number + 1];
            ASSERT(((*top)->flags & TERM_LIKE_HALF) != 0);
            TRY(access_push_term(q, *top));
            draft->flags |= ACCESS_TOP;
            draft->top_count = 1;
        }
        return SQLITE_OK;
    }
    *top = term;
    *bottom = (draft->flags & ACCESS_BOTTOM) != 0 ? draft->terms[draft->term_count - 2] : NULL;
    draft->flags |= ACCESS_TOP;
    draft->top_count = length;
    return SQLITE_OK;
}

// A value that half of the rows have filters little, wherever else it is tested. Where it was taken
// for a good filter already, the paths are collected once more.
static void note_common_value(JoinQuery *q, const Index *index, Term *term, Est rows)
{
    ASSERT((term->op & (TERM_EQ | TERM_IS | TERM_IN | TERM_ISNULL)) != 0);

    if (q->draft.equal_count != 1 || rows + 10 <= index->row_estimates[0])
        return;
    if ((term->flags & TERM_GUESSED_TRUTH) != 0)
        q->plans_again = true;
    term->flags |= TERM_HIGH_TRUTH;
}

// What is known best counts: likelihood() as written, then samples, then the index's averages.
static void rows_after_equality(JoinQuery *q, Index *index, Term *term, Est in_before, Est factor)
{
    ASSERT(q->draft.equal_count < index->column_count);

    Access *draft = &q->draft;
    u16 bound = ++draft->equal_count;
    if (term->truth <= 0 && index->columns[bound - 1] >= 0) {
        draft->rows = (Est)(draft->rows + term->truth - factor);
        return;
    }
    Est sampled;
    if (in_before == 0 && samples_equality(q, index, term, &sampled)) {
        note_common_value(q, index, term, sampled);
        draft->rows = (Est)((sampled < draft->rows ? sampled : draft->rows) - factor);
        return;
    }
    draft->rows =
        (Est)(draft->rows + index->row_estimates[bound] - index->row_estimates[bound - 1]);
    if ((term->op & TERM_ISNULL) != 0)
        draft->rows += NULL_ROWS_FACTOR;
}

static void set_kind(Access *draft)
{
    ASSERT(draft->term_count > 0);

    if ((draft->flags & ACCESS_INDEXED) != 0)
        draft->kind = ACCESS_INDEX;
    else
        draft->kind =
            (draft->flags & (ACCESS_EQUAL | ACCESS_IN)) != 0 ? ACCESS_ROWID : ACCESS_ROWID_RANGE;
}

// Cost of the draft as it stands; rows and cost are multiplied by the INs so far. A
// step from entry to entry is charged by the entry's share of a row; a lookup of the row is dearer
// by a fixed factor.
static void set_cost(JoinQuery *q, const FromItem *item, const Index *index, Est factors)
{
    Access *draft = &q->draft;
    Est table_size = table_row_size(item);
    bool is_rowid = (draft->flags & ACCESS_INDEXED) == 0;
    Est in_index = is_rowid
                       ? (Est)(draft->rows + 16)
                       : (Est)(draft->rows + 1
                               + 15 * index->row_size_estimate / (table_size > 0 ? table_size : 1));
    draft->run = est_sum(est_log2(index->row_estimates[0]), in_index);
    if ((draft->flags & (ACCESS_COVERING | ACCESS_INDEX_EXPR)) == 0 && !is_rowid)
        draft->run = est_sum(draft->run, (Est)(draft->rows + 16));
    draft->run = (Est)(draft->run + factors);
    draft->rows = (Est)(draft->rows + factors);
}

// Binds the next column by `term`, inserts the candidate and goes on to the column after.
static int bind_column(JoinQuery *q, FromItem *item, Index *index, Term *term, Est in_before)
{
    ASSERT(q->draft.equal_count < index->column_count);
    ASSERT(q->draft.term_count >= q->draft.equal_count);

    Access *draft = &q->draft;
    Access saved = *draft;
    Term *bottom = NULL, *top = NULL;
    Est factor = 0;
    u32 sampled = q->sampled_count;
    TRY(access_push_term(q, term));
    draft->prereq = (saved.prereq | term->prereq_right) & ~draft->self;
    if ((term->op & TERM_IN) != 0) {
        bool skip;
        factor = in_factor(q, index, term, in_before, &skip);
        if (skip) {
            *draft = saved;
            return SQLITE_OK;
        }
        draft->flags |= ACCESS_IN;
    } else if ((term->op & (TERM_EQ | TERM_IS)) != 0) {
        note_equality(draft, index, term, in_before, saved.equal_count);
    } else if ((term->op & TERM_ISNULL) != 0) {
        draft->flags |= ACCESS_ISNULL;
    } else {
        TRY(note_bound(q, item, index, term, &bottom, &top));
    }
    bool ranged = (draft->flags & (ACCESS_BOTTOM | ACCESS_TOP)) != 0;
    if (ranged)
        estimate_range(q, index, bottom, top);
    else
        rows_after_equality(q, index, term, in_before, factor);
    Est plain_rows = draft->rows;
    set_kind(draft);
    set_cost(q, item, index, (Est)(in_before + factor));
    access_adjust_rows(q, draft, index->row_estimates[0]);
    TRY(access_insert(q, draft));
    draft->flags &= ~(u32)ACCESS_SELF_CULL;
    draft->rows = ranged ? saved.rows : plain_rows;
    if ((draft->flags & ACCESS_TOP) == 0 && draft->equal_count < index->column_count
        && (draft->equal_count < index->key_count || table_is_rowid(item->table)
            || (index->flags & INDEX_PRIMARY_KEY) == 0))
        TRY(access_add_index_terms(q, item, index, (Est)(in_before + factor)));
    Term **terms = draft->terms;
    *draft = saved;
    draft->terms = terms; // the array may have grown; saved.term_count cuts it back
    q->sampled_count = sampled;
    return SQLITE_OK;
}

// Leaves the next column open and goes through its values one by one.
static int skip_column(JoinQuery *q, FromItem *item, Index *index, Est in_before)
{
    ASSERT(q->draft.skip_count <= q->draft.equal_count);

    Access *draft = &q->draft;
    u16 bound = draft->equal_count;
    if (bound != draft->skip_count || bound + 1 >= index->key_count || bound != draft->term_count
        || (index->flags & INDEX_NO_SKIP_SCAN) != 0 || (index->flags & INDEX_HAS_STAT1) == 0
        || index->row_estimates[bound + 1] < SKIP_SCAN_MIN)
        return SQLITE_OK;
    Access saved = *draft;
    draft->equal_count++;
    draft->skip_count++;
    TRY(access_push_term(q, NULL));
    draft->flags |= ACCESS_SKIP_SCAN;
    Est distinct = (Est)(index->row_estimates[bound] - index->row_estimates[bound + 1]);
    draft->rows = (Est)(draft->rows - distinct);
    // The statistics say nothing about how the values are spread: a little dearer than computed.
    TRY(access_add_index_terms(q, item, index, (Est)(distinct + 5 + in_before)));
    Term **terms = draft->terms;
    *draft = saved;
    draft->terms = terms;
    return SQLITE_OK;
}

// A bound on a column that an equality fixes, given no more rows of others: without statistics the
// range would look the smaller.
static bool equality_is_at_hand(JoinQuery *q, FromItem *item, Index *index, const Term *bound)
{
    ASSERT(bound->op != 0);

    const Access *draft = &q->draft;
    TermScan scan;
    TableMask at_hand = draft->prereq | bound->prereq_right;
    if ((bound->op & TERM_RANGE) == 0)
        return false;
    for (Term *term = term_scan_first(&scan, q->draft_list, item, draft->equal_count,
                                      TERM_EQ | TERM_IS, index);
         term != NULL; term = term_scan_next(&scan)) {
        if (term_usable(q, item, index, term) && (term->prereq_right & ~at_hand) == 0)
            return true;
    }
    return false;
}

// After a lower bound only the upper bound of the same column may follow; an unordered index
// (sqlite_stat1 says so) knows no ranges.
int access_add_index_terms(JoinQuery *q, FromItem *item, Index *index, Est in_before)
{
    ASSERT(q->draft.equal_count < index->column_count);
    ASSERT((q->draft.flags & ACCESS_TOP) == 0);

    Access *draft = &q->draft;
    u16 ops = TERM_EQ | TERM_IS | TERM_IN | TERM_ISNULL | TERM_RANGE;
    if ((draft->flags & ACCESS_BOTTOM) != 0)
        ops = TERM_LT | TERM_LE;
    if ((index->flags & INDEX_UNORDERED) != 0)
        ops = TERM_EQ | TERM_IS | TERM_IN | TERM_ISNULL;
    TermScan scan;
    for (Term *term = term_scan_first(&scan, q->draft_list, item, draft->equal_count, ops, index);
         term != NULL; term = term_scan_next(&scan)) {
        if (term_usable(q, item, index, term) && !equality_is_at_hand(q, item, index, term))
            TRY(bind_column(q, item, index, term, in_before));
    }
    return skip_column(q, item, index, in_before);
}
