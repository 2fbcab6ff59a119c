// One tree page as cells and free space. Knows nothing of trees, cursors or the
// pager.
//
//   offset (from 100 on page 1, else 0)
//   0   1  kind: 2, 5, 10 or 13
//   1   2  first free block, 0 none
//   3   2  count of cells
//   5   2  start of the cell content area, 0 means 65536
//   7   1  fragmented bytes: free pieces of less than four bytes
//   8   4  right child (interior pages only)
//   then the cell pointer array, the gap, and the content area up to the usable
//   size.
// A free block is: next block (2), its size (2), unused bytes. Blocks ascend
// and are at least four bytes apart.
//
//   header   slots ->   gap   <- cells, free blocks and fragments   reserved
//   |--------|----------|     |-------------------------------------|-------|
//   0        8 or 12          content start                    usable  page size
//
// A new cell goes into the first free block that fits, else into the gap; if
// there is room only in pieces, the page is defragmented first.
//
// Laws: B2 (cells do not overlap, pointers are sorted), B7 (everything read is
// checked).
#include "btree/btree_internal.h"

enum {
    AT_FIRST_FREE = 1,
    AT_CELL_COUNT = 3,
    AT_CONTENT = 5,
    AT_FRAGMENTS = 7,
    FRAGMENTS_MAX = 60, // fixed by the format: beyond it the page must be defragmented
    BLOCK_MIN = 4,
};

// The local limits follow from the fractions 64, 32, 32 of 255 in every header; they guarantee
// that an index page holds four cells.
void geometry_init(Geometry *geometry, u32 page_size, u32 reserved)
{
    ASSERT(page_size >= PAGE_SIZE_MIN && page_size <= PAGE_SIZE_MAX);
    ASSERT(page_size - reserved >= USABLE_MIN);
    ASSERT(reserved < 256);

    u32 usable = page_size - reserved;
    geometry->page_size = page_size;
    geometry->usable = usable;
    geometry->table_max_local = usable - 35;
    geometry->index_max_local = (usable - 12) * 64 / 255 - 23;
    geometry->min_local = (usable - 12) * 32 / 255 - 23;
}

static Pgno node_pgno(const Node *node)
{
    return node->page != NULL ? node->page->pgno : 0;
}

// A handful of loads: this runs on every step of every descent. What is not needed to find a cell
// (free blocks, the content area) is checked when something is to be written.
int node_parse_bytes(Node *node, const Geometry *geometry, u8 *data, Pgno pgno)
{
    ASSERT(geometry->usable >= USABLE_MIN);
    ASSERT(data != NULL);
    ASSERT(node != NULL);

    u32 header_at = pgno == 1 ? FILE_HEADER_SIZE : 0;
    const u8 *header = data + header_at;
    u8 kind = header[0];
    if (kind != TABLE_LEAF && kind != TABLE_INTERIOR && kind != INDEX_LEAF
        && kind != INDEX_INTERIOR)
        return corrupt_page(pgno, "not a tree page");
    u32 count = get_u16(header + AT_CELL_COUNT);
    if (count > (geometry->usable - 8) / 6) // a slot and four bytes each
        return corrupt_page(pgno, "too many cells");

    node->data = data;
    node->slots = data + header_at + (kind & NODE_LEAF_BIT ? 8 : 12);
    node->page = NULL;
    node->geometry = geometry;
    node->free_size = FREE_UNKNOWN;
    node->cell_count = (u16)count;
    node->kind = kind;
    node->header_at = (u8)header_at;
    return SQLITE_OK;
}

// A page of the wrong family would be searched by the wrong key.
int node_parse(Node *node, const Geometry *geometry, Page *page, bool is_table)
{
    ASSERT(page != NULL);
    ASSERT(page->pgno > 0);

    TRY(node_parse_bytes(node, geometry, page->data, page->pgno));
    node->page = page;
    if (node_is_table(node) != is_table)
        return corrupt_page(page->pgno, "page of the other family of trees");
    return SQLITE_OK;
}

void node_rebase(Node *node, Page *page)
{
    ASSERT(page != NULL);
    ASSERT(node->slots > node->data);

    node->slots = page->data + (node->slots - node->data);
    node->data = page->data;
    node->page = page;
}

// Zero stands for 65536, which only an empty page of that size has.
u32 node_content_start(const Node *node)
{
    u32 start = get_u16(node->data + node->header_at + AT_CONTENT);
    ASSERT(node->data != NULL);
    ASSERT(node->geometry->usable <= PAGE_SIZE_MAX);
    return start == 0 ? 65536 : start;
}

