// Merging in steps: so many pages at a time, of the oldest segments of a level.
//
// A step writes to the newest segment of the level above, which stays unfinished until its inputs
// are used up; from those it takes what it has written. So at every time each posting is in one
// segment, and a reader needs to know nothing of it. Where a merge stands is in %_stat: pairs of a
// level and how many of its segments are merged, the last pair first to go on with.
#include "fts/fts3/fts3_step_writer.h"

#include <stdlib.h>

typedef struct Step {
    Fts3Table *table;
    i64 level; // of the inputs
    int input_count;
    bool is_resumed;
} Step;

// --- what is to be done ---

#define LEVEL_MAX ((i64)1 << 56) // of all indexes: above, it is no level

static int read_hints(Fts3Table *table, FtsBuffer *out)
{
    ASSERT(table->has_stat);
    return fts3_blob_read(table, FTS3_STAT_READ, FTS3_STAT_HINT, out);
}

// Takes the last pair off; false: there is none, or nothing that can be read.
static bool pop_hint(FtsBuffer *hints, i64 *level, i64 *input_count)
{
    u32 from = hints->size;
    // Two varints, each ending in a byte below 0x80, back from the end.
    for (int i = 0; i < 2; i++) {
        if (from == 0)
            return false;
        from--;
        while (from > 0 && (hints->bytes[from - 1] & 0x80) != 0)
            from--;
    }
    u64 values[2];
    u32 at = from;
    at += (u32)fts3_varint_get(hints->bytes + at, &values[0]);
    at += (u32)fts3_varint_get(hints->bytes + at, &values[1]);
    *level = (i64)values[0];
    *input_count = (i64)values[1];
    bool is_sound = at == hints->size && *level >= 0 && *level<LEVEL_MAX && * input_count> 0;
    ASSERT(from <= hints->size);
    hints->size = from;
    return is_sound;
}

static void push_hint(FtsBuffer *hints, i64 level, int input_count)
{
    ASSERT(level >= 0 && input_count > 0);
    fts3_buffer_append_varint(hints, (u64)level);
    fts3_buffer_append_varint(hints, (u64)input_count);
}

// The lowest level with enough segments, and how many it has; 0: none.
static int find_full_level(Fts3Table *table, int segment_min, i64 *level, int *count)
{
    sqlite3_stmt *stmt;
    *count = 0;
    TRY(fts3_stmt(table, FTS3_LEVEL_FULL, &stmt));
    sqlite3_bind_int(stmt, 1, segment_min);
    if (sqlite3_step(stmt) == SQLITE_ROW) {
        *level = sqlite3_column_int64(stmt, 0);
        *count = sqlite3_column_int(stmt, 1);
    }
    ASSERT(segment_min >= 2);
    return sqlite3_reset(stmt);
}

// What is to be merged next: a merge that was begun, unless a lower level has become full.
static int choose_step(Fts3Table *table, int segment_min, FtsBuffer *hints, Step *out)
{
    i64 hint_level, hint_inputs;
    u32 hints_size = hints->size;
    *out = (Step){.table = table};
    TRY(find_full_level(table, segment_min, &out->level, &out->input_count));
    if (out->level < 0 || out->level > LEVEL_MAX)
        return FTS_CORRUPT;
    if (!pop_hint(hints, &hint_level, &hint_inputs))
        return SQLITE_OK;
    if (out->input_count > 0 && out->level % FTS3_LEVELS < hint_level % FTS3_LEVELS) {
        hints->size = hints_size;
        return SQLITE_OK;
    }
    out->level = hint_level;
    out->input_count = hint_inputs > INT32_MAX ? INT32_MAX : (int)hint_inputs;
    out->is_resumed = true;
    ASSERT(hints->size < hints_size);
    return SQLITE_OK;
}

// --- inputs ---

// The oldest `count` segments of a level, or all of fewer; newest first.
static int load_inputs(const Step *step, Fts3Segments *out)
{
    TRY(fts3_segments_load(step->table, step->level, step->level, out));
    int skip = out->count - step->input_count;
    if (skip <= 0)
        return SQLITE_OK;
    ASSERT(out->count > step->input_count);
    for (int i = 0; i < skip; i++)
        fts_buffer_deinit(&out->items[i].root);
    memmove(out->items, out->items + skip, sizeof *out->items * (size_t)step->input_count);
    out->count = step->input_count;
    return SQLITE_OK;
}

