// The wal-index in shared memory: the file `<database>-shm`, mapped region by region.
//
//   0      .. 119   the wal-index's own header (the pager's affair)
//   120    .. 127   lock slots: WRITE, CHECKPOINT, RECOVER, READ0 .. READ4, one byte each
//   128             the dead man's switch: read-locked by every process that has the file open
//
// Whoever gets the write lock on byte 128 knows that nobody else has the file open, so its content
// is left over from a crash: it cuts the file to three bytes, which no reader takes for a
// wal-index, and recovery builds it anew (O8).
//
// One ShmNode per inode and process, with one descriptor, since closing a second one would drop the
// process's locks (O4). Between connections of the process the slots are counted here (O7).
//
// Life of a node: made under the inode table's mutex by the first connection that maps a region,
// shared by the later ones, freed with the last. What can be undone by others while nobody looks is
// done under that mutex (making, joining, deleting); mapping and slots need the node's alone.
//
// A read-only node. Who may not write the file maps it for reading, if a process that may is there
// to keep it true; else nothing in it can be believed (O9), and `is_unlocked` makes each mapping
// ask again whether somebody has come.

#include "base/alloc.h"
#include "base/error.h"
#include "base/vec.h"
#include "os/file_posix.h"
#include "os/filename.h"
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    LOCK_SLOT_FIRST = 120,
    LOCK_SWITCH = 128,
    STALE_SIZE = 3,         // bytes a leftover file is cut to
    ALLOCATION_UNIT = 4096, // a byte written in each makes the disk space real
};

// One connection's part in a node. Its masks tell it what to give back, and nothing about others.
typedef struct ShmUser {
    ShmNode *node;
    u16 shared_mask;    // slots this file holds shared
    u16 exclusive_mask; // slots this file holds exclusively
} ShmUser;

// The process's one opening of a wal-index, or, in heap memory, a wal-index of the process's own.
typedef struct ShmNode {
    u32 ref_count; // guarded by the inode table's mutex
    InodeNode *inode;
    Mutex mutex; // guards the rest
    int fd;      // -1: heap memory, for a process that has the database to itself
    bool is_read_only;
    bool is_unlocked; // the dead man's switch could not be taken: read-only and nobody else there
    char *path;
    void **regions;
    u32 region_count, region_capacity;
    int region_size;
    u32 regions_per_map;       // a map is at least one page of memory
    i16 slots[SHM_SLOT_COUNT]; // users with a shared lock, -1: one with an exclusive lock
} ShmNode;

// Only databases have a wal-index, and they have an inode.
static PosixFile *shm_file(sqlite3_file *base)
{
    PosixFile *file = (PosixFile *)base;
    ASSERT(file->shm == NULL || file->inode != NULL);
    ASSERT(file->shm == NULL || file->shm->node == file->inode->shm);
    return file;
}

// The slots' books: what a file holds is counted in its process's node (O7). Under its mutex.
static CHECKER bool user_is_sound(const ShmUser *user)
{
    for (int i = 0; i < SHM_SLOT_COUNT; i++) {
        bool shared = user->shared_mask >> i & 1;
        bool exclusive = user->exclusive_mask >> i & 1;
        i16 holders = user->node->slots[i];
        if (holders < -1 || (shared && holders < 1) || (exclusive && holders != -1))
            return false;
    }
    return (user->shared_mask & user->exclusive_mask) == 0;
}

// Regions are mapped from the first on without gaps, whole maps at a time.
static CHECKER bool node_is_sound(const ShmNode *node)
{
    return node->region_count <= node->region_capacity
           && node->region_count % node->regions_per_map == 0
           && (node->fd >= 0 || !node->is_read_only);
}

// --- opening ---

// Notes the errno for SQLITE_FCNTL_LAST_ERRNO and writes the log's line, with the name of the file
// that failed, which is not the one the connection has open.
static int shm_error(PosixFile *file, const ShmNode *node, int rc, int error, const char *call)
{
    ASSERT(rc != SQLITE_OK);
    ASSERT(node->path != NULL);

    file->last_errno = error;
    return error_os(rc, error, call, node->path);
}

