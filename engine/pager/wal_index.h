#ifndef QUIRE_PAGER_WAL_INDEX_H
#define QUIRE_PAGER_WAL_INDEX_H
// The wal-index: shared memory that finds the frame of a page and keeps readers, writer and
// checkpointer out of each other's way. In the machine's byte order; SQLite's layout:
//
//     offset  size
//     0       48    header, first copy
//     48      48    header, second copy: written first, read last; equal copies with a right
//                   checksum count
//     96      4     backfilled: frames copied to the database
//     100     20    five read marks
//     120     8     bytes for the eight locks, never read or written
//     128     4     backfill attempted
//     136           pages of frames 1..4062, u32 each
//     16384         hash table of 8192 u16: 1-based places in the list of pages, 0 free
//
// Every further region of 32768 bytes has 4096 pages and their hash table. A page's chain starts at
// (pgno * 383) mod 8192 and goes on slot by slot to a free one; several frames of a page all stand
// in it.
//
// Locks: WRITE, CHECKPOINT, RECOVER, READ0..READ4. Who holds READ(i) shared needs no frame above
// mark[i] to stay out of the database (READ0: no frame at all: it reads the file alone).

#include "pager/pager_internal.h"
#include "pager/wal.h"

typedef struct WalHeader {
    u32 version; // WAL_VERSION
    u32 unused;
    u32 change; // +1 with every commit
    u8 is_initialised;
    u8 big_endian_checksums;
    u16 page_size; // 1 means 65536
    u32 last_frame;
    u32 page_count;
    u32 frame_checksum[2]; // of last_frame
    u8 salt[8];            // as the log's header has them
    u32 checksum[2];       // of all above
} WalHeader;
static_assert(sizeof(WalHeader) == 48, "the wal-index header is 48 bytes by format");

enum {
    WAL_VERSION = 3007000,
    WAL_HEADER_SIZE = 32,
    FRAME_HEADER_SIZE = 24,
    READ_MARK_COUNT = 5,
    HASH_SLOTS = 8192,
    FRAMES_PER_REGION = 4096,
    INDEX_HEADER_SIZE = 136,
    FRAMES_IN_FIRST = FRAMES_PER_REGION - INDEX_HEADER_SIZE / 4,
};
#define WAL_MAGIC        0x377f0682u
#define READ_MARK_UNUSED 0xffffffffu

// Offsets of u32 words in the first region.
enum { WORD_BACKFILLED = 24, WORD_READ_MARK = 25, WORD_ATTEMPTED = 32 };

struct Wal {
    sqlite3_vfs *vfs;
    sqlite3_file *database;
    sqlite3_file *log;
    const char *path;
    volatile u32 **regions; // NULL: not mapped yet
    u32 region_count, region_capacity;
    WalHeader header; // this connection's snapshot
    WalHeader former; // the one before the last wal_begin_read
    WalHeader wanted; // the moment to read next, if wants_snapshot
    bool wants_snapshot;
    u32 page_size;
    FrameNo first_frame; // older ones are in the database for this snapshot
    i8 read_lock;        // which READ lock is held, -1 none
    bool write_locked;
    bool checkpoint_locked;
    u8 stuck_shared, stuck_exclusive; // slots that could not be let go, as bits
    bool is_read_only;                // the log cannot be written
    bool index_read_only;             // the shared memory cannot
    bool index_is_private; // built in the heap: exclusive mode, or shared memory not to be trusted
    bool index_unreliable; // private because nobody may initialise the shared one
    bool truncate_on_commit;
    bool pad_to_sector;
    FrameNo rewrite_from; // first frame of this transaction whose checksum is out of date, 0 none
    u32 sequence;         // of the log's header, +1 whenever it starts over
    i64 size_limit;
    u32 committed_frames; // for the hook
    int sector_size;
};

// --- words of shared memory ---

static inline u32 shm_load(const volatile u32 *word)
{
    ASSERT(word != NULL);
    return __atomic_load_n(word, __ATOMIC_RELAXED); // ordered by barriers and locks, not by itself
}
static inline void shm_store(volatile u32 *word, u32 value)
{
    ASSERT(word != NULL);
    __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

void wal_checksum(bool native, const u8 *bytes, u32 size, const u32 *seed, u32 out[2]);

MUST_USE int wal_index_map(Wal *wal, u32 region, volatile u32 **out);
void wal_index_unmap(Wal *wal, bool delete_it);
void wal_index_barrier(Wal *wal);
// Reads the shared header into wal->header; *changed when it differs. May recover the log.
MUST_USE int wal_index_read_header(Wal *wal, bool *changed);
void wal_index_write_header(Wal *wal);
// Is the shared header still the snapshot's?
bool wal_index_header_is(Wal *wal, const WalHeader *header);
MUST_USE int wal_index_append(Wal *wal, FrameNo frame, Pgno pgno);
// Removes what lies above wal->header.last_frame from the last region in use.
void wal_index_clean(Wal *wal);
MUST_USE int wal_index_page_of(Wal *wal, FrameNo frame, Pgno *out);
static inline u32 region_of(FrameNo frame)
{
    ASSERT(frame >= 1);
    return (frame + FRAMES_PER_REGION - FRAMES_IN_FIRST - 1) / FRAMES_PER_REGION;
}

// Locks on the eight slots; nothing to do with a private index.
MUST_USE int wal_lock_shared(Wal *wal, int slot);
void wal_unlock_shared(Wal *wal, int slot);
MUST_USE int wal_lock_exclusive(Wal *wal, int slot, int count);
void wal_unlock_exclusive(Wal *wal, int slot, int count);
// Lets go what a failing disk kept: held by ourselves, it would be in our own way for ever.
MUST_USE int wal_release_stuck(Wal *wal);

static inline i64 frame_offset(FrameNo frame, u32 page_size)
{
    ASSERT(frame >= 1);
    ASSERT(page_size >= PAGE_SIZE_MIN);
    return WAL_HEADER_SIZE + (i64)(frame - 1) * (page_size + FRAME_HEADER_SIZE);
}
// Makes wal->header an empty log with fresh salts, and publishes it.
void wal_start_over(Wal *wal, u32 salt_change);
// Trades READ0 for a mark at the same snapshot.
MUST_USE int wal_leave_read0(Wal *wal);
// The last frame that others can see.
FrameNo wal_committed_last(const Wal *wal);
MUST_USE int wal_limit_size(Wal *wal, i64 limit);

// --- recover.c ---

// Rebuilds the wal-index from the log. Needs the WRITE lock (or a private index).
MUST_USE int wal_recover(Wal *wal);

#endif
