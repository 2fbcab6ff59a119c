// Instructions on values in registers: arithmetic, concatenation, casts, comparison, affinity,
// STRICT types.
//
// Operands stand in SQLite's order, which is turned round: r[P3] = r[P2] op r[P1] for the operators
// that care, and the left side of a comparison is r[P3]. Operands are never changed, except by the
// instructions that say so (Affinity, Cast, MustBeInt, RealAffinity); a conversion goes to a copy.
//
// The common cases, two integers, are decided in the loop (vm_run.c) and come here only when they
// overflow.
#include "base/utf.h"
#include "vm/vm_priv.h"
#include <math.h>
#include <string.h>

char *value_room(Value *v, u32 size)
{
    ASSERT(size < 0x7fffff00);

    value_set_null(v);
    if (LIKELY(v->capacity >= size && v->owned != NULL))
        return v->owned;
    mem_free(v->owned);
    u32 wanted = size < 32 ? 32 : size;
    v->owned = mem_alloc(wanted);
    v->capacity = v->owned == NULL ? 0 : wanted;
    return v->owned;
}

// --- arithmetic ---

// A register as a number, by SQLite's rules for operands: text counts for the number it begins
// with.
typedef struct Operand {
    bool is_int;
    i64 integer;
    f64 real; // an integer's, too; of the text -0 it is -0.0
} Operand;

static void operand_of_text(const Value *v, Operand *out)
{
    ASSERT(v->flags & (V_TEXT | V_BLOB));

    ParsedNumber number = {0};
    if (v->bytes != NULL)
        value_parse_number(v, &number); // a blob counts as text of the database's encoding
    out->is_int = number.kind != NUMBER_REAL;
    out->integer = number.kind == NUMBER_INTEGER ? number.integer : 0;
    out->real = number.kind == NUMBER_NONE ? 0.0 : number.real;
}

static void operand_get(const Value *v, Operand *out)
{
    ASSERT(!value_is_null(v));

    if (v->flags & (V_TEXT | V_BLOB)) {
        operand_of_text(v, out);
    } else if (v->flags & (V_INT | V_INT_REAL)) {
        out->is_int = (v->flags & V_INT) != 0;
        out->integer = v->u.integer;
        out->real = (f64)v->u.integer;
    } else {
        ASSERT(v->flags & V_REAL);
        out->is_int = false;
        out->real = v->u.real;
        out->integer = 0;
    }
}

// false: overflow, or a case for the REAL computation.
static bool integer_compute(u8 op, i64 a, i64 b, Value *out)
{
    ASSERT(op >= OP_Add && op <= OP_Remainder);

    i64 result = 0;
    switch (op) {
    case OP_Add:
        if (__builtin_add_overflow(b, a, &result))
            return false;
        break;
    case OP_Subtract:
        if (__builtin_sub_overflow(b, a, &result))
            return false;
        break;
    case OP_Multiply:
        if (__builtin_mul_overflow(b, a, &result))
            return false;
        break;
    case OP_Divide:
        if (a == -1 && b == INT64_MIN)
            return false;
        if (a == 0) {
            value_set_null(out);
            return true;
        }
        result = b / a;
        break;
    default: // OP_Remainder
        ASSERT(op == OP_Remainder);
        if (a == 0) {
            value_set_null(out);
            return true;
        }
        result = a == -1 ? 0 : b % a;
        break;
    }
    value_set_i64(out, result);
    return true;
}

static void real_compute(u8 op, f64 a, f64 b, Value *out)
{
    ASSERT(op >= OP_Add && op <= OP_Divide);

    switch (op) {
    case OP_Add: value_set_f64(out, b + a); return;
    case OP_Subtract: value_set_f64(out, b - a); return;
    case OP_Multiply: value_set_f64(out, b * a); return;
    case OP_Divide:
        if (a == 0.0)
            value_set_null(out);
        else
            value_set_f64(out, b / a);
        return;
    default: UNREACHABLE();
    }
}

