// The lists and their centroids, in memory: read whole when the state's generation has changed.
//
// A generation is a random number, not a counter: after a rollback a counter could come to the same
// value with other centroids.
#include "vector/index/cluster.h"
#include "vector/index/vector_index.h"
#include "vector/module_store.h"

#include <math.h>

enum { LIST_HEADER_SIZE = 8, KEY_MEAN = 2 };

void lists_free(ListCache *lists)
{
    sqlite3_free(lists->ids);
    sqlite3_free(lists->groups);
    sqlite3_free(lists->radii);
    sqlite3_free(lists->squares);
    sqlite3_free(lists->centroids);
    sqlite3_free(lists->mean);
    *lists = (ListCache){.generation = 0};
}

static f32 step_of_centroid(const f32 *centroid, u32 width)
{
    f32 greatest = 0;
    for (u32 i = 0; i < width; i++)
        greatest = fmaxf(greatest, fabsf(centroid[i]));
    return greatest > 0 && isfinite(greatest) ? greatest / 32767 : 1;
}

void centroid_round(f32 *centroid, u32 width)
{
    ASSERT(width > 0);

    f32 step = step_of_centroid(centroid, width);
    for (u32 i = 0; i < width; i++)
        centroid[i] = (f32)lrintf(centroid[i] / step) * step;
}

int list_write(Index *index, u32 id, u32 group, const f32 *centroid, f32 radius)
{
    u32 width = index->state.width;
    size_t size = LIST_HEADER_SIZE + width * sizeof(int16_t);
    ASSERT(id > 0 && width > 0);
    ASSERT((group > 0) == (index->config.prefix_count > 0));

    u8 *blob = sqlite3_malloc64(size);
    if (blob == NULL)
        return SQLITE_NOMEM;
    f32 step = step_of_centroid(centroid, width);
    memcpy(blob, &radius, 4);
    memcpy(blob + 4, &step, 4);
    for (u32 i = 0; i < width; i++) {
        int16_t element = (int16_t)lrintf(centroid[i] / step);
        memcpy(blob + LIST_HEADER_SIZE + 2 * i, &element, 2);
    }
    sqlite3_stmt *stmt;
    int rc = store_statement(index, STORE_LIST_WRITE, &stmt);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(stmt, 1, id);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_blob64(stmt, 2, blob, size, SQLITE_STATIC);
    if (rc == SQLITE_OK && group > 0)
        rc = sqlite3_bind_int64(stmt, 3, group);
    if (rc == SQLITE_OK)
        rc = module_run(stmt);
    sqlite3_free(blob);
    return rc;
}

int list_delete(Index *index, u32 id)
{
    ASSERT(id > 0);

    sqlite3_stmt *stmt;
    TRY(store_statement(index, STORE_LIST_DELETE, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, id));
    return module_run(stmt);
}

static int lists_grow(ListCache *lists, u32 capacity)
{
    u32 *ids = sqlite3_realloc64(lists->ids, capacity * sizeof *ids);
    if (ids == NULL)
        return SQLITE_NOMEM;
    lists->ids = ids;
    u32 *groups = sqlite3_realloc64(lists->groups, capacity * sizeof *groups);
    if (groups == NULL)
        return SQLITE_NOMEM;
    lists->groups = groups;
    f32 *radii = sqlite3_realloc64(lists->radii, capacity * sizeof *radii);
    if (radii == NULL)
        return SQLITE_NOMEM;
    lists->radii = radii;
    f32 *squares = sqlite3_realloc64(lists->squares, capacity * sizeof *squares);
    if (squares == NULL)
        return SQLITE_NOMEM;
    lists->squares = squares;
    f32 *centroids =
        sqlite3_realloc64(lists->centroids, (u64)capacity * lists->width * sizeof *centroids);
    if (centroids == NULL)
        return SQLITE_NOMEM;
    lists->centroids = centroids;
    lists->capacity = capacity;
    return SQLITE_OK;
}

int lists_alloc(ListCache *lists, u32 count, u32 width)
{
    ASSERT(width > 0);

    lists_free(lists);
    lists->width = width;
    lists->mean = sqlite3_malloc64(width * sizeof *lists->mean);
    return lists->mean == NULL ? SQLITE_NOMEM : lists_grow(lists, count + 1);
}

