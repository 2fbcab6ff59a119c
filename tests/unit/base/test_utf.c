#include "support/test.h"

#include "base/utf.h"

static u32 first_of(const char *bytes, size_t size, size_t *read)
{
    const u8 *p = (const u8 *)bytes;
    u32 c = utf8_next(&p, p + size);
    *read = (size_t)(p - (const u8 *)bytes);
    return c;
}

// Recorded from the stock library's unicode().
static void broken_input_becomes_the_replacement_by_fixed_rules(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        u32 code_point;
        size_t read;
    } cases[] = {
        {"A", 'A', 1},
        {"\xc3\xa9", 0xe9, 2},
        {"\xe4\xb8\xad", 0x4e2d, 3},
        {"\xf0\x9f\x98\x80", 0x1f600, 4},
        {"\xc0\x80", 0xfffd, 2},     // overlong
        {"\xed\xa0\x80", 0xfffd, 3}, // surrogate
        {"\xef\xbf\xbe", 0xfffd, 3}, // U+FFFE
        {"\x80", 0x80, 1},           // stray continuation byte stands for itself
        {"\xff", 0xfffd, 1},
        {"\xc3", 0xfffd, 1}, // cut off
        {"\xf8\x88\x80\x80\x80", 0x200000, 5},
    };
    for (u32 i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t read;
        assert_int_equal(first_of(cases[i].bytes, strlen(cases[i].bytes), &read),
                         cases[i].code_point);
        assert_int_equal(read, cases[i].read);
    }
}

static void every_character_survives_both_encodings(void **state)
{
    (void)state;
    for (u32 c = 0; c <= 0x10ffff; c += c < 0x3000 ? 1 : 37) {
        if ((c >= 0xd800 && c < 0xe000) || (c & ~1u) == 0xfffe)
            continue;
        u8 bytes[4];
        u32 size = utf8_put(bytes, c);
        const u8 *p = bytes;
        assert_int_equal(utf8_next(&p, bytes + size), c);
        for (int big = 0; big < 2; big++) {
            size = utf16_put(bytes, c, big);
            p = bytes;
            assert_int_equal(utf16_next(&p, bytes + size, big), c);
        }
    }
}

static void characters_are_counted_and_found(void **state)
{
    (void)state;
    const char *text = "a\xc3\xa9\xe4\xb8\xad!";
    assert_int_equal(utf8_length(text, strlen(text)), 4);
    assert_int_equal(utf8_offset(text, strlen(text), 2), 3);
    assert_int_equal(utf8_offset(text, strlen(text), 99), strlen(text));
    assert_int_equal(utf8_length("\x80\x80", 2), 2);
    assert_int_equal(utf8_length("", 0), 0);
}

static void texts_convert_there_and_back(void **state)
{
    (void)state;
    const char *text = "a\xc3\xa9\xf0\x9f\x98\x80";
    Buffer wide = {0};
    utf8_to_utf16(text, strlen(text), false, &wide);
    assert_int_equal(wide.size, 8);
    assert_memory_equal(wide.bytes, "a\0\xe9\0\x3d\xd8\0\xde", 8);
    Buffer narrow = {0};
    utf16_to_utf8(wide.bytes, wide.size, false, &narrow);
    assert_string_equal(buffer_text(&narrow), text);
    buffer_clear(&narrow);
    utf16_to_utf8("\0a\0", 3, true, &narrow); // the odd byte is dropped
    assert_string_equal(buffer_text(&narrow), "a");
    buffer_deinit(&narrow);
    buffer_deinit(&wide);
}

static void classes_are_ascii_only(void **state)
{
    (void)state;
    assert_int_equal(ascii_upper('z'), 'Z');
    assert_int_equal(ascii_lower('@'), '@');
    assert_int_equal(ascii_upper(0xe9), 0xe9);
    assert_true(ascii_is_space('\v') && ascii_is_space(' ') && !ascii_is_space(0xa0));
    assert_true(is_identifier_char('$') && is_identifier_char(0x80) && !is_identifier_char('-'));
    assert_true(ascii_is_hex('f') && !ascii_is_hex('g'));
    assert_int_equal(hex_value('B'), 11);
}

TEST_SUITE(utf, cmocka_unit_test(broken_input_becomes_the_replacement_by_fixed_rules),
           cmocka_unit_test(every_character_survives_both_encodings),
           cmocka_unit_test(characters_are_counted_and_found),
           cmocka_unit_test(texts_convert_there_and_back), cmocka_unit_test(classes_are_ascii_only))
