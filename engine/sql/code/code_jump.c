// Truth and comparison: conditional jumps, the six comparison operators, IS, BETWEEN, row values.
//
// Two flags carry all of three-valued logic through code_jump(): NOT turns both round, AND and OR
// pass both on unchanged.
//
//   code_jump(a AND b, to, when=false, ..)    jump to `to` unless a; jump to `to` unless b
//   code_jump(a AND b, to, when=true, ..)     jump to PAST unless a; jump to `to` if b; PAST:
//   (OR is the same with `when` reversed.)
//
// Where a value is wanted of a comparison, the machine is asked for the jump, and 1, 0 or NULL
// stored around it. Row values are rewritten on the way into comparisons of their fields; a
// subquery that is one side is run once, into registers.

#include "sql/code/code_expr_internal.h"
#include "sql/expr_tree.h"

static Opcode compare_opcode(ExprKind kind)
{
    switch (kind) {
    case EX_EQ:
    case EX_IS: return OP_Eq;
    case EX_NE:
    case EX_IS_NOT: return OP_Ne;
    case EX_LT: return OP_Lt;
    case EX_LE: return OP_Le;
    case EX_GT: return OP_Gt;
    case EX_GE: return OP_Ge;
    default: UNREACHABLE(); // callers hand in comparisons only
    }
    return OP_Noop;
}

static ExprKind compare_opposite(ExprKind kind)
{
    switch (kind) {
    case EX_EQ: return EX_NE;
    case EX_NE: return EX_EQ;
    case EX_IS: return EX_IS_NOT;
    case EX_IS_NOT: return EX_IS;
    case EX_LT: return EX_GE;
    case EX_GE: return EX_LT;
    case EX_LE: return EX_GT;
    case EX_GT: return EX_LE;
    default: UNREACHABLE(); // callers hand in comparisons only
    }
    return kind;
}

static bool is_null_safe(ExprKind kind)
{
    ASSERT(kind >= EX_EQ && kind <= EX_IS_NOT);

    return kind == EX_IS || kind == EX_IS_NOT;
}

// The machine jumps if r[p3] op r[p1]: the left operand is the third.
void code_compare(Codegen *g, Opcode op, const Comparison *c, Label to, u16 p5)
{
    ASSERT(to < 0); // a label
    ASSERT(c->left_reg > 0 && c->right_reg > 0);

    const Collation *collation = c->commuted ? code_compare_collation(g, c->right, c->left)
                                             : code_compare_collation(g, c->left, c->right);
    program_emit_collation(g->program, op, c->right_reg, to, c->left_reg, collation);
    program_set_p5(g->program, (u16)(p5 | (u16)code_compare_affinity(c->left, c->right)));
}

// COLLATE and affinity of an expression that was computed before come from what it was.
static Expr register_expr(Expr *original, Reg reg)
{
    ASSERT(reg > 0);

    Expr e = *original;
    expr_become_register(&e, original, reg);
    return e;
}

// --- row values ---

// (a, b) = (c, d): all pairs, by the operator; jumps when the truth equals `when`.
static void code_jump_row_equal(Codegen *g, Expr *e, Label to, bool when, bool null_as)
{
    ASSERT(to < 0);
    ASSERT(vector_size(e->left) == vector_size(e->right) || codegen_failed(g));

    u32 count = vector_size(e->left);
    bool is_equal = e->kind == EX_EQ || e->kind == EX_IS;
    bool and_all = is_equal == when;
    Label past = label_new(g->program);
    for (u32 i = 0; i < count; i++) {
        Expr pair = {.kind = e->kind, .offset = e->offset, .flags = e->flags};
        pair.left = vector_field(g, e->left, i);
        pair.right = vector_field(g, e->right, i);
        if (codegen_failed(g))
            return;
        if (and_all && i + 1 < count)
            code_jump(g, &pair, past, !when, null_as);
        else
            code_jump(g, &pair, to, when, null_as);
    }
    label_here(g->program, past);
}

// (a, b) < (c, d) is a < c OR (a = c AND b < d), where equality of NULLs is unknown.
static Expr *row_order_expr(Codegen *g, Expr *e, u32 from)
{
    ASSERT(from < vector_size(e->left));

    u32 count = vector_size(e->left);
    Expr *left = vector_field(g, e->left, from);
    Expr *right = vector_field(g, e->right, from);
    if (codegen_failed(g))
        return NULL;
    ExprKind strict = e->kind == EX_LE ? EX_LT : e->kind == EX_GE ? EX_GT : (ExprKind)e->kind;
    Expr *first = expr_new(g->arena, from + 1 == count ? (ExprKind)e->kind : strict, left, right);
    if (from + 1 == count || first == NULL)
        return first;
    Expr *equal = expr_new(g->arena, EX_EQ, left, right);
    Expr *rest = row_order_expr(g, e, from + 1);
    if (equal == NULL || rest == NULL)
        return NULL;
    Expr *both = expr_new(g->arena, EX_AND, equal, rest);
    return both == NULL ? NULL : expr_new(g->arena, EX_OR, first, both);
}

