// Function calls: arguments into consecutive registers, then Function; and the few functions that
// become instructions of their own because they do not evaluate all their arguments.
//
//   f(x, y)     x -> r1   y -> r1+1   [CollSeq]   Function mask r1 target, the function in p4
//
// The mask says which of the first 32 arguments are constants: what a function remembers about them
// (sqlite3_set_auxdata: a compiled pattern) stays good from row to row.

#include "func/func.h"
#include "sql/code/codegen.h"
#include "sql/expr_tree.h"
#include "vtab/vtab.h"

// coalesce(a, b, ...): the first that is not NULL; later ones are not computed.
static void code_coalesce(Codegen *g, const ExprList *args, Reg target)
{
    ASSERT(target > 0);
    ASSERT(args->count >= 2);

    Label done = label_new(g->program);
    code_expr_into(g, args->items[0].expr, target);
    bool hoist = g->hoist_constants;
    for (u32 i = 1; i < args->count; i++) {
        program_emit(g->program, OP_NotNull, target, done, 0);
        code_expr_into(g, args->items[i].expr, target);
    }
    g->hoist_constants = hoist;
    label_here(g->program, done);
}

// iif(a, b, c), if(a, b, c, d, ...): CASE without an operand.
static void code_iif(Codegen *g, Expr *e, Reg target)
{
    ASSERT(target > 0);

    Expr as_case = *e;
    as_case.kind = EX_CASE;
    as_case.left = NULL;
    code_expr_into(g, &as_case, target);
}

static bool code_inline(Codegen *g, Expr *e, const FuncDef *func, Reg target)
{
    ASSERT(func->inline_kind != INLINE_NONE);

    const ExprList *args = e->list;
    switch ((InlineKind)func->inline_kind) {
    case INLINE_NONE: return false;
    case INLINE_COALESCE: code_coalesce(g, args, target); return true;
    case INLINE_IIF: code_iif(g, e, target); return true;
    case INLINE_UNLIKELY: code_expr_into(g, args->items[0].expr, target); return true;
    case INLINE_OFFSET: {
        const Expr *arg = args->items[0].expr;
        if (arg->kind == EX_COLUMN)
            program_emit(g->program, OP_Offset, source_of(g, arg->u.column.item->cursor)->cursor,
                         arg->u.column.index, target);
        else
            program_emit(g->program, OP_Null, 0, target, 0);
        return true;
    }
    case INLINE_NULLIF: return false; // its body does it
    }
    return false;
}

// typeof(x) and length(x) of a column need not load the body.
static void hint_column(Codegen *g, const FuncDef *func, const Expr *arg)
{
    ASSERT(func != NULL && arg != NULL);

    Instr *last = program_at(g->program, -1);
    if (arg->kind != EX_COLUMN || last->op != OP_Column)
        return;
    if ((func->flags & FUNC_TYPEOF) != 0)
        last->p5 |= P5_TYPEOF;
    else if ((func->flags & FUNC_BYTE_LENGTH) != 0)
        last->p5 |= P5_BYTES;
    else if ((func->flags & FUNC_LENGTH) != 0)
        last->p5 |= P5_LENGTH;
}

void code_strip_subtypes(Codegen *g, const FuncDef *func, const ExprList *args, Reg first)
{
    ASSERT(first > 0 || args == NULL || args->count == 0);

    for (u32 i = 0; args != NULL && (func->flags & FUNC_SUBTYPE) != 0 && i < args->count; i++) {
        const Expr *arg = args->items[i].expr;
        const FromItem *item = arg->kind == EX_COLUMN ? arg->u.column.item : NULL;
        if ((arg->flags & EXPR_FROM_SUBQUERY) != 0 || (item != NULL && item->select != NULL))
            program_emit(g->program, OP_ClrSubtype, first + (Reg)i, 0, 0);
    }
}

