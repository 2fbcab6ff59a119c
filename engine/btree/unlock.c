// The list is short, one entry per connection that shares a Btree, and looked at only when a
// lock was refused, asked about or given up.
//
//     blocked_by      set when a lock is refused, until the blocker's transaction ends
//     waits_for       = blocked_by at the time of the request, until the callback is taken
//
// Waiting makes a chain, never a cycle: a request that would close one is refused.
#include "btree/unlock.h"

#include "base/alloc.h"
#include "base/error.h"
#include "os/thread.h"

typedef struct Waiter {
    sqlite3 *db;
    u32 shares; // Btrees it has a share in
    sqlite3 *blocked_by;
    sqlite3 *waits_for;
    UnlockNotify *notify; // NULL: does not wait
    void *arg;
    struct Waiter *next;
} Waiter;

static struct {
    Mutex mutex;
    Waiter *waiters;
} unlock = {.mutex = MUTEX_INIT};

// With the mutex held, as the other functions here that are not public.
static Waiter *waiter_find(const sqlite3 *db)
{
    Waiter *waiter = unlock.waiters;
    while (waiter != NULL && waiter->db != db)
        waiter = waiter->next;
    ASSERT(waiter == NULL || waiter->shares > 0);
    return waiter;
}

// Memory is asked for before the mutex is taken: a program's own allocator may do anything.
int unlock_join(sqlite3 *db)
{
    ASSERT(db != NULL);

    Waiter *fresh = mem_alloc_zeroed(sizeof *fresh);
    if (fresh == NULL)
        return SQLITE_NOMEM;
    mutex_lock(&unlock.mutex);
    Waiter *waiter = waiter_find(db);
    if (waiter == NULL) {
        waiter = fresh;
        waiter->db = db;
        waiter->next = unlock.waiters;
        unlock.waiters = waiter;
        fresh = NULL;
    }
    waiter->shares++;
    mutex_unlock(&unlock.mutex);
    mem_free(fresh);
    return SQLITE_OK;
}

static void waiter_unlink(Waiter *waiter)
{
    ASSERT(waiter != NULL);
    Waiter **link = &unlock.waiters;
    while (*link != waiter)
        link = &(*link)->next;
    *link = waiter->next;
}

// Whoever waits for it has been told by then: the pointer may soon be another connection's.
void unlock_leave(sqlite3 *db)
{
    mutex_lock(&unlock.mutex);
    Waiter *waiter = waiter_find(db);
    ASSERT(waiter != NULL);
    bool is_last = --waiter->shares == 0;
    if (is_last)
        waiter_unlink(waiter);
    mutex_unlock(&unlock.mutex);
    if (!is_last)
        return;
    unlock_announce(db);
    mem_free(waiter);
}

void unlock_blocked(sqlite3 *db, sqlite3 *by)
{
    ASSERT(db != NULL && by != NULL);
    ASSERT(db != by);

    mutex_lock(&unlock.mutex);
    Waiter *waiter = waiter_find(db);
    ASSERT(waiter != NULL);
    waiter->blocked_by = by;
    mutex_unlock(&unlock.mutex);
}

// Whether `db`, if it waited for `blocker`, would wait for itself.
static bool would_deadlock(const sqlite3 *db, const sqlite3 *blocker)
{
    ASSERT(blocker != NULL);
    while (blocker != NULL && blocker != db) {
        const Waiter *waiter = waiter_find(blocker);
        blocker = waiter == NULL ? NULL : waiter->waits_for;
    }
    return blocker == db;
}

// Those with the same callback stand together, the latest request first: the order in which SQLite
// hands the arguments over.
static void waiter_line_up(Waiter *waiter)
{
    ASSERT(waiter->notify != NULL);
    waiter_unlink(waiter);
    Waiter **link = &unlock.waiters;
    while (*link != NULL && (*link)->notify != waiter->notify)
        link = &(*link)->next;
    waiter->next = *link;
    *link = waiter;
}

int unlock_request(sqlite3 *db, UnlockNotify *notify, void *arg)
{
    int rc = SQLITE_OK;
    bool is_free = false;
    ASSERT(db != NULL);

    mutex_lock(&unlock.mutex);
    Waiter *waiter = waiter_find(db);
    if (notify == NULL) {
        if (waiter != NULL) {
            waiter->notify = NULL;
            waiter->blocked_by = waiter->waits_for = NULL;
        }
    } else if (waiter == NULL || waiter->blocked_by == NULL) {
        is_free = true;
    } else if (would_deadlock(db, waiter->blocked_by)) {
        rc = SQLITE_LOCKED;
    } else {
        waiter->waits_for = waiter->blocked_by;
        waiter->notify = notify;
        waiter->arg = arg;
        waiter_line_up(waiter);
    }
    mutex_unlock(&unlock.mutex);
    if (is_free)
        notify(&arg, 1);
    return rc;
}

// --- telling ---

// Arguments of one call. It grows on the heap; without memory there are more calls with fewer.
typedef struct NotifyBatch {
    UnlockNotify *notify;
    void **args;
    int count, capacity;
    void *first[16];
} NotifyBatch;

// Moves into `batch` those who wait for `db` with one callback, as many as there is room for.
static void take_waiters(const sqlite3 *db, NotifyBatch *batch)
{
    ASSERT(batch->count == 0);
    batch->notify = NULL;
    for (Waiter *waiter = unlock.waiters; waiter != NULL; waiter = waiter->next) {
        if (waiter->blocked_by == db)
            waiter->blocked_by = NULL;
        bool is_waiting = waiter->notify != NULL && waiter->waits_for == db;
        bool is_other = batch->notify != NULL && batch->notify != waiter->notify;
        if (!is_waiting || is_other || batch->count == batch->capacity)
            continue;
        batch->notify = waiter->notify;
        batch->args[batch->count++] = waiter->arg;
        waiter->notify = NULL;
        waiter->waits_for = NULL;
    }
    ASSERT((batch->notify != NULL) == (batch->count > 0));
}

static int count_waiters(const sqlite3 *db)
{
    int count = 0;
    for (const Waiter *waiter = unlock.waiters; waiter != NULL; waiter = waiter->next)
        count += waiter->notify != NULL && waiter->waits_for == db;
    ASSERT(count >= 0);
    return count;
}

// Room for all, found before anybody is taken off the list; more may come meanwhile, and get a
// call of their own.
static void batch_reserve(NotifyBatch *batch, int wanted)
{
    ASSERT(batch->args == batch->first);
    if (wanted <= batch->capacity)
        return;
    void **args = mem_alloc((u64)wanted * sizeof *args);
    if (args == NULL)
        return;
    batch->args = args;
    batch->capacity = wanted;
}

// The callbacks run without the mutex: they may well wake a thread that asks for it.
void unlock_announce(sqlite3 *db)
{
    NotifyBatch batch = {.capacity = 16};
    batch.args = batch.first;
    ASSERT(db != NULL);

    mutex_lock(&unlock.mutex);
    int wanted = count_waiters(db);
    mutex_unlock(&unlock.mutex);
    batch_reserve(&batch, wanted);
    for (;;) {
        batch.count = 0;
        mutex_lock(&unlock.mutex);
        take_waiters(db, &batch);
        mutex_unlock(&unlock.mutex);
        if (batch.count == 0)
            break;
        batch.notify(batch.args, batch.count);
    }
    if (batch.args != batch.first)
        mem_free(batch.args);
}