// SQLite casts both operands of % to INTEGER even if one is a real, and answers a REAL then. The
// least integer modulo -1 would trap.
static void real_remainder(i64 divisor, i64 dividend, Value *out)
{
    if (divisor == 0)
        value_set_null(out);
    else
        value_set_f64(out, (f64)(divisor == -1 ? 0 : dividend % divisor));
}

int op_arithmetic(Vm *vm, const Instr *in)
{
    ASSERT(in->op >= OP_Add && in->op <= OP_Remainder);

    Value *out = reg_out(vm, in->p3);
    const Value *left = &vm->registers[in->p1], *right = &vm->registers[in->p2];
    if (value_is_null(left) || value_is_null(right)) {
        value_set_null(out);
        return SQLITE_OK;
    }
    Operand a, b;
    operand_get(left, &a);
    operand_get(right, &b);
    if (a.is_int && b.is_int && integer_compute(in->op, a.integer, b.integer, out))
        return SQLITE_OK;
    if (in->op == OP_Remainder) {
        real_remainder(value_i64(left), value_i64(right),
                       out); // text by the integer it begins with
        return SQLITE_OK;
    }
    real_compute(in->op, a.real, b.real, out);
    return SQLITE_OK;
}

// SQLite's shifts, where C's are undefined: a negative count turns the direction round, and 64 or
// more shifts everything out.
static i64 shift(i64 value, i64 count, bool left)
{
    if (count < 0) {
        left = !left;
        count = count > -64 ? -count : 64;
    }
    if (count >= 64)
        return value >= 0 || left ? 0 : -1;
    ASSERT(count >= 0 && count < 64);
    return left ? (i64)((u64)value << count) : value >> count;
}

int op_bits(Vm *vm, const Instr *in)
{
    ASSERT(in->op >= OP_BitAnd && in->op <= OP_ShiftRight);

    Value *out = reg_out(vm, in->p3);
    const Value *a = &vm->registers[in->p1], *b = &vm->registers[in->p2];
    if (value_is_null(a) || value_is_null(b)) {
        value_set_null(out);
        return SQLITE_OK;
    }
    i64 left = value_i64(b), right = value_i64(a);
    switch (in->op) {
    case OP_BitAnd: left &= right; break;
    case OP_BitOr: left |= right; break;
    default: left = shift(left, right, in->op == OP_ShiftLeft); break;
    }
    value_set_i64(out, left);
    return SQLITE_OK;
}

// --- text ---

// The bytes of an operand of ||: its own, or a number's digits.
typedef struct Piece {
    const char *bytes;
    u32 size;
    char digits[NUMBER_TEXT_MAX];
    Value rendered; // what neither is: to be released
} Piece;

static int piece_render(const Value *v, u8 encoding, Piece *piece)
{
    ASSERT(!value_is_null(v));

    Value *rendered = &piece->rendered;
    value_borrow(rendered, v);
    if (v->flags & V_ZERO_TAIL)
        TRY(value_expand_zero_tail(rendered));
    else
        TRY(value_to_text(rendered, encoding));
    piece->bytes = rendered->bytes;
    piece->size = rendered->size;
    return SQLITE_OK;
}

static int piece_of(const Value *v, u8 encoding, Piece *piece)
{
    ASSERT(!value_is_null(v));

    if ((v->flags & (V_TEXT | V_BLOB)) && (v->flags & V_ZERO_TAIL) == 0) {
        piece->bytes = v->bytes;
        piece->size = v->size;
        return SQLITE_OK;
    }
    if (value_is_int(v) && encoding == SQLITE_UTF8) {
        piece->size = (u32)i64_to_text(v->u.integer, piece->digits);
        piece->bytes = piece->digits;
        return SQLITE_OK;
    }
    return piece_render(v, encoding, piece);
}

// Whether the bytes are in the block that v would be written to.
static bool lies_in_block(const Value *v, const char *bytes)
{
    ASSERT(v->owned != NULL || v->capacity == 0);

    return v->owned != NULL && bytes >= v->owned && bytes < v->owned + v->capacity;
}

