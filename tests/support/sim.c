// The VFS of the simulated computer: faults, locks, wal-indexes and time. Contents: sim_disk.c.
//
// Locks follow the same table as the real ones (engine/os/README.md), with every open file an owner
// of its own. Wal-indexes live in plain memory that is kept until sim_free(), because the code
// under test may still look at it after its process was killed.
#include "support/sim.h"
#include "os/os.h"
#include "os/thread.h"
#include "support/sim_disk.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_START_MS 212000000000000LL // some day in 2005

typedef struct SimShm {
    struct SimShm *next; // among those that are in nobody's use any more
    void **regions;
    int region_count;
    int user_count;
    int readers[SHM_SLOT_COUNT]; // -1: held exclusively
} SimShm;

typedef struct SimFile {
    sqlite3_file base; // first
    struct SimFile *next;
    Sim *sim;
    SimNode *node;
    char *name; // NULL: nameless
    int process;
    u64 boot; // the computer's, when it was opened
    int level;
    bool is_dead; // its process was killed or its computer went down
    SimShm *shm;
    unsigned shared_mask, exclusive_mask;
} SimFile;

typedef struct SimFault {
    u64 at; // call number, 0: none
    bool persist;
    int rc;
} SimFault;

typedef struct SimVfs {
    sqlite3_vfs base; // first
    Sim *sim;
    int process;
    char name[16];
} SimVfs;

struct Sim {
    Mutex mutex;
    Prng prng;
    SimDisk disk;
    SimVfs vfs[SIM_PROCESS_COUNT];
    SimFile *files; // open ones
    SimShm *shm_graveyard;
    SimFault faults[SIM_CALL_KINDS];
    u64 calls[SIM_CALL_KINDS];
    u64 crash_at; // number of the call of any kind, 0: never
    u64 failures;
    bool crashed;
    u64 boots; // times it was started anew
    i64 disk_size;
    int characteristics;
    i64 now_ms;
};

static const int natural_code[SIM_CALL_KINDS] = {
    [SIM_OPEN] = SQLITE_CANTOPEN,
    [SIM_DELETE] = SQLITE_IOERR_DELETE,
    [SIM_ACCESS] = SQLITE_IOERR_ACCESS,
    [SIM_READ] = SQLITE_IOERR_READ,
    [SIM_WRITE] = SQLITE_IOERR_WRITE,
    [SIM_TRUNCATE] = SQLITE_IOERR_TRUNCATE,
    [SIM_SYNC] = SQLITE_IOERR_FSYNC,
    [SIM_SIZE] = SQLITE_IOERR_FSTAT,
    [SIM_LOCK] = SQLITE_IOERR_LOCK,
    [SIM_UNLOCK] = SQLITE_IOERR_UNLOCK,
    [SIM_SHM_MAP] = SQLITE_IOERR_SHMMAP,
    [SIM_SHM_LOCK] = SQLITE_IOERR_SHMLOCK,
    [SIM_ANY] = SQLITE_IOERR,
};

static void *must(void *memory)
{
    if (memory == NULL)
        abort();
    return memory;
}

static SimFile *sim_file(sqlite3_file *file)
{
    return (SimFile *)file;
}

static Sim *sim_of(sqlite3_vfs *vfs)
{
    return ((SimVfs *)vfs)->sim;
}

// --- faults ---

static bool fault_strikes(const SimFault *fault, u64 call)
{
    return fault->at != 0 && (call == fault->at || (fault->persist && call > fault->at));
}

// Counts the call and decides whether it fails. Called first by every method, under the mutex.
static int call_begin(Sim *sim, const SimFile *file, SimCall kind)
{
    sim->calls[kind]++;
    sim->calls[SIM_ANY]++;
    if (sim->crash_at != 0 && sim->calls[SIM_ANY] >= sim->crash_at)
        sim->crashed = true;
    if (sim->crashed || (file != NULL && file->is_dead))
        return natural_code[kind];
    const SimFault *fault = &sim->faults[kind];
    if (!fault_strikes(fault, sim->calls[kind])) {
        fault = &sim->faults[SIM_ANY];
        if (!fault_strikes(fault, sim->calls[SIM_ANY]))
            return SQLITE_OK;
    }
    sim->failures++;
    return fault->rc != 0 ? fault->rc : natural_code[kind];
}

