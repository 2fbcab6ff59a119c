// engine/vm/vm_run.c, op_*.c: programs assembled by hand.
#include "support/machine.h"
#include "support/test.h"

#include "base/alloc.h"
#include "vm/vm_priv.h"

static void emit_row_and_halt(Program *p, int first, int count)
{
    program_emit(p, OP_ResultRow, first, count, 0);
    program_emit0(p, OP_Halt);
}

// r[1] and r[2] are the operands, r[3] the result.
static SubProgram *define_trigger(Program *owner, Program *code, int register_count)
{
    SubProgram *sub = program_sub_declare(owner, &(SubIdentity){.token = code, .name = "tr"});
    program_sub_define(owner, sub, code, register_count, 0);
    return sub;
}

static const char *compute(Machine *m, Opcode op, i64 left, i64 right)
{
    Program *p = machine_program(m);
    program_emit_i64(p, OP_Int64, 0, 2, 0, left);
    program_emit_i64(p, OP_Int64, 0, 1, 0, right);
    program_emit(p, op, 1, 2, 3);
    emit_row_and_halt(p, 3, 1);
    Vm *vm = machine_vm(m, p, 1);
    const char *rows = machine_rows(m, vm);
    assert_ok(vm_finalize(vm));
    return rows;
}

static void integers_overflow_into_reals(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    assert_text("5", compute(&m, OP_Add, 2, 3));
    assert_text("9.2233720368547758e+18", compute(&m, OP_Add, INT64_MAX, 1));
    assert_text("-7", compute(&m, OP_Subtract, -3, 4));
    assert_text("-2", compute(&m, OP_Divide, -7, 3));
    assert_text("NULL", compute(&m, OP_Divide, 1, 0));
    assert_text("9.2233720368547758e+18", compute(&m, OP_Divide, INT64_MIN, -1));
    assert_text("0", compute(&m, OP_Remainder, INT64_MIN, -1));
    assert_text("40", compute(&m, OP_ShiftLeft, 5, 3));
    assert_text("-1", compute(&m, OP_ShiftRight, -5, 70));
    assert_text("10", compute(&m, OP_ShiftRight, 5, -1));
    machine_close(&m);
}

static const char *compute_texts(Machine *m, Opcode op, const char *left, const char *right)
{
    Program *p = machine_program(m);
    program_emit_text(p, OP_String8, 0, 2, 0, left, -1);
    program_emit_text(p, OP_String8, 0, 1, 0, right, -1);
    program_emit(p, op, 1, 2, 3);
    emit_row_and_halt(p, 3, 1);
    Vm *vm = machine_vm(m, p, 1);
    const char *rows = machine_rows(m, vm);
    assert_ok(vm_finalize(vm));
    return rows;
}

static void text_counts_for_the_number_it_begins_with(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    assert_text("8", compute_texts(&m, OP_Add, "5 apples", "3"));
    assert_text("0", compute_texts(&m, OP_Multiply, "x", "3"));
    assert_text("3.5", compute_texts(&m, OP_Add, "1.5", "2"));
    assert_text("ab", compute_texts(&m, OP_Concat, "a", "b"));
    machine_close(&m);
}

static void a_concatenation_may_grow_its_own_operand(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Program *p = machine_program(&m);
    program_emit_text(p, OP_String8, 0, 1, 0, "ab", -1);
    program_emit_text(p, OP_String8, 0, 2, 0, "", -1);
    program_emit(p, OP_Integer, 30, 3, 0);
    int loop = program_emit(p, OP_Concat, 1, 2, 2);
    program_emit(p, OP_IfPos, 3, loop, 1);
    emit_row_and_halt(p, 2, 1);
    Vm *vm = machine_vm(&m, p, 1);
    assert_int_equal(vm_step(vm), SQLITE_ROW);
    assert_int_equal(vm->row->size, 62);
    machine_close(&m);
}

