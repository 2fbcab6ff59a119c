// Scanning a virtual table as xBestIndex has planned it.
//
//     VOpen c
//     arguments -> r+2..;  idxNum -> r;  argc -> r+1
//     VFilter c -> END, r, idxStr
//   TOP: ... the row ...
//     VNext c -> TOP
//   END:

#include "sql/code/code_query.h"
#include "sql/expr_tree.h"
#include "vtab/vtab.h"

void code_virtual_open(Codegen *g, const FromItem *item)
{
    ASSERT(item->table->kind == TABLE_VIRTUAL);

    VirtualTable *instance = vtab_find(g->db, item->table);
    if (instance == NULL) {
        codegen_error(g, SQLITE_ERROR, "no such module: %s", item->table->module_args[0]);
        return;
    }
    if (item->db_index >= 0 && item->table->root == 0)
        codegen_reads(g, item->db_index);
    program_emit_vtab(g->program, OP_VOpen, item->cursor, 0, 0, instance);
}

// An IN handed over whole, for sqlite3_vtab_in_first() and _next().
static void code_whole_in(Codegen *g, const Term *term, Reg target)
{
    ASSERT(target > 0);

    InSet set;
    code_in_set(g, term->expr, 0, &set);
    Reg cache = reg_new(g);
    program_emit(g->program, OP_VInitIn, set.cursor, target, cache);
}

static void code_argument(Codegen *g, JoinCode *jc, LevelCode *lc, u32 i, Reg target)
{
    ASSERT(target > 0);

    const Access *a = lc->level->access;
    const Term *term = a->terms[i];
    if ((term->op & TERM_IN) != 0 && i < 64 && (a->in_mask >> i & 1) != 0) {
        code_whole_in(g, term, target);
        return;
    }
    if ((term->op & TERM_IN) != 0) {
        code_term_value(g, lc, a, i, target);
        return;
    }
    Expr *right = term->expr->right;
    if (term->expr->kind == EX_IS_NULL)
        program_emit(g->program, OP_Null, 0, target, 0);
    else if (expr_vector_size(right) > 1)
        code_expr_into(g, vector_field(g, right, 0), target);
    else
        code_expr_into(g, right, target);
    if ((term->flags & TERM_LIMIT_OFFSET) != 0 && a->omit_offset && jc->limit != NULL
        && jc->limit->offset != 0 && term->aux_op == SQLITE_INDEX_CONSTRAINT_OFFSET)
        program_emit(g->program, OP_Integer, 0, jc->limit->offset, 0);
}

void code_virtual_scan(Codegen *g, JoinCode *jc, LevelCode *lc)
{
    ASSERT(lc->level->access->kind == ACCESS_VIRTUAL);

    const Access *a = lc->level->access;
    Reg first = reg_range_new(g, a->term_count + 2);
    for (u32 i = 0; i < a->term_count; i++)
        code_argument(g, jc, lc, i, first + 2 + (Reg)i);
    program_emit(g->program, OP_Integer, a->index_number, first, 0);
    program_emit(g->program, OP_Integer, a->term_count, first + 1, 0);
    program_emit_text(g->program, OP_VFilter, lc->cursor, lc->next_value, first, a->index_string,
                      -1);
    lc->end_op = (a->flags & ACCESS_ONE_ROW) != 0 ? OP_Noop : OP_VNext;
    lc->end_p1 = lc->cursor;
    lc->end_p2 = program_here(g->program);
}
