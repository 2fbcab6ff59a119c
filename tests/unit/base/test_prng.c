#include "support/test.h"

#include "base/prng.h"

// RFC 8439, appendix A.1, test vectors 1 and 2: key and nonce zero, counters 0 and 1.
static void the_stream_is_chacha20(void **state)
{
    (void)state;
    static const u8 expected[2][16] = {{0x76, 0xb8, 0xe0, 0xad, 0xa0, 0xf1, 0x3d, 0x90, 0x40, 0x5d,
                                        0x6a, 0xe5, 0x53, 0x86, 0xbd, 0x28},
                                       {0x9f, 0x07, 0xe7, 0xbe, 0x55, 0x51, 0x38, 0x7a, 0x98, 0xba,
                                        0x97, 0x7c, 0x73, 0x2d, 0x08, 0x0d}};
    Prng prng;
    u8 bytes[2][PRNG_BLOCK_SIZE];
    prng_init(&prng, NULL, 0);
    prng_bytes(&prng, bytes, sizeof bytes);
    assert_memory_equal(bytes[0], expected[0], sizeof expected[0]);
    assert_memory_equal(bytes[1], expected[1], sizeof expected[1]);
}

static void equal_seeds_give_equal_streams_in_any_pieces(void **state)
{
    (void)state;
    Prng a;
    Prng b;
    u8 whole[900];
    u8 parts[900];
    prng_init(&a, "seed", 4);
    prng_init(&b, "seed", 4);
    prng_bytes(&a, whole, sizeof whole);
    for (size_t at = 0; at < sizeof parts; at += 30)
        prng_bytes(&b, parts + at, 30);
    assert_memory_equal(whole, parts, sizeof whole);
    prng_init(&b, "other", 5);
    prng_bytes(&b, parts, sizeof parts);
    assert_memory_not_equal(whole, parts, sizeof whole);
}

static void numbers_below_a_limit_use_the_whole_range(void **state)
{
    (void)state;
    Prng prng;
    prng_init(&prng, "x", 1);
    u32 seen[7] = {0};
    for (u32 i = 0; i < 7000; i++)
        seen[prng_below(&prng, 7)]++;
    for (u32 i = 0; i < 7; i++)
        assert_in_range(seen[i], 850, 1150);
}

TEST_SUITE(prng, cmocka_unit_test(the_stream_is_chacha20),
           cmocka_unit_test(equal_seeds_give_equal_streams_in_any_pieces),
           cmocka_unit_test(numbers_below_a_limit_use_the_whole_range))
