// One value as changesets hold it: see changeset_field.h for the format.
//
// Values go through the public interface, which gives text in UTF-8 whatever the database's
// encoding.

#include "session/changeset_field.h"
#include "base/bytes.h"
#include "base/varint.h"

// The bytes were checked or written here, so that the size is trusted.
u32 field_size(const u8 *field)
{
    ASSERT(field[0] <= FIELD_NULL || field[0] == FIELD_REPLACED);

    switch (field[0]) {
    case FIELD_INTEGER:
    case FIELD_REAL: return 9;
    case FIELD_TEXT:
    case FIELD_BLOB: {
        u64 size;
        u32 header = varint_get(field + 1, &size);
        return 1 + header + (u32)size;
    }
    default: return 1; // undefined, NULL, replaced
    }
}

// Walks them: there is no table of offsets in the format.
u32 record_size_of(const u8 *record, int field_count)
{
    ASSERT(field_count >= 0);
    ASSERT(record != NULL || field_count == 0);

    u32 size = 0;
    for (int i = 0; i < field_count; i++)
        size += field_size(record + size);
    return size;
}

// Equal bytes: what is not the same is a change, be it 1 for 1.0.
bool field_equals(const u8 *a, const u8 *b)
{
    ASSERT(a != NULL && b != NULL);

    u32 size = field_size(a);
    return size == field_size(b) && memcmp(a, b, size) == 0;
}

// SQLite's varint, as in records.
void changeset_write_varint(Buffer *out, u64 value)
{
    ASSERT(out != NULL);

    u8 bytes[9];
    buffer_add(out, bytes, varint_put(bytes, value));
}

// Big-endian; of a real the bits as they are, an infinity's and a NaN's too.
static void write_u64(Buffer *out, u8 type, u64 value)
{
    ASSERT(type == FIELD_INTEGER || type == FIELD_REAL);
    ASSERT(out != NULL);

    u8 bytes[9] = {type};
    put_u64(bytes + 1, value);
    buffer_add(out, bytes, sizeof bytes);
}

void field_write_i64(Buffer *out, i64 integer)
{
    write_u64(out, FIELD_INTEGER, (u64)integer);
}

// The bits as they are.
void field_write_f64(Buffer *out, f64 real)
{
    u64 bits;
    memcpy(&bits, &real, sizeof bits);
    write_u64(out, FIELD_REAL, bits);
}

// The type tells whether the bytes are text.
void field_write_bytes(Buffer *out, u8 type, const void *bytes, u32 size)
{
    ASSERT(type == FIELD_TEXT || type == FIELD_BLOB);
    ASSERT(bytes != NULL || size == 0);

    buffer_add_char(out, (char)type);
    changeset_write_varint(out, size);
    buffer_add(out, bytes, size);
}

// The field's size is trusted: see the file's beginning.
void field_copy(Buffer *out, const u8 *field)
{
    ASSERT(field != NULL);

    buffer_add(out, field, field_size(field));
}

// A conversion to UTF-8 that finds no memory must not be taken for an empty text.
static void write_text(Buffer *out, sqlite3_value *value)
{
    ASSERT(sqlite3_value_type(value) == SQLITE_TEXT);

    const unsigned char *text = sqlite3_value_text(value);
    if (text == NULL) {
        out->rc = SQLITE_NOMEM;
        return;
    }
    field_write_bytes(out, FIELD_TEXT, text, (u32)sqlite3_value_bytes(value));
}

// An empty blob has no bytes, and NULL for a pointer.
static void write_blob(Buffer *out, sqlite3_value *value)
{
    ASSERT(sqlite3_value_type(value) == SQLITE_BLOB);

    const void *bytes = sqlite3_value_blob(value);
    u32 size = (u32)sqlite3_value_bytes(value);
    if (bytes == NULL && size > 0) {
        out->rc = SQLITE_NOMEM;
        return;
    }
    field_write_bytes(out, FIELD_BLOB, bytes, size);
}

// By the value's type; text in UTF-8, whatever the database's encoding.
void field_write(Buffer *out, sqlite3_value *value)
{
    ASSERT(out != NULL);

    // How a caller says that the column is no part of the change.
    if (value == NULL) {
        buffer_add_char(out, FIELD_UNDEFINED);
        return;
    }
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER: field_write_i64(out, sqlite3_value_int64(value)); break;
    case SQLITE_FLOAT: field_write_f64(out, sqlite3_value_double(value)); break;
    case SQLITE_TEXT: write_text(out, value); break;
    case SQLITE_BLOB: write_blob(out, value); break;
    default: buffer_add_char(out, FIELD_NULL);
    }
}

// The bytes come from outside and may be any bits.
static void read_f64(u64 bits, Value *value)
{
    f64 real;
    memcpy(&real, &bits, sizeof real);
    value_set_f64(value, real); // a NaN becomes NULL
}

// Texts and blobs are copied: the changeset's bytes may move on.
int field_read(const u8 *field, Value *value)
{
    ASSERT(field[0] != FIELD_UNDEFINED);
    ASSERT(field[0] != FIELD_REPLACED);
    ASSERT(value != NULL);

    u64 size = 0;
    switch (field[0]) {
    case FIELD_INTEGER: value_set_i64(value, (i64)get_u64(field + 1)); return SQLITE_OK;
    case FIELD_REAL: read_f64(get_u64(field + 1), value); return SQLITE_OK;
    case FIELD_TEXT: {
        const char *text = (const char *)field + 1 + varint_get(field + 1, &size);
        return value_set_text(value, text, size, SQLITE_UTF8, BYTES_COPY);
    }
    case FIELD_BLOB: {
        const u8 *bytes = field + 1 + varint_get(field + 1, &size);
        return value_set_blob(value, bytes, size, BYTES_COPY);
    }
    default: value_set_null(value); return SQLITE_OK;
    }
}
