// The write-ahead log: opening, reading, appending. See wal.h for format and laws, wal_index.h for
// the shared memory beside it.
//
// A snapshot is taken without stopping anybody, so each step looks whether the one before still
// holds, and starts over if not:
//
//     1  copy the header (both copies equal, checksum right: no writer is at it; else recover)
//     2  the whole log is in the database: lock READ0, header unchanged: done, the log is not used
//     3  choose the highest mark not above the header's last frame; raise a free one if it is lower
//     4  lock that mark shared: from here on no checkpoint copies beyond it, nobody moves it
//     5  mark and header unchanged since: done
//
// Which frames are in the database already is read between 4 and 5; they are then read from there.
//
// Writers. The WRITE lock is one of the wal-index, held from the first write to the end of the
// transaction, and given only to who sees the newest commit: appending behind frames one has not
// seen would undo them. Frames become part of the log for others by the header alone, which is
// written last (wal_index_write_header); until then they can be cut off again.
//
// Starting over. When all frames are in the database and no reader needs one, the next writer
// begins at the log's start with new salts. Old frames behind its own stay in the file and are no
// longer believed, since their salts are not the header's.
#include "pager/wal.h"

#include "pager/wal_index.h"

#include <string.h>

enum {
    RETRIES_MAX = 100, // of a reader that others keep in the way; then SQLITE_PROTOCOL
    RETRIES_EAGER = 5, // without sleeping
    RETRY = -1,        // internal: the snapshot moved while it was being taken
};

// --- opening and closing ---

// The wal-index is not touched yet: the first read maps it.
int wal_open(const WalOptions *options, Wal **out)
{
    ASSERT(options->database != NULL);
    ASSERT(options->path != NULL);
    Wal *wal = mem_alloc_zeroed(sizeof *wal);
    if (wal == NULL)
        return SQLITE_NOMEM;
    wal->vfs = options->vfs;
    wal->database = options->database;
    wal->path = options->path;
    wal->index_is_private = options->heap_index;
    wal->size_limit = options->size_limit;
    wal->read_lock = -1;
    int out_flags = 0;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_WAL;
    int rc = os_open_new(wal->vfs, wal->path, flags, &wal->log, &out_flags);
    if (rc != SQLITE_OK) {
        mem_free(wal);
        return rc;
    }
    wal->is_read_only = (out_flags & SQLITE_OPEN_READONLY) != 0;
    int traits = os_characteristics(wal->database);
    wal->pad_to_sector = (traits & SQLITE_IOCAP_POWERSAFE_OVERWRITE) == 0;
    wal->sector_size = os_sector_size(wal->log);
    *out = wal;
    return SQLITE_OK;
}

int wal_limit_size(Wal *wal, i64 limit)
{
    i64 size;
    ASSERT(limit >= 0);
    TRY(os_size(wal->log, &size));
    ASSERT(size >= 0);
    return size > limit ? os_truncate(wal->log, limit) : SQLITE_OK;
}

// `checkpoint`: the caller holds EXCLUSIVE, and nobody else has the database open.
int wal_close(Wal *wal, bool checkpoint, int sync_flags, u32 page_size)
{
    if (wal == NULL)
        return SQLITE_OK;
    ASSERT(!wal->write_locked);
    ASSERT(wal->read_lock < 0);
    bool delete_it = false;
    int rc = SQLITE_OK;
    if (checkpoint) {
        Checkpoint request = {
            .mode = SQLITE_CHECKPOINT_PASSIVE, .sync_flags = sync_flags, .page_size = page_size};
        rc = wal_checkpoint(wal, &request);
        int persist = -1;
        os_control_hint(wal->database, SQLITE_FCNTL_PERSIST_WAL, &persist);
        // Only a log that is in the database from end to end may go.
        bool is_copied = rc == SQLITE_OK && request.copied_frames == request.log_frames;
        if (is_copied && persist != 1)
            delete_it = true;
        else if (is_copied && wal->size_limit >= 0)
            rc = wal_limit_size(wal, 0);
        else if (!is_copied && rc == SQLITE_OK)
            rc = SQLITE_BUSY;
    }
    wal_index_unmap(wal, delete_it);
    os_close_free(wal->log);
    if (delete_it) {
        int ignored = os_delete(wal->vfs, wal->path, false);
        (void)ignored; // an empty or copied log harms nobody
    }
    mem_free((void *)wal->regions);
    mem_free(wal);
    return rc;
}

