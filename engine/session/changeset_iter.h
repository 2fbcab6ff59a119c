#ifndef QUIRE_SESSION_CHANGESET_ITER_H
#define QUIRE_SESSION_CHANGESET_ITER_H
// Walks a changeset or patchset change by change.
//
//    changeset = { table { change } }
//    table     = ('T' | 'P') columns:varint key:byte per column name NUL
//    change    = operation:byte indirect:byte record(s)
//
//    INSERT 18 (0x12)   new record          UPDATE 23 (0x17)   old record, new record
//    DELETE  9 (0x09)   old record          patchset 'P': UPDATE new record; DELETE key's fields
//
//    54 02 01 00 74 00                   table t, two columns, the first is the key
//    12 00 01 00..07 03 02 61 62         INSERT of (7, 'ab')
//
// changeset_advance() finds the bytes of the next change; changeset_decode() makes values of them.
//
// All of it comes from outside. Advancing checks every size (reader.h) and decoding that the key
// is there; whoever stands on a change may trust it.

#include "session/reader.h"
#include "value/value.h"

struct sqlite3_changeset_iter {
    Reader in;
    int rc; // of the last failure; every later call gives it again
    bool is_patchset;
    bool inverts;
    bool skips_empty; // leaves out UPDATEs that change nothing
    bool is_lent;     // to a filter or conflict handler: may be asked, not moved

    // The table.
    Buffer header; // its copy: key bytes, then the name
    int column_count;
    const u8 *key;
    const char *table; // NULL: no table yet

    // The change; operation 0: not on one.
    u8 operation;
    bool is_indirect;
    size_t change_at; // offset of its operation byte in the reader
    size_t record_at; // offset of its first field
    size_t values_capacity;
    Value *values;    // column_count old ones, then as many new ones
    bool *is_defined; // of each

    // Set by apply around a conflict handler.
    sqlite3_stmt *conflict; // stands on the row in the way
    int violations;         // of foreign keys; -1: not what the handler is asked about
};

// The reader is the caller's to set, before the first call; freed with the iterator. SQLITE_NOMEM.
MUST_USE int changeset_iter_new(bool inverts, bool skips_empty, sqlite3_changeset_iter **out);
void changeset_iter_free(sqlite3_changeset_iter *iter);

// SQLITE_ROW, SQLITE_DONE or an error. *is_new_table: a table header was passed on the way. After
// an error every call gives the same one.
MUST_USE int changeset_advance(sqlite3_changeset_iter *iter, bool *is_new_table);
// Values of the change it stands on. SQLITE_CORRUPT: a change without its whole key.
MUST_USE int changeset_decode(sqlite3_changeset_iter *iter);
// Both, and what SQLITE_CHANGESETSTART_INVERT asks for: SQLITE_ROW, SQLITE_DONE or an error.
MUST_USE int changeset_next(sqlite3_changeset_iter *iter, bool *is_new_table);

// Appends the header of the table it stands in.
void changeset_write_table(const sqlite3_changeset_iter *iter, Buffer *out);
// The current change's fields, borrowed until the next move, and their size.
const u8 *changeset_record(const sqlite3_changeset_iter *iter, u32 *size);
// NULL: not part of the change.
Value *changeset_old(const sqlite3_changeset_iter *iter, int column);
Value *changeset_new(const sqlite3_changeset_iter *iter, int column);

#endif
