// Instructions on sorters, hash tables, rowid sets and Bloom filters.
//
// The structures are elsewhere (sorter.h, join_table.h, hash_table.h, rowset.h); what is here ties
// them to cursors and registers. The Bloom filters are whole here: a filter is a blob in a
// register.
//
// A filter may come before its join is known to be worth one (FilterWait, FilterJudge):
//
//     NULL  -- first lookup -->  countdown of lookups  -- at 0 -->  filter, all bits clear
//     filter  -- after SAMPLE_ROWS rows, when too many pass -->  a countdown that never ends
//
// So few lookups are made plainly; only a loop that has shown to be long pays for the pass over the
// inner table that fills the filter, and it is given up when it turns out to hold little back.
#include "base/error.h"
#include "vm/key_hash.h"
#include "vm/rowset.h"
#include "vm/vm_priv.h"
#include <string.h>

// --- sorters ---

enum { SORT_MEMORY_MIN = 5 * 512 * 1024, SORT_MEMORY_MAX = 512 * 1024 * 1024 };

// What a sort may keep in memory: the allowance of the main database's page cache (PRAGMA
// cache_size, in pages or, below zero, in KiB), but at least enough for common sorts.
static u64 sort_memory(const sqlite3 *db)
{
    ASSERT(db != NULL);
    ASSERT(db->databases[DB_MAIN].btree != NULL);

    const Schema *schema = db->databases[DB_MAIN].schema;
    i64 cache = schema == NULL ? 0 : schema->cache_size;
    u32 page_size = btree_page_size(db->databases[DB_MAIN].btree);
    u64 bytes = cache < 0 ? (u64)-cache * 1024 : (u64)cache * page_size;
    if (bytes < SORT_MEMORY_MIN)
        return SORT_MEMORY_MIN;
    return bytes > SORT_MEMORY_MAX ? SORT_MEMORY_MAX : bytes;
}

int op_open_sorter(Vm *vm, const Instr *in)
{
    VmCursor *c;
    ASSERT(in->p4_kind == P4_SHAPE);

    TRY(vm_cursor_new(vm, in->p1, VM_CURSOR_SORTER, in->p4.shape->all_count, &c));
    c->u.sorter = NULL;
    return sorter_new(vm->db, in->p4.shape, sort_memory(vm->db), &c->u.sorter);
}

int op_sorter_limit(Vm *vm, const Instr *in)
{
    ASSERT(cursor_in(vm, in->p1)->kind == VM_CURSOR_SORTER);

    i64 rows = value_i64(&vm->registers[in->p2]);
    if (rows >= 0)
        sorter_limit(vm->cursors[in->p1]->u.sorter, (u64)rows);
    return SQLITE_OK;
}

int op_sorter_reject(Vm *vm, const Instr *in)
{
    ASSERT(cursor_in(vm, in->p1)->kind == VM_CURSOR_SORTER);

    return sorter_rejects(vm->cursors[in->p1]->u.sorter, &vm->registers[in->p3]) ? VM_JUMP
                                                                                 : SQLITE_OK;
}

int op_sorter_insert(Vm *vm, const Instr *in)
{
    const Value *record = &vm->registers[in->p2];
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_SORTER);
    ASSERT(record->flags & V_BLOB);

    if (UNLIKELY(record->flags & V_ZERO_TAIL))
        TRY(value_expand_zero_tail(&vm->registers[in->p2]));
    const Value *first = in->p3 != 0 ? &vm->registers[in->p3] : NULL;
    return sorter_insert(c->u.sorter, (const u8 *)record->bytes, record->size, first);
}

int op_sorter_sort(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_SORTER);

    bool empty = true;
    c->row = NULL;
    if (in->op == OP_SorterSort)
        vm->counters[SQLITE_STMTSTATUS_SORT]++;
    if (atomic_load_explicit(&vm->db->interrupted, memory_order_relaxed))
        return SQLITE_INTERRUPT;
    TRY(sorter_sort(c->u.sorter, &empty));
    c->null_row = empty;
    return empty && in->p2 != 0 ? VM_JUMP : SQLITE_OK;
}

int op_sorter_next(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_SORTER);
    ASSERT(!c->null_row);

    c->row = NULL;
    int rc = sorter_next(c->u.sorter);
    if (rc == SQLITE_OK)
        return VM_JUMP;
    c->null_row = true;
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