static void set_content_start(Node *node, u32 start)
{
    ASSERT(start <= node->geometry->usable);
    ASSERT(start >= node_slots_at(node));
    ASSERT(start <= 65536);
    put_u16(node->data + node->header_at + AT_CONTENT,
            start); // 65536 wraps to 0, as it should
}

// Header of an empty page. The right child is left as it is.
static void reset_header(Node *node, NodeKind kind)
{
    u8 *header = node->data + node->header_at;
    node->kind = (u8)kind;
    node->cell_count = 0;
    node->slots = header + (kind & NODE_LEAF_BIT ? 8 : 12);
    node->free_size = node_capacity(node->geometry, node_is_leaf(node), node->header_at);
    header[0] = (u8)kind;
    put_u16(header + AT_FIRST_FREE, 0);
    put_u16(header + AT_CELL_COUNT, 0);
    header[AT_FRAGMENTS] = 0;
    set_content_start(node, node->geometry->usable);

    ASSERT(node->free_size < node->geometry->usable);
    ASSERT(node_slots_end(node) == node_slots_at(node));
}

// For fresh pages, whose bytes may be anything.
void node_init_empty(Node *node, const Geometry *geometry, Page *page, NodeKind kind)
{
    ASSERT(page->data != NULL);
    ASSERT(geometry->usable >= USABLE_MIN);

    node->data = page->data;
    node->page = page;
    node->geometry = geometry;
    node->header_at = page->pgno == 1 ? FILE_HEADER_SIZE : 0;
    if (geometry->zero_freed)
        memset(node->data + node->header_at, 0, geometry->usable - node->header_at);
    reset_header(node, kind);
    if (!node_is_leaf(node))
        node_set_right_child(node, 0);
}

// The one place where a cell pointer becomes an address, so the one place where it is checked.
u8 *node_cell(const Node *node, u32 slot)
{
    ASSERT(slot < node->cell_count);
    ASSERT(node->slots == node->data + node_slots_at(node));

    u32 at = get_u16(node->slots + 2 * slot);
    u32 lowest = node_slots_end(node);
    u32 highest = node->geometry->usable - CELL_SIZE_MIN;
    if (UNLIKELY(at < lowest || at > highest))
        return NULL;
    return node->data + at;
}

// --- free space ---

// Adds up fragments, gap and free blocks. Blocks ascend by at least four bytes, as SQLite checks
// it, so the walk ends; sizes below four are believed, as SQLite does.
int node_measure(Node *node)
{
    ASSERT(node->data != NULL);
    ASSERT(node->cell_count <= node->geometry->usable / 6);

    if (node->free_size != FREE_UNKNOWN)
        return SQLITE_OK;
    const u8 *header = node->data + node->header_at;
    u32 usable = node->geometry->usable;
    u32 start = node_content_start(node);
    u32 slots_end = node_slots_end(node);
    if (start > usable)
        return corrupt_page(node_pgno(node), "content area beyond the page");

    u32 total = start + header[AT_FRAGMENTS];
    u32 block = get_u16(header + AT_FIRST_FREE);
    u32 lowest = start;
    while (block != 0) { // ascends by at least four each turn, so it ends
        if (block < lowest || block > usable - BLOCK_MIN)
            return corrupt_page(node_pgno(node), "free block out of place");
        u32 size = get_u16(node->data + block + 2);
        if (block + size > usable) // SQLite believes sizes below four as well
            return corrupt_page(node_pgno(node), "free block of impossible size");
        total += size;
        lowest = block + size + BLOCK_MIN;
        block = get_u16(node->data + block);
    }
    if (total > usable || total < slots_end)
        return corrupt_page(node_pgno(node), "free bytes do not add up");
    node->free_size = total - slots_end;
    return SQLITE_OK;
}

// Takes `size` bytes from the first free block that serves. Returns their
// offset, or 0.
static u32 take_from_blocks(Node *node, u32 size)
{
    u8 *header = node->data + node->header_at;
    u32 usable = node->geometry->usable;
    ASSERT(size >= CELL_SIZE_MIN);
    ASSERT(node->free_size != FREE_UNKNOWN); // so the list has been checked

    u8 *link = header + AT_FIRST_FREE; // where the number of the block under review is stored
    u32 block = get_u16(link);
    while (block != 0) {
        u32 block_size = get_u16(node->data + block + 2);
        if (block_size > usable - block)
            return 0; // cells that overlap free blocks may change them after the page
                      // was measured
        if (block_size >= size) {
            u32 rest = block_size - size;
            if (rest >= BLOCK_MIN) {
                put_u16(node->data + block + 2, rest);
                return block + rest;
            }
            if (header[AT_FRAGMENTS] + rest > FRAGMENTS_MAX)
                return 0;
            memcpy(link, node->data + block, 2);
            header[AT_FRAGMENTS] = (u8)(header[AT_FRAGMENTS] + rest);
            return block;
        }
        link = node->data + block;
        u32 next = get_u16(link);
        if (next != 0 && (next <= block || next > usable - BLOCK_MIN))
            return 0; // damaged in the same way
        block = next;
    }
    return 0;
}

