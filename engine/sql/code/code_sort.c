// ORDER BY through a sorter, and DISTINCT.
//
// A sorter record is the sort keys followed by the result columns that are not keys themselves.
// With a LIMIT the sorter keeps only as many records as can still be wanted. When the loops deliver
// the first keys in order already, each run of rows equal in those is sorted by itself and
// delivered before the next one begins.
//
//     SorterOpen s;  [SorterLimit s, limit+offset]
//     in the loops:  keys -> f..;  [SorterReject s -> DROPPED]  other columns -> f..
//                    MakeRecord f..;  SorterInsert s
//     DROPPED:
//     behind them:   OpenPseudo p;  SorterSort s -> EMPTY
//     TOP:           SorterData s -> p;  Column p -> row..;  deliver;  SorterNext s -> TOP
//     EMPTY:
//
// In order by the first keys (sorted_count > 0), the second part is a subroutine, called in the
// loops when one of these keys changes, and once at the end.
//
// DISTINCT is a hash table of rows seen, or, where equal rows come together, the row before.

#include "func/func.h"
#include "sql/code/code_query.h"
#include "sql/expr_tree.h"

// NULLs are the least values: they stand where ASC has its first and DESC its last, unless NULLS
// says otherwise.
u8 code_key_flags(u8 sort)
{
    bool desc = (sort & SORT_DESC) != 0;
    bool large = desc ? (sort & SORT_NULLS_FIRST) != 0 : (sort & SORT_NULLS_LAST) != 0;
    return (u8)((desc ? KEY_DESC : 0) | (large ? KEY_NULLS_LARGE : 0));
}

KeyShape *code_list_shape(Codegen *g, const ExprList *list, u32 first, u32 extra)
{
    ASSERT(first <= list->count);

    u32 keys = list->count - first;
    KeyShape *shape = key_shape_new(g->db, g->db->encoding, (u16)keys, (u16)(keys + extra));
    if (shape == NULL) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return NULL;
    }
    for (u32 i = 0; i < keys; i++) {
        const ExprItem *item = &list->items[first + i];
        const Collation *c = code_collation(g, item->expr);
        if (c != NULL)
            shape->fields[i].collation = c;
        shape->fields[i].flags = code_key_flags(item->sort);
    }
    return shape;
}

// --- the sorter ---

// Where each result column stands in a record: behind the keys, or at the key that it is.
static void place_columns(QueryCode *qc)
{
    ASSERT(qc->sort_op != NULL);

    SortCode *sc = &qc->sort;
    const ExprList *keys = sc->op->keys, *columns = qc->project_op->columns;
    sc->places = arena_array(qc->g->arena, (size_t)columns->count + 1, sizeof *sc->places);
    if (sc->places == NULL) {
        codegen_fail(qc->g, SQLITE_NOMEM);
        return;
    }
    int next = (int)keys->count;
    for (u32 i = 0; i < columns->count; i++) {
        sc->places[i] = -1;
        // Equal keys need not be identical: a key that is not in the record cannot stand for the
        // column.
        for (u32 k = sc->op->sorted_count; k < keys->count && sc->places[i] < 0; k++) {
            if (keys->items[k].column == i + 1
                && expr_equal(expr_skip_collate(keys->items[k].expr),
                              expr_skip_collate(columns->items[i].expr)))
                sc->places[i] = (i16)k;
        }
        if (sc->places[i] < 0)
            sc->places[i] = (i16)next++;
    }
    sc->field_count = next;
    sc->key_count = (int)keys->count;
}

// --- the measure of the first key (quire_create_measure) ---

