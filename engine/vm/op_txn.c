// Instructions on transactions, savepoints, meta fields and the file.
//
// COMMIT, ROLLBACK and the RELEASE that commits are statements like others: they set autocommit and
// end their run, and the end of a run in autocommit is the commit (vm_halt.c). When that meets a
// lock, autocommit is put back and the statement waits at its instruction for the next step.
//
// Savepoints have numbers, 0 the outermost; the B-trees know them by their numbers only. The
// statement's own savepoint (vm_begin_statement) has the number after all named ones.
#include "base/error.h"
#include "vm/vm_priv.h"
#include <string.h>

// Ends the statement from inside an instruction: COMMIT, ROLLBACK, RELEASE. When a lock is in the
// way, autocommit becomes what it was before, so that the statement may be stepped again.
static int leave_run(Vm *vm, bool autocommit_if_busy)
{
    ASSERT(vm->frame == NULL);

    vm_halt(vm);
    if (vm->state == VM_RUNNING) { // BUSY
        vm->db->autocommit = autocommit_if_busy;
        vm->is_waiting = true;
    }
    return VM_LEAVE;
}

// --- BEGIN, COMMIT, ROLLBACK ---

static int autocommit_refused(Vm *vm, bool begins, bool rolls_back)
{
    ASSERT(!(begins && rolls_back));

    const char *why = begins       ? "cannot start a transaction within a transaction"
                      : rolls_back ? "cannot rollback - no transaction is active"
                                   : "cannot commit - no transaction is active";
    return vm_error(vm, SQLITE_ERROR, "%s", why);
}

int op_autocommit(Vm *vm, const Instr *in)
{
    ASSERT(vm->frame == NULL);          // no trigger holds such statements
    ASSERT(in->p2 == 0 || in->p1 != 0); // ROLLBACK turns autocommit on

    sqlite3 *db = vm->db;
    bool wanted = in->p1 != 0;
    bool rolls_back = in->p2 != 0;
    if (wanted == db->autocommit)
        return autocommit_refused(vm, !wanted, rolls_back);
    if (rolls_back) {
        connection_rollback_all(db, SQLITE_ABORT_ROLLBACK);
        db->autocommit = true;
    } else if (wanted && db->writing_statements > 0) {
        return vm_error(vm, SQLITE_BUSY, "cannot commit transaction - SQL statements in progress");
    } else {
        TRY(vm_check_foreign_keys(vm, true));
        db->autocommit = wanted;
    }
    int left = leave_run(vm, !wanted);
    if (vm->state != VM_RUNNING)
        savepoints_close(db);
    return left;
}

// --- SAVEPOINT, RELEASE, ROLLBACK TO ---

// The B-trees open theirs when they first write (write_begin): a savepoint of a transaction that
// only reads costs nothing.
static int savepoint_begin(Vm *vm, const char *name)
{
    ASSERT(name != NULL);

    sqlite3 *db = vm->db;
    ASSERT((db->savepoints == NULL) == (db->savepoint_count == 0));

    if (db->writing_statements > 0)
        return vm_error(vm, SQLITE_BUSY, "cannot open savepoint - SQL statements in progress");
    TRY(vtab_savepoint(db, SAVEPOINT_BEGIN, db->savepoint_count + db->statement_count));
    size_t size = strlen(name);
    Savepoint *s = mem_alloc_zeroed(sizeof *s + size + 1);
    if (s == NULL)
        return SQLITE_NOMEM;
    s->name = (char *)(s + 1);
    memcpy(s->name, name, size + 1);
    s->outer = db->savepoints;
    s->deferred_violations = db->deferred_violations;
    s->immediate_violations = db->deferred_immediate;
    db->savepoints = s;
    db->savepoint_count++;
    // The outermost savepoint of a connection that is in no transaction begins one, which its
    // RELEASE commits.
    if (db->autocommit) {
        db->autocommit = false;
        db->is_transaction_savepoint = true;
    }
    return SQLITE_OK;
}

