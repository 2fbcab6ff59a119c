// Paths over a virtual table: its module is asked with different sets of usable constraints, and
// every answer is a candidate.

#include "quire.h"
#include "sql/expr_tree.h"
#include "sql/plan/index_info.h"
#include "vtab/vtab.h"

typedef struct VirtualQuery {
    JoinQuery *q;
    FromItem *item;
    VirtualTable *instance;
    IndexInfo *info;
    TableMask prereq;
    bool used_in;     // the last answer handles an IN value by value
    bool retry_limit; // ... and could not keep LIMIT
} VirtualQuery;

enum { ROWS_GUESS = 25 };
static const double COST_GUESS = 1e99 / 2.0;

// --- describing the question ---

// The SQLITE_INDEX_CONSTRAINT_* of a term; 0: none. Of a row value a module sees the first field
// only: (a, b) > (1, 2) is told as a >= 1, and must be tested again (*no_omit).
static u8 constraint_op(const Term *term, bool *no_omit)
{
    bool slice = expr_vector_size(term->expr->left) > 1;
    *no_omit = false;
    if ((term->op & TERM_AUX) != 0)
        return term->aux_op;
    switch (term->op & TERM_SINGLE) {
    case TERM_IN:
    case TERM_EQ: return SQLITE_INDEX_CONSTRAINT_EQ;
    case TERM_IS: return SQLITE_INDEX_CONSTRAINT_IS;
    case TERM_ISNULL: return SQLITE_INDEX_CONSTRAINT_ISNULL;
    case TERM_GE: *no_omit = slice; return SQLITE_INDEX_CONSTRAINT_GE;
    case TERM_LE: *no_omit = slice; return SQLITE_INDEX_CONSTRAINT_LE;
    case TERM_GT:
        *no_omit = slice;
        return slice ? SQLITE_INDEX_CONSTRAINT_GE : SQLITE_INDEX_CONSTRAINT_GT;
    case TERM_LT:
        *no_omit = slice;
        return slice ? SQLITE_INDEX_CONSTRAINT_LE : SQLITE_INDEX_CONSTRAINT_LT;
    default: return 0; // binds nothing
    }
}

static bool is_constraint(const Term *term, const FromItem *item, TableMask unusable)
{
    ASSERT(item->table != NULL);

    if (term->cursor != item->cursor || (term->prereq_right & unusable) != 0
        || (term->op & (u16)~TERM_EQUIV) == 0 || (term->flags & TERM_VNULL) != 0)
        return false;
    return (item->join & (JOIN_LEFT | JOIN_LEFT_OF_RIGHT | JOIN_RIGHT)) == 0
           || term_fits_outer_join(term, item);
}

// ORDER BY is handed on only if the table could satisfy all of it.
static u32 order_terms(const JoinQuery *q, const FromItem *item, struct sqlite3_index_orderby *out)
{
    ASSERT(out != NULL);

    u32 count = 0;
    for (u32 i = 0; q->order_by != NULL && i < q->order_by->count; i++) {
        const ExprItem *wanted = &q->order_by->items[i];
        const Expr *e = wanted->expr;
        if (expr_is_constant(e, true))
            continue;
        if ((wanted->sort & (SORT_NULLS_FIRST | SORT_NULLS_LAST)) != 0
            && ((wanted->sort & SORT_DESC) != 0) == ((wanted->sort & SORT_NULLS_FIRST) != 0))
            return 0; // NULLs where no plain scan has them
        if (e->kind == EX_COLLATE && e->left->kind == EX_COLUMN
            && name_equals(e->text, plan_collation_name(e->left)))
            e = e->left;
        const bool is_column = e->kind == EX_COLUMN && e->u.column.item == item;
        if (!is_column && !plan_is_order_function(q, e, item))
            return 0;
        out[count].iColumn = is_column ? e->u.column.index : QUIRE_ORDER_FUNCTION;
        out[count++].desc = (wanted->sort & SORT_DESC) != 0;
    }
    return count;
}

