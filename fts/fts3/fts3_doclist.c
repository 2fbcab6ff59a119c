// Doclists, and hits made from them. See fts3_doclist.h.
#include "fts/fts3/fts3_doclist.h"

#include <stdlib.h>

enum { END_MARK = 0, COLUMN_MARK = 1, POSITION_BASE = 2 };

void fts3_doclist_init(Fts3Doclist *list, const u8 *bytes, u32 size, bool is_descending)
{
    ASSERT(bytes != NULL || size == 0);
    *list = (Fts3Doclist){
        .bytes = bytes, .size = size, .is_descending = is_descending, .is_first = true};
}

// Offset of the end mark: the first zero byte that does not end a longer varint.
static u32 find_end(const Fts3Doclist *list, u32 at)
{
    u8 before = 0;
    while (at < list->size && (list->bytes[at] | (before & 0x80)) != END_MARK)
        before = list->bytes[at++];
    return at;
}

int fts3_doclist_next(Fts3Doclist *list)
{
    ASSERT(list->at <= list->size);

    if (list->at >= list->size) {
        list->is_eof = true;
        return SQLITE_OK;
    }
    u64 delta;
    u32 at = list->at + (u32)fts3_varint_get(list->bytes + list->at, &delta);
    if (at >= list->size)
        return FTS_CORRUPT;
    u64 docid = (u64)list->docid;
    docid = list->is_first ? delta : list->is_descending ? docid - delta : docid + delta;
    bool ascends = list->is_descending ? (i64)docid < list->docid : (i64)docid > list->docid;
    if (!list->is_first && !ascends)
        return FTS_CORRUPT;
    list->docid = (i64)docid;
    list->is_first = false;
    u32 end = find_end(list, at);
    if (end >= list->size)
        return FTS_CORRUPT;
    list->poslist = list->bytes + at;
    list->poslist_size = end - at;
    list->at = end + 1;
    return SQLITE_OK;
}

// --- merging ---

typedef struct Output {
    FtsBuffer *buffer;
    bool is_descending;
    bool has_row;
    i64 docid;
} Output;

static void write_row(Output *out, const Fts3Doclist *row)
{
    u64 delta = (u64)row->docid;
    if (out->has_row)
        delta = out->is_descending ? (u64)out->docid - (u64)row->docid
                                   : (u64)row->docid - (u64)out->docid;
    fts3_buffer_append_varint(out->buffer, delta);
    fts_buffer_append(out->buffer, row->poslist, row->poslist_size);
    fts_buffer_append_byte(out->buffer, END_MARK);
    out->docid = row->docid;
    out->has_row = true;
}

static bool comes_before(const Fts3Doclist *a, const Fts3Doclist *b)
{
    return a->is_descending ? a->docid > b->docid : a->docid < b->docid;
}

// The list whose row is next, the newest of those that have it; NULL at the end.
static Fts3Doclist *find_first(Fts3Doclist *lists, int count)
{
    Fts3Doclist *first = NULL;
    for (int i = 0; i < count; i++) {
        if (!lists[i].is_eof && (first == NULL || comes_before(&lists[i], first)))
            first = &lists[i];
    }
    return first;
}

int fts3_doclist_merge(Fts3Doclist *lists, int count, bool drops_deletions, FtsBuffer *out)
{
    ASSERT(count > 0);

    Output output = {.buffer = out, .is_descending = lists[0].is_descending};
    for (int i = 0; i < count; i++)
        TRY(fts3_doclist_next(&lists[i]));
    Fts3Doclist *first;
    while ((first = find_first(lists, count)) != NULL) {
        if (first->poslist_size > 0 || !drops_deletions)
            write_row(&output, first);
        i64 docid = first->docid;
        for (int i = 0; i < count; i++) {
            if (!lists[i].is_eof && lists[i].docid == docid)
                TRY(fts3_doclist_next(&lists[i]));
        }
    }
    return out->rc;
}

int fts3_doclist_reverse(const u8 *bytes, u32 size, FtsBuffer *out)
{
    Fts3Doclist list;
    FtsBuffer rows = {0}; // Fts3Doclist states
    fts3_doclist_init(&list, bytes, size, false);
    int rc = fts3_doclist_next(&list);
    while (rc == SQLITE_OK && !list.is_eof) {
        fts_buffer_append(&rows, &list, sizeof list);
        rc = fts3_doclist_next(&list);
    }
    if (rc == SQLITE_OK)
        rc = rows.rc;
    Output output = {.buffer = out, .is_descending = true};
    for (u32 end = rows.size; rc == SQLITE_OK && end > 0; end -= (u32)sizeof list) {
        memcpy(&list, rows.bytes + end - sizeof list, sizeof list);
        write_row(&output, &list);
    }
    ASSERT(rc != SQLITE_OK || out->rc != SQLITE_OK || out->size == size || rows.size > 0);
    fts_buffer_deinit(&rows);
    return rc != SQLITE_OK ? rc : out->rc;
}

// --- hits ---

void fts3_hits_deinit(Fts3Hits *hits)
{
    ASSERT(hits->count <= hits->capacity);
    sqlite3_free(hits->hits);
    sqlite3_free(hits->places);
    *hits = (Fts3Hits){0};
}

enum { HITS_FIRST = 16 };

int fts3_hits_open(Fts3Hits *hits, i64 docid, u32 rank)
{
    if (hits->count == hits->capacity) {
        u64 capacity = hits->capacity == 0 ? HITS_FIRST : hits->capacity * 2;
        Fts3Hit *grown = sqlite3_realloc64(hits->hits, sizeof *grown * capacity);
        if (grown == NULL)
            return SQLITE_NOMEM;
        hits->hits = grown;
        hits->capacity = capacity;
    }
    hits->hits[hits->count++] = (Fts3Hit){docid, rank, 0, hits->place_count};
    return SQLITE_OK;
}

