// Pseudo-random bytes: the ChaCha20 block function (RFC 8439, section 2.3) run as a counter.

#include "base/prng.h"

#include <string.h>

// One word of each of the blocks that are made together. Compilers keep it in a vector register, so
// four blocks cost about what one does.
typedef u32 Lanes __attribute__((vector_size(4 * PRNG_BLOCKS)));

static inline Lanes rotate(Lanes v, int by)
{
    return v << by | v >> (32 - by);
}

static inline void quarter_round(Lanes *a, Lanes *b, Lanes *c, Lanes *d)
{
    *a += *b;
    *d = rotate(*d ^ *a, 16);
    *c += *d;
    *b = rotate(*b ^ *c, 12);
    *a += *b;
    *d = rotate(*d ^ *a, 8);
    *c += *d;
    *b = rotate(*b ^ *c, 7);
}

static void state_spread(const u32 *state, Lanes *x)
{
    for (u32 i = 0; i < 16; i++)
        x[i] = (Lanes){state[i], state[i], state[i], state[i]};
    x[12] += (Lanes){0, 1, 2, 3}; // word 12 counts blocks
}

// Makes the next blocks; the order of their bytes is that of one block after the other.
static void prng_refill(Prng *prng)
{
    ASSERT(prng->left == 0);

    Lanes start[16], x[16];
    state_spread(prng->state, start);
    memcpy(x, start, sizeof x);
    for (u32 round = 0; round < 10; round++) {
        quarter_round(&x[0], &x[4], &x[8], &x[12]);
        quarter_round(&x[1], &x[5], &x[9], &x[13]);
        quarter_round(&x[2], &x[6], &x[10], &x[14]);
        quarter_round(&x[3], &x[7], &x[11], &x[15]);
        quarter_round(&x[0], &x[5], &x[10], &x[15]);
        quarter_round(&x[1], &x[6], &x[11], &x[12]);
        quarter_round(&x[2], &x[7], &x[8], &x[13]);
        quarter_round(&x[3], &x[4], &x[9], &x[14]);
    }
    u32 words[PRNG_BLOCKS][16];
    for (u32 i = 0; i < 16; i++) {
        x[i] += start[i];
        for (u32 block = 0; block < PRNG_BLOCKS; block++)
            words[block][i] = x[i][block];
    }
    memcpy(prng->blocks, words, sizeof words);
    prng->left = sizeof prng->blocks;
    prng->state[12] += PRNG_BLOCKS;
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
    ASSERT(out != NULL || size == 0);
    ASSERT(prng->left <= sizeof prng->blocks);

    u8 *to = out;
    while (size > 0) {
        if (prng->left == 0)
            prng_refill(prng);
        size_t part = size < prng->left ? size : prng->left;
        memcpy(to, prng->blocks + sizeof prng->blocks - prng->left, part);
        prng->left = (u16)(prng->left - part);
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