// 1 if the comparison of r[3] with r[1] jumps.
static const char *compare(Machine *m, Opcode op, const char *left, const char *right, int p5)
{
    Program *p = machine_program(m);
    if (left != NULL)
        program_emit_text(p, OP_String8, 0, 3, 0, left, -1);
    else
        program_emit(p, OP_Null, 0, 3, 0);
    program_emit(p, OP_Integer, right == NULL ? 0 : atoi(right), 1, 0);
    if (right == NULL)
        program_emit(p, OP_Null, 0, 1, 0);
    program_emit(p, OP_Integer, 1, 2, 0);
    int jump = program_emit(p, op, 1, 0, 3);
    program_set_p5(p, (u16)p5);
    program_emit(p, OP_Integer, 0, 2, 0);
    program_jump_here(p, jump);
    emit_row_and_halt(p, 2, 1);
    Vm *vm = machine_vm(m, p, 1);
    const char *rows = machine_rows(m, vm);
    assert_ok(vm_finalize(vm));
    return rows;
}

static void comparisons_apply_affinity_and_treat_null_as_told(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    assert_text("0", compare(&m, OP_Eq, "10", "10", AFF_BLOB)); // text is no number
    assert_text("1", compare(&m, OP_Gt, "10", "10", AFF_BLOB));
    assert_text("1", compare(&m, OP_Eq, "10", "10", AFF_NUMERIC));
    assert_text("1", compare(&m, OP_Lt, "10", "9", AFF_TEXT));
    assert_text("0", compare(&m, OP_Lt, "10", "9", AFF_INTEGER));
    assert_text("0", compare(&m, OP_Eq, NULL, NULL, 0));
    assert_text("1", compare(&m, OP_Eq, NULL, NULL, P5_JUMP_IF_NULL));
    assert_text("1", compare(&m, OP_Eq, NULL, NULL, P5_NULL_EQUAL));
    assert_text("0", compare(&m, OP_Ne, NULL, NULL, P5_NULL_EQUAL));
    assert_text("1", compare(&m, OP_Ne, NULL, "1", P5_NULL_EQUAL));
    machine_close(&m);
}

static void rows_inserted_are_read_back_in_order(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Pgno root = machine_tree(&m, TREE_TABLE);
    machine_fill(&m, root, 1000);
    assert_int_equal(m.db.last_rowid, 1000);

    Program *p = machine_program(&m);
    emit_transaction(p, 0);
    program_emit_int(p, OP_OpenRead, 0, (int)root, 0, 2);
    int rewind = program_emit(p, OP_Rewind, 0, 0, 0);
    int loop = program_emit(p, OP_Column, 0, 1, 2);
    program_emit(p, OP_Column, 0, 0, 1);
    program_emit(p, OP_Rowid, 0, 3, 0);
    program_emit(p, OP_Integer, 990, 4, 0);
    int skip = program_emit(p, OP_Lt, 4, 0, 1);
    program_emit(p, OP_ResultRow, 1, 3, 0);
    program_jump_here(p, skip);
    program_emit(p, OP_Next, 0, loop, 0);
    program_jump_here(p, rewind);
    program_emit0(p, OP_Halt);
    Vm *vm = machine_vm(&m, p, 3);

    for (int run = 0; run < 2; run++) {
        assert_int_equal(vm_step(vm), SQLITE_ROW);
        assert_int_equal(value_i64(&vm->row[0]), 990);
        assert_text("row-990", (const char *)value_text(&vm->row[1], SQLITE_UTF8));
        assert_int_equal(value_i64(&vm->row[2]), 990);
        for (int i = 0; i < 10; i++)
            assert_int_equal(vm_step(vm), SQLITE_ROW);
        assert_int_equal(vm_step(vm), SQLITE_DONE);
    }
    machine_close(&m);
}

static void a_row_with_fewer_fields_takes_the_default(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Pgno root = machine_tree(&m, TREE_TABLE);
    machine_fill(&m, root, 1);
    Program *p = machine_program(&m);
    emit_transaction(p, 0);
    program_emit_int(p, OP_OpenRead, 0, (int)root, 0, 4);
    program_emit(p, OP_Rewind, 0, 0, 0);
    int column = program_emit(p, OP_Column, 0, 2, 1);
    Value *value = arena_alloc_zeroed(program_arena(p), sizeof *value);
    value_set_i64(value, 42);
    program_set_value(p, column, value);
    program_emit(p, OP_Column, 0, 3, 2);
    emit_row_and_halt(p, 1, 2);
    assert_text("42,NULL", machine_rows(&m, machine_vm(&m, p, 2)));
    machine_close(&m);
}

