// Locks on the database file. See file_lock.h.
//
// `lock` in the pager is what this connection asked for and got; the VFS may hold more after a call
// that failed half-way (PENDING after BUSY, anything after an unlock that failed).
#include "pager/file_lock.h"

// The one place that climbs. `no_locks` keeps the level in the books only.
static int file_lock_to(Pager *pager, int level)
{
    ASSERT(level > SQLITE_LOCK_NONE);
    ASSERT(level <= SQLITE_LOCK_EXCLUSIVE);
    if (pager->lock >= level)
        return SQLITE_OK;
    if (!pager->no_locks)
        TRY(os_lock(pager->file, level));
    pager->lock = (u8)level;
    return SQLITE_OK;
}

int file_lock_shared(Pager *pager)
{
    ASSERT(pager->phase == PHASE_IDLE);
    ASSERT(!pager->is_temporary);
    // RESERVED that stayed behind would pass for a living writer's, and hide the hot journal that
    // the same failure left.
    if (pager->unlock_failed) {
        TRY(os_unlock(pager->file, SQLITE_LOCK_NONE));
        pager->unlock_failed = false;
    }
    return file_lock_to(pager, SQLITE_LOCK_SHARED);
}

int file_lock_reserved(Pager *pager)
{
    ASSERT(pager->lock >= SQLITE_LOCK_SHARED);
    ASSERT(!pager->is_temporary);
    return file_lock_to(pager, SQLITE_LOCK_RESERVED);
}

int file_lock_exclusive(Pager *pager)
{
    ASSERT(pager->lock >= SQLITE_LOCK_SHARED);
    ASSERT(!pager->is_temporary);
    int rc;
    do {
        rc = file_lock_to(pager, SQLITE_LOCK_EXCLUSIVE);
    } while (rc == SQLITE_BUSY && pager_invoke_busy(pager) != 0);
    return rc;
}

int file_lock_exclusive_now(Pager *pager)
{
    ASSERT(pager->lock >= SQLITE_LOCK_SHARED);
    ASSERT(!pager->is_temporary);
    return file_lock_to(pager, SQLITE_LOCK_EXCLUSIVE);
}

void file_unlock(Pager *pager, int level)
{
    ASSERT(level == SQLITE_LOCK_NONE || level == SQLITE_LOCK_SHARED);
    if (!os_is_open(pager->file) || pager->is_temporary)
        return;
    // Also when we believe to hold nothing more: a failed climb may have left PENDING behind.
    if (!pager->no_locks)
        pager->unlock_failed = os_unlock(pager->file, level) != SQLITE_OK;
    if (pager->lock > level)
        pager->lock = (u8)level;
    ASSERT(pager->lock <= SQLITE_LOCK_SHARED);
}
