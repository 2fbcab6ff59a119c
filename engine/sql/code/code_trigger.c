// Triggers: which fire, and the sub-program of each.
//
// A trigger is compiled once per statement and ON CONFLICT action, into a program that runs in a
// frame of its own and reads OLD and NEW from the frame that fired it. It is declared before its
// body is coded: a body that fires the trigger again names the same program.
//
//     Program base, PAST, r            in the statement: runs the sub-program in a frame of its own
//   sub-program:
//     (jump to END unless WHEN)
//     Trace; the step; ResetCount      for each statement of the body
//   END: Halt
//
// OLD and NEW lie in the firing frame from `base` on (two row images side by side) and are read
// with OP_Param. RAISE(IGNORE) halts the sub-program and goes on at PAST.
//
// Steps are resolved anew for each program: what they name is looked up as the schema is now.

#include "base/hashmap.h"
#include "sql/code/code_write.h"
#include "sql/expr_tree.h"
#include "sql/rewrite.h"

struct TriggerProgram {
    Trigger *trigger;
    u8 on_conflict;
    SubProgram *program;
    ColumnSet old_columns; // that it reads; all of them while it is being compiled
    struct TriggerProgram *next;
};

// --- which fire ---

static bool list_names(const Trigger *trigger, const char *column)
{
    ASSERT(trigger->update_of != NULL);

    for (u32 i = 0; i < trigger->update_of_count; i++) {
        if (sqlite3_stricmp(trigger->update_of[i], column) == 0)
            return true;
    }
    return false;
}

// What counts is the word: UPDATE OF the key does not hear of SET rowid, nor UPDATE OF a generated
// column of what that one is made of.
static bool updates_one_of(const Trigger *trigger, const SetList *set)
{
    ASSERT(trigger->event == TRIGGER_UPDATE);

    if (trigger->update_of == NULL || set == NULL)
        return true;
    for (u32 i = 0; i < set->count; i++) {
        const IdList *columns = set->items[i].columns;
        for (u32 field = 0; field < columns->count; field++) {
            if (list_names(trigger, columns->items[field].name))
                return true;
        }
    }
    return false;
}

static bool fires(const Trigger *trigger, TriggerEvent event, const SetList *set)
{
    ASSERT(set == NULL || event == TRIGGER_UPDATE);

    return trigger->event == event && (event != TRIGGER_UPDATE || updates_one_of(trigger, set));
}

u32 triggers_for(Codegen *g, Table *table, TriggerEvent event, const SetList *set)
{
    ASSERT(table != NULL);

    u32 times = 0;
    if ((g->db->flags & CONN_FLAG(ENABLE_TRIGGER)) == 0 || g->nested > 0)
        return 0;
    for (Trigger *t = catalog_next_trigger(g->db, table, NULL); t != NULL;
         t = catalog_next_trigger(g->db, table, t)) {
        if (fires(t, event, set))
            times |= 1u << t->time;
    }
    return times;
}

// --- the program ---

// The firing statement's OR clause holds in the trigger as well, above the steps' own.
static u8 step_conflict(u8 own, u8 imposed)
{
    ASSERT(own <= ON_CONFLICT_REPLACE && imposed <= ON_CONFLICT_REPLACE);

    return imposed != ON_CONFLICT_DEFAULT ? imposed : own;
}

static void code_step_statement(Codegen *g, Stmt *stmt)
{
    ASSERT(g->outer != NULL);

    switch ((StmtKind)stmt->kind) {
    case STMT_INSERT:
        stmt->u.insert->on_conflict =
            step_conflict(stmt->u.insert->on_conflict, g->trigger_conflict);
        code_insert(g, stmt->u.insert);
        break;
    case STMT_UPDATE:
        stmt->u.update->on_conflict =
            step_conflict(stmt->u.update->on_conflict, g->trigger_conflict);
        code_update(g, stmt->u.update);
        break;
    case STMT_DELETE: code_delete(g, stmt->u.delete_); break;
    case STMT_SELECT: {
        SelectDest dest = {.kind = DEST_DISCARD};
        code_select(g, stmt->u.select, &dest);
        return;
    }
    default: UNREACHABLE();
    }
    program_emit0(g->program, OP_ResetCount);
}

