// Window functions. The input comes sorted by PARTITION BY and ORDER BY; each partition is
// collected in an ephemeral table with the number of every row's peer group, then delivered row by
// row while two further cursors on it move the frame along.
//
//     for each row of the input:
//       PARTITION BY differs from the former row's:  Gosub deliver
//       ORDER BY differs:  group + 1
//       Insert (columns.., group) under the next number
//     Gosub deliver
//     Goto end
//   deliver:
//     current, start, end = first row; the frame is empty: [start_position, end_position)
//     for each row under `current`:
//       `end` moves on, AggStep of the rows it passes; `start` moves on, AggInverse of those
//       AggValue of every function whose frame changed      or the frame is run over anew (rescans)
//       lead, lag, first_value, nth_value: the row is looked up by its number
//       the query's row
//     forget the partition; Return
//   end:
//
// Functions that cannot lose rows again are replaced by ones that can where the frame's start moves
// (window_sliding); without such a one, and under EXCLUDE, every row's frame is run over anew,
// which takes time by the square of the partition.
//
// The frame's movements are in code_frame.c.

#include "sql/code/code_window.h"
#include "sql/expr_tree.h"

// --- set up ---

static bool needs_frame(const WindowCall *c)
{
    ASSERT(c->func != NULL);

    switch (c->kind) {
    case WINDOW_LEAD:
    case WINDOW_LAG:
    case WINDOW_FIRST_VALUE:
    case WINDOW_NTH_VALUE: return false;
    default: return true; // runs over its rows
    }
}

static bool start_moves(const Window *w)
{
    ASSERT(w != NULL);

    return w->start.kind != BOUND_UNBOUNDED_PRECEDING;
}

static void call_init(WindowCode *wc, WindowCall *c, Expr *call)
{
    ASSERT(call->kind == EX_CALL);

    Codegen *g = wc->qc->g;
    *c = (WindowCall){.call = call, .func = call->u.call->func};
    c->arg_count = call->list == NULL ? 0 : (int)call->list->count;
    if (c->func == NULL) {
        codegen_error(g, SQLITE_ERROR, "no such function: %s", call->text);
        return;
    }
    c->kind = window_kind(c->func);
    if (start_moves(wc->window) && needs_frame(c)) {
        const FuncDef *sliding = window_sliding(c->func);
        if (sliding == NULL)
            wc->rescans = true;
        else
            c->func = sliding;
    }
    c->args = c->arg_count > 0 ? reg_range_new(g, c->arg_count) : 0;
    c->accumulator = reg_new(g);
    c->result = reg_new(g);
}

static void window_init(WindowCode *wc, QueryCode *qc)
{
    ASSERT(qc->window_op != NULL);

    Codegen *g = qc->g;
    WindowOperator *op = qc->window_op;
    *wc = (WindowCode){.qc = qc,
                       .op = op,
                       .window = op->window,
                       .call_count = op->call_count,
                       .item = op->item,
                       .column_count = (int)op->item->column_count};
    wc->rescans = op->window->has_exclude; // as SQLite does even for NO OTHERS
    wc->calls = arena_array(g->arena, (size_t)op->call_count + 1, sizeof *wc->calls);
    if (wc->calls == NULL) {
        codegen_fail(g, SQLITE_NOMEM);
        return;
    }
    for (u32 i = 0; i < op->call_count; i++)
        call_init(wc, &wc->calls[i], op->calls[i]);
    const ExprList *partition = op->window->partition_by, *order = op->window->order_by;
    wc->partition_keys =
        partition != NULL && partition->count > 0 ? reg_range_new(g, (int)partition->count) : 0;
    wc->order_keys = order != NULL && order->count > 0 ? reg_range_new(g, (int)order->count) : 0;
    Reg *registers[] = {
        &wc->row_count,  &wc->group, &wc->deliver_return, &wc->position,     &wc->end_position,
        &wc->end_offset, &wc->bound, &wc->start_position, &wc->start_offset, &wc->changed};
    for (u32 i = 0; i < ARRAY_LEN(registers); i++)
        *registers[i] = reg_new(g);
    wc->rows = cursor_new(g);
    wc->current = cursor_new(g);
    wc->start = cursor_new(g);
    wc->end = cursor_new(g);
    wc->deliver = label_new(g->program);
}

