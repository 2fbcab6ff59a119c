// Prefixes of keys, and a merge sort by them: see sort_order.h.
#include "vm/sort_order.h"
#include "base/bytes.h"
#include "value/record.h"
#include <string.h>

enum {
    PREFIX_BYTES = 7,
    INSERTION_RUN = 12, // shorter stretches are sorted by insertion
    SMALL_GROUP = 3,    // so few equal prefixes are cheaper to compare in full than to extend
    DEPTH_MAX = 8,      // parts of the key that get prefixes; what is equal beyond is compared
    CLASS_NUMBER = 1,
    CLASS_TEXT = 2,
    CLASS_BLOB = 3,
    CLASS_LAST_NULL = 4,
    CLASS_SHIFT = 61,
};

// Which part of the keys the prefixes hold.
typedef struct KeyPart {
    u32 field;
    u32 offset; // in a text or blob
    u32 depth;
} KeyPart;

typedef struct Sort {
    const KeyShape *shape;
    SortEntry *spare;
    int rc;
} Sort;

// --- prefixes ---

// The bits of a double as an unsigned integer that orders the same: negative numbers inverted,
// others above them.
static u64 order_bits(f64 real)
{
    if (real == 0)
        real = 0;         // no minus zero
    ASSERT(real == real); // a NaN is NULL in SQL
    u64 bits;
    memcpy(&bits, &real, 8);
    return bits & (1ull << 63) ? ~bits : bits | (1ull << 63);
}

static u64 number_prefix(f64 real)
{
    ASSERT(real == real);

    return order_bits(real) >> 3;
}

bool sort_entry_number(const SortEntry *e, f64 *bound)
{
    ASSERT(bound != NULL);
    if (e->prefix >> CLASS_SHIFT != CLASS_NUMBER)
        return false;
    u64 bits = e->prefix << 3 | 7; // the bits that the prefix leaves out
    bits = bits & (1ull << 63) ? bits & ~(1ull << 63) : ~bits;
    memcpy(bound, &bits, 8);
    return *bound < 0x1p53 && *bound > -0x1p53; // neither NaN, nor an integer that was rounded
}

// Letters to lower case; what follows a NUL does not count under NOCASE.
static void bytes_fold(u8 *head)
{
    bool ended = false;
    for (u32 i = 0; i < PREFIX_BYTES; i++) {
        ended = ended || head[i] == 0;
        if (ended)
            head[i] = 0;
        else if (head[i] >= 'A' && head[i] <= 'Z')
            head[i] |= 0x20;
    }
}

static u64 bytes_prefix(const u8 *bytes, u32 size, bool folds)
{
    ASSERT(bytes != NULL || size == 0);

    u8 head[8] = {0};
    memcpy(head, bytes, size < PREFIX_BYTES ? size : PREFIX_BYTES);
    if (folds)
        bytes_fold(head);
    u64 first = get_u64(head) >> 8; // 56 bits
    return first << 5 | (size <= PREFIX_BYTES ? size : PREFIX_BYTES + 1);
}

// 50 bits: what a double holds exactly when its last three bits are cut off.
static u64 number_value_prefix(const Value *v, SortEntry *e)
{
    ASSERT(v->flags & (V_INT | V_REAL | V_INT_REAL));

    if (v->flags & (V_INT | V_INT_REAL)) {
        i64 n = v->u.integer;
        e->is_exact = n < (1ll << 50) && n > -(1ll << 50);
        return (u64)CLASS_NUMBER << CLASS_SHIFT | number_prefix((f64)n);
    }
    e->is_exact = (order_bits(v->u.real) & 7) == 0;
    return (u64)CLASS_NUMBER << CLASS_SHIFT | number_prefix(v->u.real);
}

static bool field_folds(const KeyShape *shape, u32 field)
{
    ASSERT(field < shape->all_count);
    return shape->fields[field].collation == &collation_nocase && shape->encoding == SQLITE_UTF8;
}

static u64 bytes_value_prefix(const KeyShape *shape, const KeyPart *part, const Value *v,
                              SortEntry *e)
{
    ASSERT(part->offset <= v->size);

    const u8 *bytes = (const u8 *)v->bytes + part->offset;
    u32 size = v->size - part->offset;
    bool is_text = (v->flags & V_TEXT) != 0;
    bool folds = is_text && field_folds(shape, part->field);
    bool known = !is_text || folds || shape->fields[part->field].collation->is_binary;
    e->is_exact = known && size <= PREFIX_BYTES && (v->flags & V_ZERO_TAIL) == 0
                  && !(folds && size > 0 && memchr(bytes, 0, size) != NULL);
    return (u64)(is_text ? CLASS_TEXT : CLASS_BLOB) << CLASS_SHIFT
           | (known ? bytes_prefix(bytes, size, folds) : 0);
}

