// Cursors: where they stand, how they walk, how they remember their place while
// the tree changes.
//
// A cursor holds a pin on every page from the root to the one it stands on.
// When it climbs, the pins below are kept: the next descent often takes the
// same pages. In an index tree it may stand on an entry of an interior page
// (B3); in a table tree it always stands in a leaf.
//
// B5: before a tree changes, other cursors on it save their keys. A cursor
// whose entry is gone afterwards stands on a neighbour, in state CURSOR_SKIP,
// and `skip` says which step it has already made.
//
//   INVALID   stands nowhere: fresh, past an end, or after an error
//   VALID     on an entry, its path pinned
//   SKIP      on a neighbour of an entry that is gone, its path pinned
//   SAVED     no pins; the key is remembered, cursor_ensure() seeks it again
//   FAULT     tripped: every call answers fault_rc until the cursor is closed
//
// Lent bytes (B12). A caller may keep a pointer into the page an entry lies on
// until the cursor goes elsewhere. If the page is taken from under the cursor
// before that, the cursor keeps the version of it that the pointer is into:
// writers then find the buffer shared and change a copy (pager, P1).
//
// Left places (B13). In a write transaction statement follows statement on the
// same trees. A cursor that is closed leaves its path pinned, and the next one
// on that tree begins with it: it stands nowhere, but descends by pages that
// are at hand. Nobody walks over these paths as over those of open cursors;
// they are given up whenever pages may change in any other way.
#include "base/vec.h"
#include "btree/btree_internal.h"

// --- lifecycle ---

// Tells cursors on one root about each other, so that a lone writer need not
// look for company.
static void mark_shared(Btree *bt, Cursor *fresh)
{
    ASSERT(fresh->bt == bt);
    ASSERT(fresh->root > 0);

    for (Cursor *other = bt->cursors; other != NULL; other = other->next) {
        if (other->root == fresh->root) {
            other->shares_tree = true;
            fresh->shares_tree = true;
        }
    }
}

// Statements and triggers open the same few cursors over and over: their blocks stay with the
// tree's owner, which frees them.
enum { SPARES_MAX = 8 };

static Cursor *take_block(Btree *bt)
{
    ASSERT(bt != NULL);
    Cursor *cur = bt->spares;
    ASSERT((cur == NULL) == (bt->spare_count == 0));
    if (cur == NULL)
        return mem_alloc(sizeof *cur);
    bt->spares = cur->next;
    bt->spare_count--;
    return cur;
}

static void give_block(Btree *bt, Cursor *cur)
{
    ASSERT(bt->spare_count <= SPARES_MAX);
    ASSERT(cur->bt == bt);
    if (bt->spare_count == SPARES_MAX) {
        mem_free(cur);
        return;
    }
    cur->next = bt->spares;
    bt->spares = cur;
    bt->spare_count++;
}

void cursor_free_spares(Btree *bt)
{
    ASSERT(bt != NULL);
    while (bt->spares != NULL)
        mem_free(take_block(bt));
    ASSERT(bt->spare_count == 0);
}

// --- left places ---

enum { LEFT_MAX = 4 }; // trees: of a statement and of the triggers it fires

static void give_up_left(Btree *bt, Cursor **link)
{
    Cursor *cur = *link;
    ASSERT(cur->bt == bt);
    ASSERT(bt->left_count > 0);
    *link = cur->next;
    bt->left_count--;
    cursor_release(cur);
    give_block(bt, cur);
}

void cursors_give_up_left(Btree *bt, Pgno root)
{
    Cursor **link = &bt->left;
    ASSERT(bt->left_count <= LEFT_MAX);
    while (*link != NULL) {
        if (root == 0 || (*link)->root == root)
            give_up_left(bt, link);
        else
            link = &(*link)->next;
    }
    ASSERT(root != 0 || bt->left_count == 0);
}

// The root page of sqlite_schema moves with the file's header (header_follow): its paths are not
// kept.
static bool leaves_place(const Cursor *cur)
{
    ASSERT(cur->pinned == 0 || cur->fast.state != CURSOR_FAULT);
    return cur->pinned > 0 && cur->bt->txn == SQLITE_TXN_WRITE && cur->root != 1;
}

