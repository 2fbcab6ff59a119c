// File systems of a program, mutexes, randomness; what concerns other connections.

#include "support/test.h"

#include "support/changeset.h"
#include <unistd.h>

static int opened, deleted;
static sqlite3_vfs *real;

static int counting_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
                         int *out_flags)
{
    (void)vfs;
    opened++;
    return real->xOpen(real, name, file, flags, out_flags);
}

static int counting_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    (void)vfs;
    deleted++;
    return real->xDelete(real, name, sync);
}

static void a_programs_file_system_is_used(void **state)
{
    (void)state;
    char path[] = "/tmp/vfs_testXXXXXX";
    sqlite3 *db;
    real = sqlite3_vfs_find(NULL);
    sqlite3_vfs vfs = *real;
    vfs.zName = "counting";
    vfs.xOpen = counting_open;
    vfs.xDelete = counting_delete;
    opened = deleted = 0;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);

    assert_ok(sqlite3_vfs_register(&vfs, 0));
    assert_ptr_equal(sqlite3_vfs_find("counting"), &vfs);
    assert_ok(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "counting"));
    assert_ok(sqlite3_exec(db, "CREATE TABLE t(a)", NULL, NULL, NULL));
    assert_ok(sqlite3_close(db));

    assert_int_equal(opened, 2); // the database and its journal
    assert_int_equal(deleted, 1);
    assert_ok(sqlite3_vfs_unregister(&vfs));
    assert_null(sqlite3_vfs_find("counting"));
    assert_ok(sqlite3_vfs_unregister(NULL));
    assert_int_equal(unlink(path), 0);
}

static void recursive_mutexes_are_entered_again(void **state)
{
    (void)state;
    sqlite3_mutex *mutex = sqlite3_mutex_alloc(SQLITE_MUTEX_RECURSIVE);

    sqlite3_mutex_enter(mutex);
    assert_ok(sqlite3_mutex_try(mutex));
    sqlite3_mutex_leave(mutex);
    sqlite3_mutex_leave(mutex);

    sqlite3_mutex_free(mutex);
    sqlite3_mutex_enter(NULL); // nothing to enter
    sqlite3_mutex_leave(NULL);
}

static void random_bytes_differ(void **state)
{
    (void)state;
    unsigned char a[16] = {0}, b[16] = {0};

    sqlite3_randomness(sizeof a, a);
    sqlite3_randomness(sizeof b, b);

    assert_memory_not_equal(a, b, sizeof a);
}

static void count_call(void **args, int count)
{
    for (int i = 0; i < count; i++)
        ++*(int *)args[i];
}

static void nobody_has_to_be_waited_for(void **state)
{
    (void)state;
    sqlite3 *db = database_with("");
    int calls = 0;

    assert_ok(sqlite3_unlock_notify(db, count_call, &calls));
    assert_int_equal(calls, 1);
    assert_ok(sqlite3_setlk_timeout(db, 100, 0));
    assert_rc(SQLITE_RANGE, sqlite3_setlk_timeout(db, -2, 0));

    assert_ok(sqlite3_close(db));
}

TEST_SUITE(platform, cmocka_unit_test(a_programs_file_system_is_used),
           cmocka_unit_test(recursive_mutexes_are_entered_again),
           cmocka_unit_test(random_bytes_differ), cmocka_unit_test(nobody_has_to_be_waited_for))