// From the gap if it is large enough, else from a free block, else after moving all cells
// together. Of those the first costs nothing, so free blocks are only touched when the gap is used
// up.
int node_open_hole(Node *node, u32 slot, u32 size, u8 **hole)
{
    ASSERT(slot <= node->cell_count);
    ASSERT(size >= CELL_SIZE_MIN);
    ASSERT(node->free_size != FREE_UNKNOWN && node->free_size >= size + 2);

    u32 start = node_content_start(node);
    u32 slots_end = node_slots_end(node);
    if (UNLIKELY(start < slots_end || start > node->geometry->usable))
        return corrupt_page(node_pgno(node), "content area overlaps the cell pointers");
    u32 gap = start - slots_end;
    u32 at = 0;
    if (gap < size + 2) {
        if (gap >= 2)
            at = take_from_blocks(node, size);
        if (at == 0) {
            TRY(node_defragment(node));
            start = node_content_start(node);
            if (start < slots_end + size + 2)
                return corrupt_page(node_pgno(node), "less free space than promised");
        }
    }
    if (at == 0) {
        at = start - size;
        set_content_start(node, at);
    }

    u8 *p = node->slots + 2 * slot;
    memmove(p + 2, p, 2 * (node->cell_count - slot));
    put_u16(p, at);
    node->cell_count++;
    put_u16(node->data + node->header_at + AT_CELL_COUNT, node->cell_count);
    node->free_size -= size + 2;
    *hole = node->data + at;
    return SQLITE_OK;
}

// For cells that exist already as bytes.
int node_insert_cell(Node *node, u32 slot, const u8 *cell, u32 size)
{
    u8 *hole;
    ASSERT(size <= node->geometry->usable);
    ASSERT(cell != NULL);
    TRY(node_open_hole(node, slot, size, &hole));
    ASSERT(hole + size <= node->data + node->geometry->usable);
    memcpy(hole, cell, size);
    return SQLITE_OK;
}

// Joins the block at `block` with the one that follows it when no more than
// three bytes lie between.
static void join_with_next(Node *node, u32 block, u8 *fragments)
{
    u32 size = get_u16(node->data + block + 2);
    u32 next = get_u16(node->data + block);
    ASSERT(block != 0);
    ASSERT(fragments != NULL);

    if (next == 0 || next >= block + size + BLOCK_MIN || next < block + size)
        return;
    u32 between = next - (block + size);
    if (between > *fragments)
        return; // a damaged page: leave it
    *fragments = (u8)(*fragments - between);
    u32 joined = next + get_u16(node->data + next + 2) - block;
    memcpy(node->data + block, node->data + next, 2);
    put_u16(node->data + block + 2, joined);
}

// Gives bytes back: into the gap when they border on it, else as a free block.
static int release_bytes(Node *node, u32 at, u32 size)
{
    u8 *header = node->data + node->header_at;
    u32 usable = node->geometry->usable;
    ASSERT(size >= CELL_SIZE_MIN);
    ASSERT(at + size <= usable);
    ASSERT(node->free_size != FREE_UNKNOWN);

    if (node->geometry->zero_freed)
        memset(node->data + at, 0, size);
    u32 previous = 0; // 0: the header's own link
    u32 next = get_u16(header + AT_FIRST_FREE);
    while (next != 0 && next < at) {
        if (next <= previous || next > usable - BLOCK_MIN)
            return corrupt_page(node_pgno(node), "free block out of place");
        previous = next;
        next = get_u16(node->data + next);
    }
    if (next != 0 && (next < at + size || next > usable - BLOCK_MIN))
        return corrupt_page(node_pgno(node), "freed cell overlaps a free block");
    if (previous != 0 && previous + get_u16(node->data + previous + 2) > at)
        return corrupt_page(node_pgno(node), "freed cell overlaps a free block");

    put_u16(node->data + at, next);
    put_u16(node->data + at + 2, size);
    put_u16(previous != 0 ? node->data + previous : header + AT_FIRST_FREE, at);
    join_with_next(node, at, &header[AT_FRAGMENTS]);
    u32 block = at;
    if (previous != 0) {
        join_with_next(node, previous, &header[AT_FRAGMENTS]);
        if (get_u16(node->data + previous) != at)
            block = previous;
    }
    if (block
        == node_content_start(node)) { // the first block borders on the gap: give it to the gap
        u32 block_size = get_u16(node->data + block + 2);
        if (block + block_size > usable)
            return corrupt_page(node_pgno(node), "free block runs over the page's end");
        memcpy(header + AT_FIRST_FREE, node->data + block, 2);
        set_content_start(node, block + block_size);
    }
    return SQLITE_OK;
}