// The record stays where the sorter has it; the register borrows.
int op_sorter_data(Vm *vm, const Instr *in)
{
    ASSERT(cursor_in(vm, in->p1)->kind == VM_CURSOR_SORTER);

    const u8 *bytes;
    u32 size;
    TRY(sorter_record(vm->cursors[in->p1]->u.sorter, &bytes, &size));
    Value *out = reg_out(vm, in->p2);
    value_set_null(out);
    out->flags = V_BLOB | V_EPHEMERAL;
    out->bytes = (char *)(uintptr_t)bytes;
    out->size = size;
    if (vm->cursors[in->p3] != NULL)
        vm->cursors[in->p3]->row = NULL;
    return SQLITE_OK;
}

// Whether the record begins with the same `count` fields as `other`, none of them NULL.
static int records_share_key(Vm *vm, Sorter *sorter, const Value *other, u32 count, bool *same)
{
    ASSERT(other->flags & V_BLOB);
    ASSERT(count > 0 && count <= sorter_shape(sorter)->all_count);

    const u8 *record;
    u32 size;
    TRY(sorter_record(sorter, &record, &size));
    RecordFields fields;
    TRY(record_fields_open(&fields, (const u8 *)other->bytes, other->size, vm->db->encoding,
                           count));
    *same = false;
    int rc = SQLITE_OK;
    if (!key_has_null(fields.values, fields.count)) {
        KeyProbe probe = {
            .shape = sorter_shape(sorter), .values = fields.values, .count = (u16)fields.count};
        key_probe_prepare(&probe);
        *same = probe.compare(record, size, &probe) == 0;
        rc = probe.rc;
    }
    record_fields_close(&fields);
    return rc;
}

// Jumps unless the sorter's record and the one in the register share a key: how CREATE UNIQUE INDEX
// finds two alike, which lie beside each other once sorted.
int op_sorter_compare(Vm *vm, const Instr *in)
{
    ASSERT(cursor_in(vm, in->p1)->kind == VM_CURSOR_SORTER);
    ASSERT(in->p4.i > 0);

    Sorter *sorter = vm->cursors[in->p1]->u.sorter;
    bool same;
    TRY(records_share_key(vm, sorter, &vm->registers[in->p3], (u32)in->p4.i, &same));
    return same ? SQLITE_OK : VM_JUMP;
}

// Feeds the sorted records to the builder. VM_JUMP: two of them share a unique key.
static int bulk_feed(Vm *vm, BulkBuilder *bulk, Sorter *sorter, u32 unique_fields)
{
    ASSERT(sorter_count(sorter) > 0); // SorterSort has jumped past an empty one

    Value former = {.db = vm->db};
    bool has_former = false;
    int rc = SQLITE_OK;
    do {
        const u8 *bytes;
        u32 size;
        bool same = false;
        rc = sorter_record(sorter, &bytes, &size);
        if (rc == SQLITE_OK && unique_fields > 0 && has_former)
            rc = records_share_key(vm, sorter, &former, unique_fields, &same);
        if (rc == SQLITE_OK && same)
            rc = VM_JUMP;
        if (rc == SQLITE_OK) {
            Payload payload = {.key = bytes, .key_size = size};
            rc = bulk_add(bulk, &payload);
        }
        if (rc == SQLITE_OK && unique_fields > 0)
            rc = value_set_blob(&former, bytes, size, BYTES_COPY);
        has_former = true;
        if (rc == SQLITE_OK && atomic_load_explicit(&vm->db->interrupted, memory_order_relaxed))
            rc = SQLITE_INTERRUPT;
        if (rc == SQLITE_OK)
            rc = sorter_next(sorter);
    } while (rc == SQLITE_OK);
    value_deinit(&former);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int op_bulk_build(Vm *vm, const Instr *in)
{
    ASSERT(cursor_in(vm, in->p3)->kind == VM_CURSOR_SORTER);

    VmCursor *index = cursor_in(vm, in->p1);
    Sorter *sorter = cursor_in(vm, in->p3)->u.sorter;
    u32 unique_fields = in->p4_kind == P4_INT32 ? (u32)in->p4.i : 0;
    ASSERT(index->kind == VM_CURSOR_TREE && index->is_writable);
    ASSERT(unique_fields <= index->shape->all_count);

    BulkBuilder *bulk;
    // The builder is alone on the tree: its cursor closes meanwhile.
    cursor_close(index->tree);
    index->tree = NULL;
    index->row = NULL;
    int rc = bulk_begin(index->btree, index->root, TREE_INDEX, &bulk);
    if (rc == SQLITE_OK) {
        rc = bulk_feed(vm, bulk, sorter, unique_fields);
        if (rc == SQLITE_OK)
            rc = bulk_finish(bulk);
        else
            bulk_abandon(bulk);
    }
    int opened = cursor_open(index->btree, index->root, true, index->shape, &index->tree);
    if (opened != SQLITE_OK) {
        index->kind = VM_CURSOR_PSEUDO;
        return rc > 0 ? rc : opened;
    }
    return rc;
}

// --- hash joins ---

int op_join_open(Vm *vm, const Instr *in)
{
    ASSERT(in->p2 > 0 && in->p3 >= in->p2); // the key's columns come first

    VmCursor *c = vm->cursors[in->p1];
    if (c != NULL && c->kind == VM_CURSOR_JOIN) {
        join_table_reset(c->u.join);
        return SQLITE_OK;
    }
    TRY(vm_cursor_new(vm, in->p1, VM_CURSOR_JOIN, 0, &c));
    c->u.join = NULL;
    c->null_row = false;
    KeyShape *shape = in->p4_kind == P4_SHAPE ? in->p4.shape : NULL;
    return join_table_new(vm->db, shape, (u32)in->p2, (u32)in->p3, &c->u.join);
}

int op_join_insert(Vm *vm, const Instr *in)
{
    ASSERT(cursor_in(vm, in->p1)->kind == VM_CURSOR_JOIN);

    return join_table_insert(vm->cursors[in->p1]->u.join, &vm->registers[in->p2]);
}

int op_join_probe(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_JOIN);

    bool found;
    TRY(join_table_probe(c->u.join, &vm->registers[in->p3], &found));
    c->null_row = !found;
    return found ? SQLITE_OK : VM_JUMP;
}

