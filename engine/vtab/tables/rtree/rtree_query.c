// Searching an R-Tree.
//
// A search is a heap of places still to be looked at. A place is a cell of a node, and the cells
// after it; the place with the least score comes first, of equals the one nearest to the leaves,
// of these the oldest. Scores come from query callbacks; without them all are 0, so that the tree
// is walked depth first and rows come in the order of the cells.
//
// Tests prune: a node is entered when its box may hold a row that passes. Rows are tested exactly
// once more by the core, except by callbacks, which only we can ask.
//
// While a cursor stands on a row it counts as a reader, and the tree does not change (R5): places
// point into copies of nodes, which would not know.

#include "vtab/tables/rtree/rtree.h"

#include <string.h>

// A node in memory while places of it wait.
typedef struct SearchNode {
    int refs;
    int height; // above the leaves
    u8 data[];
} SearchNode;

typedef struct Place {
    f64 score;
    int within;
    int height; // of the node
    u64 order;  // of entry into the heap
    SearchNode *node;
    int cell; // the next to look at
} Place;

struct RtreeCursor {
    sqlite3_vtab_cursor base;
    RtreeTest *tests;
    int test_count;
    Place *heap;
    int heap_count, heap_capacity;
    u64 next_order;
    unsigned queue_counts[RTREE_DEPTH_MAX + 1]; // places by height, for query callbacks
    int depth;                                  // of the tree
    bool is_at_row;
    RtreeCell row;
    sqlite3_stmt *aux; // reads t_rowid; NULL until asked for
    bool aux_is_read;  // for the current row
};

// The table that the cursor reads.
static Rtree *tree_of(const RtreeCursor *cur)
{
    ASSERT(cur->base.pVtab != NULL);

    return (Rtree *)cur->base.pVtab;
}

// Only while it stands on a row.
const RtreeCell *cursor_cell(const RtreeCursor *cur)
{
    ASSERT(cur->is_at_row);
    return &cur->row;
}

// --- places ---

// Several places share a node: the rest of its cells, and those of them that wait.
static void search_node_unref(SearchNode *node)
{
    ASSERT(node->refs > 0);
    node->refs--;
    if (node->refs == 0)
        sqlite3_free(node);
}

// The order of the heap, which decides the order of rows; it is SQLite's.
static bool comes_before(const Place *a, const Place *b)
{
    ASSERT(a->node != NULL && b->node != NULL);

    if (a->score != b->score)
        return a->score < b->score;
    if (a->height != b->height)
        return a->height < b->height;
    return a->order < b->order;
}

// Up to where its parent comes before it.
static void heap_sift_up(Place *heap, int at)
{
    ASSERT(at >= 0);

    while (at > 0 && comes_before(&heap[at], &heap[(at - 1) / 2])) {
        Place moved = heap[at];
        heap[at] = heap[(at - 1) / 2];
        heap[(at - 1) / 2] = moved;
        at = (at - 1) / 2;
    }
}

// The first place was replaced by the last.
static void heap_sift_down(Place *heap, int count)
{
    ASSERT(count >= 0);

    for (int at = 0;;) {
        int least = at;
        for (int child = 2 * at + 1; child <= 2 * at + 2 && child < count; child++) {
            if (comes_before(&heap[child], &heap[least]))
                least = child;
        }
        if (least == at)
            return;
        Place moved = heap[at];
        heap[at] = heap[least];
        heap[least] = moved;
        at = least;
    }
}

// Takes over the caller's reference to the node, also on failure.
static int heap_push(RtreeCursor *cur, const Place *place)
{
    ASSERT(place->node->refs > 0);
    ASSERT(place->height >= 0 && place->height <= RTREE_DEPTH_MAX);
    ASSERT(place->cell < rtree_node_count(place->node->data));

    if (cur->heap_count == cur->heap_capacity) {
        int capacity = cur->heap_capacity == 0 ? 16 : 2 * cur->heap_capacity;
        Place *heap = sqlite3_realloc64(cur->heap, (u64)capacity * sizeof *heap);
        if (heap == NULL) {
            search_node_unref(place->node);
            return SQLITE_NOMEM;
        }
        cur->heap = heap;
        cur->heap_capacity = capacity;
    }
    cur->heap[cur->heap_count] = *place;
    cur->heap[cur->heap_count].order = cur->next_order++;
    cur->queue_counts[place->height]++;
    cur->heap_count++;
    heap_sift_up(cur->heap, cur->heap_count - 1);
    return SQLITE_OK;
}

