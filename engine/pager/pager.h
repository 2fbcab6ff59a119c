#ifndef QUIRE_PAGER_PAGER_H
#define QUIRE_PAGER_PAGER_H
// Pages of a database file, as versions.
//
// Nouns
//   Pager      one connection's view of a file: its locks, its snapshot, its transaction, and which
//              pages it keeps in memory.
//   PageStore  what the process's pagers of one file share: the page versions that any of them has
//              in memory. Private to the pager; found by the file's identity.
//   Page       one version of one page in memory, pinned while somebody uses it.
//   snapshot   what a reader sees: a WAL frame number, or the state of the database file under a
//              SHARED lock.
//
// Laws
//   P1  A page version that somebody else may find or holds never changes. Who holds it may read it
//       without a lock.
//   P2  A writer changes only private pages, made so by pager_make_writable(). Nobody else sees
//       them.
//   P3  Commit makes the private pages the newest versions; rollback drops them. The old state is
//       intact until the commit has reached the disk as `synchronous` demands.
//   P4  A page is never overwritten in the database file before its old content is safe in a
//       journal (rollback modes) or its new content is safe in the log (WAL).
//   P5  Every pin is returned: at pager_end_read() no page of that pager is pinned.
//   P6  Private pages beyond the cache limit are spilled: to the log in WAL mode, else journalled
//       and written to the file under EXCLUSIVE. A spilled page is read back and becomes private
//       again.
//   P7  The change counter, file size and version-valid-for fields of page 1 follow SQLite's rules.
//   P8  Files, locks, journals and logs are SQLite's, byte for byte: stock processes may take part.
//
// Lifecycle of a transaction
//   pager_begin_read -> [pager_begin_write -> pager_commit_prepare -> pager_commit_finish |
//   pager_rollback]
//   -> pager_end_read.  Anything that reads a page may wait for the disk.
//
// A Pager belongs to one connection and is used by one thread at a time (the connection's mutex).
// A PageStore is used by many: its locks are inside. Only what is not in the pager's own memory is
// looked for there, so that a page hit takes no lock.

#include "base/contract.h"
#include "os/os.h"

typedef struct Pager Pager;

// Part of every page version that other layers may touch. `data` has PAGE_SLACK readable bytes
// after its end, zero or not, so that a varint may be read without a check for the page's end.
typedef struct Page {
    u8 *data;
    Pgno pgno;
    u16 pins;      // by users of this pager
    u8 is_private; // writable by the transaction that owns it
    u8 is_memory_resident;
} Page;
enum { PAGE_SLACK = 16, PAGE_SIZE_MIN = 512, PAGE_SIZE_MAX = 65536, PAGE_SIZE_DEFAULT = 4096 };

// --- opening ---

typedef struct PagerOptions {
    sqlite3_vfs *vfs;
    // NULL or "": a temporary file, deleted on close; ":memory:" is `in_memory`. With
    // SQLITE_OPEN_URI in open_flags the path was made by filename_new() and its parameters count.
    const char *path;
    int open_flags;    // SQLITE_OPEN_*
    bool in_memory;    // no file at all: pages live in the pool
    bool is_temporary; // no locks, no sync; spills to a temporary file
    sqlite3 *db;
} PagerOptions;
MUST_USE int pager_open(const PagerOptions *options, Pager **out);
// Rolls back what is open, checkpoints and deletes the log if this was its last user, and frees.
int pager_close(Pager *pager);

// Called when a lock is taken by others; non-zero: try again. NULL: give up at once.
void pager_set_busy_handler(Pager *pager, int (*busy)(void *arg), void *arg);
// Asks that handler; non-zero: try again. For callers that retry a whole transaction start, which
// is what SQLite does about RESERVED and the log's write lock: pager_begin_write never waits for
// them.
int pager_invoke_busy(Pager *pager);
// Called for every page whose new content is committed or restored (for sqlite3_backup); pgno 0:
// all.
void pager_set_change_listener(Pager *pager, void (*changed)(void *arg, Pgno pgno, const u8 *data),
                               void *arg);

// --- transactions ---

