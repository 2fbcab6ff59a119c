// The random rotation of the index. See row_code.h.
//
// One round flips signs, transforms `power` elements at the front (even rounds) or at the back (odd
// ones) and, where that is not all of them, mixes the first half with the second. Each step keeps
// lengths, so all of it does. Four rounds spread any vector evenly over the elements.
#include "vector/index/row_code.h"

#include <math.h>

u64 random_next(u64 *state)
{
    u64 z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

int rotation_init(Rotation *rotation, u32 width, u64 seed)
{
    ASSERT(width > 0 && width % CODE_GROUP_DIMS == 0);

    size_t count = (size_t)ROTATION_ROUNDS * width;
    f32 *signs = sqlite3_malloc64(count * sizeof *signs);
    if (signs == NULL)
        return SQLITE_NOMEM;
    for (size_t i = 0; i < count; i += 64) {
        u64 bits = random_next(&seed);
        for (u32 k = 0; k < 64; k++)
            signs[i + k] = (bits >> k & 1) != 0 ? -1 : 1;
    }
    sqlite3_free(rotation->signs);
    *rotation = (Rotation){.width = width, .power = 64, .signs = signs};
    while (rotation->power * 2 <= width)
        rotation->power *= 2;
    return SQLITE_OK;
}

void rotation_deinit(Rotation *rotation)
{
    sqlite3_free(rotation->signs);
    *rotation = (Rotation){.signs = NULL};
}

static void flip_signs(f32 *vector, u32 width, const f32 *signs)
{
    ASSERT(width % CODE_GROUP_DIMS == 0);
    for (u32 i = 0; i < width; i++)
        vector[i] *= signs[i];
}

// The first three steps of a transform, of eight elements at a time.
static void hadamard_of_eights(f32 *vector, u32 count)
{
    ASSERT(count % 8 == 0);
    for (f32 *v = vector; v < vector + count; v += 8) {
        f32 a[8], b[8];
        for (u32 i = 0; i < 8; i += 2) {
            a[i] = v[i] + v[i + 1];
            a[i + 1] = v[i] - v[i + 1];
        }
        for (u32 i = 0; i < 8; i += i % 4 == 1 ? 3 : 1) {
            b[i] = a[i] + a[i + 2];
            b[i + 2] = a[i] - a[i + 2];
        }
        for (u32 i = 0; i < 4; i++) {
            v[i] = b[i] + b[i + 4];
            v[i + 4] = b[i] - b[i + 4];
        }
    }
}

// In place, `count` a power of two, scaled so that lengths stay.
static void hadamard(f32 *vector, u32 count)
{
    ASSERT((count & (count - 1)) == 0 && count >= 8);

    hadamard_of_eights(vector, count);
    for (u32 half = 8; half < count; half *= 2)
        for (u32 start = 0; start < count; start += 2 * half) {
            f32 *low = vector + start, *high = low + half;
            for (u32 i = 0; i < half; i++) {
                f32 a = low[i], b = high[i];
                low[i] = a + b;
                high[i] = a - b;
            }
        }
    f32 scale = 1 / sqrtf((f32)count);
    for (u32 i = 0; i < count; i++)
        vector[i] *= scale;
}

// Turns each pair (i, i + half) by an eighth of a circle.
static void mix_halves(f32 *vector, u32 width)
{
    ASSERT(width % 2 == 0);

    const f32 root_half = 0.70710678f;
    u32 half = width / 2;
    for (u32 i = 0; i < half; i++) {
        f32 a = vector[i], b = vector[i + half];
        vector[i] = (a + b) * root_half;
        vector[i + half] = (a - b) * root_half;
    }
}

void rotation_apply(const Rotation *rotation, f32 *vector)
{
    ASSERT(rotation->signs != NULL);

    u32 width = rotation->width;
    for (u32 round = 0; round < ROTATION_ROUNDS; round++) {
        flip_signs(vector, width, rotation->signs + (size_t)round * width);
        hadamard(round % 2 == 0 ? vector : vector + width - rotation->power, rotation->power);
        if (rotation->power != width)
            mix_halves(vector, width);
    }
}