static void value_prefix(const KeyShape *shape, const KeyPart *part, const Value *v, SortEntry *e)
{
    u8 flags = shape->fields[part->field].flags;
    ASSERT(part->field < shape->all_count);

    u64 prefix;
    if (v->flags & V_NULL) {
        e->is_exact = true;
        prefix = flags & KEY_NULLS_LARGE ? (u64)CLASS_LAST_NULL << CLASS_SHIFT : 0;
    } else if (v->flags & (V_TEXT | V_BLOB)) {
        prefix = bytes_value_prefix(shape, part, v, e);
    } else {
        prefix = number_value_prefix(v, e);
    }
    ASSERT(prefix >> CLASS_SHIFT <= CLASS_LAST_NULL);
    e->prefix = flags & KEY_DESC ? ~prefix : prefix;
}

// Finds a field of a record. The record was made by this statement, but it may hold what a damaged
// file held: everything is checked.
static bool record_field(const KeyShape *shape, const SortEntry *e, u32 field, Value *out)
{
    ASSERT(field < shape->all_count);

    u32 header_size, type;
    u32 at = varint_get_u32(e->record, &header_size);
    u64 body = header_size;
    for (u32 i = 0;; i++) {
        if (header_size > e->size || at >= header_size)
            return false;
        at += varint_get_u32(e->record + at, &type);
        u32 size = serial_type_size(type);
        if (body + size > e->size)
            return false;
        if (i == field)
            break;
        body += size;
    }
    serial_get(e->record + body, type, shape->encoding, out);
    return true;
}

static void entry_prefix(const KeyShape *shape, const KeyPart *part, SortEntry *e)
{
    ASSERT(part->field < shape->all_count);

    Value value = {0};
    e->prefix = 0;
    e->is_exact = false;
    if (record_field(shape, e, part->field, &value) && part->offset <= value.size)
        value_prefix(shape, part, &value, e);
}

void sort_entry_begin(const KeyShape *shape, SortEntry *e)
{
    ASSERT(shape->key_count > 0 && e->record != NULL);

    entry_prefix(shape, &(KeyPart){0}, e);
}

void sort_entry_from_value(const KeyShape *shape, const Value *first, SortEntry *e)
{
    ASSERT(shape->key_count > 0);

    value_prefix(shape, &(KeyPart){0}, first, e);
}

// --- comparing in full ---

COLD static int compare_records(const KeyShape *shape, const SortEntry *a, const SortEntry *b,
                                int *rc)
{
    ASSERT(a->record != NULL && b->record != NULL);

    int failed = SQLITE_OK;
    int order = key_compare_records(shape, a->record, a->size, b->record, b->size, &failed);
    if (UNLIKELY(failed != SQLITE_OK))
        *rc = failed;
    return order;
}

int sort_entry_compare(const KeyShape *shape, const SortEntry *a, const SortEntry *b, int *rc)
{
    ASSERT(a->record != NULL && b->record != NULL);

    if (a->prefix != b->prefix)
        return a->prefix < b->prefix ? -1 : 1;
    if (a->is_exact && b->is_exact && shape->key_count == 1)
        return 0;
    return compare_records(shape, a, b, rc);
}

static void insertion_sort_in_full(Sort *s, SortEntry *items, u32 count)
{
    for (u32 i = 1; i < count; i++) {
        SortEntry held = items[i];
        u32 at = i;
        while (at > 0 && compare_records(s->shape, &items[at - 1], &held, &s->rc) > 0) {
            items[at] = items[at - 1];
            at--;
        }
        items[at] = held;
    }
}

// Merges the halves of items[0..count) by way of the spare room; the left one wins ties.
static void merge_in_full(Sort *s, SortEntry *items, u32 left_count, u32 count)
{
    ASSERT(left_count <= count);

    memcpy(s->spare, items, left_count * sizeof *items);
    const SortEntry *left = s->spare, *left_end = left + left_count;
    const SortEntry *right = items + left_count, *right_end = items + count;
    while (left < left_end && right < right_end) {
        if (compare_records(s->shape, left, right, &s->rc) <= 0)
            *items++ = *left++;
        else
            *items++ = *right++;
    }
    memcpy(items, left, (size_t)(left_end - left) * sizeof *items);
}

// For keys whose prefixes can tell no more: long equal beginnings, other collations, large numbers.
static void sort_in_full(Sort *s, SortEntry *items, u32 count)
{
    ASSERT(s->spare != NULL || count < 2);

    for (u32 i = 0; i < count; i += INSERTION_RUN)
        insertion_sort_in_full(s, items + i, count - i < INSERTION_RUN ? count - i : INSERTION_RUN);
    for (u64 width = INSERTION_RUN; width < count; width *= 2)
        for (u64 i = 0; i + width < count; i += 2 * width)
            merge_in_full(s, items + i, (u32)width,
                          (u32)(count - i < 2 * width ? count - i : 2 * width));
}

// --- sorting by prefixes ---

