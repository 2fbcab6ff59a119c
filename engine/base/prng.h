#ifndef QUIRE_BASE_PRNG_H
#define QUIRE_BASE_PRNG_H
// Pseudo-random bytes (ChaCha20 keyed by the caller's seed): behind random(), temporary names and
// tests.

#include "base/contract.h"

typedef struct Prng {
    u32 state[16];
    u8 block[64];
    u8 left; // unread bytes of block
} Prng;

void prng_init(Prng *prng, const void *seed, size_t size); // up to 44 bytes are used
void prng_bytes(Prng *prng, void *out, size_t size);
u64 prng_u64(Prng *prng);
u64 prng_below(Prng *prng, u64 limit); // 0 <= result < limit

#endif
