#ifndef QUIRE_SQL_PLAN_INDEX_INFO_H
#define QUIRE_SQL_PLAN_INDEX_INFO_H
// What stands behind a sqlite3_index_info while xBestIndex runs: the planner's side of
// sqlite3_vtab_collation(), sqlite3_vtab_distinct(), sqlite3_vtab_in() and
// sqlite3_vtab_rhs_value().

#include "sql/plan/plan_internal.h"

typedef struct IndexInfo {
    sqlite3_index_info info; // first: the public pointer is ours
    JoinQuery *query;
    int distinct;   // answer of sqlite3_vtab_distinct()
    u64 in_mask;    // constraints that are IN (...)
    u64 handled_in; // ... which the module wants as a whole
    u64 no_omit;    // constraints that must be checked again whatever the module says
    Term **terms;   // by constraint
    Value **rhs;    // by constraint: values handed out
} IndexInfo;

const char *index_info_collation(sqlite3_index_info *info, int constraint); // NULL: bad number
int index_info_distinct(const sqlite3_index_info *info);
// handle < 0 asks whether the constraint is an IN that can be taken whole; 0 and 1 decline and
// accept.
bool index_info_in(sqlite3_index_info *info, int constraint, int handle);
// SQLITE_NOTFOUND when the right side is not known while planning. The value lives until xBestIndex
// returns.
MUST_USE int index_info_rhs(sqlite3_index_info *info, int constraint, Value **out);

#endif
