// GROUP BY: input in order of the keys, either from the loops or through a sorter; a change of key
// ends a group: its row is put out, the accumulators start anew. Or, where the rows of a group need
// not come together, a hash table of accumulators.
//
//     keys = NULL; Gosub reset
//     for each row (loops, GROUP_SORTED; or records of the sorter):
//       new_keys; Compare with keys
//       different:  Gosub output; keys = new_keys; Gosub reset
//       AggStep of every aggregate; used = 1
//     Gosub output
//     Goto end
//   output:  used = 0 -> skip; AggFinal; HAVING; the row; skip: Return
//   reset:   accumulators = NULL, used = 0; Return
//   end:
//
// With a hash table (GROUP_HASH):
//
//     for each row:
//       HashGroup          known: step.  new: reset, step.  refused (full): the row into the sorter
//     nothing was refused:  each group in key order: output
//     else:                 a marked record per group joins the sorter; its output merges both

#include "sql/code/code_aggregate.h"
#include "sql/expr_tree.h"

// Grouping by a hash table; what it refuses goes to the sorter.
typedef struct HashInput {
    int groups; // cursor
    Reg marker; // behind the fields of the sorter's records
    Label flush;
    Reg flush_return;
} HashInput;

static int key_count(const AggregateCode *ac)
{
    ASSERT(ac->op->keys != NULL && ac->op->keys->count > 0);

    return (int)ac->op->keys->count;
}

// --- the sorter ---

// A record of the sorter: the keys, then the columns that are read behind it and are no keys.
static void number_fields(AggregateCode *ac)
{
    ASSERT(ac->field_count == 0);

    int next = key_count(ac);
    for (u32 i = 0; i < ac->column_count; i++) {
        ac->columns[i].field = -1;
        for (int k = 0; k < key_count(ac) && ac->columns[i].field < 0; k++) {
            if (expr_equal(ac->op->keys->items[k].expr, ac->columns[i].column))
                ac->columns[i].field = k;
        }
        if (ac->columns[i].field < 0)
            ac->columns[i].field = next++;
    }
    ac->field_count = next;
}

// `more`: fields behind those of the columns.
static void code_sorter_open(AggregateCode *ac, int more)
{
    ASSERT(more >= 0);

    Codegen *g = ac->qc->g;
    ac->sorter = cursor_new(g);
    ac->pseudo = cursor_new(g);
    program_emit_shape(
        g->program, OP_SorterOpen, ac->sorter, ac->field_count + more, key_count(ac),
        code_list_shape(g, ac->op->keys, 0, (u32)(ac->field_count + more - key_count(ac))));
}

// Columns of grouped rows are REAL as if they came from a table, virtual ones too. What a key makes
// of a virtual one is not: it is what a record gives back.
static void code_keys(AggregateCode *ac, Reg first)
{
    ASSERT(first > 0 && !ac->qc->g->real_virtuals);

    Codegen *g = ac->qc->g;
    const ExprList *keys = ac->op->keys;
    code_expr_list(g, keys, first, LIST_BORROW);
    for (u32 i = 0; i < keys->count; i++) {
        if (expr_is_virtual_real(expr_skip_collate_likely(keys->items[i].expr)))
            program_emit(g->program, OP_RealAffinity, first + (Reg)i, 0, 0);
    }
}

static void code_sorter_push(AggregateCode *ac)
{
    ASSERT(ac->field_count >= key_count(ac));

    Codegen *g = ac->qc->g;
    Reg fields = reg_range_new(g, ac->field_count);
    Reg record = reg_temp(g);
    code_keys(ac, fields);
    g->real_virtuals = true;
    for (u32 i = 0; i < ac->column_count; i++) {
        if (ac->columns[i].field >= key_count(ac))
            code_expr_borrow(g, ac->columns[i].column, fields + ac->columns[i].field);
    }
    program_emit(g->program, OP_MakeRecord, fields, ac->field_count, record);
    program_emit(g->program, OP_SorterInsert, ac->sorter, record, fields);
    reg_temp_release(g, record);
    g->real_virtuals = false;
}

