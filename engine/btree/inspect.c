// Describes the pages of a tree one by one. See inspect.h.
//
// The order is dbstat's: a page, then for each cell its overflow chain and the child to its left,
// last the right child. A page's path spells how one gets there, three hexadecimal digits a step:
//
//   /                root
//   /00a/            child of the root's cell 10
//   /00a/003+000001  the second page of the chain of that child's cell 3
//
// Every page of the way down stays pinned, so a walk needs as many pins as the tree is deep. Damage
// is shown (PAGE_CORRUPTED), not reported: who looks at a broken file wants to see the rest of it.
#include "btree/inspect.h"

#include "btree/btree_internal.h"

#include <stdio.h>

enum { WALK_DEPTH_MAX = 32 };

// A page on the way down. `slot` is the cell under review; its overflow chain comes before its
// child.
typedef struct Visit {
    Page *page;
    Node node;
    u32 slot;
    bool chain_done; // the chain of the cell at `slot` was shown
    size_t path_size;
} Visit;

struct PageWalk {
    Btree *bt;
    Pgno root;
    bool is_started;
    u32 depth; // visits in use
    Visit visits[WALK_DEPTH_MAX];
    // The overflow chain being shown.
    Pgno chain_next;
    u32 chain_left; // payload bytes on pages to come
    u32 chain_index;
    Pgno pages_shown; // circles of damaged files end here
    char path[200];
};

// Nothing is pinned before the first step.
int page_walk_open(Btree *bt, Pgno root, PageWalk **out)
{
    ASSERT(bt->txn != SQLITE_TXN_NONE);
    ASSERT(out != NULL);
    bt = bt->core;
    PageWalk *walk = mem_alloc_zeroed(sizeof *walk);
    if (walk == NULL)
        return SQLITE_NOMEM;
    walk->bt = bt;
    walk->root = root;
    *out = walk;
    return SQLITE_OK;
}

void page_walk_close(PageWalk *walk)
{
    if (walk == NULL)
        return;
    ASSERT(walk->depth <= WALK_DEPTH_MAX);
    ASSERT(walk->bt != NULL);
    while (walk->depth > 0)
        page_unpin(walk->bt->pager, walk->visits[--walk->depth].page);
    mem_free(walk);
}

// Sums up a tree page. false: its cells or free space are damaged.
static bool describe_node(Node *node, PageInfo *info)
{
    ASSERT(info->pgno > 0);
    ASSERT(node->page != NULL);
    if (node_measure(node) != SQLITE_OK)
        return false;
    info->role = node_is_leaf(node) ? PAGE_LEAF : PAGE_INTERIOR;
    info->cell_count = node->cell_count;
    info->unused = node->free_size;
    for (u32 i = 0; i < node->cell_count; i++) {
        Cell cell;
        if (node_parse_cell(node, i, &cell) != SQLITE_OK)
            return false;
        info->payload += cell.local_size;
        if (cell.payload_size > info->payload_max)
            info->payload_max = cell.payload_size;
    }
    return true;
}

// Pins a tree page, describes it, and makes it the one whose cells come next.
static int enter_page(PageWalk *walk, Pgno pgno, PageInfo *info)
{
    Btree *bt = walk->bt;
    Visit *visit = &walk->visits[walk->depth];
    ASSERT(walk->depth < WALK_DEPTH_MAX);
    ASSERT(pgno > 0);

    *info = (PageInfo){.pgno = pgno, .role = PAGE_CORRUPTED};
    memcpy(info->path, walk->path, sizeof info->path);
    TRY(pager_get(bt->pager, pgno, &visit->page));
    bool is_sound =
        node_parse_bytes(&visit->node, &bt->geometry, visit->page->data, pgno) == SQLITE_OK;
    visit->node.page = visit->page;
    if (!is_sound || !describe_node(&visit->node, info)) {
        *info = (PageInfo){.pgno = pgno, .role = PAGE_CORRUPTED};
        memcpy(info->path, walk->path, sizeof info->path);
        page_unpin(bt->pager, visit->page);
        return SQLITE_OK; // shown as damaged; nothing below it can be
    }
    visit->slot = 0;
    visit->chain_done = false;
    visit->path_size = strlen(walk->path);
    walk->depth++;
    return SQLITE_OK;
}

