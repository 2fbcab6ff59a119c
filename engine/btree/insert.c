// Inserting and replacing entries.
//
// The place is found first (or the caller knows it), then overflow pages are
// written, then the leaf changes: in place when the new cell is as large as the
// old one, else in a hole made for it, and only if there is no room the pages
// around are balanced. Before the leaf changes, a failure leaves the tree as it
// was, but for overflow pages that belong to nobody: the caller rolls back
// (B8).
//
// A new cell is a CellImage until it is written: its head as bytes, its payload
// still where the caller has it. So a payload is copied once, from the caller's
// buffer to the page, and a cell that must wait for a balance is the only one
// that needs memory of its own.
#include "btree/btree_internal.h"

// --- cells under construction ---

// Decides how the payload is split between page and chain; writes nothing but the head.
int image_init(const Btree *bt, bool is_table, Pgno child, const Payload *payload, CellImage *image)
{
    ASSERT(payload->key_size >= 0 || is_table);
    ASSERT(bt->geometry.usable >= USABLE_MIN);
    ASSERT(image != NULL);

    u64 size = is_table ? (u64)payload->data_size + payload->zero_tail : (u64)payload->key_size;
    if (size > PAYLOAD_MAX)
        return SQLITE_TOOBIG;
    image->bytes = is_table ? payload->data : payload->key;
    image->bytes_size = is_table ? payload->data_size : (u32)payload->key_size;
    image->payload_size = (u32)size;
    image->overflow = 0;

    u32 at = 0;
    if (child != 0) {
        put_u32(image->head, child);
        at = 4;
    }
    at += varint_put(image->head + at, size);
    if (is_table)
        at += varint_put(image->head + at, (u64)payload->key_size);
    image->head_size = at;
    image->local_size = cell_local_size(&bt->geometry, is_table, image->payload_size);
    image->size = at + image->local_size + (image->local_size < image->payload_size ? 4 : 0);
    if (image->size < CELL_SIZE_MIN)
        image->size = CELL_SIZE_MIN;
    return SQLITE_OK;
}

// Bytes come from up to three sources: the head, the payload in memory, and zeroes for a
// zeroblob's tail.
void image_write(const CellImage *image, u8 *out)
{
    u32 present = image->bytes_size < image->local_size ? image->bytes_size : image->local_size;
    ASSERT(image->head_size <= CELL_HEAD_MAX);
    ASSERT((image->overflow != 0) == (image->local_size < image->payload_size));
    ASSERT(image->size >= CELL_SIZE_MIN);

    memcpy(out, image->head, image->head_size);
    u8 *p = out + image->head_size;
    if (present > 0)
        memcpy(p, image->bytes, present);
    memset(p + present, 0, image->local_size - present);
    p += image->local_size;
    if (image->overflow != 0) {
        put_u32(p, image->overflow);
        p += 4;
    }
    while (p < out + image->size) // the least cell is four bytes
        *p++ = 0;
}

// --- finding the place ---

// After a seek in an empty tree there is no entry to stand on, but the place to insert is known.
static bool stands_in_empty_tree(const Cursor *cur)
{
    ASSERT(cur->bt != NULL);
    ASSERT(cur->depth < TREE_DEPTH_MAX);
    return cur->fast.state == CURSOR_INVALID && cur->depth == 0 && cur->pinned > 0
           && cur->path[0].node.cell_count == 0 && node_is_leaf(&cur->path[0].node);
}

// What the caller says of its seek agrees with where the cursor stands. (Of index keys that would
// take a comparison to know.)
static bool claim_holds(Cursor *cur, RowId rowid, int order)
{
    ASSERT(cur->fast.state == CURSOR_VALID);
    ASSERT(order != CURSOR_UNKNOWN);
    if (!cur->is_table)
        return true;
    RowId here = cursor_rowid(cur);
    return order == 0 ? here == rowid : order < 0 ? here < rowid : here > rowid;
}