static void long_values_are_read_from_overflow_pages(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Pgno root = machine_tree(&m, TREE_TABLE);
    Program *p = machine_program(&m);
    emit_transaction(p, 1);
    program_emit_int(p, OP_OpenWrite, 0, (int)root, 0, 3);
    program_emit(p, OP_Integer, 77, 1, 0);
    program_emit(p, OP_Blob, 20000, 2, 0);
    program_emit(p, OP_Integer, 5, 3, 0);
    program_emit(p, OP_MakeRecord, 1, 3, 4);
    program_emit(p, OP_Insert, 0, 4, 1);
    program_emit(p, OP_Rewind, 0, 0, 0);
    program_emit(p, OP_Column, 0, 2, 6);
    program_emit(p, OP_Column, 0, 0, 5);
    program_emit(p, OP_Column, 0, 1, 7);
    program_emit(p, OP_ResultRow, 5, 3, 0);
    program_emit0(p, OP_Halt);
    Vm *vm = machine_vm(&m, p, 3);
    assert_int_equal(vm_step(vm), SQLITE_ROW);
    assert_int_equal(value_i64(&vm->row[0]), 77);
    assert_int_equal(value_i64(&vm->row[1]), 5);
    assert_int_equal(value_size(&vm->row[2]), 20000);
    machine_close(&m);
}

// Rowids found by seeking `key` with `op` in a table with rowids 10, 20, 30.
static const char *seek(Machine *m, Pgno root, Opcode op, f64 key)
{
    Program *p = machine_program(m);
    emit_transaction(p, 0);
    program_emit_int(p, OP_OpenRead, 0, (int)root, 0, 1);
    program_emit_real(p, OP_Real, 0, 1, 0, key);
    program_emit(p, OP_Integer, 0, 2, 0);
    int none = program_emit_int(p, op, 0, 0, 1, 1);
    program_emit(p, OP_Rowid, 0, 2, 0);
    program_jump_here(p, none);
    emit_row_and_halt(p, 2, 1);
    Vm *vm = machine_vm(m, p, 1);
    const char *rows = machine_rows(m, vm);
    assert_ok(vm_finalize(vm));
    return rows;
}

static void seeks_between_integers_land_on_the_right_side(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Pgno root = machine_tree(&m, TREE_TABLE);
    Program *p = machine_program(&m);
    emit_transaction(p, 1);
    program_emit_int(p, OP_OpenWrite, 0, (int)root, 0, 1);
    for (int i = 10; i <= 30; i += 10) {
        program_emit(p, OP_Integer, i, 1, 0);
        program_emit(p, OP_MakeRecord, 1, 1, 2);
        program_emit(p, OP_Insert, 0, 2, 1);
    }
    program_emit0(p, OP_Halt);
    assert_text("", machine_rows(&m, machine_vm(&m, p, 0)));

    assert_text("20", seek(&m, root, OP_SeekGE, 20.0));
    assert_text("30", seek(&m, root, OP_SeekGT, 20.0));
    assert_text("30", seek(&m, root, OP_SeekGE, 20.5));
    assert_text("20", seek(&m, root, OP_SeekLT, 20.5));
    assert_text("20", seek(&m, root, OP_SeekLE, 20.5));
    assert_text("10", seek(&m, root, OP_SeekLT, 20.0));
    assert_text("10", seek(&m, root, OP_SeekGT, -1e300));
    assert_text("30", seek(&m, root, OP_SeekLE, 1e300));
    assert_text("0", seek(&m, root, OP_SeekGT, 30.0));
    assert_text("0", seek(&m, root, OP_SeekLT, 10.0));
    machine_close(&m);
}