// A node without what stands before `term`: an inner one starts with the child that has it.
static int trim_inner(const FtsBuffer *node, const FtsBuffer *term, FtsBuffer *out, i64 *child)
{
    u32 height;
    TRY(fts3_node_child(node, term->bytes, term->size, child, &height));
    fts_buffer_clear(out);
    fts3_buffer_append_varint(out, height);
    fts3_buffer_append_varint(out, (u64)*child);
    u64 left;
    u32 at = (u32)fts3_varint_get_u32(node->bytes, &height);
    at += (u32)fts3_varint_get(node->bytes + at, &left);
    FtsBuffer key = {0};
    int rc = SQLITE_OK;
    for (i64 i = (i64)left; rc == SQLITE_OK && at < node->size; i++) {
        Fts3Entry entry;
        rc = fts3_entry_read(node, &at, i == (i64)left, false, &entry);
        if (rc == SQLITE_OK)
            rc = fts3_entry_term(&entry, &key);
        if (rc != SQLITE_OK || i < *child)
            continue;
        fts3_entry_append(out, true, 0, &key, NULL, 0); // what follows builds on its whole term
        fts_buffer_append(out, node->bytes + at, node->size - at);
        break;
    }
    ASSERT(out->size > 0 || out->rc != SQLITE_OK);
    fts_buffer_deinit(&key);
    return rc != SQLITE_OK ? rc : out->rc;
}

// The reader's leaf from its current term on.
static int trim_leaf(const Fts3Reader *reader, FtsBuffer *out)
{
    ASSERT(reader->at <= reader->node.size);
    fts_buffer_clear(out);
    fts_buffer_append_byte(out, 0);
    fts3_entry_append(out, true, 0, &reader->term, reader->doclist, reader->doclist_size);
    fts_buffer_append(out, reader->node.bytes + reader->at, reader->node.size - reader->at);
    return out->rc;
}

static int write_trimmed(Fts3Table *table, const Fts3Segment *segment, i64 start,
                         const FtsBuffer *root)
{
    sqlite3_stmt *stmt;
    ASSERT(root->size > 0);
    TRY(fts3_stmt(table, FTS3_SEGMENT_TRIM, &stmt));
    sqlite3_bind_int64(stmt, 1, start);
    sqlite3_bind_blob(stmt, 2, root->bytes, (int)root->size, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, segment->level);
    sqlite3_bind_int64(stmt, 4, segment->index);
    int rc = fts3_step_once(stmt);
    sqlite3_bind_null(stmt, 2);
    return rc;
}

// Trims the nodes below the root on the way to the reader's leaf, and the leaf.
static int trim_path(const Fts3Reader *reader, i64 child, u32 height)
{
    Fts3Table *table = reader->table;
    FtsBuffer node = {0};
    FtsBuffer trimmed = {0};
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && height > 1) {
        i64 block = child;
        rc = fts3_block_read(table, block, &node);
        if (rc == SQLITE_OK)
            rc = trim_inner(&node, &reader->term, &trimmed, &child);
        if (rc == SQLITE_OK)
            rc = fts3_block_write(table, block, &trimmed);
        height--;
    }
    if (rc == SQLITE_OK && child != reader->block)
        rc = FTS_CORRUPT; // the tree leads elsewhere than the leaves' order
    if (rc == SQLITE_OK)
        rc = trim_leaf(reader, &trimmed);
    if (rc == SQLITE_OK)
        rc = fts3_block_write(table, reader->block, &trimmed);
    ASSERT(height <= 1 || rc != SQLITE_OK);
    fts_buffer_deinit(&node);
    fts_buffer_deinit(&trimmed);
    return rc;
}

static int delete_blocks(Fts3Table *table, i64 first, i64 last)
{
    sqlite3_stmt *stmt;
    if (first > last)
        return SQLITE_OK;
    ASSERT(first > 0);
    TRY(fts3_stmt(table, FTS3_BLOCKS_DELETE, &stmt));
    sqlite3_bind_int64(stmt, 1, first);
    sqlite3_bind_int64(stmt, 2, last);
    return fts3_step_once(stmt);
}

// Takes out of a segment what stands before the reader's term.
static int trim_segment(const Fts3Reader *reader)
{
    const Fts3Segment *segment = reader->segment;
    Fts3Table *table = reader->table;
    ASSERT(!reader->is_eof);
    FtsBuffer root = {0};
    int rc;
    if (segment->start == 0) {
        rc = trim_leaf(reader, &root);
    } else {
        i64 child;
        u32 height;
        fts3_varint_get_u32(segment->root.bytes, &height);
        rc = trim_inner(&segment->root, &reader->term, &root, &child);
        if (rc == SQLITE_OK)
            rc = trim_path(reader, child, height);
        if (rc == SQLITE_OK)
            rc = delete_blocks(table, segment->start, reader->block - 1);
    }
    if (rc == SQLITE_OK)
        rc = write_trimmed(table, segment, reader->block, &root);
    fts_buffer_deinit(&root);
    return rc;
}

