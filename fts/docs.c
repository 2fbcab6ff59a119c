// The rows of a term over all segments, and all terms over all segments. See segment_read.h.
#include "fts/poslist.h"
#include "fts/segment_read.h"

#include <stdlib.h>

// --- the merged rows of a term ---

void docs_deinit(Docs *docs)
{
    for (int i = 0; i < docs->count; i++)
        postings_deinit(&docs->sources[i]);
    sqlite3_free(docs->sources);
    sqlite3_free(docs->counts);
    *docs = (Docs){0};
}

static void fail(Docs *docs, int rc)
{
    docs->rc = rc;
    docs->is_end = true;
}

// Makes the newest entry of the least rowid current; false if it only deletes.
static bool settle(Docs *docs)
{
    ASSERT(docs->counts == NULL);

    int best = -1;
    docs->limit = INT64_MAX;
    for (int i = 0; i < docs->count; i++) {
        const Postings *p = &docs->sources[i];
        if (p->rc != SQLITE_OK) {
            fail(docs, p->rc);
            return true;
        }
        if (p->is_end)
            continue;
        if (best < 0 || p->rowid < docs->sources[best].rowid) {
            docs->limit = best < 0 ? INT64_MAX : docs->sources[best].rowid;
            best = i;
        } else if (p->rowid < docs->limit) {
            docs->limit = p->rowid;
        }
    }
    docs->is_end = best < 0;
    if (docs->is_end)
        return true;
    docs->current = best;
    docs_take(docs, &docs->sources[best]);
    return docs->has_content || docs->keeps_deletes;
}

static void pass_rowid(Docs *docs)
{
    ASSERT(!docs->is_end);
    ASSERT(docs->current >= 0 && docs->current < docs->count);

    i64 rowid = docs->rowid;
    for (int i = docs->current; i < docs->count; i++) {
        Postings *p = &docs->sources[i];
        if (!p->is_end && p->rowid == rowid)
            postings_next(p);
        if (!p->is_end && p->rowid < rowid)
            p->rc = FTS_CORRUPT; // rows must ascend
    }
}

void docs_start(Docs *docs)
{
    while (!settle(docs))
        pass_rowid(docs);
}

// --- counts ---

static void counts_find(Docs *docs, u64 at)
{
    ASSERT(docs->counts != NULL);

    while (at < docs->counts_size && docs->counts[at] == 0)
        at++;
    docs->is_end = at >= docs->counts_size;
    docs->rowid = (i64)((u64)docs->counts_base + at);
}

static void counts_seek(Docs *docs, i64 rowid)
{
    ASSERT(docs->counts != NULL);

    u64 at = rowid <= docs->counts_base ? 0 : (u64)rowid - (u64)docs->counts_base;
    counts_find(docs, at);
}

// --- moving ---

// Whether the current source, just moved, is the one to give the next row.
static bool stays_current(Docs *docs, const Postings *p, i64 from)
{
    ASSERT(p == &docs->sources[docs->current]);

    if (p->is_end || p->rowid >= docs->limit || p->rowid < from || !p->has_content)
        return false;
    docs_take(docs, p);
    return true;
}

void docs_next(Docs *docs)
{
    if (docs->counts != NULL) {
        counts_find(docs, (u64)docs->rowid - (u64)docs->counts_base + 1);
        return;
    }
    if (!docs->is_end && docs->rowid < docs->limit) {
        i64 rowid = docs->rowid;
        Postings *p = &docs->sources[docs->current];
        postings_next(p);
        if (stays_current(docs, p, rowid))
            return;
        if (!p->is_end && p->rowid < rowid)
            p->rc = FTS_CORRUPT;
        docs_start(docs);
        return;
    }
    do {
        if (docs->is_end)
            return;
        pass_rowid(docs);
    } while (!settle(docs));
}

