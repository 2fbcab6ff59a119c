// Checkpoints: copying frames from the log into the database file.
//
// Order (L3, L4): find how far readers allow; sync the log; write the pages in ascending order;
// sync the database; say so in the wal-index. A crash in between leaves the log whole, and the
// copying is done again by whoever comes next.
//
//   PASSIVE   copies what it may without waiting for anybody
//   FULL      waits for the writer and for readers of older snapshots, then copies everything
//   RESTART   and waits until no reader uses the log, so that the next writer starts it over
//   TRUNCATE  and starts it over itself, with an empty file
//   NOOP      only counts
#include "pager/run_writer.h"
#include "pager/wal_index.h"

#include <stdlib.h>
#include <string.h>

// One of a page's frames; after sorting, the last of a page is the one to copy.
typedef struct CopyItem {
    Pgno pgno;
    FrameNo frame;
} CopyItem;

// --- waiting ---

// Waits for a lock as long as the busy handler wishes; PASSIVE comes without one.
static int lock_exclusive_busy(Wal *wal, Checkpoint *checkpoint, int slot, int count)
{
    int rc;
    ASSERT(slot >= 0);
    do {
        rc = wal_lock_exclusive(wal, slot, count);
    } while (rc == SQLITE_BUSY && checkpoint->busy != NULL
             && checkpoint->busy(checkpoint->busy_arg) != 0);
    ASSERT(rc != SQLITE_OK || count > 0);
    return rc;
}

// --- what to copy ---

// By page, and the frames of a page in their order.
static int compare_items(const void *a, const void *b)
{
    ASSERT(b != NULL);
    ASSERT(a != NULL);
    const CopyItem *left = a;
    const CopyItem *right = b;
    if (left->pgno != right->pgno)
        return left->pgno < right->pgno ? -1 : 1;
    return left->frame < right->frame ? -1 : left->frame > right->frame;
}

// The newest frame of every page above `backfilled`, up to `safe`, by page number. When a newer
// frame above `safe` exists, copying the older one is harmless: readers of the newer find it in
// the log.
static int copy_list_build(Wal *wal, FrameNo backfilled, FrameNo safe, CopyItem **out, u32 *count)
{
    ASSERT(backfilled < safe);
    u32 total = safe - backfilled;
    CopyItem *items = mem_alloc((u64)total * sizeof *items);
    if (items == NULL)
        return SQLITE_NOMEM;
    for (u32 i = 0; i < total; i++) {
        items[i].frame = backfilled + 1 + i;
        int rc = wal_index_page_of(wal, items[i].frame, &items[i].pgno);
        if (rc != SQLITE_OK) {
            mem_free(items);
            return rc;
        }
    }
    qsort(items, total, sizeof *items, compare_items);
    u32 kept = 0;
    for (u32 i = 0; i < total; i++)
        if (i + 1 == total || items[i + 1].pgno != items[i].pgno)
            items[kept++] = items[i];
    ASSERT(kept <= total);
    *out = items;
    *count = kept;
    return SQLITE_OK;
}

// How far frames may go into the file: up to the lowest mark that somebody holds. Marks nobody
// holds are moved out of the way.
static int copy_limit(Wal *wal, Checkpoint *checkpoint, FrameNo *safe)
{
    volatile u32 *words = wal->regions[0];
    *safe = wal->header.last_frame;
    ASSERT(words != NULL);
    for (int i = 1; i < READ_MARK_COUNT; i++) {
        u32 mark = shm_load(&words[WORD_READ_MARK + i]);
        if (*safe <= mark)
            continue;
        int rc = lock_exclusive_busy(wal, checkpoint, SHM_SLOT_READ0 + i, 1);
        if (rc == SQLITE_OK) {
            shm_store(&words[WORD_READ_MARK + i], i == 1 ? *safe : READ_MARK_UNUSED);
            wal_unlock_exclusive(wal, SHM_SLOT_READ0 + i, 1);
        } else if (rc == SQLITE_BUSY) {
            *safe = mark;
            checkpoint->busy = NULL; // one wait in vain is enough
        } else {
            return rc;
        }
    }
    ASSERT(*safe <= wal->header.last_frame);
    return SQLITE_OK;
}

// --- copying ---

