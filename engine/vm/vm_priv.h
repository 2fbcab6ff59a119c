#ifndef QUIRE_VM_VM_PRIV_H
#define QUIRE_VM_VM_PRIV_H
// What the files of engine/vm share: cursors of the machine, frames, the instructions that have a
// function.

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "func/func.h"
#include "value/record.h"
#include "vm/hash_table.h"
#include "vm/join_table.h"
#include "vm/program_priv.h"
#include "vm/sorter.h"
#include "vm/vm.h"
#include "vtab/vtab.h"
#include <string.h>

// --- cursors ---

typedef enum VmCursorKind {
    VM_CURSOR_TREE,    // a table or index, stored or ephemeral
    VM_CURSOR_SORTER,  // see sorter.h
    VM_CURSOR_VIRTUAL, // a virtual table's
    VM_CURSOR_PSEUDO,  // one record in a register, or a row of NULLs
    VM_CURSOR_HASH,    // see hash_table.h
    VM_CURSOR_MEASURE, // see op_measure.c
    VM_CURSOR_JOIN,    // see join_table.h
} VmCursorKind;

// An ephemeral table; OpenDup lets several cursors share it.
typedef struct Ephemeral {
    u32 refs;
    Btree *btree;
    Pgno root;
} Ephemeral;

// The fields of the row a cursor stands on are decoded as they are asked for. `row` is NULL until
// the first one is; then types[] and offsets[] are known for the first `parsed` fields, and
// offsets[parsed] too. Anything that moves the cursor sets `row` to NULL (cursor_forget_row); a
// B-tree cursor that another one pushed off its page says so itself (cursor_has_moved).
struct VmCursor {
    const u8 *row; // first row_local bytes of the record; NULL: not looked at yet
    u32 row_local;
    u32 row_size;
    u32 header_at; // where the next serial type is
    u32 header_size;
    u32 *types;   // field_count
    u32 *offsets; // field_count + 1
    u32 parsed;
    u32 field_count;
    // Header bytes that types[] were read from, if at most 16, and which bits of them count.
    u64 known_head, known_tail, known_head_mask, known_tail_mask;
    u8 kind; // VmCursorKind
    bool null_row;
    bool is_table;    // rowid keys
    bool is_deferred; // the table cursor has still to move to deferred_rowid
    bool no_reuse;
    bool is_ephemeral;
    bool is_writable;
    bool rowid_is_random; // NewRowid met the largest rowid
    bool group_refused;   // by the last HashGroup
    i8 database;          // -1: ephemeral
    Cursor *tree;         // VM_CURSOR_TREE
    union {
        Sorter *sorter;
        HashTable *hash;
        struct Measure *measure;
        JoinTable *join;
        struct sqlite3_vtab_cursor *virtual_cursor;
        Reg pseudo_reg; // 0: no record
    } u;
    RowId deferred_rowid;
    VmCursor *index; // deferred: the index cursor the rowid comes from
    const u32
        *alias;   // deferred: alias[i + 1] is 1 + the field of the index that holds column i, or 0
    i64 sequence; // Sequence, SequenceTest
    u16 seek_hit; // SeekHit, IfNoHope
    int seek_order; // of the last seek, for P5_USE_SEEK_RESULT
    Pgno root;
    Btree *btree;
    Ephemeral *ephemeral;
    KeyShape *shape; // a reference; NULL for tables
    u8 *buffer;      // rows that do not lie whole on their page
    u32 buffer_size;
    VirtualTable *instance; // VM_CURSOR_VIRTUAL: a reference
    i32 slot;               // of the main program's cursors; -1 in frames
    u32 field_capacity;
};

static inline void cursor_forget_row(VmCursor *c)
{
    c->row = NULL;
}

// --- frames ---

// What a trigger's program puts aside, and what it owns.
struct VmFrame {
    VmFrame *outer;
    SubProgram *sub;
    Instr *code; // of the calling frame, as the next ones
    Value *registers;
    VmCursor **cursors, **spare_cursors;
    int code_size, register_count, cursor_count;
    int pc; // of the Program instruction
    i64 last_rowid, changes, db_changes;
    struct AuxData *aux_data;
    VmFrame *spare; // in SubProgram.spare
    Value *own_registers;
    VmCursor **own_cursors, **own_spares;
    u8 *own_once; // bit per instruction: Once was passed
};

