// The write-ahead log. See wal.h.
#include "pager/wal.h"
#include "pager/pager_internal.h"

void wal_savepoint_mark(const Wal *wal, u32 mark[4])
{
    (void)wal;
    memset(mark, 0, 4 * sizeof *mark);
}

int wal_savepoint_undo(Wal *wal, const u32 mark[4])
{
    (void)wal;
    (void)mark;
    return SQLITE_OK;
}

int pager_set_journal_mode(Pager *pager, JournalMode wanted, JournalMode *out)
{
    (void)wanted;
    *out = pager_journal_mode(pager);
    return SQLITE_OK;
}

int pager_open_wal(Pager *pager, bool *opened)
{
    (void)pager;
    *opened = false;
    return SQLITE_OK;
}

int pager_close_wal(Pager *pager)
{
    (void)pager;
    return SQLITE_OK;
}

bool pager_wal_supported(const Pager *pager)
{
    (void)pager;
    return false;
}

bool pager_locking_exclusive(Pager *pager, int set)
{
    if (set >= 0 && !pager->is_temporary)
        pager->locking_exclusive = set == 1;
    return pager->locking_exclusive;
}

sqlite3_file *pager_journal_file(const Pager *pager)
{
    return pager->journal.file;
}

int pager_checkpoint(Pager *pager, int mode, int *log_frames, int *checkpointed_frames)
{
    (void)pager;
    (void)mode;
    *log_frames = -1;
    *checkpointed_frames = -1;
    return SQLITE_OK;
}

int pager_wal_frames_committed(Pager *pager)
{
    (void)pager;
    return 0;
}
