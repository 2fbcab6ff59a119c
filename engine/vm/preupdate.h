#ifndef QUIRE_VM_PREUPDATE_H
#define QUIRE_VM_PREUPDATE_H
// What the preupdate hook may ask while it runs: the row before and after the change.

#include "vm/vm.h"

// The change being announced; db->preupdate while the hook runs.
typedef struct Preupdate {
    Vm *vm;
    VmCursor *cursor; // stands on the old row, if there is one
    const Table *table;
    int op; // SQLITE_INSERT, SQLITE_UPDATE or SQLITE_DELETE
    RowId old_rowid, new_rowid;
    Reg new_record;    // insert: the register with the record
    Reg new_columns;   // update: the rowid's register; the columns follow it
    int blob_column;   // column written by sqlite3_blob_write(), or -1
    Value *old_values; // decoded on demand, column_count each
    Value *new_values;
} Preupdate;

// What a caller says of a change about to be made, with the operands of Preupdate.
typedef struct PreupdateEvent {
    const Table *table;
    int op;
    int database;
    RowId old_rowid, new_rowid;
    Reg new_record, new_columns;
    int blob_column;
} PreupdateEvent;
// Calls the hook if there is one, before the change: nothing of the row may have been touched yet.
// SQLITE_NOMEM when the hook met that.
MUST_USE int preupdate_call(Vm *vm, VmCursor *c, const PreupdateEvent *event);

// The same for sqlite3_blob_write(): the row under the first cursor of `vm` is announced as
// deleted.
MUST_USE int preupdate_blob_write(Vm *vm, const Table *table, int database, int column);

// The public calls of the same names. SQLITE_MISUSE outside the hook, SQLITE_RANGE.
int preupdate_old(sqlite3 *db, int column, Value **out);
int preupdate_new(sqlite3 *db, int column, Value **out);
int preupdate_count(sqlite3 *db);
int preupdate_depth(sqlite3 *db);
int preupdate_blob_column(sqlite3 *db);

#endif
