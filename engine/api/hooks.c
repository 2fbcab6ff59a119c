// Callbacks a program registers on a connection.
//
// The order in which a change is told: authorizer (when the statement is prepared), progress (every
// so many instructions), preupdate (before the row changes), update (after it), commit (which may
// refuse) or rollback, and last the WAL hook, when the locks are gone so that it may run a
// checkpoint.
//
// Callbacks run with the connection entered; they may not close it, nor use it in ways that change
// it unless their entry in sqlite3.h says so. One of each kind: the former argument is given back.

#include "api/api.h"
#include "btree/unlock.h"

// Handler and timeout exclude each other: the last one set counts.
int sqlite3_busy_handler(sqlite3 *db, int (*busy)(void *, int), void *arg)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    db->busy = busy;
    db->busy_arg = arg;
    db->busy_count = 0;
    db->busy_timeout_ms = 0;
    return api_exit(db, SQLITE_OK);
}

// Waits in growing steps, as one total budget: 1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100 ms and
// then 100 ms each, the last one cut to what is left.
static int busy_wait(void *arg, int count)
{
    ASSERT(count >= 0);

    static const u8 delays[] = {1, 2, 5, 10, 15, 20, 25, 25, 25, 50, 50, 100};
    sqlite3 *db = arg;
    int waited = 0;
    int delay = 100;
    for (int i = 0; i < count; i++)
        waited += i < (int)ARRAY_LEN(delays) ? delays[i] : 100;
    if (count < (int)ARRAY_LEN(delays))
        delay = delays[count];
    if (waited + delay > db->busy_timeout_ms)
        delay = db->busy_timeout_ms - waited;
    if (delay <= 0)
        return 0;
    sqlite3_sleep(delay);
    return 1;
}

// A timeout is a busy handler of ours. Zero or less: no waiting.
int sqlite3_busy_timeout(sqlite3 *db, int timeout_ms)
{
    if (!connection_is_usable(db))
        return error_misuse();
    if (timeout_ms <= 0)
        return sqlite3_busy_handler(db, NULL, NULL);
    sqlite3_busy_handler(db, busy_wait, db);
    db->busy_timeout_ms = timeout_ms;
    return SQLITE_OK;
}

int sqlite3_set_authorizer(sqlite3 *db,
                           int (*authorizer)(void *, int, const char *, const char *, const char *,
                                             const char *),
                           void *arg)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    db->authorizer = authorizer;
    db->authorizer_arg = arg;
    if (authorizer != NULL)
        db->schema_generation++; // prepared statements must ask again
    return api_exit(db, SQLITE_OK);
}

void *sqlite3_commit_hook(sqlite3 *db, int (*hook)(void *), void *arg)
{
    if (!connection_is_usable(db))
        return NULL;
    api_enter(db);
    void *former = db->commit_arg;
    db->commit_hook = hook;
    db->commit_arg = arg;
    api_exit(db, SQLITE_OK);
    return former;
}

void *sqlite3_rollback_hook(sqlite3 *db, void (*hook)(void *), void *arg)
{
    if (!connection_is_usable(db))
        return NULL;
    api_enter(db);
    void *former = db->rollback_arg;
    db->rollback_hook = hook;
    db->rollback_arg = arg;
    api_exit(db, SQLITE_OK);
    return former;
}

void *sqlite3_update_hook(sqlite3 *db,
                          void (*hook)(void *, int, char const *, char const *, sqlite3_int64),
                          void *arg)
{
    if (!connection_is_usable(db))
        return NULL;
    api_enter(db);
    void *former = db->update_arg;
    db->update_hook = hook;
    db->update_arg = arg;
    api_exit(db, SQLITE_OK);
    return former;
}

void *sqlite3_preupdate_hook(sqlite3 *db,
                             void (*hook)(void *, sqlite3 *, int, char const *, char const *,
                                          sqlite3_int64, sqlite3_int64),
                             void *arg)
{
    if (!connection_is_usable(db))
        return NULL;
    api_enter(db);
    void *former = db->preupdate_arg;
    db->preupdate_hook = hook;
    db->preupdate_arg = arg;
    api_exit(db, SQLITE_OK);
    return former;
}

void *sqlite3_wal_hook(sqlite3 *db, int (*hook)(void *, sqlite3 *, const char *, int), void *arg)
{
    if (!connection_is_usable(db))
        return NULL;
    api_enter(db);
    void *former = db->wal_arg;
    db->wal_hook = hook;
    db->wal_arg = arg;
    api_exit(db, SQLITE_OK);
    return former;
}

// The automatic checkpoint is a WAL hook like any other, and is replaced by one.
static int checkpoint_after(void *arg, sqlite3 *db, const char *schema, int frames)
{
    ASSERT((intptr_t)arg > 0);

    if (frames >= (int)(intptr_t)arg)
        sqlite3_wal_checkpoint(db, schema);
    return SQLITE_OK;
}

