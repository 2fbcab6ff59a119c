// Locks on database files, by the protocol every SQLite process follows.
//
//   0x40000000  PENDING   one byte; held for writing by whoever waits for readers to leave, for
//                         reading during the moment a reader takes SHARED
//   +1          RESERVED  one byte; held for writing by the one process that means to write
//   +2 .. +511  SHARED    510 bytes; held for reading by readers, for writing by the exclusive
//                         writer
//
// The bytes lie beyond 1 GiB, on a page that no database uses.
//
// POSIX locks belong to the process, not to the descriptor: two connections of one process never
// exclude each other, and closing any descriptor of a file drops every lock the process has on it.
// So an InodeNode counts who holds what in this process (O3), asks the kernel only when the
// process's total changes, and keeps descriptors open until the last lock is gone (O4).
//
// The order in which bytes are locked is what keeps readers and writers of all processes apart:
//
//   reader   PENDING for reading, SHARED for reading, PENDING given back. A writer that sits on
//            PENDING thus turns new readers away and leaves old ones alone: it waits for a number
//            that only falls.
//   writer   RESERVED says "I mean to write" and excludes other writers only. PENDING, then SHARED
//            for writing: granted when the last reader has left.
//   recovery SHARED for writing without RESERVED and PENDING, so that a journal's finders, all of
//            them readers, see each other as busy and none is stuck half-way.
//
// Nothing here waits: F_SETLK answers at once, and who is refused gets SQLITE_BUSY (O6).

#include "base/alloc.h"
#include "base/error.h"
#include "os/file_posix.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define PENDING_BYTE  0x40000000LL
#define RESERVED_BYTE (PENDING_BYTE + 1)
#define SHARED_FIRST  (PENDING_BYTE + 2)
enum { SHARED_SIZE = 510 };

static Mutex table_mutex = MUTEX_INIT;
static InodeNode *table_first; // guarded by table_mutex

// A file that can be locked has its inode from its opening to its closing.
static PosixFile *locked_file(sqlite3_file *base)
{
    PosixFile *file = (PosixFile *)base;
    ASSERT(file->inode != NULL);
    ASSERT(file->fd >= 0);
    return file;
}

// What holds of an inode's books whenever its mutex is free (O2, O3). A writer counts among the
// readers, and the lock of "unix-excl" counts once by itself.
static CHECKER bool inode_is_sound(const InodeNode *inode)
{
    bool is_read = inode->shared_count > 0;
    if (inode->shared_count < 0 || inode->lock_count < inode->shared_count)
        return false;
    if (is_read != (inode->level >= SQLITE_LOCK_SHARED))
        return false;
    return inode->level < SQLITE_LOCK_EXCLUSIVE || inode->shared_count == 1;
}

// --- inodes ---

void inode_table_lock(void)
{
    mutex_lock(&table_mutex);
}

void inode_table_unlock(void)
{
    mutex_unlock(&table_mutex);
}

// Needs the table's mutex. A forked child inherits nodes, but none of the locks they speak of, so
// it makes its own (O5). A list is enough: a process has a handful of databases open.
static InodeNode *inode_find(const struct stat *status)
{
    pid_t process = getpid();
    InodeNode *inode = table_first;
    while (inode != NULL
           && (inode->device != status->st_dev || inode->number != status->st_ino
               || inode->process != process))
        inode = inode->next;
    return inode;
}

// Needs the table's mutex. NULL: out of memory.
static InodeNode *inode_new(const struct stat *status)
{
    ASSERT(inode_find(status) == NULL); // O3: one node a file
    ASSERT(table_first == NULL || table_first->previous == NULL);

    InodeNode *inode = mem_alloc_zeroed(sizeof *inode);
    if (inode == NULL)
        return NULL;
    mutex_init(&inode->mutex);
    inode->device = status->st_dev;
    inode->number = status->st_ino;
    inode->process = getpid();
    inode->next = table_first;
    if (table_first != NULL)
        table_first->previous = inode;
    table_first = inode;
    return inode;
}

