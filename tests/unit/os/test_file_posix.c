// Reading, writing and controlling files; failing and partial system calls through the call table.
#include "os/file_posix.h"
#include "os/filename.h"
#include "os/os.h"
#include "support/process.h"
#include "support/test.h"
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_DB = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB };

typedef struct Db {
    Scratch scratch;
    char *name;
    sqlite3_file *file;
} Db;

static int set_up(void **state)
{
    Db *db = calloc(1, sizeof *db);
    assert_ok(os_init());
    scratch_begin(&db->scratch);
    db->name = filename_new(scratch_path(&db->scratch, "a.db"), "", "", 0, NULL);
    assert_ok(os_open_new(vfs_find("unix"), db->name, OPEN_DB, &db->file, NULL));
    *state = db;
    return 0;
}

static int tear_down(void **state)
{
    Db *db = *state;
    (void)posix_call_set(NULL, NULL, NULL);
    os_close_free(db->file);
    filename_free(db->name);
    scratch_end(&db->scratch);
    free(db);
    return 0;
}

static void bytes_come_back_and_the_end_reads_as_zeros(void **state)
{
    Db *db = *state;
    char out[8];
    memset(out, 'x', sizeof out);

    assert_ok(os_write(db->file, "quire", 5, 10));
    assert_ok(os_read(db->file, out, 5, 10));
    assert_memory_equal(out, "quire", 5);
    assert_rc(SQLITE_IOERR_SHORT_READ, os_read(db->file, out, 8, 12));
    assert_memory_equal(out, "ire\0\0\0\0\0", 8);
    assert_rc(SQLITE_IOERR_SHORT_READ, os_read(db->file, out, 8, 4000));
    assert_memory_equal(out, "\0\0\0\0\0\0\0\0", 8);
    i64 size = 0;
    assert_ok(os_size(db->file, &size));
    assert_int_equal(size, 15);
    assert_ok(os_truncate(db->file, 12));
    assert_ok(os_size(db->file, &size));
    assert_int_equal(size, 12);
    assert_ok(os_sync(db->file, SQLITE_SYNC_NORMAL));
}

static int interruptions;

static ssize_t stuttering_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    if (interruptions-- > 0) {
        errno = EINTR;
        return -1;
    }
    interruptions = 1;
    return pwrite(fd, bytes, size > 3 ? 3 : size, offset);
}

static ssize_t stuttering_pread(int fd, void *out, size_t size, off_t offset)
{
    if (interruptions-- > 0) {
        errno = EINTR;
        return -1;
    }
    interruptions = 1;
    return pread(fd, out, size > 2 ? 2 : size, offset);
}

static void interrupted_and_partial_calls_are_carried_through(void **state)
{
    Db *db = *state;
    posix_calls.pwrite = stuttering_pwrite;
    posix_calls.pread = stuttering_pread;
    char out[11];

    assert_ok(os_write(db->file, "hello world", 11, 3));
    assert_ok(os_read(db->file, out, 11, 3));

    assert_memory_equal(out, "hello world", 11);
}

static ssize_t full_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    (void)fd, (void)bytes, (void)size, (void)offset;
    errno = ENOSPC;
    return -1;
}

static ssize_t broken_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    (void)fd, (void)bytes, (void)size, (void)offset;
    errno = EROFS;
    return -1;
}

static ssize_t broken_pread(int fd, void *out, size_t size, off_t offset)
{
    (void)fd, (void)out, (void)size, (void)offset;
    errno = EIO;
    return -1;
}

static int broken_sync(int fd)
{
    (void)fd;
    errno = EIO;
    return -1;
}

static void failures_have_their_codes_and_keep_errno(void **state)
{
    Db *db = *state;
    int error = 0;
    char byte;

    posix_calls.pwrite = full_pwrite;
    assert_rc(SQLITE_FULL, os_write(db->file, "a", 1, 0));
    posix_calls.pwrite = broken_pwrite;
    assert_rc(SQLITE_IOERR_WRITE, os_write(db->file, "a", 1, 0));
    assert_ok(os_control(db->file, SQLITE_FCNTL_LAST_ERRNO, &error));
    assert_int_equal(error, EROFS);
    posix_calls.pread = broken_pread;
    assert_rc(SQLITE_IOERR_CORRUPTFS, os_read(db->file, &byte, 1, 0));
    posix_calls.fdatasync = broken_sync;
    assert_rc(SQLITE_IOERR_FSYNC, os_sync(db->file, SQLITE_SYNC_FULL));
}

static void chunks_round_the_size_up(void **state)
{
    Db *db = *state;
    int chunk = 8192;
    i64 hint = 9000;
    i64 size = 0;

    assert_ok(os_control(db->file, SQLITE_FCNTL_CHUNK_SIZE, &chunk));
    assert_ok(os_control(db->file, SQLITE_FCNTL_SIZE_HINT, &hint));
    assert_ok(os_size(db->file, &size));
    assert_int_equal(size, 16384);
    assert_ok(os_truncate(db->file, 100));
    assert_ok(os_size(db->file, &size));
    assert_int_equal(size, 8192);
}