int sqlite3_wal_autocheckpoint(sqlite3 *db, int frames)
{
    if (!connection_is_usable(db))
        return error_misuse();
    if (frames > 0)
        sqlite3_wal_hook(db, checkpoint_after, (void *)(intptr_t)frames);
    else
        sqlite3_wal_hook(db, NULL, NULL);
    return SQLITE_OK;
}

// Steps are instructions of the machine, so a number means about as much work as in SQLite, not as
// many calls.
void sqlite3_progress_handler(sqlite3 *db, int steps, int (*progress)(void *), void *arg)
{
    if (!connection_is_usable(db))
        return;
    api_enter(db);
    bool on = steps > 0 && progress != NULL;
    db->progress = on ? progress : NULL;
    db->progress_steps = on ? (u32)steps : 0;
    db->progress_arg = on ? arg : NULL;
    api_exit(db, SQLITE_OK);
}

// The mask says which events are told; older tracers set it for themselves.
int sqlite3_trace_v2(sqlite3 *db, unsigned mask, int (*trace)(unsigned, void *, void *, void *),
                     void *arg)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    if (mask == 0 || trace == NULL) {
        mask = 0;
        trace = NULL;
    }
    db->trace_mask = (u8)mask;
    db->trace = trace;
    db->trace_arg = arg;
    db->trace_is_legacy = false;
    return api_exit(db, SQLITE_OK);
}

void *sqlite3_trace(sqlite3 *db, void (*trace)(void *, const char *), void *arg)
{
    if (!connection_is_usable(db))
        return NULL;
    api_enter(db);
    void *former = db->trace_arg;
    db->trace_mask = trace != NULL ? SQLITE_TRACE_STMT : 0;
    db->trace_is_legacy = true;
    db->trace_legacy = trace;
    db->trace_arg = arg;
    api_exit(db, SQLITE_OK);
    return former;
}

// Deprecated, and independent of sqlite3_trace_v2().
void *sqlite3_profile(sqlite3 *db, void (*profile)(void *, const char *, sqlite3_uint64), void *arg)
{
    if (!connection_is_usable(db))
        return NULL;
    api_enter(db);
    void *former = db->profile_arg;
    db->profile_legacy = (void (*)(void *, const char *, u64))profile;
    db->profile_arg = arg;
    api_exit(db, SQLITE_OK);
    return former;
}

int sqlite3_collation_needed(sqlite3 *db, void *arg,
                             void (*needed)(void *, sqlite3 *, int, const char *))
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    db->collation_needed = needed;
    db->collation_needed16 = NULL;
    db->collation_needed_arg = arg;
    return api_exit(db, SQLITE_OK);
}

int sqlite3_collation_needed16(sqlite3 *db, void *arg,
                               void (*needed)(void *, sqlite3 *, int, const void *))
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    db->collation_needed = NULL;
    db->collation_needed16 = needed;
    db->collation_needed_arg = arg;
    return api_exit(db, SQLITE_OK);
}

// Unlike elsewhere the destructor runs for a connection that is none, too: so it does in SQLite.
int sqlite3_autovacuum_pages(sqlite3 *db,
                             unsigned (*pages)(void *, const char *, unsigned, unsigned, unsigned),
                             void *arg, void (*destroy)(void *))
{
    if (!connection_is_usable(db)) {
        if (destroy != NULL)
            destroy(arg);
        return error_misuse();
    }
    api_enter(db);
    if (db->autovacuum_destroy != NULL)
        db->autovacuum_destroy(db->autovacuum_arg);
    db->autovacuum_pages = pages;
    db->autovacuum_arg = arg;
    db->autovacuum_destroy = destroy;
    return api_exit(db, SQLITE_OK);
}

// From any thread, and without the mutex: the statement that holds it is what is to end. The caller
// answers for the connection being there.
void sqlite3_interrupt(sqlite3 *db)
{
    if (!connection_is_usable_or_sick(db) && (db == NULL || db->magic != CONNECTION_ZOMBIE)) {
        (void)error_misuse();
        return;
    }
    atomic_store(&db->interrupted, 1);
}

int sqlite3_is_interrupted(sqlite3 *db)
{
    if (!connection_is_usable_or_sick(db) && (db == NULL || db->magic != CONNECTION_ZOMBIE)) {
        (void)error_misuse();
        return 0;
    }
    return atomic_load(&db->interrupted) != 0;
}

// --- waiting for others of a shared Btree ---

int sqlite3_unlock_notify(sqlite3 *db, void (*notify)(void **, int), void *arg)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    int rc = unlock_request(db, notify, arg);
    if (rc == SQLITE_OK)
        connection_error_clear(db);
    else
        connection_error(db, rc, "database is deadlocked");
    return api_exit(db, rc);
}
