// Cutting postings out of segments, for tables with secure-delete. See segment_merge.h.
//
// A record begins on one leaf, and its poslist may go on over the leaves behind it. All of these
// are written anew without its bytes: what follows moves up, the next rowid of the leaf takes in
// the delta of the lost one, and a leaf that loses all is left as the empty page 0000 0004, for
// page numbers must not change. A term that keeps rows only on later leaves stands without a
// rowid; one that keeps none goes, and where it was a leaf's last term, so does its %_idx row.
// Doclist indexes stay, their rowids are then lower bounds; one that outlives its list's last pages
// is no longer pointed to.
#include "fts/segment_merge.h"

typedef struct LeafTerm {
    u32 at; // offset of its entry
    FtsBuffer text;
    u32 doclist_at;
} LeafTerm;

// A leaf taken apart: the body without footer, and the terms that start on it.
typedef struct Leaf {
    FtsIndex *index;
    u32 segid;
    u32 pgno;
    u32 first_rowid;
    FtsBuffer body;
    LeafTerm *terms;
    u32 term_count;
    int rc;
} Leaf;

static void leaf_deinit(Leaf *leaf)
{
    for (u32 i = 0; i < leaf->term_count; i++)
        fts_buffer_deinit(&leaf->terms[i].text);
    sqlite3_free(leaf->terms);
    fts_buffer_deinit(&leaf->body);
    *leaf = (Leaf){0};
}

// The term at `at`: a first one in full, others as what they share with the one before.
static int read_term(Leaf *leaf, const FtsPage *page, u32 at)
{
    const FtsBuffer *previous =
        leaf->term_count == 0 ? NULL : &leaf->terms[leaf->term_count - 1].text;
    LeafTerm *term = &leaf->terms[leaf->term_count];
    u32 shared = 0;
    u32 size;
    *term = (LeafTerm){.at = at};
    if (previous != NULL)
        at += (u32)fts_varint_get_u32(page->bytes + at, &shared);
    at += (u32)fts_varint_get_u32(page->bytes + at, &size);
    if (at > page->leaf_size || size > page->leaf_size - at
        || shared > (previous == NULL ? 0 : previous->size))
        return FTS_CORRUPT;
    leaf->term_count++;
    if (shared > 0)
        fts_buffer_append(&term->text, previous->bytes, shared);
    fts_buffer_append(&term->text, page->bytes + at, size);
    term->doclist_at = at + size;
    return term->text.rc;
}

static int read_terms(Leaf *leaf, const FtsPage *page)
{
    u32 at = page->leaf_size;
    u32 offset = 0;
    leaf->terms = fts_zalloc(sizeof(LeafTerm) * ((u64)(page->size - page->leaf_size) + 1));
    if (leaf->terms == NULL)
        return SQLITE_NOMEM;
    while (at < page->size) {
        u32 delta;
        at += (u32)fts_varint_get_u32(page->bytes + at, &delta);
        offset += delta;
        if (delta == 0 || offset < PAGE_HEADER_SIZE || offset >= page->leaf_size)
            return FTS_CORRUPT;
        TRY(read_term(leaf, page, offset));
    }
    return SQLITE_OK;
}

static int leaf_read(Leaf *leaf, FtsIndex *index, u32 segid, u32 pgno)
{
    FtsPage *page;
    *leaf = (Leaf){.index = index, .segid = segid, .pgno = pgno};
    TRY(fts_index_read_leaf(index, fts_leaf_id(segid, pgno), &page));
    leaf->first_rowid = page->first_rowid;
    fts_buffer_set(&leaf->body, page->bytes, page->leaf_size);
    int rc = leaf->body.rc;
    if (rc == SQLITE_OK)
        rc = read_terms(leaf, page);
    fts_page_unref(page);
    return rc;
}

