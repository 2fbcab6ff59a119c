// Opening, closing and settings of a pager. Transactions live in snapshot.c (reading) and commit.c
// (writing), the pages a transaction changes in private_pages.c.
//
// Opening touches the file no more than it must: the descriptor is there afterwards, but no lock,
// no header, no page. A file that is no database is found out by the first read. Temporary
// databases have no file until they spill, memory databases never; both skip locks and journals.
//
// Settings take effect at once where nothing depends on them any more and are refused silently
// where something does: the caller asks what is in force, as the pragmas do.
#include "pager/pager.h"

#include "pager/journal.h"
#include "pager/pager_internal.h"
#include "pager/wal.h"

enum {
    CACHE_SIZE_DEFAULT = -2000, // KiB, as SQLite's
    CACHE_PAGES_MIN = 10,
    SLOT_OVERHEAD = 128,    // bytes of headers per page, rounded up
    LOCK_BYTE = 0x40000000, // first byte of the locks; the page around it never holds content
};
static const Pgno PAGE_COUNT_MAX = 0xfffffffe;

// --- opening ---

// The absolute name, with the journal's and the log's beside it and the caller's URI parameters.
// The names must not depend on the directory the process stands in later, nor on links: other
// processes look for the journal under the same name.
static int pager_build_names(Pager *pager, const PagerOptions *options)
{
    ASSERT(options->path != NULL);
    enum { PARAMETERS_MAX = 32 };
    const char *parameters[2 * PARAMETERS_MAX];
    int count = 0;
    u64 size = (u64)pager->vfs->mxPathname + 1;
    char *full = mem_alloc_zeroed(size + 16);
    if (full == NULL)
        return SQLITE_NOMEM;
    char *journal = NULL;
    char *wal = NULL;
    int rc = os_full_path(pager->vfs, options->path, full);
    if (rc == SQLITE_OK_SYMLINK)
        rc =
            (options->open_flags & SQLITE_OPEN_NOFOLLOW) != 0 ? SQLITE_CANTOPEN_SYMLINK : SQLITE_OK;
    if (rc != SQLITE_OK)
        goto done;
    ASSERT(strlen(full) < size);
    if ((options->open_flags & SQLITE_OPEN_URI) != 0) {
        const char *key;
        while (count < PARAMETERS_MAX && (key = filename_key(options->path, count)) != NULL) {
            parameters[2 * count] = key;
            parameters[2 * count + 1] = filename_parameter(options->path, key);
            count++;
        }
    }
    u64 length = strlen(full);
    journal = mem_alloc(length + 9);
    wal = mem_alloc(length + 5);
    rc = SQLITE_NOMEM;
    if (journal == NULL || wal == NULL)
        goto done;
    memcpy(journal, full, length);
    memcpy(journal + length, "-journal", 9);
    memcpy(wal, full, length);
    memcpy(wal + length, "-wal", 5);
    pager->path = filename_new(full, journal, wal, count, parameters);
    if (pager->path == NULL)
        goto done;
    pager->journal_path = filename_journal(pager->path);
    pager->wal_path = filename_wal(pager->path);
    rc = SQLITE_OK;
done:
    mem_free(full);
    mem_free(journal);
    mem_free(wal);
    return rc;
}

