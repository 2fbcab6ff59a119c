// Hash tables for groups and sets: see hash_table.h.
//
// Entries lie in an arena, linked in order of insertion, and in buckets by chains. An entry's key
// is an array of slots of 16 bytes; texts and blobs are copied behind it. Accumulators are whole
// Values, since aggregates keep their state in them.
//
// The accumulators of the current group are out: they have been moved to the registers, and those
// in its entry are empty until hash_group_store() brings them back.
//
//     door    OPEN  -- full, and CLOSE_SAMPLE rows were refused with few found -->  CLOSING
//             CLOSING  -- hash_closed() -->  CLOSED  -- hash_reset() -->  OPEN
#include "vm/hash_table.h"
#include "base/arena.h"
#include "base/utf.h"
#include "func/func.h"
#include "vm/key_hash.h"
#include "vm/key_tree.h"
#include <string.h>

enum {
    GROUPS_MEMORY_DEFAULT = 1024 * 1024, // what a processor core has near at hand
    STATE_SIZE = 64,                     // of an aggregate, about
    SET_MEMORY_DEFAULT = 2 * 1024 * 1024,
    CLOSE_SAMPLE = 4096, // rows refused before a full table may close
    CLOSE_SHARE = 4,     // it closes when so many times fewer found their group
};

typedef struct HashSlot {
    union {
        i64 integer;
        f64 real;
        const char *bytes;
    } u;
    u32 size;
    u16 flags; // V_NULL, V_INT, V_REAL, V_TEXT or V_BLOB
    u8 encoding;
} HashSlot;

typedef struct HashEntry {
    struct HashEntry *next;  // in order of insertion
    struct HashEntry *chain; // same bucket
    Value *accumulators;     // groups; NULL for the group whose registers are out
    u64 hash;
    HashSlot slots[];
} HashEntry;

struct HashTable {
    sqlite3 *db;
    KeyShape *shape;
    u32 key_count, payload_count;
    Arena arena;
    HashEntry *first, **last;
    u64 count;
    HashEntry **buckets;
    u64 bucket_count; // power of two, 0: not made
    HashEntry *current;
    HashEntry **ordered; // hash_rewind with HASH_SORTED
    u64 position;
    u32 walk_flags;
    Value *values;      // one per key value: what hash_value returned
    u64 memory_max;     // of groups and sets
    KeyTree *more_keys; // of a set without room in memory
    bool has_refused;
    bool may_close;
    u8 door;                      // HashDoor
    u32 full_found, full_refused; // rows since the table is full
};

// --- hashing and equality ---

static u64 hash_of_key(const HashTable *h, const Value *key)
{
    ASSERT(key != NULL);

    return key_hash(key, h->key_count, h->shape);
}

static void slot_as_value(const HashSlot *slot, Value *out)
{
    ASSERT((slot->flags & ~V_TYPE_MASK) == 0);

    out->flags = slot->flags;
    out->encoding = slot->encoding;
    if (slot->flags & (V_TEXT | V_BLOB)) {
        out->bytes = (char *)(uintptr_t)slot->u.bytes;
        out->size = slot->size;
        out->flags |= V_EPHEMERAL;
    } else {
        out->u.integer = slot->u.integer;
    }
}

static bool slot_equals(const HashSlot *slot, const Value *v, const Collation *collation)
{
    ASSERT(collation != NULL);

    if (slot->flags == V_INT && (v->flags & V_TYPE_MASK) == V_INT)
        return slot->u.integer == v->u.integer;
    Value held = {0};
    slot_as_value(slot, &held);
    return value_compare(&held, v, collation) == 0;
}

static bool key_equals(const HashTable *h, const HashEntry *e, u64 hash, const Value *key)
{
    ASSERT(e != NULL);

    if (e->hash != hash)
        return false;
    for (u32 i = 0; i < h->key_count; i++) {
        if (!slot_equals(&e->slots[i], &key[i], shape_collation(h->shape, i)))
            return false;
    }
    return true;
}

// --- entries ---

