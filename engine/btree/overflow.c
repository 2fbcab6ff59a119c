// Payload that does not fit its page: chains of overflow pages, and reading and
// writing payload wherever it is.
//
// An overflow page is the number of the next one (4 bytes, 0 ends the chain),
// then payload up to the usable size. The last page's rest is undefined.
//
// Chains come from the file (B7): a chain never has more pages than the
// database, every number is checked by the pager, and no more pages are read
// than the payload's size asks for. So a chain that bites its own tail ends
// too.
//
// A cursor that reads a long payload piece by piece remembers the pages of the
// chain it has come to (chain_count of them, in order): the next piece starts
// there. The list goes with the entry, and with any change of the tree, since
// pins do (B5).
#include "btree/btree_internal.h"

// Payload bytes of an overflow page: all but the link.
static u32 chain_page_size(const Btree *bt)
{
    ASSERT(bt->geometry.usable >= USABLE_MIN);
    ASSERT(bt->geometry.usable <= bt->geometry.page_size);
    return bt->geometry.usable - 4;
}

// Refuses payload sizes whose chain could not be in this file.
static int check_chain(const Btree *bt, const Cell *cell)
{
    ASSERT(cell_has_overflow(cell));
    ASSERT(bt->pager != NULL);
    u32 pages = (cell->payload_size - cell->local_size) / chain_page_size(bt);
    if (pages > pager_page_count(bt->pager))
        return corrupt_page(0, "overflow chain longer than the database");
    return SQLITE_OK;
}

// --- reading ---

// One access to a part of a payload: `copy_in` is written to the pages, or they
// are read to `copy_out`.
typedef struct Access {
    Btree *bt;
    const Cell *cell;
    Cursor *chain_owner; // may be NULL; its chain cache is used and extended
    u32 offset;          // next payload byte wanted
    u32 left;            // how many more
    u8 *copy_out;
    const u8 *copy_in;
} Access;

// One run of bytes within a page, in the direction the access goes.
static void access_bytes(Access *access, u8 *page_bytes, u32 size)
{
    ASSERT(size <= access->left);
    ASSERT(access->copy_out != NULL || access->copy_in != NULL);
    ASSERT(page_bytes != NULL);

    if (access->copy_in != NULL) {
        memcpy(page_bytes, access->copy_in, size);
        access->copy_in += size;
    } else {
        memcpy(access->copy_out, page_bytes, size);
        access->copy_out += size;
    }
    access->offset += size;
    access->left -= size;
}

// Remembers where page `index` of the chain lies. Forgetting is no harm, so
// memory may run out.
static void remember_chain_page(Cursor *owner, u32 index, Pgno pgno)
{
    enum { CHAIN_MAX = 1 << 20 };
    if (owner == NULL || index != owner->chain_count || index >= CHAIN_MAX)
        return;
    ASSERT(owner->chain_count <= owner->chain_capacity);
    if (owner->chain_count == owner->chain_capacity) {
        u32 capacity = owner->chain_capacity == 0 ? 64 : 2 * owner->chain_capacity;
        Pgno *chain = mem_realloc(owner->chain, (u64)capacity * sizeof *chain);
        if (chain == NULL)
            return;
        owner->chain = chain;
        owner->chain_capacity = capacity;
    }
    owner->chain[owner->chain_count++] = pgno;
    ASSERT(owner->chain[index] == pgno);
}

// Reads or writes what is wanted of one overflow page, whose payload starts at
// `starts_at`; *pgno becomes the next page of the chain.
static int access_chain_page(Access *access, Pgno *pgno, u32 starts_at)
{
    Pager *pager = access->bt->pager;
    Page *page;
    ASSERT(access->offset >= starts_at || access->left > 0);
    TRY(pager_get(pager, *pgno, &page));
    u32 in_page = chain_page_size(access->bt);
    if (access->offset < starts_at + in_page) {
        u32 skipped = access->offset - starts_at;
        u32 size = in_page - skipped;
        if (size > access->left)
            size = access->left;
        int rc = SQLITE_OK;
        if (access->copy_in != NULL)
            rc = page->pins > 1 ? corrupt_page(*pgno, "overflow page in use")
                                : pager_make_writable(pager, &page);
        if (rc != SQLITE_OK) {
            page_unpin(pager, page);
            return rc;
        }
        access_bytes(access, page->data + 4 + skipped, size);
    }
    *pgno = get_u32(page->data);
    ASSERT(access->bt->page1 != NULL);
    page_unpin(pager, page);
    return SQLITE_OK;
}

