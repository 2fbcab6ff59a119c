// Merging in steps: what is found stays the same between any two of them.
#include "support/both_ways.h"
#include "support/test.h"

#define CHECK(cases) both_ways_check("ftstakeover.so", cases, sizeof cases / sizeof *cases)
#define SEGMENTS                                                                           \
    "CREATE VIRTUAL TABLE t USING fts5(a); INSERT INTO t(t, rank) VALUES('automerge', 0);" \
    "INSERT INTO t(t, rank) VALUES('pgsz', 64);"                                           \
    "INSERT INTO t SELECT 'x y' || value FROM json_each('[1,2,3,4,5,6,7,8,9]');"           \
    "INSERT INTO t SELECT 'x z' || value FROM json_each('[1,2,3,4,5,6,7,8,9]');"           \
    "DELETE FROM t WHERE rowid IN (3, 12);"                                                \
    "INSERT INTO t SELECT 'x y' || value FROM json_each('[1,2,3,4,5,6,7,8,9]');"
#define STEP "INSERT INTO t(t, rank) VALUES('merge', -3);"
#define CHECKED                                   \
    "INSERT INTO t(t) VALUES('integrity-check');" \
    "SELECT count(*), sum(rowid) FROM t('x');"

static void every_step_leaves_a_sound_index(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {SEGMENTS STEP CHECKED STEP CHECKED STEP CHECKED STEP STEP STEP STEP STEP STEP CHECKED,
         "25|363\n25|363\n25|363\n25|363"},
        {SEGMENTS STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP
         "SELECT count(DISTINCT segid) FROM t_idx",
         "1"},
        {SEGMENTS STEP "DELETE FROM t WHERE rowid < 10;" STEP STEP STEP STEP STEP STEP CHECKED,
         "17|321"},
    };
    CHECK(cases);
}

// A doclist index lists pages on which rows start: here there is none behind the first.
static void one_row_over_many_pages_has_no_doclist_index(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"CREATE VIRTUAL TABLE t USING fts5(a); INSERT INTO t(t, rank) VALUES('pgsz', 32);"
         "INSERT INTO t VALUES(replace(printf('%.300c', 'x'), 'x', 'x '));"
         "SELECT count(*) > 5, sum(id >> 36 & 1) FROM t_data; SELECT sum(pgno & 1) FROM t_idx;"
         "INSERT INTO t(t) VALUES('integrity-check')",
         "1|0\n0"},
    };
    CHECK(cases);
}

TEST_SUITE(merge_step, cmocka_unit_test(every_step_leaves_a_sound_index),
           cmocka_unit_test(one_row_over_many_pages_has_no_doclist_index))
