// Mutexes, VFSes, sleeping, randomness: the operating-system layer as programs see it.

#include "api/api.h"
#include "base/prng.h"
#include "os/os.h"
#include "os/thread.h"
#include "vm/vm.h"
#include <stdarg.h>

sqlite3_mutex *sqlite3_mutex_alloc(int kind)
{
    if (kind <= SQLITE_MUTEX_RECURSIVE && sqlite3_initialize() != SQLITE_OK)
        return NULL;
    return api_config.core_mutex ? shared_mutex_new(kind) : NULL;
}

void sqlite3_mutex_free(sqlite3_mutex *mutex)
{
    shared_mutex_free(mutex);
}

void sqlite3_mutex_enter(sqlite3_mutex *mutex)
{
    shared_mutex_enter(mutex);
}

int sqlite3_mutex_try(sqlite3_mutex *mutex)
{
    return shared_mutex_try(mutex);
}

void sqlite3_mutex_leave(sqlite3_mutex *mutex)
{
    shared_mutex_leave(mutex);
}

sqlite3_mutex *sqlite3_db_mutex(sqlite3 *db)
{
    return connection_is_usable(db) ? db->mutex : NULL;
}

sqlite3_vfs *sqlite3_vfs_find(const char *name)
{
    return sqlite3_initialize() == SQLITE_OK ? vfs_find(name) : NULL;
}

int sqlite3_vfs_register(sqlite3_vfs *vfs, int make_default)
{
    TRY(sqlite3_initialize());
    return vfs == NULL ? error_misuse() : vfs_register(vfs, make_default != 0);
}

int sqlite3_vfs_unregister(sqlite3_vfs *vfs)
{
    TRY(sqlite3_initialize());
    return vfs != NULL ? vfs_unregister(vfs) : SQLITE_OK;
}

int sqlite3_sleep(int milliseconds)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    if (vfs == NULL)
        return 0;
    return os_sleep(vfs, milliseconds < 0 ? 0 : milliseconds * 1000) / 1000;
}

int sqlite3_os_init(void)
{
    return os_init();
}

int sqlite3_os_end(void)
{
    return SQLITE_OK;
}

void sqlite3_thread_cleanup(void) {}

int sqlite3_global_recover(void)
{
    return SQLITE_OK;
}

int sqlite3_memory_alarm(void (*alarm)(void *, sqlite3_int64, int), void *arg, sqlite3_int64 limit)
{
    (void)alarm;
    (void)arg;
    (void)limit;
    return SQLITE_OK; // deprecated, without effect in SQLite as well
}

int sqlite3_release_memory(int bytes)
{
    (void)bytes;
    return 0; // only builds with memory management give back other connections' pages
}

// For connections opened from now on that do not say otherwise.
int sqlite3_enable_shared_cache(int on)
{
    api_config.shares_cache = on != 0;
    return SQLITE_OK;
}

// --- randomness ---

static struct {
    Mutex mutex;
    Prng prng;
    bool is_seeded;
} randomness = {.mutex = MUTEX_INIT};

void sqlite3_randomness(int size, void *out)
{
    if (sqlite3_initialize() != SQLITE_OK)
        return;
    mutex_lock(&randomness.mutex);
    if (size <= 0 || out == NULL) {
        randomness.is_seeded = false; // seeded anew at the next call
    } else {
        if (!randomness.is_seeded) {
            u8 seed[44];
            os_randomness(vfs_find(NULL), sizeof seed, seed);
            prng_init(&randomness.prng, seed, sizeof seed);
            randomness.is_seeded = true;
        }
        prng_bytes(&randomness.prng, out, (size_t)size);
    }
    mutex_unlock(&randomness.mutex);
}

// --- without effect in quire ---

// Foreign keys of a connection behave as if they were declared without actions.
static void set_foreign_key_actions(sqlite3 *db, bool has_none)
{
    u64 before = db->flags;
    api_enter(db);
    if (has_none)
        db->flags |= CONN_FLAG(FK_NO_ACTION);
    else
        db->flags &= ~CONN_FLAG(FK_NO_ACTION);
    if (db->flags != before)
        vm_expire_all(db, false);
    api_exit(db, SQLITE_OK);
}

// Controls for SQLite's own tests. Only the one that the session module needs means anything to
// another engine.
int sqlite3_test_control(int op, ...)
{
    va_list args;
    va_start(args, op);
    if (op == SQLITE_TESTCTRL_FK_NO_ACTION) {
        sqlite3 *db = va_arg(args, sqlite3 *);
        bool has_none = va_arg(args, int) != 0;
        if (connection_is_usable(db))
            set_foreign_key_actions(db, has_none);
    }
    va_end(args);
    return 0;
}

int sqlite3_setlk_timeout(sqlite3 *db, int timeout_ms, int flags)
{
    (void)flags; // locks are polled, never waited for
    if (!connection_is_usable(db))
        return error_misuse();
    return timeout_ms < -1 ? SQLITE_RANGE : SQLITE_OK;
}
