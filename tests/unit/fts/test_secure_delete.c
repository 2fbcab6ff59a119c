// Postings cut out of pages: by quire, and by the extension in stock SQLite.
#include "support/both_ways.h"
#include "support/test.h"

#define CHECK(cases) both_ways_check("ftstakeover.so", cases, sizeof cases / sizeof *cases)
// Pages so small that doclists span many and poslists two.
// clang-format off
#define TABLE(options)                                                                \
    "CREATE VIRTUAL TABLE t USING fts5(a" options ");"                                \
    "INSERT INTO t(t, rank) VALUES('pgsz', 32);"                                      \
    "INSERT INTO t(t, rank) VALUES('secure-delete', 1);"                              \
    "WITH RECURSIVE c(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM c WHERE i < 40)"   \
    " INSERT INTO t(rowid, a) SELECT i * 10, 'x x x' FROM c;"                         \
    "INSERT INTO t(t) VALUES('optimize');"
// clang-format on
#define CHECKED "INSERT INTO t(t) VALUES('integrity-check');"

static void a_page_that_loses_all_stays_as_an_empty_one(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TABLE("") "DELETE FROM t;" CHECKED
                   "SELECT DISTINCT hex(block) FROM t_data WHERE id > 10 AND id >> 36 & 1 = 0",
         "00000004"},
        {TABLE("") "DELETE FROM t; SELECT count(*) FROM t_idx", "1"},
        {TABLE("") "SELECT v FROM t_config WHERE k = 'version'; DELETE FROM t WHERE rowid = 10;"
                   "SELECT v FROM t_config WHERE k = 'version'",
         "4\n5"},
    };
    CHECK(cases);
}

static void rows_that_stay_are_found(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TABLE("") "DELETE FROM t WHERE rowid <= 50;" CHECKED
                   "SELECT count(*), min(rowid), sum(rowid) FROM t('x')",
         "35|60|8050"},
        {TABLE("") "DELETE FROM t WHERE rowid % 20 = 0;" CHECKED
                   "SELECT count(*), max(rowid) FROM t('x'); SELECT rowid FROM t('x') WHERE rowid "
                   "> 380",
         "20|390\n390"},
        {TABLE(", detail=none") "DELETE FROM t WHERE rowid BETWEEN 100 AND 300;" CHECKED
                                "SELECT count(*), sum(rowid) FROM t('x')",
         "19|4000"},
        {TABLE("") "UPDATE t SET a = 'y x' WHERE rowid = 200;" CHECKED
                   "SELECT count(*) FROM t('x'); SELECT rowid FROM t('y + x')",
         "40\n200"},
    };
    CHECK(cases);
}

static void deleted_words_are_in_no_page(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TABLE("") "INSERT INTO t(rowid, a) VALUES(77, 'secret');"
                   "SELECT count(*) FROM t_data WHERE instr(block, CAST('secret' AS BLOB)) > 0;"
                   "DELETE FROM t WHERE rowid = 77;"
                   "SELECT count(*) FROM t_data WHERE instr(block, CAST('secret' AS BLOB)) > 0",
         "1\n0"},
    };
    CHECK(cases);
}

static void what_points_to_a_doclist_index_finds_it_and_the_list_as_long(void **state)
{
    (void)state;
#define POINTERS "SELECT pgno & 1 FROM t_idx WHERE pgno & 1 = 1 OR term = x''"
#define LOST                                                                            \
    "SELECT count(*) FROM t_idx WHERE pgno & 1 = 1 AND NOT EXISTS(SELECT 1 FROM t_data" \
    " WHERE id = (segid << 37) + (1 << 36) + (pgno >> 1))"
    static const SqlCase cases[] = {
        {TABLE("") POINTERS, "1"},
        {TABLE("") "DELETE FROM t WHERE rowid < 400;" CHECKED POINTERS ";" LOST, "1\n0"},
        {TABLE("") "DELETE FROM t WHERE rowid > 200;" CHECKED POINTERS ";" LOST, "0\n0"},
        {TABLE("") "DELETE FROM t;" CHECKED LOST, "0"},
    };
    CHECK(cases);
}

TEST_SUITE(secure_delete,
           cmocka_unit_test(what_points_to_a_doclist_index_finds_it_and_the_list_as_long),
           cmocka_unit_test(a_page_that_loses_all_stays_as_an_empty_one),
           cmocka_unit_test(rows_that_stay_are_found),
           cmocka_unit_test(deleted_words_are_in_no_page))
