// Restores B4 after a change: no page overfull, none but the root more than two
// thirds empty.
//
// From the changed page upward, each turn takes a page with up to two siblings
// (a family), decides where their cells shall go (balance_plan), and writes
// them anew; the dividers in the parent come or go with it, so the parent is
// next. Two special cases: a cell behind all others of a full rightmost leaf
// gets a new leaf to itself (keys that arrive in order leave full pages behind
// them), and the root, which has no siblings, grows a level by handing its
// content to one child, or loses one by taking the content of its only child.
//
// Dividers: a table leaf's divider is made from the greatest rowid to its left.
// On all other pages one cell of the family goes up, and the old dividers come
// down among the cells. In an interior page, the child pointer of a cell that
// comes down is the right child of the page before it; that of a cell that goes
// up becomes the right child of the page it leaves.
//
// Once the first page of a family has changed, a failure leaves the private
// pages inconsistent (B8). Memory and pages are got before that.
#include "btree/btree_internal.h"

// Memory for taking pages apart, made once per Btree. Cells are referred to,
// not copied, from `copies` and `taken` into the pages; `dividers` alternate:
// one holds what waits for the level at work, the other what that level sends
// up.
typedef struct Workspace {
    u8 *copies[FAMILY_MAX];
    u8 *taken; // the family's old dividers
    u8 *dividers[2];
    u8 *cell; // see balance_cell_buffer()
    u8 turn;  // index of the `dividers` to fill next
    CellRef *cells;
    u32 cells_max;
} Workspace;

typedef struct Family {
    Cursor *cur;
    Btree *bt;
    Workspace *work;
    Level *parent;
    u32 first;     // the parent's slot of the first sibling
    u32 old_count; // siblings before
    u32 new_count; // and after
    u32 pinned;    // nodes[0 .. pinned-1] hold pins
    Node nodes[PLAN_PAGES_MAX];
    NodeKind kind;
    Pgno right_child; // of the last sibling, if interior
    u32 cell_count;
    BalancePlan plan;
} Family;

// --- workspace ---

// Of three pages with the smallest cells, their dividers, and the waiting ones.
static u32 cells_max(const Geometry *geometry)
{
    ASSERT(geometry->usable >= USABLE_MIN);
    ASSERT(geometry->usable <= PAGE_SIZE_MAX);
    return FAMILY_MAX * ((geometry->usable - 8) / 6) + FAMILY_MAX + PENDING_MAX;
}

// One block: three page copies, old dividers, two rows of new ones, one cell, and the list of
// cells. Ephemeral trees that never balance never pay for it.
static int workspace_ensure(Btree *bt)
{
    u64 page = (u64)bt->geometry.page_size + 64;
    u64 buffers = (FAMILY_MAX + 4) * page;
    u32 max = cells_max(&bt->geometry);
    ASSERT(page > PAGE_SIZE_MIN);

    if (bt->workspace != NULL)
        return SQLITE_OK;
    u8 *block = mem_alloc(sizeof(Workspace) + max * sizeof(CellRef) + buffers);
    if (block == NULL)
        return SQLITE_NOMEM;
    Workspace *work = (Workspace *)(void *)block;
    work->cells = (CellRef *)(void *)(block + sizeof *work);
    work->cells_max = max;
    u8 *at = block + sizeof *work + max * sizeof(CellRef);
    for (u32 i = 0; i < FAMILY_MAX + 4; i++)
        memset(at + i * page + bt->geometry.page_size, 0, 64); // readable beyond a cell's end
    for (u32 i = 0; i < FAMILY_MAX; i++)
        work->copies[i] = at + i * page;
    work->taken = at + FAMILY_MAX * page;
    work->dividers[0] = at + (FAMILY_MAX + 1) * page;
    work->dividers[1] = at + (FAMILY_MAX + 2) * page;
    work->cell = at + (FAMILY_MAX + 3) * page;
    work->turn = 0;
    bt->workspace = block;
    ASSERT(work->cells != NULL);
    return SQLITE_OK;
}

// When the page size changes, or the Btree goes.
void balance_free_workspace(Btree *bt)
{
    ASSERT(bt != NULL);
    ASSERT(bt->writer == NULL);
    mem_free(bt->workspace);
    bt->workspace = NULL;
}

int balance_cell_buffer(Btree *bt, u8 **out)
{
    TRY(workspace_ensure(bt));
    const Workspace *work = (const Workspace *)(void *)bt->workspace;
    ASSERT(work->cell != NULL);
    ASSERT(out != NULL);
    *out = work->cell;
    return SQLITE_OK;
}