// Constants among the arguments are put in place once per run. Their registers are the call's own:
// what a function turns such a value into (text of another encoding, a number) stays there, as
// programs can see in SQLite too.
static u32 code_arguments(Codegen *g, const ExprList *args, const FuncDef *func, Reg first)
{
    ASSERT(first > 0);
    ASSERT(args->count > 0);

    u32 constant_mask = 0;
    bool former = g->keeps_subtypes;
    g->keeps_subtypes |= (func->flags & FUNC_SUBTYPE) != 0;
    for (u32 i = 0; i < args->count; i++) {
        Expr *arg = args->items[i].expr;
        bool is_constant = code_is_constant(arg);
        if (i < 32 && is_constant)
            constant_mask |= 1u << i;
        if (args->count > 1 && is_constant && code_private_constant(g, arg, first + (Reg)i))
            continue;
        code_expr_borrow(g, arg, first + (Reg)i);
        if (args->count == 1)
            hint_column(g, func, arg);
    }
    g->keeps_subtypes = former;
    code_strip_subtypes(g, func, args, first);
    return constant_mask;
}

// Of the first argument that has one, for functions that compare (min, max, nullif, instr).
static const Collation *argument_collation(Codegen *g, const ExprList *args)
{
    const Collation *collation = NULL;
    for (u32 i = 0; args != NULL && i < args->count && collation == NULL; i++)
        collation = code_collation(g, args->items[i].expr);
    return collation != NULL ? collation : &collation_binary;
}

// A virtual table may have its own body for a function whose first argument is one of its columns;
// for operators (x MATCH y) it is the left operand, which is the second argument.
static const FuncDef *overloaded(Codegen *g, const Expr *e, const FuncDef *def)
{
    ASSERT(def != NULL);

    const ExprList *args = e->list;
    if (args == NULL || args->count == 0)
        return def;
    u32 at = (e->flags & EXPR_INFIX) != 0 && args->count >= 2 ? 1 : 0;
    const Expr *arg = args->items[at].expr;
    const Table *table =
        arg->kind == EX_COLUMN && arg->u.column.item != NULL ? arg->u.column.item->table : NULL;
    VirtualTable *instance =
        table != NULL && table->kind == TABLE_VIRTUAL ? vtab_find(g->db, table) : NULL;
    if (instance == NULL || instance->module->methods->xFindFunction == NULL)
        return def;
    FuncBody *body = NULL;
    void *user_data = NULL;
    int found = instance->module->methods->xFindFunction(instance->vtab, (int)args->count,
                                                         def->name, &body, &user_data);
    // A copy, because the body belongs to this table and this statement alone.
    FuncDef *copy = found != 0 ? arena_alloc(program_arena(g->program), sizeof *copy) : NULL;
    if (copy == NULL)
        return def;
    *copy = *def;
    copy->call = body;
    copy->user_data = user_data;
    copy->flags |= FUNC_FROM_MODULE;
    return copy;
}

void code_function(Codegen *g, Expr *e, Reg target)
{
    ASSERT(e->kind == EX_CALL);

    const FuncDef *func = e->u.call != NULL ? e->u.call->func : NULL;
    if (func == NULL) {
        codegen_error(g, SQLITE_ERROR, "unknown function: %s()", e->text); // of a DEFAULT
        return;
    }
    if (func->inline_kind != INLINE_NONE && code_inline(g, e, func, target))
        return;
    if (func->call == NULL) {
        codegen_error(g, SQLITE_ERROR, "misuse of %s function %s()",
                      e->u.call->window != NULL ? "window" : "aggregate", e->text);
        return;
    }
    func = overloaded(g, e, func);
    int count = e->list != NULL ? (int)e->list->count : 0;
    Reg first = count > 0 ? reg_temp_range(g, count) : 0;
    u32 constant_mask = count > 0 ? code_arguments(g, e->list, func, first) : 0;
    if ((func->flags & FUNC_NEEDS_COLLATION) != 0)
        program_emit_collation(g->program, OP_CollSeq, 0, 0, 0, argument_collation(g, e->list));
    u32 place = e->u.call->pure_place;
    if ((func->flags & FUNC_TOTAL) == 0 || place != PURE_NOWHERE)
        codegen_may_abort(g); // a function may raise an error, after rows were written
    codegen_top(g)->calls_total = true;
    program_emit_func(g->program, place != PURE_NOWHERE ? OP_PureFunc : OP_Function,
                      (int)constant_mask, first, target, func);
    program_set_p5(g->program, (u16)((u32)count | place << PURE_PLACE_SHIFT));
    reg_temp_range_release(g, first, count);
}
