// The error a connection last met, and who may be asked or told while it works.
//
// An error is code, message and, for syntax, the byte it is about. The message is a Value, so that
// it can be asked for in UTF-16 and be kept by programs that look at it while they clean up. "No
// message" means the text of the code.

#include "base/alloc.h"
#include "base/buffer.h"
#include "base/error.h"
#include "catalog/connection.h"
#include <stdarg.h>
#include <string.h>

// Programs keep what sqlite3_errmsg() gave them while they finalize the statement that failed, and
// that tells the same error once more: the text then stays where it is.
static bool is_same_message(const Value *message, const char *text, size_t size)
{
    return (message->flags & V_TEXT) != 0 && message->encoding == SQLITE_UTF8
           && message->size == size && memcmp(message->bytes, text, size) == 0;
}

// What the system said, for sqlite3_system_errno(): asked at once, before another call replaces it.
static void note_system_error(sqlite3 *db, int rc)
{
    int primary = rc & 0xff;
    bool is_of_system = primary == SQLITE_CANTOPEN || primary == SQLITE_IOERR;
    if (is_of_system && rc != SQLITE_IOERR_NOMEM && db->vfs->xGetLastError != NULL)
        db->os_errno = db->vfs->xGetLastError(db->vfs, 0, NULL);
}

// Takes `text`. SQLITE_LIMIT_LENGTH holds for messages too: past it, and without memory, the code's
// own text has to do.
static void set_message(sqlite3 *db, char *text, size_t size)
{
    ASSERT(text != NULL);
    ASSERT(db->error_message != NULL);

    if (value_set_text(db->error_message, text, size, SQLITE_UTF8, BYTES_TAKE) != SQLITE_OK)
        value_set_null(db->error_message);
}

int connection_error(sqlite3 *db, int rc, const char *fmt, ...)
{
    ASSERT(rc != SQLITE_OK);

    if (db->error_message == NULL)
        db->error_message = value_new(db);
    db->error_code = rc;
    if (db->error_message == NULL)
        return connection_out_of_memory(db);
    va_list args;
    va_start(args, fmt);
    Buffer text = {0};
    buffer_vprintf(&text, fmt, args);
    va_end(args);
    size_t size = text.size;
    char *taken = buffer_take(&text);
    if (taken == NULL)
        return connection_out_of_memory(db);
    note_system_error(db, rc);
    db->error_offset = -1;
    if (is_same_message(db->error_message, taken, size))
        mem_free(taken);
    else
        set_message(db, taken, size);
    return rc;
}

int connection_error_plain(sqlite3 *db, int rc)
{
    note_system_error(db, rc);
    db->error_code = rc;
    db->error_offset = -1;
    if (db->error_message != NULL)
        value_set_null(db->error_message);
    return rc;
}

// Cheap when nothing is to be cleared: every successful call comes by here.
void connection_error_clear(sqlite3 *db)
{
    if (db->error_code != SQLITE_OK || db->error_message != NULL)
        connection_error_plain(db, SQLITE_OK);
}

int connection_out_of_memory(sqlite3 *db)
{
    db->out_of_memory = true;
    connection_error_plain(db, SQLITE_NOMEM);
    if (db->executing > 0)
        atomic_store(&db->interrupted, 1); // running statements stop soon
    return SQLITE_NOMEM;
}

// What the pager calls when a lock is taken. The count is the handler's argument and runs over one
// statement.
static int busy_ask(void *arg)
{
    ASSERT(arg != NULL);

    sqlite3 *db = arg;
    if (db->busy == NULL || db->busy_count < 0)
        return 0;
    int again = db->busy(db->busy_arg, db->busy_count);
    db->busy_count =
        again != 0 ? db->busy_count + 1 : -1; // refused once, refused for the statement
    return again;
}

// --- shared Btrees ---

