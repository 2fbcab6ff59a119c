// The nearest rows of a query.
//
// With lists: rows in the queue are compared exactly; lists are visited from the nearest centroid
// on, until the calibrated rule says that what is left does not matter (index_calibrate.c). Codes
// give each row an estimate with an error bound. Rows whose lower bound is above the k-th least
// upper bound are dropped; the others are compared exactly, most promising first, until the next
// lower bound is above the k-th distance found. So every distance handed out is exact, and every
// row handed out was seen in the table by this very statement.
//
// Without lists, or where they cannot be trusted or do not help, all rows are compared.
#include "vector/index/index_prefix.h"
#include "vector/index/row_filter.h"
#include "vector/index/search_query.h"
#include "vector/index/top_matches.h"

#include <math.h>
#include <stdlib.h>

enum {
    PASSED_BY_MAX = 16, // lists in a row that the rule passes by before the search ends
    QUEUE_MAX = 100000, // queued rows above which a full scan is no worse
    RETRY_MAX = 3,
};

typedef struct Candidate {
    f32 lower; // bound of the rank
    i64 rowid;
} Candidate;

typedef struct Search {
    Index *index;
    SearchQuery query;
    const RowFilter *filter;
    const PrefixValues *prefix; // NULL, or what the prefix columns must be
    u32 *groups;                // that have these values, ascending
    size_t group_count;
    size_t k;
    f32 allowed; // miss
    RankKind kind;
    i64 *queued; // ascending
    size_t queued_count;
    TopMatches top;    // exact
    TopMatches limits; // k least upper bounds of ranks
    Candidate *candidates;
    size_t candidate_count, candidate_capacity;
    i32 *dots;
    size_t gone; // candidates that the table no longer has
    SearchPlan plan;
} Search;

static void search_deinit(Search *search)
{
    search_query_deinit(&search->query);
    sqlite3_free(search->queued);
    sqlite3_free(search->groups);
    top_deinit(&search->top);
    top_deinit(&search->limits);
    sqlite3_free(search->candidates);
    sqlite3_free(search->dots);
}

static int compare_rowids(const void *a, const void *b)
{
    i64 x = *(const i64 *)a, y = *(const i64 *)b;
    return x < y ? -1 : x > y;
}

// --- exact ---

static int offer_value(Search *search, i64 rowid, sqlite3_value *value)
{
    f64 distance;
    TRY(search_query_distance(search->index, &search->query, value, &distance));
    search->plan.reranked++;
    return isnan(distance) ? SQLITE_OK : top_offer(&search->top, rowid, distance);
}

// *found is false where the table has no such row in scope, or no vector in it.
static int offer_row(Search *search, i64 rowid, bool *found)
{
    sqlite3_stmt *stmt;
    StoreStatement which = search->prefix != NULL ? STORE_PREFIX_ROW : STORE_ROW_READ;
    TRY(store_statement(search->index, which, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, rowid));
    int rc = SQLITE_OK;
    *found = sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) == SQLITE_BLOB;
    if (*found)
        rc = offer_value(search, rowid, sqlite3_column_value(stmt, 0));
    int end = sqlite3_reset(stmt);
    return rc != SQLITE_OK ? rc : end;
}

static int scan_table(Search *search)
{
    ASSERT(search->filter != NULL);

    sqlite3_stmt *stmt;
    StoreStatement which = search->prefix != NULL ? STORE_PREFIX_ROWS : STORE_ROWS_READ;
    TRY(store_statement(search->index, which, &stmt));
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        i64 rowid = sqlite3_column_int64(stmt, 0);
        if (filter_passes(search->filter, rowid))
            rc = offer_value(search, rowid, sqlite3_column_value(stmt, 1));
    }
    int end = sqlite3_reset(stmt);
    return rc != SQLITE_OK ? rc : end;
}

static int search_exact(Search *search)
{
    ASSERT(search->filter != NULL);

    const RowFilter *filter = search->filter;
    search->plan.is_exact = true;
    // Looking rows up one by one costs some three times as much as passing by them.
    bool is_selective =
        filter->is_set && (i64)filter->count < search->index->state.row_count / 3 + 1000;
    if (!is_selective)
        return scan_table(search);
    for (size_t i = 0; i < filter->count; i++) {
        bool found;
        if (filter_passes(filter, filter->rowids[i]))
            TRY(offer_row(search, filter->rowids[i], &found));
    }
    return SQLITE_OK;
}

// --- queue ---