// --- bytes ---

static int sim_read(sqlite3_file *base, void *out, int size, sqlite3_int64 offset)
{
    SimFile *file = sim_file(base);
    mutex_lock(&file->sim->mutex);
    int rc = call_begin(file->sim, file, SIM_READ);
    const SimBytes *bytes = &file->node->current;
    i64 there = bytes->size - offset;
    there = there < 0 ? 0 : there > size ? size : there;
    if (rc == SQLITE_IOERR_SHORT_READ)
        there = (i64)prng_below(&file->sim->prng, (u64)there + 1);
    if (there > 0)
        memcpy(out, bytes->bytes + offset, (size_t)there);
    memset((char *)out + there, 0, (size_t)(size - there));
    mutex_unlock(&file->sim->mutex);
    if (rc != SQLITE_OK)
        return rc;
    return there == size ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int sim_write(sqlite3_file *base, const void *bytes, int size, sqlite3_int64 offset)
{
    SimFile *file = sim_file(base);
    Sim *sim = file->sim;
    mutex_lock(&sim->mutex);
    bool was_alive = !sim->crashed && !file->is_dead;
    int rc = call_begin(sim, file, SIM_WRITE);
    i64 growth = offset + size - file->node->current.size;
    if (rc == SQLITE_OK && sim->disk_size >= 0 && growth > 0
        && sim_disk_used(&sim->disk) + growth > sim->disk_size)
        rc = SQLITE_FULL;
    // A write that fails may have done a part of its work.
    i64 done = rc == SQLITE_OK ? size : was_alive ? (i64)prng_below(&sim->prng, (u64)size + 1) : 0;
    if (rc == SQLITE_FULL && growth > 0)
        done = done < size - growth ? done : size - growth < 0 ? 0 : size - growth;
    if (done > 0)
        sim_node_write(file->node, bytes, done, offset);
    mutex_unlock(&sim->mutex);
    return rc;
}

static int sim_truncate(sqlite3_file *base, sqlite3_int64 size)
{
    SimFile *file = sim_file(base);
    mutex_lock(&file->sim->mutex);
    int rc = call_begin(file->sim, file, SIM_TRUNCATE);
    if (rc == SQLITE_OK)
        sim_node_truncate(file->node, size);
    mutex_unlock(&file->sim->mutex);
    return rc;
}

static int sim_sync(sqlite3_file *base, int flags)
{
    (void)flags;
    SimFile *file = sim_file(base);
    mutex_lock(&file->sim->mutex);
    int rc = call_begin(file->sim, file, SIM_SYNC);
    if (rc == SQLITE_OK)
        sim_node_sync(&file->sim->disk, file->node);
    mutex_unlock(&file->sim->mutex);
    return rc;
}

static int sim_size(sqlite3_file *base, sqlite3_int64 *out)
{
    SimFile *file = sim_file(base);
    mutex_lock(&file->sim->mutex);
    int rc = call_begin(file->sim, file, SIM_SIZE);
    if (rc == SQLITE_OK)
        *out = file->node->current.size;
    mutex_unlock(&file->sim->mutex);
    return rc;
}

// --- locks ---

static int highest_level_of_others(const SimFile *file)
{
    int level = SQLITE_LOCK_NONE;
    for (const SimFile *other = file->sim->files; other != NULL; other = other->next) {
        if (other != file && other->node == file->node && other->level > level)
            level = other->level;
    }
    return level;
}

static int lock_climb(SimFile *file, int level)
{
    if (file->level >= level)
        return SQLITE_OK;
    int others = highest_level_of_others(file);
    if (level == SQLITE_LOCK_SHARED && others >= SQLITE_LOCK_PENDING)
        return SQLITE_BUSY;
    if (level == SQLITE_LOCK_RESERVED && others >= SQLITE_LOCK_RESERVED)
        return SQLITE_BUSY;
    if (level == SQLITE_LOCK_EXCLUSIVE) {
        if (file->level == SQLITE_LOCK_RESERVED)
            file->level = SQLITE_LOCK_PENDING;
        if (others > SQLITE_LOCK_NONE)
            return SQLITE_BUSY;
    }
    file->level = level;
    return SQLITE_OK;
}

static int sim_lock(sqlite3_file *base, int level)
{
    SimFile *file = sim_file(base);
    mutex_lock(&file->sim->mutex);
    int rc = call_begin(file->sim, file, SIM_LOCK);
    if (rc == SQLITE_OK)
        rc = lock_climb(file, level);
    mutex_unlock(&file->sim->mutex);
    return rc;
}

static int sim_unlock(sqlite3_file *base, int level)
{
    SimFile *file = sim_file(base);
    mutex_lock(&file->sim->mutex);
    int rc = call_begin(file->sim, file, SIM_UNLOCK);
    if (rc == SQLITE_OK && file->level > level)
        file->level = level;
    mutex_unlock(&file->sim->mutex);
    return rc;
}

static int sim_check_reserved(sqlite3_file *base, int *out)
{
    SimFile *file = sim_file(base);
    mutex_lock(&file->sim->mutex);
    int rc = call_begin(file->sim, file, SIM_LOCK);
    if (rc == SQLITE_OK)
        *out = file->level >= SQLITE_LOCK_RESERVED
               || highest_level_of_others(file) >= SQLITE_LOCK_RESERVED;
    else if (rc == SQLITE_IOERR_LOCK)
        rc = SQLITE_IOERR_CHECKRESERVEDLOCK;
    mutex_unlock(&file->sim->mutex);
    return rc;
}

// --- wal-index ---

static void shm_unlock(SimFile *file, int slot)
{
    unsigned bit = 1u << slot;
    if ((file->shared_mask & bit) != 0)
        file->shm->readers[slot]--;
    else if ((file->exclusive_mask & bit) != 0)
        file->shm->readers[slot] = 0;
    file->shared_mask &= ~bit;
    file->exclusive_mask &= ~bit;
}

// The last one out loses the content: whoever comes next finds what the dead man's switch leaves.
static void shm_leave(SimFile *file)
{
    SimShm *shm = file->shm;
    if (shm == NULL)
        return;
    for (int slot = 0; slot < SHM_SLOT_COUNT; slot++)
        shm_unlock(file, slot);
    file->shm = NULL;
    if (--shm->user_count > 0)
        return;
    shm->next = file->sim->shm_graveyard;
    file->sim->shm_graveyard = shm;
    file->node->shm = NULL;
}

static int shm_map(SimFile *file, int index, int size, bool extend, volatile void **out)
{
    if (file->shm == NULL) {
        if (file->node->shm == NULL)
            file->node->shm = must(calloc(1, sizeof(SimShm)));
        file->shm = file->node->shm;
        file->shm->user_count++;
    }
    SimShm *shm = file->shm;
    if (index >= shm->region_count && extend) {
        shm->regions = must(realloc(shm->regions, ((size_t)index + 1) * sizeof *shm->regions));
        while (shm->region_count <= index)
            shm->regions[shm->region_count++] = must(calloc(1, (size_t)size));
    }
    *out = index < shm->region_count ? shm->regions[index] : NULL;
    return SQLITE_OK;
}

static int sim_shm_map(sqlite3_file *base, int index, int size, int extend, volatile void **out)
{
    SimFile *file = sim_file(base);
    *out = NULL;
    mutex_lock(&file->sim->mutex);
    int rc = call_begin(file->sim, file, SIM_SHM_MAP);
    if (rc == SQLITE_OK)
        rc = shm_map(file, index, size, extend != 0, out);
    mutex_unlock(&file->sim->mutex);
    return rc;
}

static int shm_lock(SimFile *file, int slot, int count, bool is_shared)
{
    SimShm *shm = file->shm;
    for (int i = slot; i < slot + count; i++) {
        bool is_own = (file->exclusive_mask & (1u << i)) != 0;
        if (!is_own && (is_shared ? shm->readers[i] < 0 : shm->readers[i] != 0))
            return SQLITE_BUSY;
    }
    for (int i = slot; i < slot + count; i++) {
        unsigned bit = 1u << i;
        if (!is_shared) {
            shm->readers[i] = -1;
            file->exclusive_mask |= bit;
        } else if ((file->shared_mask & bit) == 0) {
            shm->readers[i]++;
            file->shared_mask |= bit;
        }
    }
    return SQLITE_OK;
}

static int sim_shm_lock(sqlite3_file *base, int slot, int count, int flags)
{
    SimFile *file = sim_file(base);
    mutex_lock(&file->sim->mutex);
    // Faults are for taking locks: nothing refuses to let one go.
    bool releases = (flags & SQLITE_SHM_UNLOCK) != 0;
    int rc = call_begin(file->sim, file, releases ? SIM_UNLOCK : SIM_SHM_LOCK);
    if (rc == SQLITE_OK && file->shm == NULL)
        rc = SQLITE_IOERR_SHMLOCK;
    if (rc == SQLITE_OK && releases) {
        for (int i = slot; i < slot + count; i++)
            shm_unlock(file, i);
    } else if (rc == SQLITE_OK) {
        rc = shm_lock(file, slot, count, (flags & SQLITE_SHM_SHARED) != 0);
    }
    mutex_unlock(&file->sim->mutex);
    return rc;
}

static void sim_shm_barrier(sqlite3_file *base)
{
    SimFile *file = sim_file(base);
    mutex_lock(&file->sim->mutex); // a mutex is barrier enough
    mutex_unlock(&file->sim->mutex);
}

static int sim_shm_unmap(sqlite3_file *base, int delete_file)
{
    (void)delete_file;
    SimFile *file = sim_file(base);
    mutex_lock(&file->sim->mutex);
    shm_leave(file);
    mutex_unlock(&file->sim->mutex);
    return SQLITE_OK;
}

// --- other file methods ---

static int sim_close(sqlite3_file *base)
{
    SimFile *file = sim_file(base);
    Sim *sim = file->sim;
    mutex_lock(&sim->mutex);
    shm_leave(file);
    SimFile **link = &sim->files;
    while (*link != file)
        link = &(*link)->next;
    *link = file->next;
    file->node->open_count--;
    sim_disk_collect(&sim->disk);
    free(file->name);
    mutex_unlock(&sim->mutex);
    return SQLITE_OK;
}

// After a reboot all processes are new ones.
static int sim_identity(const SimFile *file, IdentityQuery *query)
{
    if (query->file != &file->base || file->name == NULL)
        return SQLITE_NOTFOUND;
    query->identity = (FileIdentity){
        .device = (u64)(uintptr_t)file->sim,
        .number = (u64)(uintptr_t)file->node,
        .process = file->boot * SIM_PROCESS_COUNT + (u64)file->process + 1,
    };
    return SQLITE_OK;
}

static int sim_control(sqlite3_file *base, int op, void *arg)
{
    SimFile *file = sim_file(base);
    switch (op) {
    case SQLITE_FCNTL_LOCKSTATE: *(int *)arg = file->level; return SQLITE_OK;
    case SQLITE_FCNTL_LAST_ERRNO: *(int *)arg = 0; return SQLITE_OK;
    case SQLITE_FCNTL_HAS_MOVED: {
        const SimName *name =
            file->name == NULL ? NULL : sim_disk_find(&file->sim->disk, file->name);
        *(int *)arg = name != NULL && name->current != file->node;
        return SQLITE_OK;
    }
    case OS_CONTROL_IDENTITY: return sim_identity(file, arg);
    default: return SQLITE_NOTFOUND; // the rest are hints
    }
}

static int sim_sector_size(sqlite3_file *base)
{
    return sim_file(base)->sim->disk.sector_size;
}

static int sim_characteristics(sqlite3_file *base)
{
    return sim_file(base)->sim->characteristics;
}

static const sqlite3_io_methods sim_methods = {
    .iVersion = 2,
    .xClose = sim_close,
    .xRead = sim_read,
    .xWrite = sim_write,
    .xTruncate = sim_truncate,
    .xSync = sim_sync,
    .xFileSize = sim_size,
    .xLock = sim_lock,
    .xUnlock = sim_unlock,
    .xCheckReservedLock = sim_check_reserved,
    .xFileControl = sim_control,
    .xSectorSize = sim_sector_size,
    .xDeviceCharacteristics = sim_characteristics,
    .xShmMap = sim_shm_map,
    .xShmLock = sim_shm_lock,
    .xShmBarrier = sim_shm_barrier,
    .xShmUnmap = sim_shm_unmap,
};

// --- VFS methods ---

static int open_node(Sim *sim, const char *path, int flags, SimNode **out)
{
    const SimName *name = path == NULL ? NULL : sim_disk_find(&sim->disk, path);
    SimNode *node = name == NULL ? NULL : name->current;
    if (node == NULL && (flags & SQLITE_OPEN_CREATE) == 0 && path != NULL)
        return SQLITE_CANTOPEN;
    if (node != NULL && (flags & SQLITE_OPEN_EXCLUSIVE) != 0)
        return SQLITE_CANTOPEN;
    *out = node != NULL ? node : sim_disk_create(&sim->disk, path);
    return SQLITE_OK;
}

static int sim_open(sqlite3_vfs *vfs, sqlite3_filename path, sqlite3_file *base, int flags,
                    int *out_flags)
{
    Sim *sim = sim_of(vfs);
    SimFile *file = sim_file(base);
    memset(file, 0, sizeof *file);
    mutex_lock(&sim->mutex);
    SimNode *node = NULL;
    int rc = call_begin(sim, NULL, SIM_OPEN);
    if (rc == SQLITE_OK)
        rc = open_node(sim, path, flags, &node);
    if (rc == SQLITE_OK) {
        node->open_count++;
        file->base.pMethods = &sim_methods;
        file->sim = sim;
        file->node = node;
        file->process = ((SimVfs *)vfs)->process;
        file->boot = sim->boots;
        file->name = path == NULL ? NULL : must(strdup(path));
        file->next = sim->files;
        sim->files = file;
        if (path != NULL && (flags & SQLITE_OPEN_DELETEONCLOSE) != 0)
            sim_disk_delete(&sim->disk, path, true);
        if (out_flags != NULL)
            *out_flags = flags;
    }
    mutex_unlock(&sim->mutex);
    return rc;
}

static int sim_delete(sqlite3_vfs *vfs, const char *path, int sync_directory)
{
    Sim *sim = sim_of(vfs);
    mutex_lock(&sim->mutex);
    int rc = call_begin(sim, NULL, SIM_DELETE);
    const SimName *name = sim_disk_find(&sim->disk, path);
    if (rc == SQLITE_OK && (name == NULL || name->current == NULL))
        rc = SQLITE_IOERR_DELETE_NOENT;
    if (rc == SQLITE_OK)
        sim_disk_delete(&sim->disk, path, (sync_directory & 1) != 0);
    mutex_unlock(&sim->mutex);
    return rc;
}

static int sim_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    Sim *sim = sim_of(vfs);
    mutex_lock(&sim->mutex);
    int rc = call_begin(sim, NULL, SIM_ACCESS);
    const SimName *name = sim_disk_find(&sim->disk, path);
    if (rc == SQLITE_OK)
        *out = name != NULL && name->current != NULL
               && (flags != SQLITE_ACCESS_EXISTS || name->current->current.size > 0);
    mutex_unlock(&sim->mutex);
    return rc;
}

