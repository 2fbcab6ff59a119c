// Locks are looked at from outside: another process asks the kernel, byte by byte, what is held.
#include "os/filename.h"
#include "os/os.h"
#include "os/thread.h"
#include "support/process.h"
#include "support/stock.h"
#include "support/test.h"
#include <fcntl.h>
#include <unistd.h>

#define PENDING  0x40000000LL
#define RESERVED (PENDING + 1)
#define SHARED   (PENDING + 2)
enum {
    SHARED_SIZE = 510,
    OPEN_DB = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB
};

typedef struct Db {
    Scratch scratch;
    char *name;
} Db;

static int set_up(void **state)
{
    Db *db = calloc(1, sizeof *db);
    assert_ok(os_init());
    scratch_begin(&db->scratch);
    db->name = filename_new(scratch_path(&db->scratch, "a.db"), "", "", 0, NULL);
    *state = db;
    return 0;
}

static int tear_down(void **state)
{
    Db *db = *state;
    filename_free(db->name);
    scratch_end(&db->scratch);
    free(db);
    return 0;
}

static sqlite3_file *open_with(Db *db, const char *vfs)
{
    sqlite3_file *file = NULL;
    assert_ok(os_open_new(vfs_find(vfs), db->name, OPEN_DB, &file, NULL));
    return file;
}

static sqlite3_file *open_db(Db *db)
{
    return open_with(db, "unix");
}

static void assert_bytes(Db *db, int pending, int reserved, int shared)
{
    assert_int_equal(foreign_lock(db->name, PENDING, 1), pending);
    assert_int_equal(foreign_lock(db->name, RESERVED, 1), reserved);
    assert_int_equal(foreign_lock(db->name, SHARED, SHARED_SIZE), shared);
    assert_int_equal(foreign_lock(db->name, SHARED + SHARED_SIZE, 1), F_UNLCK);
}

static void each_level_holds_the_bytes_of_the_protocol(void **state)
{
    Db *db = *state;
    sqlite3_file *file = open_db(db);

    assert_bytes(db, F_UNLCK, F_UNLCK, F_UNLCK);
    assert_ok(os_lock(file, SQLITE_LOCK_SHARED));
    assert_bytes(db, F_UNLCK, F_UNLCK, F_RDLCK);
    assert_ok(os_lock(file, SQLITE_LOCK_RESERVED));
    assert_bytes(db, F_UNLCK, F_WRLCK, F_RDLCK);
    assert_ok(os_lock(file, SQLITE_LOCK_EXCLUSIVE));
    assert_bytes(db, F_WRLCK, F_WRLCK, F_WRLCK);
    assert_ok(os_unlock(file, SQLITE_LOCK_SHARED));
    assert_bytes(db, F_UNLCK, F_UNLCK, F_RDLCK);
    assert_ok(os_unlock(file, SQLITE_LOCK_NONE));
    assert_bytes(db, F_UNLCK, F_UNLCK, F_UNLCK);
    os_close_free(file);
}

static void recovery_climbs_to_exclusive_without_pending(void **state)
{
    Db *db = *state;
    sqlite3_file *file = open_db(db);

    assert_ok(os_lock(file, SQLITE_LOCK_SHARED));
    assert_ok(os_lock(file, SQLITE_LOCK_EXCLUSIVE));

    assert_bytes(db, F_UNLCK, F_UNLCK, F_WRLCK);
    os_close_free(file);
    assert_bytes(db, F_UNLCK, F_UNLCK, F_UNLCK);
}