static void insertion_sort(SortEntry *items, u32 count)
{
    for (u32 i = 1; i < count; i++) {
        SortEntry held = items[i];
        u32 at = i;
        while (at > 0 && items[at - 1].prefix > held.prefix) {
            items[at] = items[at - 1];
            at--;
        }
        items[at] = held;
    }
}

// Merges two neighbours from `source` into `target`; the left one wins ties.
static void merge_pair(const SortEntry *source, u32 left_count, u32 count, SortEntry *target)
{
    ASSERT(left_count <= count);

    const SortEntry *left = source, *left_end = source + left_count;
    const SortEntry *right = left_end, *right_end = source + count;
    if (left_count >= count || left_end[-1].prefix <= right->prefix) {
        memcpy(target, source, count * sizeof *source); // in order already
        return;
    }
    while (left < left_end && right < right_end) {
        // Which side wins is a coin toss to the branch predictor, so it is not asked.
        bool takes_right = right->prefix < left->prefix;
        *target++ = takes_right ? *right : *left;
        right += takes_right;
        left += !takes_right;
    }
    memcpy(target, left, (size_t)(left_end - left) * sizeof *left);
    target += left_end - left;
    memcpy(target, right, (size_t)(right_end - right) * sizeof *right);
}

static void sort_by_prefix(SortEntry *items, u32 count, SortEntry *spare)
{
    ASSERT(spare != NULL || count < 2);

    for (u32 i = 0; i < count; i += INSERTION_RUN)
        insertion_sort(items + i, count - i < INSERTION_RUN ? count - i : INSERTION_RUN);
    SortEntry *source = items, *target = spare;
    for (u64 width = INSERTION_RUN; width < count; width *= 2) {
        for (u64 i = 0; i < count; i += 2 * width) {
            u32 span = (u32)(count - i < 2 * width ? count - i : 2 * width);
            u32 left = (u32)(span < width ? span : width);
            merge_pair(source + i, left, span, target + i);
        }
        SortEntry *swap = source;
        source = target;
        target = swap;
    }
    if (source != items)
        memcpy(items, source, count * sizeof *items);
}

// --- from part to part of the key ---

static bool group_is_exact(const SortEntry *items, u32 count)
{
    ASSERT(count > 0);

    for (u32 i = 0; i < count; i++)
        if (!items[i].is_exact)
            return false;
    return true;
}

// Whether equal prefixes of this part may be told apart by further bytes of the same field: all are
// texts or blobs that go on, and are compared byte by byte.
static bool part_goes_on(const Sort *s, const KeyPart *part, u64 prefix)
{
    const KeyField *field = &s->shape->fields[part->field];
    u64 plain = field->flags & KEY_DESC ? ~prefix : prefix;
    u64 class = plain >> CLASS_SHIFT;
    ASSERT(class <= CLASS_LAST_NULL);

    bool is_text = class == CLASS_TEXT;
    return (plain & 31) > PREFIX_BYTES
           && (class == CLASS_BLOB || (is_text && field->collation->is_binary));
}

static void sort_part(Sort *s, const KeyPart *part, SortEntry *items, u32 count);

// Sorts entries whose prefixes are equal by what comes next in their keys.
static void sort_group(Sort *s, const KeyPart *part, SortEntry *items, u32 count)
{
    ASSERT(count > 1);
    ASSERT(items[0].prefix == items[count - 1].prefix);

    KeyPart next = {part->field, part->offset + PREFIX_BYTES, part->depth + 1};
    if (group_is_exact(items, count)) {
        next = (KeyPart){part->field + 1, 0, part->depth + 1};
        if (next.field == s->shape->key_count)
            return; // equal in the whole key
    } else if (!part_goes_on(s, part, items[0].prefix)) {
        sort_in_full(s, items, count);
        return;
    }
    if (count <= SMALL_GROUP || next.depth == DEPTH_MAX) {
        sort_in_full(s, items, count);
        return;
    }
    u64 shared = items[0].prefix;
    for (u32 i = 0; i < count; i++)
        entry_prefix(s->shape, &next, &items[i]);
    sort_part(s, &next, items, count);
    for (u32 i = 0; i < count; i++) {
        items[i].prefix = shared;
        items[i].is_exact = next.field > part->field;
    }
}

// Recursion is as deep as the key has parts, DEPTH_MAX at most.
static void sort_part(Sort *s, const KeyPart *part, SortEntry *items, u32 count)
{
    ASSERT(part->depth < DEPTH_MAX);

    sort_by_prefix(items, count, s->spare);
    for (u32 first = 0, end; first < count; first = end) {
        end = first + 1;
        while (end < count && items[end].prefix == items[first].prefix)
            end++;
        if (end - first > 1)
            sort_group(s, part, items + first, end - first);
    }
}

int sort_entries(const KeyShape *shape, SortEntry *items, u32 count, SortEntry *spare)
{
    ASSERT(shape->key_count > 0);
    ASSERT(count < 2 || spare != NULL);

    Sort s = {.shape = shape, .spare = spare};
    sort_part(&s, &(KeyPart){0}, items, count);
    return s.rc;
}
