#ifndef QUIRE_BTREE_BTREE_INTERNAL_H
#define QUIRE_BTREE_BTREE_INTERNAL_H
// What the files of engine/btree share among themselves.

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/varint.h"
#include "btree/btree.h"

// The first byte of a tree page. Bits: 1 integer keys, 2 no data (index), 4 data in leaves, 8 leaf.
typedef enum NodeKind {
    INDEX_INTERIOR = 2,
    TABLE_INTERIOR = 5,
    INDEX_LEAF = 10,
    TABLE_LEAF = 13,
} NodeKind;

enum {
    FILE_HEADER_SIZE = 100, // page 1 starts with it
    USABLE_MIN = 480,       // fixed by the format
    CELL_SIZE_MIN = 4,      // a freed cell must hold a free block's header
    CELL_HEAD_MAX = 22,     // child pointer and two varints
    TREE_DEPTH_MAX = 20,    // of any tree that fits in 2^32 pages
    PAYLOAD_MAX = 0x7fffff00,
    PENDING_MAX = 5, // cells that wait for a balance: four dividers and a new cell
};

// --- node.c: one page's cells ---

void geometry_init(Geometry *geometry, u32 page_size, u32 reserved);
// Reads the header of page->data. SQLITE_CORRUPT unless it is a tree page of that family.
MUST_USE int node_parse(Node *node, const Geometry *geometry, Page *page, bool is_table);
// The same for bytes that belong to no page (copies, tests); `pgno` decides where the header is.
MUST_USE int node_parse_bytes(Node *node, const Geometry *geometry, u8 *data, Pgno pgno);
// After page->data moved.
void node_rebase(Node *node, Page *page);
void node_init_empty(Node *node, const Geometry *geometry, Page *page, NodeKind kind);
// Fills in free_size; walks the free blocks. SQLITE_CORRUPT when they are not sound.
MUST_USE int node_measure(Node *node);
// Makes a hole of `size` bytes and a slot pointing to it; *hole is where the caller writes the
// cell. Needs node_measure() and free_size >= size + 2.
MUST_USE int node_open_hole(Node *node, u32 slot, u32 size, u8 **hole);
MUST_USE int node_insert_cell(Node *node, u32 slot, const u8 *cell, u32 size);
// Removes the slot and frees `size` bytes of its cell.
MUST_USE int node_remove_cell(Node *node, u32 slot, u32 size);
// Moves all free space into the gap.
MUST_USE int node_defragment(Node *node);
// Where the cell lies, or NULL when its pointer leads outside the page (B7).
u8 *node_cell(const Node *node, u32 slot);
u32 node_content_start(const Node *node);

typedef struct CellRef {
    const u8 *bytes;
    u32 size;
} CellRef;
// Replaces the content. The cells must not lie in this page and must fit.
void node_rebuild(Node *node, NodeKind kind, const CellRef *cells, u32 count);

static inline bool node_is_leaf(const Node *node)
{
    ASSERT(node != NULL);
    return (node->kind & NODE_LEAF_BIT) != 0;
}
static inline bool node_is_table(const Node *node)
{
    ASSERT(node != NULL);
    return (node->kind & NODE_TABLE_BIT) != 0;
}
static inline u32 node_slots_at(const Node *node)
{
    ASSERT(node->header_at <= FILE_HEADER_SIZE);
    return node->header_at + (node_is_leaf(node) ? 8u : 12u);
}
static inline u32 node_slots_end(const Node *node)
{
    ASSERT(node->slots != NULL);
    return node_slots_at(node) + 2u * node->cell_count;
}
static inline Pgno node_right_child(const Node *node)
{
    ASSERT(node->data != NULL);
    ASSERT(!node_is_leaf(node));
    return get_u32(node->data + node->header_at + 8);
}
static inline void node_set_right_child(Node *node, Pgno child)
{
    ASSERT(node->data != NULL);
    ASSERT(!node_is_leaf(node));
    put_u32(node->data + node->header_at + 8, child);
}
// Bytes for cells and slots of an empty page.
static inline u32 node_capacity(const Geometry *geometry, bool is_leaf, u32 header_at)
{
    ASSERT(geometry->usable >= USABLE_MIN);
    ASSERT(header_at <= FILE_HEADER_SIZE);
    return geometry->usable - header_at - (is_leaf ? 8u : 12u);
}

