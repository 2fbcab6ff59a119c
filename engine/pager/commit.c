// Write transactions: beginning, committing, rolling back, savepoints.
//
// What a power cut leaves in the rollback modes, by the last step made (P4 is their order):
//
//     step                          database file   journal               after recovery
//     begin_write                   old             none                  old
//     first change                  old             no count: not hot     old
//     journal_sync                  old             whole                 old, put back in vain
//     commit_prepare                new             whole                 old, put back
//     commit_finish                 new             gone, cut or zeroed   new
//
// In WAL mode commit_prepare writes the frames, the last one with the mark of a commit, and then
// the header of the wal-index. The sync of the frames decides after a power cut, the header decides
// for readers meanwhile; nothing is left to do for commit_finish. A temporary database has neither
// journal nor log: its old content is the undo log's base level.
//
// A commit that waits for EXCLUSIVE in vain (BUSY) may be tried again: nothing has reached the
// file. After any other failure the caller rolls back.
#include "pager/file_header.h"
#include "pager/file_lock.h"
#include "pager/journal.h"
#include "pager/log_mode.h"
#include "pager/pager_internal.h"
#include "pager/wal.h"

#include <string.h>

// --- beginning ---

// RESERVED, or the log's WRITE: other writers are told to wait from here on, readers are not.
int pager_begin_write(Pager *pager, bool exclusive)
{
    if (pager->phase == PHASE_FAILED)
        return pager->failure;
    if (pager->phase >= PHASE_RESERVED)
        return exclusive && pager->wal == NULL && !pager->is_temporary ? file_lock_exclusive(pager)
                                                                       : SQLITE_OK;
    ASSERT(pager->phase == PHASE_READING);
    if (pager->is_read_only)
        return SQLITE_READONLY;
    if (pager->is_temporary) {
        // Their rollback comes from memory: a level of its own below all savepoints.
        pager_set_phase(pager, PHASE_RESERVED);
        int rc = undo_open_level(pager);
        if (rc != SQLITE_OK) {
            pager_set_phase(pager, PHASE_READING);
            return rc;
        }
    } else if (pager->wal != NULL) {
        TRY(log_begin_write(pager));
        pager_set_phase(pager, PHASE_RESERVED);
    } else {
        TRY(file_lock_reserved(pager));
        if (exclusive) {
            int rc = file_lock_exclusive(pager);
            if (rc != SQLITE_OK) {
                file_unlock(pager, SQLITE_LOCK_SHARED);
                return rc;
            }
        }
        pager_set_phase(pager, PHASE_RESERVED);
    }
    pager->original_count = pager->page_count;
    pager->file_count = pager->page_count;
    pager->counter_changed = false;
    pager->has_spilled = false;
    ASSERT(pager->pool.private_count == 0);
    return SQLITE_OK;
}

// --- savepoints ---

// The base level of temporary databases lies below all savepoints of the caller.
static u32 undo_base(const Pager *pager)
{
    ASSERT(pager != NULL);
    ASSERT(pager->phase <= PHASE_FAILED);
    return pager->is_temporary ? 1 : 0;
}

int pager_savepoint_open(Pager *pager, u32 count)
{
    ASSERT(pager->phase >= PHASE_RESERVED);
    while (pager->undo.level_count < count + undo_base(pager))
        TRY(undo_open_level(pager));
    ASSERT(pager->undo.innermost > 0 || count == 0);
    return SQLITE_OK;
}

void pager_savepoint_release(Pager *pager, u32 index)
{
    ASSERT(pager->phase <= PHASE_FAILED);
    if (pager->phase >= PHASE_RESERVED)
        undo_release(pager, index + undo_base(pager));
    ASSERT(pager->undo.level_count <= index + undo_base(pager));
}

int pager_savepoint_rollback(Pager *pager, u32 index)
{
    if (pager->phase == PHASE_FAILED)
        return pager->failure;
    if (pager->phase < PHASE_RESERVED || index + undo_base(pager) >= pager->undo.level_count)
        return SQLITE_OK;
    ASSERT(pager->phase < PHASE_PREPARED);
    ASSERT(pager->undo.level_count > 0);
    return undo_rollback(pager, index + undo_base(pager));
}

// --- committing ---

// Private pages that go to the file; what lies on the freelist stays behind.
static u32 drop_unwanted(Slot **slots, u32 count)
{
    ASSERT(slots != NULL || count == 0);
    u32 kept = 0;
    for (u32 i = 0; i < count; i++)
        if ((slots[i]->flags & SLOT_DONT_WRITE) == 0)
            slots[kept++] = slots[i];
    ASSERT(kept <= count);
    return kept;
}

