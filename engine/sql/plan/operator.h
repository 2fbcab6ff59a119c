#ifndef QUIRE_SQL_PLAN_OPERATOR_H
#define QUIRE_SQL_PLAN_OPERATOR_H
// The operator tree: what the planner decides about one query and the code generator carries out.
//
// A tree belongs to one Select (a compound has a SetOperator over the trees of its terms) and lives
// in the statement's arena. It refers to the syntax tree's expressions and never copies them
// needlessly; it contains no registers, cursors or labels, so that another executor may walk it as
// well.
//
//     Limit -> Sort -> Distinct -> Project -> Aggregate -> Join -> Level[0], Level[1], ...
//
// is the full chain of a simple Select, each link by `input`; absent stages are left out. The
// leaves are the Levels of a Join: one FROM item each, with the access path chosen for it.
//
//   O1  level[i] uses only columns of level[0..i] and of enclosing queries.
//   O2  Every WHERE and ON term is either consumed by one access path or listed as a filter of
//       exactly one level.
//   O3  Estimates are logarithmic: 10 * log2(n). See estimate.h.

#include "sql/ast.h"

typedef i16 Est;       // 10 * log2(value)
typedef u64 TableMask; // bit i: item i of the join

enum { JOIN_ITEM_MAX = 64 };

typedef struct Operator Operator;
typedef struct JoinOperator JoinOperator;
typedef struct Access Access;
typedef struct Term Term;

typedef enum OperatorKind {
    OPERATOR_ROW,       // one row without columns: SELECT without FROM
    OPERATOR_VALUES,    // rows of expressions: VALUES (...), (...)
    OPERATOR_COUNT,     // count(*) of a whole table, answered by the tree itself
    OPERATOR_JOIN,      // nested loops
    OPERATOR_AGGREGATE, // GROUP BY, aggregates
    OPERATOR_PROJECT,   // result columns
    OPERATOR_DISTINCT,
    OPERATOR_SORT,
    OPERATOR_LIMIT,
    OPERATOR_SET,     // UNION ALL, UNION, INTERSECT, EXCEPT
    OPERATOR_RECURSE, // WITH RECURSIVE
    OPERATOR_WINDOW,  // window functions over a sorted input
} OperatorKind;

struct Operator {
    u8 kind; // OperatorKind
    Est rows, cost;
    Operator *input; // NULL for leaves
};

// --- access paths: the leaves ---

typedef enum AccessKind {
    ACCESS_SCAN,        // every row of a table, or every entry of `index`
    ACCESS_ROWID,       // rowid = x, rowid IN (...)
    ACCESS_ROWID_RANGE, // bounds on the rowid
    ACCESS_INDEX,       // equality on a prefix of the index, then bounds on the next column
    ACCESS_OR,          // rows of several accesses, each row once
    ACCESS_VIRTUAL,     // xBestIndex decided
    ACCESS_SUBQUERY,    // rows of a subquery: co-routine, or materialised without an index
    ACCESS_QUEUE,       // the row a recursive step works on
    ACCESS_HASH,        // hash join: probe a table built from the item's rows
} AccessKind;

enum {                      // Access.flags
    ACCESS_EQUAL = 1u << 0, // some column bound by = (or IS)
    ACCESS_IN = 1u << 1,    // some column bound by IN
    ACCESS_ISNULL = 1u << 2,
    ACCESS_BOTTOM = 1u << 3,    // x > or x >=
    ACCESS_TOP = 1u << 4,       // x < or x <=
    ACCESS_COVERING = 1u << 5,  // the index holds every column that is read
    ACCESS_ONE_ROW = 1u << 6,   // at most one row per set of outer rows
    ACCESS_AUTOMATIC = 1u << 7, // index or hash table built for this statement
    ACCESS_SORTED_BUILD =
        1u << 16, // ACCESS_HASH: rows go in by key and value, as an index has them
    ACCESS_SKIP_SCAN = 1u << 8,
    ACCESS_UNIQUE_WANTED = 1u << 9, // unique index, all columns bound (but maybe to NULL)
    ACCESS_PARTIAL = 1u << 10,      // automatic index over a part of the rows
    ACCESS_BLOOM = 1u << 11,        // a Bloom filter is asked before the search
    ACCESS_BLOOM_PULLED = 1u << 12, // ... and outer loops may ask it as well
    ACCESS_INDEXED = 1u << 13,      // `index` is used
    ACCESS_ROWID_KEY = 1u << 14,    // the rowid is the key (ACCESS_ROWID...)
    ACCESS_COROUTINE = 1u << 15,
    ACCESS_IN_EARLY_OUT = 1u << 17,
    ACCESS_IN_SEEK_SCAN = 1u << 18,
    ACCESS_INDEX_EXPR = 1u << 19, // covering thanks to indexed expressions
    ACCESS_SELF_CULL = 1u << 20,  // rows thinned by terms the path does not use
    ACCESS_HALF_BOUND = 1u << 21, // a range with one bound was guessed
    ACCESS_VIEW_SCAN = 1u << 22,  // of a materialised subquery
    ACCESS_ORDERED_VIRTUAL = 1u << 23,
};

