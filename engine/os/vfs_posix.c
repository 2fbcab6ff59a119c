// The "unix" VFSes: opening, deleting and naming files, time, randomness, loadable libraries.
//
//   unix          byte-range locks, shared with every SQLite process (lock.c)
//   unix-excl     the same, but the process keeps everybody else out; wal-index in plain memory
//   unix-dotfile  a directory `<path>.lock` is the lock, for file systems without byte ranges
//   unix-none     no locks: the application knows that it is alone
//
// Only databases are locked, in the VFS's way. Journals, logs and temporary files are guarded by
// their database's locks and have the methods of "unix-none". Who may read a database must be able
// to recover it, so journals and logs take its permissions and, made by root, its owner.

#include "base/alloc.h"
#include "base/error.h"
#include "os/file_posix.h"
#include "os/filename.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

// Where temporary files go, if the application says so (part of the public interface).
SQLITE_API char *sqlite3_temp_directory = NULL;
SQLITE_API char *sqlite3_data_directory = NULL; // read on Windows only

#define UNIX_EPOCH_MS 210866760000000LL // 1970-01-01 as a Julian day in milliseconds
enum { TEMP_NAME_ATTEMPTS = 10 };

// What makes the four VFSes differ; a VFS finds its own in pAppData.
typedef struct PosixStyle {
    const sqlite3_io_methods *methods; // of databases; other files are never locked
    bool is_process_held;
} PosixStyle;

static const PosixStyle style_unix = {&posix_methods, false};
static const PosixStyle style_excl = {&posix_methods, true};
static const PosixStyle style_dotfile = {&posix_methods_dotfile, false};
static const PosixStyle style_none = {&posix_methods_none, false};

// --- temporary files ---

// Writing needs both: W to make the file, X to reach it.
static bool is_usable_directory(const char *path)
{
    struct stat status;
    return path != NULL && posix_calls.stat(path, &status) == 0 && S_ISDIR(status.st_mode)
           && posix_calls.access(path, W_OK | X_OK) == 0;
}

// In SQLite's order, so that a program finds its temporary files where it found them before. Asked
// anew each time: the variables may change, and directories may come and go.
static const char *temp_directory(void)
{
    const char *const candidates[] = {
        sqlite3_temp_directory,
        getenv("SQLITE_TMPDIR"),
        getenv("TMPDIR"),
        "/var/tmp",
        "/usr/tmp",
        "/tmp",
        ".",
    };
    for (size_t i = 0; i < ARRAY_LEN(candidates); i++) {
        if (is_usable_directory(candidates[i]))
            return candidates[i];
    }
    return NULL;
}

