// Nested loops: opening and closing the levels of a join around the caller's body.
//
//     open cursors of all levels; constant filters, which leave for `done`
//     for each level:  build its automatic index or Bloom filter (once)
//                      [LEFT: matched = 0]
//                      position, filters on the index, fetch the row, filters
//                      [LEFT: row of nulls enters here: matched = 1]
//                      [RIGHT: note the match; the rest is a subroutine from here on]
//                      late filters, which an outer join's row of NULLs has to pass as well
//     ... body ...
//     for each level, innermost first:
//       next_row:      next row of the position
//       next_value:    next value of an IN that the position depends on
//       leave:         next prefix of a skip scan; second round of a LIKE
//                      [LEFT: if not matched, NULL row, run the body once more]
//     RIGHT and FULL joins: rows that never matched, with the other side NULL
//     done:
//
// How a level is positioned is elsewhere: code_seek.c (rowid, index, hash table), code_or.c,
// code_virtual.c; here are scans and co-routines. Which index, which order, where each filter goes:
// all that was decided by the planner (sql/plan).

#include "sql/code/code_query.h"
#include "sql/expr_tree.h"

static WalkResult count_select(Walker *w, Select *s)
{
    ASSERT(w->arg != NULL);

    u32 *highest = w->arg;
    if (s->id > *highest)
        *highest = s->id;
    return WALK_ON;
}

// Selects the planner makes go on with the statement's numbers.
// The numbers are those of EXPLAIN QUERY PLAN and of the messages about subqueries: they start
// where the parser's end, and triggers share the outermost statement's.
static u32 *select_counter(Codegen *g)
{
    ASSERT(g->arena != NULL);

    Codegen *top = codegen_top(g);
    if (top->planner != NULL)
        return top->planner;
    u32 *highest = arena_alloc_zeroed(top->arena, sizeof *highest);
    top->planner = highest;
    if (highest == NULL || g->stmt == NULL)
        return highest;
    Walker w = {.expr = walk_past_expr, .select = count_select, .arg = highest};
    if (g->stmt->kind == STMT_SELECT)
        select_walk(&w, g->stmt->u.select);
    else if (g->stmt->kind == STMT_INSERT && g->stmt->u.insert->select != NULL)
        select_walk(&w, g->stmt->u.insert->select);
    return highest;
}

PlanContext code_plan_context(Codegen *g)
{
    return (PlanContext){.db = g->db,
                         .arena = g->arena,
                         .stmt = g->stmt,
                         .cursor_count = &g->cursor_count,
                         .select_count = select_counter(g),
                         .outer_rows = (Est)(g->loop_rows > INT16_MAX ? INT16_MAX : g->loop_rows),
                         .expire_mask = &codegen_top(g)->expire_mask};
}

void code_filters(Codegen *g, Expr **filters, u32 from, u32 to, Label next_row)
{
    ASSERT(from <= to);
    ASSERT(next_row < 0);

    for (u32 i = from; i < to; i++)
        code_jump(g, filters[i], next_row, false, false);
}

// --- opening ---

static bool is_real_table(const FromItem *item)
{
    return item->kind == FROM_TABLE && item->table != NULL && item->table->kind == TABLE_ORDINARY;
}

// A WITHOUT ROWID table is its primary key's tree.
static bool is_table_itself(const FromItem *item, const Index *index)
{
    ASSERT(item->table != NULL && index != NULL);

    return !table_is_rowid(item->table) && index->root == item->table->root;
}

// The schema's own object behind a copy whose expressions are bound to an item: it keeps the shape.
static Index *schema_index_of(const FromItem *item, Index *index)
{
    ASSERT(item->table != NULL);

    for (Index *i = item->table->indexes; i != NULL; i = i->next) {
        if (i->root == index->root)
            return i;
    }
    return index;
}

static void open_index(Codegen *g, const FromItem *item, Index *index, int cursor)
{
    ASSERT(cursor >= 0);

    KeyShape *shape = index_shape(g->db, schema_index_of(item, index));
    if (shape == NULL) {
        codegen_fail(g, g->db->error_code != 0 ? g->db->error_code : SQLITE_NOMEM);
        return;
    }
    codegen_locks(g, item->db_index, item->table, false);
    program_emit_shape(g->program, OP_OpenRead, cursor, (int)index->root, item->db_index,
                       key_shape_ref(shape));
    program_comment(g->program, "%s", index->name);
}

