// Reading and printing vectors.
//
// Numbers of up to 15 digits and small exponents, which is nearly all, are computed by one exact
// multiplication or division. Others go through strtod() as digits and exponent, without the point
// that a locale may spell otherwise.
#include "vector/vector_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_spaces(const char *at)
{
    while (is_space(*at))
        at++;
    return at;
}

// --- one number ---

// More digits than this cannot change a rounding, except by not being zero.
enum { DIGITS_MAX = 780, EXPONENT_MAX = 100000 };

typedef struct Decimal {
    char digits[DIGITS_MAX + 16]; // room for a sticky digit and the exponent
    int count;
    int exponent; // the value is digits * 10^exponent
    u64 mantissa; // while count <= 19
    bool negative, has_more;
} Decimal;

static void decimal_add(Decimal *d, char digit, bool is_fraction)
{
    bool is_leading_zero = d->count == 0 && digit == '0';
    if (d->count < DIGITS_MAX && !is_leading_zero) {
        d->digits[d->count++] = digit;
        if (d->count <= 19)
            d->mantissa = d->mantissa * 10 + (u64)(digit - '0');
    } else if (!is_leading_zero) {
        d->has_more = d->has_more || digit != '0';
        d->exponent += d->exponent < EXPONENT_MAX ? 1 : 0;
    }
    if (is_fraction && d->exponent > -EXPONENT_MAX)
        d->exponent--;
}

static const char *exponent_scan(const char *at, Decimal *d)
{
    const char *digits = at + (at[1] == '+' || at[1] == '-' ? 2 : 1);
    if ((*at != 'e' && *at != 'E') || !is_digit(*digits))
        return at;
    int exponent = 0;
    for (; is_digit(*digits); digits++)
        if (exponent < EXPONENT_MAX)
            exponent = exponent * 10 + (*digits - '0');
    d->exponent += at[1] == '-' ? -exponent : exponent;
    return digits;
}

static const char *decimal_scan(const char *at, Decimal *d)
{
    d->count = 0;
    d->exponent = 0;
    d->mantissa = 0;
    d->has_more = false;
    d->negative = *at == '-';
    if (*at == '-' || *at == '+')
        at++;
    const char *begin = at;
    for (; is_digit(*at); at++)
        decimal_add(d, *at, false);
    bool has_digit = at > begin;
    if (*at == '.') {
        const char *fraction = ++at;
        for (; is_digit(*at); at++)
            decimal_add(d, *at, true);
        has_digit = has_digit || at > fraction;
    }
    return has_digit ? exponent_scan(at, d) : NULL;
}

static f64 decimal_convert(Decimal *d, bool single)
{
    if (d->has_more)
        d->digits[d->count++] = '1'; // stands for all that was left out
    int exponent = d->exponent - (d->has_more ? 1 : 0);
    sqlite3_snprintf(12, d->digits + d->count, "e%d", exponent);
    return single ? (f64)strtof(d->digits, NULL) : strtod(d->digits, NULL);
}

// Whether rounding once more, to 32 bits, could hit a tie that rounding to 64 bits has made.
static bool is_tie_of_single(f64 value)
{
    u64 bits;
    memcpy(&bits, &value, sizeof bits);
    return (bits & 0x1fffffff) == 0x10000000;
}

static const f64 powers_of_ten[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static f64 decimal_value(Decimal *d, bool single)
{
    if (d->count == 0)
        return 0;
    int size = d->exponent < 0 ? -d->exponent : d->exponent;
    if (d->count > 15 || size >= ARRAY_LEN(powers_of_ten))
        return decimal_convert(d, single);
    f64 value = (f64)d->mantissa;
    value = d->exponent < 0 ? value / powers_of_ten[size] : value * powers_of_ten[size];
    if (!single)
        return value;
    // Below the least normal single its last bit lies elsewhere.
    if (is_tie_of_single(value) || value < 0x1p-126)
        return decimal_convert(d, true);
    return value <= 0x1.ffffffp127 ? (f64)(f32)value : (f64)INFINITY;
}

bool decimal_parse(const char **at, bool single, f64 *out)
{
    Decimal d;
    const char *end = decimal_scan(*at, &d);
    if (end == NULL)
        return false;
    f64 value = decimal_value(&d, single);
    *out = d.negative ? -value : value;
    *at = end;
    return true;
}

// --- printing ---

// Splits the shortest "d.ddde±x" that reads back into its digits and exponent.
static int shortest_digits(f64 magnitude, bool single, char *digits, int *exponent)
{
    char text[40];
    int digits_max = single ? 9 : 17;
    // What is cut to so many digits and reads back is the shortest but for its trailing zeroes,
    // save where subnormal numbers lie far apart.
    bool is_subnormal = magnitude < (single ? 0x1p-126 : 0x1p-1022);
    for (int precision = is_subnormal ? 1 : single ? 6 : 15; precision <= digits_max; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, magnitude);
        f64 back = single ? (f64)strtof(text, NULL) : strtod(text, NULL);
        if (back == magnitude)
            break;
    }
    int count = 0;
    const char *at = text;
    for (; *at != 'e'; at++)
        if (is_digit(*at))
            digits[count++] = *at;
    *exponent = atoi(at + 1);
    while (count > 1 && digits[count - 1] == '0')
        count--;
    return count;
}

