// The "memdb" VFS: databases in memory.
//
// A name that begins with '/' is shared by every connection of the process that uses it, and lives
// as long as one of them. Any other name is private to its connection. Locks are counters with the
// same levels as on disk. There is no shared memory, so no WAL mode.
//
// sqlite3_deserialize() puts given bytes under a private file (memdb_set_content). Such bytes grow
// only with SQLITE_DESERIALIZE_RESIZEABLE, and are handed out in place (xFetch) only without it.
//
// Invariants, the store's mutex free (store_is_sound)
//   - The content is bytes[0..size), the block capacity bytes long.
//   - A writer is one of the readers; there is at most one. From RESERVED on it turns readers away,
//     on disk only from PENDING on: nothing here would ever wait for them to leave.
//   - What is handed out in place does not move: such a block never grows.
//
// Mutexes: stores_mutex and a store's own are never held together, except that of a store nobody
// else can find.

#include "base/alloc.h"
#include "os/os_internal.h"
#include "os/thread.h"
#include <stdio.h>
#include <string.h>

// The bytes of one database, behind any number of open files.
typedef struct MemoryStore {
    struct MemoryStore *next; // among the shared ones; guarded by stores_mutex, as is ref_count
    u32 ref_count;
    char *name;  // NULL: private
    Mutex mutex; // guards the rest
    u8 *bytes;
    i64 size;
    i64 capacity;
    i64 size_max;
    u32 flags; // SQLITE_DESERIALIZE_*
    int fetch_count;
    int reader_count; // files at SHARED or more
    int writer_count; // files at RESERVED or more: 0 or 1
} MemoryStore;

// An open file: a reference to the store and a lock level of its own.
typedef struct MemoryFile {
    sqlite3_file base; // first
    MemoryStore *store;
    int level;
} MemoryFile;

static Mutex stores_mutex = MUTEX_INIT;
static MemoryStore *stores_first; // guarded by stores_mutex
static sqlite3_vfs memory_vfs;

static CHECKER bool store_is_sound(const MemoryStore *store)
{
    bool is_counted = store->reader_count >= store->writer_count && store->writer_count >= 0
                      && store->writer_count <= 1 && store->fetch_count >= 0;
    return is_counted && store->size >= 0 && store->size <= store->capacity
           && (store->bytes != NULL || store->size == 0);
}

// An open file of this VFS.
static MemoryFile *memory_file(sqlite3_file *base)
{
    MemoryFile *file = (MemoryFile *)base;
    ASSERT(file->store != NULL);
    ASSERT(file->level <= SQLITE_LOCK_EXCLUSIVE);
    return file;
}

// Enters the store of an open file.
static MemoryStore *store_enter(sqlite3_file *base)
{
    MemoryStore *store = memory_file(base)->store;
    mutex_lock(&store->mutex);
    ASSERT(store_is_sound(store));
    return store;
}

// A call that changed the store leaves it as sound as it found it, failed or not.
static void store_leave(MemoryStore *store)
{
    ASSERT(store_is_sound(store));
    mutex_unlock(&store->mutex);
}

// --- stores ---

static void store_free(MemoryStore *store)
{
    ASSERT(store->fetch_count == 0);
    ASSERT(store->reader_count == 0);

    if ((store->flags & SQLITE_DESERIALIZE_FREEONCLOSE) != 0)
        mem_free(store->bytes);
    mutex_deinit(&store->mutex);
    mem_free(store->name);
    mem_free(store);
}

// Not in the list yet: nobody can find it before its maker has put it there.
static MemoryStore *store_new(const char *name)
{
    MemoryStore *store = mem_alloc_zeroed(sizeof *store);
    if (store == NULL)
        return NULL;
    mutex_init(&store->mutex);
    store->ref_count = 1;
    store->size_max = os_config()->memdb_max;
    store->flags = SQLITE_DESERIALIZE_RESIZEABLE | SQLITE_DESERIALIZE_FREEONCLOSE;
    if (name != NULL) {
        store->name = mem_dup(name, (u64)-1);
        if (store->name == NULL) {
            store_free(store);
            return NULL;
        }
    }
    ASSERT(store_is_sound(store));
    return store;
}

