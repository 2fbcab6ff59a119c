// Giving memory back while a transaction runs: private pages go to the file before the commit (P6).
#include "pager/file_lock.h"
#include "pager/journal.h"
#include "pager/pager_internal.h"
#include "pager/wal.h"

// --- scratch files ---

int pager_open_scratch(Pager *pager, int flags, sqlite3_file **out)
{
    ASSERT(!pager->in_memory);
    ASSERT(pager->vfs != NULL);
    flags |= SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE
             | SQLITE_OPEN_DELETEONCLOSE;
    return os_open_new(pager->vfs, NULL, flags, out, NULL);
}

int temporary_open_file(Pager *pager)
{
    ASSERT(pager->is_temporary);
    ASSERT(!pager->in_memory);
    if (os_is_open(pager->file))
        return SQLITE_OK;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE
                | SQLITE_OPEN_DELETEONCLOSE | SQLITE_OPEN_TEMP_DB;
    return os_open(pager->vfs, NULL, pager->file, flags, NULL);
}

// --- spilling ---

static int spill_temporary(Pager *pager, Slot *const *slots, u32 count)
{
    ASSERT(pager->is_temporary);
    int size = (int)pager->pool.page_size;
    TRY(temporary_open_file(pager));
    for (u32 i = 0; i < count; i++) {
        Slot *slot = slots[i];
        TRY(os_write(pager->file, slot->page.data, size, (i64)(slot->page.pgno - 1) * size));
        slot_set_private(&pager->pool, slot, false);
        slot->flags &= (u8)~SLOT_UNSAVED;
        ASSERT(slot->page.pins == 0);
        pager->stats.spills++;
    }
    return SQLITE_OK;
}

int pager_spill(Pager *pager)
{
    ASSERT(pager->phase >= PHASE_READING);
    if (pager->in_memory || !pager->is_temporary)
        return SQLITE_OK;
    Slot **slots;
    u32 count;
    TRY(pager_collect_private(pager, true, &slots, &count));
    int rc = count > 0 ? spill_temporary(pager, slots, count) : SQLITE_OK;
    mem_free(slots);
    ASSERT(rc != SQLITE_OK || pager->pool.private_count <= pager->pool.count);
    return rc;
}

int pager_flush(Pager *pager)
{
    if (pager->phase == PHASE_FAILED)
        return pager->failure;
    if (pager->in_memory || pager->phase < PHASE_CHANGING)
        return SQLITE_OK;
    ASSERT(pager->phase <= PHASE_FILE_CHANGED);
    return pager_spill(pager);
}
