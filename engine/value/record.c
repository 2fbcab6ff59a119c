// The record format (record.h): a row or key from values to bytes and back.
//
// Writing takes two passes over the values. record_plan() applies the columns' affinities, chooses
// each serial type and adds up; the caller then provides exactly that much memory, in a page if it
// fits there, and record_write() cannot fail. The type chosen is noted in Value.serial, so that
// the second pass does not look at the value again.
//
// Reading trusts nothing: sizes come from a file. A header longer than the record, a body that
// runs over the end and a varint that is cut off are SQLITE_CORRUPT; the types 10 and 11, which no
// SQLite writes, read as NULL.

#include "value/record.h"

#include "base/bytes.h"
#include "base/error.h"
#include <string.h>

enum {
    TYPE_NULL = 0,
    TYPE_I64 = 6,
    TYPE_REAL = 7,
    TYPE_ZERO = 8,
    TYPE_ONE = 9,
    TYPE_NO_CHANGE = 10,
    TYPE_FIRST_BYTES = 12,
    LIMIT_CHECK_FROM = 256, // smaller records skip the question for the connection's limit
};

// By serial type; what follows 7 has no body.
static const u8 body_sizes[TYPE_FIRST_BYTES] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0};

u32 serial_type_size(u32 serial_type)
{
    if (serial_type < TYPE_FIRST_BYTES)
        return body_sizes[serial_type];
    return (serial_type - TYPE_FIRST_BYTES) / 2;
}

// The shortest body that holds it, 0 and 1 none at all. ~integer rather than -integer: -128 then
// fits where 127 does, and INT64_MIN does not overflow.
u32 serial_type_of_i64(i64 integer)
{
    u64 magnitude = (u64)(integer < 0 ? ~integer : integer);
    if (magnitude <= 0x7f)
        return (u64)integer <= 1 ? TYPE_ZERO + (u32)integer : 1;
    if (magnitude <= 0x7fff)
        return 2;
    if (magnitude <= 0x7fffff)
        return 3;
    if (magnitude <= 0x7fffffff)
        return 4;
    return magnitude <= 0x7fffffffffff ? 5 : TYPE_I64;
}

u32 serial_type_of(const Value *v, u32 *body_size)
{
    ASSERT(value_is_sound(v));

    u32 type = TYPE_NULL;
    u16 flags = v->flags;
    if (flags & (V_TEXT | V_BLOB)) {
        u32 size = value_size(v);
        *body_size = size;
        return size * 2 + TYPE_FIRST_BYTES + ((flags & V_TEXT) != 0);
    }
    if (flags & V_INT)
        type = serial_type_of_i64(v->u.integer);
    else if (flags & V_REAL)
        type = TYPE_REAL;
    else if (flags & V_INT_REAL) {
        // A column's REAL that is whole: shorter as an integer, and turned back when read.
        type = serial_type_of_i64(v->u.integer);
        if (type == TYPE_I64)
            type = TYPE_REAL; // eight bytes either way
    } else if (value_is_no_change(v)) {
        type = TYPE_NO_CHANGE;
    }
    *body_size = body_sizes[type];
    return type;
}

u32 serial_put(u8 *out, const Value *v, u32 serial_type)
{
    ASSERT(serial_type != 11);
    ASSERT(serial_type < TYPE_FIRST_BYTES || (v->flags & (V_TEXT | V_BLOB)));

    if (serial_type >= TYPE_FIRST_BYTES) {
        if (v->size > 0)
            memcpy(out, v->bytes, v->size);
        return v->size;
    }
    u64 bits = (u64)v->u.integer;
    if (serial_type == TYPE_REAL) {
        f64 real = v->flags & V_REAL ? v->u.real : (f64)v->u.integer;
        memcpy(&bits, &real, sizeof bits);
    }
    return serial_put_bits(out, bits, serial_type);
}

u32 serial_put_bits(u8 *out, u64 bits, u32 serial_type)
{
    ASSERT(serial_type < TYPE_FIRST_BYTES);

    u32 size = body_sizes[serial_type];
    for (u32 i = size; i > 0; i--) {
        out[i - 1] = (u8)bits;
        bits >>= 8;
    }
    return size;
}

