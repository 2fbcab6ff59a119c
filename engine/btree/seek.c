// Finding a key: down the tree, and within a page.
//
// Two shortcuts keep most seeks away from the root. If the key lies between the
// first and the last entry of the leaf the cursor stands in, only that leaf is
// searched; if it lies beyond the last entry of the tree's last leaf, nothing
// is. And pages of the former path that come up again are still pinned.
//
// Within a page of a table tree the first guess is by interpolation: rowids
// tend to be dense, and a dense leaf answers after three reads whatever its
// size.
#include "btree/btree_internal.h"

#include "value/record.h"

// --- integer keys ---

static RowId read_rowid(const u8 *p)
{
    u64 value = p[0];
    if (LIKELY(value < 0x80))
        return (RowId)value;
    value &= 0x7f;
    for (u32 i = 1; i < 8; i++) {
        value = value << 7 | (p[i] & 0x7f);
        if (p[i] < 0x80)
            return (RowId)value;
    }
    return (RowId)(value << 8 | p[8]);
}

// Rowid of a cell. A damaged cell pointer is pulled into the page: the search
// then ends somewhere, and whoever uses the entry finds the damage (B7).
static inline RowId rowid_at(const Node *node, u32 slot)
{
    u32 at = get_u16(node->slots + 2 * slot);
    u32 highest = node->geometry->usable - CELL_SIZE_MIN;
    const u8 *p = node->data + (at < highest ? at : highest);
    if (!(node->kind & NODE_LEAF_BIT))
        return read_rowid(p + 4);
    u32 i = 0; // over the payload size
    while (p[i++] >= 0x80 && i < 9) {
    }
    return read_rowid(p + i);
}

// A first guess for the place of `rowid` between slots 0 and last, whose keys
// are given and enclose it.
static u32 interpolate(RowId rowid, RowId first_key, RowId last_key, u32 last)
{
    u64 span = (u64)last_key - (u64)first_key;
    u64 offset = (u64)rowid - (u64)first_key;
    ASSERT(offset <= span);
    ASSERT(last <= UINT16_MAX);

    while (span >> 46) { // so that the product fits
        span >>= 16;
        offset >>= 16;
    }
    return span == 0 ? 0 : (u32)(offset * last / span);
}

// The first slot whose key is not less than rowid (cell_count if there is
// none); *order as in a seek, for that slot.
static u32 search_rowid(const Node *node, RowId rowid, int *order)
{
    u32 low = 0;
    u32 high = node->cell_count - 1u;
    ASSERT(node->cell_count > 0);
    ASSERT(node_is_table(node));

    RowId last_key = rowid_at(node, high);
    if (rowid >= last_key) {
        *order = rowid == last_key ? 0 : 1;
        return rowid == last_key ? high : high + 1;
    }
    RowId first_key = rowid_at(node, 0);
    if (rowid <= first_key) {
        *order = rowid == first_key ? 0 : 1;
        return 0;
    }
    // Now key[low] < rowid < key[high].
    u32 probe = interpolate(rowid, first_key, last_key, high);
    bool near = true; // after the guess, look right beside it before halving
    while (high - low > 1) {
        probe = probe <= low ? low + 1 : probe >= high ? high - 1 : probe;
        RowId key = rowid_at(node, probe);
        if (key == rowid) {
            *order = 0;
            return probe;
        }
        if (key < rowid)
            low = probe;
        else
            high = probe;
        u32 beside = key < rowid ? probe + 1 : probe - 1;
        probe = near ? beside : (low + high) / 2;
        near = false;
    }
    *order = 1;
    return high;
}

// Puts the cursor on the slot found in a leaf, or on the last entry when the
// key is beyond it.
static void land_in_leaf(Cursor *cur, u32 slot, int *order)
{
    Level *level = cur->fast.level;
    ASSERT(node_is_leaf(&level->node));
    ASSERT(level->node.cell_count > 0);

    if (slot == level->node.cell_count) {
        slot--;
        *order = -1;
    }
    level->slot = slot;
    cur->fast.state = CURSOR_VALID;
    cur->fast.has_cell = false;
    cur->chain_count = 0;
}

