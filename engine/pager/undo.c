// The undo log behind savepoints, and behind the rollback of databases that have no journal file.
// See undo.h for the idea.
//
// Three places may have a page's old content, the cheapest first: the snapshot (an entry without
// content, U2), a buffer in memory that the entry and nobody else refers to, and, past HELD_MAX, a
// scratch file. Going back reads the entries from the newest to the oldest, so that of two entries
// of a page the older one has the last word (U1).
#include "pager/journal.h"
#include "pager/pager_internal.h"
#include "pager/wal.h"

enum {
    HELD_MAX = 512 * 1024, // bytes of old content in memory before it goes to a scratch file
};

// --- levels ---

// A level is a handful of numbers; what it costs comes with the first change of each page after it.
int undo_open_level(Pager *pager)
{
    Undo *undo = &pager->undo;
    ASSERT(pager->phase >= PHASE_RESERVED);
    TRY(vec_reserve(&undo->levels, &undo->level_capacity, undo->level_count + 1,
                    sizeof *undo->levels));
    UndoLevel *level = &undo->levels[undo->level_count];
    *level = (UndoLevel){
        .opened_at = ++undo->sequence,
        .entry_start = undo->entry_count,
        .page_count = pager->page_count,
        .page_count_max = pager->page_count,
        .journal_offset = journal_position(pager),
    };
    if (undo->level_count > 0 && level[-1].page_count_max > level->page_count_max)
        level->page_count_max = level[-1].page_count_max;
    if (pager->wal != NULL)
        wal_savepoint_mark(pager->wal, level->wal_mark);
    undo->level_count++;
    undo->innermost = level->opened_at;
    ASSERT(undo->innermost > 0);
    return SQLITE_OK;
}

// Gives back what an entry holds in memory; the spill file is reused only when the log is empty.
static void entry_drop(Pager *pager, UndoEntry *entry)
{
    ASSERT(entry != NULL);
    Undo *undo = &pager->undo;
    if (entry->buffer == NULL)
        return;
    ASSERT(undo->held >= entry->buffer->size);
    undo->held -= entry->buffer->size;
    page_buffer_unref(&pager->pool, entry->buffer);
    entry->buffer = NULL;
}

static void undo_truncate(Pager *pager, u32 count)
{
    Undo *undo = &pager->undo;
    ASSERT(count <= undo->entry_count);
    while (undo->entry_count > count)
        entry_drop(pager, &undo->entries[--undo->entry_count]);
    if (count == 0)
        undo->spill_slot_count = 0;
    ASSERT(count > 0 || undo->held == 0);
}

// Drops from a level being released the entries that the next outer level does not need: those of
// pages which had been saved after that level opened already.
static void undo_compact(Pager *pager, u32 entry_start, u32 outer_opened_at)
{
    Undo *undo = &pager->undo;
    ASSERT(entry_start <= undo->entry_count);
    u32 kept = entry_start;
    for (u32 i = entry_start; i < undo->entry_count; i++) {
        if (undo->entries[i].saved_at >= outer_opened_at)
            entry_drop(pager, &undo->entries[i]);
        else
            undo->entries[kept++] = undo->entries[i];
    }
    undo->entry_count = kept;
    ASSERT(undo->entry_count >= entry_start);
}

// What the level kept may be needed by the next outer one: its entries pass to that level, except
// those of pages which it had saved itself already.
void undo_release(Pager *pager, u32 level_index)
{
    ASSERT(pager != NULL);
    Undo *undo = &pager->undo;
    if (level_index >= undo->level_count)
        return;
    if (level_index == 0) {
        undo_truncate(pager, 0);
    } else {
        const UndoLevel *outer = &undo->levels[level_index - 1];
        undo_compact(pager, undo->levels[level_index].entry_start, outer->opened_at);
    }
    undo->level_count = level_index;
    undo->innermost = level_index > 0 ? undo->levels[level_index - 1].opened_at : 0;
    ASSERT((undo->innermost == 0) == (undo->level_count == 0));
}

