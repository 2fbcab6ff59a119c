#ifndef QUIRE_FUNC_LIKE_H
#define QUIRE_FUNC_LIKE_H
// Pattern matching: LIKE and GLOB.

#include "func/func.h"

// The wildcards of an operator. The planner reads them to turn a prefix into a
// range.
typedef struct LikeRule {
    u8 match_all;   // % or *
    u8 match_one;   // _ or ?
    u8 match_set;   // [ of GLOB, 0 for LIKE
    bool fold_case; // ASCII letters match either case
} LikeRule;

extern const LikeRule like_rule_nocase, like_rule_case, like_rule_glob;

// like(pattern, text[, escape]) and glob(pattern, text).
void fn_like(FuncCall *call, int arg_count, Value **args);

// Does `text` match `pattern`? Both NUL-terminated UTF-8. escape 0: none.
// (sqlite3_strlike, _strglob)
bool like_match(const char *pattern, const char *text, const LikeRule *rule, u32 escape);

#endif
