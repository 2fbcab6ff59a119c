#ifndef QUIRE_FUNC_WINDOW_H
#define QUIRE_FUNC_WINDOW_H
// What the code generator must know of the built-in window functions.
//
// Aggregates used as window functions run over the frame the statement gives:
// step for a row that enters it, inverse for one that leaves, value for the
// result. The functions of this file ignore the statement's frame and want the
// one below, which the code generator sets in its place:
//
//     row_number            ROWS   UNBOUNDED PRECEDING .. CURRENT ROW
//     rank, dense_rank      RANGE  UNBOUNDED PRECEDING .. CURRENT ROW
//     percent_rank          GROUPS CURRENT ROW .. UNBOUNDED FOLLOWING
//     cume_dist             GROUPS 1 FOLLOWING .. UNBOUNDED FOLLOWING
//     ntile                 ROWS   CURRENT ROW .. UNBOUNDED FOLLOWING
//     lead                  ROWS   UNBOUNDED PRECEDING .. UNBOUNDED FOLLOWING
//     lag                   ROWS   UNBOUNDED PRECEDING .. CURRENT ROW
//
// first_value, last_value and nth_value keep the statement's frame. lag, lead,
// nth_value and first_value are read straight from the partition's rows by
// generated code (offset from the current row, or n-th row of the frame): their
// bodies here do nothing. last_value has real bodies. percent_rank, cume_dist
// and ntile count the partition in their steps (all rows have been stepped
// before the first value is asked for) and advance by inverse, once per row or
// peer group that leaves.

#include "func/func.h"

typedef enum WindowKind {
    WINDOW_NONE, // an ordinary aggregate
    WINDOW_ROW_NUMBER,
    WINDOW_RANK,
    WINDOW_DENSE_RANK,
    WINDOW_PERCENT_RANK,
    WINDOW_CUME_DIST,
    WINDOW_NTILE,
    WINDOW_LEAD,
    WINDOW_LAG,
    WINDOW_FIRST_VALUE,
    WINDOW_LAST_VALUE,
    WINDOW_NTH_VALUE,
} WindowKind;

WindowKind window_kind(const FuncDef *def);

// The definition to use for a frame that also loses rows: min() and max() have one that keeps what
// may yet win; other functions are their own. NULL when the function cannot lose rows.
const FuncDef *window_sliding(const FuncDef *def);

#endif
