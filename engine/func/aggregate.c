// count, sum, total, avg, group_concat and string_agg, as aggregates and over window frames.
//
// The state of each is what all rows of the frame amount to, so that a row that leaves can be
// taken out again by `inverse`. For sums of reals that is inexact in principle; the error term of
// Kahan and Babuska (Neumaier's form) carries what rounding lost, so that in practice nothing of a
// row stays behind.

#include "func/func.h"

#include "base/vec.h"
#include <math.h>
#include <string.h>

// --- count ---

// count(*) is compiled without a call where nothing but a count is wanted; this is the rest.
static void count_step(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0 || arg_count == 1);

    i64 *count = call_state(call, sizeof *count);
    if (count != NULL && (arg_count == 0 || !(args[0]->flags & V_NULL)))
        (*count)++;
}

// The same test as count_step(): what was not counted does not leave.
static void count_inverse(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0 || arg_count == 1);

    i64 *count = call_state(call, sizeof *count);
    if (count != NULL && (arg_count == 0 || !(args[0]->flags & V_NULL)))
        (*count)--;
}

// Also finalize: there is nothing to give back.
static void count_value(FuncCall *call)
{
    const i64 *count = call_state(call, 0);
    call_result_i64(call, count ? *count : 0);
}

// --- sum ---

// Integers are summed as integers until one of them is real or the sum overflows; from then on as
// reals by the Kahan-Babuska method, in which `error` gathers what each addition rounds away.
typedef struct SumState {
    f64 sum, error;
    i64 integer;
    i64 count;
    bool is_real;
    bool overflowed; // integers alone did; sum() then fails
} SumState;

// One addition of Kahan and Babuska: what is lost from the smaller of the two goes to `error`.
static void sum_add_f64(SumState *state, f64 value)
{
    volatile f64 sum = state->sum; // volatile: rounded to a double at each step on every machine
    volatile f64 total = sum + value;
    // The smaller of the two is the one that loses digits in the sum.
    if (fabs(sum) > fabs(value))
        state->error += (sum - total) + value;
    else
        state->error += (value - total) + sum;
    state->sum = total;
}

// Large integers are added in two parts that a double holds exactly: a multiple of 2^14, which
// leaves at most 49 significant bits of 63, and the rest.
static void sum_add_i64(SumState *state, i64 value)
{
    const i64 exact_max = 4503599627370496; // 2^52
    if (value > -exact_max && value < exact_max) {
        sum_add_f64(state, (f64)value);
        return;
    }
    i64 low = value % 16384;
    sum_add_f64(state, (f64)(value - low));
    sum_add_f64(state, (f64)low);
}

// For good: what was summed so far is split like a large integer.
static void sum_become_real(SumState *state)
{
    ASSERT(!state->is_real);

    i64 low = state->integer % 16384;
    bool large = state->integer <= -4503599627370496 || state->integer >= 4503599627370496;
    state->sum = (f64)(large ? state->integer - low : state->integer);
    state->error = large ? (f64)low : 0.0;
    state->is_real = true;
}

// NULL counts for nothing. Text that is an integer as a whole is one; other text and blobs are
// reals, by the number they begin with.
static void sum_step(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    SumState *state = call_state(call, sizeof *state);
    if (state == NULL || (args[0]->flags & V_NULL))
        return;
    state->count++;
    bool is_integer = value_numeric_type(args[0]) == SQLITE_INTEGER;
    if (LIKELY(is_integer && !state->is_real)) {
        i64 sum;
        if (!i64_add_overflows(state->integer, args[0]->u.integer, &sum)) {
            state->integer = sum;
            return;
        }
        state->overflowed = true;
    }
    if (!state->is_real)
        sum_become_real(state);
    if (is_integer) {
        sum_add_i64(state, args[0]->u.integer);
    } else {
        // A real among the numbers makes the sum a real, of which an overflow is no error any
        // more.
        state->overflowed = false;
        sum_add_f64(state, value_f64(args[0]));
    }
}

