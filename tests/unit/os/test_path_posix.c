// Absolute paths and symbolic links.
#include "os/file_posix.h"
#include "os/os.h"
#include "support/process.h"
#include "support/test.h"
#include <unistd.h>

static int set_up(void **state)
{
    Scratch *scratch = calloc(1, sizeof *scratch);
    assert_ok(os_init());
    scratch_begin(scratch);
    *state = scratch;
    return 0;
}

static int tear_down(void **state)
{
    scratch_end(*state);
    free(*state);
    return 0;
}

static void assert_full(int rc, const char *path, const char *expected)
{
    char out[POSIX_PATH_MAX + 1];
    assert_rc(rc, os_full_path(vfs_find("unix"), path, out));
    if (expected != NULL)
        assert_string_equal(out, expected);
}

static void dots_and_doubled_slashes_vanish(void **state)
{
    (void)state;
    assert_full(SQLITE_OK, "/absent//x/./y/../a.db", "/absent/x/a.db");
    assert_full(SQLITE_OK, "/../../a.db", "/a.db");
    assert_full(SQLITE_CANTOPEN, "/", NULL);
}

static void relative_paths_start_from_the_working_directory(void **state)
{
    (void)state;
    char directory[POSIX_PATH_MAX];
    char expected[POSIX_PATH_MAX + 8];
    assert_non_null(getcwd(directory, sizeof directory));
    snprintf(expected, sizeof expected, "%s/a.db", directory);
    assert_full(SQLITE_OK, "a.db", expected);
    assert_full(SQLITE_OK, "./x/../a.db", expected);
}

static void links_are_followed_and_reported(void **state)
{
    const char *target = scratch_path(*state, "a.db");
    const char *absolute = scratch_path(*state, "b.db");
    const char *relative = scratch_path(*state, "c.db");
    assert_int_equal(symlink(target, absolute), 0);
    assert_int_equal(symlink("./b.db", relative), 0);

    assert_full(SQLITE_OK_SYMLINK, absolute, target);
    assert_full(SQLITE_OK_SYMLINK, relative, target);
    assert_full(SQLITE_OK, target, target);
}

static void a_loop_of_links_cannot_be_opened(void **state)
{
    const char *a = scratch_path(*state, "a.db");
    const char *b = scratch_path(*state, "b.db");
    assert_int_equal(symlink(a, b), 0);
    assert_int_equal(symlink(b, a), 0);

    assert_full(SQLITE_CANTOPEN, a, NULL);
}

static void a_path_too_long_cannot_be_opened(void **state)
{
    (void)state;
    char path[POSIX_PATH_MAX * 2];
    memset(path, 'x', sizeof path);
    path[0] = '/';
    path[POSIX_PATH_MAX + 10] = 0;
    assert_full(SQLITE_CANTOPEN, path, NULL);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
TEST_SUITE(path_posix, ON_DISK(dots_and_doubled_slashes_vanish),
           ON_DISK(relative_paths_start_from_the_working_directory),
           ON_DISK(links_are_followed_and_reported), ON_DISK(a_loop_of_links_cannot_be_opened),
           ON_DISK(a_path_too_long_cannot_be_opened))
