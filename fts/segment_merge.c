// Writing pending postings and merging segments. See segment_merge.h.
#include "fts/segment_merge.h"

// --- flush ---

// The version is in the configuration, which others read anew when the structure's cookie changes.
static int mark_as_cut(FtsIndex *index)
{
    ASSERT(index->has_structure);

    if (index->config->version == VERSION_CUT)
        return SQLITE_OK;
    TRY(fts_config_set_version(index->config, VERSION_CUT, &index->structure.cookie));
    return fts_index_save_structure(index);
}

// With secure-delete a deletion is carried out at once; only what has content is left to write.
static int cut_deletions(FtsIndex *index, const PendingTerm *term, PendingRecords *records)
{
    u32 kept = 0;
    for (u32 i = 0; i < records->count; i++) {
        PendingRecord *record = &records->items[i];
        if (record->has_delete) {
            TRY(mark_as_cut(index));
            TRY(fts_index_cut(index, term, record->rowid));
        }
        record->has_delete = false;
        if (record->has_content)
            records->items[kept++] = *record;
    }
    records->count = kept;
    return SQLITE_OK;
}

static int write_what_is_left(SegmentWriter *writer, const PendingTerm *term,
                              PendingRecords *records)
{
    TRY(pending_records(term, records));
    TRY(cut_deletions(writer->index, term, records));
    if (records->count > 0)
        segment_writer_term(writer, term->key, term->key_size);
    for (u32 i = 0; i < records->count; i++) {
        const PendingRecord *from = &records->items[i];
        SegmentRecord record = {from->rowid, from->poslist, from->poslist_size, from->has_delete,
                                from->has_content};
        segment_writer_record(writer, &record);
    }
    return writer->rc;
}

static int write_term(SegmentWriter *writer, const PendingTerm *term, FtsBuffer *doclist)
{
    ASSERT(term->size > 0);

    fts_buffer_clear(doclist);
    pending_doclist(term, writer->index->config->detail, doclist);
    fts_buffer_pad(doclist);
    segment_writer_term(writer, term->key, term->key_size);
    segment_writer_doclist(writer, doclist);
    return writer->rc;
}

static int write_pending(FtsIndex *index, SegmentWriter *writer, u32 *last_pgno)
{
    PendingTerm **terms = NULL;
    PendingRecords records = {0};
    FtsBuffer doclist = {0};
    u32 count = 0;
    int rc = pending_sorted(&index->pending, NULL, 0, &terms, &count);
    for (u32 i = 0; i < count && rc == SQLITE_OK; i++)
        rc = index->config->secure_delete != 0 ? write_what_is_left(writer, terms[i], &records)
                                               : write_term(writer, terms[i], &doclist);
    pending_records_deinit(&records);
    fts_buffer_deinit(&doclist);
    sqlite3_free(terms);
    return rc == SQLITE_OK ? segment_writer_finish(writer, last_pgno) : rc;
}

// Adds the segment just written to level 0, and saves that; last_pgno 0: nothing was written. A
// failure leaves the structure as it was.
static int add_flushed(FtsIndex *index, u32 segid, u32 last_pgno, u32 leaf_count)
{
    FtsStructure *structure = &index->structure;
    FtsSegment *segment;
    ASSERT(segid > 0 && segid <= SEGMENT_MAX);

    if (last_pgno == 0)
        return SQLITE_OK;
    TRY(structure_add_segment(structure, 0, &segment));
    *segment = (FtsSegment){.segid = segid, .first_pgno = 1, .last_pgno = last_pgno};
    if (structure->has_origins) {
        segment->origin1 = segment->origin2 = structure->origin++;
        segment->entry_count = index->pending.row_count;
    }
    structure->write_counter += leaf_count;
    int rc = fts_index_save_structure(index);
    if (rc != SQLITE_OK) {
        structure_remove_segments(structure, 0, structure->levels[0].segment_count - 1, 1);
        structure_trim(structure);
        structure->origin -= structure->has_origins;
        structure->write_counter -= leaf_count;
    }
    return rc;
}

// The pages of a flush that failed are of a segment that is not listed, and in the way of the next.
static int write_segment(FtsIndex *index)
{
    ASSERT(index->is_flushing);

    const FtsSegment segment = {.segid = structure_free_segid(&index->structure)};
    if (segment.segid == 0)
        return SQLITE_FULL;
    if (index->has_leftovers)
        TRY(fts_index_erase_segment(index, &segment));
    SegmentWriter writer;
    u32 last_pgno = 0;
    segment_writer_init(&writer, index, segment.segid);
    int rc = write_pending(index, &writer, &last_pgno);
    segment_writer_deinit(&writer);
    if (rc == SQLITE_OK)
        rc = add_flushed(index, segment.segid, last_pgno, writer.leaf_count);
    return rc;
}

