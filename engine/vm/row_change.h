#ifndef QUIRE_VM_ROW_CHANGE_H
#define QUIRE_VM_ROW_CHANGE_H
// Calls of the hooks that capture changes: rows, commits, schema statements. quire.h has their
// contract. Whatever a hook writes leaves the connection's counters as they were.

#include "vm/vm.h"

// An xUpdate: its arguments are (old rowid, new rowid, columns...), or the old rowid alone. The
// table is the one that RowChange named last.
typedef struct VirtualChange {
    Vm *vm;
    Value **args;
    int count;
} VirtualChange;
// Before the call, and after it with the rowid it gave.
MUST_USE int virtual_change_announce(const VirtualChange *change, bool is_done, RowId rowid);

// The transaction that `vm` ends is about to commit.
MUST_USE int precommit_announce(Vm *vm);

// Whether anyone wants to hear of the statement, as one that changes the schema.
bool schema_change_is_heard(const Vm *vm);
// It is about to run, or has: phase is QUIRE_SCHEMA_*. Errors are on the connection.
MUST_USE int schema_change_announce(Vm *vm, int phase);

// Around what a module writes for its own purposes: not announced, not counted. May be nested.
typedef struct QuietScope {
    bool was_capturing;
    i64 changes, total_changes, last_rowid;
} QuietScope;
QuietScope quiet_begin(sqlite3 *db);
void quiet_end(sqlite3 *db, const QuietScope *scope);

#endif
