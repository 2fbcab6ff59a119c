// Expressions to instructions that compute a value.
//
// Each kind has one small function. Values that already live in a register (a co-routine's column,
// a hoisted constant, a finished aggregate) are not copied unless the caller needs them in a place
// of its own:
//
//   code_expr()        wherever the value is: the register is to be read, never written
//   code_expr_into()   in this register, as a shallow copy at need
//   code_expr_copy()   in this register, and safe from what happens to the other
//   code_expr_borrow() in this register; text of a column may stay in its page (P5_EPHEMERAL)
//
// The order in which values are looked for: a substitute, a register that holds it, a constant
// hoisted out of the loops, and last the instructions.
//
//   a + 1            Integer 1 -> c  (start-up part)
//                    Column t.a -> x
//                    Add c x -> target
//   CASE WHEN c THEN v ELSE w END
//                    (jump to L1 unless c)  v -> target  Goto L2
//                L1: w -> target
//                L2:

#include "base/vec.h"
#include "sql/code/code_expr_internal.h"
#include "sql/expr_tree.h"
#include <string.h>

// Operators with an instruction of their own; 0 for all other kinds.
static const Opcode binary_opcodes[] = {
    [EX_ADD] = OP_Add,
    [EX_SUBTRACT] = OP_Subtract,
    [EX_MULTIPLY] = OP_Multiply,
    [EX_DIVIDE] = OP_Divide,
    [EX_REMAINDER] = OP_Remainder,
    [EX_CONCAT] = OP_Concat,
    [EX_BIT_AND] = OP_BitAnd,
    [EX_BIT_OR] = OP_BitOr,
    [EX_SHIFT_LEFT] = OP_ShiftLeft,
    [EX_SHIFT_RIGHT] = OP_ShiftRight,
    [EX_AND] = OP_And,
    [EX_OR] = OP_Or,
};

static Reg place(Codegen *g, Reg target)
{
    ASSERT(target >= 0 && target <= g->reg_count);

    return target != 0 ? target : reg_new(g);
}

// --- literals ---

static Reg code_integer(Codegen *g, i64 value, Reg target)
{
    ASSERT(target >= 0);

    target = place(g, target);
    if (value == (i32)value)
        program_emit(g->program, OP_Integer, (int)value, target, 0);
    else
        program_emit_i64(g->program, OP_Int64, 0, target, 0, value);
    return target;
}

static Reg code_literal(Codegen *g, const Expr *e, Reg target)
{
    ASSERT(e->kind <= EX_BOOL);

    if (e->kind == EX_INTEGER || e->kind == EX_BOOL)
        return code_integer(g, e->u.integer, target);
    target = place(g, target);
    if (e->kind == EX_NULL)
        program_emit(g->program, OP_Null, 0, target, 0);
    else if (e->kind == EX_FLOAT)
        program_emit_real(g->program, OP_Real, 0, target, 0, e->u.real);
    else if (e->kind == EX_STRING)
        program_emit_text(g->program, OP_String8, 0, target, 0, e->text, (int)e->size);
    else
        program_emit_blob(g->program, OP_Blob, (int)e->size, target, 0, e->text, e->size);
    return target;
}

static Reg code_param(Codegen *g, const Expr *e, Reg target)
{
    ASSERT(e->u.param > 0);

    target = place(g, target);
    program_emit(g->program, OP_Variable, e->u.param, target, 0);
    return target;
}

// --- columns ---

// Where a register holds the column already; 0: none does.
static Reg code_source_register(const ColumnSource *source, int column)
{
    ASSERT(column >= ROWID_COLUMN);

    if (source->kind != SOURCE_REGISTERS)
        return column == ROWID_COLUMN ? source->rowid_reg : 0;
    if (column == ROWID_COLUMN || (source->table != NULL && column == source->table->rowid_alias))
        return source->rowid_reg;
    if (source->regs_are_storage_order && source->table != NULL) {
        int field = table_storage_column(source->table, column);
        return field < 0 ? 0 : source->first_reg + field;
    }
    return source->first_reg + column;
}

// The position of a table's column in the index, or -1. The rowid stands at the end of every index
// of a rowid table.
static int index_position(const Index *index, int column)
{
    ASSERT(column >= ROWID_COLUMN);

    if (column != ROWID_COLUMN && index->table != NULL && column == index->table->rowid_alias)
        column = ROWID_COLUMN;
    return index_find_column(index, column == ROWID_COLUMN ? COLUMN_ROWID : column);
}