// A file by the name of the database and with its permissions: whoever may use the one must be able
// to use the other. Links are not followed, since the name is made here and nobody has vouched for
// it. Falls back to reading only.
static int node_open_file(PosixFile *file, ShmNode *node)
{
    ASSERT(node->fd < 0 && node->region_count == 0);

    struct stat database;
    if (posix_calls.fstat(file->fd, &database) != 0)
        return shm_error(file, node, SQLITE_IOERR_FSTAT, errno, "fstat");

    if (!filename_bool(file->path, "readonly_shm", false)) {
        node->fd = disk_open(node->path, O_RDWR | O_CREAT | O_NOFOLLOW, database.st_mode & 0777);
    }
    if (node->fd < 0) {
        node->fd = disk_open(node->path, O_RDONLY | O_NOFOLLOW, database.st_mode & 0777);
        if (node->fd < 0)
            return shm_error(file, node, SQLITE_CANTOPEN, errno, "open");
        node->is_read_only = true;
    }
    if (posix_calls.geteuid() == 0)
        (void)posix_calls.fchown(node->fd, database.st_uid, database.st_gid);
    ASSERT(node->fd >= 0);
    return SQLITE_OK;
}

// Takes part in the dead man's switch; the first one there cuts leftovers off.
//
// Two processes may get here at once. Both see the switch free, one gets it for writing and the
// other is busy; the winner turns it into a read lock without letting go in between, so that a
// third one finds somebody there. Who is busy tries again, with the pager's patience.
static int node_join(PosixFile *file, ShmNode *node)
{
    ASSERT(node->fd >= 0);
    ASSERT(node->region_count == 0); // what is mapped would be cut off under its readers

    int found = F_UNLCK;
    int error = disk_lock_query(node->fd, F_WRLCK, LOCK_SWITCH, 1, &found);
    if (error != 0)
        return shm_error(file, node, SQLITE_IOERR_LOCK, error, "fcntl");
    if (found == F_WRLCK)
        return SQLITE_BUSY; // somebody is just cutting
    if (found == F_UNLCK) {
        if (node->is_read_only) {
            node->is_unlocked = true;
            return SQLITE_READONLY_CANTINIT;
        }
        error = disk_lock(node->fd, F_WRLCK, LOCK_SWITCH, 1);
        if (error != 0)
            return SQLITE_BUSY;
        error = disk_truncate(node->fd, STALE_SIZE); // O8
        if (error != 0)
            return shm_error(file, node, SQLITE_IOERR_SHMOPEN, error, "ftruncate");
    }
    error = disk_lock(node->fd, F_RDLCK, LOCK_SWITCH, 1);
    if (error != 0)
        return SQLITE_BUSY;
    node->is_unlocked = false;
    return SQLITE_OK;
}

// Closing the descriptor drops the process's locks on the file, the dead man's switch with them:
// who comes next knows that nobody is there.
static void node_free(ShmNode *node)
{
    ASSERT(node->ref_count == 0);
    ASSERT(node_is_sound(node));

    for (u32 i = 0; i < node->region_count; i += node->regions_per_map) {
        if (node->fd < 0)
            mem_free(node->regions[i]);
        else
            (void)posix_calls.munmap(node->regions[i],
                                     (size_t)node->region_size * node->regions_per_map);
    }
    if (node->fd >= 0)
        disk_close(node->fd);
    mem_free(node->regions);
    mem_free(node->path);
    mutex_deinit(&node->mutex);
    mem_free(node);
}

// mmap() wants offsets in whole pages of memory, which on some machines are larger than a region.
static u32 regions_per_map(int region_size)
{
    ASSERT(region_size > 0);

    long page = sysconf(_SC_PAGESIZE);
    return page <= region_size ? 1 : (u32)(page / region_size);
}

