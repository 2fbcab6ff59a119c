// How far a query must look: measured on vectors of the table itself while the index is built.
//
// A list is visited as long as a member could plausibly be among the nearest k. With d the query's
// distance from the centroid, r the list's radius and t the rank of the k-th row found so far, a
// member beats t only if its residual points towards the query by a cosine above
//
//     (d^2 + r^2 - t) / (2 * r * d)      square distances
//     (-<c, q> - t) / (r * |q|)          inner products
//
// the list's `miss`. For some hundred vectors of the table the true neighbours are found exactly,
// and the misses of the lists they are in are collected. The value below which a share of them lies
// is what a query that wants this recall allows. Being relative to t, the rule also holds for
// filtered queries, whose neighbours are further away.
#include "vector/index/index_calibrate.h"
#include "vector/index/cluster.h"

#include <math.h>
#include <stdlib.h>

enum { QUERY_MAX = 200, NEIGHBOURS = 10 };

static const f64 recalls[MISS_COUNT] = {0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1};

typedef struct Neighbour {
    f32 rank;
    u32 position; // of its list
} Neighbour;

struct Calibration {
    const Index *index;
    Blas blas;
    RankKind kind;
    u32 width;
    size_t query_count;
    f32 *queries, *query_squares, *products;
    u32 *query_groups;
    Neighbour *neighbours; // NEIGHBOURS of each query, ascending
    u32 *filled;
};

f32 list_miss(RankKind kind, f32 centroid_rank, f32 radius, f32 reach, f32 limit)
{
    f32 denominator = (kind == RANK_SQUARE ? 2 : 1) * radius * reach;
    f32 excess = centroid_rank + (kind == RANK_SQUARE ? radius * radius : 0) - limit;
    if (denominator > 0)
        return excess / denominator;
    return excess > 0 ? INFINITY : -INFINITY; // all members are the centroid
}

void calibration_free(Calibration *calibration)
{
    if (calibration == NULL)
        return;
    blas_close(&calibration->blas);
    sqlite3_free(calibration->queries);
    sqlite3_free(calibration->query_squares);
    sqlite3_free(calibration->query_groups);
    sqlite3_free(calibration->products);
    sqlite3_free(calibration->neighbours);
    sqlite3_free(calibration->filled);
    sqlite3_free(calibration);
}

static bool calibration_alloc(Calibration *c)
{
    c->queries = sqlite3_malloc64((c->query_count + 1) * c->width * sizeof *c->queries);
    c->query_squares = sqlite3_malloc64((c->query_count + 1) * sizeof *c->query_squares);
    c->query_groups = sqlite3_malloc64((c->query_count + 1) * sizeof *c->query_groups);
    c->products = sqlite3_malloc64((c->query_count + 1) * CALIBRATION_BATCH * sizeof *c->products);
    c->neighbours = sqlite3_malloc64((c->query_count + 1) * NEIGHBOURS * sizeof *c->neighbours);
    c->filled = sqlite3_malloc64((c->query_count + 1) * sizeof *c->filled);
    return c->queries != NULL && c->query_squares != NULL && c->query_groups != NULL
           && c->products != NULL && c->neighbours != NULL && c->filled != NULL;
}

int calibration_begin(Index *index, const f32 *sample, const u32 *groups, size_t sample_count,
                      Calibration **out)
{
    ASSERT(index->lists.count > 0);

    Calibration *c = sqlite3_malloc64(sizeof *c);
    if (c == NULL)
        return SQLITE_NOMEM;
    memset(c, 0, sizeof *c);
    c->index = index;
    c->kind = index_rank_kind(index);
    c->width = index->state.width;
    c->query_count = sample_count < QUERY_MAX ? sample_count : QUERY_MAX;
    blas_open(&c->blas, index->kernels, 1);
    if (!calibration_alloc(c)) {
        calibration_free(c);
        return SQLITE_NOMEM;
    }
    memset(c->filled, 0, c->query_count * sizeof *c->filled);
    for (size_t i = 0; i < c->query_count; i++) {
        f32 *vector = c->queries + i * c->width;
        size_t chosen = i * sample_count / c->query_count;
        memcpy(vector, sample + chosen * c->width, c->width * sizeof *vector);
        c->query_groups[i] = groups[chosen];
        c->query_squares[i] =
            (f32)index->kernels->element[ELEMENT_F32].dot(vector, vector, c->width);
    }
    *out = c;
    return SQLITE_OK;
}

// Keeps the least ranks, in order.
static void offer(Calibration *c, size_t query, f32 rank, u32 position)
{
    Neighbour *best = c->neighbours + query * NEIGHBOURS;
    u32 *filled = &c->filled[query];
    if (*filled == NEIGHBOURS && rank >= best[NEIGHBOURS - 1].rank)
        return;
    u32 at = *filled < NEIGHBOURS ? (*filled)++ : NEIGHBOURS - 1;
    for (; at > 0 && best[at - 1].rank > rank; at--)
        best[at] = best[at - 1];
    best[at] = (Neighbour){rank, position};
}

