// System calls behind their table, with the loops that make them whole.
//
// Two copies of the table: what the program started with, to go back to, and what is in force.
// Nothing guards the second one. Who replaces calls does so before files are used (posix_calls.h).

#include "os/posix_calls.h"
#include "os/os_internal.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FD_LEAST = 3 }; // lower ones are standard input, output and error

// --- plain functions for what libc declares with a variable argument list or other types ---

// A variable argument list cannot be called through a pointer with a fixed one.
static int call_open(const char *path, int flags, int mode)
{
    return open(path, flags, mode);
}

static int call_fcntl(int fd, int command, void *arg)
{
    return fcntl(fd, command, arg);
}

static int call_stat(const char *path, struct stat *out)
{
    return stat(path, out);
}

static int call_fstat(int fd, struct stat *out)
{
    return fstat(fd, out);
}

static int call_lstat(const char *path, struct stat *out)
{
    return lstat(path, out);
}

// Not the system call of the same name, whose error comes in errno: this one returns it.
static int call_fallocate(int fd, off_t offset, off_t size)
{
    return posix_fallocate(fd, offset, size);
}

// Kept in the order of the struct. `posix_calls` below starts as the same: a static initialiser,
// since files may be opened before anything has run that could copy it.
static const PosixCalls builtin_calls = {
    .open = call_open,
    .close = close,
    .access = access,
    .getcwd = getcwd,
    .stat = call_stat,
    .fstat = call_fstat,
    .lstat = call_lstat,
    .ftruncate = ftruncate,
    .fcntl = call_fcntl,
    .pread = pread,
    .pwrite = pwrite,
    .fsync = fsync,
    .fdatasync = fdatasync,
    .fallocate = call_fallocate,
    .fchmod = fchmod,
    .fchown = fchown,
    .geteuid = geteuid,
    .unlink = unlink,
    .mkdir = mkdir,
    .rmdir = rmdir,
    .readlink = readlink,
    .mmap = mmap,
    .munmap = munmap,
};

PosixCalls posix_calls = {
    .open = call_open,
    .close = close,
    .access = access,
    .getcwd = getcwd,
    .stat = call_stat,
    .fstat = call_fstat,
    .lstat = call_lstat,
    .ftruncate = ftruncate,
    .fcntl = call_fcntl,
    .pread = pread,
    .pwrite = pwrite,
    .fsync = fsync,
    .fdatasync = fdatasync,
    .fallocate = call_fallocate,
    .fchmod = fchmod,
    .fchown = fchown,
    .geteuid = geteuid,
    .unlink = unlink,
    .mkdir = mkdir,
    .rmdir = rmdir,
    .readlink = readlink,
    .mmap = mmap,
    .munmap = munmap,
};

// --- the table by name ---
// Names are those that SQLite's own "unix" VFS has for the same calls, as far as it has them: tools
// that replace "open" or "fstat" by name find them here.

static const struct {
    const char *name;
    size_t offset;
} call_names[] = {
    {"open", offsetof(PosixCalls, open)},           {"close", offsetof(PosixCalls, close)},
    {"access", offsetof(PosixCalls, access)},       {"getcwd", offsetof(PosixCalls, getcwd)},
    {"stat", offsetof(PosixCalls, stat)},           {"fstat", offsetof(PosixCalls, fstat)},
    {"ftruncate", offsetof(PosixCalls, ftruncate)}, {"fcntl", offsetof(PosixCalls, fcntl)},
    {"pread", offsetof(PosixCalls, pread)},         {"pwrite", offsetof(PosixCalls, pwrite)},
    {"fsync", offsetof(PosixCalls, fsync)},         {"fdatasync", offsetof(PosixCalls, fdatasync)},
    {"fchmod", offsetof(PosixCalls, fchmod)},       {"fallocate", offsetof(PosixCalls, fallocate)},
    {"unlink", offsetof(PosixCalls, unlink)},       {"mkdir", offsetof(PosixCalls, mkdir)},
    {"rmdir", offsetof(PosixCalls, rmdir)},         {"fchown", offsetof(PosixCalls, fchown)},
    {"geteuid", offsetof(PosixCalls, geteuid)},     {"mmap", offsetof(PosixCalls, mmap)},
    {"munmap", offsetof(PosixCalls, munmap)},       {"readlink", offsetof(PosixCalls, readlink)},
    {"lstat", offsetof(PosixCalls, lstat)},
};
enum { CALL_COUNT = ARRAY_LEN(call_names) };
static_assert(sizeof(PosixCalls) == CALL_COUNT * sizeof(sqlite3_syscall_ptr),
              "every call has a name");