// Seeks unless the caller's seek still holds: another cursor's change may have
// moved this one since.
static int find_place(Cursor *cur, const Payload *payload, int seek_order, int *order)
{
    ASSERT(cur->is_writable);
    ASSERT(payload != NULL);

    bool is_empty = stands_in_empty_tree(cur);
    if (seek_order != CURSOR_UNKNOWN && (cur->fast.state == CURSOR_VALID || is_empty)) {
        bool holds = is_empty || claim_holds(cur, payload->key_size, seek_order);
        ASSERT_SOUND(holds);
        *order = seek_order;
        if (holds)
            return SQLITE_OK;
    }
    if (cur->is_table)
        return cursor_seek_rowid(cur, payload->key_size, false, order);
    if (payload->values == NULL)
        return cursor_seek_record(cur, payload->key, (u32)payload->key_size, order);
    u16 count = cur->shape->key_count;
    KeyProbe probe = {.shape = cur->shape,
                      .values = payload->values,
                      .count = payload->value_count < count ? payload->value_count : count};
    key_probe_prepare(&probe);
    return cursor_seek_key(cur, &probe, order);
}

// --- replacing ---

// Overwrites the entry when the new payload is as long as the old one. *done
// false: it is not.
static int overwrite_in_place(Cursor *cur, const Payload *payload, bool *done)
{
    const Cell *cell = cursor_cell(cur);
    u32 size = cur->is_table ? payload->data_size : (u32)payload->key_size;
    const u8 *bytes = cur->is_table ? payload->data : payload->key;
    ASSERT(cur->fast.state == CURSOR_VALID);
    ASSERT(!cur->is_table || cell->rowid == payload->key_size || cur->fast.cell_damaged);

    *done = false;
    if (cur->fast.cell_damaged || cell->payload_size != size || payload->zero_tail != 0)
        return SQLITE_OK;
    *done = true;
    if (!cell_has_overflow(cell) && memcmp(cell->payload, bytes, size) == 0)
        return SQLITE_OK; // an update that changes nothing dirties no page
    return cursor_payload_write(cur, 0, size, bytes);
}

// Takes the entry stood on off its page, its slot included, and frees its
// overflow chain.
static int remove_old(Cursor *cur, Pgno *child)
{
    Level *level = cur->fast.level;
    Cell old;
    ASSERT(cur->fast.state == CURSOR_VALID);
    TRY(node_parse_cell(&level->node, level->slot, &old));
    *child = node_is_leaf(&level->node) ? 0 : get_u32(node_cell(&level->node, level->slot));
    TRY(overflow_free_chain(cur->bt, &old));
    TRY(node_own(cur->bt, &level->node));
    TRY(node_measure(&level->node));
    ASSERT(level->node.page->is_private);
    cur->fast.has_cell = false;
    return node_remove_cell(&level->node, level->slot, old.size);
}

// --- inserting ---

// After a balance took the path away: remember the key, if the caller wants to
// go on from here.
static int remember_inserted(Cursor *cur, const Payload *payload)
{
    ASSERT(cur->fast.state == CURSOR_INVALID);
    ASSERT(cur->is_writable);
    if (cur->is_table) {
        cur->saved_rowid = payload->key_size;
    } else {
        u8 *key = mem_realloc(cur->saved_key, (u64)payload->key_size + PAGE_SLACK);
        if (key == NULL)
            return SQLITE_NOMEM;
        memcpy(key, payload->key, (size_t)payload->key_size);
        memset(key + payload->key_size, 0, PAGE_SLACK);
        cur->saved_key = key;
        cur->saved_size = (u32)payload->key_size;
    }
    cursor_release(cur);
    cur->fast.skip = 0;
    cur->fast.state = CURSOR_SAVED;
    return SQLITE_OK;
}

// The cell waits in a buffer of its own while pages are taken apart. An append keeps the path; any
// other balance loses it.
static int insert_and_balance(Cursor *cur, u32 slot, const CellImage *image)
{
    u8 *bytes;
    bool kept_place;
    ASSERT(image->size + 2 > cur->fast.level->node.free_size);
    ASSERT(slot <= cur->fast.level->node.cell_count);

    TRY(balance_cell_buffer(cur->bt, &bytes));
    image_write(image, bytes);
    Pending pending = {.count = 1, .slot = {slot}, .cell = {{bytes, image->size}}};
    TRY(balance_upward(cur, &pending, &kept_place));
    cur->fast.state = kept_place ? CURSOR_VALID : CURSOR_INVALID;
    return SQLITE_OK;
}

