// Instructions that call SQL functions.
//
// Each call instruction has a CallSite, made once: the FuncCall, and the array of pointers to its
// argument registers, which changes only when the frame does. A call allocates nothing.
#include "vm/vm_priv.h"

static inline Value **call_args(Vm *vm, CallSite *site, const Instr *in, int count)
{
    ASSERT(count == site->context.arg_count);

    Value *first = &vm->registers[in->p2];
    if (UNLIKELY(site->first != first)) {
        site->first = first;
        for (int i = 0; i < count; i++)
            site->args[i] = first + i;
    }
    return site->args;
}

// The message of a failed call is the text it left as its result.
COLD static int call_failed(Vm *vm, FuncCall *call)
{
    ASSERT(call->rc != SQLITE_OK);

    const char *text = value_text(call->result, SQLITE_UTF8);
    if (call->rc == SQLITE_NOMEM)
        return SQLITE_NOMEM;
    return vm_error(vm, call->rc, "%s", text == NULL ? error_text(call->rc) : text);
}

int op_function(Vm *vm, const Instr *in)
{
    ASSERT(in->p3 > 0);
    ASSERT(in->p4_kind == P4_CALL);

    CallSite *site = in->p4.call;
    FuncCall *call = &site->context;
    ASSERT(call->func->call != NULL);
    Value **args = call_args(vm, site, in, in->p5);
    call_begin(call, &vm->registers[in->p3]);
    call->func->call(call, in->p5, args);
    if (UNLIKELY(vm->aux_data != NULL))
        aux_data_clear(&vm->aux_data, call->pc, (u32)in->p1);
    return UNLIKELY(call->rc != SQLITE_OK) ? call_failed(vm, call) : SQLITE_OK;
}

int op_agg_step(Vm *vm, const Instr *in)
{
    ASSERT(in->p4.call->context.func->step != NULL);
    ASSERT(in->p4_kind == P4_CALL);

    CallSite *site = in->p4.call;
    FuncCall *call = &site->context;
    Value **args = call_args(vm, site, in, in->p5);
    call_begin_aggregate(call, &site->scratch, &vm->registers[in->p3]);
    if (LIKELY(in->op == OP_AggStep))
        call->func->step(call, in->p5, args);
    else
        call->func->inverse(call, in->p5, args);
    if (UNLIKELY(call->rc != SQLITE_OK))
        return call_failed(vm, call);
    // min() and max() tell which row the bare columns of a query are taken from.
    if (UNLIKELY(call->no_effect) && in[-1].op == OP_CollSeq && in[-1].p1 != 0)
        value_set_i64(&vm->registers[in[-1].p1], 1);
    return SQLITE_OK;
}

int aggregate_count_more(Vm *vm, const Instr *step, i64 rows)
{
    CallSite *site = step->p4.call;
    FuncCall *call = &site->context;
    ASSERT((call->func->flags & FUNC_COUNT) != 0);

    call_begin_aggregate(call, &site->scratch, &vm->registers[step->p3]);
    i64 *count = call_state(call, sizeof *count); // exists: the first row was stepped
    if (count == NULL)
        return SQLITE_NOMEM;
    *count += rows;
    return SQLITE_OK;
}

int op_agg_value(Vm *vm, const Instr *in)
{
    ASSERT(in->p4_kind == P4_CALL);
    ASSERT(in->p1 != in->p3); // the state stays: more rows may come into the window

    FuncCall *call = &in->p4.call->context;
    call_begin_aggregate(call, &vm->registers[in->p3], &vm->registers[in->p1]);
    call->func->value(call);
    return UNLIKELY(call->rc != SQLITE_OK) ? call_failed(vm, call) : SQLITE_OK;
}

int op_agg_final(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 > 0);
    ASSERT(in->p4_kind == P4_CALL);

    FuncCall *call = &in->p4.call->context;
    if (in->p5 != 0) {
        call_discard_state(vm->db, &vm->registers[in->p1]);
        return SQLITE_OK;
    }
    call->rc = SQLITE_OK;
    call_finish_aggregate(call, &vm->registers[in->p1]);
    call->result = &vm->registers[in->p1];
    return UNLIKELY(call->rc != SQLITE_OK) ? call_failed(vm, call) : SQLITE_OK;
}

// The collation itself was put into the call site when the program was sealed.
int op_collation(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 <= vm->register_count);

    if (in->p1 != 0)
        value_set_i64(&vm->registers[in->p1], 0);
    return SQLITE_OK;
}

void call_sites_bind(Vm *vm)
{
    ASSERT(vm->program->is_sealed);

    for (CallSite *site = vm->program->calls; site != NULL; site = site->next) {
        FuncCall *call = &site->context;
        call->db = vm->db;
        call->vm = vm;
        call->now_ms = &vm->current_time_ms;
        call->aux = &vm->aux_data;
        call->encoding = vm->db->encoding;
        site->scratch.db = vm->db;
        site->first = NULL;
    }
}

void call_sites_release(Program *p)
{
    ASSERT(p->calls == NULL || p->calls->context.func != NULL);

    for (CallSite *site = p->calls; site != NULL; site = site->next)
        value_deinit(&site->scratch);
}

// Turns the function of a call instruction into its call site. The collation is that of a CollSeq
// before it.
CallSite *call_site_new(Program *p, const Instr *in, int address)
{
    ASSERT(in->p4_kind == P4_FUNCTION);
    ASSERT(!p->is_sealed);

    int count = in->op == OP_AggValue || in->op == OP_AggFinal ? in->p2 : in->p5;
    CallSite *site = arena_alloc_zeroed(&p->arena, sizeof *site + (size_t)count * sizeof(Value *));
    if (site == NULL)
        return NULL;
    site->context.func = in->p4.func;
    site->context.pc = address;
    site->context.arg_count = count;
    site->context.collation = &collation_binary;
    if (address > 0 && in[-1].op == OP_CollSeq && in[-1].p4_kind == P4_COLLATION)
        site->context.collation = in[-1].p4.collation;
    site->scratch.flags = V_NULL;
    site->next = p->calls;
    p->calls = site;
    return site;
}
