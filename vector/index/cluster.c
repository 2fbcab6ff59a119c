// k-means. See cluster.h.
//
// Many clusters are made in two steps, first about the root of their number and then those of each
// part by itself: n * 2 * sqrt(k) distances per round rather than n * k. Rounds on the whole then
// mend what the borders of the parts spoilt.
#include "vector/index/cluster.h"

#include "vector/index/row_code.h"

#include <math.h>

enum { ROUNDS = 8, MENDING_ROUNDS = 2, FLAT_MAX = 128, PRODUCTS_SIZE = 1 << 20 };

// --- nearest ---

static u32 least_position(const f32 *products, const Centroids *centroids)
{
    u32 best = 0;
    f32 best_rank = INFINITY;
    for (size_t k = 0; k < centroids->count; k++) {
        f32 rank = centroids->squares[k] - 2 * products[k];
        if (rank < best_rank) {
            best_rank = rank;
            best = (u32)k;
        }
    }
    return best;
}

int centroids_nearest(const Blas *blas, const Centroids *centroids, const f32 *vectors,
                      size_t count, u32 *positions)
{
    ASSERT(centroids->count > 0);

    size_t step = PRODUCTS_SIZE / centroids->count;
    step = step < 1 ? 1 : step > count ? count : step;
    f32 *products = sqlite3_malloc64((step + 1) * centroids->count * sizeof *products);
    if (products == NULL)
        return SQLITE_NOMEM;
    for (size_t first = 0; first < count; first += step) {
        size_t rows = count - first < step ? count - first : step;
        blas_products(blas, (Rows){vectors + first * centroids->width, rows},
                      (Rows){centroids->vectors, centroids->count}, centroids->width, products);
        for (size_t i = 0; i < rows; i++)
            positions[first + i] = least_position(products + i * centroids->count, centroids);
    }
    sqlite3_free(products);
    return SQLITE_OK;
}

// --- one run of k-means ---

typedef struct Run {
    const Blas *blas;
    const f32 *vectors;
    size_t vector_count;
    u32 width;
    f32 *centroids;
    size_t count;
    f32 *squares;   // of the centroids
    u32 *positions; // of the vectors
    u32 *sizes;     // of the clusters
    f32 *distances; // while centroids are chosen: of the vectors from the nearest one so far
    u64 random;
} Run;

static const f32 *random_vector(Run *run)
{
    return run->vectors + random_next(&run->random) % run->vector_count * run->width;
}

static int run_assign(Run *run)
{
    for (size_t k = 0; k < run->count; k++) {
        const f32 *c = run->centroids + k * run->width;
        run->squares[k] = (f32)run->blas->kernels->element[ELEMENT_F32].dot(c, c, run->width);
    }
    const Centroids centroids = {run->centroids, run->squares, run->count, run->width};
    return centroids_nearest(run->blas, &centroids, run->vectors, run->vector_count,
                             run->positions);
}

// Every centroid becomes the mean of its vectors; one without any moves to a random vector.
static void run_update(Run *run)
{
    memset(run->centroids, 0, run->count * run->width * sizeof *run->centroids);
    memset(run->sizes, 0, run->count * sizeof *run->sizes);
    for (size_t i = 0; i < run->vector_count; i++) {
        f32 *centroid = run->centroids + (size_t)run->positions[i] * run->width;
        const f32 *vector = run->vectors + i * run->width;
        for (u32 d = 0; d < run->width; d++)
            centroid[d] += vector[d];
        run->sizes[run->positions[i]]++;
    }
    for (size_t k = 0; k < run->count; k++) {
        f32 *centroid = run->centroids + k * run->width;
        if (run->sizes[k] == 0)
            memcpy(centroid, random_vector(run), run->width * sizeof *centroid);
        f32 scale = run->sizes[k] == 0 ? 1 : 1 / (f32)run->sizes[k];
        for (u32 d = 0; d < run->width; d++)
            centroid[d] *= scale;
    }
}

static int run_begin(Run *run)
{
    run->squares = sqlite3_malloc64(run->count * sizeof *run->squares);
    run->sizes = sqlite3_malloc64(run->count * sizeof *run->sizes);
    run->positions = sqlite3_malloc64(run->vector_count * sizeof *run->positions);
    run->distances = sqlite3_malloc64(run->vector_count * sizeof *run->distances);
    bool is_ready = run->squares != NULL && run->sizes != NULL && run->positions != NULL
                    && run->distances != NULL;
    return is_ready ? SQLITE_OK : SQLITE_NOMEM;
}

