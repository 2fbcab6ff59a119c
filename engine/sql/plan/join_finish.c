// From chosen accesses to Levels: which terms an access makes true by itself, at which level each
// other term is tested (O2), what automatic indexes hold, where Bloom filters pay.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

typedef struct FilterSet {
    Expr **items;
    u16 count;
} FilterSet;

// Walks up from a consumed term: a parent all of whose children are consumed holds as well.
static void consume(const JoinLevel *level, TableMask not_ready, Term *term)
{
    ASSERT(level->item != NULL);

    while (term != NULL && (term->flags & TERM_CODED) == 0
           && (!level->is_left || (term->expr->flags & EXPR_OUTER_ON) != 0)
           && (not_ready & term->prereq_all) == 0) {
        term->flags |= TERM_CODED;
        term = term->parent;
        if (term == NULL || --term->child_count != 0)
            return;
    }
}

// Found through an equivalence (a = b AND b = 5 binding a): the index does not prove a = b.
static bool is_transitive(const JoinLevel *level, const Term *term, u32 position)
{
    ASSERT(position < level->access->term_count);

    const Access *a = level->access;
    int column = ROWID_COLUMN;
    if ((a->flags & ACCESS_AUTOMATIC) != 0)
        column = term->column; // these are gathered from the item's own terms
    else if ((a->flags & ACCESS_INDEXED) != 0)
        column = a->index->columns[position < a->equal_count ? position : a->equal_count];
    if (column >= 0 && level->item->kind == FROM_TABLE && column == level->item->table->rowid_alias)
        column = ROWID_COLUMN;
    return term->cursor != level->item->cursor || term->column != column;
}

// The path's first terms bind columns one by one, those behind are its bounds (operator.h).
static void consume_access(const JoinLevel *level, TableMask not_ready)
{
    ASSERT(level->access->equal_count <= level->access->term_count);

    const Access *a = level->access;
    if (a->kind != ACCESS_ROWID && a->kind != ACCESS_ROWID_RANGE && a->kind != ACCESS_INDEX
        && a->kind != ACCESS_HASH)
        return;
    for (u32 i = 0; i < a->term_count; i++) {
        Term *term = a->terms[i];
        if (term == NULL || is_transitive(level, term, i))
            continue;
        if (i >= a->equal_count && expr_vector_size(term->expr->left) > 1)
            continue; // the bound is only a necessary condition
        consume(level, not_ready, term);
    }
}

static void consume_virtual(const JoinLevel *level, TableMask not_ready)
{
    ASSERT(level->access->kind == ACCESS_VIRTUAL);

    const Access *a = level->access;
    for (u32 i = 0; i < a->term_count; i++) {
        if (a->terms[i] != NULL && i < 64 && (a->omit_mask >> i & 1) != 0)
            consume(level, not_ready, a->terms[i]);
    }
}

// --- automatic indexes ---

static bool column_is_bound(const Access *a, const Term *term)
{
    ASSERT((a->flags & ACCESS_AUTOMATIC) != 0);

    for (u32 i = 0; i < a->term_count; i++) {
        if (a->terms[i]->column == term->column)
            return true;
    }
    return false;
}

// Rows that fail a condition on this item alone need not enter its automatic index.
static bool is_build_filter(const JoinQuery *q, const JoinLevel *level, const Term *term)
{
    const FromItem *item = level->item;
    const Expr *e = term->expr;
    if ((term->flags & (TERM_VIRTUAL | TERM_CODED)) != 0 || (e->flags & EXPR_HAS_SUBQUERY) != 0)
        return false;
    if (term->prereq_all != level->access->self || plan_reads_outside(q, e))
        return false;
    if ((item->join & JOIN_LEFT_OF_RIGHT) != 0)
        return false;
    if ((item->join & JOIN_LEFT) != 0)
        return (e->flags & EXPR_OUTER_ON) != 0 && e->on_item == item->cursor;
    return (e->flags & EXPR_OUTER_ON) == 0;
}

enum { HASH_ROWS_MAX = 225 }; // 6 million: beyond, the table had better be able to go to disk

