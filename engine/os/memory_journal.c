// Journals that live in memory and move to a file once they are too long for it.
//
// The content is an array of chunks, so that growing never copies. When it passes the limit, the
// real file is opened into the very memory of this one, and from then on there is nothing in
// between.
//
// Bytes that were never written read as zeros, and so do those that were cut off and grew back:
// chunks are cleared when they are made, and the last one behind the cut.
//
// A journal belongs to one pager, which is used by one thread at a time: no mutex.

#include "base/alloc.h"
#include "base/vec.h"
#include "os/os_internal.h"
#include <string.h>

enum { CHUNK_SIZE = 8192 }; // bytes; a journal of one page takes one

typedef struct MemoryJournal {
    sqlite3_file base; // first
    sqlite3_vfs *vfs;
    const char *path; // borrowed, as by any open file
    int flags;        // to open the real file with
    i64 spill_size;   // negative: stays in memory
    i64 size;
    u8 **chunks;
    u32 chunk_count, chunk_capacity;
} MemoryJournal;

static const sqlite3_io_methods journal_methods;

static u32 chunks_for(i64 size)
{
    ASSERT(size >= 0);
    return (u32)((size + CHUNK_SIZE - 1) / CHUNK_SIZE);
}

// There may be more chunks than the size needs: memory ran out while more were being made.
static CHECKER bool journal_is_sound(const MemoryJournal *journal)
{
    return journal->size >= 0 && journal->chunk_count >= chunks_for(journal->size)
           && journal->chunk_count <= journal->chunk_capacity;
}

static MemoryJournal *memory_journal(sqlite3_file *file)
{
    ASSERT(file->pMethods == &journal_methods);
    MemoryJournal *journal = (MemoryJournal *)file;
    ASSERT(journal_is_sound(journal));
    return journal;
}

// Memory goes back at once: a journal is at its longest only in the largest transaction.
static void chunks_trim(MemoryJournal *journal, i64 size)
{
    u32 kept = chunks_for(size);
    ASSERT(size <= journal->size);
    while (journal->chunk_count > kept)
        mem_free(journal->chunks[--journal->chunk_count]);
}

// A failure leaves more chunks than before, perhaps, and the size as it was: nothing was written.
static int chunks_extend(MemoryJournal *journal, i64 size)
{
    u32 wanted = chunks_for(size);
    ASSERT(journal->chunk_count <= journal->chunk_capacity);
    TRY(vec_reserve(&journal->chunks, &journal->chunk_capacity, wanted, sizeof *journal->chunks));
    while (journal->chunk_count < wanted) {
        u8 *chunk = mem_alloc_zeroed(CHUNK_SIZE);
        if (chunk == NULL)
            return SQLITE_IOERR_NOMEM;
        journal->chunks[journal->chunk_count++] = chunk;
    }
    return SQLITE_OK;
}

// The bytes from `offset` on that lie in one chunk, at most *size of them.
static u8 *chunk_at(const MemoryJournal *journal, i64 offset, i64 *size)
{
    i64 within = offset % CHUNK_SIZE;
    ASSERT(offset >= 0);
    ASSERT(offset / CHUNK_SIZE < journal->chunk_count);
    if (*size > CHUNK_SIZE - within)
        *size = CHUNK_SIZE - within;
    return journal->chunks[offset / CHUNK_SIZE] + within;
}

static int journal_close(sqlite3_file *base)
{
    MemoryJournal *journal = memory_journal(base);
    chunks_trim(journal, 0);
    ASSERT(journal->chunk_count == 0);
    mem_free(journal->chunks);
    journal->chunks = NULL;
    return SQLITE_OK;
}

static int journal_read(sqlite3_file *base, void *out, int size, sqlite3_int64 offset)
{
    MemoryJournal *journal = memory_journal(base);
    ASSERT(size >= 0 && offset >= 0);
    i64 there = journal->size - offset;
    there = there < 0 ? 0 : there > size ? size : there;
    for (i64 done = 0; done < there;) {
        i64 part = there - done;
        const u8 *bytes = chunk_at(journal, offset + done, &part);
        memcpy((char *)out + done, bytes, (size_t)part);
        done += part;
    }
    if (there == size)
        return SQLITE_OK;
    memset((char *)out + there, 0, (size_t)(size - there));
    return SQLITE_IOERR_SHORT_READ;
}

// Passing the limit spills first: after that `base` is another file, with methods of its own.
static int journal_write(sqlite3_file *base, const void *bytes, int size, sqlite3_int64 offset)
{
    MemoryJournal *journal = memory_journal(base);
    ASSERT(size >= 0 && offset >= 0);
    i64 end = offset + size;
    if (journal->spill_size > 0 && end > journal->spill_size) {
        TRY(memory_journal_spill(base));
        return os_write(base, bytes, size, offset);
    }
    TRY(chunks_extend(journal, end));
    for (i64 done = 0; done < size;) {
        i64 part = size - done;
        u8 *target = chunk_at(journal, offset + done, &part);
        memcpy(target, (const char *)bytes + done, (size_t)part);
        done += part;
    }
    if (journal->size < end)
        journal->size = end;
    ASSERT(journal_is_sound(journal));
    return SQLITE_OK;
}