// A key as a record would keep it: the whole REAL that an expression left becomes an integer.
static int slot_fill(HashTable *h, HashSlot *slot, const Value *v)
{
    ASSERT((v->flags & (V_NULL | V_INT | V_REAL | V_INT_REAL | V_TEXT | V_BLOB)) != 0);

    slot->encoding = v->encoding;
    if (v->flags & (V_TEXT | V_BLOB)) {
        u32 size = value_size(v);
        char *copy = arena_alloc(&h->arena, size + 1u);
        if (copy == NULL)
            return SQLITE_NOMEM;
        if (v->size > 0)
            memcpy(copy, v->bytes, v->size);
        memset(copy + v->size, 0, size - v->size); // a zero tail
        slot->u.bytes = copy;
        slot->size = size;
        slot->flags = v->flags & V_TEXT ? V_TEXT : V_BLOB;
        return SQLITE_OK;
    }
    slot->u.integer = v->u.integer;
    slot->flags = v->flags & V_INT_REAL ? V_INT : v->flags & (V_NULL | V_INT | V_REAL);
    return SQLITE_OK;
}

static int entry_add(HashTable *h, u64 hash, const Value *key, HashEntry **out)
{
    ASSERT(key != NULL);
    ASSERT(*h->last == NULL);

    HashEntry *e = arena_alloc_zeroed(&h->arena, sizeof *e + h->key_count * sizeof(HashSlot));
    if (e == NULL)
        return SQLITE_NOMEM;
    e->hash = hash;
    for (u32 i = 0; i < h->key_count; i++)
        TRY(slot_fill(h, &e->slots[i], &key[i]));
    *h->last = e;
    h->last = &e->next;
    h->count++;
    *out = e;
    return SQLITE_OK;
}

// --- buckets ---

// Empty buckets instead of those there are, for `wanted` entries and half as many more.
static int buckets_allocate(HashTable *h, u64 wanted)
{
    ASSERT(wanted >= h->count);

    u64 count = 16;
    while (count < wanted + wanted / 2)
        count *= 2;
    HashEntry **buckets = mem_alloc_zeroed(count * sizeof *buckets);
    if (buckets == NULL)
        return SQLITE_NOMEM;
    mem_free(h->buckets);
    h->buckets = buckets;
    h->bucket_count = count;
    return SQLITE_OK;
}

static inline void bucket_push(HashTable *h, HashEntry *e)
{
    ASSERT(h->bucket_count > 0 && (h->bucket_count & (h->bucket_count - 1)) == 0);

    HashEntry **head = &h->buckets[e->hash & (h->bucket_count - 1)];
    e->chain = *head;
    *head = e;
}

// Groups have different keys: their order in a chain does not matter.
static int buckets_make_for_groups(HashTable *h)
{
    ASSERT(h->count > 0);

    TRY(buckets_allocate(h, 2 * h->count));
    for (HashEntry *e = h->first; e != NULL; e = e->next)
        bucket_push(h, e);
    return SQLITE_OK;
}

static inline HashEntry *chain_find(const HashTable *h, HashEntry *e, u64 hash, const Value *key)
{
    ASSERT(e == NULL || h->bucket_count > 0);

    while (e != NULL && !key_equals(h, e, hash, key))
        e = e->chain;
    return e;
}

// --- the door ---

int hash_new(sqlite3 *db, KeyShape *shape, u32 key_count, u32 payload_count, HashTable **out)
{
    ASSERT(key_count > 0);

    HashTable *h = mem_alloc_zeroed(sizeof *h);
    Value *values = mem_alloc_zeroed(key_count * sizeof *values);
    if (h == NULL || values == NULL) {
        mem_free(h);
        mem_free(values);
        return SQLITE_NOMEM;
    }
    h->db = db;
    h->shape = key_shape_ref(shape);
    h->key_count = key_count;
    h->payload_count = payload_count;
    h->last = &h->first;
    h->values = values;
    h->memory_max = payload_count > 0 ? GROUPS_MEMORY_DEFAULT : SET_MEMORY_DEFAULT;
    *out = h;
    return SQLITE_OK;
}

// Groups that nobody came back for: an aggregate's state must be given back to its function (M7).
static void accumulators_discard(HashTable *h, Value *accumulators)
{
    ASSERT(h->payload_count > 0 && accumulators != NULL);

    for (u32 i = 0; i < h->payload_count; i++) {
        if ((accumulators[i].flags & V_AGGREGATE) == V_AGGREGATE)
            call_discard_state(h->db, &accumulators[i]);
        value_deinit(&accumulators[i]);
    }
}