// A single slash is no name. The other slash is accepted as well, as SQLite does.
static bool is_shared_name(const char *name)
{
    return name != NULL && (name[0] == '/' || name[0] == '\\') && name[1] != 0;
}

// Finds or makes the store of that name. NULL: out of memory.
static MemoryStore *store_ref_shared(const char *name)
{
    ASSERT(name[0] != 0);

    mutex_lock(&stores_mutex);
    MemoryStore *store = stores_first;
    while (store != NULL && strcmp(store->name, name) != 0)
        store = store->next;
    if (store != NULL) {
        ASSERT(store->ref_count > 0); // the last one to leave takes it out of the list first
        store->ref_count++;
    } else {
        store = store_new(name);
        if (store != NULL) {
            store->next = stores_first;
            stores_first = store;
        }
    }
    mutex_unlock(&stores_mutex);
    return store;
}

// Out of the list under the mutex, freed after it: who comes in between finds nothing and makes a
// store of that name anew.
static void store_unref(MemoryStore *store)
{
    mutex_lock(&stores_mutex);
    ASSERT(store->ref_count > 0);
    bool is_last = --store->ref_count == 0;
    if (is_last && store->name != NULL) {
        MemoryStore **link = &stores_first;
        while (*link != store)
            link = &(*link)->next;
        *link = store->next;
    }
    mutex_unlock(&stores_mutex);
    if (is_last)
        store_free(store);
}

// Makes room for `size` bytes, twice as much if the limit allows: a database that grows page by
// page is copied a logarithmic number of times.
static int store_reserve(MemoryStore *store, i64 size)
{
    ASSERT(store->size <= store->capacity);

    if (size <= store->capacity)
        return SQLITE_OK;
    // Bytes handed out by xFetch may not move; a fixed block may not grow.
    if ((store->flags & SQLITE_DESERIALIZE_RESIZEABLE) == 0 || store->fetch_count > 0)
        return SQLITE_FULL;
    if (size > store->size_max)
        return SQLITE_FULL;
    i64 capacity = 2 * size < store->size_max ? 2 * size : store->size_max;
    u8 *bytes = mem_realloc(store->bytes, (u64)capacity);
    if (bytes == NULL)
        return SQLITE_IOERR_NOMEM;
    store->bytes = bytes;
    store->capacity = capacity;
    ASSERT(store->capacity >= size);
    return SQLITE_OK;
}

// --- file methods ---

static int memory_close(sqlite3_file *base)
{
    MemoryFile *file = memory_file(base);
    (void)base->pMethods->xUnlock(base, SQLITE_LOCK_NONE);
    ASSERT(file->level == SQLITE_LOCK_NONE);
    store_unref(file->store);
    file->store = NULL;
    return SQLITE_OK;
}

static int memory_read(sqlite3_file *base, void *out, int size, sqlite3_int64 offset)
{
    ASSERT(size >= 0 && offset >= 0);

    MemoryStore *store = store_enter(base);
    i64 there = store->size - offset;
    there = there < 0 ? 0 : there > size ? size : there;
    if (there > 0)
        memcpy(out, store->bytes + offset, (size_t)there);
    store_leave(store);
    if (there == size)
        return SQLITE_OK;
    memset((char *)out + there, 0, (size_t)(size - there));
    return SQLITE_IOERR_SHORT_READ;
}

// A gap between the old end and `offset` reads as zeros: the block is not cleared when it grows.
static int store_write(MemoryStore *store, const void *bytes, int size, i64 offset)
{
    ASSERT(size >= 0 && offset >= 0);

    if ((store->flags & SQLITE_DESERIALIZE_READONLY) != 0)
        return SQLITE_IOERR_WRITE;
    i64 end = offset + size;
    if (end > store->size) {
        TRY(store_reserve(store, end));
        if (offset > store->size)
            memset(store->bytes + store->size, 0, (size_t)(offset - store->size));
        store->size = end;
    }
    ASSERT(end <= store->size && store->size <= store->capacity);
    memcpy(store->bytes + offset, bytes, (size_t)size);
    return SQLITE_OK;
}