static void open_table(Codegen *g, const FromItem *item, bool write)
{
    ASSERT(is_real_table(item));

    Table *table = item->table;
    Opcode op = write ? OP_OpenWrite : OP_OpenRead;
    codegen_locks(g, item->db_index, table, write);
    if (table_is_rowid(table)) {
        program_emit_int(g->program, op, item->cursor, (int)table->root, item->db_index,
                         table->column_count);
    } else {
        KeyShape *shape = index_shape(g->db, table_primary_key(table));
        if (shape == NULL) {
            codegen_fail(g, SQLITE_NOMEM);
            return;
        }
        program_emit_shape(g->program, op, item->cursor, (int)table->root, item->db_index,
                           key_shape_ref(shape));
    }
    program_comment(g->program, "%s", table->name);
}

static bool needs_table_cursor(const LevelCode *lc)
{
    ASSERT(lc->level != NULL && lc->level->access != NULL);

    const Access *a = lc->level->access;
    if (lc->level->is_right)
        return true;
    bool covering = (a->flags & (ACCESS_COVERING | ACCESS_INDEX_EXPR)) != 0
                    && (a->flags & ACCESS_INDEXED) != 0 && (a->flags & ACCESS_AUTOMATIC) == 0;
    if (covering && a->index != NULL && is_table_itself(lc->level->item, a->index))
        return true;
    // Indexed expressions are not read from the index where a row of NULLs may stand for the row.
    if (lc->level->is_left && (a->flags & ACCESS_INDEX_EXPR) != 0)
        return true;
    return !covering;
}

void code_level_open(Codegen *g, JoinCode *jc, LevelCode *lc)
{
    ASSERT(lc->level != NULL);

    FromItem *item = lc->level->item;
    const Access *a = lc->level->access;
    lc->cursor = item->cursor;
    lc->index_cursor = -1;
    if (item->table != NULL && item->table->kind == TABLE_VIRTUAL && item->kind != FROM_SELECT) {
        code_virtual_open(g, item);
        return;
    }
    if ((a->flags & ACCESS_AUTOMATIC) != 0)
        lc->index_cursor = cursor_new(g);
    if (!is_real_table(item))
        return;
    bool own_cursor = !jc->opens_nothing;
    codegen_reads(g, item->db_index);
    if (own_cursor && needs_table_cursor(lc))
        open_table(g, item, jc->writes);
    else if (!needs_table_cursor(lc))
        lc->cursor = -1;
    if ((a->flags & ACCESS_INDEXED) == 0 || (a->flags & ACCESS_AUTOMATIC) != 0)
        return;
    if (is_table_itself(item, a->index)) {
        lc->index_cursor = item->cursor;
        return;
    }
    lc->index_cursor = cursor_new(g);
    open_index(g, item, a->index, lc->index_cursor);
}

// --- where columns come from ---

static void push_index_exprs(Codegen *g, LevelCode *lc)
{
    ASSERT(lc->index_cursor >= 0);

    const Index *index = lc->level->access->index;
    // On a null row an expression is computed from NULL columns: it need not be NULL itself.
    if (lc->level->item->may_be_null || lc->level->is_right || index->exprs == NULL)
        return;
    for (u32 i = 0; i < index->column_count; i++) {
        if (index->columns[i] != COLUMN_EXPR)
            continue;
        Substitute *s = arena_alloc_zeroed(g->arena, sizeof *s);
        if (s == NULL)
            return;
        *s = (Substitute){.expr = index->exprs[i], .cursor = lc->index_cursor, .column = (int)i};
        substitute_push(g, s);
    }
}

