#ifndef QUIRE_OS_OS_H
#define QUIRE_OS_OS_H
// What the engine asks of the operating system: files, locks, shared memory, time, randomness.
//
// Nouns
//   VFS    a sqlite3_vfs: opens, deletes and names files, tells time. Built in: "unix" (the
//          default), "unix-excl", "unix-dotfile", "unix-none", "memdb". Applications register their
//          own.
//   file   a sqlite3_file: bytes at offsets, a lock level, perhaps shared memory. The memory is the
//          caller's, vfs->szOsFile bytes of it; pMethods == NULL says "closed".
//   lock   the file's level for one open file: SQLITE_LOCK_NONE < SHARED < RESERVED < PENDING <
//          EXCLUSIVE. PENDING is never asked for; it is where a failed climb to EXCLUSIVE ends.
//   shm    the wal-index: regions of shared memory beside the file, and eight lock slots.
//
// The public structures are the engine's own interface: a VFS written against sqlite3.h works
// everywhere. What is here are typed calls through them, so that callers name no method pointers
// and older VFSes (iVersion 1 or 2) are dealt with once.
//
// Waiting. Calls marked "may wait" can wait for the disk. On a fiber they hand the thread back to
// its owner instead, so the caller must hold no mutex that others need across them. Locks never
// wait: they say SQLITE_BUSY. os/README.md has the invariants (O1...) and the table of byte ranges.
//
// Thread rule: a sqlite3_file belongs to one thread at a time; a VFS may be called by any thread.

#include "base/contract.h"
#include "sqlite3.h"

// --- start and registry ---

// Registers the built-in VFSes, "unix" as the default. Called by sqlite3_initialize under its
// mutex; calling again changes nothing.
MUST_USE int os_init(void);
void os_deinit(void);

sqlite3_vfs *vfs_find(const char *name); // NULL: the default; borrowed, NULL when unknown
int vfs_register(sqlite3_vfs *vfs, bool make_default);
int vfs_unregister(sqlite3_vfs *vfs);

// SQLITE_CONFIG_MMAP_SIZE, before os_init: the limit a file starts with, and what
// SQLITE_FCNTL_MMAP_SIZE may raise it to. SQLITE_CONFIG_MEMDB_MAXSIZE likewise. Negative keeps the
// default.
void os_configure_mmap(i64 size_default, i64 size_max);
void os_configure_memdb(i64 size_max);

// --- files ---

// Opens `path` (NULL: a nameless temporary file) into `file`, which has vfs->szOsFile bytes.
// Paths of databases, journals and logs are made by filename_new() (os/filename.h), since VFSes ask
// them for URI parameters. On failure file->pMethods is NULL. *out_flags (may be NULL) says whether
// the file came out read-only. May wait.
MUST_USE int os_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                     int *out_flags);
// The same with memory of its own; given back by os_close_free().
MUST_USE int os_open_new(sqlite3_vfs *vfs, const char *path, int flags, sqlite3_file **out,
                         int *out_flags);
void os_close(sqlite3_file *file);      // closed ones and NULL are legal
void os_close_free(sqlite3_file *file); // likewise

static inline bool os_is_open(const sqlite3_file *file)
{
    return file != NULL && file->pMethods != NULL;
}

// Reads `size` bytes. Past the end the rest is zeros and the result SQLITE_IOERR_SHORT_READ. May
// wait.
MUST_USE static inline int os_read(sqlite3_file *file, void *out, int size, i64 offset)
{
    ASSERT(os_is_open(file) && size >= 0 && offset >= 0);
    return file->pMethods->xRead(file, out, size, offset);
}

// All or an error; SQLITE_FULL when the disk is. May wait.
MUST_USE static inline int os_write(sqlite3_file *file, const void *bytes, int size, i64 offset)
{
    ASSERT(os_is_open(file) && size >= 0 && offset >= 0);
    return file->pMethods->xWrite(file, bytes, size, offset);
}

MUST_USE int os_truncate(sqlite3_file *file, i64 size); // may wait
// flags: SQLITE_SYNC_NORMAL or FULL, perhaps | DATAONLY; 0 does nothing. The first sync of a new
// journal or log also makes its directory entry durable. May wait.
MUST_USE int os_sync(sqlite3_file *file, int flags);
MUST_USE int os_size(sqlite3_file *file, i64 *out); // may wait

// SQLITE_NOTFOUND when the VFS does not know `op`.
int os_control(sqlite3_file *file, int op, void *arg);
// For hints nobody has to follow: failures are dropped.
void os_control_hint(sqlite3_file *file, int op, void *arg);
int os_sector_size(sqlite3_file *file);     // 4096 when the VFS does not say; within 32..65536
int os_characteristics(sqlite3_file *file); // SQLITE_IOCAP_*

// Which file of the disk this is, for what a process keeps about files and not about openings of
// them. False: the VFS does not say, or stands between the caller and another one's file, whose
// bytes it may change.
typedef struct FileIdentity {
    u64 device;
    u64 number;  // not given to another file while this one is open
    u64 process; // a forked child shares nothing with its parent
} FileIdentity;
bool os_identity(sqlite3_file *file, FileIdentity *out);

