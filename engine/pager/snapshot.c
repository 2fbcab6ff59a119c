// Reading: taking a snapshot, finding pages in it, giving it back.
//
// In the rollback modes the snapshot is the file itself: SHARED keeps writers from it. Whether
// memory still agrees with the file is seen from 16 bytes of the header (change counter, size,
// freelist) that every commit changes. In WAL mode the snapshot is a copy of the wal-index header
// and a mark that keeps checkpoints away from its frames; a page is its newest frame of that
// snapshot, or what the file holds.
//
// A connection that failed to roll back (FAILED) keeps its locks until its read ends here: then all
// it has in memory goes, and the next reader recovers, itself or another process.
#include "pager/file_header.h"
#include "pager/file_lock.h"
#include "pager/journal.h"
#include "pager/log_mode.h"
#include "pager/pager_internal.h"
#include "pager/wal.h"

// --- phases ---

void pager_set_phase(Pager *pager, Phase phase)
{
    ASSERT(phase <= PHASE_FAILED);
    if (phase == PHASE_IDLE)
        ASSERT(pager->pool.private_count == 0);
    if (phase == PHASE_RESERVED)
        ASSERT(pager->phase == PHASE_READING);
    if (phase == PHASE_FILE_CHANGED)
        ASSERT(pager->wal == NULL);
    pager->phase = (u8)phase;
}

// --- snapshots ---

// A last page cut short counts.
int file_page_count(Pager *pager, Pgno *out)
{
    ASSERT(os_is_open(pager->file));
    i64 size;
    TRY(os_size(pager->file, &size));
    ASSERT(size >= 0);
    i64 page_size = pager->pool.page_size;
    *out = (Pgno)((size + page_size - 1) / page_size);
    return SQLITE_OK;
}

// Takes page size and reserved bytes from the header when it is one; else the file is new or no
// database, which the B-tree will tell from page 1.
static void snapshot_adopt_header(Pager *pager, const u8 *header)
{
    ASSERT(header != NULL);
    u32 size = file_header_page_size(header);
    if (size == 0)
        return;
    if (size != pager->pool.page_size && pool_pinned_count(&pager->pool) == 0) {
        pool_set_page_size(&pager->pool, size);
        pager->pool.limit = pager_cache_limit(pager);
    }
    pager->reserved = header[HEADER_RESERVED];
    ASSERT(pager->pool.private_count == 0);
}

// Looks whether the file changed since this pager last looked; forgets its pages if so.
static int snapshot_check_file(Pager *pager, bool *changed)
{
    ASSERT(pager->lock >= SQLITE_LOCK_SHARED);
    u8 header[HEADER_SIZE];
    int rc = os_read(pager->file, header, HEADER_SIZE, 0);
    if (rc == SQLITE_IOERR_SHORT_READ)
        rc = SQLITE_OK; // the rest is zeros: an empty or a hopelessly short file
    TRY(rc);
    const u8 *version = header + HEADER_COUNTER;
    ASSERT(pager->wal == NULL);
    bool is_same =
        pager->has_looked && memcmp(version, pager->file_version, sizeof pager->file_version) == 0;
    if (!is_same) {
        pager_drop_cache(pager);
        *changed = true;
        memcpy(pager->file_version, version, sizeof pager->file_version);
        pager->has_looked = true;
        snapshot_adopt_header(pager, header);
    }
    pager->is_counted = file_header_is_counted(header, pager->pool.page_size);
    return file_page_count(pager, &pager->page_count);
}

// R1: makes up for a rollback that failed. Nobody has seen the file since.
static int snapshot_settle(Pager *pager)
{
    ASSERT(pager->phase == PHASE_IDLE);
    ASSERT(pager->pool.private_count == 0);
    TRY(journal_playback_own(pager));
    journal_close(pager);
    file_unlock(pager, SQLITE_LOCK_NONE);
    return SQLITE_OK;
}

