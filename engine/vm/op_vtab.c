// Instructions on virtual tables.
//
// All answers of a module pass module_error(), so that its message is taken over, and freed,
// whatever the code. While a module changes things (xUpdate, xRename, xDestroy, xSync) module_calls
// is raised: what it writes to its shadow tables is its own affair, not told to the hooks that
// capture changes.
#include "base/error.h"
#include "vm/row_change.h"
#include "vm/vm_priv.h"

// A module's error: its message moves to the run. Without one the code's own text serves; the
// connection's message may be that of a statement which the module ran and made nothing of.
static int module_error(Vm *vm, sqlite3_vtab *vtab, int rc)
{
    ASSERT(vtab != NULL);

    if (vtab->zErrMsg == NULL)
        return rc;
    rc = vtab_take_error(vm->db, vtab, rc);
    return vm_take_error(vm, rc);
}

int op_vtab_begin(Vm *vm, const Instr *in)
{
    ASSERT(in->p4_kind == P4_VTAB);

    return vm_take_error(vm, vtab_begin(vm->db, in->p4.vtab));
}

int op_vtab_create(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 < vm->db->database_count);

    const char *name = value_text(&vm->registers[in->p2], SQLITE_UTF8);
    if (name == NULL)
        return SQLITE_NOMEM;
    return vm_take_error(vm, vtab_create(vm->db, in->p1, name));
}

int op_vtab_destroy(Vm *vm, const Instr *in)
{
    ASSERT(in->p4_kind == P4_TEXT);

    // What the module runs is not hindered by this statement, and is not told to the change hook.
    vm->db->waiting_statements++;
    vm->db->module_calls++;
    int rc = vtab_destroy(vm->db, in->p1, in->p4.text);
    vm->db->module_calls--;
    vm->db->waiting_statements--;
    return vm_take_error(vm, rc);
}

// --- cursors ---

void vtab_cursor_close(VmCursor *c)
{
    ASSERT(c->u.virtual_cursor == NULL || c->instance != NULL);

    if (c->u.virtual_cursor != NULL) {
        const sqlite3_module *methods = c->instance->module->methods;
        methods->xClose(c->u.virtual_cursor);
    }
    if (c->instance != NULL)
        vtab_unref(c->instance);
}

int op_vtab_open(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 < vm->cursor_count);
    ASSERT(in->p4_kind == P4_VTAB);

    VirtualTable *instance = in->p4.vtab;
    VmCursor *open = vm->cursors[in->p1];
    if (open != NULL && open->kind == VM_CURSOR_VIRTUAL && open->instance == instance)
        return SQLITE_OK;
    if (instance->vtab == NULL)
        return SQLITE_LOCKED;
    sqlite3_vtab_cursor *cursor = NULL;
    int rc = instance->module->methods->xOpen(instance->vtab, &cursor);
    if (rc != SQLITE_OK)
        return module_error(vm, instance->vtab, rc);
    // Modules leave this to the caller (sqlite.org/vtab.html, xOpen).
    cursor->pVtab = instance->vtab;
    VmCursor *c;
    rc = vm_cursor_new(vm, in->p1, VM_CURSOR_VIRTUAL, 0, &c);
    if (rc != SQLITE_OK) {
        instance->module->methods->xClose(cursor);
        return rc;
    }
    c->u.virtual_cursor = cursor;
    c->instance = instance;
    vtab_ref(instance);
    return SQLITE_OK;
}

enum { FEW_ARGS = 32 };

// Pointers to r[first@count], as modules want their arguments: in `few`, or in a block to be freed.
static int arguments(Vm *vm, i32 first, int count, Value **few, Value ***out)
{
    ASSERT(count >= 0);
    ASSERT(count == 0 || (first > 0 && first + count <= vm->register_count + 1));

    *out = few;
    if (count > FEW_ARGS) {
        *out = mem_alloc((u64)count * sizeof **out);
        if (*out == NULL)
            return SQLITE_NOMEM;
    }
    for (int i = 0; i < count; i++)
        (*out)[i] = &vm->registers[first + i];
    return SQLITE_OK;
}

int op_vtab_filter(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_VIRTUAL);
    ASSERT(value_is_int(&vm->registers[in->p3]) && value_is_int(&vm->registers[in->p3 + 1]));

    const sqlite3_module *methods = c->instance->module->methods;
    int plan = (int)vm->registers[in->p3].u.integer;
    int count = (int)vm->registers[in->p3 + 1].u.integer;
    Value *few[FEW_ARGS], **args;
    TRY(arguments(vm, in->p3 + 2, count, few, &args));
    const char *plan_text = in->p4_kind == P4_TEXT ? in->p4.text : NULL;
    int rc = methods->xFilter(c->u.virtual_cursor, plan, plan_text, count, args);
    if (args != few)
        mem_free(args);
    TRY(module_error(vm, c->u.virtual_cursor->pVtab, rc));
    bool at_end = methods->xEof(c->u.virtual_cursor) != 0;
    c->null_row = false;
    return at_end ? VM_JUMP : SQLITE_OK;
}

