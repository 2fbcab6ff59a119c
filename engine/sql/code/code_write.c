// What INSERT, UPDATE and DELETE have in common: permission, change counts, RETURNING, statements
// that are part of another, AUTOINCREMENT's counters.
//
// code_nested() is how definitions change sqlite_schema and the like: SQL text, parsed and coded
// into the program at hand, with cursors and registers of its own. The resolver asks the authorizer
// about it as about any statement; its changes are not counted, unless nested_counts says so.

#include "sql/code/code_write.h"
#include "base/buffer.h"
#include "base/hashmap.h"
#include "base/vec.h"
#include "sql/expr_tree.h"
#include "sql/parse.h"
#include "sql/rewrite.h"
#include "vtab/vtab.h"
#include <stdarg.h>
#include <string.h>

bool code_is_top(const Codegen *g)
{
    return g->outer == NULL && g->nested == 0;
}

u8 code_on_conflict(const Codegen *g, u8 own)
{
    ASSERT(own <= ON_CONFLICT_REPLACE);

    return g->trigger_conflict != ON_CONFLICT_DEFAULT ? g->trigger_conflict : own;
}

bool code_authorize(Codegen *g, int action, const char *a, const char *b, int database)
{
    ASSERT(database < g->db->database_count);

    if (g->nested > 0)
        return true;
    const char *name = database >= 0 ? g->db->databases[database].name : NULL;
    int rc = resolve_authorize(g->db, action, a, b, name);
    if (rc != SQLITE_OK && rc != SQLITE_IGNORE)
        codegen_fail(g, rc);
    return rc == SQLITE_OK;
}

bool code_authorize_read(Codegen *g, const Table *table, int column)
{
    ASSERT(column < table->column_count);

    if (g->nested > 0 || g->db->authorizer == NULL)
        return true;
    const char *database = g->db->databases[schema_index(g->db, table->schema)].name;
    int rc =
        resolve_authorize_read(g->db, table->name, authorized_column_name(table, column), database);
    if (rc != SQLITE_OK && rc != SQLITE_IGNORE)
        codegen_fail(g, rc);
    return rc == SQLITE_OK;
}

// --- who may be changed ---

static bool vtab_is_read_only(Codegen *g, Table *table)
{
    ASSERT(table->kind == TABLE_VIRTUAL);

    if (vtab_connect(g->db, table) != SQLITE_OK) {
        codegen_fail(g, g->db->error_code);
        return true;
    }
    const VirtualTable *instance = vtab_find(g->db, table);
    return instance == NULL || instance->module->methods->xUpdate == NULL;
}

bool code_is_read_only(Codegen *g, Table *table, bool has_instead_of)
{
    ASSERT(table != NULL);

    bool refused = false;
    if (table->kind == TABLE_VIRTUAL)
        refused = vtab_is_read_only(g, table);
    else if ((table->flags & TABLE_READONLY) != 0)
        refused = !connection_schema_is_writable(g->db) && g->nested == 0;
    else
        refused = vtab_guards(g->db, table);
    if (refused) {
        codegen_error(g, SQLITE_ERROR, "table %s may not be modified", table->name);
        return true;
    }
    if (table->kind == TABLE_VIEW && !has_instead_of) {
        codegen_error(g, SQLITE_ERROR, "cannot modify %s because it is a view", table->name);
        return true;
    }
    return false;
}

void code_vtab_writes(Codegen *g, Table *table)
{
    ASSERT(table->kind == TABLE_VIRTUAL);

    VirtualTable *instance = vtab_find(g->db, table);
    Codegen *top = codegen_top(g);
    for (u32 i = 0; i < top->vtab_writes.count; i++) {
        if (top->vtab_writes.items[i] == instance)
            return;
    }
    if (vec_reserve(&top->vtab_writes.items, &top->vtab_writes.capacity, top->vtab_writes.count + 1,
                    sizeof(void *))
        != SQLITE_OK) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return;
    }
    top->vtab_writes.items[top->vtab_writes.count++] = instance;
}

int vtab_key_column(const Table *table)
{
    ASSERT(table->kind == TABLE_VIRTUAL && !table_has_rowid(table));

    int column = 0;
    while ((table->columns[column].flags & COLUMN_PRIMARY_KEY) == 0)
        column++; // there is one: WITHOUT ROWID demands it
    return column;
}

void code_vtab_key(Codegen *g, const Table *table, int cursor, Reg target)
{
    ASSERT(table->kind == TABLE_VIRTUAL);

    if (table_has_rowid(table))
        program_emit(g->program, OP_Rowid, cursor, target, 0);
    else
        program_emit(g->program, OP_VColumn, cursor, vtab_key_column(table), target);
}

// --- change counts ---

void code_count_begin(Codegen *g, bool has_returning)
{
    ASSERT(g->count_register == 0 || !code_is_top(g));

    if (!code_is_top(g))
        return;
    g->counts_changes = true;
    if ((g->db->flags & CONN_FLAG(COUNT_CHANGES)) == 0 || has_returning)
        return;
    g->count_register = reg_new(g);
    program_emit(g->program, OP_Integer, 0, g->count_register, 0);
}

