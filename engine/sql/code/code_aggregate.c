// Aggregates: accumulators, the columns that go with them, and queries without GROUP BY.
//
// A bare column (outside every aggregate) is that of the group's first row, or, beside min() or
// max(), of the row that holds the least or greatest value.

#include "sql/code/code_aggregate.h"
#include "sql/expr_tree.h"
#include <string.h>

// --- which columns are needed ---

typedef struct Collector {
    AggregateCode *ac;
    bool inside;         // an aggregate's arguments
    bool keeps_subtypes; // arguments of a function that reads subtypes
} Collector;

static bool is_own_column(const AggregateCode *ac, const Expr *e)
{
    ASSERT(e->kind == EX_COLUMN || e->kind == EX_IF_NULL_ROW);

    const FromList *from = ac->qc->select->from;
    for (u32 i = 0; from != NULL && i < from->count; i++) {
        if (from->items[i] == e->u.column.item)
            return true;
    }
    return false;
}

static bool is_own_aggregate(const AggregateCode *ac, const Expr *e)
{
    ASSERT(e != NULL);

    for (u32 i = 0; e->kind == EX_CALL && i < ac->op->agg_count; i++) {
        if (ac->op->aggs[i] == e || expr_equal(ac->op->aggs[i], e))
            return true;
    }
    return false;
}

static bool is_key(const AggregateCode *ac, const Expr *e)
{
    ASSERT(e != NULL);

    for (u32 i = 0; ac->op->keys != NULL && i < ac->op->keys->count; i++) {
        if (expr_equal(ac->op->keys->items[i].expr, e))
            return true;
    }
    return false;
}

// Records make integers of whole numbers out of virtual REAL columns, so that such a key differs in
// looks from the expression over the group's columns. SQLite uses it for a result column that is
// the key, unless rows are sorted afterwards; elsewhere the expression is computed.
static bool key_loses_reals(const Expr *key)
{
    ASSERT(key != NULL);

    const Expr *bare = expr_skip_collate_likely(key);
    return bare->kind != EX_COLUMN && expr_reads_virtual_real(bare);
}

static void column_add(AggregateCode *ac, Expr *e, bool inside)
{
    ASSERT(ac->column_count <= ac->column_capacity);

    for (u32 i = 0; i < ac->column_count; i++) {
        if (expr_equal(ac->columns[i].column, e)) {
            if (!inside && ac->columns[i].reg == 0) {
                ac->columns[i].reg = 1;
                ac->bare_count++;
            }
            return;
        }
    }
    if (ac->column_count == ac->column_capacity) {
        u32 capacity = ac->column_capacity == 0 ? 16 : ac->column_capacity * 2;
        AggColumn *columns = arena_array(ac->qc->g->arena, capacity, sizeof *columns);
        if (columns == NULL) {
            codegen_fail(ac->qc->g, SQLITE_NOMEM);
            return;
        }
        if (ac->column_count > 0)
            memcpy(columns, ac->columns, ac->column_count * sizeof *columns);
        ac->columns = columns;
        ac->column_capacity = capacity;
    }
    ac->columns[ac->column_count++] = (AggColumn){.column = e, .reg = inside ? 0 : 1};
    ac->bare_count += inside ? 0 : 1;
}

static void collect_inside(AggregateCode *ac, Expr *call);
static Walker collector(Collector *c);

// Are equal values of the expression the same ones? They are what a table's column stores by an
// affinity, compared byte by byte. What is no column counts as such: it is a key of its own.
static bool equals_look_alike(const AggregateCode *ac, const Expr *e)
{
    ASSERT(e != NULL);

    if (e->kind != EX_COLUMN)
        return true;
    const FromItem *item = e->u.column.item;
    if (item->kind != FROM_TABLE || item->table->kind != TABLE_ORDINARY)
        return false;
    if (e->u.column.index < 0)
        return true;
    const Collation *collation = code_collation(ac->qc->g, e);
    return code_affinity(e) >= AFF_TEXT && (collation == NULL || collation->is_binary);
}