int op_join_next(Vm *vm, const Instr *in)
{
    const VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_JOIN);

    bool found = false;
    if (!c->null_row)
        TRY(join_table_next(c->u.join, &found));
    return found ? VM_JUMP : SQLITE_OK;
}

// --- hash tables ---

int op_hash_open(Vm *vm, const Instr *in)
{
    ASSERT(in->p2 > 0 && in->p3 >= 0);

    VmCursor *c = vm->cursors[in->p1];
    if (c != NULL && c->kind == VM_CURSOR_HASH) {
        hash_reset(c->u.hash);
        return SQLITE_OK;
    }
    TRY(vm_cursor_new(vm, in->p1, VM_CURSOR_HASH, 0, &c));
    c->u.hash = NULL;
    c->null_row = false;
    KeyShape *shape = in->p4_kind == P4_SHAPE ? in->p4.shape : NULL;
    TRY(hash_new(vm->db, shape, (u32)in->p2, (u32)in->p3, &c->u.hash));
    if (in->p5 & P5_HASH_MAY_CLOSE)
        hash_allow_closing(c->u.hash);
    return SQLITE_OK;
}

int op_hash_rewind(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_HASH);

    HashTable *h = c->u.hash;
    u32 flags = 0;
    bool empty;
    if (in->p5 & P5_HASH_SORTED)
        flags |= HASH_SORTED;
    if ((in->p5 & P5_HASH_KEYS) && hash_door(h) == HASH_CLOSED)
        return VM_JUMP; // done when it closed
    if (hash_door(h) == HASH_CLOSING)
        hash_closed(h);
    if (in->p3 != 0)
        hash_group_store(h, &vm->registers[in->p3]);
    TRY(hash_rewind(h, flags, &empty));
    c->null_row = empty;
    if (empty)
        return VM_JUMP;
    if (in->p3 != 0 && (in->p5 & P5_HASH_KEYS) == 0)
        hash_group_load(h, &vm->registers[in->p3]);
    return SQLITE_OK;
}

int op_hash_step(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_HASH);

    if (!hash_step(c->u.hash)) {
        c->null_row = true;
        return SQLITE_OK;
    }
    if (in->p3 != 0)
        hash_group_load(c->u.hash, &vm->registers[in->p3]);
    return VM_JUMP;
}