void docs_seek_far(Docs *docs, i64 rowid)
{
    if (docs->is_end || docs->rowid >= rowid)
        return;
    if (docs->counts != NULL) {
        counts_seek(docs, rowid);
        return;
    }
    if (rowid <= docs->limit) {
        Postings *p = &docs->sources[docs->current];
        postings_seek(p, rowid);
        if (stays_current(docs, p, rowid))
            return;
    } else {
        for (int i = 0; i < docs->count; i++)
            postings_seek(&docs->sources[i], rowid);
    }
    docs_start(docs);
}

u32 docs_run(Docs *docs, u32 room, const u8 **bytes)
{
    if (docs->is_end || docs->counts != NULL || docs->rowid >= docs->limit)
        return 0;
    Postings *p = &docs->sources[docs->current];
    const PostingsBlock *block = p->block;
    if (block == NULL || block->next == 0 || block->next >= block->count)
        return 0;
    const u32 first = block->next;
    ASSERT(block->rowids[first - 1] == docs->rowid);

    const u32 begin = block->at[first - 1] + block->sizes[first - 1];
    u32 end = begin;
    u32 i = first;
    for (; i < block->count && block->rowids[i] < docs->limit; i++) {
        u32 record_end = block->at[i] + block->sizes[i];
        if (record_end - begin > room)
            break;
        end = record_end;
    }
    if (i == first)
        return 0;
    postings_take(p, i - 1);
    docs_take(docs, p);
    *bytes = p->page->bytes + begin;
    return end - begin;
}

int docs_in_memory(Docs *docs, FtsDetail detail, const FtsBuffer *doclist)
{
    ASSERT(doclist->rc == SQLITE_OK);

    *docs = (Docs){0};
    docs->sources = fts_zalloc(sizeof(Postings));
    if (docs->sources == NULL)
        return SQLITE_NOMEM;
    docs->count = 1;
    TRY(postings_in_memory(&docs->sources[0], detail, doclist));
    postings_next(&docs->sources[0]);
    docs_start(docs);
    return docs->rc;
}

static int add_pending(Docs *docs, FtsIndex *index, const PendingTerm *term)
{
    FtsBuffer doclist = {0};
    pending_doclist(term, index->config->detail, &doclist);
    int rc = doclist.rc;
    Postings *p = &docs->sources[docs->count];
    if (rc == SQLITE_OK) {
        postings_deinit(p);
        docs->count++;
        rc = postings_in_memory(p, index->config->detail, &doclist);
    }
    fts_buffer_deinit(&doclist);
    return rc;
}

static void add_segment(Docs *docs, FtsIndex *index, const FtsSegment *segment, const void *key,
                        u32 size)
{
    TermCursor cursor;
    term_cursor_seek(&cursor, index, segment, key, size);
    if (cursor.rc != SQLITE_OK)
        docs->rc = cursor.rc;
    else if (!cursor.is_end
             && fts_bytes_compare(cursor.term.bytes, cursor.term.size, key, size) == 0)
        term_cursor_postings(&cursor, &docs->sources[docs->count++]);
    term_cursor_deinit(&cursor);
}

void docs_open(Docs *docs, FtsIndex *index, const void *key, u32 size)
{
    ASSERT(size > 0);

    *docs = (Docs){0};
    int room = structure_segment_count(&index->structure) + 1;
    docs->sources = fts_zalloc(sizeof(Postings) * (u64)room);
    if (docs->sources == NULL) {
        fail(docs, SQLITE_NOMEM);
        return;
    }
    const PendingTerm *pending = pending_find(&index->pending, key, size);
    if (pending != NULL)
        docs->rc = add_pending(docs, index, pending);
    for (int level = 0; level < index->structure.level_count; level++) {
        const FtsLevel *at = &index->structure.levels[level];
        for (int i = at->segment_count - 1; i >= 0 && docs->rc == SQLITE_OK; i--)
            add_segment(docs, index, &at->segments[i], key, size);
    }
    if (docs->rc != SQLITE_OK) {
        fail(docs, docs->rc);
        return;
    }
    for (int i = 0; i < docs->count; i++)
        postings_next(&docs->sources[i]);
    docs_start(docs);
}

// --- sums of rows ---

enum { SUM_HEADER = 12 };

