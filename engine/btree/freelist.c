// Pages nobody uses: taking them, giving them back, growing the file.
//
// The freelist is a chain of trunk pages, headed by page 1 (first trunk at 32, count of all free
// pages at 36). A trunk is: next trunk (4), count of leaves (4), the leaves' numbers. Leaves have
// no content that matters.
//
//   trunk page 9 with leaves 4 and 7, last in the chain:
//   00000000 00000002 00000004 00000007
//
// A trunk takes at most usable/4 - 8 leaves (readers accept usable/4 - 2): very old readers want
// the slack.
//
// Which page is taken matters for the shape of the file and not for its soundness: one near its
// neighbours in the tree reads faster. Auto-vacuum asks for a certain page, or for one in front of
// the end (AllocMode). The list comes from the file: numbers are checked, circles are counted out,
// and a page that somebody stands on is not handed out.
#include "btree/btree_internal.h"

enum {
    AT_NEXT_TRUNK = 0,
    AT_LEAF_COUNT = 4,
    AT_LEAVES = 8,
    PENDING_BYTE = 0x40000000, // the page that holds this byte of the file is for locks only
};

// No tree, chain or list ever uses it, so it is passed over wherever pages are counted.
bool page_is_pending_byte(const Btree *bt, Pgno pgno)
{
    ASSERT(bt->geometry.page_size >= PAGE_SIZE_MIN);
    ASSERT(pgno > 0);
    return pgno == PENDING_BYTE / bt->geometry.page_size + 1;
}

// --- growing ---

// The number of the page that the file grows by next.
static int next_number(const Btree *bt, Pgno *pgno)
{
    Pgno count = pager_page_count(bt->pager) + 1;
    ASSERT(bt->page1->is_private);
    if (page_is_pending_byte(bt, count))
        count++;
    if (count > pager_max_page_count(bt->pager, 0) || count == 0)
        return SQLITE_FULL;
    ASSERT(count > 1);
    *pgno = count;
    return SQLITE_OK;
}

// The page count in the header grows with the file, as SQLite's does, so that a reader of the log
// sees it.
static int allocate_at_end(Btree *bt, Page **out)
{
    Pgno pgno;
    TRY(header_own(bt));
    TRY(next_number(bt, &pgno));
    if (bt->auto_vacuum != 0 && page_is_ptrmap(bt, pgno)) {
        // Pointer-map pages are laid down as the file grows over their place.
        Page *map;
        TRY(pager_get_blank(bt->pager, pgno, &map));
        page_unpin(bt->pager, map);
        TRY(next_number(bt, &pgno));
    }
    ASSERT(!page_is_pending_byte(bt, pgno));
    ASSERT(bt->auto_vacuum == 0 || !page_is_ptrmap(bt, pgno));
    TRY(pager_get_blank(bt->pager, pgno, out));
    put_u32(bt->page1->data + AT_PAGE_COUNT, pgno);
    return SQLITE_OK;
}

// --- taking from the freelist ---

// The leaf to take from a trunk: its index, or leaf_count when none serves.
// The nearest one; the last of the list, which costs no move, when nothing is near.
static u32 choose_leaf(const u8 *trunk, u32 leaf_count, Pgno near, AllocMode mode)
{
    u32 best = leaf_count;
    u32 best_distance = UINT32_MAX;
    ASSERT(leaf_count > 0);
    ASSERT(near > 0 || mode == ALLOC_ANY);

    if (mode == ALLOC_ANY && near == 0)
        return leaf_count - 1;
    for (u32 i = 0; i < leaf_count; i++) {
        Pgno leaf = get_u32(trunk + AT_LEAVES + 4 * i);
        u32 distance = leaf > near ? leaf - near : near - leaf;
        bool serves = mode == ALLOC_ANY || distance == 0 || (mode == ALLOC_AT_MOST && leaf < near);
        if (serves && distance < best_distance) {
            best = i;
            best_distance = distance;
            if (distance == 0)
                break;
        }
    }
    return best;
}

// Sets the link that leads to a trunk: in the trunk before it, or in the header.
static int set_trunk_link(Btree *bt, Page **previous, Pgno target)
{
    ASSERT(previous != NULL);
    ASSERT(bt->page1->is_private);
    if (*previous == NULL) {
        put_u32(bt->page1->data + AT_FREELIST, target);
        return SQLITE_OK;
    }
    TRY(pager_make_writable(bt->pager, previous));
    put_u32((*previous)->data + AT_NEXT_TRUNK, target);
    return SQLITE_OK;
}

