#ifndef QUIRE_TXN_COMMIT_ALL_H
#define QUIRE_TXN_COMMIT_ALL_H
// Ending the transactions of a connection on all its databases at once.
//
// Several databases commit together by means of a super-journal: a file beside the main database
// that names the rollback journals of all of them. Each journal names the super-journal in turn.
// Deleting that file is the moment of commit: a journal whose super-journal is gone is stale, one
// whose super-journal exists is hot.
//
//   X1  Until the super-journal is deleted every database can be rolled back; afterwards none is.
//   X2  Databases without a rollback journal on disk (WAL, memory, temporary) commit one by one: a
//       power cut between them may leave some committed and others not, as SQLite documents.

#include "btree/btree.h"

// What is committed together. A NULL btree is passed over.
typedef struct TxnMembers {
    Btree **btrees;
    int count;
    int main;           // index of the database beside which the super-journal lies
    bool keeps_reading; // other statements go on reading: snapshots stay open
    sqlite3_vfs *vfs;
} TxnMembers;

// True when any of them has a write transaction open.
bool txn_is_writing(const TxnMembers *members);
// Makes the changes of all durable. On failure nothing is committed (but see X2), and the caller
// rolls back.
MUST_USE int txn_commit_all(const TxnMembers *members);
// Undoes the changes of all. Cursors of other statements are tripped with `trip_rc` unless it is
// SQLITE_OK; with `write_only` readers go on.
void txn_rollback_all(const TxnMembers *members, int trip_rc, bool write_only);

#endif