// A subquery's REAL column holds integers as they came where another term of its compound made
// them.
static void code_subquery_real(Codegen *g, const FromItem *item, int column, Reg reg)
{
    ASSERT(reg > 0);

    if (item == g->raw_item)
        return;
    bool is_real = item->table == NULL && item->columns != NULL && column >= 0
                   && (u32)column < item->column_count
                   && item->columns[column].affinity == AFF_REAL;
    if (is_real)
        program_emit(g->program, OP_RealAffinity, reg, 0, 0);
}

// An entry holds whole numbers of a REAL column as integers; a virtual column's value is the same
// whether computed or found.
static void code_real_of_entry(Codegen *g, const Column *column, Reg target)
{
    ASSERT(column->affinity == AFF_REAL);

    if ((column->flags & COLUMN_VIRTUAL) == 0 || g->real_virtuals)
        program_emit(g->program, OP_RealAffinity, target, 0, 0);
    else
        program_emit_text(g->program, OP_Affinity, target, 1, 0, "E", 1);
}

// Field `position` of the entry. The rowid has an instruction of its own: it is an entry's last
// field, wherever that is.
static void code_entry_field(Codegen *g, const ColumnSource *source, int column, int position,
                             Reg target)
{
    ASSERT(position >= 0 && (u32)position < source->index->column_count);

    // (An index made for the statement holds it as a plain field.)
    const Table *table = source->table;
    bool is_rowid = source->index->root != 0
                    && (column == ROWID_COLUMN || (table != NULL && column == table->rowid_alias));
    if (is_rowid) {
        program_emit(g->program, OP_IdxRowid, source->index_cursor, target, 0);
        return;
    }
    program_emit(g->program, OP_Column, source->index_cursor, position, target);
    if (table != NULL && column >= 0 && table->columns[column].affinity == AFF_REAL)
        code_real_of_entry(g, &table->columns[column], target);
}

// From the entry what it holds. A covering index without a virtual column has what that is computed
// from; all else is read from the table.
static void code_indexed_column(Codegen *g, const FromItem *item, const ColumnSource *source,
                                int column, Reg target)
{
    ASSERT(source->kind == SOURCE_INDEX || source->kind == SOURCE_COVERING);
    ASSERT(source->index != NULL);

    int position = index_position(source->index, column);
    if (position >= 0) {
        code_entry_field(g, source, column, position, target);
        return;
    }
    if (source->kind == SOURCE_COVERING && column >= 0
        && (source->table->columns[column].flags & COLUMN_VIRTUAL) != 0) {
        int address = program_emit(g->program, OP_IfNullRow, source->index_cursor, 0, target);
        code_generated_column(g, item, column, target);
        program_jump_here(g->program, address);
        return;
    }
    code_table_column(g, source->table, source->cursor, column, target);
}

void code_item_column(Codegen *g, const FromItem *item, int column, Reg target)
{
    ASSERT(target > 0);

    const ColumnSource source = *source_of(g, item->cursor);
    Reg in_register = code_source_register(&source, column);
    if (in_register != 0) {
        if (in_register != target)
            program_emit(g->program, OP_SCopy, in_register, target, 0);
        return;
    }
    switch ((SourceKind)source.kind) {
    case SOURCE_NONE:
        codegen_error(g, SQLITE_INTERNAL, "column %d of a source that is not open", column);
        return;
    case SOURCE_REGISTERS: code_generated_column(g, item, column, target); return;
    case SOURCE_VTAB:
        if (column == ROWID_COLUMN)
            program_emit(g->program, OP_Rowid, source.cursor, target, 0);
        else
            program_emit(g->program, OP_VColumn, source.cursor, column, target);
        return;
    case SOURCE_INDEX:
    case SOURCE_COVERING: code_indexed_column(g, item, &source, column, target); return;
    case SOURCE_CURSOR:
        if (source.table == NULL) {
            program_emit(g->program, OP_Column, source.cursor, column, target);
            code_subquery_real(g, item, column, target);
        } else {
            code_table_column(g, source.table, source.cursor, column, target);
        }
        return;
    }
}

