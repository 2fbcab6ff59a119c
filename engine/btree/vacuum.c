// Auto-vacuum: moving pages from the end of the file into holes, and cutting the end off.
//
// A page's content moves under a new number; the pointer map tells who has to be told: the parent's
// child pointer, the cell whose overflow chain begins there, or the overflow page before; and
// everything below the page learns its parent's new number.
//
// Two ways to shrink. FULL does all of it at each commit: the pages behind the future end move into
// the holes before it, and as no hole is left the freelist is simply emptied. INCREMENTAL takes one
// page off the end a call, and takes each hole it fills off the freelist, which must be right
// between two calls.
//
//   pages    1  2m 3r 4  5f 6  7f 8     m pointer map, r root, f free
//   to be 6  1  2m 3r 4  8' 6           8 moves to 5; 7 goes with the end
//
// Roots do not move: they are in front (B11), where no end ever comes, and the schema names them.
#include "btree/btree_internal.h"

// --- moving one page ---

// In page `parent`, the reference to `from` becomes one to `target`.
static int redirect_in_node(Btree *bt, Page *parent, PtrmapType type, Pgno from, Pgno target)
{
    Node node;
    ASSERT(parent->is_private);
    ASSERT(type == PTRMAP_OVERFLOW1 || type == PTRMAP_TREE);

    TRY(node_parse_bytes(&node, &bt->geometry, parent->data, parent->pgno));
    node.page = parent;
    if (type == PTRMAP_TREE && !node_is_leaf(&node) && node_right_child(&node) == from) {
        node_set_right_child(&node, target);
        return SQLITE_OK;
    }
    for (u32 i = 0; i < node.cell_count; i++) {
        Cell cell;
        TRY(node_parse_cell(&node, i, &cell));
        u8 *bytes = node_cell(&node, i);
        if (type == PTRMAP_TREE && !node_is_leaf(&node) && get_u32(bytes) == from) {
            put_u32(bytes, target);
            return SQLITE_OK;
        }
        if (type == PTRMAP_OVERFLOW1 && cell_has_overflow(&cell) && cell_overflow(&cell) == from) {
            put_u32(bytes + cell.size - 4, target);
            return SQLITE_OK;
        }
    }
    return corrupt_page(parent->pgno, "pointer map names a page that does not refer back");
}

static int redirect_parent(Btree *bt, u8 type, Pgno parent_pgno, Pgno from, Pgno target)
{
    Page *parent;
    ASSERT(type != PTRMAP_ROOT && type != PTRMAP_FREE);
    ASSERT(from != target);
    ASSERT(target > 1);

    TRY(pager_get(bt->pager, parent_pgno, &parent));
    int rc = parent == bt->page1 ? header_own(bt) : pager_make_writable(bt->pager, &parent);
    if (rc == SQLITE_OK && type == PTRMAP_OVERFLOW2) {
        if (get_u32(parent->data) == from)
            put_u32(parent->data, target);
        else
            rc = corrupt_page(parent_pgno, "overflow chain does not lead where the map says");
    } else if (rc == SQLITE_OK) {
        rc = redirect_in_node(bt, parent, (PtrmapType)type, from, target);
    }
    page_unpin(bt->pager, parent);
    return rc;
}

// What refers to the moved page from below learns its new number.
static int tell_children(Btree *bt, Page *page, u8 type)
{
    ASSERT(page->is_private);
    ASSERT(type != PTRMAP_FREE);
    if (type == PTRMAP_TREE || type == PTRMAP_ROOT) {
        Node node;
        TRY(node_parse_bytes(&node, &bt->geometry, page->data, page->pgno));
        node.page = page;
        return ptrmap_adopt(bt, &node);
    }
    Pgno next = get_u32(page->data);
    return next == 0 ? SQLITE_OK : ptrmap_put(bt, next, PTRMAP_OVERFLOW2, page->pgno);
}

// Three parties must hear of it: those below, the one above, and the map itself. Content moves
// first, so that their changes see it in its new place.
int vacuum_move_page(Btree *bt, Pgno from, Pgno target, bool is_commit)
{
    u8 type;
    Pgno parent;
    Page *page;
    ASSERT(bt->auto_vacuum != 0);
    ASSERT(from != target);
    ASSERT(target > 1);

    TRY(ptrmap_get(bt, from, &type, &parent));
    if (from < 3 || type == PTRMAP_FREE)
        return corrupt_page(from, "page cannot be moved");
    TRY(pager_get(bt->pager, from, &page));
    int rc = pager_make_writable(bt->pager, &page);
    if (rc == SQLITE_OK)
        rc = pager_move(bt->pager, page, target, is_commit);
    if (rc == SQLITE_OK)
        rc = tell_children(bt, page, type);
    page_unpin(bt->pager, page);
    TRY(rc);
    if (type != PTRMAP_ROOT)
        TRY(redirect_parent(bt, type, parent, from, target));
    return ptrmap_put(bt, target, (PtrmapType)type, parent);
}

// --- how far the file can shrink ---

// Pages of the first `count` that can hold content: neither pointer map nor the locking page.
// A map page stands before every group of usable/5 pages that it describes, from page 2 on.
static Pgno content_pages(const Btree *bt, Pgno count)
{
    ASSERT(bt->auto_vacuum != 0);
    if (count < 2)
        return count;
    u32 group = bt->geometry.usable / 5 + 1;
    Pgno maps = (count - 2) / group + 1;
    Pgno pending = 0x40000000 / bt->geometry.page_size + 1;
    if (count == pending && (pending - 2) % group == 0)
        maps--; // that map page is the next one
    ASSERT(maps < count);
    return count - maps - (count >= pending ? 1 : 0);
}

