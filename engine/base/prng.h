#ifndef QUIRE_BASE_PRNG_H
#define QUIRE_BASE_PRNG_H
// Pseudo-random bytes (ChaCha20 keyed by the caller's seed): behind random(), temporary names and
// tests.

#include "base/contract.h"

enum { PRNG_BLOCKS = 4, PRNG_BLOCK_SIZE = 64 };

typedef struct Prng {
    u32 state[16];
    u8 blocks[PRNG_BLOCKS * PRNG_BLOCK_SIZE]; // made together, given out from the first on
    u16 left;                                 // unread bytes of them
} Prng;

void prng_init(Prng *prng, const void *seed, size_t size); // up to 44 bytes are used
void prng_bytes(Prng *prng, void *out, size_t size);
u64 prng_u64(Prng *prng);
u64 prng_below(Prng *prng, u64 limit); // 0 <= result < limit

#endif