void code_generated_column(Codegen *g, const FromItem *item, int column, Reg target)
{
    ASSERT(target > 0);
    ASSERT(item->table->columns[column].flags & COLUMN_GENERATED);

    const Column *definition = &item->table->columns[column];
    Expr *value = expr_bind(g->arena, definition->value, (FromItem *)item);
    if (value == NULL) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return;
    }
    if (++g->generated_depth > item->table->column_count) {
        codegen_error(g, SQLITE_ERROR, "generated column loop on \"%s\"", definition->name);
    } else {
        bool hoist = g->hoist_constants;
        g->hoist_constants = false; // the value must not be shared with another row's
        code_expr_copy(g, value, target);
        g->hoist_constants = hoist;
        char affinity[2] = {(char)definition->affinity, '\0'};
        bool is_strict = (item->table->flags & TABLE_STRICT) != 0;
        if (is_strict && (definition->flags & COLUMN_VIRTUAL) != 0)
            program_emit_table(g->program, OP_TypeCheck, target, 1, column + 2, item->table);
        else if (definition->affinity >= AFF_TEXT)
            program_emit_text(g->program, OP_Affinity, target, 1, 0, affinity, 1);
        if (g->real_virtuals && definition->affinity == AFF_REAL)
            program_emit(g->program, OP_RealAffinity, target, 0, 0);
    }
    g->generated_depth--;
}

// The DEFAULT of a column as a constant for rows written before the column was added.
// The instruction just emitted, an OP_Column, gets the value for records too short to have the
// field.
static void code_column_default(Codegen *g, const Table *table, int column)
{
    ASSERT(column >= 0 && column < table->column_count);

    Expr *value = table->columns[column].value;
    if (value == NULL || (table->columns[column].flags & COLUMN_GENERATED) != 0)
        return;
    Value *constant = expr_constant_value(g->db, value, (Affinity)table->columns[column].affinity,
                                          program_arena(g->program));
    if (constant == NULL)
        return;
    program_set_value(g->program, program_here(g->program) - 1, constant);
}

// Computed from the row under the cursor: the cursor's number serves as that of a FROM item for a
// while.
static void code_virtual_column(Codegen *g, Table *table, int cursor, int column, Reg target)
{
    ASSERT(table->columns[column].flags & COLUMN_VIRTUAL);

    FromItem *row = arena_alloc_zeroed(g->arena, sizeof *row);
    if (row == NULL)
        return;
    *row = (FromItem){.kind = FROM_PSEUDO, .table = table, .cursor = cursor};
    ColumnSource former = *source_of(g, cursor);
    source_set_table(g, row, cursor);
    // In a row of NULLs that an outer join adds, generated columns are NULL as well.
    int address = program_emit(g->program, OP_IfNullRow, cursor, 0, target);
    code_generated_column(g, row, column, target);
    program_jump_here(g->program, address);
    *source_of(g, cursor) = former;
}

void code_table_column(Codegen *g, Table *table, int cursor, int column, Reg target)
{
    ASSERT(table != NULL);
    ASSERT(cursor >= 0 && target > 0);

    if (column == ROWID_COLUMN || column == table->rowid_alias) {
        program_emit(g->program, OP_Rowid, cursor, target, 0);
        return;
    }
    if ((table->columns[column].flags & COLUMN_VIRTUAL) != 0) {
        code_virtual_column(g, table, cursor, column, target);
        return;
    }
    int field = (table->flags & TABLE_WITHOUT_ROWID) != 0
                    ? index_find_column(table_primary_key(table), column)
                    : table_storage_column(table, column);
    program_emit(g->program, OP_Column, cursor, field, target);
    code_column_default(g, table, column);
    if (table->columns[column].affinity == AFF_REAL)
        program_emit(g->program, OP_RealAffinity, target, 0, 0);
}

static Reg code_column(Codegen *g, const Expr *e, Reg target)
{
    ASSERT(e->kind == EX_COLUMN);
    ASSERT(e->u.column.item != NULL);

    const FromItem *item = e->u.column.item;
    int column = e->u.column.index;
    const ColumnSource *source = source_of(g, item->cursor);
    const Table *table = source->table;
    Reg in_register = code_source_register(source, column);
    bool is_real = table != NULL && column >= 0 && table->columns[column].affinity == AFF_REAL
                   && (table->columns[column].flags & COLUMN_GENERATED) == 0;
    if (in_register != 0 && is_real && column != table->rowid_alias) {
        // Of a row that is to be written: expressions see a REAL, the record may keep an integer.
        target = place(g, target);
        program_emit(g->program, OP_SCopy, in_register, target, 0);
        program_emit(g->program, OP_RealAffinity, target, 0, 0);
        return target;
    }
    if (in_register != 0) {
        code_subquery_real(g, item, column, in_register);
        return in_register;
    }
    target = place(g, target);
    code_item_column(g, item, e->u.column.index, target);
    return target;
}

