#ifndef QUIRE_CDC_JSON_SCAN_H
#define QUIRE_CDC_JSON_SCAN_H
// The little JSON that is spoken here: row images, and what embedders say. It comes from outside
// and is never believed: each reader answers NULL, or what stands for nothing, where the text is
// not what it looks for, and stays within the text, which ends with a NUL.
//
// Positions are pointers into the text. Those that a reader is given stand on a value, behind
// json_space().

#include "cdc/cdc_api.h"

// Appends a text as a JSON string.
void json_add_text(sqlite3_str *out, const char *text, size_t size);
// Behind white space.
const char *json_space(const char *at);
// Behind the string that begins at `at`. NULL: there is none.
const char *json_skip_text(const char *at);
// Behind the value at `at`, whatever it is. NULL: it is none.
const char *json_skip(const char *at);
// The value under a key of the object at `at`. NULL: none.
const char *json_find(const char *at, const char *key);
// The numbers of the array under a key of a JSON object: at most `space` of them into `out`.
// Returns how many there are, or -1: no such key, or not numbers.
int json_numbers(const char *json, const char *key, float *out, int space);
// A whole number under a key, or `otherwise`.
i64 json_integer(const char *json, const char *key, i64 otherwise);

#endif
