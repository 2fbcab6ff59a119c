// Instructions that open, move and question cursors.
//
// A seek leaves the cursor beside the key it looked for, as the B-tree found it; seek_adjust() then
// steps to the entry the instruction means. Rowids asked for by any value (text, reals) are first
// turned into the integer that gives the same rows.
//
// What the fields of a VmCursor say about its place:
//
//     null_row      stands on no row: columns are NULL. So after opening, past the end, and for the
//                   row of NULLs of an outer join.
//     is_deferred   a table cursor that an index cursor sent to a rowid, and that has not gone yet:
//                   columns that the index has are read there, the first other one makes it go.
//     row           what was decoded of the row; NULL after any movement.
//     seek_order    how the entry under the cursor compares to the key sought last, for an
//                   insertion right after (P5_USE_SEEK_RESULT).
//
// A tree cursor whose tree failed to open becomes a pseudo-cursor: it can be closed like any other.
#include "base/error.h"
#include "vm/key_hash.h"
#include "vm/vm_priv.h"
#include <string.h>

// --- opening and closing ---

static void ephemeral_unref(Ephemeral *e)
{
    ASSERT(e == NULL || e->refs > 0);

    if (e == NULL || --e->refs > 0)
        return;
    (void)btree_close(e->btree);
    mem_free(e);
}

// Gives back what the cursor holds. Its own block stays whole, so that it can be used again.
static void cursor_release(VmCursor *c)
{
    ASSERT(c->is_ephemeral == (c->ephemeral != NULL));

    switch ((VmCursorKind)c->kind) {
    case VM_CURSOR_TREE: cursor_close(c->tree); break;
    case VM_CURSOR_SORTER: sorter_free(c->u.sorter); break;
    case VM_CURSOR_HASH: hash_free(c->u.hash); break;
    case VM_CURSOR_MEASURE: measure_free(c->u.measure); break;
    case VM_CURSOR_JOIN: join_table_free(c->u.join); break;
    case VM_CURSOR_VIRTUAL: vtab_cursor_close(c); break;
    case VM_CURSOR_PSEUDO: break;
    }
    ephemeral_unref(c->ephemeral);
    key_shape_unref(c->shape);
    mem_free(c->buffer);
}

void vm_cursor_free(Vm *vm, VmCursor *c)
{
    if (c == NULL)
        return;
    cursor_release(c);
    ASSERT(c->slot >= 0 && c->slot < vm->cursor_count);
    if (vm->spare_cursors[c->slot] == NULL)
        vm->spare_cursors[c->slot] = c; // the next run opens it again
    else
        mem_free(c);
}

// A cursor's block ends with types[capacity] and offsets[capacity + 1].
static VmCursor *cursor_block(Vm *vm, i32 slot, u32 field_count)
{
    ASSERT(slot >= 0 && slot < vm->cursor_count);

    VmCursor *spare = vm->spare_cursors[slot];
    vm->spare_cursors[slot] = NULL;
    if (spare != NULL && spare->field_capacity >= field_count)
        return spare;
    mem_free(spare);
    VmCursor *c = mem_alloc(sizeof *c + (2 * (u64)field_count + 1) * sizeof(u32));
    if (c != NULL)
        c->field_capacity = field_count;
    return c;
}

int vm_cursor_new(Vm *vm, int slot, VmCursorKind kind, u32 field_count, VmCursor **out)
{
    ASSERT(slot >= 0 && slot < vm->cursor_count);

    vm_cursor_free(vm, vm->cursors[slot]);
    vm->cursors[slot] = NULL;
    VmCursor *c = cursor_block(vm, slot, field_count);
    if (c == NULL)
        return SQLITE_NOMEM;
    u32 capacity = c->field_capacity;
    memset(c, 0, sizeof *c);
    c->field_capacity = capacity;
    c->slot = slot;
    c->kind = (u8)kind;
    c->field_count = field_count;
    c->types = (u32 *)(void *)(c + 1);
    c->offsets = c->types + capacity;
    c->database = -1;
    c->known_head_mask = 0xff; // a header's first byte is not 0
    c->seek_order = CURSOR_UNKNOWN;
    c->null_row = true;
    vm->cursors[slot] = c;
    *out = c;
    return SQLITE_OK;
}

