#ifndef QUIRE_BTREE_UNLOCK_H
#define QUIRE_BTREE_UNLOCK_H
// Who waits for whom among the connections of this process that share Btrees: what
// sqlite3_unlock_notify() needs to know.
//
// A connection that was refused a lock knows by whom (it is *blocked*). When it asks to be notified
// it *waits* until that connection's transaction is over. Connections are named by their pointers,
// which are never followed.
//
// Calls come with the connection's own mutex held. What all share is guarded by one mutex of the
// file, never held while a callback runs.

#include "base/contract.h"
#include "base/types.h"
#include "sqlite3.h"

typedef void UnlockNotify(void **args, int count);

// A connection is known from its first share in a Btree to its last. SQLITE_NOMEM.
MUST_USE int unlock_join(sqlite3 *db);
void unlock_leave(sqlite3 *db);

// `db` was refused what `by` holds. Both have joined.
void unlock_blocked(sqlite3 *db, sqlite3 *by);
// NULL takes a request back. Not blocked: the callback runs at once. SQLITE_LOCKED: the other one
// waits, perhaps through others, for `db`, so that no callback would ever come.
MUST_USE int unlock_request(sqlite3 *db, UnlockNotify *notify, void *arg);
// The transaction of `db` is over: who waits for it is told, in this call; those with the same
// callback together.
void unlock_announce(sqlite3 *db);

#endif
