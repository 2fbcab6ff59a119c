// Paths over one ordinary table or subquery: the full scan, scans and searches of each index, and
// an index made for this statement alone.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

enum {
    SCAN_FACTOR = 16,       // a row of a table costs three times an index entry
    SAMPLES_BONUS = 2,      // ... and less where samples make searches no safe bet, but a known one
    LOOKUP_FACTOR = 16,     // going from an index entry to its row
    AUTO_INDEX_FACTOR = 28, // building an index costs seven times reading the rows
    AUTO_INDEX_SUBQUERY = -25, // rows of a subquery are written anyhow
    AUTO_INDEX_ROWS = 43,      // guess of rows with one key
};

// An item's row may be NULLs for lack of a match: only terms of its own ON may narrow its scan.
bool term_fits_outer_join(const Term *term, const FromItem *item)
{
    u32 flags = term->expr->flags;
    if ((flags & (EXPR_OUTER_ON | EXPR_INNER_ON)) == 0 || term->expr->on_item != item->cursor)
        return false;
    return (item->join & (JOIN_LEFT | JOIN_RIGHT)) == 0 || (flags & EXPR_INNER_ON) == 0;
}

// A column that leads an index has its index; one that stands further back in an index and turned
// out to repeat itself is no good key.
static bool is_index_candidate(const FromItem *item, int column)
{
    ASSERT(column >= 0);

    if (item->kind != FROM_TABLE || item->table == NULL)
        return true;
    for (const Index *index = item->table->indexes; index != NULL; index = index->next) {
        for (u32 i = 0; i < index->key_count; i++) {
            if (index->columns[i] != column)
                continue;
            if (i == 0
                || ((index->flags & INDEX_HAS_STAT1) != 0 && index->row_estimates[i + 1] > 20))
                return false;
            break;
        }
    }
    return true;
}

bool term_can_drive_auto_index(const Term *term, const FromItem *item, TableMask not_ready)
{
    if (term->cursor != item->cursor || (term->op & (TERM_EQ | TERM_IS)) == 0)
        return false;
    if ((item->join & (JOIN_LEFT | JOIN_LEFT_OF_RIGHT | JOIN_RIGHT)) != 0
        && !term_fits_outer_join(term, item))
        return false;
    if ((term->prereq_right & not_ready) != 0 || term->column < 0
        || !is_index_candidate(item, term->column))
        return false;
    u8 affinity = item->table != NULL && item->kind != FROM_SELECT
                      ? item->table->columns[term->column].affinity
                      : item->columns[term->column].affinity;
    return plan_index_affinity_ok(term->expr, affinity);
}

// --- what an index is good for ---

// In the shape of FromItem.columns_used; columns from 63 on are left to covers_wide_columns().
static u64 index_column_mask(const Index *index)
{
    ASSERT(index->column_count >= index->key_count);

    u64 mask = 0;
    for (u32 i = 0; i < index->column_count; i++) {
        int column = index->columns[i];
        if (column >= 0 && column < 63)
            mask |= (u64)1 << column;
    }
    return mask;
}

static bool covers_wide_columns(const FromItem *item, const Index *index)
{
    ASSERT(index->table == item->table);

    // Bit 63 stands for all columns from 63 on.
    for (int column = 63; column < item->table->column_count; column++) {
        if (index_find_column(index, column) < 0 && column != item->table->rowid_alias)
            return false;
    }
    return true;
}

// Columns that the index need not hold: its WHERE says what they are.
static u64 fixed_columns(const JoinQuery *q, const FromItem *item, const Index *index)
{
    ASSERT(index->where != NULL);

    u64 mask = 0;
    const Expr *column, *value;
    if (q->request->select == NULL || (q->flags & (WANT_OR_BRANCH | WANT_ONE_PASS)) != 0)
        return 0;
    for (u32 i = 0; (column = plan_fixed_column(item, index, i, &value)) != NULL; i++) {
        if (column->u.column.index < 63)
            mask |= (u64)1 << column->u.column.index;
    }
    return mask;
}

