// The loop that runs programs.
//
// One instruction is one case. A case that needs more than a few lines calls a function of an
// op_*.c file, which answers SQLITE_OK (go on), VM_JUMP (go to p2), VM_ENTER (another frame:
// reload), VM_LEAVE (the run is over) or an error. The loop keeps code, registers and cursors in
// locals; they change only with the frame.
//
// Dispatch is by the address of the next case where the compiler has that (one indirect jump per
// case, which branch predictors tell apart), by a switch elsewhere.
//
// Laws of a case
//   - It ends in NEXT, JUMP or LOOP, or goes to outcome, stepped or leave; it does not fall into
//     the next one.
//   - vm->pc is stale except where DELEGATE has set it: what looks at it (frames, auxiliary data,
//     the log of a failure) is in functions called that way.
//   - LOOP and DELEGATE_LOOP look at interrupts, the other jumps do not. Every loop of a program
//     has to pass one of them, or nothing could end it.
//   - `order` is the last comparison's outcome, for ElseEq and Jump; it outlives a row given out.
#include "vm/vm_priv.h"

#if defined(__GNUC__) && !defined(QUIRE_SWITCH_DISPATCH)
#    define CASE(name) case_##name
#    define DISPATCH() goto *targets[in->op]
#    define BEGIN_CODE DISPATCH();
#    define END_CODE
#else
#    define CASE(name) case OP_##name
#    define DISPATCH() goto dispatch
#    define BEGIN_CODE \
    dispatch:          \
        switch (in->op) {
#    define END_CODE        \
    default: UNREACHABLE(); \
        }
#endif

#define NEXT        \
    do {            \
        in++;       \
        steps++;    \
        DISPATCH(); \
    } while (0)
#define JUMP(address)                                                  \
    do {                                                               \
        ASSERT((i64)(address) >= 0 && (i64)(address) < vm->code_size); \
        in = code + (address);                                         \
        steps++;                                                       \
        DISPATCH();                                                    \
    } while (0)
// A jump that may close a loop: interrupts and the progress handler are looked at.
#define LOOP(address)                                              \
    do {                                                           \
        ASSERT((address) >= 0 && (address) < vm->code_size);       \
        in = code + (address);                                     \
        steps++;                                                   \
        if (UNLIKELY(steps >= check_at) || UNLIKELY(*interrupted)) \
            goto check;                                            \
        DISPATCH();                                                \
    } while (0)
#define DELEGATE(name, operation)           \
    CASE(name) : vm->pc = (int)(in - code); \
    rc = operation(vm, in);                 \
    if (rc == SQLITE_OK)                    \
        NEXT;                               \
    goto outcome;
// The same for instructions that close loops.
#define DELEGATE_LOOP(name, operation)      \
    CASE(name) : vm->pc = (int)(in - code); \
    rc = operation(vm, in);                 \
    if (rc == SQLITE_OK)                    \
        NEXT;                               \
    if (rc == VM_JUMP)                      \
        LOOP(in->p2);                       \
    goto outcome;
#define COMPARISON(name, relation)                                                 \
    CASE(name) :                                                                   \
    {                                                                              \
        const Value *a = &r[in->p3], *b = &r[in->p1];                              \
        if (LIKELY(value_is_int(a) && value_is_int(b))) {                          \
            order = (a->u.integer > b->u.integer) - (a->u.integer < b->u.integer); \
            if (a->u.integer relation b->u.integer)                                \
                JUMP(in->p2);                                                      \
            NEXT;                                                                  \
        }                                                                          \
        rc = compare_slow(vm, in, &order);                                         \
        if (rc == SQLITE_OK)                                                       \
            NEXT;                                                                  \
        goto outcome;                                                              \
    }