// Moves the lists from position `from` on to `to`.
static void lists_shift(ListCache *lists, size_t from, size_t to)
{
    size_t moved = lists->count - from;
    size_t width = lists->width;
    ASSERT(from <= lists->count);
    ASSERT(to + moved <= lists->capacity);

    memmove(lists->ids + to, lists->ids + from, moved * sizeof *lists->ids);
    memmove(lists->groups + to, lists->groups + from, moved * sizeof *lists->groups);
    memmove(lists->radii + to, lists->radii + from, moved * sizeof *lists->radii);
    memmove(lists->squares + to, lists->squares + from, moved * sizeof *lists->squares);
    memmove(lists->centroids + to * width, lists->centroids + from * width,
            moved * width * sizeof *lists->centroids);
}

int lists_put(Index *index, u32 id, u32 group, const f32 *centroid, f32 radius)
{
    ListCache *lists = &index->lists;
    i64 position = lists_position(lists, id);
    if (position < 0) {
        u32 first, end;
        if (lists->count == lists->capacity)
            TRY(lists_grow(lists, lists->capacity * 2));
        lists_of_group(lists, group, &first, &end);
        ASSERT(first == end || lists->ids[end - 1] < id);
        lists_shift(lists, end, end + 1);
        lists->count++;
        position = end;
    }
    memcpy(lists->centroids + (size_t)position * lists->width, centroid,
           lists->width * sizeof *centroid);
    lists->ids[position] = id;
    lists->groups[position] = group;
    lists->radii[position] = radius;
    lists->squares[position] =
        (f32)index->kernels->element[ELEMENT_F32].dot(centroid, centroid, lists->width);
    return SQLITE_OK;
}

int lists_add(Index *index, u32 group, const f32 *centroid, f32 radius)
{
    IndexState *state = &index->state;
    ASSERT(state->list_count == index->lists.count);

    TRY(list_write(index, state->next_list, group, centroid, radius));
    TRY(lists_put(index, state->next_list, group, centroid, radius));
    state->next_list++;
    state->list_count++;
    return SQLITE_OK;
}

void lists_of_group(const ListCache *lists, u32 group, u32 *first, u32 *end)
{
    ASSERT(lists->count <= lists->capacity);

    u32 low = 0, high = lists->count;
    while (low < high) {
        u32 middle = (low + high) / 2;
        if (lists->groups[middle] < group)
            low = middle + 1;
        else
            high = middle;
    }
    *first = low;
    for (high = lists->count; low < high;) {
        u32 middle = (low + high) / 2;
        if (lists->groups[middle] <= group)
            low = middle + 1;
        else
            high = middle;
    }
    *end = low;
}

void lists_changed(Index *index)
{
    index->state.generation = random_u64() | 1;
    index->lists.generation = index->state.generation;
}

void lists_drop(ListCache *lists, u32 id)
{
    i64 found = lists_position(lists, id);
    ASSERT(found >= 0);

    lists_shift(lists, (size_t)found + 1, (size_t)found);
    lists->count--;
}

static int read_list(Index *index, sqlite3_stmt *stmt)
{
    ListCache *lists = &index->lists;
    u32 width = lists->width;
    const u8 *blob = sqlite3_column_blob(stmt, 1);
    i64 id = sqlite3_column_int64(stmt, 0);
    if (lists->count >= index->state.list_count)
        return index_corrupt(index, "there are more lists than it counts");
    if (blob == NULL
        || (size_t)sqlite3_column_bytes(stmt, 1) != LIST_HEADER_SIZE + 2 * (size_t)width)
        return index_corrupt(index, "a list is of the wrong size");
    if (id <= 0 || id >= index->state.next_list)
        return index_corrupt(index, "a list has a number out of range");

    i64 group = index->config.prefix_count > 0 ? sqlite3_column_int64(stmt, 2) : 0;
    if (group < 0 || group > UINT32_MAX || (group == 0) != (index->config.prefix_count == 0))
        return index_corrupt(index, "a list is of no group");
    // Groups are searched for by halves. A number that is stored as text sorts behind all others.
    if (lists->count > 0 && group < lists->groups[lists->count - 1])
        return index_corrupt(index, "a list's group is no integer");

    f32 radius, step, square = 0;
    f32 *centroid = lists->centroids + (size_t)lists->count * width;
    memcpy(&radius, blob, 4);
    memcpy(&step, blob + 4, 4);
    for (u32 i = 0; i < width; i++) {
        int16_t element;
        memcpy(&element, blob + LIST_HEADER_SIZE + 2 * i, 2);
        centroid[i] = (f32)element * step;
        square += centroid[i] * centroid[i];
    }
    if (!isfinite(square) || !(radius >= 0))
        return index_corrupt(index, "a list's centroid is not finite");
    lists->ids[lists->count] = (u32)id;
    lists->groups[lists->count] = (u32)group;
    lists->radii[lists->count] = radius;
    lists->squares[lists->count] = square;
    lists->count++;
    return SQLITE_OK;
}

