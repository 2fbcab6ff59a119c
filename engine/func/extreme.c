// min() and max(): of their arguments, as aggregates, and over frames that lose rows.
//
// As an aggregate one value is kept. Once rows may leave, that is not enough: the second best must
// be known when the best goes. Those frames use definitions of their own (sliding_min,
// sliding_max), which window_sliding() finds through user_data; the classic monotonic queue, by
// which each row is compared O(1) times on average.

#include "func/func.h"
#include "value/compare.h"

#include "base/vec.h"

enum { SIGN_MIN = -1, SIGN_MAX = 1 };

// --- of two and more arguments ---

// NULL if any argument is. Of equal ones min() gives the last, max() the first, as SQLite does.
static void best_argument(FuncCall *call, int arg_count, Value **args, int sign)
{
    ASSERT(arg_count >= 1);
    ASSERT(sign == SIGN_MIN || sign == SIGN_MAX);

    int best = 0;
    for (int i = 0; i < arg_count; i++) {
        if (args[i]->flags & V_NULL)
            return;
        int order = value_compare(args[i], args[best], call->collation) * sign;
        if (order > 0 || (order == 0 && sign == SIGN_MIN))
            best = i;
    }
    call_result_value(call, args[best]);
}

// min(X, Y, …) of at least two: with one argument it is the aggregate.
static void fn_min(FuncCall *call, int arg_count, Value **args)
{
    best_argument(call, arg_count, args, SIGN_MIN);
}

// max(X, Y, …); of equal ones the first.
static void fn_max(FuncCall *call, int arg_count, Value **args)
{
    best_argument(call, arg_count, args, SIGN_MAX);
}

// --- as aggregates ---

// The state is the best value so far; flags 0 before the first. call->no_effect tells the VM that
// this row did not win: bare columns of the query keep those of the row that did.
static void best_step(FuncCall *call, Value *v, int sign)
{
    ASSERT(sign == SIGN_MIN || sign == SIGN_MAX);

    Value *best = call_state(call, sizeof *best);
    if (best == NULL)
        return;
    if (v->flags & V_NULL) {
        call->no_effect = best->flags != 0;
        return;
    }
    if (best->flags != 0 && value_compare(v, best, call->collation) * sign <= 0) {
        call->no_effect = true;
        return;
    }
    if (best->flags == 0)
        value_init(best, call->db);
    if (value_copy(best, v) != SQLITE_OK)
        call_result_error_nomem(call);
}

// The least row so far; NULLs do not compete.
static void min_step(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    best_step(call, args[0], SIGN_MIN);
}

static void max_step(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    best_step(call, args[0], SIGN_MAX);
}

// NULL where no row had a value.
static void best_value(FuncCall *call)
{
    ASSERT(call->func != NULL);

    const Value *best = call_state(call, 0);
    if (best != NULL && best->flags != 0)
        call_result_value(call, best);
}

// As best_value(), and gives the kept value back.
static void best_finalize(FuncCall *call)
{
    Value *best = call_state(call, 0);
    if (best == NULL || best->flags == 0)
        return;
    call_result_value(call, best);
    value_deinit(best);
}

// --- over frames that lose rows ---

// Rows leave in the order they came. A row that came before one as good or better can never win
// again (of equals the last is shown, as SQLite does), so only the others are kept: each is worse
// than the one before it, and the first is the answer.
typedef struct Contender {
    Value value;
    u64 row;
} Contender;

typedef struct SlideState {
    Contender *items; // [begin, end)
    u32 begin, end, capacity;
    u64 rows_in, rows_out;
} SlideState;

// Makes room for one more, preferring the room that departed items left.
static int slide_reserve(SlideState *state)
{
    ASSERT(state->begin <= state->end && state->end <= state->capacity);

    if (state->end < state->capacity)
        return SQLITE_OK;
    if (state->begin > state->capacity / 2) {
        u32 count = state->end - state->begin;
        for (u32 i = 0; i < count; i++)
            state->items[i] = state->items[state->begin + i];
        state->begin = 0;
        state->end = count;
        return SQLITE_OK;
    }
    return vec_reserve(&state->items, &state->capacity, state->end + 1, sizeof *state->items);
}