// The page count once all free pages are gone.
// Fewer pages need fewer map pages, so the size is looked for from below: what is missing is added
// until the content fits. That takes two or three turns.
static Pgno size_without_holes(const Btree *bt, Pgno count, Pgno free_count)
{
    Pgno content = content_pages(bt, count) - free_count;
    Pgno size = content;
    ASSERT(free_count < count);
    for (Pgno has = content_pages(bt, size); has < content; has = content_pages(bt, size))
        size += content - has;
    ASSERT(size <= count);
    return size;
}

// --- steps ---

// Takes page `last`, the file's last one, out of use. At commit the freelist is thrown away as a
// whole, so free pages need not be taken off it one by one.
static int vacuum_step(Btree *bt, Pgno size, Pgno last, bool is_commit)
{
    u8 type;
    Pgno parent;
    Page *page;
    ASSERT(last > size);
    ASSERT(bt->txn == SQLITE_TXN_WRITE);

    if (page_is_ptrmap(bt, last) || page_is_pending_byte(bt, last))
        return SQLITE_OK;
    TRY(ptrmap_get(bt, last, &type, &parent));
    if (type == PTRMAP_ROOT)
        return corrupt_page(last, "root at the end of an auto-vacuum database");
    if (type == PTRMAP_FREE) {
        if (is_commit)
            return SQLITE_OK;
        TRY(page_allocate(bt, last, ALLOC_EXACT, &page));
        page_unpin(bt->pager, page);
        return SQLITE_OK;
    }
    TRY(page_allocate(bt, size, ALLOC_AT_MOST, &page));
    Pgno target = page->pgno;
    page_unpin(bt->pager, page);
    if (target > size)
        return corrupt_page(target, "no hole in front of the end");
    return vacuum_move_page(bt, last, target, is_commit);
}

// The pager forgets pages behind the end when it commits.
static int cut_off(Btree *bt, Pgno count)
{
    ASSERT(count > 0);
    TRY(header_own(bt));
    put_u32(bt->page1->data + AT_PAGE_COUNT, count);
    pager_set_page_count(bt->pager, count);
    ASSERT(pager_page_count(bt->pager) == count);
    return SQLITE_OK;
}

bool btree_vacuum_is_due(const Btree *bt, Pgno *pages, Pgno *free_pages)
{
    if (bt->txn != SQLITE_TXN_WRITE)
        return false;
    bt = bt->core;
    if (bt->auto_vacuum != 1 || bt->page1 == NULL)
        return false;
    *pages = pager_page_count(bt->pager);
    *free_pages = get_u32(bt->page1->data + AT_FREE_COUNT);
    ASSERT(*pages > 0);
    return true;
}

void btree_limit_vacuum(Btree *bt, Pgno most)
{
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    bt = bt->core;
    ASSERT(bt->auto_vacuum == 1);
    bt->limits_vacuum = true;
    bt->vacuum_limit = most;
}

// *size: what the file shrinks to. Bad numbers in the header are found here.
static int plan_vacuum(Btree *bt, u32 *free_count, Pgno *size)
{
    Pgno count = pager_page_count(bt->pager);
    ASSERT(bt->page1 != NULL);
    *free_count = get_u32(bt->page1->data + AT_FREE_COUNT);
    if (page_is_ptrmap(bt, count) || page_is_pending_byte(bt, count))
        return corrupt_page(count, "file ends with a page without content");
    if (*free_count >= content_pages(bt, count))
        return corrupt_page(1, "more free pages than pages");
    *size = size_without_holes(bt, count, *free_count);
    ASSERT(*size > 0);
    return SQLITE_OK;
}

// Afterwards no page is free, so the freelist is simply emptied; unless some pages are to stay.
int vacuum_at_commit(Btree *bt)
{
    u32 free_count;
    Pgno size;
    bool is_limited = bt->limits_vacuum;
    ASSERT(bt->auto_vacuum == 1);
    ASSERT(bt->txn == SQLITE_TXN_WRITE);

    bt->limits_vacuum = false;
    if (get_u32(bt->page1->data + AT_FREE_COUNT) == 0 || (is_limited && bt->vacuum_limit == 0))
        return SQLITE_OK;
    TRY(plan_vacuum(bt, &free_count, &size));
    bool is_whole = !is_limited || bt->vacuum_limit >= free_count;
    if (!is_whole)
        size = size_without_holes(bt, pager_page_count(bt->pager), bt->vacuum_limit);
    TRY(cursors_save(bt, 0, NULL));
    for (Pgno last = pager_page_count(bt->pager); last > size; last--)
        TRY(vacuum_step(bt, size, last, is_whole));
    TRY(header_own(bt));
    if (is_whole) {
        put_u32(bt->page1->data + AT_FREELIST, 0);
        put_u32(bt->page1->data + AT_FREE_COUNT, 0);
    }
    return cut_off(bt, size);
}

// One page a call, so that the caller can stop after as many as it likes.
int btree_incremental_vacuum(Btree *bt)
{
    u32 free_count;
    Pgno size;
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    bt = bt->core;

    if (bt->auto_vacuum == 0 || get_u32(bt->page1->data + AT_FREE_COUNT) == 0)
        return SQLITE_DONE;
    TRY(plan_vacuum(bt, &free_count, &size));
    TRY(cursors_save(bt, 0, NULL));
    Pgno last = pager_page_count(bt->pager);
    TRY(vacuum_step(bt, size, last, false));
    do
        last--;
    while (page_is_ptrmap(bt, last) || page_is_pending_byte(bt, last));
    ASSERT(last >= size);
    return cut_off(bt, last);
}