static int memory_write(sqlite3_file *base, const void *bytes, int size, sqlite3_int64 offset)
{
    ASSERT(size >= 0 && offset >= 0);

    MemoryStore *store = store_enter(base);
    int rc = store_write(store, bytes, size, offset);
    store_leave(store);
    return rc;
}

// The block keeps its memory: what was cut off is likely to be written again.
static int memory_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    ASSERT(size >= 0);

    MemoryStore *store = store_enter(base);
    int rc = SQLITE_OK;
    if (size > store->size)
        rc = SQLITE_CORRUPT; // a damaged header of given bytes asks for more than there is
    else
        store->size = size;
    store_leave(store);
    return rc;
}

// There is nothing more durable to write to.
static int memory_sync(sqlite3_file *base, int flags)
{
    (void)base;
    (void)flags;
    return SQLITE_OK;
}

static int memory_size(sqlite3_file *base, sqlite3_int64 *out)
{
    MemoryStore *store = store_enter(base);
    *out = store->size;
    store_leave(store);
    return SQLITE_OK;
}

// Needs the store's mutex and a level above the file's.
static int store_lock(MemoryStore *store, int held, int level)
{
    ASSERT(level > held);
    ASSERT(held > SQLITE_LOCK_NONE || level == SQLITE_LOCK_SHARED); // O1
    ASSERT(held <= SQLITE_LOCK_SHARED || store->writer_count == 1);

    if (level > SQLITE_LOCK_SHARED && (store->flags & SQLITE_DESERIALIZE_READONLY) != 0)
        return SQLITE_READONLY;
    switch (level) {
    case SQLITE_LOCK_SHARED:
        if (store->writer_count > 0)
            return SQLITE_BUSY; // its changes are in the one copy there is
        store->reader_count++;
        return SQLITE_OK;
    case SQLITE_LOCK_RESERVED:
    case SQLITE_LOCK_PENDING:
        if (held >= SQLITE_LOCK_RESERVED)
            return SQLITE_OK;
        if (store->writer_count > 0)
            return SQLITE_BUSY;
        store->writer_count = 1;
        return SQLITE_OK;
    default: // EXCLUSIVE
        if (store->reader_count > 1 || (store->writer_count > 0 && held < SQLITE_LOCK_RESERVED))
            return SQLITE_BUSY;
        store->writer_count = 1;
        return SQLITE_OK;
    }
}

static int memory_lock(sqlite3_file *base, int level)
{
    ASSERT(level > SQLITE_LOCK_NONE && level <= SQLITE_LOCK_EXCLUSIVE);

    MemoryFile *file = memory_file(base);
    if (level <= file->level)
        return SQLITE_OK;
    MemoryStore *store = store_enter(base);
    int rc = store_lock(store, file->level, level);
    store_leave(store);
    if (rc == SQLITE_OK)
        file->level = level;
    return rc;
}

static int memory_unlock(sqlite3_file *base, int level)
{
    ASSERT(level == SQLITE_LOCK_NONE || level == SQLITE_LOCK_SHARED);

    MemoryFile *file = memory_file(base);
    if (level >= file->level)
        return SQLITE_OK;
    MemoryStore *store = store_enter(base);
    ASSERT(store->reader_count > 0);
    if (file->level > SQLITE_LOCK_SHARED)
        store->writer_count = 0; // it was this file: there is never another
    if (level == SQLITE_LOCK_NONE)
        store->reader_count--;
    store_leave(store);
    file->level = level;
    return SQLITE_OK;
}

static int memory_check_reserved(sqlite3_file *base, int *out)
{
    MemoryStore *store = store_enter(base);
    *out = store->writer_count > 0;
    store_leave(store);
    return SQLITE_OK;
}