// A new row drives out, from the end, all that it beats.
static void slide_step(FuncCall *call, Value *v, int sign)
{
    SlideState *state = call_state(call, sizeof *state);
    if (state == NULL)
        return;
    u64 row = state->rows_in++;
    ASSERT(state->rows_out <= row);
    if (v->flags & V_NULL)
        return;
    while (state->end > state->begin) {
        Contender *last = &state->items[state->end - 1];
        if (value_compare(v, &last->value, call->collation) * sign < 0)
            break;
        value_deinit(&last->value);
        state->end--;
    }
    if (slide_reserve(state) != SQLITE_OK) {
        call_result_error_nomem(call);
        return;
    }
    Contender *added = &state->items[state->end];
    value_init(&added->value, call->db);
    added->row = row;
    if (value_copy(&added->value, v) != SQLITE_OK)
        call_result_error_nomem(call);
    else
        state->end++;
}

// Of equal rows the last stays, since it leaves last.
static void min_slide(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    slide_step(call, args[0], SIGN_MIN);
}

static void max_slide(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);

    slide_step(call, args[0], SIGN_MAX);
}

// The row that leaves is the oldest (F2), so that if it is among the contenders it is the first.
static void slide_inverse(FuncCall *call, int arg_count, Value **args)
{
    ASSERT(arg_count == 1);
    (void)args;

    SlideState *state = call_state(call, 0);
    if (state == NULL)
        return;
    u64 row = state->rows_out++;
    ASSERT(row < state->rows_in);
    if (state->end > state->begin && state->items[state->begin].row == row)
        value_deinit(&state->items[state->begin++].value);
}

// NULL for a frame of NULLs alone.
static void slide_value(FuncCall *call)
{
    const SlideState *state = call_state(call, 0);
    if (state != NULL && state->end > state->begin)
        call_result_value(call, &state->items[state->begin].value);
}

// The state is given back, which value is not to do.
static void slide_finalize(FuncCall *call)
{
    SlideState *state = call_state(call, 0);
    if (state == NULL)
        return;
    slide_value(call);
    for (u32 i = state->begin; i < state->end; i++)
        value_deinit(&state->items[i].value);
    mem_free(state->items);
    *state = (SlideState){0};
}

enum {
    SCALAR = FUNC_BUILTIN | FUNC_PURE | FUNC_INNOCUOUS | FUNC_NEEDS_COLLATION,
    AGGREGATE = FUNC_BUILTIN | FUNC_INNOCUOUS | FUNC_NEEDS_COLLATION | FUNC_AGGREGATE | FUNC_WINDOW
                | FUNC_MINMAX | FUNC_ANY_ORDER | FUNC_SMALL_STATE,
};

static const FuncDef sliding_min = {"min",
                                    1,
                                    AGGREGATE,
                                    .step = min_slide,
                                    .finalize = slide_finalize,
                                    .value = slide_value,
                                    .inverse = slide_inverse};
static const FuncDef sliding_max = {"max",
                                    1,
                                    AGGREGATE,
                                    .step = max_slide,
                                    .finalize = slide_finalize,
                                    .value = slide_value,
                                    .inverse = slide_inverse};

const FuncDef func_extreme_table[] = {
    {"max", ARGS_1_UP, SCALAR, .call = fn_max},
    {"max", 1, AGGREGATE, .step = max_step, .finalize = best_finalize, .value = best_value,
     .user_data = (void *)(uintptr_t)&sliding_max},
    {"min", ARGS_1_UP, SCALAR, .call = fn_min},
    {"min", 1, AGGREGATE, .step = min_step, .finalize = best_finalize, .value = best_value,
     .user_data = (void *)(uintptr_t)&sliding_min},
    {0},
};
