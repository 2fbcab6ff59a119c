// Rows that a split has left in the wrong list.
//
// Two centroids take the place of one, so rows of lists nearby may now be nearer to one of them
// than to their own (SPFresh calls it LIRE's second condition). Which ones is told by their codes:
// a row x = c + o is nearer to c' than to c if 2 <o, d> > |d|^2 with d = c' - c, and codes estimate
// inner products. Only rows that are to move are read from the table, and no more than MOVES_MAX of
// them.
#include "vector/index/index_calibrate.h"
#include "vector/index/index_change.h"

#include <math.h>
#include <stdlib.h>

enum { NEIGHBOURS = 8, MOVES_MAX = 96 };

typedef struct Moves {
    i64 rowids[MOVES_MAX];
    u32 lists[MOVES_MAX]; // that they are in
    size_t count;
} Moves;

// The lists of its group nearest to a centroid, but for the one it belongs to.
static size_t find_neighbours(const Index *index, u32 position, u32 *out)
{
    const ListCache *lists = &index->lists;
    const f32 *centroid = lists->centroids + (size_t)position * lists->width;
    f32 ranks[NEIGHBOURS];
    size_t count = 0;
    u32 first, end;
    ASSERT(position < lists->count);

    lists_of_group(lists, lists->groups[position], &first, &end);
    for (u32 i = first; i < end; i++) {
        if (i == position)
            continue;
        f32 rank = centroid_rank(index, centroid, lists->squares[position], i).rank;
        if (count == NEIGHBOURS && rank >= ranks[NEIGHBOURS - 1])
            continue;
        size_t at = count < NEIGHBOURS ? count++ : NEIGHBOURS - 1;
        for (; at > 0 && ranks[at - 1] > rank; at--) {
            ranks[at] = ranks[at - 1];
            out[at] = out[at - 1];
        }
        ranks[at] = rank;
        out[at] = i;
    }
    return count;
}

// A step from one list's centroid to another's, ready for codes.
typedef struct Step {
    QueryCode code;
    f32 square;
} Step;

static int step_init(const Index *index, u32 from, u32 to, Step *out)
{
    const ListCache *lists = &index->lists;
    u32 width = lists->width;
    f32 *difference = sqlite3_malloc64(width * sizeof *difference);
    if (difference == NULL)
        return SQLITE_NOMEM;
    out->square = 0;
    for (u32 i = 0; i < width; i++) {
        difference[i] =
            lists->centroids[(size_t)to * width + i] - lists->centroids[(size_t)from * width + i];
        out->square += difference[i] * difference[i];
    }
    int rc = query_encode(RANK_DOT, difference, lists->mean, width, &out->code);
    sqlite3_free(difference);
    return rc;
}

static void collect(const Index *index, const Block *block, const Step *step, const i32 *dots,
                    Moves *moves)
{
    // The slope of a square distance has the factor 2 of the condition in it.
    f32 gain = index_rank_kind(index) == RANK_SQUARE ? 1 : 2;
    for (u32 i = 0; i < block->row_count && moves->count < MOVES_MAX; i++) {
        RowFactors row = block_factors(block, i);
        f32 product = step->code.step * ((f32)dots[i] - 7.5f * (f32)step->code.sum);
        if (!isfinite(row.offset) || !(gain * row.slope * product > step->square))
            continue;
        moves->rowids[moves->count] = block_rowid(block, i);
        moves->lists[moves->count++] = block->list;
    }
}

static int scan_neighbour(Index *index, u32 from, u32 to, Moves *moves)
{
    u32 list = index->lists.ids[from];
    Step step = {.square = 0};
    i32 *dots = sqlite3_malloc64(index->state.rows_per_block * sizeof *dots);
    sqlite3_stmt *stmt = NULL;
    int rc = dots == NULL ? SQLITE_NOMEM : step_init(index, from, to, &step);
    if (rc == SQLITE_OK)
        rc = store_statement(index, STORE_BLOCKS_READ, &stmt);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(stmt, 1, block_id(list, 0));
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_int64(stmt, 2, block_id(list, (1u << BLOCK_NUMBER_BITS) - 1));
    while (rc == SQLITE_OK && moves->count < MOVES_MAX && sqlite3_step(stmt) == SQLITE_ROW) {
        Block block;
        rc = block_read(index, stmt, &block);
        if (rc != SQLITE_OK)
            break;
        index->kernels->code_dots(block.codes, block.row_count,
                                  index->state.width / CODE_GROUP_DIMS, step.code.elements, dots);
        collect(index, &block, &step, dots, moves);
    }
    int end = stmt != NULL ? sqlite3_reset(stmt) : SQLITE_OK;
    query_deinit(&step.code);
    sqlite3_free(dots);
    return rc != SQLITE_OK ? rc : end;
}

static int take_out(Index *index, const Moves *moves, MapEntry *entries)
{
    for (size_t i = 0; i < moves->count; i++) {
        bool found;
        u32 left;
        TRY(list_remove(index, moves->lists[i], moves->rowids[i], &found, &left));
        if (!found || index->state.row_count == 0)
            return index_corrupt(index, "a row has left its list");
        index->state.row_count--;
        entries[i] = (MapEntry){.rowid = moves->rowids[i]};
    }
    return SQLITE_OK;
}

static int compare_moves(const void *a, const void *b)
{
    const MapEntry *x = a, *y = b;
    return x->rowid < y->rowid ? -1 : x->rowid > y->rowid;
}

// Out of their lists, and into whichever is nearest now.
static int move_rows(Index *index, const Moves *moves, u32 group, ListSet *overlong)
{
    ASSERT(moves->count > 0 && moves->count <= MOVES_MAX);

    MapEntry entries[MOVES_MAX];
    Placement rows = {.vectors = NULL};
    TRY(take_out(index, moves, entries));
    qsort(entries, moves->count, sizeof *entries, compare_moves);
    int rc = map_store(index, entries, moves->count);
    if (rc == SQLITE_OK)
        rc = placement_alloc(&rows, index->state.width, moves->count);
    for (size_t i = 0; rc == SQLITE_OK && i < moves->count; i++)
        rc = placement_read(index, &rows, entries[i].rowid, group);
    if (rc == SQLITE_OK && rows.count > 0)
        rc = lists_nearest(index, rows.vectors, rows.groups, rows.count, rows.positions);
    if (rc == SQLITE_OK)
        rc = placement_apply(index, &rows, overlong);
    if (rc == SQLITE_OK)
        rc = map_store(index, rows.entries, rows.count);
    index->state.row_count += (i64)rows.count;
    placement_deinit(&rows);
    return rc;
}

int list_reassign(Index *index, u32 list, ListSet *overlong)
{
    i64 position = lists_position(&index->lists, list);
    ASSERT(position >= 0);

    u32 neighbours[NEIGHBOURS];
    Moves moves = {.count = 0};
    size_t count = find_neighbours(index, (u32)position, neighbours);
    for (size_t i = 0; i < count; i++)
        TRY(scan_neighbour(index, neighbours[i], (u32)position, &moves));
    u32 group = index->lists.groups[position];
    return moves.count > 0 ? move_rows(index, &moves, group, overlong) : SQLITE_OK;
}