// OLD.x and NEW.x: register first is the rowid, then the columns in table order.
static Reg code_row_column(Codegen *g, const Expr *e, Reg target)
{
    ASSERT(e->u.row.is_new ? g->row.in_parent || g->row.new_first > 0
                           : g->row.in_parent || g->row.old_first > 0);

    const Table *table = e->u.row.table;
    int column = e->u.row.index;
    if (column == table->rowid_alias)
        column = ROWID_COLUMN;
    Reg first = e->u.row.is_new ? g->row.new_first : g->row.old_first;
    bool is_real = column >= 0 && table->columns[column].affinity == AFF_REAL;
    if (!g->row.in_parent && !is_real)
        return first + 1 + column;
    target = place(g, target);
    if (!g->row.in_parent) {
        program_emit(g->program, OP_SCopy, first + 1 + column, target, 0);
        program_emit(g->program, OP_RealAffinity, target, 0, 0);
        return target;
    }
    int offset = e->u.row.is_new ? table->column_count + 1 : 0;
    if (!e->u.row.is_new && column >= 0)
        g->old_columns |= column_bit(column);
    program_emit(g->program, OP_Param, offset + 1 + column, target, 0);
    if (is_real)
        program_emit(g->program, OP_RealAffinity, target, 0, 0);
    return target;
}

// --- operators ---

// (The machine takes the right operand first: r[target] = r[p2] op r[p1].)
static Reg code_binary(Codegen *g, Expr *e, Reg target)
{
    ASSERT(e->kind < ARRAY_LEN(binary_opcodes) && binary_opcodes[e->kind] != 0);

    Reg release_left, release_right;
    Reg left = code_expr_temp(g, e->left, &release_left);
    Reg right = code_expr_temp(g, e->right, &release_right);
    target = place(g, target);
    program_emit(g->program, binary_opcodes[e->kind], right, left, target);
    reg_temp_release(g, release_left);
    reg_temp_release(g, release_right);
    return target;
}

// AND or OR of which one side has a subquery: that one is computed only if the other one leaves the
// answer open. A NULL does.
static Reg code_lazy_connective(Codegen *g, Expr *e, Reg target)
{
    ASSERT(e->kind == EX_AND || e->kind == EX_OR);

    bool is_swapped = code_right_goes_first(e);
    Reg release_first, release_second;
    Reg first = code_expr_temp(g, is_swapped ? e->right : e->left, &release_first);
    int decided = program_emit(g->program, e->kind == EX_OR ? OP_If : OP_IfNot, first, 0, 0);
    Reg second = code_expr_temp(g, is_swapped ? e->left : e->right, &release_second);
    target = place(g, target);
    Label done = label_new(g->program);
    program_emit(g->program, binary_opcodes[e->kind], second, first, target);
    program_emit(g->program, OP_Goto, 0, done, 0);
    program_jump_here(g->program, decided);
    program_emit(g->program, OP_Or, first, first, target); // its truth, as 0 or 1
    label_here(g->program, done);
    reg_temp_release(g, release_first);
    reg_temp_release(g, release_second);
    return target;
}

static Reg code_connective(Codegen *g, Expr *e, Reg target)
{
    ASSERT(e->kind == EX_AND || e->kind == EX_OR);

    bool truth;
    if (code_truth_is_decided(e, &truth))
        return code_integer(g, truth, target);
    bool is_lazy = ((e->left->flags | e->right->flags) & EXPR_HAS_SUBQUERY) != 0;
    return is_lazy ? code_lazy_connective(g, e, target) : code_binary(g, e, target);
}

// Of a literal the negative literal, so that EXPLAIN shows what SQLite's does; else 0 - x.
static Reg code_negate(Codegen *g, Expr *e, Reg target)
{
    ASSERT(e->kind == EX_NEGATE && e->left != NULL);

    Expr *operand = e->left;
    if (operand->kind == EX_INTEGER && operand->u.integer != INT64_MIN)
        return code_integer(g, -operand->u.integer, target);
    if (operand->kind == EX_INTEGER && (operand->flags & EXPR_HEX) != 0)
        codegen_error(g, SQLITE_ERROR, "hex literal too big: -%s", operand->text);
    target = place(g, target);
    if (operand->kind == EX_FLOAT && (operand->flags & EXPR_INT_OVERFLOW) != 0
        && operand->u.real == 9223372036854775808.0 && (operand->flags & EXPR_HEX) == 0
        && strcmp(operand->text, "9223372036854775808") == 0) {
        program_emit_i64(g->program, OP_Int64, 0, target, 0, INT64_MIN);
        return target;
    }
    if (operand->kind == EX_FLOAT) {
        program_emit_real(g->program, OP_Real, 0, target, 0, -operand->u.real);
        return target;
    }
    Reg release;
    Reg zero = reg_temp(g);
    Reg right = code_expr_temp(g, operand, &release);
    program_emit(g->program, OP_Integer, 0, zero, 0);
    program_emit(g->program, OP_Subtract, right, zero, target);
    reg_temp_release(g, zero);
    reg_temp_release(g, release);
    return target;
}

