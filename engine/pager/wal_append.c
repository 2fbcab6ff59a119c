// Appending to the write-ahead log, and committing.
//
// A transaction may write pages before it commits (spills). Those frames carry no commit mark and
// lie above the last frame that others see, so a page spilled again is written over its own
// earlier frame: a long transaction with a small cache would otherwise fill the disk. The
// checksums after such a frame are then wrong until the commit renews them; a crash before that
// leaves an unfinished transaction, which recovery drops anyhow.
#include "pager/run_writer.h"
#include "pager/wal_index.h"

#include <string.h>

// L5. A writer whose snapshot is the database file alone starts the log over, if no reader has a
// mark.
static int append_restart_log(Wal *wal)
{
    if (wal->read_lock != 0)
        return SQLITE_OK;
    ASSERT(wal->write_locked);
    volatile u32 *words = wal->regions[0];
    if (shm_load(&words[WORD_BACKFILLED]) > 0) {
        int rc = wal_lock_exclusive(wal, SHM_SLOT_READ0 + 1, READ_MARK_COUNT - 1);
        if (rc == SQLITE_OK) {
            u32 salt;
            os_randomness(wal->vfs, sizeof salt, &salt);
            wal_start_over(wal, salt);
            wal->truncate_on_commit = true;
            wal_unlock_exclusive(wal, SHM_SLOT_READ0 + 1, READ_MARK_COUNT - 1);
        } else if (rc != SQLITE_BUSY) {
            return rc;
        }
    }
    TRY(wal_leave_read0(wal));
    ASSERT(wal->read_lock > 0);
    return SQLITE_OK;
}

// The first frame of an empty log needs the log's own header. It is synced: after a crash frames of
// the former log must not be read as if they belonged to this one.
static int append_log_header(Wal *wal, const WalAppend *append)
{
    ASSERT(wal->write_locked);
    u8 bytes[WAL_HEADER_SIZE];
    u32 checksum[2];
    bool big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    ASSERT(wal->header.last_frame == 0);
    if (wal->sequence == 0)
        os_randomness(wal->vfs, sizeof wal->header.salt, wal->header.salt);
    put_u32(bytes, WAL_MAGIC | big_endian);
    put_u32(bytes + 4, WAL_VERSION);
    put_u32(bytes + 8, append->page_size);
    put_u32(bytes + 12, wal->sequence);
    memcpy(bytes + 16, wal->header.salt, 8);
    wal_checksum(true, bytes, WAL_HEADER_SIZE - 8, NULL, checksum);
    put_u32(bytes + 24, checksum[0]);
    put_u32(bytes + 28, checksum[1]);
    wal->page_size = append->page_size;
    wal->header.big_endian_checksums = big_endian;
    memcpy(wal->header.frame_checksum, checksum, sizeof checksum);
    wal->truncate_on_commit = true;
    TRY(os_write(wal->log, bytes, sizeof bytes, 0));
    return append->header_sync_flags != 0 ? os_sync(wal->log, append->header_sync_flags)
                                          : SQLITE_OK;
}

// Fills in a frame's header and runs the checksum on. Once a frame has been overwritten, later
// ones get neither salt nor checksum before append_rewrite_checksums(): else a power cut could
// leave the frame's old content below a commit that agrees with it.
static void frame_encode(Wal *wal, const WalPage *page, u32 commit_size, u8 *out)
{
    bool native = wal->header.big_endian_checksums == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    u32 *sum = wal->header.frame_checksum;
    ASSERT(page->pgno != 0);
    ASSERT(page->content != NULL);
    put_u32(out, page->pgno);
    put_u32(out + 4, commit_size);
    memset(out + 8, 0, 16);
    if (wal->rewrite_from != 0)
        return;
    memcpy(out + 8, wal->header.salt, 8);
    wal_checksum(native, out, 8, sum, sum);
    wal_checksum(native, page->content, wal->page_size, sum, sum);
    put_u32(out + 16, sum[0]);
    put_u32(out + 20, sum[1]);
}

// Header and content go out as one piece.
static int append_frame(Wal *wal, RunWriter *writer, FrameNo frame, const WalPage *page,
                        u32 commit_size)
{
    u8 header[FRAME_HEADER_SIZE];
    i64 offset = frame_offset(frame, wal->page_size);
    ASSERT(frame >= 1);
    ASSERT(wal->write_locked);
    frame_encode(wal, page, commit_size, header);
    TRY(run_writer_add(writer, offset, header, sizeof header));
    return run_writer_add(writer, offset + FRAME_HEADER_SIZE, page->content, (int)wal->page_size);
}

