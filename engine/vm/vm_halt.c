// The end of a run: what happens to the transaction.
//
//   outcome                  in autocommit, last writer     inside a transaction
//   success, FAIL            commit all databases           keep; release the statement savepoint
//   ABORT                    roll back                      roll back to the statement savepoint
//   ROLLBACK                 roll back                      roll the whole transaction back
//   NOMEM FULL               roll back                      statement savepoint, or all without one
//   IOERR, INTERRUPT of a    roll back                      roll the whole transaction back
//   writer
//
// A commit that meets a lock (SQLITE_BUSY) leaves a read-only statement running, so that it may be
// stepped again.
#include "base/error.h"
#include "btree/unlock.h"
#include "quire.h"
#include "txn/commit_all.h"
#include "vm/row_change.h"
#include "vm/vm_priv.h"

// --- helpers over all databases ---

// `keeps_reading`: other statements still read, so a commit must not give up the snapshot.
static TxnMembers members_of(sqlite3 *db, Btree **btrees)
{
    ASSERT(db->database_count <= DATABASE_MAX);

    for (int i = 0; i < db->database_count; i++)
        btrees[i] = db->databases[i].btree;
    return (TxnMembers){.btrees = btrees,
                        .count = db->database_count,
                        .main = DB_MAIN,
                        .keeps_reading = db->reading_statements > 1,
                        .vfs = db->vfs};
}

void connection_rollback_all(sqlite3 *db, int trip_rc)
{
    ASSERT(trip_rc == SQLITE_OK || trip_rc == SQLITE_ABORT_ROLLBACK);

    Btree *btrees[DATABASE_MAX];
    TxnMembers members = members_of(db, btrees);
    bool had_transaction = txn_is_writing(&members) || !db->autocommit;
    vtab_rollback(db);
    txn_rollback_all(&members, trip_rc, !db->schema_changed);
    if (db->schema_changed) {
        vm_expire_all(db, false);
        schema_reset(db, -1);
        db->schema_changed = false;
    }
    db->deferred_violations = 0;
    db->deferred_immediate = 0;
    db->flags &= ~CONN_FLAG(DEFER_FOREIGN_KEYS);
    if (db->precommit_hook != NULL)
        (void)db->precommit_hook(db->precommit_arg, db, QUIRE_COMMIT_UNDONE);
    if (db->rollback_hook != NULL && had_transaction)
        db->rollback_hook(db->rollback_arg);
}

void savepoints_close(sqlite3 *db)
{
    while (db->savepoints != NULL) {
        Savepoint *s = db->savepoints;
        db->savepoints = s->outer;
        mem_free(s);
    }
    db->savepoint_count = 0;
    db->statement_count = 0;
    db->is_transaction_savepoint = false;
    ASSERT(db->savepoints == NULL);
}

// ROLLBACK in the middle of it: other statements of the connection find their cursors tripped.
static void transaction_abandon(Vm *vm)
{
    connection_rollback_all(vm->db, SQLITE_ABORT_ROLLBACK);
    savepoints_close(vm->db);
    vm->db->autocommit = true;
    vm->changes = 0;
    ASSERT(vm->db->savepoint_count == 0);
}

// Ends read transactions that nobody needs. The common end of a SELECT.
static void reads_end(sqlite3 *db, u32 mask)
{
    ASSERT(db->database_count <= DATABASE_MAX);

    for (int i = 0; i < db->database_count; i++) {
        Btree *bt = db->databases[i].btree;
        if (bt != NULL && (mask & (1u << i)) != 0)
            btree_end_read_if_idle(bt);
    }
}

// Asks how many of the free pages auto-vacuum may cut off.
static void limit_vacuums(sqlite3 *db)
{
    Pgno pages;
    Pgno free_pages;
    ASSERT(db->autovacuum_pages != NULL);
    for (int i = 0; i < db->database_count; i++) {
        Btree *bt = db->databases[i].btree;
        if (bt == NULL || !btree_vacuum_is_due(bt, &pages, &free_pages))
            continue;
        btree_limit_vacuum(bt, db->autovacuum_pages(db->autovacuum_arg, db->databases[i].name,
                                                    pages, free_pages, btree_page_size(bt)));
    }
}

// The order is SQLite's: modules write what they hold back (xSync), the commit hook may still turn
// the commit into a rollback, the files commit, modules hear of it (xCommit).
static int commit_now(Vm *vm)
{
    ASSERT(vm->db->autocommit);

    sqlite3 *db = vm->db;
    Btree *btrees[DATABASE_MAX];
    TxnMembers members = members_of(db, btrees);
    if (vm->is_read_only && !txn_is_writing(&members) && db->vtab_transaction_count == 0) {
        if (db->reading_statements <= 1)
            reads_end(db, UINT32_MAX);
        return SQLITE_OK;
    }
    if (UNLIKELY(db->precommit_hook != NULL) && txn_is_writing(&members))
        TRY(precommit_announce(vm));
    TRY(vtab_sync_all(db, vm));
    if (txn_is_writing(&members) && db->commit_hook != NULL && db->commit_hook(db->commit_arg) != 0)
        return SQLITE_CONSTRAINT_COMMITHOOK;
    if (UNLIKELY(db->autovacuum_pages != NULL))
        limit_vacuums(db);
    TRY(txn_commit_all(&members));
    vtab_commit(db);
    return SQLITE_OK;
}

