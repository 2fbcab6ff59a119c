// The built side of a hash join: see join_table.h.
//
// Rows lie one after the other in blocks, each at a multiple of 4 bytes:
//
//     0   4   chain: another row of the same bucket
//     4   .   size of the record, a varint
//     .   .   the record (value/record.h)
//
// A row is referred to by its place in units of 4 bytes, counted over all blocks as if each were
// full; no row has place 0. A bucket is the place of its last row, whose chain is the first one: so
// a row is put at the end at no cost, and chains stay in order of insertion. Buckets are made when
// the first probe comes, all at once, one for about two rows: to compare a key more costs little, a
// bucket of four bytes a row is a fifth of a short row. The hash is not kept: keys are at hand.

#include "vm/join_table.h"
#include "base/vec.h"
#include "catalog/connection.h"
#include "value/record.h"
#include "vm/key_hash.h"
#include <string.h>

enum {
    UNIT = 4,
    BLOCK_UNITS = 16384,
    BLOCK_SIZE = BLOCK_UNITS * UNIT,
    BLOCK_COUNT_MAX = UINT32_MAX / BLOCK_UNITS,
};

typedef u32 Place; // 0: no row

// Longer than BLOCK_SIZE only for a row that is; it then holds that one alone.
typedef struct Block {
    u8 *bytes;
    u32 used, size;
} Block;

struct JoinTable {
    KeyShape *shape;
    u32 key_count, column_count;
    u8 encoding;
    struct {
        Block *items;
        u32 count, capacity;
    } blocks;
    u64 count;
    Place *buckets;
    u64 bucket_count;    // power of two, 0: not made
    Place current, last; // the row stood on; the last one of its bucket
    RecordReader reader; // of the row stood on, behind column `decoded`
    u32 decoded;         // columns of it in values[]
    Value *values, *key; // column_count; the key looked for, borrowed from a row
};

// --- rows in blocks ---

static u8 *row_at(const JoinTable *t, Place place)
{
    ASSERT(place > 0);
    ASSERT(place / BLOCK_UNITS < t->blocks.count);

    return t->blocks.items[place / BLOCK_UNITS].bytes + (size_t)(place % BLOCK_UNITS) * UNIT;
}

static Place row_chain(const u8 *row)
{
    Place chain;
    memcpy(&chain, row, sizeof chain);
    return chain;
}

static void row_set_chain(u8 *row, Place chain)
{
    ASSERT(row != NULL);

    memcpy(row, &chain, sizeof chain);
}

static u32 round_up(u64 size)
{
    return (u32)((size + UNIT - 1) / UNIT * UNIT);
}

static int block_add(JoinTable *t, u32 size)
{
    ASSERT(size > 0);

    if (t->blocks.count >= BLOCK_COUNT_MAX)
        return SQLITE_NOMEM;
    TRY(vec_reserve(&t->blocks.items, &t->blocks.capacity, t->blocks.count + 1,
                    sizeof *t->blocks.items));
    u8 *bytes = mem_alloc(size);
    if (bytes == NULL)
        return SQLITE_NOMEM;
    u32 used = t->blocks.count == 0 ? UNIT : 0; // place 0 is no row
    t->blocks.items[t->blocks.count++] = (Block){.bytes = bytes, .used = used, .size = size};
    return SQLITE_OK;
}

// Room for `size` bytes at the end, to be filled by the caller.
static int row_append(JoinTable *t, u64 size, u8 **out)
{
    ASSERT(size > sizeof(Place));

    if (size > INT32_MAX)
        return SQLITE_TOOBIG;
    u32 need = round_up(size);
    const Block *last = t->blocks.count > 0 ? &t->blocks.items[t->blocks.count - 1] : NULL;
    if (last == NULL || last->size - last->used < need || last->used >= BLOCK_SIZE)
        TRY(block_add(t, need + UNIT > BLOCK_SIZE ? need + UNIT : BLOCK_SIZE));
    Block *block = &t->blocks.items[t->blocks.count - 1];
    *out = block->bytes + block->used;
    block->used += need;
    return SQLITE_OK;
}