void code_count_row(Codegen *g)
{
    if (g->count_register != 0 && code_is_top(g))
        program_emit(g->program, OP_AddImm, g->count_register, 1, 0);
}

void code_count_end(Codegen *g, const char *label)
{
    ASSERT(label != NULL);

    if (g->count_register == 0 || !code_is_top(g))
        return;
    program_emit0(g->program, OP_FkCheck); // a statement that fails reports no rows
    program_emit(g->program, OP_ResultRow, g->count_register, 1, 0);
    code_result_labels(g, &label, 1);
}

// --- RETURNING ---

// Rows are kept until the statement has done its work, so that reading them half-way cannot leave
// it half done.
static WalkResult visit_subquery(Walker *w, Expr *e)
{
    (void)w;
    if (e->select != NULL)
        e->flags |= EXPR_CORRELATED; // the table changes between two rows
    return WALK_ON;
}

void code_returning_begin(Codegen *g, ExprList *returning)
{
    ASSERT(returning == NULL || returning->count > 0);

    if (returning == NULL)
        return;
    Walker w = {.expr = visit_subquery};
    (void)expr_list_walk(&w, returning);
    int cursor = cursor_new(g);
    g->returning_cursor = cursor + 1;
    program_emit(g->program, OP_OpenEphemeral, cursor, (int)returning->count, 0);
}

static WalkResult ask_about_returned(Walker *w, Expr *e)
{
    ASSERT(w->arg != NULL);

    Codegen *g = w->arg;
    if (e->kind == EX_ROW_COLUMN && e->u.row.is_returned
        && !code_authorize_read(g, e->u.row.table, e->u.row.index))
        e->kind = EX_NULL; // what the authorizer ignores
    return codegen_failed(g) ? WALK_STOP : WALK_ON;
}

static void authorize_returning(Codegen *g, ExprList *returning)
{
    Walker w = {.expr = ask_about_returned, .arg = g};
    for (u32 i = 0; i < returning->count && g->db->authorizer != NULL; i++)
        (void)expr_walk(&w, returning->items[i].expr);
}

void code_returning_row(Codegen *g, ExprList *returning, Table *table, Reg old_first, Reg new_first)
{
    ASSERT(returning == NULL || old_first > 0 || new_first > 0);

    if (returning == NULL || codegen_failed(g))
        return;
    authorize_returning(g, returning);
    RowImage former = g->row;
    g->row = (RowImage){.table = table, .old_first = old_first, .new_first = new_first};
    int cursor = g->returning_cursor - 1;
    int count = (int)returning->count;
    Reg first = reg_range_new(g, count);
    Reg record = reg_new(g);
    Reg rowid = reg_new(g);
    code_expr_list(g, returning, first, 0);
    program_emit(g->program, OP_MakeRecord, first, count, record);
    program_emit(g->program, OP_NewRowid, cursor, rowid, 0);
    program_emit(g->program, OP_Insert, cursor, record, rowid);
    program_set_p5(g->program, P5_APPEND);
    g->row = former;
}

void code_returning_end(Codegen *g, ExprList *returning)
{
    if (returning == NULL || codegen_failed(g))
        return;
    ASSERT(g->returning_cursor > 0);

    int cursor = g->returning_cursor - 1;
    int count = (int)returning->count;
    Reg first = reg_range_new(g, count);
    program_emit0(g->program, OP_FkCheck);
    int rewind = program_emit(g->program, OP_Rewind, cursor, 0, 0);
    int top = program_here(g->program);
    for (int i = 0; i < count; i++)
        program_emit(g->program, OP_Column, cursor, i, first + i);
    program_emit(g->program, OP_ResultRow, first, count, 0);
    program_emit(g->program, OP_Next, cursor, top, 0);
    program_jump_here(g->program, rewind);
}

// --- statements inside statements ---

static void code_nested_statement(Codegen *g, Stmt *stmt)
{
    ASSERT(g->nested > 0);

    switch ((StmtKind)stmt->kind) {
    case STMT_INSERT: code_insert(g, stmt->u.insert); return;
    case STMT_UPDATE: code_update(g, stmt->u.update); return;
    case STMT_DELETE: code_delete(g, stmt->u.delete_); return;
    case STMT_SELECT: {
        SelectDest dest = {.kind = DEST_DISCARD};
        code_select(g, stmt->u.select, &dest);
        return;
    }
    default: UNREACHABLE();
    }
}

