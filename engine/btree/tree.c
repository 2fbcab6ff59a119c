// Whole trees: making, emptying, dropping them.
//
// In an auto-vacuum database all roots come first, so that a page can be moved without asking the
// schema: a new root takes the page after the largest root, whoever lives there moves out; a
// dropped root's place is taken by the last root. Page 2 is the pointer map, so the first table's
// root is page 3.
//
// Clearing a tree visits every page of it, interior ones and chains too, because each goes to the
// freelist by itself. The root is the last to change: a failure before that leaves pages freed that
// the root still leads to, and the caller rolls back (B8).
#include "btree/btree_internal.h"

// --- creating ---

// The number of the next root, in an auto-vacuum database.
static int next_root(Btree *bt, Pgno *root)
{
    u32 largest;
    ASSERT(bt->auto_vacuum != 0);
    btree_get_meta(bt, META_LARGEST_ROOT, &largest);
    if (largest == 0 || largest > pager_page_count(bt->pager))
        return corrupt_page(1, "largest root outside the database");
    Pgno next = largest + 1;
    while (page_is_ptrmap(bt, next) || page_is_pending_byte(bt, next))
        next++;
    ASSERT(next >= 3);
    *root = next;
    return SQLITE_OK;
}

// Makes page `root` free for use as a root and pins it.
static int vacate_root(Btree *bt, Pgno root, Page **out)
{
    u8 type;
    Pgno parent;
    Page *page;
    ASSERT(root >= 3);
    ASSERT(bt->auto_vacuum != 0);

    if (root > pager_page_count(bt->pager)) {
        TRY(page_allocate(bt, 0, ALLOC_AT_END, &page));
        if (page->pgno != root) {
            page_unpin(bt->pager, page);
            return corrupt_page(root, "file grows elsewhere than expected");
        }
        *out = page;
        return SQLITE_OK;
    }
    TRY(ptrmap_get(bt, root, &type, &parent));
    if (type == PTRMAP_ROOT)
        return corrupt_page(root, "root beyond the largest root");
    if (type == PTRMAP_FREE)
        return page_allocate(bt, root, ALLOC_EXACT, out);
    // Somebody lives there: they move to another page. The new place is given back to nobody in
    // between.
    COVER("tree: a page moves out of a new root's place");
    TRY(page_allocate(bt, 0, ALLOC_ANY, &page));
    Pgno target = page->pgno;
    page_unpin(bt->pager, page);
    TRY(vacuum_move_page(bt, root, target, false));
    return pager_get_blank(bt->pager, root, out);
}

// The root keeps its number for life, except under auto-vacuum (btree_drop_tree).
int btree_create_tree(Btree *bt, TreeKind kind, Pgno *root)
{
    Page *page;
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    ASSERT(kind == TREE_TABLE || kind == TREE_INDEX);
    ASSERT(root != NULL);

    bt = bt->core;
    if (bt->auto_vacuum == 0) {
        TRY(page_allocate(bt, 1, ALLOC_ANY, &page));
    } else {
        Pgno next = 0;
        TRY(cursors_save(bt, 0, NULL)); // pages may move
        TRY(next_root(bt, &next));
        TRY(vacate_root(bt, next, &page));
        int rc = ptrmap_put(bt, page->pgno, PTRMAP_ROOT, 0);
        if (rc == SQLITE_OK)
            rc = btree_set_meta(bt, META_LARGEST_ROOT, next);
        if (rc != SQLITE_OK) {
            page_unpin(bt->pager, page);
            return rc;
        }
    }
    Node node;
    node_init_empty(&node, &bt->geometry, page, kind == TREE_TABLE ? TABLE_LEAF : INDEX_LEAF);
    *root = page->pgno;
    page_unpin(bt->pager, page);
    return SQLITE_OK;
}

// --- clearing ---

typedef struct Clearing {
    Btree *bt;
    i64 rows;
    Pgno
        freed; // pages freed so far: never more than there are, whatever circles a damaged tree has
} Clearing;

static int clear_page(Clearing *c, Pgno pgno, u32 depth, bool is_root);