static void run_end(Run *run)
{
    sqlite3_free(run->distances);
    sqlite3_free(run->squares);
    sqlite3_free(run->sizes);
    sqlite3_free(run->positions);
}

static int run_rounds(Run *run, int rounds)
{
    for (int round = 0; round < rounds; round++) {
        TRY(run_assign(run));
        run_update(run);
    }
    return SQLITE_OK;
}

// A vector, with a chance in proportion to its square distance from the centroids chosen so far.
static const f32 *distant_vector(Run *run)
{
    f64 total = 0;
    for (size_t i = 0; i < run->vector_count; i++)
        total += (f64)run->distances[i];
    f64 goal = (f64)(random_next(&run->random) >> 11) * 0x1p-53 * total;
    for (size_t i = 0; i < run->vector_count; i++) {
        goal -= (f64)run->distances[i];
        if (goal < 0)
            return run->vectors + i * run->width;
    }
    return random_vector(run); // all vectors are centroids already
}

// k-means++: a start that seldom leaves two distant clusters to one centroid.
static void run_seed(Run *run)
{
    PairKernel *l2sq = run->blas->kernels->element[ELEMENT_F32].l2sq;
    for (size_t i = 0; i < run->vector_count; i++)
        run->distances[i] = INFINITY;
    for (size_t k = 0; k < run->count; k++) {
        f32 *centroid = run->centroids + k * run->width;
        memcpy(centroid, k == 0 ? random_vector(run) : distant_vector(run),
               run->width * sizeof *centroid);
        for (size_t i = 0; i < run->vector_count; i++) {
            f32 distance = (f32)l2sq(run->vectors + i * run->width, centroid, run->width);
            if (distance < run->distances[i])
                run->distances[i] = distance;
        }
    }
}

static int cluster_flat(Run *run)
{
    run_seed(run);
    return run_rounds(run, ROUNDS);
}

// --- in two steps ---

// Vectors brought into the order of their parts.
typedef struct Parts {
    f32 *centroids; // of the parts
    size_t count;
    size_t *starts; // count + 1
    f32 *vectors;
} Parts;

static void parts_deinit(Parts *parts)
{
    sqlite3_free(parts->centroids);
    sqlite3_free(parts->starts);
    sqlite3_free(parts->vectors);
}

static int parts_alloc(Parts *parts, const Run *run)
{
    size_t size = run->width * sizeof(f32);
    parts->centroids = sqlite3_malloc64(parts->count * size);
    parts->starts = sqlite3_malloc64((parts->count + 2) * sizeof *parts->starts);
    parts->vectors = sqlite3_malloc64(run->vector_count * size);
    bool is_ready = parts->centroids != NULL && parts->starts != NULL && parts->vectors != NULL;
    return is_ready ? SQLITE_OK : SQLITE_NOMEM;
}

// A counting sort by part. starts[k + 1] runs from the start of part k to its end.
static void parts_sort(Parts *parts, const Run *run, const u32 *positions)
{
    memset(parts->starts, 0, (parts->count + 2) * sizeof *parts->starts);
    for (size_t i = 0; i < run->vector_count; i++)
        parts->starts[positions[i] + 2]++;
    for (size_t k = 2; k < parts->count + 2; k++)
        parts->starts[k] += parts->starts[k - 1];
    for (size_t i = 0; i < run->vector_count; i++) {
        size_t at = parts->starts[positions[i] + 1]++;
        memcpy(parts->vectors + at * run->width, run->vectors + i * run->width,
               run->width * sizeof *parts->vectors);
    }
}

static int parts_make(Parts *parts, const Run *run)
{
    Run coarse = *run;
    coarse.centroids = parts->centroids;
    coarse.count = parts->count;
    int rc = run_begin(&coarse);
    if (rc == SQLITE_OK)
        rc = cluster_flat(&coarse);
    if (rc == SQLITE_OK)
        rc = run_assign(&coarse);
    if (rc == SQLITE_OK)
        parts_sort(parts, run, coarse.positions);
    run_end(&coarse);
    return rc;
}

