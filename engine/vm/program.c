// The builder of programs: emits instructions, keeps labels, and seals the result.
//
//     program_new -> (emit, label_new, label_here, set, jump_here)* -> program_seal -> program_free
//
// Instructions live in one growing array, everything they point to in the program's arena. Key
// shapes and virtual tables are counted, so the program gives their references back when it is
// freed.
//
// A jump may be emitted before its target is known: its operand is then a label, a negative number,
// which the sealing replaces by an address. Operands that are no jumps may be negative as well, so
// it is the opcode's metadata that tells which of them are looked at.
//
// Whoever emits code is not to check each call: after a failure everything goes to one dummy
// instruction, labels are all -1, and nothing is resolved or verified.
#include "vm/program.h"
#include "base/alloc.h"
#include "base/vec.h"
#include "vm/program_priv.h"
#include "vm/vm_priv.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// --- opcode metadata ---

enum { CODE_FIRST = 24 }; // instructions a program has room for at first

enum {
    IN1 = OPERAND_IN1,
    IN2 = OPERAND_IN2,
    IN3 = OPERAND_IN3,
    OUT1 = OPERAND_OUT1,
    OUT2 = OPERAND_OUT2,
    OUT3 = OPERAND_OUT3,
    JUMP1 = OPERAND_JUMP1,
    JUMP2 = OPERAND_JUMP2,
    JUMP3 = OPERAND_JUMP3,
    MAYJ2 = OPERAND_MAYJ2,
    CUR1 = OPERAND_CUR1,
    CUR2 = OPERAND_CUR2,
    CUR3 = OPERAND_CUR3,
    DB1 = OPERAND_DB1,
    DB2 = OPERAND_DB2,
    DB3 = OPERAND_DB3,
    SPAN1 = OPERAND_SPAN1,
    SPAN3 = OPERAND_SPAN3,
    SPAN3Z = OPERAND_SPAN3Z,

    X_ANY = 0,
    X_NONE = 1 << P4_NONE,
    X_INT = X_NONE | 1 << P4_INT32,
    X_I64 = X_NONE | 1 << P4_INT64,
    X_REAL = 1 << P4_REAL,
    X_TEXT = X_NONE | 1 << P4_TEXT,
    X_BLOB = X_NONE | 1 << P4_BLOB,
    X_SHAPE = X_NONE | 1 << P4_SHAPE,
    X_COLLATION = X_NONE | 1 << P4_COLLATION,
    X_FUNCTION = 1 << P4_FUNCTION | 1 << P4_CALL,
    X_TABLE = X_NONE | 1 << P4_TABLE,
    X_VTAB = 1 << P4_VTAB,
    X_PROGRAM = 1 << P4_PROGRAM,
    X_INTS = X_NONE | 1 << P4_INT_ARRAY,
    X_VALUE = X_NONE | 1 << P4_VALUE,
};

static const OpcodeInfo opcodes[] = {
#define OPCODE(name, operands, p4, synopsis) {#name, operands, p4, synopsis},
#include "vm/opcode.def"
#undef OPCODE
};
static_assert(ARRAY_LEN(opcodes) == OPCODE_COUNT, "every opcode has its metadata");
static_assert(P4_KIND_COUNT <= 16, "OpcodeInfo.p4_kinds has a bit per kind");
static_assert(OPCODE_COUNT <= 255, "Instr.op is a byte");

const OpcodeInfo *opcode_info(int op)
{
    ASSERT(op >= 0 && op < OPCODE_COUNT);
    return &opcodes[op];
}

// --- lifecycle ---

Program *program_new(sqlite3 *db)
{
    Program *p = mem_alloc_zeroed(sizeof *p);
    if (p == NULL)
        return NULL;
    p->db = db;
    p->subs_end = &p->subs;
    return p;
}

static void instr_release(Instr *in)
{
    ASSERT(in->p4_kind < P4_KIND_COUNT);

    if (in->p4_kind == P4_SHAPE)
        key_shape_unref(in->p4.shape);
    else if (in->p4_kind == P4_VTAB)
        vtab_unref(in->p4.vtab);
    in->p4_kind = P4_NONE;
    in->p4.any = NULL;
}