bool index_covers(const JoinQuery *q, const FromItem *item, const Index *index, bool *by_expr)
{
    ASSERT(item->table != NULL && index->table == item->table);

    *by_expr = false;
    if ((item->join & JOIN_RIGHT) != 0)
        return false; // its unmatched rows are read by the table's cursor
    u64 missing = item->columns_used & ~index_column_mask(index);
    if (item->table->rowid_alias >= 0 && item->table->rowid_alias < 63)
        missing &= ~((u64)1 << item->table->rowid_alias);
    if ((missing & ((u64)1 << 63)) != 0 && covers_wide_columns(item, index))
        missing &= ~((u64)1 << 63);
    if (missing != 0 && index->where != NULL)
        missing &= ~fixed_columns(q, item, index);
    if (missing == 0)
        return true;
    bool is_wide = missing == (u64)1 << 63; // the mask does not tell which columns are read
    if ((index->flags & INDEX_HAS_EXPR) == 0 && !is_wide)
        return false;
    *by_expr = plan_covered_by_exprs(q, item, index);
    return *by_expr;
}

// Of an outer join's right side only terms of its own ON may speak: WHERE is tested after the row
// of NULLs stood in. What encloses an OR holds for each of its branches, so the outer lists count
// as well, but for the other disjuncts.
bool index_where_holds(JoinQuery *q, const FromItem *item, const Index *index)
{
    ASSERT(index->where != NULL);

    for (u32 i = 0; i < q->draft_list->count; i++) {
        const Term *term = q->draft_list->items[i];
        const Expr *e = term->expr;
        bool outer_on = (e->flags & EXPR_OUTER_ON) != 0;
        if ((term->flags & TERM_VIRTUAL) != 0 && (term->flags & TERM_SLICE) == 0)
            continue;
        if (outer_on && e->on_item != item->cursor)
            continue;
        if (!outer_on && (item->join & JOIN_LEFT) != 0)
            continue;
        if (plan_implies(e, index->where))
            return true;
    }
    for (TermList *outer = q->draft_list->outer; outer != NULL; outer = outer->outer) {
        for (u32 i = 0; i < outer->count; i++) {
            const Expr *e = outer->items[i]->expr;
            if ((e->flags & EXPR_OUTER_ON) == 0 && (item->join & JOIN_LEFT) == 0 && !outer->is_or
                && plan_implies(e, index->where))
                return true;
        }
    }
    return false;
}

static bool where_holds_in_full(JoinQuery *q, const FromItem *item, const Index *index)
{
    // A partial index's WHERE is an AND of conditions, each of which must be implied.
    if (index->where == NULL)
        return true;
    Index part = *index;
    while (part.where->kind == EX_AND) {
        Expr *chain = part.where;
        part.where = chain->right;
        if (!index_where_holds(q, item, &part))
            return false;
        part.where = chain->left;
    }
    return index_where_holds(q, item, &part);
}

// Could reading the index in order help ORDER BY or GROUP BY?
static bool helps_order(const JoinQuery *q, const FromItem *item, const Index *index)
{
    ASSERT(index->column_count >= index->key_count);

    if (q->order_by == NULL || (index->flags & INDEX_UNORDERED) != 0)
        return false;
    for (u32 i = 0; i < q->order_by->count; i++) {
        const Expr *e = expr_skip_collate_likely(q->order_by->items[i].expr);
        if (e != NULL && e->kind == EX_COLUMN && e->u.column.item == item) {
            int column = plan_column_number(e);
            if (column < 0)
                return true;
            for (u32 j = 0; j < index->key_count; j++) {
                if (index->columns[j] == column)
                    return true;
            }
        } else if (e != NULL && index->exprs != NULL) {
            for (u32 j = 0; j < index->key_count; j++) {
                if (index->columns[j] == COLUMN_EXPR && expr_equal(e, index->exprs[j]))
                    return true;
            }
        }
    }
    return false;
}

// --- the candidates ---

// An index made for the statement: one candidate for each equality that can drive it. Not in the
// branch of an OR, nor where the rows would have to be collected again for every outer row.
static int add_automatic(JoinQuery *q, FromItem *item, TableMask prereq)
{
    ASSERT(q->from->items[q->draft.item] == item);
    ASSERT(q->draft.self == (TableMask)1 << q->draft.item);

    Est rows = table_rows(item);
    bool subquery = item->kind != FROM_TABLE;
    if (item->is_correlated || item->kind == FROM_RECURSIVE || q->or_set != NULL
        || item->indexed_by != NULL || item->not_indexed || (item->join & JOIN_RIGHT) != 0
        || (q->flags & (WANT_OR_BRANCH | WANT_RIGHT_ROWS | WANT_NO_AUTO_INDEX)) != 0
        || (q->db->flags & CONN_FLAG(AUTO_INDEX)) == 0)
        return SQLITE_OK;
    for (u32 i = 0; i < q->terms.count; i++) {
        Term *term = q->terms.items[i];
        Access *draft = &q->draft;
        if ((term->prereq_right & draft->self) != 0 || !term_can_drive_auto_index(term, item, 0))
            continue;
        *draft = (Access){.kind = ACCESS_INDEX,
                          .item = draft->item,
                          .self = draft->self,
                          .terms = q->draft_terms,
                          .equal_count = 1};
        TRY(access_push_term(q, term));
        int setup = est_log2(rows) + rows + (subquery ? AUTO_INDEX_SUBQUERY : AUTO_INDEX_FACTOR);
        draft->setup = (Est)(setup < 0 ? 0 : setup);
        draft->rows = AUTO_INDEX_ROWS;
        draft->run = est_sum(est_log2(rows), AUTO_INDEX_ROWS);
        draft->flags = ACCESS_AUTOMATIC;
        draft->prereq = prereq | term->prereq_right;
        TRY(access_insert(q, draft));
    }
    return SQLITE_OK;
}

