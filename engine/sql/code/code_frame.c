// Frames of window functions. Both ends only ever move forward within a partition: `end` takes rows
// in as long as they lie before the end of the frame, `start` gives rows up as long as they lie
// before its start. What "before" means depends on the unit:
//
//     ROWS    the row's number against the current row's number, plus or minus n
//     GROUPS  the number of its peer group likewise; also RANGE without an offset
//     RANGE n the ORDER BY value against the current row's value plus or minus n, in the sort order
//
//     end:    L1: Gt row_count end_position -> STOP;  (row under `end` behind the bound -> STOP)
//             AggStep;  end_position + 1;  Next end -> L1
//     start:  L2: Ge end_position start_position -> STOP;  (row not before the bound -> STOP)
//             AggInverse;  start_position + 1;  Next start -> L2
//
// A frame that cannot be moved by steps (rescans: EXCLUDE, or a function without xInverse) has its
// ends moved alike; the rows between them are then stepped through from scratch by code_window.c.

#include "sql/code/code_window.h"
#include "sql/expr_tree.h"

static bool has_offset(const FrameBound *b)
{
    return b->kind == BOUND_PRECEDING || b->kind == BOUND_FOLLOWING;
}

static bool is_unbounded(const FrameBound *b)
{
    return b->kind == BOUND_UNBOUNDED_PRECEDING || b->kind == BOUND_UNBOUNDED_FOLLOWING;
}

// --- offsets ---

static void halt_bad_offset(Codegen *g, const WindowCode *wc, bool is_start)
{
    ASSERT(wc->window != NULL);

    const char *text = arena_printf(g->arena, "frame %s offset must be a non-negative %s",
                                    is_start ? "starting" : "ending",
                                    wc->window->unit == FRAME_RANGE ? "number" : "integer");
    program_emit_text(g->program, OP_Halt, SQLITE_ERROR, ON_CONFLICT_ABORT, 0,
                      text == NULL ? "" : text, -1);
    codegen_may_abort(g);
}

static void code_offset(WindowCode *wc, const FrameBound *b, Reg target, bool is_start)
{
    ASSERT(target > 0);

    Codegen *g = wc->qc->g;
    if (!has_offset(b))
        return;
    Label good = label_new(g->program), bad = label_new(g->program);
    Reg zero = reg_temp(g);
    code_expr_copy(g, b->expr, target);
    if (wc->window->unit == FRAME_RANGE) {
        // A number: not less than zero, less than any text.
        Reg text = reg_temp(g);
        program_emit_text(g->program, OP_String8, 0, text, 0, "", 0);
        program_emit(g->program, OP_Ge, text, bad, target);
        program_set_p5(g->program, AFF_NUMERIC | P5_JUMP_IF_NULL);
        reg_temp_release(g, text);
    } else {
        program_emit(g->program, OP_MustBeInt, target, bad, 0);
    }
    program_emit(g->program, OP_Integer, 0, zero, 0);
    program_emit(g->program, OP_Ge, zero, good, target);
    program_set_p5(g->program, AFF_NUMERIC);
    label_here(g->program, bad);
    halt_bad_offset(g, wc, is_start);
    label_here(g->program, good);
    reg_temp_release(g, zero);
}

void code_frame_offsets(WindowCode *wc)
{
    ASSERT(wc->window != NULL);

    code_offset(wc, &wc->window->start, wc->start_offset, true);
    code_offset(wc, &wc->window->end, wc->end_offset, false);
}

// --- bounds ---

static bool by_value(const WindowCode *wc, const FrameBound *b)
{
    ASSERT(b == &wc->window->start || b == &wc->window->end);

    return wc->window->unit == FRAME_RANGE && has_offset(b);
}

// r[value] plus or minus the offset, but text and blobs have peers and no distances.
static void code_shift_value(WindowCode *wc, Reg value, Reg offset)
{
    ASSERT(value > 0 && offset > 0);

    Codegen *g = wc->qc->g;
    Label done = label_new(g->program);
    bool descending = (wc->window->order_by->items[0].sort & SORT_DESC) != 0;
    Reg text = reg_temp(g);
    program_emit_text(g->program, OP_String8, 0, text, 0, "", 0);
    program_emit(g->program, OP_Ge, text, done, value);
    program_emit(g->program, descending ? OP_Subtract : OP_Add, offset, value, value);
    label_here(g->program, done);
    reg_temp_release(g, text);
}

// r[bound] = the current row's place plus or minus the offset. By value, n PRECEDING is reckoned
// from the other row (as its value plus n), so that overflow goes to REAL on the same side as in
// SQLite.
static void code_bound_value(WindowCode *wc, const FrameBound *b, Reg offset)
{
    ASSERT(wc->bound > 0);

    Codegen *g = wc->qc->g;
    if (by_value(wc, b)) {
        code_expr_copy(g, wc->window->order_by->items[0].expr, wc->bound);
        if (b->kind == BOUND_FOLLOWING)
            code_shift_value(wc, wc->bound, offset);
        return;
    }
    if (wc->window->unit == FRAME_ROWS)
        program_emit(g->program, OP_SCopy, wc->position, wc->bound, 0);
    else
        program_emit(g->program, OP_Column, wc->current, wc->column_count, wc->bound);
    if (has_offset(b))
        program_emit(g->program, b->kind == BOUND_FOLLOWING ? OP_Add : OP_Subtract, offset,
                     wc->bound, wc->bound);
}

