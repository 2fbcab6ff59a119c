// The wal-index. See wal_index.h.
//
// Memory that other processes write while it is read. Three rules make that safe:
//   - The header is there twice, written last copy first and read first copy first: two equal
//     copies with a right checksum are one header, whatever a writer was doing meanwhile. Who finds
//     them unequal tries again or, if the writer has died, recovers.
//   - A page number is stored before the slot that leads to it (release, acquire), and nothing
//     below the header's last frame ever changes while a mark protects it. What lies above is
//     ignored by whoever has the older header.
//   - Only the holder of WRITE adds, only the holder of RECOVER or WRITE clears.
// Its content is not trusted further than that: a damaged index may give wrong frames, which the
// pages' own checks find, but no access outside its regions.
#include "pager/wal_index.h"

#include <string.h>

// --- checksums ---

// Checksums read words in the byte order of the log's creator.
static u32 word_at(const u8 *bytes, bool native)
{
    ASSERT(bytes != NULL);
    u32 word;
    memcpy(&word, bytes, sizeof word);
    return native ? word : __builtin_bswap32(word);
}

// One step takes two words x, y:  sum += x + sum2;  sum2 += y + sum.
static void checksum_run(bool native, const u8 *bytes, u32 size, u32 state[2])
{
    ASSERT(bytes != NULL);
    u32 sum = state[0];
    u32 sum_of_sums = state[1];
    ASSERT(size % 8 == 0);
    for (const u8 *end = bytes + size; bytes < end; bytes += 8) {
        sum += word_at(bytes, native) + sum_of_sums;
        sum_of_sums += word_at(bytes + 4, native) + sum;
    }
    state[0] = sum;
    state[1] = sum_of_sums;
}

// A step without words is the matrix [1 1; 1 2] applied to the state. Its powers stay symmetric.
typedef struct StepPower {
    u32 a, b, d; // [a b; b d]
} StepPower;

// Powers of one matrix commute and stay symmetric, so three numbers are enough.
static StepPower step_square(StepPower m)
{
    static_assert(sizeof(StepPower) == 3 * sizeof(u32), "the fourth number equals the second");
    return (StepPower){m.a * m.a + m.b * m.b, m.b * (m.a + m.d), m.b * m.b + m.d * m.d};
}

static void step_apply(StepPower m, const u32 add[2], u32 state[2])
{
    ASSERT(add != NULL);
    ASSERT(state != NULL);
    u32 sum = m.a * state[0] + m.b * state[1] + add[0];
    u32 sum_of_sums = m.b * state[0] + m.d * state[1] + add[1];
    state[0] = sum;
    state[1] = sum_of_sums;
}

// Every step waits for the one before, so a page is cut into four runs that the processor works on
// at the same time. Steps are linear: the state after a run is the power of the step matrix
// applied to the state before it, plus the run's own sums from zero.
static void checksum_lanes(const u8 *bytes, u32 size, u32 out[2])
{
    ASSERT((size & (size - 1)) == 0);
    u32 lane = size / 4;
    u32 sum[4] = {out[0], 0, 0, 0};
    u32 sum_of_sums[4] = {out[1], 0, 0, 0};
    ASSERT(lane % 8 == 0);
    for (u32 i = 0; i < lane; i += 8) {
        for (u32 k = 0; k < 4; k++) {
            u32 words[2];
            memcpy(words, bytes + k * lane + i, sizeof words);
            sum[k] += words[0] + sum_of_sums[k];
            sum_of_sums[k] += words[1] + sum[k];
        }
    }
    StepPower power = {1, 1, 2};
    for (u32 steps = 1; steps < lane / 8; steps *= 2)
        power = step_square(power);
    out[0] = sum[0];
    out[1] = sum_of_sums[0];
    for (u32 k = 1; k < 4; k++)
        step_apply(power, (u32[2]){sum[k], sum_of_sums[k]}, out);
}

// `seed`: the sums so far, or NULL to begin. Frames go on from the one before, so that a frame is
// right only together with all that precede it.
void wal_checksum(bool native, const u8 *bytes, u32 size, const u32 *seed, u32 out[2])
{
    ASSERT(size % 8 == 0);
    ASSERT(size >= 8);
    u32 state[2] = {seed != NULL ? seed[0] : 0, seed != NULL ? seed[1] : 0};
    bool is_page = size >= PAGE_SIZE_MIN && (size & (size - 1)) == 0;
    if (native && is_page)
        checksum_lanes(bytes, size, state);
    else
        checksum_run(native, bytes, size, state);
    out[0] = state[0];
    out[1] = state[1];
}

