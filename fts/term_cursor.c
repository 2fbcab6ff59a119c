// Walking the terms of a segment. See segment_read.h.
#include "fts/segment_read.h"

static void fail(TermCursor *c, int rc)
{
    c->rc = rc;
    c->is_end = true;
}

void term_cursor_deinit(TermCursor *c)
{
    fts_page_unref(c->page);
    fts_buffer_deinit(&c->term);
    *c = (TermCursor){0};
}

static bool load_page(TermCursor *c, u32 pgno)
{
    fts_page_unref(c->page);
    c->page = NULL;
    int rc = fts_index_read_leaf(c->index, fts_leaf_id(c->segment.segid, pgno), &c->page);
    if (rc != SQLITE_OK) {
        fail(c, rc);
        return false;
    }
    c->pgno = pgno;
    c->footer_at = c->page->leaf_size;
    c->term_at = 0;
    return true;
}

// Reads the term at term_at; the footer already points behind its entry.
static void read_term(TermCursor *c)
{
    const FtsPage *page = c->page;
    bool is_first = c->doclist_at == 0;
    u32 shared = 0;
    u32 size;
    u32 at = c->term_at;
    if (!is_first)
        at += (u32)fts_varint_get_u32(page->bytes + at, &shared);
    at += (u32)fts_varint_get_u32(page->bytes + at, &size);
    bool has_room = at <= page->leaf_size && size <= page->leaf_size - at;
    if (!has_room || shared > c->term.size || size == 0) {
        fail(c, FTS_CORRUPT);
        return;
    }
    c->term.size = shared;
    fts_buffer_append(&c->term, page->bytes + at, size);
    c->doclist_at = at + size;
    c->doclist_end = page->leaf_size;
    c->doclist_ends_here = c->pgno >= c->segment.last_pgno;
    if (c->footer_at < page->size) {
        u32 delta;
        fts_varint_get_u32(page->bytes + c->footer_at, &delta);
        c->doclist_end = c->term_at + delta;
        c->doclist_ends_here = true;
    }
    if (c->term.rc != SQLITE_OK)
        fail(c, c->term.rc);
    else if (c->doclist_end > page->leaf_size || c->doclist_end < c->doclist_at)
        fail(c, FTS_CORRUPT);
}

void term_cursor_next(TermCursor *c)
{
    c->has_dlidx = false; // known only for the term that a seek finds
    while (!c->is_end && c->footer_at >= c->page->size) {
        if (c->pgno >= c->segment.last_pgno) {
            c->is_end = true;
        } else if (load_page(c, c->pgno + 1)) {
            c->doclist_at = 0;
        }
    }
    if (c->is_end)
        return;
    u32 delta;
    c->footer_at += (u32)fts_varint_get_u32(c->page->bytes + c->footer_at, &delta);
    c->term_at += delta;
    if (c->term_at < PAGE_HEADER_SIZE || c->term_at >= c->page->leaf_size || delta == 0) {
        fail(c, FTS_CORRUPT);
        return;
    }
    read_term(c);
}

static int find_page(FtsIndex *index, u32 segid, const void *term, u32 size, u32 *entry)
{
    sqlite3_stmt *stmt;
    TRY(fts_index_stmt(index, STMT_IDX_FIND, &stmt));
    sqlite3_bind_int64(stmt, 1, segid);
    sqlite3_bind_blob(stmt, 2, size == 0 ? "" : term, (int)size, SQLITE_STATIC);
    *entry = 0;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        *entry = (u32)sqlite3_column_int64(stmt, 0);
    int rc = sqlite3_reset(stmt);
    sqlite3_bind_null(stmt, 2);
    return rc;
}

void term_cursor_seek(TermCursor *c, FtsIndex *index, const FtsSegment *segment, const void *term,
                      u32 size)
{
    *c = (TermCursor){.index = index, .segment = *segment};
    u32 entry = 0;
    if (segment->first_pgno == 0) {
        c->is_end = true;
        return;
    }
    int rc = size == 0 ? SQLITE_OK : find_page(index, segment->segid, term, size, &entry);
    if (rc != SQLITE_OK) {
        fail(c, rc);
        return;
    }
    u32 pgno = entry >> 1;
    bool has_dlidx = (entry & 1) != 0;
    if (pgno < segment->first_pgno)
        pgno = segment->first_pgno;
    if (pgno > segment->last_pgno) {
        fail(c, FTS_CORRUPT);
        return;
    }
    if (!load_page(c, pgno))
        return;
    do {
        term_cursor_next(c);
    } while (!c->is_end && fts_bytes_compare(c->term.bytes, c->term.size, term, size) < 0);
    // The doclist index of a page belongs to its last term.
    if (!c->is_end && c->pgno == pgno && c->footer_at >= c->page->size)
        c->has_dlidx = has_dlidx;
}

void term_cursor_postings(const TermCursor *c, Postings *p)
{
    ASSERT(!c->is_end);

    *p = (Postings){.index = c->index,
                    .detail = c->index->config->detail,
                    .segment = c->segment,
                    .pgno = c->pgno,
                    .term_pgno = c->pgno,
                    .page = fts_page_ref(c->page),
                    .at = c->doclist_at,
                    .end = c->doclist_end,
                    .ends_here = c->doclist_ends_here,
                    .is_absolute = true,
                    .has_dlidx = c->has_dlidx};
}