// A hash table does what an automatic index does, unless NULLs must match or it would be huge.
static bool can_hash(const JoinLevel *level)
{
    ASSERT((level->access->flags & ACCESS_AUTOMATIC) != 0);

    const Access *a = level->access;
    for (u32 i = 0; i < a->term_count; i++) {
        if ((a->terms[i]->op & TERM_EQ) == 0 || (a->terms[i]->flags & TERM_IS_OP) != 0)
            return false;
    }
    const FromItem *item = level->item;
    bool known = item->kind == FROM_TABLE && (item->table->flags & TABLE_HAS_STAT1) != 0;
    return !level->reverse && (!known || table_rows(item) < HASH_ROWS_MAX);
}

// Rows with equal keys come in the order of their other columns, then of their rowids. Without
// other columns that is the order in which they are read.
static bool needs_sorted_build(const JoinLevel *level)
{
    ASSERT(level->access->kind == ACCESS_HASH);

    const Access *a = level->access;
    u64 others = level->item->columns_used;
    for (u32 i = 0; i < a->term_count; i++) {
        if (a->terms[i]->column < 63)
            others &= ~((u64)1 << a->terms[i]->column);
    }
    const Table *table = level->item->kind == FROM_TABLE ? level->item->table : NULL;
    if (table != NULL && table->rowid_alias >= 0 && table->rowid_alias < 63)
        others &= ~((u64)1 << table->rowid_alias);
    return others != 0;
}

static int fill_automatic(JoinQuery *q, JoinLevel *level, TableMask not_ready)
{
    ASSERT((level->access->flags & ACCESS_AUTOMATIC) != 0 && level->build_count == 0);

    Access *a = level->access;
    Term **terms = arena_array(q->arena, q->terms.count + 1, sizeof *terms);
    level->build_filters = arena_array(q->arena, q->terms.count + 1, sizeof(Expr *));
    if (terms == NULL || level->build_filters == NULL)
        return SQLITE_NOMEM;
    a->terms = terms;
    a->term_count = 0;
    for (u32 i = 0; i < q->terms.count; i++) {
        Term *term = q->terms.items[i];
        if (is_build_filter(q, level, term)) {
            level->build_filters[level->build_count++] = term->expr;
            a->flags |= ACCESS_PARTIAL;
        }
        if (term_can_drive_auto_index(term, level->item, (not_ready & ~q->omitted) | a->self)
            && !column_is_bound(a, term))
            a->terms[a->term_count++] = term;
    }
    a->equal_count = a->term_count;
    ASSERT(a->equal_count > 0);
    if (can_hash(level)) {
        a->kind = ACCESS_HASH;
        if (needs_sorted_build(level) && (q->flags & WANT_ANY_ORDER) == 0)
            a->flags |= ACCESS_SORTED_BUILD;
    }
    a->flags |= ACCESS_EQUAL | ACCESS_INDEXED | ACCESS_COVERING;
    // To a Bloom filter all texts are alike: it needs a key that may hold numbers.
    for (u32 i = 0; i < a->term_count; i++) {
        if (expr_affinity(a->terms[i]->expr->left) != AFF_TEXT)
            a->flags |= ACCESS_BLOOM;
    }
    if (level->item->is_semi)
        a->flags |= ACCESS_PARTIAL; // in name: its EXISTS counts as a condition
    return SQLITE_OK;
}

// --- branches of OR ---

static Expr *and_make(JoinQuery *q, Expr *left, Expr *right)
{
    return left == NULL ? right : expr_make(q, EX_AND, left, right, NULL);
}

// A row of the right side of LEFT JOIN matches by the ON terms of its join; WHERE comes later.
// Other rows come about under WHERE, and under no ON terms of outer joins.
static bool holds_of_row(const JoinLevel *level, const Term *term)
{
    bool outer_on = (term->expr->flags & EXPR_OUTER_ON) != 0;
    if (level->is_left)
        return outer_on && term->expr->on_item == level->item->cursor;
    return !outer_on;
}

// What else holds of the row, so that the branches may use it for their indexes. Of items without a
// row yet it tells what the columns equal to theirs are bound to.
static Expr *other_terms(JoinQuery *q, const JoinLevel *level, const Term *or_term)
{
    ASSERT((or_term->op & TERM_OR) != 0);

    Expr *others = NULL;
    for (u32 i = 0; i < q->terms.count; i++) {
        const Term *term = q->terms.items[i];
        if (term == or_term || (term->flags & (TERM_VIRTUAL | TERM_CODED | TERM_SLICE)) != 0
            || (term->op & TERM_ALL) == 0 || (term->expr->flags & EXPR_HAS_SUBQUERY) != 0)
            continue;
        if (holds_of_row(level, term))
            others = and_make(q, others, term->expr);
    }
    return others;
}

