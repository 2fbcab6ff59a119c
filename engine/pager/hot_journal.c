// Reading rollback journals: recovery after a crash, and this process's own
// rollbacks.
//
// A journal is believed as far as it is provably whole: a header without magic,
// a short record or a wrong checksum ends the playback quietly, because a crash
// leaves exactly that and the pages behind such a point were never overwritten.
// A journal that names a super-journal which is gone belongs to a transaction
// that committed: it is dropped unread.
#include "pager/file_header.h"
#include "pager/file_lock.h"
#include "pager/journal.h"
#include "pager/pager_internal.h"

#include <string.h>

enum {
    SUPER_NAME_MAX = 4096,
    SUPER_FILE_MAX = 1 << 24,
};

typedef struct JournalReader {
    Pager *pager;
    i64 offset; // of the next header or record
    i64 size;   // records end here
    u32 nonce;
    u32 record_count; // of the segment
    Pgno database_pages;
    bool is_own; // written by this transaction, perhaps not synced yet
    u8 *record;
} JournalReader;

// --- segments ---

// Settings of the first header rule the whole journal. False when they cannot
// be right.
static bool reader_adopt_sizes(JournalReader *reader, const u8 *header)
{
    Pager *pager = reader->pager;
    u32 sector_size = get_u32(header + 20);
    u32 page_size = get_u32(header + 24);
    if (page_size == 0)
        page_size = pager->pool.page_size; // written by a very old library
    if (page_size < PAGE_SIZE_MIN || page_size > PAGE_SIZE_MAX
        || (page_size & (page_size - 1)) != 0)
        return false;
    if (sector_size < 32 || sector_size > 65536 || (sector_size & (sector_size - 1)) != 0)
        return false;
    if (page_size != pager->pool.page_size) {
        ASSERT(!reader->is_own);
        pool_set_page_size(&pager->pool, page_size);
        pager->pool.limit = pager_cache_limit(pager);
    }
    pager->journal.sector_size = sector_size;
    ASSERT(pager->pool.page_size == page_size);
    return true;
}

// Reads the header at the next sector. *more is false at the end of what can be
// believed.
static int reader_next_segment(JournalReader *reader, bool *more)
{
    ASSERT(reader->offset >= 0);
    ASSERT(more != NULL);
    Journal *journal = &reader->pager->journal;
    u8 header[JOURNAL_HEADER_SIZE];
    i64 start = journal_header_offset_after(reader->pager, reader->offset);
    *more = false;
    if (start + JOURNAL_HEADER_SIZE > reader->size)
        return SQLITE_OK;
    TRY(os_read(journal->file, header, JOURNAL_HEADER_SIZE, start));
    bool is_open_segment = reader->is_own && start == journal->header_offset;
    if (!is_open_segment && memcmp(header, JOURNAL_MAGIC, JOURNAL_MAGIC_SIZE) != 0)
        return SQLITE_OK;
    if (start == 0 && !reader_adopt_sizes(reader, header))
        return SQLITE_OK;
    reader->offset = start + journal->sector_size;
    reader->record_count = get_u32(header + 8);
    reader->nonce = get_u32(header + 12);
    reader->database_pages = get_u32(header + 16);
    i64 record_size = (i64)reader->pager->pool.page_size + 8;
    if (reader->record_count == 0xffffffff || is_open_segment) {
        i64 rest = reader->size - reader->offset;
        reader->record_count = rest > 0 ? (u32)(rest / record_size) : 0;
    }
    *more = true;
    return SQLITE_OK;
}

// Reads one record into reader->record. *valid is false where the journal stops
// being believable.
static int reader_next_record(JournalReader *reader, Pgno *pgno, const u8 **content, bool *valid)
{
    ASSERT(reader->record != NULL);
    Pager *pager = reader->pager;
    u32 page_size = pager->pool.page_size;
    *valid = false;
    if (reader->offset + page_size + 8 > reader->size)
        return SQLITE_OK;
    TRY(os_read(pager->journal.file, reader->record, (int)page_size + 8, reader->offset));
    reader->offset += page_size + 8;
    *pgno = get_u32(reader->record);
    *content = reader->record + 4;
    if (*pgno == 0 || *pgno == pager_lock_byte_page(pager))
        return SQLITE_OK;
    u32 checksum = get_u32(reader->record + 4 + page_size);
    *valid = checksum == journal_checksum(reader->nonce, *content, page_size);
    ASSERT(*valid || !reader->is_own);
    return SQLITE_OK;
}

