// Snapshots of a database in log mode, which a program keeps and reads again.
//
// sqlite3_snapshot is the log's own WalSnapshot: the same 48 bytes.
//
// A snapshot can be opened while no checkpoint has gone past it and the log has not begun anew: the
// log itself knows both. Whoever wants to keep one keeps a reader open.

#include "api/api.h"
#include "base/alloc.h"
#include "pager/pager.h"
#include "pager/wal.h"
#include <string.h>

static_assert(sizeof(sqlite3_snapshot) == sizeof(WalSnapshot), "one is handed out as the other");

// The open database whose moments may be asked for: the connection must be in a transaction that
// has not written. NULL: it may not.
static Btree *readable_database(sqlite3 *db, const char *schema)
{
    int index = schema != NULL ? connection_find_database(db, schema) : DB_MAIN;
    Btree *bt = index >= 0 && !db->autocommit ? db->databases[index].btree : NULL;
    return bt != NULL && btree_txn_state(bt) != SQLITE_TXN_WRITE ? bt : NULL;
}

// Opens a read transaction if there is none: the moment is the one it sees.
static int get(sqlite3 *db, const char *schema, WalSnapshot *out)
{
    Btree *bt = readable_database(db, schema);
    if (bt == NULL)
        return SQLITE_ERROR;
    TRY(btree_begin(bt, BTREE_READ, NULL));
    Wal *wal = pager_wal(btree_pager(bt));
    return wal != NULL ? wal_snapshot_get(wal, out) : SQLITE_ERROR;
}

int sqlite3_snapshot_get(sqlite3 *db, const char *schema, sqlite3_snapshot **snapshot)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    WalSnapshot now;
    int rc = get(db, schema, &now);
    if (rc == SQLITE_OK && snapshot == NULL)
        rc = error_misuse();
    sqlite3_snapshot *copy = rc == SQLITE_OK ? mem_alloc(sizeof *copy) : NULL;
    if (copy != NULL) {
        memcpy(copy, &now, sizeof *copy);
        *snapshot = copy;
    } else if (rc == SQLITE_OK) {
        rc = SQLITE_NOMEM;
    }
    return api_exit(db, rc);
}

// A read transaction that is open moves to the snapshot, if no statement is running; else one
// begins there. A connection that has read nothing yet does not know of the log.
static int open_at(sqlite3 *db, Btree *bt, const WalSnapshot *snapshot)
{
    ASSERT(!db->autocommit);

    Wal *wal = pager_wal(btree_pager(bt));
    if (wal == NULL)
        return SQLITE_ERROR;
    if (btree_txn_state(bt) == SQLITE_TXN_READ) {
        if (db->active_statements > 0)
            return SQLITE_ERROR;
        TRY(wal_snapshot_check(wal, snapshot));
        TRY(btree_commit(bt));
    }
    wal_snapshot_want(wal, snapshot);
    int rc = btree_begin(bt, BTREE_READ, NULL);
    if (pager_wal(btree_pager(bt)) == wal)
        wal_snapshot_want(wal, NULL);
    return rc;
}

int sqlite3_snapshot_open(sqlite3 *db, const char *schema, sqlite3_snapshot *snapshot)
{
    if (!connection_is_usable(db) || snapshot == NULL)
        return error_misuse();
    api_enter(db);
    WalSnapshot wanted;
    memcpy(&wanted, snapshot, sizeof wanted);
    Btree *bt = readable_database(db, schema);
    int rc = bt != NULL ? open_at(db, bt, &wanted) : SQLITE_ERROR;
    (void)api_exit(db, SQLITE_OK);
    return rc; // extended, whatever the connection asked for: SQLITE_ERROR_SNAPSHOT says it all
}

void sqlite3_snapshot_free(sqlite3_snapshot *snapshot)
{
    mem_free(snapshot);
}

int sqlite3_snapshot_cmp(sqlite3_snapshot *a, sqlite3_snapshot *b)
{
    WalSnapshot x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return wal_snapshot_compare(&x, &y);
}

int sqlite3_snapshot_recover(sqlite3 *db, const char *schema)
{
    if (!connection_is_usable(db))
        return error_misuse();
    api_enter(db);
    int index = schema != NULL ? connection_find_database(db, schema) : DB_MAIN;
    Btree *bt = index >= 0 ? db->databases[index].btree : NULL;
    int rc = SQLITE_ERROR;
    if (bt != NULL && btree_txn_state(bt) == SQLITE_TXN_NONE) {
        rc = btree_begin(bt, BTREE_READ, NULL);
        if (rc == SQLITE_OK) {
            Wal *wal = pager_wal(btree_pager(bt));
            rc = wal != NULL ? wal_snapshot_recover(wal) : SQLITE_ERROR;
            int end_rc = btree_commit(bt); // nothing was written: it only lets go
            rc = rc != SQLITE_OK ? rc : end_rc;
        }
    }
    return api_exit(db, rc);
}