// The column and the constant of a first key f(column, constant), where f has a measure and the
// rows come straight from a table. NULL: it is nothing of the sort.
static const Expr *measured_key(QueryCode *qc)
{
    ASSERT(qc->sort.op != NULL && qc->sort.op->keys->count > 0);

    const SortOperator *op = qc->sort.op;
    const Expr *key = expr_skip_collate(op->keys->items[0].expr);
    bool is_direct = qc->distinct_op == NULL && qc->aggregate_op == NULL && qc->window_op == NULL;
    if (!is_direct || qc->limit.both == 0 || op->sorted_count != 0 || key->kind != EX_CALL
        || (op->keys->items[0].sort & (SORT_DESC | SORT_NULLS_LAST)) != 0)
        return NULL;
    const Call *call = key->u.call;
    if (call == NULL || call->func == NULL || call->func->measure == NULL || key->list->count != 2)
        return NULL;
    const Expr *column = key->list->items[0].expr;
    if (column->kind != EX_COLUMN || column->u.column.index < 0
        || !code_is_constant(key->list->items[1].expr))
        return NULL;
    const Table *table = column->u.column.item->table;
    bool is_stored = table != NULL && table->kind == TABLE_ORDINARY && table_is_rowid(table)
                     && column->u.column.index != table->rowid_alias
                     && (table->columns[column->u.column.index].flags & COLUMN_VIRTUAL) == 0;
    return is_stored ? key : NULL;
}

static void code_measure_begin(QueryCode *qc)
{
    ASSERT(qc->sort.cursor >= 0);

    Codegen *g = qc->g;
    const Expr *key = measured_key(qc);
    qc->sort.measure = -1;
    if (key == NULL)
        return;
    qc->sort.measure = cursor_new(g);
    program_emit_func(g->program, OP_MeasureOpen, qc->sort.measure, qc->sort.cursor,
                      key->list->items[0].expr->u.column.item->cursor, key->u.call->func);
}

// Where the row is read from its table, not from an index, registers or a co-routine.
static void code_measure_skip(QueryCode *qc, Label dropped)
{
    ASSERT(dropped < 0);

    Codegen *g = qc->g;
    const Expr *key = qc->sort.measure < 0 ? NULL : measured_key(qc);
    if (key == NULL)
        return;
    const FromItem *item = key->list->items[0].expr->u.column.item;
    const ColumnSource *source = source_of(g, item->cursor);
    if (source->kind != SOURCE_CURSOR || source->cursor != item->cursor || source->table == NULL)
        return;
    int field = table_storage_column(source->table, key->list->items[0].expr->u.column.index);
    int begin = program_here(g->program);
    Reg constant = code_constant(g, key->list->items[1].expr);
    int count = program_here(g->program) - begin;
    program_emit_int(g->program, OP_MeasureSkip, qc->sort.measure, dropped, constant, field);
    program_set_p5(g->program, (u16)count);
}

void code_sort_begin(QueryCode *qc)
{
    ASSERT(qc->sort.op == NULL || qc->sort_op != NULL);

    Codegen *g = qc->g;
    SortCode *sc = &qc->sort;
    if (qc->sort_op == NULL)
        return;
    sc->op = qc->sort_op;
    place_columns(qc);
    if (codegen_failed(g))
        return;
    u32 sorted = sc->op->sorted_count;
    sc->cursor = cursor_new(g);
    program_emit_shape(
        g->program, OP_SorterOpen, sc->cursor, sc->field_count - (int)sorted, 0,
        code_list_shape(g, sc->op->keys, sorted, (u32)(sc->field_count - sc->key_count)));
    if (qc->limit.both != 0 && sorted == 0)
        program_emit(g->program, OP_SorterLimit, sc->cursor, qc->limit.both, 0);
    code_measure_begin(qc);
    if (sorted > 0) {
        sc->return_reg = reg_new(g);
        sc->previous = reg_range_new(g, (int)sorted + 1);
        sc->deliver = label_new(g->program);
        program_emit(g->program, OP_Integer, 0, sc->previous + (Reg)sorted, 0);
    }
}

