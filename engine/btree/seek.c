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
//
// A seek ends on an entry, and `order` says how that compares with the key:
// equal (0), smaller (-1) or greater (1) than what was looked for; the cursor
// stands nowhere only if the tree is empty. Which neighbour it is of a key that
// is not there is left open: callers that care take a step.
#include "btree/btree_internal.h"

#include "value/record.h"

// --- integer keys ---

// Rowid of a cell. A damaged cell pointer is pulled into the page: the search then ends somewhere,
// and whoever uses the entry finds the damage (B7).
static inline RowId rowid_at(const Node *node, u32 slot)
{
    ASSERT(node_is_table(node));
    ASSERT(slot < node->cell_count);
    u32 at = get_u16(node->slots + 2 * slot);
    u32 highest = node->geometry->usable - CELL_SIZE_MIN;
    const u8 *p = node->data + (at < highest ? at : highest) + (node_is_leaf(node) ? 0 : 4);
    RowId rowid;
    if (node_is_leaf(node)) { // over the payload size
        u32 i = 0;
        while (p[i++] >= 0x80 && i < 9) {
        }
        p += i;
    }
    (void)rowid_get(p, &rowid);
    return rowid;
}

// What is known of a page's keys before it is looked at: they lie in (low, high]. Dividers say so,
// and dividers of a damaged file may lie: it only makes the first guess a bad one.
typedef struct KeyRange {
    RowId low, high;
    bool is_known;
} KeyRange;

// A first guess for the slot of `rowid` among `count` cells.
static u32 interpolate(const KeyRange *range, RowId rowid, u32 count)
{
    u64 span = (u64)range->high - (u64)range->low;
    u64 offset = (u64)rowid - (u64)range->low - 1;
    if (rowid <= range->low)
        return 0;
    ASSERT(count > 0);
    ASSERT(count <= UINT16_MAX);

    while (span >> 46) { // so that the product fits
        span >>= 16;
        offset >>= 16;
    }
    if (span == 0 || offset >= span)
        return count - 1;
    return (u32)(offset * count / span);
}

// The first slot whose key is not less than rowid (cell_count if there is none); *order 0 if it is
// equal. With a known range, dense keys are found at the first look.
static u32 search_rowid(const Node *node, RowId rowid, const KeyRange *range, int *order)
{
    i32 low = -1; // key[low] < rowid < key[high]
    i32 high = node->cell_count;
    ASSERT(node->cell_count > 0);
    ASSERT(node_is_table(node));

    bool is_guess = range->is_known;
    i32 probe = is_guess ? (i32)interpolate(range, rowid, node->cell_count) : high / 2;
    while (high - low > 1) {
        RowId key = rowid_at(node, (u32)probe);
        if (key == rowid) {
            *order = 0;
            return (u32)probe;
        }
        if (key < rowid)
            low = probe;
        else
            high = probe;
        i32 beside = key < rowid ? probe + 1 : probe - 1; // a good guess is off by one at most
        probe = is_guess && beside > low && beside < high ? beside : (low + high) / 2;
        is_guess = false;
    }
    *order = 1;
    return (u32)high;
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
    KeyRange range = {.high = rowid_at(node, last), .is_known = true};
    if (rowid > range.high) {
        if (!cursor_on_right_edge(cur))
            return false;
        land_in_leaf(cur, last + 1, order);
        return true;
    }
    RowId first_key = rowid_at(node, 0);
    if (rowid < first_key)
        return false;
    range.low = first_key == INT64_MIN ? first_key : first_key - 1;
    u32 slot = search_rowid(node, rowid, &range, order);
    land_in_leaf(cur, slot, order);
    return true;
}

// Where no divider has said it yet, the page's own first and last key do.
static void learn_range(const Node *node, KeyRange *range)
{
    enum { FEW = 8 }; // halving is as good
    ASSERT(node->cell_count > 0);
    ASSERT(node_is_table(node));
    if (range->is_known || node->cell_count < FEW)
        return;
    RowId first_key = rowid_at(node, 0);
    range->low = first_key == INT64_MIN ? first_key : first_key - 1;
    range->high = rowid_at(node, node->cell_count - 1u);
    range->is_known = true;
}