static int sim_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
    (void)vfs;
    int length = snprintf(out, (size_t)size, "%s%s", path[0] == '/' ? "" : "/", path);
    return length < size ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int sim_randomness(sqlite3_vfs *vfs, int size, char *out)
{
    Sim *sim = sim_of(vfs);
    mutex_lock(&sim->mutex);
    prng_bytes(&sim->prng, out, (size_t)size);
    mutex_unlock(&sim->mutex);
    return size;
}

static int sim_sleep(sqlite3_vfs *vfs, int microseconds)
{
    sim_advance_ms(sim_of(vfs), (microseconds + 999) / 1000);
    return microseconds;
}

static int sim_now_ms(sqlite3_vfs *vfs, sqlite3_int64 *out)
{
    Sim *sim = sim_of(vfs);
    mutex_lock(&sim->mutex);
    *out = sim->now_ms;
    mutex_unlock(&sim->mutex);
    return SQLITE_OK;
}

static int sim_now_days(sqlite3_vfs *vfs, double *out)
{
    sqlite3_int64 now = 0;
    (void)sim_now_ms(vfs, &now);
    *out = (double)now / 86400000.0;
    return SQLITE_OK;
}

static int sim_last_error(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs, (void)size, (void)out;
    return 0;
}

// --- the computer ---

