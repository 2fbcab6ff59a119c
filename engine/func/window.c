// Built-in window functions. The frames they want are in window.h.

#include "func/window.h"

#include <string.h>

// --- numbering ---

typedef struct RankState {
    i64 value;      // what is shown
    i64 step_count; // rows stepped
    i64 peer_count; // rows (percent_rank, cume_dist: the partition)
} RankState;

static void row_number_step(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);
    (void)args;

    i64 *count = call_state(call, sizeof *count);
    if (count != NULL)
        (*count)++;
}

static void row_number_value(FuncCall *call)
{
    const i64 *count = call_state(call, sizeof *count);
    call_result_i64(call, count ? *count : 0);
}

// rank: the number of the first row of the peer group. Set by its first step, forgotten when shown.
static void rank_step(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);
    (void)args;

    RankState *state = call_state(call, sizeof *state);
    if (state == NULL)
        return;
    state->step_count++;
    ASSERT(state->value <= state->step_count);
    if (state->value == 0)
        state->value = state->step_count;
}

// The next peer group sets it anew.
static void rank_value(FuncCall *call)
{
    RankState *state = call_state(call, sizeof *state);
    if (state == NULL)
        return;
    call_result_i64(call, state->value);
    state->value = 0;
}

// step_count is a mark here: a row of a new peer group has come since the last value.
static void dense_rank_step(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);
    (void)args;

    RankState *state = call_state(call, sizeof *state);
    if (state != NULL)
        state->step_count = 1;
}

static void dense_rank_value(FuncCall *call)
{
    RankState *state = call_state(call, sizeof *state);
    if (state == NULL)
        return;
    if (state->step_count != 0) {
        state->value++;
        state->step_count = 0;
    }
    call_result_i64(call, state->value);
}

// --- shares of the partition ---

static void partition_step(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);
    (void)args;

    RankState *state = call_state(call, sizeof *state);
    if (state != NULL)
        state->peer_count++;
}

// A peer group (percent_rank, cume_dist) or a row that lies before the current one.
static void partition_inverse(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 0);
    (void)args;

    RankState *state = call_state(call, sizeof *state);
    if (state != NULL)
        state->step_count++;
}

// The rank of the row, less one, by the rows of the partition, less one: step_count rows came
// before its peers. A partition of one row has 0.0.
static void percent_rank_value(FuncCall *call)
{
    RankState *state = call_state(call, sizeof *state);
    if (state == NULL)
        return;
    state->value = state->step_count;
    f64 share = 0.0;
    if (state->peer_count > 1)
        share = (f64)state->value / (f64)(state->peer_count - 1);
    call_result_f64(call, share);
}

// The partition is never empty when a value is asked for, so there is no division by 0.
static void cume_dist_value(FuncCall *call)
{
    const RankState *state = call_state(call, sizeof *state);
    if (state != NULL)
        call_result_f64(call, (f64)state->step_count / (f64)state->peer_count);
}

// --- ntile ---

typedef struct NtileState {
    i64 row_count;
    i64 bucket_count;
    i64 row; // of the current row, 0-based
} NtileState;

// The argument of the first row counts; later rows only make the partition longer.
static void ntile_step(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    NtileState *state = call_state(call, sizeof *state);
    if (state == NULL)
        return;
    if (state->row_count == 0) {
        state->bucket_count = value_i64(args[0]);
        if (state->bucket_count <= 0)
            call_result_error(call, "argument of ntile must be a positive integer", -1,
                              SQLITE_UTF8);
    }
    state->row_count++;
}

static void ntile_inverse(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);
    (void)args;

    NtileState *state = call_state(call, sizeof *state);
    if (state != NULL)
        state->row++;
}

// The first buckets are one row larger when the rows do not divide evenly. With more buckets than
// rows each row is a bucket of its own.
static void ntile_value(FuncCall *call)
{
    const NtileState *state = call_state(call, sizeof *state);
    if (state == NULL || state->bucket_count <= 0)
        return;
    ASSERT(state->row <= state->row_count);
    i64 size = state->row_count / state->bucket_count;
    if (size == 0) {
        call_result_i64(call, state->row + 1);
        return;
    }
    i64 large = state->row_count - state->bucket_count * size; // this many have size + 1 rows
    i64 first_small = large * (size + 1);
    if (state->row < first_small)
        call_result_i64(call, 1 + state->row / (size + 1));
    else
        call_result_i64(call, 1 + large + (state->row - first_small) / size);
}

// --- values of rows ---

// The last row's value, kept while any row is in the frame.
typedef struct LastState {
    Value *value;
    i64 row_count;
} LastState;

// The value of the row that entered last is kept; a copy, since its register changes.
static void last_value_step(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    LastState *state = call_state(call, sizeof *state);
    if (state == NULL)
        return;
    value_free(state->value);
    state->value = value_dup(args[0]);
    if (state->value == NULL)
        call_result_error_nomem(call);
    else
        state->row_count++;
}