static void coroutines_swap_places_with_their_callers(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Program *p = machine_program(&m);
    Label body = label_new(p), start = label_new(p), done = label_new(p);
    program_emit(p, OP_InitCoroutine, 1, start, body);
    label_here(p, body);
    for (int i = 1; i <= 3; i++) {
        program_emit(p, OP_Integer, i * 11, 2, 0);
        program_emit(p, OP_Yield, 1, 0, 0);
    }
    program_emit(p, OP_EndCoroutine, 1, 0, 0);
    label_here(p, start);
    program_emit(p, OP_InitCoroutine, 1, 0, body);
    int loop = program_emit(p, OP_Yield, 1, done, 0);
    program_emit(p, OP_ResultRow, 2, 1, 0);
    program_emit(p, OP_Goto, 0, loop, 0);
    label_here(p, done);
    program_emit0(p, OP_Halt);
    assert_text("11 22 33", machine_rows(&m, machine_vm(&m, p, 1)));
    machine_close(&m);
}

static void once_passes_once_in_every_run(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Program *p = machine_program(&m);
    program_emit(p, OP_Integer, 0, 1, 0);
    program_emit(p, OP_Integer, 3, 2, 0);
    int once = program_emit(p, OP_Once, 0, 0, 0);
    program_emit(p, OP_AddImm, 1, 1, 0);
    program_jump_here(p, once);
    program_emit(p, OP_IfPos, 2, once, 1);
    emit_row_and_halt(p, 1, 1);
    Vm *vm = machine_vm(&m, p, 1);
    assert_text("1", machine_rows(&m, vm));
    assert_text("1", machine_rows(&m, vm));
    machine_close(&m);
}

static void an_index_finds_prefixes_of_its_keys(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Pgno root = machine_tree(&m, TREE_INDEX);
    Program *p = machine_program(&m);
    emit_transaction(p, 1);
    program_emit_shape(p, OP_OpenWrite, 0, (int)root, 0, machine_shape(&m, 2, 2));
    for (int i = 0; i < 10; i++) {
        program_emit(p, OP_Integer, i / 2, 1, 0);
        program_emit(p, OP_Integer, 100 + i, 2, 0);
        program_emit(p, OP_MakeRecord, 1, 2, 3);
        program_emit_int(p, OP_IdxInsert, 0, 3, 1, 2);
    }
    program_emit(p, OP_Integer, 3, 4, 0);
    int end = program_emit_int(p, OP_SeekGE, 0, 0, 4, 1);
    int loop = program_emit_int(p, OP_IdxGT, 0, 0, 4, 1);
    program_emit(p, OP_IdxRowid, 0, 5, 0);
    program_emit(p, OP_ResultRow, 5, 1, 0);
    program_emit(p, OP_Next, 0, loop, 0);
    program_jump_here(p, end);
    program_jump_here(p, loop);
    program_emit0(p, OP_Halt);
    assert_text("106 107", machine_rows(&m, machine_vm(&m, p, 1)));
    machine_close(&m);
}

static void a_null_key_conflicts_with_nothing_and_leaves_no_seek_behind(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Pgno root = machine_tree(&m, TREE_INDEX);
    Program *p = machine_program(&m);
    emit_transaction(p, 1);
    program_emit_shape(p, OP_OpenWrite, 0, (int)root, 0, machine_shape(&m, 2, 2));
    program_emit(p, OP_Integer, 5, 1, 0);
    program_emit(p, OP_Integer, 1, 2, 0);
    program_emit(p, OP_MakeRecord, 1, 2, 3);
    program_emit(p, OP_IdxInsert, 0, 3, 0);
    program_emit_int(p, OP_Found, 0, program_here(p) + 1, 1, 2); // stands on the entry
    program_emit(p, OP_Null, 0, 1, 0);
    program_emit(p, OP_MakeRecord, 1, 2, 3);
    program_emit_int(p, OP_NoConflict, 0, program_here(p) + 1, 1, 2);
    program_emit(p, OP_IdxInsert, 0, 3, 0);
    program_set_p5(p, P5_USE_SEEK_RESULT);
    program_emit(p, OP_Count, 0, 4, 0);
    emit_row_and_halt(p, 4, 1);
    assert_text("2", machine_rows(&m, machine_vm(&m, p, 1)));
    machine_close(&m);
}

