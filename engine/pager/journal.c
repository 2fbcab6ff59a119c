// Writing the rollback journal. See journal.h for the format, hot_journal.c for reading it.
//
// Which originals are in it, and which of those are durable, is kept as two sets of page numbers
// (`journaled`, `unsynced`): a page that is in the journal needs no second record, and one that is
// durable may be overwritten in the file without a sync (P4).
//
// Records are gathered in a buffer. What is counted (offset, record_count) includes what is
// buffered; whoever reads the journal back or syncs it flushes first.
#include "pager/journal.h"

#include "pager/file_header.h"

#include <string.h>

const u8 JOURNAL_MAGIC[JOURNAL_MAGIC_SIZE] = {0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7};

enum { BUFFER_SIZE_MIN = 32 * 1024 };

// --- arithmetic ---

u32 journal_checksum(u32 nonce, const u8 *content, u32 page_size)
{
    ASSERT(page_size >= PAGE_SIZE_MIN);
    ASSERT(content != NULL);
    u32 sum = nonce;
    for (i64 i = (i64)page_size - 200; i > 0; i -= 200)
        sum += content[i];
    return sum;
}

u32 journal_name_checksum(const char *name, u32 length)
{
    ASSERT(length > 0);
    ASSERT(name != NULL);
    int sum = 0;
    for (u32 i = 0; i < length; i++)
        sum += (i8)name[i]; // bytes count as signed in this sum
    return (u32)sum;
}

i64 journal_header_offset_after(const Pager *pager, i64 offset)
{
    i64 sector = pager->journal.sector_size;
    ASSERT(sector > 0);
    ASSERT(offset >= 0);
    return (offset + sector - 1) / sector * sector;
}

i64 journal_position(const Pager *pager)
{
    ASSERT(pager->journal.offset >= (i64)pager->journal.buffered);
    ASSERT(pager->journal.offset >= 0);
    return pager->journal.offset;
}

// Modes whose journal is a file of its own kind, with a header that is
// completed at sync.
static bool journal_is_on_disk(const Pager *pager)
{
    ASSERT(pager->journal_mode <= JOURNAL_WAL);
    ASSERT(!pager->in_memory || pager->journal_mode == JOURNAL_MEMORY
           || pager->journal_mode == JOURNAL_OFF);
    return pager->journal_mode != JOURNAL_MEMORY && pager->journal_mode != JOURNAL_OFF;
}

static bool journal_counts_at_sync(const Pager *pager)
{
    ASSERT(pager->sync_level <= SYNC_EXTRA);
    ASSERT(os_is_open(pager->file));
    return journal_is_on_disk(pager) && pager->sync_level != SYNC_OFF
           && (os_characteristics(pager->file) & SQLITE_IOCAP_SAFE_APPEND) == 0;
}

// --- the buffer ---

// Fails without losing anything: what is buffered stays buffered.
int journal_flush(Pager *pager)
{
    Journal *journal = &pager->journal;
    if (journal->buffered == 0)
        return SQLITE_OK;
    ASSERT(os_is_open(journal->file));
    i64 start = journal->offset - journal->buffered;
    ASSERT(start >= 0);
    TRY(os_write(journal->file, journal->buffer, (int)journal->buffered, start));
    journal->buffered = 0;
    return SQLITE_OK;
}

// Room for `size` bytes at the journal's end. The buffer fits the largest
// record.
static int journal_reserve(Pager *pager, u32 size, u8 **out)
{
    ASSERT(size > 0);
    Journal *journal = &pager->journal;
    if (journal->buffered + size > journal->buffer_size)
        TRY(journal_flush(pager));
    if (size > journal->buffer_size) {
        u32 wanted = size > BUFFER_SIZE_MIN ? size : BUFFER_SIZE_MIN;
        mem_free(journal->buffer);
        journal->buffer_size = 0;
        journal->buffer = mem_alloc(wanted);
        if (journal->buffer == NULL)
            return SQLITE_NOMEM;
        journal->buffer_size = wanted;
    }
    *out = journal->buffer + journal->buffered;
    journal->buffered += size;
    journal->offset += size;
    ASSERT(journal->buffered <= journal->buffer_size);
    return SQLITE_OK;
}

// --- headers and records ---

