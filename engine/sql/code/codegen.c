// The code generator's context: registers, cursors, sources of columns, sticky errors, and the
// start-up part of a program (transactions, hoisted constants) that codegen_finish() appends.

#include "base/buffer.h"
#include "base/vec.h"
#include "sql/code/code_ddl.h"
#include "sql/code/code_write.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void codegen_init(Codegen *g, sqlite3 *db, Program *program, Arena *arena, Stmt *stmt,
                  int cursor_count)
{
    ASSERT(db != NULL);
    ASSERT(arena != NULL);

    *g = (Codegen){.db = db, .program = program, .arena = arena, .stmt = stmt};
    g->cursor_count = cursor_count;
    g->hoist_constants = true;
}

void codegen_deinit(Codegen *g)
{
    ASSERT(g->constants.count <= g->constants.capacity);

    mem_free(g->sources);
    mem_free(g->constants.items);
    mem_free(g->vtab_writes.items);
    mem_free(g->locks.items);
    g->sources = NULL;
    g->constants.items = NULL;
    g->vtab_writes.items = NULL;
    g->locks.items = NULL;
}

void codegen_begin(Codegen *g)
{
    ASSERT(program_here(g->program) == 0); // Init is the first instruction

    g->init_address = program_emit(g->program, OP_Init, 0, 0, 0);
}

static void emit_transactions(Codegen *g)
{
    ASSERT((g->write_mask & ~g->read_mask) == 0);

    for (int i = 0; i < g->db->database_count; i++) {
        if (((g->read_mask >> i) & 1) == 0)
            continue;
        const Database *database = &g->db->databases[i];
        bool writes = ((g->write_mask >> i) & 1) != 0;
        program_emit_int(g->program, OP_Transaction, i, writes, (int)database->schema->cookie,
                         (i32)database->schema->generation);
        if (!g->schema_only)
            program_set_p5(g->program, 1); // check the schema cookie
    }
    for (u32 i = 0; i < g->vtab_writes.count; i++)
        program_emit_vtab(g->program, OP_VBegin, 0, 0, 0, g->vtab_writes.items[i]);
}

// Before anything is read, so that a statement which meets a lock has done nothing yet.
static void emit_locks(Codegen *g)
{
    for (u32 i = 0; i < g->locks.count; i++) {
        const TableLock *lock = &g->locks.items[i];
        bool is_schema = lock->table->root == 1;
        ASSERT(!lock->writes || ((g->write_mask >> lock->database) & 1) != 0);
        program_emit_text(g->program, OP_TableLock, lock->database, (int)lock->table->root,
                          lock->writes, is_schema ? "sqlite_master" : lock->table->name, -1);
    }
}

// Hoisted expressions may hoist others while they are coded, so the list can grow under the loop.
static void emit_constants(Codegen *g)
{
    g->hoist_constants = false;
    for (u32 i = 0; i < g->constants.count; i++) {
        const ConstantExpr *constant = &g->constants.items[i];
        ASSERT(constant->reg > 0);
        ASSERT(constant->reg <= g->reg_count);
        Expr *e = constant->expr;
        Reg reg = constant->reg;
        Reg at = code_expr(g, e, reg);
        if (at != reg)
            program_emit(g->program, OP_Copy, at, reg, 0);
    }
}

int codegen_finish(Codegen *g)
{
    ASSERT(g->substitutes == NULL || g->rc != SQLITE_OK);

    program_emit0(g->program, OP_Halt);
    program_jump_here(g->program, g->init_address);
    emit_transactions(g);
    emit_locks(g);
    code_autoincrement_begin(g);
    emit_constants(g);
    program_emit(g->program, OP_Goto, 0, g->init_address + 1, 0);
    if (g->rc == SQLITE_OK && (program_failed(g->program) || g->arena->failed))
        codegen_fail(g, connection_out_of_memory(g->db));
    return g->rc;
}

void codegen_error(Codegen *g, int rc, const char *fmt, ...)
{
    ASSERT(rc != SQLITE_OK);

    if (g->rc != SQLITE_OK)
        return;

    va_list args;
    va_start(args, fmt);
    Buffer message = {0};
    buffer_vprintf(&message, fmt, args);
    va_end(args);
    char *text = buffer_take(&message);
    g->rc =
        text != NULL ? connection_error(g->db, rc, "%s", text) : connection_out_of_memory(g->db);
    mem_free(text);
}