// Gives the segments of a level the indexes 0, 1, 2... again.
static int close_gaps(Fts3Table *table, i64 level)
{
    Fts3Segments segments;
    sqlite3_stmt *stmt;
    TRY(fts3_segments_load(table, level, level, &segments));
    int rc = fts3_stmt(table, FTS3_SEGMENT_SHIFT, &stmt);
    for (int i = 0; rc == SQLITE_OK && i < segments.count; i++) {
        const Fts3Segment *segment = &segments.items[segments.count - 1 - i];
        if (segment->index == i)
            continue;
        sqlite3_bind_int(stmt, 1, i);
        sqlite3_bind_int64(stmt, 2, level);
        sqlite3_bind_int64(stmt, 3, segment->index);
        rc = fts3_step_once(stmt);
    }
    ASSERT(level >= 0);
    fts3_segments_free(&segments);
    return rc;
}

// Takes what was merged out of the inputs; *left: how many still have something.
static int trim_inputs(const Step *step, const Fts3Scan *scan, int *left)
{
    *left = 0;
    for (int i = 0; i < scan->reader_count; i++) {
        const Fts3Reader *reader = &scan->readers[i];
        ASSERT(reader->segment != NULL);
        if (reader->is_eof) {
            TRY(fts3_segment_delete(step->table, reader->segment));
        } else {
            TRY(trim_segment(reader));
            ++*left;
        }
    }
    return *left == scan->reader_count ? SQLITE_OK : close_gaps(step->table, step->level);
}

// --- a step ---

enum { LEAVES_MAX = 1 << 20 }; // of one input: what says more is broken

// Twice what the inputs have: merged leaves may be filled less well. 0: nobody has so many.
static i64 estimate_leaves(const Fts3Segments *inputs)
{
    i64 count = 0;
    ASSERT(inputs->count > 0);
    for (int i = 0; i < inputs->count; i++) {
        i64 leaves = 1 + inputs->items[i].leaves_end - inputs->items[i].start;
        if (leaves > LEAVES_MAX)
            return 0;
        count += leaves;
    }
    return count * 2;
}

// Opens the segment to write to: the unfinished one of the level above, if the scan's first term
// can follow its last, or a new one. *is_oldest: nothing in the index is older.
static int open_output(const Step *step, const Fts3Scan *scan, Fts3StepWriter *writer,
                       bool *is_oldest)
{
    Fts3Segments above;
    i64 base = step->level - step->level % FTS3_LEVELS;
    ASSERT(!scan->is_eof);
    TRY(fts3_segments_load(step->table, step->level + 1, base + FTS3_LEVELS - 1, &above));
    int rc = SQLITE_OK;
    const Fts3Segment *newest =
        above.count > 0 && above.items[0].level == step->level + 1 ? &above.items[0] : NULL;
    bool resumes = step->is_resumed && newest != NULL && newest->leaf_bytes < 0;
    if (resumes) {
        rc = fts3_step_resume(writer, step->table, newest);
        const FtsBuffer *last = &writer->layers[0].last_term;
        resumes =
            rc == SQLITE_OK
            && fts_bytes_compare(last->bytes, last->size, scan->term.bytes, scan->term.size) < 0;
        if (!resumes)
            fts3_step_deinit(writer);
    }
    if (rc == SQLITE_OK && !resumes) {
        rc = fts3_step_begin(writer, step->table, estimate_leaves(&scan->segments));
        writer->level = step->level + 1;
        writer->index = newest == NULL ? 0 : newest->index + 1;
    }
    *is_oldest = above.count == (resumes ? 1 : 0);
    fts3_segments_free(&above);
    return rc;
}

// Copies terms until so many pages are full; the scan then stands on what was not copied.
static int copy_pages(Fts3Scan *scan, Fts3StepWriter *writer, int page_count, bool drops_deletions)
{
    FtsBuffer scratch = {0};
    int rc = SQLITE_OK;
    ASSERT(page_count > 0);
    while (rc == SQLITE_OK && !scan->is_eof && writer->pages < page_count
           && fts3_step_has_room(writer)) {
        const u8 *doclist;
        u32 size;
        rc = fts3_scan_doclist(scan, drops_deletions, &scratch, &doclist, &size);
        if (rc == SQLITE_OK && size > 0)
            rc = fts3_step_add(writer, &scan->term, doclist, size);
        if (rc == SQLITE_OK)
            rc = fts3_scan_next(scan);
    }
    fts_buffer_deinit(&scratch);
    return rc;
}