// Starts at the furthest page known, so that reading a blob piece by piece does not walk its chain
// again and again.
static int access_chain(Access *access)
{
    const Cell *cell = access->cell;
    Cursor *owner = access->chain_owner;
    ASSERT(access->offset >= cell->local_size);
    ASSERT(access->left > 0);
    ASSERT(cell_has_overflow(cell));

    TRY(check_chain(access->bt, cell));
    u32 in_page = chain_page_size(access->bt);
    u32 index = (access->offset - cell->local_size) / in_page;
    Pgno pgno = cell_overflow(cell);
    u32 known = 0;
    if (owner != NULL && owner->chain_count > 0) { // start as far along as the cache reaches
        known = index < owner->chain_count ? index : owner->chain_count - 1;
        pgno = owner->chain[known];
    }
    for (u32 i = known; access->left > 0; i++) {
        remember_chain_page(owner, i, pgno);
        if (pgno == 0)
            return corrupt_page(0, "overflow chain ends early");
        TRY(access_chain_page(access, &pgno, cell->local_size + i * in_page));
    }
    return SQLITE_OK;
}

// Local bytes first, then the chain.
static int access_payload(Access *access)
{
    const Cell *cell = access->cell;
    ASSERT(access->bt != NULL);
    ASSERT((u64)access->offset + access->left <= cell->payload_size);
    ASSERT(access->copy_out != NULL || access->copy_in != NULL || access->left == 0);

    if (access->offset < cell->local_size && access->left > 0) {
        u32 size = cell->local_size - access->offset;
        if (size > access->left)
            size = access->left;
        access_bytes(access, (u8 *)(uintptr_t)cell->payload + access->offset, size);
    }
    return access->left > 0 ? access_chain(access) : SQLITE_OK;
}

int payload_read(Btree *bt, const Cell *cell, u32 offset, u32 size, u8 *out)
{
    ASSERT(offset <= cell->payload_size);
    ASSERT(out != NULL || size == 0);
    ASSERT((u64)offset + size <= cell->payload_size);
    Access access = {.bt = bt, .cell = cell, .offset = offset, .left = size, .copy_out = out};
    return access_payload(&access);
}

// For keys that must be compared as one piece. The buffer belongs to the Btree and lives until the
// next call.
int payload_whole(Btree *bt, const Cell *cell, const u8 **bytes)
{
    ASSERT(cell->payload != NULL);
    ASSERT(cell->local_size <= cell->payload_size);
    ASSERT(bytes != NULL);

    if (!cell_has_overflow(cell)) {
        *bytes = cell->payload;
        return SQLITE_OK;
    }
    TRY(check_chain(bt,
                    cell)); // before memory is asked for on a damaged file's word
    if (bt->payload_capacity < cell->payload_size) {
        u8 *payload = mem_realloc(bt->payload, (u64)cell->payload_size + PAGE_SLACK);
        if (payload == NULL)
            return SQLITE_NOMEM;
        bt->payload = payload;
        bt->payload_capacity = cell->payload_size;
    }
    memset(bt->payload + cell->payload_size, 0, PAGE_SLACK);
    *bytes = bt->payload;
    return payload_read(bt, cell, 0, cell->payload_size, bt->payload);
}

// Restores a cursor that was moved away, but never reads another row than the one asked for.
int cursor_payload_read(Cursor *cur, u32 offset, u32 size, void *out)
{
    ASSERT(out != NULL || size == 0);
    TRY(cursor_ensure(cur));
    if (cur->fast.state != CURSOR_VALID)
        return SQLITE_ABORT; // the row was deleted meanwhile
    const Cell *cell = cursor_cell(cur);
    if (cur->fast.cell_damaged || (u64)offset + size > cell->payload_size)
        return corrupt_page(cur->fast.level->node.page->pgno, "payload shorter than wanted");
    Access access = {.bt = cur->bt,
                     .cell = cell,
                     .chain_owner = cur->caches_chain ? cur : NULL,
                     .offset = offset,
                     .left = size,
                     .copy_out = out};
    ASSERT(cur->pinned > cur->depth);
    return access_payload(&access);
}