// --- function calls ---

// What a call instruction keeps from call to call.
typedef struct CallSite {
    FuncCall context;
    Value scratch;      // where AggStep leaves its error
    const Value *first; // register that args[0] points to
    struct CallSite *next;
    Value *args[];
} CallSite;
CallSite *call_site_new(Program *p, const Instr *in, int address); // NULL: no memory
void call_sites_bind(Vm *vm);                                      // to this statement
void call_sites_release(Program *p);

// What `rows` more steps of count(*) do, for the AggStep `step`.
int aggregate_count_more(Vm *vm, const Instr *step, i64 rows);

// --- results of op_* functions besides SQLITE_OK and errors ---

enum {
    VM_JUMP = -1,  // go to p2
    VM_ENTER = -2, // code, registers or pc were changed: reload them from the Vm
    VM_LEAVE = -3, // the run is over; vm->rc says how
};

// Every op_* function runs one instruction.
typedef int VmOperation(Vm *vm, const Instr *in);

// op_value.c
VmOperation op_arithmetic, op_concat, op_bits, op_cast, op_must_be_int, op_affinity, op_is_type;
VmOperation op_type_check, op_string8, op_compare, op_ephemeral_text, op_copy, op_variable;
int compare_slow(Vm *vm, const Instr *in, int *order); // VM_JUMP/0 for NULLs; 1: order is set
// op_record.c
VmOperation op_column, op_make_record, op_row_data, op_offset;
// op_cursor.c
VmOperation op_open_tree, op_open_dup, op_open_ephemeral, op_open_sorter, op_open_pseudo, op_close;
VmOperation op_seek, op_found, op_seek_rowid, op_last, op_rewind, op_null_row, op_seek_end,
    op_count;
VmOperation op_if_not_open, op_if_size_between, op_if_empty, op_deferred_seek, op_finish_seek;
VmOperation op_rowid, op_index_rowid, op_index_compare, op_seek_hit, op_sequence_test,
    op_reset_sorter;
VmOperation op_index_next;
// op_write.c
VmOperation op_changed_columns, op_row_change;
VmOperation op_new_rowid, op_insert, op_delete, op_index_insert, op_index_delete, op_row_cell;
VmOperation op_clear, op_destroy, op_create_tree, op_reset_count;
// op_sort.c
VmOperation op_sorter_reject, op_sorter_limit, op_sorter_insert, op_sorter_sort, op_sorter_next,
    op_sorter_data;
VmOperation op_sorter_compare, op_bulk_build;
VmOperation op_join_open, op_join_insert, op_join_probe, op_join_next, op_hash_open, op_hash_rewind;
VmOperation op_hash_step, op_hash_group, op_hash_refused;
VmOperation op_rowset_add, op_rowset_read, op_rowset_test, op_filter_add, op_filter;
VmOperation op_filter_wait, op_filter_judge;
// op_measure.c
VmOperation op_measure_open, op_measure_skip;
void measure_free(struct Measure *measure);
// op_aggregate.c
VmOperation op_function, op_agg_step, op_agg_value, op_agg_final, op_collation;
// op_txn.c
VmOperation op_savepoint, op_autocommit, op_transaction, op_table_lock, op_read_cookie,
    op_set_cookie;
VmOperation op_checkpoint, op_journal_mode, op_vacuum, op_incremental_vacuum, op_expire;
VmOperation op_page_count, op_max_page_count, op_fk_counter, op_fk_check;
// op_schema.c
VmOperation op_parse_schema, op_load_analysis, op_drop_object, op_sql_exec, op_integrity_check;
// op_trigger.c
VmOperation op_program, op_halt, op_param, op_mem_max;
// op_vtab.c
VmOperation op_vtab_begin, op_vtab_create, op_vtab_destroy, op_vtab_open, op_vtab_check;
VmOperation op_vtab_in, op_vtab_filter, op_vtab_column, op_vtab_next, op_vtab_rename,
    op_vtab_update;

int vm_run(Vm *vm); // SQLITE_ROW, SQLITE_DONE, or an error with vm->rc set

// --- helpers across files ---

