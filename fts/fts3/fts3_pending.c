// Postings of this transaction. See fts3_pending.h.
#include "fts/fts3/fts3_pending.h"

#include <stdlib.h>

enum { BUCKETS_FIRST = 64, POSITION_COLUMN = 1, POSITION_BASE = 2 };

void fts3_pending_deinit(Fts3Pending *pending)
{
    ASSERT(pending->term_count == 0 || pending->buckets != NULL);

    for (u32 i = 0; i < pending->bucket_count; i++) {
        while (pending->buckets[i] != NULL) {
            Fts3PendingTerm *term = pending->buckets[i];
            pending->buckets[i] = term->next;
            fts_buffer_deinit(&term->doclist);
            sqlite3_free(term);
        }
    }
    sqlite3_free(pending->buckets);
    *pending = (Fts3Pending){0};
}

static u32 hash_bytes(const u8 *bytes, u32 size)
{
    u32 hash = 2166136261U;
    for (u32 i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * 16777619U;
    return hash;
}

Fts3PendingTerm *fts3_pending_find(const Fts3Pending *pending, const void *text, u32 size)
{
    ASSERT(text != NULL || size == 0);

    if (pending->bucket_count == 0)
        return NULL;
    u32 hash = hash_bytes(text, size);
    Fts3PendingTerm *term = pending->buckets[hash % pending->bucket_count];
    while (term != NULL
           && (term->hash != hash || term->size != size || memcmp(term->text, text, size) != 0))
        term = term->next;
    return term;
}

static int grow(Fts3Pending *pending)
{
    u32 count = pending->bucket_count == 0 ? BUCKETS_FIRST : pending->bucket_count * 2;
    Fts3PendingTerm **buckets = fts_zalloc(sizeof *buckets * (u64)count);
    if (buckets == NULL)
        return SQLITE_NOMEM;
    for (u32 i = 0; i < pending->bucket_count; i++) {
        while (pending->buckets[i] != NULL) {
            Fts3PendingTerm *term = pending->buckets[i];
            pending->buckets[i] = term->next;
            term->next = buckets[term->hash % count];
            buckets[term->hash % count] = term;
        }
    }
    sqlite3_free(pending->buckets);
    pending->buckets = buckets;
    pending->bucket_count = count;
    return SQLITE_OK;
}

static int add_term(Fts3Pending *pending, const void *text, u32 size, Fts3PendingTerm **out)
{
    if (pending->term_count >= pending->bucket_count)
        TRY(grow(pending));
    Fts3PendingTerm *term = fts_zalloc(sizeof *term + size);
    if (term == NULL)
        return SQLITE_NOMEM;
    memcpy(term->text, text, size);
    term->size = size;
    term->hash = hash_bytes(text, size);
    Fts3PendingTerm **bucket = &pending->buckets[term->hash % pending->bucket_count];
    term->next = *bucket;
    *bucket = term;
    pending->term_count++;
    pending->size += sizeof *term + size;
    *out = term;
    return SQLITE_OK;
}

static void open_row(Fts3PendingTerm *term, const Fts3Posting *posting)
{
    FtsBuffer *doclist = &term->doclist;
    u64 delta = (u64)posting->docid;
    if (doclist->size > 0) {
        fts_buffer_append_byte(doclist, 0);
        delta = (u64)posting->docid - (u64)term->docid;
    }
    fts3_buffer_append_varint(doclist, delta);
    term->docid = posting->docid;
    term->column = 0;
    term->position = 0;
}

int fts3_pending_add(Fts3Pending *pending, const void *text, u32 size, const Fts3Posting *posting)
{
    ASSERT(posting->column >= 0);

    Fts3PendingTerm *term = fts3_pending_find(pending, text, size);
    if (term == NULL)
        TRY(add_term(pending, text, size, &term));
    FtsBuffer *doclist = &term->doclist;
    u32 size_before = doclist->size;
    if (doclist->size == 0 || term->docid != posting->docid)
        open_row(term, posting);
    if (posting->position >= 0) {
        if (term->column != posting->column) {
            fts3_buffer_append_varint(doclist, POSITION_COLUMN);
            fts3_buffer_append_varint(doclist, (u64)posting->column);
            term->column = posting->column;
            term->position = 0;
        }
        fts3_buffer_append_varint(doclist,
                                  (u64)(POSITION_BASE + posting->position - term->position));
        term->position = posting->position;
    }
    pending->size += doclist->size - size_before;
    return doclist->rc;
}

static int compare_terms(const void *a, const void *b)
{
    const Fts3PendingTerm *left = *(Fts3PendingTerm *const *)a;
    const Fts3PendingTerm *right = *(Fts3PendingTerm *const *)b;
    return fts_bytes_compare(left->text, left->size, right->text, right->size);
}

int fts3_pending_sorted(const Fts3Pending *pending, const void *prefix, u32 prefix_size,
                        Fts3PendingTerm ***terms, u32 *count)
{
    ASSERT(prefix != NULL || prefix_size == 0);

    Fts3PendingTerm **list = sqlite3_malloc64(sizeof *list * ((u64)pending->term_count + 1));
    if (list == NULL)
        return SQLITE_NOMEM;
    u32 found = 0;
    for (u32 i = 0; i < pending->bucket_count; i++) {
        for (Fts3PendingTerm *term = pending->buckets[i]; term != NULL; term = term->next) {
            if (prefix_size == 0
                || (term->size >= prefix_size && memcmp(term->text, prefix, prefix_size) == 0))
                list[found++] = term;
        }
    }
    if (found > 1)
        qsort(list, found, sizeof *list, compare_terms);
    *terms = list;
    *count = found;
    return SQLITE_OK;
}
