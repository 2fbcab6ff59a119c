// The changes of one table, found by primary key (change_table.h): a hash table with chains, whose
// keys are fields of the changes' own records.
//
// Records are walked field by field to reach the key's. They were written here or read through a
// Reader, so that their sizes are right.

#include "session/change_table.h"
#include "base/alloc.h"
#include "base/bytes.h"
#include "base/varint.h"

enum { BUCKETS_FIRST = 256 }; // SQLite's, and so the order of output

// --- lifecycle ---

// With room for the name only; buckets come with the first change.
int change_table_new(const char *name, ChangeTable **out)
{
    ASSERT(name != NULL);

    ChangeTable *table = mem_alloc_zeroed(sizeof *table);
    if (table == NULL)
        return SQLITE_NOMEM;
    table->name = mem_dup(name, (u64)-1);
    if (table->name == NULL) {
        mem_free(table);
        return SQLITE_NOMEM;
    }
    *out = table;
    return SQLITE_OK;
}

// A copy of its own, since a shape lives only until the next look at the table.
int change_table_set_key(ChangeTable *table, int column_count, const u8 *key)
{
    ASSERT(column_count > 0);

    u8 *copy = mem_alloc((u64)column_count);
    if (copy == NULL)
        return SQLITE_NOMEM;
    memcpy(copy, key, (size_t)column_count);
    mem_free(table->key);
    table->key = copy;
    table->column_count = column_count;
    return SQLITE_OK;
}

// Of a patchset's DELETE this is how many fields a record has.
int change_table_key_size(const ChangeTable *table)
{
    ASSERT(table->column_count == 0 || table->key != NULL);

    int count = 0;
    for (int i = 0; i < table->column_count; i++)
        count += table->key[i] != 0;
    return count;
}

// With all its changes.
void change_table_free(ChangeTable *table)
{
    for (u32 i = 0; i < table->bucket_count; i++) {
        for (Change *change = table->buckets[i]; change != NULL;) {
            Change *next = change->next;
            change_free(change);
            change = next;
        }
    }
    mem_free(table->buckets);
    mem_free(table->key);
    mem_free(table->name);
    mem_free(table);
}

// One block: a change is made and freed as a whole.
Change *change_new(u8 operation, bool is_indirect, const void *record, u32 size)
{
    ASSERT(operation == SQLITE_INSERT || operation == SQLITE_UPDATE || operation == SQLITE_DELETE);

    Change *change = mem_alloc(sizeof *change + size);
    if (change == NULL)
        return NULL;
    *change = (Change){.operation = operation,
                       .is_indirect = is_indirect,
                       .size = size,
                       .record = (u8 *)(change + 1)};
    if (size > 0) // a patchset's DELETE of a table without a key has no fields
        memcpy(change->record, record, size);
    return change;
}

// With its record, which lies in the same block.
void change_free(Change *change)
{
    mem_free(change);
}

// --- keys ---

// Walks the fields of a record's key; `column` starts at -1. NULL: no more.
static const u8 *next_key_field(const ChangeTable *table, const u8 *at, bool is_key_only,
                                int *column)
{
    ASSERT(*column >= -1);
    ASSERT(table->column_count > 0);

    int i = *column;
    if (i >= 0)
        at += field_size(at); // the key field returned before
    for (i++; i < table->column_count && table->key[i] == 0; i++) {
        if (!is_key_only)
            at += field_size(at);
    }
    *column = i;
    return i < table->column_count ? at : NULL;
}

// SQLite's function: it decides the order of a changeset's bytes. Shift and exclusive or, part by
// part; bytes of text one at a time, numbers as two halves.
static u32 hash_add(u32 hash, u32 part)
{
    return (hash << 3) ^ hash ^ part;
}

// The low half first, as SQLite does.
static u32 hash_u64(u32 hash, u64 value)
{
    return hash_add(hash_add(hash, (u32)value), (u32)(value >> 32));
}

// The type first, then the content; undefined, NULL and replaced fields have none.
static u32 hash_field(u32 hash, const u8 *field)
{
    ASSERT(field != NULL);

    hash = hash_add(hash, field[0]);
    if (field[0] == FIELD_INTEGER || field[0] == FIELD_REAL)
        return hash_u64(hash, get_u64(field + 1));
    if (field[0] != FIELD_TEXT && field[0] != FIELD_BLOB)
        return hash;
    u64 size;
    const u8 *bytes = field + 1 + varint_get(field + 1, &size);
    for (u64 i = 0; i < size; i++)
        hash = hash_add(hash, bytes[i]);
    return hash;
}

// The fields of the key in the order of the columns.
static u32 hash_key(const ChangeTable *table, const u8 *record, bool is_key_only)
{
    ASSERT(table->key != NULL);
    ASSERT(table->column_count > 0);

    u32 hash = 0;
    int column = -1;
    const u8 *field = record;
    while ((field = next_key_field(table, field, is_key_only, &column)) != NULL)
        hash = hash_field(hash, field);
    return hash;
}