// The array of terms outlives drafts: candidates copy what they keep.
static void begin_draft(JoinQuery *q, Index *index, TableMask prereq)
{
    ASSERT(q->draft.item < q->item_count);
    ASSERT((prereq & ((TableMask)1 << q->draft.item)) == 0);

    u8 item = q->draft.item;
    q->draft = (Access){.item = item,
                        .self = (TableMask)1 << item,
                        .terms = q->draft_terms,
                        .index = index,
                        .prereq = prereq,
                        .rows = index->row_estimates[0]};
}

// The order in which a subquery's rows come: its ORDER BY, or that in which a compound merges them.
// (The ORDER BY of a recursive query is that of its queue.)
static ExprList *order_of_subquery(const FromItem *item, const SubqueryPlan *sub)
{
    ASSERT(item->kind != FROM_TABLE);

    if (item->select == NULL || (item->select->flags & SELECT_RECURSIVE) != 0)
        return NULL;
    const SubqueryPlan *made = sub->twin != NULL ? sub->twin->plan : sub;
    const Operator *tree = made->tree;
    while (tree != NULL && tree->kind == OPERATOR_LIMIT)
        tree = tree->input;
    if (tree != NULL && tree->kind == OPERATOR_SET)
        return ((const SetOperator *)tree)->order_by;
    return item->select->order_by;
}

static bool has_samples(const FromItem *item)
{
    if (item->kind != FROM_TABLE || item->table == NULL)
        return false;
    for (const Index *index = item->table->indexes; index != NULL; index = index->next) {
        if (index->samples != NULL)
            return true;
    }
    return false;
}

// The draft is left as the searches of the same tree start from: its rows unculled, no order.
static int add_table_scan(JoinQuery *q, FromItem *item, Index *rowid, bool helps, TableMask prereq)
{
    ASSERT(item->kind == FROM_TABLE || item->kind == FROM_RECURSIVE || item->plan != NULL);
    ASSERT(rowid->column_count > 0);

    Est rows = table_rows(item);
    begin_draft(q, rowid, prereq);
    Access *draft = &q->draft;
    const SubqueryPlan *sub = item->kind == FROM_TABLE ? NULL : item->plan;
    draft->kind = item->kind == FROM_RECURSIVE ? ACCESS_QUEUE
                  : sub != NULL                ? ACCESS_SUBQUERY
                                               : ACCESS_SCAN;
    draft->flags = ACCESS_ROWID_KEY;
    if (sub != NULL && sub->mode == SUBQUERY_COROUTINE)
        draft->flags |= ACCESS_COROUTINE;
    if (sub != NULL)
        draft->order_by = order_of_subquery(item, sub);
    draft->sort_index = helps ? 1 : 0;
    draft->run = (Est)(rows + SCAN_FACTOR - (has_samples(item) ? SAMPLES_BONUS : 0));
    if (item->kind == FROM_SELECT && item->is_view)
        draft->flags |= ACCESS_VIEW_SCAN;
    access_adjust_rows(q, draft, rows);
    TRY(access_insert(q, draft));
    draft->rows = rows;
    draft->order_by = NULL;
    draft->flags &= ~(u32)ACCESS_SELF_CULL;
    return SQLITE_OK;
}