// Order matters: the lock first, then recovery, then a look at the header it may have changed.
static int snapshot_begin_file(Pager *pager, bool *changed)
{
    ASSERT(!pager->is_temporary);
    ASSERT(pager->phase == PHASE_IDLE);
    if (pager->wal != NULL)
        return log_begin_read(pager, changed);
    if (pager->journal.is_owed)
        TRY(snapshot_settle(pager));
    if (pager->lock >= SQLITE_LOCK_SHARED)
        return SQLITE_OK; // exclusive locking mode: nobody wrote since
    TRY(file_lock_shared(pager));
    int rc = SQLITE_OK;
    if (!pager->is_immutable)
        rc = hot_journal_recover(pager);
    if (rc == SQLITE_OK)
        rc = snapshot_check_file(pager, changed);
    if (rc == SQLITE_OK)
        rc = log_open_if_present(pager);
    if (rc == SQLITE_OK && pager->wal != NULL)
        rc = log_begin_read(pager, changed); // SHARED is kept as long as the log is open
    else if (rc != SQLITE_OK)
        file_unlock(pager, SQLITE_LOCK_NONE);
    return rc;
}

int pager_begin_read(Pager *pager, bool *changed)
{
    ASSERT(pager->phase != PHASE_IDLE || pager->pool.private_count == 0);
    bool differs = false;
    if (pager->phase == PHASE_FAILED)
        return pager->failure;
    if (pager->phase == PHASE_IDLE) {
        int rc = SQLITE_OK;
        if (!pager->is_temporary) {
            do {
                rc = snapshot_begin_file(pager, &differs);
            } while ((rc & 0xff) == SQLITE_BUSY && pager_invoke_busy(pager) != 0);
        }
        if (rc != SQLITE_OK)
            return rc;
        pager_set_phase(pager, PHASE_READING);
    }
    if (differs) {
        pager->data_version++;
        pager_report_change(pager, 0, NULL);
    }
    if (changed != NULL)
        *changed = differs;
    ASSERT(pager->phase >= PHASE_READING);
    return SQLITE_OK;
}

// After a failed rollback: the journal stays where it is, hot, for the next one who opens the file.
// One in memory is nobody else's to play: it stays, too, and EXCLUSIVE with it (R1).
static void snapshot_abandon(Pager *pager)
{
    ASSERT(pager->phase == PHASE_FAILED);
    pager_forget_private(pager);
    undo_clear(pager);
    if (pager->wal != NULL)
        wal_end_write(pager->wal);
    pager->is_concurrent = false;
    if (!pager->journal.is_owed)
        journal_close(pager);
    pager_drop_cache(pager);
    pager->has_looked = false;
    pager->failure = SQLITE_OK;
    ASSERT(pager->pool.private_count == 0);
}

void pager_end_read(Pager *pager)
{
    ASSERT(pager->phase <= PHASE_READING || pager->phase == PHASE_FAILED);
    ASSERT_SLOW(pool_pinned_count(&pager->pool) == 0); // P5
    if (pager->phase == PHASE_IDLE)
        return;
    bool has_failed = pager->phase == PHASE_FAILED;
    if (has_failed)
        snapshot_abandon(pager);
    if (pager->wal != NULL) {
        wal_end_read(pager->wal);
        bool is_exclusive = pager->lock > SQLITE_LOCK_SHARED && !wal_has_heap_index(pager->wal);
        if (is_exclusive && !pager->locking_exclusive)
            file_unlock(pager, SQLITE_LOCK_SHARED); // the locking mode is normal again
    } else if (!pager->is_temporary && !pager->journal.is_owed
               && (has_failed || !pager->locking_exclusive)) {
        file_unlock(pager, SQLITE_LOCK_NONE);
    }
    pager_set_phase(pager, PHASE_IDLE);
}

int snapshot_close(Pager *pager)
{
    ASSERT(pager->pool.private_count == 0);
    ASSERT(pager->phase == PHASE_IDLE);
    if (pager->wal != NULL)
        log_close(pager);
    int rc = pager->journal.is_owed ? snapshot_settle(pager) : SQLITE_OK;
    if (rc != SQLITE_OK)
        log_message(rc, "%s is left half rolled back: its journal was in memory", pager->path);
    bool kept_journal = os_is_open(pager->journal.file) && pager->lock == SQLITE_LOCK_EXCLUSIVE;
    journal_close(pager);
    if (kept_journal && pager->journal_mode == JOURNAL_DELETE)
        journal_delete_quietly(pager); // zeroed: exclusive mode kept it
    file_unlock(pager, SQLITE_LOCK_NONE);
    return rc;
}