// Puts one original back into the file.
static int reader_restore_page(JournalReader *reader, Pgno pgno, const u8 *content)
{
    ASSERT(pgno != 0);
    Pager *pager = reader->pager;
    int size = (int)pager->pool.page_size;
    ASSERT(pager->lock == SQLITE_LOCK_EXCLUSIVE || pager->no_locks);
    if (pgno > reader->database_pages)
        return SQLITE_OK; // the truncation takes care of it
    TRY(os_write(pager->file, content, size, (i64)(pgno - 1) * size));
    pager_report_change(pager, pgno, content);
    return SQLITE_OK;
}

// Plays one segment. *complete is false when a record could not be believed.
static int reader_play_segment(JournalReader *reader, bool *complete)
{
    ASSERT(complete != NULL);
    ASSERT(reader->record != NULL);
    *complete = true;
    for (u32 i = 0; i < reader->record_count && *complete; i++) {
        Pgno pgno = 0;
        const u8 *content = NULL;
        TRY(reader_next_record(reader, &pgno, &content, complete));
        if (*complete)
            TRY(reader_restore_page(reader, pgno, content));
    }
    return SQLITE_OK;
}

// Plays all segments. The first header also says how long the file was.
// Playing twice does no harm, and a crash in the middle only means that it is done again.
static int reader_play(JournalReader *reader)
{
    ASSERT(reader->offset == 0);
    Pager *pager = reader->pager;
    int rc = SQLITE_OK;
    ASSERT(reader->record == NULL);
    for (bool is_first = true;; is_first = false) {
        bool more;
        TRY_DONE(reader_next_segment(reader, &more));
        if (!more)
            break;
        if (is_first) {
            i64 size;
            i64 wanted = (i64)reader->database_pages * pager->pool.page_size;
            TRY_DONE(os_size(pager->file, &size));
            if (size > wanted)
                TRY_DONE(os_truncate(pager->file, wanted));
            reader->record = mem_alloc((u64)pager->pool.page_size + 8);
            rc = reader->record == NULL ? SQLITE_NOMEM : SQLITE_OK;
            if (rc != SQLITE_OK)
                goto done;
        }
        bool complete;
        TRY_DONE(reader_play_segment(reader, &complete));
        if (!complete)
            break;
    }
done:
    mem_free(reader->record);
    reader->record = NULL;
    return rc;
}

// --- this transaction's own journal ---

// The super-journal's name, if there is one, follows the records.
static i64 own_records_end(const Journal *journal)
{
    ASSERT(journal->buffered == 0);
    ASSERT(journal->super_offset <= journal->offset);
    return journal->super_offset != 0 ? journal->super_offset : journal->offset;
}

// What is played was written by this process, so nothing of it can be unbelievable; the file's own
// sync decides when the journal may go.
int journal_playback_own(Pager *pager)
{
    Journal *journal = &pager->journal;
    ASSERT(journal->journaled != NULL);
    ASSERT(pager->phase >= PHASE_FILE_CHANGED || journal->is_owed);
    if (!os_is_open(journal->file)) // closed to be deleted, which failed: the next reader plays it
        return SQLITE_IOERR_DELETE;
    TRY(journal_flush(pager));
    JournalReader reader = {.pager = pager, .size = own_records_end(journal), .is_own = true};
    TRY(reader_play(&reader));
    return pager->sync_level != SYNC_OFF ? os_sync(pager->file, pager->sync_flags) : SQLITE_OK;
}

