// Schema changes of captured tables are carried along.
#include "support/both_ways.h"
#include "support/test.h"

#define FEED \
    "CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING cdc(tables=t); INSERT INTO t VALUES(1);"
#define SHOW                                                       \
    "SELECT cdc_subscribe('f','c') >= 0, cdc_wait('f','c',0) > 0;" \
    "SELECT change_type, table_name, columns, after_json FROM f WHERE change_id > 2"

static void columns_that_come_and_change_names_appear_in_the_feed(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {FEED "ALTER TABLE t RENAME COLUMN a TO b; SELECT cdc_subscribe('f','c') >= 0,"
              " cdc_wait('f','c',0); INSERT INTO t VALUES(2);"
              "SELECT change_type, table_name, columns, after_json FROM f WHERE table_name='t'",
         "1|3\n1|t|[\"a\"]|{\"a\":1}\n1|t|[\"b\"]|{\"b\":2}"},
        {FEED "ALTER TABLE t ADD COLUMN b DEFAULT 9; SELECT cdc_subscribe('f','c') >= 0,"
              " cdc_wait('f','c',0) > 0; UPDATE t SET b=3;"
              "SELECT before_json, after_json FROM f WHERE change_id > 2 AND table_name='t'",
         "1|1\n{\"a\":1,\"b\":9}|{\"a\":1,\"b\":3}"},
        {FEED
         "ALTER TABLE t RENAME TO u; INSERT INTO u VALUES(2); SELECT cdc_subscribe('f','c') >= 0,"
         " cdc_wait('f','c',0) > 0; INSERT INTO u VALUES(3);"
         "SELECT table_name, after_json FROM f WHERE change_type=1 AND change_id > 4",
         "1|1\nu|{\"a\":3}"},
    };
    both_ways_check("cdc.so", cases, 1);
    both_ways_check("cdc.so", cases + 1, 2);
}

static void a_dropped_table_is_recorded_and_taken_up_again_when_it_returns(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {FEED "DROP TABLE t; SELECT cdc_subscribe('f','c') >= 0, cdc_wait('f','c',0) > 0;"
              "CREATE TABLE t(z); SELECT cdc_wait('f','c',0) > 0; INSERT INTO t VALUES(5);"
              "SELECT change_type, table_name, after_json FROM f WHERE change_id > 2",
         "1|1\n1\n-1|sqlite_schema|NULL\n"
         "1|sqlite_schema|{\"type\":\"table\",\"name\":\"t\",\"tbl_name\":\"t\",\"rootpage\":2,"
         "\"sql\":\"CREATE TABLE t(z)\"}\n1|t|{\"z\":5}"},
    };
    both_ways_check("cdc.so", cases, 1);
}

// A change that the feed cannot follow fails as a whole, and says why.
static void a_statement_that_cannot_be_followed_says_why(void **state)
{
    (void)state;
    static const char sql[] =
        FEED "CREATE TABLE f_log2(a); DROP TABLE f_stage; ALTER TABLE t ADD COLUMN b";
    assert_string_equal(quire_sql(sql), "error 1: no such table: main.f_stage");
}

TEST_SUITE(feed_refresh, cmocka_unit_test(columns_that_come_and_change_names_appear_in_the_feed),
           cmocka_unit_test(a_dropped_table_is_recorded_and_taken_up_again_when_it_returns),
           cmocka_unit_test(a_statement_that_cannot_be_followed_says_why))