// A way to reach the rows of one FROM item, given the rows of the items in `prereq`.
struct Access {
    u8 kind;       // AccessKind
    u8 item;       // its number in the FROM list
    u8 sort_index; // distinguishes paths which give another order
    u32 flags;     // ACCESS_*
    TableMask prereq, self;
    Est setup, run; // once per statement; per outer row
    Est rows;       // per outer row
    Index *index;
    u16 equal_count; // leading columns of the index bound to a value: terms[0..equal_count)
    u16 bottom_count, top_count; // fields of row-value bounds (1 for scalar ones)
    u16 skip_count;              // leading columns skipped (ACCESS_SKIP_SCAN): terms are NULL there
    u16 distinct_count;          // columns whose distinctness is enough
    u16 term_count, term_capacity;
    // [0, equal_count) equalities by index column, then the bottom bound, then the top bound.
    // ACCESS_OR: the OR term. ACCESS_VIRTUAL: by argument number of xFilter.
    Term **terms;
    ExprList *order_by; // co-routine and materialised views: the order they come in

    // ACCESS_VIRTUAL
    int index_number;
    char *index_string; // in the arena
    u64 omit_mask;      // arguments that need no second check
    u64 in_mask;        // arguments handed over as whole IN lists
    i8 ordered;         // xBestIndex consumed the ORDER BY
    bool omit_offset;   // ... and OFFSET
    bool index_number_hex;

    // ACCESS_OR: one join of one level per disjunct
    struct OrBranch {
        Term *term;  // of the OR's own term list
        u16 number;  // its place there, from 1
        Expr *where; // the disjunct, with what else must hold of the row
        JoinOperator *join;
    } * branches;
    u16 branch_count;

    Access *next; // candidates of one query
};

// --- joins ---

// How a level takes part in the join.
typedef struct JoinLevel {
    FromItem *item;
    Access *access;
    bool reverse;       // scanned from the end
    bool nulls_apart;   // index: entries with NULL behind the equalities in a round of their own
    bool is_left;       // a row of NULLs stands in when nothing matches
    bool is_right;      // RIGHT or FULL: rows that never matched come afterwards
    bool is_semi;       // EXISTS: the first match is enough
    Est rows_per_outer; // filters included
    Expr **filters;     // tested for each row of the item; ON terms only if is_left
    u32 filter_count;
    // filters[0..n) need the index's columns only: tested before the row is fetched
    u32 index_filter_count;
    Expr **late_filters; // is_left: WHERE terms, tested after the row of NULLs may stand in
    u32 late_count;
    // Automatic index and hash: rows that go in must pass these
    Expr **build_filters;
    u32 build_count;
    // A lookup by rowid that a filter of these may spare, asked at level `lookup_host`
    Expr **lookup_filters;
    u32 lookup_count;
    u16 lookup_host;
    JoinOperator *right_join; // is_right: the scan for rows that never matched
} JoinLevel;