// Room for the result in `out`, whose own bytes may be an operand. NULL: no memory.
static char *concat_room(Value *out, const Piece *first, const Piece *second, u64 size)
{
    ASSERT(size == (u64)first->size + second->size);

    bool is_first = lies_in_block(out, first->bytes);
    bool fits = out->owned != NULL && out->capacity >= size + 2;
    if (fits && !lies_in_block(out, second->bytes) && (!is_first || first->bytes == out->owned))
        return out->owned;
    return mem_alloc(size + 2 + (is_first ? size : 0)); // text that grows: leave room
}

static int concat_into(Vm *vm, const Piece *first, const Piece *second, Value *out)
{
    u64 size = (u64)first->size + second->size;
    if (size > (u64)vm->db->limits[SQLITE_LIMIT_LENGTH])
        return SQLITE_TOOBIG;
    char *bytes = concat_room(out, first, second, size);
    if (bytes == NULL)
        return SQLITE_NOMEM;
    if (bytes != first->bytes && first->size > 0)
        memcpy(bytes, first->bytes, first->size);
    if (second->size > 0)
        memcpy(bytes + first->size, second->bytes, second->size);
    value_set_null(out);
    if (bytes != out->owned) {
        mem_free(out->owned);
        out->owned = bytes;
        out->capacity = (u32)mem_size(bytes);
    }
    ASSERT(out->capacity >= size + 2);
    // A blob among the operands may be of odd size; UTF-16 text is not.
    if (vm->db->encoding != SQLITE_UTF8)
        size &= ~(u64)1;
    out->bytes = bytes;
    bytes[size] = bytes[size + 1] = 0;
    out->size = (u32)size;
    out->encoding = vm->db->encoding;
    out->flags = V_TEXT | V_OWNED | V_NUL_TERMINATED;
    return SQLITE_OK;
}

int op_concat(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 > 0 && in->p2 > 0);

    Value *out = reg_out(vm, in->p3);
    const Value *second = &vm->registers[in->p1], *first = &vm->registers[in->p2];
    if (value_is_null(first) || value_is_null(second)) {
        value_set_null(out);
        return SQLITE_OK;
    }
    Piece a, b;
    a.rendered = b.rendered = (Value){.db = vm->db};
    int rc = piece_of(first, vm->db->encoding, &a);
    if (rc == SQLITE_OK)
        rc = piece_of(second, vm->db->encoding, &b);
    if (rc == SQLITE_OK)
        rc = concat_into(vm, &a, &b, out);
    value_deinit(&a.rendered);
    value_deinit(&b.rendered);
    return rc;
}

// Constants come as UTF-8. The instruction becomes a String of the database's encoding on its first
// run.
int op_string8(Vm *vm, const Instr *in)
{
    ASSERT(in->p4_kind == P4_TEXT);

    Instr *self = &vm->code[vm->pc];
    ASSERT(self == in);
    size_t size = strlen(in->p4.text);
    if (vm->db->encoding != SQLITE_UTF8 && size > 0) {
        Value wide = {.db = vm->db};
        TRY(value_set_text(&wide, in->p4.text, size, SQLITE_UTF8, BYTES_BORROW));
        int rc = value_change_encoding(&wide, vm->db->encoding);
        char *copy = rc != SQLITE_OK
                         ? NULL
                         : arena_dup(program_arena(vm->program), wide.bytes, wide.size + 1u);
        size = wide.size;
        value_deinit(&wide);
        if (copy == NULL)
            return SQLITE_NOMEM;
        self->p4.text = copy;
    }
    if (size > (u64)vm->db->limits[SQLITE_LIMIT_LENGTH])
        return SQLITE_TOOBIG;
    self->op = OP_String;
    self->p1 = (i32)size;
    Value *out = reg_out(vm, in->p2);
    value_set_null(out);
    out->flags = V_TEXT | V_STATIC | V_NUL_TERMINATED;
    if (in->p3 > 0 && value_is_int(&vm->registers[in->p3])
        && vm->registers[in->p3].u.integer == in->p5)
        out->flags = V_BLOB | V_STATIC;
    out->bytes = (char *)(uintptr_t)self->p4.text;
    out->size = (u32)size;
    out->encoding = vm->db->encoding;
    return SQLITE_OK;
}

