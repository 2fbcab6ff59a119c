// The pager's side of WAL mode. See log_mode.h; the log itself is in wal.c.
//
// SHARED on the database file is held from the opening of the log to its closing, also between
// transactions: whoever gets EXCLUSIVE knows that he is alone and may leave WAL mode, or delete the
// log when he is the last to go. Transactions lock slots of the wal-index instead.
//
// In exclusive locking mode the wal-index is in the heap and EXCLUSIVE is held: nobody else may
// read. A log that was opened before the mode was set keeps its shared index; EXCLUSIVE then comes
// with the next write and goes with the first read after the mode is normal again.
#include "pager/log_mode.h"

#include "pager/file_header.h"
#include "pager/file_lock.h"
#include "pager/journal.h"
#include "pager/wal.h"

#include <string.h>

// --- opening and closing ---

bool pager_wal_supported(const Pager *pager)
{
    ASSERT(pager->is_temporary || os_is_open(pager->file));
    ASSERT(pager != NULL);
    if (pager->no_locks || pager->is_temporary)
        return false;
    return pager->locking_exclusive || os_has_shm(pager->file);
}

// Exclusive mode needs no shared memory, and must have the file for itself before it does without.
static int log_open(Pager *pager)
{
    ASSERT(pager->wal == NULL);
    ASSERT(pager->lock >= SQLITE_LOCK_SHARED);
    if (!pager_wal_supported(pager))
        return error_cantopen();
    if (pager->locking_exclusive)
        TRY(file_lock_exclusive(pager)); // the index will be in the heap: nobody else may come
    journal_close(pager);
    pager->log_announced = false;
    WalOptions options = {
        .vfs = pager->vfs,
        .database = pager->file,
        .path = pager->wal_path,
        .heap_index = pager->locking_exclusive,
        .size_limit = pager->journal.size_limit,
    };
    TRY(wal_open(&options, &pager->wal));
    pager->log_period = page_store_enter_log(pager->store);
    return SQLITE_OK;
}

// A log beside the file decides, not the header: it may hold commits even where the header does not
// say so any more.
int log_open_if_present(Pager *pager)
{
    bool exists;
    ASSERT(pager->wal == NULL);
    ASSERT(pager->lock >= SQLITE_LOCK_SHARED);
    if (pager->no_locks)
        return SQLITE_OK;
    TRY(os_access(pager->vfs, pager->wal_path, SQLITE_ACCESS_EXISTS, &exists));
    if (!exists)
        return SQLITE_OK;
    if (pager->page_count > 0)
        return log_open(pager);
    // A log without a database: left over from a file that was deleted.
    int rc = pager->is_read_only ? SQLITE_OK : os_delete(pager->vfs, pager->wal_path, false);
    return rc == SQLITE_IOERR_DELETE_NOENT ? SQLITE_OK : rc;
}

int pager_open_wal(Pager *pager, bool *opened)
{
    ASSERT(opened != NULL);
    *opened = false;
    if (pager->wal != NULL || pager->is_temporary || pager->is_immutable)
        return SQLITE_OK; // an immutable file is read alone, whatever its header asks for
    ASSERT(pager->phase == PHASE_READING);
    TRY(log_open(pager));
    *opened = true; // the caller ends its read and begins anew, now from the log
    return SQLITE_OK;
}

static int checkpoint_sync_flags(const Pager *pager)
{
    ASSERT(pager->sync_level <= SYNC_EXTRA);
    ASSERT(!pager->is_temporary);
    return pager->sync_level == SYNC_OFF ? 0 : pager->checkpoint_sync_flags;
}

// Leaving WAL mode: everything into the file, the log deleted, and nobody else there meanwhile.
int pager_close_wal(Pager *pager)
{
    ASSERT(pager->phase <= PHASE_FAILED);
    if (pager->phase != PHASE_IDLE)
        return SQLITE_LOCKED;
    if (pager->wal == NULL && !pager->is_temporary) {
        TRY(pager_begin_read(pager, NULL)); // finds a log that nobody has used yet
        pager_end_read(pager);
    }
    if (pager->wal == NULL)
        return SQLITE_OK;
    TRY(file_lock_exclusive(pager)); // fails while another connection uses the log
    Wal *wal = pager->wal;
    pager->wal = NULL;
    page_store_leave_log(pager->store);
    int rc = wal_close(wal, true, checkpoint_sync_flags(pager), pager->pool.page_size);
    pager->has_looked = false;
    if (!pager->locking_exclusive)
        file_unlock(pager, SQLITE_LOCK_NONE);
    ASSERT(pager->wal == NULL);
    return rc;
}

