// Opening, deleting and naming files on the real file system.
#include "os/file_posix.h"
#include "os/filename.h"
#include "os/os.h"
#include "support/process.h"
#include "support/test.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    OPEN_DB = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB,
    OPEN_JOURNAL = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_JOURNAL,
    OPEN_TEMP = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXCLUSIVE
                | SQLITE_OPEN_DELETEONCLOSE | SQLITE_OPEN_TEMP_JOURNAL,
};

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
    (void)posix_call_set(NULL, NULL, NULL);
    scratch_end(*state);
    free(*state);
    return 0;
}

static void make_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
}

static void a_missing_database_is_made_only_when_asked(void **state)
{
    char *name = filename_new(scratch_path(*state, "a.db"), "", "", 0, NULL);
    sqlite3_file *file = NULL;
    int flags = 0;

    assert_rc(SQLITE_CANTOPEN,
              os_open_new(vfs_find(NULL), name, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB, &file,
                          NULL));
    assert_null(file);
    assert_ok(os_open_new(vfs_find(NULL), name, OPEN_DB, &file, &flags));
    assert_true(flags & SQLITE_OPEN_READWRITE);
    os_close_free(file);
    filename_free(name);
}

static int refuse_writing(const char *path, int flags, int mode)
{
    if ((flags & O_ACCMODE) != O_RDONLY) {
        errno = EACCES;
        return -1;
    }
    return open(path, flags, mode);
}

static void what_may_not_be_written_is_opened_for_reading(void **state)
{
    char *name = filename_new(scratch_path(*state, "a.db"), "", "", 0, NULL);
    make_file(name, "x");
    sqlite3_file *file = NULL;
    int flags = 0;
    posix_calls.open = refuse_writing;

    assert_ok(os_open_new(vfs_find(NULL), name, OPEN_DB, &file, &flags));
    assert_true(flags & SQLITE_OPEN_READONLY);
    assert_false(flags & SQLITE_OPEN_READWRITE);
    os_close_free(file);
    const char *journal = scratch_path(*state, "a.db-journal");
    assert_rc(SQLITE_READONLY_DIRECTORY,
              os_open_new(vfs_find(NULL), journal, OPEN_JOURNAL, &file, NULL));
    filename_free(name);
}

static void journals_take_the_permissions_of_their_database(void **state)
{
    make_file(scratch_path(*state, "a.db"), "");
    assert_int_equal(chmod(scratch_path(*state, "a.db"), 0666), 0);
    const char *journal = scratch_path(*state, "a.db-journal");
    sqlite3_file *file = NULL;

    assert_ok(os_open_new(vfs_find(NULL), journal, OPEN_JOURNAL, &file, NULL));

    struct stat status;
    assert_int_equal(stat(journal, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0666);
    os_close_free(file);
}

static int directory_syncs;

static int counting_fsync(int fd)
{
    directory_syncs++;
    return fsync(fd);
}

static void a_new_journal_makes_its_directory_durable_once(void **state)
{
    make_file(scratch_path(*state, "a.db"), "");
    const char *journal = scratch_path(*state, "a.db-journal");
    sqlite3_file *file = NULL;
    assert_ok(os_open_new(vfs_find(NULL), journal, OPEN_JOURNAL, &file, NULL));
    directory_syncs = 0;
    posix_calls.fsync = counting_fsync;

    assert_ok(os_sync(file, SQLITE_SYNC_NORMAL));
    assert_int_equal(directory_syncs, 1);
    assert_ok(os_sync(file, SQLITE_SYNC_NORMAL));
    assert_int_equal(directory_syncs, 1);
    os_close_free(file);
    assert_ok(os_delete(vfs_find(NULL), journal, true));
    assert_int_equal(directory_syncs, 2);
    assert_rc(SQLITE_IOERR_DELETE_NOENT, os_delete(vfs_find(NULL), journal, true));
}

static void a_nameless_file_is_in_no_directory(void **state)
{
    Scratch *scratch = *state;
    sqlite3_file *file = NULL;
    sqlite3_temp_directory = scratch->directory;

    assert_ok(os_open_new(vfs_find(NULL), NULL, OPEN_TEMP, &file, NULL));
    assert_ok(os_write(file, "abc", 3, 0));
    assert_int_equal(rmdir(scratch->directory), 0); // so it was empty
    sqlite3_temp_directory = NULL;
    os_close_free(file);
}

static void temporary_names_lie_where_they_are_told_to(void **state)
{
    Scratch *scratch = *state;
    char name[POSIX_PATH_MAX + 1];
    setenv("SQLITE_TMPDIR", scratch->directory, 1);

    assert_ok(posix_temp_name(sizeof name, name));

    assert_int_equal(strncmp(name, scratch->directory, strlen(scratch->directory)), 0);
    unsetenv("SQLITE_TMPDIR");
}

static void an_empty_file_counts_as_none(void **state)
{
    const char *path = scratch_path(*state, "a.db-journal");
    bool exists = true;

    assert_ok(os_access(vfs_find(NULL), path, SQLITE_ACCESS_EXISTS, &exists));
    assert_false(exists);
    make_file(path, "");
    assert_ok(os_access(vfs_find(NULL), path, SQLITE_ACCESS_EXISTS, &exists));
    assert_false(exists);
    make_file(path, "x");
    assert_ok(os_access(vfs_find(NULL), path, SQLITE_ACCESS_EXISTS, &exists));
    assert_true(exists);
}

static void the_clock_counts_from_the_julian_day(void **state)
{
    (void)state;
    i64 now = 0;
    assert_ok(os_now_ms(vfs_find(NULL), &now));
    i64 unix_seconds = now / 1000 - 210866760000LL;
    assert_true(llabs(unix_seconds - (i64)time(NULL)) <= 1);
}

static void random_bytes_differ(void **state)
{
    (void)state;
    char a[16];
    char b[16];
    os_randomness(vfs_find(NULL), sizeof a, a);
    os_randomness(vfs_find(NULL), sizeof b, b);
    assert_memory_not_equal(a, b, sizeof a);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
TEST_SUITE(vfs_posix, ON_DISK(a_missing_database_is_made_only_when_asked),
           ON_DISK(what_may_not_be_written_is_opened_for_reading),
           ON_DISK(journals_take_the_permissions_of_their_database),
           ON_DISK(a_new_journal_makes_its_directory_durable_once),
           ON_DISK(a_nameless_file_is_in_no_directory),
           ON_DISK(temporary_names_lie_where_they_are_told_to),
           ON_DISK(an_empty_file_counts_as_none), ON_DISK(the_clock_counts_from_the_julian_day),
           ON_DISK(random_bytes_differ))
