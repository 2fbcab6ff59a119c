// Online backup: copying a database page by page while both are in use.
//
// The source is read in one transaction per step. Pages that its own connection changes between two
// steps are copied again when they change; a change by anybody else starts the copy over.
//
// What makes a step begin anew, or copy a page a second time:
//
//   who writes the source                     what the backup notices it by   what it does
//   its own connection, between two steps     source_changed(), page by page  copies that page
//   again its own connection, whole file (VACUUM)   source_changed(pgno 0)          starts over
//   another connection or process             the data version of the step    starts over
//
// The target's transaction is open from the first step to the last, so nobody reads half a copy; a
// backup that is given up rolls it back. Result codes stick in `rc`: after a real failure further
// steps do nothing and answer the same, while busy and locked may be tried again.

#include "api/api.h"
#include "base/alloc.h"
#include "pager/pager.h"
#include <string.h>

struct sqlite3_backup {
    sqlite3 *target_db, *source_db;
    Btree *target, *source;
    int target_index;
    Pgno next; // page to copy next
    Pgno remaining, page_count;
    u32 target_cookie;  // the target's schema version before
    u32 source_version; // data version the copied pages belong to
    bool is_writing;    // the target's transaction is open
    int rc;
};

// The source's connection has committed a page: if it was copied before, it is copied again.
static void source_changed(void *arg, Pgno pgno, const u8 *data)
{
    sqlite3_backup *backup = arg;
    ASSERT(backup->next >= 1);
    if (pgno == 0)
        backup->next = 1; // everything may have changed
    else if (backup->is_writing && pgno < backup->next && data != NULL)
        backup->rc = btree_copy_content(backup->target, backup->source, pgno, data);
}

enum {
    TEMP_OPEN_FLAGS = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE
                      | SQLITE_OPEN_DELETEONCLOSE | SQLITE_OPEN_TEMP_DB,
};

// Errors are told on the target, whoever they concern: that is where programs look for them.
static Btree *find_btree(sqlite3 *error_db, sqlite3 *db, const char *name, int *index)
{
    *index = connection_find_database(db, name);
    if (*index < 0) {
        connection_error(error_db, SQLITE_ERROR, "unknown database %s", name);
        return NULL;
    }
    Database *d = &db->databases[*index];
    if (d->btree == NULL) { // temp, not needed so far
        int rc = btree_open(db->vfs, NULL, db, BTREE_TEMPORARY, TEMP_OPEN_FLAGS, &d->btree);
        if (rc != SQLITE_OK)
            connection_error_plain(error_db, rc);
    }
    return d->btree;
}

static sqlite3_backup *backup_new(sqlite3 *target, const char *target_name, sqlite3 *source,
                                  const char *source_name)
{
    if (target == source) {
        connection_error(target, SQLITE_ERROR, "source and destination must be distinct");
        return NULL;
    }
    sqlite3_backup *backup = mem_alloc_zeroed(sizeof *backup);
    if (backup == NULL) {
        connection_out_of_memory(target);
        return NULL;
    }
    int source_index;
    *backup = (sqlite3_backup){.target_db = target, .source_db = source, .next = 1};
    backup->source = find_btree(target, source, source_name, &source_index);
    if (backup->source != NULL)
        backup->target = find_btree(target, target, target_name, &backup->target_index);
    ASSERT(backup->target == NULL || backup->target != backup->source);
    bool usable = backup->target != NULL;
    if (usable && btree_txn_state(backup->target) != SQLITE_TXN_NONE) {
        connection_error(target, SQLITE_ERROR, "destination database is in use");
        usable = false;
    }
    if (!usable) {
        mem_free(backup);
        return NULL;
    }
    return backup;
}

sqlite3_backup *sqlite3_backup_init(sqlite3 *target, const char *target_name, sqlite3 *source,
                                    const char *source_name)
{
    if (!connection_is_usable(source) || !connection_is_usable(target)) {
        (void)error_misuse();
        return NULL;
    }
    api_enter(source);
    api_enter(target);
    sqlite3_backup *backup = backup_new(target, target_name, source, source_name);
    if (backup != NULL) {
        target->open_handles++;
        source->open_handles++;
        pager_set_change_listener(btree_pager(backup->source), source_changed, backup);
    }
    (void)api_exit(target, SQLITE_OK);
    (void)api_exit(source, SQLITE_OK);
    return backup;
}

// --- copying ---