struct JoinOperator {
    Operator base;
    FromList *from;
    Expr *where;
    u16 level_count;
    JoinLevel *levels;
    Expr **constant_filters; // without columns of this join: tested once, before the first loop
    u32 constant_count;
    struct TermList *terms;
    i8 ordered;          // leading terms of the wanted order which the loops deliver
    u8 distinct;         // DistinctKind
    bool order_by_inner; // the inner loop alone delivers the order: LIMIT may stop it early
    bool sorted;         // with GROUP BY: fully
    bool one_pass_ok;    // at most one row: UPDATE and DELETE may change it as they meet it
    bool multi_pass_ok;  // rows may be changed as the loop goes on
};

typedef enum DistinctKind {
    DISTINCT_NONE,      // no DISTINCT asked
    DISTINCT_UNIQUE,    // rows are distinct already
    DISTINCT_ORDERED,   // equal rows come together
    DISTINCT_UNORDERED, // needs a table of rows seen
} DistinctKind;

// A subquery in FROM.
typedef enum SubqueryMode {
    SUBQUERY_COROUTINE,
    SUBQUERY_MATERIALIZE, // once, or whenever what it is correlated to changes
    SUBQUERY_SHARED,      // materialised by another reference to the same CTE
} SubqueryMode;

typedef struct SubqueryPlan {
    u8 mode; // SubqueryMode
    Operator *tree;
    Est rows;
    bool is_self_join; // the same view twice: the second opens the first one's table again
    FromItem *twin;
    bool is_coded;
    // Filled by the code generator: how to run it again.
    int entry_address;
    Reg return_reg;
    int cursor;
} SubqueryPlan;

// --- stages above the join ---

typedef enum GroupKind {
    GROUP_NONE,   // no GROUP BY: one group
    GROUP_SORTED, // input comes in order of the keys
    GROUP_SORT,   // sorted first
    GROUP_HASH,   // collected in a hash table, put out in order of the keys
} GroupKind;

typedef struct AggregateOperator {
    Operator base;
    u8 group;         // GroupKind
    u8 minmax_sort;   // min()/max() only: the loop's order makes the first row the answer
    u16 wants;        // WANT_MIN or WANT_MAX: the only aggregate is min() or max()
    bool is_distinct; // stands for SELECT DISTINCT
    u8 distinct;      // DistinctKind of the only aggregate's DISTINCT
    ExprList *keys;   // GROUP BY, perhaps reordered to suit ORDER BY
    Expr *having;
    Expr **aggs; // EX_CALL
    u32 agg_count;
} AggregateOperator;

// Window functions over one window. The input delivers `item`'s rows by partition and order.
typedef struct WindowOperator {
    Operator base;
    FromItem *item;
    const Window *window; // with keys that are columns of `item`
    Expr **calls;         // EX_CALL
    u32 call_count;
} WindowOperator;

typedef struct ProjectOperator {
    Operator base;
    ExprList *columns;
} ProjectOperator;

typedef struct DistinctOperator {
    Operator base;
    u8 how; // DistinctKind
} DistinctOperator;

typedef struct SortOperator {
    Operator base;
    ExprList *keys;
    u16 sorted_count; // leading keys in order already: only runs of equal ones are sorted
    bool limited;     // LIMIT above: only the first rows matter
} SortOperator;

typedef struct LimitOperator {
    Operator base;
    Expr *limit, *offset;
} LimitOperator;

typedef struct ValuesOperator {
    Operator base;
    Select **rows;
    u32 row_count;
    bool is_plain; // SELECT_PLAIN_ROWS: another wording in EXPLAIN QUERY PLAN
} ValuesOperator;

typedef struct CountOperator {
    Operator base;
    FromItem *item;
    Index *index; // the smallest tree with one entry per row; NULL: the table's
} CountOperator;

typedef enum SetMethod { SET_APPEND, SET_EPHEMERAL, SET_MERGE } SetMethod;

typedef struct SetOperator {
    Operator base;
    Select *select; // last term of the compound
    u8 method;      // SetMethod
    u8 op;          // SetOp
    Operator *left, *right;
    ExprList *order_by; // SET_MERGE: complete order of both sides
} SetOperator;

typedef struct RecurseOperator {
    Operator base;
    Select *select;
    Operator *setup;
    Select *setup_select;
    Operator **steps;
    Select **step_selects;
    u32 step_count;
    bool distinct; // UNION: a row is worked on once
} RecurseOperator;

#endif