// Ascending by identity, the order in which all connections take them.
static int shared_btrees(const sqlite3 *db, Btree **out)
{
    int count = 0;
    for (int i = 0; i < db->database_count; i++) {
        Btree *bt = db->databases[i].btree;
        if (bt == NULL || !btree_is_shared(bt))
            continue;
        int at = count++;
        for (; at > 0 && btree_identity(out[at - 1]) > btree_identity(bt); at--)
            out[at] = out[at - 1];
        out[at] = bt;
    }
    ASSERT(count <= DATABASE_MAX);
    return count;
}

static void enter_btrees(const sqlite3 *db)
{
    Btree *shared[DATABASE_MAX];
    int count = shared_btrees(db, shared);
    for (int i = 0; i < count; i++)
        btree_enter(shared[i]);
    ASSERT(count >= 0);
}

static void leave_btrees(const sqlite3 *db)
{
    Btree *shared[DATABASE_MAX];
    int count = shared_btrees(db, shared);
    for (int i = count; i-- > 0;)
        btree_leave(shared[i]);
    ASSERT(count >= 0);
}

void connection_enter(sqlite3 *db)
{
    ASSERT(db->entered >= 0);
    if (db->entered++ == 0 && UNLIKELY(db->shares_btrees))
        enter_btrees(db);
}

void connection_leave(sqlite3 *db)
{
    ASSERT(db->entered > 0);
    if (--db->entered == 0 && UNLIKELY(db->shares_btrees))
        leave_btrees(db);
}

// In the middle of a call the others are held already. One that belongs before them and is taken
// may only be waited for after all are given up, or two connections could wait for each other.
static void enter_adopted(sqlite3 *db, Btree *bt)
{
    ASSERT(db->entered > 0);
    db->shares_btrees = true;
    if (btree_try_enter(bt))
        return;
    leave_btrees(db);
    enter_btrees(db);
    btree_enter(bt); // a database that is being attached is in the array already
}

void connection_adopt_btree(sqlite3 *db, Btree *bt)
{
    ASSERT(bt != NULL);
    if (btree_is_shared(bt))
        enter_adopted(db, bt);
    btree_set_busy_handler(bt, busy_ask, db);
    btree_accept_short_file(bt, connection_schema_is_writable(db));
}

bool connection_schema_is_writable(const sqlite3 *db)
{
    const u64 both = CONN_FLAG(WRITABLE_SCHEMA) | CONN_FLAG(DEFENSIVE);
    return (db->flags & both) == CONN_FLAG(WRITABLE_SCHEMA);
}

void connection_flags_changed(sqlite3 *db)
{
    for (int i = 0; i < db->database_count; i++) {
        Btree *bt = db->databases[i].btree;
        if (bt != NULL)
            btree_accept_short_file(bt, connection_schema_is_writable(db));
    }
}

// After the commit, when the locks are gone, so that the hook may run a checkpoint. Every database
// is asked, or its count of frames would be told after the next commit.
int connection_tell_commits(sqlite3 *db)
{
    ASSERT(db->database_count > DB_TEMP);

    int rc = SQLITE_OK;
    if (!db->autocommit)
        return SQLITE_OK;
    for (int i = 0; i < db->database_count; i++) {
        Btree *btree = db->databases[i].btree;
        if (btree == NULL)
            continue;
        int frames = pager_wal_frames_committed(btree_pager(btree));
        if (frames > 0 && db->wal_hook != NULL && rc == SQLITE_OK)
            rc = db->wal_hook(db->wal_arg, db, db->databases[i].name, frames);
    }
    return rc;
}

SilentScope connection_silence(sqlite3 *db)
{
    // The authorizer is taken away rather than a flag asked wherever it might be called.
    SilentScope scope = {db->authorizer, db->is_silent};
    db->authorizer = NULL;
    db->is_silent = true;
    return scope;
}

void connection_unsilence(sqlite3 *db, SilentScope scope)
{
    ASSERT(db->is_silent);

    db->authorizer = scope.authorizer;
    db->is_silent = scope.was_silent;
}
