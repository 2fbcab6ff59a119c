// The functions of sqlite-vec, built into quire and loaded into stock SQLite.
#include "support/both_ways.h"
#include "support/test.h"

#define CHECK(cases) both_ways_check("vector.so", cases, sizeof cases / sizeof *cases)

static void constructors_give_bare_elements_and_a_type(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT hex(vec_f32('[1,2]')), vec_type(vec_f32('[1,2]')), vec_length(vec_f32('[1,2]'))",
         "0000803F00000040|float32|2"},
        {"SELECT hex(vec_int8('[1,-2]')), vec_type(vec_int8('[1]')), vec_length(vec_int8(x'0102'))",
         "01FE|int8|2"},
        {"SELECT hex(vec_bit(x'0FF0')), vec_type(vec_bit(x'0F')), vec_length(vec_bit(x'0FF0'))",
         "0FF0|bit|16"},
        {"SELECT vec_type(x'0000803F'), VEC_TYPE('[1]')", "float32|float32"},
        {"SELECT vec_version()", "v0.1.9"},
    };
    CHECK(cases);
}

static void text_is_read_leniently(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT vec_length(' [1 , 2,3 ,, 4 5')", "5"},
        {"SELECT vec_to_json('[1.5] and more')", "[1.500000]"},
        {"SELECT vec_f32('[]')", "error 1: zero-length vectors are not supported."},
        {"SELECT vec_f32('')", "error 1: zero-length vectors are not supported."},
        {"SELECT vec_f32('1,2')",
         "error 1: JSON array parsing error: Input does not start with '['"},
        {"SELECT vec_f32('[1,x]')", "error 1: JSON parsing error"},
        {"SELECT vec_f32('[1,nan]')", "error 1: invalid float32 vector: element 1 is NaN"},
        {"SELECT vec_f32('[1e40]')", "error 1: invalid float32 vector: element 0 is Inf"},
        {"SELECT vec_int8('[128]')", "error 1: JSON parsing error: value out of range for int8"},
        {"SELECT vec_int8('[1.5]')", "error 1: JSON parsing error"},
        {"SELECT vec_bit('[1]')", "error 1: Unknown type for bitvector."},
    };
    CHECK(cases);
}

static void unfit_values_are_refused(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT vec_f32(x'010203')",
         "error 1: invalid float32 vector BLOB length. Must be divisible by 4, found 3"},
        {"SELECT vec_f32(x'')", "error 1: zero-length vectors are not supported."},
        {"SELECT vec_f32(x'0000807F')", "error 1: invalid float32 vector: element 0 is Inf"},
        {"SELECT vec_length(NULL)",
         "error 1: Input must have type BLOB (compact format) or TEXT (JSON), found NULL"},
        {"SELECT vec_length(1)",
         "error 1: Input must have type BLOB (compact format) or TEXT (JSON), found INTEGER"},
        {"SELECT vec_length(1.5)",
         "error 1: Input must have type BLOB (compact format) or TEXT (JSON), found FLOAT"},
        {"SELECT vec_distance_l2(vec_int8('[1]'),'[1]')",
         "error 1: Vector type mistmatch. First vector has type int8, while the second has type "
         "float32."},
        {"SELECT vec_distance_l2('[1]','[1,2]')",
         "error 1: Vector dimension mistmatch. First vector has 1 dimensions, while the second has "
         "2 dimensions."},
        {"SELECT vec_distance_l2(vec_bit(x'01'),vec_bit(x'01'))",
         "error 1: Cannot calculate L2 distance between two bitvectors."},
        {"SELECT vec_distance_hamming('[1]','[1]')",
         "error 1: Cannot calculate hamming distance between two float32 vectors."},
    };
    CHECK(cases);
}

static void distances_follow_their_definitions(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT vec_distance_L2('[0,0]','[3,4]'), vec_distance_L1('[0,0]','[3,-4]')", "5.0|7.0"},
        {"SELECT vec_distance_l2(vec_int8('[-128]'),vec_int8('[127]'))", "255.0"},
        {"SELECT vec_distance_l1(vec_int8('[-128]'),vec_int8('[127]'))", "255"},
        {"SELECT vec_distance_cosine('[1,0]','[0,2]'), vec_distance_cosine('[1,1]','[2,2]')",
         "1.0|0.0"},
        {"SELECT vec_distance_cosine(vec_int8('[1,0]'),vec_int8('[-5,0]'))", "2.0"},
        {"SELECT vec_distance_cosine('[0,0]','[1,1]')", "NULL"},
        {"SELECT vec_distance_hamming(vec_bit(x'FF00'),vec_bit(x'0F01'))", "5.0"},
        {"SELECT vec_distance_l2('[1]', '[' || value || ']') FROM json_each('[1,2,4]')",
         "0.0\n1.0\n3.0"},
    };
    CHECK(cases);
}

