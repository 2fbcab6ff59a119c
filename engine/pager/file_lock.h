#ifndef QUIRE_PAGER_FILE_LOCK_H
#define QUIRE_PAGER_FILE_LOCK_H
// The pager's locks on the database file, by SQLite's protocol:
//
//     SHARED     many readers
//     RESERVED   one writer that still works in memory; readers go on
//     PENDING    the writer waits for the readers to leave; new ones are refused
//     EXCLUSIVE  the writer changes the file
//
// A wait for EXCLUSIVE asks the busy handler. One for SHARED is left to
// pager_begin_read, which starts over. For RESERVED nobody waits here: two
// readers that both want to write would wait for each other.

#include "pager/pager_internal.h"

MUST_USE int file_lock_shared(Pager *pager);
MUST_USE int file_lock_reserved(Pager *pager);
MUST_USE int file_lock_exclusive(Pager *pager);
// EXCLUSIVE without asking the busy handler.
MUST_USE int file_lock_exclusive_now(Pager *pager);
void file_unlock(Pager *pager, int level); // down to SHARED or NONE

#endif
