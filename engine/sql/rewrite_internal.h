#ifndef QUIRE_SQL_REWRITE_INTERNAL_H
#define QUIRE_SQL_REWRITE_INTERNAL_H
// The rules of the rewriter. Each works on one SELECT (not on its compound) and leaves a resolved
// tree; depth, correlation and used columns are counted afresh at the end (rewrite_recount).

#include "sql/expr_tree.h"
#include "sql/rewrite.h"

// Merges subqueries in FROM into `p`, one after the other, until none is left that may be merged.
MUST_USE int rewrite_flatten(ResolveContext *ctx, Select *p);
// Changes FROM and the tags of WHERE's terms; cannot fail.
// count(*) of a UNION ALL in FROM becomes a sum of counts.
MUST_USE int rewrite_count(ResolveContext *ctx, Select *p);
// LEFT, RIGHT and FULL joins whose NULL rows WHERE throws away become inner or one-sided.
void rewrite_outer_joins(Select *p);
// The terms stay where they are: an outer join or a compound may need them once more.
// Copies WHERE terms about one subquery into that subquery.
MUST_USE int rewrite_push_down(ResolveContext *ctx, Select *p);
// `e`, given a collation as implicitly as a column has it. NULL: out of memory.
Expr *rewrite_with_collation(Arena *arena, Expr *e, const char *collation);
// Moves HAVING terms that depend on GROUP BY keys alone to WHERE.
MUST_USE int rewrite_having(ResolveContext *ctx, Select *p);
// ORDER BY of subqueries whose order nobody sees.
void rewrite_drop_order(Select *p);
// depth, SELECT_CORRELATED, EXPR_CORRELATED, is_correlated, columns_used and rowid_used of
// everything. false: out of memory.
MUST_USE bool rewrite_recount(Select *top);
MUST_USE bool rewrite_recount_expr(Expr *e);

#endif
