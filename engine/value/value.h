#ifndef QUIRE_VALUE_VALUE_H
#define QUIRE_VALUE_VALUE_H
// A Value is one SQL value: a register of the bytecode machine, a bound parameter, a function's
// argument or result. It is what the public API calls sqlite3_value.
//
// Laws
//   V1  Exactly one of V_NULL, or a set of representations, holds: V_INT, V_REAL (or V_INT_REAL),
//       V_TEXT, V_BLOB. Text may carry a cached number beside it (V_TEXT|V_INT); the storage class
//       is then still the one value_type() computes: text first, blob, integer, real.
//   V2  `bytes[0..size)` is valid while V_TEXT or V_BLOB is set. With V_ZERO_TAIL, u.zero_tail
//       further zero bytes follow which are not in memory yet: zeroblob(1e9) costs nothing.
//   V3  Who owns `bytes`: V_OWNED the Value's own block (`owned`, `capacity`), V_DYNAMIC a foreign
//       block with `destroy`, V_STATIC a constant that outlives everything, V_EPHEMERAL borrowed
//       until the register or page it came from changes. A Value keeps `owned` for reuse when it
//       becomes a number: a loop over rows allocates for the first row only.
//   V4  Text is in `encoding`; inside a statement that is the database's encoding (SQLite compares
//       UTF-16 text as stored, so nothing is converted until somebody asks).
//   V5  An all-zero Value is a valid NULL without an owner; value_deinit() accepts it.
//
// Lifecycle: value_init (or zeroes), any number of value_set_* and value_copy, value_deinit. A set
// gives back what a V_DYNAMIC value held; nothing else needs telling.
//
// Pointers that reading functions return belong to the Value and die with its next change, which a
// reading function in another encoding is too.
//
// A value never fails but for memory (SQLITE_NOMEM, told to the connection at once) or the
// connection's length limit (SQLITE_TOOBIG), and then is NULL.

#include "base/alloc.h"
#include "base/contract.h"
#include "base/number.h"
#include "sqlite3.h"

typedef struct sqlite3_value Value;

enum {
    V_NULL = 0x0001,
    V_TEXT = 0x0002,
    V_INT = 0x0004,
    V_REAL = 0x0008,
    V_BLOB = 0x0010,
    V_INT_REAL = 0x0020, // a REAL column's value held as integer in u.integer
    V_TYPE_MASK = 0x003f,
    V_FROM_BIND = 0x0040,      // came by sqlite3_bind_*: sqlite3_value_frombind() tells
    V_UNDEFINED = 0x0080,      // register never written
    V_CLEARED = 0x0100,        // V_NULL|V_CLEARED: equals nothing, not even in an index seek
    V_NUL_TERMINATED = 0x0200, // one zero byte follows `size` (two behind UTF-16)
    V_ZERO_TAIL = 0x0400,      // see V2; with V_NULL: value_set_no_change()
    V_SUBTYPE = 0x0800,        // `subtype` counts; with V_NULL: value_set_pointer()
    V_DYNAMIC = 0x1000,        // V3, as the three below; at most one of the four
    V_STATIC = 0x2000,
    V_EPHEMERAL = 0x4000,
    V_OWNED = 0x8000,
};

// Column and expression affinities, with the letters SQLite uses in affinity strings. Their order
// counts: from AFF_NUMERIC on they convert text to numbers.
typedef enum Affinity {
    AFF_NONE = 0x40,    // '@': no affinity, comparison converts nothing
    AFF_BLOB = 0x41,    // 'A'
    AFF_TEXT = 0x42,    // 'B'
    AFF_NUMERIC = 0x43, // 'C'
    AFF_INTEGER = 0x44, // 'D'
    AFF_REAL = 0x45,    // 'E'
    AFF_FLEXNUM = 0x46, // 'F': like NUMERIC, but integers stay integers (subquery results)
} Affinity;

// UTF-16 in this machine's byte order, as the public API's ...16 functions use it.
#define UTF16_NATIVE (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? SQLITE_UTF16BE : SQLITE_UTF16LE)

