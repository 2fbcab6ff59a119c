// Trigger programs run in frames: own registers, own cursors, the caller's put aside.
//
//     Program  (frame_enter)     code, registers, cursors and pc of the caller go into the frame;
//                                the Vm gets the sub-program's
//     Halt     (frame_leave)     and back; the caller goes on behind its Program, or at its P2 when
//                                RAISE(IGNORE) ended the trigger
//     error    (frames_unwind)   all frames are left at once, by vm_halt()
//
// A frame is kept with its sub-program when it is left, and the blocks of its cursors with it, so
// that a trigger fired for many rows allocates once. A trigger that fires itself takes a further
// frame.
#include "base/error.h"
#include "vm/vm_priv.h"
#include <string.h>

// A frame, its registers (r[0] too), its cursor slots and its bits of Once are one block.
static u64 frame_size(const SubProgram *sub)
{
    ASSERT(sub->register_count >= 0 && sub->cursor_count >= 0 && sub->count > 0);

    return sizeof(VmFrame) + ((u64)sub->register_count + 1) * sizeof(Value)
           + 2 * (u64)sub->cursor_count * sizeof(VmCursor *) + ((u64)sub->count + 7) / 8;
}

static VmFrame *frame_new(Vm *vm, SubProgram *sub)
{
    ASSERT(sub->code != NULL); // declared, and defined since

    VmFrame *f = sub->spare;
    if (f != NULL) {
        sub->spare = f->spare;
        memset(f->own_once, 0, ((size_t)sub->count + 7) / 8);
        return f;
    }
    f = mem_alloc_zeroed(frame_size(sub));
    if (f == NULL)
        return NULL;
    f->sub = sub;
    f->own_registers = (Value *)(void *)(f + 1);
    f->own_cursors = (VmCursor **)(void *)(f->own_registers + sub->register_count + 1);
    f->own_spares = f->own_cursors + sub->cursor_count;
    f->own_once = (u8 *)(void *)(f->own_spares + sub->cursor_count);
    for (int i = 0; i <= sub->register_count; i++) {
        f->own_registers[i].flags = V_NULL;
        f->own_registers[i].db = vm->db;
    }
    return f;
}

static void frame_free(VmFrame *f)
{
    ASSERT(f->sub != NULL);

    for (int i = 0; i < f->sub->cursor_count; i++) {
        ASSERT(f->own_cursors[i] == NULL);
        mem_free(f->own_spares[i]);
    }
    for (int i = 0; i <= f->sub->register_count; i++)
        value_deinit(&f->own_registers[i]);
    mem_free(f);
}

void frame_free_spares(Vm *vm)
{
    ASSERT(vm->frame == NULL);

    for (SubProgram *sub = vm->program->subs; sub != NULL; sub = sub->next) {
        while (sub->spare != NULL) {
            VmFrame *f = sub->spare;
            sub->spare = f->spare;
            frame_free(f);
        }
    }
}

static bool trigger_is_running(const Vm *vm, const void *token)
{
    ASSERT(token != NULL);

    for (const VmFrame *f = vm->frame; f != NULL; f = f->outer) {
        if (f->sub->token == token)
            return true;
    }
    return false;
}

static void frame_enter(Vm *vm, VmFrame *f)
{
    ASSERT(vm->cursor_count == 0 || vm->cursors != f->own_cursors);
    ASSERT(vm->registers != f->own_registers);

    f->outer = vm->frame;
    f->code = vm->code;
    f->code_size = vm->code_size;
    f->registers = vm->registers;
    f->register_count = vm->register_count;
    f->cursors = vm->cursors;
    f->spare_cursors = vm->spare_cursors;
    f->cursor_count = vm->cursor_count;
    f->pc = vm->pc;
    f->last_rowid = vm->db->last_rowid;
    f->changes = vm->changes;
    f->db_changes = vm->db->changes;
    f->aux_data = vm->aux_data;
    vm->aux_data = NULL;
    vm->frame = f;
    vm->frame_depth++;
    vm->code = f->sub->code;
    vm->code_size = f->sub->count;
    vm->registers = f->own_registers;
    vm->register_count = f->sub->register_count;
    vm->cursors = f->own_cursors;
    vm->spare_cursors = f->own_spares;
    vm->cursor_count = f->sub->cursor_count;
    vm->changes = 0;
    vm->pc = 0;
}