// CALL_COUNT: unknown.
static size_t call_index(const char *name)
{
    size_t i = 0;
    while (i < CALL_COUNT && (name == NULL || strcmp(call_names[i].name, name) != 0))
        i++;
    return i;
}

// Entries differ in type, so they are moved as bytes: function pointers are all of one size here.
int posix_call_set(sqlite3_vfs *vfs, const char *name, sqlite3_syscall_ptr call)
{
    (void)vfs;
    if (name == NULL) {
        posix_calls = builtin_calls;
        return SQLITE_OK;
    }
    size_t index = call_index(name);
    if (index == CALL_COUNT)
        return SQLITE_NOTFOUND;
    size_t offset = call_names[index].offset;
    ASSERT(offset + sizeof call <= sizeof(PosixCalls));
    const void *source = call == NULL ? (const char *)&builtin_calls + offset : (const void *)&call;
    memcpy((char *)&posix_calls + offset, source, sizeof call);
    return SQLITE_OK;
}

sqlite3_syscall_ptr posix_call_get(sqlite3_vfs *vfs, const char *name)
{
    (void)vfs;
    size_t index = call_index(name);
    if (index == CALL_COUNT)
        return NULL;
    sqlite3_syscall_ptr call;
    ASSERT(call_names[index].offset + sizeof call <= sizeof(PosixCalls));
    memcpy(&call, (const char *)&posix_calls + call_names[index].offset, sizeof call);
    return call;
}

// Walks the names in the order of the table above; NULL begins.
const char *posix_call_next(sqlite3_vfs *vfs, const char *name)
{
    (void)vfs;
    size_t next = name == NULL ? 0 : call_index(name) + 1;
    return next < CALL_COUNT ? call_names[next].name : NULL;
}

// --- what may wait ---

// Of the fiber that runs on this thread. Between two calls of disk_*() the thread may have run
// other fibers, each of which set its own and put this one's back.
static _Thread_local const DiskBackend *backend;

const DiskBackend *disk_backend_set(const DiskBackend *wanted)
{
    ASSERT(wanted == NULL
           || (wanted->read != NULL && wanted->write != NULL && wanted->sync != NULL));

    const DiskBackend *former = backend;
    backend = wanted;
    return former;
}

// One attempt; the number of bytes moved or -errno.
static ssize_t read_once(int fd, void *out, size_t size, i64 offset)
{
    ASSERT(size > 0);

    if (UNLIKELY(backend != NULL))
        return backend->read(backend->arg, fd, out, size, offset);
    ssize_t moved = posix_calls.pread(fd, out, size, offset);
    return moved < 0 ? -errno : moved;
}

static ssize_t write_once(int fd, const void *bytes, size_t size, i64 offset)
{
    ASSERT(size > 0);

    if (UNLIKELY(backend != NULL))
        return backend->write(backend->arg, fd, bytes, size, offset);
    ssize_t moved = posix_calls.pwrite(fd, bytes, size, offset);
    return moved < 0 ? -errno : moved;
}

