// Several segments, and what is pending, read as one. See fts3_segment.h.
#include "fts/fts3/fts3_segment.h"

static int open_readers(Fts3Scan *scan, const Fts3Pending *pending)
{
    int count = scan->segments.count + (pending != NULL);
    scan->readers = fts_zalloc(sizeof *scan->readers * ((u64)count + 1));
    scan->current = fts_zalloc(sizeof *scan->current * ((u64)count + 1));
    if (scan->readers == NULL || scan->current == NULL)
        return SQLITE_NOMEM;
    if (pending != NULL)
        TRY(fts3_reader_open_pending(&scan->readers[scan->reader_count++], scan->table, pending));
    for (int i = 0; i < scan->segments.count; i++)
        TRY(fts3_reader_open(&scan->readers[scan->reader_count++], scan->table,
                             &scan->segments.items[i]));
    ASSERT(scan->reader_count == count);
    return SQLITE_OK;
}

int fts3_scan_open(Fts3Scan *scan, Fts3Table *table, const Fts3Range *range)
{
    ASSERT(range->index < table->index_count);

    *scan = (Fts3Scan){.table = table};
    const Fts3Pending *pending = &table->indexes[range->index].pending;
    if (range->level >= 0 || range->language != table->language || pending->term_count == 0)
        pending = NULL;
    i64 base = fts3_level_base(table, range->language, range->index);
    i64 first = range->level >= 0 ? base + range->level : base;
    i64 last = range->level >= 0 ? first : base + FTS3_LEVELS - 1;
    if (range->level != FTS3_SCAN_PENDING)
        TRY(fts3_segments_load(table, first, last, &scan->segments));
    return open_readers(scan, pending);
}

int fts3_scan_open_segments(Fts3Scan *scan, Fts3Table *table, Fts3Segments *segments)
{
    ASSERT(segments->count > 0);

    *scan = (Fts3Scan){.table = table, .segments = *segments};
    *segments = (Fts3Segments){0};
    return open_readers(scan, NULL);
}

void fts3_scan_close(Fts3Scan *scan)
{
    ASSERT(scan->reader_count == 0 || scan->readers != NULL);

    for (int i = 0; i < scan->reader_count; i++)
        fts3_reader_close(&scan->readers[i]);
    sqlite3_free(scan->readers);
    sqlite3_free(scan->current);
    fts_buffer_deinit(&scan->term);
    fts3_segments_free(&scan->segments);
    *scan = (Fts3Scan){0};
}

// Finds the least term of the readers and who has it.
static int gather(Fts3Scan *scan)
{
    scan->current_count = 0;
    for (int i = 0; i < scan->reader_count; i++) {
        Fts3Reader *reader = &scan->readers[i];
        if (reader->is_eof)
            continue;
        int order = -1;
        if (scan->current_count > 0) {
            const FtsBuffer *least = &scan->current[0]->term;
            order =
                fts_bytes_compare(reader->term.bytes, reader->term.size, least->bytes, least->size);
        }
        if (order < 0)
            scan->current_count = 0;
        if (order <= 0)
            scan->current[scan->current_count++] = reader;
    }
    scan->is_eof = scan->current_count == 0;
    if (scan->is_eof)
        return SQLITE_OK;
    fts_buffer_set(&scan->term, scan->current[0]->term.bytes, scan->current[0]->term.size);
    return scan->term.rc;
}

int fts3_scan_seek(Fts3Scan *scan, const u8 *term, u32 size)
{
    ASSERT(scan->current_count == 0);

    for (int i = 0; i < scan->reader_count; i++)
        TRY(fts3_reader_seek(&scan->readers[i], term, size));
    return gather(scan);
}

int fts3_scan_next(Fts3Scan *scan)
{
    ASSERT(!scan->is_eof);

    bool is_start = scan->current_count == 0;
    for (int i = 0; is_start && i < scan->reader_count; i++)
        TRY(fts3_reader_next(&scan->readers[i]));
    for (int i = 0; i < scan->current_count; i++)
        TRY(fts3_reader_next(scan->current[i]));
    return gather(scan);
}

int fts3_scan_doclist(Fts3Scan *scan, bool drops_deletions, FtsBuffer *scratch, const u8 **bytes,
                      u32 *size)
{
    ASSERT(scan->current_count > 0);

    if (scan->current_count == 1 && !drops_deletions) {
        *bytes = scan->current[0]->doclist;
        *size = scan->current[0]->doclist_size;
        return SQLITE_OK;
    }
    Fts3Doclist *lists = sqlite3_malloc64(sizeof *lists * (u64)scan->current_count);
    if (lists == NULL)
        return SQLITE_NOMEM;
    for (int i = 0; i < scan->current_count; i++)
        fts3_doclist_init(&lists[i], scan->current[i]->doclist, scan->current[i]->doclist_size,
                          scan->table->is_descending);
    fts_buffer_clear(scratch);
    int rc = fts3_doclist_merge(lists, scan->current_count, drops_deletions, scratch);
    sqlite3_free(lists);
    *bytes = scratch->bytes;
    *size = scratch->size;
    return rc;
}

// --- looking terms up ---

static int append_current(Fts3Scan *scan, Fts3Hits *out)
{
    u64 first = out->count;
    for (int i = 0; i < scan->current_count; i++) {
        const Fts3Reader *reader = scan->current[i];
        TRY(fts3_hits_append(out, reader->doclist, reader->doclist_size, scan->table->is_descending,
                             (u32)i));
    }
    fts3_hits_settle(out, first);
    return SQLITE_OK;
}

static int lookup_in(Fts3Scan *scan, const Fts3Lookup *lookup, bool is_prefix, Fts3Hits *out)
{
    int term_count = 0;
    TRY(fts3_scan_seek(scan, lookup->term, lookup->size));
    while (!scan->is_eof) {
        bool is_match = scan->term.size >= lookup->size
                        && memcmp(scan->term.bytes, lookup->term, lookup->size) == 0
                        && (is_prefix || scan->term.size == lookup->size);
        if (!is_match)
            break;
        TRY(append_current(scan, out));
        term_count++;
        if (!is_prefix)
            break;
        TRY(fts3_scan_next(scan));
    }
    return term_count > 1 ? fts3_hits_unite(out) : SQLITE_OK;
}

int fts3_lookup(Fts3Table *table, const Fts3Lookup *lookup, Fts3Hits *out)
{
    ASSERT(out->count == 0);

    Fts3Range range = {lookup->language, 0, FTS3_SCAN_ALL_LEVELS};
    bool is_prefix = lookup->is_prefix;
    for (int i = 1; lookup->is_prefix && i < table->index_count; i++) {
        if (table->indexes[i].prefix_size == lookup->size) {
            range.index = i;
            is_prefix = false; // there it is a whole term
        }
    }
    Fts3Scan scan;
    int rc = fts3_scan_open(&scan, table, &range);
    if (rc == SQLITE_OK)
        rc = lookup_in(&scan, lookup, is_prefix, out);
    fts3_scan_close(&scan);
    return rc;
}