sqlite3_file *wal_file(const Wal *wal)
{
    ASSERT(wal != NULL);
    ASSERT(wal->log != NULL);
    return wal->log;
}

void wal_set_size_limit(Wal *wal, i64 limit)
{
    ASSERT(wal != NULL);
    ASSERT(limit >= -1);
    wal->size_limit = limit;
}

bool wal_has_heap_index(const Wal *wal)
{
    ASSERT(wal != NULL);
    ASSERT(!wal->index_unreliable || wal->index_is_private);
    return wal->index_is_private;
}

// --- taking a snapshot ---

// The counters behind the two headers. Other processes change them: each is read and written whole
// (shm_load, shm_store), and what was read may be out of date at once.
static volatile u32 *wal_words(const Wal *wal)
{
    ASSERT(wal->region_count > 0);
    ASSERT(wal->regions[0] != NULL);
    return wal->regions[0];
}

// The header could not be read because somebody holds the WRITE lock: who, and is it worth waiting?
static int snapshot_why_busy(Wal *wal)
{
    ASSERT(wal->read_lock < 0);
    if (wal->region_count == 0 || wal->regions[0] == NULL)
        return RETRY; // the index is just being made
    int rc = wal_lock_shared(wal, SHM_SLOT_RECOVER);
    if (rc == SQLITE_OK) {
        wal_unlock_shared(wal, SHM_SLOT_RECOVER);
        return RETRY; // recovery has just ended
    }
    ASSERT(rc != RETRY);
    return rc == SQLITE_BUSY ? SQLITE_BUSY_RECOVERY : rc;
}

// When the whole log is in the database, readers leave it alone, so that a writer may start it
// over.
static int snapshot_try_file(Wal *wal, bool *taken)
{
    ASSERT(taken != NULL);
    *taken = false;
    bool is_all_copied = shm_load(&wal_words(wal)[WORD_BACKFILLED]) == wal->header.last_frame;
    if (!is_all_copied || wal->wants_snapshot)
        return SQLITE_OK;
    int rc = wal_lock_shared(wal, SHM_SLOT_READ0);
    if (rc == SQLITE_BUSY)
        return SQLITE_OK; // a checkpointer is writing the file: use a mark
    TRY(rc);
    wal_index_barrier(wal);
    ASSERT(wal->read_lock < 0);
    if (!wal_index_header_is(wal, &wal->header)) {
        wal_unlock_shared(wal, SHM_SLOT_READ0);
        return RETRY;
    }
    wal->read_lock = 0;
    *taken = true;
    return SQLITE_OK;
}

// The highest usable mark, raised to our snapshot if one is free to be moved.
static int snapshot_choose_mark(Wal *wal, int *index, u32 *mark)
{
    ASSERT(wal->read_lock < 0);
    volatile u32 *words = wal_words(wal);
    FrameNo last = wal->header.last_frame;
    if (wal->wants_snapshot && wal->wanted.last_frame < last)
        last = wal->wanted.last_frame;
    *index = 0;
    *mark = 0;
    for (int i = 1; i < READ_MARK_COUNT; i++) {
        u32 value = shm_load(&words[WORD_READ_MARK + i]);
        if (value >= *mark && value <= last) {
            *mark = value;
            *index = i;
        }
    }
    if (wal->index_read_only || (*index != 0 && *mark == last))
        return SQLITE_OK;
    for (int i = 1; i < READ_MARK_COUNT; i++) {
        int rc = wal_lock_exclusive(wal, SHM_SLOT_READ0 + i, 1);
        if (rc == SQLITE_BUSY)
            continue;
        TRY(rc);
        shm_store(&words[WORD_READ_MARK + i], last);
        *mark = last;
        *index = i;
        wal_unlock_exclusive(wal, SHM_SLOT_READ0 + i, 1);
        break;
    }
    ASSERT(*mark <= last);
    return SQLITE_OK;
}