void vm_close_cursors(Vm *vm)
{
    ASSERT(vm->cursor_count >= 0);

    for (int i = 0; i < vm->cursor_count; i++) {
        vm_cursor_free(vm, vm->cursors[i]);
        vm->cursors[i] = NULL;
    }
}

static u32 tree_field_count(const Instr *in)
{
    ASSERT(in->p4_kind == P4_SHAPE || in->p4_kind == P4_INT32 || in->p4_kind == P4_NONE);

    // Of a table the compiler tells how many columns the code asks for; 1 when it asks for none.
    if (in->p4_kind == P4_SHAPE)
        return in->p4.shape->all_count;
    return in->p4_kind == P4_INT32 && in->p4.i > 0 ? (u32)in->p4.i : 1;
}

static int tree_open(Vm *vm, const Instr *in, Pgno root, bool writable)
{
    ASSERT(root > 0);

    Btree *btree = vm->db->databases[in->p3].btree;
    ASSERT(btree != NULL);

    VmCursor *c;
    TRY(vm_cursor_new(vm, in->p1, VM_CURSOR_TREE, tree_field_count(in), &c));
    const KeyShape *shape = in->p4_kind == P4_SHAPE ? in->p4.shape : NULL;
    int rc = cursor_open(btree, root, writable, shape, &c->tree);
    if (rc != SQLITE_OK) {
        c->kind = VM_CURSOR_PSEUDO; // nothing to close
        return rc;
    }
    c->shape = shape == NULL ? NULL : key_shape_ref(in->p4.shape);
    c->is_table = shape == NULL;
    c->is_writable = writable;
    c->database = (i8)in->p3;
    c->btree = btree;
    c->root = root;
    return SQLITE_OK;
}

int op_open_tree(Vm *vm, const Instr *in)
{
    ASSERT(in->p3 >= 0 && in->p3 < vm->db->database_count);

    if (vm->expired && vm->db->databases[in->p3].btree == NULL)
        return SQLITE_ABORT_ROLLBACK;
    i64 root = in->p2;
    if (in->p5 & P5_P2_IS_REG)
        root = value_i64(&vm->registers[in->p2]);
    if (root < 1 || root > UINT32_MAX - 1)
        return corrupt_page(0, "no such root page");
    VmCursor *open = vm->cursors[in->p1];
    if (in->op == OP_ReopenIdx && open != NULL && open->kind == VM_CURSOR_TREE
        && open->root == (Pgno)root && open->database == in->p3) {
        open->row = NULL;
        open->null_row = true;
        return SQLITE_OK;
    }
    return tree_open(vm, in, (Pgno)root, in->op == OP_OpenWrite);
}

// The cursor is given its ephemeral and shape before; the flags follow from them. A cursor whose
// tree could not be opened becomes a pseudo-cursor, so that closing it touches no tree.
static int ephemeral_cursor_open(VmCursor *c)
{
    ASSERT(c->kind == VM_CURSOR_TREE);
    ASSERT(c->ephemeral->refs > 0);
    ASSERT(c->tree == NULL);

    c->btree = c->ephemeral->btree;
    c->root = c->ephemeral->root;
    c->is_ephemeral = true;
    c->is_writable = true;
    c->is_table = c->shape == NULL;
    int rc = cursor_open(c->btree, c->root, true, c->shape, &c->tree);
    if (rc != SQLITE_OK)
        c->kind = VM_CURSOR_PSEUDO;
    return rc;
}

