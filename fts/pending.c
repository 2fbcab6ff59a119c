// Postings that wait to be written. See pending.h.
#include "fts/pending.h"

#include <stdlib.h>

enum { BUCKETS_FIRST = 1024, CHUNK_SIZE = 1 << 16, BLOCK_FIRST = 16, ALIGNMENT = 8 };
// What a record may need beside its poslist: its rowid, the byte for its size, and what the size of
// the one before it takes above that.
enum { RECORD_ROOM = 2 * VARINT_MAX + 1, PLACE_ROOM = 3 * VARINT_MAX };

// --- memory ---

typedef struct PendingChunk {
    struct PendingChunk *next;
    u8 bytes[];
} PendingChunk;

void pending_deinit(Pending *pending)
{
    while (pending->chunks != NULL) {
        PendingChunk *chunk = pending->chunks;
        pending->chunks = chunk->next;
        sqlite3_free(chunk);
    }
    sqlite3_free(pending->buckets);
    u64 operation = pending->operation;
    *pending = (Pending){.operation = operation};
}

// Memory that stays until pending_deinit(). What is large gets a chunk of its own.
static void *take_memory(Pending *pending, u64 size)
{
    ASSERT(size % ALIGNMENT == 0);

    bool is_large = size > CHUNK_SIZE / 4;
    if (!is_large && size <= (u64)(pending->chunk_end - pending->chunk_at)) {
        u8 *memory = pending->chunk_at;
        pending->chunk_at += size;
        return memory;
    }
    PendingChunk *chunk = sqlite3_malloc64(sizeof *chunk + (is_large ? size : CHUNK_SIZE));
    if (chunk == NULL)
        return NULL;
    chunk->next = pending->chunks;
    pending->chunks = chunk;
    if (!is_large) {
        pending->chunk_at = chunk->bytes + size;
        pending->chunk_end = chunk->bytes + CHUNK_SIZE;
    }
    return chunk->bytes;
}

// Which of the sizes BLOCK_FIRST << class it is.
static int class_of(u32 capacity)
{
    ASSERT(capacity >= BLOCK_FIRST && (capacity & (capacity - 1)) == 0);

    return __builtin_ctz(capacity) - __builtin_ctz(BLOCK_FIRST);
}

static void *take_block(Pending *pending, u32 capacity)
{
    void **list = &pending->free_blocks[class_of(capacity)];
    void *block = *list;
    if (block == NULL)
        return take_memory(pending, capacity);
    memcpy(list, block, sizeof *list); // a free block starts with the address of the next
    return block;
}

static void give_block(Pending *pending, void *block, u32 capacity)
{
    void **list = &pending->free_blocks[class_of(capacity)];
    memcpy(block, list, sizeof *list);
    *list = block;
}

static int grow_term(Pending *pending, PendingTerm *term, u32 extra)
{
    u64 needed = (u64)term->size + extra;
    u64 capacity = term->capacity == 0 ? BLOCK_FIRST : term->capacity;
    while (capacity < needed)
        capacity *= 2;
    if (capacity > 1U << 30)
        return SQLITE_TOOBIG;
    u8 *bytes = take_block(pending, (u32)capacity);
    if (bytes == NULL)
        return SQLITE_NOMEM;
    if (term->size > 0)
        memcpy(bytes, term->bytes, term->size);
    if (term->capacity > 0)
        give_block(pending, term->bytes, term->capacity);
    pending->size += capacity - term->capacity;
    term->bytes = bytes;
    term->capacity = (u32)capacity;
    return SQLITE_OK;
}

static int reserve(Pending *pending, PendingTerm *term, u32 extra)
{
    return extra <= term->capacity - term->size ? SQLITE_OK : grow_term(pending, term, extra);
}

void pending_begin_row(Pending *pending, i64 rowid, bool is_delete)
{
    pending->operation++;
    pending->rowid = rowid;
    pending->is_delete = is_delete;
    pending->row_count += !is_delete;
}

// --- terms ---

