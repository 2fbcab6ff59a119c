// Compound queries.
//
// UNION ALL without an order runs its sides one after the other into the same destination. All
// others merge: both sides are co-routines that yield sorted rows, A left and B right, and the
// least row at hand decides what happens:
//
//               A < B             A = B             A > B             A ended        B ended
//   UNION ALL   put A, next A     put A, next A     put B, next B     rest of B      rest of A
//   UNION       put A, next A     next A            put B, next B     rest of B      rest of A
//   INTERSECT   next A            put A, next A     next B            end            end
//   EXCEPT      put A, next A     next A            next B            end            rest of A
//
// where `put` drops a row equal to the one before, except for UNION ALL.
//
//     InitCoroutine A, InitCoroutine B
//     Goto START
//     put A: [Compare with the last row put -> skip]  deliver;  Return
//     put B: ...
//     rest of B:  put B;  Yield B -> END;  again          rest of A: likewise
//     A < B:  put A;  Yield A -> rest of B;  Goto COMPARE
//     A = B:  ...                        A > B:  ...
//   START:  Yield A -> rest of B;  Yield B -> rest of A
//   COMPARE:  Permutation;  Compare A.. B..;  Jump A<B, A=B, A>B
//   END:
//
// The planner has given both sides an ORDER BY over all columns, those asked for first, so that
// rows that are equal by all of them come together.

#include "sql/code/code_query.h"
#include "sql/expr_tree.h"

// --- LIMIT of a whole compound ---

typedef struct LimitedDest {
    SelectDest *dest;
    LimitCode limit;
    Label done;
} LimitedDest;

static void consume_limited(Codegen *g, SelectDest *inner)
{
    ASSERT(inner->first > 0 && inner->count > 0);

    LimitedDest *ld = inner->arg;
    Label skip = label_new(g->program);
    if (ld->limit.offset != 0)
        program_emit(g->program, OP_IfPos, ld->limit.offset, skip, 1);
    code_deliver(g, ld->dest, inner->first, inner->count, ld->done);
    if (ld->limit.limit != 0)
        program_emit(g->program, OP_DecrJumpZero, ld->limit.limit, ld->done, 0);
    label_here(g->program, skip);
}

// --- UNION ALL ---

// The chain leans left: its first two sides are coded first, each later one under "UNION ALL".
static void code_append_sides(Codegen *g, SetOperator *op, SelectDest *dest)
{
    ASSERT(op->method == SET_APPEND);

    Operator *left = op->left;
    bool innermost = left->kind != OPERATOR_SET;
    if (innermost) {
        plan_push(g, "COMPOUND QUERY");
        int former = plan_push(g, "LEFT-MOST SUBQUERY");
        code_operator(g, left, op->select->prior, dest);
        plan_pop(g, former);
    } else if (((SetOperator *)left)->method == SET_APPEND) {
        code_append_sides(g, (SetOperator *)left, dest);
    } else {
        code_set(g, (SetOperator *)left, NULL, dest);
    }
    int former = plan_push(g, "UNION ALL");
    code_operator(g, op->right, op->select, dest);
    plan_pop(g, former);
}

static void code_append(Codegen *g, SetOperator *op, SelectDest *dest)
{
    int former = g->plan_parent;
    code_append_sides(g, op, dest);
    plan_pop(g, former);
}

// --- merging ---

typedef struct Side {
    SelectDest dest;
    Reg yield;
    Reg put_return;
    int put; // address of the subroutine that puts its row; 0: none
} Side;

typedef struct Merge {
    SetOperator *op;
    LimitedDest out;
    int count; // columns
    Side a, b;
    Reg previous; // last row put; the register behind says whether there is one; 0: keep duplicates
    Label compare, end;
} Merge;