#define ARITHMETIC(name, checked)                               \
    CASE(name) :                                                \
    {                                                           \
        const Value *a = &r[in->p1], *b = &r[in->p2];           \
        i64 result;                                             \
        if (LIKELY(value_is_int(a) && value_is_int(b))          \
            && !checked(b->u.integer, a->u.integer, &result)) { \
            value_set_i64(&r[in->p3], result);                  \
            NEXT;                                               \
        }                                                       \
        rc = op_arithmetic(vm, in);                             \
        if (rc == SQLITE_OK)                                    \
            NEXT;                                               \
        goto outcome;                                           \
    }

// A field whose place is known and whose body is an integer or NULL. false: take the long way.
static inline bool column_fast(const VmCursor *c, u32 field, Value *out)
{
    ASSERT(c != NULL);

    if (c->row == NULL || field >= c->parsed || c->offsets[field + 1] > c->row_local)
        return false;
    if (c->kind == VM_CURSOR_TREE && cursor_has_moved(c->tree))
        return false;
    const u8 *p = c->row + c->offsets[field];
    switch (c->types[field]) {
    case 0: value_set_null(out); return true;
    case 1: value_set_i64(out, (i8)p[0]); return true;
    case 2: value_set_i64(out, (i16)get_u16(p)); return true;
    case 3: value_set_i64(out, (i64)(i8)p[0] * 65536 + get_u16(p + 1)); return true;
    case 4: value_set_i64(out, (i32)get_u32(p)); return true;
    case 6: value_set_i64(out, (i64)get_u64(p)); return true;
    case 8: value_set_i64(out, 0); return true;
    case 9: value_set_i64(out, 1); return true;
    default: return false; // text, blobs, reals, 48-bit integers
    }
}

// Truth of a register for If and IfNot: 1, 0, or `if_null`.
static inline bool reg_truth(const Value *v, bool if_null)
{
    ASSERT((v->flags & V_UNDEFINED) == 0);

    if (value_is_int(v))
        return v->u.integer != 0;
    if (value_is_null(v))
        return if_null;
    return value_truth(v, if_null);
}

// A shallow copy (M6): good while `in` does not change. The destructor of a pointer value stays
// with its owner.
static inline void reg_borrow(Value *out, const Value *in)
{
    ASSERT(out != in);

    if (UNLIKELY(out->flags & V_DYNAMIC))
        value_release_slow(out);
    u16 flags = in->flags;
    out->u = in->u;
    if (flags & (V_TEXT | V_BLOB)) {
        out->bytes = in->bytes;
        out->size = in->size;
        if ((flags & V_STATIC) == 0)
            flags = (u16)((flags & ~(V_DYNAMIC | V_OWNED)) | V_EPHEMERAL);
    } else if (UNLIKELY(flags & V_SUBTYPE)) { // a pointer: the owner destroys it
        out->bytes = in->bytes;
        flags &= (u16)~V_DYNAMIC;
    }
    out->flags = flags;
    out->encoding = in->encoding;
    out->subtype = in->subtype;
}

// AND and OR by table: 0 false, 1 true, 2 NULL.
static inline u8 reg_three(const Value *v)
{
    ASSERT((v->flags & V_UNDEFINED) == 0);

    if (value_is_null(v))
        return 2;
    return value_truth(v, false) ? 1 : 0;
}

// Three-valued logic: indexes and results are 0 false, 1 true, 2 NULL.
static const u8 not_table[3] = {1, 0, 2};
static const u8 and_table[3][3] = {{0, 0, 0}, {0, 1, 2}, {0, 2, 2}};
static const u8 or_table[3][3] = {{0, 1, 2}, {1, 1, 1}, {2, 1, 2}};

static inline void reg_set_three(Value *out, u8 truth)
{
    ASSERT(truth <= 2);

    if (truth == 2)
        value_set_null(out);
    else
        value_set_i64(out, truth);
}

static void op_null(sqlite3 *db, Value *r, const Instr *in)
{
    ASSERT(in->p2 > 0);
    ASSERT(in->p3 == 0 || in->p3 >= in->p2);

    u16 flags = in->p1 != 0 ? V_NULL | V_CLEARED : V_NULL;
    for (i32 reg = in->p2; reg == in->p2 || reg <= in->p3; reg++) {
        if (UNLIKELY((r[reg].flags & V_AGGREGATE) == V_AGGREGATE))
            call_discard_state(db, &r[reg]);
        value_set_null(&r[reg]);
        r[reg].flags = flags;
    }
}