void decimal_print(sqlite3_str *out, f64 value, bool single)
{
    if (isnan(value) || isinf(value)) {
        sqlite3_str_appendall(out, isnan(value) ? "NaN" : value > 0 ? "inf" : "-inf");
        return;
    }
    if (signbit(value))
        sqlite3_str_appendchar(out, 1, '-');
    f64 magnitude = fabs(value);
    if (magnitude < 1e15 && magnitude == floor(magnitude) && (!single || magnitude < 0x1p24)) {
        sqlite3_str_appendf(out, "%lld", (long long)magnitude);
        return;
    }
    char digits[24];
    int exponent;
    int count = shortest_digits(magnitude, single, digits, &exponent);
    int whole = exponent + 1; // digits before the point
    if (whole <= 0) {
        sqlite3_str_appendall(out, "0.");
        sqlite3_str_appendchar(out, -whole, '0');
        sqlite3_str_append(out, digits, count);
        return;
    }
    sqlite3_str_append(out, digits, count < whole ? count : whole);
    sqlite3_str_appendchar(out, count < whole ? whole - count : 0, '0');
    if (count > whole) {
        sqlite3_str_appendchar(out, 1, '.');
        sqlite3_str_append(out, digits + whole, count - whole);
    }
}

// --- vectors ---

static int parse_elements(const char *at, bool single, Elements *out, const char **end)
{
    for (;;) {
        f64 value;
        at = skip_spaces(at);
        if (!decimal_parse(&at, single, &value) || !isfinite(value))
            return SQLITE_ERROR;
        TRY(elements_push(out, value));
        at = skip_spaces(at);
        if (*at == ',')
            at++;
        else if (*at == ']')
            break;
        else
            return SQLITE_ERROR;
    }
    *end = at;
    return SQLITE_OK;
}

int vector_parse(const char *text, bool single, Elements *out, VectorError *error)
{
    const char *at = skip_spaces(text);
    int rc = *at == '[' ? SQLITE_OK : SQLITE_ERROR;
    if (rc == SQLITE_OK)
        at = skip_spaces(at + 1);
    if (rc == SQLITE_OK && *at != ']')
        rc = parse_elements(at, single, out, &at);
    if (rc == SQLITE_NOMEM)
        return rc;
    if (rc != SQLITE_OK || *skip_spaces(at + 1) != 0)
        return vector_error(error, "Conversion error: Invalid vector value");
    return SQLITE_OK;
}

// "nan", "inf" and "infinity" are numbers here, for the caller to refuse by name.
static bool word_parse(const char **at, f64 *out)
{
    const char *word = *at;
    bool negative = *word == '-';
    if (*word == '-' || *word == '+')
        word++;
    bool is_nan = sqlite3_strnicmp(word, "nan", 3) == 0;
    if (!is_nan && sqlite3_strnicmp(word, "inf", 3) != 0)
        return false;
    *at = word + (sqlite3_strnicmp(word, "infinity", 8) == 0 ? 8 : 3);
    *out = is_nan ? (f64)NAN : negative ? -(f64)INFINITY : (f64)INFINITY;
    return true;
}

static const char *skip_separators(const char *at)
{
    while (is_space(*at) || *at == ',')
        at++;
    return at;
}

static int vec_begin(const char **at, VectorError *error)
{
    *at = skip_spaces(*at);
    if (**at == 0)
        return vector_error(error, "zero-length vectors are not supported.");
    if (**at != '[')
        return vector_error(error, "JSON array parsing error: Input does not start with '['");
    *at = skip_separators(*at + 1);
    return SQLITE_OK;
}

int vec_parse(const char *at, Elements *out, VectorError *error)
{
    TRY(vec_begin(&at, error));
    for (; *at != 0 && *at != ']'; at = skip_separators(at)) {
        f64 value;
        if (!decimal_parse(&at, true, &value) && !word_parse(&at, &value))
            return vector_error(error, "JSON parsing error");
        TRY(elements_push(out, value));
    }
    if (out->count == 0)
        return vector_error(error, "zero-length vectors are not supported.");
    return SQLITE_OK;
}

int vec_parse_int8(const char *at, Elements *out, VectorError *error)
{
    TRY(vec_begin(&at, error));
    for (; *at != 0 && *at != ']'; at = skip_separators(at)) {
        const char *digits = at + (*at == '-' || *at == '+' ? 1 : 0);
        int value = 0;
        if (!is_digit(*digits))
            return vector_error(error, "JSON parsing error");
        for (; is_digit(*digits); digits++)
            value = value < 1000 ? value * 10 + (*digits - '0') : value;
        value = *at == '-' ? -value : value;
        if (*digits != 0 && *digits != ']' && *digits != ',' && !is_space(*digits))
            return vector_error(error, "JSON parsing error");
        if (value < -128 || value > 127)
            return vector_error(error, "JSON parsing error: value out of range for int8");
        TRY(elements_push(out, value));
        at = digits;
    }
    if (out->count == 0)
        return vector_error(error, "zero-length vectors are not supported.");
    return SQLITE_OK;
}