// A file that may not be written is opened for reading; the VFS tells, and all later questions are
// answered by that. What lies in memory needs no journal on disk to be as durable as it is.
static int pager_open_file(Pager *pager, const PagerOptions *options)
{
    ASSERT(!pager->is_temporary);
    ASSERT(options->path != NULL);
    TRY(pager_build_names(pager, options));
    pager->is_immutable = filename_bool(pager->path, "immutable", false);
    int flags = options->open_flags & ~SQLITE_OPEN_URI;
    if (pager->is_immutable)
        flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    int out_flags = flags;
    TRY(os_open(pager->vfs, pager->path, pager->file, flags, &out_flags));
    pager->open_flags = flags;
    pager->is_read_only = (out_flags & SQLITE_OPEN_READONLY) != 0;
    pager->is_memory_file = (out_flags & SQLITE_OPEN_MEMORY) != 0;
    if (pager->is_memory_file)
        pager->journal_mode = JOURNAL_MEMORY;
    if ((os_characteristics(pager->file) & SQLITE_IOCAP_IMMUTABLE) != 0)
        pager->is_immutable = true;
    pager->no_locks = pager->is_immutable || filename_bool(pager->path, "nolock", false);
    pager->journal.sector_size = (u32)os_sector_size(pager->file);
    if (!pager->no_locks)
        pager->store = page_store_attach(pager->file);
    ASSERT(pager->lock == SQLITE_LOCK_NONE);
    return SQLITE_OK;
}

// Settings as SQLite's defaults; then memory for the cache and the file handles.
static int pager_init(Pager *pager, const PagerOptions *options)
{
    ASSERT(pager != NULL);
    ASSERT(options != NULL);
    *pager = (Pager){
        .vfs = options->vfs,
        .db = options->db,
        .in_memory = options->in_memory,
        .open_flags = options->open_flags,
        .cache_size = CACHE_SIZE_DEFAULT,
        .spill_enabled = true,
        .spill_threshold = 1,
        .page_count_max = PAGE_COUNT_MAX,
        .sync_level = SYNC_FULL,
        .sync_flags = SQLITE_SYNC_NORMAL,
        .checkpoint_sync_flags = SQLITE_SYNC_NORMAL,
        .data_version = 1,
        .journal = {.size_limit = -1, .sector_size = 512},
    };
    pager->is_temporary = options->in_memory || options->is_temporary || options->path == NULL
                          || options->path[0] == 0;
    pager->is_read_only = (options->open_flags & SQLITE_OPEN_READONLY) != 0; // a file may differ
    pager->no_locks = pager->is_temporary;
    pager->locking_exclusive = pager->is_temporary;
    pager->journal_mode = options->in_memory ? JOURNAL_MEMORY : JOURNAL_DELETE;
    TRY(pool_init(&pager->pool, PAGE_SIZE_DEFAULT, 0));
    pager->pool.limit = pager_cache_limit(pager);
    if (!pager->in_memory) {
        // One block for both handles: the database's and the journal's.
        u64 size = ((u64)pager->vfs->szOsFile + 7) & ~7ull;
        u64 journal_size = (u64)memory_journal_size(pager->vfs);
        pager->file = mem_alloc_zeroed(size + journal_size);
        if (pager->file == NULL)
            return SQLITE_NOMEM;
        pager->journal.file = (sqlite3_file *)(void *)((u8 *)pager->file + size);
    }
    return pager->is_temporary ? SQLITE_OK : pager_open_file(pager, options);
}

// Legal for a pager that was opened half-way.
static void pager_free(Pager *pager)
{
    ASSERT(pager != NULL);
    ASSERT(pager->phase == PHASE_IDLE);
    pool_deinit(&pager->pool);
    page_store_detach(pager->store); // before the file is closed: until then it is the file's
    os_close(pager->journal.file);
    os_close(pager->file);
    mem_free(pager->file);
    bitset_free(pager->journal.journaled);
    bitset_free(pager->journal.unsynced);
    mem_free(pager->undo.entries);
    mem_free(pager->undo.levels);
    filename_free(pager->path);
    mem_free(pager);
}

int pager_open(const PagerOptions *options, Pager **out)
{
    ASSERT(options->vfs != NULL || options->in_memory);
    ASSERT(out != NULL);
    Pager *pager = mem_alloc_zeroed(sizeof *pager);
    if (pager == NULL)
        return SQLITE_NOMEM;
    int rc = pager_init(pager, options);
    if (rc != SQLITE_OK) {
        pager_free(pager);
        return rc;
    }
    ASSERT(pager->phase == PHASE_IDLE);
    *out = pager;
    return SQLITE_OK;
}

