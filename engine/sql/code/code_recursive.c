// WITH RECURSIVE: rows wait in a queue, each is put out and fed to the recursive terms once.
//
//     setup -> queue
//     while the queue has a row:  take its first, put it out, run the steps on it -> queue
//
// The queue is a table in order of arrival, or with ORDER BY an index on those keys (then the
// search is depth first or however the order says). With UNION a row that was ever queued is not
// queued again.
//
//     setup: MakeRecord, [Found seen -> known, IdxInsert seen], Insert queue
//   TOP:  Rewind queue -> DONE
//     RowData queue -> row;  Delete queue           (the row in hand, read through `current`)
//     deliver current's columns
//     steps: each a SELECT that reads `current` -> queue
//     Goto TOP
//   DONE:
//
// With ORDER BY a record of the queue is the keys, a number that keeps equal keys in order of
// arrival, and the row as one field.

#include "sql/code/code_query.h"
#include "sql/expr_tree.h"

typedef struct QueueCode {
    RecurseOperator *op;
    int queue, seen, current;
    Reg row; // the row worked on, as a record
} QueueCode;

static int order_count(const SelectDest *dest)
{
    return dest->order == NULL ? 0 : (int)dest->order->count;
}

void code_deliver_queue(Codegen *g, SelectDest *dest, Reg row, int count, Label done)
{
    ASSERT(dest->kind == DEST_QUEUE || dest->kind == DEST_DISTINCT_QUEUE);
    ASSERT(row > 0 && count > 0);

    (void)done;
    Label known = label_new(g->program);
    int keys = order_count(dest);
    Reg record = reg_range_new(g, keys + 3);
    program_emit(g->program, OP_MakeRecord, row, count, record);
    if (dest->kind == DEST_DISTINCT_QUEUE) {
        program_emit_int(g->program, OP_Found, dest->param2, known, row, count);
        program_emit_int(g->program, OP_IdxInsert, dest->param2, record, row, count);
    }
    if (keys == 0) {
        program_emit(g->program, OP_NewRowid, dest->param, record + 1, 0);
        program_emit(g->program, OP_Insert, dest->param, record, record + 1);
        program_set_p5(g->program, P5_APPEND);
    } else {
        Reg fields = reg_range_new(g, keys + 2);
        for (int i = 0; i < keys; i++)
            program_emit(g->program, OP_SCopy, row + dest->order->items[i].column - 1, fields + i,
                         0);
        program_emit(g->program, OP_Sequence, dest->param, fields + keys, 0);
        program_emit(g->program, OP_SCopy, record, fields + keys + 1, 0);
        program_emit(g->program, OP_MakeRecord, fields, keys + 2, record + 1);
        program_emit_int(g->program, OP_IdxInsert, dest->param, record + 1, fields, keys + 2);
    }
    label_here(g->program, known);
}

// Rows are the same when they are equal by the collations of the whole compound.
static KeyShape *seen_shape(Codegen *g, const QueueCode *qc)
{
    ASSERT(qc->op->distinct);

    u32 count = qc->op->select->columns->count;
    KeyShape *shape = key_shape_new(g->db, g->db->encoding, (u16)count, (u16)count);
    if (shape == NULL) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return NULL;
    }
    for (u32 i = 0; i < count; i++) {
        const Collation *c = code_named_collation(g, plan_compound_collation(qc->op->select, i));
        if (c != NULL)
            shape->fields[i].collation = c;
    }
    return shape;
}

static KeyShape *queue_shape(Codegen *g, const QueueCode *qc, const ExprList *order)
{
    ASSERT(order->count > 0);

    int keys = (int)order->count;
    KeyShape *shape = key_shape_new(g->db, g->db->encoding, (u16)(keys + 2), (u16)(keys + 2));
    if (shape == NULL) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return NULL;
    }
    for (int i = 0; i < keys; i++) {
        const ExprItem *item = &order->items[i];
        const char *name = item->expr->kind == EX_COLLATE
                               ? item->expr->text
                               : plan_compound_collation(qc->op->select, item->column - 1u);
        const Collation *c = code_named_collation(g, name);
        if (c != NULL)
            shape->fields[i].collation = c;
        shape->fields[i].flags = code_key_flags(item->sort);
    }
    return shape;
}

