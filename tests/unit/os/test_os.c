// The registry, and how the door treats VFSes that leave things out.
#include "os/os.h"
#include "support/test.h"

static int set_up(void **state)
{
    (void)state;
    return os_init();
}

static void the_built_in_vfses_are_found_and_unix_is_the_default(void **state)
{
    (void)state;
    static const char *const names[] = {"unix", "unix-none", "unix-dotfile", "unix-excl", "memdb"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_string_equal(vfs_find(names[i])->zName, names[i]);
    assert_ptr_equal(vfs_find(NULL), vfs_find("unix"));
    assert_null(vfs_find("UNIX"));
}

static void a_registered_vfs_may_become_the_default(void **state)
{
    (void)state;
    sqlite3_vfs vfs = *vfs_find("unix");
    vfs.zName = "mine";

    assert_ok(vfs_register(&vfs, false));
    assert_ptr_equal(vfs_find("mine"), &vfs);
    assert_string_equal(vfs_find(NULL)->zName, "unix");
    assert_ok(vfs_register(&vfs, true));
    assert_ptr_equal(vfs_find(NULL), &vfs);
    assert_ok(vfs_unregister(&vfs));
    assert_null(vfs_find("mine"));
    assert_string_equal(vfs_find(NULL)->zName, "unix");
    assert_rc(SQLITE_MISUSE, vfs_register(NULL, false));
}

static int close_file(sqlite3_file *file)
{
    (void)file;
    return SQLITE_OK;
}

static int tiny_sectors(sqlite3_file *file)
{
    (void)file;
    return 1;
}

static void missing_methods_have_answers(void **state)
{
    (void)state;
    sqlite3_io_methods methods = {.iVersion = 1, .xClose = close_file};
    sqlite3_file file = {&methods};
    void *bytes = &file;

    assert_int_equal(os_sector_size(&file), 4096);
    assert_int_equal(os_characteristics(&file), 0);
    assert_false(os_has_shm(&file));
    assert_ok(os_fetch(&file, 0, 1, &bytes));
    assert_null(bytes);
    assert_ok(os_unfetch(&file, 0, NULL));
    assert_ok(os_sync(&file, 0));
    methods.xSectorSize = tiny_sectors;
    assert_int_equal(os_sector_size(&file), 512);
    os_close(&file);
    assert_false(os_is_open(&file));
    assert_rc(SQLITE_NOTFOUND, os_control(&file, SQLITE_FCNTL_LOCKSTATE, NULL));
    os_close(NULL);
}

static int half_a_day(sqlite3_vfs *vfs, double *out)
{
    (void)vfs;
    *out = 2.5;
    return SQLITE_OK;
}

static void an_old_vfs_tells_time_in_days(void **state)
{
    (void)state;
    sqlite3_vfs vfs = {.iVersion = 1, .xCurrentTime = half_a_day};
    i64 now = 0;
    assert_ok(os_now_ms(&vfs, &now));
    assert_int_equal(now, 216000000);
}

#define WITH_OS(test) cmocka_unit_test_setup(test, set_up)
TEST_SUITE(os, WITH_OS(the_built_in_vfses_are_found_and_unix_is_the_default),
           WITH_OS(a_registered_vfs_may_become_the_default), WITH_OS(missing_methods_have_answers),
           WITH_OS(an_old_vfs_tells_time_in_days))