// Rolls back first: a caller that closes without ending its transaction meant to abandon it.
int pager_close(Pager *pager)
{
    if (pager == NULL)
        return SQLITE_OK;
    if (pager->phase > PHASE_READING)
        (void)pager_rollback(pager); // what it could not do is left to the next one to open (R1)
    pager->locking_exclusive = false;
    if (pager->phase != PHASE_IDLE)
        pager_end_read(pager);
    int rc = snapshot_close(pager);
    undo_clear(pager);
    pager_free(pager);
    return rc;
}

void pager_set_busy_handler(Pager *pager, int (*busy)(void *arg), void *arg)
{
    ASSERT(pager->phase <= PHASE_FAILED);
    ASSERT(pager != NULL);
    pager->busy = busy;
    pager->busy_arg = arg;
    if (os_is_open(pager->file)) {
        void *both[2];
        memcpy(&both[0], &busy, sizeof both[0]); // as SQLITE_FCNTL_BUSYHANDLER wants it
        both[1] = arg;
        os_control_hint(pager->file, SQLITE_FCNTL_BUSYHANDLER, both);
    }
}

int pager_invoke_busy(Pager *pager)
{
    ASSERT(pager->phase <= PHASE_FAILED);
    ASSERT(pager != NULL);
    return pager->busy != NULL ? pager->busy(pager->busy_arg) : 0;
}

void pager_set_change_listener(Pager *pager, void (*changed)(void *arg, Pgno pgno, const u8 *data),
                               void *arg)
{
    ASSERT(pager != NULL);
    ASSERT(changed != NULL || arg == NULL);
    pager->changed = changed;
    pager->changed_arg = arg;
}

// --- sizes ---

// Positive sizes are pages; negative ones KiB of everything a page costs. A memory database has no
// other place for its pages than the cache.
u32 pager_cache_limit(const Pager *pager)
{
    ASSERT(pager->pool.page_size <= PAGE_SIZE_MAX);
    ASSERT(pager->pool.page_size >= PAGE_SIZE_MIN);
    if (pager->in_memory)
        return UINT32_MAX;
    i64 pages = pager->cache_size;
    if (pages < 0)
        pages = -pages * 1024 / (pager->pool.page_size + SLOT_OVERHEAD);
    if (pages > 1000000000)
        pages = 1000000000;
    return pages < CACHE_PAGES_MIN ? CACHE_PAGES_MIN : (u32)pages;
}

// Own generator: the system's would cost a call per transaction. Checksum seeds must differ from
// one transaction to the next, not be secret: they tell a journal's records from those of its past.
u32 pager_random(Pager *pager)
{
    ASSERT(pager != NULL);
    ASSERT(pager->vfs != NULL);
    if (!pager->prng_seeded) {
        u8 seed[32];
        os_randomness(pager->vfs, sizeof seed, seed);
        prng_init(&pager->prng, seed, sizeof seed);
        pager->prng_seeded = true;
    }
    return (u32)prng_u64(&pager->prng);
}

// The page of the lock bytes at 1 GiB (os/lock.c): on some systems a lock keeps even its owner from
// reading the bytes.
Pgno pager_lock_byte_page(const Pager *pager)
{
    ASSERT(pager->pool.page_size <= PAGE_SIZE_MAX);
    ASSERT(pager->pool.page_size != 0);
    return LOCK_BYTE / pager->pool.page_size + 1;
}

