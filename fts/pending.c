// Postings that wait to be written. See pending.h.
#include "fts/pending.h"

#include <stdlib.h>

enum { BUCKETS_FIRST = 1024, RECORD_HEADER = 16, IS_DELETE = 1, IS_CONTENT = 2 };
enum { RECORD_DISK_SIZE = 2 }; // of a record, beside its poslist, once it is written

static void write_u32(u8 *at, u32 value)
{
    memcpy(at, &value, sizeof value);
}

static u32 read_u32(const u8 *at)
{
    u32 value;
    memcpy(&value, at, sizeof value);
    return value;
}

void pending_deinit(Pending *pending)
{
    for (u32 i = 0; i < pending->bucket_count; i++) {
        while (pending->buckets[i] != NULL) {
            PendingTerm *term = pending->buckets[i];
            pending->buckets[i] = term->next;
            fts_buffer_deinit(&term->records);
            sqlite3_free(term);
        }
    }
    sqlite3_free(pending->buckets);
    u64 operation = pending->operation;
    *pending = (Pending){.operation = operation};
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
    PendingTerm *term = fts_zalloc(sizeof *term + key_size);
    if (term == NULL)
        return NULL;
    term->hash = hash;
    term->key_size = key_size;
    memcpy(term->key, key, key_size);
    PendingTerm **bucket = &pending->buckets[hash & (pending->bucket_count - 1)];
    term->next = *bucket;
    *bucket = term;
    pending->term_count++;
    pending->size += sizeof *term + key_size + 64;
    return term;
}

// --- records ---

static i64 record_rowid(const u8 *record)
{
    i64 rowid;
    memcpy(&rowid, record, sizeof rowid);
    return rowid;
}

static void close_record(PendingTerm *term)
{
    if (term->operation != 0)
        write_u32(term->records.bytes + term->open_at + 12,
                  term->records.size - term->open_at - RECORD_HEADER);
}

static void open_record(Pending *pending, PendingTerm *term)
{
    u8 header[RECORD_HEADER] = {0};
    if (term->operation != 0) {
        i64 last = record_rowid(term->records.bytes + term->open_at);
        close_record(term);
        term->is_unsorted |= pending->rowid <= last;
    }
    memcpy(header, &pending->rowid, sizeof pending->rowid);
    header[8] = pending->is_delete ? IS_DELETE : IS_CONTENT;
    term->open_at = term->records.size;
    fts_buffer_append(&term->records, header, sizeof header);
    term->operation = pending->operation;
    term->column = 0;
    term->position = 0;
    pending->size += RECORD_DISK_SIZE;
}

static void add_position(PendingTerm *term, FtsDetail detail, u32 column, u32 position, bool is_new)
{
    FtsBuffer *records = &term->records;
    if (detail == DETAIL_COLUMNS) {
        if (is_new || column != term->column)
            fts_buffer_append_varint(records, column - term->column + 2);
        term->column = column;
        return;
    }
    if (column != term->column) {
        fts_buffer_append_byte(records, 1);
        fts_buffer_append_varint(records, column);
        term->column = column;
        term->position = 0;
    }
    fts_buffer_append_varint(records, position - term->position + 2);
    term->position = position;
}

int pending_add(Pending *pending, FtsDetail detail, const u8 key[], u32 key_size, u32 column,
                u32 position)
{
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
        open_record(pending, term);
    u32 before = term->records.size;
    if (!pending->is_delete && detail != DETAIL_NONE && term->records.rc == SQLITE_OK)
        add_position(term, detail, column, position, is_new);
    pending->size += term->records.size - before;
    return term->records.rc;
}

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

int pending_records(const PendingTerm *term, PendingRecords *out)
{
    const FtsBuffer *buffer = &term->records;
    out->count = 0;
    for (u32 at = 0; at < buffer->size;) {
        const u8 *record = buffer->bytes + at;
        u32 size = read_u32(record + 12);
        if (at == term->open_at)
            size = buffer->size - at - RECORD_HEADER;
        TRY(make_room(out, out->count + 1));
        out->items[out->count++] =
            (PendingRecord){record_rowid(record), (record[8] & IS_DELETE) != 0,
                            (record[8] & IS_CONTENT) != 0, record + RECORD_HEADER, size};
        at += RECORD_HEADER + size;
        ASSERT(at <= buffer->size);
    }
    if (term->is_unsorted) {
        qsort(out->items, out->count, sizeof *out->items, compare_records);
        out->count = fold_records(out->items, out->count);
    }
    return SQLITE_OK;
}

void pending_doclist(const PendingTerm *term, FtsDetail detail, FtsBuffer *out)
{
    PendingRecords records = {0};
    i64 previous = 0;
    int rc = pending_records(term, &records);
    if (rc != SQLITE_OK)
        out->rc = rc;
    for (u32 i = 0; i < records.count && rc == SQLITE_OK; i++) {
        const PendingRecord *record = &records.items[i];
        fts_buffer_append_varint(out, (u64)record->rowid - (u64)previous);
        previous = record->rowid;
        if (detail == DETAIL_NONE && record->has_delete) {
            fts_buffer_append(out, "\0", record->has_content ? 2 : 1);
        } else if (detail != DETAIL_NONE) {
            fts_buffer_append_varint(out, (u64)record->poslist_size * 2 + record->has_delete);
            fts_buffer_append(out, record->poslist, record->poslist_size);
        }
    }
    pending_records_deinit(&records);
}

// --- all terms ---

static int compare_terms(const void *a, const void *b)
{
    const PendingTerm *left = *(PendingTerm *const *)a;
    const PendingTerm *right = *(PendingTerm *const *)b;
    return fts_bytes_compare(left->key, left->key_size, right->key, right->key_size);
}

int pending_sorted(const Pending *pending, const void *prefix, u32 prefix_size,
                   PendingTerm ***terms, u32 *count)
{
    PendingTerm **list = sqlite3_malloc64(sizeof *list * ((u64)pending->term_count + 1));
    if (list == NULL)
        return SQLITE_NOMEM;
    u32 found = 0;
    for (u32 i = 0; i < pending->bucket_count; i++) {
        for (PendingTerm *term = pending->buckets[i]; term != NULL; term = term->next) {
            if (term->key_size >= prefix_size
                && (prefix_size == 0 || memcmp(term->key, prefix, prefix_size) == 0))
                list[found++] = term;
        }
    }
    qsort(list, found, sizeof *list, compare_terms);
    *terms = list;
    *count = found;
    return SQLITE_OK;
}