void undo_clear(Pager *pager)
{
    Undo *undo = &pager->undo;
    undo_release(pager, 0);
    ASSERT(undo->entry_count == 0);
    ASSERT(undo->level_count == 0);
    if (undo->entry_capacity > 1024) { // a large transaction need not cost memory for ever
        mem_free(undo->entries);
        undo->entries = NULL;
        undo->entry_capacity = 0;
    }
    if (undo->spill_file != NULL) {
        os_close_free(undo->spill_file);
        undo->spill_file = NULL;
    }
}

// --- saving ---

// Moves the content held in memory to a scratch file, oldest first.
static int undo_spill(Pager *pager)
{
    Undo *undo = &pager->undo;
    int size = (int)pager->pool.page_size;
    ASSERT(!pager->in_memory);
    if (undo->spill_file == NULL)
        TRY(pager_open_scratch(pager, SQLITE_OPEN_SUBJOURNAL, &undo->spill_file));
    for (u32 i = 0; i < undo->entry_count; i++) {
        UndoEntry *entry = &undo->entries[i];
        if (entry->buffer == NULL)
            continue;
        i64 offset = (i64)undo->spill_slot_count * size;
        TRY(os_write(undo->spill_file, entry->buffer->data, size, offset));
        entry->spill_slot = ++undo->spill_slot_count;
        entry_drop(pager, entry);
    }
    ASSERT(undo->held == 0);
    return SQLITE_OK;
}

// Whether dropping the private copy of a page brings back what it holds now.
static bool snapshot_still_has(const Pager *pager, const Slot *slot)
{
    ASSERT(!pager->in_memory || pager->is_temporary);
    ASSERT(slot->page.pgno != 0);
    if (slot->page.is_private || pager->is_temporary)
        return false;
    if (pager->wal != NULL)
        return !pager->has_spilled; // its own frames a transaction overwrites
    // The journal holds the content from before the transaction. That is this content only when the
    // page enters the journal now.
    return journal_wants(pager, slot->page.pgno);
}

// May move older content to a scratch file first.
static int undo_append(Pager *pager, UndoEntry entry)
{
    Undo *undo = &pager->undo;
    ASSERT(undo->level_count > 0);
    ASSERT(entry.pgno != 0);
    if (undo->held > HELD_MAX && !pager->in_memory)
        TRY(undo_spill(pager));
    TRY(vec_reserve(&undo->entries, &undo->entry_capacity, undo->entry_count + 1,
                    sizeof *undo->entries));
    undo->entries[undo->entry_count++] = entry;
    if (entry.buffer != NULL) {
        page_buffer_ref(entry.buffer);
        undo->held += entry.buffer->size;
    }
    return SQLITE_OK;
}

// The entry takes a reference, not a copy: the change that follows finds the buffer shared and goes
// to a fresh one (P1). `saved_at` makes the next question a comparison.
int undo_save(Pager *pager, Slot *slot)
{
    Undo *undo = &pager->undo;
    ASSERT(undo_must_save(pager, slot));
    ASSERT(slot->buffer != NULL);
    const UndoLevel *level = &undo->levels[undo->level_count - 1];
    // A page beyond the end at that time goes away with the end.
    if (slot->page.pgno <= level->page_count_max) {
        UndoEntry entry = {
            .buffer = snapshot_still_has(pager, slot) ? NULL : slot->buffer,
            .pgno = slot->page.pgno,
            .saved_at = slot->saved_at,
            .flags = slot->flags,
            .is_private = slot->page.is_private,
        };
        TRY(undo_append(pager, entry));
    }
    slot->saved_at = undo->sequence;
    return SQLITE_OK;
}

// --- going back ---