// A run ends where a leading key changes: what the sorter holds is delivered first.
static void code_run_boundary(QueryCode *qc, Reg keys)
{
    ASSERT(keys > 0);

    Codegen *g = qc->g;
    SortCode *sc = &qc->sort;
    u32 sorted = sc->op->sorted_count;
    ExprList head = {.count = sorted, .capacity = sorted, .items = sc->op->keys->items};
    Reg started = sc->previous + (Reg)sorted;
    Label first = label_new(g->program), same = label_new(g->program);
    program_emit(g->program, OP_IfNot, started, first, 1);
    program_emit_shape(g->program, OP_Compare, sc->previous, keys, (int)sorted,
                       code_list_shape(g, &head, 0, 0));
    int here = program_here(g->program);
    program_emit(g->program, OP_Jump, here + 1, same, here + 1);
    program_emit(g->program, OP_Gosub, sc->return_reg, sc->deliver, 0);
    label_here(g->program, first);
    program_emit(g->program, OP_Copy, keys, sc->previous, (int)sorted - 1);
    program_emit(g->program, OP_Integer, 1, started, 0);
    label_here(g->program, same);
}

// Keys that are result columns and have been computed for DISTINCT are not computed again.
static void code_sort_keys(QueryCode *qc, Reg fields)
{
    ASSERT(fields > 0);

    Codegen *g = qc->g;
    const ExprList *keys = qc->sort.op->keys;
    for (u32 i = 0; i < keys->count; i++) {
        // (Copied, for delivering a run overwrites the row's registers.)
        if (qc->distinct_op != NULL && keys->items[i].column > 0)
            program_emit(g->program, OP_Copy, qc->row + keys->items[i].column - 1, fields + (Reg)i,
                         0);
        else
            code_expr_borrow(g, keys->items[i].expr, fields + (Reg)i);
    }
}

void code_sort_push(QueryCode *qc)
{
    ASSERT(qc->sort_op != NULL);

    Codegen *g = qc->g;
    SortCode *sc = &qc->sort;
    if (codegen_failed(g))
        return;
    const ExprList *columns = qc->project_op->columns;
    int sorted = sc->op->sorted_count;
    Reg fields = reg_range_new(g, sc->field_count);
    Label dropped = label_new(g->program); // behind all rows that a LIMIT keeps
    code_measure_skip(qc, dropped);
    code_sort_keys(qc, fields);
    if (qc->limit.both != 0 && sorted == 0)
        program_emit_int(g->program, OP_SorterReject, sc->cursor, dropped, fields, sc->key_count);
    RowFields of_row = {0};
    for (u32 i = 0; i < columns->count; i++) {
        if (sc->places[i] < sc->key_count)
            continue;
        Reg target = fields + sc->places[i];
        if (qc->distinct_op != NULL) // computed already
            program_emit(g->program, OP_Copy, qc->row + (Reg)i, target, 0);
        else if (!code_list_field(g, columns->items[i].expr, target, &of_row))
            code_expr_borrow(g, columns->items[i].expr, target);
    }
    if (sorted > 0)
        code_run_boundary(qc, fields);
    Reg record = reg_temp(g);
    program_emit(g->program, OP_MakeRecord, fields + sorted, sc->field_count - sorted, record);
    program_emit(g->program, OP_SorterInsert, sc->cursor, record, fields + sorted);
    reg_temp_release(g, record);
    label_here(g->program, dropped);
}

// The loop over the sorted records.
static void code_sorted_rows(QueryCode *qc)
{
    ASSERT(qc->sort.places != NULL);

    Codegen *g = qc->g;
    SortCode *sc = &qc->sort;
    int sorted = sc->op->sorted_count;
    Reg data = reg_new(g);
    int pseudo = cursor_new(g);
    Label empty = label_new(g->program), next = label_new(g->program);
    program_emit(g->program, OP_OpenPseudo, pseudo, data, sc->field_count - sorted);
    program_emit(g->program, OP_SorterSort, sc->cursor, empty, 0);
    int top = program_emit(g->program, OP_SorterData, sc->cursor, data, pseudo);
    if (qc->limit.offset != 0)
        program_emit(g->program, OP_IfPos, qc->limit.offset, next, 1);
    for (int i = 0; i < qc->column_count; i++) {
        program_emit(g->program, OP_Column, pseudo, sc->places[i] - sorted, qc->row + i);
        program_set_p5(g->program, dest_uses_row_at_once(qc->dest) ? P5_EPHEMERAL : 0);
    }
    code_deliver(g, qc->dest, qc->row, qc->column_count, qc->done);
    if (qc->limit.limit != 0)
        program_emit(g->program, OP_DecrJumpZero, qc->limit.limit, qc->done, 0);
    label_here(g->program, next);
    program_emit(g->program, OP_SorterNext, sc->cursor, top, 0);
    label_here(g->program, empty);
}