// The target takes the page size of the source. One that is in memory, temporary or in log mode
// cannot change its own: then only a source of the same size will do.
static int begin_target(sqlite3_backup *backup)
{
    ASSERT(btree_txn_state(backup->source) != SQLITE_TXN_NONE);

    if (backup->is_writing)
        return SQLITE_OK;
    u32 size = btree_page_size(backup->source);
    int rc = btree_set_page_size(backup->target, size, (int)btree_reserved(backup->source), false);
    if (rc == SQLITE_NOMEM)
        return rc;
    TRY(btree_begin(backup->target, BTREE_EXCLUSIVE, NULL));
    Pager *to = btree_pager(backup->target);
    bool is_temporary = pager_is_memory(to) || pager_path(to)[0] == '\0';
    bool is_fixed = is_temporary || pager_journal_mode(to) == JOURNAL_WAL;
    if (is_fixed && btree_page_size(backup->target) != size) {
        (void)btree_rollback(backup->target, SQLITE_OK, false);
        return SQLITE_READONLY;
    }
    btree_get_meta(backup->target, META_SCHEMA_VERSION, &backup->target_cookie);
    backup->is_writing = true;
    return SQLITE_OK;
}

// `count` negative: all that is left. SQLITE_DONE with the last page, whether or not it was among
// them.
static int copy_some(sqlite3_backup *backup, int count)
{
    ASSERT(backup->is_writing);
    ASSERT(backup->next >= 1);

    Pgno end = btree_page_count(backup->source);
    backup->page_count = end;
    for (; (count < 0 || count > 0) && backup->next <= end; backup->next++) {
        TRY(btree_copy_page(backup->target, backup->source, backup->next));
        if (count > 0)
            count--;
    }
    backup->remaining = end + 1 - backup->next;
    return backup->remaining == 0 ? SQLITE_DONE : SQLITE_OK;
}

// The commit. What the connection knew of the target is forgotten: schema, encoding, cached pages.
static int finish_copy(sqlite3_backup *backup)
{
    ASSERT(backup->is_writing);
    ASSERT(backup->remaining == 0);

    Pager *to = btree_pager(backup->target);
    TRY(backup->page_count > 0 ? btree_copy_end(backup->target, backup->source)
                               : btree_make_empty(backup->target));
    // A new schema cookie makes other readers of the target read the schema again.
    TRY(btree_set_meta(backup->target, META_SCHEMA_VERSION, backup->target_cookie + 1));
    TRY(btree_commit(backup->target));
    backup->is_writing = false;
    pager_forget(to);
    schema_reset(backup->target_db, -1);
    backup->target_db->encoding_is_fixed = false;
    return SQLITE_DONE;
}

// After these a step may be tried again; any other code is final.
static bool is_temporary_failure(int rc)
{
    return rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED;
}

static int backup_step(sqlite3_backup *backup, int count)
{
    ASSERT(is_temporary_failure(backup->rc));
    ASSERT(backup->next >= 1);

    if (btree_txn_state(backup->source) == SQLITE_TXN_WRITE)
        return SQLITE_BUSY;
    bool opened = btree_txn_state(backup->source) == SQLITE_TXN_NONE;
    if (opened)
        TRY(btree_begin(backup->source, BTREE_READ, NULL));
    u32 version = 0;
    btree_get_meta(backup->source, META_DATA_VERSION, &version);
    if (version != backup->source_version)
        backup->next = 1; // another connection wrote since the last step
    backup->source_version = version;
    int rc = begin_target(backup);
    if (rc == SQLITE_OK)
        rc = copy_some(backup, count);
    if (rc == SQLITE_DONE)
        rc = finish_copy(backup);
    if (opened) {
        int end_rc = btree_commit(backup->source);
        if (rc == SQLITE_OK)
            rc = end_rc;
    }
    return rc;
}

int sqlite3_backup_step(sqlite3_backup *backup, int count)
{
    if (backup == NULL)
        return error_misuse();
    api_enter(backup->source_db);
    api_enter(backup->target_db);
    if (is_temporary_failure(backup->rc))
        backup->rc = backup_step(backup, count);
    int rc = backup->rc;
    (void)api_exit(backup->target_db, SQLITE_OK);
    return api_exit(backup->source_db, rc);
}

// Gives up what is not complete. The answer is that of the last step, but for "done", which is
// success.
int sqlite3_backup_finish(sqlite3_backup *backup)
{
    if (backup == NULL)
        return SQLITE_OK;
    sqlite3 *source = backup->source_db;
    sqlite3 *target = backup->target_db;
    api_enter(source);
    api_enter(target);
    pager_set_change_listener(btree_pager(backup->source), NULL, NULL);
    if (backup->is_writing)
        (void)btree_rollback(backup->target, SQLITE_OK, false);
    int rc = backup->rc == SQLITE_DONE ? SQLITE_OK : backup->rc;
    connection_error_plain(target, rc);
    mem_free(backup);
    ASSERT(target->open_handles > 0 && source->open_handles > 0);
    target->open_handles--;
    source->open_handles--;
    rc &= target->error_mask;
    connection_free_if_zombie(target); // leaves the mutex
    connection_free_if_zombie(source);
    return rc;
}

int sqlite3_backup_remaining(sqlite3_backup *backup)
{
    return backup != NULL ? (int)backup->remaining : 0;
}

int sqlite3_backup_pagecount(sqlite3_backup *backup)
{
    return backup != NULL ? (int)backup->page_count : 0;
}