// One per tree at most: opening a cursor finds it, so that none is left on a tree whose lone writer
// tells nobody of its changes. The oldest makes room.
static void leave_place(Cursor *cur)
{
    Btree *bt = cur->bt;
    ASSERT(leaves_place(cur));
    cursors_give_up_left(bt, cur->root);
    if (bt->left_count == LEFT_MAX) {
        Cursor **last = &bt->left;
        while ((*last)->next != NULL)
            last = &(*last)->next;
        give_up_left(bt, last);
    }
    cur->next = bt->left;
    bt->left = cur;
    bt->left_count++;
}

// NULL: none was left on that tree. The page of a damaged schema may be taken for both kinds of
// tree in turn; then its path is of no use.
static Cursor *take_place(Btree *bt, Pgno root, bool is_table)
{
    for (Cursor **link = &bt->left; *link != NULL; link = &(*link)->next) {
        Cursor *cur = *link;
        ASSERT(cur->pinned > 0);
        if (cur->root != root)
            continue;
        *link = cur->next;
        bt->left_count--;
        if (cur->is_table != is_table)
            cursor_unpin_from(cur, 0);
        return cur;
    }
    return NULL;
}

// --- opening and closing ---

// The path is left as it is: levels mean nothing until `pinned` says so. This is called once per
// statement and table, so a kilobyte is not cleared for nothing.
int cursor_open(Btree *bt, Pgno root, bool writable, const KeyShape *shape, Cursor **out)
{
    ASSERT(bt->txn != SQLITE_TXN_NONE);
    ASSERT(!writable || bt->txn == SQLITE_TXN_WRITE);
    ASSERT(out != NULL);

    if (root == 0)
        return corrupt_page(0, "root page 0");
    Btree *view = bt;
    bt = bt->core;
    Cursor *cur = take_place(bt, root, shape == NULL);
    u8 pinned = cur == NULL ? 0 : cur->pinned;
    if (cur == NULL)
        cur = take_block(bt);
    if (cur == NULL)
        return SQLITE_NOMEM;
    memset(cur, 0, offsetof(Cursor, path));
    cur->fast.state = CURSOR_INVALID;
    cur->bt = bt;
    cur->view = view;
    cur->root = root;
    cur->shape = shape;
    cur->is_table = shape == NULL;
    cur->is_writable = writable;
    cur->pinned = pinned;
    if (pinned == 0)
        cur->path[0] = (Level){0};
    cursor_set_depth(cur, 0);
    mark_shared(bt, cur);
    cur->next = bt->cursors;
    bt->cursors = cur;
    *out = cur;
    return SQLITE_OK;
}

void cursor_unpin_from(Cursor *cur, u32 level)
{
    ASSERT(level <= TREE_DEPTH_MAX);
    ASSERT(cur->pinned <= TREE_DEPTH_MAX);
    ASSERT(cur->bt != NULL);

    while (cur->pinned > level) {
        cur->pinned--;
        page_unpin(cur->bt->pager, cur->path[cur->pinned].node.page);
    }
}

// --- lent bytes ---

// The cursor is about to give up the page it stands on, but not by moving.
static void hold_lent(Cursor *cur)
{
    if (!cur->fast.has_lent || cur->pinned == 0)
        return;
    ASSERT(cur->pinned > cur->depth);
    PageBuffer *buffer = page_hold(cur->fast.level->node.page);
    cur->fast.has_lent = false;
    if (cur->held == NULL) {
        cur->held = buffer;
        return;
    }
    ASSERT(cur->more_count < cur->more_capacity);
    cur->more_held[cur->more_count++] = buffer;
}

void cursor_let_go(Cursor *cur)
{
    ASSERT(cur->held != NULL);

    page_let_go(cur->bt->pager, cur->held);
    cur->held = NULL;
    while (cur->more_count > 0)
        page_let_go(cur->bt->pager, cur->more_held[--cur->more_count]);
    ASSERT(cur->more_count == 0);
}

// Room for one more held version before anything moves: hold_lent() itself must not fail.
static int reserve_hold(Cursor *cur)
{
    ASSERT(cur->more_count <= cur->more_capacity);
    ASSERT(cur->fast.state == CURSOR_SAVED);
    if (cur->held == NULL)
        return SQLITE_OK;
    return vec_reserve(&cur->more_held, &cur->more_capacity, cur->more_count + 1,
                       sizeof *cur->more_held);
}

void cursor_trip(Cursor *cur, int rc)
{
    ASSERT(rc != SQLITE_OK);
    hold_lent(cur);
    cursor_release(cur);
    cur->fast.state = CURSOR_FAULT;
    cur->fault_rc = rc;
    ASSERT(cur->pinned == 0);
}

