#ifndef QUIRE_PAGER_PAGER_INTERNAL_H
#define QUIRE_PAGER_PAGER_INTERNAL_H
// What the files of the pager share: the Pager itself and the functions they call in each other.
//
// Phases of a transaction (one enum, changed by pager_set_phase only)
//
//            begin_read          begin_write            first change
//     IDLE ------------> READING ----------> RESERVED ---------------> CHANGING
//      ^                   ^  ^                                         |    |
//      |     end_read      |  |   rollback (nothing in the file)        |    | spill or commit
//      +-------------------+  +-----------------------------------------+    v (rollback modes)
//                          |                                         FILE_CHANGED
//                          |  commit_finish                                  |
//                          +---------------------- PREPARED <----------------+
//                                                           commit_prepare
//
//     IDLE          no lock (or, in exclusive locking mode, locks kept between transactions)
//     READING       SHARED lock on the file, or a read mark in the log
//     RESERVED      RESERVED lock, or the log's write lock; no private page
//     CHANGING      private pages may exist; the journal holds the old content of each; the file
//                   is untouched
//     FILE_CHANGED  EXCLUSIVE lock; the file holds new content whose old content is safe in the
//                   journal
//     PREPARED      everything is durable; deleting the journal commits
//     FAILED        an I/O error left memory and disk disagreeing: every call but rollback is
//                   refused

#include "base/alloc.h"
#include "base/bitset.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "base/prng.h"
#include "base/vec.h"
#include "os/filename.h"
#include "pager/pager.h"
#include "pager/pool.h"
#include "pager/undo.h"

typedef struct Wal Wal;

typedef enum Phase {
    PHASE_IDLE,
    PHASE_READING,
    PHASE_RESERVED,
    PHASE_CHANGING,
    PHASE_FILE_CHANGED,
    PHASE_PREPARED,
    PHASE_FAILED,
} Phase;

// The rollback journal being written. journal.c explains the format.
typedef struct Journal {
    sqlite3_file *file; // storage for the handle, open when pMethods is set
    i64 offset;         // where the next record goes, counting what is buffered
    i64 header_offset;  // of the current segment
    i64 synced_to;      // all records before this offset are durable and counted
    i64 super_offset;   // of the super-journal's name, 0 none
    u8 *buffer;         // the journal's last bytes, not yet handed to the file
    u32 buffer_size, buffered;
    u32 record_count; // in the current segment
    u32 nonce;        // checksum seed of the current segment
    u32 sector_size;
    BitSet *journaled; // pages whose original content is in it; NULL: no journal
                       // is being written
    BitSet *unsynced;  // those whose record is not durable yet
    i64 size_limit;    // PRAGMA journal_size_limit, -1 none
    bool is_owed;      // kept in memory beyond its transaction: see R1 in the README
} Journal;

struct Pager {
    // What a page hit touches comes first.
    Pool pool;
    Pgno page_count; // of the snapshot or the transaction
    u8 phase;        // Phase
    bool in_memory;
    bool is_temporary; // memory databases too
    bool is_read_only;
    Undo undo;
    PagerStats stats;

    // What other connections of this process have of the file; NULL: nothing is shared.
    PageStore *store;
    u32 log_period;  // from page_store_enter_log(), while the log is open
    bool is_counted; // file_version names the file's state: every commit will change it

    // The file.
    sqlite3_vfs *vfs;
    sqlite3_file *file;
    char *path; // made by filename_new: journal_path and wal_path are in the same
                // block
    const char *journal_path;
    const char *wal_path;
    int open_flags;
    u8 lock;            // SQLITE_LOCK_* held
    bool unlock_failed; // the file may still be locked higher than `lock` says
    bool no_locks;      // nolock=1, immutable=1, temporary
    bool
        is_memory_file; // of a file system that keeps files in memory: no other journal makes sense
    bool is_immutable;
    bool has_spilled;   // this transaction has written frames to the log before its commit
    bool defer_sync;    // commits leave the log's sync to pager_sync_log
    bool is_concurrent; // the transaction runs on its snapshot, without the log's WRITE lock
    bool locking_exclusive;
    bool has_looked;     // file_version is that of the file as this pager last saw it
    u8 file_version[16]; // bytes 24..39 of the file as last seen: tells whether
                         // others wrote
    u32 reserved;        // bytes at the end of each page that the B-tree leaves alone