// Takes the trunk page itself. Its first leaf, if it has any, becomes trunk in its place.
static int take_trunk(Btree *bt, Page **previous, Page *trunk)
{
    u32 leaf_count = get_u32(trunk->data + AT_LEAF_COUNT);
    Pgno next = get_u32(trunk->data + AT_NEXT_TRUNK);
    ASSERT(trunk->is_private);
    ASSERT(leaf_count <= bt->geometry.usable / 4);

    if (leaf_count == 0)
        return set_trunk_link(bt, previous, next);
    Pgno heir_pgno = get_u32(trunk->data + AT_LEAVES);
    if (heir_pgno < 2 || heir_pgno > pager_page_count(bt->pager))
        return corrupt_page(trunk->pgno, "free page outside the database");
    Page *heir;
    TRY(pager_get_blank(bt->pager, heir_pgno, &heir));
    put_u32(heir->data + AT_NEXT_TRUNK, next);
    put_u32(heir->data + AT_LEAF_COUNT, leaf_count - 1);
    memcpy(heir->data + AT_LEAVES, trunk->data + AT_LEAVES + 4, 4 * (leaf_count - 1));
    page_unpin(bt->pager, heir);
    return set_trunk_link(bt, previous, heir_pgno);
}

bool page_is_pinned(Btree *bt, Pgno pgno)
{
    ASSERT(pgno > 0);
    Page *page = pager_lookup(bt->pager, pgno);
    bool is_pinned = page != NULL && page->pins > 1;
    ASSERT(page == NULL || page->pgno == pgno);
    page_unpin(bt->pager, page);
    return is_pinned;
}

// Takes leaf `index` off a trunk and pins it.
static int take_leaf_of(Btree *bt, Page *trunk, u32 index, Page **out)
{
    u32 leaf_count = get_u32(trunk->data + AT_LEAF_COUNT);
    ASSERT(trunk->is_private);
    ASSERT(index < leaf_count);

    u8 *leaves = trunk->data + AT_LEAVES;
    Pgno pgno = get_u32(leaves + 4 * index);
    if (pgno < 2 || pgno > pager_page_count(bt->pager) || pgno == trunk->pgno)
        return corrupt_page(trunk->pgno, "free page outside the database");
    if (page_is_pinned(bt, pgno))
        return corrupt_page(pgno, "free page in use");
    memcpy(leaves + 4 * index, leaves + 4 * (leaf_count - 1), 4);
    put_u32(trunk->data + AT_LEAF_COUNT, leaf_count - 1);
    return pager_get_blank(bt->pager, pgno, out);
}

// Tries one trunk. *out stays NULL when nothing in it serves. The pin on *trunk is used up if it is
// taken.
static int take_from_trunk(Btree *bt, Page **previous, Page **trunk, Pgno near, AllocMode mode,
                           Page **out)
{
    u32 leaf_count = get_u32((*trunk)->data + AT_LEAF_COUNT);
    Pgno pgno = (*trunk)->pgno;
    ASSERT(bt->page1->is_private);
    ASSERT(*out == NULL);

    if (leaf_count > bt->geometry.usable / 4 - 2)
        return corrupt_page(pgno, "freelist trunk too full");
    bool serves = mode == ALLOC_ANY     ? leaf_count == 0
                  : mode == ALLOC_EXACT ? pgno == near
                                        : pgno <= near;
    if (serves) {
        TRY(pager_make_writable(bt->pager, trunk));
        TRY(take_trunk(bt, previous, *trunk));
        *out = *trunk;
        *trunk = NULL;
        return SQLITE_OK;
    }
    if (leaf_count == 0)
        return SQLITE_OK;
    u32 index = choose_leaf((*trunk)->data, leaf_count, near, mode);
    if (index == leaf_count)
        return SQLITE_OK;
    TRY(pager_make_writable(bt->pager, trunk));
    return take_leaf_of(bt, *trunk, index, out);
}

// Looks through the trunks until one serves. A circle of trunks is found by counting: there cannot
// be more than free pages.
static int allocate_from_freelist(Btree *bt, u32 free_count, Pgno near, AllocMode mode, Page **out)
{
    Page *previous = NULL;
    Page *trunk = NULL;
    Page *taken = NULL;
    int rc;
    ASSERT(free_count > 0);

    TRY_DONE(header_own(bt));
    Pgno next = get_u32(bt->page1->data + AT_FREELIST);
    for (u32 i = 0; taken == NULL; i++) {
        if (next < 2 || i > free_count) {
            rc = corrupt_page(1, "freelist ends early or runs in a circle");
            goto done;
        }
        TRY_DONE(pager_get(bt->pager, next, &trunk));
        TRY_DONE(take_from_trunk(bt, &previous, &trunk, near, mode, &taken));
        if (taken == NULL) {
            next = get_u32(trunk->data + AT_NEXT_TRUNK);
            page_unpin(bt->pager, previous);
            previous = trunk;
            trunk = NULL;
        }
    }
    ASSERT(taken->is_private);
    put_u32(bt->page1->data + AT_FREE_COUNT, free_count - 1);
    *out = taken;
    rc = SQLITE_OK;
done:
    page_unpin(bt->pager, previous);
    page_unpin(bt->pager, trunk);
    return rc;
}