// Saved and tripped cursors stay so; others stand nowhere afterwards.
void cursor_release(Cursor *cur)
{
    ASSERT(cur->bt != NULL);

    cursor_unpin_from(cur, 0);
    cursor_set_depth(cur, 0);
    cur->place_number++;
    cur->fast.has_cell = false;
    cur->chain_count = 0;
    if (cur->fast.state <= CURSOR_INVALID)
        cur->fast.state = CURSOR_INVALID;
    ASSERT(cur->pinned == 0);
    ASSERT(cur->fast.level == &cur->path[0]);
}

// Its place in the list is found by walking: statements have few cursors open.
void cursor_close(Cursor *cur)
{
    if (cur == NULL)
        return;
    ASSERT(cur->bt != NULL);
    ASSERT(cur->bt->writer != cur);
    cursor_let_go_lent(cur);
    Cursor **link = &cur->bt->cursors;
    while (*link != cur)
        link = &(*link)->next;
    *link = cur->next;
    mem_free(cur->saved_key);
    mem_free(cur->chain);
    mem_free(cur->more_held);
    if (leaves_place(cur)) {
        leave_place(cur);
        return;
    }
    cursor_release(cur);
    give_block(cur->bt, cur);
}

// The caller means to walk far: leaves are asked for ahead of the walk.
void cursor_hint_scan(Cursor *cur)
{
    ASSERT(cur->bt != NULL);
    ASSERT(cur->pinned <= TREE_DEPTH_MAX);
    cur->is_scan = true;
}

// And of each row it will read about the first `size` bytes.
void cursor_hint_reach(Cursor *cur, u32 size)
{
    ASSERT(cur->bt != NULL);
    ASSERT(size > 0 && size <= UINT16_MAX);
    cur->reach = (u16)size;
}

// Forgets its place for good; the next call must be a seek or a walk from an end.
void cursor_clear(Cursor *cur)
{
    ASSERT(cur != NULL);
    ASSERT(cur->bt != NULL);
    cursor_let_go_lent(cur);
    cursor_release(cur);
    if (cur->fast.state == CURSOR_SAVED)
        cur->fast.state = CURSOR_INVALID;
}

bool cursor_is_eof(const Cursor *cur)
{
    ASSERT(cur->bt != NULL);
    ASSERT(cur->fast.state <= CURSOR_FAULT);
    return cur->fast.state == CURSOR_INVALID;
}

// --- moving along the path ---

// The number is not judged here: the pager refuses those outside the file.
int node_child(const Node *node, u32 slot, Pgno *child)
{
    ASSERT(!node_is_leaf(node));
    ASSERT(slot <= node->cell_count);

    if (slot == node->cell_count) {
        *child = node_right_child(node);
        return SQLITE_OK;
    }
    const u8 *cell = node_cell(node, slot);
    if (cell == NULL)
        return corrupt_page(node->page->pgno, "cell pointer outside the page");
    *child = get_u32(cell);
    return SQLITE_OK;
}

// A file of no bytes is a database whose schema tree is empty: there is no page
// to show for it yet.
static int stand_in_empty_file(Cursor *cur)
{
    static const u8 no_page[FILE_HEADER_SIZE + 8];
    ASSERT(cur->pinned == 0);
    ASSERT(cur->depth == 0);
    cur->path[0].node = (Node){.data = (u8 *)(uintptr_t)no_page,
                               .slots = (u8 *)(uintptr_t)no_page + FILE_HEADER_SIZE + 8,
                               .geometry = &cur->bt->geometry,
                               .header_at = FILE_HEADER_SIZE,
                               .kind = TABLE_LEAF};
    return SQLITE_OK;
}

// The root's pin is kept between seeks. That is sound because any change of the tree by others
// takes all pins away (B5).
int cursor_to_root(Cursor *cur)
{
    ASSERT(cur->fast.state != CURSOR_FAULT);
    ASSERT(cur->bt->txn != SQLITE_TXN_NONE);
    ASSERT(cur->pinned <= TREE_DEPTH_MAX);

    cur->fast.has_cell = false;
    cur->fast.state = CURSOR_INVALID;
    cur->chain_count = 0;
    cursor_set_depth(cur, 0);
    if (cur->pinned > 0)
        return SQLITE_OK;
    if (pager_page_count(cur->bt->pager) == 0 && cur->root == 1)
        return stand_in_empty_file(cur);
    Page *page;
    TRY(pager_get(cur->bt->pager, cur->root, &page));
    int rc = node_parse(&cur->path[0].node, &cur->bt->geometry, page, cur->is_table);
    if (rc != SQLITE_OK) {
        page_unpin(cur->bt->pager, page);
        return rc;
    }
    cur->pinned = 1;
    return SQLITE_OK;
}