// Cuts the file to the transaction's size, or stretches it when its last page is not written.
static int commit_set_file_size(Pager *pager)
{
    ASSERT(pager->wal == NULL);
    u32 size = pager->pool.page_size;
    ASSERT(pager->phase == PHASE_FILE_CHANGED);
    if (pager->page_count < pager->file_count) {
        TRY(os_truncate(pager->file, (i64)pager->page_count * size));
    } else if (pager->page_count > pager->file_count) {
        u8 *zeros = mem_alloc_zeroed(size);
        if (zeros == NULL)
            return SQLITE_NOMEM;
        int rc = os_write(pager->file, zeros, (int)size, (i64)(pager->page_count - 1) * size);
        mem_free(zeros);
        TRY(rc);
    }
    pager->file_count = pager->page_count;
    return SQLITE_OK;
}

// Writes the transaction's pages into the file. From here on only the journal can undo it.
static int commit_write_file(Pager *pager)
{
    ASSERT(pager->phase == PHASE_FILE_CHANGED);
    Slot **slots;
    u32 count;
    TRY(pager_collect_private(pager, &slots, &count));
    count = drop_unwanted(slots, count);
    if (pager->page_count > pager->file_count) {
        i64 size = (i64)pager->page_count * pager->pool.page_size;
        os_control_hint(pager->file, SQLITE_FCNTL_SIZE_HINT, &size);
    }
    int rc = file_write_pages(pager, slots, count);
    mem_free(slots);
    ASSERT(pager->pool.private_count >= count);
    return rc == SQLITE_OK ? commit_set_file_size(pager) : rc;
}

// The order is the law (P4): journal, journal's sync, file, file's sync.
static int commit_prepare_file(Pager *pager, const char *super_journal)
{
    ASSERT(pager->phase == PHASE_CHANGING || pager->phase == PHASE_FILE_CHANGED);
    ASSERT(pager->wal == NULL);
    TRY(file_header_bump(pager));
    if (pager->page_count < pager->original_count && pager->journal_mode != JOURNAL_OFF)
        TRY(journal_add_tail(pager));
    TRY(file_lock_exclusive(pager)); // first: nobody is named by a commit that stays busy
    if (super_journal != NULL)
        TRY(journal_add_super(pager, super_journal));
    TRY(journal_sync(pager, false));
    pager_set_phase(pager, PHASE_FILE_CHANGED);
    TRY(commit_write_file(pager));
    // The VFS is told, and with the super-journal's name, as SQLITE_FCNTL_SYNC says.
    void *name;
    memcpy(&name, &super_journal, sizeof name);
    os_control_hint(pager->file, SQLITE_FCNTL_SYNC, name);
    if (pager->sync_level != SYNC_OFF)
        TRY(os_sync(pager->file, pager->sync_flags));
    pager_set_phase(pager, PHASE_PREPARED);
    return SQLITE_OK;
}

int pager_commit_prepare(Pager *pager, const char *super_journal)
{
    if (pager->phase == PHASE_FAILED)
        return pager->failure;
    if (pager->phase < PHASE_CHANGING || pager->is_temporary)
        return SQLITE_OK;
    ASSERT(pager->phase <= PHASE_FILE_CHANGED);
    ASSERT(!pager->is_read_only);
    if (pager->wal == NULL)
        return commit_prepare_file(pager, super_journal);
    TRY(log_commit(pager));
    pager_set_phase(pager, PHASE_PREPARED);
    return SQLITE_OK;
}

int pager_commit_withdraw(Pager *pager)
{
    ASSERT(pager->phase <= PHASE_FAILED);
    if (pager->phase != PHASE_PREPARED || pager->wal != NULL)
        return SQLITE_OK;
    ASSERT(!pager->is_temporary);
    TRY(journal_drop_super(pager));
    pager_set_phase(pager, PHASE_FILE_CHANGED);
    return SQLITE_OK;
}

// What commit and rollback have in common: savepoints and locks go, the snapshot stays.
static void transaction_ended(Pager *pager)
{
    ASSERT(pager->phase >= PHASE_RESERVED);
    ASSERT(pager->pool.private_count == 0);
    undo_clear(pager);
    pager->is_concurrent = false;
    pager_set_phase(pager, PHASE_READING);
    if (pager->wal != NULL)
        wal_end_write(pager->wal);
    else if (!pager->is_temporary && !pager->locking_exclusive)
        file_unlock(pager, SQLITE_LOCK_SHARED);
}

