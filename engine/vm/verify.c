// Checks a program against the operand metadata of opcode.def: addresses inside the program,
// registers and cursors inside their counts, the right kind of fourth operand. Run on every program
// in debug builds.
//
// What this finds is a fault of the code generator, never of a statement's text. It does not follow
// the flow of control: whether a register was set, or a cursor opened, before it is read, is left
// to the assertions of the instructions.
#include "base/log.h"
#include "vm/program_priv.h"

typedef struct Bounds {
    int count, register_count, cursor_count;
} Bounds;

static bool address_is_good(const Bounds *b, i32 address)
{
    ASSERT(b->count >= 0);

    return address >= 0 && address < b->count;
}

static bool jumps_are_good(const Bounds *b, const Instr *in, u32 operands)
{
    if ((operands & OPERAND_JUMP1) && !address_is_good(b, in->p1))
        return false;
    if ((operands & OPERAND_JUMP2) && !address_is_good(b, in->p2))
        return false;
    if ((operands & OPERAND_JUMP3) && !address_is_good(b, in->p3))
        return false;
    return (operands & OPERAND_MAYJ2) == 0 || address_is_good(b, in->p2);
}

static bool span_is_good(const Bounds *b, i32 first, i32 count)
{
    ASSERT(b->register_count >= 0);

    return first >= 0 && count >= 0 && first + count <= b->register_count + 1;
}

static bool registers_are_good(const Bounds *b, const Instr *in, u32 operands)
{
    if ((operands & (OPERAND_IN1 | OPERAND_OUT1)) && !span_is_good(b, in->p1, 1))
        return false;
    if ((operands & (OPERAND_IN2 | OPERAND_OUT2)) && !span_is_good(b, in->p2, 1))
        return false;
    if ((operands & (OPERAND_IN3 | OPERAND_OUT3)) && !span_is_good(b, in->p3, 1))
        return false;
    if ((operands & OPERAND_SPAN1) && !span_is_good(b, in->p1, in->p2))
        return false;
    if ((operands & (OPERAND_SPAN3 | OPERAND_SPAN3Z)) && in->p4_kind == P4_INT32)
        return span_is_good(b, in->p3, in->p4.i);
    return true;
}

static bool cursor_is_good(const Bounds *b, i32 cursor)
{
    ASSERT(b->cursor_count >= 0);

    return cursor >= 0 && cursor < b->cursor_count;
}

// Registers of which the metadata has no word for the count.
static bool lists_are_good(const Bounds *b, const Instr *in)
{
    switch (in->op) {
    case OP_Function:
    case OP_PureFunc:
    case OP_AggStep:
    case OP_AggInverse:
        ASSERT(in->p4_kind == P4_CALL); // program_seal() has been here
        return span_is_good(b, in->p2, in->p5);
    case OP_Move: return span_is_good(b, in->p1, in->p3) && span_is_good(b, in->p2, in->p3);
    case OP_Copy: return span_is_good(b, in->p1, in->p3 + 1) && span_is_good(b, in->p2, in->p3 + 1);
    case OP_VUpdate: return span_is_good(b, in->p3, in->p2);
    case OP_Checkpoint: return span_is_good(b, in->p3, 3);
    default: return true;
    }
}

static bool cursors_are_good(const Bounds *b, const Instr *in, u32 operands)
{
    if ((operands & OPERAND_CUR1) && !cursor_is_good(b, in->p1))
        return false;
    if ((operands & OPERAND_CUR2) && !cursor_is_good(b, in->p2))
        return false;
    return (operands & OPERAND_CUR3) == 0 || cursor_is_good(b, in->p3);
}

static bool instr_is_good(const Bounds *b, const Instr *in)
{
    if (in->op >= OPCODE_COUNT)
        return false;
    const OpcodeInfo *info = opcode_info(in->op);
    if (info->p4_kinds != 0 && (info->p4_kinds & (1u << in->p4_kind)) == 0)
        return false;
    return jumps_are_good(b, in, info->operands) && registers_are_good(b, in, info->operands)
           && lists_are_good(b, in) && cursors_are_good(b, in, info->operands);
}

bool program_verify(const Instr *code, int count, int register_count, int cursor_count)
{
    ASSERT(code != NULL || count == 0);
    ASSERT(register_count >= 0 && cursor_count >= 0);

    Bounds bounds = {count, register_count, cursor_count};
    for (int i = 0; i < count; i++) {
        if (instr_is_good(&bounds, &code[i]))
            continue;
        const Instr *in = &code[i];
        log_message(SQLITE_INTERNAL, "bad instruction %d: %s %d %d %d p4 kind %d", i,
                    in->op < OPCODE_COUNT ? opcode_info(in->op)->name : "?", in->p1, in->p2, in->p3,
                    in->p4_kind);
        return false;
    }
    return true;
}
