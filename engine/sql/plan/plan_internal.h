#ifndef QUIRE_SQL_PLAN_PLAN_INTERNAL_H
#define QUIRE_SQL_PLAN_PLAN_INTERNAL_H
// What the files of the planner share: the terms of a WHERE clause, and the state of planning one
// join.
//
// Path of a join: term_list_add() splits WHERE into terms and analyses each · access_*.c collect
// the access paths of every item · join_order.c picks order and paths · join_finish.c turns the
// choice into Levels with their filters.

#include "catalog/connection.h"
#include "sql/plan/estimate.h"
#include "sql/plan/operator.h"
#include "sql/plan/plan.h"
#include <string.h>

// Which constraint a term puts on its `cursor.column`.
enum { // Term.op, a set
    TERM_IN = 0x0001,
    TERM_EQ = 0x0002,
    TERM_LT = 0x0004,
    TERM_LE = 0x0008,
    TERM_GT = 0x0010,
    TERM_GE = 0x0020,
    TERM_AUX = 0x0040, // MATCH, LIKE, <> ...: for virtual tables only
    TERM_IS = 0x0080,
    TERM_ISNULL = 0x0100,
    TERM_OR = 0x0200,    // usable by several indexes
    TERM_AND = 0x0400,   // one disjunct that is an AND
    TERM_EQUIV = 0x0800, // column = column: one may stand for the other
    TERM_NOOP = 0x1000,  // no constraint on a column
    TERM_COMPARE = TERM_EQ | TERM_LT | TERM_LE | TERM_GT | TERM_GE,
    TERM_RANGE = TERM_LT | TERM_LE | TERM_GT | TERM_GE,
    TERM_SINGLE = 0x01ff,
    TERM_ALL = 0x3fff,
};

enum {                     // Term.flags
    TERM_VIRTUAL = 0x01,   // made by the analysis: never coded as a filter
    TERM_CODED = 0x02,     // consumed or placed
    TERM_COPIED = 0x04,    // has children
    TERM_LIKE_PAIR = 0x08, // the >= of a LIKE prefix; the < follows
    TERM_LIKE_HALF = 0x10, // either of these two
    TERM_FROM_LIKE = 0x20, // the LIKE itself: bounds do not make it redundant
    TERM_IS_OP = 0x40,     // written with IS: NULLs match
    TERM_VNULL = 0x80,     // x > NULL made of x NOT NULL
    TERM_HIGH_TRUTH = 0x100,
    TERM_GUESSED_TRUTH = 0x200,
    TERM_SLICE = 0x400, // part of a row-value comparison
    TERM_LIMIT_OFFSET = 0x800,
    TERM_CASE_BLIND = 0x1000, // LIKE: bounds must be tried in both cases
    TERM_OR_OK = 0x2000,
};

typedef struct TermList TermList;

struct Term {
    Expr *expr;
    TermList *list;
    Term *parent;
    u32 child_count; // (a row value has as many as fields)
    u8 aux_op;       // SQLITE_INDEX_CONSTRAINT_* of TERM_AUX
    u16 op;
    u32 flags;
    u32 number;        // place in the list
    int field;         // row-value IN: 1-based field on the left
    int cursor;        // -1: none
    int column;        // of the cursor: >= 0, ROWID_COLUMN, COLUMN_EXPR
    Expr *column_expr; // COLUMN_EXPR: the indexed expression; else the EX_COLUMN
    Est truth;         // <= 0: probability by likelihood() and the like; 1: unknown
    TableMask prereq_right, prereq_all;
    // TERM_OR and TERM_AND
    TermList *parts;
    TableMask indexable;
};

struct TermList {
    Term **items;
    u32 count, capacity;
    bool is_or;
    bool has_or; // some term is TERM_OR
    TermList *outer;
    struct JoinQuery *query;
};

// How the loops must run to deliver a wanted order: bit i stands for the i-th loop.
typedef struct ScanOrder {
    TableMask reverse;     // from the end
    TableMask nulls_apart; // NULLs and values in two rounds: NULLs come where no index has them
} ScanOrder;

// A best-few list of (prerequisites, cost) for the branches of an OR.
enum { OR_SET_MAX = 3 };
typedef struct OrSet {
    u16 count;
    struct OrCost {
        TableMask prereq;
        Est run, rows;
    } items[OR_SET_MAX];
} OrSet;

