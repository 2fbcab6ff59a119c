#ifndef QUIRE_PAGER_JOURNAL_H
#define QUIRE_PAGER_JOURNAL_H
// The rollback journal: original content of pages, kept until the commit.
// Big-endian, SQLite's format.
//
//     file    = segment+ [super]
//     segment = header, padded to the sector size; record*
//     header  = magic[8] record_count[4] nonce[4] database_pages[4]
//     sector_size[4] page_size[4] record  = pgno[4] content[page_size]
//     checksum[4] super   = lock_byte_pgno[4] name[n] n[4] name_checksum[4]
//     magic[8]        at the file's end
//
//     magic = d9 d5 05 f9 20 a1 63 d7
//
// record_count 0xffffffff: as many as the file holds. A header is written with
// magic and count zero and completed when its records are durable, so that a
// crash before leaves nothing to play back. A segment ends when the journal is
// synced before a spill: the next header starts at the next sector, because the
// synced one must not be written again. checksum = nonce + the bytes at
// page_size - 200, - 400, ... above 0: it finds records never written, not
// every damaged bit. The journal is hot, and must be played back by whoever
// comes next, when its first byte is not zero and nobody holds RESERVED.

#include "pager/pager_internal.h"

enum { JOURNAL_HEADER_SIZE = 28, JOURNAL_MAGIC_SIZE = 8, SUPER_TRAILER_SIZE = 16 };
extern const u8 JOURNAL_MAGIC[JOURNAL_MAGIC_SIZE];

u32 journal_checksum(u32 nonce, const u8 *content, u32 page_size);
u32 journal_name_checksum(const char *name, u32 length);
i64 journal_header_offset_after(const Pager *pager, i64 offset);

// Offset of the next record; 0 when no journal is open.
i64 journal_position(const Pager *pager);
// Makes the journal ready for the transaction's first change.
MUST_USE int journal_begin(Pager *pager);
// Whether the page's original content must still be saved before it changes.
bool journal_wants(const Pager *pager, Pgno pgno);
// Appends the original content of a page.
MUST_USE int journal_add(Pager *pager, Pgno pgno, const u8 *original);
// Appends the originals of all pages beyond the new end.
MUST_USE int journal_add_tail(Pager *pager);
MUST_USE int journal_add_super(Pager *pager, const char *super_journal);
// Cuts the super-journal's name off again, durably: the journal speaks for its database alone.
MUST_USE int journal_drop_super(Pager *pager);
// Makes every record durable and counted, so that the file may be overwritten
// (P4). `more`: a new segment follows.
MUST_USE int journal_sync(Pager *pager, bool more);
// Whether the page may go to the file without a sync: its record is durable, or it needs none.
bool journal_covers(const Pager *pager, Pgno pgno);
// Hands what is buffered to the file, so that it can be read back.
MUST_USE int journal_flush(Pager *pager);
// Commits or forgets: deletes, truncates or zeroes the journal as its mode
// says.
MUST_USE int journal_end(Pager *pager);
void journal_delete_quietly(Pager *pager); // where nothing depends on it
void journal_close(Pager *pager);          // leaves the file as it is

// --- hot_journal.c ---

// Rolls back what a crashed writer left. Needs SHARED; ends with SHARED, or
// EXCLUSIVE in exclusive locking mode.
MUST_USE int hot_journal_recover(Pager *pager);
// Plays this transaction's own journal back into the file.
MUST_USE int journal_playback_own(Pager *pager);
// Writes the originals of the records from `offset` on back into the file.
MUST_USE int journal_restore_from(Pager *pager, i64 offset);

#endif