Sim *sim_new(u64 seed)
{
    Sim *sim = must(calloc(1, sizeof *sim));
    mutex_init(&sim->mutex);
    prng_init(&sim->prng, &seed, sizeof seed);
    sim->disk.sector_size = 4096;
    sim->disk_size = -1;
    sim->characteristics = SQLITE_IOCAP_POWERSAFE_OVERWRITE;
    sim->now_ms = CLOCK_START_MS;
    if (os_init() != SQLITE_OK)
        abort();
    for (int process = 0; process < SIM_PROCESS_COUNT; process++) {
        SimVfs *vfs = &sim->vfs[process];
        snprintf(vfs->name, sizeof vfs->name, "sim-%d", process);
        vfs->sim = sim;
        vfs->process = process;
        vfs->base = (sqlite3_vfs){
            .iVersion = 2,
            .szOsFile = sizeof(SimFile),
            .mxPathname = 512,
            .zName = vfs->name,
            .xOpen = sim_open,
            .xDelete = sim_delete,
            .xAccess = sim_access,
            .xFullPathname = sim_full_path,
            .xRandomness = sim_randomness,
            .xSleep = sim_sleep,
            .xCurrentTime = sim_now_days,
            .xGetLastError = sim_last_error,
            .xCurrentTimeInt64 = sim_now_ms,
        };
        (void)vfs_register(&vfs->base, false);
    }
    return sim;
}

