#ifndef QUIRE_SQL_PLAN_ESTIMATE_H
#define QUIRE_SQL_PLAN_ESTIMATE_H
// Logarithmic estimates: an Est e stands for 2^(e/10). Products become sums, and a 16-bit integer
// covers everything from one row to more than any file can hold. 0 is 1, 10 is 2, 33 is 10, 66 is
// 100, 99 is 1000.

#include "sql/plan/operator.h"

Est est_from_u64(u64 n); // 0 and 1 give 0
Est est_from_f64(f64 n);
u64 est_to_u64(Est e);
Est est_sum(Est a, Est b); // of the values the two stand for
Est est_log2(Est n);       // log2 of what n stands for: the steps of a search in n entries

#endif
