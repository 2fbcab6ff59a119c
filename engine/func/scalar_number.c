// Functions of numbers that every build has: abs, sign, round, random.

#include "func/func.h"

static void fn_abs(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    switch (value_type(args[0])) {
    case SQLITE_NULL: return;
    case SQLITE_INTEGER: {
        i64 value = value_i64(args[0]);
        // The one integer whose absolute value is none.
        if (value == INT64_MIN)
            call_result_error(call, "integer overflow", -1, SQLITE_UTF8);
        else
            call_result_i64(call, value < 0 ? -value : value);
        return;
    }
    default: {
        f64 value = value_f64(args[0]);
        call_result_f64(call, value < 0 ? -value : value);
        return;
    }
    }
}

// NULL for what is no number as a whole, text included.
static void fn_sign(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    int type = value_numeric_type(args[0]);
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT)
        return;
    f64 value = value_f64(args[0]);
    call_result_i64(call, value < 0 ? -1 : value > 0);
}

enum { ROUND_DIGITS_MAX = 30 };                         // SQLite's: more would change nothing
static const f64 NO_FRACTION_FROM = 4503599627370496.0; // 2^52: doubles beyond are whole numbers

static void fn_round(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    i64 digits = 0;
    if (arg_count == 2) {
        if (args[1]->flags & V_NULL)
            return;
        digits = value_i64(args[1]);
        digits = digits < 0 ? 0 : digits > ROUND_DIGITS_MAX ? ROUND_DIGITS_MAX : digits;
    }
    if (args[0]->flags & V_NULL)
        return;
    f64 value = value_f64(args[0]);
    if (value < -NO_FRACTION_FROM || value > NO_FRACTION_FROM) {
        call_result_f64(call, value);
    } else if (digits == 0) {
        // Half away from zero; within 2^52 the sum is exact enough for the cut to be right.
        call_result_f64(call, (f64)(i64)(value + (value < 0 ? -0.5 : 0.5)));
    } else {
        call_result_f64(call, f64_round(value, (int)digits));
    }
}

// Never the smallest integer, whose absolute value would overflow.
static void fn_random(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);
    (void)args;

    i64 value;
    func_hooks()->randomness(sizeof value, &value);
    if (value < 0)
        value = -(value & INT64_MAX);
    call_result_i64(call, value);
}

// Fewer than one byte is one, as in SQLite.
static void fn_randomblob(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    i64 size = value_i64(args[0]);
    if (size < 1)
        size = 1;
    char *out = call_result_begin(call, (u64)size);
    if (out == NULL)
        return;
    func_hooks()->randomness((int)size, out);
    call_result_end_blob(call, (u64)size);
}

static void fn_zeroblob(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    i64 size = value_i64(args[0]);
    if (call_result_zeroblob(call, size < 0 ? 0 : (u64)size) != SQLITE_OK)
        ASSERT(call->rc == SQLITE_TOOBIG);
}

enum {
    PURE = FUNC_BUILTIN | FUNC_PURE | FUNC_INNOCUOUS,
    STRICT = PURE | FUNC_NULL_STRICT,
};

const FuncDef func_number_table[] = {
    {"abs", 1, STRICT, .call = fn_abs},
    {"random", 0, FUNC_BUILTIN | FUNC_INNOCUOUS, .call = fn_random},
    {"randomblob", 1, FUNC_BUILTIN | FUNC_INNOCUOUS, .call = fn_randomblob},
    {"round", 1, STRICT, .call = fn_round},
    {"round", 2, STRICT, .call = fn_round},
    {"sign", 1, STRICT, .call = fn_sign},
    {"zeroblob", 1, PURE, .call = fn_zeroblob},
    {0},
};
