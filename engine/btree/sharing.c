// Btrees that several connections of this process share: who has a share, and who holds which lock.
//
// What is shared is the *core*: pager, pages, cursors. Each connection has a *view* of it, with its
// own transaction; to the pager all of them look like one connection with several statements, of
// which at most one writes. What keeps them apart is locks on trees:
//
//   S1  At most one view of a core has a write transaction (`writer`).
//   S2  A tree has any number of readers or one writer. Locks last to the end of their view's
//       transaction; when a write transaction ends and reading goes on, writers become readers.
//   S3  Whoever has a transaction has a read lock on tree 1, the schema.
//   S4  A writer that was refused a tree for its readers keeps new transactions out until it ends
//       or is alone (`is_pending`): readers that follow each other shall not starve it.
//   S5  An exclusive writer keeps all others out.
//   S6  core->txn is the furthest that any view is; the core has a snapshot while it is not NONE.
//
// A core belongs to no connection, and is worked on under its own mutex, which a connection holds
// over its calls (btree_enter). The list of cores has another, held for a few instructions. Order:
// connection, core, list.
#include "btree/btree_internal.h"

#include "btree/unlock.h"
#include "os/thread.h"
#include <string.h>

enum { SCHEMA_ROOT = 1 };

typedef struct TreeLock {
    Pgno root;
    bool is_write;
    u64 number; // in the order in which the cache's locks were taken
} TreeLock;

// A view's part of it.
struct BtreeShare {
    TreeLock *locks;
    u32 lock_count, lock_capacity;
    bool is_entered; // the core's mutex is held for this view
    u32 own_commits; // of core->shared->commits
    Btree *next;     // view of the same core
};

// A core's part of it.
struct SharedCache {
    sqlite3_vfs *vfs;
    char *key; // the absolute path, or the name of a database in memory
    sqlite3_mutex *mutex;
    Btree *views;  // newest first; under `mutex`
    Btree *writer; // S1
    bool is_pending, is_exclusive;
    bool schema_is_known;
    u64 lock_count; // ever taken
    u32 commits;
    u32 view_count; // under the list's mutex, as `next`
    Btree *core;
    SharedCache *next;
};

static struct {
    Mutex mutex;
    SharedCache *caches;
} list = {.mutex = MUTEX_INIT};

bool btree_is_shared(const Btree *bt)
{
    ASSERT(bt->core != NULL);
    return bt->share != NULL;
}

u32 btree_sharer_count(const Btree *bt)
{
    ASSERT(bt->core != NULL);
    if (bt->share == NULL)
        return 1;
    mutex_lock(&list.mutex);
    u32 count = bt->core->shared->view_count;
    mutex_unlock(&list.mutex);
    ASSERT(count > 0);
    return count;
}

// --- the list ---

// With the list's mutex held. A core that is found stays: it has one view more.
static SharedCache *cache_find(const sqlite3_vfs *vfs, const char *key)
{
    SharedCache *cache = list.caches;
    while (cache != NULL && (cache->vfs != vfs || strcmp(cache->key, key) != 0))
        cache = cache->next;
    ASSERT(cache == NULL || cache->view_count > 0);
    if (cache != NULL)
        cache->view_count++;
    return cache;
}

static Btree *core_find(const sqlite3_vfs *vfs, const char *key)
{
    ASSERT(vfs != NULL && key != NULL);

    mutex_lock(&list.mutex);
    SharedCache *cache = cache_find(vfs, key);
    mutex_unlock(&list.mutex);
    return cache != NULL ? cache->core : NULL;
}

// Two threads may open the same file at once: the later one finds the other's core and uses that.
static Btree *core_publish(SharedCache *fresh)
{
    ASSERT(fresh->view_count == 0);

    mutex_lock(&list.mutex);
    SharedCache *cache = cache_find(fresh->vfs, fresh->key);
    if (cache == NULL) {
        cache = fresh;
        cache->view_count = 1;
        cache->next = list.caches;
        list.caches = cache;
    }
    mutex_unlock(&list.mutex);
    return cache->core;
}

// Whether nobody has a share any more; the core is then no longer in the list.
static bool core_withdraw(SharedCache *cache)
{
    mutex_lock(&list.mutex);
    ASSERT(cache->view_count > 0);
    bool is_last = --cache->view_count == 0;
    if (is_last) {
        SharedCache **link = &list.caches;
        while (*link != cache)
            link = &(*link)->next;
        *link = cache->next;
    }
    mutex_unlock(&list.mutex);
    return is_last;
}

// --- views ---

static void cache_free(SharedCache *cache)
{
    if (cache == NULL)
        return;
    ASSERT(cache->views == NULL);
    ASSERT(cache->writer == NULL);
    shared_mutex_free(cache->mutex);
    mem_free(cache->key);
    mem_free(cache);
}

