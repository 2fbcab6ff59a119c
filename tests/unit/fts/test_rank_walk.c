// The best rows found without scoring all are those that scoring all finds.
//
// Words are spread by a simple generator, some frequent and some not, over several segments; some
// rows are deleted again. ORDER BY rank, rowid has every row scored, and the core sort them.
#include "support/api_fault.h"
#include "support/both_ways.h"
#include "support/test.h"

#define CHECK(cases) both_ways_check("ftstakeover.so", cases, sizeof cases / sizeof *cases)
#define ROWS(first, last)                                                                       \
    "WITH RECURSIVE n(i) AS (SELECT " first " UNION ALL SELECT i + 1 FROM n WHERE i < " last    \
    ") INSERT INTO t SELECT (SELECT group_concat('w' || (i * 7919 * k * k % 101 * k % 37 % k)," \
    " ' ') FROM w WHERE k <= 3 + i * 31 % 40) FROM n;"
#define TABLE(options)                                                                        \
    "CREATE VIRTUAL TABLE t USING fts5(a" options "); CREATE TABLE w(k);"                     \
    "INSERT INTO w SELECT value FROM json_each('[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,"  \
    "18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39,40,41,42,43]');" ROWS( \
        "1", "900") ROWS("901", "1500") "DELETE FROM t WHERE rowid % 13 = 5;" ROWS("1501", "1700")
#define SAME(query)                                                                             \
    "SELECT (SELECT group_concat(rowid || ':' || rank) FROM (SELECT rowid, rank FROM t(" query  \
    ") ORDER BY rank LIMIT 7 OFFSET 2)) IS (SELECT group_concat(rowid || ':' || rank) FROM (SE" \
    "LECT rowid, rank FROM t(" query ") ORDER BY rank, rowid LIMIT 7 OFFSET 2));"

static void the_best_rows_are_the_same(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TABLE("") SAME("'w0'") SAME("'w17'") SAME("'w0 w1'") SAME("'w0 w3 w5'"), "1\n1\n1\n1"},
        {TABLE("") SAME("'w0 OR w9'") SAME("'w0 OR w1 OR w21 OR w21'") SAME("'w3 OR none'"),
         "1\n1\n1"},
        {TABLE("") SAME("'w0 + w1'") SAME("'w0 + w0'") SAME("'^ w0'") SAME("'NEAR(w0 w4, 3)'"),
         "1\n1\n1\n1"},
        {TABLE("") SAME("'w0 NOT w2'") SAME("'(w0 OR w2) AND w3'") SAME("'w1*'") SAME("'a : w2'"),
         "1\n1\n1\n1"},
        {TABLE(", detail=columns") SAME("'w0 w1'"), "1"},
        {TABLE(", columnsize=0") SAME("'w0 OR w1'"), "1"},
    };
    CHECK(cases);
}

// The first query of a connection reads the lengths of few rows, and one that is changed meanwhile
// has the new one.
static void lengths_are_read_as_they_are_wanted(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TABLE("") SAME("'w29'") SAME("'w29'") SAME("'w29'") SAME("'w29'") SAME("'w29'"),
         "1\n1\n1\n1\n1"},
        {TABLE("") SAME("'w17 OR w29'") SAME("'w17'"), "1\n1"},
        {TABLE("") SAME("'w17 w2'") SAME("'w31 + w0'") SAME("'w0'"), "1\n1\n1"},
        {TABLE("")
             SAME("'w29'") "UPDATE t SET a = 'w29 w29' WHERE rowid % 50 = 2;"
                           "DELETE FROM t WHERE rowid % 50 = 4;" SAME(
                               "'w29'") "SELECT count(*) > 20 FROM t('w29') WHERE rowid % 50 = 2",
         "1\n1\n1"},
    };
    CHECK(cases);
}

// Asked again on the same connection, which has kept what it had learnt of lengths.
static int rank_twice(sqlite3 *db)
{
    int rc = SQLITE_OK;
    for (int i = 0; i < 2; i++) {
        int again = sqlite3_exec(db, "SELECT rowid FROM t('one OR two') ORDER BY rank, rowid", NULL,
                                 NULL, NULL);
        if (rc == SQLITE_OK || again != SQLITE_OK)
            rc = again;
    }
    return rc;
}

static void lengths_not_read_for_lack_of_memory_are_read_again(void **state)
{
    (void)state;
    api_fails_cleanly("CREATE VIRTUAL TABLE t USING fts5(a);"
                      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40)"
                      " INSERT INTO t SELECT iif(i % 3, 'one', 'two two') FROM n",
                      rank_twice);
}

// A bound of rowid is checked by the core too, a LIMIT beside it is not for the module to see.
static void other_terms_keep_the_limit_out(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TABLE("") "SELECT count(*) FROM (SELECT rowid FROM t('w0') WHERE rowid > 1650"
                   " ORDER BY rank LIMIT 9);"
                   "SELECT count(*) FROM (SELECT rowid FROM t('w0') WHERE rowid > 1650.5"
                   " AND a LIKE '%w1%' ORDER BY rank LIMIT 9);"
                   "SELECT count(*) FROM (SELECT rowid FROM t('w0') ORDER BY rank LIMIT 0);"
                   "SELECT count(*) > 1000 FROM (SELECT rowid FROM t('w0') ORDER BY rank LIMIT -1)",
         "9\n9\n0\n1"},
    };
    CHECK(cases);
}

TEST_SUITE(rank_walk, cmocka_unit_test(the_best_rows_are_the_same),
           cmocka_unit_test(lengths_are_read_as_they_are_wanted),
           cmocka_unit_test(lengths_not_read_for_lack_of_memory_are_read_again),
           cmocka_unit_test(other_terms_keep_the_limit_out))