// By fstat() of the open descriptor and not by name: the name may mean another file by now, while
// locks go to the inode that is open.
int inode_ref(PosixFile *file)
{
    ASSERT(file->inode == NULL && file->fd >= 0);

    struct stat status;
    if (posix_calls.fstat(file->fd, &status) != 0) {
        file->last_errno = errno;
        return error_os(SQLITE_IOERR, errno, "fstat", file->path);
    }
    mutex_lock(&table_mutex);
    InodeNode *inode = inode_find(&status);
    if (inode == NULL)
        inode = inode_new(&status);
    if (inode != NULL)
        inode->ref_count++;
    mutex_unlock(&table_mutex);
    if (inode == NULL)
        return SQLITE_NOMEM;
    file->inode = inode;
    ASSERT(inode->process == getpid()); // O5
    return SQLITE_OK;
}

// Only when the process has no lock on the file any more: the first close would drop all of them.
static void inode_close_spares(InodeNode *inode)
{
    ASSERT(inode->lock_count == 0 || inode->ref_count == 0);

    while (inode->spares != NULL) {
        SpareFd *spare = inode->spares;
        inode->spares = spare->next;
        ASSERT(spare->fd >= 0);
        disk_close(spare->fd);
        mem_free(spare);
    }
}

// Under the table's mutex from the count to the unlinking, so that nobody finds a node that is
// about to go.
void inode_unref(InodeNode *inode)
{
    mutex_lock(&table_mutex);
    ASSERT(inode->ref_count > 0);
    if (--inode->ref_count > 0) {
        mutex_unlock(&table_mutex);
        return;
    }
    ASSERT(inode->shm == NULL); // its users are files, and each has let go before
    ASSERT(inode->shared_count == 0 && inode->level == SQLITE_LOCK_NONE);
    ASSERT(inode->previous != NULL || table_first == inode);
    if (inode->previous != NULL)
        inode->previous->next = inode->next;
    else
        table_first = inode->next;
    if (inode->next != NULL)
        inode->next->previous = inode->previous;
    // Closed under the table's mutex: a new node of the same file must not take locks before.
    inode_close_spares(inode);
    mutex_unlock(&table_mutex);
    mutex_deinit(&inode->mutex);
    mem_free(inode);
}

// A descriptor that may write is no substitute for one that may not, nor the other way round: what
// the file may do was promised at its opening.
SpareFd *inode_take_spare(const char *path, bool is_read_only)
{
    ASSERT(path != NULL);

    struct stat status;
    if (posix_calls.stat(path, &status) != 0)
        return NULL;

    SpareFd *found = NULL;
    mutex_lock(&table_mutex);
    InodeNode *inode = inode_find(&status);
    if (inode != NULL) {
        mutex_lock(&inode->mutex);
        SpareFd **link = &inode->spares;
        while (*link != NULL && (*link)->is_read_only != is_read_only)
            link = &(*link)->next;
        found = *link;
        if (found != NULL)
            *link = found->next;
        mutex_unlock(&inode->mutex);
    }
    mutex_unlock(&table_mutex);
    ASSERT(found == NULL || found->is_read_only == is_read_only);
    return found;
}

// --- POSIX locks ---

// What a refused lock means: somebody else, or real trouble (kept in last_errno). ENOLCK and
// ETIMEDOUT come from network file systems that are short of locks for the moment: trying again
// helps, as with any busy file.
static int lock_failure(PosixFile *file, int error, int rc_otherwise)
{
    ASSERT(error != 0);

    switch (error) {
    case EACCES:
    case EAGAIN:
    case ETIMEDOUT:
    case EBUSY:
    case EINTR:
    case ENOLCK: return SQLITE_BUSY;
    case EPERM: file->last_errno = error; return SQLITE_PERM;
    default: file->last_errno = error; return rc_otherwise;
    }
}

// Locks a range for the process. A process that holds the file as a whole already has every lock.
static int range_lock(PosixFile *file, int type, i64 start, i64 size)
{
    ASSERT(type == F_RDLCK || type == F_WRLCK);
    ASSERT(file->fd >= 0);

    if (file->inode->is_process_held)
        return SQLITE_OK;
    int error = disk_lock(file->fd, type, start, size);
    return error == 0 ? SQLITE_OK : lock_failure(file, error, SQLITE_IOERR_LOCK);
}

