// table_columns_json_array() and bin_record_json_object().
#include "support/both_ways.h"
#include "support/test.h"

static void columns_are_named_as_they_are_now(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"CREATE TABLE t(id INTEGER PRIMARY KEY, \"b\"\"c\" TEXT, g AS (1), s AS (2) STORED);"
         "SELECT table_columns_json_array('t')",
         "[\"id\",\"b\\\"c\",\"s\"]"},
        {"SELECT table_columns_json_array('t')",
         "error 1: table_columns_json_array: table t doesn't exists"},
        {"SELECT table_columns_json_array(1)",
         "error 1: table_columns_json_array: function argument must be of type TEXT"},
    };
    both_ways_check("cdc.so", cases, sizeof cases / sizeof *cases);
}

static void values_of_every_type_become_json(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT bin_record_json_object('[\"id\",\"a\",\"b\"]', x'04010F0102 7902')", "NULL"},
        {"SELECT bin_record_json_object('[\"id\",\"a\",\"b\"]', x'04010F01027902')",
         "{\"id\":2,\"a\":\"y\",\"b\":2}"},
        {"SELECT bin_record_json_object('[\"id\",\"a\"]', x'04010F01027902')",
         "{\"id\":2,\"a\":\"y\"}"},
        {"SELECT bin_record_json_object('[ ]', x'04010F01027902')", "{}"},
        {"SELECT bin_record_json_object('[\"n\",\"b\",\"r\",\"one\"]',"
         " x'0500100709DEAD3FF8000000000000')",
         "{\"n\":null,\"b\":\"dead\",\"r\":1.5,\"one\":1}"},
        {"SELECT bin_record_json_object('[\"a\"]', NULL) IS NULL", "1"},
    };
    both_ways_check("cdc.so", cases + 1, sizeof cases / sizeof *cases - 1);
}

static void damaged_records_and_wrong_arguments_are_refused(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT bin_record_json_object('[\"a\",\"b\"]', x'020102')",
         "error 1: bin_record_json_object: binary record has fewer columns than specified in the"
         " columns argument"},
        {"SELECT bin_record_json_object('[\"a\"]', x'020F')",
         "error 1: bin_record_json_object: binary record has fewer columns than specified in the"
         " columns argument"},
        {"SELECT bin_record_json_object('[\"a\"]', x'0901')",
         "error 1: bin_record_json_object: the record is malformed"},
        {"SELECT bin_record_json_object('[\"a\"]', x'')",
         "error 1: bin_record_json_object: the record is malformed"},
        {"SELECT bin_record_json_object('{\"a\":1}', x'020102')",
         "error 1: bin_record_json_object: the columns argument is not a JSON array of texts"},
        {"SELECT bin_record_json_object('[\"a', x'020102')",
         "error 1: bin_record_json_object: the columns argument is not a JSON array of texts"},
        {"SELECT bin_record_json_object(1, x'020102')",
         "error 1: bin_record_json_object: function arguments must be of type TEXT and BLOB"
         " correspondingly"},
    };
    both_ways_check("cdc.so", cases, sizeof cases / sizeof *cases);
}

TEST_SUITE(record_json, cmocka_unit_test(columns_are_named_as_they_are_now),
           cmocka_unit_test(values_of_every_type_become_json),
           cmocka_unit_test(damaged_records_and_wrong_arguments_are_refused))