// In a hinted scan, asks for the next few children before they are needed.
static void read_ahead(Cursor *cur, const Level *parent)
{
    enum { AHEAD = 16 };
    Pgno wanted[AHEAD];
    u32 count = 0;
    ASSERT(cur->is_scan);
    ASSERT(!node_is_leaf(&parent->node));

    if (parent->slot % AHEAD != 0)
        return;
    for (u32 slot = parent->slot; slot <= parent->node.cell_count && count < AHEAD; slot++) {
        if (node_child(&parent->node, slot, &wanted[count]) != SQLITE_OK)
            return; // the visit will report it
        count++;
    }
    pager_prefetch(cur->bt->pager, wanted, count);
}

// Follows the path's slot one level down. A page that the former path went through is still pinned
// and parsed: then this costs a comparison.
int cursor_load_child(Cursor *cur)
{
    Level *parent = cur->fast.level;
    u32 depth = cur->depth + 1u;
    ASSERT(!node_is_leaf(&parent->node));
    ASSERT(depth <= cur->pinned);
    ASSERT(cur->bt->page1 != NULL);

    Pgno child;
    TRY(node_child(&parent->node, parent->slot, &child));
    if (depth < cur->pinned && cur->path[depth].node.page->pgno == child) {
        cursor_set_depth(cur, depth); // its pin was kept
        return SQLITE_OK;
    }
    if (depth == TREE_DEPTH_MAX)
        return corrupt_page(parent->node.page->pgno, "tree too deep");
    if (cur->is_scan)
        read_ahead(cur, parent);
    cursor_unpin_from(cur, depth);
    Page *page;
    TRY(pager_get(cur->bt->pager, child, &page));
    __builtin_prefetch(page->data + 64); // the slots, while the header is on its way
    __builtin_prefetch(page->data + 128);
    int rc = node_parse(&cur->path[depth].node, &cur->bt->geometry, page, cur->is_table);
    if (rc != SQLITE_OK) {
        page_unpin(cur->bt->pager, page);
        return rc;
    }
    cur->pinned = (u8)(depth + 1);
    cursor_set_depth(cur, depth);
    return SQLITE_OK;
}

// Only a root may be empty: an empty page further down would break the walk, which takes the first
// or last entry of whatever it comes to.
int cursor_descend(Cursor *cur)
{
    ASSERT(cur->pinned > cur->depth);
    TRY(cursor_load_child(cur));
    ASSERT(cur->depth > 0);
    if (cur->fast.level->node.cell_count == 0)
        return corrupt_page(cur->fast.level->node.page->pgno, "empty page below the root");
    return SQLITE_OK;
}

int cursor_to_leftmost(Cursor *cur)
{
    ASSERT(cur->pinned > cur->depth);
    while (!node_is_leaf(&cur->fast.level->node)) {
        TRY(cursor_descend(cur));
        cur->fast.level->slot = 0;
    }
    ASSERT(cur->fast.level->slot == 0 || cur->depth == 0);
    return SQLITE_OK;
}

int cursor_to_rightmost(Cursor *cur)
{
    ASSERT(cur->pinned > cur->depth);
    while (!node_is_leaf(&cur->fast.level->node)) {
        TRY(cursor_descend(cur));
        Level *level = cur->fast.level;
        level->slot =
            node_is_leaf(&level->node) ? level->node.cell_count - 1u : level->node.cell_count;
    }
    ASSERT(cur->fast.level->node.cell_count > 0);
    return SQLITE_OK;
}

// Whether the leaf stood in is the tree's last: then nothing is greater than its last entry.
bool cursor_on_right_edge(const Cursor *cur)
{
    ASSERT(cur->pinned > cur->depth);
    ASSERT(cur->depth < TREE_DEPTH_MAX);
    for (u32 i = 0; i < cur->depth; i++) {
        ASSERT(cur->path[i].slot <= cur->path[i].node.cell_count);
        if (cur->path[i].slot < cur->path[i].node.cell_count)
            return false;
    }
    return true;
}

