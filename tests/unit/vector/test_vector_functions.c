// The functions of libSQL and Turso, built into quire and loaded into stock SQLite.
#include "support/both_ways.h"
#include "support/test.h"

#define CHECK(cases) both_ways_check("vector.so", cases, sizeof cases / sizeof *cases)

static void constructors_write_the_documented_bytes(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT hex(vector('[1,2,3]'))", "0000803F0000004000004040"},
        {"SELECT hex(vector32(' [ 1 , 2,3 ] '))", "0000803F0000004000004040"},
        {"SELECT hex(vector64('[1,2,3]'))", "000000000000F03F0000000000000040000000000000084002"},
        {"SELECT hex(vector8('[1,2,3]'))", "007FFF008180003C0000803F000104"},
        {"SELECT hex(vector8('[5,5,5]'))", "000000000000"
                                           "00000000A040000104"},
        {"SELECT hex(vector8('[1,-2,0.5,3,4]'))", "80006AD5FF000000C1C0C03C000000C0000304"},
        {"SELECT hex(vector1bit('[1,-1,1]'))", "050D03"},
        {"SELECT hex(vector1bit('[1,-1,1,1,-1,1,1,1]'))", "ED0803"},
        {"SELECT hex(vector1bit('[1,1,1,1,1,1,1,1,1]'))", "FF01001703"},
        {"SELECT hex(vector16('[1,-2,0.5]'))", "003C00C0003805"},
        {"SELECT hex(vectorb16('[1,-2,0.5]'))", "803F00C0003F06"},
        {"SELECT hex(vector32_sparse('[0,1.5,0,2.5,0]'))",
         "0000C03F0000204001000000030000000500000009"},
        {"SELECT hex(vector32('[]')), hex(vector64('[]')), hex(vector8('[]'))",
         "|02|0000000000000000000004"},
        {"SELECT hex(vector32_sparse('[]'))", "0000000009"},
    };
    CHECK(cases);
}

static void numbers_read_and_print_exactly(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT vector_extract(vector('[1,2.5,-3e10,0.0000001,.1,5.]'))",
         "[1,2.5,-30000000000,0.0000001,0.1,5]"},
        {"SELECT vector_extract(vector64('[0.1,1e22,123456789.125,-0.0]'))",
         "[0.1,10000000000000000000000,123456789.125,-0]"},
        {"SELECT vector_extract(vector('[3.4028235e38,1e-45,16777217]'))",
         "[340282350000000000000000000000000000000,"
         "0.000000000000000000000000000000000000000000001,16777216]"},
        // Halfway between two floats but for its last digit.
        {"SELECT vector_extract(vector('[1.000000059604644775390625000001]'))", "[1.0000001]"},
        {"SELECT vector_extract(vector('[1.000000059604644775390625]'))", "[1]"},
        {"SELECT vector_extract(vector8('[0.1,0.2,0.3,-1]'))",
         "[0.10117638,0.19803917,0.29999995,-1]"},
        {"SELECT vector_extract(vector1bit('[1,-1,1]'))", "[1,-1,1]"},
        {"SELECT vector_extract(vector32_sparse('[0,1.5,0]'))", "[0,1.5,0]"},
        {"SELECT vector_extract(x''), vector_extract(x'0000C07F0000807F')", "[]|[NaN,inf]"},
        {"SELECT vector_extract(x'0000803F01')", "[1]"}, // with the tag that is never written
    };
    CHECK(cases);
}

static void malformed_text_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",      "1,2",    "[1,2",   "[1,]",  "[,1]",
                                        "[1 2]", "[1,2]x", "[nan]",  "[inf]", "[1e39]",
                                        "[--1]", "[.]",    "[0x10]", "[1e]",  "[[1]]"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char sql[80];
        snprintf(sql, sizeof sql, "SELECT vector32('%s')", texts[i]);
        const SqlCase one = {sql, "error 1: Conversion error: Invalid vector value"};
        both_ways_check("vector.so", &one, 1);
    }
}