int op_vtab_column(Vm *vm, const Instr *in)
{
    static const FuncDef column_call = {.name = "xColumn"};
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_VIRTUAL || c->null_row);

    Value *out = reg_out(vm, in->p3);
    if (c->null_row) {
        value_set_null(out);
        return SQLITE_OK;
    }
    FuncCall call = {.func = &column_call, .db = vm->db, .vm = vm, .encoding = vm->db->encoding};
    call_begin(&call, out);
    if (in->p5 & P5_NO_CHANGE)
        value_set_no_change(out);
    const sqlite3_module *methods = c->instance->module->methods;
    int rc = methods->xColumn(c->u.virtual_cursor, &call, in->p2);
    TRY(module_error(vm, c->u.virtual_cursor->pVtab, rc));
    if (call.rc == SQLITE_OK)
        return SQLITE_OK;
    const char *text = value_text(out, SQLITE_UTF8);
    return vm_error(vm, call.rc, "%s", text == NULL ? error_text(call.rc) : text);
}

// Adds the rows that are left to count(*); *is_done: the module has counted them.
static int count_rest(Vm *vm, const Instr *in, const VmCursor *c, bool *is_done)
{
    const Instr *step = &vm->code[in->p2];
    ASSERT(step->op == OP_AggStep && step->p3 == in->p3);

    sqlite3_int64 rows = -1;
    sqlite3_vtab_cursor *cursor = c->u.virtual_cursor;
    TRY(module_error(vm, cursor->pVtab, c->instance->module->count_rest(cursor, &rows)));
    *is_done = rows >= 0;
    return *is_done ? aggregate_count_more(vm, step, rows) : SQLITE_OK;
}

int op_vtab_next(Vm *vm, const Instr *in)
{
    ASSERT(cursor_in(vm, in->p1)->instance != NULL);

    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_VIRTUAL);

    if (c->null_row)
        return SQLITE_OK;
    if (in->p3 != 0 && c->instance->module->count_rest != NULL) {
        bool is_done = false;
        TRY(count_rest(vm, in, c, &is_done));
        if (is_done)
            return SQLITE_OK;
    }
    const sqlite3_module *methods = c->instance->module->methods;
    int rc = methods->xNext(c->u.virtual_cursor);
    TRY(module_error(vm, c->u.virtual_cursor->pVtab, rc));
    return methods->xEof(c->u.virtual_cursor) != 0 ? SQLITE_OK : VM_JUMP;
}

int vtab_cursor_rowid(Vm *vm, VmCursor *c, Value *out)
{
    ASSERT(c->kind == VM_CURSOR_VIRTUAL);
    ASSERT(!c->null_row);

    sqlite3_int64 rowid = 0;
    const sqlite3_module *methods = c->instance->module->methods;
    int rc = methods->xRowid(c->u.virtual_cursor, &rowid);
    value_set_i64(out, rowid);
    return module_error(vm, c->u.virtual_cursor->pVtab, rc);
}

// --- sqlite3_vtab_in() ---

// The right side of an IN, given to xFilter whole: the module walks over the ephemeral table that
// holds its values.
typedef struct InList {
    Vm *vm;
    VmCursor *cursor;
    Value *value; // handed out
} InList;

static const char in_list_tag[] = "ValueList";

int op_vtab_in(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_TREE && c->is_ephemeral);

    InList *list = mem_alloc_zeroed(sizeof *list);
    if (list == NULL)
        return SQLITE_NOMEM;
    list->vm = vm;
    list->cursor = c;
    list->value = reg_out(vm, in->p3);
    value_set_pointer(reg_out(vm, in->p2), list, in_list_tag, mem_free);
    return SQLITE_OK;
}

int vm_in_step(Value *v, bool first, Value **out)
{
    if (out != NULL)
        *out = NULL;
    if (v == NULL || out == NULL)
        return error_misuse();
    bool is_list = (v->flags & (V_NULL | V_DYNAMIC)) == (V_NULL | V_DYNAMIC)
                   && v->u.pointer_tag == in_list_tag;
    if (!is_list)
        return SQLITE_ERROR;
    InList *list = (InList *)(void *)v->bytes;
    VmCursor *c = list->cursor;
    c->row = NULL;
    if (first) {
        bool empty;
        TRY(cursor_first(c->tree, &empty));
        if (empty)
            return SQLITE_DONE;
    } else {
        TRY(cursor_next(c->tree));
    }
    c->null_row = false;
    bool missing;
    TRY(row_field(list->vm, c, 0, 0, list->value, &missing));
    *out = list->value;
    return SQLITE_OK;
}

