// Pseudo-random bytes: the ChaCha20 block function (RFC 8439, section 2.3) run as a counter.

#include "base/prng.h"

#include <string.h>

static u32 rotate(u32 v, u32 by)
{
    return v << by | v >> (32 - by);
}

static void quarter_round(u32 *x, u32 a, u32 b, u32 c, u32 d)
{
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 16);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 12);
    x[a] += x[b];
    x[d] = rotate(x[d] ^ x[a], 8);
    x[c] += x[d];
    x[b] = rotate(x[b] ^ x[c], 7);
}

static void prng_refill(Prng *prng)
{
    u32 x[16];
    memcpy(x, prng->state, sizeof x);
    for (u32 round = 0; round < 10; round++) {
        quarter_round(x, 0, 4, 8, 12);
        quarter_round(x, 1, 5, 9, 13);
        quarter_round(x, 2, 6, 10, 14);
        quarter_round(x, 3, 7, 11, 15);
        quarter_round(x, 0, 5, 10, 15);
        quarter_round(x, 1, 6, 11, 12);
        quarter_round(x, 2, 7, 8, 13);
        quarter_round(x, 3, 4, 9, 14);
    }
    for (u32 i = 0; i < 16; i++)
        x[i] += prng->state[i];
    memcpy(prng->block, x, sizeof prng->block);
    prng->left = sizeof prng->block;
    prng->state[12]++;
}

void prng_init(Prng *prng, const void *seed, size_t size)
{
    ASSERT(seed != NULL || size == 0);

    static const u32 constants[4] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    *prng = (Prng){0};
    memcpy(prng->state, constants, sizeof constants);
    u8 key[44] = {0};
    if (size > 0)
        memcpy(key, seed, size < sizeof key ? size : sizeof key);
    memcpy(prng->state + 4, key, 32);
    memcpy(prng->state + 13, key + 32, 12); // word 12 counts blocks
}

void prng_bytes(Prng *prng, void *out, size_t size)
{
    ASSERT(prng->left <= sizeof prng->block);

    u8 *to = out;
    while (size > 0) {
        if (prng->left == 0)
            prng_refill(prng);
        size_t part = size < prng->left ? size : prng->left;
        memcpy(to, prng->block + sizeof prng->block - prng->left, part);
        prng->left = (u8)(prng->left - part);
        to += part;
        size -= part;
    }
}

u64 prng_u64(Prng *prng)
{
    u64 value;
    prng_bytes(prng, &value, sizeof value);
    return value;
}

u64 prng_below(Prng *prng, u64 limit)
{
    ASSERT(limit > 0);

    // Values from the incomplete last stretch would favour small results; they are drawn again.
    u64 refused = (0 - limit) % limit;
    for (;;) {
        u64 value = prng_u64(prng);
        if (value >= refused)
            return value % limit;
    }
}