void sim_free(Sim *sim)
{
    if (sim == NULL)
        return;
    for (int process = 0; process < SIM_PROCESS_COUNT; process++)
        (void)vfs_unregister(&sim->vfs[process].base);
    while (sim->shm_graveyard != NULL) {
        SimShm *shm = sim->shm_graveyard;
        sim->shm_graveyard = shm->next;
        for (int i = 0; i < shm->region_count; i++)
            free(shm->regions[i]);
        free(shm->regions);
        free(shm);
    }
    sim_disk_deinit(&sim->disk);
    mutex_deinit(&sim->mutex);
    free(sim);
}

sqlite3_vfs *sim_vfs(Sim *sim, int process)
{
    return &sim->vfs[process].base;
}

void sim_crash_at(Sim *sim, u64 n)
{
    sim->crash_at = n == 0 ? 0 : sim->calls[SIM_ANY] + n;
}

bool sim_crashed(const Sim *sim)
{
    return sim->crashed;
}

static void file_die(SimFile *file)
{
    file->is_dead = true;
    file->level = SQLITE_LOCK_NONE;
    shm_leave(file);
}

void sim_reboot(Sim *sim)
{
    for (SimFile *file = sim->files; file != NULL; file = file->next)
        file_die(file);
    sim_disk_power_cut(&sim->disk, &sim->prng);
    memset(sim->faults, 0, sizeof sim->faults);
    sim->crash_at = 0;
    sim->crashed = false;
    sim->boots++;
}

