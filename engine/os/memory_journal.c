// Journals in memory, which may move to a real file when they grow (os.h,
// "files in memory").
//
// Content lies in chunks of equal size, so that growing never copies. When the
// journal passes its spill size the real file is opened in the very memory of
// the handle and takes the content over; from then on this code is out of the
// way.
#include "os/os.h"

#include "base/alloc.h"
#include "base/vec.h"

#include <string.h>

enum { CHUNK_SIZE = 16 * 1024 };

typedef struct MemoryJournal {
    sqlite3_file base;
    u8 **chunks;
    u32 chunk_count, chunk_capacity;
    i64 size;
    i64 spill_size; // < 0: never
    sqlite3_vfs *vfs;
    const char *path; // borrowed until the move
    int flags;
} MemoryJournal;

static MemoryJournal *journal_of(sqlite3_file *file)
{
    return (MemoryJournal *)(void *)file;
}

static void chunks_free(u8 **chunks, u32 first, u32 count)
{
    ASSERT(chunks != NULL || count == 0);
    for (u32 i = first; i < count; i++)
        mem_free(chunks[i]);
}

static int journal_x_close(sqlite3_file *file)
{
    MemoryJournal *journal = journal_of(file);
    chunks_free(journal->chunks, 0, journal->chunk_count);
    mem_free(journal->chunks);
    journal->chunks = NULL;
    journal->chunk_count = 0;
    ASSERT(journal->base.pMethods != NULL);
    return SQLITE_OK;
}

static int journal_x_read(sqlite3_file *file, void *out, int size, sqlite3_int64 offset)
{
    MemoryJournal *journal = journal_of(file);
    u8 *target = out;
    int left = size;
    ASSERT(size >= 0);
    while (left > 0 && offset < journal->size) {
        i64 here = CHUNK_SIZE - offset % CHUNK_SIZE;
        if (here > journal->size - offset)
            here = journal->size - offset;
        if (here > left)
            here = left;
        memcpy(target, journal->chunks[offset / CHUNK_SIZE] + offset % CHUNK_SIZE, (size_t)here);
        target += here;
        offset += here;
        left -= (int)here;
    }
    if (left == 0)
        return SQLITE_OK;
    memset(target, 0, (size_t)left);
    return SQLITE_IOERR_SHORT_READ;
}

// Opens the real file in place and hands it what was written so far. On failure
// the journal goes on in memory.
static int journal_move_to_file(sqlite3_file *file)
{
    MemoryJournal copy = *journal_of(file);
    ASSERT(copy.spill_size >= 0);
    int rc = os_open(copy.vfs, copy.path, file, copy.flags, NULL);
    for (i64 offset = 0; rc == SQLITE_OK && offset < copy.size; offset += CHUNK_SIZE) {
        i64 here = copy.size - offset < CHUNK_SIZE ? copy.size - offset : CHUNK_SIZE;
        rc = os_write(file, copy.chunks[offset / CHUNK_SIZE], (int)here, offset);
    }
    if (rc != SQLITE_OK) {
        os_close(file);
        memcpy(file, &copy, sizeof copy);
        return rc;
    }
    chunks_free(copy.chunks, 0, copy.chunk_count);
    mem_free(copy.chunks);
    return SQLITE_OK;
}

static int journal_add_chunk(MemoryJournal *journal)
{
    TRY(vec_reserve(&journal->chunks, &journal->chunk_capacity, journal->chunk_count + 1,
                    sizeof *journal->chunks));
    u8 *chunk = mem_alloc(CHUNK_SIZE);
    if (chunk == NULL)
        return SQLITE_IOERR_NOMEM;
    ASSERT(journal->chunk_count < journal->chunk_capacity);
    journal->chunks[journal->chunk_count++] = chunk;
    return SQLITE_OK;
}

static int journal_x_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 offset)
{
    MemoryJournal *journal = journal_of(file);
    const u8 *source = bytes;
    ASSERT(offset <= journal->size);
    if (journal->spill_size >= 0 && offset + size > journal->spill_size) {
        TRY(journal_move_to_file(file));
        return os_write(file, bytes, size, offset);
    }
    while (size > 0) {
        if (offset / CHUNK_SIZE >= journal->chunk_count)
            TRY(journal_add_chunk(journal));
        i64 here = CHUNK_SIZE - offset % CHUNK_SIZE;
        if (here > size)
            here = size;
        memcpy(journal->chunks[offset / CHUNK_SIZE] + offset % CHUNK_SIZE, source, (size_t)here);
        source += here;
        offset += here;
        size -= (int)here;
        if (offset > journal->size)
            journal->size = offset;
    }
    return SQLITE_OK;
}

static int journal_x_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    MemoryJournal *journal = journal_of(file);
    ASSERT(size >= 0);
    if (size >= journal->size)
        return SQLITE_OK;
    u32 kept = (u32)((size + CHUNK_SIZE - 1) / CHUNK_SIZE);
    ASSERT(kept <= journal->chunk_count);
    chunks_free(journal->chunks, kept, journal->chunk_count);
    journal->chunk_count = kept;
    journal->size = size;
    return SQLITE_OK;
}

static int journal_x_sync(sqlite3_file *file, int flags)
{
    (void)file;
    (void)flags;
    return SQLITE_OK;
}

static int journal_x_size(sqlite3_file *file, sqlite3_int64 *out)
{
    ASSERT(out != NULL);
    *out = journal_of(file)->size;
    return SQLITE_OK;
}

static int journal_x_control(sqlite3_file *file, int op, void *arg)
{
    (void)file;
    (void)op;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static const sqlite3_io_methods journal_methods = {
    .iVersion = 1,
    .xClose = journal_x_close,
    .xRead = journal_x_read,
    .xWrite = journal_x_write,
    .xTruncate = journal_x_truncate,
    .xSync = journal_x_sync,
    .xFileSize = journal_x_size,
    .xFileControl = journal_x_control,
};

int memory_journal_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                        int spill_size)
{
    ASSERT(file != NULL);
    if (spill_size == 0)
        return os_open(vfs, path, file, flags, NULL);
    MemoryJournal *journal = journal_of(file);
    *journal = (MemoryJournal){.base = {.pMethods = &journal_methods},
                               .spill_size = spill_size,
                               .vfs = vfs,
                               .path = path,
                               .flags = flags};
    ASSERT(os_is_open(file));
    return SQLITE_OK;
}

int memory_journal_size(const sqlite3_vfs *vfs)
{
    int own = (int)sizeof(MemoryJournal);
    ASSERT(own > 0);
    return vfs != NULL && vfs->szOsFile > own ? vfs->szOsFile : own;
}

int memory_journal_spill(sqlite3_file *file)
{
    ASSERT(file != NULL);
    if (!memory_journal_is_in_memory(file) || journal_of(file)->spill_size < 0)
        return SQLITE_OK;
    return journal_move_to_file(file);
}

bool memory_journal_is_in_memory(const sqlite3_file *file)
{
    ASSERT(file != NULL);
    return file->pMethods == &journal_methods;
}
