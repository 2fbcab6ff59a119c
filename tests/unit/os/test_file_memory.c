// The "memdb" VFS.
#include "base/alloc.h"
#include "os/os.h"
#include "support/test.h"

enum { OPEN_DB = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB };

static int set_up(void **state)
{
    (void)state;
    return os_init();
}

static sqlite3_file *open_memory(const char *name)
{
    sqlite3_file *file = NULL;
    int flags = 0;
    assert_ok(os_open_new(vfs_find("memdb"), name, OPEN_DB, &file, &flags));
    assert_true(flags & SQLITE_OPEN_MEMORY);
    return file;
}

static void names_with_a_slash_are_shared_and_die_with_the_last_user(void **state)
{
    (void)state;
    sqlite3_file *a = open_memory("/x");
    sqlite3_file *b = open_memory("/x");
    char out[3] = "";
    i64 size = -1;

    assert_ok(os_write(a, "abc", 3, 0));
    assert_ok(os_read(b, out, 3, 0));
    assert_memory_equal(out, "abc", 3);
    os_close_free(a);
    os_close_free(b);
    a = open_memory("/x");
    assert_ok(os_size(a, &size));
    assert_int_equal(size, 0);
    os_close_free(a);
}

static void other_names_are_private(void **state)
{
    (void)state;
    sqlite3_file *a = open_memory("x");
    sqlite3_file *b = open_memory("x");
    i64 size = -1;

    assert_ok(os_write(a, "abc", 3, 5));
    assert_ok(os_size(b, &size));
    assert_int_equal(size, 0);
    char out[8];
    assert_ok(os_read(a, out, 8, 0));
    assert_memory_equal(out, "\0\0\0\0\0abc", 8);
    os_close_free(a);
    os_close_free(b);
}

static void locks_have_the_levels_of_files(void **state)
{
    (void)state;
    sqlite3_file *a = open_memory("/x");
    sqlite3_file *b = open_memory("/x");
    bool reserved = false;

    assert_ok(os_lock(a, SQLITE_LOCK_SHARED));
    assert_ok(os_lock(b, SQLITE_LOCK_SHARED));
    assert_ok(os_lock(a, SQLITE_LOCK_RESERVED));
    assert_rc(SQLITE_BUSY, os_lock(b, SQLITE_LOCK_RESERVED));
    assert_ok(os_check_reserved(b, &reserved));
    assert_true(reserved);
    assert_rc(SQLITE_BUSY, os_lock(a, SQLITE_LOCK_EXCLUSIVE));
    assert_ok(os_unlock(b, SQLITE_LOCK_NONE));
    assert_ok(os_lock(a, SQLITE_LOCK_EXCLUSIVE));
    assert_rc(SQLITE_BUSY, os_lock(b, SQLITE_LOCK_SHARED));
    os_close_free(a);
    assert_ok(os_lock(b, SQLITE_LOCK_SHARED));
    os_close_free(b);
}

static void a_size_limit_makes_it_full(void **state)
{
    (void)state;
    sqlite3_file *file = open_memory(NULL);
    i64 limit = 100;
    assert_ok(os_control(file, SQLITE_FCNTL_SIZE_LIMIT, &limit));

    assert_ok(os_write(file, "x", 1, 99));
    assert_rc(SQLITE_FULL, os_write(file, "x", 1, 100));
    limit = 10;
    assert_ok(os_control(file, SQLITE_FCNTL_SIZE_LIMIT, &limit));
    assert_int_equal(limit, 100); // what is stored stays
    limit = -1;
    assert_ok(os_control(file, SQLITE_FCNTL_SIZE_LIMIT, &limit));
    assert_int_equal(limit, 100);
    os_close_free(file);
}

static void given_bytes_are_read_in_place_and_do_not_grow(void **state)
{
    (void)state;
    sqlite3_file *file = open_memory("x");
    char *bytes = mem_alloc(8);
    memcpy(bytes, "12345678", 8);
    void *in_place = NULL;
    void *content = NULL;
    i64 size = 0;

    assert_ok(memdb_set_content(file, bytes, 6, 8, SQLITE_DESERIALIZE_FREEONCLOSE));
    assert_true(memdb_content(file, &content, &size));
    assert_ptr_equal(content, bytes);
    assert_int_equal(size, 6);
    assert_ok(os_fetch(file, 2, 4, &in_place));
    assert_ptr_equal(in_place, bytes + 2);
    assert_ok(os_unfetch(file, 2, in_place));
    assert_ok(os_write(file, "x", 1, 7));
    assert_rc(SQLITE_FULL, os_write(file, "x", 1, 8));
    os_close_free(file);
}

static void read_only_bytes_stay_as_they_are(void **state)
{
    (void)state;
    sqlite3_file *file = open_memory("x");
    char bytes[4] = "abc";

    assert_ok(memdb_set_content(file, bytes, 4, 4, SQLITE_DESERIALIZE_READONLY));
    assert_ok(os_lock(file, SQLITE_LOCK_SHARED));
    assert_rc(SQLITE_READONLY, os_lock(file, SQLITE_LOCK_RESERVED));
    assert_rc(SQLITE_IOERR_WRITE, os_write(file, "x", 1, 0));
    os_close_free(file);
}

static void shared_content_is_not_handed_out(void **state)
{
    (void)state;
    sqlite3_file *file = open_memory("/x");
    void *content;
    i64 size;
    assert_false(memdb_content(file, &content, &size));
    assert_rc(SQLITE_MISUSE, memdb_set_content(file, NULL, 0, 0, 0));
    os_close_free(file);
}

static void lack_of_memory_leaves_the_content_whole(void **state)
{
    (void)state;
    sqlite3_file *file = open_memory("x");
    assert_ok(os_write(file, "abc", 3, 0));
    char out[3];
    alloc_fault_arm(1, true);

    int rc = os_write(file, "x", 1, 1000);

    alloc_fault_arm(0, false);
    assert_int_equal(rc, SQLITE_IOERR_NOMEM);
    assert_ok(os_read(file, out, 3, 0));
    assert_memory_equal(out, "abc", 3);
    os_close_free(file);
}

#define WITH_OS(test) cmocka_unit_test_setup(test, set_up)
TEST_SUITE(file_memory, WITH_OS(names_with_a_slash_are_shared_and_die_with_the_last_user),
           WITH_OS(other_names_are_private), WITH_OS(locks_have_the_levels_of_files),
           WITH_OS(a_size_limit_makes_it_full),
           WITH_OS(given_bytes_are_read_in_place_and_do_not_grow),
           WITH_OS(read_only_bytes_stay_as_they_are), WITH_OS(shared_content_is_not_handed_out),
           WITH_OS(lack_of_memory_leaves_the_content_whole))
