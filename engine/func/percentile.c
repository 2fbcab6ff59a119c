// median, percentile, percentile_cont and percentile_disc (SQLite's percentile extension). All
// values are kept: as an aggregate one selection finds the answer in linear time; over a window
// the values are kept sorted, and a row enters and leaves by moving what lies behind its place.
//
//    place = fraction * (count - 1); between two values _cont and percentile interpolate, _disc
//    takes the lower one. percentile's fraction is a number of percent.

#include "func/func.h"

#include "base/vec.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

// What the four functions differ in; user_data of their rows.
typedef struct PercentileRule {
    f64 fraction_max; // of the second argument
    bool has_fraction;
    bool discrete; // an input value, never one between two
} PercentileRule;

static const PercentileRule rule_median = {1.0, false, false};
static const PercentileRule rule_percentile = {100.0, true, false};
static const PercentileRule rule_cont = {1.0, true, false};
static const PercentileRule rule_disc = {1.0, true, true};

typedef struct PercentileState {
    f64 *values;
    u32 count, capacity;
    bool sorted;
    bool keep_sorted; // asked for a value already: a window, so it will be again
    f64 fraction;     // 0..1; -1 before the first row
    bool has_fraction;
} PercentileState;

// The fraction of this row, 0..1. False: it is no good, and the call has failed.
static bool read_fraction(FuncCall *call, int arg_count, Value **args, f64 *out)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    const PercentileRule *rule = call_user_data(call);
    if (!rule->has_fraction || arg_count < 2) {
        *out = 0.5;
        return true;
    }
    int type = value_numeric_type(args[1]);
    f64 fraction = value_f64(args[1]) / rule->fraction_max;
    if ((type != SQLITE_INTEGER && type != SQLITE_FLOAT) || !(fraction >= 0.0 && fraction <= 1.0)) {
        call_result_error_format(call, "the fraction argument to %s() is not between 0.0 and %.1f",
                                 call->func->name, rule->fraction_max);
        return false;
    }
    *out = fraction;
    return true;
}

