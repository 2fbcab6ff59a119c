// Walks a whole database and reports what is not sound, in SQLite's words and order.
//
// First the freelist, then each tree, depth first from the right (so that rowids must descend),
// then the pages nobody referred to (B6). Every page is counted in a set the first time something
// refers to it; a second reference is an error and is not followed, so damaged trees cannot send
// the walk in circles.
//
// Nothing is repaired and nothing is believed: only memory and I/O can make the check itself fail.
//
// What is found when:
//
//   freelist   numbers outside the file, pages listed twice, a wrong count
//   page       free blocks out of order, bytes used twice or by nobody (check_coverage)
//   cell       outside the content area, running off the page, rowids out of order, overflow
//              chains of the wrong length
//   tree       children of different depth, a page in two trees
//   map        who the pointer map says refers to a page, against who was found to
//   end        pages that nothing refers to
//
// Order of index keys and their agreement with the table are not seen here: that takes the schema,
// and PRAGMA integrity_check does it with a program of its own.
#include "btree/btree_internal.h"

#include "base/bitset.h"
#include "base/buffer.h"

#include <stdlib.h>

// Where an error is, printed before its text. Fields keep what was last there, as SQLite's do.
typedef enum Where {
    WHERE_NONE,
    WHERE_FREELIST,
    WHERE_PAGE,
    WHERE_CELL,
    WHERE_RIGHT_CHILD,
} Where;

enum { CHECK_DEPTH_MAX = 256 }; // pages above one another: only damaged trees get so deep

// The state of one check. Messages stop at error_max, and with them the walk: a damaged file may
// have as many faults as pages.
typedef struct Check {
    Btree *bt;
    Pgno page_count;
    BitSet *seen;
    Buffer report;
    u32 error_count;
    u32 error_max; // how many more will be reported
    int rc;        // memory ran out
    Where where;
    Pgno root, page;
    u32 slot;
    i64 rows;
    u32 *spans; // bytes in use on the page under review: start << 16 | last
    u32 span_capacity;
} Check;

// The words are SQLite's to the letter: programs look for them.
static void PRINTF_LIKE(2, 3) report(Check *c, const char *fmt, ...)
{
    ASSERT(fmt != NULL);
    ASSERT(c->where <= WHERE_RIGHT_CHILD);
    if (c->error_max == 0)
        return;
    c->error_max--;
    c->error_count++;
    if (c->report.size > 0)
        buffer_add_char(&c->report, '\n');
    if (c->where == WHERE_FREELIST)
        buffer_add_text(&c->report, "Freelist: ");
    else if (c->where == WHERE_PAGE)
        buffer_printf(&c->report, "Tree %u page %u: ", c->root, c->page);
    else if (c->where == WHERE_CELL)
        buffer_printf(&c->report, "Tree %u page %u cell %u: ", c->root, c->page, c->slot);
    else if (c->where == WHERE_RIGHT_CHILD)
        buffer_printf(&c->report, "Tree %u page %u right child: ", c->root, c->page);
    va_list args;
    va_start(args, fmt);
    buffer_vprintf(&c->report, fmt, args);
    va_end(args);
}

// Counts a reference. True if it must not be followed.
static bool refers_badly(Check *c, Pgno pgno)
{
    ASSERT(c->seen != NULL || c->page_count == 0);
    ASSERT(c->bt != NULL);
    if (pgno == 0 || pgno > c->page_count) {
        report(c, "invalid page number %u", pgno);
        return true;
    }
    if (bitset_has(c->seen, pgno)) {
        report(c, "2nd reference to page %u", pgno);
        return true;
    }
    int rc = bitset_add(c->seen, pgno);
    if (rc != SQLITE_OK)
        c->rc = rc;
    return rc != SQLITE_OK;
}

// What the pointer map says of a page against who was found to refer to it.
static void check_map(Check *c, Pgno child, u8 type, Pgno parent)
{
    u8 got_type;
    Pgno got_parent;
    ASSERT(type >= PTRMAP_ROOT && type <= PTRMAP_TREE);
    ASSERT(c->where != WHERE_PAGE);
    if (c->bt->auto_vacuum == 0)
        return;
    int rc = ptrmap_get(c->bt, child, &got_type, &got_parent);
    if (rc != SQLITE_OK) {
        if (rc == SQLITE_NOMEM)
            c->rc = rc;
        report(c, "Failed to read ptrmap key=%u", child);
        return;
    }
    if (got_type != type || got_parent != parent)
        report(c, "Bad ptr map entry key=%u expected=(%u,%u) got=(%u,%u)", child, type, parent,
               got_type, got_parent);
}

// --- chains ---

