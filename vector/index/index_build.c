// Building an index from its table, in sequential passes.
//
//     1  a random sample of the rows is read, and k-means makes the lists' centroids of it, group
//        by group (index_prefix.h): each group is in the sample with one row at least;
//     2  all rows: each gets its nearest list, and the calibration its neighbours;
//     3  all rows again, as often as memory demands: those of a range of lists are encoded, brought
//        into the order of lists and written block by block.
//
// What is kept per row between the passes is its rowid and list, 12 bytes. Rows come in the order
// of rowids each time, from one snapshot, so a counter tells which row is which. The caller holds a
// savepoint: a failure leaves the index as it was.
#include "vector/index/cluster.h"
#include "vector/index/index_calibrate.h"
#include "vector/index/index_prefix.h"

#include <math.h>

enum {
    SAMPLE_PER_LIST = 64,
    SAMPLE_MIN = 16384,
    KEY_MEAN = 2,
};

typedef struct Build {
    Index *index;
    Blas blas;
    sqlite3_stmt *rows; // all rows of the table, being stepped
    f32 *sample;
    u32 *sample_groups;
    size_t sample_count, sample_capacity;
    // Of every group, by number; one of number 0 where there are no prefix columns:
    u32 group_count; // the greatest number
    i64 *group_sizes;
    // Of every fit row:
    MapEntry *entries;
    u8 *kinds;
    size_t row_count, capacity;
    // Of every list:
    size_t *sizes;
    f64 *spreads; // sums of square distances from the centroid
    // One batch on its way through pass 2:
    f32 *vectors;
    u32 *groups, *positions;
    size_t batch_count;
    Calibration *calibration;
} Build;

static void build_deinit(Build *build)
{
    blas_close(&build->blas);
    if (build->rows != NULL)
        (void)sqlite3_reset(build->rows);
    sqlite3_free(build->sample);
    sqlite3_free(build->sample_groups);
    sqlite3_free(build->group_sizes);
    sqlite3_free(build->entries);
    sqlite3_free(build->kinds);
    sqlite3_free(build->sizes);
    sqlite3_free(build->spreads);
    sqlite3_free(build->vectors);
    sqlite3_free(build->groups);
    sqlite3_free(build->positions);
    calibration_free(build->calibration);
}

// --- rows of the table ---

static int rows_begin(Build *build, bool is_grouped)
{
    ASSERT(build->rows == NULL);

    bool is_joined = is_grouped && build->index->config.prefix_count > 0;
    return store_statement(build->index, is_joined ? STORE_ROWS_GROUPED : STORE_ROWS_READ,
                           &build->rows);
}

// The next row that holds a vector. SQLITE_ROW, SQLITE_DONE or an error.
static int rows_next(Build *build, i64 *rowid, Vector *vector)
{
    IndexState *state = &build->index->state;
    int rc;
    while ((rc = sqlite3_step(build->rows)) == SQLITE_ROW) {
        *rowid = sqlite3_column_int64(build->rows, 0);
        state->rowid_max = *rowid > state->rowid_max ? *rowid : state->rowid_max;
        if (index_vector_decode(build->index, sqlite3_column_value(build->rows, 1), vector))
            return SQLITE_ROW;
    }
    int end = sqlite3_reset(build->rows);
    build->rows = NULL;
    return rc == SQLITE_DONE ? rc : end != SQLITE_OK ? end : rc;
}

// The group of the present row; its number was looked up by the same statement.
static int rows_group(const Build *build, u32 *group)
{
    ASSERT(build->rows != NULL);

    i64 number = build->index->config.prefix_count > 0 ? sqlite3_column_int64(build->rows, 2) : 0;
    if (number < 0 || number > build->group_count || (number == 0) != (build->group_count == 0))
        return index_corrupt(build->index, "a row is of no group");
    *group = (u32)number;
    return SQLITE_OK;
}

// --- pass 1 ---

// The dimensions of the first vector, where nothing else has said them.
static int find_dims(Build *build)
{
    Index *index = build->index;
    u32 dims = index->config.dims;
    if (dims == 0 && index->state.dims == 0) {
        i64 rowid;
        Vector vector;
        TRY(rows_begin(build, false));
        int rc = rows_next(build, &rowid, &vector);
        dims = rc == SQLITE_ROW ? (u32)vector.dims : 0;
        if (build->rows != NULL)
            (void)sqlite3_reset(build->rows);
        build->rows = NULL;
        if (rc != SQLITE_ROW && rc != SQLITE_DONE)
            return rc;
    }
    dims = dims != 0 ? dims : index->state.dims;
    return dims != 0 ? state_set_dims(index, dims) : SQLITE_OK;
}

