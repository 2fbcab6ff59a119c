// Rows into lists. See index_change.h.
#include "vector/index/index_calibrate.h"
#include "vector/index/index_change.h"

#include <math.h>
#include <stdlib.h>

int list_set_add(ListSet *set, u32 id)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->ids[i] == id)
            return SQLITE_OK;
    if (set->count == set->capacity) {
        size_t capacity = set->capacity * 2 + 8;
        u32 *ids = sqlite3_realloc64(set->ids, capacity * sizeof *ids);
        if (ids == NULL)
            return SQLITE_NOMEM;
        set->ids = ids;
        set->capacity = capacity;
    }
    set->ids[set->count++] = id;
    return SQLITE_OK;
}

void list_set_deinit(ListSet *set)
{
    sqlite3_free(set->ids);
    *set = (ListSet){.ids = NULL};
}

// While there is one list only, it may hold all of tier 1.
u32 list_length_max(const Index *index)
{
    ASSERT(index->config.list_size > 0);

    if (index->state.list_count == 1 && index->config.prefix_count == 0)
        return 2 * TIER2_ROWS;
    return 2 * index->config.list_size;
}

int placement_alloc(Placement *placement, u32 width, size_t capacity)
{
    ASSERT(width > 0);

    placement->vectors = sqlite3_malloc64((capacity + 1) * width * sizeof *placement->vectors);
    placement->kinds = sqlite3_malloc64(capacity + 1);
    placement->groups = sqlite3_malloc64((capacity + 1) * sizeof *placement->groups);
    placement->entries = sqlite3_malloc64((capacity + 1) * sizeof *placement->entries);
    placement->positions = sqlite3_malloc64((capacity + 1) * sizeof *placement->positions);
    placement->count = 0;
    bool is_ready = placement->vectors != NULL && placement->kinds != NULL
                    && placement->groups != NULL && placement->entries != NULL
                    && placement->positions != NULL;
    return is_ready ? SQLITE_OK : SQLITE_NOMEM;
}

void placement_deinit(Placement *placement)
{
    sqlite3_free(placement->vectors);
    sqlite3_free(placement->kinds);
    sqlite3_free(placement->groups);
    sqlite3_free(placement->entries);
    sqlite3_free(placement->positions);
    *placement = (Placement){.vectors = NULL};
}

int placement_read(Index *index, Placement *placement, i64 rowid, u32 group)
{
    ASSERT(placement->vectors != NULL);

    size_t at = placement->count;
    RowKind kind;
    TRY(index_row_read(index, rowid, placement->vectors + at * index->state.width, &kind));
    if (kind == ROW_UNFIT)
        return SQLITE_OK;
    placement->kinds[at] = (u8)kind;
    placement->groups[at] = group;
    placement->entries[at] = (MapEntry){.rowid = rowid};
    placement->count++;
    return SQLITE_OK;
}

// --- by list ---

typedef struct Slot {
    u32 position;
    u32 row; // of the placement
} Slot;

static int compare_slots(const void *a, const void *b)
{
    const Slot *x = a, *y = b;
    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static void encode_slot(Index *index, const Placement *placement, Slot slot, RowBatch *batch,
                        size_t at)
{
    const ListCache *lists = &index->lists;
    u32 width = lists->width;
    u8 *code = batch->codes + at * code_size_of(width);
    batch->rowids[at] = placement->entries[slot.row].rowid;
    placement->entries[slot.row].list = lists->ids[slot.position];
    RowKind kind = (RowKind)placement->kinds[slot.row];
    if (kind != ROW_FIT)
        row_encode_apart(kind == ROW_ZERO ? INFINITY : -INFINITY, width, code, &batch->factors[at]);
    else
        row_encode(&(RowFrame){index_rank_kind(index), width,
                               lists->centroids + (size_t)slot.position * width, lists->mean},
                   placement->vectors + (size_t)slot.row * width, code, &batch->factors[at]);
}

enum { STRAY_FACTOR = 2 }; // times the list's mean square distance

// Rows of a kind that the build did not see lie further from their centroid than its members do. A
// list's radius must grow with them, or queries would pass it by.
static int widen_list(Index *index, const Placement *placement, const Slot *run, size_t count,
                      u32 length)
{
    ListCache *lists = &index->lists;
    u32 width = lists->width, position = run[0].position;
    const f32 *centroid = lists->centroids + (size_t)position * width;
    f64 old_square = (f64)lists->radii[position] * (f64)lists->radii[position];
    f64 sum = 0;
    ASSERT(length >= count);

    for (size_t i = 0; i < count; i++) {
        f64 own = index->kernels->element[ELEMENT_F32].l2sq(
            placement->vectors + (size_t)run[i].row * width, centroid, width);
        sum += own;
        // A list that was made for its first row has no radius yet to be outside of.
        index->state.strays += length > count && old_square > 0 && own > STRAY_FACTOR * old_square;
    }
    f64 square = (old_square * (f64)(length - count) + sum) / (f64)length;
    if (square <= old_square * 1.1)
        return SQLITE_OK;
    lists->radii[position] = (f32)sqrt(square);
    TRY(list_write(index, lists->ids[position], lists->groups[position], centroid,
                   lists->radii[position]));
    lists_changed(index);
    return SQLITE_OK;
}

static int append_runs(Index *index, const Placement *placement, const Slot *slots,
                       const RowBatch *batch, ListSet *overlong)
{
    size_t end;
    for (size_t first = 0; first < batch->count; first = end) {
        u32 list = index->lists.ids[slots[first].position];
        for (end = first + 1; end < batch->count; end++)
            if (slots[end].position != slots[first].position)
                break;
        u32 length;
        TRY(list_append(index, list, batch, first, end - first, &length));
        TRY(widen_list(index, placement, slots + first, end - first, length));
        if (length > list_length_max(index))
            TRY(list_set_add(overlong, list));
    }
    return SQLITE_OK;
}

int placement_apply(Index *index, Placement *placement, ListSet *overlong)
{
    size_t count = placement->count;
    ASSERT(index->lists.count > 0);

    if (count == 0)
        return SQLITE_OK;
    RowBatch batch = {.rowids = NULL};
    Slot *slots = sqlite3_malloc64(count * sizeof *slots);
    int rc = slots == NULL ? SQLITE_NOMEM
                           : batch_reserve(&batch, code_size_of(index->state.width), count);
    if (rc == SQLITE_OK) {
        for (size_t i = 0; i < count; i++)
            slots[i] = (Slot){placement->positions[i], (u32)i};
        qsort(slots, count, sizeof *slots, compare_slots);
        for (size_t i = 0; i < count; i++)
            encode_slot(index, placement, slots[i], &batch, i);
        batch.count = count;
        rc = append_runs(index, placement, slots, &batch, overlong);
    }
    batch_deinit(&batch);
    sqlite3_free(slots);
    return rc;
}