// With min() or max() a column comes from the row they keep, be it a key, unless equal keys look
// alike.
static bool has_minmax(const AggregateCode *ac)
{
    ASSERT(ac->aggs != NULL || ac->op->agg_count == 0);

    for (u32 i = 0; i < ac->op->agg_count; i++) {
        if (ac->aggs[i].func != NULL && (ac->aggs[i].func->flags & FUNC_MINMAX) != 0)
            return true;
    }
    return false;
}

// Columns are needed where they stand outside of aggregates (bare), and inside if the rows go
// through a sorter first.
static WalkResult collect_expr(Walker *w, Expr *e)
{
    ASSERT(w->arg != NULL);

    Collector *c = w->arg;
    if (!c->inside && is_own_aggregate(c->ac, e)) {
        collect_inside(c->ac, e);
        return WALK_PRUNE;
    }
    bool is_computed = c->keeps_subtypes && expr_may_have_subtype(e); // even if it is a key
    if (!c->inside && !is_computed && is_key(c->ac, e) && !key_loses_reals(e)
        && (!has_minmax(c->ac) || equals_look_alike(c->ac, e)))
        return WALK_PRUNE;
    if (!c->keeps_subtypes && expr_reads_subtypes(e)) {
        Collector below = *c;
        below.keeps_subtypes = true;
        Walker inner = collector(&below);
        expr_list_walk(&inner, e->list);
        return WALK_PRUNE;
    }
    if ((e->kind == EX_COLUMN || e->kind == EX_IF_NULL_ROW) && is_own_column(c->ac, e)) {
        column_add(c->ac, e, c->inside);
        return WALK_PRUNE;
    }
    return WALK_ON;
}

static Walker collector(Collector *c)
{
    return (Walker){.expr = collect_expr, .select = walk_into_select, .arg = c};
}

static void collect_inside(AggregateCode *ac, Expr *call)
{
    ASSERT(call->kind == EX_CALL);

    Collector c = {.ac = ac, .inside = true};
    Walker w = collector(&c);
    expr_list_walk(&w, call->list);
    expr_list_walk(&w, call->u.call->order_by);
    expr_walk(&w, call->u.call->filter);
}

// Of equal result columns the last one.
static bool takes_lossy_key(const AggregateCode *ac, u32 column)
{
    const ExprList *columns = ac->qc->project_op->columns;
    ASSERT(column < columns->count);

    const Expr *e = columns->items[column].expr;
    if (ac->qc->sort_op != NULL || !is_key(ac, e) || !key_loses_reals(e))
        return false;
    for (u32 i = column + 1; i < columns->count; i++) {
        if (expr_equal(columns->items[i].expr, e))
            return false;
    }
    return true;
}

static void collect_columns(AggregateCode *ac)
{
    ASSERT(ac->column_count == 0);

    QueryCode *qc = ac->qc;
    Collector c = {.ac = ac};
    Walker w = collector(&c);
    for (u32 i = 0; i < ac->op->agg_count; i++)
        collect_inside(ac, ac->op->aggs[i]);
    const ExprList *columns = qc->project_op->columns;
    for (u32 i = 0; i < columns->count; i++) {
        if (!takes_lossy_key(ac, i))
            expr_walk(&w, columns->items[i].expr);
    }
    expr_walk(&w, ac->op->having);
    if (qc->sort_op != NULL)
        expr_list_walk(&w, qc->sort_op->keys);
}

// --- set up ---

