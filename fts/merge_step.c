// Merging bit by bit. See segment_merge.h.
//
// Segments of one level become one of the level above. The work is done in steps: the output grows
// by some pages, and what it took over is cut off the head of the inputs, so that between two steps
// every posting is in just one of them. The structure record says how far it is: merge_count inputs
// at the front of a level, the output as the last segment above. Anybody may go on with it, or with
// one that stock SQLite began.
//
// Who goes on so expects the next term to be new to the output. A step that ends inside a term
// therefore leaves no merge behind, but complete segments: the merge is suspended, see
// levels_suspended_count(). If somebody else merges them otherwise, nothing but time is lost.
//
// A commit does no more of it than what it wrote is worth, once per level: so all levels together
// keep up with the writing, and no commit has to wait for a large merge. Lower levels come first,
// also before an unfinished merge of a higher one, or their small segments would pile up while a
// large merge goes on. Several levels may thus be in the middle of a merge at the same time; the
// output of one is no input of the next before it is complete.
#include "fts/levels.h"
#include "fts/segment_merge.h"

enum { WORK_UNIT = 4, SEGMENTS_URGENT = 1000 };

// --- one step ---

// Nothing older is left that a deletion could hide.
static bool is_oldest(const FtsStructure *structure, int output_level)
{
    for (int i = output_level + 1; i < structure->level_count; i++) {
        if (structure->levels[i].segment_count > 0)
            return false;
    }
    return structure->levels[output_level].segment_count == 1;
}

static void sum_origins(const FtsLevel *level, FtsSegment *output)
{
    ASSERT((int)level->merge_count <= level->segment_count);

    for (int i = 0; i < (int)level->merge_count; i++) {
        const FtsSegment *input = &level->segments[i];
        if (i == 0 || input->origin1 < output->origin1)
            output->origin1 = input->origin1;
        if (input->origin2 > output->origin2)
            output->origin2 = input->origin2;
        if (input->entry_count > input->tombstone_count)
            output->entry_count += input->entry_count - input->tombstone_count;
    }
}

static int begin_merge(FtsStructure *structure, int number)
{
    FtsSegment *output;
    u32 segid = structure_free_segid(structure);
    if (segid == 0)
        return SQLITE_FULL;
    TRY(structure_add_segment(structure, number + 1, &output));
    FtsLevel *level = &structure->levels[number];
    output->segid = segid;
    level->merge_count = (u32)levels_complete_count(structure, number);
    ASSERT(level->merge_count > 0);
    if (structure->has_origins)
        sum_origins(level, output);
    return SQLITE_OK;
}

static int end_merge(FtsIndex *index, int number)
{
    FtsStructure *structure = &index->structure;
    FtsLevel *level = &structure->levels[number];
    FtsLevel *above = &structure->levels[number + 1];
    int count = (int)level->merge_count;
    for (int i = 0; i < count; i++)
        TRY(fts_index_erase_segment(index, &level->segments[i]));
    structure_remove_segments(structure, number, 0, count);
    level->merge_count = 0;
    if (above->segments[above->segment_count - 1].last_pgno == 0)
        structure_remove_segments(structure, number + 1, above->segment_count - 1, 1);
    bool has_moved;
    TRY(levels_promote(structure, number + 1, &has_moved));
    structure_trim(structure);
    return SQLITE_OK;
}

static int trim_inputs(FtsIndex *index, FtsLevel *level, const FtsBuffer *term, const i64 *rowid)
{
    for (int i = 0; i < (int)level->merge_count; i++)
        TRY(fts_index_trim(index, &level->segments[i], term, rowid));
    return SQLITE_OK;
}

// The merge stopped inside a term. As the format knows no such merge, its output becomes a segment
// like others, and so does what is left of its inputs.
static int suspend(FtsIndex *index, int number, const TermWalk *walk)
{
    FtsLevel *level = &index->structure.levels[number];
    const i64 rowid = walk->docs.rowid;
    ASSERT(!walk->is_end && !walk->docs.is_end);

    TRY(trim_inputs(index, level, &walk->term, &rowid));
    for (int i = (int)level->merge_count - 1; i >= 0; i--) {
        if (level->segments[i].last_pgno > 0)
            continue;
        TRY(fts_index_erase_segment(index, &level->segments[i])); // FTS5 leaves that to the end
        structure_remove_segments(&index->structure, number, i, 1);
    }
    level->merge_count = 0;
    return SQLITE_OK;
}

