#ifndef QUIRE_VALUE_COMPARE_H
#define QUIRE_VALUE_COMPARE_H
// The order of values and of records: NULL < numbers < text < blobs, text by collation.
//
// A KeyShape describes the keys of one index; a KeyProbe is a key in pieces to be looked for.
// Record comparison parses only the bytes it needs, and is specialised for the two shapes that
// dominate: first field an integer, first field text under BINARY.
//
// Lifecycle of a search: set `shape`, `values`, `count` and `default_result`; key_probe_prepare();
// then probe.compare(record, size, &probe) for each record met, with rc looked at before the
// result is believed.
//
// Records are bytes of a file: a malformed one is an answer, not an assertion. Shapes and probes
// are our own, and asserted.

#include "value/collation.h"
#include "value/value.h"

enum { KEY_DESC = 1, KEY_NULLS_LARGE = 2 }; // NULLS LAST with ASC, NULLS FIRST with DESC

typedef struct KeyField {
    const Collation *collation; // never NULL
    u8 flags;
} KeyField;

// Shared by reference count; immutable once built.
typedef struct KeyShape {
    u32 refs;
    u16 key_count; // fields that take part in comparison
    u16 all_count; // fields of the record
    u8 encoding;
    sqlite3 *db;
    KeyField fields[]; // all_count
} KeyShape;

// BINARY, ASC in every field; NULL: no memory.
KeyShape *key_shape_new(sqlite3 *db, u8 encoding, u16 key_count, u16 all_count);
KeyShape *key_shape_ref(KeyShape *shape);
void key_shape_unref(KeyShape *shape);

typedef struct KeyProbe KeyProbe;
// Sign of (record - probe): negative when the stored record sorts before. Never reads outside
// record[0..size). A malformed record sets probe->rc (SQLITE_CORRUPT) and gives 0.
typedef int KeyCompare(const u8 *record, u32 size, KeyProbe *probe);

struct KeyProbe {
    const KeyShape *shape;
    Value *values;     // `count` values, in the shape's encoding, with affinity applied
    u16 count;         // may be less than key_count: a prefix
    i8 default_result; // what a record equal on all `count` fields gives: -1, 0 or +1
    bool saw_equal;    // set when some record was equal on all fields
    int rc;
    // Set by key_probe_prepare():
    i8 if_less, if_greater; // the result when a record's first field sorts before, after values[0]
    KeyCompare *compare;
};
// Chooses the comparison for this probe's first value and clears `rc`. To be called again when a
// value changes; `saw_equal` is the caller's to reset.
void key_probe_prepare(KeyProbe *probe);
// The general comparison; the first `skip` fields are known to be equal and only walked over. A
// record that has fewer fields than the probe is malformed.
int key_compare(const u8 *record, u32 size, KeyProbe *probe, u32 skip);
// Sign of (a - b) of two whole records (the sorter's runs). Where one has fewer fields they count
// as equal from there. A malformed record sets *rc (SQLITE_CORRUPT) and gives 0; *rc is not
// touched otherwise.
int key_compare_records(const KeyShape *shape, const u8 *a, u32 a_size, const u8 *b, u32 b_size,
                        int *rc);

// Negative, 0 or positive, of two values of any types; `collation` NULL means BINARY, and so does
// one that nobody has registered. Cannot fail: see compare_converted() for want of memory.
int value_compare(const Value *a, const Value *b, const Collation *collation);

#endif