// Its reference to the node is the caller's.
static Place heap_pop(RtreeCursor *cur)
{
    ASSERT(cur->heap_count > 0);

    Place first = cur->heap[0];
    cur->heap_count--;
    cur->heap[0] = cur->heap[cur->heap_count];
    heap_sift_down(cur->heap, cur->heap_count);
    cur->queue_counts[first.height]--;
    return first;
}

// The node becomes a place of the search, scored as its box was.
static int push_node(RtreeCursor *cur, i64 number, int height, const RtreeVisit *visit)
{
    ASSERT(height >= -1 && height <= RTREE_DEPTH_MAX);

    Rtree *tree = tree_of(cur);
    SearchNode *node = sqlite3_malloc64(sizeof *node + (u64)tree->node_size);
    if (node == NULL)
        return SQLITE_NOMEM;
    node->refs = 1;
    node->height = height;
    int rc = rtree_read_node(tree, number, node->data);
    if (rc == SQLITE_OK && height < 0) { // the root tells the depth
        node->height = rtree_node_depth(node->data);
        cur->depth = node->height;
        rc = node->height > RTREE_DEPTH_MAX ? SQLITE_CORRUPT_VTAB : SQLITE_OK;
    }
    // A node without cells has nothing to look at: only an empty tree's root should be one, but a
    // file may have others.
    if (rc != SQLITE_OK || rtree_node_count(node->data) == 0) {
        search_node_unref(node);
        return rc;
    }
    Place place = {.score = visit->score,
                   .within = visit->within,
                   .height = node->height,
                   .node = node,
                   .cell = 0};
    return heap_push(cur, &place);
}

// --- testing ---

// False: nothing within the cell can pass the test.
static bool coord_may_pass(const Rtree *tree, const RtreeTest *test, const RtreeCell *cell,
                           int height)
{
    ASSERT(test->op != RTREE_MATCH);
    ASSERT(test->coord >= 0 && test->coord < tree->coords);

    if (test->is_always)
        return true;
    // Of a box around others any bound may lie anywhere within; a row's bound is just itself.
    int dim = test->coord / 2;
    int least_at = height > 0 ? 2 * dim : test->coord;
    int most_at = height > 0 ? 2 * dim + 1 : test->coord;
    f64 least = coord_value(tree, cell->box[least_at]);
    f64 most = coord_value(tree, cell->box[most_at]);
    switch (test->op) {
    case RTREE_EQ: return least <= test->bound && most >= test->bound;
    // The strict ones prune no more than the others: a float bound was rounded outward (R4), and
    // the core tests the row itself.
    case RTREE_LE:
    case RTREE_LT: return least <= test->bound;
    case RTREE_GE:
    case RTREE_GT: return most >= test->bound;
    case RTREE_MATCH: break;
    }
    UNREACHABLE();
}

