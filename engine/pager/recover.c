// Recovery of the write-ahead log: the wal-index is thrown away and built again from the file.
//
// Frames are believed one after the other as long as salt and running checksum are right; the last
// commit frame among them ends the log. What comes after, a torn or unfinished transaction, is as
// if it had never been.
//
// Readers with an older snapshot may be at work in the same regions. Rebuilt content is the same as
// theirs as far as they look, and is put in place region by region from a private copy, so that
// they never see a table half filled.
#include "pager/wal_index.h"

#include <string.h>

typedef struct Recovery {
    Wal *wal;
    u8 *frame;  // header and content
    u32 *image; // of the region being built
    u32 region; // its number, UINT32_MAX before the first
    u32 page_size;
    bool native;
    u32 checksum[2]; // running
    WalHeader header;
} Recovery;

// --- building regions ---

// Word by word and only where it differs: readers may be looking.
static int recovery_put_region(Recovery *recovery)
{
    volatile u32 *target;
    if (recovery->region == UINT32_MAX)
        return SQLITE_OK;
    TRY(wal_index_map(recovery->wal, recovery->region, &target));
    ASSERT(target != NULL);
    u32 first = recovery->region == 0 ? INDEX_HEADER_SIZE / 4 : 0;
    for (u32 i = first; i < SHM_REGION_SIZE / 4; i++)
        if (shm_load(&target[i]) != recovery->image[i])
            shm_store(&target[i], recovery->image[i]);
    ASSERT(first < SHM_REGION_SIZE / 4);
    return SQLITE_OK;
}

// Frames come in ascending order, so a region is complete when the next one begins.
static int recovery_index_frame(Recovery *recovery, FrameNo frame, Pgno pgno)
{
    u32 region = region_of(frame);
    if (region != recovery->region) {
        TRY(recovery_put_region(recovery));
        memset(recovery->image, 0, SHM_REGION_SIZE);
        recovery->region = region;
    }
    u32 before = region == 0 ? 0 : FRAMES_IN_FIRST + (region - 1) * FRAMES_PER_REGION;
    u32 place = frame - before;
    ASSERT(place >= 1);
    ASSERT(place <= FRAMES_PER_REGION);
    u32 *pages = recovery->image + (region == 0 ? INDEX_HEADER_SIZE / 4 : 0);
    u16 *slots = (u16 *)(void *)(recovery->image + FRAMES_PER_REGION);
    u32 key = (pgno * 383u) & (HASH_SLOTS - 1);
    while (slots[key] != 0)
        key = (key + 1) & (HASH_SLOTS - 1);
    pages[place - 1] = pgno;
    slots[key] = (u16)place;
    return SQLITE_OK;
}

// --- reading the log ---

// False when the header is not that of a log.
static int recovery_read_header(Recovery *recovery, i64 size, bool *valid)
{
    ASSERT(size >= 0);
    Wal *wal = recovery->wal;
    u8 bytes[WAL_HEADER_SIZE];
    *valid = false;
    if (size <= WAL_HEADER_SIZE)
        return SQLITE_OK;
    TRY(os_read(wal->log, bytes, sizeof bytes, 0));
    u32 magic = get_u32(bytes);
    u32 page_size = get_u32(bytes + 8);
    if ((magic & 0xfffffffe) != WAL_MAGIC || page_size < PAGE_SIZE_MIN || page_size > PAGE_SIZE_MAX
        || (page_size & (page_size - 1)) != 0)
        return SQLITE_OK;
    bool big_endian = (magic & 1) != 0;
    recovery->native = big_endian == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    wal_checksum(recovery->native, bytes, WAL_HEADER_SIZE - 8, NULL, recovery->checksum);
    if (recovery->checksum[0] != get_u32(bytes + 24)
        || recovery->checksum[1] != get_u32(bytes + 28))
        return SQLITE_OK;
    if (get_u32(bytes + 4) != WAL_VERSION)
        return error_cantopen();
    recovery->page_size = page_size;
    recovery->header.big_endian_checksums = big_endian;
    wal->sequence = get_u32(bytes + 12);
    memcpy(recovery->header.salt, bytes + 16, 8);
    *valid = true;
    ASSERT(recovery->page_size >= PAGE_SIZE_MIN);
    return SQLITE_OK;
}

// Checks a frame against the running checksum.
static bool recovery_accepts(Recovery *recovery, Pgno *pgno, u32 *commit_size)
{
    ASSERT(pgno != NULL);
    const u8 *frame = recovery->frame;
    u32 sum[2];
    *pgno = get_u32(frame);
    *commit_size = get_u32(frame + 4);
    ASSERT(recovery->page_size >= PAGE_SIZE_MIN);
    if (memcmp(frame + 8, recovery->header.salt, 8) != 0 || *pgno == 0)
        return false;
    wal_checksum(recovery->native, frame, 8, recovery->checksum, sum);
    wal_checksum(recovery->native, frame + FRAME_HEADER_SIZE, recovery->page_size, sum, sum);
    if (sum[0] != get_u32(frame + 16) || sum[1] != get_u32(frame + 20))
        return false;
    memcpy(recovery->checksum, sum, sizeof sum);
    return true;
}