// Says how much of the payload should be here; whether it is, only the payload's reader can tell.
static int show_chain_page(PageWalk *walk, PageInfo *info)
{
    Btree *bt = walk->bt;
    const Visit *visit = &walk->visits[walk->depth - 1];
    Page *page;
    ASSERT(walk->chain_left > 0);
    ASSERT(walk->depth > 0);

    u32 in_page = bt->geometry.usable - 4;
    u32 size = walk->chain_left < in_page ? walk->chain_left : in_page;
    *info = (PageInfo){
        .pgno = walk->chain_next, .role = PAGE_OVERFLOW, .payload = size, .unused = in_page - size};
    snprintf(info->path, sizeof info->path, "%.*s%03x+%06x", (int)visit->path_size, walk->path,
             visit->slot, walk->chain_index);
    TRY(pager_get(bt->pager, walk->chain_next, &page));
    walk->chain_next = get_u32(page->data);
    page_unpin(bt->pager, page);
    walk->chain_left -= size;
    walk->chain_index++;
    if (walk->chain_next == 0)
        walk->chain_left = 0; // a chain that ends early
    return SQLITE_OK;
}

// Starts the chain of the cell under review, if it has one.
static int start_chain(PageWalk *walk, Visit *visit)
{
    Cell cell;
    ASSERT(visit->slot < visit->node.cell_count);
    ASSERT(!visit->chain_done);
    visit->chain_done = true;
    TRY(node_parse_cell(&visit->node, visit->slot, &cell));
    if (!cell_has_overflow(&cell))
        return SQLITE_OK;
    walk->chain_next = cell_overflow(&cell);
    walk->chain_left = cell.payload_size - cell.local_size;
    walk->chain_index = 0;
    if (walk->chain_next == 0)
        walk->chain_left = 0;
    return SQLITE_OK;
}

// Goes on in the page on top: into a chain, down to a child, or back up. *child 0: nothing to enter
// yet.
static int advance(PageWalk *walk, Pgno *child)
{
    Visit *visit = &walk->visits[walk->depth - 1];
    ASSERT(walk->depth > 0);
    ASSERT(walk->chain_left == 0);
    *child = 0;
    u32 end = visit->node.cell_count + (node_is_leaf(&visit->node) ? 0u : 1u);
    if (visit->slot < visit->node.cell_count && !visit->chain_done)
        return start_chain(walk, visit);
    if (visit->slot >= end) {
        page_unpin(walk->bt->pager, visit->page);
        walk->depth--;
        return SQLITE_OK;
    }
    u32 slot = visit->slot++;
    visit->chain_done = false;
    if (node_is_leaf(&visit->node))
        return SQLITE_OK;
    if (walk->depth == WALK_DEPTH_MAX)
        return corrupt_page(visit->page->pgno, "tree too deep");
    TRY(node_child(&visit->node, slot, child));
    snprintf(walk->path + visit->path_size, sizeof walk->path - visit->path_size, "%03x/", slot);
    return SQLITE_OK;
}

// A state machine by hand, because callers want one page at a time: chain pages first, then the
// next cell or child, then up.
int page_walk_next(PageWalk *walk, PageInfo *info)
{
    ASSERT(walk != NULL);
    ASSERT(info != NULL);
    if (walk->pages_shown++ > pager_page_count(walk->bt->pager))
        return corrupt_page(walk->root, "more pages in a tree than in the file");
    if (!walk->is_started) {
        walk->is_started = true;
        walk->path[0] = '/';
        return enter_page(walk, walk->root, info);
    }
    for (;;) {
        Pgno child;
        if (walk->chain_left > 0)
            return show_chain_page(walk, info);
        if (walk->depth == 0)
            return SQLITE_DONE;
        TRY(advance(walk, &child));
        if (child != 0)
            return enter_page(walk, child, info);
    }
}

// As stored: nothing is checked or corrected.
void header_info(Btree *bt, HeaderInfo *info)
{
    bt = bt->core;
    ASSERT(bt->txn != SQLITE_TXN_NONE);
    ASSERT(bt->page1 != NULL);
    const u8 *h = bt->page1->data;
    *info = (HeaderInfo){
        .page_size = bt->geometry.page_size,
        .reserved = btree_reserved(bt),
        .write_version = h[18],
        .read_version = h[19],
        .change_counter = get_u32(h + 24),
        .page_count = get_u32(h + 28),
        .free_count = get_u32(h + 36),
        .schema_cookie = get_u32(h + 40),
        .schema_format = get_u32(h + 44),
        .default_cache_size = get_u32(h + 48),
        .largest_root = get_u32(h + 52),
        .incremental_vacuum = get_u32(h + 64),
        .text_encoding = get_u32(h + 56),
        .user_version = get_u32(h + 60),
        .application_id = get_u32(h + 68),
        .library_version = get_u32(h + 96),
    };
}
