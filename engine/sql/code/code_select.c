// One Select: its stages from the join up to the destination.
//
// A row rises through DISTINCT, the sorter and LIMIT in code_query_row(), the body of the innermost
// loop. Behind a sorter the second half happens again in a loop over the sorted rows.
//
//     Integer n -> limit               code_limit_begin: LIMIT 0 jumps to DONE at once
//     SorterOpen, HashOpen             code_sort_begin, code_distinct_begin
//     loops                            code_join_begin, or the windows' or groups' own
//       IfPos offset -> next row       (before the columns, if nothing later drops rows)
//       columns -> row..               code_columns
//       HashGroup -> next row          DISTINCT
//       ResultRow row..                code_deliver, by destination
//       DecrJumpZero limit -> DONE
//     end of loops
//     sorted rows, delivered alike     code_sort_end
//   DONE:

#include "sql/code/code_query.h"
#include "sql/expr_tree.h"

// --- LIMIT and OFFSET ---

void code_limit_begin(Codegen *g, const LimitOperator *op, LimitCode *lc, Label done)
{
    ASSERT(done < 0);

    *lc = (LimitCode){0};
    if (op == NULL)
        return;
    i64 value;
    lc->limit = reg_new(g);
    if (expr_is_integer(op->limit, &value) && value == (i32)value) {
        program_emit(g->program, OP_Integer, (int)value, lc->limit, 0);
        if (value == 0)
            program_emit(g->program, OP_Goto, 0, done, 0);
    } else {
        code_expr_copy(g, op->limit, lc->limit);
        program_emit(g->program, OP_MustBeInt, lc->limit, 0, 0); // no jump: "datatype mismatch"
        program_emit(g->program, OP_IfNot, lc->limit, done, 0);
    }
    lc->both = lc->limit;
    if (op->offset != NULL) {
        lc->offset = reg_new(g);
        lc->both = reg_new(g);
        code_expr_copy(g, op->offset, lc->offset);
        program_emit(g->program, OP_MustBeInt, lc->offset, 0, 0);
        program_emit(g->program, OP_OffsetLimit, lc->limit, lc->both, lc->offset);
    }
}

// --- destinations ---

static void deliver_record(Codegen *g, const SelectDest *dest, Reg row, int count)
{
    ASSERT(row > 0 && count > 0);

    Reg record = reg_temp_range(g, 2);
    program_emit_text(g->program, OP_MakeRecord, row, count, record,
                      dest->kind == DEST_SET ? dest->affinities : NULL,
                      dest->kind == DEST_SET && dest->affinities != NULL ? count : 0);
    if (dest->kind == DEST_TABLE) {
        program_emit(g->program, OP_NewRowid, dest->param, record + 1, 0);
        program_emit(g->program, OP_Insert, dest->param, record, record + 1);
        program_set_p5(g->program, P5_APPEND);
    } else {
        program_emit_int(g->program, OP_IdxInsert, dest->param, record, row, count);
        if (dest->kind == DEST_SET && dest->param2 != 0) {
            program_emit_int(g->program, OP_FilterAdd, dest->param2, 0, row, count);
            plan_line(g, "CREATE BLOOM FILTER");
        }
    }
    reg_temp_range_release(g, record, 2);
}

// Hands the row to its destination. `done`: where to go when one row was all that is wanted.
void code_deliver(Codegen *g, SelectDest *dest, Reg row, int count, Label done)
{
    ASSERT(row > 0 && count > 0);
    ASSERT(done < 0);

    switch ((DestKind)dest->kind) {
    case DEST_OUTPUT: program_emit(g->program, OP_ResultRow, row, count, 0); return;
    case DEST_DISCARD: return;
    case DEST_COROUTINE:
        if (row != dest->first)
            program_emit(g->program, OP_Copy, row, dest->first, count - 1);
        program_emit(g->program, OP_Yield, dest->param, 0, 0);
        return;
    case DEST_TABLE:
    case DEST_SET:
    case DEST_UNION: deliver_record(g, dest, row, count); return;
    case DEST_EXCEPT: program_emit(g->program, OP_IdxDelete, dest->param, row, count); return;
    case DEST_EXISTS:
        program_emit(g->program, OP_Integer, 1, dest->param, 0);
        program_emit(g->program, OP_Goto, 0, done, 0);
        return;
    case DEST_REGISTERS:
        if (row != dest->param)
            program_emit(g->program, OP_Copy, row, dest->param, count - 1);
        program_emit(g->program, OP_Goto, 0, done, 0);
        return;
    case DEST_QUEUE:
    case DEST_DISTINCT_QUEUE: code_deliver_queue(g, dest, row, count, done); return;
    case DEST_CALLBACK:
        dest->first = row;
        dest->count = count;
        dest->consume(g, dest);
        return;
    }
}

