// Journal mode and locking mode: what may be switched when.
//
// Between the rollback modes a switch is a setting, refused while a transaction has changed pages.
// Into and out of WAL the file changes too: page 1 says which it is, so that others follow. Out of
// it the log is copied and deleted first, under EXCLUSIVE; a power cut in between leaves a file
// that asks for a log and has none, which is an empty one.
#include "pager/file_lock.h"
#include "pager/journal.h"
#include "pager/pager_internal.h"
#include "pager/wal.h"

// A journal left lying by PERSIST or TRUNCATE must not outlive the mode. It is
// deleted under RESERVED, so that no other writer is using it.
static int journal_delete_left_behind(Pager *pager)
{
    ASSERT(pager->phase <= PHASE_RESERVED);
    ASSERT(!pager->is_temporary);
    journal_close(pager);
    u8 lock = pager->lock;
    if (lock >= SQLITE_LOCK_RESERVED) {
        journal_delete_quietly(pager);
        return SQLITE_OK;
    }
    bool began = pager->phase == PHASE_IDLE;
    int rc = began ? pager_begin_read(pager, NULL) : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = file_lock_reserved(pager);
    if (rc == SQLITE_OK) {
        journal_delete_quietly(pager);
        if (!pager->locking_exclusive)
            file_unlock(pager, SQLITE_LOCK_SHARED);
    }
    if (began && pager->phase == PHASE_READING)
        pager_end_read(pager);
    return SQLITE_OK; // a journal that stays is zeroed: it harms nobody
}

// Modes that keep the journal's file between transactions.
static bool mode_leaves_file(JournalMode mode)
{
    ASSERT(mode <= JOURNAL_WAL);
    return mode == JOURNAL_PERSIST || mode == JOURNAL_TRUNCATE;
}

int pager_set_journal_mode(Pager *pager, JournalMode wanted, JournalMode *out)
{
    ASSERT(pager->phase <= PHASE_FAILED);
    ASSERT(out != NULL);
    ASSERT(wanted <= JOURNAL_WAL);
    JournalMode former = pager->journal_mode;
    bool is_legal = !pager_is_memory(pager) || wanted == JOURNAL_MEMORY || wanted == JOURNAL_OFF;
    // A page may be in the journal.
    bool in_transaction = pager->phase > PHASE_RESERVED || pager->journal.is_owed;
    if (wanted == JOURNAL_WAL || !is_legal || (in_transaction && wanted != former)) {
        *out = pager_journal_mode(pager);
        return SQLITE_OK;
    }
    if (pager->wal != NULL)
        TRY(pager_close_wal(pager));
    pager->journal_mode = wanted;
    pager->log_announced = false;
    if (!pager->is_temporary && wanted != former) {
        if (mode_leaves_file(former) && !mode_leaves_file(wanted) && !pager->locking_exclusive)
            TRY(journal_delete_left_behind(pager));
        else if (wanted == JOURNAL_OFF || wanted == JOURNAL_MEMORY)
            journal_close(pager);
    }
    *out = pager_journal_mode(pager);
    return SQLITE_OK;
}

void pager_announce_log(Pager *pager)
{
    ASSERT(!pager->is_temporary);
    ASSERT(pager->phase != PHASE_FAILED);
    pager->log_announced = true;
}

bool pager_log_is_announced(const Pager *pager)
{
    ASSERT(pager != NULL);
    ASSERT(!pager->log_announced || !pager->is_temporary);
    return pager->log_announced && pager->wal == NULL;
}

bool pager_locking_exclusive(Pager *pager, int set)
{
    ASSERT(set >= -1);
    ASSERT(set <= 1);
    // A private wal-index cannot be shared any more: the mode stays until the log is closed.
    bool is_stuck = pager->wal != NULL && wal_has_heap_index(pager->wal);
    if (set >= 0 && !pager->is_temporary && !is_stuck)
        pager->locking_exclusive = set == 1;
    return pager->locking_exclusive;
}