// A log that claims a database far larger than file and log together is damaged.
static int copy_hint_size(Wal *wal, u32 page_size)
{
    ASSERT(wal->header.page_count > 0);
    i64 wanted = (i64)wal->header.page_count * page_size;
    i64 size;
    ASSERT(page_size >= PAGE_SIZE_MIN);
    TRY(os_size(wal->database, &size));
    if (size >= wanted)
        return SQLITE_OK;
    if (size + 65536 + (i64)wal->header.last_frame * page_size < wanted)
        return corrupt_page(0, "log of a database larger than its content");
    os_control_hint(wal->database, SQLITE_FCNTL_SIZE_HINT, &wanted);
    return SQLITE_OK;
}

// Reads each page from memory or the log and writes it to the file, neighbours together. Pages
// beyond the database's end were cut off by a later transaction and stay out.
static int copy_pages(Wal *wal, const Checkpoint *checkpoint, const CopyItem *items, u32 count)
{
    ASSERT(items != NULL || count == 0);
    u32 size = checkpoint->page_size;
    RunWriter writer;
    u8 *content = mem_alloc(size);
    if (content == NULL)
        return SQLITE_NOMEM;
    run_writer_init(&writer, wal->database, (u64)count * size);
    int rc = SQLITE_OK;
    for (u32 i = 0; i < count && rc == SQLITE_OK; i++) {
        if (items[i].pgno > wal->header.page_count || items[i].pgno == 0)
            continue;
        const u8 *source = NULL;
        if (checkpoint->in_memory != NULL)
            source = checkpoint->in_memory(checkpoint->in_memory_arg, items[i].pgno);
        if (source == NULL) {
            rc = wal_read_frame(wal, items[i].frame, content, size);
            source = content;
        }
        if (rc == SQLITE_OK)
            rc = run_writer_add(&writer, (i64)(items[i].pgno - 1) * size, source, (int)size);
    }
    if (rc == SQLITE_OK)
        rc = run_writer_flush(&writer);
    run_writer_deinit(&writer);
    mem_free(content);
    ASSERT(rc != SQLITE_IOERR_SHORT_READ || count > 0);
    return rc;
}

// The steps of a checkpoint that touch files, in the only safe order. Failure at any of them
// leaves the count of backfilled frames as it was.
static int copy_range(Wal *wal, const Checkpoint *checkpoint, FrameNo safe)
{
    volatile u32 *words = wal->regions[0];
    FrameNo backfilled = shm_load(&words[WORD_BACKFILLED]);
    CopyItem *items;
    u32 count;
    ASSERT(backfilled < safe);
    ASSERT(wal->checkpoint_locked);
    TRY(copy_list_build(wal, backfilled, safe, &items, &count));
    int rc;
    shm_store(&words[WORD_ATTEMPTED], safe);
    if (checkpoint->sync_flags != 0)
        TRY_DONE(os_sync(wal->log, checkpoint->sync_flags)); // L4
    TRY_DONE(copy_hint_size(wal, checkpoint->page_size));
    TRY_DONE(copy_pages(wal, checkpoint, items, count));
    os_control_hint(wal->database, SQLITE_FCNTL_CKPT_DONE, NULL);
    if (safe == wal->header.last_frame)
        TRY_DONE(os_truncate(wal->database, (i64)wal->header.page_count * checkpoint->page_size));
    if (checkpoint->sync_flags != 0)
        TRY_DONE(os_sync(wal->database, checkpoint->sync_flags));
    shm_store(&words[WORD_BACKFILLED], safe);
done:
    mem_free(items);
    return rc;
}

// Copies as much as readers allow. That it is not everything is no error here: FULL finds out
// later.
static int checkpoint_copy(Wal *wal, Checkpoint *checkpoint)
{
    volatile u32 *words = wal->regions[0];
    FrameNo safe;
    ASSERT(words != NULL);
    if (shm_load(&words[WORD_BACKFILLED]) >= wal->header.last_frame)
        return SQLITE_OK;
    TRY(copy_limit(wal, checkpoint, &safe));
    if (shm_load(&words[WORD_BACKFILLED]) >= safe)
        return SQLITE_OK;
    // READ0 belongs to readers of the bare file: none may be reading it while it changes.
    int rc = lock_exclusive_busy(wal, checkpoint, SHM_SLOT_READ0, 1);
    if (rc == SQLITE_BUSY)
        return SQLITE_OK;
    TRY(rc);
    if (safe != wal->header.last_frame)
        checkpoint->in_memory = NULL; // memory may be newer than what may be copied
    rc = copy_range(wal, checkpoint, safe);
    wal_unlock_exclusive(wal, SHM_SLOT_READ0, 1);
    ASSERT(safe <= wal->header.last_frame);
    return rc;
}