// True if the leaf stood in settles the question.
static bool seek_rowid_nearby(Cursor *cur, RowId rowid, int *order)
{
    Level *level = cur->fast.level;
    Node *node = &level->node;
    ASSERT(cur->fast.state == CURSOR_VALID);
    ASSERT(node_is_leaf(node));

    u32 last = node->cell_count - 1u;
    RowId last_key = rowid_at(node, last);
    if (rowid > last_key) {
        if (!cursor_on_right_edge(cur))
            return false;
        land_in_leaf(cur, last + 1, order);
        return true;
    }
    if (rowid < rowid_at(node, 0))
        return false;
    u32 slot = search_rowid(node, rowid, order);
    land_in_leaf(cur, slot, order);
    return true;
}

int cursor_seek_rowid(Cursor *cur, RowId rowid, bool bias_right, int *order)
{
    ASSERT(cur->is_table);
    (void)bias_right; // the right edge is looked at first anyway

    if (cur->fast.state == CURSOR_VALID && seek_rowid_nearby(cur, rowid, order))
        return SQLITE_OK;
    if (cur->fast.state == CURSOR_FAULT)
        return cur->fault_rc;
    TRY(cursor_to_root(cur));
    *order = -1;
    for (;;) {
        Level *level = cur->fast.level;
        if (node_is_leaf(&level->node))
            break;
        int ignored;
        // A page without cells (only the root may be one) has just its right child.
        level->slot = level->node.cell_count == 0 ? 0 : search_rowid(&level->node, rowid, &ignored);
        TRY(cursor_descend(cur));
    }
    Level *leaf = cur->fast.level;
    ASSERT(cur->depth == 0 || leaf->node.cell_count > 0);
    if (leaf->node.cell_count == 0)
        return SQLITE_OK; // an empty tree
    u32 slot = search_rowid(&leaf->node, rowid, order);
    land_in_leaf(cur, slot, order);
    return SQLITE_OK;
}

// --- record keys ---

// Compares the entry at `slot` with the probe. Keys that overflow are put
// together first.
static int compare_slot(Cursor *cur, const Node *node, u32 slot, KeyProbe *probe, int *order)
{
    ASSERT(slot < node->cell_count);
    ASSERT(!node_is_table(node));

    u32 at = get_u16(node->slots + 2 * slot);
    u32 usable = node->geometry->usable;
    if (UNLIKELY(at > usable - CELL_SIZE_MIN))
        return corrupt_page(node->page->pgno, "cell pointer outside the page");
    const u8 *p = node->data + at + (node->kind & NODE_LEAF_BIT ? 0 : 4);
    u32 size = p[0];
    if (LIKELY(size < 0x80 && size <= node->geometry->index_max_local)) { // all on the page
        if (UNLIKELY((u32)(p - node->data) + 1 + size > usable))
            return corrupt_page(node->page->pgno, "cell runs over the page's end");
        *order = probe->compare(p + 1, size, probe);
        return probe->rc;
    }
    Cell cell;
    const u8 *key;
    TRY(node_parse_cell(node, slot, &cell));
    TRY(payload_whole(cur->bt, &cell, &key));
    *order = probe->compare(key, cell.payload_size, probe);
    return probe->rc;
}

