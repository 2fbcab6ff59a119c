// Mutexes, conditions, threads, and the mutexes applications see.
#include "os/thread.h"
#include "support/test.h"

typedef struct Counter {
    Mutex mutex;
    Condition changed;
    sqlite3_mutex *shared;
    int value;
    int shared_value;
} Counter;

static void *count_up(void *arg)
{
    Counter *counter = arg;
    for (int i = 0; i < 10000; i++) {
        mutex_lock(&counter->mutex);
        counter->value++;
        mutex_unlock(&counter->mutex);
        shared_mutex_enter(counter->shared);
        shared_mutex_enter(counter->shared);
        counter->shared_value++;
        shared_mutex_leave(counter->shared);
        shared_mutex_leave(counter->shared);
    }
    mutex_lock(&counter->mutex);
    condition_broadcast(&counter->changed);
    mutex_unlock(&counter->mutex);
    return counter;
}

static void mutexes_let_one_thread_in_at_a_time(void **state)
{
    (void)state;
    Counter counter = {.shared = shared_mutex_new(SQLITE_MUTEX_RECURSIVE)};
    mutex_init(&counter.mutex);
    condition_init(&counter.changed);
    Thread threads[3];

    for (int i = 0; i < 3; i++)
        assert_ok(thread_start(&threads[i], count_up, &counter));
    mutex_lock(&counter.mutex);
    while (counter.value < 30000)
        condition_wait_for(&counter.changed, &counter.mutex, 100000);
    mutex_unlock(&counter.mutex);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(thread_join(&threads[i]), &counter);

    assert_int_equal(counter.value, 30000);
    assert_int_equal(counter.shared_value, 30000);
    shared_mutex_free(counter.shared);
    condition_deinit(&counter.changed);
    mutex_deinit(&counter.mutex);
}

static void *try_it(void *arg)
{
    return shared_mutex_try(arg) == SQLITE_BUSY ? arg : NULL;
}

static void a_held_mutex_is_busy_for_others_and_knows_its_holder(void **state)
{
    (void)state;
    sqlite3_mutex *mutex = shared_mutex_new(SQLITE_MUTEX_RECURSIVE);
    Thread thread;

    assert_ok(shared_mutex_try(mutex));
    assert_ok(shared_mutex_try(mutex));
    assert_true(shared_mutex_is_held(mutex));
    assert_ok(thread_start(&thread, try_it, mutex));
    assert_ptr_equal(thread_join(&thread), mutex);
    shared_mutex_leave(mutex);
    shared_mutex_leave(mutex);
    shared_mutex_free(mutex);
}

static void static_mutexes_are_always_the_same(void **state)
{
    (void)state;
    for (int kind = SQLITE_MUTEX_STATIC_MAIN; kind <= SQLITE_MUTEX_STATIC_VFS3; kind++) {
        assert_non_null(shared_mutex_new(kind));
        assert_ptr_equal(shared_mutex_new(kind), shared_mutex_new(kind));
    }
    assert_ptr_not_equal(shared_mutex_new(SQLITE_MUTEX_STATIC_MAIN),
                         shared_mutex_new(SQLITE_MUTEX_STATIC_APP1));
    assert_null(shared_mutex_new(99));
}

static void no_mutex_is_no_obstacle(void **state)
{
    (void)state;
    shared_mutex_enter(NULL);
    assert_ok(shared_mutex_try(NULL));
    shared_mutex_leave(NULL);
    shared_mutex_free(NULL);
    assert_true(shared_mutex_is_held(NULL));
}

static void waiting_ends_with_the_timeout(void **state)
{
    (void)state;
    Mutex mutex = MUTEX_INIT;
    Condition condition;
    condition_init(&condition);

    mutex_lock(&mutex);
    assert_false(condition_wait_for(&condition, &mutex, 1000));
    mutex_unlock(&mutex);
    condition_deinit(&condition);
}

TEST_SUITE(thread, cmocka_unit_test(mutexes_let_one_thread_in_at_a_time),
           cmocka_unit_test(a_held_mutex_is_busy_for_others_and_knows_its_holder),
           cmocka_unit_test(static_mutexes_are_always_the_same),
           cmocka_unit_test(no_mutex_is_no_obstacle),
           cmocka_unit_test(waiting_ends_with_the_timeout))
