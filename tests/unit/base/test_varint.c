#include "support/test.h"

#include "base/varint.h"

static void every_length_reads_back(void **state)
{
    (void)state;
    for (u32 bits = 0; bits <= 64; bits++) {
        for (int change = -1; change <= 1; change++) {
            u64 value = (bits == 64 ? 0 : (u64)1 << bits) + (u64)change;
            u8 bytes[16] = {0};
            u32 length = varint_put(bytes, value);
            u64 read = 0;
            u32 narrow = 0;
            assert_int_equal(length, varint_size(value));
            assert_int_equal(varint_get(bytes, &read), length);
            assert_true(read == value);
            assert_int_equal(varint_get_checked(bytes, bytes + length, &read), length);
            assert_true(read == value);
            assert_int_equal(varint_get_checked(bytes, bytes + length - 1, &read), 0);
            assert_int_equal(varint_get_u32(bytes, &narrow), length);
            assert_int_equal(narrow, value > UINT32_MAX ? UINT32_MAX : (u32)value);
        }
    }
}

static void the_bytes_are_those_of_the_format(void **state)
{
    (void)state;
    u8 bytes[9];
    assert_int_equal(varint_put(bytes, 0x7f), 1);
    assert_memory_equal(bytes, "\x7f", 1);
    assert_int_equal(varint_put(bytes, 0x80), 2);
    assert_memory_equal(bytes, "\x81\x00", 2);
    assert_int_equal(varint_put(bytes, 0x4000), 3);
    assert_memory_equal(bytes, "\x81\x80\x00", 3);
    assert_int_equal(varint_put(bytes, UINT64_MAX), 9);
    assert_memory_equal(bytes, "\xff\xff\xff\xff\xff\xff\xff\xff\xff", 9);
}

// Longer than need be, as a hostile file may have it.
static void padded_numbers_are_read_too(void **state)
{
    (void)state;
    const u8 padded[] = {0x80, 0x80, 0x80, 0x05, 0, 0, 0, 0, 0};
    u64 value;
    u32 narrow;
    assert_int_equal(varint_get(padded, &value), 4);
    assert_int_equal(value, 5);
    assert_int_equal(varint_get_u32(padded, &narrow), 4);
    assert_int_equal(narrow, 5);
}

TEST_SUITE(varint, cmocka_unit_test(every_length_reads_back),
           cmocka_unit_test(the_bytes_are_those_of_the_format),
           cmocka_unit_test(padded_numbers_are_read_too))