// Everything about planning one join.
typedef struct JoinQuery {
    PlanContext *plan;
    sqlite3 *db;
    Arena *arena;
    const JoinRequest *request;
    FromList *from;
    TermList terms;
    u32 item_count;     // to be joined; more of `from` are joined later, and never ready here
    Access *candidates; // of all items, by `next`
    u32 candidate_count;
    int work_left;      // bounds the effort spent on silly queries
    ExprList *order_by; // wanted order after normalisation; NULL for none
    u32 flags;          // WANT_*
    Est limit;
    bool distinct_wanted;
    bool has_right_join;
    bool is_star;          // a fact table with many dimensions: more partial joins are held
    Index **rowid_indexes; // by item: stand-in for the rowid as an index
    Index **bound_indexes; // by item: chain of copies whose expressions are bound to it
    // Building paths of one item
    Access draft;
    Term **draft_terms; // of the draft
    u32 draft_capacity;
    TermList *draft_list; // terms to use: the WHERE clause, or one disjunct
    Value *sampled;       // values bound to the index's first columns, see estimate_samples.c
    u32 sampled_count;    // how many are known, from the first on
    bool plans_again;     // a guess about a term has turned out wrong
    OrSet *or_set;        // collecting for an OR instead of `candidates`
    int or_depth;
    // Result of the search
    Access **chosen;
    TableMask omitted; // LEFT JOINs without effect: chosen[] has them no more, terms may name them
    ScanOrder scan_order;
    i8 ordered;
    bool sorted, order_by_inner;
    u8 distinct;
    Est total_rows;
    Est total_cost;
} JoinQuery;

// --- term_list.c, term_analyze.c, term_or.c, term_like.c ---

int query_item_index(const JoinQuery *q, const FromItem *item);      // -1: not of this join
TableMask query_item_mask(const JoinQuery *q, const FromItem *item); // 0: not of this join
TableMask query_cursor_mask(const JoinQuery *q, int cursor);
TableMask expr_mask(const JoinQuery *q, const Expr *e); // items the expression reads
TableMask list_mask(const JoinQuery *q, const ExprList *list);
TableMask select_mask(const JoinQuery *q, const Select *select);
void term_list_init(TermList *list, JoinQuery *q);
MUST_USE int term_list_split(TermList *list, Expr *e, u8 connective);
MUST_USE int term_list_append(TermList *list, Expr *e, u32 flags, Term **out);
MUST_USE int term_list_analyze(TermList *list);
MUST_USE int term_analyze(Term *term);
MUST_USE int term_analyze_or(Term *term);
MUST_USE int term_analyze_like(Term *term);
MUST_USE int term_analyze_virtual(Term *term);
// A term that the text does not have, for whoever plans; it is not analysed.
MUST_USE int term_add_made(TermList *list, Expr *e, Term **out);
MUST_USE int term_add_child(Term *parent, Expr *e, Term **out);
// LIMIT and OFFSET as constraints of the query's one virtual table, if no row is lost or reordered
// between it and them.
MUST_USE int term_add_limits(JoinQuery *q);
u16 term_op_of_kind(u8 kind);
// Where a side of a comparison leads: a column of an item, or an indexed expression.
typedef struct ColumnMatch {
    int cursor, column; // COLUMN_EXPR: `expr` is the indexed expression
    Expr *expr;
} ColumnMatch;
bool term_matches_column(const JoinQuery *q, Expr *side, u16 op, ColumnMatch *out);
Expr *expr_make(JoinQuery *q, u8 kind, Expr *left, Expr *right, const Expr *like);
void expr_inherit_on(Expr *e, const Expr *from);

enum { SCAN_EQUIV_MAX = 11 };
// Walks the terms that bind one column, columns equal to it included.
typedef struct TermScan {
    TermList *first_list, *list;
    u32 next;
    u16 ops;
    u8 affinity; // of the index column; 0: unchecked
    const char *collation;
    Expr *index_expr;
    u8 equiv_count, equiv_index;
    int cursors[SCAN_EQUIV_MAX];
    int columns[SCAN_EQUIV_MAX];
} TermScan;
Term *term_scan_first(TermScan *scan, TermList *list, const FromItem *item, int column, u16 ops,
                      const Index *index);
Term *term_scan_next(TermScan *scan);
// The best term `column op something known`: one that needs nothing at all if there is one. `index`
// NULL: any affinity and collation. `column` is a table column number, or with `index` a position
// in the index.
Term *term_find(TermList *list, const FromItem *item, int column, TableMask not_ready, u16 ops,
                const Index *index);

// --- access_build.c, access_index.c, access_or.c, access_virtual.c ---

MUST_USE int access_bind_indexes(JoinQuery *q);
// --- rows by samples of the index (estimate_samples.c) ---

// Value a parameter had when the statement was compiled before; NULL: unknown. The plan depends on
// it from then on.
Value *plan_param_value(JoinQuery *q, const Expr *e, Affinity affinity);
void samples_begin(JoinQuery *q, const Index *index);
bool samples_available(const Index *index, u32 position);
// Rows left when the draft's last column is bound by `term`. false: the samples do not tell.
bool samples_equality(JoinQuery *q, Index *index, const Term *term, Est *out);
void samples_range(JoinQuery *q, Index *index, const Term **bottom, const Term **top);
bool samples_skip_range(JoinQuery *q, const Index *index, const Term *bottom, const Term *top);