// The leaves of a freelist trunk. Returns how many pages it accounts for beside itself.
static u32 check_trunk(Check *c, const Page *trunk)
{
    u32 count = get_u32(trunk->data + 4);
    ASSERT(c->where == WHERE_FREELIST);
    ASSERT(trunk->pgno > 0);
    check_map(c, trunk->pgno, PTRMAP_FREE, 0);
    if (count > c->bt->geometry.usable / 4 - 2) {
        report(c, "freelist leaf count too big on page %u", trunk->pgno);
        return 1;
    }
    for (u32 i = 0; i < count; i++) {
        Pgno leaf = get_u32(trunk->data + 8 + 4 * i);
        check_map(c, leaf, PTRMAP_FREE, 0);
        (void)refers_badly(c, leaf);
    }
    return count;
}

// Follows the freelist's trunks or an overflow chain, which should have `expected` pages.
static void check_chain(Check *c, bool is_freelist, Pgno pgno, u32 expected)
{
    i64 left = expected;
    u32 errors_before = c->error_count;
    ASSERT(is_freelist == (c->where == WHERE_FREELIST));
    while (pgno != 0 && c->error_max > 0 && c->rc == SQLITE_OK) {
        Page *page;
        if (refers_badly(c, pgno))
            break;
        left--;
        if (pager_get(c->bt->pager, pgno, &page) != SQLITE_OK) {
            report(c, "failed to get page %u", pgno);
            break;
        }
        Pgno next = get_u32(page->data);
        if (is_freelist)
            left -= check_trunk(c, page);
        else if (left > 0)
            check_map(c, next, PTRMAP_OVERFLOW2, pgno);
        ASSERT(page->pgno == pgno);
        page_unpin(c->bt->pager, page);
        pgno = next;
    }
    if (left != 0 && errors_before == c->error_count)
        report(c, "%s is %u but should be %u", is_freelist ? "size" : "overflow list length",
               (u32)(expected - left), expected);
}

// --- one page's bytes ---

// Spans sort by their first byte, which is in the upper half.
static int compare_spans(const void *a, const void *b)
{
    ASSERT(a != NULL);
    ASSERT(b != NULL);
    u32 left = *(const u32 *)a;
    u32 right = *(const u32 *)b;
    return left < right ? -1 : left > right;
}

// Collects the byte ranges of cells and free blocks, sorted by their beginnings. Returns their
// count. An offset fits 16 bits, so a range fits one number whose order is that of the ranges.
static u32 collect_spans(Check *c, const Node *node)
{
    u32 count = 0;
    ASSERT(c->span_capacity >= node->cell_count);
    ASSERT(node->free_size != FREE_UNKNOWN);
    for (u32 i = 0; i < node->cell_count; i++) {
        u32 at = get_u16(node->slots + 2 * i);
        u32 size = cell_size(node->geometry, node->kind, node->data + at);
        c->spans[count++] = at << 16 | (at + size - 1);
    }
    u32 block = get_u16(node->data + node->header_at + 1);
    while (block != 0 && count < c->span_capacity) { // checked by node_measure(): it ascends
        u32 size = get_u16(node->data + block + 2);
        c->spans[count++] = block << 16 | (block + size - 1);
        block = get_u16(node->data + block);
    }
    qsort(c->spans, count, sizeof *c->spans, compare_spans);
    return count;
}

// No byte is used twice, and what lies between is as the header's count of fragments says (B2).
static void check_coverage(Check *c, const Node *node)
{
    u32 count = collect_spans(c, node);
    u32 last = node_content_start(node) - 1;
    u32 fragments = 0;
    u32 i = 0;
    bool overlaps = false;
    ASSERT(node->page != NULL);
    ASSERT(c->spans != NULL);
    while (i < count && !overlaps) {
        u32 start = c->spans[i] >> 16;
        overlaps = last >= start;
        if (overlaps) {
            report(c, "Multiple uses for byte %u of page %u", start, node->page->pgno);
        } else {
            fragments += start - last - 1;
            last = c->spans[i] & 0xffff;
        }
        i++;
    }
    fragments += node->geometry->usable - last - 1;
    u32 reported = node->data[node->header_at + 7];
    if (i == count && fragments != reported)
        report(c, "Fragmentation of %u bytes reported as %u on page %u", fragments, reported,
               node->page->pgno);
}

// --- trees ---

// Rowids descend along the walk. `can_equal`: the bound is a divider, which the greatest key below
// may equal.
typedef struct KeyBound {
    RowId max;
    bool can_equal;
} KeyBound;

// Recursion as deep as the tree, limited by CHECK_DEPTH_MAX: check_page, check_node, check_cells
// and check_page again.
static int check_page(Check *c, Pgno pgno, KeyBound *bound, u32 depth);

