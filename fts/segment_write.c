// Writing one segment. See segment_write.h.
#include "fts/segment_write.h"

static void note(SegmentWriter *w, int rc)
{
    if (w->rc == SQLITE_OK)
        w->rc = rc;
}

static void page_begin(SegmentWriter *w)
{
    static const u8 header[PAGE_HEADER_SIZE] = {0};
    w->pgno++;
    fts_buffer_set(&w->body, header, sizeof header);
    w->footer.size = 0;
    w->footer_last = 0;
    w->page_has_term = false;
    w->page_has_rowid = false;
}

void segment_writer_init(SegmentWriter *w, FtsIndex *index, u32 segid)
{
    *w = (SegmentWriter){.index = index, .segid = segid, .pgsz = (u32)index->config->pgsz};
    page_begin(w);
}

void segment_writer_resume(SegmentWriter *w, FtsIndex *index, const FtsSegment *segment)
{
    *w = (SegmentWriter){.index = index,
                         .segid = segment->segid,
                         .pgsz = (u32)index->config->pgsz,
                         .pgno = segment->last_pgno,
                         .is_resumed = segment->last_pgno > 0};
    page_begin(w);
}

void segment_writer_deinit(SegmentWriter *w)
{
    fts_buffer_deinit(&w->body);
    fts_buffer_deinit(&w->footer);
    fts_buffer_deinit(&w->last_term);
    fts_buffer_deinit(&w->idx_key);
    for (int i = 0; i < DLIDX_LEVEL_MAX; i++)
        fts_buffer_deinit(&w->levels[i].bytes);
}

// --- the doclist index ---

static void dlidx_clear(SegmentWriter *w)
{
    for (int i = 0; i < DLIDX_LEVEL_MAX; i++)
        fts_buffer_clear(&w->levels[i].bytes);
}

static void dlidx_write(SegmentWriter *w, u32 height)
{
    ASSERT(height < DLIDX_LEVEL_MAX);

    DlidxLevel *level = &w->levels[height];
    note(w, level->bytes.rc);
    if (w->rc == SQLITE_OK)
        note(w, fts_index_write(w->index, fts_dlidx_id(w->segid, height, level->pgno),
                                level->bytes.bytes, level->bytes.size));
}

static void dlidx_begin(DlidxLevel *level, u8 flags, u32 child, i64 rowid)
{
    fts_buffer_clear(&level->bytes);
    fts_buffer_append_byte(&level->bytes, flags);
    fts_buffer_append_varint(&level->bytes, child);
    fts_buffer_append_varint(&level->bytes, (u64)rowid);
    level->previous = rowid;
}

static i64 dlidx_first_rowid(const DlidxLevel *level)
{
    ASSERT(level->bytes.size > 1);

    u64 value = 0;
    u32 at = 1;
    at += (u32)fts_varint_get(level->bytes.bytes + at, &value);
    fts_varint_get(level->bytes.bytes + at, &value);
    return (i64)value;
}

// A page that starts `rowid` came to be. Full index pages go out and get an entry one level up.
static void dlidx_append(SegmentWriter *w, i64 rowid)
{
    u32 child = w->pgno;
    for (u32 height = 0; height + 1 < DLIDX_LEVEL_MAX && w->rc == SQLITE_OK; height++) {
        DlidxLevel *level = &w->levels[height];
        if (level->bytes.size == 0) {
            level->pgno = w->idx_pgno;
            dlidx_begin(level, 0, child, rowid);
            return;
        }
        if (level->bytes.size < w->pgsz) {
            fts_buffer_append_varint(&level->bytes, (u64)rowid - (u64)level->previous);
            level->previous = rowid;
            return;
        }
        level->bytes.bytes[0] = 1;
        dlidx_write(w, height);
        DlidxLevel *parent = &w->levels[height + 1];
        if (parent->bytes.size == 0) {
            dlidx_begin(parent, 0, level->pgno, dlidx_first_rowid(level));
            parent->pgno = w->idx_pgno;
        }
        level->pgno++;
        dlidx_begin(level, 1, child, rowid);
        child = level->pgno;
    }
}

// --- going on with a doclist ---