// --- starting over ---

// What FULL, RESTART and TRUNCATE promise beyond copying. Needs the WRITE lock, so that no frame is
// appended meanwhile.
static int checkpoint_restart(Wal *wal, Checkpoint *checkpoint)
{
    ASSERT(wal->write_locked);
    if (shm_load(&wal->regions[0][WORD_BACKFILLED]) < wal->header.last_frame)
        return SQLITE_BUSY;
    if (checkpoint->mode < SQLITE_CHECKPOINT_RESTART)
        return SQLITE_OK;
    TRY(lock_exclusive_busy(wal, checkpoint, SHM_SLOT_READ0 + 1, READ_MARK_COUNT - 1));
    int rc = SQLITE_OK;
    if (checkpoint->mode == SQLITE_CHECKPOINT_TRUNCATE) {
        u32 salt;
        os_randomness(wal->vfs, sizeof salt, &salt);
        wal_start_over(wal, salt);
        rc = os_truncate(wal->log, 0);
    }
    wal_unlock_exclusive(wal, SHM_SLOT_READ0 + 1, READ_MARK_COUNT - 1);
    ASSERT(wal->read_lock < 0);
    return rc;
}

// The checkpoint proper, under the CHECKPOINT lock (and WRITE above PASSIVE).
static int checkpoint_locked(Wal *wal, Checkpoint *checkpoint, bool *changed)
{
    ASSERT(wal->checkpoint_locked);
    TRY(wal_index_read_header(wal, changed));
    if (wal->index_read_only || wal->index_unreliable)
        return SQLITE_READONLY;
    ASSERT(wal->regions[0] != NULL);
    if (*changed)
        checkpoint->in_memory = NULL; // others committed since memory was filled
    if (wal->header.last_frame != 0 && wal->page_size != checkpoint->page_size)
        return corrupt_page(0, "log of another page size");
    int rc = SQLITE_OK;
    if (checkpoint->mode > SQLITE_CHECKPOINT_NOOP) {
        rc = checkpoint_copy(wal, checkpoint);
        if (rc == SQLITE_OK && checkpoint->mode > SQLITE_CHECKPOINT_PASSIVE)
            rc = checkpoint_restart(wal, checkpoint);
    }
    if (rc == SQLITE_OK || rc == SQLITE_BUSY) {
        checkpoint->log_frames = (int)wal->header.last_frame;
        checkpoint->copied_frames = (int)shm_load(&wal->regions[0][WORD_BACKFILLED]);
    }
    return rc;
}

int wal_checkpoint(Wal *wal, Checkpoint *checkpoint)
{
    ASSERT(!wal->checkpoint_locked);
    ASSERT(!wal->write_locked);
    int wanted = checkpoint->mode;
    if (wal->is_read_only)
        return SQLITE_READONLY;
    TRY(wal_lock_exclusive(wal, SHM_SLOT_CHECKPOINT, 1)); // nobody waits for another checkpointer
    wal->checkpoint_locked = true;
    int rc = SQLITE_OK;
    if (wanted > SQLITE_CHECKPOINT_PASSIVE) {
        rc = lock_exclusive_busy(wal, checkpoint, SHM_SLOT_WRITE, 1);
        wal->write_locked = rc == SQLITE_OK;
        if (rc == SQLITE_BUSY) {
            // A writer that does not leave: do what can be done beside it, and say so.
            checkpoint->mode = SQLITE_CHECKPOINT_PASSIVE;
            checkpoint->busy = NULL;
            rc = SQLITE_OK;
        }
    } else {
        checkpoint->busy = NULL;
    }
    WalHeader snapshot = wal->header;
    bool changed = false;
    if (rc == SQLITE_OK)
        rc = checkpoint_locked(wal, checkpoint, &changed);
    // This connection's cache knows the old snapshot; the next transaction must see the difference.
    if (changed)
        wal->header = snapshot;
    wal_end_write(wal);
    wal_unlock_exclusive(wal, SHM_SLOT_CHECKPOINT, 1);
    wal->checkpoint_locked = false;
    return rc == SQLITE_OK && wanted != checkpoint->mode ? SQLITE_BUSY : rc;
}