static void agg_init(AggregateCode *ac, AggCode *agg, Expr *call)
{
    ASSERT(call->kind == EX_CALL);

    Codegen *g = ac->qc->g;
    *agg = (AggCode){
        .call = call, .func = call->u.call->func, .distinct_cursor = -1, .order_cursor = -1};
    agg->arg_count = call->list == NULL ? 0 : (int)call->list->count;
    if (agg->func == NULL) {
        codegen_error(g, SQLITE_ERROR, "no such function: %s", call->text);
        return;
    }
    if (call->u.call->distinct) {
        if (agg->arg_count != 1) {
            codegen_error(g, SQLITE_ERROR, "DISTINCT aggregates must have exactly one argument");
            return;
        }
        if (ac->op->distinct == DISTINCT_ORDERED)
            agg->distinct_previous = reg_range_new(g, 2);
        else if (ac->op->distinct != DISTINCT_UNIQUE)
            agg->distinct_cursor = cursor_new(g);
    }
    if (call->u.call->order_by != NULL && call->u.call->order_by->count > 0
        && (agg->func->flags & FUNC_ANY_ORDER) == 0 && (agg->func->flags & FUNC_MINMAX) == 0)
        agg->order_cursor = cursor_new(g);
}

void aggregate_init(AggregateCode *ac, QueryCode *qc)
{
    ASSERT(qc->aggregate_op != NULL && qc->project_op != NULL);

    Codegen *g = qc->g;
    *ac = (AggregateCode){.qc = qc, .op = qc->aggregate_op};
    ac->aggs = arena_array(g->arena, (size_t)ac->op->agg_count + 1, sizeof *ac->aggs);
    if (ac->aggs == NULL) {
        codegen_fail(g, SQLITE_NOMEM);
        return;
    }
    for (u32 i = 0; i < ac->op->agg_count; i++)
        agg_init(ac, &ac->aggs[i], ac->op->aggs[i]);
    collect_columns(ac);
    if (codegen_failed(g))
        return;
    ac->accumulator_count = (int)(ac->op->agg_count + ac->bare_count);
    ac->first_accumulator = reg_range_new(g, ac->accumulator_count + 1);
    Reg next = ac->first_accumulator;
    for (u32 i = 0; i < ac->column_count; i++)
        ac->columns[i].reg = ac->columns[i].reg != 0 ? next++ : 0;
    for (u32 i = 0; i < ac->op->agg_count; i++)
        ac->aggs[i].accumulator = next++;
    ac->used = next; // next to them: groups in a hash table carry it along
    ac->other_row = ac->bare_count > 0 && has_minmax(ac) ? reg_new(g) : 0;
}

static void distinct_open(Codegen *g, const AggCode *agg)
{
    ASSERT(agg->distinct_previous == 0 || agg->distinct_cursor < 0);

    if (agg->distinct_previous != 0)
        program_emit(g->program, OP_Null, 1, agg->distinct_previous, agg->distinct_previous + 1);
    if (agg->distinct_cursor < 0)
        return;
    program_emit_shape(g->program, OP_HashOpen, agg->distinct_cursor, 1, 0,
                       code_list_shape(g, agg->call->list, 0, 0));
}

// Fields behind the keys of an ordered aggregate: its arguments, and where it reads subtypes these,
// which a record does not hold by itself.
static int order_width(const AggCode *agg)
{
    ASSERT(agg->func != NULL);

    return agg->arg_count * ((agg->func->flags & FUNC_SUBTYPE) != 0 ? 2 : 1);
}

static void order_open(Codegen *g, const AggCode *agg)
{
    ASSERT(agg->call != NULL);

    if (agg->order_cursor < 0)
        return;
    const ExprList *order = agg->call->u.call->order_by;
    program_emit_shape(g->program, OP_SorterOpen, agg->order_cursor,
                       (int)order->count + order_width(agg), 0,
                       code_list_shape(g, order, 0, (u32)order_width(agg)));
}

void aggregate_explain(AggregateCode *ac)
{
    ASSERT(ac->aggs != NULL || ac->op->agg_count == 0);

    for (u32 i = 0; i < ac->op->agg_count; i++) {
        const AggCode *agg = &ac->aggs[i];
        if (agg->distinct_cursor >= 0)
            plan_line(ac->qc->g, "USE TEMP B-TREE FOR %s(DISTINCT)", agg->func->name);
        if (agg->order_cursor >= 0)
            plan_line(ac->qc->g, "USE TEMP B-TREE FOR %s(ORDER BY)", agg->func->name);
    }
}