void hash_reset(HashTable *h)
{
    ASSERT((h->buckets == NULL) == (h->bucket_count == 0));

    for (HashEntry *e = h->first; e != NULL; e = e->next) {
        if (e->accumulators != NULL)
            accumulators_discard(h, e->accumulators);
    }
    mem_free(h->buckets);
    mem_free(h->ordered);
    h->buckets = NULL;
    h->bucket_count = 0;
    h->ordered = NULL;
    h->first = NULL;
    h->last = &h->first;
    h->current = NULL;
    h->count = 0;
    h->has_refused = false;
    h->door = HASH_OPEN;
    h->full_found = h->full_refused = 0;
    key_tree_free(h->more_keys);
    h->more_keys = NULL;
    arena_deinit(&h->arena);
    h->arena = (Arena){0};
}

void hash_free(HashTable *h)
{
    if (h == NULL)
        return;
    hash_reset(h);
    key_shape_unref(h->shape);
    mem_free(h->values);
    mem_free(h);
}

// --- walking over all ---

// The order of the groups, as ORDER BY would have it under the table's shape.
static int entry_order(const HashTable *h, const HashEntry *a, const HashEntry *b)
{
    ASSERT(a != b);

    for (u32 i = 0; i < h->key_count; i++) {
        Value x = {0}, y = {0};
        slot_as_value(&a->slots[i], &x);
        slot_as_value(&b->slots[i], &y);
        int order = value_compare(&x, &y, shape_collation(h->shape, i));
        if (order == 0)
            continue;
        u8 flags = h->shape == NULL ? 0 : h->shape->fields[i].flags;
        if ((flags & KEY_NULLS_LARGE) && ((x.flags | y.flags) & V_NULL))
            order = -order;
        return flags & KEY_DESC ? -order : order;
    }
    return 0;
}

static void merge_entries(const HashTable *h, HashEntry **source, u64 left, u64 count,
                          HashEntry **target)
{
    ASSERT(left <= count);

    u64 a = 0, b = left;
    for (u64 i = 0; i < count; i++) {
        bool takes_left = b >= count || (a < left && entry_order(h, source[a], source[b]) <= 0);
        target[i] = takes_left ? source[a++] : source[b++];
    }
}

// Bottom-up merge sort of pointers. No two entries are equal, so it need not be stable.
static int entries_order(HashTable *h)
{
    ASSERT(h->count > 0);

    mem_free(h->ordered);
    HashEntry **items = h->ordered = mem_alloc((h->count + 1) * sizeof *items);
    HashEntry **spare = mem_alloc((h->count + 1) * sizeof *spare);
    if (items == NULL || spare == NULL) {
        mem_free(spare);
        return SQLITE_NOMEM;
    }
    u64 count = 0;
    for (HashEntry *e = h->first; e != NULL; e = e->next)
        items[count++] = e;
    ASSERT(count == h->count);
    for (u64 width = 1; width < count; width *= 2) {
        for (u64 i = 0; i < count; i += 2 * width) {
            u64 span = count - i < 2 * width ? count - i : 2 * width;
            merge_entries(h, items + i, span < width ? span : width, span, spare + i);
        }
        HashEntry **swap = items;
        items = spare;
        spare = swap;
    }
    h->ordered = items;
    mem_free(spare);
    return SQLITE_OK;
}

static HashEntry *walk_next(HashTable *h)
{
    if ((h->walk_flags & HASH_SORTED) == 0)
        return h->current == NULL ? NULL : h->current->next;
    ASSERT(h->ordered != NULL);
    return ++h->position < h->count ? h->ordered[h->position] : NULL;
}

int hash_rewind(HashTable *h, u32 flags, bool *empty)
{
    ASSERT((flags & ~(u32)HASH_SORTED) == 0);

    h->walk_flags = flags;
    h->position = 0;
    *empty = true;
    if (h->count == 0)
        return SQLITE_OK;
    if (flags & HASH_SORTED)
        TRY(entries_order(h));
    *empty = false;
    h->current = flags & HASH_SORTED ? h->ordered[0] : h->first;
    return SQLITE_OK;
}

bool hash_step(HashTable *h)
{
    ASSERT(h->count > 0);

    h->current = walk_next(h);
    return h->current != NULL;
}

// --- groups ---

void hash_group_store(HashTable *h, Value *accumulators)
{
    ASSERT(accumulators != NULL || h->payload_count == 0);

    if (h->current == NULL || h->current->accumulators == NULL)
        return;
    for (u32 i = 0; i < h->payload_count; i++)
        value_move(&h->current->accumulators[i], &accumulators[i]);
}