static void code_release(Instr *code, int count)
{
    ASSERT(count == 0 || code != NULL);

    for (int i = 0; i < count; i++)
        instr_release(&code[i]);
}

void program_free(Program *p)
{
    if (p == NULL)
        return;
    ASSERT(p->count <= p->capacity);
    code_release(p->code, (int)p->count);
    call_sites_release(p);
    for (SubProgram *sub = p->subs; sub != NULL; sub = sub->next) {
        code_release(sub->code, sub->count);
        mem_free(sub->code);
    }
    mem_free(p->code);
    mem_free(p->labels);
    arena_deinit(&p->arena);
    mem_free(p);
}

bool program_failed(const Program *p)
{
    return p->rc != SQLITE_OK || p->arena.failed;
}

// The first failure. The arena keeps its own, which can only be that memory ran out.
static int first_failure(const Program *p)
{
    if (p->rc != SQLITE_OK)
        return p->rc;
    return p->arena.failed ? SQLITE_NOMEM : SQLITE_OK;
}

Arena *program_arena(Program *p)
{
    return &p->arena;
}

// --- emitting ---

enum { INSTRUCTION_LIMIT = 250 * 1000 * 1000 }; // SQLite's default (SQLITE_MAX_VDBE_OP)

// Remembers the first failure. Whoever asked for an instruction gets one to write to, which is
// nowhere in the program.
COLD static Instr *emit_failed(Program *p, int rc)
{
    if (p->rc == SQLITE_OK)
        p->rc = rc;
    memset(&p->dummy, 0, sizeof p->dummy);
    p->dummy.op = OP_Noop;
    return &p->dummy;
}

// The next instruction, or the dummy once something failed.
static Instr *instr_append(Program *p, Opcode op, int p1, int p2, int p3)
{
    ASSERT(!p->is_sealed);
    ASSERT(op < OPCODE_COUNT);

    if (UNLIKELY(program_failed(p)))
        return emit_failed(p, SQLITE_NOMEM);
    if (UNLIKELY(p->count == p->capacity)) {
        if (p->count >= INSTRUCTION_LIMIT)
            return emit_failed(p, SQLITE_TOOBIG);
        u32 wanted = p->count < CODE_FIRST ? CODE_FIRST : p->count + 1;
        if (vec_reserve(&p->code, &p->capacity, wanted, sizeof *p->code) != SQLITE_OK)
            return emit_failed(p, SQLITE_NOMEM);
    }
    Instr *in = &p->code[p->count++];
    *in = (Instr){.op = (u8)op, .p1 = p1, .p2 = p2, .p3 = p3};
    return in;
}

// What a failed program answers is an address too, if a meaningless one: program_at() knows better.
static int last_address(const Program *p)
{
    return p->count == 0 ? 0 : (int)p->count - 1;
}

int program_emit(Program *p, Opcode op, int p1, int p2, int p3)
{
    instr_append(p, op, p1, p2, p3);
    return last_address(p);
}

int program_emit0(Program *p, Opcode op)
{
    return program_emit(p, op, 0, 0, 0);
}

int program_emit_int(Program *p, Opcode op, int p1, int p2, int p3, i32 p4)
{
    Instr *in = instr_append(p, op, p1, p2, p3);
    in->p4_kind = P4_INT32;
    in->p4.i = p4;
    return last_address(p);
}

// Emits with a copy of `size` bytes in the arena as fourth operand.
static int emit_copied(Program *p, const Instr *head, P4Kind kind, const void *bytes, size_t size)
{
    Instr *in = instr_append(p, (Opcode)head->op, head->p1, head->p2, head->p3);
    void *copy = arena_alloc(&p->arena, size == 0 ? 1 : size);
    if (copy == NULL || in == &p->dummy)
        return last_address(p);
    if (size > 0)
        memcpy(copy, bytes, size);
    in->p4_kind = (u8)kind;
    in->p4.any = copy;
    return last_address(p);
}