// Page `index` of the chain, by way of those before it that are not remembered. Pinned.
static int chain_page(Cursor *cur, const Cell *cell, u32 index, Page **out)
{
    ASSERT(cell_has_overflow(cell));
    TRY(check_chain(cur->bt, cell));
    Cursor *owner = cur->caches_chain ? cur : NULL;
    u32 at = owner == NULL || owner->chain_count == 0 ? 0
             : index < owner->chain_count             ? index
                                                      : owner->chain_count - 1;
    Pgno pgno = owner != NULL && owner->chain_count > 0 ? owner->chain[at] : cell_overflow(cell);
    for (;; at++) {
        remember_chain_page(owner, at, pgno);
        if (pgno == 0)
            return corrupt_page(0, "overflow chain ends early");
        TRY(pager_get(cur->bt->pager, pgno, out));
        if (at == index)
            return SQLITE_OK;
        pgno = get_u32((*out)->data);
        page_unpin(cur->bt->pager, *out);
    }
}

// Page by page along the chain. All pages stay pinned until the last is found, so that none has to
// go for another. Chains are laid down page after page most of the time: where the caller will
// probably ask next, the link is asked of the processor now.
static int chain_runs(Cursor *cur, const Cell *cell, u32 offset, PayloadRun *runs, u32 limit,
                      u32 *count)
{
    Pager *pager = cur->bt->pager;
    u32 in_page = chain_page_size(cur->bt);
    u32 index = (offset - cell->local_size) / in_page;
    u32 skipped = (offset - cell->local_size) % in_page;
    u32 left = cell->payload_size - offset;
    Page *pages[PAYLOAD_RUNS_MAX];
    u32 found = 0;
    ASSERT(limit > 0 && limit <= PAYLOAD_RUNS_MAX);
    ASSERT(left > 0);
    int rc = chain_page(cur, cell, index, &pages[0]);
    while (rc == SQLITE_OK) {
        const Page *page = pages[found];
        u32 size = in_page - skipped < left ? in_page - skipped : left;
        runs[found++] = (PayloadRun){page->data + 4 + skipped, size};
        skipped = 0;
        left -= size;
        if (left == 0 || found == limit)
            break;
        Pgno next = get_u32(page->data);
        pager_touch(pager, next + limit);
        remember_chain_page(cur->caches_chain ? cur : NULL, index + found, next);
        rc = next != 0 ? pager_get(pager, next, &pages[found])
                       : corrupt_page(page->pgno, "overflow chain ends early");
    }
    for (u32 i = 0; i < found; i++)
        page_unpin(pager, pages[i]);
    *count = found;
    return rc;
}

int cursor_payload_runs(Cursor *cur, u32 offset, PayloadRun *runs, u32 limit, u32 *count)
{
    ASSERT(limit > 0);
    TRY(cursor_ensure(cur));
    if (cur->fast.state != CURSOR_VALID)
        return SQLITE_ABORT;
    const Cell *cell = cursor_cell(cur);
    if (cur->fast.cell_damaged || offset >= cell->payload_size)
        return corrupt_page(cur->fast.level->node.page->pgno, "payload shorter than wanted");
    u32 local = offset < cell->local_size ? 1 : 0;
    u32 in_chain = 0;
    if (local != 0) {
        runs[0] = (PayloadRun){cell->payload + offset, cell->local_size - offset};
        offset = cell->local_size;
    }
    if (offset < cell->payload_size && local < limit)
        TRY(chain_runs(cur, cell, offset, runs + local, limit - local, &in_chain));
    *count = local + in_chain;
    ASSERT(*count > 0 && *count <= limit);
    return SQLITE_OK;
}

void cursor_cache_overflow(Cursor *cur)
{
    ASSERT(cur->bt != NULL);
    ASSERT(cur->pinned <= TREE_DEPTH_MAX);
    cur->caches_chain = true;
}

