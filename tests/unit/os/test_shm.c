// The wal-index: regions, slots and the dead man's switch, looked at from other processes.
#include "base/alloc.h"
#include "os/filename.h"
#include "os/os.h"
#include "support/process.h"
#include "support/stock.h"
#include "support/test.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    SLOT_BYTE = 120,
    SWITCH_BYTE = 128,
    OPEN_DB = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MAIN_DB,
    LOCK_SHARED = SQLITE_SHM_LOCK | SQLITE_SHM_SHARED,
    LOCK_EXCLUSIVE = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE,
    UNLOCK_SHARED = SQLITE_SHM_UNLOCK | SQLITE_SHM_SHARED,
    UNLOCK_EXCLUSIVE = SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE,
};

typedef struct Db {
    Scratch scratch;
    char *name;
    char shm[160];
} Db;

static int set_up(void **state)
{
    Db *db = calloc(1, sizeof *db);
    assert_ok(os_init());
    scratch_begin(&db->scratch);
    db->name = filename_new(scratch_path(&db->scratch, "a.db"), "", "", 0, NULL);
    snprintf(db->shm, sizeof db->shm, "%s-shm", db->name);
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

static sqlite3_file *open_db(Db *db)
{
    sqlite3_file *file = NULL;
    assert_ok(os_open_new(vfs_find("unix"), db->name, OPEN_DB, &file, NULL));
    return file;
}

static volatile char *map(sqlite3_file *file, int index)
{
    volatile void *region = NULL;
    assert_ok(os_shm_map(file, index, true, &region));
    assert_non_null((void *)region);
    return region;
}

static void regions_are_shared_within_the_process(void **state)
{
    Db *db = *state;
    sqlite3_file *a = open_db(db);
    sqlite3_file *b = open_db(db);

    map(a, 0)[1000] = 'q';
    map(a, 2)[5] = 'r';

    assert_int_equal(map(b, 0)[1000], 'q');
    assert_int_equal(map(b, 2)[5], 'r');
    struct stat status;
    assert_int_equal(stat(db->shm, &status), 0);
    assert_int_equal(status.st_size, 3 * SHM_REGION_SIZE);
    os_close_free(a);
    os_close_free(b);
}

static void a_region_beyond_the_end_is_absent_unless_asked_to_extend(void **state)
{
    Db *db = *state;
    sqlite3_file *file = open_db(db);
    volatile void *region = file;

    assert_ok(os_shm_map(file, 0, false, &region));
    assert_null((void *)region);
    map(file, 0);
    assert_ok(os_shm_map(file, 0, false, &region));
    assert_non_null((void *)region);
    os_close_free(file);
}

static void the_last_one_out_deletes_the_file_when_told_to(void **state)
{
    Db *db = *state;
    sqlite3_file *a = open_db(db);
    sqlite3_file *b = open_db(db);
    map(a, 0);
    map(b, 0);

    assert_ok(os_shm_unmap(a, true));
    assert_int_equal(access(db->shm, F_OK), 0);
    assert_ok(os_shm_unmap(b, true));
    assert_int_equal(access(db->shm, F_OK), -1);
    os_close_free(a);
    os_close_free(b);
}

static void slots_are_bytes_from_120_and_the_switch_is_128(void **state)
{
    Db *db = *state;
    sqlite3_file *file = open_db(db);
    map(file, 0);

    assert_int_equal(foreign_lock(db->shm, SWITCH_BYTE, 1), F_RDLCK);
    assert_int_equal(foreign_lock(db->shm, SLOT_BYTE, 8), F_UNLCK);
    assert_ok(os_shm_lock(file, SHM_SLOT_WRITE, 1, LOCK_EXCLUSIVE));
    assert_ok(os_shm_lock(file, SHM_SLOT_READ0 + 1, 1, LOCK_SHARED));
    assert_int_equal(foreign_lock(db->shm, SLOT_BYTE, 1), F_WRLCK);
    assert_int_equal(foreign_lock(db->shm, SLOT_BYTE + 4, 1), F_RDLCK);
    assert_int_equal(foreign_lock(db->shm, SLOT_BYTE + 1, 3), F_UNLCK);
    assert_ok(os_shm_lock(file, SHM_SLOT_WRITE, 1, UNLOCK_EXCLUSIVE));
    assert_int_equal(foreign_lock(db->shm, SLOT_BYTE, 1), F_UNLCK);
    os_close_free(file);
    assert_int_equal(foreign_lock(db->shm, SLOT_BYTE, 9), F_UNLCK);
}

static void slots_are_counted_between_connections_of_the_process(void **state)
{
    Db *db = *state;
    sqlite3_file *a = open_db(db);
    sqlite3_file *b = open_db(db);
    map(a, 0);
    map(b, 0);
    int slot = SHM_SLOT_READ0;

    assert_ok(os_shm_lock(a, slot, 1, LOCK_SHARED));
    assert_ok(os_shm_lock(b, slot, 1, LOCK_SHARED));
    assert_ok(os_shm_lock(a, slot, 1, UNLOCK_SHARED));
    assert_int_equal(foreign_lock(db->shm, SLOT_BYTE + slot, 1), F_RDLCK);
    assert_rc(SQLITE_BUSY, os_shm_lock(a, slot, 1, LOCK_EXCLUSIVE));
    assert_rc(SQLITE_BUSY, os_shm_lock(a, 0, SHM_SLOT_COUNT, LOCK_EXCLUSIVE));
    assert_int_equal(foreign_lock(db->shm, SLOT_BYTE, 3), F_UNLCK);
    assert_ok(os_shm_lock(b, slot, 1, UNLOCK_SHARED));
    assert_ok(os_shm_lock(a, 0, SHM_SLOT_COUNT, LOCK_EXCLUSIVE));
    assert_rc(SQLITE_BUSY, os_shm_lock(b, slot, 1, LOCK_SHARED));
    assert_rc(SQLITE_BUSY, os_shm_lock(b, slot, 1, LOCK_EXCLUSIVE));
    os_close_free(a);
    assert_ok(os_shm_lock(b, slot, 1, LOCK_EXCLUSIVE));
    os_close_free(b);
}

static int hold_slot(Child *self, void *arg)
{
    sqlite3_file *file = open_db(arg);
    volatile char *region = map(file, 0);
    region[2000] = 'z';
    int rc = os_shm_lock(file, SHM_SLOT_READ0, 1, LOCK_SHARED);
    child_pause(self);
    os_close_free(file);
    return rc;
}

// Forks before the parent opens anything, as an unrelated process would be.
static int hold_slot_later(Child *self, void *arg)
{
    child_pause(self);
    return hold_slot(self, arg);
}

static void processes_share_regions_and_slots(void **state)
{
    Db *db = *state;
    Child child;
    child_start(&child, hold_slot, db);
    sqlite3_file *file = open_db(db);

    assert_int_equal(map(file, 0)[2000], 'z');
    assert_rc(SQLITE_BUSY, os_shm_lock(file, SHM_SLOT_READ0, 1, LOCK_EXCLUSIVE));
    assert_ok(os_shm_lock(file, SHM_SLOT_READ0, 1, LOCK_SHARED));
    int external = 0;
    assert_ok(os_control(file, SQLITE_FCNTL_EXTERNAL_READER, &external));
    assert_true(external);
    assert_int_equal(child_finish(&child), SQLITE_OK);
    assert_ok(os_control(file, SQLITE_FCNTL_EXTERNAL_READER, &external));
    assert_false(external);
    os_close_free(file);
}

// O8
static void leftovers_of_a_crash_are_cut_off_by_the_first_to_come(void **state)
{
    Db *db = *state;
    FILE *stale = fopen(db->shm, "w");
    for (int i = 0; i < SHM_REGION_SIZE; i++)
        fputc('s', stale);
    fclose(stale);
    sqlite3_file *file = open_db(db);

    volatile void *region = file;
    assert_ok(os_shm_map(file, 0, false, &region));
    assert_null((void *)region);

    assert_int_equal(map(file, 0)[100], 0);
    os_close_free(file);
}

static void a_read_only_wal_index_nobody_has_open_is_not_believed(void **state)
{
    Db *db = *state;
    FILE *stale = fopen(db->shm, "w");
    fputs("stale", stale);
    fclose(stale);
    Child child;
    child_start(&child, hold_slot_later, db);
    const char *const parameters[] = {"readonly_shm", "1"};
    char *name = filename_new(db->name, "", "", 1, parameters);
    sqlite3_file *file = NULL;
    assert_ok(os_open_new(vfs_find(NULL), name, OPEN_DB, &file, NULL));

    volatile void *region = file;
    assert_rc(SQLITE_READONLY_CANTINIT, os_shm_map(file, 0, false, &region));
    assert_null((void *)region);
    child_resume(&child);
    assert_rc(SQLITE_READONLY, os_shm_map(file, 0, false, &region));
    assert_int_equal(((volatile char *)region)[2000], 'z');

    assert_int_equal(child_finish(&child), SQLITE_OK);
    os_close_free(file);
    filename_free(name);
}

static int lowest_free_descriptor(void)
{
    int fd = open("/dev/null", O_RDONLY);
    close(fd);
    return fd;
}

static int open_and_map(Db *db)
{
    sqlite3_file *file = NULL;
    volatile void *region = NULL;
    int rc = os_open_new(vfs_find("unix"), db->name, OPEN_DB, &file, NULL);
    if (rc == SQLITE_OK)
        rc = os_shm_map(file, 3, true, &region);
    os_close_free(file);
    return rc;
}

static void lack_of_memory_leaves_nothing_open(void **state)
{
    Db *db = *state;
    int before = lowest_free_descriptor();
    int failures = 0;
    for (int n = 1;; n++) {
        alloc_fault_arm(n, false);
        int rc = open_and_map(db);
        alloc_fault_arm(0, false);
        assert_int_equal(lowest_free_descriptor(), before);
        if (rc == SQLITE_OK)
            break;
        assert_int_equal(rc, SQLITE_NOMEM);
        failures++;
    }
    assert_true(failures >= 5);
}

static void a_stock_writer_is_seen_in_the_wal_index(void **state)
{
    Db *db = *state;
    stock_require();
    pid_t stock = stock_start(db->name, "PRAGMA journal_mode=WAL; CREATE TABLE t(a);"
                                        "BEGIN IMMEDIATE; INSERT INTO t VALUES(1)");
    sqlite3_file *file = open_db(db);
    volatile void *region = NULL;

    assert_ok(os_shm_map(file, 0, false, &region));
    assert_non_null((void *)region);
    assert_int_equal(*(volatile u32 *)region, 3007000); // the format's version
    assert_rc(SQLITE_BUSY, os_shm_lock(file, SHM_SLOT_WRITE, 1, LOCK_EXCLUSIVE));
    assert_ok(os_shm_lock(file, SHM_SLOT_CHECKPOINT, 1, LOCK_EXCLUSIVE));
    stock_stop(stock, true);
    assert_ok(os_shm_lock(file, SHM_SLOT_WRITE, 1, LOCK_EXCLUSIVE));
    assert_int_equal(strncmp(stock_sql(db->name, "INSERT INTO t VALUES(1)"), "error 5", 7), 0);

    os_close_free(file);
    assert_string_equal(stock_sql(db->name, "INSERT INTO t VALUES(1); SELECT count(*) FROM t"),
                        "1");
}

static void the_file_takes_the_database_permissions(void **state)
{
    Db *db = *state;
    sqlite3_file *file = open_db(db);
    assert_int_equal(chmod(db->name, 0660), 0);

    map(file, 0);

    struct stat status;
    assert_int_equal(stat(db->shm, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    os_close_free(file);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
TEST_SUITE(shm, ON_DISK(regions_are_shared_within_the_process),
           ON_DISK(a_region_beyond_the_end_is_absent_unless_asked_to_extend),
           ON_DISK(the_last_one_out_deletes_the_file_when_told_to),
           ON_DISK(slots_are_bytes_from_120_and_the_switch_is_128),
           ON_DISK(slots_are_counted_between_connections_of_the_process),
           ON_DISK(processes_share_regions_and_slots),
           ON_DISK(leftovers_of_a_crash_are_cut_off_by_the_first_to_come),
           ON_DISK(a_read_only_wal_index_nobody_has_open_is_not_believed),
           ON_DISK(lack_of_memory_leaves_nothing_open),
           ON_DISK(a_stock_writer_is_seen_in_the_wal_index),
           ON_DISK(the_file_takes_the_database_permissions))
