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

// Two segments of one word in 400 rows, which fills a hundred pages, and of seven less common ones.
// clang-format off
#define LONG_DOCLISTS(options)                                                                  \
    "CREATE VIRTUAL TABLE t USING fts5(a" options ");"                                          \
    "INSERT INTO t(t, rank) VALUES('automerge', 0); INSERT INTO t(t, rank) VALUES('pgsz', 32);" \
    "WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 2 FROM c WHERE i < 799)"            \
    " INSERT INTO t(rowid, a) SELECT i, 'x x x y' || (i % 7) FROM c;"                           \
    "WITH RECURSIVE c(i) AS (VALUES(2) UNION ALL SELECT i + 2 FROM c WHERE i < 800)"            \
    " INSERT INTO t(rowid, a) SELECT i, 'x x x y' || (i % 7) FROM c;"
// clang-format on
#define STEPS     STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP STEP
#define OUTPUT    "SELECT count(*) FROM t_data WHERE id >> 36 = 6;"
#define SOUND     "INSERT INTO t(t) VALUES('integrity-check');"
#define LONG_HITS "SELECT count(*), sum(rowid) FROM t('x'); SELECT count(*) FROM t('x AND y3');"
#define NEARBY    "SELECT count(*) FROM t('x') WHERE rowid BETWEEN 390 AND 410;"
#define ROWS      OUTPUT SOUND NEARBY LONG_HITS
#define FOUND     "21\n800|320400\n114"

static void a_step_ends_inside_a_long_doclist(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {LONG_DOCLISTS("") STEP ROWS STEP ROWS STEPS ROWS "SELECT sum(pgno & 1) FROM t_idx",
         "15\n" FOUND "\n31\n" FOUND "\n243\n" FOUND "\n8"},
        {LONG_DOCLISTS(", detail=columns")
             STEP SOUND LONG_HITS STEP SOUND LONG_HITS STEPS SOUND LONG_HITS,
         "800|320400\n114\n800|320400\n114\n800|320400\n114"},
        // What is deleted and written meanwhile counts, and is merged with the rest.
        {LONG_DOCLISTS("") STEP
         "DELETE FROM t WHERE rowid % 2 = 1;" SOUND STEP STEP SOUND
         "UPDATE t SET a = 'x z' WHERE rowid % 100 = 0;" STEPS SOUND LONG_HITS
         "SELECT count(*) FROM t('z');"
         "INSERT INTO t(t) VALUES('optimize');" SOUND LONG_HITS
         "SELECT count(DISTINCT segid) FROM t_idx",
         "400|160400\n56\n8\n400|160400\n56\n1"},
    };
    CHECK(cases);
}

TEST_SUITE(merge_step, cmocka_unit_test(every_step_leaves_a_sound_index),
           cmocka_unit_test(a_step_ends_inside_a_long_doclist),
           cmocka_unit_test(one_row_over_many_pages_has_no_doclist_index))
