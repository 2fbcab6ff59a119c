#ifndef QUIRE_SQL_CODE_CODE_WINDOW_H
#define QUIRE_SQL_CODE_CODE_WINDOW_H
// Shared by code_window.c and code_frame.c.

#include "func/window.h"
#include "sql/code/code_query.h"

// One window function.
typedef struct WindowCall {
    Expr *call;
    const FuncDef *func;
    WindowKind kind;
    int arg_count;
    Reg args, accumulator, result;
} WindowCall;

typedef struct WindowCode {
    QueryCode *qc;
    WindowOperator *op;
    const Window *window;
    WindowCall *calls;
    u32 call_count;
    FromItem *item;
    int column_count;        // of the input; the group number is the field behind
    int rows;                // the partition's rows: an ephemeral table, numbered from 1
    int current, start, end; // further cursors on it
    Reg row_count, group;
    Reg partition_keys, order_keys; // of the former row; 0: no such keys
    Reg deliver_return;
    Label deliver;
    // While a partition is delivered:
    Reg position, start_position, end_position; // numbers of the rows the three cursors stand on
    Reg start_offset, end_offset;               // of n PRECEDING, n FOLLOWING
    Reg bound;                                  // what the row at `start` or `end` is compared with
    Reg changed;                                // the frame has changed since results were computed
    bool rescans; // every row's frame is run over anew: EXCLUDE, functions that cannot lose rows
} WindowCode;

// Moves the frame's ends to where they belong for the current row.
void code_frame_offsets(WindowCode *wc);
void code_frame_end(WindowCode *wc);
void code_frame_start(WindowCode *wc);
// Jumps to `skip` when the row of the frame under `cursor` with number r[position] is excluded.
void code_frame_exclude(WindowCode *wc, int cursor, Reg position, Label skip);
// AggStep or AggInverse of every function for the row under `cursor`.
void code_window_step(WindowCode *wc, int cursor, Opcode op);

#endif
