// Reading segments: rows of %_segdir, nodes, terms in order. See fts3_segment.h.
#include "fts/fts3/fts3_segment.h"

#include <stdlib.h>

// --- rows of the shadow tables ---

int fts3_block_read(Fts3Table *table, i64 block, FtsBuffer *out)
{
    ASSERT(block >= 0);

    sqlite3_stmt *stmt;
    TRY(fts3_stmt(table, FTS3_BLOCK_READ, &stmt));
    sqlite3_bind_int64(stmt, 1, block);
    int rc = FTS_CORRUPT;
    fts_buffer_clear(out);
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) == SQLITE_BLOB) {
        const void *bytes = sqlite3_column_blob(stmt, 0);
        fts_buffer_append(out, bytes, (u64)sqlite3_column_bytes(stmt, 0));
        fts_buffer_pad(out);
        rc = out->rc;
    }
    int reset_rc = sqlite3_reset(stmt);
    return reset_rc != SQLITE_OK ? reset_rc : rc;
}

int fts3_block_write(Fts3Table *table, i64 block, const FtsBuffer *bytes)
{
    ASSERT(block > 0);

    sqlite3_stmt *stmt;
    TRY(bytes->rc);
    TRY(fts3_stmt(table, FTS3_BLOCK_WRITE, &stmt));
    sqlite3_bind_int64(stmt, 1, block);
    sqlite3_bind_blob(stmt, 2, bytes->bytes, (int)bytes->size, SQLITE_STATIC);
    int rc = fts3_step_once(stmt);
    sqlite3_bind_null(stmt, 2);
    return rc;
}

int fts3_block_next(Fts3Table *table, i64 *out)
{
    ASSERT(out != NULL);

    sqlite3_stmt *stmt;
    TRY(fts3_stmt(table, FTS3_BLOCK_NEXT, &stmt));
    if (sqlite3_step(stmt) == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    return sqlite3_reset(stmt);
}

// Blocks, levels and sizes beyond this nobody has written; sums of them are numbers still.
#define NUMBER_MAX ((i64)1 << 56)

// end_block may be a text of two numbers: the block, and how many bytes the leaves have.
static void read_end(sqlite3_stmt *stmt, int column, Fts3Segment *segment)
{
    segment->end = sqlite3_column_int64(stmt, column);
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    const char *space = text == NULL ? NULL : strchr(text, ' ');
    if (space != NULL)
        segment->leaf_bytes = strtoll(space + 1, NULL, 10);
    if (segment->leaf_bytes > NUMBER_MAX || segment->leaf_bytes < -NUMBER_MAX)
        segment->leaf_bytes = 0; // as if it were not known
}

static int read_segment(sqlite3_stmt *stmt, Fts3Segment *segment)
{
    *segment = (Fts3Segment){.level = sqlite3_column_int64(stmt, 0),
                             .index = sqlite3_column_int64(stmt, 1),
                             .start = sqlite3_column_int64(stmt, 2),
                             .leaves_end = sqlite3_column_int64(stmt, 3)};
    read_end(stmt, 4, segment);
    const void *root = sqlite3_column_blob(stmt, 5);
    fts_buffer_append(&segment->root, root, (u64)sqlite3_column_bytes(stmt, 5));
    fts_buffer_pad(&segment->root);
    if (segment->start < 0 || segment->leaves_end < segment->start || segment->end < 0
        || segment->leaves_end > NUMBER_MAX || segment->end > NUMBER_MAX)
        return FTS_CORRUPT;
    if (segment->level < 0 || segment->level > NUMBER_MAX || segment->index < 0
        || segment->index > NUMBER_MAX)
        return FTS_CORRUPT;
    return segment->root.rc;
}

int fts3_segments_load(Fts3Table *table, i64 first_level, i64 last_level, Fts3Segments *out)
{
    ASSERT(first_level <= last_level);

    sqlite3_stmt *stmt;
    *out = (Fts3Segments){0};
    TRY(fts3_stmt(table, FTS3_SEGMENT_LIST, &stmt));
    sqlite3_bind_int64(stmt, 1, first_level);
    sqlite3_bind_int64(stmt, 2, last_level);
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        Fts3Segment *grown = sqlite3_realloc64(out->items, sizeof *grown * ((u64)out->count + 1));
        if (grown == NULL) {
            rc = SQLITE_NOMEM;
            break;
        }
        out->items = grown;
        rc = read_segment(stmt, &grown[out->count++]);
    }
    int reset_rc = sqlite3_reset(stmt);
    rc = rc != SQLITE_OK ? rc : reset_rc;
    if (rc != SQLITE_OK)
        fts3_segments_free(out);
    return rc;
}

void fts3_segments_free(Fts3Segments *segments)
{
    ASSERT(segments->count == 0 || segments->items != NULL);

    for (int i = 0; i < segments->count; i++)
        fts_buffer_deinit(&segments->items[i].root);
    sqlite3_free(segments->items);
    *segments = (Fts3Segments){0};
}

