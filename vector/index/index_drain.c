// Taking in what the triggers queued.
//
// A queue entry says that a row may have changed, not how: the row is taken out of its list if the
// map has it, and placed anew if the table holds a vector there. So entries may be repeated or come
// in any order, and what a rolled back or half-done drain left is drained again.
#include "vector/index/index_change.h"
#include "vector/index/index_prefix.h"
#include "vector/module_store.h"

#include <stdlib.h>

typedef struct Drain {
    i64 *rowids; // ascending, each once
    size_t count;
    i64 seq_max;
    bool has_more;
} Drain;

static int compare_rowids(const void *a, const void *b)
{
    i64 x = *(const i64 *)a, y = *(const i64 *)b;
    return x < y ? -1 : x > y;
}

static void sort_unique(Drain *drain)
{
    size_t kept = 0;
    qsort(drain->rowids, drain->count, sizeof *drain->rowids, compare_rowids);
    for (size_t i = 0; i < drain->count; i++)
        if (i == 0 || drain->rowids[i] != drain->rowids[i - 1])
            drain->rowids[kept++] = drain->rowids[i];
    drain->count = kept;
}

static int read_queue(Index *index, i64 limit, Drain *drain)
{
    sqlite3_stmt *stmt;
    drain->rowids = sqlite3_malloc64((u64)limit * sizeof *drain->rowids);
    if (drain->rowids == NULL)
        return SQLITE_NOMEM;
    TRY(store_statement(index, STORE_QUEUE_READ, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, limit + 1));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        drain->has_more = drain->count == (size_t)limit;
        if (drain->has_more)
            break;
        drain->seq_max = sqlite3_column_int64(stmt, 0);
        drain->rowids[drain->count++] = sqlite3_column_int64(stmt, 1);
    }
    int rc = sqlite3_reset(stmt);
    sort_unique(drain);
    return rc;
}

static int delete_from_queue(Index *index, i64 seq_max)
{
    sqlite3_stmt *stmt;
    TRY(store_statement(index, STORE_QUEUE_DELETE, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, seq_max));
    return module_run(stmt);
}

// Without lists nothing needs to be done until there are rows enough for some.
static int drain_small(Index *index)
{
    i64 count;
    bool found;
    sqlite3_stmt *stmt;
    TRY(store_statement(index, STORE_ROWS_COUNT, &stmt));
    TRY(sqlite3_bind_int64(stmt, 1, TIER1_ROWS));
    TRY(store_number(index, STORE_ROWS_COUNT, &count, &found));
    if (count >= TIER1_ROWS)
        return index_build(index);
    return delete_from_queue(index, INT64_MAX);
}

enum { SMALL_ROWS = 32768 }; // of which an index is made in a few tenths of a second

// Building anew is cheaper than placing more rows than there are.
static bool build_is_due(const Index *index, const Drain *drain)
{
    i64 rows = index->state.row_count;
    bool has_one_list = index->state.list_count == 1 && index->config.prefix_count == 0;
    if (has_one_list && rows + (i64)drain->count >= TIER2_ROWS)
        return true;
    if (rows < SMALL_ROWS && index->state.strays > rows / 2)
        return true; // the lists are others' by now
    return drain->has_more && rows < 4 * (i64)drain->count;
}

// Takes the rows out of the lists they are in. Lists that became short are added to `shortened`.
static int remove_rows(Index *index, MapEntry *entries, size_t count, ListSet *shortened)
{
    TRY(map_find(index, entries, count));
    for (size_t i = 0; i < count; i++) {
        if (entries[i].list == 0)
            continue;
        bool found;
        u32 left;
        TRY(list_remove(index, entries[i].list, entries[i].rowid, &found, &left));
        if (!found || index->state.row_count == 0)
            return index_corrupt(index, "its map names a list that lacks the row");
        if (left < index->config.list_size / 4)
            TRY(list_set_add(shortened, entries[i].list));
        entries[i].list = 0;
        index->state.row_count--;
    }
    return SQLITE_OK;
}

// The entries of rows that were placed get their lists; all are written to the map.
static int write_map(Index *index, MapEntry *entries, size_t count, const Placement *placed)
{
    size_t at = 0;
    for (size_t i = 0; i < count && at < placed->count; i++)
        if (entries[i].rowid == placed->entries[at].rowid)
            entries[i].list = placed->entries[at++].list;
    ASSERT(at == placed->count);
    return map_store(index, entries, count);
}

// A short list's rows can go to others of its group. A group that has no rows is no more.
static int mend_short(Index *index, u32 list)
{
    const ListCache *lists = &index->lists;
    i64 position = lists_position(lists, list);
    u32 length, first, end;
    ASSERT(list > 0);

    if (position < 0)
        return index_corrupt(index, "its map names a list that does not exist");
    u32 group = lists->groups[position];
    TRY(list_row_count(index, list, &length));
    lists_of_group(lists, group, &first, &end);
    bool is_only = end - first == 1;
    if (length >= index->config.list_size / 4 || lists->count == 1 || (is_only && length > 0))
        return SQLITE_OK;
    TRY(list_dissolve(index, list));
    return is_only && group > 0 ? prefix_delete_group(index, group) : SQLITE_OK;
}

