// What EXPLAIN shows: one row per instruction; and EXPLAIN QUERY PLAN: one row per Explain
// instruction.
//
// The program is not run. Trigger programs follow the main one in the order in which they were
// declared: each behind the one whose code first needed it.
#include "func/func.h"
#include "vm/vm_priv.h"
#include <stdio.h>
#include <string.h>

static const char *const program_columns[EXPLAIN_COLUMNS] = {"addr", "opcode", "p1", "p2",
                                                             "p3",   "p4",     "p5", "comment"};
static const char *const plan_columns[] = {"id", "parent", "notused", "detail"};

int explain_column_count(ExplainMode mode)
{
    ASSERT(mode != EXPLAIN_NONE);

    return mode == EXPLAIN_PROGRAM ? EXPLAIN_COLUMNS : (int)ARRAY_LEN(plan_columns);
}

void explain_set_columns(Vm *vm)
{
    if (vm->explain == EXPLAIN_NONE)
        return;
    ASSERT(vm->column_count == explain_column_count(vm->explain));
    const char *const *names = vm->explain == EXPLAIN_PROGRAM ? program_columns : plan_columns;
    for (int i = 0; i < vm->column_count; i++) {
        Value *v = &vm->column_texts[i * VM_COLUMN_TEXTS + VM_COLUMN_NAME];
        value_set_constant(v, names[i]);
    }
}

// --- the fourth operand ---

// As SQLite prints it: k(fields,B,-NOCASE,N.B): descending, NULLS LAST, B for BINARY.
static void shape_text(const KeyShape *shape, Buffer *out)
{
    ASSERT(shape->key_count <= shape->all_count);

    buffer_printf(out, "k(%d", shape->key_count);
    for (u16 i = 0; i < shape->key_count; i++) {
        const KeyField *field = &shape->fields[i];
        const char *name = field->collation->name;
        buffer_printf(out, ",%s%s%s", field->flags & KEY_DESC ? "-" : "",
                      field->flags & KEY_NULLS_LARGE ? "N." : "",
                      strcmp(name, "BINARY") == 0 ? "B" : name);
    }
    buffer_add_char(out, ')');
}

static void value_as_text(const Value *v, Buffer *out)
{
    char number[NUMBER_TEXT_MAX];
    if (v->flags & V_TEXT) {
        buffer_add(out, v->bytes, v->size);
    } else if (v->flags & V_INT) {
        buffer_printf(out, "%lld", (long long)v->u.integer);
    } else if (v->flags & V_REAL) {
        f64_to_text(v->u.real, 15, number);
        buffer_add_text(out, number);
    } else {
        buffer_add_text(out, v->flags & V_NULL ? "NULL" : "(blob)");
    }
}

static void ints_text(const u32 *ints, Buffer *out)
{
    ASSERT(ints != NULL);

    buffer_add_char(out, '[');
    for (u32 i = 1; i <= ints[0]; i++)
        buffer_printf(out, "%s%u", i == 1 ? "" : ",", ints[i]);
    buffer_add_char(out, ']');
}

static void p4_render(const Instr *in, Buffer *out)
{
    ASSERT(in->p4_kind < P4_KIND_COUNT);

    char number[NUMBER_TEXT_MAX];
    switch ((P4Kind)in->p4_kind) {
    case P4_INT32: buffer_printf(out, "%d", in->p4.i); break;
    case P4_INT64: buffer_printf(out, "%lld", (long long)*in->p4.i64); break;
    case P4_REAL:
        f64_to_text(*in->p4.real, 15, number);
        buffer_add_text(out, number);
        break;
    case P4_TEXT: buffer_add_text(out, in->p4.text); break;
    case P4_BLOB: buffer_add_text(out, "(blob)"); break;
    case P4_SHAPE: shape_text(in->p4.shape, out); break;
    case P4_COLLATION: buffer_printf(out, "%.18s-8", in->p4.collation->name); break;
    case P4_FUNCTION:
        buffer_printf(out, "%s(%d)", in->p4.func->name, in->p4.func->arg_count);
        break;
    case P4_CALL:
        buffer_printf(out, "%s(%d)", in->p4.call->context.func->name,
                      in->p4.call->context.func->arg_count);
        break;
    case P4_TABLE: buffer_add_text(out, in->p4.table->name); break;
    case P4_VTAB: buffer_add_text(out, "vtab"); break;
    case P4_PROGRAM: buffer_add_text(out, "program"); break;
    case P4_INT_ARRAY: ints_text(in->p4.ints, out); break;
    case P4_VALUE: value_as_text(in->p4.value, out); break;
    case P4_NONE:
    case P4_KIND_COUNT: break;
    }
}