// At close. Who gets EXCLUSIVE is the last one, and copies the log so that the file alone is the
// database again. Busy is the usual answer while others have it open.
void log_close(Pager *pager)
{
    ASSERT(pager->phase == PHASE_IDLE);
    ASSERT(pager->wal != NULL);
    bool is_last = !pager->keep_log_on_close && file_lock_exclusive_now(pager) == SQLITE_OK;
    Wal *wal = pager->wal;
    pager->wal = NULL;
    page_store_leave_log(pager->store);
    // What could not be copied is still in the log.
    (void)wal_close(wal, is_last, checkpoint_sync_flags(pager), pager->pool.page_size);
}

void pager_set_checkpoint_on_close(Pager *pager, bool enabled)
{
    ASSERT(pager->phase <= PHASE_FAILED);
    ASSERT(pager != NULL);
    pager->keep_log_on_close = !enabled;
}

Wal *pager_wal(const Pager *pager)
{
    ASSERT(pager->wal == NULL || !pager->is_temporary);
    ASSERT(pager != NULL);
    return pager->wal;
}

// --- reading ---

static void drop_changed_page(void *arg, Pgno pgno)
{
    ASSERT(pgno != 0);
    Pager *pager = arg;
    ASSERT(pager->pool.private_count == 0 || pager->phase >= PHASE_CHANGING);
    pager_invalidate(pager, pgno);
}

// Makes memory agree with the snapshot just taken.
static int log_adopt_snapshot(Pager *pager, bool differs)
{
    ASSERT(pager->pool.private_count == 0);
    u32 page_size = wal_page_size(pager->wal);
    if (differs) {
        // A few frames: drop their pages. Many, or a log started over: drop all.
        u32 few = pager->pool.count * 4 + 64;
        if (!wal_visit_news(pager->wal, few, drop_changed_page, pager))
            pager_drop_cache(pager);
        if (page_size != 0 && page_size != pager->pool.page_size) {
            pool_set_page_size(&pager->pool, page_size);
            pager->pool.limit = pager_cache_limit(pager);
        }
    }
    pager->page_count = wal_page_count(pager->wal);
    ASSERT(pager->wal != NULL);
    return pager->page_count == 0 ? file_page_count(pager, &pager->page_count) : SQLITE_OK;
}

int log_begin_read(Pager *pager, bool *changed)
{
    bool differs = false;
    ASSERT(pager->phase == PHASE_IDLE);
    ASSERT(pager->wal != NULL);
    TRY(wal_begin_read(pager->wal, &differs));
    if (differs)
        *changed = true;
    int rc = log_adopt_snapshot(pager, differs);
    if (rc != SQLITE_OK)
        wal_end_read(pager->wal);
    return rc;
}

// --- writing ---

int log_begin_write(Pager *pager)
{
    ASSERT(pager->phase == PHASE_READING);
    ASSERT(pager->wal != NULL);
    if (pager->locking_exclusive)
        TRY(file_lock_exclusive_now(pager));
    return wal_begin_write(pager->wal);
}

// NORMAL syncs the log only before checkpoints: a power cut may take the newest commits, and never
// leaves a part of one, since frames that did not arrive end the log by their checksums.
static int commit_sync_flags(const Pager *pager)
{
    ASSERT(pager->sync_level <= SYNC_EXTRA);
    ASSERT(!pager->is_temporary);
    return pager->sync_level >= SYNC_FULL ? pager->sync_flags : 0;
}

// Appends the pages of these slots; commit_size 0: they are spilled.
static int log_append_slots(Pager *pager, Slot *const *slots, u32 count, Pgno commit_size)
{
    ASSERT(count > 0);
    WalPage few[8];
    WalPage *pages = few;
    if (count > ARRAY_LEN(few)) {
        pages = mem_alloc((u64)count * sizeof *pages);
        if (pages == NULL)
            return SQLITE_NOMEM;
    }
    for (u32 i = 0; i < count; i++)
        pages[i] = (WalPage){.pgno = slots[i]->page.pgno, .content = slots[i]->page.data};
    WalAppend append = {
        .pages = pages,
        .count = count,
        .page_size = pager->pool.page_size,
        .commit_size = commit_size,
        .sync_flags = pager->defer_sync ? 0 : commit_sync_flags(pager),
        .header_sync_flags = checkpoint_sync_flags(pager),
    };
    int rc = wal_append(pager->wal, &append);
    // Starting the log over means moving from READ0 to a mark. Between the two there is no snapshot
    // that one could roll back to.
    if (rc != SQLITE_OK && !wal_is_reading(pager->wal))
        rc = pager_fail(pager, rc);
    for (u32 i = 0; i < count && rc == SQLITE_OK && pager->changed != NULL; i++)
        pager_report_change(pager, pages[i].pgno, pages[i].content);
    if (pages != few)
        mem_free(pages);
    ASSERT(rc != SQLITE_BUSY);
    pager->stats.writes += rc == SQLITE_OK ? count : 0;
    return rc;
}