void aggregate_reset(AggregateCode *ac)
{
    ASSERT(ac->used > 0);

    Codegen *g = ac->qc->g;
    if (ac->accumulator_count > 0)
        program_emit(g->program, OP_Null, 0, ac->first_accumulator,
                     ac->first_accumulator + ac->accumulator_count - 1);
    program_emit(g->program, OP_Integer, 0, ac->used, 0);
    for (u32 i = 0; i < ac->op->agg_count; i++) {
        distinct_open(g, &ac->aggs[i]);
        order_open(g, &ac->aggs[i]);
    }
}

// --- one row ---

static void emit_step(Codegen *g, const AggregateCode *ac, const AggCode *agg, Reg args)
{
    ASSERT(agg->accumulator > 0);
    ASSERT(args > 0 || agg->arg_count == 0);

    if ((agg->func->flags & FUNC_NEEDS_COLLATION) != 0) {
        const Collation *c = NULL;
        for (int i = 0; c == NULL && i < agg->arg_count; i++)
            c = code_collation(g, agg->call->list->items[i].expr);
        program_emit_collation(g->program, OP_CollSeq, ac->other_row, 0, 0,
                               c == NULL ? &collation_binary : c);
    }
    program_emit_func(g->program, OP_AggStep, 0, args, agg->accumulator, agg->func);
    program_set_p5(g->program, (u16)agg->arg_count);
}

static void code_distinct_argument(Codegen *g, const AggCode *agg, Reg args, Label skip)
{
    ASSERT(args > 0 && agg->arg_count == 1);
    ASSERT(skip < 0);

    if (agg->distinct_previous != 0) {
        const Collation *c = code_collation(g, agg->call->list->items[0].expr);
        program_emit_collation(g->program, OP_Eq, agg->distinct_previous, skip, args, c);
        program_set_p5(g->program, P5_NULL_EQUAL);
        program_emit(g->program, OP_Copy, args, agg->distinct_previous, 0);
    }
    if (agg->distinct_cursor < 0)
        return;
    program_emit_int(g->program, OP_HashGroup, agg->distinct_cursor, skip, args, 0);
}

// With an ORDER BY of its own, the aggregate gets its rows when the group is complete.
static void push_ordered(Codegen *g, const AggCode *agg, Reg args)
{
    ASSERT(agg->order_cursor >= 0);

    const ExprList *order = agg->call->u.call->order_by;
    int keys = (int)order->count, width = keys + order_width(agg);
    Reg fields = reg_range_new(g, width);
    Reg record = reg_temp(g);
    code_expr_list(g, order, fields, 0);
    program_emit(g->program, OP_Copy, args, fields + keys, agg->arg_count - 1);
    for (int i = keys + agg->arg_count; i < width; i++)
        program_emit(g->program, OP_GetSubtype, fields + i - agg->arg_count, fields + i, 0);
    program_emit(g->program, OP_MakeRecord, fields, width, record);
    program_emit(g->program, OP_SorterInsert, agg->order_cursor, record, fields);
    reg_temp_release(g, record);
}