// --- small helpers ---

// Pages are copied when they are first changed; then the node must look at the copy (B9).
int node_own(Btree *bt, Node *node)
{
    ASSERT(node->page != NULL);
    ASSERT(bt->txn == SQLITE_TXN_WRITE);

    if (node->page == bt->page1)
        TRY(header_own(bt));
    else
        TRY(pager_make_writable(bt->pager, &node->page));
    if (node->data != node->page->data)
        node_rebase(node, node->page);
    return SQLITE_OK;
}

// SQLite's own limit: more than two thirds free.
bool node_is_sparse(const Node *node)
{
    ASSERT(node->free_size != FREE_UNKNOWN);
    ASSERT(node->geometry->usable >= USABLE_MIN);
    return node->free_size * 3 > node->geometry->usable * 2;
}

// The pointer at `slot`: a cell's left child, or the page's right child behind the last cell.
static int set_child(Node *node, u32 slot, Pgno child)
{
    ASSERT(!node_is_leaf(node));
    ASSERT(slot <= node->cell_count);

    if (slot == node->cell_count) {
        node_set_right_child(node, child);
        return SQLITE_OK;
    }
    u8 *cell = node_cell(node, slot);
    if (cell == NULL)
        return corrupt_page(node->page->pgno, "cell pointer outside the page");
    put_u32(cell, child);
    return SQLITE_OK;
}

// Inserts a divider, or lets it wait when there is no room, or others wait
// already.
static int insert_or_wait(Node *node, u32 slot, CellRef cell, Pending *up)
{
    ASSERT(up->count < PENDING_MAX);
    ASSERT(node->free_size != FREE_UNKNOWN);

    if (up->count == 0 && node->free_size >= cell.size + 2)
        return node_insert_cell(node, slot, cell.bytes, cell.size);
    up->slot[up->count] = slot;
    up->cell[up->count] = cell;
    up->count++;
    return SQLITE_OK;
}

// --- taking a family apart ---

// Refers to the cells of a page's copy, with those that wait in their places.
static int collect_cells(Family *f, const Node *copy, const Pending *pending)
{
    u32 waiting = 0;
    u32 total = copy->cell_count + pending->count;
    u32 usable = f->bt->geometry.usable;
    ASSERT(pending->count <= PENDING_MAX);
    ASSERT(f->cell_count + total <= f->work->cells_max);

    CellRef *out = f->work->cells + f->cell_count;
    for (u32 i = 0; i < total; i++) {
        if (waiting < pending->count && pending->slot[waiting] == i) {
            *out++ = pending->cell[waiting++];
            continue;
        }
        u32 slot = i - waiting;
        u32 at = slot < copy->cell_count ? get_u16(copy->slots + 2 * slot) : usable;
        if (at > usable - CELL_SIZE_MIN)
            return corrupt_page(f->parent->node.page->pgno, "cell pointer outside a child page");
        const u8 *cell = copy->data + at;
        u32 size = cell_size(&f->bt->geometry, copy->kind, cell);
        if (at + size > usable)
            return corrupt_page(f->parent->node.page->pgno, "cell runs over a child page's end");
        *out++ = (CellRef){cell, size};
    }
    f->cell_count += total;
    return SQLITE_OK;
}

// Brings the divider behind sibling `index` down among the cells.
// `right_child`: of that sibling.
static int collect_divider(Family *f, u32 index, Pgno right_child, u8 *out)
{
    const Node *parent = &f->parent->node;
    Cell cell;
    ASSERT(index + 1 < f->old_count);
    ASSERT(f->cell_count < f->work->cells_max);

    if (f->kind == TABLE_LEAF)
        return SQLITE_OK;
    TRY(node_parse_cell(parent, f->first + index, &cell));
    memcpy(out, node_cell(parent, f->first + index), cell.size);
    CellRef *ref = &f->work->cells[f->cell_count++];
    if (f->kind == INDEX_LEAF) { // a leaf's cell has no child, but must be four bytes
        u32 size = cell.size - 4 < CELL_SIZE_MIN ? CELL_SIZE_MIN : cell.size - 4;
        *ref = (CellRef){out + 4, size};
        return SQLITE_OK;
    }
    put_u32(out, right_child);
    *ref = (CellRef){out, cell.size};
    return SQLITE_OK;
}