// Chooses a mark, locks it, and only then believes it.
static int snapshot_take_mark(Wal *wal)
{
    int index;
    u32 mark;
    TRY(snapshot_choose_mark(wal, &index, &mark));
    if (index == 0)
        return wal->index_read_only ? SQLITE_READONLY_CANTINIT : RETRY;
    int rc = wal_lock_shared(wal, SHM_SLOT_READ0 + index);
    if (rc != SQLITE_OK)
        return rc == SQLITE_BUSY ? RETRY : rc;
    // The mark protects us from now on. Had a checkpoint or a commit gone by in between, what we
    // chose may be worthless: look again.
    volatile u32 *words = wal_words(wal);
    wal->first_frame = shm_load(&words[WORD_BACKFILLED]) + 1;
    wal_index_barrier(wal);
    if (shm_load(&words[WORD_READ_MARK + index]) != mark
        || !wal_index_header_is(wal, &wal->header)) {
        wal_unlock_shared(wal, SHM_SLOT_READ0 + index);
        return RETRY;
    }
    ASSERT(mark <= wal->header.last_frame);
    ASSERT(index < READ_MARK_COUNT);
    wal->read_lock = (i8)index;
    return SQLITE_OK;
}

// `use_log`: the caller is a writer that must not take READ0.
static int snapshot_try(Wal *wal, bool use_log, bool *changed)
{
    ASSERT(changed != NULL);
    ASSERT(wal->read_lock < 0);
    if (!use_log) {
        int rc = wal_index_read_header(wal, changed);
        if (rc == SQLITE_BUSY)
            return snapshot_why_busy(wal);
        TRY(rc);
        if (wal->index_unreliable) {
            wal->read_lock = 0; // the index is our own, and nobody checkpoints: no writer is there
            wal->first_frame = 1;
            return SQLITE_OK;
        }
        bool taken;
        TRY(snapshot_try_file(wal, &taken));
        if (taken)
            return SQLITE_OK;
    }
    return snapshot_take_mark(wal);
}

// Others move the log while we look. Sleeps grow, so that about ten seconds pass before giving up.
static int snapshot_retry(Wal *wal, bool use_log, bool *changed)
{
    ASSERT(changed != NULL);
    for (int attempt = 0; attempt <= RETRIES_MAX; attempt++) {
        int rc = snapshot_try(wal, use_log, changed);
        if (rc != RETRY)
            return rc;
        if (attempt > RETRIES_EAGER) {
            int beyond = attempt - 9;
            (void)os_sleep(wal->vfs, beyond > 0 ? beyond * beyond * 39 : 1);
        }
    }
    ASSERT(wal->read_lock < 0);
    return SQLITE_PROTOCOL;
}

int wal_begin_read(Wal *wal, bool *changed)
{
    ASSERT(wal->read_lock < 0);
    ASSERT(!wal->write_locked);
    bool differs = false;
    wal->former = wal->header;
    if (wal->stuck_shared != 0 || wal->stuck_exclusive != 0)
        TRY(wal_release_stuck(wal));
    int rc = snapshot_retry(wal, false, &differs);
    if (rc == SQLITE_OK && wal->wants_snapshot) {
        rc = wal_snapshot_adopt(wal, &differs);
        if (rc != SQLITE_OK) {
            wal_end_read(wal);
            wal->header = wal->former; // nobody has heard of the one just read
        }
    }
    if (differs)
        *changed = true;
    return rc;
}

// The header stays: the next read compares with it to learn what has changed.
void wal_end_read(Wal *wal)
{
    ASSERT(!wal->write_locked);
    if (wal->read_lock >= 0)
        wal_unlock_shared(wal, SHM_SLOT_READ0 + wal->read_lock);
    wal->read_lock = -1;
    ASSERT(wal->read_lock < 0);
}

bool wal_is_reading(const Wal *wal)
{
    ASSERT(wal->read_lock >= -1);
    ASSERT(wal->read_lock < READ_MARK_COUNT);
    return wal->read_lock >= 0;
}

u32 wal_page_count(const Wal *wal)
{
    ASSERT(wal != NULL);
    ASSERT(wal->read_lock < READ_MARK_COUNT);
    return wal->header.page_count;
}

u32 wal_page_size(const Wal *wal)
{
    ASSERT(wal != NULL);
    ASSERT(wal->read_lock < READ_MARK_COUNT);
    return wal->page_size;
}

// A reader of the bare file (READ0) does not keep the log: a writer may start it over and give the
// frames to other pages. It says so in the shared header before it does.
static bool log_is_snapshots(Wal *wal)
{
    ASSERT(wal->read_lock >= 0);
    if (wal->read_lock != 0)
        return true;
    wal_index_barrier(wal);
    return wal_index_header_is(wal, &wal->header);
}