static void a_reader_in_this_process_leaves_the_writer_pending(void **state)
{
    Db *db = *state;
    sqlite3_file *writer = open_db(db);
    sqlite3_file *reader = open_db(db);
    sqlite3_file *late = open_db(db);

    assert_ok(os_lock(reader, SQLITE_LOCK_SHARED));
    assert_ok(os_lock(writer, SQLITE_LOCK_SHARED));
    assert_ok(os_lock(writer, SQLITE_LOCK_RESERVED));
    assert_rc(SQLITE_BUSY, os_lock(reader, SQLITE_LOCK_RESERVED));
    assert_rc(SQLITE_BUSY, os_lock(writer, SQLITE_LOCK_EXCLUSIVE));
    int level = 0;
    assert_ok(os_control(writer, SQLITE_FCNTL_LOCKSTATE, &level));
    assert_int_equal(level, SQLITE_LOCK_PENDING);
    assert_bytes(db, F_WRLCK, F_WRLCK, F_RDLCK);
    assert_rc(SQLITE_BUSY, os_lock(late, SQLITE_LOCK_SHARED));
    assert_ok(os_unlock(reader, SQLITE_LOCK_NONE));
    assert_bytes(db, F_WRLCK, F_WRLCK, F_RDLCK);
    assert_ok(os_lock(writer, SQLITE_LOCK_EXCLUSIVE));

    os_close_free(writer);
    assert_ok(os_lock(late, SQLITE_LOCK_SHARED));
    os_close_free(late);
    os_close_free(reader);
}

// O4: POSIX drops the process's locks when any descriptor of the file is closed.
static void closing_one_file_keeps_the_locks_of_another(void **state)
{
    Db *db = *state;
    sqlite3_file *reader = open_db(db);
    sqlite3_file *other = open_db(db);
    assert_ok(os_lock(reader, SQLITE_LOCK_SHARED));

    os_close_free(other);
    os_close_free(open_with(db, "unix-none"));

    assert_bytes(db, F_UNLCK, F_UNLCK, F_RDLCK);
    os_close_free(reader);
    assert_bytes(db, F_UNLCK, F_UNLCK, F_UNLCK);
}

static int lowest_free_descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY);
    close(fd);
    return fd;
}

static void descriptors_kept_for_a_lock_are_used_again_and_closed(void **state)
{
    Db *db = *state;
    int before = lowest_free_descriptor();
    sqlite3_file *reader = open_db(db);
    assert_ok(os_lock(reader, SQLITE_LOCK_SHARED));

    for (int i = 0; i < 50; i++)
        os_close_free(open_db(db));

    assert_true(lowest_free_descriptor() <= before + 2);
    os_close_free(reader);
    assert_int_equal(lowest_free_descriptor(), before);
}

static void reserved_is_seen_by_other_files_of_the_process(void **state)
{
    Db *db = *state;
    sqlite3_file *writer = open_db(db);
    sqlite3_file *other = open_db(db);
    bool reserved = true;

    assert_ok(os_check_reserved(other, &reserved));
    assert_false(reserved);
    assert_ok(os_lock(writer, SQLITE_LOCK_SHARED));
    assert_ok(os_lock(writer, SQLITE_LOCK_RESERVED));
    assert_ok(os_check_reserved(other, &reserved));
    assert_true(reserved);
    os_close_free(writer);
    os_close_free(other);
}

typedef struct Held {
    Db *db;
    int level;
} Held;

static int hold_level(Child *self, void *arg)
{
    const Held *held = arg;
    sqlite3_file *file = open_db(held->db);
    int rc = os_lock(file, SQLITE_LOCK_SHARED);
    if (rc == SQLITE_OK && held->level > SQLITE_LOCK_SHARED)
        rc = os_lock(file, held->level);
    child_pause(self);
    os_close_free(file);
    return rc;
}

static void processes_exclude_each_other_by_the_table_of_levels(void **state)
{
    Db *db = *state;
    static const struct {
        int theirs, shared, reserved, exclusive;
    } rows[] = {
        {SQLITE_LOCK_SHARED, SQLITE_OK, SQLITE_OK, SQLITE_BUSY},
        {SQLITE_LOCK_RESERVED, SQLITE_OK, SQLITE_BUSY, SQLITE_BUSY},
        {SQLITE_LOCK_EXCLUSIVE, SQLITE_BUSY, SQLITE_BUSY, SQLITE_BUSY},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        Held held = {db, rows[i].theirs};
        Child child;
        child_start(&child, hold_level, &held);
        sqlite3_file *file = open_db(db);

        assert_rc(rows[i].shared, os_lock(file, SQLITE_LOCK_SHARED));
        if (rows[i].shared == SQLITE_OK) {
            bool reserved = false;
            assert_ok(os_check_reserved(file, &reserved));
            assert_int_equal(reserved, rows[i].reserved == SQLITE_BUSY);
            assert_rc(rows[i].reserved, os_lock(file, SQLITE_LOCK_RESERVED));
            assert_rc(rows[i].exclusive, os_lock(file, SQLITE_LOCK_EXCLUSIVE));
        }

        os_close_free(file);
        assert_int_equal(child_finish(&child), SQLITE_OK);
    }
}