void sim_kill(Sim *sim, int process)
{
    for (SimFile *file = sim->files; file != NULL; file = file->next) {
        if (file->process == process)
            file_die(file);
    }
}

void sim_fail_with(Sim *sim, SimCall kind, u64 n, bool persist, int rc)
{
    sim->faults[kind] =
        (SimFault){.at = n == 0 ? 0 : sim->calls[kind] + n, .persist = persist, .rc = rc};
}

void sim_fail(Sim *sim, SimCall kind, u64 n, bool persist)
{
    sim_fail_with(sim, kind, n, persist, SQLITE_OK);
}

u64 sim_failures(const Sim *sim)
{
    return sim->failures;
}

u64 sim_calls(const Sim *sim, SimCall kind)
{
    return sim->calls[kind];
}

void sim_set_disk_size(Sim *sim, i64 bytes)
{
    sim->disk_size = bytes;
}

void sim_set_sector_size(Sim *sim, int bytes)
{
    sim->disk.sector_size = bytes;
}

void sim_set_characteristics(Sim *sim, int bits)
{
    sim->characteristics = bits;
}

void sim_advance_ms(Sim *sim, i64 ms)
{
    mutex_lock(&sim->mutex);
    sim->now_ms += ms;
    mutex_unlock(&sim->mutex);
}