// False when the news cannot be told page by page: everything may have changed.
bool wal_visit_news(Wal *wal, u32 count_max, void (*visit)(void *arg, Pgno pgno), void *arg)
{
    const WalHeader *former = &wal->former;
    const WalHeader *now = &wal->header;
    ASSERT(wal->read_lock >= 0);
    bool is_same_log = former->is_initialised && memcmp(former->salt, now->salt, 8) == 0
                       && former->last_frame <= now->last_frame
                       && former->page_size == now->page_size;
    if (!is_same_log || wal->index_unreliable || now->last_frame - former->last_frame > count_max)
        return false;
    for (FrameNo frame = former->last_frame + 1; frame <= now->last_frame; frame++) {
        Pgno pgno;
        if (wal_index_page_of(wal, frame, &pgno) != SQLITE_OK || pgno == 0)
            return false;
        visit(arg, pgno);
    }
    ASSERT(former->last_frame <= now->last_frame);
    return log_is_snapshots(wal);
}

// The checksum is not looked at: it was when the log was recovered, or the writer is one that
// lives, and every process that reads a frame has it from the index of that log.
int wal_read_frame(Wal *wal, FrameNo frame, u8 *out, u32 size)
{
    ASSERT(frame >= 1);
    ASSERT(frame <= wal->header.last_frame);
    if (wal->page_size < size)
        return corrupt_page(0, "log of a smaller page size");
    return os_read(wal->log, out, (int)size,
                   frame_offset(frame, wal->page_size) + FRAME_HEADER_SIZE);
}

void wal_version(const Wal *wal, FrameNo frame, PageVersion *out)
{
    const WalHeader *header = &wal->header;
    ASSERT(wal->read_lock >= 0);
    ASSERT(frame <= header->last_frame);
    bool is_own = wal->write_locked && frame > wal_committed_last(wal);
    if (wal->index_is_private || is_own)
        return;
    memcpy(out->words, header->salt, sizeof header->salt);
    bool has_salt = out->words[0] != 0 || out->words[1] != 0;
    if (frame != 0) {
        out->kind = VERSION_FRAME;
        out->words[2] = frame;
    } else if (has_salt) {
        out->kind = VERSION_FILE;
        out->words[2] = wal->read_lock == 0 ? header->last_frame : wal->first_frame - 1;
    } else if (header->last_frame == 0) {
        out->kind = VERSION_UNLOGGED;
        out->words[0] = header->change;
    }
}

// --- writing ---

int wal_lock_write(Wal *wal, bool *stale)
{
    ASSERT(wal->read_lock >= 0);
    ASSERT(!wal->write_locked);
    if (wal->is_read_only || wal->index_read_only || wal->index_unreliable)
        return SQLITE_READONLY;
    TRY(wal_lock_exclusive(wal, SHM_SLOT_WRITE, 1));
    wal->write_locked = true;
    *stale = !wal_index_header_is(wal, &wal->header);
    return SQLITE_OK;
}

int wal_begin_write(Wal *wal)
{
    bool stale = false;
    ASSERT(!wal->write_locked);
    TRY(wal_lock_write(wal, &stale));
    if (!stale)
        return SQLITE_OK;
    wal_end_write(wal);
    ASSERT(!wal->write_locked);
    return SQLITE_BUSY_SNAPSHOT;
}

// For a concurrent transaction at its commit: WRITE is held, so nothing can be newer than what this
// finds.
int wal_renew_snapshot(Wal *wal, bool *changed)
{
    ASSERT(wal->write_locked);
    ASSERT(wal->read_lock >= 0);
    wal_unlock_shared(wal, SHM_SLOT_READ0 + wal->read_lock);
    wal->read_lock = -1;
    wal->former = wal->header;
    return snapshot_retry(wal, false, changed);
}

// A writer on READ0 reads from the database alone, where its own frames are not: it needs a mark
// before it appends.
int wal_leave_read0(Wal *wal)
{
    bool ignored = false;
    ASSERT(wal->write_locked);
    ASSERT(wal->read_lock == 0);
    wal_unlock_shared(wal, SHM_SLOT_READ0);
    wal->read_lock = -1;
    return snapshot_retry(wal, true, &ignored);
}

