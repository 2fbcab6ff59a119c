// Writing and reading the image of a row: see change_record.h.
//
// Writing trusts its callers; reading trusts nobody, since the bytes come out of tables that anyone
// may write. Types 10 and 11 are reserved by the format and refused.
#include "cdc/change_record.h"

// Room for `more` bytes behind `used`; the memory is kept from record to record.
static bool reserve(RecordBuilder *b, u8 **bytes, size_t used, size_t more, size_t *space)
{
    ASSERT(used <= *space);

    if (b->failed || used + more <= *space)
        return !b->failed;
    size_t larger = (used + more) * 2 + 32;
    u8 *moved = sqlite3_realloc64(*bytes, larger);
    if (moved == NULL) {
        b->failed = true;
        return false;
    }
    *bytes = moved;
    *space = larger;
    return true;
}

// Seven bits per byte, the highest first, the top bit set on all but the last; a ninth byte has
// eight. Returns the size.
static int varint_put(u8 *out, u64 value)
{
    u8 reversed[10];
    int size = 0;
    if (value <= 0x7f) { // nearly every one
        *out = (u8)value;
        return 1;
    }
    if (value >> 56 != 0) {
        out[8] = (u8)value;
        value >>= 8;
        for (int i = 7; i >= 0; i--, value >>= 7)
            out[i] = (u8)((value & 0x7f) | 0x80);
        return 9;
    }
    do {
        reversed[size++] = (u8)((value & 0x7f) | 0x80);
        value >>= 7;
    } while (value != 0);
    reversed[0] &= 0x7f;
    for (int i = 0; i < size; i++)
        out[i] = reversed[size - 1 - i];
    return size;
}

// Bytes taken, 0 when the varint runs past the end.
static size_t varint_get(const u8 *data, size_t size, u64 *out)
{
    u64 value = 0;
    for (size_t i = 0; i < 9 && i < size; i++) {
        if (i == 8) {
            *out = (value << 8) | data[i];
            return 9;
        }
        value = (value << 7) | (data[i] & 0x7f);
        if ((data[i] & 0x80) == 0) {
            *out = value;
            return i + 1;
        }
    }
    return 0;
}

static void add_type(RecordBuilder *b, u64 serial_type)
{
    if (reserve(b, &b->header, b->header_size, 10, &b->header_space))
        b->header_size += (size_t)varint_put(b->header + b->header_size, serial_type);
}

// The low `size` bytes of the value.
static void add_big_endian(RecordBuilder *b, u64 value, int size)
{
    ASSERT(size >= 0 && size <= 8);

    if (!reserve(b, &b->body, b->body_size, 8, &b->body_space))
        return;
    for (int i = 0; i < size; i++)
        b->body[b->body_size + (size_t)i] = (u8)(value >> (8 * (size - 1 - i)));
    b->body_size += (size_t)size;
}

static void add_bytes(RecordBuilder *b, const void *bytes, size_t size)
{
    if (size == 0 || !reserve(b, &b->body, b->body_size, size, &b->body_space))
        return;
    memcpy(b->body + b->body_size, bytes, size);
    b->body_size += size;
}

void record_add_null(RecordBuilder *b)
{
    add_type(b, 0);
}

void record_add_i64(RecordBuilder *b, i64 value)
{
    static const u8 sizes[] = {0, 1, 2, 3, 4, 6, 8};
    static const u64 limits[] = {0, 0x7f, 0x7fff, 0x7fffff, 0x7fffffff, 0x7fffffffffff};
    if (value == 0 || value == 1) {
        add_type(b, 8 + (u64)value);
        return;
    }
    u64 magnitude = value < 0 ? ~(u64)value : (u64)value; // what must fit beside the sign's bit
    int type = 1;
    while (type < 6 && magnitude > limits[type])
        type++;
    add_type(b, (u64)type);
    add_big_endian(b, (u64)value, sizes[type]);
}

void record_add_f64(RecordBuilder *b, f64 value)
{
    u64 bits;
    memcpy(&bits, &value, sizeof bits);
    add_type(b, 7);
    add_big_endian(b, bits, 8);
}

void record_add_text(RecordBuilder *b, const char *text, size_t size)
{
    add_type(b, 13 + 2 * (u64)size);
    add_bytes(b, text, size);
}

void record_add_blob(RecordBuilder *b, const void *blob, size_t size)
{
    add_type(b, 12 + 2 * (u64)size);
    add_bytes(b, blob, size);
}

void record_add_value(RecordBuilder *b, sqlite3_value *value)
{
    const void *bytes;
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: record_add_i64(b, sqlite3_value_int64(value)); return;
    case SQLITE_FLOAT: record_add_f64(b, sqlite3_value_double(value)); return;
    case SQLITE_TEXT:
        bytes = sqlite3_value_text(value);
        b->failed |= bytes == NULL;
        record_add_text(b, bytes, (size_t)sqlite3_value_bytes(value));
        return;
    case SQLITE_BLOB:
        bytes = sqlite3_value_blob(value);
        record_add_blob(b, bytes, (size_t)sqlite3_value_bytes(value));
        return;
    default: record_add_null(b); return;
    }
}