void doc_sum_deinit(DocSum *sum)
{
    fts_buffer_deinit(&sum->records);
    sum->count = 0;
}

void doc_sum_add(DocSum *sum, i64 rowid, const u8 *poslist, u32 size)
{
    u8 header[SUM_HEADER];
    memcpy(header, &rowid, sizeof rowid);
    memcpy(header + 8, &size, sizeof size);
    fts_buffer_append(&sum->records, header, SUM_HEADER);
    fts_buffer_append(&sum->records, poslist, size);
    sum->count++;
}

void doc_sum_add_docs(DocSum *sum, Docs *docs)
{
    for (; !docs->is_end; docs_next(docs))
        doc_sum_add(sum, docs->rowid, docs->poslist, docs->poslist_size);
    if (docs->rc != SQLITE_OK)
        sum->records.rc = docs->rc;
}

typedef struct SumRow {
    i64 rowid;
    const u8 *poslist;
    u32 size;
} SumRow;

static int compare_rows(const void *a, const void *b)
{
    const SumRow *left = a;
    const SumRow *right = b;
    if (left->rowid != right->rowid)
        return left->rowid < right->rowid ? -1 : 1;
    return left->poslist < right->poslist ? -1 : 1;
}

static int compare_i64(const void *a, const void *b)
{
    i64 left = *(const i64 *)a;
    i64 right = *(const i64 *)b;
    return left < right ? -1 : left > right;
}

// Positions as column << 32 | offset; detail columns: columns alone.
static u32 decode_positions(FtsDetail detail, const SumRow *row, i64 *out)
{
    ASSERT(detail != DETAIL_NONE);

    u32 count = 0;
    i64 column = 0;
    i64 position = 0;
    for (u32 at = 0; at < row->size;) {
        u32 value;
        at += (u32)fts_varint_get_u32(row->poslist + at, &value);
        if (detail == DETAIL_COLUMNS) {
            column += (i64)value - 2;
            out[count++] = column;
        } else if (value == 1) {
            at += (u32)fts_varint_get_u32(row->poslist + at, &value);
            column = (i64)value;
            position = 0;
        } else {
            position += (i64)value - 2;
            out[count++] = (i64)((u64)column << 32 | (u64)position);
        }
    }
    return count;
}

static void encode_positions(FtsDetail detail, const i64 *positions, u32 count, FtsBuffer *out)
{
    ASSERT(detail != DETAIL_NONE);

    i64 previous = 0;
    for (u32 i = 0; i < count; i++) {
        if (i > 0 && positions[i] == positions[i - 1])
            continue;
        bool is_other = detail == DETAIL_FULL && positions[i] >> 32 != previous >> 32;
        if (is_other) {
            fts_buffer_append_byte(out, 1);
            fts_buffer_append_varint(out, (u64)(positions[i] >> 32));
            previous = (i64)((u64)(positions[i] >> 32) << 32);
        }
        fts_buffer_append_varint(out, (u64)(positions[i] - previous + 2));
        previous = positions[i];
    }
}

static void sort_positions(i64 *positions, u32 count)
{
    enum { FEW = 24 };
    if (count > FEW) {
        qsort(positions, count, sizeof *positions, compare_i64);
        return;
    }
    for (u32 i = 1; i < count; i++) {
        i64 moved = positions[i];
        u32 at = i;
        for (; at > 0 && positions[at - 1] > moved; at--)
            positions[at] = positions[at - 1];
        positions[at] = moved;
    }
}

static void merge_rows(FtsDetail detail, const SumRow *rows, u32 count, FtsBuffer *poslist)
{
    ASSERT(count > 1);

    i64 few[64];
    u64 room = 1;
    for (u32 i = 0; i < count; i++)
        room += rows[i].size;
    i64 *positions = room <= ARRAY_LEN(few) ? few : sqlite3_malloc64(room * sizeof(i64));
    if (positions == NULL) {
        poslist->rc = SQLITE_NOMEM;
        return;
    }
    u32 found = 0;
    for (u32 i = 0; i < count; i++)
        found += decode_positions(detail, &rows[i], positions + found);
    sort_positions(positions, found);
    encode_positions(detail, positions, found, poslist);
    if (positions != few)
        sqlite3_free(positions);
}