static int read_queue(Search *search)
{
    ASSERT(search->queued_count == 0);

    sqlite3_stmt *stmt;
    size_t capacity = 0;
    TRY(store_statement(search->index, STORE_QUEUE_READ, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, QUEUE_MAX));
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        if (search->queued_count == capacity) {
            capacity = capacity * 2 + 64;
            i64 *queued = sqlite3_realloc64(search->queued, capacity * sizeof *queued);
            if (queued == NULL)
                rc = SQLITE_NOMEM;
            else
                search->queued = queued;
        }
        if (rc == SQLITE_OK)
            search->queued[search->queued_count++] = sqlite3_column_int64(stmt, 1);
    }
    int end = sqlite3_reset(stmt);
    if (search->queued_count > 1)
        qsort(search->queued, search->queued_count, sizeof *search->queued, compare_rowids);
    return rc != SQLITE_OK ? rc : end;
}

static bool is_queued(const Search *search, i64 rowid)
{
    return search->queued_count > 0
           && bsearch(&rowid, search->queued, search->queued_count, sizeof rowid, compare_rowids)
                  != NULL;
}

static int offer_queued(Search *search)
{
    for (size_t i = 0; i < search->queued_count; i++) {
        i64 rowid = search->queued[i];
        bool found;
        if (i > 0 && rowid == search->queued[i - 1])
            continue;
        if (filter_passes(search->filter, rowid))
            TRY(offer_row(search, rowid, &found));
    }
    for (size_t i = 0; i < search->top.count; i++) {
        const Match *match = &search->top.heap[i];
        f64 rank = rank_of_distance(search->index->config.metric, match->distance);
        TRY(top_offer(&search->limits, match->rowid, rank));
    }
    return SQLITE_OK;
}

// --- codes ---

static f32 limit_of(const Search *search)
{
    return top_is_full(&search->limits) ? (f32)search->limits.heap[0].distance : INFINITY;
}

static int candidate_push(Search *search, f32 lower, i64 rowid)
{
    ASSERT(search->candidate_count <= search->candidate_capacity);

    if (search->candidate_count == search->candidate_capacity) {
        size_t capacity = search->candidate_capacity * 2 + 256;
        Candidate *candidates =
            sqlite3_realloc64(search->candidates, capacity * sizeof *candidates);
        if (candidates == NULL)
            return SQLITE_NOMEM;
        search->candidates = candidates;
        search->candidate_capacity = capacity;
    }
    search->candidates[search->candidate_count++] = (Candidate){lower, rowid};
    return SQLITE_OK;
}

typedef struct Bounds {
    f32 lower, upper; // of a rank
} Bounds;

static Bounds bounds_of(f32 estimate, f32 error)
{
    if (estimate == INFINITY) // a zero vector: 1 away by the cosine
        return (Bounds){2, 2};
    // A NaN comes from a damaged block only, and -infinity from a row without a code: both are
    // compared exactly.
    if (!(estimate - error > -INFINITY))
        return (Bounds){-INFINITY, INFINITY};
    return (Bounds){estimate - error, estimate + error};
}

static int consider(Search *search, i64 rowid, Bounds bounds)
{
    if (!filter_passes(search->filter, rowid) || is_queued(search, rowid))
        return SQLITE_OK;
    TRY(candidate_push(search, bounds.lower, rowid));
    return top_offer(&search->limits, rowid, (f64)bounds.upper);
}

// What the estimates of a block's rows are made of.
typedef struct BlockScan {
    const Block *block;
    const i32 *dots;
    f32 step, shift;      // of the query's code
    f32 list_rank, reach; // of the centroid
    f32 estimate, error;  // of the row found
} BlockScan;

// The first row from `row` on whose lower bound is not above the limit; row_count if there is none.
// Nearly all rows are passed by here.
static u32 next_near(BlockScan *scan, u32 row, f32 limit)
{
    ASSERT(row <= scan->block->row_count);

    const Block *block = scan->block;
    const f32 step = scan->step, shift = scan->shift;
    const f32 list_rank = scan->list_rank, reach = scan->reach;
    for (; row < block->row_count; row++) {
        RowFactors factors = block_factors(block, row);
        f32 product = step * ((f32)scan->dots[row] - shift);
        f32 estimate = factors.offset + list_rank - factors.slope * product;
        f32 error = factors.error * reach;
        if (estimate - error > limit && estimate < INFINITY)
            continue;
        scan->estimate = estimate;
        scan->error = error;
        break;
    }
    return row;
}

static int scan_block(Search *search, const Block *block, CentroidRank centroid)
{
    ASSERT(search->dots != NULL);

    const QueryCode *code = &search->query.code;
    u32 width = search->index->state.width;
    search->index->kernels->code_dots(block->codes, block->row_count, width / CODE_GROUP_DIMS,
                                      code->elements, search->dots);
    BlockScan scan = {.block = block,
                      .dots = search->dots,
                      .step = code->step,
                      .shift = 7.5f * (f32)code->sum,
                      .list_rank = centroid.rank,
                      .reach = centroid.reach + code->error_spread};
    for (u32 row = next_near(&scan, 0, limit_of(search)); row < block->row_count;
         row = next_near(&scan, row + 1, limit_of(search)))
        TRY(consider(search, block_rowid(block, row), bounds_of(scan.estimate, scan.error)));
    return SQLITE_OK;
}

