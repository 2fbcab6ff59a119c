#ifndef QUIRE_SQL_CODE_CODE_QUERY_H
#define QUIRE_SQL_CODE_CODE_QUERY_H
// Shared by the files that turn an operator tree into code (code_select.c and its family).
//
// A join is coded in three parts: code_join_begin() opens the loops, the caller writes the body
// that runs for each row, code_join_end() closes them. Above it stand the stages of a Select, each
// taking the rows of the one below: aggregation, DISTINCT, the sorter, LIMIT, the destination.
//
// A stage is no loop of its own but code around a row: code_query_row() is called where a row of
// the loops is at hand, and emits the code of all stages above in one piece; only a sorter or a
// table of groups breaks the chain, and starts a new loop behind the old one:
//
//     loops begin                       code_join_begin
//       DISTINCT test -> next row       code_distinct_test
//       OFFSET, LIMIT -> next row, done     (only where nothing is sorted)
//       row into the sorter, or to the destination
//     loops end                         code_join_end
//     sorter's loop                     code_sort_end: LIMIT, destination
//
// Everything here takes the plan as given: the operators say what is done, in which order of loops
// and by which index.

#include "sql/code/codegen.h"
#include "sql/plan/plan_internal.h"

// A loop over the values of one IN, around an index search.
typedef struct InLoop {
    int cursor;
    int top;        // address that reads the value
    Label is_null;  // where a member with a NULL goes: to the end of the loop
    int empty_jump; // address of the Rewind
    bool reverse;
} InLoop;

typedef struct LevelCode {
    const JoinLevel *level;
    int cursor;       // of the row; -1 when it is not open (covering index) or there is none
    int index_cursor; // -1: none
    Label leave;      // out of this level's loop
    Label next_value; // to the next IN value; `leave` when there is no IN
    Label next_row;
    Opcode end_op; // Noop, Next, Prev, VNext, Goto, Return
    int end_p1, end_p2, end_p3;
    u16 end_p5;
    InLoop *in_loops;
    u16 in_count, in_capacity;
    int skip_address; // skip scan: address of the instruction that seeks the next prefix; 0: none
    Label skip_done;
    Reg matched;        // LEFT JOIN: some row matched
    Label row_of_nulls; // LEFT JOIN: where the row of NULLs enters
    Reg like_round;     // LIKE: 1 while blobs are sought, 0 text; 0 as register: no such loop
    int like_address;
    bool like_blob_first;
    Reg nulls_round;   // 1 while NULLs are sought, 0 values; 0 as register: both in one round
    int round_address; // where the second round starts
    Label round_end;
    Reg filter; // Bloom filter, 0: none
    // RIGHT JOIN
    int matched_cursor; // keys of rows that have matched
    Reg body_return;    // return address of the loops inside, which run as a subroutine
    int body_address;
} LevelCode;

// LIMIT and OFFSET of a Select.
typedef struct LimitCode {
    Reg limit;  // rows still to come; 0: no LIMIT
    Reg offset; // rows still to skip; 0: no OFFSET
    Reg both;   // limit + offset, negative for no limit; 0: no LIMIT
} LimitCode;

typedef struct JoinCode {
    JoinOperator *join;
    LevelCode *levels;
    Label done;     // behind everything
    Label next_row; // of the innermost loop: where a body goes that is done with its row
    int loop_rows_before;
    Substitute *substitutes_before;
    u32 flags;              // WANT_* of the request that matter to code
    bool opens_nothing;     // cursors are open already: OR branch
    const Expr *smallest;   // WANT_MIN: rows where this is NULL need not be seen; NULL: all must
    bool writes;            // one-pass UPDATE or DELETE: cursors are opened for writing
    const LimitCode *limit; // of the Select, for virtual tables that take care of OFFSET
} JoinCode;

// Opens the cursors and begins the loops, outermost first; afterwards columns of all items can be
// coded, and the WHERE terms of every level have been tested. The caller zeroes what it does not
// set.
void code_join_begin(Codegen *g, JoinCode *jc);
void code_join_end(Codegen *g, JoinCode *jc);
// --- one level (code_join.c); its access by kind (code_seek.c, code_or.c, code_virtual.c, ...) ---

