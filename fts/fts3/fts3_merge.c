// Segments are made and put together here.
//
// A flush makes a segment of level 0 in each index. Where a level has FTS3_SEGMENTS_MAX of them,
// they are merged into one of the next level first. Deletions are dropped where nothing older is
// left that they could hide.
#include "fts/fts3/fts3_segment.h"

static int read_number(sqlite3_stmt *stmt, i64 *out, bool *is_null)
{
    ASSERT(out != NULL);
    *is_null = true;
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        *is_null = sqlite3_column_type(stmt, 0) == SQLITE_NULL;
        *out = sqlite3_column_int64(stmt, 0);
    }
    return sqlite3_reset(stmt);
}

static int count_segments(Fts3Table *table, i64 level, i64 *out)
{
    ASSERT(level >= 0);
    sqlite3_stmt *stmt;
    bool is_null;
    TRY(fts3_stmt(table, FTS3_SEGMENT_COUNT, &stmt));
    sqlite3_bind_int64(stmt, 1, level);
    return read_number(stmt, out, &is_null);
}

// The highest level of an index, counted from its first; -1: it has no segments.
static int find_level_max(Fts3Table *table, const Fts3Range *range, i64 *out)
{
    sqlite3_stmt *stmt;
    bool is_null;
    i64 base = fts3_level_base(table, range->language, range->index);
    TRY(fts3_stmt(table, FTS3_LEVEL_MAX, &stmt));
    sqlite3_bind_int64(stmt, 1, base);
    sqlite3_bind_int64(stmt, 2, base + FTS3_LEVELS - 1);
    TRY(read_number(stmt, out, &is_null));
    *out = is_null ? -1 : *out - base;
    ASSERT(*out < FTS3_LEVELS);
    return SQLITE_OK;
}

// --- the merge itself ---

typedef struct Target {
    i64 level;
    i64 index;
    bool drops_deletions;
    i64 leaf_bytes; // of what was written
} Target;

static int copy_terms(Fts3Scan *scan, bool drops_deletions, Fts3Writer *writer)
{
    FtsBuffer scratch = {0};
    int rc = fts3_scan_next(scan);
    while (rc == SQLITE_OK && !scan->is_eof) {
        const u8 *doclist;
        u32 size;
        rc = fts3_scan_doclist(scan, drops_deletions, &scratch, &doclist, &size);
        if (rc == SQLITE_OK && size > 0)
            rc = fts3_writer_add(writer, &scan->term, doclist, size);
        if (rc == SQLITE_OK)
            rc = fts3_scan_next(scan);
    }
    ASSERT(rc != SQLITE_OK || scan->is_eof);
    fts_buffer_deinit(&scratch);
    return rc;
}

static int delete_inputs(Fts3Table *table, const Fts3Scan *scan)
{
    ASSERT(scan->table == table);
    for (int i = 0; i < scan->segments.count; i++)
        TRY(fts3_segment_delete(table, &scan->segments.items[i]));
    return SQLITE_OK;
}

// Everything the scan brings becomes one segment, and its inputs go.
static int merge_scan(Fts3Scan *scan, Target *target)
{
    Fts3Writer *writer;
    TRY(fts3_writer_new(scan->table, &writer));
    int rc = copy_terms(scan, target->drops_deletions, writer);
    if (rc == SQLITE_OK)
        rc = delete_inputs(scan->table, scan);
    if (rc == SQLITE_OK)
        rc = fts3_writer_finish(writer, target->level, target->index, &target->leaf_bytes);
    fts3_writer_free(writer);
    ASSERT(target->level >= 0);
    return rc;
}

// --- small segments of higher levels come down ---

static bool is_small(const Fts3Segments *segments, i64 level, i64 leaf_bytes)
{
    bool is_any = false;
    for (int i = 0; i < segments->count; i++) {
        const Fts3Segment *segment = &segments->items[i];
        if (segment->level == level)
            continue;
        if (segment->leaf_bytes <= 0 || segment->leaf_bytes > leaf_bytes * 3 / 2)
            return false;
        is_any = true;
    }
    ASSERT(level >= 0);
    return is_any;
}

static int move_segment(Fts3Table *table, i64 from_level, i64 from_index, i64 level, i64 index)
{
    ASSERT(index >= 0);
    sqlite3_stmt *stmt;
    TRY(fts3_stmt(table, FTS3_SEGMENT_MOVE, &stmt));
    sqlite3_bind_int64(stmt, 1, level);
    sqlite3_bind_int64(stmt, 2, index);
    sqlite3_bind_int64(stmt, 3, from_level);
    sqlite3_bind_int64(stmt, 4, from_index);
    return fts3_step_once(stmt);
}