// Needs the table's mutex, so that no second node of the inode can be made meanwhile.
static int node_new(PosixFile *file, int region_size, ShmNode **out)
{
    ASSERT(file->inode->shm == NULL);
    ASSERT(file->path != NULL);

    ShmNode *node = mem_alloc_zeroed(sizeof *node);
    size_t size = path_size(file->path) + sizeof "-shm";
    char *path = mem_alloc(size);
    if (node == NULL || path == NULL) {
        mem_free(node);
        mem_free(path);
        return SQLITE_NOMEM;
    }
    memcpy(path, file->path, size - sizeof "-shm");
    memcpy(path + size - sizeof "-shm", "-shm", sizeof "-shm");
    mutex_init(&node->mutex);
    node->path = path;
    node->fd = -1;
    node->inode = file->inode;
    node->region_size = region_size;
    node->regions_per_map = regions_per_map(region_size);

    int rc = SQLITE_OK;
    if (!file->inode->is_process_held) {
        TRY_DONE(node_open_file(file, node));
        rc = node_join(file, node);
        if (rc == SQLITE_READONLY_CANTINIT)
            rc = SQLITE_OK; // usable: mapping says it each time
    }
done:
    if (rc != SQLITE_OK) {
        node_free(node);
        return rc;
    }
    ASSERT(node_is_sound(node));
    *out = node;
    return SQLITE_OK;
}

// Gives the file a part in the inode's node.
static int user_open(PosixFile *file, int region_size)
{
    ASSERT(file->shm == NULL && file->inode != NULL);

    ShmUser *user = mem_alloc_zeroed(sizeof *user);
    if (user == NULL)
        return SQLITE_NOMEM;
    int rc = SQLITE_OK;
    inode_table_lock();
    if (file->inode->shm == NULL)
        rc = node_new(file, region_size, &file->inode->shm);
    user->node = file->inode->shm;
    if (rc == SQLITE_OK)
        user->node->ref_count++;
    inode_table_unlock();
    if (rc != SQLITE_OK) {
        mem_free(user);
        return rc;
    }
    file->shm = user;
    ASSERT(user->node->inode == file->inode); // one node an inode, O4
    return SQLITE_OK;
}

// --- mapping ---

// Makes the file `size` bytes long. A byte is written in every unit, because running out of disk
// space under a mapping would be a signal instead of an error.
static int node_extend(PosixFile *file, ShmNode *node, i64 old_size, i64 size)
{
    ASSERT(size % ALLOCATION_UNIT == 0);
    ASSERT(old_size < size);

    for (i64 unit = old_size / ALLOCATION_UNIT; unit < size / ALLOCATION_UNIT; unit++) {
        ssize_t done;
        do { // not by way of the backend: no fiber may switch while it holds the node's mutex
            done = posix_calls.pwrite(node->fd, "", 1, (unit + 1) * ALLOCATION_UNIT - 1);
        } while (done < 0 && errno == EINTR);
        if (done != 1)
            return shm_error(file, node, SQLITE_IOERR_SHMSIZE, errno, "write");
    }
    return SQLITE_OK;
}

// *exists: the file is long enough for `count` regions, perhaps because it was made so. Another
// process may lengthen it at the same time: both write the same zeros.
static int node_fit_file(PosixFile *file, ShmNode *node, u32 count, bool extend, bool *exists)
{
    ASSERT(count > node->region_count);
    ASSERT(node->fd >= 0);

    struct stat status;
    if (posix_calls.fstat(node->fd, &status) != 0)
        return shm_error(file, node, SQLITE_IOERR_SHMSIZE, errno, "fstat");

    i64 size = (i64)count * node->region_size;
    *exists = status.st_size >= size;
    if (*exists || !extend)
        return SQLITE_OK;
    TRY(node_extend(file, node, status.st_size, size));
    *exists = true;
    return SQLITE_OK;
}

// One map more. What fails leaves the regions that there are; they never move while the node lives,
// which the pager relies on when it keeps their addresses.
static int node_map_one(PosixFile *file, ShmNode *node)
{
    ASSERT(node->region_count % node->regions_per_map == 0);
    ASSERT(node->region_count + node->regions_per_map <= node->region_capacity);

    size_t size = (size_t)node->region_size * node->regions_per_map;
    char *map;
    if (node->fd < 0) {
        map = mem_alloc_zeroed(size);
        if (map == NULL)
            return SQLITE_NOMEM;
    } else {
        int protection = node->is_read_only ? PROT_READ : PROT_READ | PROT_WRITE;
        map = posix_calls.mmap(NULL, size, protection, MAP_SHARED, node->fd,
                               (off_t)node->region_size * node->region_count);
        if (map == MAP_FAILED)
            return shm_error(file, node, SQLITE_IOERR_SHMMAP, errno, "mmap");
    }
    for (u32 i = 0; i < node->regions_per_map; i++)
        node->regions[node->region_count++] = map + (size_t)node->region_size * i;
    return SQLITE_OK;
}