// What sqlite3_vtab_distinct() answers: 0 all rows in order, 1 equal ones together, 2 duplicates
// may go, 3 both.
static int info_distinct(const JoinQuery *q, const FromItem *item)
{
    ASSERT(item->table != NULL);

    int sorted = (q->flags & WANT_SORT_BY_GROUP) != 0;
    if ((q->flags & WANT_DISTINCT_BY) != 0 && !item->rowid_used)
        return 2 + sorted;
    return (q->flags & WANT_GROUPS) != 0 ? 1 - sorted : 0;
}

static void add_constraint(IndexInfo *own, Term *term)
{
    ASSERT(term->cursor >= 0);

    sqlite3_index_info *info = &own->info;
    int i = info->nConstraint++;
    bool no_omit;
    own->terms[i] = term;
    info->aConstraint[i].iColumn = term->column;
    info->aConstraint[i].iTermOffset = (int)term->number;
    info->aConstraint[i].op = constraint_op(term, &no_omit);
    if (i < 64) {
        own->no_omit |= no_omit ? (u64)1 << i : 0;
        own->in_mask |= (term->op & TERM_IN) != 0 ? (u64)1 << i : 0;
    }
}

static int info_new(JoinQuery *q, const FromItem *item, TableMask unusable, IndexInfo **out)
{
    const TermList *list = q->draft_list;
    u32 orders = q->order_by == NULL ? 0 : q->order_by->count;
    IndexInfo *own = arena_alloc_zeroed(q->arena, sizeof *own);
    if (own == NULL)
        return SQLITE_NOMEM;
    own->query = q;
    own->terms = arena_array(q->arena, (size_t)list->count + 1, sizeof *own->terms);
    own->rhs = arena_array(q->arena, (size_t)list->count + 1, sizeof *own->rhs);
    own->info.aConstraint =
        arena_array(q->arena, (size_t)list->count + 1, sizeof *own->info.aConstraint);
    own->info.aConstraintUsage =
        arena_array(q->arena, (size_t)list->count + 1, sizeof *own->info.aConstraintUsage);
    own->info.aOrderBy = arena_array(q->arena, (size_t)orders + 1, sizeof *own->info.aOrderBy);
    if (own->terms == NULL || own->rhs == NULL || own->info.aConstraint == NULL
        || own->info.aConstraintUsage == NULL || own->info.aOrderBy == NULL)
        return SQLITE_NOMEM;
    for (u32 i = 0; i < list->count; i++) {
        if (is_constraint(list->items[i], item, unusable))
            add_constraint(own, list->items[i]);
    }
    own->info.nOrderBy = (int)order_terms(q, item, own->info.aOrderBy);
    own->distinct = own->info.nOrderBy > 0 ? info_distinct(q, item) : 0;
    *out = own;
    return SQLITE_OK;
}

// --- asking ---

static int ask(VirtualQuery *v, TableMask usable, u16 exclude, bool hide_limit)
{
    ASSERT(v->instance != NULL && v->instance->vtab != NULL);

    sqlite3_index_info *info = &v->info->info;
    for (int i = 0; i < info->nConstraint; i++) {
        const Term *term = v->info->terms[i];
        bool is_limit = (term->flags & TERM_LIMIT_OFFSET) != 0;
        info->aConstraint[i].usable = (term->prereq_right & ~usable) == 0
                                      && (term->op & exclude) == 0 && !(is_limit && hide_limit);
    }
    memset(info->aConstraintUsage, 0, sizeof *info->aConstraintUsage * (size_t)info->nConstraint);
    info->idxNum = 0;
    info->idxStr = NULL;
    info->needToFreeIdxStr = 0;
    info->orderByConsumed = 0;
    info->estimatedCost = COST_GUESS;
    info->estimatedRows = ROWS_GUESS;
    info->idxFlags = 0;
    info->colUsed = v->item->columns_used;
    v->info->handled_in = 0;
    sqlite3_vtab *vtab = v->instance->vtab;
    vtab_ref(v->instance);
    int rc = vtab->pModule->xBestIndex(vtab, info);
    if (rc != SQLITE_OK && rc != SQLITE_CONSTRAINT) {
        if (vtab->zErrMsg != NULL)
            rc = vtab_take_error(v->q->db, vtab, rc);
        else
            rc = connection_error_plain(v->q->db, rc);
    }
    vtab_unref(v->instance);
    return rc;
}

