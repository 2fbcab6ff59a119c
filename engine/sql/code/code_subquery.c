// Subqueries inside expressions, and row values field by field.
//
//     [Once -> S]
//     Null r.. (or Integer 0 -> r for EXISTS)     no row: NULL, or false
//     the subquery; its first row into r.., and out
//   S:

#include "sql/code/codegen.h"
#include "sql/expr_tree.h"

u32 vector_size(const Expr *e)
{
    ASSERT(e != NULL);

    while (e->kind == EX_PLUS || e->kind == EX_COLLATE)
        e = e->left;
    if (e->kind == EX_VECTOR)
        return e->list->count;
    if (e->kind == EX_SELECT)
        return e->select->columns->count;
    return 1;
}

Expr *vector_field(Codegen *g, Expr *e, u32 i)
{
    ASSERT(i < vector_size(e));

    if (e->kind == EX_VECTOR && i < e->list->count)
        return e->list->items[i].expr;
    if (e->kind == EX_SELECT && vector_size(e) > 1)
        return expr_vector_field(g->arena, e, i);
    if (i > 0)
        codegen_error(g, SQLITE_ERROR, "row value misused");
    return e;
}

// A subquery that looks at nothing outside runs once, and its result stays in registers.
Reg code_subquery(Codegen *g, Expr *e)
{
    ASSERT(e->kind == EX_SELECT || e->kind == EX_EXISTS);

    bool correlated = (e->flags & EXPR_CORRELATED) != 0;
    bool exists = e->kind == EX_EXISTS;
    int count = exists ? 1 : (int)e->select->columns->count;
    Reg first = reg_range_new(g, count);
    int once = correlated ? -1 : program_emit(g->program, OP_Once, 0, 0, 0);
    bool hoist = g->hoist_constants;
    int loop_rows = g->loop_rows;
    if (!correlated) {
        g->hoist_constants = false;
        g->loop_rows = 0;
    }

    int former =
        plan_push(g, "%sSCALAR SUBQUERY %u", correlated ? "CORRELATED " : "", e->select->id);
    if (exists)
        program_emit(g->program, OP_Integer, 0, first, 0);
    else
        program_emit(g->program, OP_Null, 0, first, first + count - 1);
    SelectDest dest = {
        .kind = exists ? DEST_EXISTS : DEST_REGISTERS, .param = first, .count = count};
    code_select(g, e->select, &dest);
    plan_pop(g, former);

    g->hoist_constants = hoist;
    g->loop_rows = loop_rows;
    if (once >= 0)
        program_jump_here(g->program, once);
    return first;
}
