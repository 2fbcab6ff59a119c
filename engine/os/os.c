// The VFS registry, and the calls through VFS and file methods that need more than a pointer.
//
// Registered VFSes form a list through their own pNext, the default first, as applications may walk
// it.
//
// What a VFS answers is not ours: it may be an application's. Results are taken as SQLite takes
// them (too small a sector, methods missing in an older version, fewer random bytes than asked
// for), and only what this engine hands to a VFS is asserted.

#include "os/os.h"
#include "base/alloc.h"
#include "os/os_internal.h"
#include "os/thread.h"
#include <string.h>
#include <time.h>

enum {
    SECTOR_SIZE_UNKNOWN = 4096, // when a VFS has no opinion
    SECTOR_SIZE_LEAST = 32,     // less is taken for nonsense ...
    SECTOR_SIZE_SMALL = 512,    // ... and replaced by this
    SECTOR_SIZE_MOST = 65536,
};
#define MS_PER_DAY 86400000.0

static Mutex registry_mutex = MUTEX_INIT;
static sqlite3_vfs *registry_first; // guarded by registry_mutex
// SQLite's own defaults; sqlite3_config() changes them before os_init().
static OsConfig config = {
    .mmap_default = 0,
    .mmap_max = 0x7fff0000,
    .memdb_max = 1073741824,
};

// --- start and registry ---

int os_init(void)
{
    if (vfs_find("unix") != NULL)
        return SQLITE_OK;
    TRY(posix_vfs_register());
    TRY(memory_vfs_register());

    ASSERT(vfs_find(NULL) != NULL);
    ASSERT(vfs_find("unix") != NULL);
    return SQLITE_OK;
}

// The VFSes' own memory is static or the application's; files that are still open go on.
void os_deinit(void)
{
    mutex_lock(&registry_mutex);
    registry_first = NULL;
    mutex_unlock(&registry_mutex);
}

const OsConfig *os_config(void)
{
    return &config;
}

// The default never passes the maximum, whichever of them was set last.
void os_configure_mmap(i64 size_default, i64 size_max)
{
    if (size_max >= 0 && size_max <= 0x7fff0000)
        config.mmap_max = size_max;
    if (size_default >= 0)
        config.mmap_default = size_default;
    if (config.mmap_default > config.mmap_max)
        config.mmap_default = config.mmap_max;
    ASSERT(config.mmap_default >= 0 && config.mmap_default <= config.mmap_max);
}

void os_configure_memdb(i64 size_max)
{
    if (size_max >= 0)
        config.memdb_max = size_max;
    ASSERT(config.memdb_max >= 0);
}

// What is found may be unregistered the next moment by another thread. It is not freed by that, and
// the interface leaves it to the application to keep a VFS alive that is in use.
sqlite3_vfs *vfs_find(const char *name)
{
    mutex_lock(&registry_mutex);
    sqlite3_vfs *vfs = registry_first;
    while (name != NULL && vfs != NULL && strcmp(vfs->zName, name) != 0)
        vfs = vfs->pNext;
    mutex_unlock(&registry_mutex);
    return vfs;
}

// Needs the registry's mutex. One that is not registered is none to complain about: applications
// unregister what they may never have registered.
static void registry_unlink(sqlite3_vfs *vfs)
{
    ASSERT(vfs != NULL);

    sqlite3_vfs **link = &registry_first;
    while (*link != NULL && *link != vfs)
        link = &(*link)->pNext;
    if (*link == vfs)
        *link = vfs->pNext;
}

// Registering again moves it: to the front as the default, else behind the default.
int vfs_register(sqlite3_vfs *vfs, bool make_default)
{
    if (vfs == NULL)
        return SQLITE_MISUSE;

    mutex_lock(&registry_mutex);
    registry_unlink(vfs);
    if (make_default || registry_first == NULL) {
        vfs->pNext = registry_first;
        registry_first = vfs;
    } else {
        vfs->pNext = registry_first->pNext;
        registry_first->pNext = vfs;
    }
    ASSERT(registry_first != NULL && (!make_default || registry_first == vfs));
    mutex_unlock(&registry_mutex);
    return SQLITE_OK;
}