int op_open_dup(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 != in->p2);

    VmCursor *source = vm->cursors[in->p2];
    ASSERT(source != NULL && source->ephemeral != NULL);

    VmCursor *c;
    TRY(vm_cursor_new(vm, in->p1, VM_CURSOR_TREE, source->field_count, &c));
    c->shape = source->shape == NULL ? NULL : key_shape_ref(source->shape);
    c->ephemeral = source->ephemeral;
    c->ephemeral->refs++;
    return ephemeral_cursor_open(c);
}

// A database of one tree without a name: pages go to a file only when the cache is full. Its one
// write transaction is never committed.
static int ephemeral_new(sqlite3 *db, const Instr *in, Ephemeral **out)
{
    ASSERT(in->op == OP_OpenEphemeral || in->op == OP_OpenAutoindex);

    Ephemeral *e = mem_alloc_zeroed(sizeof *e);
    if (e == NULL)
        return SQLITE_NOMEM;
    e->refs = 1;
    u32 flags = BTREE_TEMPORARY | BTREE_SINGLE | (in->p5 & BTREE_UNORDERED);
    int open_flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE
                     | SQLITE_OPEN_DELETEONCLOSE | SQLITE_OPEN_TRANSIENT_DB;
    int rc = btree_open(db->vfs, NULL, db, flags, open_flags, &e->btree);
    if (rc != SQLITE_OK) {
        mem_free(e);
        return rc;
    }
    rc = btree_begin(e->btree, BTREE_WRITE, NULL);
    if (rc == SQLITE_OK)
        rc = btree_create_tree(e->btree, in->p4_kind == P4_SHAPE ? TREE_INDEX : TREE_TABLE,
                               &e->root);
    if (rc != SQLITE_OK) {
        ephemeral_unref(e);
        return rc;
    }
    *out = e;
    return SQLITE_OK;
}

int op_open_ephemeral(Vm *vm, const Instr *in)
{
    ASSERT(in->p2 >= 0);

    VmCursor *c = vm->cursors[in->p1];
    if (in->p3 > 0) {
        Value *scratch = reg_out(vm, in->p3);
        value_set_null(scratch);
        scratch->flags = V_BLOB | V_STATIC;
        scratch->bytes = (char *)(uintptr_t) "";
        scratch->size = 0;
    }
    // Opened again inside a loop: emptying the tree is cheaper. Not while an OpenDup shares it.
    if (c != NULL && c->is_ephemeral && c->ephemeral->refs == 1 && (u32)in->p2 <= c->field_count) {
        c->sequence = 0;
        c->row = NULL;
        c->null_row = true;
        return btree_clear_tree(c->btree, c->root, NULL);
    }
    u32 fields = in->p4_kind == P4_SHAPE ? in->p4.shape->all_count : (u32)in->p2;
    TRY(vm_cursor_new(vm, in->p1, VM_CURSOR_TREE, fields < (u32)in->p2 ? (u32)in->p2 : fields, &c));
    int rc = ephemeral_new(vm->db, in, &c->ephemeral);
    if (rc != SQLITE_OK) {
        c->kind = VM_CURSOR_PSEUDO;
        return rc;
    }
    c->shape = in->p4_kind == P4_SHAPE ? key_shape_ref(in->p4.shape) : NULL;
    return ephemeral_cursor_open(c);
}

int op_open_pseudo(Vm *vm, const Instr *in)
{
    ASSERT(in->p2 >= 0 && in->p2 <= vm->register_count);
    ASSERT(in->p3 >= 0);

    VmCursor *c;
    TRY(vm_cursor_new(vm, in->p1, VM_CURSOR_PSEUDO, (u32)in->p3, &c));
    c->u.pseudo_reg = in->p2;
    c->null_row = false;
    return SQLITE_OK;
}

int op_close(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 < vm->cursor_count);

    vm_cursor_free(vm, vm->cursors[in->p1]);
    vm->cursors[in->p1] = NULL;
    return SQLITE_OK;
}