// The last page at this height of the doclist index that begins at w->idx_pgno; none: it is empty.
static int dlidx_restore(SegmentWriter *w, u32 height, u32 last_pgno)
{
    DlidxLevel *level = &w->levels[height];
    sqlite3_stmt *stmt;
    ASSERT(height < DLIDX_LEVEL_MAX);

    TRY(fts_index_stmt(w->index, STMT_READ_LAST, &stmt));
    sqlite3_bind_int64(stmt, 1, fts_dlidx_id(w->segid, height, w->idx_pgno));
    sqlite3_bind_int64(stmt, 2, fts_dlidx_id(w->segid, height, last_pgno));
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        level->pgno = (u32)(sqlite3_column_int64(stmt, 0) & 0x7FFFFFFF);
        const void *block = sqlite3_column_blob(stmt, 1);
        fts_buffer_set(&level->bytes, block, (u64)sqlite3_column_bytes(stmt, 1));
    }
    TRY(sqlite3_reset(stmt));
    if (level->bytes.rc != SQLITE_OK || level->bytes.size == 0)
        return level->bytes.rc;
    fts_buffer_pad(&level->bytes);
    u64 value = 0;
    u32 at = 1 + (u32)fts_varint_get(level->bytes.bytes + 1, &value);
    for (level->previous = 0; at < level->bytes.size;) {
        at += (u32)fts_varint_get(level->bytes.bytes + at, &value); // 0 where no row starts
        level->previous = (i64)((u64)level->previous + value);
    }
    return at == level->bytes.size ? level->bytes.rc : FTS_CORRUPT;
}

// Too few pages had an index in the file: it is made from them.
static int dlidx_rebuild(SegmentWriter *w, u32 last_pgno)
{
    for (u32 pgno = w->idx_pgno + 1; pgno <= last_pgno; pgno++) {
        FtsPage *page;
        u64 rowid = 0;
        TRY(fts_index_read_leaf(w->index, fts_leaf_id(w->segid, pgno), &page));
        bool has_rowid = page->first_rowid != 0;
        if (has_rowid)
            fts_varint_get(page->bytes + page->first_rowid, &rowid);
        fts_page_unref(page);
        w->pgno = pgno;
        if (has_rowid)
            dlidx_append(w, (i64)rowid);
        else if (w->levels[0].bytes.size > 0)
            fts_buffer_append_byte(&w->levels[0].bytes, 0);
    }
    return w->rc;
}

void segment_writer_reopen(SegmentWriter *w, FtsIndex *index, const SegmentEnd *end)
{
    const u32 last_pgno = end->segment.last_pgno;
    ASSERT(end->term_pgno > 0 && end->term_pgno <= last_pgno);

    *w = (SegmentWriter){.index = index,
                         .segid = end->segment.segid,
                         .pgsz = (u32)index->config->pgsz,
                         .idx_pgno = end->term_pgno,
                         .empty_count = last_pgno - end->term_pgno,
                         .is_reopened = true};
    fts_buffer_set(&w->last_term, end->term.bytes, end->term.size);
    fts_buffer_set(&w->idx_key, end->idx_key.bytes, end->idx_key.size);
    note(w, w->last_term.rc);
    for (u32 height = 0; end->has_dlidx && height < DLIDX_LEVEL_MAX && w->rc == SQLITE_OK; height++)
        note(w, dlidx_restore(w, height, last_pgno));
    if (!end->has_dlidx)
        note(w, dlidx_rebuild(w, last_pgno));
    w->pgno = last_pgno;
    page_begin(w);
}

// --- %_idx ---

static void idx_write(SegmentWriter *w, bool has_dlidx)
{
    ASSERT(w->idx_pgno > 0);

    sqlite3_stmt *stmt = NULL;
    note(w, w->idx_key.rc);
    if (w->rc == SQLITE_OK)
        note(w, fts_index_stmt(w->index, STMT_IDX_INSERT, &stmt));
    if (w->rc != SQLITE_OK)
        return;
    sqlite3_bind_int64(stmt, 1, w->segid);
    sqlite3_bind_blob(stmt, 2, w->idx_key.size == 0 ? (const void *)"" : w->idx_key.bytes,
                      (int)w->idx_key.size, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, ((i64)w->idx_pgno << 1) | has_dlidx);
    sqlite3_step(stmt);
    note(w, sqlite3_reset(stmt));
    sqlite3_bind_null(stmt, 2);
}

