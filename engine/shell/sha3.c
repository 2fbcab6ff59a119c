// SHA-3 (FIPS 202): hashes for .sha3sum and sha3().
//
// The sponge: input is mixed into the first `rate` bytes of a state of 200, which is permuted
// whenever they are full; the digest is the beginning of the state in the end. The state is 25
// lanes of 64 bits; lane x + 5 y is column x of row y. Written after the standard's text, for
// clarity: a byte at a time.

#include "shell/shell.h"

#include <string.h>

enum { LANES = 25, ROUNDS = 24, STATE_SIZE = 200 };

// To the left; by 0 too, which a shift of 64 would not be.
static unsigned long long rotate(unsigned long long lane, int by)
{
    ASSERT(by >= 0 && by < 64);

    return by == 0 ? lane : lane << by | lane >> (64 - by);
}

// Theta: every lane takes in the parity of two neighbouring columns.
static void mix_columns(unsigned long long lanes[LANES])
{
    ASSERT(lanes != NULL);

    unsigned long long parity[5];
    for (int x = 0; x < 5; x++)
        parity[x] = lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20];
    for (int i = 0; i < LANES; i++)
        lanes[i] ^= parity[(i + 4) % 5] ^ rotate(parity[(i + 1) % 5], 1);
}

// Rho and pi: lanes are rotated and change places.
static void move_lanes(unsigned long long lanes[LANES])
{
    ASSERT(lanes != NULL);

    unsigned long long carried = lanes[1];
    int place = 1;
    for (int step = 0; step < LANES - 1; step++) {
        int x = place % 5;
        int y = place / 5;
        int target = y + 5 * ((2 * x + 3 * y) % 5);
        unsigned long long next = lanes[target];
        lanes[target] = rotate(carried, (step + 1) * (step + 2) / 2 % 64);
        carried = next;
        place = target;
    }
}

// Chi: the only step that is not linear.
static void mix_rows(unsigned long long lanes[LANES])
{
    ASSERT(lanes != NULL);

    for (int y = 0; y < LANES; y += 5) {
        unsigned long long row[5];
        memcpy(row, lanes + y, sizeof row);
        for (int x = 0; x < 5; x++)
            lanes[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
    }
}

// 24 rounds; the last step, iota, breaks the symmetry by a constant for each round, which a
// register of eight bits makes (x^8 + x^6 + x^5 + x^4 + 1).
static void permute(unsigned long long lanes[LANES])
{
    ASSERT(lanes != NULL);

    unsigned feedback = 1; // the linear register that makes the round constants
    for (int round = 0; round < ROUNDS; round++) {
        mix_columns(lanes);
        move_lanes(lanes);
        mix_rows(lanes);
        for (int bit = 0; bit <= 6; bit++) {
            if (feedback & 1)
                lanes[0] ^= 1ull << ((1 << bit) - 1);
            feedback = feedback << 1 ^ (feedback >> 7) * 0x171;
        }
    }
}

// The four sizes of FIPS 202.
bool sha3_has(int bits)
{
    return bits == 224 || bits == 256 || bits == 384 || bits == 512;
}

// The rate is what the capacity, twice the digest, leaves of 1600 bits.
void sha3_init(Sha3 *hash, int bits)
{
    ASSERT(sha3_has(bits));

    *hash = (Sha3){.rate = (unsigned)(STATE_SIZE - 2 * bits / 8), .bits = bits};
}

// Lanes are little-endian.
static void add_byte(Sha3 *hash, unsigned place, unsigned char byte)
{
    ASSERT(place < STATE_SIZE);

    hash->lanes[place / 8] ^= (unsigned long long)byte << (8 * (place % 8));
}

// Any number of times, in pieces of any size.
void sha3_add(Sha3 *hash, const void *bytes, size_t size)
{
    ASSERT(hash->at < hash->rate);
    ASSERT(bytes != NULL || size == 0);

    const unsigned char *from = bytes;
    for (size_t i = 0; i < size; i++) {
        add_byte(hash, hash->at++, from[i]);
        if (hash->at == hash->rate) {
            permute(hash->lanes);
            hash->at = 0;
        }
    }
}

// `hash` is used up.
void sha3_finish(Sha3 *hash, unsigned char *digest)
{
    ASSERT(hash->at < hash->rate);
    ASSERT(digest != NULL && sha3_has(hash->bits));

    add_byte(hash, hash->at, 0x06); // the suffix 01 and the first bit of the padding
    add_byte(hash, hash->rate - 1, 0x80);
    permute(hash->lanes);
    for (int i = 0; i < hash->bits / 8; i++)
        digest[i] = (unsigned char)(hash->lanes[i / 8] >> (8 * (i % 8)));
}