// Where a change is put when it is added, see change_table.h.
static u32 hash_added(const ChangeTable *table, const u8 *record, bool is_key_only)
{
    ASSERT(!table->has_rowid_key || record[0] == FIELD_INTEGER);
    ASSERT(table->column_count > 0);

    if (table->has_rowid_key)
        return hash_u64(0, get_u64(record + 1));
    return hash_key(table, record, is_key_only);
}

// Byte by byte, so that 1 and 1.0 are different keys here, and one row in the
// database.
static bool keys_equal(const ChangeTable *table, const Change *change, const u8 *record,
                       bool is_key_only)
{
    ASSERT(table->key != NULL);

    int change_column = -1;
    int column = -1;
    const u8 *a = change->record;
    const u8 *b = record;
    for (;;) {
        a = next_key_field(table, a, change->is_key_only, &change_column);
        b = next_key_field(table, b, is_key_only, &column);
        if (a == NULL || b == NULL)
            return a == b;
        if (!field_equals(a, b))
            return false;
    }
}

// The record is a whole one.
void change_table_write_key(const ChangeTable *table, const u8 *record, Buffer *out)
{
    ASSERT(table->key != NULL);

    int column = -1;
    const u8 *field = record;
    while ((field = next_key_field(table, field, false, &column)) != NULL)
        field_copy(out, field);
}

// --- finding and adding ---

// Before finding, because growing moves the buckets that a found link points into (K3).
int change_table_reserve(ChangeTable *table)
{
    ASSERT(table->column_count > 0);

    if (table->bucket_count > 0 && table->change_count < table->bucket_count / 2)
        return SQLITE_OK;
    // Doubled at half full, as SQLite does it: the number of buckets shows in the output.
    u32 count = table->bucket_count > 0 ? 2 * table->bucket_count : BUCKETS_FIRST;
    Change **buckets = mem_alloc_zeroed(count * sizeof *buckets);
    if (buckets == NULL)
        return SQLITE_NOMEM;
    // Chains are taken apart from their heads, which turns their order round: so does SQLite, and
    // it is what the output shows.
    for (u32 i = 0; i < table->bucket_count; i++) {
        for (Change *change = table->buckets[i]; change != NULL;) {
            Change *next = change->next;
            u32 bucket = hash_key(table, change->record, change->is_key_only) % count;
            change->next = buckets[bucket];
            buckets[bucket] = change;
            change = next;
        }
    }
    ASSERT(count > table->bucket_count);
    mem_free(table->buckets);
    table->buckets = buckets;
    table->bucket_count = count;
    return SQLITE_OK;
}

// NULL: not there.
static Change **find_in_bucket(ChangeTable *table, u32 hash, const u8 *record, bool is_key_only)
{
    ASSERT(table->bucket_count > 0);

    Change **link = &table->buckets[hash % table->bucket_count];
    while (*link != NULL && !keys_equal(table, *link, record, is_key_only))
        link = &(*link)->next;
    return *link != NULL ? link : NULL;
}

// The record may be of the key alone, whatever the changes in the table have.
Change **change_table_find(ChangeTable *table, const u8 *record, bool is_key_only)
{
    if (table->bucket_count == 0)
        return NULL;
    // By both hashes where there are two: its change may have been moved when buckets were doubled.
    u32 hash = hash_added(table, record, is_key_only);
    Change **link = find_in_bucket(table, hash, record, is_key_only);
    if (link != NULL || !table->has_rowid_key)
        return link;
    return find_in_bucket(table, hash_key(table, record, is_key_only), record, is_key_only);
}

// At the head of its bucket: newest first.
void change_table_add(ChangeTable *table, Change *change, const u8 *record, bool is_key_only)
{
    ASSERT(table->bucket_count > table->change_count);
    ASSERT(change->next == NULL);

    u32 bucket = hash_added(table, record, is_key_only) % table->bucket_count;
    change->next = table->buckets[bucket];
    table->buckets[bucket] = change;
    table->change_count++;
    table->memory += sizeof *change + change->size;
}

// The caller owns the change from here on.
Change *change_table_unlink(ChangeTable *table, Change **link)
{
    ASSERT(*link != NULL);
    ASSERT(table->change_count > 0);

    Change *change = *link;
    *link = change->next;
    change->next = NULL;
    table->change_count--;
    table->memory -= sizeof *change + change->size;
    return change;
}

// --- output ---

// The key's bytes are places in it, not just flags.
void change_table_write_header(const ChangeTable *table, bool is_patchset, Buffer *out)
{
    ASSERT(table->column_count > 0);
    ASSERT(table->name != NULL);

    buffer_add_char(out, is_patchset ? 'P' : 'T');
    changeset_write_varint(out, (u64)table->column_count);
    buffer_add(out, table->key, (size_t)table->column_count);
    buffer_add(out, table->name, strlen(table->name) + 1);
}

// The table must not change meanwhile.
int change_table_each(const ChangeTable *table, int (*visit)(void *arg, Change *change), void *arg)
{
    ASSERT(table->bucket_count > 0 || table->change_count == 0);

    for (u32 i = 0; i < table->bucket_count; i++) {
        for (Change *change = table->buckets[i]; change != NULL; change = change->next)
            TRY(visit(arg, change));
    }
    return SQLITE_OK;
}
