// Walking one doclist of one segment. See segment_read.h for the walk, README for the format.
#include "fts/segment_read.h"

static void fail(Postings *p, int rc)
{
    p->rc = rc;
    p->is_end = true;
}

void postings_deinit(Postings *p)
{
    fts_page_unref(p->page);
    fts_buffer_deinit(&p->spill);
    sqlite3_free(p->skip_pgno);
    sqlite3_free(p->skip_rowid);
    sqlite3_free(p->block);
    for (u32 i = 0; p->tombstones != NULL && i < p->segment.tombstone_pages; i++)
        fts_page_unref(p->tombstones[i]);
    sqlite3_free(p->tombstones);
    *p = (Postings){0};
}

void postings_recycle(Postings *p)
{
    PostingsBlock *block = p->block;
    FtsBuffer spill = p->spill;
    p->block = NULL;
    p->spill = (FtsBuffer){0};
    postings_deinit(p);
    if (block != NULL)
        block->count = block->next = 0;
    fts_buffer_clear(&spill);
    p->block = block;
    p->spill = spill;
}

int postings_in_memory(Postings *p, FtsDetail detail, const FtsBuffer *doclist)
{
    *p = (Postings){.detail = detail, .ends_here = true, .is_absolute = true};
    TRY(fts_page_new(doclist->bytes, doclist->size, &p->page));
    p->end = doclist->size;
    return SQLITE_OK;
}

// Steps to page pgno and finds how much of the doclist it holds.
static bool load_page(Postings *p, u32 pgno)
{
    FtsPage *page;
    int rc = fts_index_read_leaf(p->index, fts_leaf_id(p->segment.segid, pgno), &page);
    if (rc != SQLITE_OK) {
        fail(p, rc);
        return false;
    }
    fts_page_unref(p->page);
    p->page = page;
    p->pgno = pgno;
    p->at = PAGE_HEADER_SIZE;
    p->end = page->leaf_size;
    p->ends_here = pgno >= p->segment.last_pgno;
    if (page->leaf_size < page->size) {
        u32 first_term;
        fts_varint_get_u32(page->bytes + page->leaf_size, &first_term);
        if (first_term < PAGE_HEADER_SIZE || first_term > page->leaf_size) {
            fail(p, FTS_CORRUPT);
            return false;
        }
        p->end = first_term;
        p->ends_here = true;
    }
    if (page->first_rowid > p->end)
        fail(p, FTS_CORRUPT);
    return !p->is_end;
}

// To where the next row starts, on a later page. False: there is none.
static bool next_page_with_row(Postings *p)
{
    while (!p->ends_here) {
        if (!load_page(p, p->pgno + 1))
            return false;
        if (p->page->first_rowid != 0) {
            p->at = p->page->first_rowid;
            p->is_absolute = true;
            return true;
        }
    }
    p->is_end = true;
    return false;
}

// The poslist goes on behind the page: puts its parts together.
static void gather_poslist(Postings *p)
{
    u32 missing = p->poslist_size - (p->end - p->at);
    fts_buffer_set(&p->spill, p->page->bytes + p->at, p->end - p->at);
    while (missing > 0) {
        if (p->ends_here || p->index == NULL) {
            fail(p, FTS_CORRUPT);
            return;
        }
        if (!load_page(p, p->pgno + 1))
            return;
        u32 part_end = p->page->first_rowid != 0 ? p->page->first_rowid : p->end;
        u32 part = part_end - PAGE_HEADER_SIZE;
        if (part > missing)
            part = missing;
        fts_buffer_append(&p->spill, p->page->bytes + PAGE_HEADER_SIZE, part);
        missing -= part;
        p->at = PAGE_HEADER_SIZE + part;
    }
    p->is_absolute = true;
    fts_buffer_pad(&p->spill);
    if (p->spill.rc != SQLITE_OK)
        fail(p, p->spill.rc);
    else if (p->at < p->end && p->at != p->page->first_rowid)
        fail(p, FTS_CORRUPT);
    p->poslist = p->spill.bytes;
}

static void read_flags(Postings *p)
{
    p->has_delete = false;
    p->has_content = true;
    p->poslist_size = 0;
    p->poslist = p->page->bytes + p->at;
    if (p->at < p->end && p->page->bytes[p->at] == 0) {
        p->has_delete = true;
        p->at++;
        p->has_content = p->at < p->end && p->page->bytes[p->at] == 0;
        p->at += p->has_content;
    }
}

static void read_poslist(Postings *p)
{
    u32 size;
    p->at += (u32)fts_varint_get_u32(p->page->bytes + p->at, &size);
    p->has_delete = (size & 1) != 0;
    p->poslist_size = size >> 1;
    p->has_content = p->poslist_size > 0 || !p->has_delete;
    if (p->at > p->end) {
        fail(p, FTS_CORRUPT);
    } else if (p->poslist_size <= p->end - p->at) {
        p->poslist = p->page->bytes + p->at;
        p->at += p->poslist_size;
    } else {
        gather_poslist(p);
    }
}

