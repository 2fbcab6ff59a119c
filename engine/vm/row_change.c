// Calls of the hooks that capture changes: see row_change.h.
#include "vm/row_change.h"
#include "quire.h"
#include "vm/vm_priv.h"

enum {
    FEW_COLUMNS = 32,
    KEY_COLUMNS_MAX = 64, // of a key that is told in full; a longer one is cut
};

QuietScope quiet_begin(sqlite3 *db)
{
    ASSERT(db != NULL);

    QuietScope scope = {db->is_capturing, db->changes, db->total_changes, db->last_rowid};
    db->is_capturing = true;
    return scope;
}

void quiet_end(sqlite3 *db, const QuietScope *scope)
{
    ASSERT(db->is_capturing);
    db->is_capturing = scope->was_capturing;
    db->changes = scope->changes;
    db->total_changes = scope->total_changes;
    db->last_rowid = scope->last_rowid;
}

// --- rows ---

// Values are handed out where they are; only the lists of them are made.
typedef struct RowView {
    Value *few_old[FEW_COLUMNS], *few_new[FEW_COLUMNS];
    unsigned char few_flags[FEW_COLUMNS];
    int keys[KEY_COLUMNS_MAX];
    Value **old_values, **new_values;
    unsigned char *flags;
} RowView;

static int view_open(RowView *view, int columns)
{
    ASSERT(columns >= 0);

    view->old_values = view->few_old;
    view->new_values = view->few_new;
    view->flags = view->few_flags;
    if (columns <= FEW_COLUMNS)
        return SQLITE_OK;
    Value **block = mem_alloc((u64)columns * (2 * sizeof(Value *) + 1));
    if (block == NULL)
        return SQLITE_NOMEM;
    view->old_values = block;
    view->new_values = block + columns;
    view->flags = (unsigned char *)(block + 2 * columns);
    return SQLITE_OK;
}

static void view_close(const RowView *view)
{
    ASSERT(view->old_values != NULL);

    if (view->old_values != view->few_old)
        mem_free(view->old_values);
}

// The column that stands for the rowid is NULL in an image.
static void view_image(const Table *table, Value *image, Value **out, sqlite3_int64 *rowid)
{
    ASSERT(image != NULL);
    ASSERT(table->rowid_alias < table->column_count);

    bool has_rowid = (table->flags & TABLE_WITHOUT_ROWID) == 0;
    *rowid = has_rowid && value_is_int(image) ? image->u.integer : 0;
    for (int i = 0; i < table->column_count; i++)
        out[i] = &image[i == table->rowid_alias ? 0 : 1 + i];
}

static void view_key(const Table *table, RowView *view, quire_row_change *change)
{
    ASSERT(table->kind != TABLE_VIRTUAL);

    const Index *key = (table->flags & TABLE_WITHOUT_ROWID) ? table_primary_key(table) : NULL;
    if (key == NULL)
        return;
    change->flags |= QUIRE_ROW_NO_ROWID;
    change->key_count = key->key_count < KEY_COLUMNS_MAX ? key->key_count : KEY_COLUMNS_MAX;
    for (int i = 0; i < change->key_count; i++)
        view->keys[i] = key->columns[i];
    change->key_columns = view->keys;
}

int op_changed_columns(Vm *vm, const Instr *in)
{
    ASSERT(in->p4_kind == P4_INT_ARRAY);

    vm->changed_columns = in->p4.ints;
    return SQLITE_OK;
}

static int row_announce(Vm *vm, quire_row_change *change, const Table *table)
{
    ASSERT(vm->db->change_hook != NULL && !vm->db->is_capturing);

    sqlite3 *db = vm->db;
    change->schema = db->databases[schema_index(db, table->schema)].name;
    change->table = table->name;
    change->column_count = table->column_count;
    QuietScope scope = quiet_begin(db);
    int rc = db->change_hook(db->change_arg, db, change);
    quiet_end(db, &scope);
    // A statement that has changed nothing yet may simply end. Otherwise it is undone: by its own
    // savepoint, if it has one, or with the whole transaction. A savepoint for each statement's
    // sake would cost more than the capture.
    if (rc != SQLITE_OK && vm->announced_rows > 0 && !vm->wants_journal)
        vm->error_action = ON_CONFLICT_ROLLBACK;
    vm->announced_rows++;
    return vm_take_error(vm, rc);
}

// Not what a hook writes, nor what a module writes to its shadow tables: its xUpdate was announced.
static bool rows_are_heard(const sqlite3 *db)
{
    ASSERT(db->module_calls >= 0);

    return db->change_hook != NULL && !db->is_capturing && db->module_calls == 0;
}

static RowId image_rowid(const Vm *vm, Reg image)
{
    const Value *rowid = &vm->registers[image];
    return image != 0 && value_is_int(rowid) ? rowid->u.integer : 0;
}

