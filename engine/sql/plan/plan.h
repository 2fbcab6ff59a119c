#ifndef QUIRE_SQL_PLAN_PLAN_H
#define QUIRE_SQL_PLAN_PLAN_H
// The planner's door: from a resolved Select to its operator tree, and from a FROM list with a
// WHERE clause to a nested-loop join (for UPDATE and DELETE, which bring their own body).
//
// Planning changes the syntax tree only where that cannot be seen (moved ON terms, flags). Nothing
// is emitted; everything allocated lives in the context's arena. Failures are SQLite codes, with
// the message on the connection.

#include "catalog/connection.h"
#include "sql/plan/operator.h"

typedef struct PlanContext {
    sqlite3 *db;
    Arena *arena;
    Stmt *stmt;        // for parameter names and peeking at bound values; may be NULL
    int *cursor_count; // the statement's counter, for items the planner makes
    u32 *select_count; // numbers of Selects given so far, for those the planner makes
    int depth;
    Est outer_rows;   // how often the query runs, by the loops it stands in
    u32 *expire_mask; // parameters whose values the plan depends on; may be NULL
} PlanContext;

// What is wanted from a join beside its rows.
enum {
    WANT_ORDER = 0x0001,     // order_by is an ORDER BY
    WANT_GROUPS = 0x0002,    // order_by is a GROUP BY: any order that brings equal keys together
    WANT_DISTINCT = 0x0004,  // order_by are DISTINCT's columns
    WANT_MIN = 0x0008,       // only the first row of the order matters
    WANT_MAX = 0x0010,       // only the last one
    WANT_ONE_PASS = 0x0020,  // UPDATE or DELETE that would like to change rows as it goes
    WANT_MULTI_ROW = 0x0040, // ... even when there are many
    WANT_DUPLICATES_OK = 0x0080,      // the same row may come twice
    WANT_OR_BRANCH = 0x0100,          // part of a multi-index OR
    WANT_SORT_BY_GROUP = 0x0200,      // GROUP BY keys double as ORDER BY
    WANT_LIMIT = 0x0400,              // `limit` is an upper bound on the rows needed
    WANT_RIGHT_ROWS = 0x0800,         // re-scan for the unmatched rows of a RIGHT JOIN
    WANT_AGGREGATE_DISTINCT = 0x1000, // DISTINCT is that of an aggregate's argument
    WANT_NO_AUTO_INDEX = 0x2000,
    WANT_TABLE_ORDER = 0x20000, // a full scan walks the table: triggers see the order of changes
    WANT_ANY_ORDER = 0x10000,   // nobody can see in which order rows come
    WANT_DISTINCT_GROUPS = 0x40000, // GROUP BY keys stand for DISTINCT
    WANT_DISTINCT_BY = 0x4000,      // planner's own: order_by are DISTINCT's columns
    WANT_ORDER_LIMIT = 0x8000,      // planner's own: only the innermost loop's order counts
};

typedef struct JoinRequest {
    FromList *from;
    u32 later_count; // items at the end of `from` which only tell what else holds: joined elsewhere
    Expr *where;
    ExprList *order_by;   // NULL: none
    ExprList *columns;    // result columns, when DISTINCT is asked for; else NULL
    Select *select;       // may be NULL
    Expr *limit, *offset; // for virtual tables; NULL when they must not be handed on
    u32 flags;            // WANT_*
    Est limit_rows;
    Index *only_index; // WANT_OR_BRANCH: index the statement already has open; may be NULL
} JoinRequest;

MUST_USE int plan_join(PlanContext *plan, const JoinRequest *request, JoinOperator **out);
// Plans the subqueries among the items; plan_select() does that by itself.
MUST_USE int plan_from_items(PlanContext *plan, FromList *from);
// The tree of a whole Select (the last term of a compound).
MUST_USE int plan_select(PlanContext *plan, Select *select, Operator **out);
// Text of one level for EXPLAIN QUERY PLAN: "SEARCH t1 USING INDEX i1 (a=?)".
char *plan_print_level(PlanContext *plan, const JoinOperator *join, const JoinLevel *level,
                       u32 flags);
char *plan_print_bloom(PlanContext *plan, const JoinLevel *level);
// The `number`th column that the WHERE of the partial index fixes at *value; NULL: no more.
const Expr *plan_fixed_column(const FromItem *item, const Index *index, u32 number,
                              const Expr **value);
const char *plan_item_name(PlanContext *plan, const FromItem *item);

#endif