// SQLITE_FCNTL_SIZE_LIMIT: negative asks; a limit below what is stored becomes what is stored.
static void control_size_limit(sqlite3_file *base, i64 *limit)
{
    MemoryStore *store = store_enter(base);
    if (*limit >= 0)
        store->size_max = *limit < store->size ? store->size : *limit;
    *limit = store->size_max;
    ASSERT(store->size_max >= 0);
    store_leave(store);
}

static int memory_control(sqlite3_file *base, int op, void *arg)
{
    MemoryFile *file = memory_file(base);
    switch (op) {
    case SQLITE_FCNTL_LOCKSTATE: *(int *)arg = file->level; return SQLITE_OK;
    case SQLITE_FCNTL_SIZE_LIMIT: control_size_limit(base, arg); return SQLITE_OK;
    case SQLITE_FCNTL_VFSNAME: {
        char text[64];
        (void)snprintf(text, sizeof text, "memdb(%p,%lld)", (void *)file->store->bytes,
                       (long long)file->store->size);
        *(char **)arg = mem_dup(text, (u64)-1);
        return *(char **)arg == NULL ? SQLITE_NOMEM : SQLITE_OK;
    }
    default: return SQLITE_NOTFOUND; // nothing else concerns memory
    }
}

static int memory_sector_size(sqlite3_file *file)
{
    (void)file;
    return 1024;
}

// All true of memory as long as the process lives, and after that there is no file.
static int memory_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_ATOMIC | SQLITE_IOCAP_POWERSAFE_OVERWRITE | SQLITE_IOCAP_SAFE_APPEND
           | SQLITE_IOCAP_SEQUENTIAL;
}

// In place only where the block cannot move: content of a fixed size.
static int memory_fetch(sqlite3_file *base, sqlite3_int64 offset, int size, void **out)
{
    ASSERT(offset >= 0 && size >= 0);

    MemoryStore *store = store_enter(base);
    *out = NULL;
    if ((store->flags & SQLITE_DESERIALIZE_RESIZEABLE) == 0 && offset + size <= store->size) {
        ASSERT(store->bytes != NULL || size == 0);
        *out = store->bytes + offset;
        store->fetch_count++;
    }
    store_leave(store);
    return SQLITE_OK;
}

static int memory_unfetch(sqlite3_file *base, sqlite3_int64 offset, void *bytes)
{
    (void)offset;
    if (bytes == NULL)
        return SQLITE_OK;
    MemoryStore *store = store_enter(base);
    ASSERT(store->fetch_count > 0);
    store->fetch_count--;
    store_leave(store);
    return SQLITE_OK;
}

static const sqlite3_io_methods memory_methods = {
    .iVersion = 3,
    .xClose = memory_close,
    .xRead = memory_read,
    .xWrite = memory_write,
    .xTruncate = memory_truncate,
    .xSync = memory_sync,
    .xFileSize = memory_size,
    .xLock = memory_lock,
    .xUnlock = memory_unlock,
    .xCheckReservedLock = memory_check_reserved,
    .xFileControl = memory_control,
    .xSectorSize = memory_sector_size,
    .xDeviceCharacteristics = memory_characteristics,
    .xFetch = memory_fetch,
    .xUnfetch = memory_unfetch,
};

// --- given content ---
// Only for files of one connection, which is in the call: nobody else can look, and no mutex is
// needed.

// NULL for files of other VFSes and for shared ones, whose bytes are not one connection's to give.
static MemoryStore *private_store(sqlite3_file *file)
{
    if (!os_is_open(file) || file->pMethods != &memory_methods)
        return NULL;
    MemoryStore *store = memory_file(file)->store;
    return store->name == NULL ? store : NULL;
}

int memdb_set_content(sqlite3_file *file, void *bytes, i64 size, i64 capacity, int flags)
{
    ASSERT(bytes != NULL || size <= 0);

    MemoryStore *store = private_store(file);
    ASSERT(store == NULL || store->fetch_count == 0);
    if (store == NULL || size < 0 || capacity < size) {
        if ((flags & SQLITE_DESERIALIZE_FREEONCLOSE) != 0)
            mem_free(bytes);
        return SQLITE_MISUSE;
    }
    if ((store->flags & SQLITE_DESERIALIZE_FREEONCLOSE) != 0)
        mem_free(store->bytes);
    store->bytes = bytes;
    store->size = size;
    store->capacity = capacity;
    store->size_max = capacity > os_config()->memdb_max ? capacity : os_config()->memdb_max;
    store->flags = (u32)flags;
    ASSERT(store_is_sound(store));
    return SQLITE_OK;
}

