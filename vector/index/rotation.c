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

    size_t words = (size_t)ROTATION_ROUNDS * width / 64;
    u64 *signs = sqlite3_malloc64(words * sizeof *signs);
    if (signs == NULL)
        return SQLITE_NOMEM;
    for (size_t i = 0; i < words; i++)
        signs[i] = random_next(&seed);
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

static void flip_signs(f32 *vector, u32 width, const u64 *signs)
{
    for (u32 i = 0; i < width; i++) {
        u32 bits;
        memcpy(&bits, vector + i, sizeof bits);
        bits ^= (u32)(signs[i / 64] >> i % 64 & 1) << 31;
        memcpy(vector + i, &bits, sizeof bits);
    }
}

// In place, `count` a power of two, scaled so that lengths stay.
static void hadamard(f32 *vector, u32 count)
{
    ASSERT((count & (count - 1)) == 0);

    for (u32 half = 1; half < count; half *= 2)
        for (u32 start = 0; start < count; start += 2 * half)
            for (u32 i = start; i < start + half; i++) {
                f32 a = vector[i], b = vector[i + half];
                vector[i] = a + b;
                vector[i + half] = a - b;
            }
    f32 scale = 1 / sqrtf((f32)count);
    for (u32 i = 0; i < count; i++)
        vector[i] *= scale;
}

// Turns each pair (i, i + half) by an eighth of a circle.
static void mix_halves(f32 *vector, u32 width)
{
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
        flip_signs(vector, width, rotation->signs + (size_t)round * width / 64);
        hadamard(round % 2 == 0 ? vector : vector + width - rotation->power, rotation->power);
        if (rotation->power != width)
            mix_halves(vector, width);
    }
}
