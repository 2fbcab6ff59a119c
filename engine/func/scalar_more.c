// Functions of text, bytes and numbers that other databases have: repeat, lpad, gcd and their like,
// and the aggregate stddev. Not part of SQLite's library.

#include "base/utf.h"
#include "func/func.h"
#include <math.h>
#include <string.h>

// NULL in, NULL out, for all of these but stddev.
static bool any_null(int arg_count, Value **args)
{
    ASSERT(arg_count >= 0);

    for (int i = 0; i < arg_count; i++) {
        if (value_type(args[i]) == SQLITE_NULL)
            return true;
    }
    return false;
}

// --- text, by characters ---

// The bytes that one character takes: a lead byte and what continues it.
static size_t character_size(const char *text, size_t size)
{
    ASSERT(size > 0);

    size_t n = 1;
    while (n < size && ((u8)text[n] & 0xc0) == 0x80)
        n++;
    return n;
}

// By lead bytes: malformed text has some count too.
static u64 character_count(const char *text, size_t size)
{
    ASSERT(text != NULL || size == 0);

    u64 count = 0;
    for (size_t at = 0; at < size; count++)
        at += character_size(text + at, size - at);
    return count;
}

// The bytes of the first `count` characters.
static size_t prefix_size(const char *text, size_t size, u64 count)
{
    ASSERT(text != NULL || size == 0);

    size_t at = 0;
    for (; count > 0 && at < size; count--)
        at += character_size(text + at, size - at);
    return at;
}

// By characters: a combining mark comes before what it combines with.
static void fn_reverse(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    if (any_null(arg_count, args))
        return;
    u32 size;
    const char *text = value_chars(args[0], SQLITE_UTF8, &size);
    char *out = text != NULL ? call_result_begin(call, size) : NULL;
    if (out == NULL)
        return;
    char *end = out + size;
    for (size_t at = 0; at < size;) {
        size_t n = character_size(text + at, size - at);
        end -= n;
        memcpy(end, text + at, n);
        at += n;
    }
    call_result_end_text(call, size);
}

// (text, count).
static void fn_repeat(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    if (any_null(arg_count, args))
        return;
    i64 count = value_i64(args[1]);
    Buffer out = {.size_max = value_length_limit(call->result)};
    u32 size;
    const char *text = value_chars(args[0], SQLITE_UTF8, &size);
    // A count below 1 gives an empty text, not NULL.
    buffer_reserve(&out, 0);
    // Ends at the length limit, however large the count.
    for (i64 i = 0; i < count && size > 0 && text != NULL && out.rc == SQLITE_OK; i++)
        buffer_add(&out, text, size);
    call_result_buffer(call, &out, false);
}

// What fills up, repeated and cut in the middle if need be.
typedef struct Padding {
    const char *fill;
    u32 size;
    u64 count; // characters of padding
} Padding;

// Whole fillings first, then the part of one that is left.
static void add_padding(Buffer *out, const Padding *p)
{
    ASSERT(p->size > 0);

    u64 characters = character_count(p->fill, p->size);
    ASSERT(characters > 0);

    for (u64 whole = p->count / characters; whole > 0 && out->rc == SQLITE_OK; whole--)
        buffer_add(out, p->fill, p->size);
    buffer_add(out, p->fill, prefix_size(p->fill, p->size, p->count % characters));
}

// (text, count [, fill]): user_data is set for the left side. Longer text is cut at its end. A
// width below 1 gives an empty text; an empty filling adds nothing.
static void fn_pad(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2 || arg_count == 3);

    if (any_null(arg_count, args))
        return;
    bool is_left = call->func->user_data != NULL;
    u32 size;
    const char *text = value_chars(args[0], SQLITE_UTF8, &size);
    Padding padding = {.fill = " ", .size = 1};
    if (arg_count == 3)
        padding.fill = value_chars(args[2], SQLITE_UTF8, &padding.size);
    if (text == NULL || padding.fill == NULL)
        return;
    i64 wanted = value_i64(args[1]);
    u64 length = character_count(text, size);
    u64 count = wanted > 0 ? (u64)wanted : 0;
    Buffer out = {.size_max = value_length_limit(call->result)};
    buffer_reserve(&out, 0);
    bool pads = count > length && padding.size > 0;
    padding.count = pads ? count - length : 0;
    if (pads && is_left)
        add_padding(&out, &padding);
    buffer_add(&out, text, count < length ? prefix_size(text, size, count) : size);
    if (pads && !is_left)
        add_padding(&out, &padding);
    call_result_buffer(call, &out, false);
}

// --- bytes ---

// The bytes of a value, of text those of its encoding. false: no memory for a zeroblob's zeros; the
// call has failed.
static bool bytes_of(FuncCall *call, Value *v, const u8 **bytes, u32 *size)
{
    ASSERT(bytes != NULL && size != NULL);

    *bytes = value_blob(v);
    *size = value_size(v);
    if (*bytes != NULL || *size == 0)
        return true;
    call_result_error_nomem(call);
    return false;
}