static void deleting_while_scanning_misses_no_row(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Pgno root = machine_tree(&m, TREE_TABLE);
    machine_fill(&m, root, 500);
    Program *p = machine_program(&m);
    emit_transaction(p, 1);
    program_emit_int(p, OP_OpenWrite, 0, (int)root, 0, 2);
    program_emit(p, OP_Integer, 0, 1, 0);
    int rewind = program_emit(p, OP_Rewind, 0, 0, 0);
    int loop = program_emit(p, OP_Delete, 0, P5_NCHANGE, 0);
    program_set_p5(p, P5_SAVE_POSITION);
    program_emit(p, OP_AddImm, 1, 1, 0);
    program_emit(p, OP_Next, 0, loop, 0);
    program_jump_here(p, rewind);
    program_emit(p, OP_Count, 0, 2, 0);
    program_emit(p, OP_ResultRow, 1, 2, 0);
    program_emit0(p, OP_Halt);
    assert_text("500,0", machine_rows(&m, machine_vm(&m, p, 2)));
    machine_close(&m);
}

static void a_sorter_orders_rows_and_keeps_the_first(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Program *p = machine_program(&m);
    program_emit_shape(p, OP_SorterOpen, 0, 2, 0, machine_shape(&m, 1, 2));
    program_emit(p, OP_Integer, 3, 9, 0);
    program_emit(p, OP_SorterLimit, 0, 9, 0);
    for (int i = 0; i < 20; i++) {
        program_emit(p, OP_Integer, (i * 7) % 10, 1, 0);
        program_emit(p, OP_Integer, i, 2, 0);
        program_emit(p, OP_MakeRecord, 1, 2, 3);
        program_emit(p, OP_SorterInsert, 0, 3, 0);
    }
    program_emit(p, OP_OpenPseudo, 1, 4, 2);
    int end = program_emit(p, OP_SorterSort, 0, 0, 0);
    int loop = program_emit(p, OP_SorterData, 0, 4, 1);
    program_emit(p, OP_Column, 1, 0, 5);
    program_emit(p, OP_Column, 1, 1, 6);
    program_emit(p, OP_ResultRow, 5, 2, 0);
    program_emit(p, OP_SorterNext, 0, loop, 0);
    program_jump_here(p, end);
    program_emit0(p, OP_Halt);
    assert_text("0,0 0,10 1,3", machine_rows(&m, machine_vm(&m, p, 2)));
    machine_close(&m);
}

static void a_trigger_reads_the_registers_of_its_caller(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Program *p = machine_program(&m);
    Program *t = machine_program(&m);
    program_emit(t, OP_Param, 2, 1, 0); // r[2 + 3] of the caller
    program_emit(t, OP_AddImm, 1, 1, 0);
    program_emit(t, OP_ResultRow, 1, 1, 0);
    program_emit0(t, OP_Halt);
    SubProgram *sub = define_trigger(p, t, 2);
    program_emit(p, OP_Integer, 41, 5, 0);
    program_emit_program(p, OP_Program, 3, 0, 1, sub);
    program_jump_here(p, program_here(p) - 1);
    program_emit(p, OP_ResultRow, 5, 1, 0);
    program_emit0(p, OP_Halt);
    Vm *vm = machine_vm(&m, p, 1);
    assert_text("42 41", machine_rows(&m, vm));
    assert_text("42 41", machine_rows(&m, vm));
    machine_close(&m);
}

static void count_calls(FuncCall *call, int arg_count, Value **args)
{
    (void)arg_count;
    call_result_i64(call, value_i64(args[0]) + (call_db(call)->autocommit ? 1 : 0));
}

static void functions_called_by_triggers_know_their_connection(void **state)
{
    (void)state;
    static const FuncDef def = {.name = "f", .arg_count = 1, .call = count_calls};
    Machine m;
    machine_open(&m);
    Program *p = machine_program(&m);
    Program *t = machine_program(&m);
    program_emit(t, OP_Integer, 6, 1, 0);
    program_emit_func(t, OP_Function, 0, 1, 2, &def);
    program_set_p5(t, 1);
    emit_row_and_halt(t, 2, 1);
    SubProgram *sub = define_trigger(p, t, 2);
    program_emit_program(p, OP_Program, 0, program_here(p) + 1, 0, sub);
    program_emit0(p, OP_Halt);
    assert_text("7", machine_rows(&m, machine_vm(&m, p, 1)));
    machine_close(&m);
}