// 24 bits are sign-extended by shifting down from the top of 32; 48 by the sign of their upper 16.
static i64 body_integer(const u8 *p, u32 serial_type)
{
    ASSERT(serial_type != TYPE_NULL && serial_type != TYPE_REAL && serial_type <= TYPE_ONE);

    switch (serial_type) {
    case 1: return (i8)p[0];
    case 2: return (i16)get_u16(p);
    case 3: return (i32)((u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8) >> 8;
    case 4: return (i32)get_u32(p);
    case 5: return (i64)((u64)(i64)(i16)get_u16(p) << 32 | get_u32(p + 2));
    case TYPE_I64: return (i64)get_u64(p);
    default: return serial_type == TYPE_ONE;
    }
}

void serial_get(const u8 *body, u32 serial_type, u8 encoding, Value *v)
{
    ASSERT(body != NULL);

    if (serial_type >= TYPE_FIRST_BYTES) {
        // The setters below do this themselves; here it is spelt out to write each field once:
        // this is every column of every row.
        if (UNLIKELY(v->flags & V_DYNAMIC))
            value_release_slow(v);
        v->bytes = (char *)(uintptr_t)body;
        v->size = (serial_type - TYPE_FIRST_BYTES) / 2;
        v->encoding = encoding;
        v->flags = serial_type & 1 ? V_TEXT | V_EPHEMERAL : V_BLOB | V_EPHEMERAL;
        return;
    }
    if (serial_type == TYPE_REAL) {
        u64 bits = get_u64(body);
        f64 real;
        memcpy(&real, &bits, sizeof real);
        value_set_f64(v, real);
    } else if (serial_type == TYPE_NULL || serial_type > TYPE_ONE) {
        value_set_null(v);
    } else {
        value_set_i64(v, body_integer(body, serial_type));
    }
}

// --- writing ---

// A REAL column stores whole numbers as integers: what its affinity has made an integer is still a
// real to whoever reads the register, which V_INT_REAL says.
static int plan_affinities(Value *values, u32 count, const char *affinities, u8 encoding)
{
    ASSERT(affinities != NULL);

    for (u32 i = 0; i < count; i++) {
        Affinity affinity = (Affinity)affinities[i];
        TRY(value_apply_affinity(&values[i], affinity, encoding));
        if (affinity == AFF_REAL && (values[i].flags & V_INT))
            values[i].flags = (u16)((values[i].flags & ~V_INT) | V_INT_REAL);
    }
    return SQLITE_OK;
}

int record_plan(Value *values, u32 count, const char *affinities, u8 encoding, RecordPlan *plan)
{
    ASSERT(count == 0 || values != NULL);

    if (affinities != NULL)
        TRY(plan_affinities(values, count, affinities, encoding));
    u64 body = 0;
    u64 tail = 0;
    u32 header = 0;
    // From last to first: zero tails stay virtual as long as nothing with bytes follows them.
    for (u32 i = count; i > 0; i--) {
        Value *v = &values[i - 1];
        u32 size;
        if (UNLIKELY(v->flags & V_ZERO_TAIL) && !value_is_no_change(v)) {
            if (body > 0) {
                TRY(value_expand_zero_tail(v));
            } else {
                tail += (u32)v->u.zero_tail;
                // `body` may wrap below zero here; adding `size`, which counts the tail, brings it
                // back.
                body -= (u32)v->u.zero_tail; // added again below
            }
        }
        v->serial = serial_type_of(v, &size);
        body += size;
        header += v->serial < 0x80 ? 1 : varint_size(v->serial);
    }
    // The header's size counts the varint it is written in: 126 bytes of types make 127 with it,
    // which still is one byte; from there on the varint is longer.
    header += header < 0x7f ? 1 : varint_size(header + varint_size(header));
    u64 total = header + body + tail;
    if (total >= LIMIT_CHECK_FROM && total > value_length_limit(&values[0]))
        return SQLITE_TOOBIG;
    ASSERT(varint_size(header) + count <= header);
    plan->header_size = header;
    plan->body_size = body;
    plan->zero_tail = tail;
    return SQLITE_OK;
}

void record_write(const Value *values, u32 count, const RecordPlan *plan, u8 *out)
{
    ASSERT(count == 0 || values != NULL);
    ASSERT(plan->header_size > count);

    u8 *header = out;
    u8 *body = out + plan->header_size;
    header += varint_put(header, plan->header_size);
    for (u32 i = 0; i < count; i++) {
        u32 serial = values[i].serial;
        if (LIKELY(serial < 0x80))
            *header++ = (u8)serial;
        else
            header += varint_put(header, serial);
        body += serial_put(body, &values[i], serial);
    }

    ASSERT(header == out + plan->header_size);
    ASSERT(body == out + plan->header_size + plan->body_size);
}

// --- reading ---

int record_reader_init(RecordReader *r, const u8 *bytes, u32 size)
{
    ASSERT(bytes != NULL || size == 0);

    u64 header_size;
    u32 length = varint_get_checked(bytes, bytes + size, &header_size);
    if (length == 0 || header_size > size || header_size < length)
        return corrupt_record("a record's header is longer than the record");
    r->bytes = bytes;
    r->size = size;
    r->header_size = (u32)header_size;
    r->header_at = length;
    r->body_at = (u32)header_size;
    return SQLITE_OK;
}

bool record_reader_next(RecordReader *r, u8 encoding, Value *v, int *rc)
{
    ASSERT(r->body_at <= r->size);

    *rc = SQLITE_OK;
    if (r->header_at >= r->header_size)
        return false;
    u64 type;
    u32 length = varint_get_checked(r->bytes + r->header_at, r->bytes + r->header_size, &type);
    // A type of more than 32 bits would be a field of more than 2 GiB: no record has room for it.
    u32 size = type <= UINT32_MAX ? serial_type_size((u32)type) : UINT32_MAX;
    if (length == 0 || size > r->size - r->body_at) {
        *rc = corrupt_record("a field runs over the end of its record");
        return false;
    }
    serial_get(r->bytes + r->body_at, (u32)type, encoding, v);
    r->header_at += length;
    r->body_at += size;
    return true;
}

bool record_find_blob(const u8 *record, u32 size, u32 field, const u8 **bytes, u32 *blob_size)
{
    ASSERT(record != NULL);

    u64 header_size, type = 0;
    u32 at = varint_get_checked(record, record + size, &header_size);
    if (at == 0 || header_size > size)
        return false;
    u64 body = header_size, body_end = header_size;
    for (u32 i = 0; i <= field; i++) {
        u32 length =
            at < header_size ? varint_get_checked(record + at, record + header_size, &type) : 0;
        if (length == 0 || type > UINT32_MAX)
            return false;
        at += length;
        body = body_end;
        body_end += serial_type_size((u32)type);
        if (body_end > size)
            return false;
    }
    if (type < 12 || (type & 1) != 0)
        return false;
    *bytes = record + body;
    *blob_size = (u32)(body_end - body);
    return true;
}

int record_last_rowid(const u8 *bytes, u32 size, RowId *out)
{
    ASSERT(bytes != NULL || size == 0);

    RecordReader r;
    TRY(record_reader_init(&r, bytes, size));
    u32 type = TYPE_NULL;
    while (r.header_at < r.header_size) {
        u64 wide;
        u32 length = varint_get_checked(bytes + r.header_at, bytes + r.header_size, &wide);
        if (length == 0)
            return corrupt_record("a record's header is cut off");
        type = wide <= UINT32_MAX ? (u32)wide : 0;
        r.header_at += length;
    }
    // The rowid is the last field, so its body ends where the record does, whatever lies between.
    u32 body_size = serial_type_size(type);
    if (type == TYPE_NULL || type == TYPE_REAL || type > TYPE_ONE
        || body_size > size - r.header_size)
        return corrupt_record("an index entry does not end with a rowid");
    *out = body_integer(bytes + size - body_size, type);
    return SQLITE_OK;
}