static void code_side(Codegen *g, Merge *m, Side *side, Operator *tree, Select *select)
{
    ASSERT(side == &m->a || side == &m->b);

    side->yield = reg_new(g);
    int init =
        program_emit(g->program, OP_InitCoroutine, side->yield, 0, program_here(g->program) + 1);
    side->dest = (SelectDest){.kind = DEST_COROUTINE,
                              .param = side->yield,
                              .first = reg_range_new(g, m->count),
                              .count = m->count};
    int former = plan_push(g, "%s", side == &m->a ? "LEFT" : "RIGHT");
    code_operator(g, tree, select, &side->dest);
    plan_pop(g, former);
    program_emit(g->program, OP_EndCoroutine, side->yield, 0, 0);
    program_jump_here(g->program, init);
}

// All columns with the collations of the compound: rows equal in these are duplicates.
static KeyShape *duplicate_shape(Codegen *g, const Merge *m)
{
    ASSERT(m->count > 0);

    KeyShape *shape = key_shape_new(g->db, g->db->encoding, (u16)m->count, (u16)m->count);
    if (shape == NULL) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return NULL;
    }
    for (u32 i = 0; i < m->op->order_by->count; i++) {
        const ExprItem *item = &m->op->order_by->items[i];
        const Collation *c = code_collation(g, item->expr);
        if (c != NULL && item->column <= m->count)
            shape->fields[item->column - 1].collation = c;
    }
    return shape;
}

static void code_put(Codegen *g, Merge *m, Side *side)
{
    ASSERT(side->put == 0);

    Reg row = side->dest.first;
    Label skip = label_new(g->program);
    side->put_return = reg_new(g);
    side->put = program_here(g->program);
    if (m->previous != 0) {
        Reg started = m->previous + m->count;
        Label fresh = label_new(g->program);
        program_emit(g->program, OP_IfNot, started, fresh, 1);
        program_emit_shape(g->program, OP_Compare, row, m->previous, m->count,
                           duplicate_shape(g, m));
        int here = program_here(g->program);
        program_emit(g->program, OP_Jump, here + 1, skip, here + 1);
        label_here(g->program, fresh);
        program_emit(g->program, OP_Copy, row, m->previous, m->count - 1);
        program_emit(g->program, OP_Integer, 1, started, 0);
    }
    SelectDest inner = {.arg = &m->out, .first = row, .count = m->count};
    consume_limited(g, &inner);
    label_here(g->program, skip);
    program_emit(g->program, OP_Return, side->put_return, 0, 0);
}

// Puts the side's row if it is to be put, and fetches its next one.
static int code_advance(Codegen *g, const Merge *m, const Side *side, bool put, Label ended)
{
    ASSERT(!put || side->put_return > 0);
    ASSERT(ended < 0);

    int address = program_here(g->program);
    if (put)
        program_emit(g->program, OP_Gosub, side->put_return, side->put, 0);
    program_emit(g->program, OP_Yield, side->yield, ended, 0);
    program_emit(g->program, OP_Goto, 0, m->compare, 0);
    return address;
}

// Puts what is left of a side. Returns the address of its second instruction, for a side whose
// first row has not been fetched.
static int code_rest(Codegen *g, const Merge *m, const Side *side, Label here)
{
    ASSERT(side->put_return > 0);
    ASSERT(here < 0);

    label_here(g->program, here);
    int top = program_emit(g->program, OP_Gosub, side->put_return, side->put, 0);
    int fetch = program_emit(g->program, OP_Yield, side->yield, m->end, 0);
    program_emit(g->program, OP_Goto, 0, top, 0);
    return fetch;
}

