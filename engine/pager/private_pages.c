// Private pages: the copies a write transaction changes.
//
// A page becomes private by its first change: its old content is saved for the innermost savepoint
// (undo_save) and for the journal (journal_add), then its buffer is made the slot's own (P1). Both
// may fail, and both come before the page changes, so failure leaves it as it was. Private pages
// are in a list of their own: a commit or a rollback visits them and nothing else.
#include "pager/journal.h"
#include "pager/pager_internal.h"
#include "pager/wal.h"

#include <stdlib.h>

// --- becoming private ---

// The first change of the transaction opens the journal.
static int transaction_start_changing(Pager *pager)
{
    ASSERT(!pager->is_read_only);
    ASSERT(pager->phase >= PHASE_RESERVED);
    if (pager->phase == PHASE_RESERVED) {
        TRY(journal_begin(pager));
        pager_set_phase(pager, PHASE_CHANGING);
    }
    return pager->phase == PHASE_FAILED ? pager->failure : SQLITE_OK;
}

// A private page is nobody else's: a buffer that others hold is copied, one that they might find is
// taken back (S1).
static int slot_unshare(Pager *pager, Slot *slot)
{
    ASSERT(slot->buffer != NULL);
    if (page_store_take_back(slot->buffer))
        return SQLITE_OK;
    PageBuffer *copy;
    TRY(buffer_new(&pager->pool, &copy));
    memcpy(copy->data, slot->buffer->data, pager->pool.page_size);
    slot_set_buffer(&pager->pool, slot, copy);
    ASSERT(slot->page.data == copy->data);
    return SQLITE_OK;
}

// Order matters for failure: journal, undo log, copy. Each may fail and leaves the page as it was;
// what was saved in vain does no harm.
static int slot_own(Pager *pager, Slot *slot)
{
    TRY(transaction_start_changing(pager));
    Pgno pgno = slot->page.pgno;
    ASSERT(pgno != 0);
    // Before the journal: it asks whether the page is in the journal already.
    u32 saved_before = slot->saved_at;
    if (undo_must_save(pager, slot))
        TRY(undo_save(pager, slot));
    int rc = SQLITE_OK;
    if (!slot->page.is_private && journal_wants(pager, pgno))
        rc = journal_add(pager, pgno, slot->page.data);
    if (rc == SQLITE_OK)
        rc = slot_unshare(pager, slot);
    if (rc != SQLITE_OK) {
        slot->saved_at = saved_before;
        return rc;
    }
    slot_set_private(&pager->pool, slot, true);
    slot->flags &= (u8)~SLOT_DONT_WRITE;
    if (pager->is_temporary)
        slot->flags |= SLOT_UNSAVED;
    if (pgno > pager->page_count)
        pager->page_count = pgno;
    ASSERT(slot->page.is_private);
    return SQLITE_OK;
}

int pager_make_writable(Pager *pager, Page **page)
{
    Slot *slot = slot_of(*page);
    ASSERT(slot->page.pins > 0);
    ASSERT(pager->phase >= PHASE_RESERVED);
    bool is_ready = slot->page.is_private && !undo_must_save(pager, slot)
                    && (slot->flags & SLOT_DONT_WRITE) == 0 && buffer_is_writable(slot->buffer);
    return LIKELY(is_ready) ? SQLITE_OK : slot_own(pager, slot);
}

// Whether the old content of a page that is about to become blank must be read first: for the
// journal, or for a savepoint that the file alone cannot serve.
static bool blank_wants_original(const Pager *pager, Pgno pgno)
{
    const Undo *undo = &pager->undo;
    ASSERT(pgno != 0);
    ASSERT(pager->phase >= PHASE_CHANGING);
    if (!os_is_open(pager->file))
        return false;
    if (journal_wants(pager, pgno))
        return true;
    // A page freed since the level opened held something then. The log still has it, unless this
    // transaction is overwriting its own frames.
    bool log_has_it = pager->wal != NULL && !pager->has_spilled;
    return !log_has_it && undo->level_count > 0
           && pgno <= undo->levels[undo->level_count - 1].page_count_max;
}

