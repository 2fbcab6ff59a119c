#ifndef QUIRE_VM_PROGRAM_H
#define QUIRE_VM_PROGRAM_H
// A program of the bytecode machine, and the builder the code generator fills it with.
//
// Opcode names, operands and meanings are those of SQLite's documented machine
// (sqlite.org/opcode.html) wherever we have the same instruction; opcode.def is the one source for
// names, operand metadata and prose, and says where an instruction is ours or differs.
//
// Errors stick: after the first failure (out of memory, too many instructions) every call is a
// no-op and program_failed() tells. Addresses are instruction indexes; labels are negative until
// resolved by program_seal().

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

// What an instruction does with its operands: the second argument of OPCODE(), explained in
// opcode.def.
enum OperandUse {
    OPERAND_IN1 = 0x0001,
    OPERAND_IN2 = 0x0002,
    OPERAND_IN3 = 0x0004,
    OPERAND_OUT1 = 0x0008,
    OPERAND_OUT2 = 0x0010,
    OPERAND_OUT3 = 0x0020,
    OPERAND_JUMP1 = 0x0040,
    OPERAND_JUMP2 = 0x0080,
    OPERAND_JUMP3 = 0x0100,
    OPERAND_MAYJ2 = 0x0200,
    OPERAND_CUR1 = 0x0400,
    OPERAND_CUR2 = 0x0800,
    OPERAND_CUR3 = 0x1000,
    OPERAND_DB1 = 0x2000,
    OPERAND_DB2 = 0x4000,
    OPERAND_DB3 = 0x8000,
    OPERAND_SPAN1 = 0x10000,
    OPERAND_SPAN3 = 0x20000,
    OPERAND_SPAN3Z = 0x40000,
};

typedef struct OpcodeInfo {
    const char *name;
    u32 operands; // OperandUse
    u16 p4_kinds; // set of 1 << P4Kind; 0: any
    const char *synopsis;
} OpcodeInfo;
const OpcodeInfo *opcode_info(int op);

// Values and bits of the fifth operand. Which instructions know them is said in opcode.def.
enum {
    // Comparisons: Eq Ne Lt Le Gt Ge
    P5_AFFINITY_MASK = 0x47, // Affinity applied to both sides first
    P5_JUMP_IF_NULL = 0x10,  // a NULL on either side jumps
    P5_NULL_EQUAL = 0x80,    // NULL is a value, equal to NULL: IS and IS NOT
    // Writing rows: Insert Delete IdxInsert
    P5_NCHANGE = 0x01,         // counts as a change
    P5_KEYS_ONLY = 0x01,       // RowChange: images are rowids alone
    P5_SAVE_POSITION = 0x02,   // keep the cursor where Next and Prev go on rightly
    P5_IS_UPDATE = 0x04,       // part of an UPDATE, for the hooks
    P5_AUX_DELETE = 0x04,      // Delete of an index entry whose row is deleted too
    P5_APPEND = 0x08,          // the key is probably the greatest
    P5_USE_SEEK_RESULT = 0x10, // the cursor was just sought to this key
    P5_LAST_ROWID = 0x20,      // sets last_insert_rowid()
    P5_IS_NOOP = 0x40,         // only the preupdate hook is called
    P5_PREFORMAT = 0x80,       // RowCell prepared the entry
    // Opening and seeking
    P5_BULK = 0x01,       // OpenWrite: many rows in order will be inserted
    P5_SEEK_EQ = 0x02,    // OpenRead, OpenWrite, SeekGE, SeekLE: only equal entries matter
    P5_FOR_DELETE = 0x08, // OpenWrite: only to delete
    P5_P2_IS_REG = 0x10,  // OpenRead, OpenWrite: the root page is in r[P2]
    // Column
    P5_EPHEMERAL = 0x01, // the result may point into the page
    P5_LENGTH = 0x40,    // only length() is asked
    P5_TYPEOF = 0x80,    // only typeof() or IS NULL is asked
    P5_BYTES = 0xc0,     // only octet_length() is asked
    // Rest
    P5_PERMUTE = 0x01,         // Compare: as the Permutation before it says
    P5_NO_CHANGE = 0x01,       // VColumn: sqlite3_vtab_nochange() is true
    P5_HASH_SORTED = 0x01,     // HashRewind: in key order
    P5_HASH_KEYS = 0x04,       // HashRewind: the registers are put away, none brought in
    P5_HASH_EVER = 0x01,       // HashRefused: any group, not just the last
    P5_HASH_STAYS_OPEN = 0x02, // HashRefused: unless the table has just closed
    P5_HASH_MAY_CLOSE = 0x01,  // HashOpen: when few rows find their group
    P5_HASH_HELD = 0x01,       // HashGroup: the table has the group, though it may be closed
    // SqlExec, in P1
    SQL_EXEC_SILENT = 0x01,    // authorizer and tracing off
    SQL_EXEC_LIMITED = 0x02,   // P2 is the analysis limit meanwhile
    SQL_EXEC_REWRITTEN = 0x04, // changes() stays; after a failure the schema is read anew
    SQL_EXEC_PLAIN = 0x08,     // no triggers, no foreign keys
    // Halt: which constraint failed; P4 then names the culprit
    P5_CONSTRAINT_NOT_NULL = 1,
    P5_CONSTRAINT_UNIQUE = 2,
    P5_CONSTRAINT_CHECK = 3,
    P5_CONSTRAINT_FOREIGN_KEY = 4,
};

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
    P4_CALL,      // call: made of P4_FUNCTION by program_seal(), with room for the arguments
    P4_KIND_COUNT,
} P4Kind;

// The code of a trigger. Every Program instruction that names it runs it in a frame of its own.
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
        struct CallSite *call;
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
// Gives the instruction a constant as p4 (Column: the default of a field the row lacks), in the
// arena.
void program_set_value(Program *p, int address, Value *value);
void program_keep_comments(Program *p, bool keep); // off until told

// Ends building: labels become addresses, function calls get room for their arguments, and in debug
// builds the program is verified. The counts are of registers (numbered 1..count) and cursors
// (0..count-1). SQLITE_NOMEM, SQLITE_TOOBIG. Statements are sealed by vm_prepare() (vm.h).
MUST_USE int program_seal(Program *p, int register_count, int cursor_count);

typedef struct SubIdentity {
    const void *token; // the same for every program of one trigger: finds recursion
    const char *name;  // for EXPLAIN; lives as long as the statement
} SubIdentity;
// A trigger's program is made in two steps, so that its code can name the program it is part of:
// declared in the statement's outermost program, which owns it from then on (NULL after failure),
// and defined when its code is complete: that seals `child`, moves its code and arena to the owner,
// and frees it. Failures, those of `child` too, stick to the owner.
SubProgram *program_sub_declare(Program *owner, const SubIdentity *identity);
void program_sub_define(Program *owner, SubProgram *sub, Program *child, int register_count,
                        int cursor_count);

#endif