static void a_writer_in_another_process_is_not_starved_by_readers(void **state)
{
    Db *db = *state;
    sqlite3_file *reader = open_db(db);
    assert_ok(os_lock(reader, SQLITE_LOCK_SHARED));
    sqlite3_file *writer = open_db(db);
    assert_ok(os_lock(writer, SQLITE_LOCK_SHARED));
    assert_ok(os_lock(writer, SQLITE_LOCK_RESERVED));
    assert_rc(SQLITE_BUSY, os_lock(writer, SQLITE_LOCK_EXCLUSIVE));

    Held held = {db, SQLITE_LOCK_SHARED};
    Child child;
    child_start(&child, hold_level, &held);

    assert_int_equal(child_finish(&child), SQLITE_BUSY);
    os_close_free(writer);
    os_close_free(reader);
}

static void stock_processes_take_part_in_the_protocol(void **state)
{
    Db *db = *state;
    stock_require();
    assert_string_equal(stock_sql(db->name, "CREATE TABLE t(a)"), "");
    pid_t stock = stock_start(db->name, "BEGIN IMMEDIATE; INSERT INTO t VALUES(1)");
    sqlite3_file *file = open_db(db);
    bool reserved = false;

    assert_ok(os_lock(file, SQLITE_LOCK_SHARED));
    assert_ok(os_check_reserved(file, &reserved));
    assert_true(reserved);
    assert_rc(SQLITE_BUSY, os_lock(file, SQLITE_LOCK_RESERVED));
    stock_stop(stock, true);
    assert_ok(os_lock(file, SQLITE_LOCK_RESERVED));
    assert_int_equal(strncmp(stock_sql(db->name, "BEGIN IMMEDIATE"), "error 5", 7), 0);
    assert_ok(os_lock(file, SQLITE_LOCK_EXCLUSIVE));
    assert_int_equal(strncmp(stock_sql(db->name, "SELECT * FROM t"), "error 5", 7), 0);

    os_close_free(file);
    assert_string_equal(stock_sql(db->name, "INSERT INTO t VALUES(2); SELECT a FROM t"), "2");
}

typedef struct Crowd {
    Db *db;
    _Atomic int writers;
    _Atomic int readers;
    _Atomic int collisions; // O2 broken
    _Atomic int writes;
} Crowd;

static void write_once(Crowd *crowd, sqlite3_file *file)
{
    if (os_lock(file, SQLITE_LOCK_RESERVED) != SQLITE_OK)
        return;
    if (os_lock(file, SQLITE_LOCK_EXCLUSIVE) != SQLITE_OK)
        return;
    crowd->collisions += crowd->writers++ != 0 || crowd->readers != 1;
    crowd->writes++;
    crowd->writers--;
}

static void *read_and_write(void *arg)
{
    Crowd *crowd = arg;
    for (int i = 0; i < 300; i++) {
        sqlite3_file *file = NULL;
        if (os_open_new(vfs_find("unix"), crowd->db->name, OPEN_DB, &file, NULL) != SQLITE_OK)
            return NULL;
        if (os_lock(file, SQLITE_LOCK_SHARED) == SQLITE_OK) {
            crowd->readers++;
            crowd->collisions += crowd->writers != 0;
            write_once(crowd, file);
            crowd->readers--;
            (void)os_unlock(file, SQLITE_LOCK_NONE);
        }
        os_close_free(file);
    }
    return crowd;
}