int op_variable(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 >= 1 && in->p1 <= vm->param_count);

    const Value *param = &vm->params[in->p1 - 1];
    Value *out = reg_out(vm, in->p2);
    if (param->size > (u32)vm->db->limits[SQLITE_LIMIT_LENGTH]
        && (param->flags & (V_TEXT | V_BLOB)))
        return SQLITE_TOOBIG;
    value_borrow(out, param);
    if (out->flags & V_EPHEMERAL) // a binding stays as it is until the statement is reset
        out->flags = (u16)((out->flags & ~V_EPHEMERAL) | V_STATIC | V_FROM_BIND);
    return SQLITE_OK;
}

int op_copy(Vm *vm, const Instr *in)
{
    ASSERT(in->p3 >= 0);

    for (i32 i = 0; i <= in->p3; i++) {
        Value *out = reg_out(vm, in->p2 + i);
        TRY(value_copy(out, &vm->registers[in->p1 + i]));
        if (in->p5 & 1)
            out->flags &= (u16)~V_SUBTYPE;
    }
    return SQLITE_OK;
}

// --- conversions ---

int op_cast(Vm *vm, const Instr *in)
{
    ASSERT(in->p2 >= AFF_BLOB && in->p2 <= AFF_FLEXNUM);

    Value *v = reg_out(vm, in->p1);
    if (v->flags & V_ZERO_TAIL)
        TRY(value_expand_zero_tail(v));
    return value_cast(v, (Affinity)in->p2, vm->db->encoding);
}

int op_must_be_int(Vm *vm, const Instr *in)
{
    Value *v = reg_out(vm, in->p1);
    if (!value_is_int(v))
        TRY(value_apply_affinity(v, AFF_NUMERIC, vm->db->encoding));
    if (value_is_int(v))
        return SQLITE_OK;
    if (in->p2 != 0)
        return VM_JUMP;
    return vm_error(vm, SQLITE_MISMATCH, "%s", error_text(SQLITE_MISMATCH));
}

static const i64 INT_REAL_MAX = 140737488355327; // six bytes, signed

int op_affinity(Vm *vm, const Instr *in)
{
    ASSERT(in->p4_kind == P4_TEXT);
    ASSERT(strlen(in->p4.text) >= (size_t)in->p2);

    Value *v = &vm->registers[in->p1];
    for (i32 i = 0; i < in->p2; i++, v++) {
        u8 letter = (u8)in->p4.text[i];
        if (in->p3 != 0 && letter <= AFF_BLOB && (v->flags & V_INT_REAL))
            value_integerify(v);
        if (letter <= AFF_BLOB || value_is_null(v))
            continue;
        if (letter >= AFF_NUMERIC && letter != AFF_REAL && value_is_int(v))
            continue;
        TRY(value_apply_affinity(v, (Affinity)letter, vm->db->encoding));
        // A REAL column's whole numbers are stored as integers; as column values they are REAL.
        // Those short enough remember it: a record made of this value, which knows no column, holds
        // and gives back an integer.
        if (letter == AFF_REAL && (v->flags & V_INT)) {
            if (v->u.integer >= -INT_REAL_MAX - 1 && v->u.integer <= INT_REAL_MAX)
                v->flags = (u16)((v->flags & ~V_INT) | V_INT_REAL);
            else
                value_realify(v);
        }
    }
    return SQLITE_OK;
}

static u16 type_bit(const Value *v)
{
    ASSERT(value_type(v) >= SQLITE_INTEGER && value_type(v) <= SQLITE_NULL);

    static const u8 bits[] = {0, 1, 2, 4, 8, 16}; // by SQLITE_INTEGER .. SQLITE_NULL
    return bits[value_type(v)];
}

