#include "support/test.h"

#include "value/value.h"

static int destroyed;
static void count_destroy(void *bytes)
{
    (void)bytes;
    destroyed++;
}

static void the_four_ways_of_handing_over_bytes(void **state)
{
    (void)state;
    Value v;
    value_init(&v, NULL);
    char text[] = "text";
    assert_ok(value_set_text(&v, text, 4, SQLITE_UTF8, BYTES_COPY));
    text[0] = 'X';
    assert_string_equal(value_text(&v, SQLITE_UTF8), "text");
    assert_ok(value_set_text(&v, text, 4, SQLITE_UTF8, BYTES_BORROW));
    assert_ptr_equal(v.bytes, text);
    assert_ok(value_set_text(&v, mem_dup("taken", 5), 5, SQLITE_UTF8, BYTES_TAKE));
    assert_string_equal(value_text(&v, SQLITE_UTF8), "taken");
    destroyed = 0;
    assert_ok(value_set_text_destroy(&v, text, 4, SQLITE_UTF8, count_destroy));
    assert_int_equal(destroyed, 0);
    value_set_i64(&v, 5);
    assert_int_equal(destroyed, 1);
    value_deinit(&v);
}

static void reading_a_number_as_text_leaves_it_a_number(void **state)
{
    (void)state;
    Value v;
    value_init(&v, NULL);
    value_set_i64(&v, -42);
    const char *text = value_text(&v, SQLITE_UTF8);
    assert_string_equal(text, "-42");
    assert_int_equal(value_text_size(&v, SQLITE_UTF8), 3);
    assert_string_equal(text, "-42"); // asking for the size has not moved it
    assert_int_equal(value_type(&v), SQLITE_INTEGER);
    value_set_f64(&v, 1.5);
    assert_string_equal(value_text(&v, SQLITE_UTF8), "1.5");
    assert_memory_equal(value_text(&v, SQLITE_UTF16LE), "1\0.\0005\0", 6);
    value_set_f64(&v, (f64)NAN);
    assert_int_equal(value_type(&v), SQLITE_NULL);
    assert_null(value_text(&v, SQLITE_UTF8));
    value_deinit(&v);
}

static void text_changes_its_encoding_when_asked(void **state)
{
    (void)state;
    Value v;
    value_init(&v, NULL);
    assert_ok(value_set_text(&v, "a\xc3\xa9", 3, SQLITE_UTF8, BYTES_STATIC));
    assert_memory_equal(value_text(&v, SQLITE_UTF16BE), "\0a\0\xe9\0\0", 6);
    assert_int_equal(value_text_size(&v, SQLITE_UTF16BE), 4);
    assert_memory_equal(value_text(&v, SQLITE_UTF16LE), "a\0\xe9\0\0\0", 6);
    assert_string_equal(value_text(&v, SQLITE_UTF8), "a\xc3\xa9");
    value_deinit(&v);
}

// A blob is any bytes, so that reading it as UTF-16 may leave half a character over.
static void a_blob_of_odd_size_is_read_as_utf16_of_either_order(void **state)
{
    (void)state;
    Value v;
    value_init(&v, NULL);
    assert_ok(value_set_blob(&v, "a\0b\0c", 5, BYTES_STATIC));
    v.encoding = SQLITE_UTF16LE;
    assert_memory_equal(value_text(&v, SQLITE_UTF16BE), "\0a\0bc", 5);
    value_deinit(&v);
}

static void a_long_number_in_utf16_is_read_to_its_end(void **state)
{
    (void)state;
    char digits[802];
    for (size_t i = 0; i < sizeof digits; i += 2)
        memcpy(digits + i, i + 2 < sizeof digits ? "0" : "7", 2);
    Value v;
    value_init(&v, NULL);
    assert_ok(value_set_text(&v, digits, sizeof digits, SQLITE_UTF16LE, BYTES_STATIC));

    assert_int_equal(value_i64(&v), 7);
    assert_true(value_f64(&v) == 7.0);
    value_deinit(&v);
}

static void a_byte_order_mark_decides_and_goes(void **state)
{
    (void)state;
    Value v;
    value_init(&v, NULL);
    assert_ok(value_set_text(&v, "\xfe\xff\0a!", 5, SQLITE_UTF16LE, BYTES_STATIC));
    assert_int_equal(v.encoding, SQLITE_UTF16BE);
    assert_string_equal(value_text(&v, SQLITE_UTF8), "a");
    destroyed = 0;
    assert_ok(value_set_text_destroy(&v,
                                     "\xff\xfe"
                                     "a\0",
                                     4, SQLITE_UTF16, count_destroy));
    assert_int_equal(destroyed, 1);
    assert_string_equal(value_text(&v, SQLITE_UTF8), "a");
    value_deinit(&v);
}

