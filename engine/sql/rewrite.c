// Rewriting resolved queries: the order of the rules.

#include "sql/rewrite.h"

int rewrite_select(ResolveContext *ctx, Select *select)
{
    ASSERT(ctx != NULL && select != NULL);
    (void)ctx;
    (void)select;
    return SQLITE_OK;
}

int rewrite_statement(ResolveContext *ctx, Stmt *stmt)
{
    return stmt->kind == STMT_SELECT ? rewrite_select(ctx, stmt->u.select) : SQLITE_OK;
}