// Chooses the child of an interior page, and narrows the range to what its dividers say of that
// child.
static u32 choose_child(const Node *node, RowId rowid, KeyRange *range)
{
    int order;
    ASSERT(!node_is_leaf(node));
    ASSERT(node_is_table(node));
    if (node->cell_count == 0)
        return 0; // only a root on page 1 may have just its right child
    bool has_low = range->is_known;
    bool has_high = range->is_known;
    KeyRange here = *range;
    learn_range(node, &here);
    u32 slot = search_rowid(node, rowid, &here, &order);
    if (slot > 0) {
        range->low = rowid_at(node, slot - 1);
        has_low = true;
    }
    if (slot < node->cell_count) {
        range->high = rowid_at(node, slot);
        has_high = true;
    }
    range->is_known = has_low && has_high;
    return slot;
}

// Down the tree with a range that narrows at every divider.
int cursor_seek_rowid(Cursor *cur, RowId rowid, bool bias_right, int *order)
{
    KeyRange range = {.is_known = false};
    ASSERT(cur->is_table);
    ASSERT(order != NULL);
    (void)bias_right; // the right edge is looked at first anyway
    cursor_let_go_lent(cur);

    if (cur->fast.state == CURSOR_VALID && seek_rowid_nearby(cur, rowid, order))
        return SQLITE_OK;
    if (cur->fast.state == CURSOR_FAULT)
        return cur->fault_rc;
    TRY(cursor_to_root(cur));
    *order = -1;
    while (!node_is_leaf(&cur->fast.level->node)) {
        Level *level = cur->fast.level;
        level->slot = choose_child(&level->node, rowid, &range);
        TRY(cursor_descend(cur));
    }
    Level *leaf = cur->fast.level;
    ASSERT(cur->depth == 0 || leaf->node.cell_count > 0);
    if (leaf->node.cell_count == 0)
        return SQLITE_OK; // an empty tree
    learn_range(&leaf->node, &range);
    u32 slot = search_rowid(&leaf->node, rowid, &range, order);
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

    u32 head = node_is_leaf(node) ? 0 : 4;
    u32 usable = node->geometry->usable;
    u32 max_local = node->geometry->index_max_local;
    while (low < high) {
        u32 middle = (low + high) / 2;
        u32 at = get_u16(node->slots + 2 * middle);
        at = at <= usable - CELL_SIZE_MIN ? at + head : usable;
        const u8 *key = node->data + at;
        bool is_short = key[0] < 0x80; // one byte of size, or two
        u32 size = is_short ? key[0] : (u32)(key[0] & 0x7f) << 7 | key[1];
        u32 size_size = is_short ? 1 : 2;
        int c;
        if (LIKELY((is_short || key[1] < 0x80) && size <= max_local
                   && at + size_size + size <= usable))
            c = probe->compare(key + size_size, size, probe); // wholly on the page: no call more
        else
            TRY(compare_slot(cur, node, middle, probe, &c));
        if (c == 0) {
            *slot = middle;
            *order = 0;
            return probe->rc;
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

// Unlike rowids, an index key may be found on the way down (B3).
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
    ASSERT(order != NULL);
    cursor_let_go_lent(cur);

    if (cur->fast.state == CURSOR_FAULT)
        return cur->fault_rc;
    TRY(try_nearby(cur, probe, order, &settled));
    if (settled)
        return SQLITE_OK;
    return seek_key_from_root(cur, probe, order);
}

// Parses the record into values of its own; few keys have more fields than fit the stack.
int cursor_seek_record(Cursor *cur, const u8 *key, u32 size, int *order)
{
    enum { ON_STACK = 16 };
    Value few[ON_STACK];
    u32 field_count = cur->shape->key_count;
    ASSERT(key != NULL);
    ASSERT(field_count > 0);
    ASSERT(!cur->is_table);

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