// A row of the result lives until the next step, that of a table until its record is made.
bool dest_uses_row_at_once(const SelectDest *dest)
{
    return dest->kind == DEST_OUTPUT || dest->kind == DEST_TABLE || dest->kind == DEST_SET
           || dest->kind == DEST_UNION;
}

// --- rows ---

static void output_row(QueryCode *qc, Label next_row)
{
    ASSERT(next_row < 0);

    Codegen *g = qc->g;
    if (qc->limit.offset != 0)
        program_emit(g->program, OP_IfPos, qc->limit.offset, next_row, 1);
    code_deliver(g, qc->dest, qc->row, qc->column_count, qc->done);
}

// After the row, so that the last one wanted is still put out.
static void count_limit(QueryCode *qc)
{
    ASSERT(qc->done < 0);

    if (qc->limit.limit != 0)
        program_emit(qc->g->program, OP_DecrJumpZero, qc->limit.limit, qc->done, 0);
}

static void code_columns(QueryCode *qc)
{
    ASSERT(qc->row > 0);

    u32 borrow = dest_uses_row_at_once(qc->dest) ? LIST_BORROW : 0;
    const ExprList *columns = qc->project_op->columns;
    code_expr_list(qc->g, columns, qc->row, LIST_HOIST | borrow);
    // A subquery's rows have no subtypes, whichever way they come.
    bool is_subquery = qc->dest->kind == DEST_COROUTINE && !qc->dest->keeps_subtypes;
    for (u32 i = 0; is_subquery && i < columns->count; i++) {
        if (expr_may_have_subtype(columns->items[i].expr))
            program_emit(qc->g->program, OP_ClrSubtype, qc->row + (Reg)i, 0, 0);
    }
}

void code_query_row(QueryCode *qc, Label next_row)
{
    ASSERT(next_row < 0);

    Codegen *g = qc->g;
    bool needs_values = qc->dest->kind != DEST_EXISTS || qc->distinct_op != NULL;
    // OFFSET may skip a row before anything is computed, if nothing reorders or drops rows later.
    bool skip_early = qc->limit.offset != 0 && qc->sort_op == NULL && qc->distinct_op == NULL;
    if (skip_early)
        program_emit(g->program, OP_IfPos, qc->limit.offset, next_row, 1);
    if (qc->sort_op != NULL && qc->distinct_op == NULL) {
        code_sort_push(qc);
        return;
    }
    if (needs_values)
        code_columns(qc);
    if (qc->distinct_op != NULL)
        code_distinct_test(qc, next_row);
    if (qc->sort_op != NULL) {
        code_sort_push(qc);
        return;
    }
    if (skip_early)
        code_deliver(g, qc->dest, qc->row, qc->column_count, qc->done);
    else
        output_row(qc, next_row);
    count_limit(qc);
}

// --- stages ---

void query_stages(QueryCode *qc, Operator *tree)
{
    ASSERT(tree != NULL);

    for (Operator *op = tree; op != NULL; op = op->input) {
        switch ((OperatorKind)op->kind) {
        case OPERATOR_LIMIT: qc->limit_op = (LimitOperator *)op; break;
        case OPERATOR_SORT: qc->sort_op = (SortOperator *)op; break;
        case OPERATOR_DISTINCT: qc->distinct_op = (DistinctOperator *)op; break;
        case OPERATOR_PROJECT: qc->project_op = (ProjectOperator *)op; break;
        case OPERATOR_WINDOW: qc->window_op = (WindowOperator *)op; break;
        case OPERATOR_AGGREGATE:
            qc->aggregate_op = (AggregateOperator *)op;
            qc->source = op->input;
            return;
        default: qc->source = op; return; // what rows come from
        }
    }
}