// Back to the frame that fired the trigger. last_insert_rowid() and changes() are what they were
// before: the caller does not see what a trigger did.
void frame_leave(Vm *vm)
{
    VmFrame *f = vm->frame;
    ASSERT(f != NULL);
    ASSERT(vm->registers == f->own_registers);
    ASSERT(f->code[f->pc].op == OP_Program);

    vm_close_cursors(vm);
    Value *const last = f->own_registers + f->sub->register_count;
    for (Value *v = f->own_registers + 1; v <= last; v++)
        value_set_null(v);
    aux_data_clear(&vm->aux_data, -1, 0);
    vm->code = f->code;
    vm->code_size = f->code_size;
    vm->registers = f->registers;
    vm->register_count = f->register_count;
    vm->cursors = f->cursors;
    vm->spare_cursors = f->spare_cursors;
    vm->cursor_count = f->cursor_count;
    vm->pc = f->pc;
    vm->changes = f->changes;
    vm->db->last_rowid = f->last_rowid;
    vm->db->changes = f->db_changes;
    vm->aux_data = f->aux_data;
    vm->frame = f->outer;
    vm->frame_depth--;
    ASSERT((vm->frame == NULL) == (vm->frame_depth == 0));
    f->spare = f->sub->spare;
    f->sub->spare = f;
}

void frames_unwind(Vm *vm)
{
    ASSERT(vm->frame_depth >= 0);

    while (vm->frame != NULL)
        frame_leave(vm);
}

int op_program(Vm *vm, const Instr *in)
{
    ASSERT(vm->frame_depth >= 0);
    ASSERT(in->p4_kind == P4_PROGRAM);

    SubProgram *sub = in->p4.program;
    // Without PRAGMA recursive_triggers a trigger does not fire itself, be it by way of others.
    if (in->p5 != 0 && trigger_is_running(vm, sub->token))
        return SQLITE_OK;
    if (vm->frame_depth >= vm->db->limits[SQLITE_LIMIT_TRIGGER_DEPTH])
        return vm_error(vm, SQLITE_ERROR, "too many levels of trigger recursion");
    VmFrame *f = frame_new(vm, sub);
    if (f == NULL)
        return SQLITE_NOMEM;
    frame_enter(vm, f);
    return VM_ENTER;
}

int op_param(Vm *vm, const Instr *in)
{
    const VmFrame *f = vm->frame;
    ASSERT(f != NULL);
    ASSERT(f->code[f->pc].op == OP_Program);
    ASSERT(in->p1 + f->code[f->pc].p1 <= f->register_count);

    const Value *source = &f->registers[in->p1 + f->code[f->pc].p1];
    Value *target = &vm->registers[in->p2];
    if (source->flags == V_INT)
        value_set_i64(target, source->u.integer);
    else
        value_borrow(target, source);
    return SQLITE_OK;
}

// A register of the statement's own program, whichever trigger's runs: AUTOINCREMENT keeps the
// largest rowid ever used there.
Value *outermost_register(Vm *vm, i32 reg)
{
    ASSERT(reg > 0);

    Value *registers = vm->registers;
    for (const VmFrame *f = vm->frame; f != NULL; f = f->outer)
        registers = f->registers;
    return &registers[reg];
}

int op_mem_max(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 > 0 && in->p2 > 0);

    Value *target = outermost_register(vm, in->p1);
    i64 candidate = value_i64(&vm->registers[in->p2]);
    if (candidate > value_i64(target))
        value_set_i64(target, candidate);
    return SQLITE_OK;
}

// --- Halt ---

static void halt_message(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 != SQLITE_OK);
    ASSERT(in->p5 <= P5_CONSTRAINT_FOREIGN_KEY);

    static const char *const kinds[] = {"", "NOT NULL", "UNIQUE", "CHECK", "FOREIGN KEY"};
    const char *text = in->p4_kind == P4_TEXT ? in->p4.text : NULL;
    if (in->p5 >= 1 && in->p5 <= 4)
        vm_error(vm, in->p1, "%s constraint failed%s%s", kinds[in->p5], text == NULL ? "" : ": ",
                 text == NULL ? "" : text);
    else if (in->p3 > 0 && in->op == OP_Halt)
        vm_error(vm, in->p1, "%s", (const char *)value_text(&vm->registers[in->p3], SQLITE_UTF8));
    else if (text != NULL)
        vm_error(vm, in->p1, "%s", text);
}

int op_halt(Vm *vm, const Instr *in)
{
    ASSERT(vm->state == VM_RUNNING);

    if (in->p1 == SQLITE_OK && vm->frame != NULL) {
        frame_leave(vm);
        if (in->p2 == ON_CONFLICT_IGNORE)
            vm->pc = vm->code[vm->pc].p2;
        else
            vm->pc++;
        return VM_ENTER;
    }
    vm->error_action = (u8)in->p2;
    if (in->p1 != SQLITE_OK) {
        halt_message(vm, in);
        return in->p1;
    }
    vm_halt(vm);
    if (vm->state == VM_RUNNING)
        vm->is_waiting = true;
    return VM_LEAVE;
}