void code_nested(Codegen *g, const char *fmt, ...)
{
    ASSERT(fmt != NULL);

    if (codegen_failed(g))
        return;
    va_list args;
    va_start(args, fmt);
    Buffer buffer = {0};
    buffer_vprintf(&buffer, fmt, args);
    va_end(args);
    const char *sql = arena_keep(g->arena, &buffer);
    buffer_deinit(&buffer);
    if (sql == NULL) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return;
    }
    ParseOptions options = parse_options_default();
    ParseResult parsed;
    ResolveContext ctx;
    resolve_context_init(&ctx, g->db, g->arena);
    ctx.cursor_count = g->cursor_count;
    ctx.is_nested = true;
    g->nested++;
    int rc = parse_statement(sql, strlen(sql), &options, g->arena, &parsed);
    if (rc == SQLITE_OK)
        rc = resolve_statement(&ctx, parsed.stmt);
    if (rc == SQLITE_OK)
        rc = rewrite_statement(&ctx, parsed.stmt);
    if (ctx.cursor_count > g->cursor_count)
        g->cursor_count = ctx.cursor_count;
    if (rc != SQLITE_OK)
        codegen_fail(g, rc);
    else
        code_nested_statement(g, parsed.stmt);
    g->nested--;
}

// --- AUTOINCREMENT ---

// One table's counter. `first` and three more registers hold: its name; the largest rowid; the
// rowid of its row in sqlite_sequence, NULL when it has none; the rowid as it was read.
struct AutoIncrement {
    Table *table;
    int database;
    Reg first;
    struct AutoIncrement *next;
};

Reg code_autoincrement_register(Codegen *g, Table *table)
{
    ASSERT(table->kind == TABLE_ORDINARY);

    if ((table->flags & TABLE_AUTOINCREMENT) == 0)
        return 0;
    Codegen *top = codegen_top(g);
    struct AutoIncrement *a = top->autoincrements;
    while (a != NULL && a->table != table)
        a = a->next;
    if (a == NULL) {
        Table *sequence = table->schema->sequence;
        if (sequence == NULL || sequence->kind != TABLE_ORDINARY || sequence->column_count != 2
            || !table_has_rowid(sequence)) {
            codegen_error(g, SQLITE_CORRUPT_SEQUENCE, "%s", "database disk image is malformed");
            return 0;
        }
        a = arena_alloc_zeroed(top->arena, sizeof *a);
        if (a == NULL)
            return 0;
        *a = (struct AutoIncrement){.table = table,
                                    .database = schema_index(g->db, table->schema),
                                    .first = reg_range_new(top, 4),
                                    .next = top->autoincrements};
        top->autoincrements = a;
    }
    return a->first + 1;
}

// In the start-up part: reads the counters.
void code_autoincrement_begin(Codegen *g)
{
    ASSERT(g->autoincrements == NULL || codegen_top(g) == g);

    for (const struct AutoIncrement *a = g->autoincrements; a != NULL; a = a->next) {
        int cursor = cursor_new(g);
        Table *sequence = a->table->schema->sequence;
        Reg name = reg_new(g);
        Label next = label_new(g->program), done = label_new(g->program);
        code_open_table(g, sequence, cursor, OP_OpenRead);
        program_emit(g->program, OP_Null, 0, a->first, a->first + 3);
        program_emit_text(g->program, OP_String8, 0, a->first, 0, a->table->name, -1);
        program_emit(g->program, OP_Integer, 0, a->first + 1, 0);
        int rewind = program_emit(g->program, OP_Rewind, cursor, 0, 0);
        int top = program_emit(g->program, OP_Column, cursor, 0, name);
        program_emit(g->program, OP_Ne, a->first, next, name);
        program_set_p5(g->program, P5_JUMP_IF_NULL);
        program_emit(g->program, OP_Rowid, cursor, a->first + 2, 0);
        program_emit(g->program, OP_Column, cursor, 1, a->first + 1);
        program_emit(g->program, OP_AddImm, a->first + 1, 0, 0);
        program_emit(g->program, OP_Copy, a->first + 1, a->first + 3, 0);
        program_emit(g->program, OP_Goto, 0, done, 0);
        label_here(g->program, next);
        program_emit(g->program, OP_Next, cursor, top, 0);
        program_jump_here(g->program, rewind);
        label_here(g->program, done);
        program_emit(g->program, OP_Close, cursor, 0, 0);
    }
}

// The row of sqlite_sequence is written if the counter has grown: once per statement, however many
// rows there were.
void code_autoincrement_end(Codegen *g)
{
    ASSERT(g->program != NULL);

    if (!code_is_top(g))
        return;
    for (const struct AutoIncrement *a = g->autoincrements; a != NULL; a = a->next) {
        int cursor = cursor_new(g);
        Table *sequence = a->table->schema->sequence;
        Reg record = reg_new(g);
        int same = program_emit(g->program, OP_Le, a->first + 3, 0, a->first + 1);
        code_open_table(g, sequence, cursor, OP_OpenWrite);
        int known = program_emit(g->program, OP_NotNull, a->first + 2, 0, 0);
        program_emit(g->program, OP_NewRowid, cursor, a->first + 2, 0);
        program_jump_here(g->program, known);
        program_emit(g->program, OP_MakeRecord, a->first, 2, record);
        program_emit(g->program, OP_Insert, cursor, record, a->first + 2);
        program_set_p5(g->program, P5_APPEND);
        program_emit(g->program, OP_Close, cursor, 0, 0);
        program_jump_here(g->program, same);
    }
}
