// Builds a tree bottom-up from entries in ascending order: every page is filled once, written once,
// and no key is looked for.
//
// On each level one page is being filled. When the next cell does not fit it, the page is complete:
// its divider goes up, a fresh page takes its place. On a table leaf the divider is made from the
// last rowid; on other pages the last cell itself goes up, so that the page after it starts with at
// least one cell. The page of the highest level is always the root; when it is full its content
// moves to a fresh page and the root starts a level above.
//
//   add 1..7, three to a page:  [1 2 3]   [1 2] 3 [4 5 6]   ...   root [3 . 6]: [1 2] [4 5] [7]
//                               (index tree)
//
// Pages come from the allocator in ascending order, so a scan of the finished tree reads forward.
#include "btree/btree_internal.h"

struct BulkBuilder {
    Btree *bt;
    Pgno root;
    bool is_table;
    u32 level_count;
    u8 *divider; // one cell on its way up
    Node levels[TREE_DEPTH_MAX];
};

// The root is pinned and stays so: it is always the page of the highest level.
int bulk_begin(Btree *bt, Pgno root, TreeKind kind, BulkBuilder **out)
{
    Page *page;
    ASSERT(bt->txn == SQLITE_TXN_WRITE);
    ASSERT(root > 1);
    ASSERT(out != NULL);
    bt = bt->core;

    TRY(cursors_save(bt, root, NULL)); // B5
    BulkBuilder *bulk = mem_alloc(sizeof *bulk + bt->geometry.page_size + CELL_HEAD_MAX);
    if (bulk == NULL)
        return SQLITE_NOMEM;
    *bulk = (BulkBuilder){.bt = bt, .root = root, .is_table = kind == TREE_TABLE};
    bulk->divider = (u8 *)(bulk + 1);
    Node *leaf = &bulk->levels[0];
    int rc = pager_get(bt->pager, root, &page);
    if (rc == SQLITE_OK) {
        rc = node_parse(leaf, &bt->geometry, page, bulk->is_table);
        if (rc == SQLITE_OK && (leaf->cell_count > 0 || !node_is_leaf(leaf)))
            rc = corrupt_page(root, "tree to be built is not empty");
        if (rc == SQLITE_OK)
            rc = node_own(bt, leaf);
        if (rc != SQLITE_OK)
            page_unpin(bt->pager, page);
    }
    if (rc != SQLITE_OK) {
        mem_free(bulk);
        return rc;
    }
    node_init_empty(leaf, &bt->geometry, page, leaf->kind);
    bulk->level_count = 1;
    *out = bulk;
    return SQLITE_OK;
}

// The highest page is the root and full: its content moves out, and the root starts a level above.
static int raise_root(BulkBuilder *bulk)
{
    Btree *bt = bulk->bt;
    u32 top = bulk->level_count - 1;
    Node *node = &bulk->levels[top];
    Page *page;
    ASSERT(node->page->pgno == bulk->root);
    ASSERT(node->page->is_private);

    if (bulk->level_count == TREE_DEPTH_MAX)
        return SQLITE_FULL;
    TRY(page_allocate(bt, bulk->root + 1, ALLOC_ANY, &page));
    memcpy(page->data, node->data, bt->geometry.usable);
    Node *root = &bulk->levels[top + 1];
    *root = *node;
    node_rebase(node, page);
    node_init_empty(root, &bt->geometry, root->page,
                    bulk->is_table ? TABLE_INTERIOR : INDEX_INTERIOR);
    bulk->level_count++;
    return SQLITE_OK;
}

// Makes the divider of a complete page, in bulk->divider, and takes it off the page if it is one of
// its cells.
static int take_divider(BulkBuilder *bulk, Node *node, u32 *size)
{
    Cell cell;
    u32 last = node->cell_count - 1u;
    ASSERT(node->cell_count > 1 || node->kind == TABLE_LEAF); // others hold four cells at least
    ASSERT(node->page->is_private);

    TRY(node_parse_cell(node, last, &cell));
    const u8 *bytes = node_cell(node, last);
    put_u32(bulk->divider, node->page->pgno);
    if (node->kind == TABLE_LEAF) {
        *size = 4 + varint_put(bulk->divider + 4, (u64)cell.rowid);
        return SQLITE_OK;
    }
    if (node_is_leaf(node)) {
        memcpy(bulk->divider + 4, bytes, cell.size);
        *size = cell_size(node->geometry, INDEX_INTERIOR, bulk->divider);
    } else {
        node_set_right_child(node, get_u32(bytes));
        memcpy(bulk->divider + 4, bytes + 4, cell.size - 4);
        *size = cell.size;
    }
    return node_remove_cell(node, last, cell.size);
}