// Innermost savepoint of that name. *index: its number, 0 the outermost.
static Savepoint *savepoint_find(sqlite3 *db, const char *name, int *index)
{
    ASSERT(name != NULL && db->savepoint_count >= 0);

    int i = db->savepoint_count - 1;
    for (Savepoint *s = db->savepoints; s != NULL; s = s->outer, i--) {
        if (name_equals(s->name, name)) {
            *index = i;
            return s;
        }
    }
    ASSERT(i == -1); // the count is the length of the list
    return NULL;
}

static void savepoint_pop(sqlite3 *db)
{
    Savepoint *s = db->savepoints;
    ASSERT(s != NULL && db->savepoint_count > 0);
    db->savepoints = s->outer;
    db->savepoint_count--;
    mem_free(s);
}

static int savepoint_apply(Vm *vm, int op, int index)
{
    ASSERT(op == SAVEPOINT_ROLLBACK || op == SAVEPOINT_RELEASE);
    ASSERT(index >= 0 && index < vm->db->savepoint_count);

    sqlite3 *db = vm->db;
    // Running queries cannot go on when the schema they were made for may be undone.
    for (int i = 0; op == SAVEPOINT_ROLLBACK && db->schema_changed && i < db->database_count; i++) {
        if (db->databases[i].btree != NULL)
            btree_trip_cursors(db->databases[i].btree, SQLITE_ABORT_ROLLBACK);
    }
    for (int i = 0; i < db->database_count; i++) {
        Btree *bt = db->databases[i].btree;
        if (bt != NULL && btree_txn_state(bt) == SQLITE_TXN_WRITE)
            TRY(btree_savepoint(bt, op, (u32)index));
    }
    if (op == SAVEPOINT_ROLLBACK && db->schema_changed) {
        vm_expire_all(db, false);
        schema_reset(db, -1);
    }
    return SQLITE_OK;
}

// RELEASE of the savepoint that began the transaction.
static int savepoint_commit(Vm *vm)
{
    ASSERT(vm->db->is_transaction_savepoint);

    sqlite3 *db = vm->db;
    TRY(vm_check_foreign_keys(vm, true));
    db->autocommit = true;
    int left = leave_run(vm, false);
    if (vm->state == VM_RUNNING)
        return left;
    if (vm->rc != SQLITE_OK)
        db->autocommit = db->savepoints == NULL;
    else
        savepoints_close(db);
    return left;
}

int op_savepoint(Vm *vm, const Instr *in)
{
    ASSERT(vm->frame == NULL);
    ASSERT(in->p1 >= SAVEPOINT_BEGIN && in->p1 <= SAVEPOINT_ROLLBACK);
    ASSERT(in->p4_kind == P4_TEXT);

    sqlite3 *db = vm->db;
    const char *name = in->p4.text;
    int op = in->p1;
    if (op == SAVEPOINT_BEGIN)
        return savepoint_begin(vm, name);
    int index = 0;
    Savepoint *found = savepoint_find(db, name, &index);
    if (found == NULL)
        return vm_error(vm, SQLITE_ERROR, "no such savepoint: %s", name);
    if (db->writing_statements > 0 && op == SAVEPOINT_RELEASE)
        return vm_error(vm, SQLITE_BUSY, "cannot release savepoint - SQL statements in progress");
    bool is_transaction = found->outer == NULL && db->is_transaction_savepoint;
    if (is_transaction && op == SAVEPOINT_RELEASE)
        return savepoint_commit(vm);
    TRY(savepoint_apply(vm, op, index));
    while (db->savepoints != found)
        savepoint_pop(db);
    if (op == SAVEPOINT_ROLLBACK) {
        db->deferred_violations = found->deferred_violations;
        db->deferred_immediate = found->immediate_violations;
    } else {
        savepoint_pop(db);
    }
    return vtab_savepoint(db, op, index);
}

// --- beginning to read and write ---