// The common case ends here: a hole in the leaf and the cell written into it, without a copy in
// between.
static int insert_image(Cursor *cur, u32 slot, const CellImage *image)
{
    Level *level = cur->fast.level;
    ASSERT(cur->pinned > cur->depth);

    cur->fast.has_cell = false;
    cur->chain_count = 0;
    TRY(node_own(cur->bt, &level->node));
    TRY(node_measure(&level->node));
    if (level->node.free_size < image->size + 2)
        return insert_and_balance(cur, slot, image);
    u8 *hole;
    TRY(node_open_hole(&level->node, slot, image->size, &hole));
    image_write(image, hole);
    level->slot = slot;
    cur->fast.state = CURSOR_VALID;
    ASSERT(level->slot < level->node.cell_count);
    if (image->overflow != 0)
        return ptrmap_put(cur->bt, image->overflow, PTRMAP_OVERFLOW1, level->node.page->pgno);
    return SQLITE_OK;
}

// Overflow pages are written before the leaf is touched: allocating them may fail or take long,
// and the leaf keeps its old state until then.
static int insert_payload(Cursor *cur, const Payload *payload, int seek_order)
{
    Btree *bt = cur->bt;
    int order;
    ASSERT(cur->fast.state != CURSOR_FAULT);
    ASSERT(cur->is_writable);

    if (cur->shares_tree)
        TRY(cursors_save(bt, cur->root, cur)); // B5
    if (cur->shares_tree && cur->is_table)
        cursors_expire(bt, cur->root, payload->key_size);
    TRY(find_place(cur, payload, seek_order, &order));
    Level *level = cur->fast.level;
    u32 slot = cur->fast.state == CURSOR_VALID ? level->slot + (order < 0 ? 1 : 0) : 0;
    Pgno child = 0;
    if (order == 0) {
        bool done;
        TRY(overwrite_in_place(cur, payload, &done));
        if (done)
            return SQLITE_OK;
        TRY(remove_old(cur, &child));
    }
    CellImage image;
    TRY(image_init(bt, cur->is_table, child, payload, &image));
    if (image.local_size < image.payload_size)
        TRY(overflow_write_chain(bt, &image, level->node.page->pgno));
    return insert_image(cur, slot, &image);
}

// The door. The path is given up after a failure, because nobody knows how far the change went.
int cursor_insert(Cursor *cur, const Payload *payload, u32 flags, int seek_order)
{
    ASSERT(cur->bt->txn == SQLITE_TXN_WRITE);
    ASSERT(cur->is_writable);

    if (cur->fast.state == CURSOR_FAULT)
        return cur->fault_rc;
    cur->bt->writer = cur;
    int rc = insert_payload(cur, payload, seek_order);
    cur->bt->writer = NULL;
    if (rc != SQLITE_OK) {
        cursor_release(cur); // the path may be half changed (B8)
        return rc;
    }
    if ((flags & CURSOR_SAVE_POSITION) && cur->fast.state == CURSOR_INVALID)
        return remember_inserted(cur, payload);
    return SQLITE_OK;
}

// An entry is copied as a record, never cell by cell: the trees may differ in page size and so in
// what is local. While it is inserted, the buffer a long one was put together in is taken out of
// the Btree's hands, because seeking among long keys uses it too.
int cursor_transfer(Cursor *target, Cursor *source, RowId rowid)
{
    Btree *bt = source->bt;
    const Cell *cell = cursor_cell(source);
    const u8 *bytes;
    ASSERT(target->is_table == source->is_table);
    ASSERT(source->fast.state == CURSOR_VALID);
    ASSERT(target->bt->txn == SQLITE_TXN_WRITE);

    if (source->fast.cell_damaged)
        return corrupt_page(source->fast.level->node.page->pgno, "damaged cell");
    u32 size = cell->payload_size;
    TRY(payload_whole(bt, cell, &bytes));
    u8 *held = bt->payload;
    u32 held_capacity = bt->payload_capacity;
    bt->payload = NULL;
    bt->payload_capacity = 0;
    Payload payload = {0};
    if (target->is_table) {
        payload.key_size = rowid;
        payload.data = bytes;
        payload.data_size = size;
    } else {
        payload.key = bytes;
        payload.key_size = size;
    }
    int rc = cursor_insert(target, &payload, CURSOR_APPEND, CURSOR_UNKNOWN);
    mem_free(bt->payload);
    bt->payload = held;
    bt->payload_capacity = held_capacity;
    return rc;
}