// The next one in the list becomes the default when the default goes.
int vfs_unregister(sqlite3_vfs *vfs)
{
    mutex_lock(&registry_mutex);
    registry_unlink(vfs);
    mutex_unlock(&registry_mutex);
    return SQLITE_OK;
}

// --- files ---

// pMethods is what tells an open file from a closed one, also for the VFS: it is cleared before the
// call, so that a VFS which sets it and then fails is seen to have done so.
int os_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags)
{
    ASSERT(vfs != NULL && file != NULL);

    file->pMethods = NULL;
    // VFSes are promised only the flags they know: what concerns threads and caches is taken out.
    // NOMUTEX, FULLMUTEX, SHAREDCACHE and PRIVATECACHE are among those (sqlite.org/c3ref/vfs.html).
    int kept = flags & 0x1087f7f;
    int given = 0;
    int rc = vfs->xOpen(vfs, path, file, kept, &given);
    if (rc != SQLITE_OK) {
        os_close(file); // a VFS may leave methods behind to have xClose called
        return rc;
    }
    ASSERT(os_is_open(file));
    if (out_flags != NULL)
        *out_flags = given;
    return SQLITE_OK;
}

// Cleared memory: older VFSes take it for granted that their part of the file starts out as zeros.
int os_open_new(sqlite3_vfs *vfs, const char *path, int flags, sqlite3_file **out, int *out_flags)
{
    ASSERT(vfs->szOsFile >= (int)sizeof(sqlite3_file));

    sqlite3_file *file = mem_alloc_zeroed((u64)vfs->szOsFile);
    if (file == NULL)
        return SQLITE_NOMEM;
    int rc = os_open(vfs, path, file, flags, out_flags);
    if (rc != SQLITE_OK) {
        mem_free(file);
        return rc;
    }
    ASSERT(os_is_open(file));
    *out = file;
    return SQLITE_OK;
}

void os_close(sqlite3_file *file)
{
    if (!os_is_open(file))
        return;
    (void)file->pMethods->xClose(file); // nothing can be done about a failure
    file->pMethods = NULL;
    ASSERT(!os_is_open(file));
}

void os_close_free(sqlite3_file *file)
{
    os_close(file);
    mem_free(file);
}

int os_truncate(sqlite3_file *file, i64 size)
{
    ASSERT(os_is_open(file) && size >= 0);
    return file->pMethods->xTruncate(file, size);
}

// flags 0 is PRAGMA synchronous=OFF, decided by whoever computes them.
int os_sync(sqlite3_file *file, int flags)
{
    ASSERT(os_is_open(file));
    return flags == 0 ? SQLITE_OK : file->pMethods->xSync(file, flags);
}

int os_size(sqlite3_file *file, i64 *out)
{
    ASSERT(os_is_open(file));
    ASSERT(out != NULL);

    sqlite3_int64 size = 0;
    TRY(file->pMethods->xFileSize(file, &size));
    *out = size;
    return SQLITE_OK;
}

// A closed file answers like one whose VFS knows nothing: temporary databases are opened late.
int os_control(sqlite3_file *file, int op, void *arg)
{
    ASSERT(op > 0);

    if (!os_is_open(file))
        return SQLITE_NOTFOUND;
    return file->pMethods->xFileControl(file, op, arg);
}

void os_control_hint(sqlite3_file *file, int op, void *arg)
{
    ASSERT(op > 0);

    if (os_is_open(file))
        (void)file->pMethods->xFileControl(file, op, arg);
}

// A shim hands the question on to its inner file, which sees that it is not the one asked about.
bool os_identity(sqlite3_file *file, FileIdentity *out)
{
    ASSERT(os_is_open(file));
    ASSERT(out != NULL);
    IdentityQuery query = {.file = file};
    if (os_control(file, OS_CONTROL_IDENTITY, &query) != SQLITE_OK || query.identity.process == 0)
        return false;
    *out = query.identity;
    return true;
}

