// Bloom filters over lookups by rowid, made while the statement runs once it has made enough of
// them: see join_lookup.c.

#include "sql/code/code_query.h"

// The pass over the table: rowids whose rows pass their own conditions go into the filter.
static void code_lookup_build(Codegen *g, LevelCode *lc, Reg filter)
{
    ASSERT(filter > 0);

    const JoinLevel *level = lc->level;
    FromItem *item = level->item;
    ColumnSource former = *source_of(g, item->cursor);
    Label end = label_new(g->program), next = label_new(g->program);
    Reg rowid = reg_temp(g), count = reg_temp(g);
    source_set_table(g, item, item->cursor);
    program_emit(g->program, OP_Integer, 0, count, 0);
    program_emit(g->program, OP_Rewind, item->cursor, end, 0);
    int top = program_emit(g->program, OP_FilterJudge, filter, end, count);
    code_filters(g, level->lookup_filters, 0, level->lookup_count, next);
    code_item_column(g, item, ROWID_COLUMN, rowid);
    program_emit_int(g->program, OP_FilterAdd, filter, 0, rowid, 1);
    label_here(g->program, next);
    program_emit(g->program, OP_Next, item->cursor, top, 0);
    label_here(g->program, end);
    reg_temp_release(g, count);
    reg_temp_release(g, rowid);
    *source_of(g, item->cursor) = former;
}

static void code_lookup(Codegen *g, LevelCode *lc, Label miss)
{
    ASSERT(miss < 0);

    Reg filter = reg_new(g), key = reg_new(g);
    Label ready = label_new(g->program);
    program_emit(g->program, OP_FilterWait, filter, ready, lc->level->item->cursor);
    code_lookup_build(g, lc, filter);
    label_here(g->program, ready);
    code_expr_into(g, lc->level->access->terms[0]->expr->right, key);
    program_emit(g->program, OP_MustBeInt, key, miss, 0);
    program_emit_int(g->program, OP_Filter, filter, miss, key, 1);
}

// What is written meanwhile might concern the table that the filter was made from.
static bool reads_only(Codegen *g)
{
    ASSERT(g->program != NULL);

    const Codegen *top = codegen_top(g);
    return g == top && top->stmt != NULL && top->stmt->kind == STMT_SELECT;
}

void code_lookups(Codegen *g, JoinCode *jc, u32 host)
{
    ASSERT(host < jc->join->level_count);

    for (u32 i = host + 1; i < jc->join->level_count && reads_only(g); i++) {
        const JoinLevel *level = &jc->join->levels[i];
        if (level->lookup_count > 0 && level->lookup_host == host)
            code_lookup(g, &jc->levels[i], jc->levels[host].next_row);
    }
}
