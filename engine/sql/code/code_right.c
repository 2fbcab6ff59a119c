// RIGHT and FULL JOIN: rows of the right side that never found a partner come after the loops, with
// NULLs on the left. While the loops run, the keys of matched rows are collected; the loops further
// in are a subroutine, which the second pass calls once more for each unmatched row.
//
//     OpenEphemeral matched
//     loops on the left
//       loop on the right
//         Found matched key, else IdxInsert
//         BeginSubrtn body:  loops further in, the body of the query;  Return
//     NullRow of everything on the left
//     scan of the right side alone, with its own plan (JoinLevel.right_join):
//       Found matched key -> next
//       Gosub body

#include "sql/code/code_query.h"
#include "sql/code/code_write.h"
#include "sql/expr_tree.h"

// The key that tells rows apart where they have no rowid; NULL where one number does, as with the
// rows of virtual tables and of subqueries.
static Index *primary_of(const FromItem *item)
{
    if (item->kind != FROM_TABLE || item->table->kind != TABLE_ORDINARY
        || table_is_rowid(item->table))
        return NULL;
    Index *primary = table_primary_key(item->table);
    ASSERT(primary != NULL);
    return primary;
}

static u32 key_size(const FromItem *item)
{
    ASSERT(item->cursor >= 0);

    const Index *primary = primary_of(item);
    return primary == NULL ? 1 : primary->key_count;
}

static void code_key(Codegen *g, FromItem *item, Reg first)
{
    ASSERT(first > 0);

    const Index *primary = primary_of(item);
    if (primary != NULL) {
        for (u32 i = 0; i < primary->key_count; i++)
            code_item_column(g, item, primary->columns[i], first + (Reg)i);
        return;
    }
    if (item->kind == FROM_TABLE || item->kind == FROM_FUNCTION)
        code_item_column(g, item, ROWID_COLUMN, first);
    else
        program_emit(g->program, OP_Rowid, source_of(g, item->cursor)->cursor, first, 0);
}

void code_right_begin(Codegen *g, JoinCode *jc, LevelCode *lc)
{
    ASSERT(lc->level->is_right);

    (void)jc;
    const FromItem *item = lc->level->item;
    lc->matched_cursor = cursor_new(g);
    lc->body_return = reg_new(g);
    program_emit(g->program, OP_Null, 0, lc->body_return, 0);
    code_open_keys(g, lc->matched_cursor, primary_of(item), (int)key_size(item));
}

void code_right_match(Codegen *g, LevelCode *lc)
{
    ASSERT(lc->matched_cursor >= 0);

    FromItem *item = lc->level->item;
    int size = (int)key_size(item);
    Reg first = reg_temp_range(g, size + 1);
    code_key(g, item, first);
    int known = program_emit_int(g->program, OP_Found, lc->matched_cursor, 0, first, size);
    program_emit(g->program, OP_MakeRecord, first, size, first + size);
    program_emit_int(g->program, OP_IdxInsert, lc->matched_cursor, first + size, first, size);
    program_jump_here(g->program, known);
    reg_temp_range_release(g, first, size + 1);
}

void code_right_rows(Codegen *g, JoinCode *jc, u32 number)
{
    ASSERT(number < jc->join->level_count);
    ASSERT(jc->levels[number].body_return > 0);

    LevelCode *lc = &jc->levels[number];
    FromItem *item = lc->level->item;
    PlanContext plan = code_plan_context(g);
    int former =
        plan_push(g, "RIGHT-JOIN %s",
                  item->kind == FROM_TABLE ? item->table->name : plan_item_name(&plan, item));
    for (u32 i = 0; i < number; i++)
        code_level_null_row(g, &jc->levels[i]);
    u8 join = item->join;
    ColumnSource source = *source_of(g, item->cursor);
    JoinCode scan = {.join = lc->level->right_join,
                     .flags = WANT_RIGHT_ROWS | WANT_OR_BRANCH,
                     .opens_nothing = true};
    item->join = 0;
    for (u32 i = 0; i < scan.join->level_count; i++) {
        const JoinLevel *level = &scan.join->levels[i];
        char *text = plan_print_level(&plan, scan.join, level, 0);
        if (text != NULL)
            plan_text(g, text);
        // The body reads the row by the table's own cursor.
        level->access->flags &= ~(u32)(ACCESS_COVERING | ACCESS_INDEX_EXPR);
    }
    code_join_begin(g, &scan);
    int size = (int)key_size(item);
    Reg first = reg_temp_range(g, size);
    code_key(g, item, first);
    program_emit_int(g->program, OP_Found, lc->matched_cursor, scan.next_row, first, size);
    reg_temp_range_release(g, first, size);
    program_emit(g->program, OP_Gosub, lc->body_return, lc->body_address + 1, 0);
    code_join_end(g, &scan);
    item->join = join;
    *source_of(g, item->cursor) = source;
    plan_pop(g, former);
}