// A statement since the first pending one may have failed while it read the structure anew.
static int need_structure(FtsIndex *index)
{
    char *message = NULL;
    int rc = index->has_structure ? SQLITE_OK : fts_index_load(index, &message);
    sqlite3_free(message);
    ASSERT(rc != SQLITE_OK || index->has_structure);
    return rc;
}

// Cutting postings, as merging, cannot be done again when it failed in the middle.
int fts_index_write_pending(FtsIndex *index)
{
    TRY(index->broken_rc);
    bool is_empty = index->pending.term_count == 0 && index->pending.row_count == 0;
    if (is_empty || index->is_flushing)
        return SQLITE_OK;
    TRY(need_structure(index));
    u64 version = index->version;
    index->is_flushing = true;
    int rc = write_segment(index);
    index->is_flushing = false;
    bool is_rolled_back = index->version != version;
    if (rc == SQLITE_OK || is_rolled_back)
        pending_deinit(&index->pending);
    index->has_leftovers = rc != SQLITE_OK && !is_rolled_back;
    if (index->has_leftovers && index->config->secure_delete != 0)
        index->broken_rc = rc;
    return rc;
}

int fts_index_flush(FtsIndex *index)
{
    if (index->is_flushing)
        return SQLITE_OK;
    TRY(fts_index_write_pending(index));
    // A transaction that never asked for the structure may know an old one, and owes nothing.
    bool is_current = index->has_structure && index->has_merged_counter;
    if (!is_current || index->structure.write_counter == index->merged_counter)
        return SQLITE_OK;
    u64 version = index->version;
    index->is_flushing = true;
    int rc = fts_index_work(index);
    index->is_flushing = false;
    if (index->version == version)
        index->broken_rc = rc;
    return rc;
}

// --- merging ---

// Enough of a term was written, the next record finds no room on its page any more, and the rest of
// each input's page has room for the term before it.
static bool may_stop(const TermWalk *walk, const SegmentWriter *writer, u32 first_leaf,
                     u32 leaf_limit)
{
    enum { TERM_LEAVES_MIN = 16, SIZE_MAX_U16 = 0xFFFF };
    const Docs *docs = &walk->docs;
    const u32 leaves = writer->leaf_count + 1;
    const u32 head = walk->term.size + 3 * VARINT_MAX;
    if (leaf_limit == 0 || leaves < leaf_limit || leaves - first_leaf < TERM_LEAVES_MIN
        || docs->poslist_size + 2 * VARINT_MAX <= segment_writer_room(writer))
        return false;
    for (int i = 0; i < docs->count; i++) {
        const Postings *p = &docs->sources[i];
        bool is_spilt = p->poslist == p->spill.bytes;
        if (!p->is_end && (is_spilt || p->page->size + head > SIZE_MAX_U16))
            return false;
    }
    return true;
}

int fts_index_copy_term(TermWalk *walk, SegmentWriter *writer, u32 leaf_limit, bool *is_inside)
{
    ASSERT(!walk->is_end);

    Docs *docs = &walk->docs;
    const FtsBuffer *term = &walk->term;
    const u32 first_leaf = writer->leaf_count;
    const FtsBuffer *last = &writer->last_term;
    bool goes_on = writer->is_reopened
                   && fts_bytes_compare(term->bytes, term->size, last->bytes, last->size) == 0;
    *is_inside = false;
    if (!goes_on)
        segment_writer_term(writer, term->bytes, term->size);
    for (; !docs->is_end && writer->rc == SQLITE_OK; docs_next(docs)) {
        *is_inside = may_stop(walk, writer, first_leaf, leaf_limit);
        if (*is_inside)
            return SQLITE_OK;
        SegmentRecord record = {docs->rowid, docs->poslist, docs->poslist_size,
                                docs->has_delete && docs->keeps_deletes, docs->has_content};
        segment_writer_record(writer, &record);
        const u8 *run;
        u32 size = docs_run(docs, segment_writer_room(writer), &run);
        if (size > 0)
            segment_writer_copy(writer, run, size, docs->rowid);
    }
    TRY(docs->rc);
    TRY(writer->rc);
    term_walk_next(walk);
    return walk->rc;
}

static void sum_inputs(const FtsSegment *inputs, int count, FtsSegment *output)
{
    for (int i = 0; i < count; i++) {
        u64 gone = inputs[i].tombstone_count;
        if (i == 0 || inputs[i].origin1 < output->origin1)
            output->origin1 = inputs[i].origin1;
        if (inputs[i].origin2 > output->origin2)
            output->origin2 = inputs[i].origin2;
        output->entry_count += inputs[i].entry_count > gone ? inputs[i].entry_count - gone : 0;
    }
}