static int core_close(Btree *core)
{
    SharedCache *cache = core->shared;
    ASSERT(core->core == core);
    ASSERT(cache->view_count == 0);
    core->shared = NULL;
    int rc = btree_close(core);
    cache_free(cache);
    return rc;
}

// Takes `core`. Without a mutex where the library is configured to have none.
static int core_share(Btree *core, sqlite3_vfs *vfs, const char *key, Btree **out)
{
    ASSERT(core->shared == NULL);

    SharedCache *cache = mem_alloc_zeroed(sizeof *cache);
    char *copy = mem_dup(key, UINT64_MAX);
    if (cache == NULL || copy == NULL) {
        mem_free(copy);
        mem_free(cache);
        (void)btree_close(core);
        return SQLITE_NOMEM;
    }
    cache->vfs = vfs;
    cache->key = copy;
    cache->core = core;
    cache->mutex = shared_mutex_new(SQLITE_MUTEX_RECURSIVE);
    core->shared = cache;
    *out = core_publish(cache);
    if (*out != core)
        (void)core_close(core);
    return SQLITE_OK;
}

// The name by which others find it.
static int share_key(sqlite3_vfs *vfs, const char *path, u32 btree_flags, char **out)
{
    ASSERT(path[0] != 0);
    if ((btree_flags & BTREE_MEMORY) != 0) {
        *out = mem_dup(path, UINT64_MAX);
        return *out != NULL ? SQLITE_OK : SQLITE_NOMEM;
    }
    *out = mem_alloc_zeroed((u64)vfs->mxPathname + 2);
    if (*out == NULL)
        return SQLITE_NOMEM;
    int rc = os_full_path(vfs, path, *out);
    return rc == SQLITE_OK_SYMLINK ? SQLITE_OK : rc;
}

// SQLITE_CONSTRAINT: the connection has a view of that core already.
static int view_link(Btree *view, Btree *core)
{
    SharedCache *cache = core->shared;
    int rc = SQLITE_OK;
    ASSERT(cache != NULL);
    shared_mutex_enter(cache->mutex);
    for (const Btree *other = cache->views; other != NULL; other = other->share->next) {
        if (other->db == view->db)
            rc = SQLITE_CONSTRAINT;
    }
    if (rc == SQLITE_OK) {
        view->core = core;
        view->share->own_commits = cache->commits;
        view->share->next = cache->views;
        cache->views = view;
    }
    shared_mutex_leave(cache->mutex);
    return rc;
}

// Takes the share in `core` that was counted.
static int view_new(Btree *core, sqlite3 *db, Btree **out)
{
    Btree *view = mem_alloc_zeroed(sizeof *view);
    BtreeShare *share = mem_alloc_zeroed(sizeof *share);
    int rc = view != NULL && share != NULL ? unlock_join(db) : SQLITE_NOMEM;
    ASSERT(core->shared != NULL);
    if (rc == SQLITE_OK) {
        view->db = db;
        view->share = share;
        rc = view_link(view, core);
        if (rc != SQLITE_OK)
            unlock_leave(db);
    }
    if (rc == SQLITE_OK) {
        *out = view;
        return SQLITE_OK;
    }
    mem_free(share);
    mem_free(view);
    if (core_withdraw(core->shared))
        (void)core_close(core);
    return rc;
}

int share_open(const BtreeOpening *opening, Btree **out)
{
    char *key = NULL;
    Btree *core = NULL;
    ASSERT(opening->path != NULL && opening->vfs != NULL);

    int rc = share_key(opening->vfs, opening->path, opening->btree_flags, &key);
    if (rc == SQLITE_OK)
        core = core_find(opening->vfs, key);
    if (rc == SQLITE_OK && core == NULL) {
        rc = core_open(opening, &core);
        if (rc == SQLITE_OK)
            rc = core_share(core, opening->vfs, key, &core);
    }
    mem_free(key);
    return rc == SQLITE_OK ? view_new(core, opening->db, out) : rc;
}

static void view_unlink(Btree *view)
{
    SharedCache *cache = view->core->shared;
    Btree **link = &cache->views;
    ASSERT(cache->writer != view);
    while (*link != view)
        link = &(*link)->share->next;
    *link = view->share->next;
}

// The view has no cursor and no transaction any more. The core goes with its last one.
int share_close(Btree *view)
{
    Btree *core = view->core;
    SharedCache *cache = core->shared;
    BtreeShare *share = view->share;
    ASSERT(view->txn == SQLITE_TXN_NONE);

    shared_mutex_enter(cache->mutex);
    view_unlink(view);
    shared_mutex_leave(cache->mutex);
    btree_leave(view);
    int rc = core_withdraw(cache) ? core_close(core) : SQLITE_OK;
    unlock_leave(view->db);
    mem_free(share->locks);
    mem_free(share);
    mem_free(view);
    return rc;
}

