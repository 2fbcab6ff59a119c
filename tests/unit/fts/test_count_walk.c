// count(*) of a query is the number of rows it gives.
#include "support/both_ways.h"
#include "support/test.h"

#define CHECK(cases) both_ways_check("ftstakeover.so", cases, sizeof cases / sizeof *cases)
// Rows far apart and near, some negative; words in one of three, seven or two hundred rows.
#define TABLE                                                                                    \
    "CREATE VIRTUAL TABLE t USING fts5(a);"                                                      \
    "WITH RECURSIVE n(i) AS (SELECT -300 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)"          \
    " INSERT INTO t(rowid, a) SELECT CASE WHEN i % 50 = 0 THEN i * 1000000007 ELSE i END,"       \
    " 'all ' || CASE WHEN i % 3 = 0 THEN 'three ' ELSE 'other ' END || CASE WHEN i % 7 = 0 THEN" \
    " 'seven all ' ELSE '' END || CASE WHEN i % 200 = 9 THEN 'three rare' ELSE '' END FROM n;"   \
    "DELETE FROM t WHERE rowid % 31 = 4; INSERT INTO t(rowid, a) VALUES(9223372036854775807,"    \
    " 'all seven three'), (-9223372036854775807, 'three all rare');"
#define SAME(query) SAME_WHERE("t MATCH '" query "'")
#define SAME_WHERE(where)                                                                        \
    "SELECT (SELECT count(*) FROM t WHERE " where ") - (SELECT count(rowid) FROM t WHERE " where \
    ");"

static void as_many_rows_are_counted_as_are_found(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TABLE SAME("all") SAME("rare") SAME("none") SAME("three seven") SAME("rare all"),
         "0\n0\n0\n0\n0"},
        {TABLE SAME("rare OR seven") SAME("rare OR none") SAME("three OR seven OR rare"),
         "0\n0\n0"},
        {TABLE SAME("all + three") SAME("seven + all") SAME("three + rare") SAME("s*")
             SAME("^ all"),
         "0\n0\n0\n0\n0"},
        {TABLE SAME("all NOT seven") SAME("(rare OR seven) AND three") SAME("NEAR(rare all, 2)"),
         "0\n0\n0"},
        {TABLE SAME_WHERE("t MATCH 'three' AND rowid > 100")
             SAME_WHERE("t MATCH 'three OR seven' AND rowid BETWEEN -50 AND 700")
                 SAME_WHERE("t MATCH 'three seven' AND rowid <= 1500")
                     SAME_WHERE("t MATCH 'all + three' AND rowid < 333"),
         "0\n0\n0\n0"},
    };
    CHECK(cases);
}

TEST_SUITE(count_walk, cmocka_unit_test(as_many_rows_are_counted_as_are_found))