// Behind the sorter the columns of the input are fields of its records.
static void push_fields(AggregateCode *ac)
{
    ASSERT(ac->pseudo > 0);

    Codegen *g = ac->qc->g;
    for (u32 i = 0; i < ac->column_count; i++) {
        Substitute *s = arena_alloc_zeroed(g->arena, sizeof *s);
        if (s == NULL) {
            codegen_fail(g, SQLITE_NOMEM);
            return;
        }
        *s = (Substitute){
            .expr = ac->columns[i].column, .cursor = ac->pseudo, .column = ac->columns[i].field};
        substitute_push(g, s);
    }
}

// --- groups ---

// The row at hand: does it begin a group?
static void code_key_change(AggregateCode *ac)
{
    ASSERT(ac->keys > 0 && ac->new_keys > 0);
    ASSERT(ac->output < 0 && ac->reset < 0);

    Codegen *g = ac->qc->g;
    int count = key_count(ac);
    Label same = label_new(g->program);
    if (ac->op->group == GROUP_SORTED) {
        code_expr_list(g, ac->op->keys, ac->new_keys, LIST_BORROW);
    } else {
        for (int i = 0; i < count; i++)
            program_emit(g->program, OP_Column, ac->pseudo, i, ac->new_keys + i);
    }
    program_emit_shape(g->program, OP_Compare, ac->keys, ac->new_keys, count,
                       code_list_shape(g, ac->op->keys, 0, 0));
    int here = program_here(g->program);
    program_emit(g->program, OP_Jump, here + 1, same, here + 1);
    program_emit(g->program, OP_Gosub, ac->output_return, ac->output, 0);
    program_emit(g->program, OP_Copy, ac->new_keys, ac->keys, count - 1);
    program_emit(g->program, OP_Gosub, ac->reset_return, ac->reset, 0);
    label_here(g->program, same);
}

// A first row with NULL keys begins no group, as its keys are those that were there before: every
// row says that there is one.
static void code_accumulate(AggregateCode *ac)
{
    ASSERT(ac->used > 0);

    aggregate_accumulate(ac);
    program_emit(ac->qc->g->program, OP_Integer, 1, ac->used, 0);
}

static void code_group_row(AggregateCode *ac)
{
    code_key_change(ac);
    code_accumulate(ac);
}

static void code_sorted_input(AggregateCode *ac, JoinCode *jc)
{
    ASSERT(ac->op->group == GROUP_SORTED);

    Codegen *g = ac->qc->g;
    code_join_begin(g, jc);
    if (codegen_failed(g))
        return;
    code_group_row(ac);
    code_join_end(g, jc);
}

// A record that is a group of the table brings its accumulators in; any other is a row.
static void code_merged_row(AggregateCode *ac, const HashInput *input)
{
    ASSERT(input->marker > 0 && ac->first_accumulator > 0);

    Codegen *g = ac->qc->g;
    Label row = label_new(g->program), done = label_new(g->program);
    code_key_change(ac);
    program_emit(g->program, OP_Column, ac->pseudo, ac->field_count, input->marker);
    program_emit(g->program, OP_IfNot, input->marker, row, 1);
    program_emit_int(g->program, OP_HashGroup, input->groups, done, ac->new_keys,
                     ac->first_accumulator);
    program_set_p5(g->program, P5_HASH_HELD);
    label_here(g->program, row);
    code_accumulate(ac);
    label_here(g->program, done);
}

// The sorted records, group by group. `input`: those of a table's groups are among them, else NULL.
static void code_sorter_output(AggregateCode *ac, const HashInput *input)
{
    ASSERT(ac->sorter >= 0 && ac->field_count >= key_count(ac));

    Codegen *g = ac->qc->g;
    Substitute *before = g->substitutes;
    Reg data = reg_new(g);
    Label empty = label_new(g->program);
    program_emit(g->program, OP_OpenPseudo, ac->pseudo, data, ac->field_count + (input != NULL));
    program_emit(g->program, OP_SorterSort, ac->sorter, empty, 0);
    int top = program_emit(g->program, OP_SorterData, ac->sorter, data, ac->pseudo);
    push_fields(ac);
    if (input != NULL)
        code_merged_row(ac, input);
    else
        code_group_row(ac);
    g->substitutes = before;
    program_emit(g->program, OP_SorterNext, ac->sorter, top, 0);
    label_here(g->program, empty);
}

