// Instructions on schema objects, and the integrity check.
//
// The schema in memory follows what was written to sqlite_schema: after CREATE the new rows are
// read back and compiled, after DROP the object is taken out. A rollback undoes neither; it resets
// the schema instead (db->schema_changed).
#include "base/error.h"
#include "vm/vm_priv.h"
#include <string.h>

// An error that a layer set on the connection becomes the run's own.
int vm_take_error(Vm *vm, int rc)
{
    ASSERT(rc >= 0);

    sqlite3 *db = vm->db;
    if (rc == SQLITE_OK || rc == SQLITE_NOMEM)
        return rc;
    if (db->error_message == NULL || value_is_null(db->error_message))
        return rc;
    const char *text = value_text(db->error_message, SQLITE_UTF8);
    return text == NULL ? rc : vm_error(vm, rc, "%s", text);
}

int op_parse_schema(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 < vm->db->database_count);

    sqlite3 *db = vm->db;
    int rc;
    ASSERT(db->compile_locks >= 0);
    // A module's xConnect, called for a statement being compiled, that runs ALTER TABLE.
    if (in->p4_kind == P4_NONE && db->compile_locks > 0)
        return vm_error(vm, SQLITE_LOCKED, "database table is locked");
    if (in->p4_kind == P4_NONE) {
        schema_clear(db->databases[in->p1].schema);
        rc = schema_load(db, in->p1);
        db->schema_changed = true;
        vm->expired = false;
    } else {
        rc = vm_hooks()->parse_schema(db, in->p1, in->p4.text);
        if (rc == SQLITE_OK)
            rc = connection_tell_commits(db);
    }
    if (rc != SQLITE_OK)
        schema_reset(db, -1);
    return vm_take_error(vm, rc);
}

int op_load_analysis(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 < vm->db->database_count);

    return vm_take_error(vm, statistics_load(vm->db, in->p1));
}

int op_drop_object(Vm *vm, const Instr *in)
{
    ASSERT(in->op == OP_DropTable || in->op == OP_DropIndex || in->op == OP_DropTrigger);
    ASSERT(vm->db->databases[in->p1].schema != NULL);
    ASSERT(in->p4_kind == P4_TEXT);

    Schema *schema = vm->db->databases[in->p1].schema;
    switch (in->op) {
    case OP_DropTable: schema_remove_table(schema, in->p4.text); break;
    case OP_DropIndex: schema_remove_index(schema, in->p4.text); break;
    default: schema_remove_trigger(schema, in->p4.text); break;
    }
    return SQLITE_OK;
}

// What SqlExec switches off while a statement of the engine's own runs.
typedef struct Silence {
    int (*authorizer)(void *, int, const char *, const char *, const char *, const char *);
    bool is_silent;
    int analysis_limit;
    i64 changes, total_changes, last_rowid;
    u64 flags;
} Silence;

// An ALTER TABLE rewrote the schema by statements of its own: to the user none of them happened.
static void end_rewritten(sqlite3 *db, const Silence *held, int rc)
{
    ASSERT(held->total_changes >= 0);

    db->changes = held->changes;
    db->total_changes = held->total_changes;
    db->last_rowid = held->last_rowid;
    if (rc == SQLITE_OK)
        return;
    vm_expire_all(db, false);
    schema_reset(db, -1);
}

int op_sql_exec(Vm *vm, const Instr *in)
{
    ASSERT(in->p4_kind == P4_TEXT);

    sqlite3 *db = vm->db;
    Silence held = {db->authorizer,    db->is_silent,  db->analysis_limit, db->changes,
                    db->total_changes, db->last_rowid, db->flags};
    char *message = NULL;
    if ((in->p1 & SQL_EXEC_SILENT) != 0) {
        db->authorizer = NULL;
        db->is_silent = true;
    }
    if ((in->p1 & SQL_EXEC_LIMITED) != 0)
        db->analysis_limit = in->p2;
    if ((in->p1 & SQL_EXEC_PLAIN) != 0)
        db->flags &= ~(CONN_FLAG(ENABLE_TRIGGER) | CONN_FLAG(FOREIGN_KEYS));
    db->waiting_statements++; // DROP counts readers: this statement is none that could mind
    int rc = vm_hooks()->execute(db, in->p4.text, &message);
    db->waiting_statements--;
    db->authorizer = held.authorizer;
    db->is_silent = held.is_silent;
    db->analysis_limit = held.analysis_limit;
    if ((in->p1 & SQL_EXEC_PLAIN) != 0)
        db->flags = held.flags;
    if ((in->p1 & SQL_EXEC_REWRITTEN) != 0)
        end_rewritten(db, &held, rc);
    if (rc != SQLITE_OK && message != NULL)
        vm_error(vm, rc, "%s", message);
    mem_free(message);
    return rc;
}

int op_integrity_check(Vm *vm, const Instr *in)
{
    ASSERT(in->p5 < vm->db->database_count);
    ASSERT(in->p4_kind == P4_INT_ARRAY);
    ASSERT(value_is_int(&vm->registers[in->p1])); // how many errors may still be told

    Value *left = reg_out(vm, in->p1);
    Value *out = reg_out(vm, in->p1 + 1);
    u32 count = in->p4.ints[0];
    IntegrityCheck check = {.roots = in->p4.ints + 1,
                            .root_count = count,
                            .error_max = (u32)left->u.integer + 1,
                            .partial = count > 0 && in->p4.ints[1] == 0,
                            .counts = mem_alloc_zeroed(((u64)count + 1) * sizeof(i64))};
    if (check.counts == NULL)
        return SQLITE_NOMEM;
    int rc = btree_integrity_check(vm->db->databases[in->p5].btree, &check);
    for (u32 i = 0; i < count && in->p3 > 0; i++)
        value_set_i64(&vm->registers[in->p3 + (i32)i], check.counts[i]);
    mem_free(check.counts);
    value_set_null(out);
    if (rc == SQLITE_OK && check.errors > 0) {
        left->u.integer -= check.errors - 1;
        const char *text = check.report == NULL ? "" : check.report;
        rc = value_set_text(out, text, strlen(text), SQLITE_UTF8, BYTES_COPY);
    }
    mem_free(check.report);
    return rc == SQLITE_OK ? value_change_encoding(out, vm->db->encoding) : rc;
}