static void code_compare_sides(Codegen *g, const Merge *m, const int *targets)
{
    ASSERT(m->op->order_by != NULL && m->op->order_by->count > 0);

    const ExprList *order = m->op->order_by;
    u32 *places = arena_array(g->arena, order->count + 1, sizeof *places);
    if (places == NULL) {
        codegen_fail(g, SQLITE_NOMEM);
        return;
    }
    for (u32 i = 0; i < order->count; i++)
        places[i] = (u32)order->items[i].column - 1;
    label_here(g->program, m->compare);
    program_emit_ints(g->program, OP_Permutation, 0, 0, 0, places, order->count);
    program_emit_shape(g->program, OP_Compare, m->a.dest.first, m->b.dest.first, (int)order->count,
                       code_list_shape(g, order, 0, 0));
    program_set_p5(g->program, P5_PERMUTE);
    program_emit(g->program, OP_Jump, targets[0], targets[1], targets[2]);
}

static const char *set_name(u8 op)
{
    switch ((SetOp)op) {
    case SET_UNION: return "UNION";
    case SET_UNION_ALL: return "UNION ALL";
    case SET_INTERSECT: return "INTERSECT";
    case SET_EXCEPT: return "EXCEPT";
    case SET_NONE: break;
    }
    UNREACHABLE();
}

static void code_merge_loop(Codegen *g, Merge *m)
{
    ASSERT(m->a.yield > 0 && m->b.yield > 0);

    u8 op = m->op->op;
    bool both = op == SET_UNION || op == SET_UNION_ALL;
    Label a_ended = label_new(g->program), b_ended = label_new(g->program);
    int targets[3];
    int start = program_emit(g->program, OP_Goto, 0, 0, 0);
    code_put(g, m, &m->a);
    if (both)
        code_put(g, m, &m->b);
    Label first_a_ended = m->end;
    int fetch_b = 0;
    if (both)
        fetch_b = code_rest(g, m, &m->b, a_ended);
    if (both || op == SET_EXCEPT)
        code_rest(g, m, &m->a, b_ended);
    Label a_end = both ? a_ended : m->end;
    Label b_end = op == SET_INTERSECT ? m->end : b_ended;
    targets[0] = code_advance(g, m, &m->a, op != SET_INTERSECT, a_end);
    targets[1] = code_advance(g, m, &m->a, op == SET_UNION_ALL || op == SET_INTERSECT, a_end);
    targets[2] = code_advance(g, m, &m->b, both, b_end);
    program_jump_here(g->program, start);
    program_emit(g->program, OP_Yield, m->a.yield, both ? fetch_b : first_a_ended, 0);
    program_emit(g->program, OP_Yield, m->b.yield, b_end, 0);
    code_compare_sides(g, m, targets);
}

static void code_merge(Codegen *g, SetOperator *op, const LimitOperator *limit, SelectDest *dest)
{
    ASSERT(op->method == SET_MERGE);

    Merge m = {.op = op,
               .count = (int)op->select->columns->count,
               .compare = label_new(g->program),
               .end = label_new(g->program)};
    m.out = (LimitedDest){.dest = dest, .done = m.end};
    code_limit_begin(g, limit, &m.out.limit, m.end);
    int former = plan_push(g, "MERGE (%s)", set_name(op->op));
    if (op->op != SET_UNION_ALL) {
        m.previous = reg_range_new(g, m.count + 1);
        program_emit(g->program, OP_Integer, 0, m.previous + m.count, 0);
    }
    code_side(g, &m, &m.a, op->left, op->select->prior);
    code_side(g, &m, &m.b, op->right, op->select);
    plan_pop(g, former);
    if (!codegen_failed(g))
        code_merge_loop(g, &m);
    label_here(g->program, m.end);
}

void code_set(Codegen *g, SetOperator *op, const LimitOperator *limit, SelectDest *dest)
{
    ASSERT(op->left != NULL && op->right != NULL);

    if (op->method == SET_MERGE) {
        code_merge(g, op, limit, dest);
        return;
    }
    LimitedDest ld = {.dest = dest, .done = label_new(g->program)};
    code_limit_begin(g, limit, &ld.limit, ld.done);
    SelectDest inner = {.kind = DEST_CALLBACK, .consume = consume_limited, .arg = &ld};
    code_append(g, op, &inner);
    label_here(g->program, ld.done);
}
