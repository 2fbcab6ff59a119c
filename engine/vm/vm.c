// Prepared statements: making, stepping, resetting and freeing them.
//
// Registers, parameters, column texts and cursor slots are one block, so that preparing a statement
// costs few allocations. Registers keep their text buffers from run to run; large ones are given
// back at reset.
#include "vm/vm.h"
#include "base/error.h"
#include "base/log.h"
#include "vm/vm_priv.h"
#include <string.h>

enum {
    SCHEMA_RETRIES_MAX = 50,
    KEEP_CAPACITY_MAX = 4096, // bytes of a register's buffer that a reset lets it keep
};

static VmHooks hooks; // set once by vm_install_hooks at initialisation

void vm_install_hooks(const VmHooks *given)
{
    ASSERT(given->recompile != NULL && given->execute != NULL && given->vacuum != NULL);
    ASSERT(given->parse_schema != NULL && given->column_default != NULL);

    hooks = *given;
}

const VmHooks *vm_hooks(void)
{
    ASSERT(hooks.recompile != NULL); // installed

    return &hooks;
}

// --- making ---

static void values_init(Value *values, u32 count, sqlite3 *db)
{
    ASSERT(db != NULL);

    for (u32 i = 0; i < count; i++) {
        values[i].flags = V_NULL;
        values[i].db = db;
    }
}

// One block: registers (r[0] included), parameters, column texts; then the cursor slots and, as
// many again, those that keep closed cursors.
static int vm_allocate(Vm *vm, const VmLayout *layout)
{
    ASSERT(layout->param_count >= 0 && layout->column_count >= 0);
    ASSERT(layout->column_count <= UINT16_MAX);

    u32 registers = (u32)layout->register_count + 1;
    u32 params = (u32)layout->param_count;
    u32 texts = (u32)layout->column_count * VM_COLUMN_TEXTS;
    u64 values = (u64)registers + params + texts;
    u64 cursors = (u64)layout->cursor_count;
    u8 *block = mem_alloc_zeroed(values * sizeof(Value) + 2 * cursors * sizeof(VmCursor *));
    if (block == NULL)
        return SQLITE_NOMEM;
    vm->register_block = (Value *)(void *)block;
    values_init(vm->register_block, (u32)values, vm->db);
    vm->registers = vm->register_block;
    vm->params = vm->registers + registers;
    vm->column_texts = vm->params + params;
    vm->cursors = (VmCursor **)(void *)(block + values * sizeof(Value));
    vm->spare_cursors = vm->cursors + cursors;
    vm->register_count = layout->register_count;
    vm->cursor_count = layout->cursor_count;
    vm->param_count = layout->param_count;
    vm->column_count = (u16)layout->column_count;
    return SQLITE_OK;
}

// The list is how the connection finds its statements to expire, reset and count them (M4).
static void vm_link(Vm *vm)
{
    ASSERT(vm->db->statements != vm);

    vm->previous = NULL;
    vm->next = vm->db->statements;
    if (vm->next != NULL)
        vm->next->previous = vm;
    vm->db->statements = vm;
}

static void vm_unlink(Vm *vm)
{
    ASSERT(vm->next == NULL || vm->next->previous == vm);

    if (vm->previous != NULL)
        vm->previous->next = vm->next;
    else if (vm->db->statements == vm)
        vm->db->statements = vm->next;
    if (vm->next != NULL)
        vm->next->previous = vm->previous;
}

