// Where segments go: larger ones make place for smaller ones, and join others when they have grown.
#include "fts/levels.h"
#include "support/test.h"

#include <stdio.h>

// A structure by its sizes in pages, levels from the lowest on: "1 1 | 40 40* 2". A star marks the
// end of the inputs of a merge.
static FtsStructure make(const char *text)
{
    FtsStructure structure = {0};
    int level = 0;
    u32 segid = 1;
    structure.level_count = 1;
    for (const char *at = text; *at != 0; at++) {
        FtsSegment *segment;
        char *end = (char *)at;
        if (*at == '|' && ++level == structure.level_count)
            structure.level_count++;
        if (*at == '*')
            structure.levels[level].merge_count = (u32)structure.levels[level].segment_count;
        if (*at < '0' || *at > '9')
            continue;
        const u32 pages = (u32)strtoul(at, &end, 10);
        assert_rc(structure_add_segment(&structure, level, &segment), SQLITE_OK);
        *segment = (FtsSegment){.segid = segid++, .first_pgno = 1, .last_pgno = pages};
        at = end - 1;
    }
    return structure;
}

static void assert_levels(FtsStructure *structure, const char *expected)
{
    char text[1000];
    int size = 0;
    for (int i = 0; i < structure->level_count; i++) {
        const FtsLevel *level = &structure->levels[i];
        size += snprintf(text + size, sizeof text - (size_t)size, "%s", i > 0 ? " |" : "");
        for (int k = 0; k < level->segment_count; k++)
            size +=
                snprintf(text + size, sizeof text - (size_t)size, "%s%u%s", size > 0 ? " " : "",
                         level->segments[k].last_pgno, (int)level->merge_count == k + 1 ? "*" : "");
    }
    assert_string_equal(text, expected);
    structure_deinit(structure);
}

static void assert_place(const char *before, int number, const char *after)
{
    FtsStructure structure = make(before);
    assert_rc(levels_make_place(&structure, number, 4), SQLITE_OK);
    assert_levels(&structure, after);
}

static void assert_promoted(const char *before, int number, const char *after)
{
    FtsStructure structure = make(before);
    bool has_moved;
    assert_rc(levels_promote(&structure, number, &has_moved), SQLITE_OK);
    assert_int_equal(has_moved, strcmp(before, after) != 0);
    assert_levels(&structure, after);
}

static void larger_segments_move_up(void **state)
{
    (void)state;
    assert_place("1 1 1 1", 0, "1 1 1 1");
    assert_place("1 1 1 1 | 16 16", 0, "1 1 1 1 | 16 16");
    assert_place("1 1 1 1 | 17 17", 0, "1 1 1 1 | | 17 17");
    assert_place("1 1 1 1 | 90 90 3 | 400", 0, "1 1 1 1 | 3 | 90 90 | 400");
    assert_place("1 | 3 3 3 3 | 90 | 400", 1, "1 | 3 3 3 3 | | 90 | 400");
}

static void an_empty_level_is_used_up(void **state)
{
    (void)state;
    assert_place("1 1 1 1 | 90 | 400 | | 9000", 0, "1 1 1 1 | | 90 | 400 | 9000");
}

static void inputs_of_a_merge_stay_together_and_below_its_output(void **state)
{
    (void)state;
    assert_place("1 1 1 1 | 90 2 2* 3 | 100", 0, "1 1 1 1 | 3 | 90 2 2* | 100");
    assert_place("9 9 9 9 | 40 40 40 40* 30 30 30 | 60", 0, "9 9 9 9 | 40 40 40 40* 30 30 30 | 60");
    assert_place("9 9 9 9 | 40 40 40 40* 30 30 30 30 | 60", 0,
                 "9 9 9 9 | 30 30 30 30 | 40 40 40 40* | 60");
}

static void what_has_outgrown_the_level_above_joins_it(void **state)
{
    (void)state;
    assert_promoted("200", 0, "200");
    assert_promoted("200 | 4 4", 0, " | 4 4 200");
    assert_promoted("200 300 | | 4 4 | 900", 0, " | | 4 4 200 300 | 900");
    assert_promoted("200 3 | 4 4", 0, "200 3 | 4 4");
    assert_promoted("200 | 200", 0, "200 | 200");
}

static void a_level_in_a_merge_is_not_touched(void **state)
{
    (void)state;
    assert_promoted("200 | 4 4* 4 | 5", 0, "200 | 4 4* 4 | 5");
    assert_promoted("200 200* 300 | 4", 0, "200 200* 300 | 4");
    assert_promoted("1* | 200 | 4", 1, "1* | 200 | 4");
}

TEST_SUITE(levels, cmocka_unit_test(larger_segments_move_up),
           cmocka_unit_test(an_empty_level_is_used_up),
           cmocka_unit_test(inputs_of_a_merge_stay_together_and_below_its_output),
           cmocka_unit_test(what_has_outgrown_the_level_above_joins_it),
           cmocka_unit_test(a_level_in_a_merge_is_not_touched))
