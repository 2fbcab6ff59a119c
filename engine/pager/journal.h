#ifndef QUIRE_PAGER_JOURNAL_H
#define QUIRE_PAGER_JOURNAL_H
// The rollback journal: original content of pages, kept until the commit.

#include "pager/pager_internal.h"

// Offset of the next record; 0 when no journal is open.
i64 journal_position(const Pager *pager);
// Makes the journal ready for the transaction's first change.
MUST_USE int journal_begin(Pager *pager);
// Whether the page's original content must still be saved before it changes.
bool journal_wants(const Pager *pager, Pgno pgno);
// Appends the original content of a page.
MUST_USE int journal_add(Pager *pager, Pgno pgno, const u8 *original);
// Makes every record durable and counted, so that the file may be overwritten.
MUST_USE int journal_sync(Pager *pager);
// Writes the originals of the records from `offset` on back into the file.
MUST_USE int journal_restore_from(Pager *pager, i64 offset, Pgno page_count);
// Commits or forgets: deletes, truncates or zeroes the journal as its mode says.
MUST_USE int journal_end(Pager *pager, bool committed);

#endif