void calibration_add(Calibration *c, const f32 *vectors, const u32 *positions, size_t count)
{
    ASSERT(count <= CALIBRATION_BATCH);

    blas_products(&c->blas, (Rows){vectors, count}, (Rows){c->queries, c->query_count}, c->width,
                  c->products);
    PairKernel *dot = c->index->kernels->element[ELEMENT_F32].dot;
    for (size_t i = 0; i < count; i++) {
        const f32 *vector = vectors + i * c->width;
        f32 square = (f32)dot(vector, vector, c->width);
        if (square == 0 && c->index->config.metric == METRIC_COSINE)
            continue; // near to nothing
        u32 group = c->index->lists.groups[positions[i]];
        for (size_t k = 0; k < c->query_count; k++) {
            f32 product = c->products[i * c->query_count + k];
            if (c->query_groups[k] != group)
                continue;
            bool is_itself = c->kind == RANK_SQUARE
                             && square + c->query_squares[k] - 2 * product < 1e-5f * square;
            if (c->kind == RANK_DOT)
                offer(c, k, -product, positions[i]);
            else if (!is_itself)
                offer(c, k, square + c->query_squares[k] - 2 * product, positions[i]);
        }
    }
}

static int compare_f32(const void *a, const void *b)
{
    f32 x = *(const f32 *)a, y = *(const f32 *)b;
    return x < y ? -1 : x > y;
}

static f32 query_miss(const Calibration *c, size_t query, u32 position)
{
    const ListCache *lists = &c->index->lists;
    const f32 *vector = c->queries + query * c->width;
    f32 limit = c->neighbours[query * NEIGHBOURS + c->filled[query] - 1].rank;
    CentroidRank rank = centroid_rank(c->index, vector, c->query_squares[query], position);
    return list_miss(c->kind, rank.rank, lists->radii[position], rank.reach, limit);
}

// How many lists the queries would visit if they allowed that miss.
static f32 mean_visits(const Calibration *c, f32 allowed)
{
    const size_t some = c->query_count < 50 ? c->query_count : 50;
    f64 visits = 0;
    for (size_t k = 0; k < some; k++)
        for (u32 i = 0; i < c->index->lists.count && c->filled[k] > 0; i++)
            visits +=
                c->index->lists.groups[i] == c->query_groups[k] && query_miss(c, k, i) <= allowed;
    return some > 0 ? (f32)(visits / (f64)some) : 0;
}

int calibration_finish(const Calibration *c, IndexState *state)
{
    f32 *misses = sqlite3_malloc64((c->query_count * NEIGHBOURS + 1) * sizeof *misses);
    if (misses == NULL)
        return SQLITE_NOMEM;
    size_t count = 0;
    for (size_t k = 0; k < c->query_count; k++)
        for (u32 i = 0; i < c->filled[k]; i++)
            misses[count++] = query_miss(c, k, c->neighbours[k * NEIGHBOURS + i].position);
    qsort(misses, count, sizeof *misses, compare_f32);
    for (int i = 0; i < MISS_COUNT; i++) {
        size_t at = (size_t)(recalls[i] * (f64)count);
        state->miss[i] = count == 0 ? 1 : misses[at < count ? at : count - 1];
    }
    state->probe_mean = mean_visits(c, miss_of_recall(state, c->index->config.recall));
    sqlite3_free(misses);
    return SQLITE_OK;
}

// Two thirds of what may be missed are kept back. Queries seldom are rows of the table, and often
// further away from its rows than these are from each other: a question is not a passage, though
// both went through the same model.
static f32 calibrated_miss(const IndexState *state, f64 recall)
{
    f64 goal = 1 - (1 - recall) / 3;
    int i = 0;
    while (i < MISS_COUNT - 1 && recalls[i + 1] < goal)
        i++;
    if (i == MISS_COUNT - 1 || goal <= recalls[0])
        return state->miss[i];
    f64 share = (goal - recalls[i]) / (recalls[i + 1] - recalls[i]);
    return state->miss[i] + (f32)share * (state->miss[i + 1] - state->miss[i]);
}

// The calibration knows nothing of rows unlike those it saw. The more of them there are, the more
// lists are visited, up to all that could hold a neighbour.
f32 miss_of_recall(const IndexState *state, f64 recall)
{
    ASSERT(recall >= 0 && recall <= 1);

    if (recall >= 1)
        return INFINITY;
    f32 miss = calibrated_miss(state, recall);
    f64 unlike = state->row_count > 0 ? 5 * (f64)state->strays / (f64)state->row_count : 0;
    return miss < 1 ? miss + (1 - miss) * (f32)(unlike < 1 ? unlike : 1) : miss;
}
