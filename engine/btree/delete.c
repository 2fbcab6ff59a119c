// Deleting the entry a cursor stands on.
//
// From a leaf the cell is taken out. An entry of an interior index page has a
// child to its left: its predecessor, the last entry of that child's rightmost
// leaf, takes its place, so that every delete takes its cell from a leaf in the
// end. Then the pages are balanced from the leaf upward.
//
//   delete m from  [f m t]  whose middle child is  [h l]:
//   l comes up     [f l t]  and its leaf           [h]    may starve
//
// A walk that deletes as it goes (CURSOR_SAVE_POSITION) finds its next entry by
// the key it remembers; where no page changes but the leaf, it stands beside
// the hole and knows which step it has made already (CURSOR_SKIP).
#include "btree/btree_internal.h"

// Where a caller that walks goes on: on a neighbour, with the step to it
// already made.
static void settle_after_delete(Cursor *cur)
{
    Level *level = cur->fast.level;
    ASSERT(node_is_leaf(&level->node));
    ASSERT(cur->pinned > cur->depth);

    if (level->node.cell_count == 0) {
        cur->fast.state = CURSOR_INVALID; // only an empty root gets here
        return;
    }
    if (level->slot < level->node.cell_count) {
        cur->fast.skip = 1;
    } else {
        level->slot--;
        cur->fast.skip = -1;
    }
    cur->fast.state = CURSOR_SKIP;
}

// Whether the page will be sparse is known before the cell is gone: only then must the key be
// remembered for a walk to go on.
static int delete_from_leaf(Cursor *cur, bool save)
{
    Level *level = cur->fast.level;
    Node *node = &level->node;
    Cell cell;
    ASSERT(node_is_leaf(node));
    ASSERT(level->slot < node->cell_count);
    ASSERT(cur->pinned > cur->depth);

    TRY(node_parse_cell(node, level->slot, &cell));
    TRY(node_measure(node));
    u32 free_after = node->free_size + cell.size + 2;
    bool balances = cur->depth > 0 && free_after * 3 > cur->bt->geometry.usable * 2;
    if (save && balances)
        TRY(cursor_save_key(cur));
    TRY(overflow_free_chain(cur->bt, &cell));
    TRY(node_own(cur->bt, node));
    TRY(node_remove_cell(node, level->slot, cell.size));
    cur->fast.has_cell = false;
    if (!balances) {
        if (save)
            settle_after_delete(cur);
        else
            cur->fast.state = CURSOR_INVALID;
        return SQLITE_OK;
    }
    bool kept_place;
    Pending none = {.count = 0};
    TRY(balance_upward(cur, &none, &kept_place));
    cur->fast.state = CURSOR_INVALID;
    if (save) {
        cursor_release(cur);
        cur->fast.skip = 0;
        cur->fast.state = CURSOR_SAVED;
    }
    return SQLITE_OK;
}

// Puts the predecessor, given as a leaf's cell, where the deleted entry was.
// *pending is left with it when the page has no room.
static int replace_divider(Cursor *cur, u32 depth, const u8 *bytes, u32 size, Pending *pending)
{
    Level *level = &cur->path[depth];
    Cell old;
    ASSERT(!node_is_leaf(&level->node));
    ASSERT(size >= 4 + 1);

    TRY(node_own(cur->bt, &level->node));
    TRY(node_measure(&level->node));
    TRY(node_parse_cell(&level->node, level->slot, &old));
    TRY(node_remove_cell(&level->node, level->slot, old.size));
    if (level->node.free_size >= size + 2) {
        TRY(node_insert_cell(&level->node, level->slot, bytes, size));
    } else {
        *pending = (Pending){.count = 1, .slot = {level->slot}, .cell = {{bytes, size}}};
    }
    Cell fresh;
    cell_parse(&cur->bt->geometry, INDEX_INTERIOR, bytes, &fresh);
    if (cell_has_overflow(&fresh))
        return ptrmap_put(cur->bt, cell_overflow(&fresh), PTRMAP_OVERFLOW1, level->node.page->pgno);
    return SQLITE_OK;
}

// Takes the last cell of the leaf stood on as a divider with left child
// `child`.
static int take_predecessor(Cursor *cur, Pgno child, u8 *bytes, u32 *size)
{
    Level *leaf = cur->fast.level;
    Cell cell;
    ASSERT(node_is_leaf(&leaf->node));
    ASSERT(leaf->slot + 1 == leaf->node.cell_count);

    TRY(node_parse_cell(&leaf->node, leaf->slot, &cell));
    put_u32(bytes, child);
    memcpy(bytes + 4, node_cell(&leaf->node, leaf->slot), cell.size);
    *size = cell_size(&cur->bt->geometry, INDEX_INTERIOR,
                      bytes); // without a leaf's padding
    TRY(node_own(cur->bt, &leaf->node));
    TRY(node_measure(&leaf->node));
    return node_remove_cell(&leaf->node, leaf->slot, cell.size);
}

