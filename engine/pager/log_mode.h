#ifndef QUIRE_PAGER_LOG_MODE_H
#define QUIRE_PAGER_LOG_MODE_H
// How a pager uses the write-ahead log: its side of transactions in WAL mode.

#include "pager/pager_internal.h"

// Opens the log when there is one beside the file. Needs SHARED.
MUST_USE int log_open_if_present(Pager *pager);
// Takes a snapshot and drops the pages that others changed since.
MUST_USE int log_begin_read(Pager *pager, bool *changed);
MUST_USE int log_begin_write(Pager *pager);
MUST_USE int log_commit(Pager *pager);
MUST_USE int log_spill(Pager *pager, Slot *const *slots, u32 count);
MUST_USE int log_rollback(Pager *pager);
// Closes the log with the pager; the last user checkpoints and deletes it.
void log_close(Pager *pager);

#endif