// Where `value` is or would be inserted. Binary search for the first value that is not less.
static u32 find_place(const PercentileState *state, f64 value)
{
    ASSERT(state->sorted || state->count < 2);
    ASSERT(state->count <= state->capacity);

    u32 low = 0;
    u32 high = state->count;
    while (low < high) {
        u32 middle = (low + high) / 2;
        if (state->values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// The order of the checks is SQLite's, which decides what a bad row is told.
static void percentile_step(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    f64 fraction;
    if (!read_fraction(call, arg_count, args, &fraction))
        return;
    PercentileState *state = call_state(call, sizeof *state);
    if (state == NULL)
        return;
    if (!state->has_fraction) {
        state->fraction = fraction;
        state->has_fraction = true;
    } else if (fabs(state->fraction - fraction) > 0.001) {
        // The tolerance is SQLite's: a fraction computed per row may differ in its last digits.
        call_result_error_format(call,
                                 "the fraction argument to %s() is not the same for all input rows",
                                 call->func->name);
        return;
    }
    int type = value_type(args[0]);
    if (type == SQLITE_NULL)
        return;
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) {
        call_result_error_format(call, "input to %s() is not numeric", call->func->name);
        return;
    }
    f64 value = value_f64(args[0]);
    if (isinf(value)) {
        call_result_error_format(call, "Inf input to %s()", call->func->name);
        return;
    }
    if (vec_reserve(&state->values, &state->capacity, state->count + 1, sizeof *state->values)
        != SQLITE_OK) {
        call_result_error_nomem(call);
        return;
    }
    // In order for a window, in order of arrival for an aggregate.
    u32 at = state->keep_sorted ? find_place(state, value) : state->count;
    memmove(state->values + at + 1, state->values + at,
            (state->count - at) * sizeof *state->values);
    state->values[at] = value;
    state->count++;
    state->sorted = state->keep_sorted;
}

// By copies, since qsort() promises no type of its own.
static int compare_f64(const void *a, const void *b)
{
    ASSERT(a != NULL && b != NULL);

    f64 x;
    f64 y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

// Once for a window: rows are then kept in order as they come.
static void percentile_sort(PercentileState *state)
{
    ASSERT(!state->keep_sorted || state->sorted);

    if (!state->sorted && state->count > 1)
        qsort(state->values, state->count, sizeof *state->values, compare_f64);
    state->sorted = true;
}

// A value that was an error when it came is not there: its leaving changes nothing.
static void percentile_inverse(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1 || arg_count == 2);

    (void)arg_count;
    PercentileState *state = call_state(call, 0);
    int type = value_type(args[0]);
    if (state == NULL || (type != SQLITE_INTEGER && type != SQLITE_FLOAT))
        return;
    percentile_sort(state);
    state->keep_sorted = true;
    f64 value = value_f64(args[0]);
    // Any value that is equal will do.
    u32 at = find_place(state, value);
    if (at >= state->count || state->values[at] != value)
        return;
    state->count--;
    memmove(state->values + at, state->values + at + 1,
            (state->count - at) * sizeof *state->values);
}

// Of a value with itself too.
static void swap_f64(f64 *a, f64 *b)
{
    ASSERT(a != NULL && b != NULL);

    f64 former = *a;
    *a = *b;
    *b = former;
}

// Brings the value that sorting would put at `place` there, with none greater before it and none
// smaller behind: Hoare's selection, with the median of three as pivot, so that sorted input is no
// bad case. Linear on average.
static void select_place(f64 *values, u32 count, u32 place)
{
    ASSERT(place < count);

    i64 low = 0;
    i64 high = (i64)count - 1;
    while (low < high) {
        i64 middle = low + (high - low) / 2;
        if (values[middle] < values[low])
            swap_f64(&values[middle], &values[low]);
        if (values[high] < values[low])
            swap_f64(&values[high], &values[low]);
        if (values[high] < values[middle])
            swap_f64(&values[high], &values[middle]);
        // The three are in order now, so that neither inner loop leaves the range.
        f64 pivot = values[middle];
        i64 i = low;
        i64 j = high;
        while (i <= j) {
            while (values[i] < pivot)
                i++;
            while (values[j] > pivot)
                j--;
            if (i <= j)
                swap_f64(&values[i++], &values[j--]);
        }
        if ((i64)place <= j)
            high = j;
        else if ((i64)place >= i)
            low = i;
        else
            return;
    }
}

// The next value in order; selection leaves the greater ones unsorted.
static f64 least_behind(const PercentileState *state, u32 place)
{
    ASSERT(place + 1 < state->count);

    f64 least = state->values[place + 1];
    for (u32 i = place + 2; i < state->count && !state->sorted; i++)
        least = state->values[i] < least ? state->values[i] : least;
    return least;
}

// The place is computed from the count of rows less one, so that 0.0 is the least and 1.0 the
// greatest value.
static void percentile_result(FuncCall *call, PercentileState *state)
{
    ASSERT(call->func != NULL);

    if (state == NULL || state->count == 0)
        return;
    const PercentileRule *rule = call_user_data(call);
    f64 place = state->fraction * (f64)(state->count - 1);
    u32 low = (u32)place;
    ASSERT(low < state->count);
    if (!state->sorted)
        select_place(state->values, state->count, low);
    f64 value = state->values[low];
    bool between = place != (f64)low && low + 1 < state->count;
    if (!rule->discrete) // added in any case: SQLite's -0.0 becomes 0.0, too
        value += between ? (least_behind(state, low) - value) * (place - (f64)low) : 0.0;
    call_result_f64(call, value);
}

// Asked for each row of a window, so that sorting pays.
static void percentile_value(FuncCall *call)
{
    PercentileState *state = call_state(call, 0);
    if (state == NULL)
        return;
    percentile_sort(state); // a window: it will be asked again
    percentile_result(call, state);
    state->keep_sorted = true;
}

// Selection instead of sorting: the values are not asked for again.
static void percentile_finalize(FuncCall *call)
{
    ASSERT(call->func != NULL);

    PercentileState *state = call_state(call, 0);
    if (state == NULL)
        return;
    percentile_result(call, state);
    mem_free(state->values);
    *state = (PercentileState){0};
}

enum { FLAGS = FUNC_BUILTIN | FUNC_AGGREGATE | FUNC_WINDOW };

const FuncDef func_percentile_table[] = {
    {"median", 1, FLAGS, .step = percentile_step, .finalize = percentile_finalize,
     .value = percentile_value, .inverse = percentile_inverse,
     .user_data = (void *)(uintptr_t)&rule_median},
    {"percentile", 2, FLAGS, .step = percentile_step, .finalize = percentile_finalize,
     .value = percentile_value, .inverse = percentile_inverse,
     .user_data = (void *)(uintptr_t)&rule_percentile},
    {"percentile_cont", 2, FLAGS, .step = percentile_step, .finalize = percentile_finalize,
     .value = percentile_value, .inverse = percentile_inverse,
     .user_data = (void *)(uintptr_t)&rule_cont},
    {"percentile_disc", 2, FLAGS, .step = percentile_step, .finalize = percentile_finalize,
     .value = percentile_value, .inverse = percentile_inverse,
     .user_data = (void *)(uintptr_t)&rule_disc},
    {0},
};