static void code_sorter_input(AggregateCode *ac, JoinCode *jc)
{
    ASSERT(ac->op->group != GROUP_SORTED && ac->op->group != GROUP_HASH);

    Codegen *g = ac->qc->g;
    number_fields(ac);
    code_sorter_open(ac, 0);
    code_join_begin(g, jc);
    if (codegen_failed(g))
        return;
    code_sorter_push(ac);
    plan_line(g, "USE TEMP B-TREE FOR %s", ac->op->is_distinct ? "DISTINCT" : "GROUP BY");
    code_join_end(g, jc);
    code_sorter_output(ac, NULL);
}

// --- the hash table ---

// Every row finds its group by key; the groups come out in the order that sorting the rows would
// have given. When the table is full, rows of further groups go to a sorter. In the end the keys of
// the table's groups join them there, each marked in a last field, so that the groups of both come
// out in one order. They join them at once when the table closes because few rows find their group
// in it: rows of these groups then follow the marked record.
static void code_hash_row(AggregateCode *ac, const HashInput *input)
{
    ASSERT(input->flush < 0 && input->marker == ac->new_keys + ac->field_count);

    Codegen *g = ac->qc->g;
    Program *p = g->program;
    Label known = label_new(p), refused = label_new(p), done = label_new(p);
    code_keys(ac, ac->new_keys);
    g->real_virtuals = true;
    program_emit_int(p, OP_HashGroup, input->groups, known, ac->new_keys, ac->first_accumulator);
    program_emit(p, OP_HashRefused, input->groups, refused, 0);
    program_emit(p, OP_Gosub, ac->reset_return, ac->reset, 0);
    if (!aggregate_tells_first(ac))
        program_emit(p, OP_Integer, 1, ac->used, 0);
    label_here(p, known);
    aggregate_accumulate(ac);
    if (aggregate_tells_first(ac))
        program_emit(p, OP_Integer, 1, ac->used, 0);
    program_emit(p, OP_Goto, 0, done, 0);
    label_here(p, refused);
    for (u32 i = 0; i < ac->column_count; i++) {
        if (ac->columns[i].field >= key_count(ac))
            code_expr_borrow(g, ac->columns[i].column, ac->new_keys + ac->columns[i].field);
    }
    Reg record = reg_temp(g);
    program_emit(p, OP_MakeRecord, ac->new_keys, ac->field_count + 1, record);
    program_emit(p, OP_SorterInsert, ac->sorter, record, ac->new_keys);
    reg_temp_release(g, record);
    program_emit(p, OP_HashRefused, input->groups, done, 0);
    program_set_p5(p, P5_HASH_STAYS_OPEN);
    program_emit(p, OP_Gosub, input->flush_return, input->flush, 0);
    label_here(p, done);
    g->real_virtuals = false;
}

static void code_hash_output(AggregateCode *ac, const HashInput *input, Label end)
{
    ASSERT(end < 0);

    Codegen *g = ac->qc->g;
    program_emit(g->program, OP_HashRewind, input->groups, end, ac->first_accumulator);
    program_set_p5(g->program, P5_HASH_SORTED);
    int top = program_here(g->program);
    for (int i = 0; i < key_count(ac); i++)
        program_emit(g->program, OP_Column, input->groups, i, ac->keys + i);
    program_emit(g->program, OP_Gosub, ac->output_return, ac->output, 0);
    program_emit(g->program, OP_HashStep, input->groups, top, ac->first_accumulator);
    program_emit(g->program, OP_Integer, 0, ac->used, 0);
    program_emit(g->program, OP_Goto, 0, end, 0);
}

// The subroutine that makes a record of the sorter for each group of the table, the key and the
// mark, unless that was done when the table closed.
static void code_hash_keys_to_sorter(AggregateCode *ac, const HashInput *input)
{
    ASSERT(input->flush_return > 0);

    Codegen *g = ac->qc->g;
    Program *p = g->program;
    Label end = label_new(p);
    Reg record = reg_temp(g);
    label_here(p, input->flush);
    program_emit(p, OP_HashRewind, input->groups, end, ac->first_accumulator);
    program_set_p5(p, P5_HASH_KEYS);
    program_emit(p, OP_Null, 0, ac->new_keys, ac->new_keys + ac->field_count - 1);
    program_emit(p, OP_Integer, 1, input->marker, 0);
    int top = program_here(p);
    for (int i = 0; i < key_count(ac); i++)
        program_emit(p, OP_Column, input->groups, i, ac->new_keys + i);
    program_emit(p, OP_MakeRecord, ac->new_keys, ac->field_count + 1, record);
    program_emit(p, OP_SorterInsert, ac->sorter, record, ac->new_keys);
    program_emit(p, OP_HashStep, input->groups, top, 0);
    program_emit(p, OP_Null, 0, input->marker, 0);
    label_here(p, end);
    program_emit(p, OP_Return, input->flush_return, 0, 0);
    reg_temp_release(g, record);
}