// Reusing comes before growing, whatever is near: a file must not grow while it has holes.
int page_allocate(Btree *bt, Pgno near, AllocMode mode, Page **out)
{
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    ASSERT(near > 0 || mode == ALLOC_ANY || mode == ALLOC_AT_END);

    u32 free_count = get_u32(bt->page1->data + AT_FREE_COUNT);
    if (free_count >= pager_page_count(bt->pager))
        return corrupt_page(1, "more free pages than pages");
    if (free_count == 0 || mode == ALLOC_AT_END)
        return allocate_at_end(bt, out);
    return allocate_from_freelist(bt, free_count, near, mode, out);
}

// --- giving back ---

// Makes the page a leaf of the first trunk. *done false: there is none with room.
static int add_as_leaf(Btree *bt, Pgno pgno, Pgno trunk_pgno, bool *done)
{
    Page *trunk;
    ASSERT(pgno > 1);
    *done = false;
    if (trunk_pgno < 2)
        return corrupt_page(1, "freelist without a trunk");
    TRY(pager_get(bt->pager, trunk_pgno, &trunk));
    int rc = SQLITE_OK;
    u32 leaf_count = get_u32(trunk->data + AT_LEAF_COUNT);
    if (leaf_count > bt->geometry.usable / 4 - 2) {
        rc = corrupt_page(trunk_pgno, "freelist trunk too full");
        goto done;
    }
    if (leaf_count >= bt->geometry.usable / 4 - 8)
        goto done;
    TRY_DONE(pager_make_writable(bt->pager, &trunk));
    put_u32(trunk->data + AT_LEAF_COUNT, leaf_count + 1);
    put_u32(trunk->data + AT_LEAVES + 4 * leaf_count, pgno);
    *done = true;
done:
    ASSERT(trunk->pgno == trunk_pgno);
    page_unpin(bt->pager, trunk);
    return rc;
}

// secure_delete: the old content is read for the journal's sake and overwritten for the owner's.
static int zero_page(Btree *bt, Pgno pgno)
{
    Page *page;
    ASSERT(bt->secure_delete != 0);
    ASSERT(pgno > 1);
    TRY(pager_get(bt->pager, pgno, &page));
    int rc = pager_make_writable(bt->pager, &page);
    if (rc == SQLITE_OK)
        memset(page->data, 0, bt->geometry.page_size);
    ASSERT(page->pgno == pgno);
    page_unpin(bt->pager, page);
    return rc;
}

// The first trunk has no room, or there is none: the page itself becomes the first trunk.
static int make_trunk(Btree *bt, Pgno pgno, Pgno next)
{
    Page *page;
    ASSERT(pgno > 1);
    TRY(pager_get(bt->pager, pgno, &page));
    int rc = pager_make_writable(bt->pager, &page);
    if (rc == SQLITE_OK) {
        put_u32(page->data + AT_NEXT_TRUNK, next);
        put_u32(page->data + AT_LEAF_COUNT, 0);
        put_u32(bt->page1->data + AT_FREELIST, pgno);
    }
    ASSERT(bt->page1->is_private);
    page_unpin(bt->pager, page);
    return rc;
}

// A leaf of the freelist is not written at commit: nobody will read it.
int page_free(Btree *bt, Pgno pgno)
{
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    ASSERT(bt->page1 != NULL);

    if (pgno < 2 || pgno > pager_page_count(bt->pager))
        return corrupt_page(pgno, "freed page outside the database");
    TRY(header_own(bt));
    u32 free_count = get_u32(bt->page1->data + AT_FREE_COUNT);
    put_u32(bt->page1->data + AT_FREE_COUNT, free_count + 1);
    if (bt->secure_delete == 1)
        TRY(zero_page(bt, pgno));
    TRY(ptrmap_put(bt, pgno, PTRMAP_FREE, 0));

    Pgno trunk = free_count > 0 ? get_u32(bt->page1->data + AT_FREELIST) : 0;
    if (free_count > 0) {
        bool done;
        TRY(add_as_leaf(bt, pgno, trunk, &done));
        if (done) {
            Page *page = bt->secure_delete == 1 ? NULL : pager_lookup(bt->pager, pgno);
            if (page != NULL) {
                pager_dont_write(bt->pager, page);
                page_unpin(bt->pager, page);
            }
            return SQLITE_OK;
        }
    }
    return make_trunk(bt, pgno, trunk);
}