int op_reset_sorter(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    c->row = NULL;
    if (c->kind == VM_CURSOR_SORTER) {
        sorter_reset(c->u.sorter);
        return SQLITE_OK;
    }
    ASSERT(c->is_ephemeral);
    return btree_clear_tree(c->btree, c->root, NULL);
}

// --- seeking ---

static void probe_registers(Vm *vm, const VmCursor *c, const Instr *in, KeyProbe *probe)
{
    ASSERT(c->shape != NULL);
    ASSERT(in->p4.i >= 0 && in->p3 + in->p4.i <= vm->register_count + 1);

    *probe = (KeyProbe){.shape = c->shape,
                        .values = &vm->registers[in->p3],
                        .count = (u16)in->p4.i,
                        .default_result = 0};
}

// Every seek begins here: what was known about the row is void.
static inline void cursor_leaves_row(VmCursor *c)
{
    ASSERT(c->kind == VM_CURSOR_TREE);

    c->row = NULL;
    c->null_row = false;
    c->is_deferred = false;
}

// What a table seek looks for once the key, which may be any value, has become an integer: `op`
// changes when the key lies between two integers. false: no row can match, or (`*all`) all rows do.
static bool table_key(const Value *given, u8 *op, RowId *rowid, bool *all)
{
    ASSERT(!value_is_int(given)); // which needs none of this

    Value key = {0};
    value_borrow(&key, given);
    if ((key.flags & V_TEXT) && (key.flags & (V_INT | V_REAL | V_INT_REAL)) == 0)
        value_apply_numeric(&key, false);
    *rowid = value_i64(&key);
    u16 flags = key.flags;
    f64 real = flags & V_REAL ? key.u.real : 0;
    value_deinit(&key);
    if (flags & (V_INT | V_INT_REAL))
        return true;
    if ((flags & V_REAL) == 0) {
        *all = (flags & V_NULL) == 0 && (*op == OP_SeekLT || *op == OP_SeekLE);
        return false; // text and blobs are greater than every rowid
    }
    // The integer is the real cut off; compare the two exactly.
    int order = real < -9223372036854775808.0   ? 1
                : real >= 9223372036854775808.0 ? -1
                                                : ((f64)*rowid > real) - ((f64)*rowid < real);
    if (order > 0)
        *op = *op == OP_SeekGT ? OP_SeekGE : *op == OP_SeekLE ? OP_SeekLT : *op;
    else if (order < 0)
        *op = *op == OP_SeekLT ? OP_SeekLE : *op == OP_SeekGE ? OP_SeekGT : *op;
    return true;
}

// From where the seek landed to the entry wanted. SQLITE_DONE when there is none.
static int seek_adjust(VmCursor *c, u8 op, int order)
{
    ASSERT(op == OP_SeekGE || op == OP_SeekGT || op == OP_SeekLE || op == OP_SeekLT);

    if (op == OP_SeekGE || op == OP_SeekGT) {
        if (order < 0 || (order == 0 && op == OP_SeekGT))
            return cursor_next(c->tree);
        return SQLITE_OK;
    }
    if (order > 0 || (order == 0 && op == OP_SeekLT))
        return cursor_previous(c->tree);
    return cursor_is_eof(c->tree) ? SQLITE_DONE : SQLITE_OK;
}

// What a seek instruction answers: the end of the tree is the jump for "no such row".
static int seek_done(VmCursor *c, int rc)
{
    ASSERT(rc != VM_JUMP);
    ASSERT(!c->null_row);

    if (rc == SQLITE_OK)
        return SQLITE_OK;
    if (rc != SQLITE_DONE)
        return rc;
    c->null_row = true;
    return VM_JUMP;
}