// Begins to read the row; its columns come with columns_decode().
static int row_open(const u8 *row, RecordReader *reader)
{
    ASSERT(row != NULL);

    u64 size;
    u32 prefix = varint_get(row + sizeof(Place), &size);
    return record_reader_init(reader, row + sizeof(Place) + prefix, (u32)size);
}

// Columns first..end-1 of the row that `reader` stands in, into values[]; the reader moves on.
static int columns_decode(const JoinTable *t, RecordReader *reader, u32 first, u32 end)
{
    ASSERT(first <= end && end <= t->column_count);

    int rc = SQLITE_OK;
    for (u32 i = first; i < end; i++) {
        if (!record_reader_next(reader, t->encoding, &t->values[i], &rc))
            return rc != SQLITE_OK ? rc : SQLITE_CORRUPT;
    }
    return SQLITE_OK;
}

// --- life ---

int join_table_new(sqlite3 *db, KeyShape *shape, u32 key_count, u32 column_count, JoinTable **out)
{
    ASSERT(key_count > 0);
    ASSERT(column_count >= key_count);

    JoinTable *t = mem_alloc_zeroed(sizeof *t);
    Value *values = mem_alloc_zeroed((column_count + key_count) * sizeof *values);
    if (t == NULL || values == NULL) {
        mem_free(t);
        mem_free(values);
        return SQLITE_NOMEM;
    }
    t->shape = key_shape_ref(shape);
    t->key_count = key_count;
    t->column_count = column_count;
    t->encoding = db != NULL ? db->encoding : SQLITE_UTF8;
    t->values = values;
    t->key = values + column_count;
    *out = t;
    return SQLITE_OK;
}

static void buckets_drop(JoinTable *t)
{
    ASSERT((t->buckets == NULL) == (t->bucket_count == 0));

    mem_free(t->buckets);
    t->buckets = NULL;
    t->bucket_count = 0;
    t->current = 0;
}

void join_table_reset(JoinTable *t)
{
    ASSERT(t->blocks.count <= BLOCK_COUNT_MAX);

    buckets_drop(t);
    for (u32 i = 0; i < t->blocks.count; i++)
        mem_free(t->blocks.items[i].bytes);
    t->blocks.count = 0;
    t->count = 0;
}

void join_table_free(JoinTable *t)
{
    if (t == NULL)
        return;
    join_table_reset(t);
    mem_free(t->blocks.items);
    key_shape_unref(t->shape);
    mem_free(t->values);
    mem_free(t);
}

u64 join_table_memory(const JoinTable *t)
{
    u64 bytes = t->bucket_count * sizeof *t->buckets;
    for (u32 i = 0; i < t->blocks.count; i++)
        bytes += t->blocks.items[i].size;
    return bytes;
}

// --- filling ---

int join_table_insert(JoinTable *t, const Value *row)
{
    ASSERT(row != NULL);

    if (key_has_null(row, t->key_count))
        return SQLITE_OK;
    if (t->bucket_count > 0)
        buckets_drop(t); // probed before: start over at the next probe
    for (u32 i = 0; i < t->column_count; i++) {
        value_borrow(&t->values[i], &row[i]);
        if (t->values[i].flags & V_INT_REAL) // a record would make it an integer
            value_set_f64(&t->values[i], (f64)row[i].u.integer);
    }
    RecordPlan plan;
    TRY(record_plan(t->values, t->column_count, NULL, t->encoding, &plan));
    u64 size = plan.header_size + plan.body_size;
    u64 whole = size + plan.zero_tail;
    u32 prefix = varint_size(whole);
    u8 *room;
    TRY(row_append(t, sizeof(Place) + prefix + whole, &room));
    row_set_chain(room, 0);
    u8 *record = room + sizeof(Place) + varint_put(room + sizeof(Place), whole);
    record_write(t->values, t->column_count, &plan, record);
    memset(record + size, 0, plan.zero_tail);
    t->count++;
    return SQLITE_OK;
}

// --- asking ---

static void bucket_append(JoinTable *t, Place *bucket, u8 *row, Place place)
{
    ASSERT(place != 0);
    ASSERT(bucket >= t->buckets && bucket < t->buckets + t->bucket_count);

    if (*bucket == 0) {
        row_set_chain(row, place);
    } else {
        u8 *last = row_at(t, *bucket);
        row_set_chain(row, row_chain(last));
        row_set_chain(last, place);
    }
    *bucket = place;
}