// Columns that a covering partial index need not hold are constants.
static void push_fixed_columns(Codegen *g, LevelCode *lc)
{
    ASSERT((lc->level->access->flags & ACCESS_INDEXED) != 0 && lc->level->access->index != NULL);

    const Access *a = lc->level->access;
    const Expr *column, *value;
    if ((a->flags & ACCESS_COVERING) == 0 || a->index->where == NULL)
        return;
    for (u32 i = 0; (column = plan_fixed_column(lc->level->item, a->index, i, &value)) != NULL;
         i++) {
        Substitute *s = arena_alloc_zeroed(g->arena, sizeof *s);
        if (s == NULL) {
            codegen_fail(g, SQLITE_NOMEM);
            return;
        }
        char affinity[] = {(char)expr_affinity(column), '\0'};
        *s = (Substitute){.expr = column, .reg = reg_new(g)};
        code_expr_copy(g, (Expr *)(uintptr_t)value, s->reg);
        program_emit_text(g->program, OP_Affinity, s->reg, 1, 0, affinity, 1);
        substitute_push(g, s);
    }
}

void code_level_source(Codegen *g, LevelCode *lc)
{
    ASSERT(lc->level->item->cursor >= 0);

    FromItem *item = lc->level->item;
    const Access *a = lc->level->access;
    if (a->kind == ACCESS_VIRTUAL) {
        *source_of(g, item->cursor) = (ColumnSource){
            .kind = SOURCE_VTAB, .cursor = item->cursor, .index_cursor = -1, .table = item->table};
        return;
    }
    if ((a->flags & ACCESS_AUTOMATIC) != 0) {
        *source_of(g, item->cursor) = (ColumnSource){.kind = SOURCE_COVERING,
                                                     .cursor = item->cursor,
                                                     .index_cursor = lc->index_cursor,
                                                     .table = item->table,
                                                     .index = a->index};
        return;
    }
    if (!is_real_table(item))
        return; // code_from_begin() knows where a subquery's rows are
    source_set_table(g, item, item->cursor);
    if ((a->flags & ACCESS_INDEXED) == 0 || a->kind == ACCESS_OR)
        return;
    if (lc->index_cursor != item->cursor) {
        ColumnSource *source = source_of(g, item->cursor);
        source->kind = lc->cursor < 0 ? SOURCE_COVERING : SOURCE_INDEX;
        source->index_cursor = lc->index_cursor;
        source->index = a->index;
    }
    push_index_exprs(g, lc);
    push_fixed_columns(g, lc);
}

// The cursors that the level's columns are read by: the same ones as in code_level_source().
void code_level_null_row(Codegen *g, LevelCode *lc)
{
    ASSERT(lc->level->item->cursor >= 0);

    const Access *a = lc->level->access;
    if ((a->flags & ACCESS_AUTOMATIC) != 0) {
        program_emit(g->program, OP_NullRow, lc->index_cursor, 0, 0);
        return;
    }
    if (a->kind == ACCESS_SUBQUERY || a->kind == ACCESS_QUEUE) {
        const ColumnSource source = *source_of(g, lc->level->item->cursor);
        if (source.kind == SOURCE_REGISTERS)
            program_emit(g->program, OP_Null, 0, source.first_reg,
                         source.first_reg + (int)lc->level->item->column_count - 1);
        else
            program_emit(g->program, OP_NullRow, source.cursor, 0, 0);
        return;
    }
    if (lc->cursor >= 0)
        program_emit(g->program, OP_NullRow, lc->cursor, 0, 0);
    if (lc->index_cursor >= 0 && lc->index_cursor != lc->cursor)
        program_emit(g->program, OP_NullRow, lc->index_cursor, 0, 0);
}

// --- one level ---

static void code_scan(Codegen *g, LevelCode *lc)
{
    ASSERT(lc->leave < 0);

    const Access *a = lc->level->access;
    int cursor = (a->flags & ACCESS_INDEXED) != 0 ? lc->index_cursor : lc->cursor;
    bool reverse = lc->level->reverse;
    if (a->kind == ACCESS_SUBQUERY)
        cursor = source_of(g, lc->level->item->cursor)->cursor;
    program_emit(g->program, reverse ? OP_Last : OP_Rewind, cursor, lc->leave, 0);
    lc->end_op = reverse ? OP_Prev : OP_Next;
    lc->end_p1 = cursor;
    lc->end_p2 = program_here(g->program);
    lc->end_p5 = 1; // SQLITE_STMTSTATUS_FULLSCAN_STEP
}