// Shared start of first and last: *empty also says whether there is anything
// below.
static int start_at_root(Cursor *cur, bool *empty)
{
    ASSERT(cur->bt != NULL);
    cursor_let_go_lent(cur);
    if (cur->fast.state == CURSOR_FAULT)
        return cur->fault_rc;
    TRY(cursor_to_root(cur));
    const Node *root = &cur->fast.level->node;
    ASSERT(cur->depth == 0);
    *empty = node_is_leaf(root) && root->cell_count == 0;
    return SQLITE_OK;
}

// The smallest entry is in the leftmost leaf in both families: index entries further up are
// dividers, so they are greater.
int cursor_first(Cursor *cur, bool *empty)
{
    TRY(start_at_root(cur, empty));
    if (*empty)
        return SQLITE_OK;
    cur->path[0].slot = 0;
    TRY(cursor_to_leftmost(cur));
    cur->fast.state = CURSOR_VALID;
    ASSERT(cur->fast.level->slot == 0);
    ASSERT(node_is_leaf(&cur->fast.level->node));
    return SQLITE_OK;
}

// The mirror image: right children all the way, then the last slot.
int cursor_last(Cursor *cur, bool *empty)
{
    ASSERT(empty != NULL);
    TRY(start_at_root(cur, empty));
    if (*empty)
        return SQLITE_OK;
    Level *root = &cur->path[0];
    root->slot = node_is_leaf(&root->node) ? root->node.cell_count - 1u : root->node.cell_count;
    TRY(cursor_to_rightmost(cur));
    cur->fast.state = CURSOR_VALID;
    ASSERT(cur->fast.level->slot + 1 == cur->fast.level->node.cell_count);
    ASSERT(node_is_leaf(&cur->fast.level->node));
    return SQLITE_OK;
}

// Some leaves ahead the header is asked for, fewer ahead the rows: when the walk arrives, the
// memory has had the time of those leaves to answer.
__attribute__((always_inline)) static inline void ask_far_ahead(const Cursor *cur)
{
    enum { HEADER_AHEAD = 8, ROWS_AHEAD = 4 };
    const Level *parent = &cur->path[cur->depth - 1];
    ASSERT(cur->depth > 0);
    Pgno far = node_peek_child(&parent->node, parent->slot + HEADER_AHEAD);
    if (far != 0)
        pager_touch(cur->bt->pager, far);
    Pgno near = node_peek_child(&parent->node, parent->slot + ROWS_AHEAD);
    const u8 *page = near != 0 ? pager_peek(cur->bt->pager, near) : NULL;
    if (page != NULL)
        leaf_ask_for_rows(cur->bt->geometry.usable, cur->reach, page);
}

// A walk forward has come to a leaf. What it reads next is far from what it read last, so it is
// asked for while there is still work to do here: the first entries, which processors do not
// foresee, and the leaf after this one.
static void ask_ahead(const Cursor *cur)
{
    enum { FEW = 4 }; // with more entries on a page, the wait for the first is lost among them
    const Node *leaf = &cur->fast.level->node;
    ASSERT(node_is_leaf(leaf));
    if (cur->reach > 0 && cur->depth > 0) {
        ask_far_ahead(cur);
        return;
    }
    for (u32 slot = 0; slot < leaf->cell_count && leaf->cell_count <= FEW; slot++)
        __builtin_prefetch(node_cell(leaf, slot)); // NULL is no fault
    if (cur->depth == 0)
        return;
    const Level *parent = &cur->path[cur->depth - 1];
    Pgno next;
    if (parent->slot < parent->node.cell_count
        && node_child(&parent->node, parent->slot + 1, &next) == SQLITE_OK)
        pager_touch(cur->bt->pager, next);
}

// The walk climbed over the root. The root's pin is kept for the next seek.
static int finish_at_end(Cursor *cur)
{
    ASSERT(cur->depth == 0);
    ASSERT(cur->fast.state != CURSOR_FAULT);
    ASSERT(cur->pinned <= TREE_DEPTH_MAX);
    cur->fast.state = CURSOR_INVALID;
    return SQLITE_DONE;
}