static Reg code_unary(Codegen *g, Expr *e, Opcode op, Reg target)
{
    ASSERT(e->left != NULL);

    Reg release;
    Reg operand = code_expr_temp(g, e->left, &release);
    target = place(g, target);
    program_emit(g->program, op, operand, target, 0);
    reg_temp_release(g, release);
    return target;
}

static Reg code_is_truth(Codegen *g, Expr *e, Reg target)
{
    ASSERT(e->kind == EX_TRUTH);

    Reg release;
    Reg operand = code_expr_temp(g, e->left, &release);
    bool is_true = e->u.truth.value;
    bool negated = e->u.truth.negated;
    target = place(g, target);
    // IsTrue: p3 is the value for NULL, p4 inverts.
    program_emit_int(g->program, OP_IsTrue, operand, target, !is_true, is_true == negated);
    reg_temp_release(g, release);
    return target;
}

static Reg code_null_test(Codegen *g, Expr *e, Reg target)
{
    ASSERT(e->kind == EX_IS_NULL || e->kind == EX_NOT_NULL);

    Reg release;
    target = place(g, target);
    Reg operand = code_expr_temp(g, e->left, &release);
    Label done = label_new(g->program);
    // The answer is written before the question is asked: not over the operand.
    Reg result = operand == target ? reg_temp(g) : target;
    program_emit(g->program, OP_Integer, 1, result, 0);
    program_emit(g->program, e->kind == EX_IS_NULL ? OP_IsNull : OP_NotNull, operand, done, 0);
    program_emit(g->program, OP_Integer, 0, result, 0);
    label_here(g->program, done);
    if (result != target) {
        program_emit(g->program, OP_SCopy, result, target, 0);
        reg_temp_release(g, result);
    }
    reg_temp_release(g, release);
    return target;
}

static Reg code_cast(Codegen *g, Expr *e, Reg target)
{
    ASSERT(e->kind == EX_CAST);

    target = place(g, target);
    code_expr_copy(g, e->left, target); // Cast changes the register in place
    program_emit(g->program, OP_Cast, target, (int)affinity_of_type(e->text), 0);
    return target;
}

// --- CASE, RAISE and the rest ---

static Reg code_case(Codegen *g, Expr *e, Reg target)
{
    ASSERT(e->list != NULL && e->list->count >= 2);

    target = place(g, target);
    Label done = label_new(g->program);
    const ExprList *list = e->list;
    Expr test = {0};
    Expr operand = {0};
    if (e->left != NULL) {
        Reg value = reg_new(g);
        code_expr_into(g, e->left, value);
        operand = *e->left;
        expr_become_register(&operand, e->left, value);
        test = (Expr){.kind = EX_EQ, .left = &operand, .offset = e->offset};
    }
    u32 i = 0;
    for (; i + 1 < list->count; i += 2) {
        Label next = label_new(g->program);
        Expr *when = list->items[i].expr;
        if (e->left != NULL) {
            test.right = when;
            when = &test;
        }
        code_jump(g, when, next, false, false);
        code_expr_into(g, list->items[i + 1].expr, target);
        program_emit(g->program, OP_Goto, 0, done, 0);
        label_here(g->program, next);
    }
    if (i < list->count)
        code_expr_into(g, list->items[i].expr, target);
    else
        program_emit(g->program, OP_Null, 0, target, 0);
    label_here(g->program, done);
    return target;
}

static Reg code_raise(Codegen *g, Expr *e, Reg target)
{
    ASSERT(e->kind == EX_RAISE);

    if (g->trigger == NULL) {
        codegen_error(g, SQLITE_ERROR, "RAISE() may only be used within a trigger-program");
        return place(g, target);
    }
    target = place(g, target);
    if (e->u.integer == ON_CONFLICT_IGNORE) {
        program_emit(g->program, OP_Halt, SQLITE_OK, ON_CONFLICT_IGNORE, 0);
        return target;
    }
    if (e->u.integer == ON_CONFLICT_ABORT)
        codegen_may_abort(g);
    Reg message = code_expr(g, e->left, 0);
    program_emit(g->program, OP_Halt, SQLITE_CONSTRAINT_TRIGGER, (int)e->u.integer, message);
    return target;
}