// --- regions ---

// Kept apart, so that the lookup of a mapped region stays small.
static COLD int wal_index_map_new(Wal *wal, u32 region, volatile u32 **out)
{
    ASSERT(region < 1u << 20);
    if (region >= wal->region_count) {
        TRY(vec_reserve(&wal->regions, &wal->region_capacity, region + 1, sizeof *wal->regions));
        for (u32 i = wal->region_count; i <= region; i++)
            wal->regions[i] = NULL;
        wal->region_count = region + 1;
    }
    if (wal->index_is_private) {
        wal->regions[region] = mem_alloc_zeroed(SHM_REGION_SIZE);
        *out = wal->regions[region];
        return *out == NULL ? SQLITE_NOMEM : SQLITE_OK;
    }
    volatile void *memory = NULL;
    int rc = os_shm_map(wal->database, (int)region, wal->write_locked || region == 0, &memory);
    if (rc == SQLITE_READONLY) {
        wal->index_read_only = true;
        rc = SQLITE_OK;
    }
    if (rc == SQLITE_OK || rc == SQLITE_READONLY_CANTINIT)
        wal->regions[region] = memory;
    *out = wal->regions[region];
    ASSERT(rc != SQLITE_READONLY);
    return rc;
}

int wal_index_map(Wal *wal, u32 region, volatile u32 **out)
{
    ASSERT(region < 1u << 20);
    ASSERT(out != NULL);
    ASSERT(wal->region_count <= wal->region_capacity);
    if (LIKELY(region < wal->region_count && wal->regions[region] != NULL)) {
        *out = wal->regions[region];
        return SQLITE_OK;
    }
    return wal_index_map_new(wal, region, out);
}

// An index in the heap is ours alone; one that stands in for shared memory we may not write had
// that open as well.
void wal_index_unmap(Wal *wal, bool delete_it)
{
    ASSERT(wal->region_count <= wal->region_capacity);
    if (wal->index_is_private) {
        for (u32 i = 0; i < wal->region_count; i++)
            mem_free((void *)(uintptr_t)wal->regions[i]);
    }
    if (!wal->index_is_private || wal->index_unreliable)
        (void)os_shm_unmap(wal->database, delete_it);
    wal->region_count = 0;
    wal->stuck_shared = 0; // unmapping lets all locks go
    wal->stuck_exclusive = 0;
    ASSERT(!wal->write_locked || wal->index_is_private);
}

void wal_index_barrier(Wal *wal)
{
    ASSERT(wal->database != NULL);
    if (!wal->index_is_private)
        os_shm_barrier(wal->database);
}

// --- locks ---

int wal_lock_shared(Wal *wal, int slot)
{
    ASSERT(slot >= 0);
    ASSERT(slot < SHM_SLOT_COUNT);
    if (wal->index_is_private)
        return SQLITE_OK;
    return os_shm_lock(wal->database, slot, 1, SQLITE_SHM_LOCK | SQLITE_SHM_SHARED);
}

// One that fails is remembered, for whoever reads next to let go.
static void wal_unlock(Wal *wal, int slot, int count, int how)
{
    ASSERT(how == SQLITE_SHM_SHARED || how == SQLITE_SHM_EXCLUSIVE);
    ASSERT(slot + count <= SHM_SLOT_COUNT);
    if (wal->index_is_private)
        return;
    u8 *stuck = how == SQLITE_SHM_SHARED ? &wal->stuck_shared : &wal->stuck_exclusive;
    u32 mask = ((1u << count) - 1) << slot;
    int rc = os_shm_lock(wal->database, slot, count, SQLITE_SHM_UNLOCK | how);
    *stuck = (u8)(rc == SQLITE_OK ? *stuck & ~mask : *stuck | mask);
}

int wal_release_stuck(Wal *wal)
{
    ASSERT(wal->read_lock < 0);
    ASSERT(!wal->write_locked);
    for (int slot = 0; slot < SHM_SLOT_COUNT; slot++) {
        if (wal->stuck_shared & (1u << slot))
            TRY(os_shm_lock(wal->database, slot, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED));
        if (wal->stuck_exclusive & (1u << slot))
            TRY(os_shm_lock(wal->database, slot, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE));
    }
    wal->stuck_shared = 0;
    wal->stuck_exclusive = 0;
    return SQLITE_OK;
}