void hash_group_load(HashTable *h, Value *accumulators)
{
    ASSERT(h->current != NULL);
    ASSERT(h->current->accumulators != NULL || h->payload_count == 0);

    for (u32 i = 0; i < h->payload_count; i++)
        value_move(&accumulators[i], &h->current->accumulators[i]);
}

static int group_add(HashTable *h, u64 hash, const Value *key, HashEntry **out)
{
    ASSERT(h->current == NULL || !key_equals(h, h->current, hash, key));

    HashEntry *e;
    TRY(entry_add(h, hash, key, &e));
    if (h->payload_count > 0) {
        e->accumulators = arena_array(&h->arena, h->payload_count, sizeof(Value));
        if (e->accumulators == NULL)
            return SQLITE_NOMEM;
    }
    for (u32 i = 0; i < h->payload_count; i++)
        value_init(&e->accumulators[i], h->db);
    if (h->count > h->bucket_count)
        TRY(buckets_make_for_groups(h));
    else
        bucket_push(h, e);
    *out = e;
    return SQLITE_OK;
}

// States are counted by a guess, since aggregates allocate where they like.
static bool groups_are_full(const HashTable *h)
{
    ASSERT(h->memory_max > 0);

    return h->arena.used + h->count * h->payload_count * STATE_SIZE >= h->memory_max;
}

// A set goes on in a tree when its table is full.
static int set_add_more(HashTable *h, const Value *key, HashGroupResult *out)
{
    ASSERT(key != NULL);

    bool existed;
    ASSERT(h->payload_count == 0);
    if (h->more_keys == NULL)
        TRY(key_tree_new(h->db, h->shape, h->key_count, &h->more_keys));
    TRY(key_tree_add(h->more_keys, key, &existed));
    *out = existed ? GROUP_IS_KNOWN : GROUP_IS_NEW;
    return SQLITE_OK;
}

// Counts a row whose group found no room, and judges whether looking is worth its time: a table
// that finds a group for fewer than one row in CLOSE_SHARE had better be left alone.
static void refuse(HashTable *h)
{
    ASSERT(h->payload_count > 0);

    h->has_refused = true;
    if (!h->may_close || h->door != HASH_OPEN || ++h->full_refused < CLOSE_SAMPLE)
        return;
    if (h->full_found < h->full_refused / CLOSE_SHARE)
        h->door = HASH_CLOSING;
    h->full_found = h->full_refused = 0;
}

int hash_group(HashTable *h, const Value *key, Value *accumulators, HashGroupResult *out)
{
    ASSERT(key != NULL);

    u64 hash = hash_of_key(h, key);
    *out = GROUP_IS_KNOWN;
    if (h->current != NULL && key_equals(h, h->current, hash, key))
        return SQLITE_OK; // the same group as for the row before
    HashEntry *e = NULL;
    if (h->bucket_count > 0)
        e = chain_find(h, h->buckets[hash & (h->bucket_count - 1)], hash, key);
    if (e == NULL && h->payload_count == 0 && groups_are_full(h))
        return set_add_more(h, key, out);
    if (e == NULL && groups_are_full(h)) {
        *out = GROUP_IS_REFUSED;
        refuse(h);
        return SQLITE_OK;
    }
    h->full_found += h->has_refused;
    if (e == NULL) {
        TRY(group_add(h, hash, key, &e));
        *out = GROUP_IS_NEW;
    }
    hash_group_store(h, accumulators);
    h->current = e;
    hash_group_load(h, accumulators);
    return SQLITE_OK;
}

bool hash_has_refused(const HashTable *h)
{
    return h->has_refused;
}

void hash_allow_closing(HashTable *h)
{
    ASSERT(h->payload_count > 0);

    h->may_close = true;
}

HashDoor hash_door(const HashTable *h)
{
    ASSERT(h->door <= HASH_CLOSED);

    return h->door;
}

void hash_closed(HashTable *h)
{
    ASSERT(h->door == HASH_CLOSING);

    h->door = HASH_CLOSED;
}

void hash_set_memory_max(HashTable *h, u64 bytes)
{
    ASSERT(h->count == 0);

    h->memory_max = bytes;
}

// --- reading ---

const Value *hash_value(HashTable *h, u32 field)
{
    static const Value null_value = {.flags = V_NULL};
    ASSERT(field < h->key_count);

    if (h->current == NULL)
        return &null_value;
    slot_as_value(&h->current->slots[field], &h->values[field]);
    return &h->values[field];
}

u64 hash_count(const HashTable *h)
{
    return h->count;
}