// --- pages ---

// Which frame of the log has the page for this snapshot; 0: the file has it.
static int snapshot_find_frame(Pager *pager, Pgno pgno, FrameNo *out)
{
    ASSERT(pgno != 0);
    *out = 0;
    if (pager->wal != NULL)
        TRY(wal_find(pager->wal, pgno, out));
    ASSERT(*out == 0 || pager->wal != NULL);
    return SQLITE_OK;
}

// *is_whole: the bytes were all there. A page that lies beyond the file's end reads as zeros.
static int snapshot_read_at(Pager *pager, Pgno pgno, FrameNo frame, u8 *out, bool *is_whole)
{
    int size = (int)pager->pool.page_size;
    ASSERT(pgno != 0);
    *is_whole = true;
    if (frame != 0)
        return wal_read_frame(pager->wal, frame, out, (u32)size);
    int rc = os_read(pager->file, out, size, (i64)(pgno - 1) * size);
    if (rc == SQLITE_IOERR_SHORT_READ) {
        *is_whole = false;
        rc = SQLITE_OK; // zero-filled by os_read
    }
    ASSERT(size >= PAGE_SIZE_MIN);
    return rc;
}

int snapshot_read_page(Pager *pager, Pgno pgno, u8 *out)
{
    ASSERT(pgno != 0);
    ASSERT(out != NULL);
    if (!os_is_open(pager->file)) {
        memset(out, 0, pager->pool.page_size); // temporary, and never written out
        return SQLITE_OK;
    }
    FrameNo frame;
    bool ignored;
    TRY(snapshot_find_frame(pager, pgno, &frame));
    return snapshot_read_at(pager, pgno, frame, out, &ignored);
}

// --- pages that other connections have ---

// The name of a page's content where it has one (page_store.h); `frame` is where it lies.
static void version_of(const Pager *pager, FrameNo frame, PageVersion *out)
{
    ASSERT(pager->store != NULL);
    *out = (PageVersion){.kind = VERSION_NONE};
    if (pager->wal != NULL) {
        wal_version(pager->wal, frame, out);
        if (out->kind == VERSION_UNLOGGED)
            out->words[1] = pager->log_period;
    } else if (pager->has_looked && pager->is_counted) {
        ASSERT(frame == 0);
        out->kind = VERSION_COUNTED;
        static_assert(sizeof out->words == sizeof pager->file_version, "the name is the header's");
        memcpy(out->words, pager->file_version, sizeof out->words);
    }
}

// Of a page about to be read. What a writer reads in the rollback modes has a name until its own
// changes have reached the header or the file (S3).
static void version_to_read(const Pager *pager, FrameNo frame, PageVersion *out)
{
    ASSERT(pager->phase >= PHASE_READING);
    *out = (PageVersion){.kind = VERSION_NONE};
    if (pager->store == NULL)
        return;
    bool is_untouched = pager->phase == PHASE_READING
                        || (pager->phase <= PHASE_CHANGING && !pager->counter_changed);
    if (pager->wal != NULL || is_untouched)
        version_of(pager, frame, out);
    ASSERT(out->kind != VERSION_COUNTED || pager->wal == NULL);
}

// A page whose buffer another connection has under the same name already stays as it is: pointers
// lead into it.
void snapshot_publish(Pager *pager, Slot *slot)
{
    PageVersion version;
    FrameNo frame = 0;
    ASSERT(pager->phase == PHASE_PREPARED);
    ASSERT(!slot->page.is_private);
    if (slot->buffer->store != NULL || buffer_is_shared(slot->buffer))
        return;
    if (pager->wal != NULL
        && (wal_find(pager->wal, slot->page.pgno, &frame) != SQLITE_OK || frame == 0))
        return; // S4
    version_of(pager, frame, &version);
    if (version.kind == VERSION_NONE)
        return;
    PageBuffer *found = page_store_publish(pager->store, slot->buffer, slot->page.pgno, &version);
    if (found != NULL && found != slot->buffer)
        page_buffer_unref(&pager->pool, found);
}