// Size and key stay, so no cell moves and nothing needs balancing.
int cursor_payload_write(Cursor *cur, u32 offset, u32 size, const void *bytes)
{
    ASSERT(cur->is_writable);
    ASSERT(bytes != NULL || size == 0);

    TRY(cursor_ensure(cur));
    if (cur->fast.state != CURSOR_VALID)
        return SQLITE_ABORT;
    if (cur->shares_tree)
        TRY(cursors_save(cur->bt, cur->root, cur));
    Cursor *writer = cur->bt->writer;
    cur->bt->writer = cur;
    int rc = node_own(cur->bt, &cur->fast.level->node);
    cur->bt->writer = writer;
    TRY(rc);
    cur->fast.has_cell = false; // the page may have moved
    const Cell *cell = cursor_cell(cur);
    if (cur->fast.cell_damaged || (u64)offset + size > cell->payload_size)
        return corrupt_page(cur->fast.level->node.page->pgno, "payload shorter than wanted");
    if (size == 0)
        return SQLITE_OK;
    Access access = {.bt = cur->bt,
                     .cell = cell,
                     .chain_owner = cur->caches_chain ? cur : NULL,
                     .offset = offset,
                     .left = size,
                     .copy_in = bytes};
    return access_payload(&access);
}

// --- writing new chains, freeing old ones ---

// Fills one overflow page with what the image holds from `offset` on. Beyond
// its bytes come zeroes.
static void fill_chain_page(const CellImage *image, u32 offset, u8 *out, u32 size)
{
    u32 present = 0;
    ASSERT(offset >= image->local_size);
    ASSERT(offset + size <= image->payload_size);

    if (offset < image->bytes_size) {
        present = image->bytes_size - offset;
        if (present > size)
            present = size;
        memcpy(out, image->bytes + offset, present);
    }
    memset(out + present, 0, size - present);
}

// A page is linked once its successor is known; pages are asked for in ascending order, so that a
// blob reads forward.
int overflow_write_chain(Btree *bt, CellImage *image, Pgno near)
{
    u32 in_page = chain_page_size(bt);
    Page *previous = NULL; // its link is still to be set
    int rc = SQLITE_OK;
    ASSERT(image->local_size < image->payload_size);
    ASSERT(image->overflow == 0);

    for (u32 offset = image->local_size; offset < image->payload_size;) {
        u32 size = image->payload_size - offset;
        if (size > in_page)
            size = in_page;
        Page *page;
        TRY_DONE(page_allocate(bt, previous != NULL ? previous->pgno + 1 : near, ALLOC_ANY, &page));
        put_u32(page->data, 0);
        fill_chain_page(image, offset, page->data + 4, size);
        offset += size;
        if (previous == NULL) {
            image->overflow = page->pgno; // the cell's owner enters it in the pointer map
        } else {
            put_u32(previous->data, page->pgno);
            rc = ptrmap_put(bt, page->pgno, PTRMAP_OVERFLOW2, previous->pgno);
            page_unpin(bt->pager, previous);
        }
        previous = page;
        if (rc != SQLITE_OK)
            goto done;
    }
done:
    page_unpin(bt->pager, previous);
    return rc;
}

// As many pages as the payload needs, whatever the last link says. All but the last are read for
// their link.
int overflow_free_chain(Btree *bt, const Cell *cell)
{
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    ASSERT(cell->payload != NULL || !cell_has_overflow(cell)); // a table's divider has none
    if (!cell_has_overflow(cell))
        return SQLITE_OK;
    TRY(check_chain(bt, cell));
    u32 in_page = chain_page_size(bt);
    u32 left = (cell->payload_size - cell->local_size + in_page - 1) / in_page;
    Pgno pgno = cell_overflow(cell);
    ASSERT(left > 0);
    while (left-- > 0) {
        Page *page;
        if (pgno < 2)
            return corrupt_page(0, "overflow chain ends early");
        Pgno next = 0;
        if (left > 0) {
            TRY(pager_get(bt->pager, pgno, &page));
            next = get_u32(page->data);
            page_unpin(bt->pager, page);
        }
        if (page_is_pinned(bt, pgno))
            return corrupt_page(pgno, "overflow page in use");
        TRY(page_free(bt, pgno));
        pgno = next;
    }
    return SQLITE_OK;
}