// Puts one page back as it was: dropped when the snapshot has it, else from the entry's content.
static int entry_restore(Pager *pager, UndoEntry *entry)
{
    ASSERT(entry->pgno != 0);
    Slot *slot = pool_find(&pager->pool, entry->pgno);
    if (entry->buffer == NULL && entry->spill_slot == 0) {
        if (slot == NULL)
            return SQLITE_OK;
        if (slot->page.pins == 0) {
            pool_remove(&pager->pool, slot);
            return SQLITE_OK;
        }
        // Somebody holds a pin across the rollback: refresh the content in place.
        PageBuffer *buffer;
        TRY(buffer_new(&pager->pool, &buffer));
        slot_set_buffer(&pager->pool, slot, buffer);
        slot_set_private(&pager->pool, slot, false);
        slot->saved_at = entry->saved_at;
        return snapshot_read_page(pager, entry->pgno, slot->page.data);
    }
    if (slot == NULL)
        TRY(pager_new_slot(pager, entry->pgno, &slot));
    if (entry->buffer != NULL) {
        page_buffer_ref(entry->buffer);
        slot_set_buffer(&pager->pool, slot, entry->buffer);
    } else {
        PageBuffer *buffer;
        int size = (int)pager->pool.page_size;
        TRY(buffer_new(&pager->pool, &buffer));
        slot_set_buffer(&pager->pool, slot, buffer);
        TRY(os_read(pager->undo.spill_file, buffer->data, size,
                    (i64)(entry->spill_slot - 1) * size));
    }
    // A spilled copy in the file may be newer than this content, so such a page is private again.
    bool in_file_is_same = !entry->is_private && pager->is_temporary;
    slot_set_private(&pager->pool, slot, !in_file_is_same);
    slot->flags = entry->flags;
    if (pager->is_temporary)
        slot->flags |= SLOT_UNSAVED;
    slot->saved_at = entry->saved_at;
    ASSERT(slot->page.data == slot->buffer->data);
    return SQLITE_OK;
}

// Pages that came into being after the level opened.
static void drop_beyond(Pager *pager, Pgno page_count_max)
{
    ASSERT(pager->phase >= PHASE_RESERVED);
    u32 cursor = 0;
    Slot *slot;
    while ((slot = pool_next(&pager->pool, &cursor)) != NULL) {
        if (slot->page.pgno <= page_count_max)
            continue;
        slot_set_private(&pager->pool, slot, false);
        slot->flags = 0;
        if (slot->page.pins == 0)
            pool_remove(&pager->pool, slot);
    }
    ASSERT_SLOW(pool_is_valid(&pager->pool));
}

// A failure half-way leaves some pages back and others not; the caller rolls the whole transaction
// back, which needs none of this. Spilling is blocked, since it would write what is being undone.
int undo_rollback(Pager *pager, u32 level_index)
{
    Undo *undo = &pager->undo;
    ASSERT(level_index < undo->level_count);
    ASSERT(pager->phase >= PHASE_RESERVED);

    UndoLevel level = undo->levels[level_index];
    // The database file or the log first, then memory, which may be read from them.
    if (pager->wal != NULL)
        TRY(wal_savepoint_undo(pager->wal, level.wal_mark));
    else if (pager->phase >= PHASE_FILE_CHANGED)
        TRY(journal_restore_from(pager, level.journal_offset));
    pager->page_count = level.page_count;
    drop_beyond(pager, level.page_count_max);
    pager->spill_blocked++;
    int rc = SQLITE_OK;
    for (u32 i = undo->entry_count; i-- > level.entry_start && rc == SQLITE_OK;)
        rc = entry_restore(pager, &undo->entries[i]);
    pager->spill_blocked--;
    if (rc != SQLITE_OK)
        return rc;
    undo_truncate(pager, level.entry_start);
    undo->level_count = level_index + 1;
    undo->innermost = level.opened_at;
    ASSERT(undo->level_count > 0);
    return SQLITE_OK;
}