void instr_p4_text(const Instr *in, char *out, size_t size)
{
    ASSERT(size > 0);

    Buffer text = {0};
    p4_render(in, &text);
    snprintf(out, size, "%s", buffer_text(&text));
    buffer_deinit(&text);
}

// --- the comment: the synopsis with its operands filled in ---

static void synopsis_text(const Instr *in, Buffer *out)
{
    ASSERT(in->op < OPCODE_COUNT);

    const char *s = opcode_info(in->op)->synopsis;
    for (; *s != 0; s++) {
        if (s[0] != 'P' || s[1] < '1' || s[1] > '5') {
            buffer_add_char(out, *s);
            continue;
        }
        s++;
        switch (*s) {
        case '1': buffer_printf(out, "%d", in->p1); break;
        case '2': buffer_printf(out, "%d", in->p2); break;
        case '3': buffer_printf(out, "%d", in->p3); break;
        case '4': p4_render(in, out); break;
        default: buffer_printf(out, "%d", in->p5); break;
        }
    }
    if (in->comment != NULL)
        buffer_printf(out, "%s%s", out->size > 0 ? "; " : "", in->comment);
}

// --- rows ---

// Instruction number n of the statement, counted over all its programs; NULL past the end.
static const Instr *instruction_at(const Vm *vm, int n, int *address)
{
    ASSERT(n >= 0);

    if (n < vm->code_size) {
        *address = n;
        return &vm->code[n];
    }
    n -= vm->code_size;
    // The plan is that of the statement itself unless triggers are asked for.
    if (vm->explain == EXPLAIN_QUERY_PLAN && (vm->db->flags & CONN_FLAG(TRIGGER_EQP)) == 0)
        return NULL;
    for (const SubProgram *sub = vm->program->subs; sub != NULL; sub = sub->next) {
        if (n < sub->count) {
            *address = n;
            return &sub->code[n];
        }
        n -= sub->count;
    }
    return NULL;
}

static int row_text(Value *v, Buffer *text, bool null_if_empty)
{
    ASSERT(v != NULL);

    if (null_if_empty && text->size == 0) {
        value_set_null(v);
        buffer_deinit(text);
        return SQLITE_OK;
    }
    const char *bytes = buffer_text(text);
    int rc = text->rc == SQLITE_OK ? value_set_text(v, bytes, text->size, SQLITE_UTF8, BYTES_COPY)
                                   : text->rc;
    buffer_deinit(text);
    return rc;
}

static int program_row(Value *row, const Instr *in, int address)
{
    ASSERT(in->op < OPCODE_COUNT);

    const char *name = opcode_info(in->op)->name;
    value_set_i64(&row[0], address);
    TRY(value_set_text(&row[1], name, strlen(name), SQLITE_UTF8, BYTES_STATIC));
    value_set_i64(&row[2], in->p1);
    value_set_i64(&row[3], in->p2);
    value_set_i64(&row[4], in->p3);
    Buffer text = {0};
    p4_render(in, &text);
    TRY(row_text(&row[5], &text, true));
    value_set_i64(&row[6], in->p5);
    synopsis_text(in, &text);
    return row_text(&row[7], &text, true);
}

static int plan_row(Value *row, const Instr *in)
{
    ASSERT(in->op == OP_Explain);

    value_set_i64(&row[0], in->p1);
    value_set_i64(&row[1], in->p2);
    value_set_i64(&row[2], in->p3);
    const char *detail = in->p4_kind == P4_TEXT ? in->p4.text : "";
    return value_set_text(&row[3], detail, strlen(detail), SQLITE_UTF8, BYTES_STATIC);
}

int explain_step(Vm *vm)
{
    ASSERT(vm->explain_next >= 0);
    ASSERT(vm->explain != EXPLAIN_NONE);

    if (vm->explain_row == NULL) {
        vm->explain_row = mem_alloc_zeroed(EXPLAIN_COLUMNS * sizeof(Value));
        if (vm->explain_row == NULL)
            return SQLITE_NOMEM;
        for (int i = 0; i < EXPLAIN_COLUMNS; i++)
            value_init(&vm->explain_row[i], vm->db);
    }
    const Instr *in;
    int address = 0;
    do {
        if (atomic_load(&vm->db->interrupted))
            return SQLITE_INTERRUPT;
        in = instruction_at(vm, vm->explain_next++, &address);
    } while (in != NULL && vm->explain == EXPLAIN_QUERY_PLAN && in->op != OP_Explain);
    if (in == NULL) {
        vm_halt(vm);
        return SQLITE_DONE;
    }
    TRY(vm->explain == EXPLAIN_PROGRAM ? program_row(vm->explain_row, in, address)
                                       : plan_row(vm->explain_row, in));
    vm->row = vm->explain_row;
    return SQLITE_ROW;
}