// A slot for the page with the content that must be kept, or with zeros.
static int blank_slot(Pager *pager, Pgno pgno, Slot **out)
{
    ASSERT(pool_find(&pager->pool, pgno) == NULL);
    Slot *slot;
    TRY(pager_new_slot(pager, pgno, &slot));
    int rc = SQLITE_OK;
    if (blank_wants_original(pager, pgno))
        rc = snapshot_read_page(pager, pgno, slot->page.data);
    else
        memset(slot->page.data, 0, pager->pool.page_size);
    if (rc != SQLITE_OK) {
        pool_remove(&pager->pool, slot);
        return rc;
    }
    *out = slot;
    ASSERT(!slot->page.is_private);
    return SQLITE_OK;
}

// For pages that are about to be written anew: of a free page the content is not worth a read,
// unless somebody may want it back.
int pager_get_blank(Pager *pager, Pgno pgno, Page **out)
{
    ASSERT(out != NULL);
    ASSERT(pager->phase >= PHASE_RESERVED);
    if (pgno == 0 || pgno == pager_lock_byte_page(pager))
        return corrupt_page(pgno, "page number not usable");
    if (pgno > pager->page_count_max)
        return SQLITE_FULL;
    TRY(transaction_start_changing(pager));
    Slot *slot = pool_find(&pager->pool, pgno);
    bool is_absent = slot == NULL;
    if (is_absent)
        TRY(blank_slot(pager, pgno, &slot));
    slot->page.pins++;
    int rc = slot_own(pager, slot);
    if (rc != SQLITE_OK) {
        slot->page.pins--;
        if (is_absent)
            pool_remove(&pager->pool, slot); // zeros are not what the file holds
        return rc;
    }
    memset(slot->page.data, 0, pager->pool.page_size);
    slot->flags |= SLOT_USED_RECENTLY;
    *out = &slot->page;
    return SQLITE_OK;
}

// A page on the freelist holds nothing that anybody will read: writing it would be in vain. It
// stays private, so that its use as something else finds it journalled.
void pager_dont_write(Pager *pager, Page *page)
{
    ASSERT(page != NULL);
    Slot *slot = slot_of(page);
    ASSERT(page->pgno != 0);
    // An open savepoint may need the content back.
    if (page->is_private && pager->undo.level_count == 0 && !pager->is_temporary)
        slot->flags |= SLOT_DONT_WRITE;
}

// --- moving ---

// Makes room at `target`: its page, free by the B-tree's word, leaves memory, but not before what
// savepoints and the journal need of it is saved.
static int move_vacate(Pager *pager, Pgno target)
{
    ASSERT(target != 0);
    Slot *slot = pool_find(&pager->pool, target);
    if (slot == NULL && pager->is_temporary && !os_is_open(pager->file))
        return SQLITE_OK;
    if (target > pager->page_count)
        return SQLITE_OK;
    Page *page;
    TRY(pager_get(pager, target, &page));
    int rc = page->pins > 1 ? corrupt_page(target, "page to be moved to is in use")
                            : pager_make_writable(pager, &page);
    page_unpin(pager, page);
    if (rc == SQLITE_OK) {
        ASSERT(page->pins == 0);
        pool_remove(&pager->pool, slot_of(page));
    }
    return rc;
}

// Everything both page numbers held is saved before anything changes.
int pager_move(Pager *pager, Page *page, Pgno target, bool is_commit)
{
    Slot *slot = slot_of(page);
    ASSERT(page->pgno != target);
    ASSERT(page->pins > 0);
    (void)is_commit; // old content is saved in both cases; at commit it is simply not asked for
    Page *same = page;
    TRY(pager_make_writable(pager, &same));
    TRY(move_vacate(pager, target));
    pool_rename(&pager->pool, slot, target);
    slot->saved_at = pager->undo.sequence; // the former content of `target` is saved
    if (target > pager->page_count)
        pager->page_count = target;
    ASSERT(slot->page.is_private);
    return SQLITE_OK;
}

// Pages beyond the new end stay in memory until the commit: a savepoint may bring them back.
void pager_set_page_count(Pager *pager, Pgno count)
{
    ASSERT(pager->phase >= PHASE_RESERVED);
    ASSERT(!pager->is_read_only);
    ASSERT(count <= pager->page_count_max);
    pager->page_count = count;
}

// --- many at once ---