// The walk goes from right to left, so rowids must fall.
static void check_rowid(Check *c, RowId rowid, KeyBound *bound)
{
    ASSERT(bound != NULL);
    ASSERT(c->where >= WHERE_CELL);
    if (bound->can_equal ? rowid > bound->max : rowid >= bound->max)
        report(c, "Rowid %lld out of order", (long long)rowid);
    bound->max = rowid;
    bound->can_equal = false;
}

// Everything about one cell but its child. false: it cannot be parsed.
static bool check_cell(Check *c, const Node *node, u32 slot, KeyBound *bound)
{
    const Geometry *g = node->geometry;
    u32 at = get_u16(node->slots + 2 * slot);
    u32 start = node_content_start(node);
    Cell cell;
    ASSERT(slot < node->cell_count);
    ASSERT(bound != NULL);
    if (at < start || at > g->usable - CELL_SIZE_MIN) {
        report(c, "Offset %u out of range %u..%u", at, start, g->usable - CELL_SIZE_MIN);
        return false;
    }
    cell_parse(g, node->kind, node->data + at, &cell);
    if (at + cell.size > g->usable) {
        report(c, "Extends off end of page");
        return false;
    }
    if (node_is_table(node))
        check_rowid(c, cell.rowid, bound);
    if (cell_has_overflow(&cell)) {
        u32 rest = cell.payload_size - cell.local_size;
        Pgno first = cell_overflow(&cell);
        check_map(c, first, PTRMAP_OVERFLOW1, node->page->pgno);
        check_chain(c, false, first, (rest + g->usable - 5) / (g->usable - 4));
    }
    return true;
}

// The cells from the last to the first, each with what is to its left. Returns the depth below, -1
// for a leaf; *is_sound false: the page's bytes cannot be accounted for.
static int check_cells(Check *c, const Node *node, KeyBound *bound, u32 depth, bool *is_sound)
{
    bool is_leaf = node_is_leaf(node);
    Pgno self = node->page->pgno;
    int below = -1;
    ASSERT(c->where == WHERE_CELL);
    ASSERT(bound != NULL);
    *is_sound = true;
    if (!is_leaf) {
        Pgno child = node_right_child(node);
        if (c->bt->auto_vacuum != 0) {
            c->where = WHERE_RIGHT_CHILD;
            check_map(c, child, PTRMAP_TREE, self);
        }
        below = check_page(c, child, bound, depth + 1);
        bound->can_equal = false;
    }
    for (u32 i = node->cell_count; i-- > 0 && c->error_max > 0 && c->rc == SQLITE_OK;) {
        c->slot = i;
        if (!check_cell(c, node, i, bound)) {
            *is_sound = false;
            continue;
        }
        if (is_leaf)
            continue;
        Pgno child = get_u32(node->data + get_u16(node->slots + 2 * i));
        check_map(c, child, PTRMAP_TREE, self);
        bound->can_equal = true; // B3: a divider may equal the greatest rowid to its left
        int child_depth = check_page(c, child, bound, depth + 1);
        bound->can_equal = false;
        if (child_depth != below) {
            report(c, "Child page depth differs");
            below = child_depth;
        }
    }
    return below;
}

// A page whose free space does not add up is not walked: its cells may lie anywhere.
static int check_node(Check *c, Node *node, KeyBound *bound, u32 depth)
{
    bool is_sound;
    ASSERT(node->page != NULL);
    if (node_measure(node) != SQLITE_OK) {
        report(c, "free space corruption");
        return -1;
    }
    if (node_is_leaf(node) || !node_is_table(node))
        c->rows += node->cell_count;
    c->where = WHERE_CELL;
    int below = check_cells(c, node, bound, depth, &is_sound);
    c->where = WHERE_NONE;
    if (is_sound && c->error_max > 0 && c->rc == SQLITE_OK)
        check_coverage(c, node);
    ASSERT(below >= -1);
    return below;
}

// Checks the tree below a page. Returns how many levels lie below it; 0 too when there is nothing
// to be seen.
static int check_page(Check *c, Pgno pgno, KeyBound *bound, u32 depth)
{
    Where where_before = c->where;
    Pgno page_before = c->page;
    u32 slot_before = c->slot;
    Page *page;
    Node node;
    int below = -1;
    ASSERT(bound != NULL);

    if (pgno == 0 || c->error_max == 0 || c->rc != SQLITE_OK || refers_badly(c, pgno))
        return 0;
    c->where = WHERE_PAGE;
    c->page = pgno;
    int rc = pager_get(c->bt->pager, pgno, &page);
    if (rc != SQLITE_OK) {
        report(c, "unable to get the page. error code=%d", rc);
        if (rc == SQLITE_NOMEM)
            c->rc = rc;
    } else {
        rc = depth > CHECK_DEPTH_MAX ? SQLITE_CORRUPT
                                     : node_parse_bytes(&node, &c->bt->geometry, page->data, pgno);
        node.page = page;
        if (rc != SQLITE_OK)
            report(c, "btreeInitPage() returns error code %d", rc);
        else
            below = check_node(c, &node, bound, depth);
        page_unpin(c->bt->pager, page);
    }
    ASSERT(depth <= CHECK_DEPTH_MAX + 1);
    c->where = where_before;
    c->page = page_before;
    c->slot = slot_before;
    return below + 1;
}

