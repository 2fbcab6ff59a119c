#ifndef QUIRE_SQL_CODE_CODE_EXPR_INTERNAL_H
#define QUIRE_SQL_CODE_CODE_EXPR_INTERNAL_H
// Shared by the files that code expressions.

#include "sql/code/codegen.h"

// Each computes into `target` (never 0) and returns it.
Reg code_comparison_value(Codegen *g, Expr *e, Reg target);
Reg code_between_value(Codegen *g, Expr *e, Reg target);
Reg code_in_value(Codegen *g, Expr *e, Reg target);
// Is the truth of `e` the same whatever its operands turn out to be? Then *truth is it.
bool code_truth_is_decided(const Expr *e, bool *truth);
bool code_right_goes_first(const Expr *e); // of AND or OR: the left side alone has a subquery
// code_jump() of an EX_IN.
void code_jump_in(Codegen *g, Expr *e, Label to, bool when, bool null_as);

#endif