void wal_unlock_shared(Wal *wal, int slot)
{
    ASSERT(slot >= 0);
    ASSERT(slot < SHM_SLOT_COUNT);
    wal_unlock(wal, slot, 1, SQLITE_SHM_SHARED);
}

int wal_lock_exclusive(Wal *wal, int slot, int count)
{
    ASSERT(slot >= 0);
    ASSERT(slot + count <= SHM_SLOT_COUNT);
    if (wal->index_is_private)
        return SQLITE_OK;
    return os_shm_lock(wal->database, slot, count, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);
}

void wal_unlock_exclusive(Wal *wal, int slot, int count)
{
    ASSERT(slot >= 0);
    ASSERT(count >= 1);
    wal_unlock(wal, slot, count, SQLITE_SHM_EXCLUSIVE);
}

// --- header ---

// Word by word: a writer may be at it, and header_try() will notice.
static void header_load(const volatile u32 *region, u32 copy, WalHeader *out)
{
    ASSERT(region != NULL);
    u32 words[sizeof(WalHeader) / 4];
    ASSERT(copy < 2);
    for (u32 i = 0; i < ARRAY_LEN(words); i++)
        words[i] = shm_load(&region[copy * ARRAY_LEN(words) + i]);
    memcpy(out, words, sizeof *out);
}

// Whole words, so that a reader finds each of them old or new, never in between.
static void header_store(volatile u32 *region, u32 copy, const WalHeader *header)
{
    ASSERT(region != NULL);
    u32 words[sizeof(WalHeader) / 4];
    ASSERT(copy < 2);
    memcpy(words, header, sizeof words);
    for (u32 i = 0; i < ARRAY_LEN(words); i++)
        shm_store(&region[copy * ARRAY_LEN(words) + i], words[i]);
}

void wal_index_write_header(Wal *wal)
{
    ASSERT(wal->write_locked || wal->index_is_private);
    ASSERT(wal->region_count > 0);
    WalHeader *header = &wal->header;
    header->is_initialised = 1;
    header->version = WAL_VERSION;
    wal_checksum(true, (const u8 *)header, offsetof(WalHeader, checksum), NULL, header->checksum);
    // Readers take the first copy first: it must not be seen new while the second is old and torn.
    header_store(wal->regions[0], 1, header);
    wal_index_barrier(wal);
    header_store(wal->regions[0], 0, header);
}

// One copy is enough: a torn one equals nothing that was ever written.
bool wal_index_header_is(Wal *wal, const WalHeader *header)
{
    WalHeader now;
    ASSERT(wal->region_count > 0);
    ASSERT(header != NULL);
    header_load(wal->regions[0], 0, &now);
    static_assert(sizeof now % sizeof(u32) == 0, "it is read in words");
    return memcmp(&now, header, sizeof now) == 0;
}

// 65536 does not fit 16 bits and is stored as 1.
static u32 header_page_size(const WalHeader *header)
{
    ASSERT(header != NULL);
    static_assert(PAGE_SIZE_MAX == 1u << 16, "the one size that does not fit");
    return (header->page_size & 0xfe00u) | ((header->page_size & 1u) << 16);
}

// Takes the shared header over when it is whole; false when a writer is at it or it was never made.
static bool header_try(Wal *wal, bool *changed)
{
    WalHeader first;
    WalHeader second;
    u32 checksum[2];
    ASSERT(wal->region_count > 0);
    ASSERT(wal->regions[0] != NULL);
    header_load(wal->regions[0], 0, &first);
    wal_index_barrier(wal);
    header_load(wal->regions[0], 1, &second);
    if (memcmp(&first, &second, sizeof first) != 0 || first.is_initialised == 0)
        return false;
    wal_checksum(true, (const u8 *)&first, offsetof(WalHeader, checksum), NULL, checksum);
    if (memcmp(checksum, first.checksum, sizeof checksum) != 0)
        return false;
    if (memcmp(&wal->header, &first, sizeof first) != 0) {
        *changed = true;
        wal->header = first;
        wal->page_size = header_page_size(&first);
    }
    return true;
}