static void code_hash_input(AggregateCode *ac, JoinCode *jc)
{
    ASSERT(ac->op->group == GROUP_HASH);

    Codegen *g = ac->qc->g;
    HashInput input = {
        .groups = cursor_new(g), .flush = label_new(g->program), .flush_return = reg_new(g)};
    Label spilled = label_new(g->program), end = label_new(g->program);
    number_fields(ac);
    ac->new_keys = reg_range_new(g, ac->field_count + 1);
    input.marker = ac->new_keys + ac->field_count;
    program_emit_shape(g->program, OP_HashOpen, input.groups, key_count(ac),
                       ac->accumulator_count + 1, code_list_shape(g, ac->op->keys, 0, 0));
    program_set_p5(g->program, P5_HASH_MAY_CLOSE);
    code_sorter_open(ac, 1);
    program_emit(g->program, OP_Null, 0, input.marker, 0);
    code_join_begin(g, jc);
    if (codegen_failed(g))
        return;
    code_hash_row(ac, &input);
    plan_line(g, "USE TEMP B-TREE FOR %s", ac->op->is_distinct ? "DISTINCT" : "GROUP BY");
    code_join_end(g, jc);
    program_emit(g->program, OP_HashRefused, input.groups, spilled, 0);
    program_set_p5(g->program, P5_HASH_EVER);
    code_hash_output(ac, &input, end);
    code_hash_keys_to_sorter(ac, &input);
    label_here(g->program, spilled);
    program_emit(g->program, OP_Gosub, input.flush_return, input.flush, 0);
    code_sorter_output(ac, &input);
    label_here(g->program, end);
}

// The subroutine that puts out a group, if there is one.
static void code_output(AggregateCode *ac)
{
    ASSERT(ac->output < 0 && ac->output_return > 0);

    Codegen *g = ac->qc->g;
    Label skip = label_new(g->program);
    label_here(g->program, ac->output);
    program_emit(g->program, OP_IfNot, ac->used, skip, 1);
    aggregate_finalize(ac);
    aggregate_push_results(ac);
    if (ac->op->having != NULL)
        code_jump(g, ac->op->having, skip, false, false);
    code_query_row(ac->qc, skip);
    label_here(g->program, skip);
    program_emit(g->program, OP_Return, ac->output_return, 0, 0);
}

void code_grouped(AggregateCode *ac)
{
    ASSERT(ac->op->keys != NULL && ac->op->keys->count > 0);
    ASSERT(ac->qc->source->kind == OPERATOR_JOIN);

    Codegen *g = ac->qc->g;
    int count = key_count(ac);
    JoinCode jc = {.join = (JoinOperator *)ac->qc->source};
    ac->keys = reg_range_new(g, count);
    ac->new_keys = reg_range_new(g, count);
    ac->reset_return = reg_new(g);
    ac->output_return = reg_new(g);
    ac->reset = label_new(g->program);
    ac->output = label_new(g->program);
    Label end = label_new(g->program);
    code_from_begin(g, jc.join->from);
    if (jc.join->level_count == 0)
        plan_line(g, "SCAN CONSTANT ROW");
    program_emit(g->program, OP_Null, 0, ac->keys, ac->keys + count - 1);
    program_emit(g->program, OP_Gosub, ac->reset_return, ac->reset, 0);
    if (ac->op->group == GROUP_SORTED)
        code_sorted_input(ac, &jc);
    else if (ac->op->group == GROUP_HASH)
        code_hash_input(ac, &jc);
    else
        code_sorter_input(ac, &jc);
    if (codegen_failed(g))
        return;
    program_emit(g->program, OP_Gosub, ac->output_return, ac->output, 0);
    program_emit(g->program, OP_Goto, 0, end, 0);
    code_output(ac);
    label_here(g->program, ac->reset);
    aggregate_explain(ac);
    aggregate_reset(ac);
    program_emit(g->program, OP_Return, ac->reset_return, 0, 0);
    label_here(g->program, end);
}