// The journal's header takes a whole sector, and its format bounds how large that may be.
int os_sector_size(sqlite3_file *file)
{
    ASSERT(os_is_open(file));

    if (file->pMethods->xSectorSize == NULL)
        return SECTOR_SIZE_UNKNOWN;
    int size = file->pMethods->xSectorSize(file);
    if (size < SECTOR_SIZE_LEAST)
        return SECTOR_SIZE_SMALL;
    return size > SECTOR_SIZE_MOST ? SECTOR_SIZE_MOST : size;
}

int os_characteristics(sqlite3_file *file)
{
    ASSERT(os_is_open(file));

    if (file->pMethods->xDeviceCharacteristics == NULL)
        return 0;
    return file->pMethods->xDeviceCharacteristics(file);
}

// --- locks ---
// These only pass on. Which level may follow which is the pager's promise (O1); a VFS relies on it.

int os_lock(sqlite3_file *file, int level)
{
    ASSERT(os_is_open(file));
    ASSERT(level > SQLITE_LOCK_NONE && level <= SQLITE_LOCK_EXCLUSIVE);
    ASSERT(level != SQLITE_LOCK_PENDING);

    return file->pMethods->xLock(file, level);
}

int os_unlock(sqlite3_file *file, int level)
{
    ASSERT(os_is_open(file));
    ASSERT(level == SQLITE_LOCK_NONE || level == SQLITE_LOCK_SHARED);

    return file->pMethods->xUnlock(file, level);
}

int os_check_reserved(sqlite3_file *file, bool *out)
{
    ASSERT(os_is_open(file));
    ASSERT(out != NULL);

    int reserved = 0;
    TRY(file->pMethods->xCheckReservedLock(file, &reserved));
    *out = reserved != 0;
    return SQLITE_OK;
}

// --- shared memory ---

bool os_has_shm(const sqlite3_file *file)
{
    return os_is_open(file) && file->pMethods->iVersion >= 2 && file->pMethods->xShmMap != NULL;
}

int os_shm_map(sqlite3_file *file, int index, bool extend, volatile void **out)
{
    ASSERT(os_has_shm(file) && index >= 0);

    volatile void *region = NULL;
    int rc = file->pMethods->xShmMap(file, index, SHM_REGION_SIZE, extend, &region);
    // The region is handed out with the code that says how far to trust it.
    *out = rc == SQLITE_OK || (rc & 0xff) == SQLITE_READONLY ? region : NULL;
    return rc;
}

int os_shm_lock(sqlite3_file *file, int slot, int count, int flags)
{
    ASSERT(os_has_shm(file));
    ASSERT(slot >= 0 && count >= 1 && slot + count <= SHM_SLOT_COUNT);
    ASSERT(((flags & SQLITE_SHM_LOCK) != 0) != ((flags & SQLITE_SHM_UNLOCK) != 0));
    ASSERT(((flags & SQLITE_SHM_SHARED) != 0) != ((flags & SQLITE_SHM_EXCLUSIVE) != 0));

    return file->pMethods->xShmLock(file, slot, count, flags);
}

void os_shm_barrier(sqlite3_file *file)
{
    ASSERT(os_has_shm(file));
    file->pMethods->xShmBarrier(file);
}

// Also gives back every slot this file still holds.
int os_shm_unmap(sqlite3_file *file, bool delete_file)
{
    ASSERT(os_has_shm(file));
    return file->pMethods->xShmUnmap(file, delete_file);
}

// --- memory-mapped reading ---
// Version 3 of the methods brought it. Where it is missing every page is read, which is always
// right.

// NULL is an answer, not a failure: the bytes are there, but not to be had in place.
int os_fetch(sqlite3_file *file, i64 offset, int size, void **out)
{
    ASSERT(os_is_open(file) && offset >= 0 && size > 0);

    if (file->pMethods->iVersion < 3 || file->pMethods->xFetch == NULL) {
        *out = NULL;
        return SQLITE_OK;
    }
    return file->pMethods->xFetch(file, offset, size, out);
}