static int journal_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    MemoryJournal *journal = memory_journal(base);
    if (size >= journal->size)
        return SQLITE_OK;
    chunks_trim(journal, size);
    if (size % CHUNK_SIZE != 0) { // what grows back must read as zeros
        i64 rest = CHUNK_SIZE;
        u8 *bytes = chunk_at(journal, size, &rest);
        memset(bytes, 0, (size_t)rest);
    }
    journal->size = size;
    ASSERT(journal_is_sound(journal));
    return SQLITE_OK;
}

// Memory is as durable as it gets: who keeps a journal here has given up on power cuts.
static int journal_sync(sqlite3_file *base, int flags)
{
    (void)base;
    (void)flags;
    return SQLITE_OK;
}

static int journal_size(sqlite3_file *base, sqlite3_int64 *out)
{
    *out = memory_journal(base)->size;
    return SQLITE_OK;
}

// Nobody else can open it.
static int journal_no_lock(sqlite3_file *base, int level)
{
    (void)base;
    (void)level;
    return SQLITE_OK;
}

// Only shared files are asked, and this one is not.
static int journal_check_reserved(sqlite3_file *base, int *out)
{
    (void)base;
    *out = 0;
    return SQLITE_OK;
}

// Hints are for disks.
static int journal_control(sqlite3_file *base, int op, void *arg)
{
    (void)base;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int journal_no_number(sqlite3_file *base)
{
    (void)base;
    return 0;
}

static const sqlite3_io_methods journal_methods = {
    .iVersion = 1,
    .xClose = journal_close,
    .xRead = journal_read,
    .xWrite = journal_write,
    .xTruncate = journal_truncate,
    .xSync = journal_sync,
    .xFileSize = journal_size,
    .xLock = journal_no_lock,
    .xUnlock = journal_no_lock,
    .xCheckReservedLock = journal_check_reserved,
    .xFileControl = journal_control,
    .xSectorSize = journal_no_number,
    .xDeviceCharacteristics = journal_no_number,
};

// Room for either of the two files it may be: the real one is opened in the same place.
int memory_journal_size(const sqlite3_vfs *vfs)
{
    int own = (int)sizeof(MemoryJournal);
    ASSERT(vfs->szOsFile >= (int)sizeof(sqlite3_file));
    return vfs->szOsFile > own ? vfs->szOsFile : own;
}

// By its methods: once spilled, the file has those of its VFS and nothing tells it from others.
bool memory_journal_is_in_memory(const sqlite3_file *file)
{
    return os_is_open(file) && file->pMethods == &journal_methods;
}

// Opening in memory cannot fail; opening the real file at once may.
int memory_journal_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                        int spill_size)
{
    ASSERT(vfs != NULL && file != NULL);

    memset(file, 0, (size_t)memory_journal_size(vfs));
    if (spill_size == 0)
        return os_open(vfs, path, file, flags, NULL);
    MemoryJournal *journal = (MemoryJournal *)file;
    journal->vfs = vfs;
    journal->path = path;
    journal->flags = flags;
    journal->spill_size = spill_size;
    journal->base.pMethods = &journal_methods;
    ASSERT(journal_is_sound(journal));
    return SQLITE_OK;
}

// In pieces of a chunk: the real file's VFS sees ordinary writes one behind the other.
static int spill_copy(const MemoryJournal *source, sqlite3_file *target)
{
    ASSERT(journal_is_sound(source));
    ASSERT(os_is_open(target));

    for (i64 done = 0; done < source->size;) {
        i64 part = source->size - done;
        const u8 *bytes = chunk_at(source, done, &part);
        TRY(os_write(target, bytes, (int)part, done));
        done += part;
    }
    return SQLITE_OK;
}

// After a failure the journal is in memory as before.
int memory_journal_spill(sqlite3_file *file)
{
    if (!memory_journal_is_in_memory(file))
        return SQLITE_OK;

    MemoryJournal saved = *memory_journal(file);
    ASSERT(saved.vfs != NULL);
    memset(file, 0, (size_t)saved.vfs->szOsFile);
    int rc = os_open(saved.vfs, saved.path, file, saved.flags, NULL);
    if (rc == SQLITE_OK)
        rc = spill_copy(&saved, file);
    if (rc != SQLITE_OK) {
        os_close(file);
        *(MemoryJournal *)file = saved;
        return rc;
    }
    (void)journal_close(&saved.base);
    return SQLITE_OK;
}