void codegen_fail(Codegen *g, int rc)
{
    ASSERT(rc != SQLITE_OK);

    if (g->rc == SQLITE_OK)
        g->rc = rc;
}

bool codegen_failed(const Codegen *g)
{
    return g->rc != SQLITE_OK || g->arena->failed;
}

Codegen *codegen_top(Codegen *g)
{
    ASSERT(g->outer != g);

    while (g->outer != NULL)
        g = g->outer;
    return g;
}

void codegen_reads(Codegen *g, int database)
{
    ASSERT(database >= 0);
    ASSERT(database < DATABASE_MAX);

    ddl_open_temp(g, database); // the temp database comes into being when first named
    codegen_top(g)->read_mask |= 1u << database;
}

void codegen_writes(Codegen *g, int database, bool multi_row)
{
    ASSERT(database < g->db->database_count);

    Codegen *top = codegen_top(g);
    codegen_reads(g, database);
    top->write_mask |= 1u << database;
    top->multi_write |= multi_row;
}

void codegen_may_abort(Codegen *g)
{
    ASSERT(g->program != NULL);

    codegen_top(g)->may_abort = true;
}

static bool is_same_lock(const TableLock *a, const TableLock *b)
{
    ASSERT(a->table->root > 0);
    return a->database == b->database && a->table->root == b->table->root;
}

void codegen_locks(Codegen *g, int database, const Table *table, bool writes)
{
    Codegen *top = codegen_top(g);
    const Btree *bt = g->db->databases[database].btree;
    ASSERT(table != NULL);
    if (LIKELY(!g->db->shares_btrees) || bt == NULL || !btree_is_shared(bt))
        return;
    const TableLock wanted = {database, table, writes};
    for (u32 i = 0; i < top->locks.count; i++) {
        if (is_same_lock(&top->locks.items[i], &wanted)) {
            top->locks.items[i].writes |= writes;
            return;
        }
    }
    if (vec_reserve(&top->locks.items, &top->locks.capacity, top->locks.count + 1,
                    sizeof *top->locks.items)
        != SQLITE_OK) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return;
    }
    top->locks.items[top->locks.count++] = wanted;
}

// Into the program's arena: the tree, which the names may point into, ends with the compilation.
void code_result_names(Codegen *g, const ColumnName *names, u32 count)
{
    ASSERT(names != NULL || count == 0);

    ColumnName *kept = arena_array(program_arena(g->program), count, sizeof *kept);
    for (u32 i = 0; kept != NULL && i < count; i++) {
        const char *const in[] = {names[i].name, names[i].decltype, names[i].database,
                                  names[i].table, names[i].origin};
        const char **out[] = {&kept[i].name, &kept[i].decltype, &kept[i].database, &kept[i].table,
                              &kept[i].origin};
        for (int k = 0; k < (int)ARRAY_LEN(in); k++)
            *out[k] =
                in[k] != NULL ? arena_dup(program_arena(g->program), in[k], strlen(in[k])) : NULL;
    }
    g->results.items = kept;
    g->results.count = kept != NULL ? count : 0;
}

void code_result_labels(Codegen *g, const char *const *labels, u32 count)
{
    ASSERT(labels != NULL);

    ColumnName *names = arena_array(g->arena, count, sizeof *names);
    for (u32 i = 0; names != NULL && i < count; i++)
        names[i].name = labels[i];
    if (names != NULL)
        code_result_names(g, names, count);
}

// --- registers and cursors ---

Reg reg_new(Codegen *g)
{
    ASSERT(g->reg_count >= 0);

    return ++g->reg_count;
}

Reg reg_range_new(Codegen *g, int count)
{
    ASSERT(count >= 0);

    Reg first = g->reg_count + 1;
    g->reg_count += count;
    return first;
}

Reg reg_temp(Codegen *g)
{
    ASSERT(g->temp_count >= 0 && g->temp_count <= TEMP_REG_MAX);

    if (g->temp_count > 0)
        return g->temp_regs[--g->temp_count];
    return reg_new(g);
}

