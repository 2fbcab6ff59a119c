// Numbers to text and back.
//
// Reading. Of the digits as many are kept as fit 64 bits; what follows is
// dropped, as SQLite drops it. The integer so read, times a power of ten, is
// then rounded correctly: the product of the integer with the power's 128
// leading bits decides (D. Lemire, "Number Parsing at a Gigabyte per Second",
// and N. Mushtak and D. Lemire, "Fast Number Parsing Without Fallback", for why
// 128 bits always suffice).
//
// Writing. The value is scaled to an integer of 18 or 19 digits with a 64-bit power of ten, rounded
// half up, and rounded again from those; for up to 16 significant digits it is scaled to one or two
// digits more than wanted, cut, and rounded once. With 17 digits wanted, a run of zeros or nines
// before the last digit is the sign of a shorter number; it is taken if it reads back as the same
// value. These are SQLite's results digit for digit, which is why nothing
// shorter or more exact is done.

#include "base/number.h"

#include "base/powers_of_ten.h"
#include "base/utf.h"
#include <math.h>
#include <string.h>

typedef unsigned __int128 u128;

enum {
    EXPONENT_LIMIT = 100000, // decimal exponents saturate here: far beyond every double
    F64_BIAS = 1023,
    F64_FRACTION_BITS = 52,
};

// floor(log2(10^p)) and floor(log10(2^e)), exact for every exponent of a
// double.
static int log2_of_power_of_ten(int p)
{
    ASSERT(p >= POWER_OF_TEN_MIN && p <= POWER_OF_TEN_MAX);

    return (p * 217706) >> 16;
}

static int log10_of_power_of_two(int e)
{
    ASSERT(e > -1100 && e < 1100);

    return (e * 78913) >> 18;
}