static void append_row(FtsDetail detail, const SumRow *rows, u32 count, FtsBuffer *merged,
                       FtsBuffer *out)
{
    if (detail == DETAIL_NONE)
        return;
    if (count == 1) {
        fts_buffer_append_varint(out, (u64)rows->size * 2);
        fts_buffer_append(out, rows->poslist, rows->size);
        return;
    }
    fts_buffer_clear(merged);
    merge_rows(detail, rows, count, merged);
    if (merged->rc != SQLITE_OK)
        out->rc = merged->rc;
    fts_buffer_append_varint(out, (u64)merged->size * 2);
    fts_buffer_append(out, merged->bytes, merged->size);
}

// The records in order of rowid. Where rowids lie close together they are counted into place, which
// keeps the order of those that are equal; *sorted is for sqlite3_free().
static int sort_rows(SumRow *rows, u32 count, SumRow **sorted)
{
    i64 least = INT64_MAX;
    i64 most = INT64_MIN;
    for (u32 i = 0; i < count; i++) {
        least = rows[i].rowid < least ? rows[i].rowid : least;
        most = rows[i].rowid > most ? rows[i].rowid : most;
    }
    u64 range = (u64)most - (u64)least + 1;
    *sorted = NULL;
    if (range == 0 || range > 4 * (u64)count + 1024) {
        qsort(rows, count, sizeof *rows, compare_rows);
        return SQLITE_OK;
    }
    u32 *places = fts_zalloc(sizeof *places * (range + 1));
    SumRow *out = sqlite3_malloc64(sizeof *out * (u64)count);
    if (places == NULL || out == NULL) {
        sqlite3_free(places);
        sqlite3_free(out);
        return SQLITE_NOMEM;
    }
    for (u32 i = 0; i < count; i++)
        places[rows[i].rowid - least + 1]++;
    for (u64 i = 1; i <= range; i++)
        places[i] += places[i - 1];
    for (u32 i = 0; i < count; i++)
        out[places[rows[i].rowid - least]++] = rows[i];
    sqlite3_free(places);
    *sorted = out;
    return SQLITE_OK;
}

static void append_rows(FtsDetail detail, const SumRow *rows, u32 count, FtsBuffer *doclist)
{
    FtsBuffer merged = {0};
    i64 previous = 0;
    for (u32 i = 0, end = 0; i < count; i = end) {
        for (end = i + 1; end < count && rows[end].rowid == rows[i].rowid;)
            end++;
        fts_buffer_append_varint(doclist, (u64)rows[i].rowid - (u64)previous);
        previous = rows[i].rowid;
        append_row(detail, rows + i, end - i, &merged, doclist);
    }
    fts_buffer_deinit(&merged);
}

void doc_sum_finish(DocSum *sum, FtsDetail detail, FtsBuffer *doclist)
{
    fts_buffer_pad(&sum->records);
    SumRow *rows = sqlite3_malloc64(sizeof *rows * ((u64)sum->count + 1));
    if (rows == NULL || sum->records.rc != SQLITE_OK) {
        doclist->rc = rows == NULL ? SQLITE_NOMEM : sum->records.rc;
        sqlite3_free(rows);
        return;
    }
    const u8 *at = sum->records.bytes;
    bool is_sorted = true;
    for (u32 i = 0; i < sum->count; i++) {
        memcpy(&rows[i].rowid, at, sizeof rows[i].rowid);
        memcpy(&rows[i].size, at + 8, sizeof rows[i].size);
        rows[i].poslist = at + SUM_HEADER;
        at += SUM_HEADER + rows[i].size;
        is_sorted = is_sorted && (i == 0 || rows[i - 1].rowid <= rows[i].rowid);
    }
    SumRow *sorted = NULL;
    int rc = is_sorted ? SQLITE_OK : sort_rows(rows, sum->count, &sorted);
    if (rc == SQLITE_OK)
        append_rows(detail, sorted != NULL ? sorted : rows, sum->count, doclist);
    else
        doclist->rc = rc;
    sqlite3_free(sorted);
    sqlite3_free(rows);
}