// --- tombstones ---

static bool page_holds_rowid(const FtsPage *page, u64 rowid, u32 page_count, bool is_first)
{
    if (page->size < 8)
        return false;
    u32 key_size = page->bytes[0] == 4 ? 4 : 8;
    u32 slot_count = (page->size - 8) / key_size;
    if (rowid == 0)
        return is_first && page->bytes[1] != 0;
    if (slot_count == 0)
        return false;
    u32 slot = (u32)(rowid / page_count % slot_count);
    for (u32 i = 0; i < slot_count; i++) {
        const u8 *at = page->bytes + 8 + (u64)slot * key_size;
        u64 found = key_size == 4 ? fts_u32_get(at) : fts_u64_get(at);
        if (found == 0)
            return false;
        if (found == rowid)
            return true;
        slot = (slot + 1) % slot_count;
    }
    return false;
}

static bool is_entombed(Postings *p)
{
    u32 page_count = p->segment.tombstone_pages;
    if (p->tombstones == NULL)
        p->tombstones = fts_zalloc(sizeof *p->tombstones * (u64)page_count);
    if (p->tombstones == NULL) {
        fail(p, SQLITE_NOMEM);
        return false;
    }
    u32 number = (u32)((u64)p->rowid % page_count);
    if (p->tombstones[number] == NULL) {
        int rc = fts_index_read(p->index, fts_tombstone_id(p->segment.segid, number),
                                &p->tombstones[number]);
        if (rc != SQLITE_OK) {
            fail(p, rc);
            return false;
        }
    }
    return page_holds_rowid(p->tombstones[number], (u64)p->rowid, page_count, number == 0);
}

// --- moving ---

static void step(Postings *p)
{
    if (p->at >= p->end && !next_page_with_row(p))
        return;
    u64 delta;
    p->record_pgno = p->pgno;
    p->record_at = p->at;
    p->record_end = p->end;
    p->at += (u32)fts_varint_get(p->page->bytes + p->at, &delta);
    if (p->at > p->end) {
        fail(p, FTS_CORRUPT);
        return;
    }
    p->rowid = p->base = p->is_absolute ? (i64)delta : (i64)((u64)p->base + delta);
    p->is_absolute = false;
    if (p->detail == DETAIL_NONE)
        read_flags(p);
    else
        read_poslist(p);
}

// Decodes records as long as they may be in the block; where the first that may not, or that found
// no room, begins. The page's padding bounds what is read before it is checked.
static u32 decode_block(const Postings *p, PostingsBlock *block, i64 *last)
{
    const u8 *bytes = p->page->bytes;
    const u32 end = p->end;
    const bool has_poslists = p->detail != DETAIL_NONE;
    i64 rowid = *last;
    u32 count = 0;
    u32 begin = p->at;
    while (count < BLOCK_RECORDS && begin < end) {
        u64 delta;
        u32 size = 0;
        u32 at = begin + (u32)fts_varint_get(bytes + begin, &delta);
        i64 next = (i64)((u64)rowid + delta);
        if (has_poslists)
            at += (u32)fts_varint_get_u32(bytes + at, &size);
        else if (at < end && bytes[at] == 0)
            break;
        if (next <= rowid || at > end || (size & 1) != 0 || size >> 1 > end - at)
            break;
        rowid = block->rowids[count] = next;
        block->at[count] = at;
        block->sizes[count++] = size >> 1;
        begin = at + (size >> 1);
    }
    block->count = count;
    *last = rowid;
    return begin;
}

// Decodes what may be in a block; false: the next record may not.
static bool fill_block(Postings *p)
{
    enum { BYTES_WORTH = 16 };
    if (p->at + BYTES_WORTH >= p->end || p->is_absolute || p->keeps_records
        || p->segment.tombstone_pages > 0)
        return false;
    if (p->block == NULL)
        p->block = sqlite3_malloc64(sizeof *p->block);
    if (p->block == NULL) {
        fail(p, SQLITE_NOMEM);
        return false;
    }
    p->block->next = 0;
    p->at = decode_block(p, p->block, &p->base);
    ASSERT(p->at <= p->end);
    ASSERT(p->block->count <= BLOCK_RECORDS);
    p->has_delete = false;
    p->has_content = true;
    return p->block->count > 0;
}

void postings_advance(Postings *p)
{
    ASSERT(p->block == NULL || p->block->next == p->block->count);

    if (p->is_end)
        return;
    if (fill_block(p)) {
        postings_take(p, 0);
        return;
    }
    do {
        if (!p->is_end)
            step(p);
    } while (p->segment.tombstone_pages > 0 && !p->is_end && is_entombed(p));
}

// --- the doclist index ---

