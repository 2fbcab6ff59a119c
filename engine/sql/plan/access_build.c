// Collecting the access paths of every item: full scans, indexes, automatic indexes. A path is kept
// only while no other is at least as good in everything (cost, rows, prerequisites) for the same
// order.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

enum {
    WORK_MAX = 20000, // candidate paths tried before the rest is left out
    WORK_PER_ITEM = 1000,
};

Est table_rows(const FromItem *item)
{
    if (item->table != NULL && item->kind != FROM_SELECT)
        return item->table->row_estimate;
    const SubqueryPlan *sub = item->plan;
    return sub == NULL ? 200 : sub->rows;
}

Est table_row_size(const FromItem *item)
{
    if (item->table != NULL && item->kind != FROM_SELECT && item->table->row_size_estimate > 0)
        return item->table->row_size_estimate;
    return est_from_u64((u64)item->column_count * 4);
}

// The rowid, dressed as a unique index of one column, so that one piece of code serves both.
Index *access_rowid_index(JoinQuery *q, int item_number)
{
    ASSERT(item_number >= 0 && (u32)item_number < q->item_count);

    if (q->rowid_indexes[item_number] != NULL)
        return q->rowid_indexes[item_number];
    const FromItem *item = q->from->items[item_number];
    Index *index = arena_alloc_zeroed(q->arena, sizeof *index);
    i16 *columns = arena_array(q->arena, 1, sizeof *columns);
    const char **collations = arena_array(q->arena, 1, sizeof *collations);
    Est *rows = arena_array(q->arena, 2, sizeof *rows);
    u8 *sort_flags = arena_array(q->arena, 1, 1);
    if (index == NULL || columns == NULL || collations == NULL || rows == NULL
        || sort_flags == NULL)
        return NULL;
    columns[0] = COLUMN_ROWID;
    collations[0] = "BINARY";
    rows[0] = table_rows(item);
    *index = (Index){.table = item->table,
                     .key_count = 1,
                     .column_count = 1,
                     .columns = columns,
                     .collations = collations,
                     .sort_flags = sort_flags,
                     .row_estimates = rows,
                     .row_size_estimate = table_row_size(item),
                     .flags = INDEX_UNIQUE | INDEX_UNIQUE_NOT_NULL};
    q->rowid_indexes[item_number] = index;
    return index;
}

Index *plan_bound_indexes(const JoinQuery *q, const FromItem *item)
{
    ASSERT(query_item_index(q, item) >= 0);

    return q->bound_indexes[query_item_index(q, item)];
}

// Copies of the item's indexes; expressions over the table's columns become expressions over the
// item's.
static int bind_indexes(JoinQuery *q, u32 number)
{
    ASSERT(q->bound_indexes[number] == NULL);

    FromItem *item = q->from->items[number];
    if (item->table == NULL || item->kind != FROM_TABLE || item->table->kind != TABLE_ORDINARY)
        return SQLITE_OK;
    Index **link = &q->bound_indexes[number];
    for (Index *index = item->table->indexes; index != NULL; index = index->next) {
        Index *copy = arena_alloc(q->arena, sizeof *copy);
        if (copy == NULL)
            return SQLITE_NOMEM;
        *copy = *index;
        copy->next = NULL;
        if (index->where != NULL)
            copy->where = expr_bind(q->arena, index->where, item);
        if (index->exprs != NULL) {
            copy->exprs = arena_array(q->arena, index->column_count, sizeof *copy->exprs);
            if (copy->exprs == NULL)
                return SQLITE_NOMEM;
            for (u32 i = 0; i < index->column_count; i++) {
                if (index->exprs[i] != NULL)
                    copy->exprs[i] = expr_bind(q->arena, index->exprs[i], item);
            }
        }
        if (index->columns == NULL || q->arena->failed)
            return SQLITE_NOMEM;
        *link = copy;
        link = &copy->next;
    }
    return SQLITE_OK;
}

// --- keeping the best ---

// Does `a` use a proper subset of b's terms for less? Then b cannot truly be dearer or yield more
// rows.
static bool cheaper_proper_subset(const Access *a, const Access *b)
{
    if ((a->flags & ACCESS_INDEXED) == 0 && (a->flags & ACCESS_ROWID_KEY) == 0)
        return false;
    if (a->term_count - a->skip_count >= b->term_count - b->skip_count
        || b->skip_count > a->skip_count)
        return false;
    if (a->run > b->run || (a->run == b->run && a->rows > b->rows))
        return false;
    for (int i = a->term_count - 1; i >= 0; i--) {
        if (a->terms[i] == NULL)
            continue;
        int j = b->term_count - 1;
        while (j >= 0 && b->terms[j] != a->terms[i])
            j--;
        if (j < 0)
            return false;
    }
    return (a->flags & ACCESS_COVERING) == 0 || (b->flags & ACCESS_COVERING) != 0;
}

