// CREATE VIRTUAL TABLE ... USING cdc: what it takes and what it refuses.
#include "support/both_ways.h"
#include "support/test.h"

static void bad_arguments_are_errors_that_leave_nothing_behind(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"CREATE VIRTUAL TABLE f USING cdc",
         "error 1: cdc: tables='...' names the tables to capture"},
        {"CREATE VIRTUAL TABLE f USING cdc(tables='')",
         "error 1: cdc: tables='...' names the tables to capture"},
        {"CREATE VIRTUAL TABLE f USING cdc(tables=t)", "error 1: no such table: t"},
        {"CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING cdc(tables=t, mode=Full)",
         "error 1: cdc: bad value for mode: Full"},
        {"CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING cdc(tables=t, mode=off)",
         "error 1: cdc: bad value for mode: off"},
        {"CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING cdc(tables=t, max_age='5x')",
         "error 1: cdc: bad value for max_age: 5x"},
        {"CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING cdc(tables=t, colour=red)",
         "error 1: cdc: unknown option: colour"},
        {"CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING cdc(t)",
         "error 1: cdc: expected option=value, got t"},
        {"CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING cdc(tables='t, T')",
         "error 1: cdc: T is named twice"},
        {"CREATE VIEW t AS SELECT 1; CREATE VIRTUAL TABLE f USING cdc(tables=t)",
         "error 1: no such table: t"},
        {"CREATE TABLE t(rowid, oid, _rowid_); CREATE VIRTUAL TABLE f USING cdc(tables=t)",
         "error 1: cannot capture t: its columns hide the rowid"},
        {"CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING cdc(tables=t); UPDATE f SET id=1", ""},
        {"CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING cdc(tables=t); UPDATE f SET id=1"
         " WHERE change_id=1; SELECT 1",
         "error 1: cdc: rows of f can only be deleted"},
    };
    both_ways_check("cdc.so", cases, 11);
    both_ways_check("cdc.so", cases + 12, 1);
}

static void names_may_be_quoted_and_options_have_units(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"CREATE TABLE \"a, b\"(x); CREATE TABLE c(y); CREATE VIRTUAL TABLE f USING"
         " cdc(tables='\"a, b\" , c', max_age='7 d', max_size='64MB', max_rows=5, keep_unread=0);"
         "SELECT table_name FROM f_source; SELECT key, value FROM f_config WHERE key LIKE 'm%'",
         "a, b\nc\nmax_age|604800\nmax_rows|5\nmax_size|67108864\nmode|full"},
    };
    both_ways_check("cdc.so", cases, 1);
}

static void a_dropped_feed_leaves_the_tables_as_they_were(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING cdc(tables=t); INSERT INTO t VALUES(1);"
         "ALTER TABLE f RENAME TO g; INSERT INTO t VALUES(2); SELECT count(*) FROM g; DROP TABLE g;"
         "SELECT name FROM sqlite_schema",
         "3\nt"},
    };
    both_ways_check("cdc.so", cases, 1);
}

static void rows_there_before_are_recorded_on_request(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"CREATE TABLE t(a); INSERT INTO t VALUES(5),(6);"
         "CREATE VIRTUAL TABLE f USING cdc(tables=t, backfill=1);"
         "SELECT change_type, id, after_json FROM f WHERE table_name='t'",
         "1|1|{\"a\":5}\n1|2|{\"a\":6}"},
    };
    both_ways_check("cdc.so", cases, 1);
}

static void a_range_of_changes_is_read_in_either_direction(void **state)
{
    (void)state;
#define TEN                                                                                 \
    "CREATE TABLE t(a); CREATE VIRTUAL TABLE f USING cdc(tables=t); WITH RECURSIVE n(i) AS" \
    " (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<9) INSERT INTO t SELECT i FROM n;"      \
    "SELECT group_concat(change_id) FROM (SELECT change_id FROM f WHERE "
    static const SqlCase cases[] = {
        {TEN "change_id > 3 AND change_id <= 6)", "4,5,6"},
        {TEN "change_id >= 8.5 ORDER BY change_id DESC)", "10,9"},
        {TEN "change_id = 4)", "4"},
        {TEN "change_id < 2.5 OR change_id > 9)", "1,2,10"},
        {TEN "change_id > NULL)", "NULL"},
        {TEN "change_id > 'x')", "NULL"},
        {TEN "change_id < 'x' AND change_id < 3)", "1,2"},
        {TEN "change_id > 9223372036854775807)", "NULL"},
    };
    both_ways_check("cdc.so", cases, sizeof cases / sizeof *cases);
}

TEST_SUITE(feed_config, cmocka_unit_test(bad_arguments_are_errors_that_leave_nothing_behind),
           cmocka_unit_test(names_may_be_quoted_and_options_have_units),
           cmocka_unit_test(a_dropped_feed_leaves_the_tables_as_they_were),
           cmocka_unit_test(rows_there_before_are_recorded_on_request),
           cmocka_unit_test(a_range_of_changes_is_read_in_either_direction))