// *left: inputs that still have something.
static int run_scan(const Step *step, Fts3Scan *scan, int page_count, int *left, int *pages)
{
    Fts3StepWriter writer = {0};
    bool is_oldest;
    *left = *pages = 0;
    TRY(fts3_scan_next(scan));
    if (scan->is_eof)
        return trim_inputs(step, scan, left);
    int rc = open_output(step, scan, &writer, &is_oldest);
    if (rc == SQLITE_OK)
        rc = copy_pages(scan, &writer, page_count, is_oldest);
    if (rc == SQLITE_OK)
        rc = trim_inputs(step, scan, left);
    if (rc == SQLITE_OK)
        rc = fts3_step_end(&writer, *left == 0);
    *pages = writer.pages;
    if (rc == SQLITE_OK && *left == 0)
        rc = fts3_promote(step->table, writer.level, writer.leaf_bytes);
    ASSERT(*left <= scan->reader_count);
    fts3_step_deinit(&writer);
    return rc;
}

// One step; *pages is what it took of the budget.
static int run_step(const Step *step, FtsBuffer *hints, int page_count, int *pages)
{
    Fts3Segments inputs;
    Fts3Scan scan;
    int left = 0;
    TRY(load_inputs(step, &inputs));
    if (inputs.count == 0) { // the hint is out of date
        *pages = 0;
        return SQLITE_OK;
    }
    int rc = fts3_scan_open_segments(&scan, step->table, &inputs);
    if (rc == SQLITE_OK)
        rc = run_scan(step, &scan, page_count, &left, pages);
    fts3_scan_close(&scan);
    ++*pages;
    if (rc == SQLITE_OK && left > 0)
        push_hint(hints, step->level, left);
    ASSERT(left >= 0);
    return rc != SQLITE_OK ? rc : hints->rc;
}

static int run_steps(Fts3Table *table, FtsBuffer *hints, int page_count, int segment_min)
{
    int left = page_count;
    ASSERT(hints->rc == SQLITE_OK);
    while (left > 0) {
        Step step;
        int pages;
        TRY(choose_step(table, segment_min, hints, &step));
        if (step.input_count == 0)
            break;
        TRY(run_step(&step, hints, left, &pages));
        left -= pages;
    }
    return SQLITE_OK;
}

int fts3_merge_steps(Fts3Table *table, int page_count, int segment_min)
{
    FtsBuffer hints = {0};
    FtsBuffer before = {0};
    ASSERT(segment_min >= 2);
    int rc = read_hints(table, &hints);
    fts_buffer_append(&before, hints.bytes, hints.size);
    rc = rc == SQLITE_OK ? before.rc : rc;
    if (rc == SQLITE_OK)
        rc = run_steps(table, &hints, page_count, segment_min);
    bool has_changed = before.size != hints.size
                       || (hints.size > 0 && memcmp(before.bytes, hints.bytes, hints.size) != 0);
    if (rc == SQLITE_OK && has_changed)
        rc = fts3_blob_write(table, FTS3_STAT_WRITE, FTS3_STAT_HINT, &hints);
    fts_buffer_deinit(&before);
    fts_buffer_deinit(&hints);
    return rc;
}

// --- after a commit ---

enum { LEAVES_MIN = 4, PAGES_MIN = 64 };

static int read_automerge(Fts3Table *table)
{
    sqlite3_stmt *stmt;
    table->automerge = 0;
    if (!table->has_stat)
        return SQLITE_OK;
    TRY(fts3_stmt(table, FTS3_STAT_READ, &stmt));
    sqlite3_bind_int(stmt, 1, FTS3_STAT_AUTOMERGE);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        table->automerge = sqlite3_column_int(stmt, 0);
    bool is_sound =
        table->automerge == 0 || (table->automerge >= 2 && table->automerge <= FTS3_SEGMENTS_MAX);
    if (!is_sound)
        table->automerge = FTS3_SEGMENTS_MAX / 2;
    ASSERT(table->automerge >= 0);
    return sqlite3_reset(stmt);
}

static int find_height(Fts3Table *table, i64 *out)
{
    sqlite3_stmt *stmt;
    *out = 0;
    TRY(fts3_stmt(table, FTS3_LEVEL_HIGHEST, &stmt));
    if (sqlite3_step(stmt) == SQLITE_ROW)
        *out = sqlite3_column_int64(stmt, 0);
    ASSERT(*out < FTS3_LEVELS);
    return sqlite3_reset(stmt);
}

int fts3_automerge(Fts3Table *table)
{
    i64 height;
    if (table->leaves_written <= LEAVES_MIN || table->automerge == 0)
        return SQLITE_OK;
    if (table->automerge < 0)
        TRY(read_automerge(table));
    ASSERT(table->automerge >= 0);
    if (table->automerge == 0)
        return SQLITE_OK;
    TRY(find_height(table, &height));
    i64 pages = table->leaves_written * height;
    pages += pages / 2;
    if (pages <= PAGES_MIN)
        return SQLITE_OK;
    return fts3_merge_steps(table, pages > INT32_MAX ? INT32_MAX : (int)pages, table->automerge);
}