static u32 hash_of(const u8 *key, u32 size)
{
    u32 hash = 2166136261U;
    for (u32 i = 0; i < size; i++)
        hash = (hash ^ key[i]) * 16777619U;
    return hash ^ hash >> 15;
}

static int rehash(Pending *pending)
{
    u32 count = pending->bucket_count == 0 ? BUCKETS_FIRST : pending->bucket_count * 2;
    PendingTerm **buckets = fts_zalloc(sizeof *buckets * (u64)count);
    if (buckets == NULL)
        return SQLITE_NOMEM;
    for (u32 i = 0; i < pending->bucket_count; i++) {
        while (pending->buckets[i] != NULL) {
            PendingTerm *term = pending->buckets[i];
            pending->buckets[i] = term->next;
            term->next = buckets[term->hash & (count - 1)];
            buckets[term->hash & (count - 1)] = term;
        }
    }
    sqlite3_free(pending->buckets);
    pending->buckets = buckets;
    pending->bucket_count = count;
    return SQLITE_OK;
}

static PendingTerm *find_hashed(const Pending *pending, const void *key, u32 size, u32 hash)
{
    if (pending->bucket_count == 0)
        return NULL;
    PendingTerm *term = pending->buckets[hash & (pending->bucket_count - 1)];
    while (term != NULL
           && (term->hash != hash || term->key_size != size || memcmp(term->key, key, size) != 0))
        term = term->next;
    return term;
}

PendingTerm *pending_find(const Pending *pending, const void *key, u32 key_size)
{
    return find_hashed(pending, key, key_size, hash_of(key, key_size));
}

