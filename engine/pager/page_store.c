// The store of page versions that a process's connections share. See page_store.h for its laws.
//
// Entries are the buffers themselves, chained through their headers, so that publishing allocates
// nothing but a larger table now and then. The table goes by page number alone: a page has few
// versions in memory at a time, and neighbouring pages, which scans read one after the other, lie
// in neighbouring buckets.
#include "pager/page_store.h"

#include "base/alloc.h"
#include "os/thread.h"
#include "pager/pool.h"

#include <string.h>

enum {
    SHARD_COUNT = 8, // power of two: connections of many threads seldom meet in one
    SHARD_BUCKETS_MIN = 16,
};

typedef struct Shard {
    Mutex mutex;
    PageBuffer **buckets; // NULL until the first buffer comes
    u32 bucket_mask;
    u32 count;
} Shard;

struct PageStore {
    PageStore *next; // guarded by the registry's mutex, as are the next two
    FileIdentity identity;
    u32 log_users;
    u32 log_period;
    atomic_uint users; // changed under the registry's mutex
    Shard shards[SHARD_COUNT];
};

static Mutex registry_mutex = MUTEX_INIT;
static PageStore *registry_first; // guarded by registry_mutex

// --- stores ---

// Needs the registry's mutex. A list is enough: a process has a handful of databases open.
static PageStore *registry_find(const FileIdentity *identity)
{
    ASSERT(identity != NULL);
    PageStore *store = registry_first;
    while (store != NULL && memcmp(&store->identity, identity, sizeof *identity) != 0)
        store = store->next;
    ASSERT(store == NULL || atomic_load(&store->users) > 0);
    return store;
}

// Needs the registry's mutex.
static PageStore *registry_add(const FileIdentity *identity)
{
    ASSERT(registry_find(identity) == NULL);
    PageStore *store = mem_alloc_zeroed(sizeof *store);
    if (store == NULL)
        return NULL;
    store->identity = *identity;
    for (u32 i = 0; i < SHARD_COUNT; i++)
        mutex_init(&store->shards[i].mutex);
    store->next = registry_first;
    registry_first = store;
    ASSERT(atomic_load(&store->users) == 0);
    return store;
}

PageStore *page_store_attach(sqlite3_file *file)
{
    FileIdentity identity = {0};
    ASSERT(os_is_open(file));
    if (!os_identity(file, &identity))
        return NULL;
    mutex_lock(&registry_mutex);
    PageStore *store = registry_find(&identity);
    if (store == NULL)
        store = registry_add(&identity);
    if (store != NULL)
        atomic_fetch_add(&store->users, 1);
    mutex_unlock(&registry_mutex);
    ASSERT(store == NULL || memcmp(&store->identity, &identity, sizeof identity) == 0);
    return store;
}

// Nobody finds the store any more, and nobody holds a buffer of it.
static void store_free(PageStore *store)
{
    ASSERT(atomic_load(&store->users) == 0);
    ASSERT(store->log_users == 0);
    for (u32 i = 0; i < SHARD_COUNT; i++) {
        ASSERT(store->shards[i].count == 0);
        mutex_deinit(&store->shards[i].mutex);
        mem_free(store->shards[i].buckets);
    }
    mem_free(store);
}

void page_store_detach(PageStore *store)
{
    if (store == NULL)
        return;
    mutex_lock(&registry_mutex);
    u32 before = atomic_fetch_sub(&store->users, 1);
    ASSERT(before > 0);
    if (before == 1) {
        PageStore **link = &registry_first;
        while (*link != store) {
            ASSERT(*link != NULL);
            link = &(*link)->next;
        }
        *link = store->next;
    }
    mutex_unlock(&registry_mutex);
    if (before == 1)
        store_free(store);
}

bool page_store_has_company(const PageStore *store)
{
    if (store == NULL)
        return false;
    u32 users = atomic_load_explicit(&store->users, memory_order_relaxed); // a hint: S4
    ASSERT(users > 0);
    return users > 1;
}

u32 page_store_enter_log(PageStore *store)
{
    if (store == NULL)
        return 0;
    mutex_lock(&registry_mutex);
    if (store->log_users++ == 0)
        store->log_period++;
    u32 period = store->log_period;
    mutex_unlock(&registry_mutex);
    ASSERT(period > 0);
    return period;
}

void page_store_leave_log(PageStore *store)
{
    if (store == NULL)
        return;
    mutex_lock(&registry_mutex);
    ASSERT(store->log_users > 0);
    ASSERT(store->log_users <= atomic_load(&store->users));
    store->log_users--;
    mutex_unlock(&registry_mutex);
}

// --- the table ---

static Shard *shard_of(PageStore *store, Pgno pgno)
{
    static_assert((SHARD_COUNT & (SHARD_COUNT - 1)) == 0, "the shard is a mask");
    ASSERT(pgno != 0);
    return &store->shards[pgno & (SHARD_COUNT - 1)];
}

static PageBuffer **shard_bucket(const Shard *shard, Pgno pgno)
{
    ASSERT(shard->buckets != NULL);
    ASSERT((shard->bucket_mask & (shard->bucket_mask + 1)) == 0);
    return &shard->buckets[pgno / SHARD_COUNT & shard->bucket_mask];
}