int fts3_segment_delete(Fts3Table *table, const Fts3Segment *segment)
{
    ASSERT(segment->start <= segment->leaves_end);

    sqlite3_stmt *stmt;
    if (segment->start > 0) {
        TRY(fts3_stmt(table, FTS3_BLOCKS_DELETE, &stmt));
        sqlite3_bind_int64(stmt, 1, segment->start);
        sqlite3_bind_int64(stmt, 2, segment->end);
        TRY(fts3_step_once(stmt));
    }
    TRY(fts3_stmt(table, FTS3_SEGMENT_DELETE, &stmt));
    sqlite3_bind_int64(stmt, 1, segment->level);
    sqlite3_bind_int64(stmt, 2, segment->index);
    return fts3_step_once(stmt);
}

int fts3_segment_insert(Fts3Table *table, const Fts3Segment *segment)
{
    ASSERT(segment->level >= 0 && segment->index >= 0);

    sqlite3_stmt *stmt;
    TRY(segment->root.rc);
    TRY(fts3_stmt(table, FTS3_SEGMENT_WRITE, &stmt));
    sqlite3_bind_int64(stmt, 1, segment->level);
    sqlite3_bind_int64(stmt, 2, segment->index);
    sqlite3_bind_int64(stmt, 3, segment->start);
    sqlite3_bind_int64(stmt, 4, segment->leaves_end);
    FtsBuffer end = {0};
    fts3_buffer_append_decimal(&end, segment->end);
    fts_buffer_append_byte(&end, ' ');
    fts3_buffer_append_decimal(&end, segment->leaf_bytes);
    if (segment->leaf_bytes == 0)
        sqlite3_bind_int64(stmt, 5, segment->end);
    else
        sqlite3_bind_text(stmt, 5, (const char *)end.bytes, (int)end.size, SQLITE_STATIC);
    sqlite3_bind_blob(stmt, 6, segment->root.bytes, (int)segment->root.size, SQLITE_STATIC);
    int rc = end.rc == SQLITE_OK ? fts3_step_once(stmt) : end.rc;
    sqlite3_bind_null(stmt, 5);
    sqlite3_bind_null(stmt, 6);
    fts_buffer_deinit(&end);
    return rc;
}

// --- entries ---

int fts3_entry_read(const FtsBuffer *node, u32 *at, bool is_first, bool is_leaf, Fts3Entry *out)
{
    ASSERT(*at <= node->size);

    *out = (Fts3Entry){0};
    u32 next = *at;
    if (!is_first)
        next += (u32)fts3_varint_get_u32(node->bytes + next, &out->shared);
    if (next >= node->size)
        return FTS_CORRUPT;
    next += (u32)fts3_varint_get_u32(node->bytes + next, &out->rest_size);
    if (next > node->size || out->rest_size == 0 || out->rest_size > node->size - next)
        return FTS_CORRUPT;
    out->rest = node->bytes + next;
    next += out->rest_size;
    if (is_leaf) {
        if (next >= node->size)
            return FTS_CORRUPT;
        next += (u32)fts3_varint_get_u32(node->bytes + next, &out->doclist_size);
        if (next > node->size || out->doclist_size > node->size - next)
            return FTS_CORRUPT;
        out->doclist = node->bytes + next;
        next += out->doclist_size;
    }
    *at = next;
    return SQLITE_OK;
}

int fts3_entry_term(const Fts3Entry *entry, FtsBuffer *term)
{
    ASSERT(entry->rest_size > 0);

    if (entry->shared > term->size)
        return FTS_CORRUPT;
    term->size = entry->shared;
    fts_buffer_append(term, entry->rest, entry->rest_size);
    return term->rc;
}

int fts3_node_child(const FtsBuffer *node, const u8 *term, u32 size, i64 *child, u32 *height)
{
    ASSERT(term != NULL || size == 0);

    u64 left;
    u32 at = (u32)fts3_varint_get_u32(node->bytes, height);
    at += (u32)fts3_varint_get(node->bytes + at, &left);
    if (*height == 0 || at > node->size || (i64)left < 0)
        return FTS_CORRUPT;
    FtsBuffer key = {0};
    int rc = SQLITE_OK;
    bool is_first = true;
    while (rc == SQLITE_OK && at < node->size) {
        Fts3Entry entry;
        rc = fts3_entry_read(node, &at, is_first, false, &entry);
        if (rc == SQLITE_OK)
            rc = fts3_entry_term(&entry, &key);
        if (rc != SQLITE_OK || fts_bytes_compare(term, size, key.bytes, key.size) < 0)
            break;
        left++;
        is_first = false;
    }
    fts_buffer_deinit(&key);
    *child = (i64)left;
    return rc;
}

// --- one reader ---

