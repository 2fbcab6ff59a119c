// On which level a segment belongs. See levels.h.
#include "fts/levels.h"

enum { SIZE_RATIO = 4 }; // of a segment to those of the level below: as many as automerge merges

// --- questions ---

int levels_suspended_count(const FtsLevel *level)
{
    int count = level->merge_count > 0 ? 0 : level->segment_count;
    while (count > 0 && level->segments[count - 1].first_pgno <= 1)
        count--;
    ASSERT(count >= 0 && count <= level->segment_count);
    return count;
}

bool levels_is_unfinished(const FtsLevel *level)
{
    ASSERT((int)level->merge_count <= level->segment_count);

    return level->merge_count > 0 || levels_suspended_count(level) > 0;
}

int levels_complete_count(const FtsStructure *structure, int number)
{
    ASSERT(number >= 0 && number < structure->level_count);

    const int count = structure->levels[number].segment_count;
    bool has_output =
        number > 0 && count > 0 && levels_is_unfinished(&structure->levels[number - 1]);
    return count - has_output;
}

int levels_occupied_count(const FtsStructure *structure)
{
    int count = 0;
    for (int i = 0; i < structure->level_count; i++)
        count += structure->levels[i].segment_count > 0;
    ASSERT(count <= structure->level_count);
    return count;
}

static u64 page_count(const FtsSegment *segment)
{
    ASSERT(segment->last_pgno >= segment->first_pgno);

    return segment->first_pgno == 0 ? 0 : (u64)segment->last_pgno - segment->first_pgno + 1;
}

static u64 sum_pages(const FtsLevel *level, int count)
{
    ASSERT(count <= level->segment_count);

    u64 sum = 0;
    for (int i = 0; i < count; i++)
        sum += page_count(&level->segments[i]);
    return sum;
}

// --- making place ---

// The first `count` segments of a level go to a level of their own above it, an empty one if there
// is: levels in between move up by one. Without a free number all stays.
static int split(FtsStructure *structure, int number, int count)
{
    FtsLevel *levels = structure->levels;
    ASSERT(count > 0 && count <= levels[number].segment_count);

    FtsLevel upper = levels[number];
    FtsLevel lower = {0};
    int free_number = number + 1;
    while (free_number < structure->level_count && levels[free_number].segment_count > 0)
        free_number++;
    if (free_number >= LEVEL_MAX)
        return SQLITE_OK;
    lower.segment_count = lower.capacity = upper.segment_count - count;
    lower.segments = sqlite3_malloc64(sizeof(FtsSegment) * ((u64)lower.capacity + 1));
    if (lower.segments == NULL)
        return SQLITE_NOMEM;
    memcpy(lower.segments, upper.segments + count, sizeof(FtsSegment) * (u64)lower.capacity);
    upper.segment_count = count;
    if (free_number == structure->level_count)
        structure->level_count++;
    else
        sqlite3_free(levels[free_number].segments);
    memmove(&levels[number + 2], &levels[number + 1],
            sizeof(FtsLevel) * (size_t)(free_number - number - 1));
    levels[number + 1] = upper;
    levels[number] = lower;
    return SQLITE_OK;
}

// How many at the front of the level are larger than its new segment should have beside it.
static int larger_count(const FtsLevel *level, u64 input_pages)
{
    int count = level->segment_count;
    while (count > 0 && page_count(&level->segments[count - 1]) <= input_pages * SIZE_RATIO)
        count--;
    return count;
}

int levels_make_place(FtsStructure *structure, int number, i64 pile)
{
    ASSERT(number < structure->level_count);

    if (number + 1 >= structure->level_count)
        return SQLITE_OK;
    const FtsLevel *above = &structure->levels[number + 1];
    const u64 pages =
        sum_pages(&structure->levels[number], levels_complete_count(structure, number));
    const int busy =
        above->merge_count > 0 ? (int)above->merge_count : levels_suspended_count(above);
    int count = larger_count(above, pages);
    const bool is_piled = busy > 0 && above->segment_count - busy >= pile;
    if ((count > 0 || is_piled) && count < busy)
        count = busy; // inputs of one merge stay together
    return count == 0 ? SQLITE_OK : split(structure, number + 1, count);
}

// --- promotion ---

static u64 least_pages(const FtsLevel *level)
{
    u64 least = UINT64_MAX;
    for (int i = 0; i < level->segment_count; i++) {
        const u64 pages = page_count(&level->segments[i]);
        least = pages < least ? pages : least;
    }
    return least;
}

static u64 most_pages(const FtsLevel *level)
{
    u64 most = 0;
    for (int i = 0; i < level->segment_count; i++) {
        const u64 pages = page_count(&level->segments[i]);
        most = pages > most ? pages : most;
    }
    return most;
}

// Whether anything of the level takes part in a merge.
static bool is_busy(const FtsStructure *structure, int number)
{
    ASSERT(number < structure->level_count);

    return levels_is_unfinished(&structure->levels[number])
           || levels_complete_count(structure, number) < structure->levels[number].segment_count;
}

int levels_promote(FtsStructure *structure, int number, bool *has_moved)
{
    ASSERT(number < structure->level_count);

    int target = number + 1;
    while (target < structure->level_count && structure->levels[target].segment_count == 0)
        target++;
    FtsLevel *from = &structure->levels[number];
    *has_moved = false;
    if (target >= structure->level_count || from->segment_count == 0)
        return SQLITE_OK;
    if (is_busy(structure, number) || is_busy(structure, target)
        || most_pages(&structure->levels[target]) >= least_pages(from))
        return SQLITE_OK;
    for (int i = 0; i < from->segment_count; i++) {
        FtsSegment *moved;
        const int rc = structure_add_segment(structure, target, &moved);
        if (rc != SQLITE_OK) {
            structure->levels[target].segment_count -= i; // all or none: both lists would have them
            return rc;
        }
        *moved = from->segments[i];
    }
    from->segment_count = 0;
    *has_moved = true;
    return SQLITE_OK;
}