// The item, then those of the loops further in.
static FromList *item_list(JoinQuery *q, FromItem *item, TableMask not_ready)
{
    ASSERT((not_ready & query_item_mask(q, item)) == 0);

    FromList *list = arena_alloc_zeroed(q->arena, sizeof *list);
    FromItem **items = arena_array(q->arena, q->from->count, sizeof *items);
    if (list == NULL || items == NULL)
        return NULL;
    *list = (FromList){.count = 1, .capacity = q->from->count, .items = items};
    items[0] = item;
    for (u32 i = 0; i < q->from->count; i++) {
        if ((not_ready >> i & 1) != 0)
            items[list->count++] = q->from->items[i];
    }
    return list;
}

static int plan_branch(JoinQuery *q, JoinLevel *level, TableMask not_ready, struct OrBranch *branch)
{
    ASSERT(branch->join == NULL);
    ASSERT((not_ready & level->access->self) == 0);

    FromItem *item = level->item;
    u8 join = item->join;
    FromList *list = item_list(q, item, not_ready);
    if (list == NULL)
        return SQLITE_NOMEM;
    JoinRequest request = {.from = list,
                           .later_count = list->count - 1,
                           .where = branch->where,
                           .flags = WANT_OR_BRANCH};
    item->join = 0; // within the branch there is nothing to join with
    int rc = plan_join(q->plan, &request, &branch->join);
    item->join = join;
    return rc;
}

static int fill_or(JoinQuery *q, JoinLevel *level, TableMask not_ready)
{
    ASSERT(level->access->term_count == 1 && level->access->branch_count == 0);
    ASSERT(level->access->terms[0]->parts->is_or);

    Access *a = level->access;
    Term *or_term = a->terms[0];
    const TermList *parts = or_term->parts;
    a->branches = arena_array(q->arena, parts->count, sizeof *a->branches);
    if (a->branches == NULL)
        return SQLITE_NOMEM;
    Expr *others = other_terms(q, level, or_term);
    bool all_whole = true;
    for (u32 i = 0; i < parts->count; i++) {
        Term *disjunct = parts->items[i];
        if (disjunct->op != TERM_AND && disjunct->cursor != level->item->cursor)
            continue; // the other side of a comparison: its copy binds this item
        struct OrBranch *branch = &a->branches[a->branch_count++];
        branch->number = (u16)(i + 1);
        branch->term = disjunct;
        branch->where = others == NULL ? disjunct->expr : and_make(q, disjunct->expr, others);
        // What reads items without a row yet is left out of the branch, and tested later.
        all_whole = all_whole && (disjunct->prereq_all & not_ready) == 0;
        TRY(plan_branch(q, level, not_ready, branch));
    }
    if (all_whole)
        consume(level, not_ready, or_term);
    return SQLITE_OK;
}

// --- filters ---

// The sooner a test can say no, and the cheaper it is, the earlier it comes: 0 needs only the
// index, 1 needs the row, 2 runs a subquery.
static int filter_class(const JoinQuery *q, const JoinLevel *level, const Expr *e)
{
    const Access *a = level->access;
    if ((e->flags & EXPR_HAS_SUBQUERY) != 0)
        return 2;
    if ((a->flags & ACCESS_INDEXED) != 0 && (a->flags & (ACCESS_COVERING | ACCESS_AUTOMATIC)) == 0
        && plan_expr_within_index(q, e, level->item, a->index))
        return 0;
    return 1;
}

// Sides of outer joins are scanned by their ON conditions alone, each when its join is reached.
static bool is_early(const JoinQuery *q, const JoinLevel *level, const Term *term,
                     TableMask not_ready)
{
    u32 flags = term->expr->flags;
    if ((level->item->join & (JOIN_LEFT | JOIN_RIGHT | JOIN_LEFT_OF_RIGHT)) == 0)
        return true;
    if ((flags & (EXPR_OUTER_ON | EXPR_INNER_ON)) == 0)
        return false;
    if ((level->item->join & JOIN_LEFT) != 0 && (flags & EXPR_OUTER_ON) == 0)
        return false;
    return (query_cursor_mask(q, term->expr->on_item) & not_ready) == 0;
}