int vm_new(Program *takes, const VmLayout *layout, Vm **out)
{
    ASSERT(layout->register_count >= 0 && layout->cursor_count >= 0);

    int rc = program_seal(takes, layout->register_count, layout->cursor_count);
    Vm *vm = rc == SQLITE_OK ? mem_alloc_zeroed(sizeof *vm) : NULL;
    if (vm == NULL) {
        program_free(takes);
        return rc == SQLITE_OK ? SQLITE_NOMEM : rc;
    }
    vm->db = takes->db;
    vm->program = takes;
    VmLayout shown = *layout;
    if (layout->explain != EXPLAIN_NONE)
        shown.column_count = explain_column_count(layout->explain);
    rc = vm_allocate(vm, &shown);
    if (rc != SQLITE_OK) {
        program_free(takes);
        mem_free(vm);
        return rc;
    }
    vm->code = takes->code;
    vm->code_size = (int)takes->count;
    vm->explain = (u8)layout->explain;
    vm->is_read_only = layout->is_read_only;
    vm->is_reader = takes->is_reader;
    vm->wants_journal = layout->wants_journal;
    vm->trusts_triggers = layout->trusts_triggers;
    ASSERT(!(vm->wants_journal && vm->trusts_triggers));
    vm->database_mask = layout->database_mask;
    vm->write_mask = layout->write_mask;
    vm->error_action = ON_CONFLICT_ABORT;
    explain_set_columns(vm);
    call_sites_bind(vm);
    vm_link(vm);
    *out = vm;
    return SQLITE_OK;
}

int vm_set_sql(Vm *vm, const char *sql, int size, u16 prepare_flags)
{
    ASSERT(size >= 0);

    char *copy = mem_dup(sql, (u64)size);
    if (copy == NULL)
        return SQLITE_NOMEM;
    mem_free(vm->sql);
    vm->sql = copy;
    vm->sql_size = size;
    vm->prepare_flags = prepare_flags;
    return SQLITE_OK;
}

void vm_set_column(Vm *vm, int column, VmColumnText what, const char *text)
{
    ASSERT(column >= 0 && column < vm->column_count);
    ASSERT(what >= 0 && what < VM_COLUMN_TEXTS);

    if (text == NULL || vm->explain != EXPLAIN_NONE)
        return;
    Value *v = &vm->column_texts[column * VM_COLUMN_TEXTS + (int)what];
    value_set_constant(v, text);
}

Value *vm_param(Vm *vm, int index)
{
    ASSERT(vm->param_count >= 0);

    return index >= 1 && index <= vm->param_count ? &vm->params[index - 1] : NULL;
}

// Registers of a run that goes on borrow the bytes of a parameter: see op_variable().
static int registers_keep(Vm *vm, const Value *param)
{
    ASSERT(vm->frame == NULL);

    if ((param->flags & (V_TEXT | V_BLOB)) == 0)
        return SQLITE_OK;
    for (int i = 1; i <= vm->register_count; i++) {
        Value *v = &vm->registers[i];
        if ((v->flags & (V_TEXT | V_BLOB)) != 0 && v->bytes == param->bytes)
            TRY(value_own(v));
    }
    return SQLITE_OK;
}

int vm_clear_bindings(Vm *vm)
{
    ASSERT(!vm->is_stepping);

    for (int i = 0; i < vm->param_count && vm->state == VM_RUNNING; i++)
        TRY(registers_keep(vm, &vm->params[i]));
    for (int i = 0; i < vm->param_count; i++)
        value_deinit(&vm->params[i]);
    // A plan that was made for the value of a parameter (LIKE, stat4) may be wrong for NULL.
    if (vm->expire_mask != 0)
        vm->expired = true;
    return SQLITE_OK;
}

// Between a statement and its recompiled self: values go, the buffers they own with them.
static void bindings_move(Vm *target, Vm *source)
{
    ASSERT(target->param_count == source->param_count);

    for (int i = 0; i < target->param_count; i++)
        value_move(&target->params[i], &source->params[i]);
}