int program_emit_i64(Program *p, Opcode op, int p1, int p2, int p3, i64 p4)
{
    return emit_copied(p, &(Instr){.op = (u8)op, .p1 = p1, .p2 = p2, .p3 = p3}, P4_INT64, &p4,
                       sizeof p4);
}

int program_emit_real(Program *p, Opcode op, int p1, int p2, int p3, f64 p4)
{
    return emit_copied(p, &(Instr){.op = (u8)op, .p1 = p1, .p2 = p2, .p3 = p3}, P4_REAL, &p4,
                       sizeof p4);
}

// wide: an opcode with its operands
int program_emit_blob(Program *p, Opcode op, int p1, int p2, int p3, const void *p4, u32 size)
{
    ASSERT(p4 != NULL || size == 0);

    return emit_copied(p, &(Instr){.op = (u8)op, .p1 = p1, .p2 = p2, .p3 = p3}, P4_BLOB, p4, size);
}

// wide: an opcode with its operands
int program_emit_text(Program *p, Opcode op, int p1, int p2, int p3, const char *p4, int size)
{
    ASSERT(size >= -1);

    Instr *in = instr_append(p, op, p1, p2, p3);
    if (p4 == NULL || in == &p->dummy)
        return last_address(p);
    char *copy = arena_dup(&p->arena, p4, size < 0 ? strlen(p4) : (size_t)size);
    if (copy != NULL) {
        in->p4_kind = P4_TEXT;
        in->p4.text = copy;
    }
    return last_address(p);
}

// wide: an opcode with its operands
int program_emit_ints(Program *p, Opcode op, int p1, int p2, int p3, const u32 *ints, u32 count)
{
    ASSERT(ints != NULL || count == 0);

    Instr *in = instr_append(p, op, p1, p2, p3);
    u32 *copy = arena_array(&p->arena, (size_t)count + 1, sizeof *copy);
    if (copy == NULL || in == &p->dummy)
        return last_address(p);
    copy[0] = count;
    if (count > 0)
        memcpy(copy + 1, ints, count * sizeof *ints);
    in->p4_kind = P4_INT_ARRAY;
    in->p4.ints = copy;
    return last_address(p);
}

// Emits with a pointer as fourth operand. NULL leaves it absent.
// The instruction is answered, not its address, because a reference that went to the dummy has to
// be given back.
static Instr *emit_pointer(Program *p, const Instr *head, P4Kind kind, void *pointer)
{
    Instr *in = instr_append(p, (Opcode)head->op, head->p1, head->p2, head->p3);
    if (pointer != NULL) {
        in->p4_kind = (u8)kind;
        in->p4.any = pointer;
    }
    return in;
}

int program_emit_shape(Program *p, Opcode op, int p1, int p2, int p3, KeyShape *takes)
{
    Instr *in =
        emit_pointer(p, &(Instr){.op = (u8)op, .p1 = p1, .p2 = p2, .p3 = p3}, P4_SHAPE, takes);
    if (in == &p->dummy && takes != NULL) {
        key_shape_unref(takes);
        in->p4_kind = P4_NONE;
    }
    ASSERT(in->p4_kind != P4_SHAPE || in != &p->dummy);
    return last_address(p);
}

int program_emit_collation(Program *p, Opcode op, int p1, int p2, int p3, const Collation *c)
{
    Instr *in = instr_append(p, op, p1, p2, p3);
    if (c != NULL) {
        in->p4_kind = P4_COLLATION;
        in->p4.collation = c;
    }
    return last_address(p);
}

int program_emit_func(Program *p, Opcode op, int p1, int p2, int p3, const struct FuncDef *f)
{
    ASSERT(f != NULL);

    Instr *in = instr_append(p, op, p1, p2, p3);
    in->p4_kind = P4_FUNCTION;
    in->p4.func = f;
    return last_address(p);
}

int program_emit_table(Program *p, Opcode op, int p1, int p2, int p3, struct Table *t)
{
    emit_pointer(p, &(Instr){.op = (u8)op, .p1 = p1, .p2 = p2, .p3 = p3}, P4_TABLE, t);
    return last_address(p);
}