// The file's state has a new name. The header may have changed since it was counted, when the
// transaction was taken back from PREPARED and went on.
static void commit_note_header(Pager *pager)
{
    ASSERT(pager->phase == PHASE_PREPARED);
    ASSERT(pager->wal == NULL);
    const Slot *page1 = pool_find(&pager->pool, 1);
    bool is_known = page1 != NULL && pager->counter_changed && pager->page_count > 0;
    pager->is_counted = is_known && file_header_is_counted(page1->page.data, pager->pool.page_size);
    if (is_known)
        memcpy(pager->file_version, page1->page.data + HEADER_COUNTER, sizeof pager->file_version);
}

int pager_commit_finish(Pager *pager)
{
    if (pager->phase == PHASE_FAILED)
        return pager->failure;
    if (pager->phase <= PHASE_READING)
        return SQLITE_OK;
    ASSERT(pager->phase != PHASE_CHANGING || pager->is_temporary);
    ASSERT(pager->phase != PHASE_FILE_CHANGED);
    if (!pager->is_temporary) {
        if (pager->phase == PHASE_PREPARED && pager->wal == NULL) {
            int rc = journal_end(pager);
            if (rc != SQLITE_OK)
                return pager_fail(pager, rc); // whether the journal is still there decides
            os_control_hint(pager->file, SQLITE_FCNTL_COMMIT_PHASETWO, NULL);
            commit_note_header(pager);
        }
    } else if (pager->phase >= PHASE_CHANGING) {
        pager_report_change(pager, 0, NULL);
    }
    pager_publish(pager);
    transaction_ended(pager);
    return SQLITE_OK;
}

// --- rolling back ---

// Memory and file may disagree from here on: nothing is read or written until the locks have gone
// and the next read has recovered.
int pager_fail(Pager *pager, int rc)
{
    ASSERT(rc != SQLITE_OK);
    ASSERT(!pager->in_memory);
    pager->failure = rc;
    pager_set_phase(pager, PHASE_FAILED);
    return rc;
}

// There is no journal: the undo log's base level has every old content.
static int rollback_temporary(Pager *pager)
{
    ASSERT(pager->is_temporary);
    ASSERT(pager->undo.level_count > 0);
    int rc = undo_rollback(pager, 0);
    pager_publish(pager);
    return rc;
}

// The file was touched: the journal restores it, and nothing in memory may be trusted.
static int rollback_file(Pager *pager)
{
    ASSERT(pager->phase == PHASE_FILE_CHANGED || pager->phase == PHASE_PREPARED);
    ASSERT(pager->wal == NULL);
    pager->data_version++;
    pager_mark_pinned_stale(pager);
    if (pager->journal.journaled == NULL) // journal_mode=off: the user was warned
        return file_page_count(pager, &pager->page_count);
    int rc = journal_playback_own(pager);
    pager->journal.is_owed = rc != SQLITE_OK && pager->journal_mode == JOURNAL_MEMORY;
    if (rc == SQLITE_OK)
        pager_report_change(pager, 0, NULL);
    return rc;
}

int pager_rollback(Pager *pager)
{
    ASSERT(pager->phase <= PHASE_FAILED);
    if (pager->phase == PHASE_FAILED)
        return pager->failure;
    if (pager->phase <= PHASE_READING)
        return SQLITE_OK;
    int rc = SQLITE_OK;
    if (pager->is_temporary) {
        rc = rollback_temporary(pager);
    } else {
        pager->page_count = pager->original_count;
        if (pager->wal != NULL)
            rc = log_rollback(pager);
        else if (pager->phase >= PHASE_FILE_CHANGED)
            rc = rollback_file(pager);
        else
            pager_forget_private(pager);
        if (rc == SQLITE_OK)
            rc = journal_end(pager);
        if (rc == SQLITE_OK)
            rc = pager_refresh_stale(pager);
        if (rc != SQLITE_OK)
            return pager_fail(pager, rc);
        // The counter in memory may be of the transaction undone, and without a journal the file
        // may be anything.
        if (pager->counter_changed || pager->phase >= PHASE_FILE_CHANGED)
            pager->has_looked = false;
    }
    transaction_ended(pager);
    ASSERT(pager->phase == PHASE_READING);
    return rc;
}