// Which children of the parent take part: the one that needs it, and a
// neighbour on each side.
static void choose_siblings(Family *f)
{
    u32 children = f->parent->node.cell_count + 1u;
    u32 middle = f->parent->slot;
    ASSERT(middle < children);
    ASSERT(!node_is_leaf(&f->parent->node));

    f->old_count = children < FAMILY_MAX ? children : FAMILY_MAX;
    if (middle == 0 || children <= FAMILY_MAX)
        f->first = 0;
    else if (middle == children - 1)
        f->first = children - FAMILY_MAX;
    else
        f->first = middle - 1;
}

// Pins one sibling, makes it writable, and refers to its cells from a copy.
static int take_apart(Family *f, u32 index, const Pending *pending)
{
    static const Pending none = {0};
    Btree *bt = f->bt;
    Page *page;
    Pgno pgno;
    ASSERT(index == f->pinned);
    ASSERT(index < FAMILY_MAX);

    Node *node = &f->nodes[index];
    TRY(node_child(&f->parent->node, f->first + index, &pgno));
    TRY(pager_get(bt->pager, pgno, &page));
    node->page = page;
    f->pinned++;
    TRY(node_parse(node, &bt->geometry, page, f->cur->is_table));
    if (node->kind != f->kind || pgno == 1)
        return corrupt_page(pgno, "siblings of different kinds");
    for (u32 i = 0; i < index; i++) {
        if (f->nodes[i].page->pgno == pgno)
            return corrupt_page(pgno, "one page, two parents");
    }
    TRY(node_own(bt, node));
    Node copy = *node;
    memcpy(f->work->copies[index], node->data, bt->geometry.page_size);
    copy.data = f->work->copies[index];
    copy.slots = copy.data + (node->slots - node->data);
    bool is_changed = f->first + index == f->parent->slot;
    TRY(collect_cells(f, &copy, is_changed ? pending : &none));
    f->right_child = node_is_leaf(&copy) ? 0 : node_right_child(&copy);
    if (index + 1 < f->old_count)
        return collect_divider(f, index, f->right_child,
                               f->work->taken + index * (bt->geometry.page_size / 2));
    return SQLITE_OK;
}

// --- writing it anew ---

// Gets the pages that are missing, and sorts all by number, so that a scan
// reads the file forward.
static int provide_pages(Family *f)
{
    Btree *bt = f->bt;
    ASSERT(f->pinned == f->old_count);
    ASSERT(f->new_count >= 1 && f->new_count <= PLAN_PAGES_MAX);

    while (f->pinned < f->new_count) {
        Node *node = &f->nodes[f->pinned];
        Page *page;
        TRY(page_allocate(bt, f->nodes[f->pinned - 1].page->pgno, ALLOC_ANY, &page));
        node->page = page;
        f->pinned++;
        node_init_empty(node, &bt->geometry, page, f->kind);
    }
    for (u32 i = 1; i < f->pinned; i++) {
        Node node = f->nodes[i];
        u32 at = i;
        for (; at > 0 && f->nodes[at - 1].page->pgno > node.page->pgno; at--)
            f->nodes[at] = f->nodes[at - 1];
        f->nodes[at] = node;
    }
    return SQLITE_OK;
}

// The only step that destroys: everything it needs lies in copies by now.
static void write_pages(Family *f)
{
    ASSERT(f->pinned >= f->new_count);
    ASSERT(f->plan.page_count == f->new_count);
    ASSERT(f->work->cells != NULL);

    for (u32 i = 0; i < f->new_count; i++) {
        Node *node = &f->nodes[i];
        u32 first = f->plan.first[i];
        u32 end = f->plan.end[i];
        node_rebuild(node, f->kind, f->work->cells + first, end - first);
        if (node_is_leaf(node))
            continue;
        bool is_last = i + 1 == f->new_count;
        node_set_right_child(node, is_last ? f->right_child : get_u32(f->work->cells[end].bytes));
    }
}

// Writes the divider that goes up behind page `index` and returns its size.
static u32 make_divider(const Family *f, u32 index, u8 *out)
{
    const Geometry *geometry = &f->bt->geometry;
    u32 end = f->plan.end[index];
    ASSERT(index + 1 < f->new_count);
    ASSERT(end > f->plan.first[index]);

    put_u32(out, f->nodes[index].page->pgno);
    if (f->kind == TABLE_LEAF) {
        Cell last;
        cell_parse(geometry, TABLE_LEAF, f->work->cells[end - 1].bytes, &last);
        return 4 + varint_put(out + 4, (u64)last.rowid);
    }
    CellRef cell = f->work->cells[end];
    if (f->kind == INDEX_LEAF) {
        memcpy(out + 4, cell.bytes, cell.size);
        return cell_size(geometry, INDEX_INTERIOR,
                         out); // a leaf's padding stays behind
    }
    memcpy(out + 4, cell.bytes + 4, cell.size - 4);
    return cell.size;
}

