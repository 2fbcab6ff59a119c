#ifndef QUIRE_SQL_REWRITE_H
#define QUIRE_SQL_REWRITE_H
// Rewrites of resolved queries: each keeps the rows (and their order, where
// there is one) and every law of ast.h and resolve.h.

#include "sql/resolve.h"

// All rules, to a fixed order, on every Select of the statement, innermost
// first.
MUST_USE int rewrite_statement(ResolveContext *ctx, Stmt *stmt);
MUST_USE int rewrite_select(ResolveContext *ctx, Select *select);

#endif