int program_emit_vtab(Program *p, Opcode op, int p1, int p2, int p3, void *vtab)
{
    ASSERT(vtab != NULL || program_failed(p));

    Instr *in =
        emit_pointer(p, &(Instr){.op = (u8)op, .p1 = p1, .p2 = p2, .p3 = p3}, P4_VTAB, vtab);
    if (in != &p->dummy)
        vtab_ref(vtab);
    return last_address(p);
}

int program_emit_program(Program *p, Opcode op, int p1, int p2, int p3, SubProgram *takes)
{
    ASSERT(takes != NULL || program_failed(p));

    emit_pointer(p, &(Instr){.op = (u8)op, .p1 = p1, .p2 = p2, .p3 = p3}, P4_PROGRAM, takes);
    return last_address(p);
}

// --- changing what was emitted ---

int program_here(const Program *p)
{
    return (int)p->count;
}

Instr *program_at(Program *p, int address)
{
    if (address < 0)
        address = (int)p->count - 1;
    if (program_failed(p) || address < 0 || (u32)address >= p->count)
        return emit_failed(p, p->rc); // a dummy, without making it an error
    return &p->code[address];
}

void program_set_p5(Program *p, u16 p5)
{
    ASSERT(!p->is_sealed);

    program_at(p, -1)->p5 = p5;
}

void program_set_value(Program *p, int address, Value *value)
{
    ASSERT(!p->is_sealed);
    ASSERT(address >= 0);

    Instr *in = program_at(p, address);
    instr_release(in);
    in->p4_kind = value == NULL ? P4_NONE : P4_VALUE;
    in->p4.value = value;
}

void program_comment(Program *p, const char *fmt, ...)
{
    ASSERT(fmt != NULL);

    if (!p->keeps_comments || program_failed(p))
        return;
    char text[200];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    char *copy = arena_dup(&p->arena, text, strlen(text));
    if (copy != NULL)
        program_at(p, -1)->comment = copy;
}

void program_keep_comments(Program *p, bool keep)
{
    ASSERT(!p->is_sealed);

    p->keeps_comments = keep;
}

void program_jump_here(Program *p, int address)
{
    ASSERT(!p->is_sealed);

    program_at(p, address)->p2 = program_here(p);
}

void program_to_noop(Program *p, int address)
{
    ASSERT(!p->is_sealed);

    Instr *in = program_at(p, address);
    ASSERT(in->op != OP_Init || address != 0); // where runs begin
    instr_release(in);
    *in = (Instr){.op = OP_Noop};
}

// --- labels ---

enum { LABEL_OPEN = -1 }; // not an address yet

Label label_new(Program *p)
{
    ASSERT(!p->is_sealed);

    if (program_failed(p)
        || vec_reserve(&p->labels, &p->label_capacity, p->label_count + 1, sizeof *p->labels)
               != 0) {
        emit_failed(p, SQLITE_NOMEM);
        return -1;
    }
    p->labels[p->label_count++] = LABEL_OPEN;
    return -(Label)p->label_count;
}

void label_here(Program *p, Label label)
{
    ASSERT(label < 0);

    if (program_failed(p))
        return;
    ASSERT((u32)-label <= p->label_count);
    ASSERT(p->labels[-label - 1] == LABEL_OPEN);
    p->labels[-label - 1] = program_here(p);
}

static void operand_resolve(const Program *p, i32 *operand)
{
    if (*operand >= 0)
        return;
    ASSERT((u32) - *operand <= p->label_count);
    i32 address = p->labels[-*operand - 1];
    ASSERT(address != LABEL_OPEN); // a label that label_here() never saw
    ASSERT(address >= 0 && (u32)address <= p->count);
    *operand = address;
}

static void labels_resolve(Program *p)
{
    ASSERT(!p->is_sealed);

    for (u32 i = 0; i < p->count; i++) {
        Instr *in = &p->code[i];
        u32 operands = opcodes[in->op].operands;
        if (operands & OPERAND_JUMP1)
            operand_resolve(p, &in->p1);
        if (operands & (OPERAND_JUMP2 | OPERAND_MAYJ2))
            operand_resolve(p, &in->p2);
        if (operands & OPERAND_JUMP3)
            operand_resolve(p, &in->p3);
    }
}