void vm_swap(Vm *vm, Vm *fresh)
{
    ASSERT(vm->db == fresh->db);
    ASSERT(vm->frame == NULL && fresh->frame == NULL);
    ASSERT(fresh->state == VM_READY);

    Vm held = *vm;
    *vm = *fresh;
    *fresh = held;
    // Identity stays where it was.
    fresh->previous = vm->previous;
    fresh->next = vm->next;
    vm->previous = held.previous;
    vm->next = held.next;
    char *sql = vm->sql;
    vm->sql = fresh->sql;
    fresh->sql = sql;
    char *normalized = vm->normalized_sql;
    vm->normalized_sql = fresh->normalized_sql; // lives as long as the statement
    fresh->normalized_sql = normalized;
    vm->sql_size = fresh->sql_size;
    vm->prepare_flags = fresh->prepare_flags;
    vm->is_prepared_v2 = fresh->is_prepared_v2;
    memcpy(vm->counters, fresh->counters, sizeof vm->counters);
    vm->counters[SQLITE_STMTSTATUS_REPREPARE]++;
    if (vm->param_count == fresh->param_count)
        bindings_move(vm, fresh);
    call_sites_bind(vm);
    call_sites_bind(fresh);
}

// --- freeing ---

static void registers_clear(Vm *vm)
{
    ASSERT(vm->frame == NULL);

    for (int i = 1; i <= vm->register_count; i++) {
        Value *v = &vm->registers[i];
        if (UNLIKELY((v->flags & V_AGGREGATE) == V_AGGREGATE))
            call_discard_state(vm->db, v);
        value_set_null(v);
        if (UNLIKELY(v->capacity > KEEP_CAPACITY_MAX))
            value_deinit(v);
    }
}

void vm_free(Vm *vm)
{
    if (vm == NULL)
        return;
    ASSERT(vm->frame == NULL);
    ASSERT(!vm->is_counted_reading && !vm->is_counted_writing); // M4
    vm_unlink(vm);
    vm_close_cursors(vm);
    for (int i = 0; i < vm->cursor_count; i++)
        mem_free(vm->spare_cursors[i]);
    frame_free_spares(vm);
    aux_data_clear(&vm->aux_data, -1, 0);
    registers_clear(vm);
    u32 values = (u32)vm->register_count + 1 + (u32)vm->param_count
                 + vm->column_count * (u32)VM_COLUMN_TEXTS;
    for (u32 i = 0; i < values; i++)
        value_deinit(&vm->register_block[i]);
    mem_free(vm->register_block);
    if (vm->explain_row != NULL) {
        for (int i = 0; i < EXPLAIN_COLUMNS; i++)
            value_deinit(&vm->explain_row[i]);
        mem_free(vm->explain_row);
    }
    mem_free(vm->error_message);
    mem_free(vm->normalized_sql);
    mem_free(vm->sql);
    program_free(vm->program);
    memset(vm, 0, sizeof *vm); // see Vm.db
    mem_free(vm);
}

// --- errors ---

int vm_error(Vm *vm, int rc, const char *fmt, ...)
{
    ASSERT(rc != SQLITE_OK);

    Buffer text = {0};
    va_list args;
    va_start(args, fmt);
    buffer_vprintf(&text, fmt, args);
    va_end(args);
    mem_free(vm->error_message);
    vm->error_message = buffer_take(&text);
    vm->rc = rc;
    return rc;
}

// The run's result becomes the connection's error, which sqlite3_errmsg() tells.
static int error_publish(Vm *vm)
{
    ASSERT(vm->state != VM_RUNNING || vm->is_waiting || vm->rc != SQLITE_OK);

    sqlite3 *db = vm->db;
    if (vm->rc == SQLITE_OK) {
        connection_error_clear(db);
        return SQLITE_OK;
    }
    if (vm->rc == SQLITE_NOMEM || db->out_of_memory)
        return connection_out_of_memory(db);
    if (vm->error_message != NULL)
        return connection_error(db, vm->rc, "%s", vm->error_message);
    return connection_error_plain(db, vm->rc);
}

// --- running ---