// The header is not whole: under the WRITE lock nobody is at it, so the log must be read again.
static int header_repair(Wal *wal, bool *changed)
{
    ASSERT(wal->region_count > 0);
    if (wal->index_read_only)
        return SQLITE_READONLY_RECOVERY;
    if (wal->write_locked) {
        *changed = true;
        return wal_recover(wal);
    }
    TRY(wal_lock_exclusive(wal, SHM_SLOT_WRITE, 1));
    ASSERT(!wal->write_locked);
    wal->write_locked = true;
    int rc = SQLITE_OK;
    if (!header_try(wal, changed)) {
        rc = wal_recover(wal);
        *changed = true;
    }
    wal->write_locked = false;
    wal_unlock_exclusive(wal, SHM_SLOT_WRITE, 1);
    return rc;
}

// A read-only connection to a log nobody has open: the index is built in the heap, anew for every
// transaction, since nobody would tell when the log changes.
static int header_build_private(Wal *wal, bool *changed)
{
    ASSERT(wal->read_lock < 0);
    wal->index_is_private = true;
    wal->index_unreliable = true;
    for (u32 i = 0; i < wal->region_count; i++)
        wal->regions[i] = NULL;
    volatile u32 *region;
    TRY(wal_index_map(wal, 0, &region));
    *changed = true;
    ASSERT(region != NULL);
    return wal_recover(wal);
}

int wal_index_read_header(Wal *wal, bool *changed)
{
    ASSERT(wal->read_lock < 0);
    volatile u32 *region;
    ASSERT(changed != NULL);
    if (wal->index_unreliable) {
        // Try the shared memory again: a writer may have come and made it.
        wal_index_unmap(wal, false);
        wal->index_is_private = false;
        wal->index_unreliable = false;
    }
    int rc = wal_index_map(wal, 0, &region);
    if (rc == SQLITE_READONLY_CANTINIT)
        return header_build_private(wal, changed);
    TRY(rc);
    if (region == NULL)
        return header_build_private(wal, changed);
    if (UNLIKELY(!header_try(wal, changed)))
        TRY(header_repair(wal, changed));
    return wal->header.version == WAL_VERSION ? SQLITE_OK : error_cantopen();
}

// --- finding and adding ---

typedef struct HashBlock {
    volatile u32 *pages; // of frames first_frame.. (index 0)
    volatile u16 *slots;
    FrameNo before; // the frame number before the block's first
    u32 capacity;
} HashBlock;

// Where a region's pages and hash table lie; the first region is shorter by the headers.
static int hash_block(Wal *wal, u32 region, HashBlock *out)
{
    volatile u32 *memory;
    ASSERT(out != NULL);
    TRY(wal_index_map(wal, region, &memory));
    if (memory == NULL)
        return error_os(SQLITE_IOERR_SHMMAP, 0, "shm", wal->path); // the header promised more
    ASSERT(SHM_REGION_SIZE == FRAMES_PER_REGION * 4 + HASH_SLOTS * 2);
    out->slots = (volatile u16 *)(memory + FRAMES_PER_REGION);
    if (region == 0) {
        out->pages = memory + INDEX_HEADER_SIZE / 4;
        out->before = 0;
        out->capacity = FRAMES_IN_FIRST;
    } else {
        out->pages = memory;
        out->before = FRAMES_IN_FIRST + (region - 1) * FRAMES_PER_REGION;
        out->capacity = FRAMES_PER_REGION;
    }
    return SQLITE_OK;
}

// The multiplier and the size are fixed by the format.
static u32 hash_start(Pgno pgno)
{
    static_assert((HASH_SLOTS & (HASH_SLOTS - 1)) == 0, "the table is a power of two");
    ASSERT(pgno != 0);
    return (pgno * 383u) & (HASH_SLOTS - 1);
}

static u16 slot_load(volatile u16 *slot)
{
    ASSERT(slot != NULL);
    // Acquire: the page number beside the slot was stored before it.
    return __atomic_load_n(slot, __ATOMIC_ACQUIRE);
}

