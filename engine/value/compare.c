// The order of values and of records.
//
// This is the hottest code of the B-tree: a search compares a probe with some log2(n) records. A
// record is never unpacked. Its header is walked beside its body, and a field is decoded only when
// it is compared:
//
//    04 | 09 11 00 | 61 62        record (1, 'ab', NULL), see record.h
//    ^    ^          ^
//    |    |          body: bytes of the field that header[] is at
//    |    header: the next serial type
//    header size
//
// The two common shapes have comparisons of their own, which read the first field straight from
// its bytes and end there unless it is equal. They only know headers whose size and first type are
// one byte each (text: two), and hand everything else to key_compare(), which also is the only one
// to word what is malformed: bytes of a file are checked here, never asserted.

#include "value/compare.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/varint.h"
#include "value/record.h"
#include <string.h>

enum { TYPE_FIRST_BYTES = 12, TYPE_REAL = 7, TYPE_ZERO = 8, TYPE_ONE = 9 };

// --- shapes ---

// BINARY is filled in so that an expression or a key without a collation needs nothing more; the
// caller sets the others before the shape is shared.
KeyShape *key_shape_new(sqlite3 *db, u8 encoding, u16 key_count, u16 all_count)
{
    ASSERT(key_count <= all_count);

    KeyShape *shape = mem_alloc_zeroed(sizeof *shape + all_count * sizeof shape->fields[0]);
    if (shape == NULL)
        return NULL;
    shape->refs = 1;
    shape->key_count = key_count;
    shape->all_count = all_count;
    shape->encoding = encoding;
    shape->db = db;
    for (u32 i = 0; i < all_count; i++)
        shape->fields[i].collation = &collation_binary;
    return shape;
}

KeyShape *key_shape_ref(KeyShape *shape)
{
    ASSERT(shape == NULL || shape->refs > 0);

    if (shape != NULL)
        shape->refs++;
    return shape;
}

void key_shape_unref(KeyShape *shape)
{
    if (shape == NULL)
        return;
    ASSERT(shape->refs > 0);

    if (--shape->refs == 0)
        mem_free(shape);
}

// --- values ---

static inline int order_u32(u32 a, u32 b)
{
    return (a > b) - (a < b);
}

static inline int order_i64(i64 a, i64 b)
{
    return (a > b) - (a < b);
}

static inline int order_f64(f64 a, f64 b)
{
    return (a > b) - (a < b);
}

// An integer and a real are compared exactly, not by turning one into the other: 2^53 + 1 is
// greater than 9007199254740992.0, which a conversion would call equal.
static int compare_numbers(const Value *a, const Value *b)
{
    ASSERT(!((a->flags | b->flags) & V_NULL));

    bool a_is_int = a->flags & (V_INT | V_INT_REAL);
    bool b_is_int = b->flags & (V_INT | V_INT_REAL);
    if (a_is_int && b_is_int)
        return order_i64(a->u.integer, b->u.integer);
    if (a_is_int)
        return compare_i64_f64(a->u.integer, b->u.real);
    if (b_is_int)
        return -compare_i64_f64(b->u.integer, a->u.real);
    return order_f64(a->u.real, b->u.real);
}

static int compare_bytes(const Value *a, const Value *b)
{
    ASSERT(!((a->flags | b->flags) & V_ZERO_TAIL));

    u32 shared = a->size < b->size ? a->size : b->size;
    int order = shared > 0 ? memcmp(a->bytes, b->bytes, shared) : 0;
    return order ? order : order_u32(a->size, b->size);
}

