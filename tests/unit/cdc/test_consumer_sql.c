// Consumers through SQL.
#include "support/both_ways.h"
#include "support/test.h"

#define FEED                                                         \
    "CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING cdc(tables=t);" \
    "INSERT INTO t VALUES(1),(2),(3);"

static void a_consumer_sees_what_it_has_not_acknowledged(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {FEED "SELECT cdc_subscribe('f','c'), cdc_pending('f','c');"
              "SELECT change_id, after_json FROM cdc_next('f','c',2) WHERE table_name='t';"
              "SELECT cdc_ack('f','c',2); SELECT change_id FROM cdc_next('f','c');"
              "SELECT cdc_ack('f','c',1); SELECT cdc_seek('main.f','c',1);"
              "SELECT change_id FROM cdc_next('f','c',1);",
         "0|4\n2|{\"a\":1}\n2\n3\n4\n2\n1\n2"},
        {FEED "SELECT cdc_subscribe('f','c','latest'), cdc_subscribe('f','d',2);"
              "SELECT change_id FROM cdc_next('f','d'); SELECT count(*) FROM cdc_next('f','c');"
              "SELECT change_id FROM cdc_changes('f',3);",
         "4|2\n3\n4\n0\n4"},
        {FEED "BEGIN; SELECT cdc_subscribe('f','c'); SELECT cdc_ack('f','c',4); ROLLBACK;"
              "SELECT count(*) FROM f_consumer",
         "0\n4\n0"},
    };
    both_ways_check("cdc.so", cases, sizeof cases / sizeof *cases);
}

static void what_cannot_be_done_is_said(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT cdc_subscribe('f','c')", "error 1: cdc_subscribe: no such feed: f"},
        {FEED "SELECT cdc_subscribe('t','c')", "error 1: cdc_subscribe: no such feed: t"},
        {FEED "SELECT cdc_ack('f','c',1)",
         "error 1: cdc_ack: no such consumer: c (cdc_subscribe() makes one)"},
        {FEED "SELECT * FROM cdc_next('f','c')",
         "error 1: no such consumer: c (cdc_subscribe() makes one)"},
        {FEED "SELECT cdc_subscribe('f','c'); SELECT cdc_ack('f','c',99)",
         "error 1: cdc_ack: there is no change 99"},
        {FEED "SELECT cdc_subscribe('f','c',99)",
         "error 1: cdc_subscribe: there is no change 99 yet"},
        {FEED "SELECT cdc_subscribe('f','c','then')",
         "error 1: cdc_subscribe: a consumer begins at 'earliest', 'latest' or a change"},
        {FEED "SELECT cdc_subscribe('f',NULL)",
         "error 1: cdc_subscribe: the name of a consumer is missing"},
        {FEED "SELECT cdc_subscribe('f','c','latest'); BEGIN; SELECT count(*) FROM t;"
              "SELECT cdc_wait('f','c',10)",
         "error 1: cdc_wait: cannot wait for changes inside a transaction, which sees none"},
        {"SELECT * FROM cdc_next('f')", "error 1: no query solution"},
    };
    both_ways_check("cdc.so", cases, sizeof cases / sizeof *cases);
}

static void limits_and_consumers_decide_what_is_kept(void **state)
{
    (void)state;
#define MANY                                                                                   \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<1000) INSERT INTO t" \
    " SELECT printf('%0100d', i) FROM n;"
#define LIMITED(limit) \
    "CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING cdc(tables=t," limit ");" MANY
    static const SqlCase cases[] = {
        {LIMITED("max_rows=10") "SELECT cdc_prune('f'); SELECT count(*), max(change_id) FROM f",
         "991\n10|1001"},
        {LIMITED("max_size='10KB'") "SELECT cdc_prune('f') BETWEEN 920 AND 940", "1"},
        {LIMITED(
             "max_age='1d'") "SELECT cdc_prune('f'); UPDATE f_log SET change_time=change_time-90000"
                             " WHERE change_id <= 500; SELECT cdc_prune('f')",
         "0\n500"},
        {LIMITED("max_rows=10") "SELECT cdc_subscribe('f','c',900); SELECT cdc_prune('f')",
         "900\n900"},
        {LIMITED("max_rows=10,keep_unread=0") "SELECT cdc_subscribe('f','c',900);"
                                              "SELECT cdc_prune('f')",
         "900\n991"},
        {LIMITED(
             "mode=id") "SELECT cdc_subscribe('f','c'),"
                        " cdc_subscribe('f','d',600); SELECT cdc_ack('f','c',700);"
                        "SELECT count(*) FROM f; SELECT cdc_unsubscribe('f','d'), cdc_prune('f')",
         "0|600\n700\n401\n1|100"},
    };
    both_ways_check("cdc.so", cases, sizeof cases / sizeof *cases);
}

TEST_SUITE(consumer_sql, cmocka_unit_test(a_consumer_sees_what_it_has_not_acknowledged),
           cmocka_unit_test(what_cannot_be_done_is_said),
           cmocka_unit_test(limits_and_consumers_decide_what_is_kept))
