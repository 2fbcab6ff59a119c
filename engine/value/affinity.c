// What a value becomes: by the affinity of the column it is stored into, and by CAST.
//
// An affinity is a preference. It converts only when nothing of the content is lost ("Type
// Affinity" of sqlite.org/datatype3.html): '12' becomes 12 in an INTEGER column, '12x' stays text.
// CAST is an order: it takes the longest prefix that makes sense, and 0 if there is none ("CAST
// expressions" of sqlite.org/lang_expr.html). Only memory can fail either.
//
//                  stored into NUMERIC or INTEGER    CAST AS NUMERIC    CAST AS INTEGER
//    '1e2'         100                               100                1
//    ' 7 '         7                                 7                  7
//    '7x'          '7x'                              7                  7
//    1.5           1.5                               1.5                1
//    x'3132'       x'3132'                           12                 12
//
// A real becomes an integer by two rules which differ: an affinity does so whenever the integer
// equals it; CAST(text AS NUMERIC) only below 2^51.

#include "value/value.h"

#include "base/hashmap.h"
#include "base/utf.h"
#include <string.h>

// 2^51: beyond, CAST AS NUMERIC keeps what was written as a real a real.
static const i64 CAST_INTEGER_MAX = 2251799813685248;

// V_INT_REAL is a column's REAL kept as an integer to save space on the disk (record.c): here it
// loses its claim to be shown as "5.0" and is an integer like any other.
void value_integerify(Value *v)
{
    ASSERT(value_is_sound(v));

    i64 integer;
    if (v->flags & V_INT_REAL) {
        v->flags = (u16)((v->flags & ~V_INT_REAL) | V_INT);
    } else if ((v->flags & V_REAL) && f64_is_i64(v->u.real, &integer)) {
        v->u.integer = integer;
        v->flags = (u16)((v->flags & ~V_REAL) | V_INT);
    }
}

void value_realify(Value *v)
{
    ASSERT(value_is_sound(v));

    if (v->flags & (V_INT | V_INT_REAL)) {
        v->u.real = (f64)v->u.integer;
        v->flags = (u16)((v->flags & ~(V_INT | V_INT_REAL)) | V_REAL);
    }
}

// The text must be a number as a whole, blanks around it allowed; a prefix is not enough.
void value_apply_numeric(Value *v, bool try_integer_for_real)
{
    ASSERT(value_is_sound(v));

    if (!(v->flags & V_TEXT) || v->size == 0)
        return;
    ParsedNumber number;
    value_parse_number(v, &number);
    if (!number.whole || number.kind == NUMBER_NONE)
        return;
    if (number.kind == NUMBER_INTEGER) {
        value_set_i64(v, number.integer);
        return;
    }
    value_set_f64(v, number.real);
    if (try_integer_for_real)
        value_integerify(v);
}

int value_to_text(Value *v, u8 encoding)
{
    ASSERT(value_is_sound(v));

    if (v->flags & V_TEXT)
        return v->encoding == encoding ? SQLITE_OK : value_change_encoding(v, encoding);
    if (!(v->flags & (V_INT | V_REAL | V_INT_REAL)))
        return SQLITE_OK;
    // The number is rendered into the value's own block, which then becomes its content.
    u32 size = value_text_size(v, encoding);
    if (size == 0) {
        value_set_null(v);
        return SQLITE_NOMEM;
    }
    value_commit_text(v, size, encoding);
    return SQLITE_OK;
}

// FLEXNUM leaves a real alone: a subquery's 5.0 stays a real where a column of NUMERIC would store
// 5.
int value_apply_affinity(Value *v, Affinity affinity, u8 encoding)
{
    ASSERT(affinity >= AFF_NONE && affinity <= AFF_FLEXNUM);
    ASSERT(value_is_sound(v));

    if (affinity >= AFF_NUMERIC) {
        // Registers of a STRICT or INTEGER column are integers already, nearly always.
        if (v->flags & V_INT)
            return SQLITE_OK;
        if (v->flags & V_TEXT)
            value_apply_numeric(v, true);
        else if ((v->flags & (V_REAL | V_INT_REAL)) && affinity <= AFF_REAL)
            value_integerify(v);
        return SQLITE_OK;
    }
    if (affinity == AFF_TEXT && (v->flags & (V_INT | V_REAL | V_INT_REAL)))
        return value_to_text(v, encoding);
    return SQLITE_OK;
}