// A subquery operand is run once: its fields are read from registers afterwards.
static void fix_row_operand(Codegen *g, Expr **operand)
{
    ASSERT(*operand != NULL);

    if ((*operand)->kind != EX_SELECT)
        return;
    u32 count = vector_size(*operand);
    Reg first = code_subquery(g, *operand);
    ExprList *fields = NULL;
    for (u32 i = 0; i < count; i++) {
        Expr *field = expr_new(g->arena, EX_REGISTER, NULL, NULL);
        Expr *original = vector_field(g, *operand, i);
        if (field == NULL || original == NULL)
            break;
        *field = register_expr(original, first + (Reg)i);
        fields = expr_list_add(g->arena, fields, field);
    }
    Expr *vector = expr_new(g->arena, EX_VECTOR, NULL, NULL);
    if (vector == NULL || fields == NULL) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return;
    }
    vector->list = fields;
    *operand = vector;
}

static void code_jump_row_compare(Codegen *g, Expr *e, Label to, bool when, bool null_as)
{
    ASSERT(to < 0);

    if (vector_size(e->left) != vector_size(e->right)) {
        codegen_error(g, SQLITE_ERROR, "row value misused");
        return;
    }
    Expr fixed = *e;
    fix_row_operand(g, &fixed.left);
    fix_row_operand(g, &fixed.right);
    if (codegen_failed(g))
        return;
    if (fixed.kind == EX_EQ || fixed.kind == EX_NE || is_null_safe((ExprKind)fixed.kind)) {
        code_jump_row_equal(g, &fixed, to, when, null_as);
        return;
    }
    Expr *order = row_order_expr(g, &fixed, 0);
    if (order == NULL)
        codegen_fail(g, connection_out_of_memory(g->db));
    else
        code_jump(g, order, to, when, null_as);
}

// --- comparisons ---

static void code_jump_compare(Codegen *g, Expr *e, Label to, bool when, bool null_as)
{
    ASSERT(to < 0);

    if (vector_size(e->left) > 1 || vector_size(e->right) > 1) {
        code_jump_row_compare(g, e, to, when, null_as);
        return;
    }
    Reg release_left, release_right;
    Reg left = code_expr_temp(g, e->left, &release_left);
    Reg right = code_expr_temp(g, e->right, &release_right);
    ExprKind kind = when ? (ExprKind)e->kind : compare_opposite((ExprKind)e->kind);
    u16 p5 = is_null_safe(kind) ? P5_NULL_EQUAL : null_as == when ? P5_JUMP_IF_NULL : 0;
    Comparison c = {e->left, e->right, left, right, (e->flags & EXPR_COMMUTED) != 0};
    code_compare(g, compare_opcode(kind), &c, to, p5);
    reg_temp_release(g, release_left);
    reg_temp_release(g, release_right);
}

// The value of a comparison: 1, 0 or NULL into `target`.
Reg code_comparison_value(Codegen *g, Expr *e, Reg target)
{
    ASSERT(target > 0);

    Reg release_left, release_right;
    Reg left = code_expr_temp(g, e->left, &release_left);
    Reg right = code_expr_temp(g, e->right, &release_right);
    Reg result = left == target || right == target ? reg_new(g) : target;
    Label done = label_new(g->program);
    program_emit(g->program, OP_Integer, 1, result, 0);
    bool null_safe = is_null_safe((ExprKind)e->kind);
    Comparison c = {e->left, e->right, left, right, (e->flags & EXPR_COMMUTED) != 0};
    code_compare(g, compare_opcode((ExprKind)e->kind), &c, done, null_safe ? P5_NULL_EQUAL : 0);
    if (null_safe)
        program_emit(g->program, OP_Integer, 0, result, 0);
    else
        program_emit(g->program, OP_ZeroOrNull, left, result, right);
    label_here(g->program, done);
    if (result != target)
        program_emit(g->program, OP_SCopy, result, target, 0);
    reg_temp_release(g, release_left);
    reg_temp_release(g, release_right);
    return target;
}

// x BETWEEN a AND b is x >= a AND x <= b with x computed once.
// `parts` are the caller's: [0] and [1] the comparisons, [2] their AND, [3] what x is now.
static void between_parts(Codegen *g, Expr *e, Expr parts[4])
{
    ASSERT(e->list == NULL || e->list->count <= 2);

    parts[3] = *e->left;
    if (vector_size(e->left) == 1) {
        Reg value = code_expr(g, e->left, 0);
        expr_become_register(&parts[3], e->left, value);
    }
    parts[0] = (Expr){.kind = EX_GE, .left = &parts[3], .right = e->list->items[0].expr};
    parts[1] = (Expr){.kind = EX_LE, .left = &parts[3], .right = e->list->items[1].expr};
    parts[2] = (Expr){.kind = EX_AND, .left = &parts[0], .right = &parts[1]};
}