// Tests of the item's own row. After a LEFT JOIN's row of NULLs come place_late()'s.
static int place_early(JoinQuery *q, JoinLevel *level, TableMask not_ready)
{
    ASSERT(level->filter_count == 0);

    level->filters = arena_array(q->arena, q->terms.count + 1, sizeof *level->filters);
    if (level->filters == NULL)
        return SQLITE_NOMEM;
    for (int wanted = 0; wanted < 3; wanted++) {
        for (u32 i = 0; i < q->terms.count; i++) {
            Term *term = q->terms.items[i];
            if ((term->flags & (TERM_VIRTUAL | TERM_CODED)) != 0
                || (term->prereq_all & not_ready) != 0 || !is_early(q, level, term, not_ready)
                || filter_class(q, level, term->expr) != wanted)
                continue;
            term->flags |= TERM_CODED;
            level->filters[level->filter_count++] = term->expr;
        }
        if (wanted == 0)
            level->index_filter_count = level->filter_count;
    }
    return SQLITE_OK;
}

static int place_late(JoinQuery *q, JoinLevel *level, TableMask not_ready)
{
    ASSERT(level->late_count == 0);

    if ((!level->is_left && !level->is_right) || (level->item->join & JOIN_LEFT_OF_RIGHT) != 0)
        return SQLITE_OK;
    level->late_filters = arena_array(q->arena, q->terms.count + 1, sizeof *level->late_filters);
    if (level->late_filters == NULL)
        return SQLITE_NOMEM;
    for (u32 i = 0; i < q->terms.count; i++) {
        Term *term = q->terms.items[i];
        if ((term->flags & (TERM_VIRTUAL | TERM_CODED)) != 0 || (term->prereq_all & not_ready) != 0)
            continue;
        term->flags |= TERM_CODED;
        level->late_filters[level->late_count++] = term->expr;
    }
    return SQLITE_OK;
}

// Conditions without any column of the join decide once whether to run it at all.
static int place_constants(JoinQuery *q, JoinOperator *join)
{
    ASSERT(join->constant_count == 0);

    join->constant_filters =
        arena_array(q->arena, q->terms.count + 1, sizeof *join->constant_filters);
    if (join->constant_filters == NULL)
        return SQLITE_NOMEM;
    // A RIGHT JOIN makes rows even where ON of an inner join before it is false for all.
    bool before_right = q->from != NULL && q->from->count > 0
                        && (q->from->items[0]->join & JOIN_LEFT_OF_RIGHT) != 0;
    u32 unfit = EXPR_OUTER_ON | (before_right ? EXPR_INNER_ON : 0u)
                | (q->item_count == 0 ? 0u : EXPR_NONDETERMINISTIC | EXPR_HAS_SUBQUERY);
    for (u32 i = 0; i < q->terms.count; i++) {
        Term *term = q->terms.items[i];
        if ((term->flags & (TERM_VIRTUAL | TERM_CODED)) != 0 || term->prereq_all != 0
            || (term->expr->flags & unfit) != 0)
            continue;
        term->flags |= TERM_CODED;
        join->constant_filters[join->constant_count++] = term->expr;
    }
    return SQLITE_OK;
}

// WHERE terms over the items up to this level, for the rows that found no partner.
static int plan_right_rows(JoinQuery *q, JoinLevel *level, TableMask so_far)
{
    ASSERT(level->is_right && level->right_join == NULL);

    Expr *where = NULL;
    for (u32 i = 0; i < q->terms.count; i++) {
        const Term *term = q->terms.items[i];
        // Left of a further RIGHT JOIN, WHERE must wait: the row may yet be somebody's match.
        if ((level->item->join & JOIN_LEFT_OF_RIGHT) != 0)
            break;
        if ((term->flags & TERM_VIRTUAL) != 0 || (term->prereq_all & ~so_far) != 0
            || (term->expr->flags & (EXPR_OUTER_ON | EXPR_INNER_ON)) != 0)
            continue;
        where = and_make(q, where, term->expr);
    }
    FromList *list = item_list(q, level->item, 0);
    if (list == NULL)
        return SQLITE_NOMEM;
    JoinRequest request = {.from = list, .where = where, .flags = WANT_RIGHT_ROWS};
    u8 join = level->item->join;
    level->item->join = 0;
    int rc = plan_join(q->plan, &request, &level->right_join);
    level->item->join = join;
    return rc;
}

