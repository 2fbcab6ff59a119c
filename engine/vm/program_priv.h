#ifndef QUIRE_VM_PROGRAM_PRIV_H
#define QUIRE_VM_PROGRAM_PRIV_H
// What a Program is made of, for the machine that runs it. Code generators see program.h only.

#include "vm/program.h"

struct SubProgram {
    Instr *code; // heap block, owned by the Program it was moved into
    int count;
    int register_count, cursor_count;
    const void *token; // identifies the trigger
    const char *name;
    struct VmFrame *spare; // frames not in use
    SubProgram *next;      // all of one statement
};

struct Program {
    sqlite3 *db;
    Arena arena;
    Instr *code;
    u32 count, capacity;
    i32 *labels; // addresses; label -n is labels[n-1]
    u32 label_count, label_capacity;
    int rc; // first failure
    bool keeps_comments, is_sealed;
    int register_count, cursor_count;
    SubProgram *subs, **subs_end; // in the order they were declared
    struct CallSite *calls;
    bool is_reader; // some instruction takes part in transactions
    Instr dummy;    // what callers get to write to after a failure
};

// Checks code against the operand metadata. Logs what is wrong; for assertions.
bool program_verify(const Instr *code, int count, int register_count, int cursor_count);

#endif
