#include "support/test.h"

#include "base/alloc.h"
#include "base/buffer.h"

static void pieces_join_into_one_text(void **state)
{
    (void)state;
    Buffer buf = {0};
    buffer_add(&buf, "abc", 3);
    buffer_add_text(&buf, "def");
    buffer_add_char(&buf, '-');
    buffer_add_repeated(&buf, 'x', 100);
    buffer_printf(&buf, "%05d|%s", 42, "a longer piece that does not fit the room there is left");
    assert_int_equal(buf.rc, 0);
    assert_int_equal(strncmp(buffer_text(&buf), "abcdef-xxx", 10), 0);
    assert_non_null(strstr(buffer_text(&buf), "00042|a longer"));

    char *taken = buffer_take(&buf);
    assert_null(buf.bytes);
    assert_int_equal(buf.size, 0);
    mem_free(taken);
}

static void an_empty_buffer_is_an_empty_text(void **state)
{
    (void)state;
    Buffer buf = {0};
    assert_string_equal(buffer_text(&buf), "");
    char *taken = buffer_take(&buf);
    assert_string_equal(taken, "");
    mem_free(taken);
}

static void the_limit_makes_it_too_big_and_that_sticks(void **state)
{
    (void)state;
    Buffer buf = {.size_max = 10};
    buffer_add(&buf, "0123456789", 10);
    assert_int_equal(buf.rc, 0);
    buffer_add_char(&buf, 'x');
    assert_int_equal(buf.rc, SQLITE_TOOBIG);
    buffer_add_char(&buf, 'y');
    assert_int_equal(buf.size, 0);
    assert_null(buffer_take(&buf));
    buffer_clear(&buf);
    buffer_add_char(&buf, 'z');
    assert_string_equal(buffer_text(&buf), "z");
    buffer_deinit(&buf);
}

static void running_out_of_memory_sticks_too(void **state)
{
    (void)state;
    Buffer buf = {0};
    buffer_add_char(&buf, 'a');
    alloc_fault_arm(1, false);
    buffer_add_repeated(&buf, 'b', 1000);
    alloc_fault_arm(0, false);
    assert_int_equal(buf.rc, SQLITE_NOMEM);
    assert_null(buffer_reserve(&buf, 5));
    buffer_printf(&buf, "%d", 5);
    assert_string_equal(buffer_text(&buf), "");
    buffer_deinit(&buf);
}

static void reserved_room_can_be_written_to(void **state)
{
    (void)state;
    Buffer buf = {0};
    char *room = buffer_reserve(&buf, 5);
    memcpy(room, "hello", 5);
    buffer_grew(&buf, 4);
    assert_string_equal(buffer_text(&buf), "hell");
    buffer_truncate(&buf, 2);
    assert_string_equal(buffer_text(&buf), "he");
    buffer_deinit(&buf);
}

static void a_fixed_buffer_keeps_what_fits_and_counts_the_rest(void **state)
{
    (void)state;
    char bytes[8];
    Buffer buf = buffer_fixed(bytes, sizeof bytes);

    buffer_add(&buf, "abcde", 5);
    buffer_add_repeated(&buf, 'x', 4);
    buffer_add_char(&buf, 'y');
    buffer_add(&buf, "z", 1);

    assert_string_equal(buffer_text(&buf), "abcdexx");
    assert_int_equal(buf.dropped, 4);
    assert_int_equal(buf.rc, SQLITE_OK);
    assert_null(buffer_reserve(&buf, 1));
    buffer_deinit(&buf);
}

static void without_memory_it_measures(void **state)
{
    (void)state;
    Buffer buf = buffer_fixed(NULL, 0);

    buffer_add(&buf, "abcde", 5);
    buffer_add_char(&buf, 'y');

    assert_int_equal(buf.dropped, 6);
    assert_string_equal(buffer_text(&buf), "");
}

TEST_SUITE(buffer, cmocka_unit_test(a_fixed_buffer_keeps_what_fits_and_counts_the_rest),
           cmocka_unit_test(without_memory_it_measures),
           cmocka_unit_test(pieces_join_into_one_text),
           cmocka_unit_test(an_empty_buffer_is_an_empty_text),
           cmocka_unit_test(the_limit_makes_it_too_big_and_that_sticks),
           cmocka_unit_test(running_out_of_memory_sticks_too),
           cmocka_unit_test(reserved_room_can_be_written_to))