// --- bringing pages into memory ---

// Room is made one page at a time, but a spill that has to happen makes room for many.
static int pager_make_room(Pager *pager)
{
    Pool *pool = &pager->pool;
    if (LIKELY(pool->count < pool->limit))
        return SQLITE_OK;
    Slot *victim = pool_victim(pool);
    if (victim == NULL && pager->spill_enabled && pager->spill_blocked == 0
        && pool->count >= pager->spill_threshold) {
        TRY(pager_spill(pager));
        victim = pool_victim(pool);
    }
    ASSERT(victim == NULL || victim->page.pins == 0);
    if (victim != NULL)
        pool_remove(pool, victim); // its buffer comes back from the free list at once
    return SQLITE_OK;
}

// Takes the reference to the buffer, on failure too.
static int pager_add_slot(Pager *pager, Pgno pgno, PageBuffer *buffer, Slot **out)
{
    ASSERT(buffer != NULL);
    int rc = pool_add(&pager->pool, pgno, out);
    if (rc != SQLITE_OK) {
        page_buffer_unref(&pager->pool, buffer);
        return rc;
    }
    slot_set_buffer(&pager->pool, *out, buffer);
    ASSERT((*out)->page.pins == 0);
    return SQLITE_OK;
}

int pager_new_slot(Pager *pager, Pgno pgno, Slot **out)
{
    PageBuffer *buffer;
    ASSERT(pool_find(&pager->pool, pgno) == NULL);
    TRY(pager_make_room(pager));
    TRY(buffer_new(&pager->pool, &buffer));
    ASSERT(buffer_is_writable(buffer));
    return pager_add_slot(pager, pgno, buffer, out);
}

// Reads the page into a buffer of its own and lets others find it.
static int page_read(Pager *pager, Pgno pgno, FrameNo frame, const PageVersion *version, Slot **out)
{
    PageBuffer *buffer;
    bool is_whole;
    TRY(buffer_new(&pager->pool, &buffer));
    int rc = snapshot_read_at(pager, pgno, frame, buffer->data, &is_whole);
    if (rc != SQLITE_OK) {
        page_buffer_unref(&pager->pool, buffer);
        return rc;
    }
    pager->stats.misses++;
    if (version->kind != VERSION_NONE && is_whole) {
        PageBuffer *found = page_store_publish(pager->store, buffer, pgno, version);
        if (found != NULL && found != buffer) { // another was reading it, too, and was first
            page_buffer_unref(&pager->pool, buffer);
            buffer = found;
        }
    }
    ASSERT(buffer->size == pager->pool.page_size);
    return pager_add_slot(pager, pgno, buffer, out);
}

// A page of the file that is not in this pager's memory: from another connection's, or the disk.
// Room is made first: a spill may start the log over, and with it all names.
static int page_load(Pager *pager, Pgno pgno, Slot **out)
{
    FrameNo frame;
    PageVersion version;
    ASSERT(os_is_open(pager->file));
    TRY(pager_make_room(pager));
    TRY(snapshot_find_frame(pager, pgno, &frame));
    version_to_read(pager, frame, &version);
    PageBuffer *found = NULL;
    if (version.kind != VERSION_NONE && page_store_has_company(pager->store))
        found = page_store_find(pager->store, pgno, &version, pager->pool.page_size);
    if (found == NULL)
        return page_read(pager, pgno, frame, &version, out);
    pager->stats.hits++;
    ASSERT(found->size == pager->pool.page_size);
    return pager_add_slot(pager, pgno, found, out);
}

// A page of a temporary database that nobody has written out: it is nowhere else.
static int page_conjure(Pager *pager, Pgno pgno, Slot **out)
{
    ASSERT(pager->is_temporary);
    ASSERT(!os_is_open(pager->file));
    TRY(pager_new_slot(pager, pgno, out));
    memset((*out)->page.data, 0, pager->pool.page_size);
    (*out)->flags |= SLOT_UNSAVED;
    pager->stats.misses++;
    return SQLITE_OK;
}