// Pages cut off, and free ones unless the database grew by them: each of its pages must be in the
// file or in the log, or checkpoints take the log for damaged.
static u32 drop_unwanted(const Pager *pager, Slot **slots, u32 count)
{
    u32 kept = 0;
    ASSERT(pager->page_count > 0 || count == 0);
    for (u32 i = 0; i < count; i++) {
        const Pgno pgno = slots[i]->page.pgno;
        bool is_needed = (slots[i]->flags & SLOT_DONT_WRITE) == 0 || pgno > pager->original_count;
        if (is_needed && pgno <= pager->page_count)
            slots[kept++] = slots[i];
    }
    ASSERT(kept <= count);
    return kept;
}

// Everything that is left of the transaction lies in the log already, but for the commit frame. Or
// nothing is left of it, since savepoints took all changes back: that is a commit all the same, as
// in SQLite, of which the WAL hook is told.
static int log_commit_page1(Pager *pager)
{
    ASSERT(pager->page_count > 0);
    Page *page;
    TRY(pager_get(pager, 1, &page));
    ASSERT(page->pgno == 1);
    Slot *slot = slot_of(page);
    int rc = log_append_slots(pager, &slot, 1, pager->page_count);
    page_unpin(pager, page);
    return rc;
}

// Writes the transaction as frames, the last one marked as the commit, and publishes it.
int log_commit(Pager *pager)
{
    ASSERT(pager->wal != NULL);
    ASSERT(pager->phase == PHASE_CHANGING);
    bool stale = false;
    if (!wal_is_write_locked(pager->wal))
        TRY(pager_concurrent_lock(pager, &stale));
    if (stale) {
        wal_end_write(pager->wal);
        return SQLITE_BUSY_SNAPSHOT;
    }
    Slot *page1 = pool_find(&pager->pool, 1);
    if (page1 != NULL && page1->page.is_private && !pager->counter_changed) {
        Page *page = &page1->page;
        page->pins++;
        int rc = pager_make_writable(pager, &page);
        page->pins--;
        TRY(rc);
        file_header_count(page->data, get_u32(page->data + HEADER_COUNTER));
        pager->counter_changed = true;
    }
    Slot **slots;
    u32 count;
    TRY(pager_collect_private(pager, &slots, &count));
    count = drop_unwanted(pager, slots, count);
    int rc = count > 0 ? log_append_slots(pager, slots, count, pager->page_count)
                       : log_commit_page1(pager);
    mem_free(slots);
    return rc;
}

// Frames without a commit mark. Later changes of the same pages overwrite them in place
// (wal_append.c).
int log_spill(Pager *pager, Slot *const *slots, u32 count)
{
    ASSERT(pager->phase == PHASE_CHANGING);
    ASSERT(count > 0);
    // Going back to a savepoint cuts the log: what a page held then must be kept elsewhere.
    for (u32 i = 0; i < count; i++)
        if (undo_must_save(pager, slots[i]))
            TRY(undo_save(pager, slots[i]));
    pager->has_spilled = true;
    TRY(log_append_slots(pager, slots, count, 0));
    for (u32 i = 0; i < count; i++)
        slot_set_private(&pager->pool, slots[i], false);
    pager->stats.spills += count;
    return SQLITE_OK;
}

// Nothing in the database file is to be undone: the frames are forgotten, and the pages they held.
int log_rollback(Pager *pager)
{
    ASSERT(pager->phase >= PHASE_RESERVED);
    pager_forget_private(pager);
    if (!wal_is_write_locked(pager->wal))
        return SQLITE_OK; // concurrent: nothing of it is in the log
    TRY(wal_undo(pager->wal, drop_changed_page, pager));
    Pgno count = wal_page_count(pager->wal);
    pager->page_count = count != 0 ? count : pager->original_count;
    ASSERT(pager->pool.private_count == 0);
    return SQLITE_OK;
}

// --- concurrent transactions ---

// No lock: the transaction runs on its snapshot, and only its commit asks whether others were
// first.
int pager_begin_concurrent(Pager *pager)
{
    if (pager->phase == PHASE_FAILED)
        return pager->failure;
    ASSERT(pager->phase == PHASE_READING);
    if (pager->wal == NULL || pager->locking_exclusive)
        return SQLITE_ERROR;
    if (pager->is_read_only)
        return SQLITE_READONLY;
    pager_set_phase(pager, PHASE_RESERVED);
    pager->is_concurrent = true;
    pager->original_count = pager->page_count;
    pager->file_count = pager->page_count;
    pager->counter_changed = false;
    pager->has_spilled = false;
    ASSERT(!wal_is_write_locked(pager->wal));
    return SQLITE_OK;
}