int fts3_hits_push(Fts3Hits *hits, Fts3Place place)
{
    ASSERT(hits->count > 0);

    if (hits->place_count == hits->place_capacity) {
        u64 capacity = hits->place_capacity == 0 ? HITS_FIRST : hits->place_capacity * 2;
        Fts3Place *grown = sqlite3_realloc64(hits->places, sizeof *grown * capacity);
        if (grown == NULL)
            return SQLITE_NOMEM;
        hits->places = grown;
        hits->place_capacity = capacity;
    }
    hits->places[hits->place_count++] = place;
    hits->hits[hits->count - 1].count++;
    return SQLITE_OK;
}

static int append_places(Fts3Hits *hits, const Fts3Doclist *row)
{
    u64 column = 0;
    u64 position = 0;
    u32 at = 0;
    while (at < row->poslist_size) {
        u64 value;
        at += (u32)fts3_varint_get(row->poslist + at, &value);
        if (value == COLUMN_MARK) {
            u64 next;
            at += (u32)fts3_varint_get(row->poslist + at, &next);
            if (next <= column || next > INT32_MAX)
                return FTS_CORRUPT;
            column = next;
            position = 0;
            continue;
        }
        position += value - POSITION_BASE;
        if (at > row->poslist_size || value < POSITION_BASE || position > INT32_MAX)
            return FTS_CORRUPT;
        TRY(fts3_hits_push(hits, column << 32 | position));
    }
    return SQLITE_OK;
}

int fts3_hits_append(Fts3Hits *hits, const u8 *bytes, u32 size, bool is_descending, u32 rank)
{
    ASSERT(bytes != NULL || size == 0);

    Fts3Doclist list;
    fts3_doclist_init(&list, bytes, size, is_descending);
    TRY(fts3_doclist_next(&list));
    while (!list.is_eof) {
        TRY(fts3_hits_open(hits, list.docid, rank));
        TRY(append_places(hits, &list));
        TRY(fts3_doclist_next(&list));
    }
    return SQLITE_OK;
}

static int compare_hits(const void *a, const void *b)
{
    const Fts3Hit *left = a;
    const Fts3Hit *right = b;
    if (left->docid != right->docid)
        return left->docid < right->docid ? -1 : 1;
    return left->rank < right->rank ? -1 : left->rank > right->rank;
}

static void sort_hits(Fts3Hit *hits, u64 count)
{
    u64 at = 1;
    while (at < count && compare_hits(&hits[at - 1], &hits[at]) <= 0)
        at++;
    if (at < count)
        qsort(hits, count, sizeof *hits, compare_hits);
}

void fts3_hits_settle(Fts3Hits *hits, u64 first)
{
    ASSERT(first <= hits->count);

    sort_hits(hits->hits + first, hits->count - first);
    u64 out = first;
    for (u64 i = first; i < hits->count; i++) {
        bool is_newest = i == first || hits->hits[i].docid != hits->hits[i - 1].docid;
        if (is_newest && hits->hits[i].count > 0)
            hits->hits[out++] = hits->hits[i]; // never beyond i, so what is compared next stays
    }
    hits->count = out;
}

static int compare_places(const void *a, const void *b)
{
    Fts3Place left = *(const Fts3Place *)a;
    Fts3Place right = *(const Fts3Place *)b;
    return left < right ? -1 : left > right;
}

// Appends the united places of hits [from, end) to `out`.
static int unite_places(const Fts3Hits *hits, u64 from, u64 end, Fts3Hits *out)
{
    TRY(fts3_hits_open(out, hits->hits[from].docid, 0));
    Fts3Hit *hit = &out->hits[out->count - 1];
    for (u64 i = from; i < end; i++) {
        for (u32 place = 0; place < hits->hits[i].count; place++)
            TRY(fts3_hits_push(out, hits->places[hits->hits[i].first + place]));
    }
    if (end - from == 1)
        return SQLITE_OK;
    Fts3Place *places = out->places + hit->first;
    qsort(places, hit->count, sizeof *places, compare_places);
    u32 kept = 0;
    for (u32 i = 0; i < hit->count; i++) {
        if (i == 0 || places[i] != places[i - 1])
            places[kept++] = places[i];
    }
    hit->count = kept;
    out->place_count = hit->first + kept;
    return SQLITE_OK;
}

int fts3_hits_unite(Fts3Hits *hits)
{
    sort_hits(hits->hits, hits->count);
    Fts3Hits out = {0};
    int rc = SQLITE_OK;
    u64 end;
    for (u64 from = 0; rc == SQLITE_OK && from < hits->count; from = end) {
        end = from + 1;
        while (end < hits->count && hits->hits[end].docid == hits->hits[from].docid)
            end++;
        rc = unite_places(hits, from, end, &out);
    }
    ASSERT(out.count <= hits->count);
    if (rc != SQLITE_OK) {
        fts3_hits_deinit(&out);
        return rc;
    }
    fts3_hits_deinit(hits);
    *hits = out;
    return SQLITE_OK;
}

const Fts3Hit *fts3_hits_find(const Fts3Hits *hits, i64 docid)
{
    u64 first = 0;
    u64 end = hits->count;
    while (first < end) {
        u64 middle = (first + end) / 2;
        if (hits->hits[middle].docid < docid)
            first = middle + 1;
        else
            end = middle;
    }
    ASSERT(first <= hits->count);
    return first < hits->count && hits->hits[first].docid == docid ? &hits->hits[first] : NULL;
}