// Maps up to and including region `index`, unless the file ends before and may not grow.
static int node_map(PosixFile *file, ShmNode *node, int index, bool extend)
{
    u32 wanted = ((u32)index / node->regions_per_map + 1) * node->regions_per_map;
    ASSERT(node_is_sound(node));
    ASSERT(wanted > (u32)index);
    if (node->region_count >= wanted)
        return SQLITE_OK;

    bool exists = true;
    if (node->fd >= 0)
        TRY(node_fit_file(file, node, wanted, extend, &exists));
    if (!exists)
        return SQLITE_OK;
    TRY(vec_reserve(&node->regions, &node->region_capacity, wanted, sizeof *node->regions));
    while (node->region_count < wanted)
        TRY(node_map_one(file, node));
    ASSERT(node_is_sound(node));
    return SQLITE_OK;
}

int posix_shm_map(sqlite3_file *base, int index, int size, int extend, volatile void **out)
{
    PosixFile *file = shm_file(base);
    *out = NULL;
    if (file->inode == NULL || index < 0)
        return SQLITE_IOERR_SHMMAP;
    if (file->shm == NULL)
        TRY(user_open(file, size));

    ShmNode *node = file->shm->node;
    mutex_lock(&node->mutex);
    ASSERT(size == node->region_size);
    int rc = SQLITE_OK;
    if (node->is_unlocked) // somebody who may write may have come meanwhile
        rc = node_join(file, node);
    if (rc == SQLITE_OK)
        rc = node_map(file, node, index, extend != 0);
    // A region that was mapped before comes with the error, too: os_shm_map() decides.
    if (node->region_count > (u32)index)
        *out = node->regions[index];
    if (rc == SQLITE_OK && node->is_read_only)
        rc = SQLITE_READONLY;
    mutex_unlock(&node->mutex);
    return rc;
}

// --- slots ---

// The kernel's part: once for the process, with the first holder and the last. A refusal to unlock
// is trouble, a refusal to lock is somebody else.
static int slots_system_lock(ShmNode *node, int type, int slot, int count)
{
    ASSERT(slot >= 0 && slot + count <= SHM_SLOT_COUNT);
    ASSERT(type != F_RDLCK || count == 1);

    if (node->fd < 0)
        return SQLITE_OK;
    int error = disk_lock(node->fd, type, LOCK_SLOT_FIRST + slot, count);
    if (error == 0)
        return SQLITE_OK;
    return type == F_UNLCK ? SQLITE_IOERR_SHMLOCK : SQLITE_BUSY;
}

static u16 slot_mask(int slot, int count)
{
    ASSERT(count > 0 && slot + count <= SHM_SLOT_COUNT);

    return (u16)((1u << (slot + count)) - (1u << slot));
}

// Unlocking what is not held does nothing: the pager gives back a mark it may have lost already.
static int slots_unlock(ShmUser *user, int slot, int count)
{
    ShmNode *node = user->node;
    u16 mask = slot_mask(slot, count);
    ASSERT(user_is_sound(user));
    if (((user->shared_mask | user->exclusive_mask) & mask) == 0)
        return SQLITE_OK;

    if (node->slots[slot] > 1) { // other connections of this process still read
        ASSERT(count == 1 && (user->shared_mask & mask) == mask);
        node->slots[slot]--;
        user->shared_mask &= (u16)~mask;
        return SQLITE_OK;
    }
    TRY(slots_system_lock(node, F_UNLCK, slot, count));
    for (int i = slot; i < slot + count; i++)
        node->slots[i] = 0;
    user->shared_mask &= (u16)~mask;
    user->exclusive_mask &= (u16)~mask;
    ASSERT(user_is_sound(user));
    return SQLITE_OK;
}

