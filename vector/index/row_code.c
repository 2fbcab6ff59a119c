// Encoding of rows and queries. See row_code.h for the method.
#include "vector/index/row_code.h"

#include <math.h>

// How many standard deviations the error bound allows for. RaBitQ's analysis calls 1.9 safe; a
// little more costs few re-ranked rows, because four bits leave small errors.
static const f32 epsilon = 2.2f;

// The step of the best uniform four-bit quantiser of a normal distribution is 0.335 of its
// deviation. Short vectors are never quite normal, so a few steps around it are tried.
static const f32 step_choices[] = {0.26f, 0.30f, 0.335f, 0.38f, 0.44f};

// Held within the range first, so that cutting the fraction off is all the rounding there is: that
// compiles to a few instructions for several elements at once.
static f32 quantise(f32 value, f32 inverse_step)
{
    f32 u = value * inverse_step + 8;
    u = u < 0 ? 0 : u > 15.5f ? 15.5f : u;
    return (f32)(i32)u;
}

typedef struct Fit {
    f32 dot, square; // <w, o> and <w, w>
} Fit;

static Fit fit_of_step(const f32 *residual, u32 width, f32 step)
{
    Fit fit = {0, 0};
    f32 inverse = 1 / step;
    for (u32 i = 0; i < width; i++) {
        f32 w = quantise(residual[i], inverse) - 7.5f;
        fit.dot += w * residual[i];
        fit.square += w * w;
    }
    return fit;
}

// The step whose code points most nearly the way of the residual.
static f32 best_step(const f32 *residual, u32 width, f32 deviation, Fit *best)
{
    ASSERT(width > 0);

    f32 step = 0;
    f32 best_cosine = -1;
    for (int i = 0; i < ARRAY_LEN(step_choices); i++) {
        Fit fit = fit_of_step(residual, width, step_choices[i] * deviation);
        f32 cosine = fit.dot / sqrtf(fit.square); // up to |o|, which is the same for all
        if (cosine > best_cosine) {
            best_cosine = cosine;
            step = step_choices[i] * deviation;
            *best = fit;
        }
    }
    return step;
}

static void pack(const f32 *residual, u32 width, f32 step, u8 *code)
{
    ASSERT(width % CODE_GROUP_DIMS == 0);

    f32 inverse = 1 / step;
    for (u32 group = 0; group < width; group += CODE_GROUP_DIMS, code += CODE_GROUP_SIZE)
        for (u32 b = 0; b < CODE_GROUP_SIZE; b++) {
            const f32 *at = residual + group + b;
            u32 low = (u32)quantise(at[0], inverse);
            u32 high = (u32)quantise(at[CODE_GROUP_SIZE], inverse);
            code[b] = (u8)(low | high << 4);
        }
}

// <w, centroid - mean> for the code just packed.
static f32 centre_dot(const u8 *code, const f32 *centroid, const f32 *mean, u32 width)
{
    ASSERT(width % CODE_GROUP_DIMS == 0);

    f32 sum = 0;
    for (u32 group = 0; group < width; group += CODE_GROUP_DIMS, code += CODE_GROUP_SIZE)
        for (u32 b = 0; b < CODE_GROUP_SIZE; b++) {
            u32 i = group + b;
            u32 k = i + CODE_GROUP_SIZE;
            sum += ((f32)(code[b] & 15) - 7.5f) * (centroid[i] - mean[i]);
            sum += ((f32)(code[b] >> 4) - 7.5f) * (centroid[k] - mean[k]);
        }
    return sum;
}

void row_encode_apart(f32 offset, u32 width, u8 *code, RowFactors *factors)
{
    ASSERT(isinf(offset));

    memset(code, 0x88, code_size_of(width));
    *factors = (RowFactors){.offset = offset, .slope = 0, .error = 0};
}

void row_encode(const RowFrame *frame, const f32 *x, u8 *code, RowFactors *factors)
{
    ASSERT(frame->width > 0 && frame->width % CODE_GROUP_DIMS == 0);

    u32 width = frame->width;
    RankKind kind = frame->kind;
    enum { STACK_WIDTH = 4096 };
    f32 on_stack[STACK_WIDTH];
    f32 *residual = width <= STACK_WIDTH ? on_stack : sqlite3_malloc64(width * sizeof *residual);
    if (residual == NULL) { // the row is then compared exactly: slower, not wrong
        row_encode_apart(-INFINITY, width, code, factors);
        return;
    }
    f32 square = 0;
    for (u32 i = 0; i < width; i++) {
        residual[i] = x[i] - frame->centroid[i];
        square += residual[i] * residual[i];
    }

    f32 gain = kind == RANK_SQUARE ? 2 : 1;
    if (square > 1e-30f && isfinite(square)) {
        Fit fit = {0, 0};
        f32 step = best_step(residual, width, sqrtf(square / (f32)width), &fit);
        pack(residual, width, step, code);
        f32 ratio = square / fit.dot;
        f32 t_square = fit.dot * fit.dot / (fit.square * square);
        f32 spread = (1 - t_square) / (t_square * (f32)(width - 1));
        factors->slope = gain * ratio;
        factors->error = gain * epsilon * sqrtf(square * (spread > 0 ? spread : 0));
        factors->offset =
            kind == RANK_SQUARE
                ? square + factors->slope * centre_dot(code, frame->centroid, frame->mean, width)
                : 0;
    } else if (isfinite(square)) { // the centroid itself
        memset(code, 0x88, code_size_of(width));
        *factors = (RowFactors){.offset = 0, .slope = 0, .error = 0};
    } else {
        row_encode_apart(-INFINITY, width, code, factors);
    }
    if (residual != on_stack)
        sqlite3_free(residual);
}

int query_encode(RankKind kind, const f32 *query, const f32 *mean, u32 width, QueryCode *out)
{
    ASSERT(width % CODE_GROUP_DIMS == 0);

    i8 *elements = sqlite3_malloc64(width);
    if (elements == NULL)
        return SQLITE_NOMEM;
    // Inner products are not reckoned from the mean: a term would be missing.
    f32 share = kind == RANK_SQUARE ? 1 : 0;
    f32 greatest = 0;
    for (u32 i = 0; i < width; i++)
        greatest = fmaxf(greatest, fabsf(query[i] - share * mean[i]));
    f32 step = greatest > 0 ? greatest / 127 : 1;
    i32 sum = 0;
    for (u32 i = 0; i < width; i++) {
        elements[i] = (i8)lrintf((query[i] - share * mean[i]) / step);
        sum += elements[i];
    }
    // A rounding error of step/sqrt(12) in each element, against codes that are off by about a
    // tenth of the residual: ten times as much in the units of the rows' error factors.
    f32 spread = 10 * step * sqrtf((f32)width / 12);
    *out = (QueryCode){.elements = elements, .step = step, .sum = sum, .error_spread = spread};
    return SQLITE_OK;
}

void query_deinit(QueryCode *query)
{
    sqlite3_free(query->elements);
    *query = (QueryCode){.elements = NULL};
}