static PendingTerm *term_new(Pending *pending, const u8 *key, u32 key_size, u32 hash)
{
    u64 size = (offsetof(PendingTerm, key) + key_size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (size < sizeof(PendingTerm))
        size = sizeof(PendingTerm);
    PendingTerm *term = take_memory(pending, size);
    if (term == NULL)
        return NULL;
    PendingTerm **bucket = &pending->buckets[hash & (pending->bucket_count - 1)];
    *term = (PendingTerm){.next = *bucket, .hash = hash, .key_size = key_size};
    memcpy(term->key, key, key_size);
    *bucket = term;
    pending->term_count++;
    pending->size += size;
    return term;
}

// --- writing records ---

static void put_varint(PendingTerm *term, u64 value)
{
    term->size += (u32)fts_varint_put(term->bytes + term->size, value);
    ASSERT(term->size <= term->capacity);
}

// What stands before the last record's poslist.
static u64 open_size(const PendingTerm *term)
{
    ASSERT(term->size > term->open_at);

    return (u64)(term->size - term->open_at - 1) * 2 + term->is_deleted;
}

// Gives the last record its size; a byte is there for it, what it takes more must be reserved.
static void close_record(PendingTerm *term)
{
    u64 value = open_size(term);
    u32 more = (u32)fts_varint_size(value) - 1;
    u8 *at = term->bytes + term->open_at;
    if (more > 0)
        memmove(at + 1 + more, at + 1, term->size - term->open_at - 1);
    fts_varint_put(at, value);
    term->size += more;
}

static int open_record(Pending *pending, PendingTerm *term)
{
    TRY(reserve(pending, term, RECORD_ROOM));
    if (term->operation != 0 && term->rowid == pending->rowid) {
        term->size = term->open_at + 1; // what the row had does not count any more
        term->is_deleted |= pending->is_delete;
    } else {
        if (term->operation != 0) {
            close_record(term);
            term->is_unsorted |= pending->rowid < term->rowid;
        }
        put_varint(term, (u64)pending->rowid - (u64)term->rowid);
        term->open_at = term->size++;
        term->is_deleted = pending->is_delete;
    }
    term->rowid = pending->rowid;
    term->operation = pending->operation;
    term->column = 0;
    term->position = 0;
    return SQLITE_OK;
}

static int add_column(Pending *pending, PendingTerm *term, u32 column, bool is_new)
{
    if (!is_new && column == term->column)
        return SQLITE_OK;
    TRY(reserve(pending, term, PLACE_ROOM));
    put_varint(term, column - term->column + 2);
    term->column = column;
    return SQLITE_OK;
}

static int add_position(Pending *pending, PendingTerm *term, u32 column, u32 position)
{
    TRY(reserve(pending, term, PLACE_ROOM));
    if (column != term->column) {
        put_varint(term, 1);
        put_varint(term, column);
        term->column = column;
        term->position = 0;
    }
    put_varint(term, position - term->position + 2);
    term->position = position;
    return SQLITE_OK;
}

int pending_add(Pending *pending, FtsDetail detail, const u8 key[], u32 key_size, u32 column,
                u32 position)
{
    ASSERT(pending->operation > 0);

    if (pending->term_count >= pending->bucket_count)
        TRY(rehash(pending));
    u32 hash = hash_of(key, key_size);
    PendingTerm *term = find_hashed(pending, key, key_size, hash);
    if (term == NULL)
        term = term_new(pending, key, key_size, hash);
    if (term == NULL)
        return SQLITE_NOMEM;
    bool is_new = term->operation != pending->operation;
    if (is_new)
        TRY(open_record(pending, term));
    if (pending->is_delete)
        return SQLITE_OK;
    if (detail == DETAIL_FULL)
        return add_position(pending, term, column, position);
    if (detail == DETAIL_COLUMNS)
        return add_column(pending, term, column, is_new);
    if (!is_new)
        return SQLITE_OK;
    TRY(reserve(pending, term, 1));
    term->bytes[term->size++] = 0;
    return SQLITE_OK;
}

// --- reading records ---

static int compare_records(const void *a, const void *b)
{
    const PendingRecord *left = a;
    const PendingRecord *right = b;
    if (left->rowid != right->rowid)
        return left->rowid < right->rowid ? -1 : 1;
    return left->poslist < right->poslist ? -1 : left->poslist > right->poslist; // as written
}

// Of the records of one row the last stays.
static u32 fold_records(PendingRecord *records, u32 count)
{
    u32 kept = 0;
    for (u32 i = 0; i < count; i++) {
        if (kept > 0 && records[kept - 1].rowid == records[i].rowid) {
            bool had_delete = records[kept - 1].has_delete;
            records[kept - 1] = records[i];
            records[kept - 1].has_delete |= had_delete;
        } else {
            records[kept++] = records[i];
        }
    }
    return kept;
}

void pending_records_deinit(PendingRecords *records)
{
    sqlite3_free(records->items);
    *records = (PendingRecords){0};
}

static int make_room(PendingRecords *records, u32 count)
{
    if (count <= records->capacity)
        return SQLITE_OK;
    u32 capacity = count + count / 2;
    PendingRecord *items =
        sqlite3_realloc64(records->items, sizeof *records->items * (u64)capacity);
    if (items == NULL)
        return SQLITE_NOMEM;
    records->items = items;
    records->capacity = capacity;
    return SQLITE_OK;
}

// The record at `at`; where the next is.
static u32 read_record(const PendingTerm *term, u32 at, PendingRecord *record)
{
    u64 delta;
    u64 size;
    at += (u32)fts_varint_get(term->bytes + at, &delta);
    if (at == term->open_at) {
        size = open_size(term);
        at++;
    } else {
        at += (u32)fts_varint_get(term->bytes + at, &size);
    }
    record->rowid = (i64)((u64)record->rowid + delta);
    record->has_delete = (size & 1) != 0;
    record->has_content = size > 1;
    record->poslist = term->bytes + at;
    record->poslist_size = (u32)(size >> 1);
    ASSERT(record->poslist_size <= term->size - at);
    return at + record->poslist_size;
}

int pending_records(const PendingTerm *term, PendingRecords *out)
{
    PendingRecord record = {0};
    out->count = 0;
    for (u32 at = 0; at < term->size;) {
        at = read_record(term, at, &record);
        TRY(make_room(out, out->count + 1));
        out->items[out->count++] = record;
    }
    if (term->is_unsorted) {
        qsort(out->items, out->count, sizeof *out->items, compare_records);
        out->count = fold_records(out->items, out->count);
    }
    return SQLITE_OK;
}

static void append_record(const PendingRecord *record, i64 previous, FtsDetail detail,
                          FtsBuffer *out)
{
    fts_buffer_append_varint(out, (u64)record->rowid - (u64)previous);
    if (detail == DETAIL_NONE && record->has_delete) {
        fts_buffer_append(out, "\0", record->has_content ? 2 : 1);
    } else if (detail != DETAIL_NONE) {
        fts_buffer_append_varint(out, (u64)record->poslist_size * 2 + record->has_delete);
        fts_buffer_append(out, record->poslist, record->poslist_size);
    }
}

static void append_in_order(const PendingTerm *term, FtsDetail detail, FtsBuffer *out)
{
    PendingRecords records = {0};
    i64 previous = 0;
    int rc = pending_records(term, &records);
    if (rc != SQLITE_OK)
        out->rc = rc;
    for (u32 i = 0; rc == SQLITE_OK && i < records.count; i++) {
        append_record(&records.items[i], previous, detail, out);
        previous = records.items[i].rowid;
    }
    pending_records_deinit(&records);
}

void pending_doclist(const PendingTerm *term, FtsDetail detail, FtsBuffer *out)
{
    ASSERT(term->size > term->open_at);

    if (term->is_unsorted) {
        append_in_order(term, detail, out);
        return;
    }
    if (detail != DETAIL_NONE) { // the records have that form already
        u32 poslist_at = term->open_at + 1;
        fts_buffer_append(out, term->bytes, term->open_at);
        fts_buffer_append_varint(out, open_size(term));
        fts_buffer_append(out, term->bytes + poslist_at, term->size - poslist_at);
        return;
    }
    PendingRecord record = {0};
    for (u32 at = 0; at < term->size;) {
        i64 previous = record.rowid;
        at = read_record(term, at, &record);
        append_record(&record, previous, detail, out);
    }
}

// --- all terms ---

// The first bytes of the key as a number decide most comparisons, beside each other in memory.
typedef struct SortedTerm {
    u64 head;
    PendingTerm *term;
} SortedTerm;

static u64 head_of(const PendingTerm *term)
{
    u8 bytes[8] = {0};
    memcpy(bytes, term->key, term->key_size < sizeof bytes ? term->key_size : sizeof bytes);
    return fts_u64_get(bytes);
}

static int compare_terms(const void *a, const void *b)
{
    const SortedTerm *left = a;
    const SortedTerm *right = b;
    if (left->head != right->head)
        return left->head < right->head ? -1 : 1;
    return fts_bytes_compare(left->term->key, left->term->key_size, right->term->key,
                             right->term->key_size);
}

static u32 gather_terms(const Pending *pending, const void *prefix, u32 prefix_size,
                        SortedTerm *sorted)
{
    u32 found = 0;
    for (u32 i = 0; i < pending->bucket_count; i++) {
        for (PendingTerm *term = pending->buckets[i]; term != NULL; term = term->next) {
            if (term->key_size >= prefix_size
                && (prefix_size == 0 || memcmp(term->key, prefix, prefix_size) == 0))
                sorted[found++] = (SortedTerm){head_of(term), term};
        }
    }
    ASSERT(found <= pending->term_count);
    return found;
}

int pending_sorted(const Pending *pending, const void *prefix, u32 prefix_size,
                   PendingTerm ***terms, u32 *count)
{
    u64 room = (u64)pending->term_count + 1;
    SortedTerm *sorted = sqlite3_malloc64(sizeof *sorted * room);
    PendingTerm **list = sqlite3_malloc64(sizeof *list * room);
    if (sorted == NULL || list == NULL) {
        sqlite3_free(sorted);
        sqlite3_free(list);
        return SQLITE_NOMEM;
    }
    *count = gather_terms(pending, prefix, prefix_size, sorted);
    qsort(sorted, *count, sizeof *sorted, compare_terms);
    for (u32 i = 0; i < *count; i++)
        list[i] = sorted[i].term;
    sqlite3_free(sorted);
    *terms = list;
    return SQLITE_OK;
}