// --- cell.c: one cell ---

// Rowids in cells. Returns the length; nine bytes must be readable.
static inline u32 rowid_get(const u8 *p, RowId *rowid)
{
    u64 value = p[0] & 0x7f;
    u32 i = 1;
    for (; p[i - 1] >= 0x80 && i < 8; i++)
        value = value << 7 | (p[i] & 0x7f);
    bool has_ninth = i == 8 && p[7] >= 0x80;
    *rowid = (RowId)(has_ninth ? value << 8 | p[8] : value);
    return has_ninth ? 9 : i;
}

// Parses any cell. Reads at most 22 bytes at p; the payload's end is not checked: see cell_fits().
void cell_parse(const Geometry *geometry, u8 kind, const u8 *p, Cell *cell);
// Bytes of a cell on its page; never 0.
u32 cell_size(const Geometry *geometry, u8 kind, const u8 *p);
// How much of a payload stays on the page.
u32 cell_local_size(const Geometry *geometry, bool is_table, u32 payload_size);
// First overflow page; the cell must have one.
static inline bool cell_has_overflow(const Cell *cell)
{
    ASSERT(cell->local_size <= cell->payload_size);
    return cell->local_size < cell->payload_size;
}
static inline Pgno cell_overflow(const Cell *cell)
{
    ASSERT(cell_has_overflow(cell));
    return get_u32(cell->payload + cell->local_size);
}
// Node's cell at `slot`, parsed, and checked to lie within the page. SQLITE_CORRUPT.
MUST_USE int node_parse_cell(const Node *node, u32 slot, Cell *cell);

// --- balance_plan.c: where cells shall go ---

enum { FAMILY_MAX = 3, PLAN_PAGES_MAX = 5 }; // siblings taken; pages they may become

// Page i holds the cells first[i] up to, not including, end[i]. With dividers the cell end[i] is
// the divider between page i and i + 1, else end[i] == first[i + 1].
typedef struct BalancePlan {
    u32 page_count;
    u32 first[PLAN_PAGES_MAX];
    u32 end[PLAN_PAGES_MAX];
} BalancePlan;

typedef struct PlanInput {
    const CellRef *cells;
    u32 count;
    u32 capacity;      // bytes for cells and slots of one page
    bool has_dividers; // one cell goes up between two pages (all but table leaves)
    bool is_growing;   // cells were added, not removed
    bool keep_left;    // the new cell is the greatest: leave the left pages full
} PlanInput;

// Decides how many pages the cells need and where each begins. Arithmetic only: no page, no I/O.
// false: they need more than PLAN_PAGES_MAX pages, or one does not fit a page (damaged files only).
bool balance_plan(const PlanInput *input, BalancePlan *plan);

// --- the two structures ---

typedef struct BtreeShare BtreeShare;
typedef struct SharedCache SharedCache;

// One connection's view of a database file. Most have it for themselves and are their own core.
// Those that share one (sharing.c) have core, db, txn, share and the busy handler of their own; the
// rest is looked at in the core.
struct Btree {
    Btree *core;
    Pager *pager;
    sqlite3 *db;         // of a core that is shared: NULL
    BtreeShare *share;   // of a view of a shared core
    SharedCache *shared; // of a shared core
    int (*busy)(void *);
    void *busy_arg;
    Page *page1;     // pinned while a transaction is open
    Cursor *cursors; // all that are open, newest first
    Cursor *writer;  // the one at work on its tree now, or NULL
    Cursor *spares;  // closed, kept to be opened again; linked by `next`
    u32 spare_count;
    u32 left_count;
    Cursor *left; // closed, their paths still pinned, the last one first (B13); linked by `next`
    Geometry geometry;
    u32 flags; // BTREE_*
    u8 txn;    // SQLITE_TXN_*; of a shared core: the furthest of its views
    u8 secure_delete;
    u8 auto_vacuum; // 0 none, 1 full, 2 incremental
    bool limits_vacuum;
    Pgno vacuum_limit; // limits_vacuum: free pages that the next commit may cut off
    bool page_size_fixed;
    bool reads_empty;   // the next transactions find no page, whatever is there
    bool accepts_short; // a file that ends before its header says
    bool no_wal;        // the header's wish for a log is passed over (leaving WAL mode)
    bool is_read_only;  // the file format is newer than we may write
    Pgno page_count;    // as the header has it, while reading
    u8 *workspace;      // for taking pages apart: balance.c; made by the first balance
    u8 *payload;        // a key put together from its overflow chain
    u32 payload_capacity;
};

