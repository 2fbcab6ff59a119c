#ifndef QUIRE_CDC_CHANGE_RECORD_H
#define QUIRE_CDC_CHANGE_RECORD_H
// The image of a row: one record of SQLite's file format, which is a header of varints (its own
// size, then a serial type per value) and the values' bytes.
//
//     04 01 0F 01  02 79 02      (2, 'y', 2)

#include "cdc/cdc_api.h"

typedef struct RecordBuilder {
    u8 *header, *body, *joined; // joined: of record_join()
    size_t header_size, header_space, body_size, body_space, joined_space;
    bool failed; // out of memory: every further call does nothing
} RecordBuilder;

void record_add_null(RecordBuilder *b);
void record_add_i64(RecordBuilder *b, i64 value);
void record_add_f64(RecordBuilder *b, f64 value);
void record_add_text(RecordBuilder *b, const char *text, size_t size);
void record_add_blob(RecordBuilder *b, const void *blob, size_t size);
void record_add_value(RecordBuilder *b, sqlite3_value *value);
// Of a row of `count` columns, those whose flags have all that are wanted (QUIRE_COLUMN_...).
void record_add_row(RecordBuilder *b, sqlite3_value *const *values, int count,
                    const unsigned char *flags, unsigned char wanted);
// What an UPDATE set: 1 or 0 per stored column, then the values of those with a 1, NULL for others.
void record_add_row_updates(RecordBuilder *b, sqlite3_value *const *values, int count,
                            const unsigned char *flags);
struct RecordValue;
void record_add_copy(RecordBuilder *b, const struct RecordValue *value);
// Takes the values of `more` behind those there are.
void record_append(RecordBuilder *b, RecordBuilder *more);
// Joins both parts; *out is the caller's (sqlite3_free). Empties the builder and frees its memory.
MUST_USE int record_finish(RecordBuilder *b, u8 **out, size_t *size);
// The same, but the record stays the builder's, until it is used again: memory is kept.
MUST_USE int record_join(RecordBuilder *b, const u8 **out, size_t *size);
void record_discard(RecordBuilder *b);

// A value read out of a record; text and blob point into it.
typedef struct RecordValue {
    int type; // SQLITE_INTEGER, ...
    i64 integer;
    f64 real;
    const u8 *bytes;
    size_t size;
} RecordValue;

// Goes through a record. Its bytes come from a table anyone may write: all are checked.
typedef struct RecordReader {
    const u8 *data;
    size_t size, header_end, header_at, body_at;
} RecordReader;

// false: not a record.
bool record_open(RecordReader *reader, const u8 *data, size_t size);
bool record_at_end(const RecordReader *reader);
bool record_next(RecordReader *reader, RecordValue *out);

// table_columns_json_array() and bin_record_json_object().
MUST_USE int record_json_register(sqlite3 *db);
// A record as a JSON object under the names of a JSON array. *out is NULL if the array is not one
// of texts, or the record not one, or shorter. (sqlite3_free)
MUST_USE int record_json_text(sqlite3 *db, const char *columns, const u8 *record, size_t size,
                              char **out);

#endif