int op_hash_group(Vm *vm, const Instr *in)
{
    VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_HASH);
    ASSERT(in->p4_kind == P4_INT32);

    if ((in->p5 & P5_HASH_HELD) == 0 && hash_door(c->u.hash) != HASH_OPEN) {
        c->group_refused = true;
        return SQLITE_OK;
    }
    HashGroupResult result;
    TRY(hash_group(c->u.hash, &vm->registers[in->p3], &vm->registers[in->p4.i], &result));
    c->group_refused = result == GROUP_IS_REFUSED;
    return result == GROUP_IS_KNOWN ? VM_JUMP : SQLITE_OK;
}

int op_hash_refused(Vm *vm, const Instr *in)
{
    const VmCursor *c = cursor_in(vm, in->p1);
    ASSERT(c->kind == VM_CURSOR_HASH);

    if (in->p5 & P5_HASH_STAYS_OPEN)
        return hash_door(c->u.hash) == HASH_CLOSING ? SQLITE_OK : VM_JUMP;
    bool refused = in->p5 & P5_HASH_EVER ? hash_has_refused(c->u.hash) : c->group_refused;
    return refused ? VM_JUMP : SQLITE_OK;
}

// --- sets of rowids ---

// A register owns its set as a pointer value: whatever overwrites the register frees the set.
static const char rowset_tag[] = "rowset";

static RowSet *register_rowset(const Value *v)
{
    ASSERT(v != NULL);

    bool is_set =
        (v->flags & (V_NULL | V_DYNAMIC)) == (V_NULL | V_DYNAMIC) && v->u.pointer_tag == rowset_tag;
    return is_set ? (RowSet *)(void *)v->bytes : NULL;
}

static int rowset_make(Value *v, RowSet **out)
{
    *out = register_rowset(v);
    if (*out != NULL)
        return SQLITE_OK;
    *out = rowset_new();
    if (*out == NULL)
        return SQLITE_NOMEM;
    value_set_pointer(v, *out, rowset_tag, rowset_free);
    return SQLITE_OK;
}

int op_rowset_add(Vm *vm, const Instr *in)
{
    ASSERT(value_is_int(&vm->registers[in->p2]));

    RowSet *set;
    TRY(rowset_make(reg_out(vm, in->p1), &set));
    return rowset_add(set, vm->registers[in->p2].u.integer);
}

int op_rowset_read(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 != in->p3);

    RowSet *set = register_rowset(&vm->registers[in->p1]);
    RowId rowid;
    if (set == NULL || !rowset_take_smallest(set, &rowid)) {
        value_set_null(reg_out(vm, in->p1));
        return VM_JUMP;
    }
    value_set_i64(reg_out(vm, in->p3), rowid);
    return SQLITE_OK;
}

// The rows of an OR's branches come with the branch's number, so that one met before is left out.
int op_rowset_test(Vm *vm, const Instr *in)
{
    ASSERT(value_is_int(&vm->registers[in->p3]));

    RowSet *set;
    RowId rowid = vm->registers[in->p3].u.integer;
    i32 batch = in->p4_kind == P4_INT32 ? in->p4.i : 0;
    TRY(rowset_make(reg_out(vm, in->p1), &set));
    // Batch 0 is the first: nothing can be in the set yet, but for what the same branch put there
    // and cannot meet twice. A negative one is the last: nobody will ask any more.
    if (batch != 0 && rowset_has(set, rowid))
        return VM_JUMP;
    return batch >= 0 ? rowset_add(set, rowid) : SQLITE_OK;
}

// --- Bloom filters ---

// Numbers by value; texts and blobs all alike, since the collation is not known here. 4093 is a
// prime with no meaning; the factor is 2^64 divided by the golden ratio.
static u64 filter_hash(const Value *v, i32 count)
{
    ASSERT(count > 0);

    u64 hash = 0;
    for (i32 i = 0; i < count; i++) {
        u64 part = 4093;
        if (v[i].flags & (V_TEXT | V_BLOB))
            part += v[i].flags & (V_TEXT | V_BLOB);
        else if (v[i].flags & (V_INT | V_INT_REAL))
            part = (u64)v[i].u.integer;
        else if (v[i].flags & V_REAL)
            part = (u64)value_i64(&v[i]);
        hash = (hash ^ part) * 0x9e3779b97f4a7c15ull;
        hash ^= hash >> 29;
    }
    return hash;
}