MUST_USE int access_collect(JoinQuery *q);
MUST_USE int access_add_table(JoinQuery *q, int item, TableMask prereq);
MUST_USE int access_add_index_terms(JoinQuery *q, FromItem *item, Index *index, Est in_factor);
MUST_USE int access_add_or(JoinQuery *q, int item, TableMask prereq, TableMask unusable);
MUST_USE int access_add_virtual(JoinQuery *q, int item, TableMask prereq, TableMask unusable);
MUST_USE int access_insert(JoinQuery *q, const Access *draft);
void or_set_insert(OrSet *set, TableMask prereq, Est run, Est rows);
MUST_USE int access_push_term(JoinQuery *q, Term *term);
void access_adjust_rows(JoinQuery *q, Access *access, Est table_rows);
// The item's indexes, with their expressions and WHERE clauses bound to this item.
Index *plan_bound_indexes(const JoinQuery *q, const FromItem *item);
Index *access_rowid_index(JoinQuery *q, int item);
bool index_covers(const JoinQuery *q, const FromItem *item, const Index *index, bool *by_expr);
// All columns of the item are read only inside expressions the index holds.
bool plan_covered_by_exprs(const JoinQuery *q, const FromItem *item, const Index *index);
bool plan_reads_outside(const JoinQuery *q, const Expr *e); // columns of enclosing queries
bool plan_expr_within_index(const JoinQuery *q, const Expr *e, const FromItem *item,
                            const Index *index);
bool index_where_holds(JoinQuery *q, const FromItem *item, const Index *index);
bool term_fits_outer_join(const Term *term, const FromItem *item);
bool term_can_drive_auto_index(const Term *term, const FromItem *item, TableMask not_ready);
Est table_rows(const FromItem *item);
Est table_row_size(const FromItem *item);

// --- estimate_range.c ---

void estimate_range(JoinQuery *q, Index *index, const Term *bottom, const Term *top);

// --- join_order.c, order_by.c, join_finish.c ---

MUST_USE int join_order(JoinQuery *q);

// Does running the accesses as outer..inner loops deliver `order`? Returns how many leading terms
// are delivered, or -1 when it is too early to know. What the loops must do for it is added to
// `scan`.
typedef struct LoopChain {
    Access **items;
    u32 count;
} LoopChain;
i8 order_satisfied(JoinQuery *q, ExprList *order, const LoopChain *loops, u32 flags, Access *last,
                   ScanOrder *scan);
MUST_USE int join_finish(JoinQuery *q, u32 level_count, JoinOperator **out);
// A filter for lookups by rowid that may be spared (join_lookup.c).
MUST_USE int join_choose_lookups(JoinQuery *q, JoinOperator *join);

// --- plan_select.c, plan_set.c ---

MUST_USE int plan_simple(PlanContext *plan, Select *s, ExprList *order_by, Operator **out);
MUST_USE int plan_compound(PlanContext *plan, Select *last, const ExprList *order_by,
                           Operator **out);
// Moves all but the window functions of one window into a subquery; *out NULL: there are none.
MUST_USE int plan_window_rewrite(PlanContext *plan, Select *s, WindowOperator **out);
void plan_simplify_outer_joins(Select *s);
MUST_USE int plan_exists_to_join(PlanContext *plan, Select *s);
MUST_USE int plan_recursive(PlanContext *plan, Select *last, Operator **out);
// Caps an estimate by a literal LIMIT (and OFFSET); adds WANT_LIMIT to `flags` when it does.
void plan_limit_rows(const Select *select, Est *rows, u32 *flags);
// How many of so many rows are distinct.
Est plan_distinct_rows(Est rows);
MUST_USE int plan_add_limit(PlanContext *plan, const Select *s, Operator **tree);
u32 plan_values_count(const Select *last);
// Name of the collation of a compound's column; NULL: BINARY.
const char *plan_compound_collation(const Select *last, u32 column);

// --- plan_expr.c: questions about expressions ---

const char *plan_collation_name(const Expr *e);             // never NULL
const char *plan_compare_collation(const Expr *comparison); // never NULL
bool plan_index_affinity_ok(const Expr *comparison, u8 index_affinity);
u8 index_column_affinity(const Index *index, int position);
int plan_column_number(const Expr *column); // an INTEGER PRIMARY KEY is ROWID_COLUMN
bool plan_is_column_of(const Expr *e, int cursor, int column);
bool plan_expr_is_constant(const Expr *e); // no columns at all
bool plan_expr_not_null(const Expr *e);    // cannot be NULL, by its column's declaration
// What xFindFunction of the column's table says to this call: 0, or a constraint number.
u8 plan_virtual_function(const JoinQuery *q, const Expr *column, const Expr *call);
// Whether a module that has `item` may order its rows by this call (quire_module_order()).
bool plan_is_order_function(const JoinQuery *q, const Expr *e, const FromItem *item);
// Built-in LIKE and GLOB: their wildcards; NULL for other functions.
struct LikeRule;
const struct LikeRule *plan_like_rule(const Expr *call);
Est plan_likelihood(const Expr *call); // of likely(), unlikely(), likelihood(): <= 0
bool plan_implies(const Expr *known, const Expr *wanted);
bool plan_implies_not_null_row(const Expr *e, int cursor, bool skip_on);

#endif