static void code_coroutine_scan(Codegen *g, LevelCode *lc)
{
    ASSERT(lc->level->item->plan != NULL);
    ASSERT(lc->leave < 0);

    const SubqueryPlan *sub = lc->level->item->plan;
    program_emit(g->program, OP_InitCoroutine, sub->return_reg, 0, sub->entry_address);
    lc->end_p2 = program_emit(g->program, OP_Yield, sub->return_reg, lc->leave, 0);
    lc->end_op = OP_Goto;
}

static void code_position(Codegen *g, JoinCode *jc, LevelCode *lc)
{
    ASSERT(lc->end_op == 0);

    const Access *a = lc->level->access;
    switch ((AccessKind)a->kind) {
    case ACCESS_QUEUE: // the row is there already; the loop is that of code_recursive()
        lc->end_op = OP_Noop;
        return;
    case ACCESS_SUBQUERY:
        if ((a->flags & ACCESS_COROUTINE) != 0)
            code_coroutine_scan(g, lc);
        else
            code_scan(g, lc);
        return;
    case ACCESS_SCAN:
        if ((a->flags & ACCESS_INDEXED) != 0)
            code_index_search(g, jc, lc);
        else
            code_scan(g, lc);
        return;
    case ACCESS_ROWID: code_rowid_search(g, jc, lc); return;
    case ACCESS_ROWID_RANGE: code_rowid_range(g, jc, lc); return;
    case ACCESS_INDEX: code_index_search(g, jc, lc); return;
    case ACCESS_OR: code_or_search(g, jc, lc); return;
    case ACCESS_VIRTUAL: code_virtual_scan(g, jc, lc); return;
    case ACCESS_HASH: code_hash_search(g, lc); return;
    }
    UNREACHABLE();
}

static void code_explain_level(Codegen *g, JoinCode *jc, LevelCode *lc)
{
    ASSERT(lc->level->access != NULL);

    PlanContext plan = code_plan_context(g);
    if ((jc->flags & WANT_OR_BRANCH) != 0)
        return; // code_or_search() prints its branches itself
    if (lc->level->access->kind == ACCESS_OR)
        return;
    char *text = plan_print_level(&plan, jc->join, lc->level, jc->flags);
    if (text != NULL)
        plan_text(g, text);
}

void code_level_begin(Codegen *g, JoinCode *jc, u32 number)
{
    ASSERT(number < jc->join->level_count);

    LevelCode *lc = &jc->levels[number];
    const JoinLevel *level = lc->level;
    const Access *a = level->access;
    lc->leave = label_new(g->program);
    lc->next_value = lc->leave;
    lc->next_row = label_new(g->program);
    if ((a->flags & ACCESS_AUTOMATIC) != 0)
        code_automatic_index(g, lc);
    else if ((a->flags & ACCESS_BLOOM) != 0)
        code_bloom_build(g, lc);
    code_explain_level(g, jc, lc);
    if (level->is_left) {
        lc->matched = reg_new(g);
        program_emit(g->program, OP_Integer, 0, lc->matched, 0);
    }
    code_position(g, jc, lc);
    code_level_source(g, lc);
    code_filters(g, level->filters, 0, level->index_filter_count, lc->next_row);
    if (lc->index_cursor >= 0 && lc->cursor >= 0 && lc->index_cursor != lc->cursor
        && a->kind != ACCESS_OR && (a->flags & ACCESS_AUTOMATIC) == 0
        && !table_is_rowid(level->item->table))
        code_fetch_by_key(g, lc);
    code_filters(g, level->filters, level->index_filter_count, level->filter_count, lc->next_row);
    if (level->is_right) {
        code_right_match(g, lc);
        // From here on it may also be a row without a match, which only the table's cursor shows.
        if (is_real_table(level->item))
            source_set_table(g, level->item, level->item->cursor);
    }
    if (level->is_left) {
        lc->row_of_nulls = label_new(g->program);
        label_here(g->program, lc->row_of_nulls);
        program_emit(g->program, OP_Integer, 1, lc->matched, 0);
    }
    if (level->is_right)
        lc->body_address = program_emit(g->program, OP_BeginSubrtn, 0, lc->body_return, 0);
    code_filters(g, level->late_filters, 0, level->late_count, lc->next_row);
    code_lookups(g, jc, number);
}