// false: the call has failed.
static bool byte_index(FuncCall *call, Value *arg, u32 size, u32 *out)
{
    ASSERT(out != NULL);

    i64 index = value_i64(arg);
    if (index >= 0 && index < size) {
        *out = (u32)index;
        return true;
    }
    call_result_error_format(call, "index %lld out of valid range, 0..%lld", (long long)index,
                             (long long)size - 1);
    return false;
}

// Bytes count from 0. Of text, those of its encoding.
static void fn_get_byte(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    if (any_null(arg_count, args))
        return;
    const u8 *bytes;
    u32 size, index;
    if (bytes_of(call, args[0], &bytes, &size) && byte_index(call, args[1], size, &index))
        call_result_i64(call, bytes[index]);
}

// Of the new value the low eight bits count.
static void fn_set_byte(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 3);

    if (any_null(arg_count, args))
        return;
    const u8 *bytes;
    u32 size, index;
    if (!bytes_of(call, args[0], &bytes, &size) || !byte_index(call, args[1], size, &index))
        return;
    char *out = call_result_begin(call, size);
    if (out == NULL)
        return;
    memcpy(out, bytes, size);
    out[index] = (char)(u8)value_i64(args[2]);
    call_result_end_blob(call, size);
}

// --- numbers ---

// As unsigned, so that the smallest integer has one.
static u64 magnitude(i64 value)
{
    return value < 0 ? 0 - (u64)value : (u64)value;
}

// Euclid's algorithm; of 0 and 0 it is 0.
static u64 greatest_divisor(u64 a, u64 b)
{
    // At most about 90 steps: Fibonacci numbers are the worst there is.
    while (b != 0) {
        u64 rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

// 2^63, which only the smallest integer can lead to, is no integer.
static void result_u64(FuncCall *call, u64 value)
{
    ASSERT(call != NULL);

    if (value > INT64_MAX)
        call_result_error(call, "integer overflow", -1, SQLITE_UTF8);
    else
        call_result_i64(call, (i64)value);
}

static void fn_gcd(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    if (!any_null(arg_count, args))
        result_u64(call,
                   greatest_divisor(magnitude(value_i64(args[0])), magnitude(value_i64(args[1]))));
}

static void fn_lcm(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 2);

    if (any_null(arg_count, args))
        return;
    u64 a = magnitude(value_i64(args[0])), b = magnitude(value_i64(args[1]));
    // Divided first: the product of both may overflow where the answer does not.
    u64 divisor = greatest_divisor(a, b), product = 0;
    // 0 for a 0.
    if (divisor != 0 && __builtin_mul_overflow(a / divisor, b, &product))
        product = UINT64_MAX;
    result_u64(call, product);
}

// --- stddev: of a sample, by Welford's recurrence, which does not cancel ---

typedef struct Deviation {
    u64 count;
    f64 mean, squares;
} Deviation;

// NULLs and texts that are no numbers count for nothing.
static void deviation_step(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    int type = value_numeric_type(args[0]);
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT)
        return;
    Deviation *d = call_state(call, sizeof *d);
    if (d == NULL)
        return;
    f64 value = value_f64(args[0]);
    // Against the mean before and after: their product is what the sum of squares grows by.
    f64 delta = value - d->mean;
    d->count++;
    d->mean += delta / (f64)d->count;
    d->squares += delta * (value - d->mean);
}

// The standard deviation of a sample: by n - 1, and NULL for fewer than two rows.
static void deviation_finalize(FuncCall *call)
{
    ASSERT(call != NULL);

    const Deviation *d = call_state(call, 0);
    if (d != NULL && d->count > 1)
        call_result_f64(call, sqrt(d->squares / (f64)(d->count - 1)));
}

enum { PURE = FUNC_BUILTIN | FUNC_PURE | FUNC_INNOCUOUS };

static const bool on_the_left = true;

const FuncDef func_more_table[] = {
    {"gcd", 2, PURE, .call = fn_gcd},
    {"get_byte", 2, PURE, .call = fn_get_byte},
    {"lcm", 2, PURE, .call = fn_lcm},
    {"lpad", 2, PURE, .call = fn_pad, .user_data = (void *)(uintptr_t)&on_the_left},
    {"lpad", 3, PURE, .call = fn_pad, .user_data = (void *)(uintptr_t)&on_the_left},
    {"repeat", 2, PURE, .call = fn_repeat},
    {"rpad", 2, PURE, .call = fn_pad},
    {"rpad", 3, PURE, .call = fn_pad},
    {"set_byte", 3, PURE, .call = fn_set_byte},
    {"stddev", 1, FUNC_BUILTIN | FUNC_AGGREGATE | FUNC_INNOCUOUS | FUNC_SMALL_STATE,
     .step = deviation_step, .finalize = deviation_finalize},
    {"string_reverse", 1, PURE, .call = fn_reverse},
    {0},
};