struct Cursor {
    CursorFast fast; // first: the inline paths cast
    Btree *bt;       // the core
    Btree *view;     // whose cursor it is
    const KeyShape *shape;
    Cursor *next; // in bt->cursors
    Pgno root;
    bool is_table;
    bool is_writable;
    bool shares_tree; // another cursor may be open on the same root
    bool is_scan;     // hinted: read ahead
    bool caches_chain;
    u16 reach;      // cursor_hint_reach
    i8 near_credit; // whether looking in the current leaf first has been paying off
    u8 depth;       // fast.level == &path[depth]
    u8 pinned; // path[0 .. pinned-1] hold pins; those below `depth` are kept for the next descent
    u32 place_number; // another one whenever the pins are given up: what is known of leaves is old
    int fault_rc;
    // CURSOR_SAVED
    RowId saved_rowid;
    u8 *saved_key;
    u32 saved_size;
    // Overflow pages of the entry stood on, as far as known (cursor_cache_overflow).
    Pgno *chain;
    u32 chain_count;
    u32 chain_capacity;
    // Pages whose bytes were lent when others pushed the cursor off them. Room for one more is
    // reserved whenever the cursor stands, so that taking one cannot fail.
    PageBuffer *held;
    PageBuffer **more_held;
    u32 more_count;
    u32 more_capacity;
    Level path[TREE_DEPTH_MAX];
};

// --- sharing.c: several views of one core ---

// What btree_open() was given.
typedef struct BtreeOpening {
    sqlite3_vfs *vfs;
    const char *path;
    sqlite3 *db;
    u32 btree_flags;
    int open_flags;
} BtreeOpening;

// btree.c: one that nobody shares.
MUST_USE int core_open(const BtreeOpening *opening, Btree **out);

// A view of the core that this process has of the file; SQLITE_CONSTRAINT if it has one already.
MUST_USE int share_open(const BtreeOpening *opening, Btree **out);
int share_close(Btree *view);
// Before and after a transaction begins or becomes a writer. SQLITE_LOCKED_SHAREDCACHE.
MUST_USE int share_may_begin(Btree *bt, TxnKind kind);
void share_began(Btree *bt, TxnKind kind);
// The only place where `txn` changes: locks that go beyond it are given up.
void share_set_txn(Btree *bt, u8 txn);
void share_end_all(Btree *bt);
void share_committed(Btree *bt);

// --- cursor.c: positions ---

void cursor_free_spares(Btree *bt);

// Gives up the pins of `level` and below it.
void cursor_unpin_from(Cursor *cur, u32 level);
// Copies the key of the entry stood on, for cursor_ensure().
MUST_USE int cursor_save_key(Cursor *cur);
// Gives up the pages held for what the cursor lent. Called when it goes to another entry.
void cursor_let_go(Cursor *cur);
static inline void cursor_let_go_lent(Cursor *cur)
{
    ASSERT(cur != NULL);
    if (UNLIKELY(cur->held != NULL))
        cursor_let_go(cur);
}
// From now on every use of the cursor gives `rc`.
void cursor_trip(Cursor *cur, int rc);
// Drops all pins and the place; the cursor stands nowhere.
void cursor_release(Cursor *cur);
// Remembers the key, drops the pins. Does nothing for cursors that stand nowhere.
MUST_USE int cursor_save(Cursor *cur);
// B5. Saves all cursors on `root` (0: on any) but `except`.
MUST_USE int cursors_save(Btree *bt, Pgno root, const Cursor *except);
// B13: paths that closed cursors left pinned on `root` (0: on any).
void cursors_give_up_left(Btree *bt, Pgno root);
// Cursors of incremental blob I/O (cursor_cache_overflow) on that row are good for nothing any
// more: SQLITE_ABORT. They have been saved before.
void cursors_expire(Btree *bt, Pgno root, RowId rowid);
void cursors_expire_all(Btree *bt, Pgno root);
// Makes a saved cursor stand again; SQLITE_OK also when it now stands nowhere.
MUST_USE int cursor_ensure(Cursor *cur);
// Path movement. `slot` of an interior node's child: its own or cell_count for the right child.
MUST_USE int cursor_to_root(Cursor *cur);
MUST_USE int cursor_descend(Cursor *cur);      // into the child at the current level's slot
MUST_USE int cursor_load_child(Cursor *cur);   // the same, and lets the child be empty
MUST_USE int cursor_to_leftmost(Cursor *cur);  // from the current level down; slot 0 of the leaf
MUST_USE int cursor_to_rightmost(Cursor *cur); // the last entry below the current level
MUST_USE int node_child(const Node *node, u32 slot, Pgno *child);
bool cursor_on_right_edge(
    const Cursor *cur); // of the tree: no page to the right of the current one

