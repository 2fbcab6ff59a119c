#ifndef QUIRE_BASE_NUMBER_H
#define QUIRE_BASE_NUMBER_H
// Numbers to text and back, by SQLite 3.53's rules.

#include "base/contract.h"

// What number_parse() found.
typedef enum NumberKind {
    NUMBER_NONE,    // no digits at all
    NUMBER_INTEGER, // an integer that fits i64
    NUMBER_REAL,    // has a point, an exponent, or does not fit i64
} NumberKind;

typedef struct ParsedNumber {
    NumberKind kind;
    i64 integer;       // valid when kind is NUMBER_INTEGER
    f64 real;          // always the value as REAL
    bool whole;        // the whole text was a number (white space around it allowed)
    bool pure_integer; // text was of integer form, even when too large for i64
} ParsedNumber;

// Reads the longest numeric prefix of UTF-8 text, after white space:
// [+-]digits[.digits][e[+-]digits]. No hexadecimal. Correctly rounded.
void number_parse(const char *text, size_t size, ParsedNumber *out);
// Saturating integer prefix, as CAST(text AS INTEGER).
i64 number_parse_i64(const char *text, size_t size);
// A literal 0x..., hexadecimal digits throughout; false when it needs more than 64 bits.
bool number_parse_hex(const char *text, size_t size, i64 *out);

#define NUMBER_TEXT_MAX 40
// Both write a NUL-terminated text into out[NUMBER_TEXT_MAX] and return its
// length.
size_t i64_to_text(i64 value, char *out);
// As SQLite prints a REAL column: `digits` significant digits (17: the 3.53
// default of SQLITE_DBCONFIG_FP_DIGITS, shortest text that reads back the
// same), always with ".0" or an exponent.
size_t f64_to_text(f64 value, int digits, char *out);

// Decimal digits of |value| for printf: `digits[0..count)` without leading or
// trailing zeros, value
// =
// 0.d1d2... * 10^point. Rounded to at most `precision_max` significant digits,
// or to that many digits after the decimal point. There are never more than 19.
typedef struct Decimal {
    char digits[24];
    int count;
    int point;
    bool negative, infinite, nan;
} Decimal;
void f64_to_decimal(f64 value, int precision_max, Decimal *out);
typedef enum DecimalCut { CUT_DIGITS, CUT_AFTER_POINT } DecimalCut;
// In neither case more than `digits_max` digits are kept; 17 kept digits are shortened as by
// f64_to_text.
void f64_to_decimal_at(f64 value, DecimalCut cut, int position, int digits_max, Decimal *out);

// value as i64 when that loses nothing (and is not the extreme values SQLite
// refuses); else false.
bool f64_is_i64(f64 value, i64 *out);
i64 f64_to_i64(f64 value); // truncated and saturated; NaN gives 0
// -1, 0, 1 without rounding either side.
int compare_i64_f64(i64 a, f64 b);

// value rounded half up in decimal to `places` digits behind the point, as printf("%!.*f") shows
// it.
f64 f64_round(f64 value, int places);

bool i64_add_overflows(i64 a, i64 b, i64 *sum);
bool i64_subtract_overflows(i64 a, i64 b, i64 *difference);
bool i64_multiply_overflows(i64 a, i64 b, i64 *product);

// 10 * log2(n), as the planner and the statistics keep counts; 0 and 1 give 0.
i16 log_estimate(u64 n);

#endif
