// Write transactions: beginning, committing, rolling back, savepoints.
#include "pager/file_header.h"
#include "pager/file_lock.h"
#include "pager/journal.h"
#include "pager/pager_internal.h"
#include "pager/wal.h"

// --- beginning ---

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
    pager->counter_changed = false;
    ASSERT(pager->pool.private_count == 0);
    return SQLITE_OK;
}

// --- savepoints ---

static u32 undo_base(const Pager *pager)
{
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

// Writes private pages to the database file, neighbours in ascending order.
static int commit_write_pages(Pager *pager, Slot *const *slots, u32 count)
{
    int size = (int)pager->pool.page_size;
    ASSERT(pager->lock == SQLITE_LOCK_EXCLUSIVE || pager->no_locks);
    for (u32 i = 0; i < count; i++) {
        const Slot *slot = slots[i];
        if (slot->page.pgno > pager->page_count || (slot->flags & SLOT_DONT_WRITE) != 0)
            continue;
        ASSERT(slot->page.data != NULL);
        TRY(os_write(pager->file, slot->page.data, size, (i64)(slot->page.pgno - 1) * size));
        pager->stats.writes++;
    }
    return SQLITE_OK;
}

static int commit_prepare_file(Pager *pager, const char *super_journal)
{
    (void)super_journal;
    TRY(file_header_bump(pager));
    Slot **slots = NULL;
    u32 count = 0;
    int rc;
    TRY_DONE(journal_sync(pager));
    TRY_DONE(file_lock_exclusive(pager));
    pager_set_phase(pager, PHASE_FILE_CHANGED);
    TRY_DONE(pager_collect_private(pager, false, &slots, &count));
    TRY_DONE(commit_write_pages(pager, slots, count));
    if (pager->page_count < pager->original_count)
        TRY_DONE(os_truncate(pager->file, (i64)pager->page_count * pager->pool.page_size));
    if (pager->sync_level != SYNC_OFF)
        TRY_DONE(os_sync(pager->file, pager->sync_flags));
    pager_set_phase(pager, PHASE_PREPARED);
done:
    mem_free(slots);
    return rc;
}

int pager_commit_prepare(Pager *pager, const char *super_journal)
{
    if (pager->phase == PHASE_FAILED)
        return pager->failure;
    if (pager->phase < PHASE_CHANGING || pager->is_temporary)
        return SQLITE_OK;
    ASSERT(pager->phase <= PHASE_FILE_CHANGED);
    ASSERT(!pager->is_read_only);
    return commit_prepare_file(pager, super_journal);
}

static void transaction_ended(Pager *pager)
{
    ASSERT(pager->pool.private_count == 0);
    undo_clear(pager);
    pager_set_phase(pager, PHASE_READING);
    if (!pager->is_temporary && !pager->locking_exclusive)
        file_unlock(pager, SQLITE_LOCK_SHARED);
}

int pager_commit_finish(Pager *pager)
{
    if (pager->phase == PHASE_FAILED)
        return pager->failure;
    if (pager->phase <= PHASE_READING)
        return SQLITE_OK;
    ASSERT(pager->phase != PHASE_CHANGING || pager->is_temporary);
    ASSERT(pager->phase != PHASE_FILE_CHANGED);
    if (pager->phase == PHASE_PREPARED)
        TRY(journal_end(pager, true));
    pager_publish(pager);
    transaction_ended(pager);
    return SQLITE_OK;
}

// --- rolling back ---

int pager_rollback(Pager *pager)
{
    if (pager->phase <= PHASE_READING)
        return SQLITE_OK;
    int rc = SQLITE_OK;
    if (pager->is_temporary) {
        rc = undo_rollback(pager, 0);
        pager_publish(pager);
    } else {
        pager->page_count = pager->original_count;
        pager_forget_private(pager);
        rc = journal_end(pager, false);
    }
    transaction_ended(pager);
    ASSERT(pager->phase == PHASE_READING);
    return rc;
}
