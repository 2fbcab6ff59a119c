// LIKE and GLOB through a trigram index: what the plan says, and the rows of a scan.
#include "support/both_ways.h"
#include "support/test.h"

#include "sqlite3.h"

#define CHECK(cases) both_ways_check("ftstakeover.so", cases, sizeof cases / sizeof *cases)
#define TABLE(options)                                                                  \
    "CREATE VIRTUAL TABLE t USING fts5(a, b UNINDEXED, c" options ");"                  \
    "INSERT INTO t(a, b, c) VALUES('abcdef ghi', 'abcdef', 'xyz'),"                     \
    " ('Hello WORLD', 'x', 'abcdef'), ('zzABCzz \"q\" a]b', NULL, 'a\xC3\xA4' || 'b')," \
    " ('ab', 'ab', 12345);"

#define TRIGRAMS    TABLE(", tokenize=trigram")
#define ROWS(where) "SELECT group_concat(rowid) FROM t WHERE " where ";"

static void patterns_find_what_a_scan_finds(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {TRIGRAMS ROWS("a LIKE '%abc%'") ROWS("a GLOB '*abc*'") ROWS("a LIKE '%o_w%'"),
         "1,3\n1\n2"},
        {TRIGRAMS ROWS("c LIKE '%234%'") ROWS("a LIKE 'ab%'"), "4\n1,4"},
        {TRIGRAMS ROWS("a LIKE '%\"q\"%'") ROWS("a GLOB '*[a]bc*ghi'"), "3\n1"},
        {TRIGRAMS ROWS("a GLOB '* a[]]b'") ROWS("c LIKE '_\xC3\xA4_'"), "3\n3"},
        {TRIGRAMS "SELECT count(*) FROM t WHERE a LIKE NULL", "0"},
        {TABLE(", tokenize=trigram, detail=none") ROWS("a LIKE '%abcdef%'"), "1"},
        {TABLE(", tokenize=trigram, detail=columns") ROWS("c LIKE '%abcdef%'"), "2"},
    };
    CHECK(cases);
}

#define PLAN(where) "EXPLAIN QUERY PLAN SELECT rowid FROM t WHERE " where ";"
#define SCAN        "SCAN t VIRTUAL TABLE INDEX 0:"

static void expect_plan(sqlite3 *db, const char *sql, const char *plan)
{
    sqlite3_stmt *stmt;
    assert_int_equal(SQLITE_OK, sqlite3_prepare_v2(db, sql, -1, &stmt, NULL));
    assert_int_equal(SQLITE_ROW, sqlite3_step(stmt));
    assert_string_equal(plan, (const char *)sqlite3_column_text(stmt, 3));
    sqlite3_finalize(stmt);
}

static void plans_name_the_pattern(void **state)
{
    (void)state;
    sqlite3 *db;
    assert_int_equal(SQLITE_OK, sqlite3_open(":memory:", &db));

    assert_int_equal(SQLITE_OK, sqlite3_exec(db, TABLE(", tokenize=trigram"), NULL, NULL, NULL));
    expect_plan(db, PLAN("a LIKE '%abc%'"), SCAN "L0");
    expect_plan(db, PLAN("c GLOB '*abc*'"), SCAN "G2");
    expect_plan(db, PLAN("b LIKE '%abc%'"), SCAN);
    assert_int_equal(
        SQLITE_OK, sqlite3_exec(db, "DROP TABLE t;" TABLE(", tokenize='trigram case_sensitive 1'"),
                                NULL, NULL, NULL));
    expect_plan(db, PLAN("a LIKE '%abc%'"), SCAN);
    expect_plan(db, PLAN("a GLOB '*abc*'"), SCAN "G0");

    sqlite3_close(db);
}

static void marks_of_touching_matches_are_one(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"CREATE VIRTUAL TABLE t USING fts5(a, tokenize=trigram); INSERT INTO t VALUES(' cabcdef"
         " ghi');"
         "SELECT highlight(t, 0, '[', ']') FROM t WHERE a LIKE '%abc%def%';"
         "SELECT highlight(t, 0, '[', ']') FROM t('cab AND def');"
         "SELECT snippet(t, 0, '[', ']', '..', 4) FROM t('abc')",
         " c[abcdef] ghi\n [cab]c[def] ghi\n c[abc]d.."},
    };
    CHECK(cases);
}

TEST_SUITE(pattern_query, cmocka_unit_test(patterns_find_what_a_scan_finds),
           cmocka_unit_test(plans_name_the_pattern),
           cmocka_unit_test(marks_of_touching_matches_are_one))
