// BEGIN, COMMIT, ROLLBACK and savepoints.

#include "sql/code/statements.h"

void code_begin(Codegen *g, TxnMode mode)
{
    if (mode == TXN_CONCURRENT) {
        codegen_error(g, SQLITE_ERROR, "BEGIN CONCURRENT is not supported in this version");
        return;
    }
    if (resolve_authorize(g->db, SQLITE_TRANSACTION, "BEGIN", NULL, NULL) != SQLITE_OK) {
        codegen_fail(g, SQLITE_AUTH);
        return;
    }
    for (int i = 0; mode != TXN_DEFERRED && i < g->db->database_count; i++) {
        Btree *bt = g->db->databases[i].btree;
        if (bt == NULL)
            continue;
        // On a file that cannot be written, IMMEDIATE and EXCLUSIVE begin a reading transaction.
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
    if (resolve_authorize(g->db, SQLITE_TRANSACTION, "COMMIT", NULL, NULL) != SQLITE_OK)
        codegen_fail(g, SQLITE_AUTH);
    program_emit(g->program, OP_AutoCommit, 1, 0, 0);
}

void code_rollback(Codegen *g)
{
    if (resolve_authorize(g->db, SQLITE_TRANSACTION, "ROLLBACK", NULL, NULL) != SQLITE_OK)
        codegen_fail(g, SQLITE_AUTH);
    program_emit(g->program, OP_AutoCommit, 1, 1, 0);
}

void code_savepoint(Codegen *g, int op, const char *name)
{
    static const char *const words[] = {"BEGIN", "RELEASE", "ROLLBACK"};
    ASSERT(op >= SAVEPOINT_BEGIN && op <= SAVEPOINT_ROLLBACK);

    if (resolve_authorize(g->db, SQLITE_SAVEPOINT, words[op], name, NULL) != SQLITE_OK)
        codegen_fail(g, SQLITE_AUTH);
    program_emit_text(g->program, OP_Savepoint, op, 0, 0, name, -1);
}