static void vectors_convert_between_types(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT hex(vector32(vector64('[1,2]')))", "0000803F00000040"},
        {"SELECT vector_extract(vector64(vector1bit('[3,-4]')))", "[1,-1]"},
        {"SELECT vector_extract(vector32_sparse(vector16('[0,2]')))", "[0,2]"},
        {"SELECT hex(vector32(x'0000803F01'))", "0000803F"},
        {"SELECT vector_extract(vector8(vector32_sparse('[0,255]')))", "[0,255]"},
        {"SELECT vector_dims(vector1bit('[1,1,1]')), vector_dims('[1,2]')", "3|2"},
    };
    CHECK(cases);
}

static void distances_follow_their_definitions(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT vector_distance_l2(vector32('[1,2]'),'[4,6]')", "5.0"},
        {"SELECT vector_distance_l2sq('[1,2]','[4,6]')", "25.0"},
        {"SELECT vector_distance_l1('[1,2]','[4,-6]')", "11.0"},
        {"SELECT vector_distance_dot('[1,2]','[3,4]')", "-11.0"},
        {"SELECT vector_distance_dot('[1,0]','[0,1]')", "0.0"},
        {"SELECT round(vector_distance_cos('[1,2]','[2,1]'),12)", "0.2"},
        {"SELECT vector_distance_cos('[1,2]','[2,4]')", "0.0"},
        {"SELECT vector_distance_cos('[0,0]','[1,1]'), vector_distance_cos('[0,0]','[0,0]')",
         "1.0|0.0"},
        {"SELECT vector_distance_cos('[]','[]'), vector_distance_l2('[]','[]')", "0.0|0.0"},
        {"SELECT round(vector_distance_jaccard('[1,2,0]','[0,2,4]'),6)", "0.714286"},
        {"SELECT vector_distance_jaccard('[0]','[0]')", "NULL"},
        {"SELECT vector_distance_l2(vector16('[3,0]'),vector16('[0,4]'))", "5.0"},
        {"SELECT vector_distance_l2(vectorb16('[3,0]'),vectorb16('[0,4]'))", "5.0"},
        {"SELECT vector_distance_l2(vector64('[3,0]'),vector64('[0,4]'))", "5.0"},
        {"SELECT vector_distance_l2(vector8('[0,255]'),vector8('[0,0]'))", "255.0"},
        {"SELECT vector_distance_cos(vector8('[0,0]'),vector8('[1,0]'))", "NULL"},
        {"SELECT vector_distance_l2(vector32_sparse('[3,0,1]'),vector32_sparse('[0,4,1]'))", "5.0"},
        {"SELECT vector_distance_cos(vector32_sparse('[0]'),vector32_sparse('[1]'))", "NULL"},
    };
    static const SqlCase bit_cases[] = {
        {"SELECT vector_distance_cos(vector1bit('[1,-1,1]'),vector1bit('[1,1,-1]'))", "2.0"},
        {"SELECT vector_distance_hamming(vector1bit('[1,-1,1]'),vector1bit('[1,1,-1]'))", "2.0"},
        {"SELECT vector_distance_dot(vector1bit('[1,-1,1]'),vector1bit('[1,1,-1]'))", "1.0"},
        {"SELECT vector_distance_jaccard(vector1bit('[1,1]'),vector1bit('[1,-1]'))", "0.5"},
        {"SELECT vector_distance_jaccard(vector1bit('[-1]'),vector1bit('[-1]'))", "NULL"},
        // Bits behind the last element are not looked at.
        {"SELECT vector_distance_cos(x'010D03',x'F10D03')", "0.0"},
    };
    CHECK(cases);
    CHECK(bit_cases);
}

static void sums_beyond_single_precision_are_taken_in_double(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT vector_distance_l2('[3e30,0]','[0,4e30]')/5e30 BETWEEN 0.999999 AND 1.000001",
         "1"},
        {"SELECT vector_distance_l2('[3e-30,0]','[0,4e-30]')/5e-30 BETWEEN 0.999999 AND 1.000001",
         "1"},
        {"SELECT round(vector_distance_cos('[1e-30,0]','[1e-30,1e-30]'),6)", "0.292893"},
        {"SELECT vector_distance_dot('[1e30]','[1e30]') < -9.9e59", "1"},
    };
    CHECK(cases);
}

static void a_null_argument_gives_null(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT vector32(NULL), vector_extract(NULL), vector_distance_l2(NULL,'[1]')",
         "NULL|NULL|NULL"},
        {"SELECT vector_distance_cos('[1]',NULL), vector_slice(NULL,0,1),"
         " vector_concat('[1]',NULL)",
         "NULL|NULL|NULL"},
    };
    CHECK(cases);
}