// One aggregate, one row: FILTER, arguments, DISTINCT; then AggStep, or the aggregate's own sorter.
static void step_one(AggregateCode *ac, const AggCode *agg)
{
    ASSERT(agg->accumulator > 0);

    Codegen *g = ac->qc->g;
    const Call *call = agg->call->u.call;
    Label skip = label_new(g->program);
    if (call->filter != NULL) {
        if (ac->other_row != 0 && (agg->func->flags & FUNC_MINMAX) != 0)
            program_emit(g->program, OP_SCopy, ac->used, ac->other_row, 0);
        code_jump(g, call->filter, skip, false, false);
    }
    Reg args = agg->arg_count > 0 ? reg_range_new(g, agg->arg_count) : 0;
    g->keeps_subtypes = (agg->func->flags & FUNC_SUBTYPE) != 0;
    if (agg->arg_count > 0)
        code_expr_list(g, agg->call->list, args, LIST_BORROW);
    g->keeps_subtypes = false;
    code_strip_subtypes(g, agg->func, agg->call->list, args);
    if (call->distinct)
        code_distinct_argument(g, agg, args, skip);
    if (agg->order_cursor >= 0)
        push_ordered(g, agg, args);
    else
        emit_step(g, ac, agg, args);
    label_here(g->program, skip);
}

static void take_bare_columns(AggregateCode *ac)
{
    ASSERT(ac->bare_count <= ac->column_count);

    Codegen *g = ac->qc->g;
    if (ac->bare_count == 0)
        return;
    Label keep = label_new(g->program);
    if (ac->other_row != 0)
        program_emit(g->program, OP_If, ac->other_row, keep, 0);
    else
        program_emit(g->program, OP_If, ac->used, keep, 0);
    for (u32 i = 0; i < ac->column_count; i++) {
        if (ac->columns[i].reg != 0)
            code_expr_copy(g, ac->columns[i].column, ac->columns[i].reg);
    }
    label_here(g->program, keep);
}

bool aggregate_tells_first(const AggregateCode *ac)
{
    return ac->bare_count > 0 || ac->other_row != 0;
}

void aggregate_accumulate(AggregateCode *ac)
{
    ASSERT(ac->used > 0);

    Codegen *g = ac->qc->g;
    if (ac->other_row != 0)
        program_emit(g->program, OP_Integer, 0, ac->other_row, 0);
    for (u32 i = 0; i < ac->op->agg_count; i++)
        step_one(ac, &ac->aggs[i]);
    take_bare_columns(ac);
}

// --- a complete group ---

static void step_ordered(AggregateCode *ac, const AggCode *agg)
{
    ASSERT(agg->order_cursor >= 0);

    Codegen *g = ac->qc->g;
    int keys = (int)agg->call->u.call->order_by->count, width = order_width(agg);
    Reg data = reg_new(g);
    Reg args = reg_range_new(g, width);
    int pseudo = cursor_new(g);
    Label empty = label_new(g->program);
    program_emit(g->program, OP_OpenPseudo, pseudo, data, keys + width);
    program_emit(g->program, OP_SorterSort, agg->order_cursor, empty, 0);
    int top = program_emit(g->program, OP_SorterData, agg->order_cursor, data, pseudo);
    for (int i = 0; i < width; i++)
        program_emit(g->program, OP_Column, pseudo, keys + i, args + i);
    for (int i = agg->arg_count; i < width; i++)
        program_emit(g->program, OP_SetSubtype, args + i, args + i - agg->arg_count, 0);
    emit_step(g, ac, agg, args);
    program_emit(g->program, OP_SorterNext, agg->order_cursor, top, 0);
    label_here(g->program, empty);
}

void aggregate_finalize(AggregateCode *ac)
{
    ASSERT(ac->used > 0);

    Codegen *g = ac->qc->g;
    for (u32 i = 0; i < ac->op->agg_count; i++) {
        const AggCode *agg = &ac->aggs[i];
        if (agg->order_cursor >= 0)
            step_ordered(ac, agg);
        codegen_may_abort(g);
        program_emit_func(g->program, OP_AggFinal, agg->accumulator, agg->arg_count, 0, agg->func);
    }
}

static void substitute_add(Codegen *g, const Expr *expr, Reg reg, bool is_this_one)
{
    ASSERT(reg > 0);

    Substitute *s = arena_alloc_zeroed(g->arena, sizeof *s);
    if (s == NULL) {
        codegen_fail(g, SQLITE_NOMEM);
        return;
    }
    s->expr = expr;
    s->reg = reg;
    s->is_this_one = is_this_one;
    substitute_push(g, s);
}