static void code_open(WindowCode *wc)
{
    ASSERT(wc->column_count > 0 && wc->rows >= 0);

    Codegen *g = wc->qc->g;
    program_emit(g->program, OP_OpenEphemeral, wc->rows, wc->column_count + 1, 0);
    program_emit(g->program, OP_OpenDup, wc->current, wc->rows, 0);
    program_emit(g->program, OP_OpenDup, wc->start, wc->rows, 0);
    program_emit(g->program, OP_OpenDup, wc->end, wc->rows, 0);
    program_emit(g->program, OP_Integer, 0, wc->row_count, 0);
    program_emit(g->program, OP_Integer, 0, wc->group, 0);
}

// --- collecting a partition ---

// Compares the keys of this row with those of the former one; falls through on a difference, with
// the keys renewed.
static void code_keys_changed(WindowCode *wc, const ExprList *keys, Reg former, Label same)
{
    ASSERT(former > 0);
    ASSERT(same < 0);

    Codegen *g = wc->qc->g;
    int count = (int)keys->count;
    Reg values = reg_temp_range(g, count);
    Label differ = label_new(g->program);
    code_expr_list(g, keys, values, 0);
    program_emit_shape(g->program, OP_Compare, former, values, count,
                       code_list_shape(g, keys, 0, 0));
    program_emit(g->program, OP_Jump, differ, same, differ);
    label_here(g->program, differ);
    program_emit(g->program, OP_Copy, values, former, count - 1);
    reg_temp_range_release(g, values, count);
}

static void code_partition_change(WindowCode *wc)
{
    ASSERT(wc->deliver < 0);

    Codegen *g = wc->qc->g;
    if (wc->partition_keys == 0)
        return;
    Label same = label_new(g->program);
    code_keys_changed(wc, wc->window->partition_by, wc->partition_keys, same);
    program_emit(g->program, OP_Gosub, wc->deliver_return, wc->deliver, 0);
    label_here(g->program, same);
}

static void code_group_number(WindowCode *wc)
{
    ASSERT(wc->row_count > 0 && wc->group > 0);

    Codegen *g = wc->qc->g;
    if (wc->order_keys == 0)
        return;
    Label same = label_new(g->program), begun = label_new(g->program);
    // The first row of a partition begins a group whatever the former row was.
    program_emit(g->program, OP_If, wc->row_count, begun, 0);
    code_expr_list(g, wc->window->order_by, wc->order_keys, LIST_COPY);
    program_emit(g->program, OP_Goto, 0, same, 0);
    label_here(g->program, begun);
    code_keys_changed(wc, wc->window->order_by, wc->order_keys, same);
    program_emit(g->program, OP_AddImm, wc->group, 1, 0);
    label_here(g->program, same);
}

// Keeps the row that the input has just yielded. Its registers go into the record as they are:
// whole REALs of virtual columns, which the functions will see as integers.
static void code_collect(WindowCode *wc)
{
    ASSERT(wc->column_count > 0);

    Codegen *g = wc->qc->g;
    const FromItem *former = g->raw_item;
    g->raw_item = wc->item;
    code_partition_change(wc);
    code_group_number(wc);
    Reg fields = reg_range_new(g, wc->column_count + 1);
    Reg record = reg_temp(g);
    for (int i = 0; i < wc->column_count; i++)
        code_item_column(g, wc->item, i, fields + i);
    program_emit(g->program, OP_SCopy, wc->group, fields + wc->column_count, 0);
    program_emit(g->program, OP_MakeRecord, fields, wc->column_count + 1, record);
    program_emit(g->program, OP_AddImm, wc->row_count, 1, 0);
    program_emit(g->program, OP_Insert, wc->rows, record, wc->row_count);
    program_set_p5(g->program, P5_APPEND);
    reg_temp_release(g, record);
    g->raw_item = former;
}

// --- functions over rows of the frame ---

// Expressions read the row under `cursor`. Returns the former cursor.
static int read_from(WindowCode *wc, int cursor)
{
    ASSERT(cursor >= 0);

    ColumnSource *source = source_of(wc->qc->g, wc->item->cursor);
    int former = source->cursor;
    source->cursor = cursor;
    wc->qc->g->raw_item = wc->item;
    return former;
}

static void read_back(WindowCode *wc, int former)
{
    ASSERT(wc->qc->g->raw_item == wc->item);

    (void)read_from(wc, former);
    wc->qc->g->raw_item = NULL;
}