// Children before the cell's own chain: any order would do, this one reads the page once.
static int clear_cells(Clearing *c, const Node *node, u32 depth)
{
    ASSERT(depth < TREE_DEPTH_MAX);
    ASSERT(node->page != NULL);
    for (u32 i = 0; i < node->cell_count; i++) {
        Cell cell;
        TRY(node_parse_cell(node, i, &cell));
        if (!node_is_leaf(node))
            TRY(clear_page(c, get_u32(node_cell(node, i)), depth + 1, false));
        TRY(overflow_free_chain(c->bt, &cell));
    }
    if (!node_is_leaf(node))
        TRY(clear_page(c, node_right_child(node), depth + 1, false));
    if (node_is_leaf(node) || !node_is_table(node))
        c->rows += node->cell_count;
    return SQLITE_OK;
}

// Recursion follows the tree, so its depth is limited; the count of freed pages limits the rest,
// since a damaged tree may be a maze.
static int clear_page(Clearing *c, Pgno pgno, u32 depth, bool is_root)
{
    Btree *bt = c->bt;
    Page *page;
    Node node;
    ASSERT(is_root == (depth == 0));
    if (depth >= TREE_DEPTH_MAX || c->freed > pager_page_count(bt->pager))
        return corrupt_page(pgno, "tree too deep or in a circle");
    TRY(pager_get(bt->pager, pgno, &page));
    int rc = node_parse_bytes(&node, &bt->geometry, page->data, pgno);
    node.page = page;
    if (rc == SQLITE_OK && !is_root && pgno == 1)
        rc = corrupt_page(pgno, "page 1 below a root");
    if (rc == SQLITE_OK)
        rc = clear_cells(c, &node, depth);
    if (rc == SQLITE_OK && is_root) {
        rc = node_own(bt, &node);
        if (rc == SQLITE_OK)
            node_init_empty(&node, &bt->geometry, page,
                            node_is_table(&node) ? TABLE_LEAF : INDEX_LEAF);
    }
    ASSERT(page->pgno == pgno);
    page_unpin(bt->pager, page);
    if (rc != SQLITE_OK || is_root)
        return rc;
    c->freed++;
    return page_free(bt, pgno);
}

// The root stays, as an empty leaf of its family.
int btree_clear_tree(Btree *bt, Pgno root, i64 *rows)
{
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    bt = bt->core;
    TRY(cursors_save(bt, root, NULL)); // B5
    cursors_expire_all(bt, root);
    Clearing clearing = {.bt = bt};
    TRY(clear_page(&clearing, root, 0, true));
    ASSERT(clearing.rows >= 0);
    if (rows != NULL)
        *rows += clearing.rows;
    return SQLITE_OK;
}

// --- dropping ---

// Gives up the largest root: the next smaller page that can be one is the largest now.
static int lower_largest_root(Btree *bt, Pgno largest)
{
    ASSERT(bt->auto_vacuum != 0);
    ASSERT(largest >= 3);
    Pgno next = largest - 1;
    while (next > 1 && (page_is_ptrmap(bt, next) || page_is_pending_byte(bt, next)))
        next--;
    return btree_set_meta(bt, META_LARGEST_ROOT, next);
}

// Roots come first under auto-vacuum (B11): the last one moves into the hole, and the schema must
// be told.
int btree_drop_tree(Btree *bt, Pgno root, Pgno *moved)
{
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    ASSERT(moved != NULL);
    bt = bt->core;

    *moved = 0;
    if (root > btree_page_count(bt))
        return corrupt_page(root, "root outside the database");
    TRY(cursors_save(bt, 0, NULL));
    TRY(btree_clear_tree(bt, root, NULL));
    if (root <= 1)
        return SQLITE_OK; // the schema's own tree is emptied, never dropped
    if (bt->auto_vacuum == 0)
        return page_free(bt, root);

    u32 largest;
    btree_get_meta(bt, META_LARGEST_ROOT, &largest);
    if (largest < root)
        return corrupt_page(root, "root beyond the largest root");
    if (largest != root) {
        TRY(vacuum_move_page(bt, largest, root, false));
        *moved = largest;
    }
    TRY(page_free(bt, largest));
    return lower_largest_root(bt, largest);
}