// The seek is exact in most cases: the integer the compiler put into the register.
static int seek_table(Vm *vm, VmCursor *c, const Instr *in)
{
    ASSERT(c->is_table);
    ASSERT(!c->null_row && !c->is_deferred);

    u8 op = in->op;
    RowId rowid;
    bool all = false;
    int order;
    if (LIKELY(value_is_int(&vm->registers[in->p3]))) {
        rowid = vm->registers[in->p3].u.integer;
    } else if (!table_key(&vm->registers[in->p3], &op, &rowid, &all)) {
        bool empty = true;
        if (all)
            TRY(cursor_last(c->tree, &empty));
        c->null_row = empty;
        return empty ? VM_JUMP : SQLITE_OK;
    }
    TRY(cursor_seek_rowid(c->tree, rowid, false, &order));
    if (order == 0 && (op == OP_SeekGE || op == OP_SeekLE))
        return SQLITE_OK;
    return seek_done(c, seek_adjust(c, op, order));
}

int op_seek(Vm *vm, const Instr *in)
{
    VmCursor *c = vm->cursors[in->p1];
    ASSERT(c != NULL && c->kind == VM_CURSOR_TREE);

    cursor_leaves_row(c);
    if (c->is_table)
        return seek_table(vm, c, in);
    KeyProbe probe;
    int order;
    probe_registers(vm, c, in, &probe);
    probe.default_result = in->op == OP_SeekLE || in->op == OP_SeekGT ? -1 : 1;
    key_probe_prepare(&probe);
    TRY(cursor_seek_key(c->tree, &probe, &order));
    if ((in->p5 & P5_SEEK_EQ) && !probe.saw_equal) {
        c->null_row = true;
        return VM_JUMP;
    }
    return seek_done(c, seek_adjust(c, in->op, order));
}

// The key of Found and its kin: registers, or the fields of a record in one register.
static int found_seek(Vm *vm, VmCursor *c, const Instr *in, KeyProbe *probe, int *order)
{
    ASSERT(in->p4.i >= 0);

    probe_registers(vm, c, in, probe);
    if (in->p4.i > 0) {
        key_probe_prepare(probe);
        return cursor_seek_key(c->tree, probe, order);
    }
    const Value *record = &vm->registers[in->p3];
    ASSERT(record->flags & V_BLOB);
    RecordFields fields;
    TRY(record_fields_open(&fields, (const u8 *)record->bytes, record->size, vm->db->encoding,
                           c->shape->all_count));
    probe->values = fields.values;
    probe->count = (u16)fields.count;
    key_probe_prepare(probe);
    int rc = cursor_seek_key(c->tree, probe, order);
    probe->values = NULL;
    record_fields_close(&fields);
    return rc;
}

// NoConflict, NotFound and IfNoHope jump when there is no such key, Found when there is one.
// IfNoHope is for a loop over several columns of an index: it looks only when the seek of fewer
// columns than now has not shown already that the prefix exists (seek_hit).
int op_found(Vm *vm, const Instr *in)
{
    VmCursor *c = vm->cursors[in->p1];
    ASSERT(c != NULL && c->kind == VM_CURSOR_TREE && !c->is_table);

    if (in->op == OP_IfNoHope && c->seek_hit >= in->p4.i)
        return SQLITE_OK;
    cursor_leaves_row(c);
    c->seek_order = CURSOR_UNKNOWN;
    if (in->op == OP_NoConflict && key_has_null(&vm->registers[in->p3], (u32)in->p4.i))
        return VM_JUMP; // conflicts with nothing; no seek, for the insertion makes its own
    KeyProbe probe;
    TRY(found_seek(vm, c, in, &probe, &c->seek_order));
    bool found = c->seek_order == 0;
    c->null_row = !found;
    if (in->op == OP_Found)
        return found ? VM_JUMP : SQLITE_OK;
    if (!found)
        return VM_JUMP;
    if (in->op == OP_IfNoHope)
        c->seek_hit = (u16)in->p4.i;
    return SQLITE_OK;
}