// Bytes that take_divider() will need in the parent, at most.
static int divider_room(const Node *node, u32 *room)
{
    Cell cell;
    ASSERT(node->cell_count > 0);
    TRY(node_parse_cell(node, node->cell_count - 1u, &cell));
    *room = node->kind == TABLE_LEAF ? 4 + 9 + 2 : cell.size + 4 + 2;
    ASSERT(*room < node->geometry->usable);
    return SQLITE_OK;
}

// Completes the page of a level and starts the next one.
static int turn_page(BulkBuilder *bulk, u32 level)
{
    Btree *bt = bulk->bt;
    u32 room;
    u32 size;
    Page *page;
    ASSERT(level < bulk->level_count);
    ASSERT(bulk->levels[level].cell_count > 0);

    if (level + 1 == bulk->level_count)
        TRY(raise_root(bulk));
    TRY(divider_room(&bulk->levels[level], &room));
    if (bulk->levels[level + 1].free_size < room)
        TRY(turn_page(bulk, level + 1));
    Node *node = &bulk->levels[level];
    Node *parent = &bulk->levels[level + 1];
    TRY(take_divider(bulk, node, &size));
    TRY(node_insert_cell(parent, parent->cell_count, bulk->divider, size));
    TRY(ptrmap_adopt(bt, node));
    NodeKind kind = node->kind;
    TRY(page_allocate(bt, node->page->pgno + 1, ALLOC_ANY, &page));
    page_unpin(bt->pager, node->page);
    node_init_empty(node, &bt->geometry, page, kind);
    return SQLITE_OK;
}

// Nothing is compared: the caller vouches for the order.
int bulk_add(BulkBuilder *bulk, const Payload *payload)
{
    CellImage image;
    Node *leaf = &bulk->levels[0];
    u8 *hole;
    ASSERT(bulk->level_count > 0);
    ASSERT(payload != NULL);

    TRY(image_init(bulk->bt, bulk->is_table, 0, payload, &image));
    if (image.local_size < image.payload_size)
        TRY(overflow_write_chain(bulk->bt, &image, leaf->page->pgno + 1));
    if (leaf->free_size < image.size + 2)
        TRY(turn_page(bulk, 0));
    TRY(node_open_hole(leaf, leaf->cell_count, image.size, &hole));
    image_write(&image, hole);
    return SQLITE_OK;
}

// The page of each level becomes the right child of the page above.
static int close_levels(BulkBuilder *bulk)
{
    ASSERT(bulk->level_count > 0);
    for (u32 i = 0; i < bulk->level_count; i++) {
        Node *node = &bulk->levels[i];
        ASSERT(node->cell_count > 0 || bulk->level_count == 1);
        if (i > 0)
            node_set_right_child(node, bulk->levels[i - 1].page->pgno);
        TRY(ptrmap_adopt(bulk->bt, node));
    }
    return SQLITE_OK;
}

// Dividers and left children are in place already; what is missing is each level's right child.
int bulk_finish(BulkBuilder *bulk)
{
    ASSERT(bulk->bt->txn == SQLITE_TXN_WRITE);
    ASSERT(bulk->level_count > 0);
    int rc = close_levels(bulk);
    ASSERT(bulk->levels[bulk->level_count - 1].page->pgno == bulk->root);
    bulk_abandon(bulk);
    return rc;
}

void bulk_abandon(BulkBuilder *bulk)
{
    if (bulk == NULL)
        return;
    ASSERT(bulk->level_count > 0);
    ASSERT(bulk->level_count <= TREE_DEPTH_MAX);
    for (u32 i = 0; i < bulk->level_count; i++)
        page_unpin(bulk->bt->pager, bulk->levels[i].page);
    mem_free(bulk);
}