// By page number, so that writes go through the file in one direction.
static int compare_slots(const void *a, const void *b)
{
    ASSERT(a != NULL && b != NULL);
    Pgno left = (*(Slot *const *)a)->page.pgno;
    Pgno right = (*(Slot *const *)b)->page.pgno;
    return left < right ? -1 : left > right;
}

void pager_sort_slots(Slot **slots, u32 count)
{
    ASSERT(count == 0 || slots[0] != NULL);
    ASSERT(slots != NULL || count == 0);
    if (count > 1)
        qsort(slots, count, sizeof(Slot *), compare_slots);
}

int pager_collect_private(Pager *pager, Slot ***out, u32 *count)
{
    ASSERT(out != NULL);
    Slot **slots = mem_alloc(((u64)pager->pool.private_count + 1) * sizeof(Slot *));
    if (slots == NULL)
        return SQLITE_NOMEM;
    u32 found = 0;
    for (Slot *slot = pager->pool.private_first; slot != NULL; slot = slot->private_next)
        slots[found++] = slot;
    ASSERT(found == pager->pool.private_count);
    pager_sort_slots(slots, found);
    *out = slots;
    *count = found;
    return SQLITE_OK;
}

// What was not written out, because it was free or cut off, is not kept either. While no other
// connection of this process has the file open, nobody is there to be told.
void pager_publish(Pager *pager)
{
    ASSERT(pager->phase >= PHASE_RESERVED);
    Slot *slot;
    bool has_company = pager->phase == PHASE_PREPARED && page_store_has_company(pager->store);
    while ((slot = pager->pool.private_first) != NULL) {
        bool is_stale = (slot->flags & SLOT_DONT_WRITE) != 0 || slot->page.pgno > pager->page_count;
        slot_set_private(&pager->pool, slot, false);
        if (is_stale && slot->page.pins == 0)
            pool_remove(&pager->pool, slot);
        else if (!is_stale && has_company)
            snapshot_publish(pager, slot);
    }
    ASSERT(pager->pool.private_count == 0);
}

// Takes a page out of memory, or marks it for pager_refresh_stale() when somebody holds on to it.
static void slot_drop(Pager *pager, Slot *slot)
{
    ASSERT(slot != NULL);
    ASSERT(!pager->is_temporary);
    slot_set_private(&pager->pool, slot, false);
    slot->saved_at = 0;
    if (slot->page.pins > 0)
        slot->flags |= SLOT_STALE;
    else
        pool_remove(&pager->pool, slot);
}

void pager_invalidate(Pager *pager, Pgno pgno)
{
    ASSERT(pgno != 0);
    Slot *slot = pool_find(&pager->pool, pgno);
    ASSERT(!pager->is_temporary);
    if (slot != NULL)
        slot_drop(pager, slot);
}

void pager_forget_private(Pager *pager)
{
    ASSERT(pager->phase >= PHASE_RESERVED);
    while (pager->pool.private_first != NULL)
        slot_drop(pager, pager->pool.private_first);
    ASSERT(pager->pool.private_count == 0);
}

// After a rollback that went to the file. Cursors keep their pins: they find the old content under
// the same pointers once pager_refresh_stale() has been here.
void pager_mark_pinned_stale(Pager *pager)
{
    ASSERT(!pager->is_temporary);
    u32 cursor = 0;
    Slot *slot;
    while ((slot = pool_next(&pager->pool, &cursor)) != NULL)
        slot_drop(pager, slot);
    ASSERT(pager->pool.private_count == 0);
}

int pager_refresh_stale(Pager *pager)
{
    u32 cursor = 0;
    Slot *slot;
    ASSERT(pager->phase >= PHASE_READING);
    while ((slot = pool_next(&pager->pool, &cursor)) != NULL) {
        if ((slot->flags & SLOT_STALE) == 0)
            continue;
        TRY(slot_unshare(pager, slot));
        ASSERT(!slot->page.is_private);
        TRY(snapshot_read_page(pager, slot->page.pgno, slot->page.data));
        slot->flags &= (u8)~SLOT_STALE;
    }
    return SQLITE_OK;
}

void pager_report_change(Pager *pager, Pgno pgno, const u8 *data)
{
    ASSERT(pager != NULL);
    ASSERT(data != NULL || pgno == 0);
    if (UNLIKELY(pager->changed != NULL))
        pager->changed(pager->changed_arg, pgno, data);
}