// A system may move fewer bytes than asked for at any time, and does so for large requests and when
// a signal comes. The loops go on until nothing moves any more.
int disk_read(int fd, void *out, size_t size, i64 offset, size_t *done)
{
    ASSERT(fd >= 0 && offset >= 0);

    *done = 0;
    while (*done < size) {
        ssize_t moved = read_once(fd, (char *)out + *done, size - *done, offset + (i64)*done);
        if (moved == -EINTR)
            continue;
        if (moved < 0)
            return (int)-moved;
        if (moved == 0)
            break;
        ASSERT((size_t)moved <= size - *done);
        *done += (size_t)moved;
    }
    return 0;
}

int disk_write(int fd, const void *bytes, size_t size, i64 offset, size_t *done)
{
    ASSERT(fd >= 0 && offset >= 0);

    *done = 0;
    while (*done < size) {
        ssize_t moved =
            write_once(fd, (const char *)bytes + *done, size - *done, offset + (i64)*done);
        if (moved == -EINTR)
            continue;
        if (moved < 0)
            return (int)-moved;
        if (moved == 0)
            break;
        ASSERT((size_t)moved <= size - *done);
        *done += (size_t)moved;
    }
    return 0;
}

int disk_sync(int fd, bool data_only)
{
    ASSERT(fd >= 0);

    int result;
    do {
        if (UNLIKELY(backend != NULL)) {
            result = backend->sync(backend->arg, fd, data_only);
            continue;
        }
        // fdatasync also writes the file's size, which is all the metadata a database needs.
        result = (data_only ? posix_calls.fdatasync(fd) : posix_calls.fsync(fd)) < 0 ? -errno : 0;
    } while (result == -EINTR);
    return -result;
}

// Blocks even on a fiber: cutting a file is rare, and rings have no call for it everywhere.
int disk_truncate(int fd, i64 size)
{
    ASSERT(fd >= 0 && size >= 0);

    int result;
    do {
        result = posix_calls.ftruncate(fd, size);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? errno : 0;
}

// --- descriptors ---

int disk_open(const char *path, int flags, mode_t mode)
{
    ASSERT(path != NULL);

    int fd;
    for (;;) {
        fd = posix_calls.open(path, flags | O_CLOEXEC, (int)(mode == 0 ? 0644 : mode));
        if (fd < 0 && errno == EINTR)
            continue;
        if (fd < 0 || fd >= FD_LEAST)
            break;
        // Plug the hole with /dev/null, so that the next attempt lands higher. It stays plugged: a
        // later open() of the program's own must not land there either.
        if ((flags & (O_EXCL | O_CREAT)) == (O_EXCL | O_CREAT))
            (void)posix_calls.unlink(path);
        disk_close(fd);
        if (posix_calls.open("/dev/null", O_RDONLY, 0) < 0)
            return -1;
    }
    if (fd < 0 || mode == 0)
        return fd;

    // A mode that was asked for holds whatever the umask says, but only for files just made.
    struct stat status;
    if (posix_calls.fstat(fd, &status) == 0 && status.st_size == 0
        && (status.st_mode & 0777) != mode)
        (void)posix_calls.fchmod(fd, mode);
    return fd;
}

void disk_close(int fd)
{
    ASSERT(fd >= 0);

    // Not repeated after EINTR: on Linux the descriptor is gone already and may be someone else's.
    (void)posix_calls.close(fd);
}

// F_SETLK and never F_SETLKW: a lock that waits cannot be given up, and two processes that wait for
// each other would do so for ever. size 0 means up to the end, wherever that will be.
int disk_lock(int fd, int type, i64 start, i64 size)
{
    ASSERT(fd >= 0 && start >= 0 && size >= 0);

    struct flock lock = {
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = size};
    return posix_calls.fcntl(fd, F_SETLK, &lock) < 0 ? errno : 0;
}

int disk_lock_query(int fd, int type, i64 start, i64 size, int *found)
{
    ASSERT(type == F_RDLCK || type == F_WRLCK);
    ASSERT(fd >= 0 && start >= 0 && size > 0);

    struct flock lock = {
        .l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = size};
    if (posix_calls.fcntl(fd, F_GETLK, &lock) < 0)
        return errno;
    *found = lock.l_type;
    return 0;
}