int os_unfetch(sqlite3_file *file, i64 offset, void *bytes)
{
    ASSERT(os_is_open(file));

    if (file->pMethods->iVersion < 3 || file->pMethods->xUnfetch == NULL)
        return SQLITE_OK;
    return file->pMethods->xUnfetch(file, offset, bytes);
}

// --- names ---

// A VFS that cannot delete keeps its journals somewhere else than in files.
int os_delete(sqlite3_vfs *vfs, const char *path, bool sync_directory)
{
    ASSERT(path != NULL);
    return vfs->xDelete == NULL ? SQLITE_OK : vfs->xDelete(vfs, path, sync_directory);
}

int os_access(sqlite3_vfs *vfs, const char *path, int flags, bool *out)
{
    ASSERT(path != NULL);
    ASSERT(flags == SQLITE_ACCESS_EXISTS || flags == SQLITE_ACCESS_READWRITE
           || flags == SQLITE_ACCESS_READ);

    int answer = 0;
    TRY(vfs->xAccess(vfs, path, flags, &answer));
    *out = answer != 0;
    return SQLITE_OK;
}

int os_full_path(sqlite3_vfs *vfs, const char *path, char *out)
{
    ASSERT(path != NULL);
    ASSERT(out != NULL);

    out[0] = 0;
    return vfs->xFullPathname(vfs, path, vfs->mxPathname + 1, out);
}

// --- time, randomness, errors ---

// Whatever comes out is used as a seed: less entropy than asked for is still a seed.
void os_randomness(sqlite3_vfs *vfs, int size, void *out)
{
    ASSERT(size >= 0);
    ASSERT(out != NULL || size == 0);

    memset(out, 0, (size_t)size); // a VFS may fill less than asked
    (void)vfs->xRandomness(vfs, size, out);
}

// A VFS under test may let its own clock run instead.
int os_sleep(sqlite3_vfs *vfs, int microseconds)
{
    ASSERT(microseconds >= 0);

    return vfs->xSleep(vfs, microseconds);
}

// Old VFSes tell days as a double, which is good to about a tenth of a millisecond.
int os_now_ms(sqlite3_vfs *vfs, i64 *out)
{
    ASSERT(out != NULL);

    if (vfs->iVersion >= 2 && vfs->xCurrentTimeInt64 != NULL) {
        sqlite3_int64 now = 0;
        TRY(vfs->xCurrentTimeInt64(vfs, &now));
        *out = now;
        return SQLITE_OK;
    }
    double days = 0;
    TRY(vfs->xCurrentTime(vfs, &days));
    *out = (i64)(days * MS_PER_DAY);
    return SQLITE_OK;
}

u64 os_monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    ASSERT(now.tv_sec >= 0 && now.tv_nsec < 1000000000);
    return (u64)now.tv_sec * 1000000 + (u64)now.tv_nsec / 1000;
}

int os_last_error(sqlite3_vfs *vfs)
{
    ASSERT(vfs != NULL);

    return vfs->xGetLastError == NULL ? 0 : vfs->xGetLastError(vfs, 0, NULL);
}

void *os_dl_open(sqlite3_vfs *vfs, const char *path)
{
    ASSERT(vfs != NULL);

    return vfs->xDlOpen == NULL ? NULL : vfs->xDlOpen(vfs, path);
}

// Leaves `out` alone when the VFS has nothing to say.
void os_dl_error(sqlite3_vfs *vfs, int size, char *out)
{
    ASSERT(out != NULL && size > 0);

    if (vfs->xDlError != NULL)
        vfs->xDlError(vfs, size, out);
}

void (*os_dl_symbol(sqlite3_vfs *vfs, void *library, const char *name))(void)
{
    ASSERT(library != NULL && name != NULL);

    return vfs->xDlSym == NULL ? NULL : vfs->xDlSym(vfs, library, name);
}

void os_dl_close(sqlite3_vfs *vfs, void *library)
{
    if (vfs->xDlClose != NULL && library != NULL)
        vfs->xDlClose(vfs, library);
}