// Adds all rows of all terms that start with the key.
static int sum_prefix(FtsIndex *index, const FtsBuffer *prefix, DocSum *sum)
{
    TermWalk walk;
    term_walk_open(&walk, index, prefix, prefix);
    for (; !walk.is_end; term_walk_next(&walk))
        doc_sum_add_docs(sum, &walk.docs);
    int rc = walk.rc;
    term_walk_deinit(&walk);
    return rc;
}

static void sum_exact(FtsIndex *index, const FtsBuffer *key, DocSum *sum)
{
    Docs docs;
    docs_open(&docs, index, key->bytes, key->size);
    doc_sum_add_docs(sum, &docs);
    docs_deinit(&docs);
}

// A cursor over what was summed, which is freed. rc: what the summing came to.
static void open_sum(Docs *docs, const FtsIndex *index, DocSum *sum, int rc)
{
    FtsBuffer doclist = {0};
    if (rc == SQLITE_OK) {
        doc_sum_finish(sum, index->config->detail, &doclist);
        rc = doclist.rc;
    }
    if (rc == SQLITE_OK)
        rc = docs_in_memory(docs, index->config->detail, &doclist);
    if (rc != SQLITE_OK)
        fail(docs, rc);
    doc_sum_deinit(sum);
    fts_buffer_deinit(&doclist);
}

void docs_open_with_data(Docs *docs, FtsIndex *index, const FtsBuffer *key)
{
    ASSERT(index->config->has_tokendata);

    FtsBuffer prefix = {0};
    DocSum sum = {0};
    *docs = (Docs){0};
    fts_buffer_set(&prefix, key->bytes, key->size);
    fts_buffer_append_byte(&prefix, 0);
    int rc = prefix.rc;
    if (rc == SQLITE_OK)
        rc = sum_prefix(index, &prefix, &sum);
    if (rc == SQLITE_OK && sum.count == 0) {
        docs_open(docs, index, key->bytes, key->size);
        doc_sum_deinit(&sum);
    } else {
        if (rc == SQLITE_OK)
            sum_exact(index, key, &sum);
        open_sum(docs, index, &sum, rc);
    }
    fts_buffer_deinit(&prefix);
}

void docs_open_prefix(Docs *docs, FtsIndex *index, const void *key, u32 size)
{
    ASSERT(size > 0);

    FtsBuffer prefix = {0};
    DocSum sum = {0};
    *docs = (Docs){0};
    fts_buffer_set(&prefix, key, size);
    int rc = prefix.rc;
    if (rc == SQLITE_OK)
        rc = sum_prefix(index, &prefix, &sum);
    if (rc == SQLITE_OK && prefix.bytes[0] != '0') { // tokens that short are in no prefix index
        prefix.bytes[0] = '0';
        sum_exact(index, &prefix, &sum);
    }
    open_sum(docs, index, &sum, rc);
    fts_buffer_deinit(&prefix);
}

// --- a prefix by counts ---

// Few postings are better merged: an array over all rows would be mostly empty. And rows may not
// lie wider apart than this plus eight times the number of postings.
enum { POSTINGS_FEW = 2048, COUNTS_MIN = 1 << 22 };

typedef struct Counter {
    Docs *docs;
    u64 added;
    bool is_sparse;
    i64 *few; // the first postings, until it is known that there are more
    u32 *few_counts;
} Counter;