// Zeros up to the next sector.
static int journal_pad_to(Pager *pager, i64 offset)
{
    ASSERT(offset >= pager->journal.offset);
    while (pager->journal.offset < offset) {
        i64 gap = offset - pager->journal.offset;
        u32 size = gap > 4096 ? 4096 : (u32)gap;
        u8 *zeros;
        TRY(journal_reserve(pager, size, &zeros));
        memset(zeros, 0, size);
    }
    ASSERT(pager->journal.offset == offset);
    return SQLITE_OK;
}

// Starts a segment at the next sector.
static int journal_write_header(Pager *pager)
{
    ASSERT(pager->journal.journaled != NULL);
    Journal *journal = &pager->journal;
    TRY(journal_pad_to(pager, journal_header_offset_after(pager, journal->offset)));
    journal->header_offset = journal->offset;
    journal->record_count = 0;
    journal->nonce = pager_random(pager);
    u8 *header;
    TRY(journal_reserve(pager, JOURNAL_HEADER_SIZE, &header));
    memset(header, 0, JOURNAL_HEADER_SIZE);
    if (!journal_counts_at_sync(pager)) {
        memcpy(header, JOURNAL_MAGIC, JOURNAL_MAGIC_SIZE);
        put_u32(header + 8, 0xffffffff);
    }
    put_u32(header + 12, journal->nonce);
    put_u32(header + 16, pager->original_count);
    put_u32(header + 20, journal->sector_size);
    put_u32(header + 24, pager->pool.page_size);
    ASSERT(journal->sector_size >= 32);
    return journal_pad_to(pager, journal->header_offset + journal->sector_size);
}

// A persistent journal of exclusive mode is open already and is written over from its start.
static int journal_open(Pager *pager)
{
    Journal *journal = &pager->journal;
    if (os_is_open(journal->file))
        return SQLITE_OK;
    ASSERT(pager->journal_mode != JOURNAL_OFF);
    ASSERT(pager->journal_mode != JOURNAL_WAL);
    if (pager->journal_mode == JOURNAL_MEMORY)
        return memory_journal_open(pager->vfs, NULL, journal->file, 0, -1);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_JOURNAL;
    return os_open(pager->vfs, pager->journal_path, journal->file, flags, NULL);
}

// Called at the first change, not at BEGIN: a transaction that changes nothing makes no journal.
// A journal that could not be begun is taken back, so that no empty one looks like a crash.
int journal_begin(Pager *pager)
{
    Journal *journal = &pager->journal;
    ASSERT(pager->phase == PHASE_RESERVED);
    if (pager->is_temporary || pager->wal != NULL || pager->journal_mode == JOURNAL_OFF)
        return SQLITE_OK;
    ASSERT(journal->journaled == NULL);
    int has_moved = 0;
    if (pager->original_count > 0 && journal_is_on_disk(pager))
        os_control_hint(pager->file, SQLITE_FCNTL_HAS_MOVED, &has_moved);
    if (has_moved != 0)
        return SQLITE_READONLY_DBMOVED; // the journal would lie beside another file's name
    TRY(bitset_new(pager->original_count + 1, &journal->journaled));
    int rc = bitset_new(pager->original_count + 1, &journal->unsynced);
    journal->offset = 0;
    journal->buffered = 0;
    journal->header_offset = 0;
    journal->synced_to = 0;
    journal->super_offset = 0;
    u8 powersafe = (os_characteristics(pager->file) & SQLITE_IOCAP_POWERSAFE_OVERWRITE) != 0;
    journal->sector_size = powersafe ? 512 : (u32)os_sector_size(pager->file);
    if (rc == SQLITE_OK)
        rc = journal_open(pager);
    if (rc == SQLITE_OK)
        rc = journal_write_header(pager);
    if (rc != SQLITE_OK) {
        journal_close(pager);
        if (journal_is_on_disk(pager))
            journal_delete_quietly(pager);
    }
    return rc;
}

bool journal_wants(const Pager *pager, Pgno pgno)
{
    ASSERT(pager != NULL);
    ASSERT(pgno != 0);
    return pager->journal.journaled != NULL && pgno <= pager->original_count
           && !bitset_has(pager->journal.journaled, pgno);
}