// Does a tail of zeroes that is not in memory equal these bytes?
static bool all_zero(const char *bytes, u32 size)
{
    for (u32 i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

// Blobs of which one at least ends in zeroes that are not in memory.
static COLD int compare_zero_tails(const Value *a, const Value *b)
{
    ASSERT(a->flags & b->flags & V_BLOB);

    u32 a_size = value_size(a);
    u32 b_size = value_size(b);
    u32 shared = a->size < b->size ? a->size : b->size;
    int order = shared > 0 ? memcmp(a->bytes, b->bytes, shared) : 0;
    if (order != 0)
        return order;
    // Where one side is in its tail, the other's bytes decide.
    u32 end = a_size < b_size ? a_size : b_size;
    u32 a_end = a->size < end ? a->size : end;
    u32 b_end = b->size < end ? b->size : end;
    if (a_end > shared && !all_zero(a->bytes + shared, a_end - shared))
        return 1;
    if (b_end > shared && !all_zero(b->bytes + shared, b_end - shared))
        return -1;
    return order_u32(a_size, b_size);
}

static int compare_blobs(const Value *a, const Value *b)
{
    ASSERT(a->flags & b->flags & V_BLOB);

    if (UNLIKELY((a->flags | b->flags) & V_ZERO_TAIL))
        return compare_zero_tails(a, b);
    return compare_bytes(a, b);
}

// A collation that wants another encoding than the values have gets converted copies. Without
// memory for them the two count as equal: a comparison has no way to fail, and
// value_change_encoding() has marked the connection out of memory, which ends the statement.
static COLD int compare_converted(const Value *a, const Value *b, const Collation *collation)
{
    ASSERT(collation->compare != NULL);

    Value left;
    Value right;
    value_init(&left, a->db);
    value_init(&right, b->db);
    value_borrow(&left, a);
    value_borrow(&right, b);
    int order = 0;
    if (value_change_encoding(&left, collation->encoding) == SQLITE_OK
        && value_change_encoding(&right, collation->encoding) == SQLITE_OK)
        order = collation->compare(collation->arg, (int)left.size, left.bytes, (int)right.size,
                                   right.bytes);
    value_deinit(&left);
    value_deinit(&right);
    return order;
}

static int compare_texts(const Value *a, const Value *b, const Collation *collation)
{
    ASSERT(a->flags & b->flags & V_TEXT);

    if (LIKELY(collation == NULL || collation->is_binary || collation->compare == NULL))
        return compare_bytes(a, b);
    if (a->encoding != collation->encoding || b->encoding != collation->encoding)
        return compare_converted(a, b, collation);
    return collation->compare(collation->arg, (int)a->size, a->bytes, (int)b->size, b->bytes);
}

// The class decides first: NULL 0, number 1, text 2, blob 3. Text that carries its number beside
// it (V1) is text.
static int class_of(const Value *v)
{
    if (v->flags & (V_INT | V_REAL | V_INT_REAL))
        return v->flags & V_TEXT ? 2 : 1;
    if (v->flags & V_TEXT)
        return 2;
    return v->flags & V_BLOB ? 3 : 0;
}

// The order of ORDER BY, of indexes and of =: no affinity is applied here, that is the caller's.
int value_compare(const Value *a, const Value *b, const Collation *collation)
{
    ASSERT(value_is_sound(a));
    ASSERT(value_is_sound(b));

    if (LIKELY((a->flags & b->flags & V_INT) && !((a->flags | b->flags) & V_TEXT)))
        return order_i64(a->u.integer, b->u.integer);
    int a_class = class_of(a);
    int b_class = class_of(b);
    if (a_class != b_class)
        return a_class - b_class;
    switch (a_class) {
    case 1: return compare_numbers(a, b);
    case 2: return compare_texts(a, b, collation);
    case 3: return compare_blobs(a, b);
    default: return 0;
    }
}

// --- walking a record ---

// The place of the next field of a record: `type` read, body at `body`.
typedef struct Walk {
    const u8 *header, *header_end, *body, *end;
    u32 type;
} Walk;

// False: malformed. A one-byte header of an empty record (01) is sound and has no fields.
static bool walk_begin(Walk *w, const u8 *record, u32 size)
{
    ASSERT(record != NULL || size == 0);

    w->end = record + size;
    w->type = 0;
    u64 header_size;
    u32 length = varint_get_checked(record, w->end, &header_size);
    if (length == 0 || header_size > size || header_size < length)
        return false;
    w->header = record + length;
    w->header_end = record + header_size;
    w->body = w->header_end;
    return true;
}

typedef enum WalkState { WALK_FIELD, WALK_END, WALK_CORRUPT } WalkState;

// Reads the next serial type and checks that its body lies inside the record.
static inline WalkState walk_next(Walk *w)
{
    ASSERT(w->body <= w->end);
    ASSERT(w->header <= w->header_end);

    if (w->header >= w->header_end)
        return WALK_END;
    u32 type = *w->header;
    if (LIKELY(type < 0x80)) {
        w->header++;
    } else {
        u64 wide;
        u32 length = varint_get_checked(w->header, w->header_end, &wide);
        if (length == 0 || wide > UINT32_MAX)
            return WALK_CORRUPT;
        type = (u32)wide;
        w->header += length;
    }
    w->type = type;
    if (UNLIKELY(serial_type_size(type) > (size_t)(w->end - w->body)))
        return WALK_CORRUPT;
    return WALK_FIELD;
}

static inline void walk_skip(Walk *w)
{
    ASSERT(w->body <= w->end);

    w->body += serial_type_size(w->type);
}

// 0 keeps a search going no further than its page: the caller looks at `rc` before it believes
// "equal".
static COLD int probe_corrupt(KeyProbe *probe)
{
    probe->rc = corrupt_record("an index entry is malformed");
    return 0;
}

static inline int probe_equal(KeyProbe *probe)
{
    probe->saw_equal = true;
    return probe->default_result;
}

// How a comparison of two fields is turned by the index's declaration. NULLS LARGE (NULLS LAST of
// an ascending, NULLS FIRST of a descending column) turns only the order in which a NULL takes
// part.
static int directed(int order, const KeyField *field, bool null_involved)
{
    ASSERT(order != 0);

    bool descending = field->flags & KEY_DESC;
    if (field->flags & KEY_NULLS_LARGE)
        return descending != null_involved ? -order : order;
    return descending ? -order : order;
}

// Sign of (field at w - v).
//
// The Value on the stack is filled by hand: only what value_compare() reads, since clearing all of
// it costs as much as the comparison of two short texts.
static int compare_field(const Walk *w, const Value *v, const KeyShape *shape,
                         const KeyField *field)
{
    ASSERT(field->collation != NULL);

    Value left;
    left.flags = V_NULL;
    left.db = shape->db;
    left.owned = NULL;
    left.capacity = 0;
    serial_get(w->body, w->type, shape->encoding, &left);
    return value_compare(&left, v, field->collation);
}

int key_compare(const u8 *record, u32 size, KeyProbe *probe, u32 skip)
{
    ASSERT(probe->count <= probe->shape->all_count);
    ASSERT(skip <= probe->count);

    const KeyShape *shape = probe->shape;
    Walk w;
    if (UNLIKELY(!walk_begin(&w, record, size)))
        return probe_corrupt(probe);
    for (u32 i = 0; i < probe->count; i++) {
        // Fewer fields than the probe has: no entry of a sound index, but one of an index that was
        // dropped and defined anew by hand under writable_schema.
        if (UNLIKELY(walk_next(&w) != WALK_FIELD))
            return probe_corrupt(probe);
        if (i >= skip) {
            const Value *v = &probe->values[i];
            const KeyField *field = &shape->fields[i];
            int order = compare_field(&w, v, shape, field);
            if (order != 0)
                return field->flags ? directed(order, field, w.type == 0 || (v->flags & V_NULL))
                                    : order;
        }
        walk_skip(&w);
    }
    return probe_equal(probe);
}

// The KeyCompare of probes that no special comparison fits.
static int key_compare_general(const u8 *record, u32 size, KeyProbe *probe)
{
    return key_compare(record, size, probe, 0);
}

// The probe's first value is an integer. Records with a short header whose
// first field is an integer are decided here, all others by the general
// comparison.
static int key_compare_integer(const u8 *record, u32 size, KeyProbe *probe)
{
    ASSERT((probe->values[0].flags & (V_INT | V_TEXT)) == V_INT);
    ASSERT(probe->count >= 1);

    // Bodies by serial type: 7 (a real) and what follows 9 are left to the general comparison.
    static const u8 sizes[10] = {0, 1, 2, 3, 4, 6, 8, 0, 0, 0};
    u32 type = size >= 2 ? record[1] : 0;
    u32 header_size = size >= 2 ? record[0] : 0x80;
    if (UNLIKELY(header_size >= 0x80 || header_size < 2 || type > TYPE_ONE || type == TYPE_REAL
                 || type == 0 || header_size + sizes[type] > size))
        return key_compare_general(record, size, probe);
    const u8 *p = record + header_size;
    i64 left;
    switch (type) {
    case 1: left = (i8)p[0]; break;
    case 2: left = (i16)get_u16(p); break;
    case 3: left = (i32)((u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8) >> 8; break;
    case 4: left = (i32)get_u32(p); break;
    case 5: left = (i64)((u64)(i64)(i16)get_u16(p) << 32 | get_u32(p + 2)); break;
    case 6: left = (i64)get_u64(p); break;
    default: left = type - TYPE_ZERO; break;
    }
    i64 right = probe->values[0].u.integer;
    if (left != right)
        return left < right ? probe->if_less : probe->if_greater;
    if (probe->count == 1)
        return probe_equal(probe);
    return key_compare(record, size, probe, 1);
}

// The probe's first value is text under BINARY.
static int key_compare_text(const u8 *record, u32 size, KeyProbe *probe)
{
    ASSERT(probe->values[0].flags & V_TEXT);
    ASSERT(probe->count >= 1);
    ASSERT(probe->shape->fields[0].collation->is_binary);

    if (UNLIKELY(size < 2 || record[0] >= 0x80))
        return key_compare_general(record, size, probe);
    u32 header_size = record[0];
    u32 type = record[1];
    if (type >= 0x80) {
        if (UNLIKELY(size < 3 || record[2] >= 0x80)) // text of 8 KiB and more
            return key_compare_general(record, size, probe);
        type = (type & 0x7f) << 7 | record[2];
    }
    u32 left_size = (type - TYPE_FIRST_BYTES) / 2;
    if (UNLIKELY(type < TYPE_FIRST_BYTES || (type & 1) == 0 || header_size < 2
                 || header_size + left_size > size))
        return key_compare_general(record, size, probe);
    const Value *v = &probe->values[0];
    u32 shared = left_size < v->size ? left_size : v->size;
    int order = memcmp(record + header_size, v->bytes, shared);
    if (order == 0)
        order = order_u32(left_size, v->size);
    if (order != 0)
        return order < 0 ? probe->if_less : probe->if_greater;
    if (probe->count == 1)
        return probe_equal(probe);
    return key_compare(record, size, probe, 1);
}

void key_probe_prepare(KeyProbe *probe)
{
    ASSERT(probe->count >= 1);
    ASSERT(probe->count <= probe->shape->all_count);
    ASSERT(probe->values != NULL);
    ASSERT(probe->shape->fields[0].collation != NULL);

    const KeyField *field = &probe->shape->fields[0];
    const Value *first = &probe->values[0];
    bool descending = field->flags & KEY_DESC;
    probe->if_less = descending ? 1 : -1;
    probe->if_greater = descending ? -1 : 1;
    probe->rc = SQLITE_OK;
    probe->compare = key_compare_general;
    // The special comparisons need not know NULLS LARGE: in both a NULL of the record is left to
    // the general one, and no other value is turned by it. Empty text is excluded since memcmp()
    // may not be called with the NULL that stands for it.
    if ((first->flags & (V_INT | V_TEXT)) == V_INT)
        probe->compare = key_compare_integer;
    else if ((first->flags & V_TEXT) && first->size > 0 && field->collation->is_binary)
        probe->compare = key_compare_text;
}

// --- two records ---

// Sign of (field at a - field at b).
static inline int compare_walks(const Walk *a, const Walk *b, const KeyShape *shape,
                                const KeyField *field)
{
    ASSERT(field->collation != NULL);

    Value right;
    right.flags = V_NULL;
    right.db = shape->db;
    right.owned = NULL;
    right.capacity = 0;
    serial_get(b->body, b->type, shape->encoding, &right);
    return compare_field(a, &right, shape, field);
}

int key_compare_records(const KeyShape *shape, const u8 *a, u32 a_size, const u8 *b, u32 b_size,
                        int *rc)
{
    ASSERT(shape->key_count <= shape->all_count);

    Walk left;
    Walk right;
    if (UNLIKELY(!walk_begin(&left, a, a_size) || !walk_begin(&right, b, b_size))) {
        *rc = corrupt_record("a sorted record is malformed");
        return 0;
    }
    for (u32 i = 0; i < shape->key_count; i++) {
        const KeyField *field = &shape->fields[i];
        WalkState left_state = walk_next(&left);
        WalkState right_state = walk_next(&right);
        if (UNLIKELY(left_state == WALK_CORRUPT || right_state == WALK_CORRUPT)) {
            *rc = corrupt_record("a sorted record is malformed");
            return 0;
        }
        if (left_state == WALK_END || right_state == WALK_END)
            break;
        int order = compare_walks(&left, &right, shape, field);
        if (order != 0)
            return field->flags ? directed(order, field, left.type == 0 || right.type == 0) : order;
        walk_skip(&left);
        walk_skip(&right);
    }
    return 0;
}