// --- the mutex ---

void btree_enter(Btree *bt)
{
    if (bt->share == NULL || bt->share->is_entered)
        return;
    ASSERT(bt->core != bt);
    shared_mutex_enter(bt->core->shared->mutex);
    bt->share->is_entered = true;
}

bool btree_try_enter(Btree *bt)
{
    ASSERT(bt->core != NULL);
    if (bt->share == NULL || bt->share->is_entered)
        return true;
    bt->share->is_entered = shared_mutex_try(bt->core->shared->mutex) == SQLITE_OK;
    return bt->share->is_entered;
}

void btree_leave(Btree *bt)
{
    if (bt->share == NULL || !bt->share->is_entered)
        return;
    ASSERT(bt->core != bt);
    bt->share->is_entered = false;
    shared_mutex_leave(bt->core->shared->mutex);
}

const void *btree_identity(const Btree *bt)
{
    ASSERT(bt != NULL);
    return bt->core;
}

// --- locks ---

// Who holds a lock is told to those who may want to wait for him.
static int refuse(const Btree *view, const Btree *by)
{
    ASSERT(by != view);
    ASSERT(by->db != view->db);
    unlock_blocked(view->db, by->db);
    return SQLITE_LOCKED_SHAREDCACHE;
}

static TreeLock *lock_find(const Btree *view, Pgno root)
{
    const BtreeShare *share = view->share;
    ASSERT(share->lock_count <= share->lock_capacity);
    for (u32 i = 0; i < share->lock_count; i++) {
        if (share->locks[i].root == root)
            return &share->locks[i];
    }
    return NULL;
}

// S2 and S5, and S4 where the one refused is the writer. Of several who are in the way the one
// counts who came last, as in SQLite: it is his transaction whose end a callback will tell.
static int check_conflict(const Btree *view, Pgno root, bool for_writing)
{
    SharedCache *cache = view->core->shared;
    const Btree *blocker = NULL;
    u64 latest = 0;
    ASSERT(!for_writing || cache->writer == view);
    if (cache->is_exclusive && cache->writer != view)
        return refuse(view, cache->writer);
    for (const Btree *other = cache->views; other != NULL; other = other->share->next) {
        const TreeLock *lock = other == view ? NULL : lock_find(other, root);
        if (lock == NULL || !(for_writing || lock->is_write) || lock->number < latest)
            continue;
        blocker = other;
        latest = lock->number;
    }
    if (blocker == NULL)
        return SQLITE_OK;
    if (for_writing)
        cache->is_pending = true;
    return refuse(view, blocker);
}

// Room for one lock more, so that what follows cannot fail.
static int reserve_lock(BtreeShare *share)
{
    ASSERT(share->lock_count <= share->lock_capacity);
    if (share->lock_count < share->lock_capacity)
        return SQLITE_OK;
    u32 capacity = share->lock_capacity == 0 ? 8 : share->lock_capacity * 2;
    TreeLock *locks = mem_realloc(share->locks, capacity * sizeof *locks);
    if (locks == NULL)
        return SQLITE_NOMEM;
    share->locks = locks;
    share->lock_capacity = capacity;
    return SQLITE_OK;
}

// Needs reserve_lock().
static void lock_put(Btree *view, Pgno root, bool for_writing)
{
    BtreeShare *share = view->share;
    TreeLock *lock = lock_find(view, root);
    if (lock == NULL) {
        ASSERT(share->lock_count < share->lock_capacity);
        lock = &share->locks[share->lock_count++];
        *lock = (TreeLock){.root = root, .number = ++view->core->shared->lock_count};
    }
    lock->is_write = lock->is_write || for_writing;
}

int btree_lock_tree(Btree *bt, Pgno root, bool for_writing)
{
    ASSERT(root > 0);
    if (bt->share == NULL)
        return SQLITE_OK;
    ASSERT(bt->txn != SQLITE_TXN_NONE);
    TRY(reserve_lock(bt->share));
    TRY(check_conflict(bt, root, for_writing));
    lock_put(bt, root, for_writing);
    return SQLITE_OK;
}

int btree_ask_schema(Btree *bt)
{
    ASSERT(bt->core != NULL);
    return bt->share == NULL ? SQLITE_OK : check_conflict(bt, SCHEMA_ROOT, false);
}

void btree_note_schema(Btree *bt)
{
    ASSERT(bt->core != NULL);
    if (bt->share != NULL)
        bt->core->shared->schema_is_known = true;
}

