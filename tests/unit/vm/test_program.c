// engine/vm/program.c, verify.c: building programs.
#include "support/machine.h"
#include "support/test.h"

#include "base/alloc.h"
#include "vm/program_priv.h"

static void labels_become_addresses_when_the_program_is_sealed(void **state)
{
    (void)state;
    Program *p = program_new(NULL);
    Label end = label_new(p), middle = label_new(p);
    program_emit(p, OP_Goto, 0, end, 0);
    label_here(p, middle);
    program_emit(p, OP_Jump, middle, end, end);
    label_here(p, end);
    program_emit0(p, OP_Halt);

    assert_ok(program_seal(p, 0, 0));

    assert_int_equal(program_at(p, 0)->p2, 2);
    assert_int_equal(program_at(p, 1)->p1, 1);
    assert_int_equal(program_at(p, 1)->p3, 2);
    program_free(p);
}

static void an_optional_jump_of_zero_stays_zero(void **state)
{
    (void)state;
    Program *p = program_new(NULL);
    program_emit(p, OP_Rewind, 0, 0, 0);
    program_emit0(p, OP_Halt);
    assert_ok(program_seal(p, 0, 1));
    assert_int_equal(program_at(p, 0)->p2, 0);
    program_free(p);
}

static void the_first_failure_sticks(void **state)
{
    (void)state;
    Program *p = program_new(NULL);
    alloc_fault_arm(1, false);
    program_emit_text(p, OP_String8, 0, 1, 0, "abc", 3);
    alloc_fault_arm(0, false);

    program_emit(p, OP_Integer, 1, 1, 0);
    program_at(p, 17)->p2 = 3; // writes to a dummy
    label_here(p, label_new(p));

    assert_true(program_failed(p));
    assert_rc(SQLITE_NOMEM, program_seal(p, 1, 0));
    program_free(p);
}

static void a_shape_is_given_back_when_its_instruction_is_taken_back(void **state)
{
    (void)state;
    KeyShape *shape = key_shape_new(NULL, SQLITE_UTF8, 1, 1);
    key_shape_ref(shape);
    Program *p = program_new(NULL);
    int address = program_emit_shape(p, OP_OpenEphemeral, 0, 1, 0, shape);
    program_to_noop(p, address);
    assert_int_equal(shape->refs, 1);
    program_free(p);
    key_shape_unref(shape);
}

static void comments_are_kept_only_on_demand(void **state)
{
    (void)state;
    Program *p = program_new(NULL);
    program_emit0(p, OP_Noop);
    program_comment(p, "lost");
    assert_null(program_at(p, 0)->comment);
    program_keep_comments(p, true);
    program_comment(p, "row %d", 3);
    assert_text("row 3", program_at(p, 0)->comment);
    program_free(p);
}

static void the_verifier_finds_what_is_out_of_bounds(void **state)
{
    (void)state;
    Instr good[] = {{.op = OP_Integer, .p2 = 2}, {.op = OP_Halt}};
    assert_true(program_verify(good, 2, 2, 0));
    assert_false(program_verify(good, 2, 1, 0)); // register 2 of 1
    Instr jump[] = {{.op = OP_Goto, .p2 = 9}};
    assert_false(program_verify(jump, 1, 1, 0));
    Instr cursor[] = {{.op = OP_Close, .p1 = 3}};
    assert_true(program_verify(cursor, 1, 0, 4));
    assert_false(program_verify(cursor, 1, 0, 3));
    Instr kind[] = {{.op = OP_Int64, .p2 = 1, .p4_kind = P4_TEXT}};
    assert_false(program_verify(kind, 1, 1, 0));
}

static void every_opcode_has_a_name(void **state)
{
    (void)state;
    assert_text("Init", opcode_info(OP_Init)->name);
    assert_text("HashGroup", opcode_info(OP_HashGroup)->name);
    for (int i = 0; i < OPCODE_COUNT; i++)
        assert_true(opcode_info(i)->name[0] >= 'A' && opcode_info(i)->name[0] <= 'Z');
}

TEST_SUITE(program, cmocka_unit_test(labels_become_addresses_when_the_program_is_sealed),
           cmocka_unit_test(an_optional_jump_of_zero_stays_zero),
           cmocka_unit_test(the_first_failure_sticks),
           cmocka_unit_test(a_shape_is_given_back_when_its_instruction_is_taken_back),
           cmocka_unit_test(comments_are_kept_only_on_demand),
           cmocka_unit_test(the_verifier_finds_what_is_out_of_bounds),
           cmocka_unit_test(every_opcode_has_a_name))