static void code_join_rows(QueryCode *qc)
{
    ASSERT(qc->source != NULL && qc->source->kind == OPERATOR_JOIN);

    Codegen *g = qc->g;
    JoinCode jc = {.join = (JoinOperator *)qc->source, .limit = &qc->limit};
    code_from_begin(g, jc.join->from);
    if (jc.join->level_count == 0)
        plan_line(g, "SCAN CONSTANT ROW");
    code_join_begin(g, &jc);
    if (codegen_failed(g))
        return;
    Label next_row = jc.next_row;
    code_query_row(qc, next_row);
    code_join_end(g, &jc);
}

static void code_simple(Codegen *g, Operator *tree, Select *select, SelectDest *dest)
{
    ASSERT(tree != NULL && dest != NULL);

    QueryCode qc = {.g = g, .select = select, .dest = dest};
    query_stages(&qc, tree);
    qc.column_count = (int)qc.project_op->columns->count;
    qc.done = label_new(g->program);
    if (dest->first == 0)
        dest->first = reg_range_new(g, qc.column_count);
    // With DISTINCT a row is computed before OFFSET may skip it: not in place of the result.
    bool in_place = dest->kind == DEST_REGISTERS && qc.distinct_op == NULL;
    qc.row = in_place ? dest->param : dest->first;
    dest->count = qc.column_count;
    code_limit_begin(g, qc.limit_op, &qc.limit, qc.done);
    code_sort_begin(&qc);
    code_distinct_begin(&qc);
    if (qc.aggregate_op != NULL)
        code_aggregate(&qc);
    else if (qc.window_op != NULL)
        code_window_rows(&qc);
    else
        code_join_rows(&qc);
    code_distinct_explain(&qc);
    code_sort_end(&qc);
    label_here(g->program, qc.done);
}

void code_operator(Codegen *g, Operator *tree, Select *select, SelectDest *dest)
{
    ASSERT(tree != NULL && dest != NULL);

    if (codegen_failed(g))
        return;
    Operator *op = tree;
    LimitOperator *limit = NULL;
    if (op->kind == OPERATOR_LIMIT) {
        limit = (LimitOperator *)op;
        op = op->input;
    }
    switch ((OperatorKind)op->kind) {
    case OPERATOR_SET: code_set(g, (SetOperator *)op, limit, dest); return;
    case OPERATOR_VALUES: code_values(g, (ValuesOperator *)op, limit, true, dest); return;
    case OPERATOR_RECURSE: code_recursive(g, (RecurseOperator *)op, dest); return;
    default: code_simple(g, tree, select, dest); return; // a chain of stages
    }
}

void code_select(Codegen *g, Select *select, SelectDest *dest)
{
    ASSERT(select != NULL && dest != NULL);

    if (codegen_failed(g))
        return;
    PlanContext plan = code_plan_context(g);
    Operator *tree;
    int rc = plan_select(&plan, select, &tree);
    if (rc != SQLITE_OK) {
        codegen_fail(g, rc);
        return;
    }
    code_operator(g, tree, select, dest);
}

// --- VALUES ---

void code_values(Codegen *g, ValuesOperator *op, const LimitOperator *limit_op, bool explain,
                 SelectDest *dest)
{
    ASSERT(op->row_count > 0);

    Label done = label_new(g->program);
    LimitCode limit;
    int count = (int)op->rows[0]->columns->count;
    if (dest->first == 0)
        dest->first = reg_range_new(g, count);
    dest->count = count;
    Reg row = dest->kind == DEST_REGISTERS ? dest->param : dest->first;
    code_limit_begin(g, limit_op, &limit, done);
    if (explain)
        plan_line(g, op->is_plain ? "SCAN %u CONSTANT ROWS" : "SCAN %u-ROW VALUES CLAUSE",
                  op->row_count);
    for (u32 i = 0; i < op->row_count && !codegen_failed(g); i++) {
        Label next = label_new(g->program);
        if (limit.offset != 0)
            program_emit(g->program, OP_IfPos, limit.offset, next, 1);
        code_expr_list(g, op->rows[i]->columns, row, 0);
        code_deliver(g, dest, row, count, done);
        if (limit.limit != 0)
            program_emit(g->program, OP_DecrJumpZero, limit.limit, done, 0);
        label_here(g->program, next);
    }
    label_here(g->program, done);
}