static void step_call(WindowCode *wc, const WindowCall *c, Opcode op)
{
    ASSERT(op == OP_AggStep || op == OP_AggInverse);

    Codegen *g = wc->qc->g;
    Label skip = label_new(g->program);
    if (c->call->u.call->filter != NULL)
        code_jump(g, c->call->u.call->filter, skip, false, false);
    if (c->arg_count > 0)
        code_expr_list(g, c->call->list, c->args, 0);
    code_strip_subtypes(g, c->func, c->call->list, c->args);
    if ((c->func->flags & FUNC_NEEDS_COLLATION) != 0) {
        const Collation *collation = NULL;
        for (int i = 0; collation == NULL && i < c->arg_count; i++)
            collation = code_collation(g, c->call->list->items[i].expr);
        program_emit_collation(g->program, OP_CollSeq, 0, 0, 0,
                               collation == NULL ? &collation_binary : collation);
    }
    program_emit_func(g->program, op, op == OP_AggInverse, c->args, c->accumulator, c->func);
    program_set_p5(g->program, (u16)c->arg_count);
    label_here(g->program, skip);
}

void code_window_step(WindowCode *wc, int cursor, Opcode op)
{
    ASSERT(op == OP_AggStep || op == OP_AggInverse);

    int former = read_from(wc, cursor);
    for (u32 i = 0; i < wc->call_count; i++) {
        if (needs_frame(&wc->calls[i]))
            step_call(wc, &wc->calls[i], op);
    }
    read_back(wc, former);
}

static void reset_accumulators(WindowCode *wc)
{
    ASSERT(wc->calls != NULL);

    for (u32 i = 0; i < wc->call_count; i++)
        program_emit(wc->qc->g->program, OP_Null, 0, wc->calls[i].accumulator, 0);
}

// Runs over the rows of the frame that are not excluded, from scratch.
static void code_rescan(WindowCode *wc)
{
    ASSERT(wc->rescans);

    Codegen *g = wc->qc->g;
    Label done = label_new(g->program), next = label_new(g->program);
    Reg row = reg_new(g);
    int cursor = wc->start; // stands on the first row of the frame, and is put back
    reset_accumulators(wc);
    program_emit(g->program, OP_SCopy, wc->start_position, row, 0);
    program_emit(g->program, OP_SeekRowid, cursor, done, row);
    int top = program_emit(g->program, OP_Ge, wc->end_position, done, row);
    code_frame_exclude(wc, cursor, row, next);
    code_window_step(wc, cursor, OP_AggStep);
    label_here(g->program, next);
    program_emit(g->program, OP_AddImm, row, 1, 0);
    program_emit(g->program, OP_Next, cursor, top, 0);
    label_here(g->program, done);
    for (u32 i = 0; i < wc->call_count; i++) {
        WindowCall *c = &wc->calls[i];
        if (!needs_frame(c))
            continue;
        program_emit_func(g->program, OP_AggFinal, c->accumulator, c->arg_count, 0, c->func);
        program_emit(g->program, OP_Copy, c->accumulator, c->result, 0);
    }
    int back = program_emit(g->program, OP_SeekRowid, cursor, 0, wc->start_position);
    program_jump_here(g->program, back);
}

static void code_values_of_frame(WindowCode *wc)
{
    ASSERT(wc->changed > 0);

    Codegen *g = wc->qc->g;
    if (wc->rescans) {
        code_rescan(wc);
        return;
    }
    Label keep = label_new(g->program);
    program_emit(g->program, OP_IfNot, wc->changed, keep, 0);
    for (u32 i = 0; i < wc->call_count; i++) {
        const WindowCall *c = &wc->calls[i];
        if (!needs_frame(c))
            continue;
        program_emit_func(g->program, OP_AggValue, c->accumulator, c->arg_count, c->result,
                          c->func);
    }
    program_emit(g->program, OP_Integer, 0, wc->changed, 0);
    label_here(g->program, keep);
}

// --- functions that pick one row ---

// r[result] = the first argument for the row number r[row], if there is one.
static void code_pick(WindowCode *wc, const WindowCall *c, Reg row, Label missing)
{
    ASSERT(row > 0);
    ASSERT(missing < 0);

    Codegen *g = wc->qc->g;
    program_emit(g->program, OP_NotExists, wc->rows, missing, row);
    int former = read_from(wc, wc->rows);
    code_expr_copy(g, c->call->list->items[0].expr, c->result);
    read_back(wc, former);
}