// Merges `inputs`, oldest first, into a new segment. last_pgno 0: nothing was left.
static int merge_segments(FtsIndex *index, const FtsSegment *inputs, int count, bool is_oldest,
                          FtsSegment *output)
{
    TermWalk walk;
    SegmentWriter writer;
    *output = (FtsSegment){.segid = structure_free_segid(&index->structure)};
    if (output->segid == 0)
        return SQLITE_FULL;
    term_walk_open_segments(&walk, index, inputs, count, !is_oldest);
    segment_writer_init(&writer, index, output->segid);
    int rc = walk.rc;
    bool is_inside;
    while (rc == SQLITE_OK && !walk.is_end)
        rc = fts_index_copy_term(&walk, &writer, 0, &is_inside);
    term_walk_deinit(&walk);
    if (rc == SQLITE_OK)
        rc = segment_writer_finish(&writer, &output->last_pgno);
    segment_writer_deinit(&writer);
    output->first_pgno = output->last_pgno > 0;
    if (index->structure.has_origins)
        sum_inputs(inputs, count, output);
    for (int i = 0; i < count && rc == SQLITE_OK; i++)
        rc = fts_index_erase_segment(index, &inputs[i]);
    return rc;
}

static int place_output(FtsIndex *index, int level, const FtsSegment *output)
{
    if (output->last_pgno > 0) {
        FtsSegment *segment;
        TRY(structure_add_segment(&index->structure, level, &segment));
        *segment = *output;
    }
    structure_trim(&index->structure);
    return SQLITE_OK;
}

// All segments, oldest first; for sqlite3_free().
static FtsSegment *all_segments(const FtsStructure *structure, int count)
{
    FtsSegment *all = sqlite3_malloc64(sizeof *all * ((u64)count + 1));
    int found = 0;
    for (int i = structure->level_count - 1; all != NULL && i >= 0; i--) {
        for (int k = 0; k < structure->levels[i].segment_count; k++)
            all[found++] = structure->levels[i].segments[k];
    }
    return all;
}

// Levels, the top one too, may be empty: stock SQLite leaves such behind.
static bool has_tombstones(const FtsStructure *structure)
{
    for (int i = 0; i < structure->level_count; i++) {
        for (int k = 0; k < structure->levels[i].segment_count; k++) {
            if (structure->levels[i].segments[k].tombstone_count > 0)
                return true;
        }
    }
    return false;
}

int fts_index_optimize(FtsIndex *index)
{
    TRY(fts_index_flush(index));
    FtsStructure *structure = &index->structure;
    int count = structure_segment_count(structure);
    int top = structure->level_count;
    if (count < 2 && !has_tombstones(structure))
        return SQLITE_OK;
    FtsSegment output;
    FtsSegment *all = all_segments(structure, count);
    int rc = all == NULL ? SQLITE_NOMEM : merge_segments(index, all, count, true, &output);
    sqlite3_free(all);
    if (rc != SQLITE_OK)
        return rc;
    for (int i = 0; i < top; i++) {
        structure->levels[i].segment_count = 0;
        structure->levels[i].merge_count = 0;
    }
    TRY(place_output(index, top < LEVEL_MAX ? top : LEVEL_MAX - 1, &output));
    return fts_index_save_structure(index);
}