// The record's checksum runs over a few bytes only: it is to tell written records from never
// written ones.
static int journal_add_one(Pager *pager, Pgno pgno, const u8 *original)
{
    Journal *journal = &pager->journal;
    u32 page_size = pager->pool.page_size;
    ASSERT(journal_wants(pager, pgno));
    ASSERT(pgno != pager_lock_byte_page(pager));
    TRY(bitset_add(journal->unsynced, pgno)); // too many in it do no harm
    TRY(bitset_add(journal->journaled, pgno));
    u8 *record;
    int rc = journal_reserve(pager, page_size + 8, &record);
    if (rc != SQLITE_OK) {
        bitset_remove(journal->journaled, pgno);
        return rc;
    }
    put_u32(record, pgno);
    memcpy(record + 4, original, page_size);
    put_u32(record + 4 + page_size, journal_checksum(journal->nonce, original, page_size));
    journal->record_count++;
    return SQLITE_OK;
}

// Adds a page that is not being changed. It may lie beyond the transaction's end.
static int journal_add_unchanged(Pager *pager, Pgno pgno, u8 *scratch)
{
    const Slot *slot = pool_find(&pager->pool, pgno);
    ASSERT(slot == NULL || !slot->page.is_private); // private ones are in the journal
    ASSERT(scratch != NULL);
    if (slot != NULL)
        return journal_add_one(pager, pgno, slot->page.data);
    TRY(snapshot_read_page(pager, pgno, scratch));
    return journal_add_one(pager, pgno, scratch);
}

static int journal_add_range(Pager *pager, Pgno first, Pgno last)
{
    ASSERT(first >= 1);
    ASSERT(last >= first);
    u8 *scratch = mem_alloc(pager->pool.page_size);
    int rc = scratch == NULL ? SQLITE_NOMEM : SQLITE_OK;
    for (Pgno pgno = first; pgno <= last && rc == SQLITE_OK; pgno++)
        if (journal_wants(pager, pgno) && pgno != pager_lock_byte_page(pager))
            rc = journal_add_unchanged(pager, pgno, scratch);
    mem_free(scratch);
    return rc;
}

// A disk that writes whole sectors may damage the neighbours of a page when the power fails.
static int journal_add_neighbours(Pager *pager, Pgno pgno)
{
    u32 per_sector = pager->journal.sector_size / pager->pool.page_size;
    ASSERT(per_sector > 1);
    Pgno first = (pgno - 1) / per_sector * per_sector + 1;
    Pgno last = first + per_sector - 1;
    ASSERT(first <= pgno);
    bool is_wanted = false;
    for (Pgno other = first; other <= last; other++)
        is_wanted |= journal_wants(pager, other);
    return is_wanted ? journal_add_range(pager, first, last) : SQLITE_OK;
}

int journal_add(Pager *pager, Pgno pgno, const u8 *original)
{
    ASSERT(pager->phase >= PHASE_CHANGING);
    ASSERT(original != NULL);
    TRY(journal_add_one(pager, pgno, original));
    if (pager->journal.sector_size > pager->pool.page_size)
        TRY(journal_add_neighbours(pager, pgno));
    return SQLITE_OK;
}

int journal_add_tail(Pager *pager)
{
    ASSERT(pager->phase >= PHASE_CHANGING);
    ASSERT(pager->page_count < pager->original_count);
    return journal_add_range(pager, pager->page_count + 1, pager->original_count);
}

int journal_add_super(Pager *pager, const char *super_journal)
{
    Journal *journal = &pager->journal;
    ASSERT(super_journal != NULL);
    if (journal->journaled == NULL || !journal_is_on_disk(pager) || journal->super_offset != 0)
        return SQLITE_OK;
    size_t length = strlen(super_journal);
    u32 sum = journal_name_checksum(super_journal, (u32)length);
    if (pager->sync_level >= SYNC_FULL)
        TRY(journal_pad_to(pager, journal_header_offset_after(pager, journal->offset)));
    journal->super_offset = journal->offset;
    u8 *record;
    TRY(journal_reserve(pager, (u32)length + 4 + SUPER_TRAILER_SIZE, &record));
    put_u32(record, pager_lock_byte_page(pager));
    memcpy(record + 4, super_journal, length);
    put_u32(record + 4 + length, (u32)length);
    put_u32(record + 8 + length, sum);
    memcpy(record + 12 + length, JOURNAL_MAGIC, JOURNAL_MAGIC_SIZE);
    TRY(journal_flush(pager));
    // The name is looked for at the end of the file, where an old, longer journal
    // may reach beyond.
    i64 size;
    TRY(os_size(journal->file, &size));
    ASSERT(size >= journal->offset);
    return size > journal->offset ? os_truncate(journal->file, journal->offset) : SQLITE_OK;
}