static void code_queue_open(Codegen *g, QueueCode *qc, SelectDest *queue, int count)
{
    ASSERT(count > 0);

    program_emit(g->program, OP_OpenPseudo, qc->current, qc->row, count);
    if (queue->order != NULL)
        program_emit_shape(g->program, OP_OpenEphemeral, qc->queue, order_count(queue) + 2, 0,
                           queue_shape(g, qc, queue->order));
    else
        program_emit(g->program, OP_OpenEphemeral, qc->queue, count, 0);
    if (qc->op->distinct)
        program_emit_shape(g->program, OP_OpenEphemeral, qc->seen, count, 0, seen_shape(g, qc));
}

// The steps read the row in hand wherever they name the CTE.
static void set_sources(Codegen *g, const QueueCode *qc)
{
    ASSERT(qc->current >= 0);

    for (u32 i = 0; i < qc->op->step_count; i++) {
        const FromList *from = qc->op->step_selects[i]->from;
        for (u32 j = 0; j < from->count; j++) {
            if (from->items[j]->kind == FROM_RECURSIVE)
                *source_of(g, from->items[j]->cursor) = (ColumnSource){
                    .kind = SOURCE_CURSOR, .cursor = qc->current, .index_cursor = -1};
        }
    }
}

static void code_queue_row(Codegen *g, QueueCode *qc, const LimitCode *limit, SelectDest *dest,
                           Label done)
{
    ASSERT(done < 0);

    int count = (int)qc->op->select->columns->count;
    Label skip = label_new(g->program);
    if (limit->offset != 0)
        program_emit(g->program, OP_IfPos, limit->offset, skip, 1);
    if (dest->first == 0)
        dest->first = reg_range_new(g, count);
    dest->count = count;
    for (int i = 0; i < count; i++)
        program_emit(g->program, OP_Column, qc->current, i, dest->first + i);
    code_deliver(g, dest, dest->first, count, done);
    if (limit->limit != 0)
        program_emit(g->program, OP_DecrJumpZero, limit->limit, done, 0);
    label_here(g->program, skip);
}

static void code_steps(Codegen *g, QueueCode *qc, const SelectDest *queue)
{
    ASSERT(qc->op->step_count > 0);

    for (u32 i = 0; i < qc->op->step_count; i++) {
        SelectDest step = *queue;
        int former = plan_push(g, "RECURSIVE STEP");
        code_operator(g, qc->op->steps[i], qc->op->step_selects[i], &step);
        plan_pop(g, former);
    }
}

void code_recursive(Codegen *g, RecurseOperator *op, SelectDest *dest)
{
    ASSERT(op->step_count > 0);

    Select *select = op->select;
    int count = (int)select->columns->count;
    QueueCode qc = {.op = op,
                    .queue = cursor_new(g),
                    .seen = op->distinct ? cursor_new(g) : 0,
                    .current = cursor_new(g),
                    .row = reg_new(g)};
    SelectDest queue = {.kind = op->distinct ? DEST_DISTINCT_QUEUE : DEST_QUEUE,
                        .param = qc.queue,
                        .param2 = qc.seen,
                        .order = select->order_by};
    LimitOperator bounds = {.limit = select->limit, .offset = select->offset_expr};
    LimitCode limit;
    Label done = label_new(g->program);
    code_limit_begin(g, select->limit == NULL ? NULL : &bounds, &limit, done);
    code_queue_open(g, &qc, &queue, count);
    set_sources(g, &qc);
    SelectDest setup = queue;
    int former = plan_push(g, "SETUP");
    code_operator(g, op->setup, op->setup_select, &setup);
    plan_pop(g, former);
    int top = program_emit(g->program, OP_Rewind, qc.queue, done, 0);
    program_emit(g->program, OP_NullRow, qc.current, 0, 0);
    if (queue.order != NULL)
        program_emit(g->program, OP_Column, qc.queue, order_count(&queue) + 1, qc.row);
    else
        program_emit(g->program, OP_RowData, qc.queue, qc.row, 0);
    program_emit(g->program, OP_Delete, qc.queue, 0, 0);
    code_queue_row(g, &qc, &limit, dest, done);
    code_steps(g, &qc, &queue);
    program_emit(g->program, OP_Goto, 0, top, 0);
    label_here(g->program, done);
}