static void code_lead_lag(WindowCode *wc, const WindowCall *c)
{
    ASSERT(c->kind == WINDOW_LEAD || c->kind == WINDOW_LAG);

    Codegen *g = wc->qc->g;
    Label missing = label_new(g->program);
    Reg row = reg_new(g);
    if (c->arg_count < 3)
        program_emit(g->program, OP_Null, 0, c->result, 0);
    else
        code_expr_copy(g, c->call->list->items[2].expr, c->result);
    program_emit(g->program, OP_SCopy, wc->position, row, 0);
    if (c->arg_count < 2) {
        program_emit(g->program, OP_AddImm, row, c->kind == WINDOW_LEAD ? 1 : -1, 0);
    } else {
        Reg offset = reg_temp(g);
        code_expr_copy(g, c->call->list->items[1].expr, offset);
        program_emit(g->program, c->kind == WINDOW_LEAD ? OP_Add : OP_Subtract, offset, row, row);
        program_emit(g->program, OP_IsNull, row, missing, 0);
        program_emit(g->program, OP_MustBeInt, row, missing, 0);
        reg_temp_release(g, offset);
    }
    code_pick(wc, c, row, missing);
    label_here(g->program, missing);
}

static void halt_bad_nth(Codegen *g)
{
    program_emit_text(g->program, OP_Halt, SQLITE_ERROR, ON_CONFLICT_ABORT, 0,
                      "second argument to nth_value must be a positive integer", -1);
    codegen_may_abort(g);
}

// The n-th row of the frame; with EXCLUDE they must be counted.
static void code_nth(WindowCode *wc, const WindowCall *c)
{
    ASSERT(c->kind == WINDOW_NTH_VALUE || c->kind == WINDOW_FIRST_VALUE);

    Codegen *g = wc->qc->g;
    Label missing = label_new(g->program);
    Reg n = reg_new(g), row = reg_new(g);
    if (c->kind == WINDOW_NTH_VALUE) {
        Label good = label_new(g->program), bad = label_new(g->program);
        code_expr_copy(g, c->call->list->items[1].expr, n);
        program_emit(g->program, OP_MustBeInt, n, bad, 0);
        program_emit(g->program, OP_IfPos, n, good, 0);
        label_here(g->program, bad);
        halt_bad_nth(g);
        label_here(g->program, good);
    } else {
        program_emit(g->program, OP_Integer, 1, n, 0);
    }
    program_emit(g->program, OP_Null, 0, c->result, 0);
    if (wc->window->exclude == EXCLUDE_NO_OTHERS) {
        program_emit(g->program, OP_Add, wc->start_position, n, row);
        program_emit(g->program, OP_AddImm, row, -1, 0);
        program_emit(g->program, OP_Ge, wc->end_position, missing, row);
        code_pick(wc, c, row, missing);
        label_here(g->program, missing);
        return;
    }
    Label next = label_new(g->program), found = label_new(g->program);
    program_emit(g->program, OP_SCopy, wc->start_position, row, 0);
    program_emit(g->program, OP_SeekRowid, wc->rows, missing, row);
    int top = program_emit(g->program, OP_Ge, wc->end_position, missing, row);
    code_frame_exclude(wc, wc->rows, row, next);
    program_emit(g->program, OP_DecrJumpZero, n, found, 0);
    label_here(g->program, next);
    program_emit(g->program, OP_AddImm, row, 1, 0);
    program_emit(g->program, OP_Next, wc->rows, top, 0);
    program_emit(g->program, OP_Goto, 0, missing, 0);
    label_here(g->program, found);
    code_pick(wc, c, row, missing);
    label_here(g->program, missing);
}

static void code_picks(WindowCode *wc)
{
    ASSERT(wc->position > 0);

    for (u32 i = 0; i < wc->call_count; i++) {
        const WindowCall *c = &wc->calls[i];
        if (c->kind == WINDOW_LEAD || c->kind == WINDOW_LAG)
            code_lead_lag(wc, c);
        else if (!needs_frame(c))
            code_nth(wc, c);
    }
}

// --- delivering a partition ---

static bool frame_matters(const WindowCode *wc)
{
    ASSERT(wc->call_count > 0);

    for (u32 i = 0; i < wc->call_count; i++) {
        if (wc->calls[i].kind != WINDOW_LEAD && wc->calls[i].kind != WINDOW_LAG)
            return true;
    }
    return false;
}

static void push_results(WindowCode *wc)
{
    ASSERT(wc->call_count > 0);

    Codegen *g = wc->qc->g;
    for (u32 i = 0; i < wc->call_count; i++) {
        Substitute *s = arena_alloc_zeroed(g->arena, sizeof *s);
        if (s == NULL) {
            codegen_fail(g, SQLITE_NOMEM);
            return;
        }
        s->expr = wc->calls[i].call;
        s->reg = wc->calls[i].result;
        substitute_push(g, s);
    }
}