static void a_statement_in_a_transaction_undoes_only_itself(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Pgno root = machine_tree(&m, TREE_TABLE);
    m.db.autocommit = false;
    machine_fill(&m, root, 3);

    Program *p = machine_program(&m);
    emit_transaction(p, 1);
    program_emit_int(p, OP_OpenWrite, 0, (int)root, 0, 2);
    program_emit(p, OP_Rewind, 0, 0, 0);
    program_emit(p, OP_Delete, 0, 0, 0);
    program_emit_text(p, OP_Halt, SQLITE_CONSTRAINT_UNIQUE, ON_CONFLICT_ABORT, 0, "t.a", -1);
    program_set_p5(p, P5_CONSTRAINT_UNIQUE);
    Vm *vm = machine_vm(&m, p, 0);
    vm->wants_journal = true;
    assert_int_equal(vm_step(vm), SQLITE_CONSTRAINT_UNIQUE);
    assert_text("UNIQUE constraint failed: t.a",
                (const char *)value_text(m.db.error_message, SQLITE_UTF8));
    assert_int_equal(vm_finalize(vm), SQLITE_CONSTRAINT_UNIQUE);
    assert_false(m.db.autocommit);

    p = machine_program(&m);
    emit_transaction(p, 0);
    program_emit_int(p, OP_OpenRead, 0, (int)root, 0, 2);
    program_emit(p, OP_Count, 0, 1, 0);
    emit_row_and_halt(p, 1, 1);
    assert_text("3", machine_rows(&m, machine_vm(&m, p, 1)));
    machine_close(&m);
}

static const char *run_one(Machine *m, Opcode op, int p1, int p2, const char *name)
{
    Program *p = machine_program(m);
    program_emit_text(p, op, p1, p2, 0, name, -1);
    program_emit0(p, OP_Halt);
    Vm *vm = machine_vm(m, p, 0);
    const char *rows = machine_rows(m, vm);
    (void)vm_finalize(vm);
    return rows;
}

static i64 count_rows(Machine *m, Pgno root)
{
    Program *p = machine_program(m);
    emit_transaction(p, 0);
    program_emit_int(p, OP_OpenRead, 0, (int)root, 0, 2);
    program_emit(p, OP_Count, 0, 1, 0);
    emit_row_and_halt(p, 1, 1);
    Vm *vm = machine_vm(m, p, 1);
    i64 count = atoll(machine_rows(m, vm));
    assert_ok(vm_finalize(vm));
    return count;
}

static void savepoints_nest_and_roll_back_by_name(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Pgno root = machine_tree(&m, TREE_TABLE);
    assert_text("", run_one(&m, OP_Savepoint, SAVEPOINT_BEGIN, 0, "a"));
    assert_false(m.db.autocommit);
    machine_fill(&m, root, 2);
    assert_text("", run_one(&m, OP_Savepoint, SAVEPOINT_BEGIN, 0, "b"));
    machine_fill(&m, root, 3);
    assert_int_equal(count_rows(&m, root), 5);
    assert_text("", run_one(&m, OP_Savepoint, SAVEPOINT_ROLLBACK, 0, "B"));
    assert_int_equal(count_rows(&m, root), 2);
    assert_text("error 1", run_one(&m, OP_Savepoint, SAVEPOINT_RELEASE, 0, "c"));
    assert_text("", run_one(&m, OP_Savepoint, SAVEPOINT_RELEASE, 0, "a"));
    assert_true(m.db.autocommit);
    assert_int_equal(m.db.savepoint_count, 0);
    assert_int_equal(count_rows(&m, root), 2);
    machine_close(&m);
}

