// The rollback journal. See journal.h.
#include "pager/journal.h"

i64 journal_position(const Pager *pager)
{
    return pager->journal.offset;
}

int journal_begin(Pager *pager)
{
    ASSERT(pager->phase == PHASE_RESERVED);
    return SQLITE_OK;
}

bool journal_wants(const Pager *pager, Pgno pgno)
{
    (void)pager;
    (void)pgno;
    return false;
}

int journal_add(Pager *pager, Pgno pgno, const u8 *original)
{
    (void)pager;
    (void)pgno;
    (void)original;
    return SQLITE_OK;
}

int journal_sync(Pager *pager)
{
    (void)pager;
    return SQLITE_OK;
}

int journal_restore_from(Pager *pager, i64 offset, Pgno page_count)
{
    (void)pager;
    (void)offset;
    (void)page_count;
    return SQLITE_OK;
}

int journal_end(Pager *pager, bool committed)
{
    (void)pager;
    (void)committed;
    return SQLITE_OK;
}
