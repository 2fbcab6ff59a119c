// The part of virtual tables in transactions and savepoints (T3 of vtab.h).
//
// The participants of the running transaction are a list on the connection: a module joins it with
// its first write (vtab_begin) and all leave together (end_all). Whoever walks the list calls
// foreign code, which may end the transaction and the list with it, so that nothing of the list is
// held over a call but the instance itself (T5).

#include "base/alloc.h"
#include "vtab/vtab_internal.h"

// Tables without xBegin have no transactions.
static bool takes_part(const sqlite3 *db, const VirtualTable *instance)
{
    for (int i = 0; i < db->vtab_transaction_count; i++) {
        if (db->vtab_transactions[i] == instance)
            return true;
    }
    return false;
}

// One at a time: transactions with more than a few virtual tables are rare.
int vtab_reserve_participant(sqlite3 *db)
{
    ASSERT(db->vtab_transaction_count >= 0);

    u64 size = sizeof(VirtualTable *) * (u64)(db->vtab_transaction_count + 1);
    VirtualTable **grown = mem_realloc(db->vtab_transactions, size);
    if (grown == NULL)
        return connection_out_of_memory(db);
    db->vtab_transactions = grown;
    return SQLITE_OK;
}

void vtab_add_participant(sqlite3 *db, VirtualTable *instance)
{
    ASSERT(db->vtab_transactions != NULL); // reserved
    ASSERT(!takes_part(db, instance));

    db->vtab_transactions[db->vtab_transaction_count++] = instance;
    vtab_ref(instance);
}

// Once in a transaction for each table that is written.
int vtab_begin(sqlite3 *db, VirtualTable *instance)
{
    ASSERT(instance->db == db);

    if (db->is_syncing_vtabs)
        return connection_error_plain(db, SQLITE_LOCKED);
    const sqlite3_module *methods = instance->module->methods;
    if (methods->xBegin == NULL || takes_part(db, instance))
        return SQLITE_OK;
    TRY(vtab_reserve_participant(db)); // room first: nothing may fail behind xBegin
    int rc = methods->xBegin(instance->vtab);
    if (rc != SQLITE_OK)
        return vtab_take_error(db, instance->vtab, rc);
    vtab_add_participant(db, instance);
    int depth = db->savepoint_count + db->statement_count;
    if (depth == 0 || methods->iVersion < 2 || methods->xSavepoint == NULL)
        return SQLITE_OK;
    // It joins inside savepoints that it was not told of: the innermost one is told now, which
    // covers the outer ones.
    instance->savepoint = (u32)depth;
    return vtab_take_error(db, instance->vtab, methods->xSavepoint(instance->vtab, depth - 1));
}

// A statement of the module's own that fails may roll everything back, which empties the list: the
// table is held until its call has returned.
int vtab_sync(sqlite3 *db)
{
    ASSERT(!db->is_syncing_vtabs);

    int rc = SQLITE_OK;
    db->is_syncing_vtabs = true;
    for (int i = 0; i < db->vtab_transaction_count && rc == SQLITE_OK; i++) {
        VirtualTable *instance = db->vtab_transactions[i];
        const sqlite3_module *methods = instance->module->methods;
        vtab_ref(instance);
        if (instance->vtab != NULL && methods->xSync != NULL)
            rc = vtab_take_error(db, instance->vtab, methods->xSync(instance->vtab));
        vtab_unref(instance);
    }
    db->is_syncing_vtabs = false;
    return rc;
}

// The list is taken away first: a module's callback may begin anew.
static void end_all(sqlite3 *db, bool commit)
{
    VirtualTable **list = db->vtab_transactions;
    int count = db->vtab_transaction_count;
    db->vtab_transactions = NULL;
    db->vtab_transaction_count = 0;
    for (int i = 0; i < count; i++) {
        VirtualTable *instance = list[i];
        const sqlite3_module *methods = instance->module->methods;
        int (*end)(sqlite3_vtab *) = commit ? methods->xCommit : methods->xRollback;
        if (instance->vtab != NULL && end != NULL)
            (void)end(instance->vtab);
        instance->savepoint = 0;
        vtab_unref(instance);
    }
    mem_free(list);
}

// Its result has nobody to hear it: the transaction is over.
void vtab_commit(sqlite3 *db)
{
    end_all(db, true);
}

// As vtab_commit().
void vtab_rollback(sqlite3 *db)
{
    end_all(db, false);
}

// xSavepoint is called with the number of the savepoint; the two that end it only if the module was
// told of it or of an outer one, which it may have joined the transaction too late for.
static int savepoint_one(VirtualTable *instance, int op, int index)
{
    ASSERT(instance->module->methods->iVersion >= 2);
    ASSERT(index >= 0);
    ASSERT(op >= SAVEPOINT_BEGIN && op <= SAVEPOINT_ROLLBACK);

    const sqlite3_module *methods = instance->module->methods;
    int (*call)(sqlite3_vtab *, int) = methods->xSavepoint;
    if (op == SAVEPOINT_BEGIN)
        instance->savepoint = (u32)index + 1;
    else
        call = op == SAVEPOINT_ROLLBACK ? methods->xRollbackTo : methods->xRelease;
    if (call == NULL || instance->savepoint <= (u32)index)
        return SQLITE_OK;
    return call(instance->vtab, index);
}

// Modules without savepoints are passed over.
int vtab_savepoint(sqlite3 *db, int op, int index)
{
    ASSERT(op >= SAVEPOINT_BEGIN && op <= SAVEPOINT_ROLLBACK);

    int rc = SQLITE_OK;
    for (int i = 0; i < db->vtab_transaction_count && rc == SQLITE_OK; i++) {
        VirtualTable *instance = db->vtab_transactions[i];
        if (instance->vtab == NULL || instance->module->methods->iVersion < 2)
            continue;
        vtab_ref(instance);
        db->module_calls++;
        int called = savepoint_one(instance, op, index);
        db->module_calls--;
        rc = vtab_take_error(db, instance->vtab, called);
        vtab_unref(instance);
    }
    return rc;
}
