#ifndef QUIRE_OS_POSIX_CALLS_H
#define QUIRE_OS_POSIX_CALLS_H
// The system calls of the "unix" VFSes, through a table that xSetSystemCall can change, and the few
// that may wait for the disk, through a backend that a fiber can change.
//
// Everything that reads, writes or syncs goes through disk_*(): they repeat interrupted and partial
// calls, and are the one place where a ring with fibers takes over from blocking calls.

#include "base/contract.h"
#include "sqlite3.h"
#include <sys/stat.h>
#include <sys/types.h>

// Tests and tools replace entries by name; not while other threads use files.
typedef struct PosixCalls {
    int (*open)(const char *path, int flags, int mode);
    int (*close)(int fd);
    int (*access)(const char *path, int mode);
    char *(*getcwd)(char *out, size_t size);
    int (*stat)(const char *path, struct stat *out);
    int (*fstat)(int fd, struct stat *out);
    int (*lstat)(const char *path, struct stat *out);
    int (*ftruncate)(int fd, off_t size);
    int (*fcntl)(int fd, int command, void *arg);
    ssize_t (*pread)(int fd, void *out, size_t size, off_t offset);
    ssize_t (*pwrite)(int fd, const void *bytes, size_t size, off_t offset);
    int (*fsync)(int fd);
    int (*fdatasync)(int fd);
    int (*fallocate)(int fd, off_t offset, off_t size);
    int (*fchmod)(int fd, mode_t mode);
    int (*fchown)(int fd, uid_t user, gid_t group);
    uid_t (*geteuid)(void);
    int (*unlink)(const char *path);
    int (*mkdir)(const char *path, mode_t mode);
    int (*rmdir)(const char *path);
    ssize_t (*readlink)(const char *path, char *out, size_t size);
    void *(*mmap)(void *at, size_t size, int protection, int flags, int fd, off_t offset);
    int (*munmap)(void *at, size_t size);
} PosixCalls;
extern PosixCalls posix_calls;

// The methods of the same names of sqlite3_vfs. set: NULL, NULL puts everything back.
int posix_call_set(sqlite3_vfs *vfs, const char *name, sqlite3_syscall_ptr call);
sqlite3_syscall_ptr posix_call_get(sqlite3_vfs *vfs, const char *name);
const char *posix_call_next(sqlite3_vfs *vfs, const char *name);

// What waits for the disk. Each returns what the system call would, or -errno. A backend may run
// other fibers on this thread before it returns, so no mutex of this folder is held around it; the
// descriptor stays open, for the file that is being read or written cannot be closed meanwhile.
typedef struct DiskBackend {
    ssize_t (*read)(void *arg, int fd, void *out, size_t size, off_t offset);
    ssize_t (*write)(void *arg, int fd, const void *bytes, size_t size, off_t offset);
    int (*sync)(void *arg, int fd, bool data_only);
    void *arg;
} DiskBackend;
// Sets this thread's backend (NULL: blocking calls) and returns the former one.
const DiskBackend *disk_backend_set(const DiskBackend *backend);

// Each returns 0 or errno. *done counts the bytes moved, also on failure; fewer than `size` with 0
// means the end of the file (read) or a full disk (write).
MUST_USE int disk_read(int fd, void *out, size_t size, i64 offset, size_t *done);
MUST_USE int disk_write(int fd, const void *bytes, size_t size, i64 offset, size_t *done);
MUST_USE int disk_sync(int fd, bool data_only);
MUST_USE int disk_truncate(int fd, i64 size);

// Opens with O_CLOEXEC and never as descriptor 0, 1 or 2, where a stray printf would damage a
// database. `mode` 0: by the umask. -1 with errno.
int disk_open(const char *path, int flags, mode_t mode);
void disk_close(int fd);

// Locks are the process's, not the descriptor's, and any close of the file drops them: see lock.c.
// One attempt at a byte-range lock; type F_RDLCK, F_WRLCK or F_UNLCK. 0 or errno.
int disk_lock(int fd, int type, i64 start, i64 size);
// The kind of lock that would be in the way of `type`, F_UNLCK when none.
MUST_USE int disk_lock_query(int fd, int type, i64 start, i64 size, int *found);

#endif