struct sqlite3_value {
    union {
        i64 integer;             // V_INT, V_INT_REAL
        f64 real;                // V_REAL
        i32 zero_tail;           // V_ZERO_TAIL: count of zero bytes after `bytes`
        const char *pointer_tag; // sqlite3_bind_pointer: V_NULL with subtype 'p'
        const void *aggregate;   // a register that holds an aggregate's state, see func/func.h
    } u;
    char *bytes;
    u32 size;
    u16 flags;
    u8 encoding;  // SQLITE_UTF8, SQLITE_UTF16LE, SQLITE_UTF16BE
    u8 subtype;   // valid with V_SUBTYPE
    u32 capacity; // of `owned`
    u32 serial;   // scratch of record_plan(): the serial type record_write() will use
    char *owned;
    void (*destroy)(void *);
    sqlite3 *db; // connection it belongs to, for limits and out-of-memory; may be NULL
};

// --- lifecycle ---

void value_init(Value *v, sqlite3 *db); // NULL
void value_deinit(Value *v);            // gives everything back; leaves NULL
// Lets go of a V_DYNAMIC value: what the inline setters call in the rare case.
void value_release_slow(Value *v);
// Makes it NULL, keeping `owned` for reuse.
static inline void value_set_null(Value *v)
{
    if (UNLIKELY(v->flags & V_DYNAMIC))
        value_release_slow(v);
    v->flags = V_NULL;
}
// What a virtual table's xColumn leaves for a column that an UPDATE does not set
// (sqlite3_vtab_nochange): a NULL that xUpdate can tell from others.
static inline void value_set_no_change(Value *v)
{
    value_set_null(v);
    v->flags = V_NULL | V_ZERO_TAIL;
    v->u.zero_tail = 0;
    v->size = 0;
}
static inline bool value_is_no_change(const Value *v)
{
    return (v->flags & (V_NULL | V_ZERO_TAIL)) == (V_NULL | V_ZERO_TAIL);
}
// Owned memory of at least `size` bytes to write a new content into (the old one is lost); NULL:
// out of memory, v is NULL. value_commit_text() or value_commit_blob() says how much was written;
// `encoding` of a blob counts should it be read as text.
char *value_begin_bytes(Value *v, u64 size);
void value_commit_text(Value *v, u32 size, u8 encoding);
void value_commit_blob(Value *v, u32 size, u8 encoding);
static inline void value_set_i64(Value *v, i64 integer)
{
    if (UNLIKELY(v->flags & V_DYNAMIC))
        value_release_slow(v);
    v->u.integer = integer;
    v->flags = V_INT;
}
void value_set_f64(Value *v, f64 real); // NaN becomes NULL

// How the caller hands over bytes.
typedef enum Handover {
    BYTES_COPY,   // SQLITE_TRANSIENT: copied into `owned`
    BYTES_STATIC, // SQLITE_STATIC
    BYTES_BORROW, // ephemeral: valid until the caller says otherwise
    BYTES_TAKE,   // a block from mem_alloc, freed by the Value
                  // (mem_free is recognised as `destroy` below and means the same)
} Handover;
// UTF-16 text loses an odd last byte and a byte order mark, which decides the order. SQLITE_TOOBIG
// past the connection's length limit (or 1e9), SQLITE_NOMEM. On failure v is NULL and taken bytes
// are freed.
MUST_USE int value_set_text(Value *v, const char *text, u64 size, u8 encoding, Handover how);
MUST_USE int value_set_blob(Value *v, const void *bytes, u64 size, Handover how);
// The public API's way: `destroy` may be SQLITE_STATIC, SQLITE_TRANSIENT or a function, called also
// on failure.
MUST_USE int value_set_text_destroy(Value *v, const char *text, u64 size, u8 encoding,
                                    void (*destroy)(void *));
MUST_USE int value_set_blob_destroy(Value *v, const void *bytes, u64 size, void (*destroy)(void *));
// `size` zero bytes, none of them in memory until somebody reads them (value_expand_zero_tail).
void value_set_zeroblob(Value *v, u32 size);
// A NULL that carries a pointer for whoever knows its tag (sqlite3_bind_pointer). `tag` is borrowed
// and must outlive v; SQL cannot make such a value, so the tag is proof of its origin.
void value_set_pointer(Value *v, void *pointer, const char *tag, void (*destroy)(void *));
void *value_pointer(const Value *v, const char *tag); // NULL unless set with an equal tag

