#ifndef QUIRE_SQL_CODE_CODE_AGGREGATE_H
#define QUIRE_SQL_CODE_CODE_AGGREGATE_H
// Shared by the files that code aggregation.
//
// Registers of a group, consecutive: bare columns, one accumulator per aggregate, `used`. A group
// in progress lives there; a table of groups (OP_HashGroup) swaps them in and out as a block.
//
//     reset        Null over the block, empty DISTINCT tables and sorters of aggregates
//     accumulate   AggStep for each aggregate; bare columns of the first row, or the one that
//                  min() or max() keeps
//     finalize     AggFinal turns accumulators into values
//     results      substitutes make keys, bare columns and aggregates readable by code_expr()

#include "func/func.h"
#include "sql/code/code_query.h"

// One aggregate call.
typedef struct AggCode {
    Expr *call;
    const FuncDef *func;
    int arg_count;
    Reg accumulator;
    int distinct_cursor;   // seen arguments; -1: none
    Reg distinct_previous; // DISTINCT over arguments that come in order
    int order_cursor;      // sorter for ORDER BY inside the call; -1: none
} AggCode;

// A column of the input that is needed above the loops, or behind the sorter.
typedef struct AggColumn {
    Expr *column;
    Reg reg; // value for the group: of its first row, or of the row min() or max() chose; 0: inside
             // aggregates only
    int field; // in the records of the sorter
} AggColumn;

typedef struct AggregateCode {
    QueryCode *qc;
    AggregateOperator *op;
    AggCode *aggs;
    AggColumn *columns;
    u32 column_count, column_capacity;
    u32 bare_count; // columns with a register
    Reg first_accumulator;
    int accumulator_count; // registers set to NULL for each group: aggregates, bare columns
    Reg other_row; // set by min() and max() when they keep another row than this one; 0: none
    Reg used;      // 1 when the group has a row
    Reg keys;      // of the group
    Reg new_keys;
    int sorter, pseudo;
    int field_count; // of the sorter's records
    Reg reset_return, output_return;
    Label reset, output;
} AggregateCode;

void aggregate_init(AggregateCode *ac, QueryCode *qc);
void aggregate_reset(AggregateCode *ac);      // NULL accumulators, empty DISTINCT tables
void aggregate_accumulate(AggregateCode *ac); // the row at hand; the caller then sets `used`
// Does the code for a row ask whether it is the first, that is whether `used` is 0?
bool aggregate_tells_first(const AggregateCode *ac);
void aggregate_finalize(AggregateCode *ac);
void aggregate_push_results(AggregateCode *ac); // substitutes for keys, bare columns, aggregates
void aggregate_explain(AggregateCode *ac);
void code_grouped(AggregateCode *ac);

#endif