// Cost of fetching the rows of a full index scan, less what the index itself can sort out.
static Est lookups_of_scan(const JoinQuery *q, const FromItem *item, const Index *index, Est rows)
{
    ASSERT(index->table == item->table);

    int lookups = rows + LOOKUP_FACTOR;
    for (u32 i = 0; i < q->terms.count; i++) {
        const Term *term = q->terms.items[i];
        if ((term->flags & TERM_VIRTUAL) != 0
            || !plan_expr_within_index(q, term->expr, item, index))
            break;
        if (term->truth <= 0) {
            lookups += term->truth;
        } else {
            lookups--;
            if ((term->op & (TERM_EQ | TERM_IS)) != 0)
                lookups -= 19;
        }
    }
    return (Est)lookups;
}

// A full scan of an index pays if it yields an order, holds all that is read in fewer bytes than
// the table, or thins the rows (partial); a WITHOUT ROWID table has no other tree.
static int add_index_scan(JoinQuery *q, FromItem *item, Index *index, u8 sort_index,
                          TableMask prereq)
{
    ASSERT(index->table == item->table);

    Est rows = index->row_estimates[0];
    Est table_size = table_row_size(item);
    bool by_expr;
    bool helps = helps_order(q, item, index);
    begin_draft(q, index, prereq);
    Access *draft = &q->draft;
    bool covering = index_covers(q, item, index, &by_expr);
    draft->kind = ACCESS_SCAN;
    draft->flags = ACCESS_INDEXED | (covering ? (u32)ACCESS_COVERING : 0)
                   | (by_expr ? (u32)ACCESS_INDEX_EXPR : 0);
    bool of_table = (q->flags & (WANT_ONE_PASS | WANT_MULTI_ROW | WANT_TABLE_ORDER)) != 0;
    bool worth = helps || !table_is_rowid(item->table) || index->where != NULL
                 || item->index != NULL
                 || (covering && (index->flags & INDEX_UNORDERED) == 0
                     && index->row_size_estimate < table_size && !of_table);
    if (!worth)
        return SQLITE_OK;
    draft->sort_index = helps ? sort_index : 0;
    draft->run =
        (Est)(rows + 1 + 15 * index->row_size_estimate / (table_size > 0 ? table_size : 1));
    if (!covering)
        draft->run = est_sum(draft->run, lookups_of_scan(q, item, index, rows));
    access_adjust_rows(q, draft, rows);
    if ((item->join & JOIN_RIGHT) != 0 && (index->flags & INDEX_HAS_EXPR) != 0)
        return SQLITE_OK; // unmatched rows are found by the rows themselves
    TRY(access_insert(q, draft));
    draft->rows = rows;
    draft->flags &= ~(u32)ACCESS_SELF_CULL;
    return SQLITE_OK;
}

// INDEXED BY is told by the root page, because `index` may be a copy bound to this item. NOT
// INDEXED leaves a WITHOUT ROWID table its primary key: it is the table.
static bool index_is_allowed(JoinQuery *q, const FromItem *item, Index *index)
{
    ASSERT(item->table != NULL);

    if (item->index != NULL && index->root != item->index->root)
        return false;
    if (item->not_indexed && table_is_rowid(item->table))
        return false;
    if (item->not_indexed && (index->flags & INDEX_PRIMARY_KEY) == 0)
        return false;
    return where_holds_in_full(q, item, index);
}

int access_add_table(JoinQuery *q, int number, TableMask prereq)
{
    ASSERT(number >= 0 && (u32)number < q->item_count);
    ASSERT(q->draft_list != NULL);

    FromItem *item = q->from->items[number];
    Index *rowid = access_rowid_index(q, number);
    if (rowid == NULL)
        return SQLITE_NOMEM;
    TRY(add_automatic(q, item, prereq));
    bool real_table = item->kind == FROM_TABLE && item->table != NULL;
    u8 sort_index = 1;
    if (!real_table || (table_is_rowid(item->table) && item->index == NULL)) {
        bool helps = helps_order(q, item, rowid);
        TRY(add_table_scan(q, item, rowid, helps, prereq));
        samples_begin(q, rowid);
        if (real_table)
            TRY(access_add_index_terms(q, item, rowid, 0));
        sort_index++;
    }
    if (!real_table)
        return SQLITE_OK;
    for (Index *index = plan_bound_indexes(q, item); index != NULL;
         index = index->next, sort_index++) {
        if (!index_is_allowed(q, item, index))
            continue;
        TRY(add_index_scan(q, item, index, sort_index, prereq));
        q->draft.sort_index = helps_order(q, item, index) ? sort_index : 0;
        samples_begin(q, index);
        TRY(access_add_index_terms(q, item, index, 0));
    }
    return SQLITE_OK;
}