// The row of the last page that starts with a term: how many pages its doclist fills is now known.
// One row may fill them all: where no page starts a row there is nothing to index.
static void idx_end(SegmentWriter *w)
{
    if (w->idx_pgno == 0)
        return;
    bool has_dlidx = w->empty_count >= DLIDX_PAGES_MIN && w->levels[0].bytes.size > 0;
    for (u32 height = 0; has_dlidx && height < DLIDX_LEVEL_MAX; height++) {
        if (w->levels[height].bytes.size > 0)
            dlidx_write(w, height);
    }
    idx_write(w, has_dlidx);
    dlidx_clear(w);
    w->idx_pgno = 0;
    w->empty_count = 0;
}

// --- pages ---

static void page_end(SegmentWriter *w)
{
    fts_buffer_reserve(&w->body, w->footer.size);
    note(w, w->body.rc);
    note(w, w->footer.rc);
    if (w->rc != SQLITE_OK)
        return;
    fts_u16_put(w->body.bytes + 2, w->body.size);
    if (w->page_has_term) {
        fts_buffer_append(&w->body, w->footer.bytes, w->footer.size);
    } else {
        if (!w->page_has_rowid && w->levels[0].bytes.size > 0)
            fts_buffer_append_byte(&w->levels[0].bytes, 0);
        w->empty_count++;
    }
    note(w, fts_index_write(w->index, fts_leaf_id(w->segid, w->pgno), w->body.bytes, w->body.size));
    w->leaf_count++;
    page_begin(w);
}

static u32 shared_prefix(const FtsBuffer *a, const u8 *b, u32 b_size)
{
    u32 size = 0;
    while (size < a->size && size < b_size && a->bytes[size] == b[size])
        size++;
    return size;
}

void segment_writer_term(SegmentWriter *w, const void *bytes, u32 size)
{
    const u8 *term = bytes;
    if (w->rc != SQLITE_OK)
        return;
    if (w->body.size + w->footer.size + size + 2 >= w->pgsz && w->body.size > PAGE_HEADER_SIZE)
        page_end(w);
    fts_buffer_append_varint(&w->footer, w->body.size - w->footer_last);
    w->footer_last = w->body.size;
    u32 shared = shared_prefix(&w->last_term, term, size);
    if (!w->page_has_term) {
        idx_end(w);
        u32 key_size = w->pgno == 1 ? 0 : w->is_resumed ? size : shared + 1;
        fts_buffer_set(&w->idx_key, term, key_size < size ? key_size : size);
        w->idx_pgno = w->pgno;
        fts_buffer_append_varint(&w->body, size);
        fts_buffer_append(&w->body, term, size);
    } else {
        fts_buffer_append_varint(&w->body, shared);
        fts_buffer_append_varint(&w->body, size - shared);
        fts_buffer_append(&w->body, term + shared, size - shared);
    }
    fts_buffer_set(&w->last_term, term, size);
    note(w, w->last_term.rc);
    w->is_resumed = w->is_reopened = false;
    // Only the last term of a page may have a doclist index.
    dlidx_clear(w);
    w->page_has_term = true;
    w->page_has_rowid = true;
    w->is_first_rowid = true;
}

static void write_rowid(SegmentWriter *w, i64 rowid)
{
    if (w->body.size + w->footer.size >= w->pgsz)
        page_end(w);
    if (w->rc != SQLITE_OK)
        return;
    bool is_continued = !w->page_has_rowid;
    if (is_continued) {
        fts_u16_put(w->body.bytes, w->body.size);
        dlidx_append(w, rowid);
    }
    bool is_absolute = w->is_first_rowid || is_continued;
    fts_buffer_append_varint(&w->body,
                             is_absolute ? (u64)rowid : (u64)rowid - (u64)w->previous_rowid);
    w->previous_rowid = rowid;
    w->is_first_rowid = false;
    w->page_has_rowid = true;
}

