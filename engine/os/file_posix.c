// An open file of the "unix" VFSes: reading, writing, syncing, sizes, file controls and mappings.
//
// Every call that may wait for the disk goes through disk_*() (posix_calls.h). Locks are in lock.c,
// the wal-index in shm.c, opening and names in vfs_posix.c.
//
// What went wrong is kept twice: as a result code that says which call failed, and as the errno in
// `last_errno`, which SQLITE_FCNTL_LAST_ERRNO and sqlite3_system_errno() give. A call that ends
// well leaves the former errno alone, as in SQLite.

#include "os/file_posix.h"
#include "base/alloc.h"
#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { SECTOR_SIZE = 4096 };

// An open one: between posix_open() and posix_close() the descriptor is valid.
static PosixFile *posix_file(sqlite3_file *base)
{
    PosixFile *file = (PosixFile *)base;
    ASSERT(file->fd >= 0);
    ASSERT(file->vfs != NULL);
    return file;
}

// --- mappings ---

// The mapping is a window on the file's beginning; the kernel keeps it true to what is written.
// What must not happen is a look at a page of it that lies beyond the file's end, which is a signal
// and not an error: map_size, the part that may be used, never passes the size of the file as far
// as this connection knows it. Another process that cuts the file has EXCLUSIVE, and we no page
// out.
static CHECKER bool map_is_sound(const PosixFile *file)
{
    return (file->map == NULL) == (file->map_length == 0) && file->map_size <= file->map_length
           && (file->fetch_count == 0 || file->map != NULL);
}

// A failure to unmap would leak the mapping and is not worth a result: it takes a wrong address.
static void map_drop(PosixFile *file)
{
    ASSERT(file->fetch_count == 0);
    ASSERT(map_is_sound(file));

    if (file->map != NULL)
        (void)posix_calls.munmap(file->map, (size_t)file->map_length);
    file->map = NULL;
    file->map_length = 0;
    file->map_size = 0;
}

// Maps as much of the file as the limit allows. Never fails: what is not mapped is read.
static void map_renew(PosixFile *file)
{
    ASSERT(file->fetch_count == 0); // O11
    ASSERT(file->map_limit > 0);

    struct stat status;
    if (posix_calls.fstat(file->fd, &status) != 0)
        return;
    i64 size = status.st_size < file->map_limit ? status.st_size : file->map_limit;
    if (size == file->map_size)
        return;
    map_drop(file);
    if (size == 0)
        return;
    void *map = posix_calls.mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, file->fd, 0);
    if (map == MAP_FAILED) {
        file->map_limit = 0; // this file system cannot: do not try for every page
        return;
    }
    file->map = map;
    file->map_length = size;
    file->map_size = size;
    ASSERT(map_is_sound(file));
}

// The mapping grows only when something beyond it is wanted and nobody holds a page of it.
static int posix_fetch(sqlite3_file *base, sqlite3_int64 offset, int size, void **out)
{
    ASSERT(offset >= 0 && size >= 0);

    PosixFile *file = posix_file(base);
    *out = NULL;
    if (file->map_limit <= 0)
        return SQLITE_OK;
    if (offset + size > file->map_size && file->fetch_count == 0
        && file->map_size < file->map_limit)
        map_renew(file);
    if (offset + size > file->map_size)
        return SQLITE_OK;
    *out = (char *)file->map + offset;
    file->fetch_count++;
    ASSERT(map_is_sound(file));
    return SQLITE_OK;
}

static int posix_unfetch(sqlite3_file *base, sqlite3_int64 offset, void *bytes)
{
    PosixFile *file = posix_file(base);
    ASSERT(map_is_sound(file));
    (void)offset;
    if (bytes != NULL) {
        ASSERT(file->fetch_count > 0);
        file->fetch_count--;
    } else if (file->fetch_count == 0) {
        map_drop(file);
    }
    return SQLITE_OK;
}

// --- bytes ---

