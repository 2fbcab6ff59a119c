// Snapshots that a program keeps: a moment of the log, told by a copy of the wal-index header.
//
// It can be read again as long as no checkpoint has copied later frames to the database and the log
// has not started over. "Attempted" in the wal-index is how far a checkpoint may have come; it is
// looked at under the CHECKPOINT lock, which nobody who copies lets go of meanwhile.

#include "base/alloc.h"
#include "base/error.h"
#include "pager/wal_index.h"
#include <string.h>

int wal_snapshot_get(const Wal *wal, WalSnapshot *out)
{
    static const u8 zeros[16];
    static_assert(sizeof *out == sizeof wal->header, "a snapshot is a wal-index header");
    const WalHeader *header = &wal->header;
    ASSERT(wal->read_lock >= 0);

    // A log that has never been written has no moment that could be found again.
    if (memcmp(header->frame_checksum, zeros, 8) == 0 && memcmp(header->salt, zeros, 8) == 0)
        return SQLITE_ERROR;
    memcpy(out, header, sizeof *out);
    return SQLITE_OK;
}

static WalHeader header_of(const WalSnapshot *snapshot)
{
    static_assert(sizeof(WalHeader) == sizeof *snapshot, "the public structure holds one");
    ASSERT(snapshot != NULL);
    WalHeader header;
    memcpy(&header, snapshot, sizeof header);
    return header;
}

int wal_snapshot_compare(const WalSnapshot *a, const WalSnapshot *b)
{
    ASSERT(a != NULL);
    ASSERT(b != NULL);
    WalHeader x = header_of(a);
    WalHeader y = header_of(b);
    u32 salt_x, salt_y;
    memcpy(&salt_x, x.salt, sizeof salt_x); // grows when the log starts over
    memcpy(&salt_y, y.salt, sizeof salt_y);
    if (salt_x != salt_y)
        return salt_x < salt_y ? -1 : 1;
    return x.last_frame < y.last_frame ? -1 : x.last_frame > y.last_frame;
}

// Call with the CHECKPOINT lock.
static bool is_intact(const Wal *wal, const WalHeader *wanted)
{
    ASSERT(wanted != NULL);
    ASSERT(wal->region_count > 0);
    u32 attempted = shm_load(&wal->regions[0][WORD_ATTEMPTED]);
    return memcmp(wanted->salt, wal->header.salt, sizeof wanted->salt) == 0
           && wanted->last_frame >= attempted;
}

int wal_snapshot_check(Wal *wal, const WalSnapshot *snapshot)
{
    ASSERT(snapshot != NULL);
    WalHeader wanted = header_of(snapshot);
    ASSERT(wal->read_lock >= 0);
    TRY(wal_lock_shared(wal, SHM_SLOT_CHECKPOINT));
    int rc = is_intact(wal, &wanted) ? SQLITE_OK : SQLITE_ERROR_SNAPSHOT;
    wal_unlock_shared(wal, SHM_SLOT_CHECKPOINT);
    return rc;
}

void wal_snapshot_want(Wal *wal, const WalSnapshot *snapshot)
{
    ASSERT(wal != NULL);
    ASSERT(wal->read_lock < READ_MARK_COUNT);
    ASSERT(!wal->write_locked);
    wal->wants_snapshot = snapshot != NULL;
    if (snapshot != NULL)
        wal->wanted = header_of(snapshot);
}

int wal_snapshot_adopt(Wal *wal, bool *changed)
{
    ASSERT(wal->wants_snapshot);
    ASSERT(wal->read_lock > 0);

    TRY(wal_lock_shared(wal, SHM_SLOT_CHECKPOINT));
    int rc = is_intact(wal, &wal->wanted) ? SQLITE_OK : SQLITE_ERROR_SNAPSHOT;
    if (rc == SQLITE_OK) {
        wal->header = wal->wanted;
        if (memcmp(&wal->former, &wal->header, sizeof wal->header) != 0)
            *changed = true;
    }
    wal_unlock_shared(wal, SHM_SLOT_CHECKPOINT);
    return rc;
}

// --- after all connections closed without a checkpoint ---

// Is the page of this frame in the database as the frame has it?
static int frame_is_copied(Wal *wal, FrameNo frame, u8 *buffers, bool *is_copied)
{
    ASSERT(frame >= 1);
    ASSERT(buffers != NULL);
    u32 size = wal->page_size;
    i64 file_size;
    Pgno pgno;
    *is_copied = false;
    TRY(wal_index_page_of(wal, frame, &pgno));
    TRY(os_size(wal->database, &file_size));
    i64 offset = (i64)(pgno - 1) * size;
    if (pgno == 0 || offset + size > file_size)
        return SQLITE_OK;
    TRY(wal_read_frame(wal, frame, buffers, size));
    TRY(os_read(wal->database, buffers + size, (int)size, offset));
    *is_copied = memcmp(buffers, buffers + size, size) == 0;
    return SQLITE_OK;
}

// Lowers "attempted" past frames that are not in the database: no checkpoint got to them.
static int lower_attempted(Wal *wal, u8 *buffers)
{
    ASSERT(buffers != NULL);
    volatile u32 *words = wal->regions[0];
    u32 copied = shm_load(&words[WORD_BACKFILLED]);
    for (FrameNo frame = shm_load(&words[WORD_ATTEMPTED]); frame > copied; frame--) {
        bool is_copied;
        TRY(frame_is_copied(wal, frame, buffers, &is_copied));
        if (is_copied)
            break;
        shm_store(&words[WORD_ATTEMPTED], frame - 1);
    }
    ASSERT(shm_load(&words[WORD_ATTEMPTED]) >= copied);
    return SQLITE_OK;
}

int wal_snapshot_recover(Wal *wal)
{
    ASSERT(wal->region_count > 0);
    ASSERT(wal->read_lock >= 0);
    if (wal->page_size == 0)
        return SQLITE_OK; // there are no frames
    TRY(wal_lock_exclusive(wal, SHM_SLOT_CHECKPOINT, 1));
    int rc = SQLITE_NOMEM;
    u8 *buffers = mem_alloc(2 * (u64)wal->page_size);
    if (buffers != NULL)
        rc = lower_attempted(wal, buffers);
    mem_free(buffers);
    wal_unlock_exclusive(wal, SHM_SLOT_CHECKPOINT, 1);
    return rc;
}