    // The transaction.
    Pgno original_count;  // pages in the file when it began
    Pgno file_count;      // pages in the file now: spilled pages may have made it
                          // longer
    bool counter_changed; // the change counter was bumped by this transaction
    JournalMode journal_mode;
    Journal journal;
    Wal *wal;
    u32 data_version;
    Prng prng; // of checksum seeds; seeded when first used
    bool prng_seeded;
    int failure; // code that led to PHASE_FAILED

    // Settings.
    int cache_size; // as PRAGMA cache_size
    u32 spill_threshold;
    bool spill_enabled;
    u32 spill_not_before; // pages in memory before the next attempt after a
                          // refused one
    u32 spill_hand;       // where the spill's clock stands
    u8 spill_blocked;     // nested: no spilling now
    Pgno page_count_max;
    i64 mmap_limit;
    PagerSync sync_level;
    bool keep_log_on_close; // SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE
    bool log_announced;     // the header asks for a log since this connection changed it
    int sync_flags;         // SQLITE_SYNC_*
    int checkpoint_sync_flags;
    int (*busy)(void *);
    void *busy_arg;
    void (*changed)(void *, Pgno, const u8 *);
    void *changed_arg;
    sqlite3 *db;
};

// --- pager.c ---

void pager_set_phase(Pager *pager, Phase phase);
// A slot with a buffer for a page not in memory; evicts or spills when the cache is full.
MUST_USE int pager_new_slot(Pager *pager, Pgno pgno, Slot **out);
void pager_drop_cache(Pager *pager);            // forgets all clean pages
void pager_forget_private(Pager *pager);        // drops all private pages; pinned ones become stale
void pager_invalidate(Pager *pager, Pgno pgno); // drops one page, whatever it holds
void pager_mark_pinned_stale(Pager *pager);     // what is in memory is not in the file any more
MUST_USE int pager_refresh_stale(Pager *pager); // reads stale pages again, in place
// Tells a running sqlite3_backup about new content.
void pager_report_change(Pager *pager, Pgno pgno, const u8 *data);
// Enters PHASE_FAILED. Returns rc.
int pager_fail(Pager *pager, int rc);
// Marks private pages as clean: they are what the file or the log now holds.
void pager_publish(Pager *pager);
u32 pager_cache_limit(const Pager *pager);
u32 pager_random(Pager *pager);
Pgno pager_lock_byte_page(const Pager *pager); // never used for content
// The pages that a commit must write, in ascending order. *out is freed with
// mem_free.
MUST_USE int pager_collect_private(Pager *pager, Slot ***out, u32 *count);
void pager_sort_slots(Slot **slots, u32 count); // by page number

// --- snapshot.c ---

int snapshot_close(Pager *pager); // gives back locks and the log

// Reads page content as the transaction sees it.
MUST_USE int snapshot_read_page(Pager *pager, Pgno pgno, u8 *out);
// Tells other connections of this process what was committed just now, before the locks go.
void snapshot_publish(Pager *pager, Slot *slot);
MUST_USE int file_page_count(Pager *pager, Pgno *out);

// --- temporary.c ---

MUST_USE int temporary_open_file(Pager *pager);
MUST_USE int pager_open_scratch(Pager *pager, int flags, sqlite3_file **out);

// --- spill.c ---

// Writes private pages into the database file, neighbours in few calls.
MUST_USE int file_write_pages(Pager *pager, Slot *const *slots, u32 count);

// Writes private pages out so that their memory can be used again.
MUST_USE int pager_spill(Pager *pager);

// --- undo.c ---

// Opens the base level of a transaction whose rollback must come from memory.
MUST_USE int undo_open_level(Pager *pager);
static inline bool undo_must_save(const Pager *pager, const Slot *slot)
{
    ASSERT(slot->page.pgno != 0);
    ASSERT(slot->saved_at <= pager->undo.sequence);
    return slot->saved_at < pager->undo.innermost;
}
// Saves what the slot holds; afterwards the slot's buffer may be shared with
// the log.
MUST_USE int undo_save(Pager *pager, Slot *slot);
MUST_USE int undo_rollback(Pager *pager, u32 level);
void undo_release(Pager *pager, u32 level);
void undo_clear(Pager *pager);

#endif
