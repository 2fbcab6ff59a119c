#ifndef QUIRE_VM_PROGRAM_H
#define QUIRE_VM_PROGRAM_H
// A program of the bytecode machine, and the builder the code generator fills it with.
//
// Opcode names, operands and meanings are those of SQLite's documented machine (sqlite.org/opcode.html)
// wherever we have the same instruction; opcode.def is the one source for names, operand metadata and
// prose, and says where an instruction is ours or differs.
//
// Errors stick: after the first failure (out of memory, too many instructions) every call is a no-op and
// program_failed() tells. Addresses are instruction indexes; labels are negative until resolved by
// program_seal().

#include "base/arena.h"
#include "base/contract.h"
#include "value/compare.h"

struct FuncDef;
struct Table;
struct Trigger;

typedef enum Opcode {
#define OPCODE(name, ...) OP_##name,
#include "vm/opcode.def"
#undef OPCODE
    OPCODE_COUNT,
} Opcode;

// What the fourth operand is. Text, integers, reals, blobs and arrays live in the program's arena.
typedef enum P4Kind {
    P4_NONE,
    P4_INT32,     // i
    P4_INT64,     // i64
    P4_REAL,      // real
    P4_TEXT,      // text: NUL-terminated UTF-8
    P4_BLOB,      // blob, with p1 its size
    P4_SHAPE,     // shape: KeyShape, a reference is taken
    P4_COLLATION, // collation
    P4_FUNCTION,  // func: FuncDef
    P4_TABLE,     // table: borrowed from the schema, valid while the schema cookie holds
    P4_VTAB,      // vtab: a reference is taken
    P4_PROGRAM,   // program: a trigger's sub-program, owned by the statement
    P4_INT_ARRAY, // ints: ints[0] is the count
    P4_VALUE,     // value: a constant
    P4_CALL,      // call: FuncDef with argument count, for OP_Function
} P4Kind;

typedef struct SubProgram SubProgram;
typedef struct Instr {
    u8 op;
    u8 p4_kind;
    u16 p5;
    i32 p1, p2, p3;
    union {
        i32 i;
        i64 *i64;
        f64 *real;
        const char *text;
        const void *blob;
        KeyShape *shape;
        const Collation *collation;
        const struct FuncDef *func;
        struct Table *table;
        void *vtab;
        SubProgram *program;
        u32 *ints;
        Value *value;
        void *any;
    } p4;
    const char *comment; // shown by EXPLAIN; NULL for none
} Instr;

typedef int Label; // negative

typedef struct Program Program;

Program *program_new(sqlite3 *db); // NULL when out of memory
void program_free(Program *p);
bool program_failed(const Program *p);
Arena *program_arena(Program *p); // lives as long as the statement

// Each returns the address of the instruction.
int program_emit(Program *p, Opcode op, int p1, int p2, int p3);
int program_emit0(Program *p, Opcode op);
int program_emit_int(Program *p, Opcode op, int p1, int p2, int p3, i32 p4);
int program_emit_i64(Program *p, Opcode op, int p1, int p2, int p3, i64 p4);
int program_emit_real(Program *p, Opcode op, int p1, int p2, int p3, f64 p4);
int program_emit_text(Program *p, Opcode op, int p1, int p2, int p3, const char *p4,
                      int size); // copied; size -1: strlen
int program_emit_blob(Program *p, Opcode op, int p1, int p2, int p3, const void *p4, u32 size);
int program_emit_shape(Program *p, Opcode op, int p1, int p2, int p3, KeyShape *takes);
int program_emit_collation(Program *p, Opcode op, int p1, int p2, int p3, const Collation *c);
int program_emit_func(Program *p, Opcode op, int p1, int p2, int p3, const struct FuncDef *f);
int program_emit_table(Program *p, Opcode op, int p1, int p2, int p3, struct Table *t);
int program_emit_vtab(Program *p, Opcode op, int p1, int p2, int p3, void *vtab);
int program_emit_program(Program *p, Opcode op, int p1, int p2, int p3, SubProgram *takes);
int program_emit_ints(Program *p, Opcode op, int p1, int p2, int p3, const u32 *ints, u32 count);

int program_here(const Program *p);         // address of the next instruction
Instr *program_at(Program *p, int address); // a dummy after failure; -1: the last one
void program_set_p5(Program *p, u16 p5);    // of the last instruction
void program_comment(Program *p, const char *fmt, ...)
    PRINTF_LIKE(2, 3);                           // of the last instruction; only kept for EXPLAIN
void program_jump_here(Program *p, int address); // its p2 becomes program_here()
Label label_new(Program *p);
void label_here(Program *p, Label label);      // resolves to program_here()
void program_to_noop(Program *p, int address); // takes an instruction back

#endif
