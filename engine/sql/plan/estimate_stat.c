// Rows estimated from the samples of sqlite_stat4: a bound that is a literal is looked up among the
// samples of the index, which say how many entries are equal to, and how many less than, each of
// them.

#include "sql/expr_tree.h"
#include "sql/plan/plan_internal.h"

int estimate_range_by_samples(JoinQuery *q, Access *draft, const Term *bottom, const Term *top,
                              bool *done)
{
    (void)q;
    (void)draft;
    (void)bottom;
    (void)top;
    *done = false;
    return SQLITE_OK;
}

int estimate_equal(JoinQuery *q, const Access *draft, const Expr *value, Est *rows)
{
    (void)q;
    (void)draft;
    (void)value;
    (void)rows;
    return SQLITE_OK;
}