// --- the disk from outside ---

static SimNode *node_named(const Sim *sim, const char *text)
{
    char path[600];
    snprintf(path, sizeof path, "%s%s", text[0] == '/' ? "" : "/", text);
    const SimName *name = sim_disk_find(&sim->disk, path);
    return name == NULL ? NULL : name->current;
}

bool sim_exists(const Sim *sim, const char *name)
{
    return node_named(sim, name) != NULL;
}

i64 sim_file_size(const Sim *sim, const char *name)
{
    const SimNode *node = node_named(sim, name);
    return node == NULL ? -1 : node->current.size;
}

bool sim_dump(const Sim *sim, const char *name, const char *real_path)
{
    const SimNode *node = node_named(sim, name);
    FILE *out = node == NULL ? NULL : fopen(real_path, "wb");
    if (out == NULL)
        return false;
    size_t size = (size_t)node->current.size;
    bool is_whole = size == 0 || fwrite(node->current.bytes, 1, size, out) == size;
    return fclose(out) == 0 && is_whole;
}

bool sim_load(Sim *sim, const char *name, const char *real_path)
{
    FILE *in = fopen(real_path, "rb");
    if (in == NULL)
        return false;
    char path[600];
    snprintf(path, sizeof path, "%s%s", name[0] == '/' ? "" : "/", name);
    SimNode *node = sim_disk_create(&sim->disk, path);
    char buffer[4096];
    i64 offset = 0;
    for (size_t got = fread(buffer, 1, sizeof buffer, in); got > 0;
         got = fread(buffer, 1, sizeof buffer, in)) {
        sim_node_write(node, buffer, (i64)got, offset);
        offset += (i64)got;
    }
    fclose(in);
    sim_node_sync(&sim->disk, node);
    sim_disk_collect(&sim->disk);
    return true;
}

void sim_remove(Sim *sim, const char *name)
{
    char path[600];
    snprintf(path, sizeof path, "%s%s", name[0] == '/' ? "" : "/", name);
    sim_disk_delete(&sim->disk, path, true);
}

static u64 hash_bytes(u64 hash, const void *bytes, size_t size)
{
    const u8 *at = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ at[i]) * 0x100000001b3u; // FNV-1a
    return hash;
}

u64 sim_fingerprint(const Sim *sim)
{
    u64 hash = 0xcbf29ce484222325u;
    for (const SimName *name = sim->disk.names; name != NULL; name = name->next) {
        if (name->current == NULL)
            continue;
        hash = hash_bytes(hash, name->text, strlen(name->text) + 1);
        hash = hash_bytes(hash, name->current->current.bytes, (size_t)name->current->current.size);
    }
    return hash;
}