// Positions a reader in the segment that holds `offset`. Segments before it are
// stepped over.
static int reader_seek(JournalReader *reader, i64 offset, u32 *skip_records, bool *found)
{
    ASSERT(offset >= 0);
    i64 record_size = (i64)reader->pager->pool.page_size + 8;
    *found = false;
    for (;;) {
        bool more;
        TRY(reader_next_segment(reader, &more));
        if (!more)
            return SQLITE_OK;
        i64 segment_end = reader->offset + reader->record_count * record_size;
        if (offset < segment_end) {
            i64 before = offset > reader->offset ? offset - reader->offset : 0;
            ASSERT(before % record_size == 0);
            *skip_records = (u32)(before / record_size);
            *found = true;
            return SQLITE_OK;
        }
        reader->offset = segment_end;
    }
}

// For savepoints of a transaction that has spilled. Records stay in the journal: a full rollback
// may still follow.
int journal_restore_from(Pager *pager, i64 offset)
{
    ASSERT(offset >= 0);
    Journal *journal = &pager->journal;
    if (journal->journaled == NULL || offset >= journal->offset)
        return SQLITE_OK;
    ASSERT(pager->phase >= PHASE_FILE_CHANGED);
    TRY(journal_flush(pager));
    JournalReader reader = {.pager = pager, .size = own_records_end(journal), .is_own = true};
    u32 skip;
    bool more;
    TRY(reader_seek(&reader, offset, &skip, &more));
    if (!more)
        return SQLITE_OK;
    reader.record = mem_alloc((u64)pager->pool.page_size + 8);
    if (reader.record == NULL)
        return SQLITE_NOMEM;
    reader.offset += skip * ((i64)pager->pool.page_size + 8);
    reader.record_count -= skip;
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && more) {
        rc = reader_play_segment(&reader, &more);
        if (rc == SQLITE_OK && more)
            rc = reader_next_segment(&reader, &more);
    }
    mem_free(reader.record);
    return rc;
}

// --- super-journals ---

// Reads the super-journal's name from the end of a journal into `out`
// (SUPER_NAME_MAX bytes); "" when there is none.
static int super_name_read(sqlite3_file *journal, char *out)
{
    ASSERT(os_is_open(journal));
    u8 trailer[SUPER_TRAILER_SIZE];
    i64 size;
    out[0] = 0;
    TRY(os_size(journal, &size));
    if (size < SUPER_TRAILER_SIZE)
        return SQLITE_OK;
    TRY(os_read(journal, trailer, SUPER_TRAILER_SIZE, size - SUPER_TRAILER_SIZE));
    u32 length = get_u32(trailer);
    if (memcmp(trailer + 8, JOURNAL_MAGIC, JOURNAL_MAGIC_SIZE) != 0)
        return SQLITE_OK;
    if (length == 0 || length >= SUPER_NAME_MAX || length > size - SUPER_TRAILER_SIZE)
        return SQLITE_OK;
    TRY(os_read(journal, out, (int)length, size - SUPER_TRAILER_SIZE - length));
    bool is_whole = get_u32(trailer + 4) == journal_name_checksum(out, length);
    out[is_whole ? length : 0] = 0;
    ASSERT(strlen(out) < SUPER_NAME_MAX);
    return SQLITE_OK;
}

// Does the journal `path` exist and still name the super-journal?
static int super_is_named_by(Pager *pager, const char *path, const char *super, bool *named)
{
    ASSERT(super[0] != 0);
    bool exists;
    *named = false;
    TRY(os_access(pager->vfs, path, SQLITE_ACCESS_EXISTS, &exists));
    if (!exists)
        return SQLITE_OK;
    char *child = mem_alloc_zeroed(SUPER_NAME_MAX + 1);
    char *name = filename_new(path, "", "", 0, NULL);
    sqlite3_file *file = NULL;
    int rc = child == NULL || name == NULL ? SQLITE_NOMEM : SQLITE_OK;
    if (rc == SQLITE_OK)
        rc = os_open_new(pager->vfs, name, SQLITE_OPEN_READONLY | SQLITE_OPEN_SUPER_JOURNAL, &file,
                         NULL);
    if (rc == SQLITE_OK)
        rc = super_name_read(file, child);
    if (rc == SQLITE_OK)
        *named = strcmp(child, super) == 0;
    ASSERT(!*named || rc == SQLITE_OK);
    os_close_free(file);
    filename_free(name);
    mem_free(child);
    return rc;
}

