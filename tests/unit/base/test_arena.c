#include "support/test.h"

#include "base/alloc.h"
#include "base/arena.h"

static void objects_are_aligned_apart_and_stay_where_they_are(void **state)
{
    (void)state;
    Arena arena = {0};
    u64 *objects[500];
    for (u32 i = 0; i < 500; i++) {
        objects[i] = arena_alloc(&arena, 8 + i % 50);
        assert_int_equal((uintptr_t)objects[i] % 8, 0);
        *objects[i] = i;
    }
    for (u32 i = 0; i < 500; i++)
        assert_int_equal(*objects[i], i);
    assert_true(arena.used >= 500 * 8);
    arena_deinit(&arena);
    assert_null(arena.chunks);
}

static void a_large_object_does_not_waste_the_chunk(void **state)
{
    (void)state;
    Arena arena = {0};
    char *small = arena_alloc(&arena, 8);
    char *large = arena_alloc(&arena, 1000000);
    char *next = arena_alloc(&arena, 8);
    memset(large, 1, 1000000);
    assert_true(next > small && next - small < 64);
    arena_deinit(&arena);
}

static void text_is_copied_and_formatted(void **state)
{
    (void)state;
    Arena arena = {0};
    assert_string_equal(arena_dup(&arena, "abcdef", 3), "abc");
    assert_string_equal(arena_printf(&arena, "%s-%d", "x", 5), "x-5");
    u32 *numbers = arena_array(&arena, 10, sizeof *numbers);
    assert_int_equal(numbers[9], 0);
    arena_deinit(&arena);
}

static void failure_sticks_until_reset(void **state)
{
    (void)state;
    Arena arena = {0};
    assert_non_null(arena_alloc(&arena, 16));
    assert_null(arena_array(&arena, SIZE_MAX / 2, 3));
    assert_true(arena.failed);
    assert_null(arena_alloc(&arena, 1));
    arena_reset(&arena);
    assert_non_null(arena_alloc(&arena, 1));

    alloc_fault_arm(1, false);
    assert_null(arena_alloc(&arena, 100000));
    alloc_fault_arm(0, false);
    assert_null(arena_dup(&arena, "a", 1));
    arena_deinit(&arena);
}

static void reset_keeps_one_chunk_and_gives_back_the_rest(void **state)
{
    (void)state;
    AllocStats before;
    AllocStats after;
    alloc_stats(&before, false);
    Arena arena = {0};
    for (u32 i = 0; i < 100; i++)
        arena_alloc(&arena, 5000);
    arena_reset(&arena);
    alloc_stats(&after, false);
    assert_int_equal(after.count, before.count + 1);
    assert_int_equal(arena.used, 0);
    arena_deinit(&arena);
}

static void absorbing_moves_everything(void **state)
{
    (void)state;
    Arena target = {0};
    Arena source = {0};
    char *a = arena_dup(&target, "a", 1);
    char *b = arena_dup(&source, "b", 1);
    arena_absorb(&target, &source);
    assert_null(source.chunks);
    assert_string_equal(a, "a");
    assert_string_equal(b, "b");
    arena_deinit(&target);

    char *c = arena_dup(&source, "c", 1);
    arena_absorb(&target, &source);
    assert_string_equal(c, "c");
    arena_deinit(&target);
}

TEST_SUITE(arena, cmocka_unit_test(objects_are_aligned_apart_and_stay_where_they_are),
           cmocka_unit_test(a_large_object_does_not_waste_the_chunk),
           cmocka_unit_test(text_is_copied_and_formatted),
           cmocka_unit_test(failure_sticks_until_reset),
           cmocka_unit_test(reset_keeps_one_chunk_and_gives_back_the_rest),
           cmocka_unit_test(absorbing_moves_everything))