static Reg code_if_null_row(Codegen *g, Expr *e, Reg target)
{
    ASSERT(e->kind == EX_IF_NULL_ROW && e->u.column.item != NULL);

    target = place(g, target);
    const ColumnSource *source = source_of(g, e->u.column.item->cursor);
    int cursor = source->kind == SOURCE_COVERING ? source->index_cursor : source->cursor;
    int address = program_emit(g->program, OP_IfNullRow, cursor, 0, target);
    bool hoisted = g->hoist_constants;
    g->hoist_constants = false; // the value must be computed behind the test
    code_expr_into(g, e->left, target);
    g->hoist_constants = hoisted;
    program_jump_here(g->program, address);
    return target;
}

static Reg code_field(Codegen *g, Expr *e, Reg target)
{
    ASSERT(e->kind == EX_FIELD);

    if (e->left->kind == EX_SELECT)
        return code_subquery(g, e->left) + (Reg)e->u.field;
    Expr *field = vector_field(g, e->left, (u32)e->u.field);
    return field == NULL ? place(g, target) : code_expr(g, field, target);
}

// A truth value: computed by jumping, for operators that have no instruction of their own.
static Reg code_by_jump(Codegen *g, Expr *e, Reg target)
{
    ASSERT(e != NULL && target >= 0);

    target = place(g, target);
    Label is_false = label_new(g->program);
    Label done = label_new(g->program);
    Reg result = reg_new(g);
    program_emit(g->program, OP_Integer, 1, result, 0);
    code_jump(g, e, done, true, false);
    program_emit(g->program, OP_Null, 0, result, 0);
    code_jump(g, e, is_false, false, true);
    program_emit(g->program, OP_Goto, 0, done, 0);
    label_here(g->program, is_false);
    program_emit(g->program, OP_Integer, 0, result, 0);
    label_here(g->program, done);
    program_emit(g->program, OP_SCopy, result, target, 0);
    return target;
}

static Reg code_comparison(Codegen *g, Expr *e, Reg target)
{
    ASSERT(e->left != NULL && e->right != NULL);

    if (vector_size(e->left) > 1 || vector_size(e->right) > 1)
        return code_by_jump(g, e, target);
    return code_comparison_value(g, e, place(g, target));
}

// 0: nothing stands for the expression. Innermost first, so that a query within an aggregate query
// sees its own.
static Reg code_substitute(Codegen *g, Expr *e, Reg target)
{
    ASSERT(g->substitutes != NULL);

    bool is_aggregate = e->kind == EX_CALL && e->u.call != NULL && e->u.call->agg_index >= 0
                        && e->u.call->owner != NULL;
    if (g->keeps_subtypes && !is_aggregate && expr_may_have_subtype(e))
        return 0;
    for (Substitute *s = g->substitutes; s != NULL; s = s->next) {
        if (s->is_this_one ? s->expr != e : !expr_equal(s->expr, e))
            continue;
        if (s->reg != 0)
            return s->reg;
        target = place(g, target);
        program_emit(g->program, OP_Column, s->cursor, s->column, target);
        return target;
    }
    return 0;
}

Reg aggregate_register(const Codegen *g, const Expr *e)
{
    ASSERT(e != NULL);

    while (e->kind == EX_COLLATE || e->kind == EX_PLUS)
        e = e->left; // they leave the value where it is
    // The value of a call that is a key is computed for the occasion, in SQLite.
    bool is_aggregate = e->kind == EX_CALL && e->u.call != NULL && e->u.call->agg_index >= 0
                        && e->u.call->owner != NULL;
    for (const Substitute *s = g->substitutes; s != NULL; s = s->next) {
        if ((is_aggregate || e->kind == EX_COLUMN) && s->reg != 0 && expr_equal(s->expr, e))
            return s->reg;
    }
    return 0;
}

static Reg code_scalar_subquery(Codegen *g, Expr *e)
{
    ASSERT(e->select != NULL);

    if (e->kind == EX_SELECT && vector_size(e) > 1) {
        codegen_error(g, SQLITE_ERROR, "sub-select returns %u columns - expected 1",
                      vector_size(e));
        return reg_new(g);
    }
    return code_subquery(g, e);
}

// NULL is as cheap to make as to copy.
static bool is_worth_hoisting(const Codegen *g, const Expr *e)
{
    bool is_simple = e->kind == EX_COLUMN || e->kind == EX_REGISTER || e->kind == EX_NULL;
    return g->hoist_constants && !is_simple && code_is_constant(e);
}

static Reg code_unknown(Codegen *g, const Expr *e, Reg target)
{
    ASSERT(target >= 0);

    codegen_error(g, SQLITE_INTERNAL, "expression of kind %d cannot be computed here", e->kind);
    return place(g, target);
}

