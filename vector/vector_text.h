#ifndef QUIRE_VECTOR_VECTOR_TEXT_H
#define QUIRE_VECTOR_VECTOR_TEXT_H
// Vectors as text: "[1,2.5,-3e-7]". Reading and printing do not depend on the locale.

#include "vector/vector.h"

// Reads one decimal number at *at and moves behind it; correctly rounded, for `single` to 32 bits.
// False, with *at unchanged, where there is none.
bool decimal_parse(const char **at, bool single, f64 *out);
// The least number of digits that reads back as the same value, without exponent. A `single` value
// is one of 32 bits.
void decimal_print(sqlite3_str *out, f64 value, bool single);

// The strict form: brackets, one comma between numbers, each finite (as f32 if `single`).
MUST_USE int vector_parse(const char *text, bool single, Elements *out, VectorError *error);
// What vec_f32() and its kin read: commas and spaces as they come, the closing bracket may be
// missing. Numbers need not be finite.
MUST_USE int vec_parse(const char *text, Elements *out, VectorError *error);
// The same for whole numbers from -128 to 127.
MUST_USE int vec_parse_int8(const char *text, Elements *out, VectorError *error);

#endif