// A path that uses fewer terms cannot be the cheaper one for long: estimates that say so are wrong,
// and the two are brought into line.
static void adjust_to_rivals(const JoinQuery *q, Access *draft)
{
    ASSERT(draft->item < q->item_count);

    if ((draft->flags & ACCESS_INDEXED) == 0)
        return;
    for (const Access *p = q->candidates; p != NULL; p = p->next) {
        if (p->item != draft->item || (p->flags & ACCESS_INDEXED) == 0)
            continue;
        if (cheaper_proper_subset(p, draft)) {
            draft->run = p->run < draft->run ? p->run : draft->run;
            draft->rows = p->rows - 1 < draft->rows ? (Est)(p->rows - 1) : draft->rows;
        } else if (cheaper_proper_subset(draft, p)) {
            draft->run = p->run > draft->run ? p->run : draft->run;
            draft->rows = p->rows + 1 > draft->rows ? (Est)(p->rows + 1) : draft->rows;
        }
    }
}

// A candidate the draft beats or that beats it. `*beaten` says that the draft is the worse one.
static Access *find_rival(Access *from, const Access *draft, bool *beaten)
{
    ASSERT(draft->self != 0);

    *beaten = false;
    for (Access *p = from; p != NULL; p = p->next) {
        if (p->item != draft->item || p->sort_index != draft->sort_index)
            continue;
        if ((p->flags & ACCESS_AUTOMATIC) != 0 && draft->skip_count == 0
            && (draft->flags & ACCESS_INDEXED) != 0 && (draft->flags & ACCESS_EQUAL) != 0
            && (p->prereq & draft->prereq) == draft->prereq)
            return p; // a real index makes an automatic one needless
        if ((p->prereq & draft->prereq) == p->prereq && p->setup <= draft->setup
            && p->run <= draft->run && p->rows <= draft->rows) {
            *beaten = true;
            return p;
        }
        if ((p->prereq & draft->prereq) == draft->prereq && p->setup >= draft->setup
            && p->run >= draft->run && p->rows >= draft->rows)
            return p;
    }
    return NULL;
}

static int access_fill(JoinQuery *q, Access *target, const Access *draft)
{
    ASSERT(draft->term_count == 0 || draft->terms != NULL);

    Access *next = target->next;
    *target = *draft;
    target->next = next;
    target->terms = arena_array(q->arena, (size_t)draft->term_count + 1, sizeof *target->terms);
    if (target->terms == NULL)
        return SQLITE_NOMEM;
    target->term_capacity = draft->term_count;
    if (draft->term_count > 0)
        memcpy(target->terms, draft->terms, draft->term_count * sizeof *target->terms);
    return SQLITE_OK;
}

// Others the draft beats, behind the one it has taken the place of.
static void candidates_drop(JoinQuery *q, Access *after, const Access *draft)
{
    ASSERT(after != NULL);

    Access **link = &after->next;
    while (*link != NULL) {
        bool beaten;
        Access *rival = find_rival(*link, draft, &beaten);
        if (rival == NULL || beaten)
            return;
        while (*link != rival)
            link = &(*link)->next;
        *link = rival->next;
        q->candidate_count--;
    }
}

void or_set_insert(OrSet *set, TableMask prereq, Est run, Est rows)
{
    ASSERT(set->count <= OR_SET_MAX);

    u16 i = 0;
    for (; i < set->count; i++) {
        struct OrCost *p = &set->items[i];
        if (run <= p->run && (prereq & p->prereq) == prereq)
            break; // better in both
        if (p->run <= run && (prereq & p->prereq) == p->prereq)
            return;
    }
    if (i == set->count) {
        if (set->count < OR_SET_MAX) {
            i = set->count++;
            set->items[i].rows = rows;
        } else {
            i = 0;
            for (u16 j = 1; j < set->count; j++) {
                if (set->items[j].run > set->items[i].run)
                    i = j;
            }
            if (set->items[i].run <= run)
                return;
            set->items[i].rows = rows;
        }
    }
    set->items[i].prereq = prereq;
    set->items[i].run = run;
    if (set->items[i].rows > rows)
        set->items[i].rows = rows;
}

