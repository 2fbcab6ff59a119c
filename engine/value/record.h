#ifndef QUIRE_VALUE_RECORD_H
#define QUIRE_VALUE_RECORD_H
// The record format: a row of a table or a key of an index as bytes ("Record Format",
// sqlite.org/fileformat2.html).
//
//   header size (varint, counts itself) | serial type per field (varint) | field bodies
//
//   serial type  body            value
//   0            -               NULL
//   1 2 3 4 5 6  1 2 3 4 6 8     integer, big-endian two's complement
//   7            8               IEEE 754, big-endian
//   8 9          -               0, 1
//   10           -               NULL for "no change" (value_is_no_change): in memory only
//   11           -               reserved
//   10 and 11 are never written to a file; read from one they are NULL.
//   N>=12 even   (N-12)/2        blob
//   N>=13 odd    (N-13)/2        text in the database's encoding
//
// Example: (1, 'ab', NULL) is 04 09 11 00 61 62: header of 4 bytes, types 9, 17, 0, body "ab".
//
// A row may have fewer fields than its table has columns: those that ALTER TABLE ADD COLUMN
// appended later read as their default, which is the caller's to know. A key of an index ends with
// the rowid, or with what is missing of the primary key.

#include "base/buffer.h"
#include "base/varint.h"
#include "value/value.h"

u32 serial_type_size(u32 serial_type);              // bytes of the body; types 10, 11 give 0
u32 serial_type_of(const Value *v, u32 *body_size); // V_ZERO_TAIL counts
u32 serial_type_of_i64(i64 integer);
u32 serial_put_bits(u8 *out, u64 bits, u32 serial_type); // of a number: its low bytes
// Writes the body of v, whose serial type that is, but not its zero tail; returns the count of
// bytes written. `out` has room for serial_type_size().
u32 serial_put(u8 *out, const Value *v, u32 serial_type);
// Sets v from a body; text and blobs are borrowed from `body` (V_EPHEMERAL) in `encoding`. The
// caller has checked that serial_type_size() bytes lie there; `body` is not NULL even for none.
void serial_get(const u8 *body, u32 serial_type, u8 encoding, Value *v);

// A record is encoded in two steps so that the caller can provide the memory. Between them the
// values must not change: the plan holds their serial types.
typedef struct RecordPlan {
    u32 header_size;
    u64 body_size; // without the trailing zeroes
    // zero bytes to follow, not stored in memory (only when the last fields allow it)
    u64 zero_tail;
} RecordPlan;
// `affinities` NULL or one letter (Affinity) per value: applied in place first. SQLITE_TOOBIG past
// the connection's length limit, SQLITE_NOMEM.
MUST_USE int record_plan(Value *values, u32 count, const char *affinities, u8 encoding,
                         RecordPlan *plan);
// Writes header_size + body_size bytes.
void record_write(const Value *values, u32 count, const RecordPlan *plan, u8 *out);

// Walks a record held whole in memory, which outlives the values read from it. Everything is
// checked against `size`.
typedef struct RecordReader {
    const u8 *bytes;
    u32 size, header_size, header_at, body_at;
} RecordReader;
MUST_USE int record_reader_init(RecordReader *r, const u8 *bytes, u32 size); // SQLITE_CORRUPT
// The next field into v, which then borrows from the record. False at the end (*rc SQLITE_OK) or
// where a field is malformed (SQLITE_CORRUPT); v is as it was then.
bool record_reader_next(RecordReader *r, u8 encoding, Value *v, int *rc);
// A field if it is a blob. false: it is none, or the record ends before it, or is damaged; nothing
// is reported, so that any thread may ask. Borrowed from the record.
bool record_find_blob(const u8 *record, u32 size, u32 field, const u8 **bytes, u32 *blob_size);
// The last field of an index key, which is the rowid. SQLITE_CORRUPT when it is not an integer, or
// the header is malformed.
MUST_USE int record_last_rowid(const u8 *bytes, u32 size, RowId *out);

#endif