// Also ends a file whose opening failed half-way: each part is given back if it is there. The order
// matters: the wal-index needs the inode, and the inode takes the descriptor over (O4).
static int posix_close(sqlite3_file *base)
{
    PosixFile *file = (PosixFile *)base;
    ASSERT(file->fd >= 0 || file->inode == NULL);
    if (file->shm != NULL)
        (void)posix_shm_unmap(base, 0);
    file->fetch_count = 0;
    map_drop(file);
    if (file->lock_path != NULL)
        (void)dotfile_unlock(base, SQLITE_LOCK_NONE);
    if (base->pMethods != &posix_methods)
        file->level = SQLITE_LOCK_NONE; // a level of another kind: the inode never counted it
    if (file->inode != NULL)
        posix_release(file);
    else if (file->fd >= 0)
        disk_close(file->fd);
    mem_free(file->spare);
    mem_free(file->lock_path);
    mem_free(file->own_path);
    ASSERT(file->level == SQLITE_LOCK_NONE || file->fd < 0);
    *file = (PosixFile){.fd = -1};
    return SQLITE_OK;
}

// These say that the disk or the file system is damaged, not that the call was wrong: SQLite has a
// code of its own for them.
static COLD int read_failure(PosixFile *file, int error)
{
    ASSERT(error != 0);

    file->last_errno = error;
    switch (error) {
    case ERANGE:
    case EIO:
    case ENXIO: return SQLITE_IOERR_CORRUPTFS;
    default: return SQLITE_IOERR_READ;
    }
}

// Zeros past the end are part of the contract: a page that was never written is an empty page.
static int posix_read(sqlite3_file *base, void *out, int size, sqlite3_int64 offset)
{
    ASSERT(size >= 0 && offset >= 0);

    PosixFile *file = posix_file(base);
    size_t done;
    int error = disk_read(file->fd, out, (size_t)size, offset, &done);
    if (UNLIKELY(error != 0))
        return read_failure(file, error);
    ASSERT(done <= (size_t)size);
    if (LIKELY(done == (size_t)size))
        return SQLITE_OK;
    file->last_errno = 0; // a short file is no failure of the system
    memset((char *)out + done, 0, (size_t)size - done);
    return SQLITE_IOERR_SHORT_READ;
}

// A system that takes fewer bytes than given without an error has no room for the rest.
static int posix_write(sqlite3_file *base, const void *bytes, int size, sqlite3_int64 offset)
{
    ASSERT(size >= 0 && offset >= 0);

    PosixFile *file = posix_file(base);
    size_t done;
    int error = disk_write(file->fd, bytes, (size_t)size, offset, &done);
    if (LIKELY(error == 0 && done == (size_t)size))
        return SQLITE_OK;
    file->last_errno = error;
    return error == 0 || error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

// SQLITE_FCNTL_CHUNK_SIZE: the file grows and shrinks in whole chunks.
static i64 round_to_chunk(const PosixFile *file, i64 size)
{
    ASSERT(size >= 0);

    if (file->chunk_size <= 0)
        return size;
    i64 rounded = (size + file->chunk_size - 1) / file->chunk_size * file->chunk_size;
    ASSERT(rounded >= size);
    return rounded;
}

// Rounded up to a chunk, so that a file that shrinks a little keeps its place on the disk.
static int posix_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    PosixFile *file = posix_file(base);
    i64 rounded = round_to_chunk(file, size);
    int error = disk_truncate(file->fd, rounded);
    if (error != 0) {
        file->last_errno = error;
        return error_os(SQLITE_IOERR_TRUNCATE, error, "ftruncate", file->path);
    }
    if (rounded < file->map_size)
        file->map_size = rounded; // the rest of the mapping would be a signal
    ASSERT(map_is_sound(file));
    return SQLITE_OK;
}

// The directory after the file: an entry that is durable before the content would show an empty
// journal after a power cut, which is a transaction that was never begun (O12). After a failed sync
// nothing is known about what reached the disk; the pager rolls back and starts over.
static int posix_sync(sqlite3_file *base, int flags)
{
    PosixFile *file = posix_file(base);
    ASSERT((flags & 0x0f) == SQLITE_SYNC_NORMAL || (flags & 0x0f) == SQLITE_SYNC_FULL);
    (void)flags; // both are as durable as the system can make them

    int error = disk_sync(file->fd, true);
    if (error != 0) {
        file->last_errno = error;
        return error_os(SQLITE_IOERR_FSYNC, error, "fdatasync", file->path);
    }
    if (file->sync_directory) {
        ASSERT(file->path != NULL); // only journals and logs, which have names
        TRY(posix_sync_directory(file->path));
        file->sync_directory = false;
    }
    return SQLITE_OK;
}