// The child at that slot of a parsed interior node, for hints: 0 where there is none.
static inline Pgno node_peek_child(const Node *parent, u32 slot)
{
    ASSERT(!node_is_leaf(parent));
    if (slot >= parent->cell_count)
        return slot == parent->cell_count ? node_right_child(parent) : 0;
    u32 at = get_u16(parent->slots + 2 * slot);
    return at <= parent->geometry->usable - CELL_SIZE_MIN ? get_u32(parent->data + at) : 0;
}

// Asks the processor for the bytes of a leaf that a scan of known reach will come to: the
// beginnings of long rows, or all there is of short ones. The header is there already; nothing is
// believed. (Inlined: compilers drop calls of functions that do nothing but prefetch.)
__attribute__((always_inline)) static inline void leaf_ask_for_rows(u32 usable, u32 reach,
                                                                    const u8 *page)
{
    enum { LINE = 64, FEW = 4, SPAN_MAX = 4096, AT_COUNT = 3, AT_CONTENT = 5, SLOTS = 8 };
    ASSERT(reach > 0);
    u32 count = get_u16(page + AT_COUNT);
    if (count > FEW) {
        u32 from = get_u16(page + AT_CONTENT);
        u32 end = from + SPAN_MAX < usable ? from + SPAN_MAX : usable;
        for (u32 at = from; at < end; at += LINE)
            __builtin_prefetch(page + at, 0, 2);
        return;
    }
    for (u32 slot = 0; slot < count; slot++) {
        u32 from = get_u16(page + SLOTS + 2 * slot);
        u32 end = from + reach < usable ? from + reach : usable;
        for (u32 at = from; at < end; at += LINE)
            __builtin_prefetch(page + at, 0, 2);
    }
}

static inline void cursor_set_depth(Cursor *cur, u32 depth)
{
    ASSERT(depth < TREE_DEPTH_MAX);
    cur->depth = (u8)depth;
    cur->fast.level = &cur->path[depth];
}

// --- overflow.c ---

// The whole payload of `cell` in memory: on the page, or put together in bt->payload.
MUST_USE int payload_whole(Btree *bt, const Cell *cell, const u8 **bytes);
MUST_USE int payload_read(Btree *bt, const Cell *cell, u32 offset, u32 size, u8 *out);
MUST_USE int overflow_free_chain(Btree *bt, const Cell *cell);

// Makes the node's page writable and follows it where it moves.
MUST_USE int node_own(Btree *bt, Node *node);
// The same for page 1, wherever it is in use.
MUST_USE int header_own(Btree *bt);
// To be called when page 1's bytes may have moved from `before`.
void header_follow(Btree *bt, const u8 *before);

enum { // offsets in page 1
    AT_PAGE_COUNT = 28,
    AT_FREELIST = 32,
    AT_FREE_COUNT = 36,
    AT_META = 36, // meta field i at 36 + 4 * i
};

// --- freelist.c ---

