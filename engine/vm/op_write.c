// Instructions that change rows and trees.
//
// Order of things within one change: the preupdate hook hears of it while the old row is still
// there, then the tree is changed, then the change is counted and the update hook is told. An
// instruction with P5_IS_NOOP is for the preupdate hook alone: the row itself is changed by
// another.
//
// What is NOT done here: constraints (the program tests them before), index entries of a row (each
// index has its own instruction), the statement's savepoint (op_txn.c).
#include "base/error.h"
#include "vm/preupdate.h"
#include "vm/vm_priv.h"

// --- new rowids ---

enum { RANDOM_TRIES_MAX = 100 }; // then the table counts as full (sqlite.org/autoinc.html)

// The largest rowid is taken: a random one that is free.
COLD static int rowid_random(Vm *vm, VmCursor *c, RowId *out)
{
    ASSERT(c->rowid_is_random);

    for (int i = 0; i < RANDOM_TRIES_MAX; i++) {
        u64 random;
        int order;
        os_randomness(vm->db->vfs, (int)sizeof random, &random);
        // From the lower half of the positive numbers, where free ones are most likely.
        RowId rowid = (RowId)(random & (INT64_MAX >> 1)) + 1;
        TRY(cursor_seek_rowid(c->tree, rowid, false, &order));
        if (order != 0) {
            *out = rowid;
            return SQLITE_OK;
        }
    }
    return SQLITE_FULL;
}

// One more than the largest rowid of the table; under AUTOINCREMENT (P3) than the largest ever.
// When the largest possible one is taken, AUTOINCREMENT fails and others try at random.
int op_new_rowid(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    RowId rowid = 1;
    ASSERT(c->kind == VM_CURSOR_TREE && c->is_table);
    ASSERT(c->is_writable);

    c->row = NULL;
    c->is_deferred = false;
    if (!c->rowid_is_random) {
        bool empty;
        TRY(cursor_last(c->tree, &empty));
        if (!empty) {
            rowid = cursor_rowid(c->tree);
            c->rowid_is_random = rowid == INT64_MAX;
            if (!c->rowid_is_random)
                rowid++;
        }
    }
    if (in->p3 != 0) {
        Value *largest = outermost_register(vm, in->p3);
        i64 used = value_i64(largest);
        if (used == INT64_MAX || c->rowid_is_random)
            return SQLITE_FULL;
        if (rowid < used + 1)
            rowid = used + 1;
        value_set_i64(largest, rowid);
    }
    if (c->rowid_is_random)
        TRY(rowid_random(vm, c, &rowid));
    ASSERT(in->p3 == 0 || rowid > 0);
    value_set_i64(reg_out(vm, in->p2), rowid);
    return SQLITE_OK;
}

// --- tables ---

// sqlite3_update_hook() hears of rows of stored tables with rowids only.
static void update_hook_call(Vm *vm, const VmCursor *c, const Instr *in, int op, RowId rowid)
{
    ASSERT(op == SQLITE_INSERT || op == SQLITE_UPDATE || op == SQLITE_DELETE);

    sqlite3 *db = vm->db;
    if (db->update_hook == NULL || in->p4_kind != P4_TABLE || c->database < 0)
        return;
    const Table *table = in->p4.table;
    if (table->flags & TABLE_WITHOUT_ROWID)
        return;
    db->update_hook(db->update_arg, op, db->databases[c->database].name, table->name, rowid);
}

COLD static int insert_announce(Vm *vm, VmCursor *c, const Instr *in, RowId rowid)
{
    ASSERT(vm->db->preupdate_hook != NULL);

    if (in->p4_kind != P4_TABLE || c->database < 0 || (in->p5 & P5_IS_UPDATE))
        return SQLITE_OK;
    PreupdateEvent event = {.table = in->p4.table,
                            .op = SQLITE_INSERT,
                            .database = c->database,
                            .old_rowid = rowid,
                            .new_rowid = rowid,
                            .new_record = in->p2,
                            .blob_column = -1};
    return preupdate_call(vm, c, &event);
}

static void insert_count(Vm *vm, const Instr *in, RowId rowid)
{
    ASSERT(vm->changes >= 0);

    if ((in->p5 & P5_NCHANGE) == 0)
        return;
    vm->changes++;
    if (in->p5 & P5_LAST_ROWID)
        vm->db->last_rowid = rowid;
}