int op_is_type(Vm *vm, const Instr *in)
{
    ASSERT(in->p1 < vm->cursor_count && in->p3 >= 0);

    Value held = {.db = vm->db};
    const Value *v = &held;
    u16 bit;
    if (in->p1 < 0) {
        v = &vm->registers[in->p3];
        bit = type_bit(v);
    } else {
        bool missing = false;
        TRY(row_field(vm, vm->cursors[in->p1], (u32)in->p3, P5_TYPEOF | P5_EPHEMERAL, &held,
                      &missing));
        bit = missing && in->p4_kind == P4_INT32 ? (u16)in->p4.i : type_bit(v);
        value_deinit(&held);
    }
    return (bit & in->p5) != 0 ? VM_JUMP : SQLITE_OK;
}

// --- STRICT tables ---

static const char *const strict_names[] = {"", "ANY", "BLOB", "INT", "INTEGER", "REAL", "TEXT"};

// Whether v may be stored in a column of that type. REAL columns turn integers into REAL.
static bool strict_accepts(Value *v, u8 strict_type)
{
    int type = value_type(v);
    ASSERT(strict_type > STRICT_NONE && strict_type <= STRICT_TEXT);
    switch (strict_type) {
    case STRICT_BLOB: return type == SQLITE_BLOB;
    case STRICT_INT:
    case STRICT_INTEGER: return type == SQLITE_INTEGER;
    case STRICT_TEXT: return type == SQLITE_TEXT;
    case STRICT_REAL:
        if (v->flags & V_INT)
            value_realify(v);
        return (v->flags & (V_REAL | V_INT_REAL)) != 0 && (v->flags & V_TEXT) == 0;
    default: return true; // ANY
    }
}

// As the message of SQLite calls a storage class, which is not as typeof() does.
static const char *type_name(int type)
{
    ASSERT(type >= SQLITE_INTEGER && type <= SQLITE_NULL);

    static const char *const names[] = {"", "INT", "REAL", "TEXT", "BLOB", "NULL"};
    return names[type];
}

// SQLite converts as for any column first, so that '5' may go into an INTEGER column; only what is
// left unconverted is refused.
static int strict_check(Vm *vm, const Table *table, const Column *column, Value *v)
{
    ASSERT(column->strict_type != STRICT_NONE);

    TRY(value_apply_affinity(v, (Affinity)column->affinity, vm->db->encoding));
    if (value_is_null(v) || strict_accepts(v, column->strict_type))
        return SQLITE_OK;
    return vm_error(vm, SQLITE_CONSTRAINT_DATATYPE, "cannot store %s value in %s column %s.%s",
                    type_name(value_type(v)), strict_names[column->strict_type], table->name,
                    column->name);
}

int op_type_check(Vm *vm, const Instr *in)
{
    const Table *table = in->p4.table;
    Value *v = &vm->registers[in->p1];
    ASSERT(table->flags & TABLE_STRICT);

    if (in->p3 >= 2)
        return strict_check(vm, table, &table->columns[in->p3 - 2], v);
    for (int i = 0; i < table->column_count; i++) {
        u8 flags = table->columns[i].flags;
        if (flags & COLUMN_VIRTUAL)
            continue; // has no register
        bool skips = in->p3 == 1 && (flags & COLUMN_STORED);
        if (!skips)
            TRY(strict_check(vm, table, &table->columns[i], v));
        v++;
    }
    return SQLITE_OK;
}

// --- comparison ---

static bool relation_holds(u8 op, int order)
{
    switch (op) {
    case OP_Eq: return order == 0;
    case OP_Ne: return order != 0;
    case OP_Lt: return order < 0;
    case OP_Le: return order <= 0;
    case OP_Gt: return order > 0;
    case OP_Ge: return order >= 0;
    default: UNREACHABLE();
    }
}