// Room for a rowid at either end, with half as much again.
static bool counter_reserve(Counter *counter, i64 rowid)
{
    Docs *docs = counter->docs;
    if (docs->counts_size == 0)
        docs->counts_base = rowid;
    i64 least = rowid < docs->counts_base ? rowid : docs->counts_base;
    u64 before = (u64)docs->counts_base - (u64)least;
    u64 needed = (u64)rowid - (u64)least + 1;
    if (needed < before + docs->counts_size)
        needed = before + docs->counts_size;
    counter->is_sparse = needed > COUNTS_MIN + 8 * counter->added;
    if (counter->is_sparse)
        return false;
    u64 size = needed + needed / 2 + 1024;
    u32 *counts = fts_zalloc(size * sizeof(u32));
    if (counts == NULL) {
        docs->rc = SQLITE_NOMEM;
        return false;
    }
    if (docs->counts_size > 0)
        memcpy(counts + before, docs->counts, docs->counts_size * sizeof(u32));
    sqlite3_free(docs->counts);
    docs->counts = counts;
    docs->counts_base = least;
    docs->counts_size = size;
    return true;
}

static bool counter_put(Counter *counter, i64 rowid, u32 count)
{
    Docs *docs = counter->docs;
    u64 at = (u64)rowid - (u64)docs->counts_base;
    if (at >= docs->counts_size) {
        if (!counter_reserve(counter, rowid))
            return false;
        at = (u64)rowid - (u64)docs->counts_base;
    }
    docs->counts[at] += count;
    return true;
}

static bool counter_spread_few(Counter *counter)
{
    for (u32 i = 0; i < POSTINGS_FEW; i++) {
        if (!counter_put(counter, counter->few[i], counter->few_counts[i]))
            return false;
    }
    return true;
}

static bool counter_add(Counter *counter, Docs *from, FtsDetail detail)
{
    for (; !from->is_end; docs_next(from)) {
        u32 count = detail == DETAIL_FULL ? poslist_count(from->poslist, from->poslist_size) : 1;
        if (counter->added < POSTINGS_FEW) {
            counter->few[counter->added] = from->rowid;
            counter->few_counts[counter->added++] = count;
            continue;
        }
        if (counter->added++ == POSTINGS_FEW && !counter_spread_few(counter))
            return false;
        if (!counter_put(counter, from->rowid, count))
            return false;
    }
    counter->docs->rc = from->rc;
    return from->rc == SQLITE_OK;
}

static bool count_prefix(Counter *counter, FtsIndex *index, FtsBuffer *prefix)
{
    FtsDetail detail = index->config->detail;
    TermWalk walk;
    term_walk_open(&walk, index, prefix, prefix);
    bool is_good = true;
    for (; is_good && !walk.is_end; term_walk_next(&walk))
        is_good = counter_add(counter, &walk.docs, detail);
    if (counter->docs->rc == SQLITE_OK)
        counter->docs->rc = walk.rc;
    term_walk_deinit(&walk);
    if (!is_good || counter->docs->rc != SQLITE_OK || prefix->bytes[0] == '0')
        return is_good && counter->docs->rc == SQLITE_OK;
    Docs exact; // tokens that short are in no prefix index
    prefix->bytes[0] = '0';
    docs_open(&exact, index, prefix->bytes, prefix->size);
    is_good = counter_add(counter, &exact, detail);
    docs_deinit(&exact);
    return is_good;
}

bool docs_open_prefix_counts(Docs *docs, FtsIndex *index, const void *key, u32 size)
{
    FtsBuffer prefix = {0};
    Counter counter = {.docs = docs};
    *docs = (Docs){0};
    fts_buffer_set(&prefix, key, size);
    counter.few = sqlite3_malloc64(POSTINGS_FEW * (sizeof(i64) + sizeof(u32)));
    counter.few_counts = counter.few == NULL ? NULL : (u32 *)(counter.few + POSTINGS_FEW);
    bool is_good = counter.few != NULL && prefix.rc == SQLITE_OK;
    if (is_good)
        is_good = count_prefix(&counter, index, &prefix) && docs->counts != NULL;
    else
        docs->rc = SQLITE_NOMEM;
    sqlite3_free(counter.few);
    fts_buffer_deinit(&prefix);
    if (is_good) {
        counts_find(docs, 0);
        return true;
    }
    int rc = docs->rc;
    docs_deinit(docs);
    fail(docs, rc);
    return false;
}