// Taken again it is the same lock, not a second one: a connection is one holder at most.
static int slot_lock_shared(ShmUser *user, int slot)
{
    ShmNode *node = user->node;
    u16 mask = slot_mask(slot, 1);
    ASSERT((user->exclusive_mask & mask) == 0); // unlock first: O7

    if ((user->shared_mask & mask) != 0)
        return SQLITE_OK;
    if (node->slots[slot] < 0)
        return SQLITE_BUSY;
    if (node->slots[slot] == 0)
        TRY(slots_system_lock(node, F_RDLCK, slot, 1));
    node->slots[slot]++;
    user->shared_mask |= mask;
    ASSERT(node->slots[slot] > 0);
    return SQLITE_OK;
}

// All or none: a busy slot in the middle leaves those before it untouched, because the books are
// asked for all of them first and the kernel takes a range as one.
static int slots_lock_exclusive(ShmUser *user, int slot, int count)
{
    ShmNode *node = user->node;
    u16 mask = slot_mask(slot, count);
    ASSERT((user->shared_mask & mask) == 0); // unlock first: O7

    for (int i = slot; i < slot + count; i++) {
        if ((user->exclusive_mask & (1u << i)) == 0 && node->slots[i] != 0)
            return SQLITE_BUSY;
    }
    TRY(slots_system_lock(node, F_WRLCK, slot, count));
    for (int i = slot; i < slot + count; i++)
        node->slots[i] = -1;
    user->exclusive_mask |= mask;
    ASSERT(user_is_sound(user));
    return SQLITE_OK;
}

int posix_shm_lock(sqlite3_file *base, int slot, int count, int flags)
{
    PosixFile *file = shm_file(base);
    ASSERT(slot >= 0 && count >= 1 && slot + count <= SHM_SLOT_COUNT);
    ASSERT(count == 1 || (flags & SQLITE_SHM_EXCLUSIVE) != 0);

    ShmUser *user = file->shm;
    if (user == NULL)
        return SQLITE_IOERR_SHMLOCK;
    mutex_lock(&user->node->mutex);
    int rc;
    if ((flags & SQLITE_SHM_UNLOCK) != 0)
        rc = slots_unlock(user, slot, count);
    else if ((flags & SQLITE_SHM_SHARED) != 0)
        rc = slot_lock_shared(user, slot);
    else
        rc = slots_lock_exclusive(user, slot, count);
    mutex_unlock(&user->node->mutex);
    return rc;
}

// Between threads and, since the memory is shared, between processes: what was stored in the
// wal-index before is seen by whoever sees what is stored after.
void posix_shm_barrier(sqlite3_file *base)
{
    (void)base;
    atomic_thread_fence(memory_order_seq_cst);
}

// --- closing ---

// The file is deleted only by the last connection of this process, and only when its caller has
// made sure, by EXCLUSIVE on the database, that no other process has one.
int posix_shm_unmap(sqlite3_file *base, int delete_file)
{
    PosixFile *file = shm_file(base);
    ShmUser *user = file->shm;
    if (user == NULL)
        return SQLITE_OK;

    ShmNode *node = user->node;
    for (int i = 0; i < SHM_SLOT_COUNT; i++)
        (void)posix_shm_lock(base, i, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
    ASSERT(user->shared_mask == 0 || node->fd >= 0);
    inode_table_lock();
    ASSERT(node->ref_count > 0);
    ASSERT(node->inode->shm == node);
    if (--node->ref_count == 0) {
        if (delete_file && node->fd >= 0)
            (void)posix_calls.unlink(node->path);
        node->inode->shm = NULL;
        node_free(node);
    }
    inode_table_unlock();
    mem_free(user);
    file->shm = NULL;
    return SQLITE_OK;
}

// The kernel tells of other processes only, which is what is asked.
int posix_shm_external_reader(PosixFile *file, int *out)
{
    ASSERT(file->shm == NULL || file->inode != NULL);

    *out = 0;
    if (file->shm == NULL || file->shm->node->fd < 0)
        return SQLITE_OK;

    ShmNode *node = file->shm->node;
    mutex_lock(&node->mutex);
    int found = F_UNLCK;
    int error = disk_lock_query(node->fd, F_WRLCK, LOCK_SLOT_FIRST + SHM_SLOT_READ0,
                                SHM_SLOT_COUNT - SHM_SLOT_READ0, &found);
    mutex_unlock(&node->mutex);
    if (error != 0)
        return SQLITE_IOERR_LOCK;
    *out = found != F_UNLCK;
    return SQLITE_OK;
}