// The size as all processes see it, written or not yet synced.
static int posix_size(sqlite3_file *base, sqlite3_int64 *out)
{
    PosixFile *file = posix_file(base);
    struct stat status;
    if (posix_calls.fstat(file->fd, &status) != 0) {
        file->last_errno = errno;
        return SQLITE_IOERR_FSTAT;
    }
    // A single byte is what some old libraries wrote to learn a new file's inode number.
    *out = status.st_size == 1 ? 0 : status.st_size;
    return SQLITE_OK;
}

// --- file controls ---

// The file will soon have `size` bytes: allocates whole chunks now, so that it stays in one piece.
// A file system that cannot allocate ahead is no reason to refuse a write that may still fit.
static int control_size_hint(PosixFile *file, i64 size)
{
    if (file->chunk_size <= 0)
        return SQLITE_OK;
    struct stat status;
    if (posix_calls.fstat(file->fd, &status) != 0)
        return SQLITE_IOERR_FSTAT;
    i64 rounded = round_to_chunk(file, size);
    if (rounded <= status.st_size)
        return SQLITE_OK;
    int error;
    do {
        error = posix_calls.fallocate(file->fd, status.st_size, rounded - status.st_size);
    } while (error == EINTR);
    if (error == 0 || error == EINVAL || error == EOPNOTSUPP)
        return SQLITE_OK;
    file->last_errno = error;
    return error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
}

// Negative asks; else sets. Either way *mode comes back as what is in force.
static void control_flag(bool *flag, int *mode)
{
    if (*mode < 0)
        *mode = *flag;
    else
        *flag = *mode != 0;
}

// SQLITE_FCNTL_MMAP_SIZE: comes back with the former limit, whether or not it could be changed.
static int control_mmap_size(PosixFile *file, i64 *limit)
{
    ASSERT(map_is_sound(file));

    i64 former = file->map_limit;
    i64 wanted = *limit > os_config()->mmap_max ? os_config()->mmap_max : *limit;
    *limit = former;
    // While pages are out the old mapping must stay.
    if (wanted < 0 || wanted == former || file->fetch_count > 0)
        return SQLITE_OK;
    file->map_limit = wanted;
    map_drop(file);
    return SQLITE_OK;
}

// The caller frees it with sqlite3_free(), as with the VFS's name below.
static int control_temp_name(char **out)
{
    char *name = mem_alloc(POSIX_PATH_MAX + 1);
    if (name == NULL)
        return SQLITE_NOMEM;
    int rc = posix_temp_name(POSIX_PATH_MAX + 1, name);
    if (rc != SQLITE_OK) {
        mem_free(name);
        return rc;
    }
    *out = name;
    return SQLITE_OK;
}

// Files without locks are nobody's business: they may be moved. The device is not compared: a name
// that leads to another one has another number there, or is none of ours either way.
bool posix_has_moved(const PosixFile *file)
{
    ASSERT(file->fd >= 0);

    if (file->inode == NULL || file->path == NULL)
        return false;
    struct stat status;
    return posix_calls.stat(file->path, &status) != 0 || status.st_ino != file->inode->number;
}

static int control_vfs_name(const PosixFile *file, char **out)
{
    ASSERT(file->vfs->zName != NULL);

    char *name = mem_dup(file->vfs->zName, (u64)-1);
    if (name == NULL)
        return SQLITE_NOMEM;
    *out = name;
    return SQLITE_OK;
}

// A VFS that took our methods over into a table of its own may do other things with the bytes;
// files without an inode have no locks that would tell when they change.
static int control_identity(const PosixFile *file, IdentityQuery *query)
{
    ASSERT(file->fd >= 0);
    ASSERT(query != NULL);

    if (query->file != &file->base || file->base.pMethods != &posix_methods || file->inode == NULL)
        return SQLITE_NOTFOUND;
    query->identity = (FileIdentity){
        .device = (u64)file->inode->device,
        .number = (u64)file->inode->number,
        .process = (u64)file->inode->process,
    };
    return SQLITE_OK;
}