static int finish_level(JoinQuery *q, JoinLevel *level, u32 number, TableMask not_ready)
{
    ASSERT(level->access->item < q->item_count);
    ASSERT((not_ready & level->access->self) == 0);

    Access *a = level->access;
    level->item = q->from->items[a->item];
    level->is_left = number > 0 && (level->item->join & JOIN_LEFT) != 0;
    level->is_right = (level->item->join & JOIN_RIGHT) != 0;
    level->is_semi = level->item->is_semi;
    level->reverse = (q->scan_order.reverse >> number & 1) != 0;
    level->nulls_apart = (q->scan_order.nulls_apart >> number & 1) != 0;
    if ((a->flags & ACCESS_AUTOMATIC) != 0)
        TRY(fill_automatic(q, level, not_ready));
    if (a->kind == ACCESS_OR)
        TRY(fill_or(q, level, not_ready));
    if (a->kind == ACCESS_VIRTUAL)
        consume_virtual(level, not_ready);
    else
        consume_access(level, not_ready);
    TRY(place_early(q, level, not_ready));
    return place_late(q, level, not_ready);
}

// A Bloom filter pays where a search is run more often than its table has rows, and part of the
// rows are sorted out by conditions of their own.
static void choose_bloom(JoinQuery *q, JoinOperator *join)
{
    int searches = 0;
    for (u32 i = 0; i < join->level_count; i++) {
        Access *a = join->levels[i].access;
        const FromItem *item = q->from->items[a->item];
        if (item->table == NULL || (item->table->flags & TABLE_HAS_STAT1) == 0)
            return;
        u32 needed = ACCESS_SELF_CULL | ACCESS_EQUAL;
        if (i > 0 && (a->flags & needed) == needed && (a->flags & ACCESS_AUTOMATIC) == 0
            && (a->flags & (ACCESS_ROWID_KEY | ACCESS_INDEXED)) != 0
            && searches > item->table->row_estimate) {
            a->flags |= ACCESS_BLOOM;
            a->flags &= ~(u32)(ACCESS_COVERING | ACCESS_INDEX_EXPR);
        }
        searches += a->rows;
    }
}

// May UPDATE and DELETE change rows while the loop still runs? With ACCESS_OR a row may come twice,
// which only DELETE bears.
static void set_one_pass(JoinQuery *q, JoinOperator *join)
{
    if ((q->flags & WANT_ONE_PASS) == 0 || join->level_count == 0)
        return;
    Access *a = join->levels[0].access;
    const FromItem *item = q->from->items[a->item];
    join->one_pass_ok = (a->flags & ACCESS_ONE_ROW) != 0;
    join->multi_pass_ok = (q->flags & WANT_MULTI_ROW) != 0 && item->table->kind != TABLE_VIRTUAL
                          && (a->kind != ACCESS_OR || (q->flags & WANT_DUPLICATES_OK) != 0);
    if ((join->one_pass_ok || join->multi_pass_ok) && table_is_rowid(item->table))
        a->flags &= ~(u32)(ACCESS_COVERING | ACCESS_INDEX_EXPR); // the row itself is needed
}

int join_finish(JoinQuery *q, u32 level_count, JoinOperator **out)
{
    ASSERT(level_count <= q->item_count);

    JoinOperator *join = arena_alloc_zeroed(q->arena, sizeof *join);
    if (join == NULL)
        return SQLITE_NOMEM;
    join->base = (Operator){.kind = OPERATOR_JOIN, .rows = q->total_rows, .cost = q->total_cost};
    join->from = q->from;
    join->where = q->request->where;
    join->levels = arena_array(q->arena, level_count + 1, sizeof *join->levels);
    if (join->levels == NULL)
        return SQLITE_NOMEM;
    join->level_count = (u16)level_count;
    join->ordered = q->ordered;
    join->distinct = q->distinct;
    join->order_by_inner = q->order_by_inner;
    join->sorted = q->sorted;
    TableMask not_ready = ~(TableMask)0, so_far = 0;
    for (u32 i = 0; i < level_count; i++)
        join->levels[i].access = q->chosen[i];
    choose_bloom(q, join);
    set_one_pass(q, join);
    TRY(place_constants(q, join));
    for (u32 i = 0; i < level_count; i++) {
        not_ready &= ~q->chosen[i]->self;
        so_far |= q->chosen[i]->self;
        TRY(finish_level(q, &join->levels[i], i, not_ready));
        if (join->levels[i].is_right)
            TRY(plan_right_rows(q, &join->levels[i], so_far));
    }
    TRY(join_choose_lookups(q, join));
    *out = join;
    return SQLITE_OK;
}