void record_add_copy(RecordBuilder *b, const RecordValue *value)
{
    switch (value->type) {
    case SQLITE_INTEGER: record_add_i64(b, value->integer); return;
    case SQLITE_FLOAT: record_add_f64(b, value->real); return;
    case SQLITE_TEXT: record_add_text(b, (const char *)value->bytes, value->size); return;
    case SQLITE_BLOB: record_add_blob(b, value->bytes, value->size); return;
    default: record_add_null(b); return;
    }
}

void record_append(RecordBuilder *b, RecordBuilder *more)
{
    ASSERT(b != more);

    b->failed |= more->failed;
    if (more->header_size > 0
        && reserve(b, &b->header, b->header_size, more->header_size, &b->header_space)) {
        memcpy(b->header + b->header_size, more->header, more->header_size);
        b->header_size += more->header_size;
    }
    add_bytes(b, more->body, more->body_size);
    record_discard(more);
}

void record_discard(RecordBuilder *b)
{
    sqlite3_free(b->header);
    sqlite3_free(b->body);
    sqlite3_free(b->joined);
    memset(b, 0, sizeof *b);
}

// The header's size counts itself: one byte more may need one byte more.
static size_t header_total(size_t types_size)
{
    u8 bytes[10];
    size_t total = types_size + 1;
    while (types_size + (size_t)varint_put(bytes, total) != total)
        total = types_size + (size_t)varint_put(bytes, total);
    return total;
}

// Header size, types, values: three copies, since the sizes are only known at the end.
static void join(const RecordBuilder *b, size_t total, u8 *record)
{
    size_t prefix = (size_t)varint_put(record, total);
    ASSERT(prefix + b->header_size == total);
    if (b->header_size > 0)
        memcpy(record + prefix, b->header, b->header_size);
    if (b->body_size > 0)
        memcpy(record + total, b->body, b->body_size);
}

int record_finish(RecordBuilder *b, u8 **out, size_t *size)
{
    size_t total = header_total(b->header_size);
    u8 *record = b->failed ? NULL : sqlite3_malloc64(total + b->body_size);
    if (record != NULL) {
        join(b, total, record);
        *out = record;
        *size = total + b->body_size;
    }
    record_discard(b);
    return record == NULL ? SQLITE_NOMEM : SQLITE_OK;
}

int record_join(RecordBuilder *b, const u8 **out, size_t *size)
{
    size_t total = header_total(b->header_size);
    bool has_room = reserve(b, &b->joined, 0, total + b->body_size, &b->joined_space);
    if (has_room) {
        join(b, total, b->joined);
        *out = b->joined;
        *size = total + b->body_size;
    }
    b->header_size = 0;
    b->body_size = 0;
    b->failed = false;
    return has_room ? SQLITE_OK : SQLITE_NOMEM;
}

// --- reading ---

bool record_open(RecordReader *reader, const u8 *data, size_t size)
{
    u64 header;
    size_t prefix = data == NULL ? 0 : varint_get(data, size, &header);
    if (prefix == 0 || header < prefix || header > size)
        return false;
    *reader = (RecordReader){.data = data,
                             .size = size,
                             .header_end = (size_t)header,
                             .header_at = prefix,
                             .body_at = (size_t)header};
    return true;
}

bool record_at_end(const RecordReader *reader)
{
    return reader->header_at >= reader->header_end;
}

// Two's complement of any size, zero bytes included.
static i64 get_signed(const u8 *data, size_t size)
{
    ASSERT(size <= 8);

    u64 value = size > 0 && (data[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < size; i++)
        value = (value << 8) | data[i];
    return (i64)value;
}

static void decode_value(u64 type, RecordValue *out)
{
    u64 bits;
    if (type >= 12) {
        out->type = (type & 1) != 0 ? SQLITE_TEXT : SQLITE_BLOB;
    } else if (type == 0) {
        out->type = SQLITE_NULL;
    } else if (type == 7) {
        bits = (u64)get_signed(out->bytes, 8);
        memcpy(&out->real, &bits, sizeof out->real);
        out->type = SQLITE_FLOAT;
    } else {
        out->integer = type >= 8 ? (i64)type - 8 : get_signed(out->bytes, out->size);
        out->type = SQLITE_INTEGER;
    }
}

bool record_next(RecordReader *reader, RecordValue *out)
{
    static const u8 sizes[] = {0, 1, 2, 3, 4, 6, 8, 8, 0, 0};
    u64 type;
    if (record_at_end(reader))
        return false;
    size_t prefix =
        varint_get(reader->data + reader->header_at, reader->header_end - reader->header_at, &type);
    if (prefix == 0 || type == 10 || type == 11)
        return false;
    u64 size = type >= 12 ? (type - 12) / 2 : sizes[type];
    if (size > reader->size - reader->body_at)
        return false;
    *out = (RecordValue){.bytes = reader->data + reader->body_at, .size = (size_t)size};
    decode_value(type, out);
    reader->header_at += prefix;
    reader->body_at += (size_t)size;
    return true;
}