// Takes a row out by adding its negative. Once real, a sum stays real, also when only integers are
// left.
static void sum_inverse(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    SumState *state = call_state(call, sizeof *state);
    if (state == NULL || (args[0]->flags & V_NULL))
        return;
    state->count--;
    bool is_integer = value_numeric_type(args[0]) == SQLITE_INTEGER;
    i64 value = is_integer ? args[0]->u.integer : 0;
    if (!state->is_real) {
        i64 sum;
        if (!i64_subtract_overflows(state->integer, value, &sum)) {
            state->integer = sum;
            return;
        }
        state->overflowed = true;
        sum_become_real(state);
    }
    if (!is_integer) {
        sum_add_f64(state, -value_f64(args[0]));
    } else if (value == INT64_MIN) {
        // Its negative is no integer: it is added in two steps.
        sum_add_i64(state, INT64_MAX);
        sum_add_i64(state, 1);
    } else {
        sum_add_i64(state, -value);
    }
}

// An infinite error term is the trace of an infinite sum, and would make it NaN.
static f64 sum_of(const SumState *state)
{
    if (!state->is_real)
        return (f64)state->integer;
    return isfinite(state->error) ? state->sum + state->error : state->sum;
}

// NULL without rows, where total() is 0.0.
static void sum_value(FuncCall *call)
{
    const SumState *state = call_state(call, 0);
    if (state == NULL || state->count == 0)
        return;
    if (!state->is_real)
        call_result_i64(call, state->integer);
    else if (state->overflowed)
        call_result_error(call, "integer overflow", -1, SQLITE_UTF8);
    else
        call_result_f64(call, sum_of(state));
}

// Always a real: 0.0 without rows, and no overflow.
static void total_value(FuncCall *call)
{
    const SumState *state = call_state(call, 0);
    call_result_f64(call, state ? sum_of(state) : 0.0);
}

// NULL without rows.
static void avg_value(FuncCall *call)
{
    const SumState *state = call_state(call, 0);
    if (state != NULL && state->count > 0)
        call_result_f64(call, sum_of(state) / (f64)state->count);
}

// --- group_concat ---

// The texts joined so far. As a window function the first text leaves together with the separator
// of the second, so separators' sizes are kept once they differ. When what is left is empty, SQLite
// begins anew: the next text gets no separator, although empty texts may still be in the frame.
typedef struct JoinState {
    Buffer text;
    size_t begin;       // what lies before has left
    u32 count;          // texts in the frame
    bool is_begun;      // a text has been added since the beginning
    u32 separator_size; // of all, while `sizes` is NULL
    u32 *sizes;         // of the separator behind text i of the frame, from `size_begin` on
    u32 size_begin, size_capacity;
} JoinState;

// All separators are alike again, or there are none.
static void join_forget_sizes(JoinState *state)
{
    mem_free(state->sizes);
    state->sizes = NULL;
    state->size_begin = 0;
    state->size_capacity = 0;
}

// Notes the separator before the text about to be added to `count` others. While all are equally
// long one number does; the array is made when the first differs.
static int join_note_separator(JoinState *state, u32 size)
{
    ASSERT(state->is_begun);

    if (state->sizes == NULL) {
        if (state->separator_size == size)
            return SQLITE_OK;
        TRY(vec_reserve(&state->sizes, &state->size_capacity, state->count + 1,
                        sizeof *state->sizes));
        for (u32 i = 0; i + 1 < state->count; i++)
            state->sizes[i] = state->separator_size;
    }
    u32 at = state->size_begin + (state->count > 0 ? state->count - 1 : 0);
    TRY(vec_reserve(&state->sizes, &state->size_capacity, at + 1, sizeof *state->sizes));
    state->sizes[at] = size;
    return SQLITE_OK;
}

// group_concat(X[, Y]): NULLs are left out with their separator.
static void join_step(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    if (args[0]->flags & V_NULL)
        return;
    JoinState *state = call_state(call, sizeof *state);
    if (state == NULL)
        return;
    u32 separator_size = 1;
    const char *separator =
        arg_count == 2 ? value_chars(args[1], SQLITE_UTF8, &separator_size) : ",";
    state->text.size_max = state->begin + value_length_limit(call->state);
    if (!state->is_begun) {
        state->is_begun = true;
        state->separator_size = separator_size;
    } else {
        if (join_note_separator(state, separator_size) != SQLITE_OK) {
            call_result_error_nomem(call);
            return;
        }
        buffer_add(&state->text, separator, separator_size);
    }
    u32 size;
    const char *text = value_chars(args[0], SQLITE_UTF8, &size);
    buffer_add(&state->text, text, size);
    // A text of empty pieces is '' and not NULL: the buffer must have memory.
    buffer_reserve(&state->text, 0);
    state->count++;
}