// One page: flags, first leaf, its rowid, then a delta (or 0: no row starts there) per leaf.
static int read_skip_page(Postings *p, const FtsPage *page, u32 *next_leaf)
{
    u32 at = 1;
    u32 leaf;
    u64 value;
    at += (u32)fts_varint_get_u32(page->bytes + at, &leaf);
    at += (u32)fts_varint_get(page->bytes + at, &value);
    i64 rowid = (i64)value;
    if (page->size < 3 || at > page->size || (*next_leaf != 0 && leaf != *next_leaf))
        return FTS_CORRUPT;
    u64 room = p->skip_count + page->size;
    u32 *pgnos = sqlite3_realloc64(p->skip_pgno, room * sizeof(u32));
    if (pgnos == NULL)
        return SQLITE_NOMEM;
    p->skip_pgno = pgnos;
    i64 *rowids = sqlite3_realloc64(p->skip_rowid, room * sizeof(i64));
    if (rowids == NULL)
        return SQLITE_NOMEM;
    p->skip_rowid = rowids;
    for (;;) {
        p->skip_pgno[p->skip_count] = leaf;
        p->skip_rowid[p->skip_count++] = rowid;
        for (leaf++; at < page->size && page->bytes[at] == 0; at++)
            leaf++;
        if (at >= page->size)
            break;
        at += (u32)fts_varint_get(page->bytes + at, &value);
        rowid = (i64)((u64)rowid + value);
    }
    *next_leaf = leaf;
    return SQLITE_OK;
}

// Level 0 of the index lies on consecutive pages from the number of the term on. What is absent or
// broken is done without: the index only saves time. Other failures may have rolled back.
static void load_skips(Postings *p)
{
    u32 next_leaf = 0;
    p->has_dlidx = false;
    for (u32 number = p->term_pgno;; number++) {
        FtsPage *page;
        int rc = fts_index_read(p->index, fts_dlidx_id(p->segment.segid, 0, number), &page);
        bool is_only = rc != SQLITE_OK;
        if (rc == SQLITE_OK) {
            rc = read_skip_page(p, page, &next_leaf);
            is_only = page->size > 0 && page->bytes[0] == 0;
            fts_page_unref(page);
        }
        if (rc != SQLITE_OK && rc != FTS_CORRUPT)
            fail(p, rc);
        if (rc != SQLITE_OK || is_only)
            return;
    }
}

// To the last page whose first row is not behind `rowid`, if that is further than the present one.
static void skip_pages(Postings *p, i64 rowid)
{
    ASSERT(p->block == NULL || p->block->next == p->block->count);

    if (p->has_dlidx)
        load_skips(p);
    if (p->is_end)
        return;
    u32 first = 0;
    u32 end = p->skip_count;
    while (first < end) {
        u32 middle = (first + end) / 2;
        if (p->skip_rowid[middle] <= rowid)
            first = middle + 1;
        else
            end = middle;
    }
    if (first == 0 || p->skip_pgno[first - 1] <= p->pgno
        || p->skip_pgno[first - 1] > p->segment.last_pgno)
        return;
    if (!load_page(p, p->skip_pgno[first - 1]))
        return;
    p->at = p->page->first_rowid == 0 ? p->end : p->page->first_rowid;
    p->is_absolute = true;
}

// A doclist index is its page's last term's. After secure-delete that term may be gone, and another
// be the last: only from the second page on is it certain whose the index is.
static bool can_skip(const Postings *p)
{
    bool has_index = p->has_dlidx || p->skip_count > 0;
    return has_index && (p->index->config->version < VERSION_CUT || p->pgno != p->term_pgno);
}

// The first record of the block not before `rowid`, which is not behind its last.
static void seek_in_block(Postings *p, i64 rowid)
{
    const PostingsBlock *block = p->block;
    ASSERT(block->next < block->count);
    ASSERT(block->rowids[block->count - 1] >= rowid);

    u32 first = block->next;
    u32 step_size = 1;
    while (first + step_size < block->count && block->rowids[first + step_size] < rowid) {
        first += step_size;
        step_size *= 2;
    }
    u32 end = first + step_size < block->count ? first + step_size : block->count - 1;
    while (first < end) {
        u32 middle = (first + end) / 2;
        if (block->rowids[middle] < rowid)
            first = middle + 1;
        else
            end = middle;
    }
    postings_take(p, first);
}

void postings_seek_far(Postings *p, i64 rowid)
{
    bool may_skip = true;
    while (!p->is_end && p->rowid < rowid) {
        PostingsBlock *block = p->block;
        bool has_block = block != NULL && block->next < block->count;
        if (has_block && block->rowids[block->count - 1] >= rowid) {
            seek_in_block(p, rowid);
            return;
        }
        if (has_block)
            block->next = block->count;
        // Worth it once the rest of what was decoded is behind.
        if (may_skip && p->rowid < rowid && can_skip(p)) {
            skip_pages(p, rowid);
            may_skip = false;
        }
        postings_advance(p);
    }
}