Reg code_between_value(Codegen *g, Expr *e, Reg target)
{
    ASSERT(target > 0 && e->kind == EX_BETWEEN);

    Expr parts[4];
    bool hoist = g->hoist_constants;
    between_parts(g, e, parts);
    Reg value = code_expr(g, &parts[2], target);
    g->hoist_constants = hoist;
    if (value != target)
        program_emit(g->program, OP_SCopy, value, target, 0);
    return target;
}

// --- connectives ---

// A truth that its operands' values cannot change: x AND 0, x OR 1, and what is made of such. The
// operands are not computed then, so that calls in them cannot fail.
bool code_truth_is_decided(const Expr *e, bool *truth)
{
    ASSERT(e != NULL && truth != NULL);

    bool left, right;
    if ((e->flags & EXPR_OUTER_ON) != 0)
        return false;
    if (e->kind == EX_INTEGER || e->kind == EX_BOOL) {
        *truth = e->u.integer != 0;
        return true;
    }
    if (e->kind != EX_AND && e->kind != EX_OR)
        return false;
    bool left_is = code_truth_is_decided(e->left, &left);
    bool right_is = code_truth_is_decided(e->right, &right);
    bool decisive = e->kind == EX_OR;
    *truth = decisive;
    if ((left_is && left == decisive) || (right_is && right == decisive))
        return true;
    *truth = !decisive;
    return left_is && right_is;
}

// A side without subqueries goes first: it is cheap and may make the other one needless.
bool code_right_goes_first(const Expr *e)
{
    ASSERT(e->kind == EX_AND || e->kind == EX_OR);

    return (e->left->flags & EXPR_HAS_SUBQUERY) != 0 && (e->right->flags & EXPR_HAS_SUBQUERY) == 0;
}

static void code_jump_connective(Codegen *g, Expr *e, Label to, bool when, bool null_as)
{
    ASSERT(e->kind == EX_AND || e->kind == EX_OR);

    bool truth;
    if (code_truth_is_decided(e, &truth)) {
        if (truth == when)
            program_emit(g->program, OP_Goto, 0, to, 0);
        return;
    }
    bool is_swapped = code_right_goes_first(e);
    Expr *first = is_swapped ? e->right : e->left;
    Expr *second = is_swapped ? e->left : e->right;
    bool either_decides = (e->kind == EX_OR) == when; // "true if" of OR, "false if" of AND
    if (either_decides) {
        code_jump(g, first, to, when, null_as);
        code_jump(g, second, to, when, null_as);
        return;
    }
    Label past = label_new(g->program);
    code_jump(g, first, past, !when, null_as);
    code_jump(g, second, to, when, null_as);
    label_here(g->program, past);
}

static void code_jump_value(Codegen *g, Expr *e, Label to, bool when, bool null_as)
{
    ASSERT(to < 0);

    Reg release;
    Reg value = code_expr_temp(g, e, &release);
    program_emit(g->program, when ? OP_If : OP_IfNot, value, to, null_as == when);
    reg_temp_release(g, release);
}

// x IS TRUE is never NULL: a NULL x counts as the truth that was not asked for.
static void code_jump_truth(Codegen *g, Expr *e, Label to, bool when)
{
    ASSERT(to < 0);

    bool wanted = e->u.truth.value;
    bool holds = when != e->u.truth.negated;
    code_jump(g, e->left, to, holds == wanted, !wanted);
}

// Emits a jump to `to`, taken if the truth of `e` equals `when`, where NULL counts as `null_as`.
void code_jump(Codegen *g, Expr *e, Label to, bool when, bool null_as)
{
    ASSERT(to < 0); // a label

    if (codegen_failed(g))
        return;
    switch ((ExprKind)e->kind) {
    case EX_NOT: code_jump(g, e->left, to, !when, !null_as); return;
    case EX_AND:
    case EX_OR: code_jump_connective(g, e, to, when, null_as); return;
    case EX_TRUTH: code_jump_truth(g, e, to, when); return;
    case EX_EQ:
    case EX_NE:
    case EX_LT:
    case EX_LE:
    case EX_GT:
    case EX_GE:
    case EX_IS:
    case EX_IS_NOT: code_jump_compare(g, e, to, when, null_as); return;
    case EX_IS_NULL:
    case EX_NOT_NULL: {
        Reg release;
        Reg value = code_expr_temp(g, e->left, &release);
        bool on_null = (e->kind == EX_IS_NULL) == when;
        program_emit(g->program, on_null ? OP_IsNull : OP_NotNull, value, to, 0);
        reg_temp_release(g, release);
        return;
    }
    case EX_BETWEEN: {
        Expr parts[4];
        between_parts(g, e, parts);
        code_jump(g, &parts[2], to, when, null_as);
        return;
    }
    case EX_IN: code_jump_in(g, e, to, when, null_as); return;
    default: code_jump_value(g, e, to, when, null_as); return; // computed, then tested
    }
}
