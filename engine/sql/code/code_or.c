// Multi-index OR: the branches run one after the other, each over its own index; the body is a
// subroutine they call for every row that no earlier branch has shown.
//
//     for each branch:
//       a join of one level, by the branch's own access and filters
//         row seen by an earlier branch -> next row       RowSetTest, or Found by primary key
//         Gosub body
//     Goto leave
//   body:
//     ... what the level's caller puts around it ...
//     Return                                              the end of this level's "loop"
//
// The rows of the first branch are not looked up, those of the last are not put into the set.

#include "sql/code/code_query.h"
#include "sql/code/code_write.h"
#include "sql/expr_tree.h"

typedef struct OrCode {
    Reg body_return;
    Label body;
    Reg seen;        // row set, tables with rowids, virtual ones too; 0: duplicates do not matter
    int seen_cursor; // ephemeral index of keys, WITHOUT ROWID tables
    u32 number, count;
} OrCode;

static void code_seen_by_key(Codegen *g, const FromItem *item, const OrCode *oc, Label known)
{
    ASSERT(!table_has_rowid(item->table));
    ASSERT(known < 0);

    const Index *primary = table_primary_key(item->table);
    int size = primary->key_count;
    Reg first = reg_temp_range(g, size + 1);
    for (int i = 0; i < size; i++)
        code_item_column(g, item, primary->columns[i], first + i);
    if (oc->number > 0)
        program_emit_int(g->program, OP_Found, oc->seen_cursor, known, first, size);
    if (oc->number + 1 < oc->count) {
        program_emit(g->program, OP_MakeRecord, first, size, first + size);
        program_emit_int(g->program, OP_IdxInsert, oc->seen_cursor, first + size, first, size);
    }
    reg_temp_range_release(g, first, size + 1);
}

static void code_seen(Codegen *g, const FromItem *item, const OrCode *oc, Label known)
{
    ASSERT(oc->number < oc->count);

    if (!table_has_rowid(item->table)) {
        code_seen_by_key(g, item, oc, known);
        return;
    }
    Reg rowid = reg_temp(g);
    code_item_column(g, item, ROWID_COLUMN, rowid);
    int batch = oc->number + 1 == oc->count ? -1 : (int)oc->number;
    program_emit_int(g->program, OP_RowSetTest, oc->seen, known, rowid, batch);
    reg_temp_release(g, rowid);
}

static void code_branch(Codegen *g, JoinCode *jc, LevelCode *lc, OrCode *oc,
                        const struct OrBranch *branch)
{
    ASSERT(oc->body < 0 && oc->body_return > 0);

    FromItem *item = lc->level->item;
    PlanContext plan = code_plan_context(g);
    int former = plan_push(g, "INDEX %u", branch->number);
    u8 join = item->join;
    JoinCode loops = {.join = branch->join,
                      .flags = WANT_OR_BRANCH | (jc->flags & WANT_DUPLICATES_OK),
                      .opens_nothing = true};
    ASSERT(branch->join->level_count == 1);
    const JoinLevel *level = &branch->join->levels[0];
    char *text =
        level->access->kind == ACCESS_OR ? NULL : plan_print_level(&plan, branch->join, level, 0);
    item->join = 0;
    // The body reads the row by the table's own cursor, whichever branch found it.
    level->access->flags &= ~(u32)(ACCESS_COVERING | ACCESS_INDEX_EXPR);
    code_join_begin(g, &loops);
    if (text != NULL)
        plan_text(g, text); // after the subqueries of its filters, as SQLite tells it
    if ((jc->flags & WANT_DUPLICATES_OK) == 0)
        code_seen(g, item, oc, loops.next_row);
    program_emit(g->program, OP_Gosub, oc->body_return, oc->body, 0);
    code_join_end(g, &loops);
    item->join = join;
    plan_pop(g, former);
}

static void code_seen_open(Codegen *g, const FromItem *item, OrCode *oc)
{
    ASSERT(oc->seen == 0);

    if (table_has_rowid(item->table)) {
        oc->seen = reg_new(g);
        program_emit(g->program, OP_Null, 0, oc->seen, 0);
        return;
    }
    Index *primary = table_primary_key(item->table);
    KeyShape *shape = index_shape(g->db, primary);
    oc->seen_cursor = cursor_new(g);
    if (shape == NULL) {
        codegen_fail(g, SQLITE_NOMEM);
        return;
    }
    program_emit_shape(g->program, OP_OpenEphemeral, oc->seen_cursor, primary->key_count, 0,
                       key_shape_ref(shape));
}

void code_or_search(Codegen *g, JoinCode *jc, LevelCode *lc)
{
    ASSERT(lc->level->access->kind == ACCESS_OR && lc->level->access->branch_count > 0);

    const Access *a = lc->level->access;
    FromItem *item = lc->level->item;
    OrCode oc = {
        .body_return = reg_new(g), .body = label_new(g->program), .count = a->branch_count};
    int former = plan_push(g, "MULTI-INDEX OR");
    if ((jc->flags & WANT_DUPLICATES_OK) == 0)
        code_seen_open(g, item, &oc);
    program_emit(g->program, OP_Integer, program_here(g->program) + 1, oc.body_return, 0);
    for (; oc.number < oc.count && !codegen_failed(g); oc.number++)
        code_branch(g, jc, lc, &oc, &a->branches[oc.number]);
    plan_pop(g, former);
    program_emit(g->program, OP_Goto, 0, lc->leave, 0);
    label_here(g->program, oc.body);
    lc->end_op = OP_Return;
    lc->end_p1 = oc.body_return;
}