static void push_lossy_key(AggregateCode *ac, const Expr *key, Reg reg)
{
    ASSERT(key_loses_reals(key));

    const ExprList *columns = ac->qc->project_op->columns;
    for (u32 i = 0; i < columns->count; i++) {
        const Expr *column = columns->items[i].expr;
        if (takes_lossy_key(ac, i) && expr_equal(column, key))
            substitute_add(ac->qc->g, column, reg, true);
    }
}

static bool is_bare(const AggregateCode *ac, const Expr *e)
{
    ASSERT(ac->columns != NULL || ac->column_count == 0);

    for (u32 i = 0; i < ac->column_count; i++) {
        if (ac->columns[i].reg != 0 && expr_equal(ac->columns[i].column, e))
            return true;
    }
    return false;
}

// The result column whose number a key is. A subquery in it is known by this alone to give
// what the key has already: two subqueries are never compared.
static Expr *column_of_key(const AggregateCode *ac, const ExprItem *key)
{
    const Select *s = ac->qc->select;
    if (key->column == 0 || (s->flags & SELECT_WINDOW_INPUT) != 0)
        return NULL; // (A window's input has columns of its own.)
    ASSERT(key->column <= s->columns->count);
    return s->columns->items[key->column - 1].expr;
}

void aggregate_push_results(AggregateCode *ac)
{
    ASSERT(ac->op->keys == NULL || ac->op->keys->count == 0 || ac->keys > 0);

    Codegen *g = ac->qc->g;
    for (u32 i = 0; i < ac->column_count; i++) {
        if (ac->columns[i].reg != 0)
            substitute_add(g, ac->columns[i].column, ac->columns[i].reg, false);
    }
    for (u32 i = 0; ac->op->keys != NULL && i < ac->op->keys->count; i++) {
        const ExprItem *key = &ac->op->keys->items[i];
        Reg reg = ac->keys + (Reg)i;
        if (is_bare(ac, key->expr))
            continue;
        if (key_loses_reals(key->expr)) {
            push_lossy_key(ac, key->expr, reg);
            continue;
        }
        substitute_add(g, key->expr, reg, false);
        Expr *column = column_of_key(ac, key);
        if (column != NULL && !expr_equal(column, key->expr))
            substitute_add(g, column, reg, false);
    }
    for (u32 i = 0; i < ac->op->agg_count; i++)
        substitute_add(g, ac->aggs[i].call, ac->aggs[i].accumulator, false);
}

// --- no GROUP BY ---

// The first value that is not NULL is the answer; with an IN, that of this value of the IN.
static void code_minmax_stop(AggregateCode *ac, const JoinCode *jc)
{
    ASSERT(ac->op->agg_count == 1);

    Codegen *g = ac->qc->g;
    Reg release;
    Label stop = jc->done;
    for (u32 i = jc->join->level_count; i > 0; i--) {
        if ((jc->levels[i - 1].level->access->flags & ACCESS_IN) != 0) {
            stop = jc->levels[i - 1].next_value;
            break;
        }
    }
    Reg value = code_expr_temp(g, ac->op->aggs[0]->list->items[0].expr, &release);
    program_emit(g->program, OP_NotNull, value, stop, 0);
    reg_temp_release(g, release);
}