// A failure leaves the bytes locked in the kernel; the books go on without them (README, Failure).
static int range_unlock(PosixFile *file, i64 start, i64 size)
{
    ASSERT(file->fd >= 0);

    if (file->inode->is_process_held)
        return SQLITE_OK;
    int error = disk_lock(file->fd, F_UNLCK, start, size);
    if (error == 0)
        return SQLITE_OK;
    file->last_errno = error;
    return SQLITE_IOERR_UNLOCK;
}

// The first SHARED lock of the process. PENDING is held for a moment, so that a writer who waits
// there is not starved by a stream of readers.
static int lock_first_shared(PosixFile *file)
{
    InodeNode *inode = file->inode;
    ASSERT(inode->shared_count == 0 && inode->level == SQLITE_LOCK_NONE);
    ASSERT(file->level == SQLITE_LOCK_NONE);

    if (file->is_process_held && !inode->is_process_held && !file->is_read_only) {
        TRY(range_lock(file, F_WRLCK, SHARED_FIRST, SHARED_SIZE));
        inode->is_process_held = true; // for good: until the last file of this inode is closed
        inode->lock_count++;
    }
    TRY(range_lock(file, F_RDLCK, PENDING_BYTE, 1));
    int rc = range_lock(file, F_RDLCK, SHARED_FIRST, SHARED_SIZE);
    int unlock_rc = range_unlock(file, PENDING_BYTE, 1);
    if (rc == SQLITE_OK && unlock_rc != SQLITE_OK) {
        (void)range_unlock(file, SHARED_FIRST, SHARED_SIZE);
        return unlock_rc;
    }
    return rc;
}

// Later readers of the process cost the kernel nothing: its lock is the process's already.
static int lock_shared(PosixFile *file)
{
    InodeNode *inode = file->inode;
    ASSERT(file->level == SQLITE_LOCK_NONE);

    if (inode->level == SQLITE_LOCK_NONE) {
        TRY(lock_first_shared(file));
        inode->level = SQLITE_LOCK_SHARED;
    }
    file->level = SQLITE_LOCK_SHARED;
    inode->shared_count++;
    inode->lock_count++;
    ASSERT(inode->lock_count >= inode->shared_count); // more by one where the process holds it
    return SQLITE_OK;
}

// From SHARED, only recovery asks for this, and it does not stop at PENDING: two processes that
// find the same hot journal must both be able to back out. From RESERVED, PENDING comes first and
// stays.
static int lock_exclusive(PosixFile *file)
{
    InodeNode *inode = file->inode;
    ASSERT(file->level >= SQLITE_LOCK_SHARED);
    ASSERT(inode->level == file->level && inode->shared_count > 0);

    if (file->level == SQLITE_LOCK_RESERVED) {
        TRY(range_lock(file, F_WRLCK, PENDING_BYTE, 1));
        file->level = SQLITE_LOCK_PENDING;
        inode->level = SQLITE_LOCK_PENDING;
    }
    // Readers of this process do not show in the kernel's answer: they are counted here.
    if (inode->shared_count > 1)
        return SQLITE_BUSY;
    return range_lock(file, F_WRLCK, SHARED_FIRST, SHARED_SIZE);
}

// Needs the inode's mutex: between the look at the books and the kernel's answer no other thread
// may change either.
static int lock_climb(PosixFile *file, int level)
{
    InodeNode *inode = file->inode;
    ASSERT(inode_is_sound(inode));
    ASSERT(file->level <= inode->level);

    // Another file of this process is in the way, which the kernel would not notice. // O3
    if (file->level != inode->level
        && (inode->level >= SQLITE_LOCK_PENDING || level > SQLITE_LOCK_SHARED))
        return SQLITE_BUSY;
    if (level == SQLITE_LOCK_SHARED)
        return lock_shared(file);

    if (level == SQLITE_LOCK_RESERVED)
        TRY(range_lock(file, F_WRLCK, RESERVED_BYTE, 1));
    else
        TRY(lock_exclusive(file));
    file->level = (u8)level;
    inode->level = (u8)level;
    ASSERT(inode->shared_count == 1 || level < SQLITE_LOCK_EXCLUSIVE); // O2
    return SQLITE_OK;
}

