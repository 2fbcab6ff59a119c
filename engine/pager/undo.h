#ifndef QUIRE_PAGER_UNDO_H
#define QUIRE_PAGER_UNDO_H
// Savepoints: what pages held before they were changed.
//
// The undo log is a list of (page, old content) in the order of first change. A
// level is a position in it. Going back to a level takes entries from the end
// to the level's position and puts the old content back; a page saved twice
// ends up with the older one, which is right.
//
// An entry without content says "the page was not private": the snapshot still
// has it, so dropping the private copy restores it. Where the snapshot does not
// (memory and temporary databases, pages already overwritten in the file), the
// entry holds the buffer itself; that costs a reference, not a copy, because
// the change then goes to a fresh buffer.
//
// Whether a page needs saving is one comparison: its slot remembers the
// sequence number at which it was last saved, the innermost level the number at
// which it was opened.

#include "pager/pool.h"

typedef struct UndoEntry {
    PageBuffer *buffer; // old content, or NULL: dropped, or in the spill file
    u32 spill_slot;     // 1-based slot in the spill file, 0: not there
    Pgno pgno;
    u32 saved_at;  // what the slot's saved_at was before
    u8 flags;      // of the slot
    u8 is_private; // whether the page was
} UndoEntry;

// Where rollback journal, log and database stood when the level was opened.
typedef struct UndoLevel {
    u32 opened_at; // sequence number
    u32 entry_start;
    Pgno page_count;
    Pgno page_count_max; // of this level and all outer ones
    i64 journal_offset;  // rollback modes: records from here on belong to the
                         // level
    u32 wal_mark[4];     // WAL: what the log needs to forget later frames
} UndoLevel;

typedef struct Undo {
    UndoEntry *entries;
    u32 entry_count, entry_capacity;
    UndoLevel *levels;
    u32 level_count, level_capacity;
    u32 sequence;
    u32 innermost; // opened_at of the innermost level, 0: none
    u64 held;      // bytes of content in memory
    sqlite3_file *spill_file;
    u32 spill_slot_count;
} Undo;

#endif