void code_level_open(Codegen *g, JoinCode *jc, LevelCode *lc);
void code_level_begin(Codegen *g, JoinCode *jc, u32 number); // positions on a row
void code_level_end(Codegen *g, JoinCode *jc, u32 number);
void code_level_source(Codegen *g, LevelCode *lc); // enters the level into the source map
void code_level_null_row(Codegen *g, LevelCode *lc);
void code_filters(Codegen *g, Expr **filters, u32 from, u32 to, Label next_row);
void code_index_search(Codegen *g, JoinCode *jc, LevelCode *lc);
void code_second_round(Codegen *g, const LevelCode *lc); // behind the loop of the first
void code_hash_search(Codegen *g, LevelCode *lc);
void code_rowid_search(Codegen *g, JoinCode *jc, LevelCode *lc);
void code_rowid_range(Codegen *g, JoinCode *jc, LevelCode *lc);
void code_or_search(Codegen *g, JoinCode *jc, LevelCode *lc);
void code_virtual_open(Codegen *g, const FromItem *item);
void code_virtual_scan(Codegen *g, JoinCode *jc, LevelCode *lc);
void code_automatic_index(Codegen *g, LevelCode *lc);
void code_lookups(Codegen *g, JoinCode *jc, u32 host); // filters asked at level `host`
void code_bloom_build(Codegen *g, LevelCode *lc);
void code_bloom_test(Codegen *g, LevelCode *lc, Reg first, u32 count, Label miss);
void code_right_begin(Codegen *g, JoinCode *jc, LevelCode *lc);
void code_right_match(Codegen *g, LevelCode *lc);
void code_right_rows(Codegen *g, JoinCode *jc, u32 number);
// Value(s) of the right side of `term` into consecutive registers; opens an IN loop if need be.
void code_term_value(Codegen *g, LevelCode *lc, const Access *a, u32 position, Reg target);
void code_fetch_by_key(Codegen *g,
                       LevelCode *lc); // WITHOUT ROWID: from a secondary index to the row
PlanContext code_plan_context(Codegen *g);
int item_open_cursor(const FromItem *item); // its cursor number

// --- subqueries in FROM ---

void code_from_begin(Codegen *g, FromList *from);
void code_recursive(Codegen *g, RecurseOperator *op, SelectDest *dest);

// --- the stages of a Select ---

typedef struct SortCode {
    SortOperator *op;
    int cursor;
    int key_count;   // leading fields of a record
    int field_count; // of a record
    i16 *places;     // field of result column i
    Reg return_reg;  // partial sorting: of the subroutine that delivers a run
    Label deliver;
    Reg previous; // keys of the run
    Label finish;
    int measure; // cursor of the measure of the first key, -1: it has none
} SortCode;

typedef struct QueryCode {
    Codegen *g;
    Select *select;
    SelectDest *dest;
    // Stages; NULL: absent
    LimitOperator *limit_op;
    SortOperator *sort_op;
    DistinctOperator *distinct_op;
    ProjectOperator *project_op;
    AggregateOperator *aggregate_op;
    WindowOperator *window_op;
    Operator *source;
    LimitCode limit;
    SortCode sort;
    int distinct_cursor;
    Reg distinct_previous;
    Reg distinct_started;
    Label done;
    Reg row; // result registers
    int column_count;
} QueryCode;

// Takes the stages off the operator tree, outermost first, until the source is left.
void query_stages(QueryCode *qc, Operator *tree);
// Codes the tree of one Select, delivering its rows to `dest`.
void code_operator(Codegen *g, Operator *tree, Select *select, SelectDest *dest);
// One row of the stage below is ready; `next_row`: where to go when it is dropped.
void code_query_row(QueryCode *qc, Label next_row);
void code_limit_begin(Codegen *g, const LimitOperator *op, LimitCode *lc, Label done);
// Hands one row to the destination; `done` is where a destination goes that wants no more.
bool dest_uses_row_at_once(const SelectDest *dest); // before any cursor moves
void code_deliver(Codegen *g, SelectDest *dest, Reg row, int count, Label done);
void code_sort_begin(QueryCode *qc);
void code_sort_push(QueryCode *qc);
void code_sort_end(QueryCode *qc);
void code_distinct_begin(QueryCode *qc);
void code_distinct_test(QueryCode *qc, Label next_row);
void code_aggregate(QueryCode *qc);
void code_window_rows(QueryCode *qc);
void code_distinct_explain(QueryCode *qc);
void code_set(Codegen *g, SetOperator *op, const LimitOperator *limit, SelectDest *dest);
void code_values(Codegen *g, ValuesOperator *op, const LimitOperator *limit, bool explain,
                 SelectDest *dest);
void code_deliver_queue(Codegen *g, SelectDest *dest, Reg row, int count, Label done);
// The shape of keys list[first..], with `extra` fields behind them that are not compared. The
// program takes it; NULL after an error.
KeyShape *code_list_shape(Codegen *g, const ExprList *list, u32 first, u32 extra);
u8 code_key_flags(u8 sort); // SORT_* as KEY_* of a key's field

#endif