// Comparison after the affinity of the instruction, on copies: the registers keep what they hold.
static int compare_converted(Vm *vm, const Instr *in, int *order)
{
    ASSERT(!value_is_null(&vm->registers[in->p1]) && !value_is_null(&vm->registers[in->p3]));

    Value a = {.db = vm->db}, b = {.db = vm->db};
    value_borrow(&a, &vm->registers[in->p3]);
    value_borrow(&b, &vm->registers[in->p1]);
    int rc = SQLITE_OK;
    if ((in->p5 & P5_AFFINITY_MASK) == AFF_TEXT) {
        if ((a.flags & (V_TEXT | V_BLOB)) == 0)
            rc = value_to_text(&a, vm->db->encoding);
        if (rc == SQLITE_OK && (b.flags & (V_TEXT | V_BLOB)) == 0)
            rc = value_to_text(&b, vm->db->encoding);
    } else {
        if (a.flags & V_TEXT)
            value_apply_numeric(&a, false);
        if (b.flags & V_TEXT)
            value_apply_numeric(&b, false);
    }
    if (rc == SQLITE_OK)
        *order = value_compare(&a, &b, in->p4_kind == P4_COLLATION ? in->p4.collation : NULL);
    value_deinit(&a);
    value_deinit(&b);
    return rc;
}

// NULL = NULL is neither true nor false, NULL IS NULL is true; V_CLEARED marks NULLs that must not
// even be IS-equal.
static bool compare_null(const Instr *in, const Value *a, const Value *b, int *order)
{
    ASSERT(value_is_null(a) || value_is_null(b));

    bool both = value_is_null(a) && value_is_null(b) && !((a->flags | b->flags) & V_CLEARED);
    *order = both ? 0 : (value_is_null(b) ? 1 : -1);
    if (in->p5 & P5_NULL_EQUAL)
        return relation_holds(in->op, *order);
    *order = 1; // an ElseEq that follows must not find them equal
    return (in->p5 & P5_JUMP_IF_NULL) != 0;
}

int compare_slow(Vm *vm, const Instr *in, int *order)
{
    ASSERT(in->op >= OP_Eq && in->op <= OP_Ge);

    const Value *a = &vm->registers[in->p3], *b = &vm->registers[in->p1];
    u16 both = a->flags | b->flags;
    if (both & V_NULL)
        return compare_null(in, a, b, order) ? VM_JUMP : SQLITE_OK;

    u8 affinity = in->p5 & P5_AFFINITY_MASK;
    bool mixed = (both & V_TEXT) && (both & (V_INT | V_REAL | V_INT_REAL));
    bool converts = affinity >= AFF_NUMERIC ? (both & V_TEXT) != 0 : affinity == AFF_TEXT && mixed;
    if (converts)
        TRY(compare_converted(vm, in, order));
    else
        *order = value_compare(a, b, in->p4_kind == P4_COLLATION ? in->p4.collation : NULL);
    return relation_holds(in->op, *order) ? VM_JUMP : SQLITE_OK;
}

// Order of two values under a key field: DESC and NULLS LAST turn it round.
static int field_order(const KeyField *field, const Value *a, const Value *b)
{
    ASSERT(field->collation != NULL);

    int order = value_compare(a, b, field->collation);
    if ((field->flags & KEY_NULLS_LARGE) && (value_is_null(a) || value_is_null(b)))
        order = -order;
    return field->flags & KEY_DESC ? -order : order;
}

int op_compare(Vm *vm, const Instr *in)
{
    ASSERT(in->p4_kind == P4_SHAPE);

    const KeyShape *shape = in->p4.shape;
    ASSERT(in->p3 <= shape->all_count);

    const u32 *places = NULL;
    if (in->p5 & P5_PERMUTE) {
        ASSERT(in[-1].op == OP_Permutation);
        ASSERT(in[-1].p4.ints[0] >= (u32)in->p3);
        places = in[-1].p4.ints + 1;
    }
    vm->compare_result = 0;
    for (i32 i = 0; i < in->p3 && vm->compare_result == 0; i++) {
        i32 place = places == NULL ? i : (i32)places[i];
        vm->compare_result = field_order(&shape->fields[i], &vm->registers[in->p1 + place],
                                         &vm->registers[in->p2 + place]);
    }
    return SQLITE_OK;
}