// Takes a snapshot. Rolls back a hot journal, recovers the log. *changed (may be NULL): the file
// may differ from what this pager saw last. SQLITE_BUSY after the busy handler gave up.
MUST_USE int pager_begin_read(Pager *pager, bool *changed);
void pager_end_read(Pager *pager); // no page may be pinned, no write transaction open
// The log, for snapshots that a program keeps; NULL: not in WAL mode.
struct Wal *pager_wal(const Pager *pager);
// Needs a snapshot. Reserves the file for writing; SQLITE_BUSY_SNAPSHOT when the snapshot is no
// longer the newest (WAL), SQLITE_READONLY. `exclusive` takes the EXCLUSIVE lock at once (rollback
// modes).
MUST_USE int pager_begin_write(Pager *pager, bool exclusive);
// Makes the transaction durable up to the point of no return. `super_journal`: the name of the
// super-journal of a multi-file commit, or NULL. After failure the caller rolls back.
MUST_USE int pager_commit_prepare(Pager *pager, const char *super_journal);
// Takes a prepared transaction back to where it can be changed, prepared again or rolled back:
// another database of the same commit was busy. The journal forgets the super-journal.
MUST_USE int pager_commit_withdraw(Pager *pager);
// The point of no return: deletes/truncates/zeroes the journal, or nothing more in WAL. Publishes.
MUST_USE int pager_commit_finish(Pager *pager);
int pager_rollback(
    Pager *pager); // drops private pages, plays the journal back if the file was touched

enum { PAGER_IDLE, PAGER_READING, PAGER_WRITING };
int pager_state(const Pager *pager);

// Savepoints are numbered from 0 (outermost). pager_savepoint_open(pager, n) makes n of them open.
MUST_USE int pager_savepoint_open(Pager *pager, u32 count);
void pager_savepoint_release(Pager *pager, u32 index);          // and all inner ones
MUST_USE int pager_savepoint_rollback(Pager *pager, u32 index); // undoes to it; it stays open

// --- pages ---

// Pins page `pgno` as this transaction sees it: its own private copy if it has one, else the
// snapshot's version. SQLITE_CORRUPT for page 0 or beyond the end when `pgno` came from a file.
MUST_USE int pager_get(Pager *pager, Pgno pgno, Page **out);
// Pins the page if it is in memory already, else NULL.
Page *pager_lookup(Pager *pager, Pgno pgno);
// A private page whose old content nobody needs (fresh or taken from the freelist): zero-filled,
// not read.
MUST_USE int pager_get_blank(Pager *pager, Pgno pgno, Page **out);
// *page becomes a private copy that may be changed; the old pin is handed over. A page that is
// private already is kept, after its content was saved for the open savepoints. Data pointers move:
// callers must refetch page->data.
MUST_USE int pager_make_writable(Pager *pager, Page **page);
void page_unpin(Pager *pager, Page *page); // NULL is legal
void page_ref(Page *page);                 // one more pin
// Asks the processor for the beginning of a page that will be wanted soon, if it is in memory.
void pager_touch(const Pager *pager, Pgno pgno);
// The bytes of such a page as this transaction sees it, or NULL. Nothing keeps them there: they are
// good until the pager is used again. Meanwhile any number of threads may ask.
const u8 *pager_peek(const Pager *pager, Pgno pgno);
// Keeps the bytes of the page as they are now, past the pin, whatever becomes of the page: who
// changes it changes a copy (P1). Given back with page_let_go().
typedef struct PageBuffer PageBuffer;
PageBuffer *page_hold(Page *page);
void page_let_go(Pager *pager, PageBuffer *held); // NULL is legal
// The private page need not reach the disk: it is on the freelist now.
void pager_dont_write(Pager *pager, Page *page);
// Moves private content from page->pgno to `target` (auto-vacuum). The old number keeps stale
// content.
MUST_USE int pager_move(Pager *pager, Page *page, Pgno target, bool is_commit);
Pgno pager_page_count(const Pager *pager);           // of the snapshot or the open transaction
void pager_set_page_count(Pager *pager, Pgno count); // shrink or grow; cut off at commit
void pager_prefetch(Pager *pager, const Pgno *pgnos,
                    u32 count); // a hint; reads ahead what is not in the pool

// --- settings ---

// Only before any page was read, or by VACUUM. *size comes back as what is in force.
MUST_USE int pager_set_page_size(Pager *pager, u32 *size, int reserved);
u32 pager_page_size(const Pager *pager);
u32 pager_reserved(const Pager *pager);
Pgno pager_max_page_count(Pager *pager, Pgno limit); // 0 asks
void pager_set_cache_size(Pager *pager,
                          int pages_or_kib); // positive pages, negative KiB, as PRAGMA cache_size