bool memdb_content(sqlite3_file *file, void **bytes, i64 *size)
{
    MemoryStore *store = private_store(file);
    if (store == NULL)
        return false;
    ASSERT(store_is_sound(store));
    *bytes = store->bytes;
    *size = store->size;
    return true;
}

// --- VFS methods: what is not about files in memory, the default VFS does ---

// The one that was the default when this VFS was registered: time, randomness and libraries.
static sqlite3_vfs *lower(void)
{
    ASSERT(memory_vfs.pAppData != NULL); // registered

    return memory_vfs.pAppData;
}

static int memory_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *base, int flags,
                       int *out_flags)
{
    (void)vfs;
    MemoryFile *file = (MemoryFile *)base;
    *file = (MemoryFile){0};
    file->store = is_shared_name(path) ? store_ref_shared(path) : store_new(NULL);
    if (file->store == NULL)
        return SQLITE_NOMEM;
    if (out_flags != NULL)
        *out_flags = flags | SQLITE_OPEN_MEMORY;
    file->base.pMethods = &memory_methods;
    return SQLITE_OK;
}

static int memory_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    (void)vfs;
    (void)path;
    (void)flags;
    *out = 0; // no journal was ever left behind
    return SQLITE_OK;
}

static int memory_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
    (void)vfs;
    ASSERT(size > 0);
    int length = snprintf(out, (size_t)size, "%s", path); // names here are not paths: as they are
    return length < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static void *memory_dl_open(sqlite3_vfs *vfs, const char *path)
{
    (void)vfs;
    return os_dl_open(lower(), path);
}

static void memory_dl_error(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    os_dl_error(lower(), size, out);
}

static void (*memory_dl_symbol(sqlite3_vfs *vfs, void *library, const char *name))(void)
{
    (void)vfs;
    return os_dl_symbol(lower(), library, name);
}

static void memory_dl_close(sqlite3_vfs *vfs, void *library)
{
    (void)vfs;
    os_dl_close(lower(), library);
}

static int memory_randomness(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    return lower()->xRandomness(lower(), size, out);
}

static int memory_sleep(sqlite3_vfs *vfs, int microseconds)
{
    (void)vfs;
    return os_sleep(lower(), microseconds);
}

static int memory_now_ms(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    (void)vfs;
    return lower()->xCurrentTimeInt64(lower(), out);
}

static int memory_now_days(sqlite3_vfs *vfs, double *out)
{
    (void)vfs;
    return lower()->xCurrentTime(lower(), out);
}

static int memory_last_error(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    (void)size;
    (void)out;
    return os_last_error(lower());
}

// Version 2: no system calls to replace. No xDelete, since a name goes with its last user.
int memory_vfs_register(void)
{
    sqlite3_vfs *below = vfs_find(NULL);
    ASSERT(below != NULL && below != &memory_vfs);

    // The address of this one stays when it is registered again: files point to it.
    memory_vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = sizeof(MemoryFile),
        .mxPathname = 1024,
        .zName = "memdb",
        .pAppData = below,
        .xOpen = memory_open,
        .xAccess = memory_access,
        .xFullPathname = memory_full_path,
        .xDlOpen = memory_dl_open,
        .xDlError = memory_dl_error,
        .xDlSym = memory_dl_symbol,
        .xDlClose = memory_dl_close,
        .xRandomness = memory_randomness,
        .xSleep = memory_sleep,
        .xCurrentTime = memory_now_days,
        .xGetLastError = memory_last_error,
        .xCurrentTimeInt64 = memory_now_ms,
    };
    return vfs_register(&memory_vfs, false);
}