// Exchanges the old dividers in the parent for the new ones. Those without room
// go to *up.
static int replace_dividers(Family *f, Pending *up)
{
    Node *parent = &f->parent->node;
    u8 *out = f->work->dividers[f->work->turn];
    ASSERT(up->count == 0);
    ASSERT(f->old_count >= 1);

    f->work->turn ^= 1;
    TRY(set_child(parent, f->first + f->old_count - 1, f->nodes[f->new_count - 1].page->pgno));
    for (u32 i = 0; i + 1 < f->old_count; i++) {
        Cell cell;
        TRY(node_parse_cell(parent, f->first, &cell));
        TRY(node_remove_cell(parent, f->first, cell.size));
    }
    for (u32 i = 0; i + 1 < f->new_count; i++) {
        u32 size = make_divider(f, i, out);
        TRY(insert_or_wait(parent, f->first + i, (CellRef){out, size}, up));
        out += size;
    }
    return SQLITE_OK;
}

// Enters everything that moved into the pointer map.
static int adopt_family(Family *f, const Pending *up)
{
    ASSERT(f->new_count >= 1);
    ASSERT(f->parent->node.page->is_private);
    if (f->bt->auto_vacuum == 0)
        return SQLITE_OK;
    Pgno parent = f->parent->node.page->pgno;
    for (u32 i = 0; i < f->new_count; i++) {
        TRY(ptrmap_put(f->bt, f->nodes[i].page->pgno, PTRMAP_TREE, parent));
        TRY(ptrmap_adopt(f->bt, &f->nodes[i]));
    }
    // Dividers that wait are adopted by the page they get.
    const Node *node = &f->parent->node;
    u32 end = f->first + f->new_count - 1;
    if (up->count > 0)
        end = up->slot[0];
    for (u32 slot = f->first; slot < end; slot++) {
        Cell cell;
        TRY(node_parse_cell(node, slot, &cell));
        if (cell_has_overflow(&cell))
            TRY(ptrmap_put(f->bt, cell_overflow(&cell), PTRMAP_OVERFLOW1, parent));
    }
    return SQLITE_OK;
}

// The root has one child left: takes its content over, if there is room (page 1
// has less than others).
static int shrink_root(Family *f, bool *taken)
{
    Node *root = &f->parent->node;
    Node *child = &f->nodes[0];
    ASSERT(root->cell_count == 0);
    ASSERT(f->new_count == 1);

    u32 used = node_capacity(child->geometry, node_is_leaf(child), 0) - child->free_size;
    *taken = used <= node_capacity(root->geometry, node_is_leaf(child), root->header_at);
    if (!*taken)
        return SQLITE_OK;
    COVER("balance: root loses a level");
    node_rebuild(root, f->kind, f->work->cells, f->cell_count);
    if (!node_is_leaf(root))
        node_set_right_child(root, f->right_child);
    return ptrmap_adopt(f->bt, root);
}

// Gives the pages nobody needs any more back.
static int free_spare_pages(Family *f, u32 needed)
{
    ASSERT(needed <= f->pinned);
    while (f->pinned > needed) {
        f->pinned--;
        Page *page = f->nodes[f->pinned].page;
        Pgno pgno = page->pgno;
        page_unpin(f->bt->pager, page);
        ASSERT(pgno > 1);
        TRY(page_free(f->bt, pgno));
    }
    return SQLITE_OK;
}