// A refused climb leaves the books as they were, but for PENDING.
int posix_lock(sqlite3_file *base, int level)
{
    PosixFile *file = locked_file(base);
    if (file->level >= level)
        return SQLITE_OK;
    ASSERT(file->level != SQLITE_LOCK_NONE || level == SQLITE_LOCK_SHARED); // O1
    ASSERT(level != SQLITE_LOCK_RESERVED || file->level == SQLITE_LOCK_SHARED);

    mutex_lock(&file->inode->mutex);
    int rc = lock_climb(file, level);
    ASSERT(inode_is_sound(file->inode));
    ASSERT(rc == SQLITE_OK || file->level < level);
    mutex_unlock(&file->inode->mutex);
    return rc;
}

// RESERVED or more down to SHARED: the read lock first, so that no writer slips in between. POSIX
// turns a write lock into a read lock in one step; PENDING and RESERVED, given back after that,
// keep others out until it is done.
static int unlock_to_shared(PosixFile *file)
{
    ASSERT(file->inode->level == file->level); // a writer is the highest of its process
    ASSERT(file->level > SQLITE_LOCK_SHARED);

    if (!file->inode->is_process_held) {
        int error = disk_lock(file->fd, F_RDLCK, SHARED_FIRST, SHARED_SIZE);
        if (error != 0) {
            file->last_errno = error;
            return SQLITE_IOERR_RDLOCK;
        }
    }
    TRY(range_unlock(file, PENDING_BYTE, 2)); // PENDING and RESERVED
    file->inode->level = SQLITE_LOCK_SHARED;
    file->level = SQLITE_LOCK_SHARED;
    ASSERT(file->inode->shared_count > 0); // a writer counts among the readers
    return SQLITE_OK;
}

// Gives up SHARED. The counts change even when the kernel refuses: nobody will ask again.
static int unlock_to_none(PosixFile *file)
{
    InodeNode *inode = file->inode;
    ASSERT(inode->shared_count > 0 && inode->lock_count > 0);

    int rc = SQLITE_OK;
    inode->shared_count--;
    if (inode->shared_count == 0) {
        rc = range_unlock(file, 0, 0); // the whole file
        inode->level = SQLITE_LOCK_NONE;
    }
    file->level = SQLITE_LOCK_NONE;
    inode->lock_count--;
    if (inode->lock_count == 0)
        inode_close_spares(inode); // O4
    ASSERT(inode->lock_count >= inode->shared_count);
    return rc;
}

// A failure is reported and otherwise ignored: in the books the lock is gone (README, Failure).
int posix_unlock(sqlite3_file *base, int level)
{
    PosixFile *file = locked_file(base);
    ASSERT(level <= SQLITE_LOCK_SHARED);
    if (file->level <= level)
        return SQLITE_OK;

    int rc = SQLITE_OK;
    mutex_lock(&file->inode->mutex);
    ASSERT(inode_is_sound(file->inode));
    ASSERT(file->inode->shared_count > 0 && file->inode->level >= file->level);
    // All the way down from a writer's lock needs no read lock in between, unless others of this
    // process still read.
    if (file->level > SQLITE_LOCK_SHARED
        && (level == SQLITE_LOCK_SHARED || file->inode->shared_count > 1))
        rc = unlock_to_shared(file);
    if (level == SQLITE_LOCK_NONE) {
        if (rc != SQLITE_OK)
            file->inode->level =
                SQLITE_LOCK_SHARED; // the writer is leaving whatever the kernel said
        int none_rc = unlock_to_none(file);
        rc = rc != SQLITE_OK ? rc : none_rc;
    }
    ASSERT(inode_is_sound(file->inode) || rc != SQLITE_OK);
    mutex_unlock(&file->inode->mutex);
    return rc;
}

// This process's own writers show in the books, others' in the kernel: F_GETLK never reports a lock
// of the process that asks. The answer is old as soon as it is given; recovery, which asks, looks
// again under EXCLUSIVE.
int posix_check_reserved(sqlite3_file *base, int *out)
{
    PosixFile *file = locked_file(base);

    mutex_lock(&file->inode->mutex);
    ASSERT(inode_is_sound(file->inode));
    bool reserved = file->inode->level > SQLITE_LOCK_SHARED;
    int error = 0;
    if (!reserved && !file->inode->is_process_held) {
        int found = F_UNLCK;
        error = disk_lock_query(file->fd, F_WRLCK, RESERVED_BYTE, 1, &found);
        reserved = found != F_UNLCK;
    }
    mutex_unlock(&file->inode->mutex);
    if (error != 0) {
        file->last_errno = error;
        return SQLITE_IOERR_CHECKRESERVEDLOCK;
    }
    *out = reserved;
    return SQLITE_OK;
}

