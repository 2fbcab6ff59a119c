#include "support/test.h"

#include "base/number.h"
#include "base/powers_of_ten.h"
#include "base/prng.h"

// --- the table ---

enum { LIMBS = 48 };
typedef struct Big {
    u32 limb[LIMBS]; // little-endian
} Big;

static void big_multiply(Big *big, u32 factor)
{
    u64 carry = 0;
    for (u32 i = 0; i < LIMBS; i++) {
        carry += (u64)big->limb[i] * factor;
        big->limb[i] = (u32)carry;
        carry >>= 32;
    }
    assert_int_equal(carry, 0);
}

static Big big_power_of_ten(int p)
{
    Big big = {{1}};
    for (int i = 0; i < p; i++)
        big_multiply(&big, 10);
    return big;
}

static u32 big_bit_count(const Big *big)
{
    for (u32 i = LIMBS; i > 0; i--) {
        if (big->limb[i - 1] != 0)
            return i * 32 - (u32)__builtin_clz(big->limb[i - 1]);
    }
    return 0;
}

// Bits [from, from + 64) of it; from may be negative.
static u64 big_bits(const Big *big, i64 from)
{
    u64 bits = 0;
    for (u32 i = 0; i < 64; i++) {
        i64 at = from + i;
        if (at >= 0 && (big->limb[at / 32] >> (at % 32) & 1))
            bits |= (u64)1 << i;
    }
    return bits;
}

// row * big, compared with 2^bit: -1, 0, 1.
static int compare_product(const PowerOfTen *row, u64 less, const Big *big, u32 bit)
{
    u32 factors[4] = {(u32)(row->low - less), (u32)((row->low - less) >> 32), (u32)row->high,
                      (u32)(row->high >> 32)};
    Big product = {{0}};
    for (u32 f = 0; f < 4; f++) {
        u64 carry = 0;
        for (u32 i = 0; i + f < LIMBS; i++) {
            carry += (u64)big->limb[i] * factors[f] + product.limb[i + f];
            product.limb[i + f] = (u32)carry;
            carry >>= 32;
        }
    }
    u32 count = big_bit_count(&product);
    if (count != bit + 1)
        return count < bit + 1 ? -1 : 1;
    for (u32 i = 0; i < bit; i++) {
        if (product.limb[i / 32] >> (i % 32) & 1)
            return 1;
    }
    return 0;
}

static void every_power_of_ten_is_right(void **state)
{
    (void)state;
    for (int p = 0; p <= POWER_OF_TEN_MAX; p++) {
        const PowerOfTen *row = &powers_of_ten[p - POWER_OF_TEN_MIN];
        Big big = big_power_of_ten(p);
        i64 top = big_bit_count(&big);
        assert_true(row->high == big_bits(&big, top - 64));
        assert_true(row->low == big_bits(&big, top - 128));
    }
    // A negative power is the least 128-bit number whose product with the positive one reaches a
    // power of two.
    for (int p = 1; p <= -POWER_OF_TEN_MIN; p++) {
        const PowerOfTen *row = &powers_of_ten[-p - POWER_OF_TEN_MIN];
        Big big = big_power_of_ten(p);
        u32 bit = big_bit_count(&big) + 127;
        assert_true(row->high >> 63);
        assert_true(compare_product(row, 0, &big, bit) >= 0);
        assert_true(compare_product(row, 1, &big, bit) < 0);
    }
}

// --- reading ---

static f64 parsed(const char *text)
{
    ParsedNumber number;
    number_parse(text, strlen(text), &number);
    return number.real;
}

// The C library rounds correctly as well; up to 19 digits nothing is dropped.
static void reading_rounds_correctly(void **state)
{
    (void)state;
    Prng prng;
    prng_init(&prng, "number", 6);
    for (u32 i = 0; i < 200000; i++) {
        char text[64];
        u64 digits = prng_u64(&prng) >> (1 + prng_below(&prng, 62));
        int power = (int)prng_below(&prng, 680) - 350;
        snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, power);
        assert_true(parsed(text) == strtod(text, NULL));
    }
}

static void halves_go_to_the_even_neighbour(void **state)
{
    (void)state;
    assert_true(parsed("9007199254740993") == 9007199254740992.0);
    assert_true(parsed("9007199254740995") == 9007199254740996.0);
    assert_true(parsed("2.4703282292062327e-324") == 0.0);
    assert_true(parsed("2.4703282292062328e-324") == 5e-324);
    assert_true(parsed("1.7976931348623158e308") == 1.7976931348623157e308);
    assert_true(isinf(parsed("1.7976931348623159e308")));
    assert_true(isinf(parsed("1e99999999999")));
    assert_true(parsed("1e-99999999999") == 0.0);
    assert_true(parsed("0e99999999999") == 0.0);
}

// Recorded: digits beyond 64 bits are dropped, even where they would decide.
static void digits_beyond_sixty_four_bits_are_dropped(void **state)
{
    (void)state;
    assert_true(parsed("91368735182663596365e-292") == 9.136873518266359e-273);
    assert_true(parsed("728566481448403185584e86") == 7.2856648144840314e+106);
    assert_true(parsed("2405511803535338173874042077995675144234e-91") == 2.405511803535338e-52);
}