// Do the flags obey V1 to V3? For assertions.
bool value_is_sound(const Value *v);

// --- copying ---

// Deep: bytes are copied unless static.
MUST_USE int value_copy(Value *target, const Value *source);
// Shallow: the target's bytes are the source's, V_EPHEMERAL until that changes.
void value_borrow(Value *target, const Value *source);
// With its memory; the source becomes NULL, the target keeps its own connection.
void value_move(Value *target, Value *source);
// Copies ephemeral, static or dynamic bytes into `owned` and ends them with NUL.
MUST_USE int value_own(Value *v);
// Writes the zero tail out, so that `bytes[0..size)` is all of it.
MUST_USE int value_expand_zero_tail(Value *v);
Value *value_new(sqlite3 *db); // heap; NULL when out of memory
// sqlite3_value_dup(): belongs to no connection. A value_set_pointer() is a plain NULL in the copy.
Value *value_dup(const Value *v);
void value_free(Value *v); // of value_new/value_dup; NULL is legal

// --- reading (may cache a conversion inside v) ---

int value_type(const Value *v); // SQLITE_INTEGER/FLOAT/TEXT/BLOB/NULL
i64 value_i64(const Value *v);  // as CAST AS INTEGER
f64 value_f64(const Value *v);  // as CAST AS REAL
// Of text or blob, in any encoding. Without memory for it the number reads as 0, and the connection
// knows.
void value_parse_number(const Value *v, ParsedNumber *out);
// As a condition of WHERE: text and blobs by the number they begin with.
bool value_truth(const Value *v, bool if_null);
// NUL-terminated text in `encoding`, or NULL for SQL NULL or out of memory. Numbers are rendered
// beside the value, which stays a number. Valid until v changes.
const void *value_text(Value *v, u8 encoding);
// The same without the NUL, and so without a copy when the text is in that encoding already.
const char *value_chars(Value *v, u8 encoding, u32 *size);
u32 value_text_size(Value *v, u8 encoding); // bytes, without the NUL
const void *value_blob(Value *v);           // NULL when empty; of a number: its text
u32 value_size(const Value *v);             // bytes incl. zero tail, for text and blob
int value_numeric_type(Value *v); // sqlite3_value_numeric_type: applies numeric affinity to text

// --- changing representation ---

// Numbers become text; V_INT/V_REAL dropped.
MUST_USE int value_to_text(Value *v, u8 encoding);
// Of text, and of a blob that is to be read as text. UTF-16 that is no text at all is replaced by
// U+FFFD where it must become UTF-8, as SQLite does.
MUST_USE int value_change_encoding(Value *v, u8 encoding);
MUST_USE int value_nul_terminate(Value *v);
// What storing into a column of that affinity does. Never fails but for memory.
MUST_USE int value_apply_affinity(Value *v, Affinity affinity, u8 encoding);
// Text that is a number as a whole becomes it; with `try_integer_for_real` "5.0" becomes 5.
void value_apply_numeric(Value *v, bool try_integer_for_real);
// AFF_NONE casts to blob. NULL stays NULL. SQLITE_NOMEM, SQLITE_TOOBIG.
MUST_USE int value_cast(Value *v, Affinity affinity, u8 encoding);
void value_integerify(Value *v); // a REAL that is exactly an integer becomes one
void value_realify(Value *v);    // V_INT becomes V_REAL
// SQLite's five substring rules for a declared type; NULL gives BLOB.
Affinity affinity_of_type(const char *declared_type);
u32 value_length_limit(const Value *v); // SQLITE_LIMIT_LENGTH of its connection
int value_fp_digits(const Value *v);    // digits a REAL is printed with by its connection (17)

// Hooks the api layer installs once, so that values need not know connections.
typedef struct ValueHooks {
    u32 (*length_limit)(sqlite3 *db);
    void (*out_of_memory)(sqlite3 *db);
    int (*fp_digits)(sqlite3 *db);
} ValueHooks;
void value_install_hooks(const ValueHooks *hooks);

#endif