COLD static int transaction_failed(Vm *vm, int rc)
{
    ASSERT(rc != SQLITE_OK);

    if ((rc & 0xff) != SQLITE_BUSY)
        return rc;
    vm->rc = rc; // the next step tries again from here
    vm->is_waiting = true;
    return VM_LEAVE;
}

// Another connection, or this one in a rolled back transaction, changed the schema after the
// statement was compiled. Only a cookie that differs from what is loaded throws the schema away.
COLD static int schema_is_stale(Vm *vm, int database, u32 cookie)
{
    ASSERT(vm->db->databases[database].schema != NULL);

    sqlite3 *db = vm->db;
    vm_error(vm, SQLITE_SCHEMA, "database schema has changed");
    if (db->databases[database].schema->cookie != cookie)
        schema_reset(db, database);
    vm->expired = true;
    vm->counts_changes = false;
    return SQLITE_SCHEMA;
}

// The statement's own savepoint.
static int write_begin(Vm *vm, Btree *bt)
{
    ASSERT(btree_txn_state(bt) == SQLITE_TXN_WRITE);

    // Alone in autocommit, a failure may roll back everything: no savepoint is needed.
    bool alone = vm->db->autocommit && vm->db->reading_statements <= 1;
    return vm->wants_journal && !alone ? vm_begin_statement(vm, bt) : SQLITE_OK;
}

int op_transaction(Vm *vm, const Instr *in)
{
    ASSERT(in->p2 >= BTREE_READ && in->p2 <= BTREE_EXCLUSIVE);
    ASSERT(vm->is_reader);

    sqlite3 *db = vm->db;
    Database *database = &db->databases[in->p1];
    ASSERT(in->p1 >= 0 && in->p1 < db->database_count);

    if (in->p2 != 0 && (db->flags & CONN_FLAG(QUERY_ONLY)))
        return SQLITE_READONLY;
    if (UNLIKELY(database->btree == NULL))
        return SQLITE_OK; // temp, not opened yet
    u32 cookie = 0;
    int rc = btree_begin(database->btree, (TxnKind)in->p2, &cookie);
    if (UNLIKELY(rc != SQLITE_OK))
        return transaction_failed(vm, rc);
    if (in->p2 != 0 && db->savepoint_count > 0)
        TRY(btree_savepoint_open(database->btree, (u32)db->savepoint_count));
    // Before the statement's savepoint is opened: a module that runs the statement would be told
    // of a rollback, and forget what it is about to write.
    if (in->p5 != 0 && (cookie != (u32)in->p3 || database->schema->generation != (u32)in->p4.i))
        return schema_is_stale(vm, in->p1, cookie);
    return in->p2 != 0 ? write_begin(vm, database->btree) : SQLITE_OK;
}

int op_table_lock(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 < vm->db->database_count);
    ASSERT(in->p2 > 0);

    sqlite3 *db = vm->db;
    if (in->p3 == 0 && (db->flags & CONN_FLAG(READ_UNCOMMITTED)) != 0)
        return SQLITE_OK;
    int rc = btree_lock_tree(db->databases[in->p1].btree, (Pgno)in->p2, in->p3 != 0);
    if ((rc & 0xff) == SQLITE_LOCKED)
        vm_error(vm, rc, "database table is locked: %s", in->p4.text);
    return rc;
}

int op_read_cookie(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 < vm->db->database_count);
    ASSERT(vm->db->databases[in->p1].btree != NULL);

    u32 value = 0;
    btree_get_meta(vm->db->databases[in->p1].btree, in->p3, &value);
    value_set_i64(reg_out(vm, in->p2), (i32)value);
    return SQLITE_OK;
}