bool btree_schema_is_known(const Btree *bt)
{
    ASSERT(bt->core != NULL);
    return bt->share != NULL && bt->core->shared->schema_is_known;
}

// --- transactions ---

// Whoever is in the way of the view's transaction; NULL: nobody.
static const Btree *begin_blocker(const Btree *view, TxnKind kind)
{
    const SharedCache *cache = view->core->shared;
    ASSERT(cache->writer == NULL || cache->writer->txn == SQLITE_TXN_WRITE);
    if (cache->writer != NULL && (kind != BTREE_READ || cache->is_pending))
        return cache->writer;
    const Btree *blocker = NULL;
    u64 latest = 0;
    for (const Btree *other = cache->views; other != NULL; other = other->share->next) {
        const BtreeShare *share = other->share;
        bool is_in_way = kind == BTREE_EXCLUSIVE && other != view && share->lock_count > 0;
        if (!is_in_way || share->locks[share->lock_count - 1].number < latest)
            continue;
        blocker = other;
        latest = share->locks[share->lock_count - 1].number;
    }
    return blocker;
}

int share_may_begin(Btree *bt, TxnKind kind)
{
    bool has_it = bt->txn == SQLITE_TXN_WRITE || (bt->txn == SQLITE_TXN_READ && kind == BTREE_READ);
    if (bt->share == NULL || has_it)
        return SQLITE_OK;
    TRY(reserve_lock(bt->share));
    const Btree *blocker = begin_blocker(bt, kind);
    ASSERT(blocker != bt);
    return blocker != NULL ? refuse(bt, blocker) : check_conflict(bt, SCHEMA_ROOT, false);
}

// Needs share_may_begin().
void share_began(Btree *bt, TxnKind kind)
{
    if (bt->share == NULL)
        return;
    SharedCache *cache = bt->core->shared;
    lock_put(bt, SCHEMA_ROOT, false); // S3
    if (kind == BTREE_READ)
        return;
    ASSERT(cache->writer == NULL || cache->writer == bt); // S1
    cache->writer = bt;
    cache->is_exclusive = cache->is_exclusive || kind == BTREE_EXCLUSIVE;
}

// S4: nobody is left whom the writer waits for.
static bool writer_is_alone(const SharedCache *cache)
{
    ASSERT(cache->writer != NULL);
    for (const Btree *view = cache->views; view != NULL; view = view->share->next) {
        if (view != cache->writer && view->txn != SQLITE_TXN_NONE)
            return false;
    }
    return true;
}

static void drop_locks(Btree *view)
{
    BtreeShare *share = view->share;
    SharedCache *cache = view->core->shared;
    ASSERT(view->txn != SQLITE_TXN_WRITE);
    for (u32 i = 0; i < share->lock_count; i++)
        share->locks[i].is_write = false;
    if (view->txn == SQLITE_TXN_NONE)
        share->lock_count = 0;
    if (cache->writer == view) {
        cache->writer = NULL;
        cache->is_exclusive = cache->is_pending = false;
    }
    if (cache->is_pending && writer_is_alone(cache))
        cache->is_pending = false;
}

// S6.
void share_set_txn(Btree *bt, u8 txn)
{
    Btree *core = bt->core;
    ASSERT(txn <= SQLITE_TXN_WRITE);
    bt->txn = txn;
    if (bt->share == NULL)
        return;
    core->txn = SQLITE_TXN_NONE;
    for (const Btree *view = core->shared->views; view != NULL; view = view->share->next)
        core->txn = view->txn > core->txn ? view->txn : core->txn;
    if (txn != SQLITE_TXN_WRITE)
        drop_locks(bt);
    ASSERT(core->txn >= txn);
}

// After a failure that left the core without a snapshot: whoever read has nothing to read any more.
void share_end_all(Btree *bt)
{
    ASSERT(bt->core->page1 == NULL);
    if (bt->share == NULL) {
        bt->txn = SQLITE_TXN_NONE;
        return;
    }
    for (Btree *view = bt->core->shared->views; view != NULL; view = view->share->next)
        share_set_txn(view, SQLITE_TXN_NONE);
    ASSERT(bt->core->txn == SQLITE_TXN_NONE);
}

// --- what was committed ---

// A commit of one view is news to the others, as if another process had made it.
void share_committed(Btree *bt)
{
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    if (bt->share == NULL)
        return;
    bt->core->shared->commits++;
    bt->share->own_commits++;
}

u32 btree_data_version(Btree *bt)
{
    u32 version = pager_data_version(bt->core->pager);
    ASSERT(bt->core != NULL);
    return bt->share == NULL ? version
                             : version + bt->core->shared->commits - bt->share->own_commits;
}