// The last cell of a page takes all bookkeeping with it: an empty page has nothing but a gap.
int node_remove_cell(Node *node, u32 slot, u32 size)
{
    ASSERT(slot < node->cell_count);
    ASSERT(node->free_size != FREE_UNKNOWN);
    ASSERT(size >= CELL_SIZE_MIN);

    u32 at = get_u16(node->slots + 2 * slot);
    if (at < node_content_start(node) || at + size > node->geometry->usable)
        return corrupt_page(node_pgno(node), "cell outside the content area");
    if (node->cell_count == 1) {
        if (node->geometry->zero_freed)
            memset(node->data + at, 0, size);
        reset_header(node, node->kind);
        return SQLITE_OK;
    }
    TRY(release_bytes(node, at, size));
    u8 *p = node->slots + 2 * slot;
    node->cell_count--;
    memmove(p, p + 2, 2 * (node->cell_count - slot));
    put_u16(node->data + node->header_at + AT_CELL_COUNT, node->cell_count);
    node->free_size += size + 2;
    return SQLITE_OK;
}

// Cells are copied out and written back from the end in slot order, so that a scan of the page
// reads memory in one direction.
int node_defragment(Node *node)
{
    const Geometry *geometry = node->geometry;
    u32 start = node_content_start(node);
    ASSERT(geometry->scratch != NULL);
    ASSERT(geometry->scratch != node->data);

    if (start > geometry->usable)
        return corrupt_page(node_pgno(node), "content area beyond the page");
    u8 *copy = geometry->scratch;
    memcpy(copy + start, node->data + start, geometry->page_size - start);
    u32 at = geometry->usable;
    for (u32 i = 0; i < node->cell_count; i++) {
        u32 from = get_u16(node->slots + 2 * i);
        if (from < start || from > geometry->usable - CELL_SIZE_MIN)
            return corrupt_page(node_pgno(node), "cell pointer outside the page");
        u32 size = cell_size(geometry, node->kind, copy + from);
        if (from + size > geometry->usable || at < node_slots_end(node) + size)
            return corrupt_page(node_pgno(node), "cells larger than the page");
        at -= size;
        memcpy(node->data + at, copy + from, size);
        put_u16(node->slots + 2 * i, at);
    }
    u8 *header = node->data + node->header_at;
    put_u16(header + AT_FIRST_FREE, 0);
    header[AT_FRAGMENTS] = 0;
    set_content_start(node, at);
    u32 slots_end = node_slots_end(node);
    if (geometry->zero_freed)
        memset(node->data + slots_end, 0, at - slots_end);
    if (node->free_size != FREE_UNKNOWN && node->free_size != at - slots_end)
        return corrupt_page(node_pgno(node), "free space does not add up");
    node->free_size = at - slots_end;
    return SQLITE_OK;
}

// No hole is looked for and nothing is freed: this is how balancing fills pages.
void node_rebuild(Node *node, NodeKind kind, const CellRef *cells, u32 count)
{
    ASSERT(node->data != NULL);
    ASSERT(count <= node->geometry->usable / 6);
    ASSERT(cells != NULL || count == 0);

    reset_header(node, kind);
    u32 at = node->geometry->usable;
    for (u32 i = 0; i < count; i++) {
        at -= cells[i].size;
        memcpy(node->data + at, cells[i].bytes, cells[i].size);
        put_u16(node->slots + 2 * i, at);
    }
    node->cell_count = (u16)count;
    put_u16(node->data + node->header_at + AT_CELL_COUNT, count);
    set_content_start(node, at);
    u32 slots_end = node_slots_end(node);
    ASSERT(at >= slots_end);
    if (node->geometry->zero_freed)
        memset(node->data + slots_end, 0, at - slots_end);
    node->free_size = at - slots_end;
}