int op_seek_hit(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(in->p2 <= in->p3);

    if (c->seek_hit < in->p2)
        c->seek_hit = (u16)in->p2;
    else if (c->seek_hit > in->p3)
        c->seek_hit = (u16)in->p3;
    return SQLITE_OK;
}

// The rowid of SeekRowid, which may be any value. false: no integer.
static bool rowid_of_value(const Value *given, RowId *rowid)
{
    ASSERT(!value_is_int(given)); // which needs none of this

    Value key = {0};
    value_borrow(&key, given);
    bool is_int =
        value_apply_affinity(&key, AFF_NUMERIC, key.encoding) == SQLITE_OK && value_is_int(&key);
    *rowid = key.u.integer;
    value_deinit(&key);
    return is_int;
}

int op_seek_rowid(Vm *vm, const Instr *in)
{
    VmCursor *c = vm->cursors[in->p1];
    const Value *key = &vm->registers[in->p3];
    RowId rowid;
    ASSERT(c != NULL && c->kind == VM_CURSOR_TREE && c->is_table);

    if (LIKELY(value_is_int(key)))
        rowid = key->u.integer;
    else if (!rowid_of_value(key, &rowid))
        return in->p2 == 0 ? corrupt_record("rowid is not an integer") : VM_JUMP;
    cursor_leaves_row(c);
    TRY(cursor_seek_rowid(c->tree, rowid, false, &c->seek_order));
    if (LIKELY(c->seek_order == 0))
        return SQLITE_OK;
    c->null_row = true;
    return in->p2 == 0 ? corrupt_record("an index entry has no row") : VM_JUMP;
}

int op_deferred_seek(Vm *vm, const Instr *in)
{
    VmCursor *index = vm->cursors[in->p1];
    VmCursor *table = vm->cursors[in->p3];
    const u8 *bytes;
    u32 size;
    ASSERT(index != NULL && table != NULL && table->is_table);
    ASSERT(index->kind == VM_CURSOR_TREE && !index->is_table);

    TRY(row_bytes(vm, index, &bytes, &size));
    RowId rowid;
    TRY(record_last_rowid(bytes, size, &rowid));
    table->row = NULL;
    table->null_row = false;
    table->is_deferred = true;
    table->deferred_rowid = rowid;
    table->index = index;
    table->alias = in->p4_kind == P4_INT_ARRAY ? in->p4.ints : NULL;
    return SQLITE_OK;
}

int op_finish_seek(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(!c->is_deferred || c->kind == VM_CURSOR_TREE);

    return c->is_deferred ? vm_cursor_settle(c) : SQLITE_OK;
}

int op_rowid(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    Value *out = reg_out(vm, in->p2);
    if (c->is_deferred) {
        value_set_i64(out, c->deferred_rowid);
        return SQLITE_OK;
    }
    if (c->kind == VM_CURSOR_VIRTUAL && !c->null_row)
        return vtab_cursor_rowid(vm, c, out);
    if (c->kind == VM_CURSOR_TREE && !c->null_row && cursor_has_moved(c->tree))
        TRY(vm_cursor_settle(c));
    ASSERT(c->null_row || c->is_table);
    if (c->null_row)
        value_set_null(out);
    else
        value_set_i64(out, cursor_rowid(c->tree));
    return SQLITE_OK;
}

int op_index_rowid(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->null_row || !c->is_table);

    Value *out = reg_out(vm, in->p2);
    const u8 *bytes;
    u32 size;
    if (c->kind == VM_CURSOR_TREE && !c->null_row)
        TRY(vm_cursor_settle(c));
    if (c->null_row) {
        value_set_null(out);
        return SQLITE_OK;
    }
    TRY(row_bytes(vm, c, &bytes, &size));
    RowId rowid;
    TRY(record_last_rowid(bytes, size, &rowid));
    value_set_i64(out, rowid);
    return SQLITE_OK;
}