static void sum_row(DocSum *sum, Docs *docs, i64 rowid)
{
    docs_seek(docs, rowid);
    if (docs->rc != SQLITE_OK)
        sum->records.rc = docs->rc;
    else if (!docs->is_end && docs->rowid == rowid)
        doc_sum_add(sum, docs->rowid, docs->poslist, docs->poslist_size);
}

void docs_open_prefix_row(Docs *docs, FtsIndex *index, const FtsBuffer *key, i64 rowid)
{
    ASSERT(key->size > 0);

    FtsBuffer prefix = {0};
    DocSum sum = {0};
    TermWalk walk;
    *docs = (Docs){0};
    fts_buffer_set(&prefix, key->bytes, key->size);
    term_walk_open(&walk, index, key, key);
    for (; !walk.is_end; term_walk_next(&walk))
        sum_row(&sum, &walk.docs, rowid);
    int rc = walk.rc == SQLITE_OK ? prefix.rc : walk.rc;
    if (rc == SQLITE_OK && prefix.size > 0 && prefix.bytes[0] != '0') {
        Docs exact;
        prefix.bytes[0] = '0';
        docs_open(&exact, index, prefix.bytes, prefix.size);
        sum_row(&sum, &exact, rowid);
        docs_deinit(&exact);
    }
    open_sum(docs, index, &sum, rc);
    term_walk_deinit(&walk);
    fts_buffer_deinit(&prefix);
}

// --- all terms ---

void term_walk_deinit(TermWalk *walk)
{
    for (int i = 0; i < walk->cursor_count; i++)
        term_cursor_deinit(&walk->cursors[i]);
    sqlite3_free(walk->cursors);
    sqlite3_free(walk->pending);
    fts_buffer_deinit(&walk->prefix);
    fts_buffer_deinit(&walk->term);
    if (walk->docs.sources != NULL)
        walk->docs.count = walk->cursor_count + 1;
    docs_deinit(&walk->docs);
    *walk = (TermWalk){.is_end = true};
}

static void walk_fail(TermWalk *walk, int rc)
{
    walk->rc = rc;
    walk->is_end = true;
}

// Whether the cursor's term becomes the least, or stands beside it.
static bool is_not_behind(const TermCursor *c, const u8 *least, u32 size, bool *is_equal)
{
    int order = least == NULL ? -1 : fts_bytes_compare(c->term.bytes, c->term.size, least, size);
    *is_equal = order == 0;
    return order <= 0;
}

// The least term of all sources, into walk->term; false: none with the prefix. The cursors that
// stand on it are those from walk->first_least on whose is_least is set.
static bool find_least(TermWalk *walk)
{
    const u8 *least = NULL;
    u32 size = 0;
    walk->first_least = 0;
    if (walk->pending_next < walk->pending_count) {
        least = walk->pending[walk->pending_next]->key;
        size = walk->pending[walk->pending_next]->key_size;
    }
    for (int i = 0; i < walk->cursor_count; i++) {
        TermCursor *c = &walk->cursors[i];
        if (c->rc != SQLITE_OK)
            walk->rc = c->rc;
        bool is_equal = false;
        c->is_least = !c->is_end && is_not_behind(c, least, size, &is_equal);
        if (!c->is_least || is_equal)
            continue;
        walk->first_least = i;
        least = c->term.bytes;
        size = c->term.size;
    }
    if (least == NULL || walk->rc != SQLITE_OK || size < walk->prefix.size
        || (walk->prefix.size > 0 && memcmp(least, walk->prefix.bytes, walk->prefix.size) != 0))
        return false;
    fts_buffer_set(&walk->term, least, size);
    walk->rc = walk->term.rc; // an end for want of memory must not pass for the end of the terms
    return walk->rc == SQLITE_OK;
}

// Whether pending postings of walk->term are the next; a cursor's term may be less.
static bool is_pending_at_term(const TermWalk *walk)
{
    if (walk->pending_next >= walk->pending_count)
        return false;
    const PendingTerm *p = walk->pending[walk->pending_next];
    return fts_bytes_compare(p->key, p->key_size, walk->term.bytes, walk->term.size) == 0;
}