// What the tracer is shown: the text of the statement on one line.
static void code_step_trace(Codegen *g, const TriggerStep *step)
{
    ASSERT(step->stmt != NULL);

    if (step->span.size == 0)
        return; // a foreign key's action
    char *text =
        arena_printf(program_arena(g->program), "-- %.*s", (int)step->span.size, step->span.text);
    if (text == NULL)
        return;
    for (char *c = text; *c != '\0'; c++)
        *c = *c == '\n' || *c == '\t' || *c == '\r' || *c == '\f' ? ' ' : *c;
    program_emit_text(g->program, OP_Trace, 0, 0, 0, text, -1);
}

static void code_steps(Codegen *g, ResolveContext *ctx, const Trigger *trigger)
{
    ASSERT(g->outer != NULL);

    for (const TriggerStep *step = trigger->steps; step != NULL && !codegen_failed(g);
         step = step->next) {
        Stmt *stmt = stmt_copy(g->arena, step->stmt);
        if (stmt == NULL) {
            codegen_fail(g, connection_out_of_memory(g->db));
            return;
        }
        ctx->cursor_count = g->cursor_count;
        int rc = resolve_statement(ctx, stmt);
        if (rc == SQLITE_OK)
            rc = rewrite_statement(ctx, stmt);
        if (ctx->cursor_count > g->cursor_count)
            g->cursor_count = ctx->cursor_count;
        if (rc != SQLITE_OK) {
            codegen_fail(g, rc);
            return;
        }
        g->stmt = stmt;
        code_step_trace(g, step);
        code_step_statement(g, stmt);
    }
}

static void code_when(Codegen *g, ResolveContext *ctx, const Trigger *trigger, Label end)
{
    ASSERT(end < 0);

    if (trigger->when == NULL)
        return;
    ctx->cursor_count = g->cursor_count;
    Expr *when = expr_copy(g->arena, trigger->when, NULL);
    int rc = when != NULL ? resolve_trigger_when(ctx, &when) : connection_out_of_memory(g->db);
    if (ctx->cursor_count > g->cursor_count)
        g->cursor_count = ctx->cursor_count;
    if (rc != SQLITE_OK)
        codegen_fail(g, rc);
    else
        code_jump(g, when, end, false, false);
}

static void code_program_body(Codegen *g, Trigger *trigger, Table *table)
{
    ASSERT(g->outer != NULL && g->trigger == trigger);

    TriggerScope scope = {.table = table, .event = trigger->event, .schema = trigger->schema};
    ResolveContext ctx;
    resolve_context_init(&ctx, g->db, g->arena);
    ctx.trigger = &scope;
    ctx.view_name = trigger->name;
    ctx.hides_virtual = codegen_top(g)->resolve->hides_virtual;
    g->resolve = &ctx;
    g->row = (RowImage){.table = table, .in_parent = true};
    const char *former = g->db->authorizer_context;
    g->db->authorizer_context = trigger->name;
    codegen_begin(g);
    Label end = label_new(g->program);
    code_when(g, &ctx, trigger, end);
    code_steps(g, &ctx, trigger);
    label_here(g->program, end);
    g->db->authorizer_context = former;
}

static void compile_program(Codegen *g, struct TriggerProgram *entry, Table *table)
{
    ASSERT(entry->trigger != NULL);

    Codegen *top = codegen_top(g);
    Program *program = program_new(g->db);
    if (program == NULL) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return;
    }
    Codegen inner;
    codegen_init(&inner, g->db, program, g->arena, g->stmt, 0);
    inner.outer = g;
    inner.trigger = entry->trigger;
    inner.trigger_conflict = entry->on_conflict;
    inner.nesting = g->nesting + 1;
    code_program_body(&inner, entry->trigger, table);
    int rc = codegen_finish(&inner);
    if (rc != SQLITE_OK) {
        program_free(program);
        codegen_fail(g, rc);
    } else {
        program_sub_define(top->program, entry->program, program, inner.reg_count,
                           inner.cursor_count);
        entry->old_columns = inner.old_columns;
    }
    codegen_deinit(&inner);
}