static void code_in_loops_end(Codegen *g, LevelCode *lc)
{
    ASSERT(lc->in_count <= lc->in_capacity);

    if (lc->in_count == 0)
        return;
    label_here(g->program, lc->next_value);
    for (int i = lc->in_count - 1; i >= 0; i--) {
        InLoop *in = &lc->in_loops[i];
        label_here(g->program, in->is_null);
        // The row of NULLs comes this way although an earlier key that is NULL kept the list from
        // being made.
        Label unmade = label_new(g->program);
        if (lc->level->is_left)
            program_emit(g->program, OP_IfNotOpen, in->cursor, unmade, 0);
        program_emit(g->program, in->reverse ? OP_Prev : OP_Next, in->cursor, in->top, 0);
        label_here(g->program, unmade);
        program_jump_here(g->program, in->empty_jump);
    }
}

void code_level_end(Codegen *g, JoinCode *jc, u32 number)
{
    ASSERT(number < jc->join->level_count);

    LevelCode *lc = &jc->levels[number];
    if (lc->level->is_semi)
        program_emit(g->program, OP_Goto, 0, lc->leave, 0);
    label_here(g->program, lc->next_row);
    if (lc->level->is_right)
        program_emit(g->program, OP_Return, lc->body_return, lc->body_address, 1);
    if (lc->end_op != OP_Noop) {
        program_emit(g->program, lc->end_op, lc->end_p1, lc->end_p2, lc->end_p3);
        program_set_p5(g->program, lc->end_p5);
    }
    if (lc->nulls_round != 0)
        code_second_round(g, lc);
    code_in_loops_end(g, lc);
    label_here(g->program, lc->leave);
    if (lc->skip_address != 0) {
        program_emit(g->program, OP_Goto, 0, lc->skip_address, 0);
        label_here(g->program, lc->skip_done);
    }
    if (lc->like_round != 0)
        program_emit(g->program, OP_DecrJumpZero, lc->like_round, lc->like_address, 0);
    if (lc->level->is_left) {
        int matched = program_emit(g->program, OP_IfPos, lc->matched, 0, 0);
        code_level_null_row(g, lc);
        program_emit(g->program, OP_Goto, 0, lc->row_of_nulls, 0);
        program_jump_here(g->program, matched);
    }
    (void)jc;
}

// --- the whole join ---

void code_join_begin(Codegen *g, JoinCode *jc)
{
    ASSERT(jc->join != NULL);
    ASSERT(jc->levels == NULL);

    JoinOperator *join = jc->join;
    jc->done = label_new(g->program);
    jc->substitutes_before = g->substitutes;
    jc->loop_rows_before = g->loop_rows;
    g->loop_rows += join->base.rows > 0 ? join->base.rows : 0;
    jc->levels = arena_array(g->arena, (size_t)join->level_count + 1, sizeof *jc->levels);
    if (jc->levels == NULL) {
        codegen_fail(g, SQLITE_NOMEM);
        return;
    }
    code_filters(g, join->constant_filters, 0, join->constant_count, jc->done);
    for (u32 i = 0; i < join->level_count; i++) {
        jc->levels[i].level = &join->levels[i];
        code_level_open(g, jc, &jc->levels[i]);
        if (join->levels[i].is_right)
            code_right_begin(g, jc, &jc->levels[i]);
    }
    for (u32 i = 0; i < join->level_count && !codegen_failed(g); i++)
        code_level_begin(g, jc, i);
    jc->next_row = jc->done;
    if (join->level_count > 0) {
        const LevelCode *inner = &jc->levels[join->level_count - 1];
        jc->next_row = inner->level->is_semi ? inner->leave : inner->next_row;
    }
}

void code_join_end(Codegen *g, JoinCode *jc)
{
    ASSERT(jc->join != NULL);

    u32 count = jc->join->level_count;
    if (codegen_failed(g) || jc->levels == NULL)
        return;
    for (u32 i = count; i > 0; i--)
        code_level_end(g, jc, i - 1);
    for (u32 i = 0; i < count; i++) {
        if (jc->join->levels[i].is_right)
            code_right_rows(g, jc, i);
    }
    label_here(g->program, jc->done);
    g->substitutes = jc->substitutes_before;
    g->loop_rows = jc->loop_rows_before;
}