// --- foreign keys ---

int vm_check_foreign_keys(Vm *vm, bool deferred)
{
    ASSERT(vm->state == VM_RUNNING);

    const sqlite3 *db = vm->db;
    i64 violations =
        deferred ? db->deferred_violations + db->deferred_immediate : vm->immediate_violations;
    if (violations <= 0)
        return SQLITE_OK;
    vm->error_action = ON_CONFLICT_ABORT;
    return vm_error(vm, SQLITE_CONSTRAINT_FOREIGNKEY, "FOREIGN KEY constraint failed");
}

// --- the statement's own savepoint ---

int vm_begin_statement(Vm *vm, Btree *bt)
{
    ASSERT(btree_txn_state(bt) == SQLITE_TXN_WRITE);

    sqlite3 *db = vm->db;
    if (vm->savepoint_number == 0) {
        // What a module writes on this occasion belongs before the savepoint. It does so by
        // statements with savepoints of their own, which must not open this one too.
        TRY(vtab_savepoint(db, SAVEPOINT_BEGIN, db->savepoint_count + db->statement_count));
        db->statement_count++;
        vm->savepoint_number = db->savepoint_count + db->statement_count;
        vm->deferred_at_start = db->deferred_violations;
        vm->deferred_immediate_at_start = db->deferred_immediate;
    }
    return btree_savepoint_open(bt, (u32)vm->savepoint_number);
}

// Goes through all databases even after a failure, and answers the first one: a savepoint left open
// in one of them would put the numbers out of step.
static int savepoint_end_everywhere(sqlite3 *db, int op, u32 index)
{
    ASSERT(op == SAVEPOINT_ROLLBACK || op == SAVEPOINT_RELEASE);

    int first = SQLITE_OK;
    for (int i = 0; i < db->database_count; i++) {
        Btree *bt = db->databases[i].btree;
        if (bt == NULL || btree_txn_state(bt) != SQLITE_TXN_WRITE)
            continue;
        int rc = SQLITE_OK;
        if (op == SAVEPOINT_ROLLBACK)
            rc = btree_savepoint(bt, SAVEPOINT_ROLLBACK, index);
        if (rc == SQLITE_OK)
            rc = btree_savepoint(bt, SAVEPOINT_RELEASE, index);
        if (first == SQLITE_OK)
            first = rc;
    }
    return first;
}

int vm_end_statement(Vm *vm, int op)
{
    ASSERT(op == SAVEPOINT_ROLLBACK || op == SAVEPOINT_RELEASE);

    sqlite3 *db = vm->db;
    if (vm->savepoint_number == 0 || db->statement_count == 0)
        return SQLITE_OK;
    int index = vm->savepoint_number - 1;
    vm->savepoint_number = 0;
    db->statement_count--;
    int rc = savepoint_end_everywhere(db, op, (u32)index);
    if (rc == SQLITE_OK && op == SAVEPOINT_ROLLBACK)
        rc = vtab_savepoint(db, SAVEPOINT_ROLLBACK, index);
    if (rc == SQLITE_OK)
        rc = vtab_savepoint(db, SAVEPOINT_RELEASE, index);
    if (op == SAVEPOINT_ROLLBACK) {
        if (db->schema_changed) { // by this statement or one before it
            vm_expire_all(db, false);
            schema_reset(db, -1);
        }
        db->deferred_violations = vm->deferred_at_start;
        db->deferred_immediate = vm->deferred_immediate_at_start;
    }
    return rc;
}

// --- the decision ---

// Errors that may have left the pages of the transaction half changed, or will come again.
static bool error_is_severe(int rc)
{
    int primary = rc & 0xff;
    return primary == SQLITE_NOMEM || primary == SQLITE_IOERR || primary == SQLITE_INTERRUPT
           || primary == SQLITE_FULL;
}

static bool run_succeeds(const Vm *vm, bool severe)
{
    ASSERT(severe == error_is_severe(vm->rc));

    return vm->rc == SQLITE_OK || (vm->error_action == ON_CONFLICT_FAIL && !severe);
}

// What an error of storage does at once. Returns the savepoint operation still to do, or -1.
static int halt_severe(Vm *vm)
{
    ASSERT(error_is_severe(vm->rc));

    int primary = vm->rc & 0xff;
    if (vm->is_read_only && primary == SQLITE_INTERRUPT)
        return -1;
    if ((primary == SQLITE_NOMEM || primary == SQLITE_FULL) && vm->wants_journal
        && !vm->db->autocommit)
        return SAVEPOINT_ROLLBACK;
    transaction_abandon(vm);
    return -1;
}

// A read that fails gives its snapshot back as well, or the next statement would see it again.
static void abandon_now(Vm *vm)
{
    ASSERT(vm->rc != SQLITE_OK);

    connection_rollback_all(vm->db, SQLITE_OK);
    vm->changes = 0;
    if (vm->db->reading_statements <= 1)
        reads_end(vm->db, UINT32_MAX);
}

