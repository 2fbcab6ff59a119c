// One cell: its head, how much of its payload is local, how many bytes it
// takes.
//
//   kind             child pgno (4)   size (varint)   rowid (varint)   payload   overflow pgno (4)
//   table leaf       -                yes             yes              yes       if it spills
//   table interior   yes              -               yes              -         -
//   index leaf       -                yes             -                yes       if it spills
//   index interior   yes              yes             -                yes       if it spills
//
// With U usable bytes a payload of P bytes is wholly local up to X: U-35 on a
// table leaf, (U-12)*64/255-23 on index pages. A longer one keeps K = M + (P-M)
// mod (U-4) bytes, M = (U-12)*32/255-23, if that is not above X, else M: so
// that its last overflow page is full. Example: rowid 7 with the three-byte
// payload "abc" on a table leaf is 03 07 61 62 63.
#include "btree/btree_internal.h"

u32 cell_local_size(const Geometry *geometry, bool is_table, u32 payload_size)
{
    u32 max_local = is_table ? geometry->table_max_local : geometry->index_max_local;
    ASSERT(geometry->usable >= USABLE_MIN);
    ASSERT(geometry->min_local <= max_local);
    ASSERT(geometry->usable > 35);

    if (payload_size <= max_local)
        return payload_size;
    u32 kept = geometry->min_local + (payload_size - geometry->min_local) % (geometry->usable - 4);
    return kept <= max_local ? kept : geometry->min_local;
}

// A payload size as stored. Of nonsense sizes the low 32 bits count, as in SQLite; check_chain()
// finds that no file can hold their overflow chain.
static inline u32 read_payload_size(const u8 *p, u32 *size)
{
    ASSERT(p != NULL);
    ASSERT(size != NULL);
    u32 value = p[0] & 0x7f;
    u32 i = 1;
    for (; p[i - 1] >= 0x80 && i < 9; i++)
        value = value << 7 | (p[i] & 0x7f);
    *size = value;
    return i;
}

void cell_parse(const Geometry *geometry, u8 kind, const u8 *p, Cell *cell)
{
    ASSERT(kind == TABLE_LEAF || kind == TABLE_INTERIOR || kind == INDEX_LEAF
           || kind == INDEX_INTERIOR);
    ASSERT(geometry->usable >= USABLE_MIN);
    ASSERT(p != NULL);

    u32 at = kind & NODE_LEAF_BIT ? 0 : 4;
    if (kind == TABLE_INTERIOR) {
        RowId rowid;
        at += rowid_get(p + at, &rowid);
        *cell = (Cell){.rowid = rowid, .size = at};
        return;
    }
    at += read_payload_size(p + at, &cell->payload_size);
    cell->rowid = 0;
    if (kind == TABLE_LEAF) {
        at += rowid_get(p + at, &cell->rowid);
    }
    cell->payload = p + at;
    cell->local_size = cell_local_size(geometry, kind == TABLE_LEAF, cell->payload_size);
    cell->size = at + cell->local_size + (cell->local_size < cell->payload_size ? 4 : 0);
    if (cell->size < CELL_SIZE_MIN)
        cell->size = CELL_SIZE_MIN;
}

// Length of the varint at p.
static inline u32 skip_varint(const u8 *p)
{
    ASSERT(p != NULL);
    u32 i = 0;
    while (i < 8 && p[i] >= 0x80)
        i++;
    return i + 1;
}

// Balancing asks this for every cell of three pages: the common shapes come first.
u32 cell_size(const Geometry *geometry, u8 kind, const u8 *p)
{
    ASSERT(geometry->usable >= USABLE_MIN);
    u32 at = kind & NODE_LEAF_BIT ? 0 : 4;
    if (kind == TABLE_INTERIOR)
        return 4 + skip_varint(p + 4);
    u32 payload;
    u32 max_local = kind == TABLE_LEAF ? geometry->table_max_local : geometry->index_max_local;
    at += read_payload_size(p + at, &payload);
    if (kind == TABLE_LEAF)
        at += skip_varint(p + at);
    if (UNLIKELY(payload > max_local))
        return at + cell_local_size(geometry, kind == TABLE_LEAF, payload) + 4;
    ASSERT(at <= CELL_HEAD_MAX);
    return at + payload < CELL_SIZE_MIN ? CELL_SIZE_MIN : at + payload;
}

// For everything but the hot paths, which have their own versions of the same checks.
int node_parse_cell(const Node *node, u32 slot, Cell *cell)
{
    ASSERT(slot < node->cell_count);
    ASSERT(node->geometry != NULL);
    ASSERT(cell != NULL);

    const u8 *p = node_cell(node, slot);
    if (p == NULL)
        return corrupt_page(node->page ? node->page->pgno : 0, "cell pointer outside the page");
    cell_parse(node->geometry, node->kind, p, cell);
    if ((u32)(p - node->data) + cell->size > node->geometry->usable)
        return corrupt_page(node->page ? node->page->pgno : 0, "cell runs over the page's end");
    return SQLITE_OK;
}