// How os_identity() asks: arg is an IdentityQuery, to be answered only by the VFS that `file`
// itself belongs to.
enum { OS_CONTROL_IDENTITY = 0x71756964 };
typedef struct IdentityQuery {
    const sqlite3_file *file;
    FileIdentity identity;
} IdentityQuery;

// --- locks (O1-O6) ---

// Climbs to `level` (SHARED, RESERVED or EXCLUSIVE). SQLITE_BUSY: somebody else is in the way;
// after a failed climb to EXCLUSIVE the file may stand at PENDING, which keeps new readers out.
MUST_USE int os_lock(sqlite3_file *file, int level);
int os_unlock(sqlite3_file *file, int level); // down to SHARED or NONE
// Does anyone, in any process, hold RESERVED or more?
MUST_USE int os_check_reserved(sqlite3_file *file, bool *out);

// --- shared memory (O7-O10) ---

enum {
    SHM_REGION_SIZE = 32768,
    SHM_SLOT_WRITE = 0,
    SHM_SLOT_CHECKPOINT = 1,
    SHM_SLOT_RECOVER = 2,
    SHM_SLOT_READ0 = 3, // READ0..READ4
    SHM_SLOT_COUNT = 8,
};

bool os_has_shm(const sqlite3_file *file); // can this file be in WAL mode among several users?
// Maps region `index`. Without `extend` a region that does not exist yet comes out as NULL.
// SQLITE_READONLY: mapped, but only for reading. SQLITE_READONLY_CANTINIT: nobody has the wal-index
// open and we may not write it, so that its content must not be believed. May wait.
MUST_USE int os_shm_map(sqlite3_file *file, int index, bool extend, volatile void **out);
// Slots [slot, slot + count); flags: SQLITE_SHM_LOCK or UNLOCK | SQLITE_SHM_SHARED or EXCLUSIVE.
// Shared locks are taken one at a time. SQLITE_BUSY leaves everything as it was. Never waits.
MUST_USE int os_shm_lock(sqlite3_file *file, int slot, int count, int flags);
void os_shm_barrier(sqlite3_file *file); // everything before it is seen before everything after it
int os_shm_unmap(sqlite3_file *file, bool delete_file);

// --- memory-mapped reading ---

// The pager does not use these: its pages have to be its own. They serve applications' VFSes, which
// forward them, and readers of whole files.
//
// *out points to the bytes in place, or is NULL: read them instead. Each one that is not NULL is
// given back with os_unfetch(). os_unfetch(file, 0, NULL) says that the mapping is out of date.
MUST_USE int os_fetch(sqlite3_file *file, i64 offset, int size, void **out);
int os_unfetch(sqlite3_file *file, i64 offset, void *bytes);

// --- names ---

MUST_USE int os_delete(sqlite3_vfs *vfs, const char *path, bool sync_directory); // may wait
// flags: SQLITE_ACCESS_EXISTS (and is not an empty file) or READWRITE. May wait.
MUST_USE int os_access(sqlite3_vfs *vfs, const char *path, int flags, bool *out);
// Absolute, without "." and "..", symbolic links followed; `out` has vfs->mxPathname + 1 bytes.
// SQLITE_OK_SYMLINK: fine, but a link was on the way (SQLITE_OPEN_NOFOLLOW turns that into
// SQLITE_CANTOPEN_SYMLINK). May wait.
MUST_USE int os_full_path(sqlite3_vfs *vfs, const char *path, char *out);

// --- time, randomness, errors ---

void os_randomness(sqlite3_vfs *vfs, int size, void *out);
int os_sleep(sqlite3_vfs *vfs, int microseconds); // returns the microseconds slept
// Milliseconds since noon of 24 November 4714 BC (Julian day zero), UTC.
MUST_USE int os_now_ms(sqlite3_vfs *vfs, i64 *out);
u64 os_monotonic_us(void);           // for measuring; no VFS can change it
int os_last_error(sqlite3_vfs *vfs); // errno of this thread's last failed call

void *os_dl_open(sqlite3_vfs *vfs, const char *path);
void os_dl_error(sqlite3_vfs *vfs, int size, char *out);
void (*os_dl_symbol(sqlite3_vfs *vfs, void *library, const char *name))(void);
void os_dl_close(sqlite3_vfs *vfs, void *library);

// --- files in memory ---

// A journal that starts in memory and moves to a real file, opened through `vfs` with `path` and
// `flags`, once it passes `spill_size` bytes. spill_size < 0: never; 0: a real file from the start.
// `file` has memory_journal_size(vfs) bytes.
MUST_USE int memory_journal_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                                 int spill_size);
int memory_journal_size(const sqlite3_vfs *vfs);
MUST_USE int memory_journal_spill(sqlite3_file *file); // now; nothing to do for other files
bool memory_journal_is_in_memory(const sqlite3_file *file);

// A "memdb" file over given bytes, for sqlite3_deserialize. flags: SQLITE_DESERIALIZE_*; takes
// `bytes` (mem_free) with FREEONCLOSE, on failure too. SQLITE_MISUSE when `file` is not a private
// memdb.
MUST_USE int memdb_set_content(sqlite3_file *file, void *bytes, i64 size, i64 capacity, int flags);
// The bytes in place, borrowed until the next change; false when `file` is not of "memdb" or is
// shared.
bool memdb_content(sqlite3_file *file, void **bytes, i64 *size);

#endif