static int leaf_write(Leaf *leaf)
{
    ASSERT(leaf->body.size >= PAGE_HEADER_SIZE);
    ASSERT(leaf->first_rowid <= leaf->body.size);

    u32 last = 0;
    fts_u16_put(leaf->body.bytes, leaf->first_rowid);
    fts_u16_put(leaf->body.bytes + 2, leaf->body.size);
    for (u32 i = 0; i < leaf->term_count; i++) {
        fts_buffer_append_varint(&leaf->body, leaf->terms[i].at - last);
        last = leaf->terms[i].at;
    }
    TRY(leaf->body.rc);
    return fts_index_write(leaf->index, fts_leaf_id(leaf->segid, leaf->pgno), leaf->body.bytes,
                           leaf->body.size);
}

// Puts `bytes` in the place of [from, to); what lies behind moves.
static void leaf_replace(Leaf *leaf, u32 from, u32 to, const FtsBuffer *bytes)
{
    ASSERT(from <= to && to <= leaf->body.size);

    FtsBuffer rest = {0};
    i64 shift = (i64)bytes->size - (i64)(to - from);
    fts_buffer_append(&rest, leaf->body.bytes + to, leaf->body.size - to);
    leaf->body.size = from;
    fts_buffer_append(&leaf->body, bytes->bytes, bytes->size);
    fts_buffer_append(&leaf->body, rest.bytes, rest.size);
    if (rest.rc != SQLITE_OK || bytes->rc != SQLITE_OK)
        leaf->body.rc = SQLITE_NOMEM;
    fts_buffer_deinit(&rest);
    if (leaf->first_rowid > from)
        leaf->first_rowid = (u32)((i64)leaf->first_rowid + shift);
    for (u32 i = 0; i < leaf->term_count; i++) {
        if (leaf->terms[i].at > from) {
            leaf->terms[i].at = (u32)((i64)leaf->terms[i].at + shift);
            leaf->terms[i].doclist_at = (u32)((i64)leaf->terms[i].doclist_at + shift);
        }
    }
}

static u32 shared_size(const FtsBuffer *a, const FtsBuffer *b)
{
    u32 size = 0;
    while (size < a->size && size < b->size && a->bytes[size] == b->bytes[size])
        size++;
    return size;
}

// Drops a term whose doclist is empty. The one behind it must spell out what it shared with it.
static void leaf_drop_term(Leaf *leaf, u32 number)
{
    LeafTerm *term = &leaf->terms[number];
    LeafTerm *next = number + 1 < leaf->term_count ? term + 1 : NULL;
    FtsBuffer entry = {0};
    u32 end = leaf->body.size;
    if (next != NULL) {
        u32 shared = number == 0 ? 0 : shared_size(&leaf->terms[number - 1].text, &next->text);
        if (number > 0)
            fts_buffer_append_varint(&entry, shared);
        fts_buffer_append_varint(&entry, next->text.size - shared);
        fts_buffer_append(&entry, next->text.bytes + shared, next->text.size - shared);
        end = next->doclist_at;
    }
    leaf_replace(leaf, term->at, end, &entry);
    if (next != NULL)
        next->at = term->at;
    fts_buffer_deinit(&term->text);
    memmove(term, term + 1, sizeof *term * (leaf->term_count - number - 1));
    leaf->term_count--;
    fts_buffer_deinit(&entry);
}

// --- one posting ---

typedef struct Cut {
    FtsIndex *index;
    const FtsSegment *segment;
    u32 term_pgno;
    u32 first_pgno; // where the record begins
    u32 first_at;
    u32 last_pgno; // where it ends
    u32 last_at;
    u32 doclist_end; // on the first page
    bool is_only;    // record of the term
    bool is_last;
    bool has_dlidx;
} Cut;

// Takes the head of a later page: the rest of the poslist.
static int cut_rest(const Cut *cut, u32 pgno)
{
    Leaf leaf;
    FtsBuffer nothing = {0};
    int rc = leaf_read(&leaf, cut->index, cut->segment->segid, pgno);
    if (rc == SQLITE_OK) {
        u32 end = pgno == cut->last_pgno ? cut->last_at : leaf.body.size;
        leaf_replace(&leaf, PAGE_HEADER_SIZE, end, &nothing);
        rc = leaf_write(&leaf);
    }
    leaf_deinit(&leaf);
    return rc;
}

