// Scanning a virtual table.

#include "sql/code/code_query.h"

void code_virtual_open(Codegen *g, const FromItem *item)
{
    codegen_error(g, SQLITE_ERROR, "virtual table %s cannot be read", item->name);
}

void code_virtual_scan(Codegen *g, JoinCode *jc, LevelCode *lc)
{
    (void)jc;
    (void)lc;
    codegen_error(g, SQLITE_ERROR, "virtual tables cannot be read");
}
