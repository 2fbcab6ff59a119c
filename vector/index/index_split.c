// Lists that became too long or too short.
//
// A split reads the list's own vectors from the table, makes two clusters of them and writes both
// anew; a dissolved list's rows go to the nearest of the others. Both touch one list's rows and no
// more, whatever the size of the index. Rows that are gone from the table are dropped on the way.
#include "vector/index/cluster.h"
#include "vector/index/index_calibrate.h"
#include "vector/index/index_change.h"

#include <math.h>
#include <stdlib.h>

static int compare_rowids(const void *a, const void *b)
{
    i64 x = *(const i64 *)a, y = *(const i64 *)b;
    return x < y ? -1 : x > y;
}

static int forget(Index *index, const i64 *rowids, size_t count)
{
    MapEntry *entries = sqlite3_malloc64((count + 1) * sizeof *entries);
    if (entries == NULL)
        return SQLITE_NOMEM;
    for (size_t i = 0; i < count; i++)
        entries[i] = (MapEntry){.rowid = rowids[i]};
    int rc = map_store(index, entries, count);
    sqlite3_free(entries);
    return rc;
}

// Takes all rows out of a list, with their vectors as the table has them now. They stay of the
// list's group: one that is of another by now is in the queue.
static int take_rows(Index *index, u32 list, Placement *out)
{
    i64 *rowids;
    size_t count;
    i64 position = lists_position(&index->lists, list);
    ASSERT(position >= 0); // the caller has it from the lists

    u32 group = index->lists.groups[position];
    TRY(list_rowids(index, list, &rowids, &count));
    qsort(rowids, count, sizeof *rowids, compare_rowids);
    int rc = placement_alloc(out, index->state.width, count);
    for (size_t i = 0; rc == SQLITE_OK && i < count; i++)
        if (i > 0 && rowids[i] == rowids[i - 1])
            rc = index_corrupt(index, "a row is twice in one list");
        else
            rc = placement_read(index, out, rowids[i], group);
    if (rc == SQLITE_OK)
        rc = forget(index, rowids, count);
    if (rc == SQLITE_OK)
        rc = list_clear(index, list);
    if (rc == SQLITE_OK && (i64)count > index->state.row_count)
        rc = index_corrupt(index, "it has more rows than it counts");
    if (rc == SQLITE_OK)
        index->state.row_count -= (i64)(count - out->count);
    sqlite3_free(rowids);
    return rc;
}

// Where k-means leaves one side nearly empty, as it does with equal vectors, the rows are halved.
static void even_out(u32 *sides, size_t count)
{
    size_t second = 0;
    for (size_t i = 0; i < count; i++)
        second += sides[i];
    if (second >= count / 16 && count - second >= count / 16 && second > 0 && second < count)
        return;
    for (size_t i = 0; i < count; i++)
        sides[i] = i >= count / 2;
}

static void side_mean(const Placement *rows, const u32 *sides, u32 side, u32 width, f32 *mean)
{
    size_t count = 0;
    memset(mean, 0, width * sizeof *mean);
    for (size_t i = 0; i < rows->count; i++) {
        if (sides[i] != side)
            continue;
        count++;
        for (u32 d = 0; d < width; d++)
            mean[d] += rows->vectors[i * width + d];
    }
    for (u32 d = 0; d < width && count > 0; d++)
        mean[d] /= (f32)count;
}

static f32 side_radius(const Index *index, const Placement *rows, const u32 *sides, u32 side,
                       const f32 *centroid)
{
    u32 width = index->state.width;
    size_t count = 0;
    f64 sum = 0;
    for (size_t i = 0; i < rows->count; i++) {
        if (sides[i] != side)
            continue;
        count++;
        sum +=
            index->kernels->element[ELEMENT_F32].l2sq(rows->vectors + i * width, centroid, width);
    }
    return count > 0 ? (f32)sqrt(sum / (f64)count) : 0;
}