// Runs a statement that was printed, and releases it.
static int run_printed(sqlite3 *db, char *sql)
{
    int rc = sql == NULL ? SQLITE_NOMEM : sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc;
}

// Doclist indexes that %_idx no longer points to stay where they are, as FTS5 leaves them: one page
// number may belong to the end of this list and to the beginning of the next one's.
static int detach_dlidx(const Cut *cut)
{
    const FtsConfig *config = cut->index->config;
    const i64 pgno = cut->term_pgno;
    ASSERT(pgno > 0 && cut->has_dlidx);

    return run_printed(
        config->db, sqlite3_mprintf("UPDATE %Q.'%q_idx' SET pgno = %lld WHERE segid = %lld AND pgno"
                                    " = %lld",
                                    config->db_name, config->name, pgno * 2,
                                    (i64)cut->segment->segid, pgno * 2 + 1));
}

// The %_idx row of a page that lost its last term; the first page's row stays, as FTS5 leaves it.
static int drop_idx(const Cut *cut)
{
    const FtsConfig *config = cut->index->config;
    const i64 pgno = cut->term_pgno;
    ASSERT(pgno > 0);

    return run_printed(
        config->db, sqlite3_mprintf("DELETE FROM %Q.'%q_idx' WHERE segid = %lld AND pgno IN (%lld,"
                                    " %lld) AND term <> x''",
                                    config->db_name, config->name, (i64)cut->segment->segid,
                                    pgno * 2, pgno * 2 + 1));
}

// The record's bytes on its first page. The varint of the next rowid, if one follows here, becomes
// the sum of both: right for deltas, and for a rowid in full with a delta.
static void cut_head(const Cut *cut, Leaf *leaf)
{
    FtsBuffer rowid = {0};
    bool is_spilt = cut->last_pgno != cut->first_pgno;
    u32 end = is_spilt ? cut->doclist_end : cut->last_at;
    if (!is_spilt && end < cut->doclist_end) {
        u64 gone;
        u64 next;
        fts_varint_get(leaf->body.bytes + cut->first_at, &gone);
        end += (u32)fts_varint_get(leaf->body.bytes + end, &next);
        fts_buffer_append_varint(&rowid, gone + next);
    } else if (leaf->first_rowid == cut->first_at) {
        leaf->first_rowid = 0;
    }
    leaf_replace(leaf, cut->first_at, end, &rowid);
    fts_buffer_deinit(&rowid);
}

// The list now ends on an earlier page than its doclist index says: for rowids behind the end FTS5
// would go to a page without any, look for the next and take another term's. The index is given up.
// (FTS5 cuts its own lists just so and keeps the index, with that effect.)
static bool outlived_by_dlidx(const Cut *cut, const Leaf *leaf, u32 first_rowid)
{
    ASSERT(cut->first_pgno >= cut->term_pgno);
    return cut->has_dlidx && cut->is_last && cut->first_pgno > cut->term_pgno && first_rowid > 0
           && leaf->first_rowid == 0;
}

static int cut_first(const Cut *cut)
{
    Leaf leaf;
    int rc = leaf_read(&leaf, cut->index, cut->segment->segid, cut->first_pgno);
    if (rc == SQLITE_OK) {
        const u32 first_rowid = leaf.first_rowid;
        cut_head(cut, &leaf);
        rc = leaf_write(&leaf);
        if (rc == SQLITE_OK && outlived_by_dlidx(cut, &leaf, first_rowid))
            rc = detach_dlidx(cut);
    }
    leaf_deinit(&leaf);
    return rc;
}