int access_insert(JoinQuery *q, const Access *draft)
{
    ASSERT((draft->prereq & draft->self) == 0);

    if (q->work_left <= 0)
        return SQLITE_OK;
    q->work_left--;
    if (q->or_set != NULL) {
        if (draft->term_count > 0)
            or_set_insert(q->or_set, draft->prereq, draft->run, draft->rows);
        return SQLITE_OK;
    }
    Access entry = *draft;
    adjust_to_rivals(q, &entry);
    bool beaten;
    Access *rival = find_rival(q->candidates, &entry, &beaten);
    if (beaten)
        return SQLITE_OK;
    if (rival != NULL) {
        candidates_drop(q, rival, &entry);
        return access_fill(q, rival, &entry);
    }
    Access *fresh = arena_alloc_zeroed(q->arena, sizeof *fresh);
    if (fresh == NULL)
        return SQLITE_NOMEM;
    Access **link = &q->candidates;
    while (*link != NULL)
        link = &(*link)->next;
    *link = fresh;
    q->candidate_count++;
    return access_fill(q, fresh, &entry);
}

int access_push_term(JoinQuery *q, Term *term)
{
    ASSERT(q->draft.term_count <= q->draft_capacity);

    if (q->draft.term_count == q->draft_capacity) {
        u32 capacity = q->draft_capacity == 0 ? 16 : q->draft_capacity * 2;
        Term **terms = arena_array(q->arena, capacity, sizeof *terms);
        if (terms == NULL)
            return SQLITE_NOMEM;
        if (q->draft.term_count > 0)
            memcpy(terms, q->draft_terms, q->draft.term_count * sizeof *terms);
        q->draft_terms = terms;
        q->draft_capacity = capacity;
    }
    q->draft.terms = q->draft_terms;
    q->draft.terms[q->draft.term_count++] = term;
    return SQLITE_OK;
}

// --- all items ---

static int add_item(JoinQuery *q, int number, TableMask prereq, TableMask unusable)
{
    ASSERT(number >= 0 && (u32)number < q->item_count);
    ASSERT((prereq & ((TableMask)1 << number)) == 0);

    FromItem *item = q->from->items[number];
    q->draft =
        (Access){.item = (u8)number, .self = (TableMask)1 << number, .terms = q->draft_terms};
    q->draft_list = &q->terms;
    q->work_left += WORK_PER_ITEM;
    if (item->table != NULL && item->table->kind == TABLE_VIRTUAL && item->kind != FROM_SELECT)
        TRY(access_add_virtual(q, number, prereq, unusable));
    else
        TRY(access_add_table(q, number, prereq));
    if (q->terms.has_or)
        TRY(access_add_or(q, number, prereq, unusable));
    return SQLITE_OK;
}

// What was an EXISTS looks at the row of the items its condition names: they come first.
static TableMask semi_prereq(const JoinQuery *q, const FromItem *item)
{
    if (!item->is_semi)
        return 0;
    TableMask self = query_item_mask(q, item), needs = 0;
    for (u32 i = 0; i < q->terms.count; i++) {
        if ((q->terms.items[i]->prereq_all & self) != 0)
            needs |= q->terms.items[i]->prereq_all;
    }
    return needs & ~self;
}

int access_collect(JoinQuery *q)
{
    ASSERT(q->candidates == NULL && q->or_set == NULL);

    u32 count = q->item_count;
    q->rowid_indexes = arena_array(q->arena, count + 1, sizeof *q->rowid_indexes);
    if (q->rowid_indexes == NULL)
        return SQLITE_NOMEM;
    q->work_left = WORK_MAX;
    TableMask prior = 0, prereq = 0;
    bool past_right = false;
    for (u32 i = 0; i < count; i++) {
        const FromItem *item = q->from->items[i];
        u8 join = item->join;
        bool fixed = (join & (JOIN_OUTER | JOIN_LEFT | JOIN_RIGHT | JOIN_CROSS)) != 0;
        if (past_right || fixed) {
            // The sides of these joins keep their order, so everything before is a prerequisite.
            if ((join & (JOIN_LEFT_OF_RIGHT | JOIN_RIGHT)) != 0)
                past_right = true;
            prereq |= prior;
        } else {
            prereq = 0;
        }
        TableMask unusable = 0;
        for (u32 j = i + 1; item->table != NULL && item->table->kind == TABLE_VIRTUAL && j < count;
             j++) {
            const FromItem *later = q->from->items[j];
            if (unusable != 0 || (later->join & (JOIN_OUTER | JOIN_CROSS | JOIN_LEFT | JOIN_RIGHT)))
                unusable |= (TableMask)1 << j;
        }
        TRY(add_item(q, (int)i, prereq | semi_prereq(q, item), unusable));
        prior |= (TableMask)1 << i;
    }
    return SQLITE_OK;
}

int access_bind_indexes(JoinQuery *q)
{
    q->bound_indexes = arena_array(q->arena, q->item_count + 1, sizeof *q->bound_indexes);
    if (q->bound_indexes == NULL)
        return SQLITE_NOMEM;
    for (u32 i = 0; i < q->item_count; i++)
        TRY(bind_indexes(q, i));
    return SQLITE_OK;
}