// The newest frame of `pgno` in [first, last] within one block, 0 none. Half of the slots are free
// by the format, so a chain ends soon; the count of steps is for a damaged table.
static int block_find(const HashBlock *block, Pgno pgno, FrameNo first, FrameNo last, FrameNo *out)
{
    u32 key = hash_start(pgno);
    ASSERT(pgno != 0);
    ASSERT(first >= 1);
    for (u32 steps = 0; steps < HASH_SLOTS; steps++) {
        u16 place = slot_load(&block->slots[key]);
        if (place == 0)
            return SQLITE_OK;
        FrameNo frame = block->before + place;
        // Later places of a page come later in its chain.
        if (frame <= last && frame >= first && place <= block->capacity
            && shm_load(&block->pages[place - 1]) == pgno)
            *out = frame;
        key = (key + 1) & (HASH_SLOTS - 1);
    }
    return corrupt_page(pgno, "wal-index hash table without a free slot");
}

// From the newest block to the oldest: the first hit is the newest frame. Most pages asked for are
// in the newest block or in none, which costs a probe of each.
int wal_find(Wal *wal, Pgno pgno, FrameNo *out)
{
    FrameNo last = wal->header.last_frame;
    ASSERT(wal->read_lock >= 0);
    *out = 0;
    if (last == 0 || (wal->read_lock == 0 && !wal->index_unreliable))
        return SQLITE_OK; // with READ0 the whole log is in the database
    if (wal->first_frame > last)
        return SQLITE_OK;
    u32 lowest = region_of(wal->first_frame);
    for (u32 region = region_of(last) + 1; region-- > lowest && *out == 0;) {
        HashBlock block;
        TRY(hash_block(wal, region, &block));
        TRY(block_find(&block, pgno, wal->first_frame, last, out));
    }
    ASSERT(*out <= last);
    return SQLITE_OK;
}

int wal_index_page_of(Wal *wal, FrameNo frame, Pgno *out)
{
    HashBlock block;
    ASSERT(frame >= 1);
    TRY(hash_block(wal, region_of(frame), &block));
    ASSERT(frame > block.before);
    *out = shm_load(&block.pages[frame - block.before - 1]);
    return SQLITE_OK;
}

// Done by whoever appends a block's first frame, so no one needs to clear a log.
static void block_clear(HashBlock *block)
{
    ASSERT(block->capacity <= FRAMES_PER_REGION);
    for (u32 i = 0; i < block->capacity; i++)
        shm_store(&block->pages[i], 0);
    volatile u32 *slots = (volatile u32 *)block->slots;
    for (u32 i = 0; i < HASH_SLOTS / 2; i++)
        shm_store(&slots[i], 0);
    ASSERT(slot_load(&block->slots[0]) == 0);
}

// Forgets what lies behind the last frame: leftovers of a transaction that was rolled back, or
// whose process died before its commit.
void wal_index_clean(Wal *wal)
{
    FrameNo last = wal->header.last_frame;
    HashBlock block;
    ASSERT(wal->write_locked || wal->index_is_private);
    if (last == 0 || hash_block(wal, region_of(last), &block) != SQLITE_OK)
        return; // frame 1 clears its block when it is appended
    ASSERT(last > block.before);
    u32 kept = last - block.before;
    for (u32 i = 0; i < HASH_SLOTS; i++)
        if (slot_load(&block.slots[i]) > kept)
            __atomic_store_n(&block.slots[i], 0, __ATOMIC_RELEASE);
    for (u32 i = kept; i < block.capacity; i++)
        shm_store(&block.pages[i], 0);
}

int wal_index_append(Wal *wal, FrameNo frame, Pgno pgno)
{
    HashBlock block;
    ASSERT(frame >= 1);
    ASSERT(wal->write_locked || wal->index_is_private);
    TRY(hash_block(wal, region_of(frame), &block));
    u32 place = frame - block.before;
    if (place == 1)
        block_clear(&block);
    else if (shm_load(&block.pages[place - 1]) != 0)
        wal_index_clean(wal); // what a writer left that died or rolled back
    u32 key = hash_start(pgno);
    u32 steps = 0;
    while (slot_load(&block.slots[key]) != 0) {
        if (++steps > HASH_SLOTS)
            return corrupt_page(pgno, "wal-index hash table without a free slot");
        key = (key + 1) & (HASH_SLOTS - 1);
    }
    shm_store(&block.pages[place - 1], pgno);
    __atomic_store_n(&block.slots[key], (u16)place, __ATOMIC_RELEASE);
    return SQLITE_OK;
}