static int read_mean(Index *index)
{
    u8 *blob;
    size_t size;
    TRY(store_meta_read(index, KEY_MEAN, &blob, &size));
    size_t expected = index->state.width * sizeof(f32);
    if (blob != NULL && size == expected)
        memcpy(index->lists.mean, blob, expected);
    sqlite3_free(blob);
    return size == expected ? SQLITE_OK : index_corrupt(index, "its mean is of the wrong size");
}

static int read_lists(Index *index)
{
    sqlite3_stmt *stmt;
    TRY(store_statement(index, STORE_LISTS_READ, &stmt));
    int rc = SQLITE_OK;
    while (rc == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW)
        rc = read_list(index, stmt);
    int end = sqlite3_reset(stmt);
    if (rc != SQLITE_OK || end != SQLITE_OK)
        return rc != SQLITE_OK ? rc : end;
    if (index->lists.count != index->state.list_count)
        return index_corrupt(index, "lists are missing");
    return SQLITE_OK;
}

int lists_load(Index *index)
{
    const IndexState *state = &index->state;
    if (index->lists.generation == state->generation && index->lists.generation != 0)
        return SQLITE_OK;
    TRY(lists_alloc(&index->lists, state->list_count, state->width));
    int rc = read_mean(index);
    if (rc == SQLITE_OK)
        rc = read_lists(index);
    if (rc == SQLITE_OK)
        index->lists.generation = state->generation;
    else
        lists_free(&index->lists);
    return rc;
}

i64 lists_position(const ListCache *lists, u32 id)
{
    ASSERT(id > 0);

    for (u32 i = 0; i < lists->count; i++) // ids ascend within a group only
        if (lists->ids[i] == id)
            return i;
    return -1;
}

enum { BLAS_WORTH = 1 << 20 }; // products of elements below which loading OpenBLAS is not

// Run by run of vectors of one group.
int lists_nearest_by(const Index *index, const Blas *blas, const f32 *vectors, const u32 *groups,
                     size_t count, u32 *positions)
{
    const ListCache *lists = &index->lists;
    ASSERT(lists->count > 0);

    size_t width = lists->width, end;
    for (size_t at = 0; at < count; at = end) {
        u32 first, last;
        for (end = at + 1; end < count && groups[end] == groups[at];)
            end++;
        lists_of_group(lists, groups[at], &first, &last);
        ASSERT(first < last);
        const Centroids centroids = {lists->centroids + first * width, lists->squares + first,
                                     last - first, lists->width};
        TRY(centroids_nearest(blas, &centroids, vectors + at * width, end - at, positions + at));
        for (size_t i = at; i < end; i++)
            positions[i] += first;
    }
    return SQLITE_OK;
}

int lists_nearest(Index *index, const f32 *vectors, const u32 *groups, size_t count, u32 *positions)
{
    const ListCache *lists = &index->lists;
    ASSERT(lists->count > 0);

    Blas blas = {.kernels = index->kernels};
    bool is_worth = (u64)count * lists->count * lists->width > BLAS_WORTH;
    if (is_worth)
        blas_open(&blas, index->kernels, 1);
    int rc = lists_nearest_by(index, &blas, vectors, groups, count, positions);
    blas_close(&blas);
    return rc;
}
