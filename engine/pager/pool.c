// Slots and buffers: the memory of a pager. See pool.h.
//
// Two kinds of memory, because they have two lives. A buffer is a page's content and goes when
// nobody refers to it. A slot is a place that pointers lead to (Page *, the private list), so slots
// come in chunks which stay until the pager closes; a removed slot waits in a list for the next
// page.
//
// The table is a power of two of buckets, at least as many as slots in use, and chains are linked
// through the slots: finding a page is a masked index and, as a rule, one comparison.
#include "pager/pool.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/vec.h"

#include <string.h>

enum {
    BUCKETS_MIN = 64,
    FREE_BUFFERS_MAX = 16, // kept for reuse; more go back to the allocator
};

// --- buffers ---

// Takes a free one first: evicting a page and loading another costs no allocation.
// The slack behind the page is zeroed once and for good: nobody writes there, and decoders that
// read a few bytes past a page's end must find the same each time.
int buffer_new(Pool *pool, PageBuffer **out)
{
    ASSERT(pool->page_size >= PAGE_SIZE_MIN);
    ASSERT(pool->page_size <= PAGE_SIZE_MAX);

    PageBuffer *buffer = pool->free_buffers;
    if (buffer != NULL) {
        pool->free_buffers = buffer->next;
        pool->free_buffer_count--;
    } else {
        buffer = mem_alloc(buffer_bytes(pool->page_size));
        if (buffer == NULL)
            return SQLITE_NOMEM;
        buffer->size = pool->page_size;
        buffer->store = NULL;
        memset(buffer->data + pool->page_size, 0, PAGE_SLACK);
    }
    ASSERT(buffer->size == pool->page_size);
    ASSERT(buffer->store == NULL);
    atomic_init(&buffer->refs, 1);
    buffer->next = NULL;
    *out = buffer;
    return SQLITE_OK;
}

void page_buffer_ref(PageBuffer *buffer)
{
    ASSERT(buffer != NULL);
    // Relaxed: whoever takes a reference holds one already or found it under a lock.
    u32 before = atomic_fetch_add_explicit(&buffer->refs, 1, memory_order_relaxed);
    ASSERT(before > 0);
    (void)before;
}

void page_buffer_unref(Pool *pool, PageBuffer *buffer)
{
    if (buffer == NULL)
        return;
    // Release pairs with the acquire of the last one, so that all reads come before the reuse.
    u32 before = atomic_fetch_sub_explicit(&buffer->refs, 1, memory_order_acq_rel);
    ASSERT(before > 0);
    if (before > 1)
        return;
    if (buffer->store != NULL)
        page_store_unlink(buffer); // S2
    if (buffer->size == pool->page_size && pool->free_buffer_count < FREE_BUFFERS_MAX) {
        buffer->next = pool->free_buffers;
        pool->free_buffers = buffer;
        pool->free_buffer_count++;
        return;
    }
    mem_free(buffer);
}

// When memory is asked for (sqlite3_db_release_memory) and when the size of pages changes: a buffer
// fits pages of one size only.
void pool_trim(Pool *pool)
{
    ASSERT(pool->free_buffer_count <= FREE_BUFFERS_MAX);
    while (pool->free_buffers != NULL) {
        PageBuffer *buffer = pool->free_buffers;
        pool->free_buffers = buffer->next;
        pool->free_buffer_count--;
        mem_free(buffer);
    }
    ASSERT(pool->free_buffer_count == 0);
}

// --- the table ---

int pool_init(Pool *pool, u32 page_size, u32 limit)
{
    ASSERT(page_size >= PAGE_SIZE_MIN);
    ASSERT(page_size <= PAGE_SIZE_MAX);

    *pool = (Pool){.page_size = page_size, .limit = limit};
    pool->buckets = mem_alloc_zeroed(BUCKETS_MIN * sizeof(Slot *));
    if (pool->buckets == NULL)
        return SQLITE_NOMEM;
    pool->bucket_mask = BUCKETS_MIN - 1;
    return SQLITE_OK;
}

void pool_deinit(Pool *pool)
{
    ASSERT(pool != NULL);
    u32 cursor = 0;
    for (Slot *slot = pool_next(pool, &cursor); slot != NULL; slot = pool_next(pool, &cursor)) {
        slot->page.pins = 0; // the pager is going away, whatever its users forgot
        pool_remove(pool, slot);
    }
    ASSERT(pool->count == 0);
    pool_trim(pool);
    for (u32 i = 0; i < pool->chunk_count; i++)
        mem_free(pool->chunks[i]);
    mem_free(pool->chunks);
    mem_free(pool->buckets);
    *pool = (Pool){0};
}

void pool_set_page_size(Pool *pool, u32 page_size)
{
    ASSERT(pool->private_count == 0);
    ASSERT(page_size >= PAGE_SIZE_MIN);
    u32 cursor = 0;
    for (Slot *slot = pool_next(pool, &cursor); slot != NULL; slot = pool_next(pool, &cursor))
        pool_remove(pool, slot);
    pool_trim(pool);
    pool->page_size = page_size;
}