int fts3_reader_open(Fts3Reader *reader, Fts3Table *table, const Fts3Segment *segment)
{
    ASSERT(segment != NULL);

    *reader = (Fts3Reader){.table = table, .segment = segment, .block = segment->start - 1};
    if (segment->start == 0) {
        fts_buffer_set(&reader->node, segment->root.bytes, segment->root.size);
        fts_buffer_pad(&reader->node);
        reader->block = 0;
    }
    return reader->node.rc;
}

int fts3_reader_open_pending(Fts3Reader *reader, Fts3Table *table, const Fts3Pending *pending)
{
    ASSERT(pending != NULL);

    *reader = (Fts3Reader){.table = table};
    return fts3_pending_sorted(pending, NULL, 0, &reader->pending, &reader->pending_count);
}

void fts3_reader_close(Fts3Reader *reader)
{
    ASSERT(reader->segment == NULL || reader->pending == NULL);
    fts_buffer_deinit(&reader->node);
    fts_buffer_deinit(&reader->term);
    fts_buffer_deinit(&reader->pending_doclist);
    sqlite3_free(reader->pending);
    *reader = (Fts3Reader){0};
}

static int next_pending(Fts3Reader *reader)
{
    if (reader->pending_next >= reader->pending_count) {
        reader->is_eof = true;
        return SQLITE_OK;
    }
    const Fts3PendingTerm *term = reader->pending[reader->pending_next++];
    fts_buffer_set(&reader->term, term->text, term->size);
    FtsBuffer *doclist = &reader->pending_doclist;
    FtsBuffer closed = {0};
    fts_buffer_clear(doclist);
    fts_buffer_append(&closed, term->doclist.bytes, term->doclist.size);
    fts_buffer_append_byte(&closed, 0);
    fts_buffer_pad(&closed);
    int rc = closed.rc;
    if (rc == SQLITE_OK && reader->table->is_descending)
        rc = fts3_doclist_reverse(closed.bytes, closed.size, doclist);
    else
        fts_buffer_append(doclist, closed.bytes, closed.size);
    fts_buffer_pad(doclist);
    fts_buffer_deinit(&closed);
    reader->doclist = doclist->bytes;
    reader->doclist_size = doclist->size;
    TRY(rc);
    return doclist->rc != SQLITE_OK ? doclist->rc : reader->term.rc;
}

// Makes the leaf behind the current one current; at the end of the segment sets is_eof.
static int next_leaf(Fts3Reader *reader)
{
    const Fts3Segment *segment = reader->segment;
    if (segment->start == 0 || reader->block >= segment->leaves_end) {
        reader->is_eof = true;
        return SQLITE_OK;
    }
    reader->at = 0;
    return fts3_block_read(reader->table, ++reader->block, &reader->node);
}

int fts3_reader_next(Fts3Reader *reader)
{
    ASSERT(!reader->is_eof);

    if (reader->segment == NULL)
        return next_pending(reader);
    bool has_leaf = reader->segment->start == 0 || reader->block >= reader->segment->start;
    if (!has_leaf || reader->at >= reader->node.size)
        TRY(next_leaf(reader));
    if (reader->is_eof)
        return SQLITE_OK;
    bool is_first = reader->at == 0;
    if (is_first) {
        if (reader->node.size == 0 || reader->node.bytes[0] != 0)
            return FTS_CORRUPT;
        reader->at = 1;
        reader->term.size = 0;
    }
    Fts3Entry entry;
    TRY(fts3_entry_read(&reader->node, &reader->at, is_first, true, &entry));
    TRY(fts3_entry_term(&entry, &reader->term));
    reader->doclist = entry.doclist;
    reader->doclist_size = entry.doclist_size;
    return SQLITE_OK;
}

// Makes the leaf current that would have the term.
static int seek_leaf(Fts3Reader *reader, const u8 *term, u32 size)
{
    const Fts3Segment *segment = reader->segment;
    i64 child;
    u32 height;
    TRY(fts3_node_child(&segment->root, term, size, &child, &height));
    FtsBuffer node = {0};
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && height > 1) {
        u32 above = height;
        rc = fts3_block_read(reader->table, child, &node);
        if (rc == SQLITE_OK)
            rc = fts3_node_child(&node, term, size, &child, &height);
        if (rc == SQLITE_OK && height != above - 1)
            rc = FTS_CORRUPT;
    }
    fts_buffer_deinit(&node);
    TRY(rc);
    if (child < segment->start || child > segment->leaves_end)
        return FTS_CORRUPT;
    reader->block = child - 1;
    return next_leaf(reader);
}

int fts3_reader_seek(Fts3Reader *reader, const u8 *term, u32 size)
{
    ASSERT(!reader->is_eof);

    if (reader->segment != NULL && reader->segment->start > 0)
        TRY(seek_leaf(reader, term, size));
    do {
        TRY(fts3_reader_next(reader));
    } while (!reader->is_eof
             && fts_bytes_compare(reader->term.bytes, reader->term.size, term, size) < 0);
    return SQLITE_OK;
}