// Last in every order, and not NULL, which would be first.
static void a_vector_with_nan_is_infinitely_far(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT vector_distance_l2(x'0000C07F',vector('[1]'))", "Inf"},
        {"SELECT vector_distance_l1(x'0000803F0000C07F',vector('[1,1]'))", "Inf"},
        {"SELECT vector_distance_dot(vector('[1]'),x'0000C07F')", "Inf"},
        {"SELECT vector_distance_cos(x'0000C07F',vector('[1]'))", "Inf"},
        {"SELECT vector_distance_cos(x'0000C07F',vector('[0]'))", "Inf"},
        {"SELECT vector_distance_l2(x'0000807F',x'0000807F')", "Inf"}, // infinity less infinity
        {"SELECT vector_distance_jaccard(vector('[0]'),vector('[0]'))", "NULL"},
    };
    CHECK(cases);
}

static void unfit_arguments_are_named(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT vector_distance_l2('[1]','[1,2]')",
         "error 1: Vectors must have the same dimensions"},
        {"SELECT vector_distance_l2(vector64('[1,2]'),'[1,2]')",
         "error 1: Vectors must be of the same type"},
        {"SELECT vector_distance_l2(vector1bit('[1]'),vector1bit('[1]'))",
         "error 1: L2 distance is not supported for float1bit vectors"},
        {"SELECT vector_distance_hamming('[1]','[1]')",
         "error 1: Hamming distance is not supported for float32 vectors"},
        {"SELECT vector_distance_l2(1,'[1]')", "error 1: Conversion error: Invalid vector type"},
        {"SELECT vector32(1.5)", "error 1: Conversion error: Invalid vector type"},
        {"SELECT vector_extract('[1]')", "error 1: Conversion error: Expected blob value"},
        {"SELECT vector1bit('[]')", "error 1: empty vector not supported for this type"},
    };
    CHECK(cases);
}

static void broken_blobs_are_refused(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT vector_extract(x'0102')", "error 1: f32 dense vector unexpected data length: 2"},
        {"SELECT vector_extract(x'000002')", "error 1: f64 dense vector unexpected data length: 2"},
        {"SELECT vector_extract(x'63')", "error 1: unknown vector type: 99"},
        {"SELECT vector_extract(x'03')", "error 1: float1bit vector is too short"},
        {"SELECT vector_extract(x'050703')",
         "error 1: float1bit vector has invalid trailing bits: 7"},
        {"SELECT vector_extract(x'05FF03')",
         "error 1: float1bit vector has invalid trailing bits: 255"},
        {"SELECT vector_extract(x'000004')", "error 1: float8 vector unexpected data length: 2"},
        {"SELECT vector_extract(x'0000000000000000000104')",
         "error 1: float8 vector has invalid trailing bytes: 1"},
        {"SELECT vector_extract(x'09')", "error 1: f32 sparse vector unexpected data length: 0"},
        {"SELECT vector_extract(x'0000803F050000000500000009')",
         "error 1: f32 sparse vector index 5 out of range for 5 dims"},
        {"SELECT vector_extract(x'0000803F0000803F01000000010000000500000009')",
         "error 1: f32 sparse vector indices are not ascending"},
    };
    CHECK(cases);
}

static void a_short_blob_that_claims_many_elements_costs_nothing(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT vector_dims(x'FFFFFFFF09'), vector_distance_l2(x'FFFFFFFF09',x'FFFFFFFF09')",
         "4294967295|0.0"},
        {"SELECT vector32(x'FFFFFFFF09')", "error 1: vector has too many dimensions: 4294967295"},
        {"SELECT vector_extract(x'FFFFFFFF09')",
         "error 1: vector has too many dimensions: 4294967295"},
        {"SELECT vector_sum(x'FFFFFFFF09')", "error 1: vector has too many dimensions: 4294967295"},
        {"SELECT vector_concat(x'0100000009',x'FFFFFFFF09')",
         "error 1: vector has too many dimensions: 4294967296"},
    };
    CHECK(cases);
}