static void op_move(Value *r, const Instr *in)
{
    ASSERT(in->p1 + in->p3 <= in->p2 || in->p2 + in->p3 <= in->p1); // no overlap

    for (i32 i = 0; i < in->p3; i++)
        value_move(&r[in->p2 + i], &r[in->p1 + i]);
}

// The counter of Init tells runs apart, so that Once instructions need not be reset between them.
static void op_init(Vm *vm, Instr *in)
{
    ASSERT(in == vm->code);

    if (UNLIKELY(vm->frame != NULL)) {
        // What a foreign key does has no text of its own: the statement's is shown once more.
        if (vm->db->trace_mask != 0)
            trace_trigger(vm, in->p4_kind == P4_TEXT ? in->p4.text : vm->sql);
        return;
    }
    if (in->p1 < 0x7ffffff0) {
        in->p1++;
        return;
    }
    for (int i = 1; i < vm->code_size; i++) {
        if (vm->code[i].op == OP_Once)
            vm->code[i].p1 = 0;
    }
    in->p1 = 1;
}

// Once in a trigger program: a bit per instruction and frame.
static bool once_in_frame(VmFrame *frame, int pc)
{
    ASSERT(pc >= 0 && pc < frame->sub->count);

    u8 bit = (u8)(1 << (pc & 7));
    bool passed = (frame->own_once[pc >> 3] & bit) != 0;
    frame->own_once[pc >> 3] |= bit;
    return passed;
}

// Called when the instruction count passes its mark or the connection was interrupted.
COLD static int run_check(Vm *vm, u64 steps, u64 *check_at)
{
    ASSERT(vm->is_stepping);

    sqlite3 *db = vm->db;
    if (db->out_of_memory)
        return SQLITE_NOMEM;
    if (atomic_load_explicit(&db->interrupted, memory_order_relaxed))
        return SQLITE_INTERRUPT;
    while (steps >= *check_at && db->progress != NULL) {
        *check_at += db->progress_steps;
        if (db->progress(db->progress_arg) != 0) {
            *check_at = UINT64_MAX;
            return SQLITE_INTERRUPT;
        }
    }
    if (db->progress == NULL)
        *check_at = UINT64_MAX;
    return SQLITE_OK;
}

// Counts go on from step to step of a statement, so that a query of many cheap rows reports
// progress as often as one of few dear ones.
static u64 first_check(const Vm *vm)
{
    ASSERT(vm->db != NULL);

    const sqlite3 *db = vm->db;
    if (db->progress == NULL || db->progress_steps == 0)
        return UINT64_MAX;
    u32 prior = vm->counters[SQLITE_STMTSTATUS_VM_STEP];
    return db->progress_steps - prior % db->progress_steps;
}