// What to do before a step: *stay when a skip already made it, SQLITE_DONE when
// there is no place to go from.
static int prepare_step(Cursor *cur, int direction, bool *stay)
{
    ASSERT(direction == 1 || direction == -1);
    cursor_let_go_lent(cur);
    cur->fast.has_cell = false;
    cur->chain_count = 0;
    *stay = false;
    if (LIKELY(cur->fast.state == CURSOR_VALID))
        return SQLITE_OK;
    TRY(cursor_ensure(cur));
    if (cur->fast.state == CURSOR_INVALID)
        return SQLITE_DONE;
    if (cur->fast.state == CURSOR_SKIP) {
        *stay = (cur->fast.skip > 0) == (direction > 0);
        cur->fast.state = CURSOR_VALID;
    }
    ASSERT(cur->fast.state == CURSOR_VALID);
    return SQLITE_OK;
}

// From an entry of an interior index page the next one is the leftmost below its right neighbour.
// From a leaf's end one climbs: in an index tree the first divider to the right is the next entry,
// in a table tree it only leads on (B3).
int cursor_next_slow(Cursor *cur)
{
    bool stay;
    TRY(prepare_step(cur, 1, &stay));
    if (stay)
        return SQLITE_OK;
    Level *level = cur->fast.level;
    ASSERT(level->slot < level->node.cell_count);
    ASSERT(cur->pinned > cur->depth);

    level->slot++;
    if (!node_is_leaf(&level->node)) {
        int rc = cursor_to_leftmost(cur);
        if (rc != SQLITE_OK)
            cur->fast.state = CURSOR_INVALID;
        return rc;
    }
    if (level->slot < level->node.cell_count)
        return SQLITE_OK;
    do {
        if (cur->depth == 0)
            return finish_at_end(cur);
        cursor_set_depth(cur, cur->depth - 1u);
        level = cur->fast.level;
    } while (level->slot >= level->node.cell_count);
    if (!cur->is_table)
        return SQLITE_OK; // the divider between the child just left and the next
    level->slot++;
    int rc = cursor_to_leftmost(cur);
    if (rc != SQLITE_OK)
        cur->fast.state = CURSOR_INVALID;
    else
        ask_ahead(cur);
    return rc;
}

// The mirror image of cursor_next_slow(): the entry before one of an interior page is the
// rightmost below its own child.
int cursor_previous_slow(Cursor *cur)
{
    bool stay;
    TRY(prepare_step(cur, -1, &stay));
    if (stay)
        return SQLITE_OK;
    Level *level = cur->fast.level;
    ASSERT(level->slot < level->node.cell_count);
    ASSERT(cur->pinned > cur->depth);

    if (node_is_leaf(&level->node)) {
        if (level->slot > 0) {
            level->slot--;
            return SQLITE_OK;
        }
        do {
            if (cur->depth == 0)
                return finish_at_end(cur);
            cursor_set_depth(cur, cur->depth - 1u);
            level = cur->fast.level;
        } while (level->slot == 0);
        level->slot--;
        if (!cur->is_table)
            return SQLITE_OK;
    }
    int rc = cursor_to_rightmost(cur);
    if (rc != SQLITE_OK)
        cur->fast.state = CURSOR_INVALID;
    return rc;
}

// --- the entry stood on ---

// The inline readers have no way to fail, so a damaged cell reads as one byte that is nowhere:
// whoever wants it must call cursor_payload_read(), and that tells.
static COLD void mark_cell_damaged(Cursor *cur)
{
    const Node *node = &cur->fast.level->node;
    (void)corrupt_page(node->page->pgno, "damaged cell"); // for the log; reading it gives the error
    cur->fast.cell_damaged = true;
    cur->fast.cell = (Cell){.payload = node->data, .payload_size = 1};
    ASSERT(cur->fast.has_cell);
    ASSERT(node->page != NULL);
}