static int mend_lists(Index *index, ListSet *overlong, const ListSet *shortened)
{
    for (size_t i = 0; i < overlong->count; i++) { // grows while it is walked
        u32 list = overlong->ids[i];
        u32 length;
        TRY(list_row_count(index, list, &length));
        if (length <= list_length_max(index))
            continue;
        overlong->ids[i] = 0; // so that it may be added again
        TRY(list_split(index, list, overlong));
    }
    for (size_t i = 0; i < shortened->count; i++)
        TRY(mend_short(index, shortened->ids[i]));
    return SQLITE_OK;
}

// The first row of a group, which is the last one read, becomes the centroid of its first list.
static int make_list_for(Index *index, const Placement *placed, u32 group)
{
    u32 width = index->state.width, first, end;
    f32 *vector = placed->vectors + (placed->count - 1) * width;
    ASSERT(placed->count > 0 && placed->groups[placed->count - 1] == group);

    lists_of_group(&index->lists, group, &first, &end);
    if (first < end)
        return SQLITE_OK;
    f32 *centroid = sqlite3_malloc64(width * sizeof *centroid);
    if (centroid == NULL)
        return SQLITE_NOMEM;
    bool is_fit = placed->kinds[placed->count - 1] == ROW_FIT;
    memcpy(centroid, is_fit ? vector : index->lists.mean, width * sizeof *centroid);
    centroid_round(centroid, width);
    int rc = lists_add(index, group, centroid, 0);
    sqlite3_free(centroid);
    lists_changed(index);
    return rc;
}

static int place_row(Index *index, i64 rowid, Placement *placed)
{
    size_t count = placed->count;
    u32 group = 0;
    TRY(placement_read(index, placed, rowid, 0));
    if (placed->count == count || index->config.prefix_count == 0)
        return SQLITE_OK;
    TRY(prefix_group_of_row(index, rowid, &group));
    if (group == 0)
        return index_corrupt(index, "a group cannot be found");
    placed->groups[count] = group;
    return make_list_for(index, placed, group);
}

static int place_rows(Index *index, const Drain *drain, Placement *placed)
{
    IndexState *state = &index->state;
    ASSERT(index->lists.count > 0);

    TRY(placement_alloc(placed, state->width, drain->count));
    for (size_t i = 0; i < drain->count; i++) {
        TRY(place_row(index, drain->rowids[i], placed));
        if (drain->rowids[i] > state->rowid_max)
            state->rowid_max = drain->rowids[i];
    }
    return placed->count == 0 ? SQLITE_OK
                              : lists_nearest(index, placed->vectors, placed->groups, placed->count,
                                              placed->positions);
}

static int drain_rows(Index *index, const Drain *drain)
{
    Placement placed = {.vectors = NULL};
    ListSet overlong = {.ids = NULL}, shortened = {.ids = NULL};
    MapEntry *entries = sqlite3_malloc64((drain->count + 1) * sizeof *entries);
    int rc = entries == NULL ? SQLITE_NOMEM : lists_load(index);
    if (rc == SQLITE_OK) {
        for (size_t i = 0; i < drain->count; i++)
            entries[i] = (MapEntry){.rowid = drain->rowids[i]};
        rc = remove_rows(index, entries, drain->count, &shortened);
    }
    if (rc == SQLITE_OK)
        rc = place_rows(index, drain, &placed);
    if (rc == SQLITE_OK)
        rc = placement_apply(index, &placed, &overlong);
    if (rc == SQLITE_OK) {
        index->state.row_count += (i64)placed.count;
        rc = write_map(index, entries, drain->count, &placed);
    }
    placement_deinit(&placed);
    sqlite3_free(entries);
    if (rc == SQLITE_OK)
        rc = mend_lists(index, &overlong, &shortened);
    list_set_deinit(&overlong);
    list_set_deinit(&shortened);
    if (rc == SQLITE_OK)
        rc = delete_from_queue(index, drain->seq_max);
    return rc == SQLITE_OK ? state_write(index) : rc;
}

int index_drain(Index *index, i64 limit, bool *left)
{
    ASSERT(limit > 0);

    *left = false;
    Drain drain = {.rowids = NULL};
    int rc = read_queue(index, limit, &drain);
    if (rc == SQLITE_OK && drain.count > 0) {
        if (index->state.list_count == 0) {
            rc = drain_small(index);
        } else if (build_is_due(index, &drain)) {
            rc = index_build(index);
        } else {
            rc = drain_rows(index, &drain);
            *left = drain.has_more;
        }
    }
    sqlite3_free(drain.rowids);
    return rc;
}
