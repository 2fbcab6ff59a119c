#ifndef QUIRE_PAGER_WAL_H
#define QUIRE_PAGER_WAL_H
// The write-ahead log of one connection: which frame holds a page, appending, committing,
// checkpoints.
//
// File format (big-endian; SQLite's):
//
//     log    = header[32] frame*
//     header = magic[4] version[4]=3007000 page_size[4] sequence[4] salt[8] checksum[8]
//     frame  = pgno[4] commit_size[4] salt[8] checksum[8] content[page_size]
//
//     magic  = 377f0682 when checksums read words little-endian, 377f0683 for big-endian
//
// commit_size is the database's size in pages in the last frame of a transaction and 0 in the
// others. A frame counts when its salt is the header's and its checksum, which runs on from the
// header through all frames before it, is right; and when a commit frame at or after it counts.
// Changing the salts therefore empties the log without touching its frames.
//
// Laws
//   L1  A frame at or below the last committed one is never overwritten while a reader's mark may
//       need it.
//   L2  Only the holder of the WRITE lock appends; only the holder of CHECKPOINT copies to the
//       database.
//   L3  The database file is only overwritten with frames that every reader's snapshot includes.
//   L4  The log is durable before a frame of it reaches the database file.
//   L5  The log starts over only when all of it is in the database and no reader needs it.

#include "base/contract.h"
#include "os/os.h"
#include "pager/page_store.h"

typedef struct Wal Wal;

typedef struct WalOptions {
    sqlite3_vfs *vfs;
    sqlite3_file *database;
    const char *path;
    bool heap_index; // exclusive mode: no shared memory, no locks
    i64 size_limit;  // journal_size_limit
} WalOptions;
MUST_USE int wal_open(const WalOptions *options, Wal **out);
// The caller holds EXCLUSIVE on the database when `checkpoint` is wished: everything is copied and
// the log deleted (unless SQLITE_FCNTL_PERSIST_WAL keeps it).
int wal_close(Wal *wal, bool checkpoint, int sync_flags, u32 page_size);
sqlite3_file *wal_file(const Wal *wal);
void wal_set_size_limit(Wal *wal, i64 limit);
bool wal_has_heap_index(const Wal *wal);

// --- reading ---

// Takes a read mark. *changed: others committed since this connection last looked.
MUST_USE int wal_begin_read(Wal *wal, bool *changed);
void wal_end_read(Wal *wal);
// A moment of the log that a program keeps (wal_snapshot.c). get and check need a snapshot; what is
// wanted is read by the next wal_begin_read: SQLITE_ERROR_SNAPSHOT if it is overwritten. adopt is
// its second half. recover is sqlite3_snapshot_recover().
typedef struct WalSnapshot {
    u8 header[48];
} WalSnapshot;
MUST_USE int wal_snapshot_get(const Wal *wal, WalSnapshot *out); // SQLITE_ERROR: an empty log
MUST_USE int wal_snapshot_check(Wal *wal, const WalSnapshot *snapshot);
void wal_snapshot_want(Wal *wal, const WalSnapshot *snapshot); // NULL: the newest again
MUST_USE int wal_snapshot_adopt(Wal *wal, bool *changed);
MUST_USE int wal_snapshot_recover(Wal *wal);
int wal_snapshot_compare(const WalSnapshot *a, const WalSnapshot *b); // <0: `a` is older
u32 wal_page_count(const Wal *wal); // 0: the log is empty, the file's size counts
u32 wal_page_size(const Wal *wal);  // 0 likewise
// The newest frame of the page in this snapshot; 0: read the database file. May wait.
MUST_USE int wal_find(Wal *wal, Pgno pgno, FrameNo *out);
MUST_USE int wal_read_frame(Wal *wal, FrameNo frame, u8 *out, u32 size);
// Names what this snapshot has of a page: in that frame, or for 0 in the file. Leaves *out alone
// when that has no name (page_store.h). For VERSION_UNLOGGED the caller adds the period.
void wal_version(const Wal *wal, FrameNo frame, PageVersion *out);
// Calls visit for the page of every frame that the last wal_begin_read brought in. False: not
// known, anything may have changed.
bool wal_visit_news(Wal *wal, u32 count_max, void (*visit)(void *arg, Pgno pgno), void *arg);

// --- writing ---

// SQLITE_BUSY: another writer. SQLITE_BUSY_SNAPSHOT: this snapshot is not the newest.
MUST_USE int wal_begin_write(Wal *wal);
// The same for a transaction that ran without the lock: *stale instead of SQLITE_BUSY_SNAPSHOT.
MUST_USE int wal_lock_write(Wal *wal, bool *stale);
// Is there a snapshot? When wal_append() or wal_renew_snapshot() fails it may be lost.
bool wal_is_reading(const Wal *wal);
// With the write lock: moves the snapshot to the newest state.
MUST_USE int wal_renew_snapshot(Wal *wal, bool *changed);
bool wal_is_write_locked(const Wal *wal);
void wal_end_write(Wal *wal);
MUST_USE int wal_sync(Wal *wal, int sync_flags);

typedef struct WalPage {
    Pgno pgno;
    const u8 *content;
} WalPage;
typedef struct WalAppend {
    const WalPage *pages;
    u32 count;
    u32 page_size;
    Pgno commit_size;      // database size in pages of a commit; 0: more is to come
    int sync_flags;        // for the commit: 0 none
    int header_sync_flags; // when the log starts over
} WalAppend;
MUST_USE int wal_append(Wal *wal, const WalAppend *append);
int wal_frames_committed(Wal *wal); // in the log after the last commit, once

// Forgets the frames of the running transaction; calls visit for each of their pages.
MUST_USE int wal_undo(Wal *wal, void (*visit)(void *arg, Pgno pgno), void *arg);
// What the log must remember to forget later frames of the running transaction.
void wal_savepoint_mark(const Wal *wal, u32 mark[4]);
MUST_USE int wal_savepoint_undo(Wal *wal, const u32 mark[4]);

// --- checkpoint.c ---

typedef struct Checkpoint {
    int mode; // SQLITE_CHECKPOINT_*
    int (*busy)(void *arg);
    void *busy_arg;
    int sync_flags;
    u32 page_size;
    // A page's content in memory as of the snapshot this connection had, or NULL. Saves reading
    // the log.
    const u8 *(*in_memory)(void *arg, Pgno pgno);
    void *in_memory_arg;
    int log_frames;    // out: frames in the log
    int copied_frames; // out: of them, in the database
} Checkpoint;
MUST_USE int wal_checkpoint(Wal *wal, Checkpoint *checkpoint);

#endif
