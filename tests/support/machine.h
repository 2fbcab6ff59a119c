#ifndef QUIRE_TESTS_SUPPORT_MACHINE_H
#define QUIRE_TESTS_SUPPORT_MACHINE_H
// Programs assembled by hand: a connection that is just enough to run them on, and helpers to build
// programs and look at their rows.
//
//     Machine m;
//     machine_open(&m);
//     Program *p = machine_program(&m);
//     program_emit(p, OP_Integer, 7, 1, 0);
//     program_emit(p, OP_ResultRow, 1, 1, 0);
//     program_emit0(p, OP_Halt);
//     Vm *vm = machine_vm(&m, p, 1);          // one column
//     assert_text("7", machine_rows(&m, vm)); // values by ',', rows by ' '
//     machine_close(&m);                      // finalizes what is left

#include "vm/vm.h"

typedef struct Machine {
    sqlite3 db;
    char text[100000]; // machine_rows()
} Machine;

void machine_open(Machine *m); // with an empty main database in memory
void machine_close(Machine *m);
Program *machine_program(Machine *m); // Init has been emitted; its p2 is 1
enum { MACHINE_REGISTERS = 40, MACHINE_CURSORS = 6 };
Vm *machine_vm(Machine *m, Program *takes, int column_count);
// Steps to the end. What came before an error is followed by "error N".
const char *machine_rows(Machine *m, Vm *vm);
// Emits Transaction on main: 0 to read, 1 to write.
void emit_transaction(Program *p, int write);
// A new tree's root, made in a transaction of its own.
Pgno machine_tree(Machine *m, TreeKind kind);
KeyShape *machine_shape(Machine *m, u16 key_count, u16 all_count);
// Fills table `root` with rows (rowid i, fields i and text "row-i") for i in 1..count.
void machine_fill(Machine *m, Pgno root, int count);

#endif