static int insert_row(VmCursor *c, const Instr *in, const Value *record, RowId rowid)
{
    ASSERT(record->flags & V_BLOB);

    Payload payload = {.key_size = rowid, .data = record->bytes, .data_size = record->size};
    if (record->flags & V_ZERO_TAIL)
        payload.zero_tail = (u32)record->u.zero_tail;
    u32 flags = 0;
    if (in->p5 & P5_APPEND)
        flags |= CURSOR_APPEND;
    if (in->p5 & P5_SAVE_POSITION)
        flags |= CURSOR_SAVE_POSITION;
    int known = in->p5 & P5_USE_SEEK_RESULT ? c->seek_order : CURSOR_UNKNOWN;
    return cursor_insert(c->tree, &payload, flags, known);
}

int op_insert(Vm *vm, const Instr *in)
{
    VmCursor *c = vm->cursors[in->p1];
    const Value *record = &vm->registers[in->p2];
    bool is_announcement = (in->p5 & P5_IS_NOOP) != 0; // also for tables without rowids
    RowId rowid = is_announcement && !c->is_table ? 0 : vm->registers[in->p3].u.integer;
    ASSERT(c != NULL && (c->is_table || is_announcement) && c->is_writable);
    ASSERT(!c->is_table || value_is_int(&vm->registers[in->p3]));

    if (UNLIKELY(vm->db->preupdate_hook != NULL))
        TRY(insert_announce(vm, c, in, rowid));
    if (UNLIKELY(is_announcement))
        return SQLITE_OK;
    insert_count(vm, in, rowid);
    c->row = NULL;
    c->is_deferred = false;
    if ((in->p5 & P5_PREFORMAT) == 0)
        TRY(insert_row(c, in, record, rowid));
    c->seek_order = CURSOR_UNKNOWN;
    update_hook_call(vm, c, in, in->p5 & P5_IS_UPDATE ? SQLITE_UPDATE : SQLITE_INSERT, rowid);
    return SQLITE_OK;
}

int op_row_cell(Vm *vm, const Instr *in)
{
    ASSERT(cursor_in(vm, in->p1)->is_writable);
    ASSERT(cursor_in(vm, in->p1)->is_table == cursor_in(vm, in->p2)->is_table);

    VmCursor *target = vm->cursors[in->p1], *source = vm->cursors[in->p2];
    RowId rowid = in->p3 != 0 ? vm->registers[in->p3].u.integer : 0;
    target->row = NULL;
    return cursor_transfer(target->tree, source->tree, rowid);
}

COLD static int delete_announce(Vm *vm, VmCursor *c, const Instr *in, RowId rowid)
{
    ASSERT(in->p4_kind == P4_TABLE);

    if (c->database < 0)
        return SQLITE_OK;
    bool is_update = (in->p2 & P5_IS_UPDATE) != 0;
    PreupdateEvent event = {.table = in->p4.table,
                            .op = is_update ? SQLITE_UPDATE : SQLITE_DELETE,
                            .database = c->database,
                            .old_rowid = rowid,
                            .new_rowid = rowid,
                            .new_columns = is_update ? in->p3 : 0,
                            .blob_column = -1};
    if (is_update && c->is_table && value_is_int(&vm->registers[in->p3]))
        event.new_rowid = vm->registers[in->p3].u.integer;
    return preupdate_call(vm, c, &event);
}

int op_delete(Vm *vm, const Instr *in)
{
    VmCursor *c = vm->cursors[in->p1];
    ASSERT(c != NULL && c->kind == VM_CURSOR_TREE && c->is_writable);

    TRY(vm_cursor_settle(c));
    RowId rowid = 0;
    bool is_heard =
        in->p4_kind == P4_TABLE && (vm->db->update_hook != NULL || vm->db->preupdate_hook != NULL);
    if (is_heard && c->is_table)
        rowid = cursor_rowid(c->tree);
    if (UNLIKELY(is_heard && vm->db->preupdate_hook != NULL))
        TRY(delete_announce(vm, c, in, rowid));
    if (UNLIKELY(in->p2 & P5_IS_NOOP))
        return SQLITE_OK;
    c->row = NULL;
    c->seek_order = CURSOR_UNKNOWN;
    TRY(cursor_delete(c->tree, in->p5 & P5_SAVE_POSITION ? CURSOR_SAVE_POSITION : 0));
    if (in->p2 & P5_NCHANGE) {
        vm->changes++;
        if (UNLIKELY(is_heard))
            update_hook_call(vm, c, in, SQLITE_DELETE, rowid);
    }
    return SQLITE_OK;
}

// changes() and total_changes() at the end of a statement or of its part.
int op_reset_count(Vm *vm, const Instr *in)
{
    ASSERT(vm->frame == NULL || vm->frame_depth > 0);

    (void)in;
    connection_set_changes(vm->db, vm->changes);
    vm->changes = 0;
    return SQLITE_OK;
}

// --- indexes ---

