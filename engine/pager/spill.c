// Giving memory back while a transaction runs: private pages go to the file before the commit (P6).
//
// A transaction larger than the cache must write early, and what it writes must be undoable: in the
// rollback modes the journal is synced and EXCLUSIVE taken first, so that other connections are
// shut out from the first spill on; in WAL mode the frames lie behind the last commit, where no
// reader looks. A spilled page is clean and may be evicted. Its next change finds it journalled.
//
// Spilling is an attempt. A reader that holds SHARED, or a transaction that has pinned all its
// pages, only makes the cache grow past its size for a while; `spill_not_before` keeps the attempt
// from being repeated with every page.
#include "pager/file_lock.h"
#include "pager/journal.h"
#include "pager/log_mode.h"
#include "pager/pager_internal.h"
#include "pager/run_writer.h"
#include "pager/wal.h"

enum { BATCH_MIN = 16 };

// --- scratch files ---

// Gone with its last descriptor, also when the process dies.
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

// Temporary databases get a file only now.
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

// P4 has been seen to by the caller: the journal is durable and the lock EXCLUSIVE.
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

// Without the busy handler: a reader in the way only means that the cache grows.
static int spill_to_file(Pager *pager, Slot *const *slots, u32 count)
{
    ASSERT(pager->phase == PHASE_CHANGING || pager->phase == PHASE_FILE_CHANGED);
    ASSERT(!pager->is_temporary);
    TRY(file_lock_exclusive_now(pager));
    bool is_covered = true;
    for (u32 i = 0; i < count && is_covered; i++)
        is_covered = journal_covers(pager, slots[i]->page.pgno);
    if (!is_covered)
        TRY(journal_sync(pager, true));
    pager_set_phase(pager, PHASE_FILE_CHANGED);
    TRY(file_write_pages(pager, slots, count));
    for (u32 i = 0; i < count; i++)
        slot_set_private(&pager->pool, slots[i], false);
    pager->stats.spills += count;
    return SQLITE_OK;
}

// Pinned pages may change under somebody's hands. Pages beyond the transaction's end have no place
// in the file, but a savepoint that saw a later end may want them back: they stay in memory.
static bool slot_can_spill(const Pager *pager, const Slot *slot)
{
    ASSERT(slot != NULL);
    ASSERT(slot->page.pgno != 0);
    return slot->page.pins == 0 && (slot->page.pgno <= pager->page_count || pager->is_temporary)
           && (slot->page.is_private || (slot->flags & SLOT_UNSAVED) != 0);
}

// Up to `wanted` slots. Those used lately get a second chance, as with clean pages: the upper
// pages of a tree would otherwise be written with every batch and dirtied again at once.
// `covered_only` passes over pages that would need a sync of the journal.
static u32 spill_choose(Pager *pager, bool covered_only, Slot **out, u32 wanted)
{
    Pool *pool = &pager->pool;
    u32 *hand = &pager->spill_hand;
    u32 slot_count = pool->chunk_count * SLOTS_PER_CHUNK;
    u32 found = 0;
    ASSERT(wanted > 0);
    for (u32 step = 0; step < 2 * slot_count && found < wanted; step++) {
        u32 at = *hand % slot_count;
        *hand = at + 1;
        Slot *slot = &pool->chunks[at / SLOTS_PER_CHUNK]->slots[at % SLOTS_PER_CHUNK];
        if (slot->page.pgno == 0 || !slot_can_spill(pager, slot)
            || (slot->flags & SLOT_CHOSEN) != 0)
            continue;
        if (covered_only && !journal_covers(pager, slot->page.pgno))
            continue;
        if ((slot->flags & SLOT_USED_RECENTLY) != 0) {
            slot->flags &= (u8)~SLOT_USED_RECENTLY;
            continue;
        }
        slot->flags |= SLOT_CHOSEN;
        out[found++] = slot;
    }
    for (u32 i = 0; i < found; i++)
        out[i]->flags &= (u8)~SLOT_CHOSEN;
    ASSERT(found <= wanted);
    return found;
}

// Each kind of database has its own place for early pages.
static int spill_slots(Pager *pager, Slot **slots, u32 count)
{
    ASSERT(count > 0);
    ASSERT(!pager->in_memory);
    pager_sort_slots(slots, count);
    if (pager->is_temporary)
        return spill_temporary(pager, slots, count);
    if (pager->wal != NULL)
        return log_spill(pager, slots, count);
    return spill_to_file(pager, slots, count);
}

// The least recently used part, in runs long enough to be worth a pass over the cache.
static u32 spill_batch(const Pager *pager, bool all)
{
    ASSERT(!pager->in_memory);
    u32 count = pager->pool.count;
    ASSERT(count > 0);
    if (all)
        return count;
    return count / 4 > BATCH_MIN ? count / 4 : BATCH_MIN;
}

// Pages whose journal record is durable go first. Only when few of them are left is the journal
// synced, for all pages at once, which then are free to go for a long time.
static u32 spill_choose_batch(Pager *pager, bool all, Slot **out, u32 wanted)
{
    ASSERT(wanted > 0);
    ASSERT(out != NULL);
    if (!all && pager->journal.journaled != NULL) {
        u32 found = spill_choose(pager, true, out, wanted);
        if (found >= wanted / 4)
            return found;
    }
    return spill_choose(pager, false, out, wanted);
}

// Finding nothing to spill, or readers in the way, is not an error: memory grows for a while.
static int pager_spill_some(Pager *pager, bool all)
{
    ASSERT(!pager->in_memory || pager->is_temporary);
    ASSERT(pager->phase >= PHASE_READING);
    bool is_needed = pager->is_temporary || pager->pool.private_count > 0;
    if (pager->in_memory || pager->is_concurrent || !is_needed || pager->pool.count == 0)
        return SQLITE_OK;
    u32 wanted = spill_batch(pager, all);
    Slot **slots = mem_alloc((u64)wanted * sizeof(Slot *));
    if (slots == NULL)
        return SQLITE_NOMEM;
    u32 count = spill_choose_batch(pager, all, slots, wanted);
    int rc = count > 0 ? spill_slots(pager, slots, count) : SQLITE_OK;
    mem_free(slots);
    pager->spill_not_before = 0;
    if (rc == SQLITE_BUSY || count == 0) {
        // Readers are in the way, or everything is pinned: the cache grows, and we ask again later.
        pager->spill_not_before = pager->pool.count + pager->pool.count / 4 + 1;
        rc = SQLITE_OK;
    }
    return rc;
}

int pager_spill(Pager *pager)
{
    ASSERT(pager->pool.count > 0);
    ASSERT(pager != NULL);
    if (pager->pool.count < pager->spill_not_before)
        return SQLITE_OK;
    return pager_spill_some(pager, false);
}

// sqlite3_db_cacheflush(): everything that can go, the order of syncs as in any spill.
int pager_flush(Pager *pager)
{
    ASSERT(pager->phase <= PHASE_FAILED);
    if (pager->phase == PHASE_FAILED)
        return pager->failure;
    if (pager->in_memory || pager->phase < PHASE_CHANGING)
        return SQLITE_OK;
    ASSERT(pager->phase <= PHASE_FILE_CHANGED);
    return pager_spill_some(pager, true);
}