static void the_form_of_a_text_decides_its_kind(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        NumberKind kind;
        bool whole;
    } cases[] = {
        {"12", NUMBER_INTEGER, true},
        {" +12 ", NUMBER_INTEGER, true},
        {"12x", NUMBER_INTEGER, false},
        {"1.", NUMBER_REAL, true},
        {".5", NUMBER_REAL, true},
        {".", NUMBER_NONE, false},
        {"1e5", NUMBER_REAL, true},
        {"1e", NUMBER_INTEGER, false},
        {"1e+", NUMBER_INTEGER, false},
        {"", NUMBER_NONE, false},
        {"-", NUMBER_NONE, false},
        {"0x10", NUMBER_INTEGER, false},
        {"abc", NUMBER_NONE, false},
        {"9223372036854775807", NUMBER_INTEGER, true},
        {"9223372036854775808", NUMBER_REAL, true},
        {"-9223372036854775808", NUMBER_INTEGER, true},
        {"- 1", NUMBER_NONE, false},
        {"1 2", NUMBER_INTEGER, false},
    };
    for (u32 i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ParsedNumber number;
        number_parse(cases[i].text, strlen(cases[i].text), &number);
        assert_int_equal(number.kind, cases[i].kind);
        assert_int_equal(number.whole, cases[i].whole);
    }
}

static void integer_prefixes_saturate(void **state)
{
    (void)state;
    assert_true(number_parse_i64("  12abc", 7) == 12);
    assert_true(number_parse_i64("1e3", 3) == 1);
    assert_true(number_parse_i64("99999999999999999999", 20) == INT64_MAX);
    assert_true(number_parse_i64("-99999999999999999999", 21) == INT64_MIN);
    assert_true(number_parse_i64("", 0) == 0);
    i64 value;
    assert_true(number_parse_hex("0xffffffffffffffff", 18, &value) && value == -1);
    assert_true(number_parse_hex("0x0000000000000000000010", 24, &value) && value == 16);
    assert_false(number_parse_hex("0x10000000000000000", 19, &value));
}

// --- writing ---

// Recorded from the stock library: the bits of a double, its text with 17 and with 15 digits.
static const struct {
    f64 value;
    const char *text17, *text15;
} recorded_reals[] = {
#include "unit/base/recorded_reals.inc"
};

static void reals_print_as_recorded(void **state)
{
    (void)state;
    for (u32 i = 0; i < sizeof recorded_reals / sizeof recorded_reals[0]; i++) {
        char text[NUMBER_TEXT_MAX];
        size_t size = f64_to_text(recorded_reals[i].value, 17, text);
        assert_string_equal(text, recorded_reals[i].text17);
        assert_int_equal(size, strlen(text));
        f64_to_text(recorded_reals[i].value, 15, text);
        assert_string_equal(text, recorded_reals[i].text15);
    }
}

static void seventeen_digits_read_back_as_the_same_value(void **state)
{
    (void)state;
    Prng prng;
    prng_init(&prng, "round", 5);
    for (u32 i = 0; i < 200000; i++) {
        u64 bits = prng_u64(&prng);
        f64 value;
        memcpy(&value, &bits, sizeof value);
        if (isnan(value) || isinf(value))
            continue;
        char text[NUMBER_TEXT_MAX];
        f64_to_text(value, 17, text);
        assert_true(parsed(text) == value);
    }
}

static void integers_print_to_the_last_digit(void **state)
{
    (void)state;
    char text[NUMBER_TEXT_MAX];
    assert_int_equal(i64_to_text(INT64_MIN, text), 20);
    assert_string_equal(text, "-9223372036854775808");
    i64_to_text(0, text);
    assert_string_equal(text, "0");
    i64_to_text(1234567890123, text);
    assert_string_equal(text, "1234567890123");
}

// --- between the two ---

static void integers_and_reals_compare_without_rounding(void **state)
{
    (void)state;
    assert_int_equal(compare_i64_f64(INT64_MAX, 9223372036854775808.0), -1);
    assert_int_equal(compare_i64_f64(INT64_MIN, -9223372036854775808.0), 0);
    assert_int_equal(compare_i64_f64(9007199254740993, 9007199254740992.0), 1);
    assert_int_equal(compare_i64_f64(1, 1.5), -1);
    assert_int_equal(compare_i64_f64(-1, -1.5), 1);
    assert_int_equal(compare_i64_f64(2, 2.0), 0);
    assert_int_equal(compare_i64_f64(5, (f64)INFINITY), -1);
    assert_int_equal(compare_i64_f64(5, -(f64)INFINITY), 1);
}

static void only_exact_reals_become_integers(void **state)
{
    (void)state;
    i64 integer = 0;
    assert_true(f64_is_i64(9007199254740994.0, &integer));
    assert_true(integer == 9007199254740994);
    assert_false(f64_is_i64(1.5, &integer));
    assert_false(f64_is_i64(-9223372036854775808.0, &integer));
    assert_false(f64_is_i64(1e19, &integer));
    assert_false(f64_is_i64((f64)NAN, &integer));
    assert_true(f64_to_i64(1e300) == INT64_MAX && f64_to_i64(-1e300) == INT64_MIN);
    assert_true(f64_to_i64(-1.9) == -1 && f64_to_i64((f64)NAN) == 0);
}

TEST_SUITE(number, cmocka_unit_test(every_power_of_ten_is_right),
           cmocka_unit_test(reading_rounds_correctly),
           cmocka_unit_test(halves_go_to_the_even_neighbour),
           cmocka_unit_test(digits_beyond_sixty_four_bits_are_dropped),
           cmocka_unit_test(the_form_of_a_text_decides_its_kind),
           cmocka_unit_test(integer_prefixes_saturate), cmocka_unit_test(reals_print_as_recorded),
           cmocka_unit_test(seventeen_digits_read_back_as_the_same_value),
           cmocka_unit_test(integers_print_to_the_last_digit),
           cmocka_unit_test(integers_and_reals_compare_without_rounding),
           cmocka_unit_test(only_exact_reals_become_integers))