// Chains that an earlier set of buckets left in the rows are overwritten.
static int block_into_buckets(JoinTable *t, u32 index)
{
    ASSERT(t->bucket_count > 0 && index < t->blocks.count);

    const Block *block = &t->blocks.items[index];
    for (u32 at = index == 0 ? UNIT : 0; at < block->used;) {
        u8 *row = block->bytes + at;
        u64 size;
        u32 prefix = varint_get(row + sizeof(Place), &size);
        RecordReader reader;
        TRY(row_open(row, &reader));
        TRY(columns_decode(t, &reader, 0, t->key_count));
        u64 hash = key_hash(t->values, t->key_count, t->shape);
        bucket_append(t, &t->buckets[hash & (t->bucket_count - 1)], row,
                      index * BLOCK_UNITS + at / UNIT);
        at += round_up(sizeof(Place) + prefix + size);
    }
    return SQLITE_OK;
}

static int buckets_make(JoinTable *t)
{
    ASSERT(t->bucket_count == 0);

    u64 count = 16;
    while (2 * count < t->count)
        count *= 2;
    t->buckets = mem_alloc_zeroed(count * sizeof *t->buckets);
    if (t->buckets == NULL)
        return SQLITE_NOMEM;
    t->bucket_count = count;
    int rc = SQLITE_OK;
    for (u32 i = 0; i < t->blocks.count && rc == SQLITE_OK; i++)
        rc = block_into_buckets(t, i);
    if (rc != SQLITE_OK)
        buckets_drop(t);
    return rc;
}

static bool value_equals(const Value *a, const Value *b, const Collation *collation)
{
    if ((a->flags & V_TYPE_MASK) == V_INT && (b->flags & V_TYPE_MASK) == V_INT)
        return a->u.integer == b->u.integer;
    return value_compare(a, b, collation) == 0;
}

static bool key_equals(const JoinTable *t, const Value *key)
{
    ASSERT(t->key_count <= t->column_count);

    for (u32 i = 0; i < t->key_count; i++) {
        if (!value_equals(&t->values[i], &key[i], shape_collation(t->shape, i)))
            return false;
    }
    return true;
}

// From row `place` on to the end of the chain: stands on the first one with that key.
static int chain_search(JoinTable *t, Place place, const Value *key, bool *found)
{
    ASSERT(place != 0 && t->last != 0);

    for (;;) {
        const u8 *row = row_at(t, place);
        TRY(row_open(row, &t->reader));
        TRY(columns_decode(t, &t->reader, 0, t->key_count));
        *found = key_equals(t, key);
        t->current = *found ? place : 0;
        if (*found || place == t->last)
            break;
        place = row_chain(row);
    }
    t->decoded = t->key_count;
    return SQLITE_OK;
}

int join_table_probe(JoinTable *t, const Value *key, bool *found)
{
    ASSERT(key != NULL);

    *found = false;
    t->current = 0;
    if (t->count == 0 || key_has_null(key, t->key_count))
        return SQLITE_OK;
    if (UNLIKELY(t->bucket_count == 0))
        TRY(buckets_make(t));
    u64 hash = key_hash(key, t->key_count, t->shape);
    t->last = t->buckets[hash & (t->bucket_count - 1)];
    return t->last == 0 ? SQLITE_OK : chain_search(t, row_chain(row_at(t, t->last)), key, found);
}

int join_table_next(JoinTable *t, bool *found)
{
    ASSERT(t->current == 0 || t->bucket_count > 0);

    *found = false;
    if (t->current == 0 || t->current == t->last)
        return SQLITE_OK;
    memcpy(t->key, t->values, t->key_count * sizeof *t->key); // the row stays where it is
    return chain_search(t, row_chain(row_at(t, t->current)), t->key, found);
}

int join_table_value(JoinTable *t, u32 column, Value *out)
{
    ASSERT(column < t->column_count);
    ASSERT(t->current != 0);

    if (column >= t->decoded) {
        TRY(columns_decode(t, &t->reader, t->decoded, column + 1));
        t->decoded = column + 1;
    }
    value_borrow(out, &t->values[column]);
    return SQLITE_OK;
}