// Binary search between low and high (exclusive). *order is 0 on a hit, else >
// 0 and *slot is the first entry that is larger.
static int search_key(Cursor *cur, const Node *node, KeyProbe *probe, u32 *slot, int *order)
{
    u32 low = 0;
    u32 high = node->cell_count;
    ASSERT(probe->compare != NULL);
    ASSERT(probe->count > 0);

    while (low < high) {
        u32 middle = (low + high) / 2;
        int c;
        TRY(compare_slot(cur, node, middle, probe, &c));
        if (c == 0) {
            *slot = middle;
            *order = 0;
            return SQLITE_OK;
        }
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *slot = low;
    *order = 1;
    return SQLITE_OK;
}

// Tries the leaf stood in. *settled false: it does not hold the key's place.
static int seek_key_nearby(Cursor *cur, KeyProbe *probe, int *order, bool *settled)
{
    const Node *node = &cur->fast.level->node;
    u32 last = node->cell_count - 1u;
    int c;
    ASSERT(node_is_leaf(node));
    ASSERT(node->cell_count > 0);

    *settled = false;
    TRY(compare_slot(cur, node, last, probe, &c));
    if (c < 0) {
        if (!cursor_on_right_edge(cur))
            return SQLITE_OK;
        *settled = true;
        land_in_leaf(cur, last + 1, order);
        return SQLITE_OK;
    }
    if (c > 0 && last > 0) {
        TRY(compare_slot(cur, node, 0, probe, &c));
        if (c > 0)
            return SQLITE_OK;
        u32 slot;
        TRY(search_key(cur, node, probe, &slot, order));
        *settled = true;
        land_in_leaf(cur, slot, order);
        return SQLITE_OK;
    }
    if (c > 0)
        return SQLITE_OK;
    *settled = true;
    *order = 0;
    land_in_leaf(cur, last, order);
    return SQLITE_OK;
}

// Looking nearby costs two comparisons: do it while it succeeds, and now and
// then.
static int try_nearby(Cursor *cur, KeyProbe *probe, int *order, bool *settled)
{
    enum { CREDIT_MAX = 8, CREDIT_MIN = -24 };
    ASSERT(cur->near_credit <= CREDIT_MAX);
    ASSERT(cur->near_credit >= CREDIT_MIN);

    *settled = false;
    if (cur->fast.state != CURSOR_VALID || !node_is_leaf(&cur->fast.level->node))
        return SQLITE_OK;
    if (cur->near_credit < 0) {
        cur->near_credit++; // resting after failures
        return SQLITE_OK;
    }
    TRY(seek_key_nearby(cur, probe, order, settled));
    if (*settled)
        cur->near_credit = cur->near_credit < CREDIT_MAX ? (i8)(cur->near_credit + 1) : CREDIT_MAX;
    else
        cur->near_credit = cur->near_credit > 1 ? (i8)(cur->near_credit - 2) : CREDIT_MIN;
    return SQLITE_OK;
}

static int seek_key_from_root(Cursor *cur, KeyProbe *probe, int *order)
{
    TRY(cursor_to_root(cur));
    *order = -1;
    for (;;) {
        Level *level = cur->fast.level;
        u32 slot;
        ASSERT(!node_is_table(&level->node));
        if (node_is_leaf(&level->node))
            break;
        TRY(search_key(cur, &level->node, probe, &slot, order));
        level->slot = slot;
        if (*order == 0) {
            cur->fast.state = CURSOR_VALID; // B3: a divider of an index tree is an entry
            return SQLITE_OK;
        }
        TRY(cursor_descend(cur));
    }
    Level *leaf = cur->fast.level;
    ASSERT(cur->depth == 0 || leaf->node.cell_count > 0);
    *order = -1;
    if (leaf->node.cell_count == 0)
        return SQLITE_OK;
    u32 slot;
    TRY(search_key(cur, &leaf->node, probe, &slot, order));
    land_in_leaf(cur, slot, order);
    return SQLITE_OK;
}

int cursor_seek_key(Cursor *cur, KeyProbe *probe, int *order)
{
    bool settled;
    ASSERT(!cur->is_table);
    ASSERT(probe->compare != NULL);

    if (cur->fast.state == CURSOR_FAULT)
        return cur->fault_rc;
    TRY(try_nearby(cur, probe, order, &settled));
    if (settled)
        return SQLITE_OK;
    return seek_key_from_root(cur, probe, order);
}

int cursor_seek_record(Cursor *cur, const u8 *key, u32 size, int *order)
{
    enum { ON_STACK = 16 };
    Value few[ON_STACK];
    u32 field_count = cur->shape->key_count;
    ASSERT(key != NULL);
    ASSERT(field_count > 0);

    Value *values = few;
    if (field_count > ON_STACK) {
        values = mem_alloc(field_count * sizeof *values);
        if (values == NULL)
            return SQLITE_NOMEM;
    }
    memset(values, 0, field_count * sizeof *values);
    RecordReader reader;
    KeyProbe probe = {.shape = cur->shape, .values = values};
    int rc = record_reader_init(&reader, key, size);
    while (rc == SQLITE_OK && probe.count < field_count
           && record_reader_next(&reader, cur->shape->encoding, &values[probe.count], &rc))
        probe.count++;
    if (rc == SQLITE_OK && probe.count == 0)
        rc = corrupt_record("key without fields");
    if (rc == SQLITE_OK) {
        key_probe_prepare(&probe);
        rc = cursor_seek_key(cur, &probe, order);
    }
    if (values != few)
        mem_free(values);
    return rc;
}