// count(*) of a whole table: Count asks the tree, no row is looked at. The smallest tree that has
// an entry per row will do.
static void code_count_source(AggregateCode *ac)
{
    ASSERT(ac->op->agg_count == 1);

    Codegen *g = ac->qc->g;
    CountOperator *op = (CountOperator *)ac->qc->source;
    FromItem *item = op->item;
    Table *table = item->table;
    int cursor = cursor_new(g);
    codegen_reads(g, item->db_index);
    codegen_locks(g, item->db_index, table, false);
    Index *index = op->index;
    if (index == NULL && !table_is_rowid(table))
        index = table_primary_key(table);
    KeyShape *shape = index == NULL ? NULL : index_shape(g->db, index);
    if (index != NULL && shape == NULL) {
        codegen_fail(g, SQLITE_NOMEM);
        return;
    }
    if (index == NULL)
        program_emit_int(g->program, OP_OpenRead, cursor, (int)table->root, item->db_index, 1);
    else
        program_emit_shape(g->program, OP_OpenRead, cursor, (int)index->root, item->db_index,
                           key_shape_ref(shape));
    program_emit(g->program, OP_Count, cursor, ac->aggs[0].accumulator, 0);
    program_emit(g->program, OP_Close, cursor, 0, 0);
    PlanContext plan = code_plan_context(g);
    if (op->index != NULL)
        plan_line(g, "SCAN %s USING COVERING INDEX %s", plan_item_name(&plan, item), index->name);
    else
        plan_line(g, "SCAN %s", plan_item_name(&plan, item));
}

// Whether all that is done with a row of one virtual table is to count it: nothing was coded since
// its loop began, and count(*) is the only aggregate.
static bool only_counts_rows(const AggregateCode *ac, const JoinCode *jc)
{
    ASSERT(jc->levels != NULL || jc->join->level_count == 0);

    const AggregateOperator *op = ac->op;
    if (op->agg_count != 1 || op->wants != 0 || ac->bare_count != 0 || ac->other_row != 0
        || jc->join->level_count != 1)
        return false;
    const AggCode *agg = &ac->aggs[0];
    const LevelCode *lc = &jc->levels[0];
    return (agg->func->flags & FUNC_COUNT) != 0 && agg->arg_count == 0
           && agg->call->u.call->filter == NULL && lc->end_op == OP_VNext
           && lc->end_p2 == program_here(ac->qc->g->program);
}

static void code_ungrouped_rows(AggregateCode *ac)
{
    ASSERT(ac->qc->source != NULL);

    Codegen *g = ac->qc->g;
    JoinCode jc = {.join = (JoinOperator *)ac->qc->source};
    if (ac->op->agg_count == 1 && ac->op->wants != 0) {
        jc.flags = ac->op->wants;
        if (ac->op->minmax_sort && ac->bare_count == 0)
            jc.smallest = ac->aggs[0].call->list->items[0].expr;
    }
    code_from_begin(g, jc.join->from);
    aggregate_explain(ac);
    aggregate_reset(ac);
    if (jc.join->level_count == 0)
        plan_line(g, "SCAN CONSTANT ROW");
    code_join_begin(g, &jc);
    if (codegen_failed(g))
        return;
    if (only_counts_rows(ac, &jc))
        jc.levels[0].end_p3 = ac->aggs[0].accumulator;
    aggregate_accumulate(ac);
    if (aggregate_tells_first(ac))
        program_emit(g->program, OP_Integer, 1, ac->used, 0);
    if (ac->op->minmax_sort)
        code_minmax_stop(ac, &jc);
    code_join_end(g, &jc);
    aggregate_finalize(ac);
}

void code_aggregate(QueryCode *qc)
{
    ASSERT(qc->aggregate_op != NULL);

    Codegen *g = qc->g;
    AggregateCode ac;
    Substitute *before = g->substitutes;
    aggregate_init(&ac, qc);
    if (codegen_failed(g))
        return;
    if (ac.op->group != GROUP_NONE) {
        code_grouped(&ac);
        g->substitutes = before;
        return;
    }
    if (qc->source->kind == OPERATOR_COUNT)
        code_count_source(&ac);
    else
        code_ungrouped_rows(&ac);
    aggregate_push_results(&ac);
    Label none = label_new(g->program);
    if (ac.op->having != NULL)
        code_jump(g, ac.op->having, none, false, false);
    code_query_row(qc, none);
    label_here(g->program, none);
    g->substitutes = before;
}
