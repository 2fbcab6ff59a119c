// VACUUM [INTO]: the program is one instruction; vacuum_run.c does the work. The temporary database
// is left alone, as in SQLite.

#include "sql/code/statements.h"

void code_vacuum(Codegen *g, Stmt *stmt)
{
    ASSERT(stmt->kind == STMT_VACUUM);

    int database = DB_MAIN;
    if (stmt->u.vacuum.schema != NULL) {
        database = connection_find_database(g->db, stmt->u.vacuum.schema);
        if (database < 0) {
            codegen_error(g, SQLITE_ERROR, "unknown database %s", stmt->u.vacuum.schema);
            return;
        }
    }
    if (database == DB_TEMP)
        return;
    Reg into = 0;
    if (stmt->u.vacuum.into != NULL) {
        into = reg_new(g);
        code_expr_copy(g, stmt->u.vacuum.into, into);
    }
    g->changes_state = true;
    program_emit(g->program, OP_Vacuum, database, into, 0);
}
