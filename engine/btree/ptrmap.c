// The pointer map of auto-vacuum databases: for every page, who refers to it.
//
// Page 2 is the first map page; it has usable/5 entries of five bytes, type and
// parent, for the pages that follow it; then comes the next map page, and so
// on. If a map page would fall on the locking page, it is the one after.
// Example: 05 00000003 at offset 10 of page 2 says that page 5 is a tree page
// below page 3.
//
// The map is what lets a page move without a search: it is kept right with every
// change, not only when something is to be moved.
#include "btree/btree_internal.h"

enum { ENTRY_SIZE = 5 };

// The map page with the entry of `pgno`; for a map page itself, that page.
static Pgno map_of(const Btree *bt, Pgno pgno)
{
    ASSERT(pgno >= 2);
    ASSERT(bt->geometry.usable >= USABLE_MIN);

    u32 group = bt->geometry.usable / ENTRY_SIZE + 1;
    Pgno map = (pgno - 2) / group * group + 2;
    return page_is_pending_byte(bt, map) ? map + 1 : map;
}

bool page_is_ptrmap(const Btree *bt, Pgno pgno)
{
    ASSERT(pgno > 0);
    ASSERT(bt->geometry.usable >= USABLE_MIN);
    return pgno >= 2 && map_of(bt, pgno) == pgno;
}

// Pins the map page and finds the entry's offset.
static int find_entry(Btree *bt, Pgno pgno, Page **map, u32 *offset)
{
    ASSERT(bt->auto_vacuum != 0);
    if (pgno < 2)
        return corrupt_page(pgno, "no pointer map entry for it");
    Pgno map_pgno = map_of(bt, pgno);
    if (map_pgno >= pgno)
        return corrupt_page(pgno, "pointer map pages have no entry");
    *offset = ENTRY_SIZE * (pgno - map_pgno - 1);
    ASSERT(*offset + ENTRY_SIZE <= bt->geometry.usable);
    return pager_get(bt->pager, map_pgno, map);
}

// A map page is made writable only if the entry really changes.
int ptrmap_put(Btree *bt, Pgno pgno, PtrmapType type, Pgno parent)
{
    Page *map;
    u32 offset;
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    ASSERT(type >= PTRMAP_ROOT && type <= PTRMAP_TREE);

    if (bt->auto_vacuum == 0)
        return SQLITE_OK;
    if (pgno > pager_page_count(bt->pager)) // the lost pages of a short file have no entries
        return bt->accepts_short ? SQLITE_OK : corrupt_page(pgno, "page outside the database");
    TRY(find_entry(bt, pgno, &map, &offset));
    int rc = SQLITE_OK;
    const u8 *entry = map->data + offset;
    if (entry[0] != type || get_u32(entry + 1) != parent) { // most puts change nothing
        rc = pager_make_writable(bt->pager, &map);
        if (rc == SQLITE_OK) {
            map->data[offset] = (u8)type;
            put_u32(map->data + offset + 1, parent);
        }
    }
    page_unpin(bt->pager, map);
    return rc;
}

// The map may say anything (B7): a type that does not exist is corruption, a wrong one is for the
// caller to find.
int ptrmap_get(Btree *bt, Pgno pgno, u8 *type, Pgno *parent)
{
    Page *map;
    u32 offset;
    ASSERT(type != NULL);
    ASSERT(parent != NULL);

    TRY(find_entry(bt, pgno, &map, &offset));
    *type = map->data[offset];
    *parent = get_u32(map->data + offset + 1);
    page_unpin(bt->pager, map);
    if (*type < PTRMAP_ROOT || *type > PTRMAP_TREE)
        return corrupt_page(pgno, "pointer map entry of unknown type");
    return SQLITE_OK;
}

// After a page was rewritten or renumbered: everything it refers to learns where it is.
int ptrmap_adopt(Btree *bt, const Node *node)
{
    ASSERT(node->page != NULL);
    ASSERT(node->page->data == node->data);
    ASSERT(node->page->pgno > 0);

    if (bt->auto_vacuum == 0)
        return SQLITE_OK;
    Pgno self = node->page->pgno;
    for (u32 i = 0; i < node->cell_count; i++) {
        Cell cell;
        TRY(node_parse_cell(node, i, &cell));
        if (cell_has_overflow(&cell))
            TRY(ptrmap_put(bt, cell_overflow(&cell), PTRMAP_OVERFLOW1, self));
        if (!node_is_leaf(node))
            TRY(ptrmap_put(bt, get_u32(node_cell(node, i)), PTRMAP_TREE, self));
    }
    return node_is_leaf(node) ? SQLITE_OK
                              : ptrmap_put(bt, node_right_child(node), PTRMAP_TREE, self);
}