static void rolling_back_the_outermost_savepoint_undoes_all(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Pgno root = machine_tree(&m, TREE_TABLE);
    assert_text("", run_one(&m, OP_Savepoint, SAVEPOINT_BEGIN, 0, "a"));
    machine_fill(&m, root, 2);
    assert_text("", run_one(&m, OP_Savepoint, SAVEPOINT_ROLLBACK, 0, "a"));
    assert_int_equal(count_rows(&m, root), 0);
    machine_fill(&m, root, 1);
    assert_text("", run_one(&m, OP_AutoCommit, 1, 0, NULL));
    assert_int_equal(count_rows(&m, root), 1);
    machine_close(&m);
}

static void begin_commit_and_rollback_complain_out_of_place(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Pgno root = machine_tree(&m, TREE_TABLE);
    assert_text("error 1", run_one(&m, OP_AutoCommit, 1, 0, NULL));
    assert_text("", run_one(&m, OP_AutoCommit, 0, 0, NULL));
    assert_text("error 1", run_one(&m, OP_AutoCommit, 0, 0, NULL));
    machine_fill(&m, root, 4);
    assert_text("", run_one(&m, OP_AutoCommit, 1, 1, NULL)); // ROLLBACK
    assert_true(m.db.autocommit);
    assert_int_equal(count_rows(&m, root), 0);
    machine_close(&m);
}

static void deferred_foreign_keys_stop_a_commit(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    assert_text("", run_one(&m, OP_AutoCommit, 0, 0, NULL));
    assert_text("", run_one(&m, OP_FkCounter, 1, 1, NULL));
    assert_text("error 787", run_one(&m, OP_AutoCommit, 1, 0, NULL));
    assert_false(m.db.autocommit);
    assert_text("", run_one(&m, OP_FkCounter, 1, -1, NULL));
    assert_text("", run_one(&m, OP_AutoCommit, 1, 0, NULL));
    machine_close(&m);
}

static int interrupt_at_once(void *arg)
{
    int *calls = arg;
    return ++*calls >= 3;
}

static void the_progress_handler_can_stop_an_endless_loop(void **state)
{
    (void)state;
    Machine m;
    int calls = 0;
    machine_open(&m);
    m.db.progress = interrupt_at_once;
    m.db.progress_arg = &calls;
    m.db.progress_steps = 100;
    Program *p = machine_program(&m);
    program_emit(p, OP_Goto, 0, 1, 0);
    assert_text("error 9", machine_rows(&m, machine_vm(&m, p, 0)));
    assert_int_equal(calls, 3);
    machine_close(&m);
}

static void another_statement_may_change_the_table_between_rows(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Pgno root = machine_tree(&m, TREE_TABLE);
    machine_fill(&m, root, 5);
    Program *p = machine_program(&m);
    emit_transaction(p, 0);
    program_emit_int(p, OP_OpenRead, 0, (int)root, 0, 2);
    int end = program_emit(p, OP_Rewind, 0, 0, 0);
    int loop = program_emit(p, OP_Column, 0, 1, 1);
    program_set_p5(p, P5_EPHEMERAL);
    program_emit(p, OP_ResultRow, 1, 1, 0);
    program_emit(p, OP_Next, 0, loop, 0);
    program_jump_here(p, end);
    program_emit0(p, OP_Halt);
    Vm *reader = machine_vm(&m, p, 1);
    assert_int_equal(vm_step(reader), SQLITE_ROW);
    assert_int_equal(vm_step(reader), SQLITE_ROW);

    machine_fill(&m, root, 2000); // moves every cell the reader stood on

    assert_text("row-2", (const char *)value_text(reader->row, SQLITE_UTF8));
    assert_int_equal(vm_step(reader), SQLITE_ROW);
    assert_text("row-3", (const char *)value_text(reader->row, SQLITE_UTF8));
    machine_close(&m);
}