// The divider did not fit, its page was balanced, and the path is gone: looks
// up the divider again, and below it the leaf that lost its last cell, which
// may be empty and wants balancing too.
static int balance_starved_leaf(Cursor *cur, const u8 *divider)
{
    Cell cell;
    int order;
    bool kept_place;
    const u8 *key;
    cell_parse(&cur->bt->geometry, INDEX_INTERIOR, divider, &cell);
    ASSERT(cell.payload == divider + (cell.payload - divider));
    ASSERT(!cur->is_table);

    TRY(payload_whole(cur->bt, &cell, &key));
    u8 *copy = mem_alloc((u64)cell.payload_size + PAGE_SLACK); // seeks use bt->payload themselves
    if (copy == NULL)
        return SQLITE_NOMEM;
    memcpy(copy, key, cell.payload_size);
    memset(copy + cell.payload_size, 0, PAGE_SLACK);
    cur->near_credit = 0;
    int rc = cursor_seek_record(cur, copy, cell.payload_size, &order);
    mem_free(copy);
    TRY(rc);
    if (order != 0 || node_is_leaf(&cur->fast.level->node))
        return corrupt_page(cur->root, "divider not where it was put");
    while (!node_is_leaf(&cur->fast.level->node)) {
        TRY(cursor_load_child(cur));
        cur->fast.level->slot = cur->fast.level->node.cell_count;
    }
    COVER("delete: starved leaf under an overfull divider page");
    Pending none = {.count = 0};
    return balance_upward(cur, &none, &kept_place);
}

// The predecessor moves up first, so that the leaf and the page above are both sound trees at
// every step but one; then the leaf is balanced, and with it the path upward.
static int delete_from_interior(Cursor *cur, bool save)
{
    Btree *bt = cur->bt;
    u32 depth = cur->depth;
    Level *level = cur->fast.level;
    Cell cell;
    ASSERT(!cur->is_table);
    ASSERT(!node_is_leaf(&level->node));

    if (save)
        TRY(cursor_save_key(cur));
    TRY(node_parse_cell(&level->node, level->slot, &cell));
    Pgno child = get_u32(node_cell(&level->node, level->slot));
    TRY(overflow_free_chain(bt, &cell));
    u8 *bytes;
    u32 size;
    Pending pending = {.count = 0};
    bool kept_place;
    TRY(balance_cell_buffer(bt, &bytes));
    TRY(cursor_to_rightmost(cur));
    TRY(take_predecessor(cur, child, bytes, &size));
    TRY(replace_divider(cur, depth, bytes, size, &pending));
    cur->fast.has_cell = false;
    if (pending.count == 0) {
        TRY(balance_upward(cur, &pending, &kept_place));
        if (kept_place) { // the leaf is well; the page above may have got a smaller
                          // divider
            cursor_set_depth(cur, depth);
            TRY(balance_upward(cur, &pending, &kept_place));
        }
    } else {
        cursor_set_depth(cur, depth);
        TRY(balance_upward(cur, &pending, &kept_place));
        TRY(balance_starved_leaf(cur, bytes));
    }
    cur->fast.state = CURSOR_INVALID;
    if (save) {
        cursor_release(cur);
        cur->fast.skip = 0;
        cur->fast.state = CURSOR_SAVED;
    }
    return SQLITE_OK;
}

// The door. Deleting what somebody else deleted is no error: the row is gone, as wished.
int cursor_delete(Cursor *cur, u32 flags)
{
    ASSERT(cur->is_writable);
    ASSERT(cur->bt->txn == SQLITE_TXN_WRITE);
    ASSERT(cur->bt->writer == NULL);

    TRY(cursor_ensure(cur));
    if (cur->fast.state != CURSOR_VALID)
        return SQLITE_OK; // somebody else deleted it
    if (cur->shares_tree)
        TRY(cursors_save(cur->bt, cur->root, cur)); // B5
    if (cur->shares_tree && cur->is_table)
        cursors_expire(cur->bt, cur->root, cursor_rowid(cur));
    cur->chain_count = 0;
    bool save = (flags & CURSOR_SAVE_POSITION) != 0;
    cur->bt->writer = cur;
    int rc = node_is_leaf(&cur->fast.level->node) ? delete_from_leaf(cur, save)
                                                  : delete_from_interior(cur, save);
    cur->bt->writer = NULL;
    if (rc != SQLITE_OK)
        cursor_release(cur); // the path may be half changed (B8)
    return rc;
}