static void last_value_inverse(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);
    (void)args;

    LastState *state = call_state(call, sizeof *state);
    if (state == NULL || --state->row_count > 0)
        return;
    value_free(state->value);
    ASSERT(state->row_count == 0);
    state->value = NULL;
}

static void last_value_value(FuncCall *call)
{
    const LastState *state = call_state(call, 0);
    if (state != NULL && state->value != NULL)
        call_result_value(call, state->value);
}

static void last_value_finalize(FuncCall *call)
{
    LastState *state = call_state(call, 0);
    if (state == NULL || state->value == NULL)
        return;
    call_result_value(call, state->value);
    value_free(state->value);
    state->value = NULL;
}

// Read from the partition's rows by generated code.
static void no_step(FuncCall *call, int arg_count, Value **args)
{
    (void)call;
    (void)arg_count;
    (void)args;
}

static void no_value(FuncCall *call)
{
    (void)call;
}

// clang-format off
enum {
    FLAGS = FUNC_BUILTIN | FUNC_AGGREGATE | FUNC_WINDOW | FUNC_WINDOW_ONLY | FUNC_INNOCUOUS,
};

const FuncDef func_window_table[] = {
    {"row_number", 0, FLAGS, .step = row_number_step, .finalize = row_number_value,
     .value = row_number_value, .inverse = no_step},
    {"rank", 0, FLAGS, .step = rank_step, .finalize = rank_value, .value = rank_value,
     .inverse = no_step},
    {"dense_rank", 0, FLAGS, .step = dense_rank_step, .finalize = dense_rank_value,
     .value = dense_rank_value, .inverse = no_step},
    {"percent_rank", 0, FLAGS, .step = partition_step, .finalize = percent_rank_value,
     .value = percent_rank_value, .inverse = partition_inverse},
    {"cume_dist", 0, FLAGS, .step = partition_step, .finalize = cume_dist_value,
     .value = cume_dist_value, .inverse = partition_inverse},
    {"ntile", 1, FLAGS, .step = ntile_step, .finalize = ntile_value, .value = ntile_value,
     .inverse = ntile_inverse},
    {"last_value", 1, FLAGS, .step = last_value_step, .finalize = last_value_finalize,
     .value = last_value_value, .inverse = last_value_inverse},
    {"first_value", 1, FLAGS, .step = no_step, .finalize = no_value, .value = no_value, .inverse = no_step},
    {"nth_value", 2, FLAGS, .step = no_step, .finalize = no_value, .value = no_value, .inverse = no_step},
    {"lead", 1, FLAGS, .step = no_step, .finalize = no_value, .value = no_value, .inverse = no_step},
    {"lead", 2, FLAGS, .step = no_step, .finalize = no_value, .value = no_value, .inverse = no_step},
    {"lead", 3, FLAGS, .step = no_step, .finalize = no_value, .value = no_value, .inverse = no_step},
    {"lag", 1, FLAGS, .step = no_step, .finalize = no_value, .value = no_value, .inverse = no_step},
    {"lag", 2, FLAGS, .step = no_step, .finalize = no_value, .value = no_value, .inverse = no_step},
    {"lag", 3, FLAGS, .step = no_step, .finalize = no_value, .value = no_value, .inverse = no_step},
    {0},
};

// By name, for definitions are compared by what they are called, not by where they stand.
static const struct {
    const char *name;
    WindowKind kind;
} kinds[] = {
    {"row_number", WINDOW_ROW_NUMBER},   {"rank", WINDOW_RANK},
    {"dense_rank", WINDOW_DENSE_RANK},   {"percent_rank", WINDOW_PERCENT_RANK},
    {"cume_dist", WINDOW_CUME_DIST},     {"ntile", WINDOW_NTILE},
    {"lead", WINDOW_LEAD},               {"lag", WINDOW_LAG},
    {"first_value", WINDOW_FIRST_VALUE}, {"last_value", WINDOW_LAST_VALUE},
    {"nth_value", WINDOW_NTH_VALUE},
};
// clang-format on

// WINDOW_NONE also for functions that are both: an aggregate needs no frame of its own.
WindowKind window_kind(const FuncDef *def)
{
    ASSERT(def != NULL);

    if (!(def->flags & FUNC_WINDOW_ONLY))
        return WINDOW_NONE;
    for (u32 i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strcmp(kinds[i].name, def->name) == 0)
            return kinds[i].kind;
    }
    return WINDOW_NONE;
}

const FuncDef *window_sliding(const FuncDef *def)
{
    ASSERT(def->flags & FUNC_AGGREGATE);

    if ((def->flags & FUNC_MINMAX) && (def->flags & FUNC_BUILTIN))
        return def->user_data; // of a row of func_extreme_table
    return def->inverse != NULL ? def : NULL;
}
