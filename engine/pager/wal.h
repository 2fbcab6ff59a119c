#ifndef QUIRE_PAGER_WAL_H
#define QUIRE_PAGER_WAL_H
// The write-ahead log of one connection.

#include "base/contract.h"
#include "os/os.h"

typedef struct Wal Wal;

// What the log must remember to forget later frames of the running transaction.
void wal_savepoint_mark(const Wal *wal, u32 mark[4]);
MUST_USE int wal_savepoint_undo(Wal *wal, const u32 mark[4]);

#endif
