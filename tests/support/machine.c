// See machine.h.
#include "support/machine.h"

#include "support/test.h"

#include "base/alloc.h"
#include "os/os.h"

void machine_open(Machine *m)
{
    memset(m, 0, sizeof *m);
    sqlite3 *db = &m->db;
    assert_ok(os_init());
    db->vfs = vfs_find(NULL);
    db->encoding = SQLITE_UTF8;
    db->autocommit = true;
    db->error_mask = 0xff;
    db->database_count = 2;
    db->limits[SQLITE_LIMIT_LENGTH] = 1000000000;
    db->limits[SQLITE_LIMIT_VDBE_OP] = 250000000;
    db->limits[SQLITE_LIMIT_TRIGGER_DEPTH] = 20;
    for (int i = 0; i < 2; i++) {
        db->databases[i].name = i == 0 ? "main" : "temp";
        db->databases[i].schema = schema_new();
        assert_non_null(db->databases[i].schema);
    }
    assert_ok(btree_open(NULL, NULL, db, BTREE_MEMORY,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB,
                         &db->databases[0].btree));
}

void machine_close(Machine *m)
{
    while (m->db.statements != NULL)
        (void)vm_finalize(m->db.statements);
    assert_int_equal(m->db.active_statements, 0);
    assert_int_equal(m->db.reading_statements, 0);
    assert_int_equal(m->db.writing_statements, 0);
    savepoints_close(&m->db);
    (void)btree_close(m->db.databases[0].btree);
    for (int i = 0; i < 2; i++)
        schema_unref(m->db.databases[i].schema);
    value_free(m->db.error_message);
}

Program *machine_program(Machine *m)
{
    Program *p = program_new(&m->db);
    assert_non_null(p);
    program_emit(p, OP_Init, 0, 1, 0);
    return p;
}

static bool program_writes(Program *p)
{
    for (int i = 0; i < program_here(p); i++) {
        if (program_at(p, i)->op == OP_Transaction && program_at(p, i)->p2 != 0)
            return true;
    }
    return false;
}

Vm *machine_vm(Machine *m, Program *takes, int column_count)
{
    Vm *vm = NULL;
    bool writes = program_writes(takes);
    VmLayout layout = {.register_count = MACHINE_REGISTERS,
                       .cursor_count = MACHINE_CURSORS,
                       .column_count = column_count,
                       .param_count = 3,
                       .database_mask = 1,
                       .write_mask = writes,
                       .is_read_only = !writes};
    assert_ok(vm_new(takes, &layout, &vm));
    vm->is_prepared_v2 = true;
    assert_ptr_equal(vm->db, &m->db);
    return vm;
}

const char *machine_rows(Machine *m, Vm *vm)
{
    size_t used = 0;
    int rc;
    m->text[0] = 0;
    while ((rc = vm_step(vm)) == SQLITE_ROW) {
        for (int i = 0; i < vm->column_count; i++) {
            const char *text = value_text(&vm->row[i], SQLITE_UTF8);
            const char *gap = i > 0 ? "," : used > 0 ? " " : "";
            used += (size_t)snprintf(m->text + used, sizeof m->text - used, "%s%s", gap,
                                     text == NULL ? "NULL" : text);
            assert_true(used < sizeof m->text);
        }
    }
    if (rc != SQLITE_DONE)
        snprintf(m->text + used, sizeof m->text - used, "%serror %d", used > 0 ? " " : "", rc);
    return m->text;
}

void emit_transaction(Program *p, int write)
{
    program_emit(p, OP_Transaction, 0, write, 0);
}

Pgno machine_tree(Machine *m, TreeKind kind)
{
    Program *p = machine_program(m);
    emit_transaction(p, 1);
    program_emit(p, OP_CreateBtree, 0, 1, (int)kind);
    program_emit(p, OP_ResultRow, 1, 1, 0);
    program_emit0(p, OP_Halt);
    Vm *vm = machine_vm(m, p, 1);
    assert_int_equal(vm_step(vm), SQLITE_ROW);
    Pgno root = (Pgno)value_i64(vm->row);
    assert_int_equal(vm_step(vm), SQLITE_DONE);
    assert_ok(vm_finalize(vm));
    return root;
}

KeyShape *machine_shape(Machine *m, u16 key_count, u16 all_count)
{
    KeyShape *shape = key_shape_new(&m->db, SQLITE_UTF8, key_count, all_count);
    assert_non_null(shape);
    return shape;
}

void machine_fill(Machine *m, Pgno root, int count)
{
    Program *p = machine_program(m);
    emit_transaction(p, 1);
    program_emit_int(p, OP_OpenWrite, 0, (int)root, 0, 2);
    program_emit(p, OP_Integer, count, 5, 0);
    int loop = program_emit(p, OP_NewRowid, 0, 1, 0);
    program_emit(p, OP_SCopy, 1, 2, 0);
    program_emit_text(p, OP_String8, 0, 4, 0, "row-", -1);
    program_emit(p, OP_Concat, 1, 4, 3);
    program_emit(p, OP_MakeRecord, 2, 2, 6);
    program_emit(p, OP_Insert, 0, 6, 1);
    program_set_p5(p, P5_NCHANGE | P5_LAST_ROWID | P5_APPEND);
    int end = program_emit(p, OP_DecrJumpZero, 5, 0, 0);
    program_emit(p, OP_Goto, 0, loop, 0);
    program_jump_here(p, end);
    program_emit0(p, OP_Halt);
    Vm *vm = machine_vm(m, p, 0);
    assert_text("", machine_rows(m, vm));
    assert_ok(vm_finalize(vm));
}