// *size comes back as what is in force. The B-tree asks only while the file is empty, and VACUUM
// while it is about to replace all of it.
int pager_set_page_size(Pager *pager, u32 *size, int reserved)
{
    ASSERT(size != NULL);
    u32 wanted = *size;
    bool is_legal =
        wanted >= PAGE_SIZE_MIN && wanted <= PAGE_SIZE_MAX && (wanted & (wanted - 1)) == 0;
    bool is_possible = (!pager->is_temporary || pager->page_count == 0)
                       && pager->pool.private_count == 0 && pool_pinned_count(&pager->pool) == 0
                       && !pager->journal.is_owed; // which counts in pages of the present size
    if (is_legal && is_possible && wanted != pager->pool.page_size) {
        pool_set_page_size(&pager->pool, wanted);
        pager->pool.limit = pager_cache_limit(pager);
        if (pager->phase >= PHASE_READING && pager->wal == NULL && os_is_open(pager->file)
            && !pager->is_temporary)
            TRY(file_page_count(pager, &pager->page_count));
        if (pager->phase
            == PHASE_RESERVED) // VACUUM: the journal will count in pages of the new size
            pager->original_count = pager->file_count = pager->page_count;
    }
    if (reserved >= 0)
        pager->reserved = (u32)reserved;
    *size = pager->pool.page_size;
    ASSERT(pager->pool.page_size >= PAGE_SIZE_MIN);
    return SQLITE_OK;
}

u32 pager_page_size(const Pager *pager)
{
    ASSERT(pager->pool.page_size >= PAGE_SIZE_MIN);
    ASSERT((pager->pool.page_size & (pager->pool.page_size - 1)) == 0);
    return pager->pool.page_size;
}

u32 pager_reserved(const Pager *pager)
{
    ASSERT(pager->reserved <= UINT8_MAX);
    ASSERT(pager->reserved < pager->pool.page_size);
    return pager->reserved;
}

// Never below what is there: a limit cannot make pages go away.
Pgno pager_max_page_count(Pager *pager, Pgno limit)
{
    ASSERT(pager != NULL);
    ASSERT(pager->page_count_max > 0);
    if (limit > 0)
        pager->page_count_max = limit > pager->page_count ? limit : pager->page_count;
    if (pager->page_count_max > PAGE_COUNT_MAX)
        pager->page_count_max = PAGE_COUNT_MAX;
    return pager->page_count_max;
}

// A smaller limit is reached by and by, as pages are evicted to make room for others.
void pager_set_cache_size(Pager *pager, int pages_or_kib)
{
    ASSERT(pager != NULL);
    pager->cache_size = pages_or_kib;
    pager->pool.limit = pager_cache_limit(pager);
    ASSERT(pager->pool.limit > 0);
}

void pager_set_spill(Pager *pager, bool enabled, int threshold_pages)
{
    ASSERT(pager->pool.page_size >= PAGE_SIZE_MIN);
    ASSERT(pager != NULL);
    pager->spill_enabled = enabled;
    if (threshold_pages > 0)
        pager->spill_threshold = (u32)threshold_pages;
    else if (threshold_pages < 0)
        pager->spill_threshold =
            (u32)((i64)threshold_pages * -1024 / (pager->pool.page_size + SLOT_OVERHEAD));
}

void pager_set_mmap_limit(Pager *pager, i64 bytes)
{
    ASSERT(pager->phase <= PHASE_FAILED);
    ASSERT(pager != NULL);
    pager->mmap_limit = bytes;
    if (os_is_open(pager->file))
        os_control_hint(pager->file, SQLITE_FCNTL_MMAP_SIZE, &bytes);
}

// Of temporary databases nothing is to survive a power cut.
void pager_set_sync(Pager *pager, PagerSync level, bool fullfsync, bool checkpoint_fullfsync)
{
    ASSERT(pager != NULL);
    ASSERT(level <= SYNC_EXTRA);
    pager->sync_level = pager->is_temporary ? SYNC_OFF : level;
    pager->sync_flags = fullfsync ? SQLITE_SYNC_FULL : SQLITE_SYNC_NORMAL;
    pager->checkpoint_sync_flags = checkpoint_fullfsync ? SQLITE_SYNC_FULL : pager->sync_flags;
}

// --- what the pager is ---