// The descriptor is handed to the inode while others of this process still hold locks through
// theirs. `spare` was allocated at opening, so that this cannot fail.
void posix_release(PosixFile *file)
{
    InodeNode *inode = file->inode;
    ASSERT(inode != NULL && file->fd >= 0);

    (void)posix_unlock(&file->base, SQLITE_LOCK_NONE);
    ASSERT(file->level == SQLITE_LOCK_NONE);
    mutex_lock(&inode->mutex);
    ASSERT(inode_is_sound(inode));
    if (inode->lock_count > 0) { // O4
        ASSERT(file->spare != NULL);
        file->spare->fd = file->fd;
        file->spare->is_read_only = file->is_read_only;
        file->spare->next = inode->spares;
        inode->spares = file->spare;
        file->spare = NULL;
    } else {
        disk_close(file->fd);
    }
    mutex_unlock(&inode->mutex);
    file->fd = -1;
    file->inode = NULL;
    inode_unref(inode);
}

// --- no locks at all: "unix-none" ---
// The level is kept all the same, for SQLITE_FCNTL_LOCKSTATE and the pager's own books. Files that
// are never locked by others, journals and temporary ones, have these methods too: no inode.

int none_lock(sqlite3_file *base, int level)
{
    ASSERT(level > SQLITE_LOCK_NONE);

    PosixFile *file = (PosixFile *)base;
    file->level = (u8)level;
    return SQLITE_OK;
}

int none_unlock(sqlite3_file *base, int level)
{
    ASSERT(level <= SQLITE_LOCK_SHARED);

    PosixFile *file = (PosixFile *)base;
    file->level = (u8)level;
    return SQLITE_OK;
}

int none_check_reserved(sqlite3_file *file, int *out)
{
    (void)file;
    *out = 0;
    return SQLITE_OK;
}

// --- a directory as the lock: "unix-dotfile" ---
// Any lock is exclusive. mkdir() is atomic even where byte ranges cannot be locked. A process that
// dies leaves its directory behind: somebody has to remove it by hand, as SQLite has it.

static PosixFile *dotfile(sqlite3_file *base)
{
    PosixFile *file = (PosixFile *)base;
    ASSERT(file->lock_path != NULL);
    ASSERT(file->level <= SQLITE_LOCK_EXCLUSIVE);
    return file;
}

int dotfile_lock(sqlite3_file *base, int level)
{
    ASSERT(level > SQLITE_LOCK_NONE);

    PosixFile *file = dotfile(base);
    if (file->level > SQLITE_LOCK_NONE) { // the directory is ours: every level is within
        file->level = (u8)level;
        return SQLITE_OK;
    }
    if (posix_calls.mkdir(file->lock_path, 0777) == 0) {
        file->level = (u8)level;
        return SQLITE_OK;
    }
    if (errno == EEXIST)
        return SQLITE_BUSY;
    return lock_failure(file, errno, SQLITE_IOERR_LOCK);
}

int dotfile_unlock(sqlite3_file *base, int level)
{
    PosixFile *file = dotfile(base);
    ASSERT(level <= SQLITE_LOCK_SHARED);
    if (file->level <= level)
        return SQLITE_OK;

    file->level = (u8)level;
    if (level == SQLITE_LOCK_SHARED)
        return SQLITE_OK;
    if (posix_calls.rmdir(file->lock_path) == 0 || errno == ENOENT)
        return SQLITE_OK;
    file->last_errno = errno;
    return SQLITE_IOERR_UNLOCK;
}

int dotfile_check_reserved(sqlite3_file *base, int *out)
{
    PosixFile *file = dotfile(base);
    *out = file->level > SQLITE_LOCK_SHARED || posix_calls.access(file->lock_path, 0) == 0;
    return SQLITE_OK;
}