static f64 f64_from_bits(u64 bits)
{
    f64 value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static u64 f64_bits(f64 value)
{
    u64 bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// --- reading ---

// `high` holds the leading bits of a product, highest bit set, of weight
// 2^exponent for bit 63.
static f64 subnormal_from(u64 high, int exponent)
{
    ASSERT(high >> 63 == 1);

    int shift = 11 - (exponent + F64_BIAS - 1);
    if (shift > 64)
        return 0.0;
    u64 fraction = high >> (shift - 1); // one bit more than kept: for rounding
    fraction = (fraction + 1) >> 1;
    return f64_from_bits(fraction); // a carry into bit 52 makes the smallest normal number
}

// Correctly rounded digits * 10^power.
static f64 f64_from_decimal(u64 digits, int power)
{
    if (digits == 0 || power < POWER_OF_TEN_MIN)
        return 0.0;
    if (power > 308)
        return (f64)INFINITY;
    if (power == 0 && digits <= (u64)1 << 53)
        return (f64)digits;

    int lead = __builtin_clzll(digits);
    u64 w = digits << lead;
    ASSERT(power <= POWER_OF_TEN_MAX);
    const PowerOfTen *ten = &powers_of_ten[power - POWER_OF_TEN_MIN];
    u128 product = (u128)w * ten->high;
    // Only when the low bits of the first product are all ones can the second one
    // matter.
    if (((u64)(product >> 64) & 0x1ff) == 0x1ff)
        product += (u64)(((u128)w * ten->low) >> 64);
    u64 high = (u64)(product >> 64);
    u64 low = (u64)product;
    int top = (int)(high >> 63);
    int exponent =
        log2_of_power_of_ten(power) + 64 - lead + top - 1; // of the value: 1.x * 2^exponent
    high <<= 1 - top;
    if (exponent < 1 - F64_BIAS)
        return subnormal_from(high, exponent);

    u64 mantissa = high >> 10; // 54 bits, the last for rounding
    bool exact_tie =
        low <= 1 && power >= -4 && power <= 23 && (mantissa & 3) == 1 && (mantissa << 10) == high;
    if (!exact_tie)
        mantissa++;
    mantissa >>= 1;
    if (mantissa >> 53) {
        mantissa >>= 1;
        exponent++;
    }
    if (exponent > F64_BIAS)
        return (f64)INFINITY;
    u64 biased = (u64)(exponent + F64_BIAS) << F64_FRACTION_BITS;
    return f64_from_bits(biased | (mantissa & (((u64)1 << F64_FRACTION_BITS) - 1)));
}

// The digits of a number while they are read.
typedef struct Digits {
    u64 value; // of the digits kept
    int power; // value * 10^power
    int count; // digits seen
    bool full; // no more fit
} Digits;

// Digits that fit are taken first; the loop over the others only counts them.
static const char *read_digits(const char *p, const char *end, bool after_point, Digits *out)
{
    ASSERT(p <= end);

    const char *rest = p;
    u64 value = out->value;
    if (LIKELY(!out->full)) {
        while (rest < end && ascii_is_digit((u8)*rest) && value <= (UINT64_MAX - 9) / 10)
            value = value * 10 + (u64)(*rest++ - '0');
    }
    const char *after = rest;
    while (after < end && ascii_is_digit((u8)*after))
        after++;
    out->value = value;
    out->full |= after > rest;
    out->count += (int)(after - p);
    out->power += after_point ? -(int)(rest - p) : (int)(after - rest);
    return after;
}

// e[+-]digits at p; stays at p when there is no digit.
static const char *read_exponent(const char *p, const char *end, int *exponent)
{
    ASSERT(*p == 'e' || *p == 'E');

    const char *q = p + 1;
    bool negative = q < end && *q == '-';
    if (q < end && (*q == '-' || *q == '+'))
        q++;
    if (q >= end || !ascii_is_digit((u8)*q))
        return p;
    int value = 0;
    for (; q < end && ascii_is_digit((u8)*q); q++) {
        if (value < EXPONENT_LIMIT)
            value = value * 10 + (*q - '0');
    }
    *exponent = negative ? -value : value;
    return q;
}

static const char *skip_spaces(const char *p, const char *end)
{
    while (p < end && ascii_is_space((u8)*p))
        p++;
    return p;
}

// The integer of `digits`, if it fits.
static bool digits_to_i64(const Digits *digits, bool negative, i64 *out)
{
    if (digits->power != 0 || digits->value > (u64)INT64_MAX + negative)
        return false;
    *out = (i64)(negative ? 0 - digits->value : digits->value);
    return true;
}

// A few digits and nothing else, as most integers are that come as text. false: it is not that.
static bool parse_plain(const char *text, size_t size, i64 *out)
{
    enum { DIGITS_MAX = 18 }; // of which any fit an i64
    ASSERT(size > 0);

    i64 value = 0;
    if (size > DIGITS_MAX)
        return false;
    for (size_t i = 0; i < size; i++) {
        u32 digit = (u32)(u8)text[i] - '0';
        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    *out = value;
    return true;
}

void number_parse(const char *text, size_t size, ParsedNumber *out)
{
    ASSERT(text != NULL || size == 0);

    *out = (ParsedNumber){0};
    if (size == 0)
        return;
    if (parse_plain(text, size, &out->integer)) {
        out->real = (f64)out->integer;
        out->kind = NUMBER_INTEGER;
        out->whole = true;
        out->pure_integer = true;
        return;
    }
    const char *end = text + size;
    const char *p = skip_spaces(text, end);
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    Digits digits = {0};
    p = read_digits(p, end, false, &digits);
    out->pure_integer = true;
    if (p < end && *p == '.') {
        const char *after = read_digits(p + 1, end, true, &digits);
        if (digits.count > 0) {
            p = after;
            out->pure_integer = false;
        }
    }
    if (digits.count == 0) {
        out->pure_integer = false;
        return;
    }
    int exponent = 0;
    if (p < end && (*p == 'e' || *p == 'E')) {
        const char *after = read_exponent(p, end, &exponent);
        out->pure_integer = out->pure_integer && after == p;
        p = after;
    }
    // A NUL ends text for SQLite too, but makes a real of what stands before it.
    p = skip_spaces(p, end);
    out->whole = p == end || *p == 0;
    out->pure_integer = out->pure_integer && (p == end || *p != 0);
    if (out->pure_integer && digits_to_i64(&digits, negative, &out->integer)) {
        out->kind = NUMBER_INTEGER;
        out->real = negative && out->integer == 0 ? -0.0 : (f64)out->integer;
        return;
    }
    out->kind = NUMBER_REAL;
    out->real = f64_from_decimal(digits.value, digits.power + exponent);
    if (negative)
        out->real = -out->real;
}

i64 number_parse_i64(const char *text, size_t size)
{
    ASSERT(text != NULL || size == 0);

    const char *end = text + size;
    const char *p = size ? skip_spaces(text, end) : text;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    Digits digits = {0};
    read_digits(p, end, false, &digits);
    i64 value;
    if (digits_to_i64(&digits, negative, &value))
        return value;
    return negative ? INT64_MIN : INT64_MAX;
}

bool number_parse_hex(const char *text, size_t size, i64 *out)
{
    ASSERT(size >= 2);

    u64 value = 0;
    size_t i = 2;
    while (i < size && text[i] == '0')
        i++;
    if (size - i > 16)
        return false;
    for (; i < size; i++)
        value = value << 4 | hex_value((u8)text[i]);
    *out = (i64)value;
    return true;
}

// --- writing ---

static const char digit_pairs[] =
    "00010203040506070809101112131415161718192021222324252627282930313233"
    "34353637383940414243444546474849505152535455565758596061626364656667"
    "6869707172737475767778798081828384858687888990919293949596979899";

// Eight digits, with 32-bit arithmetic, which is several times faster than 64-bit.
static char *write_eight_digits(u32 value, char *end)
{
    ASSERT(value < 100000000);

    for (int i = 0; i < 4; i++) {
        end -= 2;
        memcpy(end, digit_pairs + value % 100 * 2, 2);
        value /= 100;
    }
    return end;
}

// Writes the digits of `value` so that they end before `end`; returns where they begin.
static char *write_digits(u64 value, char *end)
{
    while (value >= 100000000) {
        end = write_eight_digits((u32)(value % 100000000), end);
        value /= 100000000;
    }
    u32 rest = (u32)value;
    while (rest >= 100) {
        end -= 2;
        memcpy(end, digit_pairs + rest % 100 * 2, 2);
        rest /= 100;
    }
    if (rest >= 10) {
        end -= 2;
        memcpy(end, digit_pairs + rest * 2, 2);
    } else {
        *--end = (char)('0' + rest);
    }
    return end;
}

size_t i64_to_text(i64 value, char *out)
{
    char scratch[24];
    char *end = scratch + sizeof scratch;
    u64 magnitude = value < 0 ? 0 - (u64)value : (u64)value;
    char *start = write_digits(magnitude, end);
    if (value < 0)
        *--start = '-';
    size_t size = (size_t)(end - start);
    memcpy(out, start, size);
    out[size] = 0;
    return size;
}

// Returns value * 10^power as an integer of `digit_count` digits or one more, rounded half up or
// cut.
static u64 f64_scale(f64 value, int digit_count, bool round, int *power)
{
    ASSERT(value > 0);
    ASSERT(digit_count >= 2);
    ASSERT(digit_count <= 18);

    u64 bits = f64_bits(value);
    int exponent = (int)(bits >> F64_FRACTION_BITS);
    u64 mantissa = bits & (((u64)1 << F64_FRACTION_BITS) - 1);
    if (exponent == 0)
        exponent = 1;
    else
        mantissa |= (u64)1 << F64_FRACTION_BITS;
    int lead = __builtin_clzll(mantissa);
    mantissa <<= lead;
    exponent += 11 - lead - F64_BIAS; // value = 1.x * 2^exponent
    *power = digit_count - 1 - log10_of_power_of_two(exponent);

    const PowerOfTen *ten = &powers_of_ten[*power - POWER_OF_TEN_MIN];
    u64 high = (u64)(((u128)mantissa * ten->high) >> 64);
    // The product's bit 127 weighs 2^(exponent + log2(10^power) + 1); shift it to units.
    int shift = 62 - exponent - log2_of_power_of_ten(*power);
    ASSERT(shift > 0);
    ASSERT(shift < 64);
    u64 whole = high >> shift;
    return round ? whole + (high >> (shift - 1) & 1) : whole;
}

static void decimal_strip(Decimal *d)
{
    ASSERT(d->count >= 0 && d->count <= (int)sizeof d->digits);

    while (d->count > 0 && d->digits[d->count - 1] == '0')
        d->count--;
}

// Keeps `count` digits, rounding half up; 0 digits may round up to one.
static void decimal_round(Decimal *d, int count)
{
    ASSERT(d->count <= (int)sizeof d->digits);

    if (count < 0) {
        d->count = 0;
        return;
    }
    if (count >= d->count)
        return;
    bool up = d->digits[count] >= '5';
    d->count = count;
    while (up && d->count > 0) {
        char *last = &d->digits[d->count - 1];
        if (*last != '9') {
            (*last)++;
            up = false;
        } else {
            d->count--;
        }
    }
    if (up) {
        d->digits[0] = '1';
        d->count = 1;
        d->point++;
    }
}

static u64 decimal_prefix(const Decimal *d, int count)
{
    ASSERT(count <= d->count);

    u64 value = 0;
    for (int i = 0; i < count; i++)
        value = value * 10 + (u64)(d->digits[i] - '0');
    return value;
}

// 17 digits that look like a shorter number plus noise become that number if it
// is the same value. The look is taken before rounding to 17 digits: nines in
// the 15th and 16th place, or zeros in the 14th and 15th, and in the 16th too
// when the value has been scaled up.
static bool decimal_shorten(Decimal *d, f64 value, bool scaled_up)
{
    ASSERT(d->count >= 18);

    const char *z = d->digits;
    u64 shorter;
    int kept;
    if (z[14] == '9' && z[15] == '9') {
        for (kept = 14; kept > 0 && z[kept - 1] == '9'; kept--) {
        }
        shorter = decimal_prefix(d, kept) + 1;
    } else if (z[13] == '0' && z[14] == '0' && (z[15] == '0' || !scaled_up)) {
        for (kept = 13; z[kept - 1] == '0'; kept--) {
        }
        shorter = decimal_prefix(d, kept);
    } else {
        return false;
    }
    if (f64_from_decimal(shorter, d->point - kept) != value)
        return false;
    if (kept == 0) {
        d->point++;
        kept = 1;
    }
    write_digits(shorter, d->digits + kept);
    d->count = kept;
    return true;
}

void f64_to_decimal_at(f64 value, DecimalCut cut, int position, int digits_max, Decimal *out)
{
    ASSERT(digits_max > 0);

    *out = (Decimal){.negative = value < 0};
    if (isnan(value)) {
        out->nan = true;
        return;
    }
    if (isinf(value)) {
        out->infinite = true;
        return;
    }
    if (value == 0) {
        out->point = 1;
        return;
    }
    f64 magnitude = fabs(value);
    int power;
    // Up to 16 significant digits are rounded from one more, cut; all else from 18, rounded.
    bool few = cut == CUT_DIGITS && position >= 1 && position <= 16;
    u64 digits = f64_scale(magnitude, few ? position + 1 : 18, !few, &power);
    char scratch[24];
    char *start = write_digits(digits, scratch + sizeof scratch);
    out->count = (int)(scratch + sizeof scratch - start);
    memcpy(out->digits, start, (size_t)out->count);
    out->point = out->count - power;
    int wanted = cut == CUT_AFTER_POINT ? out->point + position : position;
    if (wanted > digits_max)
        wanted = digits_max;
    if (wanted == 17 && decimal_shorten(out, magnitude, power > 0))
        return;
    decimal_round(out, wanted);
    decimal_strip(out);
}

void f64_to_decimal(f64 value, int precision_max, Decimal *out)
{
    f64_to_decimal_at(value, CUT_DIGITS, precision_max, precision_max, out);
}

f64 f64_round(f64 value, int places)
{
    ASSERT(places >= 0);

    Decimal d;
    f64_to_decimal_at(value, CUT_AFTER_POINT, places, 20, &d);
    if (d.nan || d.infinite)
        return value;
    f64 rounded = f64_from_decimal(decimal_prefix(&d, d.count), d.point - d.count);
    return d.negative ? -rounded : rounded;
}

static char *put_zeros(char *out, int count)
{
    ASSERT(count >= 0);

    memset(out, '0', (size_t)count);
    return out + count;
}

static char *put_exponent(char *out, int exponent)
{
    ASSERT(exponent > -1000 && exponent < 1000);

    *out++ = 'e';
    *out++ = exponent < 0 ? '-' : '+';
    int magnitude = exponent < 0 ? -exponent : exponent;
    if (magnitude >= 100)
        *out++ = (char)('0' + magnitude / 100);
    memcpy(out, digit_pairs + magnitude % 100 * 2, 2);
    return out + 2;
}

static char *put_digits(char *out, const Decimal *d, int from, int count)
{
    ASSERT(count <= 0 || from + count <= d->count);

    if (count > 0)
        memcpy(out, d->digits + from, (size_t)count);
    return out + (count > 0 ? count : 0);
}

// Digits with a point somewhere among them or zeros about them.
static char *put_fixed(char *out, const Decimal *d)
{
    ASSERT(d->count > 0);

    if (d->point <= 0) {
        *out++ = '0';
        *out++ = '.';
        out = put_zeros(out, -d->point);
        return put_digits(out, d, 0, d->count);
    }
    int whole = d->count < d->point ? d->count : d->point;
    out = put_digits(out, d, 0, whole);
    out = put_zeros(out, d->point - whole);
    *out++ = '.';
    if (d->count <= d->point) {
        *out++ = '0';
        return out;
    }
    return put_digits(out, d, whole, d->count - whole);
}

size_t f64_to_text(f64 value, int digits, char *out)
{
    ASSERT(digits >= 1);

    Decimal d;
    f64_to_decimal(value, digits, &d);
    char *p = out;
    if (d.negative)
        *p++ = '-';
    if (d.nan) {
        p = memcpy(out, "NaN", 3);
        p += 3;
    } else if (d.infinite) {
        memcpy(p, "Inf", 3);
        p += 3;
    } else if (d.count == 0) {
        memcpy(p, "0.0", 3);
        p += 3;
    } else if (d.point - 1 < -4 || d.point - 1 >= digits) {
        *p++ = d.digits[0];
        *p++ = '.';
        p = d.count > 1 ? put_digits(p, &d, 1, d.count - 1) : put_zeros(p, 1);
        p = put_exponent(p, d.point - 1);
    } else {
        p = put_fixed(p, &d);
    }
    *p = 0;
    ASSERT(p - out < NUMBER_TEXT_MAX);
    return (size_t)(p - out);
}

// --- between integers and reals ---

i64 f64_to_i64(f64 value)
{
    if (isnan(value))
        return 0;
    if (value <= -9223372036854775808.0)
        return INT64_MIN;
    if (value >= 9223372036854775808.0)
        return INT64_MAX;
    return (i64)value;
}

bool f64_is_i64(f64 value, i64 *out)
{
    i64 integer = f64_to_i64(value);
    if ((f64)integer != value || integer == INT64_MIN || integer == INT64_MAX)
        return false;
    *out = integer;
    return true;
}

int compare_i64_f64(i64 a, f64 b)
{
    if (isnan(b))
        return 1; // NaN stands for NULL, which sorts first
    if (b < -9223372036854775808.0)
        return 1;
    if (b >= 9223372036854775808.0)
        return -1;
    i64 whole = (i64)b;
    if (a != whole)
        return a < whole ? -1 : 1;
    f64 exact = (f64)whole; // b had a fraction only if it is below 2^53, where
                            // this loses nothing
    return exact < b ? -1 : exact > b;
}

bool i64_add_overflows(i64 a, i64 b, i64 *sum)
{
    return __builtin_add_overflow(a, b, sum);
}

bool i64_subtract_overflows(i64 a, i64 b, i64 *difference)
{
    return __builtin_sub_overflow(a, b, difference);
}

bool i64_multiply_overflows(i64 a, i64 b, i64 *product)
{
    return __builtin_mul_overflow(a, b, product);
}

i16 log_estimate(u64 n)
{
    static const u8 tenths[8] = {0, 2, 3, 5, 6, 7, 8, 9}; // of log2(1 + i/8), rounded as in SQLite
    if (n < 2)
        return 0;
    int high = 63 - __builtin_clzll(n);
    u64 eighths = high >= 3 ? n >> (high - 3) : n << (3 - high);
    ASSERT(eighths >= 8 && eighths < 16);
    return (i16)(10 * high + tenths[eighths & 7]);
}