// Sets the run's error and its message; returns rc.
int vm_error(Vm *vm, int rc, const char *fmt, ...) PRINTF_LIKE(3, 4);
int vm_take_error(Vm *vm, int rc); // the connection's message becomes the run's
const VmHooks *vm_hooks(void);
void vm_halt(Vm *vm); // vm_halt.c
int vm_begin_statement(Vm *vm, Btree *bt);
void trace_begin(Vm *vm);
void trace_end(Vm *vm);
void trace_row(Vm *vm);
void trace_trigger(Vm *vm, const char *text);
int vtab_sync_all(sqlite3 *db, Vm *vm);
void vtab_cursor_close(VmCursor *c);
MUST_USE int vtab_cursor_rowid(Vm *vm, VmCursor *c, Value *out);
enum { EXPLAIN_COLUMNS = 8 };
int explain_column_count(ExplainMode mode);
void explain_set_columns(Vm *vm);
int explain_step(Vm *vm); // SQLITE_ROW, SQLITE_DONE, or an error
int vm_check_foreign_keys(Vm *vm, bool deferred);
int vm_end_statement(Vm *vm, int savepoint_op);
void vm_close_cursors(Vm *vm);
Value *outermost_register(Vm *vm, i32 reg);
void frame_free_spares(Vm *vm);
void frame_leave(Vm *vm);
void frames_unwind(Vm *vm);

MUST_USE int vm_cursor_new(Vm *vm, int slot, VmCursorKind kind, u32 field_count, VmCursor **out);
void vm_cursor_free(Vm *vm, VmCursor *c);
// Brings a cursor whose tree changed back to its row, does a deferred seek. *gone: the row is no
// more.
MUST_USE int vm_cursor_settle(VmCursor *c);
// Decodes field `field` of the row into `out`. `hints`: P5_EPHEMERAL, P5_LENGTH, P5_TYPEOF,
// P5_BYTES.
MUST_USE int row_field(Vm *vm, VmCursor *c, u32 field, u32 hints, Value *out, bool *missing);
MUST_USE int row_fetch(Vm *vm, VmCursor *c);
// The field if it is a blob that lies whole on the page of the row's beginning, without a Value.
// false: no such thing, or it takes more to tell. Borrowed until the cursor moves.
bool row_blob(VmCursor *c, u32 field, const u8 **bytes, u32 *size);
// The whole record, borrowed until the cursor moves.
MUST_USE int row_bytes(Vm *vm, VmCursor *c, const u8 **bytes, u32 *size);
// A record's fields as values that borrow from it.
enum { RECORD_FIELDS_FEW = 64 }; // more are put on the heap
typedef struct RecordFields {
    Value *values;
    u32 count;
    Value few[RECORD_FIELDS_FEW];
} RecordFields;
// Splits at most `max` fields; a damaged record has as many as can be read. To be closed after
// success.
MUST_USE int record_fields_open(RecordFields *f, const u8 *record, u32 size, u8 encoding, u32 max);
void record_fields_close(RecordFields *f);

extern const u8 serial_size_short[128]; // body sizes of one-byte serial types

// Room for `size` bytes in v's own block; the value becomes NULL. NULL: no memory.
char *value_room(Value *v, u32 size);

// The cursor in a slot, which an instruction before this one opened. Instructions that may meet an
// empty slot look into vm->cursors themselves.
static inline VmCursor *cursor_in(const Vm *vm, i32 slot)
{
    ASSERT(slot >= 0 && slot < vm->cursor_count);
    ASSERT(vm->cursors[slot] != NULL);
    return vm->cursors[slot];
}

static inline Value *reg_out(Vm *vm, i32 reg)
{
    ASSERT(reg > 0 && reg <= vm->register_count);
    return &vm->registers[reg];
}

// NUL-terminated UTF-8 text that outlives the value.
static inline void value_set_constant(Value *v, const char *text)
{
    value_set_null(v);
    v->bytes = (char *)(uintptr_t)text;
    v->size = (u32)strlen(text);
    v->encoding = SQLITE_UTF8;
    v->flags = V_TEXT | V_STATIC | V_NUL_TERMINATED;
}

static inline bool value_is_int(const Value *v)
{
    return (v->flags & V_TYPE_MASK) == V_INT;
}

static inline bool value_is_null(const Value *v)
{
    return (v->flags & V_NULL) != 0;
}

#endif