// Asks all tests. visit->within becomes the least of the answers. The parent's verdict comes in
// with *visit; a callback is told it, and may rely on FULLY_WITHIN.
static int visit_cell(RtreeCursor *cur, const RtreeCell *cell, int height, RtreeVisit *visit)
{
    ASSERT(height >= 0);
    ASSERT(visit->within != NOT_WITHIN);

    const Rtree *tree = tree_of(cur);
    const RtreeVisit parent = *visit;
    *visit = (RtreeVisit){.score = -1, .within = FULLY_WITHIN};
    f64 coords[RTREE_COORDS_MAX];
    for (int i = 0; i < tree->coords; i++)
        coords[i] = coord_value(tree, cell->box[i]);
    for (int i = 0; i < cur->test_count && visit->within != NOT_WITHIN; i++) {
        const RtreeTest *test = &cur->tests[i];
        if (test->op != RTREE_MATCH) {
            if (!coord_may_pass(tree, test, cell, height))
                visit->within = NOT_WITHIN;
            continue;
        }
        RtreeVisit asked = parent;
        asked.level = height;
        asked.level_max = cur->depth + 1;
        asked.rowid = cell->id;
        asked.queue_counts = cur->queue_counts;
        TRY(match_visit(test->match, coords, tree->coords, &asked));
        if (asked.within < visit->within)
            visit->within = asked.within;
        if (visit->score < 0 || asked.score < visit->score)
            visit->score = asked.score;
    }
    // No callback was asked.
    if (visit->score < 0)
        visit->score = 0;
    return SQLITE_OK;
}

// --- moving ---

// Looks at one cell of the first place. *row_found: the cursor stands on it now.
static int advance(RtreeCursor *cur, bool *row_found)
{
    ASSERT(cur->heap_count > 0);

    const Rtree *tree = tree_of(cur);
    Place place = heap_pop(cur);
    RtreeCell cell;
    rtree_node_cell(tree, place.node->data, place.cell, &cell);
    RtreeVisit visit = {.score = place.score, .within = place.within};
    int height = place.height;
    place.cell++;
    // The rest of the node waits behind what its first cell leads to.
    if (place.cell < rtree_node_count(place.node->data)) {
        TRY(heap_push(cur, &place));
    } else {
        search_node_unref(place.node);
    }
    TRY(visit_cell(cur, &cell, height, &visit));
    if (visit.within == NOT_WITHIN)
        return SQLITE_OK;
    if (height > 0)
        return push_node(cur, cell.id, height - 1, &visit);
    ASSERT(!*row_found);
    cur->row = cell;
    *row_found = true;
    return SQLITE_OK;
}

// The only place where the count of readers changes.
static void set_at_row(RtreeCursor *cur, bool is_at_row)
{
    ASSERT(tree_of(cur)->readers >= 0);

    if (is_at_row != cur->is_at_row)
        tree_of(cur)->readers += is_at_row ? 1 : -1;
    ASSERT(tree_of(cur)->readers >= 0);
    cur->is_at_row = is_at_row;
    cur->aux_is_read = false;
}

// Until a row is found or the heap is empty.
static int go_on(RtreeCursor *cur)
{
    ASSERT(cur->heap_count <= cur->heap_capacity);

    bool row_found = false;
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && !row_found && cur->heap_count > 0)
        rc = advance(cur, &row_found);
    set_at_row(cur, rc == SQLITE_OK && row_found);
    return rc;
}

// Gives back all but the memory of the heap.
static void cursor_clear(RtreeCursor *cur)
{
    ASSERT(cur->test_count == 0 || cur->tests != NULL);

    set_at_row(cur, false);
    for (int i = 0; i < cur->heap_count; i++)
        search_node_unref(cur->heap[i].node);
    cur->heap_count = 0;
    for (int i = 0; i < cur->test_count; i++)
        match_free(cur->tests[i].match);
    sqlite3_free(cur->tests);
    cur->tests = NULL;
    cur->test_count = 0;
    memset(cur->queue_counts, 0, sizeof cur->queue_counts);
}

// Begins at the root, whose depth is not known yet.
int cursor_search(RtreeCursor *cur, RtreeTest *tests, int count)
{
    ASSERT(count == 0 || tests != NULL);

    cursor_clear(cur);
    cur->tests = tests;
    cur->test_count = count;
    // A callback is told that the whole of space is partly within: it has excluded nothing yet.
    RtreeVisit whole = {.score = 0, .within = PARTLY_WITHIN};
    TRY(push_node(cur, 1, -1, &whole));
    return go_on(cur);
}

void cursor_search_nothing(RtreeCursor *cur)
{
    cursor_clear(cur);
    ASSERT(!cur->is_at_row);
}