// The term lost its only record, which may have stood on a later page than the term.
static int drop_term(const Cut *cut, const PendingTerm *of)
{
    Leaf leaf;
    u32 number = 0;
    bool drops_idx = false;
    bool has_terms = false;
    int rc = leaf_read(&leaf, cut->index, cut->segment->segid, cut->term_pgno);
    while (rc == SQLITE_OK && number < leaf.term_count
           && fts_bytes_compare(leaf.terms[number].text.bytes, leaf.terms[number].text.size,
                                of->key, of->key_size)
                  != 0)
        number++;
    if (rc == SQLITE_OK && number < leaf.term_count) {
        drops_idx = number + 1 == leaf.term_count && (number == 0 || cut->has_dlidx);
        leaf_drop_term(&leaf, number);
        has_terms = leaf.term_count > 0;
        rc = leaf_write(&leaf);
    }
    leaf_deinit(&leaf);
    if (rc != SQLITE_OK || !drops_idx)
        return rc;
    return has_terms ? detach_dlidx(cut) : drop_idx(cut);
}

// Finds the record; false: the segment has none. first_pgno 0 in *cut then.
static int find_record(const TermCursor *term, i64 rowid, Cut *cut)
{
    Postings p;
    term_cursor_postings(term, &p);
    p.keeps_records = true;
    postings_next(&p);
    bool is_first = !p.is_end && p.rowid == rowid;
    postings_seek(&p, rowid);
    if (!p.is_end && p.rowid == rowid) {
        cut->first_pgno = p.record_pgno;
        cut->first_at = p.record_at;
        cut->doclist_end = p.record_end;
        cut->last_pgno = p.pgno;
        cut->last_at = p.at;
        postings_next(&p);
        cut->is_last = p.is_end;
        cut->is_only = is_first && p.is_end;
    }
    int rc = p.rc;
    postings_deinit(&p);
    return rc;
}

static int cut_posting(FtsIndex *index, const FtsSegment *segment, const PendingTerm *of, i64 rowid)
{
    TermCursor term;
    Cut cut = {.index = index, .segment = segment};
    term_cursor_seek(&term, index, segment, of->key, of->key_size);
    int rc = term.rc;
    if (rc == SQLITE_OK && !term.is_end
        && fts_bytes_compare(term.term.bytes, term.term.size, of->key, of->key_size) == 0) {
        cut.has_dlidx = term.has_dlidx;
        cut.term_pgno = term.pgno;
        rc = find_record(&term, rowid, &cut);
    }
    term_cursor_deinit(&term);
    // From the back, so that a failure leaves no poslist without its beginning.
    for (u32 pgno = cut.last_pgno; rc == SQLITE_OK && pgno > cut.first_pgno; pgno--)
        rc = cut_rest(&cut, pgno);
    if (rc == SQLITE_OK && cut.first_pgno > 0)
        rc = cut_first(&cut);
    return rc == SQLITE_OK && cut.is_only ? drop_term(&cut, of) : rc;
}

int fts_index_cut(FtsIndex *index, const PendingTerm *term, i64 rowid)
{
    for (int level = 0; level < index->structure.level_count; level++) {
        const FtsLevel *at = &index->structure.levels[level];
        for (int i = 0; i < at->segment_count; i++)
            TRY(cut_posting(index, &at->segments[i], term, rowid));
    }
    return SQLITE_OK;
}

// --- the head of a segment ---

// Everything before the page. The term is the first that stays.
static int erase_head(FtsIndex *index, const FtsSegment *segment, u32 pgno, const FtsBuffer *term)
{
    if (pgno <= segment->first_pgno)
        return SQLITE_OK;
    u32 segid = segment->segid;
    sqlite3_stmt *stmt;
    TRY(fts_index_erase(index, fts_leaf_id(segid, segment->first_pgno),
                        fts_leaf_id(segid, pgno - 1)));
    for (u32 height = 0; height < DLIDX_LEVEL_MAX; height++)
        TRY(fts_index_erase(index, fts_dlidx_id(segid, height, segment->first_pgno),
                            fts_dlidx_id(segid, height, pgno - 1)));
    TRY(fts_index_stmt(index, STMT_IDX_ERASE_HEAD, &stmt));
    sqlite3_bind_int64(stmt, 1, segid);
    sqlite3_bind_blob(stmt, 2, term->bytes, (int)term->size, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, (i64)pgno * 2);
    sqlite3_step(stmt);
    int rc = sqlite3_reset(stmt);
    sqlite3_bind_null(stmt, 2);
    return rc;
}

