// Writing and reading the image of a row: see change_record.h.
//
// Writing trusts its callers; reading trusts nobody, since the bytes come out of tables that anyone
// may write. Types 10 and 11 are reserved by the format and refused.
//
// A builder grows two pieces, for where the values begin is known only when all types are. Failures
// stick: whoever joins the pieces hears of them, so that adding needs no checks.
#include "cdc/change_record.h"

// Serial types. Those of text and blobs grow by two with every byte.
enum { TYPE_NULL = 0, TYPE_FLOAT = 7, TYPE_ZERO = 8, TYPE_ONE = 9, TYPE_BLOB = 12, TYPE_TEXT = 13 };

static bool grow(RecordBuilder *b, u8 **bytes, size_t needed, size_t *space)
{
    ASSERT(needed > *space);

    size_t larger = needed * 2 + 32;
    u8 *moved = b->failed ? NULL : sqlite3_realloc64(*bytes, larger);
    if (moved == NULL) {
        b->failed = true;
        return false;
    }
    *bytes = moved;
    *space = larger;
    return true;
}

// Room for `more` bytes behind `used`; the memory is kept from record to record. What a builder
// that failed writes where it still has room is never handed out.
static inline bool reserve(RecordBuilder *b, u8 **bytes, size_t used, size_t more, size_t *space)
{
    ASSERT(used <= *space);

    return used + more <= *space || grow(b, bytes, used + more, space);
}