// Decides which row goes where: 0 or 1 in rows->positions.
static int choose_sides(Index *index, Placement *rows, f32 *centroids)
{
    u32 width = index->state.width;
    Blas blas = {.kernels = index->kernels};
    f32 squares[2];
    TRY(cluster(&blas, (Rows){rows->vectors, rows->count}, width, centroids, 2, random_u64()));
    for (int k = 0; k < 2; k++) {
        const f32 *c = centroids + (size_t)k * width;
        squares[k] = (f32)index->kernels->element[ELEMENT_F32].dot(c, c, width);
    }
    const Centroids pair = {centroids, squares, 2, width};
    TRY(centroids_nearest(&blas, &pair, rows->vectors, rows->count, rows->positions));
    even_out(rows->positions, rows->count);
    return SQLITE_OK;
}

// Writes both lists' centroids and turns sides into positions in the cache.
static int make_sides(Index *index, u32 list, Placement *rows, f32 *centroids)
{
    u32 width = index->state.width;
    u32 ids[2] = {list, index->state.next_list};
    i64 positions[2];
    ASSERT(rows->count > 1);

    u32 group = rows->groups[0];
    for (u32 side = 0; side < 2; side++) {
        f32 *centroid = centroids + (size_t)side * width;
        side_mean(rows, rows->positions, side, width, centroid);
        centroid_round(centroid, width);
        f32 radius = side_radius(index, rows, rows->positions, side, centroid);
        if (side == 1) {
            TRY(lists_add(index, group, centroid, radius));
        } else {
            TRY(list_write(index, list, group, centroid, radius));
            TRY(lists_put(index, list, group, centroid, radius));
        }
    }
    for (int side = 0; side < 2; side++)
        positions[side] = lists_position(&index->lists, ids[side]);
    for (size_t i = 0; i < rows->count; i++)
        rows->positions[i] = (u32)positions[rows->positions[i]];
    return SQLITE_OK;
}

int list_split(Index *index, u32 list, ListSet *overlong)
{
    u32 width = index->state.width;
    Placement rows = {.vectors = NULL};
    f32 *centroids = sqlite3_malloc64(2 * (u64)width * sizeof *centroids);
    int rc = centroids == NULL ? SQLITE_NOMEM : take_rows(index, list, &rows);
    bool is_short = rc == SQLITE_OK && rows.count < 2; // the others were gone from the table
    if (rc == SQLITE_OK && !is_short)
        rc = choose_sides(index, &rows, centroids);
    if (rc == SQLITE_OK && !is_short)
        rc = make_sides(index, list, &rows, centroids);
    if (rc == SQLITE_OK && is_short && rows.count == 1)
        rows.positions[0] = (u32)lists_position(&index->lists, list);
    if (rc == SQLITE_OK)
        rc = placement_apply(index, &rows, overlong);
    if (rc == SQLITE_OK)
        rc = map_store(index, rows.entries, rows.count);
    lists_changed(index);
    placement_deinit(&rows);
    sqlite3_free(centroids);
    if (rc == SQLITE_OK && !is_short)
        rc = list_reassign(index, list, overlong);
    if (rc == SQLITE_OK && !is_short)
        rc = list_reassign(index, index->state.next_list - 1, overlong);
    return rc;
}

int list_dissolve(Index *index, u32 list)
{
    ASSERT(index->state.list_count > 1);

    Placement rows = {.vectors = NULL};
    ListSet overlong = {.ids = NULL}; // left for the next rows that come to them
    int rc = take_rows(index, list, &rows);
    if (rc == SQLITE_OK)
        rc = list_delete(index, list);
    if (rc == SQLITE_OK) {
        lists_drop(&index->lists, list);
        index->state.list_count--;
        // A list without rows may have been the last of its group.
        if (rows.count > 0)
            rc = lists_nearest(index, rows.vectors, rows.groups, rows.count, rows.positions);
    }
    if (rc == SQLITE_OK)
        rc = placement_apply(index, &rows, &overlong);
    if (rc == SQLITE_OK)
        rc = map_store(index, rows.entries, rows.count);
    lists_changed(index);
    list_set_deinit(&overlong);
    placement_deinit(&rows);
    return rc;
}