// Whether the inputs of a suspended merge may still be appended to its output: somebody else may
// have changed segments meanwhile.
static int find_suspended(FtsIndex *index, int number, SegmentEnd *end, bool *is_found)
{
    FtsStructure *structure = &index->structure;
    const FtsLevel *level = &structure->levels[number];
    const int count = levels_suspended_count(level);
    *is_found = count > 0 && number + 1 < structure->level_count
                && structure->levels[number + 1].segment_count > 0;
    if (*is_found) {
        const FtsLevel *above = &structure->levels[number + 1];
        TRY(segment_end_find(end, index, &above->segments[above->segment_count - 1], is_found));
    }
    for (int i = 0; i < count && *is_found; i++)
        TRY(segment_end_is_before(end, index, &level->segments[i], is_found));
    return SQLITE_OK;
}

static void resume_merge(FtsStructure *structure, int number)
{
    FtsLevel *level = &structure->levels[number];
    FtsLevel *above = &structure->levels[number + 1];
    FtsSegment *output = &above->segments[above->segment_count - 1];
    const u64 entry_count = output->entry_count; // has all of them already
    level->merge_count = (u32)levels_suspended_count(level);
    ASSERT(level->merge_count > 0);
    if (structure->has_origins) {
        FtsSegment sum = *output;
        sum_origins(level, &sum);
        output->origin1 = sum.origin1 < output->origin1 ? sum.origin1 : output->origin1;
        output->origin2 = sum.origin2;
        output->entry_count = entry_count;
    }
}

// Writes to the output until the budget is spent or the inputs are. `end`: where the output ends,
// if a merge inside a term goes on.
static int write_output(FtsIndex *index, int number, i64 *budget, TermWalk *walk,
                        const SegmentEnd *end, bool *is_inside)
{
    FtsStructure *structure = &index->structure;
    FtsLevel *above = &structure->levels[number + 1];
    SegmentWriter writer;
    u32 last_pgno;
    ASSERT(*budget > 0);

    TRY(walk->rc);
    if (end->term.size > 0)
        segment_writer_reopen(&writer, index, end);
    else
        segment_writer_resume(&writer, index, &above->segments[above->segment_count - 1]);
    int rc = writer.rc;
    u32 limit = *budget < INT32_MAX ? (u32)*budget : 0;
    *is_inside = false;
    while (rc == SQLITE_OK && !walk->is_end && !*is_inside && (i64)writer.leaf_count < *budget)
        rc = fts_index_copy_term(walk, &writer, limit, is_inside);
    if (rc == SQLITE_OK)
        rc = segment_writer_finish(&writer, &last_pgno);
    if (rc == SQLITE_OK) {
        FtsSegment *output = &above->segments[above->segment_count - 1];
        output->last_pgno = last_pgno;
        if (output->first_pgno == 0)
            output->first_pgno = last_pgno > 0;
    }
    *budget -= (i64)writer.leaf_count + 1;
    segment_writer_deinit(&writer);
    return rc;
}

static int take_step(FtsIndex *index, int number, i64 *budget, const SegmentEnd *end)
{
    FtsStructure *structure = &index->structure;
    if (number + 1 >= structure->level_count || structure->levels[number + 1].segment_count == 0)
        return FTS_CORRUPT; // a merge without an output
    FtsLevel *level = &structure->levels[number];
    TermWalk walk;
    bool is_inside = false;
    term_walk_open_segments(&walk, index, level->segments, (int)level->merge_count,
                            !is_oldest(structure, number + 1));
    int rc = write_output(index, number, budget, &walk, end, &is_inside);
    if (rc == SQLITE_OK && is_inside)
        rc = suspend(index, number, &walk);
    else if (rc == SQLITE_OK)
        rc = walk.is_end ? end_merge(index, number) : trim_inputs(index, level, &walk.term, NULL);
    term_walk_deinit(&walk);
    return rc;
}

