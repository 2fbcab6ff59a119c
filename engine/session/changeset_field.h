#ifndef QUIRE_SESSION_CHANGESET_FIELD_H
#define QUIRE_SESSION_CHANGESET_FIELD_H
// One value as changesets hold it, and rows of them (SQLite documents the functions, not the
// bytes; these are those it writes).
//
//    field   = 00                     undefined: this column is not part of the change
//            | 01 8 bytes             integer, big-endian
//            | 02 8 bytes             IEEE double, big-endian
//            | 03 size:varint bytes   text, UTF-8
//            | 04 size:varint bytes   blob
//            | 05                     NULL
//    record  = field per column
//
// The row (7, 'ab', NULL) is 01 0000000000000007 03 02 61 62 05. The numbers of the types are
// those of SQLITE_INTEGER to SQLITE_NULL.
//
// These functions trust the bytes: they were written here, or were read through a Reader, which
// checks.

#include "base/buffer.h"
#include "value/value.h"

enum {
    FIELD_UNDEFINED = 0,
    FIELD_INTEGER = SQLITE_INTEGER,
    FIELD_REAL = SQLITE_FLOAT,
    FIELD_TEXT = SQLITE_TEXT,
    FIELD_BLOB = SQLITE_BLOB,
    FIELD_NULL = SQLITE_NULL,
    FIELD_REPLACED = 0xff // in a rebaser only: a remote change that won stands here
};

// Bytes of the field, type included.
u32 field_size(const u8 *field);
// Appends a value; NULL pointer: undefined. Sticky SQLITE_NOMEM in `out`.
void field_write(Buffer *out, sqlite3_value *value);
void field_write_bytes(Buffer *out, u8 type, const void *bytes, u32 size); // text or blob
void field_write_i64(Buffer *out, i64 integer);
void field_write_f64(Buffer *out, f64 real);
void field_copy(Buffer *out, const u8 *field);
MUST_USE int field_read(const u8 *field, Value *value); // bytes are copied; not for undefined ones
bool field_equals(const u8 *a, const u8 *b);

// Bytes of so many fields.
u32 record_size_of(const u8 *record, int field_count);
void changeset_write_varint(Buffer *out, u64 value);

#endif
