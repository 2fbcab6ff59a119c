// Where a segment ends. See segment_read.h.
#include "fts/segment_read.h"

void segment_end_deinit(SegmentEnd *end)
{
    fts_buffer_deinit(&end->term);
    fts_buffer_deinit(&end->idx_key);
    *end = (SegmentEnd){0};
}

// The last page on which a term starts; term_pgno 0: there is no row of one.
static int find_last_page(SegmentEnd *end, FtsIndex *index)
{
    sqlite3_stmt *stmt;
    TRY(fts_index_stmt(index, STMT_IDX_LAST, &stmt));
    sqlite3_bind_int64(stmt, 1, end->segment.segid);
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        u32 entry = (u32)sqlite3_column_int64(stmt, 1);
        end->term_pgno = entry >> 1;
        end->has_dlidx = (entry & 1) != 0;
        const void *key = sqlite3_column_blob(stmt, 0);
        fts_buffer_set(&end->idx_key, key, (u64)sqlite3_column_bytes(stmt, 0));
    }
    TRY(sqlite3_reset(stmt));
    return end->idx_key.rc;
}

// The last row of the term; deleted rows count.
static int find_last_row(SegmentEnd *end, const TermCursor *cursor)
{
    Postings p;
    term_cursor_postings(cursor, &p);
    postings_next(&p);
    postings_seek(&p, INT64_MAX);
    end->rowid = p.is_end ? p.base : p.rowid;
    int rc = p.rc;
    postings_deinit(&p);
    return rc;
}

int segment_end_find(SegmentEnd *end, FtsIndex *index, const FtsSegment *segment, bool *is_found)
{
    *end = (SegmentEnd){.segment = *segment};
    *is_found = false;
    if (segment->last_pgno == 0)
        return SQLITE_OK;
    TRY(find_last_page(end, index));
    if (end->term_pgno < segment->first_pgno || end->term_pgno > segment->last_pgno)
        return SQLITE_OK;
    TermCursor cursor;
    term_cursor_seek(&cursor, index, segment, end->idx_key.bytes, end->idx_key.size);
    while (!cursor.is_end && cursor.footer_at < cursor.page->size)
        term_cursor_next(&cursor);
    int rc = cursor.rc;
    if (rc == SQLITE_OK && !cursor.is_end && cursor.pgno == end->term_pgno) {
        cursor.has_dlidx = end->has_dlidx;
        fts_buffer_set(&end->term, cursor.term.bytes, cursor.term.size);
        rc = end->term.rc;
        if (rc == SQLITE_OK)
            rc = find_last_row(end, &cursor);
        *is_found = rc == SQLITE_OK;
    }
    term_cursor_deinit(&cursor);
    return rc;
}

int segment_end_is_before(const SegmentEnd *end, FtsIndex *index, const FtsSegment *segment,
                          bool *is_before)
{
    ASSERT(end->term.size > 0);

    TermCursor cursor;
    term_cursor_seek(&cursor, index, segment, NULL, 0);
    int rc = cursor.rc;
    int order = 1;
    if (rc == SQLITE_OK && !cursor.is_end)
        order =
            fts_bytes_compare(cursor.term.bytes, cursor.term.size, end->term.bytes, end->term.size);
    *is_before = order > 0;
    if (rc == SQLITE_OK && order == 0) {
        Postings p;
        term_cursor_postings(&cursor, &p);
        postings_next(&p);
        *is_before = p.is_end || p.rowid > end->rowid;
        rc = p.rc;
        postings_deinit(&p);
    }
    term_cursor_deinit(&cursor);
    return rc;
}
