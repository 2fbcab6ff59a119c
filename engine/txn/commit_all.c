// Commit and rollback over several databases: see commit_all.h.
//
// The super-journal is the list of the journals' names, each with its NUL, and nothing else:
//
//     /data/main.db-journal\0/data/other.db-journal\0
//
// The steps, and what a power cut after each leaves:
//
//     name, create, fill, sync          no journal names it yet: every database rolls back
//     prepare each database             journals hot, super-journal there: every one rolls back
//     delete it, sync the directory     journals stale: every one has committed
//     finish each database              journals gone
#include "txn/commit_all.h"
#include "base/alloc.h"
#include "base/error.h"
#include "base/log.h"
#include <stdio.h>
#include <string.h>

bool txn_is_writing(const TxnMembers *members)
{
    ASSERT(members->btrees != NULL || members->count == 0);
    ASSERT(members->count >= 0);

    for (int i = 0; i < members->count; i++) {
        Btree *bt = members->btrees[i];
        if (bt != NULL && btree_txn_state(bt) == SQLITE_TXN_WRITE)
            return true;
    }
    return false;
}

// Whether the rollback journal of this database is a file that must be named by a super-journal.
// Those in memory or of a temporary file die with the process anyway (X2).
static bool needs_super_journal(Btree *bt)
{
    if (bt == NULL || btree_txn_state(bt) != SQLITE_TXN_WRITE)
        return false;
    const Pager *pager = btree_pager(bt);
    if (pager_is_memory(pager) || pager_path(pager)[0] == 0)
        return false;
    JournalMode mode = pager_journal_mode(pager);
    ASSERT(pager_journal_path(pager) != NULL);
    ASSERT(mode <= JOURNAL_WAL);
    return mode == JOURNAL_DELETE || mode == JOURNAL_PERSIST || mode == JOURNAL_TRUNCATE;
}

static int super_journal_members(const TxnMembers *members)
{
    int count = 0;
    for (int i = 0; i < members->count; i++)
        count += needs_super_journal(members->btrees[i]);
    ASSERT(count <= members->count);
    ASSERT(count == 0 || txn_is_writing(members));
    return count;
}

// --- the super-journal ---

typedef struct SuperJournal {
    sqlite3_vfs *vfs;
    char *name; // with the terminators a VFS expects
    sqlite3_file *file;
    i64 size;
} SuperJournal;

enum { NAME_TRIES_MAX = 100, NAME_SUFFIX_SIZE = 16 };

// A name not in use: the main database's with "-mj", six hex digits, "9", two hex digits. On file
// systems with 8.3 names the last part must not be that of a database, hence the 9.
static int super_journal_name(SuperJournal *super, const char *main_path)
{
    size_t size = strlen(main_path);
    ASSERT(size > 0 && super->name == NULL);
    ASSERT(super->vfs != NULL);
    super->name = mem_alloc_zeroed(size + NAME_SUFFIX_SIZE + 4);
    if (super->name == NULL)
        return SQLITE_NOMEM;
    memcpy(super->name, main_path, size);
    for (int i = 0; i < NAME_TRIES_MAX; i++) {
        u32 random = 0;
        int exists = 0;
        super->vfs->xRandomness(super->vfs, (int)sizeof random, (char *)&random);
        snprintf(super->name + size, NAME_SUFFIX_SIZE, "-mj%06X9%02X", (random >> 8) & 0xffffff,
                 random & 0xff);
        TRY(super->vfs->xAccess(super->vfs, super->name, SQLITE_ACCESS_EXISTS, &exists));
        if (!exists)
            return SQLITE_OK;
        log_message(SQLITE_FULL, "MJ collide: %s", super->name);
    }
    return SQLITE_FULL;
}

static int super_journal_open(SuperJournal *super)
{
    ASSERT(super->name != NULL);
    ASSERT(super->file == NULL && super->size == 0);

    super->file = mem_alloc_zeroed((u64)super->vfs->szOsFile);
    if (super->file == NULL)
        return SQLITE_NOMEM;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE
                | SQLITE_OPEN_SUPER_JOURNAL;
    int out_flags = 0;
    int rc = super->vfs->xOpen(super->vfs, super->name, super->file, flags, &out_flags);
    if (rc != SQLITE_OK && super->file->pMethods == NULL) {
        mem_free(super->file);
        super->file = NULL;
    }
    return rc;
}

// Writes the journal names, each with its NUL, and syncs.
static int super_journal_fill(SuperJournal *super, const TxnMembers *members)
{
    const sqlite3_io_methods *io = super->file->pMethods;
    ASSERT(io != NULL);
    ASSERT(super_journal_members(members) > 1);
    for (int i = 0; i < members->count; i++) {
        if (!needs_super_journal(members->btrees[i]))
            continue;
        const char *journal = pager_journal_path(btree_pager(members->btrees[i]));
        int size = (int)strlen(journal) + 1;
        TRY(io->xWrite(super->file, journal, size, super->size));
        super->size += size;
    }
    int characteristics =
        io->xDeviceCharacteristics == NULL ? 0 : io->xDeviceCharacteristics(super->file);
    if (characteristics & SQLITE_IOCAP_SEQUENTIAL)
        return SQLITE_OK;
    return io->xSync(super->file, SQLITE_SYNC_NORMAL);
}