static void concat_and_slice_keep_the_type(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT vector_extract(vector_concat('[1,2]','[3]'))", "[1,2,3]"},
        {"SELECT hex(vector_concat(vector16('[1]'),vector16('[2]')))", "003C004005"},
        {"SELECT vector_extract(vector_concat(vector32_sparse('[0,2]'),vector32_sparse('[3,0]')))",
         "[0,2,3,0]"},
        {"SELECT vector_concat(vector64('[1]'),'[1]')", "error 1: Mismatched vector types"},
        {"SELECT vector_concat(vector8('[1]'),vector8('[1]'))",
         "error 1: vector_concat is not supported for float1bit/float8 vectors"},
        {"SELECT vector_extract(vector_slice(vector32_sparse('[0,2,0,4,5]'),1,4))", "[2,0,4]"},
        {"SELECT vector_extract(vector_slice('[1,2,3]',3,3))", "[]"},
        {"SELECT vector_slice('[1]',0,2)", "error 1: vector_slice range out of bounds"},
        {"SELECT vector_slice('[1]',1,0)",
         "error 1: start index must not be greater than end index"},
        {"SELECT vector_slice('[1]',-1,1)",
         "error 1: start index and end_index must be non-negative"},
        {"SELECT vector_slice('[1]',0.5,1)", "error 1: start index must be an integer"},
        {"SELECT vector_slice('[1]',0,'1')", "error 1: end_index must be an integer"},
        {"SELECT vector_slice(vector1bit('[1]'),0,1)",
         "error 1: vector_slice is not supported for float1bit/float8 vectors"},
    };
    CHECK(cases);
}

static void the_nearest_rows_come_first(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"CREATE TABLE t(a INTEGER PRIMARY KEY, b F32_BLOB(2));"
         "INSERT INTO t(b) VALUES(vector('[9,9]')),(vector('[1,1]')),(vector('[2,2]')),(NULL);"
         "SELECT a FROM t WHERE b NOT NULL ORDER BY vector_distance_l2(b,'[0,0]') LIMIT 2",
         "2\n3"},
        // A text that differs from row to row is not taken from the row before.
        {"SELECT vector_distance_l1('[0]', '[' || value || ']') FROM json_each('[1,2,3]')",
         "1.0\n2.0\n3.0"},
    };
    CHECK(cases);
}

static void aggregates_add_element_by_element(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"WITH t(a) AS (VALUES(vector('[1,2]')),(NULL),('[3,5]'))"
         " SELECT vector_extract(vector_sum(a)), vector_extract(vector_avg(a)) FROM t",
         "[4,7]|[2,3.5]"},
        {"WITH t(a) AS (VALUES(vector64('[1]')),(vector64('[2]')))"
         " SELECT hex(vector_sum(a)) FROM t",
         "000000000000084002"},
        {"WITH t(a) AS (VALUES(vector32_sparse('[0,1]')),(vector16('[1,1]')))"
         " SELECT vector_extract(vector_sum(a)) FROM t",
         "[1,2]"},
        {"SELECT vector_sum(a) FROM (SELECT NULL AS a)", "NULL"},
        {"SELECT vector_avg(a) FROM (SELECT 1 AS a) WHERE a > 1", "NULL"},
        {"WITH t(a) AS (VALUES('[1]'),('[1,2]')) SELECT vector_sum(a) FROM t",
         "error 1: Vectors must have the same dimensions"},
    };
    CHECK(cases);
}

TEST_SUITE(vector_functions, cmocka_unit_test(constructors_write_the_documented_bytes),
           cmocka_unit_test(numbers_read_and_print_exactly),
           cmocka_unit_test(malformed_text_is_refused),
           cmocka_unit_test(vectors_convert_between_types),
           cmocka_unit_test(distances_follow_their_definitions),
           cmocka_unit_test(sums_beyond_single_precision_are_taken_in_double),
           cmocka_unit_test(a_null_argument_gives_null),
           cmocka_unit_test(a_vector_with_nan_is_infinitely_far),
           cmocka_unit_test(unfit_arguments_are_named), cmocka_unit_test(broken_blobs_are_refused),
           cmocka_unit_test(a_short_blob_that_claims_many_elements_costs_nothing),
           cmocka_unit_test(concat_and_slice_keep_the_type),
           cmocka_unit_test(the_nearest_rows_come_first),
           cmocka_unit_test(aggregates_add_element_by_element))