static bool is_operator(const Expr *e)
{
    static_assert(EX_NEGATE < EX_SHIFT_RIGHT && EX_SHIFT_RIGHT + 1 == EX_BETWEEN, "operators");

    return e->kind >= EX_NEGATE && e->kind <= EX_SHIFT_RIGHT;
}

// Expressions of one operand or two.
static Reg code_operator(Codegen *g, Expr *e, Reg target)
{
    ASSERT(is_operator(e));
    ASSERT(e->left != NULL);

    switch (e->kind) {
    case EX_NEGATE: return code_negate(g, e, target);
    case EX_PLUS:
    case EX_COLLATE: return code_expr(g, e->left, target); // the same value
    case EX_BIT_NOT: return code_unary(g, e, OP_BitNot, target);
    case EX_NOT: return code_unary(g, e, OP_Not, target);
    case EX_IS_NULL:
    case EX_NOT_NULL: return code_null_test(g, e, target);
    case EX_TRUTH: return code_is_truth(g, e, target);
    case EX_CAST: return code_cast(g, e, target);
    case EX_AND:
    case EX_OR: return code_connective(g, e, target);
    case EX_EQ:
    case EX_NE:
    case EX_LT:
    case EX_LE:
    case EX_GT:
    case EX_GE:
    case EX_IS:
    case EX_IS_NOT: return code_comparison(g, e, target);
    default: return code_binary(g, e, target); // arithmetic, bits and ||
    }
}

// All that is no operator.
static Reg code_operand(Codegen *g, Expr *e, Reg target)
{
    ASSERT(!is_operator(e));

    switch (e->kind) {
    case EX_NULL:
    case EX_INTEGER:
    case EX_FLOAT:
    case EX_STRING:
    case EX_BLOB:
    case EX_BOOL: return code_literal(g, e, target);
    case EX_PARAM: return code_param(g, e, target);
    case EX_COLUMN: return code_column(g, e, target);
    case EX_ROW_COLUMN: return code_row_column(g, e, target);
    case EX_BETWEEN: return code_between_value(g, e, place(g, target));
    case EX_IN: return code_in_value(g, e, place(g, target));
    case EX_CASE: return code_case(g, e, target);
    case EX_CALL:
        target = place(g, target);
        code_function(g, e, target);
        return target;
    case EX_EXISTS:
    case EX_SELECT: return code_scalar_subquery(g, e);
    case EX_VECTOR: codegen_error(g, SQLITE_ERROR, "row value misused"); return place(g, target);
    case EX_RAISE: return code_raise(g, e, target);
    case EX_FIELD: return code_field(g, e, target);
    case EX_REGISTER: return e->u.reg;
    case EX_IF_NULL_ROW: return code_if_null_row(g, e, target);
    // The resolver replaces names; kept columns are met as substitutes only.
    default: return code_unknown(g, e, target);
    }
}

// An expression whose value is at hand (a group's key, an indexed expression) is not computed
// again.
static Reg code_kind(Codegen *g, Expr *e, Reg target)
{
    ASSERT(e != NULL && target >= 0);

    if (codegen_failed(g))
        return place(g, target);
    if (g->substitutes != NULL) {
        Reg found = code_substitute(g, e, target);
        if (found != 0)
            return found;
    }
    return is_operator(e) ? code_operator(g, e, target) : code_operand(g, e, target);
}

// What was a subquery's column before the subquery was merged lost its subtype on the way out.
Reg code_expr(Codegen *g, Expr *e, Reg target)
{
    ASSERT(target >= 0 && target <= g->reg_count);

    Reg at = code_kind(g, e, target);
    if ((e->flags & EXPR_FROM_SUBQUERY) != 0 && expr_may_have_subtype(e))
        program_emit(g->program, OP_ClrSubtype, at, 0, 0);
    return at;
}

void code_expr_into(Codegen *g, Expr *e, Reg target)
{
    ASSERT(target > 0);

    if (is_worth_hoisting(g, e)) {
        Reg constant = code_constant(g, e);
        program_emit(g->program, OP_SCopy, constant, target, 0);
        return;
    }
    Reg at = code_expr(g, e, target);
    if (at != target)
        program_emit(g->program, OP_SCopy, at, target, 0);
}

// What was emitted since `before` reads a column and nothing else: it need not be copied.
static void allow_loan(Codegen *g, int before)
{
    ASSERT(before >= 0);

    if (codegen_failed(g) || program_here(g->program) != before + 1)
        return;
    Instr *last = program_at(g->program, -1);
    if (last->op == OP_Column)
        last->p5 |= P5_EPHEMERAL;
}