static void elements_that_are_not_finite_are_found_whatever_the_metric(void **state)
{
    (void)state;
    static const char *const metrics[] = {"l2", "l1", "cosine"};
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        char sql[2][120];
        snprintf(sql[0], sizeof sql[0], "SELECT vec_distance_%s('[0,1]', x'000000000000807F')",
                 metrics[i]);
        snprintf(sql[1], sizeof sql[1],
                 "SELECT vec_distance_%s(x'0000C07F00000000', x'0000803F00000000')", metrics[i]);
        const SqlCase cases[] = {
            {sql[0], "error 1: invalid float32 vector: element 1 is Inf"},
            {sql[1], "error 1: invalid float32 vector: element 0 is NaN"},
        };
        CHECK(cases);
    }
}

static void arithmetic_keeps_the_type(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT vec_to_json(vec_add('[1,2]','[0.5,-3]'))", "[1.500000,-1.000000]"},
        {"SELECT vec_to_json(vec_sub(vec_int8('[100]'),vec_int8('[-100]')))", "[-56]"},
        {"SELECT vec_type(vec_add(vec_int8('[1]'),vec_int8('[1]')))", "int8"},
        {"SELECT vec_add(vec_bit(x'01'),vec_bit(x'01'))",
         "error 1: Cannot add two bitvectors together."},
        {"SELECT vec_sub(vec_bit(x'01'),vec_bit(x'01'))",
         "error 1: Cannot subtract two bitvectors together."},
        {"SELECT vec_to_json(vec_normalize('[3,4]')), vec_to_json(vec_normalize('[0,0]'))",
         "[0.600000,0.800000]|[0.000000,0.000000]"},
        {"SELECT vec_to_json('[30000001024]'), vec_to_json(vec_bit(x'05'))",
         "[30000001024.000000]|[1,0,1,0,0,0,0,0]"},
    };
    CHECK(cases);
}

static void slices_are_checked_against_the_vector(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT vec_to_json(vec_slice('[1,2,3]',1,3))", "[2.000000,3.000000]"},
        {"SELECT vec_to_json(vec_slice(vec_int8('[1,2,3]'),0,2))", "[1,2]"},
        {"SELECT hex(vec_slice(vec_bit(x'0102'),8,16))", "02"},
        {"SELECT vec_slice('[1]',-1,1)", "error 1: slice 'start' index must be a postive number."},
        {"SELECT vec_slice('[1]',0,-1)", "error 1: slice 'end' index must be a postive number."},
        {"SELECT vec_slice('[1]',2,3)",
         "error 1: slice 'start' index is greater than the number of dimensions"},
        {"SELECT vec_slice('[1]',0,2)",
         "error 1: slice 'end' index is greater than the number of dimensions"},
        {"SELECT vec_slice('[1,2]',1,1)", "error 1: slice 'start' index is equal to the 'end' "
                                          "index, vectors must have non-zero length"},
        {"SELECT vec_slice(vec_bit(x'0102'),4,8)", "error 1: start index must be divisible by 8."},
        {"SELECT vec_slice(vec_bit(x'0102'),0,4)", "error 1: end index must be divisible by 8."},
    };
    CHECK(cases);
}

static void quantisers_cut_as_documented(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT hex(vec_quantize_binary('[1,-1,1,0,0,0,0,0.5]'))", "85"},
        {"SELECT vec_type(vec_quantize_binary(vec_int8('[1,1,1,1,1,1,1,1]')))", "bit"},
        {"SELECT vec_quantize_binary('[1]')",
         "error 1: Binary quantization requires vectors with a length divisible by 8"},
        {"SELECT vec_to_json(vec_quantize_int8('[-1,-0.5,0,0.5,1,2]','unit'))",
         "[-128,-64,0,63,126,127]"},
        {"SELECT vec_quantize_int8('[1]','x')",
         "error 1: 2nd argument to vec_quantize_int8() must be 'unit'."},
    };
    CHECK(cases);
}

static void each_element_is_a_row(void **state)
{
    (void)state;
    static const SqlCase cases[] = {
        {"SELECT rowid, value FROM vec_each('[1,2.5]')", "0|1.0\n1|2.5"},
        {"SELECT value, typeof(value) FROM vec_each(vec_int8('[-1]'))", "-1|integer"},
        {"SELECT group_concat(value) FROM vec_each(vec_bit(x'05'))", "1,0,1,0,0,0,0,0"},
        {"SELECT a, value FROM (SELECT 1 AS a UNION ALL SELECT 2), vec_each('[' || a || ']')",
         "1|1.0\n2|2.0"},
        {"SELECT * FROM vec_each", "error 1: no query solution"},
        {"SELECT * FROM vec_each('x')",
         "error 1: JSON array parsing error: Input does not start with '['"},
    };
    CHECK(cases);
}

TEST_SUITE(vec_functions, cmocka_unit_test(constructors_give_bare_elements_and_a_type),
           cmocka_unit_test(text_is_read_leniently), cmocka_unit_test(unfit_values_are_refused),
           cmocka_unit_test(distances_follow_their_definitions),
           cmocka_unit_test(elements_that_are_not_finite_are_found_whatever_the_metric),
           cmocka_unit_test(arithmetic_keeps_the_type),
           cmocka_unit_test(slices_are_checked_against_the_vector),
           cmocka_unit_test(quantisers_cut_as_documented), cmocka_unit_test(each_element_is_a_row))
