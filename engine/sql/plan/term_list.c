// The terms of a WHERE clause, and looking them up by the column they bind.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

void term_list_init(TermList *list, JoinQuery *q)
{
    *list = (TermList){.query = q};
}

int term_list_append(TermList *list, Expr *e, u32 flags, Term **out)
{
    ASSERT(list->count <= list->capacity);

    JoinQuery *q = list->query;
    if (list->count == list->capacity) {
        u32 capacity = list->capacity == 0 ? 8 : list->capacity * 2;
        Term **items = arena_array(q->arena, capacity, sizeof *items);
        if (items == NULL)
            return SQLITE_NOMEM;
        if (list->count > 0)
            memcpy(items, list->items, list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    Term *term = arena_alloc_zeroed(q->arena, sizeof *term);
    if (term == NULL)
        return SQLITE_NOMEM;
    term->expr = e;
    term->list = list;
    term->flags = flags;
    term->cursor = -1;
    term->truth = 1;
    term->number = list->count;
    list->items[list->count++] = term;
    *out = term;
    return SQLITE_OK;
}

// Breaks `e` at its ANDs (or ORs) into terms, from left to right.
int term_list_split(TermList *list, Expr *e, u8 connective)
{
    ASSERT(connective == EX_AND || connective == EX_OR);

    list->is_or = connective == EX_OR;
    // The left arm is the longer one, so the recursion runs along the chain; its depth is that of
    // the expression, which is limited.
    Expr *bare = (Expr *)(uintptr_t)expr_skip_collate_likely(e);
    if (bare == NULL)
        return SQLITE_OK;
    if (bare->kind != connective) {
        Term *term;
        return term_list_append(list, e, 0, &term);
    }
    TRY(term_list_split(list, bare->left, connective));
    return term_list_split(list, bare->right, connective);
}

// Later terms first: what they add comes before what earlier ones add, and of two terms as good the
// first in the list is taken. (So does SQLite, and plans are compared with its.)
int term_list_analyze(TermList *list)
{
    // New terms go to the end and are analysed by whoever adds them.
    for (u32 i = list->count; i > 0; i--)
        TRY(term_analyze(list->items[i - 1]));
    return SQLITE_OK;
}

int term_add_made(TermList *list, Expr *e, Term **out)
{
    return term_list_append(list, e, TERM_VIRTUAL, out);
}

int term_add_child(Term *parent, Expr *e, Term **out)
{
    ASSERT(parent->list->items[parent->number] == parent);

    TRY(term_list_append(parent->list, e, TERM_VIRTUAL, out));
    (*out)->parent = parent;
    (*out)->truth = parent->truth;
    parent->child_count++;
    return SQLITE_OK;
}

// --- scans ---

// Does the term bind the column that the scan is at: the one asked for, or one equal to it?
static bool scan_column_fits(const TermScan *scan, const Term *term)
{
    ASSERT(scan->equiv_index < scan->equiv_count);

    int cursor = scan->cursors[scan->equiv_index];
    int column = scan->columns[scan->equiv_index];
    if (term->cursor != cursor || term->column != column)
        return false;
    if (column == COLUMN_EXPR && !expr_equal(term->column_expr, scan->index_expr))
        return false;
    // Through an equivalence only what holds for every row: an outer join's ON does not.
    return scan->equiv_index == 0 || (term->expr->flags & EXPR_OUTER_ON) == 0;
}

// a = b makes the terms of b count for a. What is found leads on: b = c makes those of c count too.
static void scan_note_equivalence(TermScan *scan, const Term *term)
{
    ASSERT(term->cursor == scan->cursors[scan->equiv_index]);

    if ((term->op & TERM_EQUIV) == 0 || scan->equiv_count >= SCAN_EQUIV_MAX)
        return;
    const Expr *other = expr_skip_collate_likely(term->expr->right);
    if (other == NULL || other->kind != EX_COLUMN)
        return;
    int cursor = other->u.column.item->cursor;
    int column = plan_column_number(other);
    for (int i = 0; i < scan->equiv_count; i++) {
        if (scan->cursors[i] == cursor && scan->columns[i] == column)
            return;
    }
    scan->cursors[scan->equiv_count] = cursor;
    scan->columns[scan->equiv_count++] = column;
}

// A comparison serves an index only where it compares as the index is sorted.
static bool scan_term_usable(const TermScan *scan, const Term *term)
{
    ASSERT(scan->affinity == 0 || scan->collation != NULL);

    if ((term->op & scan->ops) == 0)
        return false;
    if (scan->affinity != 0 && (term->op & TERM_ISNULL) == 0) {
        if (!plan_index_affinity_ok(term->expr, scan->affinity))
            return false;
        const char *collation = plan_compare_collation(term->expr);
        if (!name_equals(collation, scan->collation))
            return false;
    }
    if ((term->op & (TERM_EQ | TERM_IS)) != 0 && term->expr->right != NULL
        && plan_is_column_of(term->expr->right, scan->cursors[0], scan->columns[0]))
        return false; // a = a binds nothing
    return true;
}

Term *term_scan_next(TermScan *scan)
{
    ASSERT(scan->equiv_count >= 1 && scan->equiv_count <= SCAN_EQUIV_MAX);

    for (; scan->equiv_index < scan->equiv_count; scan->equiv_index++) {
        for (; scan->list != NULL; scan->list = scan->list->outer, scan->next = 0) {
            while (scan->next < scan->list->count) {
                Term *term = scan->list->items[scan->next++];
                if (!scan_column_fits(scan, term))
                    continue;
                scan_note_equivalence(scan, term);
                if (scan_term_usable(scan, term))
                    return term;
            }
        }
        scan->list = scan->first_list;
        scan->next = 0;
    }
    return NULL;
}

Term *term_scan_first(TermScan *scan, TermList *list, const FromItem *item, int column, u16 ops,
                      const Index *index)
{
    ASSERT(index == NULL || (column >= 0 && column < index->column_count));

    *scan = (TermScan){.first_list = list, .list = list, .ops = ops, .equiv_count = 1};
    if (index != NULL) {
        int position = column;
        column = index->columns[position];
        if (column == COLUMN_EXPR)
            scan->index_expr = index->exprs[position];
        scan->affinity = index_column_affinity(index, position);
        scan->collation = index->collations != NULL ? index->collations[position] : "BINARY";
        if (column >= 0 && item->table != NULL && column == item->table->rowid_alias)
            column = ROWID_COLUMN;
        if (column == ROWID_COLUMN)
            scan->affinity = 0;
    } else if (item->table != NULL && column >= 0 && column == item->table->rowid_alias) {
        column = ROWID_COLUMN;
    }
    scan->cursors[0] = item->cursor;
    scan->columns[0] = column;
    return term_scan_next(scan);
}

Term *term_find(TermList *list, const FromItem *item, int column, TableMask not_ready, u16 ops,
                const Index *index)
{
    TermScan scan;
    Term *found = NULL;
    ops &= TERM_SINGLE;
    for (Term *term = term_scan_first(&scan, list, item, column, ops, index); term != NULL;
         term = term_scan_next(&scan)) {
        if ((term->prereq_right & not_ready) != 0)
            continue;
        if (term->prereq_right == 0 && (term->op & ops & (TERM_EQ | TERM_IS)) != 0)
            return term;
        if (found == NULL)
            found = term;
    }
    return found;
}