// Looks at every journal that a super-journal lists; *needed when one of them
// still awaits playback.
static int super_is_needed(Pager *pager, const char *super, bool *needed)
{
    ASSERT(super[0] != 0);
    sqlite3_file *file = NULL;
    char *names = NULL;
    char *path = filename_new(super, "", "", 0, NULL);
    if (path == NULL)
        return SQLITE_NOMEM;
    int rc = os_open_new(pager->vfs, path, SQLITE_OPEN_READONLY | SQLITE_OPEN_SUPER_JOURNAL, &file,
                         NULL);
    i64 size = 0;
    *needed = false;
    if (rc == SQLITE_OK)
        rc = os_size(file, &size);
    if (rc == SQLITE_OK && size > SUPER_FILE_MAX)
        rc = corrupt_page(0, "super-journal too large");
    if (rc == SQLITE_OK) {
        names = mem_alloc_zeroed((u64)size + 2);
        rc = names == NULL ? SQLITE_NOMEM : os_read(file, names, (int)size, 0);
    }
    for (i64 i = 0; rc == SQLITE_OK && i < size && !*needed; i += (i64)strlen(names + i) + 1)
        if (names[i] != 0)
            rc = super_is_named_by(pager, names + i, super, needed);
    ASSERT(size >= 0);
    os_close_free(file);
    mem_free(names);
    filename_free(path);
    return rc;
}

// --- hot journals ---

// The journal was left behind when the database was deleted, or by the first
// transaction of a file that never got a page.
static void hot_drop_orphan(Pager *pager)
{
    ASSERT(pager->lock == SQLITE_LOCK_SHARED || pager->no_locks);
    if (file_lock_reserved(pager) != SQLITE_OK)
        return;
    journal_delete_quietly(pager);
    if (!pager->locking_exclusive)
        file_unlock(pager, SQLITE_LOCK_SHARED);
    ASSERT(pager->lock >= SQLITE_LOCK_SHARED);
}

// Cheap questions first: most transactions end at the first one. A journal whose writer still holds
// RESERVED is not ours to touch.
static int hot_journal_exists(Pager *pager, bool *out)
{
    ASSERT(!pager->is_temporary);
    bool exists;
    bool reserved;
    i64 size;
    *out = false;
    TRY(os_access(pager->vfs, pager->journal_path, SQLITE_ACCESS_EXISTS, &exists));
    if (!exists)
        return SQLITE_OK;
    TRY(os_check_reserved(pager->file, &reserved));
    if (reserved)
        return SQLITE_OK; // its writer lives
    TRY(os_size(pager->file, &size));
    ASSERT(size >= 0);
    if (size == 0) {
        hot_drop_orphan(pager);
        return SQLITE_OK;
    }
    sqlite3_file *file;
    int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_MAIN_JOURNAL;
    int rc = os_open_new(pager->vfs, pager->journal_path, flags, &file, NULL);
    if (rc == SQLITE_CANTOPEN) {
        // It went away meanwhile, or cannot be read: the attempt to play it back
        // will tell.
        *out = true;
        return SQLITE_OK;
    }
    TRY(rc);
    u8 first = 0;
    rc = os_read(file, &first, 1, 0);
    os_close_free(file);
    if (rc == SQLITE_IOERR_SHORT_READ)
        rc = SQLITE_OK;
    *out = rc == SQLITE_OK && first != 0;
    return rc;
}