// Called once per row by a scan, so the common row is parsed here and not by the general routine.
void cursor_parse_cell(Cursor *cur)
{
    const Level *level = cur->fast.level;
    const Node *node = &level->node;
    ASSERT(cur->fast.state == CURSOR_VALID || cur->fast.state == CURSOR_SKIP);
    ASSERT(level->slot < node->cell_count);
    ASSERT(cur->pinned > cur->depth);

    cur->fast.has_cell = true;
    cur->fast.cell_damaged = false;
    u32 at = get_u16(node->slots + 2 * level->slot);
    u32 usable = node->geometry->usable;
    Cell *cell = &cur->fast.cell;
    // A pointer into the header or the pointers themselves is damage, but readable damage: stock
    // SQLite reads the rows it finds there, and only whoever changes the page refuses (node_cell).
    if (UNLIKELY(at > usable - CELL_SIZE_MIN)) {
        // One behind the page counts from its beginning again.
        at &= cur->bt->geometry.page_size - 1;
        if (at > usable - CELL_SIZE_MIN) {
            mark_cell_damaged(cur);
            return;
        }
    }
    const u8 *p = node->data + at;
    if (LIKELY(node->kind == TABLE_LEAF && (p[0] < 0x80 || p[1] < 0x80))) {
        // The row of a table with a size of one or two bytes, by far the most frequent cell.
        u32 head = p[0] < 0x80 ? 1 : 2;
        u32 size = head == 1 ? p[0] : (u32)(p[0] & 0x7f) << 7 | p[1];
        head += rowid_get(p + head, &cell->rowid);
        if (LIKELY(size <= node->geometry->table_max_local)) {
            cell->payload = p + head;
            cell->payload_size = size;
            cell->local_size = size;
            cell->size = head + size < CELL_SIZE_MIN ? CELL_SIZE_MIN : head + size;
            if (UNLIKELY(at + cell->size > usable))
                mark_cell_damaged(cur);
            return;
        }
    }
    cell_parse(node->geometry, node->kind, p, cell);
    if (at + cell->size > usable)
        mark_cell_damaged(cur);
}

// Only meaningful for files, as the SQL function is; pages of a log have this offset once they are
// checkpointed.
i64 cursor_offset(Cursor *cur)
{
    const Cell *cell = cursor_cell(cur);
    const Node *node = &cur->fast.level->node;
    ASSERT(cell->payload != NULL);
    ASSERT(node->page->pgno > 0);
    return (i64)(node->page->pgno - 1) * cur->bt->geometry.page_size + (cell->payload - node->data);
}

// Leaves say how many cells they have: no entry is looked at. Interior index entries count one for
// each step between children.
int cursor_count(Cursor *cur, i64 *count)
{
    bool empty;
    i64 total = 0;
    Pgno leaves = 0; // more than pages: the dividers of a damaged tree form a maze
    TRY(cursor_first(cur, &empty));
    ASSERT(cur->fast.state == CURSOR_VALID || empty);
    while (!empty) {
        // One turn per leaf: its entries, then up until there is a child to the right.
        Level *level = cur->fast.level;
        ASSERT(node_is_leaf(&level->node));
        if (leaves++ > pager_page_count(cur->bt->pager))
            return corrupt_page(cur->root, "more leaves in a tree than pages in the file");
        total += level->node.cell_count;
        do {
            if (cur->depth == 0) {
                cur->fast.state = CURSOR_INVALID;
                *count = total;
                return SQLITE_OK;
            }
            cursor_set_depth(cur, cur->depth - 1u);
            level = cur->fast.level;
        } while (level->slot >= level->node.cell_count);
        total += cur->is_table ? 0 : 1;
        level->slot++;
        TRY(cursor_to_leftmost(cur));
    }
    *count = 0;
    return SQLITE_OK;
}

// Assumes that all pages on a level are as full as those of the path.
i64 cursor_row_estimate(Cursor *cur)
{
    i64 estimate = 1;
    if (cur->fast.state != CURSOR_VALID || !node_is_leaf(&cur->fast.level->node))
        return -1;
    ASSERT(cur->pinned > cur->depth);
    for (u32 i = 0; i <= cur->depth; i++) {
        const Node *node = &cur->path[i].node;
        estimate *= node->cell_count + (node_is_leaf(node) ? 0 : 1);
    }
    ASSERT(estimate >= 0);
    return estimate;
}

// --- saving and restoring ---

// An index key is its own memory from now on: the page may change or go.
int cursor_save_key(Cursor *cur)
{
    const Cell *cell = cursor_cell(cur);
    ASSERT(cur->fast.state == CURSOR_VALID || cur->fast.state == CURSOR_SKIP);
    ASSERT(cur->is_table || cur->shape != NULL);

    if (cur->fast.cell_damaged)
        return corrupt_page(cur->fast.level->node.page->pgno, "damaged cell");
    if (cur->is_table) {
        cur->saved_rowid = cell->rowid;
        return SQLITE_OK;
    }
    // Room after the end, so that a varint of a damaged record may be read
    // without a check.
    u8 *key = mem_realloc(cur->saved_key, (u64)cell->payload_size + PAGE_SLACK);
    if (key == NULL)
        return SQLITE_NOMEM;
    cur->saved_key = key;
    cur->saved_size = cell->payload_size;
    memset(key + cell->payload_size, 0, PAGE_SLACK);
    return payload_read(cur->bt, cell, 0, cell->payload_size, key);
}

