// VACUUM [INTO]: the program is one instruction; vacuum.c does the work.

#include "sql/code/statements.h"

void code_vacuum(Codegen *g, Stmt *stmt)
{
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