// After playback the journal must not be found again.
static int hot_journal_retire(Pager *pager, bool has_super)
{
    Journal *journal = &pager->journal;
    static const u8 zeros[JOURNAL_HEADER_SIZE] = {0};
    ASSERT(os_is_open(journal->file));
    bool keeps_file =
        pager->journal_mode == JOURNAL_TRUNCATE || pager->journal_mode == JOURNAL_PERSIST;
    int rc = SQLITE_OK;
    if (keeps_file) {
        if (pager->journal_mode == JOURNAL_TRUNCATE || has_super)
            rc = os_truncate(journal->file, 0);
        else
            rc = os_write(journal->file, zeros, sizeof zeros, 0);
        if (rc == SQLITE_OK && pager->sync_level != SYNC_OFF)
            rc = os_sync(journal->file, pager->sync_flags);
        os_close(journal->file);
        return rc;
    }
    os_close(journal->file);
    rc = os_delete(pager->vfs, pager->journal_path, pager->sync_level == SYNC_EXTRA);
    ASSERT(!os_is_open(journal->file));
    return rc == SQLITE_IOERR_DELETE_NOENT ? SQLITE_OK : rc;
}

// Plays, syncs, retires the journal, and then sees whether its super-journal is still needed. In
// this order a power cut in between only makes it start again.
static int hot_journal_play(Pager *pager)
{
    ASSERT(pager->lock == SQLITE_LOCK_EXCLUSIVE || pager->no_locks);
    ASSERT(os_is_open(pager->journal.file));
    Journal *journal = &pager->journal;
    char *super = mem_alloc_zeroed(SUPER_NAME_MAX + 1);
    int rc = SQLITE_OK;
    bool super_exists = true;
    if (super == NULL)
        return SQLITE_NOMEM;
    if (pager->sync_level != SYNC_OFF)
        TRY_DONE(os_sync(journal->file,
                         SQLITE_SYNC_NORMAL)); // what is played must not vanish again
    TRY_DONE(super_name_read(journal->file, super));
    if (super[0] != 0)
        TRY_DONE(os_access(pager->vfs, super, SQLITE_ACCESS_EXISTS, &super_exists));
    if (super_exists) {
        JournalReader reader = {.pager = pager};
        TRY_DONE(os_size(journal->file, &reader.size));
        TRY_DONE(reader_play(&reader));
        if (pager->sync_level != SYNC_OFF)
            TRY_DONE(os_sync(pager->file, pager->sync_flags));
    }
    TRY_DONE(hot_journal_retire(pager, super[0] != 0));
    if (super[0] != 0 && super_exists) {
        bool needed;
        TRY_DONE(super_is_needed(pager, super, &needed));
        if (!needed)
            TRY_DONE(os_delete(pager->vfs, super, false));
    }
    COVER("journal: hot journal played back");
    log_message(SQLITE_NOTICE_RECOVER_ROLLBACK, "recovered from %s", pager->journal_path);
done:
    mem_free(super);
    return rc;
}

int hot_journal_recover(Pager *pager)
{
    Journal *journal = &pager->journal;
    bool is_hot;
    bool exists;
    ASSERT(pager->lock >= SQLITE_LOCK_SHARED);
    ASSERT(journal->journaled == NULL);
    TRY(hot_journal_exists(pager, &is_hot));
    if (!is_hot)
        return SQLITE_OK;
    if (pager->is_read_only)
        return SQLITE_READONLY_ROLLBACK;
    // Without RESERVED on the way: two processes recovering at once must not both
    // get half-way.
    TRY(file_lock_exclusive_now(pager));
    int rc = SQLITE_OK;
    if (!os_is_open(journal->file)) {
        TRY(os_access(pager->vfs, pager->journal_path, SQLITE_ACCESS_EXISTS, &exists));
        if (exists) {
            int out_flags = 0;
            int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_JOURNAL;
            rc = os_open(pager->vfs, pager->journal_path, journal->file, flags, &out_flags);
            if (rc == SQLITE_OK && (out_flags & SQLITE_OPEN_READONLY) != 0) {
                os_close(journal->file);
                rc = error_cantopen();
            }
        }
    }
    if (rc == SQLITE_OK && os_is_open(journal->file)) {
        pager_drop_cache(pager);
        rc = hot_journal_play(pager);
        os_close(journal->file);
    }
    if (!pager->locking_exclusive)
        file_unlock(pager, SQLITE_LOCK_SHARED);
    return rc;
}