static void drop_terms_before(Leaf *leaf, u32 number)
{
    ASSERT(number < leaf->term_count);

    for (u32 i = 0; i < number; i++)
        fts_buffer_deinit(&leaf->terms[i].text);
    leaf->term_count -= number;
    memmove(leaf->terms, leaf->terms + number, sizeof *leaf->terms * leaf->term_count);
}

static int find_term(const Leaf *leaf, u32 at, u32 *number)
{
    for (*number = 0; *number < leaf->term_count; (*number)++) {
        if (leaf->terms[*number].at == at)
            return SQLITE_OK;
    }
    return FTS_CORRUPT;
}

// Makes the term the first on its page.
static int trim_page(FtsIndex *index, const TermCursor *term)
{
    Leaf leaf;
    FtsBuffer entry = {0};
    u32 number = 0;
    int rc = leaf_read(&leaf, index, term->segment.segid, term->pgno);
    if (rc == SQLITE_OK)
        rc = find_term(&leaf, term->term_at, &number);
    if (rc == SQLITE_OK && term->term_at > PAGE_HEADER_SIZE) {
        fts_buffer_append_varint(&entry, term->term.size);
        fts_buffer_append(&entry, term->term.bytes, term->term.size);
        leaf_replace(&leaf, PAGE_HEADER_SIZE, leaf.terms[number].doclist_at, &entry);
        leaf.first_rowid = 0;
        leaf.terms[number].at = PAGE_HEADER_SIZE;
        drop_terms_before(&leaf, number);
        rc = leaf_write(&leaf);
    }
    fts_buffer_deinit(&entry);
    leaf_deinit(&leaf);
    return rc;
}

// A term that began on an earlier page becomes the first of this one: the one that was the first
// now shares bytes with it.
static int leaf_insert_term(Leaf *leaf, const FtsBuffer *text)
{
    if (leaf->term_count > 0) {
        LeafTerm *second = &leaf->terms[0];
        FtsBuffer entry = {0};
        u32 shared = shared_size(text, &second->text);
        fts_buffer_append_varint(&entry, shared);
        fts_buffer_append_varint(&entry, second->text.size - shared);
        fts_buffer_append(&entry, second->text.bytes + shared, second->text.size - shared);
        leaf_replace(leaf, second->at, second->doclist_at, &entry);
        fts_buffer_deinit(&entry);
    }
    memmove(leaf->terms + 1, leaf->terms, sizeof *leaf->terms * leaf->term_count);
    leaf->term_count++;
    leaf->terms[0] = (LeafTerm){.at = PAGE_HEADER_SIZE};
    fts_buffer_set(&leaf->terms[0].text, text->bytes, text->size);
    return leaf->terms[0].text.rc;
}

// The row of %_idx of a page on which the term did not start so far. It comes before all others.
static int name_page(FtsIndex *index, const Leaf *leaf)
{
    const FtsConfig *config = index->config;
    const i64 entry = (i64)leaf->pgno * 2;
    sqlite3_stmt *stmt = NULL;
    char *sql =
        leaf->term_count > 1
            ? sqlite3_mprintf("UPDATE %Q.'%q_idx' SET term = x'' WHERE segid = ?1 AND term <= ?2"
                              " AND pgno IN (%lld, %lld)",
                              config->db_name, config->name, entry, entry + 1)
            : sqlite3_mprintf("INSERT INTO %Q.'%q_idx'(segid, term, pgno) VALUES(?1, x'', %lld)",
                              config->db_name, config->name, entry);
    int rc = sql == NULL ? SQLITE_NOMEM : sqlite3_prepare_v2(config->db, sql, -1, &stmt, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_OK) {
        sqlite3_bind_int64(stmt, 1, leaf->segid);
        if (leaf->term_count > 1)
            sqlite3_bind_blob(stmt, 2, leaf->terms[1].text.bytes, (int)leaf->terms[1].text.size,
                              SQLITE_STATIC);
        sqlite3_step(stmt);
    }
    int final_rc = sqlite3_finalize(stmt);
    return rc == SQLITE_OK ? final_rc : rc;
}