// long: the dispatch loop; one case per instruction.
int vm_run(Vm *vm)
{
    ASSERT(vm->state == VM_RUNNING);
    ASSERT(vm->pc >= 0 && vm->pc < vm->code_size);

#include "vm/dispatch_targets.def"
    const volatile atomic_int *interrupted = &vm->db->interrupted;
    Instr *code = vm->code;
    Value *r = vm->registers;
    VmCursor **cursors = vm->cursors;
    Instr *in = code + vm->pc;
    u64 steps = 0;
    u64 check_at = first_check(vm);
    int order = vm->compare_result;
    int rc;

    if (*interrupted)
        goto check;
    BEGIN_CODE

    // --- control ---
    CASE(Init) : op_init(vm, in);
    LOOP(in->p2);
    CASE(Goto) : LOOP(in->p2);
    CASE(Gosub) : value_set_i64(&r[in->p1], in - code);
    JUMP(in->p2);
    CASE(Return) : if (value_is_int(&r[in->p1])) JUMP(r[in->p1].u.integer + 1);
    ASSERT(in->p3 != 0); // only an in-line subroutine falls through
    NEXT;
    CASE(BeginSubrtn) : value_set_null(&r[in->p2]);
    NEXT;
    CASE(InitCoroutine) : value_set_i64(&r[in->p1], in->p3 - 1);
    if (in->p2 != 0)
        JUMP(in->p2);
    NEXT;
    CASE(EndCoroutine) :
    {
        const Instr *caller = code + r[in->p1].u.integer;
        ASSERT(caller->op == OP_Yield);
        r[in->p1].u.integer = (in - code) - 1;
        JUMP(caller->p2);
    }
    CASE(Yield) :
    {
        i64 target = r[in->p1].u.integer;
        ASSERT(value_is_int(&r[in->p1]));
        r[in->p1].u.integer = in - code;
        JUMP(target + 1);
    }
    DELEGATE(Halt, op_halt)
    CASE(HaltIfNull) : if (!value_is_null(&r[in->p3])) NEXT;
    vm->pc = (int)(in - code);
    rc = op_halt(vm, in);
    goto outcome;
    CASE(Integer) : value_set_i64(&r[in->p2], in->p1);
    NEXT;
    CASE(Int64) : ASSERT(in->p4_kind == P4_INT64);
    value_set_i64(&r[in->p2], *in->p4.i64);
    NEXT;
    CASE(Real) : value_set_f64(&r[in->p2], *in->p4.real);
    NEXT;
    DELEGATE(String8, op_string8)
    CASE(String) :
    {
        Value *out = &r[in->p2];
        value_set_null(out);
        out->flags = V_TEXT | V_STATIC | V_NUL_TERMINATED;
        out->bytes = (char *)(uintptr_t)in->p4.text;
        out->size = (u32)in->p1;
        out->encoding = vm->db->encoding;
        if (UNLIKELY(in->p3 > 0) && value_is_int(&r[in->p3]) && r[in->p3].u.integer == in->p5)
            out->flags = V_BLOB | V_STATIC;
        NEXT;
    }
    CASE(Null) : op_null(vm->db, r, in);
    NEXT;
    CASE(SoftNull)
        : r[in->p1].flags = (u16)((r[in->p1].flags & ~(V_UNDEFINED | V_TYPE_MASK)) | V_NULL);
    NEXT;
    CASE(Blob) :
    {
        Value *out = &r[in->p2];
        if (in->p4_kind == P4_NONE) {
            value_set_zeroblob(out, (u32)in->p1);
            NEXT;
        }
        value_set_null(out);
        out->flags = V_BLOB | V_STATIC;
        out->encoding = vm->db->encoding; // should it be read as text
        out->bytes = (char *)(uintptr_t)in->p4.blob;
        out->size = (u32)in->p1;
        NEXT;
    }
    DELEGATE(Variable, op_variable)
    CASE(Move) : op_move(r, in);
    NEXT;
    DELEGATE(Copy, op_copy)
    CASE(SCopy) : reg_borrow(&r[in->p2], &r[in->p1]);
    NEXT;
    CASE(IntCopy) : ASSERT(value_is_int(&r[in->p1]));
    value_set_i64(&r[in->p2], r[in->p1].u.integer);
    NEXT;
    DELEGATE(FkCheck, op_fk_check)
    CASE(ResultRow) : vm->row = &r[in->p1];
    vm->pc = (int)(in - code) + 1;
    rc = SQLITE_ROW;
    steps++;
    goto leave;

    // --- expressions ---
    DELEGATE(Concat, op_concat)
    ARITHMETIC(Add, __builtin_add_overflow)
    ARITHMETIC(Subtract, __builtin_sub_overflow)
    ARITHMETIC(Multiply, __builtin_mul_overflow)
    DELEGATE(Divide, op_arithmetic)
    DELEGATE(Remainder, op_arithmetic)
    DELEGATE(CollSeq, op_collation)
    DELEGATE(BitAnd, op_bits)
    DELEGATE(BitOr, op_bits)
    DELEGATE(ShiftLeft, op_bits)
    DELEGATE(ShiftRight, op_bits)
    CASE(AddImm) : value_set_i64(&r[in->p1], (i64)((u64)value_i64(&r[in->p1]) + (u64)(i64)in->p2));
    NEXT;
    CASE(MustBeInt) : if (value_is_int(&r[in->p1])) NEXT;
    rc = op_must_be_int(vm, in);
    if (rc == SQLITE_OK)
        NEXT;
    goto outcome;
    CASE(RealAffinity) : if (r[in->p1].flags & (V_INT | V_INT_REAL)) value_realify(&r[in->p1]);
    NEXT;
    DELEGATE(Cast, op_cast)
    COMPARISON(Eq, ==)
    COMPARISON(Ne, !=)
    COMPARISON(Lt, <)
    COMPARISON(Le, <=)
    COMPARISON(Gt, >)
    COMPARISON(Ge, >=)
    CASE(ElseEq) : if (order == 0) JUMP(in->p2);
    NEXT;
    CASE(Permutation) : NEXT; // the Compare that follows looks back at it
    CASE(Compare) : rc = op_compare(vm, in);
    if (rc != SQLITE_OK)
        goto outcome;
    order = vm->compare_result;
    NEXT;
    CASE(Jump) : JUMP(order < 0 ? in->p1 : order == 0 ? in->p2 : in->p3);
    CASE(And) : reg_set_three(&r[in->p3], and_table[reg_three(&r[in->p1])][reg_three(&r[in->p2])]);
    NEXT;
    CASE(Or) : reg_set_three(&r[in->p3], or_table[reg_three(&r[in->p1])][reg_three(&r[in->p2])]);
    NEXT;
    CASE(IsTrue) : value_set_i64(&r[in->p2], (int)reg_truth(&r[in->p1], in->p3 != 0) ^ in->p4.i);
    NEXT;
    CASE(Not) : reg_set_three(&r[in->p2], not_table[reg_three(&r[in->p1])]);
    NEXT;
    CASE(BitNot) : if (value_is_null(&r[in->p1])) value_set_null(&r[in->p2]);
    else value_set_i64(&r[in->p2], ~value_i64(&r[in->p1]));
    NEXT;
    CASE(Once) : if (vm->frame != NULL)
    {
        if (once_in_frame(vm->frame, (int)(in - code)))
            JUMP(in->p2);
        NEXT;
    }
    if (in->p1 == code[0].p1)
        JUMP(in->p2);
    in->p1 = code[0].p1;
    NEXT;
    CASE(If) : if (reg_truth(&r[in->p1], in->p3 != 0)) JUMP(in->p2);
    NEXT;
    CASE(IfNot) : if (!reg_truth(&r[in->p1], in->p3 == 0)) JUMP(in->p2);
    NEXT;
    CASE(IsNull) : if (value_is_null(&r[in->p1])) JUMP(in->p2);
    NEXT;
    DELEGATE(IsType, op_is_type)
    CASE(NotNull) : if (!value_is_null(&r[in->p1])) JUMP(in->p2);
    NEXT;
    CASE(ZeroOrNull)
        : if (value_is_null(&r[in->p1]) || value_is_null(&r[in->p3])) value_set_null(&r[in->p2]);
    else value_set_i64(&r[in->p2], 0);
    NEXT;
    CASE(IfNullRow) : if (cursors[in->p1] == NULL || !cursors[in->p1]->null_row) NEXT;
    value_set_null(&r[in->p3]);
    JUMP(in->p2);

    // --- rows and records ---
    DELEGATE(Offset, op_offset)
    CASE(Column) : if (LIKELY(column_fast(cursors[in->p1], (u32)in->p2, &r[in->p3]))) NEXT;
    rc = op_column(vm, in);
    if (LIKELY(rc == SQLITE_OK))
        NEXT;
    goto outcome;
    DELEGATE(TypeCheck, op_type_check)
    DELEGATE(Affinity, op_affinity)
    DELEGATE(MakeRecord, op_make_record)
    DELEGATE(Count, op_count)

    // --- transactions and schema ---
    DELEGATE(Savepoint, op_savepoint)
    DELEGATE(AutoCommit, op_autocommit)
    DELEGATE(Transaction, op_transaction)
    DELEGATE(ReadCookie, op_read_cookie)
    DELEGATE(SetCookie, op_set_cookie)
    DELEGATE(OpenRead, op_open_tree)
    DELEGATE(ReopenIdx, op_open_tree)
    DELEGATE(OpenWrite, op_open_tree)
    DELEGATE(OpenDup, op_open_dup)
    DELEGATE(OpenAutoindex, op_open_ephemeral)
    DELEGATE(OpenEphemeral, op_open_ephemeral)
    DELEGATE(SorterOpen, op_open_sorter)
    DELEGATE(SorterLimit, op_sorter_limit)
    DELEGATE(SorterReject, op_sorter_reject)
    DELEGATE(MeasureOpen, op_measure_open)
    DELEGATE(MeasureSkip, op_measure_skip)
    DELEGATE(SequenceTest, op_sequence_test)
    DELEGATE(OpenPseudo, op_open_pseudo)
    DELEGATE(Close, op_close)
    CASE(ColumnsUsed) : NEXT;

    // --- seeking ---
    DELEGATE(SeekLT, op_seek)
    DELEGATE(SeekLE, op_seek)
    DELEGATE(SeekGE, op_seek)
    DELEGATE(SeekGT, op_seek)
    CASE(SeekScan) : NEXT;
    DELEGATE(SeekHit, op_seek_hit)
    DELEGATE(IfNotOpen, op_if_not_open)
    DELEGATE(IfNoHope, op_found)
    DELEGATE(NoConflict, op_found)
    DELEGATE(NotFound, op_found)
    DELEGATE(Found, op_found)
    DELEGATE(SeekRowid, op_seek_rowid)
    DELEGATE(NotExists, op_seek_rowid)
    CASE(Sequence) : value_set_i64(&r[in->p2], cursors[in->p1]->sequence++);
    NEXT;

    // --- writing rows ---
    DELEGATE(NewRowid, op_new_rowid)
    DELEGATE(Insert, op_insert)
    DELEGATE(RowCell, op_row_cell)
    DELEGATE(Delete, op_delete)
    DELEGATE(ChangedColumns, op_changed_columns)
    DELEGATE(RowChange, op_row_change)
    DELEGATE(ResetCount, op_reset_count)
    DELEGATE(SorterCompare, op_sorter_compare)
    DELEGATE(SorterData, op_sorter_data)
    DELEGATE(RowData, op_row_data)
    DELEGATE(Rowid, op_rowid)
    DELEGATE(NullRow, op_null_row)
    DELEGATE(SeekEnd, op_seek_end)
    DELEGATE(Last, op_last)
    DELEGATE(IfSizeBetween, op_if_size_between)
    DELEGATE(IfEmpty, op_if_empty)
    DELEGATE(SorterSort, op_sorter_sort)
    DELEGATE(Sort, op_rewind)
    DELEGATE(Rewind, op_rewind)
    CASE(Prev) : ASSERT(cursor_in(vm, in->p1)->kind == VM_CURSOR_TREE);
    rc = cursor_previous(cursors[in->p1]->tree);
    goto stepped;
    CASE(Next) : ASSERT(cursor_in(vm, in->p1)->kind == VM_CURSOR_TREE);
    rc = cursor_next(cursors[in->p1]->tree);
stepped:
    cursors[in->p1]->row = NULL;
    if (LIKELY(rc == SQLITE_OK)) {
        cursors[in->p1]->null_row = false;
        vm->counters[in->p5]++;
        LOOP(in->p2);
    }
    cursors[in->p1]->null_row = true;
    if (rc == SQLITE_DONE)
        NEXT;
    goto outcome;
    DELEGATE_LOOP(SorterNext, op_sorter_next)
    DELEGATE(IdxInsert, op_index_insert)
    DELEGATE(SorterInsert, op_sorter_insert)
    DELEGATE(IdxDelete, op_index_delete)
    DELEGATE(DeferredSeek, op_deferred_seek)
    DELEGATE(FinishSeek, op_finish_seek)
    DELEGATE(IdxRowid, op_index_rowid)
    DELEGATE(IdxLE, op_index_compare)
    DELEGATE(IdxGT, op_index_compare)
    DELEGATE(IdxLT, op_index_compare)
    DELEGATE(IdxGE, op_index_compare)
    DELEGATE(BulkBuild, op_bulk_build)

    // --- trees and schema objects ---
    DELEGATE(Destroy, op_destroy)
    DELEGATE(Clear, op_clear)
    DELEGATE(ResetSorter, op_reset_sorter)
    DELEGATE(CreateBtree, op_create_tree)
    DELEGATE(SqlExec, op_sql_exec)
    DELEGATE(ParseSchema, op_parse_schema)
    DELEGATE(LoadAnalysis, op_load_analysis)
    DELEGATE(DropTable, op_drop_object)
    DELEGATE(DropIndex, op_drop_object)
    DELEGATE(DropTrigger, op_drop_object)
    DELEGATE(IntegrityCk, op_integrity_check)

    // --- sets of rowids ---
    DELEGATE(RowSetAdd, op_rowset_add)
    DELEGATE(RowSetRead, op_rowset_read)
    DELEGATE(RowSetTest, op_rowset_test)

    // --- triggers and foreign keys ---
    DELEGATE(Program, op_program)
    DELEGATE(Param, op_param)
    DELEGATE(FkCounter, op_fk_counter)
    DELEGATE(FkIfZero, op_fk_counter)
    DELEGATE(MemMax, op_mem_max)

    // --- counting ---
    CASE(IfPos) : ASSERT(value_is_int(&r[in->p1]));
    if (r[in->p1].u.integer <= 0)
        NEXT;
    r[in->p1].u.integer -= in->p3;
    JUMP(in->p2);
    CASE(OffsetLimit) :
    {
        ASSERT(value_is_int(&r[in->p1]) && value_is_int(&r[in->p3]));
        i64 limit = r[in->p1].u.integer, offset = r[in->p3].u.integer;
        bool unlimited =
            limit <= 0 || __builtin_add_overflow(limit, offset > 0 ? offset : 0, &limit);
        value_set_i64(&r[in->p2], unlimited ? -1 : limit);
        NEXT;
    }
    CASE(IfNotZero) : ASSERT(value_is_int(&r[in->p1]));
    if (r[in->p1].u.integer == 0)
        NEXT;
    if (r[in->p1].u.integer > 0)
        r[in->p1].u.integer--;
    JUMP(in->p2);
    CASE(DecrJumpZero) : ASSERT(value_is_int(&r[in->p1]));
    if (r[in->p1].u.integer > INT64_MIN)
        r[in->p1].u.integer--;
    if (r[in->p1].u.integer == 0)
        JUMP(in->p2);
    NEXT;

    // --- aggregates and functions ---
    DELEGATE(AggInverse, op_agg_step)
    DELEGATE(AggStep, op_agg_step)
    DELEGATE(AggValue, op_agg_value)
    DELEGATE(AggFinal, op_agg_final)
    DELEGATE(PureFunc, op_function)
    DELEGATE(Function, op_function)
    CASE(ClrSubtype) : r[in->p1].flags &= (u16)~V_SUBTYPE;
    NEXT;
    CASE(GetSubtype)
        : if (r[in->p1].flags & V_SUBTYPE) value_set_i64(&r[in->p2], r[in->p1].subtype);
    else value_set_null(&r[in->p2]);
    NEXT;
    CASE(SetSubtype) : if (value_is_null(&r[in->p1])) r[in->p2].flags &= (u16)~V_SUBTYPE;
    else
    {
        r[in->p2].flags |= V_SUBTYPE;
        r[in->p2].subtype = (u8)r[in->p1].u.integer;
    }
    NEXT;

    // --- the file ---
    DELEGATE(Checkpoint, op_checkpoint)
    DELEGATE(JournalMode, op_journal_mode)
    DELEGATE(Vacuum, op_vacuum)
    DELEGATE(IncrVacuum, op_incremental_vacuum)
    DELEGATE(Expire, op_expire)
    CASE(CursorLock) : NEXT;
    CASE(CursorUnlock) : NEXT;
    DELEGATE(TableLock, op_table_lock)

    // --- virtual tables ---
    DELEGATE(VBegin, op_vtab_begin)
    DELEGATE(VCreate, op_vtab_create)
    DELEGATE(VDestroy, op_vtab_destroy)
    DELEGATE(VOpen, op_vtab_open)
    DELEGATE(VCheck, op_vtab_check)
    DELEGATE(VInitIn, op_vtab_in)
    DELEGATE(VFilter, op_vtab_filter)
    DELEGATE(VColumn, op_vtab_column)
    DELEGATE_LOOP(VNext, op_vtab_next)
    DELEGATE(VRename, op_vtab_rename)
    DELEGATE(VUpdate, op_vtab_update)

    // --- rest ---
    DELEGATE(Pagecount, op_page_count)
    DELEGATE(MaxPgcnt, op_max_page_count)
    DELEGATE(FilterWait, op_filter_wait)
    DELEGATE(FilterJudge, op_filter_judge)
    DELEGATE(FilterAdd, op_filter_add)
    DELEGATE(Filter, op_filter)
    CASE(Trace) : if (UNLIKELY(vm->db->trace_mask != 0)) trace_trigger(vm, in->p4.text);
    NEXT;
    CASE(ReleaseReg) : NEXT;
    CASE(CursorHint) : NEXT;
    CASE(Abortable) : NEXT;
    CASE(Noop) : NEXT;
    CASE(Explain) : in->p3 += in->p3 < INT32_MAX;
    NEXT;

    // --- hash tables ---
    DELEGATE(JoinOpen, op_join_open)
    DELEGATE(JoinInsert, op_join_insert)
    DELEGATE(JoinProbe, op_join_probe)
    DELEGATE_LOOP(JoinNext, op_join_next)
    DELEGATE(HashOpen, op_hash_open)
    DELEGATE(HashRewind, op_hash_rewind)
    DELEGATE_LOOP(HashStep, op_hash_step)
    DELEGATE(HashGroup, op_hash_group)
    DELEGATE(HashRefused, op_hash_refused)

    END_CODE

outcome:
    if (rc == VM_JUMP)
        JUMP(in->p2);
    if (rc == VM_ENTER) {
        code = vm->code;
        r = vm->registers;
        cursors = vm->cursors;
        ASSERT(vm->pc >= 0 && vm->pc < vm->code_size);
        in = code + vm->pc;
        steps++;
        if (UNLIKELY(steps >= check_at) || UNLIKELY(*interrupted))
            goto check;
        DISPATCH();
    }
    ASSERT(rc > 0 || rc == VM_LEAVE); // SQLITE_OK goes on where it arises
    if (rc == VM_LEAVE) {
        rc = vm->rc == SQLITE_OK ? SQLITE_DONE : vm->rc;
        goto leave;
    }
    vm->pc = (int)(in - code);
    goto leave;
check:
    rc = run_check(vm, steps, &check_at);
    if (rc == SQLITE_OK)
        DISPATCH();
    vm->pc = (int)(in - code);
leave:
    vm->compare_result = order;
    vm->counters[SQLITE_STMTSTATUS_VM_STEP] += (u32)steps;
    return rc;
}