static void run_begin(Vm *vm)
{
    ASSERT(vm->state == VM_READY);
    ASSERT(vm->frame == NULL && vm->savepoint_number == 0);

    sqlite3 *db = vm->db;
    if (db->active_statements == 0)
        atomic_store(&db->interrupted, 0);
    if (vm->explain == EXPLAIN_NONE) {
        db->active_statements++;
        vm->is_counted_reading = vm->is_reader;
        vm->is_counted_writing = !vm->is_read_only;
        db->reading_statements += vm->is_counted_reading;
        db->writing_statements += vm->is_counted_writing;
    }
    vm->pc = 0;
    vm->rc = SQLITE_OK;
    vm->state = VM_RUNNING;
    vm->changes = 0;
    vm->announced_rows = 0;
    vm->error_action = ON_CONFLICT_ABORT;
    vm->savepoint_number = 0;
    vm->immediate_violations = 0;
    vm->explain_next = 0;
    vm->counters[SQLITE_STMTSTATUS_RUN]++;
    trace_begin(vm);
}

// Ends a run that met an error: the message is made, the transaction dealt with.
static void run_fail(Vm *vm, int rc)
{
    ASSERT(rc > 0);

    if (rc == SQLITE_NOMEM)
        vm->db->out_of_memory = true;
    if (vm->rc != rc) {
        mem_free(vm->error_message);
        vm->error_message = NULL;
        vm->rc = rc;
    }
    log_message(rc, "statement aborts at %d: [%s] %s", vm->pc, vm->sql == NULL ? "" : vm->sql,
                vm->error_message == NULL ? error_text(rc) : vm->error_message);
    vm_halt(vm);
    ASSERT(vm->state == VM_HALTED); // M3
    ASSERT(vm->frame == NULL);
    registers_clear(vm); // aggregates end here, while the step that failed still runs
}

// Goes on with the run, or begins one, up to the next row or its end. SQLITE_SCHEMA without a run:
// the statement has to be compiled anew first. Nothing is published on the connection yet, except
// that a run which fails has been halted.
static int step_once(Vm *vm)
{
    ASSERT(!vm->is_stepping); // sqlite3_step() answers MISUSE

    if (vm->state == VM_HALTED)
        vm_rewind(vm);
    if (vm->state == VM_READY) {
        if (vm->expired) {
            vm->rc = SQLITE_SCHEMA;
            return SQLITE_SCHEMA;
        }
        run_begin(vm);
    }
    sqlite3 *db = vm->db;
    vm->row = NULL;
    vm->current_time_ms = 0;
    db->executing++;
    vm->is_stepping = true;
    vm->db->busy_count = 0;
    int rc = vm->rc; // NOMEM: a value of the last row could not be had as it was asked for
    if (rc != SQLITE_NOMEM)
        rc = vm->explain == EXPLAIN_NONE ? vm_run(vm) : explain_step(vm);
    vm->is_stepping = false;
    db->executing--;
    ASSERT(db->executing >= 0);
    if (LIKELY(rc == SQLITE_ROW)) {
        if (UNLIKELY(db->trace_mask & SQLITE_TRACE_ROW))
            trace_row(vm);
        return rc;
    }
    if (rc == SQLITE_DONE || vm->state != VM_RUNNING)
        return rc;
    if (vm->is_waiting) { // BUSY: the next step goes on where it is
        vm->is_waiting = false;
        return rc;
    }
    run_fail(vm, rc);
    return vm->rc;
}

int vm_set_explain(Vm *vm, ExplainMode mode)
{
    ASSERT(vm->state == VM_READY);

    u16 former = vm->prepare_flags;
    vm->prepare_flags = (u16)((former & (u16)~COMPILE_AS_MASK) | COMPILE_AS((u32)mode));
    int rc = hooks.recompile(vm);
    if (rc != SQLITE_OK)
        vm->prepare_flags = former;
    return rc;
}

// What sqlite3_step() of a statement made by sqlite3_prepare() calls SQLITE_ERROR.
static bool is_final(int rc)
{
    return rc != SQLITE_ROW && rc != SQLITE_DONE;
}

