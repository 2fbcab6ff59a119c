#ifndef QUIRE_SQL_REWRITE_H
#define QUIRE_SQL_REWRITE_H
// Rewrites of resolved queries: each keeps the rows (and their order, where there is one) and every
// law of ast.h and resolve.h.
//
// They exist for the planner's sake: what stands in one SELECT can be planned as one join, with the
// conditions where they may use an index. Which rules there are, and when they apply, is SQLite's
// choice too, because EXPLAIN QUERY PLAN shows it; rules that need costs are the planner's
// (sql/plan).

#include "sql/resolve.h"

// All rules, in a fixed order, on every Select of the statement. Errors (memory alone) are set on
// the connection. The second is for a query that stands by itself: CREATE TABLE ... AS, nested SQL.
MUST_USE int rewrite_statement(ResolveContext *ctx, Stmt *stmt);
MUST_USE int rewrite_select(ResolveContext *ctx, Select *select);

#endif