static void zero_tails_count_before_they_exist(void **state)
{
    (void)state;
    Value v;
    Value copy;
    value_init(&v, NULL);
    value_init(&copy, NULL);
    value_set_zeroblob(&v, 1000);
    assert_int_equal(value_size(&v), 1000);
    assert_int_equal(value_type(&v), SQLITE_BLOB);
    assert_ok(value_copy(&copy, &v));
    const char *bytes = value_blob(&copy);
    for (u32 i = 0; i < 1000; i++)
        assert_int_equal(bytes[i], 0);
    value_deinit(&v);
    value_deinit(&copy);
}

static void copies_live_on_their_own(void **state)
{
    (void)state;
    Value v;
    Value copy;
    value_init(&v, NULL);
    value_init(&copy, NULL);
    char text[] = "abc";
    assert_ok(value_set_text(&v, text, 3, SQLITE_UTF8, BYTES_BORROW));
    v.subtype = 7;
    v.flags |= V_SUBTYPE;
    assert_ok(value_copy(&copy, &v));
    text[0] = 'X';
    assert_string_equal(value_text(&copy, SQLITE_UTF8), "abc");
    assert_int_equal(copy.subtype, 7);
    Value moved;
    value_init(&moved, NULL);
    value_move(&moved, &copy);
    assert_int_equal(value_type(&copy), SQLITE_NULL);
    assert_string_equal(value_text(&moved, SQLITE_UTF8), "abc");
    Value *dup = value_dup(&moved);
    value_deinit(&moved);
    assert_string_equal(value_text(dup, SQLITE_UTF8), "abc");
    value_free(dup);
    value_deinit(&v);
}

static void a_pointer_is_seen_by_its_tag_only(void **state)
{
    (void)state;
    Value v;
    value_init(&v, NULL);
    destroyed = 0;
    value_set_pointer(&v, &destroyed, "carray", count_destroy);
    assert_ptr_equal(value_pointer(&v, "carray"), &destroyed);
    assert_null(value_pointer(&v, "other"));
    assert_int_equal(value_type(&v), SQLITE_NULL);
    Value *dup = value_dup(&v);
    assert_null(value_pointer(dup, "carray"));
    value_free(dup);
    value_deinit(&v);
    assert_int_equal(destroyed, 1);
}

static u32 small_limit(sqlite3 *db)
{
    (void)db;
    return 10;
}
static int oom_calls;
static void note_oom(sqlite3 *db)
{
    (void)db;
    oom_calls++;
}
static int fifteen(sqlite3 *db)
{
    (void)db;
    return 15;
}

static void the_connection_sets_the_limits(void **state)
{
    (void)state;
    static const ValueHooks hooks = {small_limit, note_oom, fifteen};
    static const ValueHooks none = {NULL, NULL, NULL};
    value_install_hooks(&hooks);
    Value v;
    value_init(&v, (sqlite3 *)(void *)&v); // only handed back to the hooks
    assert_rc(SQLITE_TOOBIG, value_set_text(&v, "0123456789x", 11, SQLITE_UTF8, BYTES_COPY));
    assert_int_equal(value_type(&v), SQLITE_NULL);
    destroyed = 0;
    assert_rc(SQLITE_TOOBIG, value_set_blob_destroy(&v, "0123456789x", 11, count_destroy));
    assert_int_equal(destroyed, 1);
    value_set_f64(&v, 0.1 + 0.2);
    assert_string_equal(value_text(&v, SQLITE_UTF8), "0.3");
    alloc_fault_arm(1, true);
    value_deinit(&v);
    assert_rc(SQLITE_NOMEM, value_set_text(&v, "abc", 3, SQLITE_UTF8, BYTES_COPY));
    assert_int_equal(oom_calls, 1);
    alloc_fault_arm(0, false);
    value_deinit(&v);
    value_install_hooks(&none);
}

static void running_out_of_memory_leaves_null(void **state)
{
    (void)state;
    for (i64 n = 1; n <= 3; n++) {
        Value v;
        value_init(&v, NULL);
        assert_ok(value_set_text(&v, "some text", 9, SQLITE_UTF8, BYTES_STATIC));
        alloc_fault_arm(n, true);
        const void *text = value_text(&v, SQLITE_UTF16LE);
        alloc_fault_arm(0, false);
        if (text == NULL)
            assert_int_equal(value_type(&v), SQLITE_NULL);
        value_deinit(&v);
    }
}

TEST_SUITE(value, cmocka_unit_test(the_four_ways_of_handing_over_bytes),
           cmocka_unit_test(reading_a_number_as_text_leaves_it_a_number),
           cmocka_unit_test(text_changes_its_encoding_when_asked),
           cmocka_unit_test(a_blob_of_odd_size_is_read_as_utf16_of_either_order),
           cmocka_unit_test(a_long_number_in_utf16_is_read_to_its_end),
           cmocka_unit_test(a_byte_order_mark_decides_and_goes),
           cmocka_unit_test(zero_tails_count_before_they_exist),
           cmocka_unit_test(copies_live_on_their_own),
           cmocka_unit_test(a_pointer_is_seen_by_its_tag_only),
           cmocka_unit_test(the_connection_sets_the_limits),
           cmocka_unit_test(running_out_of_memory_leaves_null))