static void threads_exclude_each_other_while_files_come_and_go(void **state)
{
    Db *db = *state;
    Crowd crowd = {.db = db};
    Thread threads[4];
    int before = lowest_free_descriptor();

    for (int i = 0; i < 4; i++)
        assert_ok(thread_start(&threads[i], read_and_write, &crowd));
    for (int i = 0; i < 4; i++)
        assert_ptr_equal(thread_join(&threads[i]), &crowd);

    assert_int_equal(crowd.collisions, 0);
    assert_true(crowd.writes > 0);
    assert_int_equal(lowest_free_descriptor(), before);
    assert_bytes(db, F_UNLCK, F_UNLCK, F_UNLCK);
}

static void unix_excl_keeps_other_processes_out_for_good(void **state)
{
    Db *db = *state;
    sqlite3_file *file = open_with(db, "unix-excl");
    assert_ok(os_lock(file, SQLITE_LOCK_SHARED));
    assert_ok(os_lock(file, SQLITE_LOCK_RESERVED));
    assert_ok(os_unlock(file, SQLITE_LOCK_NONE));

    Held held = {db, SQLITE_LOCK_SHARED};
    Child child;
    child_start(&child, hold_level, &held);
    assert_int_equal(child_finish(&child), SQLITE_BUSY);

    os_close_free(file);
    assert_bytes(db, F_UNLCK, F_UNLCK, F_UNLCK);
}

static void a_file_without_locks_leaves_the_others_alone(void **state)
{
    Db *db = *state;
    sqlite3_file *reader = open_db(db);
    sqlite3_file *loose = open_with(db, "unix-none");
    assert_ok(os_lock(reader, SQLITE_LOCK_SHARED));

    assert_ok(os_lock(loose, SQLITE_LOCK_SHARED));
    assert_ok(os_lock(loose, SQLITE_LOCK_EXCLUSIVE));
    assert_bytes(db, F_UNLCK, F_UNLCK, F_RDLCK);
    os_close_free(loose);

    assert_bytes(db, F_UNLCK, F_UNLCK, F_RDLCK);
    os_close_free(reader);
}

static void a_dotfile_lock_is_a_directory(void **state)
{
    Db *db = *state;
    sqlite3_file *file = open_with(db, "unix-dotfile");
    sqlite3_file *other = open_with(db, "unix-dotfile");
    const char *lock = scratch_path(&db->scratch, "a.db.lock");

    assert_ok(os_lock(file, SQLITE_LOCK_SHARED));
    assert_int_equal(access(lock, F_OK), 0);
    assert_rc(SQLITE_BUSY, os_lock(other, SQLITE_LOCK_SHARED));
    assert_ok(os_lock(file, SQLITE_LOCK_EXCLUSIVE));
    assert_ok(os_unlock(file, SQLITE_LOCK_NONE));
    assert_int_equal(access(lock, F_OK), -1);
    assert_ok(os_lock(other, SQLITE_LOCK_SHARED));
    os_close_free(other);
    assert_int_equal(access(lock, F_OK), -1);
    os_close_free(file);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
TEST_SUITE(lock, ON_DISK(each_level_holds_the_bytes_of_the_protocol),
           ON_DISK(recovery_climbs_to_exclusive_without_pending),
           ON_DISK(a_reader_in_this_process_leaves_the_writer_pending),
           ON_DISK(closing_one_file_keeps_the_locks_of_another),
           ON_DISK(descriptors_kept_for_a_lock_are_used_again_and_closed),
           ON_DISK(reserved_is_seen_by_other_files_of_the_process),
           ON_DISK(processes_exclude_each_other_by_the_table_of_levels),
           ON_DISK(a_writer_in_another_process_is_not_starved_by_readers),
           ON_DISK(stock_processes_take_part_in_the_protocol),
           ON_DISK(threads_exclude_each_other_while_files_come_and_go),
           ON_DISK(unix_excl_keeps_other_processes_out_for_good),
           ON_DISK(a_file_without_locks_leaves_the_others_alone),
           ON_DISK(a_dotfile_lock_is_a_directory))