static void flags_are_asked_with_a_negative_number(void **state)
{
    Db *db = *state;
    int mode = -1;

    assert_ok(os_control(db->file, SQLITE_FCNTL_PERSIST_WAL, &mode));
    assert_int_equal(mode, 0);
    mode = 1;
    assert_ok(os_control(db->file, SQLITE_FCNTL_PERSIST_WAL, &mode));
    mode = -1;
    assert_ok(os_control(db->file, SQLITE_FCNTL_PERSIST_WAL, &mode));
    assert_int_equal(mode, 1);
    assert_true(os_characteristics(db->file) & SQLITE_IOCAP_POWERSAFE_OVERWRITE);
    mode = 0;
    assert_ok(os_control(db->file, SQLITE_FCNTL_POWERSAFE_OVERWRITE, &mode));
    assert_false(os_characteristics(db->file) & SQLITE_IOCAP_POWERSAFE_OVERWRITE);
    assert_rc(SQLITE_NOTFOUND, os_control(db->file, 99999, &mode));
}

static void a_replaced_file_is_noticed(void **state)
{
    Db *db = *state;
    int moved = -1;

    assert_ok(os_control(db->file, SQLITE_FCNTL_HAS_MOVED, &moved));
    assert_int_equal(moved, 0);
    assert_int_equal(unlink(db->name), 0);
    assert_ok(os_control(db->file, SQLITE_FCNTL_HAS_MOVED, &moved));
    assert_int_equal(moved, 1);
}

static void mapped_bytes_follow_writes_and_growth(void **state)
{
    Db *db = *state;
    i64 limit = 1 << 20;
    void *bytes = NULL;
    char page[4096] = "first";
    assert_ok(os_write(db->file, page, sizeof page, 0));

    assert_ok(os_fetch(db->file, 0, 4096, &bytes));
    assert_null(bytes); // not until a limit is set
    assert_ok(os_control(db->file, SQLITE_FCNTL_MMAP_SIZE, &limit));
    assert_int_equal(limit, 0);
    assert_ok(os_fetch(db->file, 0, 4096, &bytes));
    assert_string_equal(bytes, "first");
    assert_ok(os_write(db->file, "later", 5, 0));
    assert_string_equal(bytes, "later");
    assert_ok(os_write(db->file, page, sizeof page, 4096));
    void *beyond = db;
    assert_ok(os_fetch(db->file, 4096, 4096, &beyond));
    assert_null(beyond); // the mapping may not move while page one is out
    assert_ok(os_unfetch(db->file, 0, bytes));
    assert_ok(os_fetch(db->file, 4096, 4096, &beyond));
    assert_string_equal(beyond, "first");
    assert_ok(os_unfetch(db->file, 4096, beyond));
    assert_ok(os_truncate(db->file, 4096));
    assert_ok(os_fetch(db->file, 4096, 4096, &beyond));
    assert_null(beyond);
}

static ssize_t counting_read(void *arg, int fd, void *out, size_t size, off_t offset)
{
    (*(int *)arg)++;
    ssize_t moved = pread(fd, out, size, offset);
    return moved < 0 ? -errno : moved;
}

static ssize_t counting_write(void *arg, int fd, const void *bytes, size_t size, off_t offset)
{
    (*(int *)arg)++;
    ssize_t moved = pwrite(fd, bytes, size, offset);
    return moved < 0 ? -errno : moved;
}

static int counting_sync(void *arg, int fd, bool data_only)
{
    (void)fd, (void)data_only;
    (*(int *)arg)++;
    return -EIO;
}

static void a_backend_takes_over_what_may_wait(void **state)
{
    Db *db = *state;
    int calls = 0;
    DiskBackend backend = {counting_read, counting_write, counting_sync, &calls};
    char out[3];

    assert_null(disk_backend_set(&backend));
    assert_ok(os_write(db->file, "abc", 3, 0));
    assert_ok(os_read(db->file, out, 3, 0));
    assert_rc(SQLITE_IOERR_FSYNC, os_sync(db->file, SQLITE_SYNC_NORMAL));
    assert_ptr_equal(disk_backend_set(NULL), &backend);

    assert_int_equal(calls, 3);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
TEST_SUITE(file_posix, ON_DISK(bytes_come_back_and_the_end_reads_as_zeros),
           ON_DISK(interrupted_and_partial_calls_are_carried_through),
           ON_DISK(failures_have_their_codes_and_keep_errno), ON_DISK(chunks_round_the_size_up),
           ON_DISK(flags_are_asked_with_a_negative_number), ON_DISK(a_replaced_file_is_noticed),
           ON_DISK(mapped_bytes_follow_writes_and_growth),
           ON_DISK(a_backend_takes_over_what_may_wait))