int journal_drop_super(Pager *pager)
{
    Journal *journal = &pager->journal;
    ASSERT(pager->phase == PHASE_PREPARED);
    ASSERT(journal->buffered == 0);
    if (journal->super_offset == 0)
        return SQLITE_OK;
    TRY(os_truncate(journal->file, journal->super_offset));
    journal->offset = journal->super_offset;
    journal->super_offset = 0;
    return pager->sync_level == SYNC_OFF ? SQLITE_OK : os_sync(journal->file, pager->sync_flags);
}

// --- syncing ---

// A persistent journal may hold a whole old header just where the next segment
// would start; played back after a crash, its records would be believed.
static int journal_break_stale_header(Pager *pager)
{
    Journal *journal = &pager->journal;
    i64 next = journal_header_offset_after(pager, journal->offset);
    u8 magic[JOURNAL_MAGIC_SIZE];
    ASSERT(journal->buffered == 0);
    int rc = os_read(journal->file, magic, sizeof magic, next);
    if (rc == SQLITE_IOERR_SHORT_READ)
        return SQLITE_OK;
    TRY(rc);
    ASSERT(next >= journal->offset);
    if (memcmp(magic, JOURNAL_MAGIC, sizeof magic) != 0)
        return SQLITE_OK;
    return os_write(journal->file, "", 1, next);
}

// Completes the header: from now on the segment counts after a crash.
static int journal_write_count(Pager *pager)
{
    Journal *journal = &pager->journal;
    u8 start[12];
    memcpy(start, JOURNAL_MAGIC, JOURNAL_MAGIC_SIZE);
    put_u32(start + 8, journal->record_count);
    ASSERT(journal->header_offset < journal->offset);
    ASSERT(journal->buffered == 0);
    return os_write(journal->file, start, sizeof start, journal->header_offset);
}

// One sync for NORMAL, two for FULL: a disk may write the count before the records it counts.
static int journal_make_durable(Pager *pager)
{
    ASSERT(os_is_open(pager->journal.file));
    Journal *journal = &pager->journal;
    bool is_sequential = (os_characteristics(pager->file) & SQLITE_IOCAP_SEQUENTIAL) != 0;
    TRY(journal_flush(pager));
    ASSERT(journal->buffered == 0);
    if (pager->sync_level == SYNC_OFF)
        return SQLITE_OK;
    if (journal_counts_at_sync(pager)) {
        if (pager->journal_mode == JOURNAL_PERSIST || pager->locking_exclusive)
            TRY(journal_break_stale_header(pager));
        // The count must not become durable before the records it counts.
        if (pager->sync_level >= SYNC_FULL && !is_sequential)
            TRY(os_sync(journal->file, pager->sync_flags));
        TRY(journal_write_count(pager));
    }
    if (is_sequential)
        return SQLITE_OK;
    int data_only = pager->sync_flags == SQLITE_SYNC_FULL ? SQLITE_SYNC_DATAONLY : 0;
    return os_sync(journal->file, pager->sync_flags | data_only);
}

// Before the first sync nothing may go to the file: not even the original size is durable.
bool journal_covers(const Pager *pager, Pgno pgno)
{
    const Journal *journal = &pager->journal;
    ASSERT(pgno != 0);
    if (journal->journaled == NULL)
        return true;
    ASSERT(journal->unsynced != NULL);
    return journal->synced_to > 0 && !bitset_has(journal->unsynced, pgno);
}

// When memory is short the old set stays, which only means more syncs.
static void journal_forget_unsynced(Pager *pager)
{
    Journal *journal = &pager->journal;
    ASSERT(journal->synced_to == journal->offset);
    ASSERT(journal->buffered == 0);
    BitSet *empty;
    if (bitset_new(bitset_limit(journal->unsynced), &empty) != SQLITE_OK)
        return;
    bitset_free(journal->unsynced);
    journal->unsynced = empty;
}

// Leaves alone what is durable already, so that a commit after a spill costs no second sync.
int journal_sync(Pager *pager, bool more)
{
    Journal *journal = &pager->journal;
    if (journal->journaled == NULL || journal->synced_to == journal->offset)
        return SQLITE_OK;
    ASSERT(os_is_open(journal->file));
    if (journal_is_on_disk(pager))
        TRY(journal_make_durable(pager));
    else
        TRY(journal_flush(pager));
    journal->synced_to = journal->offset;
    if (more)
        journal_forget_unsynced(pager);
    if (more && journal_counts_at_sync(pager)) {
        TRY(journal_write_header(pager));
        journal->synced_to = journal->offset; // a header alone is nothing to sync
    }
    ASSERT(journal->synced_to == journal->offset);
    return SQLITE_OK;
}

