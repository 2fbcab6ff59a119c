// Postings that wait to be written: found before and after, in whatever order rows came.
#include "support/both_ways.h"
#include "support/test.h"

#define CHECK(cases)   both_ways_check("ftstakeover.so", cases, sizeof cases / sizeof *cases)
#define TABLE(options) "CREATE VIRTUAL TABLE t USING fts5(a, b, prefix='1'" options ");"
#define ASKED                                                                                \
    "SELECT group_concat(rowid) FROM (SELECT rowid FROM t('x')); SELECT group_concat(rowid)" \
    " FROM (SELECT rowid FROM t('y*')); "
#define STORED "COMMIT; INSERT INTO t(t) VALUES('integrity-check'); "
// Rows in any order, one of them twice, one that goes and comes, one that only goes.
#define MIXED                                                                                  \
    "INSERT INTO t(rowid, a, b) VALUES(1, 'x', 'old'), (2, 'x', 'old');"                       \
    "BEGIN; INSERT INTO t(rowid, a, b) VALUES(9, 'x y', 'x'), (3, 'yy', 'x'), (-7, 'x', 'y');" \
    "UPDATE t SET a = 'x yy' WHERE rowid = 3; DELETE FROM t WHERE rowid = 1;"                  \
    "DELETE FROM t WHERE rowid = 9; INSERT INTO t(rowid, a, b) VALUES(9, 'y', 'x y');"         \
    "UPDATE t SET b = 'y' WHERE rowid = 2; INSERT INTO t(rowid, a) VALUES(5, 'x');"            \
    "DELETE FROM t WHERE rowid = 5;"

static void rows_in_any_order_are_found(void **state)
{
    (void)state;
    static const char found[] = "-7,2,3,9\n-7,2,3,9\n-7,2,3,9\n-7,2,3,9";
    static const SqlCase cases[] = {
        {TABLE("") MIXED ASKED STORED ASKED, found},
        {TABLE(", detail=columns") MIXED ASKED STORED ASKED, found},
        {TABLE(", detail=none") MIXED ASKED STORED ASKED, found},
        {TABLE("") MIXED STORED "SELECT rowid, highlight(t, 0, '<', '>'), highlight(t, 1, '<', '>')"
                                " FROM t('x AND y*')",
         "-7|<x>|<y>\n2|<x>|<y>\n3|<x> <yy>|<x>\n9|<y>|<x> <y>"},
    };
    CHECK(cases);
}

// The sizes of poslists take one byte, two and three; terms share the memory that others outgrew.
static void long_lists_of_places_are_kept(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TABLE(
             "") "BEGIN; WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i * 2 FROM c WHERE i <"
                 " 10000) INSERT INTO t(rowid, a, b) SELECT i, replace(printf('%.*c', i, 'x'),"
                 " 'x', 'x y '), 'z' || i FROM c;"
                 "SELECT sum(rowid) FROM t('y + x'); SELECT sum(rowid) FROM t('z*');" STORED
                 "SELECT sum(rowid) FROM t('y + x'); SELECT sum(rowid) FROM t('z*');"
                 "CREATE VIRTUAL TABLE v USING fts5vocab(t, row); SELECT * FROM v WHERE term IN"
                 " ('x', 'y')",
         "32766\n32767\n32766\n32767\nx|15|32767\ny|15|32767"},
    };
    CHECK(cases);
}

// A savepoint writes, and a rollback to it forgets what came later.
static void savepoints_end_what_is_pending(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TABLE("") "BEGIN; INSERT INTO t(rowid, a) VALUES(1, 'x'); SAVEPOINT s;"
                   "INSERT INTO t(rowid, a) VALUES(2, 'x'); ROLLBACK TO s;"
                   "INSERT INTO t(rowid, a) VALUES(3, 'x y'); RELEASE s;" ASKED STORED ASKED,
         "1,3\n3\n1,3\n3"},
    };
    CHECK(cases);
}

TEST_SUITE(pending, cmocka_unit_test(rows_in_any_order_are_found),
           cmocka_unit_test(long_lists_of_places_are_kept),
           cmocka_unit_test(savepoints_end_what_is_pending))