// Used for names, checksum seeds and SQL's random(); nothing here is a secret, so a poor seed is
// better than none.
static int posix_randomness(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    ASSERT(size >= 0);

    size_t done = 0;
    while (done < (size_t)size) {
        ssize_t got = getrandom(out + done, (size_t)size - done, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
    }
    ASSERT(done <= (size_t)size);
    if (done == 0 && (size_t)size >= sizeof(u64)) { // no source of randomness: at least differ
        u64 seed = os_monotonic_us() ^ ((u64)getpid() << 40);
        memcpy(out, &seed, sizeof seed);
    }
    return size;
}

// The name is free now, which says little about a moment later: who creates the file does so with
// O_EXCL and fails if somebody was quicker.
int posix_temp_name(int size, char *out)
{
    ASSERT(size > 0);

    const char *directory = temp_directory();
    if (directory == NULL)
        return SQLITE_IOERR_GETTEMPPATH;
    for (int attempt = 0; attempt < TEMP_NAME_ATTEMPTS; attempt++) {
        u64 number;
        posix_randomness(NULL, sizeof number, (char *)&number);
        int length =
            snprintf(out, (size_t)size, "%s/etilqs_%llx", directory, (unsigned long long)number);
        if (length < 0 || length >= size)
            return SQLITE_ERROR;
        if (posix_calls.access(out, F_OK) != 0)
            return SQLITE_OK;
    }
    return SQLITE_ERROR;
}

// --- opening ---

// Permissions and owner that a new file takes over from another one: a journal from its database, a
// database from the one that "modeof=" in its URI names.
typedef struct Inherited {
    mode_t mode; // 0: by the umask
    uid_t user;
    gid_t group;
    bool has_owner;
} Inherited;

static int inherit_from(const char *path, Inherited *out)
{
    ASSERT(path != NULL);

    struct stat status;
    if (posix_calls.stat(path, &status) != 0)
        return SQLITE_IOERR_FSTAT;
    *out = (Inherited){status.st_mode & 0777, status.st_uid, status.st_gid, true};
    return SQLITE_OK;
}

// A journal or log is as readable as its database, whose path is its own up to the last '-'.
// Temporary files are for their user alone.
static int inherited_mode(const char *path, int flags, Inherited *out)
{
    ASSERT(path != NULL);

    *out = (Inherited){0};
    if ((flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0) {
        const char *dash = strrchr(path, '-');
        size_t size = dash == NULL ? 0 : (size_t)(dash - path);
        if (dash == NULL || strchr(dash, '/') != NULL || size > POSIX_PATH_MAX)
            return SQLITE_OK;
        char database[POSIX_PATH_MAX + 1];
        memcpy(database, path, size);
        database[size] = 0;
        return inherit_from(database, out);
    }
    if ((flags & SQLITE_OPEN_DELETEONCLOSE) != 0) {
        out->mode = 0600;
        return SQLITE_OK;
    }
    if ((flags & SQLITE_OPEN_URI) == 0)
        return SQLITE_OK;
    const char *model = filename_parameter(path, "modeof");
    return model == NULL ? SQLITE_OK : inherit_from(model, out);
}

// O_EXCL comes with O_NOFOLLOW: a link laid in the way of a temporary file must not be written
// through.
static int posix_open_flags(int flags)
{
    ASSERT((flags & (SQLITE_OPEN_READONLY | SQLITE_OPEN_READWRITE)) != 0);

    return ((flags & SQLITE_OPEN_READWRITE) != 0 ? O_RDWR : O_RDONLY)
           | ((flags & SQLITE_OPEN_CREATE) != 0 ? O_CREAT : 0)
           | ((flags & SQLITE_OPEN_EXCLUSIVE) != 0 ? O_EXCL | O_NOFOLLOW : 0)
           | ((flags & SQLITE_OPEN_NOFOLLOW) != 0 ? O_NOFOLLOW : 0);
}

// Files whose entry in the directory matters: a journal that a power cut takes away cannot be
// played back.
static bool is_journal(int flags)
{
    return (flags & SQLITE_OPEN_CREATE) != 0
           && (flags & (SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL))
                  != 0;
}

// Opens the descriptor; what may not be written is tried for reading, and *flags then says so. A
// directory is not tried again: it opens for reading and would pass for a database.
static int open_descriptor(PosixFile *file, const char *path, int *flags)
{
    ASSERT(file->fd < 0);
    ASSERT(path != NULL);

    Inherited inherited;
    TRY(inherited_mode(path, *flags, &inherited));
    file->fd = disk_open(path, posix_open_flags(*flags), inherited.mode);
    if (file->fd < 0 && is_journal(*flags) && errno == EACCES
        && posix_calls.access(path, F_OK) != 0)
        return SQLITE_READONLY_DIRECTORY; // nothing there to read, and we may not make it
    if (file->fd < 0 && errno != EISDIR && (*flags & SQLITE_OPEN_READWRITE) != 0) {
        *flags &= ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
        *flags |= SQLITE_OPEN_READONLY;
        file->fd = disk_open(path, posix_open_flags(*flags) & ~O_EXCL, inherited.mode);
    }
    if (file->fd < 0) {
        file->last_errno = errno;
        return error_os(SQLITE_CANTOPEN, errno, "open", path);
    }
    if (inherited.has_owner && (*flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0
        && posix_calls.geteuid() == 0)
        (void)posix_calls.fchown(file->fd, inherited.user, inherited.group);
    ASSERT(file->fd > STDERR_FILENO); // disk_open()'s promise
    return SQLITE_OK;
}

// A database gets its inode, for locks. An idle descriptor of an earlier connection is used again:
// otherwise a process that opens and closes under a long read would run out of them.
static int open_database(PosixFile *file, const char *path, int *flags)
{
    ASSERT((*flags & SQLITE_OPEN_MAIN_DB) != 0);
    ASSERT(file->fd < 0);

    file->spare = inode_take_spare(path, (*flags & SQLITE_OPEN_READWRITE) == 0);
    if (file->spare != NULL) {
        ASSERT(file->spare->fd >= 0);
        file->fd = file->spare->fd;
    } else {
        file->spare = mem_alloc_zeroed(sizeof *file->spare);
        if (file->spare == NULL)
            return SQLITE_NOMEM;
        TRY(open_descriptor(file, path, flags));
    }
    return inode_ref(file);
}

// "unix-dotfile": the directory that is the lock, named once so that locking cannot run out of
// memory.
static int open_lock_path(PosixFile *file, const char *path)
{
    ASSERT(file->lock_path == NULL);
    ASSERT(path != NULL);

    size_t size = path_size(path);
    file->lock_path = mem_alloc(size + sizeof ".lock");
    if (file->lock_path == NULL)
        return SQLITE_NOMEM;
    memcpy(file->lock_path, path, size);
    memcpy(file->lock_path + size, ".lock", sizeof ".lock");
    return SQLITE_OK;
}

// A nameless file gets a name for the moment between its creation and its deletion.
static int open_nameless(PosixFile *file)
{
    ASSERT(file->path == NULL);
    ASSERT(file->own_path == NULL);

    file->own_path = mem_alloc(POSIX_PATH_MAX + 2);
    if (file->own_path == NULL)
        return SQLITE_NOMEM;
    TRY(posix_temp_name(POSIX_PATH_MAX + 1, file->own_path));
    file->own_path[strlen(file->own_path) + 1] = 0; // an empty list of URI parameters
    file->path = file->own_path;
    return SQLITE_OK;
}

// On failure the parts made so far stay in `file`, for posix_close() to give back.
static int open_by_type(PosixFile *file, const PosixStyle *style, int *flags)
{
    ASSERT(file->path != NULL);
    ASSERT(file->fd < 0);

    if ((*flags & SQLITE_OPEN_MAIN_DB) == 0)
        return open_descriptor(file, file->path, flags);
    TRY(open_database(file, file->path, flags));
    return style == &style_dotfile ? open_lock_path(file, file->path) : SQLITE_OK;
}

// A failure ends in xClose, which gives back whatever there is by then, and leaves the errno of
// what failed for sqlite3_system_errno().
static int posix_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *base, int flags,
                      int *out_flags)
{
    const PosixStyle *style = vfs->pAppData;
    ASSERT(style != NULL);
    PosixFile *file = (PosixFile *)base;
    *file = (PosixFile){.vfs = vfs, .path = path, .fd = -1};

    int rc = SQLITE_OK;
    if (path == NULL)
        TRY_DONE(open_nameless(file));
    file->sync_directory = is_journal(flags); // O12
    TRY_DONE(open_by_type(file, style, &flags));
    // The open descriptor keeps a deleted file alive, and nobody else can find it.
    if ((flags & SQLITE_OPEN_DELETEONCLOSE) != 0)
        (void)posix_calls.unlink(file->path);
    file->is_read_only = (flags & SQLITE_OPEN_READWRITE) == 0;
    file->is_process_held = style->is_process_held;
    file->powersafe_overwrite =
        (flags & SQLITE_OPEN_URI) == 0 || filename_bool(file->path, "psow", true);
    file->map_limit = os_config()->mmap_default;
    if (out_flags != NULL)
        *out_flags = flags;
done:
    file->base.pMethods = (flags & SQLITE_OPEN_MAIN_DB) != 0 ? style->methods : &posix_methods_none;
    if (rc != SQLITE_OK) {
        int error = errno; // of the failure, not of the cleaning up
        (void)file->base.pMethods->xClose(base);
        errno = error;
    }
    return rc;
}

// --- names ---

// EINVAL: the file system has nothing to sync in a directory.
int posix_sync_directory(const char *path)
{
    ASSERT(path != NULL);
    ASSERT(path[0] != 0);

    char directory[POSIX_PATH_MAX + 1];
    const char *slash = strrchr(path, '/');
    const char *name = slash == NULL ? "." : slash == path ? "/" : path;
    size_t size = name == path ? (size_t)(slash - path) : 1;
    if (size > POSIX_PATH_MAX)
        return SQLITE_CANTOPEN;
    memcpy(directory, name, size);
    directory[size] = 0;
    int fd = disk_open(directory, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return SQLITE_OK; // a directory that may not be read cannot be synced: nothing to be done
    int error = disk_sync(fd, false);
    disk_close(fd);
    if (error != 0 && error != EINVAL)
        return error_os(SQLITE_IOERR_DIR_FSYNC, error, "fsync", directory);
    return SQLITE_OK;
}

// A file that is gone already has a code of its own: for a commit it is as good as deleted.
static int posix_delete(sqlite3_vfs *vfs, const char *path, int sync_directory)
{
    (void)vfs;
    ASSERT(path != NULL);
    if (posix_calls.unlink(path) != 0) {
        if (errno == ENOENT)
            return SQLITE_IOERR_DELETE_NOENT;
        return error_os(SQLITE_IOERR_DELETE, errno, "unlink", path);
    }
    return (sync_directory & 1) != 0 ? posix_sync_directory(path) : SQLITE_OK;
}

static int posix_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    (void)vfs;
    ASSERT(path != NULL);
    if (flags == SQLITE_ACCESS_EXISTS) {
        // An empty file counts as none: it is a journal that was cut or never written.
        struct stat status;
        *out = posix_calls.stat(path, &status) == 0
               && (!S_ISREG(status.st_mode) || status.st_size > 0);
        return SQLITE_OK;
    }
    *out = posix_calls.access(path, flags == SQLITE_ACCESS_READ ? R_OK : W_OK | R_OK) == 0;
    return SQLITE_OK;
}

// --- loadable libraries ---

// GLOBAL, since an extension may be made of several libraries that find each other's symbols.
static void *posix_dl_open(sqlite3_vfs *vfs, const char *path)
{
    (void)vfs;
    return dlopen(path, RTLD_NOW | RTLD_GLOBAL);
}

// dlerror() tells each failure once.
static void posix_dl_error(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    const char *text = dlerror();
    if (text != NULL && size > 0)
        (void)snprintf(out, (size_t)size, "%s", text);
}

static void (*posix_dl_symbol(sqlite3_vfs *vfs, void *library, const char *name))(void)
{
    (void)vfs;
    ASSERT(name != NULL);
    void *object = dlsym(library, name);
    void (*symbol)(void);
    static_assert(sizeof symbol == sizeof object, "POSIX lets function pointers be objects");
    memcpy(&symbol, &object, sizeof symbol);
    return symbol;
}

static void posix_dl_close(sqlite3_vfs *vfs, void *library)
{
    (void)vfs;
    ASSERT(library != NULL);
    (void)dlclose(library);
}

// --- time and errors ---

// The whole thread sleeps, with every fiber on it.
static int posix_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    struct timespec left = {.tv_sec = microseconds / 1000000,
                            .tv_nsec = microseconds % 1000000 * 1000L};
    (void)nanosleep(&left, NULL); // a signal ends it early, which every caller can live with
    return microseconds;
}

// The wall clock, which may be set back: for what it says, not for measuring (os_monotonic_us).
static int posix_now_ms(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    (void)vfs;
    ASSERT(out != NULL);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = UNIX_EPOCH_MS + now.tv_sec * 1000LL + now.tv_nsec / 1000000;
    return SQLITE_OK;
}

// For callers of version 1 of the interface.
static int posix_now_days(sqlite3_vfs *vfs, double *out)
{
    sqlite3_int64 now;
    TRY(posix_now_ms(vfs, &now));
    *out = (double)now / 86400000.0;
    return SQLITE_OK;
}

// Right after the call that failed, in its thread: errno is as good a place to keep it as any.
static int posix_last_error(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    (void)size;
    (void)out;
    return errno;
}

// --- registration ---

static sqlite3_vfs posix_vfses[4]; // filled by posix_vfs_register(), linked by the registry

// Version 3 of the interface: 64-bit time and replaceable system calls.
static sqlite3_vfs posix_vfs(const char *name, const PosixStyle *style)
{
    return (sqlite3_vfs){
        .iVersion = 3,
        .szOsFile = sizeof(PosixFile),
        .mxPathname = POSIX_PATH_MAX,
        .zName = name,
        .pAppData = (void *)(uintptr_t)style,
        .xOpen = posix_open,
        .xDelete = posix_delete,
        .xAccess = posix_access,
        .xFullPathname = posix_full_path,
        .xDlOpen = posix_dl_open,
        .xDlError = posix_dl_error,
        .xDlSym = posix_dl_symbol,
        .xDlClose = posix_dl_close,
        .xRandomness = posix_randomness,
        .xSleep = posix_sleep,
        .xCurrentTime = posix_now_days,
        .xGetLastError = posix_last_error,
        .xCurrentTimeInt64 = posix_now_ms,
        .xSetSystemCall = posix_call_set,
        .xGetSystemCall = posix_call_get,
        .xNextSystemCall = posix_call_next,
    };
}

// Written once, before any thread can find them (sqlite3_initialize holds its mutex).
int posix_vfs_register(void)
{
    ASSERT(vfs_find("unix") == NULL);

    posix_vfses[0] = posix_vfs("unix", &style_unix);
    posix_vfses[1] = posix_vfs("unix-none", &style_none);
    posix_vfses[2] = posix_vfs("unix-dotfile", &style_dotfile);
    posix_vfses[3] = posix_vfs("unix-excl", &style_excl);
    for (size_t i = 0; i < ARRAY_LEN(posix_vfses); i++)
        TRY(vfs_register(&posix_vfses[i], i == 0));
    return SQLITE_OK;
}