// The last value of a window was asked for before: what finalize says is of no interest.
static void end_functions(WindowCode *wc)
{
    ASSERT(wc->calls != NULL);

    Codegen *g = wc->qc->g;
    for (u32 i = 0; !wc->rescans && i < wc->call_count; i++) {
        const WindowCall *c = &wc->calls[i];
        if (!needs_frame(c))
            continue;
        program_emit_func(g->program, OP_AggFinal, c->accumulator, c->arg_count, 0, c->func);
        program_set_p5(g->program, 1);
    }
}

// A frame that may start ahead of its end gives up what it takes in, so the end goes first.
// Otherwise rows go before others come, as in SQLite: sums of REALs and group_concat() over texts
// that are empty show the order.
static void code_frame_ends(WindowCode *wc)
{
    ASSERT(wc->start >= 0 && wc->end >= 0);

    const Window *w = wc->window;
    bool end_goes_first = w->start.kind == BOUND_FOLLOWING || w->end.kind == BOUND_PRECEDING;
    if (end_goes_first)
        code_frame_end(wc);
    code_frame_start(wc);
    if (!end_goes_first)
        code_frame_end(wc);
}

static void code_deliver_rows(WindowCode *wc)
{
    ASSERT(wc->current >= 0);

    Codegen *g = wc->qc->g;
    Label next = label_new(g->program);
    int top = program_here(g->program);
    if (frame_matters(wc)) {
        code_frame_ends(wc);
        code_values_of_frame(wc);
    }
    code_picks(wc);
    Substitute *before = g->substitutes;
    push_results(wc);
    code_query_row(wc->qc, next);
    g->substitutes = before;
    label_here(g->program, next);
    program_emit(g->program, OP_AddImm, wc->position, 1, 0);
    program_emit(g->program, OP_Next, wc->current, top, 0);
}

// The subroutine that delivers the rows collected and forgets them.
static void code_deliver_partition(WindowCode *wc)
{
    ASSERT(wc->deliver_return > 0);

    Codegen *g = wc->qc->g;
    Label none = label_new(g->program);
    label_here(g->program, wc->deliver);
    program_emit(g->program, OP_IfNot, wc->row_count, none, 0);
    ColumnSource former = *source_of(g, wc->item->cursor);
    *source_of(g, wc->item->cursor) =
        (ColumnSource){.kind = SOURCE_CURSOR, .cursor = wc->current, .index_cursor = -1};
    program_emit(g->program, OP_Rewind, wc->current, none, 0);
    program_emit(g->program, OP_Rewind, wc->start, none, 0);
    program_emit(g->program, OP_Rewind, wc->end, none, 0);
    program_emit(g->program, OP_Integer, 1, wc->position, 0);
    program_emit(g->program, OP_Integer, 1, wc->start_position, 0);
    program_emit(g->program, OP_Integer, 1, wc->end_position, 0);
    program_emit(g->program, OP_Integer, 1, wc->changed, 0);
    code_frame_offsets(wc);
    reset_accumulators(wc);
    code_deliver_rows(wc);
    end_functions(wc);
    program_emit(g->program, OP_ResetSorter, wc->rows, 0, 0);
    program_emit(g->program, OP_Integer, 0, wc->row_count, 0);
    program_emit(g->program, OP_Integer, 0, wc->group, 0);
    label_here(g->program, none);
    program_emit(g->program, OP_Return, wc->deliver_return, 0, 0);
    *source_of(g, wc->item->cursor) = former;
}

void code_window_rows(QueryCode *qc)
{
    ASSERT(qc->window_op != NULL && qc->source->kind == OPERATOR_JOIN);

    Codegen *g = qc->g;
    WindowCode wc;
    JoinCode jc = {.join = (JoinOperator *)qc->source};
    Label end = label_new(g->program);
    code_from_begin(g, jc.join->from);
    window_init(&wc, qc);
    if (codegen_failed(g))
        return;
    code_open(&wc);
    code_join_begin(g, &jc);
    if (codegen_failed(g))
        return;
    code_collect(&wc);
    code_join_end(g, &jc);
    program_emit(g->program, OP_Gosub, wc.deliver_return, wc.deliver, 0);
    program_emit(g->program, OP_Goto, 0, end, 0);
    code_deliver_partition(&wc);
    label_here(g->program, end);
}