// Autocommit, and no other statement writes. false: BUSY, the statement stays as it is.
static bool halt_autocommit(Vm *vm, bool severe)
{
    ASSERT(vm->db->autocommit);

    sqlite3 *db = vm->db;
    int rc = vm->rc;
    if (run_succeeds(vm, severe)) {
        rc = vm_check_foreign_keys(vm, true);
        if (rc == SQLITE_OK)
            rc = commit_now(vm);
        if (rc == SQLITE_BUSY && vm->is_read_only) {
            vm->rc = rc;
            return false;
        }
        if (rc == SQLITE_OK) {
            db->deferred_violations = 0;
            db->deferred_immediate = 0;
            db->flags &= ~CONN_FLAG(DEFER_FOREIGN_KEYS);
            db->schema_changed = false;
        } else {
            vm->rc = rc;
            abandon_now(vm);
        }
    } else if (rc == SQLITE_SCHEMA && db->active_statements > 1) {
        vm->changes = 0;
    } else {
        abandon_now(vm);
    }
    db->statement_count = 0;
    vm->savepoint_number = 0;
    return true;
}

static int halt_inside_transaction(Vm *vm)
{
    if (vm->rc == SQLITE_OK || vm->error_action == ON_CONFLICT_FAIL)
        return SAVEPOINT_RELEASE;
    // What was thought not to fail did, on a limit for instance: half a statement may not stay. (It
    // does where a value did not fit a STRICT table, as in SQLite, with and without triggers.)
    bool is_half_done =
        vm->trusts_triggers && vm->changes > 0 && vm->rc != SQLITE_CONSTRAINT_DATATYPE;
    if (vm->error_action == ON_CONFLICT_ABORT && !is_half_done)
        return SAVEPOINT_ROLLBACK;
    ASSERT(vm->rc != SQLITE_OK);
    transaction_abandon(vm);
    return -1;
}

// A savepoint that cannot be ended leaves the pages in doubt: all is undone. The error of the
// statement is kept unless it is a constraint's, which says less than what now went wrong.
static void halt_statement(Vm *vm, int op)
{
    ASSERT(op == SAVEPOINT_ROLLBACK || op == SAVEPOINT_RELEASE);

    int rc = vm_end_statement(vm, op);
    if (rc == SQLITE_OK)
        return;
    if (vm->rc == SQLITE_OK || (vm->rc & 0xff) == SQLITE_CONSTRAINT) {
        vm->rc = rc;
        mem_free(vm->error_message);
        vm->error_message = NULL;
    }
    transaction_abandon(vm);
}

// false: the commit met a lock, and the statement stays RUNNING to try again.
static bool halt_transaction(Vm *vm)
{
    ASSERT(vm->is_reader);

    sqlite3 *db = vm->db;
    bool severe = error_is_severe(vm->rc);
    int op = severe ? halt_severe(vm) : -1;
    if (run_succeeds(vm, severe))
        (void)vm_check_foreign_keys(vm, false);

    int own_write = vm->is_counted_writing ? 1 : 0;
    if (db->autocommit && db->writing_statements == own_write && !db->is_syncing_vtabs
        && !db->is_in_precommit) {
        if (!halt_autocommit(vm, severe))
            return false;
        op = -1;
    } else if (op < 0 && !(severe && db->autocommit)) {
        op = halt_inside_transaction(vm);
    }
    if (op >= 0)
        halt_statement(vm, op);
    if (vm->counts_changes) {
        connection_set_changes(db, op == SAVEPOINT_ROLLBACK ? 0 : vm->changes);
        vm->changes = 0;
    }
    return true;
}

void connection_set_changes(sqlite3 *db, i64 changes)
{
    ASSERT(changes >= 0);

    db->changes = changes;
    db->total_changes += changes;
}

void vm_halt(Vm *vm)
{
    if (vm->state != VM_RUNNING)
        return;
    sqlite3 *db = vm->db;
    if (db->out_of_memory)
        vm->rc = SQLITE_NOMEM;
    frames_unwind(vm);
    vm_close_cursors(vm);
    aux_data_clear(&vm->aux_data, -1, 0);
    if (vm->explain != EXPLAIN_NONE) {
        vm->state = VM_HALTED;
        return;
    }
    ASSERT(vm->frame == NULL);
    if (vm->is_reader && !halt_transaction(vm))
        return;                        // BUSY
    ASSERT(db->active_statements > 0); // M4: this one
    db->active_statements--;
    db->reading_statements -= vm->is_counted_reading;
    db->writing_statements -= vm->is_counted_writing;
    vm->is_counted_reading = vm->is_counted_writing = false;
    vm->savepoint_number = 0; // ended, or gone with a transaction that a failure inside ended
    vm->state = VM_HALTED;
    if (db->out_of_memory)
        vm->rc = SQLITE_NOMEM;
    ASSERT(db->active_statements >= db->reading_statements);
    ASSERT(db->reading_statements >= 0 && db->writing_statements >= 0);
    if (UNLIKELY(db->shares_btrees) && db->autocommit)
        unlock_announce(db);
}