// After rows were deleted, segments of higher levels may be no larger than the new one. They are
// then moved to its level, below it, so that they are merged with it in time.
int fts3_promote(Fts3Table *table, i64 level, i64 leaf_bytes)
{
    Fts3Segments segments;
    i64 last = level - level % FTS3_LEVELS + FTS3_LEVELS - 1;
    TRY(fts3_segments_load(table, level, last, &segments));
    int rc = SQLITE_OK;
    int count = segments.count;
    if (is_small(&segments, level, leaf_bytes)) {
        // Oldest first; by a level of their own, since places are still taken.
        for (int i = 0; rc == SQLITE_OK && i < count; i++)
            rc = move_segment(table, segments.items[count - 1 - i].level,
                              segments.items[count - 1 - i].index, -1, i);
        for (int i = 0; rc == SQLITE_OK && i < count; i++)
            rc = move_segment(table, -1, i, level, i);
    }
    ASSERT(count >= 0);
    fts3_segments_free(&segments);
    return rc;
}

// --- levels ---

static int merge_level(Fts3Table *table, const Fts3Range *range);

// The place of a new segment, counted from the index's first level. A full level is merged into the
// next to make room, which may go on from there.
static int find_place(Fts3Table *table, const Fts3Range *range, i64 *index)
{
    ASSERT(range->level >= 0);

    if (range->level >= FTS3_LEVELS)
        return SQLITE_FULL;
    i64 level = fts3_level_base(table, range->language, range->index) + range->level;
    TRY(count_segments(table, level, index));
    if (*index < 0)
        return FTS_CORRUPT;
    if (*index < FTS3_SEGMENTS_MAX)
        return SQLITE_OK;
    *index = 0;
    return merge_level(table, range);
}

// recursive: as deep as there are levels
static int merge_level(Fts3Table *table, const Fts3Range *range)
{
    i64 level_max;
    Fts3Range above = {range->language, range->index, range->level + 1};
    TRY(find_level_max(table, range, &level_max));
    Target target = {.level = fts3_level_base(table, range->language, range->index) + above.level,
                     .drops_deletions = above.level > level_max};
    TRY(find_place(table, &above, &target.index));
    Fts3Scan scan;
    int rc = fts3_scan_open(&scan, table, range);
    if (rc == SQLITE_OK)
        rc = merge_scan(&scan, &target);
    fts3_scan_close(&scan);
    ASSERT(range->level >= 0);
    if (rc == SQLITE_OK && above.level < level_max && target.leaf_bytes > 0)
        rc = fts3_promote(table, target.level, target.leaf_bytes);
    return rc;
}

static int flush_index(Fts3Table *table, int index)
{
    ASSERT(index < table->index_count);

    if (table->indexes[index].pending.term_count == 0)
        return SQLITE_OK;
    Fts3Range range = {table->language, index, 0};
    Target target = {.level = fts3_level_base(table, range.language, range.index)};
    TRY(find_place(table, &range, &target.index));
    Fts3Scan scan;
    Fts3Range pending = {table->language, index, FTS3_SCAN_PENDING};
    int rc = fts3_scan_open(&scan, table, &pending);
    if (rc == SQLITE_OK)
        rc = merge_scan(&scan, &target);
    fts3_scan_close(&scan);
    if (rc == SQLITE_OK && target.leaf_bytes > 0)
        rc = fts3_promote(table, target.level, target.leaf_bytes);
    return rc;
}

int fts3_flush(Fts3Table *table)
{
    for (int i = 0; i < table->index_count; i++)
        TRY(flush_index(table, i));
    fts3_forget_pending(table);
    ASSERT(table->indexes[0].pending.term_count == 0);
    return SQLITE_OK;
}

// --- optimize ---

// *has_changed: the index was in more than one piece.
static int optimize_index(Fts3Table *table, const Fts3Range *range, bool *has_changed)
{
    i64 level_max;
    *has_changed = false;
    TRY(find_level_max(table, range, &level_max));
    if (level_max < 0)
        return SQLITE_OK;
    Fts3Scan scan;
    Target target = {.level = fts3_level_base(table, range->language, range->index) + level_max,
                     .drops_deletions = true};
    int rc = fts3_scan_open(&scan, table, range);
    *has_changed = scan.segments.count > 1;
    if (rc == SQLITE_OK && *has_changed)
        rc = merge_scan(&scan, &target);
    ASSERT(range->level == FTS3_SCAN_ALL_LEVELS);
    fts3_scan_close(&scan);
    return rc;
}

int fts3_optimize(Fts3Table *table, bool *has_changed)
{
    sqlite3_stmt *stmt;
    *has_changed = true;
    TRY(fts3_flush(table));
    TRY(fts3_stmt(table, FTS3_LANGUAGES, &stmt));
    sqlite3_bind_int(stmt, 1, table->index_count);
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        int language = sqlite3_column_int(stmt, 0);
        for (int i = 0; rc == SQLITE_OK && i < table->index_count; i++) {
            Fts3Range range = {language, i, FTS3_SCAN_ALL_LEVELS};
            bool has_merged = false;
            rc = optimize_index(table, &range, &has_merged);
            *has_changed = *has_changed && has_merged;
        }
    }
    int reset_rc = sqlite3_reset(stmt);
    ASSERT(table->indexes[0].pending.term_count == 0);
    return rc != SQLITE_OK ? rc : reset_rc;
}