int op_set_cookie(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 < vm->db->database_count);

    sqlite3 *db = vm->db;
    Database *database = &db->databases[in->p1];
    ASSERT(btree_txn_state(database->btree) == SQLITE_TXN_WRITE);

    TRY(btree_set_meta(database->btree, in->p2, (u32)in->p3));
    if (in->p2 == META_SCHEMA_VERSION) {
        database->schema->cookie = (u32)in->p3 - in->p5;
        db->schema_changed = true;
    } else if (in->p2 == META_FILE_FORMAT) {
        database->schema->file_format = (u8)in->p3;
    }
    if (in->p1 == DB_TEMP) { // statements hold no cookie of the temporary schema
        vm_expire_all(db, false);
        vm->expired = false;
    }
    return SQLITE_OK;
}

int op_expire(Vm *vm, const Instr *in)
{
    ASSERT(vm->state == VM_RUNNING);

    if (in->p1 == 0)
        vm_expire_all(vm->db, in->p2 != 0);
    else if (in->p2 != 0)
        vm->expire_at_reset = true;
    else
        vm->expired = true;
    return SQLITE_OK;
}

// --- foreign-key counters ---

int op_fk_check(Vm *vm, const Instr *in)
{
    (void)in;
    return vm_check_foreign_keys(vm, false);
}

int op_fk_counter(Vm *vm, const Instr *in)
{
    ASSERT(in->op == OP_FkCounter || in->op == OP_FkIfZero);

    sqlite3 *db = vm->db;
    if (in->op == OP_FkIfZero) {
        i64 violations = in->p1 != 0 ? db->deferred_violations : vm->immediate_violations;
        return violations == 0 && db->deferred_immediate == 0 ? VM_JUMP : SQLITE_OK;
    }
    if (db->flags & CONN_FLAG(DEFER_FOREIGN_KEYS))
        db->deferred_immediate += in->p2;
    else if (in->p1 != 0)
        db->deferred_violations += in->p2;
    else
        vm->immediate_violations += in->p2;
    return SQLITE_OK;
}

// --- the file ---

int op_page_count(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 < vm->db->database_count);

    Btree *bt = vm->db->databases[in->p1].btree;
    value_set_i64(reg_out(vm, in->p2), bt == NULL ? 0 : btree_page_count(bt));
    return SQLITE_OK;
}

int op_max_page_count(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 < vm->db->database_count);

    Btree *bt = vm->db->databases[in->p1].btree;
    Pgno limit = 0;
    // Never below what the database has already; 0 only asks.
    if (in->p3 != 0) {
        limit = btree_page_count(bt);
        if (limit < (Pgno)in->p3)
            limit = (Pgno)in->p3;
    }
    value_set_i64(reg_out(vm, in->p2), pager_max_page_count(btree_pager(bt), limit));
    return SQLITE_OK;
}

int op_checkpoint(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 <= DATABASE_MAX);

    sqlite3 *db = vm->db;
    int log = -1, copied = -1;
    int rc = SQLITE_OK;
    bool busy = false;
    for (int i = 0; i < db->database_count && rc == SQLITE_OK; i++) {
        Btree *bt = db->databases[i].btree;
        if (bt == NULL || (in->p1 < db->database_count && in->p1 != i))
            continue;
        if (btree_txn_state(bt) == SQLITE_TXN_WRITE)
            return SQLITE_LOCKED;
        rc = pager_checkpoint(btree_pager(bt), in->p2, &log, &copied);
        if (rc == SQLITE_BUSY) {
            busy = true;
            rc = SQLITE_OK;
        }
    }
    // Busy is an answer, not a failure: as much as could be was copied.
    TRY(rc);
    value_set_i64(reg_out(vm, in->p3), busy);
    value_set_i64(reg_out(vm, in->p3 + 1), log);
    value_set_i64(reg_out(vm, in->p3 + 2), copied);
    return SQLITE_OK;
}

// By JournalMode.
static const char *const journal_mode_names[] = {"delete",   "persist", "off",
                                                 "truncate", "memory",  "wal"};