int op_filter_add(Vm *vm, const Instr *in)
{
    ASSERT(in->p4_kind == P4_INT32);
    ASSERT(vm->registers[in->p1].flags & V_BLOB);

    Value *filter = &vm->registers[in->p1];
    if (filter->flags & V_ZERO_TAIL)
        TRY(value_expand_zero_tail(filter));
    if (filter->flags & (V_STATIC | V_EPHEMERAL))
        TRY(value_own(filter));
    if (filter->size == 0)
        return SQLITE_OK;
    u64 bit = filter_hash(&vm->registers[in->p3], in->p4.i) % ((u64)filter->size * 8);
    filter->bytes[bit / 8] = (char)((u8)filter->bytes[bit / 8] | (1u << (bit & 7)));
    return SQLITE_OK;
}

int op_filter(Vm *vm, const Instr *in)
{
    ASSERT(in->p4_kind == P4_INT32);

    const Value *filter = &vm->registers[in->p1];
    u64 bits = filter->flags & V_BLOB ? (u64)filter->size * 8 : 0; // none yet
    bool maybe = bits == 0;
    if (!maybe) {
        u64 bit = filter_hash(&vm->registers[in->p3], in->p4.i) % bits;
        maybe = ((u8)filter->bytes[bit / 8] & (1u << (bit & 7))) != 0;
    }
    vm->counters[maybe ? SQLITE_STMTSTATUS_FILTER_MISS : SQLITE_STMTSTATUS_FILTER_HIT]++;
    return maybe ? SQLITE_OK : VM_JUMP;
}

enum {
    LOOKUPS_MIN = 500,             // fewer are never worth a filter
    LOOKUP_ROWS_MAX = 1000 * 1000, // nor is one of more than a megabyte
    ROWS_PER_LOOKUP = 4,           // reading rows in order costs that much less
    PASS_SHARE_MIN = 3,            // a filter that lets more than one in so many pass is no use
    SAMPLE_ROWS = 2048,
};

// How many rows the looked-up tree has, about; -1: not known. Leaves the cursor anywhere.
static int lookup_rows(VmCursor *c, i64 *rows)
{
    ASSERT(c->kind == VM_CURSOR_TREE);

    bool empty;
    c->row = NULL;
    c->is_deferred = false;
    TRY(cursor_first(c->tree, &empty));
    *rows = empty ? 0 : cursor_row_estimate(c->tree);
    return SQLITE_OK;
}

// The filter's register is NULL before the first lookup, then the number of lookups still to be
// made without a filter, at last the filter, all bits clear.
int op_filter_wait(Vm *vm, const Instr *in)
{
    ASSERT((vm->registers[in->p1].flags & (V_BLOB | V_NULL | V_INT)) != 0);

    Value *filter = &vm->registers[in->p1];
    i64 rows;
    if (filter->flags & V_BLOB)
        return VM_JUMP;
    if (filter->flags & V_NULL) {
        TRY(lookup_rows(vm->cursors[in->p3], &rows));
        bool is_large = rows < 0 || rows > LOOKUP_ROWS_MAX;
        value_set_i64(filter, is_large ? INT64_MAX : LOOKUPS_MIN + rows / ROWS_PER_LOOKUP);
    }
    ASSERT(value_is_int(filter));
    if (--filter->u.integer > 0)
        return VM_JUMP;
    TRY(lookup_rows(vm->cursors[in->p3], &rows));
    u32 size = (u32)(rows < 0 ? 0 : rows > LOOKUP_ROWS_MAX ? LOOKUP_ROWS_MAX : rows) + 64;
    value_set_zeroblob(filter, size); // a byte per row
    return value_expand_zero_tail(filter);
}

// There is a byte for each row, so collisions are few and set bits tell how many rows passed.
int op_filter_judge(Vm *vm, const Instr *in)
{
    Value *filter = &vm->registers[in->p1], *rows = &vm->registers[in->p3];
    u64 passed = 0;
    ASSERT(filter->flags & V_BLOB);
    ASSERT(rows->flags & V_INT);
    if (LIKELY(++rows->u.integer != SAMPLE_ROWS))
        return SQLITE_OK;
    for (u32 i = 0; i < filter->size; i++)
        passed += (u64)__builtin_popcount((u8)filter->bytes[i]);
    if (passed * PASS_SHARE_MIN <= SAMPLE_ROWS)
        return SQLITE_OK;
    value_set_i64(filter, INT64_MAX);
    return VM_JUMP;
}