static size_t sample_size(const Index *index, i64 row_count, size_t list_count)
{
    i64 wanted = (i64)list_count * SAMPLE_PER_LIST;
    i64 room = index->config.memory / 3 / (i64)(index->state.width * sizeof(f32));
    wanted = wanted < SAMPLE_MIN ? SAMPLE_MIN : wanted;
    wanted = wanted > room ? room : wanted;
    return (size_t)(wanted > row_count ? row_count : wanted);
}

static int sample_alloc(Build *build, size_t wanted)
{
    build->sample_capacity = wanted + build->group_count;
    size_t capacity = build->sample_capacity + 1;
    size_t sizes = (build->group_count + (size_t)1) * sizeof *build->group_sizes;
    ASSERT(build->sample == NULL);

    build->sample = sqlite3_malloc64(capacity * build->index->state.width * sizeof *build->sample);
    build->sample_groups = sqlite3_malloc64(capacity * sizeof *build->sample_groups);
    build->group_sizes = sqlite3_malloc64(sizes);
    if (build->sample == NULL || build->sample_groups == NULL || build->group_sizes == NULL)
        return SQLITE_NOMEM;
    memset(build->group_sizes, 0, sizes);
    return SQLITE_OK;
}

// Each row is taken with the chance that still fills the sample, and the first of a group always.
static int read_sample(Build *build, i64 row_count, size_t wanted)
{
    Index *index = build->index;
    u32 width = index->state.width;
    u64 random = index->state.seed;
    Vector vector;
    i64 rowid;
    TRY(sample_alloc(build, wanted));
    TRY(rows_begin(build, true));
    int rc;
    for (i64 left = row_count; (rc = rows_next(build, &rowid, &vector)) == SQLITE_ROW; left--) {
        u32 group;
        TRY(rows_group(build, &group));
        bool is_first = build->group_sizes[group]++ == 0 && group > 0;
        size_t missing = wanted > build->sample_count ? wanted - build->sample_count : 0;
        bool is_drawn = missing > 0 && (left <= 0 || random_next(&random) % (u64)left < missing);
        if (!(is_first || is_drawn) || build->sample_count == build->sample_capacity)
            continue;
        f32 *rotated = build->sample + build->sample_count * width;
        build->sample_groups[build->sample_count] = group;
        build->sample_count += index_vector_rotate(index, &vector, rotated) == ROW_FIT;
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static void mean_of(Rows rows, u32 width, f32 *mean)
{
    ASSERT(width > 0);

    memset(mean, 0, width * sizeof *mean);
    for (size_t i = 0; i < rows.count; i++)
        for (u32 d = 0; d < width; d++)
            mean[d] += rows.vectors[i * width + d] / (f32)rows.count;
}

// k-means leaves some clusters with several times as many rows as others: these are divided, or the
// first rows to come would have to.
static int choose_centroids(Build *build, Rows sample, u32 count, CentroidList *out)
{
    u32 width = build->index->state.width;
    ASSERT(count > 0);

    out->vectors = sqlite3_malloc64((u64)count * width * sizeof *out->vectors);
    if (out->vectors == NULL)
        return SQLITE_NOMEM;
    out->count = count;
    if (count == 1 || sample.count == 0) {
        out->count = 1;
        mean_of(sample.count > 0 ? sample : (Rows){build->sample, build->sample_count}, width,
                out->vectors);
        return SQLITE_OK;
    }
    TRY(cluster(&build->blas, sample, width, out->vectors, count, build->index->state.seed));
    size_t mean_size = sample.count / count;
    return mean_size < 4 ? SQLITE_OK
                         : cluster_divide(&build->blas, sample, width, mean_size * 3 / 2, out);
}

// The cache is filled here and written only once the radii are known. Ids are 1, 2, ... in order.
static int make_group_lists(Build *build, Rows sample, u32 group, u32 count)
{
    Index *index = build->index;
    CentroidList centroids = {.count = 0};
    u32 width = index->state.width;
    ASSERT(group <= build->group_count);

    int rc = choose_centroids(build, sample, count, &centroids);
    for (size_t i = 0; rc == SQLITE_OK && i < centroids.count; i++) {
        centroid_round(centroids.vectors + i * width, width);
        rc = lists_put(index, index->lists.count + 1, group, centroids.vectors + i * width, 0);
    }
    sqlite3_free(centroids.vectors);
    return rc;
}

// Tier 1 is for an index without prefix columns: a group is part of a larger whole.
static u32 list_count_of(const Build *build, i64 row_count)
{
    u32 list_size = build->index->config.list_size;
    ASSERT(list_size > 0);

    bool is_tier1 = build->group_count == 0 && row_count < TIER2_ROWS;
    i64 count = is_tier1 ? 1 : row_count / list_size;
    return count < 2 ? 1 : (u32)count;
}

// Brings the sample into the order of groups. starts[g]: where the rows of group g begin.
static int sort_sample(Build *build, size_t *starts)
{
    size_t count = build->sample_count, width = build->index->state.width;
    f32 *vectors = sqlite3_malloc64((count + 1) * width * sizeof *vectors);
    u32 *groups = sqlite3_malloc64((count + 1) * sizeof *groups);
    ASSERT(build->group_count > 0);

    if (vectors == NULL || groups == NULL) {
        sqlite3_free(vectors);
        sqlite3_free(groups);
        return SQLITE_NOMEM;
    }
    memset(starts, 0, (build->group_count + (size_t)2) * sizeof *starts);
    for (size_t i = 0; i < count; i++)
        starts[build->sample_groups[i] + 1]++;
    for (size_t g = 0; g <= build->group_count; g++)
        starts[g + 1] += starts[g];
    for (size_t i = 0; i < count; i++) {
        size_t at = starts[build->sample_groups[i]]++;
        memcpy(vectors + at * width, build->sample + i * width, width * sizeof *vectors);
        groups[at] = build->sample_groups[i];
    }
    for (size_t g = build->group_count + (size_t)1; g > 0; g--) // each has moved to its end
        starts[g] = starts[g - 1];
    starts[0] = 0;
    sqlite3_free(build->sample);
    sqlite3_free(build->sample_groups);
    build->sample = vectors;
    build->sample_groups = groups;
    return SQLITE_OK;
}

static int make_lists_by_group(Build *build, size_t *starts)
{
    ASSERT(build->group_count > 0);

    TRY(sort_sample(build, starts));
    for (u32 g = 1; g <= build->group_count; g++) {
        if (build->group_sizes[g] == 0)
            continue;
        u32 width = build->index->state.width;
        Rows rows = {build->sample + starts[g] * width, starts[g + 1] - starts[g]};
        TRY(make_group_lists(build, rows, g, list_count_of(build, build->group_sizes[g])));
    }
    return SQLITE_OK;
}

static int make_lists(Build *build, u32 count)
{
    Index *index = build->index;
    u32 width = index->state.width;
    const Rows sample = {build->sample, build->sample_count};
    ASSERT(count > 0);

    TRY(lists_alloc(&index->lists, count, width));
    mean_of(sample, width, index->lists.mean);
    if (build->group_count == 0)
        return make_group_lists(build, sample, 0, count);
    size_t *starts = sqlite3_malloc64((build->group_count + (size_t)2) * sizeof *starts);
    int rc = starts == NULL ? SQLITE_NOMEM : make_lists_by_group(build, starts);
    sqlite3_free(starts);
    return rc;
}

// --- pass 2 ---

static int entries_reserve(Build *build, size_t more)
{
    if (build->row_count + more <= build->capacity)
        return SQLITE_OK;
    size_t capacity = build->capacity * 2 + more;
    MapEntry *entries = sqlite3_realloc64(build->entries, capacity * sizeof *entries);
    if (entries == NULL)
        return SQLITE_NOMEM;
    build->entries = entries;
    u8 *kinds = sqlite3_realloc64(build->kinds, capacity);
    if (kinds == NULL)
        return SQLITE_NOMEM;
    build->kinds = kinds;
    build->capacity = capacity;
    return SQLITE_OK;
}

static int assign_batch(Build *build)
{
    Index *index = build->index;
    size_t count = build->batch_count;
    u32 width = index->state.width;
    const ListCache *lists = &index->lists;
    if (count == 0)
        return SQLITE_OK;
    TRY(lists_nearest_by(index, &build->blas, build->vectors, build->groups, count,
                         build->positions));
    PairKernel *l2sq = index->kernels->element[ELEMENT_F32].l2sq;
    for (size_t i = 0; i < count; i++) {
        u32 position = build->positions[i];
        build->entries[build->row_count - count + i].list = lists->ids[position];
        build->sizes[position]++;
        build->spreads[position] +=
            l2sq(build->vectors + i * width, lists->centroids + (size_t)position * width, width);
    }
    calibration_add(build->calibration, build->vectors, build->positions, count);
    build->batch_count = 0;
    return SQLITE_OK;
}

static int assign_row(Build *build, i64 rowid, const Vector *vector)
{
    Index *index = build->index;
    ASSERT(build->batch_count < CALIBRATION_BATCH);

    TRY(entries_reserve(build, 1));
    TRY(rows_group(build, &build->groups[build->batch_count]));
    f32 *rotated = build->vectors + build->batch_count * index->state.width;
    RowKind kind = index_vector_rotate(index, vector, rotated);
    if (kind == ROW_UNFIT)
        return SQLITE_OK;
    build->entries[build->row_count] = (MapEntry){.rowid = rowid};
    build->kinds[build->row_count] = (u8)kind;
    build->row_count++;
    build->batch_count++;
    return build->batch_count == CALIBRATION_BATCH ? assign_batch(build) : SQLITE_OK;
}

static int assign_rows(Build *build)
{
    Index *index = build->index;
    size_t list_count = index->lists.count;
    Vector vector;
    i64 rowid;
    build->vectors =
        sqlite3_malloc64(CALIBRATION_BATCH * index->state.width * sizeof *build->vectors);
    build->groups = sqlite3_malloc64(CALIBRATION_BATCH * sizeof *build->groups);
    build->positions = sqlite3_malloc64(CALIBRATION_BATCH * sizeof *build->positions);
    build->sizes = sqlite3_malloc64(list_count * sizeof *build->sizes);
    build->spreads = sqlite3_malloc64(list_count * sizeof *build->spreads);
    if (build->vectors == NULL || build->groups == NULL || build->positions == NULL
        || build->sizes == NULL || build->spreads == NULL)
        return SQLITE_NOMEM;
    memset(build->sizes, 0, list_count * sizeof *build->sizes);
    memset(build->spreads, 0, list_count * sizeof *build->spreads);
    TRY(calibration_begin(index, build->sample, build->sample_groups, build->sample_count,
                          &build->calibration));
    TRY(rows_begin(build, true));
    int rc;
    while ((rc = rows_next(build, &rowid, &vector)) == SQLITE_ROW)
        TRY(assign_row(build, rowid, &vector));
    if (rc != SQLITE_DONE)
        return rc;
    return assign_batch(build);
}

// --- pass 3 ---

typedef struct Range {
    u32 first, end; // positions of lists
    size_t *starts; // where in the batch the next row of each list goes
    RowBatch batch;
} Range;

static int encode_rows(Build *build, Range *range)
{
    Index *index = build->index;
    const ListCache *lists = &index->lists;
    u32 width = index->state.width;
    size_t code_size = code_size_of(width);
    RankKind kind = index_rank_kind(index);
    f32 *rotated = build->vectors;
    Vector vector;
    i64 rowid;
    TRY(rows_begin(build, false));
    int rc;
    for (size_t i = 0; (rc = rows_next(build, &rowid, &vector)) == SQLITE_ROW;) {
        if (i >= build->row_count || build->entries[i].rowid != rowid)
            continue;                              // not a fit one
        u32 position = build->entries[i].list - 1; // ids are 1, 2, ... after a build
        RowKind row_kind = (RowKind)build->kinds[i++];
        if (position < range->first || position >= range->end)
            continue;
        size_t at = range->starts[position - range->first]++;
        u8 *code = range->batch.codes + at * code_size;
        range->batch.rowids[at] = rowid;
        (void)index_vector_rotate(index, &vector, rotated);
        if (row_kind != ROW_FIT)
            row_encode_apart(row_kind == ROW_ZERO ? INFINITY : -INFINITY, width, code,
                             &range->batch.factors[at]);
        else
            row_encode(
                &(RowFrame){kind, width, lists->centroids + (size_t)position * width, lists->mean},
                rotated, code, &range->batch.factors[at]);
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int write_range(Build *build, Range *range)
{
    Index *index = build->index;
    size_t at = 0;
    for (u32 i = range->first; i < range->end; i++) {
        u32 length;
        if (build->sizes[i] > 0)
            TRY(list_append(index, index->lists.ids[i], &range->batch, at, build->sizes[i],
                            &length));
        at += build->sizes[i];
    }
    return SQLITE_OK;
}

static int build_range(Build *build, Range *range, size_t row_count)
{
    size_t code_size = code_size_of(build->index->state.width);
    range->starts = sqlite3_malloc64((range->end - range->first) * sizeof *range->starts);
    if (range->starts == NULL)
        return SQLITE_NOMEM;
    size_t at = 0;
    for (u32 i = range->first; i < range->end; i++) {
        range->starts[i - range->first] = at;
        at += build->sizes[i];
    }
    ASSERT(at == row_count);
    int rc = batch_reserve(&range->batch, code_size, row_count + 1);
    if (rc == SQLITE_OK)
        rc = encode_rows(build, range);
    if (rc == SQLITE_OK)
        rc = write_range(build, range);
    batch_deinit(&range->batch);
    sqlite3_free(range->starts);
    return rc;
}

static int write_blocks(Build *build)
{
    const Index *index = build->index;
    size_t row_size = code_size_of(index->state.width) + sizeof(RowFactors) + sizeof(i64);
    size_t room = (size_t)index->config.memory / 2 / row_size;
    for (u32 first = 0; first < index->lists.count;) {
        Range range = {.first = first, .end = first};
        size_t rows = 0;
        while (range.end < index->lists.count
               && (range.end == first || rows + build->sizes[range.end] <= room))
            rows += build->sizes[range.end++];
        TRY(build_range(build, &range, rows));
        first = range.end;
    }
    return SQLITE_OK;
}

static int write_lists(Build *build)
{
    Index *index = build->index;
    ListCache *lists = &index->lists;
    for (u32 i = 0; i < lists->count; i++) {
        lists->radii[i] =
            build->sizes[i] > 0 ? (f32)sqrt(build->spreads[i] / (f64)build->sizes[i]) : 0;
        TRY(list_write(index, lists->ids[i], lists->groups[i],
                       lists->centroids + (size_t)i * lists->width, lists->radii[i]));
    }
    return store_meta_write(index, KEY_MEAN, lists->mean, lists->width * sizeof(f32));
}

// --- all together ---

static int empty_tables(Index *index)
{
    static const char *const tables[] = {"lists", "blocks", "map", "queue"};
    for (int i = 0; i < ARRAY_LEN(tables); i++)
        TRY(store_exec(index, "DELETE FROM \"%w\".\"%w_%s\"", index->config.schema,
                       index->config.name, tables[i]));
    return SQLITE_OK;
}

static int count_rows(Index *index, i64 *count)
{
    sqlite3_stmt *stmt;
    bool found;
    TRY(store_statement(index, STORE_ROWS_COUNT, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, INT64_MAX));
    return store_number(index, STORE_ROWS_COUNT, count, &found);
}

static int build_lists(Build *build, i64 row_count)
{
    Index *index = build->index;
    IndexState *state = &index->state;
    ASSERT(row_count > 0);

    if (index->config.prefix_count > 0)
        TRY(prefix_fill_groups(index, &build->group_count));
    u32 list_count = list_count_of(build, row_count);
    blas_open(&build->blas, index->kernels, 1);
    TRY(read_sample(build, row_count, sample_size(index, row_count, list_count)));
    TRY(make_lists(build, list_count));
    if (index->lists.count == 0) { // no group has a fit vector
        state->skipped = row_count;
        return SQLITE_OK;
    }
    TRY(assign_rows(build));
    TRY(write_blocks(build));
    TRY(write_lists(build));
    TRY(map_store(index, build->entries, build->row_count));
    TRY(calibration_finish(build->calibration, state));
    state->list_count = index->lists.count;
    state->next_list = state->list_count + 1;
    state->row_count = (i64)build->row_count;
    state->skipped = row_count - state->row_count;
    return SQLITE_OK;
}

int index_build(Index *index)
{
    ASSERT(!index->is_busy);

    Build build = {.index = index};
    IndexState *state = &index->state;
    i64 row_count;
    state->list_count = 0;
    state->next_list = 1;
    state->row_count = 0;
    state->skipped = 0;
    state->strays = 0;
    state->rowid_max = INT64_MIN;
    state->generation = random_u64() | 1;
    lists_free(&index->lists);
    TRY(empty_tables(index));
    int rc = find_dims(&build);
    if (rc == SQLITE_OK)
        rc = count_rows(index, &row_count);
    if (rc == SQLITE_OK && state->width > 0 && row_count >= TIER1_ROWS)
        rc = build_lists(&build, row_count);
    build_deinit(&build);
    if (rc != SQLITE_OK) {
        lists_free(&index->lists);
        return rc;
    }
    index->lists.generation = state->generation;
    if (state->list_count == 0)
        lists_free(&index->lists);
    state->is_stale = false;
    return state_write(index);
}