typedef enum AllocMode {
    ALLOC_ANY,     // near `near` if that is cheap
    ALLOC_EXACT,   // page `near`, which is free
    ALLOC_AT_MOST, // one not after `near`
    ALLOC_AT_END,  // a new one, even if others are free
} AllocMode;
// A writable page of undefined content, pinned.
MUST_USE int page_allocate(Btree *bt, Pgno near, AllocMode mode, Page **out);
// Whether somebody stands on the page. Then it is in a tree, whatever the freelist or an overflow
// chain says: to hand it out, to free it or to fill it would give it two owners.
bool page_is_pinned(Btree *bt, Pgno pgno);
MUST_USE int page_free(Btree *bt, Pgno pgno);
bool page_is_pending_byte(const Btree *bt, Pgno pgno);

// --- ptrmap.c ---

typedef enum PtrmapType {
    PTRMAP_ROOT = 1,      // parent 0
    PTRMAP_FREE = 2,      // parent 0
    PTRMAP_OVERFLOW1 = 3, // first overflow page; parent: the page of the cell
    PTRMAP_OVERFLOW2 = 4, // a later one; parent: the overflow page before it
    PTRMAP_TREE = 5,      // parent: the tree page above
} PtrmapType;
bool page_is_ptrmap(const Btree *bt, Pgno pgno);
// Does nothing when the database keeps no pointer map.
MUST_USE int ptrmap_put(Btree *bt, Pgno pgno, PtrmapType type, Pgno parent);
MUST_USE int ptrmap_get(Btree *bt, Pgno pgno, u8 *type, Pgno *parent);
// Names `node` as parent of all its children and first overflow pages.
MUST_USE int ptrmap_adopt(Btree *bt, const Node *node);

// --- vacuum.c ---

// Auto-vacuum's part of a commit: moves pages from the file's end into the holes and cuts the end
// off.
MUST_USE int vacuum_at_commit(Btree *bt);
// Moves a page's content and changes every reference to it.
MUST_USE int vacuum_move_page(Btree *bt, Pgno from, Pgno target, bool is_commit);

// --- insert.c ---

// A cell ready to be written.
typedef struct CellImage {
    u8 head[CELL_HEAD_MAX];
    u32 head_size;
    const u8 *bytes; // payload bytes in memory; what payload_size has beyond them is zeroes
    u32 bytes_size;
    u32 payload_size;
    u32 local_size;
    u32 size;      // on the page
    Pgno overflow; // first overflow page, once written
} CellImage;
// child 0: a leaf's cell.
MUST_USE int image_init(const Btree *bt, bool is_table, Pgno child, const Payload *payload,
                        CellImage *image);
void image_write(const CellImage *image, u8 *out);
MUST_USE int overflow_write_chain(Btree *bt, CellImage *image, Pgno near);

// --- balance.c ---

typedef struct Pending { // cells that found no room in a node
    u32 count;
    u32 slot[PENDING_MAX]; // ascending, counted as if all were in
    CellRef cell[PENDING_MAX];
} Pending;
// Restores B4 from the current level up to the root. `pending` belongs to the current level.
// Afterwards the cursor stands nowhere, unless *kept_place: then it stands on the appended cell.
MUST_USE int balance_upward(Cursor *cur, Pending *pending, bool *kept_place);
// A buffer for one cell that waits; lives until the balance is over.
MUST_USE int balance_cell_buffer(Btree *bt, u8 **out);
void balance_free_workspace(Btree *bt);
bool node_is_sparse(const Node *node); // more than two thirds free

// --- seek.c ---

// Seeks an index key given as a record.
MUST_USE int cursor_seek_record(Cursor *cur, const u8 *key, u32 size, int *order);

// --- tree.c ---

// Frees all pages of the tree below `root`; the root stays as an empty leaf.
MUST_USE int tree_clear(Btree *bt, Pgno root, i64 *rows);

// --- header.c: page 1's first hundred bytes ---

// Makes a file of no bytes a database.
MUST_USE int header_create(Btree *bt);
// Checks page 1 and takes page size and settings from it. *again: the snapshot must be taken anew.
MUST_USE int header_check(Btree *bt, bool *again);
// Says in the header that the file is read without (1) or with (2) a log.
MUST_USE int header_put_version(Btree *bt, u8 version);
// Geometry and what hangs on it.
MUST_USE int btree_set_geometry(Btree *bt, u32 page_size, u32 reserved);

#endif