bool wal_is_write_locked(const Wal *wal)
{
    ASSERT(wal != NULL);
    ASSERT(wal->read_lock < READ_MARK_COUNT);
    return wal->write_locked;
}

int wal_sync(Wal *wal, int sync_flags)
{
    ASSERT(os_is_open(wal->log));
    ASSERT(sync_flags >= 0);
    return sync_flags != 0 ? os_sync(wal->log, sync_flags) : SQLITE_OK;
}

void wal_end_write(Wal *wal)
{
    ASSERT(wal != NULL);
    if (!wal->write_locked)
        return;
    wal->write_locked = false;
    wal->rewrite_from = 0;
    wal->truncate_on_commit = false;
    wal_unlock_exclusive(wal, SHM_SLOT_WRITE, 1);
    ASSERT(!wal->write_locked);
}

// What others see; wal->header is what this transaction has appended.
FrameNo wal_committed_last(const Wal *wal)
{
    static_assert(offsetof(WalHeader, last_frame) == 16, "its place is fixed by the format");
    ASSERT(wal->write_locked);
    return shm_load(&wal_words(wal)[offsetof(WalHeader, last_frame) / 4]);
}

// Increments the first salt as the big-endian number it is and replaces the second. The header goes
// first: whoever sees the marks reset must see the new log, not the old one.
void wal_start_over(Wal *wal, u32 salt_change)
{
    WalHeader *header = &wal->header;
    volatile u32 *words = wal_words(wal);
    ASSERT(wal->write_locked);
    wal->sequence++;
    header->last_frame = 0;
    put_u32(header->salt, get_u32(header->salt) + 1);
    memcpy(header->salt + 4, &salt_change, 4);
    wal_index_write_header(wal);
    shm_store(&words[WORD_BACKFILLED], 0);
    shm_store(&words[WORD_ATTEMPTED], 0);
    shm_store(&words[WORD_READ_MARK + 1], 0);
    for (int i = 2; i < READ_MARK_COUNT; i++)
        shm_store(&words[WORD_READ_MARK + i], READ_MARK_UNUSED);
    ASSERT(shm_load(&words[WORD_READ_MARK]) == 0);
}

int wal_frames_committed(Wal *wal)
{
    ASSERT(wal != NULL);
    int count = (int)wal->committed_frames;
    ASSERT(count >= 0);
    wal->committed_frames = 0;
    return count;
}

// --- forgetting frames ---

int wal_undo(Wal *wal, void (*visit)(void *arg, Pgno pgno), void *arg)
{
    FrameNo reached = wal->header.last_frame;
    WalHeader shared;
    ASSERT(wal->write_locked);
    for (u32 i = 0; i < sizeof shared / 4; i++) {
        u32 word = shm_load(&wal_words(wal)[i]);
        memcpy((u8 *)&shared + 4 * i, &word, 4);
    }
    for (FrameNo frame = shared.last_frame + 1; frame <= reached; frame++) {
        Pgno pgno;
        TRY(wal_index_page_of(wal, frame, &pgno));
        visit(arg, pgno);
    }
    wal->header = shared;
    wal->rewrite_from = 0;
    if (reached != shared.last_frame)
        wal_index_clean(wal);
    ASSERT(wal->header.last_frame <= reached || reached == 0);
    return SQLITE_OK;
}

void wal_savepoint_mark(const Wal *wal, u32 mark[4])
{
    ASSERT(wal != NULL);
    ASSERT(mark != NULL);
    mark[0] = wal->header.last_frame;
    mark[1] = wal->header.frame_checksum[0];
    mark[2] = wal->header.frame_checksum[1];
    mark[3] = wal->sequence;
}

int wal_savepoint_undo(Wal *wal, const u32 mark[4])
{
    // The log was started over since: then all its frames are later than the mark.
    bool same_log = mark[3] == wal->sequence;
    u32 last = same_log ? mark[0] : 0;
    if (last >= wal->header.last_frame)
        return SQLITE_OK;
    ASSERT(wal->write_locked);
    wal->header.last_frame = last;
    wal->header.frame_checksum[0] = mark[1];
    wal->header.frame_checksum[1] = mark[2];
    if (wal->rewrite_from > last)
        wal->rewrite_from = 0; // what was overwritten is cut off
    wal_index_clean(wal);
    ASSERT(wal->header.last_frame == last);
    return SQLITE_OK;
}