int op_index_insert(Vm *vm, const Instr *in)
{
    ASSERT(vm->registers[in->p2].flags & V_BLOB);

    VmCursor *c = vm->cursors[in->p1];
    const Value *record = &vm->registers[in->p2];
    ASSERT(c != NULL && !c->is_table && c->is_writable);

    if (in->p5 & P5_NCHANGE)
        vm->changes++;
    c->row = NULL;
    if (in->p5 & P5_PREFORMAT)
        return SQLITE_OK;
    if (UNLIKELY(record->flags & V_ZERO_TAIL))
        TRY(value_expand_zero_tail(&vm->registers[in->p2]));
    Payload payload = {.key = record->bytes, .key_size = record->size};
    if (in->p4_kind == P4_INT32 && in->p4.i > 0) {
        payload.values = &vm->registers[in->p3];
        payload.value_count = (u16)in->p4.i;
    }
    u32 flags = 0;
    if (in->p5 & P5_APPEND)
        flags |= CURSOR_APPEND;
    if (in->p5 & P5_SAVE_POSITION)
        flags |= CURSOR_SAVE_POSITION;
    int known = in->p5 & P5_USE_SEEK_RESULT ? c->seek_order : CURSOR_UNKNOWN;
    c->seek_order = CURSOR_UNKNOWN;
    return cursor_insert(c->tree, &payload, flags, known);
}

// The entry is looked for by all its fields, the rowid too, so it is found or the index is damaged.
int op_index_delete(Vm *vm, const Instr *in)
{
    VmCursor *c = vm->cursors[in->p1];
    ASSERT(c != NULL && !c->is_table && c->is_writable);
    ASSERT(in->p3 > 0 && in->p3 <= c->shape->all_count);

    KeyProbe probe = {.shape = c->shape, .values = &vm->registers[in->p2], .count = (u16)in->p3};
    int order;
    key_probe_prepare(&probe);
    c->row = NULL;
    c->seek_order = CURSOR_UNKNOWN;
    TRY(cursor_seek_key(c->tree, &probe, &order));
    if (order == 0)
        return cursor_delete(c->tree, 0);
    // The row is there, its entry is not: the index is damaged. REINDEX under writable_schema mends
    // it.
    if (in->p5 != 0 && !connection_schema_is_writable(vm->db))
        return vm_error(vm, SQLITE_CORRUPT_INDEX, "%s", error_text(SQLITE_CORRUPT));
    return SQLITE_OK;
}

// --- whole trees ---

int op_clear(Vm *vm, const Instr *in)
{
    ASSERT(in->p2 >= 0 && in->p2 < vm->db->database_count);

    i64 rows = 0;
    Btree *bt = vm->db->databases[in->p2].btree;
    ASSERT(btree_txn_state(bt) == SQLITE_TXN_WRITE);

    TRY(btree_clear_tree(bt, (Pgno)in->p1, &rows));
    if (in->p3 == 0)
        return SQLITE_OK;
    vm->changes += rows;
    if (in->p3 > 0) {
        Value *counter = reg_out(vm, in->p3);
        value_set_i64(counter, value_i64(counter) + rows);
    }
    return SQLITE_OK;
}

int op_destroy(Vm *vm, const Instr *in)
{
    ASSERT(in->p3 >= 0 && in->p3 < vm->db->database_count);

    sqlite3 *db = vm->db;
    Pgno moved = 0;
    value_set_null(reg_out(vm, in->p2));
    // Under auto_vacuum the last page may move into the gap: no other statement may have a cursor
    // open on it. Those that wait for this one have none.
    if (db->reading_statements > db->waiting_statements + 1) {
        vm->error_action = ON_CONFLICT_ABORT;
        return SQLITE_LOCKED;
    }
    TRY(btree_drop_tree(db->databases[in->p3].btree, (Pgno)in->p1, &moved));
    value_set_i64(reg_out(vm, in->p2), moved);
    db->schema_changed = true; // in memory too, which a rollback must undo
    if (moved != 0)
        schema_move_root(db->databases[in->p3].schema, moved, (Pgno)in->p1);
    return SQLITE_OK;
}

int op_create_tree(Vm *vm, const Instr *in)
{
    ASSERT(btree_txn_state(vm->db->databases[in->p1].btree) == SQLITE_TXN_WRITE);
    ASSERT(in->p3 == 1 || in->p3 == 2); // as in SQLite: a table's, an index's

    Pgno root = 0;
    Btree *bt = vm->db->databases[in->p1].btree;
    TRY(btree_create_tree(bt, in->p3 == 1 ? TREE_TABLE : TREE_INDEX, &root));
    value_set_i64(reg_out(vm, in->p2), root);
    return SQLITE_OK;
}
