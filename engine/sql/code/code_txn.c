// BEGIN, COMMIT, ROLLBACK and savepoints.
//
//     BEGIN               AutoCommit 0
//     BEGIN IMMEDIATE     Transaction for every database;  AutoCommit 0
//     COMMIT, ROLLBACK    AutoCommit 1
//
// The transactions of BEGIN IMMEDIATE are the body's own business (lock_mask), not the start-up
// part's: no schema has been looked at that could have changed.

#include "sql/code/statements.h"

// SQLITE_IGNORE counts as a refusal: there is no half-way.
static bool authorize_transaction(Codegen *g, int action, const char *word, const char *name)
{
    bool allowed = resolve_authorize(g->db, action, word, name, NULL) == SQLITE_OK;
    if (!allowed)
        codegen_fail(g, SQLITE_AUTH);
    return allowed;
}

void code_begin(Codegen *g, TxnMode mode)
{
    ASSERT(mode >= TXN_DEFERRED && mode <= TXN_CONCURRENT);

    if (mode == TXN_CONCURRENT) {
        codegen_error(g, SQLITE_ERROR, "BEGIN CONCURRENT is not supported in this version");
        return;
    }
    if (!authorize_transaction(g, SQLITE_TRANSACTION, "BEGIN", NULL))
        return;
    for (int i = 0; mode != TXN_DEFERRED && i < g->db->database_count; i++) {
        Btree *bt = g->db->databases[i].btree;
        if (bt == NULL)
            continue;
        // On a file that cannot be written, IMMEDIATE and EXCLUSIVE begin a reading transaction.
        // Kinds of OP_Transaction: 0 reads, 1 writes, 2 keeps readers out.
        int kind = btree_is_read_only(bt) ? 0 : mode == TXN_EXCLUSIVE ? 2 : 1;
        program_emit(g->program, OP_Transaction, i, kind, 0);
        codegen_top(g)->lock_mask |= 1u << i;
        if (kind != 0)
            codegen_top(g)->write_lock_mask |= 1u << i;
    }
    program_emit(g->program, OP_AutoCommit, 0, 0, 0);
}

void code_commit(Codegen *g)
{
    if (authorize_transaction(g, SQLITE_TRANSACTION, "COMMIT", NULL))
        program_emit(g->program, OP_AutoCommit, 1, 0, 0);
}

void code_rollback(Codegen *g)
{
    if (authorize_transaction(g, SQLITE_TRANSACTION, "ROLLBACK", NULL))
        program_emit(g->program, OP_AutoCommit, 1, 1, 0);
}

void code_savepoint(Codegen *g, int op, const char *name)
{
    static const char *const words[] = {"BEGIN", "RELEASE", "ROLLBACK"};
    ASSERT(op >= SAVEPOINT_BEGIN && op <= SAVEPOINT_ROLLBACK);

    if (authorize_transaction(g, SQLITE_SAVEPOINT, words[op], name))
        program_emit_text(g->program, OP_Savepoint, op, 0, 0, name, -1);
}