// --- the whole ---

// Only when all roots are known does their largest mean anything.
static void check_roots(Check *c, const IntegrityCheck *check)
{
    Pgno largest = 0;
    u32 stored = get_u32(c->bt->page1->data + AT_META + 4 * META_LARGEST_ROOT);
    ASSERT(c->where == WHERE_NONE);
    ASSERT(!check->partial);
    if (c->bt->auto_vacuum == 0) {
        if (get_u32(c->bt->page1->data + AT_META + 4 * META_INCREMENTAL_VACUUM) != 0)
            report(c, "incremental_vacuum enabled with a max rootpage of zero");
        return;
    }
    for (u32 i = 0; i < check->root_count; i++)
        largest = check->roots[i] > largest ? check->roots[i] : largest;
    if (largest != stored)
        report(c, "max rootpage (%u) disagrees with header (%u)", largest, stored);
}

// In the order given: a second reference is blamed on the tree that comes later.
static void check_trees(Check *c, const IntegrityCheck *check)
{
    ASSERT(c->where == WHERE_NONE);
    ASSERT(check->roots != NULL || check->root_count == 0);
    for (u32 i = 0; i < check->root_count && c->error_max > 0 && c->rc == SQLITE_OK; i++) {
        Pgno root = check->roots[i];
        KeyBound bound = {.max = INT64_MAX, .can_equal = true};
        c->rows = 0;
        if (root != 0) {
            if (root > 1 && !check->partial)
                check_map(c, root, PTRMAP_ROOT, 0);
            c->root = root;
            (void)check_page(c, root, &bound, 0);
        }
        if (check->counts != NULL)
            check->counts[i] = c->rows;
    }
}

// B6, the other way round.
static void check_unreached(Check *c)
{
    ASSERT(c->where == WHERE_NONE);
    ASSERT(c->seen != NULL);
    for (Pgno pgno = 1; pgno <= c->page_count && c->error_max > 0; pgno++) {
        bool is_map = c->bt->auto_vacuum != 0 && page_is_ptrmap(c->bt, pgno);
        bool is_seen = bitset_has(c->seen, pgno);
        if (!is_seen && !is_map && !page_is_pending_byte(c->bt, pgno))
            report(c, "Page %u: never used", pgno);
        if (is_seen && is_map)
            report(c, "Page %u: pointer map referenced", pgno);
    }
}

// Memory for the whole check is got at the start; what runs out later is told through c->rc.
static int check_everything(Check *c, const IntegrityCheck *check)
{
    const u8 *header = c->bt->page1->data;
    ASSERT(c->page_count > 0);
    TRY(bitset_new(c->page_count, &c->seen));
    c->span_capacity = c->bt->geometry.usable / CELL_SIZE_MIN + 1;
    c->spans = mem_alloc(c->span_capacity * sizeof *c->spans);
    if (c->spans == NULL)
        return SQLITE_NOMEM;
    c->where = WHERE_FREELIST;
    check_chain(c, true, get_u32(header + AT_FREELIST), get_u32(header + AT_FREE_COUNT));
    c->where = WHERE_NONE;
    if (!check->partial)
        check_roots(c, check);
    check_trees(c, check);
    if (!check->partial && c->rc == SQLITE_OK)
        check_unreached(c);
    ASSERT(c->where == WHERE_NONE);
    return c->rc;
}

// Reading goes on where single pages fail: each is reported and passed over.
int btree_integrity_check(Btree *bt, IntegrityCheck *check)
{
    bt = bt->core;
    ASSERT(bt->txn != SQLITE_TXN_NONE);
    ASSERT(check->roots != NULL || check->root_count == 0);

    check->errors = 0;
    check->report = NULL;
    Check c = {.bt = bt, .page_count = btree_page_count(bt), .error_max = check->error_max};
    if (c.page_count == 0)
        return SQLITE_OK;
    int rc = check_everything(&c, check);
    if (rc == SQLITE_OK)
        rc = c.report.rc;
    if (rc == SQLITE_OK && c.error_count > 0) {
        check->report = buffer_take(&c.report);
        if (check->report == NULL)
            rc = SQLITE_NOMEM;
    }
    check->errors = c.error_count;
    buffer_deinit(&c.report);
    bitset_free(c.seen);
    mem_free(c.spans);
    return rc;
}