// Gather, plan, provide, write, tell the parent. See the top of this file for what holds if a step
// fails.
static int rebuild_family(Family *f, const Pending *pending, Pending *up)
{
    Btree *bt = f->bt;
    bool is_leaf = (f->kind & NODE_LEAF_BIT) != 0;
    ASSERT(f->pinned == 0);
    ASSERT(up->count == 0);

    TRY(node_own(bt, &f->parent->node));
    TRY(node_measure(&f->parent->node));
    for (u32 i = 0; i < f->old_count; i++)
        TRY(take_apart(f, i, pending));
    bool at_end = pending->count == 1 && f->parent->slot == f->first + f->old_count - 1
                  && pending->cell[0].bytes == f->work->cells[f->cell_count - 1].bytes;
    PlanInput input = {.cells = f->work->cells,
                       .count = f->cell_count,
                       .capacity = node_capacity(&bt->geometry, is_leaf, 0),
                       .has_dividers = f->kind != TABLE_LEAF,
                       .is_growing = pending->count > 0,
                       .keep_left = at_end && f->first + f->old_count > f->parent->node.cell_count};
    if (!balance_plan(&input, &f->plan))
        return corrupt_page(f->parent->node.page->pgno, "cells of children do not fit pages");
    f->new_count = f->plan.page_count;
    TRY(provide_pages(f));
    write_pages(f);
    TRY(replace_dividers(f, up));
    bool child_taken = false;
    if (f->cur->depth == 0 && f->parent->node.cell_count == 0 && up->count == 0)
        TRY(shrink_root(f, &child_taken));
    if (child_taken)
        return free_spare_pages(f, 0);
    TRY(adopt_family(f, up));
    return free_spare_pages(f, f->new_count);
}

// Balances the page stood on with its siblings, and steps up to the parent.
// *pending becomes the parent's.
static int balance_family(Cursor *cur, Pending *pending)
{
    u32 depth = cur->depth;
    NodeKind kind = cur->path[depth].node.kind;
    ASSERT(depth > 0);
    ASSERT(cur->pinned > depth);

    cursor_unpin_from(cur, depth);
    cursor_set_depth(cur, depth - 1);
    Family f = {.cur = cur, .bt = cur->bt, .parent = cur->fast.level, .kind = kind};
    f.work = (Workspace *)(void *)cur->bt->workspace;
    choose_siblings(&f);
    Pending up = {.count = 0};
    int rc = rebuild_family(&f, pending, &up);
    while (f.pinned > 0)
        page_unpin(cur->bt->pager, f.nodes[--f.pinned].page);
    *pending = up;
    return rc;
}

// --- the special cases ---

// A cell behind the last one of the parent's rightmost leaf, which is full: what page 1 has handed
// to a child is not, for 100 bytes of page 1 are the file's header.
static bool can_append(const Cursor *cur, const Pending *pending)
{
    const Level *level = cur->fast.level;
    const Level *parent = level - 1;
    ASSERT(cur->depth > 0);
    ASSERT(pending->count <= PENDING_MAX);
    ASSERT(level->node.free_size != FREE_UNKNOWN);
    return pending->count == 1 && node_is_leaf(&level->node)
           && level->node.free_size < pending->cell[0].size + 2
           && pending->slot[0] == level->node.cell_count && level->node.cell_count > 1
           && parent->slot == parent->node.cell_count;
}

// The divider between the full leaf and the new one. An index leaf gives its
// last cell away for it.
static int make_append_divider(Cursor *cur, Node *leaf, u8 *out, u32 *size)
{
    const Geometry *geometry = &cur->bt->geometry;
    u32 last = leaf->cell_count - 1u;
    Cell cell;
    ASSERT(leaf->cell_count > 1);
    ASSERT(leaf->page->is_private || cur->is_table);

    TRY(node_parse_cell(leaf, last, &cell));
    put_u32(out, leaf->page->pgno);
    if (cur->is_table) {
        *size = 4 + varint_put(out + 4, (u64)cell.rowid);
        return SQLITE_OK;
    }
    memcpy(out + 4, node_cell(leaf, last), cell.size);
    *size = cell_size(geometry, INDEX_INTERIOR, out);
    return node_remove_cell(leaf, last, cell.size);
}