// Cuts between varints only.
static void write_poslist(SegmentWriter *w, const u8 *poslist, u32 size)
{
    u32 at = 0;
    while (w->rc == SQLITE_OK && w->body.size + w->footer.size + (size - at) >= w->pgsz) {
        i64 room = (i64)w->pgsz - w->body.size - w->footer.size;
        u32 part = 0;
        while ((i64)part < room && at + part < size) {
            u64 value;
            part += (u32)fts_varint_get(poslist + at + part, &value);
        }
        part = part < size - at ? part : size - at; // a broken varint ends with the list
        fts_buffer_append(&w->body, poslist + at, part);
        at += part;
        page_end(w);
    }
    fts_buffer_append(&w->body, poslist + at, size - at);
}

void segment_writer_record(SegmentWriter *w, const SegmentRecord *record)
{
    if (w->rc != SQLITE_OK)
        return;
    write_rowid(w, record->rowid);
    if (w->index->config->detail == DETAIL_NONE) {
        if (record->has_delete)
            fts_buffer_append(&w->body, "\0", record->has_content ? 2 : 1);
        return;
    }
    fts_buffer_append_varint(&w->body, (u64)record->poslist_size * 2 + record->has_delete);
    write_poslist(w, record->poslist, record->poslist_size);
}

u32 segment_writer_room(const SegmentWriter *w)
{
    u32 used = w->body.size + w->footer.size + 1; // a full page would have its last poslist cut
    if (w->rc != SQLITE_OK || !w->page_has_rowid || used >= w->pgsz)
        return 0;
    return w->pgsz - used;
}

void segment_writer_copy(SegmentWriter *w, const u8 *records, u32 size, i64 last_rowid)
{
    ASSERT(size <= segment_writer_room(w));

    fts_buffer_append(&w->body, records, size);
    w->previous_rowid = last_rowid;
    w->is_first_rowid = false;
}

// The record of the doclist at `at`, whose rowid counts from the one before; where the next is.
static u32 read_record(const FtsBuffer *doclist, u32 at, FtsDetail detail, SegmentRecord *record)
{
    u64 value;
    at += (u32)fts_varint_get(doclist->bytes + at, &value);
    record->rowid = (i64)((u64)record->rowid + value);
    record->poslist_size = 0;
    if (detail == DETAIL_NONE) {
        record->has_delete = at < doclist->size && doclist->bytes[at] == 0;
        at += record->has_delete;
        record->has_content =
            !record->has_delete || (at < doclist->size && doclist->bytes[at] == 0);
        return at + (record->has_delete && record->has_content);
    }
    at += (u32)fts_varint_get(doclist->bytes + at, &value);
    record->has_delete = (value & 1) != 0;
    record->has_content = value != 1;
    record->poslist = doclist->bytes + at;
    record->poslist_size = (u32)(value >> 1);
    return at + record->poslist_size;
}

void segment_writer_doclist(SegmentWriter *w, const FtsBuffer *doclist)
{
    ASSERT(w->is_first_rowid);

    const FtsDetail detail = w->index->config->detail;
    SegmentRecord record = {0};
    u32 at = 0;
    note(w, doclist->rc);
    while (at < doclist->size && w->rc == SQLITE_OK) {
        // What fits on the page stays as it is; the record behind it may be cut, or begins a page.
        const u32 room = segment_writer_room(w);
        if (doclist->size - at <= room) {
            segment_writer_copy(w, doclist->bytes + at, doclist->size - at, record.rowid);
            return;
        }
        SegmentRecord next = record;
        const u32 begin = at;
        u32 end = read_record(doclist, at, detail, &next);
        for (; end - begin <= room; end = read_record(doclist, at, detail, &next)) {
            record = next;
            at = end;
        }
        if (at > begin)
            segment_writer_copy(w, doclist->bytes + begin, at - begin, record.rowid);
        segment_writer_record(w, &next);
        record = next;
        at = end;
    }
}

int segment_writer_finish(SegmentWriter *w, u32 *last_pgno)
{
    // A page whose first bytes found no memory stays empty: it must not pass for one without rows.
    note(w, w->body.rc);
    note(w, w->footer.rc);
    if (w->body.size > PAGE_HEADER_SIZE)
        page_end(w);
    idx_end(w);
    *last_pgno = w->pgno - 1;
    return w->rc;
}