bool pager_is_concurrent(const Pager *pager)
{
    ASSERT(!pager->is_concurrent || pager->wal != NULL);
    ASSERT(!pager->is_concurrent || pager->phase >= PHASE_RESERVED);
    return pager->is_concurrent;
}

int pager_concurrent_lock(Pager *pager, bool *stale)
{
    ASSERT(pager->is_concurrent);
    ASSERT(pager->phase >= PHASE_RESERVED);
    int rc;
    do {
        rc = wal_lock_write(pager->wal, stale);
    } while (rc == SQLITE_BUSY && pager_invoke_busy(pager) != 0);
    return rc;
}

int pager_concurrent_rebase(Pager *pager)
{
    bool changed = false;
    ASSERT(pager->is_concurrent);
    ASSERT(wal_is_write_locked(pager->wal));
    ASSERT(pool_pinned_count(&pager->pool) == 0);
    pager_forget_private(pager);
    undo_clear(pager);
    int rc = wal_renew_snapshot(pager->wal, &changed);
    if (rc == SQLITE_OK)
        rc = log_adopt_snapshot(pager, changed);
    if (rc != SQLITE_OK)
        return pager_fail(pager, rc);
    pager->is_concurrent = false;
    pager->original_count = pager->page_count;
    pager->file_count = pager->page_count;
    pager->counter_changed = false;
    pager->has_spilled = false;
    return SQLITE_OK;
}

void pager_defer_sync(Pager *pager, bool defer)
{
    ASSERT(pager->phase <= PHASE_FAILED);
    ASSERT(pager != NULL);
    pager->defer_sync = defer;
}

int pager_sync_log(Pager *pager)
{
    ASSERT(pager->wal == NULL || !pager->is_temporary);
    ASSERT(pager != NULL);
    return pager->wal == NULL ? SQLITE_OK : wal_sync(pager->wal, commit_sync_flags(pager));
}

// --- checkpoints ---
// Run between transactions of this connection, on a log that others may read and write meanwhile.

// What this connection has in memory saves reading the frame, if it is the newest version.

static const u8 *clean_content(void *arg, Pgno pgno)
{
    const Pager *pager = arg;
    const Slot *slot = pool_find(&pager->pool, pgno);
    ASSERT(pager->phase == PHASE_IDLE);
    if (slot == NULL || (slot->flags & SLOT_STALE) != 0)
        return NULL;
    ASSERT(!slot->page.is_private);
    return slot->page.data;
}

int pager_checkpoint(Pager *pager, int mode, int *log_frames, int *checkpointed_frames)
{
    ASSERT(mode >= SQLITE_CHECKPOINT_NOOP);
    ASSERT(mode <= SQLITE_CHECKPOINT_TRUNCATE);
    int ignored[2];
    log_frames = log_frames != NULL ? log_frames : &ignored[0];
    checkpointed_frames = checkpointed_frames != NULL ? checkpointed_frames : &ignored[1];
    *log_frames = -1;
    *checkpointed_frames = -1;
    if (pager->phase != PHASE_IDLE)
        return SQLITE_LOCKED;
    if (pager->wal == NULL && !pager->is_temporary) {
        TRY(pager_begin_read(pager, NULL));
        pager_end_read(pager);
    }
    if (pager->wal == NULL)
        return SQLITE_OK;
    Checkpoint checkpoint = {
        .mode = mode,
        .busy = mode > SQLITE_CHECKPOINT_PASSIVE ? pager->busy : NULL,
        .busy_arg = pager->busy_arg,
        .sync_flags = checkpoint_sync_flags(pager),
        .page_size = pager->pool.page_size,
        .in_memory = clean_content,
        .in_memory_arg = pager,
        .log_frames = -1,
        .copied_frames = -1,
    };
    int rc = wal_checkpoint(pager->wal, &checkpoint);
    *log_frames = checkpoint.log_frames;
    *checkpointed_frames = checkpoint.copied_frames;
    return rc;
}

int pager_wal_frames_committed(Pager *pager)
{
    ASSERT(pager->wal == NULL || !pager->is_temporary);
    ASSERT(pager != NULL);
    return pager->wal != NULL ? wal_frames_committed(pager->wal) : 0;
}

sqlite3_file *pager_journal_file(const Pager *pager)
{
    ASSERT(pager->wal == NULL || !pager->is_temporary);
    ASSERT(pager != NULL);
    return pager->wal != NULL ? wal_file(pager->wal) : pager->journal.file;
}