// Doubles the buckets, or makes the first ones. When memory is short the chains get longer. The
// shard's mutex is held: whoever is asked to give back memory for this (alloc_set_reclaimer) must
// not let go of pages.
static void shard_grow(Shard *shard)
{
    u32 size = shard->buckets == NULL ? SHARD_BUCKETS_MIN : (shard->bucket_mask + 1) * 2;
    ASSERT((size & (size - 1)) == 0);
    PageBuffer **former = shard->buckets;
    PageBuffer **buckets = mem_alloc_zeroed((u64)size * sizeof *buckets);
    if (buckets == NULL)
        return;
    u32 former_size = former == NULL ? 0 : shard->bucket_mask + 1;
    shard->buckets = buckets;
    shard->bucket_mask = size - 1;
    for (u32 i = 0; i < former_size; i++) {
        PageBuffer *next;
        for (PageBuffer *buffer = former[i]; buffer != NULL; buffer = next) {
            next = buffer->next;
            PageBuffer **bucket = shard_bucket(shard, buffer->pgno);
            buffer->next = *bucket;
            *bucket = buffer;
        }
    }
    mem_free(former);
    ASSERT(shard->count == 0 || former_size > 0);
}

// One more reference, unless the last one has just gone (S2).
static bool buffer_ref_if_held(PageBuffer *buffer)
{
    ASSERT(buffer->store != NULL);
    u32 refs = atomic_load_explicit(&buffer->refs, memory_order_relaxed);
    // Relaxed: what is read of the buffer is ordered by the shard's mutex.
    while (refs > 0
           && !atomic_compare_exchange_weak_explicit(&buffer->refs, &refs, refs + 1,
                                                     memory_order_relaxed, memory_order_relaxed))
        ASSERT(refs < UINT32_MAX);
    return refs > 0;
}

// Needs the shard's mutex.
static PageBuffer *shard_find(const Shard *shard, Pgno pgno, const PageVersion *version, u32 size)
{
    ASSERT(version->kind != VERSION_NONE);
    if (shard->buckets == NULL)
        return NULL;
    for (PageBuffer *buffer = *shard_bucket(shard, pgno); buffer != NULL; buffer = buffer->next) {
        if (buffer->pgno == pgno && buffer->size == size
            && memcmp(&buffer->version, version, sizeof *version) == 0
            && buffer_ref_if_held(buffer))
            return buffer;
    }
    return NULL;
}

// Needs the shard's mutex.
static void shard_remove(Shard *shard, PageBuffer *buffer)
{
    PageBuffer **link = shard_bucket(shard, buffer->pgno);
    while (*link != buffer) {
        ASSERT(*link != NULL);
        link = &(*link)->next;
    }
    *link = buffer->next;
    buffer->next = NULL;
    buffer->store = NULL;
    ASSERT(shard->count > 0);
    shard->count--;
}

// --- buffers ---

PageBuffer *page_store_find(PageStore *store, Pgno pgno, const PageVersion *version, u32 size)
{
    if (store == NULL)
        return NULL;
    Shard *shard = shard_of(store, pgno);
    mutex_lock(&shard->mutex);
    PageBuffer *buffer = shard_find(shard, pgno, version, size);
    mutex_unlock(&shard->mutex);
    ASSERT(buffer == NULL || buffer->store == store);
    ASSERT(buffer == NULL || buffer->pgno == pgno);
    return buffer;
}

PageBuffer *page_store_publish(PageStore *store, PageBuffer *buffer, Pgno pgno,
                               const PageVersion *version)
{
    if (store == NULL)
        return NULL;
    ASSERT(buffer->store == NULL);
    ASSERT(buffer->next == NULL);
    Shard *shard = shard_of(store, pgno);
    mutex_lock(&shard->mutex);
    PageBuffer *found = shard_find(shard, pgno, version, buffer->size);
    if (found == NULL) {
        if (shard->buckets == NULL || shard->count > shard->bucket_mask)
            shard_grow(shard);
        if (shard->buckets != NULL) {
            PageBuffer **bucket = shard_bucket(shard, pgno);
            buffer->pgno = pgno;
            buffer->version = *version;
            buffer->store = store;
            buffer->next = *bucket;
            *bucket = buffer;
            shard->count++;
            found = buffer;
        }
    }
    mutex_unlock(&shard->mutex);
    ASSERT(found == NULL || found->size == buffer->size);
    return found;
}

bool page_store_take_back(PageBuffer *buffer)
{
    ASSERT(buffer != NULL);
    if (buffer_is_shared(buffer))
        return false;
    if (buffer->store == NULL)
        return true;
    // Looked at again where nobody can find it meanwhile.
    Shard *shard = shard_of(buffer->store, buffer->pgno);
    mutex_lock(&shard->mutex);
    bool is_alone = !buffer_is_shared(buffer);
    if (is_alone)
        shard_remove(shard, buffer);
    mutex_unlock(&shard->mutex);
    ASSERT(!is_alone || buffer->store == NULL);
    return is_alone;
}

void page_store_unlink(PageBuffer *buffer)
{
    ASSERT(atomic_load(&buffer->refs) == 0);
    ASSERT(buffer->store != NULL);
    Shard *shard = shard_of(buffer->store, buffer->pgno);
    mutex_lock(&shard->mutex);
    shard_remove(shard, buffer);
    mutex_unlock(&shard->mutex);
}