// --- ending ---

// A journal that stays behind is zeroed or incomplete, and harmless.
void journal_delete_quietly(Pager *pager)
{
    ASSERT(!pager->is_temporary);
    int rc = os_delete(pager->vfs, pager->journal_path, false);
    ASSERT(rc != SQLITE_BUSY);
    (void)rc;
}

// Leaves what is on the disk alone: a hot journal stays hot.
void journal_close(Pager *pager)
{
    ASSERT(pager->journal.unsynced == NULL || pager->journal.journaled != NULL);
    Journal *journal = &pager->journal;
    if (os_is_open(journal->file))
        os_close(journal->file);
    bitset_free(journal->journaled);
    bitset_free(journal->unsynced);
    mem_free(journal->buffer);
    journal->journaled = NULL;
    journal->unsynced = NULL;
    journal->buffer = NULL;
    journal->buffer_size = 0;
    journal->buffered = 0;
    journal->offset = 0;
    journal->is_owed = false;
    ASSERT(!os_is_open(journal->file));
}

// Zeroes the header, or cuts the file to nothing where a super-journal's name
// at its end could be found again.
static int journal_zero(Pager *pager)
{
    ASSERT(pager->phase >= PHASE_RESERVED);
    Journal *journal = &pager->journal;
    static const u8 zeros[JOURNAL_HEADER_SIZE] = {0};
    ASSERT(os_is_open(journal->file));
    if (journal->super_offset != 0 || journal->size_limit == 0)
        TRY(os_truncate(journal->file, 0));
    else
        TRY(os_write(journal->file, zeros, sizeof zeros, 0));
    if (pager->sync_level != SYNC_OFF)
        TRY(os_sync(journal->file, SQLITE_SYNC_DATAONLY | pager->sync_flags));
    if (journal->size_limit > 0) {
        i64 size;
        TRY(os_size(journal->file, &size));
        if (size > journal->size_limit)
            TRY(os_truncate(journal->file, journal->size_limit));
    }
    return SQLITE_OK;
}

// The sync matters: a truncation lost in a power cut would bring the old journal back.
static int journal_truncate(Pager *pager)
{
    ASSERT(os_is_open(pager->journal.file));
    ASSERT(pager->journal_mode == JOURNAL_TRUNCATE);
    TRY(os_truncate(pager->journal.file, 0));
    if (pager->sync_level >= SYNC_FULL)
        TRY(os_sync(pager->journal.file, pager->sync_flags));
    return SQLITE_OK;
}

// The moment of commit in rollback modes: after this the journal is not hot.
int journal_end(Pager *pager)
{
    Journal *journal = &pager->journal;
    if (journal->journaled == NULL)
        return SQLITE_OK;
    ASSERT(os_is_open(journal->file));
    int rc = SQLITE_OK;
    bool keep_open = false;
    journal->buffered = 0;
    if (pager->journal_mode == JOURNAL_TRUNCATE) {
        rc = journal_truncate(pager);
        keep_open = pager->locking_exclusive;
    } else if (pager->journal_mode == JOURNAL_PERSIST
               || (pager->locking_exclusive && journal_is_on_disk(pager))) {
        rc = journal_zero(pager);
        keep_open = pager->locking_exclusive;
    } else if (journal_is_on_disk(pager)) {
        os_close(journal->file);
        rc = os_delete(pager->vfs, pager->journal_path, pager->sync_level == SYNC_EXTRA);
    }
    // A journal that names a super-journal lives and dies with that: left behind, it is stale.
    if (rc != SQLITE_OK && journal->super_offset == 0)
        return rc;
    if (!keep_open || rc != SQLITE_OK)
        os_close(journal->file);
    bitset_free(journal->journaled);
    bitset_free(journal->unsynced);
    mem_free(journal->buffer);
    journal->journaled = NULL;
    journal->unsynced = NULL;
    journal->buffer = NULL;
    journal->buffer_size = 0;
    journal->offset = 0;
    journal->super_offset = 0;
    ASSERT(journal->journaled == NULL);
    return SQLITE_OK;
}