// Seven bits per byte, the highest first, the top bit set on all but the last; a ninth byte has
// eight. Returns the size.
static int varint_put(u8 *out, u64 value)
{
    ASSERT(out != NULL);

    u8 reversed[10];
    int size = 0;
    if (value <= 0x7f) { // nearly every one
        *out = (u8)value;
        return 1;
    }
    if (value <= 0x3fff) {
        out[0] = (u8)((value >> 7) | 0x80);
        out[1] = (u8)(value & 0x7f);
        return 2;
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

static inline void add_type(RecordBuilder *b, u64 serial_type)
{
    ASSERT(serial_type != 10 && serial_type != 11);

    if (!reserve(b, &b->header, b->header_size, 10, &b->header_space))
        return;
    if (serial_type <= 0x7f) // nearly every one
        b->header[b->header_size++] = (u8)serial_type;
    else
        b->header_size += (size_t)varint_put(b->header + b->header_size, serial_type);
}

// The low `size` bytes of the value: eight are written, of which those that count come first.
static inline void add_big_endian(RecordBuilder *b, u64 value, int size)
{
    ASSERT(size >= 1 && size <= 8);

    if (!reserve(b, &b->body, b->body_size, 8, &b->body_space))
        return;
    u8 *out = b->body + b->body_size;
    u64 high = value << (64 - 8 * size);
    out[0] = (u8)(high >> 56); // written out, the eight become one store
    out[1] = (u8)(high >> 48);
    out[2] = (u8)(high >> 40);
    out[3] = (u8)(high >> 32);
    out[4] = (u8)(high >> 24);
    out[5] = (u8)(high >> 16);
    out[6] = (u8)(high >> 8);
    out[7] = (u8)high;
    b->body_size += (size_t)size;
}

static inline void add_bytes(RecordBuilder *b, const void *bytes, size_t size)
{
    ASSERT(bytes != NULL || size == 0);

    if (size == 0 || !reserve(b, &b->body, b->body_size, size, &b->body_space))
        return;
    memcpy(b->body + b->body_size, bytes, size);
    b->body_size += size;
}

void record_add_null(RecordBuilder *b)
{
    add_type(b, TYPE_NULL);
}

void record_add_i64(RecordBuilder *b, i64 value)
{
    // Serial type by how many bytes the value takes, its sign's bit included.
    static const u8 types[] = {1, 1, 2, 3, 4, 5, 5, 6, 6};
    static const u8 sizes[] = {0, 1, 2, 3, 4, 6, 8};
    if (value == 0 || value == 1) {
        add_type(b, TYPE_ZERO + (u64)value);
        return;
    }
    u64 magnitude = value < 0 ? ~(u64)value : (u64)value;
    int bits = 64 - __builtin_clzll(magnitude | 1) + 1;
    int type = types[(bits + 7) / 8];
    ASSERT(type == 6 || magnitude >> (8 * sizes[type] - 1) == 0);
    add_type(b, (u64)type);
    add_big_endian(b, (u64)value, sizes[type]);
}

void record_add_f64(RecordBuilder *b, f64 value)
{
    u64 bits;
    memcpy(&bits, &value, sizeof bits);
    add_type(b, TYPE_FLOAT);
    add_big_endian(b, bits, 8);
}

void record_add_text(RecordBuilder *b, const char *text, size_t size)
{
    add_type(b, TYPE_TEXT + 2 * (u64)size);
    add_bytes(b, text, size);
}

void record_add_blob(RecordBuilder *b, const void *blob, size_t size)
{
    add_type(b, TYPE_BLOB + 2 * (u64)size);
    add_bytes(b, blob, size);
}

// Bytes that a value should have and cannot show are an allocation that failed.
static void add_value_bytes(RecordBuilder *b, sqlite3_value *value, const void *bytes, u64 type)
{
    ASSERT(type == TYPE_TEXT || type == TYPE_BLOB);

    size_t size = (size_t)sqlite3_value_bytes(value);
    if (bytes == NULL && (size > 0 || type == TYPE_TEXT)) {
        b->failed = true;
        return;
    }
    add_type(b, type + 2 * (u64)size);
    add_bytes(b, bytes, size);
}

void record_add_value(RecordBuilder *b, sqlite3_value *value)
{
    ASSERT(value != NULL);

    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: record_add_i64(b, sqlite3_value_int64(value)); return;
    case SQLITE_FLOAT: record_add_f64(b, sqlite3_value_double(value)); return;
    case SQLITE_TEXT: add_value_bytes(b, value, sqlite3_value_text(value), TYPE_TEXT); return;
    case SQLITE_BLOB: add_value_bytes(b, value, sqlite3_value_blob(value), TYPE_BLOB); return;
    default: add_type(b, TYPE_NULL); return;
    }
}

void record_add_row(RecordBuilder *b, sqlite3_value *const *values, int count,
                    const unsigned char *flags, unsigned char wanted)
{
    ASSERT(values != NULL && count > 0);
    ASSERT(wanted != 0);

    for (int i = 0; i < count; i++) {
        if ((flags[i] & wanted) == wanted)
            record_add_value(b, values[i]);
    }
}

void record_add_row_updates(RecordBuilder *b, sqlite3_value *const *values, int count,
                            const unsigned char *flags)
{
    ASSERT(values != NULL && count > 0);
    ASSERT(b->header_size == 0);

    for (int i = 0; i < count; i++) {
        if ((flags[i] & QUIRE_COLUMN_STORED) != 0)
            add_type(b, (flags[i] & QUIRE_COLUMN_SET) != 0 ? TYPE_ONE : TYPE_ZERO);
    }
    for (int i = 0; i < count; i++) {
        if ((flags[i] & QUIRE_COLUMN_STORED) == 0)
            continue;
        if ((flags[i] & QUIRE_COLUMN_SET) != 0)
            record_add_value(b, values[i]);
        else
            add_type(b, TYPE_NULL);
    }
}

void record_add_copy(RecordBuilder *b, const RecordValue *value)
{
    ASSERT(value->bytes != NULL || value->size == 0);

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
    ASSERT(types_size < INT32_MAX);

    u8 bytes[10];
    size_t total = types_size + 1;
    if (total <= 0x7f)
        return total;
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
    ASSERT(b->header_size <= b->header_space);

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
    ASSERT(b->header_size <= b->header_space);

    size_t total = header_total(b->header_size);
    bool is_whole = reserve(b, &b->joined, 0, total + b->body_size, &b->joined_space) && !b->failed;
    if (is_whole) {
        join(b, total, b->joined);
        *out = b->joined;
        *size = total + b->body_size;
    }
    b->header_size = 0;
    b->body_size = 0;
    b->failed = false;
    return is_whole ? SQLITE_OK : SQLITE_NOMEM;
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
    ASSERT(type != 10 && type != 11);

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
    ASSERT(reader->header_at <= reader->header_end && reader->body_at <= reader->size);

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