// Each part gets clusters in proportion to its vectors.
static int parts_cluster(const Parts *parts, const Run *run)
{
    size_t done = 0;
    for (size_t k = 0; k < parts->count; k++) {
        size_t first = parts->starts[k], end = parts->starts[k + 1];
        size_t goal = (size_t)((f64)run->count * (f64)end / (f64)run->vector_count + 0.5);
        if (goal <= done || end == first)
            continue;
        Run part = *run;
        part.vectors = parts->vectors + first * run->width;
        part.vector_count = end - first;
        part.centroids = run->centroids + done * run->width;
        part.count = goal - done;
        int rc = run_begin(&part);
        if (rc == SQLITE_OK)
            rc = cluster_flat(&part);
        run_end(&part);
        TRY(rc);
        done = goal;
    }
    Run rest = *run;
    for (; done < run->count; done++) // rounding may leave some over
        memcpy(run->centroids + done * run->width, random_vector(&rest),
               run->width * sizeof *run->centroids);
    return SQLITE_OK;
}

static int cluster_in_parts(Run *run)
{
    Parts parts = {.count = (size_t)sqrt((f64)run->count)};
    int rc = parts_alloc(&parts, run);
    if (rc == SQLITE_OK)
        rc = parts_make(&parts, run);
    if (rc == SQLITE_OK)
        rc = parts_cluster(&parts, run);
    parts_deinit(&parts);
    return rc != SQLITE_OK ? rc : run_rounds(run, MENDING_ROUNDS);
}

// --- clusters that are too large ---

// Makes several centroids of one: the first takes its place, the others are appended.
static int divide_one(const Run *run, const Parts *parts, size_t k, size_t size_max,
                      CentroidList *list)
{
    size_t size = parts->starts[k + 1] - parts->starts[k];
    size_t pieces = size * 2 / size_max + 1; // of half the greatest size and some
    f32 *vectors =
        sqlite3_realloc64(list->vectors, (list->count + pieces) * run->width * sizeof *vectors);
    if (vectors == NULL)
        return SQLITE_NOMEM;
    list->vectors = vectors;
    Run part = *run;
    part.vectors = parts->vectors + parts->starts[k] * run->width;
    part.vector_count = size;
    part.centroids = vectors + list->count * run->width;
    part.count = pieces;
    int rc = run_begin(&part);
    if (rc == SQLITE_OK)
        rc = cluster_flat(&part);
    run_end(&part);
    TRY(rc);
    list->count += pieces - 1;
    memcpy(vectors + k * run->width, vectors + list->count * run->width,
           run->width * sizeof *vectors);
    return SQLITE_OK;
}

int cluster_divide(const Blas *blas, Rows rows, u32 width, size_t size_max, CentroidList *list)
{
    ASSERT(list->count > 0 && size_max > 1);

    Run run = {.blas = blas,
               .vectors = rows.vectors,
               .vector_count = rows.count,
               .width = width,
               .centroids = list->vectors,
               .count = list->count,
               .random = rows.count};
    Parts parts = {.count = list->count};
    int rc = run_begin(&run);
    if (rc == SQLITE_OK)
        rc = parts_alloc(&parts, &run);
    if (rc == SQLITE_OK)
        rc = run_assign(&run);
    if (rc == SQLITE_OK)
        parts_sort(&parts, &run, run.positions);
    for (size_t k = 0; rc == SQLITE_OK && k < parts.count; k++)
        if (parts.starts[k + 1] - parts.starts[k] > size_max)
            rc = divide_one(&run, &parts, k, size_max, list);
    parts_deinit(&parts);
    run_end(&run);
    return rc;
}

int cluster(const Blas *blas, Rows rows, u32 width, f32 *centroids, size_t count, u64 seed)
{
    ASSERT(rows.count > 0 && count > 0);

    Run run = {.blas = blas,
               .vectors = rows.vectors,
               .vector_count = rows.count,
               .width = width,
               .centroids = centroids,
               .count = count,
               .random = seed};
    int rc = run_begin(&run);
    if (rc == SQLITE_OK)
        rc = count <= FLAT_MAX ? cluster_flat(&run) : cluster_in_parts(&run);
    run_end(&run);
    return rc;
}