// Cold: page numbers come from pages of the file, and a wrong one means a damaged file.
static COLD int page_refused(Pager *pager, Pgno pgno)
{
    ASSERT(pager != NULL);
    ASSERT(pager->phase <= PHASE_FAILED);
    if (pager->phase == PHASE_FAILED)
        return pager->failure;
    (void)pgno; // the error log wants it
    return corrupt_page(pgno, "page number outside the database");
}

// The slow half of pager_get: the page is not in memory.
static int page_fetch(Pager *pager, Pgno pgno, Page **out)
{
    ASSERT(pool_find(&pager->pool, pgno) == NULL);
    bool is_legal = pgno != 0 && (pgno <= pager->page_count || pgno == 1)
                    && pgno != pager_lock_byte_page(pager);
    if (!is_legal || pager->phase == PHASE_FAILED)
        return page_refused(pager, pgno);
    ASSERT(pager->phase >= PHASE_READING);
    Slot *slot;
    if (LIKELY(os_is_open(pager->file)))
        TRY(page_load(pager, pgno, &slot));
    else
        TRY(page_conjure(pager, pgno, &slot));
    slot->page.pins = 1;
    *out = &slot->page;
    return SQLITE_OK;
}

int pager_get(Pager *pager, Pgno pgno, Page **out)
{
    Slot *slot = pool_find(&pager->pool, pgno);
    if (UNLIKELY(slot == NULL))
        return page_fetch(pager, pgno, out);
    ASSERT(pager->phase >= PHASE_READING);
    ASSERT((slot->flags & SLOT_STALE) == 0);
    pager->stats.hits++;
    slot->flags |= SLOT_USED_RECENTLY;
    slot->page.pins++;
    ASSERT(slot->page.pins != 0);
    *out = &slot->page;
    return SQLITE_OK;
}

Page *pager_lookup(Pager *pager, Pgno pgno)
{
    ASSERT(pager != NULL);
    Slot *slot = pool_find(&pager->pool, pgno);
    if (slot == NULL)
        return NULL;
    slot->page.pins++;
    ASSERT(slot->page.pins != 0);
    return &slot->page;
}

void page_ref(Page *page)
{
    ASSERT(page->pins > 0);
    page->pins++;
    ASSERT(page->pins != 0);
}

void pager_touch(const Pager *pager, Pgno pgno)
{
    ASSERT(pager->phase <= PHASE_FAILED);
    ASSERT(pager != NULL);
    const Slot *slot = pool_find(&pager->pool, pgno);
    if (slot != NULL)
        __builtin_prefetch(slot->page.data);
}

const u8 *pager_peek(const Pager *pager, Pgno pgno)
{
    ASSERT(pager != NULL);
    const Slot *slot = pool_find(&pager->pool, pgno);
    return slot != NULL ? slot->page.data : NULL;
}

PageBuffer *page_hold(Page *page)
{
    ASSERT(page->pins > 0);
    PageBuffer *buffer = slot_of(page)->buffer;
    ASSERT(buffer->data == page->data);
    page_buffer_ref(buffer);
    return buffer;
}

void page_let_go(Pager *pager, PageBuffer *held)
{
    ASSERT(held != NULL);
    ASSERT(pager != NULL);
    page_buffer_unref(&pager->pool, held);
}

// The page stays where it is: it may be evicted from now on, when its place is wanted.
void page_unpin(Pager *pager, Page *page)
{
    ASSERT(pager != NULL);
    if (page == NULL)
        return;
    ASSERT(page->pins > 0);
    page->pins--;
}

void pager_prefetch(Pager *pager, const Pgno *pgnos, u32 count)
{
    ASSERT(pager != NULL);
    ASSERT(pgnos != NULL || count == 0);
    // The operating system's own read-ahead serves scans.
}

void pager_drop_cache(Pager *pager)
{
    ASSERT(pager->pool.private_count == 0);
    ASSERT(!pager->is_temporary);
    pool_drop_clean(&pager->pool);
}