static int announce_keys(Vm *vm, const Instr *in)
{
    ASSERT(table_is_rowid(in->p4.table));

    quire_row_change change = {
        .type = in->p1, .old_rowid = image_rowid(vm, in->p2), .new_rowid = image_rowid(vm, in->p3)};
    return row_announce(vm, &change, in->p4.table);
}

int op_row_change(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 == 0 || in->p2 != 0 || in->p3 != 0);
    ASSERT(in->p4_kind == P4_TABLE);

    const Table *table = in->p4.table;
    RowView view;
    vm->changed_table = table;
    if (in->p1 == 0 || !rows_are_heard(vm->db))
        return SQLITE_OK;
    if ((in->p5 & P5_KEYS_ONLY) != 0)
        return announce_keys(vm, in);
    ASSERT(vm->changed_columns != NULL && (int)vm->changed_columns[0] == table->column_count);

    TRY(view_open(&view, table->column_count));
    quire_row_change change = {.type = in->p1, .column_flags = view.flags};
    if (in->p2 != 0) {
        view_image(table, &vm->registers[in->p2], view.old_values, &change.old_rowid);
        change.old_values = view.old_values;
    }
    if (in->p3 != 0) {
        view_image(table, &vm->registers[in->p3], view.new_values, &change.new_rowid);
        change.new_values = view.new_values;
    }
    for (int i = 0; i < table->column_count; i++)
        view.flags[i] = (unsigned char)vm->changed_columns[1 + i];
    view_key(table, &view, &change);
    int rc = row_announce(vm, &change, table);
    view_close(&view);
    return rc;
}

static int virtual_change_type(const VirtualChange *change)
{
    ASSERT(change->count >= 1);

    if (change->count == 1)
        return SQLITE_DELETE;
    return value_is_null(change->args[0]) ? SQLITE_INSERT : SQLITE_UPDATE;
}

int virtual_change_announce(const VirtualChange *change, bool is_done, RowId rowid)
{
    ASSERT(change->count >= 1);

    const Table *table = change->vm->changed_table;
    RowView view;
    if (LIKELY(!rows_are_heard(change->vm->db)) || table == NULL || table->kind != TABLE_VIRTUAL)
        return SQLITE_OK;
    TRY(view_open(&view, table->column_count));
    int type = virtual_change_type(change);
    quire_row_change row = {.type = type,
                            .flags = QUIRE_ROW_VIRTUAL | (is_done ? QUIRE_ROW_DONE : 0),
                            .column_flags = view.flags};
    for (int i = 0; i < table->column_count; i++)
        view.flags[i] = QUIRE_COLUMN_STORED | QUIRE_COLUMN_SET;
    if (type != SQLITE_INSERT)
        row.old_rowid = value_i64(change->args[0]);
    if (type != SQLITE_DELETE) {
        row.new_rowid = type == SQLITE_INSERT && is_done ? rowid : value_i64(change->args[1]);
        row.new_values = change->args + 2;
    }
    int rc = row_announce(change->vm, &row, table);
    view_close(&view);
    return rc;
}

// --- commits ---

int precommit_announce(Vm *vm)
{
    ASSERT(vm->db->precommit_hook != NULL);
    ASSERT(!vm->db->is_in_precommit);

    sqlite3 *db = vm->db;
    if (db->is_capturing)
        return SQLITE_OK;
    QuietScope scope = quiet_begin(db);
    db->is_in_precommit = true;
    int rc = db->precommit_hook(db->precommit_arg, db,
                                vm->counts_changes ? QUIRE_COMMIT_OF_STATEMENT : 0);
    db->is_in_precommit = false;
    quiet_end(db, &scope);
    return vm_take_error(vm, rc);
}

// --- schema statements ---

bool schema_change_is_heard(const Vm *vm)
{
    const sqlite3 *db = vm->db;
    return vm->schema_change != 0 && db->schema_hook != NULL && !db->is_capturing
           && db->executing == 0 && vm->explain == EXPLAIN_NONE && vm->state != VM_RUNNING;
}

int schema_change_announce(Vm *vm, int phase)
{
    ASSERT(vm->db->schema_hook != NULL);

    sqlite3 *db = vm->db;
    const quire_schema_change change = {.phase = phase,
                                        .kind = vm->schema_change,
                                        .schema = vm->schema_change_schema,
                                        .name = vm->schema_change_name,
                                        .sql = vm->sql};
    ASSERT(vm->schema_change != 0);
    SilentScope silent = connection_silence(db);
    QuietScope scope = quiet_begin(db);
    int rc = db->schema_hook(db->schema_arg, db, &change);
    quiet_end(db, &scope);
    connection_unsilence(db, silent);
    return rc;
}