int pager_state(const Pager *pager)
{
    ASSERT(pager->phase != PHASE_READING || pager->pool.private_count == 0);
    ASSERT(pager->phase <= PHASE_FAILED);
    if (pager->phase == PHASE_IDLE)
        return PAGER_IDLE;
    return pager->phase == PHASE_READING ? PAGER_READING : PAGER_WRITING;
}

JournalMode pager_journal_mode(const Pager *pager)
{
    ASSERT(pager->journal_mode != JOURNAL_WAL);
    ASSERT(pager->wal == NULL || !pager->is_temporary);
    return pager->wal != NULL ? JOURNAL_WAL : pager->journal_mode;
}

i64 pager_journal_size_limit(Pager *pager, i64 limit)
{
    ASSERT(pager->journal.size_limit >= -1);
    ASSERT(pager != NULL);
    if (limit >= -1)
        pager->journal.size_limit = limit;
    return pager->journal.size_limit;
}

bool pager_is_read_only(const Pager *pager)
{
    ASSERT(pager != NULL);
    ASSERT(pager->phase <= PHASE_FAILED);
    return pager->is_read_only;
}

bool pager_is_memory(const Pager *pager)
{
    ASSERT(!pager->in_memory || pager->is_temporary);
    ASSERT(!pager->in_memory || pager->wal == NULL);
    return pager->in_memory || pager->is_memory_file;
}

// PRAGMA data_version: goes up whenever somebody else may have changed what this connection reads.
u32 pager_data_version(const Pager *pager)
{
    ASSERT(pager != NULL);
    ASSERT(pager->phase <= PHASE_FAILED);
    return pager->data_version;
}

const char *pager_path(const Pager *pager)
{
    ASSERT(pager->path != NULL || pager->is_temporary);
    ASSERT((pager->path == NULL) == (pager->journal_path == NULL));
    return pager->path != NULL ? pager->path : "";
}

const char *pager_journal_path(const Pager *pager)
{
    ASSERT(pager->path != NULL || pager->is_temporary);
    ASSERT((pager->path == NULL) == (pager->journal_path == NULL));
    return pager->journal_path != NULL ? pager->journal_path : "";
}

sqlite3_vfs *pager_vfs(const Pager *pager)
{
    ASSERT(pager != NULL);
    ASSERT(pager->vfs != NULL || pager->in_memory);
    return pager->vfs;
}

sqlite3_file *pager_file(const Pager *pager)
{
    ASSERT(pager != NULL);
    ASSERT(pager->file != NULL || pager->in_memory);
    return pager->file;
}

Pgno pager_page_count(const Pager *pager)
{
    ASSERT(pager != NULL);
    ASSERT(pager->phase <= PHASE_FAILED);
    return pager->page_count;
}

void pager_stats(Pager *pager, PagerStats *out, bool reset)
{
    ASSERT(pager->pool.count <= pager->pool.chunk_count * SLOTS_PER_CHUNK);
    ASSERT(out != NULL);
    *out = pager->stats;
    u64 own = (u64)pager->pool.chunk_count * sizeof(SlotChunk)
              + ((u64)pager->pool.bucket_mask + 1) * sizeof(Slot *) + pager->undo.held;
    u64 shared;
    out->memory = own + pool_memory(&pager->pool, &shared);
    out->memory_shared = own + shared;
    if (reset)
        pager->stats = (PagerStats){0};
}

void pager_shrink(Pager *pager)
{
    ASSERT(pager->phase <= PHASE_FAILED);
    ASSERT(pager != NULL);
    if (!pager->is_temporary)
        pool_drop_clean(&pager->pool);
    pool_trim(&pager->pool);
}

void pager_forget(Pager *pager)
{
    ASSERT(pager->phase <= PHASE_FAILED);
    ASSERT(pager->pool.private_count == 0 || pager->phase > PHASE_READING);
    if (!pager->is_temporary)
        pool_drop_clean(&pager->pool);
    pager->data_version++;
}