static bool all_constraints_used(const sqlite3_index_info *info)
{
    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraintUsage[i].argvIndex <= 0)
            return false;
    }
    return true;
}

static int malfunction(const VirtualQuery *v)
{
    return connection_error(v->q->db, SQLITE_ERROR, "%s.xBestIndex malfunction",
                            v->item->table->name);
}

// One constraint the module uses, as argument of xFilter. *rejected: the plan cannot be used.
static int take_constraint(VirtualQuery *v, int i, bool *rejected)
{
    ASSERT(i >= 0 && i < v->info->info.nConstraint);

    sqlite3_index_info *info = &v->info->info;
    Access *draft = &v->q->draft;
    Term *term = v->info->terms[i];
    int argument = info->aConstraintUsage[i].argvIndex - 1;
    if (argument >= info->nConstraint || draft->terms[argument] != NULL
        || !info->aConstraint[i].usable)
        return malfunction(v);
    draft->terms[argument] = term;
    if (argument >= draft->term_count)
        draft->term_count = (u16)(argument + 1);
    draft->prereq |= term->prereq_right;
    u64 bit = argument < 64 ? (u64)1 << argument : 0;
    if (info->aConstraintUsage[i].omit && (i >= 64 || (v->info->no_omit >> i & 1) == 0))
        draft->omit_mask |= bit;
    if (term->aux_op == SQLITE_INDEX_CONSTRAINT_OFFSET && (term->flags & TERM_LIMIT_OFFSET) != 0)
        draft->omit_offset = info->aConstraintUsage[i].omit != 0;
    if (i < 64 && (v->info->handled_in >> i & 1) != 0) {
        draft->in_mask |= bit;
    } else if ((term->op & TERM_IN) != 0) {
        // One call of xFilter per value: no order across the calls.
        info->orderByConsumed = 0;
        info->idxFlags &= ~SQLITE_INDEX_SCAN_UNIQUE;
        v->used_in = true;
    }
    if ((term->flags & TERM_LIMIT_OFFSET) != 0 && (v->used_in || !all_constraints_used(info)))
        *rejected = true;
    return SQLITE_OK;
}

static int take_answer(VirtualQuery *v, bool *rejected)
{
    sqlite3_index_info *info = &v->info->info;
    Access *draft = &v->q->draft;
    for (int i = 0; i < info->nConstraint; i++) {
        if (info->aConstraintUsage[i].argvIndex > 0)
            TRY(take_constraint(v, i, rejected));
    }
    for (u32 i = 0; i < draft->term_count; i++) {
        if (draft->terms[i] == NULL)
            return malfunction(v);
    }
    draft->index_number = info->idxNum;
    draft->index_number_hex = (info->idxFlags & SQLITE_INDEX_SCAN_HEX) != 0;
    draft->index_string =
        info->idxStr == NULL ? NULL : arena_dup(v->q->arena, info->idxStr, strlen(info->idxStr));
    draft->ordered = info->orderByConsumed ? (i8)info->nOrderBy : 0;
    draft->run = est_from_f64(info->estimatedCost);
    draft->rows = est_from_u64(info->estimatedRows < 0 ? 0 : (u64)info->estimatedRows);
    if ((info->idxFlags & SQLITE_INDEX_SCAN_UNIQUE) != 0)
        draft->flags |= ACCESS_ONE_ROW;
    return SQLITE_OK;
}

