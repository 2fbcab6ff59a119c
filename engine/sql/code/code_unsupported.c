// Statements that parse but cannot be run: they say so.

#include "sql/code/statements.h"

void code_alter(Codegen *g, ResolveContext *ctx, Alter *alter)
{
    (void)ctx;
    (void)alter;
    codegen_error(g, SQLITE_ERROR, "ALTER TABLE is not supported in this version");
}