// Puts the waiting cell on a new leaf of its own. *kept_place: the path now
// leads to it; otherwise the parent has no room for the divider, and *pending
// is the parent's.
static int append_leaf(Cursor *cur, Pending *pending, bool *kept_place)
{
    Btree *bt = cur->bt;
    Level *level = cur->fast.level;
    Level *parent = level - 1;
    Workspace *work = (Workspace *)(void *)bt->workspace;
    u8 *divider = work->dividers[work->turn];
    u32 size;
    Page *page;
    ASSERT(node_is_leaf(&level->node));
    ASSERT(pending->count == 1);

    TRY(node_own(bt, &parent->node));
    TRY(node_measure(&parent->node));
    TRY(page_allocate(bt, level->node.page->pgno + 1, ALLOC_ANY, &page));
    Node fresh;
    node_init_empty(&fresh, &bt->geometry, page, level->node.kind);
    node_rebuild(&fresh, level->node.kind, pending->cell, 1);
    work->turn ^= 1;
    Pending up = {.count = 0};
    int rc;
    TRY_DONE(make_append_divider(cur, &level->node, divider, &size));
    node_set_right_child(&parent->node, page->pgno);
    TRY_DONE(insert_or_wait(&parent->node, parent->node.cell_count, (CellRef){divider, size}, &up));
    TRY_DONE(ptrmap_put(bt, page->pgno, PTRMAP_TREE, parent->node.page->pgno));
    TRY_DONE(ptrmap_adopt(bt, &fresh));
    if (up.count == 0) {
        Cell cell;
        cell_parse(&bt->geometry, parent->node.kind, divider, &cell);
        if (cell_has_overflow(&cell))
            TRY_DONE(
                ptrmap_put(bt, cell_overflow(&cell), PTRMAP_OVERFLOW1, parent->node.page->pgno));
        cursor_unpin_from(cur, cur->depth);
        level->node = fresh;
        level->slot = 0;
        cur->pinned = (u8)(cur->depth + 1);
        parent->slot = parent->node.cell_count;
        *kept_place = true;
        return SQLITE_OK;
    }
    cursor_unpin_from(cur, cur->depth);
    cursor_set_depth(cur, cur->depth - 1u);
    *pending = up;
    rc = SQLITE_OK;
done:
    page_unpin(bt->pager, page);
    return rc;
}

// The root hands its content to one new child: the tree is a level deeper, and
// the child can be balanced.
static int grow_root(Cursor *cur)
{
    Btree *bt = cur->bt;
    Workspace *work = (Workspace *)(void *)bt->workspace;
    Node *root = &cur->path[0].node;
    static const Pending none = {0};
    Page *page;
    ASSERT(cur->depth == 0);
    ASSERT(cur->pinned >= 1);

    TRY(node_own(bt, root));
    cursor_unpin_from(cur, 1);
    TRY(page_allocate(bt, root->page->pgno, ALLOC_ANY, &page));
    Node *child = &cur->path[1].node;
    node_init_empty(child, &bt->geometry, page, root->kind);
    cur->pinned = 2;
    Node copy = *root;
    copy.data = work->copies[0];
    copy.slots = copy.data + (root->slots - root->data);
    memcpy(copy.data, root->data, bt->geometry.page_size);
    Family f = {.cur = cur, .bt = bt, .work = work, .parent = &cur->path[0], .kind = root->kind};
    TRY(collect_cells(&f, &copy, &none));
    u32 used = 0;
    for (u32 i = 0; i < f.cell_count; i++)
        used += work->cells[i].size + 2;
    if (used > child->free_size)
        return corrupt_page(root->page->pgno, "cells larger than the page");
    node_rebuild(child, root->kind, work->cells, f.cell_count);
    if (!node_is_leaf(child))
        node_set_right_child(child, node_right_child(&copy));
    node_init_empty(root, &bt->geometry, root->page,
                    cur->is_table ? TABLE_INTERIOR : INDEX_INTERIOR);
    node_set_right_child(root, page->pgno);
    cur->path[0].slot = 0;
    cursor_set_depth(cur, 1);
    TRY(ptrmap_put(bt, page->pgno, PTRMAP_TREE, root->page->pgno));
    return ptrmap_adopt(bt, child);
}

// A page is left alone when it is neither overfull nor sparse; the first such page ends the climb,
// since nothing changed above it.
int balance_upward(Cursor *cur, Pending *pending, bool *kept_place)
{
    ASSERT(cur->is_writable);
    ASSERT(cur->pinned > cur->depth);

    *kept_place = true; // until something moves
    TRY(workspace_ensure(cur->bt));
    for (;;) {
        Node *node = &cur->fast.level->node;
        if (pending->count == 0) {
            if (cur->depth == 0)
                return SQLITE_OK;
            TRY(node_measure(node));
            if (!node_is_sparse(node))
                return SQLITE_OK;
        }
        *kept_place = false;
        if (cur->depth == 0) {
            TRY(grow_root(cur));
        } else if (can_append(cur, pending)) {
            TRY(append_leaf(cur, pending, kept_place));
            if (*kept_place)
                return SQLITE_OK;
        } else {
            TRY(balance_family(cur, pending));
        }
    }
}