// Bodies of triggers that fire others are compiled inside each other: the chain is as long as the
// schema's, which the stack must bear.
enum { TRIGGER_NESTING_MAX = 1000 };

static const struct TriggerProgram *trigger_program(Codegen *g, Trigger *trigger, Table *table,
                                                    u8 on_conflict)
{
    ASSERT(table != NULL);

    Codegen *top = codegen_top(g);
    for (struct TriggerProgram *p = top->trigger_programs; p != NULL; p = p->next) {
        if (p->trigger == trigger && p->on_conflict == on_conflict)
            return p;
    }
    struct TriggerProgram *entry = arena_alloc_zeroed(g->arena, sizeof *entry);
    if (entry == NULL || g->nesting > TRIGGER_NESTING_MAX) {
        codegen_error(g, SQLITE_ERROR, "too many levels of trigger recursion");
        return NULL;
    }
    const char *name = trigger->name != NULL ? arena_printf(program_arena(top->program),
                                                            "-- TRIGGER %s", trigger->name)
                                             : NULL;
    *entry = (struct TriggerProgram){.trigger = trigger,
                                     .on_conflict = on_conflict,
                                     .old_columns = ALL_COLUMNS,
                                     .next = top->trigger_programs};
    entry->program =
        program_sub_declare(top->program, &(SubIdentity){.token = trigger, .name = name});
    top->trigger_programs = entry;
    compile_program(g, entry, table);
    return entry;
}

// A trigger that runs already is not entered again unless recursive_triggers is on; foreign-key
// actions, which have no name, always are.
void code_run_trigger(Codegen *g, Trigger *trigger, Table *table, Reg base, u8 on_conflict,
                      Label ignore)
{
    ASSERT(base > 0);
    ASSERT(ignore <= 0); // a label, or none

    const struct TriggerProgram *entry = trigger_program(g, trigger, table, on_conflict);
    if (entry == NULL || codegen_failed(g))
        return;
    Label past = ignore != 0 ? ignore : label_new(g->program);
    program_emit_program(g->program, OP_Program, base, past, reg_new(g), entry->program);
    bool is_recursive =
        (g->db->flags & CONN_FLAG(RECURSIVE_TRIGGERS)) != 0 || trigger->name == NULL;
    program_set_p5(g->program, !is_recursive);
    if (ignore == 0)
        label_here(g->program, past);
    Codegen *top = codegen_top(g);
    top->multi_write = true;
    top->fires_triggers = true;
    // The program's own code says whether it may abort. Beyond that the depth of triggers may be
    // exceeded, by what fires itself or a long chain.
    if (is_recursive || g != top)
        codegen_may_abort(g);
}

// RAISE(IGNORE) and the like do not count: what a program may read is what its text names.
ColumnSet triggers_old_columns(Codegen *g, const FireTriggers *fire)
{
    ASSERT(fire->event != TRIGGER_INSERT);

    ColumnSet columns = 0;
    for (Trigger *t = catalog_next_trigger(g->db, fire->table, NULL);
         t != NULL && !codegen_failed(g); t = catalog_next_trigger(g->db, fire->table, t)) {
        if (!fires(t, fire->event, fire->set))
            continue;
        const struct TriggerProgram *entry = trigger_program(g, t, fire->table, fire->on_conflict);
        if (entry != NULL)
            columns |= entry->old_columns;
    }
    return columns;
}

void code_fire_triggers(Codegen *g, const FireTriggers *fire)
{
    ASSERT(fire->base > 0);

    if ((g->db->flags & CONN_FLAG(ENABLE_TRIGGER)) == 0 || g->nested > 0)
        return;
    for (Trigger *t = catalog_next_trigger(g->db, fire->table, NULL);
         t != NULL && !codegen_failed(g); t = catalog_next_trigger(g->db, fire->table, t)) {
        if (t->time == fire->time && fires(t, fire->event, fire->set))
            code_run_trigger(g, t, fire->table, fire->base, fire->on_conflict, fire->ignore);
    }
}