// Doubles the buckets. When memory is short the chains simply get longer.
static void pool_grow_buckets(Pool *pool)
{
    u32 size = (pool->bucket_mask + 1) * 2;
    ASSERT(size >= BUCKETS_MIN);
    Slot **buckets = mem_alloc_zeroed((u64)size * sizeof(Slot *));
    if (buckets == NULL)
        return;
    for (u32 i = 0; i <= pool->bucket_mask; i++) {
        Slot *slot = pool->buckets[i];
        while (slot != NULL) {
            Slot *next = slot->chain;
            slot->chain = buckets[slot->page.pgno & (size - 1)];
            buckets[slot->page.pgno & (size - 1)] = slot;
            slot = next;
        }
    }
    mem_free(pool->buckets);
    pool->buckets = buckets;
    pool->bucket_mask = size - 1;
    ASSERT_SLOW(pool_is_valid(pool));
}

// Chunks never move. The free list is threaded in order of address, so that neighbouring pages,
// which are often loaded one after the other, get neighbouring slots.
static int pool_add_chunk(Pool *pool)
{
    ASSERT(pool->free_slots == NULL);
    TRY(vec_reserve(&pool->chunks, &pool->chunk_capacity, pool->chunk_count + 1,
                    sizeof *pool->chunks));
    SlotChunk *chunk = mem_alloc_zeroed(sizeof *chunk);
    if (chunk == NULL)
        return SQLITE_NOMEM;
    for (u32 i = SLOTS_PER_CHUNK; i-- > 0;) {
        chunk->slots[i].chain = pool->free_slots;
        pool->free_slots = &chunk->slots[i];
    }
    pool->chunks[pool->chunk_count++] = chunk;
    ASSERT(pool->free_slots == &chunk->slots[0]);
    return SQLITE_OK;
}

// Neighbouring pages fall into neighbouring buckets, which is kind to scans.
static void bucket_link(Pool *pool, Slot *slot)
{
    Slot **bucket = &pool->buckets[slot->page.pgno & pool->bucket_mask];
    ASSERT(slot->page.pgno != 0);
    ASSERT_SLOW(pool_find(pool, slot->page.pgno) == NULL);
    slot->chain = *bucket;
    *bucket = slot;
}

// A slot that is not in its bucket would be a damaged pool, so the loop needs no other end.
static void bucket_unlink(Pool *pool, Slot *slot)
{
    Slot **link = &pool->buckets[slot->page.pgno & pool->bucket_mask];
    while (*link != slot) {
        ASSERT(*link != NULL);
        link = &(*link)->chain;
    }
    *link = slot->chain;
    slot->chain = NULL;
    ASSERT_SLOW(pool_find(pool, slot->page.pgno) == NULL);
}

// The buckets grow after the slots: a failure to grow them costs time, one to grow the slots is
// reported before anything has changed.
int pool_add(Pool *pool, Pgno pgno, Slot **out)
{
    ASSERT(pgno != 0);
    ASSERT(pool_find(pool, pgno) == NULL);

    if (pool->free_slots == NULL)
        TRY(pool_add_chunk(pool));
    if (pool->count > pool->bucket_mask)
        pool_grow_buckets(pool);
    Slot *slot = pool->free_slots;
    pool->free_slots = slot->chain;
    *slot = (Slot){.page = {.pgno = pgno}};
    bucket_link(pool, slot);
    pool->count++;
    *out = slot;
    return SQLITE_OK;
}

void pool_remove(Pool *pool, Slot *slot)
{
    ASSERT(slot->page.pgno != 0);
    ASSERT(slot->page.pins == 0);

    bucket_unlink(pool, slot);
    slot_set_private(pool, slot, false);
    page_buffer_unref(pool, slot->buffer);
    *slot = (Slot){.chain = pool->free_slots};
    pool->free_slots = slot;
    pool->count--;
}

// Auto-vacuum moves pages: the content stays where it is and answers to another number.
void pool_rename(Pool *pool, Slot *slot, Pgno pgno)
{
    ASSERT(pgno != 0);
    ASSERT(pool_find(pool, pgno) == NULL);
    bucket_unlink(pool, slot);
    slot->page.pgno = pgno;
    bucket_link(pool, slot);
}

// Data pointers taken from the page before are void.
void slot_set_buffer(Pool *pool, Slot *slot, PageBuffer *buffer)
{
    ASSERT(buffer != NULL);
    ASSERT(buffer->size == pool->page_size);
    page_buffer_unref(pool, slot->buffer);
    slot->buffer = buffer;
    slot->page.data = buffer->data;
}

// Commits walk this list, not the whole cache.
static void private_link(Pool *pool, Slot *slot)
{
    ASSERT(slot->private_next == NULL);
    ASSERT(slot->private_prev == NULL);
    slot->private_next = pool->private_first;
    if (pool->private_first != NULL)
        pool->private_first->private_prev = slot;
    pool->private_first = slot;
    pool->private_count++;
}

