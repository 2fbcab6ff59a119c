#ifndef QUIRE_TESTS_UNIT_PAGER_BEGIN_READ_H
#define QUIRE_TESTS_UNIT_PAGER_BEGIN_READ_H
// How a connection begins to read a file whose mode it does not know: as the B-tree does it.

#include "base/contract.h"
#include "pager/pager.h"

// Starts to read, from the log if the header says so.
static inline int begin_read(Pager *pager)
{
    for (;;) {
        Page *page;
        bool opened = false;
        TRY(pager_begin_read(pager, NULL));
        int rc = pager_get(pager, 1, &page);
        if (rc == SQLITE_OK) {
            if (page->data[19] == 2 && pager_journal_mode(pager) != JOURNAL_WAL)
                rc = pager_open_wal(pager, &opened);
            page_unpin(pager, page);
        }
        if (rc == SQLITE_OK && !opened)
            return SQLITE_OK;
        pager_end_read(pager);
        if (rc != SQLITE_OK)
            return rc;
    }
}

#endif