static void running_out_of_memory_ends_every_program_cleanly(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Pgno root = machine_tree(&m, TREE_TABLE);
    machine_fill(&m, root, 20);
    for (int n = 1; n < 60; n++) {
        Program *p = machine_program(&m);
        emit_transaction(p, 0);
        program_emit_int(p, OP_OpenRead, 0, (int)root, 0, 2);
        program_emit_shape(p, OP_SorterOpen, 1, 2, 0, machine_shape(&m, 1, 2));
        program_emit_shape(p, OP_OpenEphemeral, 2, 2, 0, machine_shape(&m, 2, 2));
        int loop = program_emit(p, OP_Rewind, 0, 0, 0);
        program_emit(p, OP_Column, 0, 1, 1);
        program_emit(p, OP_Column, 0, 0, 2);
        program_emit(p, OP_MakeRecord, 1, 2, 3);
        program_emit(p, OP_SorterInsert, 1, 3, 0);
        program_emit(p, OP_IdxInsert, 2, 3, 0);
        program_emit(p, OP_Next, 0, loop + 1, 0);
        program_emit(p, OP_SorterSort, 1, program_here(p) + 1, 0);
        program_emit0(p, OP_Halt);
        Vm *vm = machine_vm(&m, p, 0);
        alloc_fault_arm(n, true);
        int rc = vm_step(vm);
        bool struck = alloc_fault_hits() > 0;
        alloc_fault_arm(0, false);
        assert_int_equal(rc, struck ? SQLITE_NOMEM : SQLITE_DONE);
        (void)vm_finalize(vm);
        m.db.out_of_memory = false;
        atomic_store(&m.db.interrupted, 0);
        if (!struck)
            break;
    }
    assert_int_equal(count_rows(&m, root), 20);
    machine_close(&m);
}

static void explain_lists_the_program(void **state)
{
    (void)state;
    Machine m;
    machine_open(&m);
    Program *p = machine_program(&m);
    program_emit(p, OP_Integer, 7, 1, 0);
    program_emit_text(p, OP_Explain, 3, 0, 0, "SCAN t", -1);
    program_emit0(p, OP_Halt);
    Vm *vm;
    VmLayout layout = {.register_count = 1, .explain = EXPLAIN_PROGRAM};
    assert_ok(vm_new(p, &layout, &vm));
    assert_text("0,Init,0,1,0,NULL,0,Start at 1 1,Integer,7,1,0,NULL,0,r[1]=7 "
                "2,Explain,3,0,0,SCAN t,0,NULL 3,Halt,0,0,0,NULL,0,end, rc=0",
                machine_rows(&m, vm));
    machine_close(&m);
}

TEST_SUITE(vm_run, cmocka_unit_test(integers_overflow_into_reals),
           cmocka_unit_test(text_counts_for_the_number_it_begins_with),
           cmocka_unit_test(a_concatenation_may_grow_its_own_operand),
           cmocka_unit_test(comparisons_apply_affinity_and_treat_null_as_told),
           cmocka_unit_test(rows_inserted_are_read_back_in_order),
           cmocka_unit_test(a_row_with_fewer_fields_takes_the_default),
           cmocka_unit_test(long_values_are_read_from_overflow_pages),
           cmocka_unit_test(seeks_between_integers_land_on_the_right_side),
           cmocka_unit_test(coroutines_swap_places_with_their_callers),
           cmocka_unit_test(once_passes_once_in_every_run),
           cmocka_unit_test(an_index_finds_prefixes_of_its_keys),
           cmocka_unit_test(a_null_key_conflicts_with_nothing_and_leaves_no_seek_behind),
           cmocka_unit_test(deleting_while_scanning_misses_no_row),
           cmocka_unit_test(a_sorter_orders_rows_and_keeps_the_first),
           cmocka_unit_test(a_trigger_reads_the_registers_of_its_caller),
           cmocka_unit_test(functions_called_by_triggers_know_their_connection),
           cmocka_unit_test(a_statement_in_a_transaction_undoes_only_itself),
           cmocka_unit_test(savepoints_nest_and_roll_back_by_name),
           cmocka_unit_test(rolling_back_the_outermost_savepoint_undoes_all),
           cmocka_unit_test(begin_commit_and_rollback_complain_out_of_place),
           cmocka_unit_test(deferred_foreign_keys_stop_a_commit),
           cmocka_unit_test(the_progress_handler_can_stop_an_endless_loop),
           cmocka_unit_test(another_statement_may_change_the_table_between_rows),
           cmocka_unit_test(running_out_of_memory_ends_every_program_cleanly),
           cmocka_unit_test(explain_lists_the_program))
