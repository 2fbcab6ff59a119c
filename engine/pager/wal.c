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