// The frame that this transaction has written for the page before and may write over, or 0. Nobody
// else sees it. The last page of a commit always gets a frame of its own, which marks the end.
static int append_find_own(Wal *wal, const WalAppend *append, u32 i, FrameNo *out)
{
    FrameNo committed = wal_committed_last(wal);
    bool ends_commit = append->commit_size != 0 && i + 1 == append->count;
    FrameNo frame = 0;
    ASSERT(i < append->count);
    if (!ends_commit && wal->header.last_frame > committed)
        TRY(wal_find(wal, append->pages[i].pgno, &frame));
    *out = frame > committed ? frame : 0;
    ASSERT(*out <= wal->header.last_frame);
    return SQLITE_OK;
}

static int append_overwrite(Wal *wal, RunWriter *writer, FrameNo frame, const WalPage *page)
{
    ASSERT(frame > wal_committed_last(wal)); // L1
    ASSERT(page->content != NULL);
    if (wal->rewrite_from == 0 || frame < wal->rewrite_from)
        wal->rewrite_from = frame;
    i64 offset = frame_offset(frame, wal->page_size) + FRAME_HEADER_SIZE;
    return run_writer_add(writer, offset, page->content, (int)wal->page_size);
}

// On disks that may damage the sector around the end, the commit frame is repeated until the
// sector is full.
static int append_padding(Wal *wal, const WalAppend *append, RunWriter *writer, FrameNo *last)
{
    const WalPage *page = &append->pages[append->count - 1];
    i64 end = frame_offset(*last + 1, wal->page_size);
    i64 target = (end + wal->sector_size - 1) / wal->sector_size * wal->sector_size;
    ASSERT(wal->pad_to_sector);
    ASSERT(append->commit_size != 0);
    while (frame_offset(*last + 1, wal->page_size) < target)
        TRY(append_frame(wal, writer, ++*last, page, append->commit_size));
    return SQLITE_OK;
}

// Writes all frames; *last comes out as the last one's number.
static int append_frames(Wal *wal, const WalAppend *append, FrameNo *last)
{
    ASSERT(append->count > 0);
    u32 frame_size = wal->page_size + FRAME_HEADER_SIZE;
    RunWriter writer;
    *last = wal->header.last_frame;
    run_writer_init(&writer, wal->log, (u64)append->count * frame_size);
    int rc = SQLITE_OK;
    for (u32 i = 0; i < append->count && rc == SQLITE_OK; i++) {
        const WalPage *page = &append->pages[i];
        u32 commit_size = i + 1 == append->count ? append->commit_size : 0;
        FrameNo own;
        rc = append_find_own(wal, append, i, &own);
        if (rc != SQLITE_OK)
            break;
        rc = own != 0 ? append_overwrite(wal, &writer, own, page)
                      : append_frame(wal, &writer, ++*last, page, commit_size);
    }
    bool is_padded = append->commit_size != 0 && append->sync_flags != 0 && wal->pad_to_sector;
    if (rc == SQLITE_OK && is_padded)
        rc = append_padding(wal, append, &writer, last);
    if (rc == SQLITE_OK)
        rc = run_writer_flush(&writer);
    run_writer_deinit(&writer);
    ASSERT(*last >= wal->header.last_frame);
    return rc;
}

// After the frames: a reader may only find what is in the file.
static int append_index(Wal *wal, const WalAppend *append, FrameNo last)
{
    FrameNo frame = wal->header.last_frame;
    ASSERT(last >= frame);
    for (u32 i = 0; i < append->count; i++) {
        FrameNo own;
        TRY(append_find_own(wal, append, i, &own)); // answers as it did before: pages differ
        if (own == 0)
            TRY(wal_index_append(wal, ++frame, append->pages[i].pgno));
    }
    while (frame < last)
        TRY(wal_index_append(wal, ++frame, append->pages[append->count - 1].pgno));
    ASSERT(frame == last);
    return SQLITE_OK;
}

// --- checksums of overwritten frames ---

// The running checksum just before `frame`.
static int checksum_before(Wal *wal, FrameNo frame, u32 out[2])
{
    u8 bytes[8];
    ASSERT(frame >= 1);
    i64 offset = frame == 1 ? WAL_HEADER_SIZE - 8 : frame_offset(frame - 1, wal->page_size) + 16;
    TRY(os_read(wal->log, bytes, sizeof bytes, offset));
    out[0] = get_u32(bytes);
    out[1] = get_u32(bytes + 4);
    ASSERT(offset > 0);
    return SQLITE_OK;
}