// Asks with the constraints that need no more than `usable`; the answer becomes a candidate.
static int try_plan(VirtualQuery *v, TableMask usable, u16 exclude, bool hide_limit)
{
    ASSERT(v->q->or_set != NULL || v->q->draft.self != 0);

    JoinQuery *q = v->q;
    sqlite3_index_info *info = &v->info->info;
    bool rejected = false;
    q->draft = (Access){
        .kind = ACCESS_VIRTUAL, .item = q->draft.item, .self = q->draft.self, .prereq = v->prereq};
    q->draft.terms = arena_array(q->arena, (size_t)info->nConstraint + 1, sizeof(Term *));
    if (q->draft.terms == NULL)
        return SQLITE_NOMEM;
    v->used_in = false;
    v->retry_limit = false;
    int rc = ask(v, usable, exclude, hide_limit);
    if (rc == SQLITE_CONSTRAINT)
        return SQLITE_OK; // these constraints together are of no use
    if (rc == SQLITE_OK)
        rc = take_answer(v, &rejected);
    if (info->needToFreeIdxStr)
        sqlite3_free(info->idxStr);
    info->needToFreeIdxStr = 0;
    if (rc != SQLITE_OK)
        return rc;
    if (rejected) {
        v->retry_limit = true;
        return SQLITE_OK;
    }
    return access_insert(q, &q->draft);
}

// The next greater set of outer items that some constraint needs; all ones: there is none. Sets are
// taken as numbers, which orders them without sorting.
static TableMask next_prereq(const VirtualQuery *v, TableMask above)
{
    TableMask next = ~(TableMask)0;
    for (int i = 0; i < v->info->info.nConstraint; i++) {
        TableMask needs = v->info->terms[i]->prereq_right & ~v->prereq;
        if (needs > above && needs < next)
            next = needs;
    }
    return next;
}

// The more constraints are usable the better, but each outer item they need narrows the join order:
// so every set of needed items is tried, and none at all.
static int try_all(VirtualQuery *v)
{
    JoinQuery *q = v->q;
    TableMask all = ~(TableMask)0, best, best_without_in = 0, former = 0;
    bool saw_free = false, saw_free_without_in = false;
    TRY(try_plan(v, all, 0, false));
    if (v->retry_limit)
        TRY(try_plan(v, all, 0, true));
    best = q->draft.prereq & ~v->prereq;
    bool uses_in = v->used_in;
    if (best == 0 && !uses_in)
        return SQLITE_OK;
    if (uses_in) {
        TRY(try_plan(v, all, TERM_IN, true));
        best_without_in = q->draft.prereq & ~v->prereq;
        if (best_without_in == 0)
            saw_free = saw_free_without_in = true;
    }
    for (;;) {
        TableMask next = next_prereq(v, former);
        former = next;
        if (next == all)
            break;
        if (next == best || next == best_without_in)
            continue;
        TRY(try_plan(v, next | v->prereq, 0, true));
        if (q->draft.prereq == v->prereq) {
            saw_free = true;
            saw_free_without_in |= !v->used_in;
        }
    }
    if (!saw_free) {
        TRY(try_plan(v, v->prereq, 0, true));
        saw_free_without_in |= !v->used_in;
    }
    if (!saw_free_without_in)
        TRY(try_plan(v, v->prereq, TERM_IN, true));
    return SQLITE_OK;
}

int access_add_virtual(JoinQuery *q, int number, TableMask prereq, TableMask unusable)
{
    ASSERT(q->from->items[number]->table->kind == TABLE_VIRTUAL);

    VirtualQuery v = {.q = q, .item = q->from->items[number], .prereq = prereq};
    v.instance = vtab_find(q->db, v.item->table);
    if (v.instance == NULL || v.instance->vtab == NULL)
        return connection_error(q->db, SQLITE_ERROR, "no such module: %s",
                                v.item->table->module_args[0]);
    TRY(info_new(q, v.item, unusable, &v.info));
    Term **terms = q->draft_terms;
    int rc = try_all(&v);
    for (int i = 0; i < v.info->info.nConstraint; i++)
        value_free(v.info->rhs[i]);
    q->draft_terms = terms;
    q->draft.terms = terms;
    return rc;
}