// Into or out of WAL the file header changes too, which needs a transaction of its own.
static int journal_mode_wal(Vm *vm, Btree *bt, JournalMode old, JournalMode wanted)
{
    sqlite3 *db = vm->db;
    Pager *pager = btree_pager(bt);
    ASSERT(old != wanted);
    ASSERT(old == JOURNAL_WAL || wanted == JOURNAL_WAL);

    if (!db->autocommit || db->reading_statements > 1)
        return vm_error(vm, SQLITE_ERROR, "cannot change %s wal mode from within a transaction",
                        wanted == JOURNAL_WAL ? "into" : "out of");
    if (old == JOURNAL_WAL) {
        int rc = pager_close_wal(pager);
        JournalMode reached;
        if (rc == SQLITE_OK)
            rc = pager_set_journal_mode(pager, wanted, &reached);
        TRY(rc);
    } else if (old == JOURNAL_MEMORY) {
        JournalMode reached; // the header is changed under a real journal
        TRY(pager_set_journal_mode(pager, JOURNAL_OFF, &reached));
    }
    return btree_set_file_version(bt, wanted == JOURNAL_WAL ? 2 : 1);
}

// A database whose log was only announced has not been opened yet: its true mode is not known
// before.
static int journal_mode_change(Vm *vm, Btree *bt, JournalMode wanted, JournalMode *reached)
{
    ASSERT(wanted >= JOURNAL_DELETE && wanted <= JOURNAL_WAL);

    Pager *pager = btree_pager(bt);
    if (pager_log_is_announced(pager) && vm->db->autocommit) {
        TRY(btree_begin(bt, BTREE_READ, NULL)); // opens it
        TRY(btree_commit(bt));
    }
    JournalMode old = pager_journal_mode(pager);
    *reached = old;
    if (wanted == old)
        return SQLITE_OK;
    bool is_file = pager_path(pager)[0] != 0 && !pager_is_memory(pager);
    // Asked for what cannot be, SQLite answers with the mode that stays, and no error.
    if (wanted == JOURNAL_WAL && (!is_file || !pager_wal_supported(pager)))
        return SQLITE_OK;
    if (wanted == JOURNAL_WAL || old == JOURNAL_WAL) {
        int rc = journal_mode_wal(vm, bt, old, wanted);
        if (rc != SQLITE_OK)
            return rc;
    }
    if (wanted == JOURNAL_WAL) { // the log is opened by the next transaction
        pager_announce_log(pager);
        *reached = JOURNAL_WAL;
        return SQLITE_OK;
    }
    return pager_set_journal_mode(pager, wanted, reached);
}

int op_journal_mode(Vm *vm, const Instr *in)
{
    ASSERT(in->p3 < (int)ARRAY_LEN(journal_mode_names));

    Btree *bt = vm->db->databases[in->p1].btree;
    JournalMode reached = JOURNAL_DELETE;
    if (bt != NULL) {
        reached = pager_journal_mode(btree_pager(bt));
        if (in->p3 >= 0)
            TRY(journal_mode_change(vm, bt, (JournalMode)in->p3, &reached));
    }
    const char *name = journal_mode_names[reached];
    Value *out = reg_out(vm, in->p2);
    TRY(value_set_text(out, name, strlen(name), SQLITE_UTF8, BYTES_STATIC));
    return value_change_encoding(out, vm->db->encoding);
}

int op_vacuum(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 < vm->db->database_count);

    char *message = NULL;
    Value *into = in->p2 == 0 ? NULL : &vm->registers[in->p2];
    int rc = vm_hooks()->vacuum(vm->db, in->p1, into, &message);
    if (rc != SQLITE_OK && message != NULL)
        vm_error(vm, rc, "%s", message);
    mem_free(message);
    return rc;
}

int op_incremental_vacuum(Vm *vm, const Instr *in)
{
    ASSERT(btree_txn_state(vm->db->databases[in->p1].btree) == SQLITE_TXN_WRITE);

    int rc = btree_incremental_vacuum(vm->db->databases[in->p1].btree);
    return rc == SQLITE_DONE ? VM_JUMP : rc;
}