// Renews salt and checksum in place.
static void checksum_frames(Wal *wal, u8 *frames, u32 count, u32 sum[2])
{
    bool native = wal->header.big_endian_checksums == (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
    u32 frame_size = wal->page_size + FRAME_HEADER_SIZE;
    ASSERT(frames != NULL);
    ASSERT(count > 0);
    for (u32 i = 0; i < count; i++) {
        u8 *frame = frames + (u64)i * frame_size;
        memcpy(frame + 8, wal->header.salt, 8);
        wal_checksum(native, frame, 8, sum, sum);
        wal_checksum(native, frame + FRAME_HEADER_SIZE, wal->page_size, sum, sum);
        put_u32(frame + 16, sum[0]);
        put_u32(frame + 20, sum[1]);
    }
}

// A checksum covers all frames before it, so from the first overwritten one on all are renewed,
// once per transaction.
static int append_rewrite_checksums(Wal *wal, FrameNo last)
{
    enum { BATCH_BYTES = 256 * 1024 };
    u32 frame_size = wal->page_size + FRAME_HEADER_SIZE;
    u32 batch = BATCH_BYTES / frame_size;
    u32 sum[2];
    ASSERT(wal->rewrite_from != 0);
    ASSERT(batch > 0);
    TRY(checksum_before(wal, wal->rewrite_from, sum));
    u8 *frames = mem_alloc((u64)batch * frame_size);
    if (frames == NULL)
        return SQLITE_NOMEM;
    int rc = SQLITE_OK;
    for (FrameNo frame = wal->rewrite_from; frame <= last && rc == SQLITE_OK; frame += batch) {
        u32 count = last - frame + 1 < batch ? last - frame + 1 : batch;
        i64 offset = frame_offset(frame, wal->page_size);
        rc = os_read(wal->log, frames, (int)(count * frame_size), offset);
        if (rc == SQLITE_OK) {
            checksum_frames(wal, frames, count, sum);
            rc = os_write(wal->log, frames, (int)(count * frame_size), offset);
        }
    }
    mem_free(frames);
    memcpy(wal->header.frame_checksum, sum, sizeof sum);
    return rc;
}

// --- appending ---

// Everything a commit does on disk. The index is not touched yet, so failure costs nothing.
static int append_write(Wal *wal, const WalAppend *append, FrameNo *last)
{
    ASSERT(wal->page_size == append->page_size);
    TRY(append_frames(wal, append, last));
    if (append->commit_size == 0)
        return SQLITE_OK;
    ASSERT(*last > wal->header.last_frame);
    if (wal->rewrite_from != 0)
        TRY(append_rewrite_checksums(wal, *last));
    return append->sync_flags != 0 ? os_sync(wal->log, append->sync_flags) : SQLITE_OK;
}

int wal_append(Wal *wal, const WalAppend *append)
{
    ASSERT(wal->write_locked);
    ASSERT(append->count > 0);
    TRY(append_restart_log(wal));
    if (wal->header.last_frame == 0)
        TRY(append_log_header(wal, append));
    if (wal->page_size != append->page_size)
        return corrupt_page(0, "log of another page size");
    u32 checksum[2] = {wal->header.frame_checksum[0], wal->header.frame_checksum[1]};
    FrameNo last;
    int rc = append_write(wal, append, &last);
    if (rc == SQLITE_OK)
        rc = append_index(wal, append, last);
    if (rc != SQLITE_OK) {
        // As if nothing was written: the next append takes the same place.
        memcpy(wal->header.frame_checksum, checksum, sizeof checksum);
        return rc;
    }
    if (append->commit_size != 0 && wal->truncate_on_commit && wal->size_limit >= 0) {
        i64 used = frame_offset(last + 1, wal->page_size);
        int ignored = wal_limit_size(wal, used > wal->size_limit ? used : wal->size_limit);
        (void)ignored;
        wal->truncate_on_commit = false;
    }
    WalHeader *header = &wal->header;
    header->page_size = (u16)((wal->page_size & 0xff00) | (wal->page_size >> 16));
    header->last_frame = last;
    if (append->commit_size != 0) {
        header->change++;
        header->page_count = append->commit_size;
        wal_index_write_header(wal); // readers see the transaction from here on
        wal->committed_frames = last;
        wal->rewrite_from = 0;
    }
    return SQLITE_OK;
}