// --- sealing ---

static bool instr_calls_function(const Instr *in)
{
    return in->p4_kind == P4_FUNCTION
           && (in->op == OP_Function || in->op == OP_PureFunc || in->op == OP_AggStep
               || in->op == OP_AggInverse || in->op == OP_AggValue || in->op == OP_AggFinal);
}

// Instructions by which a statement takes part in transactions, so that its end may be a commit.
static bool instr_is_transactional(u8 op)
{
    switch (op) {
    case OP_Transaction:
    case OP_AutoCommit:
    case OP_Savepoint:
    case OP_Checkpoint:
    case OP_Vacuum:
    case OP_JournalMode:
    case OP_IncrVacuum:
    case OP_VUpdate:
    case OP_VFilter: return true;
    default: return false;
    }
}

// Function calls get their CallSite: only now are the instructions at their final addresses, and is
// it known which collation instruction stands before each.
static int calls_make(Program *p)
{
    ASSERT(p->calls == NULL || p->subs != NULL); // those that came with trigger programs

    for (u32 i = 0; i < p->count; i++) {
        Instr *in = &p->code[i];
        p->is_reader = p->is_reader || instr_is_transactional(in->op);
        if (!instr_calls_function(in))
            continue;
        u8 place = 0;
        if (in->op == OP_PureFunc) { // the call site keeps the place, P5 the argument count
            place = (u8)(in->p5 >> PURE_PLACE_SHIFT);
            in->p5 &= (1u << PURE_PLACE_SHIFT) - 1;
        }
        CallSite *site = call_site_new(p, in, (int)i);
        if (site == NULL)
            return SQLITE_NOMEM;
        site->context.pure_place = place;
        in->p4_kind = P4_CALL;
        in->p4.call = site;
    }
    return SQLITE_OK;
}

int program_seal(Program *p, int register_count, int cursor_count)
{
    ASSERT(!p->is_sealed);
    ASSERT(register_count >= 0 && cursor_count >= 0);

    if (program_failed(p))
        return first_failure(p);
    labels_resolve(p);
    TRY(calls_make(p));
    p->register_count = register_count;
    p->cursor_count = cursor_count;
    p->is_sealed = true;
    ASSERT(program_verify(p->code, (int)p->count, register_count, cursor_count));
    return SQLITE_OK;
}

SubProgram *program_sub_declare(Program *owner, const SubIdentity *identity)
{
    ASSERT(!owner->is_sealed);

    SubProgram *sub = arena_alloc_zeroed(&owner->arena, sizeof *sub);
    if (sub == NULL) {
        emit_failed(owner, SQLITE_NOMEM);
        return NULL;
    }
    sub->token = identity->token;
    sub->name = identity->name;
    *owner->subs_end = sub;
    owner->subs_end = &sub->next;
    return sub;
}

void program_sub_define(Program *owner, SubProgram *sub, Program *child, int register_count,
                        int cursor_count)
{
    ASSERT(owner != child);
    ASSERT(sub == NULL || sub->code == NULL);

    int rc = program_seal(child, register_count, cursor_count);
    if (rc != SQLITE_OK || program_failed(owner) || sub == NULL) {
        emit_failed(owner, rc == SQLITE_OK ? SQLITE_NOMEM : rc);
        program_free(child);
        return;
    }
    ASSERT(child->subs == NULL);
    sub->code = child->code;
    sub->count = (int)child->count;
    if (sub->name != NULL && sub->code[0].op == OP_Init) { // so EXPLAIN tells whose code begins
        sub->code[0].p4_kind = P4_TEXT;
        sub->code[0].p4.text = sub->name;
    }
    sub->register_count = register_count;
    sub->cursor_count = cursor_count;
    while (child->calls != NULL) { // vm_new() binds those of the owner
        CallSite *site = child->calls;
        child->calls = site->next;
        site->next = owner->calls;
        owner->calls = site;
    }
    child->code = NULL;
    child->count = 0;
    arena_absorb(&owner->arena, &child->arena);
    program_free(child);
}