// r[value] = what the row under `cursor` is compared by.
static void code_row_value(WindowCode *wc, const FrameBound *b, int cursor, Reg value)
{
    ASSERT(value > 0);

    ColumnSource *source = source_of(wc->qc->g, wc->item->cursor);
    int former = source->cursor;
    source->cursor = cursor;
    code_expr_copy(wc->qc->g, wc->window->order_by->items[0].expr, value);
    source_of(wc->qc->g, wc->item->cursor)->cursor = former;
    if (b->kind == BOUND_PRECEDING)
        code_shift_value(wc, value, b == &wc->window->start ? wc->start_offset : wc->end_offset);
}

// Jumps to `to` when the row under `cursor` is behind the bound, or (unless `strict`) on it.
static void code_place_test(WindowCode *wc, const FrameBound *b, int cursor, bool strict, Label to)
{
    ASSERT(to < 0);

    Codegen *g = wc->qc->g;
    if (by_value(wc, b)) {
        Reg value = reg_new(g);
        code_row_value(wc, b, cursor, value);
        program_emit_shape(g->program, OP_Compare, value, wc->bound, 1,
                           code_list_shape(g, wc->window->order_by, 0, 0));
        Label before = label_new(g->program);
        program_emit(g->program, OP_Jump, before, strict ? before : to, to);
        label_here(g->program, before);
        return;
    }
    Reg number = cursor == wc->start ? wc->start_position : wc->end_position;
    Reg place = number;
    if (wc->window->unit != FRAME_ROWS) {
        place = reg_temp(g);
        program_emit(g->program, OP_Column, cursor, wc->column_count, place);
    }
    program_emit(g->program, strict ? OP_Gt : OP_Ge, wc->bound, to, place);
    if (place != number)
        reg_temp_release(g, place);
}

// --- moving the ends ---

// Takes rows in up to the end of the frame: row numbers below r[end_position] are in.
void code_frame_end(WindowCode *wc)
{
    ASSERT(wc->end_position > 0 && wc->changed > 0);

    Codegen *g = wc->qc->g;
    const FrameBound *b = &wc->window->end;
    Label stop = label_new(g->program);
    if (!is_unbounded(b))
        code_bound_value(wc, b, wc->end_offset);
    int top = program_emit(g->program, OP_Gt, wc->row_count, stop, wc->end_position);
    if (!is_unbounded(b))
        code_place_test(wc, b, wc->end, true, stop);
    if (!wc->rescans)
        code_window_step(wc, wc->end, OP_AggStep);
    program_emit(g->program, OP_Integer, 1, wc->changed, 0);
    program_emit(g->program, OP_AddImm, wc->end_position, 1, 0);
    program_emit(g->program, OP_Next, wc->end, top, 0);
    label_here(g->program, stop);
}

// Gives rows up until the first of the frame. Rows not taken in yet stay: they are given up when
// they have been.
void code_frame_start(WindowCode *wc)
{
    ASSERT(wc->start_position > 0 && wc->end_position > 0);

    Codegen *g = wc->qc->g;
    const FrameBound *b = &wc->window->start;
    if (is_unbounded(b))
        return;
    Label stop = label_new(g->program);
    code_bound_value(wc, b, wc->start_offset);
    int top = program_emit(g->program, OP_Ge, wc->end_position, stop, wc->start_position);
    code_place_test(wc, b, wc->start, false, stop);
    if (!wc->rescans)
        code_window_step(wc, wc->start, OP_AggInverse);
    program_emit(g->program, OP_Integer, 1, wc->changed, 0);
    program_emit(g->program, OP_AddImm, wc->start_position, 1, 0);
    program_emit(g->program, OP_Next, wc->start, top, 0);
    label_here(g->program, stop);
}

void code_frame_exclude(WindowCode *wc, int cursor, Reg position, Label skip)
{
    ASSERT(position > 0);
    ASSERT(skip < 0);

    Codegen *g = wc->qc->g;
    Label keep = label_new(g->program);
    u8 exclude = wc->window->exclude;
    if (exclude == EXCLUDE_NO_OTHERS)
        return;
    if (exclude == EXCLUDE_CURRENT_ROW) {
        program_emit(g->program, OP_Eq, wc->position, skip, position);
        return;
    }
    if (exclude == EXCLUDE_TIES)
        program_emit(g->program, OP_Eq, wc->position, keep, position);
    Reg mine = reg_temp(g), other = reg_temp(g);
    program_emit(g->program, OP_Column, wc->current, wc->column_count, mine);
    program_emit(g->program, OP_Column, cursor, wc->column_count, other);
    program_emit(g->program, OP_Eq, mine, skip, other);
    reg_temp_release(g, mine);
    reg_temp_release(g, other);
    label_here(g->program, keep);
}