static int scan_list(Search *search, u32 list, CentroidRank centroid)
{
    ASSERT(search->dots != NULL);

    sqlite3_stmt *stmt;
    TRY(store_statement(search->index, STORE_BLOCKS_READ, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, block_id(list, 0)));
    TRY(sqlite3_bind_int64(stmt, 2, block_id(list, (1u << BLOCK_NUMBER_BITS) - 1)));
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        Block block;
        rc = block_read(search->index, stmt, &block);
        if (rc == SQLITE_OK)
            rc = scan_block(search, &block, centroid);
    }
    int end = sqlite3_reset(stmt);
    search->plan.lists_probed++;
    return rc != SQLITE_OK ? rc : end;
}

// --- order of lists: a heap, for only the first few are ever wanted ---

typedef struct ListOrder {
    CentroidRank *ranks;
    u32 *heap;
    u32 count;
} ListOrder;

static void order_sift(ListOrder *order, u32 at)
{
    ASSERT(order->ranks != NULL && order->heap != NULL);

    for (;;) {
        u32 child = 2 * at + 1;
        if (child >= order->count)
            return;
        if (child + 1 < order->count
            && order->ranks[order->heap[child + 1]].rank < order->ranks[order->heap[child]].rank)
            child++;
        if (order->ranks[order->heap[at]].rank <= order->ranks[order->heap[child]].rank)
            return;
        u32 kept = order->heap[at];
        order->heap[at] = order->heap[child];
        order->heap[child] = kept;
        at = child;
    }
}

static void order_add(const Search *search, ListOrder *order, u32 first, u32 end)
{
    ASSERT(order->count + (end - first) <= search->index->lists.count);

    for (u32 i = first; i < end; i++) {
        order->ranks[i] =
            centroid_rank(search->index, search->query.rotated, search->query.square, i);
        order->heap[order->count++] = i;
    }
}

static int order_init(const Search *search, ListOrder *order)
{
    ASSERT(search->query.rotated != NULL);

    const ListCache *lists = &search->index->lists;
    order->count = 0;
    order->ranks = sqlite3_malloc64(lists->count * sizeof *order->ranks);
    order->heap = sqlite3_malloc64(lists->count * sizeof *order->heap);
    if (order->ranks == NULL || order->heap == NULL)
        return SQLITE_NOMEM;
    if (search->prefix == NULL)
        order_add(search, order, 0, lists->count);
    for (size_t i = 0; i < search->group_count; i++) {
        u32 first, end;
        lists_of_group(lists, search->groups[i], &first, &end);
        order_add(search, order, first, end);
    }
    for (u32 i = order->count / 2; i-- > 0;)
        order_sift(order, i);
    return SQLITE_OK;
}

static u32 order_pop(ListOrder *order)
{
    ASSERT(order->count > 0);

    u32 first = order->heap[0];
    order->heap[0] = order->heap[--order->count];
    order_sift(order, 0);
    return first;
}

static int visit_lists(Search *search, ListOrder *order)
{
    ASSERT(order->count <= search->index->lists.count);

    const ListCache *lists = &search->index->lists;
    for (u32 passed_by = 0; order->count > 0 && passed_by < PASSED_BY_MAX;) {
        u32 position = order_pop(order);
        CentroidRank centroid = order->ranks[position];
        f32 miss = list_miss(search->kind, centroid.rank, lists->radii[position], centroid.reach,
                             limit_of(search));
        if (miss > search->allowed) {
            passed_by++;
            continue;
        }
        passed_by = 0;
        TRY(scan_list(search, lists->ids[position], centroid));
    }
    return SQLITE_OK;
}

// --- re-ranking ---

static int compare_candidates(const void *a, const void *b)
{
    const Candidate *x = a, *y = b;
    if (x->lower != y->lower)
        return x->lower < y->lower ? -1 : 1;
    return x->rowid < y->rowid ? -1 : x->rowid > y->rowid;
}

static void drop_hopeless(Search *search)
{
    ASSERT(search->candidate_count <= search->candidate_capacity);

    f32 limit = limit_of(search);
    size_t kept = 0;
    for (size_t i = 0; i < search->candidate_count; i++)
        if (search->candidates[i].lower <= limit)
            search->candidates[kept++] = search->candidates[i];
    search->candidate_count = kept;
    if (kept > 1)
        qsort(search->candidates, kept, sizeof *search->candidates, compare_candidates);
}