void code_expr_borrow(Codegen *g, Expr *e, Reg target)
{
    ASSERT(target > 0);

    int before = program_here(g->program);
    code_expr_into(g, e, target);
    allow_loan(g, before);
}

void code_expr_copy(Codegen *g, Expr *e, Reg target)
{
    ASSERT(target > 0);

    Reg at = code_expr(g, e, target); // what is computed rather than found belongs to its register
    if (at != target)
        program_emit(g->program, OP_Copy, at, target, 0);
}

Reg code_expr_temp(Codegen *g, Expr *e, Reg *release)
{
    ASSERT(release != NULL);

    *release = 0;
    if (is_worth_hoisting(g, e))
        return code_constant(g, e);
    Reg temp = reg_temp(g);
    int before = program_here(g->program);
    Reg at = code_expr(g, e, temp);
    allow_loan(g, before);
    if (at == temp)
        *release = temp;
    else
        reg_temp_release(g, temp);
    return at;
}

// A call may fail or be slow, and its branch may never run: it is computed where it stands, but
// once.
static void code_once(Codegen *g, Expr *e, Reg reg)
{
    ASSERT(g->hoist_constants);
    ASSERT((e->flags & EXPR_HAS_CALL) != 0);

    int once = program_emit(g->program, OP_Once, 0, 0, 0);
    bool hoist = g->hoist_constants;
    g->hoist_constants = false;
    code_expr_copy(g, e, reg);
    g->hoist_constants = hoist;
    program_jump_here(g->program, once);
}

static void hoist_constant(Codegen *g, Expr *e, Reg reg, bool is_private)
{
    ASSERT(g->hoist_constants);
    ASSERT(reg > 0);

    if ((e->flags & EXPR_HAS_CALL) != 0) {
        code_once(g, e, reg);
        return;
    }
    if (vec_reserve(&g->constants.items, &g->constants.capacity, g->constants.count + 1,
                    sizeof *g->constants.items)
        != SQLITE_OK) {
        codegen_fail(g, connection_out_of_memory(g->db));
        return;
    }
    g->constants.items[g->constants.count++] =
        (ConstantExpr){.expr = e, .reg = reg, .is_private = is_private};
}

// Most constants differ at first sight.
static bool same_constant(const Expr *a, const Expr *b)
{
    return a->kind == b->kind && (a->kind != EX_INTEGER || a->u.integer == b->u.integer)
           && expr_equal(a, b);
}

Reg code_constant(Codegen *g, Expr *e)
{
    ASSERT(code_is_constant(e));

    if (!g->hoist_constants)
        return code_expr(g, e, 0);
    for (u32 i = 0; i < g->constants.count; i++) {
        const ConstantExpr *known = &g->constants.items[i];
        if (!known->is_private && same_constant(known->expr, e))
            return known->reg;
    }
    Reg reg = reg_new(g);
    hoist_constant(g, e, reg, false);
    return reg;
}

bool code_private_constant(Codegen *g, Expr *e, Reg target)
{
    ASSERT(target > 0);

    if (!g->hoist_constants || e->kind == EX_REGISTER || !code_is_constant(e))
        return false;
    hoist_constant(g, e, target, true);
    return true;
}

bool code_list_field(Codegen *g, Expr *e, Reg target, RowFields *fields)
{
    ASSERT(target > 0);

    if (e->kind != EX_FIELD || e->left->kind != EX_SELECT)
        return false;
    if (fields->subquery != e->left)
        *fields = (RowFields){.subquery = e->left, .first = code_subquery(g, e->left)};
    program_emit(g->program, OP_Copy, fields->first + (Reg)e->u.field, target, 0);
    return true;
}

void code_expr_list(Codegen *g, const ExprList *list, Reg first, u32 flags)
{
    ASSERT(list == NULL || list->count == 0 || first > 0);

    bool hoist = g->hoist_constants;
    g->hoist_constants = hoist && (flags & LIST_HOIST) != 0;
    RowFields fields = {0};
    for (u32 i = 0; i < list->count; i++) {
        if (code_list_field(g, list->items[i].expr, first + (Reg)i, &fields))
            continue;
        if ((flags & LIST_COPY) != 0)
            code_expr_copy(g, list->items[i].expr, first + (Reg)i);
        else if ((flags & LIST_BORROW) != 0)
            code_expr_borrow(g, list->items[i].expr, first + (Reg)i);
        else
            code_expr_into(g, list->items[i].expr, first + (Reg)i);
    }
    g->hoist_constants = hoist;
}