// Makes the record the first of the term, and both the first of the record's page.
static int trim_doclist(FtsIndex *index, FtsSegment *segment, const TermCursor *term,
                        const Postings *p)
{
    const bool is_later = p->record_pgno != term->pgno;
    ASSERT(!p->is_end && p->record_pgno >= term->pgno);

    Leaf leaf;
    FtsBuffer head = {0};
    u32 number = 0;
    u64 rowid;
    int rc = leaf_read(&leaf, index, segment->segid, p->record_pgno);
    if (rc == SQLITE_OK)
        rc = is_later ? leaf_insert_term(&leaf, &term->term)
                      : find_term(&leaf, term->term_at, &number);
    if (rc == SQLITE_OK) {
        u32 rest = p->record_at + (u32)fts_varint_get(leaf.body.bytes + p->record_at, &rowid);
        fts_buffer_append_varint(&head, term->term.size);
        fts_buffer_append(&head, term->term.bytes, term->term.size);
        fts_buffer_append_varint(&head, (u64)p->rowid);
        drop_terms_before(&leaf, number);
        leaf_replace(&leaf, PAGE_HEADER_SIZE, rest, &head);
        leaf.first_rowid = 0;
        leaf.terms[0].at = PAGE_HEADER_SIZE;
        rc = leaf_write(&leaf);
    }
    if (rc == SQLITE_OK)
        rc = erase_head(index, segment, p->record_pgno, &term->term);
    if (rc == SQLITE_OK && is_later)
        rc = name_page(index, &leaf);
    segment->first_pgno = p->record_pgno;
    fts_buffer_deinit(&head);
    leaf_deinit(&leaf);
    return rc;
}

// The term's rows before `rowid` go. *is_done: false if there are no others.
static int trim_rows(FtsIndex *index, FtsSegment *segment, const TermCursor *term, i64 rowid,
                     bool *is_done)
{
    Postings p;
    term_cursor_postings(term, &p);
    p.keeps_records = true;
    postings_next(&p);
    postings_seek(&p, rowid);
    int rc = p.rc;
    *is_done = !p.is_end;
    if (rc == SQLITE_OK && *is_done)
        rc = trim_doclist(index, segment, term, &p);
    postings_deinit(&p);
    return rc;
}

int fts_index_trim(FtsIndex *index, FtsSegment *segment, const FtsBuffer *term, const i64 *rowid)
{
    TermCursor cursor;
    bool is_done = false;
    if (segment->first_pgno == 0)
        return SQLITE_OK;
    term_cursor_seek(&cursor, index, segment, term->bytes, term->size);
    int rc = cursor.rc;
    if (rc == SQLITE_OK && rowid != NULL && !cursor.is_end
        && fts_bytes_compare(cursor.term.bytes, cursor.term.size, term->bytes, term->size) == 0) {
        rc = trim_rows(index, segment, &cursor, *rowid, &is_done);
        if (rc == SQLITE_OK && !is_done) {
            term_cursor_next(&cursor);
            rc = cursor.rc;
        }
    }
    if (rc == SQLITE_OK && cursor.is_end) {
        rc = fts_index_erase_segment(index, segment);
        segment->first_pgno = segment->last_pgno = 0;
        segment->tombstone_pages = 0;
    } else if (rc == SQLITE_OK && !is_done) {
        rc = trim_page(index, &cursor);
        if (rc == SQLITE_OK)
            rc = erase_head(index, segment, cursor.pgno, &cursor.term);
        segment->first_pgno = cursor.pgno;
    }
    term_cursor_deinit(&cursor);
    return rc;
}