// The header is updated at commits only: unfinished transactions leave no trace in it.
static int recovery_read_frames(Recovery *recovery, i64 size)
{
    ASSERT(recovery->image != NULL);
    Wal *wal = recovery->wal;
    u32 frame_size = recovery->page_size + FRAME_HEADER_SIZE;
    FrameNo count = (FrameNo)((size - WAL_HEADER_SIZE) / frame_size);
    ASSERT(recovery->frame != NULL);
    for (FrameNo frame = 1; frame <= count; frame++) {
        Pgno pgno;
        u32 commit_size;
        i64 offset = frame_offset(frame, recovery->page_size);
        TRY(os_read(wal->log, recovery->frame, (int)frame_size, offset));
        if (!recovery_accepts(recovery, &pgno, &commit_size))
            break;
        TRY(recovery_index_frame(recovery, frame, pgno));
        if (commit_size == 0)
            continue;
        WalHeader *header = &recovery->header;
        header->last_frame = frame;
        header->page_count = commit_size;
        header->page_size = (u16)((recovery->page_size & 0xff00) | (recovery->page_size >> 16));
        memcpy(header->frame_checksum, recovery->checksum, sizeof recovery->checksum);
    }
    return recovery_put_region(recovery);
}

// A log that is absent, empty or damaged in its header is an empty one.
static int recovery_read_log(Recovery *recovery)
{
    ASSERT(recovery->image == NULL);
    i64 size;
    bool valid;
    ASSERT(recovery->frame == NULL);
    TRY(os_size(recovery->wal->log, &size));
    TRY(recovery_read_header(recovery, size, &valid));
    if (!valid)
        return SQLITE_OK; // no log, or none that could be read: empty
    recovery->frame = mem_alloc((u64)recovery->page_size + FRAME_HEADER_SIZE);
    recovery->image = mem_alloc_zeroed(SHM_REGION_SIZE);
    int rc = recovery->frame == NULL || recovery->image == NULL ? SQLITE_NOMEM : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = recovery_read_frames(recovery, size);
    mem_free(recovery->frame);
    mem_free(recovery->image);
    return rc;
}

// --- publishing ---

// Nothing is known to be in the database; no mark protects anything but what readers hold right
// now.
static int recovery_reset_marks(Wal *wal)
{
    volatile u32 *words = wal->regions[0];
    ASSERT(words != NULL);
    shm_store(&words[WORD_BACKFILLED], 0);
    shm_store(&words[WORD_ATTEMPTED], wal->header.last_frame);
    shm_store(&words[WORD_READ_MARK], 0);
    for (int i = 1; i < READ_MARK_COUNT; i++) {
        int rc = wal_lock_exclusive(wal, SHM_SLOT_READ0 + i, 1);
        if (rc == SQLITE_BUSY)
            continue;
        TRY(rc);
        bool is_newest = i == 1 && wal->header.last_frame != 0;
        shm_store(&words[WORD_READ_MARK + i],
                  is_newest ? wal->header.last_frame : READ_MARK_UNUSED);
        wal_unlock_exclusive(wal, SHM_SLOT_READ0 + i, 1);
    }
    ASSERT(shm_load(&words[WORD_BACKFILLED]) == 0);
    return SQLITE_OK;
}

// Nobody else writes or checkpoints now; readers may hold marks of the former index.
static int recover_locked(Wal *wal)
{
    ASSERT(wal->write_locked || wal->index_is_private);
    Recovery recovery = {.wal = wal, .region = UINT32_MAX};
    recovery.header.change = wal->header.change;
    TRY(recovery_read_log(&recovery));
    wal->header = recovery.header;
    wal->page_size = recovery.page_size;
    ASSERT(wal->regions[0] != NULL);
    wal_index_write_header(wal);
    TRY(recovery_reset_marks(wal));
    COVER("wal: recovered");
    if (wal->header.page_count != 0)
        log_message(SQLITE_NOTICE_RECOVER_WAL, "recovered %u frames from WAL file %s",
                    wal->header.last_frame, wal->path);
    return SQLITE_OK;
}

int wal_recover(Wal *wal)
{
    ASSERT(wal->write_locked || wal->index_is_private);
    volatile u32 *region;
    TRY(wal_index_map(wal, 0, &region));
    if (region == NULL)
        return error_cantopen();
    // CHECKPOINT keeps checkpointers out; RECOVER tells waiting readers what is going on.
    int first = wal->checkpoint_locked ? SHM_SLOT_RECOVER : SHM_SLOT_CHECKPOINT;
    int count = SHM_SLOT_READ0 - first;
    TRY(wal_lock_exclusive(wal, first, count));
    int rc = recover_locked(wal);
    wal_unlock_exclusive(wal, first, count);
    ASSERT(rc != SQLITE_BUSY);
    return rc;
}
