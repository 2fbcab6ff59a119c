// Giving memory back while a transaction runs: private pages go to the file before the commit (P6).
#include "pager/file_lock.h"
#include "pager/journal.h"
#include "pager/log_mode.h"
#include "pager/pager_internal.h"
#include "pager/run_writer.h"
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

int file_write_pages(Pager *pager, Slot *const *slots, u32 count)
{
    u32 size = pager->pool.page_size;
    ASSERT(pager->phase == PHASE_FILE_CHANGED); // P4: the journal is durable
    ASSERT(pager->lock == SQLITE_LOCK_EXCLUSIVE);
    RunWriter writer;
    run_writer_init(&writer, pager->file, count > 1 ? (u64)count * size : 0);
    int rc = SQLITE_OK;
    for (u32 i = 0; i < count && rc == SQLITE_OK; i++) {
        Page *page = &slots[i]->page;
        if (page->pgno > pager->page_count)
            continue;
        rc = run_writer_add(&writer, (i64)(page->pgno - 1) * size, page->data, (int)size);
        if (page->pgno > pager->file_count)
            pager->file_count = page->pgno;
        pager_report_change(pager, page->pgno, page->data);
        pager->stats.writes++;
    }
    if (rc == SQLITE_OK)
        rc = run_writer_flush(&writer);
    run_writer_deinit(&writer);
    return rc;
}

static int spill_to_file(Pager *pager, Slot *const *slots, u32 count)
{
    ASSERT(pager->phase == PHASE_CHANGING || pager->phase == PHASE_FILE_CHANGED);
    ASSERT(!pager->is_temporary);
    TRY(file_lock_exclusive_now(pager));
    TRY(journal_sync(pager, true));
    pager_set_phase(pager, PHASE_FILE_CHANGED);
    TRY(file_write_pages(pager, slots, count));
    for (u32 i = 0; i < count; i++)
        slot_set_private(&pager->pool, slots[i], false);
    pager->stats.spills += count;
    return SQLITE_OK;
}

int pager_spill(Pager *pager)
{
    ASSERT(pager->phase >= PHASE_READING);
    bool is_needed = pager->is_temporary || pager->pool.private_count > 0;
    if (pager->in_memory || !is_needed || pager->pool.count < pager->spill_not_before)
        return SQLITE_OK;
    Slot **slots;
    u32 count;
    TRY(pager_collect_private(pager, true, &slots, &count));
    int rc = SQLITE_OK;
    if (count == 0)
        rc = SQLITE_OK; // everything is pinned
    else if (pager->is_temporary)
        rc = spill_temporary(pager, slots, count);
    else if (pager->wal != NULL)
        rc = log_spill(pager, slots, count);
    else
        rc = spill_to_file(pager, slots, count);
    mem_free(slots);
    pager->spill_not_before = 0;
    if (rc == SQLITE_BUSY || count == 0) {
        // Readers are in the way, or everything is pinned: the cache grows, and we ask again later.
        pager->spill_not_before = pager->pool.count + pager->pool.count / 4;
        rc = SQLITE_OK;
    }
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