// A register given back twice would be handed out to two owners at once.
static bool is_given_back(const Codegen *g, Reg reg)
{
    for (int i = 0; i < g->temp_count; i++) {
        if (g->temp_regs[i] == reg)
            return true;
    }
    return false;
}

void reg_temp_release(Codegen *g, Reg reg)
{
    ASSERT(reg >= 0 && reg <= g->reg_count);
    ASSERT(reg == 0 || !is_given_back(g, reg));

    if (reg != 0 && g->temp_count < TEMP_REG_MAX)
        g->temp_regs[g->temp_count++] = reg;
}

Reg reg_temp_range(Codegen *g, int count)
{
    ASSERT(count > 0);

    return count == 1 ? reg_temp(g) : reg_range_new(g, count);
}

void reg_temp_range_release(Codegen *g, Reg first, int count)
{
    ASSERT(count == 0 || first > 0);
    ASSERT(first + count <= g->reg_count + 1);

    if (count == 1)
        reg_temp_release(g, first);
}

int cursor_new(Codegen *g)
{
    ASSERT(g->cursor_count >= 0);

    return g->cursor_count++;
}

ColumnSource *source_of(Codegen *g, int cursor)
{
    ASSERT(cursor >= 0);

    u32 wanted = (u32)cursor + 1;
    if (wanted > g->source_capacity) {
        u32 before = g->source_capacity;
        if (vec_reserve(&g->sources, &g->source_capacity, wanted, sizeof *g->sources)
            != SQLITE_OK) {
            codegen_fail(g, connection_out_of_memory(g->db));
            g->spare_source = (ColumnSource){0};
            return &g->spare_source; // the callers write to it
        }
        memset(g->sources + before, 0, (g->source_capacity - before) * sizeof *g->sources);
    }
    return &g->sources[cursor];
}

void source_set_table(Codegen *g, const FromItem *item, int cursor)
{
    ASSERT(item->cursor >= 0);

    *source_of(g, item->cursor) = (ColumnSource){
        .kind =
            item->table != NULL && item->table->kind == TABLE_VIRTUAL ? SOURCE_VTAB : SOURCE_CURSOR,
        .cursor = cursor,
        .table = item->table,
    };
}

void substitute_push(Codegen *g, Substitute *s)
{
    ASSERT(s->expr != NULL);
    ASSERT(s != g->substitutes);

    s->next = g->substitutes;
    g->substitutes = s;
}

void substitute_pop(Codegen *g, Substitute *s)
{
    ASSERT(g->substitutes == s);

    g->substitutes = s->next;
}

// --- EXPLAIN QUERY PLAN ---

// OP_Explain does nothing when the program runs; EXPLAIN QUERY PLAN lists these and no others.
int plan_text(Codegen *g, const char *text)
{
    ASSERT(g->plan_parent <= program_here(g->program));

    int address = program_here(g->program);
    program_emit_text(g->program, OP_Explain, address, g->plan_parent, 0, text, -1);
    return address;
}

// Every statement has its lines (sqlite3_stmt_scanstatus), so what is ready is not formatted.
static int plan_add(Codegen *g, const char *fmt, va_list args)
{
    if (strchr(fmt, '%') == NULL)
        return plan_text(g, fmt);
    Buffer text = {0};
    buffer_vprintf(&text, fmt, args);
    int address = plan_text(g, buffer_text(&text));
    if (text.rc != SQLITE_OK)
        codegen_fail(g, connection_out_of_memory(g->db));
    buffer_deinit(&text);
    return address;
}

int plan_line(Codegen *g, const char *fmt, ...)
{
    ASSERT(fmt != NULL);

    va_list args;
    va_start(args, fmt);
    int id = plan_add(g, fmt, args);
    va_end(args);
    return id;
}

int plan_push(Codegen *g, const char *fmt, ...)
{
    ASSERT(fmt != NULL);

    int former = g->plan_parent;
    va_list args;
    va_start(args, fmt);
    g->plan_parent = plan_add(g, fmt, args);
    va_end(args);
    return former;
}

void plan_pop(Codegen *g, int former_parent)
{
    ASSERT(former_parent >= 0 && former_parent <= g->plan_parent);

    g->plan_parent = former_parent;
}