int vm_step(Vm *vm)
{
    ASSERT(vm->db != NULL && !vm->is_stepping);

    sqlite3 *db = vm->db;
    int rc = step_once(vm);
    if (LIKELY(rc == SQLITE_ROW))
        return rc;
    for (int i = 0; rc == SQLITE_SCHEMA && vm->is_prepared_v2 && i < SCHEMA_RETRIES_MAX; i++) {
        int compiled = hooks.recompile(vm);
        if (compiled != SQLITE_OK) {
            vm->rc = compiled; // the message is on the connection
            mem_free(vm->error_message);
            vm->error_message = NULL;
            if (db->error_message != NULL && !db->out_of_memory)
                vm->error_message = mem_dup(value_text(db->error_message, SQLITE_UTF8), (u64)-1);
            return db->out_of_memory ? SQLITE_NOMEM : compiled;
        }
        trace_end(vm);
        vm->was_traced = true; // it is the same run to those who listen
        vm_reset(vm);
        vm->expired = false;
        rc = step_once(vm);
        vm->was_traced = false;
    }
    if (rc == SQLITE_ROW)
        return rc;
    trace_end(vm);
    if (rc == SQLITE_DONE) {
        // A statement of the engine's own does not tell of what the application's last one left.
        if (!db->is_silent)
            vm->rc = connection_tell_commits(db);
        if (vm->rc == SQLITE_OK) {
            db->error_code = SQLITE_DONE;
            return rc;
        }
        rc = vm->rc;
    }
    (void)error_publish(vm);
    if (is_final(rc) && !vm->is_prepared_v2 && rc != SQLITE_BUSY && rc != SQLITE_MISUSE)
        return SQLITE_ERROR; // the old interface tells the reason at reset
    return rc;
}

void vm_rewind(Vm *vm)
{
    ASSERT(vm->state != VM_RUNNING);

    registers_clear(vm);
    mem_free(vm->error_message);
    vm->error_message = NULL;
    vm->rc = SQLITE_OK;
    vm->pc = 0;
    vm->row = NULL;
    vm->state = VM_READY;
    vm->is_waiting = false;
    if (vm->expire_at_reset) {
        vm->expire_at_reset = false;
        vm->expired = true;
    }
}

int vm_reset(Vm *vm)
{
    ASSERT(!vm->is_stepping);

    if (vm->state == VM_READY && vm->rc == SQLITE_OK)
        return SQLITE_OK;
    bool had_run = vm->state != VM_READY;
    if (vm->state == VM_RUNNING) {
        vm_halt(vm);
        trace_end(vm);
    }
    int rc = vm->rc;
    ASSERT(vm->state != VM_RUNNING);
    if (had_run || rc != SQLITE_OK)
        (void)error_publish(vm);
    vm_rewind(vm);
    return rc;
}

int vm_finalize(Vm *vm)
{
    if (vm == NULL)
        return SQLITE_OK;
    int rc = vm_reset(vm);
    vm_free(vm);
    return rc;
}

// --- what surrounds a run ---

void vm_expire_all(sqlite3 *db, bool later)
{
    for (Vm *vm = db->statements; vm != NULL; vm = vm->next) {
        if (later && vm->state == VM_RUNNING)
            vm->expire_at_reset = true;
        else
            vm->expired = true;
    }
}

u64 vm_memory_used(const Vm *vm)
{
    ASSERT(vm->program != NULL && vm->program->is_sealed);

    u64 used = sizeof *vm + mem_size(vm->register_block) + mem_size(vm->code)
               + vm->program->arena.used + (u64)vm->sql_size;
    for (int i = 0; i <= vm->register_count; i++)
        used += vm->registers[i].capacity;
    return used;
}

Cursor *vm_tree_cursor(Vm *vm, int cursor)
{
    ASSERT(cursor >= 0);
    ASSERT(cursor < vm->cursor_count);

    return vm->cursors[cursor] != NULL ? vm->cursors[cursor]->tree : NULL;
}
