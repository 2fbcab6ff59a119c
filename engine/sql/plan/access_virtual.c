// Paths over a virtual table.

#include "sql/plan/plan_internal.h"

int access_add_virtual(JoinQuery *q, int number, TableMask prereq, TableMask unusable)
{
    (void)q;
    (void)number;
    (void)prereq;
    (void)unusable;
    return SQLITE_OK;
}
