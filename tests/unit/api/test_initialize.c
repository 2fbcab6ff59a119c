// The process: configuration, memory and its limits.

#include "support/test.h"

#include "support/changeset.h"

static void configuration_comes_before_use(void **state)
{
    (void)state;
    assert_ok(sqlite3_initialize());

    assert_rc(SQLITE_MISUSE, sqlite3_config(SQLITE_CONFIG_URI, 1));
    assert_ok(sqlite3_shutdown());
    assert_ok(sqlite3_config(SQLITE_CONFIG_URI, 0));
    assert_rc(SQLITE_ERROR, sqlite3_config(9999, 0));
    assert_ok(sqlite3_initialize());

    assert_int_equal(sqlite3_threadsafe(), 1);
}

static sqlite3_mutex_methods own_mutexes;
static int mutexes_made;

static sqlite3_mutex *count_mutex(int kind)
{
    mutexes_made++;
    return own_mutexes.xMutexAlloc(kind);
}

static void mutexes_can_be_the_programs_own(void **state)
{
    (void)state;
    assert_ok(sqlite3_shutdown());
    assert_ok(sqlite3_config(SQLITE_CONFIG_GETMUTEX, &own_mutexes));
    sqlite3_mutex_methods counting = own_mutexes;
    counting.xMutexAlloc = count_mutex;
    assert_ok(sqlite3_config(SQLITE_CONFIG_MUTEX, &counting));

    sqlite3 *db = database_with("CREATE TABLE t(a)");
    assert_true(mutexes_made > 0);
    assert_ok(sqlite3_close(db));

    assert_ok(sqlite3_shutdown());
    assert_ok(sqlite3_config(SQLITE_CONFIG_MUTEX, &own_mutexes));
    assert_ok(sqlite3_initialize());
}

static void blocks_know_their_size(void **state)
{
    (void)state;
    sqlite3_int64 used = sqlite3_memory_used();
    void *block = sqlite3_malloc(100);

    assert_true(sqlite3_msize(block) >= 100);
    assert_true(sqlite3_memory_used() >= used + 100);
    assert_null(sqlite3_malloc(0));
    assert_null(sqlite3_malloc(-1));
    block = sqlite3_realloc64(block, 200);
    assert_true(sqlite3_msize(block) >= 200);

    assert_null(sqlite3_realloc(block, 0)); // frees
    assert_int_equal(sqlite3_memory_used(), used);
}

static void the_hard_limit_refuses(void **state)
{
    (void)state;
    sqlite3_int64 used = sqlite3_memory_used();

    assert_int_equal(sqlite3_hard_heap_limit64(used + 100000), 0);
    assert_null(sqlite3_malloc(1000000));
    assert_int_equal(sqlite3_hard_heap_limit64(-1), used + 100000);
    sqlite3_hard_heap_limit64(0);

    void *block = sqlite3_malloc(1000000);
    assert_non_null(block);
    sqlite3_free(block);
    sqlite3_soft_heap_limit64(0);
}

static void the_version_is_told_three_ways(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");

    assert_text(SQLITE_VERSION, sqlite3_libversion());
    assert_int_equal(sqlite3_libversion_number(), SQLITE_VERSION_NUMBER);
    assert_text(SQLITE_SOURCE_ID, rows_text(db, "SELECT sqlite_source_id()"));

    assert_ok(sqlite3_close(db));
}

TEST_SUITE(initialize, cmocka_unit_test(configuration_comes_before_use),
           cmocka_unit_test(mutexes_can_be_the_programs_own),
           cmocka_unit_test(blocks_know_their_size), cmocka_unit_test(the_hard_limit_refuses),
           cmocka_unit_test(the_version_is_told_three_ways))