int fts_index_merge_step(FtsIndex *index, int number, i64 *budget)
{
    FtsStructure *structure = &index->structure;
    ASSERT(number < structure->level_count);

    if (number + 1 >= LEVEL_MAX) {
        *budget = 0;
        return SQLITE_OK;
    }
    SegmentEnd end = {0};
    bool is_suspended = false;
    int rc = SQLITE_OK;
    if (structure->levels[number].merge_count == 0) {
        rc = find_suspended(index, number, &end, &is_suspended);
        if (rc == SQLITE_OK && is_suspended)
            resume_merge(structure, number);
        else if (rc == SQLITE_OK)
            rc = begin_merge(structure, number);
    }
    if (!is_suspended)
        segment_end_deinit(&end);
    if (rc == SQLITE_OK)
        rc = take_step(index, number, budget, &end);
    segment_end_deinit(&end);
    return rc;
}

// --- how much, and where ---

// The lowest level with an unfinished merge or so many segments. -1: none.
static int pick_level(const FtsStructure *structure, i64 least)
{
    ASSERT(least > 1);

    for (int i = 0; i < structure->level_count; i++) {
        if (levels_is_unfinished(&structure->levels[i])
            || levels_complete_count(structure, i) >= least)
            return i;
    }
    return -1;
}

static int spend(FtsIndex *index, i64 budget, i64 least, bool *has_changed)
{
    *has_changed = false;
    while (budget > 0) {
        int level = pick_level(&index->structure, least);
        if (level < 0)
            return SQLITE_OK;
        *has_changed = true;
        if (!levels_is_unfinished(&index->structure.levels[level]))
            TRY(levels_make_place(&index->structure, level, least));
        TRY(fts_index_merge_step(index, level, &budget));
    }
    return SQLITE_OK;
}

bool fts_index_is_crowded(const FtsIndex *index)
{
    return structure_segment_count(&index->structure) >= SEGMENTS_URGENT;
}

int fts_index_work(FtsIndex *index)
{
    const FtsStructure *structure = &index->structure;
    const FtsConfig *config = index->config;
    ASSERT(index->has_structure);

    u64 units = 0;
    if (structure->write_counter > index->merged_counter) // the file's number may wrap
        units = structure->write_counter / WORK_UNIT - index->merged_counter / WORK_UNIT;
    i64 least = config->automerge;
    if (least == 0 || least > config->crisismerge)
        least = config->crisismerge;
    if (least < 2)
        least = 2;
    i64 budget = (i64)units * WORK_UNIT * levels_occupied_count(structure);
    // Near the format's limit of segments it must be more than what was written.
    if (fts_index_is_crowded(index))
        budget += SEGMENTS_URGENT;
    index->merged_counter = structure->write_counter;
    bool has_moved = false;
    bool has_merged;
    if (structure->level_count > 0)
        TRY(levels_promote(&index->structure, 0, &has_moved));
    TRY(spend(index, budget, least, &has_merged));
    return has_moved || has_merged ? fts_index_save_structure(index) : SQLITE_OK;
}

// All segments on one level, so that the next steps make one of them.
static int gather_levels(FtsStructure *structure)
{
    int top = structure->level_count - 1;
    for (int number = top - 1; number >= 0; number--) {
        FtsLevel *level = &structure->levels[number];
        for (int i = 0; i < level->segment_count; i++) {
            FtsSegment *moved;
            FtsSegment segment = level->segments[i];
            TRY(structure_add_segment(structure, top, &moved));
            *moved = segment;
        }
        level->segment_count = 0;
    }
    return SQLITE_OK;
}

static int merge_all(FtsIndex *index, i64 budget)
{
    FtsStructure *structure = &index->structure;
    while (budget > 0) {
        int level = pick_level(structure, INT64_MAX);
        if (level < 0) {
            if (structure_segment_count(structure) < 2)
                return SQLITE_OK;
            TRY(gather_levels(structure));
            level = structure->level_count - 1;
        }
        TRY(fts_index_merge_step(index, level, &budget));
    }
    return SQLITE_OK;
}

int fts_index_merge(FtsIndex *index, i64 page_budget)
{
    bool has_changed;
    TRY(fts_index_flush(index));
    if (page_budget < 0)
        TRY(merge_all(index, page_budget == INT64_MIN ? INT64_MAX : -page_budget));
    else
        TRY(spend(index, page_budget, index->config->usermerge, &has_changed));
    return fts_index_save_structure(index);
}