// A cursor beside a hole (CURSOR_SKIP) remembers the neighbour it stands on and which step it
// owes.
int cursor_save(Cursor *cur)
{
    ASSERT(cur->bt != NULL);
    if (cur->fast.state != CURSOR_VALID && cur->fast.state != CURSOR_SKIP) {
        hold_lent(cur);
        cursor_release(cur);
        return SQLITE_OK;
    }
    if (cur->fast.state == CURSOR_VALID)
        cur->fast.skip = 0;
    TRY(cursor_save_key(cur));
    hold_lent(cur);
    cur->fast.state = CURSOR_SAVED;
    cursor_release(cur);
    ASSERT(cur->fast.state == CURSOR_SAVED);
    return SQLITE_OK;
}

int cursors_save(Btree *bt, Pgno root, const Cursor *except)
{
    ASSERT(bt != NULL);
    ASSERT(except == NULL || except->bt == bt);
    cursors_give_up_left(bt, root);
    for (Cursor *cur = bt->cursors; cur != NULL; cur = cur->next) {
        ASSERT(cur->bt == bt);
        if (cur != except && (root == 0 || cur->root == root) && cur->pinned > 0)
            TRY(cursor_save(cur));
    }
    return SQLITE_OK;
}

static bool expires(const Cursor *cur, Pgno root)
{
    return cur->root == root && cur->caches_chain && cur->fast.state == CURSOR_SAVED;
}

void cursors_expire(Btree *bt, Pgno root, RowId rowid)
{
    ASSERT(bt != NULL);
    ASSERT(root > 0);
    for (Cursor *cur = bt->cursors; cur != NULL; cur = cur->next) {
        if (expires(cur, root) && cur->saved_rowid == rowid)
            cursor_trip(cur, SQLITE_ABORT);
    }
}

// The root is what the schema says, which may be damaged: nobody stands on a tree that is none.
void cursors_expire_all(Btree *bt, Pgno root)
{
    ASSERT(bt != NULL);
    for (Cursor *cur = bt->cursors; cur != NULL; cur = cur->next) {
        if (expires(cur, root))
            cursor_trip(cur, SQLITE_ABORT);
    }
}

// If the key is gone, the seek lands on a neighbour, and the step to it is already made: `skip`
// says in which direction.
int cursor_ensure(Cursor *cur)
{
    if (cur->fast.state == CURSOR_FAULT)
        return cur->fault_rc;
    if (cur->fast.state != CURSOR_SAVED)
        return SQLITE_OK;
    ASSERT(cur->pinned == 0);

    TRY(reserve_hold(cur));
    i8 skip = cur->fast.skip;
    int order;
    // Seeking to where it was is not going elsewhere: what is held stays so.
    PageBuffer *held = cur->held;
    u32 more_count = cur->more_count;
    cur->held = NULL;
    cur->more_count = 0;
    int rc = cur->is_table ? cursor_seek_rowid(cur, cur->saved_rowid, false, &order)
                           : cursor_seek_record(cur, cur->saved_key, cur->saved_size, &order);
    cur->held = held;
    cur->more_count = more_count;
    if (rc != SQLITE_OK) {
        cur->fast.state = CURSOR_SAVED; // still remembered: a later try may succeed
        cursor_unpin_from(cur, 0);
        cursor_set_depth(cur, 0);
        return rc;
    }
    if (cur->fast.state == CURSOR_INVALID)
        return SQLITE_OK; // the tree is empty now
    if (order != 0)
        skip = order < 0 ? -1 : 1;
    cur->fast.skip = skip;
    if (skip != 0)
        cur->fast.state = CURSOR_SKIP;
    ASSERT(cur->fast.state == CURSOR_VALID || cur->fast.state == CURSOR_SKIP);
    return SQLITE_OK;
}

int cursor_restore(Cursor *cur, bool *different_row)
{
    ASSERT(cur->bt != NULL);
    ASSERT(different_row != NULL);
    TRY(cursor_ensure(cur));
    ASSERT(cur->fast.state != CURSOR_SAVED);
    *different_row = cur->fast.state != CURSOR_VALID;
    return SQLITE_OK;
}