void pager_set_spill(Pager *pager, bool enabled, int threshold_pages);
void pager_set_mmap_limit(Pager *pager, i64 bytes);
typedef enum PagerSync { SYNC_OFF, SYNC_NORMAL, SYNC_FULL, SYNC_EXTRA } PagerSync;
void pager_set_sync(Pager *pager, PagerSync level, bool fullfsync, bool checkpoint_fullfsync);

typedef enum JournalMode {
    JOURNAL_DELETE,
    JOURNAL_PERSIST,
    JOURNAL_OFF,
    JOURNAL_TRUNCATE,
    JOURNAL_MEMORY,
    JOURNAL_WAL,
} JournalMode;
JournalMode pager_journal_mode(const Pager *pager);
// The header was made to ask for a log, which the next snapshot will open.
void pager_announce_log(Pager *pager);
bool pager_log_is_announced(const Pager *pager);
// Switches where that is possible and tells what is in force afterwards. Into and out of WAL the
// caller (btree) also changes page 1's version bytes.
MUST_USE int pager_set_journal_mode(Pager *pager, JournalMode wanted, JournalMode *out);
MUST_USE int pager_open_wal(Pager *pager, bool *opened); // start using the log the header asks for
MUST_USE int pager_close_wal(Pager *pager); // checkpoint, delete the log: leaving WAL mode
// On by default. Off (SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE): pager_close leaves the log as it is.
void pager_set_checkpoint_on_close(Pager *pager, bool enabled);
bool pager_wal_supported(const Pager *pager);
i64 pager_journal_size_limit(Pager *pager, i64 limit); // < -1 asks
bool pager_locking_exclusive(Pager *pager, int set);   // set: -1 asks, 0 normal, 1 exclusive
bool pager_is_read_only(const Pager *pager);
bool pager_is_memory(const Pager *pager);
u32 pager_data_version(const Pager *pager); // changes when another connection committed
const char *pager_path(const Pager *pager); // absolute; "" for temporary and memory
const char *pager_journal_path(const Pager *pager);
sqlite3_vfs *pager_vfs(const Pager *pager);
sqlite3_file *pager_file(const Pager *pager);
sqlite3_file *pager_journal_file(const Pager *pager); // the WAL's file in WAL mode

// --- write-ahead log ---

// mode: SQLITE_CHECKPOINT_*. Frame counts are -1 when not in WAL mode.
MUST_USE int pager_checkpoint(Pager *pager, int mode, int *log_frames, int *checkpointed_frames);
int pager_wal_frames_committed(
    Pager *pager); // frames after the last commit, for the WAL hook; then 0

// --- concurrent transactions (WAL mode) ---

// Begins a write transaction on this snapshot without the log's write lock, so that many may be
// open. Its private pages stay in memory. Needs a snapshot; SQLITE_ERROR when not in WAL mode: the
// caller begins an ordinary transaction instead.
MUST_USE int pager_begin_concurrent(Pager *pager);
bool pager_is_concurrent(const Pager *pager);
// First half of its commit: takes the write lock, asking the busy handler. *stale: others committed
// since the snapshot, so that the private pages cannot go out as they are. (pager_commit_prepare
// does this itself when it was not done, and says SQLITE_BUSY_SNAPSHOT when stale.)
MUST_USE int pager_concurrent_lock(Pager *pager, bool *stale);
// With the lock held: drops the private pages and all savepoints and moves the snapshot to the
// newest state. No page may be pinned. What follows is an ordinary write transaction: the caller
// replays its changes and commits.
MUST_USE int pager_concurrent_rebase(Pager *pager);
// Group commit: with deferred syncs a commit in WAL mode is written and visible, but durable only
// when pager_sync_log() of any pager on the file has returned.
void pager_defer_sync(Pager *pager, bool defer);
MUST_USE int pager_sync_log(Pager *pager);

// --- memory and statistics ---

typedef struct PagerStats {
    u64 hits, misses, writes, spills; // a page that another connection had counts as a hit
    u64 memory;                       // bytes of pages held
    u64 memory_shared;                // the same, each page divided among those who hold it
} PagerStats;
void pager_stats(Pager *pager, PagerStats *out, bool reset);
void pager_shrink(Pager *pager);        // gives back unpinned clean pages
MUST_USE int pager_flush(Pager *pager); // sqlite3_db_cacheflush
void pager_forget(Pager *pager);        // discards cached versions (after VACUUM, recover)

#endif