// --- CAST ---

// Of text that is a real by its form ("5.0", "1e2") the integer is preferred if it is equal to it,
// and small: beyond 2^51 a real that happens to be whole more likely was meant as one.
static void cast_to_numeric(Value *v)
{
    ASSERT(!(v->flags & V_ZERO_TAIL));

    if (!(v->flags & (V_TEXT | V_BLOB)))
        return;
    ParsedNumber number;
    value_parse_number(v, &number);
    if (number.kind != NUMBER_REAL) {
        value_set_i64(v, number.integer);
        return;
    }
    i64 integer = f64_to_i64(number.real);
    bool small = integer >= -CAST_INTEGER_MAX && integer < CAST_INTEGER_MAX;
    if (small && (f64)integer == number.real)
        value_set_i64(v, integer);
    else
        value_set_f64(v, number.real);
}

// Numbers go by their text: CAST(12 AS BLOB) is x'3132' in a UTF-8 database. A subtype (JSON) does
// not survive.
static int cast_to_blob(Value *v, u8 encoding)
{
    ASSERT(!(v->flags & V_NULL));

    if (v->flags & V_BLOB)
        return SQLITE_OK;
    TRY(value_to_text(v, encoding));
    v->flags = (u16)((v->flags & ~(V_TYPE_MASK | V_SUBTYPE)) | V_BLOB);
    return SQLITE_OK;
}

// A blob is taken for text in the database's encoding, byte by byte, whatever it holds. An odd
// last byte cannot be part of UTF-16 and is cut off; what stood behind it is no terminator.
static int cast_to_text(Value *v, u8 encoding)
{
    ASSERT(!(v->flags & V_NULL));

    if (!(v->flags & V_BLOB))
        return value_to_text(v, encoding);
    TRY(value_expand_zero_tail(v));
    v->flags = (u16)((v->flags & ~(V_TYPE_MASK | V_SUBTYPE)) | V_TEXT);
    if (encoding != SQLITE_UTF8 && (v->size & 1)) {
        v->size--;
        v->flags &= (u16)~V_NUL_TERMINATED;
    }
    v->encoding = encoding;
    return SQLITE_OK;
}

int value_cast(Value *v, Affinity affinity, u8 encoding)
{
    ASSERT(value_is_sound(v));

    if (v->flags & V_NULL)
        return SQLITE_OK;
    TRY(value_expand_zero_tail(v));
    switch (affinity) {
    case AFF_NONE:
    case AFF_BLOB: return cast_to_blob(v, encoding);
    case AFF_TEXT: return cast_to_text(v, encoding);
    case AFF_NUMERIC:
    case AFF_FLEXNUM: cast_to_numeric(v); return SQLITE_OK;
    case AFF_INTEGER: value_set_i64(v, value_i64(v)); return SQLITE_OK;
    case AFF_REAL: value_set_f64(v, value_f64(v)); return SQLITE_OK;
    }
    UNREACHABLE();
}

// The five rules of "Determination Of Column Affinity", sqlite.org/datatype3.html, in one pass:
// INT anywhere ends the search, TEXT outranks BLOB, which outranks REAL. FLOATING POINT is INTEGER
// by it, for the sake of the "int" in "point".
Affinity affinity_of_type(const char *declared_type)
{
    if (declared_type == NULL)
        return AFF_BLOB;
    Affinity affinity = AFF_NUMERIC;
    for (const char *p = declared_type; *p; p++) {
        if (name_equals_n(p, "int", 3))
            return AFF_INTEGER;
        if (name_equals_n(p, "char", 4) || name_equals_n(p, "clob", 4)
            || name_equals_n(p, "text", 4))
            affinity = AFF_TEXT;
        else if (name_equals_n(p, "blob", 4) && affinity != AFF_TEXT)
            affinity = AFF_BLOB;
        else if (affinity == AFF_NUMERIC
                 && (name_equals_n(p, "real", 4) || name_equals_n(p, "floa", 4)
                     || name_equals_n(p, "doub", 4)))
            affinity = AFF_REAL;
    }
    return affinity;
}