// Sources are used again from term to term, with the memory they have.
static bool renew_sources(TermWalk *walk)
{
    Docs *docs = &walk->docs;
    Postings *sources = docs->sources;
    if (sources == NULL)
        sources = fts_zalloc(sizeof(Postings) * ((u64)walk->cursor_count + 1));
    for (int i = 0; sources != NULL && i < docs->count; i++)
        postings_recycle(&sources[i]);
    *docs = (Docs){.sources = sources, .keeps_deletes = walk->keeps_deletes};
    return sources != NULL;
}

// Opens the rows of walk->term and moves every source that has it to its next term.
static void open_docs(TermWalk *walk)
{
    Docs *docs = &walk->docs;
    if (!renew_sources(walk)) {
        walk_fail(walk, SQLITE_NOMEM);
        return;
    }
    if (is_pending_at_term(walk)) {
        docs->rc = add_pending(docs, walk->index, walk->pending[walk->pending_next]);
        walk->pending_next++;
    }
    for (int i = walk->first_least; i < walk->cursor_count; i++) {
        if (!walk->cursors[i].is_least)
            continue;
        Postings *p = &docs->sources[docs->count++];
        PostingsBlock *block = p->block;
        FtsBuffer spill = p->spill;
        term_cursor_postings(&walk->cursors[i], p);
        p->block = block;
        p->spill = spill;
        term_cursor_next(&walk->cursors[i]);
    }
    if (docs->rc != SQLITE_OK) {
        walk_fail(walk, docs->rc);
        return;
    }
    for (int i = 0; i < docs->count; i++)
        postings_next(&docs->sources[i]);
    docs_start(docs);
    if (docs->rc != SQLITE_OK)
        walk_fail(walk, docs->rc);
}

// Terms whose rows are all deleted are passed over.
void term_walk_next(TermWalk *walk)
{
    do {
        if (walk->is_end)
            return;
        if (!find_least(walk)) {
            walk->is_end = true;
            return;
        }
        open_docs(walk);
    } while (!walk->is_end && walk->docs.is_end);
}

void term_walk_open(TermWalk *walk, FtsIndex *index, const FtsBuffer *prefix, const FtsBuffer *from)
{
    *walk = (TermWalk){.index = index};
    fts_buffer_set(&walk->prefix, prefix->bytes, prefix->size);
    int room = structure_segment_count(&index->structure);
    walk->cursors = fts_zalloc(sizeof(TermCursor) * ((u64)room + 1));
    int rc = walk->cursors == NULL || walk->prefix.rc != SQLITE_OK
                 ? SQLITE_NOMEM
                 : pending_sorted(&index->pending, prefix->bytes, prefix->size, &walk->pending,
                                  &walk->pending_count);
    if (rc != SQLITE_OK) {
        walk_fail(walk, rc);
        return;
    }
    while (walk->pending_next < walk->pending_count) {
        const PendingTerm *p = walk->pending[walk->pending_next];
        if (fts_bytes_compare(p->key, p->key_size, from->bytes, from->size) >= 0)
            break;
        walk->pending_next++;
    }
    for (int level = 0; level < index->structure.level_count; level++) {
        const FtsLevel *at = &index->structure.levels[level];
        for (int i = at->segment_count - 1; i >= 0; i--)
            term_cursor_seek(&walk->cursors[walk->cursor_count++], index, &at->segments[i],
                             from->bytes, from->size);
    }
    term_walk_next(walk);
}

void term_walk_open_segments(TermWalk *walk, FtsIndex *index, const FtsSegment *segments, int count,
                             bool keeps_deletes)
{
    *walk = (TermWalk){.index = index, .keeps_deletes = keeps_deletes};
    walk->cursors = fts_zalloc(sizeof(TermCursor) * ((u64)count + 1));
    if (walk->cursors == NULL) {
        walk_fail(walk, SQLITE_NOMEM);
        return;
    }
    for (int i = count - 1; i >= 0; i--)
        term_cursor_seek(&walk->cursors[walk->cursor_count++], index, &segments[i], NULL, 0);
    term_walk_next(walk);
}
