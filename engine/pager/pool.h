#ifndef QUIRE_PAGER_POOL_H
#define QUIRE_PAGER_POOL_H
// The pages a pager holds in memory.
//
// Nouns
//   PageBuffer  the bytes of one page version with counted references, one allocation together with
//               its header.
//   Slot        a pager's handle for one page: the public Page, the buffer behind it, its place in
//               the table. Slots never move, so a Page pointer stays good while it is pinned.
//   Pool        all slots of one pager, found by page number.
//
// A pool belongs to one pager and is touched by one thread at a time, so pins are plain integers
// and a lookup takes no lock. Buffers that are published in the process's PageStore (page_store.h)
// are referred to by the pools of several pagers: reference counts are atomic, and nobody writes to
// such a buffer. A buffer goes back to the pool whose pager lets go of it last, whoever made it.
//
// Eviction is a clock: a hand walks over all slots and takes the first that is not pinned, not
// private and was not used since the hand last passed.

#include "base/contract.h"
#include "pager/page_store.h"
#include "pager/pager.h"

#include <stdatomic.h>

struct PageBuffer {
    atomic_uint refs;
    u32 size;            // bytes of a page, without the slack
    PageStore *store;    // NULL: not published; changes only while there is one reference, or none
    PageBuffer *next;    // in the store's table, or in a pool's list of free ones
    PageVersion version; // of which page it has what, while it is published
    Pgno pgno;
    u8 data[];
};

enum {
    SLOT_USED_RECENTLY = 1, // second chance for the clock
    SLOT_UNSAVED = 2,       // temporary files: the content is in memory only, committed or not
    SLOT_DONT_WRITE = 4,    // on the freelist: its content need not reach the disk
    SLOT_CHOSEN = 16,       // while a spill picks its pages
    SLOT_STALE = 8,         // pinned while its content was rolled back: to be read again
};

typedef struct Slot {
    Page page; // first: a Page pointer is a Slot pointer
    PageBuffer *buffer;
    struct Slot *chain;                       // next slot of the same bucket, or of the free list
    struct Slot *private_next, *private_prev; // list of the private ones
    u32 saved_at; // undo sequence number at which its content was last saved
    u8 flags;
} Slot;

enum { SLOTS_PER_CHUNK = 32 };
typedef struct SlotChunk {
    Slot slots[SLOTS_PER_CHUNK];
} SlotChunk;

typedef struct Pool {
    Slot **buckets; // power of two of them, indexed by the low bits of the page number
    u32 bucket_mask;
    u32 count;         // slots in use
    u32 private_count; // of them, private ones
    u32 limit;         // slots wanted at most; passed when nothing can be evicted
    u32 page_size;
    SlotChunk **chunks;
    u32 chunk_count, chunk_capacity;
    u32 hand; // slot index where the clock stands
    Slot *private_first;
    Slot *free_slots;
    PageBuffer *free_buffers;
    u32 free_buffer_count;
} Pool;

static inline Slot *slot_of(Page *page)
{
    ASSERT(page != NULL);
    return (Slot *)(void *)page;
}

// Acquire: who finds himself alone may write, and must see all that the last other holder did.
static inline bool buffer_is_shared(const PageBuffer *buffer)
{
    ASSERT(buffer != NULL);
    return atomic_load_explicit(&buffer->refs, memory_order_acquire) > 1;
}

// May its sole holder write to it at once? If not: page_store_take_back(), or a copy.
static inline bool buffer_is_writable(const PageBuffer *buffer)
{
    return !buffer_is_shared(buffer) && buffer->store == NULL;
}

// What it costs the allocator, nearly.
static inline u64 buffer_bytes(u32 page_size)
{
    ASSERT(page_size >= PAGE_SIZE_MIN);
    return sizeof(PageBuffer) + page_size + PAGE_SLACK;
}

static inline Slot *pool_find(const Pool *pool, Pgno pgno)
{
    ASSERT(pool->buckets != NULL);
    Slot *slot = pool->buckets[pgno & pool->bucket_mask];
    while (slot != NULL && slot->page.pgno != pgno)
        slot = slot->chain;
    return slot;
}

MUST_USE int pool_init(Pool *pool, u32 page_size, u32 limit);
void pool_deinit(Pool *pool);
// Drops every slot and takes the new size. Nothing may be pinned.
void pool_set_page_size(Pool *pool, u32 page_size);

// A buffer with one reference; its content is undefined but for the slack, which is zero.
MUST_USE int buffer_new(Pool *pool, PageBuffer **out);
void page_buffer_ref(PageBuffer *buffer);
void page_buffer_unref(Pool *pool, PageBuffer *buffer); // NULL is legal

// An empty slot in the table for a page that is not there yet. The caller gives it a buffer.
MUST_USE int pool_add(Pool *pool, Pgno pgno, Slot **out);
void pool_remove(Pool *pool, Slot *slot); // and its buffer reference; it must not be pinned
void pool_rename(Pool *pool, Slot *slot, Pgno pgno);
// Points the slot at another buffer, whose reference it takes over.
void slot_set_buffer(Pool *pool, Slot *slot, PageBuffer *buffer);
void slot_set_private(Pool *pool, Slot *slot, bool is_private);

// The next slot that may be evicted (not pinned, not private, saved, not used lately), or NULL.
Slot *pool_victim(Pool *pool);
// Drops all slots that are not pinned, not private and saved.
void pool_drop_clean(Pool *pool);
// Gives free buffers back to the allocator.
void pool_trim(Pool *pool);

// Bytes of buffers in slots and in the list of free ones. Of a buffer that others hold, too,
// *shared has only this pager's share.
u64 pool_memory(const Pool *pool, u64 *shared);

// Walks over the slots in use: start with *cursor 0; NULL at the end. Removing the slot is allowed.
Slot *pool_next(const Pool *pool, u32 *cursor);
u32 pool_pinned_count(const Pool *pool);
bool pool_is_valid(const Pool *pool);

#endif
