// The mathematical functions of SQLite (sqlite.org/lang_mathfunc.html): libm's, on numbers only.
// Text that is no number, and results that are no number, give NULL; a domain error is NaN and so
// NULL too. Blobs are no numbers here.

#include "func/func.h"

#include <math.h>

// A number, or text that is one. Text that is a number as a whole counts as one, as it would in a
// numeric column.
static bool read_number(Value *v, f64 *out)
{
    ASSERT(out != NULL);

    int type = value_numeric_type(v);
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT)
        return false;
    *out = value_f64(v);
    return true;
}

typedef f64 MathOne(f64 x);
typedef f64 MathTwo(f64 x, f64 y);

// The functions of user_data; a struct, because a pointer to data may not point to a function.
// Exactly one is set.
typedef struct MathRule {
    MathOne *one;
    MathTwo *two;
} MathRule;

// NaN, of a domain error, becomes NULL by call_result_f64().
static void fn_math_one(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    const MathRule *rule = call_user_data(call);
    f64 x;
    if (read_number(args[0], &x))
        call_result_f64(call, rule->one(x));
}

static void fn_math_two(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    const MathRule *rule = call_user_data(call);
    f64 x;
    f64 y;
    if (read_number(args[0], &x) && read_number(args[1], &y))
        call_result_f64(call, rule->two(x, y));
}

// ceil, floor, trunc leave integers alone.
static void fn_whole(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    const MathRule *rule = call_user_data(call);
    switch (value_numeric_type(args[0])) {
    case SQLITE_INTEGER: call_result_i64(call, value_i64(args[0])); return;
    case SQLITE_FLOAT: call_result_f64(call, rule->one(value_f64(args[0]))); return;
    default: return;
    }
}

// ln, log10, log2: NULL for what is not positive.
static void fn_log(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    (void)arg_count;
    const MathRule *rule = call_user_data(call);
    f64 x;
    if (read_number(args[0], &x) && x > 0.0)
        call_result_f64(call, rule->one(x));
}

// log(B, X). Only B has to be a number: X is read as CAST would.
static void fn_log_base(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    f64 base;
    if (!read_number(args[0], &base) || base <= 0.0)
        return;
    // log(B, X) is computed as log(X) / log(B), which is what decides its last digit.
    f64 log_base = log(base);
    f64 x = value_f64(args[1]);
    if (log_base > 0.0 && x > 0.0)
        call_result_f64(call, log(x) / log_base);
}

static void fn_pi(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);
    (void)args;

    call_result_f64(call, M_PI);
}

// The factor is divided out first, which decides the last digit of the product.
static f64 to_degrees(f64 x)
{
    return x * (180.0 / M_PI);
}

static f64 to_radians(f64 x)
{
    return x * (M_PI / 180.0);
}

// clang-format off
static const MathRule rules[] = {
    {acos, 0}, {acosh, 0}, {asin, 0}, {asinh, 0}, {atan, 0}, {atanh, 0}, {ceil, 0}, {cos, 0},
    {cosh, 0}, {to_degrees, 0}, {exp, 0}, {floor, 0}, {log, 0}, {log10, 0}, {log2, 0},
    {to_radians, 0}, {sin, 0}, {sinh, 0}, {sqrt, 0}, {tan, 0}, {tanh, 0}, {trunc, 0},
    {0, atan2}, {0, fmod}, {0, pow},
};
enum {
    ACOS, ACOSH, ASIN, ASINH, ATAN, ATANH, CEIL, COS, COSH, DEGREES, EXP, FLOOR, LN, LOG10, LOG2,
    RADIANS, SIN, SINH, SQRT, TAN, TANH, TRUNC, ATAN2, MOD, POW,
};
// clang-format on

enum { FLAGS = FUNC_BUILTIN | FUNC_PURE | FUNC_INNOCUOUS | FUNC_NULL_STRICT };

// The cast takes the const away that user_data cannot have; nothing writes through it.
#define RULE(name) (void *)(uintptr_t)&rules[name]

const FuncDef func_math_table[] = {
    {"acos", 1, FLAGS, .call = fn_math_one, .user_data = RULE(ACOS)},
    {"acosh", 1, FLAGS, .call = fn_math_one, .user_data = RULE(ACOSH)},
    {"asin", 1, FLAGS, .call = fn_math_one, .user_data = RULE(ASIN)},
    {"asinh", 1, FLAGS, .call = fn_math_one, .user_data = RULE(ASINH)},
    {"atan", 1, FLAGS, .call = fn_math_one, .user_data = RULE(ATAN)},
    {"atan2", 2, FLAGS, .call = fn_math_two, .user_data = RULE(ATAN2)},
    {"atanh", 1, FLAGS, .call = fn_math_one, .user_data = RULE(ATANH)},
    {"ceil", 1, FLAGS, .call = fn_whole, .user_data = RULE(CEIL)},
    {"ceiling", 1, FLAGS, .call = fn_whole, .user_data = RULE(CEIL)},
    {"cos", 1, FLAGS, .call = fn_math_one, .user_data = RULE(COS)},
    {"cosh", 1, FLAGS, .call = fn_math_one, .user_data = RULE(COSH)},
    {"degrees", 1, FLAGS, .call = fn_math_one, .user_data = RULE(DEGREES)},
    {"exp", 1, FLAGS, .call = fn_math_one, .user_data = RULE(EXP)},
    {"floor", 1, FLAGS, .call = fn_whole, .user_data = RULE(FLOOR)},
    {"ln", 1, FLAGS, .call = fn_log, .user_data = RULE(LN)},
    {"log", 1, FLAGS, .call = fn_log, .user_data = RULE(LOG10)},
    {"log", 2, FLAGS, .call = fn_log_base},
    {"log10", 1, FLAGS, .call = fn_log, .user_data = RULE(LOG10)},
    {"log2", 1, FLAGS, .call = fn_log, .user_data = RULE(LOG2)},
    {"mod", 2, FLAGS, .call = fn_math_two, .user_data = RULE(MOD)},
    {"pi", 0, FLAGS, .call = fn_pi},
    {"pow", 2, FLAGS, .call = fn_math_two, .user_data = RULE(POW)},
    {"power", 2, FLAGS, .call = fn_math_two, .user_data = RULE(POW)},
    {"radians", 1, FLAGS, .call = fn_math_one, .user_data = RULE(RADIANS)},
    {"sin", 1, FLAGS, .call = fn_math_one, .user_data = RULE(SIN)},
    {"sinh", 1, FLAGS, .call = fn_math_one, .user_data = RULE(SINH)},
    {"sqrt", 1, FLAGS, .call = fn_math_one, .user_data = RULE(SQRT)},
    {"tan", 1, FLAGS, .call = fn_math_one, .user_data = RULE(TAN)},
    {"tanh", 1, FLAGS, .call = fn_math_one, .user_data = RULE(TANH)},
    {"trunc", 1, FLAGS, .call = fn_whole, .user_data = RULE(TRUNC)},
    {0},
};