// --- changing and checking ---

int op_vtab_rename(Vm *vm, const Instr *in)
{
    ASSERT(in->p4_kind == P4_VTAB);

    VirtualTable *instance = in->p4.vtab;
    Value *name = &vm->registers[in->p1];
    bool was_expired = vm->expired;
    TRY(value_change_encoding(name, SQLITE_UTF8));
    TRY(value_nul_terminate(name));
    vm->db->module_calls++;
    int rc = instance->module->methods->xRename(instance->vtab, name->bytes);
    vm->db->module_calls--;
    vm->expired = was_expired;
    TRY(value_change_encoding(name, vm->db->encoding));
    return module_error(vm, instance->vtab, rc);
}

// A module that knows about conflict actions reports a constraint which the statement ignores.
static bool is_ignored(const VirtualTable *instance, const Instr *in, int rc)
{
    ASSERT(in->op == OP_VUpdate);

    return (rc & 0xff) == SQLITE_CONSTRAINT && instance->supports_constraints
           && in->p5 == ON_CONFLICT_IGNORE;
}

static int call_update(sqlite3 *db, const Instr *in, Value **args, sqlite3_int64 *rowid)
{
    ASSERT(in->p2 >= 1);

    VirtualTable *instance = in->p4.vtab;
    u8 outer = db->vtab_on_conflict;
    db->vtab_on_conflict = (u8)in->p5;
    db->module_calls++;
    int rc = instance->module->methods->xUpdate(instance->vtab, in->p2, args, rowid);
    db->module_calls--;
    db->vtab_on_conflict = outer;
    return rc;
}

int op_vtab_update(Vm *vm, const Instr *in)
{
    ASSERT(in->p4_kind == P4_VTAB);

    sqlite3 *db = vm->db;
    VirtualTable *instance = in->p4.vtab;
    if (instance->vtab == NULL)
        return SQLITE_LOCKED;
    if (instance->module->methods->xUpdate == NULL)
        return SQLITE_OK;
    Value *few[FEW_ARGS], **args;
    TRY(arguments(vm, in->p3, in->p2, few, &args));
    sqlite3_int64 rowid = 0;
    VirtualChange change = {.vm = vm, .args = args, .count = in->p2};
    int rc = virtual_change_announce(&change, false, 0);
    if (rc == SQLITE_OK) {
        rc = call_update(db, in, args, &rowid);
        if (rc == SQLITE_OK)
            rc = virtual_change_announce(&change, true, rowid);
    }
    if (args != few)
        mem_free(args);
    if (is_ignored(instance, in, rc)) {
        mem_free(instance->vtab->zErrMsg);
        instance->vtab->zErrMsg = NULL;
        return SQLITE_OK;
    }
    rc = module_error(vm, instance->vtab, rc);
    if (rc == SQLITE_OK && in->p1 != 0)
        db->last_rowid = rowid;
    if ((rc & 0xff) == SQLITE_CONSTRAINT && instance->supports_constraints)
        vm->error_action = in->p5 == ON_CONFLICT_REPLACE ? ON_CONFLICT_ABORT : (u8)in->p5;
    else
        vm->changes++;
    return rc;
}

int op_vtab_check(Vm *vm, const Instr *in)
{
    ASSERT(in->p4_kind == P4_TABLE && in->p4.table->kind == TABLE_VIRTUAL);

    Value *out = reg_out(vm, in->p2);
    const Table *table = in->p4.table;
    value_set_null(out);
    VirtualTable *instance = vtab_find(vm->db, table);
    if (instance == NULL || instance->vtab == NULL)
        return SQLITE_OK;
    const sqlite3_module *methods = instance->module->methods;
    if (methods->iVersion < 4 || methods->xIntegrity == NULL)
        return SQLITE_OK;
    char *report = NULL;
    vtab_ref(instance);
    int rc = methods->xIntegrity(instance->vtab, vm->db->databases[in->p1].name, table->name,
                                 in->p3, &report);
    vtab_unref(instance);
    if (rc == SQLITE_OK && report != NULL)
        rc = value_set_text(out, report, strlen(report), SQLITE_UTF8, BYTES_COPY);
    mem_free(report);
    return rc == SQLITE_OK ? value_change_encoding(out, vm->db->encoding) : rc;
}

// --- transactions ---

int vtab_sync_all(sqlite3 *db, Vm *vm)
{
    ASSERT(db->vtab_transaction_count >= 0);

    if (db->vtab_transaction_count == 0)
        return SQLITE_OK;
    db->module_calls++;
    int rc = vtab_sync(db);
    db->module_calls--;
    return vm_take_error(vm, rc);
}