static int rerank(Search *search)
{
    ASSERT(search->top.limit == search->k);

    Metric metric = search->index->config.metric;
    drop_hopeless(search);
    for (size_t i = 0; i < search->candidate_count; i++) {
        if (search->top.count >= search->k) {
            f64 worst = rank_of_distance(metric, search->top.heap[0].distance);
            // What single precision may have lost in the bound.
            if ((f64)search->candidates[i].lower > worst + 1e-5 * fabs(worst))
                break;
        }
        bool found;
        TRY(offer_row(search, search->candidates[i].rowid, &found));
        search->gone += !found;
    }
    return SQLITE_OK;
}

// --- the search ---

static int search_once(Search *search, size_t spare)
{
    ASSERT(search->query.code.elements != NULL);

    ListOrder order = {.ranks = NULL};
    top_deinit(&search->top);
    top_deinit(&search->limits);
    top_init(&search->top, search->k);
    top_init(&search->limits, search->k + spare);
    search->candidate_count = 0;
    search->gone = 0;
    int rc = offer_queued(search);
    if (rc == SQLITE_OK)
        rc = order_init(search, &order);
    if (rc == SQLITE_OK)
        rc = visit_lists(search, &order);
    if (rc == SQLITE_OK)
        rc = rerank(search);
    sqlite3_free(order.ranks);
    sqlite3_free(order.heap);
    return rc;
}

// Rows that are gone from the table took places of rows that are there: once more, with as many
// places in reserve.
static int search_lists(Search *search)
{
    ASSERT(search->query.rotated != NULL);

    Index *index = search->index;
    TRY(query_encode(search->kind, search->query.rotated, index->lists.mean, index->state.width,
                     &search->query.code));
    search->dots = sqlite3_malloc64(index->state.rows_per_block * sizeof *search->dots);
    if (search->dots == NULL)
        return SQLITE_NOMEM;
    size_t spare = 0;
    for (int turn = 0; turn < RETRY_MAX; turn++) {
        TRY(search_once(search, spare));
        if (search->gone == 0)
            return SQLITE_OK;
        spare += 2 * search->gone;
    }
    top_deinit(&search->top);
    top_init(&search->top, search->k);
    return search_exact(search);
}

// Whether the lists can be trusted to have every row that is not in the queue.
static int check_trust(Search *search, bool *is_trusted)
{
    Index *index = search->index;
    i64 rowid_max;
    bool found;
    TRY(state_check_triggers(index));
    TRY(store_number(index, STORE_ROWID_MAX, &rowid_max, &found));
    bool is_new = found && rowid_max > index->state.rowid_max && !is_queued(search, rowid_max);
    *is_trusted =
        index->triggers_ok && !index->state.is_stale && !is_new && search->queued_count < QUEUE_MAX;
    return SQLITE_OK;
}

// Too few rows, or too many of them wanted, for lists to be of use.
static bool lists_are_worth_it(const Search *search)
{
    ASSERT(search->filter != NULL);

    const IndexState *state = &search->index->state;
    if (state->list_count == 0 || search->query.rotated == NULL || isinf(search->allowed))
        return false;
    // Of a prefix's rows all are visited where there are fewer than k, and no others.
    if (search->prefix == NULL && (i64)search->k > state->row_count / 4)
        return false;
    return !search->filter->is_set || (i64)search->filter->count > state->row_count / 200 + 64;
}

static int search_run(Search *search, const Vector *vector)
{
    ASSERT(search->top.count == 0);

    Index *index = search->index;
    bool is_trusted = false;
    if (search->prefix != NULL)
        TRY(prefix_begin(index, search->prefix, &search->groups, &search->group_count));
    // The calibration is of queries within a group. Across groups, whose lists lie upon each other,
    // all lists are visited that reach as near as the k-th row.
    bool is_in_group = search->prefix != NULL && search->group_count <= 1;
    if (index->config.prefix_count > 0 && !is_in_group && search->allowed < 1)
        search->allowed = 1;
    TRY(search_query_init(index, vector, &search->query));
    if (lists_are_worth_it(search)) {
        TRY(read_queue(search));
        TRY(check_trust(search, &is_trusted));
    }
    if (!is_trusted)
        return search_exact(search);
    TRY(lists_load(index));
    return search_lists(search);
}

int index_search(Index *index, const Vector *query, size_t k, f64 recall, SearchScope scope,
                 SearchResult *out)
{
    ASSERT(scope.filter != NULL);

    memset(out, 0, sizeof *out);
    Search search = {.index = index,
                     .filter = scope.filter,
                     .prefix = scope.prefix,
                     .k = k,
                     .kind = index_rank_kind(index),
                     .allowed = miss_of_recall(&index->state, recall)};
    top_init(&search.top, k);
    int rc = search_run(&search, query);
    if (rc == SQLITE_OK) {
        out->plan = search.plan;
        out->plan.list_count = index->state.list_count;
        out->is_complete = search.plan.is_exact && search.top.count < k;
        out->matches = top_take_sorted(&search.top, &out->count);
    }
    search_deinit(&search);
    return rc;
}