// Moves the beginning on behind the first text and its separator; the bytes stay until more than
// half of them have left.
static void join_inverse(FuncCall *call, int arg_count, Value **args)
{
    (void)arg_count;
    JoinState *state = call_state(call, 0);
    if (state == NULL || (args[0]->flags & V_NULL) || state->count == 0)
        return;
    u32 leaving;
    value_chars(args[0], SQLITE_UTF8, &leaving);
    state->count--;
    if (state->sizes == NULL)
        leaving += state->separator_size;
    else if (state->count > 0)
        leaving += state->sizes[state->size_begin++];
    state->begin += leaving;
    ASSERT(state->begin <= state->text.size || state->text.rc != SQLITE_OK || state->count == 0);
    if (state->begin >= state->text.size) {
        if (state->text.rc == SQLITE_OK)
            buffer_clear(&state->text);
        state->begin = 0;
        state->is_begun = false;
        join_forget_sizes(state);
    } else if (state->begin > state->text.size / 2) {
        // Moved together only when more than half has left, so that a frame of n rows moves each
        // byte O(1) times.
        memmove(state->text.bytes, state->text.bytes + state->begin,
                state->text.size - state->begin);
        state->text.size -= state->begin;
        state->begin = 0;
    }
}

// As before the first row, so that a state may be used again after finalize.
static void join_release(JoinState *state)
{
    ASSERT(state != NULL);

    buffer_deinit(&state->text);
    join_forget_sizes(state);
    *state = (JoinState){0};
}

// A frame without rows is NULL.
static void join_value(FuncCall *call)
{
    JoinState *state = call_state(call, 0);
    if (state == NULL || (state->text.rc == SQLITE_OK && state->count == 0))
        return;
    if (state->text.rc == SQLITE_TOOBIG)
        call_result_error_toobig(call);
    else if (state->text.rc != SQLITE_OK)
        call_result_error_nomem(call);
    else if (state->begin == state->text.size) // nothing but empty texts: SQLite counts the NUL
        call_result_text(call, "", 1, SQLITE_UTF8, SQLITE_STATIC);
    else
        call_result_text(call, state->text.bytes + state->begin, state->text.size - state->begin,
                         SQLITE_UTF8, SQLITE_TRANSIENT);
}

// The text is moved out where nothing has left at its beginning, as with every plain aggregate.
static void join_finalize(FuncCall *call)
{
    JoinState *state = call_state(call, 0);
    if (state == NULL)
        return;
    if (state->begin == 0 && state->count > 0)
        call_result_buffer(call, &state->text, false); // moves the text out
    else
        join_value(call);
    join_release(state);
}

enum {
    FLAGS = FUNC_BUILTIN | FUNC_INNOCUOUS | FUNC_AGGREGATE | FUNC_WINDOW,
    SMALL = FLAGS | FUNC_SMALL_STATE,
    ANY_ORDER = SMALL | FUNC_ANY_ORDER,
};

const FuncDef func_aggregate_table[] = {
    {"avg", 1, SMALL, .step = sum_step, .finalize = avg_value, .value = avg_value,
     .inverse = sum_inverse},
    {"count", 0, ANY_ORDER | FUNC_COUNT, .step = count_step, .finalize = count_value,
     .value = count_value, .inverse = count_inverse},
    {"count", 1, ANY_ORDER, .step = count_step, .finalize = count_value, .value = count_value,
     .inverse = count_inverse},
    {"group_concat", 1, FLAGS, .step = join_step, .finalize = join_finalize, .value = join_value,
     .inverse = join_inverse},
    {"group_concat", 2, FLAGS, .step = join_step, .finalize = join_finalize, .value = join_value,
     .inverse = join_inverse},
    {"string_agg", 2, FLAGS, .step = join_step, .finalize = join_finalize, .value = join_value,
     .inverse = join_inverse},
    {"sum", 1, SMALL, .step = sum_step, .finalize = sum_value, .value = sum_value,
     .inverse = sum_inverse},
    {"total", 1, SMALL, .step = sum_step, .finalize = total_value, .value = total_value,
     .inverse = sum_inverse},
    {0},
};