int fts_index_reset(FtsIndex *index)
{
    pending_deinit(&index->pending);
    u32 cookie = index->structure.cookie;
    bool has_origins = index->config->has_contentless_delete;
    structure_deinit(&index->structure);
    index->structure.cookie = cookie;
    index->structure.has_origins = has_origins;
    index->structure.origin = has_origins;
    index->merged_counter = 0;
    index->has_structure = true;
    TRY(fts_index_erase(index, INT64_MIN, INT64_MAX));
    char *sql =
        sqlite3_mprintf("DELETE FROM %Q.'%q_idx'", index->config->db_name, index->config->name);
    int rc = sql == NULL ? SQLITE_NOMEM : sqlite3_exec(index->config->db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    TRY(rc);
    TRY(fts_index_write(index, AVERAGES_ID, "", 0));
    return fts_index_save_structure(index);
}

// --- tombstones ---

static int put_key(u8 *page, u32 key_size, u32 slot_count, u32 page_count, u64 rowid)
{
    u32 slot = (u32)(rowid / page_count % slot_count);
    for (u32 i = 0; i < slot_count; i++, slot = (slot + 1) % slot_count) {
        u8 *at = page + 8 + (u64)slot * key_size;
        u64 found = key_size == 4 ? fts_u32_get(at) : fts_u64_get(at);
        if (found != 0)
            continue;
        if (key_size == 4)
            fts_u32_put(at, (u32)rowid);
        else
            fts_u64_put(at, rowid);
        fts_u32_put(page + 4, fts_u32_get(page + 4) + 1);
        return SQLITE_OK;
    }
    return SQLITE_FULL;
}

typedef struct Tombs {
    u64 *rowids;
    u64 count;
    bool has_zero;
} Tombs;

static int read_tombs(FtsIndex *index, const FtsSegment *segment, Tombs *tombs)
{
    for (u32 number = 0; number < segment->tombstone_pages; number++) {
        FtsPage *page;
        TRY(fts_index_read(index, fts_tombstone_id(segment->segid, number), &page));
        u32 key_size = page->size > 0 && page->bytes[0] == 4 ? 4 : 8;
        u32 slot_count = page->size < 8 ? 0 : (page->size - 8) / key_size;
        u64 room = tombs->count + slot_count + 2;
        u64 *rowids = sqlite3_realloc64(tombs->rowids, room * sizeof(u64));
        if (rowids == NULL) {
            fts_page_unref(page);
            return SQLITE_NOMEM;
        }
        tombs->rowids = rowids;
        tombs->has_zero |= page->size > 1 && page->bytes[1] != 0;
        for (u32 i = 0; i < slot_count; i++) {
            const u8 *at = page->bytes + 8 + (u64)i * key_size;
            u64 rowid = key_size == 4 ? fts_u32_get(at) : fts_u64_get(at);
            if (rowid != 0)
                rowids[tombs->count++] = rowid;
        }
        fts_page_unref(page);
    }
    return SQLITE_OK;
}

// Spreads the rowids over `page_count` pages of slot_count slots each.
static int write_tombs(FtsIndex *index, u32 segid, const Tombs *tombs, u32 page_count,
                       u32 slot_count)
{
    u32 key_size = 4;
    for (u64 i = 0; i < tombs->count; i++) {
        if (tombs->rowids[i] > UINT32_MAX)
            key_size = 8;
    }
    u32 size = 8 + slot_count * key_size;
    u8 *page = sqlite3_malloc64(size);
    int rc = page == NULL ? SQLITE_NOMEM : SQLITE_OK;
    for (u32 number = 0; number < page_count && rc == SQLITE_OK; number++) {
        memset(page, 0, size);
        page[0] = (u8)key_size;
        page[1] = number == 0 && tombs->has_zero;
        for (u64 i = 0; i < tombs->count && rc == SQLITE_OK; i++) {
            if (tombs->rowids[i] % page_count == number)
                rc = put_key(page, key_size, slot_count, page_count, tombs->rowids[i]);
        }
        if (rc == SQLITE_OK)
            rc = fts_index_write(index, fts_tombstone_id(segid, number), page, size);
    }
    sqlite3_free(page);
    return rc;
}

static int entomb_in(FtsIndex *index, FtsSegment *segment, u64 rowid)
{
    enum { SLOTS_MIN = 32 };
    Tombs tombs = {0};
    int rc = read_tombs(index, segment, &tombs);
    if (rc == SQLITE_OK && tombs.rowids == NULL) {
        tombs.rowids = sqlite3_malloc64(2 * sizeof(u64));
        rc = tombs.rowids == NULL ? SQLITE_NOMEM : SQLITE_OK;
    }
    if (rc == SQLITE_OK) {
        if (rowid == 0)
            tombs.has_zero = true;
        else
            tombs.rowids[tombs.count++] = rowid;
        u32 slots = SLOTS_MIN;
        u32 page_slots = ((u32)index->config->pgsz - 8) / 8;
        u32 pages = 1;
        while (slots < tombs.count * 2)
            slots *= 2;
        if (slots > page_slots && page_slots >= SLOTS_MIN) {
            pages = (slots + page_slots - 1) / page_slots;
            slots = page_slots + page_slots / 2; // rowids spread unevenly
        }
        rc = write_tombs(index, segment->segid, &tombs, pages, slots);
        while (rc == SQLITE_FULL) {
            slots *= 2;
            rc = write_tombs(index, segment->segid, &tombs, pages, slots);
        }
        segment->tombstone_pages = pages;
        segment->tombstone_count++;
    }
    sqlite3_free(tombs.rowids);
    return rc;
}

int fts_index_entomb(FtsIndex *index, i64 rowid, u64 origin)
{
    for (int i = 0; i < index->structure.level_count; i++) {
        FtsLevel *level = &index->structure.levels[i];
        for (int k = 0; k < level->segment_count; k++) {
            FtsSegment *segment = &level->segments[k];
            if (segment->origin1 <= origin && origin <= segment->origin2)
                TRY(entomb_in(index, segment, (u64)rowid));
        }
    }
    return fts_index_save_structure(index);
}