static void private_unlink(Pool *pool, Slot *slot)
{
    ASSERT(pool->private_count > 0);
    ASSERT(slot->private_prev != NULL || pool->private_first == slot);
    if (slot->private_prev != NULL)
        slot->private_prev->private_next = slot->private_next;
    else
        pool->private_first = slot->private_next;
    if (slot->private_next != NULL)
        slot->private_next->private_prev = slot->private_prev;
    slot->private_next = NULL;
    slot->private_prev = NULL;
    pool->private_count--;
}

void slot_set_private(Pool *pool, Slot *slot, bool is_private)
{
    ASSERT(slot->page.pgno != 0);
    if (slot->page.is_private == is_private)
        return;
    slot->page.is_private = is_private;
    if (is_private) {
        private_link(pool, slot);
    } else {
        private_unlink(pool, slot);
        slot->flags &= (u8)~SLOT_DONT_WRITE;
    }
    ASSERT((pool->private_first == NULL) == (pool->private_count == 0));
}

// --- eviction and walking ---

// Unsaved pages exist nowhere else.
static bool slot_is_evictable(const Slot *slot)
{
    ASSERT(slot->page.pgno != 0 || slot->page.pins == 0);
    ASSERT(slot != NULL);
    return slot->page.pgno != 0 && slot->page.pins == 0 && !slot->page.is_private
           && (slot->flags & SLOT_UNSAVED) == 0;
}

// The hand goes on where it stopped, over free slots and used ones alike: chunks are never sorted,
// and an even walk over all of them is what makes "not used since the hand last passed" mean
// something.
Slot *pool_victim(Pool *pool)
{
    ASSERT(pool->private_count <= pool->count);
    u32 slot_count = pool->chunk_count * SLOTS_PER_CHUNK;
    ASSERT(pool->hand <= slot_count);
    if (pool->private_count == pool->count)
        return NULL;
    // Two rounds: the first may only clear the marks of recent use.
    for (u32 step = 0; step < 2 * slot_count; step++) {
        if (pool->hand >= slot_count)
            pool->hand = 0;
        Slot *slot =
            &pool->chunks[pool->hand / SLOTS_PER_CHUNK]->slots[pool->hand % SLOTS_PER_CHUNK];
        pool->hand++;
        if (!slot_is_evictable(slot))
            continue;
        if ((slot->flags & SLOT_USED_RECENTLY) == 0)
            return slot;
        slot->flags &= (u8)~SLOT_USED_RECENTLY;
    }
    return NULL;
}

void pool_drop_clean(Pool *pool)
{
    ASSERT_SLOW(pool_is_valid(pool));
    u32 cursor = 0;
    for (Slot *slot = pool_next(pool, &cursor); slot != NULL; slot = pool_next(pool, &cursor))
        if (slot_is_evictable(slot))
            pool_remove(pool, slot);
    ASSERT(pool->count >= pool->private_count);
}

Slot *pool_next(const Pool *pool, u32 *cursor)
{
    ASSERT(cursor != NULL);
    u32 slot_count = pool->chunk_count * SLOTS_PER_CHUNK;
    ASSERT(*cursor <= slot_count);
    while (*cursor < slot_count) {
        Slot *slot = &pool->chunks[*cursor / SLOTS_PER_CHUNK]->slots[*cursor % SLOTS_PER_CHUNK];
        ++*cursor;
        if (slot->page.pgno != 0)
            return slot;
    }
    return NULL;
}

u32 pool_pinned_count(const Pool *pool)
{
    ASSERT(pool != NULL);
    u32 count = 0;
    u32 cursor = 0;
    for (Slot *slot = pool_next(pool, &cursor); slot != NULL; slot = pool_next(pool, &cursor))
        count += slot->page.pins > 0;
    ASSERT(count <= pool->count);
    return count;
}

u64 pool_memory(const Pool *pool, u64 *shared)
{
    ASSERT(shared != NULL);
    u64 bytes = buffer_bytes(pool->page_size);
    u64 free_bytes = pool->free_buffer_count * bytes;
    *shared = free_bytes;
    u32 cursor = 0;
    for (Slot *slot = pool_next(pool, &cursor); slot != NULL; slot = pool_next(pool, &cursor)) {
        bool is_published = slot->buffer->store != NULL;
        u32 refs = atomic_load_explicit(&slot->buffer->refs, memory_order_relaxed);
        *shared += is_published ? bytes / refs : bytes;
    }
    ASSERT(*shared <= free_bytes + pool->count * bytes);
    return free_bytes + pool->count * bytes;
}

// For ASSERT_SLOW: the table finds every slot, and the counts are right.
bool pool_is_valid(const Pool *pool)
{
    ASSERT(pool != NULL);
    ASSERT(pool->count <= pool->chunk_count * SLOTS_PER_CHUNK);
    u32 count = 0;
    u32 private_count = 0;
    u32 cursor = 0;
    for (Slot *slot = pool_next(pool, &cursor); slot != NULL; slot = pool_next(pool, &cursor)) {
        count++;
        private_count += slot->page.is_private;
        if (pool_find(pool, slot->page.pgno) != slot)
            return false;
        if (slot->buffer != NULL && slot->page.data != slot->buffer->data)
            return false;
    }
    return count == pool->count && private_count == pool->private_count;
}