static void explain_sort(QueryCode *qc)
{
    ASSERT(qc->sort.op->sorted_count < qc->sort.op->keys->count);

    u32 rest = qc->sort.op->keys->count - qc->sort.op->sorted_count;
    if (qc->sort.op->sorted_count == 0)
        plan_line(qc->g, "USE TEMP B-TREE FOR ORDER BY");
    else if (rest == 1)
        plan_line(qc->g, "USE TEMP B-TREE FOR LAST TERM OF ORDER BY");
    else
        plan_line(qc->g, "USE TEMP B-TREE FOR LAST %u TERMS OF ORDER BY", rest);
}

void code_sort_end(QueryCode *qc)
{
    ASSERT(qc->sort.op == NULL || qc->sort.op->base.kind == OPERATOR_SORT);

    Codegen *g = qc->g;
    SortCode *sc = &qc->sort;
    if (sc->op == NULL || codegen_failed(g))
        return;
    explain_sort(qc);
    if (sc->op->sorted_count == 0) {
        code_sorted_rows(qc);
        return;
    }
    program_emit(g->program, OP_Gosub, sc->return_reg, sc->deliver, 0);
    program_emit(g->program, OP_Goto, 0, qc->done, 0);
    label_here(g->program, sc->deliver);
    code_sorted_rows(qc);
    program_emit(g->program, OP_ResetSorter, sc->cursor, 0, 0);
    program_emit(g->program, OP_Return, sc->return_reg, 0, 0);
}

// --- DISTINCT ---

void code_distinct_begin(QueryCode *qc)
{
    ASSERT(qc->distinct_op == NULL || qc->column_count > 0);

    Codegen *g = qc->g;
    if (qc->distinct_op == NULL)
        return;
    if (qc->distinct_op->how == DISTINCT_ORDERED) {
        qc->distinct_previous = reg_range_new(g, qc->column_count);
        qc->distinct_started = reg_new(g);
        program_emit(g->program, OP_Integer, 0, qc->distinct_started, 0);
        return;
    }
    qc->distinct_cursor = cursor_new(g);
    program_emit_shape(g->program, OP_HashOpen, qc->distinct_cursor, qc->column_count, 0,
                       code_list_shape(g, qc->project_op->columns, 0, 0));
}

void code_distinct_explain(QueryCode *qc)
{
    if (qc->distinct_op != NULL && qc->distinct_op->how == DISTINCT_UNORDERED)
        plan_line(qc->g, "USE TEMP B-TREE FOR DISTINCT");
}

// Drops the row in qc->row when it has been seen.
void code_distinct_test(QueryCode *qc, Label next_row)
{
    ASSERT(next_row < 0);

    Codegen *g = qc->g;
    int count = qc->column_count;
    if (qc->distinct_op->how == DISTINCT_UNORDERED) {
        program_emit_int(g->program, OP_HashGroup, qc->distinct_cursor, next_row, qc->row, 0);
        return;
    }
    Label fresh = label_new(g->program);
    program_emit(g->program, OP_IfNot, qc->distinct_started, fresh, 1);
    program_emit_shape(g->program, OP_Compare, qc->distinct_previous, qc->row, count,
                       code_list_shape(g, qc->project_op->columns, 0, 0));
    int here = program_here(g->program);
    program_emit(g->program, OP_Jump, here + 1, next_row, here + 1);
    label_here(g->program, fresh);
    program_emit(g->program, OP_Copy, qc->row, qc->distinct_previous, count - 1);
    program_emit(g->program, OP_Integer, 1, qc->distinct_started, 0);
}