// The bound of a loop over an index range. The default result makes an entry that is equal on all
// given fields lie before the bound (LE, GT) or on it (LT, GE).
int op_index_compare(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_TREE && !c->is_table);

    const u8 *bytes;
    u32 size;
    KeyProbe probe;
    TRY(row_bytes(vm, c, &bytes, &size));
    probe_registers(vm, c, in, &probe);
    probe.default_result = in->op == OP_IdxLE || in->op == OP_IdxGT ? -1 : 0;
    key_probe_prepare(&probe);
    int order = probe.compare(bytes, size, &probe);
    if (UNLIKELY(probe.rc != SQLITE_OK))
        return probe.rc;
    bool jumps = in->op == OP_IdxLE || in->op == OP_IdxLT ? order < 0 : order >= 0;
    return jumps ? VM_JUMP : SQLITE_OK;
}

// --- ends, counts ---

int op_rewind(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    bool empty = true;
    if (in->op == OP_Sort)
        vm->counters[SQLITE_STMTSTATUS_SORT]++;
    if (c->kind != VM_CURSOR_TREE)
        return op_sorter_sort(vm, in);
    cursor_leaves_row(c);
    TRY(cursor_first(c->tree, &empty));
    c->null_row = empty;
    return empty && in->p2 != 0 ? VM_JUMP : SQLITE_OK;
}

int op_last(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_TREE);

    bool empty = true;
    cursor_leaves_row(c);
    TRY(cursor_last(c->tree, &empty));
    c->null_row = empty;
    c->seek_order = in->p3 == 0 ? CURSOR_UNKNOWN : in->p3;
    return empty && in->p2 != 0 ? VM_JUMP : SQLITE_OK;
}

int op_seek_end(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_TREE);

    bool empty;
    c->seek_order = -1;
    c->row = NULL;
    return cursor_last(c->tree, &empty);
}

int op_null_row(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 < vm->cursor_count);

    VmCursor *c = vm->cursors[in->p1];
    if (c == NULL) // never opened: the loop it belongs to did not run
        TRY(vm_cursor_new(vm, in->p1, VM_CURSOR_PSEUDO, 1, &c));
    c->row = NULL;
    if (c->kind == VM_CURSOR_PSEUDO && c->u.pseudo_reg != 0)
        return SQLITE_OK; // its record is another one now, no more
    if (c->kind == VM_CURSOR_TREE)
        cursor_clear(c->tree); // the loop it served is over
    c->null_row = true;
    c->is_deferred = false;
    return SQLITE_OK;
}

// P3 asks for an estimate, which the tree may not have: then it is counted after all.
int op_count(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_TREE);

    i64 count = 0;
    if (in->p3 != 0)
        count = cursor_row_estimate(c->tree);
    if (in->p3 == 0 || count < 0)
        TRY(cursor_count(c->tree, &count));
    c->row = NULL;
    value_set_i64(reg_out(vm, in->p2), count);
    return SQLITE_OK;
}

int op_if_not_open(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 0 && in->p1 < vm->cursor_count);

    const VmCursor *c = vm->cursors[in->p1];
    return c == NULL || c->null_row ? VM_JUMP : SQLITE_OK;
}

int op_if_empty(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_TREE);

    bool empty = true;
    c->row = NULL;
    TRY(cursor_first(c->tree, &empty));
    return empty ? VM_JUMP : SQLITE_OK;
}

int op_if_size_between(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_TREE);

    bool empty = true;
    c->row = NULL;
    TRY(cursor_first(c->tree, &empty));
    i64 rows = empty ? 0 : cursor_row_estimate(c->tree);
    int size = empty || rows < 0 ? -1 : log_estimate((u64)rows);
    return size >= in->p3 && size <= in->p4.i ? VM_JUMP : SQLITE_OK;
}

int op_sequence_test(Vm *vm, const Instr *in)
{
    ASSERT(cursor_in(vm, in->p1)->sequence >= 0);

    return cursor_in(vm, in->p1)->sequence++ == 0 ? VM_JUMP : SQLITE_OK;
}