// Without a search: t_rowid says which leaf it is in.
int cursor_find_row(RtreeCursor *cur, i64 rowid)
{
    Rtree *tree = tree_of(cur);
    cursor_clear(cur);
    ASSERT(!cur->is_at_row && cur->heap_count == 0);
    i64 leaf;
    TRY(rtree_find_leaf(tree, rowid, &leaf));
    if (leaf == 0)
        return SQLITE_OK;
    u8 *data = sqlite3_malloc(tree->node_size);
    if (data == NULL)
        return SQLITE_NOMEM;
    int rc = rtree_read_node(tree, leaf, data);
    int index = rc == SQLITE_OK ? rtree_node_find(tree, data, rowid) : -1;
    if (index >= 0) {
        rtree_node_cell(tree, data, index, &cur->row);
        set_at_row(cur, true);
    } else if (rc == SQLITE_OK) {
        rc = SQLITE_CORRUPT_VTAB; // R3
    }
    sqlite3_free(data);
    return rc;
}

// --- methods of a cursor ---

// Stands nowhere until it searches.
int rtree_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out)
{
    ASSERT(out != NULL);

    (void)vtab;
    RtreeCursor *cur = sqlite3_malloc(sizeof *cur);
    if (cur == NULL)
        return SQLITE_NOMEM;
    memset(cur, 0, sizeof *cur);
    *out = &cur->base;
    return SQLITE_OK;
}

// The statement goes before its cursor's memory; a reader that stood on a row stands nowhere (R5).
int rtree_close(sqlite3_vtab_cursor *base)
{
    ASSERT(base->pVtab != NULL);

    RtreeCursor *cur = (RtreeCursor *)base;
    cursor_clear(cur);
    sqlite3_finalize(cur->aux);
    sqlite3_free(cur->heap);
    sqlite3_free(cur);
    return SQLITE_OK;
}

// The place that is first in the heap is looked at next.
int rtree_next(sqlite3_vtab_cursor *base)
{
    ASSERT(((const RtreeCursor *)base)->is_at_row);

    return go_on((RtreeCursor *)base);
}

int rtree_eof(sqlite3_vtab_cursor *base)
{
    return !((const RtreeCursor *)base)->is_at_row;
}

int rtree_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out)
{
    ASSERT(out != NULL);

    *out = cursor_cell((const RtreeCursor *)base)->id;
    return SQLITE_OK;
}

// One statement for all rows of the cursor, made when an auxiliary column is first asked for.
static int prepare_aux(RtreeCursor *cur)
{
    ASSERT(cur->aux == NULL);

    const Rtree *tree = tree_of(cur);
    char *sql = sqlite3_mprintf("SELECT * FROM \"%w\".\"%w_rowid\" WHERE rowid = ?1", tree->schema,
                                tree->name);
    if (sql == NULL)
        return SQLITE_NOMEM;
    int rc = sqlite3_prepare_v3(tree->db, sql, -1, SQLITE_PREPARE_NO_VTAB, &cur->aux, NULL);
    sqlite3_free(sql);
    return rc;
}

// Read once for all auxiliary columns of a row.
int cursor_aux(RtreeCursor *cur, int index, sqlite3_context *call)
{
    ASSERT(cur->is_at_row);
    ASSERT(index >= 0);

    enum { BEFORE_AUX = 2 }; // rowid, nodeno
    if (cur->aux == NULL)
        TRY(prepare_aux(cur));
    if (!cur->aux_is_read) {
        TRY(sqlite3_reset(cur->aux));
        TRY(sqlite3_bind_int64(cur->aux, 1, cursor_cell(cur)->id));
        int rc = sqlite3_step(cur->aux);
        if (rc != SQLITE_ROW)
            return rc == SQLITE_DONE ? SQLITE_OK : rc; // no entry: NULL
        cur->aux_is_read = true;
    }
    sqlite3_result_value(call, sqlite3_column_value(cur->aux, index + BEFORE_AUX));
    return SQLITE_OK;
}
