// Subqueries in FROM: a co-routine whose rows the loop takes one by one, or a table filled before
// the loop starts. A CTE used several times is filled once, by a subroutine its other uses call.
//
//     InitCoroutine r -> BEHIND        co-routine: the loop's Yield r jumps in and out of it
//     ... the subquery; each row into registers, Yield r
//     EndCoroutine r
//   BEHIND:
//
//     BeginSubrtn; [Once -> FILLED]    table: once, or anew for each outer row when correlated
//     OpenEphemeral c;  ... the subquery; each row inserted into c
//   FILLED: Return

#include "sql/code/code_query.h"
#include "sql/expr_tree.h"

// Running a view or CTE is told by its own name, walking its rows by the alias.
static const char *body_name(PlanContext *plan, const FromItem *item)
{
    ASSERT(item->select != NULL);

    return item->name != NULL ? item->name : plan_item_name(plan, item);
}

static void code_as_coroutine(Codegen *g, FromItem *item, SubqueryPlan *sub)
{
    ASSERT(sub->mode == SUBQUERY_COROUTINE);

    PlanContext plan = code_plan_context(g);
    sub->return_reg = reg_new(g);
    int init = program_emit(g->program, OP_InitCoroutine, sub->return_reg, 0,
                            program_here(g->program) + 1);
    sub->entry_address = init + 1;
    SelectDest dest = {
        .kind = DEST_COROUTINE,
        .param = sub->return_reg,
        .first = reg_range_new(g, (int)item->column_count + 1), // one to spare for windows
        .count = (int)item->column_count};
    if (sub->tree->kind == OPERATOR_VALUES && item->name == NULL) {
        code_values(g, (ValuesOperator *)sub->tree, NULL, false, &dest); // told by its scan
    } else {
        int former = plan_push(g, "CO-ROUTINE %s", body_name(&plan, item));
        code_operator(g, sub->tree, item->select, &dest);
        plan_pop(g, former);
    }
    program_emit(g->program, OP_EndCoroutine, sub->return_reg, 0, 0);
    program_jump_here(g->program, init);
    *source_of(g, item->cursor) = (ColumnSource){
        .kind = SOURCE_REGISTERS, .first_reg = dest.first, .cursor = -1, .index_cursor = -1};
}

static void source_set_ephemeral(Codegen *g, const FromItem *item)
{
    ASSERT(item->cursor >= 0);

    *source_of(g, item->cursor) =
        (ColumnSource){.kind = SOURCE_CURSOR, .cursor = item->cursor, .index_cursor = -1};
}

static void code_as_table(Codegen *g, FromItem *item, SubqueryPlan *sub)
{
    ASSERT(!sub->is_coded);

    PlanContext plan = code_plan_context(g);
    sub->return_reg = reg_new(g);
    sub->entry_address = program_emit(g->program, OP_BeginSubrtn, 0, sub->return_reg, 0) + 1;
    int once = item->is_correlated ? -1 : program_emit(g->program, OP_Once, 0, 0, 0);
    SelectDest dest = {.kind = DEST_TABLE, .param = item->cursor, .count = (int)item->column_count};
    int former = plan_push(g, "MATERIALIZE %s", body_name(&plan, item));
    program_emit(g->program, OP_OpenEphemeral, item->cursor, (int)item->column_count, 0);
    bool hoist = g->hoist_constants;
    code_operator(g, sub->tree, item->select, &dest);
    g->hoist_constants = hoist;
    plan_pop(g, former);
    if (once >= 0)
        program_jump_here(g->program, once);
    program_emit(g->program, OP_Return, sub->return_reg, sub->entry_address, 1);
    sub->is_coded = true;
    source_set_ephemeral(g, item);
}

static void code_as_twin(Codegen *g, FromItem *item, SubqueryPlan *sub)
{
    ASSERT(sub->mode == SUBQUERY_SHARED && sub->twin != item);

    const SubqueryPlan *twin = sub->twin->plan;
    if (!twin->is_coded) {
        codegen_error(g, SQLITE_INTERNAL, "%s is not materialised yet", item->name);
        return;
    }
    program_emit(g->program, OP_Gosub, twin->return_reg, twin->entry_address, 0);
    program_emit(g->program, OP_OpenDup, item->cursor, sub->twin->cursor, 0);
    source_set_ephemeral(g, item);
}

void code_from_begin(Codegen *g, FromList *from)
{
    for (u32 i = 0; from != NULL && i < from->count && !codegen_failed(g); i++) {
        FromItem *item = from->items[i];
        SubqueryPlan *sub = item->plan;
        if (sub == NULL || item->kind == FROM_RECURSIVE || item->kind == FROM_TABLE)
            continue;
        if (sub->mode == SUBQUERY_COROUTINE)
            code_as_coroutine(g, item, sub);
        else if (sub->mode == SUBQUERY_SHARED)
            code_as_twin(g, item, sub);
        else
            code_as_table(g, item, sub);
    }
}