// What `arg` points to depends on `op`, as sqlite3.h documents for each.
static int posix_control(sqlite3_file *base, int op, void *arg)
{
    PosixFile *file = posix_file(base);
    ASSERT(file->level <= SQLITE_LOCK_EXCLUSIVE);
    switch (op) {
    case SQLITE_FCNTL_LOCKSTATE: *(int *)arg = file->level; return SQLITE_OK;
    case SQLITE_FCNTL_LAST_ERRNO: *(int *)arg = file->last_errno; return SQLITE_OK;
    case SQLITE_FCNTL_CHUNK_SIZE: file->chunk_size = *(int *)arg; return SQLITE_OK;
    case SQLITE_FCNTL_SIZE_HINT: return control_size_hint(file, *(i64 *)arg);
    case SQLITE_FCNTL_PERSIST_WAL: control_flag(&file->persist_wal, arg); return SQLITE_OK;
    case SQLITE_FCNTL_POWERSAFE_OVERWRITE:
        control_flag(&file->powersafe_overwrite, arg);
        return SQLITE_OK;
    case SQLITE_FCNTL_VFSNAME: return control_vfs_name(file, arg);
    case SQLITE_FCNTL_TEMPFILENAME: return control_temp_name(arg);
    case SQLITE_FCNTL_HAS_MOVED: *(int *)arg = posix_has_moved(file); return SQLITE_OK;
    case SQLITE_FCNTL_MMAP_SIZE: return control_mmap_size(file, arg);
    case SQLITE_FCNTL_EXTERNAL_READER: return posix_shm_external_reader(file, arg);
    case OS_CONTROL_IDENTITY: return control_identity(file, arg);
    default: return SQLITE_NOTFOUND; // others are for other VFSes
    }
}

// What a disk of today writes at once, whatever it says; powersafe overwrite makes it moot.
static int posix_sector_size(sqlite3_file *file)
{
    (void)file;
    return SECTOR_SIZE;
}

// SUBPAGE_READ: any range may be read, not only whole pages. ATOMIC and its like are not claimed:
// no file system says truly that it has them.
static int posix_characteristics(sqlite3_file *base)
{
    return SQLITE_IOCAP_SUBPAGE_READ
           | (posix_file(base)->powersafe_overwrite ? SQLITE_IOCAP_POWERSAFE_OVERWRITE : 0);
}

// --- method tables, one for each way of locking ---

const sqlite3_io_methods posix_methods = {
    .iVersion = 3,
    .xClose = posix_close,
    .xRead = posix_read,
    .xWrite = posix_write,
    .xTruncate = posix_truncate,
    .xSync = posix_sync,
    .xFileSize = posix_size,
    .xLock = posix_lock,
    .xUnlock = posix_unlock,
    .xCheckReservedLock = posix_check_reserved,
    .xFileControl = posix_control,
    .xSectorSize = posix_sector_size,
    .xDeviceCharacteristics = posix_characteristics,
    .xShmMap = posix_shm_map,
    .xShmLock = posix_shm_lock,
    .xShmBarrier = posix_shm_barrier,
    .xShmUnmap = posix_shm_unmap,
    .xFetch = posix_fetch,
    .xUnfetch = posix_unfetch,
};

// Without shared memory: the log is for one process that has the database to itself. Also the
// methods of journals, logs and temporary files, which are never locked.
const sqlite3_io_methods posix_methods_none = {
    .iVersion = 3,
    .xClose = posix_close,
    .xRead = posix_read,
    .xWrite = posix_write,
    .xTruncate = posix_truncate,
    .xSync = posix_sync,
    .xFileSize = posix_size,
    .xLock = none_lock,
    .xUnlock = none_unlock,
    .xCheckReservedLock = none_check_reserved,
    .xFileControl = posix_control,
    .xSectorSize = posix_sector_size,
    .xDeviceCharacteristics = posix_characteristics,
    .xFetch = posix_fetch,
    .xUnfetch = posix_unfetch,
};

// Version 1, as SQLite's: where byte ranges cannot be locked, mappings are not to be trusted
// either.
const sqlite3_io_methods posix_methods_dotfile = {
    .iVersion = 1,
    .xClose = posix_close,
    .xRead = posix_read,
    .xWrite = posix_write,
    .xTruncate = posix_truncate,
    .xSync = posix_sync,
    .xFileSize = posix_size,
    .xLock = dotfile_lock,
    .xUnlock = dotfile_unlock,
    .xCheckReservedLock = dotfile_check_reserved,
    .xFileControl = posix_control,
    .xSectorSize = posix_sector_size,
    .xDeviceCharacteristics = posix_characteristics,
};