static void super_journal_close(SuperJournal *super)
{
    ASSERT(super != NULL);
    if (super->file != NULL && super->file->pMethods != NULL)
        super->file->pMethods->xClose(super->file);
    mem_free(super->file);
    super->file = NULL;
}

static int prepare_some(const TxnMembers *members, const char *super_name, bool with_log)
{
    ASSERT(super_name == NULL || super_name[0] != 0);
    ASSERT(super_name == NULL || super_journal_members(members) > 1);
    for (int i = 0; i < members->count; i++) {
        Btree *bt = members->btrees[i];
        if (bt == NULL || btree_txn_state(bt) != SQLITE_TXN_WRITE)
            continue;
        if ((pager_journal_mode(btree_pager(bt)) == JOURNAL_WAL) == with_log)
            TRY(btree_commit_prepare(bt, super_name));
    }
    return SQLITE_OK;
}

// What has been written to a log is committed and cannot be withdrawn, so logs come last (X4).
static int prepare_all(const TxnMembers *members, const char *super_name)
{
    ASSERT(members->count > 0);
    ASSERT(super_name == NULL || super_name[0] != 0);
    TRY(prepare_some(members, super_name, false));
    return prepare_some(members, super_name, true);
}

// After a failure the super-journal goes, and a journal that still named it would be taken for
// stale: what is prepared is withdrawn first.
static int withdraw_all(const TxnMembers *members)
{
    ASSERT(members->count > 0);
    ASSERT(members->btrees != NULL);
    for (int i = 0; i < members->count; i++) {
        Btree *bt = members->btrees[i];
        if (bt != NULL && btree_txn_state(bt) == SQLITE_TXN_WRITE)
            TRY(pager_commit_withdraw(btree_pager(bt)));
    }
    return SQLITE_OK;
}

// The transactions are durable already or share their fate with the super-journal: the first
// failure is reported, the others finish all the same.
static int finish_all(const TxnMembers *members)
{
    ASSERT(members->btrees != NULL);
    int first = SQLITE_OK;
    ASSERT(members->count > 0);
    for (int i = 0; i < members->count; i++) {
        Btree *bt = members->btrees[i];
        if (bt == NULL || btree_txn_state(bt) == SQLITE_TXN_NONE)
            continue;
        int rc = btree_commit_finish(bt, members->keeps_reading);
        if (first == SQLITE_OK)
            first = rc;
    }
    return first;
}

static int commit_with_super_journal(const TxnMembers *members, const char *main_path)
{
    ASSERT(main_path[0] != 0);
    ASSERT(members->vfs != NULL);
    SuperJournal super = {.vfs = members->vfs};
    bool is_created = false;
    int rc = super_journal_name(&super, main_path);
    if (rc == SQLITE_OK)
        rc = super_journal_open(&super);
    if (rc == SQLITE_OK) {
        is_created = true;
        rc = super_journal_fill(&super, members);
    }
    if (rc == SQLITE_OK)
        rc = prepare_all(members, super.name);
    super_journal_close(&super);
    bool is_free = rc == SQLITE_OK || withdraw_all(members) == SQLITE_OK;
    if (is_created && is_free) { // X1: on success the moment of commit, on failure a clean-up
        int deleted = super.vfs->xDelete(super.vfs, super.name, rc == SQLITE_OK);
        if (rc == SQLITE_OK)
            rc = deleted;
    }
    mem_free(super.name);
    if (rc != SQLITE_OK)
        return rc;
    ASSERT(super.file == NULL);
    (void)finish_all(members); // a journal that stays behind is stale: its super-journal is gone
    return SQLITE_OK;
}

int txn_commit_all(const TxnMembers *members)
{
    ASSERT(members->main >= 0);
    ASSERT(members->main < members->count);

    Btree *main = members->btrees[members->main];
    const char *main_path = main == NULL ? "" : pager_path(btree_pager(main));
    if (main_path[0] != 0 && super_journal_members(members) > 1)
        return commit_with_super_journal(members, main_path);
    int rc = prepare_all(members, NULL);
    if (rc != SQLITE_OK) {
        (void)withdraw_all(members); // what cannot be taken back is rolled back with the rest
        return rc;
    }
    return finish_all(members);
}

void txn_rollback_all(const TxnMembers *members, int trip_rc, bool write_only)
{
    ASSERT(members->btrees != NULL || members->count == 0);
    ASSERT(members->count >= 0);

    for (int i = 0; i < members->count; i++) {
        Btree *bt = members->btrees[i];
        if (bt != NULL)
            (void)btree_rollback(bt, trip_rc, write_only);
    }
}
